//! Every reader of what comes from outside, in a hunt that is the same each time. `just fuzz` hunts longer.
#![allow(clippy::panic, clippy::unwrap_used)]

use counterpart_fuzz::decoders::{DECODERS, Decoder, Outcome, STORY};
use counterpart_fuzz::hunt::{Seen, hunt};

fn nothing_goes_wrong(decoder: &Decoder, runs: u64) -> Seen {
    let seen = hunt(decoder, runs, 1);
    if let Some((input, how)) = &seen.wrong {
        panic!("{}: {how}: {}", decoder.name, input.escape_ascii());
    }
    seen
}

#[test]
fn nothing_that_is_read_stops_a_reader_or_takes_more_memory_than_its_length_warrants_or_has_two_forms() {
    for decoder in DECODERS {
        let seen = nothing_goes_wrong(&decoder, 100_000);

        println!("{}: {} read, {} outcomes, peak {:?}", decoder.name, seen.read(), seen.outcomes.len(), seen.peak);
        assert!(seen.read() > (decoder.seeds)().len() as u64, "{}: only what was given is read", decoder.name);
        assert!(seen.outcomes.len() > 1, "{}: everything is read", decoder.name);
    }
}

#[test]
fn no_story_stops_its_reader() {
    let seen = nothing_goes_wrong(&STORY, 20_000);

    assert!(seen.read() > 3 && seen.outcomes.len() > 10, "{:?}", seen.outcomes);
}

#[test]
fn a_reader_that_stops_one_that_is_greedy_and_one_with_two_forms_are_found() {
    let seeds = || vec![b"counterpart".to_vec()];
    let bad: [fn(&[u8]) -> Outcome; 3] = [
        |input| if input.len() > 12 { panic!("as is meant") } else { Outcome::Read },
        |input| {
            let held = vec![0_u8; input.len() * 100];
            Outcome::Refused(held.len().to_string())
        },
        |input| if input.len() > 12 { Outcome::Other } else { Outcome::Read },
    ];

    for read in bad {
        let found = hunt(&Decoder { name: "bad", seeds, read, base: 1_000, each: 4 }, 1_000, 1);
        assert!(found.wrong.is_some());
    }
}
