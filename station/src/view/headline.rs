//! The headline of a request: the highest fact, then what is not. What became of a talk stands before the time for which it was
//! agreed; what one side alone states of it stands after.

use counterpart_core::line::crossing::{Decision, Outcome, Say};
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::{Headline, Reached, Rung};
use counterpart_core::line::talk::TalkState;
use counterpart_core::precedence::Mark;
use counterpart_core::record::codes::Code;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;

use super::request::{decline_code, posts};
use super::{Side, Sight};
use crate::words::Arg;

impl<'a> Sight<'a> {
    /// The highest fact, then what is not; under its mark.
    pub fn headline(&self, request: &'a Fact) -> String {
        let view = self.view();
        let decision = view.decision(request);
        let outcome = decision.outcome;
        let fact = || match view.headline(request) {
            Headline::Open { reached, .. } => self.headline_open(request, reached),
            Headline::Closed { .. } => self.headline_closed(request, &decision),
        };
        // Of what was open the word itself says so.
        let is_broken = self.is_broken_off(request) && outcome != Outcome::BrokenOff;
        let talk = self.talk(request);
        let state = talk.as_ref().map_or(TalkState::None, |talk| talk.state.0);
        let leads = matches!(state, TalkState::Cancelled | TalkState::Missed | TalkState::Talked | TalkState::Crossed);
        let was = (is_broken || leads).then(|| self.was_to_be(&decision)).flatten();
        let mut said: Vec<String> = Vec::new();
        said.extend(is_broken.then(|| self.say("headline-talk-broken", &[])));
        said.extend(talk.as_ref().filter(|_| leads).map(|talk| self.talk_leads(request, talk)));
        said.push(was.unwrap_or_else(fact));
        let stands = matches!(state, TalkState::Joined | TalkState::Stated);
        // An agreed time says itself that it lies ahead; of an answer somebody must say whether they talk.
        let is_silent = state == TalkState::Planned && outcome == Outcome::Said(Say::Answered) && !is_broken;
        said.extend(talk.filter(|_| stands || is_silent).map(|talk| talk.sentence));
        let whole = said.into_iter().reduce(|first, second| self.two(first, second)).unwrap_or_default();
        self.telling.words.marked(request.mark.unwrap_or(Mark::Operation), whole)
    }

    fn two(&self, first: String, second: String) -> String {
        self.say("headline-and", &[("first", first.into()), ("second", second.into())])
    }

    /// What was agreed, of a talk of which more has been said since; `None` if nothing was, or not yet for both.
    fn was_to_be(&self, decision: &Decision) -> Option<String> {
        let view = self.view();
        if !view.covered_for(self.me(), decision) {
            return None;
        }
        match decision.outcome {
            Outcome::Said(Say::Agreed(window)) => {
                Some(self.say("headline-was-agreed", &[("window", self.telling.window(window).into())]))
            }
            Outcome::Said(Say::Answered) => {
                let act = decision.deciding.first().and_then(|at| view.fact(*at))?;
                Some(self.say("headline-was-answered", &[("time", self.telling.here(act.time).into())]))
            }
            _ => None,
        }
    }

    fn headline_open(&self, request: &'a Fact, reached: Reached) -> String {
        let view = self.view();
        let (_, post) = posts(request);
        let latest = view.attempts(request).pop().map(|a| a.at);
        let defers = view.thread(request.at).filter(|f| f.refers == latest);
        let deferred = defers.filter(|f| f.kind() == Kind::Defer && f.at.index > reached.by.index).last();
        let deferred = deferred.or(view.fact_of(reached.by, &[Kind::Defer]));
        let offers = self.headline_offers(request);
        let id = match reached.rung {
            Rung::Sent => "headline-sent",
            Rung::Delivered => "headline-delivered",
            Rung::Alerting => "headline-alerting",
            Rung::Seen if offers.is_empty() => "headline-seen",
            // What is offered must not come after two lines of what is known; its rung says the whole.
            Rung::Seen => "headline-seen-beside",
            Rung::Referred => "headline-referred",
        };
        let side = || ("side", self.whose(request));
        let time = |time| ("time", Arg::from(self.telling.here(time)));
        let mut sentence = match deferred.map(|f| (f.time, &f.what)) {
            Some((at, What::Defer { code, until })) => {
                let code = ("code", self.with_code(*code));
                let until = until.map_or_else(|| "none".into(), |until| self.telling.here(until));
                let place = ("place", Arg::from(&self.telling.clocks.ours.name));
                self.say("headline-deferred", &[side(), time(at), code, ("until", until.into()), place])
            }
            _ => self.say(id, &[side(), time(reached.time), ("post", post.into())]),
        };
        for more in offers {
            sentence = self.two(sentence, more);
        }
        if view.suspended(request).is_some() {
            sentence = self.two(sentence, self.say("headline-suspended", &[("side", self.whose(request))]));
        }
        sentence
    }

    /// What each side offers, however many offers of its own are open; without any what became of the last, if nothing came of it.
    fn headline_offers(&self, request: &'a Fact) -> Vec<String> {
        let mut all = Vec::new();
        for side in [Side::Ours, Side::Theirs] {
            let offers: Vec<&Fact> =
                self.open_offers(request).into_iter().filter(|offer| self.side(offer.at.party) == side).collect();
            let windows = |offer: &&Fact| if let What::Offer { windows, .. } = &offer.what { windows.len() } else { 0 };
            let count: usize = offers.iter().map(windows).sum();
            let whose = || ("side", Arg::from(side.word()));
            all.extend((count > 0).then(|| self.say("headline-offer", &[whose(), ("count", count.into())])));
            let is_ready = offers.iter().any(|offer| offer.kind() == Kind::Ready);
            all.extend(is_ready.then(|| self.say("headline-ready", &[whose()])));
        }
        if all.is_empty() {
            all.extend(self.headline_offer_over(request));
        }
        all
    }

    /// That the last offer lapsed, or that what ended it crossed its acceptance.
    fn headline_offer_over(&self, request: &'a Fact) -> Option<String> {
        let view = self.view();
        let last = view.thread(request.at).filter(|f| matches!(f.kind(), Kind::Offer | Kind::Ready)).last()?;
        let decision = view.decision(last);
        let id = match decision.outcome {
            Outcome::Said(Say::Lapsed) if view.covered_for(self.me(), &decision) => "headline-offer-lapsed",
            Outcome::Crossed => "headline-offer-crossed",
            _ => return None,
        };
        let time = decision.deciding.first().and_then(|at| view.fact(*at))?.time;
        Some(self.say(id, &[("side", self.whose(last)), ("time", self.telling.here(time).into())]))
    }

    fn headline_closed(&self, request: &Fact, decision: &Decision) -> String {
        let view = self.view();
        // Whether the epoch is settled too, if it has ended, is said beside it.
        let settled = view.covered_for(self.me(), decision);
        let act = decision.deciding.first().and_then(|at| view.fact(*at)).unwrap_or(request);
        let (side, time) = (("side", self.whose(act)), ("time", Arg::from(self.telling.here(act.time))));
        match (decision.outcome, settled) {
            (Outcome::Open, _) => self.telling.words.outcome(decision.outcome),
            (Outcome::BrokenOff, _) => self.say("headline-broken-off", &[]),
            (Outcome::Crossed, _) => self.say("headline-crossed", &[]),
            (Outcome::Said(Say::Answered), true) => self.say("headline-answered", &[side, time]),
            (Outcome::Said(Say::Answered), false) => self.say("headline-answered-here", &[]),
            (Outcome::Said(Say::Agreed(window)), true) => {
                self.say("headline-agreed", &[("window", self.telling.window(window).into())])
            }
            (Outcome::Said(Say::Agreed(_)), false) => self.say("headline-accepted-here", &[]),
            (Outcome::Said(Say::Declined), true) => {
                let code = self.with_code(decline_code(act).unwrap_or(Code::Unstated));
                self.say("headline-declined", &[side, time, ("code", code)])
            }
            (Outcome::Said(Say::Declined), false) => self.say("headline-declined-here", &[]),
            (Outcome::Said(Say::Withdrawn), true) => self.say("headline-withdrawn", &[side, time]),
            (Outcome::Said(Say::Withdrawn), false) => self.say("headline-withdrawn-here", &[]),
            (Outcome::Said(Say::Lapsed), true) => self.say("headline-lapsed", &[time]),
            (Outcome::Said(Say::Lapsed), false) => self.say("headline-lapsed-here", &[]),
        }
    }
}
