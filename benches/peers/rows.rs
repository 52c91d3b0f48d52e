//! The work that is measured. Each row makes what it needs; homes and mailboxes that several rows need are made once.

use crate::corpus::{self, Sizes};
use crate::lab::{FAR, Lab, Line, files};
use crate::report::{Goal, Row};
use crate::tools::{Setting, Tool};
use std::io;

type Measure = fn(&mut Lab) -> io::Result<Vec<Row>>;

/// All rows by name. Rows that change a mailbox come after those that only read it.
pub(crate) const ROWS: [(&str, Measure); 10] = [
    ("noop-folders", noop_folders),
    ("noop-messages", noop_messages),
    ("million", million),
    ("cold-10k", cold_10k),
    ("cold-100k", cold_100k),
    ("cold-far", cold_far),
    ("cold-folders", cold_folders),
    ("flag", flag),
    ("upload", upload),
    ("move", moves),
];

/// OfflineIMAP asks for each message in turn: rows where that takes minutes are left out unless everything is asked for.
fn fast_ones(all: bool) -> impl Fn(Tool) -> bool {
    move |tool| all || tool != Tool::OfflineImap
}

fn nothing(_: &Lab, _: Tool, _: &mut Setting) -> io::Result<()> {
    Ok(())
}

fn many_folders(lab: &mut Lab) -> io::Result<&'static str> {
    lab.fill("u1", 0, lab.scaled(300), 20, Sizes::Ordinary)?;
    Ok("u1")
}

fn ten_thousand(lab: &mut Lab) -> io::Result<&'static str> {
    lab.fill("u2", lab.scaled(10_000), 0, 0, Sizes::Ordinary)?;
    Ok("u2")
}

fn hundred_thousand_small(lab: &mut Lab) -> io::Result<&'static str> {
    lab.fill("u3", lab.scaled(100_000), 0, 0, Sizes::About(600))?;
    Ok("u3")
}

fn noop_folders(lab: &mut Lab) -> io::Result<Vec<Row>> {
    let (user, all) = (many_folders(lab)?, lab.scale.all);
    let folders = lab.scaled(300);
    let mut plain = Row::new(format!("no-op, {folders} folders, 40 ms"), &[Goal::Turns(6), Goal::Seconds(0.4)]);
    lab.warm(&mut plain, user, &FAR, 3, |tool| tool == Tool::Ours, nothing)?;
    lab.warm(&mut plain, user, &FAR, 1, |tool| tool != Tool::Ours && fast_ones(all)(tool), nothing)?;
    let mut tls = Row::new(format!("no-op, {folders} folders, 40 ms, TLS"), &[Goal::Turns(7)]);
    let encrypted = |lab: &Lab, _: Tool, setting: &mut Setting| {
        setting.tls = Some(lab.server.ca_file());
        Ok(())
    };
    lab.warm(&mut tls, user, &FAR, 3, |tool| tool == Tool::Ours, encrypted)?;
    let many = lab.scaled(3000);
    lab.fill("u6", 0, many, 0, Sizes::Ordinary)?;
    let mut more = Row::new(format!("no-op, {many} folders, 40 ms"), &[Goal::Turns(6)]);
    lab.warm(&mut more, "u6", &FAR, 3, |tool| tool == Tool::Ours, nothing)?;
    Ok(vec![plain, tls, more])
}

fn noop_messages(lab: &mut Lab) -> io::Result<Vec<Row>> {
    let (user, all) = (hundred_thousand_small(lab)?, lab.scale.all);
    let mut row = Row::new(format!("no-op, {} messages, loopback", lab.scaled(100_000)), &[Goal::Seconds(0.015)]);
    lab.warm(&mut row, user, &Line::Loopback, 10, |tool| tool == Tool::Ours, nothing)?;
    lab.warm(&mut row, user, &Line::Loopback, 3, |tool| tool != Tool::Ours && fast_ones(all)(tool), nothing)?;
    Ok(vec![row])
}

/// Ours alone: what is shown is that the same work in ten times the mail costs the same, or what it costs.
fn million(lab: &mut Lab) -> io::Result<Vec<Row>> {
    if !lab.scale.all {
        return Ok(Vec::new());
    }
    let (user, messages) = ("u10", lab.scaled(1_000_000));
    lab.fill(user, messages, 0, 0, Sizes::About(300))?;
    let mut quiet = Row::new(format!("no-op, {messages} messages, loopback"), &[Goal::Seconds(0.015)]);
    lab.warm(&mut quiet, user, &Line::Loopback, 10, |tool| tool == Tool::Ours, nothing)?;
    let mut one = Row::new(format!("one flag, {messages} messages in the folder, loopback"), &[]);
    let toggled = |lab: &Lab, _: Tool, _: &mut Setting| {
        let mut client = lab.server.client(user);
        client.select("INBOX");
        client.store("77", "+FLAGS", "\\Draft");
        Ok(())
    };
    lab.warm(&mut one, user, &Line::Loopback, 1, |tool| tool == Tool::Ours, toggled)?;
    expect(1, drafts(&lab.synced(Tool::Ours, user)?)?, "messages with a changed flag")?;
    Ok(vec![quiet, one])
}

fn cold_10k(lab: &mut Lab) -> io::Result<Vec<Row>> {
    let (user, all) = (ten_thousand(lab)?, lab.scale.all);
    let messages = lab.scaled(10_000);
    let goals = [Goal::Times(1.2, "cp -r")];
    let mut row = Row::new(format!("cold, {messages} messages, loopback, one connection"), &goals);
    row.wants_copy = true;
    lab.cold(&mut row, user, &Line::Loopback, 3, fast_ones(all), |setting| setting)?;
    let goals = [Goal::Times(0.5, "mbsync")];
    let mut durable = Row::new(format!("cold, {messages} messages, loopback, fsync"), &goals);
    let fsync = |setting| Setting { fsync: true, ..setting };
    lab.cold(&mut durable, user, &Line::Loopback, 2, |tool| tool != Tool::OfflineImap, fsync)?;
    Ok(vec![row, durable])
}

fn cold_100k(lab: &mut Lab) -> io::Result<Vec<Row>> {
    if !lab.scale.all {
        return Ok(Vec::new());
    }
    lab.fill("u4", lab.scaled(100_000), 0, 0, Sizes::Ordinary)?;
    let goals = [Goal::Times(0.5, "mbsync"), Goal::Memory(40)];
    let mut row = Row::new(format!("cold, {} messages, loopback", lab.scaled(100_000)), &goals);
    lab.cold(&mut row, "u4", &Line::Loopback, 1, fast_ones(false), |setting| setting)?;
    Ok(vec![row])
}

fn cold_far(lab: &mut Lab) -> io::Result<Vec<Row>> {
    let (user, all) = (ten_thousand(lab)?, lab.scale.all);
    let mut row = Row::new(format!("cold, {} messages, 40 ms", lab.scaled(10_000)), &[Goal::Times(0.5, "mbsync")]);
    lab.cold(&mut row, user, &FAR, 2, fast_ones(all), |setting| setting)?;
    Ok(vec![row])
}

fn cold_folders(lab: &mut Lab) -> io::Result<Vec<Row>> {
    let (user, all) = (many_folders(lab)?, lab.scale.all);
    let work = format!("cold, {} folders of 20, 40 ms, 4 connections", lab.scaled(300));
    let mut row = Row::new(work, &[Goal::Seconds(3.0)]);
    let four = |setting| Setting { connections: 4, ..setting };
    lab.cold(&mut row, user, &FAR, 2, |tool| tool == Tool::Ours, four)?;
    lab.cold(&mut row, user, &FAR, 1, |tool| tool != Tool::Ours && fast_ones(all)(tool), four)?;
    Ok(vec![row])
}

fn flag(lab: &mut Lab) -> io::Result<Vec<Row>> {
    let (user, all) = (hundred_thousand_small(lab)?, lab.scale.all);
    let (messages, folders) = (lab.scaled(100_000), lab.scaled(300));
    lab.add_folders(user, folders - 1);
    let goals = [Goal::Turns(7), Goal::Octets(10_000)];
    let mut row = Row::new(format!("one flag, {folders} folders, {messages} messages in it, 40 ms"), &goals);
    for tool in lab.tools.clone().into_iter().filter(|tool| fast_ones(all)(*tool)) {
        let setting = lab.synced(tool, user)?;
        // The folders are new to it.
        (0..2).try_for_each(|_| setting.run(tool).map(drop))?;
        let mut client = lab.server.client(user);
        client.select("INBOX");
        client.store("77", "+FLAGS", "\\Draft");
        lab.warm(&mut row, user, &FAR, 1, |other| other == tool, nothing)?;
        expect(1, drafts(&setting)?, "messages with a changed flag")?;
        client.store("77", "-FLAGS", "\\Draft");
    }
    lab.forget(user);
    Ok(vec![row])
}

/// Files of INBOX with the letter for drafts.
fn drafts(setting: &Setting) -> io::Result<u64> {
    let names = std::fs::read_dir(setting.folder("INBOX").join("cur"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| name.rsplit(',').next().is_some_and(|letters| letters.contains('D'))).count() as u64)
}

fn expect(expected: u64, found: u64, what: &str) -> io::Result<()> {
    if expected == found { Ok(()) } else { Err(io::Error::other(format!("{found} {what} instead of {expected}"))) }
}

fn upload(lab: &mut Lab) -> io::Result<Vec<Row>> {
    let messages = lab.scaled(2000);
    let mut near = Row::new(format!("upload {messages} messages, loopback"), &[Goal::Times(0.3, "mbsync")]);
    let mut far = Row::new(format!("upload {messages} messages, 40 ms"), &[Goal::Turns(12)]);
    let mut next = 0;
    let mut deliver = |_: &Lab, _: Tool, setting: &mut Setting| {
        next += 1;
        corpus::maildir(&setting.folder("INBOX"), next * 10_000_000 / 100, messages, Sizes::About(5000))
    };
    for (tool, user) in lab.tools.clone().into_iter().zip(["u5", "u7", "u8"]) {
        let this = |other| other == tool;
        lab.warm(&mut near, user, &Line::Loopback, 2, this, &mut deliver)?;
        if tool != Tool::OfflineImap || lab.scale.all {
            lab.warm(&mut far, user, &FAR, 2, this, &mut deliver)?;
        }
        let uploads = if tool != Tool::OfflineImap || lab.scale.all { 4 } else { 2 };
        expect(uploads * messages, lab.count_on_server(user), "messages on the server")?;
    }
    Ok(vec![near, far])
}

/// Messages moved arrive under new UIDs or names; what a program makes of it shows in the octets that pass.
fn moves(lab: &mut Lab) -> io::Result<Vec<Row>> {
    let (messages, all) = (lab.scaled(1000), lab.scale.all);
    let goals = [Goal::Turns(3 + 3), Goal::Octets(600 * messages)];
    let mut there = Row::new(format!("move {messages} messages on the server, 40 ms"), &goals);
    let mut here = Row::new(format!("move {messages} messages in the Maildir, 40 ms"), &goals);
    // Moves here are moves on the server afterwards: each program has a user of its own.
    for (tool, user) in lab.tools.clone().into_iter().zip(["u9", "u5", "u7"]).filter(|(tool, _)| fast_ones(all)(*tool))
    {
        lab.fill(user, 3 * messages, 1, 0, Sizes::Ordinary)?;
        lab.forget(user);
        let setting = lab.synced(tool, user)?;
        let mut client = lab.server.client(user);
        let before = client.select("INBOX").exists;
        client.ok(&format!("MOVE 1:{messages} f0000"));
        lab.warm(&mut there, user, &FAR, 1, |other| other == tool, nothing)?;
        let left = u64::from(before) - messages;
        expect(left, files(&setting.folder("INBOX"))?, "messages left")?;
        expect(messages, files(&setting.folder("f0000"))?, "messages moved")?;
        setting.run(tool)?;
        move_files(&setting, messages)?;
        lab.warm(&mut here, user, &FAR, 1, |other| other == tool, nothing)?;
        expect(left - messages, u64::from(client.select("INBOX").exists), "messages left on the server")?;
        expect(2 * messages, u64::from(client.select("f0000").exists), "messages moved on the server")?;
        lab.forget(user);
    }
    Ok(vec![there, here])
}

/// As a mail program does it: the name stays, but for what mbsync and we note in it.
fn move_files(setting: &Setting, count: u64) -> io::Result<()> {
    let (from, to) = (setting.folder("INBOX"), setting.folder("f0000"));
    let mut left = count;
    for sub in ["cur", "new"] {
        for entry in std::fs::read_dir(from.join(sub))? {
            let entry = entry?;
            let name = entry.file_name().into_string().unwrap_or_default();
            if left == 0 || name.starts_with('.') {
                continue;
            }
            let (base, letters) = name.split_once(":2,").unwrap_or((&name, ""));
            let base = base.split(",U=").next().unwrap_or(base);
            std::fs::rename(entry.path(), to.join("cur").join(format!("{base}:2,{letters}")))?;
            left -= 1;
        }
    }
    Ok(())
}
