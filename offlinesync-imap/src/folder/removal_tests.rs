//! Removals: what is sent, and what is believed of the answer.

use super::*;
use crate::script::Script;
use offlinesync_core::MessageId;

fn uids(numbers: &[u32]) -> Vec<Uid> {
    numbers.iter().filter_map(|number| Uid::new(*number)).collect()
}

fn play(capabilities: &str, removal: &mut Removal, script: &str) {
    let mut script = Script::new(capabilities, script);
    script.run(removal).unwrap();
    script.finish();
}

/// Failures and what is left after one attempt.
fn attempt(numbers: &[u32], expunge: bool, capabilities: &str, script: &str) -> (Vec<String>, Vec<u32>) {
    let mut removal = Removal::new(uids(numbers), expunge);
    play(capabilities, &mut removal, script);
    let Removed { failures, left } = removal.finish();
    let told = |(id, error): (MessageId, Error)| format!("{id}: {error}");
    (failures.into_iter().map(told).collect(), left.into_iter().map(Uid::get).collect())
}

#[test]
fn with_uidplus_exactly_these_messages_are_expunged() {
    let script = "= exists 9
         > UID STORE 3:4,9 +FLAGS.SILENT (\\Deleted)
         > UID EXPUNGE 3:4,9
         > UID SEARCH RETURN (ALL) UID 3:4,9
         < 0 OK done
         < * 3 EXPUNGE
         < 1 OK done
         < * ESEARCH (TAG \"2\") UID
         < 2 OK done";
    assert_eq!(attempt(&[4, 3, 9], true, "UIDPLUS ESEARCH", script), (vec![], vec![]));
}

/// Dovecot said OK to UID EXPUNGE while another client changed the mailbox, and removed nothing. The rows of the messages were
/// deleted, and so they came back as new ones.
#[test]
fn what_a_server_says_it_has_removed_and_has_not_is_left_to_be_removed() {
    let script = "= exists 9
         > UID STORE 3:5 +FLAGS.SILENT (\\Deleted)
         > UID EXPUNGE 3:5
         > UID SEARCH UID 3:5
         < 0 OK done
         < * 2 EXPUNGE
         < 1 OK done
         < * SEARCH 3 5
         < * VANISHED 5
         < 2 OK done";
    assert_eq!(attempt(&[3, 4, 5], true, "UIDPLUS", script), (vec![], vec![3]));
    let script = "= exists 9
         > UID STORE 3 +FLAGS.SILENT (\\Deleted)
         < 0 OK done
         > UID SEARCH DELETED
         < * SEARCH 3
         < 1 OK done
         > EXPUNGE
         < 2 OK done
         > UID SEARCH UID 3
         < * SEARCH 3
         < 3 OK done";
    assert_eq!(attempt(&[3], true, "", script), (vec![], vec![3]));
}

#[test]
fn a_refused_expunge_leaves_the_messages_marked_and_says_so() {
    for said in ["< 0 NO read-only\n< 1 OK done", "< 0 OK done\n< 1 NO not me"] {
        let script = format!(
            "= exists 9\n> UID STORE 3:4 +FLAGS.SILENT (\\Deleted)\n> UID EXPUNGE 3:4\n> UID SEARCH UID 3:4\n{said}\n< * SEARCH 3 4\n< 2 OK done"
        );
        let (failures, left) = attempt(&[3, 4], true, "UIDPLUS", &script);
        assert_eq!((failures.len(), left.len()), (2, 0), "{said}");
    }
}

#[test]
fn without_uidplus_everything_marked_is_expunged_only_if_all_of_it_is_ours() {
    let script = |search: &str, rest: &str| {
        format!(
            "= exists 9
             > UID STORE 3:4 +FLAGS.SILENT (\\Deleted)
             < 0 OK done
             > UID SEARCH DELETED
             < * SEARCH {search}
             < 1 OK done
             {rest}"
        )
    };
    let gone = "> EXPUNGE\n< 2 OK done\n> UID SEARCH UID 3:4\n< * SEARCH\n< 3 OK done";
    assert_eq!(attempt(&[3, 4], true, "", &script("3 4", gone)), (vec![], vec![]));

    let (failures, _) = attempt(&[3, 4], true, "", &script("3 4 7", ""));
    assert_eq!(failures.len(), 2);
    assert!(
        failures[0].contains("marked \\Deleted, but not removed") && failures[0].contains("1 other"),
        "{failures:?}"
    );

    let (failures, _) = attempt(&[3, 4], true, "", &script("3 4", "> EXPUNGE\n< 2 NO no"));
    assert_eq!(failures.len(), 2);
}

#[test]
fn where_nothing_is_expunged_messages_are_marked_and_no_more() {
    let script = "= exists 9\n> UID STORE 3 +FLAGS.SILENT (\\Deleted)\n< 0 OK done";
    assert_eq!(attempt(&[3], false, "UIDPLUS", script), (vec![], vec![]));
}
