//! The joiner dials: until the line is open or the pairing has ended, and then until the inviter has been told.

use std::net::SocketAddr;
use std::time::Duration;

use counterpart_core::ids::{LineId, Party};
use counterpart_core::pairing::{End, Standing};
use counterpart_core::record::merkle::Hash;

use super::Ceremony;
use super::machine::Machine;
use super::steps::Kept;
use crate::entropy;
use crate::link::{Connection, Dialling, Purpose};
use crate::words::Sentence;

/// The first pause before the inviter is dialled again, in milliseconds; it doubles, with jitter.
const BACKOFF_MIN_MS: u64 = 250;
/// The longest pause.
const BACKOFF_MAX_MS: u64 = 15_000;
/// A connection that lasted so long was no failure, in milliseconds.
const STEADY_MS: u64 = 5_000;
/// Addresses that are tried of one name.
const FOUND_MAX: usize = 4;
/// How often we try to tell the inviter that a pairing has ended, since the start: some ten minutes, if it is away.
const TELLING_MAX: u32 = 50;

/// What a dialling task is to do next.
enum Errand {
    Dial { own: Hash, pin: Hash, addresses: Vec<String> },
    Rest,
    Over,
}

impl Ceremony {
    /// Sees to it that a joiner's pairing is dialled.
    pub(super) fn keep_dialling(&self, kept: &mut Kept) {
        if matches!(kept.machine, Machine::Joiner(_)) && !kept.dialling {
            kept.dialling = true;
            let (ceremony, line) = (self.clone(), kept.machine.line());
            self.spawn(async move { ceremony.keep_up(line).await });
        }
    }

    async fn keep_up(self, line: LineId) {
        let mut changes = self.changes();
        let mut pause = BACKOFF_MIN_MS;
        loop {
            changes.borrow_and_update();
            let (own, pin, addresses) = match self.errand(line).await {
                Errand::Dial { own, pin, addresses } => (own, pin, addresses),
                Errand::Over => return,
                Errand::Rest => {
                    pause = BACKOFF_MIN_MS;
                    if changes.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            let begun = self.0.clock.moment();
            if let Some(connection) = self.reach(line, [own, pin], &addresses).await {
                self.dialled(line, connection).await;
                if self.0.clock.moment().ms_since(begun) > STEADY_MS {
                    pause = BACKOFF_MIN_MS;
                }
            }
            let jitter = entropy::bytes::<1>().map_or(0, |[byte]| u64::from(byte) * pause / 256);
            tokio::time::sleep(Duration::from_millis(pause / 2 + jitter)).await;
            pause = (pause * 2).min(BACKOFF_MAX_MS);
        }
    }

    async fn errand(&self, line: LineId) -> Errand {
        let mut hall = self.0.hall.lock().await;
        let Some(kept) = hall.get_mut(&line) else { return Errand::Over };
        let Machine::Joiner(joiner) = &kept.machine else { return Errand::Over };
        let own = joiner.charter().party(Party::Joiner).keys.link;
        let dial = Errand::Dial { own, pin: joiner.pin(), addresses: joiner.addresses().to_vec() };
        let errand = match joiner.standing() {
            // The ordinary session of the line brings our index 0 to who has not got it here.
            Standing::Open | Standing::Ended(End::Theirs) => Errand::Over,
            Standing::Ended(_) if kept.told || kept.telling >= TELLING_MAX => Errand::Over,
            Standing::Ended(_) => {
                kept.telling += 1;
                dial
            }
            _ if kept.rest.is_some() => Errand::Rest,
            _ => dial,
        };
        kept.dialling = !matches!(errand, Errand::Over);
        errand
    }

    pub(super) async fn has_ended(&self, line: LineId) -> bool {
        let hall = self.0.hall.lock().await;
        hall.get(&line).is_some_and(|kept| matches!(kept.machine.standing(), Standing::Ended(_)))
    }

    /// Takes note that the other side has heard our last word.
    pub(super) async fn told(&self, line: LineId) {
        if let Some(kept) = self.0.hall.lock().await.get_mut(&line) {
            kept.told = matches!(kept.machine.standing(), Standing::Ended(_));
        }
    }

    /// Tries every address of the inviter once, with our link key of the terms.
    async fn reach(&self, line: LineId, [own, pin]: [Hash; 2], addresses: &[String]) -> Option<Connection> {
        for address in addresses {
            let found: Vec<SocketAddr> = match tokio::net::lookup_host(address.as_str()).await {
                Ok(found) => found.take(FOUND_MAX).collect(),
                Err(error) => {
                    self.tried(line, address, Sentence::new("dial-no-name").with("cause", error)).await;
                    continue;
                }
            };
            for remote in found {
                let dial = self.0.endpoint.dial_as(Some(own), remote, Purpose::Pairing, Some(pin), Dialling::default());
                match dial.await {
                    Ok(connection) => return Some(connection),
                    Err(fault) => self.tried(line, address, fault.sentence()).await,
                }
            }
        }
        None
    }

    async fn tried(&self, line: LineId, address: &str, how: Sentence) {
        tracing::debug!(%line, "the inviter was not reached");
        if let Some(kept) = self.0.hall.lock().await.get_mut(&line) {
            kept.tried.insert(address.to_string(), how);
        }
        self.changed();
    }
}
