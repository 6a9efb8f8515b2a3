//! Sessions of people, and links that begin one.

use rusqlite::{Connection, OptionalExtension, params};

use super::commit::signed;
use super::find::unsigned;
use super::people::{TokenHash, User, user};
use super::{Reader, StoreError};

/// Sessions of one user that run at a time: whoever has more screens has forgotten some.
const SESSIONS_MAX: i64 = 32;

/// A session that has begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// What is kept of its token.
    pub token: TokenHash,
    /// Whose.
    pub user: String,
    /// When it began, in milliseconds since 1970 UTC.
    pub begun: u64,
    /// When it ends by itself.
    pub until: u64,
    /// Who made the link by which it began; empty: it began by a password.
    pub maker: String,
}

/// By what a session begins. It is looked at again in the commit: what has changed since it was checked begins none.
#[derive(Clone, PartialEq, Eq)]
pub enum By {
    /// The password, as it was kept when it was checked.
    Secret(String),
    /// The same, and from now on another is kept; the sessions and links that there were end.
    Change {
        /// As it was kept when it was checked.
        was: String,
        /// As it is kept from now on.
        secret: String,
    },
    /// A link, which then serves no more.
    Link(TokenHash),
}

/// Begins a session by what still serves. Between the check and this commit the user may have gone or been changed: then none begins,
/// and nobody is made anew.
pub(super) fn begin(to: &Connection, session: &Session, by: &By) -> Result<(), StoreError> {
    let run = |sql: &str, row: &[&dyn rusqlite::ToSql]| to.prepare_cached(sql)?.execute(row);
    let user = &session.user;
    let maker: Option<String> = match by {
        By::Secret(secret) => {
            let sql = "SELECT '' FROM user WHERE name = ?1 AND secret = ?2";
            to.prepare_cached(sql)?.query_row(params![user, secret], |row| row.get(0)).optional()?
        }
        By::Change { was, secret } => {
            let sql = "UPDATE user SET secret = ?3 WHERE name = ?1 AND secret = ?2";
            let is_theirs = run(sql, params![user, was, secret])? > 0;
            if is_theirs {
                sessions_end(to, user)?;
            }
            is_theirs.then(String::new)
        }
        By::Link(token) => {
            let sql = "SELECT maker FROM link JOIN user ON user.name = link.user WHERE token = ?1 AND user = ?2 AND until > ?3";
            let row = params![token, user, signed(session.begun)];
            let maker = to.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
            run("DELETE FROM link WHERE token = ?1", params![token])?;
            maker
        }
    };
    run("DELETE FROM session WHERE until <= ?1", params![signed(session.begun)])?;
    if let Some(maker) = maker {
        let sql = "INSERT INTO session (token, user, begun, until, maker) VALUES (?1, ?2, ?3, ?4, ?5)";
        run(sql, params![session.token, user, signed(session.begun), signed(session.until), maker])?;
        // Those that began first end, whatever the clock said then.
        let sql = "DELETE FROM session WHERE user = ?1 AND rowid <=
                   (SELECT rowid FROM session WHERE user = ?1 ORDER BY rowid DESC LIMIT 1 OFFSET ?2)";
        run(sql, params![user, SESSIONS_MAX])?;
    }
    Ok(())
}

pub(super) fn sessions_end(to: &Connection, name: &str) -> Result<(), StoreError> {
    to.prepare_cached("DELETE FROM session WHERE user = ?1")?.execute([name])?;
    to.prepare_cached("DELETE FROM link WHERE user = ?1")?.execute([name])?;
    Ok(())
}

impl Reader {
    /// The session of this token, with its user, if it runs at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn session(&self, token: &TokenHash, now: u64) -> Result<Option<(Session, User)>, StoreError> {
        self.with(|c| {
            let sql = "SELECT user.name, role, secret, added, language, direction, begun, until, maker FROM session
                       JOIN user ON user.name = session.user WHERE token = ?1 AND until > ?2";
            let row = |row: &rusqlite::Row<'_>| {
                let user = user(row)?;
                let (begun, until) = (unsigned(row.get(6)?), unsigned(row.get(7)?));
                Ok((Session { token: *token, user: user.name.clone(), begun, until, maker: row.get(8)? }, user))
            };
            Ok(c.prepare_cached(sql)?.query_row(params![token, signed(now)], row).optional()?)
        })
    }

    /// Every session that runs at `now`, the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sessions(&self, now: u64) -> Result<Vec<Session>, StoreError> {
        self.with(|c| {
            let sql = "SELECT token, user, begun, until, maker FROM session WHERE until > ?1 ORDER BY begun DESC";
            let mut query = c.prepare_cached(sql)?;
            let row = |row: &rusqlite::Row<'_>| {
                let (begun, until) = (unsigned(row.get(2)?), unsigned(row.get(3)?));
                Ok(Session { token: row.get(0)?, user: row.get(1)?, begun, until, maker: row.get(4)? })
            };
            let rows = query.query_map([signed(now)], row)?.collect::<Result<_, _>>()?;
            Ok(rows)
        })
    }

    /// Whom the link of this token would sign in at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn link(&self, token: &TokenHash, now: u64) -> Result<Option<String>, StoreError> {
        self.with(|c| {
            let sql = "SELECT user FROM link WHERE token = ?1 AND until > ?2";
            Ok(c.prepare_cached(sql)?.query_row(params![token, signed(now)], |row| row.get(0)).optional()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::store::{Batch, People, Settings, Store};

    const TOKEN: TokenHash = [7; 32];

    fn user(name: &str) -> People {
        let (name, role, secret) = (name.into(), "watch".into(), "x".into());
        People::User(User { name, role, secret, added: 1, settings: Settings::default() })
    }

    fn session(user: &str, token: TokenHash) -> People {
        begins(user, token, By::Secret("x".into()))
    }

    fn begins(user: &str, token: TokenHash, by: By) -> People {
        People::Session {
            session: Session { token, user: user.into(), begun: 1, until: 100, maker: String::new() },
            by,
        }
    }

    fn link(user: &str, maker: &str) -> People {
        People::Link { token: [9; 32], user: user.into(), made: 1, until: 100, maker: maker.into() }
    }

    fn store(people: Vec<People>) -> (Scratch, Store, Reader) {
        let scratch = Scratch::new("sessions");
        Store::create(scratch.path()).unwrap();
        let mut store = Store::open(scratch.path()).unwrap();
        store.commit(&Batch { people, ..Batch::default() }).unwrap();
        let reader = store.reader().unwrap();
        (scratch, store, reader)
    }

    #[test]
    fn a_session_runs_until_its_time_and_no_longer() {
        let (_scratch, _store, reader) = store(vec![user("a"), session("a", TOKEN)]);

        let found = |now| reader.session(&TOKEN, now).unwrap().map(|(session, user)| (session.until, user.name));
        assert_eq!(found(99), Some((100, "a".into())));
        assert_eq!(found(100), None);
        assert!(reader.session(&[8; 32], 50).unwrap().is_none());
    }

    #[test]
    fn a_user_has_so_many_sessions_and_of_more_those_that_began_first_end() {
        let (_scratch, mut store, reader) = store(vec![user("a"), user("b"), session("b", [99; 32])]);
        let last = u8::try_from(SESSIONS_MAX).unwrap() + 2;

        for token in 1..=last {
            store.commit(&Batch { people: vec![session("a", [token; 32])], ..Batch::default() }).unwrap();
        }

        let runs = |token: u8| reader.session(&[token; 32], 50).unwrap().is_some();
        assert_eq!([1, 2, 3, last, 99].map(runs), [false, false, true, true, true]);
        assert_eq!(reader.sessions(50).unwrap().len(), usize::try_from(SESSIONS_MAX).unwrap() + 1);
    }

    #[test]
    fn when_a_user_goes_sessions_and_links_go_with_them() {
        let (_scratch, mut store, reader) =
            store(vec![user("a"), user("b"), session("a", TOKEN), session("b", [8; 32]), link("a", "b")]);
        assert_eq!(reader.link(&[9; 32], 50).unwrap().as_deref(), Some("a"));

        store.commit(&Batch { people: vec![People::UserEnds("a".into())], ..Batch::default() }).unwrap();

        assert!(reader.user("a").unwrap().is_none() && reader.session(&TOKEN, 50).unwrap().is_none());
        assert_eq!(reader.link(&[9; 32], 50).unwrap(), None);
        let left: Vec<String> = reader.sessions(50).unwrap().into_iter().map(|s| s.user).collect();
        assert_eq!(left, ["b"]);
    }

    #[test]
    fn a_session_begins_only_by_what_still_serves_when_it_is_kept() {
        let change = |was: &str| By::Change { was: was.into(), secret: "z".into() };
        let (_scratch, mut store, reader) =
            store(vec![user("a"), user("b"), user("c"), session("a", TOKEN), link("b", "c")]);
        let mut commit = |people| store.commit(&Batch { people, ..Batch::default() }).unwrap();
        let begun = |token: u8| reader.session(&[token; 32], 50).unwrap().map(|(session, _)| session.maker);

        // Who has gone, or whose password is another by now, begins nothing and is not made anew.
        commit(vec![People::UserEnds("c".into()), begins("c", [1; 32], change("x"))]);
        commit(vec![begins("a", [2; 32], change("other")), begins("a", [3; 32], By::Secret("other".into()))]);
        commit(vec![begins("a", [4; 32], By::Link([9; 32]))]);
        assert_eq!([1, 2, 3, 4].map(begun), [None, None, None, None]);
        assert!(reader.user("c").unwrap().is_none() && reader.session(&TOKEN, 50).unwrap().is_some());

        commit(vec![begins("a", [5; 32], change("x"))]);
        assert_eq!(reader.user("a").unwrap().map(|user| user.secret), Some("z".into()));
        assert_eq!((begun(5), reader.session(&TOKEN, 50).unwrap().is_none()), (Some(String::new()), true));
    }

    #[test]
    fn a_session_keeps_who_made_its_link_and_a_link_begins_one() {
        let (_scratch, mut store, reader) = store(vec![user("a"), link("a", "uid 1000")]);
        let mut commit = |people| store.commit(&Batch { people, ..Batch::default() }).unwrap();
        let begun = |token: u8| reader.session(&[token; 32], 50).unwrap().map(|(session, _)| session.maker);

        commit(vec![begins("a", [1; 32], By::Link([9; 32]))]);
        commit(vec![begins("a", [2; 32], By::Link([9; 32]))]);

        assert_eq!([1, 2].map(begun), [Some("uid 1000".into()), None]);
        assert_eq!(reader.sessions(50).unwrap().into_iter().map(|s| s.maker).collect::<Vec<_>>(), ["uid 1000"]);
    }
}
