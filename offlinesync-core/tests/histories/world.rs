//! Two stores, their users, and the account between them.

use crate::model::{Content, Found, Model};
use crate::{Act, Bound, Ends, FOLDERS, Fails, Run, Trouble, Without};
use offlinesync_core::status::copy_status;
use offlinesync_core::sync::{Account, Naming, Report, exchange_separator};
use offlinesync_core::testing::{Bad, Faults, Faulty, FaultyStatus, Held, Knobs, MemoryRepository};
use offlinesync_core::{
    BrakeLimits, Cancel, Error, ErrorKind, Flags, FolderName, MemoryStatus, MessageId, PerSide, Policy, Repository,
    Result, Side, Window,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const FLAGS: [&str; 4] = ["\\Seen", "\\Flagged", "work", "todo"];

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
}

/// Contents of the first messages, which stay.
const FIRST: Content = 900_001;

fn bounded(bound: Option<Bound>, mut policy: Policy) -> Policy {
    match bound {
        None => {}
        Some(Bound::ReadOnly(side)) => policy.read_only[side] = true,
        Some(Bound::Removals(side)) => policy.propagate_removals[side] = false,
        Some(Bound::Folders) => policy.create_folders = PerSide::default(),
        Some(Bound::Numbers) => policy.accept_new_numbering = true,
    }
    policy
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

type Held2 = BTreeMap<String, Vec<(Content, BTreeSet<&'static str>)>>;

/// From here on contents have headers that tell them from others.
const TELLING: Content = 500_000;

/// Every fourth has a header without a Message-ID, and those of all are short, but for those that shall tell.
fn octets(content: Content) -> Vec<u8> {
    let large = if content.is_multiple_of(2) { "" } else { "a longer line of text that fills it\r\n" };
    let id = match content {
        TELLING.. => format!("Subject: a letter\r\nMessage-ID: <{content}@example.org>\r\n"),
        _ if content.is_multiple_of(4) => String::new(),
        _ => format!("Message-ID: <{content}@example.org>\r\n"),
    };
    format!("From: x@example.org\r\n{id}\r\n{content:06}\r\n{}", large.repeat(10)).into_bytes()
}

fn content_of(octets: &[u8]) -> Content {
    let text = String::from_utf8_lossy(octets);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    body.get(..6).and_then(|number| number.parse().ok()).unwrap_or(u32::MAX)
}

impl World {
    pub(crate) fn new(knobs: &PerSide<Knobs>) -> World {
        let faults = Faults::new();
        let store =
            |name, knobs: &Knobs| Faulty::new(MemoryRepository::new(name, knobs.clone()).with_folder("INBOX"), &faults);
        World {
            sides: PerSide { remote: store("remote", &knobs.remote), local: store("local", &knobs.local) },
            status: Arc::new(FaultyStatus::new(MemoryStatus::default(), &faults)),
            faults,
            model: Model::with_folder("INBOX"),
            settled: PerSide::default(),
            contents: 0,
            gone: PerSide::default(),
            removed_early: false,
            own: PerSide::default(),
            earlier: Vec::new(),
            named_since: 0,
        }
    }

    fn store(&self, side: Side) -> &MemoryRepository {
        self.sides[side].inner()
    }

    /// The name that a store gives a folder.
    fn local_name(&self, side: Side, folder: &str) -> String {
        let separator = self.store(side).knobs().separator.unwrap();
        folder.replace('/', &separator.to_string())
    }

    fn messages(&self, side: Side) -> Vec<(String, MessageId, Held)> {
        let of = |folder: &str| self.store(side).mails(&self.local_name(side, folder));
        let named = |folder: &&'static str| {
            let folder = (*folder).to_owned();
            of(&folder).into_iter().map(move |(id, held)| (folder.clone(), id, held))
        };
        FOLDERS.iter().flat_map(named).collect()
    }

    pub(crate) fn act(&mut self, act: &Act) -> std::result::Result<(), TestCaseError> {
        match act {
            Act::Add { side, folder, flags, again, large } => {
                let flags = FLAGS.iter().enumerate().filter(|(n, _)| flags & (1 << n) != 0).map(|(_, flag)| *flag);
                let known = self.contents;
                let content = match again {
                    Some(index) if known > 0 => 1 + index.index(known as usize) as u32,
                    _ => {
                        self.contents += 1 + u32::from((self.contents + 1).is_multiple_of(2) == *large);
                        self.contents
                    }
                };
                self.add(*side, FOLDERS[*folder], content, &flags.collect());
            }
            Act::Remove { side, which } => {
                if let Some((folder, id, held)) = self.pick(*side, which) {
                    let settled = self.is_settled(*side, &folder, &id);
                    self.store(*side).remove(&self.local_name(*side, &folder), &id);
                    self.gone[*side] += 1;
                    self.removed_early |= !settled;
                    self.count(*side, &folder, content_of(&held.octets), -1);
                    self.model.removed(*side, &folder, content_of(&held.octets), settled);
                }
            }
            Act::Move { side, which, to } => self.move_away(*side, which, FOLDERS[*to]),
            Act::Flag { side, which, flag } => self.flag(*side, which, FLAGS[*flag]),
            Act::Create { side, folder } => {
                self.store(*side).create_folder(&self.local_name(*side, FOLDERS[*folder]));
                self.model.folders.insert(FOLDERS[*folder].to_owned());
            }
            Act::Status { older } => self.forget(older.as_ref()),
            Act::Sync(run) if run.is_clean() => self.settle()?,
            Act::Sync(run) => self.disturbed(run),
        }
        Ok(())
    }

    fn add(&mut self, side: Side, folder: &str, content: Content, flags: &BTreeSet<&'static str>) {
        let id = self.store(side).add(
            &self.local_name(side, folder),
            &octets(content),
            Flags::from_imap(flags.iter().copied()),
        );
        let mails = self.store(side).mails(&self.local_name(side, folder));
        let kept = mails.into_iter().find(|(there, _)| *there == id).map(|(_, held)| names(&held.flags)).unwrap();
        self.count(side, folder, content, 1);
        self.model.added(side, folder, content, &kept);
    }

    fn count(&mut self, side: Side, folder: &str, content: Content, more: i64) {
        *self.own[side].entry((folder.to_owned(), content)).or_default() += more;
    }

    /// Every folder has a message on both sides, which stays. What follows tells what it is.
    pub(crate) fn begin_together(&mut self) -> std::result::Result<(), TestCaseError> {
        for (folder, content) in FOLDERS.into_iter().zip((FIRST..).step_by(4)) {
            self.add(Side::Remote, folder, content, &BTreeSet::new());
            self.count(Side::Local, folder, content, 1);
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

    fn pick(&self, side: Side, which: &prop::sample::Index) -> Option<(String, MessageId, Held)> {
        let mut all = self.messages(side);
        all.retain(|(.., held)| content_of(&held.octets) < FIRST);
        // The order must be the same in a mirrored world, whatever the ids are.
        all.sort_by_key(|(folder, id, held)| (folder.clone(), content_of(&held.octets), id.clone()));
        (!all.is_empty()).then(|| all.swap_remove(which.index(all.len())))
    }

    fn is_settled(&self, side: Side, folder: &str, id: &MessageId) -> bool {
        self.settled[side].contains(&(folder.to_owned(), id.clone()))
    }

    fn move_away(&mut self, side: Side, which: &prop::sample::Index, to: &str) {
        let Some((folder, id, held)) = self.pick(side, which) else { return };
        if folder == to {
            return;
        }
        let settled = self.is_settled(side, &folder, &id);
        let content = content_of(&held.octets);
        self.store(side).remove(&self.local_name(side, &folder), &id);
        self.store(side).add(&self.local_name(side, to), &octets(content), held.flags);
        self.gone[side] += 1;
        self.removed_early |= !settled;
        self.count(side, &folder, content, -1);
        self.count(side, to, content, 1);
        self.model.moved(side, &folder, content, settled, to);
    }

    fn flag(&mut self, side: Side, which: &prop::sample::Index, flag: &'static str) {
        let Some((folder, id, held)) = self.pick(side, which) else { return };
        let one = Flags::from_imap([flag]);
        let on = !names(&held.flags).contains(flag);
        if on && one.supported(&self.store(side).knobs().support).is_empty() {
            return;
        }
        let flags = if on { held.flags.union(&one) } else { held.flags.difference(&one) };
        self.store(side).set_flags(&self.local_name(side, &folder), &id, flags);
        let settled = self.is_settled(side, &folder, &id);
        self.model.flagged(side, &folder, content_of(&held.octets), settled, flag, on);
    }

    fn sync(&mut self, run: &Run) -> Result<Report> {
        self.earlier.push(copy_of(self.status.inner()));
        let store = |side: Side| Arc::new(self.sides[side].clone()) as Arc<dyn Repository>;
        let window = Window { max_octets: run.narrow.then_some(SMALL), ..Window::default() };
        // Users that remove everything they have mean it.
        let brake = BrakeLimits { allowed: Some(u64::MAX), ..BrakeLimits::default() };
        Account::new("A", store(Side::Remote), store(Side::Local), self.status.clone())
            .with_policy(bounded(run.bound, Policy { window, brake, ..Policy::default() }))
            .with_naming(Filter(run.without))
            .sync(&(), &Cancel::new())
    }

    fn disturbed(&mut self, run: &Run) {
        let before = self.faults.effects();
        match run.ends {
            Ends::Well => {}
            Ends::Before(n) => self.faults.stop_before(before + n),
            Ends::Within(n) => self.faults.stop_within(before + n),
            Ends::After(n) => self.faults.stop_after(before + n),
            Ends::Failing(n) => self.faults.fail_at(before + n, ErrorKind::Message),
        }
        // Whoever says that numbers are to be accepted says that what cannot be looked at is another message.
        let trouble = run.trouble.as_ref().filter(|_| !matches!(run.bound, Some(Bound::Numbers)));
        trouble.into_iter().for_each(|trouble| self.spoil(trouble));
        let _ = self.sync(run);
        self.named_since = self.earlier.len();
        self.faults.mend();
        Side::BOTH.into_iter().for_each(|side| self.sides[side].spoil(|bad| *bad = Bad::default()));
    }

    fn spoil(&self, trouble: &Trouble) {
        let chosen = trouble.which.iter().filter_map(|which| self.pick(trouble.side, which));
        let ids: BTreeSet<MessageId> = chosen.map(|(_, id, _)| id).collect();
        let taking = matches!(trouble.what, Fails::Begin | Fails::Commit);
        let side = if taking { trouble.side.other() } else { trouble.side };
        self.sides[side].spoil(|bad| match trouble.what {
            Fails::Everything => (bad.headerless, bad.unreadable) = (ids.clone(), ids),
            Fails::Header => bad.headerless = ids,
            Fails::Body => bad.unreadable = ids,
            Fails::Rest => bad.breaking_off = ids,
            Fails::Begin => bad.refused = ids,
            Fails::Commit => bad.not_committed = ids,
            Fails::Flags => bad.unchangeable = ids,
            Fails::Removal => bad.unremovable = ids,
            Fails::Move => bad.unmovable = ids,
        });
    }

    /// What was recorded is gone, or as it was before some sync.
    fn forget(&mut self, older: Option<&prop::sample::Index>) {
        let kept = &self.earlier[self.found_again_since()..];
        let status = older.filter(|_| !kept.is_empty()).map(|at| copy_of(at.get(kept)));
        copy_status(&status.unwrap_or_default(), self.status.inner()).unwrap();
        self.settled = PerSide::default();
        self.model.forgotten();
    }

    /// Since which sync both sides' messages are known to belong together without what was recorded of them, also where other messages of the
    /// folder are recorded. Where everything new is compared, that is so since ever. A name that tells what it is a copy of is written after what was
    /// recorded, so that a run that ended in between has left it out.
    fn found_again_since(&self) -> usize {
        let knobs = Side::BOTH.map(|side| self.store(side).knobs());
        let servers = knobs.iter().all(|knobs| !knobs.cheap_content);
        if servers || knobs.iter().any(|knobs| knobs.shared) {
            return 0;
        }
        let named = knobs.iter().filter(|knobs| !knobs.numbered).count();
        if named == 1 { self.named_since } else { self.earlier.len() }
    }

    /// A clean sync, and everything as it must be then.
    pub(crate) fn settle(&mut self) -> std::result::Result<(), TestCaseError> {
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
            let missing = self.model.folders.iter().find(|name| !names.contains(&self.local_name(side, name)));
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
        self.settled = PerSide::from_fn(|side| self.messages(side).into_iter().map(ids).collect());
        Ok(())
    }

    /// Flags that neither side drops.
    fn kept_on_both(&self) -> BTreeSet<&'static str> {
        let keeps =
            |side: Side, flag: &str| !Flags::from_imap([flag]).supported(&self.store(side).knobs().support).is_empty();
        FLAGS.into_iter().filter(|flag| Side::BOTH.iter().all(|side| keeps(*side, flag))).collect()
    }

    fn found(&self, side: Side) -> Found {
        let mut found = Found::new();
        for (folder, _, held) in self.messages(side) {
            found.entry((folder, content_of(&held.octets))).or_default().push(names(&held.flags));
        }
        found
    }

    fn held(&self, side: Side, kept: &BTreeSet<&'static str>) -> Held2 {
        let mut all = Held2::new();
        for (folder, _, held) in self.messages(side) {
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

fn copy_of(status: &MemoryStatus) -> MemoryStatus {
    let copy = MemoryStatus::default();
    copy_status(status, &copy).unwrap();
    copy
}

fn names(flags: &Flags) -> BTreeSet<&'static str> {
    let has = |flag: &&'static str| Flags::from_imap([*flag]).difference(flags).is_empty();
    FLAGS.into_iter().filter(has).collect()
}
