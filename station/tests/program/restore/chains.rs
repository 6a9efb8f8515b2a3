//! A peer that knows our old link key meets us by chains of keys (`docs/protocol.md` §8.6), on either transport.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use serde_json::json;

use super::{Story, ask, even, waits};
use crate::denied::denied;
use crate::namespaces::Namespaces;
use crate::processes::wait;

#[test]
fn where_udp_is_dropped_a_peer_that_met_us_under_an_old_link_key_joins_the_new_epoch_over_tcp() {
    let Some(machines) = Namespaces::in_a_row("chain", 2).filter(Namespaces::drop_udp) else {
        return denied("network namespaces with nftables");
    };
    let mut story = Story::between("restore-chain-tcp", Some(&machines));
    story.north.kill();
    story.restore();
    waits(&story.north, "restored");
    let before = counterpart::keys::Keys::load(&story.north.data).unwrap().public().link;

    let (code, out, err) = story.open(&[]);

    assert_eq!(code, 0, "{out}{err}");
    even([&story.north, &story.south], 1, [1, 1]);
    ask(&story.north, "under the new keys");
    even([&story.north, &story.south], 1, [2, 1]);
    let line = story.north.get("/lines").unwrap()[0].clone();
    assert_eq!(line["observed"]["state"], json!("DEGRADED"), "over TCP: {line}");
    let set = counterpart::keys::Ring::load(&story.north.data).unwrap();
    assert!(set.all().iter().any(|keys| keys.public().link != before), "the link key is fresh");
    // Each may dial the other from now on.
    story.south.kill();
    story.south.serve();
    ask(&story.south, "after another start");
    even([&story.north, &story.south], 1, [2, 2]);
    wait("a line that is up", || (story.south.get("/restore")?[0]["link_up"] == true).then_some(()));
}
