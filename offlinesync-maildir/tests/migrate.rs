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

fn names(root: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root.join("INBOX/cur"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
