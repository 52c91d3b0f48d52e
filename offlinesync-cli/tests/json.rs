//! `json`: lines of a real run. What each event looks like is tested where they are made.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use serde_json::Value;
use support::sandbox::{ACCOUNT, Run, Sandbox};

fn events(run: &Run) -> Vec<Value> {
    run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The names of events, one after the other, without those of single messages.
fn names(events: &[Value]) -> String {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

fn find<'a>(events: &'a [Value], name: &str) -> &'a Value {
    events.iter().find(|event| event["event"] == name).unwrap_or_else(|| panic!("no {name} in {}", names(events)))
}

/// OfflineIMAP #367, #702: what changed, for other programs to read.
#[test]
fn a_run_is_told_in_events_from_hello_to_its_exit_status() {
    let sandbox = Sandbox::new(ACCOUNT);
    let first = sandbox.run(&["-u", "json", "-1"]);
    assert_eq!((first.code, first.err.as_str()), (0, ""));
    let said = events(&first);
    let order = "hello account_opened sync_started folder_paired folder_paired folders_listed folder_started folder_created \
                 folder_read folder_planned message_started message_started octets messages_copied folder_planned \
                 folder_finished folder_started folder_created folder_read folder_planned message_started octets \
                 messages_copied folder_planned folder_finished sync_ended account_closed end";
    assert_eq!(names(&said), order);
    let ended = find(&said, "sync_ended");
    assert_eq!((&ended["copied"]["local"], &ended["exit"]), (&3.into(), &0.into()));
    assert_eq!(find(&said, "message_started")["id"], "1700000002.two.host");
    let quiet = events(&sandbox.run(&["-u", "json"]));
    assert!(quiet.iter().all(|event| event["event"] != "folder_started" || event["folder"] != "Archive"));

    sandbox.deliver("remote/INBOX", "1700000009.nine.host", "Subject: =?utf-8?q?n=C3=A9?=\n\nx\n");
    let dry = events(&sandbox.run(&["-u", "json", "--dry-run", "-d", "maildir"]));
    assert_eq!(find(&dry, "message_planned")["subject"], "n\u{e9}");
    assert_eq!(find(&dry, "sync_started")["dry_run"], true);
    assert_eq!(find(&dry, "debug")["kind"], "maildir");
}

#[test]
fn a_mistake_is_an_event_with_its_hint_and_the_exit_status() {
    let run = Sandbox::new(ACCOUNT).run(&["-u", "json", "-a", "zz"]);
    let said = events(&run);
    assert_eq!((run.code, names(&said).as_str()), (2, "hello error end"));
    assert_eq!(said[1]["kind"], "configuration");
    assert_eq!(said[1]["hint"], "valid accounts are: a");
    assert_eq!(said[2]["exit"], 2);
}
