//! A station with everything that a person or a program can ask of it: its record and links, the pairing of new lines, the API.
//! What `serve` runs on a socket, and what a story plays on.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use counterpart_core::precedence::Mark;

use crate::api::paired::Paired;
use crate::api::{Api, Parts};
use crate::clock::Clock;
use crate::pairing::{self, Ceremony, Needs};
use crate::station::{StartFault, Station};
use crate::words::{Language, Sentence, Tell, logged};

/// Why a station does not serve. Each says what to do.
#[derive(Debug)]
pub enum ServeFault {
    /// The station itself.
    Start(StartFault),
    /// The pairings that it has to go on with.
    Pairing(pairing::Fault),
}

impl Tell for ServeFault {
    fn sentence(&self) -> Sentence {
        match self {
            ServeFault::Start(fault) => fault.sentence(),
            ServeFault::Pairing(fault) => fault.sentence(),
        }
    }
}

impl fmt::Display for ServeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for ServeFault {}

/// A station that can be asked.
pub struct Serving {
    /// Record, links, keys.
    pub station: Station,
    /// How its lines begin.
    pub ceremony: Ceremony,
    /// Acts and views.
    pub api: Api,
}

impl Serving {
    /// Starts the station of a data directory. It answers and dials nobody before [`Serving::meet`].
    ///
    /// # Errors
    /// [`ServeFault`]; nothing of the station is left.
    pub async fn start(data: &Path, clock: Clock, mark: Mark) -> Result<Serving, ServeFault> {
        let station = Station::start(data, clock, mark).await.map_err(ServeFault::Start)?;
        let needs = Needs {
            keeper: station.keeper.clone(),
            reader: station.reader.clone(),
            keys: station.keys.clone(),
            config: &station.config,
            clock: station.clock.clone(),
            endpoint: station.endpoint.clone(),
        };
        let ceremony = match Ceremony::start(needs).await {
            Ok(ceremony) => ceremony,
            Err(fault) => {
                let _ = station.stop().await;
                return Err(ServeFault::Pairing(fault));
            }
        };
        let api = Api::new(Parts {
            data: station.data.clone(),
            keeper: station.keeper.clone(),
            reader: station.reader.clone(),
            keys: station.keys.clone(),
            endpoint: station.endpoint.clone(),
            clock: station.clock.clone(),
            config: station.config.clone(),
            mark,
            ceremony: Arc::new(Paired::new(ceremony.clone(), Language::English.words())),
            board: station.board.clone(),
            begun: station.begun,
            voice: station.voice.clone(),
        });
        Ok(Serving { station, ceremony, api })
    }

    /// Answers peers and dials them; who comes with an invitation is shown to the pairing.
    pub fn meet(&mut self) {
        let door = self.ceremony.clone();
        self.station.meet(move |connection| door.accept(connection));
    }

    /// Stops in the opposite order. What is committed stays. False if the record thread broke, now or before.
    pub async fn stop(self) -> bool {
        self.ceremony.stop();
        self.station.stop().await
    }
}
