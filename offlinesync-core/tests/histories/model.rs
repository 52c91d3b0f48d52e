//! What must be true after everything that was done: how often each content is in each folder, and with which flags. Pure.
//!
//! Copies of one content in one folder cannot be told apart, so they are counted. What was removed before it was recorded may come
//! back, since nobody can know that it was not new; what both sides had when all was last in step may not.

use crate::{FOLDERS, RENAMED};
use offlinesync_core::{PerSide, Side};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Content = u32;

/// What happened to the copies of one content in one folder since all was in step.
#[derive(Clone, Debug, Default)]
struct Story {
    /// Copies when all was in step.
    base: i64,
    added: PerSide<i64>,
    /// Of those added, how many came on both sides at once and must be taken for one message each.
    added_on_both: i64,
    removed: PerSide<i64>,
    /// Of those removed, copies that both sides had when all was in step.
    removed_base: PerSide<i64>,
    /// Flags when all was in step, or with which it was added.
    flags: BTreeSet<&'static str>,
    /// Flags that must be as said, or that nobody can tell any more.
    changed: BTreeMap<&'static str, Option<bool>>,
    flags_unknown: bool,
}

impl Story {
    fn forget(&mut self) {
        self.removed_base = PerSide::default();
        self.changed.values_mut().for_each(|on| *on = None);
    }

    fn all(&self) -> i64 {
        self.base + self.added.remote + self.added.local
    }

    /// The same content added on both sides may be taken for one message.
    fn least(&self) -> i64 {
        let added = self.added.remote.max(self.added.local);
        (self.base + added - self.removed.remote - self.removed.local).max(0)
    }

    /// The same where an older status was put back: a removal of an earlier day, which had been forgotten together with the status that knew of it, may
    /// be made once more. It takes one copy of several, never the last.
    fn least_with_older(&self, removed_ever: i64) -> i64 {
        let earlier = removed_ever - self.removed.remote - self.removed.local;
        let least = self.least();
        (least - earlier.min(self.base)).max(least.min(1))
    }

    fn most(&self) -> i64 {
        self.all() - self.added_on_both - self.removed_base.remote.max(self.removed_base.local)
    }
}

/// Everything that must be true.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    stories: BTreeMap<(String, Content), Story>,
    pub(crate) folders: BTreeSet<String>,
    /// Where what was recorded when all was last in step is not there any more.
    forgotten: BTreeSet<String>,
    /// A folder was renamed.
    renamed: bool,
    /// An older status was put back since all was in step.
    older: bool,
    /// How many copies were ever removed from a folder.
    removed_ever: BTreeMap<(String, Content), i64>,
}

/// Copies that a folder has: the flags of each.
pub(crate) type Found = BTreeMap<(String, Content), Vec<BTreeSet<&'static str>>>;

impl Model {
    pub(crate) fn with_folder(name: &str) -> Model {
        Model { folders: BTreeSet::from([name.to_owned()]), ..Model::default() }
    }

    fn story(&mut self, folder: &str, content: Content) -> &mut Story {
        self.stories.entry((folder.to_owned(), content)).or_default()
    }

    pub(crate) fn added(&mut self, side: Side, folder: &str, content: Content, flags: &BTreeSet<&'static str>) {
        self.expect(folder);
        let story = self.story(folder, content);
        story.flags_unknown |= story.all() > 0;
        story.added[side] += 1;
        story.flags.clone_from(flags);
    }

    /// A folder must be there from now on, unless it may have got another name.
    pub(crate) fn expect(&mut self, folder: &str) {
        if !(self.renamed && RENAMED.contains(&folder)) {
            self.folders.insert(folder.to_owned());
        }
    }

    /// Of those added next, the two of this content are one message.
    pub(crate) fn added_on_both(&mut self, folder: &str, content: Content) {
        self.story(folder, content).added_on_both += 1;
    }

    /// `settled`: it was there when all was in step.
    pub(crate) fn removed(&mut self, side: Side, folder: &str, content: Content, settled: bool) {
        *self.removed_ever.entry((folder.to_owned(), content)).or_default() += 1;
        let story = self.story(folder, content);
        story.removed[side] += 1;
        story.removed_base[side] += i64::from(settled);
        story.flags_unknown = true;
    }

    pub(crate) fn moved(&mut self, side: Side, from: &str, content: Content, settled: bool, to: &str) {
        self.removed(side, from, content, settled);
        self.added(side, to, content, &BTreeSet::new());
        self.story(to, content).flags_unknown = true;
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

    /// What was recorded is lost: what was removed on one side alone may be taken for new on the other, and
    /// a flag that was changed may be as it was. Everything else holds as ever.
    pub(crate) fn forgotten(&mut self) {
        self.forgotten.extend(FOLDERS.map(str::to_owned));
        self.stories.values_mut().for_each(Story::forget);
    }

    /// What was recorded is that of an earlier day.
    pub(crate) fn put_back(&mut self) {
        self.older = true;
        self.forgotten();
    }

    /// The same as when it is lost, for one folder, which is paired anew.
    pub(crate) fn forgotten_in(&mut self, folder: &str) {
        self.forgotten.insert(folder.to_owned());
        self.stories.iter_mut().filter(|((other, _), _)| other == folder).for_each(|(_, story)| story.forget());
    }

    /// A folder was renamed on one side. Whether that is followed depends on what else happened to it. If it is not, what was in the folder of
    /// the old name is in both: so nothing that was there is missing in the two together, and in neither is more than there was in the two.
    pub(crate) fn renamed(&mut self) {
        self.renamed = true;
        self.folders.retain(|folder| !RENAMED.contains(&&**folder));
    }

    /// What is told of both folders of a rename, for each content.
    fn stories_of_renamed(&self) -> BTreeMap<Content, Story> {
        let mut both = BTreeMap::<Content, Story>::new();
        for ((_, content), story) in self.stories.iter().filter(|((folder, _), _)| RENAMED.contains(&&**folder)) {
            let sum = both.entry(*content).or_default();
            sum.base += story.base;
            for side in Side::BOTH {
                sum.added[side] += story.added[side];
                sum.removed[side] += story.removed[side];
            }
        }
        both
    }

    fn complaints_of_renamed(&self, found: &Found) -> Vec<String> {
        let mut complaints = Vec::new();
        for (content, story) in self.stories_of_renamed() {
            let copies = |folder: &str| found.get(&(folder.to_owned(), content)).map_or(0, Vec::len) as i64;
            let numbers = RENAMED.map(copies);
            if numbers.iter().sum::<i64>() < story.least() {
                complaints.push(format!("{content} LOST in renamed folders: {numbers:?}: {story:?}"));
            }
            if numbers.iter().any(|number| *number > story.all()) {
                complaints.push(format!("{content} DOUBLED in renamed folders: {numbers:?}: {story:?}"));
            }
        }
        complaints
    }

    /// What is wrong with this, where only these flags can be kept on both sides.
    pub(crate) fn complaints(&self, found: &Found, kept: &BTreeSet<&'static str>) -> Vec<String> {
        let none = Vec::new();
        let apart = |folder: &str| self.renamed && RENAMED.contains(&folder);
        let told = |(folder, content): &(String, Content)| match apart(folder) {
            true => RENAMED.iter().any(|name| self.stories.contains_key(&((*name).to_owned(), *content))),
            false => self.stories.contains_key(&(folder.clone(), *content)),
        };
        let mut complaints: Vec<String> = found
            .keys()
            .filter(|key| !told(key))
            .map(|key| format!("{key:?} is there and nobody put it there"))
            .collect();
        if self.renamed {
            complaints.extend(self.complaints_of_renamed(found));
        }
        for (key, story) in self.stories.iter().filter(|((folder, _), _)| !apart(folder)) {
            let copies = found.get(key).unwrap_or(&none);
            let number = copies.len() as i64;
            let removed_ever = self.removed_ever.get(key).copied().unwrap_or_default();
            let least = if self.older { story.least_with_older(removed_ever) } else { story.least() };
            if number < least {
                complaints.push(format!("{key:?} LOST: {number} instead of {least}: {story:?}"));
            } else if number > story.most() {
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
        complaints
    }

    /// All is in step: that is where the next story begins.
    pub(crate) fn settle(&mut self, found: &Found) {
        self.stories.clear();
        self.forgotten.clear();
        (self.renamed, self.older) = (false, false);
        for ((folder, content), copies) in found {
            let story = self.story(folder, *content);
            story.base = copies.len() as i64;
            story.flags.clone_from(&copies[0]);
        }
    }
}

impl Story {
    fn wants(&self, flag: &str) -> Option<bool> {
        self.changed.get(flag).copied().unwrap_or_else(|| Some(self.flags.contains(flag)))
    }
}
