//! A request to talk, whole.

use counterpart_core::ids::EntryRef;
use counterpart_core::line::crossing::{Decision, Outcome, Say};
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::{Headline, Reached, Rung};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{Code, Mode};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;
use serde::{Deserialize, Serialize};

use super::attempts::{AttemptView, DecidingView, DeferralView, OfferView, OverdueView, RungView};
use super::may::MayView;
use super::owed::OwedView;
use super::sheet::SheetsView;
use super::talk::TalkView;
use super::{ByWord, Moment, Named, Said, Side, Sight, Window};
use crate::words::clocks::Place;

/// A request to talk with everything that was done on it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RequestView {
    /// The ask.
    pub request: Named,
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// Our call sign, and theirs.
    pub call_signs: [String; 2],
    /// IANA names of our zone and theirs, by which times are told; UTC where one is empty or not known.
    pub zones: [String; 2],
    /// Who asked.
    pub owner: Side,
    /// The asking post.
    pub from: String,
    /// Its counterpart.
    pub to: String,
    /// How they would talk.
    pub mode: ByWord<Mode>,
    /// Whether nothing of it may be said in public.
    pub private: bool,
    /// The words of the ask; absent if it has none or they are not held.
    pub subject: Option<Said>,
    /// The precedence in force.
    pub precedence: ByWord<Precedence>,
    /// What it is for.
    pub mark: ByWord<Mark>,
    /// When it was asked, by the asking side's clock.
    pub asked: Moment,
    /// The closed request that it asks again.
    pub again: Option<Named>,
    /// The deadline in force; absent: it stands until someone closes it.
    pub valid_until: Option<Moment>,
    /// OPEN, ANSWERED, AGREED, DECLINED, WITHDRAWN, LAPSED, CROSSED; or BROKEN OFF in an epoch that has ended.
    pub outcome: String,
    /// The time agreed.
    pub agreed: Option<Window>,
    /// Whether the outcome is settled for this station: they hold our acts, and the epoch, if it has ended, is settled. Until they hold
    /// them `shown` says so and never "agreed".
    pub settled: bool,
    /// The word to show: the outcome, or ACCEPTED HERE, DECLINED HERE, … until they hold our acts.
    pub shown: String,
    /// The highest fact, as a sentence.
    pub headline: String,
    /// How far the latest attempt came; absent once closed.
    pub reached: Option<RungView>,
    /// The best rung of the attempts before it.
    pub earlier: Option<RungView>,
    /// The acts that decide.
    pub deciding: Vec<DecidingView>,
    /// What crossed the outcome and does not change it.
    pub beside: Vec<BesideView>,
    /// The entry that suspends it at present.
    pub suspended: Option<Named>,
    /// The same request from the other side, when both asked at once.
    pub concerted: Option<Named>,
    /// The ask and its renewals.
    pub attempts: Vec<AttemptView>,
    /// Every "not now".
    pub deferrals: Vec<DeferralView>,
    /// Every offer of times and every ready.
    pub offers: Vec<OfferView>,
    /// What became of the talk; absent if there is none.
    pub talk: Option<TalkView>,
    /// What each side states of it in a call sheet; absent while neither has written one.
    pub sheets: Option<SheetsView>,
    /// Response times noted as missed.
    pub overdue: Vec<OverdueView>,
    /// Who owes what by when.
    pub next: Vec<OwedView>,
    /// What this side may do now, and why not what it may not.
    pub acts: Vec<MayView>,
    /// What the record does not say, a sentence each; never empty while no outcome stands.
    pub not_known: Vec<String>,
    /// The opening, to copy and print: lines that have at most [`PLAIN_ROWS_MAX`] rows on a terminal of 80 columns.
    pub plain_lines: Vec<String>,
    /// What the opening has no room for, told after the ladder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plain_later: Vec<String>,
}

/// The rows of a terminal with which a request opens: asked, reached, owed by whom until when.
pub const PLAIN_ROWS_MAX: usize = 12;

/// An act that crossed an outcome.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BesideView {
    /// The act.
    pub entry: Named,
    /// Its type.
    pub kind: String,
    /// Whose.
    pub side: Side,
}

/// What the lines and lists need of a request, and no more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RequestLine {
    /// The ask.
    pub request: Named,
    /// Who asked.
    pub owner: Side,
    /// The asking post.
    pub from: String,
    /// Its counterpart.
    pub to: String,
    /// The precedence in force.
    pub precedence: ByWord<Precedence>,
    /// What it is for.
    pub mark: ByWord<Mark>,
    /// When it was asked, by the asking side's clock.
    pub asked: Moment,
    /// The highest fact, as a sentence.
    pub headline: String,
    /// How far the latest attempt came; absent once closed.
    pub reached: Option<ByWord<Rung>>,
    /// Who owes what by when.
    pub next: Vec<OwedView>,
}

/// The request that the entry at `at` is or belongs to; `None` if it belongs to none, or does not count.
pub fn request(sight: &Sight<'_>, at: EntryRef) -> Option<RequestView> {
    let fact = sight.view().fact(at)?;
    let request = sight.view().fact_of(fact.thing, &[Kind::Ask])?;
    Some(sight.request(request))
}

impl<'a> Sight<'a> {
    fn request(&self, request: &'a Fact) -> RequestView {
        let view = self.view();
        let decision = view.decision(request);
        let settled = view.settled_for(self.me(), &decision);
        let (from, to) = posts(request);
        let (mode, private) = match request.what {
            What::Ask { mode, private } => (mode, private),
            _ => (Mode::Voice, false),
        };
        let (reached, earlier) = match view.headline(request) {
            Headline::Open { reached, earlier, .. } => (Some(self.rung(reached)), earlier.map(|r| self.rung(r))),
            Headline::Closed { .. } => (None, None),
        };
        let words = self.telling.words;
        let [plain_lines, plain_later] = self.plain_lines(request);
        RequestView {
            request: self.named(request.at),
            line: self.line.id().to_string(),
            call_signs: [Side::Ours, Side::Theirs].map(|side| self.call_sign(side)),
            zones: self.zones(),
            owner: self.side(request.at.party),
            from,
            to,
            mode: ByWord(mode),
            private,
            subject: self.said(request.at),
            precedence: ByWord(view.precedence(request)),
            mark: ByWord(request.mark.unwrap_or(Mark::Operation)),
            asked: Moment(request.time),
            again: request.refers.map(|at| self.named(at)),
            valid_until: view.deadline(request, u64::MAX).map(Moment),
            outcome: decision.outcome.word().into(),
            agreed: match decision.outcome {
                Outcome::Said(Say::Agreed(window)) => Some(Window::of(window)),
                _ => None,
            },
            settled,
            shown: words.shown(decision.outcome, view.covered_for(self.me(), &decision)).said,
            headline: self.headline(request),
            reached,
            earlier,
            deciding: self.deciding(&decision),
            beside: self.beside(request, &decision),
            suspended: view.suspended(request).map(|at| self.named(at)),
            concerted: view.partner(request.at).map(|f| self.named(f.at)),
            attempts: self.attempts(request),
            deferrals: self.deferrals(request),
            offers: self.offers(request),
            talk: self.talk(request),
            sheets: self.sheets(request),
            overdue: self.overdue(request),
            next: self.owed(request),
            acts: self.acts(request),
            not_known: self.unknowns(request),
            plain_lines,
            plain_later,
        }
    }

    /// A request as one line among others.
    pub fn request_line(&self, request: &'a Fact) -> RequestLine {
        let (from, to) = posts(request);
        RequestLine {
            request: self.named(request.at),
            owner: self.side(request.at.party),
            from,
            to,
            precedence: ByWord(self.view().precedence(request)),
            mark: ByWord(request.mark.unwrap_or(Mark::Operation)),
            asked: Moment(request.time),
            headline: self.headline(request),
            reached: match self.view().headline(request) {
                Headline::Open { reached, .. } => Some(ByWord(reached.rung)),
                Headline::Closed { .. } => None,
            },
            next: self.owed(request),
        }
    }

    /// A side's place on the clock.
    pub fn place(&self, side: Side) -> &'a Place {
        match side {
            Side::Ours => &self.telling.clocks.ours,
            Side::Theirs => &self.telling.clocks.theirs,
        }
    }

    /// The names of our zone and theirs.
    pub fn zones(&self) -> [String; 2] {
        [Side::Ours, Side::Theirs].map(|side| self.place(side).zone_name.clone())
    }

    /// A side's call sign.
    pub fn call_sign(&self, side: Side) -> String {
        super::names::call_sign(self.line, self.party(side)).into()
    }

    fn rung(&self, reached: Reached) -> RungView {
        RungView {
            rung: ByWord(reached.rung),
            time: Moment(reached.time),
            stated_by: self.side(reached.by.party),
            entry: self.named(reached.by),
        }
    }

    /// Acts on a closed request whose author had not seen what closed it.
    fn beside(&self, request: &Fact, decision: &Decision) -> Vec<BesideView> {
        if decision.outcome == Outcome::Open {
            return Vec::new();
        }
        let view = self.view();
        let deciding: Vec<&Fact> = decision.deciding.iter().filter_map(|at| view.fact(*at)).collect();
        let acts = view.thread(request.at).filter(|f| !decision.deciding.contains(&f.at));
        let crossed = acts.filter(|f| deciding.iter().any(|d| d.crosses(f)));
        let shown = crossed.map(|f| BesideView {
            entry: self.named(f.at),
            kind: f.kind().word().into(),
            side: self.side(f.at.party),
        });
        shown.collect()
    }
}

pub(super) fn posts(request: &Fact) -> (String, String) {
    let (from, to) = request.posts.clone().unzip();
    let name = |post: Option<counterpart_core::ids::PostId>| post.map(|p| p.to_string()).unwrap_or_default();
    (name(from), name(to))
}

/// The code of a closing act, if it is a decline.
pub(super) fn decline_code(act: &Fact) -> Option<Code> {
    match act.what {
        What::Decline { code } => Some(code),
        _ => None,
    }
}
