//! Server-sent events for programs: what has come, in order, and on from the last position that was seen.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Desk;
use crate::programs::{Program, send};
use crate::scratch::Scratch;

/// One event.
#[derive(Debug)]
struct Event {
    id: Option<String>,
    kind: String,
    data: Value,
}

/// An open stream.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(program: &Program, path: &str, seen: Option<&str>) -> Events {
        let mut stream = TcpStream::connect(&program.desk.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let seen = seen.map_or_else(String::new, |seen| format!("last-event-id: {seen}\r\n"));
        let (host, token) = (&program.desk.address, &program.token);
        let head = format!(
            "GET /api/v1{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n{seen}connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        Events(BufReader::new(stream))
    }

    /// The next event; `None`: the stream has ended.
    fn next(&mut self) -> Option<Event> {
        let (mut id, mut kind) = (None, String::new());
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            if let Some(said) = line.strip_prefix("id: ") {
                id = Some(said.trim().to_owned());
            } else if let Some(said) = line.strip_prefix("event: ") {
                kind = said.trim().to_owned();
            } else if let Some(said) = line.strip_prefix("data: ") {
                return Some(Event { id, kind, data: serde_json::from_str(said).unwrap() });
            }
        }
    }

    /// The next entry of this type.
    fn entry(&mut self, kind: &str) -> Event {
        loop {
            let event = self.next().unwrap();
            if event.kind == "entry" && event.data["arrived"]["kind"] == kind {
                return event;
            }
        }
    }
}

fn ask(desk: &Desk, subject: &str) {
    let form = json!({"act": "ask", "from": "minister", "to": "minister", "words": {"text": subject}});
    let (status, told) = desk.station.post("/acts", &form).unwrap();
    assert_eq!(status, 200, "{told}");
}

#[test]
fn what_comes_is_told_and_a_program_that_was_away_is_told_what_it_missed_also_after_a_start() {
    let scratch = Scratch::new("events-resume");
    let [north, mut south] = Desk::two(&scratch);
    let token = Program::new(&south, "Reader", "auditor").token;
    let (first, second, third) = {
        let program = Program { desk: &south, token: token.clone() };
        let mut events = Events::open(&program, "/events?words=true", None);
        assert_eq!(events.next().unwrap().kind, "here");
        ask(&north, "Fog at the river mouth");
        let first = events.entry("ask");
        assert_eq!(first.data["arrived"]["said"]["text"], "Fog at the river mouth");
        assert_eq!(first.data["arrived"]["entry"]["name"], "Northland 1");
        drop(events);

        // Nobody reads meanwhile.
        ask(&north, "A second ask");
        ask(&north, "A third ask");
        let mut events = Events::open(&program, "/events", first.id.as_deref());
        let second = events.entry("ask");
        let third = events.entry("ask");
        assert_eq!(
            (&second.data["arrived"]["entry"]["name"], &second.data["arrived"]["said"]),
            (&json!("Northland 2"), &Value::Null)
        );
        (first, second, third)
    };
    south.station.kill();
    south.station.serve();

    let program = Program { desk: &south, token };
    let mut again = Events::open(&program, &format!("/events?after={}", second.id.as_deref().unwrap()), None);
    let missed = again.entry("ask");
    assert_eq!((missed.id, &missed.data), (third.id, &third.data), "the same event with the same position");
    let ordered = |id: &Option<String>| id.as_deref().unwrap().split_once('.').unwrap().1.parse::<u64>().unwrap();
    assert!(ordered(&first.id) < ordered(&second.id));
}

#[test]
fn what_is_observed_of_a_line_is_told_when_it_changes() {
    let scratch = Scratch::new("events-observed");
    let [north, south] = Desk::two(&scratch);
    let program = Program::new(&north, "Reader", "auditor");
    let mut events = Events::open(&program, "/events", None);

    let observed = std::iter::from_fn(|| events.next()).find(|event| event.kind == "observed").unwrap();

    assert_eq!((&observed.data["state"], &observed.id), (&json!("OPEN"), &None));
    drop(south);
}

#[test]
fn a_stream_ends_when_its_token_is_revoked_and_a_position_of_another_record_is_said_to_be_one() {
    let scratch = Scratch::new("events-revoked");
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    let program = Program::new(&desk, "Reader", "auditor");
    for said in ["7.0", "0.99", "x", "0"] {
        let told = program.get(&format!("/events?after={said}"));
        assert_eq!((told.status, &told.body["error"]["code"]), (409, &json!("position-unknown")), "{said}");
    }
    let without = send(&desk, "GET", "/api/v1/events", &[], b"");
    assert_eq!(without.status, 401);

    let mut events = Events::open(&program, "/events", None);
    assert_eq!(events.next().unwrap().kind, "here");
    assert_eq!(desk.station.post("/tokens/revoke", &json!({"name": "Reader"})).unwrap().0, 200);

    assert!(events.next().is_none());
}
