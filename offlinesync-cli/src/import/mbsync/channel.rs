//! A channel of mbsync's configuration: which stores it connects, which mailboxes, and what may be done to whom. Pure.

use super::Notes;
use super::rc::{Line, Section};
use offlinesync_core::{Error, ErrorKind, PerSide, Result, Side};

/// A channel.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) number: usize,
    /// The store of each side and the mailbox named with it.
    pub(super) ends: PerSide<End>,
    /// Patterns, in order; none: the mailboxes of the ends.
    pub(super) patterns: Vec<Pattern>,
    pub(super) rights: PerSide<Rights>,
    pub(super) state: StatePlace,
    /// Octets from which on a message is large, on both sides; zero is for no limit.
    pub(super) max_size: Option<u64>,
}

/// Where the state of a channel's mailboxes is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StatePlace {
    /// In the near mailbox.
    Mailbox,
    /// This, and the name of the near mailbox.
    Own(String),
    /// This (mbsync's own directory if it is not given), and the names of both stores and mailboxes.
    Shared(Option<String>),
}

/// One end of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) store: String,
    pub(super) mailbox: String,
}

/// A pattern for mailbox names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) excludes: bool,
}

/// What a repository of ours is told about one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rights {
    /// Never changed.
    pub(super) read_only: bool,
    /// What is removed on this side stays on the other.
    pub(super) keeps_elsewhere: bool,
    /// Missing folders are created here.
    pub(super) create: bool,
}

/// Remote is far, local is near.
const KEYWORDS: PerSide<[&str; 2]> = PerSide { remote: ["Far", "Master"], local: ["Near", "Slave"] };

/// Reads a channel; what cannot be expressed and would change what happens to mail is an error.
pub(super) fn read(section: &Section, globals: &Section, notes: &mut Notes) -> Result<Channel> {
    let find = |keywords: &[&str]| section.find(keywords).or_else(|| globals.find(keywords));
    if let Some(line) = find(&["MaxMessages"]).filter(|line| line.value().ok() != Some("0")) {
        return Err(line.wrong(
            "has no counterpart: all messages are kept; take it out to import the channel, what was expired stays where it is",
        ));
    }
    let end = |side: Side| match section.find(&KEYWORDS[side]) {
        Some(line) => end(line),
        None => Err(Error::new(
            ErrorKind::Configuration,
            format!("line {}: channel `{}` has no {}", section.number, section.name, KEYWORDS[side][0]),
        )),
    };
    if let Some(line) = find(&["Remove"]).filter(|line| !line.text().eq_ignore_ascii_case("none")) {
        notes.remark(line, "has no counterpart: folders are never removed");
    }
    let mut patterns = Vec::new();
    for line in section.lines.iter().filter(|line| line.is("Pattern") || line.is("Patterns")) {
        patterns.extend(line.arguments.iter().map(|text| match text.strip_prefix('!') {
            Some(text) => Pattern { text: text.to_owned(), excludes: true },
            None => Pattern { text: text.clone(), excludes: false },
        }));
    }
    let rights = rights(section, find(&["Sync"]), find(&["Create"]), find(&["Expunge"]), notes)?;
    Ok(Channel {
        name: section.name.clone(),
        number: section.number,
        ends: PerSide { remote: end(Side::Remote)?, local: end(Side::Local)? },
        patterns,
        rights,
        state: state(section, globals)?,
        max_size: find(&["MaxSize"]).map(size).transpose()?,
    })
}

fn state(section: &Section, globals: &Section) -> Result<StatePlace> {
    let value =
        |section: &Section| section.find(&["SyncState"]).map(|line| line.value().map(str::to_owned)).transpose();
    Ok(match (value(section)?, value(globals)?) {
        (Some(star), _) | (None, Some(star)) if star == "*" => StatePlace::Mailbox,
        (Some(path), _) => StatePlace::Own(path),
        (None, path) => StatePlace::Shared(path),
    })
}

/// A size in octets: a number with `k` or `m` and `b` behind it, or without.
pub(super) fn size(line: &Line) -> Result<u64> {
    let text = line.value()?.to_ascii_lowercase();
    let text = text.strip_suffix('b').unwrap_or(&text);
    let (number, unit) = match (text.strip_suffix('k'), text.strip_suffix('m')) {
        (Some(number), _) => (number, 1024),
        (_, Some(number)) => (number, 1024 * 1024),
        _ => (text, 1),
    };
    let octets = number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    octets.ok_or_else(|| line.wrong("must be a size"))
}

/// `:store:mailbox`
fn end(line: &Line) -> Result<End> {
    let text = line.value()?;
    let parts = text.strip_prefix(':').and_then(|rest| rest.split_once(':'));
    let (store, mailbox) = parts.ok_or_else(|| line.wrong("must be `:store:` or `:store:mailbox`"))?;
    Ok(End { store: store.to_owned(), mailbox: mailbox.to_owned() })
}

fn rights(
    section: &Section,
    sync: Option<&Line>,
    create: Option<&Line>,
    expunge: Option<&Line>,
    notes: &mut Notes,
) -> Result<PerSide<Rights>> {
    let onto = sync.map_or(Ok(PerSide { remote: ALL, local: ALL }), matrix)?;
    let (create, expunge) = (sides(create)?, sides(expunge)?);
    let mut rights: PerSide<Rights> = PerSide::default();
    for side in Side::BOTH {
        let Operations { new, gone, flags } = onto[side];
        rights[side].create = create[side];
        rights[side].read_only = !(new || gone || flags);
        let whole = new && flags;
        if !(whole || rights[side].read_only) {
            return Err(about_sync(section, sync, "has no counterpart: new messages and flags go together"));
        }
        let carried = gone && expunge[side];
        rights[side.other()].keeps_elsewhere = !carried && !rights[side].read_only;
        if gone && !expunge[side] && !rights[side].read_only {
            let text = format!(
                "only marks on the {} side what was removed on the other; `sync_deletes = no` leaves it as it is",
                KEYWORDS[side][0].to_lowercase()
            );
            notes.remark_at(section.number, &format!("Channel {}", section.name), &text);
        }
    }
    if rights.remote.read_only && rights.local.read_only {
        return Err(about_sync(section, sync, "leaves nothing to do"));
    }
    Ok(rights)
}

fn about_sync(section: &Section, sync: Option<&Line>, what: &str) -> Error {
    let nowhere = || Error::new(ErrorKind::Configuration, format!("line {}: `Sync` {what}", section.number));
    sync.map_or_else(nowhere, |line| line.wrong(what))
}

fn sides(line: Option<&Line>) -> Result<PerSide<bool>> {
    let Some(line) = line else { return Ok(PerSide::default()) };
    let (mut remote, mut local) = (false, false);
    for word in &line.arguments {
        match word.to_ascii_lowercase().as_str() {
            "far" | "master" => remote = true,
            "near" | "slave" => local = true,
            "both" => (remote, local) = (true, true),
            "none" => {}
            _ => return Err(line.wrong("must be None, Far, Near or Both")),
        }
    }
    Ok(PerSide { remote, local })
}

/// What is carried to a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Operations {
    new: bool,
    gone: bool,
    flags: bool,
}

const ALL: Operations = Operations { new: true, gone: true, flags: true };

/// `Sync`: single words choose rows and columns of a table, compound ones its cells.
fn matrix(line: &Line) -> Result<PerSide<Operations>> {
    let mut cells: PerSide<Operations> = PerSide::default();
    let (mut directions, mut types): (Vec<Side>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut compound = false;
    let words: Vec<String> = line.arguments.iter().map(|word| word.to_ascii_lowercase()).collect();
    for word in &words {
        let (direction, rest) = match word.strip_prefix("pull").map(|rest| (Side::Local, rest)) {
            Some((side, rest)) => (Some(side), rest),
            None => word.strip_prefix("push").map_or((None, word.as_str()), |rest| (Some(Side::Remote), rest)),
        };
        match (direction, rest) {
            (None, "none") => {}
            (None, "all" | "full") => cells = PerSide { remote: ALL, local: ALL },
            (Some(side), "") => directions.push(side),
            (_, "new" | "renew" | "upgrade" | "old" | "delete" | "gone" | "flags") => match direction {
                Some(side) => {
                    compound = true;
                    cells[side].set(rest);
                }
                None => types.push(rest),
            },
            _ => return Err(line.wrong(&format!("knows no `{word}`"))),
        }
    }
    let every = ["new", "gone", "flags"];
    if compound {
        for side in directions {
            every.iter().for_each(|kind| cells[side].set(kind));
        }
        types.iter().for_each(|kind| Side::BOTH.iter().for_each(|side| cells[*side].set(kind)));
    } else if !(directions.is_empty() && types.is_empty()) {
        let directions = if directions.is_empty() { Side::BOTH.to_vec() } else { directions };
        let types = if types.is_empty() { every.to_vec() } else { types };
        directions.iter().for_each(|side| types.iter().for_each(|kind| cells[*side].set(kind)));
    }
    Ok(cells)
}

impl Operations {
    fn set(&mut self, kind: &str) {
        match kind {
            "new" => self.new = true,
            "delete" | "gone" => self.gone = true,
            "flags" => self.flags = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::mbsync::rc;

    fn channel(lines: &str) -> Result<Channel> {
        let sections = rc::parse(&format!("Channel c\nFar :r:\nNear :l:box\n{lines}")).unwrap();
        read(&sections[1], &sections[0], &mut Notes::default())
    }

    fn onto(sync: &str) -> PerSide<String> {
        let sections = rc::parse(&format!("Sync {sync}")).unwrap();
        matrix(&sections[0].lines[0]).unwrap().map(|Operations { new, gone, flags }| {
            [(new, 'n'), (gone, 'g'), (flags, 'f')].iter().filter(|(on, _)| *on).map(|(_, c)| *c).collect()
        })
    }

    #[test]
    fn sync_is_a_table_whose_rows_columns_and_cells_can_be_chosen() {
        for (sync, remote, local) in [
            ("All", "ngf", "ngf"),
            ("Full", "ngf", "ngf"),
            ("None", "", ""),
            ("Pull", "", "ngf"),
            ("Push New Flags", "nf", ""),
            ("New Delete", "ng", "ng"),
            ("PullNew PullGone Push", "ngf", "ng"),
            ("PullFlags New", "n", "nf"),
        ] {
            assert_eq!(onto(sync), PerSide { remote: remote.to_owned(), local: local.to_owned() }, "{sync}");
        }
        assert!(channel("Sync Sideways\n").is_err());
    }

    #[test]
    fn sizes_have_units() {
        let size = |text: &str| channel(&format!("MaxSize {text}\n")).unwrap().max_size;
        assert_eq!(["0", "3000", "3000b", "2k", "1MB"].map(size), [0, 3000, 3000, 2048, 1 << 20].map(Some));
        assert_eq!(channel("").unwrap().max_size, None);
    }

    #[test]
    fn what_a_channel_may_do_becomes_rights_of_both_sides() {
        let rights = |lines: &str| channel(lines).unwrap().rights;
        let both = rights("Expunge Both\nCreate Near\n");
        assert_eq!(both.remote, Rights::default());
        assert_eq!(both.local, Rights { create: true, ..Rights::default() });
        let pull = rights("Sync Pull\nExpunge Near\n");
        assert!(pull.remote.read_only && !pull.remote.keeps_elsewhere && !pull.local.read_only);
        let none = rights("");
        assert!(none.remote.keeps_elsewhere && none.local.keeps_elsewhere);
        for refused in ["Sync PullNew Push\n", "Sync None\n", "MaxMessages 100\n", "MaxSize much\n"] {
            assert!(channel(refused).unwrap_err().to_string().starts_with("line 4: "), "{refused}");
        }
    }
}
