//! What a server may say about changes, truthfully or not, and what is made of it. Never `gone` without proof.

use super::changes;
use crate::folder::state::Since;
use crate::script::Script;
use offlinesync_core::{
    ChangeSet, Coverage, Cursor, ErrorKind, FlagSupport, KeywordSupport, Known, Result, SystemFlags, Uid, UidValidity,
};

const QRESYNC: &str = "CONDSTORE QRESYNC ESEARCH";
const CONDSTORE: &str = "CONDSTORE ESEARCH";
const PLAIN: &str = "";

struct Rows(Vec<(u32, u32)>);

impl Known for Rows {
    fn count(&self) -> Result<u64> {
        Ok(self.0.iter().map(|(first, last)| u64::from(last - first) + 1).sum())
    }
    fn uids(&self) -> Result<Vec<(Uid, Uid)>> {
        Ok(self.0.iter().map(|(a, b)| (Uid::new(*a).unwrap(), Uid::new(*b).unwrap())).collect())
    }
}

fn cursor(uid_next: u32, exists: u32, mod_seq: u64) -> Cursor {
    Since { uid_validity: UidValidity(7), uid_next, exists, mod_seq }.cursor()
}

/// Three messages 1, 2 and 3, at mod-sequence 10.
fn three() -> Cursor {
    cursor(4, 3, 10)
}

fn ask(capabilities: &str, since: Option<Cursor>, known: &[(u32, u32)], script: &str) -> Result<ChangeSet> {
    let mut script = Script::new(capabilities, script);
    let result = changes(&mut |exchange| script.run(exchange), since.as_ref(), &Rows(known.to_vec()), false);
    script.finish();
    result.map(|listed| listed.set)
}

fn told(set: &ChangeSet) -> String {
    let present: Vec<String> = set.present.iter().map(|entry| format!("{}({})", entry.id, entry.flags)).collect();
    let gone: Vec<String> = set.gone.iter().map(ToString::to_string).collect();
    format!("{:?}: {}; gone {}", set.coverage, present.join(" "), gone.join(" "))
}

#[track_caller]
fn assert_told(result: Result<ChangeSet>, expected: &str) {
    assert_eq!(told(&result.unwrap()), expected);
}

#[test]
fn nothing_known_lists_everything_and_ends_in_a_cursor() {
    let set = ask(
        QRESYNC,
        None,
        &[],
        "= exists 2 uidnext 9 modseq 50
         > UID FETCH 1:* (UID FLAGS)
         < * 1 FETCH (UID 3 FLAGS (\\Seen work))
         < * 2 FETCH (UID 8 FLAGS ())
         < 0 OK done",
    )
    .unwrap();
    assert_eq!(told(&set), "Complete: 3(\\Seen work) 8(); gone ");
    assert_eq!(set.cursor, Some(cursor(9, 2, 50)));
    assert!(set.witness.unwrap().covers_flags);
    assert_eq!(set.uid_validity, UidValidity(7));
}

#[test]
fn qresync_names_what_is_gone() {
    let result = ask(
        QRESYNC,
        Some(three()),
        &[(1, 3)],
        "= exists 3 uidnext 5 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10 VANISHED)
         < * VANISHED (EARLIER) 2
         < * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (15))
         < * 3 FETCH (UID 4 FLAGS () MODSEQ (20))
         < 0 OK done",
    );
    assert_told(result, "Since: 1(\\Seen) 4(); gone 2");
}

#[test]
fn qresync_may_name_uids_that_never_were_ours() {
    // A server with a short memory names every UID that is not there. 90 and 91 are known and gone; 2 came back in no listing.
    let result = ask(
        QRESYNC,
        Some(cursor(100, 4, 10)),
        &[(5, 5), (7, 7), (90, 91)],
        "= exists 2 uidnext 100 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10 VANISHED)
         < * VANISHED (EARLIER) 1:4,6,8:99
         < 0 OK done",
    );
    assert_told(result, "Since: ; gone 90 91");
}

#[test]
fn a_removal_that_the_count_does_not_confirm_is_looked_into() {
    // Malformed VANISHED: 2 is named, but SELECT says that nothing is missing.
    let result = ask(
        QRESYNC,
        Some(three()),
        &[(1, 3)],
        "= exists 3 uidnext 4 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10 VANISHED)
         < * VANISHED (EARLIER) 2
         < 0 OK done
         ---
         = exists 3 uidnext 4 modseq 20
         > UID SEARCH RETURN (ALL) ALL
         < * ESEARCH (TAG \"0\") UID ALL 1:3
         < 0 OK done",
    );
    assert_told(result, "Since: ; gone ");
}

#[test]
fn a_message_both_gone_and_there_makes_the_delta_worthless() {
    let result = ask(
        QRESYNC,
        Some(three()),
        &[(1, 3)],
        "= exists 2 uidnext 4 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10 VANISHED)
         < * VANISHED (EARLIER) 2
         < * 2 FETCH (UID 2 FLAGS () MODSEQ (15))
         < 0 OK done
         ---
         = exists 2 uidnext 4 modseq 20
         > UID FETCH 1:* (UID FLAGS)
         < * 1 FETCH (UID 1 FLAGS ())
         < * 2 FETCH (UID 2 FLAGS ())
         < 0 OK done",
    );
    assert_told(result, "Complete: 1() 2(); gone ");
}

#[test]
fn a_huge_vanished_set_takes_no_memory() {
    let result = ask(
        QRESYNC,
        Some(three()),
        &[(1, 3)],
        "= exists 0 uidnext 4 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10 VANISHED)
         < * VANISHED (EARLIER) 1:4294967295
         < 0 OK done",
    );
    assert_told(result, "Since: ; gone 1 2 3");
}

#[test]
fn a_message_left_out_does_not_hide_a_removal_left_out() {
    // 4 came and 2 went, the server tells neither: three are three, but UID 4 is not accounted for.
    let result = ask(
        QRESYNC,
        Some(three()),
        &[(1, 3)],
        "= exists 3 uidnext 5 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10 VANISHED)
         < 0 OK done
         ---
         = exists 3 uidnext 5 modseq 20
         > UID SEARCH RETURN (ALL) ALL
         < * ESEARCH (TAG \"0\") UID ALL 1,3:4
         < 0 OK done
         ---
         = exists 3 uidnext 5 modseq 20
         > UID FETCH 1:* (UID FLAGS)
         < * 1 FETCH (UID 1 FLAGS ())
         < * 2 FETCH (UID 3 FLAGS ())
         < * 3 FETCH (UID 4 FLAGS ())
         < 0 OK done",
    );
    assert_told(result, "Complete: 1() 3() 4(); gone ");
}

#[test]
fn without_qresync_equal_numbers_prove_that_nothing_is_gone() {
    let result = ask(
        CONDSTORE,
        Some(three()),
        &[(1, 3)],
        "= exists 4 uidnext 5 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10)
         < * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (12))
         < * 4 FETCH (UID 4 FLAGS () MODSEQ (20))
         < 0 OK done",
    );
    assert_told(result, "Since: 2(\\Seen) 4(); gone ");
}

#[test]
fn without_qresync_missing_messages_are_found_by_their_uids() {
    let script = |answer: &str| {
        format!(
            "= exists 3 uidnext 5 modseq 20
             > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10)
             < * 3 FETCH (UID 4 FLAGS () MODSEQ (20))
             < 0 OK done
             ---
             = exists 3 uidnext 5 modseq 20
             {answer}
             < 0 OK done"
        )
    };
    let extended = script("> UID SEARCH RETURN (ALL) ALL\n< * ESEARCH (TAG \"0\") UID ALL 1,3:4");
    assert_told(ask(CONDSTORE, Some(three()), &[(1, 3)], &extended), "Since: 4(); gone 2");
    let classic = script("> UID SEARCH ALL\n< * SEARCH 4 1 3");
    assert_told(ask("CONDSTORE", Some(three()), &[(1, 3)], &classic), "Since: 4(); gone 2");
}

#[test]
fn a_search_that_is_cut_short_removes_nothing() {
    let error = ask(
        CONDSTORE,
        Some(three()),
        &[(1, 3)],
        "= exists 2 uidnext 4 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10)
         < 0 OK done
         ---
         = exists 2 uidnext 4 modseq 20
         > UID SEARCH RETURN (ALL) ALL
         < * ESEARCH (TAG \"0\") UID ALL 1
         < 0 OK done",
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Folder);
    assert!(error.to_string().contains("told of 1 of its 2 messages"), "{error}");
}

#[test]
fn our_own_upload_that_vanished_before_the_cursor_moved_is_noticed() {
    // 4 was uploaded by a run that stopped before its cursor was saved; somebody has removed it since.
    let result = ask(
        CONDSTORE,
        Some(three()),
        &[(1, 4)],
        "= exists 3 uidnext 5 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10)
         < 0 OK done
         ---
         = exists 3 uidnext 5 modseq 20
         > UID SEARCH RETURN (ALL) ALL
         < * ESEARCH (TAG \"0\") UID ALL 1:3
         < 0 OK done",
    );
    assert_told(result, "Since: ; gone 4");
}

#[test]
fn a_removal_in_this_very_moment_is_looked_into() {
    let result = ask(
        CONDSTORE,
        Some(three()),
        &[(1, 3)],
        "= exists 3 uidnext 4 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10)
         < * 2 EXPUNGE
         < 0 OK done
         ---
         = exists 2 uidnext 4 modseq 21
         > UID SEARCH RETURN (ALL) ALL
         < * ESEARCH (TAG \"0\") UID ALL 1,3
         < 0 OK done",
    )
    .unwrap();
    assert_eq!(told(&result), "Since: ; gone 2");
    assert_eq!(result.cursor, Some(cursor(4, 3, 20)), "the cursor is the state before, so that nothing is skipped");
}

#[test]
fn an_earlier_listing_is_not_gone_on_from_when_numbers_shrink_or_change() {
    let complete = "
         ---
         = exists 1 uidnext 4 modseq 20
         > UID FETCH 1:* (UID FLAGS)
         < * 1 FETCH (UID 1 FLAGS ())
         < 0 OK done";
    for state in [
        "exists 1 uidnext 4 modseq 9",
        "exists 1 uidnext 3 modseq 20",
        "exists 1 uidnext 4 modseq 0",
        "exists 1 uidnext 4",
        "exists 1 modseq 20",
        "exists 1 uidnext 4 modseq 20 uidvalidity 8",
    ] {
        let script = format!(
            "= {state}
             > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10 VANISHED)
             < * VANISHED (EARLIER) 2:3
             < 0 OK done{complete}"
        );
        let set = ask(QRESYNC, Some(three()), &[(1, 3)], &script).unwrap();
        assert_eq!(told(&set), "Complete: 1(); gone ", "{state}");
    }
}

#[test]
fn a_refused_delta_becomes_a_complete_listing() {
    let result = ask(
        CONDSTORE,
        Some(three()),
        &[(1, 3)],
        "= exists 1 uidnext 4 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10)
         < 0 BAD unknown modifier
         ---
         = exists 1 uidnext 4 modseq 20
         > UID FETCH 1:* (UID FLAGS)
         < * 1 FETCH (UID 1 FLAGS ())
         < 0 OK done",
    );
    assert_told(result, "Complete: 1(); gone ");
}

#[test]
fn a_server_without_condstore_is_listed_completely_every_time() {
    let set = ask(
        PLAIN,
        Some(cursor(4, 3, 0)),
        &[(1, 3)],
        "= exists 1 uidnext 4
         > UID FETCH 1:* (UID FLAGS)
         < * 1 FETCH (FLAGS (\\Deleted) UID 1)
         < 0 OK done",
    )
    .unwrap();
    assert_eq!(told(&set), "Complete: 1(\\Deleted); gone ");
    assert!(!set.witness.unwrap().covers_flags);
}

#[test]
fn a_listing_shorter_than_select_says_is_an_error() {
    for said in [
        "< 0 OK done",
        "< * 1 FETCH (UID 1 FLAGS ())\n< 0 OK done",
        "< * 1 FETCH (UID 1 FLAGS ())\n< * 1 FETCH (UID 1 FLAGS (\\Seen))\n< 0 OK the same twice",
        "< * 1 FETCH (UID 1 FLAGS ())\n< * 2 FETCH (FLAGS ())\n< 0 OK without a UID",
        "< * 1 FETCH (UID 1 FLAGS ())\n< * 2 FETCH (UID 2)\n< 0 OK without flags",
        "< * 1 FETCH (UID 1 FLAGS ())\n< * 3 EXISTS\n< * 3 FETCH (UID 4 FLAGS ())\n< 0 OK the new one makes up for nothing",
        "< * 1 FETCH (UID 1 FLAGS ())\n< * 2 FETCH (UID 2 FLAGS ())\n< 0 NO [LIMIT] come back later",
        "< * 1 FETCH (UID 1 FLAGS ())\n< * 2 FETCH (UID 2 FLAGS ())\n< 0 BAD what",
    ] {
        let script = format!("= exists 2 uidnext 4\n> UID FETCH 1:* (UID FLAGS)\n{said}");
        assert!(ask(PLAIN, None, &[(1, 2)], &script).is_err(), "{said}");
    }
}

#[test]
fn messages_that_come_and_go_while_listing_are_no_error() {
    let result = ask(
        PLAIN,
        None,
        &[],
        "= exists 3 uidnext 4
         > UID FETCH 1:* (UID FLAGS)
         < * 1 FETCH (UID 1 FLAGS ())
         < * 2 EXPUNGE
         < * 3 EXISTS
         < * 2 FETCH (UID 3 FLAGS ())
         < * 3 FETCH (UID 4 FLAGS (\\Seen))
         < * 1 FETCH (UID 1 FLAGS (\\Flagged))
         < 0 OK done",
    );
    assert_told(result, "Complete: 1(\\Flagged) 3() 4(\\Seen); gone ");
}

#[test]
fn what_is_said_before_the_mailbox_is_selected_counts_for_nothing() {
    let result = ask(
        PLAIN,
        None,
        &[],
        "< * 9 FETCH (UID 99 FLAGS ())
         < * 1 EXPUNGE
         = exists 1 uidnext 4
         > UID FETCH 1:* (UID FLAGS)
         < * 1 FETCH (UID 1 FLAGS ())
         < 0 OK done",
    );
    assert_told(result, "Complete: 1(); gone ");
}

#[test]
fn an_empty_mailbox_may_be_answered_with_bad() {
    let set = ask(PLAIN, None, &[], "= exists 0 uidnext 4\n> UID FETCH 1:* (UID FLAGS)\n< 0 BAD no messages").unwrap();
    assert_eq!(told(&set), "Complete: ; gone ");
}

#[test]
fn a_uidnext_below_an_existing_uid_is_not_believed() {
    let script =
        "= exists 1 uidnext 4 modseq 5\n> UID FETCH 1:* (UID FLAGS)\n< * 1 FETCH (UID 9 FLAGS ())\n< 0 OK done";
    let set = ask(QRESYNC, None, &[], script).unwrap();
    assert_eq!((told(&set).as_str(), set.cursor, set.witness), ("Complete: 9(); gone ", None, None));
}

#[test]
fn a_replica_that_lags_behind_removes_nothing() {
    // 4 was just uploaded over another connection; this one does not know of it yet.
    let error = ask(
        PLAIN,
        Some(cursor(4, 3, 0)),
        &[(1, 4)],
        "= exists 1 uidnext 4
         > UID FETCH 1:* (UID FLAGS)
         < * 1 FETCH (UID 1 FLAGS ())
         < 0 OK done",
    )
    .unwrap_err();
    assert!(error.to_string().contains("UID 4 is next"), "{error}");
}

#[test]
fn a_mailbox_without_uidvalidity_cannot_be_synced() {
    let script = "= exists 0 uidnext 4 uidvalidity 0\n> UID FETCH 1:* (UID FLAGS)\n< 0 OK done";
    assert_eq!(ask(PLAIN, None, &[], script).unwrap_err().kind(), ErrorKind::Folder);
}

#[test]
fn a_numbering_that_changes_between_two_questions_is_an_error() {
    let error = ask(
        CONDSTORE,
        Some(three()),
        &[(1, 3)],
        "= exists 2 uidnext 4 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10)
         < 0 OK done
         ---
         = exists 2 uidnext 4 modseq 20 uidvalidity 8
         > UID SEARCH RETURN (ALL) ALL
         < * ESEARCH (TAG \"0\") UID ALL 1:2
         < 0 OK done",
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Numbering);
}

#[test]
fn marked_messages_are_gone_where_nothing_is_ever_expunged() {
    let mut script = Script::new(
        QRESYNC,
        "= exists 3 uidnext 4 modseq 20
         > UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 10 VANISHED)
         < * 1 FETCH (UID 1 FLAGS (\\Deleted) MODSEQ (15))
         < * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (15))
         < 0 OK done",
    );
    let set = changes(&mut |exchange| script.run(exchange), Some(&three()), &Rows(vec![(1, 3)]), true).unwrap().set;
    assert_eq!(told(&set), "Since: 2(\\Seen); gone 1");
    assert_eq!(set.coverage, Coverage::Since);
}

#[test]
fn what_a_folder_keeps_of_flags_follows_permanentflags() {
    let support = |state: &str| {
        let script = format!("= exists 0 uidnext 1 {state}\n> UID FETCH 1:* (UID FLAGS)\n< 0 OK done");
        ask(PLAIN, None, &[], &script).unwrap().support
    };
    let all = FlagSupport { system: SystemFlags::ALL, keywords: KeywordSupport::Atoms };
    assert_eq!(support(""), all, "not told: everything that can be said");
    assert_eq!(support("readonly permanent="), all, "what a read-only folder says is carried over");
    let some = support("permanent=\\Seen,$MDNSent");
    assert_eq!(format!("{:?}", some.system), "S");
    assert!(some.keywords.allows("$mdnsent") && !some.keywords.allows("work"));
    let any = support("permanent=\\Seen,\\Flagged anykeyword");
    assert_eq!(format!("{:?}", any.system), "FPS");
    assert!(any.keywords.allows("work") && !any.keywords.allows("k\u{e4}se") && !any.keywords.allows("a(b"));
}
