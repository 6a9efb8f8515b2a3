//! Lines as a page shows them, looked at as they are committed.

use counterpart_core::ids::LineId;
use counterpart_core::line::ladder::Rung;
use counterpart_core::line::restore::Restore;
use counterpart_core::precedence::Mark;
use counterpart_core::record::kind::Kind;
use counterpart_core::time::Timestamp;

use super::Desk;
use super::frame::{Due, bars, mark_class};
use super::keys::{Key, noting};
use super::request::unmarked;
use crate::api::fault::Told;
use crate::api::views::{LineRow, UnreadView, row};
use crate::link::observe::health;
use crate::view::broken::EpochView;
use crate::view::lines::{ObservedState, StandingView};
use crate::view::matters::MatterView;
use crate::view::owed::{Owed, OwedView};
use crate::view::restore::{Link, Listing, restore};
use crate::view::{Side, Sight, names};
use crate::words::Why;
use crate::words::Words;
use crate::words::clocks::Hand;

/// A talk that begins later than this does not press yet.
const COMES_MS: u64 = 3_600_000;

/// A line with what is open on it.
pub(super) struct Seen {
    pub row: LineRow,
    /// In the order in which they press.
    pub matters: Vec<Matter>,
    pub last: Option<Last>,
    /// What time it is there.
    pub there: Hand,
    /// What that clock is called.
    pub place: String,
    /// How far it is ahead of UTC, in minutes.
    pub ahead: i32,
    /// What it waits for before it signs, or what waits for a person beside it: sentences, and what to do, a step each.
    pub waits: Option<(Vec<String>, Vec<String>)>,
    /// It waits for a person or for root, and not for the other side.
    pub is_judged: bool,
    /// What the texts are for that nobody here has read and that do not ring, one each.
    pub quiet: Vec<Mark>,
    /// Takes note of what broke off before the epoch that serves, if anything waits for that.
    pub noted: Option<Key>,
}

impl Seen {
    /// Whether somebody here must look at the line itself.
    pub fn needs_a_person(&self) -> bool {
        self.waits.is_some() && self.is_judged || self.broken().is_some()
    }

    /// Why their log is taken no further, where a person must speak with them; what a restore waits for says more.
    pub fn halted(&self) -> Option<&Why> {
        match &self.row.view.standing {
            StandingView::Halted { why, .. } if !self.needs_a_person() => Some(why),
            _ => None,
        }
    }

    /// Something can be signed on it.
    pub fn signs(&self) -> bool {
        !matches!(self.row.view.standing, StandingView::Pending | StandingView::Restored | StandingView::Closed { .. })
    }

    /// Their watch does not answer, or there is no session, and they do not declare so.
    pub fn is_away(&self) -> bool {
        let view = &self.row.view;
        view.differs && matches!(view.observed.state, ObservedState::Silent | ObservedState::Down)
    }

    /// The marks among its texts that do not ring, but for OPERATION.
    pub fn quiet_marks(&self) -> Vec<Mark> {
        let mut marks: Vec<Mark> = self.quiet.iter().copied().filter(|mark| *mark != Mark::Operation).collect();
        marks.sort_unstable();
        marks.dedup();
        marks
    }

    /// Where its record stands.
    pub fn record(&self) -> String {
        format!("/lines/{}/record", self.row.view.line)
    }

    /// Where its texts stand.
    pub fn texts(&self) -> String {
        format!("/lines/{}/texts", self.row.view.line)
    }

    /// How much broke off before that epoch.
    pub fn broken_heading(&self, words: &Words, began: &EpochView) -> String {
        let count = began.broken_off.len() + usize::try_from(began.more).unwrap_or(usize::MAX);
        let peer = (&self.row.view.theirs.call_sign).into();
        words.say("broken-heading", &[("count", count.into()), ("peer", peer)])
    }

    /// The epoch that serves, while something that broke off before it waits for somebody to take note.
    pub fn broken(&self) -> Option<&EpochView> {
        self.row.view.began.as_ref().filter(|began| !began.broken_off.is_empty())
    }
}

/// Something open.
pub(super) struct Matter {
    pub view: MatterView,
    pub href: String,
    /// What it is, as a title.
    pub title: String,
    /// What this desk owes first, in two or three words; empty if nothing.
    pub needs: String,
    pub due: Option<Due>,
    /// It needs this desk now: a talk that lies ahead does not yet.
    pub is_pressing: bool,
    /// What the other side owes first by a time, if it stands with them.
    pub awaited: Option<Awaited>,
}

/// What the other side owes.
pub(super) struct Awaited {
    pub what: String,
    pub due: Due,
    /// Its time has passed.
    pub is_over: bool,
}

/// What was written last.
pub(super) struct Last {
    pub time: Timestamp,
    /// Whose it is.
    pub who: String,
    /// When and what.
    pub told: String,
    pub mark: Mark,
}

impl Matter {
    pub fn class(&self) -> &'static str {
        match (self.view.mark.0, self.is_pressing) {
            (Mark::Exercise, _) => "matter isex",
            (_, true) => "matter hot",
            (_, false) => "matter",
        }
    }

    /// What stands with the other side and is past its time comes before what is not.
    pub fn order(&self) -> impl Ord + use<> {
        let is_over = self.awaited.as_ref().is_some_and(|awaited| awaited.is_over);
        (!self.view.needs_us(), !is_over, self.view.order())
    }

    pub fn bars(&self) -> [bool; 4] {
        bars(self.view.precedence.0)
    }

    /// The rungs from below: reached or not, and which is the highest.
    pub fn rungs(&self) -> Vec<&'static str> {
        let highest = self.view.reached.map(|rung| rung.0);
        let class = |rung: &Rung| match highest {
            None => "",
            Some(highest) if *rung == highest => "on hi",
            Some(highest) if *rung < highest => "on",
            Some(_) => "",
        };
        Rung::ALL.iter().map(class).collect()
    }

    pub fn mark_class(&self) -> &'static str {
        mark_class(self.view.mark.0)
    }

    pub fn is_operation(&self) -> bool {
        self.view.mark.0 == Mark::Operation
    }
}

impl Desk {
    /// One line.
    pub(super) async fn line_seen(&self, id: LineId) -> Result<Seen, Told> {
        let parts = self.api.parts.clone();
        let show = move |sight: &Sight<'_>| {
            let now_ms = parts.clock.moment().ms_since(parts.begun);
            let state = parts.board.of(id);
            let link = Link { up: state.up_since_ms.is_some(), silent_ms: state.withheld.for_ms(now_ms) };
            seen(sight, row(sight, &health(sight.line, &state, now_ms, sight.telling.clocks.now)), link)
        };
        self.api.see(id, show).await
    }

    /// Every line.
    pub(super) async fn all_seen(&self) -> Result<Vec<Seen>, Told> {
        let mut all = Vec::new();
        for id in self.api.ids().await? {
            all.push(self.line_seen(id).await?);
        }
        Ok(all)
    }

    /// The lines that are not served: what is kept of them cannot be read.
    pub(super) fn unread(&self) -> Vec<UnreadView> {
        let unread = self.api.parts.keeper.published().borrow().unread.clone();
        unread.iter().map(|unread| UnreadView::of(unread, &self.api.words)).collect()
    }
}

fn seen(sight: &Sight<'_>, row: LineRow, link: Link) -> Seen {
    let telling = sight.telling;
    let now = telling.clocks.now;
    let mut matters = sight.matters();
    matters.sort_by_key(MatterView::order);
    Seen {
        matters: matters.into_iter().map(|view| matter(sight, view)).collect(),
        last: sight.last().map(|last| {
            let who = match last.side {
                Side::Ours => telling.say("desk-we", &[]),
                Side::Theirs => sight.call_sign(Side::Theirs),
            };
            let args = [("time", telling.here(last.time.0).into()), ("kind", last.kind.into()), ("who", (&who).into())];
            Last { time: last.time.0, told: telling.say("desk-last", &args), who: last.entry.name, mark: last.mark.0 }
        }),
        there: telling.hand(Side::Theirs, now),
        place: telling.clocks.theirs.name.clone(),
        ahead: telling.minutes_ahead(Side::Theirs, now),
        waits: waits(sight, link),
        is_judged: !matches!(sight.line.restore(), Restore::Nothing | Restore::Peer) || sight.line.awaits_judgement(),
        quiet: sight.quiet().iter().map(|text| text.mark.unwrap_or(Mark::Operation)).collect(),
        noted: noted(sight),
        row,
    }
}

/// The key that takes note of what broke off.
fn noted(sight: &Sight<'_>) -> Option<Key> {
    let at = sight.line.opened_by().filter(|_| sight.line.tally().is_some())?;
    Some(noting(sight, at, ""))
}

/// What the line waits for (§4.6), without the words of what is shown: those the command tells beside root's list.
fn waits(sight: &Sight<'_>, link: Link) -> Option<(Vec<String>, Vec<String>)> {
    if sight.line.restore() == Restore::Nothing && !sight.line.awaits_judgement() {
        return None;
    }
    let view = restore(sight, link, None, Listing::Last, &|_| None);
    let instead = view.instead?;
    // Which entries are shown one by one is for the command; here stand what it waits for and which parts wait.
    let parts = view.shown.into_iter().filter_map(|part| part.sentences.into_iter().next());
    let sentences = view.sentences.into_iter().take(1).chain(parts);
    // A sentence has at most one command: each is read off and typed on another machine.
    let steps = instead.split_inclusive(". ").map(|step| step.trim_end().to_owned());
    Some((sentences.collect(), steps.collect()))
}

fn matter(sight: &Sight<'_>, view: MatterView) -> Matter {
    let telling = sight.telling;
    let id = match (view.kind.as_str(), view.owner) {
        ("ask", Side::Ours) => "desk-matter-ours",
        ("ask", Side::Theirs) => "desk-matter-theirs",
        ("check", _) => "desk-matter-check",
        _ => "desk-matter-text",
    };
    let what = if view.kind == "ask" { "requests" } else { "record" };
    let href = match what {
        "requests" => format!("/lines/{}/requests/{}", view.line, view.thing.at),
        _ => format!("/lines/{}/texts", view.line),
    };
    let headline = unmarked(telling.words, &view.headline, view.mark.0).to_owned();
    let view = MatterView { headline, ..view };
    // What is named and the time beside it are of one duty: the one that presses first.
    let first = view.owed.iter().filter(|owed| owed.by.is_some()).min_by_key(|owed| owed.by).or(view.owed.first());
    let lies_ahead = |owed: &OwedView| {
        let begins = owed.by.filter(|_| owed.what == Owed::Come);
        begins.is_some_and(|by| by.0 > telling.clocks.now.plus(COMES_MS))
    };
    Matter {
        title: telling.say(id, &[("peer", (&view.peer).into())]),
        needs: first.map_or_else(String::new, |owed| needs(sight, owed)),
        due: first.and_then(|owed| due_of(sight, owed)),
        is_pressing: view.owed.iter().any(|owed| !lies_ahead(owed)),
        awaited: if view.needs_us() { None } else { awaited_first(sight, &view) },
        href,
        view,
    }
}

/// What the other side owes first by a time on a request that stands with it.
fn awaited_first(sight: &Sight<'_>, view: &MatterView) -> Option<Awaited> {
    let at = names::parse(sight.line, &view.thing.at).ok()?;
    let owed = sight.owed(sight.view().fact_of(at, &[Kind::Ask])?);
    let theirs = owed.into_iter().filter(|owed| owed.who == Some(Side::Theirs) && owed.by.is_some());
    let first = theirs.min_by_key(|owed| owed.by)?;
    let due = Due::of(&sight.telling, &first)?;
    Some(Awaited { what: needs(sight, &first), is_over: due.until.0 < sight.telling.clocks.now, due })
}

/// Until when something is owed; an answer that is owed without a date: until when its side has put it off.
pub(super) fn due_of(sight: &Sight<'_>, owed: &OwedView) -> Option<Due> {
    let promised = || {
        let request = names::parse(sight.line, &owed.thing.at).ok().and_then(|at| sight.view().fact(at))?;
        let (side, until) = sight.put_off(request)?;
        let args = [("side", side.word().into()), ("time", sight.telling.both(until).into())];
        Some(Due { by: sight.telling.say("desk-said-until", &args), ..Due::new(&sight.telling, until) })
    };
    Due::of(&sight.telling, owed).or_else(|| if owed.what == Owed::Answer { promised() } else { None })
}

/// What is owed, in two or three words.
pub(super) fn needs(sight: &Sight<'_>, owed: &OwedView) -> String {
    if owed.who == Some(Side::Theirs) {
        return awaited(sight, owed.what);
    }
    let id = match owed.what {
        Owed::Hold => "needs-hold",
        Owed::See => "needs-see",
        Owed::Principal => "needs-principal",
        Owed::AnswerOffer => "needs-answer-offer",
        Owed::TakeReady => "needs-take-ready",
        Owed::Answer => "needs-answer",
        Owed::Resume => "needs-resume",
        Owed::Come => "needs-come",
        Owed::SayTalked => "needs-say-talked",
        Owed::Read => "needs-read",
        Owed::CheckReply => "needs-check-reply",
    };
    sight.telling.say(id, &[])
}

/// What the other side owes: nothing of it needs this desk, and nothing of it is said to have come.
fn awaited(sight: &Sight<'_>, owed: Owed) -> String {
    let id = match owed {
        Owed::Hold => "awaited-hold",
        Owed::See => "awaited-see",
        Owed::Principal => "awaited-principal",
        Owed::AnswerOffer => "awaited-answer-offer",
        Owed::TakeReady => "awaited-take-ready",
        Owed::Answer => "awaited-answer",
        Owed::Resume => "awaited-resume",
        Owed::Come => "needs-come",
        Owed::SayTalked => "awaited-say-talked",
        Owed::Read => "awaited-read",
        Owed::CheckReply => "awaited-check-reply",
    };
    sight.telling.say(id, &[])
}
