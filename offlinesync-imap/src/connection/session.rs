//! One IMAP session without its socket: octets to send on one side, responses on the other. Knows whose turn it is, which mailbox is
//! selected and will be, and what may be sent when. Pure.
//!
//! Commands are answered in the order in which they were sent; what arrives untagged belongs to whoever has the oldest command.

use super::outbox::Outbox;
use super::selection::Selection;
use super::{Command, Mailbox, On, Part, SessionView};
use crate::codec::encode::Writer;
use crate::codec::mailbox_name::NameForm;
use crate::codec::response::Tagged;
use offlinesync_core::{Error, FolderName, UidValidity};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

mod absorb;
#[cfg(test)]
mod tests;

/// Someone who has commands on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner(u64);

/// [`On`], owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Target {
    #[default]
    Anywhere,
    Mailbox {
        name: FolderName,
        fresh: bool,
    },
    Verified {
        name: FolderName,
        uid_validity: UidValidity,
    },
}

impl From<On<'_>> for Target {
    fn from(on: On<'_>) -> Self {
        match on {
            On::Anywhere => Target::Anywhere,
            On::Mailbox { name, fresh } => Target::Mailbox { name: name.clone(), fresh },
            On::Verified { name, uid_validity } => Target::Verified { name: name.clone(), uid_validity },
        }
    }
}

impl Target {
    /// Where the commands that follow the first ones run.
    fn afterwards(&self) -> Target {
        match self {
            Target::Mailbox { name, .. } => Target::Mailbox { name: name.clone(), fresh: false },
            other => other.clone(),
        }
    }
}

/// What an owner is to be told, in order.
#[derive(Debug)]
pub(super) enum Notice {
    Selected(Arc<Mailbox>),
    Ended(usize, Tagged, Arc<Mailbox>),
}

/// Whose answers come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// No command is under way.
    Nothing,
    /// A command that nobody waits for any more.
    Nobody,
    Owner(Owner),
}

#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) outbox: Outbox,
    pub(super) selection: Selection,
    view: Arc<SessionView>,
    pending: VecDeque<Pending>,
    owners: BTreeMap<Owner, Party>,
    /// The mailbox that will be selected once everything sent so far is done, and the SELECT that does it.
    predicted: Option<(FolderName, u32)>,
    /// An owner whose SELECT must be answered before anything else is sent, and what it will send then.
    hold: Option<Batch>,
    deferred: VecDeque<Batch>,
    select_condstore: bool,
    compression: Compressing,
    /// The server has said that it has too much to do.
    pub(super) pressed: bool,
    habits: Habits,
    counters: Counters,
    /// Untagged responses since a command ended.
    untagged: u64,
    /// Lines sent, with secrets replaced; `None` where nobody traces.
    pub(super) trace: Option<Vec<String>>,
    /// What the server wants a person to read.
    pub(super) alerts: Vec<String>,
}

/// What the configuration says about every session.
#[derive(Clone, Debug, Default)]
pub(super) struct Habits {
    /// Whether folder names are UTF-8; see [`NameForm`].
    pub(super) decoded_names: bool,
    /// Capabilities that are taken for not offered.
    pub(super) disabled: Vec<String>,
    pub(super) send_id: bool,
    /// Whether every session is compressed from its start.
    pub(super) compress_at_once: bool,
    pub(super) trace: bool,
}

#[derive(Debug, Default)]
struct Counters {
    tag: u32,
    owner: u64,
    select: u32,
}

#[derive(Debug)]
struct Pending {
    tag: u32,
    owner: Option<Owner>,
    work: Work,
    /// The SELECT without which it makes no sense.
    needs: Option<u32>,
}

#[derive(Debug)]
enum Work {
    Select { name: FolderName, serial: u32, at_front: bool, verify: Option<UidValidity> },
    Enable,
    Quiet,
    Unselect,
    Compress,
    Command(usize),
}

/// How far compression has come (RFC 4978).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Compressing {
    #[default]
    NotAsked,
    /// Asked for, and nothing may follow before the answer; or refused, or under way.
    Asked,
    /// Agreed to: everything behind the answer is compressed.
    Begins,
}

#[derive(Debug, Default)]
struct Party {
    target: Target,
    announced: bool,
    /// Commands and batches that are not done.
    open: usize,
    next_index: usize,
    inbox: VecDeque<Notice>,
    failure: Option<Error>,
}

#[derive(Debug)]
struct Batch {
    owner: Owner,
    target: Target,
    commands: Vec<(usize, Command)>,
}

impl Session {
    pub(super) fn new(habits: Habits) -> Self {
        Session { trace: habits.trace.then(Vec::new), habits, ..Session::default() }
    }

    /// What exchanges may know.
    pub(super) fn view(&self) -> &Arc<SessionView> {
        &self.view
    }

    pub(super) fn has(&self, capability: &str) -> bool {
        self.view.capabilities.contains(capability)
    }

    pub(super) fn set_capabilities(&mut self, words: impl IntoIterator<Item = impl AsRef<str>>) {
        let disabled = &self.habits.disabled;
        let capabilities: BTreeSet<Box<str>> = words
            .into_iter()
            .filter(|word| !disabled.iter().any(|disabled| disabled.eq_ignore_ascii_case(word.as_ref())))
            .map(|word| word.as_ref().to_ascii_uppercase().into())
            .collect();
        Arc::make_mut(&mut self.view).capabilities = capabilities;
    }

    /// The login is over and the capabilities are known: turns on what the server offers, in front of the first command.
    pub(super) fn ready(&mut self) {
        if self.habits.send_id && self.has("ID") {
            let id = concat!("ID (\"name\" \"offlinesync\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
            self.queue(None, Work::Quiet, None, &text(id));
        }
        let qresync = self.has("QRESYNC");
        let condstore = qresync || self.has("CONDSTORE");
        // Once it is on, messages with 8-bit headers must be sent in a form of their own (RFC 6855 section 4), and nothing is gained.
        let utf8 = self.has("UTF8=ONLY");
        let tokens = [(qresync, " QRESYNC"), (condstore && !qresync, " CONDSTORE"), (utf8, " UTF8=ACCEPT")];
        let wanted: String = tokens.into_iter().filter_map(|(wanted, token)| wanted.then_some(token)).collect();
        let enable = self.has("ENABLE") && !wanted.is_empty();
        if enable {
            self.queue(None, Work::Enable, None, &text(&format!("ENABLE{wanted}")));
        }
        self.select_condstore = condstore && !enable;
        if self.habits.compress_at_once {
            self.compress();
        }
        // A server that speaks only revision 2 writes names in UTF-8 without being asked (RFC 9051 section 5.1).
        let rev2 = self.has("IMAP4REV2") && !self.has("IMAP4REV1");
        let view = Arc::make_mut(&mut self.view);
        (view.qresync, view.condstore, view.utf8) = (qresync && enable, condstore, rev2 || (utf8 && enable));
    }

    /// Asks for compression, once, where it is offered. What comes next waits for the answer.
    pub(super) fn compress(&mut self) {
        if self.compression == Compressing::NotAsked && self.has("COMPRESS=DEFLATE") {
            self.compression = Compressing::Asked;
            self.queue(None, Work::Compress, None, &text("COMPRESS DEFLATE"));
            self.outbox.gate_until_ended(self.counters.tag);
        }
    }

    /// Whether everything behind the response just taken in is compressed. Answers so once.
    pub(super) fn begins_compression(&mut self) -> bool {
        let begins = self.compression == Compressing::Begins;
        if begins {
            self.compression = Compressing::Asked;
        }
        begins
    }

    /// Someone new, who has nothing to run yet.
    pub(super) fn enter(&mut self) -> Owner {
        self.counters.owner += 1;
        let owner = Owner(self.counters.owner);
        self.owners.insert(owner, Party::default());
        owner
    }

    /// The first commands of someone who has entered, and where all of theirs run.
    pub(super) fn start(&mut self, owner: Owner, target: Target, commands: Vec<Command>) {
        let Some(party) = self.owners.get_mut(&owner) else { return };
        party.target = target.afterwards();
        // With nothing to run, the only way to learn the mailbox's state in order is to select it.
        let target = match target {
            Target::Mailbox { name, .. } if commands.is_empty() => Target::Mailbox { name, fresh: true },
            target => target,
        };
        self.submit(owner, target, commands);
    }

    /// More commands of someone who has started.
    pub(super) fn extend(&mut self, owner: Owner, commands: Vec<Command>) {
        let Some(party) = self.owners.get(&owner) else { return };
        if !commands.is_empty() {
            self.submit(owner, party.target.clone(), commands);
        }
    }

    /// They want nothing any more. Answers whether commands of theirs are still under way, whose answers will be dropped.
    pub(super) fn leave(&mut self, owner: Owner) -> bool {
        let orphans = self.pending.iter().any(|p| p.owner == Some(owner));
        self.detach(owner);
        self.owners.remove(&owner);
        orphans
    }

    /// Whose answers come next.
    pub(super) fn front(&self) -> Front {
        // Commands of our own bring nothing that anybody waits for, and a server may answer the next command before them.
        match self.pending.iter().find(|pending| !matches!(pending.work, Work::Quiet | Work::Unselect | Work::Compress))
        {
            None if self.pending.is_empty() => Front::Nothing,
            None | Some(Pending { owner: None, .. }) => Front::Nobody,
            Some(Pending { owner: Some(owner), .. }) => Front::Owner(*owner),
        }
    }

    pub(super) fn next_notice(&mut self, owner: Owner) -> Option<Notice> {
        self.owners.get_mut(&owner)?.inbox.pop_front()
    }

    pub(super) fn failure(&mut self, owner: Owner) -> Option<Error> {
        self.owners.get_mut(&owner)?.failure.take()
    }

    /// Whether everything of theirs is done.
    pub(super) fn is_done(&self, owner: Owner) -> bool {
        self.owners.get(&owner).is_none_or(|party| party.open == 0)
    }

    /// How many have something to do here.
    pub(super) fn load(&self) -> usize {
        self.owners.len()
    }

    /// The mailbox that will be selected once everything sent so far is done.
    pub(super) fn will_have(&self) -> Option<&FolderName> {
        let held = self.hold.as_ref().and_then(|batch| match &batch.target {
            Target::Verified { name, .. } => Some(name),
            _ => None,
        });
        held.or(self.predicted.as_ref().map(|(name, _)| name))
    }

    /// Starts a command of which `text` is the beginning; its end is written with [`Session::raw`]. Answers its tag.
    pub(super) fn begin(&mut self, owner: Owner, text: &[u8]) -> u32 {
        let index = self.next_indices(owner, 1);
        let tag = self.push(Some(owner), Work::Command(index), None);
        self.outbox.octets(tag, format!("A{tag} ").as_bytes());
        self.outbox.octets(tag, text);
        self.trace_line(|| format!("A{tag} {}", String::from_utf8_lossy(text)));
        tag
    }

    /// More octets of a command begun.
    pub(super) fn raw(&mut self, tag: u32, octets: &[u8]) {
        self.outbox.octets(tag, octets);
    }

    /// A line that answers `+`; secret.
    pub(super) fn answer(&mut self, line: &[u8]) {
        self.outbox.mark_secret();
        self.outbox.octets(0, line);
        self.outbox.octets(0, b"\r\n");
        self.trace_line(|| "***".to_owned());
    }

    /// Sends a line that belongs to a command under way.
    pub(super) fn say(&mut self, line: &str) {
        self.outbox.octets(0, line.as_bytes());
        self.outbox.octets(0, b"\r\n");
        self.trace_line(|| line.to_owned());
    }

    /// Says goodbye.
    pub(super) fn log_out(&mut self) {
        self.queue(None, Work::Quiet, None, &text("LOGOUT"));
    }

    /// Whether the command with this tag has not ended.
    pub(super) fn is_pending(&self, tag: u32) -> bool {
        self.pending.iter().any(|p| p.tag == tag)
    }

    /// Announces a literal of a command begun; answers whether `+` must come first.
    pub(super) fn literal(&mut self, tag: u32, octets: u64) -> bool {
        self.trace_line(|| format!("A{tag} {{{octets}}}"));
        self.announce_literal(tag, octets)
    }

    fn announce_literal(&mut self, tag: u32, octets: u64) -> bool {
        let waits = !self.allows_non_sync(octets);
        self.outbox.octets(tag, format!("{{{octets}{}}}\r\n", if waits { "" } else { "+" }).as_bytes());
        if waits {
            self.outbox.gate(tag);
        }
        waits
    }

    /// RFC 7888: LITERAL- ends at 4096 octets; RFC 9051 includes it.
    fn allows_non_sync(&self, octets: u64) -> bool {
        self.has("LITERAL+") || (octets <= 4096 && (self.has("LITERAL-") || self.has("IMAP4REV2")))
    }

    fn next_indices(&mut self, owner: Owner, count: usize) -> usize {
        let Some(party) = self.owners.get_mut(&owner) else { return 0 };
        party.next_index += count;
        party.next_index - count
    }

    fn submit(&mut self, owner: Owner, target: Target, commands: Vec<Command>) {
        let first = self.next_indices(owner, commands.len());
        let commands = commands.into_iter().enumerate().map(|(i, command)| (first + i, command)).collect();
        self.admit(Batch { owner, target, commands });
    }

    /// Sends a batch, or keeps it while someone else's SELECT must be answered first.
    fn admit(&mut self, batch: Batch) {
        if self.hold.is_some() {
            self.count(batch.owner, 1);
            self.deferred.push_back(batch);
            return;
        }
        match &batch.target {
            Target::Anywhere => {
                self.renew_view();
                self.queue_batch(batch, None);
            }
            Target::Mailbox { name, fresh } => {
                let serial = match &self.predicted {
                    Some((predicted, serial)) if predicted == name && !fresh => *serial,
                    _ => self.queue_select(batch.owner, name.clone(), None),
                };
                self.queue_batch(batch, Some(serial));
            }
            Target::Verified { name, uid_validity } => match self.known(name, *uid_validity) {
                Some(serial) => self.queue_batch(batch, Some(serial)),
                None => {
                    self.queue_select(batch.owner, name.clone(), Some(*uid_validity));
                    self.count(batch.owner, 1);
                    self.hold = Some(batch);
                }
            },
        }
    }

    /// STATUS of the selected mailbox shows the session's own view of it, which may be old. Without a selected mailbox it shows what
    /// is; where it cannot be unselected without expunging (RFC 3691), NOOP renews the view.
    fn renew_view(&mut self) {
        if self.predicted.is_none() {
            return;
        }
        if self.has("UNSELECT") || self.has("IMAP4REV2") {
            self.predicted = None;
            self.queue(None, Work::Unselect, None, &text("UNSELECT"));
        } else {
            self.queue(None, Work::Quiet, None, &text("NOOP"));
        }
    }

    /// The SELECT of this mailbox, if it is selected with this numbering and stays so until everything sent is done.
    fn known(&self, name: &FolderName, uid_validity: UidValidity) -> Option<u32> {
        let current = self.selection.current()?;
        let (predicted, serial) = self.predicted.as_ref()?;
        let same = current.serial == *serial && predicted == name && current.name == *name;
        let stays = !self.pending.iter().any(|p| matches!(p.work, Work::Select { .. }));
        (same && stays && current.mailbox.uid_validity == Some(uid_validity)).then_some(*serial)
    }

    fn queue_batch(&mut self, batch: Batch, needs: Option<u32>) {
        for (index, command) in &batch.commands {
            self.queue(Some(batch.owner), Work::Command(*index), needs, command);
        }
    }

    fn queue_select(&mut self, owner: Owner, name: FolderName, verify: Option<UidValidity>) -> u32 {
        self.counters.select += 1;
        let serial = self.counters.select;
        let select = Writer::new("SELECT").mailbox(&name, self.name_form());
        let select = if self.select_condstore { select.word("(CONDSTORE)") } else { select };
        self.predicted = Some((name.clone(), serial));
        self.queue(Some(owner), Work::Select { name, serial, at_front: false, verify }, None, &select.finish());
        serial
    }

    fn name_form(&self) -> NameForm {
        NameForm { decoded: self.habits.decoded_names, utf8: self.view.utf8 }
    }

    fn queue(&mut self, owner: Option<Owner>, work: Work, needs: Option<u32>, command: &Command) {
        let tag = self.push(owner, work, needs);
        self.write(tag, command);
    }

    fn push(&mut self, owner: Option<Owner>, work: Work, needs: Option<u32>) -> u32 {
        self.counters.tag += 1;
        let tag = self.counters.tag;
        if let Some(owner) = owner {
            self.count(owner, 1);
        }
        self.pending.push_back(Pending { tag, owner, work, needs });
        self.front_changed();
        tag
    }

    fn write(&mut self, tag: u32, command: &Command) {
        self.outbox.octets(tag, format!("A{tag} ").as_bytes());
        for part in &command.parts {
            match part {
                Part::Text(text) => self.outbox.octets(tag, text),
                Part::Secret(secret) => {
                    self.outbox.mark_secret();
                    self.outbox.octets(tag, secret);
                }
                Part::Literal(octets) => {
                    self.announce_literal(tag, octets.len() as u64);
                    self.outbox.octets(tag, octets);
                }
            }
        }
        self.outbox.octets(tag, b"\r\n");
        self.trace_line(|| format!("A{tag} {}", shown(command)));
    }

    /// Notes a line for the trace.
    pub(super) fn trace_line(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    fn count(&mut self, owner: Owner, more: usize) {
        if let Some(party) = self.owners.get_mut(&owner) {
            party.open += more;
        }
    }

    fn discount(&mut self, owner: Owner) {
        if let Some(party) = self.owners.get_mut(&owner) {
            party.open = party.open.saturating_sub(1);
        }
    }
}

/// A command of plain words.
pub(super) fn text(words: &str) -> Command {
    Command { parts: vec![Part::Text(words.as_bytes().to_vec())] }
}

/// The command for a person: without secrets, literals as their size.
fn shown(command: &Command) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Part::Secret(_) => "***".to_owned(),
        Part::Literal(octets) => format!("{{{}}}", octets.len()),
    };
    command.parts.iter().map(part).collect()
}
