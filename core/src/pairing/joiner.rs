//! The side that joins (`docs/protocol.md` §5.1). Its station dials, on a link pinned to the inviter's key.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::draft::{Draft, DraftFault};
use super::first::{self, Agreed};
use super::frames::Frame;
use super::invitation::{Invitation, Secret};
use super::{Commit, End, Exporter, Means, Refusal, Show, Standing, Step};
use crate::fault::Misconduct;
use crate::ids::{LineId, Party};
use crate::record::charter::{Charter, PartyTerms};
use crate::record::log::Entry;
use crate::record::merkle::Hash;
use crate::record::sign1::{Signature, Verify};

mod state;

/// The joiner's half of a pairing, as it is stored.
#[derive(Clone, Debug)]
pub struct Joiner {
    draft: Draft,
    /// The draft with our own terms: the only charter that we shall ever sign here.
    charter: Charter,
    addresses: Vec<String>,
    phase: Phase,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Nothing binds us yet.
    Pending { secret: Secret, stage: Stage },
    /// Our index 0 is written; this is it.
    Open { entry: Box<Entry> },
    /// There will be no line.
    Ended(End),
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The inviter's station has not shown the charter.
    Invited,
    /// It has: persons compare.
    Seen,
    /// A person here has confirmed, and this is our signature.
    Signed(Signature),
}

type Next = Step<Joiner>;

impl Joiner {
    /// Begins a pairing with our own half of the charter. The station commits this state before it dials.
    ///
    /// # Errors
    /// [`DraftFault`]: the terms make no charter.
    pub fn new(invitation: Invitation, terms: PartyTerms) -> Result<Joiner, DraftFault> {
        let (draft, addresses, secret) = invitation.into_parts();
        Ok(Joiner {
            charter: draft.complete(terms)?,
            draft,
            addresses,
            phase: Phase::Pending { secret, stage: Stage::Invited },
        })
    }

    /// The line that is being paired.
    pub fn line(&self) -> LineId {
        self.charter.line
    }

    /// The final charter.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Where to dial, the best first.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The link key that the inviter's station must show, and no other.
    pub fn pin(&self) -> Hash {
        self.charter.party(Party::Inviter).keys.link
    }

    /// How far it has come.
    pub fn standing(&self) -> Standing {
        match &self.phase {
            Phase::Pending { stage, .. } => match stage {
                Stage::Invited => Standing::Waiting,
                Stage::Seen => Standing::Comparing,
                Stage::Signed(_) => Standing::Confirmed,
            },
            Phase::Open { .. } => Standing::Open,
            Phase::Ended(end) => Standing::Ended(*end),
        }
    }

    fn to(&self, phase: Phase) -> Joiner {
        Joiner { draft: self.draft.clone(), charter: self.charter.clone(), addresses: self.addresses.clone(), phase }
    }

    fn gone(&self) -> Frame {
        Frame::Gone { line: self.line() }
    }

    fn send(&self, frame: Frame) -> Next {
        Step::none().sending(self.pin(), frame)
    }

    /// A connection with the pinned key has come up.
    pub fn connected(&self, exporter: &Exporter) -> Next {
        self.send(match &self.phase {
            Phase::Pending { secret, .. } => {
                let terms = self.charter.party(Party::Joiner);
                Frame::Hello {
                    line: self.charter.line,
                    proof: secret.prove(exporter, &self.draft, terms),
                    terms: Box::new(terms.clone()),
                }
            }
            Phase::Open { entry } => first_frame(entry),
            Phase::Ended(_) => self.gone(),
        })
    }

    /// A frame has come from the inviter's station.
    pub fn frame(&self, frame: &Frame, means: &Means<'_>) -> Next {
        let (secret, stage) = match &self.phase {
            Phase::Pending { secret, stage } => (secret, stage),
            Phase::Open { entry } => {
                // Whoever still shows the charter has not heard that we are through.
                let asks = matches!(frame, Frame::Candidate { .. } | Frame::Both { .. });
                return if asks { self.send(first_frame(entry)) } else { Step::none() };
            }
            Phase::Ended(_) => {
                let asks = matches!(frame, Frame::Candidate { .. } | Frame::Both { .. });
                return if asks { self.send(self.gone()) } else { Step::none() };
            }
        };
        match frame {
            Frame::Candidate { charter } => self.candidate(charter, secret, stage),
            Frame::Both { signatures, entry } => self.both(signatures, entry, secret, stage, means),
            Frame::Gone { line } if *line == self.line() => {
                Step::commit(self.to(Phase::Ended(End::Theirs))).showing(Show::Gone { with: self.pin() })
            }
            Frame::Refused(why) => Step::none().showing(Show::Refused(*why)),
            Frame::Hello { .. } | Frame::Signature(_) | Frame::First { .. } | Frame::Gone { .. } => {
                self.misconduct(Misconduct::BadFrame)
            }
        }
    }

    fn misconduct(&self, what: Misconduct) -> Next {
        let from = self.pin();
        Step::none().showing(Show::Misconduct { from, what })
    }

    fn candidate(&self, charter: &[u8], secret: &Secret, stage: &Stage) -> Next {
        if *charter != self.charter.encode() {
            return self.misconduct(Misconduct::OtherCharter);
        }
        match stage {
            Stage::Invited => self.seen(secret),
            Stage::Seen => Step::none(),
            Stage::Signed(signature) => self.send(Frame::Signature(*signature)),
        }
    }

    fn seen(&self, secret: &Secret) -> Next {
        Step::commit(self.to(Phase::Pending { secret: secret.clone(), stage: Stage::Seen }))
            .showing(Show::Compare { with: self.pin(), fingerprint: self.charter.fingerprint() })
    }

    fn both(
        &self,
        signatures: &[Signature; 2],
        entry: &[u8],
        secret: &Secret,
        stage: &Stage,
        means: &Means<'_>,
    ) -> Next {
        let agreed = Agreed { charter: self.charter.clone(), signatures: *signatures };
        let theirs = match checked(&agreed, entry, means.verify) {
            Ok(theirs) => theirs,
            Err(what) => return self.misconduct(what),
        };
        match stage {
            // Signed in an earlier attempt with the same terms, of which nothing is left here: a person confirms again.
            Stage::Invited => self.seen(secret),
            Stage::Seen => Step::none(),
            Stage::Signed(_) if !first::is_ours(self.charter.party(Party::Joiner), means) => {
                Step::none().showing(Show::Hindered(Refusal::OtherKey))
            }
            Stage::Signed(_) => {
                let ours = agreed.entry(Party::Joiner, Some(&theirs), means);
                let frame = first_frame(&ours);
                let entry = Box::new(ours.clone());
                Step {
                    commit: Some(Commit { state: self.to(Phase::Open { entry }), entries: alloc::vec![theirs, ours] }),
                    ..Step::none()
                }
                .sending(self.pin(), frame)
                .showing(Show::Open { with: self.pin() })
            }
        }
    }

    /// A person has compared all digits with the inviter over another channel, and they agree.
    ///
    /// # Errors
    /// [`Refusal`]: `NotYet`, `OtherDigits`, `OtherKey`, `Ended`.
    pub fn confirm(&self, fingerprint: &Hash, means: &Means<'_>) -> Result<Next, Refusal> {
        let same = self.charter.fingerprint() == *fingerprint;
        match &self.phase {
            Phase::Ended(end) => Err(Refusal::Ended(*end)),
            Phase::Pending { stage: Stage::Invited, .. } => Err(Refusal::NotYet),
            _ if !same => Err(Refusal::OtherDigits),
            Phase::Open { .. } => Ok(Step::none()),
            Phase::Pending { stage: Stage::Signed(signature), .. } => Ok(self.send(Frame::Signature(*signature))),
            Phase::Pending { secret, .. } => {
                if !first::is_ours(self.charter.party(Party::Joiner), means) {
                    return Err(Refusal::OtherKey);
                }
                let signature = first::sign(&self.charter, means);
                let state = self.to(Phase::Pending { secret: secret.clone(), stage: Stage::Signed(signature) });
                Ok(Step::commit(state).sending(self.pin(), Frame::Signature(signature)))
            }
        }
    }

    /// A person ends the pairing: the digits differ, or it is not wanted. Repeats harmlessly.
    ///
    /// # Errors
    /// [`Refusal::Written`] once our index 0 is written.
    pub fn abandon(&self) -> Result<Next, Refusal> {
        let step = match &self.phase {
            Phase::Pending { .. } => Step::commit(self.to(Phase::Ended(End::Ours))),
            Phase::Open { .. } => return Err(Refusal::Written),
            Phase::Ended(_) => Step::none(),
        };
        Ok(step.sending(self.pin(), self.gone()))
    }

    /// What a copy that knows it is restored puts in the place of this state before it does anything else. `None`: the
    /// state holds no open invitation. Its index 0 may have been written after the backup was made; a second would fork
    /// the log.
    pub fn burned(&self) -> Option<Joiner> {
        match &self.phase {
            Phase::Pending { .. } => Some(self.to(Phase::Ended(End::Restored))),
            Phase::Open { .. } | Phase::Ended(_) => None,
        }
    }
}

/// The inviter's index 0, if both signatures and the entry are what they must be.
fn checked(agreed: &Agreed, entry: &[u8], verify: &dyn Verify) -> Result<Entry, Misconduct> {
    let signed = |party: Party, signature: &Signature| first::signed(&agreed.charter, party, signature, verify);
    let [inviter, joiner] = &agreed.signatures;
    if !signed(Party::Inviter, inviter) || !signed(Party::Joiner, joiner) {
        return Err(Misconduct::BadSignature);
    }
    agreed.judge(Party::Inviter, entry, None, verify)
}

fn first_frame(entry: &Entry) -> Frame {
    let entry = entry.bytes.clone();
    Frame::First { entry }
}
