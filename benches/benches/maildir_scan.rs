//! How long a Maildir takes to be listed, to be found untouched, and to take in mail.
//! `cargo bench -p offlinesync-benches --bench maildir_scan`.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::ItemsCount;
use offlinesync_core::{
    ChangeSet, Cursor, Flags, Folder, FolderName, MessageId, NothingKnown, Outgoing, Repository, SourceFolder, Uid,
    UidValidity,
};
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::fs::File;
use tempfile::TempDir;

const SIZES: [u32; 3] = [1_000, 10_000, 100_000];
const GROUP: u32 = 1_000;

fn main() {
    divan::main();
}

struct Mail {
    directory: TempDir,
    repository: MaildirRepository,
}

impl Mail {
    fn new(fsync: bool) -> Mail {
        let directory = tempfile::tempdir().unwrap();
        let mut config = MaildirConfig::new("local", directory.path());
        config.fsync = fsync;
        let repository = MaildirRepository::new(config).unwrap();
        repository.create(&inbox()).unwrap();
        Mail { directory, repository }
    }

    fn filled(size: u32) -> Mail {
        let mail = Mail::new(false);
        for n in 1..=size {
            let name = format!("{}_{n}.7.7e33429f,U={n},FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,S", 1_700_000_000 + n);
            File::create(mail.directory.path().join("INBOX/cur").join(name)).unwrap();
        }
        mail
    }

    fn folder(&self) -> Box<dyn Folder> {
        self.repository.open(&inbox()).unwrap()
    }

    fn list(&self, since: Option<&Cursor>) -> ChangeSet {
        self.folder().changes(since, &NothingKnown).unwrap()
    }

    fn deliver(&self, messages: u32, content: &[u8]) {
        let source = SourceFolder { name: inbox(), uid_validity: UidValidity(7) };
        let mut folder = self.folder();
        let mut intake = folder.intake(&source).unwrap();
        for n in 1..=messages {
            let id = MessageId::Uid(Uid::new(n).unwrap());
            let octets = content.len() as u64;
            intake.begin(&Outgoing { source: &id, flags: &Flags::default(), date: None, octets }).unwrap();
            intake.write(content).unwrap();
            intake.end().unwrap();
            if n % 128 == 0 || n == messages {
                intake.commit().unwrap().into_iter().for_each(|stored| assert!(stored.unwrap().is_some()));
            }
        }
    }
}

fn inbox() -> FolderName {
    "INBOX".into()
}

/// A complete listing, by a handle that knows nothing yet.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn everything(bencher: Bencher<'_, '_>, size: u32) {
    let mail = Mail::filled(size);
    bencher.counter(ItemsCount::new(size)).bench_local(|| mail.list(None).present.len());
}

/// The same folder, since a cursor after which nothing happened.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 10)]
fn untouched(bencher: Bencher<'_, '_>, size: u32) {
    let mail = Mail::filled(size);
    let cursor = mail.list(None).cursor;
    bencher.counter(ItemsCount::new(size)).bench_local(|| mail.list(cursor.as_ref()));
}

/// A thousand messages of 8 KiB, durable or not.
#[divan::bench(args = [true, false], sample_count = 5, sample_size = 1)]
fn deliver(bencher: Bencher<'_, '_>, fsync: bool) {
    let content = b"Subject: a line of some seventy octets, as most lines of mail are\n".repeat(124);
    bencher
        .counter(ItemsCount::new(GROUP))
        .with_inputs(|| Mail::new(fsync))
        .bench_local_refs(|mail| mail.deliver(GROUP, &content));
}
