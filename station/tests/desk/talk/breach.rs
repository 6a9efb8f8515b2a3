//! Their keys are in other hands: whoever has them speaks the real link with this station, and sends into a call what no call carries.
//! It is limited and named, and the record goes on.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use counterpart::clock::Clock;
use counterpart::keys::Keys;
use counterpart::link::{Control, Dialling, Endpoint, EndpointConfig, Purpose, Writer};
use counterpart_core::act::{Act, Words};
use counterpart_core::ids::{EntryRef, LineId, unhex};
use counterpart_core::link::Rate;
use counterpart_core::link::frame::{Frame, Hello};
use counterpart_core::record::codes::Part;
use counterpart_core::time::Timestamp;
use counterpart_voice::call::Named;
use counterpart_voice::codec::{Codec, Codecs};
use counterpart_voice::packet::Packet;
use counterpart_voice::seat::Number;
use counterpart_voice::state::State;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{answer, page_of, unrecorded};
use crate::Desk;
use crate::door::Client;
use crate::pairs::{Side, officer, serve};
use crate::processes::{Process, free_address, pair, wait};
use crate::scratch::Scratch;

/// What is said in each packet of the flood: a frame of 20 ms (RFC 6716 §3.1).
const SPEECH: [u8; 16] =
    [0x78, 0xd1, 0x5c, 0x0e, 0xa7, 0x93, 0x42, 0xbb, 0x6f, 0x18, 0xe4, 0x2d, 0x71, 0xc9, 0x05, 0x8a];
/// Two frames of one length, and an odd number of bytes.
const UNFRAMED: [u8; 2] = [19 << 3 | 1, 7];
/// By what number the other side reads packets of its calls; here it reads none.
const THERE: u32 = 77;

/// Southland's keys and record, and nothing else of it.
struct Hostile {
    runtime: Runtime,
    south: Side,
    endpoint: Endpoint,
    line: LineId,
    north: std::net::SocketAddr,
}

/// A session of theirs.
struct Session {
    writer: Writer,
    control: Control,
    frames: Receiver<Frame>,
    /// Those that have come and were not looked at.
    come: VecDeque<Frame>,
    /// The calls of which it has told.
    known: Vec<EntryRef>,
    /// Which of their misdeeds Northland has named, by number.
    named: Vec<u64>,
}

impl Hostile {
    fn of(data: PathBuf, line: LineId, north: std::net::SocketAddr) -> Hostile {
        let runtime = Runtime::new().unwrap();
        let keys = Keys::load(&data).unwrap();
        let here = EndpointConfig::at("127.0.0.1:0".parse().unwrap());
        let endpoint = runtime.block_on(Endpoint::bind(&here, keys.link_seed())).unwrap();
        Hostile { south: serve(data), runtime, endpoint, line, north }
    }

    /// A session. While the one of the station that has ended counts as young, another is turned away.
    fn calls(&self) -> Session {
        wait("a session", || {
            let mut session = self.dials();
            let hello = |frame: &Frame| matches!(frame, Frame::Hello(_));
            let frame = session.frames.recv_timeout(Duration::from_secs(5)).ok().filter(hello);
            frame.filter(|_| session.is_kept()).map(|_| session)
        })
    }

    fn dials(&self) -> Session {
        let heads = self.south.keeper.published().borrow().lines[&self.line].held[0].heads;
        let hello = Hello {
            versions: vec![1, 2],
            line: self.line,
            epochs: vec![heads],
            clock: Timestamp(Clock::system().now()),
            rate: Rate { per_second: 1_000, burst: 1_000 },
            software: "hostile".into(),
        };
        let hello = Frame::Hello(hello).encode().unwrap();
        let dial = self.endpoint.dial(self.north, Purpose::Line, None, Dialling::default());
        let (mut reader, mut writer, control) = self.runtime.block_on(dial).unwrap().split();
        // Who is turned away is told so by what it reads.
        let _ = self.runtime.block_on(writer.write_frame(&hello));
        let (to, frames) = channel();
        self.runtime.spawn(async move {
            while let Ok(frame) = reader.read_frame().await {
                drop(to.send(Frame::decode(&frame).unwrap()));
            }
        });
        Session { writer, control, frames, come: VecDeque::new(), known: Vec::new(), named: Vec::new() }
    }

    /// Writes an entry of theirs, as any station does, and sends it.
    fn write(&self, session: &mut Session) {
        let words = Words { salt: [1; 16], language: "en".into(), text: "Still here".into() };
        let done = self.south.keeper.act(self.line, Act::Memo, Some(words), officer(None));
        self.runtime.block_on(done).unwrap();
        // What Northland has already it lets go.
        let recent = self.south.keeper.published().borrow().lines[&self.line].recent.clone();
        for pushed in &recent {
            let (bytes, body) = (pushed.bytes.to_vec(), pushed.body.as_ref().map(|body| body.to_vec()));
            let frame = Frame::Entry { bytes, body }.encode().unwrap();
            self.runtime.block_on(session.writer.write_frame(&frame)).unwrap();
        }
    }

    /// Tells of the next call of which Northland tells: somebody is in it, on the line. By what number Northland reads it.
    fn tells(&self, session: &mut Session) -> u32 {
        let known = session.known.clone();
        let told = |frame: &Frame| match frame {
            Frame::Call { epoch, act, state } if !known.contains(act) => {
                Some((*epoch, *act, State::decode(state).unwrap().number))
            }
            _ => None,
        };
        let (epoch, act, number) = session.until("what it tells of a call", told);
        session.known.push(act);
        let named = Named { part: Part::Principal, listens: false, muted: false, on_line: true, here: true };
        let people = vec![(person(), named)];
        let state = State { number: THERE, codecs: Codecs::all(), through: true, over: None, people, reports: vec![] };
        let frame = Frame::Call { epoch, act, state: state.encode() }.encode().unwrap();
        self.runtime.block_on(session.writer.write_frame(&frame)).unwrap();
        number
    }
}

impl Session {
    /// What comes until it is what is looked for.
    fn until<T>(&mut self, what: &str, look: impl Fn(&Frame) -> Option<T>) -> T {
        loop {
            let frame = if let Some(frame) = self.come.pop_front() {
                frame
            } else {
                let come = self.frames.recv_timeout(Duration::from_secs(30));
                self.noted(come.unwrap_or_else(|why| panic!("{what}: {why}")))
            };
            if let Some(found) = look(&frame) {
                return found;
            }
        }
    }

    fn noted(&mut self, frame: Frame) -> Frame {
        if let Frame::Fault { number, .. } = frame {
            self.named.push(number);
        }
        frame
    }

    /// Whether it is still there after a moment.
    fn is_kept(&mut self) -> bool {
        std::thread::sleep(Duration::from_millis(200));
        self.goes_on()
    }

    /// Takes what has come by now. Whether the session goes on.
    fn goes_on(&mut self) -> bool {
        loop {
            match self.frames.try_recv() {
                Ok(frame) => {
                    let frame = self.noted(frame);
                    self.come.push_back(frame);
                }
                Err(why) => return why == TryRecvError::Empty,
            }
        }
    }
}

fn person() -> Number {
    Number::new(0).unwrap()
}

fn packet(call: u32, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let (codec, timestamp) = (Codec::Opus, sequence.wrapping_mul(960));
    Packet { call, person: person(), codec, begins: false, sequence, timestamp, payload: payload.into() }.encode()
}

/// Northland, which holds one call at a time; Southland's keys and record, whose station has ended; and the line.
fn stolen(scratch: &Scratch) -> (Desk, Hostile, String) {
    let listen = [(); 2].map(|()| free_address());
    let [mut north, mut south] = [("north", "Northland", listen[0]), ("south", "Southland", listen[1])]
        .map(|(name, sign, listen)| Desk::of(Process::init_at(scratch.path(), name, sign, 50, listen)));
    let file = north.station.data.join("counterpart.toml");
    let one = "\n[voice]\nlisten = \"127.0.0.1:0\"\ncalls_max = 1\n";
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + one).unwrap();
    [&mut north, &mut south].into_iter().for_each(|desk| desk.station.serve());
    pair(&north.station, &south.station);
    let mut desks = [north, south];
    let asked = answer(&desks, "Northland 1");
    answer(&desks, "Northland 2");
    desks[1].station.kill();
    let line = LineId(unhex(asked["line"].as_str().unwrap()).unwrap());
    let [north, south] = desks;
    let hostile = Hostile::of(south.station.data.clone(), line, listen[0]);
    (north, hostile, page_of(&asked))
}

/// Somebody at Northland is let into the call of this request, while the other side tells of it.
fn let_in(north: &Desk, hostile: &Hostile, session: &mut Session, request: &str) -> (u16, Value, u32) {
    let form = json!({"on": request, "part": "watch"});
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| north.station.post("/talks/let-in", &form).unwrap());
        let number = hostile.tells(session);
        let (status, told) = asked.join().unwrap();
        (status, told, number)
    })
}

fn arrived(north: &Desk) -> u64 {
    north.station.get("/talks?on=Northland%201").unwrap()["theirs"][0]["received"].as_u64().unwrap()
}

/// Entries of theirs that Northland holds.
fn held(north: &Desk) -> u64 {
    north.station.get("/lines").unwrap()[0]["theirs"]["size"].as_u64().unwrap()
}

/// Their entries and ours go across; ours says this.
fn record_goes_on(north: &Desk, hostile: &Hostile, session: &mut Session, said: &str) {
    let before = held(north);
    hostile.write(session);
    wait("an entry of theirs", || (held(north) > before).then_some(()));
    let memo = json!({"act": "memo", "words": {"text": said}});
    let (status, told) = north.station.post("/acts", &memo).unwrap();
    assert_eq!(status, 200, "{told}");
    let holds = |body: &[u8]| body.windows(said.len()).any(|part| part == said.as_bytes());
    let ours = |frame: &Frame| matches!(frame, Frame::Entry { body: Some(body), .. } if holds(body)).then_some(());
    session.until("an entry of ours", ours);
}

#[test]
fn a_peer_that_floods_a_call_or_sends_what_is_no_packet_is_limited_and_named_once_a_session_and_the_record_goes_on() {
    let scratch = Scratch::new("desk-talk-breach");
    let (north, hostile, page) = stolen(&scratch);
    let mut officer = Client::signed_in(&north, "Duty officer", "watch");
    let mut session = hostile.calls();
    let (status, told, call) = let_in(&north, &hostile, &mut session, "Northland 1");
    assert_eq!(status, 200, "{told}");
    // As many calls as are allowed.
    let (status, told, _) = let_in(&north, &hostile, &mut session, "Northland 2");
    assert!(
        status == 409 && told.to_string().contains("As many people, or calls, are here as may be"),
        "{status} {told}"
    );

    // Some hundred times what a voice takes, for three seconds.
    let clock = Clock::system();
    let begun = clock.moment();
    let flood = session.control.clone();
    let sent = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| {
            let mut sequence = 0;
            // On a slow machine it goes on until it is a flood.
            while clock.moment().ms_since(begun) < 3_000 || sequence <= 5_000 {
                (0..50).for_each(|n| drop(flood.datagram(packet(call, sequence + n, &SPEECH))));
                sequence += 50;
                std::thread::sleep(Duration::from_millis(5));
            }
            sequence
        });
        record_goes_on(&north, &hostile, &mut session, "Beside a flood");
        flooding.join().unwrap()
    });
    let (came, lasted) = (arrived(&north), clock.moment().ms_since(begun));
    println!("of {sent} packets {came} were taken in {lasted} ms");
    assert!(sent > 5_000 && came > 500 && came <= 500 + lasted / 10, "{came} of {sent} in {lasted} ms");
    wait("its word", || {
        assert!(session.goes_on(), "a flood ends no session");
        (!session.named.is_empty()).then_some(())
    });
    assert_eq!(session.named, [17], "named once");
    assert!(officer.get(&page).body.contains("Their station sent more packets of voice than a side may send."));

    // One more is let in, for the 20 s that their browser may take: so the call stays until the last line here.
    let form = json!({"on": "Northland 1", "part": "watch"});
    assert_eq!(north.station.post("/talks/let-in", &form).unwrap().0, 200);

    // The hundredth that is no packet ends the session, and no call.
    let mut wrong = 0;
    while session.goes_on() {
        wrong += 1;
        session.control.datagram(packet(call, wrong, &UNFRAMED));
        std::thread::sleep(Duration::from_millis(2));
        assert!(wrong < 5_000, "it goes on");
    }
    println!("it ended after {wrong} that were none");
    assert!(wrong >= 100 && session.named == [17, 18], "{wrong} {:?}", session.named);
    assert!(officer.get(&page).body.contains("Their station sent what is no packet of voice"));

    // Another session: the call is still there, the record goes on, and what is broken again is named again.
    let mut session = hostile.calls();
    let call = hostile.tells(&mut session);
    record_goes_on(&north, &hostile, &mut session, "After it");
    session.control.datagram(packet(call, 0, &UNFRAMED));
    session.until("its word", |frame| matches!(frame, Frame::Fault { number: 18, .. }).then_some(()));
    assert_eq!(north.station.get("/talks?on=Northland%201").unwrap()["standing"], "open");
    named_and_not_kept(&north);
}

/// The log has a line of each misdeed; of what was sent nothing is anywhere, and no evidence is kept of it.
fn named_and_not_kept(north: &Desk) {
    let log = std::fs::read_to_string(north.station.data.join("test.log")).unwrap();
    for named in ["voice-flood", "malformed-voice"] {
        assert_eq!(log.matches(&format!("misconduct=\"{named}\"")).count(), 1, "{log}");
    }
    let store = rusqlite::Connection::open(north.station.data.join("counterpart.db")).unwrap();
    let kept = store.query_row("SELECT COUNT(*) FROM evidence", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(kept, 0);
    let files = unrecorded::files(&north.station.data);
    assert_eq!(unrecorded::found_in(&[SPEECH.to_vec()], &files), Vec::<PathBuf>::new());
}
