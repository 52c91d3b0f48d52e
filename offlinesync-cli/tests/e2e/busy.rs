//! The world moves during the sync: another client and a mail program add, flag, move and remove their messages while syncs run. In the
//! end nothing is lost that nobody removed, nothing is there twice, and nothing came back that somebody removed.

use crate::content::fill;
use crate::house::Setup;
use crate::kill::kill_at;
use crate::mail::{assert_in_step, deliver, in_maildir, to_lf};
use offlinesync_core::testing::mails::{self, Mail, Random};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What the world is like.
#[derive(Default)]
struct World {
    /// What the server does not offer.
    hide: Vec<&'static str>,
    /// Half of the syncs are killed.
    killed: bool,
    /// Messages are moved between two folders, too.
    moves: bool,
}

fn busy(world: World) {
    let server = Dovecot::start(Options { hide: world.hide.clone(), ..Options::default() });
    let (mut client, house) = (server.client("u1"), Setup::new(&server, "u1").house());
    let folders = if world.moves { vec!["INBOX", "Archive"] } else { vec!["INBOX"] };
    folders.iter().skip(1).for_each(|name| client.create(name));
    fill(&mut client, "INBOX", mails::ordinary(100, 63).filter(|mail| mail.bytes.len() < 4000));
    house.sync();
    let directories: Vec<PathBuf> = folders.iter().map(|name| house.folder(name)).collect();
    let ended = AtomicBool::new(false);
    let (there, here) = std::thread::scope(|scope| {
        let there = scope.spawn(|| busy_client(&mut server.client("u1"), &folders));
        let here = scope.spawn(|| busy_files(&directories));
        let syncs = scope.spawn(|| {
            let mut random = Random::new(5);
            while !ended.load(Ordering::Relaxed) {
                if world.killed && random.one_in(2) {
                    let words =
                        *random.of(&["> A", "< A", "APPEND", "FETCH (", "STORE", "EXPUNGE", "APPENDUID", "MOVE"]);
                    kill_at(&house, words, 1 + random.below(12) as usize);
                    continue;
                }
                let run = house.run(&[]);
                assert!(run.code == 0 || run.code == 1, "{run:?}");
            }
        });
        let both = (there.join().unwrap(), here.join().unwrap());
        ended.store(true, Ordering::Relaxed);
        syncs.join().unwrap();
        both
    });
    let run = house.run(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_in_step(&mut client, &house);
    let subjects: Vec<String> = directories.iter().flat_map(|directory| subjects(directory)).collect();
    let kept: BTreeSet<String> = there.union(&here).cloned().collect();
    let found: BTreeSet<String> = subjects.iter().cloned().collect();
    assert_eq!(found.len(), subjects.len(), "doubled: {subjects:?}");
    assert_eq!(kept.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "lost");
    assert_eq!(found.difference(&kept).collect::<Vec<_>>(), Vec::<&String>::new(), "came back");
}

/// OfflineIMAP #65: mail that came during a sync was doubled.
#[test]
fn mail_that_comes_and_goes_while_syncs_run_is_neither_lost_nor_doubled() {
    busy(World::default());
}

#[test]
fn mail_that_comes_and_goes_on_a_server_that_tells_no_changes_is_neither_lost_nor_doubled() {
    busy(World { hide: vec!["QRESYNC", "CONDSTORE", "MULTIAPPEND", "ESEARCH"], ..World::default() });
}

#[test]
fn mail_that_comes_and_goes_while_syncs_are_killed_is_neither_lost_nor_doubled() {
    busy(World { killed: true, ..World::default() });
}

/// Here the new numbers of uploaded messages are found by looking, and a run may be killed before it has looked.
#[test]
fn mail_that_comes_and_goes_on_a_server_that_tells_no_numbers_while_syncs_are_killed_is_neither_lost_nor_doubled() {
    busy(World { hide: vec!["UIDPLUS"], killed: true, ..World::default() });
}

#[test]
fn mail_that_is_moved_to_and_fro_while_syncs_run_is_neither_lost_nor_doubled() {
    busy(World { moves: true, ..World::default() });
}

#[test]
fn mail_that_is_moved_to_and_fro_while_syncs_are_killed_is_neither_lost_nor_doubled() {
    busy(World { moves: true, killed: true, ..World::default() });
}

fn subjects(folder: &Path) -> Vec<String> {
    let subject = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned));
        subject.filter(|subject| subject.starts_with("busy "))
    };
    let mut found: Vec<String> = in_maildir(folder).iter().filter_map(|held| subject(&held.bytes)).collect();
    found.sort();
    found
}

/// A message of a client: the folder it is in, its UID there, its subject.
type Own<'a> = (&'a str, u32, String);

/// Adds, flags, moves and removes its own messages; answers the subjects of those it leaves.
fn busy_client(client: &mut Client, folders: &[&str]) -> BTreeSet<String> {
    let (mut random, mut own) = (Random::new(1), Vec::<Own<'_>>::new());
    for number in 0..150 {
        let subject = format!("busy there {number}");
        let folder = *random.of(folders);
        let uid = client.append(folder, "", None, &Mail::text(&subject).bytes);
        own.push((folder, uid, subject));
        let at = random.below(own.len() as u64) as usize;
        client.select(own[at].0);
        client.store(&own[at].1.to_string(), "+FLAGS", "\\Flagged");
        if random.one_in(3) {
            let (_, uid, _) = own.swap_remove(at);
            client.remove(&uid.to_string());
        } else if folders.len() > 1 && random.one_in(3) {
            let to = if own[at].0 == folders[0] { folders[1] } else { folders[0] };
            let moved = client.ok(&format!("UID MOVE {} {to}", own[at].1));
            let uid = moved.code("COPYUID").and_then(|code| code.split(' ').nth(2)?.parse().ok()).unwrap();
            (own[at].0, own[at].1) = (to, uid);
        }
    }
    own.into_iter().map(|(_, _, subject)| subject).collect()
}

/// The files of a mail program.
fn own_files(folders: &[PathBuf]) -> Vec<PathBuf> {
    let parts = folders.iter().flat_map(|folder| ["cur", "new"].map(|part| folder.join(part)));
    let paths = parts.flat_map(|part| fs::read_dir(part).unwrap().map(|entry| entry.unwrap().path()));
    paths.filter(|path| path.to_string_lossy().contains(".busy.")).collect()
}

/// The same with files.
fn busy_files(folders: &[PathBuf]) -> BTreeSet<String> {
    let (mut random, mut left) = (Random::new(2), BTreeSet::new());
    for number in 0..300 {
        let subject = format!("busy here {number}");
        let folder: &PathBuf = random.of(folders);
        deliver(folder, &format!("17{number}.busy.host"), &to_lf(&Mail::text(&subject).bytes));
        left.insert(subject);
        let all = own_files(folders);
        let Some(path) = all.get(random.below(all.len().max(1) as u64) as usize) else { continue };
        if random.one_in(3) {
            let Ok(content) = fs::read_to_string(path) else { continue };
            let subject = content.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned();
            if fs::remove_file(path).is_ok() {
                left.remove(&subject);
            }
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let stem = name.split(":2,").next().unwrap().to_owned();
            let stays = folders.iter().find(|folder| path.starts_with(folder)).unwrap();
            let to = if random.one_in(3) { random.of(folders) } else { stays };
            let _ = fs::rename(path, to.join(format!("cur/{stem}:2,{}", random.of(&["", "S", "FS"]))));
        }
    }
    left
}
