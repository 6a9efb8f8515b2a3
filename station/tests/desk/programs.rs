//! The API over TCP, beside the desk: programs with a token, and what becomes of those without.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::Desk;
use crate::scratch::Scratch;

/// An answer.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Value,
    /// What came after the head, as it came.
    pub text: String,
}

impl Answer {
    fn code(&self) -> (u16, &str) {
        let error = &self.body["error"];
        assert!(
            error["what"].as_str().is_some_and(|what| !what.is_empty())
                && error["do"].as_str().is_some_and(|what| !what.is_empty()),
            "every error has one shape: {}",
            self.body
        );
        (self.status, error["code"].as_str().unwrap())
    }
}

/// Sends a call as it is, and reads until the station closes.
pub fn send(desk: &Desk, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "host") {
        head += &format!("host: {}\r\n", desk.address);
    }
    headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    let mut stream = TcpStream::connect(&desk.address).unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // A station that does not want the rest closes: what it said before counts.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, content) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).unwrap_or_else(|| panic!("no answer to {method} {path}")).parse().unwrap();
    Answer {
        status,
        head: head.to_lowercase(),
        body: serde_json::from_str(content).unwrap_or(Value::Null),
        text: content.into(),
    }
}

/// A program with a token of its own.
pub struct Program<'a> {
    pub desk: &'a Desk,
    pub token: String,
}

impl<'a> Program<'a> {
    pub fn new(desk: &'a Desk, name: &str, role: &str) -> Program<'a> {
        Program::made(desk, &json!({"name": name, "role": role}))
    }

    /// One whose token this form asks for.
    pub fn made(desk: &'a Desk, form: &Value) -> Program<'a> {
        let (status, made) = desk.station.post("/tokens", form).unwrap();
        assert_eq!(status, 200, "{made}");
        Program { desk, token: made["token"].as_str().unwrap().to_owned() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, body.to_string().as_bytes())
    }

    pub fn call(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        send(self.desk, method, &format!("/api/v1{path}"), &[("authorization", &bearer)], body)
    }
}

fn one(scratch: &Scratch) -> Desk {
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    desk
}

#[test]
fn a_program_acts_with_its_token_and_the_station_keeps_which_one_did() {
    let scratch = Scratch::new("program-acts");
    let [north, south] = Desk::two(&scratch);
    let program = Program::new(&north, "Dispatch", "watch");

    let ask = json!({"act": "ask", "from": "minister", "to": "minister", "words": {"text": "Fog at the river mouth"}});
    let asked = program.post("/acts", &ask);
    assert_eq!((asked.status, &asked.body["entry"]["name"]), (200, &json!("Northland 1")), "{}", asked.body);
    let seen = program.get("/requests/Northland%201");
    assert_eq!(seen.body["subject"]["text"], "Fog at the river mouth");

    assert_eq!(north.actors(), ["token Dispatch"]);
    assert_eq!(south.actors(), Vec::<String>::new(), "which token it was stays at home");
}

#[test]
fn a_page_of_long_words_is_shorter_and_all_pages_together_are_the_record() {
    let scratch = Scratch::new("program-pages");
    let [north, _south] = Desk::two(&scratch);
    let program = Program::new(&north, "Dispatch", "watch");
    let words = json!({"text": "x".repeat(45_000)});
    let text = json!({"act": "text", "from": "minister", "to": "minister", "mark": "TEST", "words": words});
    for _ in 0..30 {
        assert_eq!(program.post("/acts", &text).status, 200);
    }

    for with in ["true", "false"] {
        let (mut offset, mut pages, mut texts) = (Some(0), 0, 0);
        while let Some(from) = offset {
            let page = program.get(&format!("/record?limit=1000&words={with}&offset={from}")).body["record"].clone();
            let of = |entry: &&Value| entry["kind"] == "text";
            texts += page["entries"].as_array().unwrap().iter().filter(of).count();
            pages += 1;
            offset = page["next"].as_u64();
        }
        assert_eq!((pages, texts), (2, 30), "a page is bounded by its words, shown or not");
    }
    // The last page ends with the last entry.
    let last = program.get("/record?limit=1000").body["record"].clone();
    let shown = last["entries"].as_array().unwrap().len() as u64;
    assert_eq!(last["offset"].as_u64().unwrap() + shown, last["total"].as_u64().unwrap());
    assert!(last["offset"].as_u64().unwrap() > 0 && last["next"].is_null());
}

#[test]
fn of_a_token_only_its_hash_is_kept_and_it_ends_when_it_is_revoked() {
    let scratch = Scratch::new("program-hash");
    let desk = one(&scratch);
    let program = Program::new(&desk, "Dispatch", "auditor");
    assert_eq!(program.get("/lines").status, 200);
    let twice = desk.station.post("/tokens", &json!({"name": "Dispatch", "role": "watch"})).unwrap();
    assert_eq!((twice.0, &twice.1["error"]["code"]), (409, &json!("token-there")));
    let listed = desk.station.get("/tokens").unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["role"]), (&json!("Dispatch"), &json!("auditor")));

    let raw: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&program.token[2 * n..2 * n + 2], 16).unwrap()).collect();
    for file in std::fs::read_dir(&desk.station.data).unwrap().flatten().filter(|f| f.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap();
        let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(!holds(&raw) && !holds(program.token.as_bytes()), "{:?} holds the token", file.path());
    }

    assert_eq!(desk.station.post("/tokens/revoke", &json!({"name": "Dispatch"})).unwrap().0, 200);
    assert_eq!(program.get("/lines").code(), (401, "token-unknown"));
    let none = desk.station.post("/tokens/revoke", &json!({"name": "Dispatch"})).unwrap();
    assert_eq!((none.0, &none.1["error"]["code"]), (404, &json!("token-none")));
}

#[test]
fn a_token_counts_in_its_header_alone_and_the_eleventh_wrong_one_is_not_looked_at() {
    let scratch = Scratch::new("program-header");
    let desk = one(&scratch);
    let program = Program::new(&desk, "Dispatch", "watch");
    let token = &program.token;

    let none = send(&desk, "GET", "/api/v1/lines", &[], b"");
    assert_eq!(none.code(), (401, "token-missing"));
    assert!(none.head.contains("www-authenticate: bearer"), "{}", none.head);
    let query = send(&desk, "GET", &format!("/api/v1/lines?token={token}&access_token={token}"), &[], b"");
    assert_eq!(query.code(), (401, "token-missing"));
    let cookie = send(&desk, "GET", "/api/v1/lines", &[("cookie", &format!("token={token}"))], b"");
    assert_eq!(cookie.code(), (401, "token-missing"));

    let wrong = |begin: &str| {
        let bearer = format!("Bearer {begin}{}", "0".repeat(64 - begin.len()));
        send(&desk, "GET", "/api/v1/lines", &[("authorization", &bearer)], b"")
    };
    let begin = &token[..8];
    for _ in 0..10 {
        assert_eq!(wrong(begin).code(), (401, "token-unknown"));
    }
    assert_eq!(wrong(begin).code(), (429, "token-tries-spent"));
    assert_eq!(program.get("/lines").status, 200, "the right one is not kept waiting by those who guess beside it");
    let other = Program::new(&desk, "Other", "watch");
    assert_eq!(other.get("/lines").status, 200, "another program at the same address goes on");
}

#[test]
fn what_a_role_may_not_is_told_with_who_may_and_no_token_says_that_a_device_rings() {
    let scratch = Scratch::new("program-roles");
    let desk = one(&scratch);
    let [watch, admin, auditor] = ["watch", "admin", "auditor"].map(|role| Program::new(&desk, role, role));
    let memo = json!({"act": "memo", "words": {"text": "x"}});

    let told = auditor.post("/acts", &memo);
    assert_eq!(told.code(), (403, "role-reads"));
    assert!(told.body["error"]["what"].as_str().unwrap().contains("auditor"));
    assert!(told.body["error"]["do"].as_str().unwrap().contains("watch, admin"));
    assert_eq!(watch.post("/acts", &memo).code(), (409, "line-none"), "it would, had the station a line");
    assert_eq!(watch.get("/users").code(), (403, "role-not"));
    assert_eq!(auditor.get("/pairings").code(), (403, "role-not"), "digits are for who may confirm them");
    assert_eq!(admin.get("/users").status, 200);
    for program in [&watch, &admin, &auditor] {
        assert_eq!(program.get("/lines").status, 200);
        for (method, path) in [
            ("GET", "/bell"),
            ("POST", "/bell/00/rang"),
            ("GET", "/tokens"),
            ("POST", "/tokens"),
            // Whoever has a link acts as its user.
            ("POST", "/users/link"),
            ("POST", "/restore/keys"),
            ("POST", "/restore/open"),
        ] {
            assert_eq!(program.call(method, path, b"{}").code(), (403, "owner-alone"), "{method} {path}");
        }
    }
    let alerting = watch.post("/acts", &json!({"act": "alerting", "on": "Northland 1"}));
    assert_eq!(alerting.code(), (400, "unknown-act"));
}

#[test]
fn a_token_changes_users_but_neither_replaces_one_nor_leaves_the_station_without_an_admin() {
    let scratch = Scratch::new("program-users");
    let desk = one(&scratch);
    let program = Program::new(&desk, "Keeper", "admin");
    let user = |name: &str, role: &str| json!({"name": name, "role": role});
    assert_eq!(program.post("/users", &user("Chief", "admin")).status, 200);
    let made = desk.station.get("/users").unwrap();

    assert_eq!(program.post("/users", &user("Chief", "auditor")).code(), (409, "user-there"));
    assert_eq!(program.post("/users/change", &user("Chief", "auditor")).code(), (409, "admin-last"));
    assert_eq!(program.post("/users/end", &json!({"name": "Chief"})).code(), (409, "admin-last"));
    assert_eq!(program.post("/users/change", &json!({"name": "Chief"})).code(), (400, "user-unchanged"));
    assert_eq!(program.post("/users/change", &user("Nobody", "admin")).code(), (404, "user-unknown"));
    assert_eq!(desk.station.get("/users").unwrap(), made);

    assert_eq!(program.post("/users", &user("Second", "admin")).status, 200);
    assert_eq!(program.post("/users/change", &user("Chief", "auditor")).status, 200);
    assert_eq!(desk.station.post("/users/end", &json!({"name": "Second"})).unwrap().0, 200, "the owner may");
}

#[test]
fn a_page_elsewhere_and_another_name_get_nothing_and_are_told_so_in_the_one_shape() {
    let scratch = Scratch::new("program-elsewhere");
    let desk = one(&scratch);
    let program = Program::new(&desk, "Dispatch", "admin");
    let bearer = format!("Bearer {}", program.token);
    let with = |name, value| {
        let headers = [("authorization", bearer.as_str()), (name, value)];
        send(&desk, "POST", "/api/v1/pairings/invite", &headers, b"{}")
    };

    assert_eq!(with("origin", "https://evil.example").code(), (403, "elsewhere"));
    assert_eq!(with("host", "evil.example").code(), (421, "host-other"));
    assert_eq!(program.get("/nowhere").code(), (404, "no-such-route"));
    assert_eq!(program.call("DELETE", "/lines", b"").code(), (405, "wrong-method"));
    assert_eq!(program.post("/pairings/invite", &json!({})).status, 200);
}

#[test]
fn the_document_names_every_call_that_is_answered_and_no_other() {
    let scratch = Scratch::new("program-document");
    let desk = one(&scratch);
    let program = Program::new(&desk, "Dispatch", "admin");
    let document = send(&desk, "GET", "/api/v1/openapi.json", &[], b"");
    assert_eq!((document.status, &document.body["openapi"]), (200, &json!("3.1.0")), "it needs no token");
    let paths = document.body["paths"].as_object().unwrap();
    assert!(paths.len() > 25, "{}", paths.len());

    let mut answered = 0;
    for (path, methods) in paths {
        let place = path.replace("{name}", "Northland%201").replace("{session}", "00").replace("{secret}", "00");
        // Without a position it would never end.
        let place = place.replace("/events", "/events?after=x");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let told = program.call(method, &place, b"{}");
            let code = told.body["error"]["code"].as_str().unwrap_or("none");
            let named = methods.get(method.to_lowercase());
            assert_eq!(code == "wrong-method", named.is_none(), "{method} {path}: {code}");
            assert!(code != "no-such-route" && told.status < 500, "{method} {path}: {} {code}", told.status);
            // What the document says of roles is what is done.
            let may =
                named.is_none_or(|call| call["x-roles"].as_array().is_none_or(|may| may.contains(&json!("admin"))));
            assert_eq!(code == "owner-alone", !may, "{method} {path}: {code}");
            answered += usize::from(named.is_some());
        }
    }
    let named: usize = paths.values().map(|methods| methods.as_object().unwrap().len()).sum();
    assert_eq!(answered, named, "the document names a method that was not tried");
    let codes = document.body["x-codes"].as_array().unwrap();
    assert!(codes.iter().any(|code| *code == json!({"code": "token-unknown", "fault": "refusal", "status": 401})));
}
