//! `/api/v1/restore`: what lines wait for before they sign again, and how root opens an epoch without its key coming here
//! (`docs/protocol.md` §4.6). Keys are drawn, kept and put into a backup first; then the caller is told what root is to sign; then
//! the signature opens the epoch.

use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::{LineId, unhex};
use counterpart_core::line::restore::{Judgement, NewEpoch, Restore, Verdict, Word};
use counterpart_core::record::sign1::PublicKey;
use counterpart_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Api;
use super::fault::{Code, Fault, Told};
use super::receive::{Asked, Form};
use super::sight::hexadecimal;
use super::views::LineQuery;
use crate::entropy;
use crate::keys::Keys;
use crate::record::{ActFault, OpenFault, Wanted};
use crate::store::back_up;
use crate::view::restore::{RestoreView, restore};

/// A peer that was met and has shown nothing for so long withholds, in milliseconds.
const WITHHELD_AFTER_MS: u64 = 3_600_000;

/// Draws keys for the epochs of these lines.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeysForm {
    /// The lines, 32 hexadecimal digits each.
    pub lines: Vec<String>,
    /// A new folder for the backup that is to hold the keys before they serve; a whole path.
    pub backup: PathBuf,
}

/// Keys that were drawn, and that a backup holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KeysView {
    /// The station key, 64 hexadecimal digits.
    pub station: String,
    /// Where the backup is.
    pub backup: PathBuf,
}

/// An epoch that is to be opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// As it was told with what root is to sign: eight bytes in hexadecimal, and a time in milliseconds since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub drafted: Option<(String, u64)>,
    /// Root's signature, 128 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signature: Option<String>,
}

/// What root is to sign.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UnsignedView {
    /// The root key that the charter names, 64 hexadecimal digits.
    pub root: String,
    /// The bytes to be signed, in hexadecimal.
    pub message: String,
    /// To be sent back with the signature.
    pub drafted: (String, u64),
}

/// An epoch that is open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
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

/// `GET /api/v1/restore`: of one line, or of all.
pub(super) async fn look(
    State(api): State<Api>,
    Asked(query): Asked<LineQuery>,
) -> Result<Json<Vec<RestoreView>>, Told> {
    let ids = match query.line {
        Some(said) => vec![api.line(Some(said)).await?],
        None => api.ids().await?,
    };
    let mut views = Vec::new();
    for id in ids {
        let up = api.parts.board.of(id).up_since_ms.is_some();
        views.push(api.see(id, move |sight| restore(sight, up)).await?);
    }
    Ok(Json(views))
}

/// `POST /api/v1/restore/keys`.
pub(super) async fn keys(State(api): State<Api>, Form(form): Form<KeysForm>) -> Result<Json<KeysView>, Told> {
    let mut lines = Vec::new();
    for said in form.lines {
        lines.push(api.line(Some(said)).await?);
    }
    let parts = api.parts.clone();
    let shown = parts.endpoint.link_key();
    // A link key that another copy may have, or that was shown to be retired, ends, and so does any when no line is left out.
    // Otherwise it stays: those who call on the lines that go on expect it.
    let looked = parts.keeper.look(move |all| {
        let of = |id: &LineId| all.line(id).map(|kept| &kept.line);
        let ends = |line: &counterpart_core::line::Line| {
            line.restore() != Restore::Nothing && line.keys(line.me()).link == shown
        };
        lines.iter().filter_map(of).any(ends) || all.iter().all(|kept| lines.contains(&kept.line.id()))
    });
    let fresh = looked.await.map_err(|_| api.tell(Fault::new(Code::Stopping)))?;
    let backup = form.backup.clone();
    let drawn = tokio::task::spawn_blocking(move || {
        let kept = parts.keys.of_link(&shown).filter(|_| !fresh);
        let drawn = parts.keys.draw(&parts.data, kept.as_deref()).map_err(|e| Fault::new(Code::Keys).because(&e))?;
        back_up(&parts.data, &backup).map_err(|e| Fault::new(Code::Machine).because(&e))?;
        parts.endpoint.know(drawn.link_seed()).map_err(|e| Fault::new(Code::Machine).because(&e))?;
        Ok::<_, Fault>(hexadecimal(&drawn.public().station))
    });
    let station = drawn.await.map_err(|e| api.machine(e))?.map_err(|fault| api.tell(fault))?;
    Ok(Json(KeysView { station, backup: form.backup }))
}

/// `POST /api/v1/restore/draft`: what root is to sign.
pub(super) async fn draft(State(api): State<Api>, Form(form): Form<EpochForm>) -> Result<Json<UnsignedView>, Told> {
    let id = entropy::bytes::<8>().map_err(|e| api.machine(e))?;
    let drafted = (hexadecimal(&id), api.now().0);
    let wanted = api.wanted(&form, &drafted).await?;
    let line = wanted.line;
    match api.parts.keeper.draft_epoch(wanted).await {
        Ok(unsigned) => Ok(Json(UnsignedView {
            root: hexadecimal(unsigned.root.as_bytes()),
            message: hexadecimal(&unsigned.message),
            drafted,
        })),
        Err(fault) => Err(api.refused(line, fault).await),
    }
}

/// `POST /api/v1/restore/open`: with root's signature.
pub(super) async fn open(State(api): State<Api>, Form(form): Form<EpochForm>) -> Result<Json<OpenedView>, Told> {
    let malformed = || api.tell(Fault::new(Code::RestoreMalformed));
    let drafted = form.drafted.clone().ok_or_else(malformed)?;
    let signature = form.signature.as_deref().and_then(unhex::<64>).ok_or_else(malformed)?;
    let wanted = api.wanted(&form, &drafted).await?;
    let line = wanted.line;
    let opened = match api.parts.keeper.open_epoch(wanted, signature).await {
        Ok(opened) => opened,
        Err(OpenFault::Moved) => return Err(api.tell(Fault::new(Code::RestoreMoved))),
        Err(OpenFault::Act(fault)) => return Err(api.refused(line, fault).await),
    };
    let (epoch, taken_back) = (opened.epoch.number, opened.taken_back);
    let sentence = move |sight: &crate::view::Sight<'_>| {
        let peer = crate::view::names::call_sign(sight.line, sight.me().peer());
        let args = [("peer", peer.into()), ("epoch", epoch.to_string().into()), ("count", taken_back.into())];
        sight.telling.say("restore-opened", &args)
    };
    let sentence = api.see(line, sentence).await?;
    Ok(Json(OpenedView { line: line.to_string(), epoch, taken_back, sentence }))
}

impl Api {
    /// The epoch that a form wants, with the public halves of the key set that it names.
    async fn wanted(&self, form: &EpochForm, (id, now): &(String, u64)) -> Result<Wanted, Told> {
        let malformed = || self.tell(Fault::new(Code::RestoreMalformed));
        let line = self.line(Some(form.line.clone())).await?;
        let station = unhex(&form.station).ok_or_else(malformed)?;
        let keys = self.parts.keys.of_station(&station).ok_or_else(malformed)?;
        let granted = match &form.granted {
            Some(list) => {
                let read = list.iter().map(|key| unhex(key).map(PublicKey::from_bytes)).collect::<Option<Vec<_>>>();
                Some(read.ok_or_else(malformed)?)
            }
            None => None,
        };
        let ended = match form.ended.as_deref() {
            Some("take") => Some(Verdict::Take),
            Some("refuse") => Some(Verdict::Refuse),
            Some(_) => return Err(malformed()),
            None => None,
        };
        let judgement = granted.zip(ended).map(|(granted, ended)| Judgement { granted, ended, parts: None });
        let word = self.word(line, form.peer_is_dark).await?;
        let new = NewEpoch { id: unhex(id).ok_or_else(malformed)?, keys: public(&keys), word, judgement };
        Ok(Wanted { line, new, now: Timestamp::new(*now).ok_or_else(malformed)? })
    }

    /// Why an epoch is opened now: that the other side withholds is measured, that it is dark is a person's word.
    async fn word(&self, line: LineId, dark: bool) -> Result<Word, Told> {
        if dark {
            return Ok(Word::Dark);
        }
        let waits = self.parts.keeper.look(move |lines| lines.line(&line).map(|kept| kept.line.restore()));
        let waits = waits.await.map_err(|_: ActFault| self.tell(Fault::new(Code::Stopping)))?;
        let now_ms = self.parts.clock.moment().ms_since(self.parts.begun);
        let met = self.parts.board.of(line).met_since_ms;
        let withheld = met.is_some_and(|since| now_ms.saturating_sub(since) >= WITHHELD_AFTER_MS);
        Ok(if waits == Some(Restore::Peer) && withheld { Word::Withheld } else { Word::Heard })
    }
}

fn public(keys: &Keys) -> [[u8; 32]; 3] {
    let public = keys.public();
    [public.station, public.link, public.word]
}
