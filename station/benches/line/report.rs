//! What was measured: printed as it comes, and kept as JSON.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What DESIGN.md §11 wants of a figure.
#[derive(Clone, Copy)]
pub enum Aim {
    /// At most so many times the floor of the same run.
    Times(f64),
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// It is only said.
    None,
}

/// Every figure of a run.
pub struct Report {
    row: String,
    figures: Vec<Value>,
}

impl Report {
    pub fn new() -> Report {
        Report { row: String::new(), figures: Vec::new() }
    }

    /// A row begins.
    pub fn row(&mut self, name: &str) {
        self.row = name.into();
        println!("\n{name}");
    }

    /// One figure, with the floor of the same run if it has one.
    pub fn figure(&mut self, what: &str, unit: &str, measured: f64, floor: Option<f64>, aim: Aim) {
        let ratio = floor.map(|floor| measured / floor);
        let (wanted, met) = match aim {
            Aim::Times(times) => (format!("≤ {times} × the floor"), ratio.map(|ratio| ratio <= times)),
            Aim::AtMost(most) => (format!("≤ {most} {unit}"), Some(measured <= most)),
            Aim::AtLeast(least) => (format!("≥ {least} {unit}"), Some(measured >= least)),
            Aim::None => (String::new(), None),
        };
        let beside = floor.zip(ratio).map(|(floor, ratio)| format!("floor {} · {ratio:.2} ×", short(floor)));
        let judged = met.map_or("", |met| if met { "met" } else { "MISSED" });
        println!(
            "  {what:<46} {:>10} {unit:<10} {:<24} {wanted:<18} {judged}",
            short(measured),
            beside.unwrap_or_default()
        );
        self.figures.push(json!({
            "row": self.row, "what": what, "unit": unit, "measured": measured, "floor": floor, "ratio": ratio,
            "aim": wanted, "met": met,
        }));
    }

    /// Something to know about the figures of this row.
    pub fn note(&mut self, sentence: &str) {
        println!("  {sentence}");
        self.figures.push(json!({ "row": self.row, "note": sentence }));
    }

    /// Keeps all of it in a file of the target directory.
    pub fn write(self, name: &str) {
        let path = target().join(name);
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let run = json!({ "processors": processors, "load_at_the_end": load.trim(), "figures": self.figures });
        std::fs::write(&path, format!("{run:#}\n")).unwrap();
        println!("\n{}", path.display());
    }
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("..")
}

fn short(figure: f64) -> String {
    if figure < 10.0 { format!("{figure:.2}") } else { format!("{figure:.0}") }
}

/// Samples in microseconds.
#[derive(Clone, Default)]
pub struct Samples(Vec<u64>);

impl Samples {
    pub fn add(&mut self, us: u64) {
        self.0.push(us);
    }

    /// Every sample, smallest first.
    pub fn all(&self) -> Vec<String> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.iter().map(u64::to_string).collect()
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The sample below which this many of a thousand lie.
    pub fn at(&self, permille: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * permille / 1_000).min(sorted.len().saturating_sub(1));
        sorted.get(place).map_or(f64::NAN, |us| *us as f64)
    }
}

/// A row's name, and what measures it.
pub type Row = (&'static str, fn(&mut Report));

/// Measures the rows that the command names, or all, and writes what was found to this file in `target/`.
pub fn measured(rows: &[Row], file: &str) {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = asked.iter().find(|name| !rows.iter().any(|(row, _)| row == name)) {
        let known: Vec<&str> = rows.iter().map(|(row, _)| *row).collect();
        println!("no row is called {unknown}; there are {}", known.join(", "));
        std::process::exit(2);
    }
    let mut report = Report::new();
    for (name, measure) in rows {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            report.row(name);
            measure(&mut report);
        }
    }
    report.write(file);
}
