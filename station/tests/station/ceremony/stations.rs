//! Two stations of invented organisations on loopback, each with a runtime of its own, so that one can be killed: all its
//! tasks end where they are, and only what is in its store is left.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use counterpart::clock::Clock;
use counterpart::config::Config;
use counterpart::keys::{Keys, Ring};
use counterpart::link::board::Board;
use counterpart::link::pump::Shared;
use counterpart::link::switchboard::Switchboard;
use counterpart::link::{Connection, Endpoint, EndpointConfig};
use counterpart::pairing::{Ceremony, Fault, Needs, PairingView, Proposal};
use counterpart::record::{Keeper, start};
use counterpart::store::{Actor, Store};
use counterpart_core::act::Act;
use counterpart_core::ids::{EntryRef, LineId, PostId};
use counterpart_core::link::Rate;
use counterpart_core::pairing::Standing;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::Mode;
use tokio::runtime::Runtime;

use crate::addresses::free_address;

/// Longer than anything here takes, on a machine that does other things too.
const SOON: Duration = Duration::from_secs(30);

/// A station at rest: its data directory, its name, and where it listens.
pub struct Home {
    pub data: PathBuf,
    pub name: String,
    pub address: SocketAddr,
}

/// A station that runs.
pub struct Station {
    pub home: Home,
    pub keeper: Keeper,
    pub ceremony: Ceremony,
    pub endpoint: Arc<Endpoint>,
    thread: std::thread::JoinHandle<()>,
    pub runtime: Runtime,
}

/// Which followers run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// As a station does.
    All,
    /// No sessions of lines: what pairing does, it does alone.
    PairingOnly,
    /// Whoever comes to pair is hung up.
    SessionsOnly,
}

pub fn founded(scratch: &Path, name: &str) -> Home {
    let data = scratch.join(name);
    std::fs::create_dir(&data).unwrap();
    Keys::generate(&data, &scratch.join(format!("{name}.root-key"))).unwrap();
    Store::create(&data).unwrap();
    Home { data, name: name.into(), address: free_address() }
}

fn config(home: &Home) -> Config {
    let text = format!(
        "[organisation]\nname = \"Ministry of {0}\"\ncall_sign = \"{0}\"\nlanguages = [\"en\"]\nzone = \"UTC\"\n\
         [link]\nannounce = [\"{1}\"]\n\
         [[post]]\nid = \"minister\"\nhighest = \"FLASH\"\nnight = false\n\
         [[post]]\nid = \"duty-officer\"\nhighest = \"FLASH\"\nnight = true\n",
        home.name, home.address
    );
    Config::parse(&text, Path::new("counterpart.toml")).unwrap()
}

impl Home {
    /// Starts the station.
    pub fn start(self) -> Station {
        self.start_with(Runs::All)
    }

    pub fn start_with(self, runs: Runs) -> Station {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let keys = Ring::load(&self.data).unwrap();
        let endpoint = Arc::new(runtime.block_on(bind(self.address, keys.first().link_seed())));
        let store = Store::open(&self.data).unwrap();
        let (reader, clock) = (store.reader().unwrap(), Clock::system());
        let started = start(store, keys.clone(), clock.clone(), Mark::Exercise).unwrap();
        let keeper = started.keeper;
        let config = config(&self);
        let needs = Needs {
            keeper: keeper.clone(),
            reader: reader.clone(),
            keys,
            config: &config,
            clock: clock.clone(),
            endpoint: endpoint.clone(),
        };
        let ceremony = runtime.block_on(Ceremony::start(needs)).unwrap();
        let shared = Shared {
            keeper: keeper.clone(),
            reader,
            begun: clock.moment(),
            clock,
            board: Board::default(),
            voice: Default::default(),
        };
        let switchboard = Switchboard::new(shared, endpoint.clone(), Rate::default(), &[]);
        let taken = ceremony.clone();
        let pairing = move |connection: Connection| {
            if runs != Runs::SessionsOnly {
                taken.accept(connection);
            }
        };
        runtime.spawn(switchboard.clone().answer(pairing));
        if runs != Runs::PairingOnly {
            runtime.spawn(switchboard.dial());
        }
        Station { home: self, keeper, ceremony, endpoint, thread: started.thread, runtime }
    }
}

/// A port that was just given up may take a moment to be free.
async fn bind(address: SocketAddr, seed: &[u8; 32]) -> Endpoint {
    let times = (Duration::from_millis(100), Duration::from_secs(2));
    let config = EndpointConfig { keep_alive: times.0, idle_max: times.1, ..EndpointConfig::at(address) };
    for _ in 0..100 {
        if let Ok(endpoint) = Endpoint::bind(&config, seed).await {
            return endpoint;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{address} is not free");
}

impl Station {
    /// Ends every task where it is, without a word to anybody.
    pub fn kill(self) -> Home {
        self.runtime.shutdown_timeout(SOON);
        self.keeper.stop();
        self.thread.join().unwrap();
        self.home
    }

    pub fn killed_and_started(self) -> Station {
        self.kill().start()
    }

    pub fn invite(&self) -> (LineId, String) {
        self.runtime.block_on(self.ceremony.invite(&Proposal::default())).unwrap()
    }

    pub fn join(&self, text: &str) -> LineId {
        self.runtime.block_on(self.ceremony.join(text)).unwrap()
    }

    pub fn view(&self, line: LineId) -> PairingView {
        self.runtime.block_on(self.ceremony.view(line)).unwrap()
    }

    pub fn confirm(&self, line: LineId, digits: &str) -> Result<(), Fault> {
        self.runtime.block_on(self.ceremony.confirm(line, digits, false))
    }

    /// Waits until the pairing has come so far.
    pub fn until(&self, line: LineId, what: &str, far: impl Fn(&PairingView) -> bool) -> PairingView {
        let mut changes = self.ceremony.changes();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                let view = self.ceremony.view(line).await.unwrap();
                if far(&view) {
                    return view;
                }
                changes.changed().await.unwrap();
            }
        };
        let come = self.runtime.block_on(async { tokio::time::timeout(SOON, waiting).await });
        come.unwrap_or_else(|_| panic!("{}: {what}; but {:#?}", self.home.name, self.view(line)))
    }

    pub fn until_standing(&self, line: LineId, standing: Standing) -> PairingView {
        self.until(line, &format!("{standing:?}"), |view| view.standing == standing)
    }

    /// The digits of the only candidate, once it is connected.
    pub fn digits(&self, line: LineId) -> String {
        let view = self.until(line, "one candidate", |view| view.candidates.len() == 1);
        view.candidates[0].digits.clone()
    }

    /// Waits until both logs of the line have these sizes or more.
    pub fn until_held(&self, line: LineId, sizes: [u64; 2]) {
        let mut published = self.keeper.published();
        let held = published.wait_for(|view| {
            let line = view.lines.get(&line);
            line.is_some_and(|l| (0..2).all(|slot| l.held[0].heads.heads[slot].size >= sizes[slot]))
        });
        let come = self.runtime.block_on(async { tokio::time::timeout(SOON, held).await });
        come.unwrap_or_else(|_| panic!("{}: sizes {sizes:?}", self.home.name)).unwrap();
    }

    pub fn heads(&self, line: LineId) -> [(u64, [u8; 32]); 2] {
        let heads = self.keeper.published().borrow().lines[&line].held[0].heads.heads;
        heads.map(|head| (head.size, head.root))
    }

    pub fn ask(&self, line: LineId) -> EntryRef {
        let post = || PostId::parse("minister").unwrap();
        let act = Act::Ask {
            from: post(),
            to: post(),
            precedence: Precedence::Priority,
            mark: Mark::Exercise,
            mode: Mode::Voice,
            private: false,
            valid_until: None,
            again: None,
        };
        self.act(line, act)
    }

    pub fn act(&self, line: LineId, act: Act) -> EntryRef {
        let actor = Actor { user: "officer".into(), token: None, command: None };
        self.runtime.block_on(self.keeper.act(line, act, None, actor)).unwrap().at
    }

    pub fn rung(&self, line: LineId, at: EntryRef) -> String {
        let look = self.keeper.look(move |lines| {
            let view = lines.line(&line).unwrap().line.facts().all();
            view.reached(view.fact(at).unwrap()).rung.word().to_owned()
        });
        self.runtime.block_on(look).unwrap()
    }
}

/// Both persons confirm; the side that is named first does so first.
pub fn confirm_both(first: &Station, second: &Station, line: LineId) {
    let digits = [first.digits(line), second.digits(line)];
    assert_eq!(digits[0], digits[1]);
    first.confirm(line, &digits[0]).unwrap();
    second.confirm(line, &digits[1]).unwrap();
}

/// The line serves: an ask of one side becomes DELIVERED, and both hold the same record.
pub fn serves(from: &Station, to: &Station, line: LineId) {
    for station in [from, to] {
        station.until_standing(line, Standing::Open);
        station.until_held(line, [1, 1]);
    }
    let at = from.ask(line);
    for _ in 0..600 {
        if from.rung(line, at) == "DELIVERED" && from.heads(line) == to.heads(line) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("an ask is {}; {:?} and {:?}", from.rung(line, at), from.heads(line), to.heads(line));
}
