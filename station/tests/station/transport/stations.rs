//! Stations on loopback, as the tests need them.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use counterpart::link::{Connection, Dialling, Endpoint, EndpointConfig, Purpose, Transport};
use tokio::time::timeout;

pub const NORTH: [u8; 32] = [1; 32];
pub const SOUTH: [u8; 32] = [2; 32];

/// Longer than anything here takes, on a machine that does other things too; less than a handshake or a silence may take by default,
/// so that what those end is not taken for what comes soon.
const SOON: Duration = Duration::from_secs(8);

/// QUIC alone as long as the tests wait, so that what falls back to TCP does so for another reason.
pub const PATIENT: Dialling = Dialling { quic_first_for: SOON, give_up_after: SOON };

/// Nothing listens on the other transport, and nothing is dialled on QUIC if this is TCP.
pub fn only(transport: Transport) -> EndpointConfig {
    let config = EndpointConfig::at("127.0.0.1:0".parse().unwrap());
    match transport {
        Transport::Quic => EndpointConfig { tcp: None, ..config },
        Transport::Tcp => EndpointConfig { udp: None, ..config },
    }
}

pub async fn station(config: EndpointConfig, seed: [u8; 32]) -> (Endpoint, SocketAddr) {
    let endpoint = Endpoint::bind(&config, &seed).await.unwrap();
    let address = endpoint.udp_address().or(endpoint.tcp_address()).unwrap();
    (endpoint, address)
}

/// North dials South. The endpoints live as long as the result.
pub struct Line {
    pub north: Endpoint,
    pub south: Endpoint,
    /// South's.
    pub address: SocketAddr,
    pub norths_address: SocketAddr,
}

impl Line {
    pub async fn over(transport: Transport) -> Self {
        let (north, norths_address) = station(only(transport), NORTH).await;
        let (south, address) = station(only(transport), SOUTH).await;
        Self { north, south, address, norths_address }
    }

    /// The two ends of one connection: North's, South's.
    pub async fn connect(&self, purpose: Purpose) -> (Connection, Connection) {
        let expected = Some(self.south.link_key());
        let dial = self.north.dial(self.address, purpose, expected, PATIENT);
        let (dialled, answered) = tokio::join!(dial, soon(self.south.accept()));
        (dialled.unwrap(), answered.unwrap())
    }
}

/// A station in a thread of its own that answers one call, until it is killed: no word is said to anyone.
pub struct Mortal {
    pub address: SocketAddr,
    kill: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Mortal {
    pub fn start(config: EndpointConfig, seed: [u8; 32]) -> Self {
        let (ready, started) = mpsc::channel();
        let (kill, killed) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            // On one thread nothing runs any more once `block_on` has returned.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (endpoint, address) = station(config, seed).await;
                ready.send(address).unwrap();
                let mut held = Vec::new();
                while killed.try_recv().is_err() {
                    let accepted = timeout(Duration::from_millis(10), endpoint.accept()).await;
                    held.extend(accepted.ok().flatten().map(Connection::split));
                }
            });
        });
        Self { address: started.recv().unwrap(), kill, thread }
    }

    pub fn kill(self) {
        self.kill.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

/// What comes in time, or the test fails.
pub async fn soon<T>(outcome: impl Future<Output = T>) -> T {
    timeout(SOON, outcome).await.unwrap()
}
