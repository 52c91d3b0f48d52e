//! What a user did.

use super::{Content, FlagSet};
use crate::message::MessageId;

/// What a user did in the store of one side.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "what the fields are says their names")]
pub enum Deed {
    Added {
        folder: String,
        content: Content,
        flags: FlagSet,
    },
    Removed {
        folder: String,
        id: MessageId,
        content: Content,
    },
    /// `own_name`: what it is called tells where it came from.
    Moved {
        folder: String,
        id: MessageId,
        content: Content,
        to: String,
        own_name: bool,
    },
    Flagged {
        folder: String,
        id: MessageId,
        content: Content,
        flag: &'static str,
        on: bool,
    },
    /// One more is there; nothing is said of its flags.
    Copied {
        folder: String,
        content: Content,
        own_name: bool,
    },
    Created {
        folder: String,
    },
    /// A name does not tell any more what it is a copy of.
    Renamed,
}

impl Deed {
    /// The message that was there and to which it was done, and its folder.
    pub fn message(&self) -> Option<(String, MessageId)> {
        match self {
            Deed::Removed { folder, id, .. } | Deed::Moved { folder, id, .. } | Deed::Flagged { folder, id, .. } => {
                Some((folder.clone(), id.clone()))
            }
            Deed::Added { .. } | Deed::Copied { .. } | Deed::Created { .. } | Deed::Renamed => None,
        }
    }

    /// Whether a message is not any more where it was.
    pub fn takes_away(&self) -> bool {
        matches!(self, Deed::Removed { .. } | Deed::Moved { .. })
    }
}
