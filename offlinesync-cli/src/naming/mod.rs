//! What a folder is called on the other side and whether it takes part: `nametrans`, `folderfilter`, `folderincludes` and `-f`.
//! Pure.

mod check;

use crate::config::pyexpr::Expression;
use crate::settings::FolderRules;
use offlinesync_core::sync::{Naming, exchange_separator};
use offlinesync_core::{Error, ErrorKind, FolderName, FolderPair, PerSide, Result, Side, Uid};
use std::collections::{BTreeMap, BTreeSet};

/// The rules of both sides, and the folders asked for on the command line.
#[derive(Clone, Debug, Default)]
pub struct Names {
    rules: PerSide<FolderRules>,
    /// Only these folders, by their remote names; the remote side's own rules are not asked.
    only: Option<Vec<String>>,
    /// Local folders that are another account's, and whose.
    taken: BTreeMap<FolderName, String>,
}

impl Names {
    /// Rules.
    pub fn new(rules: PerSide<FolderRules>, only: Option<Vec<String>>) -> Self {
        Names { rules, only, taken: BTreeMap::new() }
    }

    /// These local folders are other accounts'.
    #[must_use]
    pub fn without(mut self, taken: BTreeMap<FolderName, String>) -> Self {
        self.taken = taken;
        self
    }

    /// What the rules of a side say about a folder of that side. The filter and the list are asked for the name as that side has
    /// it; a folder on the list takes part whatever the filter says.
    fn rule(&self, side: Side, name: &FolderName) -> Result<Option<Rule>> {
        if let (Side::Remote, Some(only)) = (side, &self.only) {
            return Ok((!only.iter().any(|wanted| wanted == name.as_str())).then_some(Rule::NotAskedFor));
        }
        self.filtered(side, name)
    }

    /// What the list and the filter of a side say, whatever the command line asks for.
    fn filtered(&self, side: Side, name: &FolderName) -> Result<Option<Rule>> {
        let rules = &self.rules[side];
        if rules.includes.iter().any(|included| included == name.as_str()) {
            return Ok(None);
        }
        let Some(filter) = &rules.filter else { return Ok(None) };
        let passes =
            filter.call_for_truth(&[name.as_str()]).map_err(|error| self.failed("folderfilter", side, name, &error))?;
        Ok((!passes).then_some(Rule::Filter(side)))
    }

    /// What becomes of a folder of a side, and why.
    ///
    /// # Errors
    /// Kind `Folder`: an expression fails for this name, or the name has no equivalent on the other side.
    pub fn verdict(&self, side: Side, name: &FolderName, separators: &PerSide<Option<char>>) -> Result<Verdict> {
        let own = self.rule(side, name)?;
        let there = match self.translated(side, name, separators) {
            Err(_) if own.is_some() => None,
            translated => Some(translated?),
        };
        let left_out = match (own, &there) {
            (None, Some(there)) => self.rule(side.other(), there)?,
            (own, _) => own,
        };
        Ok(Verdict { there, left_out })
    }

    /// An expression that fails, with its place in the configuration.
    fn failed(&self, option: &str, side: Side, name: &FolderName, error: &dyn std::fmt::Display) -> Error {
        let place = self.rules[side].places.get(option).map(|place| format!(" ({place})")).unwrap_or_default();
        let text = format!("folder '{name}' was not synced: `{option}` of the {side} side failed: {error}{place}");
        Error::new(ErrorKind::Folder, text)
    }

    /// The name as expressions about single folders see it: translated, with the separators of its own side.
    fn visible(&self, side: Side, name: &FolderName) -> String {
        let rename = self.rules[side].rename.as_ref();
        rename.map_or_else(|| name.as_str().to_owned(), |rename| digest_name(rename, name.as_str()))
    }

    fn translated(&self, side: Side, name: &FolderName, separators: &PerSide<Option<char>>) -> Result<FolderName> {
        let Some(rename) = &self.rules[side].rename else { return exchange_separator(side, name, separators) };
        let renamed =
            rename.call_for_string(&[name.as_str()]).map_err(|error| self.failed("nametrans", side, name, &error))?;
        let exchanged = match (separators[side], separators[side.other()]) {
            (Some(from), Some(to)) => renamed.replace(from, to.encode_utf8(&mut [0; 4])),
            _ => renamed,
        };
        // The folder that is the top of a Maildir itself.
        Ok(FolderName::new(if exchanged == "." || exchanged == "/" { String::new() } else { exchanged }))
    }
}

/// What becomes of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it is called on the other side; `None` if it is left out and has no name there.
    pub there: Option<FolderName>,
    /// The rule that leaves it out.
    pub left_out: Option<Rule>,
}

/// What leaves a folder out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `-f` names others.
    NotAskedFor,
    /// The `folderfilter` of a side.
    Filter(Side),
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rule::NotAskedFor => f.write_str("not named by -f"),
            Rule::Filter(side) => write!(f, "folderfilter of the {side} side"),
        }
    }
}

fn taken(name: &FolderName, local: &FolderName, account: &str) -> Error {
    let message = format!(
        "folder '{name}' was not synced: its folder '{local}' in the Maildir is that of account '{account}', and the mail of both would be mixed and uploaded to both servers"
    );
    Error::new(ErrorKind::Refused, message).with_hint(
        "give each account its own `localfolders`, or other names with nametrans; if both shall hold the same mail, set `share_maildir = yes` in both accounts",
    )
}

impl Naming for Names {
    fn translate(
        &self,
        side: Side,
        name: &FolderName,
        separators: &PerSide<Option<char>>,
    ) -> Result<Option<FolderName>> {
        if side == Side::Local && self.taken.contains_key(name) {
            return Ok(None);
        }
        let verdict = self.verdict(side, name, separators)?;
        let Some(there) = verdict.there.filter(|_| verdict.left_out.is_none()) else { return Ok(None) };
        match self.taken.get(&there).filter(|_| side == Side::Remote) {
            Some(account) => Err(taken(name, &there, account)),
            None => Ok(Some(there)),
        }
    }

    fn is_set_aside(&self, name: &FolderName) -> bool {
        self.only.is_some() && matches!(self.filtered(Side::Remote, name), Ok(None))
    }

    fn check(
        &self,
        folders: &PerSide<Vec<FolderName>>,
        separators: &PerSide<Option<char>>,
        may_create: &PerSide<bool>,
    ) -> Result<()> {
        match Side::BOTH.iter().any(|side| self.rules[*side].rename.is_some()) {
            true => check::check(self, folders, separators, may_create),
            false => Ok(()),
        }
    }

    fn never_copied(&self, side: Side, name: &FolderName) -> Result<BTreeSet<Uid>> {
        let Some(ignore) = &self.rules[side].ignore else { return Ok(BTreeSet::new()) };
        let numbers = ignore.call_for_numbers(&[&self.visible(side, name)]);
        let numbers = numbers.map_err(|error| self.failed("copy_ignore_eval", side, name, &error))?;
        Ok(numbers.into_iter().filter_map(|number| u32::try_from(number).ok().and_then(Uid::new)).collect())
    }

    fn order(&self, pairs: &[&FolderPair]) -> Result<Option<Vec<usize>>> {
        let Some((side, order)) =
            Side::BOTH.into_iter().find_map(|side| Some((side, self.rules[side].order.as_ref()?)))
        else {
            return Ok(None);
        };
        let names: Vec<String> = pairs.iter().map(|pair| self.visible(side, &pair[side])).collect();
        let mut places: Vec<usize> = (0..names.len()).collect();
        places.sort_by_cached_key(|at| names[*at].to_lowercase());
        let before = |a: &usize, b: &usize| -> Result<bool> {
            let answer = order.call_for_number(&[&names[*a], &names[*b]]);
            answer.map(|number| number <= 0).map_err(|error| {
                let place = self.rules[side].places.get("foldersort").map(|place| format!(" ({place})"));
                let text = format!("`foldersort` of the {side} side failed: {error}{}", place.unwrap_or_default());
                Error::new(ErrorKind::Configuration, text)
            })
        };
        merge_sort(places, &before).map(Some)
    }
}

/// Sorts with a comparison that may contradict itself: the user wrote it. Stable.
fn merge_sort(mut items: Vec<usize>, before: &dyn Fn(&usize, &usize) -> Result<bool>) -> Result<Vec<usize>> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = merge_sort(items.split_off(items.len() / 2), before)?;
    let left = merge_sort(items, before)?;
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    let mut sorted = Vec::new();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if before(a, b)? { left.next() } else { right.next() };
        sorted.extend(next);
    }
    sorted.extend(left.chain(right));
    Ok(sorted)
}

/// The name that stands in the file names of a Maildir's messages for this folder, as OfflineIMAP has it: after the Maildir's own
/// `nametrans`, without exchanging separators.
pub fn digest_name(rename: &Expression, name: &str) -> String {
    rename.call_for_string(&[name]).unwrap_or_else(|_| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rename: &str, filter: &str, includes: &[&str]) -> FolderRules {
        let parse = |text: &str| (!text.is_empty()).then(|| Expression::parse(text).unwrap());
        FolderRules {
            rename: parse(rename),
            filter: parse(filter),
            includes: includes.iter().map(|name| (*name).to_owned()).collect(),
            ..FolderRules::default()
        }
    }

    const SEPARATORS: PerSide<Option<char>> = PerSide { remote: Some('/'), local: Some('.') };

    fn translate(names: &Names, side: Side, name: &str) -> Option<String> {
        names.translate(side, &name.into(), &SEPARATORS).unwrap().map(|name| name.as_str().to_owned())
    }

    #[test]
    fn names_are_translated_there_and_back_and_separators_exchanged() {
        let remote = rules("lambda f: {'[Gmail]/Sent Mail': 'sent'}.get(f, f)", "", &[]);
        let local = rules("lambda f: {'sent': '[Gmail]/Sent Mail'}.get(f, f)", "", &[]);
        let names = Names::new(PerSide { remote, local }, None);
        assert_eq!(translate(&names, Side::Remote, "[Gmail]/Sent Mail").as_deref(), Some("sent"));
        assert_eq!(translate(&names, Side::Remote, "a/b").as_deref(), Some("a.b"));
        assert_eq!(translate(&names, Side::Local, "sent").as_deref(), Some("[Gmail]/Sent Mail"));
        assert_eq!(translate(&names, Side::Local, "a.b").as_deref(), Some("a/b"));
    }

    #[test]
    fn a_folder_takes_part_if_both_sides_agree_and_a_listed_one_whatever_the_filter_says() {
        let remote = rules("", "lambda f: f not in ['Trash', 'Junk']", &["Junk"]);
        let local = rules("", "lambda f: f != 'private'", &[]);
        let names = Names::new(PerSide { remote, local }, None);
        for (side, name, wanted) in [
            (Side::Remote, "INBOX", true),
            (Side::Remote, "Trash", false),
            (Side::Remote, "Junk", true),
            (Side::Remote, "private", false),
            (Side::Local, "Trash", false),
            (Side::Local, "private", false),
            (Side::Local, "x", true),
        ] {
            assert_eq!(translate(&names, side, name).is_some(), wanted, "{side} {name}");
        }
    }

    #[test]
    fn folders_of_the_command_line_replace_the_rules_of_the_remote_side() {
        let remote = rules("", "lambda f: False", &["x"]);
        let names = Names::new(PerSide { remote, local: FolderRules::default() }, Some(vec!["INBOX".to_owned()]));
        assert!(translate(&names, Side::Remote, "INBOX").is_some());
        assert!(translate(&names, Side::Remote, "x").is_none());
        assert!(translate(&names, Side::Local, "y").is_none());
        assert!(names.is_set_aside(&"x".into()), "it takes part in other runs");
        assert!(!names.is_set_aside(&"y".into()), "it takes part in none");
    }

    #[test]
    fn messages_never_copied_are_asked_for_by_the_visible_name() {
        let ignore = Expression::parse("lambda f: {'in': [2, 3, -1]}.get(f)").unwrap();
        let remote = FolderRules { ignore: Some(ignore), ..rules("lambda f: {'INBOX': 'in'}.get(f, f)", "", &[]) };
        let names = Names::new(PerSide { remote, local: FolderRules::default() }, None);
        let uids = |name: &str| -> Vec<u32> {
            names.never_copied(Side::Remote, &name.into()).unwrap().into_iter().map(Uid::get).collect()
        };
        assert_eq!(uids("INBOX"), [2, 3]);
        assert_eq!(uids("other"), [] as [u32; 0]);
        assert!(names.never_copied(Side::Local, &"in".into()).unwrap().is_empty());
    }

    #[test]
    fn folders_are_begun_in_the_order_of_a_comparison_even_one_that_contradicts_itself() {
        let order = |text: &str| {
            let remote = FolderRules { order: Some(Expression::parse(text).unwrap()), ..FolderRules::default() };
            let names = Names::new(PerSide { remote, local: FolderRules::default() }, None);
            let pair = |name: &str| PerSide { remote: FolderName::from(name), local: FolderName::from(name) };
            let pairs = ["b", "ccc", "A", "dd"].map(pair);
            names.order(&pairs.iter().collect::<Vec<_>>())
        };
        assert_eq!(order("lambda x, y: -cmp(x, y)").unwrap(), Some(vec![3, 1, 0, 2]));
        assert_eq!(order("lambda x, y: len(x) - len(y)").unwrap(), Some(vec![2, 0, 3, 1]));
        assert_eq!(order("lambda x, y: 1").unwrap().map(|order| order.len()), Some(4));
        assert!(order("lambda x: 1").is_err());
    }

    #[test]
    fn an_expression_that_fails_concerns_one_folder() {
        let names =
            Names::new(PerSide { remote: rules("lambda f: {'a': 'b'}[f]", "", &[]), ..PerSide::default() }, None);
        let error = names.translate(Side::Remote, &"x".into(), &SEPARATORS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Folder);
        assert!(error.to_string().contains("`nametrans` of the remote side failed"), "{error}");
    }
}
