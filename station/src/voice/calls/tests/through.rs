//! What is said of putting through, and of a browser that cannot be heard.

use super::*;

#[test]
fn what_the_other_side_tells_later_of_putting_through_is_shown_only_where_ours_are_held_for_it() {
    let mut pair = Pair::both_in();
    [0, 1].into_iter().for_each(|at| drop(pair.ask(at, &Ask::Through).unwrap()));
    pair.pass(300);
    let told = |pair: &mut Pair, change: fn(&mut State)| {
        let mut state = pair.sides[0].calls.held[&talk(1)].theirs.clone().unwrap();
        change(&mut state);
        assert!(pair.sides[0].calls.told(talk(1), &state.encode(), pair.now));
        pair.sides[0].calls.settle(pair.now);
        let look = pair.look(0);
        (look.through, look.ours[0].room, look.through_since.is_some())
    };

    let taken_back = told(&mut pair, |state| state.through = false);
    let anew = told(&mut pair, |state| state.number = state.number.wrapping_add(1));
    let early = pair.ask(0, &Ask::Move(Number::all().next().unwrap(), Room::Line));
    let again = told(&mut pair, |state| state.through = true);

    assert_eq!(taken_back, ([true, true], Some(Room::Line), true), "the voice goes on, and so does what is said of it");
    assert_eq!(anew, ([true, false], Some(Room::Hold), false));
    assert_eq!(early, Err(Refusal::NotThrough));
    assert_eq!(again, ([true, true], Some(Room::Line), true));
}

#[test]
fn whose_browser_has_no_way_of_encoding_that_the_call_has_is_told_so_and_has_no_place() {
    let mut pair = Pair::both_in();
    let offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 9\r\na=mid:0\r\na=sendonly\r\na=rtpmap:9 G722/8000\r\n";

    let refused = pair.ask(0, &Ask::Offer(offer.into()));
    let unread = pair.ask(1, &Ask::Offer("v=0".into()));

    assert_eq!((refused, unread), (Err(Refusal::Offer("codec")), Err(Refusal::Offer("unreadable"))));
    assert_eq!([0, 1].map(|at| pair.look(at).me.is_some()), [false, true]);
}

#[test]
fn that_they_came_is_known_after_their_call_is_forgotten() {
    let mut pair = Pair::both_in();
    let before = pair.look(0).has_come();
    pair.sides[0].calls.held.get_mut(&talk(1)).unwrap().has_met = true;
    pair.ask(0, &Ask::End("Duty officer".into())).unwrap();

    pair.pass(UNHEARD_KEPT_MS + 1_000);
    let forgotten = (pair.sides[0].calls.held.is_empty(), pair.look(0).has_come());
    pair.join(0).unwrap();

    assert_eq!((before, forgotten), (false, (true, true)));
    assert!(pair.look(0).has_come(), "nor does a call that is begun anew take it back");
    assert_eq!(pair.sides[1].calls.look(talk(2), None), None);
}

#[test]
fn the_time_to_come_back_runs_from_the_last_time_that_the_other_station_is_there() {
    let mut pair = joined();
    killed(&mut pair, 0);
    meet(&mut pair);
    pair.pass(COME_BACK_MS - 2_000);
    pair.sides.iter_mut().for_each(|side| side.calls.down(LINE, 2));
    pair.pass(COME_BACK_MS);
    meet(&mut pair);
    pair.pass(COME_BACK_MS - 2_000);
    let within = pair.sides[0].calls.facts.len();
    pair.pass(3_000);

    assert_eq!([within, pair.sides[0].calls.facts.len()], [0, 1]);
}
