//! The desk: pages rendered here, acts sent as forms. No rule is decided in this folder: a page shows what `core` computed
//! ([`crate::view`]), and every form becomes the same act as a command does ([`crate::api::form`]).
//!
//! What is decided here is only who may sign in and which role may act at all ([`session`]). No GET ever acts.

mod acts;
mod ask;
mod attended;
mod authors;
mod band;
mod begun;
mod call;
mod due;
mod entry;
pub mod fields;
mod files;
mod four;
mod frame;
mod guard;
mod guest;
mod keys;
mod ladder;
mod lines;
pub mod listen;
mod live;
mod morning;
mod offer;
mod on_offer;
mod pages;
mod pairing;
mod placed;
mod plots;
mod put_off;
mod readings;
mod record;
mod refused;
mod request;
mod ring;
mod round;
mod rounds;
pub mod router;
mod rung;
mod seen;
mod session;
mod settings;
mod sheet;
mod sheets;
mod sign_in;
mod site;
mod spine;
mod talking;
mod texts;
mod tokens;
mod tone;
mod translations;
mod unsigned;
mod upkeep;
mod users;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::api::Api;
use crate::api::fault::Told;
use crate::api::sight::hexadecimal;
use crate::api::throttle::Throttle;
use crate::config;
use crate::entropy::{self, NoEntropy};
use crate::people::Secret;
use crate::store::TokenHash;
use crate::voice::TalkId;
use crate::words::Language;
use pages::Pages;
use site::Site;
use unsigned::Unsigned;

/// Passwords hashed at one time: each takes 19 MiB.
const HASHES_MAX: usize = 2;

/// The desk of one station; cheap to clone.
#[derive(Clone)]
pub struct Desk {
    api: Api,
    inner: Arc<Inner>,
}

struct Inner {
    site: Site,
    throttle: Throttle,
    /// Who waits for a password to be hashed.
    hashing: Semaphore,
    /// The password of nobody: looked at when there is no such user, so that an answer takes as long.
    nobody: Secret,
    /// Acts that can be taken back.
    unsigned: Unsigned,
    /// The pages that are live.
    pages: Pages,
    /// Those of places in a call, on which nothing rings.
    place_pages: Pages,
    /// Talks whose time has begun, of which somebody here has taken note.
    noted_times: Mutex<BTreeSet<TalkId>>,
    /// Sessions in which somebody came into a call.
    placed: Mutex<BTreeSet<TokenHash>>,
    /// This run of the station. Positions of the live stream are of it alone.
    run: String,
}

impl Inner {
    fn noted_times(&self) -> MutexGuard<'_, BTreeSet<TalkId>> {
        self.noted_times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// The desk of this station.
    ///
    /// # Errors
    /// The machine gave no random bytes, or the store cannot be read.
    pub fn new(api: Api, config: &config::Desk) -> Result<Desk, Told> {
        let no_entropy = |e: NoEntropy| api.failed(&e);
        let inner = Inner {
            site: Site::new(config),
            throttle: Throttle::default(),
            hashing: Semaphore::new(HASHES_MAX),
            nobody: Secret::of(&hexadecimal(&entropy::bytes::<32>().map_err(no_entropy)?)).map_err(no_entropy)?,
            unsigned: Unsigned::from(api.now()),
            pages: Pages::new(api.live_pages.clone(), api.parts.clock.clone()),
            place_pages: Pages::new(Arc::default(), api.parts.clock.clone()),
            noted_times: Mutex::default(),
            placed: Mutex::default(),
            run: hexadecimal(&entropy::bytes::<8>().map_err(no_entropy)?),
        };
        Ok(Desk { api, inner: Arc::new(inner) })
    }

    /// The same desk, in this language.
    fn speaking(&self, language: Language) -> Desk {
        Desk { api: self.api.speaking(language.words_on_pages()), inner: self.inner.clone() }
    }

    /// What its pages are written in when neither person nor browser says: the organisation's first language that ships.
    fn language(&self) -> Language {
        let languages = &self.api.parts.config.organisation.languages;
        languages.iter().find_map(|tag| Language::parse(tag)).unwrap_or(Language::English)
    }
}

/// A page.
fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page was not rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
