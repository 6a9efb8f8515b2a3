//! Commands and API against a station that serves its socket: a real keeper and store, the program itself in a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use crate::socket::{Served, bell, counterpart, even_out, rang};
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_asked_as_json_stands_in_the_record_once_with_its_name() {
    let [north, south] = Served::pair("commands-once").await;
    let ask = json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "PRIORITY", "token": "t-1",
        "words": {"text": "The test of this morning"}});

    let (status, done) = north.post("/acts", &ask).await;
    let (_, again) = north.post("/acts", &ask).await;
    even_out(&north, &south).await;

    assert_eq!((status, text(&done["entry"]["name"])), (200, "Northland 1"), "{done}");
    assert_eq!((&again["entry"], &again["repeated"]), (&done["entry"], &json!(true)));
    let seen = json!({"act": "seen", "on": "1", "token": "t-2"});
    let (status, done) = south.post("/acts", &seen).await;
    assert_eq!(status, 200, "{done}");
    south.post("/acts", &json!({"act": "ask", "from": "minister", "to": "minister"})).await;
    let (status, told) = south.post("/acts", &json!({"act": "refer", "on": "1"})).await;
    assert_eq!((status, text(&told["error"]["code"])), (400, "name-ambiguous"));
    let (status, again) = south.post("/acts", &seen).await;
    assert_eq!(
        (status, &again["entry"]),
        (200, &done["entry"]),
        "it stands once, though its name has become ambiguous"
    );
    let (_, request) = south.get("/requests/Northland%201").await;
    assert_eq!(text(&request["subject"]["text"]), "The test of this morning");
    assert_eq!(text(&request["mark"]), "EXERCISE", "the station's default");
    let (_, lines) = south.get("/lines").await;
    assert_eq!((text(&lines[0]["status"]), lines.as_array().unwrap().len()), ("open", 1));
    let (_, there) = north.get("/lines").await;
    assert_eq!(lines[0]["logs"][0], there[0]["logs"][0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_deferred_offered_times_and_agreed_by_forms_alone() {
    let [north, south] = Served::pair("commands-story").await;
    let act = async |station: &Served, act: Value| {
        let (status, told) = station.post("/acts", &act).await;
        even_out(&north, &south).await;
        assert_eq!(status, 200, "{act}: {told}");
        told
    };

    act(&north, json!({"act": "ask", "from": "minister", "to": "minister", "line": "Southland"})).await;
    act(&south, json!({"act": "seen", "on": "Northland 1"})).await;
    act(&south, json!({"act": "defer", "on": "1", "code": "TRAVELLING", "until": "2126-11-24T12:00:00Z"})).await;
    let windows = ["2126-11-25T12:00:00Z/2126-11-25T13:00:00Z@Asia/Seoul", "2126-11-26T12:00:00Z/2126-11-26T13:00:00Z"];
    let offer = json!({"act": "offer", "on": "Northland 1", "windows": windows, "answer_by": "2126-11-25T00:00:00Z"});
    act(&south, offer).await;
    let (status, told) = north.post("/acts", &json!({"act": "accept", "on": "Southland 1"})).await;
    assert_eq!((status, text(&told["error"]["code"])), (400, "window-which"), "{told}");
    act(&north, json!({"act": "accept", "on": "Southland 1", "window": "2"})).await;

    let (_, request) = north.get("/requests/Northland%201?line=Southland").await;
    assert_eq!(text(&request["outcome"]), "AGREED", "{request}");
    assert_eq!(text(&request["agreed"]["start"]), "2126-11-26T12:00:00.000Z");
    assert!(request["plain_lines"].as_array().unwrap().len() <= 12);
    let (_, open) = north.get("/requests").await;
    assert_eq!(open[0]["ours"], json!([]));
    let (_, all) = north.get("/requests?all=true").await;
    assert_eq!(all[0]["ours"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_has_one_shape_a_stable_code_and_the_fact_that_decided() {
    let [north, _south] = Served::pair("commands-errors").await;
    north.post("/acts", &json!({"act": "ask", "from": "minister", "to": "minister"})).await;
    let told = async |act: Value| {
        let (status, told) = north.post("/acts", &act).await;
        let error = &told["error"];
        assert!(!text(&error["what"]).is_empty() && !text(&error["do"]).is_empty(), "{told}");
        (status, text(&error["code"]).to_owned(), text(&error["fault"]).to_owned(), text(&error["fact"]).to_owned())
    };
    let expect = |status, code: &str, fault: &str, fact: &str| (status, code.into(), fault.into(), fact.into());

    let answer = told(json!({"act": "answer", "on": "Northland 1"})).await;
    assert_eq!(answer, expect(409, "own-thing", "refusal", "Northland 1"));
    let nowhere = json!({"act": "ask", "from": "minister", "to": "chancellor"});
    assert_eq!(told(nowhere).await, expect(409, "unknown-post", "refusal", ""));
    let past = json!({"act": "ask", "from": "minister", "to": "minister", "valid_until": "2013-02-12T00:00:00Z"});
    assert_eq!(told(past).await, expect(409, "in-the-past", "refusal", ""));
    let long = json!({"act": "memo", "words": {"text": "x".repeat(50_000)}});
    assert_eq!(told(long).await, expect(409, "too-long", "refusal", ""));
    let large = json!({"act": "memo", "words": {"text": "x".repeat(140_000)}});
    assert_eq!(told(large).await, expect(413, "too-large", "usage", ""));
    assert_eq!(told(json!({"act": "seen", "on": "Northland 7"})).await, expect(400, "name-none-such", "usage", ""));
    assert_eq!(told(json!({"act": "memo", "line": "Vell"})).await, expect(400, "field-missing", "usage", ""));
    let unknown = json!({"act": "memo", "line": "Vell", "words": {"text": "x"}});
    assert_eq!(told(unknown).await, expect(404, "line-unknown", "usage", ""));
    assert_eq!(told(json!({"act": "alerting", "on": "1"})).await, expect(400, "unknown-act", "usage", ""));
    for (method, path, status, code) in [
        ("GET", "/nothing", 404, "no-such-route"),
        ("GET", "/acts", 405, "wrong-method"),
        ("POST", "/lines", 405, "wrong-method"),
    ] {
        let (found, told) = north.call(method, path, None).await;
        assert_eq!((found, text(&told["error"]["code"])), (status, code), "{method} {path}");
    }
    let (_, told) = north.get("/requests/1?colour=red").await;
    assert_eq!(text(&told["error"]["code"]), "query-unreadable", "an unknown name in a query");
    assert!(text(&told["error"]["what"]).contains("unknown field"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_open_bell_that_was_handed_a_ring_makes_it_alerting() {
    let [north, south] = Served::pair("commands-bell").await;
    let mut stream = bell(&south).await;
    let quiet = stream.next().await;
    assert_eq!((&quiet["rings"], &quiet["begun"]), (&json!([]), &json!([])));
    let session = text(&quiet["session"]).to_owned();
    let ask = json!({"act": "ask", "from": "minister", "to": "minister"});
    let (_, asked) = north.post("/acts", &ask).await;
    // Before it stands the receipt of the other side's beginning, or not: that falls due after 250 ms.
    let at = text(&asked["entry"]["at"]);
    let ring = json!({"line": south.line(), "at": at});
    let (status, told) = rang(&south, &session, &ring).await;
    assert_eq!((status, text(&told["error"]["code"])), (409, "not-handed"), "it does not ring yet");
    even_out(&north, &south).await;

    let rings = stream.next().await;
    assert_eq!(text(&rings["begun"][0]["ring"]["entry"]["name"]), "Northland 1");
    let (status, _) = rang(&south, "0123", &ring).await;
    assert_eq!(status, 409, "no such session");
    let (status, told) = rang(&south, &session, &ring).await;
    assert_eq!((status, &told["recorded"]), (200, &json!(true)));
    let (status, told) = rang(&south, &session, &ring).await;
    assert_eq!((status, text(&told["error"]["code"])), (409, "already"));
    south.post("/acts", &json!({"act": "seen", "on": "Northland 1"})).await;
    let stopped = stream.next().await;
    assert_eq!((text(&stopped["stopped"][0]["entry"]["at"]), &stopped["rings"]), (at, &json!([])));

    even_out(&north, &south).await;
    let (_, request) = north.get("/requests/1").await;
    assert_eq!(text(&request["reached"]["rung"]), "SEEN");
    let (_, record) = south.get("/record?words=true").await;
    let kinds: Vec<&str> = record["record"]["entries"].as_array().unwrap().iter().map(|e| text(&e["kind"])).collect();
    assert_eq!(kinds.iter().filter(|k| **k == "alerting").count(), 1, "{kinds:?}");
    drop(stream);
    let (_, asked) = north.post("/acts", &ask).await;
    even_out(&north, &south).await;
    let (_, told) = rang(&south, &session, &json!({"line": south.line(), "at": asked["entry"]["at"]})).await;
    assert_eq!(text(&told["error"]["code"]), "no-such-session", "the stream has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_they_did_rings_until_noted_and_a_deferral_until_a_bell_has_rung() {
    let [north, south] = Served::pair("commands-noted").await;
    for _ in 0..2 {
        north.post("/acts", &json!({"act": "ask", "from": "minister", "to": "minister"})).await;
    }
    even_out(&north, &south).await;
    let (_, deferred) = south.post("/acts", &json!({"act": "defer", "on": "Northland 1"})).await;
    let (_, declined) = south.post("/acts", &json!({"act": "decline", "on": "Northland 2"})).await;
    even_out(&north, &south).await;
    let at = |done: &Value| text(&done["entry"]["at"]).to_owned();

    let mut stream = bell(&north).await;
    let rings = stream.next().await;
    let session = text(&rings["session"]).to_owned();
    let begun: Vec<String> = rings["begun"].as_array().unwrap().iter().map(|rung| at(&rung["ring"])).collect();
    assert_eq!(begun, [at(&deferred), at(&declined)]);
    let (status, told) = rang(&north, &session, &json!({"line": north.line(), "at": at(&deferred)})).await;
    assert_eq!((status, &told["recorded"]), (200, &json!(false)), "nothing of it leaves");
    let stopped = stream.next().await;
    assert_eq!(at(&stopped["stopped"][0]), at(&deferred));
    let noted = counterpart(&north.data, &["noted", &at(&declined)], "").await;
    assert!(noted.code == 0 && noted.out.starts_with("Noted: Southland #"), "{}{}", noted.out, noted.err);
    assert_eq!(stream.next().await["rings"], json!([]));
    let again = counterpart(&north.data, &["noted", &at(&declined)], "").await;
    assert_eq!(again.code, 1, "{}", again.out);
    let (status, told) = north.post("/noted", &json!({"on": "Northland 1"})).await;
    assert_eq!((status, text(&told["error"]["code"])), (409, "not-ringing"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_say_what_the_station_says_and_end_with_the_documented_codes() {
    let [north, south] = Served::pair("commands-program").await;
    let run = async |station: &Served, line: &[&str]| counterpart(&station.data, line, "").await;

    let asked = run(&north, &["ask", "--from", "minister", "--to", "minister", "The tanker adrift"]).await;
    assert_eq!((asked.code, asked.out.as_str()), (0, "Northland 1 is in the record.\n"), "{}", asked.err);
    even_out(&north, &south).await;
    let status = run(&south, &["status", "Northland 1"]).await;
    assert!(status.code == 0 && status.out.contains("The tanker adrift"), "{}{}", status.out, status.err);
    let refused = run(&south, &["renew", "Northland 1"]).await;
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("Only the side that opened Northland 1"), "{}", refused.err);
    let usage = run(&south, &["status", "Northland 99"]).await;
    assert_eq!(usage.code, 2, "{}", usage.out);
    let written =
        counterpart(&south.data, &["--json", "text", "--from", "minister", "--to", "minister", "-"], "Two\nlines\n");
    let written = written.await;
    assert_eq!(written.code, 0, "{}{}", written.out, written.err);
    assert_eq!(text(&serde_json::from_str::<Value>(&written.out).unwrap()["entry"]["name"]), "Southland 1");
    let windows = ["--window", "2126-11-25 12:00/13:00", "--window", "2126-11-25 12:00/+1h@Asia/Seoul"];
    let offer = [["offer", "Northland 1", "--answer-by", "2126-11-24 12:00"].as_slice(), &windows].concat();
    let offered = run(&south, &offer).await;
    assert_eq!(offered.code, 0, "{}{}", offered.out, offered.err);
    let lines = run(&south, &["lines"]).await;
    assert!(lines.code == 0 && lines.out.contains("Northland"), "{}", lines.out);
    let figures = run(&south, &["lines", "--figures", "--year", "2026"]).await;
    assert_eq!(figures.code, 0, "{}", figures.err);
    let doctor = run(&south, &["doctor"]).await;
    assert!(doctor.code == 0 && doctor.out.contains("entries built again"), "{}{}", doctor.out, doctor.err);

    let served = run(&south, &["--json", "record"]).await;
    let (_scratch, data) = south.stop().await;
    let unserved = counterpart(&data, &["--json", "record"], "").await;
    assert_eq!((served.code, served.out.len() > 1_000), (0, true), "{}", served.err);
    assert_eq!(served.out, unserved.out, "a directory that no station serves reads the same");
    for view in [["lines"].as_slice(), &["status"], &["status", "Northland 1"], &["doctor"], &["record", "--words"]] {
        let read = counterpart(&data, view, "").await;
        assert_eq!(read.code, 0, "{view:?}: {}{}", read.out, read.err);
    }
    let absent = counterpart(&data, &["seen", "Northland 1"], "").await;
    assert_eq!(absent.code, 3, "{}", absent.err);
    assert!(absent.err.contains("No station answers"), "{}", absent.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bell_rings_only_on_a_terminal() {
    let [north, south] = Served::pair("commands-tty").await;
    north.post("/acts", &json!({"act": "ask", "from": "minister", "to": "minister"})).await;
    even_out(&north, &south).await;
    let kinds = async || {
        let (_, record) = south.get("/record").await;
        let entries = record["record"]["entries"].as_array().unwrap().clone();
        entries.iter().map(|e| text(&e["kind"]).to_owned()).collect::<Vec<_>>()
    };

    let piped = counterpart(&south.data, &["bell", "--once"], "").await;
    assert!(piped.code == 0 && piped.out.contains("Northland 1") && !piped.out.contains('\u{7}'), "{}", piped.out);
    assert!(piped.err.contains("does not count"), "{}", piped.err);
    assert!(!kinds().await.contains(&"alerting".into()), "a pipe rings for nobody");

    let shown = crate::socket::on_a_terminal(&south.data, &["bell", "--once"]).await;
    assert!(shown.contains("Northland 1") && shown.contains('\u{7}'), "{shown}");
    assert!(kinds().await.contains(&"alerting".into()), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_of_a_stream_stand_in_the_order_of_their_lines_and_are_answered_in_it() {
    let [north, _south] = Served::pair("commands-stream").await;
    let text = |number: usize| json!({"act": "text", "from": "minister", "to": "minister", "token": format!("s-{number}"), "words": {"text": format!("{number}")}});
    let mut lines: Vec<String> = (0..600).map(|number| text(number).to_string()).collect();
    lines.insert(300, r#"{"act":"frobnicate"}"#.into());
    lines.push("no form".into());
    lines.push(text(7).to_string());

    let (status, answers) = crate::socket::stream(&north, lines.join("\n")).await;

    assert_eq!((status, answers.len()), (200, 603));
    let name = |answer: &Value| answer["entry"]["name"].as_str().map(str::to_owned);
    let names: Vec<String> = answers[..601].iter().filter_map(name).collect();
    assert_eq!(names, (1..=600).map(|number| format!("Northland {number}")).collect::<Vec<_>>());
    assert_eq!(answers[300]["error"]["code"], "unknown-act");
    assert_eq!(answers[601]["error"]["code"], "not-object");
    assert_eq!((name(&answers[602]).as_deref(), &answers[602]["repeated"]), (Some("Northland 8"), &json!(true)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_done_instead_is_of_the_thing_that_was_named() {
    let [north, south] = Served::pair("commands-instead").await;
    let run = async |station: &Served, line: &[&str]| counterpart(&station.data, line, "").await;
    let from_to = |act| [act, "--from", "minister", "--to", "minister", "words"];
    run(&north, &from_to("text")).await;
    run(&north, &from_to("ask")).await;
    even_out(&north, &south).await;
    let times = ["offer", "Northland 2", "--answer-by", "2126-11-24 12:00", "--window", "2126-11-25 12:00/13:00"];
    run(&south, &times).await;
    let check = run(&south, &["--json", "check"]).await;
    let check: serde_json::Value = serde_json::from_str(&check.out).unwrap();
    let check = check["entry"]["name"].as_str().unwrap();
    even_out(&north, &south).await;

    for (station, act, name, instead) in [
        (&north, "read", "Northland 1", "Retract it, or wait: they say that it is read."),
        (&south, "retract", "Northland 1", "Say that it is read, or write a text."),
        (&south, "check-reply", check, "Wait: a person of theirs answers it."),
        (&south, "accept", "Southland 1", "Withdraw it, or wait for their answer."),
        (&north, "withdraw", "Southland 1", "Accept or decline it."),
        (&north, "seen", "Northland 2", "Renew, suspend or withdraw it."),
        (&south, "withdraw", "Northland 2", "Defer, offer times, answer or decline."),
    ] {
        let refused = run(station, &[act, name]).await;
        assert!(refused.code == 1 && refused.err.contains(instead), "{act} {name}: {}", refused.err);
    }
    let told = run(&north, &["status", "Northland 1"]).await;
    assert!(told.code == 2 && told.err.contains("“counterpart record --from \"Northland 1\"”"), "{}", told.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_says_what_became_of_each_offer_and_what_may_cross_what_we_took_back() {
    let [north, south] = Served::pair("commands-became").await;
    let run = async |station: &Served, line: &[&str]| {
        let ended = counterpart(&station.data, line, "").await;
        assert_eq!(ended.code, 0, "{line:?}: {}", ended.err);
        even_out(&north, &south).await;
        ended.out
    };
    let times = ["offer", "Northland 1", "--answer-by", "2126-11-24 12:00", "--window", "2126-11-25 12:00/13:00"];
    run(&north, &["ask", "--from", "minister", "--to", "minister", "words"]).await;
    run(&south, &times).await;
    run(&north, &["decline", "Southland 1"]).await;
    run(&south, &["ready", "Northland 1"]).await;
    run(&south, &["withdraw", "Southland 2"]).await;

    let status = run(&north, &["status", "Northland 1"]).await;
    let after = |name: &str| status.split(name).nth(1).unwrap_or_default().to_owned();
    assert!(after("\nOffer Southland 1").contains("\n  DECLINED "), "{status}");
    assert!(after("\nReady Southland 2").contains("\n  WITHDRAWN "), "{status}");

    // Nothing of it goes across meanwhile.
    counterpart(&north.data, &["withdraw", "Northland 1"], "").await;
    let status = counterpart(&north.data, &["status", "Northland 1"], "").await.out;
    let said = status.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("An answer, a decline or an acceptance of theirs may be on its way."), "{status}");
}
