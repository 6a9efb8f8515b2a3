//! What the README promises: one command, two stations, the printed commands, an answer, a kill, equal records.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::processes::{call, wait};
use crate::scratch::Scratch;
use counterpart::store::served_by;
use serde_json::Value;

/// Runs one command of the program on a station; its output.
fn command(data: &Path, words: &[&str]) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_counterpart")).arg("--data").arg(data).args(words).output().unwrap();
    (run.status.code(), String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap())
}

fn done(data: &Path, words: &[&str]) -> String {
    let (code, told) = command(data, words);
    assert_eq!(code, Some(0), "{words:?}: {told}");
    told
}

/// The demonstration in a directory, once it has printed what to type.
fn start(place: &Path) -> Child {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .arg("--data")
        .arg(place)
        .arg("demo")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let guide = lines.by_ref().map(Result::unwrap).find(|line| line.contains("Ctrl-C here ends both"));
    assert!(guide.is_some());
    // The pipe stays open until the test ends, so that what is printed later has a reader.
    std::thread::spawn(move || lines.for_each(drop));
    demo
}

#[test]
fn a_program_reads_what_the_demonstration_has_started() {
    let scratch = Scratch::new("demo-json");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .args(["--json", "--data"])
        .arg(scratch.path())
        .arg("demo")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines();

    let told: Vec<Value> = lines.take(3).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();

    interrupt(demo.id(), "-INT");
    assert!(demo.wait().unwrap().success());
    let events: Vec<&str> = told.iter().filter_map(|told| told["event"].as_str()).collect();
    assert_eq!(events, ["paired", "station", "station"]);
    for (told, side) in told.iter().skip(1).zip(["northland", "southland"]) {
        let place = scratch.path().join(side).display().to_string();
        assert!(told["pid"].is_u64() && told["data"] == place.as_str(), "{told}");
        assert!(told["link"].as_str().unwrap().starts_with("http://"), "{told}");
        assert!(told["serve"].as_str().unwrap().ends_with("serve --exercise"), "{told}");
    }
    // In a directory that was kept it begins again.
    let mut again = start(scratch.path());
    interrupt(again.id(), "-INT");
    assert!(again.wait().unwrap().success());
}

fn interrupt(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

fn heads(data: &Path) -> Value {
    call(data, "GET", "/lines", None).unwrap().1[0]["logs"].clone()
}

#[test]
fn the_demonstration_pairs_two_stations_that_ask_defer_offer_text_survive_a_kill_and_end_cleanly() {
    let scratch = Scratch::new("demo");
    let mut demo = start(scratch.path());
    let [north, south] = ["northland", "southland"].map(|side| scratch.path().join(side));

    done(&north, &["ask", "--from", "minister", "--to", "minister", "--precedence", "PRIORITY", "North Sea cable"]);
    wait("delivery", || done(&north, &["status"]).contains("Delivered").then_some(()));
    done(&south, &["defer", "Northland 1", "--code", "ENGAGED"]);
    let windows = ["--window", "tomorrow 10:00/tomorrow 10:30", "--window", "tomorrow 15:00/tomorrow 15:30"];
    done(&south, &[&["offer", "Northland 1"][..], &windows, &["--answer-by", "+2m"]].concat());
    wait("the offer", || done(&north, &["status", "Northland 1"]).contains("Southland 1").then_some(()));
    done(&north, &["accept", "Southland 1", "--window", "1"]);
    wait("the agreement", || done(&south, &["status", "Northland 1"]).contains("Agreed").then_some(()));
    let agreed = done(&north, &["status", "Northland 1"]);
    assert!(agreed.contains(" Northland, ") && agreed.contains("10:00–10:30 Southland"), "both local times: {agreed}");
    for (data, zone) in [(&north, "America/Santiago"), (&south, "Europe/Helsinki")] {
        let lines = done(data, &["lines"]);
        assert!(lines.contains(&format!("their watch is in {zone}")), "as the charter says: {lines}");
    }
    let (code, told) = command(&south, &["answer", "Northland 1"]);
    assert_eq!(code, Some(1), "it is closed: {told}");

    let pid = served_by(&south).unwrap();
    interrupt(pid, "-KILL");
    wait("its end", || served_by(&south).is_none().then_some(()));
    done(&north, &["text", "--from", "minister", "--to", "minister", "We will call from the ministry."]);
    let mut again = Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .arg("--data")
        .arg(&south)
        .args(["serve", "--exercise"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait("the text at the other end", || {
        call(&south, "GET", "/health", None)?;
        done(&south, &["record", "--words"]).contains("We will call from the ministry").then_some(())
    });
    wait("equal heads", || (heads(&north) == heads(&south)).then_some(()));

    interrupt(demo.id(), "-INT");
    assert!(demo.wait().unwrap().success());
    again.wait().unwrap();
    assert_eq!([served_by(&north), served_by(&south)], [None, None], "Ctrl-C ends both, whoever started them");
    let unserved = done(&north, &["record"]);
    assert!(unserved.contains("Northland 1"), "an unserved directory is read: {unserved}");
}

#[test]
fn a_demonstration_whose_terminal_is_closed_leaves_nothing_running() {
    let scratch = Scratch::new("demo-closed");
    let mut demo = start(scratch.path());
    let both = ["northland", "southland"].map(|side| scratch.path().join(side));
    assert!(both.iter().all(|data| served_by(data).is_some()));

    interrupt(demo.id(), "-HUP");

    assert!(demo.wait().unwrap().success());
    assert_eq!(both.map(|data| served_by(&data)), [None, None]);
}
