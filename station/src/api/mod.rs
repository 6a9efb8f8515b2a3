//! `/api/v1`: the acts and views that commands, pages and programs share. One handler for all acts; views are plain JSON; every
//! error has one shape ([`fault`]).
//!
//! Nothing here decides. [`acts`] turns a form into `core`'s act, the record thread decides it, and views are computed from lines
//! as they are committed.

pub mod acts;
pub(crate) mod banner;
pub mod bell;
mod calendar;
mod call;
pub(crate) mod callers;
mod calls;
pub mod ceremony;
mod compared;
pub(crate) mod conduct;
pub mod doctor;
mod document;
pub(crate) mod door;
pub mod drawn;
pub mod events;
pub(crate) mod export;
pub mod fault;
pub mod files;
pub(crate) mod find;
pub mod form;
mod many;
pub(crate) mod metrics;
pub(crate) mod morning;
pub mod paired;
pub mod people;
pub(crate) mod places;
pub mod receive;
pub mod restore;
pub mod returned;
pub mod rounds;
pub mod router;
pub(crate) mod search;
pub mod sessions;
pub mod sight;
pub mod socket;
pub(crate) mod spoken;
pub(crate) mod stream;
mod streams;
pub mod stretch;
pub(crate) mod talks;
pub(crate) mod throttle;
pub mod times;
pub mod tokens;
pub(crate) mod told;
pub mod views;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use counterpart_core::precedence::Mark;
use tokio::sync::{Semaphore, watch};

use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::keys::Ring;
use crate::link::Endpoint;
use crate::link::board::Board;
use crate::record::Keeper;
use crate::store::Reader;
use crate::voice::Voice;
use crate::words::{Language, Words};
use ceremony::Ceremony;

/// What the API stands on.
pub struct Parts {
    /// The data directory.
    pub data: PathBuf,
    /// The record thread.
    pub keeper: Keeper,
    /// The store, to read.
    pub reader: Reader,
    /// The station's keys.
    pub keys: Ring,
    /// Its end of all connections.
    pub endpoint: Arc<Endpoint>,
    /// The station's clock.
    pub clock: Clock,
    /// Its configuration.
    pub config: Arc<Config>,
    /// The mark of what is opened without one.
    pub mark: Mark,
    /// How lines begin.
    pub ceremony: Arc<dyn Ceremony>,
    /// What is known of each line's link.
    pub board: Board,
    /// When the station began: the board counts from there.
    pub begun: Moment,
    /// Calls.
    pub voice: Voice,
}

/// The API of one station; cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub(crate) parts: Arc<Parts>,
    pub(crate) words: Arc<Words>,
    pub(crate) ceremony: Arc<dyn Ceremony>,
    bells: bell::Bells,
    banner: Arc<banner::Banner>,
    /// Live pages of the desk, counted.
    pub(crate) live_pages: Arc<metrics::LivePages>,
    pub(crate) closing: Arc<watch::Sender<bool>>,
    /// The document, once it was asked for.
    document: Arc<std::sync::OnceLock<axum::body::Bytes>>,
    /// Calls with wrong tokens.
    tries: Arc<throttle::Throttle>,
    /// Programs that follow the record.
    streams: streams::Streams,
    /// Who waits for a page of the record to be made.
    pages: Arc<Semaphore>,
    /// The record is examined for one at a time.
    examining: Arc<tokio::sync::Mutex<()>>,
    /// A user or a token is made by one at a time.
    making: Arc<tokio::sync::Mutex<()>>,
    /// How often what is kept at home and pages show has changed: for whoever looks after people, and for all.
    pub(crate) home_changes: Arc<[AtomicU64; 2]>,
    /// How each webhook stands.
    pub(crate) webhooks: told::Webhooks,
}

impl Api {
    /// An API on these parts.
    pub fn new(parts: Parts) -> Api {
        Api {
            words: Language::English.words(),
            ceremony: parts.ceremony.clone(),
            parts: Arc::new(parts),
            bells: bell::Bells::default(),
            banner: Arc::default(),
            live_pages: Arc::default(),
            home_changes: Arc::default(),
            closing: Arc::new(watch::Sender::new(false)),
            document: Arc::default(),
            tries: Arc::default(),
            streams: streams::Streams::default(),
            pages: Arc::new(Semaphore::new(views::PAGES_MAX)),
            examining: Arc::default(),
            making: Arc::default(),
            webhooks: told::Webhooks::default(),
        }
    }

    /// The same, in these words.
    pub(crate) fn speaking(&self, words: Arc<Words>) -> Api {
        Api { ceremony: self.parts.ceremony.speaking(words.clone()), words, ..self.clone() }
    }

    /// Ends what streams: the station is stopping.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }
}
