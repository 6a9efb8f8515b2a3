//! A thin link: 600 ms there and back, 5 % loss each way, 64 kbit/s.

use std::time::Duration;

use crate::home::{Caller, Folder, Home, NAMES, RATE, bell};
use crate::link::{Link, THIN};
use crate::processes::Process;
use crate::report::{Aim, Report, Samples};

const ASKS: usize = 100;
const STARTS: usize = 30;
/// Between two looks into the store.
const LOOK: Duration = Duration::from_millis(1);
/// What UDP and QUIC put around an entry's frame at least: IP and UDP headers, a short header, its number and its tag, a stream
/// frame, the frame's own length.
const AROUND: usize = 28 + 30;

pub fn measure(report: &mut Report) {
    let Some(mut link) = Link::make() else {
        report.note("not measured: network namespaces and /dev/net/tun need root, ip and python3");
        return;
    };
    let folder = Folder::new("thin");
    let mut home = Home::of([0, 1].map(|side| {
        let (name, call_sign) = NAMES[side];
        let address = format!("10.99.0.{}:7411", side + 1).parse().unwrap();
        let mut station = Process::init_at(folder.path(), name, call_sign, RATE, address);
        station.namespace = Some(link.names[side].clone());
        station
    }));
    bell(&home.stations[1].data);
    let mut caller = Caller::of(&home.stations[0].data);
    home.ring(&mut caller, "clean");
    let sizes = home.sizes().map(|size| size + AROUND);
    link.say(THIN);
    let floor = link.floor(sizes);
    let mut up = Samples::default();
    for number in 0..ASKS {
        up.add(home.ring_looking(&mut caller, &format!("up-{number}"), LOOK) / 1_000);
    }
    report.note(&format!("{ASKS} asks with the link up, {STARTS} just after both started; floor: a bare UDP packet of as many bytes there, one back"));
    let least = floor.at(500);
    report.figure("link up, p50: ask → ALERTING held", "ms", up.at(500), Some(least), Aim::Times(1.2));
    report.note(&format!("link up, each in ms, sorted: {}", up.all().join(" ")));
    report.figure("link up, p95", "ms", up.at(950), Some(least), Aim::AtMost(1_999.0));
    let mut started = Samples::default();
    for number in 0..STARTS {
        home.even();
        for station in &mut home.stations {
            station.kill();
        }
        home.stations.iter_mut().for_each(Process::serve);
        bell(&home.stations[1].data);
        let mut caller = Caller::of(&home.stations[0].data);
        started.add(home.ring_looking(&mut caller, &format!("started-{number}"), LOOK) / 1_000);
    }
    report.note(&format!("both just started, each in ms, sorted: {}", started.all().join(" ")));
    report.figure("both just started, p50", "ms", started.at(500), Some(least), Aim::AtMost(2_999.0));
    report.figure("both just started, p95", "ms", started.at(950), Some(least), Aim::AtMost(5_999.0));
}
