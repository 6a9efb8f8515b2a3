//! Two stations over a real link on loopback: what one writes the other holds, on QUIC and on TLS over TCP alike.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::addresses::free_address;
use crate::pairs::{Side, ask, heads, officer, rung, serve, stop};
use crate::scratch::Scratch;
use counterpart::clock::Clock;
use counterpart::keys::Keys;
use counterpart::link::board::Board;
use counterpart::link::pump::Shared;
use counterpart::link::switchboard::Switchboard;
use counterpart::link::{Endpoint, EndpointConfig, Transport};
use counterpart::store::Reader;
use counterpart_core::act::{Act, Words};
use counterpart_core::ids::{EntryRef, LineId, PostId};
use counterpart_core::link::Rate;
use counterpart_core::precedence::{Mark, Precedence};

/// A station on the link.
struct Station {
    side: Side,
    board: Board,
    endpoint: Arc<Endpoint>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

async fn connect(side: Side, address: SocketAddr, transport: Transport) -> Station {
    let keys = Keys::load(&side.data).unwrap();
    let mut config = EndpointConfig::at(address);
    if transport == Transport::Tcp {
        config.udp = None;
    }
    let endpoint = Arc::new(Endpoint::bind(&config, keys.link_seed()).await.unwrap());
    let clock = Clock::system();
    let board = Board::default();
    let shared = Shared {
        keeper: side.keeper.clone(),
        reader: Reader::open(&side.data).unwrap(),
        begun: clock.moment(),
        clock,
        board: board.clone(),
        voice: Default::default(),
    };
    let switchboard = Switchboard::new(shared, endpoint.clone(), Rate { per_second: 50, burst: 500 }, &[]);
    let answering = tokio::spawn(switchboard.clone().answer(|_| ()));
    let dialling = tokio::spawn(switchboard.dial());
    Station { side, board, endpoint, tasks: vec![answering, dialling] }
}

/// As if the process had ended: tasks, sockets, record thread.
async fn hang_up(station: Station) -> Side {
    for task in station.tasks {
        task.abort();
        let _ = task.await;
    }
    station.endpoint.close().await;
    drop(station.endpoint);
    tokio::time::sleep(Duration::from_millis(100)).await;
    station.side
}

async fn both(scratch: &Scratch, transport: Transport) -> (LineId, [SocketAddr; 2], [Station; 2]) {
    let addresses = [free_address(), free_address()];
    let (line, [north, south]) = crate::pairs::pair(scratch, addresses.map(|a| vec![a.to_string()])).await;
    let north = connect(north, addresses[0], transport).await;
    let south = connect(south, addresses[1], transport).await;
    (line, addresses, [north, south])
}

/// Waits until both hold the same two heads of at least these sizes.
async fn even(line: LineId, stations: [&Station; 2], sizes: [u64; 2]) {
    let wait = async {
        loop {
            let (a, b) = (heads(&stations[0].side, line).await, heads(&stations[1].side, line).await);
            if a == b && a[0].0 >= sizes[0] && a[1].0 >= sizes[1] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the records even out");
}

async fn an_ask_is_delivered(transport: Transport) {
    let scratch = Scratch::new("line-delivered");
    let (line, _, [north, south]) = both(&scratch, transport).await;
    let done = north.side.keeper.act(line, ask(), None, officer(None)).await.unwrap();
    even(line, [&north, &south], [2, 2]).await;
    assert_eq!(rung(&north.side, line, done.at).await, "DELIVERED");
    assert_eq!(rung(&south.side, line, done.at).await, "DELIVERED");
    assert_eq!(north.board.of(line).transport, Some(transport));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ask_is_delivered_over_quic() {
    an_ask_is_delivered(Transport::Quic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ask_is_delivered_over_tcp() {
    an_ask_is_delivered(Transport::Tcp).await;
}

/// Two that are linked, of which South can keep no entry: a statement that ends it.
async fn with_a_full_south(scratch: &Scratch) -> (LineId, [Station; 2], rusqlite::Connection) {
    let addresses = [free_address(), free_address()];
    // Only South knows where to dial.
    let (line, [north, south]) = crate::pairs::pair(scratch, [vec![addresses[0].to_string()], Vec::new()]).await;
    let store = rusqlite::Connection::open(south.data.join(counterpart::store::DATABASE_FILE)).unwrap();
    let north = connect(north, addresses[0], Transport::Quic).await;
    let south = connect(south, addresses[1], Transport::Quic).await;
    even(line, [&north, &south], [1, 1]).await;
    store.execute_batch("CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'full'); END").unwrap();
    (line, [north, south], store)
}

const NO_LONGER_FULL: &str = "DROP TRIGGER full";

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_ends_no_connection_and_what_came_is_kept_when_it_can_be() {
    let scratch = Scratch::new("line-full");
    let (line, [north, south], store) = with_a_full_south(&scratch).await;
    let up_since = south.board.of(line).up_since_ms;
    assert!(up_since.is_some());

    let done = north.side.keeper.act(line, ask(), None, officer(None)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_ne!(rung(&north.side, line, done.at).await, "DELIVERED");
    store.execute_batch(NO_LONGER_FULL).unwrap();

    even(line, [&north, &south], [2, 2]).await;
    delivered(&north, line, done.at).await;
    assert_eq!(south.board.of(line).up_since_ms, up_since);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_kept_and_much_comes_the_connection_ends_and_not_the_dialling() {
    let scratch = Scratch::new("line-unkept");
    let (line, [north, south], store) = with_a_full_south(&scratch).await;
    let first = north.side.keeper.act(line, ask(), None, officer(None)).await.unwrap();
    let post = PostId::parse("minister").unwrap();
    let text = Act::Text { from: post.clone(), to: post, precedence: Precedence::Routine, mark: Mark::Exercise };
    let words = Words { salt: [7; 16], language: "en".into(), text: "An exercise.".into() };
    for _ in 0..250 {
        north.side.keeper.act(line, text.clone(), Some(words.clone()), officer(None)).await.unwrap();
    }
    let down = async {
        while south.board.of(line).up_since_ms.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), down).await.expect("the connection ends");
    store.execute_batch(NO_LONGER_FULL).unwrap();

    even(line, [&north, &south], [252, 2]).await;
    delivered(&north, line, first.at).await;
}

/// Waits until it is. That the other side has written something is not enough: it may be the receipt of the charter alone.
async fn delivered(station: &Station, line: LineId, at: EntryRef) {
    let wait = async {
        while rung(&station.side, line, at).await != "DELIVERED" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it is delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_while_the_peer_was_away_is_delivered_when_it_comes_back() {
    let scratch = Scratch::new("line-away");
    let (line, addresses, [north, south]) = both(&scratch, Transport::Quic).await;
    even(line, [&north, &south], [1, 1]).await;
    let away = stop(hang_up(south).await).await;
    let mut last = None;
    for _ in 0..20 {
        last = Some(north.side.keeper.act(line, ask(), None, officer(None)).await.unwrap());
    }
    let south = connect(serve(away), addresses[1], Transport::Quic).await;
    even(line, [&north, &south], [21, 2]).await;
    delivered(&north, line, last.unwrap().at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_hangs_up_at_once_is_dialled_with_growing_pauses() {
    let scratch = Scratch::new("line-hung-up");
    let addresses = [free_address(), free_address()];
    // Only South knows where to dial, and there nobody serves the line.
    let (_, [north, south]) = crate::pairs::pair(&scratch, [vec![addresses[0].to_string()], Vec::new()]).await;
    let keys = Keys::load(&north.data).unwrap();
    let endpoint = Endpoint::bind(&EndpointConfig::at(addresses[0]), keys.link_seed()).await.unwrap();

    let _south = connect(south, addresses[1], Transport::Quic).await;
    let mut calls = 0;
    let count = async {
        while let Some(connection) = endpoint.accept().await {
            drop(connection);
            calls += 1;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(3), count).await;

    // The pauses are at least 125, 250, 500, 1,000 and 2,000 ms.
    assert!((2..=5).contains(&calls), "{calls} calls in 3 s");
}
