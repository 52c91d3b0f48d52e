//! Deleting a folder, which no sync ever does: only a person asks for it.

use crate::codec::decoder::Item;
use crate::codec::mailbox_name::NameForm;
use crate::codec::response::Tagged;
use crate::commands::{is_ok, mailbox, require_ok};
use crate::connection::{Command, Exchange, Mailbox, SessionView};
use offlinesync_core::{Error, ErrorKind, FolderName, Result};

/// Deletes a folder with everything in it, and ends its subscription.
#[derive(Debug)]
pub(super) struct Delete {
    name: FolderName,
    form: NameForm,
    refused: Option<Error>,
}

impl Delete {
    pub(super) fn new(name: &FolderName, form: NameForm) -> Self {
        Delete { name: name.clone(), form, refused: None }
    }

    /// Whether the folder was deleted.
    pub(super) fn finish(self) -> Result<()> {
        self.refused.map_or(Ok(()), Err)
    }
}

impl Exchange for Delete {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        self.form.utf8 = session.utf8;
        Ok(vec![mailbox::delete(&self.name, self.form)])
    }

    fn item(&mut self, _: Item<'_>, _: &Mailbox) -> Result<()> {
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        if index != 0 {
            return Ok(Vec::new());
        }
        self.refused = require_ok("it was not deleted", &tagged, ErrorKind::Folder).err();
        Ok(if is_ok(&tagged) { vec![mailbox::unsubscribe(&self.name, self.form)] } else { Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    fn delete(script: &str) -> Result<()> {
        let mut script = Script::new("", script);
        let mut delete = Delete::new(&FolderName::from("a/b c"), NameForm::default());
        script.run(&mut delete)?;
        script.finish();
        delete.finish()
    }

    #[test]
    fn a_deleted_folder_is_subscribed_no_more_and_a_refusal_is_told() {
        delete("> DELETE \"a/b c\"\n< 0 OK gone\n> UNSUBSCRIBE \"a/b c\"\n< 1 NO never was").unwrap();
        let error = delete("> DELETE \"a/b c\"\n< 0 NO [NONEXISTENT] no such mailbox").unwrap_err();
        assert_eq!(error.to_string(), "it was not deleted: the server answered: NO no such mailbox");
    }
}
