//! A call by keyboard alone, from trying the microphone to ending the talk; and on the way what its page says that nobody else looks at:
//! that UDP does not come through, what the station refuses, who is on hold, who did not come back, and the figures of the way.

use serde_json::{Value, json};

use super::{
    THEM, TONES, answered, browsers, hears_nothing, hears_the_other_alone, join, level, page_of, press, until,
};
use crate::Desk;
use crate::browser::Browser;
use crate::processes::wait;
use crate::scratch::Scratch;

const SOUND: &str = "document.querySelector('[data-sound]').textContent";
/// Of the other side nobody is there, nor awaited.
const NOBODY: &str = "document.querySelector('.far .pers b')?.textContent === 'Nobody is in the call.'";
/// What has the focus, or nothing of the page's own.
const FOCUSED: &str = "(() => { const e = document.activeElement; return e.closest('main') && !e.matches('main a') \
                       ? e.dataset.key || e.id || e.name || Object.keys(e.dataset)[0] || e.parentElement.id : null; })()";

/// How loud a page's loudspeaker is where it is loudest, before a call, and at which frequency: what is given to a player, analysed.
const TAPPED: &str = r#"(() => {
  const play = HTMLMediaElement.prototype.play;
  window.tapped = [];
  HTMLMediaElement.prototype.play = function () {
    const begun = play.call(this);
    if (document.querySelector("[data-call]")) return begun;
    const context = new AudioContext();
    const ear = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 }), loud = new Float32Array(ear.frequencyBinCount);
    context.createMediaStreamSource(this.srcObject).connect(ear);
    // A tone has its frequency once it fills what is analysed.
    const fills = ear.fftSize / context.sampleRate;
    let since = null;
    const heard = setInterval(() => {
      ear.getFloatFrequencyData(loud);
      const at = loud.reduce((best, value, n) => (value > loud[best] ? n : best), 0);
      since = loud[at] > -45 && !this.paused ? since ?? context.currentTime : null;
      if (since !== null && context.currentTime - since > fills) tapped.push(Math.round(at * context.sampleRate / ear.fftSize));
    }, 50);
    setTimeout(() => { clearInterval(heard); context.close(); }, 2500);
    return begun;
  };
})()"#;

/// Which microphone was asked for, and how; and where something was to be played.
const ASKED: &str = r#"(() => {
  [window.asked, window.given] = [[], []];
  window.sinks = [];
  const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices), set = HTMLMediaElement.prototype.setSinkId;
  navigator.mediaDevices.getUserMedia = async (what) => { asked.push(what.audio); const one = await get(what); given.push(one); return one; };
  HTMLMediaElement.prototype.setSinkId = function (id) { sinks.push(id); return set.call(this, id); };
})()"#;

/// The page hears of nothing from then on: its stream ends, and each other that it opens.
const SILENCED: &str = r#"window.EventSource = class extends EventSource {
  constructor(address) {
    super(address);
    window.feed = this;
    if (window.isSilenced) this.close();
  }
}"#;

/// From now on an answer names a port at which nobody listens; which address the station named is kept.
const SHUT: &str = r#"(() => {
  const set = window.reachable = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    const [, ip, port] = /candidate:\S+ \d+ udp \d+ (\S+) (\d+)/i.exec(sdp);
    window.named = ip + ":" + port;
    window.answeredAt ??= Date.now();
    return set.call(this, { type, sdp: sdp.replaceAll(` ${ip} ${port} `, ` ${ip} 9 `) });
  };
})()"#;

/// An access key, once the page has it and it can be pressed; then what it does.
fn key(browser: &mut Browser, letter: &str, then: &str) {
    browser.until(&format!("!!document.querySelector('main [accesskey={letter}]:not(:disabled)')"));
    browser.press_access(letter);
    browser.until(then);
}

/// On with the Tab key to this, and Enter.
fn enter(browser: &mut Browser, data_key: &str) {
    let selector = format!("[data-key={data_key}]");
    browser.until(&format!("!!document.querySelector('{selector}:not(:disabled)')"));
    browser.tab_to(&selector);
    browser.press("Enter");
}

/// In which order the Tab key goes through what is in the main part, links but for.
fn order(browser: &mut Browser) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    // From its beginning.
    while browser.look(FOCUSED) != Value::Null {
        browser.press("Tab");
    }
    for _ in 0..120 {
        browser.press("Tab");
        match browser.look(FOCUSED) {
            Value::String(name) if known.contains(&name) => return known,
            Value::String(name) => known.push(name),
            _ if known.is_empty() => {}
            _ => return known,
        }
    }
    panic!("the Tab key does not come out of the main part: {known:?}");
}

fn says(browser: &mut Browser, sentence: &str) {
    // A place is kept for twenty seconds.
    browser.until_within(&format!("{SOUND}.startsWith({sentence:?})"), 15_000);
}

/// Before a call: what one hears oneself by, the microphone, and as what one is there.
fn before(browser: &mut Browser) {
    let stops = ["mic", "echo", "test", "spk", "tone", "part", "join"];
    assert_eq!(order(browser), stops);
    picked(browser);
    browser.tab_to("[data-echo]");
    browser.press(" ");
    browser.until("!document.querySelector('[data-echo]').checked");
    key(browser, "t", &format!("asked.length === 3 && {SOUND} === 'This page hears the microphone.'"));
    let none = json!({"echoCancellation": false, "noiseSuppression": false, "autoGainControl": false});
    assert_eq!(browser.look("asked.at(-1)"), none);
    // Asked for twice at once, one microphone is kept open and no other.
    browser.touch("(key => { key.click(); key.click(); })(document.querySelector('[data-test]'))");
    browser.until("given.length === 5 && given.filter((one) => one.getTracks()[0].readyState === 'live').length === 1");
    browser.until(&format!("{SOUND} === 'This page hears the microphone.'"));
    key(browser, "o", "tapped.length > 0");
    let tapped: Vec<u32> = serde_json::from_value(browser.look("tapped")).unwrap();
    assert!(!tapped.is_empty() && tapped.iter().all(|hz| hz.abs_diff(440) < 8), "{tapped:?}");
}

/// The devices that are chosen are those that are used, and what cleans speech is on until a person puts it off.
fn picked(browser: &mut Browser) {
    let heard = format!("{SOUND} === 'This page hears the microphone.'");
    let pick = |browser: &mut Browser, which: &str, at: usize| {
        browser.until(&format!("document.querySelector('[{which}]').options.length > {at}"));
        let chosen = browser.look(&format!(
            "(() => {{ const e = document.querySelector('[{which}]'); e.selectedIndex = {at}; e.dispatchEvent(new Event('change', {{ bubbles: true }})); return e.value; }})()"
        ));
        assert_eq!(chosen == "", at == 0, "{chosen}");
        chosen
    };
    key(browser, "t", &heard);
    assert_eq!(
        browser.look("asked.at(-1)"),
        json!({"echoCancellation": true, "noiseSuppression": true, "autoGainControl": true})
    );
    let [microphone, speaker] = ["data-mic", "data-speaker"].map(|which| pick(browser, which, 1));
    key(browser, "t", &format!("asked.length === 2 && {heard}"));
    assert_eq!(browser.look("asked.at(-1).deviceId.exact"), microphone);
    key(browser, "o", "sinks.length > 0");
    assert_eq!(browser.look("sinks.at(-1)"), speaker);
    ["data-mic", "data-speaker"].into_iter().for_each(|which| drop(pick(browser, which, 0)));
    browser.look("tapped.splice(0); true");
}

/// As principal, with Alt+J, once what cleans speech is off again as it was.
fn joins(browser: &mut Browser, then: &str) {
    browser.until("document.querySelector('[data-echo]')?.checked === false");
    browser.tab_to("[name=part]");
    browser.press("ArrowDown");
    browser.until("document.querySelector('[value=principal]').checked");
    key(browser, "j", then);
}

/// A network that lets pages through, and no UDP.
fn shut(browser: &mut Browser) {
    browser.look(SHUT);
    joins(browser, "!!document.querySelector('[data-call]')");
    browser.until("document.querySelector('[data-mend=blocked]')?.checkVisibility()");
    let told = browser.look("document.querySelector('[data-mend=blocked][role=alert]').innerText");
    let named = browser.look("named").as_str().unwrap().to_owned();
    assert!(named.len() > 10 && told.as_str().unwrap().contains(&named), "{told} without {named}");
    let after_ms = browser.look("Date.now() - answeredAt").as_u64().unwrap();
    assert!((7_900..30_000).contains(&after_ms), "{after_ms}");
    browser.look("RTCPeerConnection.prototype.setRemoteDescription = window.reachable; true");
    key(browser, "v", "!!document.querySelector('[data-key=join]')");
    // It stands there until it is tried again.
    browser.until("document.querySelector('[data-mend=blocked]').checkVisibility()");
    for (width, scheme) in [(390, "dark"), (1280, "light")] {
        browser.picture("lobby-blocked", width, scheme);
    }
    joins(browser, &format!("{SOUND}.startsWith('Sound goes both ways')"));
    assert_eq!(browser.look("document.querySelector('[data-mend=blocked]').checkVisibility()"), json!(false));
}

/// An offer that the station cannot answer: the page says why as the station does, and no longer once it is answered.
fn refused(browser: &mut Browser) {
    let offered = "Object.getOwnPropertyDescriptor(RTCPeerConnection.prototype, 'localDescription')";
    browser.look(&format!(
        "window.offered = {offered}; Object.defineProperty(RTCPeerConnection.prototype, 'localDescription', {{ get: () => ({{ sdp: 'v=0' }}), configurable: true }}); true"
    ));
    browser.look("document.querySelector('[value=principal]').click()");
    press(browser, "join");
    // The answer to joining may come after that to the offer, and take it away until the next.
    let [begins, ends] = ["Not done. What this browser offers is no call of sound", "try again when that has changed."];
    browser.until_within(&format!("{SOUND}.startsWith('{begins}') && {SOUND}.endsWith('{ends}')"), 15_000);
    browser.look("Object.defineProperty(RTCPeerConnection.prototype, 'localDescription', window.offered); true");
    says(browser, "Sound goes both ways");
}

/// The figures of the way are numbers, and each plot has a line.
fn plotted(browser: &mut Browser) {
    for name in ["round", "loss", "jitter"] {
        browser.until(&format!(
            "(() => {{ const cell = document.querySelector('[data-figure={name}]'), line = document.querySelector('[data-plot={name}] path'); \
             return /^\\d+(\\.\\d)?$/.test(cell.textContent) && /M[\\d.]+ [\\d.]+L[\\d.]+ /.test(line.getAttribute('d')) && line.getBoundingClientRect().width > 0; }})()"
        ));
    }
}

/// A page that has lost its station asks it nothing; the key that mutes mutes, and lets be heard again.
fn lost(keys: &mut Browser, other: &mut Browser) {
    keys.look("window.isSilenced = true; feed.close(); true");
    keys.until("document.querySelector('[data-live]').textContent.startsWith('Not live')");
    assert_eq!(keys.look("document.querySelector('[data-key=leave]').disabled"), json!(true));
    key(keys, "m", &format!("{SOUND}.startsWith('This microphone is off')"));
    hears_nothing(other, 1);
    keys.press_access("m");
    until("the one who was muted on a lost page", other, |other| level(other, THEM, TONES[0]) > -45.0);
    keys.reload();
    says(keys, "Sound goes both ways");
    hears_the_other_alone(keys, 0);
}

#[test]
fn a_call_is_held_by_keyboard_alone_and_its_page_says_what_keeps_sound_away_who_is_on_hold_and_who_did_not_come_back() {
    let scratch = Scratch::new("desk-talk-keyboard");
    let desks = Desk::two(&scratch);
    let page = page_of(&answered(&desks));
    let [mut keys, mut other] = browsers(&desks, (scratch.path(), &page));

    // Their page is closed. Until their time is over they are away, meanwhile a microphone is tried here.
    join(&mut other, "watch");
    for source in [TAPPED, ASKED, SILENCED] {
        keys.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source }));
    }
    keys.open(&format!("http://{}{page}", desks[0].address));
    keys.until("document.querySelector('.far .pers b')?.textContent === 'Watch'");
    // The page itself says when it was told, whatever is done at it meanwhile.
    keys.look(&format!("setInterval(() => {{ if ({NOBODY}) window.nobodyAt ??= Date.now(); }}, 50)"));
    let gone = counterpart::clock::Clock::system().now();
    other.call("Page.navigate", json!({"url": "about:blank"}));
    keys.until("!!document.querySelector('.far .pers.away')");
    before(&mut keys);
    shut(&mut keys);
    keys.until(&format!("{NOBODY} && window.nobodyAt > 0"));
    let after_ms = (keys.look("window.nobodyAt").as_f64().unwrap() as u64).saturating_sub(gone);
    assert!((20_000..60_000).contains(&after_ms), "{after_ms}");

    other.open(&format!("http://{}{page}", desks[1].address));
    other.until("!!document.querySelector('[data-key=join]')");
    other.look("document.querySelector('[data-echo]').checked && document.querySelector('[data-echo]').click()");
    refused(&mut other);
    press(&mut other, "through");
    keys.until("document.querySelectorAll('.far .hold').length === 1");
    key(&mut keys, "p", "document.querySelectorAll('.hold').length === 2");
    hears_the_other_alone(&mut keys, 0);
    hears_the_other_alone(&mut other, 1);

    // Whoever is on hold hears nobody, and nobody hears them.
    enter(&mut keys, "hold-0");
    hears_nothing(&mut keys, 0);
    hears_nothing(&mut other, 1);
    keys.until("document.querySelector('h1').textContent.includes('You are on hold')");
    other.until("document.querySelector('h1').textContent.includes('Nobody of Northland is on the line now')");
    other.until("document.querySelector('.explained').textContent.startsWith('What is said on the line here goes to their station')");
    enter(&mut keys, "line-0");
    hears_the_other_alone(&mut keys, 0);
    hears_the_other_alone(&mut other, 1);

    key(&mut keys, "m", "!!document.querySelector('[data-key=mute][aria-pressed=true]')");
    hears_nothing(&mut other, 1);
    key(&mut keys, "m", "!!document.querySelector('[data-key=mute][aria-pressed=false]')");
    until("the one who was muted", &mut other, |other| level(other, THEM, TONES[0]) > -45.0);
    lost(&mut keys, &mut other);
    plotted(&mut keys);

    let stops = order(&mut keys);
    assert_eq!(
        stops,
        ["hold-0", "aside-0", "mute", "leave", "ending", "let-in-principal", "let-in-interpreter", "let-in-note-taker"]
    );
    key(&mut keys, "e", "document.getElementById('ending').open");
    enter(&mut keys, "end");
    keys.until("document.querySelector('h1').textContent.includes('We ended it')");
    other.until("document.querySelector('h1').textContent.includes('Northland ended it')");
    for desk in &desks {
        wait("TALKED", || (super::talk(desk)["state"] == "TALKED").then_some(()));
    }
    assert_eq!(keys.complaints, Vec::<String>::new());
}
