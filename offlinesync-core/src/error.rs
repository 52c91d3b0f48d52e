//! The one error of the engine and its backends: what failed, where, how far the damage reaches, what would help.
//! Pure. Words for the terminal are the CLI's business.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Shorthand used throughout the library crates.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing failed. It decides how far the failure reaches ([`ErrorKind::scope`]) and the exit code of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// One message could not be read, stored or changed; everything else can go on.
    Message,
    /// The folder could not be listed or changed.
    Folder,
    /// The folder's numbering (UIDVALIDITY, RFC 3501 section 2.3.1.1) is not the recorded one: nothing was changed.
    Numbering,
    /// A plan was refused to protect mail: nothing was removed.
    Refused,
    /// The network, a deadline, or a server that is busy: the same run later may succeed.
    Unavailable,
    /// The server did not accept the credentials.
    Authentication,
    /// The peer's identity could not be verified, or encryption is missing where it was asked for.
    Security,
    /// A value the caller or the user gave is wrong.
    Configuration,
    /// The local disk: full, read-only, no permission, too many open files.
    Storage,
    /// Quota exceeded or no permission on the server.
    Denied,
    /// The peer broke its protocol.
    Protocol,
    /// Another run holds the lock.
    Locked,
    /// The caller cancelled.
    Cancelled,
}

/// How much of a run an error stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The message in hand.
    Message,
    /// The folder in hand.
    Folder,
    /// The whole account.
    Account,
}

impl ErrorKind {
    /// How far an error of this kind reaches unless its place says otherwise.
    pub fn scope(self) -> Scope {
        use ErrorKind::*;
        match self {
            Message => Scope::Message,
            Folder | Numbering | Refused | Denied | Protocol => Scope::Folder,
            Unavailable | Authentication | Security | Configuration | Storage | Locked | Cancelled => Scope::Account,
        }
    }
}

/// A failure with its place, its cause and, kept apart, a hint.
///
/// The message starts in lower case, names the place (repository, folder, file) and holds no secret.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure described by a sentence without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), hint: None, retry_after: None, source: None }))
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says that the same will soon go through, for the peer only has too much to do, and how long it wants to be left alone (zero: it
    /// did not say). Of a message that a destination refuses: it will be stored in another way when it comes again.
    #[must_use]
    pub fn with_retry_after(mut self, pause: Duration) -> Self {
        self.0.retry_after = Some(pause);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Puts a place in front of the message: `place: message`.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }

    /// The same failure as another kind, where the caller knows better how far it reaches.
    #[must_use]
    pub fn as_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// An operating-system error at a place; a full or unwritable disk becomes [`ErrorKind::Storage`], anything else `otherwise`.
    pub fn io(place: impl fmt::Display, error: std::io::Error, otherwise: ErrorKind) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::StorageFull | Io::QuotaExceeded | Io::ReadOnlyFilesystem | Io::PermissionDenied => ErrorKind::Storage,
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => ErrorKind::Storage,
            _ => otherwise,
        };
        let hint = match error.kind() {
            Io::StorageFull | Io::QuotaExceeded => {
                Some("make room there and run again: what was done is recorded, the rest follows")
            }
            Io::ReadOnlyFilesystem => Some("was the disk mounted for reading only?"),
            _ => None,
        };
        let told = Error::new(kind, format!("{place}: {error}")).with_source(error);
        match hint {
            Some(hint) => told.with_hint(hint),
            None => told,
        }
    }

    /// The cancellation error.
    pub fn cancelled() -> Self {
        Error::new(ErrorKind::Cancelled, "cancelled")
    }

    /// What failed.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// How far it reaches.
    pub fn scope(&self) -> Scope {
        self.0.kind.scope()
    }

    /// Whether the same will soon go through, and how long the peer wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The same failure once more, for somebody else whom it meets; without its cause.
    pub fn again(&self) -> Self {
        let Inner { kind, message, hint, retry_after, .. } = &*self.0;
        let (message, hint) = (message.clone(), hint.clone());
        Error(Box::new(Inner { kind: *kind, message, hint, retry_after: *retry_after, source: None }))
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|s| s.as_ref() as _)
    }
}
