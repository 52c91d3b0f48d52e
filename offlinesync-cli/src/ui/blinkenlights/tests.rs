//! What is on the screen, cell by cell, at any size; what keys do.

use super::draw::draw;
use super::state::{Command, Prompt, State};
use crate::say::{Level, Outcome};
use crate::ui::Moment;
use offlinesync_core::plan::{Counts, Plan};
use offlinesync_core::status::FolderPair;
use offlinesync_core::{Event, MessageId, PerSide, Side, Uid};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// Two accounts: one copies in two folders, one waits.
fn busy(now: Instant) -> State {
    let mut state = State::default();
    let pair = |name: &str| FolderPair { remote: name.into(), local: name.into() };
    let (inbox, sent) = (pair("INBOX"), pair("Sent\u{1b}[2J"));
    let counts = Counts { copies: PerSide { remote: 1, local: 3 }, ..Counts::default() };
    let id = MessageId::from(Uid::new(42).unwrap());
    state.moment("work", &Moment::SyncStarted { quick: false }, now);
    for event in [
        Event::Connected { repository: "r", how: "TLS" },
        Event::FoldersListed { pairs: 9, touched: 3 },
        Event::FolderStarted { pair: &inbox },
        Event::FolderStarted { pair: &sent },
        Event::FolderPlanned { pair: &inbox, plan: &Plan::default(), counts: &counts },
        Event::MessagesCopied { pair: &inbox, to: Side::Local, messages: 2 },
        Event::MessageStarted { pair: &inbox, id: &id, to: Side::Local, octets: 4096 },
        Event::BytesCopied { pair: &inbox, octets: 1024 },
    ] {
        state.event("work", &event, now);
    }
    state.moment("home", &Moment::SyncEnded { outcome: Outcome::Incomplete, report: None }, now);
    state.moment("home", &Moment::Pausing { left: Duration::from_secs(83) }, now);
    state.log(Level::Info, "Syncing INBOX: IMAP -> Maildir");
    state.log(Level::Warning, "warning: odd\u{7}");
    state
}

fn screen(state: &State, now: Instant, (columns, lines): (u16, u16), colours: bool) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| draw(frame, state, now, colours)).unwrap();
    terminal
}

fn lines(terminal: &Terminal<TestBackend>) -> Vec<String> {
    let buffer = terminal.backend().buffer();
    let line = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(|y| line(y).trim_end().to_owned()).collect()
}

#[test]
fn accounts_folders_the_message_in_work_and_the_log_are_on_the_screen() {
    let start = Instant::now();
    let shown = lines(&screen(&busy(start), start + Duration::from_secs(1), (90, 14), true));
    let rule = |title: &str| format!("{title}{}", "─".repeat(90 - title.chars().count()));
    let expected = [
        format!("offlinesync {}", env!("CARGO_PKG_VERSION")),
        rule(" Accounts "),
        " 0 work             folder 0/3 of 9  message 2/4  1.00 KiB at 1.00 KiB/s".to_owned(),
        " 1 home             next sync in 1:22  last sync: exit status 1".to_owned(),
        String::new(),
        rule(" Folders "),
        " INBOX                    [##########..........] 2/4  down 42: 1.00 KiB of 4.00 KiB".to_owned(),
        " Sent?[2J                 [....................] 0/0".to_owned(),
        String::new(),
        rule(" Log "),
        "Syncing INBOX: IMAP -> Maildir".to_owned(),
        "warning: odd?".to_owned(),
        String::new(),
        " s sync all  0-9 sync account  p pause  q quit  arrows scroll the log".to_owned(),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn any_size_will_do_and_no_colour_means_none() {
    let now = Instant::now();
    let state = busy(now);
    for columns in [1, 2, 10, 40, 300] {
        for rows in [1, 2, 3, 5, 8, 100] {
            screen(&state, now, (columns, rows), true);
        }
    }
    let coloured = |colours| {
        let terminal = screen(&state, now, (80, 24), colours);
        terminal.backend().buffer().content.iter().any(|cell| cell.fg != Color::Reset)
    };
    assert!(coloured(true) && !coloured(false));
}

#[test]
fn keys_sync_one_account_or_all_pause_and_quit() {
    let mut state = busy(Instant::now());
    assert_eq!(state.key(key(KeyCode::Char('s'))), Some(Command::SyncAll));
    assert_eq!(state.key(key(KeyCode::Char('1'))), Some(Command::Sync("home".to_owned())));
    assert_eq!(state.key(key(KeyCode::Char('7'))), None);
    assert_eq!(state.key(key(KeyCode::Char('p'))), Some(Command::Hold(true)));
    assert!(
        lines(&screen(&state, Instant::now(), (80, 24), true))[0]
            .ends_with("paused: no sync begins until p is pressed again")
    );
    assert_eq!(state.key(key(KeyCode::Char('p'))), Some(Command::Hold(false)));
    assert_eq!(state.key(key(KeyCode::Char('q'))), Some(Command::Quit));
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(state.key(interrupt), Some(Command::Quit));
    assert!(lines(&screen(&state, Instant::now(), (80, 24), true))[0].ends_with("ending: what is begun is recorded"));
}

#[test]
fn a_password_is_typed_unseen_and_its_letters_are_no_commands() {
    let mut state = busy(Instant::now());
    let (sender, answers) = channel();
    state.prompt = Some(Prompt::new("Enter password for user 'u' on host: ", sender));
    "sqx".chars().for_each(|letter| assert_eq!(state.key(key(KeyCode::Char(letter))), None));
    state.key(key(KeyCode::Backspace));
    let shown = lines(&screen(&state, Instant::now(), (80, 24), true));
    assert_eq!(shown[23], "Enter password for user 'u' on host: **");
    assert!(!format!("{state:?}").contains("\"sq\""), "a password in the debug text");
    state.key(key(KeyCode::Enter));
    assert_eq!(answers.recv().unwrap().as_str(), "sq");
    assert!(state.prompt.is_none());
}

#[test]
fn the_log_scrolls_stays_where_one_reads_and_is_bounded() {
    let mut state = State::default();
    (0..1500).for_each(|number| state.log(Level::Info, &format!("line {number}")));
    assert_eq!(state.log.len(), 1000);
    let last = |state: &State| {
        let shown = lines(&screen(state, Instant::now(), (30, 12), false));
        shown[..11].iter().rev().find(|line| line.starts_with("line")).unwrap().clone()
    };
    assert_eq!(last(&state), "line 1499");
    state.key(key(KeyCode::PageUp));
    assert_eq!(last(&state), "line 1489");
    state.log(Level::Info, "line 1500");
    assert_eq!(last(&state), "line 1489");
    state.key(key(KeyCode::Home));
    let top = lines(&screen(&state, Instant::now(), (30, 12), false));
    assert!(top.contains(&"line 501".to_owned()), "{top:?}");
    state.key(key(KeyCode::End));
    assert_eq!(last(&state), "line 1500");
}
