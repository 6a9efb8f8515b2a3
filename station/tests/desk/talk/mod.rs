//! A talk over the line: two browsers with two tones, each at its own desk, two real stations between, and what their records say.

mod agreed;
mod apart;
mod aside;
mod breach;
mod cable;
mod faults;
pub mod guest;
mod keyboard;
mod killed;
mod mended;
pub mod stream;
mod unrecorded;
mod way;

use std::path::Path;

use serde_json::{Value, json};

use crate::Desk;
use crate::browser::Browser;
use crate::processes::wait;
use crate::scratch::Scratch;
use crate::tone;

/// The tones of both microphones, in Hz. Neither is near a multiple of the other.
pub const TONES: [u32; 2] = [440, 1_170];
/// That of an interpreter.
const THIRD: u32 = 1_930;
/// So loud is no voice, also beside one: 20 decibels below what counts as heard.
const QUIET: f64 = -65.0;
/// In which track the first person of the other side is heard.
const THEM: usize = 3;
/// And the second.
const THEM_TOO: usize = 4;
pub const FLAGS: [&str; 3] =
    ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection"];

/// How loud a frequency is in a track, in decibels; nothing is -200.
fn level(browser: &mut Browser, slot: usize, hz: u32) -> f64 {
    browser.look(&level_of(slot, hz)).as_f64().unwrap_or(-200.0)
}

/// The same as a page says it.
fn level_of(slot: usize, hz: u32) -> String {
    format!(
        "(() => {{ const ear = counterpartEars()[{slot}]; if (!ear) return -200; \
         const loud = new Float32Array(ear.frequencyBinCount); ear.getFloatFrequencyData(loud); \
         const at = Math.round({hz} * ear.fftSize / ear.context.sampleRate); \
         return Math.max(-200, ...loud.slice(at - 1, at + 2)); }})()"
    )
}

/// Waits, at most a minute, for what is heard to be so.
fn until(what: &str, browser: &mut Browser, mut is: impl FnMut(&mut Browser) -> bool) {
    let clock = counterpart::clock::Clock::system();
    let begun = clock.moment();
    while !is(browser) {
        let waited = clock.moment().ms_since(begun) < 60_000;
        let shown = "JSON.stringify([document.querySelector('main').innerText, counterpartEars().length])";
        assert!(waited, "{what}: {}", browser.look(shown));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// The other's tone is the loudest by far in the one track, and the own is nowhere.
pub fn hears_the_other_alone(browser: &mut Browser, at: usize) {
    let [own, other] = [TONES[at], TONES[1 - at]];
    until("the other's tone", browser, |browser| {
        let loud = level(browser, THEM, other);
        loud > -45.0 && loud - level(browser, THEM, own) > 20.0
    });
    for slot in (0..7).filter(|slot| *slot != THEM) {
        assert!(level(browser, slot, own) < -100.0 && level(browser, slot, other) < -100.0, "a voice in track {slot}");
    }
}

fn hears_nothing(browser: &mut Browser, at: usize) {
    until("silence", browser, |browser| level(browser, THEM, TONES[1 - at]) < -70.0);
}

/// A browser with a tone for a microphone.
pub fn with_tone(hz: u32, folder: &Path) -> Browser {
    with_tone_in(hz, folder, &[], &[])
}

/// The same with more of what a browser is told, started by a command that runs another.
fn with_tone_in(hz: u32, folder: &Path, more: &[String], by: &[&str]) -> Browser {
    let microphone = folder.join(format!("{hz}.wav"));
    tone::write(&microphone, hz);
    let mut flags: Vec<String> = FLAGS.map(String::from).into_iter().chain(more.iter().cloned()).collect();
    flags.push(format!("--use-file-for-fake-audio-capture={}", microphone.display()));
    Browser::start_whole(&format!("browser-talk-{hz}"), &flags, by)
}

/// A browser of this person with a tone for a microphone, on the page of the call; what it sends and plays is captured.
fn browser(desk: &Desk, name: &str, hz: u32, within: (&Path, &str)) -> Browser {
    browser_in(desk, name, hz, within, &[], &[])
}

/// The same with more of what a browser is told, started by a command that runs another.
fn browser_in(
    desk: &Desk,
    name: &str,
    hz: u32,
    (folder, page): (&Path, &str),
    more: &[String],
    by: &[&str],
) -> Browser {
    let mut browser = with_tone_in(hz, folder, more, by);
    unrecorded::capture(&mut browser);
    let link = desk.link(name, "watch");
    browser.open(&link);
    browser.look("document.querySelector('button.main').click()");
    browser.until("location.pathname === '/lines'");
    let (origin, _) = link.split_once("/link/").unwrap();
    browser.open(&format!("{origin}{page}"));
    browser.until("!!document.querySelector('[data-key=join]')");
    browser
}

/// Presses a key of the call's page, which stays where it is.
pub fn press(browser: &mut Browser, key: &str) {
    let found = format!("document.querySelector('[data-key={key}]:not(:disabled)')");
    let click = format!("(() => {{ const key = {found}; key?.click(); return !!key; }})()");
    loop {
        browser.until(&format!("!!{found}"));
        // Between that look and the click the page may be drawn anew, without the key.
        if browser.touched(&click) == json!(true) {
            return;
        }
    }
}

/// Mutes or lets be heard again, and waits until the key says so: what it does next is what it says.
fn mute(browser: &mut Browser, is: bool) {
    press(browser, "mute");
    browser.until(&format!("!!document.querySelector('[data-key=mute][aria-pressed={is}]')"));
}

pub fn join(browser: &mut Browser, part: &str) {
    // A tone is no speech: what cleans speech would take it away.
    browser.look("document.querySelector('[data-echo]:checked')?.click()");
    browser.look(&format!("document.querySelector('[value={part}]').click()"));
    press(browser, "join");
    browser.until("document.querySelector('[data-sound]').textContent.startsWith('Sound goes both ways')");
}

/// A request that was answered, and held by both as answered.
pub fn answered(desks: &[Desk; 2]) -> Value {
    answer(desks, "Northland 1")
}

/// The same of the next, which gets this name.
fn answer(desks: &[Desk; 2], name: &str) -> Value {
    let [north, south] = desks;
    let path = format!("/requests/{}", name.replace(' ', "%20"));
    let form = json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "PRIORITY"});
    assert_eq!(north.station.post("/acts", &form).unwrap().0, 200);
    wait("the ask", || south.station.get(&path));
    let (status, told) = south.station.post("/acts", &json!({"act": "answer", "on": name})).unwrap();
    assert_eq!(status, 200, "{told}");
    for desk in desks {
        wait("a settled answer", || {
            let view = desk.station.get(&path)?;
            (view["outcome"] == "ANSWERED" && view["settled"] == json!(true)).then_some(view)
        });
    }
    north.station.get(&path).unwrap()
}

/// The page of that request's call.
pub fn page_of(asked: &Value) -> String {
    format!("/lines/{}/calls/{}", asked["line"].as_str().unwrap(), asked["request"]["at"].as_str().unwrap())
}

/// Two people, each at their desk, on that page.
fn browsers(desks: &[Desk; 2], within: (&Path, &str)) -> [Browser; 2] {
    [0, 1].map(|at| browser(&desks[at], "Duty officer", TONES[at], within))
}

fn has_joined(desk: &Desk) {
    let said = |talk: &Value| [&talk["ours"], &talk["theirs"]].iter().all(|word| **word == "joined");
    wait("both words", || said(&talk(desk)).then_some(()));
}

/// What the second hears is, packet for packet, what the first has sent, but for at most so many of a hundred.
fn same_packets([one, other]: &mut [Browser; 2], lost_percent: usize) -> Vec<Vec<u8>> {
    one.until("captured.sent.length >= 400");
    // The one who came first has sent them before the other was there to be given any.
    other.until("captured.count.played >= 250");
    let played = unrecorded::captured(other, "played");
    // A page counts what it sends a little later than it sends it.
    let so_far = one.look("captured.count.sent").as_u64().unwrap();
    one.until(&format!("captured.count.sent >= {so_far} + 100"));
    let sent = unrecorded::captured(one, "sent");
    assert!(played.len() > 100, "{}", played.len());
    assert!(played.iter().all(|packet| sent.contains(packet)), "a packet was changed on its way");
    // A tone comes again and again: between the first and the last packet of which there is but one as many were sent as played.
    let place_of_one = |packet: &Vec<u8>| {
        let mut places = (0..sent.len()).filter(|at| sent[*at] == *packet);
        places.next().filter(|_| places.next().is_none())
    };
    let ones: Vec<_> = (0..played.len()).filter_map(|at| Some((at, place_of_one(&played[at])?))).collect();
    let grown = |of: fn(&(usize, usize)) -> usize| of(&ones[ones.len() - 1]) + 1 - of(&ones[0]);
    let [heard, said] = [grown(|one| one.0), grown(|one| one.1)];
    println!("{heard} of {said} packets played, {} of which there is but one", ones.len());
    assert!(heard > 100 && heard * 100 >= said * (100 - lost_percent), "{heard} of {said}");
    sent
}

/// Nothing that the stations keep has any part of these packets, or of a tone as a microphone gives it; it would be found if it had.
fn unrecorded(desks: &[Desk; 2], folder: &Path, packets: &[Vec<u8>]) {
    let tone = |hz: u32| std::fs::read(folder.join(format!("{hz}.wav"))).unwrap()[4_000..4_200].to_vec();
    let packets = &[packets, &TONES.map(tone)[..]].concat();
    let kept = || desks.iter().flat_map(|desk| unrecorded::files(&desk.station.data)).collect::<Vec<_>>();
    let mut files = kept();
    let names: Vec<_> = files.iter().filter_map(|(path, _)| path.file_name()).collect();
    assert!(["counterpart.db", "test.log"].iter().all(|name| names.iter().any(|known| known == name)), "{names:?}");
    assert_eq!(unrecorded::found_in(packets, &files), Vec::<std::path::PathBuf>::new());
    for part in [&packets[5], packets.last().unwrap()] {
        let planted = desks[1].station.data.join("planted");
        std::fs::write(&planted, part).unwrap();
        assert_eq!(unrecorded::found_in(packets, &kept()), [planted]);
    }

    let within = |bytes: &[u8]| [b"{\"kept\":\"", bytes, b"\"}"].concat();
    let hex: String = packets[7].iter().map(|byte| format!("{byte:02X}")).collect();
    files.clear();
    files.push(("as it is".into(), within(&packets[3])));
    files.push(("in digits".into(), within(hex.as_bytes())));
    files.push(("in base 64".into(), within(unrecorded::base64(&packets[9]).as_bytes())));
    files.push(("other bytes".into(), within(&[7; 4_000])));
    let found = unrecorded::found_in(packets, &files);
    assert_eq!(found, ["as it is", "in digits", "in base 64"].map(std::path::PathBuf::from));
}

/// Whether a meter is up, or not there: of whoever is muted it is said that they are.
fn shows(browser: &mut Browser, of: &str, is: bool) {
    browser.until(&format!("(document.querySelector('meter[data-level={of}]')?.value > 20) === {is}"));
}

fn talk(desk: &Desk) -> Value {
    desk.station.get("/requests/Northland%201").unwrap()["talk"].clone()
}

#[test]
fn two_people_talk_over_the_line_and_hear_each_other_alone_and_both_records_say_that_they_talked() {
    let scratch = Scratch::new("desk-talk");
    let desks = Desk::two(&scratch);
    let page = page_of(&answered(&desks));
    let mut browsers = browsers(&desks, (scratch.path(), &page));
    for (at, browser) in browsers.iter_mut().enumerate() {
        browser.picture(&format!("lobby-{at}"), 1280, "light");
        join(browser, "principal");
    }

    // Held: neither hears the other before both have put through, and nothing is written.
    browsers[0].until("document.querySelectorAll('.far .pers b')[0].textContent === 'Principal'");
    press(&mut browsers[0], "through");
    browsers[1].until("document.querySelectorAll('.hold').length === 1");
    browsers[1].until("document.querySelector('.explained').textContent.includes('whoever is held hears nobody')");
    assert!(level(&mut browsers[0], THEM, TONES[1]) < -70.0 && level(&mut browsers[1], THEM, TONES[0]) < -70.0);
    assert_eq!(talk(&desks[0])["state"], "PLANNED");
    press(&mut browsers[1], "through");
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));
    desks.iter().for_each(has_joined);
    // By no way is it said of who is heard that they did not come.
    let (_, told) = desks[0].station.post("/acts", &json!({"act": "missed", "on": "Northland 1"})).unwrap();
    assert_eq!(told["error"]["code"], "talk-not-done", "{told}");
    for (at, browser) in browsers.iter_mut().enumerate() {
        browser.picture(&format!("call-{at}"), 1280, "light");
        browser.picture(&format!("call-{at}"), 390, "dark");
    }
    let mut packets = same_packets(&mut browsers, 5);
    packets.extend(unrecorded::captured(&mut browsers[1], "sent"));
    browsers.iter_mut().for_each(|browser| ["own", "slot-3"].into_iter().for_each(|of| shows(browser, of, true)));

    muted(&mut browsers);

    // Nor is it said of who was heard and is gone for a moment.
    let call = browsers[0].look("location.href").as_str().unwrap().to_owned();
    browsers[0].call("Page.navigate", json!({"url": "about:blank"}));
    browsers[1].until("document.querySelector('#main h1').textContent.includes('Nobody of Northland is there now')");
    let (_, told) = desks[1].station.post("/acts", &json!({"act": "missed", "on": "Northland 1"})).unwrap();
    assert!(told["error"]["code"] == "talk-not-done" && told.to_string().contains("signed that it joined"), "{told}");
    let view = desks[1].station.get("/requests/Northland%201").unwrap();
    let missed = view["acts"].as_array().unwrap().iter().find(|may| may["act"] == "missed").unwrap();
    assert!(missed["may"] == false && missed["why"]["code"] == "bar-has-joined", "{missed}");
    // A page that is loaded anew comes back into the same call.
    browsers[0].call("Page.navigate", json!({ "url": call }));
    browsers[0].until("document.querySelector('[data-sound]')?.textContent.startsWith('Sound goes both ways')");
    hears_the_other_alone(&mut browsers[1], 1);

    three(&desks[0], &mut browsers, (scratch.path(), &page));

    // One side ends it, for both.
    browsers[1].look("document.getElementById('ending').open = true");
    press(&mut browsers[1], "end");
    browsers[0].until("document.querySelector('#main h1').textContent.includes('Southland ended it')");
    browsers[0].until("counterpartEars().length === 0");
    for desk in &desks {
        wait("TALKED", || (talk(desk)["state"] == "TALKED").then_some(()));
    }
    unrecorded(&desks, scratch.path(), &packets);
    assert_eq!([browsers[0].complaints.clone(), browsers[1].complaints.clone()].concat(), Vec::<String>::new());
}

/// Who is muted is not heard, and is again; the other way goes on.
fn muted(browsers: &mut [Browser; 2]) {
    let [own, other] = browsers;
    mute(own, true);
    hears_nothing(other, 1);
    shows(own, "own", false);
    hears_the_other_alone(own, 0);
    mute(own, false);
    hears_the_other_alone(other, 1);
    shows(other, "slot-3", true);

    // Pressed twice at once it is done twice, one after the other: each value that the key takes is kept.
    own.look(
        "window.values = ['false']; new MutationObserver(() => { const is = document.querySelector('[data-key=mute]')?.ariaPressed; \
         if (is && is !== values.at(-1)) values.push(is); }).observe(document.body, { childList: true, subtree: true, attributes: true })",
    );
    let twice = |is: bool| {
        format!(
            "(() => {{ const key = document.querySelector('[data-key=mute][aria-pressed={is}]:not(:disabled)'); \
             key?.click(); key?.click(); return !!key; }})()"
        )
    };
    assert_eq!(own.touched(&twice(false)), json!(true));
    own.until("values.join() === 'false,true,false'");
    other.until("!document.querySelector('.far .pers .muted')");
    hears_the_other_alone(other, 1);
    shows(other, "slot-3", true);
    assert_eq!(own.look("values.join()"), "false,true,false", "it stays so");

    // Let be heard and muted again at once, on a slow way: nobody hears them meanwhile, though the page shows the first done.
    mute(own, true);
    hears_nothing(other, 1);
    own.look(
        "window.fetched = window.fetch; window.fetch = async (...of) => { const reply = await fetched(...of); \
         await new Promise((then) => setTimeout(then, of[1]?.method === 'POST' ? 2000 : 600)); return reply; }; true",
    );
    assert_eq!(own.touched(&twice(true)), json!(true));
    until("muted, heard and muted", own, |own| {
        assert!(level(other, THEM, TONES[0]) < QUIET, "whoever mutes is not heard from then on");
        own.look("values.join()") == "false,true,false,true,false,true"
    });
    own.look("window.fetch = fetched; true");
    mute(own, false);
    hears_the_other_alone(other, 1);
}

/// A third comes in, is heard by both and hears both; put aside, by nobody; and is taken out again.
fn three(desk: &Desk, browsers: &mut [Browser; 2], within: (&Path, &str)) {
    let heard = |what: &str, browser: &mut Browser, slot: usize, hz: u32, is: bool| {
        until(
            what,
            browser,
            |browser| if is { level(browser, slot, hz) > -45.0 } else { level(browser, slot, hz) < -70.0 },
        );
    };
    let mut third = browser(desk, "Interpreter", THIRD, within);
    join(&mut third, "interpreter");
    // Of their own side each has the first track.
    heard("the first, by the third", &mut third, 0, TONES[0], true);
    heard("the other side, by the third", &mut third, THEM, TONES[1], true);
    heard("the third, by the first", &mut browsers[0], 0, THIRD, true);
    heard("the third, by the other side", &mut browsers[1], THEM_TOO, THIRD, true);
    heard("the first, by the other side", &mut browsers[1], THEM, TONES[0], true);
    // Everyone once, and nobody themselves. A tone that breaks off for a moment is loud beside itself too; a voice never is so quiet.
    let quiet = |what: &str, browser: &mut Browser, slot: usize, hz: u32| {
        until(&format!("no {hz} Hz in track {slot}, {what}"), browser, |browser| level(browser, slot, hz) < QUIET);
    };
    for (browser, own) in [(&mut third, THIRD), (&mut browsers[0], TONES[0])] {
        (0..7).for_each(|slot| quiet("their own voice", browser, slot, own));
    }
    for (slot, hz) in (0..7).flat_map(|slot| [(slot, TONES[1]), (slot, TONES[0])]) {
        let is_theirs = slot == THEM && hz == TONES[1] || slot == 0 && hz == TONES[0];
        if !is_theirs {
            quiet("once more", &mut third, slot, hz);
        }
    }
    browsers[0].picture("call-three", 1280, "light");

    press(&mut browsers[0], "aside-1");
    heard("the third, aside, by the first", &mut browsers[0], 0, THIRD, false);
    heard("the third, aside, by the other side", &mut browsers[1], THEM_TOO, THIRD, false);
    heard("the other side, by the third aside", &mut third, THEM, TONES[1], false);
    hears_the_other_alone(&mut browsers[0], 0);
    press(&mut browsers[0], "line-1");
    heard("the third again, by the other side", &mut browsers[1], THEM_TOO, THIRD, true);

    press(&mut browsers[0], "remove-1");
    third.until("!!document.querySelector('[data-key=join]') && counterpartEars().length === 0");
    heard("the third, taken out, by the other side", &mut browsers[1], THEM_TOO, THIRD, false);
    assert_eq!(third.complaints, Vec::<String>::new());
}
