//! The codec alone against a real server: what it writes is obeyed, what comes back is read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use offlinesync_core::{Flags, FolderName, InternalDate, SystemFlags, Uid};
use offlinesync_imap::codec::encode::Writer;
use offlinesync_imap::codec::mailbox_name::{self, NameForm};
use offlinesync_imap::codec::response::*;
use offlinesync_imap::codec::{Decoder, Item, uidset};
use offlinesync_imap::connection::Part;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One command at a time over a plain socket.
struct Wire {
    socket: TcpStream,
    decoder: Decoder,
    form: NameForm,
    bodies: Vec<Vec<u8>>,
}

impl Wire {
    fn open(server: &Dovecot) -> Wire {
        let socket = TcpStream::connect((server.host(), server.port())).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let form = NameForm { decoded: true, utf8: false };
        let mut wire = Wire { socket, decoder: Decoder::default(), form, bodies: Vec::new() };
        wire.until(|response| matches!(response, Response::Status(_)));
        wire.run(Writer::new("LOGIN").string(b"u1", false).secret(b"pw"));
        wire
    }

    /// Sends a command and answers its untagged data and its end, which must be good.
    fn run(&mut self, command: Writer) -> (Vec<Data>, StatusResponse) {
        let mut octets = b"A1 ".to_vec();
        for part in command.finish().parts {
            match part {
                Part::Text(text) | Part::Secret(text) => octets.extend(text),
                Part::Literal(literal) => {
                    octets.extend(format!("{{{}+}}\r\n", literal.len()).as_bytes());
                    octets.extend(literal);
                }
            }
        }
        octets.extend(b"\r\n");
        self.socket.write_all(&octets).unwrap();
        let mut seen = self.until(|response| matches!(response, Response::Tagged(_)));
        let Some(Response::Tagged(Tagged { status, .. })) = seen.pop() else { panic!() };
        assert_eq!(status.condition, Condition::Ok, "{}: {status:?}", octets.escape_ascii());
        let data = seen.into_iter().filter_map(|r| if let Response::Data(data) = r { Some(data) } else { None });
        (data.collect(), status)
    }

    fn until(&mut self, last: impl Fn(&Response) -> bool) -> Vec<Response> {
        let mut seen = Vec::new();
        let mut buffer = [0; 777];
        while !seen.last().is_some_and(&last) {
            let n = self.socket.read(&mut buffer).unwrap();
            assert!(n > 0, "the server closed the connection");
            let mut rest = &buffer[..n];
            while let (used, Some(item)) = self.decoder.decode(rest).unwrap() {
                rest = &rest[used..];
                match item {
                    Item::Response(response) => seen.push(response),
                    Item::BodyStart(_) => self.bodies.push(Vec::new()),
                    Item::BodyData(data) => self.bodies.last_mut().unwrap().extend_from_slice(data),
                    Item::BodyEnd => {}
                }
            }
        }
        seen
    }

    fn names(&mut self) -> Vec<FolderName> {
        let (data, _) = self.run(Writer::new("LIST").string(b"", false).string(b"*", false));
        let name = |data: &Data| match data {
            Data::List(entry) => Some(mailbox_name::decode(&entry.name, self.form)),
            _ => None,
        };
        data.iter().filter_map(name).collect()
    }
}

#[test]
fn folders_are_listed_by_the_names_they_were_created_with() {
    let server = Dovecot::start(Options::default());
    let mut wire = Wire::open(&server);
    let names =
        ["R&D", "Entwürfe", "a \"b\"", "back\\slash", "日本 🦀", "100%", "NIL", "{5}", "[x] (y)"].map(FolderName::from);
    for name in &names {
        wire.run(Writer::new("CREATE").mailbox(name, wire.form));
        wire.run(Writer::new("SELECT").mailbox(name, wire.form));
    }
    let listed = wire.names();
    for name in &names {
        assert!(listed.contains(name), "{name} is not in {listed:?}");
    }
}

#[test]
fn a_message_goes_up_and_comes_down_with_everything_it_has() {
    let server = Dovecot::start(Options::default());
    let mut wire = Wire::open(&server);
    let message = [b"Subject: {5}\r\n\r\n)\r\nA1 OK {3}\r\n".to_vec(), vec![0xe4; 3000], b"\r\n".to_vec()].concat();
    let date = InternalDate { seconds: 1_045_000_000, zone_minutes: -210 };
    let flags = Flags {
        system: SystemFlags::SEEN.union(SystemFlags::DRAFT),
        keywords: ["todo", "$Label1", "bad keyword", "b\u{fc}ro"].into_iter().collect(),
    };
    let inbox = FolderName::from("INBOX");
    let append = Writer::new("APPEND").mailbox(&inbox, wire.form).flags(&flags).date(date).literal(message.clone());
    let (_, status) = wire.run(append);
    let Some(Code::AppendUid { uids, .. }) = status.code else { panic!("{status:?}") };
    wire.run(Writer::new("SELECT").mailbox(&inbox, wire.form).word("(CONDSTORE)"));
    let attributes = "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER] BODY.PEEK[] BODYSTRUCTURE)";
    let (data, _) = wire.run(Writer::new("UID FETCH").set(&uids).word(attributes));
    let [Data::Fetch(fetch)] = data.as_slice() else { panic!("{data:?}") };
    let flags = fetch.flags.clone().unwrap();
    assert_eq!((fetch.uid, fetch.size), (Some(uids[0].0), Some(message.len() as u64)));
    assert_eq!(fetch.date.map(|d| d.seconds), Some(date.seconds), "the zone is the server's");
    assert_eq!(flags.system, SystemFlags::SEEN.union(SystemFlags::DRAFT));
    assert_eq!(flags.keywords.iter().collect::<Vec<_>>(), ["$Label1", "todo"]);
    assert_eq!((fetch.header.as_deref(), &fetch.body), (Some(&b"Subject: {5}\r\n\r\n"[..]), &Body::Streamed));
    assert!(fetch.mod_seq.is_some());
    assert_eq!(wire.bodies, [message]);
}

#[test]
fn searches_and_removals_name_their_messages() {
    let server = Dovecot::start(Options::default());
    let mut wire = Wire::open(&server);
    let inbox = FolderName::from("INBOX");
    for n in 0..20 {
        wire.run(
            Writer::new("APPEND").mailbox(&inbox, wire.form).literal(format!("Subject: {n}\r\n\r\n").into_bytes()),
        );
    }
    wire.run(Writer::new("ENABLE").word("QRESYNC"));
    let (data, status) = wire.run(Writer::new("SELECT").mailbox(&inbox, wire.form));
    assert!(data.contains(&Data::Exists(20)) && status.code == Some(Code::ReadWrite), "{data:?} {status:?}");
    let removed = uidset::from_sorted((1..20).step_by(3).filter_map(Uid::new));
    wire.run(Writer::new("UID STORE").set(&removed).word("+FLAGS.SILENT").flags(&Flags::system(SystemFlags::DELETED)));
    let (data, _) = wire.run(Writer::new("UID EXPUNGE").set(&removed));
    let mut gone = Vec::new();
    for data in data {
        if let Data::Vanished { earlier: false, uids } = data {
            gone.extend(uids);
        }
    }
    assert_eq!(uidset::merged(gone), removed);
    let left: Vec<u32> = (1..=20).filter(|n| n % 3 != 1).collect();
    let (data, _) = wire.run(Writer::new("UID SEARCH").word("ALL"));
    assert!(data.contains(&Data::Search { numbers: left.clone(), mod_seq: None }), "{data:?}");
    let (data, _) = wire.run(Writer::new("UID SEARCH").word("RETURN (MIN COUNT ALL) ALL"));
    let Some(Data::ESearch(found)) = data.first() else { panic!("{data:?}") };
    let all: Vec<u32> = found.all.iter().flat_map(|(a, b)| *a..=*b).collect();
    assert_eq!((found.uid, found.min, found.count, all), (true, Some(2), Some(13), left));
    let (data, _) = wire.run(
        Writer::new("STATUS").mailbox(&inbox, wire.form).word("(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE)"),
    );
    let Some(Data::Status(status)) = data.first() else { panic!("{data:?}") };
    assert_eq!((status.messages, status.uid_next), (Some(13), Some(21)));
    assert!(status.uid_validity.is_some() && status.highest_mod_seq.is_some() && status.size.is_some());
}
