//! Stores messages by APPEND. A group is held until its commit and then sent at once, in one command where the server can; the
//! connection is not kept from others while the source is read. A message larger than a group goes out while it comes in, and
//! the end of its command is kept back until the commit: dropping the connection then leaves no trace of it.

use crate::codec::mailbox_name::NameForm;
use crate::codec::response::{Code, Tagged};
use crate::commands::{append, is_ok};
use crate::connection::{Lease, Part, SessionView};
use offlinesync_core::{
    Error, ErrorKind, FlagSupport, Flags, FolderName, GroupSize, Intake, InternalDate, LineEnding, MessageId, Outgoing,
    Result, SystemFlags, UidValidity,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What a group holds at most: what a slow line takes in a few seconds, and enough that a round trip does not matter.
const GROUP: GroupSize = GroupSize { messages: 500, octets: 5 << 19 };

/// What earlier intakes of this folder learned.
#[derive(Debug, Default)]
pub(super) struct Habits {
    /// The server refused several messages in one command: from now on each has its own.
    alone: bool,
    /// Sources of large messages that turned out to hold NUL octets.
    with_nul: BTreeSet<MessageId>,
    /// Sources of large messages that the server refused with their keywords.
    without_keywords: BTreeSet<MessageId>,
}

/// Where messages go.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: FolderName,
    /// Repository and folder, for messages.
    pub(super) place: String,
    /// Whether folder names are UTF-8.
    pub(super) decoded: bool,
    pub(super) numbering: UidValidity,
    /// No message has this UID or a higher one yet, as far as is known.
    pub(super) uid_next: u32,
    pub(super) support: FlagSupport,
}

/// What an intake writes to; see [`Lease`].
pub(super) trait Wire {
    fn session(&self) -> Arc<SessionView>;
    fn begin_command(&mut self, text: &[u8]) -> Result<()>;
    fn literal(&mut self, octets: u64) -> Result<bool>;
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    fn end_command(&mut self) -> Result<()>;
    fn finish(&mut self) -> Result<Vec<Tagged>>;
}

impl Wire for Lease {
    fn session(&self) -> Arc<SessionView> {
        Lease::session(self)
    }
    fn begin_command(&mut self, text: &[u8]) -> Result<()> {
        Lease::begin_command(self, text)
    }
    fn literal(&mut self, octets: u64) -> Result<bool> {
        Lease::literal(self, octets)
    }
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Lease::write(self, bytes)
    }
    fn end_command(&mut self) -> Result<()> {
        Lease::end_command(self)
    }
    fn finish(&mut self) -> Result<Vec<Tagged>> {
        Lease::finish(self)
    }
}

/// Opens a wire for so many octets, about.
pub(super) type Open<'a> = Box<dyn FnMut(u64) -> Result<Box<dyn Wire>> + 'a>;

/// An intake.
pub(super) struct Appends<'a> {
    target: Target,
    habits: &'a mut Habits,
    connect: Open<'a>,
    wire: Option<Box<dyn Wire>>,
    /// How many octets the wire will carry, about, when it is opened.
    expected: u64,
    current: Option<Message>,
    /// Messages that are complete and not sent yet, each with its place among the answers.
    held: Vec<(usize, Message, Vec<u8>)>,
    /// Large messages with keywords that were sent and not yet answered for: place, source, whether it went without them.
    large: Vec<(usize, MessageId, bool)>,
    /// A command that has not been ended.
    open: bool,
    /// For each command sent and not yet answered for, the places of its messages among the answers.
    commands: Vec<Vec<usize>>,
    /// One for each message ended since the last commit; `None` until it is answered for.
    answers: Vec<Option<Answer>>,
    /// Why nothing more is taken.
    closed: Option<(ErrorKind, String)>,
}

type Answer = Result<Option<MessageId>>;

/// A message and how far it has come.
struct Message {
    source: MessageId,
    flags: Flags,
    date: Option<InternalDate>,
    octets: u64,
    written: u64,
    flow: Flow,
    /// Whether it goes without its keywords, which may be what the server refuses.
    bare: bool,
}

impl Message {
    fn flags(&self, support: &FlagSupport) -> Flags {
        let flags = self.flags.supported(support);
        if self.bare { Flags::system(flags.system.difference(SystemFlags::FORWARDED)) } else { flags }
    }

    /// Whether it goes with a keyword that a server can refuse.
    fn has_keywords(&self, support: &FlagSupport) -> bool {
        let flags = self.flags(support);
        !flags.keywords.is_empty() || flags.system.contains(SystemFlags::FORWARDED)
    }
}

enum Flow {
    Held(Vec<u8>),
    Streaming {
        binary: bool,
    },
    /// The server did not want it; its answer is among those of the commands.
    Refused,
}

impl<'a> Appends<'a> {
    pub(super) fn new(target: Target, habits: &'a mut Habits, connect: Open<'a>) -> Self {
        Appends {
            target,
            habits,
            connect,
            wire: None,
            expected: 0,
            current: None,
            held: Vec::new(),
            large: Vec::new(),
            open: false,
            commands: Vec::new(),
            answers: Vec::new(),
            closed: None,
        }
    }

    fn wire(&mut self) -> Result<&mut dyn Wire> {
        let wire = match self.wire.take() {
            Some(wire) => wire,
            None => (self.connect)(self.expected)?,
        };
        Ok(self.wire.insert(wire).as_mut())
    }

    fn at(&self, error: Error) -> Error {
        error.at(&self.target.place)
    }

    /// Sends everything up to the literal: of a new command, or of the open one. Answers whether the literal may follow.
    fn send_head(&mut self, message: &Message, binary: bool, octets: u64) -> Result<bool> {
        let head = append::head(&message.flags(&self.target.support), message.date, binary);
        if !self.open {
            let session = self.wire()?.session();
            let form = NameForm { decoded: self.target.decoded, utf8: session.utf8 };
            let start = append::start(&self.target.name, form);
            if !self.send_start(start)? {
                return Ok(false);
            }
        }
        let wire = self.wire()?;
        wire.write(head.as_bytes())?;
        wire.literal(octets)
    }

    fn send_start(&mut self, parts: Vec<Part>) -> Result<bool> {
        self.commands.push(Vec::new());
        let wire = self.wire()?;
        let mut begun = false;
        for part in parts {
            match part {
                Part::Text(text) | Part::Secret(text) if !begun => wire.begin_command(&text)?,
                Part::Text(text) | Part::Secret(text) => wire.write(&text)?,
                Part::Literal(name) => {
                    if !wire.literal(name.len() as u64)? {
                        return Ok(false);
                    }
                    wire.write(&name)?;
                }
            }
            begun = true;
        }
        Ok(true)
    }

    /// Ends the open command.
    fn close_command(&mut self) -> Result<()> {
        if std::mem::take(&mut self.open) {
            self.wire()?.end_command()?;
        }
        Ok(())
    }

    /// A place for one more answer.
    fn new_place(&mut self) -> usize {
        self.answers.push(None);
        self.answers.len() - 1
    }

    /// The message in this place belongs to the command sent last.
    fn assign(&mut self, place: usize) {
        if let Some(places) = self.commands.last_mut() {
            places.push(place);
        }
    }

    /// Sends what is held and waits for the answers to everything sent. What the server refuses for itself goes again without its keywords.
    fn settle(&mut self) -> Result<()> {
        let mut held = std::mem::take(&mut self.held);
        let refused = self.send_all(&held)?;
        self.note_large(&refused);
        held.retain(|(place, message, _)| refused.contains(place) && message.has_keywords(&self.target.support));
        if held.is_empty() {
            return Ok(());
        }
        self.habits.alone = true;
        held.iter_mut().for_each(|(_, message, _)| message.bare = true);
        self.send_all(&held)?;
        // Without a number nobody takes what it lacks for removed there: it is found by content, and its keywords are tried again.
        held.iter().for_each(|(place, ..)| self.forget_number(*place));
        Ok(())
    }

    /// The message in this place is stored, and lacks flags that it should have.
    fn forget_number(&mut self, place: usize) {
        if let Some(Ok(number)) = &mut self.answers[place] {
            *number = None;
        }
    }

    /// Sends these messages and waits for the answers to everything sent; answers the places of those that were refused each for itself.
    fn send_all(&mut self, held: &[(usize, Message, Vec<u8>)]) -> Result<BTreeSet<usize>> {
        self.expected += held.iter().map(|(_, message, _)| message.octets).sum::<u64>();
        for (place, message, body) in held {
            self.send_held(*place, message, body)?;
        }
        self.close_command()?;
        let mut refused = BTreeSet::new();
        if self.commands.is_empty() {
            return Ok(refused);
        }
        let tagged = self.wire()?.finish()?;
        let commands = std::mem::take(&mut self.commands);
        if tagged.len() != commands.len() {
            return Err(Error::new(ErrorKind::Protocol, "not every APPEND was answered"));
        }
        for (tagged, places) in tagged.iter().zip(commands) {
            let answers = self.answers_of(tagged, places.len());
            if let ([place], [Err(error)]) = (&places[..], &answers[..])
                && error.kind() == ErrorKind::Message
                && !matches!(tagged.status.code, Some(Code::TooBig | Code::OverQuota))
            {
                refused.insert(*place);
            }
            places.into_iter().zip(answers).for_each(|(place, answer)| self.answers[place] = Some(answer));
        }
        Ok(refused)
    }

    fn answers_of(&mut self, tagged: &Tagged, messages: usize) -> Vec<Answer> {
        if is_ok(tagged) {
            let uids = append::new_uids(tagged, messages, self.target.numbering, self.target.uid_next);
            if let Some(last) = uids.iter().flatten().last() {
                self.target.uid_next = last.get().saturating_add(1);
            }
            let named = uids.into_iter().flatten().map(|uid| Ok(Some(MessageId::Uid(uid))));
            return named.chain(std::iter::repeat_with(|| Ok(None))).take(messages).collect();
        }
        self.habits.alone |= messages > 1;
        let place = self.target.place.clone();
        let utf8_alone = self.wire.as_ref().is_some_and(|wire| append::is_utf8_alone(&wire.session()));
        let failure = || append::failure(tagged, messages <= 1, utf8_alone).at(&place);
        let first = failure();
        if first.kind() != ErrorKind::Message {
            self.closed = Some((first.kind(), first.to_string()));
        }
        (0..messages).map(|_| Err(failure())).collect()
    }

    fn send_held(&mut self, place: usize, message: &Message, body: &[u8]) -> Result<()> {
        let session = self.wire()?.session();
        if let Err(error) = self.fits(&session, message) {
            self.answers[place] = Some(Err(error));
            return Ok(());
        }
        let binary = memchr::memchr(0, body).is_some();
        if binary && !append::can_binary(&session) {
            self.answers[place] = Some(Err(self.no_nul()));
            return Ok(());
        }
        // A message without an octet would end the command (RFC 3502 section 6.3.11).
        let grouped = append::can_group(&session) && !self.habits.alone && !body.is_empty() && !binary;
        if !grouped {
            self.close_command()?;
        }
        let wanted = self.send_head(message, binary, body.len() as u64)?;
        self.assign(place);
        if !wanted {
            self.open = false;
            return Ok(());
        }
        self.wire()?.write(body)?;
        self.open = true;
        if grouped { Ok(()) } else { self.close_command() }
    }

    /// A message that went out while it came in has its place.
    fn sent_large(&mut self, message: Message) {
        let place = self.new_place();
        self.assign(place);
        if message.bare || message.has_keywords(&self.target.support) {
            self.large.push((place, message.source, message.bare));
        }
    }

    /// A large message that was refused goes without its keywords when it comes again.
    fn note_large(&mut self, refused: &BTreeSet<usize>) {
        for (place, source, bare) in std::mem::take(&mut self.large) {
            match bare {
                true => self.forget_number(place),
                false if refused.contains(&place) => {
                    self.habits.without_keywords.insert(source);
                    self.answers[place] = self.answers[place].take().map(|answer| answer.map_err(comes_again));
                }
                false => {}
            }
        }
    }

    /// Whether the caller gives far more than a group without a commit: memory stays bounded all the same.
    fn is_overfull(&self, more: u64) -> bool {
        let octets = self.held.iter().map(|(_, message, _)| message.octets).sum::<u64>() + more;
        octets > 2 * GROUP.octets || self.held.len() >= 2 * GROUP.messages
    }

    fn fits(&self, session: &SessionView, message: &Message) -> Result<()> {
        match append::limit(session).filter(|limit| message.octets > *limit) {
            Some(limit) => Err(self.at(append::too_large(message.octets, limit))),
            None => Ok(()),
        }
    }

    fn no_nul(&self) -> Error {
        self.at(Error::new(
            ErrorKind::Message,
            "the message holds NUL octets, which the server cannot take unaltered (it does not offer BINARY)",
        ))
    }

    fn stream(&mut self, message: &mut Message) -> Result<()> {
        self.expected = message.octets;
        self.settle()?;
        let session = self.wire()?.session();
        self.fits(&session, message)?;
        message.bare = self.habits.without_keywords.contains(&message.source);
        let binary = self.habits.with_nul.contains(&message.source) && append::can_binary(&session);
        message.flow = match self.send_head(message, binary, message.octets)? {
            true => Flow::Streaming { binary },
            false => Flow::Refused,
        };
        Ok(())
    }

    /// What has been sent of a large message cannot be taken back; what went before it has been answered for.
    fn break_off(&mut self) {
        self.large.clear();
        self.wire = None;
        self.open = false;
        self.commands.clear();
    }

    fn write_through(&mut self, message: &Message, binary: bool, bytes: &[u8]) -> Result<()> {
        if !binary && memchr::memchr(0, bytes).is_some() {
            let offered = append::can_binary(&self.wire()?.session());
            self.habits.with_nul.insert(message.source.clone());
            return Err(match offered {
                true => {
                    let told = "the message holds NUL octets: it is sent again as such";
                    comes_again(self.at(Error::new(ErrorKind::Message, told)))
                }
                false => self.no_nul(),
            });
        }
        self.wire()?.write(bytes)
    }

    /// The length of a literal is told before its content.
    fn wrong_length(&self, message: &Message) -> Error {
        let told =
            format!("the message changed while it was read: {} octets of {} came", message.written, message.octets);
        self.at(Error::new(ErrorKind::Message, told))
    }
}

/// The next time it goes in another way.
fn comes_again(error: Error) -> Error {
    error.with_retry_after(Duration::ZERO)
}

impl Intake for Appends<'_> {
    fn line_ending(&self) -> LineEnding {
        LineEnding::Crlf
    }

    fn group_size(&self) -> GroupSize {
        GROUP
    }

    fn begin(&mut self, message: &Outgoing<'_>) -> Result<()> {
        if let Some((kind, why)) = &self.closed {
            return Err(Error::new(*kind, why.clone()));
        }
        let mut begun = Message {
            source: message.source.clone(),
            flags: message.flags.clone(),
            date: message.date,
            octets: message.octets,
            written: 0,
            flow: Flow::Held(Vec::new()),
            bare: false,
        };
        if message.octets > GROUP.octets {
            self.stream(&mut begun)?;
        } else if self.is_overfull(message.octets) {
            self.settle()?;
        }
        self.current = Some(begun);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(mut message) = self.current.take() else { return Ok(()) };
        message.written += bytes.len() as u64;
        let result = match &mut message.flow {
            _ if message.written > message.octets => Err(self.wrong_length(&message)),
            Flow::Held(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
            Flow::Refused => Ok(()),
            Flow::Streaming { binary } => {
                let binary = *binary;
                self.write_through(&message, binary, bytes)
            }
        };
        self.current = Some(message);
        result
    }

    fn end(&mut self) -> Result<()> {
        let Some(mut message) = self.current.take() else { return Ok(()) };
        let whole = message.written == message.octets;
        match std::mem::replace(&mut message.flow, Flow::Refused) {
            Flow::Held(body) if whole => {
                let place = self.new_place();
                self.held.push((place, message, body));
            }
            Flow::Streaming { .. } if whole => {
                self.sent_large(message);
                self.open = true;
            }
            Flow::Refused => self.sent_large(message),
            Flow::Held(_) => return Err(self.wrong_length(&message)),
            Flow::Streaming { .. } => {
                self.break_off();
                return Err(self.wrong_length(&message));
            }
        }
        Ok(())
    }

    fn discard(&mut self) -> Result<()> {
        match self.current.take().map(|message| message.flow) {
            Some(Flow::Streaming { .. }) => self.break_off(),
            // The command is over; its answer is about no message.
            Some(Flow::Refused | Flow::Held(_)) | None => {}
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<Vec<Answer>> {
        let settled = self.settle();
        (self.wire, self.expected) = (None, 0);
        settled?;
        let answers = std::mem::take(&mut self.answers).into_iter();
        Ok(answers.map(|answer| answer.unwrap_or(Ok(None))).collect())
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
