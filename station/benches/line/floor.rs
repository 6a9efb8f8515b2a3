//! What this machine allows: the steps that an ask cannot do without, with nothing around them.
//!
//! Four commits (the ask at its own station and at the other, the alerting at both), two signatures, two verifications and one
//! round trip on loopback. A commit is a transaction of one row with as many bytes as the entry and its body have, synced, in
//! the same file system, with the journal that the stations use.

use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use counterpart::clock::{Clock, Moment};
use counterpart::keys::Keys;
use counterpart_core::record::sign1::{Sign, Strict, Verify};
use rusqlite::Connection;

use crate::report::Samples;

/// The steps in order, and how long each of them took.
pub struct Floor {
    clock: Clock,
    tables: [Connection; 2],
    keys: Keys,
    echo: UdpSocket,
    /// Bytes of the ask with its body, and of the alerting.
    sizes: [usize; 2],
    pub commit: Samples,
    pub sign: Samples,
    pub verify: Samples,
    pub round_trip: Samples,
    /// All of it, one after the other.
    pub whole: Samples,
}

impl Floor {
    pub fn new(folder: &Path, sizes: [usize; 2]) -> Floor {
        let tables = ["floor-north", "floor-south"].map(|name| table(&folder.join(name)));
        let home = folder.join("floor-keys");
        std::fs::create_dir(&home).unwrap();
        let keys = Keys::generate(&home, &folder.join("floor.root-key")).unwrap();
        let none = Samples::default;
        Floor {
            clock: Clock::system(),
            tables,
            keys,
            echo: echo(),
            sizes,
            commit: none(),
            sign: none(),
            verify: none(),
            round_trip: none(),
            whole: none(),
        }
    }

    /// Every step once.
    pub fn run(&mut self) {
        let begun = self.clock.moment();
        let [ask, alerting] = self.sizes;
        for (author, size) in [(0, ask), (1, alerting)] {
            let message = vec![7; size];
            let at = self.clock.moment();
            let signature = self.keys.sign(&message);
            note(&mut self.sign, &self.clock, at);
            self.commit(author, size);
            let at = self.clock.moment();
            assert!(Strict.verify(&Sign::public(&self.keys), &message, &signature));
            note(&mut self.verify, &self.clock, at);
            self.commit(1 - author, size);
        }
        let at = self.clock.moment();
        let mut packet = [7; 1_200];
        self.echo.send(&packet[..ask]).unwrap();
        self.echo.recv(&mut packet).unwrap();
        note(&mut self.round_trip, &self.clock, at);
        note(&mut self.whole, &self.clock, begun);
    }

    fn commit(&mut self, side: usize, size: usize) {
        let at = self.clock.moment();
        self.tables[side]
            .prepare_cached("INSERT INTO row VALUES (zeroblob(?1))")
            .unwrap()
            .execute([size as i64])
            .unwrap();
        note(&mut self.commit, &self.clock, at);
    }
}

fn note(samples: &mut Samples, clock: &Clock, since: Moment) {
    samples.add(clock.moment().us_since(since));
}

/// A socket whose peer, a thread, sends back what it gets.
fn echo() -> UdpSocket {
    let [near, far] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    near.connect(far.local_addr().unwrap()).unwrap();
    near.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let back = near.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut packet = [0; 2_048];
        while let Ok(length) = far.recv(&mut packet) {
            if far.send_to(&packet[..length], back).is_err() {
                return;
            }
        }
    });
    near
}

/// How many transactions of one small row this disk syncs a second, one after the other, over half a second.
pub fn syncs_a_second(folder: &Path) -> f64 {
    let clock = Clock::system();
    let table = table(&folder.join("floor-alone"));
    let begun = clock.moment();
    let mut count = 0;
    while clock.moment().ms_since(begun) < 500 {
        table.prepare_cached("INSERT INTO row VALUES (zeroblob(400))").unwrap().execute([]).unwrap();
        count += 1;
    }
    f64::from(count) * 1e6 / clock.moment().us_since(begun) as f64
}

fn table(path: &Path) -> Connection {
    let table = Connection::open(path).unwrap();
    table.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row (bytes BLOB)").unwrap();
    table
}
