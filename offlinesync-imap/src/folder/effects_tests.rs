//! Flags, removals and moves: what is sent, and which messages a refusal is about.

use super::*;
use crate::commands::store;
use crate::script::Script;
use offlinesync_core::{FlagChange, FlagSupport, Flags, KeywordSupport, SystemFlags};

fn uids(numbers: &[u32]) -> Vec<Uid> {
    numbers.iter().filter_map(|number| Uid::new(*number)).collect()
}

fn change(uid: u32, add: &[&str], remove: &[&str]) -> FlagChange {
    let flags = |names: &[&str]| Flags::from_imap(names.iter().copied());
    FlagChange { id: MessageId::Uid(Uid::new(uid).unwrap()), add: flags(add), remove: flags(remove) }
}

fn play(capabilities: &str, exchange: &mut dyn Exchange, script: &str) {
    let mut script = Script::new(capabilities, script);
    script.run(exchange).unwrap();
    script.finish();
}

fn told(failures: Failures) -> Vec<String> {
    failures.into_iter().map(|(_, error)| error.to_string()).collect()
}

#[test]
fn equal_changes_share_a_command_and_a_refusal_is_about_its_messages() {
    let changes = [
        change(1, &["\\Seen"], &[]),
        change(5, &["\\Seen", "work"], &["\\Flagged"]),
        change(2, &["\\Seen"], &[]),
        change(9, &[], &["\\Flagged"]),
        change(3, &["\\Seen"], &[]),
    ];
    let commands = store::changes(&changes, &FlagSupport::default());
    let mut flags = FlagChanges::new(commands);
    play(
        "ESEARCH",
        &mut flags,
        "= exists 9
         > UID STORE 5 +FLAGS.SILENT (\\Seen work)
         > UID STORE 1:3 +FLAGS.SILENT (\\Seen)
         > UID STORE 5,9 -FLAGS.SILENT (\\Flagged)
         > UID SEARCH RETURN (ALL) UID 1:3,5,9
         < 0 NO too many keywords
         < 1 OK done
         < 2 OK done
         < * ESEARCH (TAG \"3\") UID ALL 1:2,5,9
         < 3 OK done",
    );
    let expected =
        ["message 3 is gone", "message 5: its flags were not changed: the server answered: NO too many keywords"];
    assert_eq!(told(flags.failures()), expected);
}

#[test]
fn flags_that_the_folder_cannot_keep_are_left_out() {
    let support =
        FlagSupport { system: SystemFlags::SEEN, keywords: KeywordSupport::Only(["ok"].into_iter().collect()) };
    let changes = [change(1, &["\\Seen", "\\Draft", "work"], &[]), change(2, &["$Forwarded"], &["OK", "other"])];
    let sent: Vec<String> = store::changes(&changes, &support).iter().map(|(c, _)| crate::script::text(c)).collect();
    assert_eq!(sent, ["UID STORE 1 +FLAGS.SILENT (\\Seen)", "UID STORE 2 -FLAGS.SILENT (OK)"]);
}

#[test]
fn long_uid_sets_are_split() {
    let changes: Vec<FlagChange> = (0..2000).map(|n| change(1_000_000 + 2 * n, &["\\Seen"], &[])).collect();
    let sent = store::changes(&changes, &FlagSupport::default());
    assert!(sent.len() > 3 && sent.iter().all(|(command, _)| crate::script::text(command).len() < 3100));
    assert_eq!(sent.iter().map(|(_, uids)| uids.len()).sum::<usize>(), 2000);
}

fn transfer_of(numbers: &[u32], capabilities: &str, script: &str) -> Result<Vec<(u32, u32)>> {
    let mut transfer = Transfer::new(uids(numbers), FolderName::from("to"), NameForm::default());
    play(capabilities, &mut transfer, script);
    Ok(transfer.finish()?.into_iter().map(|(from, to)| (from.get(), to.get())).collect())
}

#[test]
fn a_move_is_one_command_and_tells_where_the_messages_went() {
    let moved = transfer_of(
        &[3, 4, 9],
        "MOVE UIDPLUS",
        "= exists 9
         > UID MOVE 3:4,9 \"to\"
         < * OK [COPYUID 8 3:4 100:101] moved
         < * 3 EXPUNGE
         < 0 OK done",
    );
    assert_eq!(moved.unwrap(), [(3, 100), (4, 101)], "9 was not there");
}

#[test]
fn a_copyuid_that_cannot_be_true_names_nothing() {
    for lie in ["3:4 100", "3 100:101", "7 100", "1:4294967295 1:4294967295"] {
        let script = format!("= exists 9\n> UID MOVE 3:4 \"to\"\n< 0 OK [COPYUID 8 {lie}] moved");
        assert_eq!(transfer_of(&[3, 4], "MOVE", &script).unwrap(), [], "{lie}");
    }
}

#[test]
fn without_move_messages_are_copied_and_only_named_copies_count() {
    let moved = transfer_of(
        &[3, 4],
        "UIDPLUS",
        "= exists 9
         > UID COPY 3:4 \"to\"
         < 0 OK [COPYUID 8 3 100] one of them was gone",
    );
    assert_eq!(moved.unwrap(), [(3, 100)]);
    let unnamed = transfer_of(&[3], "UIDPLUS", "= exists 9\n> UID COPY 3 \"to\"\n< 0 OK done");
    assert_eq!(unnamed.unwrap(), []);
}

#[test]
fn a_refused_move_is_an_error() {
    let script = "= exists 9\n> UID MOVE 3 \"to\"\n< 0 NO [TRYCREATE] no such mailbox";
    assert_eq!(transfer_of(&[3], "MOVE", script).unwrap_err().kind(), ErrorKind::Folder);
}

#[test]
fn a_command_that_met_a_message_just_removed_is_repeated_once() {
    let script = "= exists 9
         > UID MOVE 3:4 \"to\"
         < * 3 EXPUNGE
         < 0 NO [EXPUNGEISSUED] some are gone
         > UID MOVE 3:4 \"to\"
         < * OK [COPYUID 8 4 100] moved
         < 1 OK done";
    assert_eq!(transfer_of(&[3, 4], "MOVE", script).unwrap(), [(4, 100)]);
}

#[test]
fn a_message_removed_by_another_at_this_moment_is_a_failure_of_its_own() {
    for (capabilities, said) in [
        ("ESEARCH QRESYNC", "< * VANISHED 3\n< 0 OK done"),
        (
            "ESEARCH",
            "< * 3 EXPUNGE\n< 0 OK done\n> UID SEARCH RETURN (ALL) UID 3:4\n< * ESEARCH (TAG \"2\") UID ALL 4\n< 2 OK done",
        ),
    ] {
        let commands =
            store::changes(&[change(3, &["\\Seen"], &[]), change(4, &["\\Seen"], &[])], &FlagSupport::default());
        let mut flags = FlagChanges::new(commands);
        // The search knows nothing of it yet, and its end comes before the end of the command sent earlier.
        let script = format!(
            "= exists 9
             > UID STORE 3:4 +FLAGS.SILENT (\\Seen)
             > UID SEARCH RETURN (ALL) UID 3:4
             < * ESEARCH (TAG \"1\") UID ALL 3:4
             < 1 OK done
             {said}"
        );
        play(capabilities, &mut flags, &script);
        assert_eq!(told(flags.failures()), ["message 3 is gone"], "{capabilities}");
    }
}
