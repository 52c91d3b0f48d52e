//! Commands that change messages: APPEND, STORE, EXPUNGE, COPY, MOVE; FETCH and SEARCH are below.

mod fetch;
mod search;

use super::mailboxes::mailbox_name;
use super::session::{Outcome, Refusal, Session, bad, no};
use super::store::{Mailbox, NO_DATE, flag_set, with_flags, without_flags};
use super::text::{self, within};
use crate::testing::syntax::Value;

impl Session {
    /// Sequence number and UID of the messages in a set, as far as the client knows them.
    fn targets(&self, set: Option<&Value>, uid: bool) -> Result<Vec<(usize, u32)>, Refusal> {
        let seen = self.selected.as_ref().map_or(&[][..], |selected| &selected.seen);
        let last = if uid { seen.last().map_or(0, |(uid, _)| *uid) } else { seen.len() as u32 };
        let Some(ranges) = set.and_then(|set| text::ranges(&set.text(), last)) else { return bad("not a set") };
        let numbered = (1..).zip(seen).map(|(number, (uid, _))| (number, *uid));
        Ok(numbered.filter(|(number, id)| within(&ranges, if uid { *id } else { *number as u32 })).collect())
    }

    /// Works on the selected mailbox; refused if it is not open for changes.
    fn change<T>(&self, work: impl FnOnce(&mut Mailbox) -> T) -> Result<T, Refusal> {
        let Some(selected) = self.selected.as_ref().filter(|selected| !selected.read_only) else {
            return no("[READ-ONLY] not open for changes");
        };
        let done = self.shared.change(|state| state.find_mut(&self.user, &selected.name).map(work));
        done.map_or_else(|| no("[NONEXISTENT] it is gone"), Ok)
    }

    /// Notes that the client knows a message's mod-sequence and will not be told again.
    fn knows(&mut self, uid: u32, mod_seq: u64) {
        let Some(seen) = self.selected.as_mut().map(|selected| &mut selected.seen) else { return };
        if let Ok(at) = seen.binary_search_by_key(&uid, |(known, _)| *known) {
            seen[at].1 = mod_seq;
        }
    }

    /// `APPEND mailbox [(flags)] [date] message`.
    pub(super) fn append(&mut self, args: &[Value]) -> Outcome {
        let name = mailbox_name(args.first());
        let Some((Value::Text(message), options)) = args.get(1..).and_then(<[Value]>::split_last) else {
            return bad("no message");
        };
        if message.len() > self.shared.options.append_limit {
            return no("[TOOBIG] too large");
        }
        let flags = flag_set(options.iter().flat_map(Value::members).map(Value::text));
        let date = options.iter().find(|value| matches!(value, Value::Text(_))).map_or(NO_DATE.to_owned(), Value::text);
        let added = self.shared.change(|state| {
            let mailbox = state.find_mut(&self.user, &name).filter(|mailbox| mailbox.selectable);
            let mailbox = mailbox.ok_or("[TRYCREATE] no such mailbox")?;
            if mailbox.read_only {
                return Err("[NOPERM] not open for changes");
            }
            Ok((mailbox.uid_validity, mailbox.add(&flags, &date, message.as_slice().into())))
        });
        match added {
            Err(why) => no(why),
            Ok((validity, uid)) if self.shared.offers("UIDPLUS") => Ok(format!("[APPENDUID {validity} {uid}] kept")),
            Ok(_) => Ok("kept".to_owned()),
        }
    }

    /// `STORE set [(UNCHANGEDSINCE n)] how flags`.
    pub(super) fn store(&mut self, args: &[Value], uid: bool) -> Outcome {
        let targets = self.targets(args.first(), uid)?;
        let modifiers = args.get(1).map_or(&[][..], Value::members);
        let rest = &args[if modifiers.is_empty() { 1 } else { 2 }..];
        let limit = modifiers.get(1).and_then(|value| value.text().parse::<u64>().ok());
        if limit.is_some() && !self.shared.offers("CONDSTORE") {
            return bad("CONDSTORE is not offered");
        }
        self.condstore |= limit.is_some();
        let [how, named @ ..] = rest else { return bad("STORE needs flags") };
        let how = how.text().to_ascii_uppercase();
        let given =
            named.iter().flat_map(|v| if v.members().is_empty() { std::slice::from_ref(v) } else { v.members() });
        let given = flag_set(given.map(Value::text).filter(|flag| !flag.is_empty()));
        let mut modified = Vec::new();
        let changed = self.change(|mailbox| {
            let mut changed = Vec::new();
            for (number, uid) in targets {
                let Some(before) = mailbox.get(uid) else { continue };
                if limit.is_some_and(|limit| before.mod_seq > limit) {
                    modified.push(uid);
                    continue;
                }
                mailbox.set_flags(uid, |flags| match how.as_bytes()[0] {
                    b'+' => with_flags(flags, &given),
                    b'-' => without_flags(flags, &given),
                    _ => given.clone(),
                });
                changed.extend(mailbox.get(uid).map(|message| (number, message.clone())));
            }
            changed
        })?;
        for (number, message) in changed {
            self.knows(message.uid, message.mod_seq);
            let mut parts = vec![format!("UID {}", message.uid)];
            if self.condstore {
                parts.push(format!("MODSEQ ({})", message.mod_seq));
            }
            if !how.ends_with(".SILENT") {
                parts.push(format!("FLAGS {}", text::flags(&message.flags)));
            }
            if parts.len() > 1 {
                self.out.line(&format!("* {number} FETCH ({})", parts.join(" ")));
            }
        }
        Ok(if modified.is_empty() {
            "stored".to_owned()
        } else {
            format!("[MODIFIED {}] stored", text::set(&modified))
        })
    }

    /// EXPUNGE, or UID EXPUNGE with a set. The client is told by the next look at what changed.
    pub(super) fn expunge(&mut self, set: Option<&Value>) -> Outcome {
        let uids: Option<Vec<u32>> = match set {
            Some(_) => Some(self.targets(set, true)?.into_iter().map(|(_, uid)| uid).collect()),
            None => None,
        };
        let asked = |uid: u32| uids.as_ref().is_none_or(|uids| uids.binary_search(&uid).is_ok());
        let state = self.change(|mailbox| {
            mailbox.remove(|message| message.flags.contains("\\Deleted") && asked(message.uid));
            mailbox.mod_seq
        })?;
        Ok(if self.qresync { format!("[HIGHESTMODSEQ {state}] expunged") } else { "expunged".to_owned() })
    }

    /// COPY and MOVE (RFC 6851).
    pub(super) fn copy(&mut self, args: &[Value], uid: bool, moves: bool) -> Outcome {
        let uids: Vec<u32> = self.targets(args.first(), uid)?.into_iter().map(|(_, uid)| uid).collect();
        let (user, to) = (self.user.clone(), mailbox_name(args.get(1)));
        let source = self.selected.as_ref().map(|selected| selected.name.clone()).unwrap_or_default();
        if self.shared.read(|state| !state.find(&user, &to).is_some_and(|mailbox| mailbox.selectable)) {
            return no("[TRYCREATE] no such mailbox");
        }
        if moves {
            self.change(|_| ())?;
        }
        let (validity, pairs) = self.shared.change(|state| {
            let from = state.find(&user, &source).cloned();
            let messages = uids.iter().filter_map(|uid| from.as_ref()?.get(*uid).cloned());
            let mut pairs = Vec::new();
            let Some(target) = state.find_mut(&user, &to) else { return (0, pairs) };
            pairs.extend(messages.map(|m| (m.uid, target.add(&m.flags, &m.date, m.body))));
            (target.uid_validity, pairs)
        });
        let (old, new): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
        let code = format!("[COPYUID {validity} {} {}]", text::set(&old), text::set(&new));
        let code = if old.is_empty() || !self.shared.offers("UIDPLUS") { String::new() } else { code };
        if !moves {
            return Ok(format!("{code} copied").trim_start().to_owned());
        }
        if !code.is_empty() {
            self.out.line(&format!("* OK {code} moved"));
        }
        self.change(|mailbox| mailbox.remove(|message| old.binary_search(&message.uid).is_ok()))?;
        Ok("moved".to_owned())
    }
}
