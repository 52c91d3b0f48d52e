//! What a test can do to a command: see it, and decide what becomes of it. Values only.

use std::sync::Arc;

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
    /// It is carried out, and the whole answer goes through a function of the test before it is sent.
    Rewrite(Rewrite),
    /// This is sent again and again instead of an answer, until the client has had enough; nothing is carried out.
    Flood(Vec<u8>),
}

/// What a test makes of an answer.
#[derive(Clone)]
pub struct Rewrite(Arc<Rewriter>);

type Rewriter = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

impl Rewrite {
    /// Takes the octets of an answer, untagged responses and tagged line, and answers those to send.
    pub(super) fn apply(&self, answer: &[u8]) -> Vec<u8> {
        (self.0)(answer)
    }
}

impl std::fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rewrite")
    }
}

impl PartialEq for Rewrite {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Rewrite {}

impl Action {
    /// The command is carried out and each line of its answer exchanged for what `line` makes of it: itself, another, several, none.
    /// Lines come without CR LF.
    pub fn lines(line: impl Fn(&str) -> Vec<String> + Send + Sync + 'static) -> Action {
        Action::Rewrite(Rewrite(Arc::new(move |answer| {
            let text = String::from_utf8_lossy(answer);
            text.split_terminator("\r\n").flat_map(&line).map(|line| line + "\r\n").collect::<String>().into_bytes()
        })))
    }

    /// The command is carried out and its answer is what `whole` makes of it.
    pub fn answer(whole: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Action {
        Action::Rewrite(Rewrite(Arc::new(whole)))
    }
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
