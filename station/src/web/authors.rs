//! Who at this station did an act. That is kept at home: no entry says it, and nothing of it crosses a line.

use std::collections::BTreeMap;

use counterpart_core::ids::{EntryRef, Epoch, LineId};

use super::Desk;
use crate::api::fault::Told;
use crate::people::author;
use crate::record::entry_key;
use crate::store::StoreError;
use crate::view::names;

/// Entries of which one page says who wrote them.
pub(super) const AUTHORS_MAX: usize = 256;

/// The entry, as `Named::at` says it, and who wrote it.
pub(super) type Authors = BTreeMap<String, String>;

impl Desk {
    /// Who wrote these entries of ours. Of those that no person and no program here wrote there is nothing.
    ///
    /// # Errors
    /// What to tell whoever asks: the store cannot be read.
    pub(super) async fn authors(&self, line: LineId, epoch: Epoch, entries: Vec<EntryRef>) -> Result<Authors, Told> {
        let (reader, words) = (self.api.parts.reader.clone(), self.api.words.clone());
        let read = move || {
            let mut authors = Authors::new();
            for at in entries.into_iter().take(AUTHORS_MAX) {
                let actor = reader.actor(entry_key(line, epoch, at))?;
                authors.extend(actor.map(|actor| (at.to_string(), author(&actor.user, &words))));
            }
            Ok::<_, StoreError>(authors)
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|e| self.api.machine(e))?;
        read.map_err(|e| self.api.failed(&e))
    }

    /// A refusal that says who here wrote the entry that decided, if somebody here did.
    pub(super) async fn with_author(&self, told: Told, line: &str) -> Told {
        match self.author_of(&told, line).await {
            Ok(Some(user)) => {
                let args = [("name", told.fact.as_deref().unwrap_or_default().into()), ("user", user.into())];
                let who = self.api.words.say("undone-by", &args);
                Told { what: format!("{} {who}", told.what), ..told }
            }
            Ok(None) | Err(_) => told,
        }
    }

    async fn author_of(&self, told: &Told, line: &str) -> Result<Option<String>, Told> {
        let Some(fact) = told.fact.clone() else { return Ok(None) };
        let id = self.api.line(Some(line.to_owned())).await?;
        let found = self.api.see(id, move |sight| {
            let at = names::parse(sight.line, &fact).ok().filter(|at| at.party == sight.me())?;
            Some((sight.epoch, at))
        });
        let Some((epoch, at)) = found.await? else { return Ok(None) };
        Ok(self.authors(id, epoch, vec![at]).await?.remove(&at.to_string()))
    }
}
