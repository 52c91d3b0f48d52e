//! From the file to what is done: every plain option is read into the setting that it names, and what needs no doing is accepted.

use offlinesync_cli::config::discover::Environment;
use offlinesync_cli::config::options::{self, Kind, OPTIONS, Status};
use offlinesync_cli::config::{Config, check};
use offlinesync_cli::settings::{AccountSettings, Encryption, General, ImapSettings, MaildirSettings, Store};
use offlinesync_core::plan::ConflictRule;
use offlinesync_imap::config::ProxyKind;
use std::ffi::OsString;
use std::time::Duration;

/// A home directory, and nothing else.
struct Home;

impl Environment for Home {
    fn var(&self, name: &str) -> Option<OsString> {
        (name == "HOME").then(|| "/h".into())
    }
}

const HEAD: [(&str, &str); 5] = [
    ("general", "accounts = a"),
    ("mbnames", "enabled = no"),
    ("Account a", "localrepository = l\nremoterepository = r"),
    ("Repository l", "type = Maildir\nlocalfolders = ~/Mail"),
    ("Repository r", "type = IMAP\nremotehost = h\nremoteuser = u"),
];

/// A configuration with these lines added to a section.
fn config(section: &str, lines: &str) -> Config {
    let text: String = HEAD
        .iter()
        .map(|(name, own)| format!("[{name}]\n{own}\n{}\n", if *name == section { lines } else { "" }))
        .collect();
    Config::parse(text.as_bytes(), &"file".into()).unwrap_or_else(|error| panic!("{lines}: {error}"))
}

fn read(section: &str, lines: &str) -> (General, AccountSettings) {
    let config = config(section, lines);
    let general = General::read(&config, &Home).unwrap_or_else(|error| panic!("{lines}: {error}"));
    let account = AccountSettings::read(&config, &general, "a", &Home);
    (general, account.unwrap_or_else(|error| panic!("{lines}: {error}")))
}

fn general(lines: &str) -> General {
    read("general", lines).0
}

fn account(lines: &str) -> AccountSettings {
    read("Account a", lines).1
}

fn imap(lines: &str) -> ImapSettings {
    match read("Repository r", lines).1.repositories.remote.store {
        Store::Imap(settings) => *settings,
        Store::Maildir(_) => panic!("{lines}"),
    }
}

fn maildir(lines: &str) -> MaildirSettings {
    match read("Repository l", lines).1.repositories.local.store {
        Store::Maildir(settings) => settings,
        Store::Imap(_) => panic!("{lines}"),
    }
}

#[test]
fn general_options_are_read() {
    assert_eq!(general("accounts = a , b,c ,").accounts, ["a", "b", "c"]);
    assert_eq!(general("metadata = ~/meta").metadata.to_str(), Some("/h/meta"));
    assert_eq!(general("").metadata.to_str(), Some("/h/.offlineimap"));
    assert_eq!((general("maxsyncaccounts = 3").max_sync_accounts, general("").max_sync_accounts), (3, 1));
    assert_eq!(general("ui = basic").ui.map(|value| value.text), Some("basic".to_owned()));
    assert!(!general("fsync = off").fsync && general("").fsync);
    assert_eq!(general("socktimeout = 7").timeout, Duration::from_secs(7));
    assert_eq!([general("socktimeout = 0").timeout, general("").timeout], [Duration::from_secs(60); 2]);
    assert!(read("general", "ignore-readonly = 1").1.ignore_read_only && !account("").ignore_read_only);
    assert!(read("general", "dry-run = True").1.policy.dry_run && !account("").policy.dry_run);
}

#[test]
fn account_options_are_read() {
    assert_eq!(account("autorefresh = 0.5").autorefresh, Some(Duration::from_secs(30)));
    assert_eq!((account("autorefresh = -1").autorefresh, account("quick = -1").quick), (None, -1));
    assert_eq!(account("presynchook = a b").pre_sync_hook.as_deref(), Some("a b"));
    assert_eq!(account("postsynchook = c").post_sync_hook.as_deref(), Some("c"));
    assert!(account("maildir-windows-compatible = yes").windows_compatible);
    assert!(account("utf8foldernames = yes").utf8_names);
    assert_eq!(account("conflict = change").policy.conflict, ConflictRule::ChangeWins);
    let brake = "mass_delete_floor = 1\nmass_delete_percent = 2\nmass_delete_folder = 3\nmass_delete_account = 4";
    let brake = account(brake).policy.brake;
    assert_eq!((brake.folder_floor, brake.folder_percent, brake.emptied_folder, brake.emptied_account), (1, 2, 3, 4));
}

#[test]
fn a_proxy_is_read_with_its_login_and_that_of_access_tokens_is_the_same_unless_it_is_set() {
    let socks = account("proxy = socks5:p.example:1080:u:p:w");
    let proxy = socks.proxy.unwrap();
    assert_eq!((proxy.kind, proxy.host.as_str(), proxy.port), (ProxyKind::Socks5, "p.example", 1080));
    let (user, password) = proxy.login.unwrap();
    assert_eq!((user.as_str(), password.expose()), ("u", "p:w"));
    assert_eq!(socks.token_proxy.map(|proxy| proxy.port), Some(1080));
    let own = account("proxy = SOCKS4:h:1\nauthproxy = HTTP:[::1]:8080");
    assert_eq!(own.token_proxy.map(|proxy| (proxy.kind, proxy.host)), Some((ProxyKind::Http, "::1".to_owned())));
    for none in ["", "''", "\"\""] {
        let set = account(&format!("proxy = SOCKS5:h:1\nauthproxy = {none}"));
        assert!(set.proxy.is_some() && set.token_proxy.is_none(), "{none}");
    }
    for wrong in ["h:1", "SOCKS5:h", "SOCKS6:h:1", "HTTP:h:0", "HTTP:h:1:user"] {
        let config = config("Account a", &format!("proxy = {wrong}"));
        let general = General::read(&config, &Home).unwrap();
        let error = AccountSettings::read(&config, &general, "a", &Home).unwrap_err();
        assert!(error.to_string().contains("`proxy` in [Account a] must be SOCKS5:host:port"), "{error}");
    }
}

#[test]
fn options_of_any_repository_are_read() {
    for (section, side) in [("Repository r", "remote"), ("Repository l", "local")] {
        let policy = |lines: &str| read(section, lines).1.policy;
        assert!(format!("{:?}", policy("readonly = yes").read_only).contains(&format!("{side}: true")));
        assert!(format!("{:?}", policy("sync_deletes = no").propagate_removals).contains(&format!("{side}: false")));
        assert!(format!("{:?}", policy("createfolders = no").create_folders).contains(&format!("{side}: false")));
    }
    assert_eq!(read("Repository r", "type = Gmail").1.repositories.remote.type_, "Gmail");
    assert_eq!(read("Repository l", "type = gmailmaildir").1.repositories.local.type_, "GmailMaildir");
}

#[test]
fn options_of_a_server_are_read() {
    assert_eq!(imap("auth_mechanisms = plain, CRAM-MD5").mechanisms, ["PLAIN", "CRAM-MD5"]);
    assert!(imap("ssl_version = tls1_3").tls13 && !imap("ssl_version = tls1_2\ntls_level = tls_secure").tls13);
    assert_eq!((imap("ipv6 = yes").ipv6, imap("ipv6 = no").ipv6, imap("").ipv6), (Some(true), Some(false), None));
    assert_eq!((imap("maxconnections = 4").max_connections, imap("").max_connections), (4, 2));
    assert!(imap("holdconnectionopen = yes").hold_open);
    assert_eq!(imap("keepalive = 60").keep_alive, Some(Duration::from_secs(60)));
    assert_eq!(imap("retrycount = 5").retries, 5);
    assert_eq!(imap("remote_identity = boss").acting_for, "boss");
    assert_eq!(imap("reference = Lists/").reference, "Lists/");
    assert!(imap("subscribedonly = yes").subscribed_only && !imap("expunge = no").expunge);
    let certificate = imap("sslclientcert = ~/c.pem\nsslclientkey = /k.pem").client_certificate;
    assert_eq!(certificate, Some(("/h/c.pem".into(), "/k.pem".into())));
    assert_eq!(
        imap("preauthtunnel = ssh h imapd").tunnel.map(|tunnel| (tunnel.command, tunnel.preauth)),
        Some(("ssh h imapd".to_owned(), true))
    );
    assert_eq!(imap("ssl = no").port, 143);
    assert!(imap("sslcacertfile = OS-DEFAULT").ca_file.is_none());
    assert_eq!(imap("type = Gmail\nssl = no\nstarttls = no").encryption, Encryption::None);
}

#[test]
fn options_of_a_maildir_are_read() {
    assert_eq!((maildir("sep = \"/\"").separator, maildir("sep = '/'").separator), ('/', '/'));
    assert_eq!((maildir("sep = /").separator, maildir("").separator), ('/', '.'));
    assert!(!maildir("filetime = no").file_time && maildir("").file_time);
    assert!(!maildir("stable_directories = no").stable_directories && maildir("").stable_directories);
    assert_eq!(maildir("customflag_x = $Work").custom_flags.get(&'x').map(String::as_str), Some("$Work"));
}

/// The section of a kind of options in [`HEAD`].
fn section(kind: Kind) -> &'static str {
    match kind {
        Kind::General => "general",
        Kind::Mbnames => "mbnames",
        Kind::Account => "Account a",
        Kind::Any | Kind::Imap => "Repository r",
        Kind::Maildir => "Repository l",
    }
}

#[test]
fn options_that_need_no_doing_are_accepted_without_a_word() {
    for option in OPTIONS.iter().filter(|option| option.status == Status::Ignored) {
        let value = match option.value {
            options::Value::Bool => "yes",
            options::Value::Int => "7",
            _ => "some text",
        };
        let lines = format!("{} = {value}", option.name);
        let config = config(section(option.kind), &lines);
        assert_eq!(check::warnings(&config, &[section(option.kind)]), [], "{lines}");
        read(section(option.kind), &lines);
    }
}

#[test]
fn refused_options_name_their_line_unless_they_are_off() {
    for option in OPTIONS {
        let value = if option.value == options::Value::Bool { "yes" } else { "['x']" };
        let section = section(option.kind);
        let set = config(section, &format!("{} = {value}", option.name));
        match option.status {
            Status::Refused => {
                let error = check::refuse_unsupported(&set, &[section]).map(|()| option.name).unwrap_err();
                assert!(error.to_string().contains(&format!("`{}` in [{section}]", option.name)), "{error}");
                let off = config(section, &format!("{} = {}", option.name, option.default));
                assert!(check::refuse_unsupported(&off, &[section]).is_ok(), "{}", option.name);
            }
            Status::Works | Status::Ignored => {}
        }
    }
}

/// Who has headers filtered wants them to stay here: they must not go up because nobody filters them.
#[test]
fn headers_that_are_to_stay_here_are_not_sent_because_nothing_is_filtered() {
    let set = config("Account a", "filterheaders = X-Private, X-Note");
    let general = General::read(&set, &Home).unwrap();
    let error = AccountSettings::read(&set, &general, "a", &Home).unwrap_err();
    assert!(error.to_string().starts_with("file:10: `filterheaders` in [Account a] is not supported"), "{error}");
    assert_eq!(error.hint(), Some("remove the line, or override it with `-k Account_a:filterheaders=`"));
    account("filterheaders =");
}

#[test]
fn gssapi_is_passed_over_among_others_and_refused_alone() {
    assert_eq!(imap("auth_mechanisms = GSSAPI, cram-md5, PLAIN").mechanisms, ["GSSAPI", "CRAM-MD5", "PLAIN"]);
    let set = config("Repository r", "auth_mechanisms = gssapi");
    let general = General::read(&set, &Home).unwrap();
    let error = AccountSettings::read(&set, &general, "a", &Home).unwrap_err();
    assert_eq!(
        error.to_string(),
        "file:19: `auth_mechanisms` in [Repository r] names GSSAPI alone, which is not supported; nothing was synced"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("add PLAIN") && hint.contains("preauthtunnel")));
}

#[test]
fn decoded_folder_names_are_those_of_utf8foldernames_and_a_warning_says_so() {
    let set = config("Repository r", "decodefoldernames = yes");
    let warnings = check::warnings(&set, &["Repository r"]);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].text.contains("is taken for `utf8foldernames = yes`"), "{}", warnings[0]);
    assert!(read("Repository r", "decodefoldernames = yes").1.utf8_names);
    assert!(!read("Repository r", "decodefoldernames = no").1.utf8_names);
}
