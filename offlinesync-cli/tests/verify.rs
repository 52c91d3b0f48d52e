//! `offlinesync verify`: what it says, how it ends, and that it changes nothing.

mod support;

use snapbox::{file, str};
use std::fs;
use support::sandbox::{ACCOUNT, Sandbox};

fn synced() -> Sandbox {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&[]).silent();
    sandbox
}

/// Everything there is but the lock file, which every run writes its number into.
fn everything(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    sandbox.files(".").into_iter().filter(|(name, _)| !name.ends_with(".lock")).collect()
}

#[test]
fn what_is_in_step_is_verified_with_code_0() {
    let sandbox = synced();
    let before = everything(&sandbox);
    let run = sandbox.run(&["verify"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(run.out, "a: 0 differences in 2 folders, 3 messages read on the remote side and 3 on the local side\n");
    assert!(everything(&sandbox) == before);
}

#[test]
fn every_difference_is_told_with_code_1_and_nothing_is_changed() {
    let sandbox = synced();
    fs::remove_file(sandbox.path("local/INBOX/new/1700000001.one.host")).unwrap();
    fs::write(sandbox.path("local/INBOX/new/1700000002.two.host"), "Subject: t\n\nbroken by a disk\n").unwrap();
    fs::rename(
        sandbox.path("local/Sent/cur/1700000003.three.host:2,S"),
        sandbox.path("local/Sent/cur/1700000003.three.host:2,"),
    )
    .unwrap();
    sandbox.deliver("remote/Sent", "1700000004.four.host:2,S", "Subject: four\n\nfourth\n");
    sandbox.deliver("local/Drafts", "1700000005.five.host:2,S", "Subject: five\n\nfifth\n");
    let before = everything(&sandbox);
    let run = sandbox.run(&["verify"]);
    assert_eq!((run.code, run.err.as_str()), (1, ""));
    snapbox::assert_data_eq!(
        run.out,
        str![[r#"
folder 'Drafts': not on the remote side
folder 'INBOX': message 1700000001.one.host of the remote side is missing on the local side, where it was 1700000001.one.host
folder 'INBOX': message 1700000002.two.host (locally 1700000002.two.host) is recorded as one message, but the content differs: 41 octets on the remote side, 32 on the local side
folder 'Sent': message 1700000003.three.host (locally 1700000003.three.host) has the flags (/Seen) on the remote side, () on the local side, (/Seen) when they were last in step
folder 'Sent': message 1700000004.four.host is on the remote side only
a: 5 differences in 2 folders, 4 messages read on the remote side and 2 on the local side

"#]]
    );
    assert!(everything(&sandbox) == before);
    let run = sandbox.run(&["verify", "-f", "Sent"]);
    assert_eq!((run.code, run.out.lines().count()), (1, 3));
}

#[test]
fn what_maxage_leaves_out_is_no_difference() {
    let sandbox = synced();
    sandbox.deliver("remote/INBOX", "1700000004.old.host:2,S", "Subject: old\n\nold\n");
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::open(sandbox.path("remote/INBOX/cur/1700000004.old.host:2,S")).unwrap().set_modified(old).unwrap();
    assert_eq!(sandbox.run(&["verify"]).code, 1);
    let run = sandbox.run(&["verify", "-k", "Account_a:maxage=2005-01-01"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
}

#[test]
fn before_the_first_sync_everything_differs_and_no_store_is_created() {
    let sandbox = Sandbox::new(ACCOUNT);
    let run = sandbox.run(&["verify"]);
    assert_eq!(run.code, 1);
    assert!(run.out.starts_with("folder 'INBOX': not on the local side\n"), "{}", run.out);
    assert!(!sandbox.path("local").exists() && !sandbox.path(".offlineimap").exists());
}

#[test]
fn a_lost_status_is_written_anew_and_the_next_sync_has_nothing_to_do() {
    let sandbox = synced();
    fs::remove_dir_all(sandbox.path(".offlineimap/Account-a")).unwrap();
    let told = sandbox.run(&["verify"]);
    assert_eq!((told.code, told.out.matches("not recorded").count()), (1, 3), "{told:?}");
    let mail = (sandbox.files("local"), sandbox.files("remote"));
    let run = sandbox.run(&["verify", "--repair"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.ends_with("on the local side; 3 rows written, 0 deleted\n"), "{}", run.out);
    assert!(mail == (sandbox.files("local"), sandbox.files("remote")));
    sandbox.run(&["--dry-run"]).out.lines().for_each(|line| assert_eq!(line, "[DRYRUN] a: nothing to do in 2 folders"));
    sandbox.run(&[]).silent();
    assert!(mail == (sandbox.files("local"), sandbox.files("remote")));
}

#[test]
fn a_store_that_is_missing_is_refused_and_a_mistake_is_told() {
    let sandbox = synced();
    fs::rename(sandbox.path("local"), sandbox.path("unmounted")).unwrap();
    let run = sandbox.run(&["verify", "--repair"]);
    assert_eq!(run.code, 3);
    assert!(run.err.contains("is missing though it was synced before"), "{}", run.err);
    assert!(!sandbox.path("local").exists());
    assert_eq!(sandbox.run(&["verify", "--frobnicate"]).code, 2);
    assert_eq!(sandbox.run(&["verify", "-a", "nobody"]).code, 2);
}

#[test]
fn help_is_as_documented() {
    let help = Sandbox::new("").run(&["verify", "--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    snapbox::assert_data_eq!(help.out, file!["snapshots/verify-help.txt"]);
}
