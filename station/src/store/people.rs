//! People at home and their programs: users, their sessions, links that sign in once, tokens of programs. Of tokens only hashes are
//! kept. Nothing here crosses a line.

use rusqlite::{Connection, OptionalExtension, params};

use super::commit::signed;
use super::find::unsigned;
use super::keep::setting;
use super::rounds::RoundKept;
use super::sessions::{By, Session, begin, sessions_end};
use super::{LineKey, Reader, StoreError};

/// The setting that a backup has: who may sign in and call stands in it as it was then. A person's word takes it away.
pub(super) const PEOPLE_WAIT: &str = "people-wait";

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name by which they sign in and by which acts are kept.
    pub name: String,
    /// The word of the role.
    pub role: String,
    /// The password as it is kept.
    pub secret: String,
    /// When it was made, in milliseconds since 1970 UTC.
    pub added: u64,
    /// How their pages are set; kept when the user is made again.
    pub settings: Settings,
}

/// How a user's pages are set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// The tag of a language that ships; empty: as the browser asks.
    pub language: String,
    /// "rtl"; empty: as the language is written.
    pub direction: String,
}

/// A token by which a program calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiToken {
    /// The name by which its acts are kept.
    pub name: String,
    /// What is kept of it.
    pub hash: TokenHash,
    /// The word of the role.
    pub role: String,
    /// When it was made, in milliseconds since 1970 UTC.
    pub added: u64,
    /// When it ends by itself; `None`: it serves until it is revoked.
    pub until: Option<u64>,
}

impl ApiToken {
    /// Whether its time is over.
    pub fn has_ended(&self, now: u64) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// A change among people.
#[derive(Clone, PartialEq, Eq)]
pub enum People {
    /// A user, new. One who is there stays as they are.
    User(User),
    /// A user who is there is changed; sessions and links end.
    UserChanges {
        /// Whose.
        name: String,
        /// The word of the new role; `None`: it stays.
        role: Option<String>,
        /// The new password as it is kept; `None`: it stays.
        secret: Option<String>,
    },
    /// A user goes, with sessions and links. Acts keep the name.
    UserEnds(String),
    /// How a user's pages are set is changed.
    Settings {
        /// Whose.
        user: String,
        /// How.
        settings: Settings,
    },
    /// A session begins, if that by which it begins still serves; whose link it is makes [`Session::maker`].
    Session {
        /// Of whom, and how long.
        session: Session,
        /// By what.
        by: By,
    },
    /// A session ends.
    SessionEnds(TokenHash),
    /// All sessions and links of a user end.
    SessionsEnd(String),
    /// A link that signs `user` in once, until a time.
    Link {
        /// What is kept of its token.
        token: TokenHash,
        /// Whom it signs in.
        user: String,
        /// When it is made, in milliseconds since 1970 UTC: those whose time is over by then go.
        made: u64,
        /// In milliseconds since 1970 UTC.
        until: u64,
        /// Who made it, as acts are kept.
        maker: String,
    },
    /// A token of a program, new. Those whose time is over go.
    Token(ApiToken),
    /// The token of this name serves no more.
    TokenEnds(String),
    /// What was translated at home of a text of the peer's.
    Translations {
        /// Of which entry.
        key: String,
        /// All of them.
        value: Vec<u8>,
    },
    /// Somebody has taken note of all that is kept of what the peer of a line broke.
    ConductNoted {
        /// On which line.
        line: LineKey,
        /// Who.
        user: String,
    },
    /// A program that follows the record has been told of it up to a position.
    Followed {
        /// Under which it is kept among the settings.
        key: String,
        /// The position, as it is written.
        position: String,
    },
    /// Asks that belong together are about to be made, in a new round or one that is there.
    Round(RoundKept),
    /// A setting that a person has made on the desk, and its value.
    Setting(String, Vec<u8>),
    /// Of a record that came back with a backup: those who may sign in and call in it are those who should.
    Confirmed,
}

pub(super) fn keep(to: &Connection, change: &People, now: u64) -> Result<(), StoreError> {
    let run = |sql: &str, row: &[&dyn rusqlite::ToSql]| to.prepare_cached(sql)?.execute(row);
    match change {
        People::User(user) => {
            let sql = "INSERT INTO user (name, role, secret, added) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (name) DO NOTHING";
            run(sql, params![user.name, user.role, user.secret, signed(user.added)])?;
        }
        People::UserChanges { name, role, secret } => {
            sessions_end(to, name)?;
            let sql = "UPDATE user SET role = ifnull(?2, role), secret = ifnull(?3, secret) WHERE name = ?1";
            run(sql, params![name, role, secret])?;
        }
        People::UserEnds(name) => {
            sessions_end(to, name)?;
            run("DELETE FROM user WHERE name = ?1", params![name])?;
        }
        People::Settings { user, settings } => {
            let sql = "UPDATE user SET language = ?2, direction = ?3 WHERE name = ?1";
            run(sql, params![user, settings.language, settings.direction])?;
        }
        People::Session { session, by } => begin(to, session, by)?,
        People::SessionEnds(token) => {
            run("DELETE FROM session WHERE token = ?1", params![token])?;
        }
        People::SessionsEnd(name) => sessions_end(to, name)?,
        People::Link { token, user, made, until, maker } => {
            run("DELETE FROM link WHERE until <= ?1", params![signed(*made)])?;
            let sql = "INSERT INTO link (token, user, until, maker) VALUES (?1, ?2, ?3, ?4)";
            run(sql, params![token, user, signed(*until), maker])?;
        }
        People::Setting(key, value) => setting(to, key, Some(value))?,
        People::Confirmed => setting(to, PEOPLE_WAIT, None)?,
        People::Token(token) => {
            run("DELETE FROM api_token WHERE until <= ?1", params![signed(token.added)])?;
            let sql = "INSERT INTO api_token (name, hash, role, added, until) VALUES (?1, ?2, ?3, ?4, ?5)";
            let until = token.until.map(signed);
            run(sql, params![token.name, token.hash, token.role, signed(token.added), until])?;
        }
        People::TokenEnds(name) => {
            run("DELETE FROM api_token WHERE name = ?1", params![name])?;
        }
        People::Translations { key, value } => setting(to, key, Some(value.as_slice()))?,
        People::ConductNoted { line, user } => {
            run("UPDATE evidence SET noted = ?2 WHERE line = ?1 AND noted IS NULL", params![line, user])?;
        }
        People::Round(round) => super::rounds::keep(to, round, now)?,
        People::Followed { key, position } => setting(to, key, Some(position.as_bytes()))?,
    }
    Ok(())
}

impl People {
    /// Whether open pages of every role show it; `Some(false)`: those of whoever looks after people do. `None`: none does.
    pub fn is_for_all(&self) -> Option<bool> {
        match self {
            People::Followed { .. } => None,
            People::Settings { .. } | People::Translations { .. } | People::ConductNoted { .. } => Some(true),
            People::Round(_) | People::Setting(..) | People::Confirmed => Some(true),
            _ => Some(false),
        }
    }

    /// What is done to whoever may sign in or call, for the log; `None`: nothing that anybody else would look for there.
    pub fn word(&self) -> Option<&'static str> {
        match self {
            People::User(_) => Some("user-made"),
            People::UserChanges { .. } => Some("user-changed"),
            People::UserEnds(_) => Some("user-removed"),
            People::Session { by: By::Change { .. }, .. } => Some("password-changed"),
            People::SessionsEnd(_) => Some("user-signed-out"),
            People::Link { .. } => Some("link-made"),
            People::Token(_) => Some("token-made"),
            People::TokenEnds(_) => Some("token-revoked"),
            People::Confirmed => Some("people-confirmed"),
            _ => None,
        }
    }
}

impl Reader {
    /// A user of this name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.with(|c| {
            let sql = "SELECT name, role, secret, added, language, direction FROM user WHERE name = ?1";
            Ok(c.prepare_cached(sql)?.query_row([name], user).optional()?)
        })
    }

    /// Whether who may sign in and call stands as a backup had it, and no person has said yet that it is as it should be: who had
    /// gone since would be back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn people_wait(&self) -> Result<bool, StoreError> {
        Ok(self.setting(PEOPLE_WAIT)?.is_some())
    }

    /// Every user, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn users(&self) -> Result<Vec<User>, StoreError> {
        self.with(|c| {
            let mut query =
                c.prepare_cached("SELECT name, role, secret, added, language, direction FROM user ORDER BY name")?;
            let rows = query.query_map([], user)?.collect::<Result<_, _>>()?;
            Ok(rows)
        })
    }
}

impl Reader {
    /// The token of a program that has this hash, also after its time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn token(&self, hash: &TokenHash) -> Result<Option<ApiToken>, StoreError> {
        self.with(|c| {
            let sql = "SELECT name, hash, role, added, until FROM api_token WHERE hash = ?1";
            Ok(c.prepare_cached(sql)?.query_row([hash], token).optional()?)
        })
    }

    /// Every token of a program, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        self.with(|c| {
            let mut query = c.prepare_cached("SELECT name, hash, role, added, until FROM api_token ORDER BY name")?;
            let rows = query.query_map([], token)?.collect::<Result<_, _>>()?;
            Ok(rows)
        })
    }
}

fn token(row: &rusqlite::Row<'_>) -> rusqlite::Result<ApiToken> {
    let until = row.get::<_, Option<i64>>(4)?.map(unsigned);
    Ok(ApiToken { name: row.get(0)?, hash: row.get(1)?, role: row.get(2)?, added: unsigned(row.get(3)?), until })
}

pub(super) fn user(row: &rusqlite::Row<'_>) -> rusqlite::Result<User> {
    let settings = Settings { language: row.get(4)?, direction: row.get(5)? };
    Ok(User { name: row.get(0)?, role: row.get(1)?, secret: row.get(2)?, added: unsigned(row.get(3)?), settings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::store::{Batch, Store};

    const TOKEN: TokenHash = [7; 32];

    fn user(name: &str) -> People {
        let (name, role, secret) = (name.into(), "watch".into(), "x".into());
        People::User(User { name, role, secret, added: 1, settings: Settings::default() })
    }

    fn store(people: Vec<People>) -> (Scratch, Store, Reader) {
        let scratch = Scratch::new("people");
        Store::create(scratch.path()).unwrap();
        let mut store = Store::open(scratch.path()).unwrap();
        store.commit(&Batch { people, ..Batch::default() }).unwrap();
        let reader = store.reader().unwrap();
        (scratch, store, reader)
    }

    #[test]
    fn a_token_serves_until_it_is_revoked() {
        let kept = ApiToken { name: "Dispatch".into(), hash: TOKEN, role: "watch".into(), added: 5, until: None };
        let (_scratch, mut store, reader) = store(vec![People::Token(kept.clone())]);
        assert_eq!((reader.token(&TOKEN).unwrap(), reader.token(&[8; 32]).unwrap()), (Some(kept.clone()), None));
        assert_eq!(reader.tokens().unwrap(), [kept]);

        store.commit(&Batch { people: vec![People::TokenEnds("Dispatch".into())], ..Batch::default() }).unwrap();

        assert_eq!((reader.token(&TOKEN).unwrap(), reader.tokens().unwrap()), (None, Vec::new()));
    }

    #[test]
    fn a_token_whose_time_is_over_goes_when_the_next_is_made() {
        let kept = |name: &str, hash, [added, until]: [u64; 2]| ApiToken {
            name: name.into(),
            hash,
            role: "watch".into(),
            added,
            until: Some(until),
        };
        let (_scratch, mut store, reader) = store(vec![People::Token(kept("Dispatch", TOKEN, [5, 100]))]);
        assert!(!reader.tokens().unwrap()[0].has_ended(99) && reader.tokens().unwrap()[0].has_ended(100));

        let next = kept("Dispatch", [8; 32], [100, 200]);
        store.commit(&Batch { people: vec![People::Token(next.clone())], ..Batch::default() }).unwrap();

        assert_eq!((reader.token(&TOKEN).unwrap(), reader.tokens().unwrap()), (None, vec![next]));
    }

    #[test]
    fn a_user_that_is_added_again_stays_and_one_that_is_changed_keeps_how_their_pages_are_set() {
        let set = Settings { language: "ru".into(), direction: "rtl".into() };
        let setting = People::Settings { user: "a".into(), settings: set.clone() };
        let (_scratch, mut store, reader) = store(vec![user("a"), user("b"), setting]);
        let (role, secret) = ("admin".into(), "y".into());
        let again = User { name: "b".into(), role, secret, added: 5, settings: Settings::default() };
        let changed = People::UserChanges { name: "a".into(), role: Some("admin".into()), secret: None };

        store.commit(&Batch { people: vec![People::User(again), changed], ..Batch::default() }).unwrap();

        let users = reader.users().unwrap();
        assert_eq!(
            users.iter().map(|u| (u.role.as_str(), u.secret.as_str(), u.added)).collect::<Vec<_>>(),
            [("admin", "x", 1), ("watch", "x", 1)]
        );
        assert_eq!(users.iter().map(|u| &u.settings).collect::<Vec<_>>(), [&set, &Settings::default()]);
    }
}
