//! Talks whose agreed time has begun (DESIGN.md §6): every desk of both sides rings for them, until somebody of that side is in the call,
//! a person takes note, or the time is over. It is shown by this station's clock; the record neither says nor knows that it rang.

use counterpart_core::ids::{EntryRef, LineId};
use counterpart_core::line::Line;
use counterpart_core::line::ringing::{Ring, is_quiet};
use counterpart_core::line::talk::Word;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::kind::Kind;
use counterpart_core::time::Timestamp;

use super::Desk;
use crate::api::fault::Told;
use crate::view::Sight;
use crate::voice::TalkId;

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Begun {
    pub talk: TalkId,
    /// Its request, and how that rings.
    pub request: EntryRef,
    precedence: Precedence,
    mark: Mark,
}

impl Begun {
    /// Whether it rings on this line at this entry of this epoch.
    pub fn is(&self, line: LineId, at: &str, epoch: &str) -> bool {
        let TalkId { line: of, epoch: within, act } = self.talk;
        of == line && act.to_string() == at && within.to_string() == epoch
    }

    /// As it rings, at the act that agreed on the time.
    pub fn ring(&self) -> Ring {
        let (at, thing) = (self.talk.act, self.request);
        Ring { at, thing, kind: Kind::Talk, precedence: self.precedence, mark: self.mark, climbs: false, tells: false }
    }
}

/// Those of one line of which this side has said nothing yet, and the other no more than that it is there.
fn begun(line: &Line, now: Timestamp) -> Vec<Begun> {
    let (view, me) = (line.facts().all(), line.me());
    if is_quiet(&view, me) || view.line_closed().is_some() || line.halted().is_some() {
        return Vec::new();
    }
    let mut found: Vec<Begun> = Vec::new();
    for (request, _) in view.agreed().filter(|(_, window)| window.start() <= now && now < window.end()) {
        let decision = view.decision(request);
        let Some(act) = decision.deciding.first().copied() else { continue };
        let [(ours, _), (theirs, _)] = [me, me.peer()].map(|side| view.word(side, request));
        let waits = ours == Word::None && matches!(theirs, Word::None | Word::Joined);
        // Concerted requests that one act decides have one talk.
        let is_known = found.iter().any(|other| other.talk.act == act);
        if waits && !is_known && view.settled_for(me, &decision) {
            let talk = TalkId { line: line.id(), epoch: line.epoch(), act };
            let (precedence, mark) = (view.precedence(request), request.mark.unwrap_or(Mark::Operation));
            found.push(Begun { talk, request: request.at, precedence, mark });
        }
    }
    found
}

/// Whether the time that this act agreed on has begun, whatever became of the talk since.
pub(super) fn has_begun(sight: &Sight<'_>, act: EntryRef) -> bool {
    let now = sight.telling.clocks.now;
    let view = sight.view();
    let is_of = |request| view.decision(request).deciding.contains(&act);
    view.agreed().any(|(request, window)| window.start() <= now && is_of(request))
}

impl Desk {
    /// Those that ring: nobody of ours is in their call, and nobody here has taken note.
    pub(super) async fn begun(&self) -> Vec<Begun> {
        let voice = &self.api.parts.voice;
        if voice.address().is_none() {
            return Vec::new();
        }
        let now = self.api.now();
        let look = move |lines: &crate::record::Lines| {
            lines.iter().flat_map(|kept| begun(&kept.line, now)).collect::<Vec<_>>()
        };
        // A record that stops rings for nothing.
        let mut all = self.api.parts.keeper.look(look).await.unwrap_or_default();
        let is_noted = {
            let mut noted = self.inner.noted_times();
            noted.retain(|talk| all.iter().any(|begun| begun.talk == *talk));
            noted.clone()
        };
        all.retain(|begun| !is_noted.contains(&begun.talk));
        let mut rings = Vec::new();
        for begun in all {
            let call = voice.look(begun.talk, None).await;
            if call.is_none_or(|call| call.ours.is_empty()) {
                rings.push(begun);
            }
        }
        rings
    }

    /// The one that rings at this entry, if one does.
    ///
    /// # Errors
    /// There is no such line.
    pub(super) async fn begun_at(&self, line: &str, on: &str, epoch: Option<&str>) -> Result<Option<Begun>, Told> {
        let line = self.api.line(Some(line.to_owned())).await?;
        Ok(self.begun().await.into_iter().find(|begun| begun.is(line, on, epoch.unwrap_or_default())))
    }

    /// A person here takes note that the time has begun: it rings no more, until this station starts anew. So too what agreed on it.
    pub(super) async fn note_begun(&self, begun: &Begun, user: String) {
        self.inner.noted_times().insert(begun.talk);
        self.api.come(begun.talk, user).await;
    }
}
