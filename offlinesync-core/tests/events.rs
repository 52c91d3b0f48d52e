//! What the engine tells of a run, for those who show it.

#![allow(clippy::unwrap_used)]

use offlinesync_core::sync::Account;
use offlinesync_core::testing::{Knobs, MemoryRepository};
use offlinesync_core::{Cancel, Event, Flags, MemoryStatus, Observer};
use std::sync::{Arc, Mutex};

/// Notes what it is told of folders.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn event(&self, event: &Event<'_>) {
        let note = match event {
            Event::FolderPaired { pair, missing, touched, recorded } => {
                format!("{}: missing {missing:?}, touched {touched}, recorded {recorded}", pair.remote)
            }
            Event::FoldersListed { pairs, touched } => format!("{touched} of {pairs}"),
            Event::FolderRead { pair, messages } => {
                format!("{}: {} remote, {} local", pair.remote, messages.remote, messages.local)
            }
            Event::NumberingChanged { pair, on, .. } => format!("{}: renumbered on the {on} side", pair.remote),
            Event::MessagesMoved { from, to, on, messages, ids } => {
                format!("{messages} moved from {} to {} on the {on} side: {}", from.remote, to.remote, ids.len())
            }
            _ => return,
        };
        self.0.lock().unwrap().push(note);
    }
}

fn mail(n: u32) -> Vec<u8> {
    let head = format!("Message-ID: <{n}@example.org>\r\nSubject: message {n} of the test of events\r\n");
    format!("{head}To: me\r\n\r\nbody {n}\r\n").into_bytes()
}

#[test]
fn a_run_tells_of_every_folder_whether_it_is_looked_at_and_how_many_messages_each_side_has() {
    let remote = MemoryRepository::new("R", Knobs { tells_octets: true, ..Knobs::imap() });
    let local = MemoryRepository::new("L", Knobs { tells_octets: true, ..Knobs::maildir() });
    let status = Arc::new(MemoryStatus::default());
    let sync = || {
        let notes = Notes::default();
        let account = Account::new("A", Arc::new(remote.clone()), Arc::new(local.clone()), status.clone());
        assert!(account.sync(&notes, &Cancel::new()).unwrap().in_step());
        notes.0.into_inner().unwrap()
    };
    remote.add("INBOX", &mail(1), Flags::default());
    remote.add("INBOX", &mail(2), Flags::default());
    remote.add("Sent", &mail(3), Flags::default());
    let first = sync();
    assert_eq!(
        first[..3],
        [
            "INBOX: missing Some(Local), touched true, recorded 0",
            "Sent: missing Some(Local), touched true, recorded 0",
            "2 of 2"
        ]
    );
    assert!(first.contains(&"INBOX: 2 remote, 0 local".to_owned()), "{first:?}");
    assert!(first.contains(&"Sent: 1 remote, 0 local".to_owned()), "{first:?}");

    let (gone, _) = local.mails("INBOX").remove(0);
    local.remove("INBOX", &gone);
    local.add("INBOX", &mail(4), Flags::default());
    local.add("INBOX", &mail(5), Flags::default());
    assert_eq!(
        sync(),
        [
            "INBOX: missing None, touched true, recorded 2",
            "Sent: missing None, touched false, recorded 1",
            "1 of 2",
            "INBOX: 2 remote, 3 local"
        ]
    );
    let (moved, mail) = local.mails("Sent").remove(0);
    local.remove("Sent", &moved);
    local.add("INBOX", &mail.octets, mail.flags);
    let moving = sync();
    assert!(moving.contains(&"1 moved from Sent to INBOX on the remote side: 1".to_owned()), "{moving:?}");
}
