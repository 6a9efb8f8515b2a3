//! Each way a request can end, with the pages of both desks compared after every act; and two officers who answer at once.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::pictures::stage::{HOUR, MINUTE, Stage};
use crate::processes::wait;

/// What a page shows of a request that an entry gave: rungs, offers and talk with their times, and the table of attempts and offers.
/// Of two columns ours comes first, so the page of the other side has them the other way round.
const SHOWN: &str = "(() => {
    const text = (root, all) => [...root.querySelectorAll(all)].map((e) => e.textContent.trim());
    const main = document.querySelector('.page > main');
    const given = [...main.querySelectorAll('.ladder li:not(.nowline)')].filter((li) => li.querySelector('a[href*=\"/record\"]'));
    return {
        ladder: given.map((li) => ({ times: text(li, '.t time'), names: text(li, '.bar > .name, .bar > p:not(.aft) > b'), entries: text(li, 'a') })),
        tried: [...main.querySelectorAll('.att tr')].map((row) => text(row, 'th a, td a, td b')),
    };
})()";

/// The same as the page of the other side must have it.
fn mirrored(shown: &Value) -> Value {
    let mut mirrored = shown.clone();
    for row in mirrored["ladder"].as_array_mut().unwrap() {
        row.as_object_mut().unwrap().values_mut().for_each(|column| column.as_array_mut().unwrap().reverse());
    }
    mirrored
}

/// A browser of an officer, on the page of a request.
fn officer(stage: &Stage, side: usize, name: &str) -> Browser {
    stage.desks[side].silent_browser(name)
}

fn open(stage: &Stage, side: usize, page: &mut Browser, ask: &str) {
    page.open(&format!("http://{}/lines/{}/requests/{ask}", stage.desks[side].address, stage.line));
    page.until("location.pathname.includes('/requests/') && !!document.querySelector('.page > main .ladder')");
}

fn key(begins: &str, contains: &str) -> String {
    let contains = if contains.is_empty() { String::new() } else { format!("[data-key*='{contains}']") };
    format!("document.querySelector(`.page > main button[data-key^='{begins}']{contains}`)")
}

/// Both desks, an officer at each, on one request after the other.
struct Both {
    stage: Stage,
    pages: [Browser; 2],
    ask: String,
}

impl Both {
    fn new(name: &str) -> Both {
        let stage = Stage::new(name);
        let pages = [0, 1].map(|side| officer(&stage, side, &format!("Duty officer {}", side + 1)));
        Both { stage, pages, ask: String::new() }
    }

    /// Northland asks, and both officers look at it.
    fn begin(&mut self, subject: &str, more: Value) {
        self.stage.quiet(0);
        self.stage.quiet(1);
        self.ask = self.stage.ask(subject, more);
        for (side, page) in self.pages.iter_mut().enumerate() {
            open(&self.stage, side, page, &self.ask);
        }
        self.agree("OPEN", ["Delivered", "Delivered"]);
    }

    /// An officer presses a key on their page, a minute later.
    fn press(&mut self, side: usize, begins: &str, contains: &str) {
        self.stage.pass_alone(MINUTE);
        let key = key(begins, contains);
        // A page that has lost its station for a moment has its keys off; and what comes next is pressed on the page that comes.
        let press = "(key => key && !key.disabled ? (window.same = true, key.click(), true) : false)";
        self.pages[side].until(&format!("{press}({key})"));
        self.pages[side].until("!window.same");
    }

    /// What a side states by any other way.
    fn act(&self, side: usize, form: Value) -> String {
        self.stage.act(side, form)
    }

    /// Each page says how it stands in the words of its side.
    fn read(&mut self, said: [&str; 2]) {
        for (page, said) in self.pages.iter_mut().zip(said) {
            page.until(&crate::heading(said));
        }
    }

    /// Both records say this outcome, each page says it in the words of its side, and both show the same entries with the same times.
    fn agree(&mut self, outcome: &str, said: [&str; 2]) {
        self.read(said);
        for desk in &self.stage.desks {
            let view = desk.station.get(&format!("/requests/{}", self.ask)).unwrap();
            assert_eq!(view["outcome"], outcome, "{said:?}");
        }
        let clock = counterpart::clock::Clock::system();
        let begun = clock.moment();
        loop {
            let [ours, theirs] = self.pages.each_mut().map(|page| page.glance(SHOWN));
            if ours["ladder"].as_array().is_some_and(|ladder| !ladder.is_empty()) && mirrored(&ours) == theirs {
                return;
            }
            assert!(clock.moment().ms_since(begun) < 60_000, "{said:?}: {ours:#} {theirs:#}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    fn states_the_talk(&self, side: usize) {
        self.stage.pass(HOUR / 2);
        let when = format!("{}/{}", self.stage.ago(20 * MINUTE), self.stage.ago(10 * MINUTE));
        self.act(side, json!({"act": "talk", "on": self.ask, "when": when, "instrument": "telephone"}));
    }

    fn offered(&mut self) -> String {
        let windows = [3, 5].map(|hours| {
            let window = [hours * HOUR, hours * HOUR + HOUR / 2].map(|at| self.stage.at(at));
            window.join("/")
        });
        self.act(1, json!({"act": "offer", "on": self.ask, "windows": windows, "answer_by": self.stage.at(HOUR)}))
    }
}

#[test]
fn each_way_a_request_ends_reads_alike_on_both_desks_after_every_act() {
    let mut both = Both::new("desk-ended");

    both.begin("Tanker adrift off Cape Orr", json!({"precedence": "IMMEDIATE"}));
    both.stage.rings(1);
    both.agree("OPEN", ["Alerting", "Alerting"]);
    both.press(1, "act=seen", "");
    both.agree("OPEN", ["Seen", "Seen by our watch"]);
    both.press(1, "act=refer", "");
    both.agree("OPEN", ["Referred", "Referred here"]);
    both.press(1, "act=answer", "");
    both.agree("ANSWERED", ["Answered", "Answered"]);
    both.states_the_talk(0);
    both.agree("ANSWERED", ["Answered", "Answered"]);
    both.states_the_talk(1);
    both.agree("ANSWERED", ["Both state that they talked", "Both state that they talked"]);
    let talk = both.stage.desks[0].station.get(&format!("/requests/{}", both.ask)).unwrap();
    assert_eq!(talk["talk"]["state"], "TALKED");

    both.begin("Fishing rights on the western shelf", json!({}));
    both.press(0, "act=suspend", "");
    both.agree("OPEN", ["Suspended by us", "Suspended by them"]);
    both.press(0, "act=resume", "");
    both.agree("OPEN", ["Delivered", "Delivered"]);
    both.press(1, "act=defer", "code=ENGAGED");
    both.agree("OPEN", ["Deferred", "Deferred here"]);
    both.press(1, "act=decline", "code=LEVEL");
    both.agree("DECLINED", ["Declined by them", "Declined by us"]);

    both.begin("Planned ramp on the submarine link", json!({}));
    both.press(0, "act=withdraw", "");
    both.agree("WITHDRAWN", ["Withdrawn by us", "Withdrawn by them"]);

    both.begin("Repair of the boundary stone", json!({}));
    both.offered();
    both.agree("OPEN", ["They offer 2 times", "We offer 2 times"]);
    both.press(0, "act=accept", "window=2");
    both.agree("AGREED", ["Agreed", "Agreed"]);
    both.press(1, "act=cancel", "code=TRAVELLING");
    both.agree("AGREED", ["Cancelled by them", "Cancelled by us"]);
    let talk = both.stage.desks[1].station.get(&format!("/requests/{}", both.ask)).unwrap();
    assert_eq!(talk["talk"]["state"], "CANCELLED");

    let valid = both.stage.at(3 * HOUR);
    both.begin("Water level of the reservoir", json!({ "valid_until": valid }));
    both.offered();
    both.agree("OPEN", ["They offer 2 times", "We offer 2 times"]);
    both.stage.pass(HOUR + 2 * MINUTE);
    // Who offered times had seen it.
    both.agree("OPEN", ["Seen", "Seen by our watch"]);
    both.offered();
    both.press(0, "act=decline", "code=OUT-OF-HOURS");
    both.agree("OPEN", ["Seen", "Seen by our watch"]);
    both.stage.pass(2 * HOUR);
    both.agree("LAPSED", ["Lapsed", "Lapsed"]);

    both.begin("Interpreters for Thursday", json!({}));
    both.stage.part();
    both.press(0, "act=withdraw", "");
    both.press(1, "act=answer", "");
    both.read(["Withdrawn here. They do not hold it yet", "Answered here. They do not hold it yet"]);
    both.stage.meet();
    both.agree("CROSSED", ["Crossed: nothing is agreed", "Crossed: nothing is agreed"]);

    let complaints = both.pages.iter().flat_map(|page| page.complaints.clone());
    assert_eq!(complaints.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn of_two_officers_who_answer_at_once_one_is_in_and_the_other_reads_by_whom_it_was_answered() {
    let stage = Stage::new("desk-at-once");
    let ask = stage.ask("Tanker adrift off Cape Orr", json!({}));
    let names = ["Duty officer 1", "Duty officer 2"];
    let mut pages = names.map(|name| officer(&stage, 1, name));
    for page in &mut pages {
        open(&stage, 1, page, &ask);
        // Neither page is drawn anew before its own key is pressed.
        page.look("window.fetch = () => new Promise(() => {}); true");
        page.until(&format!("!!{}", key("act=answer", "")));
    }

    for page in &mut pages {
        page.look(&format!("{}.click()", key("act=answer", "")));
    }

    let done =
        "location.pathname.includes('/requests/') && document.querySelector('h1').textContent.includes('Answered')";
    let refused = "location.pathname.endsWith('/acts') && document.querySelector('h1').textContent === 'Not signed.'";
    pages.iter_mut().for_each(|page| page.until(&format!("({done}) || ({refused})")));
    let is_in = pages.each_mut().map(|page| page.look(done) == json!(true));
    let first = usize::from(is_in[1]);
    assert!(is_in[first] && !is_in[1 - first], "one is in: {is_in:?}");
    let told = pages[1 - first].look("document.querySelector('main').innerText").as_str().unwrap().to_owned();
    let by = format!("Sundmark #2 was written here by {}", names[first]);
    assert!(told.contains("is closed, by Sundmark #2") && told.contains(&by), "{told}");
    stage.rest();
    let record = stage.desks[0].station.get("/record?limit=100").unwrap();
    let answers = record["record"]["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "answer");
    assert_eq!(answers.count(), 1, "and one answer crossed the line");

    // Who did it is said at home, on the page and at the entry, and at no other station.
    let page = &mut pages[first];
    open(&stage, 1, page, &ask);
    let here = format!("here: {}, by a link of", names[first]);
    assert!(page.look("document.querySelector('.ladder').innerText").as_str().unwrap().contains(&here));
    page.look("document.querySelector('.rung.us a[data-key]').click()");
    page.until("location.pathname.endsWith('/record')");
    let at = wait("the answer", || {
        let view = stage.desks[1].station.get(&format!("/requests/{ask}"))?;
        view["deciding"][0]["entry"]["at"].as_str().map(str::to_owned)
    });
    page.open(&format!("http://{}/lines/{}/entries/{at}", stage.desks[1].address, stage.line));
    assert!(page.look("document.querySelector('.sig').innerText").as_str().unwrap().contains(names[first]));
    let mut theirs = officer(&stage, 0, "Their officer");
    open(&stage, 0, &mut theirs, &ask);
    let text = theirs.look("document.body.innerText").as_str().unwrap().to_owned();
    assert!(names.iter().all(|name| !text.contains(name)), "{text}");
    copies(&mut theirs);
}

/// The plain lines are copied, and the page says so; a browser that does not let it has them chosen.
fn copies(page: &mut Browser) {
    let with = |clipboard: &str| {
        format!(
            "Object.defineProperty(navigator, 'clipboard', {{ configurable: true, value: {clipboard} }});
             document.querySelector('[data-copy]').click()"
        )
    };
    let note = "document.querySelector('.tools [role=status]').textContent";
    let first = "document.querySelector('#plainlines li').textContent.trim()";

    page.look(&with("{ writeText: async (text) => { window.copied = text; } }"));
    page.until(&format!("{note} === 'Copied.' && window.copied.startsWith({first})"));

    for clipboard in ["undefined", "{ writeText: async () => { throw new Error('no'); } }"] {
        page.look(&format!("getSelection().removeAllRanges(); {}", with(clipboard)));
        page.until(&format!("{note}.includes('The lines are chosen') && getSelection().toString().includes({first})"));
    }
}
