//! What was kept, found again. Rows come in the order in which they lie in their log, or in which they arrived here.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::commit::{log_number, place, signed};
use super::{
    Actor, EntryKey, EpochKey, Evidence, INDEX_MAX, Judged, LineKey, LogKey, Reader, Showing, StoreError, ThingRef,
};

/// Rows that one call answers at most: an entry may have 12 KiB.
pub const ROWS_MAX: u32 = 512;

/// The root of a log of size 0: SHA-256 of nothing (RFC 6962 §2.1).
const EMPTY_ROOT: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// A line as it was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineRow {
    /// Its id.
    pub id: LineKey,
    /// Its state, by the number that `core` gave.
    pub state: u8,
    /// Which party we are.
    pub me: u8,
    /// The charter in force, as encoded.
    pub charter: Vec<u8>,
    /// When we came to know it, in milliseconds since 1970 UTC.
    pub added: u64,
    /// The peer has shown that our link key is retired (§8.6), and up to the epoch of which number.
    pub retired: Option<u64>,
}

/// The head of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRow {
    /// Which log.
    pub key: LogKey,
    /// Its size.
    pub size: u64,
    /// The right edge of its tree; empty at size 0.
    pub edge: Vec<u8>,
    /// Its root.
    pub root: [u8; 32],
    /// It came here in a backup: its epoch is old, and we sign nothing in it (§4.6).
    pub restored: bool,
    /// It is taken no further, by the number of the misconduct (§3.6).
    pub halted: Option<u64>,
}

/// An entry as it was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryRow {
    /// Where it stands.
    pub key: EntryKey,
    /// The entry exactly as signed.
    pub bytes: Vec<u8>,
    /// The number of its type.
    pub kind: u64,
    /// The thing that it belongs to.
    pub thing: Option<ThingRef>,
    /// The time that it claims, in milliseconds since 1970 UTC.
    pub claimed: u64,
    /// When it was stored here, in milliseconds since 1970 UTC, by our own clock.
    pub stored: u64,
    /// Its number in the order of arrival in this store, over all lines; it never goes back.
    pub seq: u64,
}

/// What a command with a token wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ByToken {
    /// The entry.
    pub key: EntryKey,
    /// SHA-256 of the command, if it was kept.
    pub command: Option<[u8; 32]>,
}

/// The body of an entry.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// None came with it.
    None,
    /// As it came.
    Held(Vec<u8>),
    /// It was erased here, at this time in milliseconds since 1970 UTC.
    Erased {
        /// When.
        at: u64,
    },
}

/// Shows no text of a body.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::None => f.write_str("None"),
            Body::Held(bytes) => write!(f, "Held({} bytes)", bytes.len()),
            Body::Erased { at } => write!(f, "Erased({at})"),
        }
    }
}

/// A page of both logs of one epoch, the newest arrival first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The entries.
    pub rows: Vec<EntryRow>,
    /// Where the next page begins; `None` after the oldest entry.
    pub next: Option<[u64; 2]>,
}

impl Reader {
    /// All lines, in the order in which we came to know them.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Other`], as with all that follow.
    pub fn lines(&self) -> Result<Vec<LineRow>, StoreError> {
        self.with(|c| rows(c, "SELECT id, state, me, charter, added, retired FROM line ORDER BY no", [], line_row))
    }

    /// The heads of a line's logs, by epoch and party. Both logs of an epoch are there as soon as one has an entry.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn logs(&self, line: LineKey) -> Result<Vec<LogRow>, StoreError> {
        let sql =
            "SELECT epoch, epoch_id, party, size, edge, root, restored, halted FROM log JOIN line ON line.no = log.line
                   WHERE line.id = ?1 ORDER BY epoch, epoch_id, party";
        self.with(|c| rows(c, sql, params![line], |row| log_row(line, row)))
    }

    /// Entries of one log from index `from` on, at most `limit` and [`ROWS_MAX`].
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn entries(&self, log: LogKey, from: u64, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
        let sql = "SELECT place, seq, kind, thing, claimed, stored, bytes FROM entry
                   WHERE place BETWEEN ?1 AND ?2 ORDER BY place LIMIT ?3";
        self.with(|c| {
            let Some(no) = log_number(c, &log)?.filter(|_| from < INDEX_MAX) else {
                return Ok(Vec::new());
            };
            let span = params![place(no, from)?, place(no, INDEX_MAX - 1)?, limit.min(ROWS_MAX)];
            rows(c, sql, span, |row| entry_row(log, row))
        })
    }

    /// One entry.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn entry(&self, key: EntryKey) -> Result<Option<EntryRow>, StoreError> {
        Ok(self.entries(key.log, key.index, 1)?.pop().filter(|row| row.key == key))
    }

    /// The body of one entry.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn body(&self, key: EntryKey) -> Result<Body, StoreError> {
        let body = |row: &Row<'_>| {
            Ok(match (row.get(0)?, row.get::<_, Option<i64>>(1)?) {
                (Some(bytes), _) => Body::Held(bytes),
                (None, at) => Body::Erased { at: unsigned(at.unwrap_or(0)) },
            })
        };
        let found = self.at(key, "SELECT bytes, erased FROM body WHERE place = ?1", body)?;
        Ok(found.unwrap_or(Body::None))
    }

    /// How many bytes the body of an entry has; 0 if none is held. They are not read.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn body_bytes(&self, key: EntryKey) -> Result<u64, StoreError> {
        let sql = "SELECT ifnull(length(bytes), 0) FROM body WHERE place = ?1";
        Ok(self.at(key, sql, |row| Ok(unsigned(row.get(0)?)))?.unwrap_or(0))
    }

    /// Whether a body ever came with an entry, erased since or not.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn had_body(&self, key: EntryKey) -> Result<bool, StoreError> {
        Ok(self.at(key, "SELECT 1 FROM body WHERE place = ?1", |_| Ok(()))?.is_some())
    }

    /// The entries of one log of which somebody here has taken note, by index.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn noted(&self, log: LogKey) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT place FROM noted WHERE place BETWEEN ?1 AND ?2 ORDER BY place";
        self.with(|c| {
            let Some(no) = log_number(c, &log)? else { return Ok(Vec::new()) };
            let span = params![place(no, 0)?, place(no, INDEX_MAX - 1)?];
            rows(c, sql, span, |row| Ok(index(row.get(0)?)))
        })
    }

    /// Who at home did an act; `None` for the station itself and for the peer.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn actor(&self, key: EntryKey) -> Result<Option<Actor>, StoreError> {
        let actor = |row: &Row<'_>| Ok(Actor { user: row.get(0)?, token: row.get(1)?, command: row.get(2)? });
        self.at(key, "SELECT user, token, command FROM actor WHERE place = ?1", actor)
    }

    /// The thing that `opener` opened: it, then what both parties wrote of it, in the order of arrival, at most `limit`
    /// and [`ROWS_MAX`], from the arrival `from_seq` on (0: from the first).
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn thing(&self, opener: EntryKey, from_seq: u64, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
        let sql = "SELECT place, seq, kind, thing, claimed, stored, bytes FROM entry WHERE thing = ?1 AND seq >= ?2
                   UNION ALL
                   SELECT place, seq, kind, thing, claimed, stored, bytes FROM entry WHERE place = ?1 AND seq >= ?2
                   AND thing IS NOT ?1 ORDER BY seq LIMIT ?3";
        self.with(|c| {
            let Some(no) = log_number(c, &opener.log)? else {
                return Ok(Vec::new());
            };
            let at = place(no, opener.index)?;
            let other = LogKey { party: 1 - opener.log.party.min(1), ..opener.log };
            rows(c, sql, params![at, signed(from_seq), limit.min(ROWS_MAX)], |row| {
                let log = if row.get::<_, i64>(0)? >> 40 == no { opener.log } else { other };
                entry_row(log, row)
            })
        })
    }

    /// What a command with this token wrote.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn by_token(&self, token: &str) -> Result<Option<ByToken>, StoreError> {
        let sql = "SELECT actor.place, line.id, epoch, epoch_id, party, command FROM actor
                   JOIN log ON log.no = actor.place >> 40 JOIN line ON line.no = log.line WHERE token = ?1";
        let key = |row: &Row<'_>| {
            let epoch = EpochKey { number: unsigned(row.get(2)?), id: row.get(3)? };
            let log = LogKey { line: row.get(1)?, epoch, party: row.get(4)? };
            Ok(ByToken { key: EntryKey { log, index: index(row.get(0)?) }, command: row.get(5)? })
        };
        self.with(|c| Ok(c.prepare_cached(sql)?.query_row([token], key).optional()?))
    }

    /// A page of both logs of one epoch, newest arrival first, of entries below the indexes `before` (party 0, party 1;
    /// `[u64::MAX; 2]` for the first page). At most `limit` and [`ROWS_MAX`] rows.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn page(&self, line: LineKey, epoch: EpochKey, before: [u64; 2], limit: u32) -> Result<Page, StoreError> {
        let limit = limit.clamp(1, ROWS_MAX);
        let newest = |c: &Connection, party: u8, before: u64| {
            let log = LogKey { line, epoch, party };
            let Some(no) = log_number(c, &log)? else {
                return Ok(Vec::new());
            };
            let sql = "SELECT place, seq, kind, thing, claimed, stored, bytes FROM entry
                       WHERE place >= ?1 AND place < ?2 ORDER BY place DESC LIMIT ?3";
            let start = place(no, 0)?;
            let span = params![start, start + signed(before.min(INDEX_MAX)), limit];
            rows(c, sql, span, |row| entry_row(log, row))
        };
        let [first, second] = before;
        let mut rows = self.with(|c| {
            let mut rows = newest(c, 0, first)?;
            rows.extend(newest(c, 1, second)?);
            Ok(rows)
        })?;
        // Within a log arrivals rise with the index, so this keeps each log's order.
        rows.sort_by_key(|row| std::cmp::Reverse(row.seq));
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        rows.truncate(full);
        let below = |party: u8, before: u64| {
            let of_party = rows.iter().filter(|row| row.key.log.party == party);
            of_party.map(|row| row.key.index).min().unwrap_or(before)
        };
        let next = (rows.len() == full).then(|| [below(0, first), below(1, second)]);
        Ok(Page { rows, next: next.filter(|next| *next != [0, 0]) })
    }

    /// The evidence kept of a line, newest first, at most `limit` and [`ROWS_MAX`].
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn evidence(&self, line: LineKey, limit: u32) -> Result<Vec<Evidence>, StoreError> {
        let sql = "SELECT at, kind, detail, bytes FROM evidence WHERE line = ?1 ORDER BY id DESC LIMIT ?2";
        self.with(|c| rows(c, sql, params![line, limit.min(ROWS_MAX)], |row| evidence_row(line, row)))
    }

    /// The same, only what nobody here has taken note of.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn unnoted(&self, line: LineKey, limit: u32) -> Result<Vec<Evidence>, StoreError> {
        let sql =
            "SELECT at, kind, detail, bytes FROM evidence WHERE line = ?1 AND noted IS NULL ORDER BY id DESC LIMIT ?2";
        self.with(|c| rows(c, sql, params![line, limit.min(ROWS_MAX)], |row| evidence_row(line, row)))
    }

    /// Entries of our own logs of a line that the peer showed, in the order in which they came, after the first `from`; at most
    /// [`ROWS_MAX`].
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn shown(&self, line: LineKey, from: u32) -> Result<Vec<Showing>, StoreError> {
        let sql = "SELECT bytes, body FROM shown WHERE line = ?1 ORDER BY id LIMIT ?2 OFFSET ?3";
        let read = |row: &Row<'_>| Ok(Showing { line, bytes: row.get(0)?, body: row.get(1)? });
        self.with(|c| rows(c, sql, params![line, ROWS_MAX, from], read))
    }

    /// What people made of the parts of our own logs of a line that the peer showed, in the order in which they said so.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn judged(&self, line: LineKey) -> Result<Vec<Judged>, StoreError> {
        let sql = "SELECT epoch, epoch_id, size, root, taken, user FROM judged WHERE line = ?1 ORDER BY id";
        let read = |row: &Row<'_>| {
            let epoch = EpochKey { number: unsigned(row.get(0)?), id: row.get(1)? };
            let (size, root) = (unsigned(row.get(2)?), row.get(3)?);
            Ok(Judged { line, epoch, size, root, taken: row.get(4)?, user: row.get(5)? })
        };
        self.with(|c| rows(c, sql, params![line], read))
    }

    /// The body that came with an entry of ours that a peer showed.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn shown_body(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT body FROM shown WHERE bytes = ?1";
        let body = |c: &Connection| c.prepare_cached(sql)?.query_row([bytes], |row| row.get(0)).optional();
        self.with(|c| Ok(body(c)?.flatten()))
    }

    /// Whether this entry of ours is kept without its body: beside our log, or in it at this place.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn lacks_body(&self, key: EntryKey, bytes: &[u8]) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM shown WHERE bytes = ?1 AND body IS NULL";
        if self.with(|c| Ok(c.prepare_cached(sql)?.exists([bytes])?))? {
            return Ok(true);
        }
        Ok(!self.had_body(key)? && self.entry(key)?.is_some_and(|row| row.bytes == bytes))
    }

    /// The states of all pairing ceremonies.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn pairings(&self) -> Result<Vec<(LineKey, Vec<u8>)>, StoreError> {
        let sql = "SELECT line, state FROM pairing ORDER BY line";
        self.with(|c| rows(c, sql, [], |row| Ok((row.get(0)?, row.get(1)?))))
    }

    /// One setting.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn setting(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT value FROM setting WHERE key = ?1";
        self.with(|c| Ok(c.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?))
    }

    /// Whether this record was made as a backup: the epochs that came with it are old (§4.6), which their logs say too,
    /// and its open invitations are burned. It stays true, also of backups made from it.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn restored(&self) -> Result<bool, StoreError> {
        Ok(self.generation()? > 0)
    }

    /// How often this record was copied by a backup on its way here; 0: never. What was stored under a lower number is the
    /// original's.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn generation(&self) -> Result<u32, StoreError> {
        let sql = "SELECT value FROM meta WHERE key = 'restored'";
        self.with(|c| Ok(c.query_row(sql, [], |row| row.get(0))?))
    }

    fn at<T>(
        &self,
        key: EntryKey,
        sql: &str,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        self.with(|c| {
            let Some(no) = log_number(c, &key.log)?.filter(|_| key.index < INDEX_MAX) else {
                return Ok(None);
            };
            Ok(c.prepare_cached(sql)?.query_row([place(no, key.index)?], read).optional()?)
        })
    }
}

pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map(params, read)?.collect::<Result<_, _>>()?)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The index in a place.
pub(super) fn index(place: i64) -> u64 {
    unsigned(place) % INDEX_MAX
}

fn line_row(row: &Row<'_>) -> rusqlite::Result<LineRow> {
    let added = unsigned(row.get(4)?);
    Ok(LineRow {
        id: row.get(0)?,
        state: row.get(1)?,
        me: row.get(2)?,
        charter: row.get(3)?,
        added,
        retired: unsigned(row.get(5)?).checked_sub(1),
    })
}

fn evidence_row(line: LineKey, row: &Row<'_>) -> rusqlite::Result<Evidence> {
    let at = unsigned(row.get(0)?);
    Ok(Evidence { line, at, kind: row.get(1)?, detail: row.get(2)?, bytes: row.get(3)? })
}

fn log_row(line: LineKey, row: &Row<'_>) -> rusqlite::Result<LogRow> {
    let epoch = EpochKey { number: unsigned(row.get(0)?), id: row.get(1)? };
    let size = unsigned(row.get(3)?);
    Ok(LogRow {
        key: LogKey { line, epoch, party: row.get(2)? },
        size,
        edge: row.get(4)?,
        root: if size == 0 { EMPTY_ROOT } else { row.get(5)? },
        restored: row.get(6)?,
        halted: row.get::<_, Option<i64>>(7)?.map(unsigned),
    })
}

/// Reads `place, seq, kind, thing, claimed, stored, bytes` of an entry of `log`.
pub(super) fn entry_row(log: LogKey, row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    let at: i64 = row.get(0)?;
    // A thing lies in the same line and epoch, so in one of two logs.
    let thing = |thing: i64| {
        let party = if thing >> 40 == at >> 40 { log.party } else { 1 - log.party.min(1) };
        ThingRef { party, index: index(thing) }
    };
    Ok(EntryRow {
        key: EntryKey { log, index: index(at) },
        seq: unsigned(row.get(1)?),
        kind: unsigned(row.get(2)?),
        thing: row.get::<_, Option<i64>>(3)?.map(thing),
        claimed: unsigned(row.get(4)?),
        stored: unsigned(row.get(5)?),
        bytes: row.get(6)?,
    })
}
