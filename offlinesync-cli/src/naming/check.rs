//! Whether `nametrans` is fit for the folders there are: both directions undo each other, no two folders meet in one, no name
//! leads out of the store. Pure.

use super::Names;
use offlinesync_core::sync::Naming;
use offlinesync_core::{Error, ErrorKind, FolderName, PerSide, Result, Side};
use std::collections::{BTreeMap, BTreeSet};

/// So many folders are named in one message.
const MANY: usize = 20;

/// Refuses names that would mix folders, listing those concerned. Folders that are left out, or whose expression fails, are not
/// looked at: the latter are told of one by one.
pub(super) fn check(
    names: &Names,
    folders: &PerSide<Vec<FolderName>>,
    separators: &PerSide<Option<char>>,
    may_create: &PerSide<bool>,
) -> Result<()> {
    let remote = Translations::of(names, Side::Remote, folders.remote.iter(), separators);
    let known: BTreeSet<&FolderName> = remote.pairs.iter().map(|(_, there)| there).collect();
    // A local folder that a remote one is translated to is that one's; the others are on their way to the server.
    let new = folders.local.iter().filter(|name| may_create.remote && !known.contains(name));
    let local = Translations::of(names, Side::Local, new, separators);
    let mut faults = Vec::new();
    for translations in [&remote, &local] {
        translations.escapes(&mut faults);
        translations.meetings(&mut faults);
    }
    remote.round_trips(may_create.remote, &mut faults);
    local.round_trips(true, &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(refusal(&faults)) }
}

/// Folders of one side with their names on the other.
struct Translations<'a> {
    names: &'a Names,
    side: Side,
    separators: &'a PerSide<Option<char>>,
    pairs: Vec<(&'a FolderName, FolderName)>,
}

impl<'a> Translations<'a> {
    fn of(
        names: &'a Names,
        side: Side,
        folders: impl Iterator<Item = &'a FolderName>,
        separators: &'a PerSide<Option<char>>,
    ) -> Self {
        let translated = |name| Some((name, names.translate(side, name, separators).ok().flatten()?));
        Translations { names, side, separators, pairs: folders.filter_map(translated).collect() }
    }

    fn escapes(&self, faults: &mut Vec<String>) {
        let escaping = self.pairs.iter().filter(|(_, there)| escapes(there.as_str()));
        faults.extend(escaping.map(|(name, there)| {
            format!("'{name}' of the {} side would be {:?}, which leads out of the store", self.side, there.as_str())
        }));
    }

    fn meetings(&self, faults: &mut Vec<String>) {
        let mut meetings: BTreeMap<&FolderName, BTreeSet<&FolderName>> = BTreeMap::new();
        self.pairs.iter().for_each(|(name, there)| _ = meetings.entry(there).or_default().insert(name));
        faults.extend(meetings.iter().filter(|(_, names)| names.len() > 1).map(|(there, names)| {
            let names: Vec<String> = names.iter().take(MANY).map(|name| format!("'{name}'")).collect();
            format!("{} of the {} side would all be '{there}'", names.join(", "), self.side)
        }));
    }

    /// Where the way back does not matter, a name may have none: then it is the side itself that could create no folder.
    fn round_trips(&self, matters: bool, faults: &mut Vec<String>) {
        for (name, there) in self.pairs.iter().filter(|_| matters) {
            let back = self.names.translate(self.side.other(), there, self.separators);
            match back {
                Ok(Some(back)) if back != **name => faults.push(format!(
                    "'{name}' of the {} side would be '{there}', which translates back to '{back}'",
                    self.side
                )),
                _ => {}
            }
        }
    }
}

/// Whether a name leads out of a store that lays folders out as directories.
fn escapes(name: &str) -> bool {
    name.starts_with('/') || name.contains('\0') || name.split('/').any(|part| part == "." || part == "..")
}

fn refusal(faults: &[String]) -> Error {
    let mut text = faults.iter().take(MANY).map(String::as_str).collect::<Vec<_>>().join("; ");
    if faults.len() > MANY {
        text.push_str(&format!("; and {} more", faults.len() - MANY));
    }
    Error::new(ErrorKind::Configuration, format!("`nametrans` would mix folders; nothing was synced: {text}")).with_hint(
        "the `nametrans` of both repositories must undo each other (where it cannot, set `createfolders = no` in the remote one); \
         `--info` shows every folder with its name on the other side",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::pyexpr::Expression;
    use crate::settings::FolderRules;

    const SEPARATORS: PerSide<Option<char>> = PerSide { remote: Some('/'), local: Some('/') };

    fn rules(rename: &str) -> FolderRules {
        let rename = (!rename.is_empty()).then(|| Expression::parse(rename).unwrap());
        FolderRules { rename, ..FolderRules::default() }
    }

    fn said(remote: &str, local: &str, folders: [&[&str]; 2], may_create: bool) -> String {
        let names = Names::new(PerSide { remote: rules(remote), local: rules(local) }, None);
        let [remote, local] = folders.map(|names| names.iter().map(|name| FolderName::from(*name)).collect());
        let may_create = PerSide { remote: may_create, local: true };
        let result = names.check(&PerSide { remote, local }, &SEPARATORS, &may_create);
        result.err().map_or_else(String::new, |error| {
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.hint().unwrap().contains("must undo each other"));
            error.to_string().split_once("synced: ").unwrap().1.to_owned()
        })
    }

    const THERE: &str = "lambda f: {'[G]/Sent': 'sent'}.get(f, f)";
    const BACK: &str = "lambda f: {'sent': '[G]/Sent'}.get(f, f)";

    #[test]
    fn names_that_undo_each_other_are_fine_and_folders_of_the_other_side_alone_too() {
        assert_eq!(said(THERE, BACK, [&["INBOX", "[G]/Sent"], &["INBOX", "sent", "new"]], true), "");
        assert_eq!(said("", "", [&["a"], &["a", "b"]], true), "");
    }

    #[test]
    fn two_folders_that_would_be_one_are_named_with_what_they_would_be() {
        let said = said("lambda f: f.lower()", "", [&["Sent", "sent", "x"], &[]], false);
        assert_eq!(said, "'Sent', 'sent' of the remote side would all be 'sent'");
    }

    #[test]
    fn a_name_that_does_not_come_back_is_told_unless_no_folder_may_be_created_there() {
        let folders: [&[&str]; 2] = [&["[G]/Sent"], &["sent"]];
        assert_eq!(
            said(THERE, "", folders, true),
            "'[G]/Sent' of the remote side would be 'sent', which translates back to 'sent'"
        );
        assert_eq!(said(THERE, "", folders, false), "");
        let said = said("", "lambda f: 'x/' + f", [&[], &["new"]], true);
        assert_eq!(said, "'new' of the local side would be 'x/new', which translates back to 'x/new'");
    }

    #[test]
    fn a_name_that_leads_out_of_the_store_is_told() {
        for name in ["../x", "/etc", "a/../../b", "x/."] {
            let said = said(&format!("lambda f: '{name}'"), "lambda f: 'INBOX'", [&["INBOX"], &[]], true);
            assert_eq!(said, format!("'INBOX' of the remote side would be {name:?}, which leads out of the store"));
        }
        assert_eq!(said("lambda f: '.' + f", "lambda f: f[1:]", [&["a..b"], &[]], true), "");
    }

    #[test]
    fn a_hundred_folders_are_not_all_listed() {
        let folders: Vec<String> = (0..100).map(|number| format!("f{number}")).collect();
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        let said = said("lambda f: '../' + f", "lambda f: f[3:]", [&folders, &[]], true);
        assert!(said.ends_with("; and 80 more"), "{said}");
    }
}
