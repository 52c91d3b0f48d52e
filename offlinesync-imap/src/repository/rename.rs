//! The exchange that renames a folder (RFC 3501 section 6.3.5). Those below it go along; subscriptions do not, and are moved one by one.

use crate::codec::decoder::Item;
use crate::codec::mailbox_name::NameForm;
use crate::codec::response::Tagged;
use crate::commands::{is_ok, is_passing, mailbox, refusal};
use crate::connection::{Command, Exchange, Mailbox, SessionView};
use offlinesync_core::{Error, ErrorKind, FolderName, Result};

#[derive(Debug)]
pub(super) struct Rename {
    /// Old and new names, that of the folder first.
    names: Vec<(FolderName, FolderName)>,
    form: NameForm,
    renamed: Result<bool, Error>,
}

impl Rename {
    pub(super) fn new(from: &FolderName, to: &FolderName, below: &[(FolderName, FolderName)], form: NameForm) -> Self {
        let names = std::iter::once((from.clone(), to.clone())).chain(below.iter().cloned()).collect();
        Rename { names, form, renamed: Ok(false) }
    }

    /// Whether it was renamed; `false`: the server does not want that.
    pub(super) fn finish(self) -> Result<bool> {
        self.renamed
    }

    fn subscriptions(&self) -> Vec<Command> {
        let moved = |(from, to): &(FolderName, FolderName)| {
            [mailbox::subscribe(to, self.form), mailbox::unsubscribe(from, self.form)]
        };
        self.names.iter().flat_map(moved).collect()
    }
}

impl Exchange for Rename {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        self.form.utf8 = session.utf8;
        Ok(self.names.first().map(|(from, to)| mailbox::rename(from, to, self.form)).into_iter().collect())
    }

    fn item(&mut self, _: Item<'_>, _: &Mailbox) -> Result<()> {
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        // A subscription that stays is no harm.
        if index > 0 {
            return Ok(Vec::new());
        }
        self.renamed = match is_passing(&tagged) {
            true => Err(refusal("it was not renamed", &tagged, ErrorKind::Unavailable)),
            false => Ok(is_ok(&tagged)),
        };
        Ok(if is_ok(&tagged) { self.subscriptions() } else { Vec::new() })
    }
}
