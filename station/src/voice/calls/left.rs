//! Talks that an earlier run of this station left: it ended in the middle of their calls, killed or stopped, and has said of none that it
//! is over. Which they are is read from the record alone.

use counterpart_core::ids::Party;
use counterpart_core::record::codes::EndReason;
use counterpart_voice::call::COME_BACK_MS;
use counterpart_voice::state::State;

use super::super::TalkId;
use super::super::entries::{Fact, Said};
use super::{Calls, Over, bare};

impl Calls {
    /// Talks that were joined in an earlier run and are not ended. Whoever was in them has 20 s to come back, from when the other
    /// station is there: before that nobody can.
    pub fn left(&mut self, talks: impl Iterator<Item = (TalkId, Party)>) {
        self.left.extend(talks.map(|(talk, me)| (talk, (me, None))));
    }

    /// Of what was left in an earlier run: a call into which somebody came back goes on as joined, and the talk of one into which
    /// nobody did is over, for both sides.
    pub(super) fn look_after_left(&mut self, now_ms: u64) {
        let links = &self.links;
        let mut late = Vec::new();
        let held = &mut self.held;
        self.left.retain(|talk, (me, since_ms)| {
            if let Some(held) = held.get_mut(talk).filter(|held| held.is_open) {
                held.has_joined = true;
                return false;
            }
            // While the other station is away nobody can come back.
            *since_ms = links.contains_key(&talk.line).then(|| since_ms.unwrap_or(now_ms));
            let is_late = since_ms.is_some_and(|since_ms| now_ms >= since_ms.saturating_add(COME_BACK_MS));
            late.extend(is_late.then_some((*talk, *me)));
            !is_late
        });
        for (talk, me) in late {
            let told = self.held.get(&talk).and_then(|held| held.theirs.as_ref()?.over);
            let (by, reason) = told.map_or((me, EndReason::Lost), |reason| (me.peer(), reason));
            self.facts.push(Fact { talk, said: Said::Ended(by, reason), user: None });
            // If there is no room to show it, it is written all the same.
            if let Ok(held) = self.known(talk, me, now_ms) {
                let state = State { over: (by == me).then_some(reason), ..bare(held.number) };
                (held.has_joined, held.over) = (true, Some(Over { state, by, reason, at_ms: now_ms }));
            }
        }
    }
}
