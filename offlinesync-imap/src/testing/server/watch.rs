//! What has changed in the selected mailbox: told after commands, and at once while the client idles.

use super::session::{Outcome, Session, bad};
use super::wire::Input;
use super::{lock, text};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

impl Session {
    /// A second thread says what changes while this one waits for DONE.
    pub(super) fn idle(&mut self, input: &mut Input) -> Outcome {
        self.out.line("+ idling");
        self.out.flush();
        let (shared, done) = (Arc::clone(&self.shared), AtomicBool::new(false));
        let line = std::thread::scope(|scope| {
            scope.spawn(|| self.watch(&done));
            let line = input.line();
            shared.change(|_| done.store(true, Ordering::SeqCst));
            line
        });
        match line {
            Some(line) if line.trim_ascii_end().eq_ignore_ascii_case(b"DONE") => Ok("idled".to_owned()),
            _ => bad("DONE was expected"),
        }
    }

    fn watch(&mut self, done: &AtomicBool) {
        let shared = Arc::clone(&self.shared);
        let mut version = None;
        while !done.load(Ordering::SeqCst) {
            self.sync();
            self.out.flush();
            let same = |state: &mut super::State| version == Some(state.version) && !done.load(Ordering::SeqCst);
            let state = shared.changed.wait_while(lock(&shared.state), same);
            version = Some(state.unwrap_or_else(std::sync::PoisonError::into_inner).version);
        }
    }

    /// Tells the client what has changed in the selected mailbox since it was last told.
    pub(super) fn sync(&mut self) {
        let Some(selected) = &mut self.selected else { return };
        let shared = Arc::clone(&self.shared);
        let state = lock(&shared.state);
        let mailbox = state.find(&self.user, &selected.name).filter(|m| m.uid_validity == selected.uid_validity);
        let Some(mailbox) = mailbox else {
            self.selected = None;
            self.out.line("* BYE the mailbox is not what it was");
            self.out.cut_after(usize::MAX);
            return;
        };
        if mailbox.mod_seq == selected.synced {
            return;
        }
        selected.synced = mailbox.mod_seq;
        let (known, mut gone) = (std::mem::take(&mut selected.seen), Vec::new());
        for (uid, mod_seq) in known {
            match mailbox.get(uid) {
                Some(message) => {
                    selected.seen.push((uid, message.mod_seq));
                    if message.mod_seq != mod_seq {
                        let (number, flags) = (selected.seen.len(), text::flags(&message.flags));
                        let tail =
                            if self.condstore { format!(" MODSEQ ({})", message.mod_seq) } else { String::new() };
                        self.out.line(&format!("* {number} FETCH (UID {uid} FLAGS {flags}{tail})"));
                    }
                }
                None if self.qresync => gone.push(uid),
                None => self.out.line(&format!("* {} EXPUNGE", selected.seen.len() + 1)),
            }
        }
        if !gone.is_empty() {
            self.out.line(&format!("* VANISHED {}", text::set(&gone)));
        }
        let (last, before) = (selected.seen.last().map_or(0, |(uid, _)| *uid), selected.seen.len());
        let new = mailbox.messages.iter().filter(|message| message.uid > last);
        selected.seen.extend(new.map(|message| (message.uid, message.mod_seq)));
        if selected.seen.len() > before {
            self.out.line(&format!("* {} EXISTS", selected.seen.len()));
        }
    }
}
