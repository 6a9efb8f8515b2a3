//! An epoch of ours that the peer let pass, and joins when it likes: that closes nothing any more, and what was settled stays.

use counterpart_core::act::{Act, Target};
use counterpart_core::ids::{EntryRef, Epoch};
use counterpart_core::line::epoch::Ended;
use counterpart_core::line::restore::Word;
use counterpart_core::line::turn::{Answer, Input};
use counterpart_core::record::codes::OnSilence;
use counterpart_core::record::entry::Head;
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::what::{Offered, What};
use counterpart_core::time::{Timestamp, Window};

use crate::meeting::World;
use crate::rig::{NORTH, SOUTH, Station, Verdict, head_of};

const HOUR: u64 = 3_600_000;

fn heads(station: &Station, epoch: Epoch) -> EpochHeads {
    station.line.span(epoch).unwrap().heads()
}

/// What South, which lies, signs to join an epoch, naming this.
fn joins(south: &Station, epoch: Epoch, heads: Vec<EpochHeads>) -> Entry {
    let what = What::Charter(Opening::Joined { heads, restored: false }.write());
    south.signed(1, (epoch, Head::empty()), 1, what)
}

/// What South opens, naming this.
fn opens(south: &Station, heads: Vec<EpochHeads>) -> Entry {
    let keys = [4, 5, 6].map(|number| *south.public(number).as_bytes());
    let epoch = Epoch { number: 2, id: [9; 8] };
    south.signed(0, (epoch, Head::empty()), 1, What::Charter(Opening::Opened { keys, heads }.write()))
}

/// What became of an ask in the first epoch, and whether that is settled; the same after a start.
fn reads(station: &Station, ask: EntryRef) -> (&'static str, Option<Ended>) {
    let of = |station: &Station| {
        (station.outcome(Epoch::FIRST, ask), station.line.look(Epoch::FIRST).unwrap().ended(), station.line.awaited())
    };
    let mut started = station.clone();
    started.killed();
    assert_eq!(of(station), of(&started));
    let (outcome, ended, _) = of(station);
    (outcome, ended)
}

/// North asked and opened two epochs, of which South has learnt nothing; the declining that South writes late of the first; what North
/// held when it opened.
struct Passed {
    north: Station,
    south: Station,
    ask: EntryRef,
    late: Input,
    held: Vec<EpochHeads>,
    epochs: [Epoch; 2],
}

fn passed() -> Passed {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let one = world.north.opens(4, Word::Dark).unwrap();
    let two = world.north.opens(7, Word::Dark).unwrap();
    let held = [Epoch::FIRST, one].map(|epoch| heads(&world.north, epoch)).to_vec();
    let size = world.south.size(Epoch::FIRST, SOUTH);
    world.south.declines(ask);
    let late = world.south.sends(Epoch::FIRST, SOUTH, size);
    Passed { north: world.north, south: world.south, ask, late, held, epochs: [one, two] }
}

impl Passed {
    /// What joins the lower of the two and names the late declining.
    fn joins_lower(&self) -> Entry {
        let mut first = self.held[0];
        first.heads[SOUTH.slot()] = heads(&self.south, Epoch::FIRST).of(SOUTH);
        joins(&self.south, self.epochs[0], vec![first])
    }

    /// What joins the upper, and names of the lower of its author's own log this head.
    fn joins_upper(&self, own: Head) -> Entry {
        let mut held = self.held.clone();
        held[1].heads[SOUTH.slot()] = own;
        joins(&self.south, self.epochs[1], held)
    }

    fn takes(&mut self, entry: &Entry) {
        self.north.takes(entry);
    }

    fn comes_late(&mut self) {
        let answers = self.north.turn(vec![self.late.clone()]);
        assert!(matches!(answers[..], [Answer::Written(_)]), "{answers:?}");
    }
}

#[test]
fn what_joins_an_epoch_that_its_author_let_pass_changes_nothing_that_was_settled() {
    let mut passed = passed();
    passed.takes(&passed.joins_upper(Head::empty()));
    assert_eq!(reads(&passed.north, passed.ask), ("BROKEN OFF", Some(Ended::Settled)));

    passed.comes_late();
    passed.takes(&passed.joins_lower());

    assert_eq!(reads(&passed.north, passed.ask), ("BROKEN OFF", Some(Ended::Settled)));
    assert!(passed.north.writes().is_ok());
}

#[test]
fn what_joins_an_epoch_below_the_serving_one_settles_nothing_before_its_author_has_joined_that_too() {
    let mut passed = passed();
    passed.comes_late();
    passed.takes(&passed.joins_lower());
    assert_eq!(reads(&passed.north, passed.ask), ("DECLINED", Some(Ended::Unsettled)));

    let mut named = passed.north.clone();
    named.takes(&passed.joins_upper(head_of([&passed.joins_lower()])));
    passed.takes(&passed.joins_upper(Head::empty()));

    assert_eq!(reads(&named, passed.ask), ("DECLINED", Some(Ended::Settled)));
    assert_eq!(reads(&passed.north, passed.ask), ("BROKEN OFF", Some(Ended::Settled)));
}

#[test]
fn a_joining_that_is_named_and_kept_back_keeps_what_it_would_close_unsettled_and_no_other_can_take_its_place() {
    let mut passed = passed();
    let joining = passed.joins_lower();
    passed.takes(&passed.joins_upper(head_of([&joining])));
    passed.comes_late();
    assert_eq!(reads(&passed.north, passed.ask), ("BROKEN OFF", Some(Ended::Unsettled)));
    let awaited: Vec<_> = passed.north.line.awaited().iter().map(|a| (a.epoch, a.of, a.by, a.to)).collect();
    assert_eq!(awaited, [(passed.epochs[0], SOUTH, SOUTH, 1)]);

    let mut other = passed.north.clone();
    let mut first = passed.held[0];
    first.heads[SOUTH.slot()] = Head::empty();
    other.takes(&joins(&passed.south, passed.epochs[0], vec![first]));
    passed.north.takes(&joining);

    assert_eq!(reads(&other, passed.ask), ("BROKEN OFF", Some(Ended::Settled)));
    assert_eq!(reads(&passed.north, passed.ask), ("DECLINED", Some(Ended::Settled)));
}

#[test]
fn an_epoch_that_is_named_and_not_held_keeps_what_it_could_close_unsettled_and_a_station_says_so() {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    world.north.opens(4, Word::Dark).unwrap();
    let two = world.north.opens(7, Word::Dark).unwrap();
    let between = Epoch { number: 1, id: [99; 8] };
    let never = Head { size: 1, root: [99; 32] };
    let named = EpochHeads { epoch: between, heads: [never; 2] };

    let entry = joins(&world.south, two, vec![heads(&world.north, Epoch::FIRST), named]);
    world.north.takes(&entry);

    assert_eq!(reads(&world.north, ask), ("BROKEN OFF", Some(Ended::Unsettled)));
    let awaited: Vec<_> = world.north.line.awaited().iter().map(|a| (a.epoch, a.of, a.by, a.to)).collect();
    assert_eq!(awaited, [NORTH, SOUTH].map(|of| (between, of, SOUTH, 1)));
}

#[test]
fn an_agreement_stands_when_who_opened_the_next_epoch_joins_what_it_had_let_pass_and_withdraws_its_offer_there() {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let begin = Timestamp(world.south.now + 10 * HOUR);
    let window = Window::new(begin, begin.plus(HOUR)).unwrap();
    let windows = vec![Offered { window, zone: "UTC".into() }];
    let on = Target::Entry(ask);
    let offer = Act::Offer { on, windows, answer_by: begin, on_silence: OnSilence::Stands, code: None };
    let offer = world.south.act(offer).unwrap();
    world.meet();
    let mut other_life = world.south.clone();
    world.north.act(Act::Accept { offer, window: Some(window) }).unwrap();
    let one = world.north.opens(4, Word::Dark).unwrap();
    let held = [Epoch::FIRST, one].map(|epoch| heads(&world.north, epoch)).to_vec();
    world.north.takes(&opens(&world.south, held.clone()));
    assert_eq!(reads(&world.north, ask), ("AGREED", Some(Ended::Settled)));

    other_life.act(Act::Withdraw { thing: offer }).unwrap();
    let late = other_life.sends(Epoch::FIRST, SOUTH, held[0].of(SOUTH).size as usize);
    world.north.turn(vec![late]);
    let mut first = held[0];
    first.heads[SOUTH.slot()] = heads(&other_life, Epoch::FIRST).of(SOUTH);
    world.north.takes(&joins(&other_life, one, vec![first]));

    assert_eq!(reads(&world.north, ask), ("AGREED", Some(Ended::Settled)));
}

/// An epoch that South, which lies, opens between two of North's, and what joins it in North's name, both naming this.
fn between(world: &World, heads: Vec<EpochHeads>) -> [Entry; 2] {
    let keys = [30, 31, 32].map(|number| *world.south.public(number).as_bytes());
    let epoch = Epoch { number: 1, id: [99; 8] };
    let opened = What::Charter(Opening::Opened { keys, heads: heads.clone() }.write());
    let opened = world.south.signed(0, (epoch, Head::empty()), 1, opened);
    let joined = What::Charter(Opening::Joined { heads, restored: false }.write());
    let joined = world.north.signed_seeing(head_of([&opened]), 1, (epoch, Head::empty()), 1, joined);
    [opened, joined]
}

/// What a charter names of such an epoch.
fn whole([opened, joined]: &[Entry; 2]) -> EpochHeads {
    EpochHeads { epoch: opened.header.epoch, heads: [head_of([joined]), head_of([opened])] }
}

#[test]
fn a_joining_of_another_life_that_knew_nothing_of_what_closed_an_epoch_changes_nothing_whether_shown_taken_or_refused()
{
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let mut other = world.south.clone();
    let lower = world.south.opens(20, Word::Heard).unwrap();
    world.meet();
    let serving = world.north.opens(7, Word::Dark).unwrap();
    other.declines(ask);
    let late = other.size(Epoch::FIRST, SOUTH) - 1;
    world.north.turn(vec![other.sends(Epoch::FIRST, SOUTH, late)]);
    let first = heads(&world.north, Epoch::FIRST);
    let between = between(&world, vec![first]);
    assert!(lower < between[0].header.epoch && between[0].header.epoch < serving);
    let joins = Opening::Joined { heads: vec![first, heads(&world.north, lower), whole(&between)], restored: false };
    world.north.takes(&other.signed(20, (serving, Head::empty()), 1, What::Charter(joins.write())));
    let [opened, joined] = between;
    world.north.takes(&opened);
    let settled = ("BROKEN OFF", Some(Ended::Settled));
    assert_eq!(reads(&world.north, ask), settled);

    world.north.is_shown(&[joined]);
    let [mut taken, mut refused] = [(); 2].map(|()| world.north.clone());
    assert!(taken.judges(&[1, 7], Verdict::Take) > 0);
    assert_eq!(refused.judges(&[1, 7], Verdict::Refuse), 0);

    assert_eq!([world.north, taken, refused].map(|station| reads(&station, ask)), [settled; 3]);
}

#[test]
fn nothing_is_settled_that_a_joining_of_another_life_could_undo_because_our_charter_named_only_half_of_what_closed_it()
{
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let mut other = world.south.clone();
    let before = heads(&world.north, Epoch::FIRST);
    let lower = world.north.opens(4, Word::Dark).unwrap();
    let serving = world.north.opens(7, Word::Dark).unwrap();
    world.north.takes(&joins(&other, lower, vec![before]));
    other.declines(ask);
    let late = other.size(Epoch::FIRST, SOUTH) - 1;
    world.north.turn(vec![other.sends(Epoch::FIRST, SOUTH, late)]);
    let first = heads(&world.north, Epoch::FIRST);
    let between = between(&world, vec![first]);
    assert!(lower < between[0].header.epoch && between[0].header.epoch < serving);
    let joining = joins(&other, serving, vec![first, heads(&world.north, lower), whole(&between)]);
    world.north.takes(&joining);
    let [opened, joined] = between;
    world.north.takes(&opened);
    let before = reads(&world.north, ask);

    world.north.is_shown(&[joined]);

    let unsettled = ("BROKEN OFF", Some(Ended::Unsettled));
    assert_eq!((before, reads(&world.north, ask)), (unsettled, ("DECLINED", Some(Ended::Settled))));
}

#[test]
fn nothing_is_settled_while_what_is_named_and_not_held_could_undo_what_our_charter_named_by_half() {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let mut other = world.south.clone();
    let before = heads(&world.north, Epoch::FIRST);
    let lower = world.north.opens(4, Word::Dark).unwrap();
    let serving = world.north.opens(7, Word::Dark).unwrap();
    world.north.takes(&joins(&other, lower, vec![before]));
    other.declines(ask);
    let late = other.size(Epoch::FIRST, SOUTH) - 1;
    world.north.turn(vec![other.sends(Epoch::FIRST, SOUTH, late)]);
    let first = heads(&world.north, Epoch::FIRST);
    let [opened, _] = between(&world, vec![first]);
    let made_up = Head { size: 1, root: [7; 32] };
    let named = EpochHeads { epoch: opened.header.epoch, heads: [made_up, head_of([&opened])] };

    let joining = joins(&other, serving, vec![first, heads(&world.north, lower), named]);
    world.north.takes(&joining);

    let unsettled = ("BROKEN OFF", Some(Ended::Unsettled));
    assert_eq!(reads(&world.north, ask), unsettled);
    world.north.takes(&opened);
    assert_eq!(reads(&world.north, ask), unsettled);
}

#[test]
fn what_closes_no_epoch_unsettles_none_by_what_it_names() {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let before = heads(&world.north, Epoch::FIRST);
    let passed = world.north.opens(4, Word::Dark).unwrap();
    let serving = world.north.opens(7, Word::Dark).unwrap();
    let south = &world.south;
    let joining = joins(south, serving, vec![before, heads(&world.north, passed)]);
    world.north.takes(&joining);
    let settled = ("BROKEN OFF", Some(Ended::Settled));
    assert_eq!(reads(&world.north, ask), settled);

    let nowhere = Epoch { number: 0, id: [77; 8] };
    let named = EpochHeads { epoch: nowhere, heads: [Head { size: 1, root: [7; 32] }; 2] };
    world.north.takes(&joins(south, passed, vec![before, named]));

    assert_eq!(reads(&world.north, ask), settled);
}
