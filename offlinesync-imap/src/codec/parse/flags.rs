//! Lists of flags. Whatever one flag looks like, the others stay.

use super::super::lexer::{Lexer, Value};
use offlinesync_core::{Flags, Result, SystemFlags};

/// A list of flags and whether `\*` was in it.
#[derive(Debug, Default)]
pub(super) struct FlagList {
    pub(super) flags: Flags,
    pub(super) any_keyword: bool,
}

/// Reads a list, NIL or a single flag; `None` if there is none or it is not closed.
pub(super) fn list(lexer: &mut Lexer<'_>) -> Result<Option<FlagList>> {
    let mut list = FlagList::default();
    if !lexer.eat(b'(') {
        let single = lexer.token();
        return Ok(single.map(|flag| {
            add(&mut list, &flag);
            list
        }));
    }
    let mut words = 0;
    loop {
        if lexer.eat(b')') {
            return Ok(Some(list));
        }
        match lexer.token() {
            Some(flag) => add(&mut list, &flag),
            None if lexer.skip_value() => {}
            None => return Ok(None),
        }
        words += 1;
        super::bounded(words)?;
    }
}

fn add(list: &mut FlagList, flag: &Value<'_>) {
    let Some(name) = flag.bytes() else { return };
    if name.first() == Some(&b'\\') {
        list.any_keyword |= name == b"\\*";
        if let Some(flag) = system(name) {
            list.flags.system = list.flags.system.union(flag);
        }
    } else if is_keyword(name)
        && let Ok(name) = std::str::from_utf8(name)
    {
        match SystemFlags::from_imap(name) {
            Some(flag) => list.flags.system = list.flags.system.union(flag),
            None => list.flags.keywords.insert(name),
        }
    }
}

/// The commonest first; [`SystemFlags::from_imap`] knows them all.
fn system(name: &[u8]) -> Option<SystemFlags> {
    if name == b"\\Seen" { Some(SystemFlags::SEEN) } else { SystemFlags::from_imap(std::str::from_utf8(name).ok()?) }
}

/// Whether a keyword can be sent back in a STORE.
///
/// Any other keyword is left out when read, so that it is neither copied nor taken for removed, and is never written.
pub(in super::super) fn is_keyword(name: &[u8]) -> bool {
    offlinesync_core::is_atom(name)
}
