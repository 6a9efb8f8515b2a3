//! Keys for an epoch, before it is opened (`docs/protocol.md` §4.6): drawn, put into a backup, and bound to it. What is bound stands in
//! the record and was written after that backup, so that no copy takes a set for its own that may serve elsewhere by now. A set that
//! served nowhere is bound anew and not thrown away.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::LineId;
use counterpart_core::line::Line;
use counterpart_core::line::restore::Restore;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::{Code, Fault, Told};
use super::receive::Form;
use super::sight::hexadecimal;
use super::{Api, Parts};
use crate::keys::Keys;
use crate::record::ActFault;
use crate::store::{StoreError, back_up};

/// The setting that names the set that was drawn last.
const SETTING: &str = "drawn-keys";

/// Draws keys for the epochs of these lines.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeysForm {
    /// The lines, 32 hexadecimal digits each.
    pub lines: Vec<String>,
    /// A new folder for the backup that is to hold the keys before they serve; a whole path.
    pub backup: PathBuf,
}

/// Keys that were drawn, and that a backup holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KeysView {
    /// The station key, 64 hexadecimal digits.
    pub station: String,
    /// Where the backup is.
    pub backup: PathBuf,
}

/// The set that was drawn last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Drawn {
    /// How often the record had been copied by then: in a copy it binds nothing.
    generation: u32,
    /// A backup holds it.
    kept: bool,
    /// Its station key.
    station: [u8; 32],
}

impl Drawn {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.generation.to_be_bytes().to_vec();
        bytes.push(self.kept.into());
        bytes.extend(self.station);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Drawn> {
        let (generation, rest) = bytes.split_first_chunk::<4>()?;
        let (kept, station) = rest.split_first()?;
        let station = station.try_into().ok()?;
        Some(Drawn { generation: u32::from_be_bytes(*generation), kept: *kept != 0, station })
    }

    /// What was drawn last for this record, and not for one that it is a copy of.
    fn read(parts: &Parts) -> Result<(u32, Option<Drawn>), StoreError> {
        let generation = parts.reader.generation()?;
        let drawn = parts.reader.setting(SETTING)?.as_deref().and_then(Drawn::from_bytes);
        Ok((generation, drawn.filter(|drawn| drawn.generation == generation)))
    }
}

/// What the lines need of a set.
struct Need {
    /// The link key that callers are shown; `None`: a fresh one.
    link: Option<[u8; 32]>,
    /// Station keys and link keys in force on any line.
    serving: Vec<[[u8; 32]; 2]>,
}

impl Need {
    /// Whether this set serves nowhere and fits.
    fn takes(&self, keys: &Keys) -> bool {
        let public = keys.public();
        let fits = match self.link {
            Some(link) => public.link == link,
            None => self.serving.iter().all(|[_, link]| *link != public.link),
        };
        fits && self.serving.iter().all(|[station, _]| *station != public.station)
    }
}

/// `POST /api/v1/restore/keys`.
pub(super) async fn draw(State(api): State<Api>, Form(form): Form<KeysForm>) -> Result<Json<KeysView>, Told> {
    let mut lines = Vec::new();
    for said in form.lines {
        lines.push(api.line(Some(said)).await?);
    }
    let need = api.need(lines).await?;
    let parts = api.parts.clone();
    let drawn = api.blocking(move || take(&parts, &need)).await?;
    api.bind(drawn).await?;
    let (parts, backup) = (api.parts.clone(), form.backup.clone());
    api.blocking(move || back_up(&parts.data, &backup).map_err(|e| Fault::new(Code::Machine).because(&e))).await?;
    api.bind(Drawn { kept: true, ..drawn }).await?;
    Ok(Json(KeysView { station: hexadecimal(&drawn.station), backup: form.backup }))
}

/// The set that was drawn last, if it serves nowhere and fits; else a new one.
fn take(parts: &Parts, need: &Need) -> Result<Drawn, Fault> {
    let (generation, drawn) = Drawn::read(parts).map_err(|e| Fault::new(Code::Machine).because(&e))?;
    let unused = drawn.and_then(|drawn| parts.keys.of_station(&drawn.station)).filter(|keys| need.takes(keys));
    let keys = match unused {
        Some(keys) => keys,
        None => {
            let link = need.link.and_then(|link| parts.keys.of_link(&link));
            parts.keys.draw(&parts.data, link.as_deref()).map_err(|e| Fault::new(Code::Machine).because(&e))?
        }
    };
    parts.endpoint.know(keys.link_seed()).map_err(|e| Fault::new(Code::Machine).because(&e))?;
    Ok(Drawn { generation, kept: false, station: keys.public().station })
}

impl Api {
    /// A link key that another copy may have, or that was shown to be retired, ends, and so does any when no line is left out.
    /// Otherwise it stays: those who call on the lines that go on expect it.
    async fn need(&self, lines: Vec<LineId>) -> Result<Need, Told> {
        let shown = self.parts.endpoint.link_key();
        let looked = self.parts.keeper.look(move |all| {
            let of = |id: &LineId| all.line(id).map(|kept| &kept.line);
            let ends = |line: &Line| line.restore() != Restore::Nothing && line.keys(line.me()).link == shown;
            let fresh = lines.iter().filter_map(of).any(ends) || all.iter().all(|kept| lines.contains(&kept.line.id()));
            let serving = all.iter().map(|kept| kept.line.keys(kept.line.me()));
            let serving = serving.map(|keys| [keys.station, keys.link]).collect();
            Need { link: (!fresh).then_some(shown), serving }
        });
        looked.await.map_err(|_| self.tell(Fault::new(Code::Stopping)))
    }

    async fn bind(&self, drawn: Drawn) -> Result<(), Told> {
        let bound = self.parts.keeper.setting(SETTING, Some(drawn.to_bytes())).await;
        bound.map_err(|fault| match fault {
            ActFault::Machine(cause) => self.failed(&cause),
            ActFault::Stopping | ActFault::Refused(_) | ActFault::TokenOfAnother(_) => {
                self.tell(Fault::new(Code::Stopping))
            }
        })
    }

    /// The station key of the set that was drawn last for this record, wherever it serves.
    pub(super) async fn drawn(&self) -> Result<Option<[u8; 32]>, Told> {
        let parts = self.parts.clone();
        let read = move || Drawn::read(&parts).map_err(|e| Fault::new(Code::Machine).because(&e));
        Ok(self.blocking(read).await?.1.map(|drawn| drawn.station))
    }

    /// The set with this station key, if a backup that this station made holds it.
    pub(super) async fn bound(&self, station: [u8; 32]) -> Result<Arc<Keys>, Told> {
        let parts = self.parts.clone();
        let read = move || Drawn::read(&parts).map_err(|e| Fault::new(Code::Machine).because(&e));
        let (_, drawn) = self.blocking(read).await?;
        let keys = drawn.filter(|drawn| drawn.kept && drawn.station == station);
        let keys = keys.and_then(|drawn| self.parts.keys.of_station(&drawn.station));
        keys.ok_or_else(|| self.tell(Fault::new(Code::RestoreUnbound)))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Told> {
        let done = tokio::task::spawn_blocking(work).await.map_err(|e| self.machine(e))?;
        done.map_err(|fault| self.tell(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drawn_is_read_back_and_nothing_else_is() {
        let drawn = Drawn { generation: 3, kept: true, station: [7; 32] };

        assert_eq!(Drawn::from_bytes(&drawn.to_bytes()), Some(drawn));
        assert_eq!(Drawn::from_bytes(&[0; 36]), None);
        assert_eq!(Drawn::from_bytes(&[0; 38]), None);
    }
}
