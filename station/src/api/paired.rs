//! The ceremony of [`crate::pairing`], as commands and API ask for it.

use std::sync::Arc;

use counterpart_core::ids::{LineId, Party, hex};
use counterpart_core::pairing::Standing;
use counterpart_core::record::charter::digits as spelled;

use super::ceremony::{Answer, CandidateView, Ceremony, Digits, InvitedView, PairingView};
use super::fault::{Code, Fault, Told};
use crate::pairing::{self, Awaited, Proposal};
use crate::view::terms::{TermsView, posts};
use crate::words::{Sentence, Tell, Words};

/// A ceremony with the words in which it answers.
pub struct Paired {
    ceremony: pairing::Ceremony,
    words: Arc<Words>,
}

impl Paired {
    /// Answers in these words.
    pub fn new(ceremony: pairing::Ceremony, words: Arc<Words>) -> Paired {
        Paired { ceremony, words }
    }

    fn told(&self, fault: &pairing::Fault) -> Told {
        Fault::new(Code::Pairing).because(fault).tell(&self.words)
    }

    /// The line that is meant: the one named, or the one pairing that is under way.
    async fn meant(&self, line: Option<LineId>) -> Result<LineId, Told> {
        if let Some(line) = line {
            return Ok(line);
        }
        let under_way = |view: &pairing::PairingView| !matches!(view.standing, Standing::Open | Standing::Ended(_));
        let views = self.ceremony.list().await;
        let mut waiting = views.iter().filter(|view| under_way(view)).map(|view| view.line);
        match (waiting.next(), waiting.next()) {
            (Some(line), None) => Ok(line),
            (None, _) => Err(Fault::new(Code::PairingNone).tell(&self.words)),
            (Some(_), Some(_)) => Err(Fault::new(Code::PairingSeveral).tell(&self.words)),
        }
    }

    /// The pairing that shows these digits: they name a line and a candidate of it.
    async fn spelling(&self, said: &str) -> Option<LineId> {
        let views = self.ceremony.list().await;
        let shows = |view: &&pairing::PairingView| view.candidates.iter().any(|c| c.digits == said);
        views.iter().find(shows).map(|view| view.line)
    }

    async fn view(&self, line: LineId) -> Result<PairingView, Told> {
        self.ceremony.view(line).await.map(|view| shown(&view, &self.words)).map_err(|fault| self.told(&fault))
    }
}

impl Ceremony for Paired {
    fn speaking(&self, words: Arc<Words>) -> Arc<dyn Ceremony> {
        Arc::new(Paired::new(self.ceremony.clone(), words))
    }

    fn invite(&self, proposal: Proposal) -> Answer<'_, InvitedView> {
        Box::pin(async move {
            let (line, invitation) = self.ceremony.invite(&proposal).await.map_err(|fault| self.told(&fault))?;
            let view = self.ceremony.view(line).await.map_err(|fault| self.told(&fault))?;
            Ok(InvitedView { line: line.to_string(), invitation, terms: terms(&view, &self.words) })
        })
    }

    fn join(&self, invitation: String) -> Answer<'_, PairingView> {
        Box::pin(async move {
            let line = self.ceremony.join(&invitation).await.map_err(|fault| self.told(&fault))?;
            self.view(line).await
        })
    }

    fn confirm(&self, line: Option<LineId>, digits: Digits, alike: bool) -> Answer<'_, PairingView> {
        Box::pin(async move {
            let said = spelled(&digits.0);
            let line = match self.spelling(&said).await.filter(|_| line.is_none()) {
                Some(line) => line,
                None => self.meant(line).await?,
            };
            self.ceremony.confirm(line, &said, alike).await.map_err(|fault| self.told(&fault))?;
            self.view(line).await
        })
    }

    fn differ(&self, line: Option<LineId>, candidate: Option<String>) -> Answer<'_, PairingView> {
        Box::pin(async move {
            let line = self.meant(line).await?;
            let view = self.ceremony.view(line).await.map_err(|fault| self.told(&fault))?;
            let named = |c: &&pairing::CandidateView| candidate.as_ref().is_none_or(|key| *key == hexadecimal(&c.key));
            let mut candidates = view.candidates.iter().filter(named);
            match (candidates.next(), candidates.next()) {
                (Some(candidate), None) => {
                    // The joiner has one inviter: to refuse its digits is to leave.
                    let done = match view.me {
                        Party::Inviter => self.ceremony.differ(line, &candidate.key).await,
                        Party::Joiner => self.ceremony.abandon(line).await,
                    };
                    done.map_err(|fault| self.told(&fault))?;
                    self.view(line).await
                }
                _ => Err(Fault::new(Code::PairingCandidate).tell(&self.words)),
            }
        })
    }

    fn abandon(&self, line: Option<LineId>) -> Answer<'_, PairingView> {
        Box::pin(async move {
            let line = self.meant(line).await?;
            self.ceremony.abandon(line).await.map_err(|fault| self.told(&fault))?;
            self.view(line).await
        })
    }

    fn changes(&self) -> u64 {
        *self.ceremony.changes().borrow()
    }

    fn pairings(&self) -> Answer<'_, Vec<PairingView>> {
        Box::pin(async {
            let views = self.ceremony.list().await;
            Ok(views
                .iter()
                .filter(|view| view.standing != Standing::Open)
                .map(|view| shown(view, &self.words))
                .collect())
        })
    }
}

/// What is awaited, and after a fault of the other side's what to do.
fn awaited(awaited: &Awaited, words: &Words) -> Vec<String> {
    let sentence = awaited.sentence();
    let first = words.told(&sentence);
    match awaited {
        Awaited::Retry(_) | Awaited::RetryAfter(_) => vec![first, words.told_do(&sentence)],
        _ => vec![first],
    }
}

/// What both are to sign.
fn terms(view: &pairing::PairingView, words: &Words) -> TermsView {
    TermsView::of(&view.charter, &[view.me], words)
}

fn shown(view: &pairing::PairingView, words: &Words) -> PairingView {
    let standing = match view.standing {
        Standing::Waiting => "waiting",
        Standing::Comparing => "comparing",
        Standing::Confirmed => "confirmed",
        Standing::Countersigned => "countersigned",
        Standing::Open => "open",
        Standing::Ended(_) => "ended",
    };
    let both = |sentence: &Sentence| vec![words.told(sentence), words.told_do(sentence)];
    let candidate = |c: &pairing::CandidateView| CandidateView {
        alike: c.alike.iter().flat_map(|alike| both(&alike.sentence())).collect(),
        mixed: c.mixed.iter().flat_map(|word| both(&Sentence::new("pairing-mixed").with("word", word))).collect(),
        name: c.name.clone(),
        call_sign: c.call_sign.clone(),
        zone: if c.zone.is_empty() { "UTC".into() } else { c.zone.clone() },
        posts: posts(&c.call_sign, &c.posts, words),
        key: hexadecimal(&c.key),
        digits: c.digits.clone(),
        they_confirmed: c.they_confirmed,
    };
    let mut sentences = awaited(&view.awaited, words);
    sentences.extend(view.tried.iter().map(|(address, how)| format!("{address}: {}", words.told(how))));
    PairingView {
        line: view.line.to_string(),
        inviter: view.me == Party::Inviter,
        standing: standing.into(),
        terms: (!matches!(view.standing, Standing::Ended(_))).then(|| terms(view, words)),
        candidates: view.candidates.iter().map(candidate).collect(),
        sentences,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut out = String::new();
    // Writing to a `String` does not fail.
    let _ = hex(&mut out, bytes);
    out
}
