//! What a turn keeps beside the logs: lines, evidence, pairings, settings.

use rusqlite::{Connection, params};

use super::batch::{EVIDENCE_BYTES_MAX, EVIDENCE_MAX};
use super::commit::signed;
use super::{Evidence, Judged, LateBody, LineKey, LineUpdate, Showing, StoreError};

pub(super) fn line(to: &Connection, line: &LineUpdate) -> Result<(), StoreError> {
    let sql = "INSERT INTO line (id, state, me, charter, added) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (id) DO UPDATE SET state = ?2, me = ?3, charter = ?4";
    let row = params![line.id, line.state, line.me, line.charter, signed(line.added)];
    to.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Keeps it, and lets the oldest of its line and kind go: what a peer repeats must not push out what it did once.
pub(super) fn evidence(to: &Connection, evidence: &Evidence) -> Result<(), StoreError> {
    let kept = evidence.bytes.get(..EVIDENCE_BYTES_MAX).unwrap_or(&evidence.bytes);
    let sql = "INSERT INTO evidence (line, at, kind, detail, bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
    let row = params![evidence.line, signed(evidence.at), evidence.kind, evidence.detail, kept];
    to.prepare_cached(sql)?.execute(row)?;
    let sql = "DELETE FROM evidence WHERE line = ?1 AND kind = ?2 AND id <=
               (SELECT id FROM evidence WHERE line = ?1 AND kind = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)";
    to.prepare_cached(sql)?.execute(params![evidence.line, evidence.kind, EVIDENCE_MAX])?;
    Ok(())
}

/// Who took note first stays.
pub(super) fn noted(to: &Connection, place: i64, user: &str, now: u64) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO noted (place, user, at) VALUES (?1, ?2, ?3)";
    to.prepare_cached(sql)?.execute(params![place, user, signed(now)])?;
    Ok(())
}

/// Keeps an entry of ours that a peer showed; once, however often it is shown.
pub(super) fn showing(to: &Connection, showing: &Showing, now: u64) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO shown (line, bytes, body, at) VALUES (?1, ?2, ?3, ?4)";
    to.prepare_cached(sql)?.execute(params![showing.line, showing.bytes, showing.body, signed(now)])?;
    Ok(())
}

/// Keeps a body that came later than its entry: beside our log, and in it if the entry was taken into it meanwhile. One that is there,
/// or was erased, stays as it is.
pub(super) fn late_body(to: &Connection, place: Option<i64>, late: &LateBody) -> Result<(), StoreError> {
    let sql = "UPDATE shown SET body = ?2 WHERE bytes = ?1 AND body IS NULL";
    to.prepare_cached(sql)?.execute(params![late.bytes, late.body])?;
    let sql = "INSERT OR IGNORE INTO body (place, bytes) SELECT place, ?3 FROM entry WHERE place = ?1 AND bytes = ?2";
    to.prepare_cached(sql)?.execute(params![place, late.bytes, late.body])?;
    Ok(())
}

/// Keeps what a person made of a part that was shown; once, however often it is said.
pub(super) fn judged(to: &Connection, judged: &Judged, now: u64) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO judged (line, epoch, epoch_id, size, root, taken, user, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let Judged { line, epoch, size, root, taken, user } = judged;
    let row = params![line, signed(epoch.number), epoch.id, signed(*size), root, taken, user, signed(now)];
    to.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(super) fn pairing(to: &Connection, line: &LineKey, state: Option<&[u8]>) -> Result<(), StoreError> {
    match state {
        Some(state) => {
            let sql = "INSERT OR REPLACE INTO pairing (line, state) VALUES (?1, ?2)";
            to.prepare_cached(sql)?.execute(params![line, state])?
        }
        None => to.prepare_cached("DELETE FROM pairing WHERE line = ?1")?.execute([line])?,
    };
    Ok(())
}

pub(super) fn setting(to: &Connection, key: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
    match value {
        Some(value) => {
            let sql = "INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)";
            to.prepare_cached(sql)?.execute(params![key, value])?
        }
        None => to.prepare_cached("DELETE FROM setting WHERE key = ?1")?.execute([key])?,
    };
    Ok(())
}
