//! Lists of folders as servers give them, and what is made of them.

use super::*;
use crate::script::Script;

fn list_with(subscribed_only: bool, decoded: bool, capabilities: &str, script: &str) -> Result<FolderList> {
    let mut script = Script::new(capabilities, script);
    let mut list = List::new("", subscribed_only, NameForm { decoded, utf8: false });
    script.run(&mut list)?;
    script.finish();
    list.finish()
}

fn list(capabilities: &str, script: &str) -> Result<FolderList> {
    list_with(false, false, capabilities, script)
}

fn told(list: FolderList) -> Vec<String> {
    let word = |entry: &FolderEntry| {
        let witness =
            entry.witness.as_ref().map_or("-", |witness| if witness.covers_flags { "flags" } else { "count" });
        let messages = entry.messages.map_or("?".to_owned(), |messages| messages.to_string());
        let special = entry.special_use.map_or(String::new(), |special| format!(" {special:?}"));
        let closed = if entry.selectable { "" } else { " closed" };
        format!("{} {messages} {witness}{special}{closed}", entry.name)
    };
    list.folders.iter().map(word).collect()
}

const FULL: &str = "LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE";

#[test]
fn names_and_states_come_in_one_flight() {
    let folders = list(
        FULL,
        r#"> LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
           < * LIST (\HasNoChildren) "/" inbox
           < * STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 7 HIGHESTMODSEQ 9)
           < * LIST (\HasNoChildren \Sent) "/" Sent
           < * STATUS Sent (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7 HIGHESTMODSEQ 0)
           < * LIST (\Noselect \HasChildren) "/" Lists
           < * LIST (\NonExistent) "/" Ghost
           < * LIST () "/" Slow
           < * LIST () "/" Sent
           < 0 OK done"#,
    )
    .unwrap();
    assert_eq!(folders.separator, Some('/'));
    assert_eq!(
        told(folders),
        ["INBOX 3 flags", "Sent 0 count Sent", "Lists ? - closed", "Ghost ? - closed", "Slow ? -"],
        "a folder without a state is there nevertheless"
    );
}

#[test]
fn without_list_status_the_states_are_asked_for_in_one_more_flight() {
    let folders = list(
        "",
        r#"> LIST "" "*"
           < * LIST () "." INBOX
           < * LIST (\Noselect) "." a
           < * LIST () "." "a b"
           < * LIST () NIL "bad"
           < 0 OK done
           > STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
           > STATUS "a b" (MESSAGES UIDNEXT UIDVALIDITY)
           > STATUS "bad" (MESSAGES UIDNEXT UIDVALIDITY)
           < * STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 7)
           < 1 OK done
           < * STATUS "a b" (MESSAGES 5 UIDNEXT 40 UIDVALIDITY 7)
           < 2 OK done
           < 3 NO permission denied"#,
    );
    assert_eq!(told(folders.unwrap()), ["INBOX 3 count", "a ? - closed", "a b 5 count", "bad ? -"]);
}

#[test]
fn a_refused_list_is_an_error_and_never_an_empty_one() {
    let error = list("", "> LIST \"\" \"*\"\n< * LIST () \"/\" INBOX\n< 0 NO busy").unwrap_err();
    assert!(error.to_string().contains("NO busy"), "{error}");
}

#[test]
fn a_server_that_does_not_understand_what_it_offers_is_asked_plainly() {
    let folders = list(
        FULL,
        r#"> LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
           < * LIST () "/" half
           < 0 BAD return what
           > LIST "" "*"
           < * LIST () "/" INBOX
           < 1 OK done
           > STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)
           < 2 NO later"#,
    );
    assert_eq!(told(folders.unwrap()), ["INBOX ? -"]);
}

/// OfflineIMAP #621: folders that were gone but still subscribed to were asked for.
#[test]
fn subscribed_folders_that_no_longer_exist_are_not_listed() {
    let by_lsub = r#"> LIST "" "*"
           > LSUB "" "*"
           < * LIST () "/" INBOX
           < * LIST () "/" plain
           < 0 OK done
           < * LSUB () "/" INBOX
           < * LSUB () "/" deleted
           < 1 OK done
           > STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
           < 2 NO later"#;
    assert_eq!(told(list_with(true, false, "", by_lsub).unwrap()), ["INBOX ? -"]);
    let by_list = r#"> LIST (SUBSCRIBED) "" "*"
           < * LIST (\Subscribed) "/" INBOX
           < * LIST (\Subscribed \NonExistent) "/" deleted
           < 0 OK done
           > STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
           < 1 NO later"#;
    assert_eq!(told(list_with(true, false, "LIST-EXTENDED", by_list).unwrap()), ["INBOX ? -", "deleted ? - closed"]);
}

#[test]
fn names_are_what_the_server_wrote_or_decoded_as_asked() {
    let script = |name: &str| {
        format!(
            "> LIST \"\" \"*\"\n< * LIST () \"/\" \"Entw&APw-rfe\"\n< 0 OK done\n> STATUS \"{name}\" (MESSAGES UIDNEXT UIDVALIDITY)\n< * STATUS Entw&APw-rfe (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)\n< 1 OK done"
        )
    };
    let verbatim = list_with(false, false, "", &script("Entw&APw-rfe")).unwrap();
    assert_eq!(told(verbatim), ["Entw&APw-rfe 1 count"]);
    let decoded = list_with(false, true, "", &script("Entw&APw-rfe")).unwrap();
    assert_eq!(told(decoded), ["Entwürfe 1 count"]);
}

fn create(script: &str) -> Result<()> {
    let mut script = Script::new("", script);
    let mut create = Create::new(&FolderName::from("a/b"), NameForm::default());
    script.run(&mut create)?;
    script.finish();
    create.finish()
}

#[test]
fn a_name_outside_of_the_users_namespace_comes_with_a_hint() {
    let refused = |name: &str| {
        let answers = r#"> SUBSCRIBE "IT"
            < 0 NO no such namespace
            < 1 NO no such folder
            > LIST "" "IT"
            > NAMESPACE
            < 2 OK done
            < * NAMESPACE (("INBOX." ".")) NIL (("Public." "."))
            < 3 OK done"#;
        let script = format!("> CREATE \"IT\"\n{answers}").replace("\"IT\"", &format!("\"{name}\""));
        let mut script = Script::new("NAMESPACE", &script);
        let mut create = Create::new(&FolderName::from(name), NameForm::default());
        script.run(&mut create).unwrap();
        script.finish();
        create.finish().unwrap_err()
    };
    let error = refused("Work");
    assert!(error.hint().unwrap().contains("'INBOX.'"), "{error:?}");
    assert_eq!(refused("INBOX.Work").hint(), None);
}

#[test]
fn a_folder_is_created_and_subscribed_to() {
    create("> CREATE \"a/b\"\n> SUBSCRIBE \"a/b\"\n< 0 OK done\n< 1 NO no subscriptions here").unwrap();
}

#[test]
fn a_folder_that_is_there_already_is_as_good_as_created_if_the_list_has_it() {
    for (said, taken) in [("mailbox exists", false), ("[ALREADYEXISTS] it is there", true)] {
        let script = |answer: &str| {
            format!(
                "> CREATE \"a/b\"\n> SUBSCRIBE \"a/b\"\n< 0 NO {said}\n< 1 OK done\n> LIST \"\" \"a/b\"\n{answer}< 2 OK done"
            )
        };
        create(&script("< * LIST () \"/\" a/b\n")).unwrap();
        for (answer, hinted) in
            [("", taken), ("< * LIST () \"/\" A/b\n", taken), ("< * LIST (\\Noselect) \"/\" a/b\n", false)]
        {
            let error = create(&script(answer)).unwrap_err();
            assert_eq!((error.kind(), error.hint().is_some()), (ErrorKind::Folder, hinted), "{said} {answer}");
        }
    }
}
