//! The table of every option of every section: the one place that says what an option is called, where it belongs, what it
//! holds, what it means and whether it works. Reading, checking, help and the manual all look here. Pure data.

use Kind::*;
use Status::*;
use Value::*;

/// What a section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `[general]`
    General,
    /// `[mbnames]`
    Mbnames,
    /// `[Account …]`
    Account,
    /// `[Repository …]` of any type.
    Any,
    /// `[Repository …]` with `type = IMAP` or `Gmail`.
    Imap,
    /// `[Repository …]` with `type = Maildir` or `GmailMaildir`.
    Maildir,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Any text.
    Text,
    /// Words separated by commas.
    List,
    /// yes, no, true, false, on, off, 1, 0.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A path, in which `~` and `$VARIABLE` stand for what they mean in a shell.
    Path,
    /// A command for the shell.
    Command,
    /// A Python expression.
    Expression,
    /// A secret.
    Secret,
}

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does what it says.
    Works,
    /// Accepted for the sake of old files; it needs no doing.
    Ignored,
    /// Refused unless it is written with its default, for leaving it out would change what happens to mail.
    Refused,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// The section it belongs in.
    pub kind: Kind,
    /// Its name, in lower case; `customflag_*` stands for one letter.
    pub name: &'static str,
    /// What it holds.
    pub value: Value,
    /// What counts where it is not set.
    pub default: &'static str,
    /// What becomes of it.
    pub status: Status,
    /// What it means, in one line.
    pub doc: &'static str,
}

const fn o(
    kind: Kind,
    name: &'static str,
    value: Value,
    default: &'static str,
    status: Status,
    doc: &'static str,
) -> OptionSpec {
    OptionSpec { kind, name, value, default, status, doc }
}

/// Every option there is.
#[rustfmt::skip]
pub const OPTIONS: &[OptionSpec] = &[
    o(General, "accounts", List, "", Works, "accounts to sync, by name"),
    o(General, "metadata", Path, "~/.offlineimap", Works, "directory for status databases and locks"),
    o(General, "maxsyncaccounts", Int, "1", Works, "accounts synced at the same time"),
    o(General, "ui", Text, "ttyui", Works, "user interface: quiet, basic, ttyui, blinkenlights, syslog, machineui, json"),
    o(General, "fsync", Bool, "yes", Works, "wait until every change is safe on disk"),
    o(General, "socktimeout", Int, "0", Works, "seconds without an answer after which a connection is given up; 0: 60 seconds"),
    o(General, "ignore-readonly", Bool, "no", Works, "no warning about folders that the server keeps read-only"),
    o(General, "dry-run", Bool, "no", Works, "print what would be done, and change nothing"),
    o(General, "utime_from_header", Bool, "no", Works, "file times are the dates that authors gave their messages"),
    o(General, "filename_use_mail_timestamp", Bool, "no", Works, "file names begin with the dates that authors gave their messages"),
    o(General, "pythonfile", Path, "", Works, "Python file whose functions expressions may use, as far as they only compute"),
    o(General, "allow_python", Bool, "no", Works, "run python3 with that file for expressions that need more"),
    o(General, "ignore-keyring", Bool, "no", Ignored, "no keyring is asked anyway"),
    o(General, "update-keyring", Bool, "no", Ignored, "no keyring is asked anyway"),
    o(General, "status_backend", Text, "sqlite", Works, "how the status is kept: sqlite or plain"),

    o(Mbnames, "enabled", Bool, "no", Works, "write a list of mailboxes for mail readers"),
    o(Mbnames, "filename", Path, "", Works, "file the list is written to"),
    o(Mbnames, "header", Expression, "", Works, "text before the list"),
    o(Mbnames, "peritem", Text, "", Works, "text for each mailbox, with %(accountname)s, %(foldername)s and %(localfolders)s"),
    o(Mbnames, "sep", Expression, "", Works, "text between two mailboxes"),
    o(Mbnames, "footer", Expression, "", Works, "text behind the list"),
    o(Mbnames, "incremental", Bool, "no", Ignored, "the list is always written after each account, as a whole"),
    o(Mbnames, "folderfilter", Expression, "", Works, "which mailboxes are listed: a function of account and folder"),
    o(Mbnames, "sort_keyfunc", Expression, "", Works, "what the list is sorted by: a function of a dictionary"),

    o(Account, "localrepository", Text, "", Works, "name of the repository on this machine"),
    o(Account, "remoterepository", Text, "", Works, "name of the repository on the server"),
    o(Account, "autorefresh", Float, "0", Works, "minutes between two syncs; 0: sync once"),
    o(Account, "quick", Int, "0", Works, "quick syncs between two full ones; negative: all are quick"),
    o(Account, "presynchook", Command, "", Works, "command run before each sync"),
    o(Account, "postsynchook", Command, "", Works, "command run after each successful sync"),
    o(Account, "maildir-windows-compatible", Bool, "no", Works, "`!` instead of `:` in file names"),
    o(Account, "utf8foldernames", Bool, "no", Works, "folder names on disk and in expressions are UTF-8, not modified UTF-7"),
    o(Account, "conflict", Text, "removal", Works, "who wins when one side changed what the other removed: removal or change"),
    o(Account, "share_maildir", Bool, "no", Works, "folders of the Maildir may be another account's too: both hold the mail of both"),
    o(Account, "mass_delete_floor", Int, "100", Works, "removals in one folder, and in the account, that always pass"),
    o(Account, "mass_delete_percent", Int, "50", Works, "share of a folder's messages, and of the account's, up to which more removals pass"),
    o(Account, "mass_delete_folder", Int, "25", Works, "a folder with at least this many messages is never emptied"),
    o(Account, "mass_delete_account", Int, "5", Works, "messages in emptied folders from which on an account counts as wiped"),
    o(Account, "maxsize", Int, "", Works, "messages larger than this many octets are not touched"),
    o(Account, "maxage", Text, "", Works, "messages older than this many days, or than a day yyyy-mm-dd, are not touched"),
    o(Account, "synclabels", Bool, "no", Refused, "keep Gmail labels in a header; messages are never altered"),
    o(Account, "labelsheader", Text, "X-Keywords", Ignored, "header that holds labels"),
    o(Account, "ignorelabels", List, "", Ignored, "labels left alone"),
    o(Account, "filterheaders", List, "", Refused, "leave headers out of uploads; messages are never altered, so these would go up"),
    o(Account, "proxy", Text, "", Works, "proxy for connections: SOCKS5:host:port, SOCKS4:…, HTTP:…, with :user:password behind it if it wants them"),
    o(Account, "authproxy", Text, "the same as proxy", Works, "proxy for requests for access tokens; empty: none"),
    o(Account, "status_backend", Text, "sqlite", Works, "how the status is kept: sqlite or plain"),
    o(Account, "status-backend", Text, "sqlite", Works, "the same as status_backend"),
    o(Account, "skipsleep", Bool, "no", Ignored, "internal to OfflineIMAP"),

    o(Any, "type", Text, "", Works, "IMAP, Gmail, Maildir or GmailMaildir"),
    o(Any, "readonly", Bool, "no", Works, "never change this repository"),
    o(Any, "sync_deletes", Bool, "yes", Works, "carry over what was deleted in this repository"),
    o(Any, "createfolders", Bool, "yes", Works, "create missing folders in this repository"),
    o(Any, "nametrans", Expression, "", Works, "name that a folder has on the other side"),
    o(Any, "folderfilter", Expression, "", Works, "whether a folder is synced"),
    o(Any, "folderincludes", Expression, "[]", Works, "folders synced whatever folderfilter says"),
    o(Any, "foldersort", Expression, "", Works, "order in which folders are begun: a function that compares two names"),
    o(Any, "dynamic_folderfilter", Bool, "no", Ignored, "folderfilter is always asked anew in each sync"),
    o(Any, "startdate", Text, "", Works, "messages that arrived before this day, yyyy-mm-dd, are not touched"),
    o(Any, "utime_from_header", Bool, "no", Works, "file times are the dates that authors gave their messages"),
    o(Any, "filename_use_mail_timestamp", Bool, "no", Works, "file names begin with the dates that authors gave their messages"),

    o(Imap, "remotehost", Text, "", Works, "the server"),
    o(Imap, "remotehosteval", Expression, "", Works, "the server, as an expression"),
    o(Imap, "remoteport", Int, "993 with ssl, else 143", Works, "the server's port"),
    o(Imap, "remoteporteval", Expression, "", Works, "the server's port, as an expression"),
    o(Imap, "remoteuser", Text, "", Works, "user name"),
    o(Imap, "remoteusereval", Expression, "", Works, "user name, as an expression"),
    o(Imap, "remoteusercmd", Command, "", Works, "command whose first line of output is the user name"),
    o(Imap, "remote_identity", Text, "", Works, "user to act for after logging in as remoteuser (SASL PLAIN)"),
    o(Imap, "remotepass", Secret, "", Works, "password"),
    o(Imap, "remotepassfile", Path, "", Works, "file whose first line is the password"),
    o(Imap, "remotepasscmd", Command, "", Works, "command whose first line of output is the password"),
    o(Imap, "remotepasseval", Expression, "", Works, "password, as an expression"),
    o(Imap, "auth_mechanisms", List, "", Works, "ways to log in, of which the first that works is taken; if not set, the safest there are; GSSAPI is passed over"),
    o(Imap, "ssl", Bool, "yes", Works, "TLS from the first byte"),
    o(Imap, "starttls", Bool, "yes", Works, "without ssl: TLS after the greeting, or no login"),
    o(Imap, "sslcacertfile", Path, "OS-DEFAULT", Works, "certificates to trust"),
    o(Imap, "cert_fingerprint", List, "", Works, "fingerprints of the server's certificate to trust"),
    o(Imap, "sslclientcert", Path, "", Works, "certificate to show to the server"),
    o(Imap, "sslclientkey", Path, "", Works, "key of that certificate"),
    o(Imap, "ssl_version", Text, "", Works, "lowest version of TLS: tls1_2 or tls1_3"),
    o(Imap, "tls_level", Text, "tls_compat", Works, "accepted; TLS 1.2 is the lowest version spoken"),
    o(Imap, "ipv6", Bool, "", Works, "yes: IPv6 only; no: IPv4 only"),
    o(Imap, "preauthtunnel", Command, "", Works, "command that speaks IMAP, already logged in"),
    o(Imap, "transporttunnel", Command, "", Works, "command that speaks IMAP"),
    o(Imap, "maxconnections", Int, "2", Works, "connections to the server"),
    o(Imap, "reference", Text, "", Works, "only folders below this name"),
    o(Imap, "subscribedonly", Bool, "no", Works, "only subscribed folders"),
    o(Imap, "decodefoldernames", Bool, "no", Works, "older form of utf8foldernames, which says it for both sides of the account"),
    o(Imap, "idlefolders", Expression, "[]", Works, "folders watched between two syncs: a change in them is synced at once"),
    o(Imap, "usecompression", Text, "auto", Works, "compress the connection: yes, no, or auto: when it pays"),
    o(Imap, "singlethreadperfolder", Bool, "no", Ignored, "a folder is always worked on by one thread"),
    o(Imap, "holdconnectionopen", Bool, "no", Works, "keep the connections between two syncs"),
    o(Imap, "keepalive", Int, "0", Works, "seconds between two signs of life on connections that are kept; 0: 29 minutes"),
    o(Imap, "expunge", Bool, "yes", Works, "remove what was deleted, not only mark it"),
    o(Imap, "retrycount", Int, "2", Works, "how often a transfer is taken up again after the connection was lost"),
    o(Imap, "copy_ignore_eval", Expression, "", Works, "messages never copied: a function from the folder to a list of UIDs"),
    o(Imap, "newmail_hook", Command, "", Works, "command run after a sync that brought new mail into the other side's INBOX"),
    o(Imap, "oauth2_client_id", Secret, "", Works, "OAuth client"),
    o(Imap, "oauth2_client_id_eval", Expression, "", Works, "OAuth client, as an expression"),
    o(Imap, "oauth2_client_id_cmd", Command, "", Works, "command whose first line of output is the OAuth client"),
    o(Imap, "oauth2_client_secret", Secret, "", Works, "secret of the OAuth client"),
    o(Imap, "oauth2_client_secret_eval", Expression, "", Works, "secret of the OAuth client, as an expression"),
    o(Imap, "oauth2_client_secret_cmd", Command, "", Works, "command whose first line of output is the secret of the OAuth client"),
    o(Imap, "oauth2_refresh_token", Secret, "", Works, "OAuth refresh token"),
    o(Imap, "oauth2_refresh_token_eval", Expression, "", Works, "OAuth refresh token, as an expression"),
    o(Imap, "oauth2_refresh_token_cmd", Command, "", Works, "command whose first line of output is an OAuth refresh token"),
    o(Imap, "oauth2_access_token", Secret, "", Works, "OAuth access token"),
    o(Imap, "oauth2_access_token_eval", Expression, "", Works, "OAuth access token, as an expression"),
    o(Imap, "oauth2_request_url", Text, "Google's for Gmail", Works, "where refresh tokens are exchanged for access tokens"),
    o(Imap, "oauth2_access_token_cmd", Command, "", Works, "command whose first line of output is an access token"),
    o(Imap, "trashfolder", Text, "", Ignored, "never had an effect"),
    o(Imap, "spamfolder", Text, "", Ignored, "never had an effect"),
    o(Imap, "realdelete", Bool, "no", Ignored, "without effect since 2012"),
    o(Imap, "sep", Text, "", Ignored, "the server says it"),

    o(Maildir, "localfolders", Path, "", Works, "the directory"),
    o(Maildir, "sep", Text, ".", Works, "between the levels of folder names; `/`: nested directories"),
    o(Maildir, "restoreatime", Bool, "no", Ignored, "message files are always read without touching their times where the system allows it"),
    o(Maildir, "filetime", Bool, "yes", Works, "a file's time is when the message arrived"),
    o(Maildir, "stable_directories", Bool, "yes", Works, "a directory keeps its inode; no: the disk numbers them anew at each mount"),
    o(Maildir, "customflag_*", Text, "", Works, "keyword kept as this lower-case letter in file names"),
];

/// Options that old files spell in ways that no distance finds.
const ALIASES: &[(&str, &str)] =
    &[("enable", "enabled"), ("sockettimeout", "socktimeout"), ("passwordeval", "remotepasscmd")];

impl OptionSpec {
    /// Whether the option is called so.
    pub fn is_called(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(stem) => {
                let letter = name.strip_prefix(stem).unwrap_or_default().as_bytes();
                letter.len() == 1 && letter[0].is_ascii_lowercase()
            }
            None => self.name == name,
        }
    }
}

/// The option of this name in a section of one of these kinds.
pub fn find(kinds: &[Kind], name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| kinds.contains(&option.kind) && option.is_called(name))
}

/// The first option of this name in any kind of section.
pub fn find_anywhere(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.is_called(name))
}

/// The known name nearest to an unknown one, if it is near enough to be meant.
pub fn nearest(kinds: &[Kind], name: &str) -> Option<&'static str> {
    if let Some((_, meant)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
        return Some(meant);
    }
    let candidates = OPTIONS.iter().filter(|option| kinds.contains(&option.kind)).map(|option| option.name);
    near(candidates, name)
}

/// The candidate nearest to a name, at most a third of its letters away.
pub fn near<'a>(candidates: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (strsim::osa_distance(candidate, name), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_is_listed_twice_for_one_section() {
        for (index, option) in OPTIONS.iter().enumerate() {
            let twin = OPTIONS[index + 1..].iter().find(|o| o.name == option.name && o.kind == option.kind);
            assert!(twin.is_none(), "{} is listed twice", option.name);
            assert!(!option.doc.is_empty() && !option.doc.ends_with('.'), "{}", option.name);
        }
    }

    #[test]
    fn typos_seen_in_real_files_lead_to_the_option_meant() {
        let imap = [Kind::Any, Kind::Imap];
        for (typo, meant) in [
            ("keepalieve", "keepalive"),
            ("sslcacerfile", "sslcacertfile"),
            ("ssl_versions", "ssl_version"),
            ("realdelet", "realdelete"),
            ("sockettimeout", "socktimeout"),
            ("enable", "enabled"),
        ] {
            assert_eq!(nearest(&imap, typo), Some(meant));
        }
        assert_eq!(nearest(&imap, "completely_else"), None);
    }

    #[test]
    fn a_custom_flag_is_one_lower_case_letter() {
        assert!(find(&[Kind::Maildir], "customflag_a").is_some());
        assert!(find(&[Kind::Maildir], "customflag_ab").is_none());
        assert!(find(&[Kind::Maildir], "customflag_").is_none());
    }
}
