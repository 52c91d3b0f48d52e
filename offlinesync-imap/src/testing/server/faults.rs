//! What a test can do to a command: see it, and decide what becomes of it. Values only.

/// A command as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Which connection, from 1.
    pub connection: usize,
    /// Who is logged in; empty before.
    pub user: String,
    /// The mailbox that is selected; empty if none is.
    pub selected: String,
    /// The command's name in upper case, with UID where it has one: `UID FETCH`.
    pub name: String,
    /// The first line without its tag and CR LF (up to the first literal), passwords and all.
    pub line: String,
}

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is carried out.
    Continue,
    /// `NO` with this text (a code in brackets first, if wanted); nothing is carried out.
    No(&'static str),
    /// `BAD` with this text; nothing is carried out.
    Bad(&'static str),
    /// `* BYE` and the end of the connection; nothing is carried out.
    Bye,
    /// It is carried out, but of the answer only so many octets arrive before the connection is cut: 0 loses the whole answer.
    CutAfter(usize),
    /// Only so many octets of what follows the first line are read, then the connection is cut; nothing is carried out.
    CutInput(usize),
    /// No answer, and nothing is carried out; the connection stays open until the client gives up.
    Stall,
    /// This is sent instead of carrying it out; `{tag}` stands for the command's tag.
    Replace(Vec<u8>),
    /// This is sent first, then the command is carried out.
    Insert(Vec<u8>),
}

type Ask = Box<dyn FnMut(&Received) -> Action + Send>;

/// The test's say.
#[derive(Default)]
pub(super) struct Hook(Option<Ask>);

impl Hook {
    pub(super) fn new(ask: impl FnMut(&Received) -> Action + Send + 'static) -> Self {
        Hook(Some(Box::new(ask)))
    }

    pub(super) fn ask(&mut self, received: &Received) -> Action {
        self.0.as_mut().map_or(Action::Continue, |ask| ask(received))
    }
}
