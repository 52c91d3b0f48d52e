//! The mail: accounts, mailboxes, messages, mod-sequences. No I/O, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What messages get that are added without a date.
pub(super) const NO_DATE: &str = "01-Jan-2026 12:00:00 +0000";

#[derive(Clone)]
pub(super) struct State {
    pub(super) separator: char,
    folds_case: bool,
    pub(super) accounts: BTreeMap<String, Account>,
    next_validity: u32,
    /// Counts changes, so that a waiter sees that there was one.
    pub(super) version: u64,
}

#[derive(Clone, Default)]
pub(super) struct Account {
    pub(super) password: String,
    pub(super) mailboxes: BTreeMap<String, Mailbox>,
    pub(super) subscribed: BTreeSet<String>,
}

#[derive(Clone)]
pub(super) struct Mailbox {
    /// What it is called whatever its name.
    pub(super) id: u32,
    pub(super) uid_validity: u32,
    pub(super) uid_next: u32,
    pub(super) mod_seq: u64,
    /// In ascending order of UIDs.
    pub(super) messages: Vec<Message>,
    /// UIDs of removed messages and when they went; `None` once forgotten.
    pub(super) gone: Option<Vec<(u32, u64)>>,
    pub(super) special_use: Option<String>,
    pub(super) selectable: bool,
    pub(super) read_only: bool,
    pub(super) keywords: bool,
}

#[derive(Clone)]
pub(super) struct Message {
    pub(super) uid: u32,
    pub(super) flags: BTreeSet<String>,
    pub(super) date: String,
    pub(super) body: Arc<[u8]>,
    pub(super) mod_seq: u64,
}

impl State {
    pub(super) fn new(users: &[(String, String)], separator: char, folds_case: bool) -> State {
        let mut state = State { separator, folds_case, accounts: BTreeMap::new(), next_validity: 1000, version: 0 };
        for (name, password) in users {
            let account = Account { password: password.clone(), ..Account::default() };
            state.accounts.insert(name.clone(), account);
            state.create(name, "INBOX");
        }
        state
    }

    pub(super) fn account(&mut self, user: &str) -> &mut Account {
        self.accounts.get_mut(user).unwrap_or_else(|| panic!("no user {user}"))
    }

    pub(super) fn find(&self, user: &str, mailbox: &str) -> Option<&Mailbox> {
        let mailboxes = &self.accounts.get(user)?.mailboxes;
        let other_case = || mailboxes.iter().find(|(name, _)| self.folds_case && name.eq_ignore_ascii_case(mailbox));
        mailboxes.get(mailbox).or_else(|| other_case().map(|(_, found)| found))
    }

    pub(super) fn find_mut(&mut self, user: &str, mailbox: &str) -> Option<&mut Mailbox> {
        let mailboxes = &mut self.accounts.get_mut(user)?.mailboxes;
        if self.folds_case && !mailboxes.contains_key(mailbox) {
            return mailboxes.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(mailbox)).map(|(_, found)| found);
        }
        mailboxes.get_mut(mailbox)
    }

    /// A UIDVALIDITY that was never used.
    pub(super) fn fresh_validity(&mut self) -> u32 {
        self.next_validity += 1;
        self.next_validity
    }

    /// Creates a mailbox and the parents it needs; false if it exists.
    pub(super) fn create(&mut self, user: &str, mailbox: &str) -> bool {
        let name = mailbox.trim_end_matches(self.separator);
        let parents: Vec<&str> = name.match_indices(self.separator).map(|(end, _)| &name[..end]).collect();
        for parent in parents {
            self.create_one(user, parent);
        }
        self.create_one(user, name)
    }

    fn create_one(&mut self, user: &str, name: &str) -> bool {
        if self.find(user, name).is_some() {
            return false;
        }
        let uid_validity = self.fresh_validity();
        self.account(user).mailboxes.insert(name.to_owned(), Mailbox::new(uid_validity)).is_none()
    }

    /// Renames a mailbox and everything below it; false if `from` is missing or `to` exists. INBOX stays and is emptied (RFC 3501 section 6.3.5).
    pub(super) fn rename(&mut self, user: &str, from: &str, to: &str) -> bool {
        if self.find(user, from).is_none() || self.find(user, to).is_some() {
            return false;
        }
        let (below, validity) = (format!("{from}{}", self.separator), self.fresh_validity());
        let mailboxes = &mut self.account(user).mailboxes;
        let concerned: Vec<String> =
            mailboxes.keys().filter(|name| *name == from || name.starts_with(&below)).cloned().collect();
        for name in concerned {
            if let Some(mailbox) = mailboxes.remove(&name) {
                mailboxes.insert(format!("{to}{}", &name[from.len()..]), mailbox);
            }
        }
        if from == "INBOX" {
            mailboxes.insert(from.to_owned(), Mailbox::new(validity));
        }
        true
    }
}

impl Mailbox {
    fn new(uid_validity: u32) -> Mailbox {
        Mailbox {
            id: uid_validity,
            uid_validity,
            uid_next: 1,
            mod_seq: 1,
            messages: Vec::new(),
            gone: Some(Vec::new()),
            special_use: None,
            selectable: true,
            read_only: false,
            keywords: true,
        }
    }

    pub(super) fn tick(&mut self) -> u64 {
        self.mod_seq += 1;
        self.mod_seq
    }

    pub(super) fn add(&mut self, flags: &BTreeSet<String>, date: &str, body: Arc<[u8]>) -> u32 {
        let (uid, mod_seq) = (self.uid_next, self.tick());
        self.uid_next += 1;
        let flags = flags.iter().filter(|flag| self.keeps(flag)).cloned().collect();
        self.messages.push(Message { uid, flags, date: date.to_owned(), body, mod_seq });
        uid
    }

    /// Removes the messages for which `which` holds and returns their UIDs.
    pub(super) fn remove(&mut self, which: impl Fn(&Message) -> bool) -> Vec<u32> {
        let uids: Vec<u32> = self.messages.iter().filter(|message| which(message)).map(|message| message.uid).collect();
        if !uids.is_empty() {
            let mod_seq = self.tick();
            self.messages.retain(|message| !which(message));
            self.gone.iter_mut().for_each(|gone| gone.extend(uids.iter().map(|uid| (*uid, mod_seq))));
        }
        uids
    }

    /// Gives a message other flags; false if nothing changed or it is not there.
    pub(super) fn set_flags(&mut self, uid: u32, change: impl FnOnce(&BTreeSet<String>) -> BTreeSet<String>) -> bool {
        let mod_seq = self.mod_seq + 1;
        let Some(at) = self.at(uid) else { return false };
        let mut flags = change(&self.messages[at].flags);
        flags.retain(|flag| self.keeps(flag));
        if flags == self.messages[at].flags {
            return false;
        }
        self.mod_seq = mod_seq;
        self.messages[at] = Message { flags, mod_seq, ..self.messages[at].clone() };
        true
    }

    pub(super) fn get(&self, uid: u32) -> Option<&Message> {
        self.at(uid).map(|at| &self.messages[at])
    }

    fn at(&self, uid: u32) -> Option<usize> {
        self.messages.binary_search_by_key(&uid, |message| message.uid).ok()
    }

    fn keeps(&self, flag: &str) -> bool {
        flag.starts_with('\\') || self.keywords
    }
}

/// Flags as the server keeps them: system flags in one spelling, no `\Recent`.
pub(super) fn flag_set<F: AsRef<str>>(flags: impl IntoIterator<Item = F>) -> BTreeSet<String> {
    const SYSTEM: [&str; 5] = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"];
    let spell = |flag: &str| SYSTEM.iter().find(|s| s.eq_ignore_ascii_case(flag)).map_or(flag, |s| s).to_owned();
    flags.into_iter().map(|flag| spell(flag.as_ref())).filter(|flag| !flag.eq_ignore_ascii_case("\\Recent")).collect()
}

/// The flags with more of them; keywords are the same in any case.
pub(super) fn with_flags(flags: &BTreeSet<String>, more: &BTreeSet<String>) -> BTreeSet<String> {
    let new = more.iter().filter(|flag| !holds(flags, flag));
    flags.iter().chain(new).cloned().collect()
}

/// The flags without some of them; keywords are the same in any case.
pub(super) fn without_flags(flags: &BTreeSet<String>, less: &BTreeSet<String>) -> BTreeSet<String> {
    flags.iter().filter(|flag| !holds(less, flag)).cloned().collect()
}

fn holds(flags: &BTreeSet<String>, flag: &str) -> bool {
    flags.iter().any(|one| one.eq_ignore_ascii_case(flag))
}
