//! The desk over HTTPS, by two PEM files that the operator names.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::browser::Browser;
use crate::certificates::{Made, wanted};
use crate::door::{Answer, Client};
use crate::processes::{Process, free_address, wait};
use crate::scratch::Scratch;
use crate::{Desk, heading};

const NAME: &str = "desk.northland.example";

/// A station whose desk has a certificate, not yet served.
fn desk(parent: &Path, [certificate, key]: &[PathBuf; 2]) -> Desk {
    let station = Process::init(parent, "north", "Northland", 50);
    let port = free_address().port();
    let file = station.data.join("counterpart.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let files = format!("certificate = \"{}\"\nprivate_key = \"{}\"\n", certificate.display(), key.display());
    let desk = format!("\n[desk]\nlisten = \"127.0.0.1:{port}\"\nnames = [\"{NAME}:{port}\"]\n{files}");
    std::fs::write(&file, text + &desk).unwrap();
    Desk { station, address: format!("{NAME}:{port}") }
}

/// A browser that knows the desk's name, and this key.
pub fn browser(name: &str, spki: &str) -> Browser {
    let flags = [
        format!("--host-resolver-rules=MAP {NAME} 127.0.0.1"),
        format!("--ignore-certificate-errors-spki-list={spki}"),
    ];
    Browser::start_with(name, &flags)
}

/// What an address answers to bytes that are no TLS.
fn in_the_clear(desk: &Desk, bytes: &[u8]) -> Answer {
    let (_, port) = desk.address.split_once(':').unwrap();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port.parse().unwrap())).unwrap();
    stream.write_all(bytes).unwrap();
    Answer::read(&mut stream)
}

#[test]
fn a_desk_with_a_certificate_is_reached_over_https_alone_and_its_cookies_never_leave_it() {
    let scratch = Scratch::new("https-desk");
    let made =
        Made::new(&scratch.path().join("tls"), &[wanted("desk", "ca", &[NAME]), wanted("other", "strange", &[NAME])]);
    let mut desk = desk(scratch.path(), &made.files("desk"));
    desk.station.serve();

    let link = desk.link("Duty officer", "watch");
    assert!(link.starts_with(&format!("https://{}/link/", desk.address)), "{link}");
    let mut client = Client::over_https(&desk, made.trusting("ca"));
    let entered = client.enter(&link);
    let cookie = entered.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-counterpart-"), "{cookie}");
    for part in ["; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part) && !cookie.contains("Domain"), "{part}: {cookie}");
    }
    let lines = client.get("/lines");
    assert_eq!((lines.status, lines.header("strict-transport-security")), (200, Some("max-age=31536000")));

    let (_, token) = desk.station.post("/tokens", &json!({"name": "Dispatch", "role": "auditor"})).unwrap();
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let mut program = Client::over_https(&desk, made.trusting("ca"));
    assert_eq!(program.send("GET", "/api/v1/lines", "", &[("authorization", &bearer)]).status, 200);

    let strange = Client::over_https(&desk, made.trusting("strange")).is_turned_away();
    assert!(strange.contains("UnknownIssuer"), "{strange}");
    for clear in ["GET /lines HTTP/1.1\r\nhost: desk.northland.example\r\n\r\n", "SSH-2.0-x\r\n"] {
        let told = in_the_clear(&desk, clear.as_bytes());
        assert_eq!(told.status, 400, "{clear}");
        assert!(told.body.contains(&format!("open https://{}/", desk.address)), "{}", told.body);
        assert!(!told.body.contains("Northland"), "it does not say whose station this is");
    }
}

#[test]
fn in_a_browser_the_desk_over_https_is_live_and_a_renewed_certificate_is_taken_up_under_the_open_page() {
    let scratch = Scratch::new("https-browser");
    let made =
        Made::new(&scratch.path().join("tls"), &[wanted("desk", "ca", &[NAME]), wanted("next", "next-ca", &[NAME])]);
    let files = made.files("desk");
    let mut desk = desk(scratch.path(), &files);
    desk.station.serve();
    let mut page = browser("browser-https", &made.spki("desk"));
    page.take_link(&desk.link("Duty officer", "watch"));
    page.until("location.pathname === '/lines' && document.querySelector('[data-live]').textContent === 'live'");
    assert_eq!(page.look("[location.protocol, isSecureContext, document.cookie]"), json!(["https:", true, ""]));

    // One file is written before the other: meanwhile the last pair that could be used serves, and doctor says what is wrong.
    let [certificate, key] = made.files("next");
    std::fs::copy(&certificate, &files[0]).unwrap();
    assert_eq!(Client::over_https(&desk, made.trusting("ca")).get("/sign-in").status, 200);
    let report = desk.station.get("/doctor").unwrap();
    let found = report["findings"].as_array().unwrap().iter().find(|found| found["subject"] == "desk").unwrap().clone();
    assert_eq!((&report["well"], &found["well"]), (&json!(false), &json!(false)));
    assert!(found["sentence"].as_str().unwrap().contains("is not the one of the certificate"), "{found}");
    std::fs::rename(&key, &files[1]).unwrap();

    assert_eq!(Client::over_https(&desk, made.trusting("next-ca")).get("/sign-in").status, 200, "without a start");
    let old = Client::over_https(&desk, made.trusting("ca")).is_turned_away();
    assert!(old.contains("UnknownIssuer"), "{old}");
    assert_eq!(desk.station.get("/doctor").unwrap()["well"], json!(true));
    page.until("document.querySelector('[data-live]').textContent === 'live'");
    assert_eq!(page.complaints, Vec::<String>::new());
    // The browser knows the first key alone: it calls anew, is shown the other, and does not go on.
    page.tab_to("nav a[href='/settings']");
    page.press("Enter");
    page.until(&format!("location.href.startsWith('chrome-error') || ({})", heading("Settings")));
}

/// Exit code and standard error of a start; it must end by itself.
fn start(data: &Path) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    let child = child.args(["--data", data.to_str().unwrap(), "--speak", "en", "serve"]).stdin(Stdio::null());
    let child = child.env("RUST_LOG", "off").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let ended = child.wait_with_output().unwrap();
    (ended.status.code().unwrap(), String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn a_certificate_that_cannot_serve_is_named_at_the_start_with_what_to_do() {
    let scratch = Scratch::new("https-broken");
    let made = Made::new(&scratch.path().join("tls"), &[wanted("desk", "ca", &[NAME]), wanted("other", "ca", &[NAME])]);
    let [certificate, key] = made.files("desk");
    let [served, used] = [scratch.path().join("served.pem"), scratch.path().join("used.pem")];
    let desk = desk(scratch.path(), &[served.clone(), used.clone()]);
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let cut = read(&certificate).replacen("MII", "!!!", 1);
    let (whole, right, other) = (read(&certificate), read(&key), read(&made.files("other")[1]));
    let closed = read(&key.with_file_name("desk-closed-key.pem"));
    let cases: [(Option<&str>, &str, &str, &str); 6] = [
        (None, &right, "served.pem cannot be read", "Let the station's user read it"),
        (Some(""), &right, "No certificate stands in", "-----BEGIN CERTIFICATE-----"),
        (Some(&cut), &right, "cannot be used", "as it was issued"),
        (Some(&whole), &whole, "No private key that can be used", "needs no password"),
        (Some(&whole), &closed, "No private key that can be used", "needs no password"),
        (Some(&whole), &other, "is not the one of the certificate", "with which this certificate was requested"),
    ];
    for (first, second, what, instead) in cases {
        let _ = std::fs::remove_file(&served);
        first.inspect(|text| std::fs::write(&served, text).unwrap());
        std::fs::write(&used, second).unwrap();

        let (code, told) = start(&desk.station.data);

        assert!(code == 2 && told.contains(what) && told.contains(instead), "{what}: {code} {told}");
        assert!(!told.contains(&right[28..60]), "nothing of the key is said");
    }
    std::fs::write(&used, &right).unwrap();
    let mut desk = desk;
    desk.station.serve();
    wait("the desk", || (Client::over_https(&desk, made.trusting("ca")).get("/sign-in").status == 200).then_some(()));
}
