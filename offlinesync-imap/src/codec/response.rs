//! What a server can say (RFC 3501 section 7, RFC 9051 section 7 and extensions), typed. Values only.

use offlinesync_core::{Flags, InternalDate, Uid};

/// One response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `+`: the server waits for more of a command.
    Continue(Box<[u8]>),
    /// The end of a command.
    Tagged(Tagged),
    /// An untagged status response.
    Status(StatusResponse),
    /// Untagged data.
    Data(Data),
}

/// OK, NO, BAD, PREAUTH or BYE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Condition {
    Ok,
    No,
    Bad,
    Preauth,
    Bye,
}

/// The end of the command with this tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The tag as the server wrote it.
    pub tag: Box<str>,
    /// What it says.
    pub status: StatusResponse,
}

/// A condition with its code and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusResponse {
    /// Which.
    pub condition: Condition,
    /// The code in brackets.
    pub code: Option<Code>,
    /// The text for a person, invalid UTF-8 replaced.
    pub text: Box<str>,
}

/// A response code. What is not listed comes as [`Code::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum Code {
    Alert,
    AlreadyExists,
    AppendUid {
        uid_validity: u32,
        uids: Vec<(Uid, Uid)>,
    },
    AuthenticationFailed,
    AuthorizationFailed,
    Capability(Vec<Box<str>>),
    Closed,
    CopyUid {
        uid_validity: u32,
        from: Vec<(Uid, Uid)>,
        to: Vec<(Uid, Uid)>,
    },
    HighestModSeq(u64),
    InUse,
    Limit,
    MailboxId(Box<str>),
    Modified(Vec<(Uid, Uid)>),
    NoModSeq,
    NonExistent,
    NoPerm,
    OverQuota,
    PermanentFlags {
        flags: Flags,
        any_keyword: bool,
    },
    ReadOnly,
    ReadWrite,
    Throttled,
    TooBig,
    TryCreate,
    UidNext(u32),
    UidNotSticky,
    UidValidity(u32),
    Unavailable,
    /// The name in upper case and what follows it, raw.
    Other(Box<str>, Box<[u8]>),
}

/// Untagged data. What is not listed comes as [`Data::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum Data {
    Capability(Vec<Box<str>>),
    Enabled(Vec<Box<str>>),
    Flags(Flags),
    List(ListEntry),
    Lsub(ListEntry),
    Status(MailboxStatus),
    Search {
        numbers: Vec<u32>,
        mod_seq: Option<u64>,
    },
    ESearch(ESearch),
    Exists(u32),
    Recent(u32),
    Expunge(u32),
    Vanished {
        earlier: bool,
        uids: Vec<(Uid, Uid)>,
    },
    Fetch(Fetch),
    Namespace {
        personal: Vec<Namespace>,
        other: Vec<Namespace>,
        shared: Vec<Namespace>,
    },
    /// The response's name in upper case and the raw rest.
    Other(Box<str>, Box<[u8]>),
}

/// A LIST or LSUB response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// Attributes as written, with their backslash if they have one.
    pub attributes: Vec<Box<str>>,
    /// The hierarchy separator.
    pub separator: Option<char>,
    /// The name, undecoded.
    pub name: Box<[u8]>,
}

/// A STATUS response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct MailboxStatus {
    /// The name, undecoded.
    pub name: Box<[u8]>,
    pub messages: Option<u64>,
    pub uid_next: Option<u32>,
    pub uid_validity: Option<u32>,
    pub unseen: Option<u64>,
    pub highest_mod_seq: Option<u64>,
    pub size: Option<u64>,
    pub mailbox_id: Option<Box<str>>,
}

/// An ESEARCH response (RFC 4731).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ESearch {
    pub tag: Option<Box<str>>,
    pub uid: bool,
    pub min: Option<u32>,
    pub max: Option<u32>,
    pub count: Option<u32>,
    pub all: Vec<(u32, u32)>,
    pub mod_seq: Option<u64>,
}

/// One namespace (RFC 2342).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Namespace {
    pub prefix: Box<[u8]>,
    pub separator: Option<char>,
}

/// Gmail's labels, undecoded: modified UTF-7, system labels with a backslash in front.
pub type Labels = Box<[Box<[u8]>]>;

/// A FETCH (or UIDFETCH) response. An attribute of odd shape is left out of it, never the whole response; `flags` is `None` only if absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetch {
    /// Message sequence number (0 for UIDFETCH).
    pub seq: u32,
    /// UID.
    pub uid: Option<Uid>,
    /// All flags; see [`Flags::from_imap`].
    pub flags: Option<Flags>,
    /// Mod-sequence (RFC 7162); `None` also for 0, which is none.
    pub mod_seq: Option<u64>,
    /// INTERNALDATE; `None` also for NIL and nonsense.
    pub date: Option<InternalDate>,
    /// RFC822.SIZE.
    pub size: Option<u64>,
    /// The body section that was asked for.
    pub body: Body,
    /// `BODY[HEADER…]` or `RFC822.HEADER`, inline.
    pub header: Option<Box<[u8]>>,
    /// EMAILID (RFC 8474), or X-GM-MSGID as text.
    pub email_id: Option<Box<str>>,
    /// X-GM-LABELS.
    pub labels: Option<Labels>,
}

/// What became of `BODY[]` (or `RFC822`, `BINARY[]`) in a FETCH.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Not in the response.
    #[default]
    Absent,
    /// NIL: the server has no content to give.
    Nil,
    /// A quoted string, unescaped: servers send small bodies so.
    Inline(Box<[u8]>),
    /// Passed as [`Item::BodyData`](super::decoder::Item::BodyData) before.
    Streamed,
}

/// The beginning of a streamed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyStart {
    /// Its length in octets.
    pub octets: u64,
    /// What the FETCH said before the body; `uid` is `None` with servers that say it afterwards.
    pub fetch: Fetch,
}
