//! What is in order at this station and what is not: configuration, keys, database, and every line built again from its entries
//! and compared with what is stored. Reads only, but for a file that is gone when it has looked whether the disk takes one; the station
//! may serve meanwhile.

use std::path::Path;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::restore::Restore;
use counterpart_core::record::log::{Entry, opened_with, vouched};
use counterpart_core::record::sign1::{PublicKey, Strict};
use serde::{Deserialize, Serialize};

use super::compared::{Compared, Difference, Differing, compare};
use super::conduct::Conduct;
use super::stretch::entry;
use crate::certificates;
use crate::config::Config;
use crate::keys::Ring;
use crate::record::{load_judged, log_key};
use crate::store::{EntryKey, LineRow, LogRow, Reader, StoreError, takes_writes};
use crate::view::names::{Book, call_sign, name_in};
use crate::words::{Arg, Tell, Words};

/// Entries of one line that are named, of those beside which something else is kept than they say.
const DIFFERING_MAX: usize = 16;
/// A clock that is so far behind what this station has itself claimed was set back, in milliseconds.
const CLOCK_BEHIND_MS: u64 = 60_000;

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Report {
    /// Nothing is wrong.
    pub well: bool,
    /// The log of a peer is taken no further: it broke the protocol.
    pub halted: bool,
    /// One for each thing looked at.
    pub findings: Vec<Finding>,
}

/// One thing looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// configuration, desk, keys, disk, database, people, clock, line, conduct, voice or webhook.
    pub subject: String,
    /// It is in order.
    pub well: bool,
    /// What was found.
    pub sentence: String,
    /// What to do, if it is not in order.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none", default)]
    pub instead: Option<String>,
}

impl Report {
    /// Something that is not in order; the error speaks itself.
    pub(super) fn fault(&mut self, subject: &str, cause: &impl Tell, words: &Words) {
        let sentence = cause.sentence();
        self.well = false;
        self.findings.push(Finding {
            subject: subject.into(),
            well: false,
            sentence: words.told(&sentence),
            instead: Some(words.told_do(&sentence)),
        });
    }
}

/// Looks at everything in `data`. `is_held`: another program holds the database against this station. `now` is the station's clock, in
/// milliseconds since 1970 UTC.
pub fn examine(data: &Path, is_held: bool, now: u64, words: &Words) -> Report {
    let mut doctor = Doctor { words, report: Report { well: true, halted: false, findings: Vec::new() } };
    let config = Config::load(data);
    doctor.found(&CONFIGURATION, config.as_ref().map(drop).map_err(Clone::clone));
    if let Some(files) = config.iter().find_map(|config| config.desk.as_ref()?.tls.as_ref()) {
        doctor.found(&DESK, certificates::pair(files).map(drop));
    }
    let keys = Ring::load(data);
    doctor.found(&KEYS, keys.as_ref().map(drop).map_err(Clone::clone));
    doctor.found(&DISK, takes_writes(data));
    match Reader::open(data) {
        Err(error) => doctor.found(&DATABASE, Err(error)),
        Ok(reader) => {
            match reader.check() {
                Err(error) => doctor.found(&DATABASE, Err(error)),
                Ok(faults) => match faults.into_iter().next() {
                    None if is_held => doctor.found(&DATABASE, Err(StoreError::Busy)),
                    fault => doctor.found(&DATABASE, fault.map_or(Ok(()), Err)),
                },
            }
            if let Err(error) = doctor.lines(&reader, keys.ok().as_ref(), now) {
                doctor.found(&DATABASE, Err(error));
            }
        }
    }
    doctor.report
}

/// Something that is in order or not, with the name of the sentence for order; of the other the error speaks itself.
struct Subject {
    name: &'static str,
    well: &'static str,
}

const CONFIGURATION: Subject = Subject { name: "configuration", well: "doctor-configuration-well" };
const DESK: Subject = Subject { name: "desk", well: "doctor-desk-well" };
const KEYS: Subject = Subject { name: "keys", well: "doctor-keys-well" };
const DISK: Subject = Subject { name: "disk", well: "doctor-disk-well" };
const DATABASE: Subject = Subject { name: "database", well: "doctor-database-well" };

struct Doctor<'a> {
    words: &'a Words,
    report: Report,
}

/// The side of which a log has another head than the one that is stored. The station may have written while its entries were read: of a
/// log that has grown since before, the entry at the size that it had then names the head that it had.
fn head_differs(reader: &Reader, line: &Line, stored: [&[LogRow]; 2]) -> Result<Option<Party>, StoreError> {
    for (span, party) in line.spans().flat_map(|span| Party::BOTH.map(|party| (span, party))) {
        let (log, key) = (span.log(party), log_key(line.id(), span.epoch(), party));
        let head = log.head();
        let differs = match stored.map(|rows| rows.iter().find(|row| row.key == key)) {
            [None, None] => head.size > 0,
            [before, Some(now)] if before == Some(now) => {
                now.size != head.size || now.root != head.root || head.size > 0 && now.edge != log.edge().to_bytes()
            }
            [Some(before), _] if before.size < head.size => {
                let next = reader.entry(EntryKey { log: key, index: before.size })?;
                let named = next.map(|row| entry(&row)).transpose()?.map(|entry| entry.header.own);
                named.is_none_or(|named| named.size != before.size || named.root != before.root)
            }
            [Some(before), _] => before.size != head.size || before.root != head.root,
            [None, Some(_)] => false,
        };
        if differs {
            return Ok(Some(party));
        }
    }
    Ok(None)
}

impl Doctor<'_> {
    fn found(&mut self, subject: &Subject, result: Result<(), impl Tell>) {
        let Err(cause) = result else { return self.put(subject.name, true, subject.well, &[]) };
        self.report.fault(subject.name, &cause, self.words);
    }

    fn put(&mut self, subject: &str, well: bool, id: &str, args: &[(&'static str, Arg<'_>)]) {
        self.report.well &= well;
        self.report.findings.push(Finding {
            subject: subject.into(),
            well,
            sentence: self.words.say(id, args),
            instead: (!well).then(|| self.words.say_do(id, args)),
        });
    }

    fn lines(&mut self, reader: &Reader, keys: Option<&Ring>, now: u64) -> Result<(), StoreError> {
        let mut latest = 0;
        let rows = reader.lines()?;
        for row in &rows {
            self.line(reader, keys, row, &mut latest)?;
        }
        if reader.people_wait()? {
            self.put("people", false, "fault-people-wait", &[]);
        }
        // A line says so itself, until root has opened an epoch on it.
        if rows.is_empty() && reader.restored()? {
            self.put("database", false, "doctor-restored", &[]);
        }
        let behind = latest > now.saturating_add(CLOCK_BEHIND_MS);
        self.put("clock", !behind, if behind { "doctor-clock-wrong" } else { "doctor-clock-well" }, &[]);
        Ok(())
    }

    /// Builds the line from its entries, each judged and its signature checked, and compares with the stored heads.
    fn line(
        &mut self,
        reader: &Reader,
        keys: Option<&Ring>,
        row: &LineRow,
        latest: &mut u64,
    ) -> Result<(), StoreError> {
        let mut judge = |line: &Line, entry: &Entry| {
            let party = entry.header.party;
            if party == line.me() {
                *latest = entry.header.time.0.max(*latest);
            }
            judged(line, entry)
        };
        let before = reader.logs(row.id)?;
        let line = match load_judged(reader, row, &mut judge) {
            Ok(line) => line,
            Err(StoreError::Line { line, found }) => {
                self.put("line", false, "doctor-line-wrong", &[("line", line.into()), ("cause", found.into())]);
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        self.compared(reader, &line)?;
        self.conduct(reader, &line)?;
        let differs = head_differs(reader, &line, [&before, &reader.logs(row.id)?])?;
        let peer = ("peer", Arg::from(call_sign(&line, line.me().peer()).to_owned()));
        match differs {
            Some(party) => {
                let side = ("sign", Arg::from(call_sign(&line, party).to_owned()));
                self.put("line", false, "doctor-line-head", &[peer.clone(), side]);
            }
            None => {
                let entries = line.spans().flat_map(|span| span.heads().heads).map(|head| head.size).sum::<u64>();
                self.put("line", true, "doctor-line-well", &[peer.clone(), ("entries", entries.into())]);
            }
        }
        if line.restore() != Restore::Nothing {
            self.put("line", false, "doctor-line-waits", std::slice::from_ref(&peer));
        } else if line.awaits_judgement() {
            self.put("line", false, "doctor-line-judges", std::slice::from_ref(&peer));
        }
        if keys.is_some_and(|keys| keys.of_station(line.signer().as_bytes()).is_none()) {
            self.put("keys", false, "doctor-key-not-held", &[peer]);
        }
        Ok(())
    }

    /// Names the entries beside which something else is kept than they say.
    fn compared(&mut self, reader: &Reader, line: &Line) -> Result<(), StoreError> {
        let Compared { differing, erased } = compare(reader, line)?;
        let peer = ("peer", Arg::from(call_sign(line, line.me().peer()).to_owned()));
        for Differing { epoch, at, what } in differing.iter().take(DIFFERING_MAX) {
            let name = name_in(Book { line, epoch: *epoch }, *at);
            let mut args = vec![peer.clone(), ("name", name.into()), ("at", at.to_string().into())];
            args.push(("epoch", epoch.number.to_string().into()));
            let id = match what {
                Difference::Words => "doctor-words-changed",
                Difference::WordsGone => "doctor-words-gone",
                Difference::Column(column) => {
                    args.push(("column", (*column).into()));
                    "doctor-column"
                }
            };
            self.put("line", false, id, &args);
        }
        if let Some(more) = differing.len().checked_sub(DIFFERING_MAX).filter(|more| *more > 0) {
            self.put("line", false, "doctor-differing-more", &[peer.clone(), ("count", more.into())]);
        }
        if erased > 0 {
            self.put("line", true, "doctor-words-erased", &[peer, ("count", erased.into())]);
        }
        Ok(())
    }

    /// What the peer has broken, as the evidence that is kept shows. What somebody has taken note of, or is of an epoch that has
    /// ended, is told and asks for nobody; a halted log is, for as long as it is.
    fn conduct(&mut self, reader: &Reader, line: &Line) -> Result<(), StoreError> {
        let Conduct { kept, open } = Conduct::read(reader, line)?;
        let peer = ("peer", Arg::from(call_sign(line, line.me().peer()).to_owned()));
        if let Some(misconduct) = line.halted() {
            self.report.halted = true;
            let shown = kept.iter().any(|evidence| evidence.kind == misconduct.word());
            let id = if shown { "doctor-halted" } else { "doctor-halted-unshown" };
            self.put("conduct", false, id, &[peer.clone(), ("misconduct", misconduct.word().into())]);
        }
        let (told, id) = if open.is_empty() { (&kept, "doctor-conduct-past") } else { (&open, "doctor-conduct") };
        if let Some(last) = told.first() {
            let args = [peer, ("count", told.len().into()), ("misconduct", Arg::from(last.kind.clone()))];
            self.put("conduct", open.is_empty(), id, &args);
        }
        Ok(())
    }
}

/// Judges an entry of our store: its place, its signature, the keys that it brings. The heads that it names are the line's to judge:
/// what was taken back may name what nobody has shown yet.
fn judged(line: &Line, entry: &Entry) -> Result<(), Misconduct> {
    let (party, epoch) = (entry.header.party, entry.header.epoch);
    if let Some(span) = line.span(epoch).filter(|span| epoch == Epoch::FIRST || span.log(party).size() > 0) {
        return span.log(party).continues(entry, &Strict);
    }
    // Root opens an epoch; the other side joins it with the key in force before, that of the epochs read so far.
    let keys = line.keys(party);
    let key = if opened_with(&entry.header).is_some() { keys.root } else { keys.station };
    let key = PublicKey::from_bytes(key);
    let vouched = vouched(entry, &key, &PublicKey::from_bytes(keys.root), &Strict);
    if vouched { Ok(()) } else { Err(Misconduct::BadSignature) }
}
