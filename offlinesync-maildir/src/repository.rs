//! The tree of folders: finding them, making them. Reads directories, never `cur`, `new` or `tmp`.

use crate::config::MaildirConfig;
use crate::folder::MaildirFolder;
use crate::layout::{self, Layout};
use crate::mbsync::MbsyncNumbers;
use crate::stamp::{Moment, Probe, Stamp};
use crate::tree;
use offlinesync_core::{
    Error, ErrorKind, Event, Folder, FolderEntry, FolderList, FolderName, MessageId, Repository, Result, Witness,
};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Folders under way at a time. A disk answers fewer at once well, but most of them wait for the other side.
const PARALLELISM: usize = 16;

/// A tree of Maildirs below one directory.
#[derive(Clone, Debug)]
pub struct MaildirRepository {
    config: Arc<MaildirConfig>,
}

impl MaildirRepository {
    /// Takes a configuration; touches no file. Refuses values under which names could not be read back.
    pub fn new(config: MaildirConfig) -> Result<Self> {
        config.check()?;
        Ok(MaildirRepository { config: Arc::new(config) })
    }

    /// The directory of a folder, whether it exists or not. Refuses a name that can be no directory.
    pub fn directory(&self, folder: &FolderName) -> Result<PathBuf> {
        Ok(self.config.root.join(self.layout().directory(folder)?))
    }

    /// The messages of a folder whose file was made, renamed or moved in at this moment or later, as far as the file system tells (it notes
    /// a change of a file when that is renamed).
    ///
    /// # Errors
    /// The folder cannot be listed, or a file not be looked at.
    pub fn changed_since(&self, folder: &FolderName, moment: SystemTime) -> Result<BTreeSet<MessageId>> {
        MaildirFolder::new(&self.config, folder)?.changed_since(moment)
    }

    /// The messages of a folder that mbsync has numbered, in their names (`,U=`) or in a database (`AltMap`); `None` if it numbers none here.
    ///
    /// # Errors
    /// The folder cannot be listed; what tells the numbers cannot be read; two messages have one number.
    pub fn mbsync_numbers(&self, folder: &FolderName) -> Result<Option<MbsyncNumbers>> {
        MaildirFolder::new(&self.config, folder)?.mbsync_numbers()
    }

    /// Gives messages of a folder numbers of mbsync's, in this order, where they have none; the names of their files tell them from then
    /// on. Ids of messages that are not there any more get numbers, too. Durable on return. mbsync must not run meanwhile.
    ///
    /// # Errors
    /// The folder cannot be listed; its numbers are in a database; a file cannot be renamed.
    pub fn number_for_mbsync(&self, folder: &FolderName, ids: &[MessageId]) -> Result<MbsyncNumbers> {
        MaildirFolder::new(&self.config, folder)?.number_for_mbsync(ids)
    }

    pub(crate) fn config(&self) -> &Arc<MaildirConfig> {
        &self.config
    }

    fn layout(&self) -> Layout {
        Layout::of(self.config.separator)
    }

    fn error(&self, path: &Path, error: io::Error) -> Error {
        Error::io(path.display(), error, ErrorKind::Storage).at(&self.config.name)
    }

    fn missing_root(&self) -> Error {
        let message = format!("{}: {} is not a directory", self.config.name, self.config.root.display());
        Error::new(ErrorKind::Storage, message)
            .with_hint("is a disk not mounted? if the path is right, make the directory")
    }

    /// The folder in a directory, if it is one.
    fn entry(&self, directory: &Path) -> Result<Option<FolderEntry>> {
        let now = Moment::now();
        let probe = Stamp::probe(directory).map_err(|e| self.error(directory, e))?;
        let relative = directory.strip_prefix(&self.config.root).unwrap_or(directory);
        let stamp = match probe {
            Probe::Nothing => return Ok(None),
            Probe::Broken if relative.as_os_str().is_empty() => return Ok(None),
            Probe::Broken => None,
            Probe::Whole(stamp) => Some(stamp).filter(|stamp| stamp.is_settled(now)),
        };
        let Some(name) = self.layout().folder(relative) else {
            self.warn(&format!("{}: this folder is left out: its name is not UTF-8", directory.display()));
            return Ok(None);
        };
        let witness = stamp.map(|s| Witness { token: s.token(self.config.reading()), covers_flags: true });
        Ok(Some(FolderEntry { witness, ..FolderEntry::named(name) }))
    }

    fn warn(&self, message: &str) {
        let error = Error::new(ErrorKind::Folder, message).at(&self.config.name);
        self.config.observer.event(&Event::Warning { error: &error });
    }

    /// Makes a directory and its parents below the root; makes durable what it made.
    fn make_parents(&self, relative: &Path) -> Result<()> {
        let mut directory = self.config.root.clone();
        for component in relative.components() {
            let parent = directory.clone();
            directory.push(component);
            self.check_spelling(&parent, &directory)?;
            self.config
                .disk
                .ensure_dir(&directory)
                .and_then(|()| self.sync(&parent))
                .map_err(|e| self.error(&directory, e))?;
        }
        Ok(())
    }

    /// Refuses a directory that exists under another spelling only, as on a file system that ignores case.
    fn check_spelling(&self, parent: &Path, directory: &Path) -> Result<()> {
        if fs::symlink_metadata(directory).is_err() {
            return Ok(());
        }
        let entries = fs::read_dir(parent).and_then(|entries| {
            entries.map(|e| e.map(|e| e.file_name().to_string_lossy().into_owned())).collect::<io::Result<Vec<_>>>()
        });
        let entries = entries.map_err(|e| self.error(parent, e))?;
        let wanted = directory.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
        match layout::other_spelling(&wanted, &entries) {
            None => Ok(()),
            Some(other) => {
                let message = format!(
                    "{}: the file system takes this name for {other:?}, which is another folder",
                    directory.display()
                );
                Err(Error::new(ErrorKind::Folder, message).with_hint("translate one of the two names (nametrans)"))
            }
        }
    }

    /// Whether an entry of the root (or the root itself, if it is empty) can be reached by a name in another case.
    fn ignores_case(&self) -> Option<bool> {
        let entries: Vec<PathBuf> = fs::read_dir(&self.config.root).ok()?.map_while(|e| Some(e.ok()?.path())).collect();
        let candidates = entries.iter().chain([&self.config.root]);
        let (path, other) = candidates.into_iter().find_map(|path| {
            let other = path.with_file_name(layout::other_case(path.file_name()?.to_str()?)?);
            (!entries.contains(&other)).then_some((path, other))
        })?;
        let (one, other) = (fs::metadata(path).ok()?, fs::metadata(other).ok()?);
        Some((one.dev(), one.ino()) == (other.dev(), other.ino()))
    }

    /// `false`: something bears the new name already.
    fn rename_one(&self, from: &FolderName, to: &FolderName) -> Result<bool> {
        let at = |name: &FolderName| self.layout().directory(name).map_err(|e| e.at(&self.config.name));
        let relative = at(to)?;
        let (from, to) = (self.config.root.join(at(from)?), self.config.root.join(&relative));
        if let Some(parent) = relative.parent() {
            self.make_parents(parent)?;
            self.check_spelling(&self.config.root.join(parent), &to)?;
        }
        // The new place first: a crash in between leaves it in both rather than in neither.
        let parents = [&to, &from].map(|path| path.parent().unwrap_or(&self.config.root));
        let renamed = self.config.disk.rename_new(&from, &to);
        match renamed.and_then(|()| parents.iter().try_for_each(|parent| self.sync(parent))) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Error::io(from.display(), error, ErrorKind::Folder).at(&self.config.name)),
        }
    }

    fn taken(&self, name: &FolderName) -> Error {
        let message = format!("a folder below was not renamed to '{name}': something bears that name already");
        Error::new(ErrorKind::Folder, message).at(&self.config.name)
    }

    fn sync(&self, directory: &Path) -> io::Result<()> {
        if self.config.fsync { self.config.disk.sync_dir(directory) } else { Ok(()) }
    }

    /// Makes a folder in one step, so that a crash leaves the whole of it or nothing that looks like one.
    fn make_whole(&self, directory: &Path) -> io::Result<()> {
        let parent = directory.parent().unwrap_or(&self.config.root);
        self.clear_unfinished(parent);
        let unfinished = (0..).map(|n| parent.join(layout::unfinished(n)));
        for path in unfinished {
            match self.config.disk.make_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            let made = self.fill(&path).and_then(|()| self.config.disk.rename_new(&path, directory));
            if made.is_err() {
                let _ = self.config.disk.remove_tree(&path);
            }
            return made.and_then(|()| self.sync(parent));
        }
        Ok(())
    }

    /// Takes away what a run that was killed left of a folder it was making: where the killed run made one, the next makes it. Nothing but
    /// empty directories goes, and none whose process is still there.
    fn clear_unfinished(&self, parent: &Path) {
        let Ok(entries) = fs::read_dir(parent) else { return };
        let left_behind = |name: &str| {
            let maker = layout::maker(name).and_then(Pid::from_raw);
            maker.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
        };
        for entry in entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(left_behind)) {
            let path = entry.path();
            for directory in layout::OWN.iter().map(|own| path.join(own)).chain([path.clone()]) {
                let _ = self.config.disk.remove_empty_dir(&directory);
            }
        }
    }

    fn fill(&self, directory: &Path) -> io::Result<()> {
        layout::OWN.iter().try_for_each(|own| self.config.disk.ensure_dir(&directory.join(own)))?;
        self.sync(directory)
    }

    fn make(&self, directory: &Path) -> io::Result<()> {
        if !directory.is_dir() {
            match self.make_whole(directory) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
        self.fill(directory)
    }
}

impl Repository for MaildirRepository {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn separator(&self) -> Option<char> {
        Some(self.config.separator)
    }

    fn exists(&self) -> Result<bool> {
        match fs::metadata(&self.config.root) {
            Ok(metadata) if metadata.is_dir() => Ok(true),
            Ok(_) => Err(self.missing_root()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.error(&self.config.root, error)),
        }
    }

    fn initialize(&self) -> Result<()> {
        let root = &self.config.root;
        let missing: Vec<&Path> = root.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.is_dir()).collect();
        for directory in missing.into_iter().rev() {
            let parent = directory.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            self.config
                .disk
                .ensure_dir(directory)
                .and_then(|()| self.sync(parent))
                .map_err(|e| self.error(directory, e))?;
        }
        Ok(())
    }

    fn list(&self) -> Result<FolderList> {
        if !self.exists()? {
            return Err(self.missing_root());
        }
        let mut list = FolderList { separator: Some(self.config.separator), folders: Vec::new() };
        let deep = self.layout() == Layout::Nested;
        let directories = tree::directories(&self.config.root, deep);
        for directory in directories.map_err(|(path, error)| self.error(&path, error))? {
            list.folders.extend(self.entry(&directory)?);
        }
        Ok(list)
    }

    fn open(&self, folder: &FolderName) -> Result<Box<dyn Folder>> {
        Ok(Box::new(MaildirFolder::new(&self.config, folder)?))
    }

    fn create(&self, folder: &FolderName) -> Result<()> {
        let relative = self.layout().directory(folder).map_err(|e| e.at(&self.config.name))?;
        if !self.exists()? {
            return Err(self.missing_root());
        }
        let directory = self.config.root.join(&relative);
        if let Some(parent) = relative.parent() {
            self.make_parents(parent)?;
            self.check_spelling(&self.config.root.join(parent), &directory)?;
        }
        self.make(&directory).map_err(|e| self.error(&directory, e))
    }

    fn rename(&self, from: &FolderName, to: &FolderName, below: &[(FolderName, FolderName)]) -> Result<bool> {
        if from.as_str().is_empty() || !self.rename_one(from, to)? {
            return Ok(false);
        }
        if self.layout() == Layout::Flat {
            for (from, to) in below {
                if !self.rename_one(from, to)? {
                    return Err(self.taken(to));
                }
            }
        }
        Ok(true)
    }

    fn parallelism(&self) -> usize {
        PARALLELISM
    }

    fn case_sensitive(&self) -> bool {
        self.ignores_case() != Some(true)
    }
}
