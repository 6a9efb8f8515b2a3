//! A station on loopback whose peer holds the right link key and behaves as badly as it can.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use counterpart::clock::Clock;
use counterpart::keys::Keys;
use counterpart::link::board::Board;
use counterpart::link::pace::Daily;
use counterpart::link::pump::Shared;
use counterpart::link::switchboard::Switchboard;
use counterpart::link::{Connection, Dialling, Endpoint, EndpointConfig, Purpose};
use counterpart::record::Published;
use counterpart::store::Reader;
use counterpart_core::act::{Act, Words};
use counterpart_core::ids::LineId;
use counterpart_core::link::Rate;
use counterpart_core::link::frame::{Beat, Frame, Hello};
use counterpart_core::record::opening::EpochHeads;
use counterpart_core::time::Timestamp;
use tokio::time::timeout;

use crate::pairs::{Side, officer};
use crate::scratch::Scratch;
use crate::transport::stranger;

const FAST: Rate = Rate { per_second: 100_000, burst: 100_000 };
/// Longer than anything here takes, on a machine that does other things too.
const SOON: Duration = Duration::from_secs(30);

/// Northland serves; Southland's keys are in other hands.
struct Hostile {
    line: LineId,
    north: Side,
    south: Side,
    address: SocketAddr,
    board: Board,
    peer: Endpoint,
    _serving: tokio::task::JoinHandle<()>,
}

impl Hostile {
    async fn meet(scratch: &Scratch, daily: Daily) -> Hostile {
        Hostile::bearing(scratch, |switchboard| switchboard.allowing(daily)).await
    }

    /// Northland's switchboard has these bounds.
    async fn bearing(scratch: &Scratch, bounds: impl FnOnce(Switchboard) -> Switchboard) -> Hostile {
        let (line, [north, south]) = crate::pairs::pair(scratch, [vec![], vec![]]).await;
        let keys = [&north, &south].map(|side| Keys::load(&side.data).unwrap());
        let here = EndpointConfig::at("127.0.0.1:0".parse().unwrap());
        let endpoint = Arc::new(Endpoint::bind(&here, keys[0].link_seed()).await.unwrap());
        let address = endpoint.udp_address().unwrap();
        let (clock, board) = (Clock::system(), Board::default());
        let shared = Shared {
            keeper: north.keeper.clone(),
            reader: Reader::open(&north.data).unwrap(),
            begun: clock.moment(),
            clock,
            board: board.clone(),
            voice: Default::default(),
        };
        let switchboard = bounds(Switchboard::new(shared, endpoint, FAST, &[]));
        let serving = tokio::spawn(switchboard.answer(|_| ()));
        let peer = Endpoint::bind(&here, keys[1].link_seed()).await.unwrap();
        Hostile { line, north, south, address, board, peer, _serving: serving }
    }

    async fn call(&self) -> Connection {
        self.peer.dial(self.address, Purpose::Line, None, Dialling::default()).await.unwrap()
    }

    fn heads(&self) -> EpochHeads {
        self.south.keeper.published().borrow().lines[&self.line].held[0].heads
    }

    fn hello(&self) -> Vec<u8> {
        self.hello_for(self.line)
    }

    fn hello_for(&self, line: LineId) -> Vec<u8> {
        let hello = Hello {
            versions: vec![1],
            line,
            epochs: vec![self.heads()],
            clock: Timestamp(1),
            rate: FAST,
            software: "hostile".into(),
        };
        Frame::Hello(hello).encode().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_makes_us_answer_and_reads_nothing_is_hung_up() {
    let scratch = Scratch::new("hostile-unread");
    let hostile = Hostile::meet(&scratch, Daily::default()).await;
    let (_reader, mut writer, _control) = hostile.call().await.split();
    writer.write_frame(&hostile.hello()).await.unwrap();

    // Some 230 bytes are answered for each; what the transport itself holds is half a mebibyte.
    let ping = Frame::Ping(Beat { number: 1, clock: Timestamp(1), heads: hostile.heads() }).encode().unwrap();
    let pinging = async { while writer.write_frame(&ping).await.is_ok() {} };

    timeout(SOON, pinging).await.expect("the connection is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_a_line_that_we_do_not_have_leaves_the_session_of_the_one_that_we_have() {
    let scratch = Scratch::new("hostile-other-line");
    let hostile = Hostile::meet(&scratch, Daily::default()).await;
    let (mut reader, mut writer, _control) = hostile.call().await.split();
    writer.write_frame(&hostile.hello()).await.unwrap();
    let up = async {
        while hostile.board.of(hostile.line).up_since_ms.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, up).await.expect("the session is up");

    let (mut other, mut says, _control) = hostile.call().await.split();
    says.write_frame(&hostile.hello_for(LineId([7; 16]))).await.unwrap();
    let told = async {
        let mut frames = Vec::new();
        while let Ok(frame) = other.read_frame().await {
            frames.push(Frame::decode(&frame).unwrap());
        }
        frames
    };
    let told = timeout(SOON, told).await.expect("the other call is hung up");
    // It is greeted at once, and told that its line is not ours (§8.3).
    assert!(matches!(&told[..], [Frame::Hello(_), Frame::Fault { number: 3, .. }]), "{told:?}");

    writer
        .write_frame(&Frame::Ping(Beat { number: 1, clock: Timestamp(1), heads: hostile.heads() }).encode().unwrap())
        .await
        .unwrap();
    let answered = async {
        loop {
            let frame = reader.read_frame().await.expect("the session lives");
            if matches!(Frame::decode(&frame), Ok(Frame::Pong(beat)) if beat.number == 1) {
                return;
            }
        }
    };
    timeout(SOON, answered).await.expect("the first session answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_connects_again_and_again_is_not_served_each_time() {
    let scratch = Scratch::new("hostile-storm");
    let hostile = Hostile::meet(&scratch, Daily::default()).await;

    let mut answered = 0;
    for _ in 0..60 {
        let (mut reader, _writer, _control) = hostile.call().await.split();
        answered += usize::from(reader.read_frame().await.is_ok());
    }

    // Ten at once, and one every two seconds that the test took: far less than a minute.
    assert!((5..40).contains(&answered), "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_has_used_up_its_allowance_is_read_slowly_and_loses_nothing() {
    let scratch = Scratch::new("hostile-allowance");
    // Seventy at once, and then one in seventeen minutes.
    let hostile = Hostile::meet(&scratch, Daily { entries: 5, bytes: 1 << 20 }).await;
    for _ in 0..150 {
        let words = Words { salt: [1; 16], language: "en".into(), text: "much".into() };
        hostile.south.keeper.act(hostile.line, Act::Memo, Some(words), officer(None)).await.unwrap();
    }
    let recent = hostile.south.keeper.published().borrow().lines[&hostile.line].recent.clone();
    let (_reader, mut writer, _control) = hostile.call().await.split();
    writer.write_frame(&hostile.hello()).await.unwrap();

    for pushed in &recent {
        let (bytes, body) = (pushed.bytes.to_vec(), pushed.body.as_ref().map(|b| b.to_vec()));
        writer.write_frame(&Frame::Entry { bytes, body }.encode().unwrap()).await.unwrap();
    }

    let mut published = hostile.north.keeper.published();
    let line = hostile.line;
    let taken = |size: u64| move |p: &Arc<Published>| p.lines[&line].held[0].heads.heads[1].size >= size;
    timeout(SOON, published.wait_for(taken(70))).await.expect("what was allowed is taken").unwrap();
    assert!(timeout(Duration::from_secs(1), published.wait_for(taken(73))).await.is_err());
    assert!(hostile.call().await.split().0.read_frame().await.is_ok());
    assert!(timeout(Duration::from_secs(1), published.wait_for(taken(73))).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_read_nothing_of_the_keys_that_they_are_shown_give_their_places_free() {
    let scratch = Scratch::new("hostile-strangers");
    let patience = Duration::from_millis(200);
    let hostile = Hostile::bearing(&scratch, |switchboard| switchboard.meeting_within(patience)).await;
    // A window of one byte: what they are shown never leaves, and whoever writes it waits.
    let mut windows = quinn::TransportConfig::default();
    windows.stream_receive_window(1u32.into()).receive_window(1u32.into());
    let windows = Arc::new(windows);
    let hello = hostile.hello();
    let frame = [&(hello.len() as u32).to_be_bytes()[..], &hello].concat();
    let calling = async {
        let mut calls = Vec::new();
        // As many as there are places, each with a key of its own: of one key fewer are heard.
        for seed in 100..116 {
            let mut call = stranger::call_within(&windows, hostile.address, seed).await.unwrap();
            call.send(&frame).await;
            calls.push(call);
        }
        calls
    };
    let mut calls = timeout(SOON, calling).await.expect("all have called");

    for call in &mut calls {
        timeout(SOON, call.hung_up()).await.expect("who reads nothing is hung up");
    }
    let here = EndpointConfig::at("127.0.0.1:0".parse().unwrap());
    let newcomer = Endpoint::bind(&here, &[9; 32]).await.unwrap();
    let shown = async {
        loop {
            let dialled = newcomer.dial(hostile.address, Purpose::Line, None, Dialling::default()).await.unwrap();
            let (mut reader, mut writer, _control) = dialled.split();
            let _ = writer.write_frame(&hello).await;
            if let Ok(frame) = reader.read_frame().await {
                return Frame::decode(&frame).unwrap();
            }
        }
    };
    let shown = timeout(SOON, shown).await.expect("there is room for another");
    assert!(matches!(shown, Frame::Chain { .. }), "{shown:?}");
}

#[tokio::test]
async fn a_connection_that_takes_the_place_of_another_is_a_reconnection() {
    let scratch = Scratch::new("hostile-replaced");
    let (line, [north, _south]) = crate::pairs::pair(&scratch, [vec![], vec![]]).await;
    let even = || north.keeper.look(move |lines| lines.line(&line).unwrap().is_even());
    north.keeper.link_begins(line, false);
    north.keeper.link(line, true, true);
    north.keeper.link(line, true, false);
    assert!(even().await.unwrap());

    north.keeper.link_begins(line, false);

    assert!(!even().await.unwrap());
}
