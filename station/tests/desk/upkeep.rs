//! What an admin's program does for the station: sessions, the banner, and the address of the calendar.

use serde_json::{Value, json};

use crate::Desk;
use crate::door::Client;
use crate::programs::{Program, send};
use crate::scratch::Scratch;

fn one(scratch: &Scratch) -> Desk {
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    desk
}

#[test]
fn a_program_of_an_admin_lists_sessions_with_whose_link_each_began_by_and_ends_one_alone() {
    let scratch = Scratch::new("upkeep-sessions");
    let desk = one(&scratch);
    let [admin, watch] = ["admin", "watch"].map(|role| Program::new(&desk, role, role));
    let mut first = Client::signed_in(&desk, "Duty officer 1", "watch");
    let mut second = Client::signed_in(&desk, "Duty officer 2", "watch");
    let list = || admin.get("/sessions").body;

    let sessions = list();
    let of = |user: &str| sessions.as_array().unwrap().iter().find(|s| s["user"] == user).unwrap().clone();
    assert!(of("Duty officer 1")["maker"].as_str().unwrap().starts_with("uid "), "{sessions}");
    assert!(!sessions.to_string().contains(&first.cookies().split('=').nth(1).unwrap().to_owned()));
    assert_eq!(watch.get("/sessions").body["error"]["code"], "role-not");
    let form = json!({"session": of("Duty officer 1")["session"]});
    assert_eq!(watch.post("/sessions/end", &form).status, 403);

    let ended = admin.post("/sessions/end", &form);

    assert_eq!((ended.status, &ended.body["ended"]), (200, &json!(true)), "{}", ended.body);
    assert_eq!((first.get("/lines").status, second.get("/lines").status), (303, 200));
    assert_eq!(list().as_array().unwrap().len(), 1);
    for none in [form["session"].clone(), json!("x")] {
        assert_eq!(admin.post("/sessions/end", &json!({ "session": none })).body["ended"], json!(false));
    }
}

#[test]
fn a_program_of_an_admin_sets_the_banner_of_every_page_and_it_is_kept() {
    let scratch = Scratch::new("upkeep-banner");
    let mut desk = one(&scratch);
    let tokens = ["admin", "auditor"].map(|role| Program::new(&desk, role, role).token);
    let [admin, auditor] = tokens.each_ref().map(|token| Program { desk: &desk, token: token.clone() });
    assert_eq!(auditor.get("/banner").body["banner"], "FOR OFFICIAL USE", "as it is configured");
    let set = |program: &Program<'_>, said: &str| program.post("/banner", &json!({ "banner": said }));
    assert_eq!(set(&auditor, "SECRET").status, 403);
    assert_eq!(set(&admin, &"x".repeat(61)).body["error"]["code"], "banner-unfit");

    assert_eq!(set(&admin, " NORTHLAND · RESTRICTED ").status, 200);

    let mut reads = Client::signed_in(&desk, "Inspector", "auditor");
    assert!(reads.get("/lines").body.contains("<p class=\"banner\" data-mark=\"\">NORTHLAND · RESTRICTED</p>"));
    desk.station.kill();
    desk.station.serve();
    let again = Program { desk: &desk, token: tokens[1].clone() };
    assert_eq!(again.get("/banner").body["banner"], "NORTHLAND · RESTRICTED");
}

#[test]
fn an_address_of_the_calendar_opens_it_without_a_header_and_nothing_else_until_it_is_revoked() {
    let scratch = Scratch::new("upkeep-calendar");
    let desk = one(&scratch);
    let (_, made) = desk.station.post("/tokens", &json!({"name": "Minister's telephone", "role": "calendar"})).unwrap();
    let address = made["address"].as_str().unwrap().to_owned();
    let path = address.split(&desk.address).nth(1).unwrap();
    let get = |path: &str| send(&desk, "GET", path, &[], b"");

    let feed = get(path);

    assert_eq!(feed.status, 200, "{}", feed.text);
    assert!(feed.head.contains("content-type: text/calendar") && feed.text.starts_with("BEGIN:VCALENDAR"));
    // Its secret is no token, and a token is no address: a token that was in an address may have been written down.
    let secret = Program { desk: &desk, token: made["token"].as_str().unwrap().to_owned() };
    let reader = Program::new(&desk, "Reader", "auditor");
    let code = |answer: &Value| answer["error"]["code"].as_str().unwrap_or("none").to_owned();
    for path in ["/lines", "/calendar.ics", "/health"] {
        assert_eq!(code(&secret.get(path).body), "token-unknown", "{path}");
    }
    for wrong in [reader.token.as_str(), "00", ""] {
        let told = get(&format!("/api/v1/calendar/{wrong}"));
        assert!((400..500).contains(&told.status) && !told.text.contains("VCALENDAR"), "{wrong}: {}", told.text);
    }
    let user = desk.station.post("/users", &json!({"name": "x", "role": "calendar"})).unwrap();
    assert_eq!(code(&user.1), "unknown-word", "it is no role of a person");

    assert_eq!(desk.station.post("/tokens/revoke", &json!({"name": "Minister's telephone"})).unwrap().0, 200);
    assert_eq!(get(path).status, 401);
}
