//! What must be true after everything that was done: how often each message is in each folder, and with which flags. Pure.
//!
//! Copies of one content in one folder cannot be told apart, so they are counted. What was removed before it was recorded may come
//! back, since nobody can know that it was not new; what both sides had when all was last found in step may not.

use crate::store::Found;
use std::collections::{BTreeMap, BTreeSet};

/// What was done to the copies of one message in one folder since all was last found in step.
#[derive(Clone, Debug, Default)]
struct Story {
    /// Copies when all was in step.
    base: i64,
    /// Added by each side.
    added: [i64; 2],
    /// Removed by each side.
    removed: [i64; 2],
    /// Of those, copies that both sides had.
    removed_base: [i64; 2],
    /// Of what was added, copies moved in from another folder.
    moved_in: [i64; 2],
    /// Flags when all was in step, or with which it was added.
    flags: BTreeSet<String>,
    /// Flags that must be as said, or that nobody can tell any more.
    changed: BTreeMap<String, Option<bool>>,
    /// Nothing can be said of its flags.
    flags_unknown: bool,
}

impl Story {
    fn all(&self) -> i64 {
        self.base + self.added[0] + self.added[1]
    }

    /// The same message added on both sides may be taken for one: at the first meeting, or because an upload of it was cut short.
    ///
    /// One that the other side moved away, that a run which was then killed moved here too, and that somebody moved back here, is where
    /// it was as far as anybody can know, so it is moved away again. Whether it is in some folder is asked in [`Model::vanished`].
    fn least(&self) -> i64 {
        let added = |side: usize| self.added[side] - self.moved_in[side].min(self.removed_base[1 - side]);
        let added = added(0).max(added(1));
        (self.base + added - self.removed[0] - self.removed[1]).max(0)
    }

    fn most(&self) -> i64 {
        self.all() - self.removed_base[0].max(self.removed_base[1])
    }
}

type Key = (String, Vec<u8>);

/// Everything that must be true.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    stories: BTreeMap<Key, Story>,
    /// Messages that each side had when all was in step, by folder and id.
    settled: [BTreeSet<(String, String)>; 2],
    pub(crate) folders: BTreeSet<String>,
    /// How often each message was ever added.
    written: BTreeMap<Vec<u8>, u32>,
    /// Messages of which a copy was removed, not moved, since all was in step.
    deleted: BTreeSet<Vec<u8>>,
}

impl Model {
    fn story(&mut self, folder: &str, content: &[u8]) -> &mut Story {
        self.stories.entry((folder.to_owned(), content.to_owned())).or_default()
    }

    pub(crate) fn added(&mut self, side: usize, folder: &str, content: &[u8], flags: &BTreeSet<String>) {
        *self.written.entry(content.to_owned()).or_default() += 1;
        self.come_in(side, folder, content, flags);
    }

    fn come_in(&mut self, side: usize, folder: &str, content: &[u8], flags: &BTreeSet<String>) {
        let story = self.story(folder, content);
        story.flags_unknown |= story.all() > 0;
        story.added[side] += 1;
        story.flags.clone_from(flags);
    }

    /// Whether there was ever only one: which copy is paired with which is open, and with it the dates.
    pub(crate) fn is_unique(&self, content: &[u8]) -> bool {
        self.written.get(content).is_none_or(|times| *times < 2)
    }

    pub(crate) fn removed(&mut self, side: usize, folder: &str, message: &Found) {
        self.deleted.insert(message.content.clone());
        self.taken_out(side, folder, message);
    }

    fn taken_out(&mut self, side: usize, folder: &str, message: &Found) {
        let settled = self.settled[side].contains(&(folder.to_owned(), unique(message)));
        let story = self.story(folder, &message.content);
        story.removed[side] += 1;
        story.removed_base[side] += i64::from(settled);
        story.flags_unknown = true;
    }

    pub(crate) fn moved(&mut self, side: usize, folder: &str, message: &Found, to: &str) {
        self.taken_out(side, folder, message);
        self.come_in(side, to, &message.content, &message.flags);
        let story = self.story(to, &message.content);
        story.moved_in[side] += 1;
        story.flags_unknown = true;
    }

    pub(crate) fn flagged(&mut self, side: usize, folder: &str, message: &Found, flag: &str, on: bool) {
        let settled = self.settled[side].contains(&(folder.to_owned(), unique(message)));
        let story = self.story(folder, &message.content);
        // The same flag changed twice, or cleared before it was recorded: that depends on what was recorded in between.
        let known = !story.changed.contains_key(flag) && (settled || on);
        story.changed.insert(flag.to_owned(), known.then_some(on));
    }

    /// What is wrong in a folder that holds these messages on both sides.
    pub(crate) fn complaints(&self, folder: &str, found: &[Found]) -> Vec<String> {
        let mut held: BTreeMap<&[u8], Vec<&Found>> = BTreeMap::new();
        found.iter().for_each(|message| held.entry(&message.content).or_default().push(message));
        let mut complaints = Vec::new();
        for (content, messages) in &held {
            if !self.stories.contains_key(&(folder.to_owned(), content.to_vec())) {
                complaints.push(format!("{folder}: altered, nobody wrote this: {}", shown(messages[0])));
            }
        }
        for ((_, content), story) in self.stories.iter().filter(|((place, _), _)| place == folder) {
            let messages = held.get(&content[..]).map_or(&[][..], |messages| &messages[..]);
            let number = messages.len() as i64;
            let text = || format!("{:?} {story:?}", String::from_utf8_lossy(&content[..content.len().min(200)]));
            if number < story.least() {
                complaints.push(format!("{folder}: LOST, {number} instead of {} of {}", story.least(), text()));
            } else if number > story.most() {
                complaints.push(format!(
                    "{folder}: DOUBLED or back, {number} instead of {} of {}",
                    story.most(),
                    text()
                ));
            }
            if let [one] = messages
                && story.all() == 1
                && !story.flags_unknown
            {
                complaints.extend(flag_complaints(story, one).map(|what| format!("{folder}: {what} of {}", text())));
            }
        }
        complaints
    }

    /// Messages that nobody removed and that are in no folder any more.
    pub(crate) fn vanished(&self, found: &BTreeMap<String, [Vec<Found>; 2]>) -> Vec<String> {
        let held: BTreeSet<&[u8]> = found.values().flatten().flatten().map(|message| &message.content[..]).collect();
        let known: BTreeSet<&Vec<u8>> = self.stories.keys().map(|(_, content)| content).collect();
        let lost = known.into_iter().filter(|content| !held.contains(&content[..]) && !self.deleted.contains(*content));
        lost.map(|content| format!("LOST in every folder: {:?}", String::from_utf8_lossy(content))).collect()
    }

    /// All was found in step: that is where the next story begins.
    pub(crate) fn settle(&mut self, folders: &BTreeMap<String, [Vec<Found>; 2]>) {
        let written = std::mem::take(&mut self.written);
        *self = Model { folders: folders.keys().cloned().collect(), written, ..Model::default() };
        for (folder, sides) in folders {
            for message in &sides[0] {
                let story = self.story(folder, &message.content);
                story.base += 1;
                story.flags.clone_from(&message.flags);
            }
            for (side, messages) in sides.iter().enumerate() {
                self.settled[side].extend(messages.iter().map(|message| (folder.clone(), unique(message))));
            }
        }
    }
}

fn unique(message: &Found) -> String {
    message.id.split('|').next().unwrap_or_default().to_owned()
}

fn flag_complaints<'a>(story: &'a Story, message: &'a Found) -> impl Iterator<Item = String> + 'a {
    let names: BTreeSet<&String> = story.flags.iter().chain(story.changed.keys()).chain(&message.flags).collect();
    names.into_iter().filter_map(|name| {
        let expected = match story.changed.get(name) {
            Some(None) => return None,
            Some(Some(on)) => *on,
            None => story.flags.contains(name),
        };
        let is = message.flags.contains(name);
        (is != expected).then(|| format!("flag {name} is {is}, not {expected}"))
    })
}

/// Short words for a message.
pub(crate) fn shown(message: &Found) -> String {
    let head: String = String::from_utf8_lossy(&message.content).chars().take(200).collect();
    format!("{} {} octets, {:?}, {}: {head:?}", message.id, message.content.len(), message.flags, message.arrived)
}
