//! What counts of a log in an ended epoch and stands only beside it at its author, who was put back and opened another epoch below: the
//! other side, put back too, has it from nobody else.

use counterpart_core::ids::{EntryRef, Epoch};
use counterpart_core::line::epoch::Ended;
use counterpart_core::line::restore::Word;
use counterpart_core::line::turn::{Answer, Arrived, Input};
use counterpart_core::link::output::Range;
use counterpart_core::record::entry::Head;
use counterpart_core::record::log::{Entry, key_grant};
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::sign1::{AAD_KEY, Sign, to_be_signed};
use counterpart_core::record::what::What;

use crate::meeting::World;
use crate::rig::{NORTH, SOUTH, Station, Verdict, head_of, key};

/// South opened an epoch, in which North asked and wrote. North was put back to before that, opened one of the same number that stands
/// below it, and then the one that serves, whose charters close both: South's names what North has written, of which North keeps
/// what South showed it. Then South was put back to before all this.
struct Apart {
    world: World,
    epoch: Epoch,
    ask: EntryRef,
    /// How much North wrote there.
    size: usize,
}

fn apart() -> Apart {
    let mut world = World::new();
    let [north, south] = [world.north.clone(), world.south.clone()];
    let epoch = world.south.opens(20, Word::Heard).unwrap();
    world.meet();
    let ask = world.north.asks();
    world.north.writes().unwrap();
    world.meet();
    let size = world.south.size(epoch, NORTH);
    world.north.restored(&north, true);
    assert!(world.north.opens(4, Word::Dark).unwrap() < epoch);
    world.meet();
    world.north.opens(7, Word::Heard).unwrap();
    world.meet();
    assert_eq!(world.north.line.beside(epoch).len(), size);
    assert_eq!(reads(&world.north, epoch, ask), ("BROKEN OFF", Some(Ended::Settled)));
    world.south.restored(&south, true);
    Apart { world, epoch, ask, size }
}

/// What became of North's ask and whether that is settled; the same after a start.
fn reads(station: &Station, epoch: Epoch, ask: EntryRef) -> (&'static str, Option<Ended>) {
    let of = |station: &Station| (station.outcome(epoch, ask), station.line.look(epoch).unwrap().ended());
    let mut started = station.clone();
    started.killed();
    assert_eq!(of(station), of(&started));
    of(station)
}

/// South takes back what North shows, opens an epoch, and both go on.
fn goes_on(Apart { world, .. }: &mut Apart) {
    world.meet();
    world.south.judges(&[1, 20], Verdict::Take);
    world.meet();
    world.south.judges(&[1, 20], Verdict::Take);
    world.south.opens(23, Word::Heard).unwrap();
    world.goes_on();
}

#[test]
fn an_author_sends_what_counts_beside_its_log_to_a_peer_that_has_lost_it() {
    let mut apart = apart();

    goes_on(&mut apart);

    let Apart { world, epoch, ask, size } = apart;
    assert_eq!((world.north.size(epoch, NORTH), world.south.size(epoch, NORTH)), (0, size));
    let settled = ("BROKEN OFF", Some(Ended::Settled));
    assert_eq!([&world.north, &world.south].map(|station| reads(station, epoch, ask)), [settled; 2]);
}

#[test]
fn what_was_cut_off_of_it_comes_with_the_next_session() {
    let mut apart = apart();
    let (epoch, size) = (apart.epoch, apart.size);
    goes_on(&mut apart);
    let Apart { world, ask, .. } = &mut apart;
    let ended = |world: &World| world.south.line.look(epoch).unwrap().ended();
    // As if the connection had been lost after the first.
    world.south.store.logs.get_mut(&(epoch, NORTH)).unwrap().truncate(1);
    world.south.killed();
    assert_eq!(ended(world), Some(Ended::Unsettled));

    let met = world.meet();

    assert!(met.iter().all(|met| met.misconduct.is_empty() && !met.is_closed), "{met:?}");
    assert_eq!(world.south.size(epoch, NORTH), size);
    assert_eq!(reads(&world.south, epoch, *ask).1, Some(Ended::Settled));
}

#[test]
fn what_a_person_refused_and_a_charter_names_is_sent_too() {
    let mut world = World::new();
    let [north, south] = [world.north.clone(), world.south.clone()];
    let ask = world.north.asks();
    world.meet();
    world.north.restored(&north, true);
    world.meet();
    assert_eq!(world.north.judges(&[1, 2], Verdict::Refuse), 0);
    world.north.opens(4, Word::Heard).unwrap();
    world.meet();
    world.south.restored(&south, true);
    assert_eq!(world.south.size(Epoch::FIRST, NORTH), 1);

    world.meet();
    world.south.judges(&[1], Verdict::Take);
    world.south.opens(20, Word::Heard).unwrap();
    world.goes_on();

    assert_eq!((world.north.size(Epoch::FIRST, NORTH), world.south.size(Epoch::FIRST, NORTH)), (1, 2));
    let settled = ("BROKEN OFF", Some(Ended::Settled));
    assert_eq!([&world.north, &world.south].map(|station| reads(station, Epoch::FIRST, ask)), [settled; 2]);
}

#[test]
fn under_an_ended_key_nobody_joins_an_ended_epoch_of_whose_log_no_charter_names_anything() {
    let mut world = World::new();
    let north = world.north.clone();
    let epoch = world.south.opens(20, Word::Dark).unwrap();
    world.north.opens(4, Word::Dark).unwrap();
    world.meet();
    world.north.opens(7, Word::Heard).unwrap();
    for _ in 0..3 {
        world.meet();
    }
    assert_eq!(world.south.line.look(epoch).unwrap().ended(), Some(Ended::Settled));
    let heads = world.south.line.span(Epoch::FIRST).unwrap().heads();
    let joined = Opening::Joined { heads: vec![EpochHeads { ..heads }], restored: false };
    let entry = north.signed(1, (epoch, Head::empty()), 1, What::Charter(joined.write()));

    let arrived = Input::Arrived(Arrived { entry, body: None, verified_under: None }.into());

    assert_eq!(world.south.turn(vec![arrived]), [Answer::LetGo]);
}

#[test]
fn what_does_not_lead_to_it_is_no_reason_to_send_it() {
    let mut apart = apart();
    goes_on(&mut apart);
    let Apart { world, epoch, size, .. } = &mut apart;
    let range = Range { epoch: *epoch, party: NORTH, from: 0, to: 1 };
    let first = Entry::read(&world.north.entries(range)[0].0).unwrap();
    // South holds another log of North's there, which begins alike.
    let own = Head { size: 1, root: first.leaf };
    let other = world.north.signed(1, (*epoch, own), 99, What::Received);
    let log = world.south.store.logs.get_mut(&(*epoch, NORTH)).unwrap();
    log.truncate(1);
    log.push((other.bytes, None));
    world.south.killed();

    let met = world.meet();

    assert!(met.iter().all(|met| met.misconduct.is_empty()), "{met:?}");
    assert_eq!(world.south.size(*epoch, NORTH), 2);
    assert!(*size > 2 && world.south.size(*epoch, SOUTH) > 0);
}

const SETTLED: (&str, Option<Ended>) = ("BROKEN OFF", Some(Ended::Settled));

fn first_read(world: &World, ask: EntryRef) -> [(&'static str, Option<Ended>); 2] {
    [&world.north, &world.south].map(|station| reads(station, Epoch::FIRST, ask))
}

#[test]
fn both_ends_read_alike_what_was_closed_by_an_epoch_that_an_earlier_life_joined() {
    let mut world = World::new();
    let ask = world.south.asks();
    world.meet();
    let backup = world.north.clone();
    let epoch = world.south.opens(20, Word::Heard).unwrap();
    world.meet();
    world.north.restored(&backup, false);
    world.north.declines(ask);
    assert!(world.north.opens(4, Word::Dark).unwrap() < epoch);
    world.meet();

    world.north.opens(7, Word::Heard).unwrap();
    world.goes_on();

    assert_eq!(first_read(&world, ask), [SETTLED; 2]);
}

#[test]
fn both_ends_read_alike_what_was_closed_by_a_joining_that_was_refused_at_one_of_them() {
    let mut world = World::new();
    let ask = world.south.asks();
    world.meet();
    let heads = world.north.line.span(Epoch::FIRST).unwrap().heads();
    let epoch = world.south.opens(20, Word::Dark).unwrap();
    let joined = Opening::Joined { heads: vec![heads], restored: false };
    let by_a_thief = world.north.signed(1, (epoch, Head::empty()), 1, What::Charter(joined.write()));
    world.south.takes(&by_a_thief);
    world.north.declines(ask);
    world.meet();
    assert_eq!(world.north.judges(&[1, 4], Verdict::Refuse), 0);

    world.north.opens(7, Word::Heard).unwrap();
    world.goes_on();

    assert_eq!(first_read(&world, ask), [SETTLED; 2]);
}

#[test]
fn what_another_key_signed_on_top_of_a_joining_that_was_refused_changes_nothing_that_was_settled() {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let (backup, mut other) = (world.north.clone(), world.south.clone());
    let epoch = world.south.opens(20, Word::Heard).unwrap();
    world.meet();
    let joined = Entry::read(&world.north.store.logs[&(epoch, NORTH)][0].0).unwrap();
    let keys = [4, 5, 6].map(|number| *key(NORTH, number).public().as_bytes());
    let message = to_be_signed(AAD_KEY, &key_grant(world.north.line.id(), epoch, 1, &keys));
    let grant = What::Key { serial: 1, keys, root: key(NORTH, 0).sign(&message), proof: key(NORTH, 4).sign(&message) };
    let held = Head { size: 1, root: world.south.line.span(epoch).unwrap().own().root_at(1).unwrap() };
    let renewed = world.north.signed_seeing(held, 1, (epoch, head_of([&joined])), 1, grant);
    let on_top = world.north.signed_seeing(held, 4, (epoch, head_of([&joined, &renewed])), 2, What::Received);
    world.north.restored(&backup, true);
    world.north.turn(vec![world.south.sends(epoch, SOUTH, 0)]);
    world.north.is_shown(std::slice::from_ref(&joined));
    assert_eq!(world.north.judges(&[1, 4], Verdict::Refuse), 0);
    other.declines(ask);
    let late = other.size(Epoch::FIRST, SOUTH) - 1;
    world.north.turn(vec![other.sends(Epoch::FIRST, SOUTH, late)]);
    let serving = world.north.opens(7, Word::Dark).unwrap();
    let mut heads = [Epoch::FIRST, epoch].map(|epoch| world.north.line.span(epoch).unwrap().heads());
    heads[1].heads[NORTH.slot()] = head_of([&joined]);
    let joins = Opening::Joined { heads: heads.to_vec(), restored: false };
    world.north.takes(&other.signed(20, (serving, Head::empty()), 1, What::Charter(joins.write())));
    assert_eq!(reads(&world.north, Epoch::FIRST, ask), SETTLED);

    world.north.is_shown(&[renewed, on_top]);
    let shown = world.north.clone();
    assert!(world.north.judges(&[1, 7, 4], Verdict::Take) > 0);

    assert_eq!(reads(&shown, Epoch::FIRST, ask), SETTLED);
    assert_eq!(reads(&world.north, Epoch::FIRST, ask), SETTLED);
}
