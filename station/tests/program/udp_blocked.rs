//! Two stations in two network namespaces that drop every UDP packet: the record travels on TLS over TCP instead, with the same
//! keys and the same frames, until UDP passes again.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking; what was left out is to be read"
)]

use super::denied::denied;
use super::namespaces::Namespaces;
use super::processes::{Process, pair, wait};
use super::scratch::Scratch;
use serde_json::json;

#[test]
fn where_udp_is_dropped_an_ask_is_delivered_over_tls_on_tcp_and_quic_takes_its_place_when_udp_passes_again() {
    let Some(namespaces) = Namespaces::in_a_row("udp", 2).filter(Namespaces::drop_udp) else {
        return denied("network namespaces with nftables");
    };
    let scratch = Scratch::new("udp-blocked");
    let stations = [("north", "Northland", "10.99.1.1:7411"), ("south", "Southland", "10.99.1.2:7411")];
    let [mut north, mut south] = stations
        .map(|(name, sign, address)| Process::init_at(scratch.path(), name, sign, 50, address.parse().unwrap()));
    north.namespace = namespaces.names.first().cloned();
    south.namespace = namespaces.names.get(1).cloned();
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

    namespaces.pass_udp();
    let over = |station: &Process| station.get("/lines").map(|lines| lines[0]["observed"].to_string());
    for station in [&north, &south] {
        wait("QUIC in its place", || over(station).filter(|observed| observed.contains("OPEN")));
    }
}
