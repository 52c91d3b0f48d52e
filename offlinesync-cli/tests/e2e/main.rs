//! The whole program between real stores: what it does to mail is checked by an independent client on the server and by reading
//! the files of the Maildir, never by asking the program.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails fails its test")]

mod busy;
mod changes;
mod content;
mod from_mbsync;
mod from_offlineimap;
mod house;
mod kill;
mod limits;
mod machine;
mod mail;
mod memory;
mod names;
mod numbering;
mod odd;
mod peers;
mod plain_server;
mod read_only;
mod readers;
mod servers_from_offlineimap;
mod shapes;
mod silence;
mod trouble;
mod two_servers;
mod wiped;
