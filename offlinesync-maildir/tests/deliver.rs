//! Delivery: where a message lands, what it is called, and that delivering it again does not double it.

#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use offlinesync_core::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const BASE: &str = "1700000000_17.7.7e33429f";
const CLAIM: &str = ",U=17,FMD5=7e33429f656f1e6e9d79b29c3f82c57e";

#[test]
fn an_unread_message_lands_in_new_and_a_flagged_one_in_cur() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    assert_eq!(deliver(&mut *folder, &uid(17), "", Some(1_700_000_000), "a\n"), name(BASE));
    deliver(&mut *folder, &uid(18), "\\Flagged", None, "b\n");
    assert_eq!(mail.files("INBOX/new"), [format!("{BASE}{CLAIM}")]);
    assert_eq!(mail.files("INBOX/cur"), ["0_18.7.7e33429f,U=18,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,F"]);
    assert!(mail.files("INBOX/tmp").is_empty());
    let set = folder.changes(None, &NothingKnown).unwrap();
    let partner = |uid| Some(Partner { uid: Uid::new(uid).unwrap(), uid_validity: Some(UidValidity(7)) });
    let partners: Vec<_> = set.present.iter().map(|e| e.partner).collect();
    assert_eq!(partners, [partner(18), partner(17)]);
}

#[test]
fn the_file_has_the_content_the_time_and_is_private() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    let content = "Subject: x\n\n".to_owned() + &"line\n".repeat(40_000);
    deliver(&mut *folder, &uid(17), "", Some(1_000_000_000), &content);
    let path = mail.path("INBOX/new").join(&mail.files("INBOX/new")[0]);
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.mtime(), metadata.permissions().mode() & 0o777), (1_000_000_000, 0o600));
    let mut old = mail.folder("old");
    deliver(&mut *old, &uid(1), "", Some(-86_400), "from 1969\n");
    assert_eq!(fetched(&mut *old, &[name("0_1.7.7e33429f")], LineEnding::Lf).got[0].date, Some(-86_400));
}

#[test]
fn delivering_again_finds_the_message_whatever_the_date_says() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    let id = deliver(&mut *folder, &uid(17), "", Some(1_700_000_000), "a\n");
    for date in [None, Some(5), Some(1_700_000_000)] {
        assert_eq!(deliver(&mut *folder, &uid(17), "\\Seen", date, "a\n"), id);
        let mut fresh = mail.folder("INBOX");
        assert_eq!(deliver(&mut *fresh, &uid(17), "\\Seen", date, "a\n"), id);
    }
    assert_eq!(listed(&mut *folder), [(BASE.to_owned(), "\\Seen".to_owned())], "the flags it lacked were added");
}

#[test]
fn a_message_of_the_same_name_but_other_content_is_kept_beside() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    mail.write(&format!("INBOX/cur/{BASE}:2,S"), "edited\n");
    let first = deliver(&mut *folder, &uid(17), "", Some(1_700_000_000), "a\n");
    assert_eq!(first, name(&format!("{BASE}-2")));
    assert_eq!(deliver(&mut *folder, &uid(17), "", Some(1_700_000_000), "a\n"), first, "and found again");
    assert_eq!(listed(&mut *folder).len(), 2);
    assert_eq!(fs::read_to_string(mail.path(&format!("INBOX/cur/{BASE}:2,S"))).unwrap(), "edited\n");
}

#[test]
fn a_file_in_the_way_is_never_replaced() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    listed(&mut *folder);
    let mut intake = folder.intake(&inbox()).unwrap();
    give(&mut *intake, &uid(17), "", Some(1_700_000_000), "a\n");
    mail.write(&format!("INBOX/new/{BASE}{CLAIM}"), "came meanwhile\n");
    let id = intake.commit().unwrap().remove(0).unwrap();
    drop(intake);
    assert_eq!(id, Some(name(&format!("{BASE}-2"))));
    assert_eq!(listed(&mut *folder).len(), 2);
}

#[test]
fn a_group_answers_in_order_and_what_is_discarded_or_dropped_leaves_nothing() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    let mut intake = folder.intake(&inbox()).unwrap();
    for n in 1..=50 {
        give(&mut *intake, &uid(n), if n % 2 == 0 { "\\Seen" } else { "" }, Some(n.into()), &format!("{n}\n"));
        intake.begin(&Outgoing { source: &uid(n + 100), flags: &flags(""), date: None, octets: 9 }).unwrap();
        intake.write(b"half").unwrap();
        intake.discard().unwrap();
    }
    let ids: Vec<MessageId> = intake.commit().unwrap().into_iter().map(|a| a.unwrap().unwrap()).collect();
    let expected: Vec<MessageId> = (1..=50).map(|n| name(&format!("{n}_{n}.7.7e33429f"))).collect();
    assert_eq!(ids, expected);
    assert!(intake.commit().unwrap().is_empty());
    give(&mut *intake, &uid(60), "", None, "dropped");
    intake.begin(&Outgoing { source: &uid(61), flags: &flags(""), date: None, octets: 9 }).unwrap();
    drop(intake);
    assert_eq!(listed(&mut *folder).len(), 50);
    assert!(mail.files("INBOX/tmp").is_empty());
}

#[test]
fn writing_without_a_message_is_an_error_and_no_panic() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    let mut intake = folder.intake(&inbox()).unwrap();
    assert!(intake.write(b"x").is_err());
    assert!(intake.end().is_err());
    assert!(intake.discard().is_ok());
}

#[test]
fn a_named_message_keeps_its_name_if_it_can() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    assert_eq!(deliver(&mut *folder, &name("m1"), "\\Seen", None, "a\n"), name("m1"));
    let odd = deliver(&mut *folder, &name("a/b,c:2,S"), "", None, "b\n");
    let long = deliver(&mut *folder, &name(&"x".repeat(400)), "", None, "c\n");
    let ids: Vec<String> = listed(&mut *folder).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.contains(&odd.to_string()) && ids.contains(&long.to_string()));
}

/// What has the name already may be the copy of another message, which a name does not tell.
#[test]
fn a_name_that_is_taken_is_not_believed_whatever_is_in_the_file() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    let first = deliver(&mut *folder, &name("m1"), "", None, "a\n");
    assert_ne!(deliver(&mut *folder, &name("m1"), "", None, "a\n"), first);
    assert_eq!(listed(&mut *folder).len(), 2);
}

#[test]
fn keywords_get_letters_before_a_file_bears_them() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    deliver(&mut *folder, &uid(1), "\\Seen todo $Forwarded", Some(1), "a\n");
    deliver(&mut *folder, &uid(2), "TODO work", Some(1), "b\n");
    assert_eq!(fs::read_to_string(mail.path("INBOX/dovecot-keywords")).unwrap(), "0 todo\n1 work\n");
    let marks: Vec<String> = listed(&mut *folder).into_iter().map(|(_, flags)| flags).collect();
    assert_eq!(marks, ["$Forwarded \\Seen todo", "todo work"]);
}

#[test]
fn only_old_leftovers_of_ours_are_removed_from_tmp() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    mail.write("INBOX/tmp/1.N2P3Q4.offlinesync", "being written by another run");
    let long_ago = filetime::FileTime::from_unix_time(1_000_000_000, 0);
    filetime::set_file_mtime(mail.path("INBOX/tmp/1.N2P3Q4.offlinesync"), long_ago).unwrap();
    mail.write("INBOX/tmp/foreign", "not ours");
    deliver(&mut *folder, &uid(1), "", None, "a\n");
    assert_eq!(mail.files("INBOX/tmp"), ["1.N2P3Q4.offlinesync", "foreign"]);
}

#[test]
fn without_fsync_everything_else_is_the_same() {
    let mail = Mail::with(|mut config| {
        config.fsync = false;
        config.file_time = false;
        config
    });
    let mut folder = mail.folder("INBOX");
    deliver(&mut *folder, &uid(17), "todo", Some(1_000_000_000), "a\n");
    let path = mail.path("INBOX/cur").join(&mail.files("INBOX/cur")[0]);
    assert!(fs::metadata(path).unwrap().mtime() > 1_500_000_000);
    let got = fetched(&mut *folder, &[name("1000000000_17.7.7e33429f")], LineEnding::Lf).got;
    assert_eq!((got[0].date, &*got[0].content), (None, &b"a\n"[..]));
}

/// Of so many the names are not kept in memory.
#[test]
fn among_very_many_that_were_just_delivered_each_is_found_again() {
    const MANY: u32 = 2500;
    let mail = Mail::with(|mut config| {
        config.fsync = false;
        config
    });
    let mut folder = mail.folder("INBOX");
    let mut intake = folder.intake(&inbox()).unwrap();
    let mut deliver = |uids: &mut dyn Iterator<Item = u32>| -> Vec<MessageId> {
        uids.for_each(|n| give(&mut *intake, &uid(n), "\\Seen", Some(i64::from(n)), &format!("{n}\n")));
        intake.commit().unwrap().into_iter().map(|id| id.unwrap().unwrap()).collect()
    };
    let ids = deliver(&mut (1..=MANY));
    assert_eq!(deliver(&mut [2400, 17, MANY].into_iter()), [&ids[2399], &ids[16], &ids[2499]].map(Clone::clone));
    drop(intake);
    let change = FlagChange { id: ids[2300].clone(), add: flags("\\Flagged"), remove: Flags::default() };
    assert!(folder.store(&[change]).unwrap().is_empty());
    assert!(folder.remove(&ids[2400..]).unwrap().is_empty());
    let left = listed(&mut *folder);
    assert_eq!(left.len(), 2400);
    assert_eq!(left.iter().filter(|(_, flags)| flags == "\\Flagged \\Seen").count(), 1);
}

#[test]
fn a_full_disk_is_told_as_such_and_leaves_the_folder_as_it_was() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    fs::remove_dir(mail.path("INBOX/tmp")).unwrap();
    mail.write("INBOX/tmp", "in the way");
    let error = folder.intake(&inbox()).err().unwrap();
    assert!(error.to_string().contains("INBOX/tmp"), "{error}");
}

#[test]
fn a_message_whose_file_cannot_be_made_is_told_in_its_place_and_no_more_are_taken() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    let mut intake = folder.intake(&inbox()).unwrap();
    give(&mut *intake, &uid(16), "", None, "made\n");
    assert!(intake.commit().unwrap().remove(0).is_ok());
    fs::remove_dir(mail.path("INBOX/tmp")).unwrap();
    mail.write("INBOX/tmp", "in the way");
    (17..20).for_each(|n| give(&mut *intake, &uid(n), "", None, "not made\n"));
    let answers = intake.commit().unwrap();
    assert_eq!(answers.len(), 3);
    answers.iter().for_each(|answer| assert!(answer.as_ref().unwrap_err().to_string().contains("INBOX/tmp/")));
    let next = Outgoing { source: &uid(20), flags: &flags(""), date: None, octets: 9 };
    assert!(intake.begin(&next).unwrap_err().to_string().contains("INBOX/tmp/"));
    drop(intake);
    assert_eq!(listed(&mut *folder).len(), 1);
    fs::remove_file(mail.path("INBOX/tmp")).unwrap();
    (17..21).for_each(|n| drop(deliver(&mut *folder, &uid(n), "", None, "made now\n")));
    assert_eq!(listed(&mut *folder).len(), 5);
}
