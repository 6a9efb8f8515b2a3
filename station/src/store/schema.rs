//! The tables. Plain bytes and integers: no rule and no clock in SQL.
//!
//! An entry's place is one integer, `log.no << 40 | index`: it is the row id, so that a log lies in order on disk, and
//! bodies and actors are found by the same number. Migrations are only ever added to.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::StoreError;

/// "CPRT", in the header of the file, so that no other program's database is taken for ours.
const APPLICATION_ID: i64 = 0x4350_5254;

/// Number `n` brings a database from version `n` to `n + 1`.
pub(super) const MIGRATIONS: &[&str] = &[
    FIRST, HALTED, PEOPLE, NOTED, SHOWN, TOKENS, SETTINGS, ARRIVALS, JUDGED, MAKERS, ENDING, ROUNDS, CONDUCT, COMMANDS,
];

/// The version that this program writes.
pub(super) const NEWEST: u32 = MIGRATIONS.len() as u32;

const FIRST: &str = "
CREATE TABLE line (
    no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, state INTEGER NOT NULL, me INTEGER NOT NULL,
    charter BLOB NOT NULL, added INTEGER NOT NULL) STRICT;
CREATE TABLE log (
    no INTEGER PRIMARY KEY, line INTEGER NOT NULL, epoch INTEGER NOT NULL, epoch_id BLOB NOT NULL,
    party INTEGER NOT NULL, size INTEGER NOT NULL, edge BLOB NOT NULL, root BLOB NOT NULL,
    restored INTEGER NOT NULL, UNIQUE (line, epoch, epoch_id, party)) STRICT;
CREATE TABLE entry (
    place INTEGER PRIMARY KEY, seq INTEGER NOT NULL, kind INTEGER NOT NULL, thing INTEGER,
    claimed INTEGER NOT NULL, stored INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE INDEX entry_thing ON entry (thing, seq) WHERE thing IS NOT NULL;
CREATE TABLE body (place INTEGER PRIMARY KEY, erased INTEGER, bytes BLOB) STRICT;
CREATE TABLE actor (place INTEGER PRIMARY KEY, user TEXT NOT NULL, token TEXT UNIQUE) STRICT;
CREATE TABLE evidence (
    id INTEGER PRIMARY KEY, line BLOB NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL,
    bytes BLOB NOT NULL) STRICT;
CREATE INDEX evidence_line ON evidence (line, id);
CREATE TABLE pairing (line BLOB PRIMARY KEY, state BLOB NOT NULL) STRICT;
CREATE TABLE setting (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
";

/// The number of the misconduct that halted a log: apart from the evidence, of which the oldest goes.
const HALTED: &str = "ALTER TABLE log ADD COLUMN halted INTEGER;";

const PEOPLE: &str = "
CREATE TABLE user (name TEXT PRIMARY KEY, role TEXT NOT NULL, secret TEXT NOT NULL, added INTEGER NOT NULL) STRICT;
CREATE TABLE session (
    token BLOB PRIMARY KEY, user TEXT NOT NULL, begun INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;
CREATE TABLE link (token BLOB PRIMARY KEY, user TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
";
/// What a peer showed of our own log, beside the logs; and the lines on which it showed that our link key is retired.
const SHOWN: &str = "
CREATE TABLE shown (
    id INTEGER PRIMARY KEY, line BLOB NOT NULL, bytes BLOB NOT NULL UNIQUE, body BLOB, at INTEGER NOT NULL) STRICT;
CREATE INDEX shown_line ON shown (line, id);
ALTER TABLE line ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;";

/// Tokens by which programs call.
const TOKENS: &str = "
CREATE TABLE api_token (
    name TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, role TEXT NOT NULL, added INTEGER NOT NULL) STRICT;";

/// Until when a token serves; absent: until it is revoked, as those that were made before there were ends.
const ENDING: &str = "ALTER TABLE api_token ADD COLUMN until INTEGER;";

/// Asks on several lines that belong together, by the tokens under which they were to be written: a round is kept before its asks are.
const ROUNDS: &str = "
CREATE TABLE round (id INTEGER PRIMARY KEY, once TEXT NOT NULL UNIQUE, user TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE round_ask (round INTEGER NOT NULL, line BLOB NOT NULL, token TEXT NOT NULL UNIQUE) STRICT;
CREATE INDEX round_ask_round ON round_ask (round);";

/// How a user's pages are set: the tag of a language, empty to follow the browser; and the direction, empty to follow the language.
const SETTINGS: &str = "
ALTER TABLE user ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE user ADD COLUMN direction TEXT NOT NULL DEFAULT '';";

/// Entries are found by their arrival, for programs that follow the record.
const ARRIVALS: &str = "CREATE INDEX entry_seq ON entry (seq);";

/// What a person took, or did not take, of what a peer showed of our own log, and who: a part, by the head at its end.
const JUDGED: &str = "
CREATE TABLE judged (
    id INTEGER PRIMARY KEY, line BLOB NOT NULL, epoch INTEGER NOT NULL, epoch_id BLOB NOT NULL, size INTEGER NOT NULL,
    root BLOB NOT NULL, taken INTEGER NOT NULL, user TEXT NOT NULL, at INTEGER NOT NULL,
    UNIQUE (line, epoch, epoch_id, size, root, taken)) STRICT;";

/// Who made a link, and the link by which a session began.
const MAKERS: &str = "
ALTER TABLE link ADD COLUMN maker TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN maker TEXT NOT NULL DEFAULT '';";

/// What a command was, beside its token: SHA-256. Commands of before have none.
const COMMANDS: &str = "ALTER TABLE actor ADD COLUMN command BLOB;";

/// Who has taken note of what a peer broke.
const CONDUCT: &str = "ALTER TABLE evidence ADD COLUMN noted TEXT;";

/// Acts of a peer of which a person here has taken note, or a channel for one, and asks that an ended epoch broke off: they ring no
/// more (§7.4).
const NOTED: &str = "CREATE TABLE noted (place INTEGER PRIMARY KEY, user TEXT NOT NULL, at INTEGER NOT NULL) STRICT;";

/// Writes what tells our databases from others, and version 0.
pub(super) fn found(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.execute_batch(
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
         INSERT INTO meta (key, value) VALUES ('schema_version', 0), ('restored', 0);",
    )?;
    Ok(())
}

/// The version of the schema; `None` if this is no database of ours.
pub(super) fn version(connection: &Connection) -> Result<Option<u32>, StoreError> {
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id != APPLICATION_ID {
        return Ok(None);
    }
    let sql = "SELECT value FROM meta WHERE key = 'schema_version'";
    Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?)
}

/// Brings the schema from version `from` up to the last of `migrations`, all in one transaction.
pub(super) fn migrate(connection: &mut Connection, from: u32, migrations: &[&str]) -> Result<(), StoreError> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let mut version = from;
    for step in migrations.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        transaction.execute_batch(step)?;
        version += 1;
    }
    transaction.execute("UPDATE meta SET value = ?1 WHERE key = 'schema_version'", [version])?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: &str = "ALTER TABLE setting ADD COLUMN changed INTEGER NOT NULL DEFAULT 7;";

    fn first() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        found(&connection).unwrap();
        migrate(&mut connection, 0, &[FIRST]).unwrap();
        connection.execute("INSERT INTO setting (key, value) VALUES ('k', x'01')", []).unwrap();
        connection
    }

    #[test]
    fn an_older_database_is_brought_up_with_what_it_holds() {
        let mut connection = first();

        migrate(&mut connection, 1, &[FIRST, NEXT]).unwrap();

        let changed: i64 = connection.query_row("SELECT changed FROM setting", [], |row| row.get(0)).unwrap();
        assert_eq!((version(&connection).unwrap(), changed), (Some(2), 7));
    }

    #[test]
    fn tokens_that_were_made_before_there_were_ends_are_there_after_an_upgrade_and_have_none() {
        let scratch = crate::scratch::Scratch::new("schema-ends");
        let before = MIGRATIONS.iter().position(|step| *step == ENDING).unwrap();
        let mut older = Connection::open(scratch.path().join(crate::store::DATABASE_FILE)).unwrap();
        found(&older).unwrap();
        migrate(&mut older, 0, &MIGRATIONS[..before]).unwrap();
        let sql = "INSERT INTO api_token (name, hash, role, added) VALUES ('Dispatch', zeroblob(32), 'watch', 5)";
        older.execute(sql, []).unwrap();
        drop(older);

        let store = crate::store::Store::open(scratch.path()).unwrap();

        let kept = store.reader().unwrap().token(&[0; 32]).unwrap().unwrap();
        assert_eq!((kept.name.as_str(), kept.until, kept.has_ended(u64::MAX)), ("Dispatch", None, false));
    }

    #[test]
    fn a_migration_that_fails_leaves_the_older_database() {
        let mut connection = first();

        let failed = migrate(&mut connection, 1, &[FIRST, NEXT, "CREATE TABLE nonsense ("]);

        assert!(failed.is_err());
        assert_eq!(version(&connection).unwrap(), Some(1));
        assert!(connection.prepare("SELECT changed FROM setting").is_err());
    }

    #[test]
    fn another_programs_database_is_not_taken_for_ours() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE meta (key TEXT, value INTEGER)").unwrap();

        assert_eq!(version(&connection).unwrap(), None);
    }
}
