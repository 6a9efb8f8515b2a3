//! What needs this desk, and what was said last on a line: what every page shows first.

use std::cmp::Reverse;

use counterpart_core::ids::EntryRef;
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::Rung;
use counterpart_core::line::talk::TalkState;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::kind::Kind;
use counterpart_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::owed::OwedView;
use super::request::posts;
use super::{ByWord, Moment, Named, Said, Side, Sight};

/// For a day after its window a talk of which not both have said what became of it is still listed.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Something that is open, or that waits for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MatterView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The call sign of the other side.
    pub peer: String,
    /// The request, text or check.
    pub thing: Named,
    /// Its type: ask, text, notice or check.
    pub kind: String,
    /// Who opened it.
    pub owner: Side,
    /// The post that opened it, and its counterpart; empty of a check.
    pub posts: [String; 2],
    /// How urgent.
    pub precedence: ByWord<Precedence>,
    /// What for.
    pub mark: ByWord<Mark>,
    /// How far the latest attempt of a request came; absent once closed.
    pub reached: Option<ByWord<Rung>>,
    /// The highest fact, as a sentence; of a text or a check what is owed.
    pub headline: String,
    /// The words that open it.
    pub said: Option<Said>,
    /// What this side owes on it, the nearest first. Empty: it stands with the other side.
    pub owed: Vec<OwedView>,
}

impl MatterView {
    /// Whether it waits for this desk.
    pub fn needs_us(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Until when the first duty runs.
    pub fn by(&self) -> Option<Moment> {
        self.owed.iter().filter_map(|owed| owed.by).min()
    }

    /// OPERATION before EXERCISE, then precedence, then deadline (what has none comes last), then name.
    pub fn order(&self) -> impl Ord + use<> {
        let by = self.by();
        (self.mark, Reverse(self.precedence), by.is_none(), by, self.line.clone(), self.thing.at.clone())
    }
}

/// What was written last on a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LastView {
    /// The entry.
    pub entry: Named,
    /// Its type.
    pub kind: String,
    /// Whose.
    pub side: Side,
    /// When, by its author's clock.
    pub time: Moment,
    /// The mark of what it belongs to.
    pub mark: ByWord<Mark>,
}

impl<'a> Sight<'a> {
    /// Everything open on this line: requests, and the texts and check that wait for a person here. In no order.
    pub fn matters(&self) -> Vec<MatterView> {
        let view = self.view();
        let live: Vec<&Fact> = view.live().collect();
        let coming = self.coming().into_iter().filter(|coming| live.iter().all(|ask| ask.at != coming.at));
        let asks = live.iter().copied().chain(coming);
        let mut matters: Vec<MatterView> = asks.filter_map(|ask| self.request_matter(ask)).collect();
        for owed in self.owed_beside_requests() {
            let at = self.at(&owed.thing.at).and_then(|at| view.fact(at));
            matters.extend(at.map(|fact| {
                let headline = owed.sentence.clone();
                self.matter(fact, None, headline, vec![owed])
            }));
        }
        matters
    }

    /// Texts of theirs that nobody here has read and that they have not taken back, oldest first.
    pub fn unread(&self) -> Vec<&'a Fact> {
        let mut unread: Vec<&Fact> = self.view().unread_of_any(self.party(Side::Theirs)).collect();
        unread.sort_by_key(|text| text.at);
        unread
    }

    /// Those of them that wait without ringing: ROUTINE never rings. They are no matters, so that they come before nothing that does.
    pub fn quiet(&self) -> Vec<&'a Fact> {
        let rings = super::ring::waiting(self);
        self.unread().into_iter().filter(|text| rings.iter().all(|ring| ring.at != text.at)).collect()
    }

    /// Requests whose talk is agreed for both and still to come, or was to be in the last day and not both sides have said what became of
    /// it; the next first.
    pub fn coming(&self) -> Vec<&'a Fact> {
        let view = self.view();
        let since = Timestamp(self.telling.clocks.now.0.saturating_sub(DAY_MS));
        let waits = |request: &Fact| {
            let state = view.talk(request).state;
            let said = !matches!(state, TalkState::Planned | TalkState::Joined | TalkState::Stated);
            !said && view.settled_for(self.me(), &view.decision(request))
        };
        let agreed = view.agreed().filter(|(request, window)| window.end() > since && waits(request));
        let mut coming: Vec<(Timestamp, &Fact)> = agreed.map(|(request, window)| (window.start(), request)).collect();
        coming.sort_by_key(|(start, request)| (*start, request.at));
        coming.into_iter().map(|(_, request)| request).collect()
    }

    /// An open request; of a closed one only what is still owed by us, or what they do not hold yet.
    fn request_matter(&self, ask: &'a Fact) -> Option<MatterView> {
        let line = self.request_line(ask);
        let owed: Vec<OwedView> = line.next.into_iter().filter(|o| o.who != Some(Side::Theirs)).collect();
        let open = line.reached.is_some();
        let settled = self.view().settled_for(self.me(), &self.view().decision(ask));
        (open || !settled || !owed.is_empty()).then(|| self.matter(ask, line.reached, line.headline, owed))
    }

    fn matter(&self, thing: &Fact, reached: Option<ByWord<Rung>>, headline: String, owed: Vec<OwedView>) -> MatterView {
        let (from, to) = posts(thing);
        MatterView {
            line: self.line.id().to_string(),
            peer: self.call_sign(Side::Theirs),
            thing: self.named(thing.at),
            kind: thing.kind().word().into(),
            owner: self.side(thing.at.party),
            posts: [from, to],
            precedence: ByWord(self.view().precedence(thing)),
            mark: ByWord(thing.mark.unwrap_or(Mark::Operation)),
            reached,
            headline,
            said: self.said(thing.at),
            owed,
        }
    }

    /// What was written last, by the authors' clocks, receipts aside.
    pub fn last(&self) -> Option<LastView> {
        let view = self.view();
        let latest = |side: Side| {
            let party = self.party(side);
            let back = (0..self.line.log(party).size()).rev();
            let facts = back.filter_map(|index| view.fact(EntryRef { party, index }));
            facts.into_iter().find(|f| f.kind() != Kind::Received)
        };
        let both = [Side::Ours, Side::Theirs].into_iter().filter_map(latest);
        both.max_by_key(|f| (f.time, f.at)).map(|f| LastView {
            entry: self.named(f.at),
            kind: f.kind().word().into(),
            side: self.side(f.at.party),
            time: Moment(f.time),
            mark: ByWord(view.fact(f.thing).and_then(|thing| thing.mark).unwrap_or(Mark::Operation)),
        })
    }

    fn at(&self, place: &str) -> Option<EntryRef> {
        super::names::parse(self.line, place).ok()
    }
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::{Act, Target};
    use counterpart_core::ids::Party::{Inviter, Joiner};

    use super::*;
    use crate::view::trial::Trial;

    #[test]
    fn an_ask_needs_the_side_that_is_asked_until_it_is_answered() {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        let needs = |trial: &Trial, party| trial.look(party, |s| s.matters().iter().filter(|m| m.needs_us()).count());
        assert_eq!((needs(&trial, Inviter), needs(&trial, Joiner)), (0, 1));
        let (by, said) = trial.look(Joiner, |s| (s.matters()[0].by(), s.matters()[0].said.clone()));
        assert_eq!(
            (by, said.unwrap().text.as_str()),
            (Some(Moment(crate::view::trial::START.plus(900_000))), "the tanker adrift")
        );

        trial.act(Joiner, Act::Decline { on: Target::Latest(ask), code: counterpart_core::record::codes::Code::Level });
        assert_eq!(trial.look(Joiner, |s| s.matters().len()), 1, "they do not hold the decline yet");
        trial.carry();
        assert_eq!(trial.look(Joiner, |s| s.matters().len()), 0);
        let last = trial.look(Inviter, |s| s.last()).unwrap();
        assert_eq!((last.kind.as_str(), last.side), ("decline", Side::Theirs));
    }

    #[test]
    fn an_agreed_talk_is_listed_after_everybody_took_note_of_it_until_a_day_after_its_window() {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        let window = trial.window(20);
        let offer = trial.offer(Joiner, ask);
        trial.carry();
        let accept = trial.act(Inviter, Act::Accept { offer, window: Some(window) });
        trial.carry();
        let coming = |trial: &Trial, party| trial.look(party, |s| (s.coming().len(), s.matters().len()));

        assert!(trial.lines[1].note(accept), "it was told to them");
        trial.carry();
        assert!(!trial.lines[1].facts().all().live().any(|fact| fact.at == ask), "nothing of it rings any more");
        assert_eq!((coming(&trial, Inviter), coming(&trial, Joiner)), ((1, 1), (1, 1)));
        trial.wait_ms(DAY_MS);
        assert_eq!(coming(&trial, Joiner), (1, 1), "nobody has said what became of it");
        trial.wait_ms(DAY_MS);
        assert_eq!(coming(&trial, Joiner), (0, 0));
    }

    #[test]
    fn a_text_that_does_not_ring_is_counted_until_it_is_read_or_taken_back_and_is_no_matter() {
        let mut trial = Trial::new();
        let counts = |trial: &Trial| trial.look(Joiner, |s| (s.quiet().len(), s.unread().len(), s.matters().len()));
        let write = |trial: &mut Trial, precedence| {
            trial.precedence = precedence;
            let text = trial.text(Inviter);
            trial.carry();
            text
        };
        let [first, second] = [Precedence::Routine; 2].map(|precedence| write(&mut trial, precedence));
        let urgent = write(&mut trial, Precedence::Priority);
        assert_eq!(counts(&trial), (2, 3, 1), "the urgent one rings");

        trial.act(Joiner, Act::Read { text: first });
        trial.act(Inviter, Act::Retract { text: second });
        trial.carry();

        assert_eq!(counts(&trial), (0, 1, 1));
        trial.act(Joiner, Act::Read { text: urgent });
        trial.carry();
        assert_eq!(counts(&trial), (0, 0, 0));
        assert_eq!(trial.look(Inviter, |s| s.unread().len()), 0, "what they wrote waits for them");
    }

    #[test]
    fn matters_come_in_the_order_in_which_they_press() {
        let mut trial = Trial::new();
        trial.mark = Mark::Exercise;
        trial.precedence = Precedence::Flash;
        trial.ask(Inviter);
        trial.mark = Mark::Operation;
        trial.precedence = Precedence::Priority;
        trial.ask(Inviter);
        trial.precedence = Precedence::Immediate;
        trial.ask(Inviter);
        trial.carry();

        let mut matters = trial.look(Joiner, |s| s.matters());
        matters.sort_by_key(MatterView::order);

        let order: Vec<&str> = matters.iter().map(|m| m.thing.name.as_str()).collect();
        assert_eq!(order, ["Northland 3", "Northland 2", "Northland 1"]);
    }
}
