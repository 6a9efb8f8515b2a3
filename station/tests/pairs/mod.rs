//! Two stations that hold one charter, for tests: real keys, real stores, real record threads.

#![allow(dead_code, clippy::unwrap_used, reason = "each test program uses its part; tests fail by panicking")]

use counterpart::clock::Clock;
use counterpart::keys::Keys;
use counterpart::record::{Begin, Keeper, start};
use counterpart::store::{Actor, Store};
use counterpart_core::act::Act;
use counterpart_core::ids::{EntryRef, LineId, Party, PostId};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::turn::Given;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::charter::{self, Charter, PartyTerms, PostTerms};
use counterpart_core::record::codes::Mode;
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{AAD_CHARTER, Sign, Strict, to_be_signed};
use counterpart_core::time::Timestamp;
use std::path::PathBuf;

use super::scratch::Scratch;

pub struct Side {
    pub data: PathBuf,
    pub keeper: Keeper,
    pub thread: std::thread::JoinHandle<()>,
}

pub fn post(id: &str) -> PostId {
    PostId::parse(id).unwrap()
}

pub fn terms(name: &str, keys: &Keys, addresses: Vec<String>) -> PartyTerms {
    let public = keys.public();
    PartyTerms {
        name: name.into(),
        call_sign: name.into(),
        keys: charter::Keys { root: public.root, station: public.station, link: public.link, word: public.word },
        languages: vec!["en".into()],
        addresses,
        posts: vec![PostTerms { id: post("minister"), highest: Precedence::Flash, night: true }],
        zone: "Europe/Oslo".into(),
    }
}

/// Two stations that hold one charter, each with a record thread of its own; each has written and taken index 0.
pub async fn pair(scratch: &Scratch, addresses: [Vec<String>; 2]) -> (LineId, [Side; 2]) {
    let dirs = ["north", "south"].map(|name| {
        let data = scratch.path().join(name);
        std::fs::create_dir(&data).unwrap();
        Keys::generate(&data, &scratch.path().join(format!("{name}.root-key"))).unwrap();
        Store::create(&data).unwrap();
        data
    });
    let (line, sides) = (LineId([9; 16]), dirs.map(serve));
    begin(line, &sides, addresses).await;
    (line, sides)
}

/// Begins a line between them: each writes and takes index 0.
pub async fn begin(line: LineId, sides: &[Side; 2], addresses: [Vec<String>; 2]) {
    let keys = sides.each_ref().map(|side| Keys::load(&side.data).unwrap());
    let [north, south] = addresses;
    let charter = Charter::of(line, [terms("Northland", &keys[0], north), terms("Southland", &keys[1], south)]);
    let message = to_be_signed(AAD_CHARTER, &charter.encode());
    let signatures = keys.each_ref().map(|k| Sign::sign(k, &message));
    let opening = Opening::Paired { charter: charter.encode(), signatures };
    for (side, me) in sides.iter().zip(Party::BOTH) {
        let entries = vec![first(&charter, me, &keys[me.slot()], &opening)];
        side.keeper.pairing(line, None, Some(Begin { charter: charter.clone(), me, entries })).await.unwrap();
    }
}

/// Index 0, as pairing would write it.
pub fn first(charter: &Charter, me: Party, keys: &Keys, opening: &Opening) -> Entry {
    let given = Given {
        now: Timestamp(Clock::system().now()),
        conduct: Conduct { even: true, steady_ms: 0, mark: Mark::Exercise },
        monotonic_ms: 0,
        sign: keys,
        verify: &Strict,
        stored: &|_, _| None,
    };
    Line::new(charter.clone(), me).open(opening, &given).unwrap().entry
}

pub fn serve(data: PathBuf) -> Side {
    let keys = Keys::load(&data).unwrap();
    let started = start(Store::open(&data).unwrap(), keys, Clock::system(), Mark::Exercise).unwrap();
    Side { data, keeper: started.keeper, thread: started.thread }
}

pub async fn stop(side: Side) -> PathBuf {
    side.keeper.stop();
    side.thread.join().unwrap();
    side.data
}

pub fn ask() -> Act {
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

pub fn officer(token: Option<&str>) -> Actor {
    Actor { user: "officer".into(), token: token.map(str::to_owned), command: None }
}

pub async fn rung(side: &Side, line: LineId, at: EntryRef) -> String {
    side.keeper
        .look(move |lines| {
            let view = lines.line(&line).unwrap().line.facts().all();
            view.reached(view.fact(at).unwrap()).rung.word().to_owned()
        })
        .await
        .unwrap()
}

pub async fn heads(side: &Side, line: LineId) -> Vec<(u64, [u8; 32])> {
    let heads = side.keeper.published().borrow().lines[&line].held[0].heads.heads;
    heads.map(|h| (h.size, h.root)).to_vec()
}
