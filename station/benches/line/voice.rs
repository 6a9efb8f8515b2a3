//! What two stations add to the way of a voice, and what that costs them, beside the same packets through two bare forwarders.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use counterpart::clock::{Clock, Moment};
use serde_json::json;

use crate::home::{Folder, Home, NAMES, RATE, ask};
use crate::processes::{Process, free_address, wait};
use crate::report::{Aim, Report, Samples};
use crate::talker::{Talker, said, sent_at};

/// Calls at one time.
const CALLS: usize = 8;
/// People of each side in each call, who all speak without a pause: 16, 96 and 448 streams. A stream is the voice of one as one other
/// hears it, from one WebRTC end to the other.
const STEPS: [usize; 3] = [1, 2, 4];
/// That of some hundred streams, of which DESIGN.md §11 says what may be added.
const AIMED: usize = 2;
/// What may be lost of the streams that a core carries, in percent.
const LOSS_MAX: f64 = 0.1;
/// Between two packets of one voice.
const EACH_US: u64 = 20_000;
/// So long each step is measured, in seconds.
const SECONDS: u64 = 15;
/// Between two looks at all sockets; what is measured is longer by half of it, with stations and without.
const LOOK: Duration = Duration::from_micros(100);
/// Of a processor's time as Linux counts it (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// When each of them speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rhythm {
    /// Each at a moment of their own, as machines do that know nothing of each other.
    Apart,
    /// All at the same moment: what comes then is as much at once as can be.
    AtOnce,
}

/// Whose turn it is to speak.
struct Turns {
    rhythm: Rhythm,
    /// Packets that each has said.
    said: Vec<u64>,
}

impl Turns {
    fn new(rhythm: Rhythm, people: usize) -> Turns {
        Turns { rhythm, said: vec![0; people] }
    }

    /// Whether the one of this number says a packet now, so long after the beginning; once for each.
    fn comes(&mut self, number: usize, us: u64) -> bool {
        let late = match self.rhythm {
            Rhythm::Apart => EACH_US * number as u64 / self.said.len() as u64,
            Rhythm::AtOnce => 0,
        };
        let comes = self.said[number] < (us + EACH_US).saturating_sub(late) / EACH_US;
        self.said[number] += u64::from(comes);
        comes
    }

    /// What all have said, as often as it is to be heard in calls of so many.
    fn to_be_heard(&self, in_a_call: usize) -> f64 {
        (self.said.iter().sum::<u64>() * (in_a_call - 1) as u64) as f64
    }
}

pub fn measure(report: &mut Report) {
    let folder = Folder::new("voice");
    let home = Home::of(NAMES.map(|(name, sign)| {
        let station = Process::init_at(folder.path(), name, sign, RATE, free_address());
        let file = station.data.join("counterpart.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}\n[desk]\nlisten = \"{}\"\n", free_address())).unwrap();
        station
    }));
    let names = agreed(&home);
    let clock = Clock::system();
    let begun = clock.moment();
    let mut talkers: Vec<Talker> = Vec::new();
    let mut most: Option<(usize, f64)> = None;
    for each in STEPS {
        for name in &names {
            while talkers.iter().filter(|talker| talker.of == *name).count() < 2 * each {
                home.stations.iter().for_each(|station| talkers.push(joined(station, name, clock.moment())));
            }
        }
        pump(&clock, begun, &mut talkers, |talkers, _| !talkers.iter().all(Talker::is_connected));
        let rhythms = if each == AIMED { &[Rhythm::AtOnce, Rhythm::Apart][..] } else { &[Rhythm::Apart] };
        for rhythm in rhythms {
            let carried = carried(&home, (&clock, begun), *rhythm, &mut talkers);
            let bare = forwarded(&clock, *rhythm, talkers.len(), 2 * each);
            told(report, (each, *rhythm), &carried, &bare);
            if *rhythm == Rhythm::Apart && carried.lost < LOSS_MAX {
                most = Some((streams(talkers.len(), 2 * each), carried.spent.iter().sum()));
            }
        }
    }
    report.note(&format!("at less than {LOSS_MAX} % loss, most of the steps, which end with what one line carries:"));
    let (streams, cores) = most.unwrap_or((0, f64::NAN));
    report.figure("streams", "", streams as f64, None, Aim::None);
    report.figure("streams a core of both stations, computed", "", streams as f64 / cores, None, Aim::None);
}

/// How often somebody hears another.
fn streams(people: usize, in_a_call: usize) -> usize {
    people * (in_a_call - 1)
}

/// What came of what was said, over stations or forwarders.
struct Carried {
    way: Samples,
    /// In percent.
    lost: f64,
    /// Of a processor, by each.
    spent: [f64; 2],
}

/// All speak for a while, and before it for a second that does not count: a call learns of a leg a moment after the leg stands.
fn carried(home: &Home, (clock, begun): (&Clock, Moment), rhythm: Rhythm, talkers: &mut [Talker]) -> Carried {
    speak((clock, begun), rhythm, talkers, 1_000_000);
    talkers.iter_mut().for_each(|talker| talker.heard.clear());
    let before = home.stations.each_ref().map(spent);
    let from = clock.moment();
    let spoken = speak((clock, begun), rhythm, talkers, SECONDS * 1_000_000);
    let after = home.stations.each_ref().map(spent);
    let seconds = clock.moment().us_since(from) as f64 / 1_000_000.0;
    let mut way = Samples::default();
    talkers.iter().flat_map(|talker| &talker.heard).for_each(|us| way.add(*us));
    let sent = spoken.to_be_heard(talkers.len() / CALLS);
    let lost = (sent - way.count() as f64) * 100.0 / sent;
    let spent = [0, 1].map(|at| (after[at] - before[at]) / TICKS_PER_SECOND / seconds);
    Carried { way, lost, spent }
}

/// All say a packet each 20 ms for so long; then what is on its way comes. Who has said how much.
fn speak((clock, begun): (&Clock, Moment), rhythm: Rhythm, talkers: &mut [Talker], us: u64) -> Turns {
    let from = clock.moment();
    let mut turns = Turns::new(rhythm, talkers.len());
    pump(clock, begun, talkers, |talkers, now| {
        let since = now.us_since(from);
        for (_, talker) in
            talkers.iter_mut().enumerate().filter(|(number, _)| since < us && turns.comes(*number, since))
        {
            talker.speak(clock.moment(), begun);
        }
        since < us + 500_000
    });
    turns
}

/// The figures of a step, beside the same packets through two bare forwarders.
fn told(report: &mut Report, (each, rhythm): (usize, Rhythm), carried: &Carried, bare: &Carried) {
    let people = 2 * each * CALLS;
    let streams = streams(people, 2 * each);
    report.note(&format!(
        "{people} people in {CALLS} calls, {streams} streams, each a packet of {} bytes each 20 ms, {}; stations on one machine",
        crate::talker::PAYLOAD,
        if rhythm == Rhythm::Apart { "at moments of their own" } else { "all at the same moment" }
    ));
    for (what, permille) in [("p50", 500), ("p99", 990)] {
        let [ours, bare] = [carried, bare].map(|of| of.way.at(permille));
        report.figure(&format!("on the way, {what}"), "us", ours, Some(bare), Aim::None);
        let aim =
            if permille == 990 && (each, rhythm) == (AIMED, Rhythm::Apart) { Aim::AtMost(1_000.0) } else { Aim::None };
        report.figure(&format!("added to two bare forwarders, {what}"), "us", ours - bare, None, aim);
    }
    report.figure("lost", "%", carried.lost, None, Aim::None);
    report.figure("lost by the forwarders", "%", bare.lost, None, Aim::None);
    let [ours, bare] = [carried, bare].map(|of| of.spent.iter().sum::<f64>() * 100.0 / streams as f64);
    report.figure("of a core, a stream, both stations together", "%", ours, Some(bare), Aim::None);
    for (name, spent) in NAMES.iter().zip(carried.spent) {
        let aim = if each == 1 { Aim::AtMost(0.234) } else { Aim::None };
        let what = format!("of a core, a person who speaks, {}", name.1);
        report.figure(&what, "%", spent * 100.0 / people as f64, None, aim);
    }
}

/// The names of requests whose talk can be held at once, as both hold it.
fn agreed(home: &Home) -> Vec<String> {
    let [north, south] = &home.stations;
    let names = (1..=CALLS).map(|number| format!("Northland {number}"));
    names
        .map(|name| {
            let path = format!("/requests/{}", name.replace(' ', "%20"));
            assert_eq!(north.post("/acts", &ask("A voice", &name)).unwrap().0, 200);
            wait("the ask", || south.get(&path));
            assert_eq!(south.post("/acts", &json!({"act": "answer", "on": name})).unwrap().0, 200);
            for station in [north, south] {
                wait("a settled answer", || {
                    station.get(&path).filter(|view| view["outcome"] == "ANSWERED" && view["settled"] == json!(true))
                });
            }
            name
        })
        .collect()
}

/// Somebody in the call of this request.
fn joined(station: &Process, name: &str, now: Moment) -> Talker {
    let done = |path: &str, form: serde_json::Value| {
        let (status, told) = station.post(path, &form).unwrap();
        assert_eq!(status, 200, "{told}");
        told
    };
    let place = done("/talks/let-in", json!({"on": name, "part": "watch"}))["place"].clone();
    let (mut talker, offer) = Talker::new(name, now);
    let answer = done("/talks/offer", json!({"on": name, "place": place, "sdp": offer}));
    talker.answered(answer["sdp"].as_str().unwrap());
    talker
}

/// Carries what comes and lets time pass, as long as it is to go on; a minute at most.
fn pump(clock: &Clock, begun: Moment, talkers: &mut [Talker], mut goes_on: impl FnMut(&mut [Talker], Moment) -> bool) {
    let from = clock.moment();
    let mut ticked = 0;
    while goes_on(talkers, clock.moment()) {
        let waited = clock.moment().us_since(from);
        assert!(waited < 60_000_000, "within a minute");
        talkers.iter_mut().for_each(|talker| talker.receive(clock.moment(), begun));
        if waited >= ticked * 5_000 {
            ticked += 1;
            talkers.iter_mut().for_each(|talker| talker.tick(clock.moment(), begun));
        }
        std::thread::sleep(LOOK);
    }
}

/// What a station has spent of processors, in ticks.
fn spent(station: &Process) -> f64 {
    spent_by(&station.pid().unwrap().to_string())
}

fn spent_by(whom: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{whom}/stat")).unwrap();
    let (_, after) = stat.rsplit_once(')').unwrap();
    after.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum()
}

/// The same packets through two forwarders, one behind the other, which look at nothing: the first passes each on, the second to
/// everyone else of a call of so many.
fn forwarded(clock: &Clock, rhythm: Rhythm, people: usize, in_a_call: usize) -> Carried {
    let ends: Vec<UdpSocket> = (0..people).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    ends.iter().for_each(|end| end.set_nonblocking(true).unwrap());
    let all: Vec<SocketAddr> = ends.iter().map(|end| end.local_addr().unwrap()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let others = move |bytes: &[u8]| {
        let from = usize::from(bytes[9]);
        let call = from / in_a_call * in_a_call;
        (call..call + in_a_call).filter(|at| *at != from).map(|at| all[at]).collect()
    };
    let (last, last_runs) = forwarder(stop.clone(), others);
    let (first, first_runs) = forwarder(stop.clone(), move |_| vec![last]);
    let (begun, mut way, mut turns) = (clock.moment(), Samples::default(), Turns::new(rhythm, people));
    let mut bytes = [0; 2_048];
    let until = SECONDS * 1_000_000;
    while clock.moment().us_since(begun) < until + 500_000 {
        let now = clock.moment().us_since(begun);
        for (number, end) in ends.iter().enumerate().filter(|(number, _)| now < until && turns.comes(*number, now)) {
            let mut payload = said(clock.moment().us_since(begun));
            payload[9] = number as u8;
            end.send_to(&payload, first).unwrap();
        }
        for end in &ends {
            while end.recv_from(&mut bytes).is_ok() {
                way.add(clock.moment().us_since(begun).saturating_sub(sent_at(&bytes)));
            }
        }
        std::thread::sleep(LOOK);
    }
    stop.store(true, Ordering::Relaxed);
    let spent = [first_runs, last_runs].map(|runs| runs.join().unwrap() / TICKS_PER_SECOND / SECONDS as f64);
    let sent = turns.to_be_heard(in_a_call);
    let lost = (sent - way.count() as f64) * 100.0 / sent;
    Carried { way, lost, spent }
}

fn forwarder(
    stop: Arc<AtomicBool>,
    to: impl Fn(&[u8]) -> Vec<SocketAddr> + Send + 'static,
) -> (SocketAddr, std::thread::JoinHandle<f64>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let address = socket.local_addr().unwrap();
    let runs = std::thread::spawn(move || {
        let mut bytes = [0; 2_048];
        while !stop.load(Ordering::Relaxed) {
            if let Ok((length, _)) = socket.recv_from(&mut bytes) {
                to(&bytes[..length]).iter().for_each(|to| drop(socket.send_to(&bytes[..length], to)));
            }
        }
        spent_by("thread-self")
    });
    (address, runs)
}
