//! Start and stop, in order: lock and store, keys, record thread, link. What comes later stands on what came before.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use counterpart_core::link::Rate;
use counterpart_core::precedence::Mark;
use tokio::task::JoinHandle;

use crate::clock::{Clock, Moment};
use crate::config::{Config, ConfigError};
use crate::keys::{KeyError, Keys, Ring};
use crate::link::board::Board;
use crate::link::pace::Daily;
use crate::link::pump::Shared;
use crate::link::switchboard::Switchboard;
use crate::link::{BindFault, Connection, Endpoint, EndpointConfig, Worker};
use crate::record::{self, Keeper, Published};
use crate::store::{Reader, Store, StoreError};
use crate::voice::{self, Voice};
use crate::words::{Sentence, Tell, logged};

/// Why a station does not start. Each says what to do.
#[derive(Debug)]
pub enum StartFault {
    /// The configuration.
    Config(ConfigError),
    /// The key files.
    Keys(KeyError),
    /// The record.
    Store(StoreError),
    /// The address on which it is to listen.
    Bind(BindFault),
    /// Where browsers are to reach its voice.
    Voice(voice::BindFault),
}

impl Tell for StartFault {
    fn sentence(&self) -> Sentence {
        match self {
            StartFault::Config(fault) => fault.sentence(),
            StartFault::Keys(fault) => fault.sentence(),
            StartFault::Store(fault) => fault.sentence(),
            StartFault::Bind(fault) => fault.sentence(),
            StartFault::Voice(fault) => fault.sentence(),
        }
    }
}

impl fmt::Display for StartFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for StartFault {}

impl From<ConfigError> for StartFault {
    fn from(fault: ConfigError) -> StartFault {
        StartFault::Config(fault)
    }
}

impl From<KeyError> for StartFault {
    fn from(fault: KeyError) -> StartFault {
        StartFault::Keys(fault)
    }
}

impl From<StoreError> for StartFault {
    fn from(fault: StoreError) -> StartFault {
        StartFault::Store(fault)
    }
}

impl From<BindFault> for StartFault {
    fn from(fault: BindFault) -> StartFault {
        StartFault::Bind(fault)
    }
}

/// A station that keeps its record and its lines.
pub struct Station {
    /// Where its data is.
    pub data: PathBuf,
    /// As read at the start.
    pub config: Arc<Config>,
    /// The only clock.
    pub clock: Clock,
    /// When it began.
    pub begun: Moment,
    /// Its keys.
    pub keys: Ring,
    /// The way into the record.
    pub keeper: Keeper,
    /// Reads what is stored.
    pub reader: Reader,
    /// What is known of each line's link.
    pub board: Board,
    /// Its end of all connections.
    pub endpoint: Arc<Endpoint>,
    worker: Worker,
    /// Calls; without a desk none.
    pub voice: Voice,
    speaking: Option<voice::Running>,
    record: std::thread::JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Station {
    /// Takes the data directory, starts the record thread and listens. Nobody is answered before [`Station::meet`].
    ///
    /// # Errors
    /// [`StartFault`]; nothing of the station is left.
    pub async fn start(data: &Path, clock: Clock, mark: Mark) -> Result<Station, StartFault> {
        let config = Arc::new(Config::load(data)?);
        let store = Store::open(data)?;
        let keys = Ring::load(data)?;
        let reader = store.reader()?;
        let first = keys.first();
        let worker = Worker::start().map_err(|e| StoreError::other("doing-thread", e))?;
        let listens = EndpointConfig::at(config.link.listen);
        let endpoint = Arc::new(worker.starting(Endpoint::bind(&listens, first.link_seed())).await?);
        for set in keys.all() {
            endpoint.know(set.link_seed())?;
        }
        let started = record::start(store, keys.clone(), clock.clone(), mark)?;
        show_serving(&keys, &endpoint, &started.keeper.published().borrow());
        let begun = clock.moment();
        let settings = config.voice.as_ref().map(|said| voice::Settings {
            listen: said.listen,
            announce: said.announce,
            calls_max: said.calls_max,
        });
        let started_voice = settings.map(|settings| voice::start(&settings, clock.clone(), started.keeper.clone()));
        let (voice, speaking) = match started_voice {
            None => (Voice::default(), None),
            Some(Ok((voice, running))) => (voice, Some(running)),
            Some(Err(fault)) => {
                started.keeper.stop();
                return Err(StartFault::Voice(fault));
            }
        };
        Ok(Station {
            data: data.to_path_buf(),
            config,
            keys,
            begun,
            clock,
            keeper: started.keeper,
            reader,
            board: Board::default(),
            endpoint,
            worker,
            voice,
            speaking,
            record: started.thread,
            tasks: Vec::new(),
        })
    }

    /// Answers and dials. `pairing` takes connections that come to take up an invitation.
    pub fn meet(&mut self, pairing: impl Fn(Connection) + Send + Sync + 'static) {
        let shared = Shared {
            keeper: self.keeper.clone(),
            reader: self.reader.clone(),
            clock: self.clock.clone(),
            begun: self.begun,
            board: self.board.clone(),
            voice: self.voice.clone(),
        };
        let rate = Rate { per_second: self.config.link.entries_per_second, burst: self.config.link.burst };
        let (entries, mebibytes) = (self.config.link.entries_per_day, self.config.link.mebibytes_per_day);
        let daily = Daily { entries: entries.into(), bytes: u64::from(mebibytes) << 20 };
        let switchboard = Switchboard::new(shared, self.endpoint.clone(), rate, &self.config.link.references);
        let switchboard = switchboard.allowing(daily);
        let (keys, endpoint, mut published) = (self.keys.clone(), self.endpoint.clone(), self.keeper.published());
        let follow = async move {
            while published.changed().await.is_ok() {
                show_serving(&keys, &endpoint, &published.borrow_and_update());
            }
        };
        self.tasks.push(tokio::spawn(follow));
        self.tasks.push(self.worker.spawn(switchboard.clone().answer(pairing)));
        self.tasks.push(self.worker.spawn(switchboard.dial()));
    }

    /// Meets nobody any more, until [`Station::meet`] again: every session ends, and the record learns that its links are down.
    pub async fn part(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // It ends at its next wait; a task that was aborted has nothing to say.
            let _ = task.await;
        }
        let now = self.clock.moment().ms_since(self.begun);
        let lines: Vec<_> = self.keeper.published().borrow().lines.keys().copied().collect();
        for line in lines {
            self.keeper.link(line, false, false);
            self.board.change(line, |link| {
                link.withheld.parted(now);
                (link.up_since_ms, link.down_since_ms, link.even) = (None, now, false);
            });
        }
    }

    /// Stops in the opposite order. What is committed stays; what waits in the inbox is decided first. False if the record thread
    /// broke, now or before.
    pub async fn stop(self) -> bool {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.endpoint.close().await;
        if let Some(speaking) = self.speaking {
            speaking.stop().await;
        }
        self.keeper.stop();
        let record = self.record;
        // The record thread blocks on the disk, never on us.
        tokio::task::spawn_blocking(move || record.join()).await.is_ok_and(|ended| ended.is_ok())
    }
}

/// Shows callers the link key of the latest key set that serves on any line.
fn show_serving(keys: &Ring, endpoint: &Endpoint, published: &Published) {
    let serves = |set: &Keys| published.lines.values().any(|line| line.own_link == set.public().link);
    if let Some(set) = keys.find(serves).filter(|set| set.public().link != endpoint.link_key())
        && let Err(fault) = endpoint.show(set.link_seed())
    {
        tracing::error!(%fault, "callers cannot be shown the new link key");
    }
}
