//! What became of a conversation (`docs/protocol.md` §6.7). A talk is named by its agreeing act, so that concerted requests
//! decided by one act have one talk.

use alloc::vec::Vec;

use super::facts::{Fact, View};
use super::switch::Rule;
use crate::ids::{EntryRef, Party};
use crate::limits;
use crate::record::kind::Kind;

/// A side's own last word on a talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// Nothing yet.
    None,
    /// A person of that side was in it.
    Joined,
    /// The other side did not come.
    Missed,
    /// It will not be.
    Cancelled,
    /// "We talked": after that a side says no more.
    Talked,
}

/// The state of a talk; only [`TalkState::Talked`] counts as reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TalkState {
    /// There is none.
    None,
    /// Agreed, and nobody has said more.
    Planned,
    /// A side joined.
    Joined,
    /// As a side states, or both.
    Cancelled,
    /// As a side states, or both.
    Missed,
    /// One side alone says that they talked.
    Stated,
    /// Both say that they talked. Final.
    Talked,
    /// The sides say different things.
    Crossed,
}

impl TalkState {
    /// The word of DESIGN.md §3; empty if there is no talk.
    pub fn word(self) -> &'static str {
        match self {
            TalkState::None => "",
            TalkState::Planned => "PLANNED",
            TalkState::Joined => "JOINED",
            TalkState::Cancelled => "CANCELLED",
            TalkState::Missed => "MISSED",
            TalkState::Stated => "STATED",
            TalkState::Talked => "TALKED",
            TalkState::Crossed => "CROSSED",
        }
    }
}

/// A talk, with both sides' words and the acts that say them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Talk {
    /// What became of it.
    pub state: TalkState,
    /// Each side's word, the inviter's first.
    pub words: [Word; 2],
    /// The acts that the words rest on.
    pub acts: Vec<EntryRef>,
}

impl View<'_> {
    /// The last word of `side` on the talk of a request, and the acts that say it.
    pub fn word(&self, side: Party, request: &Fact) -> (Word, Vec<EntryRef>) {
        let partner = self.partner(request.at).map(|p| p.at);
        let requests = [Some(request.at), partner].into_iter().flatten();
        let elsewhere = |at| self.on(at).filter(|f| f.kind() == Kind::Talk && f.at.party == side).map(|f| f.at);
        let elsewhere: Vec<EntryRef> = requests.flat_map(elsewhere).collect();
        if !elsewhere.is_empty() {
            return (Word::Talked, elsewhere);
        }
        let decision = self.decision(request);
        if !decision.outcome.agreed() {
            return (Word::None, Vec::new());
        }
        let acts = decision.deciding.iter().flat_map(|at| self.on(*at)).filter(|f| f.at.party == side);
        let said = acts.filter_map(|f| word_of(f.kind()).map(|word| (f.at, word))).max_by_key(|(at, _)| at.index);
        said.map_or((Word::None, Vec::new()), |(at, word)| (word, alloc::vec![at]))
    }

    /// The talk of a request.
    pub fn talk(&self, request: &Fact) -> Talk {
        let (inviter, mut acts) = self.word(Party::Inviter, request);
        let (joiner, more) = self.word(Party::Joiner, request);
        acts.extend(more);
        let agreed = self.decision(request).outcome.agreed();
        let state = match (last(inviter), last(joiner)) {
            (Some(a), Some(b)) if a != b => TalkState::Crossed,
            (Some(Word::Talked), Some(_)) => TalkState::Talked,
            (Some(word), None) | (None, Some(word)) | (Some(word), Some(_)) => alone(word),
            (None, None) if !agreed => TalkState::None,
            (None, None) if self.facts.off(Rule::Talk) && [inviter, joiner] == [Word::Joined; 2] => TalkState::Talked,
            (None, None) if [inviter, joiner].contains(&Word::Joined) => TalkState::Joined,
            (None, None) => TalkState::Planned,
        };
        Talk { state, words: [inviter, joiner], acts }
    }

    /// Talks that a side joined, and of which it has said no more, each by its agreeing act: those of its last entries
    /// ([`limits::UNENDED_ENTRIES_MAX`]), the latest first.
    pub fn unended(&self, side: Party) -> impl Iterator<Item = EntryRef> {
        let size = self.cut().size(side);
        let last = (size.saturating_sub(limits::UNENDED_ENTRIES_MAX)..size).rev();
        let joined = last.filter_map(move |index| self.fact_of(EntryRef { party: side, index }, &[Kind::Joined]));
        let is_last_word = move |joined: &&Fact| {
            let request = self.fact_of(joined.thing, &[Kind::Ask]);
            request.is_some_and(|request| self.word(side, request) == (Word::Joined, alloc::vec![joined.at]))
        };
        joined.filter(is_last_word).filter_map(|joined| joined.refers)
    }
}

fn word_of(kind: Kind) -> Option<Word> {
    match kind {
        Kind::Joined => Some(Word::Joined),
        Kind::Missed => Some(Word::Missed),
        Kind::Cancel => Some(Word::Cancelled),
        Kind::Ended => Some(Word::Talked),
        _ => None,
    }
}

/// A word that says what became of the talk.
fn last(word: Word) -> Option<Word> {
    matches!(word, Word::Cancelled | Word::Missed | Word::Talked).then_some(word)
}

fn alone(word: Word) -> TalkState {
    match word {
        Word::Cancelled => TalkState::Cancelled,
        Word::Missed => TalkState::Missed,
        _ => TalkState::Stated,
    }
}
