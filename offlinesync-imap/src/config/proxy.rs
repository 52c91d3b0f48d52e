//! A proxy that connections go through.

use super::Secret;

/// A proxy. Names of servers are resolved by the proxy, not here.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User and password, where it wants them. SOCKS 4 takes the user alone.
    pub login: Option<(String, Secret)>,
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// SOCKS 5 (RFC 1928, RFC 1929).
    Socks5,
    /// SOCKS 4a.
    Socks4,
    /// HTTP CONNECT (RFC 9110 section 9.3.6).
    Http,
}
