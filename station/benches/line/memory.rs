//! What connected lines cost in memory.

use serde_json::{Value, json};

use crate::home::{Folder, NAMES, RATE};
use crate::processes::{Process, free_address, wait};
use crate::report::{Aim, Report};

/// Lines at which memory is read.
const LINES: [usize; 2] = [100, 150];

pub fn measure(report: &mut Report) {
    let folder = Folder::new("memory");
    let mut stations = NAMES.map(|(name, sign)| Process::init_at(folder.path(), name, sign, RATE, free_address()));
    stations.iter_mut().for_each(Process::serve);
    let empty = resident(&stations[0]);
    let mut read = Vec::new();
    for lines in LINES {
        let [north, south] = &stations;
        (connected(north)..lines).for_each(|_| pair(north, south));
        wait("all of them connected", || (connected(north) >= lines).then_some(()));
        read.push(resident(north));
    }
    // Grown while pairing, memory is not given back: the same lines again, from a start.
    for station in &mut stations {
        station.kill();
    }
    stations.iter_mut().for_each(Process::serve);
    wait("all of them connected", || (connected(&stations[0]) >= LINES[1]).then_some(()));
    let again = resident(&stations[0]);
    report.note("one station's resident memory (VmRSS); its lines all lead to one other station, each over a connection of its own");
    report.figure("no line yet", "MiB", empty.0 / 1_024.0, None, Aim::None);
    report.figure("100 connected lines", "MiB", read[0].0 / 1_024.0, None, Aim::AtMost(30.0));
    report.figure("of it, not backed by the program's file", "MiB", read[0].1 / 1_024.0, None, Aim::None);
    let further = (read[1].0 - read[0].0) / (LINES[1] - LINES[0]) as f64;
    report.figure("a further idle line", "KiB", further, None, Aim::AtMost(64.0));
    report.figure("150 connected lines, after a start", "MiB", again.0 / 1_024.0, None, Aim::None);
    let each = (again.1 - empty.1) / LINES[1] as f64;
    report.figure("a line, after a start, without what an empty station has", "KiB", each, None, Aim::AtMost(64.0));
}

/// KiB in memory, and those of them that no file backs.
fn resident(station: &Process) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", station.pid().unwrap())).unwrap();
    let kib = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap()
    };
    (kib("VmRSS:"), kib("RssAnon:"))
}

/// How many lines have a session.
fn connected(station: &Process) -> usize {
    let lines = station.get("/lines").unwrap();
    let up =
        |line: &&Value| line["status"] == "open" && !line["observed"]["evidence"].to_string().contains("no-session");
    lines.as_array().unwrap().iter().filter(up).count()
}

/// One more line between them.
fn pair(inviter: &Process, joiner: &Process) {
    let done = |told: Option<(u16, Value)>| {
        let (status, told) = told.unwrap();
        assert_eq!(status, 200, "{told}");
        told
    };
    let invited = done(inviter.post("/pairings/invite", &json!({})));
    let joined = done(joiner.post("/pairings/join", &json!({ "invitation": invited["invitation"] })));
    let line = joined["line"].as_str().unwrap();
    let digits = |station: &Process| {
        wait("digits to compare", || {
            let pairings = station.get("/pairings")?;
            let ours = pairings.as_array()?.iter().find(|pairing| pairing["line"] == line)?.clone();
            ours["candidates"][0]["digits"].as_str().map(str::to_owned)
        })
    };
    let (here, there) = (digits(inviter), digits(joiner));
    assert_eq!(here, there);
    for station in [joiner, inviter] {
        done(station.post("/pairings/confirm", &json!({ "line": line, "digits": here })));
    }
    for station in [inviter, joiner] {
        wait("an open line", || {
            let lines = station.get("/lines")?;
            lines.as_array()?.iter().any(|l| l["line"] == line && l["status"] == "open").then_some(())
        });
    }
}
