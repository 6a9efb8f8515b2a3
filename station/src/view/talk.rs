//! What became of a talk, with both sides' own words: each word is its side's statement, and a talk counts as reached only when both
//! say so.

use counterpart_core::ids::Party;
use counterpart_core::line::facts::Fact;
use counterpart_core::line::talk::{Talk, TalkState, Word};
use counterpart_core::record::codes::EndReason;
use counterpart_core::record::what::What;
use serde::{Deserialize, Serialize};

use super::{ByWord, Named, Side, Sight};
use crate::words::Arg;

/// A talk, with both sides' own words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TalkView {
    /// Only TALKED counts as reached.
    pub state: ByWord<TalkState>,
    /// Our word.
    pub ours: ByWord<Word>,
    /// Their word.
    pub theirs: ByWord<Word>,
    /// The entries that say them.
    pub acts: Vec<Named>,
    /// The state as a sentence.
    pub sentence: String,
}

impl<'a> Sight<'a> {
    /// The talk of a request, if there is one. What the other side is not known to hold is agreed with nobody: of that there is none yet.
    pub fn talk(&self, request: &Fact) -> Option<TalkView> {
        let view = self.view();
        let talk = view.talk(request);
        match talk.state {
            TalkState::None => return None,
            TalkState::Planned if !view.covered_for(self.me(), &view.decision(request)) => return None,
            _ => {}
        }
        let [inviter, joiner] = talk.words;
        let (ours, theirs) = if self.me() == Party::Inviter { (inviter, joiner) } else { (joiner, inviter) };
        Some(TalkView {
            state: ByWord(talk.state),
            ours: ByWord(ours),
            theirs: ByWord(theirs),
            acts: talk.acts.iter().map(|at| self.named(*at)).collect(),
            sentence: self.telling.words.talk(talk.state, whose(ours, theirs)),
        })
    }

    /// What became of a talk as a headline begins with it: of one that is cancelled also when.
    pub(super) fn talk_leads(&self, request: &Fact, talk: &TalkView) -> String {
        if talk.state.0 != TalkState::Cancelled {
            return talk.sentence.clone();
        }
        let by = whose(talk.ours.0, talk.theirs.0);
        let acts = self.talk_acts(&self.view().talk(request));
        let last = acts.iter().rev().find(|act| by.is_none_or(|by| self.side(act.at.party) == by));
        let time = last.map_or_else(String::new, |act| self.telling.here(act.time));
        self.say("headline-cancelled", &[("side", by.map_or("both", Side::word).into()), ("time", time.into())])
    }

    /// The last act of each side that says its word on a talk, the older first.
    pub fn talk_acts(&self, talk: &Talk) -> Vec<&'a Fact> {
        let view = self.view();
        let of = |party: Party| {
            let acts = talk.acts.iter().filter(|at| at.party == party).filter_map(|at| view.fact(*at));
            acts.max_by_key(|fact| fact.at.index)
        };
        let mut acts: Vec<&Fact> = Party::BOTH.into_iter().filter_map(of).collect();
        acts.sort_by_key(|act| (act.time, act.at));
        acts
    }

    /// What an act says of a talk, as its side's own words: of one that was held when and by which means.
    pub fn said_of_talk(&self, act: &Fact) -> String {
        let side = ("side", Arg::from(self.side(act.at.party).word()));
        match &act.what {
            What::Talk { when, instrument, .. } => {
                let window = ("window", Arg::from(self.telling.window(*when)));
                let instrument = self.say("instrument-said", &[("instrument", instrument.word().into())]);
                self.say("talk-says-talked", &[side, window, ("instrument", instrument.into())])
            }
            What::Ended { by, reason } => self.say(
                "talk-says-ended",
                &[side, ("ended", self.say("talk-ended", &[("how", end(self.side(*by), *reason).into())]).into())],
            ),
            What::Missed => self.say("talk-says-missed", &[side]),
            What::Cancel { code } => {
                self.say("talk-says-cancelled", &[side, ("code", self.telling.words.code(*code).into())])
            }
            What::Joined { part } => {
                let part = self.say("talk-part", &[("part", part.word().into())]);
                self.say("talk-says-joined", &[side, ("part", part.into())])
            }
            _ => String::new(),
        }
    }
}

/// Which side ended a talk over the line, and why, as its sentences have it.
fn end(by: Side, reason: EndReason) -> &'static str {
    match (reason, by) {
        (EndReason::Done, Side::Ours) => "done-ours",
        (EndReason::Done, Side::Theirs) => "done-theirs",
        (EndReason::Lost, Side::Ours) => "lost-ours",
        (EndReason::Lost, Side::Theirs) => "lost-theirs",
        (EndReason::BrokenOff, _) => "broken",
    }
}

/// Which side alone has said what became of a talk, or, if neither has, that it joined; `None` if both have, or neither.
fn whose(ours: Word, theirs: Word) -> Option<Side> {
    let last = |word| matches!(word, Word::Cancelled | Word::Missed | Word::Talked);
    let said = |word| if last(ours) || last(theirs) { last(word) } else { word == Word::Joined };
    match (said(ours), said(theirs)) {
        (true, false) => Some(Side::Ours),
        (false, true) => Some(Side::Theirs),
        _ => None,
    }
}
