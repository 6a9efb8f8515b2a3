//! The record of a line: both logs side by side, what each entry had seen, and what is looked for in them.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use counterpart_core::ids::{EntryRef, LineId, Party};
use counterpart_core::line::facts::Standing;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Entry;

use super::fields::Fields;
use super::find::{Among, Found, LOOKED_MAX, Sieve, Towards, find, thread};
use super::frame::{Four, Frame};
use super::seen::Seen;
use super::session::Signed;
use super::spine::{Item, items};
use super::{Desk, page, refused};
use crate::api::fault::{Code, Fault, Told};
use crate::api::stretch::Logs;
use crate::store::StoreError;
use crate::view::lines::StandingView;
use crate::view::{Side, Sight, names};

/// Entries on a page.
const PAGE: usize = 50;
/// Requests to choose from, the newest.
const MATTERS_MAX: usize = 50;
/// Faults of the other side's that are shown, the newest.
const EVIDENCE_MAX: u32 = 20;

#[derive(Template)]
#[template(path = "record.html")]
struct Record {
    d: Frame,
    seen: Seen,
    signs: [String; 2],
    /// Entries of our log and of theirs.
    sizes: [usize; 2],
    items: Vec<Item>,
    asked: Asked,
    matters: Vec<(String, String)>,
    /// The numbers of all epochs, if there are several, and which is looked at.
    epochs: Vec<(u64, bool)>,
    /// The number of the epoch that is looked at, if that has ended.
    ended: Option<u64>,
    found: usize,
    earlier: Option<String>,
    later: Option<String>,
    /// It was looked so far and no further, though the page is not full.
    is_cut: bool,
    /// Why the line is taken no further, if it is not.
    halted: Option<String>,
    evidence: Vec<(String, String, String)>,
    /// What of it could not be read: then nothing is looked for.
    wrong: Option<Told>,
}

/// What was asked for, as it was written.
#[derive(Clone, Default)]
struct Asked {
    line: String,
    matter: String,
    kind: String,
    side: String,
    standing: String,
    since: String,
    until: String,
    words: String,
    /// The number of an earlier epoch.
    epoch: Option<u64>,
    /// Where the page begins or ends.
    towards: Option<Towards>,
    /// At this entry.
    from: String,
}

impl Asked {
    fn read(line: &str, query: Option<String>) -> Asked {
        let fields = Fields::read(&Bytes::from(query.unwrap_or_default())).unwrap_or_default();
        let text = |name: &str| fields.text(name).unwrap_or_default();
        let number = |name: &str| text(name).trim().parse::<u64>().ok();
        let earlier = number("before").map(Towards::Earlier);
        Asked {
            line: line.into(),
            matter: text("matter"),
            kind: text("kind"),
            side: text("side"),
            standing: text("standing"),
            since: text("since"),
            until: text("until"),
            words: text("q"),
            epoch: number("epoch"),
            towards: earlier.or_else(|| number("offset").map(Towards::Later)),
            from: text("from"),
        }
    }

    /// The address of the same with another place.
    fn at(&self, place: &str, position: u64) -> String {
        let all = [
            ("matter", &self.matter),
            ("kind", &self.kind),
            ("side", &self.side),
            ("standing", &self.standing),
            ("since", &self.since),
            ("until", &self.until),
            ("q", &self.words),
        ];
        let mut said: Vec<(&str, &str)> =
            all.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (*name, value.as_str())).collect();
        let epoch = self.epoch.map(|number| number.to_string());
        said.extend(epoch.iter().map(|number| ("epoch", number.as_str())));
        let position = position.to_string();
        said.push((place, &position));
        format!("/lines/{}/record?{}", self.line, serde_urlencoded::to_string(said).unwrap_or_default())
    }

    /// The address of the whole record of the epoch.
    fn whole(&self) -> String {
        let epoch = self.epoch.map_or_else(String::new, |number| format!("?epoch={number}"));
        format!("/lines/{}/record{epoch}", self.line)
    }

    /// The address of what belongs to the thing that this entry opened.
    fn of(&self, thing: &str) -> String {
        let epoch = self.epoch.map_or_else(String::new, |number| format!("&epoch={number}"));
        format!("/lines/{}/record?matter={thing}{epoch}", self.line)
    }

    /// Whether anything is looked for.
    fn is_narrowed(&self) -> bool {
        [&self.matter, &self.kind, &self.side, &self.standing, &self.since, &self.until, &self.words]
            .iter()
            .any(|said| !said.is_empty())
    }

    fn is_kind(&self, kind: &Kind) -> bool {
        self.kind == kind.word()
    }
}

impl Record {
    fn kinds(&self) -> &'static [Kind] {
        Kind::ALL
    }

    /// How long our log and theirs are.
    fn lengths(&self) -> [String; 2] {
        let [ours, theirs] = self.sizes;
        [self.d.count("record-our-log", ours), self.d.count("record-their-log", theirs)]
    }

    /// How many were found, and that not all was looked at.
    fn told(&self) -> String {
        if !self.asked.is_narrowed() {
            return String::new();
        }
        let id = if self.is_cut { "record-found-so-far" } else { "record-found" };
        let args = [("count", self.found.into()), ("max", LOOKED_MAX.into())];
        self.d.words().say(id, &args)
    }
}

/// What must be known before anything is read.
struct Look {
    logs: Logs,
    /// The side whose entries are wanted.
    party: Option<Party>,
    /// Which side we are.
    me: Party,
    thing: Option<EntryRef>,
    from: Option<EntryRef>,
    matters: Vec<(String, String)>,
    epochs: Vec<(u64, bool)>,
    ended: Option<u64>,
    signs: [String; 2],
}

/// `GET /lines/{line}/record`.
pub(super) async fn show(
    State(desk): State<Desk>,
    who: Signed,
    Path(line): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    match drawn(&desk, &who, Asked::read(&line, query)).await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
    }
}

async fn drawn(desk: &Desk, who: &Signed, asked: Asked) -> Result<Response, Told> {
    let position = desk.position(who).await?;
    let id = desk.api.line(Some(asked.line.clone())).await?;
    let asked = Asked { line: id.to_string(), ..asked };
    let (reader, wanted) = (desk.api.parts.reader.clone(), asked.clone());
    let look = desk.api.see_in(id, asked.epoch, move |sight| look(sight, reader.clone(), &wanted)).await??;
    // What cannot be read is said above the fields in which it stands; nothing is shown as if it had been found.
    let ((found, evidence), wrong) = match desk.sieve(&asked, &look) {
        Ok(sieve) => (desk.found(id, &asked, &look, sieve).await?, None),
        Err(told) => (Default::default(), Some(told)),
    };
    let count = found.entries.len();
    let entries = found.entries;
    let (items, evidence) = desk
        .api
        .see_in(id, asked.epoch, move |sight| {
            let told = evidence.iter().map(|(at, kind, detail)| {
                (sight.telling.here_exact(counterpart_core::time::Timestamp(*at)), kind.clone(), detail.clone())
            });
            (items(sight, &entries), told.collect::<Vec<_>>())
        })
        .await?;
    let seen = desk.line_seen(id).await?;
    let mut d = Frame::new(desk, who, "record", position)?;
    d.line = id.to_string();
    if wrong.is_some() {
        d.page = format!("/lines/{id}/record");
    }
    d.four = Some(Four::of_line(d.words(), &seen, d.mark));
    let is_halted = matches!(seen.row.view.standing, StandingView::Halted { .. });
    let shown = Record {
        sizes: [look.me, look.me.peer()]
            .map(|party| usize::try_from(look.logs.sizes[party.slot()]).unwrap_or(usize::MAX)),
        signs: look.signs,
        matters: look.matters,
        epochs: look.epochs,
        ended: look.ended,
        found: count,
        earlier: found.earlier.map(|position| asked.at("before", position)),
        later: found.later.map(|position| asked.at("offset", position)),
        is_cut: found.is_cut,
        halted: seen.row.view.standing_sentence.clone().filter(|_| is_halted),
        d,
        seen,
        items,
        asked,
        evidence,
        wrong,
    };
    Ok(page(shown.wrong.as_ref().map_or(StatusCode::OK, Told::status), &shown))
}

fn look(sight: &Sight<'_>, reader: crate::store::Reader, asked: &Asked) -> Result<Look, Told> {
    let named = |said: &String| {
        let at = names::parse_in(sight.book(), said);
        at.map_err(|fault| Told::name(&fault, sight.telling.words))
    };
    let thing = Some(&asked.matter).filter(|said| !said.is_empty()).map(named).transpose()?;
    let view = sight.view();
    let mut matters: Vec<_> = Party::BOTH.into_iter().flat_map(|p| view.asks(p).rev().take(MATTERS_MAX)).collect();
    matters.sort_by_key(|ask| std::cmp::Reverse(ask.time));
    let mut chosen: BTreeMap<String, String> = BTreeMap::new();
    // One that is asked for by an address stands in the list, however old it is.
    chosen.extend(thing.map(|at| sight.named(at)).map(|named| (named.at, named.name)));
    let latest = matters.into_iter().take(MATTERS_MAX).map(|ask| sight.named(ask.at));
    let latest: Vec<_> = latest.filter(|named| !chosen.contains_key(&named.at)).collect();
    let sizes = Party::BOTH.map(|party| sight.head(party).size);
    let begun = sight.line.spans().filter(|span| span.own().size() + span.peer().size() > 0);
    let epochs: Vec<_> = begun.map(|span| (span.epoch().number, span.epoch() == sight.epoch)).collect();
    Ok(Look {
        logs: Logs { reader, line: sight.line.id(), epoch: sight.epoch, sizes },
        party: match asked.side.as_str() {
            "ours" => Some(sight.party(Side::Ours)),
            "theirs" => Some(sight.party(Side::Theirs)),
            _ => None,
        },
        me: sight.me(),
        thing: thing.map(|at| view.fact(at).map_or(at, |fact| fact.thing)),
        from: Some(&asked.from).filter(|said| !said.is_empty()).map(named).transpose()?,
        matters: chosen.into_iter().chain(latest.into_iter().map(|named| (named.at, named.name))).collect(),
        epochs: if epochs.len() > 1 { epochs } else { Vec::new() },
        ended: (sight.epoch != sight.line.epoch()).then_some(sight.epoch.number),
        signs: [Side::Ours, Side::Theirs].map(|side| sight.call_sign(side)),
    })
}

impl Desk {
    /// What is looked for, beside what needs the record to be known.
    fn sieve(&self, asked: &Asked, look: &Look) -> Result<Sieve, Told> {
        let known = |field: &'static str, said: &str, known: &[&str]| match said.is_empty() || known.contains(&said) {
            true => Ok(()),
            false => {
                let fault = Fault::new(Code::UnknownWord).with("field", field).with("said", said);
                Err(self.api.tell(fault.with("known", known.join(", "))))
            }
        };
        known("kind", &asked.kind, &Kind::ALL.iter().map(|kind| kind.word()).collect::<Vec<_>>())?;
        known("side", &asked.side, &["ours", "theirs"])?;
        known("standing", &asked.standing, &["void", "unknown"])?;
        let time = |said: &str, is_end: bool| {
            let said = said.trim();
            if said.is_empty() { Ok(None) } else { self.day_or_time(said, is_end).map(Some) }
        };
        Ok(Sieve {
            kind: Kind::parse(&asked.kind),
            party: look.party,
            stored: [time(&asked.since, false)?, time(&asked.until, true)?],
            words: Some(asked.words.trim().to_lowercase()).filter(|words| !words.is_empty()),
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
        self.spoken().time(&said).map(|time| time.0).map_err(|fault| self.api.tell(fault))
    }

    /// The entries of the page, and what is kept of the other side's faults.
    #[allow(clippy::type_complexity, reason = "a time, a kind and what was found")]
    async fn found(
        &self,
        id: LineId,
        asked: &Asked,
        look: &Look,
        sieve: Sieve,
    ) -> Result<(Found, Vec<(u64, String, String)>), Told> {
        let (logs, thing, from, towards) = (look.logs.clone(), look.thing, look.from, asked.towards);
        let standing = asked.standing.clone();
        let without_effect = match standing.as_str() {
            "void" | "unknown" => {
                Some(self.without_effect((id, asked.epoch), &logs, towards, standing == "void").await?)
            }
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
                (Some((refs, looked)), _) => Some(Among { entries: read_all(&logs, &refs)?, looked }),
                (None, Some(thing)) => Some(thread(&logs, thing)?),
                (None, None) => None,
            };
            let rows = logs.reader.evidence(id.0, EVIDENCE_MAX)?;
            let found = find(&logs, &Sieve { among, ..sieve }, towards, PAGE)?;
            Ok((found, rows.into_iter().map(|row| (row.at, row.kind, row.detail)).collect()))
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|e| self.api.machine(e))?;
        read.map_err(|e| self.api.failed(&e))
    }

    /// Entries that are void or unknown, of so many positions as one look goes through.
    async fn without_effect(
        &self,
        (id, epoch): (LineId, Option<u64>),
        logs: &Logs,
        towards: Option<Towards>,
        is_void: bool,
    ) -> Result<(Vec<EntryRef>, [u64; 2]), Told> {
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
        let cuts = tokio::task::spawn_blocking(cuts).await.map_err(|e| self.api.machine(e))?;
        let (looked, from, until) = cuts.map_err(|e| self.api.failed(&e))?;
        let refs = self.api.see_in(id, epoch, move |sight| {
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

/// These entries, of each log in its order.
fn read_all(logs: &Logs, refs: &[EntryRef]) -> Result<[Vec<Entry>; 2], StoreError> {
    let of = |party: Party| {
        let refs = refs.iter().filter(|at| at.party == party);
        refs.map(|at| logs.entry(*at)).collect::<Result<Vec<_>, _>>()
    };
    Ok([of(Party::Inviter)?, of(Party::Joiner)?])
}
