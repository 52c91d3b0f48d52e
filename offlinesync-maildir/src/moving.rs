//! Moves messages between two folders of a tree: a rename each, no content is read.

use crate::folder::{MaildirFolder, Touched, remove_others, union};
use crate::keywords::Vocabulary;
use crate::name::{self, FileName};
use crate::names::{Found, Names};
use offlinesync_core::{Keywords, MessageId, Result};
use std::io;

/// A move on its way.
struct Move<'m> {
    to: &'m mut MaildirFolder,
    /// What letters mean where the messages come from.
    theirs: Vocabulary,
    /// What letters mean where they go.
    ours: Vocabulary,
    fresh: bool,
    left: Touched,
    entered: Touched,
}

impl MaildirFolder {
    /// Answers, in order, what each message is called in the other folder. `None` in all: nothing was moved and the first message
    /// could not be (the folder may be on another file system).
    pub(crate) fn move_to(
        &mut self,
        ids: &[MessageId],
        to: &mut MaildirFolder,
    ) -> Result<Option<Vec<Option<MessageId>>>> {
        to.bases()?;
        let theirs = self.vocabulary_for(&Keywords::default())?;
        let ours = to.vocabulary_for(&self.keywords_of(ids, &theirs)?)?;
        let mut moving = Move { to, theirs, ours, fresh: false, left: Touched::default(), entered: Touched::default() };
        let mut moved: Vec<Option<MessageId>> = Vec::with_capacity(ids.len());
        for id in ids {
            match self.move_one(id, &mut moving) {
                Ok(new) => moved.push(new),
                Err(_) if moved.iter().all(Option::is_none) => return Ok(None),
                Err(error) => {
                    self.warn(&error);
                    moved.push(None);
                }
            }
        }
        // The new place first: a crash in between leaves a message in both rather than in neither.
        moving.to.sync(&moving.entered)?;
        self.sync(&moving.left)?;
        Ok(Some(moved))
    }

    fn move_one(&mut self, id: &MessageId, moving: &mut Move<'_>) -> Result<Option<MessageId>> {
        let (separator, there) = (self.config.info_separator, moving.to.directory.clone());
        let disk = self.config.disk.clone();
        let (here, others) = (self.directory.clone(), self.other_names(id)?);
        let (theirs, ours, names, left) = (&moving.theirs, &moving.ours, moving.to.bases()?, &mut moving.left);
        let moved = self.attempt(id, &mut moving.fresh, |found, path| {
            let name = found.parse(separator).ok_or(io::ErrorKind::InvalidData)?;
            let whole = name_there(&name, names, &ours.translate(name.letters(), theirs), separator);
            let target = FileName::parse(&whole, separator).ok_or(io::ErrorKind::InvalidData)?;
            let target = Found::new(found.sub(), &target).to_owned();
            remove_others(&disk, path, (&here, &others), left)?;
            disk.rename_new(path, &target.path(&there))?;
            Ok(target)
        })?;
        let Some(target) = moved else { return Ok(None) };
        [&mut moving.left, &mut moving.entered].into_iter().for_each(|touched| touched.mark(target.sub()));
        if let (MessageId::Name(id), Some(names)) = (id, &mut self.names) {
            names.forget(id);
        }
        let id = MessageId::Name(target.id().into());
        moving.to.put(target.borrowed());
        Ok(Some(id))
    }

    /// The keywords of these messages, for which the folder they move to needs letters.
    fn keywords_of(&mut self, ids: &[MessageId], vocabulary: &Vocabulary) -> Result<Keywords> {
        let separator = self.config.info_separator;
        let names = self.names()?;
        let found = ids.iter().filter_map(|id| match id {
            MessageId::Name(id) => names.get(id)?.into_name(separator),
            MessageId::Uid(_) => None,
        });
        let sets: Vec<Keywords> = found.map(|name| vocabulary.flags(name.letters()).keywords).collect();
        Ok(union(sets.iter()))
    }
}

/// The base stays unless a message there has it; a claim about a partner is void in another folder.
fn name_there(name: &FileName<'_>, names: &Names, letters: &str, separator: char) -> String {
    let mut base = name.base().to_owned();
    let mut n = 2;
    while names.has_base(&base) {
        base = name::other_base(name.base(), n);
        n += 1;
    }
    let bare = name.with_partner(None);
    let whole = format!("{base}{}", &bare[name.base().len()..]);
    match FileName::parse(&whole, separator) {
        Some(parsed) if parsed.letters() != letters => parsed.with_letters(letters),
        _ => whole,
    }
}
