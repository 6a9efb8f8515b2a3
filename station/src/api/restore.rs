//! `/api/v1/restore`: what lines wait for before they sign again, what a person takes or refuses of what the other side shows, and how
//! root opens an epoch without its key coming here (`docs/protocol.md` §4.6). Keys are drawn first ([`super::drawn`]); then the caller
//! is told what root is to sign; then the signature opens the epoch.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::{LineId, unhex};
use counterpart_core::line::restore::{Judgement, NewEpoch, Word};
use counterpart_core::record::body::Body;
use counterpart_core::record::merkle::Hash;
use counterpart_core::record::sign1::PublicKey;
use counterpart_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Api;
use super::door::Who;
use super::fault::{Code, Fault, Told};
use super::receive::{Asked, Form};
use super::sight::hexadecimal;
use super::views::LineQuery;
use crate::entropy;
use crate::keys::Keys;
use crate::record::{RestoreFault, Said, Settled, Wanted};
use crate::store::StoreError;
use crate::view::names::call_sign;
use crate::view::restore::{Link, PartView, RestoreView, restore, told};

/// Characters told of the words of an entry that is shown.
const WORDS_MAX: usize = 200;

/// What a person takes or refuses of what the other side shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeForm {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The station keys that root has granted on this line, oldest first: root's list.
    pub granted: Vec<String>,
    /// What a key that the list has ended could have made: "take" or "refuse".
    pub ended: String,
    /// The parts that the person has seen; absent: all that wait.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parts: Option<Vec<PartView>>,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct JudgedView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// Entries that were taken into our log.
    pub taken_back: usize,
    /// Parts that stay beside it.
    pub left: usize,
    /// That as a sentence.
    pub sentence: String,
}

/// An epoch that is to be opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EpochForm {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The station key of the set that is to serve, 64 hexadecimal digits.
    pub station: String,
    /// A person's word that the other side cannot be reached.
    #[serde(default)]
    pub peer_is_dark: bool,
    /// The station keys that root has granted on this line, oldest first: root's list.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub granted: Option<Vec<String>>,
    /// What a key that the list has ended could have made: "take" or "refuse".
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<String>,
    /// The parts that the person has seen; absent: all that wait.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parts: Option<Vec<PartView>>,
    /// As it was told with what root is to sign: eight bytes in hexadecimal, and a time in milliseconds since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub drafted: Option<(String, u64)>,
    /// Root's signature, 128 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signature: Option<String>,
}

/// What root is to sign.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UnsignedView {
    /// The root key that the charter names, 64 hexadecimal digits.
    pub root: String,
    /// The bytes to be signed, in hexadecimal.
    pub message: String,
    /// To be sent back with the signature.
    pub drafted: (String, u64),
}

/// An epoch that is open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct OpenedView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The number of the epoch.
    pub epoch: u64,
    /// Entries of ours that were taken back from the other side.
    pub taken_back: usize,
    /// Parts that were not taken, and stay beside our log.
    pub left: usize,
    /// That as a sentence.
    pub sentence: String,
}

/// `GET /api/v1/restore`: of one line, or of all.
pub(super) async fn look(
    State(api): State<Api>,
    Asked(query): Asked<LineQuery>,
) -> Result<Json<Vec<RestoreView>>, Told> {
    let ids = match query.line {
        Some(said) => vec![api.line(Some(said)).await?],
        None => api.ids().await?,
    };
    let drawn = api.drawn().await?;
    let mut views = Vec::new();
    for id in ids {
        let state = api.parts.board.of(id);
        let link = Link { up: state.up_since_ms.is_some(), silent_ms: state.withheld.for_ms(api.now_ms()) };
        let said = api.said(id).await?;
        views.push(
            api.see(id, move |sight| restore(sight, link, drawn, &|entry| said.get(&entry.leaf).cloned())).await?,
        );
    }
    Ok(Json(views))
}

/// `POST /api/v1/restore/judge`.
pub(super) async fn judge(
    State(api): State<Api>,
    who: Who,
    Form(form): Form<JudgeForm>,
) -> Result<Json<JudgedView>, Told> {
    let line = api.line(Some(form.line)).await?;
    let malformed = || api.tell(Fault::new(Code::RestoreMalformed));
    let said = said(Some(form.granted), Some(form.ended), form.parts).ok_or_else(malformed)?;
    let said = said.ok_or_else(malformed)?;
    let settled = match api.parts.keeper.judge(line, said, who.name).await {
        Ok(settled) => settled,
        Err(fault) => return Err(api.not_settled(line, fault).await),
    };
    let (taken_back, left) = (settled.taken_back, settled.left);
    let sentence = api.settled("restore-judged", line, settled).await?;
    Ok(Json(JudgedView { line: line.to_string(), taken_back, left, sentence }))
}

/// `POST /api/v1/restore/draft`: what root is to sign.
pub(super) async fn draft(
    State(api): State<Api>,
    who: Who,
    Form(form): Form<EpochForm>,
) -> Result<Json<UnsignedView>, Told> {
    let id = entropy::bytes::<8>().map_err(|e| api.machine(e))?;
    let drafted = (hexadecimal(&id), api.now().0);
    let wanted = api.wanted(form, &drafted, who).await?;
    let line = wanted.line;
    match api.parts.keeper.draft_epoch(wanted).await {
        Ok(unsigned) => Ok(Json(UnsignedView {
            root: hexadecimal(unsigned.root.as_bytes()),
            message: hexadecimal(&unsigned.message),
            drafted,
        })),
        Err(fault) => Err(api.not_settled(line, fault).await),
    }
}

/// `POST /api/v1/restore/open`: with root's signature.
pub(super) async fn open(
    State(api): State<Api>,
    who: Who,
    Form(form): Form<EpochForm>,
) -> Result<Json<OpenedView>, Told> {
    let malformed = || api.tell(Fault::new(Code::RestoreMalformed));
    let drafted = form.drafted.clone().ok_or_else(malformed)?;
    let signature = form.signature.as_deref().and_then(unhex::<64>).ok_or_else(malformed)?;
    let wanted = api.wanted(form, &drafted, who).await?;
    let line = wanted.line;
    let settled = match api.parts.keeper.open_epoch(wanted, signature).await {
        Ok(settled) => settled,
        Err(fault) => return Err(api.not_settled(line, fault).await),
    };
    let (epoch, taken_back, left) = (settled.epoch.number, settled.taken_back, settled.left);
    let sentence = api.settled("restore-opened", line, settled).await?;
    Ok(Json(OpenedView { line: line.to_string(), epoch, taken_back, left, sentence }))
}

/// A person's word on what is shown, as it was sent: `Some(None)` if there is none, `None` if it cannot be read.
fn said(granted: Option<Vec<String>>, ended: Option<String>, parts: Option<Vec<PartView>>) -> Option<Option<Said>> {
    let (Some(granted), Some(ended)) = (granted, ended) else { return Some(None) };
    let granted = granted.iter().map(|key| unhex(key).map(PublicKey::from_bytes)).collect::<Option<Vec<_>>>()?;
    let refuses = match ended.as_str() {
        "take" => false,
        "refuse" => true,
        _ => return None,
    };
    let parts = match parts {
        Some(parts) => Some(parts.iter().map(PartView::part).collect::<Option<Vec<_>>>()?),
        None => None,
    };
    Some(Some(Said { granted, refuses, parts }))
}

impl Api {
    /// The words of what is shown on a line and told one by one, by the leaves of the entries.
    async fn said(&self, line: LineId) -> Result<BTreeMap<Hash, String>, Told> {
        let told = self.parts.keeper.look(move |lines| lines.line(&line).map(|kept| told(&kept.line)));
        let told = told.await.map_err(|_| self.tell(Fault::new(Code::Stopping)))?.unwrap_or_default();
        let reader = self.parts.reader.clone();
        let read = move || -> Result<BTreeMap<Hash, String>, StoreError> {
            let mut said = BTreeMap::new();
            for entry in told {
                let body = reader.shown_body(&entry.bytes)?.as_deref().and_then(Body::decode);
                let words = body.and_then(|body| String::from_utf8(body.content).ok());
                said.extend(words.map(|words| (entry.leaf, words.chars().take(WORDS_MAX).collect())));
            }
            Ok(said)
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|e| self.machine(e))?;
        read.map_err(|e| self.failed(&e))
    }

    fn now_ms(&self) -> u64 {
        self.parts.clock.moment().ms_since(self.parts.begun)
    }

    /// The epoch that a form wants, with the public halves of the key set that it names.
    async fn wanted(&self, form: EpochForm, (id, now): &(String, u64), who: Who) -> Result<Wanted, Told> {
        let malformed = || self.tell(Fault::new(Code::RestoreMalformed));
        let line = self.line(Some(form.line)).await?;
        let keys = self.bound(unhex(&form.station).ok_or_else(malformed)?).await?;
        let said = said(form.granted, form.ended, form.parts).ok_or_else(malformed)?;
        let word = self.word(line, form.peer_is_dark).await?;
        let new = NewEpoch {
            id: unhex(id).ok_or_else(malformed)?,
            keys: public(&keys),
            word,
            judgement: Judgement::default(),
        };
        Ok(Wanted { line, new, said, now: Timestamp::new(*now).ok_or_else(malformed)?, user: who.name })
    }

    /// Why an epoch is opened now: that the other side withholds is measured; that it is dark is a person's word, which is not taken
    /// while it is connected.
    async fn word(&self, line: LineId, dark: bool) -> Result<Word, Told> {
        let link = self.parts.board.of(line);
        if dark && link.up_since_ms.is_some() {
            let peer = self.see(line, |sight| call_sign(sight.line, sight.me().peer()).to_owned()).await?;
            return Err(self.tell(Fault::new(Code::RestorePeerUp).with("peer", peer)));
        }
        if dark {
            return Ok(Word::Dark);
        }
        let unheard = |line: &counterpart_core::line::Line| line.restored() && !line.heard();
        let looked = self.parts.keeper.look(move |lines| lines.line(&line).is_some_and(|kept| unheard(&kept.line)));
        let unheard = looked.await.map_err(|_| self.tell(Fault::new(Code::Stopping)))?;
        Ok(if unheard && link.withheld.is_long(self.now_ms()) { Word::Withheld } else { Word::Heard })
    }

    async fn not_settled(&self, line: LineId, fault: RestoreFault) -> Told {
        let of = |code, key: PublicKey| {
            let key: String = hexadecimal(key.as_bytes()).chars().take(16).collect();
            self.tell(Fault::new(code).with("key", key))
        };
        match fault {
            RestoreFault::Act(fault) => self.refused(line, fault).await,
            RestoreFault::Moved => self.tell(Fault::new(Code::RestoreMoved)),
            RestoreFault::NotListed(key) => of(Code::RestoreNotListed, key),
            RestoreFault::NotEnded(key) => of(Code::RestoreNotEnded, key),
            RestoreFault::NothingWaits => self.tell(Fault::new(Code::RestoreNothingWaits)),
        }
    }

    /// What was done, as a sentence.
    async fn settled(&self, id: &'static str, line: LineId, settled: Settled) -> Result<String, Told> {
        let told = move |sight: &crate::view::Sight<'_>| {
            let args = [
                ("peer", call_sign(sight.line, sight.me().peer()).into()),
                ("epoch", settled.epoch.number.to_string().into()),
                ("count", settled.taken_back.into()),
                ("left", settled.left.into()),
            ];
            sight.telling.say(id, &args)
        };
        self.see(line, told).await
    }
}

fn public(keys: &Keys) -> [[u8; 32]; 3] {
    let public = keys.public();
    [public.station, public.link, public.word]
}
