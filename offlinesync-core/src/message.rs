//! The small values that name a message and its side. Pure: no I/O, no clock.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::ops::{Index, IndexMut};

/// One of the two stores that an account keeps in step.
///
/// The names follow the configuration file (`remoterepository`, `localrepository`); either may be IMAP or Maildir.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The repository named by `remoterepository`.
    Remote,
    /// The repository named by `localrepository`.
    Local,
}

impl Side {
    /// Both sides, remote first.
    pub const BOTH: [Side; 2] = [Side::Remote, Side::Local];

    /// The opposite side.
    pub fn other(self) -> Side {
        match self {
            Side::Remote => Side::Local,
            Side::Local => Side::Remote,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Remote => "remote",
            Side::Local => "local",
        })
    }
}

/// A value for each side, indexed by [`Side`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PerSide<T> {
    /// The value of the remote side.
    pub remote: T,
    /// The value of the local side.
    pub local: T,
}

impl<T> PerSide<T> {
    /// Builds both values from one function.
    pub fn from_fn(mut make: impl FnMut(Side) -> T) -> Self {
        PerSide { remote: make(Side::Remote), local: make(Side::Local) }
    }

    /// The same two values the other way round.
    pub fn swapped(self) -> Self {
        PerSide { remote: self.local, local: self.remote }
    }

    /// References to both values.
    pub fn as_ref(&self) -> PerSide<&T> {
        PerSide { remote: &self.remote, local: &self.local }
    }

    /// Applies a function to both values.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> PerSide<U> {
        PerSide { remote: f(self.remote), local: f(self.local) }
    }
}

impl<T> Index<Side> for PerSide<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        match side {
            Side::Remote => &self.remote,
            Side::Local => &self.local,
        }
    }
}

impl<T> IndexMut<Side> for PerSide<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Remote => &mut self.remote,
            Side::Local => &mut self.local,
        }
    }
}

/// A unique identifier of a message in an IMAP mailbox (RFC 3501 section 2.3.1.1): 1 to 4,294,967,295.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(NonZeroU32);

impl Uid {
    /// The smallest UID.
    pub const MIN: Uid = Uid(NonZeroU32::MIN);
    /// The largest UID.
    pub const MAX: Uid = Uid(NonZeroU32::MAX);

    /// `None` for 0, which is no UID.
    pub fn new(value: u32) -> Option<Uid> {
        NonZeroU32::new(value).map(Uid)
    }

    /// The number itself.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The value that tells whether a folder's numbering is still the one that was recorded (RFC 3501 section 2.3.1.1).
///
/// A store without such a notion answers a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidValidity(pub u32);

impl fmt::Display for UidValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a store calls a message inside one folder: stable from listing to listing, never reused for another message
/// while the folder's [`UidValidity`] stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageId {
    /// A numbered message, as IMAP has them.
    Uid(Uid),
    /// A named message, as a Maildir has them: the unique part of the file name.
    Name(Box<str>),
}

impl MessageId {
    /// The UID, for stores that number their messages.
    pub fn uid(&self) -> Option<Uid> {
        match self {
            MessageId::Uid(uid) => Some(*uid),
            MessageId::Name(_) => None,
        }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageId::Uid(uid) => uid.fmt(f),
            MessageId::Name(name) => f.write_str(name),
        }
    }
}

impl From<Uid> for MessageId {
    fn from(uid: Uid) -> Self {
        MessageId::Uid(uid)
    }
}

/// What a store says a message's content is called in whatever folder it lies (IMAP: EMAILID of RFC 8474, Gmail's X-GM-MSGID), together
/// with its size, shortened to 64 bits.
///
/// Equal values say that two messages of one store are the same; different ones say nothing. It is what a server claims, not proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(NonZeroU64);

impl ContentId {
    /// The value for a message that the store calls `name` and that has so many octets.
    pub fn of(name: &[u8], octets: u64) -> ContentId {
        let digest = Sha256::new().chain_update(octets.to_be_bytes()).chain_update(name).finalize();
        let number = digest.iter().take(8).fold(0, |number, octet| number << 8 | u64::from(*octet));
        ContentId(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    /// As it is stored; `None` for 0, which is no value.
    pub fn from_number(number: u64) -> Option<ContentId> {
        NonZeroU64::new(number).map(ContentId)
    }

    /// To be stored.
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

/// When a message arrived: IMAP's INTERNALDATE (RFC 3501 section 2.3.3), a Maildir's file time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InternalDate {
    /// Seconds since 1970-01-01T00:00:00Z; may be negative.
    pub seconds: i64,
    /// Offset of the zone it was written in, in minutes east of UTC; 0 where the store keeps none.
    pub zone_minutes: i16,
}
