//! What must be true after everything that was done: how often each content is in each folder, and with which flags. Pure.
//!
//! Copies of one content in one folder cannot be told apart, so they are counted. What was removed before it was recorded may come
//! back, since nobody can know that it was not new; what both sides had when all was last in step may not.

use super::story::Story;
use super::{Content, Deed, FlagSet, Found};
use crate::message::Side;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that must be true.
#[derive(Clone, Debug, Default)]
pub struct Model {
    stories: BTreeMap<(String, Content), Story>,
    /// Folders that must be there.
    pub folders: BTreeSet<String>,
    /// Folders that there may be.
    all: &'static [&'static str],
    /// Messages are in files whose names go along with them.
    names_go_along: bool,
    /// Where what was recorded when all was last in step is not there any more.
    forgotten: BTreeSet<String>,
    /// Contents of which a copy was removed, not moved, since all was in step.
    deleted: BTreeSet<Content>,
    /// A folder that had one of these names got the other.
    renamed: Option<[&'static str; 2]>,
    /// A message that was changed on one side and removed on the other may be there or not.
    change_may_win: bool,
    /// An older status was put back since all was in step.
    older: bool,
    /// How many copies were ever removed from a folder.
    removed_ever: BTreeMap<(String, Content), i64>,
}

impl Model {
    /// Of these folders the first is there, and empty.
    pub fn new(all: &'static [&'static str]) -> Model {
        Model { folders: BTreeSet::from([all[0].to_owned()]), all, ..Model::default() }
    }

    /// Messages of one side are in files whose names go along with them: what is or was elsewhere may be taken for moved, and flags go along.
    #[must_use]
    pub fn whose_names_go_along(self) -> Model {
        Model { names_go_along: true, ..self }
    }

    fn story(&mut self, folder: &str, content: Content) -> &mut Story {
        self.stories.entry((folder.to_owned(), content)).or_default()
    }

    /// A user of a side did something. `settled`: the message was there when all was in step.
    pub fn note(&mut self, side: Side, deed: &Deed, settled: bool) {
        match deed {
            Deed::Added { folder, content, flags } => self.added(side, folder, *content, flags),
            Deed::Copied { folder, content, own_name } => self.copied(side, folder, *content, *own_name),
            Deed::Removed { folder, content, .. } => {
                self.deleted.insert(*content);
                self.taken_out(side, folder, *content, settled);
            }
            Deed::Moved { folder, content, to, own_name, .. } => {
                self.taken_out(side, folder, *content, settled);
                self.copied(side, to, *content, *own_name);
                let moved_in = i64::from(self.names_go_along);
                self.story(to, *content).moved_in[side] += moved_in;
            }
            Deed::Flagged { folder, content, flag, on, .. } => {
                self.flagged(side, (folder, *content), settled, flag, *on);
            }
            Deed::Created { folder } => self.expect(folder),
            Deed::Renamed => {}
        }
    }

    fn added(&mut self, side: Side, folder: &str, content: Content, flags: &FlagSet) {
        self.expect(folder);
        let elsewhere = self.names_go_along && self.stories.keys().any(|(_, other)| *other == content);
        let story = self.story(folder, content);
        story.flags_unknown |= elsewhere || story.all() > 0;
        story.added[side] += 1;
        story.flags.clone_from(flags);
    }

    /// One more, of whose flags nothing is known.
    fn copied(&mut self, side: Side, folder: &str, content: Content, own_name: bool) {
        self.added(side, folder, content, &FlagSet::new());
        let older = self.forgotten.contains(folder);
        let story = self.story(folder, content);
        story.flags_unknown = true;
        story.older |= older;
        story.own_names[side] += i64::from(own_name);
    }

    fn taken_out(&mut self, side: Side, folder: &str, content: Content, settled: bool) {
        *self.removed_ever.entry((folder.to_owned(), content)).or_default() += 1;
        let story = self.story(folder, content);
        story.removed[side] += 1;
        story.removed_base[side] += i64::from(settled);
        story.flags_unknown = true;
    }

    fn flagged(&mut self, side: Side, (folder, content): (&str, Content), settled: bool, flag: &'static str, on: bool) {
        let forgotten = self.forgotten.contains(folder);
        let story = self.story(folder, content);
        // The same flag changed twice, or cleared before it was recorded: that depends on what was recorded in between.
        let known =
            !forgotten && !story.changed.contains_key(flag) && (settled || on) && story.added[side.other()] == 0;
        story.changed.insert(flag, known.then_some(on));
    }

    /// A folder must be there from now on, unless it may have got another name.
    fn expect(&mut self, folder: &str) {
        if !self.is_renamed(folder) {
            self.folders.insert(folder.to_owned());
        }
    }

    fn is_renamed(&self, folder: &str) -> bool {
        self.renamed.is_some_and(|names| names.contains(&folder))
    }

    /// Of those added, the two of this content are one message.
    pub fn added_on_both(&mut self, folder: &str, content: Content) {
        self.story(folder, content).added_on_both += 1;
    }

    /// A run let changes win over removals: a message that was changed on one side and removed on the other may be back.
    pub fn let_changes_win(&mut self) {
        self.change_may_win = true;
    }

    /// What was recorded is lost: what was removed on one side alone may be taken for new on the other, and
    /// a flag that was changed may be as it was. Everything else holds as ever.
    pub fn forgotten(&mut self) {
        self.all.iter().for_each(|folder| self.forgotten_in(folder));
    }

    /// What was recorded is that of an earlier day, and stores are such that what it says of removals may be carried out once more.
    pub fn put_back(&mut self) {
        self.older = true;
        self.forgotten();
    }

    /// The same as when it is lost, for one folder, which is paired anew.
    pub fn forgotten_in(&mut self, folder: &str) {
        self.forgotten.insert(folder.to_owned());
        for (_, story) in self.stories.iter_mut().filter(|((other, _), _)| other == folder) {
            story.forget();
            story.flags_unknown |= self.names_go_along && story.all() != story.base;
        }
    }

    /// A folder is gone on one side with these copies, of each of which it is told whether it was there when all was in step. What the other
    /// side has, it keeps, as if it had come there.
    pub fn folder_removed(&mut self, side: Side, folder: &str, copies: &[(Content, bool)]) {
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

    /// A folder was renamed on one side, from one of these names to the other. Whether that is followed depends on what else happened to it. If it
    /// is not, what was in the folder of the old name is in both: so nothing that was there is missing in the two together, and in neither is more
    /// than there was in the two.
    pub fn renamed(&mut self, names: [&'static str; 2]) {
        self.renamed = Some(names);
        self.folders.retain(|folder| !names.contains(&&**folder));
    }

    /// What is told of both folders of a rename, for each content.
    fn stories_of(&self, renamed: [&str; 2]) -> BTreeMap<Content, Story> {
        let mut both = BTreeMap::<Content, Story>::new();
        for ((_, content), story) in self.stories.iter().filter(|((folder, _), _)| renamed.contains(&&**folder)) {
            let sum = both.entry(*content).or_default();
            sum.base += story.base;
            for side in Side::BOTH {
                sum.added[side] += story.added[side];
                sum.removed[side] += story.removed[side];
            }
        }
        both
    }

    fn complaints_of(&self, renamed: [&str; 2], found: &Found) -> Vec<String> {
        let mut complaints = Vec::new();
        for (content, story) in self.stories_of(renamed) {
            let copies = |folder: &str| found.get(&(folder.to_owned(), content)).map_or(0, Vec::len) as i64;
            let numbers = renamed.map(copies);
            if numbers.iter().sum::<i64>() < story.least() {
                complaints.push(format!("{content} LOST in renamed folders: {numbers:?}: {story:?}"));
            }
            if numbers.iter().any(|number| *number > story.all()) {
                complaints.push(format!("{content} DOUBLED in renamed folders: {numbers:?}: {story:?}"));
            }
        }
        complaints
    }

    fn least(&self, key: &(String, Content), story: &Story) -> i64 {
        let removed_ever = self.removed_ever.get(key).copied().unwrap_or_default();
        if self.older { story.least_with_older(removed_ever) } else { story.least() }
    }

    fn most(&self, story: &Story) -> i64 {
        let changed = self.change_may_win && !story.changed.is_empty();
        if changed { story.all() } else { story.most() }
    }

    /// What is wrong with this, where only these flags can be kept on both sides.
    pub fn complaints(&self, found: &Found, kept: &FlagSet) -> Vec<String> {
        let none = Vec::new();
        let nobodys = found.keys().filter(|(folder, content)| !self.is_told(folder, *content));
        let mut complaints: Vec<String> =
            nobodys.map(|key| format!("{key:?} is there and nobody put it there")).collect();
        complaints.extend(self.renamed.into_iter().flat_map(|names| self.complaints_of(names, found)));
        for (key, story) in self.stories.iter().filter(|((folder, _), _)| !self.is_renamed(folder)) {
            let copies = found.get(key).unwrap_or(&none);
            let (number, least, most) = (copies.len() as i64, self.least(key, story), self.most(story));
            if number < least {
                complaints.push(format!("{key:?} LOST: {number} instead of {least}: {story:?}"));
            } else if number > most {
                complaints.push(format!("{key:?} DOUBLED or back: {number} instead of {most}: {story:?}"));
            }
            let wrong = story.wrong_flags(copies, kept).into_iter();
            complaints.extend(wrong.map(|flag| format!("{key:?}: {flag} is wrong: {copies:?} {story:?}")));
        }
        complaints.extend(self.vanished(found));
        complaints
    }

    /// Whether somebody put it there, under whatever name the folder had.
    fn is_told(&self, folder: &str, content: Content) -> bool {
        let told = |folder: &str| self.stories.contains_key(&(folder.to_owned(), content));
        match self.renamed {
            Some(names) if names.contains(&folder) => names.into_iter().any(told),
            _ => told(folder),
        }
    }

    /// Contents of which nobody removed a copy and that are in no folder any more.
    fn vanished(&self, found: &Found) -> Vec<String> {
        let held: BTreeSet<Content> = found.keys().map(|(_, content)| *content).collect();
        let known: BTreeSet<Content> = self.stories.keys().map(|(_, content)| *content).collect();
        let lost = known.into_iter().filter(|content| !held.contains(content) && !self.deleted.contains(content));
        lost.map(|content| format!("{content} LOST in every folder")).collect()
    }

    /// All is in step, and this is what is there: that is where the next story begins.
    pub fn settle(&mut self, found: &Found) {
        let last = std::mem::take(self);
        let (all, names_go_along) = (last.all, last.names_go_along);
        *self =
            Model { folders: last.folders, all, names_go_along, removed_ever: last.removed_ever, ..Model::default() };
        for ((folder, content), copies) in found {
            let story = self.story(folder, *content);
            story.base = copies.len() as i64;
            story.flags.clone_from(&copies[0]);
        }
    }
}
