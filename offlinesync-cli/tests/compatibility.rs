//! The tables of docs/compatibility.md say of every option and flag what becomes of it; here they are held against the definitions
//! in the code, and against the tests that they name.

mod support;

use offlinesync_cli::args;
use offlinesync_cli::config::options::{Kind, OPTIONS, OptionSpec, Status};
use std::collections::BTreeMap;
use std::path::Path;
use support::sandbox::{ACCOUNT, Sandbox};

const TABLES: &str = include_str!("../../docs/compatibility.md");
const DIFFERENCES: &str = include_str!("../../docs/differences.md");

/// One row.
#[derive(Debug)]
struct Row {
    table: String,
    name: String,
    verdict: String,
    held_by: String,
}

fn rows() -> Vec<Row> {
    let (mut rows, mut table) = (Vec::new(), "");
    for line in TABLES.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            table = title;
        }
        let cells: Vec<&str> = line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        if let [name, verdict, _, held_by] = cells.as_slice()
            && let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'))
        {
            let [verdict, held_by] = [verdict, held_by].map(|cell| (*cell).to_owned());
            rows.push(Row { table: table.to_owned(), name: name.to_owned(), verdict, held_by });
        }
    }
    rows
}

/// The table of a kind of options.
fn table(kind: Kind) -> &'static str {
    match kind {
        Kind::General => "[general]",
        Kind::Mbnames => "[mbnames]",
        Kind::Account => "[Account NAME]",
        Kind::Any => "[Repository NAME]: any type",
        Kind::Imap => "[Repository NAME]: type = IMAP or Gmail",
        Kind::Maildir => "[Repository NAME]: type = Maildir or GmailMaildir",
    }
}

fn agrees(option: &OptionSpec, verdict: &str) -> bool {
    match option.status {
        Status::Works => ["works", "works better", "new", "accepted"].contains(&verdict),
        Status::Ignored => verdict == "accepted",
        Status::Refused => verdict == "refused",
    }
}

#[test]
fn every_option_has_one_row_that_says_what_the_code_says() {
    let rows = rows();
    for option in OPTIONS {
        let table = table(option.kind);
        let own: Vec<&Row> = rows.iter().filter(|row| row.table == table && row.name == option.name).collect();
        let [row] = own.as_slice() else { panic!("`{}` has {} rows under {table}", option.name, own.len()) };
        assert!(
            agrees(option, &row.verdict),
            "`{}` is {:?}, the table says `{}`",
            option.name,
            option.status,
            row.verdict
        );
    }
    for row in rows.iter().filter(|row| row.table.starts_with('[')) {
        let known = OPTIONS.iter().any(|option| option.name == row.name && table(option.kind) == row.table);
        assert!(known, "`{}` under {} is no option", row.name, row.table);
    }
}

#[test]
fn every_flag_and_command_has_a_row() {
    let rows = rows();
    let words = |table: &str| -> Vec<String> {
        let own = rows.iter().filter(|row| row.table == table);
        own.flat_map(|row| row.name.split(", ").map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let (flags, commands) = (words("Command line"), words("Commands"));
    let definition = args::definition();
    let mut known = Vec::new();
    for arg in definition.get_arguments().filter(|arg| !arg.is_positional()) {
        known.extend(arg.get_short().map(|short| format!("-{short}")));
        known.extend(arg.get_long().map(|long| format!("--{long}")));
    }
    for flag in &known {
        assert!(flags.contains(flag), "`{flag}` has no row");
    }
    for command in definition.get_subcommands() {
        assert!(commands.iter().any(|name| name == command.get_name()), "`{}` has no row", command.get_name());
    }
    for flag in &flags {
        assert!(known.contains(flag), "`{flag}` is no flag");
    }
}

/// Whether a test `cli/tests/x.rs::name` is there: a function of this name right behind `#[test]`.
fn holds(reference: &str, files: &mut BTreeMap<String, String>) -> bool {
    let Some((file, name)) = reference.split_once("::") else { return false };
    let text = files.entry(file.to_owned()).or_insert_with(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../offlinesync-{file}"));
        std::fs::read_to_string(path).unwrap_or_default()
    });
    text.contains(&format!("#[test]\nfn {name}(")) || text.contains(&format!("#[test]\n    fn {name}("))
}

#[test]
fn every_row_and_every_difference_names_a_test_that_exists() {
    let mut files = BTreeMap::new();
    let rows = rows();
    assert!(rows.len() > 150, "the tables are not read: {}", rows.len());
    for row in &rows {
        for test in row.held_by.split(", ") {
            assert!(holds(test, &mut files), "`{}` under {}: {test}", row.name, row.table);
        }
    }
    let references: Vec<&str> = DIFFERENCES.split('`').filter(|word| word.contains(".rs::")).collect();
    let points = DIFFERENCES.lines().filter(|line| line.starts_with("- **")).count();
    assert!(references.len() >= points && points > 20, "{points} points, {} tests", references.len());
    for reference in references {
        assert!(holds(reference, &mut files), "{reference}");
    }
}

/// What OfflineIMAP 8.0 documents or reads, by the sections of its files: its manual page, its commented example and its code.
const THEIRS: &[(&str, &str)] = &[
    (
        "[general]",
        "metadata accounts maxsyncaccounts ui ignore-readonly pythonfile socktimeout fsync utime_from_header \
        filename_use_mail_timestamp ignore-keyring update-keyring dry-run",
    ),
    ("[mbnames]", "enabled filename header sep footer peritem incremental folderfilter sort_keyfunc"),
    (
        "[Account NAME]",
        "localrepository remoterepository autorefresh quick presynchook postsynchook maxsize maxage \
        maildir-windows-compatible synclabels labelsheader ignorelabels filterheaders proxy authproxy utf8foldernames \
        status_backend skipsleep",
    ),
    (
        "[Repository NAME]: any type",
        "type nametrans folderfilter folderincludes foldersort dynamic_folderfilter createfolders \
        readonly sync_deletes startdate utime_from_header filename_use_mail_timestamp",
    ),
    (
        "[Repository NAME]: type = IMAP or Gmail",
        "remotehost remotehosteval remoteport remoteporteval remoteuser remoteusereval \
        remote_identity remotepass remotepassfile remotepasseval auth_mechanisms ssl starttls sslclientcert sslclientkey \
        sslcacertfile cert_fingerprint ssl_version tls_level ipv6 preauthtunnel transporttunnel reference subscribedonly \
        decodefoldernames idlefolders usecompression maxconnections singlethreadperfolder holdconnectionopen keepalive expunge \
        retrycount copy_ignore_eval newmail_hook oauth2_client_id oauth2_client_id_eval oauth2_client_secret \
        oauth2_client_secret_eval oauth2_refresh_token oauth2_refresh_token_eval oauth2_access_token oauth2_access_token_eval \
        oauth2_request_url trashfolder spamfolder realdelete sep",
    ),
    ("[Repository NAME]: type = Maildir or GmailMaildir", "localfolders sep restoreatime customflag_*"),
    (
        "Command line",
        "-h --help --version -V --dry-run --info -1 -P -a -c -d -l -s -f -k -o -q -u --column --no-column \
        --delete-folder --migrate-fmd5-using-nametrans --mbnames-prune --ignore-keyring --update-keyring",
    ),
    ("Signals and exit status", "SIGUSR1 SIGUSR2 SIGABRT SIGTERM SIGINT SIGHUP SIGQUIT"),
    ("Interfaces", "quiet basic ttyui syslog machineui blinkenlights"),
];

#[test]
fn nothing_that_offlineimap_has_is_missing() {
    let rows = rows();
    for (table, names) in THEIRS {
        let own: Vec<&str> =
            rows.iter().filter(|row| row.table == *table).flat_map(|row| row.name.split(", ")).collect();
        for name in names.split_whitespace() {
            assert!(own.contains(&name), "`{name}` has no row under {table}");
        }
    }
}

#[test]
fn versions_are_told_in_two_ways() {
    let sandbox = Sandbox::new("");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(sandbox.run(&["--version"]).out, format!("{version}\n"));
    let long = sandbox.run(&["-V"]);
    assert!(long.code == 0 && long.out.starts_with(&format!("offlinesync v{version}, ")), "{long:?}");
}

#[test]
fn flags_about_keyrings_are_accepted() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&["--ignore-keyring"]).silent();
    sandbox.run(&["--update-keyring"]).silent();
}
