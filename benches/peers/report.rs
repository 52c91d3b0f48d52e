//! What was measured, as a table for people and as JSON for programs. Text only.

use crate::tools::Run;
use offlinesync_imap::testing::relay::Traffic;
use std::fmt::Write;

/// A program's best run.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) label: String,
    pub(crate) run: Run,
    pub(crate) traffic: Option<Traffic>,
}

impl Cell {
    pub(crate) fn new(label: &str, run: Run, traffic: Option<Traffic>) -> Cell {
        Cell { label: label.to_owned(), run, traffic }
    }

    /// The faster of two runs. Traffic and memory go with the run.
    pub(crate) fn better(self, other: Cell) -> Cell {
        if other.run.seconds < self.run.seconds { other } else { self }
    }
}

/// What is aimed at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    Turns(u64),
    Seconds(f64),
    /// Octets in both directions.
    Octets(u64),
    /// MiB.
    Memory(u64),
    /// At most so many times what another takes.
    Times(f64, &'static str),
}

/// One kind of work.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) goals: Vec<Goal>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) wants_copy: bool,
}

impl Row {
    pub(crate) fn new(work: impl Into<String>, goals: &[Goal]) -> Row {
        Row { work: work.into(), goals: goals.to_vec(), cells: Vec::new(), wants_copy: false }
    }

    /// Keeps the best run of each program.
    pub(crate) fn add(&mut self, cell: Cell) {
        match self.cells.iter().position(|other| other.label == cell.label) {
            Some(at) => self.cells[at] = self.cells[at].clone().better(cell),
            None => self.cells.push(cell),
        }
    }

    fn ours(&self) -> Option<&Cell> {
        self.cell("offlinesync")
    }

    fn cell(&self, label: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.label == label)
    }

    /// What a goal says, and whether it was met; `None` if it could not be measured.
    fn judge(&self, goal: Goal) -> (String, Option<bool>) {
        let traffic = self.ours().and_then(|ours| ours.traffic);
        let run = self.ours().map(|ours| ours.run);
        match goal {
            Goal::Turns(most) => (format!("≤ {most} turns"), traffic.map(|traffic| traffic.turns <= most)),
            Goal::Seconds(most) => (format!("≤ {}", seconds(most)), run.map(|run| run.seconds <= most)),
            Goal::Octets(most) => {
                (format!("≤ {}", octets(most)), traffic.map(|traffic| traffic.up + traffic.down <= most))
            }
            Goal::Memory(most) => (format!("≤ {most} MB memory"), run.map(|run| run.memory <= most * 1024)),
            Goal::Times(most, other) => {
                let told = run.zip(self.cell(other)).map(|(run, other)| run.seconds <= most * other.run.seconds);
                (format!("≤ {most} × {other}"), told)
            }
        }
    }

    fn verdicts(&self) -> String {
        let judged = self.goals.iter().map(|goal| self.judge(*goal));
        let word = |met| match met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "not measured",
        };
        judged.map(|(what, met)| format!("{what}: {}", word(met))).collect::<Vec<_>>().join("; ")
    }
}

fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.1} s") }
}

fn octets(octets: u64) -> String {
    match octets {
        0..10_000 => format!("{octets} B"),
        10_000..10_000_000 => format!("{:.0} kB", octets as f64 / 1e3),
        _ => format!("{:.0} MB", octets as f64 / 1e6),
    }
}

fn described(cell: &Cell, ours: Option<&Cell>) -> String {
    let mut text = seconds(cell.run.seconds);
    if let Some(ours) = ours.filter(|ours| ours.label != cell.label) {
        let _ = write!(text, " (ours: {:.2} ×)", ours.run.seconds / cell.run.seconds);
    }
    if let Some(Traffic { connections, up, down, turns }) = cell.traffic {
        let _ = write!(text, ", {turns} turns, {} up, {} down", octets(up), octets(down));
        if connections > 1 {
            let _ = write!(text, ", {connections} connections");
        }
    }
    if cell.run.memory > 0 {
        let _ = write!(text, ", {} MB, {:.2} s CPU", cell.run.memory / 1024, cell.run.cpu);
    }
    text
}

/// A row as it is printed when it is done.
pub(crate) fn text(row: &Row) -> String {
    let mut text = row.work.clone();
    for cell in &row.cells {
        let _ = write!(text, "\n    {:12} {}", cell.label, described(cell, row.ours()));
    }
    let _ = write!(text, "\n    {}", row.verdicts());
    text
}

/// All rows.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from("| work | ours | others | target |\n|---|---|---|---|\n");
    for row in rows {
        let ours = row.ours().map(|cell| described(cell, None)).unwrap_or_default();
        let others = row.cells.iter().filter(|cell| cell.label != "offlinesync");
        let others: Vec<String> =
            others.map(|cell| format!("{}: {}", cell.label, described(cell, row.ours()))).collect();
        let _ = writeln!(text, "| {} | {ours} | {} | {} |", row.work, others.join("<br>"), row.verdicts());
    }
    text
}

/// All rows, for programs.
pub(crate) fn json(rows: &[Row], quick: bool) -> String {
    let rows: Vec<String> = rows.iter().map(json_row).collect();
    format!("{{\n  \"version\": 1,\n  \"quick\": {quick},\n  \"rows\": [\n{}\n  ]\n}}\n", rows.join(",\n"))
}

fn json_row(row: &Row) -> String {
    let cells: Vec<String> = row.cells.iter().map(json_cell).collect();
    let goals = row.goals.iter().map(|goal| {
        let (what, met) = row.judge(*goal);
        format!("{{\"goal\": {what:?}, \"met\": {}}}", met.map_or("null".to_owned(), |met| met.to_string()))
    });
    let goals = goals.collect::<Vec<_>>().join(", ");
    format!("    {{\"work\": {:?}, \"goals\": [{goals}], \"programs\": [\n{}\n    ]}}", row.work, cells.join(",\n"))
}

fn json_cell(cell: &Cell) -> String {
    let Run { seconds, cpu, memory } = cell.run;
    let mut text = format!(
        "      {{\"program\": {:?}, \"seconds\": {seconds:.4}, \"cpu_seconds\": {cpu:.2}, \"memory_kib\": {memory}",
        cell.label
    );
    if let Some(Traffic { connections, up, down, turns }) = cell.traffic {
        let _ = write!(
            text,
            ", \"connections\": {connections}, \"octets_up\": {up}, \"octets_down\": {down}, \"turns\": {turns}"
        );
    }
    text + "}"
}
