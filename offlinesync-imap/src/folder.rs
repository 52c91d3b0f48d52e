//! One mailbox as a folder.
mod asks;
mod changes;
mod fetch;
mod headers;
mod listing;
mod state;
