//! What a stranger, an operator or a broken machine does to a station that serves. Each is answered with what was wrong and what
//! to do, and nothing that was recorded is lost.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking; what was left out is to be read"
)]

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::denied::denied;
use super::moved_clock::{self, MovedClock};
use super::processes::{Process, call, free_address, pair, paired, wait};
use super::scratch::Scratch;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_counterpart");
/// Nothing that refuses to start takes longer.
const REFUSAL_S: &str = "60";

/// One command of the program: its exit code, and all that it said.
fn command(data: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("timeout");
    command.args([REFUSAL_S, PROGRAM, "--data"]).arg(data).args(args).stdin(Stdio::null());
    let ended = command.output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8(said).unwrap())
}

/// A command that is answered with `code`, and every one of `parts` in what it says.
fn said(data: &Path, args: &[&str], code: i32, parts: &[&str]) {
    let (ended, said) = command(data, args);
    assert_eq!(ended, Some(code), "{args:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{args:?}: “{part}” is not in: {said}");
    }
}

fn ask(station: &Process, words: &str) -> (u16, Value) {
    let words = json!({ "text": words });
    let form = json!({ "act": "ask", "from": "minister", "to": "minister", "mark": "TEST", "words": words });
    station.post("/acts", &form).unwrap()
}

/// Every finding of the doctor is well.
fn is_in_order(data: &Path) {
    said(data, &["doctor"], 0, &["The database hangs together"]);
}

#[test]
fn a_configuration_that_breaks_keeps_the_station_from_starting_and_nobody_from_its_record() {
    let scratch = Scratch::new("bad-config");
    let [mut north, _south] = paired(scratch.path());
    let (_, done) = ask(&north, "before");
    north.kill();
    let file = north.data.join("counterpart.toml");
    let good = std::fs::read(&file).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    let appended = |more: &[u8]| [good.as_slice(), more].concat();

    for (broken, parts) in [
        (text.replace("listen = ", "listen = 5 # ").into_bytes(), ["link.listen", "Write, for example: listen ="]),
        (text.replace("\"FLASH\"", "\"flash\"").into_bytes(), ["“flash”", "ROUTINE, PRIORITY, IMMEDIATE, FLASH"]),
        (appended(b"colour = 1\n"), ["post.colour", "Remove it, or write"]),
        (appended(&[0xff, 0xfe]), ["it cannot be read", "Take it from a backup"]),
        (Vec::new(), ["organisation: it is missing", "[organisation]"]),
    ] {
        std::fs::write(&file, broken).unwrap();
        let wrong = [&["counterpart.toml"], &parts[..]].concat();
        said(&north.data, &["serve"], 2, &wrong);
        let read = [&wrong[..], &["The record is read without it"]].concat();
        said(&north.data, &["record"], 0, &[&read[..], &["Northland 1"]].concat());
        said(&north.data, &["status", "Northland 1"], 0, &[&read[..], &["Subject: before"]].concat());
        let lines = ["NOT SERVED; declared", "No station serves this directory", "Northland 1"];
        said(&north.data, &["lines"], 0, &[&read[..], &lines].concat());
        said(&north.data, &["doctor"], 3, &[&wrong[..], &["The database hangs together"]].concat());
    }
    std::fs::write(&file, good).unwrap();

    north.serve();
    assert!(north.get("/record").unwrap().to_string().contains(done["entry"]["at"].as_str().unwrap()));
    is_in_order(&north.data);
}

#[test]
fn keys_that_are_missing_or_open_to_others_keep_the_station_from_starting() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("bad-keys");
    let north = Process::init(scratch.path(), "north", "Northland", 50);
    let key = north.data.join("keys/station.key");
    let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();

    mode(0o644);
    said(&north.data, &["serve"], 2, &["mode 644, so others could read the key", "Run: chmod 600"]);
    mode(0o600);
    std::fs::write(&key, "nonsense").unwrap();
    said(&north.data, &["serve"], 2, &["is no key of this kind", "from a backup"]);
    std::fs::remove_file(&key).unwrap();
    said(&north.data, &["serve"], 2, &["station.key cannot be read", "from a backup"]);
}

#[test]
fn an_invitation_that_is_none_damaged_our_own_or_used_is_told_apart_and_nothing_is_kept() {
    let scratch = Scratch::new("bad-invitation");
    let [mut north, mut south, mut third] = [("north", "Northland"), ("south", "Southland"), ("third", "Thirdland")]
        .map(|(name, call_sign)| Process::init(scratch.path(), name, call_sign, 50));
    [&mut north, &mut south, &mut third].into_iter().for_each(Process::serve);
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
    let out = path("invitation");
    said(&north.data, &["invite", "--out", &out], 0, &["in confidence"]);
    let text = std::fs::read_to_string(&out).unwrap();
    let middle = text.len() / 2;
    let swapped = if text.as_bytes().get(middle) == Some(&b'A') { "B" } else { "A" };
    write("damaged", &[&text[..middle], swapped, &text[middle + 1..]].concat());
    write("cut", &text[..text.len() / 2]);
    write("letter", "Dear colleague,\nplease find the invitation attached.\n");

    // Where the file cannot be made, nobody is invited.
    said(&north.data, &["invite", "--out", &out], 2, &["exists", "a place where nothing is yet"]);
    assert_eq!(north.get("/pairings").unwrap().as_array().map(Vec::len), Some(1));
    said(&south.data, &["join", &path("nothing")], 2, &["No such file"]);
    said(&south.data, &["join", &path("letter")], 1, &["This is no invitation", "counterpart-invitation-v1"]);
    said(&south.data, &["join", &path("cut")], 1, &["The end of the invitation is missing", "Paste up to"]);
    said(&south.data, &["join", &path("damaged")], 1, &["was changed on the way", "Copy it again"]);
    said(&north.data, &["join", &out], 1, &["an invitation of this station", "to the other organisation"]);
    said(&south.data, &["pairings"], 0, &["No pairing is under way"]);

    said(&south.data, &["join", &out], 0, &[]);
    let digits = wait("digits", || {
        let pairings = south.get("/pairings")?;
        pairings[0]["candidates"][0]["digits"].as_str().map(str::to_owned)
    });
    said(&south.data, &["confirm", "12345"], 2, &["are not sixteen groups", "as the other side reads them"]);
    let other = digits.replace(['1', '2'], "3");
    said(&south.data, &["confirm", &other], 1, &["belong to no candidate", "--differ"]);
    // A second invitation is under way: the digits say which pairing is meant.
    said(&north.data, &["invite"], 0, &[]);
    said(&north.data, &["abandon", "--line", "ffff0000ffff"], 2, &["No pairing is of line", "Take one of"]);
    said(&south.data, &["confirm", &digits], 0, &[]);
    said(&north.data, &["confirm", &digits], 0, &[]);
    wait("an open line", || north.get("/lines").filter(|lines| lines[0]["status"] == "open"));
    wait("an open line", || south.get("/lines").filter(|lines| lines[0]["status"] == "open"));
    said(&south.data, &["join", &out], 1, &["is open already"]);
    said(&third.data, &["join", &out], 0, &[]);
    wait("that it is used", || {
        let said = third.get("/pairings")?.to_string();
        (said.contains("This invitation has been used.") && said.contains("tell them at once")).then_some(())
    });
}

#[test]
fn a_port_that_is_taken_is_named_with_its_protocol() {
    let scratch = Scratch::new("bad-port");
    let address = free_address();
    let mut north = Process::init_at(scratch.path(), "north", "Northland", 50, address);
    let with = |protocol: &str| format!("Another program listens at {protocol} {address}");

    let tcp = TcpListener::bind(address).unwrap();
    said(&north.data, &["serve"], 3, &["The station does not start.", &with("TCP"), "another port under [link]"]);
    drop(tcp);
    let udp = UdpSocket::bind(address).unwrap();
    said(&north.data, &["serve"], 3, &["The station does not start.", &with("UDP"), "another port under [link]"]);
    drop(udp);
    north.serve();
}

#[test]
fn a_database_of_a_newer_program_is_left_alone_by_every_command() {
    let scratch = Scratch::new("bad-newer");
    let mut north = Process::init(scratch.path(), "north", "Northland", 50);
    let database = north.data.join("counterpart.db");
    let set = |version: u32| {
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection.execute("UPDATE meta SET value = ?1 WHERE key = 'schema_version'", [version]).unwrap()
    };
    let version: u32 = {
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection.query_row("SELECT value FROM meta WHERE key = 'schema_version'", [], |row| row.get(0)).unwrap()
    };

    set(99);
    let newer = "its schema has version 99";
    let to = scratch.path().join("copy").display().to_string();
    said(&north.data, &["serve"], 3, &["The station does not start.", newer, "Start the newer program."]);
    said(&north.data, &["lines"], 3, &["cannot be read.", newer, "Start the newer program."]);
    said(&north.data, &["backup", &to], 3, &["No backup was made.", newer, "Start the newer program."]);
    let (code, told) = command(&north.data, &["doctor"]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains(newer) && !told.contains("restore a backup"), "nothing is wrong with the record: {told}");
    set(version);
    north.serve();
    is_in_order(&north.data);
}

#[test]
fn a_second_process_on_a_data_directory_is_told_which_one_serves() {
    let scratch = Scratch::new("bad-second");
    let mut north = Process::init(scratch.path(), "north", "Northland", 50);
    north.serve();
    let pid = north.pid().unwrap();

    said(&north.data, &["serve"], 3, &[&format!("Process {pid} keeps this record"), &format!("kill {pid}")]);
    let init = ["init", "--name", "X", "--call-sign", "X"];
    said(&north.data, &init, 2, &["counterpart.toml: it cannot be written", "a data directory that is new"]);
    assert!(north.get("/health").is_some(), "the first one serves on");
}

#[test]
fn bytes_from_strangers_disturb_nothing() {
    let scratch = Scratch::new("bad-frames");
    let [north, south] = paired(scratch.path());
    let lines = north.get("/lines").unwrap();
    let text = std::fs::read_to_string(north.data.join("counterpart.toml")).unwrap();
    let listen = text.lines().find_map(|line| line.strip_prefix("listen = ")).unwrap().trim_matches('"').to_owned();

    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    for seed in 0..200u32 {
        let garbage: Vec<u8> = (0..1_200u32).map(|n| (n.wrapping_mul(2_654_435_761) ^ seed) as u8).collect();
        let _ = udp.send_to(&garbage, &listen);
        // A connection that is closed at once is an answer too.
        if let Ok(mut tcp) = TcpStream::connect(&listen) {
            let _ = tcp.write_all(&garbage);
        }
    }
    let mut stalling = TcpStream::connect(&listen).unwrap();
    stalling.write_all(b"GET / HTTP/1.1\r\n").unwrap();

    let (status, done) = ask(&north, "still here");
    assert_eq!(status, 200, "{done}");
    wait("delivery", || south.get("/requests").filter(|r| r.to_string().contains("Northland 1")));
    assert_eq!(north.get("/lines").unwrap()[0]["line"], lines[0]["line"]);
    is_in_order(&north.data);
}

#[test]
fn acts_that_cannot_be_are_refused_with_what_may_be_written_instead() {
    let scratch = Scratch::new("bad-acts");
    let [north, south] = paired(scratch.path());
    assert_eq!(ask(&north, "the tanker adrift").0, 200);
    wait("delivery", || south.get("/requests").filter(|r| r.to_string().contains("Northland 1")));
    let long = scratch.path().join("long");
    std::fs::write(&long, "a".repeat(49_200)).unwrap();
    let size = || south.get("/lines").unwrap()[0]["logs"].clone();
    let is_full = |station: &Process| (station.get("/lines")?[0]["records"]["full"] == true).then_some(());
    wait("that receipts are written", || is_full(&north).and(is_full(&south)));
    let before = size();

    let to = |post: &'static str| ["ask", "--from", "minister", "--to", post, "words"];
    said(&north.data, &to("king"), 1, &["names no such post", "Ours: duty-officer, minister. Theirs: duty-officer"]);
    said(&north.data, &to("King!"), 2, &["“King!” cannot be the name of a post"]);
    let offer =
        |window: &'static str, by: &'static str| ["offer", "Northland 1", "--window", window, "--answer-by", by];
    said(&south.data, &offer("2020-02-03 10:00/11:00", "+2m"), 1, &["has passed.", "Name a time ahead."]);
    said(&south.data, &offer("tomorrow 10:00/11:00", "2020-02-03 10:00"), 1, &["has passed.", "Name a time ahead."]);
    said(&south.data, &offer("tomorrow 11:00/10:00", "+2m"), 2, &["does not end after it starts"]);
    said(&south.data, &offer("tomorrow 10:00/+8d", "+2m"), 2, &["longer than 7 days"]);
    let name = "x".repeat(3_000);
    let (code, told) = command(&south.data, &["status", &name]);
    assert!(code == Some(2) && told.contains("xxx…” names no entry") && told.len() < 300, "{told}");
    let text = Command::new(PROGRAM)
        .arg("--data")
        .arg(&south.data)
        .args(["text", "--from", "minister", "--to", "minister", "-"])
        .stdin(std::fs::File::open(&long).unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8(text.stderr).unwrap();
    assert!(
        text.status.code() == Some(1) && told.contains("the most is 49152 bytes") && told.contains("several texts")
    );
    assert_eq!(size(), before, "nothing of it was written");
}

#[test]
fn clocks_a_day_apart_are_shown_with_evidence_and_everything_works() {
    let scratch = Scratch::new("bad-clock");
    let Some(library) = moved_clock::build(&scratch) else {
        return denied("a C compiler, with which the clock is moved");
    };
    let mut north = Process::init(scratch.path(), "north", "Northland", 50);
    let mut south = Process::init(scratch.path(), "south", "Southland", 50);
    let clock = MovedClock::new(&scratch, library, "south");
    clock.set_day_ahead(86_400);
    south.environment = clock.environment();
    north.serve();
    south.serve();
    pair(&north, &south);

    assert_eq!(ask(&north, "which day is it").0, 200);
    wait("delivery", || north.get("/requests").filter(|r| r.to_string().contains("Delivered")));
    let (status, done) = ask(&south, "another");
    assert_eq!(status, 200, "{done}");
    wait("delivery", || south.get("/requests").filter(|r| r.to_string().contains("Delivered")));
    let sees = |station: &Process, part: &str| {
        let lines = station.get("/lines").unwrap();
        let observed = lines[0]["observed"].clone();
        assert_eq!(observed["state"], "OPEN", "{observed}");
        assert!(observed["sentences"].to_string().contains(part), "{observed}");
    };
    sees(
        &north,
        "ahead of ours: one of the two is wrong. Compare both with a source that you trust, and set the one that is wrong.",
    );
    sees(&south, "behind ours: one of the two is wrong");
    // Set back to the right time, the station says of itself that it has claimed later ones.
    south.kill();
    south.environment.clear();
    south.serve();
    said(&south.data, &["doctor"], 3, &["behind what this station has claimed", "Set the clock"]);
    assert_eq!(ask(&south, "and again").0, 200);
    wait("delivery", || north.get("/requests").filter(|r| r.to_string().contains("Southland 2")));
}

/// A small disk of our own, taken away when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`: this user may not mount.
    fn mount(path: &Path) -> Option<SmallDisk> {
        std::fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs"]).arg(path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| SmallDisk(path.into()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_acts_are_answered_with_what_to_do_and_nothing_recorded_is_lost() {
    let scratch = Scratch::new("bad-full");
    let small = scratch.path().join("small");
    let Some(_disk) = SmallDisk::mount(&small) else {
        return denied("to mount a small tmpfs");
    };
    let mut north = Process::init(&small, "north", "Northland", 50);
    let mut south = Process::init(scratch.path(), "south", "Southland", 50);
    north.serve();
    south.serve();
    pair(&north, &south);
    let text = |n: usize| {
        let words = json!({ "text": format!("{n} {}", "words ".repeat(2_000)) });
        let form = json!({ "act": "text", "from": "minister", "to": "minister", "mark": "TEST", "words": words });
        north.post("/acts", &form).unwrap()
    };

    // What is left of the disk goes first, so that the record itself meets the end.
    let mut ballast = std::fs::File::create(small.join("ballast")).unwrap();
    while ballast.write_all(&[1; 65_536]).is_ok() {}
    let free = |bytes: u64| ballast.set_len(ballast.metadata().unwrap().len() - bytes).unwrap();
    free(400_000);
    let mut recorded = Vec::new();
    let told = loop {
        let (status, told) = text(recorded.len());
        if status != 200 {
            break told;
        }
        recorded.push(told["entry"]["at"].as_str().unwrap().to_owned());
        assert!(recorded.len() < 1_000, "400 kB never filled up");
    };
    assert_eq!((&told["error"]["fault"], &told["error"]["code"]), (&json!("error"), &json!("machine")), "{told}");
    let (what, instead) = (told["error"]["what"].to_string(), told["error"]["do"].to_string());
    assert!(
        what.contains("The disk that holds the record is full.") && what.contains("Nothing was written."),
        "{what}"
    );
    assert!(instead.contains("Free space on it"), "{instead}");
    assert!(north.get("/lines").is_some(), "it can still be looked at");

    free(2_000_000);
    let after = wait("that it goes on by itself", || {
        let (status, told) = text(recorded.len());
        (status == 200).then(|| told["entry"]["at"].as_str().unwrap().to_owned())
    });
    recorded.push(after);
    let held = |data: &Path| {
        let page = call(data, "GET", "/record?limit=1000&offset=0", None).unwrap().1.to_string();
        recorded.iter().all(|at| page.contains(&format!("\"{at}\"")))
    };
    wait("every one at the other end", || held(&south.data).then_some(()));
    north.kill();
    north.serve();
    assert!(held(&north.data), "what was answered stands after a kill");
    is_in_order(&north.data);
}
