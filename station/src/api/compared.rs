//! Whether what the store keeps beside the signed bytes is what they say: the words of each entry, and the columns by which entries
//! are found. That the bytes themselves hang together, signatures and roots, [`super::doctor`] finds by building the line again.

use std::collections::{BTreeMap, BTreeSet};

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::limits;
use counterpart_core::line::Line;
use counterpart_core::line::span::Span;
use counterpart_core::record::entry::{BodyRef, Header};
use counterpart_core::record::kind::Kind;

use super::stretch::entry;
use crate::record::{entry_key, epoch, log_key};
use crate::store::{Body, EntryRow, ROWS_MAX, Reader, StoreError};

/// The largest number that a column holds: what is beyond is kept as this.
const COLUMN_MAX: u64 = i64::MAX as u64;

/// What differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Difference {
    /// Words are kept that were not signed with the entry.
    Words,
    /// Words were kept, are gone, and no erasure is noted.
    WordsGone,
    /// The column of this name, by which entries are found.
    Column(&'static str),
}

/// An entry with what differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Differing {
    pub epoch: Epoch,
    pub at: EntryRef,
    pub what: Difference,
}

/// What was found on one line.
#[derive(Default)]
pub(super) struct Compared {
    /// In the order of the logs.
    pub differing: Vec<Differing>,
    /// Entries whose words were erased here.
    pub erased: u64,
}

/// Compares all of a line; `line` was built from the entries of the same store.
///
/// # Errors
/// [`StoreError`] if it cannot be read.
pub(super) fn compare(reader: &Reader, line: &Line) -> Result<Compared, StoreError> {
    let logs = reader.logs(line.id().0)?;
    let restored = logs.iter().filter(|log| log.restored).map(|log| epoch(&log.key.epoch));
    let shown = line.shown().into_iter().map(|shown| shown.part().epoch);
    let mended: BTreeSet<Epoch> = restored.chain(shown).collect();
    let mut compared = Compared::default();
    for span in line.spans() {
        let mut said = Said { whole: !mended.contains(&span.epoch()), ..Said::default() };
        each(reader, line, span, &mut |row, header| {
            said.note(line, row, header);
            Ok(())
        })?;
        each(reader, line, span, &mut |row, header| {
            let (epoch, at) = (span.epoch(), header.at());
            let columns = columns(span, &said, row, header).map(Difference::Column);
            let words = words(reader, line, &said, header, &mut compared.erased)?;
            let all = words.into_iter().chain(columns);
            compared.differing.extend(all.map(|what| Differing { epoch, at, what }));
            Ok(())
        })?;
    }
    Ok(compared)
}

/// Shows every entry of both logs of an epoch with its row; not what was stored since the line was built.
fn each(
    reader: &Reader,
    line: &Line,
    span: &Span,
    show: &mut dyn FnMut(&EntryRow, &Header) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for party in Party::BOTH {
        let log = log_key(line.id(), span.epoch(), party);
        let (mut next, until) = (0, span.log(party).size());
        while next < until {
            let rows = reader.entries(log, next, ROWS_MAX)?;
            let Some(last) = rows.last() else { break };
            next = last.key.index + 1;
            for row in rows.iter().filter(|row| row.key.index < until) {
                show(row, &entry(row)?.header)?;
            }
        }
    }
    Ok(())
}

/// What the entries of an epoch say together.
#[derive(Default)]
struct Said {
    /// Nothing of it was taken back or shown by the peer: that comes as the peer has it, without words that it has erased, and in
    /// another order.
    whole: bool,
    /// Our entries name which of the peer's below this came without their words.
    told_below: u64,
    lacking: BTreeSet<u64>,
    /// The numbers of arrival.
    arrivals: BTreeMap<EntryRef, u64>,
}

impl Said {
    fn note(&mut self, line: &Line, row: &EntryRow, header: &Header) {
        self.arrivals.insert(header.at(), row.seq);
        if header.party == line.me() {
            // One that names as many as it can may have left some to the next (§3.1).
            if header.lacking.len() < limits::LACKING_MAX {
                self.told_below = self.told_below.max(header.held.size);
            }
            self.lacking.extend(&header.lacking);
        }
    }

    /// Whether the words of this entry must have been kept here once.
    fn had_words(&self, line: &Line, header: &Header) -> bool {
        let index = header.own.size;
        let attested = matches!(header.body, Some(BodyRef::Attested(_)));
        let came = header.party == line.me() || index < self.told_below && !self.lacking.contains(&index);
        self.whole && attested && came
    }

    /// When the entry before this one arrived.
    fn before(&self, at: EntryRef) -> Option<u64> {
        self.arrivals.get(&EntryRef { index: at.index.checked_sub(1)?, ..at }).copied()
    }
}

fn words(
    reader: &Reader,
    line: &Line,
    said: &Said,
    header: &Header,
    erased: &mut u64,
) -> Result<Option<Difference>, StoreError> {
    Ok(match reader.body(entry_key(line.id(), header.epoch, header.at()))? {
        Body::Held(body) => (!header.attests(&body)).then_some(Difference::Words),
        // An erasure notes its time.
        Body::Erased { at } if at > 0 => {
            *erased += 1;
            None
        }
        Body::Erased { .. } => Some(Difference::WordsGone),
        Body::None => said.had_words(line, header).then_some(Difference::WordsGone),
    })
}

/// The columns that are not what the entry says; of the order of arrival, what it says decides only a part.
fn columns(span: &Span, said: &Said, row: &EntryRow, header: &Header) -> impl Iterator<Item = &'static str> {
    let at = header.at();
    let kind = header.kind().map_or(u64::MAX, Kind::number).min(COLUMN_MAX);
    // What is no fact, a receipt or what is void, belongs to nothing, or stands for itself.
    let fact = span.facts().all().fact(at).map(|fact| fact.thing);
    let place = |at: EntryRef| (at.party.number(), at.index);
    let kept = row.thing.map(|thing| (u64::from(thing.party), thing.index));
    let thing_differs = match fact {
        Some(thing) => kept != Some(place(thing)),
        None => kept.is_some_and(|kept| kept != place(at)),
    };
    // It was stored after the entry before it in its log and, unless taken back, after what its author had seen.
    let held = EntryRef { party: at.party.peer(), index: header.held.size };
    let after = [said.before(at), said.before(held).filter(|_| said.whole)];
    let differ = [
        ("kind", row.kind != kind),
        ("thing", said.whole && thing_differs),
        ("claimed", row.claimed != header.time.0.min(COLUMN_MAX)),
        ("seq", after.into_iter().flatten().any(|before| row.seq <= before)),
    ];
    differ.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name)
}
