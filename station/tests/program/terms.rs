//! The rules of a line, from the flags of `invite` to what both sides read before they sign, and after.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::processes::{Process, wait};
use super::scratch::Scratch;

/// One command in a language: its exit code, and all that it said.
fn command(data: &Path, language: &str, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    let ended = command.arg("--data").arg(data).args(["--speak", language]).args(args).output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code().unwrap(), String::from_utf8(said).unwrap())
}

fn says(data: &Path, language: &str, args: &[&str], parts: &[&str]) {
    let (code, said) = command(data, language, args);
    assert_eq!(code, 0, "{args:?}: {said}");
    // Where a line ends depends on the names in it.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(said.contains(part), "{args:?}: “{part}” is not in: {said}");
    }
}

fn two(scratch: &Scratch) -> [Process; 2] {
    let [mut north, mut south] = [("north", "Northland"), ("south", "Southland")]
        .map(|(name, call_sign)| Process::init(scratch.path(), name, call_sign, 50));
    north.serve();
    south.serve();
    [north, south]
}

const FLAGS: [&str; 14] = [
    "--station",
    "90s",
    "--watch",
    "4h,30m,10m,2m",
    "--principal",
    "1d12h",
    "--pace",
    "45m",
    "--checks",
    "09:00,17:00",
    "--grace",
    "5m",
    "--recall",
    "21m",
];
const ENGLISH: [&str; 8] = [
    "What both sides sign:",
    "holds what the other sends within 1 minute 30 seconds (clause 4)",
    "ROUTINE 4 hours, PRIORITY 30 minutes, IMMEDIATE 10 minutes, FLASH 2 minutes (clause 5)",
    "an answer comes within 1 day 12 hours (clause 6)",
    "45 minutes at every precedence (clause 7)",
    "tested at 09:00, 17:00 UTC (clause 8)",
    "no sooner than 5 minutes after its deadline (clause 10)",
    "can be taken up for 21 minutes (clause 14)",
];
const RUSSIAN: [&str; 4] = [
    "Что подписывают обе стороны:",
    "ОБЫЧНАЯ 4 часа, СРОЧНАЯ 30 минут, НЕМЕДЛЕННАЯ 10 минут, МОЛНИЯ 2 минуты (пункт 5)",
    "1 день 12 часов (пункт 6)",
    "21 минута (пункт 14)",
];

#[test]
fn what_the_flags_of_invite_say_is_read_on_both_sides_before_confirm_and_in_both_charters_after() {
    let scratch = Scratch::new("program-terms");
    let [north, south] = two(&scratch);
    let out = scratch.path().join("invitation").display().to_string();

    says(&north.data, "en", &[&["invite", "--out", &out], &FLAGS[..]].concat(), &ENGLISH);
    says(&south.data, "ru", &["join", &out], &RUSSIAN);
    let digits = wait("digits on both sides", || {
        let both = [&north, &south].map(|station| station.get("/pairings"));
        let [here, there] = both.map(|all| Some(all?[0]["candidates"][0]["digits"].as_str()?.to_owned()));
        (here.is_some() && here == there).then_some(here).flatten()
    });
    for (station, other) in [(&north, "Southland"), (&south, "Northland")] {
        let posts = format!("{other} can be reached at: duty-officer (up to FLASH, by day and night); minister");
        says(&station.data, "en", &["pairings"], &[&ENGLISH[..], &[&posts]].concat());
        says(&station.data, "ru", &["pairings"], &RUSSIAN);
        let (_, told) = command(&station.data, "en", &["--json", "pairings"]);
        let terms = &serde_json::from_str::<Value>(&told).unwrap()[0]["terms"];
        assert_eq!(
            (&terms["watch_s"], &terms["pace_s"]),
            (&json!([14_400, 1_800, 600, 120]), &json!([2_700, 2_700, 2_700, 2_700]))
        );
        assert_eq!((&terms["grace_s"], &terms["checks_at"]), (&json!(300), &json!(["09:00", "17:00"])));
    }

    for station in [&south, &north] {
        says(&station.data, "en", &["confirm", &digits], &[]);
    }
    for station in [&north, &south] {
        wait("an open line", || station.get("/lines").filter(|lines| lines[0]["status"] == "open"));
        says(&station.data, "en", &["lines", "--terms"], &ENGLISH[1..]);
        says(&station.data, "ru", &["lines", "--terms"], &RUSSIAN[1..]);
    }
}

#[test]
fn a_term_that_is_none_or_too_long_is_refused_by_its_name_and_nobody_is_invited() {
    let scratch = Scratch::new("program-terms-wrong");
    let [north, _south] = two(&scratch);

    for (flag, said, parts) in [
        ("--station", "soon", ["“soon” is no span of time", "90s, 15m, 8h, 2d"]),
        ("--watch", "8h,1h", ["neither one span of time nor four", "8h,1h,15m,5m"]),
        ("--principal", "3661d", ["longer than a charter can say", "at most 3660 days"]),
        ("--pace", "15", ["neither one span of time nor four", "ROUTINE first"]),
        ("--checks", "17:00,09:00", ["is no schedule", "in their order"]),
        ("--grace", "-5m", ["is no span of time", "90s, 15m, 8h, 2d"]),
        ("--recall", "9999999d", ["longer than a charter can say", "at most 3660 days"]),
    ] {
        let (code, told) = command(&north.data, "en", &["invite", &format!("{flag}={said}")]);

        let name = format!("Asked for: {}", flag.trim_start_matches('-'));
        assert_eq!(code, 2, "{flag}: {told}");
        assert!(told.contains(&name) && parts.iter().all(|part| told.contains(part)), "{flag}: {told}");
    }
    let (status, told) = north.post("/pairings/invite", &json!({"grace": "soon"})).unwrap();
    assert_eq!((status, told["error"]["code"].as_str()), (400, Some("term-unfit")), "a program is told the same");
    assert_eq!(north.post("/pairings/invite", &json!({"patience": "1h"})).unwrap().0, 400);
    assert_eq!(north.get("/pairings"), Some(json!([])));
}
