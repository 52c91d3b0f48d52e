//! What two other parsers understand, said in our types, so that it can be compared.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

pub(crate) mod codec;
pub(crate) mod proto;

use offlinesync_core::{Flags, Uid};
use offlinesync_imap::codec::response::*;
use offlinesync_imap::codec::uidset;

/// What another parser made of a response. `None` where it has no words for what we have or the other way round.
pub(crate) type Meaning = Option<Response>;

/// Brings both to what both can say: texts as far as they are kept, codes if both know them, sets as sets.
pub(crate) fn common(ours: Response, theirs: Response) -> (Response, Response) {
    let (mut ours, mut theirs) = (ours, theirs);
    if let (Some(ours), Some(theirs)) = (status_of(&mut ours), status_of(&mut theirs)) {
        let unknown = |code: &Option<Code>| matches!(code, None | Some(Code::Other(..)));
        if ours.code.is_some() && theirs.code.is_none() {
            // imap-proto leaves a code that it does not know in the text.
            let after =
                theirs.text.strip_prefix('[').and_then(|t| t.split_once(']')).map(|(_, text)| text.trim().into());
            theirs.text = after.unwrap_or(std::mem::take(&mut theirs.text));
        }
        if unknown(&ours.code) || unknown(&theirs.code) {
            (ours.code, theirs.code) = (None, None);
        }
        if &*theirs.text == "..." && ours.text.is_empty() {
            // imap-codec writes this where there is no text.
            theirs.text = Box::default();
        }
    }
    for one in [&mut ours, &mut theirs] {
        match one {
            Response::Data(Data::Vanished { uids, .. }) => *uids = uidset::merged(std::mem::take(uids)),
            Response::Continue(text) => *text = Box::default(),
            Response::Data(Data::List(entry) | Data::Lsub(entry)) => {
                entry.attributes.iter_mut().for_each(|a| a.make_ascii_lowercase());
            }
            _ => {}
        }
        if let Some(Some(Code::Modified(uids))) = status_of(one).map(|s| &mut s.code) {
            *uids = uidset::merged(std::mem::take(uids));
        }
    }
    (ours, theirs)
}

fn status_of(response: &mut Response) -> Option<&mut StatusResponse> {
    match response {
        Response::Status(status) | Response::Tagged(Tagged { status, .. }) => Some(status),
        _ => None,
    }
}

fn status(condition: Condition, code: Option<Code>, text: &str) -> StatusResponse {
    StatusResponse { condition, code, text: text.trim_matches(|c: char| c.is_ascii_whitespace()).into() }
}

/// A code that is only known by name.
fn unknown() -> Option<Code> {
    Some(Code::Other(Box::default(), Box::default()))
}

/// Flags as we keep them: without what is no keyword for us.
fn flags<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Flags {
    let names: Vec<S> = names.into_iter().filter(|n| !n.as_ref().eq_ignore_ascii_case("NIL")).collect();
    Flags::from_imap(names.iter().map(AsRef::as_ref))
}

fn words<S: ToString>(words: impl IntoIterator<Item = S>) -> Vec<Box<str>> {
    words.into_iter().map(|w| w.to_string().to_ascii_uppercase().into()).collect()
}

fn range(a: u32, b: u32) -> Option<(Uid, Uid)> {
    Some((Uid::new(a.min(b))?, Uid::new(a.max(b))?))
}

fn content(data: Option<&[u8]>) -> Body {
    data.map_or(Body::Nil, |d| Body::Inline(d.into()))
}
