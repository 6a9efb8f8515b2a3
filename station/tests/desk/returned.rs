//! Who may sign in and call in a station that came back from a backup: nobody, until a person has looked at who that is.

use std::process::Command;

use serde_json::json;

use crate::Desk;
use crate::door::{Answer, Client};
use crate::processes::Process;
use crate::programs::send;
use crate::scratch::Scratch;

const PASSWORD: &str = "correct horse battery";

/// A command on the station's own machine: its exit code and all that it said.
fn command(desk: &Desk, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    let ended = command.env("LC_ALL", "C").arg("--data").arg(&desk.station.data).args(args).output().unwrap();
    (ended.status.code(), String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap())
}

fn called(desk: &Desk, header: (&str, &str), path: &str) -> (u16, String) {
    let told = send(desk, "GET", path, &[header], b"");
    (told.status, told.body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn enters(desk: &Desk) -> Answer {
    let mut client = Client::new(desk);
    let form = client.get("/sign-in").field("form");
    client.post("/sign-in", &[("form", &form), ("to", "/lines"), ("name", "Chief"), ("password", PASSWORD)])
}

#[test]
fn a_backup_brings_back_no_session_and_no_link_and_its_passwords_and_tokens_wait_for_a_person() {
    let scratch = Scratch::new("desk-returned");
    let mut north = Desk::init(scratch.path(), "north", "Northland");
    north.station.serve();
    let user = json!({"name": "Chief", "role": "admin", "password": PASSWORD});
    assert_eq!(north.station.post("/users", &user).unwrap().0, 200);
    let (_, made) = north.station.post("/tokens", &json!({"name": "Dispatch", "role": "auditor"})).unwrap();
    let token = format!("Bearer {}", made["token"].as_str().unwrap());
    let link = north.link("Deputy", "watch");
    let cookies = Client::signed_in(&north, "Duty officer", "watch").cookies();
    let session = ("cookie", cookies.as_str());
    assert_eq!(called(&north, session, "/lines").0, 200);
    let copy = scratch.path().join("copy");
    let (code, told) = command(&north, &["backup", copy.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!((called(&north, ("authorization", &token), "/api/v1/lines").0, enters(&north).status), (200, 303));
    north.station.kill();

    let station = Process::at(&copy, scratch.path().join("copy.mark"));
    let mut back = Desk { station, address: north.address.clone() };
    back.station.serve();

    assert_eq!(called(&back, session, "/lines").0, 303, "nobody is signed in");
    assert_eq!(Client::new(&back).get(link.split(&back.address).nth(1).unwrap()).status, 410);
    assert_eq!(called(&back, ("authorization", &token), "/api/v1/lines"), (401, "people-wait".into()));
    let refused = enters(&back);
    assert!(refused.status == 401 && refused.body.contains("restored from a backup"), "{}", refused.body);
    for (args, code) in [(["restore"], 0), (["doctor"], 3)] {
        let (ended, told) = command(&back, &args);
        assert!(ended == Some(code) && told.contains("counterpart restore --people"), "{args:?}: {told}");
    }
    let (_, told) = command(&back, &["restore"]);
    assert!(told.contains("Users: Chief (admin), Deputy (watch), Duty officer (watch)"), "{told}");
    assert!(told.contains("tokens: Dispatch (auditor)."), "{told}");
    // The owner's word for one of them is a link.
    assert_eq!(Client::signed_in(&back, "Duty officer", "watch").get("/lines").status, 200);

    let (code, told) = command(&back, &["restore", "--people"]);

    assert!(code == Some(0) && told.starts_with("Passwords and tokens serve."), "{told}");
    assert_eq!((called(&back, ("authorization", &token), "/api/v1/lines").0, enters(&back).status), (200, 303));
    assert!(!command(&back, &["restore"]).1.contains("--people"));
}
