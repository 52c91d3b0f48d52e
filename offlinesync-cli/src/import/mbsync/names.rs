//! What a mailbox is called on each side, in mbsync's words, in ours, and as an expression of the configuration. Pure.
//!
//! mbsync calls mailboxes the same on both sides, with slashes between their levels; a store puts a prefix before the name and writes the
//! levels in its own way. Ours are full names, which `nametrans` turns into each other.

use super::channel::Pattern;
use super::stores::Style;
use offlinesync_core::{Error, ErrorKind, PerSide, Result, Side};

/// How one side of a channel names its mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// Before every name but INBOX.
    pub(super) prefix: String,
    /// What INBOX is called.
    pub(super) inbox: String,
    pub(super) separator: char,
    pub(super) style: Style,
    /// The part of mbsync's names that all mailboxes of the channel begin with.
    pub(super) below: String,
}

/// Which mailboxes a channel connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// One, by mbsync's names.
    One(PerSide<String>),
    /// Those that match.
    Matching {
        patterns: Vec<Pattern>,
        /// Whether a wildcard matches INBOX.
        inbox: bool,
    },
}

const INBOX: &str = "INBOX";

impl Names {
    /// The full name of one of mbsync's.
    pub(super) fn name(&self, mailbox: &str) -> String {
        if mailbox == INBOX {
            return self.inbox.clone();
        }
        format!("{}{}", self.prefix, self.levels(mailbox))
    }

    fn levels(&self, mailbox: &str) -> String {
        match self.style {
            Style::Verbatim => mailbox.replace('/', self.separator.encode_utf8(&mut [0; 4])),
            Style::Flat(c) => mailbox.replace('/', c.encode_utf8(&mut [0; 4])),
            Style::PlusPlus => format!(".{}", mailbox.replace('/', ".")),
            Style::Legacy => mailbox.replace('/', "/."),
        }
    }

    /// mbsync's name of a full one; `None` if the channel has no such mailbox.
    pub(super) fn mailbox(&self, name: &str) -> Option<String> {
        if name == self.inbox {
            return Some(INBOX.to_owned());
        }
        let rest = name.strip_prefix(&self.prefix)?;
        let separator = |c: char| rest.replace(c, "/");
        Some(match self.style {
            Style::Verbatim => separator(self.separator),
            Style::Flat(c) => separator(c),
            Style::PlusPlus => rest.strip_prefix('.')?.replace('.', "/"),
            Style::Legacy => rest.replace("/.", "/"),
        })
    }

    /// What all names but INBOX begin with.
    fn lead(&self) -> String {
        let below = self.below.as_str();
        match (below, self.style) {
            ("", Style::PlusPlus) => ".".to_owned(),
            ("", _) => self.prefix.clone(),
            _ => self.name(below),
        }
    }
}

/// The expressions of both sides: `nametrans` and `folderfilter`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) rename: Option<String>,
    pub(super) filter: Option<String>,
}

/// Makes the rules.
///
/// # Errors
/// The names of the two sides cannot be turned into each other.
pub(super) fn rules(names: &PerSide<Names>, chosen: &Chosen) -> Result<PerSide<Rules>> {
    match chosen {
        Chosen::One(mailboxes) => {
            let full = PerSide::from_fn(|side| names[side].name(&mailboxes[side]));
            let rule = |own: &str, other: &str| Rules {
                rename: (own != other).then(|| format!("lambda f: {}", text(other))),
                filter: Some(format!("lambda f: f == {}", text(own))),
            };
            Ok(PerSide { remote: rule(&full.remote, &full.local), local: rule(&full.local, &full.remote) })
        }
        Chosen::Matching { patterns, inbox } => {
            let lead = names.as_ref().map(Names::lead);
            check(names, &lead)?;
            let rename = |side: Side| rename(names, &lead, side);
            let local_filter = match (lead.local.as_str(), names.local.inbox.as_str()) {
                ("", INBOX) => None,
                (lead, inbox) => Some(format!("lambda f: f == {} or f.startswith({})", text(inbox), text(lead))),
            };
            let remote_filter = Some(format!("lambda f: {}", filter(patterns, *inbox, &names.remote, &lead.remote)));
            Ok(PerSide {
                remote: Rules { rename: rename(Side::Remote), filter: remote_filter },
                local: Rules { rename: rename(Side::Local), filter: local_filter },
            })
        }
    }
}

/// After an expression every separator of one side becomes that of the other, also where a prefix has one by chance.
fn check(names: &PerSide<Names>, lead: &PerSide<String>) -> Result<()> {
    let separators = names.as_ref().map(|names| names.separator);
    let clash = Side::BOTH
        .into_iter()
        .any(|side| separators.remote != separators.local && lead[side.other()].contains(separators[side]));
    let legacy = names.local.style == Style::Legacy && (separators.remote != '/' || !names.local.below.is_empty());
    if clash || legacy || Side::BOTH.iter().any(|side| names[*side].style == Style::Legacy && *side == Side::Remote) {
        let sentence =
            "the names of its mailboxes cannot be expressed: the two sides separate their levels differently";
        return Err(Error::new(ErrorKind::Configuration, sentence));
    }
    Ok(())
}

/// From the names of `side` to those of the other; `None` if they are the same but for separators.
fn rename(names: &PerSide<Names>, lead: &PerSide<String>, side: Side) -> Option<String> {
    let (own, other) = (&names[side], &names[side.other()]);
    let (own_lead, other_lead) = (&lead[side], &lead[side.other()]);
    let legacy = own.style == Style::Legacy || other.style == Style::Legacy;
    if own_lead == other_lead && own.inbox == other.inbox && !legacy {
        return None;
    }
    let mut rest = match own_lead.chars().count() {
        0 => "f".to_owned(),
        n => format!("f[{n}:]"),
    };
    if own.style == Style::Legacy {
        rest += ".replace('/.', '/')";
    } else if other.style == Style::Legacy {
        rest += ".replace('/', '/.')";
    }
    if !other_lead.is_empty() {
        rest = format!("{} + {rest}", text(other_lead));
    }
    Some(format!("lambda f: {} if f == {} else {rest}", text(&other.inbox), text(&own.inbox)))
}

/// Whether a name of the remote side matches: later patterns count more.
fn filter(patterns: &[Pattern], inbox: bool, names: &Names, lead: &str) -> String {
    patterns.iter().fold(String::new(), |before, pattern| {
        let condition = condition(&pattern.text, inbox || pattern.excludes, names, lead);
        match (pattern.excludes, before.is_empty()) {
            (false, true) => condition,
            (false, false) => format!("{condition} or {before}"),
            (true, true) => "False".to_owned(),
            (true, false) => format!("not ({condition}) and ({before})"),
        }
    })
}

fn condition(pattern: &str, inbox: bool, names: &Names, lead: &str) -> String {
    if !pattern.contains(['*', '%']) {
        let mailbox = format!("{}{pattern}", names.below);
        return format!("f == {}", text(&names.name(&mailbox)));
    }
    let mut regex = escape(lead);
    let separator = escape(&names.separator.to_string());
    for c in pattern.chars() {
        match c {
            '*' => regex.push_str(".*"),
            '%' => regex.push_str(&format!("[^{separator}]*")),
            '/' => regex.push_str(&separator),
            c => regex.push_str(&escape(&c.to_string())),
        }
    }
    let matches = format!("re.match({}, f)", text(&format!("{regex}$")));
    match (inbox, lead.is_empty()) {
        (true, true) => matches,
        (true, false) if pattern == "*" || pattern == "%" => format!("(f == 'INBOX' or {matches})"),
        (true, false) => matches,
        (false, _) => format!("(f != 'INBOX' and {matches})"),
    }
}

fn escape(literal: &str) -> String {
    let special = |c: char| "\\.^$*+?{}[]|()".contains(c);
    literal.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A string of Python.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::pyexpr::Expression;

    fn imap(prefix: &str, separator: char) -> Names {
        Names { prefix: prefix.into(), inbox: INBOX.into(), separator, style: Style::Verbatim, below: String::new() }
    }

    fn maildir(prefix: &str, inbox: &str, style: Style) -> Names {
        let separator = match style {
            Style::PlusPlus => '.',
            Style::Flat(c) => c,
            _ => '/',
        };
        Names { prefix: prefix.into(), inbox: inbox.into(), separator, style, below: String::new() }
    }

    fn patterns(list: &[&str]) -> Chosen {
        let patterns = list
            .iter()
            .map(|text| Pattern { text: text.trim_start_matches('!').to_owned(), excludes: text.starts_with('!') });
        Chosen::Matching { patterns: patterns.collect(), inbox: true }
    }

    /// Sends mailboxes through the expressions, as a sync does, and back.
    fn follow(remote: Names, local: Names, mailboxes: &[&str]) -> Vec<String> {
        let names = PerSide { remote, local };
        let rules = rules(&names, &patterns(&["*"])).unwrap();
        let separators = names.as_ref().map(|names| names.separator);
        let through = |side: Side, name: &str| -> String {
            let renamed = match &rules[side].rename {
                Some(rename) => Expression::parse(rename).unwrap().call_for_string(&[name]).unwrap(),
                None => name.to_owned(),
            };
            renamed.replace(separators[side], &separators[side.other()].to_string())
        };
        let follow = |mailbox: &&str| {
            let there = names.remote.name(mailbox);
            let here = through(Side::Remote, &there);
            assert_eq!(here, names.local.name(mailbox));
            assert_eq!(through(Side::Local, &here), there);
            assert_eq!(names.local.mailbox(&here).as_deref(), Some(*mailbox));
            assert_eq!(names.remote.mailbox(&there).as_deref(), Some(*mailbox));
            here
        };
        mailboxes.iter().map(follow).collect()
    }

    #[test]
    fn names_go_to_every_layout_and_back() {
        let boxes = ["INBOX", "top", "top/sub/deep"];
        let plain = imap("", '/');
        assert_eq!(follow(plain.clone(), maildir("", "INBOX", Style::Verbatim), &boxes), boxes);
        assert_eq!(follow(plain.clone(), maildir("", "", Style::PlusPlus), &boxes), ["", ".top", ".top.sub.deep"]);
        assert_eq!(
            follow(plain.clone(), maildir("", "Inbox", Style::Legacy), &boxes),
            ["Inbox", "top", "top/.sub/.deep"]
        );
        assert_eq!(
            follow(plain.clone(), maildir("m-", "in", Style::Flat('.')), &boxes),
            ["in", "m-top", "m-top.sub.deep"]
        );
        let dotted = imap("INBOX.", '.');
        assert_eq!(follow(dotted.clone(), maildir("", "INBOX", Style::Verbatim), &boxes), boxes);
        assert_eq!(follow(dotted, maildir("", "", Style::PlusPlus), &boxes), ["", ".top", ".top.sub.deep"]);
        let below = Names { below: "Archive/".into(), ..plain };
        assert_eq!(follow(below, maildir("old-", "INBOX", Style::Verbatim), &[]), [""; 0]);
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let names = imap("", '/');
        let matching = |list: &[&str], inbox: bool, name: &str| {
            let Chosen::Matching { patterns, .. } = patterns(list) else { panic!() };
            let expression = format!("lambda f: {}", filter(&patterns, inbox, &names, ""));
            Expression::parse(&expression).unwrap().call_for_truth(&[name]).unwrap()
        };
        for (list, inbox, name, wanted) in [
            (&["*"][..], true, "INBOX", true),
            (&["*"], false, "INBOX", false),
            (&["*"], false, "a/b", true),
            (&["%"], true, "a/b", false),
            (&["%", "!Trash"], true, "Trash", false),
            (&["%", "!Trash"], true, "Sent", true),
            (&["*", "!Trash*", "Trash/keep"], true, "Trash/keep", true),
            (&["*", "!Trash*", "Trash/keep"], true, "Trash/x", false),
            (&["*", "!INBOX"], true, "INBOX", false),
            (&["INBOX", "[Gmail]/%"], false, "INBOX", true),
            (&["INBOX", "[Gmail]/%"], false, "[Gmail]/Sent Mail", true),
            (&["INBOX", "[Gmail]/%"], false, "G/x", false),
        ] {
            assert_eq!(matching(list, inbox, name), wanted, "{list:?} {name}");
        }
    }

    #[test]
    fn names_that_would_be_mangled_are_refused() {
        let names = PerSide { remote: imap("", '/'), local: maildir("a.b/", "INBOX", Style::Flat('.')) };
        assert!(rules(&names, &patterns(&["*"])).is_err());
        let names = PerSide { remote: imap("", '.'), local: maildir("", "INBOX", Style::Legacy) };
        assert!(rules(&names, &patterns(&["*"])).is_err());
    }
}
