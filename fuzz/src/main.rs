//! `counterpart-fuzz [--runs N] [--seed N] [NAME…]`: a longer hunt than the tests make. Ends with 1 at the first input that goes wrong, and
//! prints it.

use std::process::ExitCode;

use counterpart_fuzz::decoders::{DECODERS, STORY};
use counterpart_fuzz::hunt::hunt;

const USAGE: &str = "usage: counterpart-fuzz [--runs N] [--seed N] [NAME...]";

fn main() -> ExitCode {
    let (mut runs, mut seed, mut names) = (1_000_000, 1, Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let place = match arg.as_str() {
            "--runs" => &mut runs,
            "--seed" => &mut seed,
            _ => {
                names.push(arg);
                continue;
            }
        };
        let Some(number) = args.next().and_then(|number| number.parse().ok()) else {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        };
        *place = number;
    }
    let all: Vec<_> = DECODERS.iter().chain([&STORY]).collect();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|decoder| decoder.name != **name)) {
        let known: Vec<&str> = all.iter().map(|decoder| decoder.name).collect();
        eprintln!("there is no {unknown}; there are {}\n{USAGE}", known.join(", "));
        return ExitCode::from(2);
    }
    // A reader that stops says so itself; the input that did it is printed below.
    for decoder in all.into_iter().filter(|decoder| names.is_empty() || names.iter().any(|name| name == decoder.name)) {
        let seen = hunt(decoder, runs, seed);
        let (peak, length) = seen.peak;
        println!(
            "{}: {} of {runs} read, {} outcomes; at most {peak} bytes held, for {length} read",
            decoder.name,
            seen.read(),
            seen.outcomes.len()
        );
        if let Some((input, how)) = seen.wrong {
            println!("{how}\n{}", input.escape_ascii());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
