//! One connection: reads commands, asks the hook, checks order and grammar, hands on, answers. Knows which mailbox is selected and
//! what the client has been told of it.

use super::faults::{Action, Received};
use super::wire::{Input, Output};
use super::{Shared, checked, lock};
use crate::testing::syntax::{Value, literal, parse};
use std::net::TcpStream;
use std::sync::Arc;

pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) out: Output,
    pub(super) user: String,
    pub(super) selected: Option<Selected>,
    pub(super) condstore: bool,
    pub(super) qresync: bool,
    number: usize,
}

pub(super) struct Selected {
    pub(super) name: String,
    pub(super) read_only: bool,
    pub(super) uid_validity: u32,
    /// UID and mod-sequence of every message as the client knows it, by sequence number.
    pub(super) seen: Vec<(u32, u64)>,
    /// The mailbox's mod-sequence when `seen` was last brought up to date.
    pub(super) synced: u64,
}

/// Why a command failed.
pub(super) enum Refusal {
    No(String),
    Bad(String),
}

/// What the tagged OK says, or why there is none.
pub(super) type Outcome = Result<String, Refusal>;

pub(super) fn no<T>(text: &str) -> Result<T, Refusal> {
    Err(Refusal::No(text.to_owned()))
}

pub(super) fn bad<T>(text: &str) -> Result<T, Refusal> {
    Err(Refusal::Bad(text.to_owned()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Any,
    Greeted,
    LoggedIn,
    Selected,
}

/// Command, the state it needs, the capability it needs.
const COMMANDS: [(&str, When, &str); 37] = [
    ("CAPABILITY", When::Any, ""),
    ("NOOP", When::Any, ""),
    ("LOGOUT", When::Any, ""),
    ("ID", When::Any, "ID"),
    ("LOGIN", When::Greeted, ""),
    ("AUTHENTICATE", When::Greeted, ""),
    ("ENABLE", When::LoggedIn, "ENABLE"),
    ("NAMESPACE", When::LoggedIn, "NAMESPACE"),
    ("SELECT", When::LoggedIn, ""),
    ("EXAMINE", When::LoggedIn, ""),
    ("CREATE", When::LoggedIn, ""),
    ("DELETE", When::LoggedIn, ""),
    ("RENAME", When::LoggedIn, ""),
    ("SUBSCRIBE", When::LoggedIn, ""),
    ("UNSUBSCRIBE", When::LoggedIn, ""),
    ("LIST", When::LoggedIn, ""),
    ("LSUB", When::LoggedIn, ""),
    ("STATUS", When::LoggedIn, ""),
    ("APPEND", When::LoggedIn, ""),
    ("IDLE", When::LoggedIn, "IDLE"),
    ("CHECK", When::Selected, ""),
    ("CLOSE", When::Selected, ""),
    ("UNSELECT", When::Selected, "UNSELECT"),
    ("EXPUNGE", When::Selected, ""),
    ("FETCH", When::Selected, ""),
    ("STORE", When::Selected, ""),
    ("SEARCH", When::Selected, ""),
    ("COPY", When::Selected, ""),
    ("MOVE", When::Selected, "MOVE"),
    ("UID FETCH", When::Selected, ""),
    ("UID STORE", When::Selected, ""),
    ("UID SEARCH", When::Selected, ""),
    ("UID COPY", When::Selected, ""),
    ("UID MOVE", When::Selected, "MOVE"),
    ("UID EXPUNGE", When::Selected, "UIDPLUS"),
    ("XLIST", When::LoggedIn, "XLIST"),
    ("COMPRESS", When::LoggedIn, "COMPRESS=DEFLATE"),
];

/// Speaks with one client until it, a fault or the server's end ends it.
pub(super) fn serve(shared: &Arc<Shared>, stream: TcpStream, number: usize, full: bool) {
    let Ok(copy) = stream.try_clone() else { return };
    drop(stream.set_nodelay(true));
    let mut input = Input::new(copy, shared);
    let mut session = Session {
        shared: Arc::clone(shared),
        out: Output::new(stream, shared),
        user: String::new(),
        selected: None,
        condstore: false,
        qresync: false,
        number,
    };
    if full {
        session.out.line("* BYE [LIMIT] too many connections");
    } else {
        let greeting = format!("* OK [CAPABILITY {}] ready", session.capabilities());
        session.out.line(&greeting);
    }
    let mut going = session.out.flush() && !full;
    while going {
        going = session.turn(&mut input).is_some();
    }
    session.out.close();
}

impl Session {
    pub(super) fn capabilities(&self) -> String {
        self.shared.options.capabilities.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// One command; `None` ends the connection.
    fn turn(&mut self, input: &mut Input) -> Option<()> {
        let first = input.line()?;
        let (tag, received) = self.receive(&first);
        lock(&self.shared.log).push(received.clone());
        let action = lock(&self.shared.hook).ask(&received);
        match action {
            Action::Bye => {
                self.out.line("* BYE come back later");
                self.out.flush();
                return None;
            }
            Action::Stall => {
                input.drain();
                return None;
            }
            Action::CutInput(octets) => {
                self.allow_literal(&first);
                input.exactly(octets);
                return None;
            }
            Action::No(text) => return self.refuse(input, &first, &format!("{tag} NO {text}")),
            Action::Bad(text) => return self.refuse(input, &first, &format!("{tag} BAD {text}")),
            _ => {}
        }
        let Some(command) = self.rest(input, &tag, first)? else { return Some(()) };
        match action {
            Action::Replace(bytes) => {
                self.out.bytes(String::from_utf8_lossy(&bytes).replace("{tag}", &tag).as_bytes());
                return self.out.flush().then_some(());
            }
            Action::Insert(bytes) => self.out.bytes(&bytes),
            Action::CutAfter(octets) => self.out.cut_after(octets),
            Action::Rewrite(rewrite) => self.out.rewrite(rewrite),
            Action::Flood(bytes) => {
                while self.out.flush() {
                    self.out.bytes(&bytes);
                }
                return None;
            }
            _ => {}
        }
        self.carry_out(input, &tag, &received.name, &command)
    }

    fn receive(&self, first: &[u8]) -> (String, Received) {
        let line = String::from_utf8_lossy(first);
        let line = line.trim_end_matches(['\r', '\n']);
        let (tag, line) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = line.split(' ').map(str::to_ascii_uppercase);
        let name = match (words.next().unwrap_or_default(), words.next()) {
            (uid, Some(what)) if uid == "UID" => format!("UID {what}"),
            (name, _) => name,
        };
        let selected = self.selected.as_ref().map(|selected| selected.name.clone()).unwrap_or_default();
        let (connection, user, line) = (self.number, self.user.clone(), line.to_owned());
        (tag.to_owned(), Received { connection, user, selected, name, line })
    }

    /// Reads the literals of a command and what is behind them. `Some(None)`: refused, and said so.
    fn rest(&mut self, input: &mut Input, tag: &str, first: Vec<u8>) -> Option<Option<Vec<u8>>> {
        let (mut all, mut line) = (first.clone(), first);
        while let Some((octets, waits)) = literal(&line) {
            if waits && octets > self.shared.options.append_limit {
                self.out.line(&format!("{tag} NO [TOOBIG] too large"));
                return self.out.flush().then_some(None);
            }
            if !waits && !self.may_not_wait(octets) {
                self.violation(&format!("literal of {octets} octets without waiting"));
                self.out.line("* BYE no such literals here");
                self.out.flush();
                return None;
            }
            self.allow_literal(&line);
            all.extend(input.exactly(octets)?);
            line = input.line()?;
            all.extend(&line);
        }
        Some(Some(all))
    }

    fn may_not_wait(&self, octets: usize) -> bool {
        self.shared.offers("LITERAL+") || self.shared.offers("LITERAL-") && octets <= 4096
    }

    fn allow_literal(&mut self, line: &[u8]) {
        if literal(line).is_some_and(|(_, waits)| waits) {
            self.out.line("+ go ahead");
            self.out.flush();
        }
    }

    fn refuse(&mut self, input: &mut Input, first: &[u8], answer: &str) -> Option<()> {
        if literal(first).is_some_and(|(_, waits)| !waits) {
            self.rest(input, "", first.to_vec())?;
        }
        self.out.line(answer);
        self.out.flush().then_some(())
    }

    pub(super) fn violation(&self, what: &str) {
        lock(&self.shared.violations).push(format!("connection {}: {what}", self.number));
    }

    fn carry_out(&mut self, input: &mut Input, tag: &str, name: &str, command: &[u8]) -> Option<()> {
        let outcome = self.permitted(name, command).and_then(|()| {
            let values = parse(command);
            let arguments = 1 + name.split(' ').count();
            self.dispatch(input, tag, name, values.get(arguments..).unwrap_or_default())
        });
        if !matches!(name, "FETCH" | "STORE" | "SEARCH") {
            self.sync();
        }
        self.out.line(&match &outcome {
            Ok(text) => format!("{tag} OK {text}"),
            Err(Refusal::No(text)) => format!("{tag} NO {text}"),
            Err(Refusal::Bad(text)) => format!("{tag} BAD {text}"),
        });
        if let Err(Refusal::Bad(text)) = &outcome {
            self.violation(&format!("{name}: {text}"));
        }
        let packs = name == "COMPRESS" && outcome.is_ok();
        let going = self.out.flush() && name != "LOGOUT";
        if packs {
            self.out.pack();
            input.unpack();
        }
        going.then_some(())
    }

    fn permitted(&self, name: &str, command: &[u8]) -> Result<(), Refusal> {
        let Some((_, when, capability)) = COMMANDS.iter().find(|(known, ..)| *known == name) else {
            return bad("unknown command");
        };
        let ready = match when {
            When::Any => true,
            When::Greeted => self.user.is_empty(),
            When::LoggedIn => !self.user.is_empty(),
            When::Selected => self.selected.is_some(),
        };
        if !ready {
            return bad("not in this state");
        }
        if !capability.is_empty() && !self.shared.offers(capability) {
            return bad(&format!("{capability} is not offered"));
        }
        checked::check(name, command).map_err(Refusal::Bad)
    }

    fn dispatch(&mut self, input: &mut Input, tag: &str, name: &str, args: &[Value]) -> Outcome {
        let (uid, verb) = name.strip_prefix("UID ").map_or((false, name), |verb| (true, verb));
        match verb {
            "CAPABILITY" => {
                let line = format!("* CAPABILITY {}", self.capabilities());
                self.told(&line)
            }
            "NOOP" | "CHECK" => Ok("done".to_owned()),
            "LOGOUT" => self.told("* BYE see you"),
            "ID" => self.told("* ID (\"name\" \"offlinesync-testing\")"),
            "NAMESPACE" => {
                let separator = self.shared.options.separator;
                self.told(&format!("* NAMESPACE ((\"\" \"{separator}\")) NIL NIL"))
            }
            "LOGIN" => self.login(&args[0].text(), &args[1].text()),
            "AUTHENTICATE" => self.authenticate(input, &args[0].text().to_ascii_uppercase(), args.get(1)),
            "ENABLE" => self.enable(args),
            "COMPRESS" if input.is_unpacking() => no("[COMPRESSIONACTIVE] it is compressed already"),
            "COMPRESS" => Ok("compressed from here on".to_owned()),
            "IDLE" => self.idle(input),
            "SELECT" => self.select(args, false),
            "EXAMINE" => self.select(args, true),
            "CREATE" => self.create(args),
            "DELETE" => self.delete(args),
            "RENAME" => self.rename(args),
            "SUBSCRIBE" => self.subscribe(args, true),
            "UNSUBSCRIBE" => self.subscribe(args, false),
            "LIST" => self.list(args),
            "LSUB" => self.lsub(args),
            "STATUS" => self.status(args),
            "CLOSE" => self.close(true),
            "UNSELECT" => self.close(false),
            "APPEND" => self.append(args),
            "EXPUNGE" => self.expunge(args.first()),
            "FETCH" => self.fetch(args, uid),
            "STORE" => self.store(args, uid),
            "SEARCH" => self.search(tag, args, uid),
            "COPY" => self.copy(args, uid, false),
            "MOVE" => self.copy(args, uid, true),
            _ => bad("unknown command"),
        }
    }

    pub(super) fn told(&mut self, line: &str) -> Outcome {
        self.out.line(line);
        Ok("done".to_owned())
    }
}
