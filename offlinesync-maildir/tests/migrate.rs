//! `FMD5` in old names becomes that of the translated folder name.

#![allow(clippy::unwrap_used)]

use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::fs;
use std::sync::Arc;

const OLD: &str = "7e33429f656f1e6e9d79b29c3f82c57e"; // INBOX
const NEW: &str = "b5b24d4a0e4e5ff3f6d3c9b6a4c0a0b4";

#[test]
fn names_get_the_digest_of_the_translated_folder_and_nothing_else_changes() {
    let root = tempfile::tempdir().unwrap();
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(root.path().join("INBOX").join(sub)).unwrap();
    }
    let put = |name: &str| fs::write(root.path().join("INBOX/cur").join(name), name).unwrap();
    put(&format!("1.a.host,U=1,FMD5={OLD}:2,S"));
    put(&format!("2.b.host,U=2,FMD5={OLD},X=y:2,"));
    put(&format!("3.c.host,U=3,FMD5={NEW}:2,"));
    put("4.d.host:2,");
    let mut config = MaildirConfig::new("m", root.path());
    config.digest_name = Some(Arc::new(|name: &str| format!("Mail.{name}")));
    let repository = MaildirRepository::new(config).unwrap();
    let before = names(root.path());
    let would = repository.migrate_digests(true).unwrap();
    assert_eq!((would[0].renamed, would[0].left, names(root.path()) == before), (2, 0, true));
    assert_eq!(repository.migrate_digests(false).unwrap(), would);
    let after = names(root.path());
    let digest = after[0].split("FMD5=").nth(1).unwrap()[..32].to_owned();
    assert_ne!(digest, OLD);
    assert_eq!(after[0], format!("1.a.host,U=1,FMD5={digest}:2,S"));
    assert_eq!(after[1], format!("2.b.host,X=y,U=2,FMD5={digest}:2,"));
    assert_eq!(after[2..], before[2..]);
    assert_eq!(repository.migrate_digests(false).unwrap(), []);
    // One of the old digest whose UID is claimed already stays as it is.
    put(&format!("5.e.host,U=1,FMD5={OLD}:2,"));
    assert_eq!(repository.migrate_digests(false).unwrap()[0].left, 1);
    assert!(names(root.path()).contains(&format!("5.e.host,U=1,FMD5={OLD}:2,")));
}

/// mbsync lost its number of the message, and took ours for one that it had given.
#[test]
fn where_mbsync_numbers_messages_its_numbers_stay() {
    let root = tempfile::tempdir().unwrap();
    ["cur", "new", "tmp"].iter().for_each(|sub| fs::create_dir_all(root.path().join("INBOX").join(sub)).unwrap());
    fs::write(root.path().join("INBOX/.uidvalidity"), "1700000000\n12\n").unwrap();
    let put = |name: &str| fs::write(root.path().join("INBOX/cur").join(name), name).unwrap();
    put(&format!("1.a.host,U=12,RU=5,FMD5={OLD}:2,S"));
    put(&format!("2.b.host,U=7,FMD5={OLD}:2,S"));
    let mut config = MaildirConfig::new("m", root.path());
    config.digest_name = Some(Arc::new(|name: &str| format!("Mail.{name}")));
    assert_eq!(MaildirRepository::new(config).unwrap().migrate_digests(false).unwrap()[0].renamed, 2);
    let names = names(root.path());
    let digest = names[0].split("FMD5=").nth(1).unwrap()[..32].to_owned();
    assert_ne!(digest, OLD);
    let wanted = ["1.a.host,U=12,RU=5", "2.b.host,U=7,RU=7"].map(|start| format!("{start},FMD5={digest}:2,S"));
    assert_eq!(names, wanted);
}

/// The status knew the message by all of its name, and took it for removed.
#[test]
fn a_message_that_is_called_by_all_of_its_name_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    ["cur", "new", "tmp"].iter().for_each(|sub| fs::create_dir_all(root.path().join("INBOX").join(sub)).unwrap());
    let wanted = [format!("1.a.host,U=5,FMD5={NEW}:2,S"), format!("1.a.host,U=7,FMD5={OLD}:2,S")];
    wanted.iter().for_each(|name| fs::write(root.path().join("INBOX/cur").join(name), name).unwrap());
    let mut config = MaildirConfig::new("m", root.path());
    config.digest_name = Some(Arc::new(|name: &str| format!("Mail.{name}")));
    let migrated = MaildirRepository::new(config).unwrap().migrate_digests(false).unwrap();
    assert_eq!((migrated[0].renamed, migrated[0].left), (0, 1));
    assert_eq!(names(root.path()), wanted);
}

fn names(root: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root.join("INBOX/cur"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
