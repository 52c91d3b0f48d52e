//! Hearing of changes in a tree of Maildirs while they happen. Watches directories, reads nothing.

use crate::layout::OWN;
use crate::repository::MaildirRepository;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use offlinesync_core::{Error, ErrorKind, Repository, Result};
use std::path::Path;

/// Calls its function until it is dropped; see [`MaildirRepository::watch`].
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
}

impl MaildirRepository {
    /// Calls `changed`, on a thread of the watch, whenever a message came, went or was renamed, or a folder came or went; also when
    /// that may have been missed. Changes made through this repository are told like any other. Needs about four watches of the
    /// system (`fs.inotify.max_user_watches`) for each folder.
    ///
    /// # Errors
    /// Kind `Storage`: the root is not there, or the system gives no more watches.
    pub fn watch(&self, changed: impl Fn() + Send + 'static) -> Result<Watch> {
        let failed = |error: notify::Error| {
            let root = self.config().root.display();
            let message = format!("{}: {root}: changes cannot be heard of: {error}", self.name());
            Error::new(ErrorKind::Storage, message)
        };
        let told = move |event: notify::Result<Event>| {
            if event.map_or(true, |event| tells(&event)) {
                changed();
            }
        };
        let mut watcher = notify::recommended_watcher(told).map_err(failed)?;
        watcher.watch(&self.config().root, RecursiveMode::Recursive).map_err(failed)?;
        Ok(Watch { _watcher: watcher })
    }
}

/// Whether an event may be about messages or folders. Reading is not, nor is anything in `tmp`, nor a file of another program's
/// beside `cur` and `new`, nor what is known by a name that begins with a dot.
fn tells(event: &Event) -> bool {
    if event.need_rescan() {
        return true;
    }
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    let kind = match event.kind {
        EventKind::Access(_) => event.kind == written,
        EventKind::Modify(ModifyKind::Metadata(_)) => false,
        _ => true,
    };
    kind && event.paths.iter().any(|path| concerns_mail(path, event))
}

fn concerns_mail(path: &Path, event: &Event) -> bool {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let parent = path.parent().map(name).unwrap_or_default();
    match parent.as_str() {
        "cur" | "new" => !name(path).starts_with('.'),
        "tmp" => false,
        // A folder comes whole, under another name than it was made with.
        _ if matches!(event.kind, EventKind::Modify(ModifyKind::Name(_))) => path.is_dir() || !path.exists(),
        _ => OWN.contains(&name(path).as_str()) && matches!(event.kind, EventKind::Create(_) | EventKind::Remove(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MaildirConfig;
    use std::fs;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    fn heard(changes: &Receiver<()>) -> bool {
        let heard = changes.recv_timeout(Duration::from_secs(30)).is_ok();
        // What belongs to the same change follows at once.
        while changes.recv_timeout(Duration::from_millis(50)).is_ok() {}
        heard
    }

    #[test]
    fn messages_and_folders_that_come_go_or_are_renamed_are_heard_of() {
        let root = tempfile::tempdir().unwrap();
        let repository = MaildirRepository::new(MaildirConfig::new("m", root.path())).unwrap();
        repository.create(&"INBOX".into()).unwrap();
        let (told, changes) = channel();
        let _watch = repository
            .watch(move || {
                let _ = told.send(());
            })
            .unwrap();
        let at = |path: &str| root.path().join(path);
        let deliver = |folder: &str| {
            fs::write(at(&format!("{folder}/tmp/1.a.host")), "Subject: x\n\nx\n").unwrap();
            fs::rename(at(&format!("{folder}/tmp/1.a.host")), at(&format!("{folder}/new/1.a.host"))).unwrap();
        };
        deliver("INBOX");
        assert!(heard(&changes), "a delivery");
        fs::rename(at("INBOX/new/1.a.host"), at("INBOX/cur/1.a.host:2,S")).unwrap();
        assert!(heard(&changes), "a flag");
        fs::remove_file(at("INBOX/cur/1.a.host:2,S")).unwrap();
        assert!(heard(&changes), "a removal");
        repository.create(&"Sent".into()).unwrap();
        assert!(heard(&changes), "a folder");
        deliver("Sent");
        assert!(heard(&changes), "a delivery to a folder that was not there");
    }

    #[test]
    fn what_concerns_no_message_is_not_told() {
        let event = |kind, path: &str| Event { kind, paths: vec![path.into()], attrs: Default::default() };
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let made = EventKind::Create(notify::event::CreateKind::Any);
        for (kind, path, told) in [
            (opened, "/m/INBOX/cur/1", false),
            (made, "/m/INBOX/cur/1", true),
            (made, "/m/INBOX/cur/.nfs001", false),
            (made, "/m/INBOX/tmp/1", false),
            (made, "/m/INBOX/dovecot-keywords", false),
            (made, "/m/INBOX/new", true),
            (EventKind::Modify(ModifyKind::Data(notify::event::DataChange::Any)), "/m/INBOX/new", false),
        ] {
            assert_eq!(tells(&event(kind, path)), told, "{path}");
        }
    }

    #[test]
    fn a_root_that_is_not_there_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let repository = MaildirRepository::new(MaildirConfig::new("m", root.path().join("none"))).unwrap();
        let error = repository.watch(|| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
    }
}
