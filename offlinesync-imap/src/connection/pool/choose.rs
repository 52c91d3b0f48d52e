//! Which connection does what. Decides only; opens and waits for nothing.

use super::super::On;
use super::super::link::Link;
use offlinesync_core::Error;
use std::sync::Arc;

/// What a connection is wanted for.
#[derive(Clone, Copy)]
pub(super) enum Use<'a> {
    /// Together with others: a little work where others work already, or so much that it should have a connection to itself if there
    /// can be another.
    Shared(On<'a>, Amount),
    Alone,
}

/// How much a connection is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    Little,
    Much,
}

/// So many octets are worth a connection of their own: opening one takes about five round trips.
const MUCH: u64 = 1 << 20;
/// So many may share a connection before another is opened: their commands go out together, which costs no round trip.
const SHARING: usize = 4;

impl Amount {
    pub(super) fn of(octets: u64) -> Self {
        if octets >= MUCH { Amount::Much } else { Amount::Little }
    }
}

/// What to do about it.
pub(super) enum Choice {
    Take(Arc<Link>),
    Open,
    Wait,
}

struct Slot {
    link: Arc<Link>,
    users: usize,
    leased: bool,
}

/// The connections there are.
pub(super) struct Slots {
    all: Vec<Slot>,
    /// Most connections; falls when the server allows fewer.
    pub(super) limit: usize,
    /// Being opened.
    pub(super) opening: usize,
    /// The number of the last one opened.
    pub(super) number: usize,
    /// Counts everything that others may wait for.
    pub(super) changes: u64,
    /// How many attempts to open one have failed, and how the last did.
    pub(super) failures: u64,
    last_failure: Option<Error>,
}

impl Slots {
    pub(super) fn new(limit: usize) -> Self {
        Slots { all: Vec::new(), limit, opening: 0, number: 0, changes: 0, failures: 0, last_failure: None }
    }

    pub(super) fn choose(&mut self, what: Use<'_>) -> Choice {
        self.all.retain(|slot| slot.users > 0 || !slot.link.is_dead());
        while let Some(index) = self.candidate(what) {
            let Some(slot) = self.all.get_mut(index) else { break };
            // An idle connection may have been closed by the server meanwhile.
            if slot.users == 0 && !slot.link.is_fresh() {
                self.all.remove(index);
                continue;
            }
            slot.users += 1;
            slot.leased = matches!(what, Use::Alone);
            return Choice::Take(slot.link.clone());
        }
        if self.may_open(what) { Choice::Open } else { Choice::Wait }
    }

    /// One more connection is open, for this use.
    pub(super) fn add(&mut self, link: Arc<Link>, what: Use<'_>) {
        self.changes += 1;
        self.all.push(Slot { link, users: 1, leased: matches!(what, Use::Alone) });
    }

    /// Takes every connection that nobody uses; each must be released.
    pub(super) fn take_idle(&mut self) -> Vec<Arc<Link>> {
        let idle = self.all.iter_mut().filter(|slot| slot.users == 0 && !slot.link.is_dead());
        idle.map(|slot| {
            slot.users += 1;
            slot.link.clone()
        })
        .collect()
    }

    /// A use has ended. A server that has too much to do gets one connection less. Answers the connection if it is not to be used any
    /// more, to be dropped outside the lock.
    pub(super) fn release(&mut self, link: &Arc<Link>) -> Option<Arc<Link>> {
        self.changes += 1;
        let index = self.all.iter().position(|slot| Arc::ptr_eq(&slot.link, link))?;
        let slot = self.all.get_mut(index)?;
        slot.users -= 1;
        slot.leased = false;
        if slot.link.take_pressed() {
            self.limit = self.limit.min(self.all.len()).saturating_sub(1).max(1);
        }
        let slot = self.all.get_mut(index)?;
        let (idle, dead) = (slot.users == 0, slot.link.is_dead());
        (idle && (dead || self.all.len() > self.limit)).then(|| self.all.remove(index).link)
    }

    /// Forgets all connections.
    pub(super) fn take_all(&mut self) -> Vec<Arc<Link>> {
        self.changes += 1;
        self.all.drain(..).map(|slot| slot.link).collect()
    }

    pub(super) fn note_failure(&mut self, error: &Error) {
        self.changes += 1;
        self.failures += 1;
        self.last_failure = Some(error.again());
    }

    /// For those who waited for a first connection that could not be opened: they fail with it, and do not try the password again.
    pub(super) fn failed_since(&self, failures: u64) -> Option<Error> {
        if self.failures == failures || !self.all.is_empty() || self.opening > 0 {
            return None;
        }
        self.last_failure.as_ref().map(Error::again)
    }

    /// Whether the connections there are can do the work. Then no more are opened.
    pub(super) fn give_up_growing(&mut self) -> bool {
        let living = self.all.iter().filter(|slot| !slot.link.is_dead()).count();
        let enough = living > 0;
        if enough {
            self.limit = living + self.opening;
        }
        enough
    }

    /// A connection that is there and suits: has the mailbox, else is idle, else has little to do, else (if no more may be opened) has
    /// the least to do. Where there is much to do, only an idle one suits as long as more may be opened.
    fn candidate(&self, what: Use<'_>) -> Option<usize> {
        let usable = || self.all.iter().enumerate().filter(|(_, slot)| !slot.leased && !slot.link.is_dead());
        let idle = || usable().filter(|(_, slot)| slot.users == 0);
        let index = |(index, _): (usize, &Slot)| index;
        match what {
            Use::Alone if !self.may_lease() => None,
            // One that has no mailbox selected is the least loss to the others.
            Use::Alone => idle().next_back().map(index),
            Use::Shared(on, amount) => {
                let has = |slot: &Slot| match on {
                    On::Anywhere => false,
                    On::Mailbox { name, .. } | On::Verified { name, .. } => slot.link.will_have(name),
                };
                let most = match (self.may_open(what), amount) {
                    (true, Amount::Little) => SHARING,
                    (true, Amount::Much) => 1,
                    (false, _) => usize::MAX,
                };
                let little = amount == Amount::Little;
                let that_has_it = usable().find(|(_, slot)| has(slot) && (little || slot.users == 0));
                let least = || usable().min_by_key(|(_, slot)| slot.users).filter(|(_, slot)| slot.users < most);
                that_has_it.or_else(|| idle().next()).or_else(least).map(index)
            }
        }
    }

    /// Whether one more may be opened. The first opens alone: if the password is wrong, once is enough.
    fn may_open(&self, what: Use<'_>) -> bool {
        let first = self.all.is_empty();
        let room = self.all.len() + self.opening < self.limit;
        room && !(first && self.opening > 0) && (matches!(what, Use::Shared(..)) || self.may_lease())
    }

    /// Whether another lease leaves a connection for everyone else.
    fn may_lease(&self) -> bool {
        let leased = self.all.iter().filter(|slot| slot.leased).count();
        leased + 1 < self.limit.max(2)
    }
}
