//! What is said of a line that does not work, on the evidence alone: PATH, UNKNOWN, SILENT and STALLED are told apart, and what
//! each rests on is printed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking; what was left out is to be read"
)]

use std::path::Path;
use std::process::Command;

use super::denied::denied;
use super::moved_clock::{self, MovedClock};
use super::namespaces::Namespaces;
use super::processes::{Process, pair, wait};
use super::scratch::Scratch;
use serde_json::{Value, json};

fn replace(data: &Path, from: &str, to: &str) {
    let file = data.join("counterpart.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(&file, text.replace(from, to)).unwrap();
}

/// What `lines` says of the line, once its observed state is this.
fn observed(station: &Process, state: &str) -> Value {
    wait(state, || {
        let observed = station.get("/lines")?[0]["observed"].clone();
        (observed["state"] == state).then_some(observed)
    })
}

/// What `lines` prints, as a person reads it.
fn printed(station: &Process) -> String {
    let lines = Command::new(env!("CARGO_BIN_EXE_counterpart")).arg("--data").arg(&station.data).arg("lines").output();
    let printed = String::from_utf8(lines.unwrap().stdout).unwrap();
    printed.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn says(station: &Process, parts: &[&str]) {
    let printed = printed(station);
    for part in parts {
        assert!(printed.contains(part), "“{part}” is not in: {printed}");
    }
}

fn done(station: &Process, form: &Value) -> Value {
    let (status, done) = station.post("/acts", form).unwrap();
    assert_eq!(status, 200, "{done}");
    done
}

/// Three machines in a row: Southland, Northland, and a neutral one that answers on TCP. The cable to Southland is cut.
#[test]
fn a_cut_path_is_path_where_a_reference_answers_and_unknown_where_none_is_named() {
    let scratch = Scratch::new("path");
    let (Some(namespaces), Some(library)) = (Namespaces::in_a_row("path", 3), moved_clock::build(&scratch)) else {
        return denied("network namespaces, and a C compiler with which the clock is moved");
    };
    let stations = [
        ("south", "Southland", "10.99.1.1:7411"),
        ("north", "Northland", "10.99.1.2:7411"),
        ("neutral", "Neutral", "10.99.2.2:7411"),
    ];
    let mut stations =
        stations.map(|(name, sign, at)| Process::init_at(scratch.path(), name, sign, 50, at.parse().unwrap()));
    let clocks = [(); 3].map(|()| MovedClock::new(&scratch, library.clone(), "all"));
    for ((station, name), clock) in stations.iter_mut().zip(&namespaces.names).zip(&clocks) {
        (station.namespace, station.environment) = (Some(name.clone()), clock.environment());
    }
    let [south, north, neutral] = &mut stations;
    replace(&north.data, "references = []", "references = [\"10.99.2.2:7411\"]");
    [&mut *neutral, &mut *south, &mut *north].into_iter().for_each(Process::serve);
    pair(north, south);
    observed(north, "OPEN");

    namespaces.cut(1);
    let no_session = |station: &Process| {
        let lines = station.get("/lines")?.to_string();
        (lines.contains("no-session") && lines.contains("no-handshake")).then_some(())
    };
    wait("that the loss is noticed and both have tried", || no_session(north).and(no_session(south)));
    wait("that the reference was asked", || north.get("/lines").filter(|l| l.to_string().contains("\"reference\"")));
    // Past one minute, and far from two: so much time has really passed as both needed to notice and to try.
    clocks.iter().for_each(|clock| clock.set_moments_ahead(65));

    assert_eq!(observed(north, "DOWN")["cause"], "PATH");
    says(
        north,
        &[
            "DOWN ≠ declared open",
            "PATH: no handshake succeeds on any address of theirs, while the reference that this station’s operator named",
            "No session for 1 min",
            "to reach their addresses",
            "The reference that this station’s operator named answers.",
        ],
    );
    assert_eq!(observed(south, "DOWN")["cause"], "UNKNOWN");
    says(south, &["UNKNOWN: nothing tells where the path ends.", "No session for 1 min", "to reach their addresses"]);
    assert!(!printed(south).contains("reference"), "none was named there");

    // The neutral machine falls silent too: then nothing tells whose fault it is.
    neutral.kill();
    wait("that the reference is asked again", || {
        let observed = north.get("/lines")?[0]["observed"].clone();
        (observed["cause"] == "UNKNOWN").then_some(())
    });
    says(north, &["UNKNOWN: nothing tells where the path ends.", "does not answer either."]);
}

#[test]
fn a_watch_that_lets_a_check_stand_is_silent_while_its_station_answers() {
    let scratch = Scratch::new("silent");
    let Some(library) = moved_clock::build(&scratch) else {
        return denied("a C compiler, with which the clock is moved");
    };
    let clock = MovedClock::new(&scratch, library, "north");
    let mut north = Process::init(scratch.path(), "north", "Northland", 50);
    let mut south = Process::init(scratch.path(), "south", "Southland", 50);
    north.environment = clock.environment();
    north.serve();
    south.serve();
    pair(&north, &south);

    let check = done(&north, &json!({ "act": "check", "precedence": "FLASH", "mark": "TEST" }));
    wait("delivery", || south.get("/record").filter(|r| r.to_string().contains("\"check\"")));
    assert_eq!(observed(&north, "OPEN")["cause"], Value::Null);
    // The charter gives a watch five minutes for a FLASH.
    clock.set_day_ahead(301);

    observed(&north, "SILENT");
    says(
        &north,
        &[
            "SILENT ≠ declared open",
            "SILENT: the link is up; the last watch check has stood for 5 min",
            "without a person’s answer (the charter gives 5 min 00 s).",
        ],
    );
    let name = check["entry"]["name"].as_str().unwrap();
    done(&south, &json!({ "act": "check-reply", "on": name }));
    observed(&north, "OPEN");
}

/// Southland reads one entry a second and writes all the same.
#[test]
fn a_peer_that_writes_and_names_no_head_that_covers_ours_is_stalled() {
    let scratch = Scratch::new("stalled");
    let Some(library) = moved_clock::build(&scratch) else {
        return denied("a C compiler, with which the clock is moved");
    };
    let clock = MovedClock::new(&scratch, library, "north");
    let mut north = Process::init(scratch.path(), "north", "Northland", 50);
    let mut south = Process::init(scratch.path(), "south", "Southland", 1);
    replace(&south.data, "burst = 500", "burst = 1");
    north.environment = clock.environment();
    north.serve();
    south.serve();
    pair(&north, &south);

    let text = json!({ "act": "text", "from": "minister", "to": "minister", "mark": "TEST", "words": { "text": "x" } });
    for _ in 0..200 {
        done(&north, &text);
    }
    done(&south, &text);
    wait("their text", || north.get("/record?limit=1000").filter(|r| r.to_string().contains("Southland 1")));
    clock.set_day_ahead(61);

    observed(&north, "DEGRADED");
    says(&north, &["DEGRADED ≠ declared open", "STALLED: they write, but no head of theirs covers Northland", "ago."]);
}
