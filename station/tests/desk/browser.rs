//! A browser driven over a pipe by the DevTools protocol: real keys, real pages, nothing between.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use counterpart::clock::Clock;
use serde_json::{Value, json};

use crate::scratch::Scratch;

/// The whole browser drops the keys that come before a page's first frame; its engine alone takes them, and with the last of these
/// both do.
const FLAGS: &str = "--remote-debugging-pipe --headless --lang=en-US --no-sandbox --disable-gpu --disable-quic --no-first-run \
                     --disable-background-networking --disable-component-update --disable-sync --allow-pre-commit-input";

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    number: u64,
    session: Option<String>,
    /// The tabs, in the order in which they were opened.
    tabs: Vec<String>,
    /// What the page complained of: errors, exceptions, reports of its policy.
    pub complaints: Vec<String>,
    _profile: Scratch,
}

fn worth(expression: &str) -> Value {
    json!({"expression": expression, "awaitPromise": true, "returnByValue": true})
}

/// Debian's package of Chromium's engine without the windows of a browser, which starts with a quarter of the work.
const ENGINE: &str = "$(command -v chromium-headless-shell || echo chromium)";

impl Browser {
    /// The engine of the browser, which does all that a page asks for; the whole of it where the engine is not installed alone.
    pub fn start(name: &str) -> Browser {
        Browser::start_with(name, &[])
    }

    /// The same, with more of what a browser is told when it starts.
    pub fn start_with(name: &str, more: &[String]) -> Browser {
        Browser::start_as(ENGINE, name, more, &[])
    }

    /// The whole browser, as people have it, by a command that runs another: in a network of its own, say.
    pub fn start_whole(name: &str, more: &[String], within: &[&str]) -> Browser {
        Browser::start_as("chromium", name, more, within)
    }

    fn start_as(program: &str, name: &str, more: &[String], within: &[&str]) -> Browser {
        let profile = Scratch::new(name);
        let shell = format!("exec {program} \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1");
        let mut words = within.iter().copied().chain(["sh", "-c", &shell, "sh"]);
        let mut command = Command::new(words.next().unwrap_or("sh"));
        command.args(words).args(FLAGS.split_whitespace()).args(more);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser =
            Browser { child, to, from, number: 0, session: None, tabs: vec![], complaints: vec![], _profile: profile };
        browser.tab();
        browser
    }

    /// Opens one more tab, which is looked at from then on.
    pub fn tab(&mut self) {
        self.session = None;
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = self.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        self.tabs.push(attached["sessionId"].as_str().unwrap().into());
        self.session = self.tabs.last().cloned();
        for domain in ["Page", "Runtime", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Looks at a tab that was opened before: 0 is the first.
    pub fn look_at(&mut self, tab: usize) {
        self.session = Some(self.tabs[tab].clone());
    }

    /// Brings the tab that is looked at to the front, as a person does who comes back to it.
    pub fn front(&mut self) {
        self.call("Page.bringToFront", json!({}));
    }

    /// Asks the browser, and keeps what it complains of meanwhile.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        let told = self.answer(method, params);
        assert!(told.get("error").is_none(), "{method}: {told}");
        told["result"].clone()
    }

    fn answer(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).unwrap();
            assert_eq!(bytes.pop(), Some(0), "the browser has ended; is chromium installed?");
            let told: Value = serde_json::from_slice(&bytes).unwrap();
            if told["id"] == json!(self.number) {
                return told;
            }
            let is_error = told["method"] == "Log.entryAdded" && told["params"]["entry"]["level"] == "error";
            if is_error || told["method"] == "Runtime.exceptionThrown" {
                self.complaints.push(told["params"].to_string());
            }
        }
    }

    /// What an expression of the page is worth.
    pub fn look(&mut self, expression: &str) -> Value {
        self.call("Runtime.evaluate", worth(expression))["result"]["value"].clone()
    }

    /// The same of a page that may just be loaded anew: nothing, until it is there as a whole and its scripts have run.
    pub fn glance(&mut self, expression: &str) -> Value {
        let whole = format!("document.readyState === 'complete' ? ({expression}) : null");
        let told = self.answer("Runtime.evaluate", worth(&whole));
        let why = told["error"]["message"].as_str();
        let left = why.is_some_and(|why| why.contains("navigated") || why.contains("context"));
        assert!(left || told.get("error").is_none(), "{expression}: {told}");
        told["result"]["result"]["value"].clone()
    }

    fn is(&mut self, expression: &str) -> bool {
        self.glance(expression) == json!(true)
    }

    /// The same, as if a person had touched the page: only then a browser lets it sound.
    pub fn touch(&mut self, expression: &str) {
        self.touched(expression);
    }

    /// What the touch was worth. One that missed is told at once, and not by what it did not do.
    pub fn touched(&mut self, expression: &str) -> Value {
        let told = self.call("Runtime.evaluate", json!({"expression": expression, "userGesture": true}));
        assert!(told.get("exceptionDetails").is_none(), "{expression}: {told}");
        told["result"]["value"].clone()
    }

    /// Waits, at most a minute, until the expression is true.
    pub fn until(&mut self, expression: &str) {
        self.until_within(expression, 60_000);
    }

    /// The same, at most so many milliseconds.
    pub fn until_within(&mut self, expression: &str, ms: u64) {
        let clock = Clock::system();
        let begun = clock.moment();
        while !self.is(expression) {
            let shown =
                || "document.title + ' | ' + location.href + ' | ' + (document.querySelector('main')||{}).innerText";
            assert!(clock.moment().ms_since(begun) < ms, "{expression}: {}", self.look(shown()));
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    pub fn open(&mut self, url: &str) {
        self.open_within(url, 60_000);
    }

    /// Loads the page anew. The old one answers for a moment yet, and is not taken for the new one.
    pub fn reload(&mut self) {
        self.look("window.isLeft = true");
        self.call("Page.reload", json!({}));
        self.until("!window.isLeft && document.readyState === 'complete'");
    }

    /// Opens a link that signs in, and presses its one button once that has the focus.
    pub fn take_link(&mut self, link: &str) {
        self.open(link);
        self.until("!!document.activeElement && document.activeElement.matches('button.main')");
        self.press("Enter");
    }

    /// The same, at most so many milliseconds.
    pub fn open_within(&mut self, url: &str, ms: u64) {
        self.call("Page.navigate", json!({"url": url}));
        self.until_within("document.readyState === 'complete' && location.href !== 'about:blank'", ms);
    }

    /// One key, down and up.
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "ArrowDown" => (40, ""),
            letter => (u32::from(letter.to_uppercase().as_bytes()[0]), letter),
        };
        let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        for kind in [down, "keyUp"] {
            let params = json!({"type": kind, "key": key, "code": key, "text": text, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// An access key: the letter with Alt, as a person at this browser presses it.
    pub fn press_access(&mut self, key: &str) {
        let code = u32::from(key.to_uppercase().as_bytes()[0]);
        for (kind, text) in [("rawKeyDown", ""), ("char", key), ("keyUp", "")] {
            let params = json!({"type": kind, "key": key, "code": format!("Key{}", key.to_uppercase()), "modifiers": 1,
                "windowsVirtualKeyCode": code, "text": text, "unmodifiedText": key});
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// A letter of what rings, once a key counts there.
    pub fn press_at_ring(&mut self, key: &str) {
        self.until("document.getElementById('bell-dialog').open && !('early' in document.getElementById('bell-dialog').dataset)");
        self.press(key);
    }

    /// Goes on with the Tab key until what has the focus is meant.
    pub fn tab_to(&mut self, selector: &str) {
        for _ in 0..120 {
            if self.look(&format!("!!document.activeElement && document.activeElement.matches(`{selector}`)"))
                == json!(true)
            {
                return;
            }
            self.press("Tab");
        }
        panic!("the Tab key does not lead to {selector}: {}", self.look("document.querySelector('main').innerHTML"));
    }

    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Sets how wide the page is, in pixels: a phone's screen is 844 high, any other 900.
    pub fn width(&mut self, width: u32) {
        let height = if width < 500 { 844 } else { 900 };
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Neither the page nor what fills the screen is wider than it, and no key or word is cut off at its edge, and each part has a
    /// name of its own. What is wrong.
    pub fn unfitting(&mut self, name: &str) -> Option<String> {
        let wide = "[document.documentElement, ...document.querySelectorAll('dialog[open]')].map((e) => e.scrollWidth - e.clientWidth)";
        // It is less than nothing while the page is being laid out anew without its bar.
        self.until(&format!("{wide}.every((more) => more >= 0)"));
        let wide = self.look(wide);
        if wide.as_array().unwrap().iter().any(|more| *more != json!(0)) {
            return Some(format!("{name} scrolls sideways: {wide}"));
        }
        let cut = "[...document.querySelectorAll('button, a, h1, h2, dt, dd, .bell, .who')].filter((e) => { const r = e.getBoundingClientRect();
            const row = e.closest('.mast nav'), scrolls = row && getComputedStyle(row).overflowX === 'auto';
            return r.width > 1 && r.height > 1 && !e.closest('.wide') && !scrolls && getComputedStyle(e).visibility !== 'hidden' && (r.left < -1 || r.right > innerWidth + 1) && !e.matches('.skip'); }).map((e) => e.innerText)";
        let cut = self.look(cut);
        // What leads to a part of the page leads to the first that has its name. What fills the screen is a page of its own.
        let twice = "[true, false].flatMap((over) => [...document.querySelectorAll('[id]')].filter((e) => !!e.closest('dialog') === over)
            .map((e) => e.id).filter((id, at, all) => all.indexOf(id) < at))";
        let twice = self.look(twice);
        let wrong = (cut != json!([])).then(|| format!("{name} is cut off: {cut}"));
        wrong.or_else(|| (twice != json!([])).then(|| format!("{name} has parts of the same name: {twice}")))
    }

    /// Which of these do not lie wholly on the screen as it stands, or are not there at all.
    pub fn out_of_sight(&mut self, selectors: &[&str]) -> String {
        let script = format!(
            "(() => {{ const over = document.querySelector('dialog[open]'), top = over ? over.clientTop : 0, end = over ? top + over.clientHeight : innerHeight;
            return {selectors:?}.flatMap((s) => {{
                const shown = [...document.querySelectorAll(s)].filter((e) => e.checkVisibility());
                const cut = shown.map((e) => [e.getBoundingClientRect(), e]).filter(([r]) => r.top < top || r.bottom > end);
                return shown.length ? cut.map(([r, e]) => `${{s}} from ${{Math.round(r.top)}} to ${{Math.round(r.bottom)}} of ${{end}}: ${{e.textContent.trim().slice(0, 40)}}`) : [s + ' is not there'];
            }}).join('; '); }})()"
        );
        let found = self.look(&script);
        if let Value::String(found) = found { found } else { "the script of what is out of sight has failed".into() }
    }

    /// Of a ring, what does not lie on its screen: at a desk every key with its code; on a phone the headline, until when, and the keys
    /// that one presses first; of its second step the way back.
    pub fn ring_out_of_sight(&mut self) -> String {
        let [is_phone, puts_off, first, has_time] = [
            "innerWidth < 500",
            // In its second step a ring asks for a reason, and for nothing else; what broke off cannot be put off.
            "!!document.querySelector('.ring .defers')",
            "!!document.querySelector('.ring [accesskey=a]')",
            "!!document.querySelector('.ring .big')",
        ]
        .map(|what| self.look(what) == json!(true));
        // The first key, or the way back from the second step.
        let mut all = vec![".ring .mark", ".ring h1", ".ring [data-first]"];
        if first {
            all.push(".ring [accesskey=a]");
        }
        if has_time {
            all.push(if is_phone { ".ring .duetop" } else { ".ring .big" });
        }
        if !is_phone {
            all.extend([".ring button", ".ring a"]);
            all.extend(puts_off.then_some(".ring select"));
        }
        self.out_of_sight(&all)
    }

    /// axe-core finds nothing wrong: contrast, names, roles, landmarks. Of a page behind what fills the screen nothing is asked.
    fn inaccessible(&mut self, name: &str) -> Option<String> {
        let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("../axe/axe_playwright_python/axe.min.js");
        let read = std::fs::read_to_string(&file);
        let axe = read.unwrap_or_else(|_| panic!("axe-core is not there; ./test fetches it into target/axe"));
        if self.look("typeof axe") != json!("object") {
            self.look(&format!("{axe}; true"));
        }
        let run = "axe.run(document.querySelector('dialog[open]') || document, { resultTypes: ['violations'] }).then((found) =>
            found.violations.map((wrong) => [wrong.id, wrong.help, wrong.nodes.slice(0, 5).map((node) => node.html.slice(0, 200))]))";
        let found = self.look(run);
        (found != json!([])).then(|| format!("{name}: {found}"))
    }

    /// Kept pictures of the whole page, for people to look at; the page must not be wider than its screen.
    pub fn picture(&mut self, name: &str, width: u32, scheme: &str) {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        let found = self.examined(&folder.join(format!("{name}-{width}-{scheme}.png")), width, scheme);
        assert_eq!(found, Vec::<String>::new());
    }

    /// The same into this file; what is wrong with the page.
    pub fn examined(&mut self, file: &std::path::Path, width: u32, scheme: &str) -> Vec<String> {
        self.width(width);
        let feature = if scheme == "forced" {
            json!({"name": "forced-colors", "value": "active"})
        } else {
            json!({"name": "prefers-color-scheme", "value": scheme})
        };
        self.call("Emulation.setEmulatedMedia", json!({"features": [feature]}));
        // A bar beside the page would take from its width, and is on no picture.
        self.call("Emulation.setScrollbarsHidden", json!({"hidden": true}));
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let found = [self.unfitting(&name), self.inaccessible(&name)].into_iter().flatten().collect();
        // What fills the screen lies over the page, which goes on beneath.
        let whole = self.look("!document.querySelector('dialog[open]')");
        let picture = self.call(
            "Page.captureScreenshot",
            json!({"format": "png", "captureBeyondViewport": whole, "optimizeForSpeed": true}),
        );
        let bytes = decoded(picture["data"].as_str().unwrap());
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
        found
    }

    /// What of the page fits on one screen, as small as a document wants it.
    pub fn small_picture(&mut self, file: &std::path::Path, height: u32) {
        let clip = json!({"x": 0, "y": 0, "width": 1280, "height": height, "scale": 0.8});
        let params = json!({"format": "webp", "quality": 80, "clip": clip, "captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", params);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, decoded(picture["data"].as_str().unwrap())).unwrap();
    }
}

/// Base64 (RFC 4648 §4).
fn decoded(text: &str) -> Vec<u8> {
    let value =
        |b: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|c| *c == b);
    let digits: Vec<u32> = text.bytes().filter_map(value).map(|v| v as u32).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let word = four.iter().fold(0, |word, digit| word << 6 | digit) << (6 * (4 - four.len()));
        word.to_be_bytes()[1..four.len()].to_vec()
    });
    bytes.collect()
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
