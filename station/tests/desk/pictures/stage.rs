//! Two stations with their desks in this process, on one told clock: what takes days is there in seconds, and what a link is like can
//! be said of it.

use counterpart::api::router;
use counterpart::api::socket::Socket;
use counterpart::clock::Clock;
use counterpart::config::{Starter, write_starter};
use counterpart::keys::Keys;
use counterpart::link::board::LinkState;
use counterpart::pairing::{Proposal, pair};
use counterpart::record::Keeper;
use counterpart::serving::Serving;
use counterpart::store::Store;
use counterpart::web::{self, listen::Listener};
use counterpart_core::ids::LineId;
use counterpart_core::precedence::Mark;
use counterpart_core::record::codes::Channel;
use counterpart_core::record::kind::Kind;
use counterpart_core::time::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::Desk;
use crate::processes::{Process, free_address, wait};
use crate::scratch::Scratch;

/// 2013-02-12T18:02:04Z: 13:02 in Northland, on a Tuesday.
const BEGIN_MS: u64 = 1_360_692_124_000;
pub const MINUTE: u64 = 60_000;
pub const HOUR: u64 = 60 * MINUTE;

/// Who is at each end, and where its clock hangs.
const ENDS: [(&str, &str, &str); 2] = [
    ("Northland", "Foreign Ministry of Northland", "America/New_York"),
    ("Sundmark", "Foreign Ministry of Sundmark", "Asia/Seoul"),
];

pub struct Stage {
    clock: Clock,
    pub serving: [Serving; 2],
    pub desks: [Desk; 2],
    pub line: LineId,
    runtime: Runtime,
    scratch: Scratch,
}

impl Stage {
    /// Two stations on an open line.
    pub fn new(name: &str) -> Stage {
        let scratch = Scratch::new(name);
        let clock = Clock::told(BEGIN_MS);
        let runtime = Runtime::new().unwrap();
        let [mut north, mut south] = ENDS.map(|end| start(&scratch, &runtime, &clock, end));
        runtime.block_on(async { [&mut north, &mut south].map(|(serving, _)| serving.meet()) });
        let proposal = Proposal { pacing_s: Some([0; 4]), ..Proposal::default() };
        let line = runtime.block_on(pair(&north.0.ceremony, &south.0.ceremony, &proposal)).unwrap();
        let stage = Stage { clock, serving: [north.0, south.0], desks: [north.1, south.1], line, runtime, scratch };
        stage.rest();
        stage
    }

    pub fn keeper(&self, side: usize) -> &Keeper {
        &self.serving[side].station.keeper
    }

    /// An act of one side, by its form; the name of its entry.
    pub fn alone(&self, side: usize, form: Value) -> String {
        let (status, done) = self.desks[side].station.post("/acts", &form).unwrap();
        assert_eq!(status, 200, "{form}: {done}");
        done["entry"]["at"].as_str().unwrap().to_owned()
    }

    /// The same, and both hold it.
    pub fn act(&self, side: usize, form: Value) -> String {
        // Persons take their time.
        self.pass_alone(3 * MINUTE);
        let at = self.alone(side, form);
        self.rest();
        at
    }

    /// Northland asks Sundmark about this.
    pub fn ask(&self, subject: &str, more: Value) -> String {
        self.asked_by(0, subject, more)
    }

    pub fn asked_by(&self, side: usize, subject: &str, more: Value) -> String {
        let mut form = json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "PRIORITY",
            "mark": "OPERATION", "words": {"text": subject}});
        for (name, value) in more.as_object().into_iter().flatten() {
            form[name] = value.clone();
        }
        self.act(side, form)
    }

    /// Sundmark does this on a request of Northland's, and nothing more is said of it.
    pub fn on(&self, side: usize, act: &str, on: &str) -> String {
        self.act(side, json!({"act": act, "on": on}))
    }

    /// The clock goes on by so much, and whatever falls due is written.
    pub fn pass(&self, ms: u64) {
        self.clock.advance_to(self.clock.now() + ms).unwrap();
        (0..2).for_each(|side| self.keeper(side).clock_moved());
        self.rest();
    }

    /// The same while both have parted.
    pub fn pass_alone(&self, ms: u64) {
        self.clock.advance_to(self.clock.now() + ms).unwrap();
        (0..2).for_each(|side| self.keeper(side).clock_moved());
    }

    /// The told time, in milliseconds since 1970 UTC.
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// So many milliseconds from now, as a form writes a time.
    pub fn at(&self, ms: u64) -> String {
        counterpart::api::times::write(Timestamp(self.clock.now() + ms))
    }

    /// So many milliseconds ago.
    pub fn ago(&self, ms: u64) -> String {
        counterpart::api::times::write(Timestamp(self.clock.now() - ms))
    }

    /// Root opens a new epoch at this side, as the command does it.
    pub fn opens_epoch(&self, side: usize) {
        let sign = ENDS[side].0;
        let [root, backup] = ["root-key", "backup"].map(|what| self.scratch.path().join(format!("{sign}.{what}")));
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_counterpart"));
        command.arg("--data").arg(&self.desks[side].station.data).args([
            "restore",
            "--open",
            "--line",
            ENDS[1 - side].0,
        ]);
        let output = command.arg("--root-key").arg(root).arg("--backup").arg(backup).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Waits until the stations have been there for so long, by the machine's own clock: a line is DOWN after a minute.
    pub fn has_been(&self, ms: u64) {
        let been = self.clock.moment().ms_since(self.serving[0].station.begun);
        std::thread::sleep(std::time::Duration::from_millis(ms.saturating_sub(been)));
    }

    /// Both sides part: what one does, the other does not hear of.
    pub fn part(&mut self) {
        for serving in &mut self.serving {
            self.runtime.block_on(serving.station.part());
        }
    }

    pub fn meet(&mut self) {
        let serving = &mut self.serving;
        self.runtime.block_on(async { serving.iter_mut().for_each(Serving::meet) });
        self.rest();
    }

    /// What the link of one side is said to be like; it must have parted, or its own task says otherwise.
    pub fn link(&self, side: usize, state: impl FnOnce(&mut LinkState, u64)) {
        let station = &self.serving[side].station;
        let now = self.clock.moment().ms_since(station.begun);
        station.board.change(self.line, |link| {
            *link = LinkState::default();
            state(link, now);
        });
    }

    /// Waits until both hold the same, nobody owes a receipt.
    pub fn rest(&self) {
        wait("even records", || {
            let [north, south] = [0, 1].map(|side| self.desks[side].station.get("/lines"));
            let (north, south) = (north?, south?);
            let is_full = |view: &Value| view[0]["records"]["full"] == json!(true);
            (north[0]["logs"] == south[0]["logs"] && is_full(&north) && is_full(&south)).then_some(())
        });
    }

    /// A device of this side confirms that it rings.
    pub fn rings(&self, side: usize) {
        let line = self.keeper(side).published().borrow().lines[&self.line].clone();
        for ring in line.rings.iter().filter(|ring| ring.climbs) {
            let done = self.keeper(side).alerting(self.line, line.epoch, ring.at, Channel::Desk);
            self.runtime.block_on(done).unwrap();
        }
        self.rest();
    }

    /// A person of this side takes note of all that they did, and has seen what came: nothing rings here any more.
    pub fn quiet(&self, side: usize) {
        let line = self.keeper(side).published().borrow().lines[&self.line].clone();
        for ring in &line.rings {
            let at = ring.at.to_string();
            if ring.tells {
                self.runtime
                    .block_on(self.keeper(side).noted(self.line, line.epoch, (ring.at, line.tally), "Officer".into()))
                    .unwrap();
            } else {
                let act = match ring.kind {
                    Kind::Text => "read",
                    Kind::Check => "check-reply",
                    _ => "seen",
                };
                self.alone(side, json!({"act": act, "on": at}));
            }
        }
    }

    /// The runtime of both.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// A station with its command socket and its desk; it meets nobody yet.
fn start(
    scratch: &Scratch,
    runtime: &Runtime,
    clock: &Clock,
    (sign, name, zone): (&str, &str, &str),
) -> (Serving, Desk) {
    let data = scratch.path().join(sign);
    std::fs::create_dir(&data).unwrap();
    let [listen, address] = [(); 2].map(|()| free_address().to_string());
    let announce = [listen.clone()];
    let starter = Starter { name, call_sign: sign, zone, listen: &listen, announce: &announce, desk: "" };
    write_starter(&data, &starter).unwrap();
    let file = data.join("counterpart.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("every_minutes = 60", "every_minutes = 0");
    let text = text.replace("banner = \"\"", "banner = \"FOR OFFICIAL USE\"");
    std::fs::write(&file, format!("{text}\n[desk]\nlisten = \"{address}\"\n")).unwrap();
    Keys::generate(&data, &scratch.path().join(format!("{sign}.root-key"))).unwrap();
    Store::create(&data).unwrap();
    let serving = runtime.block_on(async {
        let serving = Serving::start(&data, clock.clone(), Mark::Operation).await.unwrap();
        let socket = Socket::bind(&data).await.unwrap();
        tokio::spawn(router::serve(serving.api.clone(), socket, std::future::pending()));
        let config = serving.station.config.desk.clone().unwrap();
        let listener = Listener::bind(&config).await.unwrap();
        let desk = web::Desk::new(serving.api.clone(), &config).unwrap();
        tokio::spawn(web::router::serve(desk, listener, std::future::pending()));
        serving
    });
    let station = Process::at(&data, scratch.path().join(format!("{sign}.mark")));
    (serving, Desk { station, address })
}
