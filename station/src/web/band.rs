//! One stretch of time with both sides' days and nights, drawn by the server. Bands never mirror.

use counterpart_core::time::{Timestamp, Window};

use crate::view::Side;
use crate::words::clocks::Telling;

const HOUR_MS: u64 = 3_600_000;
/// Where the stretch begins and ends in the drawing.
const LEFT: f64 = 118.0;
const RIGHT: f64 = 1_232.0;
/// On a phone time runs downwards: from where, how far for an hour, and how far for the whole at most.
const TOP: f64 = 28.0;
const HOUR_HEIGHT: f64 = 13.0;
const HEIGHT_MAX: f64 = 900.0;
/// Two labels nearer than this would lie on each other.
const LABEL_HEIGHT: f64 = 14.0;
/// So much room the label of an hour takes, and that of a day; one that has less before the end of the band is left out.
const LABEL_WIDTHS: [f64; 2] = [24.0, 56.0];
/// Characters of a side's name at its row.
const LABEL_CHARS: usize = 14;
/// A band shows a day at least, two while no window lies on it, and two weeks at most.
const HOURS_MIN: u64 = 24;
const HOURS_EMPTY: u64 = 48;
const HOURS_MAX: u64 = 14 * 24;
/// A band of more hours than this has a mark a day, else one every six hours.
const FINE_HOURS_MAX: u64 = 72;
/// Hours of the day before and from which it is night.
const MORNING: u64 = 6;
const EVENING: u64 = 20;

/// A band.
pub(super) struct Band {
    pub rows: Vec<BandRow>,
    pub windows: Vec<Bar>,
    /// What its windows are, beside offered.
    pub are: Windows,
    pub now: String,
    /// Until when an answer is wanted.
    pub by: Option<String>,
    /// The same, time downwards, a column a side.
    pub upright: Upright,
}

/// What the windows of a band are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Windows {
    /// Offered, each with the number of its key.
    Offered,
    /// The one that was agreed, which waits for nothing.
    Agreed,
    /// One that was taken here, and is agreed with nobody: not held there yet, or its talk is cancelled.
    Off,
}

impl Windows {
    /// The class with which they are drawn.
    fn class(self) -> &'static str {
        match self {
            Windows::Offered => "win",
            Windows::Agreed => "win agreed",
            Windows::Off => "win off",
        }
    }
}

impl Band {
    pub fn is_offered(&self) -> bool {
        self.are == Windows::Offered
    }

    pub fn class(&self) -> &'static str {
        self.are.class()
    }
}

/// A band for a narrow screen: its rows are columns, and every `x` is how far down.
pub(super) struct Upright {
    pub columns: Vec<BandRow>,
    pub windows: Vec<Bar>,
    pub now: String,
    pub by: Option<String>,
    /// Where the word for "now" stands, which must not lie on the other.
    pub now_label: String,
    pub height: u32,
    pub length: u32,
}

/// One side.
pub(super) struct BandRow {
    pub name: String,
    pub y: u32,
    pub nights: Vec<Bar>,
    pub ticks: Vec<Tick>,
}

/// From where to where.
pub(super) struct Bar {
    pub x: String,
    pub width: String,
    pub middle: String,
    pub number: usize,
}

/// An hour on a side's clock.
pub(super) struct Tick {
    pub x: String,
    pub label: String,
    /// The base line of its label below it.
    pub below: String,
    pub is_midnight: bool,
}

impl BandRow {
    /// The right edge of a column.
    pub fn end_x(&self) -> u32 {
        self.y + 104
    }

    /// The base line of its words.
    pub fn text_y(&self) -> u32 {
        self.y + 22
    }

    pub fn end_y(&self) -> u32 {
        self.y + 34
    }
}

#[derive(Clone, Copy)]
struct Scale {
    from: u64,
    hours: u64,
    /// Where in the drawing it begins and ends.
    ends: [f64; 2],
}

impl Scale {
    fn x(&self, at: u64) -> f64 {
        let whole = (self.hours * HOUR_MS) as f64;
        let part = (at.saturating_sub(self.from) as f64 / whole).clamp(0.0, 1.0);
        let [begin, end] = self.ends;
        begin + part * (end - begin)
    }

    fn bar(&self, start: u64, end: u64, number: usize) -> Bar {
        let (x, right) = (self.x(start), self.x(end));
        let width = (right - x).max(2.0);
        let [x, middle, width] = [x, x + width / 2.0, width].map(|n| format!("{n:.1}"));
        Bar { x, width, middle, number }
    }
}

/// The band on which these windows lie.
pub(super) fn band(telling: &Telling<'_>, windows: &[Window], by: Option<Timestamp>) -> Band {
    let now = telling.clocks.now.0;
    let from = (now / HOUR_MS).saturating_sub(1) * HOUR_MS;
    let last = windows.iter().map(|w| w.end().0).chain(by.map(|by| by.0)).max().unwrap_or(now);
    let hours = (last.saturating_sub(from) / HOUR_MS + 4)
        .clamp(if windows.is_empty() { HOURS_EMPTY } else { HOURS_MIN }, HOURS_MAX);
    let scale = Scale { from, hours, ends: [LEFT, RIGHT] };
    let rows = [(Side::Ours, 24), (Side::Theirs, 80)];
    Band {
        rows: rows.into_iter().map(|(side, y)| row(telling, side, y, (&scale, LABEL_WIDTHS))).collect(),
        windows: windows.iter().enumerate().map(|(n, w)| scale.bar(w.start().0, w.end().0, n + 1)).collect(),
        are: Windows::Offered,
        now: format!("{:.1}", scale.x(now)),
        by: by.map(|by| format!("{:.1}", scale.x(by.0))),
        upright: upright(telling, windows, by, scale),
    }
}

fn upright(telling: &Telling<'_>, windows: &[Window], by: Option<Timestamp>, scale: Scale) -> Upright {
    let length = (scale.hours as f64 * HOUR_HEIGHT).min(HEIGHT_MAX);
    let scale = Scale { ends: [TOP, TOP + length], ..scale };
    let (now, by) = (scale.x(telling.clocks.now.0), by.map(|by| scale.x(by.0)));
    let is_near = by.is_some_and(|by| (by - now).abs() < LABEL_HEIGHT);
    let columns = [(Side::Ours, 0), (Side::Theirs, 112)];
    Upright {
        columns: columns
            .into_iter()
            .map(|(side, x)| row(telling, side, x, (&scale, [LABEL_HEIGHT + 4.0; 2])))
            .collect(),
        windows: windows.iter().enumerate().map(|(n, w)| scale.bar(w.start().0, w.end().0, n + 1)).collect(),
        now: format!("{now:.1}"),
        by: by.map(|by| format!("{by:.1}")),
        now_label: format!("{:.1}", if is_near { now - LABEL_HEIGHT } else { now }),
        height: (TOP + length) as u32 + 8,
        length: length as u32,
    }
}

fn row(telling: &Telling<'_>, side: Side, y: u32, (scale, room): (&Scale, [f64; 2])) -> BandRow {
    let place = match side {
        Side::Ours => &telling.clocks.ours,
        Side::Theirs => &telling.clocks.theirs,
    };
    let (mut nights, mut ticks) = (Vec::new(), Vec::new());
    let mut dark_since = None;
    let step = HOUR_MS / 4;
    for quarter in 0..=scale.hours * 4 {
        let at = scale.from + quarter * step;
        let there = of_day(telling, side, at);
        let is_dark = is_night(there);
        match (is_dark && quarter < scale.hours * 4, dark_since) {
            (true, None) => dark_since = Some(at),
            (false, Some(since)) => {
                nights.push(scale.bar(since, at, 0));
                dark_since = None;
            }
            _ => {}
        }
        let every = if scale.hours > FINE_HOURS_MAX { 24 } else { 6 };
        if there.is_multiple_of(every * HOUR_MS) {
            let is_midnight = there == 0;
            let label = if is_midnight { short_day(telling, side, at) } else { format!("{:02}", there / HOUR_MS) };
            let x = scale.x(at);
            let is_cut = scale.ends[1] - x < room[usize::from(is_midnight)];
            let label = if is_cut { String::new() } else { label };
            ticks.push(Tick { x: format!("{x:.1}"), label, below: format!("{:.1}", x + LABEL_HEIGHT), is_midnight });
        }
    }
    BandRow { name: label_of(&place.name), y, nights, ticks }
}

/// The name of a side as its row has room for it; it stands whole beside the band.
fn label_of(name: &str) -> String {
    match name.char_indices().nth(LABEL_CHARS) {
        None => name.to_owned(),
        Some(_) => name.chars().take(LABEL_CHARS - 1).chain(['…']).collect(),
    }
}

/// How much of the day has passed on a side's clock; half-hour zones begin their hours in between those of the band.
fn of_day(telling: &Telling<'_>, side: Side, at: u64) -> u64 {
    let ahead = i64::from(telling.minutes_ahead(side, Timestamp(at))) * 60_000;
    let local = i64::try_from(at).unwrap_or(i64::MAX).saturating_add(ahead);
    u64::try_from(local.rem_euclid(24 * HOUR_MS as i64)).unwrap_or(0)
}

/// Whether it is night when so much of the day has passed.
fn is_night(of_day: u64) -> bool {
    of_day / HOUR_MS < MORNING || of_day / HOUR_MS >= EVENING
}

/// Whether any of a window lies in the night of a side, as the band shades it.
pub(super) fn in_night(telling: &Telling<'_>, side: Side, window: Window) -> bool {
    let (start, end) = (window.start().0, window.end().0.saturating_sub(1));
    // A window of more than the day's hours has a night in it.
    let hours = (start..end).step_by(HOUR_MS as usize).take(24);
    hours.chain([end]).any(|at| is_night(of_day(telling, side, at)))
}

/// "Thu 14", from "Thu 14 Feb 2013".
fn short_day(telling: &Telling<'_>, side: Side, at: u64) -> String {
    telling.day(side, Timestamp(at)).split(' ').take(2).collect::<Vec<_>>().join(" ")
}
