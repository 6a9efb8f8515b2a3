//! What a peer signs with its own root to open epochs: one that does not fit opens nothing and leaves nothing behind.

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::Epoch;
use counterpart_core::line::turn::{Answer, Arrived, Input};
use counterpart_core::record::entry::Head;
use counterpart_core::record::merkle::empty_root;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::what::What;

use crate::meeting::World;

#[test]
fn an_opening_that_cannot_begin_its_log_leaves_no_epoch_and_halts_nothing() {
    let mut world = World::new();
    let keys = [4, 5, 6].map(|number| *world.south.public(number).as_bytes());
    let opened = Opening::Opened { keys, heads: vec![] };
    let forged = (1..=100).map(|number| {
        // As if something stood before index 0.
        let own = Head { size: 0, root: [number; 32] };
        let epoch = Epoch { number: number.into(), id: [number; 8] };
        let entry = world.south.signed(0, (epoch, own), 1, What::Charter(opened.write()));
        Input::Arrived(Arrived { entry, body: None, verified_under: None }.into())
    });
    let before = world.north.line.spans().count();

    let answers = world.north.turn(forged.collect());

    assert!(answers.iter().all(|answer| *answer == Answer::Misconduct(Misconduct::WrongEpoch)), "{answers:?}");
    assert_eq!((world.north.line.spans().count(), world.north.line.halted()), (before, None));
    world.north.killed();
    assert_eq!((world.north.line.spans().count(), world.north.line.halted()), (before, None));
    world.goes_on();
}

#[test]
fn an_opening_that_fits_begins_its_epoch() {
    let mut world = World::new();
    let keys = [4, 5, 6].map(|number| *world.south.public(number).as_bytes());
    let what = What::Charter(Opening::Opened { keys, heads: vec![] }.write());
    let epoch = Epoch { number: 1, id: [9; 8] };
    let entry = world.south.signed(0, (epoch, Head { size: 0, root: empty_root() }), 1, what);

    let answers = world.north.turn(vec![Input::Arrived(Arrived { entry, body: None, verified_under: None }.into())]);

    assert!(matches!(answers[..], [Answer::Written(_)]), "{answers:?}");
    assert_eq!(world.north.line.spans().count(), 2);
}
