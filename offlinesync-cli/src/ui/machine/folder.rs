//! One folder as OfflineIMAP works on it: both lists, then the remote side's changes onto the local side, then the other way round;
//! each way copies, deletions, flags. Our engine goes another way, so what comes early waits here for its turn. Pure.

use super::super::effects::{Effects, Numbering, Numbers};
use super::super::{Scene, Who};
use super::record::{Record, list};
use offlinesync_core::plan::Plan;
use offlinesync_core::status::FolderPair;
use offlinesync_core::{MessageId, PerSide, Side};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What is known of a folder in work.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// Both lists are told.
    read: bool,
    planned: bool,
    /// Something was done, so the plan was let through.
    going: bool,
    failed: bool,
    numbers: Numbering,
    /// What is still to be told, in this order.
    queue: VecDeque<Item>,
    /// Copies towards each side whose turn has not come.
    waiting: PerSide<Vec<Record>>,
    begun: PerSide<u64>,
    /// Threads that copy and are not told to have ended.
    threads: PerSide<u64>,
    /// Effects that were reported.
    done: PerSide<bool>,
    /// Messages that moved out of it on each side.
    left: PerSide<Numbers>,
    /// Messages that moved into it on each side.
    came: PerSide<Vec<MessageId>>,
    /// Messages that are not copied to each side because the user said so.
    ignored: PerSide<Vec<Record>>,
    /// Those of them that are told; the engine comes across them in every round.
    told: BTreeSet<(Side, MessageId)>,
}

#[derive(Debug)]
enum Item {
    /// Told when its turn comes.
    Line(Record),
    /// Told when its turn comes, if the plan was let through.
    Effect(Side, Record),
    /// So many copies towards a side are told as they begin.
    Copies(Side, u64),
}

/// A folder, and where it is.
pub(super) struct Place<'a> {
    pub(super) scene: &'a Scene,
    pub(super) pair: &'a FolderPair,
}

impl Place<'_> {
    /// The thread that works on it.
    pub(super) fn thread(&self) -> String {
        let account = self.scene.account.as_str();
        match self.scene.single {
            true => Who::Account(account).to_string(),
            false => Who::Folder { account, folder: self.pair.remote.as_str() }.to_string(),
        }
    }

    fn copier(&self, from: Side) -> String {
        let (repository, folder) = (&self.scene.names[from], self.pair[from].as_str());
        Who::Copy { account: &self.scene.account, repository, folder }.to_string()
    }

    fn type_of(&self, side: Side) -> &'static str {
        self.scene.types[side]
    }

    /// From one side to the other, as five fields of which the last is empty.
    fn way(&self, command: &'static str, to: Side) -> Record {
        let from = to.other();
        let (source, target) = (self.pair[from].as_str(), self.pair[to].as_str());
        Record::msg(command, self.thread(), &[self.type_of(from), source, self.type_of(to), target, ""])
    }

    fn loading(&self, side: Side) -> Record {
        Record::msg("loadmessagelist", self.thread(), &[self.type_of(side), self.pair[side].as_str()])
    }

    /// OfflineIMAP says nothing of an empty folder on a server.
    fn loaded(&self, side: Side, messages: u64) -> Option<Record> {
        let fields = [self.type_of(side), self.pair[side].as_str(), &messages.to_string()];
        (messages > 0 || !self.scene.is_imap(side)).then(|| Record::msg("messagelistloaded", self.thread(), &fields))
    }

    fn copying(&self, command: &'static str, to: Side, number: i64) -> Record {
        let from = to.other();
        let target = format!("{}[{}]", self.type_of(to), self.pair[to]);
        let fields = [&number.to_string(), self.type_of(from), self.pair[from].as_str(), &target];
        Record::msg(command, self.thread(), &fields)
    }

    fn deleting(&self, on: Side, numbers: &[i64]) -> Record {
        let folder = format!("{}\t{}", self.type_of(on), self.pair[on]);
        Record::msg("deletingmessages", self.thread(), &[&list(numbers), &folder])
    }

    fn flagging(&self, command: &'static str, on: Side, flag: &str, numbers: &[i64]) -> Record {
        Record::msg(command, self.thread(), &[&list(numbers), flag, self.pair[on].as_str()])
    }

    fn would_copy(&self, to: Side, messages: u64) -> Record {
        let (from, names) = (to.other(), &self.scene.names);
        let text =
            format!("[DRYRUN] Copy {messages} messages from {}[{}] to {}", self.pair[from], names[from], names[to]);
        Record::msg("", self.thread(), &[&text])
    }

    /// A folder is taken up.
    pub(super) fn started(&self) -> [Record; 3] {
        let thread = self.thread();
        [
            Record::msg("registerthread", thread, &[&self.scene.account]),
            self.way("syncingfolder", Side::Local),
            self.loading(Side::Local),
        ]
    }

    /// Both sides are listed.
    pub(super) fn read(&self, messages: PerSide<u64>) -> Vec<Record> {
        let mut records: Vec<Record> = self.loaded(Side::Local, messages.local).into_iter().collect();
        records.push(self.loading(Side::Remote));
        records.extend(self.loaded(Side::Remote, messages.remote));
        records
    }

    /// A folder that nobody touched, with so many messages on both sides: OfflineIMAP would look and find nothing.
    pub(super) fn untouched(&self, messages: u64, quick: bool) -> Vec<Record> {
        let mut records = self.started().to_vec();
        if quick {
            records.extend(self.loaded(Side::Local, messages));
            let text = format!("Skipping {} (not changed)", self.pair.remote);
            records.push(Record::msg("", self.thread(), &[&text]));
        } else {
            records.extend(self.read(PerSide { remote: messages, local: messages }));
            records.extend(self.ways().map(|to| self.way("syncingmessages", to)));
        }
        records.extend(self.ended());
        records
    }

    /// The thread of the folder ends.
    pub(super) fn ended(&self) -> Vec<Record> {
        if self.scene.single { Vec::new() } else { thread_ended(&self.thread()).into() }
    }

    /// In the order of OfflineIMAP, the sides that are changed.
    fn ways(&self) -> impl Iterator<Item = Side> + use<> {
        let read_only = self.scene.read_only;
        [Side::Local, Side::Remote].into_iter().filter(move |to| !read_only[*to])
    }
}

/// A thread has ended.
pub(super) fn thread_ended(thread: &str) -> [Record; 2] {
    ["threadExited", "unregisterthread"].map(|command| Record::msg(command, Who::Program, &[thread]))
}

impl Folder {
    /// Both sides are listed; told once, even if the engine looks again.
    pub(super) fn read(&mut self, place: &Place<'_>, messages: PerSide<u64>) -> Vec<Record> {
        if std::mem::replace(&mut self.read, true) { Vec::new() } else { place.read(messages) }
    }

    /// The engine has a plan. Of later plans, which tidy up, only those that do something are told.
    pub(super) fn plan(&mut self, place: &Place<'_>, plan: &Plan) -> Vec<Record> {
        let mut effects = Effects::of(plan, place.scene, &mut self.numbers);
        for side in Side::BOTH {
            effects[side].deleted.append(&mut self.left[side]);
            effects[side].deleted.sort_unstable();
        }
        let came = std::mem::take(&mut self.came);
        let nothing = effects == PerSide::default() && came == PerSide::default() && self.ignored == PerSide::default();
        if std::mem::replace(&mut self.planned, true) && nothing {
            return Vec::new();
        }
        for to in place.ways() {
            self.queue.push_back(Item::Line(place.way("syncingmessages", to)));
            let mut records = std::mem::take(&mut self.ignored[to]);
            records.extend(came[to].iter().map(|id| self.copying("copyingmessage", place, to, id)));
            self.queue.extend(records.into_iter().map(Item::Line));
            self.enqueue(place, to, &effects[to]);
        }
        self.advance()
    }

    fn enqueue(&mut self, place: &Place<'_>, side: Side, effects: &Effects) {
        match effects.copies {
            0 => {}
            copies if place.scene.dry_run => self.queue.push_back(Item::Line(place.would_copy(side, copies))),
            copies => self.queue.push_back(Item::Copies(side, self.begun[side] + copies)),
        }
        if !effects.deleted.is_empty() {
            self.queue.push_back(Item::Effect(side, place.deleting(side, &effects.deleted)));
        }
        let changes: [(&'static str, &BTreeMap<String, Numbers>); 2] =
            [("addingflags", &effects.added), ("deletingflags", &effects.removed)];
        for (command, flags) in changes {
            let records = flags.iter().map(|(flag, numbers)| place.flagging(command, side, flag, numbers));
            self.queue.extend(records.map(|record| Item::Effect(side, record)));
        }
    }

    /// A message of the source towards `to`, by its number.
    fn copying(&mut self, command: &'static str, place: &Place<'_>, to: Side, source: &MessageId) -> Record {
        let number = match to {
            Side::Local => self.numbers.number(Some(source), None),
            Side::Remote => self.numbers.number(None, Some(source)),
        };
        place.copying(command, to, number)
    }

    /// A message begins to be copied.
    pub(super) fn copy(&mut self, place: &Place<'_>, to: Side, source: &MessageId) -> Vec<Record> {
        self.going = true;
        let record = self.copying("copyingmessage", place, to, source);
        self.waiting[to].push(record);
        if place.scene.is_imap(to.other()) && !place.scene.single {
            self.threads[to] += 1;
            let copier = place.copier(to.other());
            self.waiting[to].push(Record::msg("registerthread", copier, &[&place.scene.account]));
        }
        self.begun[to] += 1;
        self.advance()
    }

    /// So many copies towards a side have ended.
    pub(super) fn copied(&mut self, place: &Place<'_>, to: Side, messages: u64) -> Vec<Record> {
        let ended = self.threads[to].min(messages);
        self.threads[to] -= ended;
        let records = (0..ended).flat_map(|_| thread_ended(&place.copier(to.other()))).collect::<Vec<_>>();
        match self.waiting[to].is_empty() {
            true => records,
            false => {
                self.waiting[to].extend(records);
                Vec::new()
            }
        }
    }

    /// Something that a plan says was done to a side.
    pub(super) fn effect(&mut self, on: Side) -> Vec<Record> {
        self.going = true;
        self.done[on] = true;
        self.advance()
    }

    /// A message is not copied because the user said so.
    pub(super) fn ignore(&mut self, place: &Place<'_>, to: Side, source: &MessageId) {
        if !self.told.insert((to, source.clone())) {
            return;
        }
        let record = self.copying("ignorecopyingmessage", place, to, source);
        self.ignored[to].push(record);
    }

    /// Messages moved out of it on a side: for OfflineIMAP, deleted there.
    pub(super) fn moved_out(&mut self, on: Side, ids: &PerSide<MessageId>) {
        let number = self.numbers.number(Some(&ids.remote), Some(&ids.local));
        self.left[on].push(number);
    }

    /// A message moved into it on a side: for OfflineIMAP, copied to it.
    pub(super) fn moved_in(&mut self, on: Side, source: &MessageId) {
        self.came[on].push(source.clone());
    }

    /// It was not synced, or not wholly: of what was to be told, only what was done is.
    pub(super) fn fail(&mut self) -> Vec<Record> {
        self.failed = true;
        let mut records = Vec::new();
        for item in std::mem::take(&mut self.queue) {
            match item {
                Item::Effect(side, record) if self.done[side] => records.push(record),
                Item::Copies(side, _) => records.append(&mut self.waiting[side]),
                _ => {}
            }
        }
        records
    }

    /// The work on it has ended; `None` if there was none, because the engine looks at the whole account first.
    pub(super) fn finish(&mut self, place: &Place<'_>) -> Option<Vec<Record>> {
        if !self.planned && !self.failed {
            return None;
        }
        self.going = true;
        let mut records = Vec::new();
        for item in std::mem::take(&mut self.queue) {
            match item {
                Item::Line(record) | Item::Effect(_, record) => records.push(record),
                Item::Copies(side, _) => records.append(&mut self.waiting[side]),
            }
        }
        for side in Side::BOTH {
            records.append(&mut self.waiting[side]);
            records.extend(self.copied(place, side, u64::MAX));
        }
        records.extend(place.ended());
        Some(records)
    }

    /// What can be told now.
    fn advance(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        while let Some(item) = self.queue.pop_front() {
            match item {
                Item::Line(record) => records.push(record),
                Item::Effect(_, record) if self.going => records.push(record),
                Item::Copies(side, _) => {
                    records.append(&mut self.waiting[side]);
                    if !self.reached(&item) {
                        self.queue.push_front(item);
                        break;
                    }
                }
                Item::Effect(..) => {
                    self.queue.push_front(item);
                    break;
                }
            }
        }
        records
    }

    fn reached(&self, item: &Item) -> bool {
        matches!(item, Item::Copies(side, until) if self.begun[*side] >= *until)
    }
}
