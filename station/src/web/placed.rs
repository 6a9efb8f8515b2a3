//! Whoever may not be at this desk any more leaves the calls that they came into here: a session that has ended, a person who was removed
//! or may only read from now on. Their browser would go on hearing, and speak.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use super::Desk;
use crate::store::TokenHash;

/// How often it is looked whether they still may.
const LOOKS_EVERY: Duration = Duration::from_secs(2);

impl Desk {
    fn placed(&self) -> MutexGuard<'_, BTreeSet<TokenHash>> {
        self.inner.placed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody came into a call in this session.
    pub(super) fn comes_into_call(&self, session: TokenHash) {
        self.placed().insert(session);
    }

    /// Takes out who may not be there any more, for as long as the desk is served.
    pub(super) async fn look_after_places(self) {
        loop {
            tokio::time::sleep(LOOKS_EVERY).await;
            let all = self.placed().clone();
            for session in all {
                // A store that cannot be read ends no call.
                if let Ok(false) = self.may_sign(session).await {
                    self.placed().remove(&session);
                    self.api.parts.voice.gone(session).await;
                }
            }
        }
    }
}
