//! The hunt: inputs are changed, read, and kept to be changed again if they came further than any before, by what the reader
//! itself says of them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::chance::Chance;
use crate::decoders::{Decoder, Outcome};
use crate::mutation::mutate;

/// Inputs that are kept to be changed further.
const KEPT_MAX: usize = 4_096;

/// What a hunt has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often each outcome arose.
    pub outcomes: BTreeMap<String, u64>,
    /// The most memory that was held at once while an input was read, in bytes, and the length of that input.
    pub peak: (u64, usize),
    /// The first input that went wrong, and how.
    pub wrong: Option<(Vec<u8>, String)>,
}

impl Seen {
    /// How many inputs were read.
    pub fn read(&self) -> u64 {
        self.outcomes.get("read").copied().unwrap_or_default()
    }
}

/// Feeds a reader `runs` inputs of this seed, first those that it must read. Ends at the first that goes wrong.
pub fn hunt(decoder: &Decoder, runs: u64, seed: u64) -> Seen {
    let mut chance = Chance::of(seed);
    let mut kept = (decoder.seeds)();
    let mut seen = Seen::default();
    for input in &kept {
        if let Err(how) = feed(decoder, input, &mut seen) {
            seen.wrong = Some((input.clone(), how));
            return seen;
        }
    }
    for _ in 0..runs {
        let [one, other] = [0; 2].map(|_| chance.below(kept.len()));
        let input = mutate(&kept[one], &kept[other], &mut chance);
        match feed(decoder, &input, &mut seen) {
            Ok(is_new) if is_new && kept.len() < KEPT_MAX => kept.push(input),
            Ok(_) => {}
            Err(how) => {
                seen.wrong = Some((input, how));
                return seen;
            }
        }
    }
    seen
}

/// Reads one input. Whether its outcome is a new one; how it went wrong.
fn feed(decoder: &Decoder, input: &[u8], seen: &mut Seen) -> Result<bool, String> {
    let mut told = None;
    let memory = allocation_counter::measure(|| {
        told = Some(catch_unwind(AssertUnwindSafe(|| (decoder.read)(input))));
    });
    let outcome = match told {
        Some(Ok(outcome)) => outcome,
        _ => return Err("the reader stopped the program".into()),
    };
    if memory.bytes_max > seen.peak.0 {
        seen.peak = (memory.bytes_max, input.len());
    }
    let bound = (decoder.base + decoder.each * input.len()) as u64;
    if memory.bytes_max > bound {
        return Err(format!("{} bytes held at once for {} read; the bound is {bound}", memory.bytes_max, input.len()));
    }
    let key = match outcome {
        Outcome::Read => "read".to_owned(),
        Outcome::Other => return Err("what was read is written in another form".into()),
        Outcome::Refused(why) => named(&why),
    };
    let count = seen.outcomes.entry(key).or_default();
    *count += 1;
    Ok(*count == 1)
}

/// An outcome without what differs from input to input: numbers and what stands between quotes.
fn named(why: &str) -> String {
    let mut name = String::new();
    let mut quoted = false;
    for letter in why.chars().take(160) {
        if letter == '"' {
            quoted = !quoted;
        }
        if !quoted && !letter.is_ascii_digit() {
            name.push(letter);
        }
    }
    name
}
