//! The contracts of a backend: [`Repository`], [`Folder`], and the streams between two folders ([`Sink`], [`Intake`]).
//! No I/O happens here.
//!
//! A backend is blocking and may be called from several threads: one [`Repository`] is shared, each [`Folder`] handle
//! belongs to one thread at a time. Every wait inside a backend has a deadline and ends early when its
//! [`Cancel`](crate::Cancel) token is cancelled.

use crate::error::{Error, ErrorKind, Result};
use crate::flags::{FlagSupport, Flags};
use crate::folder_name::FolderName;
use crate::line_ending::LineEnding;
use crate::message::{ContentId, InternalDate, MessageId, Uid, UidValidity};
use crate::window::Window;
use std::time::Duration;

/// A store of folders: an IMAP account, a Maildir tree, or what a third party implements.
pub trait Repository: Send + Sync {
    /// The name it has in the configuration, for messages.
    fn name(&self) -> &str;

    /// Whether the store itself is there: a Maildir whose root directory is missing is not. Asked before [`Repository::list`].
    fn exists(&self) -> Result<bool> {
        Ok(true)
    }

    /// The character between levels of the hierarchy, where it is known without the store. A store that does not exist yet has it from
    /// here, so that its folders are told by the names they will get. Default: not known.
    fn separator(&self) -> Option<char> {
        None
    }

    /// Creates the store itself, empty. Called only when it does not exist and no row says that it ever did. Durable on return.
    fn initialize(&self) -> Result<()> {
        Ok(())
    }

    /// About how many folders the next list will name, for a store that can prepare for it.
    fn expect_folders(&self, folders: usize) {
        let _ = folders;
    }

    /// Every folder there is. An answer cut short by an error is an error, never a shorter list.
    fn list(&self) -> Result<FolderList>;

    /// A handle on a folder. Does no I/O: what fails, fails at the first call on the handle.
    fn open(&self, folder: &FolderName) -> Result<Box<dyn Folder>>;

    /// Creates a folder and the parents it needs; succeeds if it already exists. Durable on return.
    fn create(&self, folder: &FolderName) -> Result<()>;

    /// Renames a folder together with those below it, which `below` lists with their old and new names, and creates the parents it needs
    /// under its new name. Messages keep their ids and the folder its numbering and state, so that [`Repository::list`] shows the same
    /// witness under the new name. Nothing that has the new name is replaced: that is an error. Durable on return; cut short, it may have
    /// renamed some of them. `false`: nothing was done, for this store cannot.
    fn rename(&self, from: &FolderName, to: &FolderName, below: &[(FolderName, FolderName)]) -> Result<bool> {
        let _ = (from, to, below);
        Ok(false)
    }

    /// How many folder handles can usefully work at the same time: at least 1.
    fn parallelism(&self) -> usize {
        1
    }

    /// How many messages can usefully stream out of or into it at the same time: at least 1. Default: as [`Repository::parallelism`].
    fn streams(&self) -> usize {
        self.parallelism()
    }

    /// Whether the store holds `a` and `A` as two folders. `false` keeps such a pair from being created and mixed.
    fn case_sensitive(&self) -> bool {
        true
    }

    /// Lets go of connections and watchers. Never waits for a peer. The repository can be used again afterwards.
    fn close(&self) {}
}

/// A complete list of folders.
#[derive(Clone, Debug, Default)]
pub struct FolderList {
    /// The character between levels of the hierarchy, `None` for a flat store.
    pub separator: Option<char>,
    /// The folders, in the store's own order.
    pub folders: Vec<FolderEntry>,
}

impl FolderList {
    /// The list of a store that is not there.
    pub fn of_nothing(repository: &dyn Repository) -> Self {
        FolderList { separator: repository.separator(), folders: Vec::new() }
    }
}

/// One folder of a [`FolderList`].
#[derive(Clone, Debug)]
pub struct FolderEntry {
    /// Its full name.
    pub name: FolderName,
    /// Whether it can hold messages (IMAP: no `\Noselect`, no `\NonExistent`).
    pub selectable: bool,
    /// What it is for, where the store says so.
    pub special_use: Option<SpecialUse>,
    /// The state it was in when it was listed, where that was cheap to learn.
    pub witness: Option<Witness>,
    /// How many messages it holds, where that was cheap to learn.
    pub messages: Option<u64>,
    /// What the store calls it for as long as it exists, whatever its name (IMAP: MAILBOXID of RFC 8474); at most 256 bytes.
    pub identity: Option<Box<[u8]>>,
}

impl FolderEntry {
    /// A folder of which only the name is known.
    pub fn named(name: FolderName) -> Self {
        FolderEntry { name, selectable: true, special_use: None, witness: None, messages: None, identity: None }
    }
}

/// RFC 6154 special uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum SpecialUse {
    All,
    Archive,
    Drafts,
    Flagged,
    Important,
    Junk,
    Sent,
    Trash,
}

/// Proof that a folder has not changed: if the token equals the recorded one, nothing has, and the folder need not be opened.
///
/// A store that cannot tell (a directory time too recent to trust, an IMAP server without HIGHESTMODSEQ) gives no witness, or
/// one with `covers_flags` off, which proves only that no message came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Opaque to everyone but the backend that made it; at most 256 bytes.
    pub token: Box<[u8]>,
    /// Whether an equal token also proves that no flag changed.
    pub covers_flags: bool,
}

/// Where a listing ended, so that the next can say what changed since. Opaque to everyone but the backend that made it; at most 4 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub Box<[u8]>);

/// What the caller already knows of a folder's messages; asked only by backends that need it to find removals.
pub trait Known {
    /// How many messages have a row.
    fn count(&self) -> Result<u64>;
    /// Their UIDs on this side as ascending, disjoint, inclusive ranges.
    fn uids(&self) -> Result<Vec<(Uid, Uid)>>;
    /// The numbering they belong to; `None` if there is none or it is not known.
    fn numbering(&self) -> Result<Option<UidValidity>> {
        Ok(None)
    }
}

/// Nothing is known: every listing is complete.
#[derive(Clone, Copy, Debug)]
pub struct NothingKnown;

impl Known for NothingKnown {
    fn count(&self) -> Result<u64> {
        Ok(0)
    }
    fn uids(&self) -> Result<Vec<(Uid, Uid)>> {
        Ok(Vec::new())
    }
}

/// A folder's state since a cursor.
#[derive(Clone, Debug)]
pub struct ChangeSet {
    /// Whether `present` is everything or only what changed.
    pub coverage: Coverage,
    /// The folder's numbering now.
    pub uid_validity: UidValidity,
    /// [`Coverage::Complete`]: every message, each once. [`Coverage::Since`]: messages that are new or whose flags changed;
    /// a message may be listed though nothing about it changed.
    pub present: Vec<Entry>,
    /// [`Coverage::Since`] only: messages positively reported gone. Unknown ids are allowed and mean nothing.
    pub gone: Vec<MessageId>,
    /// Where to go on next time. Valid once everything in this set has been dealt with. `None`: list completely next time.
    pub cursor: Option<Cursor>,
    /// The state this listing shows, encoded as in [`FolderEntry::witness`], so that a later [`Repository::list`] can be compared with it.
    /// `None` when it cannot be told for certain.
    pub witness: Option<Witness>,
    /// What the folder can keep.
    pub support: FlagSupport,
    /// Whether the folder refuses changes.
    pub read_only: bool,
}

/// How much a [`ChangeSet`] speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Everything in the folder: what is not listed is not there.
    Complete,
    /// What changed since the cursor: what is not listed is as it was.
    Since,
}

/// One message of a [`ChangeSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The message.
    pub id: MessageId,
    /// Its flags.
    pub flags: Flags,
    /// The message on the other side that this one says it is a copy of (a Maildir name with `,U=` and the folder's `,FMD5=`).
    pub partner: Option<Partner>,
    /// What the store calls its content in every folder, where it told so in passing.
    pub content: Option<ContentId>,
}

/// A claim in a message's name about its counterpart. A claim, not proof: it pairs messages only where no row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partner {
    /// UID on the other side.
    pub uid: Uid,
    /// The numbering that UID belongs to, where the name tells it.
    pub uid_validity: Option<UidValidity>,
}

/// A change of one message's flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagChange {
    /// The message.
    pub id: MessageId,
    /// Flags to set.
    pub add: Flags,
    /// Flags to clear.
    pub remove: Flags,
}

/// Messages for which an operation failed, with the reason; all others succeeded.
pub type Failures = Vec<(MessageId, Error)>;

/// The header of a message, for comparing and for showing.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    /// The message.
    pub id: &'a MessageId,
    /// Size of the whole message in octets, with CR LF line ends; `None` where the store cannot tell exactly.
    pub octets: Option<u64>,
    /// The header block with CR LF line ends, up to and with the empty line, cut off at [`HEADER_LIMIT`].
    pub header: &'a [u8],
}

/// How many octets of a header block are ever looked at: 64 KiB.
pub const HEADER_LIMIT: usize = 64 * 1024;

/// One folder of a [`Repository`], used by one thread at a time.
///
/// Ids given to a handle are ids that it (or an earlier handle under the same [`UidValidity`]) listed. An id that has gone
/// meanwhile is not an error for `remove`; for everything else it is a failure of that message.
pub trait Folder: Send {
    /// Its name.
    fn name(&self) -> &FolderName;

    /// Another handle on the same folder in the same numbering, for another thread that reads or delivers at the same time. Does no
    /// I/O. What one handle delivers the other need not notice. `None`: a folder of this kind is used by one thread alone.
    fn another(&self) -> Option<Box<dyn Folder>> {
        None
    }

    /// What changed since `since`; everything if `since` is `None`, unreadable, of another numbering or too old.
    ///
    /// A listing that was cut short is an error. When `present` leaves out a message that exists, mail is lost: a backend checks
    /// its listing against every other thing the store says (IMAP: EXISTS) and fails when they differ.
    fn changes(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Result<ChangeSet>;

    /// Streams the messages to `sink`, in about the order given (the first asked for first, give or take some hundred), with line ends as asked. Message content is never
    /// altered otherwise, never marked read, and no message is held whole in memory.
    ///
    /// A message that cannot be read goes to [`Sink::failed`]; an error of the sink ends the call and is returned.
    fn fetch(&mut self, ids: &[MessageId], form: LineEnding, sink: &mut dyn Sink) -> Result<()>;

    /// Calls `each` with the header of every message that can be read, in any order; ids that have gone are skipped. Answers the
    /// messages that are there and whose header cannot be read.
    fn headers(&mut self, ids: &[MessageId], each: &mut dyn FnMut(Headers<'_>) -> Result<()>) -> Result<Failures>;

    /// Those of the messages that are outside the window, by the date of their arrival, which is the one that `fetch` would tell unless the store
    /// knows a better one, and the size with CR LF line ends, exactly. A message that has gone may be told or not. The default knows of sizes alone.
    fn outside(&mut self, ids: &[MessageId], window: &Window) -> Result<Vec<MessageId>> {
        if window.since.is_some() {
            let message = format!("folder '{}': this kind of store does not tell when messages arrived", self.name());
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let mut outside = Vec::new();
        self.headers(ids, &mut |headers| {
            if !window.admits(None, headers.octets) {
                outside.push(headers.id.clone());
            }
            Ok(())
        })?;
        Ok(outside)
    }

    /// Opens an intake for messages coming from `source`.
    fn intake(&mut self, source: &SourceFolder) -> Result<Box<dyn Intake + '_>>;

    /// Whether delivering the same message again would double it, so that an intent must be durable beforehand.
    /// `false` where the name of a delivered message follows from the number of its source. A message that its source knows by a name has an
    /// intent everywhere.
    fn needs_intent(&self) -> bool;

    /// How long after a connection was lost the store may go on carrying out what was sent over it. An upload that was cut short is
    /// looked for only when nothing has come in for this long. Default: not at all.
    fn aftermath(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether reading content costs no more than a local file: then messages are read once more for their digests.
    fn cheap_content(&self) -> bool {
        false
    }

    /// Whether another program may put messages both here and into the folder's counterpart: new ones are then compared before they are
    /// copied. Default: no.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether the name of `id`, in whatever folder it is now, tells for certain that it was delivered here as a copy of message `source` in
    /// `from`: no other message bears such a name but by being a copy of this one. No I/O.
    fn is_named_after(&self, id: &MessageId, from: &SourceFolder, source: &MessageId) -> bool {
        let _ = (id, from, source);
        false
    }

    /// Whether `id` has a name that a copy of message `source` in `from` gets here. Of messages alike it goes with that one: if it went with another,
    /// `source` might be found delivered already. Unlike with [`is_named_after`](Folder::is_named_after), it may have the name by chance. No I/O.
    fn bears_name_of(&self, id: &MessageId, from: &SourceFolder, source: &MessageId) -> bool {
        self.is_named_after(id, from, source)
    }

    /// Changes flags. Durable on return, but for the messages returned, of whose change a part may have been made.
    fn store(&mut self, changes: &[FlagChange]) -> Result<Failures>;

    /// Removes exactly these messages and no other. Durable on return, but for the messages returned. A message that has
    /// already gone counts as removed.
    fn remove(&mut self, ids: &[MessageId]) -> Result<Failures>;

    /// Moves messages into another folder of the same repository without their content crossing the wire. Answers, in order,
    /// the new id of each, or `None` where it is not known or the message was not there. `Ok(None)`: this store cannot move.
    fn transfer(&mut self, ids: &[MessageId], to: &FolderName) -> Result<Option<Vec<Option<MessageId>>>> {
        let _ = (ids, to);
        Ok(None)
    }

    /// Tells the folder which UIDs its messages have on the other side, for stores that write it down (Maildir's `,U=`).
    /// Ids do not change by it. Best effort.
    fn note_partners(&mut self, partners: &[(MessageId, Partner)]) -> Result<()> {
        let _ = partners;
        Ok(())
    }
}

/// Where messages given to an [`Intake`] come from; with the source id it names a message for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFolder {
    /// The source folder's own name.
    pub name: FolderName,
    /// The source folder's numbering.
    pub uid_validity: UidValidity,
}

/// A message on its way out of a folder.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// The message.
    pub id: &'a MessageId,
    /// Octets that [`Sink::write`] will get in total: exact in the native form and in [`LineEnding::Crlf`], an upper bound in [`LineEnding::Lf`].
    pub octets: u64,
    /// When it arrived.
    pub date: Option<InternalDate>,
}

/// Takes the messages of a [`Folder::fetch`]: for each `begin`, any number of `write`, `end`; or `failed` alone, or after `begin`.
pub trait Sink {
    /// A message starts.
    fn begin(&mut self, message: &Incoming<'_>) -> Result<()>;
    /// The next bytes of the current message.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    /// The current message is complete.
    fn end(&mut self) -> Result<()>;
    /// This message could not be read (to the end); what was written of it is void.
    fn failed(&mut self, id: &MessageId, error: Error) -> Result<()>;
}

/// A message on its way into a folder.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// The message's id in the source folder.
    pub source: &'a MessageId,
    /// Flags it shall have; those the folder cannot keep are left out.
    pub flags: &'a Flags,
    /// When it arrived.
    pub date: Option<InternalDate>,
    /// Octets that will be written in total: exact for an intake in [`LineEnding::Crlf`], an upper bound otherwise.
    pub octets: u64,
}

/// How much an intake wants before a [`Intake::commit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSize {
    /// Messages.
    pub messages: usize,
    /// Octets.
    pub octets: u64,
}

/// Stores messages in groups: `begin`, `write`…, `end` for each, then one `commit` for all of them. Dropping an intake without
/// a commit discards what it holds.
pub trait Intake {
    /// The form in which it wants the bytes.
    fn line_ending(&self) -> LineEnding;
    /// How much to give before a commit.
    fn group_size(&self) -> GroupSize;
    /// A message starts.
    fn begin(&mut self, message: &Outgoing<'_>) -> Result<()>;
    /// The next bytes of it.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    /// It is complete.
    fn end(&mut self) -> Result<()>;
    /// The source broke off: forget the message begun, as if it had never begun.
    fn discard(&mut self) -> Result<()>;
    /// Makes all messages ended since the last commit durable, and visible where others do not see them yet. One answer for each in order: what
    /// it is called now (`None`: stored, name not known), or why that one was not stored.
    fn commit(&mut self) -> Result<Vec<Result<Option<MessageId>>>>;
}
