//! The side that invites (`docs/protocol.md` §5.1). Its station listens; several candidates may come with one invitation,
//! and a person picks the one whose digits agree.

use alloc::{boxed::Box, vec::Vec};

use super::draft::Draft;
use super::first::{self, Agreed};
use super::frames::{Frame, Why};
use super::invitation::{Invitation, Secret};
use super::{Commit, End, Exporter, Means, Refusal, Show, Standing, Step};
use crate::fault::Misconduct;
use crate::ids::{LineId, Party};
use crate::limits;
use crate::record::charter::{Charter, PartyTerms};
use crate::record::log::Entry;
use crate::record::merkle::Hash;
use crate::record::sign1::Signature;

mod person;
mod state;

/// The inviter's half of a pairing, as it is stored.
#[derive(Clone, Debug)]
pub struct Inviter {
    draft: Draft,
    phase: Phase,
}

#[derive(Clone, Debug)]
enum Phase {
    /// The invitation is out. No two candidates have one link key.
    Inviting { secret: Secret, candidates: Vec<Candidate> },
    /// A person here has confirmed this joiner, whose signature is awaited.
    Confirmed { secret: Secret, terms: Box<PartyTerms> },
    /// Our index 0 is written. The joiner is known by its key, and the secret is burned.
    Countersigned { agreed: Box<Agreed>, entry: Box<Entry> },
    /// The joiner's index 0 is stored as well.
    Open { joiner: Hash, fingerprint: Hash },
    /// There will be no line. These keys are told so.
    Ended { end: End, keys: Vec<Hash> },
}

/// Who came with the secret, by the link key in its terms.
#[derive(Clone, Debug)]
struct Candidate {
    terms: PartyTerms,
    /// Verified; here before our own person has confirmed.
    signature: Option<Signature>,
}

impl Candidate {
    fn key(&self) -> Hash {
        self.terms.keys.link
    }
}

/// A hello taken apart.
struct Hello<'a> {
    from: &'a Hash,
    exporter: &'a Exporter,
    line: LineId,
    proof: &'a Hash,
    terms: &'a PartyTerms,
}

type Next = Step<Inviter>;

impl Inviter {
    /// Begins a pairing. The station commits this state before the invitation's text leaves it.
    pub fn new(invitation: Invitation) -> Inviter {
        let (draft, _, secret) = invitation.into_parts();
        let phase = Phase::Inviting { secret, candidates: Vec::new() };
        Inviter { draft, phase }
    }

    /// The line that is being paired.
    pub fn line(&self) -> LineId {
        self.draft.line()
    }

    /// What the invitation proposes: the charter but for the joiner's half.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// How far it has come.
    pub fn standing(&self) -> Standing {
        match &self.phase {
            Phase::Inviting { candidates, .. } if candidates.is_empty() => Standing::Waiting,
            Phase::Inviting { .. } => Standing::Comparing,
            Phase::Confirmed { .. } => Standing::Confirmed,
            Phase::Countersigned { .. } => Standing::Countersigned,
            Phase::Open { .. } => Standing::Open,
            Phase::Ended { end, .. } => Standing::Ended(*end),
        }
    }

    /// The final charters that a person has to choose from, or the one confirmed; none once the line is open or ended.
    pub fn charters(&self) -> Vec<Charter> {
        let complete = |terms: &PartyTerms| self.draft.complete(terms.clone()).ok();
        match &self.phase {
            Phase::Inviting { candidates, .. } => candidates.iter().filter_map(|c| complete(&c.terms)).collect(),
            Phase::Confirmed { terms, .. } => complete(terms).into_iter().collect(),
            Phase::Countersigned { agreed, .. } => alloc::vec![agreed.charter.clone()],
            Phase::Open { .. } | Phase::Ended { .. } => Vec::new(),
        }
    }

    /// Whether this link key takes part, so that the station can tell which pairing a connection belongs to before, or
    /// without, a hello that names the line.
    pub fn knows(&self, key: &Hash) -> bool {
        self.keys().contains(key)
    }

    /// Whether this candidate's signature is here: a person there has confirmed.
    pub fn has_signed(&self, key: &Hash) -> bool {
        match &self.phase {
            Phase::Inviting { candidates, .. } => candidates.iter().any(|c| c.key() == *key && c.signature.is_some()),
            Phase::Confirmed { .. } | Phase::Ended { .. } => false,
            Phase::Countersigned { .. } | Phase::Open { .. } => self.knows(key),
        }
    }

    fn keys(&self) -> Vec<Hash> {
        match &self.phase {
            Phase::Inviting { candidates, .. } => candidates.iter().map(Candidate::key).collect(),
            Phase::Confirmed { terms, .. } => alloc::vec![terms.keys.link],
            Phase::Countersigned { agreed, .. } => alloc::vec![joiner(agreed)],
            Phase::Open { joiner, .. } => alloc::vec![*joiner],
            Phase::Ended { keys, .. } => keys.clone(),
        }
    }

    fn abandoned(&self) -> Frame {
        Frame::Gone { line: self.line() }
    }

    fn to(&self, phase: Phase) -> Inviter {
        Inviter { draft: self.draft.clone(), phase }
    }

    /// A connection with this link key has come up.
    pub fn connected(&self, key: &Hash) -> Next {
        match &self.phase {
            Phase::Countersigned { agreed, entry } if joiner(agreed) == *key => {
                Step::none().sending(*key, both(agreed, entry))
            }
            Phase::Ended { keys, .. } if keys.contains(key) => Step::none().sending(*key, self.abandoned()),
            _ => Step::none(),
        }
    }

    /// A frame has come on a connection with the link key `from`.
    pub fn frame(&self, from: &Hash, exporter: &Exporter, frame: &Frame, means: &Means<'_>) -> Next {
        match frame {
            Frame::Hello { line, proof, terms } => self.hello(&Hello { from, exporter, line: *line, proof, terms }),
            Frame::Signature(signature) => self.signature(from, signature, means),
            Frame::First { entry } => self.first(from, entry, means),
            Frame::Gone { line } if *line == self.line() => self.gone(from),
            Frame::Candidate { .. } | Frame::Both { .. } | Frame::Refused(_) | Frame::Gone { .. } => {
                misconduct(from, Misconduct::BadFrame)
            }
        }
    }

    fn hello(&self, hello: &Hello<'_>) -> Next {
        let turn_away = |why| turn_away(hello.from, why);
        if hello.line != self.draft.line() {
            return turn_away(Why::NoInvitation);
        }
        match &self.phase {
            Phase::Inviting { secret, candidates } => match self.charter_for(secret, hello) {
                Ok(charter) => self.candidate(secret, candidates, hello, &charter),
                Err(why) => turn_away(why),
            },
            Phase::Confirmed { secret, terms } => match self.charter_for(secret, hello) {
                Ok(charter) if **terms == *hello.terms => Step::none().sending(*hello.from, shown(&charter)),
                Ok(_) => turn_away(Why::Taken),
                Err(why) => turn_away(why),
            },
            // The joiner asks again for what it has missed. Its key is proof enough.
            Phase::Countersigned { agreed, entry }
                if joiner(agreed) == *hello.from && *agreed.charter.party(Party::Joiner) == *hello.terms =>
            {
                Step::none().sending(*hello.from, both(agreed, entry))
            }
            Phase::Countersigned { .. } | Phase::Open { .. } => turn_away(Why::Used),
            Phase::Ended { .. } => Step::none().sending(*hello.from, self.abandoned()),
        }
    }

    /// The final charter for who says hello, if it holds the secret and its terms will do.
    fn charter_for(&self, secret: &Secret, hello: &Hello<'_>) -> Result<Charter, Why> {
        if !secret.admits(hello.proof, hello.exporter, &self.draft, hello.terms) {
            return Err(Why::Proof);
        }
        if hello.terms.keys.link != *hello.from {
            return Err(Why::LinkKey);
        }
        self.draft.complete(hello.terms.clone()).map_err(|_| Why::Terms)
    }

    fn candidate(&self, secret: &Secret, candidates: &[Candidate], hello: &Hello<'_>, charter: &Charter) -> Next {
        let mut candidates = candidates.to_vec();
        let full = candidates.len() >= limits::CANDIDATES_MAX;
        let known = candidates.iter_mut().find(|c| c.key() == *hello.from);
        let candidate = Candidate { terms: hello.terms.clone(), signature: None };
        match known {
            Some(same) if same.terms == candidate.terms => {
                return Step::none().sending(*hello.from, shown(charter));
            }
            // Joined anew with other terms: other digits, so whatever was compared is void.
            Some(other) => *other = candidate,
            None if full => return turn_away(hello.from, Why::Full),
            None => candidates.push(candidate),
        }
        let secret = secret.clone();
        Step::commit(self.to(Phase::Inviting { secret, candidates }))
            .sending(*hello.from, shown(charter))
            .showing(Show::Compare { with: *hello.from, fingerprint: charter.fingerprint() })
    }

    fn signature(&self, from: &Hash, signature: &Signature, means: &Means<'_>) -> Next {
        match &self.phase {
            Phase::Inviting { secret, candidates } => {
                let mut candidates = candidates.clone();
                let Some(candidate) = candidates.iter_mut().find(|c| c.key() == *from) else {
                    return turn_away(from, Why::NotCandidate);
                };
                if candidate.signature.is_some() {
                    return Step::none();
                }
                if self.verified(&candidate.terms, signature, means).is_none() {
                    return misconduct(from, Misconduct::BadSignature);
                }
                candidate.signature = Some(*signature);
                let secret = secret.clone();
                Step::commit(self.to(Phase::Inviting { secret, candidates }))
                    .showing(Show::TheyConfirmed { with: *from })
            }
            Phase::Confirmed { terms, .. } if terms.keys.link == *from => {
                match self.verified(terms, signature, means) {
                    Some(charter) => self
                        .countersign(charter, *signature, means)
                        .unwrap_or_else(|hindered| Step::none().showing(Show::Hindered(hindered))),
                    None => misconduct(from, Misconduct::BadSignature),
                }
            }
            Phase::Confirmed { .. } => turn_away(from, Why::Taken),
            Phase::Countersigned { .. } if self.knows(from) => self.connected(from),
            Phase::Open { .. } if self.knows(from) => Step::none(),
            Phase::Countersigned { .. } | Phase::Open { .. } => turn_away(from, Why::Used),
            Phase::Ended { .. } => Step::none().sending(*from, self.abandoned()),
        }
    }

    /// The final charter, if this is the joiner's signature under it.
    fn verified(&self, terms: &PartyTerms, signature: &Signature, means: &Means<'_>) -> Option<Charter> {
        let charter = self.draft.complete(terms.clone()).ok()?;
        first::signed(&charter, Party::Joiner, signature, means.verify).then_some(charter)
    }

    /// Signs what a person here has confirmed and the joiner has signed, burns the secret, and writes our index 0: one
    /// commit.
    fn countersign(&self, charter: Charter, theirs: Signature, means: &Means<'_>) -> Result<Next, Refusal> {
        if !first::is_ours(self.draft.inviter(), means) {
            return Err(Refusal::OtherKey);
        }
        let signatures = [first::sign(&charter, means), theirs];
        let agreed = Box::new(Agreed { charter, signatures });
        let entry = agreed.entry(Party::Inviter, None, means);
        let with = joiner(&agreed);
        let frame = both(&agreed, &entry);
        let written = entry.clone();
        let entry = Box::new(entry);
        Ok(Step {
            commit: Some(Commit {
                state: self.to(Phase::Countersigned { agreed, entry }),
                entries: alloc::vec![written],
            }),
            ..Step::none()
        }
        .sending(with, frame)
        .showing(Show::Countersigned { with }))
    }

    fn first(&self, from: &Hash, entry: &[u8], means: &Means<'_>) -> Next {
        match &self.phase {
            Phase::Countersigned { agreed, entry: ours } if joiner(agreed) == *from => {
                match agreed.judge(Party::Joiner, entry, Some(ours), means.verify) {
                    Ok(theirs) => self.opened(agreed, alloc::vec![theirs]),
                    Err(what) => misconduct(from, what),
                }
            }
            Phase::Open { joiner, .. } if joiner == from => Step::none(),
            // It cannot have opened what was never signed by both; one that lost its state may say so all the same.
            Phase::Ended { .. } => Step::none().sending(*from, self.abandoned()),
            _ => misconduct(from, Misconduct::BadFrame),
        }
    }

    fn opened(&self, agreed: &Agreed, entries: Vec<Entry>) -> Next {
        let with = joiner(agreed);
        let fingerprint = agreed.charter.fingerprint();
        let state = self.to(Phase::Open { joiner: with, fingerprint });
        Step { commit: Some(Commit { state, entries }), ..Step::none() }.showing(Show::Open { with })
    }

    /// The joiner's index 0 has come by the ordinary session instead and was stored from there. Commit this with it.
    pub fn finish(&self) -> Next {
        match &self.phase {
            Phase::Countersigned { agreed, .. } => self.opened(agreed, Vec::new()),
            _ => Step::none(),
        }
    }

    fn gone(&self, from: &Hash) -> Next {
        let show = Show::Gone { with: *from };
        match &self.phase {
            // Not known to be the one we wait for: it goes, and the invitation stands.
            Phase::Inviting { secret, candidates } if self.knows(from) => {
                self.without(secret, candidates, from).showing(show)
            }
            Phase::Confirmed { .. } | Phase::Countersigned { .. } if self.knows(from) => {
                Step::commit(self.end(End::Theirs)).showing(show)
            }
            // From a stranger; or late, for who has written its index 0 leaves only by `state` closed.
            _ => Step::none(),
        }
    }

    /// What a copy that knows it is restored puts in the place of this state before it does anything else. `None`: the
    /// state holds no open invitation. It may have been used after the backup was made, so nothing is signed by it again.
    pub fn burned(&self) -> Option<Inviter> {
        match &self.phase {
            Phase::Inviting { .. } | Phase::Confirmed { .. } => Some(self.end(End::Restored)),
            Phase::Countersigned { .. } | Phase::Open { .. } | Phase::Ended { .. } => None,
        }
    }

    fn without(&self, secret: &Secret, candidates: &[Candidate], key: &Hash) -> Next {
        let others = candidates.iter().filter(|c| c.key() != *key);
        Step::commit(self.to(Phase::Inviting { secret: secret.clone(), candidates: others.cloned().collect() }))
    }

    fn end(&self, end: End) -> Inviter {
        let keys = self.keys();
        self.to(Phase::Ended { end, keys })
    }
}

fn joiner(agreed: &Agreed) -> Hash {
    agreed.charter.party(Party::Joiner).keys.link
}

fn shown(charter: &Charter) -> Frame {
    let charter = charter.encode();
    Frame::Candidate { charter }
}

fn both(agreed: &Agreed, entry: &Entry) -> Frame {
    Frame::Both { signatures: agreed.signatures, entry: entry.bytes.clone() }
}

fn turn_away(from: &Hash, why: Why) -> Next {
    Step::none().sending(*from, Frame::Refused(why)).showing(Show::TurnedAway { from: *from, why })
}

fn misconduct(from: &Hash, what: Misconduct) -> Next {
    Step::none().showing(Show::Misconduct { from: *from, what })
}
