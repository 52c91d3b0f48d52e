//! The servers of common providers. Pure data.

use crate::settings::Encryption;

/// A server, with what is worth knowing before a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// What its users should know.
    pub note: Option<&'static str>,
    /// Whether it is Gmail.
    pub gmail: bool,
}

impl Server {
    /// A server with TLS from the first byte.
    pub(super) fn tls(host: &str) -> Server {
        Server { host: host.to_owned(), port: 993, encryption: Encryption::Tls, note: None, gmail: false }
    }
}

const APP_PASSWORD: &str = "this provider wants an app password, made in its account settings, or OAuth";
const OAUTH_ONLY: &str = "this provider wants OAuth: a command that prints an access token (oauth2_access_token_cmd)";
const ENABLE: &str = "IMAP has to be turned on in the settings of the mailbox first";
const BRIDGE: &str =
    "this provider is reached through its Bridge, which must run on this machine; its password is the Bridge's";

const GMAIL: &str = "imap.gmail.com";
const MICROSOFT: &str = "outlook.office365.com";

/// Domains, host, note.
#[rustfmt::skip]
const PROVIDERS: &[(&[&str], &str, Option<&str>)] = &[
    (&["gmail.com", "googlemail.com"], GMAIL, Some(APP_PASSWORD)),
    (&["outlook.com", "outlook.de", "outlook.fr", "hotmail.com", "hotmail.co.uk", "hotmail.de", "hotmail.fr", "hotmail.it", "live.com", "live.de", "live.nl", "live.co.uk", "msn.com"], MICROSOFT, Some(OAUTH_ONLY)),
    (&["yahoo.com", "yahoo.de", "yahoo.fr", "yahoo.it", "yahoo.es", "yahoo.co.uk", "yahoo.ca", "yahoo.com.br", "yahoo.in", "ymail.com", "rocketmail.com", "myyahoo.com"], "imap.mail.yahoo.com", Some(APP_PASSWORD)),
    (&["aol.com", "aol.de", "aim.com", "verizon.net"], "imap.aol.com", Some(APP_PASSWORD)),
    (&["att.net", "sbcglobal.net", "bellsouth.net"], "imap.mail.att.net", Some(APP_PASSWORD)),
    (&["icloud.com", "me.com", "mac.com"], "imap.mail.me.com", Some(APP_PASSWORD)),
    (&["gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.eu"], "imap.gmx.net", Some(ENABLE)),
    (&["gmx.com", "gmx.us", "gmx.co.uk", "gmx.fr"], "imap.gmx.com", Some(ENABLE)),
    (&["mail.com", "email.com", "usa.com", "post.com", "europe.com"], "imap.mail.com", Some(ENABLE)),
    (&["web.de", "email.de"], "imap.web.de", Some(ENABLE)),
    (&["t-online.de", "magenta.de"], "secureimap.t-online.de", None),
    (&["freenet.de"], "mx.freenet.de", None),
    (&["arcor.de", "vodafone.de"], "imap.vodafonemail.de", None),
    (&["posteo.de", "posteo.net", "posteo.org", "posteo.at", "posteo.ch", "posteo.eu"], "posteo.de", None),
    (&["mailbox.org"], "imap.mailbox.org", None),
    (&["fastmail.com", "fastmail.fm", "messagingengine.com", "sent.com"], "imap.fastmail.com", Some(APP_PASSWORD)),
    (&["zoho.com", "zohomail.com"], "imap.zoho.com", Some(ENABLE)),
    (&["zoho.eu", "zohomail.eu"], "imap.zoho.eu", Some(ENABLE)),
    (&["yandex.com", "yandex.ru", "ya.ru"], "imap.yandex.com", Some(APP_PASSWORD)),
    (&["mail.ru", "inbox.ru", "list.ru", "bk.ru"], "imap.mail.ru", Some(APP_PASSWORD)),
    (&["rambler.ru"], "imap.rambler.ru", None),
    (&["ionos.de", "online.de", "onlinehome.de", "1und1.de"], "imap.ionos.de", None),
    (&["ionos.com", "1and1.com"], "imap.ionos.com", None),
    (&["strato.de"], "imap.strato.de", None),
    (&["orange.fr", "wanadoo.fr"], "imap.orange.fr", None),
    (&["free.fr"], "imap.free.fr", None),
    (&["laposte.net"], "imap.laposte.net", None),
    (&["sfr.fr", "neuf.fr"], "imap.sfr.fr", None),
    (&["bbox.fr"], "imap.bbox.fr", None),
    (&["ovh.net", "ovh.com"], "ssl0.ovh.net", None),
    (&["gandi.net"], "mail.gandi.net", None),
    (&["infomaniak.com", "ik.me"], "mail.infomaniak.com", Some(APP_PASSWORD)),
    (&["bluewin.ch"], "imaps.bluewin.ch", None),
    (&["libero.it"], "imapmail.libero.it", None),
    (&["tiscali.it"], "imap.tiscali.it", None),
    (&["alice.it", "tim.it"], "in.alice.it", None),
    (&["aruba.it"], "imaps.aruba.it", None),
    (&["virgilio.it"], "in.virgilio.it", None),
    (&["seznam.cz", "email.cz", "post.cz"], "imap.seznam.cz", None),
    (&["wp.pl"], "imap.wp.pl", Some(ENABLE)),
    (&["o2.pl", "tlen.pl"], "poczta.o2.pl", Some(ENABLE)),
    (&["onet.pl", "op.pl"], "imap.poczta.onet.pl", Some(ENABLE)),
    (&["interia.pl"], "poczta.interia.pl", Some(ENABLE)),
    (&["xs4all.nl"], "imap.xs4all.nl", None),
    (&["kpnmail.nl"], "imap.kpnmail.nl", None),
    (&["ziggo.nl"], "imap.ziggo.nl", None),
    (&["telenet.be"], "imap.telenet.be", None),
    (&["btinternet.com"], "mail.btinternet.com", None),
    (&["sky.com"], "imap.tools.sky.com", None),
    (&["virginmedia.com"], "imap.virginmedia.com", None),
    (&["comcast.net", "xfinity.com"], "imap.comcast.net", Some(ENABLE)),
    (&["cox.net"], "imap.cox.net", None),
    (&["charter.net", "spectrum.net"], "mobile.charter.net", None),
    (&["earthlink.net"], "imap.earthlink.net", None),
    (&["runbox.com"], "mail.runbox.com", None),
    (&["migadu.com"], "imap.migadu.com", None),
    (&["disroot.org"], "disroot.org", None),
    (&["riseup.net"], "mail.riseup.net", None),
    (&["autistici.org"], "mail.autistici.org", None),
    (&["dreamhost.com"], "imap.dreamhost.com", None),
    (&["purelymail.com"], "imap.purelymail.com", None),
    (&["hey.com"], "", Some("hey.com offers no IMAP")),
    (&["tutanota.com", "tutanota.de", "tuta.io", "tuta.com"], "", Some("this provider offers no IMAP")),
    (&["qq.com", "foxmail.com"], "imap.qq.com", Some(APP_PASSWORD)),
    (&["163.com"], "imap.163.com", Some(APP_PASSWORD)),
    (&["126.com"], "imap.126.com", Some(APP_PASSWORD)),
    (&["naver.com"], "imap.naver.com", Some(ENABLE)),
    (&["daum.net", "hanmail.net"], "imap.daum.net", Some(ENABLE)),
    (&["uol.com.br"], "imap.uol.com.br", None),
    (&["terra.com.br"], "imap.terra.com.br", None),
];

/// Mail exchangers that tell a provider: what the name of one ends in, and the provider's own domain.
const EXCHANGERS: &[(&str, &str)] = &[
    ("google.com", "gmail.com"),
    ("googlemail.com", "gmail.com"),
    ("protection.outlook.com", "outlook.com"),
    ("messagingengine.com", "fastmail.com"),
    ("mailbox.org", "mailbox.org"),
    ("yandex.net", "yandex.com"),
    ("zoho.com", "zoho.com"),
    ("zoho.eu", "zoho.eu"),
    ("migadu.com", "migadu.com"),
    ("mail.gandi.net", "gandi.net"),
    ("mail.ovh.net", "ovh.net"),
    ("kundenserver.de", "ionos.de"),
    ("1and1.com", "ionos.com"),
    ("rzone.de", "strato.de"),
    ("icloud.com", "icloud.com"),
    ("yahoodns.net", "yahoo.com"),
    ("infomaniak.ch", "infomaniak.com"),
    ("purelymail.com", "purelymail.com"),
    ("seznam.cz", "seznam.cz"),
    ("mail.ru", "mail.ru"),
];

/// The server for addresses in this domain. One without a host: the provider has none.
pub(super) fn find(domain: &str) -> Option<Server> {
    let domain = domain.to_ascii_lowercase();
    if ["proton.me", "protonmail.com", "protonmail.ch", "pm.me"].contains(&domain.as_str()) {
        let encryption = Encryption::StartTls;
        return Some(Server { host: "127.0.0.1".to_owned(), port: 1143, encryption, note: Some(BRIDGE), gmail: false });
    }
    let (_, host, note) = PROVIDERS.iter().find(|(domains, ..)| domains.contains(&domain.as_str()))?;
    Some(Server { note: *note, gmail: *host == GMAIL, ..Server::tls(host) })
}

/// The server of the provider that these mail exchangers belong to.
pub(super) fn find_by_exchangers(exchangers: &[String]) -> Option<Server> {
    let belongs = |host: &String, end: &str| {
        let host = host.to_ascii_lowercase();
        host == end || host.strip_suffix(end).is_some_and(|rest| rest.ends_with('.'))
    };
    let known = EXCHANGERS.iter().find(|(end, _)| exchangers.iter().any(|host| belongs(host, end)))?;
    find(known.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_domains_lead_to_their_server_in_any_case() {
        assert_eq!(find("GMX.de").unwrap().host, "imap.gmx.net");
        assert!(find("gmail.com").unwrap().gmail);
        assert_eq!(find("pm.me").map(|server| (server.port, server.encryption)), Some((1143, Encryption::StartTls)));
        assert_eq!(find("example.org"), None);
        assert_eq!(find("tuta.io").unwrap().host, "");
    }

    #[test]
    fn mail_exchangers_tell_who_hosts_a_domain() {
        let of = |host: &str| find_by_exchangers(&[host.to_owned()]).map(|server| server.host);
        assert_eq!(of("ASPMX.L.GOOGLE.com").as_deref(), Some(GMAIL));
        assert_eq!(of("example-org.mail.protection.outlook.com").as_deref(), Some(MICROSOFT));
        assert_eq!(of("notgoogle.com"), None);
        assert!(EXCHANGERS.iter().all(|(_, domain)| find(domain).is_some()));
    }

    #[test]
    fn no_domain_is_listed_twice() {
        let mut domains: Vec<&str> = PROVIDERS.iter().flat_map(|(domains, ..)| domains.iter().copied()).collect();
        domains.sort_unstable();
        let all = domains.len();
        domains.dedup();
        assert_eq!(domains.len(), all);
    }
}
