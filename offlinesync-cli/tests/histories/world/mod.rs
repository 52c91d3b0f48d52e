//! A Maildir on a disk, a server, their users, and the account between them.

mod judging;
mod syncing;

use crate::client::{self, USER};
use crate::deeds::{LocalAct, RemoteAct};
use crate::files::Mailer;
use crate::letters::KINDS;
use crate::{Act, Backend, FOLDERS, Kind, Settings, interrupted};
use offlinesync_core::status::copy_status;
use offlinesync_core::testing::Faults;
use offlinesync_core::testing::histories::{Content, Deed, Model};
use offlinesync_core::{MemoryStatus, MessageId, PerSide, PlainStatus, Side, SqliteStatus, StatusStore};
use offlinesync_imap::testing::server::Server;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

type Checked = std::result::Result<(), TestCaseError>;

pub(crate) struct World {
    directory: TempDir,
    server: Server,
    mailer: Mailer,
    separator: char,
    settings: Settings,
    status: PathBuf,
    faults: Faults,
    model: Model,
    /// Which messages each side had when all was in step.
    settled: PerSide<BTreeSet<(String, MessageId)>>,
    contents: u32,
    /// Somebody removed or moved away what was not recorded.
    removed_early: bool,
    /// What was recorded when each sync began.
    earlier: Vec<MemoryStatus>,
    /// Those before are of syncs of which something went wrong in one, or of the time before files were renamed or moved.
    named_since: usize,
    /// Folders were numbered anew or removed since all was in step, or ever.
    doubtful: bool,
    ever_doubtful: bool,
    /// What users of each side removed or moved away, and what syncs removed there, while nothing went wrong.
    gone: PerSide<u64>,
    removed: PerSide<u64>,
    disturbed: bool,
    /// A file had a letter that stands for nothing in its folder. What keywords are there is left alone on both sides from then on.
    strayed: bool,
}

impl World {
    pub(crate) fn new(kind: &Kind) -> World {
        let directory = interrupted::directory();
        let server = Server::start(kind.options.clone());
        let (root, status) = (directory.path().join("mail"), directory.path().join("status"));
        [&root, &status].iter().for_each(|path| fs::create_dir(path).unwrap());
        let mailer = Mailer::new(&root, kind.separator);
        // What only holds others is a folder as well, on both sides from the beginning.
        for folder in ["INBOX", "Lists"] {
            server.create(USER, folder);
            mailer.make(folder);
        }
        let mut world = World {
            directory,
            server,
            mailer,
            separator: kind.separator,
            settings: kind.settings,
            status,
            faults: Faults::new(),
            model: Model::new(&FOLDERS).whose_names_go_along(),
            settled: PerSide::default(),
            contents: 0,
            removed_early: false,
            earlier: Vec::new(),
            named_since: 0,
            doubtful: false,
            ever_doubtful: false,
            gone: PerSide::default(),
            removed: PerSide::default(),
            disturbed: false,
            strayed: false,
        };
        world.set(kind.settings);
        world
    }

    fn set(&mut self, settings: Settings) {
        if settings.backend != self.settings.backend {
            let next = self.open(settings.backend);
            copy_status(&*self.open(self.settings.backend), &*next).unwrap();
        }
        self.settings = settings;
        self.mailer.info = if settings.windows { '!' } else { ':' };
    }

    fn open(&self, backend: Backend) -> Box<dyn StatusStore> {
        match backend {
            Backend::Sqlite => Box::new(self.sqlite()),
            Backend::Plain => Box::new(self.plain()),
        }
    }

    fn sqlite(&self) -> SqliteStatus {
        SqliteStatus::open(self.status.join("account.db"), false).unwrap()
    }

    fn plain(&self) -> PlainStatus {
        PlainStatus::open(self.status.join("plain"), false).unwrap()
    }

    /// Everything that happens, and that all is as it must be in the end.
    pub(crate) fn live(&mut self, history: &[Act]) -> Checked {
        history.iter().try_for_each(|act| self.act(act))?;
        self.settle()
    }

    fn act(&mut self, act: &Act) -> Checked {
        match act {
            Act::Remote(remote) => {
                let content = self.content_for(act);
                let deeds = client::perform(&self.server.mail(), remote, content);
                self.take_note(Side::Remote, deeds);
            }
            Act::Local(local) => {
                let content = self.content_for(act);
                let deeds = self.mailer.perform(local, content, true);
                self.take_note(Side::Local, deeds);
            }
            Act::Renumber { folder } => self.renumber(FOLDERS[*folder]),
            Act::RemoveFolder { side, folder } => self.remove_folder(*side, FOLDERS[*folder]),
            Act::Status { older } => self.forget(older.as_ref()),
            Act::Set(settings) => self.set(*settings),
            Act::Sync(run) if run.is_clean() => self.settle()?,
            Act::Sync(run) => self.disturbed(run),
        }
        Ok(())
    }

    /// The content of a message that is to be added.
    fn content_for(&mut self, act: &Act) -> Content {
        let (again, kind) = match act {
            Act::Remote(RemoteAct::Add { again, kind, .. }) | Act::Local(LocalAct::Deliver { again, kind, .. }) => {
                (again.as_ref(), *kind)
            }
            Act::Local(LocalAct::Edit { kind, .. }) => (None, *kind),
            _ => return 0,
        };
        match again {
            Some(index) if self.contents > 0 => 1 + index.index(self.contents as usize) as u32,
            _ => {
                self.contents += 1;
                while self.contents % KINDS != kind {
                    self.contents += 1;
                }
                self.contents
            }
        }
    }

    fn take_note(&mut self, side: Side, deeds: Vec<Deed>) {
        for deed in deeds {
            let message = deed.message();
            let settled = message.as_ref().is_some_and(|message| self.settled[side].contains(message));
            if let Some(message) = message.filter(|_| deed.takes_away()) {
                self.settled[side].remove(&message);
                self.gone[side] += 1;
                self.removed_early |= !settled;
            }
            if matches!(deed, Deed::Renamed) {
                self.named_since = self.earlier.len();
            }
            self.model.note(side, &deed, settled);
        }
    }

    fn renumber(&mut self, folder: &str) {
        if self.server.names(USER).iter().any(|name| name == folder) {
            self.server.mailbox(USER, folder).renumber();
            self.in_doubt(folder);
            self.model.forgotten_in(folder);
        }
    }

    fn in_doubt(&mut self, folder: &str) {
        (self.doubtful, self.ever_doubtful) = (true, true);
        Side::BOTH.into_iter().for_each(|side| self.settled[side].retain(|(other, _)| other != folder));
    }

    fn remove_folder(&mut self, side: Side, folder: &str) {
        let is_there = |(other, _): &(String, MessageId)| other == folder;
        let settled: BTreeSet<MessageId> =
            self.settled[side].iter().filter(|key| is_there(key)).map(|(_, id)| id.clone()).collect();
        let held: Vec<(Content, MessageId)> = match side {
            Side::Remote => {
                if !self.server.names(USER).iter().any(|name| name == folder) {
                    return;
                }
                let held = client::in_folder(&self.server.mail(), folder);
                self.server.delete(USER, folder);
                held.iter().map(|stored| (stored.content, stored.id())).collect()
            }
            Side::Local => {
                let letters = self.mailer.messages().into_iter().filter(|letter| letter.folder == folder);
                let held = letters.map(|letter| (letter.content, letter.id(self.mailer.info))).collect();
                self.mailer.remove_folder(folder);
                held
            }
        };
        let copies: Vec<(Content, bool)> =
            held.into_iter().map(|(content, id)| (content, settled.contains(&id))).collect();
        self.model.folder_removed(side, folder, &copies);
        self.removed_early |= copies.iter().any(|(_, settled)| !settled);
        self.in_doubt(folder);
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("mail")
    }

    /// What was recorded is gone, or as it was before some sync.
    fn forget(&mut self, older: Option<&prop::sample::Index>) {
        let kept = &self.earlier[self.named_since..];
        let none = MemoryStatus::default();
        let status = older.filter(|_| !kept.is_empty()).map_or(&none, |at| at.get(kept));
        copy_status(status, &*self.open(self.settings.backend)).unwrap();
        self.settled = PerSide::default();
        self.model.forgotten();
        // An older status knows an older numbering.
        self.doubtful |= self.ever_doubtful;
        self.disturbed = true;
    }
}
