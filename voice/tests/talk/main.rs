//! Two real browsers, each with its own station, and an inner channel in the place of the link: each hears the other's tone, and
//! not its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

mod browser;
mod station;
mod tone;
mod vectors;

use browser::Browser;
use counterpart_voice::exchange::Event;
use counterpart_voice::seat::Number;
use serde_json::json;
use station::{Order, Station};

/// The tones of both microphones, in Hz. Neither is near a multiple of the other.
const TONES: [u32; 2] = [440, 1_170];
/// In which track the first person of the other side is heard.
const THEM: usize = 3;

/// Both in their call. Their places there are kept for twenty seconds: the stations begin once both browsers are there.
fn joined(folder: &std::path::Path) -> ([Station; 2], [Browser; 2]) {
    let mut browsers = [0, 1].map(|at| {
        let microphone = folder.join(format!("{}.wav", TONES[at]));
        tone::write(&microphone, TONES[at]);
        Browser::start(&folder.join(format!("profile-{at}")), &microphone)
    });
    let stations = station::two();
    for (browser, station) in browsers.iter_mut().zip(&stations) {
        browser.open(&station.url);
        assert_eq!(browser.look("join()"), json!(200));
        browser.until("connection.connectionState === 'connected'");
    }
    (stations, browsers)
}

/// The other's tone is the loudest by far in the one track, and the own is nowhere.
fn hears_the_other_alone(browser: &mut Browser, at: usize) {
    let [own, other] = [TONES[at], TONES[1 - at]];
    let loud = format!("level({THEM}, {other}) > -45 && level({THEM}, {other}) - level({THEM}, {own}) > 20");
    browser.until(&format!("Math.abs(loudest({THEM}) - {other}) < 12 && {loud}"));
    for slot in (0..7).filter(|slot| *slot != THEM) {
        let level = browser.look(&format!("level({slot}, loudest({slot}))")).as_f64().unwrap();
        assert!(level < -100.0, "something in track {slot}: {level} dB; {}", browser.look("told()"));
    }
}

#[test]
fn two_browsers_hear_each_others_tone_and_not_their_own_on_a_bad_path_and_after_a_reload_too() {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("talk-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (stations, mut browsers) = joined(&folder);

    // Held: nothing is heard.
    browsers[0].until("sound.currentTime > 1");
    let before = browsers[0].look(&format!("level({THEM}, {})", TONES[1])).as_f64().unwrap();
    station::put_through(&stations);
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));

    // A path that loses one packet of ten and brings one of ten behind the next three.
    stations.iter().for_each(|station| station.tell(Order::Spoil));
    let from = stations[1].report().arrived;
    let got = browsers[1].look("received().then(([got]) => got)");
    browsers[1].until(&format!("received().then(([now]) => now > {got} + 150)"));
    let to = stations[1].report().arrived;
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));

    // The page is loaded anew, and comes back into the same call.
    browsers[0].look("join()");
    browsers[0].until("connection.connectionState === 'connected'");
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));

    // The other side stops, and its tone is gone.
    let [one, other] = stations;
    let ended = other.stop();
    browsers[0].until(&format!("level({THEM}, {}) < -70", TONES[1]));
    drop(browsers);
    drop(std::fs::remove_dir_all(&folder));
    let here = one.stop();
    println!("{before} dB before; {:?}; {} sent, {} lost, {} late", to, ended.sent, ended.lost, ended.late);
    assert!(before < -70.0);
    let (expected, received) = (to.expected - from.expected, to.received - from.received);
    assert!(
        expected > 100 && received * 100 >= expected * 85 && received * 100 <= expected * 95,
        "{received} of {expected}"
    );
    assert!(ended.lost > 0 && ended.late > 0 && ended.malformed == 0 && here.malformed == 0);
    assert!(here.sent > 0, "what the microphone gave");
    let person = Number::new(0).unwrap();
    assert!(
        here.happened.iter().filter(|event| **event == Event::Connected(person)).count() == 2,
        "{:?}",
        here.happened
    );
}
