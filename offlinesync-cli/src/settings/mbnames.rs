//! `[mbnames]`: the list of mailboxes for mail readers.

use super::rules;
use crate::config::discover::{Environment, expand};
use crate::config::pyexpr::Expression;
use crate::config::{Config, Place};
use offlinesync_core::Result;
use std::path::PathBuf;

/// How the list looks.
#[derive(Clone, Debug)]
pub struct MailboxList {
    /// The file.
    pub file: PathBuf,
    /// Text before the list.
    pub header: String,
    /// Text for each mailbox, with `%(name)s` to be filled in.
    pub per_item: String,
    /// Text between two mailboxes.
    pub separator: String,
    /// Text behind the list.
    pub footer: String,
    /// Which mailboxes are listed.
    pub filter: Option<Expression>,
    /// The expression of `sort_keyfunc`, as written.
    pub sort_key: Option<String>,
    /// Where the section is, for messages.
    pub place: Place,
}

impl MailboxList {
    /// Reads the section; `None` if there is none or it is not enabled.
    ///
    /// # Errors
    /// Kind `Configuration`, naming the option.
    pub fn read(config: &Config, environment: &dyn Environment) -> Result<Option<Self>> {
        const SECTION: &str = "mbnames";
        let Some(place) = config.section_place(SECTION).cloned() else { return Ok(None) };
        if !config.boolean(SECTION, "enabled", false)? {
            return Ok(None);
        }
        let file = config.get_filled(SECTION, "filename")?;
        let file = file.ok_or_else(|| super::maildir::missing(config, SECTION, "filename"))?;
        let text = |name: &str| -> Result<String> { Ok(rules::text(config, SECTION, name)?.unwrap_or_default()) };
        let per_item = config.raw(SECTION, "peritem").map(|raw| raw.replace("%%", "%"));
        let sort_key = match config.get_filled(SECTION, "sort_keyfunc")? {
            Some(value) => rules::function(config, SECTION, "sort_keyfunc")?.map(|_| value.text),
            None => None,
        };
        Ok(Some(MailboxList {
            file: expand(file.text.trim(), environment),
            header: text("header")?,
            per_item: per_item.ok_or_else(|| super::maildir::missing(config, SECTION, "peritem"))?,
            separator: text("sep")?,
            footer: text("footer")?,
            filter: rules::function(config, SECTION, "folderfilter")?,
            sort_key,
            place,
        }))
    }
}
