//! Views on a terminal: plain text of at most 100 columns, without colour. Text that came from outside is cleaned here.

mod figures;

use counterpart_core::precedence::Mark;

use super::attempts::{OfferView, RungView};
use super::broken::{BrokenOffView, EpochView};
use super::lines::{LineView, ObservedState, OrganisationView};
use super::record::{Args, RecordEntry, RecordView};
use super::request::{RequestLine, RequestView};
use super::ring::RingView;
use super::sheet::{SheetsView, TOPICS_MAX};
use super::{Moment, Side};
use crate::words::clocks::Telling;
use crate::words::{Why, Words, clean};

pub use figures::{COUNTS, SPANS, figures};

/// Columns of a terminal that everything fits into, but for one long word.
pub const WIDTH: usize = 100;
/// Columns of the plain lines with which a request opens: a terminal that is not wider does not break them anew.
pub const PLAIN_WIDTH: usize = 80;
/// Columns of words that came from outside, with the bar before them. A terminal of 80 columns does not break them, so that no
/// word of theirs can come to stand where a line of ours begins.
const QUOTED_WIDTH: usize = 78;
/// Lines of topics that are shown of a call sheet: as many as a desk writes, of both sides.
const SHEET_LINES_MAX: usize = 2 * TOPICS_MAX;
/// Lines of words that a ring shows.
const RING_LINES_MAX: usize = 3;

/// A plain line of a request, in its rows.
pub(super) fn plain(line: &str) -> Vec<String> {
    wrap_to(line, PLAIN_WIDTH, 0, 2)
}

/// The status of a request: its opening, then the ladder of every attempt and offer with both sides' times, then what the opening had
/// no room for.
pub fn request(view: &RequestView, telling: &Telling<'_>) -> String {
    let mut out = Vec::new();
    let banner = banner(view.mark.0, telling.words);
    out.extend(banner.clone());
    out.extend(view.plain_lines.iter().flat_map(|line| plain(line)));
    for attempt in &view.attempts {
        let id = match (attempt.kind.as_str(), attempt.counts) {
            ("ask", _) => "table-ask",
            (_, true) => "table-renewal",
            (_, false) => "table-renewal-early",
        };
        out.push(String::new());
        out.push(telling.say(id, &[("name", (&attempt.attempt.name).into())]));
        out.extend(ladder(&attempt.rungs, telling));
    }
    for offer in &view.offers {
        out.push(String::new());
        out.extend(offer_head(offer, telling));
        out.extend(ladder(&offer.rungs, telling));
    }
    if let Some(talk) = &view.talk {
        let [ours, theirs] = [talk.ours, talk.theirs].map(|word| telling.words.word(word.0).into());
        let args = [("state", telling.words.coded(talk.state.0).both().into()), ("ours", ours), ("theirs", theirs)];
        out.push(String::new());
        out.extend(wrap(&telling.say("table-talk", &args), 0, 2));
    }
    out.extend(view.sheets.iter().flat_map(|view| sheets(view, telling)));
    if !view.plain_later.is_empty() {
        out.push(String::new());
        out.push(telling.say("table-later", &[]));
        out.extend(view.plain_later.iter().flat_map(|line| wrap(line, 2, 4)));
    }
    let acts: Vec<String> = view.acts.iter().filter(|a| a.may).map(|a| act_on(&a.act, &a.on.name, view)).collect();
    if !acts.is_empty() {
        out.push(String::new());
        out.extend(wrap(&telling.say("table-acts", &[("acts", acts.join(", ").into())]), 0, 2));
    }
    out.extend(banner);
    finish(out)
}

/// The call sheets of a talk, each with what it says.
fn sheets(view: &SheetsView, telling: &Telling<'_>) -> Vec<String> {
    let mut out = vec![String::new()];
    out.extend(wrap(&telling.say("table-sheets", &[("sentence", (&view.sentence).into())]), 0, 2));
    let list = |items: &[String]| if items.is_empty() { telling.say("sheet-none", &[]) } else { items.join(", ") };
    for sheet in [&view.ours, &view.theirs].into_iter().flatten() {
        let args = [
            ("name", (&sheet.entry.name).into()),
            ("window", sheet.when.told(telling).into()),
            ("posts", list(&sheet.posts).into()),
            ("languages", list(&sheet.languages).into()),
        ];
        out.extend(wrap(&telling.say("table-sheet", &args), 2, 4));
        out.extend(sheet.said.iter().flat_map(|said| quoted(&said.text, 4).into_iter().take(SHEET_LINES_MAX)));
    }
    out
}

fn act_on(act: &str, on: &str, view: &RequestView) -> String {
    if on == view.request.name { act.to_owned() } else { format!("{act} ({})", clean(on)) }
}

fn offer_head(offer: &OfferView, telling: &Telling<'_>) -> Vec<String> {
    let name = ("name", (&offer.offer.name).into());
    let told: Vec<String> = offer.windows.iter().map(|w| w.told(telling)).collect();
    let mut lines = match told.as_slice() {
        [] => vec![telling.say("table-ready", &[name])],
        told => wrap(&telling.say("table-offer", &[name, ("windows", told.join("; ").into())]), 0, 2),
    };
    if let (Some(by), Some(silence)) = (offer.answer_by, offer.on_silence) {
        let silence = telling.words.silence(silence.0);
        let args = [("time", telling.both(by.0).into()), ("silence", silence.into())];
        lines.extend(wrap(&telling.say("table-answer-by", &args), 2, 2));
    }
    if let Some(accepted) = &offer.accepted {
        lines.extend(wrap(&telling.say("table-accepted", &[("window", accepted.told(telling).into())]), 2, 2));
    }
    // What became of one that ended otherwise: its rungs say nothing of it.
    let ended = offer.deciding.first().filter(|_| offer.accepted.is_none());
    if let Some(act) = ended {
        let by: Vec<String> = offer.deciding.iter().map(|act| clean(&act.entry.name)).collect();
        let outcome = telling.words.coded_outcome(&offer.outcome).both();
        let args =
            [("outcome", outcome.into()), ("time", telling.both(act.time.0).into()), ("by", by.join(", ").into())];
        lines.extend(wrap(&telling.say("table-ended", &args), 2, 2));
    }
    lines
}

/// The rungs, each with the entry that gave it, whose statement it is, and both local times of that claimed time.
fn ladder(rungs: &[RungView], telling: &Telling<'_>) -> Vec<String> {
    let place = |id: &str, name: &str| telling.say(id, &[("place", name.into())]);
    let mut rows = vec![vec![
        telling.say("table-rung", &[]),
        place("table-ours", &telling.clocks.ours.name),
        place("table-theirs", &telling.clocks.theirs.name),
        telling.say("table-by", &[]),
        String::new(),
    ]];
    for rung in rungs.iter().rev() {
        let station = match rung.stated_by {
            Side::Ours => telling.say("table-statement-ours", &[]),
            Side::Theirs => telling.say("table-statement-theirs", &[]),
        };
        let word = telling.words.coded(rung.rung.0).both();
        let (here, there) = (telling.here_exact(rung.time.0), telling.there_exact(rung.time.0));
        rows.push(vec![word, here, there, station, clean(&rung.entry.name)]);
    }
    table(&rows, 2)
}

/// What is said when there is no line.
pub fn no_lines(telling: &Telling<'_>) -> String {
    finish(vec![telling.say("lines-none", &[])])
}

/// One line: observed beside declared, how far the records agree, what is open, what we owe.
pub fn line(view: &LineView, telling: &Telling<'_>) -> String {
    let mut out = wrap(&format!("{} ({})", clean(&view.theirs.name), clean(&view.theirs.call_sign)), 0, 2);
    let id = match (view.observed.state, view.differs) {
        (ObservedState::Unserved, _) => "observed-declared-beside",
        (_, true) => "observed-declared-differ",
        (_, false) => "observed-declared-same",
    };
    let observed = telling.observed(view.observed.state);
    let args = [("observed", observed.into()), ("declared", declared(&view.theirs, telling).into())];
    out.extend(wrap(&format!("{}   {}", telling.say(id, &args), view.records.sentence), 2, 4));
    out.extend(wrap(&now(view, telling), 2, 4));
    for sentence in view.standing_sentence.iter().chain(&view.observed.sentences) {
        out.extend(wrap(sentence, 2, 4));
    }
    out.extend(view.began.iter().flat_map(epoch));
    if view.ours.declared.0 != counterpart_core::record::codes::LineState::Open {
        let state = declared(&view.ours, telling);
        out.extend(wrap(&telling.say("table-declared-ours", &[("state", state.into())]), 2, 4));
    }
    let head = |id: &str, side: &OrganisationView| {
        telling.say(id, &[("size", side.size.to_string().into()), ("root", (&side.root_short).into())])
    };
    let heads = [head("table-head-ours", &view.ours), head("table-head-theirs", &view.theirs)];
    out.extend(wrap(&heads.join("   "), 2, 4));
    for (id, requests) in [
        ("table-requests-theirs", &view.requests_theirs),
        ("table-requests-ours", &view.requests_ours),
        ("table-coming", &view.coming),
        ("table-unsettled", &view.unsettled),
    ] {
        if !requests.is_empty() {
            out.push(format!("  {}", telling.say(id, &[])));
            out.extend(requests.iter().flat_map(|request| wrap(&request_line(request, telling.words), 4, 6)));
        }
    }
    if view.requests_theirs.is_empty() && view.requests_ours.is_empty() {
        out.push(format!("  {}", telling.say("lines-no-requests", &[])));
    }
    if !view.owed_by_us.is_empty() {
        out.push(format!("  {}", telling.say("table-owed", &[])));
        let owed = view.owed_by_us.iter();
        out.extend(owed.flat_map(|o| wrap(&format!("{}: {}", clean(&o.thing.name), o.sentence), 4, 6)));
    }
    if view.quiet > 0 {
        out.extend(wrap(&telling.say("table-quiet", &[("count", view.quiet.into())]), 2, 4));
    }
    finish(out)
}

/// Sentences under a heading, each a line of its own or more.
pub fn sentences(sentences: &[String]) -> String {
    finish(sentences.iter().flat_map(|sentence| wrap(&clean(sentence), 2, 4)).collect())
}

/// The epoch that serves, and what broke off before it.
pub fn epoch(view: &EpochView) -> Vec<String> {
    let mut out: Vec<String> = view.sentences.iter().flat_map(|sentence| wrap(sentence, 2, 4)).collect();
    out.extend(view.awaited.iter().flat_map(|awaited| wrap(&awaited.sentence, 2, 4)));
    out.extend(broken_off(&view.broken_off));
    out.extend(view.and_more.iter().flat_map(|more| wrap(more, 4, 6)));
    out.extend(view.instead.iter().flat_map(|instead| wrap(instead, 4, 6)));
    out
}

/// What broke off, one after the other.
fn broken_off(broken: &[BrokenOffView]) -> Vec<String> {
    broken.iter().flat_map(|broken| wrap(&clean(&broken.sentence), 4, 6)).collect()
}

/// What time it is at both ends, and in which zone their watch is.
fn now(view: &LineView, telling: &Telling<'_>) -> String {
    let id = if telling.clocks.theirs.is_named() { "line-now" } else { "line-now-utc" };
    telling.say(id, &[("time", telling.both(telling.clocks.now).into()), ("zone", (&view.theirs.zone).into())])
}

fn declared(side: &OrganisationView, telling: &Telling<'_>) -> String {
    let state = telling.words.state(side.declared.0);
    match side.declared_until {
        None => state,
        Some(until) => {
            let args = [("state", state.into()), ("time", telling.both(until.0).into())];
            telling.say("state-until", &args)
        }
    }
}

/// A request as one line among others; its headline names the mark unless it is OPERATION.
pub fn request_line(view: &RequestLine, words: &Words) -> String {
    let posts = format!("{} → {}", clean(&view.from), clean(&view.to));
    format!("{}  {}  {posts}  {}", clean(&view.request.name), words.coded(view.precedence.0).both(), view.headline)
}

/// The record, ours on the left and theirs on the right, each with what it had seen of the other.
pub fn record(view: &RecordView, telling: &Telling<'_>) -> String {
    if view.entries.is_empty() {
        return finish(vec![telling.say("record-empty", &[])]);
    }
    let half = (WIDTH - 3) / 2;
    let mut out = Vec::new();
    let [ours, theirs] = &view.call_signs;
    out.push(two_columns(&clean(ours), &clean(theirs), half));
    for entry in &view.entries {
        for line in wrap_to(&cell(entry, telling), half, 0, 2) {
            let (left, right) = if entry.side == Side::Ours { (line.as_str(), "") } else { ("", line.as_str()) };
            out.push(two_columns(left, right, half));
        }
    }
    out.extend(page(view, telling));
    finish(out)
}

/// The record, one entry after the other over the whole width, with its words.
pub fn record_list(view: &RecordView, telling: &Telling<'_>) -> String {
    if view.entries.is_empty() {
        return finish(vec![telling.say("record-empty", &[])]);
    }
    let mut out = Vec::new();
    for entry in &view.entries {
        out.extend(wrap(&cell(entry, telling), 0, 4));
        let lacking = match entry.words.as_str() {
            "lacking" => Some("body-lacking"),
            "deniable" => Some("body-deniable"),
            "changed" => Some("words-changed"),
            _ => None,
        };
        out.extend(lacking.map(|id| format!("    {}", telling.say(id, &[]))));
        // The words keep their own lines; each is cleaned by itself.
        let said = entry.said.iter().filter(|said| !said.changed);
        out.extend(said.flat_map(|said| quoted(&said.text, 4)));
    }
    out.extend(page(view, telling));
    finish(out)
}

/// Which page it is, and what counts beside what stands on any.
fn page(view: &RecordView, telling: &Telling<'_>) -> Vec<String> {
    let (from, to) = (view.offset + 1, view.offset + view.entries.len() as u64);
    let args = [("from", from.into()), ("to", to.into()), ("total", view.total.into())];
    let page = (view.next.is_some() || view.offset > 0).then(|| telling.say("record-page", &args));
    page.into_iter().chain(view.notes.iter().flat_map(|note| wrap(note, 0, 2))).collect()
}

/// Time, name, type, what it acts on, what it says, what it had seen, and what it is worth if that is not everything.
fn cell(entry: &RecordEntry, telling: &Telling<'_>) -> String {
    let mut parts = vec![
        telling.both_exact(entry.time.0),
        clean(&entry.entry.name),
        clean(&telling.words.coded_kind(&entry.kind).both()),
    ];
    parts.extend(entry.refers.as_ref().map(|on| format!("→ {}", clean(&on.name))));
    parts.extend(entry.from.iter().zip(&entry.to).map(|(from, to)| format!("{} → {}", clean(from), clean(to))));
    parts.extend(entry.precedence.map(|p| telling.words.coded(p.0).both()));
    parts.extend(entry.mark.map(|m| telling.words.coded(m.0).both()));
    parts.extend(args(&entry.args, telling));
    let by = |time: Moment| telling.say("table-deadline", &[("time", telling.both(time.0).into())]);
    parts.extend(entry.deadline.map(by));
    parts.push(format!("[{}]", saw(entry.saw, telling)));
    let why = entry.why.as_ref().map(|w| w.why.as_str()).unwrap_or_default();
    match entry.standing.as_str() {
        "void" => parts.push(telling.say("standing-void", &[("why", why.into())])),
        "unknown" => parts.push(telling.say("standing-unknown", &[])),
        "waits" => parts.push(telling.say("standing-waits", &[])),
        _ => {}
    }
    parts.join("  ")
}

/// A size as the last index below it: what is called aloud are indexes.
fn saw(size: u64, telling: &Telling<'_>) -> String {
    match size.checked_sub(1) {
        None => telling.say("table-saw-nothing", &[]),
        Some(last) => telling.say("table-saw", &[("last", last.to_string().into())]),
    }
}

/// What an entry says beside its common fields, part by part.
pub fn args(args: &Args, telling: &Telling<'_>) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let words = telling.words;
    let coded = [
        args.mode.map(|m| words.coded(m.0)),
        args.code.map(|c| words.coded(c.0)),
        args.channel.map(|c| words.coded(c.0)),
        args.state.map(|s| words.coded(s.0)),
        args.by.map(|b| words.coded(b.0)),
        args.clause.map(|c| words.coded(c.0)),
        args.lapsed.map(|d| words.coded(d.0)),
        args.instrument.map(|i| words.coded(i.0)),
        args.on_silence.map(|s| words.coded(s.0)),
    ];
    parts.extend(coded.into_iter().flatten().map(|coded| coded.both()));
    let until = |time: Moment| telling.say("table-until", &[("time", telling.both(time.0).into())]);
    parts.extend(args.until.map(until));
    parts.extend(args.windows.iter().map(|w| w.told(telling)));
    parts.extend(args.posts.iter().chain(&args.languages).map(|said| clean(said)));
    parts
}

/// A ring, as the terminal's bell prints it: an EXERCISE or a TEST says so before, in and after the sentence.
pub fn ring(view: &RingView, words: &Words) -> String {
    let banner = banner(view.mark.0, words);
    let mut out = Vec::new();
    out.extend(banner.clone());
    let precedence = words.coded(view.precedence.0).both();
    out.extend(wrap(&format!("{precedence}  {}: {}", clean(&view.entry.name), view.sentence), 0, 2));
    out.extend(wrap(&view.since, 2, 2));
    let said = view.said.iter().flat_map(|said| quoted(&said.text, 2).into_iter().take(RING_LINES_MAX));
    out.extend(said);
    out.extend(view.until.iter().flat_map(|until| wrap(until, 2, 2)));
    out.extend(view.not_meant.clone());
    out.extend(banner);
    finish(out)
}

/// Why an act was not done: what, which fact decided it, what may be done.
pub fn refusal(act: &counterpart_core::act::Act, why: &Why, telling: &Telling<'_>) -> String {
    let lines = [telling.words.not_done(act), why.why.clone(), why.instead.clone()];
    finish(lines.iter().flat_map(|line| wrap(line, 0, 2)).collect())
}

fn banner(mark: Mark, words: &Words) -> Option<String> {
    (mark != Mark::Operation).then(|| words.say("mark-banner", &[("mark", words.coded_in(mark).into())]))
}

/// Lines of text, each broken where `width` ends.
pub(crate) fn paragraphs(lines: &[String], width: usize) -> String {
    finish(lines.iter().flat_map(|line| wrap_to(line, width, 0, 0)).collect())
}

fn finish(lines: Vec<String>) -> String {
    let mut out = String::new();
    for line in lines {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Two cells beside each other, the left one `half` columns wide.
pub(crate) fn two_columns(left: &str, right: &str, half: usize) -> String {
    format!("{} │ {right}", pad(left, half))
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(wide(text))))
}

/// Columns as wide as their widest cell.
fn table(rows: &[Vec<String>], indent: usize) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |n: usize| rows.iter().filter_map(|r| r.get(n)).map(|c| wide(c)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let one = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| pad(cell, *width)).collect();
        format!("{}{}", " ".repeat(indent), cells.join("  ").trim_end())
    };
    rows.iter().map(one).collect()
}

fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    wrap_to(text, WIDTH, first, rest)
}

/// Words that came from outside: their own lines, each behind a bar, whatever they look like.
fn quoted(text: &str, indent: usize) -> Vec<String> {
    quoted_to(text, QUOTED_WIDTH, indent)
}

/// The same in a column of this width.
pub(crate) fn quoted_to(text: &str, width: usize, indent: usize) -> Vec<String> {
    let bar = format!("{}│ ", " ".repeat(indent));
    let width = width.saturating_sub(bar.chars().count());
    text.lines().flat_map(|line| wrap_to(&clean(line), width, 0, 0)).map(|line| format!("{bar}{line}")).collect()
}

/// Columns of a character, at most: what may be wide counts as wide.
fn columns(c: char) -> usize {
    let wide = matches!(c, '\u{1100}'..='\u{115f}' | '\u{231a}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}'
        | '\u{2e80}'..='\u{a4cf}' | '\u{a960}'..='\u{a97c}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe10}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{16fe0}'..='\u{1b2ff}'
        | '\u{1f000}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}');
    if wide { 2 } else { 1 }
}

fn wide(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Breaks between words; a word longer than a line is cut.
pub(crate) fn wrap_to(text: &str, width: usize, first: usize, rest: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = " ".repeat(first);
    let mut empty = true;
    for word in text.split(' ').flat_map(|word| cut(word, width.saturating_sub(rest).max(1))) {
        let length = wide(&line) + wide(&word) + usize::from(!empty);
        if !empty && length > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(rest)));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(&word);
        empty = false;
    }
    lines.push(line);
    lines
}

fn cut(word: &str, width: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut length = 0;
    for c in word.chars() {
        if length + columns(c) > width && length > 0 {
            parts.push(String::new());
            length = 0;
        }
        length += columns(c);
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}
