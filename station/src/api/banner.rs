//! The line of classification, on every page and print: as it was set by a person or a program; until then that of the configuration.

use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Api;
use super::fault::{Code, Fault, Told};
use super::receive::Form;
use crate::store::{People, Reader};
use crate::words::clean;

/// The setting that holds it.
const SETTING: &str = "banner";
/// Characters of it.
pub(crate) const BANNER_MAX: usize = 60;

/// As it was set.
#[derive(Default)]
pub(crate) struct Banner {
    /// `None`: it was not looked for yet; `Some(None)`: nobody has set one.
    set: Mutex<Option<Option<String>>>,
    /// It is set by one at a time: what is kept and what is shown are the same.
    setting: tokio::sync::Mutex<()>,
}

impl Banner {
    fn shown(&self, reader: &Reader) -> Option<String> {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*set {
            return known.clone();
        }
        match reader.setting(SETTING) {
            Ok(kept) => set.insert(kept.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())).clone(),
            // It is looked for again by the next page; until then that of the configuration stands there.
            Err(error) => {
                tracing::error!(%error, "the banner was not read");
                None
            }
        }
    }
}

/// The banner.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BannerForm {
    /// At most 60 characters on one line; empty: none.
    pub banner: String,
}

/// `GET /api/v1/banner`.
pub(super) async fn show(State(api): State<Api>) -> Json<BannerForm> {
    Json(BannerForm { banner: api.banner() })
}

/// `POST /api/v1/banner`.
pub(super) async fn set(State(api): State<Api>, Form(form): Form<BannerForm>) -> Result<Json<BannerForm>, Told> {
    api.set_banner(&form.banner).await?;
    Ok(Json(BannerForm { banner: api.banner() }))
}

impl Api {
    /// What stands on every page.
    pub(crate) fn banner(&self) -> String {
        let set = self.banner.shown(&self.parts.reader);
        set.unwrap_or_else(|| self.parts.config.organisation.banner.clone())
    }

    /// Sets it, for every page from the next on.
    ///
    /// # Errors
    /// It is too long or not one line; or what our machine did not do.
    pub(crate) async fn set_banner(&self, said: &str) -> Result<(), Told> {
        let banner = said.trim().to_owned();
        if banner.chars().count() > BANNER_MAX || clean(&banner) != banner {
            return Err(self.tell(Fault::new(Code::BannerUnfit).with("max", BANNER_MAX)));
        }
        let _turn = self.banner.setting.lock().await;
        self.change(vec![People::Setting(SETTING.into(), banner.clone().into_bytes())]).await?;
        *self.banner.set.lock().unwrap_or_else(PoisonError::into_inner) = Some(Some(banner));
        Ok(())
    }
}
