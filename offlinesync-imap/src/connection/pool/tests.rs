//! The pool against the in-memory server: what is sent, on how many connections, and what failures mean.

use super::*;
use crate::codec::decoder::Item;
use crate::codec::response::{Condition, Response, Tagged};
use crate::config::Secret;
use crate::connection::{Command, Mailbox, Part};
use crate::testing::server::{Action, Options, Server};
use offlinesync_core::{FolderName, UidValidity};

fn config(server: &Server) -> ImapConfig {
    let password = || Ok(Secret::new("pw".into()));
    ImapConfig::new("test", server.host(), "u1", password).port(Some(server.port())).tls(Tls::None)
}

fn pool(server: &Server) -> Pool {
    Pool::new(Arc::new(config(server)))
}

/// Sends commands of plain words and keeps what comes back.
#[derive(Default)]
struct Talk {
    words: Vec<String>,
    then: Vec<String>,
    items: Vec<String>,
    body: Vec<u8>,
    ended: Vec<(usize, Condition)>,
    selected: Option<Mailbox>,
    selected_calls: usize,
}

impl Talk {
    fn new(words: &[&str]) -> Self {
        Talk { words: words.iter().map(|w| (*w).to_owned()).collect(), ..Talk::default() }
    }

    fn then(mut self, words: &[&str]) -> Self {
        self.then = words.iter().map(|w| (*w).to_owned()).collect();
        self
    }
}

fn command(words: &str) -> Command {
    Command { parts: vec![Part::Text(words.as_bytes().to_vec())] }
}

impl Exchange for Talk {
    fn commands(&mut self, _: &SessionView) -> Result<Vec<Command>> {
        Ok(self.words.iter().map(|words| command(words)).collect())
    }

    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        assert!(self.ended.is_empty());
        self.selected_calls += 1;
        self.selected = Some(mailbox.clone());
        Ok(())
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        match item {
            Item::Response(Response::Data(data)) => self.items.push(format!("{data:?}")),
            Item::BodyData(data) => self.body.extend_from_slice(data),
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        self.ended.push((index, tagged.status.condition));
        Ok(std::mem::take(&mut self.then).iter().map(|words| command(words)).collect())
    }
}

fn inbox() -> FolderName {
    FolderName::from("INBOX")
}

fn names(server: &Server) -> Vec<String> {
    server.commands().into_iter().map(|received| received.name).collect()
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
        names(&server).ends_with(&[
            "AUTHENTICATE".into(),
            "ENABLE".into(),
            "SELECT".into(),
            "UID FETCH".into(),
            "NOOP".into()
        ]),
        "{:?}",
        names(&server)
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
    assert_eq!(names(&server).iter().filter(|name| *name == "SELECT").count(), 2);
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
    assert!(!names(&server).contains(&"UID EXPUNGE".to_owned()));
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
    let attempts = names(&server).iter().filter(|name| *name == "AUTHENTICATE").count();
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
