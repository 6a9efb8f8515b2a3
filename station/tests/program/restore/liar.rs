//! A peer that claims to hold more of our log than we do, and shows nothing that we signed, or nothing at all.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use std::time::Duration;

use counterpart::config::Config;
use counterpart::keys::Keys;
use counterpart::link::{Control, Dialling, Endpoint, EndpointConfig, Purpose, Reader, Writer};
use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, LineId, Party};
use counterpart_core::link::Rate;
use counterpart_core::link::frame::{Frame, Hello};
use counterpart_core::record::entry::Head;
use counterpart_core::record::opening::EpochHeads;
use counterpart_core::time::Timestamp;
use serde_json::json;

use super::{Story, ask, command, even, restore};
use crate::denied::denied;
use crate::moved_clock::{self, MovedClock};
use crate::processes::wait;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_peer_that_only_claims_to_hold_more_is_named_and_silences_nobody() {
    let mut story = Story::new("restore-liar");
    story.south.kill();
    let line = story.line();
    let runtime = runtime();

    // Northland hangs up as long as this connection seems to cross another.
    let told = (0..60).find_map(|_| runtime.block_on(lie(&story, line, true)));
    assert_eq!(told, Some(Misconduct::FalseClaim.number()));
    let (code, out, _) = command(&story.north.data, &["doctor"]);
    assert!(code != 0 && out.contains("false-claim"), "{code} {out}");
    assert_eq!(restore(&story.north)["waits"], json!("nothing"));
    ask(&story.north, "it goes on");

    story.south.serve();
    even([&story.north, &story.south], 0, [4, 3]);
    story.north.kill();
}

#[test]
fn a_peer_that_shows_nothing_in_an_hour_of_connection_is_not_waited_for() {
    let mut story = Story::new("restore-withheld");
    let Some(library) = moved_clock::build(&story.scratch) else {
        return denied("a C compiler, with which the clock is moved");
    };
    let clock = MovedClock::new(&story.scratch, library, "north");
    story.north.kill();
    story.south.kill();
    story.north.environment = clock.environment();
    story.restore();
    let line = story.line();
    // An hour without a connection is none with one.
    clock.set_moments_ahead(3_600);
    let runtime = runtime();
    let lying = runtime.spawn(lie_again(story.north.data.clone(), story.south.data.clone(), line));
    wait("a peer that is met", || (restore(&story.north)["link_up"] == true).then_some(()));
    let view = restore(&story.north);
    assert_eq!(view["waits"], json!("peer"), "{view}");
    let (code, _, err) = story.open(&[]);
    assert!(code == 1 && err.contains("has not been heard"), "{code} {err}");

    clock.set_moments_ahead(3_600 + 3_600);

    wait("an hour that is over", || (restore(&story.north)["silent_ms"].as_u64() >= Some(3_600_000)).then_some(()));
    let (code, out, err) = story.open(&[]);
    assert!(code == 0 && out.contains("epoch 1 is open"), "{code} {out}{err}");
    ask(&story.north, "in the new epoch");
    lying.abort();
}

/// Claims, and claims again whenever Northland hangs up.
async fn lie_again(north: std::path::PathBuf, south: std::path::PathBuf, line: LineId) {
    loop {
        lie_to(&north, &south, line, false).await;
    }
}

/// Poses as Southland, whose link key it has, and claims entries of Northland's log that it cannot show: asked for them, it shows
/// what Northland never signed, or else nothing. The number of the misconduct that it is told; `None`: the connection ended.
async fn lie(story: &Story, line: LineId, shows: bool) -> Option<u64> {
    lie_to(&story.north.data, &story.south.data, line, shows).await
}

async fn lie_to(north: &std::path::Path, south: &std::path::Path, line: LineId, shows: bool) -> Option<u64> {
    let told = lie_once(north, south, line, shows).await;
    if told.is_none() {
        // Who connects again and again is not served each time.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    told
}

async fn lie_once(north: &std::path::Path, south: &std::path::Path, line: LineId, shows: bool) -> Option<u64> {
    let keys = Keys::load(south).unwrap();
    let config = EndpointConfig::at("127.0.0.1:0".parse().unwrap());
    let endpoint = Endpoint::bind(&config, keys.link_seed()).await.unwrap();
    let (mut reader, mut writer, _control, heard) = reach(&endpoint, north).await;
    let Ok(Frame::Hello(theirs)) = Frame::decode(&heard) else { return None };
    let held = theirs.epochs[0];
    let claimed = Head { size: held.heads[0].size + 1, root: [7; 32] };
    let hello = Hello {
        versions: vec![1],
        line,
        epochs: vec![EpochHeads { epoch: Epoch::FIRST, heads: [claimed, held.heads[1]] }],
        clock: Timestamp(theirs.clock.0),
        rate: Rate::default(),
        software: "a liar".into(),
    };
    writer.write_frame(&Frame::Hello(hello).encode().unwrap()).await.unwrap();
    loop {
        let frame = tokio::time::timeout(Duration::from_secs(60), reader.read_frame()).await.unwrap();
        let answer = match Frame::decode(&frame.ok()?) {
            Ok(Frame::Show { epoch, from }) if shows => {
                Frame::Entry { bytes: forged(line, epoch, from, &keys), body: None }
            }
            Ok(Frame::Ping(beat)) => Frame::Pong(beat),
            Ok(Frame::Fault { number, .. }) => return Some(number),
            _ => continue,
        };
        writer.write_frame(&answer.encode().unwrap()).await.ok()?;
    }
}

/// A connection on which Northland says hello. It may not have noticed yet that the connection before is dead, and hangs up on one
/// that seems to cross it.
async fn reach(endpoint: &Endpoint, north: &std::path::Path) -> (Reader, Writer, Control, Vec<u8>) {
    let expected = Keys::load(north).unwrap().public().link;
    let address = Config::load(north).unwrap().link.listen;
    for _ in 0..120 {
        if let Ok(connection) = endpoint.dial(address, Purpose::Line, Some(expected), Dialling::default()).await {
            let (mut reader, writer, control) = connection.split();
            if let Ok(heard) = reader.read_frame().await {
                return (reader, writer, control, heard);
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("Northland says no hello");
}

/// An entry in Northland's name, signed by Southland's key.
fn forged(line: LineId, epoch: Epoch, from: u64, keys: &Keys) -> Vec<u8> {
    use counterpart_core::record::entry::Header;
    use counterpart_core::record::sign1::{AAD_ENTRY, seal};
    use counterpart_core::record::what::What;
    let heads = [Head { size: from, root: [7; 32] }, Head::empty()];
    let time = Timestamp(1_800_000_000_000);
    let header = Header::of((line, epoch, Party::Inviter), heads, time, Ok(What::Received));
    seal(AAD_ENTRY, &header.encode(), keys)
}
