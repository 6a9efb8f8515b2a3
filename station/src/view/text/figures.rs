//! Times to answer, as tables.

use super::{finish, table, wrap};
use crate::view::figures::{DirectionView, FiguresRow, FiguresView, SpanView};
use crate::words::clocks::Telling;

/// Times to answer.
pub fn figures(view: &FiguresView, telling: &Telling<'_>) -> String {
    let mut out = vec![match view.year {
        Some(year) => telling.say("figures-year", &[("year", year.to_string().into())]),
        None => telling.say("figures-all", &[]),
    }];
    let [_, peer] = &view.call_signs;
    for direction in &view.directions {
        let args = [("side", direction.asked_by.word().into()), ("peer", peer.into())];
        out.push(String::new());
        out.push(telling.say("figures-direction", &args));
        if direction.rows.is_empty() {
            out.push(format!("  {}", telling.say("figures-none", &[])));
        }
        out.extend(direction_tables(direction, telling));
    }
    out.push(String::new());
    out.extend(wrap(&view.clocks, 0, 2));
    finish(out)
}

/// The heads of a figure table's counts, in the order of its columns.
pub const COUNTS: [&str; 10] = [
    "table-count",
    "table-open",
    "table-broken-off",
    "table-answered",
    "table-agreed",
    "table-declined",
    "table-withdrawn",
    "table-lapsed",
    "table-crossed",
    "table-talked",
];
/// The heads of its spans of time.
pub const SPANS: [&str; 3] = ["table-delivered", "table-seen", "table-first-answer"];

fn direction_tables(direction: &DirectionView, telling: &Telling<'_>) -> Vec<String> {
    if direction.rows.is_empty() {
        return Vec::new();
    }
    let words = telling.words;
    let name = |row: &FiguresRow| format!("{} {}", words.coded_in(row.mark.0), words.coded_in(row.precedence.0));
    let head = |corner: String, ids: &[&str]| -> Vec<String> {
        std::iter::once(corner).chain(ids.iter().map(|id| telling.say(id, &[]))).collect()
    };
    let mut counts = vec![head(String::new(), &COUNTS)];
    let mut spans = vec![head(telling.say("table-spans", &[]), &SPANS)];
    for row in &direction.rows {
        counts.push(std::iter::once(name(row)).chain(row.counts().map(|n| n.to_string())).collect());
        let cells = [row.delivered, row.seen, row.first_answer].map(|span| lasts(&span, telling));
        spans.push(std::iter::once(name(row)).chain(cells).collect());
    }
    let early = |row: &FiguresRow| row.delivered.before_ask + row.seen.before_ask + row.first_answer.before_ask;
    let early: u64 = direction.rows.iter().map(early).sum();
    let mut out = table(&counts, 2);
    out.extend(table(&spans, 2));
    if early > 0 {
        out.extend(wrap(&telling.say("figures-early", &[("count", early.into())]), 2, 4));
    }
    out
}

fn lasts(span: &SpanView, telling: &Telling<'_>) -> String {
    let (Some(median), Some(worst)) = (span.median_ms, span.worst_ms) else { return "–".into() };
    let [median, worst] = [median, worst].map(|ms| telling.words.lasts(ms));
    telling.say("table-median-worst", &[("median", median.into()), ("worst", worst.into())])
}
