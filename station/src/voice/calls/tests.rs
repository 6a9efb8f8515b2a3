//! Two stations' calls, with a channel for the link and a told time; no browser. How sound passes is tried in `voice`.

use counterpart_core::ids::{EntryRef, Epoch};
use counterpart_voice::call::{Named, Room};
use counterpart_voice::leg::Provider;
use counterpart_voice::quality::Arrived;
use tokio::sync::mpsc;

use super::held::BREAKS_WITHIN_MS;
use super::*;
use crate::clock::Clock;
use crate::voice::{CallView, Standing};

mod guests;
mod through;

const LINE: LineId = LineId([7; 16]);
const OFFICERS: [PlaceKey; 2] = [[1; 32], [2; 32]];
const IN: Ask = Ask::LetIn { part: Part::Principal, listens: false };

fn talk(index: u64) -> TalkId {
    TalkId { line: LINE, epoch: Epoch::FIRST, act: EntryRef { party: Party::Joiner, index } }
}

struct Side {
    calls: Calls,
    out: mpsc::Receiver<ToPeer>,
}

/// Both stations of a line whose session is up, and a time.
struct Pair {
    sides: [Side; 2],
    now: Instant,
}

impl Pair {
    fn new() -> Pair {
        Pair::of(8)
    }

    /// Each station holds so many calls at one time.
    fn of(calls_max: usize) -> Pair {
        let now = Clock::system().moment().instant();
        let sides = [0, 1].map(|at| {
            let exchange = Exchange::new(Provider::new(), vec![], calls_max, now);
            let mut calls = Calls::new(exchange, [at as u8; 16]);
            let (link, out) = Link::bare(Party::BOTH[at as usize]);
            calls.up(LINE, 1, Some(link));
            Side { calls, out }
        });
        Pair { sides, now }
    }

    /// A person of either side is in the call.
    fn both_in() -> Pair {
        let mut pair = Pair::new();
        pair.join(0).unwrap();
        pair.pass(200);
        for at in [0, 1] {
            pair.join(at).unwrap();
            pair.pass(300);
        }
        pair
    }

    fn ask(&mut self, at: usize, ask: &Ask) -> Result<Option<Given>, Refusal> {
        self.sides[at].calls.ask((talk(1), OFFICERS[at]), ask, [0; 24], self.now)
    }

    fn join(&mut self, at: usize) -> Result<Option<Given>, Refusal> {
        self.ask(at, &IN)
    }

    /// Time passes; what each side tells reaches the other. How often each has told.
    fn pass(&mut self, ms: u64) -> [usize; 2] {
        let mut told = [0; 2];
        for _ in 0..=ms / 100 {
            self.now += Duration::from_millis(100);
            for at in [0, 1] {
                self.sides[at].calls.settle(self.now);
                while let Ok(ToPeer::State(epoch, act, state)) = self.sides[at].out.try_recv() {
                    told[at] += 1;
                    let talk = TalkId { line: LINE, epoch, act };
                    assert!(self.sides[1 - at].calls.told(talk, &state, self.now));
                }
            }
        }
        told
    }

    fn look(&mut self, at: usize) -> CallView {
        self.sides[at].calls.look(talk(1), Some(&OFFICERS[at])).unwrap()
    }
}

#[test]
fn whoever_wants_in_waits_until_the_other_side_has_told_of_the_call_and_keeps_one_place() {
    let mut pair = Pair::new();

    assert_eq!(pair.join(0), Ok(None));
    pair.pass(200);
    let seat = pair.join(0).unwrap();
    let again = pair.join(0).unwrap();
    pair.pass(200);

    assert!(matches!(seat, Some(Given::Seat(number)) if number.index() == 0));
    assert_eq!(seat, again);
    let [here, there] = [0, 1].map(|at| pair.look(at));
    assert_eq!((here.ours.len(), here.me.map(Number::index), here.standing), (1, Some(0), Standing::Open));
    assert_eq!((there.theirs.len(), there.ours.len(), there.standing), (1, 0, Standing::Empty));
}

#[test]
fn a_peer_that_is_not_there_and_one_without_calls_are_told_apart() {
    let mut pair = Pair::new();

    pair.sides[0].calls.down(LINE, 1);
    let unreached = pair.join(0);
    pair.sides[0].calls.up(LINE, 2, None);
    let older = pair.join(0);
    pair.sides[0].calls.down(LINE, 1);

    assert_eq!([unreached, older.clone()], [Err(Refusal::Unreached), Err(Refusal::Older)]);
    assert_eq!(pair.join(0), older, "the end of an old session is not that of the one that stands");
}

#[test]
fn what_has_not_changed_is_told_once_and_to_a_new_session_again() {
    let mut pair = Pair::new();
    pair.join(0).unwrap();
    pair.pass(1_000);
    pair.join(0).unwrap();
    pair.pass(1_000);

    let quiet = pair.pass(5_000);
    let (link, out) = Link::bare(Party::Inviter);
    pair.sides[0].calls.up(LINE, 2, Some(link));
    pair.sides[0].out = out;

    assert_eq!(quiet, [0, 0]);
    assert_eq!(pair.pass(1_000), [1, 0]);
}

#[test]
fn both_ends_know_alike_who_ended_it_and_nobody_is_let_in_after_it() {
    let mut pair = Pair::both_in();

    let done = pair.ask(1, &Ask::End("Duty officer".into()));
    pair.pass(300);

    assert_eq!(done, Ok(Some(Given::Done)));
    for at in [0, 1] {
        let view = pair.look(at);
        assert_eq!((view.standing, view.me), (Standing::Over(Party::Joiner, EndReason::Done), None));
        assert_eq!(pair.join(at), Err(Refusal::Over));
        assert_eq!(pair.sides[at].calls.facts, [], "nobody was heard: there is nothing to write");
    }

    // So the talk is still to come, and half a minute later its call can be begun anew.
    pair.pass(UNHEARD_KEPT_MS + 1_000);
    pair.join(0).unwrap();
    pair.pass(300);
    assert!(matches!(pair.join(0), Ok(Some(Given::Seat(_)))));
}

#[test]
fn both_put_through_is_seen_at_both_ends() {
    let mut pair = Pair::both_in();

    pair.ask(0, &Ask::Through).unwrap();
    pair.pass(300);
    let [one, other] = [0, 1].map(|at| pair.look(at));
    pair.ask(1, &Ask::Through).unwrap();
    pair.pass(300);

    assert_eq!([one.through, other.through], [[true, false], [false, true]]);
    assert!(!one.ours[0].named.on_line);
    assert!([0, 1].into_iter().all(|at| pair.look(at).through == [true; 2] && pair.look(at).ours[0].named.on_line));
}

#[test]
fn who_leaves_last_leaves_an_empty_call_that_can_be_entered_again() {
    let mut pair = Pair::new();
    pair.join(0).unwrap();
    pair.pass(200);
    pair.join(0).unwrap();

    pair.ask(0, &Ask::Leave).unwrap();
    pair.pass(COME_BACK_MS + 500);

    assert_eq!(pair.look(0).standing, Standing::Empty);
    assert_eq!(pair.ask(0, &Ask::Mute(true)), Err(Refusal::NoPlace));
    assert!(matches!(pair.join(0), Ok(Some(Given::Seat(_)))));
}

#[test]
fn more_calls_at_one_time_than_are_allowed_are_refused_and_one_that_is_left_makes_room() {
    let mut pair = Pair::of(2);
    let into = |pair: &mut Pair, index: u64| {
        let asked = pair.sides[0].calls.ask((talk(index), OFFICERS[0]), &IN, [0; 24], pair.now);
        pair.pass(300);
        asked
    };
    (1..=3).for_each(|index| assert_eq!(into(&mut pair, index), Ok(None)));

    let answers = [1, 2, 3].map(|index| into(&mut pair, index));
    let again = into(&mut pair, 2);
    pair.ask(0, &Ask::End("Duty officer".into())).unwrap();
    pair.pass(300);
    let third = into(&mut pair, 3);

    assert!(
        matches!(&answers, [Ok(Some(Given::Seat(_))), Ok(Some(Given::Seat(_))), Err(Refusal::Full)]),
        "{answers:?}"
    );
    assert!(matches!(again, Ok(Some(Given::Seat(_)))) && matches!(third, Ok(Some(Given::Seat(_)))), "{third:?}");
    assert_eq!(pair.look(0).standing, Standing::Over(Party::Inviter, EndReason::Done));
}

#[test]
fn a_peer_that_tells_of_ever_more_calls_is_not_answered_and_what_is_none_is_known_as_such() {
    let mut pair = Pair::new();
    let state = bare(9).encode();
    let calls = &mut pair.sides[0].calls;

    assert!((0..1_000).all(|index| calls.told(talk(index), &state, pair.now)));

    assert_eq!(calls.held.len(), LINE_CALLS_MAX);
    assert!(!calls.told(talk(1), &[0x80], pair.now));
    calls.packet(LINE, &[9; 20], pair.now);
    calls.settle(pair.now);
    let given: Vec<ToPeer> = std::iter::from_fn(|| pair.sides[0].out.try_recv().ok()).collect();
    let breach = Misconduct::MalformedVoice;
    assert_eq!(given.iter().filter(|what| matches!(what, ToPeer::Breach(named) if *named == breach)).count(), 1);
    assert_eq!(pair.sides[0].calls.look(talk(999), None).unwrap().breach, Some(breach));
    pair.sides[0].calls.up(LINE, 2, None);
    assert_eq!(pair.sides[0].calls.look(talk(999), None).unwrap().breach, None, "this session has broken nothing yet");
}

#[test]
fn a_call_into_which_somebody_waits_to_be_let_is_not_crowded_out_by_others_that_the_peer_tells_of() {
    let mut pair = Pair::new();
    let state = bare(9).encode();
    let crowd = |pair: &mut Pair| {
        (10..1_000).for_each(|index| assert!(pair.sides[0].calls.told(talk(index), &state, pair.now)));
    };

    assert_eq!(pair.join(0), Ok(None));
    crowd(&mut pair);
    pair.sides[0].calls.told(talk(1), &state, pair.now);
    let seat = pair.join(0);
    crowd(&mut pair);

    assert!(matches!(seat, Ok(Some(Given::Seat(_)))), "{seat:?}");
    assert_eq!(pair.look(0).standing, Standing::Open);
    let waited = TalkId { act: EntryRef { party: Party::Inviter, index: 2 }, ..talk(1) };
    let into = |calls: &mut Calls, now| calls.ask((waited, OFFICERS[1]), &IN, [0; 24], now);
    assert_eq!(into(&mut pair.sides[0].calls, pair.now), Ok(None));
    pair.now += Duration::from_millis(TOLD_WITHIN_MS);
    crowd(&mut pair);
    assert!(!pair.sides[0].calls.held.contains_key(&waited), "nobody waits any more");
}

#[test]
fn a_call_whose_line_takes_no_more_of_its_talk_breaks_off_for_both_and_whoever_joined_is_to_write_it() {
    let mut pair = Pair::both_in();
    for side in &mut pair.sides {
        // As if their voices had been heard.
        side.calls.held.get_mut(&talk(1)).unwrap().has_joined = true;
    }

    pair.sides[0].calls.carried(|_| true);
    pair.pass(300);
    let before = [0, 1].map(|at| pair.look(at).standing);
    pair.sides[1].calls.carried(|talk| talk.line != LINE);
    pair.pass(300);
    // What broke it off is in the other record a moment later.
    pair.sides[0].calls.carried(|talk| talk.line != LINE);
    pair.pass(300);

    assert_eq!(before, [Standing::Open; 2]);
    for at in [0, 1] {
        assert_eq!(pair.look(at).standing, Standing::Over(Party::Joiner, EndReason::BrokenOff));
        let said = Said::Ended(Party::Joiner, EndReason::BrokenOff);
        assert_eq!(pair.sides[at].calls.facts, [Fact { talk: talk(1), said, user: None }]);
    }
}

#[test]
fn whoever_is_only_named_by_the_other_side_has_not_come() {
    let mut pair = Pair::both_in();
    let view = pair.look(0);
    let heard = |here: bool, received: u64| {
        let mut view = view.clone();
        let one = &mut view.theirs[0];
        one.named.here = here;
        one.arrived = Some(Arrived { expected: 9, received, jitter_us: 0 });
        view.has_come()
    };

    assert_eq!((view.theirs.len(), view.has_come()), (1, false));
    assert_eq!([heard(true, 0), heard(false, 9), heard(true, 9)], [false, false, true]);
}

#[test]
fn how_a_call_ended_is_not_taken_from_the_other_side_where_this_one_knows_better() {
    let theirs = |over, people: Vec<(Number, Named)>| State { over: Some(over), people, ..bare(7) };
    let there = Named { part: Part::Watch, listens: false, muted: false, on_line: true, here: true };
    let nobody_there = vec![(Number::new(0).unwrap(), Named { here: false, ..there })];
    let there = vec![(Number::new(0).unwrap(), there)];

    // The line goes on; their people are there; or it is as they say.
    for (state, after_ms, reason) in [
        (theirs(EndReason::BrokenOff, there.clone()), BREAKS_WITHIN_MS, EndReason::Done),
        (theirs(EndReason::Lost, there), 0, EndReason::Done),
        (theirs(EndReason::Lost, nobody_there), 0, EndReason::Lost),
    ] {
        let mut pair = Pair::both_in();
        let calls = &mut pair.sides[0].calls;
        calls.held.get_mut(&talk(1)).unwrap().has_joined = true;
        assert!(calls.told(talk(1), &state.encode(), pair.now));
        for ms in [0, after_ms.saturating_sub(1)] {
            calls.settle(pair.now + Duration::from_millis(ms));
            assert_eq!(calls.facts.is_empty(), after_ms > 0);
        }
        calls.settle(pair.now + Duration::from_millis(after_ms));

        let said = Said::Ended(Party::Joiner, reason);
        assert_eq!(calls.facts, [Fact { talk: talk(1), said, user: None }]);
    }
}

#[test]
fn one_of_ours_is_moved_from_room_to_room_and_the_other_side_sees_only_whether_they_are_on_the_line() {
    let mut pair = Pair::both_in();
    [0, 1].into_iter().for_each(|at| drop(pair.ask(at, &Ask::Through).unwrap()));
    pair.pass(300);
    let number = Number::new(0).unwrap();

    let seen = [Room::Aside, Room::Line, Room::Hold].map(|room| {
        pair.ask(0, &Ask::Move(number, room)).unwrap();
        pair.pass(300);
        (pair.look(0).ours[0].room, pair.look(1).theirs[0].room, pair.look(1).theirs[0].named.on_line)
    });

    let rooms = [(Room::Aside, false), (Room::Line, true), (Room::Hold, false)];
    assert_eq!(seen, rooms.map(|(room, on_line)| (Some(room), None, on_line)));
    assert_eq!(pair.ask(0, &Ask::Move(Number::new(3).unwrap(), Room::Line)), Err(Refusal::NoPlace));
}

#[test]
fn a_call_that_one_side_has_forgotten_is_told_anew_and_one_that_is_over_there_alone_is_so_until_it_is_forgotten_too() {
    let mut pair = Pair::new();
    pair.join(0).unwrap();
    pair.pass(300);

    pair.sides[0].calls.held.clear();
    assert_eq!(pair.join(0), Ok(None));
    pair.pass(300);
    for at in [0, 1] {
        assert!(matches!(pair.join(at), Ok(Some(Given::Seat(_)))));
        pair.pass(300);
    }
    pair.ask(1, &Ask::End("Duty officer".into())).unwrap();
    pair.pass(300);

    pair.sides[0].calls.held.clear();
    let answers = [0; 2].map(|_| {
        let answer = pair.join(0);
        pair.pass(300);
        answer
    });
    pair.sides[1].calls.held.clear();
    pair.pass(TOLD_WITHIN_MS);
    let later = pair.join(0);
    pair.pass(300);

    assert_eq!((answers, later), ([Ok(None), Err(Refusal::Over)], Ok(None)));
    assert!(matches!(pair.join(0), Ok(Some(Given::Seat(_)))));
}

#[test]
fn a_peer_whose_call_has_another_number_each_time_is_answered_no_more_often_than_others() {
    let mut pair = Pair::both_in();
    let mut answered = 0;
    for number in 0..200 {
        pair.now += Duration::from_millis(10);
        let side = &mut pair.sides[0];
        assert!(side.calls.told(talk(1), &bare(number).encode(), pair.now));
        side.calls.settle(pair.now);
        answered += std::iter::from_fn(|| side.out.try_recv().ok()).count();
    }

    assert!((10..=21).contains(&answered), "{answered} in two seconds");
}

/// One side's station is killed in the call and starts anew, with what its record says: it joined.
fn killed(pair: &mut Pair, at: usize) {
    let calls = Calls::new(Exchange::new(Provider::new(), vec![], 8, pair.now), [5; 16]);
    let me = Party::BOTH[at];
    pair.sides[at].calls = calls;
    pair.sides[at].calls.left([(talk(1), me)].into_iter());
    pair.sides[1 - at].calls.down(LINE, 1);
}

/// The session of both is up again.
fn meet(pair: &mut Pair) {
    for (side, me) in pair.sides.iter_mut().zip(Party::BOTH) {
        let (link, out) = Link::bare(me);
        side.calls.up(LINE, 2, Some(link));
        side.out = out;
    }
}

/// Both in a call that they have joined, as their records say.
fn joined() -> Pair {
    let mut pair = Pair::both_in();
    let now = pair.now;
    for side in &mut pair.sides {
        let held = side.calls.held.get_mut(&talk(1)).unwrap();
        held.has_joined = true;
        let (number, now_ms) = (held.number, side.calls.exchange.ms(now));
        let call = side.calls.exchange.call(number).unwrap();
        call.connected(Number::new(0).unwrap(), now_ms).unwrap();
    }
    pair
}

#[test]
fn a_talk_in_which_the_station_was_killed_is_ended_once_for_both_if_nobody_comes_back_once_somebody_can() {
    let mut pair = joined();
    killed(&mut pair, 0);

    pair.pass(2 * COME_BACK_MS);
    let before = (pair.sides[0].calls.facts.len(), pair.look(1).standing);
    meet(&mut pair);
    pair.pass(COME_BACK_MS - 1_000);
    let within = pair.sides[0].calls.facts.len();
    pair.pass(2_000);
    let facts = [0, 1].map(|at| pair.sides[at].calls.facts.clone());
    pair.pass(COME_BACK_MS);

    assert_eq!((before, within), ((0, Standing::Open), 0), "nobody can come back while the other station is not there");
    let ended = Fact { talk: talk(1), said: Said::Ended(Party::Inviter, EndReason::Lost), user: None };
    assert_eq!(facts, [vec![ended.clone()], vec![ended]]);
    assert!([0, 1].into_iter().all(|at| pair.sides[at].calls.facts.len() == 1), "once");
    let over = Standing::Over(Party::Inviter, EndReason::Lost);
    assert_eq!([0, 1].map(|at| pair.look(at).standing), [over; 2]);
}

#[test]
fn into_a_call_whose_station_was_killed_people_come_back_and_it_is_joined_as_before() {
    let mut pair = joined();
    killed(&mut pair, 0);
    meet(&mut pair);
    pair.pass(1_000);

    let seat = pair.join(0);
    pair.pass(1_000);

    assert!(matches!(seat, Ok(Some(Given::Seat(_)))), "{seat:?}");
    let calls = &pair.sides[0].calls;
    assert!(calls.left.is_empty() && calls.held[&talk(1)].has_joined && calls.facts.is_empty());
}

#[test]
fn of_a_talk_that_the_other_side_has_ended_meanwhile_that_is_what_is_written() {
    let mut pair = joined();
    killed(&mut pair, 0);
    pair.ask(1, &Ask::End("Duty officer".into())).unwrap();
    pair.pass(1_000);
    meet(&mut pair);

    pair.pass(COME_BACK_MS + 1_000);

    let ended = Fact { talk: talk(1), said: Said::Ended(Party::Joiner, EndReason::Done), user: None };
    assert_eq!(pair.sides[0].calls.facts, [ended]);
}
