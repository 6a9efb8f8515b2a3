//! Translations of texts of theirs, made and kept at home: beside what was signed, never in its place, and nothing of them leaves.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::ids::{EntryRef, Epoch, LineId};
use counterpart_core::record::kind::Kind;
use serde::{Deserialize, Serialize};

use super::session::Posted;
use super::{Desk, refused};
use crate::api::fault::{Code, Fault, Told};
use crate::store::{People, Reader, StoreError};
use crate::view::names;
use crate::words::Language;

/// Of one text, at most so many languages.
const LANGUAGES_MAX: usize = 16;
/// The longest translation, in bytes: as long as a text may be.
const BYTES_MAX: usize = 16_384;

/// One translation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Translation {
    /// Its language, BCP 47.
    pub language: String,
    pub text: String,
    /// Who attached it.
    pub user: String,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
}

/// Under which key the translations of an entry are kept.
fn key(line: LineId, epoch: Epoch, at: EntryRef) -> String {
    format!("translations {line} {epoch} {at}")
}

/// What is kept beside an entry.
pub(super) fn kept(reader: &Reader, line: LineId, epoch: Epoch, at: EntryRef) -> Result<Vec<Translation>, StoreError> {
    let bytes = reader.setting(&key(line, epoch, at))?;
    // What cannot be read is ours, and stands beside a text that can.
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

impl Desk {
    /// The languages into which one translates here: the organisation's, then those that ship.
    pub(super) fn translated_into(&self) -> Vec<String> {
        let mut all = self.api.parts.config.organisation.languages.clone();
        for tag in Language::ALL.map(Language::tag) {
            if !all.iter().any(|known| known == tag) {
                all.push(tag.into());
            }
        }
        all.truncate(LANGUAGES_MAX);
        all
    }

    async fn attach(&self, posted: &Posted, line: String) -> Result<String, Told> {
        self.may_act(&posted.who)?;
        let text = |name: &str| posted.fields.text(name).unwrap_or_default();
        let (language, words, said) = (text("language"), text("words"), text("on"));
        if !self.translated_into().contains(&language) {
            let known = self.translated_into().join(", ");
            return Err(self
                .api
                .tell(Fault::new(Code::TranslationLanguage).with("said", language).with("known", known)));
        }
        if words.is_empty() || words.len() > BYTES_MAX {
            return Err(self.api.tell(Fault::new(Code::TranslationWords).with("max", BYTES_MAX)));
        }
        let id = self.api.line(Some(line)).await?;
        let found = self.api.see(id, move |sight| {
            let at = names::parse_in(sight.book(), &said).map_err(|fault| Told::name(&fault, sight.telling.words))?;
            let fact = sight.view().fact(at).filter(|fact| fact.kind() == Kind::Text && at.party != sight.me());
            fact.map(|_| (at, sight.epoch)).ok_or_else(|| {
                Fault::new(Code::TranslationOfWhat)
                    .with("name", names::name_in(sight.book(), at))
                    .tell(sight.telling.words)
            })
        });
        let (at, epoch) = found.await??;
        let (reader, user, now) = (self.api.parts.reader.clone(), posted.who.user.clone(), self.api.now().0);
        let read = tokio::task::spawn_blocking(move || kept(&reader, id, epoch, at)).await;
        let mut all = read.map_err(|e| self.api.machine(e))?.map_err(|e| self.api.failed(&e))?;
        all.retain(|other| other.language != language);
        all.push(Translation { language, text: words, user, at: now });
        let value = serde_json::to_vec(&all).map_err(|e| self.api.machine(e))?;
        self.api.change(vec![People::Translations { key: key(id, epoch, at), value }]).await?;
        Ok(format!("/lines/{id}/texts#e{}", at.to_string().replace(':', "-")))
    }
}

/// `POST /lines/{line}/texts/translation`: in the place of one into the same language.
pub(super) async fn attach(State(desk): State<Desk>, Path(line): Path<String>, posted: Posted) -> Response {
    match desk.attach(&posted, line).await {
        Ok(to) => Redirect::to(&to).into_response(),
        Err(told) => refused::shown(&desk, &posted.who, &told, &refused::Kept::of(&posted.fields)).await,
    }
}
