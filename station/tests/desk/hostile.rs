//! What no form looks like, sent to every call of the API: answered in the one shape, never with a fault of ours, and nothing is written.

use serde_json::{Value, json};

use crate::Desk;
use crate::programs::{Answer, Program, send};
use crate::scratch::Scratch;

/// Texts that are hostile to whoever shows, stores or compares them.
fn texts() -> Vec<String> {
    let markup = "<script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}${7*7}'\";--";
    let marks = "\u{202e}gnp.exe\u{2066}\u{200f}\u{61c}\u{feff}\u{e0041}\u{0}\u{1b}[2J\r\nX-Header: 1";
    vec![
        String::new(),
        " ".into(),
        markup.into(),
        marks.into(),
        "\u{0}".repeat(64),
        "𝔘".repeat(20_000),
        "9".repeat(400),
    ]
}

/// Values of types that no field has.
fn wrong() -> Vec<Value> {
    vec![
        json!(null),
        json!(-1),
        json!(1e308),
        json!([]),
        json!({}),
        json!([[["x"]]]),
        json!({"act": {"act": 1}}),
        json!(vec![0; 10_000]),
    ]
}

fn in_one_shape(told: &Answer, what: &str) {
    assert!((400..500).contains(&told.status), "{what}: {} {}", told.status, told.body);
    let error = &told.body["error"];
    for field in ["code", "fault", "what", "do"] {
        assert!(error[field].as_str().is_some_and(|text| !text.is_empty()), "{what}: {field} of {}", told.body);
    }
    let shown = format!("{}{}", error["what"], error["do"]);
    assert!(!shown.contains('\u{202e}') && !shown.contains('\u{1b}'), "{what}: {shown}");
}

/// Calls that take a body, as the document names them; those that a token may.
fn taking(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap().iter();
    let may = |call: &Value| {
        call["requestBody"].is_object() && call["x-roles"].as_array().is_some_and(|roles| !roles.is_empty())
    };
    paths.filter(|(_, methods)| may(&methods["post"])).map(|(path, _)| path.clone()).collect()
}

/// The station serves, did no act, and did not stumble.
fn unharmed(desk: &Desk) {
    assert_eq!(desk.actors(), Vec::<String>::new());
    let log = std::fs::read_to_string(desk.station.data.join("test.log")).unwrap();
    assert!(!log.contains("panicked") && !log.contains("<script>"), "{log}");
    assert_eq!(desk.station.get("/lines").unwrap()[0]["status"], "open");
}

#[test]
fn a_body_that_is_no_form_is_answered_in_the_one_shape_by_every_call() {
    let scratch = Scratch::new("hostile-bodies");
    let [north, _south] = Desk::two(&scratch);
    let program = Program::new(&north, "Dispatch", "admin");
    let calls = taking(&send(&north, "GET", "/api/v1/openapi.json", &[], b"").body);
    assert!(calls.len() >= 10, "{calls:?}");
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("a zero byte", vec![0]),
        ("zero bytes", vec![0; 4_096]),
        ("a megabyte", [b"{\"act\":\"".to_vec(), vec![b'a'; 1 << 20], b"\"}".to_vec()].concat()),
        ("a megabyte of zero bytes", vec![0; 1 << 20]),
        ("a deep list", deep),
        ("half a form", b"{\"act\":".to_vec()),
        ("no UTF-8", b"{\"act\":\"\xff\xfe\"}".to_vec()),
        ("half a surrogate", br#"{"act":"\ud800","name":"\ud800"}"#.to_vec()),
        ("a field twice", br#"{"act":"memo","act":"ask","name":"a","name":"b"}"#.to_vec()),
        ("a field that none has", br#"{"__proto__":{"role":"admin"}}"#.to_vec()),
    ];

    // Who proposes nothing invites all the same, by the rules that are proposed unless said otherwise.
    let is_whole = |path: &str, body: &[u8]| path == "/pairings/invite" && [&b""[..], b"{}"].contains(&body);
    for path in calls.iter().filter(|path| *path != "/acts/stream") {
        for (what, body) in bodies.iter().filter(|(_, body)| !is_whole(path, body)) {
            in_one_shape(&program.call("POST", path, body), &format!("{what} to {path}"));
        }
        for value in wrong().into_iter().filter(|value| !is_whole(path, value.to_string().as_bytes())) {
            let told = program.post(path, &value);
            // Some forms may be empty: then it is the station that has nothing to do.
            in_one_shape(&told, &format!("{value:.40} to {path}"));
        }
    }
    unharmed(&north);
}

#[test]
fn what_is_wrong_in_any_field_of_any_act_is_answered_in_the_one_shape() {
    let scratch = Scratch::new("hostile-fields");
    let [north, _south] = Desk::two(&scratch);
    let program = Program::new(&north, "Dispatch", "watch");
    let document = send(&north, "GET", "/api/v1/openapi.json", &[], b"").body;
    let acts = document["components"]["schemas"]["ActForm"]["oneOf"].as_array().unwrap();
    assert_eq!(acts.len(), 24);

    let mut forms = Vec::new();
    for act in acts {
        let word = act["properties"]["act"]["const"].as_str().unwrap();
        let needs = act["required"].as_array().unwrap();
        for field in act["properties"].as_object().unwrap().keys() {
            for value in texts().into_iter().map(Value::from).chain(wrong()) {
                let mut form = json!({"act": word, "from": "minister", "to": "minister", "on": "Northland 1"});
                form.as_object_mut().unwrap().retain(|known, _| needs.contains(&json!(known)));
                form[field] = value;
                forms.push((word, field.as_str(), form));
            }
        }
    }
    // One stream takes many: an answer a line, in order.
    for forms in forms.chunks(200) {
        let body: Vec<String> = forms.iter().map(|(_, _, form)| form.to_string()).collect();
        let told = many(&north, &format!("Bearer {}", program.token), body.join("\n").as_bytes());
        assert_eq!(told.len(), forms.len());
        for (body, (word, field, form)) in told.into_iter().zip(forms) {
            // A field that says null is absent, and a token may be any short text: such an act may be done.
            if body["entry"].is_object() {
                assert!(form[field].is_null() || *field == "token", "{word}: {field} of {form:.200}");
            } else {
                in_one_shape(
                    &Answer { status: 400, head: String::new(), body, text: String::new() },
                    &format!("{word}: {field}"),
                );
            }
        }
    }
    let log = std::fs::read_to_string(north.station.data.join("test.log")).unwrap();
    assert!(!log.contains("panicked") && !log.contains("<script>"), "{log}");
    let lines = north.station.get("/lines").unwrap();
    assert_eq!((lines.as_array().unwrap().len(), &lines[0]["status"]), (1, &json!("open")), "{lines}");
}

/// What a stream of acts is answered with, line by line.
fn many(desk: &Desk, bearer: &str, body: &[u8]) -> Vec<Value> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(&desk.address).unwrap();
    let head = format!(
        "POST /api/v1/acts/stream HTTP/1.0\r\nhost: {}\r\nauthorization: {bearer}\r\ncontent-length: {}\r\n\r\n",
        desk.address,
        body.len()
    );
    let mut writer = stream.try_clone().unwrap();
    let body = body.to_vec();
    let sending = std::thread::spawn(move || {
        writer.write_all(head.as_bytes()).unwrap();
        let _ = writer.write_all(&body);
    });
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    sending.join().unwrap();
    let (_, content) = text.split_once("\r\n\r\n").unwrap();
    content.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_address_or_a_header_that_is_none_is_answered_and_harms_nothing() {
    let scratch = Scratch::new("hostile-addresses");
    let [north, _south] = Desk::two(&scratch);
    let program = Program::new(&north, "Dispatch", "watch");

    let long = "a".repeat(20_000);
    for name in ["%00", "%ff%fe", "..%2f..%2fetc%2fpasswd", "%E2%80%AEgnp", "0:99999999999999999999", &long] {
        in_one_shape(&program.get(&format!("/requests/{name}")), name);
    }
    for query in ["epoch=-1", "epoch=x", "epoch=99", "line=%00", "line=a&line=b", "nonsense=1", "%ff=%ff", "epoch=1e3"]
    {
        in_one_shape(&program.get(&format!("/requests/1?{query}")), query);
        in_one_shape(&program.get(&format!("/record?{query}")), query);
    }
    for bearer in ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer ../../x", &format!("Bearer {long}")] {
        let told = send(&north, "GET", "/api/v1/lines", &[("authorization", bearer)], b"");
        assert_eq!(told.status, 401, "{bearer:.20}");
    }
    let limit = program.get("/record?limit=18446744073709551615&offset=18446744073709551615");
    assert_eq!(limit.status, 200, "a page beyond the end is empty: {}", limit.body);
    unharmed(&north);
}
