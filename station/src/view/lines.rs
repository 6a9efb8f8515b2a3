//! A line as a whole: what is observed beside what is declared, how far the records agree, what is open, what we owe.

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::Line;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::restore::Restore;
use counterpart_core::link::health::{Cause, Evidence, Health, State, Unanswered, Uncovered};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::LineState;
use serde::{Deserialize, Serialize};

use super::broken::EpochView;
use super::owed::OwedView;
use super::request::RequestLine;
use super::{ByWord, Moment, Named, Side, Sight};
use crate::words::{Why, Words};

/// What a station observes of a line, the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ObservedState {
    /// None of the others.
    Open,
    /// TCP, loss, or stalled.
    Degraded,
    /// The link is up, the watch is silent.
    Silent,
    /// No session for 60 s.
    Down,
    /// Nothing is observed: no station serves the directory that was read.
    #[serde(rename = "NOT SERVED")]
    Unserved,
}

impl ObservedState {
    /// Of a state of the link.
    pub fn of(state: State) -> ObservedState {
        match state {
            State::Open => ObservedState::Open,
            State::Degraded => ObservedState::Degraded,
            State::Silent => ObservedState::Silent,
            State::Down(_) => ObservedState::Down,
        }
    }
}

/// One thing that the link's own task has found, with its numbers (`counterpart_core::link::health`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the fields are those of `counterpart_core::link::health::Evidence`")]
pub enum EvidenceView {
    /// There has been no session for so long.
    NoSession { for_ms: u64 },
    /// No try ended in a handshake.
    NoHandshake { tries: u64 },
    /// Some tries ended in a handshake.
    Handshakes { tries: u64, handshakes: u64 },
    /// A reference that the operator named answers, or does not.
    Reference { answers: bool },
    /// The last watch check has stood for so long.
    CheckUnanswered { for_ms: u64, within_ms: u64 },
    /// They write, and name no head that covers this entry.
    Stalled { entry: Named, sent_ms_ago: u64, written_since: u64 },
    /// UDP did not get through when the present connection began.
    OverTcp,
    /// So many packets in a thousand are lost.
    Loss { permille: u64 },
    /// They have used up what they may have stored here; the next is read in so many milliseconds.
    Slowed { for_ms: u64 },
    /// Their clock is so far ahead of ours; less than 0: behind.
    Clocks { ahead_ms: i64 },
}

/// An observed state with its sentences.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ObservedView {
    /// The worst.
    pub state: ObservedState,
    /// Of DOWN: "PATH" or "UNKNOWN".
    pub cause: Option<String>,
    /// Everything found.
    pub evidence: Vec<EvidenceView>,
    /// The cause, then what each finding says; of OPEN one sentence.
    pub sentences: Vec<String>,
}

impl ObservedView {
    /// Of a directory that no station serves.
    pub fn unserved(words: &Words) -> ObservedView {
        let sentences = vec![words.say("evidence-unserved", &[])];
        ObservedView { state: ObservedState::Unserved, cause: None, evidence: Vec::new(), sentences }
    }
}

/// One organisation on a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OrganisationView {
    /// Its name.
    pub name: String,
    /// Its call sign.
    pub call_sign: String,
    /// The IANA name of its zone; empty if it names none. Theirs is what the charter says.
    pub zone: String,
    /// What it declares of its station.
    pub declared: ByWord<LineState>,
    /// Until when.
    pub declared_until: Option<Moment>,
    /// Entries in its log, as held here.
    pub size: u64,
    /// The root of its log, 64 hexadecimal digits.
    pub root: String,
    /// The first eight of them.
    pub root_short: String,
    /// The largest size of this log that the other side has named.
    pub named_by_other: u64,
}

/// How far the two sides are known to hold alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecordsView {
    /// The sum of the largest sizes that each side has named of the other.
    pub agree_to: u64,
    /// Only `received` lies beyond.
    pub full: bool,
    /// That as a sentence.
    pub sentence: String,
}

/// Whether the line can be used at all.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "standing", rename_all = "kebab-case")]
pub enum StandingView {
    /// It can.
    Open,
    /// Pairing is not finished; or the other side has not joined the epoch that we opened.
    Pending,
    /// Their log is taken no further in this epoch.
    Halted {
        /// What they did, by its name.
        misconduct: String,
        /// And as sentences.
        why: Why,
    },
    /// Restored from a backup.
    Restored,
    /// A side has closed it.
    Closed {
        /// By this entry.
        by: Named,
    },
}

/// A line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LineView {
    /// 32 hexadecimal digits.
    pub line: String,
    /// The number of the epoch.
    pub epoch: u64,
    /// We.
    pub ours: OrganisationView,
    /// The peer.
    pub theirs: OrganisationView,
    /// What is observed.
    pub observed: ObservedView,
    /// Whether that differs from what they declare.
    pub differs: bool,
    /// How far the records agree.
    pub records: RecordsView,
    /// Whether it can be used.
    pub standing: StandingView,
    /// That as a sentence, or that something waits for a person all the same; absent if it can and nothing does.
    pub standing_sentence: Option<String>,
    /// The epoch that serves, if it is not the first, and what broke off before it.
    pub began: Option<EpochView>,
    /// Open requests of theirs, OPERATION first, then by precedence, then by age.
    pub requests_theirs: Vec<RequestLine>,
    /// Open requests of ours.
    pub requests_ours: Vec<RequestLine>,
    /// Agreed talks to come, and those of the last day of which not both have said what became of them; the next first.
    pub coming: Vec<RequestLine>,
    /// Closed here, and not yet known to be held there.
    pub unsettled: Vec<RequestLine>,
    /// What we owe, requests and beside them.
    pub owed_by_us: Vec<OwedView>,
    /// How many texts of theirs wait that nobody here has read and that do not ring.
    #[serde(default)]
    pub quiet: u64,
}

/// The line, with what is observed of its link ([`counterpart_core::link::health::observe`]).
pub fn line(sight: &Sight<'_>, health: &Health) -> LineView {
    let observed = observed(sight, health);
    let [requests_theirs, requests_ours] = [Side::Theirs, Side::Ours].map(|side| open(sight, side));
    let standing = standing(sight);
    let both = requests_theirs.iter().chain(&requests_ours);
    let mut owed: Vec<OwedView> = both.flat_map(|r| &r.next).filter(|o| o.who != Some(Side::Theirs)).cloned().collect();
    owed.extend(sight.owed_beside_requests());
    let theirs = organisation(sight, Side::Theirs);
    LineView {
        line: sight.line.id().to_string(),
        epoch: sight.line.epoch().number,
        ours: organisation(sight, Side::Ours),
        differs: differs(observed.state, theirs.declared.0),
        theirs,
        observed,
        records: records(sight),
        standing_sentence: standing_sentence(sight, &standing),
        standing,
        began: sight.epoch_view(),
        requests_theirs,
        requests_ours,
        coming: sight.coming().into_iter().map(|request| sight.request_line(request)).collect(),
        unsettled: unsettled(sight),
        owed_by_us: owed,
        quiet: sight.quiet().len() as u64,
    }
}

/// "Records agree to #n" (DESIGN.md §2): n, and whether only `received` lies beyond.
pub fn agree(line: &Line) -> (u64, bool) {
    let facts = line.facts();
    let [ours, theirs] = [line.me(), line.me().peer()];
    let held = |party: Party| facts.named_by(party.peer()).min(line.log(party).size());
    // A copy does not know yet what the other side holds of its own log.
    let is_full = line.restore() == Restore::Nothing && !facts.owes_receipt(ours) && !facts.owes_receipt(theirs);
    (held(ours) + held(theirs), is_full)
}

fn records(sight: &Sight<'_>) -> RecordsView {
    let (agree_to, full) = agree(sight.line);
    let size = ("size", agree_to.to_string().into());
    let sentence = if full {
        sight.telling.say("records-agree", &[size])
    } else if sight.line.restore() != Restore::Nothing {
        sight.telling.say("records-lacking", &[size])
    } else {
        let beyond = |side: Side| {
            let log = sight.line.log(sight.party(side)).size();
            log.saturating_sub(sight.line.facts().named_by(sight.party(side.other())))
        };
        let (ours, theirs) = (beyond(Side::Ours).into(), beyond(Side::Theirs).into());
        sight.telling.say("records-waiting", &[size, ("ours", ours), ("theirs", theirs)])
    };
    RecordsView { agree_to, full, sentence }
}

fn organisation(sight: &Sight<'_>, side: Side) -> OrganisationView {
    let party = sight.party(side);
    let terms = sight.line.charter().party(party);
    let (declared, until) = sight.view().declared(party);
    let head = sight.line.log(party).head();
    let root: String = head.root.iter().map(|byte| format!("{byte:02x}")).collect();
    OrganisationView {
        name: terms.name.clone(),
        call_sign: terms.call_sign.clone(),
        zone: sight.place(side).zone_name.clone(),
        declared: ByWord(declared),
        declared_until: until.map(Moment),
        size: head.size,
        root_short: root.chars().take(8).collect(),
        root,
        named_by_other: sight.line.facts().named_by(party.peer()),
    }
}

fn observed(sight: &Sight<'_>, health: &Health) -> ObservedView {
    let state = ObservedState::of(health.state);
    let cause = if let State::Down(cause) = health.state { Some(cause) } else { None };
    let evidence: Vec<EvidenceView> = health.evidence.iter().map(|found| shown(sight, found)).collect();
    let mut sentences: Vec<String> = cause.map(|cause| sight.telling.cause(cause)).into_iter().collect();
    sentences.extend(evidence.iter().map(|e| sight.telling.evidence(e)));
    if sentences.is_empty() {
        sentences.push(sight.telling.say("evidence-none", &[]));
    }
    let cause = cause.map(|cause| match cause {
        Cause::Path => "PATH".into(),
        Cause::Unknown => "UNKNOWN".into(),
    });
    ObservedView { state, cause, evidence, sentences }
}

fn shown(sight: &Sight<'_>, found: &Evidence) -> EvidenceView {
    match *found {
        Evidence::NoSession { for_ms } => EvidenceView::NoSession { for_ms },
        Evidence::NoHandshake { tries } => EvidenceView::NoHandshake { tries: tries.into() },
        Evidence::Handshakes { tries, handshakes } => {
            EvidenceView::Handshakes { tries: tries.into(), handshakes: handshakes.into() }
        }
        Evidence::Reference { answers } => EvidenceView::Reference { answers },
        Evidence::CheckUnanswered(Unanswered { for_ms, within_ms }) => {
            EvidenceView::CheckUnanswered { for_ms, within_ms }
        }
        Evidence::Stalled(Uncovered { index, sent_ms_ago, written_since }) => {
            let entry = sight.named(EntryRef { party: sight.me(), index });
            EvidenceView::Stalled { entry, sent_ms_ago, written_since }
        }
        Evidence::OverTcp => EvidenceView::OverTcp,
        Evidence::Clocks { ahead_ms } => EvidenceView::Clocks { ahead_ms },
        Evidence::Slowed { for_ms } => EvidenceView::Slowed { for_ms },
        Evidence::Loss { permille } => EvidenceView::Loss { permille: permille.into() },
    }
}

/// OPEN beside open is the same, and so is DOWN beside what declares that the station does not answer.
fn differs(observed: ObservedState, declared: LineState) -> bool {
    match declared {
        _ if observed == ObservedState::Unserved => false,
        LineState::Open => observed != ObservedState::Open,
        LineState::Maintenance | LineState::Closed => observed == ObservedState::Open,
        LineState::Suspended => observed == ObservedState::Down,
    }
}

fn standing(sight: &Sight<'_>) -> StandingView {
    let line = sight.line;
    if let Some(by) = sight.view().line_closed() {
        return StandingView::Closed { by: sight.named(by) };
    }
    if let Some(misconduct) = line.halted() {
        let why = sight.telling.words.misconduct(misconduct);
        return StandingView::Halted { misconduct: misconduct.word().into(), why };
    }
    if line.restore() != Restore::Nothing {
        return StandingView::Restored;
    }
    if line.own().size() == 0 || line.peer().size() == 0 { StandingView::Pending } else { StandingView::Open }
}

fn standing_sentence(sight: &Sight<'_>, standing: &StandingView) -> Option<String> {
    let telling = sight.telling;
    Some(match standing {
        StandingView::Open if sight.line.awaits_judgement() => telling.say("line-judges", &[]),
        StandingView::Open => return None,
        StandingView::Pending if sight.line.epoch().number > 0 => {
            telling.say("line-unjoined", &[("epoch", sight.line.epoch().number.to_string().into())])
        }
        StandingView::Pending => telling.say("line-pending", &[]),
        StandingView::Halted { why, .. } => telling.say("line-halted", &[("misconduct", (&why.why).into())]),
        StandingView::Restored if sight.line.restored() => telling.say("line-restored", &[]),
        StandingView::Restored => telling.say("line-waits", &[]),
        StandingView::Closed { by } => telling.say("line-closed", &[("name", (&by.name).into())]),
    })
}

/// OPERATION before EXERCISE, then precedence, then age.
fn open(sight: &Sight<'_>, side: Side) -> Vec<RequestLine> {
    let view = sight.view();
    let asks = view.live().filter(|f| sight.side(f.at.party) == side);
    let mut open: Vec<_> = asks.filter(|f| view.decision(f).outcome == Outcome::Open).collect();
    let order = |mark: Mark, precedence: Precedence, at: EntryRef| (mark, std::cmp::Reverse(precedence), at);
    open.sort_by_key(|f| order(f.mark.unwrap_or(Mark::Operation), view.precedence(f), f.at));
    open.into_iter().map(|f| sight.request_line(f)).collect()
}

fn unsettled(sight: &Sight<'_>) -> Vec<RequestLine> {
    let view = sight.view();
    let asks = view.live();
    let waits = |f: &&counterpart_core::line::facts::Fact| {
        let decision = view.decision(f);
        decision.outcome != Outcome::Open && !view.settled_for(sight.me(), &decision)
    };
    asks.filter(waits).map(|f| sight.request_line(f)).collect()
}
