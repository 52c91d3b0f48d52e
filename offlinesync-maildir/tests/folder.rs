//! Listing, reading, changing and removing messages in one folder, with other mail programs at work.

#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use offlinesync_core::*;
use std::fs;

#[test]
fn files_of_other_programs_are_listed_with_their_flags() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    mail.write("INBOX/new/1.a.host", "");
    mail.write("INBOX/new/2.a.host,U=5,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,", "");
    mail.write("INBOX/cur/3.a.host,S=10,W=12:2,RSx", "");
    mail.write("INBOX/cur/4.a.host", "");
    mail.write("INBOX/cur/dovecot.index", "");
    let list = listed(&mut *folder);
    let flags: Vec<(&str, &str)> = list.iter().map(|(id, flags)| (&**id, &**flags)).collect();
    let expected = [
        ("1.a.host", ""),
        ("2.a.host", ""),
        ("3.a.host", "\\Answered \\Seen"),
        ("4.a.host", ""),
        ("dovecot.index", ""),
    ];
    assert_eq!(flags, expected);
    let partners: Vec<_> = folder.changes(None, &NothingKnown).unwrap().present.iter().map(|e| e.partner).collect();
    assert_eq!(partners[1], Some(Partner { uid: Uid::new(5).unwrap(), uid_validity: None }));
    assert_eq!(partners.iter().flatten().count(), 1);
}

#[test]
fn odd_files_are_reported_and_left_alone() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    for n in 0..30 {
        mail.write(&format!("INBOX/cur/line\nbreak{n}"), "");
    }
    assert!(listed(&mut *folder).is_empty());
    assert_eq!(mail.warnings().len(), 21);
    assert_eq!(mail.files("INBOX/cur").len(), 30);
}

#[test]
fn a_missing_directory_is_an_error_for_every_call() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    fs::remove_dir(mail.path("INBOX/cur")).unwrap();
    let error = folder.changes(None, &NothingKnown).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Folder);
    assert!(error.hint().is_some());
    assert!(folder.remove(&[name("a")]).is_ok_and(|failures| failures.len() == 1));
    assert!(folder.intake(&inbox()).is_err());
    assert_eq!(mail.repository.list().unwrap().folders.len(), 1, "a broken folder is still a folder");
}

#[test]
fn flags_are_stored_in_the_name_and_the_message_stays_where_it_is_read() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    mail.write("INBOX/new/a", "");
    mail.write("INBOX/new/b:2,", "");
    mail.write("INBOX/cur/c,S=1:2,FQSz", "");
    let change =
        |id: &str, add: &str, remove: &str| FlagChange { id: name(id), add: flags(add), remove: flags(remove) };
    let changes = [
        change("a", "", "\\Seen"),
        change("b", "\\Seen work", ""),
        change("c", "\\Answered", "\\Seen \\Flagged"),
        change("gone", "\\Seen", ""),
    ];
    let failures = folder.store(&changes).unwrap();
    assert_eq!(failures.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), [name("gone")]);
    assert_eq!(mail.files("INBOX/new"), ["a"]);
    assert_eq!(mail.files("INBOX/cur"), ["b:2,Sa", "c,S=1:2,QRz"]);
    assert!(folder.store(&[change("b", "", "\\Seen WORK")]).unwrap().is_empty());
    assert_eq!(mail.files("INBOX/cur"), ["b:2,", "c,S=1:2,QRz"], "an unread message does not go back to new");
}

#[test]
fn a_message_renamed_by_a_mail_program_is_found_again() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    for n in ["a", "b", "c"] {
        mail.write(&format!("INBOX/new/{n}"), n);
    }
    listed(&mut *folder);
    for n in ["a", "b", "c"] {
        fs::rename(mail.path(&format!("INBOX/new/{n}")), mail.path(&format!("INBOX/cur/{n},S=1:2,S"))).unwrap();
    }
    assert_eq!(fetched(&mut *folder, &[name("a")], LineEnding::Lf).got[0].content, b"a");
    let add = FlagChange { id: name("b"), add: flags("\\Flagged"), remove: Flags::default() };
    assert!(folder.store(&[add]).unwrap().is_empty());
    assert!(folder.remove(&[name("c"), name("never was")]).unwrap().is_empty());
    assert_eq!(mail.files("INBOX/cur"), ["a,S=1:2,S", "b,S=1:2,FS"]);
}

#[test]
fn removal_takes_exactly_the_message_named() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    for file in ["a", "a2", "a,S=1", "b"] {
        mail.write(&format!("INBOX/cur/{file}:2,"), file);
    }
    assert_eq!(listed(&mut *folder).len(), 4);
    assert!(folder.remove(&[name("a"), name("b"), name("b"), uid(3)]).unwrap().is_empty());
    assert_eq!(mail.files("INBOX/cur"), ["a,S=1:2,", "a2:2,"]);
    assert!(folder.remove(&[name("a,S=1")]).unwrap().is_empty(), "an id from before still means that file or none");
}

#[test]
fn twins_are_left_alone_until_one_is_gone() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    mail.write("INBOX/new/a", "twin");
    mail.write("INBOX/cur/a:2,S", "twin");
    assert_eq!(listed(&mut *folder).len(), 1);
    assert_eq!(mail.warnings().len(), 1);
    assert!(folder.remove(&[name("a")]).unwrap().is_empty());
    assert_eq!(mail.files("INBOX/new").len() + mail.files("INBOX/cur").len(), 1, "only one was meant");
    assert_eq!(listed(&mut *folder).len(), 1);
}

#[test]
fn content_goes_out_with_the_line_ends_asked_for_and_its_exact_size() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    let large = "Subject: large\n\n".to_owned() + &"0123456789\n".repeat(60_000) + "no line end";
    let mixed = "a\r\nb\nc\rd\n\n";
    mail.write("INBOX/cur/large:2,", &large);
    mail.write("INBOX/cur/mixed:2,", mixed);
    mail.write("INBOX/cur/none:2,", "");
    let ids = [name("none"), name("large"), name("gone"), name("mixed")];
    let wire = fetched(&mut *folder, &ids, LineEnding::Crlf);
    let contents: Vec<&[u8]> = wire.got.iter().map(|g| &*g.content).collect();
    assert_eq!(contents, [b"", large.replace('\n', "\r\n").as_bytes(), b"a\r\nb\r\nc\rd\r\n\r\n"]);
    assert!(wire.got.iter().all(|g| g.octets == g.content.len() as u64));
    assert_eq!((wire.ended, wire.failed.len()), (3, 1));
    assert!(wire.calls < 30, "short runs are gathered: {}", wire.calls);
    let file = fetched(&mut *folder, &ids, LineEnding::Lf);
    let contents: Vec<&[u8]> = file.got.iter().map(|g| &*g.content).collect();
    assert_eq!(contents, [b"", large.as_bytes(), mixed.as_bytes()]);
    assert!(file.got.iter().all(|g| g.octets == g.content.len() as u64));
}

#[test]
fn what_cannot_be_read_fails_alone() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    mail.write("INBOX/cur/good:2,", "x");
    std::os::unix::fs::symlink("/nowhere", mail.path("INBOX/cur/link:2,")).unwrap();
    std::os::unix::fs::symlink(mail.path("INBOX"), mail.path("INBOX/cur/dir:2,")).unwrap();
    let sink = fetched(&mut *folder, &[name("link"), name("dir"), name("good")], LineEnding::Crlf);
    assert_eq!((sink.ended, sink.failed.len()), (1, 2));
    assert!(sink.failed.iter().all(|(_, e)| e.kind() == ErrorKind::Message));
    let mut read = 0;
    let unread = folder.headers(&[name("link"), name("dir"), name("good")], &mut |_| {
        read += 1;
        Ok(())
    });
    assert_eq!(read, 1);
    // It is there, so it must not pass for a message that is not.
    assert!(unread.unwrap().iter().any(|(id, _)| *id == name("dir")));
}

#[test]
fn headers_end_at_the_empty_line_and_tell_the_size_on_the_wire() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    let long = "X: y\n".repeat(30_000);
    for (id, content) in
        [("a", "A: b\n\nbody\n"), ("b", "\nbody"), ("c", "A: b\nno end"), ("d", &*long), ("e", "A: b\r\n\r\nx\n")]
    {
        mail.write(&format!("INBOX/cur/{id}:2,"), content);
    }
    let mut read = Vec::new();
    let ids: Vec<MessageId> = ["a", "b", "gone", "c", "d", "e"].map(name).into();
    folder
        .headers(&ids, &mut |h| {
            read.push((h.octets.unwrap(), h.header.to_vec()));
            Ok(())
        })
        .unwrap();
    assert_eq!(read[0], (14, b"A: b\r\n\r\n".to_vec()));
    assert_eq!(read[1], (6, b"\r\n".to_vec()));
    assert_eq!(read[2], (12, b"A: b\r\nno end".to_vec()));
    assert_eq!((read[3].0, read[3].1.len()), (180_000, 65_536));
    assert_eq!(read[4], (11, b"A: b\r\n\r\n".to_vec()));
}

#[test]
fn an_error_of_the_sink_ends_the_fetch() {
    struct Full;
    impl Sink for Full {
        fn begin(&mut self, _: &Incoming<'_>) -> Result<()> {
            Err(Error::cancelled())
        }
        fn write(&mut self, _: &[u8]) -> Result<()> {
            unreachable!()
        }
        fn end(&mut self) -> Result<()> {
            unreachable!()
        }
        fn failed(&mut self, _: &MessageId, _: Error) -> Result<()> {
            unreachable!()
        }
    }
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    mail.write("INBOX/cur/a", "x");
    let error = folder.fetch(&[name("a")], LineEnding::Crlf, &mut Full).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn noted_partners_change_no_id() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    for file in ["new/a", "cur/b,S=5,U=1,FMD5=00:2,S", "cur/c:2,", "cur/c,W=1:2,"] {
        mail.write(&format!("INBOX/{file}"), "");
    }
    let before = listed(&mut *folder);
    let partner = |uid| Partner { uid: Uid::new(uid).unwrap(), uid_validity: None };
    let notes: Vec<(MessageId, Partner)> = before
        .iter()
        .zip(11..)
        .map(|((id, _), uid)| (name(id), partner(uid)))
        .chain([(name("gone"), partner(9))])
        .collect();
    folder.note_partners(&notes).unwrap();
    assert_eq!(listed(&mut *folder), before);
    let told: Vec<Option<Partner>> =
        folder.changes(None, &NothingKnown).unwrap().present.iter().map(|e| e.partner).collect();
    assert_eq!(told, [Some(partner(11)), Some(partner(12)), Some(partner(13)), None], "the copied file is not renamed");
    assert!(mail.files("INBOX/cur").contains(&"b,S=5,U=12,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,S".to_owned()));
    assert!(mail.warnings().is_empty());
}

#[test]
fn a_move_keeps_base_flags_and_keywords_and_drops_the_claim() {
    let mail = Mail::new();
    let (mut inbox, mut archive) = (mail.folder("INBOX"), mail.folder("Archive"));
    mail.write("INBOX/dovecot-keywords", "0 todo\n1 work\n");
    mail.write("Archive/dovecot-keywords", "0 work\n");
    mail.write("INBOX/cur/a,S=3,U=5,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,Sab", "a");
    mail.write("INBOX/new/b", "b");
    mail.write("Archive/cur/b:2,", "another b");
    let moved = inbox.transfer(&[name("a"), name("gone"), name("b")], &"Archive".into()).unwrap().unwrap();
    assert_eq!(moved, [Some(name("a")), None, Some(name("b-2"))]);
    assert!(listed(&mut *inbox).is_empty());
    assert_eq!(mail.files("Archive/cur"), ["a,S=3:2,Sab", "b:2,"]);
    assert_eq!(mail.files("Archive/new"), ["b-2"]);
    let list = listed(&mut *archive);
    assert_eq!(list[0], ("a".to_owned(), "\\Seen todo work".to_owned()));
    assert_eq!(fs::read_to_string(mail.path("Archive/dovecot-keywords")).unwrap(), "0 work\n1 todo\n");
    assert!(inbox.transfer(&[name("a")], &"Missing".into()).is_err());
}

#[test]
fn a_folder_left_untouched_is_not_listed_again() {
    let mail = Mail::new();
    let mut folder = mail.folder("INBOX");
    mail.write("INBOX/cur/a:2,S", "");
    // A round time may be that of a coarse file system and prove nothing: then there is no witness, and the listing is whole again.
    let settled = loop {
        let set = folder.changes(None, &NothingKnown).unwrap();
        assert_eq!((set.coverage, set.present.len()), (Coverage::Complete, 1));
        if set.witness.is_some() {
            break set;
        }
    };
    let again = folder.changes(settled.cursor.as_ref(), &NothingKnown).unwrap();
    assert_eq!((again.coverage, again.present.len(), &again.cursor), (Coverage::Since, 0, &settled.cursor));
    assert_eq!(again.witness, settled.witness);
    let entry = mail.repository.list().unwrap().folders.remove(0);
    assert_eq!(entry.witness, settled.witness);
    assert!(entry.witness.unwrap().covers_flags);
    fs::rename(mail.path("INBOX/cur/a:2,S"), mail.path("INBOX/cur/a:2,FS")).unwrap();
    let changed = folder.changes(settled.cursor.as_ref(), &NothingKnown).unwrap();
    assert_eq!((changed.coverage, changed.present.len()), (Coverage::Complete, 1));
}

/// A message.
struct One;

impl Known for One {
    fn count(&self) -> Result<u64> {
        Ok(1)
    }
    fn uids(&self) -> Result<Vec<(Uid, Uid)>> {
        Ok(Vec::new())
    }
}

/// Where letters that nobody knows were in use, every listing was whole and began anew: that the directory had become another one did not show,
/// and what a restored backup lacked was taken for removed.
#[test]
fn a_directory_that_became_another_one_shows_whatever_letters_its_files_bear() {
    for letters in ["S", "Sx"] {
        let mail = Mail::new();
        let mut folder = mail.folder("INBOX");
        mail.write(&format!("INBOX/cur/a:2,{letters}"), "");
        let cursor = folder.changes(None, &NothingKnown).unwrap().cursor;
        assert_eq!(folder.changes(cursor.as_ref(), &One).unwrap().coverage == Coverage::Complete, letters == "Sx");
        fs::rename(mail.path("INBOX"), mail.path("away")).unwrap();
        mail.repository.create(&"INBOX".into()).unwrap();
        mail.write(&format!("INBOX/cur/a:2,{letters}"), "");
        let error = mail.folder("INBOX").changes(cursor.as_ref(), &One).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Numbering, "{letters}");
    }
}

#[test]
fn many_thousand_messages_are_listed_and_found() {
    let mail = Mail::with(|mut config| {
        config.fsync = false;
        config
    });
    let mut folder = mail.folder("big");
    for n in 0..20_000 {
        mail.write(
            &format!("big/cur/{}_{n}.7.7e33429f,U={n},FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,S", 1_700_000_000 + n),
            "",
        );
    }
    assert_eq!(listed(&mut *folder).len(), 20_000);
    let ids: Vec<MessageId> =
        (0..20_000).step_by(10).map(|n| name(&format!("{}_{n}.7.7e33429f", 1_700_000_000 + n))).collect();
    assert!(folder.remove(&ids).unwrap().is_empty());
    assert_eq!(listed(&mut *folder).len(), 18_000);
}

#[test]
fn in_a_folder_that_mbsync_numbers_its_numbers_stay_and_ours_go_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("INBOX");
    ["cur", "new", "tmp"].iter().for_each(|sub| fs::create_dir_all(folder.join(sub)).unwrap());
    fs::write(folder.join(".uidvalidity"), "1700000000\n12\n").unwrap();
    fs::write(folder.join("cur/1.2.host,U=12:2,S"), "Subject: a\n\na\n").unwrap();
    let config = offlinesync_maildir::MaildirConfig::new("l", dir.path());
    let mail = offlinesync_maildir::MaildirRepository::new(config).unwrap();
    let numbers = mail.mbsync_numbers(&"INBOX".into()).unwrap().unwrap().numbers;
    let id = MessageId::Name("1.2.host".into());
    assert_eq!(numbers.into_iter().collect::<Vec<_>>(), [(id.clone(), Uid::new(12).unwrap())]);

    let mut handle = mail.open(&"INBOX".into()).unwrap();
    let listed = handle.changes(None, &NothingKnown).unwrap();
    assert_eq!(listed.present[0].partner, None, "mbsync's number is no claim");
    let uid = Uid::new(5).unwrap();
    handle.note_partners(&[(id, Partner { uid, uid_validity: None })]).unwrap();
    let name = fs::read_dir(folder.join("cur")).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    assert!(name.starts_with("1.2.host,U=12,RU=5,FMD5="), "{name}");
    assert_eq!(handle.changes(None, &NothingKnown).unwrap().present[0].partner.map(|partner| partner.uid), Some(uid));

    let (third, gone) = (MessageId::Name("3.4.host".into()), MessageId::Name("gone".into()));
    fs::write(
        folder.join(format!("new/3.4.host,RU=6,{}", &name[name.find("FMD5").unwrap()..name.find(':').unwrap()])),
        "",
    )
    .unwrap();
    let ids = [gone.clone(), third.clone(), MessageId::Name("1.2.host".into())];
    let given = mail.number_for_mbsync(&"INBOX".into(), &ids).unwrap();
    let number = |id| given.numbers[id].get();
    assert_eq!((given.uid_validity.0, number(&gone), number(&third), number(&ids[2])), (1_700_000_000, 13, 14, 12));
    assert_eq!(fs::read_to_string(folder.join(".uidvalidity")).unwrap(), "1700000000\n14\n");
    let renamed = fs::read_dir(folder.join("new")).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    assert!(renamed.starts_with("3.4.host,U=14,RU=6,FMD5="), "{renamed}");
    assert_eq!(mail.number_for_mbsync(&"INBOX".into(), &ids[1..]).unwrap().numbers.len(), 2, "numbers stay");

    fs::write(folder.join("new/3.5.host,U=12"), "").unwrap();
    let error = mail.mbsync_numbers(&"INBOX".into()).unwrap_err();
    assert!(error.to_string().contains("two messages have mbsync's number 12"), "{error}");
}

#[test]
fn a_folder_that_goes_to_mbsync_for_the_first_time_is_numbered_from_one_unless_two_names_would_become_one() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("INBOX");
    ["cur", "new", "tmp"].iter().for_each(|sub| fs::create_dir_all(folder.join(sub)).unwrap());
    let config = offlinesync_maildir::MaildirConfig::new("l", dir.path());
    let mail = offlinesync_maildir::MaildirRepository::new(config).unwrap();
    let name = |n: u32| format!("cur/{n}.host,U={},FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,S", n + 70);
    (1..4).for_each(|n| fs::write(folder.join(name(n)), "Subject: a\n\na\n").unwrap());
    let ids: Vec<MessageId> = (1..4).map(|n| MessageId::Name(format!("{n}.host").into())).collect();
    let given = mail.number_for_mbsync(&"INBOX".into(), &ids).unwrap();
    assert_eq!(given.numbers.values().map(|uid| uid.get()).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(folder.join("cur/2.host,U=2,RU=72,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,S").exists());
    let text = fs::read_to_string(folder.join(".uidvalidity")).unwrap();
    assert_eq!(text.lines().nth(1), Some("3"));

    fs::write(folder.join("cur/9.host,S=1"), "a").unwrap();
    fs::write(folder.join("cur/9.host,S=2"), "b").unwrap();
    let all = mail.open(&"INBOX".into()).unwrap().changes(None, &NothingKnown).unwrap();
    let ids: Vec<MessageId> = all.present.into_iter().map(|entry| entry.id).collect();
    let error = mail.number_for_mbsync(&"INBOX".into(), &ids).unwrap_err();
    assert!(error.to_string().contains("behind the first comma"), "{error}");
    assert_eq!(fs::read_to_string(folder.join(".uidvalidity")).unwrap(), text, "something was written");
    fs::write(folder.join(".isyncuidmap.db"), "").unwrap();
    assert!(mail.number_for_mbsync(&"INBOX".into(), &[]).unwrap_err().to_string().contains("AltMap"));
}

/// A rename of two steps (as on NFS) was cut short and left a message two names. When it was removed, the other name was there again as a new message,
/// and went back to the server.
#[test]
fn a_message_with_two_names_goes_with_both() {
    let mail = Mail::new();
    let (mut folder, mut other) = (mail.folder("INBOX"), mail.folder("Archive"));
    for name in ["a", "b", "c"] {
        mail.write(&format!("INBOX/new/{name}"), name);
        fs::hard_link(mail.path(&format!("INBOX/new/{name}")), mail.path(&format!("INBOX/cur/{name}:2,S"))).unwrap();
    }
    mail.write("INBOX/cur/c,S=1:2,", "another message");
    let id = |name: &str| MessageId::Name(name.into());
    assert_eq!(folder.remove(&[id("a"), id("c")]).unwrap().len(), 0);
    assert_eq!(folder.transfer(&[id("b")], &"Archive".into()).unwrap(), Some(vec![Some(id("b"))]));
    assert_eq!((mail.files("INBOX/new"), mail.files("INBOX/cur")), (vec![], vec!["c,S=1:2,".to_owned()]));
    assert_eq!(listed(&mut *other).len(), 1);
}
