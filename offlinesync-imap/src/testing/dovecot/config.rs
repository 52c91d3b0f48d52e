//! The configuration file of a throwaway Dovecot 2.3. Text only.

use super::{Format, Options, Tls, names};
use std::net::Ipv4Addr;
use std::path::Path;

const CAPABILITIES: &str = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES \
    THREAD=REFS THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED \
    I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE SNIPPET=FUZZY \
    PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE COMPRESS=DEFLATE QUOTA";

/// The whole file.
pub(super) fn text(options: &Options, dir: &Path, host: Ipv4Addr, ports: [u16; 2], greeting: &str) -> String {
    let [user, group] = names();
    let dir = dir.display();
    let format = match options.format {
        Format::Sdbox => "sdbox",
        Format::Mdbox => "mdbox",
        Format::Maildir => "maildir",
    };
    let (ssl, plain_off) = match options.tls {
        Tls::Offered => ("yes", "no"),
        Tls::Required => ("required", "yes"),
        Tls::Off => ("no", "no"),
    };
    let [port, tls_port] = ports;
    let imaps = if options.tls == Tls::Off {
        "inet_listener imaps {\n port = 0\n }".to_owned()
    } else {
        format!("inet_listener imaps {{\n port = {tls_port}\n ssl = yes\n }}")
    };
    let separator = options.separator.unwrap_or('/');
    let prefix = options.prefix;
    let max_line = options.max_line.unwrap_or(64 * 1024);
    let connections = options.max_connections.unwrap_or(100);
    let capability = capability_setting(&options.hide);
    let (quota_plugin, quota) = quota_settings(options.quota);
    let extra = &options.extra;
    format!(
        "base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap
listen = {host}
login_greeting = {greeting}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = {ssl}
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
disable_plaintext_auth = {plain_off}
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
mail_location = {format}:{dir}/mail/%u
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
mail_fsync = never
mail_max_userip_connections = {connections}
mail_plugins = zlib {quota_plugin}
imap_max_line_length = {max_line}
{capability}
protocol imap {{
  mail_plugins = zlib imap_zlib {quota_plugin}
  mail_max_userip_connections = {connections}
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox Sent {{
    special_use = \\Sent
  }}
  mailbox Drafts {{
    special_use = \\Drafts
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
  mailbox Junk {{
    special_use = \\Junk
  }}
  mailbox Archive {{
    special_use = \\Archive
  }}
}}
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dir}/mail/%u
}}
service anvil {{
  chroot =
}}
service auth-worker {{
  user = {user}
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  {imaps}
}}
service imap {{
  process_limit = 200
  service_count = 100
}}
{quota}
{extra}
"
    )
}

fn capability_setting(hidden: &[&str]) -> String {
    if hidden.is_empty() {
        return String::new();
    }
    let kept = CAPABILITIES.split_whitespace().filter(|c| !hidden.contains(c));
    format!("imap_capability = {}", kept.collect::<Vec<_>>().join(" "))
}

fn quota_settings(limit: Option<u64>) -> (&'static str, String) {
    match limit {
        None => ("", String::new()),
        Some(octets) => (
            "quota",
            format!(
                "plugin {{\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_grace = 0\n  quota_rule = *:storage={octets}B\n}}"
            ),
        ),
    }
}
