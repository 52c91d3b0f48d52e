//! The conformance suite of a status store: what every [`StatusStore`] must do. Panics at the first thing that is not so.

#![allow(clippy::unwrap_used, reason = "a test suite fails by panicking")]

use crate::error::{Error, ErrorKind};
use crate::flags::Flags;
use crate::message::{ContentId, MessageId, PerSide, Side, Uid, UidValidity};
use crate::repository::Cursor;
use crate::status::{Batch, FolderPair, FolderRecord, FolderStatus, Intent, KnownBy, Row, StatusStore};
use crate::window::Window;

/// Runs every check, each on a store that `make` has just made, empty.
pub fn check_status_store(make: &mut dyn FnMut() -> Box<dyn StatusStore>) {
    let checks: [fn(&dyn StatusStore); 13] = [
        an_unknown_pair_is_empty_and_not_written,
        rows_are_found_by_either_id,
        rows_come_in_ascending_order_of_the_remote_id,
        many_rows_come_each_once,
        a_row_is_replaced_by_its_remote_id,
        deletes_come_before_upserts,
        a_batch_with_a_taken_local_id_changes_nothing,
        a_failed_first_batch_leaves_no_pair,
        the_record_is_kept_whole,
        intents_are_kept_replaced_and_settled,
        pairs_do_not_see_each_other,
        forgetting_leaves_nothing,
        renaming_keeps_everything,
    ];
    checks.iter().for_each(|check| check(&*make()));
    threads_share_a_store(&*make());
}

/// Checks that what one store wrote, another one sees that `open` opens on the same place after the first is dropped.
pub fn check_persistence(open: &mut dyn FnMut() -> Box<dyn StatusStore>) {
    let batch = Batch {
        upsert: vec![row(1, "a", &["\\Seen", "Work", "b c"]), row(2, "b", &[])],
        record: Some(record()),
        intents: vec![intent(Side::Remote, name("new"))],
        ..Batch::default()
    };
    open().folder(&pair()).unwrap().apply(batch.clone()).unwrap();
    let store = open();
    assert_eq!(store.folders().unwrap(), [(pair(), record(), 2)]);
    let folder = store.folder(&pair()).unwrap();
    assert_eq!(all(&*folder), batch.upsert);
    assert_eq!(folder.intents().unwrap(), batch.intents);
}

/// Checks, on an empty store, that what a side calls a content is kept with the row and goes with it. For stores that keep it at all.
pub fn check_contents(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    let (one, two) = (ContentId::of(b"one", 1), ContentId::from_number(u64::MAX).unwrap());
    let contents =
        |contents: &[(Side, MessageId, ContentId)]| Batch { contents: contents.to_vec(), ..Batch::default() };
    let whole = contents(&[(Side::Remote, uid(1), one), (Side::Local, name("a"), two), (Side::Remote, uid(9), two)]);
    folder.apply(Batch { upsert: vec![row(1, "a", &[]), row(2, "b", &[])], ..whole }).unwrap();
    let of = |folder: &dyn FolderStatus| {
        [(Side::Remote, uid(1)), (Side::Local, name("a")), (Side::Remote, uid(9)), (Side::Remote, uid(2))]
            .map(|(side, id)| folder.content(side, &id).unwrap())
    };
    assert_eq!(of(&*folder), [Some(one), Some(two), None, None]);
    folder.apply(upsert([row(1, "a", &["\\Seen"])])).unwrap();
    assert_eq!(of(&*folder), [Some(one), Some(two), None, None], "flags change nothing about it");
    folder.apply(upsert([row(1, "c", &[])])).unwrap();
    assert_eq!(folder.content(Side::Remote, &uid(1)).unwrap(), Some(one));
    assert_eq!(folder.content(Side::Local, &name("c")).unwrap(), None, "another message on that side");
    folder.apply(contents(&[(Side::Remote, uid(1), two), (Side::Remote, uid(1), two)])).unwrap();
    assert_eq!(of(&*folder), [Some(two), None, None, None]);
    store.rename(&pair(), &other_pair()).unwrap();
    let mut folder = store.folder(&other_pair()).unwrap();
    assert_eq!(of(&*folder), [Some(two), None, None, None]);
    folder.apply(Batch { delete: vec![uid(1)], ..Batch::default() }).unwrap();
    folder.apply(upsert([row(1, "a", &[])])).unwrap();
    assert_eq!(of(&*folder), [None; 4]);
}

fn pair() -> FolderPair {
    PerSide { remote: "INBOX".into(), local: "Inbox".into() }
}

fn other_pair() -> FolderPair {
    PerSide { remote: "INBOX".into(), local: "Archive/2024".into() }
}

fn uid(number: u32) -> MessageId {
    Uid::new(number).unwrap().into()
}

fn name(name: &str) -> MessageId {
    MessageId::Name(name.into())
}

fn row(remote: u32, local: &str, flags: &[&str]) -> Row {
    Row { ids: PerSide { remote: uid(remote), local: name(local) }, base: Flags::from_imap(flags.iter().copied()) }
}

fn record() -> FolderRecord {
    FolderRecord {
        uid_validity: PerSide { remote: Some(UidValidity(u32::MAX)), local: None },
        cursor: PerSide { remote: Some(Cursor(vec![0, 1, 255].into())), local: Some(Cursor(vec![7; 4096].into())) },
        witness: PerSide { remote: None, local: Some(vec![0; 256].into()) },
        window: Window { since: Some(-1), max_octets: Some(1 << 40) },
        identity: PerSide { remote: Some(b"F2212ea87-6097"[..].into()), local: None },
    }
}

fn intent(to: Side, source: MessageId) -> Intent {
    Intent { to, source, known_by: KnownBy::Content { octets: 1 << 40, digest: [255; 32] }, confirmed: false }
}

fn upsert(rows: impl IntoIterator<Item = Row>) -> Batch {
    Batch { upsert: rows.into_iter().collect(), ..Batch::default() }
}

fn all(folder: &dyn FolderStatus) -> Vec<Row> {
    let mut rows = Vec::new();
    folder
        .rows(&mut |row| {
            rows.push(row);
            Ok(())
        })
        .unwrap();
    rows
}

fn an_unknown_pair_is_empty_and_not_written(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    assert_eq!(folder.count().unwrap(), 0);
    assert_eq!(folder.record().unwrap(), FolderRecord::default());
    assert_eq!(all(&*folder), []);
    assert_eq!(folder.row(Side::Local, &name("a")).unwrap(), None);
    assert_eq!(folder.intents().unwrap(), []);
    folder.apply(Batch::default()).unwrap();
    assert_eq!(store.folders().unwrap(), []);
}

fn rows_are_found_by_either_id(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    let rows = [row(3, "c", &["\\Seen", "\\Deleted"]), row(u32::MAX, "1:2,S", &["work", "$Forwarded", "100%"])];
    folder.apply(upsert(rows.clone())).unwrap();
    for row in rows {
        assert_eq!(folder.row(Side::Remote, &row.ids.remote).unwrap(), Some(row.clone()));
        assert_eq!(folder.row(Side::Local, &row.ids.local).unwrap(), Some(row));
    }
    assert_eq!(folder.row(Side::Local, &uid(3)).unwrap(), None);
    assert_eq!(folder.row(Side::Remote, &name("3")).unwrap(), None);
}

fn rows_come_in_ascending_order_of_the_remote_id(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    let ids =
        [uid(1), uid(9), uid(10), uid(u32::MAX), name(""), name("10"), name("9"), name("Z"), name("a"), name("ä")];
    let rows = ids
        .iter()
        .rev()
        .enumerate()
        .map(|(n, id)| Row { ids: PerSide { remote: id.clone(), local: uid(n as u32 + 1) }, base: Flags::default() });
    folder.apply(upsert(rows)).unwrap();
    assert_eq!(all(&*folder).into_iter().map(|row| row.ids.remote).collect::<Vec<_>>(), ids);
}

fn many_rows_come_each_once(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    folder.apply(upsert((1..=5000).map(|n| row(n, &n.to_string(), &[])))).unwrap();
    let ids: Vec<_> = all(&*folder).into_iter().map(|row| row.ids.remote).collect();
    assert_eq!(ids, (1..=5000).map(uid).collect::<Vec<_>>());
    assert_eq!(folder.count().unwrap(), 5000);
    let mut seen = 0;
    let stopped = folder.rows(&mut |_| {
        seen += 1;
        if seen == 3 { Err(Error::cancelled()) } else { Ok(()) }
    });
    assert_eq!((stopped.unwrap_err().kind(), seen), (ErrorKind::Cancelled, 3));
}

fn a_row_is_replaced_by_its_remote_id(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    folder.apply(upsert([row(1, "a", &["x"]), row(2, "b", &[])])).unwrap();
    folder.apply(upsert([row(1, "c", &["\\Seen"]), row(1, "d", &["\\Draft"])])).unwrap();
    assert_eq!(all(&*folder), [row(1, "d", &["\\Draft"]), row(2, "b", &[])]);
    assert_eq!(folder.count().unwrap(), 2);
    assert_eq!(folder.row(Side::Local, &name("a")).unwrap(), None);
    assert_eq!(folder.row(Side::Local, &name("c")).unwrap(), None);
    folder.apply(upsert([row(3, "a", &[])])).unwrap();
    assert_eq!(folder.count().unwrap(), 3);
}

fn deletes_come_before_upserts(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    folder.apply(upsert([row(1, "a", &[]), row(2, "b", &[])])).unwrap();
    let anew = Batch {
        upsert: vec![row(1, "b", &[]), row(7, "a", &[])],
        delete: vec![uid(1), uid(2), uid(99)],
        ..Batch::default()
    };
    folder.apply(anew).unwrap();
    assert_eq!(all(&*folder), [row(1, "b", &[]), row(7, "a", &[])]);
    assert_eq!(folder.count().unwrap(), 2);
}

fn a_batch_with_a_taken_local_id_changes_nothing(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    let before = [row(1, "a", &["one"]), row(2, "b", &[]), row(3, "c", &[])];
    folder.apply(Batch { record: Some(record()), ..upsert(before.clone()) }).unwrap();
    folder.apply(Batch { intents: vec![intent(Side::Local, uid(9))], ..Batch::default() }).unwrap();
    let bad = Batch {
        upsert: vec![row(1, "z", &["two"]), row(4, "d", &["three"]), row(5, "b", &[])],
        delete: vec![uid(3)],
        record: Some(FolderRecord::default()),
        intents: vec![intent(Side::Remote, name("n"))],
        settled: vec![(Side::Local, uid(9))],
        contents: vec![(Side::Remote, uid(1), ContentId::of(b"one", 1))],
    };
    let error = folder.apply(bad).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Folder, "{error}");
    assert!(error.to_string().contains("INBOX"), "{error}");
    assert_eq!(all(&*folder), before);
    assert_eq!(folder.count().unwrap(), 3);
    assert_eq!(folder.record().unwrap(), record());
    assert_eq!(folder.intents().unwrap(), [intent(Side::Local, uid(9))]);
    folder.apply(upsert([row(4, "d", &["three"])])).unwrap();
    assert_eq!(folder.row(Side::Remote, &uid(4)).unwrap(), Some(row(4, "d", &["three"])));
}

fn a_failed_first_batch_leaves_no_pair(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    folder.apply(upsert([row(1, "a", &[]), row(2, "a", &[])])).unwrap_err();
    assert_eq!(store.folders().unwrap(), []);
    folder.apply(upsert([row(2, "a", &[])])).unwrap();
    assert_eq!(store.folders().unwrap(), [(pair(), FolderRecord::default(), 1)]);
}

fn the_record_is_kept_whole(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    folder.apply(Batch { record: Some(record()), ..Batch::default() }).unwrap();
    folder.apply(upsert([row(1, "a", &[])])).unwrap();
    assert_eq!(folder.record().unwrap(), record());
    assert_eq!(store.folders().unwrap(), [(pair(), record(), 1)]);
    folder.apply(Batch { record: Some(FolderRecord::default()), ..Batch::default() }).unwrap();
    assert_eq!(folder.record().unwrap(), FolderRecord::default());
}

fn intents_are_kept_replaced_and_settled(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    let (up, down) = (intent(Side::Remote, name("n")), intent(Side::Local, uid(1)));
    folder.apply(Batch { intents: vec![down.clone(), up.clone()], ..Batch::default() }).unwrap();
    assert_eq!(folder.intents().unwrap(), [up.clone(), down.clone()]);
    let sent = Intent { known_by: KnownBy::Source, confirmed: true, ..up };
    let down = Intent { known_by: KnownBy::Name, ..down };
    folder.apply(Batch { intents: vec![sent.clone(), down.clone()], ..Batch::default() }).unwrap();
    assert_eq!(folder.intents().unwrap(), [sent.clone(), down.clone()]);
    let removed = Intent { known_by: KnownBy::Removed, confirmed: false, ..sent };
    folder.apply(Batch { intents: vec![removed.clone()], ..Batch::default() }).unwrap();
    assert_eq!(folder.intents().unwrap(), [removed, down.clone()]);
    let settled = vec![(Side::Remote, name("n")), (Side::Remote, uid(1))];
    folder.apply(Batch { settled, ..Batch::default() }).unwrap();
    assert_eq!(folder.intents().unwrap(), [down]);
    assert_eq!(folder.count().unwrap(), 0);
}

fn pairs_do_not_see_each_other(store: &dyn StatusStore) {
    let (mut one, mut two) = (store.folder(&pair()).unwrap(), store.folder(&other_pair()).unwrap());
    one.apply(upsert([row(1, "a", &["x"])])).unwrap();
    two.apply(upsert([row(1, "a", &[]), row(2, "b", &[])])).unwrap();
    two.apply(Batch { delete: vec![uid(1)], ..Batch::default() }).unwrap();
    assert_eq!(all(&*one), [row(1, "a", &["x"])]);
    assert_eq!(all(&*two), [row(2, "b", &[])]);
    let counts: Vec<_> = store.folders().unwrap().into_iter().map(|(pair, _, rows)| (pair, rows)).collect();
    assert_eq!(counts, [(other_pair(), 1), (pair(), 1)], "sorted by name");
}

fn forgetting_leaves_nothing(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    let whole =
        Batch { record: Some(record()), intents: vec![intent(Side::Local, uid(1))], ..upsert([row(1, "a", &[])]) };
    folder.apply(whole).unwrap();
    store.folder(&other_pair()).unwrap().apply(upsert([row(5, "e", &[])])).unwrap();
    store.forget(&pair()).unwrap();
    store.forget(&pair()).unwrap();
    is_empty(&*folder);
    folder.apply(upsert([row(1, "a", &["\\Seen"])])).unwrap();
    assert_eq!(all(&*store.folder(&pair()).unwrap()), [row(1, "a", &["\\Seen"])]);
    assert_eq!(all(&*store.folder(&other_pair()).unwrap()), [row(5, "e", &[])]);
}

fn is_empty(folder: &dyn FolderStatus) {
    assert_eq!(folder.count().unwrap(), 0);
    assert_eq!(all(folder), []);
    assert_eq!(folder.record().unwrap(), FolderRecord::default());
    assert_eq!(folder.intents().unwrap(), []);
}

fn renaming_keeps_everything(store: &dyn StatusStore) {
    let mut folder = store.folder(&pair()).unwrap();
    let whole =
        Batch { record: Some(record()), intents: vec![intent(Side::Local, uid(1))], ..upsert([row(1, "a", &["x"])]) };
    folder.apply(whole).unwrap();
    store.rename(&other_pair(), &pair()).unwrap();
    store.rename(&pair(), &pair()).unwrap();
    store.rename(&pair(), &other_pair()).unwrap();
    let renamed = store.folder(&other_pair()).unwrap();
    assert_eq!(all(&*renamed), [row(1, "a", &["x"])]);
    assert_eq!(renamed.intents().unwrap(), [intent(Side::Local, uid(1))]);
    assert_eq!(store.folders().unwrap(), [(other_pair(), record(), 1)]);
    is_empty(&*folder);
    folder.apply(upsert([row(2, "b", &[])])).unwrap();
    assert_eq!(store.rename(&pair(), &other_pair()).unwrap_err().kind(), ErrorKind::Folder);
    assert_eq!(all(&*renamed), [row(1, "a", &["x"])]);
}

fn threads_share_a_store(store: &dyn StatusStore) {
    std::thread::scope(|scope| {
        for thread in 0..8u32 {
            scope.spawn(move || {
                let pair = PerSide { remote: "r".into(), local: thread.to_string().as_str().into() };
                let mut folder = store.folder(&pair).unwrap();
                for number in 1..=20 {
                    folder.apply(upsert([row(number, &number.to_string(), &[&format!("k{number}")])])).unwrap();
                    assert_eq!(folder.count().unwrap(), u64::from(number));
                }
            });
        }
    });
    assert_eq!(store.folders().unwrap().iter().map(|(.., rows)| rows).sum::<u64>(), 160);
    let folder = store.folder(&PerSide { remote: "r".into(), local: "3".into() }).unwrap();
    assert_eq!(all(&*folder), (1..=20).map(|n| row(n, &n.to_string(), &[&format!("k{n}")])).collect::<Vec<_>>());
}
