//! Finding entries in the record: by type, request, side, time, standing and words. Every look is bounded: by a page, by one
//! request, or by so many positions, after which the page says how far it has looked and goes on from there.

use std::collections::VecDeque;

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::record::body::Body;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Entry;

use super::stretch::{Logs, entry};
use crate::record::{entry_key, log_key};
use crate::store::{self, ROWS_MAX, Range, StoreError};
use crate::view::order::merge;

/// Positions that one look goes through at most.
pub(crate) const LOOKED_MAX: u64 = 20_000;
/// Positions that are read at one time.
const STEP: u64 = 2_000;
/// Entries of one request that are looked at.
const THREAD_MAX: usize = 4_096;

/// Which way a page reads, and from where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Towards {
    /// The entries before this position.
    Earlier(u64),
    /// The entries from this position on.
    Later(u64),
}

/// What is looked for; without anything, every entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sieve {
    /// Of this type.
    pub kind: Option<Kind>,
    /// Of this side's log.
    pub party: Option<Party>,
    /// Stored here at this time or later, and before the other, in milliseconds since 1970 UTC.
    pub stored: [Option<u64>; 2],
    /// With these words, in small letters.
    pub words: Option<String>,
    /// Only these, of the positions that were looked through for them.
    pub among: Option<Among>,
}

/// Entries that were found by other means: their indexes in each log, rising. They are read when a page needs them.
#[derive(Clone, Debug)]
pub(crate) struct Among {
    pub indexes: [Vec<u64>; 2],
    /// The positions that were looked through.
    pub looked: [u64; 2],
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub entries: Vec<Entry>,
    /// Earlier ones end before this position.
    pub earlier: Option<u64>,
    /// Later ones begin at this position.
    pub later: Option<u64>,
    /// It was not looked further, though the page is not full.
    pub is_cut: bool,
}

/// The part of the record in which something may be found.
struct Field {
    /// Indexes, from and until, of each log.
    indexes: [[u64; 2]; 2],
    /// Positions, from and until.
    positions: [u64; 2],
}

/// Everything that both sides wrote of one thing.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn thread(logs: &Logs, thing: EntryRef) -> Result<Among, StoreError> {
    let opener = entry_key(logs.line, logs.epoch, thing);
    let mut indexes: [Vec<u64>; 2] = Default::default();
    let (mut from, mut looked) = (0, 0);
    while looked < THREAD_MAX {
        let rows = logs.reader.thing(opener, from, ROWS_MAX)?;
        let Some(last) = rows.last() else { break };
        (from, looked) = (last.seq + 1, looked + rows.len());
        for row in rows {
            let slot = usize::from(row.key.log.party);
            if let Some(log) = indexes.get_mut(slot).filter(|_| logs.sizes[slot] > row.key.index) {
                log.push(row.key.index);
            }
        }
    }
    Ok(Among { indexes, looked: [0, logs.order().total()] })
}

/// A page of what is looked for, at most `limit` entries.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn find(logs: &Logs, sieve: &Sieve, towards: Towards, limit: usize) -> Result<Found, StoreError> {
    let field = field(logs, sieve)?;
    let [low, high] = field.positions;
    if low >= high {
        return Ok(Found::default());
    }
    let every = sieve.among.is_none() && sieve.kind.is_none() && sieve.party.is_none() && sieve.words.is_none();
    let step = match &sieve.among {
        Some(among) => among.looked[1],
        None if every => limit as u64,
        None => STEP,
    };
    let mut kept: VecDeque<Entry> = VecDeque::new();
    let is_earlier = matches!(towards, Towards::Earlier(_));
    let (Towards::Earlier(asked) | Towards::Later(asked)) = towards;
    let begin = asked.clamp(low, high);
    let (mut at, mut looked) = (begin, 0);
    let end = if is_earlier { low } else { high };
    // One more than the page holds says where the next page begins.
    while at != end && kept.len() <= limit && looked < LOOKED_MAX {
        let next = if is_earlier { at.saturating_sub(step).max(low) } else { at.saturating_add(step).min(high) };
        let span = if is_earlier { [next, at] } else { [at, next] };
        let rows = window(logs, sieve, &field, span, (limit + 1, is_earlier))?;
        if is_earlier {
            rows.into_iter().rev().for_each(|entry| kept.push_front(entry));
        } else {
            kept.extend(rows);
        }
        looked += span[1] - span[0];
        at = next;
        // Without a sieve a step is a page.
        if every {
            break;
        }
    }
    let is_over = kept.len() > limit;
    while kept.len() > limit {
        if is_earlier { drop(kept.pop_front()) } else { drop(kept.pop_back()) }
    }
    let far = match (is_over, if is_earlier { kept.front() } else { kept.back() }) {
        (true, Some(entry)) => Some(logs.order().position(entry.header.at())? + u64::from(!is_earlier)),
        _ => (at != end).then_some(at),
    };
    let near = if is_earlier { (begin < high).then_some(begin) } else { (begin > low).then_some(begin) };
    let is_cut = !every && !is_over && far.is_some();
    let (earlier, later) = if is_earlier { (far, near) } else { (near, far) };
    Ok(Found { entries: kept.into(), earlier, later, is_cut })
}

/// Where something may be found at all.
fn field(logs: &Logs, sieve: &Sieve) -> Result<Field, StoreError> {
    let order = logs.order();
    let mut indexes = [[0; 2]; 2];
    for party in Party::BOTH {
        let (size, log) = (logs.sizes[party.slot()], log_key(logs.line, logs.epoch, party));
        let at = |time: Option<u64>, none: u64| time.map_or(Ok(none), |ms| logs.reader.stored_from(log, size, ms));
        let [since, until] = sieve.stored;
        let of = if sieve.party.is_none_or(|only| only == party) { [at(since, 0)?, at(until, size)?] } else { [0, 0] };
        if let Some(place) = indexes.get_mut(party.slot()) {
            *place = of;
        }
    }
    let mut positions = [u64::MAX, 0];
    for party in Party::BOTH {
        let [from, until] = indexes[party.slot()];
        if from < until {
            let first = order.position(EntryRef { party, index: from })?;
            let last = order.position(EntryRef { party, index: until - 1 })? + 1;
            positions = [positions[0].min(first), positions[1].max(last)];
        }
    }
    let [from, until] = sieve.among.as_ref().map_or([0, order.total()], |among| among.looked);
    Ok(Field { indexes, positions: [positions[0].min(until).max(from), positions[1].min(until)] })
}

/// What is found between two positions: of each log the newest or the oldest, so many; no more are in memory at one time.
fn window(
    logs: &Logs,
    sieve: &Sieve,
    field: &Field,
    [from, until]: [u64; 2],
    (most, newest): (usize, bool),
) -> Result<Vec<Entry>, StoreError> {
    let picked = |party: Party, indexes: Vec<u64>| picked(logs, sieve, party, indexes, (most, newest));
    let order = logs.order();
    let cuts = [order.cut(from)?, order.cut(until)?];
    let mut found: [Vec<Entry>; 2] = Default::default();
    for (party, found) in Party::BOTH.into_iter().zip(&mut found) {
        let [first, last] = field.indexes[party.slot()];
        let (from, until) = (cuts[0][party.slot()].max(first), cuts[1][party.slot()].min(last));
        if from >= until {
            continue;
        }
        let mut entries = match (&sieve.among, &sieve.words) {
            (Some(among), _) => {
                let indexes = among.indexes[party.slot()].iter().copied();
                picked(party, indexes.filter(|index| (from..until).contains(index)).collect())?
            }
            (None, Some(words)) => {
                let log = log_key(logs.line, logs.epoch, party);
                picked(party, logs.reader.with_body(log, [from, until], |body| says(body, words))?)?
            }
            (None, None) => {
                let kind = sieve.kind.map(Kind::number);
                let range = Range { log: log_key(logs.line, logs.epoch, party), from, until, kind, newest };
                let rows = logs.reader.range(&range, u32::try_from(most).unwrap_or(ROWS_MAX))?;
                rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?
            }
        };
        entries.sort_by_key(|e| e.header.own.size);
        *found = entries;
    }
    let [inviter, joiner] = found;
    Ok(merge(&inviter, &joiner).into_iter().cloned().collect())
}

/// Of these entries of one log those that are looked for, the newest or the oldest, so many.
fn picked(
    logs: &Logs,
    sieve: &Sieve,
    party: Party,
    mut indexes: Vec<u64>,
    (most, newest): (usize, bool),
) -> Result<Vec<Entry>, StoreError> {
    if newest {
        indexes.reverse();
    }
    let mut found = Vec::new();
    for index in indexes {
        if found.len() == most {
            break;
        }
        let entry = logs.entry(EntryRef { party, index })?;
        let is_of_kind = sieve.kind.is_none_or(|kind| entry.header.kind() == Some(kind));
        if is_of_kind && sieve.words.as_ref().map_or(Ok(true), |words| has_words(logs, &entry, words))? {
            found.push(entry);
        }
    }
    Ok(found)
}

/// Whether the body of an entry is held and has these words.
fn has_words(logs: &Logs, entry: &Entry, words: &str) -> Result<bool, StoreError> {
    let key = entry_key(logs.line, logs.epoch, entry.header.at());
    Ok(matches!(logs.reader.body(key)?, store::Body::Held(body) if holds(entry, &body, words)))
}

/// Whether the body of an entry is what was signed, and text with these words.
fn holds(entry: &Entry, body: &[u8], words: &str) -> bool {
    says(body, words) && entry.header.attests(body)
}

/// Whether a body is text with these words, whatever the size of its letters.
fn says(body: &[u8], words: &str) -> bool {
    let body = Body::decode(body);
    body.as_ref().and_then(Body::text).is_some_and(|text| text.to_lowercase().contains(words))
}

#[cfg(test)]
mod tests {
    use counterpart_core::record::merkle::Edge;

    use super::*;
    use crate::scratch::Scratch;
    use crate::store::{Append, Batch, EntryKey, HeadUpdate, LineUpdate, Store};
    use crate::view::trial::Trial;

    /// A line on which both write, by turns seen and unseen by the other, an hour between rounds.
    fn written() -> Trial {
        let mut trial = Trial::new();
        for round in 0..40 {
            let by = if round % 2 == 0 { Party::Inviter } else { Party::Joiner };
            let ask = trial.ask(by);
            if round % 3 == 0 {
                trial.ask(by.peer());
            }
            trial.carry();
            if round % 5 == 0 {
                trial.seen(ask);
            }
            trial.wait_ms(3_600_000);
        }
        trial
    }

    /// The same in a store; each entry was stored when it claims.
    fn kept(trial: &Trial) -> (Scratch, Store, Logs) {
        let scratch = Scratch::new("find");
        Store::create(scratch.path()).unwrap();
        let mut store = Store::open(scratch.path()).unwrap();
        let line = &trial.lines[0];
        let key = line.id().0;
        let lines = vec![LineUpdate { id: key, state: 1, me: 0, charter: Vec::new(), added: 0 }];
        store.commit(&Batch { lines, ..Batch::default() }).unwrap();
        for (party, entries) in Party::BOTH.into_iter().zip(&trial.logs) {
            let log = log_key(line.id(), line.epoch(), party);
            let mut edge = Edge::new();
            for entry in entries {
                edge.push(entry.leaf);
                let at = entry.header.at();
                let thing = line.facts().all().fact(at).map(|fact| fact.thing);
                let append = Append {
                    key: EntryKey { log, index: at.index },
                    bytes: entry.bytes.clone(),
                    body: trial.bodies.get(&at).cloned(),
                    kind: entry.header.kind().unwrap().number(),
                    thing: thing.map(|at| store::ThingRef { party: at.party.number() as u8, index: at.index }),
                    claimed: entry.header.time.0,
                    actor: None,
                };
                let head = HeadUpdate { log, size: at.index + 1, edge: edge.to_bytes(), root: edge.root() };
                let now = entry.header.time.0;
                store.commit(&Batch { now, appends: vec![append], heads: vec![head], ..Batch::default() }).unwrap();
            }
        }
        let sizes = trial.logs.each_ref().map(|log| log.len() as u64);
        let logs = Logs { reader: store.reader().unwrap(), line: line.id(), epoch: line.epoch(), sizes };
        (scratch, store, logs)
    }

    /// Every page of a sieve, read one way to the end, in merge order.
    fn pages(logs: &Logs, sieve: &Sieve, is_earlier: bool) -> Vec<EntryRef> {
        let total = logs.order().total();
        let mut found = VecDeque::new();
        let mut at = Some(if is_earlier { total } else { 0 });
        while let Some(position) = at {
            let towards = if is_earlier { Towards::Earlier(position) } else { Towards::Later(position) };
            let page = find(logs, sieve, towards, 7).unwrap();
            assert!(page.entries.len() <= 7);
            let refs = page.entries.iter().map(|e| e.header.at());
            if is_earlier {
                refs.rev().for_each(|at| found.push_front(at));
                at = page.earlier;
            } else {
                found.extend(refs);
                at = page.later;
            }
        }
        found.into()
    }

    #[test]
    fn pages_of_whatever_is_looked_for_are_all_of_it_in_order_and_each_entry_once_from_either_end() {
        let trial = written();
        let (_scratch, _store, logs) = kept(&trial);
        let [inviter, joiner] = &trial.logs;
        let all: Vec<&Entry> = merge(inviter, joiner);
        let middle = trial.logs[0][trial.logs[0].len() / 2].header.time.0;
        let ask = trial.logs[1].iter().find(|e| e.header.kind() == Some(Kind::Ask)).unwrap().header.at();
        let of_thing = |e: &Entry| trial.lines[0].facts().all().fact(e.header.at()).is_some_and(|f| f.thing == ask);
        let none = Sieve::default();
        let among = Some(thread(&logs, ask).unwrap());
        let has = |e: &Entry| trial.bodies.contains_key(&e.header.at());

        type Is<'a> = Box<dyn Fn(&Entry) -> bool + 'a>;
        let sieves: Vec<(Sieve, Is<'_>)> = vec![
            (none.clone(), Box::new(|_| true)),
            (Sieve { kind: Some(Kind::Seen), ..none.clone() }, Box::new(|e| e.header.kind() == Some(Kind::Seen))),
            (Sieve { party: Some(Party::Joiner), ..none.clone() }, Box::new(|e| e.header.party == Party::Joiner)),
            (Sieve { stored: [Some(middle), None], ..none.clone() }, Box::new(|e| e.header.time.0 >= middle)),
            (Sieve { stored: [None, Some(middle)], ..none.clone() }, Box::new(|e| e.header.time.0 < middle)),
            (Sieve { stored: [None, Some(1)], ..none.clone() }, Box::new(|_| false)),
            (Sieve { words: Some("tanker".into()), ..none.clone() }, Box::new(has)),
            (Sieve { words: Some("submarine".into()), ..none.clone() }, Box::new(|_| false)),
            (Sieve { among: among.clone(), ..none.clone() }, Box::new(of_thing)),
            (Sieve { among, words: Some("tanker".into()), ..none }, Box::new(|e| of_thing(e) && has(e))),
        ];
        for (sieve, is) in sieves {
            let expected: Vec<EntryRef> = all.iter().filter(|e| is(e)).map(|e| e.header.at()).collect();
            for is_earlier in [true, false] {
                assert_eq!(pages(&logs, &sieve, is_earlier), expected, "{sieve:?} {is_earlier}");
            }
        }
    }

    #[test]
    fn words_that_are_kept_and_were_not_signed_are_not_found() {
        let mut trial = written();
        let ask = trial.logs[1].iter().find(|e| e.header.kind() == Some(Kind::Ask)).unwrap().header.at();
        let tanker = Sieve { words: Some("tanker".into()), ..Sieve::default() };
        let has = |trial: &Trial| pages(&kept(trial).2, &tanker, true).contains(&ask);
        assert!(has(&trial));

        let body = trial.bodies.get_mut(&ask).unwrap();
        let at = body.windows(6).position(|part| part == b"adrift").unwrap();
        body[at..at + 6].copy_from_slice(b"ashore");

        assert!(!has(&trial));
        let (_scratch, _store, logs) = kept(&trial);
        let among = Some(thread(&logs, ask).unwrap());
        assert!(!pages(&logs, &Sieve { among, ..tanker }, true).contains(&ask));
    }

    #[test]
    fn a_page_says_where_the_one_before_it_and_the_one_after_it_are() {
        let trial = written();
        let (_scratch, _store, logs) = kept(&trial);
        let total = logs.order().total();

        let last = find(&logs, &Sieve::default(), Towards::Earlier(u64::MAX), 7).unwrap();
        let before = find(&logs, &Sieve::default(), Towards::Earlier(total - 7), 7).unwrap();

        assert_eq!((last.earlier, last.later, last.is_cut), (Some(total - 7), None, false));
        assert_eq!((before.earlier, before.later), (Some(total - 14), Some(total - 7)));
    }
}
