//! Failures on demand, at exactly the place a test names. Deterministic: no clock, no chance.
//!
//! [`Faults`] counts effects over everything that shares it (two repositories and a status store make one account) and stops or
//! fails at the n-th. [`Faulty`] and [`FaultyStatus`] wrap what shall fail; [`Faulty`] also has messages and listings that fail by
//! themselves.
//!
//! ```text
//! for n in 1.. {
//!     let faults = Faults::new();
//!     let world = …;                                  // Faulty::new(memory, &faults), FaultyStatus::new(status, &faults)
//!     faults.stop_before(n);
//!     sync(&world);                                   // ends in an error, or not at all if n is beyond the last effect
//!     if faults.effects() < n { break }
//!     faults.mend();
//!     sync(&world); check(&world);
//! }
//! ```

mod folder;
mod intake;
mod repository;
mod status;

pub use repository::{Bad, Faulty, Listing};
pub use status::FaultyStatus;

use crate::error::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts effects and fails at one of them. Clones share the count.
///
/// An effect is a call that may change something or asks for a state: `list`, `create`, `rename`, `initialize`, `changes`, `fetch`, `headers`,
/// `store`, `remove`, `transfer`, `note_partners`; of an intake `begin`, `write`, `end`, `discard`, `commit`; of a status store
/// `apply`, `forget`, `rename`. Effects are numbered from 1.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    log: Vec<&'static str>,
    meanwhile: Option<(u64, Meanwhile)>,
    next: Option<(u64, Fault)>,
    stopped: Option<u64>,
}

/// What somebody else does in the middle of a run.
struct Meanwhile(Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// This one fails; later ones work.
    Fail(ErrorKind),
    /// Nothing works any more, this one not either.
    Stop(Moment),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Before,
    Within,
    After,
}

impl Faults {
    /// Counts, and lets everything pass.
    pub fn new() -> Self {
        Self::default()
    }

    /// Effect `n` is not carried out and fails with `kind`; later ones work.
    pub fn fail_at(&self, n: u64, kind: ErrorKind) {
        self.script().next = Some((n, Fault::Fail(kind)));
    }

    /// The world ends before effect `n`: neither it nor anything later is carried out.
    pub fn stop_before(&self, n: u64) {
        self.script().next = Some((n, Fault::Stop(Moment::Before)));
    }

    /// The world ends halfway through effect `n`: of a call about many messages the first half is carried out, others not at all.
    pub fn stop_within(&self, n: u64) {
        self.script().next = Some((n, Fault::Stop(Moment::Within)));
    }

    /// The world ends after effect `n`: it is carried out, but nobody hears of it.
    pub fn stop_after(&self, n: u64) {
        self.script().next = Some((n, Fault::Stop(Moment::After)));
    }

    /// Somebody else does something just before effect `n`, which is then carried out as ever. `act` must not ask for an effect itself.
    pub fn act_before(&self, n: u64, act: impl FnOnce() + Send + 'static) {
        self.script().meanwhile = Some((n, Meanwhile(Box::new(act))));
    }

    /// Counts an effect that is carried out elsewhere, and says what is to become of it.
    pub fn fate(&self, what: &'static str) -> Fate {
        match self.due(what) {
            Ok(None) => Fate::Whole,
            Err(_) | Ok(Some(Fault::Fail(_))) => Fate::Nothing,
            Ok(Some(Fault::Stop(moment))) => {
                self.stop();
                match moment {
                    Moment::Before => Fate::Nothing,
                    Moment::Within => Fate::Half,
                    Moment::After => Fate::Unheard,
                }
            }
        }
    }

    /// Everything works again. The count goes on.
    pub fn mend(&self) {
        let mut script = self.script();
        (script.next, script.stopped, script.meanwhile) = (None, None, None);
    }

    /// How many effects there were, with the one that failed and those asked for after the end of the world.
    pub fn effects(&self) -> u64 {
        self.script().log.len() as u64
    }

    /// What the effects were, the first first.
    pub fn log(&self) -> Vec<&'static str> {
        self.script().log.clone()
    }

    /// Whether the world has ended.
    pub fn stopped(&self) -> bool {
        self.stopped_at().is_some()
    }

    /// At which effect the world has ended.
    pub fn stopped_at(&self) -> Option<u64> {
        self.script().stopped
    }

    fn stop(&self) {
        let mut script = self.script();
        script.stopped = Some(script.log.len() as u64);
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails once the world has ended; for calls that are no effects.
    fn check(&self) -> Result<()> {
        if self.stopped() { Err(ended()) } else { Ok(()) }
    }

    /// Carries out an effect of something else that shares the count, or not.
    ///
    /// # Errors
    /// What `act` answered, or that the effect was made to fail.
    pub fn effect<T>(&self, what: &'static str, act: impl FnOnce() -> Result<T>) -> Result<T> {
        self.divisible(what, |part| match part {
            Part::Whole => act().map(Some),
            Part::Half => Ok(None),
        })
    }

    /// As [`Faults::effect`], for an effect that can be carried out by half. The answer of a half is not used.
    fn divisible<T>(&self, what: &'static str, act: impl FnOnce(Part) -> Result<Option<T>>) -> Result<T> {
        let whole = |answer: Option<T>| answer.ok_or_else(ended);
        match self.due(what)? {
            None => act(Part::Whole).and_then(whole),
            Some(Fault::Fail(kind)) => Err(Error::new(kind, format!("{what} was made to fail"))),
            Some(Fault::Stop(moment)) => {
                match moment {
                    Moment::Before => {}
                    Moment::Within => drop(act(Part::Half)),
                    Moment::After => drop(act(Part::Whole)),
                }
                self.stop();
                Err(ended())
            }
        }
    }

    fn let_others_act(&self) {
        let mut script = self.script();
        let now = script.log.len() as u64;
        let due = script.meanwhile.take_if(|(n, _)| *n <= now);
        drop(script);
        if let Some((_, Meanwhile(act))) = due {
            act();
        }
    }

    fn due(&self, what: &'static str) -> Result<Option<Fault>> {
        self.script().log.push(what);
        self.let_others_act();
        let mut script = self.script();
        if script.stopped.is_some() {
            return Err(ended());
        }
        let now = script.log.len() as u64;
        Ok(script.next.take_if(|(n, _)| *n <= now).map(|(_, fault)| fault))
    }
}

/// What is to become of an effect that is carried out elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out.
    Whole,
    /// Half of it is carried out, and nobody hears of it.
    Half,
    /// It is carried out, but nobody hears of it.
    Unheard,
    /// It is not carried out.
    Nothing,
}

/// How much of an effect is to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Half,
}

impl Part {
    fn of<T>(self, all: &[T]) -> &[T] {
        match self {
            Part::Whole => all,
            Part::Half => &all[..all.len() / 2],
        }
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Storage, "the world has ended here")
}
