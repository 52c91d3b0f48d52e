//! What must be true in the end.

use super::{Checked, World};
use crate::Run;
use crate::client::{self, USER};
use crate::letters::FLAGS;
use offlinesync_core::plan::Counts;
use offlinesync_core::sync::Report;
use offlinesync_core::testing::histories::{Bound, FlagSet, Found};
use offlinesync_core::{PerSide, Side};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

impl World {
    /// A clean sync, and everything as it must be then.
    pub(super) fn settle(&mut self) -> Checked {
        self.leave_no_doubt()?;
        self.server.clear_log();
        let report = self.well(&Run::CLEAN)?;
        let failures: Vec<String> = report.failures.iter().map(|failure| failure.error.to_string()).collect();
        // Removed there before it was recorded here: that is told, and the message is kept where it is until its user decides.
        prop_assume!(
            !self.removed_early || !failures.iter().any(|failure| failure.ends_with("it is not uploaded again"))
        );
        prop_assert!(report.in_step(), "{:?}", failures);
        prop_assert_eq!(self.server.violations(), Vec::<String>::new());
        self.count_removals(&report.counts)?;
        let found = PerSide { remote: self.found_on_the_server(), local: self.found_in_the_maildir() };
        self.judge(&found)?;
        self.nothing_is_left_to_do()?;
        self.model.settle(&found.remote);
        let info = self.mailer.info;
        self.settled.remote = client::messages(&self.server.mail())
            .into_iter()
            .map(|stored| (stored.folder.clone(), stored.id()))
            .collect();
        self.settled.local =
            self.mailer.messages().into_iter().map(|letter| (letter.folder.to_owned(), letter.id(info))).collect();
        (self.gone, self.removed, self.disturbed, self.removed_early) =
            (PerSide::default(), PerSide::default(), false, false);
        Ok(())
    }

    /// Folders that are other ones, or missing, are accepted as they are, and keywords that letters stood for are spoken of again.
    fn leave_no_doubt(&mut self) -> Checked {
        if self.doubtful {
            self.disturbed = true;
            for bound in [None, Some(Bound::Missing), Some(Bound::Numbers)] {
                self.well(&Run { bound, ..Run::CLEAN })?;
            }
            self.doubtful = false;
        }
        if self.strayed || self.mailer.has_strays() {
            // The letters may go with their files, and keywords are spoken of again.
            self.well(&Run::CLEAN)?;
        }
        Ok(())
    }

    /// A run that comes to its end.
    fn well(&mut self, run: &Run) -> std::result::Result<Report, TestCaseError> {
        self.sync(run, None).map_err(|error| TestCaseError::fail(error.to_string()))
    }

    /// Both sides hold what they must, and the same.
    fn judge(&self, found: &PerSide<Found>) -> Checked {
        let kept: FlagSet = FLAGS.into_iter().filter(|flag| !self.strayed || flag.starts_with(['\\', '$'])).collect();
        for side in Side::BOTH {
            let complaints = self.model.complaints(&found[side], &kept);
            prop_assert!(complaints.is_empty(), "{}: {:#?}", side, complaints);
        }
        for folder in &self.model.folders {
            prop_assert!(self.mailer.has(folder), "no directory for {}", folder);
            prop_assert!(self.server.names(USER).contains(folder), "no mailbox {}", folder);
        }
        prop_assert_eq!(sorted(&found.remote, &kept), sorted(&found.local, &kept));
        Ok(())
    }

    /// Without trouble no sync removes more on one side than the user of the other removed and moved away.
    fn count_removals(&mut self, counts: &Counts) -> Checked {
        for side in Side::BOTH {
            self.removed[side] += counts.removals[side];
            let (removed, meant) = (self.removed[side], self.gone[side.other()]);
            prop_assert!(self.disturbed || removed <= meant, "{}: {} removed, {} meant", side, removed, meant);
        }
        Ok(())
    }

    fn nothing_is_left_to_do(&mut self) -> Checked {
        let before = (self.mailer.tree(), self.on_the_server());
        let report = self.well(&Run::CLEAN)?;
        prop_assert!(report.in_step());
        prop_assert_eq!(report.counts, Counts::default());
        let after = (self.mailer.tree(), self.on_the_server());
        prop_assert!(before.1 == after.1, "the next sync changes the server");
        let names = |tree: &BTreeMap<PathBuf, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(names(&before.0), names(&after.0), "the next sync changes names");
        prop_assert!(before.0 == after.0, "the next sync changes files");
        Ok(())
    }

    /// Names, numbers and messages with their flags.
    fn on_the_server(&self) -> Vec<(String, (u32, u32, u64))> {
        let names = self.server.names(USER).into_iter();
        names.map(|name| (name.clone(), self.server.mailbox(USER, &name).numbers())).collect()
    }

    fn found_on_the_server(&self) -> Found {
        let mut found = Found::new();
        for stored in client::messages(&self.server.mail()) {
            found.entry((stored.folder, stored.content)).or_default().push(stored.flags);
        }
        found
    }

    fn found_in_the_maildir(&self) -> Found {
        let mut found = Found::new();
        for letter in self.mailer.messages() {
            found.entry((letter.folder.to_owned(), letter.content)).or_default().push(self.mailer.flags(&letter));
        }
        found
    }
}

/// Of flags, those that are kept on both sides.
fn sorted(found: &Found, kept: &FlagSet) -> Found {
    let mut found = found.clone();
    for copies in found.values_mut() {
        copies.iter_mut().for_each(|flags| flags.retain(|flag| kept.contains(flag)));
        copies.sort();
    }
    found
}
