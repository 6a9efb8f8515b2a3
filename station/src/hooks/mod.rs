//! Webhooks: every entry that comes to the record is posted to a program elsewhere, in order, signed, and again until it is taken.
//!
//! A follower like any other: it reads what is committed and keeps up to where it has been told. After a crash it tells the last few
//! again; each carries its position, by which a program knows what it has had.

mod post;

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::api::Api;
use crate::api::events::{Follow, Position};
use crate::config::Webhook;
use crate::entropy;
use crate::store::People;
pub use post::HookFault;
use post::{Door, Failure};

/// Entries that are posted before it is kept up to where.
const CHUNK: u32 = 20;
/// The pause after a first failure, and the longest.
const PAUSE_MS: u64 = 1_000;
const PAUSE_MAX_MS: u64 = 300_000;
/// Without a commit it is looked whether a position is still to be told.
const LOOK: Duration = Duration::from_secs(30);

/// Starts a follower for each webhook. One that begins is told of what comes from now on.
///
/// # Errors
/// [`HookFault`]: a file that it needs cannot be read.
pub fn start(api: &Api, webhooks: &[Webhook]) -> Result<Vec<JoinHandle<()>>, HookFault> {
    let doors: Vec<(String, Door)> =
        webhooks.iter().map(|hook| Ok((hook.name.clone(), Door::open(hook)?))).collect::<Result<_, HookFault>>()?;
    let follow = |(name, door): (String, Door)| tokio::spawn(Hook { api: api.clone(), name, door }.follow());
    Ok(doors.into_iter().map(follow).collect())
}

/// One webhook.
struct Hook {
    api: Api,
    name: String,
    door: Door,
}

impl Hook {
    async fn follow(self) {
        let mut published = self.api.parts.keeper.published();
        let mut closing = self.api.closing.subscribe();
        while !*closing.borrow() {
            published.mark_unchanged();
            match self.catch_up().await {
                Ok(()) => self.api.webhooks.taken(&self.name),
                Err(Failure { why, cause }) => {
                    let failures = self.api.webhooks.failed(&self.name, why, self.api.now());
                    let why = why.word();
                    tracing::warn!(webhook = self.name, why, %cause, failures, "a webhook was not told; it is told again");
                    tokio::select! {
                        () = tokio::time::sleep(pause(failures)) => {}
                        _ = closing.changed() => {}
                    }
                    continue;
                }
            }
            tokio::select! {
                changed = published.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep(LOOK) => {}
                _ = closing.changed() => {}
            }
        }
    }

    /// Tells all that has come, in order; each chunk is kept as told once all of it was taken.
    async fn catch_up(&self) -> Result<(), Failure> {
        let told = |told: crate::api::fault::Told| Failure::here(told.code);
        let here = self.api.position().await.map_err(told)?;
        let kept = self.kept().await?;
        // A record that was restored counts anew: what came before was told by the station that it replaces.
        let mut from = kept.filter(|kept| kept.is_of(&here)).unwrap_or(here);
        self.api.webhooks.told(&self.name, from);
        if kept != Some(from) {
            self.keep(from).await?;
        }
        loop {
            let Follow { events, next } = self.api.follow(from, CHUNK, false).await.map_err(told)?;
            if next == from {
                return Ok(());
            }
            for (position, event) in events {
                let body = serde_json::json!({ "position": position.text(), "event": event }).to_string();
                self.door.post(&position.text(), &body, self.api.now().0).await?;
                self.api.webhooks.told(&self.name, position);
                self.api.webhooks.taken(&self.name);
            }
            self.keep(next).await?;
            self.api.webhooks.told(&self.name, next);
            from = next;
        }
    }

    fn key(&self) -> String {
        format!("webhook {}", self.name)
    }

    /// Up to where it has been told.
    async fn kept(&self) -> Result<Option<Position>, Failure> {
        let (reader, key) = (self.api.parts.reader.clone(), self.key());
        let read = tokio::task::spawn_blocking(move || reader.setting(&key)).await.map_err(Failure::here)?;
        let kept = read.map_err(Failure::here)?;
        Ok(kept.and_then(|bytes| Position::parse(std::str::from_utf8(&bytes).ok()?)))
    }

    async fn keep(&self, position: Position) -> Result<(), Failure> {
        let followed = People::Followed { key: self.key(), position: position.text() };
        self.api.change(vec![followed]).await.map_err(|told| Failure::here(told.code))
    }
}

/// Longer after each failure, up to five minutes, and never twice the same, so that what was down together does not come back together.
fn pause(failures: u32) -> Duration {
    let most = PAUSE_MS.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(PAUSE_MAX_MS);
    let chance = entropy::bytes::<2>().map_or(0, u16::from_be_bytes);
    Duration::from_millis(most / 2 + most / 2 * u64::from(chance) / 65_536)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_a_second_to_five_minutes() {
        for (failures, most) in [(1, 1_000), (2, 2_000), (5, 16_000), (10, 300_000), (u32::MAX, 300_000)] {
            let ms = pause(failures).as_millis();
            assert!((most / 2..=most).contains(&ms), "{failures}: {ms}");
        }
    }
}
