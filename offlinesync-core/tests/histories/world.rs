//! Two stores, their users, and the account between them.

use crate::users::{FIRST, FLAGS, TELLING, add, content_of, local_name, messages, names, perform, pick};
use crate::{Act, FOLDERS, RENAMED, Run, Without};
use offlinesync_core::status::copy_status;
use offlinesync_core::sync::{Account, Naming, Report, exchange_separator};
use offlinesync_core::testing::histories::{Bound, Content, Deed, FlagSet, Found, Model, copy_of};
use offlinesync_core::testing::{Bad, Faults, Faulty, FaultyStatus, Held, Knobs, MemoryRepository};
use offlinesync_core::{
    BrakeLimits, Cancel, Error, ErrorKind, Flags, FolderName, MemoryStatus, MessageId, PerSide, Policy, Repository,
    Result, Side, Window,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Messages above are large.
const SMALL: u64 = 300;

pub(crate) struct World {
    faults: Faults,
    sides: PerSide<Faulty<MemoryRepository>>,
    status: Arc<FaultyStatus<MemoryStatus>>,
    model: Model,
    /// Which messages each side had when all was in step.
    settled: PerSide<BTreeSet<(String, MessageId)>>,
    contents: u32,
    /// Messages that the user of a side removed or moved away.
    gone: PerSide<u64>,
    /// Somebody removed or moved away what was not recorded.
    removed_early: bool,
    /// What users have on each side by what they did there themselves.
    own: PerSide<BTreeMap<(String, Content), i64>>,
    /// What was recorded when each sync began.
    earlier: Vec<MemoryStatus>,
    /// Those before are of syncs of which something went wrong in one.
    named_since: usize,
    /// Folders that were given another numbering since all was in step, or ever.
    renumbered: BTreeSet<String>,
    ever_renumbered: BTreeSet<String>,
    /// A folder was renamed since all was in step, or ever.
    renamed: bool,
    ever_renamed: bool,
}

/// The same names on both sides, but for a folder that does not take part.
struct Filter(Option<Without>);

impl Naming for Filter {
    fn translate(
        &self,
        side: Side,
        name: &FolderName,
        separators: &PerSide<Option<char>>,
    ) -> Result<Option<FolderName>> {
        let there = exchange_separator(side, name, separators)?;
        match self.0.filter(|without| [name, &there].iter().any(|name| name.as_str() == FOLDERS[without.folder])) {
            None => Ok(Some(there)),
            Some(Without { failing: false, .. }) => Ok(None),
            Some(_) => Err(Error::new(ErrorKind::Folder, "the expression fails")),
        }
    }
}

type Held2 = BTreeMap<String, Vec<(Content, FlagSet)>>;

impl World {
    pub(crate) fn new(knobs: &PerSide<Knobs>) -> World {
        let faults = Faults::new();
        let store =
            |name, knobs: &Knobs| Faulty::new(MemoryRepository::new(name, knobs.clone()).with_folder("INBOX"), &faults);
        World {
            sides: PerSide { remote: store("remote", &knobs.remote), local: store("local", &knobs.local) },
            status: Arc::new(FaultyStatus::new(MemoryStatus::default(), &faults)),
            faults,
            model: Model::new(&FOLDERS),
            settled: PerSide::default(),
            contents: 0,
            gone: PerSide::default(),
            removed_early: false,
            own: PerSide::default(),
            earlier: Vec::new(),
            named_since: 0,
            renumbered: BTreeSet::new(),
            ever_renumbered: BTreeSet::new(),
            renamed: false,
            ever_renamed: false,
        }
    }

    fn store(&self, side: Side) -> &MemoryRepository {
        self.sides[side].inner()
    }

    /// Everything that happens, and that all is as it must be in the end.
    pub(crate) fn live(&mut self, history: &[Act]) -> std::result::Result<(), TestCaseError> {
        history.iter().try_for_each(|act| self.act(act))?;
        self.settle()
    }

    pub(crate) fn act(&mut self, act: &Act) -> std::result::Result<(), TestCaseError> {
        match act {
            Act::Add { side, .. }
            | Act::Remove { side, .. }
            | Act::Move { side, .. }
            | Act::Flag { side, .. }
            | Act::Create { side, .. } => {
                let content = self.content_for(act);
                self.take_note(*side, perform(self.store(*side), act, content));
            }
            Act::AddOnBoth { .. } => self.add_on_both(act),
            Act::Rename { side } => self.rename(*side),
            Act::Renumber { side, folder } => self.renumber(*side, FOLDERS[*folder]),
            Act::Status { older } => self.forget(older.as_ref()),
            Act::Sync(run) if run.is_clean() => self.settle()?,
            Act::Sync(run) => self.disturbed(run),
        }
        Ok(())
    }

    /// The content of a message that is to be added.
    fn content_for(&mut self, act: &Act) -> Content {
        let (again, large) = match act {
            Act::Add { again, large, .. } => (again.as_ref(), *large),
            Act::AddOnBoth { large, .. } => (None, *large),
            _ => return 0,
        };
        match again {
            Some(index) if self.contents > 0 => 1 + index.index(self.contents as usize) as u32,
            _ => {
                self.contents += 1 + u32::from((self.contents + 1).is_multiple_of(2) == large);
                self.contents
            }
        }
    }

    fn take_note(&mut self, side: Side, deed: Option<Deed>) {
        let Some(deed) = deed else { return };
        let settled = deed.message().is_some_and(|message| self.settled[side].contains(&message));
        if deed.takes_away() {
            self.gone[side] += 1;
            self.removed_early |= !settled;
        }
        self.count(side, &deed);
        self.model.note(side, &deed, settled);
    }

    fn count(&mut self, side: Side, deed: &Deed) {
        let mut more = |folder: &str, content: Content, more: i64| {
            *self.own[side].entry((folder.to_owned(), content)).or_default() += more;
        };
        match deed {
            Deed::Added { folder, content, .. } => more(folder, *content, 1),
            Deed::Removed { folder, content, .. } => more(folder, *content, -1),
            Deed::Moved { folder, content, to, .. } => {
                more(folder, *content, -1);
                more(to, *content, 1);
            }
            _ => {}
        }
    }

    /// Somebody else puts a message on both sides. It is one, where that is looked for.
    fn add_on_both(&mut self, act: &Act) {
        let content = self.content_for(act);
        for side in Side::BOTH {
            let deed = perform(self.store(side), act, content);
            if let (Side::Local, true, Some(Deed::Added { folder, .. })) = (side, self.are_compared(), &deed) {
                self.model.added_on_both(folder, content);
            }
            self.take_note(side, deed);
        }
    }

    /// Whether what is new on both sides is compared.
    fn are_compared(&self) -> bool {
        let knobs = Side::BOTH.map(|side| self.store(side).knobs());
        knobs[0].cheap_content == knobs[1].cheap_content || knobs.iter().any(|knobs| knobs.shared)
    }

    fn rename(&mut self, side: Side) {
        let names = self.store(side).folder_names();
        let there: Vec<&str> = RENAMED.into_iter().filter(|name| names.iter().any(|there| there == name)).collect();
        let [from] = there[..] else { return };
        let to = RENAMED.into_iter().find(|name| *name != from).unwrap();
        self.store(side).rename_folder(from, to);
        self.renamed = true;
        self.ever_renamed = true;
        self.model.renamed(RENAMED);
    }

    fn renumber(&mut self, side: Side, folder: &str) {
        let name = local_name(self.store(side), folder);
        if !self.store(side).folder_names().contains(&name) {
            return;
        }
        self.store(side).renumber(&name);
        self.renumbered.insert(folder.to_owned());
        self.ever_renumbered.insert(folder.to_owned());
        for on in Side::BOTH {
            self.settled[on].retain(|(other, _)| other != folder);
        }
        self.model.forgotten_in(folder);
    }

    /// Every folder has a message on both sides, which stays. What follows tells what it is.
    pub(crate) fn begin_together(&mut self) -> std::result::Result<(), TestCaseError> {
        for (folder, content) in FOLDERS.into_iter().zip((FIRST..).step_by(4)) {
            let deed = add(self.store(Side::Remote), folder, content, Flags::default());
            self.count(Side::Local, &deed);
            self.take_note(Side::Remote, Some(deed));
        }
        self.contents = TELLING;
        self.settle()
    }

    /// A clean sync, after which a side holds what its user put there and left there.
    pub(crate) fn settle_as_left(&mut self, side: Side) -> std::result::Result<(), TestCaseError> {
        let report = self.sync(&Run::CLEAN).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(report.in_step(), "{:?}", report.failures);
        let mut own = self.own[side].clone();
        own.retain(|_, copies| *copies != 0);
        for on in Side::BOTH {
            let found: BTreeMap<_, _> =
                self.found(on).into_iter().map(|(key, copies)| (key, copies.len() as i64)).collect();
            prop_assert_eq!(&found, &own, "{}", on);
        }
        Ok(())
    }

    fn sync(&mut self, run: &Run) -> Result<Report> {
        self.earlier.push(copy_of(self.status.inner()));
        let store = |side: Side| Arc::new(self.sides[side].clone()) as Arc<dyn Repository>;
        // Where a user is at work in the middle, nobody else is.
        let workers = usize::from(run.meanwhile.is_some());
        let window = Window { max_octets: run.narrow.then_some(SMALL), ..Window::default() };
        // Users that remove everything they have mean it.
        let brake = BrakeLimits { allowed: Some(u64::MAX), ..BrakeLimits::default() };
        let mut policy = Policy { window, brake, workers, ..Policy::default() };
        if let Some(bound) = run.bound {
            bound.bind(&mut policy);
        }
        Account::new("A", store(Side::Remote), store(Side::Local), self.status.clone())
            .with_policy(policy)
            .with_naming(Filter(run.without))
            .sync(&(), &Cancel::new())
    }

    fn disturbed(&mut self, run: &Run) {
        run.ends.arrange(&self.faults);
        if let Some(trouble) = run.trouble() {
            let bad = trouble.bad(|which| pick(self.store(trouble.side), which).map(|(_, id, _)| id));
            self.sides[trouble.at()].spoil(|good| *good = bad);
        }
        let deed = run.meanwhile.as_ref().map(|(n, act)| self.meanwhile(*n, act));
        let _ = self.sync(run);
        if let Some((side, deed)) = deed {
            let deed = deed.lock().unwrap().take();
            self.take_note(side, deed);
        }
        self.named_since = self.earlier.len();
        self.faults.mend();
        Side::BOTH.into_iter().for_each(|side| self.sides[side].spoil(|bad| *bad = Bad::default()));
    }

    /// A user does something just before effect `n` from now; what it was is told there.
    fn meanwhile(&mut self, n: u64, act: &Act) -> (Side, Arc<Mutex<Option<Deed>>>) {
        let (act, content) = (act.clone(), self.content_for(act));
        let told = Arc::<Mutex<Option<Deed>>>::default();
        let side = act.side();
        let (store, tell) = (self.store(side).clone(), Arc::clone(&told));
        self.faults
            .act_before(self.faults.effects() + n, move || *tell.lock().unwrap() = perform(&store, &act, content));
        (side, told)
    }

    /// What was recorded is gone, or as it was before some sync.
    fn forget(&mut self, older: Option<&prop::sample::Index>) {
        let kept = &self.earlier[self.found_again_since()..];
        let none = MemoryStatus::default();
        let status = older.filter(|_| !kept.is_empty()).map_or(&none, |at| at.get(kept));
        copy_status(status, self.status.inner()).unwrap();
        self.settled = PerSide::default();
        match older {
            Some(_) => self.model.put_back(),
            None => self.model.forgotten(),
        }
        // An older status knows an older numbering, and older names.
        if self.ever_renamed {
            self.renamed = true;
            self.model.renamed(RENAMED);
        }
        self.renumbered.extend(self.ever_renumbered.iter().cloned());
    }

    /// Since which sync both sides' messages are known to belong together without what was recorded of them, also where other messages of the
    /// folder are recorded. Where everything new is compared, that is so since ever. A name that tells what it is a copy of is written after what was
    /// recorded, so that a run that ended in between has left it out.
    fn found_again_since(&self) -> usize {
        if self.are_compared() {
            return 0;
        }
        let named = Side::BOTH.into_iter().filter(|side| !self.store(*side).knobs().numbered).count();
        if named == 1 { self.named_since } else { self.earlier.len() }
    }

    /// A clean sync, and everything as it must be then.
    pub(crate) fn settle(&mut self) -> std::result::Result<(), TestCaseError> {
        self.accept_numbers()?;
        self.restore_folders()?;
        let report = self.sync(&Run::CLEAN).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let failures: Vec<String> = report.failures.iter().map(|failure| failure.error.to_string()).collect();
        // Removed there before it was recorded here: that is told, and the message is kept where it is until its user decides.
        prop_assume!(
            !self.removed_early || !failures.iter().any(|failure| failure.ends_with("it is not uploaded again"))
        );
        prop_assert!(report.in_step(), "{:?}", failures);
        let kept = self.kept_on_both();
        let found = PerSide::from_fn(|side| self.found(side));
        for side in Side::BOTH {
            let complaints = self.model.complaints(&found[side], &kept);
            prop_assert!(complaints.is_empty(), "{}: {:#?}", side, complaints);
            let names = self.store(side).folder_names();
            let missing = self.model.folders.iter().find(|name| !names.contains(&local_name(self.store(side), name)));
            prop_assert!(missing.is_none(), "{}: no folder {:?}", side, missing);
        }
        let shared = |side: Side| self.held(side, &kept);
        prop_assert_eq!(shared(Side::Remote), shared(Side::Local));
        let before = Side::BOTH.map(|side| self.store(side).work().1);
        let report = self.sync(&Run::CLEAN).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(report.counts, Default::default());
        prop_assert_eq!(Side::BOTH.map(|side| self.store(side).work().1), before, "the next sync changes nothing");
        self.model.settle(&found.remote);
        let ids = |(folder, id, _): (String, MessageId, Held)| (folder, id);
        self.settled = PerSide::from_fn(|side| messages(self.store(side)).into_iter().map(ids).collect());
        Ok(())
    }

    /// A folder whose new name is not beyond doubt is a new one, and the old one is missing until its user says that it shall be filled again.
    fn restore_folders(&mut self) -> std::result::Result<(), TestCaseError> {
        if std::mem::take(&mut self.renamed) {
            // A folder that is made again has other numbers.
            for bound in [None, Some(Bound::Missing), Some(Bound::Numbers)] {
                let run = Run { bound, ..Run::CLEAN };
                self.sync(&run).map_err(|error| TestCaseError::fail(error.to_string()))?;
            }
        }
        Ok(())
    }

    /// A folder that was given another numbering is refused, and nothing is done in it, until that is accepted.
    fn accept_numbers(&mut self) -> std::result::Result<(), TestCaseError> {
        let renumbered = std::mem::take(&mut self.renumbered);
        if renumbered.is_empty() {
            return Ok(());
        }
        let kept = FLAGS.into_iter().collect();
        let before = PerSide::from_fn(|side| self.held(side, &kept));
        let report = self.sync(&Run::CLEAN).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let refused = report.failures.iter().filter(|failure| failure.error.kind() == ErrorKind::Numbering);
        for folder in refused.filter_map(|failure| failure.pair.as_ref()) {
            let after = PerSide::from_fn(|side| self.held(side, &kept));
            for side in Side::BOTH {
                let name = folder.remote.as_str().replace(self.store(Side::Remote).knobs().separator.unwrap(), "/");
                // A new name is followed before numbers are looked at.
                let renamed = self.renamed && RENAMED.contains(&&*name);
                prop_assert!(renamed || before[side].get(&name) == after[side].get(&name), "{} is refused", name);
            }
        }
        let accepting = Run { bound: Some(Bound::Numbers), ..Run::CLEAN };
        self.sync(&accepting).map_err(|error| TestCaseError::fail(error.to_string()))?;
        Ok(())
    }

    /// Flags that neither side drops.
    fn kept_on_both(&self) -> FlagSet {
        let keeps =
            |side: Side, flag: &str| !Flags::from_imap([flag]).supported(&self.store(side).knobs().support).is_empty();
        FLAGS.into_iter().filter(|flag| Side::BOTH.iter().all(|side| keeps(*side, flag))).collect()
    }

    fn found(&self, side: Side) -> Found {
        let mut found = Found::new();
        for (folder, _, held) in messages(self.store(side)) {
            found.entry((folder, content_of(&held.octets))).or_default().push(names(&held.flags));
        }
        found
    }

    fn held(&self, side: Side, kept: &FlagSet) -> Held2 {
        let mut all = Held2::new();
        for (folder, _, held) in messages(self.store(side)) {
            let flags = names(&held.flags).intersection(kept).copied().collect();
            all.entry(folder).or_default().push((content_of(&held.octets), flags));
        }
        all.values_mut().for_each(|messages| messages.sort());
        all
    }

    /// What a side holds.
    pub(crate) fn contents(&self, side: Side) -> Held2 {
        self.held(side, &FLAGS.into_iter().collect())
    }

    /// No side has lost more through syncs than its other side's user removed and moved away.
    pub(crate) fn check_removals(&self) -> std::result::Result<(), TestCaseError> {
        for side in Side::BOTH {
            let calls = self.store(side).calls();
            let removed = calls.removed + calls.transferred;
            let meant = self.gone[side.other()];
            prop_assert!(removed <= meant, "{}: {} removed or moved, {} meant", side, removed, meant);
        }
        Ok(())
    }
}
