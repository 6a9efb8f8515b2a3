//! Looking for entries in the record of a line: by type, side, request, effect, time and words. What the page of the record and
//! `GET /api/v1/record/find` answer is found here.

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::line::facts::Standing;
use counterpart_core::record::kind::Kind;
use serde::{Deserialize, Serialize};

use super::Api;
use super::fault::{Code, Fault, Told};
use super::find::{Among, Found, LOOKED_MAX, Sieve, Towards, find, thread};
use super::receive::Asked;
use super::stretch::Logs;
use super::times::Times;
use crate::store::StoreError;
use crate::view::record::{self, RecordEntry};
use crate::view::{Side, Sight, names};

/// Entries of an answer, unless it is asked for fewer or more.
const FOUND_DEFAULT: usize = 50;
/// At most so many.
const FOUND_MAX: usize = 200;
/// The same with their words, which may be 48 KiB long.
const FOUND_WITH_WORDS_MAX: usize = 20;

/// What is looked for, as it was written; what is empty is not asked.
#[derive(Clone, Default, Debug)]
pub(crate) struct Sought {
    /// A request or any other thing: what belongs to it.
    pub matter: String,
    /// A type.
    pub kind: String,
    /// "ours" or "theirs".
    pub side: String,
    /// "void" or "unknown".
    pub standing: String,
    /// Stored here since this day or time here.
    pub since: String,
    /// And until this.
    pub until: String,
    /// With these words, whatever the size of their letters.
    pub words: String,
    /// Where the answer begins or ends.
    pub towards: Option<Towards>,
    /// At this entry.
    pub from: String,
}

/// What must be known before anything is read.
pub(crate) struct Look {
    pub logs: Logs,
    /// The side whose entries are wanted.
    party: Option<Party>,
    /// What they belong to.
    pub thing: Option<EntryRef>,
    from: Option<EntryRef>,
}

impl Look {
    /// Reads the names.
    ///
    /// # Errors
    /// What to tell the caller: one names nothing.
    pub fn read(sight: &Sight<'_>, reader: crate::store::Reader, sought: &Sought) -> Result<Look, Told> {
        let named = |said: &String| {
            let at = names::parse_in(sight.book(), said);
            at.map_err(|fault| Told::name(&fault, sight.telling.words))
        };
        let thing = Some(&sought.matter).filter(|said| !said.is_empty()).map(named).transpose()?;
        let sizes = Party::BOTH.map(|party| sight.head(party).size);
        Ok(Look {
            logs: Logs { reader, line: sight.line.id(), epoch: sight.epoch, sizes },
            party: match sought.side.as_str() {
                "ours" => Some(sight.party(Side::Ours)),
                "theirs" => Some(sight.party(Side::Theirs)),
                _ => None,
            },
            thing: thing.map(|at| sight.view().fact(at).map_or(at, |fact| fact.thing)),
            from: Some(&sought.from).filter(|said| !said.is_empty()).map(named).transpose()?,
        })
    }
}

impl Api {
    /// What is looked for, beside what needs the record to be known.
    ///
    /// # Errors
    /// What to tell the caller: a word or a time cannot be read.
    pub(crate) fn sieve(&self, sought: &Sought, look: &Look) -> Result<Sieve, Told> {
        let known = |field: &'static str, said: &str, known: &[&str]| match said.is_empty() || known.contains(&said) {
            true => Ok(()),
            false => {
                let fault = Fault::new(Code::UnknownWord).with("field", field).with("said", said);
                Err(self.tell(fault.with("known", known.join(", "))))
            }
        };
        known("kind", &sought.kind, &Kind::ALL.iter().map(|kind| kind.word()).collect::<Vec<_>>())?;
        known("side", &sought.side, &["ours", "theirs"])?;
        known("standing", &sought.standing, &["void", "unknown"])?;
        let time = |said: &str, is_end: bool| {
            let said = said.trim();
            if said.is_empty() { Ok(None) } else { self.day_or_time(said, is_end).map(Some) }
        };
        Ok(Sieve {
            kind: Kind::parse(&sought.kind),
            party: look.party,
            stored: [time(&sought.since, false)?, time(&sought.until, true)?],
            words: Some(sought.words.trim().to_lowercase()).filter(|words| !words.is_empty()),
            among: None,
        })
    }

    /// A day or a time here, in milliseconds since 1970 UTC; of a day its begin, or its end.
    fn day_or_time(&self, said: &str, is_end: bool) -> Result<u64, Told> {
        let said = match said.parse::<jiff::civil::Date>() {
            Ok(date) if is_end => format!("{} 00:00", date.tomorrow().unwrap_or(date)),
            Ok(date) => format!("{date} 00:00"),
            Err(_) => said.to_owned(),
        };
        let times = Times::spoken(&self.parts.config.organisation.zone, self.now());
        times.time(&said).map(|time| time.0).map_err(|fault| self.tell(fault))
    }

    /// At most `limit` entries of what is looked for.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(crate) async fn found(&self, sought: &Sought, look: &Look, sieve: Sieve, limit: usize) -> Result<Found, Told> {
        let (logs, thing, from, towards) = (look.logs.clone(), look.thing, look.from, sought.towards);
        let without_effect = match sought.standing.as_str() {
            "void" | "unknown" => Some(self.without_effect(&logs, towards, sought.standing == "void").await?),
            _ => None,
        };
        let read = move || -> Result<_, StoreError> {
            let order = logs.order();
            let towards = match (from, towards) {
                (Some(at), _) => Towards::Later(order.position(at)?),
                (None, Some(towards)) => towards,
                (None, None) => Towards::Earlier(order.total()),
            };
            let among = match (without_effect, thing) {
                (Some((refs, looked)), _) => Some(Among { indexes: by_log(&refs), looked }),
                (None, Some(thing)) => Some(thread(&logs, thing)?),
                (None, None) => None,
            };
            find(&logs, &Sieve { among, ..sieve }, towards, limit)
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|e| self.machine(e))?;
        read.map_err(|e| self.failed(&e))
    }

    /// Entries that are void or unknown, of so many positions as one look goes through.
    async fn without_effect(
        &self,
        logs: &Logs,
        towards: Option<Towards>,
        is_void: bool,
    ) -> Result<(Vec<EntryRef>, [u64; 2]), Told> {
        let (id, number) = (logs.line, logs.epoch.number);
        let logs = logs.clone();
        let cuts = move || -> Result<_, StoreError> {
            let order = logs.order();
            let looked = match towards.unwrap_or(Towards::Earlier(order.total())) {
                Towards::Earlier(until) => {
                    [until.min(order.total()).saturating_sub(LOOKED_MAX), until.min(order.total())]
                }
                Towards::Later(from) => [from.min(order.total()), from.saturating_add(LOOKED_MAX).min(order.total())],
            };
            Ok((looked, order.cut(looked[0])?, order.cut(looked[1])?))
        };
        let cuts = tokio::task::spawn_blocking(cuts).await.map_err(|e| self.machine(e))?;
        let (looked, from, until) = cuts.map_err(|e| self.failed(&e))?;
        let refs = self.see_in(id, Some(number), move |sight| {
            let Some(span) = sight.line.span(sight.epoch) else { return Vec::new() };
            let of = |party: Party| {
                let indexes = from[party.slot()]..until[party.slot()];
                indexes.map(move |index| EntryRef { party, index })
            };
            let is = |at: &EntryRef| match span.facts().standing(*at) {
                Standing::Void(_) => is_void,
                Standing::Unknown => !is_void,
                Standing::Counts | Standing::Waits => false,
            };
            Party::BOTH.into_iter().flat_map(of).filter(is).collect::<Vec<_>>()
        });
        Ok((refs.await?, looked))
    }
}

/// The indexes of these entries in each log.
fn by_log(refs: &[EntryRef]) -> [Vec<u64>; 2] {
    Party::BOTH.map(|party| refs.iter().filter(|at| at.party == party).map(|at| at.index).collect())
}

/// What to look for in the record of a line; what is absent is not asked.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindQuery {
    /// The line, if there are several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
    /// The number of the epoch; the one that serves unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u64>,
    /// What belongs to this request or other thing, by its name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub matter: Option<String>,
    /// Of this type.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// ours or theirs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub side: Option<String>,
    /// void or unknown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub standing: Option<String>,
    /// Stored here since this day or time: 2026-03-31, or RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
    /// Stored here until the end of this day, or before this time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<String>,
    /// With these words, whatever the size of their letters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub q: Option<String>,
    /// Those before this position; `earlier` of an answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<u64>,
    /// Those from this position on; `later` of an answer. Absent, and without `before`: the latest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offset: Option<u64>,
    /// Entries of the answer; 50 unless said otherwise, at most 200, and 20 with their words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<usize>,
    /// With the words of the entries.
    #[serde(default)]
    pub words: bool,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FoundView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The number of the epoch.
    pub epoch: u64,
    /// The entries, in merge order.
    pub entries: Vec<RecordEntry>,
    /// Earlier ones stand before this position.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub earlier: Option<u64>,
    /// Later ones stand from this position on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub later: Option<u64>,
    /// 20,000 positions were looked through, and not all: ask again with `earlier` or `later`.
    pub cut: bool,
}

impl FindQuery {
    fn sought(&self) -> Sought {
        let text = |said: &Option<String>| said.clone().unwrap_or_default();
        let earlier = self.before.map(Towards::Earlier);
        Sought {
            matter: text(&self.matter),
            kind: text(&self.kind),
            side: text(&self.side),
            standing: text(&self.standing),
            since: text(&self.since),
            until: text(&self.until),
            words: text(&self.q),
            towards: earlier.or_else(|| self.offset.map(Towards::Later)),
            from: String::new(),
        }
    }
}

/// `GET /api/v1/record/find`.
pub(super) async fn read(State(api): State<Api>, Asked(query): Asked<FindQuery>) -> Result<Json<FoundView>, Told> {
    let id: LineId = api.line(query.line.clone()).await?;
    let _turn = api.page_turn().await?;
    let (sought, number, reader) = (query.sought(), query.epoch, api.parts.reader.clone());
    let wanted = sought.clone();
    let look = api.see_in(id, number, move |sight| Look::read(sight, reader.clone(), &wanted)).await??;
    let sieve = api.sieve(&sought, &look)?;
    let most = if query.words { FOUND_WITH_WORDS_MAX } else { FOUND_MAX };
    let limit = query.limit.unwrap_or(FOUND_DEFAULT).clamp(1, most);
    let Found { entries, earlier, later, is_cut } = api.found(&sought, &look, sieve, limit).await?;
    let with_words = query.words;
    let epoch: Epoch = look.logs.epoch;
    let shown = move |sight: &Sight<'_>| {
        entries.iter().map(|entry| record::entry(sight, &entry.header, with_words)).collect::<Vec<_>>()
    };
    let entries = api.see_in(id, Some(epoch.number), shown).await?;
    Ok(Json(FoundView { line: id.to_string(), epoch: epoch.number, entries, earlier, later, cut: is_cut }))
}
