//! A station that comes back from a backup, as processes: it signs nothing, takes back what the other side shows, and goes on in a new
//! epoch that root opens (`docs/protocol.md` §4.6).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use counterpart::config::Config;
use counterpart::keys::{Granted, Keys, granted_file};
use counterpart::link::{Dialling, Endpoint, EndpointConfig, Purpose};
use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, LineId, Party, unhex};
use counterpart_core::link::Rate;
use counterpart_core::link::frame::{Frame, Hello};
use counterpart_core::record::entry::Head;
use counterpart_core::record::opening::EpochHeads;
use counterpart_core::time::Timestamp;
use serde_json::{Value, json};

use crate::processes::{Process, pair, wait};
use crate::scratch::Scratch;

fn ask(station: &Process, subject: &str) -> Value {
    let act = json!({ "act": "ask", "from": "duty-officer", "to": "duty-officer", "words": { "text": subject } });
    let (status, told) = station.post("/acts", &act).unwrap();
    assert_eq!(status, 200, "{told}");
    told
}

/// The heads of both logs in an epoch: sizes and roots.
fn heads(station: &Process, epoch: u64) -> Option<Value> {
    station.get(&format!("/record?epoch={epoch}")).map(|page| page["heads"].clone())
}

/// Waits until both hold the same of an epoch, each log of at least these sizes.
fn even(stations: [&Process; 2], epoch: u64, sizes: [u64; 2]) {
    wait("records that are equal", || {
        let [here, there] = stations.map(|station| heads(station, epoch));
        let reached = |at: usize| here.as_ref().is_some_and(|h| h[at]["size"].as_u64() >= Some(sizes[at]));
        (here.is_some() && here == there && reached(0) && reached(1)).then_some(())
    });
}

fn restore(station: &Process) -> Value {
    station.get("/restore").unwrap()[0].clone()
}

fn waits(station: &Process, what: &str) -> Value {
    wait(what, || Some(restore(station)).filter(|view| view["waits"] == *what))
}

/// `counterpart restore …` in a process of its own: its exit code, what it printed, what it complained of.
fn command(station: &Process, args: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_counterpart")).arg("--data").arg(&station.data).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Two paired stations, a backup of the first, and what makes its root key known.
struct Story {
    scratch: Scratch,
    north: Process,
    south: Process,
    copy: PathBuf,
    root_key: PathBuf,
}

impl Story {
    /// Northland has asked once when its backup is made.
    fn new(name: &str) -> Story {
        let scratch = Scratch::new(name);
        let mut north = Process::init(scratch.path(), "north", "Northland", 500);
        let mut south = Process::init(scratch.path(), "south", "Southland", 500);
        north.serve();
        south.serve();
        pair(&north, &south);
        ask(&north, "before the backup");
        even([&north, &south], 0, [2, 2]);
        let copy = scratch.path().join("copy");
        let (code, out, err) = command(&north, &["backup", copy.to_str().unwrap()]);
        assert_eq!(code, 0, "{out}{err}");
        let root_key = scratch.path().join("north.root-key");
        Story { scratch, north, south, copy, root_key }
    }

    /// The disk is lost: the backup serves at the same address.
    fn restore(&mut self) {
        self.north = Process::at(&self.copy, self.scratch.path().join("copy.mark"));
        self.north.serve();
    }

    /// `counterpart restore --open` with the root key.
    fn open(&self, more: &[&str]) -> (i32, String, String) {
        let backup = self.scratch.path().join(format!("backup-{}", more.len()));
        let root = self.root_key.to_str().unwrap();
        let args = ["restore", "--open", "--root-key", root, "--backup", backup.to_str().unwrap()];
        command(&self.north, &[args.as_slice(), more].concat())
    }

    fn line(&self) -> LineId {
        LineId(unhex(restore(&self.north)["line"].as_str().unwrap()).unwrap())
    }
}

#[test]
fn a_restored_station_takes_back_what_it_had_lost_and_goes_on_in_a_new_epoch() {
    let mut story = Story::new("restore-whole");
    ask(&story.north, "after the backup");
    even([&story.north, &story.south], 0, [3, 3]);
    story.north.kill();

    story.restore();
    let held = heads(&story.north, 0).unwrap()[0]["size"].clone();
    let (status, told) = story.north.post("/acts", &json!({ "act": "memo", "words": { "text": "no" } })).unwrap();
    assert_eq!((status, told["error"]["code"].as_str()), (409, Some("restored")), "{told}");
    let view = waits(&story.north, "judgement");
    let shown = &view["shown"][0];
    assert_eq!((&shown["from"], &shown["branch"]), (&held, &json!(false)), "{view}");
    assert!(shown["entries"].as_array().unwrap().iter().any(|entry| entry["kind"] == "ask"), "{view}");
    let (code, out, _) = command(&story.north, &["restore"]);
    assert!(code == 0 && out.contains(&format!("They show our entries #{held}")), "{out}");

    let (code, out, err) = story.open(&[]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("epoch 1 is open") && out.contains("taken back"), "{out}");

    even([&story.north, &story.south], 1, [1, 1]);
    even([&story.north, &story.south], 0, [3, 3]);
    for station in [&story.north, &story.south] {
        let request = station.get("/requests/Northland%202?epoch=0").unwrap();
        assert_eq!(
            (&request["shown"], &request["subject"]["text"]),
            (&json!("BROKEN OFF"), &json!("after the backup"))
        );
        assert_eq!(station.get("/lines").unwrap()[0]["epoch"], json!(1));
    }
    let again = ask(&story.north, "asked again");
    assert_eq!(again["entry"]["name"], json!("Northland 1"), "numbers begin anew");
    wait("a delivery", || {
        let request = story.north.get("/requests/Northland%201")?;
        (request["reached"]["rung"] != json!("SENT")).then_some(())
    });
    let granted = Granted::keys(&granted_file(&story.root_key), story.line()).unwrap();
    assert_eq!(granted.len(), 2, "init's, and the one that serves now");

    // Killed and started again, both know every epoch; a backup made with the new keys holds them.
    story.north.kill();
    story.south.kill();
    story.north.serve();
    story.south.serve();
    ask(&story.south, "after another start");
    even([&story.north, &story.south], 1, [2, 2]);
    for station in [&story.north, &story.south] {
        let (code, out, err) = command(station, &["doctor"]);
        assert_eq!(code, 0, "{out}{err}");
    }
    assert_eq!(Keys::load(&story.scratch.path().join("backup-0")).unwrap().public().root, root(&story.copy));
}

fn root(data: &Path) -> [u8; 32] {
    Keys::load(data).unwrap().public().root
}

#[test]
fn with_a_dark_peer_it_waits_for_a_persons_word_and_keeps_what_comes_late() {
    let mut story = Story::new("restore-dark");
    ask(&story.south, "it will come late");
    even([&story.north, &story.south], 0, [3, 3]);
    story.north.kill();
    story.south.kill();

    story.restore();
    assert_eq!(restore(&story.north)["waits"], json!("peer"));
    let (code, _, err) = story.open(&[]);
    assert!(code == 1 && err.contains("--peer-is-dark"), "{code} {err}");
    let (code, out, err) = story.open(&["--peer-is-dark"]);
    assert_eq!(code, 0, "{out}{err}");
    ask(&story.north, "in the new epoch");
    assert_eq!(heads(&story.north, 0).unwrap()[1]["size"], json!(2), "what Southland asked is not here yet");

    story.south.serve();
    even([&story.north, &story.south], 1, [2, 1]);
    let late = wait("the late entry", || {
        story.north.get("/requests/Southland%201?epoch=0").filter(|request| request["subject"].is_object())
    });
    assert_eq!((&late["shown"], &late["subject"]["text"]), (&json!("BROKEN OFF"), &json!("it will come late")));
    assert_eq!(restore(&story.north)["waits"], json!("nothing"), "what came late stops nothing");
}

#[test]
fn what_an_ended_key_could_have_made_is_not_taken_back_before_a_person_says_so() {
    let mut story = Story::new("restore-ended");
    ask(&story.north, "after the backup");
    even([&story.north, &story.south], 0, [3, 3]);
    let line = story.line();
    story.north.kill();
    // Root's list has a later key than the one under which Southland shows entries.
    let list = granted_file(&story.root_key);
    Granted { line: Some(line), epoch: 1, station: [9; 32] }.append(&list).unwrap();

    story.restore();
    let held = heads(&story.north, 0).unwrap()[0]["size"].clone();
    waits(&story.north, "judgement");
    let (code, _, err) = story.open(&[]);
    assert!(code == 1 && err.contains("--take or --refuse"), "{code} {err}");
    let (code, out, err) = story.open(&["--refuse"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("Nothing was taken back"), "{out}");

    even([&story.north, &story.south], 1, [1, 1]);
    assert_eq!(heads(&story.north, 0).unwrap()[0]["size"], held);
    let (_, out, _) = command(&story.north, &["restore"]);
    assert!(out.contains("nothing to restore") && out.contains("Not taken back, and kept"), "{out}");
    ask(&story.north, "it goes on");
    even([&story.north, &story.south], 1, [2, 1]);
}

#[test]
fn a_peer_that_only_claims_to_hold_more_is_named_and_silences_nobody() {
    let mut story = Story::new("restore-liar");
    story.south.kill();
    let line = story.line();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();

    let told = runtime.block_on(lie(&story, line));
    assert_eq!(told, Misconduct::FalseClaim.number());
    let (code, out, _) = command(&story.north, &["doctor"]);
    assert!(code != 0 && out.contains("false-claim"), "{code} {out}");
    assert_eq!(restore(&story.north)["waits"], json!("nothing"));
    ask(&story.north, "it goes on");

    story.south.serve();
    even([&story.north, &story.south], 0, [3, 3]);
    story.north.kill();
}

/// Poses as Southland, whose link key it has, and claims entries of Northland's log that it cannot show. The number of the
/// misconduct that it is told.
async fn lie(story: &Story, line: LineId) -> u64 {
    let keys = Keys::load(&story.south.data).unwrap();
    let expected = Keys::load(&story.north.data).unwrap().public().link;
    let config = EndpointConfig::at("127.0.0.1:0".parse().unwrap());
    let endpoint = Endpoint::bind(&config, keys.link_seed()).await.unwrap();
    let address = Config::load(&story.north.data).unwrap().link.listen;
    // Northland may not have noticed yet that the connection before is dead, and hangs up on one that seems to cross it.
    let mut tries = 0;
    let (mut reader, mut writer, _control, heard) = loop {
        let dial = endpoint.dial(address, Purpose::Line, Some(expected), Dialling::default());
        let (mut reader, writer, control) = dial.await.unwrap().split();
        match reader.read_frame().await {
            Ok(heard) => break (reader, writer, control, heard),
            Err(fault) if tries == 60 => panic!("{fault}"),
            Err(_) => tries += 1,
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    };
    let Ok(Frame::Hello(theirs)) = Frame::decode(&heard) else { panic!("no hello") };
    let held = theirs.epochs[0];
    let claimed = Head { size: held.heads[0].size + 1, root: [7; 32] };
    let hello = Hello {
        versions: vec![1],
        line,
        epochs: vec![EpochHeads { epoch: Epoch::FIRST, heads: [claimed, held.heads[1]] }],
        clock: Timestamp(theirs.clock.0),
        rate: Rate::default(),
        software: "a liar".into(),
    };
    writer.write_frame(&Frame::Hello(hello).encode().unwrap()).await.unwrap();
    loop {
        let frame = tokio::time::timeout(std::time::Duration::from_secs(60), reader.read_frame()).await.unwrap();
        match Frame::decode(&frame.unwrap()) {
            // Asked to show what it claims, it shows what Northland never signed.
            Ok(Frame::Show { epoch, from }) => {
                let forged = forged(line, epoch, from, &keys);
                writer.write_frame(&Frame::Entry { bytes: forged, body: None }.encode().unwrap()).await.unwrap();
            }
            Ok(Frame::Fault { number, .. }) => return number,
            _ => {}
        }
    }
}

/// An entry in Northland's name, signed by Southland's key.
fn forged(line: LineId, epoch: Epoch, from: u64, keys: &Keys) -> Vec<u8> {
    use counterpart_core::record::entry::Header;
    use counterpart_core::record::merkle::empty_root;
    use counterpart_core::record::sign1::{AAD_ENTRY, seal};
    use counterpart_core::record::what::What;
    let header = Header {
        line,
        epoch,
        party: Party::Inviter,
        own: Head { size: from, root: [7; 32] },
        held: Head { size: 0, root: empty_root() },
        time: Timestamp(1_800_000_000_000),
        refers: None,
        from: None,
        to: None,
        precedence: None,
        mark: None,
        deadline: None,
        body: None,
        lacking: Vec::new(),
        under: None,
        what: Ok(What::Received),
    };
    seal(AAD_ENTRY, &header.encode(), keys)
}
