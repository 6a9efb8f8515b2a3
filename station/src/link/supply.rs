//! Entries that a session sends: ours from those at hand, or from the store; the peer's own, to show them to it; and what is kept
//! beside our log of an epoch that has ended and counts there (`docs/protocol.md` §4.6).

use counterpart_core::ids::LineId;
use counterpart_core::link::Range;
use counterpart_core::record::log::Entry;

use super::pump::Shared;
use crate::record::log_key;
use crate::store;

/// An entry as signed, and its body if we hold it.
type WithBody = (Vec<u8>, Option<Vec<u8>>);

/// The entries of a range, as far as they are there; `None` if they cannot be read now.
pub async fn entries(shared: &Shared, line: LineId, range: Range) -> Option<Vec<WithBody>> {
    let published = shared.keeper.published().borrow().clone();
    let known = published.lines.get(&line)?;
    let at_hand = (known.epoch, known.me) == (range.epoch, range.party);
    if at_hand && known.recent.front().is_some_and(|first| first.index <= range.from) {
        let wanted = known.recent.iter().filter(|p| (range.from..range.to).contains(&p.index));
        return Some(wanted.map(|p| (p.bytes.to_vec(), p.body.as_ref().map(|b| b.to_vec()))).collect());
    }
    let held = known.held.iter().find(|held| held.heads.epoch == range.epoch)?;
    let logged = held.heads.of(range.party).size;
    let beside = if range.party == known.me && range.to > logged {
        let look = move |lines: &crate::record::Lines| {
            let entries = lines.line(&line).map(|kept| kept.line.beside(range.epoch)).unwrap_or_default();
            let wanted = entries.iter().filter(|e| (range.from..range.to).contains(&e.header.own.size));
            wanted.map(|entry| entry.bytes.clone()).collect::<Vec<_>>()
        };
        shared.keeper.look(look).await.ok()?
    } else {
        Vec::new()
    };
    let (log, reader) = (log_key(line, range.epoch, range.party), shared.reader.clone());
    let read = move || {
        let mut entries = stored(&reader, log, range)?;
        for bytes in beside {
            let body = reader.shown_body(&bytes)?.filter(|body| attests(&bytes, body));
            entries.push((bytes, body));
        }
        Ok::<_, store::StoreError>(entries)
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(entries)) => Some(entries),
        Ok(Err(error)) => {
            tracing::error!(%error, "entries for the peer cannot be read");
            None
        }
        Err(_) => None,
    }
}

/// The stored bytes of a range, with their bodies.
fn stored(reader: &store::Reader, log: store::LogKey, range: Range) -> Result<Vec<WithBody>, store::StoreError> {
    let rows = reader.entries(log, range.from, u32::try_from(range.to - range.from).unwrap_or(u32::MAX))?;
    let with_body = |row: store::EntryRow| {
        let body = match reader.body(row.key)? {
            store::Body::Held(body) if attests(&row.bytes, &body) => Some(body),
            _ => None,
        };
        Ok((row.bytes, body))
    };
    rows.into_iter().map(with_body).collect()
}

/// Words that were changed in the store are not sent in our name: the peer would name it as misconduct, and rightly.
fn attests(bytes: &[u8], body: &[u8]) -> bool {
    Entry::read(bytes).is_ok_and(|entry| entry.header.attests(body))
}
