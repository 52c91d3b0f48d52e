//! A line that falls silent: no end is told, nothing comes any more. The connection is given up after `socktimeout`, another one is
//! opened, and the work is completed with nothing lost or doubled.

use crate::house::{House, Setup, imap};
use crate::mail::{deliver, files, to_crlf, to_lf};
use offlinesync_imap::testing::relay::{Fault, Relay, Way};
use offlinesync_imap::testing::server::{Options, Server};
use std::time::Duration;

const THERE: usize = 60;
const HERE: usize = 40;

fn message(place: &str, number: usize) -> Vec<u8> {
    let lines = "a line of a message that is long enough to be cut\r\n".repeat(20);
    format!("Subject: {place} {number}\r\nMessage-ID: <{place}.{number}@example.org>\r\n\r\n{lines}").into_bytes()
}

/// Mail on the server and other mail here, nothing synced.
fn world(options: Options) -> (Server, Relay, House) {
    let server = Server::start(options);
    (0..THERE).for_each(|number| {
        server.mailbox("u1", "INBOX").add(&message("there", number), &[]);
    });
    let relay = Relay::start(server.port(), Duration::ZERO);
    let house = Setup::of(&imap("127.0.0.1", relay.port(), "u1")).general("socktimeout = 1").house();
    for number in 0..HERE {
        deliver(&house.folder("INBOX"), &format!("17{number}.up.host:2,S"), &to_lf(&message("here", number)));
    }
    (server, relay, house)
}

/// Every message of both sides is on both, once.
#[track_caller]
fn assert_whole(server: &Server, house: &House, when: &str) {
    let mut expected: Vec<Vec<u8>> = (0..THERE).map(|number| message("there", number)).collect();
    expected.extend((0..HERE).map(|number| message("here", number)));
    let mut there: Vec<Vec<u8>> = server.mailbox("u1", "INBOX").messages().into_iter().map(|m| m.bytes).collect();
    let mut here: Vec<Vec<u8>> =
        files(&house.folder("INBOX")).into_iter().map(|file| to_crlf(&file.held.bytes)).collect();
    [&mut expected, &mut there, &mut here].into_iter().for_each(|messages| messages.sort());
    assert!(there == expected, "{when}: {} messages on the server", there.len());
    assert!(here == expected, "{when}: {} messages here", here.len());
}

/// One run over lines that fall silent after so many octets, then one over lines that do not. A run that gets on with every line it
/// opens may complete the work.
fn falls_silent(options: Options, way: Way, after: u64) {
    let when = format!("{way:?} {after}");
    let (server, relay, house) = world(options);
    relay.fail([Fault::Stall { way, after }; 20]);
    let run = house.run(&[]);
    let told = run.err.contains("the server was silent for 1 second");
    assert!(run.code == 0 || (matches!(run.code, 1 | 75) && told), "{when}: {run:?}");
    relay.fail([]);
    house.sync();
    assert_whole(&server, &house, &when);
    house.sync();
    assert_whole(&server, &house, &when);
}

fn at_these_places(options: impl Fn() -> Options + Sync, places: &[(Way, u64)]) {
    std::thread::scope(|scope| {
        for (way, after) in places {
            let options = &options;
            scope.spawn(move || falls_silent(options(), *way, *after));
        }
    });
}

/// OfflineIMAP #56, #20; offlineimap3 #117: the program hung for ever after the network had changed or the machine had slept.
#[test]
fn a_line_that_falls_silent_is_given_up_and_the_next_run_completes_the_work() {
    let down = [0, 300, 3_000, 30_000].map(|after| (Way::Down, after));
    at_these_places(Options::default, &down);
    at_these_places(Options::default, &[0, 100, 3_000, 30_000].map(|after| (Way::Up, after)));
}

#[test]
fn a_line_to_a_server_that_tells_no_numbers_may_fall_silent_too() {
    at_these_places(Options::bare, &[(Way::Down, 3_000), (Way::Up, 3_000), (Way::Up, 30_000)]);
}
