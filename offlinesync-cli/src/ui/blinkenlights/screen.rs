//! The terminal: taken, drawn on by one thread, lent to who needs it, and given back at the end, after a panic and before the process
//! is ended at once.

use super::draw::draw;
use super::state::{Command, State};
use crate::control::Control;
use crate::signals;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{cursor, execute};
use ratatui::{DefaultTerminal, Terminal};
use std::io::{Result as IoResult, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

/// How soon a change is drawn and the end is noticed.
const FRAME: Duration = Duration::from_millis(50);
/// How often the clocks on the screen move.
const TICK: Duration = Duration::from_millis(500);

/// A screen.
pub(super) struct Screen {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Who needs both locks takes `state` first: a fault while the state changes must find `phase` free, or soon free.
struct Shared {
    /// What is shown, and whether it changed since it was drawn.
    state: Mutex<(State, bool)>,
    phase: Mutex<Phase>,
    /// Whether the terminal is switched. It is switched back once: the second time would put the cursor back to where it was at first, and
    /// what was written since would be written over.
    switched: AtomicBool,
    changed: Condvar,
    /// The thread that draws.
    drawing: OnceLock<ThreadId>,
    control: Arc<Control>,
    colours: bool,
}

/// Whose the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Ours.
    Ours,
    /// Somebody asks for it.
    Asked,
    /// Somebody has it.
    Lent,
    /// Given back for good.
    Gone,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be switched, or not be drawn on.
    pub(super) fn open(control: Arc<Control>, colours: bool) -> IoResult<Screen> {
        let shared = Arc::new(Shared {
            state: Mutex::new((State::default(), true)),
            phase: Mutex::new(Phase::Ours),
            switched: AtomicBool::new(false),
            changed: Condvar::new(),
            drawing: OnceLock::new(),
            control,
            colours,
        });
        let terminal = shared.take().inspect_err(|_| shared.give_back())?;
        shared.give_back_after_a_fault();
        let leaving = Arc::clone(&shared);
        shared.control.on_abort(move || leaving.leave());
        let drawing = Arc::clone(&shared);
        let thread = std::thread::spawn(move || drawing.run(terminal));
        Ok(Screen { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Changes what is shown.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(feature = "testing")]
        crate::testing::fault("showing");
        change(&mut state.0);
        state.1 = true;
    }

    /// Whether anything is seen of it.
    pub(super) fn is_open(&self) -> bool {
        self.shared.phase() != Phase::Gone
    }

    /// Runs something that needs the terminal for itself.
    pub(super) fn lend(&self, work: &mut dyn FnMut()) {
        let lent = self.shared.ask();
        work();
        if lent {
            self.shared.set(Phase::Ours);
        }
    }

    /// Gives the terminal back.
    pub(super) fn close(&self) {
        self.shared.leave();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        self.changed.notify_all();
    }

    /// Waits until the terminal is lent; `false` if there is nothing to lend.
    fn ask(&self) -> bool {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase != Phase::Ours {
            return false;
        }
        *phase = Phase::Asked;
        while *phase == Phase::Asked {
            phase = self.changed.wait(phase).unwrap_or_else(PoisonError::into_inner);
        }
        *phase == Phase::Lent
    }

    /// Gives the terminal back for good, whoever runs; nothing is drawn afterwards.
    fn leave(&self) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *phase, Phase::Gone) == Phase::Ours {
            self.give_back();
        }
        drop(phase);
        self.changed.notify_all();
    }

    /// A fault in any thread gives the terminal back before it is told, and ends the program: nobody would see how it goes on. The thread
    /// that draws may hold both locks then, so it does without.
    fn give_back_after_a_fault(self: &Arc<Self>) {
        let (shared, before) = (Arc::clone(self), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |fault| {
            if shared.drawing.get() == Some(&std::thread::current().id()) {
                shared.give_back();
            } else {
                shared.leave();
            }
            before(fault);
            shared.control.fault();
        }));
    }

    /// What the thread that draws does.
    fn run(&self, terminal: DefaultTerminal) {
        let _ = self.drawing.set(std::thread::current().id());
        if catch_unwind(AssertUnwindSafe(|| self.draw_and_read(terminal))).is_err() {
            self.set(Phase::Gone);
        }
    }

    /// Draws and reads keys until the terminal is given back.
    fn draw_and_read(&self, mut terminal: DefaultTerminal) {
        let mut drawn = Instant::now();
        loop {
            match self.phase() {
                Phase::Gone => return,
                Phase::Asked | Phase::Lent => match self.lend() {
                    Some(again) => terminal = again,
                    None => return,
                },
                Phase::Ours => {}
            }
            let read = event::poll(FRAME).and_then(|ready| if ready { self.read() } else { Ok(()) });
            let due = std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).1);
            let drawing = if due || drawn.elapsed() >= TICK {
                drawn = Instant::now();
                self.draw(&mut terminal)
            } else {
                Ok(())
            };
            if read.and(drawing).is_err() {
                return self.leave();
            }
        }
    }

    /// Draws, unless the terminal was given back meanwhile.
    fn draw(&self, terminal: &mut DefaultTerminal) -> IoResult<()> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase == Phase::Ours {
            #[cfg(feature = "testing")]
            crate::testing::fault("drawing");
            terminal.draw(|frame| draw(frame, &state.0, Instant::now(), self.colours))?;
        }
        Ok(())
    }

    /// Lends the terminal and takes it again.
    fn lend(&self) -> Option<DefaultTerminal> {
        self.give_back();
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase == Phase::Asked {
            *phase = Phase::Lent;
            self.changed.notify_all();
        }
        while *phase == Phase::Lent {
            phase = self.changed.wait(phase).unwrap_or_else(PoisonError::into_inner);
        }
        if *phase == Phase::Gone {
            return None;
        }
        drop(phase);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.take().ok()
    }

    /// Asks the terminal nothing: one that does not answer, or late, is drawn on all the same.
    fn take(&self) -> IoResult<DefaultTerminal> {
        self.switched.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All), cursor::Hide)?;
        Terminal::new(CrosstermBackend::new(stdout()))
    }

    /// Does what can be done; there is nobody to tell that it could not.
    fn give_back(&self) {
        if self.switched.swap(false, Ordering::SeqCst) {
            let _ = execute!(stdout(), LeaveAlternateScreen, cursor::Show);
            let _ = disable_raw_mode();
        }
    }

    fn read(&self) -> IoResult<()> {
        let event = event::read()?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = true;
        let command = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => state.0.key(key),
            _ => None,
        };
        drop(state);
        match command {
            Some(Command::SyncAll) => self.control.cut_sleep(),
            Some(Command::Sync(account)) => self.control.cut_sleep_of(&account),
            Some(Command::Hold(held)) => self.control.hold(held),
            Some(Command::Quit) => signals::interrupt(&self.control),
            None => {}
        }
        Ok(())
    }
}
