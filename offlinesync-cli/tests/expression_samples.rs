//! The expressions of real configurations: each comes to what Python says, or is refused with section, option, place and remedy.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use offlinesync_cli::config::pyexpr::Expression;
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::collections::BTreeSet;
use std::path::Path;
use support::python::Python;
use support::sandbox::{ACCOUNT, Sandbox};

/// Number, expression, and what to call it with: several words are several calls, a word with a `|` is two arguments.
const WORKING: &[(u32, &str, &[&str])] = &[
    (
        1,
        "lambda folder: re.sub('.*All Mail$', 'archive', re.sub('.*Drafts$', 'drafts', re.sub('.*Sent Mail$', 'sent', re.sub('.*Starred$', 'flagged', re.sub('.*Spam$', 'spam', re.sub('.*Trash$', 'trash', folder))))))",
        &["[Gmail]/All Mail", "[Gmail].Drafts", "x"],
    ),
    (
        1,
        "lambda folder: re.sub('sent', '[Gmail].Sent Mail', re.sub('flagged', '[Gmail].Starred', folder))",
        &["sent", "absent"],
    ),
    (
        2,
        r"lambda foldername: re.sub('^\[gmail\]', 'bak', re.sub('sent_mail', 'sent', re.sub('starred', 'flagged', re.sub(' ', '_', foldername.lower()))))",
        &["[Gmail]/Sent Mail", "[Gmail]/Starred", "INBOX"],
    ),
    (3, "lambda f: re.sub('a', 'b',\n#re.sub('b', 'c',\nre.sub('c', 'd', f))", &["abc"]),
    (
        4,
        "lambda folder: {'drafts': '[Gmail]/Drafts', 'sent': '[Gmail]/Sent Mail',}.get(folder, folder)",
        &["drafts", "x"],
    ),
    (
        5,
        "lambda f: {'[Gmail]/Messages envoy&AOk-s': 'nh.sent', '[Gmail]/Brouillons': 'nh.drafts'}.get(f, 'nh.' + f)",
        &["[Gmail]/Messages envoy&AOk-s", "x"],
    ),
    (
        6,
        r"lambda f: {'[Gmail]/Bin': 'trash'}.get(f, re.sub(' ', '_', re.sub('^\[Gmail\]/', '', f)).lower())",
        &["[Gmail]/Bin", "[Gmail]/All Mail"],
    ),
    (7, "lambda folder: {'inbox': 'INBOX'}.get(folder, folder.title())", &["inbox", "sent items", "o'neil x-y"]),
    (7, "lambda folder: {'[Gmail]/All Mail': 'Archive'}.get(folder, folder).lower()", &["[Gmail]/All Mail", "\u{c4}"]),
    (8, r#"lambda f: ["INBOX." + f, f][f == "INBOX"]"#, &["INBOX", "x"]),
    (9, "lambda folder: folder.capitalize() if folder in ['inbox', 'junk',] else folder", &["inbox", "Other"]),
    (9, r#"lambda folder: folder.capitalize() if folder != "inbox" else folder.upper()"#, &["inbox", "sENT"]),
    (10, "lambda f: '[Gmail]/' + f if f in ['Drafts', 'Sent Mail'] else f", &["Drafts", "x"]),
    (10, "lambda f: f.replace('[Gmail]/', '') if f.startswith('[Gmail]/') else f", &["[Gmail]/Drafts", "x"]),
    (11, "lambda folder: folder.replace('[Gmail]/', '').replace(' ', '_')", &["[Gmail]/All Mail"]),
    (12, r"lambda foldername: re.sub(' ', '\u00a0', foldername)", &["a b"]),
    (12, r"lambda foldername: re.sub('\u00a0', ' ', foldername)", &["a\u{a0}b"]),
    (
        14,
        r"lambda f: re.sub('\s+', '', re.sub('(.+)(\\.)(.+)', '\\1_\\3', re.sub('(^.{1})', '.\\1', f)))",
        &["a b.c d", "x"],
    ),
    (
        15,
        r"lambda f: re.sub('^Sent$', 'root/Sent', re.sub('^(\[G.*ail\]|INBOX)', 'root', f))",
        &["[Google Mail]/x", "Sent", "INBOX"],
    ),
    (16, "lambda f: 'INBOX' if f == '' else f.replace('.', '', 1)", &["", ".Sent.x"]),
    (16, "lambda f: '' if f == 'INBOX' else '.' + f", &["INBOX", "Sent"]),
    (19, "lambda f: f not in ['[Gmail]/All Mail', '[Gmail]/Spam']", &["[Gmail]/Spam", "x"]),
    (19, "lambda f: f not in ('a', 'b')", &["a", "c"]),
    (19, "lambda f: f not in {'a', 'b'}", &["a", "c"]),
    (19, "lambda f: f not in []", &["a"]),
    (19, "lambda folder: folder == 'INBOX'", &["INBOX", "x"]),
    (20, "lambda foldername: foldername not in '[Gmail]/All Mail'", &["All", "x"]),
    (21, "lambda f: f in ['a' 'b', 'c']", &["a", "ab", "c"]),
    (22, "lambda foldername: any(foldername in s for s in ['INBOX', 'Sent'])", &["INB", "x"]),
    (
        23,
        "lambda f: f.startswith('[Gmail]/') and \\\n f[8:] in ['All Mail', 'Trash']",
        &["[Gmail]/All Mail", "[Gmail]/x", "x"],
    ),
    (24, "lambda folder: folder.split('/')[0] in ('INBOX', 'Drafts', 'Sent Items')", &["INBOX/x", "y/INBOX"]),
    (25, "lambda folder: not re.search('(^Trash$|Planif|Junk|^All|Del)', folder)", &["Trash", "xTrash", "Deleted"]),
    (25, "lambda folder: not re.search('(^draft|^junk)', folder, re.IGNORECASE)", &["Drafts", "x"]),
    (25, "lambda folder: bool(re.search('INBOX|Drafts', folder))", &["INBOX.x", "x"]),
    (
        26,
        "lambda folder: folder.startswith('.S/') or folder in ['x'] or bool(re.search('Draft', folder))",
        &[".S/a", "aDraft", "y"],
    ),
    (26, "lambda f: not f.startswith('Calendar') and not f.startswith('Contacts')", &["Calendar/x", "x"]),
    (26, r#"lambda folder: "important" not in folder.lower()"#, &["Important", "x"]),
    (27, "lambda a, f: (a, f) not in [('acct', 'spam'), ('other', 'x')]", &["acct|spam", "acct|x"]),
    (28, "lambda x, y: len(x) - len(y)", &["ab|c", "a|bcd"]),
    (30, "\"literal\"", &[]),
    (31, "'user@host'", &[]),
];

/// Number, option, expression, and words that the error and its hint must have.
const REFUSED: &[(u32, &str, &str, &[&str])] = &[
    (
        13,
        "nametrans",
        "lambda folder: re.sub('^([^[]+)$', labelize_folder, folder)",
        &["`labelize_folder` is not defined", "column 36", "nothing defines it"],
    ),
    (
        17,
        "nametrans",
        "lambda foldername: foldername.decode('imap4-utf-7').encode('utf-8')",
        &["`utf8foldernames = yes`", "column 31"],
    ),
    (18, "nametrans", "nt_local(mapping_gmx)", &["`nt_local` is not defined", "column 1", "nothing defines it"]),
    (18, "nametrans", "lambda f: local_name('gmail', f)", &["`local_name` is not defined", "column 11"]),
    (
        29,
        "remotepasseval",
        "get_pass(\"mail/x\")",
        &["`get_pass` is not defined", "`remotepasscmd = pass show mail/x`"],
    ),
    (28, "foldersort", "mycmp", &["`mycmp` is not defined", "column 1"]),
    (
        31,
        "oauth2_refresh_token_eval",
        "get_pass('gmail', ['pass', 'x'])",
        &["`get_pass` is not defined", "oauth2_refresh_token_cmd"],
    ),
    (
        30,
        "remotepasseval",
        "subprocess.check_output([\"pass\", \"show\", \"x\"]).strip()",
        &["`subprocess` is not defined", "`remotepasscmd = pass show x`"],
    ),
    (
        30,
        "remotepasseval",
        "open(__import__('os').path.expanduser('~/pw')).read().strip()",
        &["`remotepasscmd = head -n 1 ~/pw`"],
    ),
    (
        30,
        "remotepasseval",
        "keyring.get_password(\"svc\", \"user\")",
        &["`remotepasscmd = secret-tool lookup service svc username user`"],
    ),
    (30, "remotepasseval", "environ[\"MAIL_PASS\"]", &["`remotepasscmd = printenv MAIL_PASS`"]),
    (30, "remoteporteval", "int(environ[\"MAIL_PORT\"])", &["`environ` is not defined", "column 5"]),
    (
        30,
        "remoteusereval",
        "str(get_username(\"imap\", \"acct\"))",
        &["`get_username` is not defined", "`remoteusercmd`"],
    ),
    (
        30,
        "remotepasseval",
        "get_password(\n machine='h',\n login='u')",
        &["`get_password` is not defined", "line 1, column 1", "`remotepasscmd`"],
    ),
];

#[test]
fn the_samples_come_to_what_python_says() {
    let mut python = Python::start("expression_oracle.py");
    for (number, expression, calls) in WORKING {
        let parsed = Expression::parse(expression).unwrap_or_else(|error| panic!("{number}: {expression}: {error}"));
        if calls.is_empty() {
            assert_eq!(parsed.repr().unwrap(), python.ask(&[expression, ""]), "{number}");
        }
        for call in *calls {
            let arguments: Vec<&str> = call.split('|').collect();
            // Python is asked for the call written out where there are two arguments.
            let theirs = match arguments.as_slice() {
                [a, b] => python.ask(&[&format!("({expression})({a:?}, {b:?})"), ""]),
                _ => python.ask(&[expression, call]),
            };
            let ours = parsed.call_for_repr(&arguments).unwrap_or_else(|error| panic!("{number}: {error}"));
            assert_eq!(ours, theirs, "{number}: {expression} {call}");
        }
    }
}

/// Which option a sample that works is of; those of `[mbnames]` are for all accounts.
fn option_of(number: u32) -> &'static str {
    match number {
        1..=18 => "nametrans",
        19..=26 => "folderfilter",
        27 => "[mbnames] folderfilter",
        28 => "foldersort",
        _ => "remoteusereval",
    }
}

/// Creates every folder that a sample is called with and that a server can have; answers what there is then.
fn create_folders(client: &mut Client) -> BTreeSet<String> {
    let names = WORKING.iter().filter(|(number, ..)| *number <= 26).flat_map(|(_, _, calls)| calls.iter());
    let names: BTreeSet<&str> = names.copied().filter(|name| name.is_ascii() && !name.is_empty()).collect();
    for name in names.iter().filter(|name| !name.eq_ignore_ascii_case("INBOX") && !name.starts_with('.')) {
        client.ok(&format!("CREATE \"{name}\""));
    }
    let is_folder = |attributes: &[String]| !attributes.iter().any(|word| word.eq_ignore_ascii_case("\\Noselect"));
    let listed = client.list().into_iter().filter(|listed| is_folder(&listed.attributes));
    let folders: BTreeSet<String> = listed.map(|listed| listed.name).collect();
    for folder in &folders {
        client.append(folder, "", None, format!("Subject: {folder}\r\n\r\n").as_bytes());
    }
    folders
}

/// An account for a sample. Sample 16 is about a store whose root is a folder, which servers do not have.
fn account(
    name: &str,
    port: u16,
    option: &str,
    expression: &str,
    folders: &BTreeSet<String>,
    calls: &[&str],
) -> String {
    let written = expression.replace('%', "%%").replace('\n', "\n  ");
    let user = if option == "remoteusereval" { String::new() } else { "remoteuser = u1\n".to_owned() };
    let called: Vec<String> = folders.iter().filter(|folder| calls.contains(&folder.as_str())).cloned().collect();
    let only = match option {
        "nametrans" | "foldersort" => format!("folderfilter = lambda f: f in {called:?}\n"),
        _ => String::new(),
    };
    let line = if option.starts_with('[') { String::new() } else { format!("{option} = {written}\n") };
    format!(
        "[Account {name}]\nlocalrepository = {name}-l\nremoterepository = {name}-r\n\
         [Repository {name}-l]\ntype = Maildir\nlocalfolders = ~/mail/{name}\nsep = /\n\
         [Repository {name}-r]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {port}\n{user}remotepass = pw\n\
         ssl = no\nstarttls = no\ncreatefolders = no\n{line}{only}"
    )
}

/// The folders of a Maildir that have a message.
fn folders_below(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        let below = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        let (parts, others): (Vec<_>, Vec<_>) = below
            .filter(|path| path.is_dir())
            .partition(|path| ["cur", "new", "tmp"].iter().any(|part| path.ends_with(part)));
        if parts.iter().any(|part| std::fs::read_dir(part).unwrap().count() == 1) {
            found.insert(directory.strip_prefix(root).unwrap().display().to_string());
        }
        left.extend(others);
    }
    found
}

/// Every sample in an account of its own, all of them in one run with one real server.
#[test]
fn every_sample_that_works_does_so_in_a_whole_sync_with_a_real_server() {
    let server = Dovecot::start(Options::default());
    let folders = create_folders(&mut server.client("u1"));
    for user in ["u2", "u3"] {
        server.client(user).append("INBOX", "", None, b"Subject: own\r\n\r\n");
    }
    let samples: Vec<(String, &str, String, &[&str])> = WORKING
        .iter()
        .enumerate()
        .map(|(at, (number, expression, calls))| {
            // Whose account it is says the server here.
            let expression = expression.replace("literal", "u2").replace("user@host", "u3");
            (format!("s{number}-{at}"), option_of(*number), expression, *calls)
        })
        .collect();
    let names: Vec<&str> = samples.iter().map(|(name, ..)| name.as_str()).collect();
    let mut text = format!("[general]\naccounts = {}\nmaxsyncaccounts = 4\nfsync = no\n", names.join(", "));
    for (name, option, expression, calls) in &samples {
        text += &account(name, server.port(), option, expression, &folders, calls);
        if let Some(option) = option.strip_prefix("[mbnames] ") {
            text += &format!(
                "[mbnames]\nenabled = yes\nfilename = ~/list\nheader = ''\nperitem = %%(accountname)s\nsep = ' '\nfooter = ''\n{option} = {expression}\n"
            );
        }
    }
    let sandbox = Sandbox::new(&text);
    let run = sandbox.run(&[]);
    for (name, option, expression, calls) in &samples {
        let parsed = Expression::parse(expression).unwrap();
        let called = folders.iter().filter(|folder| calls.contains(&folder.as_str()));
        let expected: BTreeSet<String> = match *option {
            "nametrans" => called.map(|folder| parsed.call_for_string(&[folder]).unwrap()).collect(),
            "folderfilter" => {
                folders.iter().filter(|folder| parsed.call_for_truth(&[folder]).unwrap()).cloned().collect()
            }
            "foldersort" => called.cloned().collect(),
            "remoteusereval" => BTreeSet::from(["INBOX".to_owned()]),
            _ => folders.clone(),
        };
        let root = sandbox.path("mail").join(name);
        let found = if root.exists() { folders_below(&root) } else { BTreeSet::new() };
        assert_eq!(found, expected, "{name}: {option} = {expression}\n{}", run.err);
    }
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(std::fs::read_to_string(sandbox.path("list")).unwrap().contains("s27-"));
}

#[test]
fn what_needs_python_is_refused_with_section_option_place_and_remedy() {
    for (number, option, expression, words) in REFUSED {
        let lines = format!("type = IMAP\nremotehost = h\nremoteuser = u\n{option} = {expression}\n");
        let sandbox = Sandbox::new(&ACCOUNT.replace("type = Maildir\nlocalfolders = ~/remote\n", &lines));
        let run = sandbox.run(&["check"]);
        assert_eq!(run.code, 2, "{number}: {expression}: {}", run.err);
        for word in words.iter().chain(&["[Repository r]", *option]) {
            assert!(run.err.contains(word), "{number}: {word}: {}", run.err);
        }
    }
}

#[test]
fn every_sample_is_here() {
    let mut numbers: Vec<u32> = WORKING.iter().map(|(number, ..)| *number).collect();
    numbers.extend(REFUSED.iter().map(|(number, ..)| *number));
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=31).collect::<Vec<u32>>());
}
