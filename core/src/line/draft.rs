//! From an act to the entry that it becomes (`docs/protocol.md` §3.3), before it is judged. Here the clock may refuse: an entry
//! that would be valid and foolish is not written by us, though it would count if the peer wrote it.

use super::facts::{Fact, View};
use crate::act::{Act, Target};
use crate::fault::{Bar, Refusal};
use crate::ids::{EntryRef, PostId};
use crate::precedence::{Mark, Precedence};
use crate::record::codes::CheckBy;
use crate::record::kind::Kind;
use crate::record::what::{Offered, What};
use crate::time::{Timestamp, Window};

/// What of an entry is decided before it has a place in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// What it says.
    pub what: What,
    /// The entry that it acts on.
    pub refers: Option<EntryRef>,
    /// Our post and the counterpart.
    pub posts: Option<(PostId, PostId)>,
    /// How urgent, and what for.
    pub opens: Option<(Precedence, Mark)>,
    /// A renewal's higher precedence.
    pub raised: Option<Precedence>,
    /// Valid-until, answer-by or recall-until.
    pub deadline: Option<Timestamp>,
}

impl Draft {
    /// An entry that says this and nothing else.
    pub fn of(what: What) -> Draft {
        Draft { what, refers: None, posts: None, opens: None, raised: None, deadline: None }
    }

    /// The same, acting on `at`.
    pub fn on(what: What, at: EntryRef) -> Draft {
        Draft { refers: Some(at), ..Draft::of(what) }
    }

    fn until(self, deadline: Option<Timestamp>) -> Draft {
        Draft { deadline, ..self }
    }
}

/// The entry that an act becomes.
///
/// # Errors
/// A [`Refusal`] if a time in it has passed or makes no sense beside the others, or if it names nothing that it could act on.
pub fn draft(view: &View<'_>, act: &Act, now: Timestamp) -> Result<Draft, Refusal> {
    let ahead = |time: Timestamp| {
        if time > now { Ok(time) } else { Err(Refusal::InThePast(time)) }
    };
    let later = |time: Option<Timestamp>| time.map(ahead).transpose();
    Ok(match act {
        Act::Ask { from, to, precedence, mark, mode, private, valid_until, again } => Draft {
            refers: *again,
            posts: Some((from.clone(), to.clone())),
            opens: Some((*precedence, *mark)),
            ..Draft::of(What::Ask { mode: *mode, private: *private }).until(later(*valid_until)?)
        },
        Act::Text { from, to, precedence, mark } => Draft {
            posts: Some((from.clone(), to.clone())),
            opens: Some((*precedence, *mark)),
            ..Draft::of(What::Text)
        },
        Act::Check { precedence, mark } => {
            Draft { opens: Some((*precedence, *mark)), ..Draft::of(What::Check { by: CheckBy::Person }) }
        }
        Act::Seen { on } => Draft::on(What::Seen, attempt(view, *on)?),
        Act::Refer { on } => Draft::on(What::Referred, attempt(view, *on)?),
        Act::Defer { on, code, until } => {
            Draft::on(What::Defer { code: *code, until: later(*until)? }, attempt(view, *on)?)
        }
        Act::Answer { on } => Draft::on(What::Answer, attempt(view, *on)?),
        Act::Decline { on, code } => Draft::on(What::Decline { code: *code }, attempt(view, *on)?),
        Act::Offer { on, windows, answer_by, on_silence, code } => {
            let by = timely(windows, *answer_by, now)?;
            let what = What::Offer { windows: windows.clone(), on_silence: *on_silence, code: *code };
            Draft::on(what, attempt(view, *on)?).until(Some(by))
        }
        Act::Ready { on } => {
            let at = attempt(view, *on)?;
            // All acts on a request are judged by the charter of its opener's past.
            let request = view.request_of(at).ok_or(Refusal::Barred(Bar::NoSuchThing))?;
            let recall = now.plus(view.charter_of(request).recall_s * 1_000);
            Draft::on(What::Ready, at).until(Some(recall))
        }
        Act::Accept { offer, window } => {
            if let Some(window) = window {
                ahead(window.end())?;
            }
            Draft::on(What::Accept { window: *window }, *offer)
        }
        Act::Renew { request, valid_until, precedence } => {
            Draft { raised: *precedence, ..Draft::on(What::Renew, *request).until(later(*valid_until)?) }
        }
        Act::Suspend { request } => Draft::on(What::Suspend, *request),
        Act::Resume { request } => Draft::on(What::Resume, *request),
        Act::Withdraw { thing } => Draft::on(What::Withdraw, *thing),
        Act::Cancel { request, code } => Draft::on(What::Cancel { code: *code }, agreement(view, *request)?),
        Act::Missed { request } => Draft::on(What::Missed, agreement(view, *request)?),
        Act::Talk { request, when, instrument, posts } => {
            over(*when, now)?;
            Draft::on(What::Talk { when: *when, instrument: *instrument, posts: posts.clone() }, *request)
        }
        Act::Sheet { request, when, posts, languages } => {
            over(*when, now)?;
            Draft::on(What::Sheet { when: *when, posts: posts.clone(), languages: languages.clone() }, *request)
        }
        Act::Read { text } => Draft::on(What::Read, *text),
        Act::Retract { text } => Draft::on(What::Retract, *text),
        Act::Memo => Draft::of(What::Memo),
        Act::CheckReply { check } => Draft::on(What::CheckReply, *check),
        Act::State { state, until } => Draft::of(What::State { state: *state, until: later(*until)? }),
    })
}

/// That a talk was held is said once it is over.
fn over(when: Window, now: Timestamp) -> Result<(), Refusal> {
    if when.end() > now { Err(Refusal::Barred(Bar::BeforeStart(when.end()))) } else { Ok(()) }
}

/// The answer-by of an offer, if it and the windows lie ahead, and it not after the last of them.
fn timely(windows: &[Offered], answer_by: Timestamp, now: Timestamp) -> Result<Timestamp, Refusal> {
    let passed = windows.iter().map(|offered| offered.window.start()).find(|start| *start <= now);
    if let Some(passed) = passed.or_else(|| (answer_by <= now).then_some(answer_by)) {
        return Err(Refusal::InThePast(passed));
    }
    let last = windows.iter().map(|offered| offered.window.end()).max();
    match last.filter(|end| answer_by > *end) {
        Some(end) => Err(Refusal::AfterWindows(end)),
        None => Ok(answer_by),
    }
}

/// The attempt that a target means.
fn attempt(view: &View<'_>, target: Target) -> Result<EntryRef, Refusal> {
    let Target::Latest(at) = target else {
        let Target::Entry(at) = target else {
            return Err(Refusal::Barred(Bar::NoSuchThing));
        };
        return Ok(at);
    };
    let thing = view.fact(at).ok_or(Refusal::Barred(Bar::NoSuchThing))?;
    if thing.kind() != Kind::Ask {
        return Ok(at);
    }
    Ok(view.attempts(thing).last().map_or(at, |latest: &&Fact| latest.at))
}

/// The agreeing act that names the talk of a request.
fn agreement(view: &View<'_>, request: EntryRef) -> Result<EntryRef, Refusal> {
    let fact = view.fact_of(request, &[Kind::Ask]).ok_or(Refusal::Barred(Bar::NoSuchThing))?;
    let decision = view.decision(fact);
    let agreed = decision.outcome.agreed();
    decision.deciding.first().copied().filter(|_| agreed).ok_or(Refusal::Barred(Bar::NoTalk))
}
