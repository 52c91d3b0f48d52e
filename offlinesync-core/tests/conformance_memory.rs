//! The conformance suite on the store in memory, in many settings: it shows that the suite can be passed, and that the store that
//! other tests rely on is one.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use offlinesync_core::testing::suite::{Fixture, Traits, as_file, exactly};
use offlinesync_core::testing::{Client, DatePrecision, Deltas, Knobs, MemoryRepository, WitnessKnob};
use offlinesync_core::{FlagSupport, KeywordSupport, LineEnding, Repository, SystemFlags};
use std::sync::Arc;

struct Memory(MemoryRepository);

impl Memory {
    fn new(knobs: Knobs) -> Self {
        Memory(MemoryRepository::new("memory", knobs))
    }
}

impl Fixture for Memory {
    fn repository(&self) -> Arc<dyn Repository> {
        Arc::new(self.0.clone())
    }

    fn client(&self) -> Box<dyn Client> {
        self.0.client()
    }

    fn traits(&self) -> Traits {
        let knobs = self.0.knobs();
        Traits {
            separator: knobs.separator,
            numbered: knobs.numbered,
            native: knobs.native,
            dates: knobs.dates,
            support: knobs.support,
            deltas: knobs.deltas != Deltas::Nothing,
            tells_ids: knobs.tells_ids,
            takes_back: !knobs.eager,
            holds_back: !knobs.eager,
            becomes: if knobs.native == LineEnding::Lf { as_file } else { exactly },
            large: if knobs.numbered { 1 << 20 } else { 20 << 20 },
            ..Traits::default()
        }
    }
}

mod imap {
    use super::*;
    offlinesync_core::conformance!(Memory::new(Knobs::imap()));
}

mod imap_without_removals_in_deltas {
    use super::*;
    offlinesync_core::conformance!(Memory::new(Knobs {
        deltas: Deltas::Compared,
        witness: WitnessKnob::Messages,
        separator: Some('.'),
        ..Knobs::imap()
    }));
}

mod plain_imap {
    use super::*;
    offlinesync_core::conformance!(Memory::new(Knobs::plain_imap()));
}

mod maildir {
    use super::*;
    offlinesync_core::conformance!(Memory::new(Knobs::maildir()));
}

mod maildir_with_deltas_and_few_keywords {
    use super::*;
    offlinesync_core::conformance!(Memory::new(Knobs {
        deltas: Deltas::Logged,
        separator: None,
        tells_octets: true,
        dates: DatePrecision::Nothing,
        support: FlagSupport {
            system: SystemFlags::ALL.difference(SystemFlags::DRAFT),
            keywords: KeywordSupport::Only(["todo", "$Label1"].into_iter().collect()),
        },
        ..Knobs::maildir()
    }));
}

mod numbered_without_intent {
    use super::*;
    offlinesync_core::conformance!(Memory::new(Knobs {
        needs_intent: false,
        native: LineEnding::Lf,
        transfer: false,
        ..Knobs::imap()
    }));
}

mod named_with_intent {
    use super::*;
    offlinesync_core::conformance!(Memory::new(Knobs { needs_intent: true, tells_ids: false, ..Knobs::maildir() }));
}
