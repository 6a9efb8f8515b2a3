//! The record thread with a real store: what is answered is committed, and a new start finds it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod scratch;

use counterpart::clock::Clock;
use counterpart::keys::Keys;
use counterpart::record::{ActFault, Begin, Keeper, start};
use counterpart::store::{Actor, Store};
use counterpart_core::act::{Act, Target};
use counterpart_core::fault::{Bar, Refusal};
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party, PostId};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::turn::{Arrived, Given};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::charter::{self, Charter, Checks, PartyTerms, PostTerms};
use counterpart_core::record::codes::{Code, Mode};
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{AAD_CHARTER, Sign, to_be_signed};
use counterpart_core::time::Timestamp;
use scratch::Scratch;
use std::path::PathBuf;

struct Side {
    data: PathBuf,
    keeper: Keeper,
    thread: std::thread::JoinHandle<()>,
}

fn post(id: &str) -> PostId {
    PostId::parse(id).unwrap()
}

fn terms(name: &str, keys: &Keys) -> PartyTerms {
    let public = keys.public();
    PartyTerms {
        name: name.into(),
        call_sign: name.into(),
        keys: charter::Keys { root: public.root, station: public.station, link: public.link, word: public.word },
        languages: vec!["en".into()],
        addresses: Vec::new(),
        posts: vec![PostTerms { id: post("minister"), highest: Precedence::Flash, night: true }],
    }
}

/// Two stations that hold one charter, each with a record thread of its own; each has written and taken index 0.
async fn pair(scratch: &Scratch) -> (LineId, [Side; 2]) {
    let dirs = ["north", "south"].map(|name| {
        let data = scratch.path().join(name);
        std::fs::create_dir(&data).unwrap();
        Keys::generate(&data, &scratch.path().join(format!("{name}.root-key"))).unwrap();
        Store::create(&data).unwrap();
        data
    });
    let keys = dirs.each_ref().map(|data| Keys::load(data).unwrap());
    let line = LineId([9; 16]);
    let charter = Charter {
        version: charter::RULES_VERSION,
        line,
        parties: [terms("Northland", &keys[0]), terms("Southland", &keys[1])],
        station_s: 60,
        watch_s: [28_800, 3_600, 900, 300],
        principal_s: 172_800,
        pacing_s: [0; 4],
        checks: Checks::Every(0),
        deniable: false,
        grace_s: 60,
        public: Vec::new(),
        witnesses: Vec::new(),
        relays: Vec::new(),
        recall_s: 900,
        unknown: Vec::new(),
    };
    let message = to_be_signed(AAD_CHARTER, &charter.encode());
    let signatures = keys.each_ref().map(|k| Sign::sign(k, &message));
    let opening = Opening::Paired { charter: charter.encode(), signatures };
    let sides = dirs.map(serve);
    for (side, me) in sides.iter().zip(Party::BOTH) {
        let entries = vec![first(&charter, me, &keys[me.slot()], &opening)];
        side.keeper.pairing(line, None, Some(Begin { charter: charter.clone(), me, entries })).await.unwrap();
    }
    even_out(line, &sides).await;
    (line, sides)
}

/// Index 0, as pairing would write it.
fn first(charter: &Charter, me: Party, keys: &Keys, opening: &Opening) -> Entry {
    let given = Given {
        now: Timestamp(Clock::system().now()),
        conduct: Conduct { even: true, steady_ms: 0, mark: Mark::Exercise },
        monotonic_ms: 0,
        sign: keys,
        stored: &|_, _| None,
    };
    Line::new(charter.clone(), me).open(opening, &given).unwrap().entry
}

fn serve(data: PathBuf) -> Side {
    let keys = Keys::load(&data).unwrap();
    let started = start(Store::open(&data).unwrap(), keys, Clock::system(), Mark::Exercise).unwrap();
    Side { data, keeper: started.keeper, thread: started.thread }
}

async fn stop(side: Side) -> PathBuf {
    side.keeper.stop();
    side.thread.join().unwrap();
    side.data
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

fn ask() -> Act {
    Act::Ask {
        from: post("minister"),
        to: post("minister"),
        precedence: Precedence::Priority,
        mark: Mark::Exercise,
        mode: Mode::Voice,
        private: false,
        valid_until: None,
        again: None,
    }
}

fn officer(token: Option<&str>) -> Actor {
    Actor { user: "officer".into(), token: token.map(str::to_owned) }
}

async fn rung(side: &Side, line: LineId, at: EntryRef) -> String {
    side.keeper
        .look(move |lines| {
            let view = lines.line(&line).unwrap().line.facts().all();
            view.reached(view.fact(at).unwrap()).rung.word().to_owned()
        })
        .await
        .unwrap()
}

async fn heads(side: &Side, line: LineId) -> Vec<(u64, [u8; 32])> {
    let heads = side.keeper.published().borrow().lines[&line].held[0].heads.heads;
    heads.map(|h| (h.size, h.root)).to_vec()
}

#[tokio::test]
async fn an_ask_is_delivered_when_the_receipt_has_come_and_both_hold_the_same_heads() {
    let scratch = Scratch::new("record-delivered");
    let (line, sides) = pair(&scratch).await;
    let done = sides[0].keeper.act(line, ask(), None, officer(None)).await.unwrap();
    assert_eq!(rung(&sides[0], line, done.at).await, "SENT");

    even_out(line, &sides).await;
    let mut published = sides[1].keeper.published();
    let receipt = published.wait_for(|p| p.lines[&line].held[0].heads.heads[1].size == 2);
    tokio::time::timeout(std::time::Duration::from_secs(5), receipt).await.expect("a receipt within 250 ms").unwrap();
    even_out(line, &sides).await;

    assert_eq!(rung(&sides[0], line, done.at).await, "DELIVERED");
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

    let [north, south] = sides;
    let before = heads(&north, line).await;
    let north = serve(stop(north).await);
    assert_eq!(heads(&north, line).await, before);
    assert_eq!(rung(&north, line, done.at).await, "SEEN");
    let again = north.keeper.act(line, ask(), None, officer(Some("t-1"))).await.unwrap();
    assert_eq!((again.at, again.repeated, again.epoch), (done.at, true, Epoch::FIRST));
    assert_eq!(heads(&north, line).await, before);
    stop(south).await;
    stop(north).await;
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
