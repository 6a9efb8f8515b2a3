//! Why something rings no more: read from the record as it stands when somebody looks (§7.4).

use counterpart_core::ids::EntryRef;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::Fact;
use counterpart_core::record::codes::LineState;
use counterpart_core::record::kind::Kind;

use super::Sight;
use crate::words::Arg;

/// Why a ring stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stop {
    /// As a sentence.
    pub why: String,
    /// The act of ours that stopped it, if one did: who did it is kept beside the record.
    pub ours: Option<EntryRef>,
}

impl<'a> Sight<'a> {
    /// The first act of ours that names what rang, and after which it rings no more.
    pub fn stopper(&self, rang: &Fact) -> Option<&'a Fact> {
        let ours = |fact: &&Fact| fact.refers == Some(rang.at) && self.is_act_of_ours(fact);
        self.view().thread(rang.thing).find(ours)
    }

    fn is_act_of_ours(&self, fact: &Fact) -> bool {
        let by_itself = [Kind::Alerting, Kind::Received, Kind::Lapse, Kind::Overdue];
        fact.at.party == self.me() && !by_itself.contains(&fact.kind())
    }

    /// Why the ring of this entry has stopped.
    pub fn stopped(&self, rang: EntryRef) -> Stop {
        let of_all = |id: &str| Stop { why: self.telling.say(id, &[]), ours: None };
        let Some(rang) = self.view().fact(rang) else { return of_all("stop-epoch") };
        let closed = self.view().line_closed();
        // A closing of theirs ends attempts and checks alone.
        let ends = matches!(rang.kind(), Kind::Ask | Kind::Renew | Kind::Offer | Kind::Ready | Kind::Check);
        if let Some(by) = closed.filter(|by| ends || by.party == self.me()) {
            let name = ("name", Arg::from(self.named(by).name));
            return Stop { why: self.telling.say("stop-line", &[name]), ours: None };
        }
        if closed.is_none() && self.view().declared(self.me()).0 == LineState::Suspended {
            return of_all("stop-state");
        }
        match self.stopping_act(rang) {
            Some(act) => self.stop_by(act),
            // It was told or noted, which the record does not say; of a text, one more urgent may have taken its place.
            None if closed.is_none() && matches!(rang.kind(), Kind::Text | Kind::Notice) => of_all("stop-later"),
            None => of_all("stop-noted"),
        }
    }

    /// The entry for which it rings no more: ours that names it; what closed it or its request; what suspended that; the attempt or
    /// check that rings in its place; or any later act of ours on the request.
    fn stopping_act(&self, rang: &'a Fact) -> Option<&'a Fact> {
        let view = self.view();
        let thing = view.fact(rang.thing)?;
        let decided = |fact: &'a Fact| {
            let decision = view.decision(fact);
            let by = decision.deciding.first().filter(|_| decision.outcome != Outcome::Open)?;
            view.fact(*by).filter(|act| act.at != rang.at)
        };
        let request = view.request_of(rang.at).or_else(|| view.fact_of(thing.thing, &[Kind::Ask]));
        let latest = || view.attempts(request?).pop().filter(|attempt| attempt.at.party == rang.at.party);
        let in_place = || match rang.kind() {
            Kind::Ask | Kind::Renew => latest().filter(|attempt| rang.before(attempt)),
            Kind::Check => view.last_check(rang.at.party).filter(|check| rang.before(check)),
            _ => None,
        };
        let on_it = || view.on(rang.at).find(|fact| matches!(fact.kind(), Kind::Read | Kind::Retract));
        let later = || view.thread(request?.at).find(|fact| self.is_act_of_ours(fact) && rang.before(fact));
        self.stopper(rang)
            .or_else(|| decided(rang))
            .or_else(|| decided(request?))
            .or_else(|| view.suspended(request?).and_then(|by| view.fact(by)))
            .or_else(in_place)
            .or_else(on_it)
            .or_else(later)
    }

    fn stop_by(&self, act: &Fact) -> Stop {
        let args = [("kind", act.kind().word().into()), ("name", Arg::from(self.named(act.at).name))];
        if act.at.party != self.me() {
            return Stop { why: self.telling.say("stop-theirs", &args), ours: None };
        }
        Stop { why: self.telling.say("stop-ours", &args), ours: self.is_act_of_ours(act).then_some(act.at) }
    }
}
