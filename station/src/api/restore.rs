//! `/api/v1/restore`: what lines wait for before they sign again, what a person takes or refuses of what the other side shows, and how
//! root opens an epoch without its key coming here (`docs/protocol.md` §4.6). Keys are drawn first ([`super::drawn`]); then the caller
//! is told what root is to sign; then the signature opens the epoch.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::{LineId, unhex};
use counterpart_core::line::restore::{Judgement, NewEpoch, Part, Word};
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
use crate::entropy;
use crate::keys::Keys;
use crate::record::{RestoreFault, Said, Settled, Wanted};
use crate::store::StoreError;
use crate::view::names::call_sign;
use crate::view::restore::{Link, Listing, PartView, RestoreView, restore, told};
use crate::view::{Kept, Sight};

/// Of which line what it waits for is told; or which part of what is shown, entry by entry.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreQuery {
    /// The line; all unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
    /// Only this part, by its name or the begin of it, with at most 100 of its entries and all of their words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub part: Option<String>,
    /// From this index on; from its first entry unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<u64>,
}

/// What a person takes or refuses of what the other side shows: only what is named, and what they have seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeForm {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The station keys that root has granted on this line, oldest first: root's list.
    pub granted: Vec<String>,
    /// The parts that are taken into our log.
    #[serde(default)]
    pub take: Vec<PartView>,
    /// The parts that stay beside it, and about which nobody is asked again.
    #[serde(default)]
    pub refuse: Vec<PartView>,
    /// Of the one part that is taken only the entries up to this index; what stands behind it waits on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub up_to: Option<u64>,
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
    /// The station keys that root has granted on this line, oldest first: root's list. Needed if anything is taken.
    #[serde(default)]
    pub granted: Vec<String>,
    /// The parts of what the other side shows that are taken into our log with it.
    #[serde(default)]
    pub take: Vec<PartView>,
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
    /// That as a sentence.
    pub sentence: String,
}

/// `GET /api/v1/restore`: of one line, or of all; or of one part of what is shown.
pub(super) async fn look(
    State(api): State<Api>,
    Asked(query): Asked<RestoreQuery>,
) -> Result<Json<Vec<RestoreView>>, Told> {
    let ids = api.lines_of(query.line).await?;
    let chosen = match query.part {
        Some(said) => {
            let (id, part) = api.part(&ids, &said).await?;
            vec![(id, Listing::Of(part, query.from))]
        }
        None => ids.into_iter().map(|id| (id, Listing::Last)).collect(),
    };
    let drawn = api.drawn().await?;
    let mut views = Vec::new();
    for (id, listing) in chosen {
        let state = api.parts.board.of(id);
        let link = Link { up: state.up_since_ms.is_some(), silent_ms: state.withheld.for_ms(api.now_ms()) };
        let said = api.said(id, listing).await?;
        let view =
            move |sight: &Sight<'_>| restore(sight, link, drawn, listing, &|entry| said.get(&entry.leaf).cloned());
        views.push(api.see(id, view).await?);
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
    if form.take.is_empty() && form.refuse.is_empty() {
        return Err(api.tell(Fault::new(Code::RestorePartWhich).with("known", api.names(&[line]).await?)));
    }
    let granted = keys(&form.granted).ok_or_else(malformed)?;
    let [mut take, refuse] = [parts(&form.take), parts(&form.refuse)].map(|parts| parts.ok_or_else(malformed));
    if let Some(index) = form.up_to {
        take = Ok(vec![api.up_to(line, take?, index).await?]);
    }
    let said = Said { granted, judgement: Judgement { take: take?, refuse: refuse? } };
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
    let (epoch, taken_back) = (settled.epoch.number, settled.taken_back);
    let sentence = api.settled("restore-opened", line, settled).await?;
    Ok(Json(OpenedView { line: line.to_string(), epoch, taken_back, sentence }))
}

fn keys(said: &[String]) -> Option<Vec<PublicKey>> {
    said.iter().map(|key| unhex(key).map(PublicKey::from_bytes)).collect()
}

fn parts(said: &[PartView]) -> Option<Vec<Part>> {
    said.iter().map(PartView::part).collect()
}

impl Api {
    /// Every part that is shown on these lines.
    async fn shown(&self, ids: &[LineId]) -> Result<Vec<(LineId, Part)>, Told> {
        let ids = ids.to_vec();
        let looked = self.parts.keeper.look(move |lines| {
            let lines = ids.iter().filter_map(|id| lines.line(id)).map(|kept| &kept.line);
            lines.flat_map(|line| line.shown().iter().map(|s| (line.id(), s.part())).collect::<Vec<_>>()).collect()
        });
        looked.await.map_err(|_| self.tell(Fault::new(Code::Stopping)))
    }

    /// What the parts are called that are shown on these lines.
    async fn names(&self, ids: &[LineId]) -> Result<String, Told> {
        let shown = self.shown(ids).await?;
        Ok(shown.iter().map(|(_, part)| PartView::of(part).name()).collect::<Vec<_>>().join(", "))
    }

    /// The one part of this name that is shown on these lines.
    async fn part(&self, ids: &[LineId], said: &str) -> Result<(LineId, Part), Told> {
        let shown = self.shown(ids).await?;
        let found: Vec<(LineId, Part)> =
            shown.into_iter().filter(|(_, part)| PartView::of(part).is_called(said)).collect();
        match found.as_slice() {
            [one] => Ok(*one),
            [] => {
                let fault = Fault::new(Code::RestorePartUnknown).with("said", said);
                Err(self.tell(fault.with("known", self.names(ids).await?)))
            }
            several => {
                let known: Vec<String> = several.iter().map(|(_, part)| PartView::of(part).name()).collect();
                let fault = Fault::new(Code::RestorePartWhich);
                Err(self.tell(fault.with("known", known.join(", "))))
            }
        }
    }

    /// The one part that is taken, as far as an index of it.
    async fn up_to(&self, line: LineId, take: Vec<Part>, index: u64) -> Result<Part, Told> {
        let within = || self.tell(Fault::new(Code::RestoreUpTo).with("said", index));
        let [part] = take.as_slice() else { return Err(within()) };
        let part = *part;
        let looked = self.parts.keeper.look(move |lines| {
            let shown = lines.line(&line)?.line.shown();
            shown.iter().find(|shown| shown.part() == part)?.up_to(index.checked_add(1)?)
        });
        looked.await.map_err(|_| self.tell(Fault::new(Code::Stopping)))?.ok_or_else(within)
    }

    /// The words of what is shown on a line and told one by one, by the leaves of the entries.
    async fn said(&self, line: LineId, listing: Listing) -> Result<BTreeMap<Hash, String>, Told> {
        let told = self.parts.keeper.look(move |lines| lines.line(&line).map(|kept| told(&kept.line, listing)));
        let told = told.await.map_err(|_| self.tell(Fault::new(Code::Stopping)))?.unwrap_or_default();
        let (reader, changed) = (self.parts.reader.clone(), self.words.say("words-changed", &[]));
        let read = move || -> Result<BTreeMap<Hash, String>, StoreError> {
            let mut said = BTreeMap::new();
            for entry in told {
                let kept = reader.shown_body(&entry.bytes)?;
                let words = match kept.and_then(|body| Kept::of(&entry.header, &body)) {
                    Some(Kept::Signed(body)) => String::from_utf8(body.content).ok(),
                    Some(Kept::Changed) => Some(changed.clone()),
                    None => None,
                };
                said.extend(words.map(|words| (entry.leaf, words)));
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
        let fresh = self.bound(unhex(&form.station).ok_or_else(malformed)?).await?;
        let granted = keys(&form.granted).ok_or_else(malformed)?;
        let judgement = Judgement { take: parts(&form.take).ok_or_else(malformed)?, refuse: Vec::new() };
        let word = self.word(line, form.peer_is_dark).await?;
        let new = NewEpoch { id: unhex(id).ok_or_else(malformed)?, keys: public(&fresh), word, judgement };
        Ok(Wanted { line, new, granted, now: Timestamp::new(*now).ok_or_else(malformed)?, user: who.name })
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
