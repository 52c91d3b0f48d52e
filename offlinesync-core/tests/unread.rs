//! A server refused the header of one message for good. It was the copy that an interrupted upload had left there, was passed over as if it
//! were not there, and the upload was sent again: the message was there twice. What was not looked at is not another message.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use offlinesync_core::status::{Batch, Intent, KnownBy, Row};
use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::{Faults, Faulty, FaultyStatus, Knobs, MemoryRepository};
use offlinesync_core::{
    Cancel, Flags, FolderName, MemoryStatus, MessageId, Partner, PerSide, Policy, Repository, Side, StatusStore, Uid,
};
use std::sync::Arc;

struct World {
    sides: PerSide<Faulty<MemoryRepository>>,
    status: Arc<FaultyStatus<MemoryStatus>>,
}

impl World {
    fn new(remote: Knobs, local: Knobs) -> World {
        let faults = Faults::new();
        let store = |name, knobs| Faulty::new(MemoryRepository::new(name, knobs).with_folder("INBOX"), &faults);
        let sides = PerSide { remote: store("R", remote), local: store("L", local) };
        World { sides, status: Arc::new(FaultyStatus::new(MemoryStatus::default(), &faults)) }
    }

    /// After a first sync of a message.
    fn met(remote: Knobs, local: Knobs) -> World {
        let world = World::new(remote, local);
        world.add(Side::Remote, 1);
        world.in_step();
        world
    }

    fn add(&self, side: Side, number: u32) -> MessageId {
        self.sides[side].inner().add("INBOX", &mail(number), Flags::default())
    }

    fn pair() -> PerSide<FolderName> {
        PerSide { remote: FolderName::from("INBOX"), local: FolderName::from("INBOX") }
    }

    fn intend(&self, to: Side, source: &MessageId, confirmed: bool) {
        let intent = Intent { to, source: source.clone(), known_by: KnownBy::Source, confirmed };
        self.apply(Batch { intents: vec![intent], ..Batch::default() });
    }

    fn apply(&self, batch: Batch) {
        self.status.folder(&Self::pair()).unwrap().apply(batch).unwrap();
    }

    fn intents(&self) -> usize {
        self.status.folder(&Self::pair()).unwrap().intents().unwrap().len()
    }

    fn hide(&self, side: Side, id: &MessageId) {
        self.sides[side].spoil(|bad| {
            bad.headerless.insert(id.clone());
            bad.unreadable.insert(id.clone());
        });
    }

    fn show(&self, side: Side) {
        self.sides[side].spoil(|bad| *bad = Default::default());
    }

    fn account(&self) -> Account {
        let store = |side: Side| Arc::new(self.sides[side].clone()) as Arc<dyn Repository>;
        Account::new("A", store(Side::Remote), store(Side::Local), self.status.clone())
    }

    fn sync_as(&self, policy: Policy) -> Report {
        self.account().with_policy(policy).sync(&(), &Cancel::new()).unwrap()
    }

    /// A sync that ends before one of its effects.
    fn stop_before(&self, number: u64) {
        let faults = self.sides.remote.faults();
        faults.stop_before(faults.effects() + number);
        drop(self.account().sync(&(), &Cancel::new()));
        faults.mend();
    }

    /// A sync that is not in step, and says this.
    fn says(&self, words: &str) {
        let told: Vec<String> =
            self.sync_as(Policy::default()).failures.iter().map(|failure| failure.error.to_string()).collect();
        assert!(told.iter().any(|told| told.contains(words)), "{words}: {told:?}");
    }

    fn in_step(&self) {
        let report = self.sync_as(Policy::default());
        assert!(report.in_step(), "{:?}", report.failures);
        assert_eq!(self.intents(), 0);
    }

    /// How often each side has each message.
    fn copies(&self, number: u32) -> (usize, usize) {
        let of = |side: Side| {
            let mails = self.sides[side].inner().mails("INBOX");
            mails.iter().filter(|(_, held)| held.octets == mail(number)).count()
        };
        (of(Side::Remote), of(Side::Local))
    }
}

fn mail(n: u32) -> Vec<u8> {
    format!("Message-ID: <{n}@example.org>\r\nSubject: message {n} of the test\r\nTo: me\r\n\r\nbody {n}\r\n").into()
}

#[test]
fn an_upload_whose_copy_may_be_a_message_that_cannot_be_read_is_not_sent_again() {
    for confirmed in [false, true] {
        let world = World::met(Knobs::imap(), Knobs::maildir());
        let source = world.add(Side::Local, 2);
        let copy = world.add(Side::Remote, 2);
        world.intend(Side::Remote, &source, confirmed);
        world.hide(Side::Remote, &copy);
        world.add(Side::Local, 3);
        world.add(Side::Remote, 4);
        for _ in 0..3 {
            world.says("it may be what an upload left there, so 1 message is not uploaded again");
            assert_eq!((world.copies(2), world.copies(3), world.copies(4)), ((1, 1), (1, 1), (1, 1)));
        }
        assert_eq!(world.intents(), 1);
        world.show(Side::Remote);
        world.in_step();
        assert_eq!(world.copies(2), (1, 1));
    }
}

#[test]
fn it_is_sent_again_when_the_user_says_that_what_cannot_be_read_is_another() {
    let world = World::met(Knobs::imap(), Knobs::maildir());
    let source = world.add(Side::Local, 2);
    let broken = world.add(Side::Remote, 3);
    world.intend(Side::Remote, &source, false);
    world.hide(Side::Remote, &broken);
    world.says("could not be looked at");
    assert_eq!(world.copies(2), (0, 1));
    world.sync_as(Policy { accept_new_numbering: true, ..Policy::default() });
    assert_eq!((world.copies(2), world.copies(3)), ((1, 1), (1, 0)));
}

#[test]
fn a_source_that_cannot_be_read_is_not_sent_again_and_what_is_there_does_not_come_back() {
    let world = World::met(Knobs::imap(), Knobs::maildir());
    let source = world.add(Side::Local, 2);
    world.add(Side::Remote, 2);
    world.intend(Side::Remote, &source, false);
    world.hide(Side::Local, &source);
    world.says("whether it is there was not told");
    assert_eq!(world.copies(2), (1, 1));
    world.show(Side::Local);
    world.in_step();
    assert_eq!(world.copies(2), (1, 1));
}

/// Its digest was taken when it could be read.
#[test]
fn what_was_uploaded_of_a_source_that_cannot_be_read_any_more_is_known_by_its_digest() {
    let (world, source) = uploading(false);
    world.hide(Side::Local, &source);
    world.add(Side::Remote, 3);
    world.in_step();
    assert_eq!((world.copies(2), world.copies(3)), ((1, 1), (1, 1)));
}

/// A run that ended when message 2 was on the server: before that was recorded, or just after it.
fn uploading(recorded: bool) -> (World, MessageId) {
    for number in 0..40 {
        let world = World::met(Knobs::imap(), Knobs::maildir());
        let source = world.add(Side::Local, 2);
        world.stop_before(number);
        let rows = world.status.folder(&World::pair()).unwrap().count().unwrap();
        if world.copies(2) == (1, 1) && world.intents() == 1 && rows == 1 + u64::from(recorded) {
            return (world, source);
        }
    }
    panic!("no upload was cut short");
}

/// Another source could not be read, and nothing that was new on the server was looked for any more: the upload whose source was
/// removed after it passed for answered, and its copy came back.
#[test]
fn what_was_uploaded_before_its_source_was_removed_does_not_come_back_for_another_source_that_cannot_be_read() {
    let (world, removed) = uploading(false);
    world.sides.local.inner().remove("INBOX", &removed);
    let source = world.add(Side::Local, 6);
    world.add(Side::Remote, 6);
    world.intend(Side::Remote, &source, false);
    world.hide(Side::Local, &source);
    world.says("whether it is there was not told");
    assert_eq!(world.copies(6), (1, 1));
    world.show(Side::Local);
    world.in_step();
    assert_eq!((world.copies(2), world.copies(6)), ((0, 0), (1, 1)));
}

/// The same message again, from elsewhere, is no proof that the row is wrong while the one that the row names cannot be looked at.
#[test]
fn a_row_of_a_message_that_cannot_be_read_is_not_given_up_for_another_with_the_same_content() {
    let (world, source) = uploading(true);
    let stored = world.status.folder(&World::pair()).unwrap().row(Side::Local, &source).unwrap().unwrap().ids.remote;
    world.sides.local.inner().remove("INBOX", &source);
    world.add(Side::Remote, 2);
    world.hide(Side::Remote, &stored);
    world.says("could not be looked at");
    assert_eq!(world.copies(2).0, 2, "neither is removed");
    world.show(Side::Remote);
    world.sync_as(Policy::default());
    world.in_step();
    assert_eq!(world.copies(2), (1, 1), "what was uploaded has gone the way of its source, the other one is new");
}

/// A row whose number nobody confirmed may be of another message: the one that was stored may be the one that cannot be read.
#[test]
fn a_row_that_may_be_of_another_message_is_not_acted_on_before_all_was_looked_at() {
    let (world, source) = uploading(true);
    let other = world.add(Side::Remote, 5);
    let stored = world.status.folder(&World::pair()).unwrap().row(Side::Local, &source).unwrap().unwrap().ids.remote;
    let row = Row { ids: PerSide { remote: other, local: source.clone() }, base: Flags::default() };
    world.apply(Batch { upsert: vec![row], delete: vec![stored.clone()], ..Batch::default() });
    world.hide(Side::Remote, &stored);
    world.says("could not be looked at");
    world.sides.local.inner().remove("INBOX", &source);
    world.sync_as(Policy::default());
    world.sync_as(Policy::default());
    assert_eq!(world.copies(5).0, 1, "what the server called it by mistake is not removed");
    world.show(Side::Remote);
    world.sync_as(Policy::default());
    world.in_step();
    assert_eq!(world.copies(5), (1, 1));
}

#[test]
fn a_partner_by_name_that_cannot_be_read_is_not_taken_for_another_message() {
    let world = World::met(Knobs::imap(), Knobs::maildir());
    let there = world.add(Side::Remote, 2);
    let here = world.add(Side::Local, 2);
    let partner = Partner { uid: there.uid().unwrap(), uid_validity: None };
    let mut folder = world.sides.local.inner().open(&FolderName::from("INBOX")).unwrap();
    folder.note_partners(&[(here, partner)]).unwrap();
    world.hide(Side::Remote, &there);
    for _ in 0..2 {
        world.says("neither was copied");
        assert_eq!(world.copies(2), (1, 1));
    }
    world.show(Side::Remote);
    world.in_step();
    assert_eq!(world.copies(2), (1, 1));
}

#[test]
fn a_first_meeting_waits_until_all_that_may_be_there_twice_was_looked_at() {
    for unread in Side::BOTH {
        let world = World::new(Knobs::imap(), Knobs::maildir());
        let ids = PerSide::from_fn(|side| world.add(side, 2));
        world.hide(unread, &ids[unread]);
        for _ in 0..2 {
            world.says("nothing was copied");
            assert_eq!(world.copies(2), (1, 1));
        }
        world.show(unread);
        world.in_step();
        assert_eq!(world.copies(2), (1, 1));
    }
}

/// A message that cannot be read holds up nothing where the other side has nothing that it could be.
#[test]
fn a_first_meeting_with_an_empty_side_goes_on() {
    let world = World::new(Knobs::imap(), Knobs::maildir());
    let broken = world.add(Side::Remote, 2);
    world.add(Side::Remote, 3);
    world.hide(Side::Remote, &broken);
    world.says("was made to fail");
    assert_eq!((world.copies(2), world.copies(3)), ((1, 0), (1, 1)));
}

/// Between two servers somebody else may have put the same message on both.
#[test]
fn between_two_servers_news_waits_for_a_message_that_cannot_be_read() {
    for unread in Side::BOTH {
        let world = World::met(Knobs::imap(), Knobs::imap());
        let ids = PerSide::from_fn(|side| world.add(side, 2));
        world.hide(unread, &ids[unread]);
        world.add(unread, 3);
        for _ in 0..2 {
            world.says("it may be there on both sides already");
            assert_eq!((world.copies(2), world.copies(3)), ((1, 1), (1, 1)));
        }
        world.show(unread);
        world.in_step();
        assert_eq!(world.copies(2), (1, 1));
    }
}

/// An upload waited for a message that could not be read, which was set aside before what is new was compared: the same message, put on the other
/// side by somebody else, went up beside it.
#[test]
fn between_two_servers_news_waits_for_a_message_that_an_upload_waits_for() {
    for hidden in Side::BOTH {
        let world = World::met(Knobs::imap(), Knobs::imap());
        let source = world.add(Side::Local, 2);
        world.intend(Side::Remote, &source, false);
        let ids = PerSide::from_fn(|side| world.add(side, 3));
        world.hide(hidden, if hidden == Side::Local { &source } else { &ids.remote });
        for _ in 0..2 {
            world.says("was made to fail");
            assert_eq!((world.copies(2), world.copies(3)), ((0, 1), (1, 1)));
        }
        world.show(hidden);
        world.in_step();
        assert_eq!((world.copies(2), world.copies(3)), ((1, 1), (1, 1)));
    }
}

/// A run that died had downloaded it. The next could not read the file and left both alone, but deleted the note that told what was on its way:
/// removed on the server after that, the message came back from here.
#[test]
fn what_was_downloaded_and_could_not_be_read_goes_with_its_source_all_the_same() {
    for unread in Side::BOTH {
        let mut cut_short = 0;
        for number in 0..30 {
            let world = World::met(Knobs::imap(), Knobs::maildir());
            let source = world.add(Side::Remote, 2);
            world.stop_before(number);
            let rows = world.status.folder(&World::pair()).unwrap().count().unwrap();
            if world.copies(2) != (1, 1) || rows != 1 {
                continue;
            }
            cut_short += 1;
            let copy = world.sides.local.inner().mails("INBOX").pop().unwrap().0;
            world.hide(unread, if unread == Side::Remote { &source } else { &copy });
            world.says("neither was copied");
            world.show(unread);
            world.sides.remote.inner().remove("INBOX", &source);
            world.in_step();
            assert_eq!(world.copies(2), (0, 0));
        }
        assert!(cut_short > 0);
    }
}

/// Two messages were on their way between two servers, one in each direction, when the run died. One could not be read afterwards, what was new on
/// the other side was set aside for it, and so the other one passed for removed: its copy was sent back as another.
#[test]
fn an_upload_that_cannot_be_read_does_not_hide_the_source_of_another_that_went_the_other_way() {
    let plain = Knobs { tells_octets: false, ..Knobs::plain_imap() };
    for side in Side::BOTH {
        let world = World::met(plain.clone(), plain.clone());
        let unread = world.add(side, 2);
        world.add(side.other(), 2);
        let source = world.add(side.other(), 3);
        world.add(side, 3);
        world.intend(side.other(), &unread, false);
        world.intend(side, &source, false);
        world.hide(side, &unread);
        world.says("whether it is there was not told");
        assert_eq!((world.copies(2), world.copies(3)), ((1, 1), (1, 1)));
        world.show(side);
        world.in_step();
        assert_eq!((world.copies(2), world.copies(3)), ((1, 1), (1, 1)));
    }
}

/// Two letters alike went both ways at once. The copy of one could not be read, the other side's letter passed for it, and its own copy was left
/// without a source: that went up as a third.
#[test]
fn of_letters_alike_that_go_both_ways_each_keeps_its_copy_while_one_cannot_be_read() {
    let plain = |cheap_content| Knobs { cheap_content, tells_octets: false, ..Knobs::plain_imap() };
    let world = World::met(plain(true), plain(false));
    let ids = PerSide::from_fn(|side| world.add(side, 2));
    let copy = MessageId::from(Uid::new(ids.remote.uid().unwrap().get() + 1).unwrap());
    world.hide(Side::Remote, &copy);
    world.says("could not be looked at");
    assert_eq!(world.copies(2), (2, 2));
    world.show(Side::Remote);
    world.in_step();
    assert_eq!(world.copies(2), (2, 2));
}

/// The store says that it has an upload, nobody finds it, and then its folder is not listed either. With no row in it the folder was made anew and
/// what was known of it forgotten: the message was sent again unasked.
#[test]
fn an_upload_that_is_not_found_is_not_sent_again_for_a_folder_that_is_gone() {
    let world = World::new(Knobs::plain_imap(), Knobs::maildir());
    world.in_step();
    let source = world.add(Side::Local, 2);
    world.intend(Side::Remote, &source, true);
    assert!(!world.sync_as(Policy::default()).in_step());
    world.sides.remote.inner().delete_folder("INBOX");
    for _ in 0..2 {
        assert!(!world.sync_as(Policy::default()).in_step());
        assert_eq!((world.intents(), world.copies(2)), (1, (0, 1)));
    }
}
