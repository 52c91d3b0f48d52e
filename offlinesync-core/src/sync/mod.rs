//! The engine: list, difference, plan, brake, execute, record, report. Knows no protocol and no mail format.
//!
//! [`Account`] is the door. Inside, `account` lists both sides and chooses the pairs of folders that something touched, and each
//! pair goes down the `street` by itself, several side by side. `verify` reads everything and changes nothing.

mod absent;
mod account;
mod claims;
mod content;
mod copy;
mod decide;
mod difference;
mod digest;
mod doubt;
mod execute;
mod hands;
mod known;
mod listing;
mod moves;
mod naming;
mod pairing;
mod partners;
mod patience;
mod prepared;
mod proposal;
mod record;
mod refusals;
mod renames;
mod report;
mod returned;
mod standing;
mod street;
mod unkept;
mod unread;
mod verify;
mod window;
mod workers;
mod worksite;

pub use account::{Account, PairedFolder};
pub use content::{are_same, message_id};
pub use naming::{Naming, SameNames, exchange_separator};
pub use report::{Failure, Report};
pub use standing::is_doubted;
pub use verify::{Discrepancy, Finding, Verification};
