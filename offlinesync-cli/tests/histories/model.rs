//! What must be true after everything that was done: how often each content is in each folder, and with which flags. Pure.
//!
//! Copies of one content in one folder cannot be told apart, so they are counted. What was removed before it was recorded may come
//! back, since nobody can know that it was not new; what both sides had when all was last in step may not.

use crate::FOLDERS;
use crate::letters::{Content, FlagSet};
use offlinesync_core::{PerSide, Side};
use std::collections::{BTreeMap, BTreeSet};

/// What happened to the copies of one content in one folder since all was in step.
#[derive(Clone, Debug, Default)]
struct Story {
    /// Copies when all was in step.
    base: i64,
    added: PerSide<i64>,
    removed: PerSide<i64>,
    /// Of those removed, copies that both sides had when all was in step.
    removed_base: PerSide<i64>,
    /// Of those added, copies moved in from another folder.
    moved_in: PerSide<i64>,
    /// Of those added, copies whose names say that they came from here once. Only an older status would know them.
    own_names: PerSide<i64>,
    /// The status may be an older one.
    older: bool,
    /// Flags when all was in step, or with which it was added.
    flags: FlagSet,
    /// Flags that must be as said, or that nobody can tell any more.
    changed: BTreeMap<&'static str, Option<bool>>,
    flags_unknown: bool,
}

impl Story {
    fn forget(&mut self) {
        self.removed_base = PerSide::default();
        self.changed.values_mut().for_each(|on| *on = None);
        self.flags_unknown |= self.all() != self.base;
        self.older = true;
    }

    fn all(&self) -> i64 {
        self.base + self.added.remote + self.added.local
    }

    /// The same content added on both sides may be taken for one message.
    ///
    /// One that the other side moved away, that a run which was then cut short moved here too, and that somebody moved back here under its own
    /// name, is where it was as far as anybody can know, so it is moved away again. So it is where an older status knows it under that name. Whether
    /// it is in some folder is asked apart.
    fn least(&self) -> i64 {
        let back = |side: Side| match self.older {
            true => self.own_names[side],
            false => self.moved_in[side].min(self.removed_base[side.other()]),
        };
        let added = |side: Side| self.added[side] - back(side);
        let added = added(Side::Remote).max(added(Side::Local));
        (self.base + added - self.removed.remote - self.removed.local).max(0)
    }

    fn most(&self) -> i64 {
        self.all() - self.removed_base.remote.max(self.removed_base.local)
    }

    fn wants(&self, flag: &str) -> Option<bool> {
        self.changed.get(flag).copied().unwrap_or_else(|| Some(self.flags.contains(flag)))
    }
}

/// Everything that must be true.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    stories: BTreeMap<(String, Content), Story>,
    pub(crate) folders: BTreeSet<String>,
    /// Where what was recorded when all was last in step is not there any more.
    forgotten: BTreeSet<String>,
    /// Contents of which a copy was removed, not moved, since all was in step.
    deleted: BTreeSet<Content>,
    /// A message that was changed on one side and removed on the other may be there or not.
    change_may_win: bool,
}

/// Copies that a folder has: the flags of each.
pub(crate) type Found = BTreeMap<(String, Content), Vec<FlagSet>>;

impl Model {
    pub(crate) fn with_folder(name: &str) -> Model {
        Model { folders: BTreeSet::from([name.to_owned()]), ..Model::default() }
    }

    fn story(&mut self, folder: &str, content: Content) -> &mut Story {
        self.stories.entry((folder.to_owned(), content)).or_default()
    }

    pub(crate) fn added(&mut self, side: Side, folder: &str, content: Content, flags: &FlagSet) {
        self.folders.insert(folder.to_owned());
        // One that is or was elsewhere may be taken for moved, and flags go along.
        let elsewhere = self.knows(content);
        let story = self.story(folder, content);
        story.flags_unknown |= elsewhere;
        story.added[side] += 1;
        story.flags.clone_from(flags);
    }

    /// Whether it is or was somewhere.
    pub(crate) fn knows(&self, content: Content) -> bool {
        self.stories.keys().any(|(_, other)| *other == content)
    }

    /// One more, of whose flags nothing is known.
    pub(crate) fn copied(&mut self, side: Side, folder: &str, content: Content, own_name: bool) {
        self.added(side, folder, content, &FlagSet::new());
        let older = self.forgotten.contains(folder);
        let story = self.story(folder, content);
        story.flags_unknown = true;
        story.older |= older;
        story.own_names[side] += i64::from(own_name);
    }

    /// `settled`: it was there when all was in step.
    pub(crate) fn removed(&mut self, side: Side, folder: &str, content: Content, settled: bool) {
        self.deleted.insert(content);
        self.taken_out(side, folder, content, settled);
    }

    fn taken_out(&mut self, side: Side, folder: &str, content: Content, settled: bool) {
        let story = self.story(folder, content);
        story.removed[side] += 1;
        story.removed_base[side] += i64::from(settled);
        story.flags_unknown = true;
    }

    pub(crate) fn moved(&mut self, side: Side, from: &str, content: Content, settled: bool, to: &str, own_name: bool) {
        self.taken_out(side, from, content, settled);
        self.copied(side, to, content, own_name);
        self.story(to, content).moved_in[side] += 1;
    }

    pub(crate) fn flagged(
        &mut self,
        side: Side,
        folder: &str,
        content: Content,
        settled: bool,
        flag: &'static str,
        on: bool,
    ) {
        let forgotten = self.forgotten.contains(folder);
        let story = self.story(folder, content);
        // The same flag changed twice, or cleared before it was recorded: that depends on what was recorded in between.
        let known =
            !forgotten && !story.changed.contains_key(flag) && (settled || on) && story.added[side.other()] == 0;
        story.changed.insert(flag, known.then_some(on));
    }

    /// A run let changes win over removals: a message that was changed on one side and removed on the other may be back.
    pub(crate) fn let_changes_win(&mut self) {
        self.change_may_win = true;
    }

    /// What was recorded is lost, or is that of an earlier day: what was removed on one side alone may be taken for new on the other, and
    /// a flag that was changed may be as it was. Everything else holds as ever.
    pub(crate) fn forgotten(&mut self) {
        self.forgotten.extend(FOLDERS.map(str::to_owned));
        self.stories.values_mut().for_each(Story::forget);
    }

    /// The same for one folder, which is paired anew.
    pub(crate) fn forgotten_in(&mut self, folder: &str) {
        self.forgotten.insert(folder.to_owned());
        self.stories.iter_mut().filter(|((other, _), _)| other == folder).for_each(|(_, story)| story.forget());
    }

    /// A folder is gone on one side with these copies, of each of which it is told whether it was there when all was in step. What the other
    /// side has, it keeps, as if it had come there.
    pub(crate) fn folder_removed(&mut self, side: Side, folder: &str, copies: &[(Content, bool)]) {
        self.folders.remove(folder);
        for (content, settled) in copies {
            self.deleted.insert(*content);
            let story = self.story(folder, *content);
            match settled {
                true => {
                    story.base -= 1;
                    story.added[side.other()] += 1;
                }
                false => story.removed[side] += 1,
            }
            story.flags_unknown = true;
        }
        self.forgotten_in(folder);
    }

    fn most(&self, story: &Story) -> i64 {
        let changed = self.change_may_win && !story.changed.is_empty();
        if changed { story.all() } else { story.most() }
    }

    /// What is wrong with this, where only these flags can be kept on both sides.
    pub(crate) fn complaints(&self, found: &Found, kept: &FlagSet) -> Vec<String> {
        let none = Vec::new();
        let nobodys = found.keys().filter(|key| !self.stories.contains_key(key));
        let mut complaints: Vec<String> =
            nobodys.map(|key| format!("{key:?} is there and nobody put it there")).collect();
        for (key, story) in &self.stories {
            let copies = found.get(key).unwrap_or(&none);
            let number = copies.len() as i64;
            if number < story.least() {
                complaints.push(format!("{key:?} LOST: {number} instead of {}: {story:?}", story.least()));
            } else if number > self.most(story) {
                complaints.push(format!("{key:?} DOUBLED or back: {number} instead of {}: {story:?}", story.most()));
            }
            if let [flags] = &copies[..]
                && story.all() == 1
                && !story.flags_unknown
            {
                let wrong = kept.iter().filter(|flag| story.wants(flag).is_some_and(|on| flags.contains(*flag) != on));
                complaints.extend(wrong.map(|flag| format!("{key:?}: {flag} is wrong: {flags:?} {story:?}")));
            }
        }
        complaints.extend(self.vanished(found));
        complaints
    }

    /// Contents of which nobody removed a copy and that are in no folder any more.
    fn vanished(&self, found: &Found) -> Vec<String> {
        let held: BTreeSet<Content> = found.keys().map(|(_, content)| *content).collect();
        let known: BTreeSet<Content> = self.stories.keys().map(|(_, content)| *content).collect();
        let lost = known.into_iter().filter(|content| !held.contains(content) && !self.deleted.contains(content));
        lost.map(|content| format!("{content} LOST in every folder")).collect()
    }

    /// All is in step: that is where the next story begins.
    pub(crate) fn settle(&mut self, found: &Found) {
        *self = Model { folders: std::mem::take(&mut self.folders), ..Model::default() };
        for ((folder, content), copies) in found {
            let story = self.story(folder, *content);
            story.base = copies.len() as i64;
            story.flags.clone_from(&copies[0]);
        }
    }
}
