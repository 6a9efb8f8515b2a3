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

/// Calls at one time, each of two people who both speak without a pause.
const CALLS: usize = 8;
/// Between two packets of one voice.
const EACH_US: u64 = 20_000;
/// So long it is measured, in seconds.
const SECONDS: u64 = 20;
/// Between two looks at all sockets; what is measured is longer by half of it, with stations and without.
const LOOK: Duration = Duration::from_micros(100);
/// Of a processor's time as Linux counts it (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

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
    for name in &names {
        home.stations.iter().for_each(|station| talkers.push(joined(station, name, clock.moment())));
    }
    pump(&clock, begun, &mut talkers, |talkers, _| !talkers.iter().all(Talker::is_connected));

    let before = home.stations.each_ref().map(spent);
    let from = clock.moment();
    let mut spoken = 0;
    pump(&clock, begun, &mut talkers, |talkers, now| {
        if now.us_since(from) >= spoken * EACH_US {
            spoken += 1;
            talkers.iter_mut().for_each(|talker| talker.speak(clock.moment(), begun));
        }
        now.us_since(from) < SECONDS * 1_000_000
    });
    let after = home.stations.each_ref().map(spent);
    let seconds = clock.moment().us_since(from) as f64 / 1_000_000.0;
    // What is still on its way.
    let last = clock.moment();
    pump(&clock, begun, &mut talkers, |_, now| now.us_since(last) < 500_000);
    let mut way = Samples::default();
    talkers.iter().flat_map(|talker| &talker.heard).for_each(|us| way.add(*us));
    let streams = talkers.len();
    let (bare, bare_spent) = forwarded(&clock, streams);

    report.note(&format!(
        "{streams} voices, a packet of {} bytes each 20 ms, {CALLS} calls of two; from one WebRTC end to the other, stations on one machine",
        crate::talker::PAYLOAD
    ));
    for (what, permille) in [("p50", 500), ("p99", 990)] {
        report.figure(&format!("on the way, {what}"), "us", way.at(permille), Some(bare.at(permille)), Aim::None);
        let added = way.at(permille) - bare.at(permille);
        let aim = if permille == 990 { Aim::AtMost(1_000.0) } else { Aim::None };
        report.figure(&format!("added to two bare forwarders, {what}"), "us", added, None, aim);
    }
    let sent = spoken as f64 * streams as f64;
    report.figure("lost", "%", (sent - way.count() as f64) * 100.0 / sent, None, Aim::None);
    for (name, (before, after)) in NAMES.iter().zip(before.iter().zip(after)) {
        let each = (after - before) / TICKS_PER_SECOND / seconds / streams as f64 * 100.0;
        let bare_each = bare_spent / TICKS_PER_SECOND / SECONDS as f64 / streams as f64 * 100.0;
        report.figure(&format!("of a core, a voice, {}", name.1), "%", each, Some(bare_each), Aim::AtMost(0.234));
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
    let (mut talker, offer) = Talker::new(now);
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

/// The same packets through two forwarders, one behind the other, which look at nothing; and what one of them spent, in ticks.
fn forwarded(clock: &Clock, streams: usize) -> (Samples, f64) {
    let ends: Vec<UdpSocket> = (0..streams).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    ends.iter().for_each(|end| end.set_nonblocking(true).unwrap());
    let to: Vec<SocketAddr> = ends.iter().map(|end| end.local_addr().unwrap()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let (last, last_runs) = forwarder(stop.clone(), move |bytes| to[usize::from(bytes[9])]);
    let (first, first_runs) = forwarder(stop.clone(), move |_| last);
    let (begun, mut way, mut spoken) = (clock.moment(), Samples::default(), 0);
    let mut bytes = [0; 2_048];
    while clock.moment().us_since(begun) < SECONDS * 1_000_000 {
        if clock.moment().us_since(begun) >= spoken * EACH_US {
            spoken += 1;
            for (number, end) in ends.iter().enumerate() {
                let mut payload = said(clock.moment().us_since(begun));
                payload[9] = number as u8;
                end.send_to(&payload, first).unwrap();
            }
        }
        for end in &ends {
            while end.recv_from(&mut bytes).is_ok() {
                way.add(clock.moment().us_since(begun).saturating_sub(sent_at(&bytes)));
            }
        }
        std::thread::sleep(LOOK);
    }
    stop.store(true, Ordering::Relaxed);
    let spent = [first_runs, last_runs].map(|runs| runs.join().unwrap());
    (way, spent.iter().sum::<f64>() / 2.0)
}

fn forwarder(
    stop: Arc<AtomicBool>,
    to: impl Fn(&[u8]) -> SocketAddr + Send + 'static,
) -> (SocketAddr, std::thread::JoinHandle<f64>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let address = socket.local_addr().unwrap();
    let runs = std::thread::spawn(move || {
        let mut bytes = [0; 2_048];
        while !stop.load(Ordering::Relaxed) {
            if let Ok((length, _)) = socket.recv_from(&mut bytes) {
                let _ = socket.send_to(&bytes[..length], to(&bytes[..length]));
            }
        }
        spent_by("thread-self")
    });
    (address, runs)
}
