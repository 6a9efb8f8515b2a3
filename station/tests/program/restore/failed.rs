//! An opening that fails half way: nothing that was drawn or granted for it is lost, or counts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use counterpart::keys::Granted;
use counterpart_core::ids::unhex;
use serde_json::json;

use super::{Story, ask, command, even, restore, sets, waits};
use crate::processes::Process;

/// What becomes of the call that opens an epoch.
#[derive(Clone, Copy, PartialEq)]
enum Opening {
    /// It is answered that nothing was opened.
    Denied,
    /// It is done, and the answer is lost.
    Unanswered,
}

/// A directory at whose socket the calls to a station are passed on, but for the one that opens an epoch.
fn between(story: &Story, name: &str, opening: Opening) -> PathBuf {
    let dir = story.scratch.path().join(name);
    std::fs::create_dir(&dir).unwrap();
    std::fs::copy(story.north.data.join("counterpart.toml"), dir.join("counterpart.toml")).unwrap();
    let listener = UnixListener::bind(dir.join("socket")).unwrap();
    let station = story.north.data.join("socket");
    std::thread::spawn(move || {
        for caller in listener.incoming() {
            let station = station.clone();
            std::thread::spawn(move || pass_on(caller.unwrap(), &station, opening));
        }
    });
    dir
}

fn pass_on(mut caller: UnixStream, station: &Path, opening: Opening) {
    let mut head = [0; 64];
    let read = caller.read(&mut head).unwrap();
    let begun = &head[..read];
    let opens = begun.starts_with(b"POST /api/v1/restore/open ");
    if opens && opening == Opening::Denied {
        let told = json!({ "error": { "code": "restore-moved", "fault": "refusal", "what": "It has moved.", "do": "Again." } });
        let told = told.to_string();
        let length = told.len();
        let head =
            format!("HTTP/1.1 409 Conflict\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        caller.write_all((head + &told).as_bytes()).unwrap();
        return;
    }
    let mut to = UnixStream::connect(station).unwrap();
    to.write_all(begun).unwrap();
    let (mut from, mut back) = (to.try_clone().unwrap(), caller.try_clone().unwrap());
    let answers = std::thread::spawn(move || {
        if opens {
            // It is committed when the first byte of the answer comes.
            let _ = from.read(&mut [0; 1]);
        } else {
            let _ = std::io::copy(&mut from, &mut back);
        }
        let _ = back.shutdown(Shutdown::Both);
    });
    let _ = std::io::copy(&mut caller, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = answers.join();
}

/// What was written after the backup waits; the name of that part.
fn restored(name: &str) -> (Story, String) {
    let mut story = Story::new(name);
    ask(&story.north, "after the backup");
    even([&story.north, &story.south], 0, [4, 2]);
    story.north.kill();
    story.restore();
    let part = waits(&story.north, "judgement")["shown"][0]["name"].as_str().unwrap().to_owned();
    (story, part)
}

#[test]
fn an_opening_that_fails_ends_no_key_and_its_keys_are_used_by_the_next() {
    let (story, part) = restored("restore-fails");
    let denied = between(&story, "denied", Opening::Denied);

    for _ in 0..2 {
        let (code, out, err) = story.open_at(&denied, &["--part", &part]);
        assert!(code == 1 && err.contains("It has moved."), "{code} {out}{err}");
        assert_eq!(story.granted().len(), 1, "the key before is the last that root has granted");
    }

    assert_eq!(sets(&story.north.data), 2, "one was drawn");
    waits(&story.north, "judgement");
    let (code, out, err) = story.open(&["--part", &part]);
    assert!(code == 0 && out.contains("taken back"), "no ended key made it: {code} {out}{err}");
    assert_eq!((sets(&story.north.data), story.granted().len()), (2, 2));
    even([&story.north, &story.south], 1, [1, 1]);
}

#[test]
fn a_grant_that_a_killed_command_left_on_roots_list_ends_no_key() {
    let (story, part) = restored("restore-left");
    let (line, backup) = (story.line(), story.scratch.path().join("left"));
    let form = json!({ "lines": [line.to_string()], "backup": backup });
    let (status, keys) = story.north.post("/restore/keys", &form).unwrap();
    assert_eq!(status, 200, "{keys}");
    let station = unhex(keys["station"].as_str().unwrap()).unwrap();
    // The command was killed when it had written this.
    Granted { line: Some(line), epoch: 1, station }.append(&story.list()).unwrap();
    assert_eq!(story.granted().len(), 2);

    let (code, out, err) = story.judge(&[]);
    assert!(code == 0 && out.contains("has its key last, so nobody else had it"), "{out}{err}");
    let (code, out, err) = story.open(&["--part", &part]);

    assert!(code == 0 && out.contains("taken back"), "no ended key made it: {code} {out}{err}");
    assert_eq!(story.granted().last(), Some(&station));
    let list = std::fs::read_to_string(story.list()).unwrap();
    assert_eq!(list.matches("counterpart-withdrawn-v1").count(), 1, "{list}");
    even([&story.north, &story.south], 1, [1, 1]);
}

#[test]
fn an_opening_whose_answer_is_lost_keeps_its_grant() {
    let (story, part) = restored("restore-unanswered");
    let unanswered = between(&story, "unanswered", Opening::Unanswered);

    let (code, out, err) = story.open_at(&unanswered, &["--part", &part]);

    assert!(code == 3 && err.contains("not known whether the epoch was opened"), "{code} {out}{err}");
    let view = restore(&story.north);
    assert_eq!((&view["waits"], &view["epoch"]), (&json!("nothing"), &json!(1)));
    assert_eq!(story.granted().len(), 2);
    ask(&story.north, "it goes on");
}

#[test]
fn keys_that_no_backup_of_this_record_holds_open_nothing() {
    let (mut story, _) = restored("restore-unbound");
    let line = story.line().to_string();
    let first = counterpart_core::ids::hex;
    let mut station = String::new();
    first(&mut station, &counterpart::keys::Keys::load(&story.north.data).unwrap().public().station).unwrap();
    let draft = |north: &Process, station: &str| {
        let (status, told) = north.post("/restore/draft", &json!({ "line": line, "station": station })).unwrap();
        (status, told["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let unbound = (409, "restore-unbound".to_owned());
    assert_eq!(draft(&story.north, &station), unbound, "init's key");

    // A folder that is there already holds no backup of the keys; they are not lost.
    let copy = story.scratch.path().join("copy");
    for _ in 0..3 {
        let (status, told) = story.north.post("/restore/keys", &json!({ "lines": [line], "backup": copy })).unwrap();
        assert!(status >= 400, "{told}");
        assert_eq!(sets(&story.north.data), 2);
    }
    let backup = story.scratch.path().join("bound");
    let (status, keys) = story.north.post("/restore/keys", &json!({ "lines": [line], "backup": backup })).unwrap();
    assert_eq!((status, sets(&story.north.data)), (200, 2), "{keys}");
    let drawn = keys["station"].as_str().unwrap();
    assert_eq!(draft(&story.north, drawn).1, "awaits-judgement", "they may serve");

    // In a copy they may not: the original may have opened an epoch with them since.
    story.north.kill();
    let second = story.scratch.path().join("second");
    let (code, out, err) = command(&story.north.data, &["backup", second.to_str().unwrap()]);
    assert_eq!(code, 0, "{out}{err}");
    story.north = Process::at(&second, story.scratch.path().join("second.mark"));
    story.north.serve();
    assert_eq!(draft(&story.north, drawn), unbound);
    let third = story.scratch.path().join("third");
    let (status, anew) = story.north.post("/restore/keys", &json!({ "lines": [line], "backup": third })).unwrap();
    assert_eq!((status, sets(&second)), (200, 3), "{anew}");
    assert_ne!(anew["station"], keys["station"]);
}
