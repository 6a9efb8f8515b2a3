//! A way between two stations that passes UDP and nothing else, and loses packets, brings them unevenly or stands still, as it is
//! told. Of this it needs no more than a socket on each side.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use counterpart::clock::Clock;

/// A packet that comes while nothing is on its way is looked at within so long.
const LOOK: Duration = Duration::from_millis(20);

/// How a way is, in each direction.
#[derive(Clone, Copy, Default, Debug)]
pub struct Weather {
    /// Of so many packets that follow each other one is lost, which one by chance; 0: none.
    pub loses_one_of: u64,
    /// Each packet takes up to so much longer than another, in milliseconds: later ones come before it.
    pub uneven_ms: u64,
    /// Nothing passes.
    pub stands_still: bool,
}

/// One way to a station. It lasts as long as this.
pub struct Way {
    /// Where the other station finds it.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    weather: Weather,
    /// Who called last at the front.
    caller: Option<SocketAddr>,
    /// Packets that came into it, and of them those that were lost.
    counted: [u64; 2],
}

impl Way {
    /// A clean one to whoever listens there.
    pub fn to(station: SocketAddr) -> Way {
        let [front, back] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        back.connect(station).unwrap();
        let address = front.local_addr().unwrap();
        let [fronts, backs] = [&front, &back].map(|socket| socket.try_clone().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let [there, again] = [(); 2].map(|()| Arc::downgrade(&state));
        // While nobody listens there it is lost, as packets are.
        std::thread::spawn(move || carry(&front, &there, 0x9e37_79b9_7f4a_7c15, |packet, _| drop(backs.send(packet))));
        std::thread::spawn(move || {
            carry(&back, &again, 0x2545_f491_4f6c_dd1d, |packet, caller| {
                caller.map(|caller| fronts.send_to(packet, caller));
            });
        });
        Way { address, state }
    }

    /// From now on it is so.
    pub fn set(&self, weather: Weather) {
        let mut state = self.state.lock().unwrap();
        (state.weather, state.counted) = (weather, [0; 2]);
    }

    /// Packets that have come into it since it was last told how to be, and those of them that it lost.
    pub fn counted(&self) -> [u64; 2] {
        self.state.lock().unwrap().counted
    }
}

/// Carries what comes on one side to the other, until the way is gone.
fn carry(from: &UdpSocket, state: &Weak<Mutex<State>>, mut chance: u64, send: impl Fn(&[u8], Option<SocketAddr>)) {
    let clock = Clock::system();
    let mut below = move |bound: u64| {
        chance ^= chance << 13; // xorshift64
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance % bound
    };
    let (mut under_way, mut number, mut unlucky) = (BTreeMap::<(Instant, u64), Vec<u8>>::new(), 0, 0);
    let mut packet = [0; 2_048];
    loop {
        let due = under_way.first_key_value().map(|((at, _), _)| *at);
        let wait = due.map_or(LOOK, |due| due.saturating_duration_since(clock.moment().instant()).min(LOOK));
        from.set_read_timeout(Some(wait.max(Duration::from_micros(200)))).unwrap();
        // A closed port is told by an error at the next receive.
        let come = from.recv_from(&mut packet);
        let Some(state) = state.upgrade() else { return };
        let mut state = state.lock().unwrap();
        let now = clock.moment().instant();
        if let Ok((length, who)) = come {
            let Weather { loses_one_of, uneven_ms, stands_still } = state.weather;
            let nth = number % loses_one_of.max(1);
            unlucky = if nth == 0 { below(loses_one_of.max(1)) } else { unlucky };
            let is_lost = stands_still || loses_one_of > 0 && nth == unlucky;
            number += 1;
            state.counted[0] += 1;
            state.counted[1] += u64::from(is_lost);
            if from.peer_addr().is_err() {
                state.caller = Some(who);
            }
            if !is_lost {
                let at = now + Duration::from_millis(below(uneven_ms + 1));
                under_way.insert((at, number), packet[..length].to_vec());
            }
        }
        while let Some(first) = under_way.first_entry().filter(|first| first.key().0 <= now) {
            send(&first.remove(), state.caller);
        }
    }
}
