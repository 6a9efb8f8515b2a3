//! What an ask and its alerting cost on the wire.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::home::{Caller, Folder, Home, ask, bell};
use crate::processes::free_address;
use crate::report::{Aim, Report, Samples};
use counterpart_core::record::kind::Kind;

const ASKS: usize = 20;
/// An IPv4 and a UDP header, in bytes.
const HEADERS: u64 = 28;
/// How long after the alerting packets are still counted: acknowledgements come within it, the receipt that is owed later does not.
const AFTER: Duration = Duration::from_millis(150);
/// Longer than a station waits before it writes `received`.
const RECEIPT: Duration = Duration::from_millis(600);

pub fn measure(report: &mut Report) {
    let folder = Folder::new("bytes");
    let (listen, announce) = ([free_address(), free_address()], [free_address(), free_address()]);
    let meter = Arc::new(Meter::default());
    (0..2).for_each(|side| forward(announce[side], listen[side], meter.clone()));
    let home = Home::announced(&folder, listen, announce);
    bell(&home.stations[1].data);
    let mut caller = Caller::of(&home.stations[0].data);
    let (mut until, mut with) = (Samples::default(), Samples::default());
    let mut packets = Samples::default();
    for number in 0..ASKS {
        home.even();
        let before = meter.read();
        let next = home.size(0, 1);
        caller.act(&ask(&"x".repeat(80), &format!("bytes-{number}")));
        let alerting =
            || (next..home.size(0, 1)).find_map(|at| home.held(0, 1, at).filter(|r| r.kind == Kind::Alerting.number()));
        while alerting().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(AFTER);
        let after = meter.read();
        std::thread::sleep(RECEIPT);
        until.add(after.0 - before.0);
        packets.add(after.1 - before.1);
        with.add(meter.read().0 - before.0);
    }
    report.note("counted by a forwarder on loopback between the stations: UDP payload and 28 bytes of headers a packet, both ways");
    report.figure("ask of 80 characters and alerting, p50", "bytes", until.at(500), None, Aim::AtMost(1_599.0));
    report.figure("the dearest of them", "bytes", until.at(1_000), None, Aim::None);
    report.figure("packets, p50", "packets", packets.at(500), None, Aim::None);
    report.figure("with the receipt of the alerting, p50", "bytes", with.at(500), None, Aim::None);
}

/// Bytes and packets so far.
#[derive(Default)]
struct Meter {
    bytes: AtomicU64,
    packets: AtomicU64,
}

impl Meter {
    fn count(&self, payload: usize) {
        self.bytes.fetch_add(payload as u64 + HEADERS, Ordering::Relaxed);
        self.packets.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.packets.load(Ordering::Relaxed))
    }
}

/// Carries what comes to `front` on to `back`, and answers back, counting each packet once. One peer at a time.
fn forward(front: SocketAddr, back: SocketAddr, meter: Arc<Meter>) {
    let front = Arc::new(UdpSocket::bind(front).unwrap());
    let inner = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
    inner.connect(back).unwrap();
    let caller: Arc<std::sync::Mutex<Option<SocketAddr>>> = Arc::default();
    let (from, to, who, counted) = (front.clone(), inner.clone(), caller.clone(), meter.clone());
    std::thread::spawn(move || {
        let mut packet = [0; 65_536];
        while let Ok((length, peer)) = from.recv_from(&mut packet) {
            *who.lock().unwrap() = Some(peer);
            counted.count(length);
            // While nobody listens there it is lost, as packets are.
            let _ = to.send(&packet[..length]);
        }
    });
    std::thread::spawn(move || {
        let mut packet = [0; 65_536];
        loop {
            // A closed port is told by an error at the next receive.
            let Ok(length) = inner.recv(&mut packet) else { continue };
            meter.count(length);
            if let Some(peer) = *caller.lock().unwrap() {
                let _ = front.send_to(&packet[..length], peer);
            }
        }
    });
}
