//! The ladder of facts of a request as a page draws it, the highest first: what is awaited, what lies on the table, what was
//! reached, whose statement each is, and whether the other side holds it.
//!
//! It says what `core` computed and adds nothing: a rung is reached if an entry gave it, and `now` only divides what is from what
//! may come.

use counterpart_core::ids::EntryRef;
use counterpart_core::line::crossing::{Decision, Outcome, Say};
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::{Headline, Reached, Rung};
use counterpart_core::line::talk::TalkState;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;

use super::request::posts;
use super::{Moment, Named, Side, Sight};
use crate::words::Arg;
use crate::words::clocks::Hand;
use crate::words::coded::Coded;

/// What a step of the ladder is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepKind {
    /// No entry gives it yet; `by` could.
    Awaited,
    /// The moment at which somebody looks, between what may come and what is.
    Now,
    /// An offer of times or a ready that can be accepted: no rung.
    OnTable,
    /// An offer of times or a ready that was answered, or taken back.
    OfferOver,
    /// One that ended without an answer.
    OfferLapsed,
    /// "Not now."
    Deferred,
    /// A rung that is reached, or an earlier attempt.
    Reached,
    /// A rung below the highest that no entry gave.
    PassedOver,
    /// The outcome, settled for this station.
    Decided,
    /// An outcome of ours that the other side is not known to hold.
    Unheld,
    /// One of two acts that say different things of this.
    Crossed {
        /// What they are on.
        on: EntryRef,
        /// Neither author had seen the other's.
        unseen: bool,
    },
    /// The talk, as both sides' words make it.
    Talk,
    /// One side alone says that they talked.
    Stated,
    /// One side alone says that the other did not come.
    Missed,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepView {
    /// What it is.
    pub kind: StepKind,
    /// The one that stands out: the highest fact.
    pub top: bool,
    /// "REFERRED".
    pub name: Coded,
    /// The rung that it is, reached or not; `None`: it is none.
    pub rung: Option<Rung>,
    /// What that says.
    pub says: String,
    /// Whose statement it is; of what is awaited, whose it would be. Absent: nobody's alone.
    pub by: Option<Side>,
    /// The entry.
    pub entry: Option<Named>,
    /// When, by the clock of its author.
    pub time: Option<Moment>,
    /// That time on both sides' clocks, ours first.
    pub hands: [Hand; 2],
    /// How long after the attempt, by both clocks.
    pub after: String,
    /// The charter's time for it.
    pub within: String,
    /// The entry of the record which notes that this time had passed without it.
    pub late: Option<Named>,
    /// The other side is known to hold it.
    pub held: bool,
    /// It states what had been before: its time is that of the statement.
    pub stated: bool,
}

impl<'a> Sight<'a> {
    /// The ladder of a request, the highest step first.
    pub fn ladder(&self, request: &'a Fact) -> Vec<StepView> {
        let view = self.view();
        let decision = view.decision(request);
        let talk = self.talk_steps(request);
        // PLANNED has no entry, and what one side states is not known of both: the outcome stays the highest fact.
        let talk_is_top = talk.iter().any(|talk| talk.top || matches!(talk.kind, StepKind::Crossed { .. }));
        let is_open = decision.outcome == Outcome::Open;
        let above = match is_open {
            true => self.awaited(request),
            false => self.decided(request, &decision, !talk_is_top),
        };
        let mut steps: Vec<StepView> = talk.into_iter().chain(above).collect();
        let attempts = view.attempts(request);
        let Some((latest, earlier)) = attempts.split_last() else { return steps };
        steps.extend(self.beside_rungs(request));
        steps.extend(self.reached_rungs(request, latest, is_open));
        steps.extend(earlier.iter().rev().map(|attempt| self.earlier_attempt(attempt)));
        for step in steps.iter_mut().filter(|step| step.top) {
            // What stands out says the day there where it is another than here.
            step.hands = step.time.map_or_else(Default::default, |time| self.telling.hands(time.0));
        }
        steps
    }

    /// A step that is nobody's yet.
    fn blank(&self, kind: StepKind, name: Coded, says: String) -> StepView {
        let (by, entry, time, hands) = (None, None, None, Default::default());
        let (after, within) = (String::new(), String::new());
        StepView {
            kind,
            top: false,
            name,
            rung: None,
            says,
            by,
            entry,
            time,
            hands,
            after,
            within,
            late: None,
            held: false,
            stated: false,
        }
    }

    /// A step that an entry gives.
    fn given(&self, kind: StepKind, name: Coded, says: String, by: EntryRef, time: Timestamp) -> StepView {
        StepView {
            by: Some(self.side(by.party)),
            entry: Some(self.named(by)),
            time: Some(Moment(time)),
            hands: [Side::Ours, Side::Theirs].map(|side| self.telling.hand(side, time)),
            held: self.view().receipt(by).is_some(),
            ..self.blank(kind, name, says)
        }
    }

    fn now_step(&self, since: Timestamp) -> StepView {
        let now = self.telling.clocks.now;
        StepView {
            time: Some(Moment(since)),
            hands: [Side::Ours, Side::Theirs].map(|side| self.telling.hand(side, now)),
            after: self.telling.words.lasts(now.since(since)),
            ..self.blank(StepKind::Now, Coded::default(), String::new())
        }
    }

    /// What may come: an outcome, and the rungs above the highest.
    fn awaited(&self, request: &'a Fact) -> Vec<StepView> {
        let view = self.view();
        let Headline::Open { reached, .. } = view.headline(request) else { return Vec::new() };
        let words = self.telling.words;
        let none = self.telling.say("ladder-no-outcome", &[]);
        let mut steps = vec![self.blank(StepKind::Awaited, words.term("ladder-outcomes"), none)];
        let latest = view.attempts(request).pop();
        let other = self.side(request.at.party.peer());
        for rung in Rung::ALL.into_iter().rev().filter(|rung| *rung > reached.rung) {
            let id = match rung {
                Rung::Alerting => "ladder-no-device",
                _ => "ladder-not-recorded",
            };
            let says = self.telling.say(id, &[("side", self.side(request.at.party).word().into())]);
            let (within, late) = (self.within(request, rung), latest.and_then(|latest| self.noted_late(latest, rung)));
            let blank = self.blank(StepKind::Awaited, words.coded(rung), says);
            steps.push(StepView { by: Some(other), within, late, rung: Some(rung), ..blank });
        }
        steps.push(self.now_step(request.time));
        steps
    }

    /// The charter's time for a rung, in words.
    fn within(&self, request: &Fact, rung: Rung) -> String {
        let charter = self.view().charter_of(request);
        let seconds = match rung {
            Rung::Delivered => charter.station_s,
            Rung::Seen => charter.watch(self.view().precedence(request)),
            _ => return String::new(),
        };
        self.telling.words.lasts(seconds * 1_000)
    }

    /// The acts that decide, and what they wait for while the other side does not hold ours.
    fn decided(&self, thing: &Fact, decision: &Decision, is_top: bool) -> Vec<StepView> {
        let view = self.view();
        let settled = view.covered_for(self.me(), decision);
        let acts: Vec<&Fact> = decision.deciding.iter().filter_map(|at| view.fact(*at)).collect();
        let crossed = decision.outcome == Outcome::Crossed;
        let words = self.telling.words;
        let mut steps = Vec::new();
        if !settled && !crossed {
            let says = self.telling.say("ladder-when-held", &[]);
            steps.push(self.blank(StepKind::Awaited, words.coded(decision.outcome), says));
            steps.extend(acts.first().map(|act| self.now_step(act.time)));
        }
        for (n, act) in acts.into_iter().enumerate() {
            let (kind, name) = match (crossed, settled) {
                (true, _) => (StepKind::Crossed { on: thing.at, unseen: true }, self.act_name(act)),
                (false, true) => (StepKind::Decided, words.coded(decision.outcome)),
                (false, false) => (StepKind::Unheld, words.shown(decision.outcome, false)),
            };
            let step = self.given(kind, name, self.act_says(act, decision.outcome), act.at, act.time);
            steps.push(StepView { top: is_top && settled && !crossed && n == 0, ..step });
        }
        steps
    }

    fn act_name(&self, act: &Fact) -> Coded {
        let outcome = match act.what {
            What::Answer => Outcome::Said(Say::Answered),
            What::Decline { .. } => Outcome::Said(Say::Declined),
            What::Withdraw => Outcome::Said(Say::Withdrawn),
            What::Lapse { .. } => Outcome::Said(Say::Lapsed),
            _ => return self.telling.words.term("ladder-accepted"),
        };
        self.telling.words.coded(outcome)
    }

    fn act_says(&self, act: &Fact, outcome: Outcome) -> String {
        let side = ("side", Arg::from(self.side(act.at.party).word()));
        match (&act.what, outcome) {
            (What::Accept { window: Some(window) }, _) => {
                self.telling.say("ladder-says-accept", &[side, ("window", self.telling.window(*window).into())])
            }
            (What::Decline { code }, _) => {
                self.telling.say("ladder-says-decline", &[side, ("code", self.telling.words.code(*code).into())])
            }
            (What::Withdraw, _) => self.telling.say("ladder-says-withdraw", &[side]),
            (What::Lapse { .. }, _) => {
                let until = self.deadline_of(act).map_or_else(|| "none".into(), |until| self.telling.both(until));
                self.telling.say("ladder-says-lapse", &[side, ("until", until.into())])
            }
            _ => self.telling.say("ladder-says-answer", &[side]),
        }
    }

    /// The deadline that had passed when a lapse was written.
    fn deadline_of(&self, lapse: &Fact) -> Option<Timestamp> {
        let view = self.view();
        let on = view.fact(lapse.refers?)?;
        let thing = view.fact_of(on.at, &[Kind::Offer, Kind::Ready]).or_else(|| view.fact(on.thing))?;
        view.deadline(thing, lapse.at.index)
    }

    /// Offers, readies and deferrals, the latest first: they are no rungs.
    fn beside_rungs(&self, request: &'a Fact) -> Vec<StepView> {
        let view = self.view();
        let mut steps = Vec::new();
        for fact in view.thread(request.at) {
            match &fact.what {
                What::Offer { .. } | What::Ready => {
                    steps.push(self.offer_step(fact));
                    let decision = view.decision(fact);
                    if decision.outcome == Outcome::Crossed {
                        steps.extend(self.decided(fact, &decision, false));
                    }
                }
                What::Defer { code, until } => {
                    let code = ("code", Arg::from(self.telling.words.code(*code)));
                    let says = match until {
                        Some(until) => {
                            let until = ("until", self.telling.both(*until).into());
                            self.telling.say("ladder-says-defer-until", &[code, until])
                        }
                        None => self.telling.say("ladder-says-defer", &[code]),
                    };
                    let name = self.telling.words.term("ladder-deferred");
                    steps.push(self.given(StepKind::Deferred, name, says, fact.at, fact.time));
                }
                _ => {}
            }
        }
        steps.reverse();
        steps
    }

    fn offer_step(&self, offer: &'a Fact) -> StepView {
        let decision = self.view().decision(offer);
        let (name, count) = match &offer.what {
            What::Offer { windows, .. } => ("ladder-offer", windows.len()),
            _ => ("ladder-ready", 0),
        };
        let name = self.telling.words.term(name);
        let is_open = decision.outcome == Outcome::Open;
        let kind = match decision.outcome {
            Outcome::Open => StepKind::OnTable,
            Outcome::Said(Say::Lapsed) | Outcome::BrokenOff => StepKind::OfferLapsed,
            _ => StepKind::OfferOver,
        };
        let id = if count == 0 { "ladder-says-ready" } else { "ladder-says-offer" };
        let about = [("side", self.side(offer.at.party).word().into()), ("count", count.into())];
        let mut says = self.telling.say(id, &about);
        if !is_open {
            let shown = self.telling.words.shown(decision.outcome, self.view().covered_for(self.me(), &decision));
            let over = ("outcome", shown.said.into());
            says = self.telling.say("ladder-offer-over", &[("offer", says.into()), over]);
        }
        self.given(kind, name, says, offer.at, offer.time)
    }

    /// The rungs of the latest attempt, the highest first; those that no entry gave keep their place.
    fn reached_rungs(&self, request: &'a Fact, attempt: &'a Fact, is_open: bool) -> Vec<StepView> {
        let view = self.view();
        let rungs = view.rungs(attempt);
        let Some(highest) = rungs.iter().map(|r| r.rung).max() else { return Vec::new() };
        let (_, post) = posts(request);
        let owner = self.side(attempt.at.party);
        let step = |rung: Rung| {
            let says = self.telling.words.rung(rung, owner, &post);
            let Some(Reached { by, time, .. }) = rungs.iter().find(|r| r.rung == rung).copied() else {
                let says = self.telling.say("ladder-passed-over", &[("side", owner.word().into())]);
                let blank = self.blank(StepKind::PassedOver, self.telling.words.coded(rung), says);
                return StepView { rung: Some(rung), ..blank };
            };
            let is_renewal = rung == Rung::Sent && attempt.kind() == Kind::Renew;
            let words = self.telling.words;
            let name = if is_renewal { words.term("ladder-renewed") } else { words.coded(rung) };
            let (after, within) = match rung {
                Rung::Sent => (String::new(), String::new()),
                _ => (self.telling.words.lasts(time.since(attempt.time)), self.within(request, rung)),
            };
            let given = self.given(StepKind::Reached, name, says, by, time);
            let late = self.noted_late(attempt, rung);
            StepView { top: is_open && rung == highest, after, within, late, rung: Some(rung), ..given }
        };
        Rung::ALL.into_iter().rev().filter(|rung| *rung <= highest).map(step).collect()
    }

    fn earlier_attempt(&self, attempt: &'a Fact) -> StepView {
        let reached = self.telling.words.coded_in(self.view().reached(attempt).rung);
        let says = self.telling.say("ladder-earlier", &[("rung", reached.into())]);
        let id = if attempt.kind() == Kind::Renew { "ladder-renewed" } else { "ladder-asked" };
        self.given(StepKind::Reached, self.telling.words.term(id), says, attempt.at, attempt.time)
    }

    /// The talk: one step, or the two words of which each says another thing.
    fn talk_steps(&self, request: &'a Fact) -> Vec<StepView> {
        let talk = self.view().talk(request);
        let Some(told) = self.talk(request) else { return Vec::new() };
        let acts = self.talk_acts(&talk);
        if let (TalkState::Crossed, [first, second]) = (talk.state, acts.as_slice()) {
            let kind = StepKind::Crossed { on: request.at, unseen: first.crosses(second) };
            return acts.iter().map(|act| self.word_step(kind, self.word_name(act), act)).collect();
        }
        let name = self.telling.words.coded(talk.state);
        let by_both = acts.len() == 2;
        let kind = match talk.state {
            TalkState::Stated => StepKind::Stated,
            TalkState::Missed if !by_both => StepKind::Missed,
            _ => StepKind::Talk,
        };
        let Some(last) = acts.last() else { return vec![self.blank(kind, name, told.sentence)] };
        let word = |act: &Fact| ("word", Arg::from(self.said_of_talk(act)));
        let says = match talk.state {
            // When it was stands in the words of each.
            TalkState::Stated => {
                self.telling.say("ladder-says-stated", &[("side", self.side(last.at.party).word().into()), word(last)])
            }
            TalkState::Talked => {
                let words = acts.iter().map(|act| self.telling.say("ladder-says-talk", &[word(act)]));
                words.collect::<Vec<_>>().join(" ")
            }
            _ => told.sentence,
        };
        let step = self.word_step(kind, name, last);
        // What both say is nobody's alone.
        let by = if by_both { None } else { step.by };
        // What one side alone states is no highest fact, nor is what the other side is not known to hold.
        let is_alone = by == Some(Side::Ours) && !step.held;
        let top = !matches!(talk.state, TalkState::Stated | TalkState::Planned) && !is_alone;
        vec![StepView { says, top, by, ..step }]
    }

    /// A side's word on the talk.
    fn word_step(&self, kind: StepKind, name: Coded, act: &Fact) -> StepView {
        let says = self.telling.say("ladder-says-talk", &[("word", self.said_of_talk(act).into())]);
        let stated = matches!(act.kind(), Kind::Talk | Kind::Missed);
        StepView { stated, ..self.given(kind, name, says, act.at, act.time) }
    }

    /// What one side's word is called: that they talked is one side's statement until both say so.
    fn word_name(&self, act: &Fact) -> Coded {
        let state = match act.what {
            What::Missed => TalkState::Missed,
            What::Cancel { .. } => TalkState::Cancelled,
            _ => TalkState::Stated,
        };
        self.telling.words.coded(state)
    }
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::{Act, Target};
    use counterpart_core::ids::Party::{self, Inviter, Joiner};

    use super::*;
    use crate::view::trial::Trial;

    fn ladder(trial: &Trial, party: Party, ask: EntryRef) -> Vec<StepView> {
        trial.look(party, |sight| sight.ladder(sight.view().fact(ask).unwrap()))
    }

    fn told(steps: &[StepView]) -> Vec<(StepKind, &str)> {
        steps.iter().map(|step| (step.kind, step.name.said.as_str())).collect()
    }

    #[test]
    fn what_is_awaited_stands_above_now_and_what_is_reached_below() {
        use StepKind::{Awaited, Now, PassedOver, Reached};
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        trial.wait_ms(248_000);
        trial.seen(ask);
        trial.carry();

        let steps = ladder(&trial, Inviter, ask);

        let all = told(&steps);
        assert_eq!(all[1..3], [(Awaited, "REFERRED"), (Now, "")]);
        assert_eq!(all[3..], [(Reached, "SEEN"), (PassedOver, "ALERTING"), (Reached, "DELIVERED"), (Reached, "SENT")]);
        let seen = &steps[3];
        assert_eq!((seen.top, seen.by, seen.held), (true, Some(Side::Theirs), true));
        assert_eq!((seen.after.as_str(), seen.within.as_str()), ("4 min 08 s", "15 min 00 s"));
        assert_eq!(seen.hands.clone().map(|h| h.time), ["13:06:12", "03:06:12"]);
        assert_eq!(steps.iter().filter(|step| step.top).count(), 1);
        let mirrored = ladder(&trial, Joiner, ask);
        assert_eq!(mirrored[3].by, Some(Side::Ours));
        assert_eq!(told(&mirrored), all);
    }

    #[test]
    fn an_outcome_of_ours_is_agreed_only_when_they_hold_it() {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        let offer = trial.offer(Joiner, ask);
        trial.carry();
        assert!(told(&ladder(&trial, Inviter, ask)).contains(&(StepKind::OnTable, "OFFER OF TIMES")));
        let window = trial.look(Inviter, |s| match &s.view().fact(offer).unwrap().what {
            What::Offer { windows, .. } => windows[0].window,
            other => panic!("{other:?}"),
        });
        trial.act(Inviter, Act::Accept { offer, window: Some(window) });

        let unheld = ladder(&trial, Inviter, ask);
        trial.carry();
        let agreed = ladder(&trial, Inviter, ask);

        let first = |steps: &[StepView], kind| steps.iter().find(|s| s.kind == kind).map(|s| s.name.said.clone());
        assert_eq!(first(&unheld, StepKind::Unheld).as_deref(), Some("ACCEPTED HERE"));
        assert_eq!(first(&unheld, StepKind::Decided), None);
        assert_eq!(first(&agreed, StepKind::Decided).as_deref(), Some("AGREED"));
        assert_eq!(first(&agreed, StepKind::Talk).as_deref(), Some("PLANNED"));
        assert_eq!(agreed.iter().filter(|step| step.top).count(), 1);
    }

    #[test]
    fn two_acts_that_crossed_stand_side_by_side() {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        trial.act(Inviter, Act::Withdraw { thing: ask });
        trial.act(Joiner, Act::Answer { on: Target::Latest(ask) });
        trial.carry();

        let steps = ladder(&trial, Inviter, ask);

        let crossed: Vec<_> = steps.iter().filter(|s| matches!(s.kind, StepKind::Crossed { .. })).collect();
        let sides: Vec<_> = crossed.iter().map(|s| (s.by.unwrap(), s.name.said.as_str())).collect();
        assert_eq!(sides.len(), 2);
        assert!(sides.contains(&(Side::Ours, "WITHDRAWN")) && sides.contains(&(Side::Theirs, "ANSWERED")));
    }
}
