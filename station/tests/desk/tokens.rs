//! The page of tokens: who looks after the station makes them for programs, of a role and until a day, and revokes them.

use std::io::{Read, Write};
use std::net::TcpStream;

use counterpart::api::times::write;
use counterpart::clock::Clock;
use counterpart_core::time::Timestamp;
use serde_json::json;

use crate::browser::Browser;
use crate::door::Client;
use crate::moved_clock::{self, MovedClock};
use crate::programs::{Program, send};
use crate::scratch::Scratch;
use crate::station::browser;
use crate::{Desk, heading};

fn one(scratch: &Scratch) -> Desk {
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    desk
}

/// What a program with this token is answered, and the code of the error if it is one.
fn called(desk: &Desk, token: &str) -> (u16, String) {
    let told = send(desk, "GET", "/api/v1/lines", &[("authorization", &format!("Bearer {token}"))], b"");
    (told.status, told.body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// Makes a token with the keyboard alone; what is shown, once.
fn make(page: &mut Browser, name: &str) -> String {
    page.tab_to("input[name=name]");
    page.write(name);
    page.tab_to("select[name=role]");
    page.press("w");
    page.tab_to("input[name=until]");
    page.tab_to("button[accesskey=n]");
    page.press("Enter");
    page.until("!!document.querySelector('textarea[readonly]')");
    page.look("document.querySelector('textarea[readonly]').value").as_str().unwrap().to_owned()
}

#[test]
fn an_admin_makes_a_token_with_the_keyboard_sees_it_once_and_revokes_it_at_once() {
    let scratch = Scratch::new("tokens-page");
    let desk = one(&scratch);
    let mut page = browser(&desk, "Head of watch", "admin");
    page.tab_to("nav a[href='/settings']");
    page.press("Enter");
    page.until(&heading("Settings"));
    page.tab_to("a[href='/tokens']");
    page.press("Enter");
    page.until(&heading("No program may call"));

    let token = make(&mut page, "Dispatch room, night");

    assert_eq!((token.len(), called(&desk, &token)), (64, (200, String::new())));
    let listed = desk.station.get("/tokens").unwrap()[0].clone();
    assert_eq!(
        (&listed["name"], &listed["role"], &listed["ended"]),
        (&json!("Dispatch room, night"), &json!("watch"), &json!(false))
    );
    let days = page
        .look("(new Date(document.querySelector('input[name=until]').value) - Date.now()) / 86400000")
        .as_f64()
        .unwrap();
    assert!((88.0..=91.0).contains(&days), "a quarter of a year is proposed: {days}");
    assert!(listed["until"].as_str().unwrap().ends_with("T00:00:00.000Z"), "the whole of that day, here UTC: {listed}");
    for (width, scheme) in [(390, "light"), (1280, "dark")] {
        page.picture("tokens", width, scheme);
    }
    // The page does not draw itself anew while it shows the token; gone on from, it is shown no more.
    page.tab_to("a[href='/tokens'].main");
    page.press("Enter");
    page.until("location.pathname === '/tokens' && !document.querySelector('textarea[readonly]')");
    assert_eq!(page.look(&format!("document.documentElement.innerHTML.includes('{token}')")), json!(false));

    page.tab_to("summary[data-key^='sure-']");
    page.press("Enter");
    page.tab_to("button[data-key^='revoke-']");
    page.press("Enter");
    page.until(&heading("No program may call"));
    assert_eq!(called(&desk, &token), (401, "token-unknown".into()));
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn the_page_of_tokens_is_there_in_russian() {
    let scratch = Scratch::new("tokens-russian");
    let desk = one(&scratch);
    let mut page = Browser::start("browser-tokens-ru");
    page.call("Network.enable", json!({}));
    page.call("Network.setExtraHTTPHeaders", json!({"headers": {"Accept-Language": "ru"}}));
    page.take_link(&desk.link("Начальник смены", "admin"));
    page.until("location.pathname === '/lines'");
    page.open(&format!("http://{}/tokens", desk.address));
    page.until(&heading("Ни одной программе обращаться нельзя"));

    make(&mut page, "Пульт диспетчера порта Северный");

    page.until(&heading("Обращаться может 1 программа"));
    for (width, scheme) in [(390, "light"), (1280, "dark")] {
        page.picture("ru-tokens", width, scheme);
    }
}

#[test]
fn without_a_script_a_token_is_made_once_and_what_will_not_do_is_kept_and_said_why() {
    let scratch = Scratch::new("tokens-plain");
    let desk = one(&scratch);
    let mut admin = Client::signed_in(&desk, "Head of watch", "admin");
    let form = admin.get("/tokens").field("form");
    let mut add = |name: &str, role: &str, until: &str| {
        let fields = [("form", form.as_str()), ("key", "act=add"), ("name", name), ("role", role), ("until", until)];
        admin.post("/tokens", &fields)
    };

    for (name, role, until, status, said) in [
        ("Dispatch", "watch", "yesterday 12:00", 400, "is over already"),
        ("Dispatch", "watch", "some day", 400, "some day"),
        ("Dispatch", "owner", "", 400, "watch, admin, auditor"),
        ("token x", "watch", "", 400, "cannot be the name of a token"),
        ("<b>x</b>\u{202e}", "watch", "", 400, "cannot be the name of a token"),
    ] {
        let told = add(name, role, until);
        assert!(told.status == status && told.body.contains(said), "{name} {until}: {} {}", told.status, told.body);
        assert!(
            told.body.contains(&format!("name=\"until\" maxlength=\"64\" value=\"{until}\"")),
            "what was typed is kept"
        );
        assert!(!told.body.contains("<b>x"), "{}", told.body);
    }
    let made = add("Dispatch", "watch", "2999-12-31 18:00");
    assert!(made.status == 200 && made.body.contains("It serves until"), "{}", made.body);
    let again = add("Dispatch", "watch", "");
    assert!(again.status == 409 && again.body.contains("serves already"), "{}", again.body);

    let listed = desk.station.get("/tokens").unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["until"]), (1, &json!("2999-12-31T18:00:00.000Z")));
    for (name, role) in [("Duty officer", "watch"), ("Inspector", "auditor")] {
        let mut other = Client::signed_in(&desk, name, role);
        let form = other.get("/settings").field("form");
        let told = other.get("/tokens");
        assert!(told.status == 403 && told.body.contains("One of these roles may: admin"), "{}", told.body);
        for fields in
            [&[("act", "add"), ("name", "Mine"), ("role", "admin")][..], &[("act", "revoke"), ("name", "Dispatch")]]
        {
            let told = other.post("/tokens", &[&[("form", form.as_str())], fields].concat());
            assert_eq!(told.status, 403, "{role}: {}", told.body);
            assert_eq!(other.post("/tokens", fields).status, 403, "without the form's token");
        }
    }
    assert_eq!(desk.station.get("/tokens").unwrap().as_array().unwrap().len(), 1);
}

#[test]
fn a_token_ends_at_its_time_with_the_stream_that_it_opened_and_its_name_is_free_again() {
    let scratch = Scratch::new("tokens-end");
    let clock = MovedClock::new(&scratch, moved_clock::build(&scratch).expect("a C compiler"), "north");
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.environment = clock.environment();
    desk.station.serve();
    let until = write(Timestamp(Clock::system().now() + 3_600_000));
    let program = Program::made(&desk, &json!({"name": "Dispatch", "role": "auditor", "until": until}));
    assert_eq!(called(&desk, &program.token), (200, String::new()));
    let mut stream = TcpStream::connect(&desk.address).unwrap();
    let head = format!(
        "GET /api/v1/events HTTP/1.1\r\nconnection: close\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
        desk.address, program.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut begun = [0; 15];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");

    clock.set_day_ahead(3_601);

    // A stream has no end of its own.
    stream.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(called(&desk, &program.token), (401, "token-ended".into()));
    assert_eq!(desk.station.get("/tokens").unwrap()[0]["ended"], json!(true));
    let mut admin = Client::signed_in(&desk, "Head of watch", "admin");
    let shown = admin.get("/tokens").body;
    assert!(shown.contains("No program may call") && shown.contains("<b>ended "), "{shown}");
    let again = Program::new(&desk, "Dispatch", "watch");
    assert_eq!((called(&desk, &program.token).1.as_str(), called(&desk, &again.token).0), ("token-unknown", 200));
    let past = json!({"name": "Late", "role": "watch", "until": "2020-01-01T00:00:00Z"});
    assert_eq!(desk.station.post("/tokens", &past).unwrap().1["error"]["code"], "token-until-past");
}
