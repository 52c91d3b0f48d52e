//! The conformance suite of a backend: what every [`Repository`] must do, one test a case. Knows only the contracts.
//!
//! A backend implements [`Fixture`] (an empty store, and another mail client for it) and calls the macro in an integration test:
//!
//! ```text
//! offlinesync_core::conformance!(MyFixture::new());
//! ```
//!
//! The expression is evaluated once a case. Several settings of one backend go into modules of their own:
//!
//! ```text
//! mod with_deltas { offlinesync_core::conformance!(super::MyFixture::with_deltas()); }
//! ```

pub mod changing;
pub mod content;
pub mod delivery;
pub mod folders;
pub mod listing;
mod tools;

use super::client::{Client, DatePrecision};
use super::lines::{to_crlf, to_lf};
use crate::flags::FlagSupport;
use crate::line_ending::LineEnding;
use crate::repository::Repository;
use std::sync::Arc;

/// A store that was made for one test: empty (a folder INBOX may be there), and gone when it is dropped.
pub trait Fixture {
    /// The backend on the store. Each call gives an independent one that shares nothing but the store: what one has not made
    /// durable, the next does not see.
    fn repository(&self) -> Arc<dyn Repository>;

    /// Another mail client in the same store.
    fn client(&self) -> Box<dyn Client>;

    /// What the store can do.
    fn traits(&self) -> Traits;
}

/// What the suite may expect of a store. Start from [`Traits::default`] and say where the store differs.
#[derive(Clone, Debug)]
pub struct Traits {
    /// The character between levels; `None`: folders are not nested.
    pub separator: Option<char>,
    /// Ids are UIDs, not names.
    pub numbered: bool,
    /// The form in which content lies in the store, as [`Client`] shows it.
    pub native: LineEnding,
    /// What is kept of dates.
    pub dates: DatePrecision,
    /// Dates in the future are kept like any other.
    pub future_dates: bool,
    /// What is kept of flags.
    pub support: FlagSupport,
    /// A cursor leads to [`Coverage::Since`](crate::Coverage::Since), and an unchanged folder to a short answer. Otherwise either is right.
    pub deltas: bool,
    /// A message can be removed though others are marked as deleted. Otherwise it may be refused, and all stay.
    pub removes_beside_marked: bool,
    /// A commit tells the new ids. Otherwise it may.
    pub tells_ids: bool,
    /// What was ended and is not committed is gone with its intake. A store that needs intents may be without this: an APPEND cannot be taken back.
    pub takes_back: bool,
    /// What was ended is not seen before its commit. Otherwise it may be.
    pub holds_back: bool,
    /// Which names of a single level the store must take; others it may refuse.
    pub accepts_name: fn(&str) -> bool,
    /// What is left of a message, given in the form of the wire, after it was stored and read again in that form. `None`: the store
    /// refuses it, with an error for this message alone.
    pub becomes: fn(&[u8]) -> Option<Vec<u8>>,
    /// How many octets the large message has.
    pub large: u64,
}

impl Default for Traits {
    /// A good IMAP server.
    fn default() -> Self {
        Traits {
            separator: Some('/'),
            numbered: true,
            native: LineEnding::Crlf,
            dates: DatePrecision::SecondsAndZone,
            future_dates: true,
            support: FlagSupport::default(),
            deltas: true,
            removes_beside_marked: true,
            tells_ids: true,
            takes_back: true,
            holds_back: true,
            accepts_name: |_| true,
            becomes: exactly,
            large: 20 << 20,
        }
    }
}

/// For [`Traits::becomes`]: every octet is kept.
pub fn exactly(wire: &[u8]) -> Option<Vec<u8>> {
    Some(wire.to_vec())
}

/// For [`Traits::becomes`]: the store is made of files with LF, so a lone LF comes back as CR LF. Everything else is kept.
pub fn as_file(wire: &[u8]) -> Option<Vec<u8>> {
    Some(to_crlf(&to_lf(wire)))
}

/// Makes a `#[test]` of every case of the conformance suite; the expression gives a fresh [`Fixture`](crate::testing::suite::Fixture).
#[macro_export]
macro_rules! conformance {
    ($fixture:expr) => {
        $crate::conformance! { @cases ($fixture)
            folders::created_folders_are_listed
            folders::creating_a_folder_again_keeps_its_mail
            folders::nested_folders_come_with_their_parents
            folders::odd_names_are_kept_exactly
            folders::a_missing_folder_is_an_error_and_is_not_made
            folders::folders_of_another_client_are_listed
            folders::folders_keep_their_mail_apart
            folders::a_witness_changes_with_the_folder
            folders::folders_are_worked_on_side_by_side
            content::hostile_mail_comes_back_octet_for_octet
            content::hostile_mail_lies_in_the_store_in_its_native_form
            content::mail_of_another_client_is_fetched_in_either_form
            content::headers_agree_with_the_content
            content::headers_leave_out_what_is_gone
            content::a_window_cuts_to_the_second_and_to_the_octet
            content::ordinary_mail_comes_back_with_flags_and_dates
            content::identical_messages_stay_two
            content::a_large_message_passes
            content::reading_marks_nothing_as_read
            content::a_message_that_is_gone_fails_alone
            content::an_error_of_the_sink_ends_the_fetch
            content::nothing_asked_is_nothing_done
            delivery::flags_and_keywords_arrive
            delivery::dates_arrive
            delivery::a_commit_answers_in_order
            delivery::octets_may_come_one_by_one
            delivery::an_intake_commits_more_than_once
            delivery::nothing_is_visible_before_the_commit
            delivery::a_discarded_message_leaves_nothing
            delivery::a_dropped_intake_leaves_nothing
            delivery::the_same_source_twice_is_one_message
            delivery::sources_may_have_names
            listing::an_empty_folder_is_listed_as_empty
            listing::a_listing_is_complete_without_a_cursor
            listing::a_follower_sees_what_another_client_does
            listing::a_follower_sees_what_the_backend_did_itself
            listing::an_old_cursor_still_leads_to_the_present
            listing::a_cursor_makes_answers_short
            listing::garbage_for_a_cursor_gives_a_complete_listing
            listing::a_cursor_of_another_numbering_gives_a_complete_listing
            listing::ids_stay_and_are_not_used_again
            listing::a_listing_shows_the_witness_of_the_folder_list
            changing::exactly_the_messages_asked_for_are_removed
            changing::messages_marked_by_others_stay
            changing::removing_what_is_gone_is_no_failure
            changing::flags_are_set_and_cleared_one_by_one
            changing::keywords_are_set_and_cleared
            changing::a_message_that_is_gone_fails_alone_when_flags_change
            changing::many_changes_go_in_one_call
            changing::moved_messages_keep_content_and_flags
            changing::noted_partners_change_no_id
        }
    };
    (@cases ($fixture:expr) $($file:ident::$case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::testing::suite::$file::$case(&$fixture);
            }
        )*
    };
}
