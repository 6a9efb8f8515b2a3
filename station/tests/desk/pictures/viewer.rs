//! Who looks at a page, and on what: three persons, each in a language and a direction, on a phone and at a desk, by day and by night.

use serde_json::{Value, json};

use crate::Desk;
use crate::browser::Browser;

/// Where pictures are kept, and how many of the twelve combinations are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All twelve.
    All,
    /// One of each person: 390 light Russian, 1280 dark English, 390 dark from right to left. Every page is looked at by all three,
    /// the states of one kind by one after the other in turn.
    Three,
}

impl Scope {
    /// As `just pictures` asks by the environment.
    pub fn asked() -> Scope {
        if std::env::var_os("COUNTERPART_PICTURES").is_some() { Scope::All } else { Scope::Three }
    }
}

/// Which pictures the README has, what they are called there, and how much of the page they show, in pixels downwards.
const SMALL: [(&str, &str, u32); 4] = [
    ("page-lines", "lines", 900),
    ("page-request", "request", 1000),
    ("ring-immediate", "ring", 900),
    ("page-record", "record", 900),
];

/// One person at a browser.
pub struct Viewer {
    pub name: &'static str,
    user: &'static str,
    is_from_right: bool,
    pub combinations: Vec<(u32, &'static str)>,
    pub browser: Browser,
    is_in: Option<(String, std::path::PathBuf, &'static str)>,
    /// What was wrong with a page.
    pub complaints: Vec<String>,
}

/// A page to be pictured.
#[derive(Clone)]
pub struct Shot {
    pub name: String,
    pub path: String,
    /// What rings fills the screen; without it nothing may.
    pub rings: bool,
}

impl Shot {
    pub fn of(name: &str, path: &str) -> Shot {
        Shot { name: name.into(), path: path.into(), rings: false }
    }
}

impl Viewer {
    /// The three.
    pub fn all(scope: Scope) -> [Viewer; 3] {
        Viewer::at(scope, &[])
    }

    /// The same at browsers that are told this when they start.
    pub fn at(scope: Scope, flags: &[String]) -> [Viewer; 3] {
        let people = [
            ("english", "en", "Duty officer 1", false, (1280, "dark")),
            ("russian", "ru", "Дежурный 2", false, (390, "light")),
            ("right-to-left", "en", "ضابط المناوبة", true, (390, "dark")),
        ];
        let every = vec![(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")];
        people.map(|(name, language, user, is_from_right, one)| {
            let mut browser = Browser::start_with(&format!("pictures-{name}"), flags);
            browser.call("Network.enable", json!({}));
            browser.call("Network.setExtraHTTPHeaders", json!({"headers": {"Accept-Language": language}}));
            let combinations = if scope == Scope::All { every.clone() } else { vec![one] };
            let complaints = vec![];
            Viewer { name, user, is_from_right, combinations, browser, is_in: None, complaints }
        })
    }

    /// Signs in at a desk in this role, once, and sets the direction there; in no role, signs out.
    pub fn enter(&mut self, desk: &Desk, role: &'static str) {
        let known = (desk.address.clone(), desk.station.data.clone(), role);
        if self.is_in.as_ref() == Some(&known) {
            return;
        }
        self.browser.call("Network.clearBrowserCookies", json!({}));
        self.is_in = Some(known);
        if role.is_empty() {
            return;
        }
        let user = match role {
            "watch" => self.user.to_owned(),
            _ => format!("{} ({role})", self.user),
        };
        let (status, _) = desk.station.post("/users", &json!({"name": user, "role": role})).unwrap();
        let (_, link) = desk.station.post("/users/link", &json!({ "name": user })).unwrap();
        // Made before, if it is not made now.
        assert!(status == 200 || link["url"].is_string(), "{status} {link}");
        self.browser.open(link["url"].as_str().unwrap());
        self.browser.look("document.querySelector('button.main').click()");
        self.browser.until("location.pathname === '/lines' && !!document.body.dataset.position");
        if self.is_from_right {
            self.browser.open(&format!("http://{}/settings", desk.address));
            self.browser.look("document.querySelector('[name=direction][value=rtl]').click()");
            self.browser.look("document.querySelector('button[data-key=settings]').click()");
            self.browser.until("document.documentElement.dir === 'rtl'");
        }
    }

    /// Opens a page and pictures it on everything that this person has.
    pub fn picture(&mut self, desk: &Desk, shot: &Shot) {
        self.browser.open(&format!("http://{}{}", desk.address, shot.path));
        self.keep(shot);
        // What happens next rings at nobody.
        self.browser.call("Page.navigate", json!({"url": "about:blank"}));
    }

    /// Pictures the page that is open.
    pub fn keep(&mut self, shot: &Shot) {
        let live = "(!document.body.dataset.position || document.body.classList.contains('dead') || !document.querySelector('[data-live]') || /\\d/.test(document.querySelector('[data-live]').textContent) === false)";
        self.browser.until(&format!("document.readyState === 'complete' && {live}"));
        // A person who sits here has armed the bell.
        if self.browser.look("!!document.querySelector('[data-arm]') && !document.body.classList.contains('dead')")
            == json!(true)
        {
            self.browser.until("document.querySelector('[data-bell]').textContent !== ''");
            // It is armed already on a page that stays open.
            if self.browser.look("window.counterpartBell.audio.state") != json!("running") {
                self.unarmed_on_a_phone(shot);
            }
            self.browser.touch("document.querySelector('[data-arm]').click()");
            self.browser.until(
                "window.counterpartBell.audio.state === 'running' && document.getElementById('bell-strip').hidden",
            );
        }
        let stands = "document.getElementById('bell-dialog').open && !!document.querySelector('.ring .who4')";
        if shot.rings {
            self.browser.until(stands);
        } else {
            let rings = self.browser.look("!!document.querySelector('dialog[open]')");
            self.wrong(rings == json!(true), shot, "something rings over it");
        }
        for (width, scheme) in self.combinations.clone() {
            let name = format!("{}-{}-{width}-{scheme}", shot.name, self.name);
            let found = self.browser.examined(&super::folder().join(format!("{name}.png")), width, scheme);
            self.complaints.extend(found);
            let cut = crate::languages::cut(&mut self.browser);
            self.wrong(!cut.is_empty(), shot, &format!("{width}: {cut}"));
            if shot.rings {
                // A page that was held up while it was looked at takes its station for lost until it hears it again.
                self.browser.until(stands);
                let out = self.browser.ring_out_of_sight();
                self.wrong(!out.is_empty(), shot, &format!("{width}: {out}"));
            }
            let lies = self.overlaps();
            self.wrong(!lies.is_empty(), shot, &format!("{width}: {lies}"));
            if self.name == "english" && (width, scheme) == (1280, "light") {
                self.kept_small(shot);
            }
        }
        let mut said = std::mem::take(&mut self.browser.complaints);
        // A page that says why something is not done comes with a status that says so too.
        // So does what a page tells of its bell once its stream is gone, by which it is known.
        let is_told = shot.name.starts_with("page-no") || shot.name.starts_with("lost");
        said.retain(|said| !(is_told && said.contains("responded with a status of 4")));
        self.complaints.extend(said.into_iter().map(|said| format!("{}: {said}", shot.name)));
    }

    /// Also while the bell is not armed, the first screen of a phone shows the page: its heading, below one row of tabs and one that says so.
    fn unarmed_on_a_phone(&mut self, shot: &Shot) {
        if shot.rings || self.combinations.iter().all(|(width, _)| *width != 390) {
            return;
        }
        self.browser.width(390);
        self.browser.until("!document.getElementById('bell-strip').hidden");
        // Something that was just made is gone to, for it is shown once; a page to write on begins with what it is about.
        self.browser.look("document.querySelector('form[data-shows]') || scrollTo(0, 0)");
        // What needs a person before anything else stands above the heading.
        let begins = "document.querySelector('main > .strip h2, main h1').matches('.strip h2')";
        let first = match self.browser.look(begins) == json!(true) {
            true => "main > .strip:first-of-type h2",
            false => "main h1",
        };
        let out = self.browser.out_of_sight(&["#bell-strip", first]);
        self.wrong(!out.is_empty(), shot, &format!("the first screen of a phone: {out}"));
        let rows = "document.querySelector('.mast nav').offsetHeight < 60 && document.getElementById('bell-strip').offsetHeight < 76";
        let is_one = self.browser.look(rows) == json!(true);
        self.wrong(!is_one, shot, "tabs or the strip of the bell take more than a row of a phone");
    }

    /// The few that stand in the README.
    fn kept_small(&mut self, shot: &Shot) {
        if let Some((_, name, height)) = SMALL.iter().find(|(known, _, _)| *known == shot.name) {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures");
            self.browser.small_picture(&folder.join(format!("{name}.webp")), *height);
        }
    }

    fn wrong(&mut self, is: bool, shot: &Shot, what: &str) {
        if is {
            self.complaints.push(format!("{} ({}): {what}", shot.name, self.name));
        }
    }

    /// Texts of one block that lie over each other.
    fn overlaps(&mut self) -> String {
        let script = "(() => {
            const root = document.querySelector('dialog[open]') || document.body;
            const clipped = (e) => !!e && (getComputedStyle(e).clipPath !== 'none' || clipped(e.parentElement));
            const shown = (e) => !clipped(e) && e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !e.closest('.vh, [aria-hidden=true], svg, .skip, template, noscript, option, .strip.rings');
            const texts = [];
            const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
            for (let n = walk.nextNode(); n; n = walk.nextNode()) {
                const e = n.parentElement;
                if (!n.data.trim() || !e || !shown(e) || /SCRIPT|STYLE/.test(e.tagName)) continue;
                const range = document.createRange();
                range.selectNodeContents(n);
                // A line is taller than its letters.
                for (const r of range.getClientRects()) if (r.width > 2 && r.height > 2) texts.push([{ left: r.left, right: r.right, top: r.top + r.height * 0.22, bottom: r.bottom - r.height * 0.22, height: r.height * 0.56 }, n]);
            }
            texts.sort((a, b) => a[0].top - b[0].top);
            const found = [];
            for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < texts.length && texts[j][0].top < texts[i][0].bottom; j++) {
                const [a, n] = texts[i], [b, m] = texts[j];
                const w = Math.min(a.right, b.right) - Math.max(a.left, b.left), h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
                if (n !== m && w > 3 && h > 0.25 * Math.min(a.height, b.height)) found.push(n.data.trim().slice(0, 30) + ' / ' + m.data.trim().slice(0, 30));
            }
            return [...new Set(found)].slice(0, 5).join('; ');
        })()";
        let found = self.browser.look(script);
        if let Value::String(found) = found { found } else { "the script of overlaps has failed".into() }
    }
}
