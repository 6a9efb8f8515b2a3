//! A seed told in lines, for whoever replays one.

use crate::plan::LENGTH_MS;

/// What happened, as it happens; nothing is kept unless somebody reads it.
#[derive(Debug, Default)]
pub struct Story {
    lines: Option<Vec<String>>,
}

impl Story {
    /// One that is kept, or one that nobody reads.
    pub fn new(kept: bool) -> Story {
        Story { lines: kept.then(Vec::new) }
    }

    /// Something happened.
    pub fn tell(&mut self, now_ms: u64, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{}  {}", day_and_time(now_ms), what()));
        }
    }

    /// The lines so far.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

fn day_and_time(ms: u64) -> String {
    let (day, rest) = (ms / 86_400_000 + 1, ms % 86_400_000);
    let after = if ms > LENGTH_MS { "+" } else { " " };
    format!(
        "day {day:2}{after}{:02}:{:02}:{:02}.{:03}",
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1_000 % 60,
        rest % 1_000
    )
}
