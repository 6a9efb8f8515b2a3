//! `GET /api/v1/metrics`: figures of the moment in the text format of Prometheus. No name of a person, text or reason is in them: a line is
//! told by its id, a webhook by what the configuration calls it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::Api;
use super::events::Position;
use super::fault::Told;
use super::told::Standing;
use super::views::{LineRow, rows};
use crate::view::lines::ObservedState;
use crate::words::Words;

/// The media type, with the version of the format.
const MEDIA: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Live pages of the desk: those whose bell is armed, and the others.
#[derive(Default)]
pub(crate) struct LivePages([AtomicUsize; 2]);

impl LivePages {
    /// So many there are now.
    pub fn tell(&self, counted: [usize; 2]) {
        self.0.iter().zip(counted).for_each(|(kept, count)| kept.store(count, Ordering::Relaxed));
    }

    /// So many there were last.
    pub fn counted(&self) -> [usize; 2] {
        [0, 1].map(|n: usize| self.0.get(n).map_or(0, |kept| kept.load(Ordering::Relaxed)))
    }
}

/// The handler.
pub(super) async fn metrics(State(api): State<Api>) -> Result<impl IntoResponse, Told> {
    let (commits, unread, rings) = {
        let published = api.parts.keeper.published();
        let view = published.borrow();
        let rings: Vec<(String, usize)> =
            view.lines.iter().map(|(id, line)| (id.to_string(), line.rings.len())).collect();
        (view.version, view.unread.len(), rings)
    };
    let lines = rows(&api).await?;
    let mut page = Page { words: &api.words, text: String::new() };
    page.family("commits_total", "counter", "metric-commits");
    page.figure("commits_total", &[], commits);
    page.family("lines_unread", "gauge", "metric-lines-unread");
    page.figure("lines_unread", &[], unread);
    page.family("line_rings", "gauge", "metric-rings");
    for (line, count) in &rings {
        page.figure("line_rings", &[("line", line)], count);
    }
    page.lines(&lines);
    page.webhooks(&api.webhooks.all(), &api.position().await?);
    page.family("desk_pages", "gauge", "metric-desk-pages");
    for (armed, count) in ["yes", "no"].into_iter().zip(api.live_pages.counted()) {
        page.figure("desk_pages", &[("armed", armed)], count);
    }
    page.family("bells", "gauge", "metric-bells");
    page.figure("bells", &[], api.bells.count());
    Ok(([(CONTENT_TYPE, MEDIA)], page.text))
}

/// What is written.
struct Page<'a> {
    words: &'a Words,
    text: String,
}

impl Page<'_> {
    /// What figures of this name say, and how they move.
    fn family(&mut self, name: &str, kind: &str, says: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP counterpart_{name} {}", self.words.say(says, &[]));
        let _ = writeln!(self.text, "# TYPE counterpart_{name} {kind}");
    }

    /// One figure. Labels are ours or the operator's: digits, letters and `-`.
    fn figure(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "counterpart_{name}{labels} {value}");
    }

    /// A webhook is told by the name that the operator gave it: `a`–`z`, digits, `-`.
    fn webhooks(&mut self, all: &BTreeMap<String, Standing>, here: &Position) {
        self.family("webhook_waiting", "gauge", "metric-webhook-waiting");
        for (name, standing) in all {
            let waiting = standing.told.as_ref().map_or(0, |told| told.behind(here));
            self.figure("webhook_waiting", &[("webhook", name)], waiting);
        }
        self.family("webhook_failures", "gauge", "metric-webhook-failures");
        for (name, standing) in all {
            let (count, cause) = standing.failing.map_or((0, "none"), |(count, why, _)| (count, why.word()));
            self.figure("webhook_failures", &[("webhook", name), ("cause", cause)], count);
        }
    }

    fn lines(&mut self, lines: &[LineRow]) {
        use ObservedState::{Degraded, Down, Open, Silent};
        self.family("line_observed", "gauge", "metric-observed");
        for row in lines {
            for (state, word) in [(Open, "OPEN"), (Degraded, "DEGRADED"), (Silent, "SILENT"), (Down, "DOWN")] {
                let is = u8::from(row.view.observed.state == state);
                self.figure("line_observed", &[("line", &row.view.line), ("state", word)], is);
            }
        }
        self.family("line_usable", "gauge", "metric-usable");
        for row in lines {
            self.figure("line_usable", &[("line", &row.view.line)], u8::from(row.status == "open"));
        }
        let sides = |row: &LineRow, figures: [u64; 2]| {
            let line = row.view.line.clone();
            ["ours", "theirs"]
                .into_iter()
                .zip(figures)
                .map(move |(side, figure)| (line.clone(), side, figure))
                .collect::<Vec<_>>()
        };
        self.family("line_entries", "gauge", "metric-entries");
        for (line, side, figure) in lines.iter().flat_map(|row| sides(row, [row.view.ours.size, row.view.theirs.size]))
        {
            self.figure("line_entries", &[("line", &line), ("side", side)], figure);
        }
        self.family("line_entries_named", "gauge", "metric-named");
        for (line, side, figure) in
            lines.iter().flat_map(|row| sides(row, [row.view.ours.named_by_other, row.view.theirs.named_by_other]))
        {
            self.figure("line_entries_named", &[("line", &line), ("side", side)], figure);
        }
        self.family("line_requests_open", "gauge", "metric-requests");
        let open = |row: &LineRow| [row.view.requests_ours.len() as u64, row.view.requests_theirs.len() as u64];
        for (line, side, figure) in lines.iter().flat_map(|row| sides(row, open(row))) {
            self.figure("line_requests_open", &[("line", &line), ("side", side)], figure);
        }
        self.family("line_owed", "gauge", "metric-owed");
        for row in lines {
            self.figure("line_owed", &[("line", &row.view.line)], row.view.owed_by_us.len());
        }
    }
}
