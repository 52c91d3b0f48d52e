//! The other mail program: what a test does to the mail directly, without a connection.

use super::super::client::{Client, Stored};
use super::store::{Mailbox, NO_DATE, State, flag_set, with_flags, without_flags};
use super::{Server, Shared};
use std::sync::Arc;

/// The mail of a [`Server`]; a copy of it can go into a hook, so that something happens just before a command.
#[derive(Clone, Debug)]
pub struct Mail {
    pub(super) shared: Arc<Shared>,
}

/// All mail as it was at some moment.
#[derive(Clone)]
pub struct SavedMail(State);

impl std::fmt::Debug for SavedMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SavedMail").finish_non_exhaustive()
    }
}

/// A hand on one mailbox of a [`Server`].
#[derive(Clone, Copy, Debug)]
pub struct MailboxHandle<'s> {
    shared: &'s Shared,
    user: &'s str,
    name: &'s str,
}

impl Server {
    /// A raw client, logged in as `user`. Its commands are counted like anyone's.
    pub fn client(&self, user: &str) -> Client {
        let password = self.shared.change(|state| state.account(user).password.clone());
        let mut client = Client::connect((self.host(), self.port()));
        client.login(user, &password);
        client
    }
}

impl std::ops::Deref for Server {
    type Target = Mail;
    fn deref(&self) -> &Mail {
        &self.mail
    }
}

impl Mail {
    /// A hand on a mailbox. `name` is as on the wire (modified UTF-7).
    pub fn mailbox<'s>(&'s self, user: &'s str, name: &'s str) -> MailboxHandle<'s> {
        MailboxHandle { shared: &self.shared, user, name }
    }

    /// All mail as it is now.
    pub fn save(&self) -> SavedMail {
        SavedMail(self.shared.read(State::clone))
    }

    /// All mail as it was, numbers and mod-sequences included. For when no client is connected.
    pub fn restore(&self, saved: &SavedMail) {
        self.shared.change(|state| *state = saved.0.clone());
    }

    /// Creates a mailbox and the parents it needs.
    pub fn create(&self, user: &str, name: &str) {
        self.shared.change(|state| state.create(user, name));
    }

    /// Deletes a mailbox with its messages.
    pub fn delete(&self, user: &str, name: &str) {
        self.shared.change(|state| state.account(user).mailboxes.remove(name));
    }

    /// Renames a mailbox and everything below it.
    pub fn rename(&self, user: &str, from: &str, to: &str) {
        assert!(self.shared.change(|state| state.rename(user, from, to)), "cannot rename {from} to {to}");
    }

    /// The names of a user's mailboxes in alphabetical order.
    pub fn names(&self, user: &str) -> Vec<String> {
        self.shared.change(|state| state.account(user).mailboxes.keys().cloned().collect())
    }
}

impl MailboxHandle<'_> {
    fn with<T>(self, work: impl FnOnce(&mut Mailbox) -> T) -> T {
        self.shared.change(|state| match state.find_mut(self.user, self.name) {
            Some(mailbox) => work(mailbox),
            None => panic!("no mailbox {} of {}", self.name, self.user),
        })
    }

    /// Adds a message (CR LF line ends) and returns its UID.
    pub fn add(self, message: &[u8], flags: &[&str]) -> u32 {
        self.add_at(message, flags, NO_DATE)
    }

    /// Adds a message with an INTERNALDATE in IMAP's form.
    pub fn add_at(self, message: &[u8], flags: &[&str], date: &str) -> u32 {
        self.with(|mailbox| mailbox.add(&flag_set(flags), date, message.into()))
    }

    /// Removes a message for good.
    pub fn remove(self, uid: u32) {
        self.with(|mailbox| mailbox.remove(|message| message.uid == uid));
    }

    /// Removes every message.
    pub fn clear(self) {
        self.with(|mailbox| mailbox.remove(|_| true));
    }

    /// Sets and clears flags of a message.
    pub fn flag(self, uid: u32, set: &[&str], clear: &[&str]) {
        let (set, clear) = (flag_set(set), flag_set(clear));
        self.with(|mailbox| mailbox.set_flags(uid, |flags| without_flags(&with_flags(flags, &set), &clear)));
    }

    /// Every message by UID.
    pub fn messages(self) -> Vec<Stored> {
        let stored = |message: &super::store::Message| Stored {
            uid: message.uid,
            flags: message.flags.iter().cloned().collect(),
            date: message.date.clone(),
            bytes: message.body.to_vec(),
        };
        self.with(|mailbox| mailbox.messages.iter().map(stored).collect())
    }

    /// UIDVALIDITY, UIDNEXT and HIGHESTMODSEQ.
    pub fn numbers(self) -> (u32, u32, u64) {
        self.with(|mailbox| (mailbox.uid_validity, mailbox.uid_next, mailbox.mod_seq))
    }

    /// Starts a new numbering: a fresh UIDVALIDITY, and the messages numbered from 1 again.
    pub fn renumber(self) {
        let uid_validity = self.shared.change(super::store::State::fresh_validity);
        self.with(|mailbox| {
            mailbox.uid_validity = uid_validity;
            (1..).zip(&mut mailbox.messages).for_each(|(uid, message)| message.uid = uid);
            mailbox.uid_next = mailbox.messages.len() as u32 + 1;
            mailbox.gone = Some(Vec::new());
            mailbox.tick();
        });
    }

    /// Gives it this UIDVALIDITY, whatever it had before, and no message another number: a server that gives all folders the same.
    pub fn number_as(self, uid_validity: u32) {
        self.with(|mailbox| mailbox.uid_validity = uid_validity);
    }

    /// The next message gets this UID at least.
    pub fn skip_to(self, uid_next: u32) {
        self.with(|mailbox| mailbox.uid_next = mailbox.uid_next.max(uid_next));
    }

    /// Forgets which messages were removed: a QRESYNC answer then names every UID that is not there (RFC 7162 section 3.2.5.1 allows it).
    pub fn forget_removals(self) {
        self.with(|mailbox| mailbox.gone = None);
    }

    /// Gives it a special use (`\Sent`), shown by LIST.
    pub fn special_use(self, attribute: &str) {
        self.with(|mailbox| mailbox.special_use = Some(attribute.to_owned()));
    }

    /// Makes it `\Noselect`, or selectable again.
    pub fn selectable(self, yes: bool) {
        self.with(|mailbox| mailbox.selectable = yes);
    }

    /// Refuses changes through IMAP.
    pub fn read_only(self, yes: bool) {
        self.with(|mailbox| mailbox.read_only = yes);
    }

    /// Whether keywords are kept; if not, PERMANENTFLAGS says so and they are dropped.
    pub fn keywords(self, yes: bool) {
        self.with(|mailbox| mailbox.keywords = yes);
    }
}

/// A copy of a mailbox, to be put back later.
#[derive(Clone)]
pub struct Backup(Mailbox);

impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Backup of {} messages", self.0.messages.len())
    }
}

impl MailboxHandle<'_> {
    /// A copy of everything in it, numbers included.
    pub fn backup(self) -> Backup {
        self.with(|mailbox| Backup(mailbox.clone()))
    }

    /// Puts a copy back: what came since is gone, and the numbers given out since will be given out again.
    pub fn restore(self, backup: Backup) {
        self.with(|mailbox| *mailbox = backup.0);
    }
}
