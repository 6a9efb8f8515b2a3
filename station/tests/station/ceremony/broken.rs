//! Stations that are killed between any two steps, restored, or visited by strangers.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use counterpart::link::{Connection, Dialling, Endpoint, EndpointConfig, Purpose};
use counterpart::pairing::Fault;
use counterpart_core::fault::Misconduct;
use counterpart_core::ids::LineId;
use counterpart_core::pairing::frames::{Frame, Why};
use counterpart_core::pairing::invitation::Invitation;
use counterpart_core::pairing::{End, Refusal, Standing};

use super::stations::{Home, Runs, Station, confirm_both, serves};
use super::two;
use crate::scratch::Scratch;

/// The steps of a ceremony. After each of them one side, or both, is killed and started again.
fn step(number: usize, [north, south]: [&Station; 2], (line, text): (LineId, &str)) {
    match number {
        0 => assert_eq!(south.join(text), line),
        1 => {
            assert_eq!(north.digits(line), south.digits(line));
        }
        2 => south.confirm(line, &south.digits(line)).unwrap(),
        3 => north.confirm(line, &north.digits(line)).unwrap(),
        _ => {
            north.until_standing(line, Standing::Open);
            south.until_standing(line, Standing::Open);
        }
    }
}

#[test]
fn a_side_that_is_killed_between_two_steps_goes_on_from_its_store() {
    for victims in [[true, false], [false, true], [true, true]] {
        let scratch = Scratch::new("ceremony-killed");
        let [mut north, mut south] = two(&scratch);
        let (line, text) = north.invite();
        for number in 0..5 {
            if victims[0] {
                north = north.killed_and_started();
            }
            if victims[1] {
                south = south.killed_and_started();
            }
            step(number, [&north, &south], (line, &text));
        }
        serves(&north, &south, line);
    }
}

#[test]
fn a_side_that_is_killed_while_both_sign_opens_the_line_later() {
    for wait in 0..12 {
        let scratch = Scratch::new("ceremony-signing");
        let [mut north, mut south] = two(&scratch);
        let (line, text) = north.invite();
        south.join(&text);
        confirm_both(&south, &north, line);
        std::thread::sleep(Duration::from_millis(wait * 2));
        if wait % 2 == 0 {
            north = north.killed_and_started();
        } else {
            south = south.killed_and_started();
        }

        serves(&south, &north, line);
    }
}

#[test]
fn an_index_0_that_comes_by_the_ordinary_session_finishes_the_pairing() {
    let scratch = Scratch::new("ceremony-session");
    let [north, south] = two(&scratch);
    let (line, text) = north.invite();
    south.join(&text);
    let digits = [north.digits(line), south.digits(line)];
    south.confirm(line, &digits[1]).unwrap();
    north.until(line, "they confirmed", |view| view.candidates.iter().any(|c| c.they_confirmed));
    let south = south.kill();
    north.confirm(line, &digits[0]).unwrap();
    north.until_standing(line, Standing::Countersigned);
    let north = north.kill();
    let countersigned = copied(&north, &scratch);

    // What the joiner answers is lost: the inviter goes on from before it came.
    let other = north.start_with(Runs::PairingOnly);
    let south = south.start_with(Runs::PairingOnly);
    south.until_standing(line, Standing::Open);
    other.until_standing(line, Standing::Open);
    drop(other.kill());
    let south = south.kill();
    let north = countersigned.start_with(Runs::SessionsOnly);
    assert_eq!(north.view(line).standing, Standing::Countersigned);
    let south = south.start();

    north.until_standing(line, Standing::Open);
    serves(&north, &south, line);
}

/// Another disk with the same bytes, so not a restored copy.
fn copied(home: &Home, scratch: &Scratch) -> Home {
    let data = scratch.path().join("copied");
    // Not by another program: one that is just started holds our locks for a moment.
    copy(&home.data, &data);
    Home { data, name: home.name.clone(), address: home.address }
}

fn copy(from: &Path, to: &Path) {
    std::fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, place) = entry.map(|e| (e.path(), to.join(e.file_name()))).unwrap();
        if path.is_dir() {
            copy(&path, &place);
        } else {
            std::fs::copy(&path, &place).unwrap();
        }
    }
}

#[test]
fn a_restored_copy_ends_its_open_invitations_once_and_makes_new_ones() {
    let scratch = Scratch::new("ceremony-restored");
    let [north, south] = two(&scratch);
    let (line, text) = north.invite();
    south.join(&text);
    let digits = [north.digits(line), south.digits(line)];
    south.confirm(line, &digits[1]).unwrap();
    std::fs::write(north.home.data.join("counterpart.toml"), "").unwrap();
    let data = scratch.path().join("restored");
    counterpart::store::back_up(&north.home.data, &data).unwrap();
    let home = north.kill();

    let north = Home { data, ..home }.start();
    assert_eq!(north.view(line).standing, Standing::Ended(End::Restored));
    let refused = north.confirm(line, &digits[0]);
    assert!(matches!(refused, Err(Fault::Refused(Refusal::Ended(End::Restored)))), "{refused:?}");
    south.until_standing(line, Standing::Ended(End::Theirs));

    let (line, text) = north.invite();
    let north = north.killed_and_started();
    assert_eq!(north.view(line).standing, Standing::Waiting);
    south.join(&text);
    confirm_both(&north, &south, line);
    serves(&north, &south, line);
}

/// Somebody who is no station.
struct Stranger {
    runtime: tokio::runtime::Runtime,
    endpoint: Endpoint,
}

impl Stranger {
    fn new() -> Stranger {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let config = EndpointConfig::at("127.0.0.1:0".parse().unwrap());
        let endpoint = runtime.block_on(Endpoint::bind(&config, &[77; 32])).unwrap();
        Stranger { runtime, endpoint }
    }

    fn dial(&self, to: &Station) -> Connection {
        let dial = self.endpoint.dial(to.home.address, Purpose::Pairing, None, Dialling::default());
        self.runtime.block_on(dial).unwrap()
    }

    /// Says this and hears the answer; `None` if the connection ends without one.
    fn says(&self, to: &Station, frame: &[u8]) -> Option<Frame> {
        let connection = self.dial(to);
        self.runtime.block_on(async {
            let (mut reader, mut writer, _control) = connection.split();
            writer.write_frame(frame).await.unwrap();
            let answer = tokio::time::timeout(Duration::from_secs(20), reader.read_frame()).await.expect("an end");
            answer.ok().map(|bytes| Frame::decode(&bytes).unwrap())
        })
    }
}

#[test]
fn strangers_are_turned_away_and_keep_nobody_out() {
    let scratch = Scratch::new("ceremony-strangers");
    let [north, south] = two(&scratch);
    let (line, text) = north.invite();
    let stranger = Stranger::new();

    assert_eq!(stranger.says(&north, b"\xff not a frame"), None);
    assert_eq!(stranger.says(&north, &Frame::Refused(Why::Full).encode()), None);
    let nowhere = Frame::Gone { line: LineId([1; 16]) }.encode();
    assert_eq!(stranger.says(&north, &nowhere), Some(Frame::Refused(Why::NoInvitation)));
    assert_eq!(stranger.says(&north, &Frame::Gone { line }.encode()), None);
    let silent: Vec<Connection> = (0..20).map(|_| stranger.dial(&north)).collect();
    south.join(&text);
    confirm_both(&north, &south, line);

    serves(&north, &south, line);
    drop(silent);
}

#[test]
fn a_candidate_that_breaks_the_protocol_is_hung_up_with_evidence_and_the_invitation_stands() {
    let scratch = Scratch::new("ceremony-misconduct");
    let [north, south] = two(&scratch);
    let (line, text) = north.invite();
    south.join(&text);
    let digits = north.digits(line);
    let south = south.kill();
    // The same key, with a program that says what no joiner says.
    let keys = counterpart::keys::Keys::load(&south.data).unwrap();
    let mut rogue = Stranger::new();
    let config = EndpointConfig::at("127.0.0.1:0".parse().unwrap());
    rogue.endpoint = rogue.runtime.block_on(Endpoint::bind(&config, keys.link_seed())).unwrap();
    let invited = Invitation::parse(&text).unwrap();
    let connection = rogue.dial(&north);
    rogue.runtime.block_on(async {
        let (mut reader, mut writer, _control) = connection.split();
        let hello = Frame::Hello { line, proof: [0; 32], terms: Box::new(invited.draft().inviter().clone()) };
        writer.write_frame(&hello.encode()).await.unwrap();
        let answer = reader.read_frame().await.unwrap();
        assert_eq!(Frame::decode(&answer), Ok(Frame::Refused(Why::Proof)));
        writer.write_frame(b"\xff no frame").await.unwrap();
        let end = tokio::time::timeout(Duration::from_secs(20), reader.read_frame()).await.expect("an end");
        assert!(end.is_err());
    });

    let reader = counterpart::store::Reader::open(&north.home.data).unwrap();
    let kept = || reader.evidence(line.0, 10).unwrap();
    // Thirty seconds at most.
    for _ in 0..1_500 {
        if !kept().is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(kept().iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(), [Misconduct::BadFrame.word()]);
    let south = south.start();
    assert_eq!(north.digits(line), digits);
    confirm_both(&north, &south, line);
    serves(&north, &south, line);
}
