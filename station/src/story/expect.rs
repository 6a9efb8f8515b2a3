//! What a story expects, and what stands: words of status, computed from a side's own store.

use counterpart_core::ids::EntryRef;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::ladder::{Headline, Rung};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;

use super::fault::{Place, StoryFault};
use super::script::{Line, one_of};
use super::tokens::Is;
use crate::view::Sight;

/// Every word that can be expected: outcomes, rungs, what became of a talk, and what else stands over a thing.
const STATUSES: [&str; 23] = [
    "OPEN",
    "ANSWERED",
    "AGREED",
    "DECLINED",
    "WITHDRAWN",
    "LAPSED",
    "CROSSED",
    "SENT",
    "DELIVERED",
    "ALERTING",
    "SEEN",
    "REFERRED",
    "PLANNED",
    "JOINED",
    "CANCELLED",
    "MISSED",
    "STATED",
    "TALKED",
    "OVERDUE",
    "SUSPENDED",
    "READ",
    "RETRACTED",
    "REPLIED",
];

/// What is expected after a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// The act is not done, with this code.
    NotDone(String),
    /// These words stand over what is called so, in the store of one side or of both.
    Stands { name: String, words: Vec<&'static str>, side: Option<usize> },
}

/// Reads the rest of an `expect`: `not-done CODE`, or `"NAME" WORD … [at SIDE]`.
pub(super) fn expected(
    line: &mut Line<'_>,
    side_called: impl Fn(Place, &str) -> Result<usize, StoryFault>,
) -> Result<Expected, StoryFault> {
    if let Some(Is::Word(word)) = line.tokens.first().map(|token| &token.is)
        && word == "not-done"
    {
        line.next();
        let code = line.word("story-want-code")?.1.to_owned();
        line.ends()?;
        return Ok(Expected::NotDone(code));
    }
    let name = line.quoted("story-want-expected")?.1.to_owned();
    let (mut words, mut side) = (Vec::new(), None);
    while !line.tokens.is_empty() || words.is_empty() {
        let (place, said) = line.word("story-want-status")?;
        if said == "at" && !words.is_empty() {
            let (place, said) = line.word("story-want-side-of-story")?;
            side = Some(side_called(place, said)?);
            line.ends()?;
            break;
        }
        let known = STATUSES.iter().find(|status| **status == said);
        words.push(*known.ok_or_else(|| one_of(place, "story-want-status", STATUSES.join(", "), said))?);
    }
    Ok(Expected::Stands { name, words, side })
}

/// The words that stand over an ask, an offer, a ready, a text or a check.
pub(super) fn standing(sight: &Sight<'_>, at: EntryRef) -> Vec<&'static str> {
    let view = sight.view();
    let Some(fact) = view.fact(at) else { return Vec::new() };
    // A renewal stands for its request.
    let fact = view.request_of(at).unwrap_or(fact);
    let on = |kind: Kind| view.on(fact.at).any(|f| f.kind() == kind);
    let delivered = || if view.receipt(fact.at).is_some() { Rung::Delivered.word() } else { Rung::Sent.word() };
    let mut words = Vec::new();
    match fact.kind() {
        Kind::Ask | Kind::Offer | Kind::Ready => {
            words.push(view.decision(fact).outcome.word());
            if let Headline::Open { reached, .. } = view.headline(fact) {
                words.push(reached.rung.word());
            }
            let talk = view.talk(fact).state.word();
            words.extend(Some(talk).filter(|word| !word.is_empty() && fact.kind() == Kind::Ask));
            let open = view.decision(fact).outcome == Outcome::Open;
            let latest = view.attempts(fact).pop().map(|attempt| attempt.at);
            let late = |f: &&_| is_overdue(f) && f.refers == latest;
            words.extend(view.thread(fact.at).find(late).filter(|_| open).map(|_| "OVERDUE"));
            words.extend(view.suspended(fact).filter(|_| open).map(|_| "SUSPENDED"));
        }
        Kind::Text => {
            words.push(delivered());
            words.extend(on(Kind::Read).then_some("READ"));
            words.extend(on(Kind::Retract).then_some("RETRACTED"));
        }
        Kind::Check => {
            words.push(delivered());
            words.extend(on(Kind::CheckReply).then_some("REPLIED"));
        }
        _ => {}
    }
    words
}

fn is_overdue(fact: &counterpart_core::line::facts::Fact) -> bool {
    matches!(fact.what, What::Overdue { .. })
}
