//! The views: what stands in the record, as JSON. Nothing here writes.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::Party;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::link::health::Health;
use counterpart_core::record::kind::Kind;
use serde::{Deserialize, Serialize};

use super::Api;
use super::fault::{Code, Fault, Told};
use super::receive::{Asked, Name};
use super::sight::hexadecimal;
use super::stretch::Logs;
use crate::link::observe::health;
use crate::record::Unread;
use crate::store::Reader;
use crate::view::broken::EpochView;
use crate::view::figures::{FiguresView, figures};
use crate::view::lines::{LineView, StandingView, line};
use crate::view::names;
use crate::view::record::{From, Page, RecordView, Stretch, record};
use crate::view::request::{RequestLine, RequestView, request};
use crate::view::terms::{AgreedView, agreed};
use crate::view::{Side, Sight};
use crate::words::Words;

/// Entries on a page of the record, unless said otherwise.
pub const PAGE_DEFAULT: usize = 50;
/// Entries on a page of the record at most.
pub const PAGE_MAX: usize = 1_000;
/// Pages of the record that are made at one time: each holds the words of its entries, several times over.
pub(super) const PAGES_MAX: usize = 4;

/// Which line, if there are several.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineQuery {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
    /// The number of the epoch; the one that serves unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u64>,
}

/// Which requests.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestsQuery {
    /// The line, if there are several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
    /// The number of the epoch; the one that serves unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u64>,
    /// Also those that are closed.
    #[serde(default)]
    pub all: bool,
}

/// Which page of the record.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordQuery {
    /// The line, if there are several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
    /// The number of the epoch; the one that serves unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u64>,
    /// After so many entries of both logs together; absent: the last page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offset: Option<u64>,
    /// From this entry on, by its name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// Entries on the page; 50 unless said otherwise, at most 1,000, and fewer where their words are longer than 1 MiB together.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<usize>,
    /// With the words of the entries.
    #[serde(default)]
    pub words: bool,
}

/// Which figures.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FiguresQuery {
    /// The line, if there are several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
    /// Only what was asked in this year (UTC).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub year: Option<u64>,
}

/// Which line's charter.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsQuery {
    /// The line, if there are several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
}

/// Requests of one line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RequestsView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// Asked of us.
    pub theirs: Vec<RequestLine>,
    /// Asked by us.
    pub ours: Vec<RequestLine>,
    /// The epoch that serves, if it is not the first, and what broke off before it; absent where another epoch was asked for.
    pub began: Option<EpochView>,
}

/// A line, under what programs compare: whether it can be used, and both heads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LineRow {
    /// open, pending, halted, restored or closed.
    pub status: String,
    /// Both heads, the inviter's first: the same at both stations when the records are even.
    pub logs: [HeadView; 2],
    /// The line.
    #[serde(flatten)]
    pub view: LineView,
}

/// A line that is not served: what is kept of it cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UnreadView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// Which it is, and what was found.
    pub sentence: String,
    /// What to do.
    #[serde(rename = "do")]
    pub instead: String,
}

impl UnreadView {
    /// What is told of it.
    pub fn of(unread: &Unread, words: &Words) -> UnreadView {
        let (sentence, instead) = (words.told(&unread.found), words.told_do(&unread.found));
        UnreadView { line: unread.id.to_string(), sentence, instead }
    }
}

/// A page of the record under the heads of both logs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecordPage {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The number of the epoch.
    pub epoch: u64,
    /// Both heads, the inviter's first: the same at both stations when the records are even.
    pub heads: [HeadView; 2],
    /// The page.
    pub record: RecordView,
}

/// The head of one log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HeadView {
    /// Whose log.
    pub call_sign: String,
    /// Entries in it.
    pub size: u64,
    /// Its root, 64 hexadecimal digits.
    pub root: String,
}

fn heads(sight: &Sight<'_>) -> [HeadView; 2] {
    Party::BOTH.map(|party| {
        let head = sight.head(party);
        let call_sign = names::call_sign(sight.line, party).to_owned();
        HeadView { call_sign, size: head.size, root: hexadecimal(&head.root) }
    })
}

/// A line, with what its link's task has found.
pub fn row(sight: &Sight<'_>, health: &Health) -> LineRow {
    let view = line(sight, health);
    let status = match view.standing {
        StandingView::Open => "open",
        StandingView::Pending => "pending",
        StandingView::Halted { .. } => "halted",
        StandingView::Restored => "restored",
        StandingView::Closed { .. } => "closed",
    };
    LineRow { status: status.into(), logs: heads(sight), view }
}

/// Requests of one line, oldest first: those that are open, of an ended epoch those that broke off, or all.
pub fn requests(sight: &Sight<'_>, all: bool) -> RequestsView {
    let view = sight.view();
    let of = |side: Side| {
        let asks = view.asks(sight.party(side));
        let open = |ask: &&_| view.decision(ask).outcome == Outcome::Open || sight.is_broken_off(ask);
        asks.filter(|ask| all || open(ask)).map(|ask| sight.request_line(ask)).collect()
    };
    let began = (sight.epoch == sight.line.epoch()).then(|| sight.epoch_view()).flatten();
    RequestsView { line: sight.line.id().to_string(), theirs: of(Side::Theirs), ours: of(Side::Ours), began }
}

/// A request by its name, or by the name of anything that belongs to it.
///
/// # Errors
/// What to tell the caller: the name names nothing, or no request.
pub fn status(sight: &Sight<'_>, said: &str) -> Result<RequestView, Told> {
    let words = sight.telling.words;
    let at = names::parse_in(sight.book(), said).map_err(|fault| Told::name(&fault, words))?;
    let view = sight.view();
    let thing = view.fact(at).map_or(at, |fact| fact.thing);
    let ask = view.fact_of(thing, &[Kind::Ask]).map(|ask| ask.at);
    let found = ask.and_then(|ask| request(sight, ask));
    found.ok_or_else(|| Fault::new(Code::NotARequest).with("name", names::name_in(sight.book(), at)).tell(words))
}

fn limit(query: &RecordQuery) -> usize {
    query.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX)
}

/// Which page of which logs a query asks for, to be read by [`Logs::page`].
///
/// # Errors
/// What to tell the caller if `from` names nothing.
pub fn asked(sight: &Sight<'_>, reader: Reader, query: &RecordQuery) -> Result<(Logs, Page), Told> {
    let named = |said: &String| {
        let at = names::parse_in(sight.book(), said);
        at.map(From::Entry).map_err(|fault| Told::name(&fault, sight.telling.words))
    };
    let from = match (&query.from, query.offset) {
        (Some(said), _) => named(said)?,
        (None, Some(offset)) => From::Offset(offset),
        (None, None) => From::Last,
    };
    let sizes = Party::BOTH.map(|party| sight.head(party).size);
    let logs = Logs { reader, line: sight.line.id(), epoch: sight.epoch, sizes };
    Ok((logs, Page { from, limit: limit(query), with_words: query.words }))
}

/// A page of the record, read by [`Logs::page`].
pub fn page(sight: &Sight<'_>, stretch: &Stretch, with_words: bool) -> RecordPage {
    RecordPage {
        line: sight.line.id().to_string(),
        epoch: sight.epoch.number,
        heads: heads(sight),
        record: record(sight, stretch, with_words),
    }
}

/// `GET /api/v1/lines`.
pub(super) async fn lines(State(api): State<Api>) -> Result<Json<Vec<LineRow>>, Told> {
    rows(&api).await.map(Json)
}

/// Every line, with what its link's task has found.
pub(super) async fn rows(api: &Api) -> Result<Vec<LineRow>, Told> {
    let mut views = Vec::new();
    for id in api.ids().await? {
        let parts = api.parts.clone();
        let shown = api.see(id, move |sight| {
            let now_ms = parts.clock.moment().ms_since(parts.begun);
            let now = sight.telling.clocks.now;
            row(sight, &health(sight.line, &parts.board.of(id), now_ms, now))
        });
        views.push(shown.await?);
    }
    Ok(views)
}

/// `GET /api/v1/lines/terms`: what was agreed on, of one line or of all.
pub(super) async fn terms(
    State(api): State<Api>,
    Asked(query): Asked<TermsQuery>,
) -> Result<Json<Vec<AgreedView>>, Told> {
    all_agreed(&api, query.line).await.map(Json)
}

/// What was agreed on this line, or on each.
pub(crate) async fn all_agreed(api: &Api, said: Option<String>) -> Result<Vec<AgreedView>, Told> {
    let ids = api.lines_of(said).await?;
    let mut views = Vec::new();
    for id in ids {
        views.push(api.see(id, agreed).await?);
    }
    Ok(views)
}

/// `GET /api/v1/lines/unread`: those that are not served, because their record cannot be read.
pub(super) async fn unread(State(api): State<Api>) -> Json<Vec<UnreadView>> {
    let published = api.parts.keeper.published();
    let unread = published.borrow().unread.clone();
    Json(unread.iter().map(|unread| UnreadView::of(unread, &api.words)).collect())
}

/// `GET /api/v1/requests`: of one line, or of all.
pub(super) async fn list(
    State(api): State<Api>,
    Asked(query): Asked<RequestsQuery>,
) -> Result<Json<Vec<RequestsView>>, Told> {
    let ids = api.lines_of(query.line).await?;
    let mut views = Vec::new();
    for id in ids {
        views.push(api.see_in(id, query.epoch, move |sight| requests(sight, query.all)).await?);
    }
    Ok(Json(views))
}

/// `GET /api/v1/requests/{name}`.
pub(super) async fn one(
    State(api): State<Api>,
    Name(name): Name,
    Asked(query): Asked<LineQuery>,
) -> Result<Json<RequestView>, Told> {
    let id = api.line(query.line).await?;
    api.see_in(id, query.epoch, move |sight| status(sight, &name)).await?.map(Json)
}

/// `GET /api/v1/record`.
pub(super) async fn read(State(api): State<Api>, Asked(query): Asked<RecordQuery>) -> Result<Json<RecordPage>, Told> {
    let id = api.line(query.line.clone()).await?;
    let _turn = api.page_turn().await?;
    let (number, with_words, reader) = (query.epoch, query.words, api.parts.reader.clone());
    let (logs, wanted) = api.see_in(id, number, move |sight| asked(sight, reader.clone(), &query)).await??;
    let read = tokio::task::spawn_blocking(move || logs.page(&wanted)).await.map_err(|e| api.machine(e))?;
    let stretch = read.map_err(|e| api.failed(&e))?;
    api.see_in(id, number, move |sight| page(sight, &stretch, with_words)).await.map(Json)
}

/// `GET /api/v1/figures`: by line, 32 hexadecimal digits.
pub(super) async fn count(
    State(api): State<Api>,
    Asked(query): Asked<FiguresQuery>,
) -> Result<Json<BTreeMap<String, FiguresView>>, Told> {
    let ids = api.lines_of(query.line).await?;
    let mut views = BTreeMap::new();
    for id in ids {
        views.insert(id.to_string(), api.see(id, move |sight| figures(sight, query.year)).await?);
    }
    Ok(Json(views))
}
