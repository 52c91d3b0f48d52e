//! Moving in from mbsync: `offlinesync import mbsync` writes a configuration that does what mbsync's does, and takes over the state of
//! every mailbox, so that the first sync transfers nothing but what is new.
//!
//! ```text
//! rc ─► stores, channel ─► plan ─► names ─► write ─► our file ─► the engine's account ─► take ─► our status
//!  grammar   meaning        │       expressions                                           ▲
//!                    servers' separators                                                state
//! ```
//! `offlinesync export mbsync` goes the way back (`give`): our status becomes mbsync's state.
//!
//! What cannot be expressed is said with its line. Where it would change what happens to mail, the channel is left out.

mod channel;
mod give;
mod lock;
mod names;
mod plan;
mod rc;
pub(crate) mod state;
mod stores;
mod take;
mod write;

use super::{Mark, means, sentence, tell_given, tell_refused, told};
use crate::account::account_for_import;
use crate::args::{Export, Import};
use crate::backend::{Backends, Means};
use crate::config::Config;
use crate::config::discover::{Environment, expand, tilde};
use crate::lock::Lock;
use crate::metadata;
use crate::say::Outcome;
use crate::settings::{AccountSettings, General};
use crate::streams::Streams;
use crate::ui::Who;
use channel::Channel;
use offlinesync_core::wording::{counted, form};
use offlinesync_core::{Error, ErrorKind, MemoryStatus, Observer, PerSide, Result, Side, SqliteStatus, StatusStore};
use plan::{Move, Server};
use rc::{Line, Section};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stores::Store;
use take::{Found, Mover};

const PROGRAM: &str = "mbsync";
/// Where the status of the new accounts is kept.
const METADATA: &str = "~/.offlinesync";

/// What cannot be expressed.
#[derive(Clone, Debug, Default)]
struct Notes {
    remarks: Vec<String>,
    left_out: Vec<String>,
}

impl Notes {
    /// Something that changes nothing about mail.
    fn remark(&mut self, line: &Line, what: &str) {
        self.remark_at(line.number, &format!("`{}`", line.keyword), what);
    }

    fn remark_at(&mut self, number: usize, subject: &str, what: &str) {
        let text = format!("line {number}: {subject} {what}");
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    /// A channel that is left out.
    fn leave_out(&mut self, channel: &Section, why: &Error) {
        self.left_out.push(format!("channel '{}' is left out: {why}", channel.name));
    }

    fn lines(&self) -> impl Iterator<Item = &String> {
        self.left_out.iter().chain(&self.remarks)
    }
}

/// Does it. What goes wrong is told here.
pub fn command(import: &Import, streams: &Arc<Streams>) -> Outcome {
    let importer = Importer::new(import.config.as_deref(), import.write.as_deref(), streams);
    told(importer.and_then(|importer| importer.run()), streams)
}

/// The way back. What goes wrong is told here.
pub fn command_back(export: &Export, streams: &Arc<Streams>) -> Outcome {
    let importer = Importer::new(export.config.as_deref(), export.from.as_deref(), streams);
    told(importer.and_then(|importer| importer.run_back(export.account_list())), streams)
}

struct Importer {
    streams: Arc<Streams>,
    means: Means,
    /// mbsync's configuration.
    from: PathBuf,
    /// Ours.
    to: PathBuf,
}

impl Importer {
    fn new(theirs: Option<&str>, ours: Option<&str>, streams: &Arc<Streams>) -> Result<Self> {
        let environment = &*streams.environment;
        let from = source(theirs, environment)?;
        let to = match ours {
            Some(path) => tilde(path, environment),
            None => config_home(environment).join("offlinesync/config"),
        };
        Ok(Importer { streams: Arc::clone(streams), means: means(streams)?, from, to })
    }

    fn environment(&self) -> &dyn Environment {
        &*self.streams.environment
    }

    fn run(&self) -> Result<Outcome> {
        let (moves, text, notes) = self.convert().map_err(|error| error.at(self.from.display()))?;
        if !self.is_written(&text)? {
            self.announce(&moves, &text)?;
            self.write(&text)?;
        }
        self.streams.out(&format!("wrote {}", self.to.display()));
        for left_out in &notes.left_out {
            self.streams.err(&self.streams.paint(&format!("error: {}: {left_out}", self.from.display())));
        }
        for remark in &notes.remarks {
            self.streams.err(&self.streams.paint(&format!("warning: {}: {remark}", self.from.display())));
        }
        let outcome = if notes.left_out.is_empty() { Outcome::InStep } else { Outcome::Incomplete };
        Ok(outcome.max(self.each(&moves, Importer::take)?))
    }

    fn run_back(&self, accounts: Option<Vec<String>>) -> Result<Outcome> {
        let (mut moves, ..) = self.convert().map_err(|error| error.at(self.from.display()))?;
        moves.retain(|one| accounts.as_ref().is_none_or(|accounts| accounts.contains(&one.account)));
        self.each(&moves, Importer::give)
    }

    /// Does something with every account; what goes wrong with one is told and keeps no other from it.
    fn each(
        &self,
        moves: &[Move],
        does: impl Fn(&Importer, &Move, &Config, &General) -> Result<Outcome>,
    ) -> Result<Outcome> {
        let config = Config::read(&self.to)?;
        let general = General::read(&config, self.environment())?;
        let mut outcome = Outcome::InStep;
        for one in moves {
            outcome = outcome.max(does(self, one, &config, &general).unwrap_or_else(|error| {
                let outcome = Outcome::of(&error);
                self.means.hub.error(Who::Account(&one.account), &error.at(format!("account '{}'", one.account)));
                outcome
            }));
        }
        Ok(outcome)
    }

    /// The accounts, and the text that describes them.
    fn convert(&self) -> Result<(Vec<Move>, String, Notes)> {
        let bytes = fs::read(&self.from)
            .map_err(|error| Error::new(ErrorKind::Configuration, format!("cannot be read: {error}")))?;
        let sections = rc::parse(&String::from_utf8_lossy(&bytes))?;
        let mut notes = Notes::default();
        let channels = plan::channels(&sections, self.environment(), &mut notes);
        let servers = self.servers(&channels)?;
        let (mut moves, mut taken) = (Vec::new(), BTreeSet::new());
        for (channel, stores) in &channels {
            let planned = plan::moves(channel, stores, &servers, &mut taken).and_then(|planned| {
                planned.iter().try_for_each(|one| names::rules(&one.names, &one.chosen).map(drop)).map(|()| planned)
            });
            match planned {
                Ok(planned) => moves.extend(planned),
                Err(error) => notes.left_out.push(format!("channel '{}' is left out: {error}", channel.name)),
            }
        }
        if moves.is_empty() {
            let why = notes.left_out.join("; ");
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("no channel can be taken over; nothing was written: {why}"),
            ));
        }
        group_remarks(&sections, &mut notes);
        let from = self.from.display().to_string();
        let general = write::General { from: &from, metadata: METADATA, globals: &sections[0] };
        let with_utf8: Vec<(Move, bool)> = moves.iter().map(|one| (one.clone(), has_utf8_names(one, &bytes))).collect();
        let text = write::text(&general, &with_utf8, &notes)?;
        Ok((moves, text, notes))
    }

    /// Asks every server how it separates levels and what it puts before names.
    fn servers(&self, channels: &[(Channel, PerSide<Store>)]) -> Result<BTreeMap<String, Server>> {
        let mut servers = BTreeMap::new();
        for (channel, stores) in channels {
            for side in Side::BOTH {
                let name = &channel.ends[side].store;
                if let Store::Imap(store) = &stores[side]
                    && !servers.contains_key(name)
                {
                    let server = self.server(store).map_err(|error| error.at(format!("store '{name}'")))?;
                    servers.insert(name.clone(), server);
                }
            }
        }
        Ok(servers)
    }

    fn server(&self, store: &stores::ImapStore) -> Result<Server> {
        let mut text = "[Account x]\nremoterepository = r\nlocalrepository = l\n[Repository l]\ntype = Maildir\n\
                        localfolders = /\n[Repository r]\ntype = IMAP\n"
            .to_owned();
        for (name, content) in &store.options {
            text.push_str(&format!("{name} = {}\n", content.replace('%', "%%")));
        }
        let config = Config::parse(text.as_bytes(), &self.from.display().to_string().into())?;
        let general = General::read(&config, self.environment())?;
        let settings = AccountSettings::read(&config, &general, "x", self.environment())?;
        let observer: Arc<dyn Observer> = Arc::new(());
        let backends = Backends::new(&settings, &self.means, &observer)?;
        let list = backends.repositories.remote.list()?;
        backends.rest(None);
        let separator = list.separator.unwrap_or('/');
        let inbox = format!("INBOX{separator}");
        let others: Vec<&str> =
            list.folders.iter().map(|entry| entry.name.as_str()).filter(|name| *name != "INBOX").collect();
        let below_inbox = !others.is_empty() && others.iter().all(|name| name.starts_with(&inbox));
        Ok(Server { separator, namespace: if below_inbox { inbox } else { String::new() } })
    }

    /// Whether the file is there as it would be written.
    ///
    /// # Errors
    /// It is another one.
    fn is_written(&self, text: &str) -> Result<bool> {
        match fs::read(&self.to) {
            Ok(there) if there == text.as_bytes() => Ok(true),
            Ok(_) => {
                let sentence = format!("{} is there already; nothing was written", self.to.display());
                Err(Error::new(ErrorKind::Configuration, sentence)
                    .with_hint("name another file with --write, or move this one away"))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.unwritten(error)),
        }
    }

    /// Marks every account that the file will have: with the file alone, a sync would find accounts of which nothing is known yet.
    fn announce(&self, moves: &[Move], text: &str) -> Result<()> {
        let config = Config::parse(text.as_bytes(), &self.to.display().to_string().into())?;
        let general = General::read(&config, self.environment())?;
        metadata::create(&general.metadata, true)?;
        for one in moves {
            match self.mark(&one.account, &general) {
                // Who is at work in it knows of it.
                Err(error) if error.kind() == ErrorKind::Locked => {}
                marked => marked?,
            }
        }
        Ok(())
    }

    fn mark(&self, account: &str, general: &General) -> Result<()> {
        let _lock = Lock::take(&general.metadata, account)?;
        let directory = general.metadata.join(format!("Account-{account}"));
        metadata::create(&directory, true)?;
        let status = SqliteStatus::open(directory.join("offlinesync.db"), true)?;
        if status.folders()?.is_empty() { Mark::of(&directory).set() } else { Ok(()) }
    }

    /// Writes the file for its owner alone.
    fn write(&self, text: &str) -> Result<()> {
        let parent = self.to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|error| self.unwritten(error))?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.to);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
        written.map_err(|error| self.unwritten(error))
    }

    fn unwritten(&self, error: std::io::Error) -> Error {
        Error::io(self.to.display(), error, ErrorKind::Storage)
    }

    /// Takes over one account, unless it has a status of ours already.
    fn take(&self, one: &Move, config: &Config, general: &General) -> Result<Outcome> {
        let settings = AccountSettings::read(config, general, &one.account, self.environment())?;
        metadata::create(&general.metadata, true)?;
        let _lock = Lock::take(&general.metadata, &one.account)?;
        let directory = general.metadata.join(format!("Account-{}", one.account));
        metadata::create(&directory, true)?;
        let mark = Mark::of(&directory);
        let status = SqliteStatus::open(directory.join("offlinesync.db"), true)?;
        if !mark.is_set() && !status.folders()?.is_empty() {
            self.streams.out(&format!("account '{}' has a status already; it is left as it is", one.account));
            return Ok(Outcome::InStep);
        }
        let found = self.with_mover(one, &settings, |mover| mover.take(&status, &mark))?;
        Ok(self.tell(&one.account, &found))
    }

    /// Gives one account back.
    fn give(&self, one: &Move, config: &Config, general: &General) -> Result<Outcome> {
        let settings = AccountSettings::read(config, general, &one.account, self.environment())?;
        let file = general.metadata.join(format!("Account-{}", one.account)).join("offlinesync.db");
        if !file.exists() {
            self.streams.out(&format!("account '{}' has no status; nothing is given to {PROGRAM}", one.account));
            return Ok(Outcome::InStep);
        }
        let _lock = Lock::take(&general.metadata, &one.account)?;
        let status = SqliteStatus::open(file, true)?;
        let given = self.with_mover(one, &settings, |mover| mover.give(&status))?;
        Ok(tell_given(&self.means, &one.account, PROGRAM, ", which would transfer it again", given))
    }

    fn with_mover<T>(
        &self,
        one: &Move,
        settings: &AccountSettings,
        work: impl FnOnce(&Mover<'_>) -> Result<T>,
    ) -> Result<T> {
        let observer: Arc<dyn Observer> = Arc::new(());
        let backends = Backends::new(settings, &self.means, &observer)?;
        let account = account_for_import(settings, &backends, Arc::new(MemoryStatus::default()));
        let delimiter = self.delimiter()?;
        let done = work(&Mover { one, settings, account: &account, environment: self.environment(), delimiter });
        backends.rest(None);
        done
    }

    fn delimiter(&self) -> Result<char> {
        let sections = rc::parse(&String::from_utf8_lossy(&fs::read(&self.from).unwrap_or_default()))?;
        let line = sections[0].find(&["FieldDelimiter"]).and_then(|line| line.value().ok()?.chars().next());
        Ok(line.unwrap_or(':'))
    }

    fn tell(&self, account: &str, found: &Found) -> Outcome {
        if found.taken.folders == 0 && found.refused.is_empty() {
            self.streams.out(&format!(
                "account '{account}': {PROGRAM} has no state of it; its messages will be paired by content"
            ));
        }
        if found.taken.folders > 0 {
            self.streams.out(&sentence(account, PROGRAM, found.taken));
        }
        for (side, place) in [(Side::Remote, "far"), (Side::Local, "near")] {
            if found.alone[side] > 0 {
                let messages = counted(found.alone[side], "message");
                let stay = form(found.alone[side], "stays", "stay");
                self.streams.out(&format!(
                    "account '{account}': {messages} that {PROGRAM} left on the {place} side alone {stay} there alone"
                ));
            }
        }
        if found.placeholders > 0 {
            let what = match found.placeholders {
                1 => "1 message is a placeholder on one side, and stays so".to_owned(),
                n => format!("{n} messages are placeholders on one side, and stay so"),
            };
            self.streams.out(&format!("account '{account}': {what}"));
        }
        for (pair, why) in &found.refused {
            tell_refused(&self.means.hub, pair, PROGRAM, why);
        }
        if found.refused.is_empty() { Outcome::InStep } else { Outcome::Incomplete }
    }
}

/// Groups have no counterpart but the option that names accounts.
fn group_remarks(sections: &[Section], notes: &mut Notes) {
    for group in sections.iter().filter(|section| section.kind == rc::Kind::Group) {
        let names: Vec<&String> = group.lines.iter().flat_map(|line| &line.arguments).collect();
        let channels: Vec<&str> = names.iter().map(|name| name.split(':').next().unwrap_or_default()).collect();
        let what = format!("is written `-a {}` on the command line", channels.join(","));
        notes.remark_at(group.number, &format!("Group {}", group.name), &what);
    }
}

/// Whether names of mailboxes are in UTF-8: in mbsync's file or on disk.
fn has_utf8_names(one: &Move, rc: &[u8]) -> bool {
    let roots = Side::BOTH.iter().filter_map(|side| one.roots[*side].as_deref());
    !rc.is_ascii() || roots.into_iter().any(|root| has_utf8_directories(root, 8))
}

fn has_utf8_directories(directory: &Path, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    fs::read_dir(directory).into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        let closed = ["cur", "new", "tmp"].iter().any(|own| name == *own);
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_dir && !closed && (!name.as_encoded_bytes().is_ascii() || has_utf8_directories(&entry.path(), depth))
    })
}

/// mbsync's file: the one given, else where it looks itself.
fn source(given: Option<&str>, environment: &dyn Environment) -> Result<PathBuf> {
    let home = environment.home().unwrap_or_default();
    let usual = [config_home(environment).join("isyncrc"), home.join(".mbsyncrc")];
    let found = match given {
        Some(given) => Some(expand(given, environment)),
        None => usual.iter().find(|path| path.exists()).cloned(),
    };
    found.ok_or_else(|| {
        let sentence =
            format!("mbsync has no configuration here (looked for {} and {})", usual[0].display(), usual[1].display());
        Error::new(ErrorKind::Configuration, sentence).with_hint("name it with --config")
    })
}

fn config_home(environment: &dyn Environment) -> PathBuf {
    let set = environment.var("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty());
    set.map_or_else(|| environment.home().unwrap_or_default().join(".config"), PathBuf::from)
}
