//! Who is let in by a link.

use super::*;
use crate::people::LINK_MS;
use crate::voice::{GuestView, Stage};

const LINK: PlaceKey = [7; 32];
const PLACE: PlaceKey = [8; 32];

fn number(of: u8) -> Number {
    Number::new(of).unwrap()
}

impl Pair {
    /// Somebody with this place, or link, asks.
    fn asks(&mut self, place: PlaceKey, ask: &Ask) -> Result<Option<Given>, Refusal> {
        self.sides[0].calls.ask((talk(1), place), ask, [0; 24], self.now)
    }

    fn invite(&mut self, link: PlaceKey) -> Result<Option<Given>, Refusal> {
        self.asks(OFFICERS[0], &Ask::Invite(link, Part::Interpreter))
    }

    fn guest(&self, key: PlaceKey) -> Option<GuestView> {
        self.sides[0].calls.guest(&key, self.now)
    }

    fn gone(&self) -> Option<Gone> {
        match self.guest(PLACE)?.stage {
            Stage::Gone(why) => Some(why),
            Stage::Link(_) | Stage::Place => None,
        }
    }

    /// A guest has a place, and is in the call by it as the second of ours.
    fn with_guest() -> Pair {
        let mut pair = Pair::both_in();
        pair.invite(LINK).unwrap();
        pair.asks(PLACE, &Ask::Take(LINK)).unwrap();
        assert_eq!(pair.asks(PLACE, &Ask::Come), Ok(Some(Given::Seat(number(1)))));
        pair
    }
}

#[test]
fn a_link_serves_once_and_who_has_taken_it_comes_in_the_part_that_was_given_and_is_held_though_both_are_through() {
    let mut pair = Pair::both_in();
    for at in [0, 1] {
        pair.ask(at, &Ask::Through).unwrap();
    }
    pair.pass(300);

    let before = (pair.asks(LINK, &Ask::Come), pair.asks(PLACE, &Ask::Take(LINK)));
    pair.invite(LINK).unwrap();
    let by_link = pair.asks(LINK, &Ask::Come);
    let waits = pair.look(0).waiting;
    let taken = [PLACE, [9; 32]].map(|place| pair.asks(place, &Ask::Take(LINK)));
    let taken_waits = pair.look(0).waiting;
    let come = [(); 2].map(|()| pair.asks(PLACE, &Ask::Come));

    assert_eq!(before, (Err(Refusal::NoPlace), Err(Refusal::NoPlace)));
    assert_eq!(by_link, Err(Refusal::NoPlace));
    assert_eq!(taken, [Ok(Some(Given::Done)), Err(Refusal::NoPlace)]);
    assert_eq!((pair.guest(LINK), pair.guest(PLACE).unwrap().stage), (None, Stage::Place));
    assert!(waits[0].until.is_some() && taken_waits[0].until.is_none() && (waits.len(), taken_waits.len()) == (1, 1));
    assert_eq!(come, [(); 2].map(|()| Ok(Some(Given::Seat(number(1))))));
    let view = pair.look(0);
    assert_eq!((view.ours[1].named.part, view.ours[1].room), (Part::Interpreter, Some(Room::Hold)));
    assert_eq!((view.ours[0].room, view.waiting), (Some(Room::Line), vec![]));
    pair.asks(OFFICERS[0], &Ask::Move(number(1), Room::Line)).unwrap();
    pair.asks(PLACE, &Ask::Come).unwrap();
    assert_eq!(pair.look(0).ours[1].room, Some(Room::Line), "who is in is not moved by coming again");
}

#[test]
fn a_link_serves_for_ten_minutes_and_four_wait_at_most_of_which_each_can_be_taken_back() {
    let mut pair = Pair::both_in();
    let links: Vec<PlaceKey> = (20..24).map(|of| [of; 32]).collect();
    links.iter().for_each(|link| drop(pair.invite(*link).unwrap()));
    pair.asks(PLACE, &Ask::Take(links[0])).unwrap();

    let full = pair.invite(LINK);
    let numbers: Vec<u32> = pair.look(0).waiting.iter().map(|waiting| waiting.number).collect();
    let back = [numbers[0], numbers[1], numbers[1]].map(|of| pair.asks(OFFICERS[0], &Ask::TakeBack(of)));

    assert_eq!((full, numbers.len()), (Err(Refusal::Links), 4));
    assert_eq!(back, [Ok(Some(Given::Done)), Ok(Some(Given::Done)), Err(Refusal::NoPlace)]);
    assert_eq!((pair.gone(), pair.guest(links[1])), (Some(Gone::Removed), None));
    assert_eq!(pair.asks(PLACE, &Ask::Come), Err(Refusal::NoPlace));

    let now = pair.now;
    let seen = |pair: &Pair, ms| pair.sides[0].calls.guest(&links[2], now + Duration::from_millis(ms)).is_some();
    assert_eq!([seen(&pair, LINK_MS - 1), seen(&pair, LINK_MS)], [true, false]);
    pair.now += Duration::from_millis(LINK_MS);
    assert_eq!(pair.asks([9; 32], &Ask::Take(links[2])), Err(Refusal::NoPlace));
}

#[test]
fn a_place_ends_when_the_watch_takes_its_person_out_when_they_leave_when_they_are_away_and_with_the_call() {
    let end = |ask: Ask, by: PlaceKey| {
        let mut pair = Pair::with_guest();
        pair.asks(by, &ask).unwrap();
        pair.pass(300);
        assert_eq!(pair.asks(PLACE, &Ask::Come), Err(Refusal::NoPlace));
        pair.gone()
    };
    let removed = end(Ask::Remove(number(1)), OFFICERS[0]);
    let left = end(Ask::Leave, PLACE);
    let over = end(Ask::End("Duty officer".into()), OFFICERS[0]);
    let mut pair = Pair::with_guest();
    let still = pair.gone();
    pair.pass(COME_BACK_MS + 500);

    assert_eq!([removed, left, over], [Gone::Removed, Gone::Left, Gone::Over].map(Some));
    assert_eq!((still, pair.gone()), (None, Some(Gone::Away)), "their page never came");
    assert_eq!(pair.invite([30; 32]), Err(Refusal::NoPlace), "nobody is in the call any more");
}

#[test]
fn since_when_both_sides_are_through_is_known_from_when_the_second_is() {
    let mut pair = Pair::both_in();

    pair.ask(0, &Ask::Through).unwrap();
    pair.pass(1_000);
    let before = pair.look(0).through_since;
    pair.ask(1, &Ask::Through).unwrap();
    let second = pair.now;
    pair.pass(1_000);
    let [since, there] = [0, 1].map(|at| pair.look(at).through_since.unwrap());
    pair.pass(1_000);

    assert_eq!((before, pair.look(0).through_since), (None, Some(since)));
    assert!(since >= second && there >= second && since <= second + Duration::from_millis(400));
    pair.ask(0, &Ask::End("Duty officer".into())).unwrap();
    pair.pass(300);
    assert_eq!(pair.look(0).through_since, None);
}
