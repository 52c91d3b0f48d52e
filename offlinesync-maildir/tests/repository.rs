//! The tree of folders: which there are, how they are made, what is refused.

#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use offlinesync_core::*;
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

fn nested() -> Mail {
    Mail::with(|config| config.with_separator('/'))
}

fn names(mail: &Mail) -> Vec<String> {
    mail.repository.list().unwrap().folders.iter().map(|f| f.name.to_string()).collect()
}

#[test]
fn a_missing_root_is_an_error_and_never_an_empty_list() {
    let dir = tempfile::tempdir().unwrap();
    let repository = MaildirRepository::new(MaildirConfig::new("local", dir.path().join("a/b"))).unwrap();
    assert!(!repository.exists().unwrap());
    for error in [repository.list().unwrap_err(), repository.create(&"INBOX".into()).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.to_string().starts_with("local: "), "{error}");
        assert!(error.hint().is_some());
    }
    repository.initialize().unwrap();
    repository.initialize().unwrap();
    assert!(repository.exists().unwrap() && repository.list().unwrap().folders.is_empty());
    for made in ["a", "a/b"] {
        assert_eq!(fs::metadata(dir.path().join(made)).unwrap().permissions().mode() & 0o777, 0o700);
    }
    fs::write(dir.path().join("file"), "").unwrap();
    let on_file = MaildirRepository::new(MaildirConfig::new("local", dir.path().join("file"))).unwrap();
    assert!(on_file.exists().is_err() && on_file.list().is_err());
}

#[test]
fn folders_are_made_whole_private_and_listed_under_their_names() {
    for (mail, folders) in [(Mail::new(), ["INBOX", "Lists.rust"]), (nested(), ["INBOX", "Lists/rust"])] {
        for folder in folders {
            mail.repository.create(&folder.into()).unwrap();
            mail.repository.create(&folder.into()).unwrap();
            for own in ["", "cur", "new", "tmp"] {
                let directory = mail.repository.directory(&folder.into()).unwrap().join(own);
                assert_eq!(fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
            }
        }
        assert_eq!(names(&mail), folders);
        assert_eq!(mail.repository.list().unwrap().separator, Some(if folders[1].contains('/') { '/' } else { '.' }));
    }
}

#[test]
fn a_folder_may_be_made_after_its_children_and_parents_hold_no_mail() {
    let mail = nested();
    mail.repository.create(&"a/b/c".into()).unwrap();
    assert_eq!(names(&mail), ["a/b/c"]);
    mail.repository.create(&"a".into()).unwrap();
    assert_eq!(names(&mail), ["a", "a/b/c"]);
}

#[test]
fn the_root_is_a_folder_only_if_it_is_a_maildir() {
    let mail = Mail::new();
    mail.folder("INBOX");
    assert_eq!(names(&mail), ["INBOX"]);
    mail.repository.create(&"".into()).unwrap();
    assert_eq!(names(&mail), ["", "INBOX"]);
    mail.write("new/a", "x");
    let mut root = mail.repository.open(&"".into()).unwrap();
    assert_eq!(listed(&mut *root).len(), 1);
}

#[test]
fn what_is_no_folder_is_not_listed() {
    let mail = nested();
    mail.folder("a");
    mail.write("file", "");
    fs::create_dir_all(mail.path("plain/deep")).unwrap();
    fs::create_dir_all(mail.path("a/cur/inside/cur")).unwrap();
    fs::create_dir_all(mail.path("lost+found/cur")).unwrap();
    fs::create_dir_all(mail.path(".offlinesync-unfinished.1.0/cur")).unwrap();
    assert_eq!(names(&mail), ["a"]);
}

/// A run was killed while it made a folder: what it left is cleared away by the run that makes it, and nothing that holds a message is.
#[test]
fn what_a_killed_run_left_of_a_folder_is_cleared_away_but_for_mail_and_the_living() {
    let mail = nested();
    mail.folder("a");
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let ended = child.id();
    child.wait().unwrap();
    let unfinished = |pid: u32, n: u32| format!("a/.offlinesync-unfinished.{pid}.{n}");
    for (pid, n) in [(ended, 0), (ended, 1), (ended, 2), (std::process::id(), 7)] {
        fs::create_dir_all(mail.path(&format!("{}/cur", unfinished(pid, n)))).unwrap();
    }
    mail.write(&format!("{}/cur/message", unfinished(ended, 1)), "x");
    mail.write(&format!("{}/notes", unfinished(ended, 2)), "x");
    mail.repository.create(&"a/b".into()).unwrap();
    assert!(!mail.path(&unfinished(ended, 0)).exists());
    assert!(mail.path(&format!("{}/cur/message", unfinished(ended, 1))).exists());
    assert!(mail.path(&format!("{}/notes", unfinished(ended, 2))).exists());
    assert!(mail.path(&unfinished(std::process::id(), 7)).exists());
    assert_eq!(names(&mail), ["a", "a/b"]);
}

#[test]
fn links_are_followed_and_circles_are_not() {
    let mail = nested();
    let elsewhere = tempfile::tempdir().unwrap();
    ["cur", "new", "tmp"].iter().for_each(|d| fs::create_dir(elsewhere.path().join(d)).unwrap());
    symlink(elsewhere.path(), mail.path("linked")).unwrap();
    mail.folder("a");
    symlink(mail.path(""), mail.path("a/circle")).unwrap();
    symlink("self", mail.path("self")).unwrap();
    symlink("/nowhere", mail.path("dangling")).unwrap();
    assert_eq!(names(&mail), ["a", "linked"]);
    let mut linked = mail.repository.open(&"linked".into()).unwrap();
    deliver(&mut *linked, &uid(1), "", None, "x");
    assert_eq!(fs::read_dir(elsewhere.path().join("new")).unwrap().count(), 1);
}

#[test]
fn names_that_cannot_be_directories_are_refused_everywhere() {
    for (mail, bad) in [(Mail::new(), ["..", "a/b", "cur"]), (nested(), ["a/../../b", "/etc", "a//b"])] {
        for name in bad {
            for error in [mail.repository.open(&name.into()).err(), mail.repository.create(&name.into()).err()] {
                let error = error.unwrap();
                assert_eq!(error.kind(), ErrorKind::Folder);
                assert!(error.to_string().contains(name), "{error}");
            }
        }
        assert!(names(&mail).is_empty());
    }
}

#[test]
fn a_folder_that_lost_a_directory_is_listed_so_that_it_is_not_taken_for_removed() {
    let mail = Mail::new();
    mail.folder("a");
    fs::remove_dir(mail.path("a/new")).unwrap();
    let folders = mail.repository.list().unwrap().folders;
    assert_eq!(folders.len(), 1);
    assert!(folders[0].witness.is_none());
}

#[test]
fn settings_that_cannot_work_are_refused() {
    type Change = fn(&mut MaildirConfig);
    let wrong: [Change; 4] = [
        |c| c.info_separator = ',',
        |c| c.info_separator = '/',
        |c| c.separator = 'a',
        |c| drop(c.custom_flags.insert('A', "x".into())),
    ];
    for change in wrong {
        let mut config = MaildirConfig::new("local", "/nowhere");
        change(&mut config);
        assert_eq!(MaildirRepository::new(config).unwrap_err().kind(), ErrorKind::Configuration);
    }
}

#[test]
fn custom_letters_go_before_the_table_and_the_info_separator_can_be_changed() {
    let mail = Mail::with(|mut config| {
        config.info_separator = '!';
        config.custom_flags.insert('x', "work".into());
        config
    });
    let mut folder = mail.folder("INBOX");
    mail.write("INBOX/cur/a!2,Sx", "");
    deliver(&mut *folder, &uid(1), "Work", Some(5), "x");
    assert_eq!(mail.files("INBOX/cur")[0], "5_1.7.7e33429f,U=1,FMD5=7e33429f656f1e6e9d79b29c3f82c57e!2,x");
    let flags: Vec<String> = listed(&mut *folder).into_iter().map(|(_, flags)| flags).collect();
    assert_eq!(flags, ["work", "\\Seen work"]);
    assert!(!mail.path("INBOX/dovecot-keywords").exists());
}

#[test]
fn the_digest_can_be_that_of_another_name() {
    let mail = Mail::with(|mut config| {
        config.digest_name = Some(std::sync::Arc::new(|name: &str| name.to_uppercase()));
        config
    });
    let mut folder = mail.folder("inbox");
    deliver(&mut *folder, &uid(1), "", None, "x");
    assert!(mail.files("inbox/new")[0].ends_with("FMD5=7e33429f656f1e6e9d79b29c3f82c57e"));
}

#[test]
fn case_is_told_apart_unless_the_file_system_does_not() {
    let mail = Mail::new();
    assert!(mail.repository.case_sensitive(), "an empty root");
    mail.folder("inbox");
    mail.folder("INBOX");
    assert!(mail.repository.case_sensitive());
    let missing = MaildirRepository::new(MaildirConfig::new("local", mail.path("missing"))).unwrap();
    assert!(missing.case_sensitive());
}

#[test]
fn a_folder_is_renamed_with_those_below_it_and_nothing_is_replaced() {
    for (mail, s) in [(Mail::new(), "."), (nested(), "/")] {
        let name = |name: &str| FolderName::from(name.replace('/', s).as_str());
        for folder in ["Old", "Old/below", "Taken"] {
            mail.repository.create(&name(folder)).unwrap();
            fs::write(mail.repository.directory(&name(folder)).unwrap().join("cur/1:2,"), folder).unwrap();
        }
        let below = [(name("Old/below"), name("Up/New/below"))];
        assert!(!mail.repository.rename(&name("Old"), &name("Taken"), &[]).unwrap());
        assert!(!mail.repository.rename(&name(""), &name("Elsewhere"), &[]).unwrap());
        assert!(mail.repository.rename(&name("Old"), &name("Up/New"), &below).unwrap());
        let mut now = names(&mail);
        now.sort();
        assert_eq!(now, ["Taken".to_owned(), format!("Up{s}New"), format!("Up{s}New{s}below")]);
        for (folder, content) in [("Taken", "Taken"), ("Up/New", "Old"), ("Up/New/below", "Old/below")] {
            let path = mail.repository.directory(&name(folder)).unwrap().join("cur/1:2,");
            assert_eq!(fs::read_to_string(path).unwrap(), content);
        }
        let error = mail.repository.rename(&name("Gone"), &name("There"), &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Folder);
    }
}

/// The folder below kept its name and was recorded under the new one: the next run took it for a new folder and sent all of it to the server.
#[test]
fn a_folder_below_that_cannot_be_renamed_is_told() {
    let mail = Mail::new();
    ["Old", "Old.below"].iter().for_each(|name| mail.repository.create(&(*name).into()).unwrap());
    fs::create_dir(mail.path("New.below")).unwrap();
    let below = [("Old.below".into(), "New.below".into())];
    let error = mail.repository.rename(&"Old".into(), &"New".into(), &below).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Folder);
    assert!(error.to_string().contains("New.below"), "{error}");
}
