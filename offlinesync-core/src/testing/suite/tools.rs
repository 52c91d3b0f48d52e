//! What the cases share: delivering, fetching, and following a folder from listing to listing.

use super::{Fixture, Traits};
use crate::error::{Error, Result};
use crate::flags::Flags;
use crate::folder_name::FolderName;
use crate::line_ending::LineEnding;
use crate::message::{InternalDate, MessageId, Uid, UidValidity};
use crate::repository::{
    ChangeSet, Coverage, Cursor, Folder, Incoming, Intake, Known, NothingKnown, Outgoing, Repository, Sink,
    SourceFolder,
};
use crate::testing::client::{Client, Held};
use crate::testing::lines::in_form;
use crate::testing::mails::Mail;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A fixture, unpacked.
pub(super) struct Scene {
    pub(super) repository: Arc<dyn Repository>,
    pub(super) client: Box<dyn Client>,
    pub(super) traits: Traits,
}

impl Scene {
    pub(super) fn new(fixture: &dyn Fixture) -> Self {
        Scene { repository: fixture.repository(), client: fixture.client(), traits: fixture.traits() }
    }

    /// Creates a folder and opens it.
    pub(super) fn folder(&self, name: &str) -> Box<dyn Folder> {
        self.repository.create(&name.into()).unwrap();
        self.open(name)
    }

    pub(super) fn open(&self, name: &str) -> Box<dyn Folder> {
        self.repository.open(&name.into()).unwrap()
    }

    /// Another client adds a message given in the form of the wire.
    pub(super) fn client_adds(&mut self, folder: &str, mail: &Mail) -> MessageId {
        let raw = in_form(&mail.bytes, LineEnding::Crlf, self.traits.native);
        self.client.add(&folder.into(), &raw, &mail.flags, mail.date)
    }

    /// What another client sees, with content in the form of the wire.
    pub(super) fn client_sees(&mut self, folder: &str) -> BTreeMap<MessageId, Held> {
        let native = self.traits.native;
        let wire = |(id, held): (MessageId, Held)| {
            (id, Held { octets: in_form(&held.octets, native, LineEnding::Crlf), ..held })
        };
        self.client.list(&FolderName::from(folder)).into_iter().map(wire).collect()
    }

    /// The contents another client sees, sorted, in the form of the wire.
    pub(super) fn client_reads(&mut self, folder: &str) -> Vec<Vec<u8>> {
        let mut all: Vec<_> = self.client_sees(folder).into_values().map(|held| held.octets).collect();
        all.sort();
        all
    }

    pub(super) fn becomes(&self, mail: &Mail) -> Option<Vec<u8>> {
        (self.traits.becomes)(&mail.bytes)
    }
}

/// The folder that deliveries come from.
pub(super) fn source(name: &str) -> SourceFolder {
    SourceFolder { name: name.into(), uid_validity: UidValidity(1_700_000_007) }
}

pub(super) fn uid(number: usize) -> MessageId {
    Uid::new(u32::try_from(number).unwrap()).unwrap().into()
}

/// Delivers messages as UIDs 1, 2, … of the folder "Source", each in pieces; one answer each.
pub(super) fn deliver(folder: &mut dyn Folder, mails: &[Mail]) -> Vec<Result<Option<MessageId>>> {
    deliver_as(folder, &source("Source"), 1, mails)
}

/// Delivers messages as UIDs `first`, `first + 1`, … of a source folder.
pub(super) fn deliver_as(
    folder: &mut dyn Folder,
    from: &SourceFolder,
    first: usize,
    mails: &[Mail],
) -> Vec<Result<Option<MessageId>>> {
    let mut intake = folder.intake(from).unwrap();
    let mut answers = Vec::new();
    let mut group = (Vec::new(), 0);
    for (at, mail) in mails.iter().enumerate() {
        let size = intake.group_size();
        assert!(size.messages > 0 && size.octets > 0, "a group takes nothing: {size:?}");
        let octets = mail.bytes.len() as u64;
        if group.0.len() >= size.messages || group.1 + octets > size.octets {
            commit(intake.as_mut(), &mut group.0, &mut answers);
            group.1 = 0;
        }
        group.1 += octets;
        group.0.push(give(intake.as_mut(), &uid(first + at), mail, 1500));
    }
    commit(intake.as_mut(), &mut group.0, &mut answers);
    answers
}

/// Commits a group: of its messages, those that were taken have an answer.
fn commit(intake: &mut dyn Intake, group: &mut Vec<Result<()>>, answers: &mut Vec<Result<Option<MessageId>>>) {
    let taken = group.iter().filter(|given| given.is_ok()).count();
    let committed = intake.commit().unwrap();
    assert_eq!(committed.len(), taken, "a commit answers for each message that was ended");
    let mut committed = committed.into_iter();
    answers.extend(group.drain(..).map(|given| given.and_then(|()| committed.next().unwrap())));
}

/// Gives one message to an intake, in pieces of this many octets.
pub(super) fn give(intake: &mut dyn Intake, source: &MessageId, mail: &Mail, piece: usize) -> Result<()> {
    let octets = mail.bytes.len() as u64;
    intake.begin(&Outgoing { source, flags: &mail.flags, date: mail.date, octets })?;
    let content = in_form(&mail.bytes, LineEnding::Crlf, intake.line_ending());
    for piece in content.chunks(piece) {
        if let Err(error) = intake.write(piece) {
            intake.discard().unwrap();
            return Err(error);
        }
    }
    intake.end()
}

/// A message that came out of a folder.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) id: MessageId,
    pub(super) date: Option<InternalDate>,
    pub(super) bytes: Vec<u8>,
}

/// A sink that holds everything and checks the order of calls.
#[derive(Debug, Default)]
pub(super) struct Basket {
    current: Option<(Fetched, u64)>,
    pub(super) fetched: Vec<Fetched>,
    pub(super) failed: Vec<(MessageId, Error)>,
    exact: bool,
}

impl Sink for Basket {
    fn begin(&mut self, message: &Incoming<'_>) -> Result<()> {
        assert!(self.current.is_none(), "a message begins inside another");
        let fetched = Fetched { id: message.id.clone(), date: message.date, bytes: Vec::new() };
        self.current = Some((fetched, message.octets));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.current.as_mut().expect("write without begin").0.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let (fetched, announced) = self.current.take().expect("end without begin");
        let came = fetched.bytes.len() as u64;
        assert!(came <= announced, "message {}: {announced} octets were announced, {came} came", fetched.id);
        assert!(
            !self.exact || came == announced,
            "message {}: {announced} octets were announced, {came} came",
            fetched.id
        );
        self.fetched.push(fetched);
        Ok(())
    }

    fn failed(&mut self, id: &MessageId, error: Error) -> Result<()> {
        self.current = None;
        self.failed.push((id.clone(), error));
        Ok(())
    }
}

/// Fetches; checks that each message asked for has exactly one answer.
pub(super) fn fetch(folder: &mut dyn Folder, ids: &[MessageId], form: LineEnding, native: LineEnding) -> Basket {
    let mut basket = Basket { exact: form == LineEnding::Crlf || form == native, ..Basket::default() };
    folder.fetch(ids, form, &mut basket).unwrap();
    assert!(basket.current.is_none(), "a message begins and does not end");
    let mut answered: Vec<_> =
        basket.fetched.iter().map(|f| &f.id).chain(basket.failed.iter().map(|(id, _)| id)).collect();
    let mut asked: Vec<_> = ids.iter().collect();
    answered.sort();
    asked.sort();
    assert_eq!(answered, asked, "each message is answered once");
    basket
}

/// The content of messages that are there, in the form of the wire.
pub(super) fn read(scene: &Scene, folder: &mut dyn Folder, ids: &[MessageId]) -> BTreeMap<MessageId, Vec<u8>> {
    let basket = fetch(folder, ids, LineEnding::Crlf, scene.traits.native);
    assert!(basket.failed.is_empty(), "{:?}", basket.failed);
    basket.fetched.into_iter().map(|fetched| (fetched.id, fetched.bytes)).collect()
}

/// The content of everything in a folder, sorted.
pub(super) fn read_all(scene: &Scene, folder: &mut dyn Folder) -> Vec<Vec<u8>> {
    let ids = ids(folder);
    let mut all: Vec<_> = read(scene, folder, &ids).into_values().collect();
    all.sort();
    all
}

/// A complete listing.
pub(super) fn list(folder: &mut dyn Folder) -> ChangeSet {
    let set = folder.changes(None, &NothingKnown).unwrap();
    assert_eq!(set.coverage, Coverage::Complete, "without a cursor a listing is complete");
    assert!(set.gone.is_empty());
    set
}

/// The ids in a folder.
pub(super) fn ids(folder: &mut dyn Folder) -> Vec<MessageId> {
    list(folder).present.into_iter().map(|entry| entry.id).collect()
}

/// Somebody who knows a folder only from its listings.
#[derive(Clone, Debug, Default)]
pub(super) struct Follower {
    pub(super) cursor: Option<Cursor>,
    pub(super) seen: BTreeMap<MessageId, Flags>,
}

impl Follower {
    /// Takes in what changed since the last time.
    pub(super) fn catch_up(&mut self, folder: &mut dyn Folder) -> ChangeSet {
        let set = folder.changes(self.cursor.as_ref(), &self.clone()).unwrap();
        if set.coverage == Coverage::Complete {
            self.seen.clear();
        }
        let mut named = BTreeSet::new();
        for entry in &set.present {
            assert!(named.insert(&entry.id), "message {} is listed twice", entry.id);
            self.seen.insert(entry.id.clone(), entry.flags.clone());
        }
        for id in &set.gone {
            assert!(!named.contains(id), "message {id} is listed both as present and as gone");
            self.seen.remove(id);
        }
        assert!(set.cursor.as_ref().is_none_or(|cursor| cursor.0.len() <= 4096), "a cursor has at most 4 KiB");
        assert!(
            set.witness.as_ref().is_none_or(|witness| witness.token.len() <= 256),
            "a witness has at most 256 bytes"
        );
        self.cursor = set.cursor.clone();
        set
    }

    /// Takes in what changed, and compares with what another client sees.
    pub(super) fn check(&mut self, scene: &mut Scene, folder: &mut dyn Folder, when: &str) -> ChangeSet {
        let set = self.catch_up(folder);
        let support = set.support.clone();
        let sees = scene.client_sees(folder.name().as_str());
        let truth: BTreeMap<_, _> = sees.into_iter().map(|(id, held)| (id, held.flags.supported(&support))).collect();
        assert_eq!(self.seen, truth, "{when}");
        set
    }
}

impl Known for Follower {
    fn count(&self) -> Result<u64> {
        Ok(self.seen.len() as u64)
    }

    fn uids(&self) -> Result<Vec<(Uid, Uid)>> {
        Ok(self.seen.keys().filter_map(MessageId::uid).map(|uid| (uid, uid)).collect())
    }
}
