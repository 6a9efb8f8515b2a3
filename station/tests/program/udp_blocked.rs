//! Two stations in two network namespaces, on a link that drops every UDP packet: the record travels on TLS over TCP instead,
//! with the same keys and the same frames.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking; what was left out is to be read"
)]

use std::net::SocketAddr;
use std::process::Command;

use crate::processes::{Process, pair, wait};
use crate::scratch::Scratch;
use serde_json::json;

/// Namespaces of our own, taken away when dropped.
struct Namespaces([String; 2]);

fn run(line: &str) -> bool {
    let mut words = line.split(' ');
    Command::new(words.next().unwrap()).args(words).status().is_ok_and(|status| status.success())
}

impl Namespaces {
    /// Two, joined by a pair of virtual cables, each dropping UDP both ways. `None`: this machine does not let us.
    fn without_udp() -> Option<Namespaces> {
        let id = std::process::id();
        let names = [format!("cpa{id}"), format!("cpb{id}")];
        let [a, b] = &names;
        let made = run(&format!("ip netns add {a}")) && run(&format!("ip netns add {b}"));
        let namespaces = Namespaces(names.clone());
        let joined = made && run(&format!("ip link add va{id} netns {a} type veth peer name vb{id} netns {b}"));
        if !joined {
            return None;
        }
        for (name, device, address) in [(a, format!("va{id}"), "10.99.7.1/24"), (b, format!("vb{id}"), "10.99.7.2/24")]
        {
            let inside = |line: &str| run(&format!("ip netns exec {name} {line}"));
            let set = run(&format!("ip -n {name} addr add {address} dev {device}"))
                && run(&format!("ip -n {name} link set {device} up"))
                && run(&format!("ip -n {name} link set lo up"))
                && inside("nft add table inet t")
                && inside("nft add chain inet t i { type filter hook input priority 0 ; }")
                && inside("nft add rule inet t i meta l4proto udp drop");
            if !set {
                return None;
            }
        }
        Some(namespaces)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.0 {
            run(&format!("ip netns del {name}"));
        }
    }
}

#[test]
fn where_udp_is_dropped_an_ask_is_delivered_over_tls_on_tcp() {
    let Some(namespaces) = Namespaces::without_udp() else {
        println!("SKIPPED: this machine does not let the test make network namespaces with nftables");
        return;
    };
    let scratch = Scratch::new("udp-blocked");
    let at = |address: &str| address.parse::<SocketAddr>().unwrap();
    let mut north = Process::init_at(scratch.path(), "north", "Northland", 50, at("10.99.7.1:7411"));
    let mut south = Process::init_at(scratch.path(), "south", "Southland", 50, at("10.99.7.2:7411"));
    let Namespaces([a, b]) = &namespaces;
    (north.namespace, south.namespace) = (Some(a.clone()), Some(b.clone()));
    north.serve();
    south.serve();
    pair(&north, &south);

    let ask = json!({ "act": "ask", "from": "minister", "to": "minister", "mark": "TEST" });
    let (status, done) = north.post("/acts", &ask).unwrap();
    assert_eq!(status, 200, "{done}");
    wait("delivery", || {
        let requests = north.get("/requests")?;
        requests.to_string().contains("Delivered").then_some(())
    });
    let lines = north.get("/lines").unwrap().to_string();
    assert!(lines.contains("DEGRADED"), "TCP is said to be less: {lines}");
}
