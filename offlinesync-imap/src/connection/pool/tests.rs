//! The pool against the in-memory server: what is sent, on how many connections, and what failures mean.

use super::super::talk::{Log, Talk, config, inbox};
use super::*;
use crate::codec::response::Condition;
use crate::config::{Secret, Timeouts};
use crate::testing::server::{Action, Options, Server};
use offlinesync_core::{FolderName, UidValidity};

fn pool(server: &Server) -> Pool {
    Pool::new(Arc::new(config(server)))
}

#[test]
fn a_first_exchange_logs_in_enables_and_selects_on_one_connection() {
    let server = Server::start(Options::default());
    server.mailbox("u1", "INBOX").add(b"Subject: x\r\n\r\nbody\r\n", &[]);
    let pool = pool(&server);
    let mut talk = Talk::new(&["UID FETCH 1:* (UID BODY.PEEK[])"]).then(&["NOOP"]);
    pool.run(On::Mailbox { name: &inbox(), fresh: false }, &mut talk).unwrap();
    assert_eq!(talk.body, b"Subject: x\r\n\r\nbody\r\n");
    assert_eq!(talk.ended, [(0, Condition::Ok), (1, Condition::Ok)]);
    assert_eq!((talk.selected_calls, talk.selected.unwrap().exists), (1, 1));
    assert!(
        server.log().ends_with(&[
            "AUTHENTICATE".into(),
            "ENABLE".into(),
            "SELECT".into(),
            "UID FETCH".into(),
            "NOOP".into()
        ]),
        "{:?}",
        server.log()
    );
}

#[test]
fn a_mailbox_that_is_selected_is_not_selected_again_unless_asked() {
    let server = Server::start(Options::default());
    let pool = pool(&server);
    for fresh in [false, false, true] {
        let mut talk = Talk::new(&["NOOP"]);
        pool.run(On::Mailbox { name: &inbox(), fresh }, &mut talk).unwrap();
        assert_eq!(talk.selected_calls, 1);
    }
    assert_eq!(server.log().iter().filter(|name| *name == "SELECT").count(), 2);
}

#[test]
fn a_failed_select_names_the_folder_and_the_connection_goes_on() {
    let server = Server::start(Options::default());
    let pool = pool(&server);
    let gone = FolderName::from("Gone");
    let error = pool.run(On::Mailbox { name: &gone, fresh: false }, &mut Talk::new(&["UID SEARCH ALL"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Folder);
    assert!(error.to_string().contains("\"Gone\""), "{error}");
    pool.run(On::Mailbox { name: &inbox(), fresh: false }, &mut Talk::new(&["UID SEARCH ALL"])).unwrap();
    assert_eq!(server.commands().last().map(|received| received.connection), Some(1));
}

#[test]
fn commands_that_change_are_not_sent_to_a_renumbered_mailbox() {
    let server = Server::start(Options::default());
    let pool = pool(&server);
    let verified = |uid_validity| On::Verified { name: Box::leak(Box::new(inbox())), uid_validity };
    let (now, _, _) = server.mailbox("u1", "INBOX").numbers();
    pool.run(verified(UidValidity(now)), &mut Talk::new(&["UID STORE 1 +FLAGS (\\Seen)"])).unwrap();
    let error = pool.run(verified(UidValidity(now + 1)), &mut Talk::new(&["UID EXPUNGE 1"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Numbering);
    assert!(!server.log().contains(&"UID EXPUNGE".to_owned()));
}

#[test]
fn a_wrong_password_is_tried_once_even_by_many_threads() {
    let server = Server::start(Options::default());
    let wrong = ImapConfig { password: Arc::new(|| Ok(Secret::new("no".into()))), ..config(&server) };
    let pool = Pool::new(Arc::new(wrong));
    let barrier = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                barrier.wait();
                let error = pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Authentication);
                assert!(error.hint().is_some());
            });
        }
    });
    let attempts = server.log().iter().filter(|name| *name == "AUTHENTICATE").count();
    assert!((1..=4).contains(&attempts));
}

#[test]
fn many_threads_share_few_connections_and_every_answer_finds_its_thread() {
    let server = Server::start(Options::default());
    for n in 0..12 {
        server.create("u1", &format!("box{n}"));
        for _ in 0..=n {
            server.mailbox("u1", &format!("box{n}")).add(b"a: b\r\n\r\n", &[]);
        }
    }
    let pool = Pool::new(Arc::new(config(&server).max_connections(2)));
    std::thread::scope(|scope| {
        for n in 0..12u32 {
            let pool = &pool;
            scope.spawn(move || {
                for _ in 0..5 {
                    let name = FolderName::new(format!("box{n}"));
                    let mut talk = Talk::new(&["UID FETCH 1:* (UID FLAGS)", "NOOP"]).then(&["UID SEARCH ALL"]);
                    pool.run(On::Mailbox { name: &name, fresh: n % 2 == 0 }, &mut talk).unwrap();
                    assert_eq!(
                        talk.items.iter().filter(|item| item.starts_with("Fetch")).count(),
                        n as usize + 1,
                        "{:?}",
                        talk.items
                    );
                    assert_eq!(talk.selected.unwrap().exists, n + 1);
                    assert_eq!(talk.ended.len(), 3);
                }
            });
        }
    });
    assert!(server.commands().iter().all(|received| received.connection <= 2));
}

#[test]
fn a_lost_connection_is_an_error_for_everyone_on_it_and_the_next_run_opens_another() {
    let server = Server::start(Options::default());
    let pool = Pool::new(Arc::new(config(&server).max_connections(1)));
    let mut cut = Some(());
    server.on_command(move |received| match received.name.as_str() {
        "UID SEARCH" if cut.take().is_some() => Action::CutAfter(10),
        _ => Action::Continue,
    });
    let error =
        pool.run(On::Mailbox { name: &inbox(), fresh: false }, &mut Talk::new(&["UID SEARCH ALL"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    pool.run(On::Mailbox { name: &inbox(), fresh: false }, &mut Talk::new(&["UID SEARCH ALL"])).unwrap();
}

#[test]
fn a_body_that_is_cut_never_ends() {
    let server = Server::start(Options::default());
    server.mailbox("u1", "INBOX").add(&[b'x'; 5000], &[]);
    let pool = pool(&server);
    server.on_command(|received| if received.name == "UID FETCH" { Action::CutAfter(1000) } else { Action::Continue });
    let mut talk = Talk::new(&["UID FETCH 1 (UID BODY.PEEK[])"]);
    let error = pool.run(On::Mailbox { name: &inbox(), fresh: false }, &mut talk).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!((1..1000).contains(&talk.body.len()) && talk.ended.is_empty());
    assert!(!talk.items.iter().any(|item| item.starts_with("Fetch")), "{:?}", talk.items);
}

#[test]
fn a_silent_server_is_given_up() {
    let server = Server::start(Options::default());
    let timeouts = Timeouts { read: Duration::from_millis(20), ..Timeouts::default() };
    let pool = Pool::new(Arc::new(config(&server).timeouts(timeouts)));
    server.on_command(|received| if received.name == "NOOP" { Action::Stall } else { Action::Continue });
    let error = pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("silent"), "{error}");
}

#[test]
fn cancelling_wakes_everyone() {
    let server = Server::start(Options::default());
    let pool = Pool::new(Arc::new(config(&server).max_connections(1)));
    let cancel = pool.config().cancel.clone();
    server.on_command(move |received| {
        if received.name == "NOOP" {
            cancel.cancel();
            return Action::Stall;
        }
        Action::Continue
    });
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let error = pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Cancelled);
            });
        }
    });
}

#[test]
fn an_idle_connection_that_the_server_has_closed_is_replaced_without_an_error() {
    let server = Server::start(Options::default());
    let pool = pool(&server);
    pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap();
    server.cut_all();
    pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap();
    assert_eq!(server.connections(), 2);
}

#[test]
fn an_exchange_that_fails_leaves_the_connection_to_the_others() {
    let server = Server::start(Options::default());
    for _ in 0..3 {
        server.mailbox("u1", "INBOX").add(&[b'x'; 200_000], &[]);
    }
    let pool = Pool::new(Arc::new(config(&server).max_connections(1)));
    let fetch = "UID FETCH 1:* (UID BODY.PEEK[])";
    for at in ["start", "data", "end", "response", "ended"] {
        std::thread::scope(|scope| {
            let failing = scope.spawn(|| {
                let mut talk = Talk::new(&[fetch, fetch]).failing(at);
                pool.run(On::Mailbox { name: &inbox(), fresh: false }, &mut talk).unwrap_err()
            });
            let mut talk = Talk::new(&[fetch]);
            // The other's failure closes the connection only if nobody else is on it.
            match pool.run(On::Mailbox { name: &inbox(), fresh: false }, &mut talk) {
                Ok(()) => assert_eq!(talk.body.len(), 600_000, "{at}"),
                Err(error) => panic!("{at}: {error}"),
            }
            assert_eq!(failing.join().unwrap().kind(), ErrorKind::Storage);
        });
    }
}

#[test]
fn an_exchange_that_panics_takes_the_connection_with_it_and_nobody_waits_for_ever() {
    struct Panics;
    impl Exchange for Panics {
        fn commands(&mut self, _: &SessionView) -> Result<Vec<crate::connection::Command>> {
            Ok(vec![super::super::talk::command("NOOP")])
        }
        fn item(&mut self, _: crate::codec::decoder::Item<'_>, _: &crate::connection::Mailbox) -> Result<()> {
            Ok(())
        }
        fn ended(
            &mut self,
            _: usize,
            _: crate::codec::response::Tagged,
            _: &crate::connection::Mailbox,
        ) -> Result<Vec<crate::connection::Command>> {
            panic!("on purpose")
        }
    }
    let server = Server::start(Options::default());
    let pool = Pool::new(Arc::new(config(&server).max_connections(1)));
    std::thread::scope(|scope| {
        let panics = scope.spawn(|| pool.run(On::Anywhere, &mut Panics));
        let other = scope.spawn(|| pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])));
        assert!(panics.join().is_err());
        let _ = other.join().unwrap();
    });
    pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap();
}

#[test]
fn a_server_that_allows_fewer_connections_is_content_with_fewer() {
    let server = Server::start(Options::default().connection_limit(1));
    let pool = pool(&server);
    let barrier = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        for n in 0..3 {
            let (pool, barrier) = (&pool, &barrier);
            server.create("u1", &format!("box{n}"));
            scope.spawn(move || {
                barrier.wait();
                let name = FolderName::new(format!("box{n}"));
                for _ in 0..10 {
                    let mut talk = Talk::new(&["UID SEARCH ALL"]);
                    pool.run(On::Mailbox { name: &name, fresh: true }, &mut talk).unwrap();
                }
            });
        }
    });
    assert_eq!(server.count("AUTHENTICATE"), 1);
}

#[test]
fn closing_says_logout_and_the_pool_can_be_used_again() {
    let server = Server::start(Options::default());
    let (send, logged_out) = std::sync::mpsc::channel();
    server.on_command(move |received| {
        if received.name == "LOGOUT" {
            send.send(()).unwrap();
        }
        Action::Continue
    });
    let pool = pool(&server);
    pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap();
    pool.close();
    logged_out.recv_timeout(Duration::from_secs(60)).unwrap();
    pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap();
    assert_eq!(server.connections(), 2);
}

/// OfflineIMAP #481: the password stood in the log.
#[test]
fn a_trace_tells_everything_but_the_password_and_alerts_are_warnings() {
    let server = Server::start(Options::default());
    server.mailbox("u1", "INBOX").add(b"Subject: private\r\n\r\nprivate\r\n", &[]);
    server.on_command(|received| match received.name.as_str() {
        "NOOP" => Action::Insert(b"* OK [ALERT] disk nearly full\r\n".to_vec()),
        _ => Action::Continue,
    });
    let log = Arc::new(Log::default());
    let pool = Pool::new(Arc::new(config(&server).trace(true).observer(log.clone())));
    let mut talk = Talk::new(&["UID FETCH 1 (UID BODY.PEEK[])", "NOOP"]);
    pool.run(On::Mailbox { name: &inbox(), fresh: false }, &mut talk).unwrap();
    let lines = log.0.lock().unwrap().join("\n");
    for expected in [
        "Connecting",
        "not encrypted, PLAIN",
        "> A1 AUTHENTICATE PLAIN ***",
        "SELECT \"INBOX\"",
        "{29}",
        "disk nearly full",
    ] {
        assert!(lines.contains(expected), "{expected} in:\n{lines}");
    }
    assert!(!lines.contains("AHUxAHB3") && !lines.contains("private"), "{lines}");
}

#[test]
fn a_flight_after_login_is_all_that_a_first_exchange_costs() {
    let server = Server::start(Options::default());
    pool(&server).run(On::Mailbox { name: &inbox(), fresh: false }, &mut Talk::new(&["UID SEARCH ALL"])).unwrap();
    // Capabilities (the greeting tells none), login, everything else.
    assert!(server.flights() <= 3, "{} flights: {:?}", server.flights(), server.log());
    assert_eq!(server.violations(), Vec::<String>::new());
}

#[test]
fn a_server_that_has_too_much_to_do_gets_one_connection_less_each_time_but_keeps_one() {
    let server = Server::start(Options::default());
    let pool = Pool::new(Arc::new(config(&server).max_connections(4)));
    let leases: Vec<_> = (0..3).map(|_| pool.lease(0).unwrap()).collect();
    drop(leases);
    server.on_command(|received| match received.name.as_str() {
        "NOOP" => Action::No("[THROTTLED] slowly"),
        _ => Action::Continue,
    });
    for left in [2, 1, 1] {
        let mut talk = Talk::new(&["NOOP"]);
        pool.run(On::Anywhere, &mut talk).unwrap();
        assert_eq!(talk.ended, [(0, Condition::No)]);
        assert_eq!(pool.0.lock().limit, left);
    }
}
