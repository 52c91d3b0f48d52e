//! From the file to what the backends are told: every option that a backend acts on reaches it.

use super::*;
use crate::config::Config;
use crate::control::Control;
use crate::settings::General;
use crate::ui::{DebugTypes, choose};
use offlinesync_imap::config::Compression;
use std::collections::HashMap;
use std::io::sink;
use std::path::PathBuf;

const HEAD: [(&str, &str); 4] = [
    ("general", "accounts = a"),
    ("Account a", "localrepository = l\nremoterepository = r"),
    ("Repository l", "type = Maildir\nlocalfolders = /m"),
    ("Repository r", "type = IMAP\nremotehost = h\nremoteuser = u\nremotepass = p"),
];

/// What the backends of the account are made of, with these lines added to a section.
fn told(section: &str, lines: &str, single: bool) -> (ImapConfig, MaildirConfig, Arc<Remembered>) {
    let own = |name: &str| if name == section { lines } else { "" };
    let text: String = HEAD.iter().map(|(name, head)| format!("[{name}]\n{head}\n{}\n", own(name))).collect();
    let environment = HashMap::from([("HOME", "/h")]);
    let config = Config::parse(text.as_bytes(), &"file".into()).unwrap();
    let general = General::read(&config, &environment).unwrap();
    let account = AccountSettings::read(&config, &general, "a", &environment).unwrap();
    let streams = Arc::new(Streams::new(sink(), sink(), Arc::new(environment)));
    let interface = choose(Some("quiet"), &streams, &Arc::new(Control::default())).unwrap().interface;
    let hub = Arc::new(Hub::new(interface, None, None, DebugTypes::default(), false));
    let means = Means { hub, streams, cancel: Cancel::new(), fsync: general.fsync, single };
    let PerSide { remote, local } = &account.repositories;
    let (Store::Imap(server), Store::Maildir(directory)) = (&remote.store, &local.store) else { panic!("{text}") };
    let (login, observer) = (Remembered::new(&account, remote, server, &means), Arc::new(()) as Arc<dyn Observer>);
    let server = imap(&account, remote, server, &login, &observer).unwrap();
    (server, maildir(&account, local, directory, &means, &observer), login)
}

fn server(lines: &str) -> ImapConfig {
    told("Repository r", lines, false).0
}

fn directory(section: &str, lines: &str) -> MaildirConfig {
    told(section, lines, false).1
}

#[test]
fn a_server_is_reached_and_logged_in_to_as_the_file_says() {
    let plain = server("");
    assert_eq!((plain.host.as_str(), plain.port, plain.user.as_str(), plain.tls), ("h", Some(993), "u", Tls::Implicit));
    assert_eq!((plain.min_tls, plain.verify_name, plain.ipv6), (TlsVersion::V1_2, true, None));
    assert!(matches!(plain.trust, Trust::System), "{:?}", plain.trust);
    assert_eq!((server("ssl = no").tls, server("ssl = no").port), (Tls::StartTls, Some(143)));
    assert_eq!(server("ssl = no\nstarttls = no").tls, Tls::None);
    assert_eq!(
        (server("type = Gmail\nssl = no").tls, server("type = Gmail\nssl = no").port),
        (Tls::StartTls, Some(993))
    );
    assert_eq!(server("ssl_version = tls1_3").min_tls, TlsVersion::V1_3);
    assert_eq!((server("ipv6 = yes").ipv6, server("ipv6 = no").ipv6), (Some(true), Some(false)));
    let shown = server("sslclientcert = ~/c.pem\nsslclientkey = /k.pem").client_certificate;
    assert_eq!(shown, Some((PathBuf::from("/h/c.pem"), PathBuf::from("/k.pem"))));
    let pinned = server(&format!("cert_fingerprint = {}", "AB:".repeat(20).trim_end_matches(':')));
    assert!(matches!(&pinned.trust, Trust::Fingerprints { pins, authority: None } if pins.len() == 1));
    assert!(!pinned.verify_name);
    assert_eq!(server("remote_identity = boss").acting_for, "boss");
    assert_eq!(server("auth_mechanisms = gssapi, plain, CRAM-MD5").mechanisms, [Mechanism::Plain, Mechanism::CramMd5]);
    assert_eq!(server("preauthtunnel = ssh h imapd").tunnel, Some(Tunnel::Preauth("ssh h imapd".to_owned())));
    assert_eq!(server("transporttunnel = nc h 143").tunnel, Some(Tunnel::Transport("nc h 143".to_owned())));
    assert_eq!(server("transporttunnel = nc h 143").tls, Tls::None);
    assert!(server("oauth2_access_token = t").token.is_some() && plain.token.is_none());
}

#[test]
fn a_server_is_used_as_the_file_says() {
    assert_eq!((server("").max_connections, server("maxconnections = 4").max_connections), (2, 4));
    assert_eq!(told("Repository r", "maxconnections = 4", true).0.max_connections, 1, "-1");
    assert_eq!((server("").retries, server("retrycount = 5").retries), (2, 5));
    let timeouts = |lines: &str| told("general", lines, false).0.timeouts;
    assert_eq!(
        (timeouts("").read, timeouts("socktimeout = 0").read),
        (Duration::from_secs(60), Duration::from_secs(60))
    );
    let short = timeouts("socktimeout = 7");
    assert_eq!((short.read, short.connect), (Duration::from_secs(7), Duration::from_secs(7)));
    let compression = ["", "usecompression = auto", "usecompression = yes", "usecompression = no"];
    assert_eq!(
        compression.map(|lines| server(lines).compression),
        [Compression::Auto, Compression::Auto, Compression::Always, Compression::Never]
    );
    assert!(server("").expunge && !server("expunge = no").expunge);
    assert!(!server("").subscribed_only && server("subscribedonly = yes").subscribed_only);
    assert_eq!(server("reference = Lists/").reference, "Lists/");
    assert_eq!(server("folderincludes = ['x', 'y']").extra_folders, ["x", "y"]);
    let (server, _, login) =
        told("Account a", "proxy = SOCKS5:p:1080\nauthproxy = HTTP:q:8080\nutf8foldernames = yes", false);
    assert!(server.utf8_folder_names);
    assert_eq!(server.proxy.map(|proxy| proxy.port), Some(1080));
    assert_eq!(login.token_proxy.as_ref().map(|proxy| proxy.port), Some(8080));
}

#[test]
fn a_maildir_is_written_as_the_file_says() {
    let plain = directory("", "");
    assert_eq!((plain.info_separator, plain.separator), (':', '.'));
    assert!(plain.fsync && plain.file_time && plain.stable_directories);
    assert!(!plain.name_from_header && !plain.time_from_header);
    assert!(!directory("general", "fsync = no").fsync);
    assert_eq!(directory("Account a", "maildir-windows-compatible = yes").info_separator, '!');
    for sep in ["/", "\"/\"", "'/'"] {
        assert_eq!(directory("Repository l", &format!("sep = {sep}")).separator, '/', "{sep}");
    }
    assert!(!directory("Repository l", "filetime = no").file_time);
    assert!(!directory("Repository l", "stable_directories = no").stable_directories);
    for section in ["general", "Repository l"] {
        assert!(directory(section, "utime_from_header = yes").time_from_header, "{section}");
        assert!(directory(section, "filename_use_mail_timestamp = yes").name_from_header, "{section}");
    }
    let letters = directory("Repository l", "customflag_x = $Work").custom_flags;
    assert_eq!(letters.get(&'x').map(String::as_str), Some("$Work"));
}
