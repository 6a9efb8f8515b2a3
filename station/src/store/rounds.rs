//! Rounds: which asks of ours, on several lines, belong together. Kept at home; nothing of it crosses a line.

use rusqlite::{Connection, OptionalExtension, params};

use super::commit::signed;
use super::find::unsigned;
use super::{EntryKey, Reader, StoreError};

/// Rounds that are read at one time.
const ROUNDS_READ_MAX: u32 = 50;

/// Asks that are about to be made. Kept first: after a crash between, the round says which of them were not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoundKept {
    /// The one-time id of the page that asks; sent twice it is one round.
    pub once: String,
    /// The round to which they are added; `None`: a new one.
    pub to: Option<u64>,
    /// Who asks.
    pub user: String,
    /// The line of each, and the token under which it is to be written.
    pub asks: Vec<([u8; 16], String)>,
}

/// A round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Round {
    /// Its number at this station.
    pub id: u64,
    /// Who began it.
    pub user: String,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
    /// The line of each ask, and where it was written; `None`: it was not.
    pub asks: Vec<([u8; 16], Option<EntryKey>)>,
}

pub(super) fn keep(to: &Connection, round: &RoundKept, now: u64) -> Result<(), StoreError> {
    let id = match round.to {
        Some(id) => signed(id),
        None => {
            let sql = "INSERT INTO round (once, user, at) VALUES (?1, ?2, ?3) ON CONFLICT (once) DO NOTHING";
            to.prepare_cached(sql)?.execute(params![round.once, round.user, signed(now)])?;
            let sql = "SELECT id FROM round WHERE once = ?1";
            to.prepare_cached(sql)?.query_row([&round.once], |row| row.get(0))?
        }
    };
    let sql = "INSERT INTO round_ask (round, line, token) VALUES (?1, ?2, ?3) ON CONFLICT (token) DO NOTHING";
    let mut insert = to.prepare_cached(sql)?;
    for (line, token) in &round.asks {
        insert.execute(params![id, line, token])?;
    }
    Ok(())
}

impl Reader {
    /// The number of the round that a page with this one-time id has begun.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn round_of(&self, once: &str) -> Result<Option<u64>, StoreError> {
        self.with(|c| {
            let mut query = c.prepare_cached("SELECT id FROM round WHERE once = ?1")?;
            Ok(query.query_row([once], |row| row.get(0).map(unsigned)).optional()?)
        })
    }

    /// The round of this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn round(&self, id: u64) -> Result<Option<Round>, StoreError> {
        let found = self.with(|c| {
            let round = c.prepare_cached("SELECT user, at FROM round WHERE id = ?1")?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, unsigned(row.get(1)?)));
            let Some((user, at)) = { round }.query_row([signed(id)], row).optional()? else { return Ok(None) };
            let mut query = c.prepare_cached("SELECT line, token FROM round_ask WHERE round = ?1 ORDER BY rowid")?;
            let rows = query.query_map([signed(id)], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let asks: Vec<([u8; 16], String)> = rows.collect::<Result<_, _>>()?;
            Ok(Some((user, at, asks)))
        })?;
        let Some((user, at, asks)) = found else { return Ok(None) };
        let written = |(line, token): ([u8; 16], String)| Ok((line, self.by_token(&token)?.map(|found| found.key)));
        let asks = asks.into_iter().map(written).collect::<Result<_, StoreError>>()?;
        Ok(Some(Round { id, user, at, asks }))
    }

    /// The numbers of the latest rounds, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rounds(&self) -> Result<Vec<u64>, StoreError> {
        self.with(|c| {
            let mut query = c.prepare_cached("SELECT id FROM round ORDER BY id DESC LIMIT ?1")?;
            let rows = query.query_map([ROUNDS_READ_MAX], |row| row.get(0).map(unsigned))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::store::{Batch, People, Store};

    fn kept(once: &str, to: Option<u64>, tokens: &[&str]) -> People {
        let asks = tokens.iter().map(|token| ([7; 16], (*token).to_owned())).collect();
        People::Round(RoundKept { once: once.into(), to, user: "a".into(), asks })
    }

    #[test]
    fn a_round_that_is_kept_twice_is_one_and_asks_that_were_not_made_are_known_as_such() {
        let scratch = Scratch::new("rounds");
        Store::create(scratch.path()).unwrap();
        let mut store = Store::open(scratch.path()).unwrap();
        let mut commit = |people| store.commit(&Batch { now: 9, people: vec![people], ..Batch::default() }).unwrap();
        commit(kept("x", None, &["1", "2"]));
        commit(kept("x", None, &["1", "2"]));
        commit(kept("y", None, &["3"]));
        commit(kept("z", Some(1), &["4"]));
        let reader = store.reader().unwrap();

        assert_eq!((reader.rounds().unwrap(), reader.round_of("y").unwrap()), (vec![2, 1], Some(2)));
        let first = reader.round(1).unwrap().unwrap();
        assert_eq!((first.user.as_str(), first.at, first.asks), ("a", 9, vec![([7; 16], None); 3]));
        assert_eq!((reader.round(3).unwrap(), reader.round_of("z").unwrap()), (None, None));
    }
}
