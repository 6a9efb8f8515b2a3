//! The record thread with a real store: what is answered is committed, and a new start finds it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use crate::pairs::{Side, ask, heads, officer, rung, serve, stop};
use crate::scratch::Scratch;
use counterpart::api::doctor::examine;
use counterpart::config::{Starter, write_starter};
use counterpart::keys::Keys;
use counterpart::record::{ActFault, Begin, Called};
use counterpart::store::{StoreError, back_up};
use counterpart::words::{Tell, Words};
use counterpart_core::act::{Act, Target};
use counterpart_core::fault::{Bar, Misconduct, Refusal};
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::line::turn::Arrived;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::Code;
use counterpart_core::record::log::Entry;
use counterpart_core::record::sign1::{AAD_ENTRY, seal};
use std::time::Duration;

/// Two stations, each of which has written its index 0 and taken the other's.
async fn pair(scratch: &Scratch) -> (LineId, [Side; 2]) {
    let (line, sides) = crate::pairs::pair(scratch, [Vec::new(), Vec::new()]).await;
    even_out(line, &sides).await;
    (line, sides)
}

/// Carries to each what the other has written, as the link would.
async fn even_out(line: LineId, sides: &[Side; 2]) {
    for (from, to) in [(0, 1), (1, 0)] {
        let pushed = sides[from].keeper.published().borrow().lines[&line].recent.clone();
        let arrived = |p: &counterpart::record::Pushed| Arrived {
            entry: Entry::read(&p.bytes).unwrap(),
            body: p.body.as_ref().map(|b| b.to_vec()),
            verified_under: None,
        };
        let taken = sides[to].keeper.arrived(line, pushed.iter().map(arrived).collect()).await.unwrap();
        assert_eq!(taken.misconduct, None);
    }
}

/// Waits until this side owes no receipt, so that it writes nothing more unasked.
async fn rest(line: LineId, side: &Side, me: Party) {
    let owes = || side.keeper.look(move |lines| lines.line(&line).unwrap().line.facts().owes_receipt(me));
    let waiting = async {
        while owes().await.unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("a receipt within 250 ms");
}

#[tokio::test]
async fn an_ask_is_delivered_when_the_receipt_has_come_and_both_hold_the_same_heads() {
    let scratch = Scratch::new("record-delivered");
    let (line, sides) = pair(&scratch).await;
    let done = sides[0].keeper.act(line, ask(), None, officer(None)).await.unwrap();
    assert_eq!(rung(&sides[0], line, done.at).await, "SENT");

    // What South writes first may be the receipt of the charter alone.
    let delivered = async {
        while rung(&sides[0], line, done.at).await != "DELIVERED" {
            even_out(line, &sides).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), delivered).await.expect("a receipt within 250 ms");

    assert_eq!(heads(&sides[0], line).await, heads(&sides[1], line).await);
    let rings = sides[1].keeper.published().borrow().lines[&line].rings.clone();
    assert_eq!(rings.iter().map(|r| r.at).collect::<Vec<_>>(), [done.at]);
}

#[tokio::test]
async fn a_new_start_finds_every_act_and_a_repeated_token_writes_nothing() {
    let scratch = Scratch::new("record-restart");
    let (line, sides) = pair(&scratch).await;
    let done = sides[0].keeper.act(line, ask(), None, officer(Some("t-1"))).await.unwrap();
    even_out(line, &sides).await;
    let defer = Act::Defer { on: Target::Latest(done.at), code: Code::Engaged, until: None };
    sides[1].keeper.act(line, defer, None, officer(None)).await.unwrap();
    even_out(line, &sides).await;
    rest(line, &sides[0], Party::Inviter).await;

    let [north, south] = sides;
    let before = heads(&north, line).await;
    let north = serve(stop(north).await);
    assert_eq!(heads(&north, line).await, before);
    assert_eq!(rung(&north, line, done.at).await, "SEEN");
    let again = north.keeper.act(line, ask(), None, officer(Some("t-1"))).await.unwrap();
    assert_eq!((again.at, again.repeated, again.epoch), (done.at, true, Epoch::FIRST));
    let called = Some(Called { sign: "Northland".into(), ordinal: Some(1) });
    assert_eq!((&done.called, &again.called), (&called, &called), "the answer names what was done");
    let check = Act::Check { precedence: Precedence::Routine, mark: Mark::Exercise };
    let check = north.keeper.act(line, check, None, officer(None)).await.unwrap();
    assert_eq!(check.called.unwrap().ordinal, None, "it is called by its index");
    let before = heads(&north, line).await;
    north.keeper.act(line, ask(), None, officer(Some("t-1"))).await.unwrap();
    assert_eq!(heads(&north, line).await, before);
    stop(south).await;
    stop(north).await;
}

#[tokio::test]
async fn what_is_given_twice_at_once_with_one_token_stands_once_and_both_are_told_where() {
    let scratch = Scratch::new("record-at-once");
    let (line, sides) = pair(&scratch).await;
    let keeper = &sides[0].keeper;

    let asked = || keeper.act(line, ask(), None, officer(Some("t-1")));
    let (one, two, three) = tokio::join!(asked(), asked(), asked());
    let done = [one, two, three].map(Result::unwrap);

    assert!(done.iter().all(|each| each.at == done[0].at));
    assert_eq!(done.iter().filter(|each| !each.repeated).count(), 1);
}

#[tokio::test]
async fn a_refusal_names_the_fact_and_an_unknown_line_is_no_line() {
    let scratch = Scratch::new("record-refusal");
    let (line, sides) = pair(&scratch).await;
    let done = sides[0].keeper.act(line, ask(), None, officer(None)).await.unwrap();
    let answer = Act::Answer { on: Target::Latest(done.at) };
    let refused = sides[0].keeper.act(line, answer, None, officer(None)).await;
    assert_eq!(refused, Err(ActFault::Refused(Refusal::Barred(Bar::OwnThing(done.at)))));
    let nowhere = sides[0].keeper.act(LineId([1; 16]), ask(), None, officer(None)).await;
    assert_eq!(nowhere, Err(ActFault::Refused(Refusal::UnknownLine)));
    let other = EntryRef { party: Party::Joiner, index: 99 };
    let unheard = Act::Withdraw { thing: other };
    let refused = sides[0].keeper.act(line, unheard, None, officer(None)).await;
    assert_eq!(refused, Err(ActFault::Refused(Refusal::Barred(Bar::NoSuchThing))));
}

#[tokio::test]
async fn an_index_0_that_comes_by_pairing_and_by_the_link_in_one_turn_is_no_fork() {
    let scratch = Scratch::new("record-twice");
    let (line, sides) = crate::pairs::pair(&scratch, [Vec::new(), Vec::new()]).await;
    let pushed = sides[1].keeper.published().borrow().lines[&line].recent[0].clone();
    let entry = Entry::read(&pushed.bytes).unwrap();
    let keeper = &sides[0].keeper;
    let charter = keeper.look(move |lines| lines.line(&line).unwrap().line.charter().clone()).await.unwrap();
    // Busy for a moment, so that both wait and are taken together.
    let busy = keeper.look(|_| std::thread::sleep(Duration::from_millis(300)));

    let begin = Begin { charter, me: Party::Inviter, entries: vec![entry.clone()] };
    let arrived = vec![Arrived { entry, body: None, verified_under: None }];
    let (_, begun, taken) =
        tokio::join!(busy, keeper.pairing(line, None, Some(begin)), keeper.arrived(line, arrived.clone()));
    begun.unwrap();

    assert_eq!(taken.unwrap().misconduct, None);
    assert_eq!(keeper.published().borrow().lines[&line].held[0].heads.heads[1].size, 1);
    assert_eq!(keeper.arrived(line, arrived).await.unwrap().misconduct, None);
}

#[tokio::test]
async fn what_was_noted_rings_no_more_after_a_start_either() {
    let scratch = Scratch::new("record-noted");
    let (line, sides) = pair(&scratch).await;
    let asked = sides[0].keeper.act(line, ask(), None, officer(None)).await.unwrap();
    even_out(line, &sides).await;
    let decline = Act::Decline { on: Target::Latest(asked.at), code: Code::Unstated };
    let declined = sides[1].keeper.act(line, decline, None, officer(None)).await.unwrap();
    even_out(line, &sides).await;
    let rings =
        |side: &Side| side.keeper.published().borrow().lines[&line].rings.iter().map(|r| r.at).collect::<Vec<_>>();

    let [north, south] = sides;
    let north = serve(stop(north).await);
    assert_eq!(rings(&north), [declined.at], "it rings after a start");
    north.keeper.noted(line, declined.epoch, (declined.at, None), "officer".into()).await.unwrap();
    assert_eq!(rings(&north), []);
    let north = serve(stop(north).await);

    assert_eq!(rings(&north), []);
    north.keeper.noted(line, declined.epoch, (declined.at, None), "officer".into()).await.unwrap();
    stop(north).await;
    stop(south).await;
}

fn halted(side: &Side, line: LineId) -> bool {
    side.keeper.published().borrow().lines[&line].held[0].halted.is_some()
}

#[tokio::test]
async fn a_halt_that_the_record_found_outlives_a_start() {
    let scratch = Scratch::new("record-halt");
    let (line, [north, south]) = pair(&scratch).await;
    let theirs = south.keeper.published().borrow().lines[&line].recent[0].clone();
    let mut branch = Entry::read(&theirs.bytes).unwrap().header;
    branch.time = branch.time.plus(1);
    let branch = seal(AAD_ENTRY, &branch.encode(), &Keys::load(&south.data).unwrap());
    let fork = Arrived { entry: Entry::read(&branch).unwrap(), body: None, verified_under: None };
    let taken = north.keeper.arrived(line, vec![fork]).await.unwrap();
    assert_eq!((taken.misconduct, halted(&north, line)), (Some((Misconduct::Fork, Epoch::FIRST)), true));

    let sides = [serve(stop(north).await), south];
    let before = heads(&sides[0], line).await;
    sides[1].keeper.act(line, ask(), None, officer(None)).await.unwrap();
    let pushed = sides[1].keeper.published().borrow().lines[&line].recent.clone();
    let next = Arrived { entry: Entry::read(&pushed[1].bytes).unwrap(), body: None, verified_under: None };
    let taken = sides[0].keeper.arrived(line, vec![next]).await.unwrap();

    assert_eq!((taken.misconduct, halted(&sides[0], line)), (None, true));
    assert_eq!(heads(&sides[0], line).await, before);
}

#[tokio::test]
async fn a_halt_that_the_link_found_outlives_a_start_and_a_closed_session_halts_nothing() {
    let scratch = Scratch::new("record-halt-link");
    let (line, [north, south]) = pair(&scratch).await;
    south.keeper.evidence(line, Misconduct::BadFrame, Epoch::FIRST, vec![0]);
    north.keeper.evidence(line, Misconduct::NotCanonical(None), Epoch::FIRST, vec![0]);

    let sides = [serve(stop(north).await), serve(stop(south).await)];

    assert_eq!(sides.each_ref().map(|side| halted(side, line)), [true, false]);
}

#[tokio::test]
async fn a_restored_copy_that_is_served_signs_nothing_in_its_old_epoch() {
    let scratch = Scratch::new("record-restored");
    let (line, [north, _south]) = pair(&scratch).await;
    let starter = Starter { name: "N", call_sign: "N", zone: "UTC", listen: "127.0.0.1:7411", announce: &[], desk: "" };
    write_starter(&north.data, &starter).unwrap();
    let copy = scratch.path().join("copy");
    back_up(&north.data, &copy).unwrap();

    let (original, copy) = (serve(stop(north).await), serve(copy));
    let done = original.keeper.act(line, ask(), None, officer(None)).await;
    let refused = copy.keeper.act(line, ask(), None, officer(None)).await;

    assert!(done.is_ok());
    assert_eq!(refused, Err(ActFault::Refused(Refusal::Restored)));
}

#[tokio::test]
async fn while_another_program_holds_the_database_lines_are_looked_at_and_nobody_waits_to_be_refused() {
    let scratch = Scratch::new("record-held");
    let (line, [north, _south]) = pair(&scratch).await;
    let before = north.keeper.act(line, ask(), None, officer(Some("before"))).await.unwrap();
    let held = crate::restart::hold(&north);
    let refused = ActFault::Machine(StoreError::Busy.sentence());
    // The first waits a second for it, as SQLite does.
    assert_eq!(north.keeper.act(line, ask(), None, officer(None)).await.unwrap_err(), refused);

    let many = async {
        for _ in 0..50 {
            assert_eq!(north.keeper.act(line, ask(), None, officer(None)).await.unwrap_err(), refused);
            assert_eq!(north.keeper.setting("test", Some(vec![1])).await.unwrap_err(), refused);
            assert_eq!(rung(&north, line, before.at).await, "SENT");
        }
        // What the record holds is answered from it.
        north.keeper.act(line, ask(), None, officer(Some("before"))).await.unwrap()
    };
    // Each of them a second would be a hundred.
    let again = tokio::time::timeout(Duration::from_secs(30), many).await.expect("nobody waits");
    assert!(again.repeated && again.at == before.at);

    drop(held);
    let after = north.keeper.act(line, ask(), None, officer(None)).await.unwrap();
    assert_eq!(after.at.index, before.at.index + 1, "nothing of what was refused is kept");
}

#[tokio::test]
async fn what_a_peer_broke_while_another_program_holds_the_database_is_kept_once_it_does_no_more() {
    let scratch = Scratch::new("record-broke");
    let (line, [north, _south]) = pair(&scratch).await;
    let kept = |bytes: &[u8]| {
        let store = rusqlite::Connection::open(north.data.join("counterpart.db")).unwrap();
        let count = "SELECT count(*) FROM evidence WHERE bytes = ?1";
        store.query_row(count, [bytes], |row| row.get::<_, i64>(0)).unwrap()
    };
    let held = crate::restart::hold(&north);
    let refused = ActFault::Machine(StoreError::Busy.sentence());
    // The first finds that the database is held, the second comes when that is known.
    for shown in [1, 2] {
        north.keeper.evidence(line, Misconduct::BadFrame, Epoch::FIRST, vec![shown]);
        assert_eq!(north.keeper.act(line, ask(), None, officer(None)).await.unwrap_err(), refused);
    }
    assert_eq!([kept(&[1]), kept(&[2])], [0, 0]);

    drop(held);

    north.keeper.act(line, ask(), None, officer(None)).await.unwrap();
    assert_eq!([kept(&[1]), kept(&[2])], [1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_looks_whether_all_is_in_order_while_the_station_writes_finds_its_lines_as_they_are_stored() {
    let scratch = Scratch::new("record-examined");
    let (line, [north, _south]) = pair(&scratch).await;
    let keeper = north.keeper.clone();
    let writes = tokio::spawn(async move {
        loop {
            let words = counterpart_core::act::Words { salt: [7; 16], language: "en".into(), text: "Fog".into() };
            keeper.act(line, Act::Memo, Some(words), officer(None)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });

    for _ in 0..20 {
        let data = north.data.clone();
        let look = move || examine(&data, false, counterpart::clock::Clock::system().now(), &Words::english());
        let report = tokio::task::spawn_blocking(look).await.unwrap();
        let lines: Vec<_> = report.findings.iter().filter(|finding| finding.subject == "line").collect();
        assert!(!lines.is_empty() && lines.iter().all(|finding| finding.well), "{lines:?}");
    }
    assert!(!writes.is_finished(), "it wrote all the while");
    writes.abort();
}
