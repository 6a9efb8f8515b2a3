//! What a call shows of its talk becomes an entry (`docs/protocol.md` §7.5): a follower that asks the record again until it has
//! answered. The voice thread waits for neither; a record that cannot commit for a minute costs a call nothing.

use std::time::Duration;

use counterpart_core::fault::{Bar, Refusal};
use counterpart_core::ids::Party;
use counterpart_core::line::turn::Input;
use counterpart_core::record::codes::{EndReason, Part};
use tokio::sync::mpsc;

use super::TalkId;
use crate::record::{ActFault, Keeper, Kept};
use crate::store::Actor;

/// From one try to the next.
const AGAIN: Duration = Duration::from_secs(1);

/// What the record is to say of a talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// The first of our people was heard on both sides, in this part.
    Joined(Part),
    /// It is over: which side ended it, and why.
    Ended(Party, EndReason),
}

/// Something that the record is to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    /// Of which talk.
    pub talk: TalkId,
    /// What.
    pub said: Said,
    /// Who here did it, if somebody did.
    pub user: Option<String>,
}

/// The talks that this station joined and of which its record says no more: whoever was in their calls when it ended is in none now. Each
/// with the side that we are.
pub async fn left(keeper: &Keeper) -> Vec<(TalkId, Party)> {
    let found = keeper.look(|lines| {
        let of_line = |kept: &Kept| {
            let (line, me) = (kept.line.id(), kept.line.me());
            let talk = |act| (TalkId { line, epoch: kept.line.epoch(), act }, me);
            kept.line.facts().all().unended(me).map(talk).collect::<Vec<_>>()
        };
        lines.iter().flat_map(of_line).collect()
    });
    // A record that stops asks for nothing.
    found.await.unwrap_or_default()
}

/// Writes what comes, in order, until no more comes.
pub async fn write(keeper: Keeper, mut facts: mpsc::UnboundedReceiver<Fact>) {
    let mut waiting: Vec<Fact> = Vec::new();
    loop {
        let come = if waiting.is_empty() {
            facts.recv().await
        } else {
            match tokio::time::timeout(AGAIN, facts.recv()).await {
                Ok(come) => come,
                Err(_) => {
                    waiting = retry(&keeper, waiting).await;
                    continue;
                }
            }
        };
        let Some(fact) = come else { return };
        waiting.push(fact);
        waiting = retry(&keeper, waiting).await;
    }
}

/// What is still to be written of these. What follows on a talk waits for what came before it.
async fn retry(keeper: &Keeper, facts: Vec<Fact>) -> Vec<Fact> {
    let mut left: Vec<Fact> = Vec::new();
    for fact in facts {
        let waits = left.iter().any(|before| before.talk == fact.talk);
        if waits || !is_done(keeper, &fact).await {
            left.push(fact);
        }
    }
    left
}

/// Whether nothing more is to be done about it: it is written, or it never can be.
async fn is_done(keeper: &Keeper, fact: &Fact) -> bool {
    let TalkId { line, epoch, act } = fact.talk;
    let input = match fact.said {
        Said::Joined(part) => Input::Joined(epoch, act, part),
        Said::Ended(by, reason) => Input::Ended(epoch, act, by, reason),
    };
    let actor = fact.user.clone().map(|user| Actor { user, token: None, command: None });
    match keeper.followed(line, epoch, input, actor).await {
        Ok(_) => true,
        Err(ActFault::Refused(refusal)) if may_pass(&refusal) => false,
        Err(ActFault::Refused(refusal)) => {
            // After a fault of the machine it may be there already.
            tracing::warn!(%line, ?refusal, "the record takes nothing more of what a call has shown");
            true
        }
        // What was written before is what this says: the machine, or a stop, tell nothing of it.
        Err(ActFault::TokenOfAnother(_)) => true,
        Err(ActFault::Machine(_) | ActFault::Stopping) => false,
    }
}

/// Whether what bars it now may pass by itself.
fn may_pass(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Barred(Bar::Unsettled) | Refusal::LineNotOpen | Refusal::AwaitsPeer | Refusal::AwaitsJudgement
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_settled_yet_is_tried_again_and_what_was_said_already_is_not() {
        let at = counterpart_core::ids::EntryRef { party: Party::Inviter, index: 3 };

        assert!(may_pass(&Refusal::Barred(Bar::Unsettled)));
        assert!(!may_pass(&Refusal::Barred(Bar::WordSaid(at))) && !may_pass(&Refusal::EpochEnded));
    }
}
