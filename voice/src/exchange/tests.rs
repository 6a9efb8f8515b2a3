//! Two stations with browsers at both, in told time. A real browser is in `tests/talk`.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may stop, and needs one moment to count from"
)]

mod world;

use std::net::SocketAddr;
use std::time::Instant;

use counterpart_core::ids::Party;
use counterpart_core::record::codes::{EndReason, Part};

use super::{Event, Refusal};
use crate::call::Call;
use crate::codec::{Codec, Codecs};
use crate::leg::{Leg, Provider, Terms};
use crate::offer::OfferFault;
use crate::seat::SLOTS;
use crate::state::State;
use world::{CALLS, Page, STEP_MS, World, in_track};

/// Offers that are changed and answered.
const OFFERS: usize = 1_000;

#[test]
fn what_a_browser_sends_is_what_the_other_sides_browser_gets_and_nobody_hears_themselves() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();

    world.talk(100);

    let said = world.page_of(0, ours).said.clone();
    let heard = in_track(world.page_of(1, theirs), 3);
    assert_eq!(said.len(), 100);
    assert_eq!(heard, said);
    assert_eq!(world.page_of(1, theirs).heard.len(), 100, "in no other track");
    assert_eq!(in_track(world.page_of(0, ours), 3), world.page_of(1, theirs).said);
}

#[test]
fn who_is_held_hears_nobody_and_crosses_no_link_until_both_watches_put_through() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));

    world.talk(10);
    world.call(0).put_through(Party::Inviter, 0);
    world.signal();
    world.talk(10);
    let held = [world.stations[0].sent.len(), world.page_of(0, ours).heard.len(), world.page_of(1, theirs).heard.len()];
    world.put_through();
    world.talk(10);

    assert_eq!(held, [0, 0, 0]);
    assert_eq!(in_track(world.page_of(1, theirs), 3), world.page_of(0, ours).said[20..]);
}

#[test]
fn a_call_is_joined_once_a_voice_has_passed_both_stations_after_both_put_through_and_not_before() {
    let mut world = World::new(Codecs::all());
    world.comes(0, Part::Watch, Codec::Opus);
    world.comes(1, Part::Watch, Codec::Opus);
    world.comes(0, Part::Principal, Codec::Opus);
    let reported = |world: &mut World| {
        world.signal();
        world.call(0).joined()
    };

    world.talk(10);
    let before = reported(&mut world);
    world.put_through();
    let silent = reported(&mut world);
    world.talk(10);

    assert_eq!((before, silent), (None, None), "the watches talk, and the principal is held");
    assert_eq!(reported(&mut world), Some(Part::Principal));
}

#[test]
fn three_people_hear_each_of_the_others_once_in_a_track_of_their_own() {
    let mut world = World::new(Codecs::all());
    let ours = [Part::Principal, Part::Interpreter].map(|part| world.comes(0, part, Codec::Opus));
    let theirs = world.comes(1, Part::Principal, Codec::Opus);
    world.put_through();

    world.talk(50);

    let said = [world.page_of(0, ours[0]).said.clone(), world.page_of(0, ours[1]).said.clone()];
    let said_there = world.page_of(1, theirs).said.clone();
    let tracks = |page: &Page| (0..SLOTS).filter(|slot| !in_track(page, *slot).is_empty()).collect::<Vec<_>>();
    assert_eq!([in_track(world.page_of(1, theirs), 3), in_track(world.page_of(1, theirs), 4)], said);
    assert_eq!(tracks(world.page_of(1, theirs)), [3, 4]);
    assert_eq!(
        [in_track(world.page_of(0, ours[0]), 0), in_track(world.page_of(0, ours[0]), 3)],
        [said[1].clone(), said_there.clone()]
    );
    assert_eq!(
        [in_track(world.page_of(0, ours[1]), 0), in_track(world.page_of(0, ours[1]), 3)],
        [said[0].clone(), said_there]
    );
}

#[test]
fn a_page_that_is_loaded_anew_is_heard_in_the_same_track() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();
    world.talk(20);
    world.page_of(1, theirs).heard.clear();
    world.pass(600);

    world.page(0, ours, Codec::Opus);
    world.talk(20);

    let heard = in_track(world.page_of(1, theirs), 3);
    assert_eq!(heard, world.page_of(0, ours).said);
    assert_eq!(world.call(1).reports()[0].arrived.expected, 40, "a reload is no loss");
}

#[test]
fn a_browser_that_is_silent_is_away_and_after_twenty_seconds_gone_and_before_that_it_may_come_back() {
    let mut world = World::new(Codecs::all());
    let ours = world.comes(0, Part::Principal, Codec::Opus);
    let silent = |world: &mut World, ms: u64| {
        let pages = std::mem::take(&mut world.stations[0].pages);
        (0..ms / STEP_MS).for_each(|_| world.step());
        world.stations[0].pages = pages;
    };

    silent(&mut world, 10_000);
    world.step();
    world.talk(10);
    world.step();
    let once = std::mem::take(&mut world.stations[0].happened);
    silent(&mut world, 27_000);

    assert_eq!(once, [Event::Connected(ours), Event::Away(ours), Event::Back(ours)]);
    assert_eq!(world.stations[0].happened, [Event::Away(ours), Event::Gone(ours)]);
    assert_eq!(world.call(0).ours().count(), 0);
}

#[test]
fn who_loads_the_page_anew_and_does_not_come_is_out_after_twenty_seconds() {
    let mut world = World::new(Codecs::all());
    let ours = world.comes(0, Part::Principal, Codec::Opus);
    world.pass(600);
    let (_, offer) = Page::new(3_002, Codec::Opus, world.now);
    let now = world.now;

    world.stations[0].exchange.connect((CALLS[0], ours), &offer, [9; 24], now).unwrap();
    let soon = world.stations[0].exchange.connect((CALLS[0], ours), &offer, [9; 24], now);
    assert_eq!(soon, Err(Refusal::Offer(OfferFault::TooSoon)));
    (0..21_000 / STEP_MS).for_each(|_| world.step());

    assert_eq!(world.stations[0].happened, [Event::Connected(ours), Event::Away(ours), Event::Gone(ours)]);
}

#[test]
fn of_ten_packets_in_a_hundred_that_are_lost_the_other_ninety_arrive_and_the_loss_is_told() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();
    world.path = |crossed| crossed / 2 % 10 != 3;

    world.talk(200);

    let (said, heard) = (world.page_of(0, ours).said.len(), world.page_of(1, theirs).heard.len());
    assert_eq!((said, heard), (200, 180));
    assert_eq!((world.call(1).reports()[0].arrived.expected, world.call(1).reports()[0].arrived.received), (200, 180));
}

#[test]
fn a_side_that_knows_the_call_by_another_number_is_heard_again_in_the_same_track() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();
    world.talk(20);
    world.page_of(1, theirs).heard.clear();

    // Station 0 has begun anew: its numbers begin at 0 again, and it knows the call by another number.
    let mut anew = Call::new(Party::Inviter, Codecs::all(), Codecs::all(), CALLS[1], 0).unwrap();
    anew.let_in(Part::Principal, false, 0).unwrap();
    anew.connected(ours, 0).unwrap();
    anew.put_through(Party::Inviter, 0);
    anew.told(&world.call(1).state(CALLS[1]), 0).unwrap();
    let state = State { number: 33, ..anew.state(33) };
    *world.call(0) = anew;
    let now = world.now;
    world.stations[1].exchange.told(CALLS[1], &state, now).unwrap().unwrap();
    world.talk(20);

    assert_eq!(in_track(world.page_of(1, theirs), 3), world.page_of(0, ours).said[20..]);
    assert_eq!(world.call(1).reports()[0].arrived.expected, 20);
}

#[test]
fn a_call_that_a_side_has_ended_is_over_at_both_and_carries_nothing() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();

    world.call(1).end(EndReason::Done);
    world.signal();
    world.talk(10);

    let over = Some((Party::Joiner, EndReason::Done));
    assert_eq!([world.call(0).over(), world.call(1).over()], [over; 2]);
    assert_eq!([world.page_of(0, ours).heard.len(), world.page_of(1, theirs).heard.len()], [0, 0]);
}

#[test]
fn where_one_side_has_g711_alone_everyone_speaks_it() {
    let mut world = World::new([Codec::Pcmu].into_iter().collect());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Pcmu));
    world.put_through();

    world.talk(30);

    assert_eq!(in_track(world.page_of(1, theirs), 3), world.page_of(0, ours).said);
}

#[test]
fn a_browser_without_the_calls_codec_is_refused_before_it_is_joined() {
    let mut world = World::new(Codecs::all());
    let now = world.now;
    let number = world.call(0).let_in(Part::Principal, false, 0).unwrap();
    let (_, offer) = Page::new(3_000, Codec::Pcmu, now);

    let refused = world.stations[0].exchange.connect((CALLS[0], number), &offer, [1; 24], now);

    assert_eq!(refused, Err(Refusal::Offer(OfferFault::NoSharedCodec)));
}

#[test]
fn datagrams_of_strangers_change_nothing() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();
    let (to, now) = (world.stations[0].address, world.now);
    let page = world.page_of(0, ours).address;
    let mut chance = 88_172_645_463_325_252_u64;

    for length in 0..2_000_usize {
        let mut byte = || {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance as u8
        };
        let bytes: Vec<u8> = (0..length % 300).map(|_| byte()).collect();
        // From anywhere, and as if from the browser.
        for from in [SocketAddr::from(([127, 0, 0, 9], 9)), page] {
            world.stations[0].exchange.from_browser(from, to, &bytes, now);
        }
    }
    world.talk(20);

    assert_eq!(in_track(world.page_of(1, theirs), 3), world.page_of(0, ours).said);
}

#[test]
fn an_offer_that_is_changed_anywhere_is_answered_or_refused_and_stops_nothing() {
    let now = Instant::now();
    let (_, offer) = Page::new(3_001, Codec::Opus, now);
    let address = [SocketAddr::from(([127, 0, 0, 1], 1_000))];
    let provider = Provider::new();
    let mut chance = 0x1234_5678_9abc_def1_u64; // xorshift64
    let mut next = |below: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % below as u64) as usize
    };
    let (mut answered, mut refused) = (0, 0);

    for _ in 0..OFFERS {
        let mut lines: Vec<String> = offer.lines().map(String::from).collect();
        for _ in 0..=next(3) {
            let (at, other) = (next(lines.len()), next(lines.len()));
            match next(4) {
                0 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[other].clone()),
                2 => lines.swap(at, other),
                _ => {
                    let mut bytes = lines[at].clone().into_bytes();
                    let place = next(bytes.len().max(1));
                    bytes.splice(place..(place + next(3)).min(bytes.len()).max(place), [b"09:- /"[next(6)]]);
                    lines[at] = String::from_utf8_lossy(&bytes).into_owned();
                }
            }
        }
        let terms = Terms { codec: Codec::Opus, addresses: &address, secret: [7; 24], provider: &provider };
        match Leg::answer(&(lines.join("\r\n") + "\r\n"), &terms, now) {
            Ok(_) => answered += 1,
            Err(_) => refused += 1,
        }
    }

    assert!(answered > OFFERS / 20 && refused > OFFERS / 20, "{answered} answered, {refused} refused");
}

#[test]
fn a_browser_that_is_gone_is_not_kept_here_by_who_sends_as_if_from_it() {
    let mut world = World::new(Codecs::all());
    let ours = world.comes(0, Part::Principal, Codec::Opus);
    let (to, from) = (world.stations[0].address, world.page_of(0, ours).address);
    world.stations[0].pages.clear();
    world.stations[0].happened.clear();

    for _ in 0..30_000 / STEP_MS {
        world.step();
        let now = world.now;
        world.stations[0].exchange.from_browser(from, to, &[128, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], now);
    }

    assert_eq!(world.stations[0].happened, [Event::Away(ours), Event::Gone(ours)]);
}

#[test]
fn what_is_still_told_of_a_call_before_joins_nobody_to_the_one_that_follows_it() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Watch, Codec::Opus));
    (0..5).for_each(|_| world.talk(200));
    world.signal();
    // All of side 0 have left, and its station has closed the call; then they come again.
    let before = world.call(1).state(CALLS[1]);
    world.stations[0].pages.clear();
    world.stations[0].exchange.close(CALLS[0]);
    world.pass(600);
    let now = world.now;
    let now_ms = world.stations[0].exchange.ms(now);
    let mut anew = Call::new(Party::Inviter, Codecs::all(), before.codecs, before.number, now_ms).unwrap();
    anew.told(&before, now_ms).unwrap();
    world.stations[0].exchange.open(CALLS[0], anew).unwrap();
    assert_eq!(world.comes(0, Part::Watch, Codec::Opus), ours);
    world.put_through();
    world.page_of(1, theirs).heard.clear();

    world.talk(1);
    let stale = State { through: true, people: world.call(1).state(CALLS[1]).people, ..before };
    let now = world.now;
    world.stations[0].exchange.told(CALLS[0], &stale, now).unwrap().unwrap();
    let joined = world.call(0).joined();
    world.talk(10);

    assert_eq!(joined, None);
    assert_eq!(in_track(world.page_of(1, theirs), 3).len(), 11, "from its first packet on");
    world.signal();
    assert_eq!(world.call(0).joined(), Some(Part::Watch));
}

#[test]
fn a_packet_as_if_from_a_browser_with_another_number_silences_nobody() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();
    let (to, from, now) = (world.stations[0].address, world.page_of(0, ours).address, world.now);
    world.page_of(0, ours).speak(&[19 << 3, 7, 7], now);
    let is_sound = |bytes: &Vec<u8>| (128..192).contains(&bytes[0]) && !(64..96).contains(&(bytes[1] & 0x7f));
    let spoken = world.page_of(0, ours).outbox.iter().map(|(_, bytes)| bytes.clone()).find(is_sound).unwrap();

    // Its header can be seen on the way, and copied; what it holds need not be known.
    let forged = [&spoken[..8], &[9; 4], &spoken[12..]].concat();
    world.stations[0].exchange.from_browser(from, to, &forged, now);
    while world.carry() {}
    world.talk(50);

    assert_eq!(in_track(world.page_of(1, theirs), 3), world.page_of(0, ours).said);
}
