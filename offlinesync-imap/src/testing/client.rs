//! A raw IMAP client for tests: "the other mail program" and the auditor. One blocking socket, nothing shared with the real client,
//! and whatever is not as it should be panics.

use super::syntax::{parse, read_response};
use std::fmt::Write as _;
use std::io::{BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

pub use super::syntax::Value;

/// A connection.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<TcpStream>,
    tags: u32,
    greeting: String,
}

/// What a command brought.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The untagged responses, literals included, without the final CR LF.
    pub untagged: Vec<Vec<u8>>,
    /// The tagged response without its tag: `OK done`.
    pub status: String,
}

/// A message as the server holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// UID.
    pub uid: u32,
    /// Flags and keywords in alphabetical order, without `\Recent`.
    pub flags: Vec<String>,
    /// INTERNALDATE as written.
    pub date: String,
    /// The whole message.
    pub bytes: Vec<u8>,
}

/// What SELECT said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Selected {
    pub uid_validity: u32,
    pub uid_next: u32,
    pub exists: u32,
    pub highest_mod_seq: u64,
}

/// One line of LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name as on the wire (modified UTF-7).
    pub name: String,
    /// Attributes, with their backslash.
    pub attributes: Vec<String>,
}

impl Client {
    /// Connects and reads the greeting.
    pub fn connect(address: impl ToSocketAddrs) -> Client {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Client { reader: BufReader::new(stream), tags: 0, greeting: String::new() };
        client.greeting = String::from_utf8_lossy(&client.line()).into_owned();
        client
    }

    /// What the server said first.
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Logs in with LOGIN.
    pub fn login(&mut self, user: &str, password: &str) {
        self.ok(&format!("LOGIN {} {}", quote(user), quote(password)));
    }

    /// Sends a command (without tag and CR LF) and returns the answer, whatever it is.
    pub fn raw(&mut self, command: &str) -> Answer {
        let tag = self.send(command.as_bytes());
        self.answer(&tag)
    }

    /// Like [`Client::raw`], but the answer must be OK.
    pub fn ok(&mut self, command: &str) -> Answer {
        let answer = self.raw(command);
        assert!(answer.is_ok(), "{command}: {}", answer.status);
        answer
    }

    /// Selects a mailbox.
    pub fn select(&mut self, mailbox: &str) -> Selected {
        let answer = self.ok(&format!("SELECT {}", quote(mailbox)));
        let number = |name| answer.code(name).and_then(|v| v.parse().ok()).unwrap_or_default();
        let exists = answer.data("EXISTS").first().map_or(0, |values| values[1].text().parse().unwrap());
        Selected {
            uid_validity: number("UIDVALIDITY") as u32,
            uid_next: number("UIDNEXT") as u32,
            exists,
            highest_mod_seq: number("HIGHESTMODSEQ"),
        }
    }

    /// Adds a message and returns its UID (0 without UIDPLUS). `flags` are separated by spaces, `date` is in IMAP's form without quotes.
    pub fn append(&mut self, mailbox: &str, flags: &str, date: Option<&str>, message: &[u8]) -> u32 {
        self.append_all(mailbox, flags, date, &[message])[0]
    }

    /// Adds many messages, a hundred in flight.
    pub fn append_all(
        &mut self,
        mailbox: &str,
        flags: &str,
        date: Option<&str>,
        messages: &[impl AsRef<[u8]>],
    ) -> Vec<u32> {
        let mut command = format!("APPEND {} ({flags}) ", quote(mailbox));
        if let Some(date) = date {
            write!(command, "\"{date}\" ").unwrap();
        }
        messages.chunks(100).flat_map(|some| self.append_some(&command, some)).collect()
    }

    /// Adds a message and answers its UID (0 without UIDPLUS), or what the server said instead.
    pub fn try_append(&mut self, mailbox: &str, message: &[u8]) -> Result<u32, String> {
        let tag = self.send(&literal(&format!("APPEND {} ", quote(mailbox)), message));
        self.appended(&tag)
    }

    /// Adds a message as a literal that may hold NUL octets (RFC 3516 section 4.4).
    pub fn try_append_binary(&mut self, mailbox: &str, message: &[u8]) -> Result<u32, String> {
        let tag = self.send(&literal(&format!("APPEND {} ~", quote(mailbox)), message));
        self.appended(&tag)
    }

    fn appended(&mut self, tag: &str) -> Result<u32, String> {
        let answer = self.answer(tag);
        if answer.is_ok() { Ok(appended(&answer)) } else { Err(answer.status) }
    }

    fn append_some(&mut self, command: &str, messages: &[impl AsRef<[u8]>]) -> Vec<u32> {
        let sent: Vec<String> = messages.iter().map(|message| self.send(&literal(command, message.as_ref()))).collect();
        sent.iter().map(|tag| appended(&self.answer(tag))).collect()
    }

    /// Every message of a mailbox by UID. Selects it; marks nothing as read.
    pub fn messages(&mut self, mailbox: &str) -> Vec<Stored> {
        self.select(mailbox);
        let answer = self.ok("UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])");
        let mut found: Vec<Stored> = answer.data("FETCH").iter().map(|values| stored(values)).collect();
        // What others do to flags meanwhile is told in between, without dates and content.
        found.retain(|message| !message.date.is_empty());
        found.sort_by_key(|message| message.uid);
        found
    }

    /// One message of the selected mailbox.
    pub fn body(&mut self, uid: u32) -> Vec<u8> {
        let answer = self.ok(&format!("UID FETCH {uid} BODY.PEEK[]"));
        let fetched = answer.data("FETCH");
        stored(fetched.first().unwrap_or_else(|| panic!("no message with UID {uid}"))).bytes
    }

    /// UID STORE in the selected mailbox; `how` is `+FLAGS`, `-FLAGS` or `FLAGS`.
    pub fn store(&mut self, uids: &str, how: &str, flags: &str) {
        self.ok(&format!("UID STORE {uids} {how}.SILENT ({flags})"));
    }

    /// Removes messages of the selected mailbox for good.
    pub fn remove(&mut self, uids: &str) {
        self.store(uids, "+FLAGS", "\\Deleted");
        self.ok(&format!("UID EXPUNGE {uids}"));
    }

    /// Creates a mailbox.
    pub fn create(&mut self, mailbox: &str) {
        self.ok(&format!("CREATE {}", quote(mailbox)));
    }

    /// Deletes a mailbox.
    pub fn delete(&mut self, mailbox: &str) {
        self.ok(&format!("DELETE {}", quote(mailbox)));
    }

    /// Renames a mailbox.
    pub fn rename(&mut self, from: &str, to: &str) {
        self.ok(&format!("RENAME {} {}", quote(from), quote(to)));
    }

    /// Every mailbox, by name.
    pub fn list(&mut self) -> Vec<Listed> {
        let answer = self.ok("LIST \"\" \"*\"");
        let mut found: Vec<Listed> = answer.data("LIST").iter().map(|values| listed(values)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Sends bytes as they are, without tag and CR LF.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).expect("the server takes it");
    }

    /// The next response, without its CR LF; empty when the server has closed.
    pub fn line(&mut self) -> Vec<u8> {
        let mut line = read_response(&mut self.reader).expect("the server answers in time");
        line.truncate(line.len() - if line.ends_with(b"\r\n") { 2 } else { 0 });
        line
    }

    /// Sends a command, literals included, and returns its tag.
    fn send(&mut self, command: &[u8]) -> String {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.send_bytes(&[tag.as_bytes(), b" ", command, b"\r\n"].concat());
        tag
    }

    fn answer(&mut self, tag: &str) -> Answer {
        let mut untagged = Vec::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the server closed the connection after {untagged:?}");
            match line.strip_prefix(tag.as_bytes()).and_then(|rest| rest.strip_prefix(b" ")) {
                Some(status) => return Answer { untagged, status: String::from_utf8_lossy(status).into_owned() },
                None => untagged.push(line),
            }
        }
    }
}

impl Answer {
    /// Whether the command succeeded.
    pub fn is_ok(&self) -> bool {
        self.status.starts_with("OK")
    }

    /// The untagged responses of one kind (`FETCH`, `EXISTS`, `LIST`, `VANISHED`), taken apart from the `*` on.
    pub fn data(&self, kind: &str) -> Vec<Vec<Value>> {
        let is_kind = |values: &Vec<Value>| values.iter().skip(1).take(2).any(|value| value.is(kind));
        self.untagged.iter().map(|line| parse(line)).filter(is_kind).collect()
    }

    /// What follows the name of a response code, tagged or not: `code("UIDNEXT")`.
    pub fn code(&self, name: &str) -> Option<String> {
        let lines = self.untagged.iter().map(|line| String::from_utf8_lossy(line).into_owned());
        lines.chain([self.status.clone()]).find_map(|line| {
            let rest = &line[line.find(&format!("[{name} "))? + name.len() + 2..];
            Some(rest[..rest.find(']')?].to_owned())
        })
    }
}

/// A mailbox name or user name as a quoted string.
pub fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn literal(command: &str, message: &[u8]) -> Vec<u8> {
    [format!("{command}{{{}+}}\r\n", message.len()).as_bytes(), message].concat()
}

fn appended(answer: &Answer) -> u32 {
    assert!(answer.is_ok(), "APPEND: {}", answer.status);
    answer.code("APPENDUID").map_or(0, |code| code.split(' ').nth(1).unwrap().parse().unwrap())
}

fn stored(values: &[Value]) -> Stored {
    let mut message = Stored { uid: 0, flags: Vec::new(), date: String::new(), bytes: Vec::new() };
    for pair in values[3].members().chunks(2) {
        let [name, value] = pair else { panic!("odd FETCH response: {values:?}") };
        match (name.text().to_ascii_uppercase().as_str(), value) {
            ("UID", value) => message.uid = value.text().parse().unwrap(),
            ("FLAGS", value) => message.flags = value.members().iter().map(Value::text).collect(),
            ("INTERNALDATE", value) => message.date = value.text(),
            ("BODY[]", Value::Text(bytes)) => message.bytes.clone_from(bytes),
            _ => {}
        }
    }
    message.flags.retain(|flag| flag != "\\Recent");
    message.flags.sort();
    message
}

fn listed(values: &[Value]) -> Listed {
    Listed { name: values[4].text(), attributes: values[2].members().iter().map(Value::text).collect() }
}
