//! What a person at the inviter's station does.

use alloc::boxed::Box;

use super::{Candidate, Inviter, Next, Phase};
use crate::pairing::first;
use crate::pairing::frames::{Frame, Why};
use crate::pairing::invitation::Secret;
use crate::pairing::{End, Means, Refusal, Step};
use crate::record::charter::Charter;
use crate::record::merkle::Hash;

impl Inviter {
    /// A person has compared all digits with the joiner over another channel, and they agree.
    ///
    /// # Errors
    /// [`Refusal`]: `OtherDigits`, `OtherKey`, `Ended`.
    pub fn confirm(&self, fingerprint: &Hash, means: &Means<'_>) -> Result<Next, Refusal> {
        let same = |charter: &Charter| charter.fingerprint() == *fingerprint;
        match &self.phase {
            Phase::Inviting { secret, candidates } => {
                let confirmed = |c: &&Candidate| {
                    let charter = self.draft.complete(c.terms.clone());
                    charter.is_ok_and(|charter| same(&charter))
                };
                let chosen = candidates.iter().find(confirmed);
                let chosen = chosen.ok_or(Refusal::OtherDigits)?;
                let step = self.choose(secret, chosen, means)?;
                let others = candidates.iter().filter(|c| c.key() != chosen.key());
                Ok(others.fold(step, |step, other| step.sending(other.key(), Frame::Refused(Why::Taken))))
            }
            Phase::Confirmed { .. } | Phase::Countersigned { .. } => {
                let repeated = self.charters().iter().any(same);
                repeated.then(Step::none).ok_or(Refusal::OtherDigits)
            }
            Phase::Open { fingerprint: f, .. } if f == fingerprint => Ok(Step::none()),
            Phase::Open { .. } => Err(Refusal::OtherDigits),
            Phase::Ended { end, .. } => Err(Refusal::Ended(*end)),
        }
    }

    fn choose(&self, secret: &Secret, chosen: &Candidate, means: &Means<'_>) -> Result<Next, Refusal> {
        if !first::is_ours(self.draft.inviter(), means) {
            return Err(Refusal::OtherKey);
        }
        let signature = chosen.signature.as_ref();
        if let Some(theirs) = signature {
            let charter = self.draft.complete(chosen.terms.clone());
            let charter = charter.map_err(|_| Refusal::OtherDigits)?;
            return self.countersign(charter, *theirs, means);
        }
        Ok(Step::commit(self.to(Phase::Confirmed { secret: secret.clone(), terms: Box::new(chosen.terms.clone()) })))
    }

    /// A person refuses a candidate: its digits differ, or nobody knows it. The invitation stands, and the same key may
    /// come again.
    ///
    /// # Errors
    /// [`Refusal`]: `NoSuchCandidate`, `Confirmed`, `Written`, `Ended`.
    pub fn refuse(&self, key: &Hash) -> Result<Next, Refusal> {
        match &self.phase {
            Phase::Inviting { secret, candidates } if self.knows(key) => {
                Ok(self.without(secret, candidates, key).sending(*key, Frame::Refused(Why::ByPerson)))
            }
            Phase::Inviting { .. } => Err(Refusal::NoSuchCandidate),
            Phase::Confirmed { .. } if self.knows(key) => Err(Refusal::Confirmed),
            Phase::Confirmed { .. } => Err(Refusal::NoSuchCandidate),
            Phase::Countersigned { .. } | Phase::Open { .. } => Err(Refusal::Written),
            Phase::Ended { end, .. } => Err(Refusal::Ended(*end)),
        }
    }

    /// A person ends the pairing, and with it the invitation. Repeats harmlessly.
    ///
    /// # Errors
    /// [`Refusal::Written`] once our index 0 is written.
    pub fn abandon(&self) -> Result<Next, Refusal> {
        let step = match &self.phase {
            Phase::Inviting { .. } | Phase::Confirmed { .. } => Step::commit(self.end(End::Ours)),
            Phase::Countersigned { .. } | Phase::Open { .. } => return Err(Refusal::Written),
            Phase::Ended { .. } => Step::none(),
        };
        let gone = |step: Next, key: Hash| step.sending(key, self.abandoned());
        Ok(self.keys().into_iter().fold(step, gone))
    }
}
