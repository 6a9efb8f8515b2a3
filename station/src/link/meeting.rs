//! A connection on which one side does not know the other's link key (`docs/protocol.md` §8.6): chains are shown and answered, and
//! nothing else. What is decided is decided by `core`'s machine; this moves its bytes.

use std::time::Duration;

use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::link::chain::{Chain, End, Output, Setup};
use counterpart_core::record::charter::Keys;
use counterpart_core::record::log::Entry;
use counterpart_core::record::sign1::Strict;

use super::pump::Shared;
use super::{Control, Reader, Writer};
use crate::record::entry_key;
use crate::store::{self, StoreError};

/// A meeting has ended by then: who reads nothing must not keep a place.
pub(super) const MEETING_MAX: Duration = Duration::from_secs(60);

/// What a meeting came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Met {
    /// How it ended; `None`: the connection broke, or our machine failed.
    pub end: Option<End>,
    /// The peer's chain vouches for the link key that it proved.
    pub vouched: bool,
}

/// What a meeting is about, as the record has it.
struct Known {
    me: Party,
    charter: [Keys; 2],
    chains: [Vec<(Epoch, EntryRef)>; 2],
    highest: [Epoch; 2],
}

/// Speaks until both have answered, no longer than `within`. `proved` are the link keys of this connection, ours and the peer's;
/// `read` is a frame that came already.
pub(super) async fn meet(
    (shared, within): (&Shared, Duration),
    line: LineId,
    (reader, writer, control): (Reader, Writer, Control),
    [ours, theirs]: [[u8; 32]; 2],
    read: Option<Vec<u8>>,
) -> Met {
    let nothing = Met { end: None, vouched: false };
    let Some(known) = look(shared, line).await else { return nothing };
    let proved = if known.me == Party::Inviter { [ours, theirs] } else { [theirs, ours] };
    let Ok(held) = held(shared, line, known.chains.clone()).await else { return nothing };
    let Known { me, charter, highest, .. } = known;
    let setup = Setup { line, me, charter, held, highest, proved, now_ms: shared.now().ms };
    let (chain, first) = Chain::new(setup);
    let met = tokio::time::timeout(within, speak(shared, line, chain, (reader, writer), first, read)).await;
    let met = met.unwrap_or(nothing);
    control.close("the keys have been shown");
    met
}

async fn speak(
    shared: &Shared,
    line: LineId,
    mut chain: Chain,
    (mut reader, mut writer): (Reader, Writer),
    first: Vec<u8>,
    read: Option<Vec<u8>>,
) -> Met {
    let mut met = Met { end: None, vouched: false };
    if writer.write_frame(&first).await.is_err() {
        return met;
    }
    let mut frame = read;
    loop {
        let outputs = match frame.take() {
            Some(bytes) => chain.frame(&bytes, &Strict),
            None => {
                let wait = Duration::from_millis(chain.next_tick().saturating_sub(shared.now().ms));
                match tokio::time::timeout(wait, reader.read_frame()).await {
                    Ok(Ok(bytes)) => chain.frame(&bytes, &Strict),
                    Ok(Err(_)) => return met,
                    Err(_) => chain.tick(shared.now().ms),
                }
            }
        };
        for output in outputs {
            match output {
                Output::Send(bytes) => {
                    if writer.write_frame(&bytes).await.is_err() {
                        return met;
                    }
                }
                Output::Vouched(_) => {
                    tracing::info!(%line, "the peer's chain vouches for a new link key");
                    met.vouched = true;
                }
                Output::Retired { link, highest } => {
                    tracing::warn!(%line, "the peer shows that our link key is retired: this is a copy of a station that went on");
                    shared.keeper.retired(line, link, highest);
                }
                Output::Close(end) => {
                    tracing::info!(%line, ?end, "keys were shown and answered");
                    met.end = Some(end);
                    let _ = writer.finish().await;
                    return met;
                }
            }
        }
    }
}

async fn look(shared: &Shared, line: LineId) -> Option<Known> {
    let look = shared.keeper.look(move |lines| {
        let line = &lines.line(&line)?.line;
        let highest = |party: Party| {
            let begun = line.spans().filter(|span| span.log(party).size() > 0).map(|span| span.epoch());
            begun.max().unwrap_or(Epoch::FIRST)
        };
        Some(Known {
            me: line.me(),
            charter: Party::BOTH.map(|party| line.charter().party(party).keys),
            chains: Party::BOTH.map(|party| line.chain(party)),
            highest: Party::BOTH.map(highest),
        })
    });
    look.await.ok().flatten()
}

/// The entries of both chains, from the store.
async fn held(
    shared: &Shared,
    line: LineId,
    places: [Vec<(Epoch, EntryRef)>; 2],
) -> Result<[Vec<Entry>; 2], StoreError> {
    let reader = shared.reader.clone();
    let read = move || {
        let [inviter, joiner] = places;
        Ok([entries(&reader, line, &inviter)?, entries(&reader, line, &joiner)?])
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|e| Err(StoreError::other("doing-read", e)))
}

fn entries(reader: &store::Reader, line: LineId, places: &[(Epoch, EntryRef)]) -> Result<Vec<Entry>, StoreError> {
    let mut chain = Vec::new();
    for (epoch, at) in places {
        let missing = || StoreError::Corrupt { found: format!("entry {at} of epoch {epoch} is not there") };
        let row = reader.entry(entry_key(line, *epoch, *at))?.ok_or_else(missing)?;
        chain.push(Entry::read(&row.bytes).map_err(|_| missing())?);
    }
    Ok(chain)
}
