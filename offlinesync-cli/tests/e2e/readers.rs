//! Other mail programs read the Maildir that the program fills: they find every message, and agree on the flags.

use crate::content::fill;
use crate::house::{House, Setup};
use crate::mail::{Held, in_maildir, on_server};
use offlinesync_core::testing::mails;
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::fs;
use std::process::{Command, Stdio};

const MESSAGES: usize = 80;

fn world() -> (Dovecot, Client, House) {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    fill(&mut client, "INBOX", mails::ordinary(MESSAGES, 50));
    client.select("INBOX");
    client.store("1:7", "+FLAGS", "\\Draft");
    client.store("9:12", "+FLAGS", "$Forwarded");
    let house = Setup::new(&server, "u1").house();
    house.settle();
    (server, client, house)
}

/// How many messages have a flag, and how many have not.
fn count(held: &[Held], flag: &str) -> (usize, usize) {
    let with = held.iter().filter(|held| held.flags.contains(flag)).count();
    (with, held.len() - with)
}

/// Runs a program and answers what it printed; it must not complain.
fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{command:?}: {out}{err}");
    out.into_owned()
}

#[test]
fn notmuch_finds_every_message_and_its_flags() {
    let (_server, mut client, house) = world();
    let held = on_server(&mut client, "INBOX");
    let config = format!(
        "[database]\npath={}\n[new]\ntags=unread;\nignore=dovecot-keywords\n[maildir]\nsynchronize_flags=true\n[user]\nname=me\nprimary_email=me@example.org\n",
        house.path("mail").display()
    );
    fs::write(house.path("notmuch"), config).unwrap();
    let notmuch = |args: &[&str]| {
        let mut command = Command::new("notmuch");
        output(command.arg(format!("--config={}", house.path("notmuch").display())).args(args)).trim().to_owned()
    };
    let added = notmuch(&["new"]);
    assert!(added.contains(&format!("Added {MESSAGES} new messages")) && !added.contains("Note"), "{added}");
    let number = |query: &str| notmuch(&["count", "--output=messages", query]).parse::<usize>().unwrap();
    assert_eq!(number("*"), MESSAGES);
    let with = |flag| count(&held, flag).0;
    assert_eq!(number("tag:unread"), MESSAGES - with("\\Seen"));
    for (tag, flag) in
        [("flagged", "\\Flagged"), ("replied", "\\Answered"), ("draft", "\\Draft"), ("passed", "$Forwarded")]
    {
        assert_eq!(number(&format!("tag:{tag}")), with(flag), "{tag}");
        assert!(with(flag) > 0, "{flag}");
    }
    // What notmuch changes is changed on the server.
    notmuch(&["tag", "+flagged", "-unread", "*"]);
    house.settle();
    assert_eq!(count(&on_server(&mut client, "INBOX"), "\\Flagged"), (MESSAGES, 0));
    assert_eq!(count(&on_server(&mut client, "INBOX"), "\\Seen"), (MESSAGES, 0));
    assert!(notmuch(&["new"]).starts_with("No new mail"));
}

/// offlineimap3 #85, #124, #209; OfflineIMAP #305, #665: keywords went one way only, or were told apart by case.
#[test]
fn doveadm_finds_every_message_and_its_flags_and_keywords() {
    let (server, mut client, house) = world();
    let mut held = on_server(&mut client, "INBOX");
    // Dovecot does not know the letter P in names of files.
    held.iter_mut().for_each(|held| held.flags.retain(|flag| flag != "$Forwarded"));
    held.sort();
    server.import_maildir("u2", &house.folder("INBOX"));
    let imported = on_server(&mut server.client("u2"), "INBOX");
    crate::mail::assert_same("what doveadm imported", &held, &imported);
    assert!(held.iter().any(|held| held.flags.contains("work")));
    assert!(!server.log().contains("maildir"), "{}", server.log());
}

/// Mutt is made to write a line for each message that a pattern finds.
#[test]
fn mutt_finds_every_message_and_its_flags() {
    let (_server, mut client, house) = world();
    let held = on_server(&mut client, "INBOX");
    let patterns = [("all", "~A"), ("unread", "~U"), ("flagged", "~F"), ("replied", "~Q")];
    let keys: String = patterns
        .iter()
        .map(|(name, pattern)| {
            let file = house.path(name).display().to_string();
            format!(
                "<untag-pattern>~A<enter><tag-pattern>{pattern}<enter><tag-prefix><pipe-message>wc -c >> {file}<enter>"
            )
        })
        .collect();
    let settings = format!(
        "set mbox_type=Maildir\nset pipe_split=yes\nset pipe_decode=no\nset wait_key=no\nset quit=yes\nset folder={}\nset header_cache=\"\"\n\
         set mark_old=no\nset weed=no\nset sleep_time=0\nset read_inc=0\npush \"{keys}<exit>\"\n",
        house.path("mail").display()
    );
    fs::write(house.path("muttrc"), settings).unwrap();
    let mutt = format!("mutt -n -F {} -f {}", house.path("muttrc").display(), house.folder("INBOX").display());
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &mutt, "/dev/null"]).env("TERM", "vt100").env("HOME", house.path("")).env("LANG", "C.UTF-8");
    let screen = output(&mut terminal);
    let lines = |name: &str| fs::read_to_string(house.path(name)).map_or(0, |text| text.lines().count());
    let with = |flag| count(&held, flag).0;
    assert_eq!(lines("all"), MESSAGES, "{screen}");
    assert_eq!(lines("unread"), MESSAGES - with("\\Seen"));
    assert_eq!(lines("flagged"), with("\\Flagged"));
    assert_eq!(lines("replied"), with("\\Answered"));
    assert_eq!(in_maildir(&house.folder("INBOX")).len(), MESSAGES);
    house.settle();
}
