//! From what there is to show to what is on the screen. Pure: any size will do.

use super::state::{Account, Doing, Folder, State, Transfer};
use crate::say::Level;
use indicatif::HumanBytes;
use offlinesync_core::Side;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};
use std::time::{Duration, Instant};

const KEYS: &str = " s sync all  0-9 sync account  p pause  q quit  arrows scroll the log";
/// Columns of a bar.
const BAR: u64 = 20;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State, now: Instant, colours: bool) {
    let paint = Paint { colours };
    let area = frame.area();
    let third = (area.height / 3).max(3);
    let folders: u16 = state.accounts.iter().map(|account| account.folders.len() as u16).sum();
    let rows = |lines: usize| (u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(2)).min(third);
    let [title, accounts, work, log, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(rows(state.accounts.len())),
        Constraint::Length(if folders == 0 { 0 } else { rows(usize::from(folders)) }),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(heading(state, &paint)), title);
    let lines = state.accounts.iter().enumerate().map(|(number, account)| account_line(number, account, now, &paint));
    frame.render_widget(panel("Accounts", lines.collect()), accounts);
    if folders > 0 {
        let lines = state.accounts.iter().flat_map(|account| &account.folders);
        let lines = lines.map(|(pair, folder)| folder_line(pair.remote.as_str(), folder, &paint)).collect();
        frame.render_widget(panel("Folders", lines), work);
    }
    frame.render_widget(panel("Log", log_lines(state, log, &paint)), log);
    frame.render_widget(Paragraph::new(bottom(state, &paint)), keys);
}

/// Styles, or none.
struct Paint {
    colours: bool,
}

impl Paint {
    fn style(&self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    fn level(&self, level: Level) -> Style {
        match level {
            Level::Debug => self.style(Color::DarkGray),
            Level::Info => Style::new(),
            Level::Warning => self.style(Color::Yellow),
            Level::Error => self.style(Color::Red),
        }
    }
}

fn panel<'a>(title: &'a str, lines: Vec<Line<'a>>) -> Paragraph<'a> {
    Paragraph::new(lines).block(Block::new().borders(Borders::TOP).title(format!(" {title} ")))
}

fn heading(state: &State, paint: &Paint) -> Line<'static> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut spans = vec![Span::styled(format!("offlinesync {}", env!("CARGO_PKG_VERSION")), bold)];
    if state.ending {
        spans.push(Span::styled("  ending: what is begun is recorded", paint.style(Color::Yellow)));
    } else if state.held {
        spans.push(Span::styled("  paused: no sync begins until p is pressed again", paint.style(Color::Yellow)));
    }
    Line::from(spans)
}

fn account_line(number: usize, account: &Account, now: Instant, paint: &Paint) -> Line<'static> {
    let number = if number < 10 { number.to_string() } else { " ".to_owned() };
    let (text, colour) = match account.doing {
        Doing::Waiting => ("waiting".to_owned(), Color::Gray),
        Doing::Connecting => ("connecting".to_owned(), Color::Cyan),
        Doing::Listing => ("listing folders".to_owned(), Color::Cyan),
        Doing::Syncing => (progress(account, now), Color::Green),
        Doing::Pausing { until } => (format!("next sync in {}", clock(until, now)), Color::Gray),
        Doing::Ended => ("ended".to_owned(), Color::Gray),
    };
    let mut spans = vec![Span::raw(format!(" {number} {:16} ", account.name)), Span::styled(text, paint.style(colour))];
    if let Some(outcome) = account.last.filter(|outcome| outcome.code() != 0) {
        spans.push(Span::styled(format!("  last sync: exit status {}", outcome.code()), paint.style(Color::Red)));
    }
    Line::from(spans)
}

fn progress(account: &Account, now: Instant) -> String {
    let Account { finished, touched, found, done, planned, octets, .. } = account;
    let rate = HumanBytes(account.rate(now));
    format!("folder {finished}/{touched} of {found}  message {done}/{planned}  {} at {rate}/s", HumanBytes(*octets))
}

fn clock(until: Instant, now: Instant) -> String {
    let left = until.saturating_duration_since(now) + Duration::from_millis(500);
    format!("{}:{:02}", left.as_secs() / 60, left.as_secs() % 60)
}

fn folder_line(name: &str, folder: &Folder, paint: &Paint) -> Line<'static> {
    let full = (folder.done.min(folder.planned) * BAR).checked_div(folder.planned).unwrap_or(0) as usize;
    let bar = format!("[{}{}]", "#".repeat(full), ".".repeat(BAR as usize - full));
    let name: String = crate::say::clean(name).chars().take(24).collect();
    let mut spans = vec![
        Span::raw(format!(" {name:24} ")),
        Span::styled(bar, paint.style(Color::Blue)),
        Span::raw(format!(" {}/{}", folder.done, folder.planned)),
    ];
    if let Some(Transfer { id, to, octets, passed }) = &folder.transfer {
        let way = if *to == Side::Local { "down" } else { "up" };
        let text = format!("  {way} {id}: {} of {}", HumanBytes(*passed), HumanBytes(*octets));
        spans.push(Span::styled(text, paint.style(Color::Cyan)));
    }
    Line::from(spans)
}

fn log_lines(state: &State, area: Rect, paint: &Paint) -> Vec<Line<'static>> {
    let height = usize::from(area.height.saturating_sub(1));
    let end = state.log.len().saturating_sub(state.back).max(height.min(state.log.len()));
    let lines = state.log.range(end.saturating_sub(height)..end);
    lines.map(|(level, text)| Line::styled(text.clone(), paint.level(*level))).collect()
}

fn bottom(state: &State, paint: &Paint) -> Line<'static> {
    match &state.prompt {
        Some(prompt) => {
            let text = format!("{}{}", prompt.text, "*".repeat(prompt.length()));
            Line::styled(text, paint.style(Color::Yellow).add_modifier(Modifier::BOLD))
        }
        None => Line::styled(KEYS, Style::new().add_modifier(Modifier::DIM)),
    }
}
