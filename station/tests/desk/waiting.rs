//! What waits to be signed, and what a page must be for its ring to count: over plain HTTP.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::Desk;
use crate::door::Client;
use crate::epochs::FIRST_EPOCH;
use crate::processes::wait;
use crate::scratch::Scratch;

/// Two desks, on the second of which a request of the first stands: its line, its entry.
fn asked(scratch: &Scratch) -> ([Desk; 2], String, String) {
    let desks = Desk::two(scratch);
    let form = json!({"act": "ask", "from": "minister", "to": "minister"});
    assert_eq!(desks[0].station.post("/acts", &form).unwrap().0, 200);
    let view = wait("the ask", || desks[1].station.get("/requests/Northland%201"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (desks, text(&view["line"]), text(&view["request"]["at"]))
}

fn outcome(desk: &Desk) -> String {
    desk.station.get("/requests/Northland%201").unwrap()["outcome"].as_str().unwrap().to_owned()
}

/// Declines on a drawing of the page, so often; the fields of that key.
fn decline(client: &mut Client<'_>, line: &str, on: &str, times: usize) -> String {
    let shown = client.get(&format!("/lines/{line}/requests/{on}"));
    let (form, once) = (shown.field("form"), shown.field("once"));
    let key = format!("act=decline&on={on}&epoch=0&code=LEVEL");
    for _ in 0..times {
        let answer = client.post(&format!("/lines/{line}/acts"), &[("form", &form), ("once", &once), ("key", &key)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
    }
    once
}

#[test]
fn a_key_that_is_pressed_twice_waits_once_and_after_it_was_signed_not_again() {
    let scratch = Scratch::new("wait-twice");
    let ([_north, south], line, on) = asked(&scratch);
    let mut client = Client::signed_in(&south, "Duty officer", "watch");

    let once = decline(&mut client, &line, &on, 2);

    let waits = client.get("/lines").body;
    assert_eq!(waits.matches("not signed yet").count(), 1, "in one bar: {waits}");
    assert_eq!(waits.matches("action=\"/unsigned/").count(), 1);
    let matter = client.get(&format!("/lines/{line}/requests/{on}")).body;
    assert!(matter.contains("Pressed. It is signed at") && !matter.contains("id=\"codes-decline\""), "{matter}");
    assert!(matter.contains("data-key=\"codes-defer\""), "what was not pressed stays a key");
    wait("the decline", || (outcome(&south) == "DECLINED").then_some(()));
    let form = client.get("/lines").field("form");
    let key = format!("act=decline&on={on}&epoch=0&code=LEVEL");
    let again = client.post(&format!("/lines/{line}/acts"), &[("form", &form), ("once", &once), ("key", &key)]);
    assert_eq!(again.status, 303, "it stands: {}", again.body);
    assert!(!client.get("/lines").body.contains("/unsigned/"));
}

#[test]
fn what_waits_can_be_taken_back_where_something_else_rings() {
    let scratch = Scratch::new("wait-ring");
    let ([north, south], line, on) = asked(&scratch);
    let form = json!({"act": "ask", "from": "minister", "to": "minister"});
    assert_eq!(north.station.post("/acts", &form).unwrap().0, 200);
    let next = wait("the second", || south.station.get("/requests/Northland%202"));
    let mut client = Client::signed_in(&south, "Duty officer", "watch");
    decline(&mut client, &line, &on, 1);

    let ring = client.get(&format!("/lines/{line}/ring/{}", next["request"]["at"].as_str().unwrap()));
    let (_, bar) = ring.body.split_once("action=\"/unsigned/").expect("what waits stands on the ring");
    let number = bar.split('"').next().unwrap();
    let back = client.post(&format!("/unsigned/{number}"), &[("form", &ring.field("form"))]);
    let early = client.post("/unsigned/1", &[("form", &ring.field("form"))]);

    assert_eq!((back.status, early.status), (303, 409), "{}", early.body);
    assert!(early.body.contains("has started anew since"), "as of a run before: {}", early.body);
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!(outcome(&south), "OPEN");
}

#[test]
fn signing_out_signs_what_waits_before_the_session_ends() {
    let scratch = Scratch::new("wait-leave");
    let ([_north, south], line, on) = asked(&scratch);
    let mut client = Client::signed_in(&south, "Duty officer", "watch");
    decline(&mut client, &line, &on, 1);
    assert!(client.get("/lines").body.contains("signing out signs it at once"));
    let form = client.get("/lines").field("form");

    let left = client.post("/sign-out", &[("form", &form)]);

    assert_eq!(left.header("location"), Some("/sign-in"));
    assert_eq!(outcome(&south), "DECLINED", "not five seconds later");
}

#[test]
fn a_session_that_is_ended_by_another_signs_nothing_more_and_its_officer_reads_that_next_time() {
    let scratch = Scratch::new("wait-ended");
    let ([_north, south], line, on) = asked(&scratch);
    let mut client = Client::signed_in(&south, "Duty officer", "watch");
    decline(&mut client, &line, &on, 1);
    assert_eq!(south.station.post("/users/sign-out", &json!({"name": "Duty officer"})).unwrap().0, 200);

    std::thread::sleep(std::time::Duration::from_secs(7));

    assert_eq!(outcome(&south), "OPEN", "nobody was there to sign it");
    let (_, link) = south.station.post("/users/link", &json!({"name": "Duty officer"})).unwrap();
    let mut next = Client::by_link(&south, link["url"].as_str().unwrap());
    let told = wait("that its session had ended", || {
        let told = next.get("/lines").body;
        told.contains("had ended before it was signed").then_some(told)
    });
    assert!(told.contains("It was not signed and not sent"), "{told}");
    let number = told.split("/unsigned/").nth(1).unwrap().split('"').next().unwrap();
    let form = next.get("/lines").field("form");
    assert_eq!(next.post(&format!("/unsigned/{number}"), &[("form", &form)]).status, 303);
    assert!(!next.get("/lines").body.contains("/unsigned/"), "it has been read");
}

#[test]
fn only_a_page_that_is_live_and_armed_confirms_a_ring_and_one_that_has_ended_is_no_error() {
    let scratch = Scratch::new("wait-rang");
    let ([north, south], line, on) = asked(&scratch);
    let mut client = Client::signed_in(&south, "Duty officer", "watch");
    let form = client.get("/lines").field("form");
    let mut rang = |stream: &str| {
        let fields =
            [("form", form.as_str()), ("line", &line), ("at", &on), ("epoch", FIRST_EPOCH), ("stream", stream)];
        let answer = client.post("/rang", &fields);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body.contains("true")
    };
    let rung = || north.station.get("/requests/Northland%201").unwrap()["reached"]["rung"].clone();
    assert!(!rang("7"), "there is no such page");

    let mut second = Client::signed_in(&south, "Another officer", "watch");
    let (_foreign, other) = live(&second);
    let foreign = second.get("/lines").field("form");
    assert_eq!(second.post("/bell", &[("form", &foreign), ("stream", &other), ("armed", "yes")]).status, 204);
    assert!(!rang(&other), "another's page");

    let mut own = Client::signed_in(&south, "Third officer", "watch");
    let form = own.get("/lines").field("form");
    let (_stream, stream) = live(&own);
    let fields = [("form", form.as_str()), ("line", &line), ("at", &on), ("epoch", FIRST_EPOCH), ("stream", &stream)];
    assert!(own.post("/rang", &fields).body.contains("false"), "it has not said that it is armed");
    wait("DELIVERED", || (rung() == "DELIVERED").then_some(()));
    assert_eq!(own.post("/bell", &[("form", &form), ("stream", &stream), ("armed", "yes")]).status, 204);
    let mut of_another = fields;
    of_another[3].1 = "1/0707070707070707";
    assert!(own.post("/rang", &of_another).body.contains("false"), "it does not ring in that epoch");
    assert_eq!(rung(), "DELIVERED");
    assert!(own.post("/rang", &fields).body.contains("true"));
    wait("ALERTING", || (rung() == "ALERTING").then_some(()));

    assert_eq!(south.station.post("/acts", &json!({"act": "seen", "on": "Northland 1"})).unwrap().0, 200);
    let over = own.post("/rang", &fields);
    assert_eq!((over.status, over.body.contains("false")), (200, true), "it rings no more, and that is no error");
}

#[test]
fn who_answers_second_is_told_who_was_first_and_led_to_the_request() {
    let scratch = Scratch::new("wait-second");
    let ([_north, south], line, on) = asked(&scratch);
    let mut officers = ["Duty officer 1", "Duty officer 2"].map(|name| Client::signed_in(&south, name, "watch"));
    let drawn = officers.each_mut().map(|officer| officer.get(&format!("/lines/{line}/requests/{on}")));
    let key = format!("act=answer&on={on}&epoch=0");

    let answers = [0, 1].map(|n| {
        let fields = [("form", drawn[n].field("form")), ("once", drawn[n].field("once")), ("key", key.clone())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        officers[n].post(&format!("/lines/{line}/acts"), &fields)
    });

    assert_eq!(answers.each_ref().map(|answer| answer.status), [303, 409]);
    let second = &answers[1].body;
    for part in ["Not signed.", "was written here by Duty officer 1", "Nothing was written", "Open Northland 1"] {
        assert!(second.contains(part), "{part}: {second}");
    }
    assert!(second.contains(&format!("href=\"/lines/{line}/requests/{on}\"")), "{second}");
    assert!(!second.contains("Send it again") && !second.contains("<textarea"), "nothing was typed: {second}");
}

#[test]
fn a_ring_that_ends_because_they_took_it_back_says_so() {
    let scratch = Scratch::new("wait-over");
    let ([north, south], line, on) = asked(&scratch);
    let mut client = Client::signed_in(&south, "Duty officer", "watch");
    let withdraw = json!({"act": "withdraw", "on": "Northland 1"});
    assert_eq!(north.station.post("/acts", &withdraw).unwrap().0, 200);
    wait("the withdrawal", || (outcome(&south) == "WITHDRAWN").then_some(()));

    let over = client.get(&format!("/lines/{line}/ring/{on}")).body;

    assert!(over.contains("Northland 1 rings no more. They took it back (Northland #"), "{over}");
}

/// The live stream of a client, open, and its number.
fn live(client: &Client<'_>) -> (BufReader<TcpStream>, String) {
    let mut stream = TcpStream::connect(&client.desk.address).unwrap();
    let (host, cookies) = (&client.desk.address, client.cookies());
    stream.write_all(format!("GET /live HTTP/1.1\r\nhost: {host}\r\ncookie: {cookies}\r\n\r\n").as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.starts_with("data: ") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream ended");
    }
    let told: Value = serde_json::from_str(line.trim_start_matches("data: ")).unwrap();
    (reader, told["stream"].to_string())
}
