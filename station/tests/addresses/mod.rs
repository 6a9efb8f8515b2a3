//! Addresses on loopback for stations that are to listen there.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use counterpart::entropy;

/// A loopback address on which nothing listens now, and which this process is not given again. Its port is none of those that the
/// system gives to whoever calls out, so that it is still free when a station comes to listen there; nor one of those that a test
/// beside this one takes, if nextest runs them.
pub fn free_address() -> SocketAddr {
    const EACH: u16 = 1_000;
    static SLOT: LazyLock<u16> = LazyLock::new(|| {
        let slot = std::env::var("NEXTEST_TEST_GLOBAL_SLOT").ok().and_then(|slot| slot.parse().ok());
        slot.unwrap_or_else(chance) % 20
    });
    static FIRST: LazyLock<u16> = LazyLock::new(|| chance() % EACH);
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    loop {
        let port = 10_000 + *SLOT * EACH + (*FIRST + GIVEN.fetch_add(1, Ordering::Relaxed)) % EACH;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let is_free = std::net::TcpListener::bind(address).is_ok() && std::net::UdpSocket::bind(address).is_ok();
        if is_free {
            return address;
        }
    }
}

fn chance() -> u16 {
    u16::from_le_bytes(entropy::bytes().unwrap())
}
