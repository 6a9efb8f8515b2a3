//! A round: one subject asked on several lines at once, and how far each has come.

use serde_json::{Value, json};

use crate::door::Client;
use crate::processes::{pair, wait};
use crate::scratch::Scratch;
use crate::station::browser;
use crate::{Desk, heading};

const SUBJECT: &str = "Tanker adrift off Cape Orr: a joint tow";

/// Northland, which has a line with each of the two others.
fn three(scratch: &Scratch) -> [Desk; 3] {
    let names = [("north", "Northland"), ("south", "Southland"), ("east", "Eastland")];
    let mut desks = names.map(|(name, sign)| Desk::init(scratch.path(), name, sign));
    desks.iter_mut().for_each(|desk| desk.station.serve());
    let [north, south, east] = &desks;
    pair(&north.station, &south.station);
    pair(&north.station, &east.station);
    desks
}

fn asked(desk: &Desk) -> Value {
    wait("the ask", || desk.station.get("/requests/Northland%201"))
}

fn act(desk: &Desk, form: &Value) {
    let (status, done) = desk.station.post("/acts", form).unwrap();
    assert_eq!(status, 200, "{done}");
}

/// The kinds of the entries of the other side that this station holds.
fn kinds(desk: &Desk) -> Vec<String> {
    let record = desk.station.get("/record").unwrap();
    let theirs = record["record"]["entries"].as_array().unwrap().iter().filter(|entry| entry["side"] == "theirs");
    let mut kinds: Vec<String> = theirs.map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[test]
fn one_subject_is_asked_on_two_lines_and_the_page_of_the_round_shows_live_who_has_answered() {
    let scratch = Scratch::new("rounds-live");
    let [north, south, east] = three(&scratch);
    let mut page = north.browser("Duty officer 1");
    page.tab_to("a[href='/rounds/new']");
    page.press("Enter");
    page.until("location.pathname === '/rounds/new' && document.activeElement.name === 'subject'");
    assert_eq!(page.look("document.querySelectorAll('[name=line]:checked').length"), json!(2), "every line is chosen");
    page.write(SUBJECT);
    page.until("!document.querySelector('[aria-busy=true]') && document.querySelectorAll('.willread').length === 2");
    page.until(&format!(
        "[...document.querySelectorAll('.willread')].every((e) => e.textContent.includes('{SUBJECT}'))"
    ));
    for (width, scheme) in [(390, "light"), (1280, "dark")] {
        page.picture("round-new", width, scheme);
    }
    page.tab_to("button[value=ask]");
    page.press("Enter");
    page.until(&format!("location.pathname === '/rounds/1' && {}", heading("None of 2 has answered.")));
    page.look("window.same = true");
    assert_eq!(
        (asked(&south)["subject"]["text"].clone(), asked(&east)["subject"]["text"].clone()),
        (json!(SUBJECT), json!(SUBJECT))
    );

    act(&east, &json!({"act": "defer", "on": "Northland 1", "code": "ENGAGED"}));
    act(&south, &json!({"act": "answer", "on": "Northland 1"}));

    page.until(&heading("1 of 2 answered."));
    page.until("document.querySelector('h1 em').textContent === 'Not yet: Eastland.'");
    let tops = "[...document.querySelectorAll('.rg.top b')].map((e) => e.textContent).sort()";
    page.until(&format!("JSON.stringify({tops}) === '[\"ANSWERED\",\"SEEN\"]'"));
    assert_eq!(page.look("window.same"), json!(true), "without a reload");
    // What rings lies over the page of who may act.
    let mut reads = browser(&north, "Inspector", "auditor");
    reads.open(&format!("http://{}/rounds/1", north.address));
    reads.until(&heading("1 of 2 answered."));
    for (width, scheme) in [(390, "light"), (1280, "dark"), (1280, "light")] {
        reads.picture("round", width, scheme);
    }
    for desk in [&south, &east] {
        assert!(
            kinds(desk).iter().all(|kind| ["ask", "charter", "received"].contains(&kind.as_str())),
            "{:?}",
            kinds(desk)
        );
    }
    page.tab_to("a[href$='/requests/0:1'], a[href*='/requests/']");
    // The answer rings over the page.
    page.press_at_ring("Enter");
    page.until("location.pathname.includes('/requests/')");
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn a_round_that_is_sent_twice_is_one_lines_are_added_to_it_and_who_only_reads_begins_none() {
    let scratch = Scratch::new("rounds-plain");
    let [north, south, east] = three(&scratch);
    let lines = north.station.get("/lines").unwrap();
    let id = |sign: &str| {
        let line = lines.as_array().unwrap().iter().find(|line| line["theirs"]["call_sign"] == sign).unwrap();
        line["line"].as_str().unwrap().to_owned()
    };
    let mut officer = Client::signed_in(&north, "Duty officer", "watch");
    let shown = officer.get("/rounds/new");
    let (form, once) = (shown.field("form"), shown.field("once"));
    let fields = |once: &str, lines: &[&str], round: &str| {
        let mut all: Vec<(String, String)> = lines.iter().map(|line| ("line".into(), id(line))).collect();
        let text = [
            ("form", form.as_str()),
            ("once", once),
            ("act", "ask"),
            ("from", "minister"),
            ("subject", SUBJECT),
            ("round", round),
        ];
        all.extend(text.map(|(name, value)| (name.to_owned(), value.to_owned())));
        all.extend(lines.iter().map(|line| (format!("to-{}", id(line)), "minister".to_owned())));
        all
    };
    let send = |client: &mut Client<'_>, fields: &[(String, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        client.post("/rounds", &fields)
    };

    let none = send(&mut officer, &fields(&once, &[], ""));
    assert!(
        none.status == 400 && none.body.contains("No line was chosen") && none.body.contains(SUBJECT),
        "{}",
        none.body
    );
    for _ in 0..2 {
        let asked = send(&mut officer, &fields(&once, &["Southland"], ""));
        assert_eq!((asked.status, asked.header("location")), (303, Some("/rounds/1")), "{}", asked.body);
    }
    assert_eq!(asked(&south)["subject"]["text"], json!(SUBJECT));
    assert!(east.station.get("/requests/Northland%201").is_none(), "Eastland was not asked");
    let rest = officer.get("/rounds/new?round=1");
    assert!(
        rest.body.contains("Eastland") && !rest.body.contains("value=\"Southland\"") && rest.body.contains(SUBJECT),
        "{}",
        rest.body
    );
    let added = send(&mut officer, &fields(&rest.field("once"), &["Eastland"], "1"));
    assert_eq!(added.header("location"), Some("/rounds/1"), "{}", added.body);
    asked(&east);

    let round = officer.get("/rounds/1").body;
    assert!(round.contains("None of 2 has answered.") && round.contains("Not yet: Southland, Eastland."), "{round}");
    let whole = officer.get("/rounds/new?round=1");
    assert!(whole.status == 409 && whole.body.contains("on every line that there is"), "{}", whole.body);
    assert!(officer.get("/rounds").body.contains("2 lines"));
    for nowhere in ["/rounds/2", "/rounds/x", "/rounds/new?round=7"] {
        let told = officer.get(nowhere);
        assert!(told.status == 404 && told.body.contains("has no round"), "{nowhere}: {}", told.body);
    }
    begins_none(&north, fields("x", &["Southland"], ""));
}

/// Who only reads sends the same form, and nothing is signed or kept.
fn begins_none(north: &Desk, fields: Vec<(String, String)>) {
    let mut auditor = Client::signed_in(north, "Inspector", "auditor");
    let form = auditor.get("/rounds/new").field("form");
    let own = |name: &str, value: &str| if name == "form" { form.clone() } else { value.to_owned() };
    let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (name.as_str(), own(name, value))).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();

    let told = auditor.post("/rounds", &fields);

    assert!(told.status == 403 && told.body.contains("reads and does no act"), "{}", told.body);
    assert_eq!(auditor.get("/rounds/1").status, 200);
    assert_eq!(north.station.get("/requests?all=true").unwrap().as_array().unwrap().len(), 2);
    assert_eq!(auditor.get("/rounds/2").status, 404, "nothing was kept of it");
}
