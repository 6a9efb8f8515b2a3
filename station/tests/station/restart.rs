//! What a new start knows of what the peer has shown of our own log (`docs/protocol.md` §4.6), from a real store.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::Path;

use counterpart::keys::Keys;
use counterpart::store::DATABASE_FILE;
use counterpart_core::act::Words;
use counterpart_core::ids::{Epoch, LineId, Party};
use counterpart_core::line::restore::{Restore, Why};
use counterpart_core::line::turn::{Arrived, Input, Shown};
use counterpart_core::record::body::Body;
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::Edge;
use counterpart_core::record::sign1::{AAD_ENTRY, seal};
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;
use rusqlite::Connection;

use crate::pairs::{Side, ask, begin, officer, pair, serve, stop};
use crate::scratch::Scratch;

/// Our log up to a size, and its head there.
fn head_at(side: &Side, line: LineId, size: usize) -> Head {
    let recent = side.keeper.published().borrow().lines[&line].recent.clone();
    let mut edge = Edge::new();
    recent.iter().take(size).for_each(|p| edge.push(Entry::read(&p.bytes).unwrap().leaf));
    Head { size: size as u64, root: edge.root() }
}

/// A `received` that stands at `own`, names `held`, and is signed by `keys`.
fn received(line: LineId, party: Party, own: Head, held: Head, keys: &Keys) -> Entry {
    let time = Timestamp(1_800_000_000_000);
    let header = Header::of((line, Epoch::FIRST, party), [own, held], time, Ok(What::Received));
    Entry::read(&seal(AAD_ENTRY, &header.encode(), keys)).unwrap()
}

async fn waits(side: &Side, line: LineId) -> Option<Restore> {
    side.keeper.look(move |lines| lines.line(&line).map(|kept| kept.line.restore())).await.unwrap()
}

/// Northland has written four entries; Southland shows another one in the place of the third, signed by Northland's key.
async fn shown_another_course(line: LineId, north: &Side, south: &Side) {
    let keys = Keys::load(&north.data).unwrap();
    for _ in 0..3 {
        north.keeper.act(line, ask(), None, officer(None)).await.unwrap();
    }
    let held = head_at(south, line, 1);
    let entry = received(line, Party::Inviter, head_at(north, line, 2), held, &keys);
    let shown = Input::Shown(Box::new(Shown { entry, body: None }));
    assert_eq!(north.keeper.brought(line, vec![shown]).await.unwrap().held, 1);
}

#[tokio::test]
async fn a_branch_of_our_log_is_known_after_a_start_though_the_peer_has_named_a_head_beyond_where_it_leaves() {
    let scratch = Scratch::new("restart-branch");
    let (line, [north, south]) = pair(&scratch, [Vec::new(), Vec::new()]).await;
    let first = south.keeper.published().borrow().lines[&line].recent[0].bytes.to_vec();
    let arrived = |entry| vec![Arrived { entry, body: None, verified_under: None }];
    north.keeper.arrived(line, arrived(Entry::read(&first).unwrap())).await.unwrap();
    shown_another_course(line, &north, &south).await;
    assert_eq!(waits(&north, line).await, Some(Restore::Opening(Why::Branch)));
    let named = received(
        line,
        Party::Joiner,
        head_at(&south, line, 1),
        head_at(&north, line, 4),
        &Keys::load(&south.data).unwrap(),
    );
    assert_eq!(north.keeper.arrived(line, arrived(named)).await.unwrap().misconduct, None);

    let north = serve(stop(north).await);

    assert_eq!(waits(&north, line).await, Some(Restore::Opening(Why::Branch)));
    assert!(north.keeper.act(line, ask(), None, officer(None)).await.is_err(), "it signs nothing");
}

#[tokio::test]
async fn a_damaged_row_of_what_was_shown_stops_its_own_line_and_no_other() {
    let scratch = Scratch::new("restart-damaged");
    let (line, sides) = pair(&scratch, [Vec::new(), Vec::new()]).await;
    let other = LineId([8; 16]);
    begin(other, &sides, [Vec::new(), Vec::new()]).await;
    let [north, south] = sides;
    shown_another_course(line, &north, &south).await;
    let data = stop(north).await;
    let store = Connection::open(data.join(DATABASE_FILE)).unwrap();
    let bytes: Vec<u8> = store.query_row("SELECT bytes FROM shown", [], |row| row.get(0)).unwrap();

    // One that cannot be read, and one that nobody signed.
    for at in [0, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        store.execute("UPDATE shown SET bytes = ?1", [damaged]).unwrap();
        let north = serve(data.clone());

        assert_eq!(waits(&north, line).await, None);
        let unread = north.keeper.published().borrow().unread.clone();
        assert_eq!(unread.iter().map(|u| (u.id, u.is_called("southland"))).collect::<Vec<_>>(), [(line, true)]);
        assert!(north.keeper.act(line, ask(), None, officer(None)).await.is_err());
        north.keeper.act(other, ask(), None, officer(None)).await.unwrap();
        stop(north).await;
    }
}

/// Every body that is kept beside our log.
fn bodies_shown(data: &Path) -> Vec<Option<Vec<u8>>> {
    let store = Connection::open(data.join(DATABASE_FILE)).unwrap();
    let mut query = store.prepare("SELECT body FROM shown").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Southland shows first what it has no words of any more, and then finds them.
#[tokio::test]
async fn words_that_were_not_shown_with_their_entry_are_kept_when_they_come() {
    let scratch = Scratch::new("restart-body");
    let (line, [north, _south]) = pair(&scratch, [Vec::new(), Vec::new()]).await;
    let data = stop(north).await;
    let earlier = scratch.path().join("earlier");
    let copied = std::process::Command::new("cp").arg("-a").arg(&data).arg(&earlier).status().unwrap();
    assert!(copied.success());
    let north = serve(data);
    let words = Words { salt: [7; 16], language: "en".into(), text: "Fog".into() };
    let media = "text/plain".into();
    let body = Body { salt: words.salt, language: words.language.clone(), media, content: b"Fog".to_vec() }.encode();
    north.keeper.act(line, ask(), Some(words), officer(None)).await.unwrap();
    let last = north.keeper.published().borrow().lines[&line].recent.back().unwrap().bytes.to_vec();
    stop(north).await;
    let copy = serve(earlier);
    let shown = |body: Option<&Vec<u8>>| {
        let shown = Shown { entry: Entry::read(&last).unwrap(), body: body.cloned() };
        copy.keeper.brought(line, vec![Input::Shown(Box::new(shown))])
    };

    assert_eq!(shown(None).await.unwrap().held, 1);
    assert_eq!(bodies_shown(&copy.data), [None]);
    // Whatever else comes with it is not its body.
    assert_eq!(shown(Some(&b"Clear".to_vec())).await.unwrap().held, 1);
    assert_eq!(bodies_shown(&copy.data), [None]);
    for again in [Some(&body), None] {
        assert_eq!(shown(again).await.unwrap().held, 1);
        assert_eq!(bodies_shown(&copy.data), [Some(body.clone())]);
    }
}

/// Holds the database so that no commit of the station's succeeds, until it is dropped.
pub fn hold(side: &Side) -> Connection {
    let held = Connection::open(side.data.join(DATABASE_FILE)).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    held
}

/// The first entry of a side's log, as the link would bring it.
fn first(side: &Side, line: LineId) -> Vec<Arrived> {
    let bytes = side.keeper.published().borrow().lines[&line].recent[0].bytes.to_vec();
    vec![Arrived { entry: Entry::read(&bytes).unwrap(), body: None, verified_under: None }]
}

#[tokio::test]
async fn that_the_peer_was_heard_is_known_after_a_commit_that_failed() {
    let scratch = Scratch::new("restart-heard");
    let (line, [north, south]) = pair(&scratch, [Vec::new(), Vec::new()]).await;
    let data = stop(north).await;
    // As a backup would say of itself.
    Connection::open(data.join(DATABASE_FILE)).unwrap().execute("UPDATE log SET restored = 1", []).unwrap();
    let copy = serve(data);
    assert_eq!(waits(&copy, line).await, Some(Restore::Peer));
    assert_eq!(copy.keeper.brought(line, vec![Input::Heard(Vec::new())]).await.unwrap().held, 1);
    assert_eq!(waits(&copy, line).await, Some(Restore::Opening(Why::Restored)));

    let held = hold(&copy);
    assert!(copy.keeper.arrived(line, first(&south, line)).await.is_err(), "the commit fails");

    assert_eq!(waits(&copy, line).await, Some(Restore::Opening(Why::Restored)));
    drop(held);
    assert_eq!(copy.keeper.arrived(line, first(&south, line)).await.unwrap().held, 1);
}

#[tokio::test]
async fn that_our_link_key_is_retired_is_known_after_a_commit_that_failed_and_after_a_start() {
    let scratch = Scratch::new("restart-retired");
    let (line, [north, south]) = pair(&scratch, [Vec::new(), Vec::new()]).await;
    north.keeper.arrived(line, first(&south, line)).await.unwrap();
    let link = Keys::load(&north.data).unwrap().public().link;

    let held = hold(&north);
    north.keeper.retired(line, link, 3);
    assert!(north.keeper.setting("test", Some(vec![1])).await.is_err(), "the commit fails");
    assert_eq!(waits(&north, line).await, Some(Restore::Opening(Why::Retired)));
    drop(held);
    north.keeper.setting("test", Some(vec![1])).await.unwrap();

    let north = serve(stop(north).await);
    assert_eq!(waits(&north, line).await, Some(Restore::Opening(Why::Retired)));
    // What was shown of a key that serves no more is nothing.
    let other = serve(stop(south).await);
    other.keeper.retired(line, [7; 32], 3);
    assert_eq!(waits(&other, line).await, Some(Restore::Nothing));
}
