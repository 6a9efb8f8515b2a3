//! From the officer's key on one desk until the ring is drawn on the other: Chromium on both.

use counterpart::clock::Clock;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::floor::Floor;
use crate::home::{Folder, Home, NAMES, RATE};
use crate::processes::{Process, free_address};
use crate::report::{Aim, Report, Samples};
use crate::{enter, link_of, with_desk};

const ASKS: usize = 60;
/// Rings before any is measured.
const WARM: usize = 5;

/// Both browsers run on one machine: their clocks are one.
const CLOCK: &str = "performance.timeOrigin + performance.now()";

pub fn measure(report: &mut Report) {
    let folder = Folder::new("desk-ring");
    let home = Home::of([0, 1].map(|side| {
        let (name, call_sign) = NAMES[side];
        let station = Process::init(folder.path(), name, call_sign, RATE);
        with_desk(&station, &format!("listen = \"{}\"\n", free_address()));
        station
    }));
    let [mut asks, mut rings] = ["bench-asks", "bench-rings"].map(|name| Browser::start_whole(name, &[], &[]));
    enter(&mut asks, &link_of(&home.stations[0], "Duty officer 1"));
    enter(&mut rings, &link_of(&home.stations[1], "Duty officer 2"));
    arm(&mut rings);
    for number in 0..WARM {
        ring(&home, &mut asks, &mut rings, &format!("warm {number}"));
    }
    let clock = Clock::system();
    let mut floor = Floor::new(folder.path(), home.sizes());
    let (mut all, mut least) = (Samples::default(), Samples::default());
    for number in 0..ASKS {
        let (took, drawn) = ring(&home, &mut asks, &mut rings, &format!("ask {number}"));
        let begun = clock.moment();
        floor.run();
        all.add(took);
        least.add(clock.moment().us_since(begun) + drawn);
    }
    report.note(&format!(
        "{ASKS} asks; floor: the steps of an ask on the line, and the ring's page fetched and a frame of it drawn by the other browser"
    ));
    let whole = least.at(500);
    report.figure("p50: key on one desk → ring drawn on the other", "µs", all.at(500), Some(whole), Aim::None);
    report.figure("p95", "µs", all.at(950), Some(whole), Aim::None);
    report.figure("the floor's own p95", "µs", least.at(950), None, Aim::None);
    report.figure("floor: the steps on the line, p50", "µs", floor.whole.at(500), None, Aim::None);
}

/// Arms the bell by a touch of the page.
fn arm(browser: &mut Browser) {
    browser.until("document.querySelector('[data-bell]').textContent !== ''");
    browser.touch("document.querySelector('[data-arm]').click()");
    browser.until("window.counterpartBell.audio.state === 'running'");
}

/// Rings once: microseconds until it is drawn, and those that drawing alone takes. Then it is answered.
fn ring(home: &Home, asks: &mut Browser, rings: &mut Browser, subject: &str) -> (u64, u64) {
    let address = asks.look("location.origin").as_str().unwrap().to_owned();
    asks.open(&format!("{address}/asks/new"));
    asks.until(
        "document.querySelector('[name=subject]') && document.querySelector('[data-live]').textContent === 'live'",
    );
    let watch = format!(
        "(() => {{ window.drawn = 0; const dialog = document.getElementById('bell-dialog');
            const look = new MutationObserver(() => {{
                if (!dialog.open || !dialog.textContent.includes('{subject}.')) return;
                look.disconnect();
                requestAnimationFrame(() => setTimeout(() => {{ window.drawn = {CLOCK}; }}, 0));
            }});
            look.observe(dialog, {{ childList: true, attributes: true, subtree: true }}); }})()"
    );
    rings.look(&watch);
    let press = format!(
        "(() => {{ document.querySelector('[name=subject]').value = '{subject}.';
            document.addEventListener('submit', () => {{ sessionStorage.begun = {CLOCK}; }}, true);
            document.querySelector('button[value=ask]').click(); }})()"
    );
    asks.look(&press);
    rings.until("window.drawn > 0");
    asks.until("location.pathname.includes('/requests/')");
    let begun = number(&asks.look("+sessionStorage.begun"));
    let took = number(&rings.look("window.drawn")) - begun;
    let at = asks.look("location.pathname").as_str().unwrap().rsplit('/').next().unwrap().replace("%3A", ":");
    let line = home.stations[0].get("/lines").unwrap()[0]["line"].as_str().unwrap().to_owned();
    let draw = format!(
        "(async () => {{ const begun = performance.now();
            const page = new DOMParser().parseFromString(await (await fetch('/lines/{line}/ring/{at}')).text(), 'text/html').querySelector('.ring');
            const place = document.createElement('dialog'); place.append(page); document.body.append(place); place.show();
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
            place.remove();
            return performance.now() - begun; }})()"
    );
    let drawn = number(&rings.look(&draw));
    let (status, told) = home.stations[1].post("/acts", &json!({"act": "answer", "on": at})).unwrap();
    assert_eq!(status, 200, "{told}");
    // The ring that has stopped stays, with whose answer it was, until the officer goes back.
    rings.until("!!document.querySelector('#bell-dialog[open] .ring.quiet')");
    rings.look("document.querySelector('#bell-dialog [data-back]').click()");
    rings.until("!document.querySelector('#bell-dialog[open]')");
    (us(took), us(drawn))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn us(ms: f64) -> u64 {
    (ms * 1_000.0) as u64
}
