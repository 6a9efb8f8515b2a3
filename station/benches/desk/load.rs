//! A first visit of the desk over a thin link: 600 ms there and back, 5 % loss each way, 64 kbit/s. Over HTTPS, nothing in the browser yet.

use counterpart::clock::Clock;
use serde_json::json;

use crate::browser::Browser;
use crate::certificates::{Made, wanted};
use crate::home::{Folder, Home, NAMES, RATE};
use crate::link::{Link, THIN};
use crate::processes::Process;
use crate::report::{Aim, Report, Samples};
use crate::{LIVE, link_of, with_desk};

const NAME: &str = "desk.northland.example";
const VISITS: usize = 10;
/// What a page's network says of itself: the bytes of all that it fetched, heads and all.
const BYTES: &str = "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind)).reduce((sum, one) => sum + one.transferSize, 0)";

pub fn measure(report: &mut Report) {
    let Some(mut link) = Link::make() else {
        report.note("not measured: network namespaces and /dev/net/tun need root, ip and python3");
        return;
    };
    let folder = Folder::new("desk-load");
    let made = Made::new(&folder.path().join("tls"), &[wanted("desk", "ca", &[NAME])]);
    let [certificate, key] = made.files("desk");
    // Both stations are on one side of the link, the browser on the other.
    let home = Home::of([0, 1].map(|side| {
        let (name, call_sign) = NAMES[side];
        let address = format!("10.99.0.1:{}", 7_411 + side).parse().unwrap();
        let mut station = Process::init_at(folder.path(), name, call_sign, RATE, address);
        station.namespace = Some(link.names[0].clone());
        let files = format!("certificate = \"{}\"\nprivate_key = \"{}\"\n", certificate.display(), key.display());
        with_desk(
            &station,
            &format!("listen = \"10.99.0.1:{}\"\nnames = [\"{NAME}:{}\"]\n{files}", 8_443 + side, 8_443 + side),
        );
        station
    }));
    for number in 0..5 {
        let words = json!({"text": format!("Tanker {number} adrift off Cape Orr: a joint tow")});
        let ask = json!({"act": "ask", "from": "minister", "to": "minister", "mark": "TEST", "words": words});
        assert_eq!(home.stations[1].post("/acts", &ask).unwrap().0, 200);
    }
    let (mut door, mut lines, mut bytes) = (Samples::default(), Samples::default(), Samples::default());
    for number in 0..VISITS {
        link.say("clean");
        let url = link_of(&home.stations[0], &format!("Duty officer {number}"));
        let flags = [
            format!("--host-resolver-rules=MAP {NAME} 10.99.0.1"),
            format!("--ignore-certificate-errors-spki-list={}", made.spki("desk")),
        ];
        let mut page = Browser::start_whole("bench-load", &flags, &["ip", "netns", "exec", &link.names[1]]);
        link.say(THIN);
        let visit = visit(&mut page, &url);
        door.add(visit[0]);
        lines.add(visit[1]);
        bytes.add(visit[2]);
    }
    report.note(&format!(
        "{VISITS} visits, each with a new browser: from the one-time link being opened until its page is there with all its files, and until the lines are there and live"
    ));
    report.figure("bytes of all that both pages fetched, p50", "bytes", bytes.at(500), None, Aim::AtMost(99_999.0));
    report.figure("the first page is there, p50", "ms", door.at(500), None, Aim::None);
    report.figure("the lines are live, p50", "ms", lines.at(500), None, Aim::AtMost(29_999.0));
    report.figure("the lines are live, the slowest", "ms", lines.at(1_000), None, Aim::AtMost(29_999.0));
    report.note(&format!("live, each in ms, sorted: {}", lines.all().join(" ")));
}

/// Milliseconds until the first page is there, and until the lines are live, both from the beginning; bytes of both.
fn visit(page: &mut Browser, url: &str) -> [u64; 3] {
    let clock = Clock::system();
    let begun = clock.moment();
    page.open_within(url, 180_000);
    let door = clock.moment().ms_since(begun);
    let first = page.look(BYTES).as_f64().unwrap();
    page.look("document.querySelector('button.main').click()");
    page.until_within(&format!("document.readyState === 'complete' && {LIVE}"), 180_000);
    let lines = clock.moment().ms_since(begun);
    let second = page.look(BYTES).as_f64().unwrap();
    [door, lines, (first + second) as u64]
}
