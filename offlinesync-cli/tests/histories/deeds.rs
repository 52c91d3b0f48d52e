//! What users do.

use proptest::sample::Index;

/// On the server.
#[derive(Clone, Debug)]
pub(crate) enum RemoteAct {
    Add {
        folder: usize,
        flags: u8,
        again: Option<Index>,
        kind: u32,
    },
    Remove {
        which: Index,
    },
    Move {
        which: Index,
        to: usize,
    },
    Copy {
        which: Index,
        to: usize,
    },
    Flag {
        which: Index,
        flag: usize,
    },
    /// The same message is appended again and the old one expunged.
    Replace {
        which: Index,
    },
    Create {
        folder: usize,
    },
}

/// In the Maildir.
#[derive(Clone, Debug)]
pub(crate) enum LocalAct {
    Deliver {
        folder: usize,
        flags: u8,
        again: Option<Index>,
        kind: u32,
        name: NewName,
        crlf: bool,
    },
    Remove {
        which: Index,
    },
    Move {
        which: Index,
        to: usize,
        how: Naming,
    },
    Copy {
        which: Index,
        to: usize,
        how: Naming,
    },
    Flag {
        which: Index,
        flag: usize,
    },
    /// From `new` to `cur`, without a flag.
    Look {
        which: Index,
    },
    /// A draft goes on: another file with other content, and the old one goes.
    Edit {
        which: Index,
        kind: u32,
    },
    Touch {
        which: Index,
        days: i64,
    },
    /// A letter without a meaning.
    Letter {
        which: Index,
        letter: char,
    },
    Create {
        folder: usize,
    },
}

/// What a file that is delivered is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewName {
    Usual,
    /// With an attribute of another program.
    Sized,
    /// As if it were message `n` of the folder, which it is not.
    Lying(u32),
    /// Without an info part, but in `cur`.
    Bare,
    /// With letters that are nothing special in a name.
    Odd,
}

/// What a file is called in its new place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    AsItWas,
    /// Without what tells its counterpart.
    Unclaimed,
    /// Without the digest of the folder alone.
    WithoutDigest,
    /// Another base, the attributes as they were.
    OtherBase,
    Anew,
}

impl Naming {
    pub(crate) fn keeps_base(self) -> bool {
        !matches!(self, Naming::OtherBase | Naming::Anew)
    }
}
