//! Pages of the station itself: the morning sheet, how a line begins, users, settings, and what every error says.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::door::Client;
use crate::processes::wait;
use crate::scratch::Scratch;
use crate::{Desk, heading, invitation, mark};

/// A browser in which a new user with this role is signed in.
pub fn browser(desk: &Desk, name: &str, role: &str) -> Browser {
    let mut browser = Browser::start(&format!("browser-{}", name.replace(' ', "-")));
    browser.take_link(&desk.link(name, role));
    browser.until("location.pathname === '/lines'");
    browser
}

fn act(desk: &Desk, form: &Value) {
    let (status, done) = desk.station.post("/acts", form).unwrap();
    assert_eq!(status, 200, "{done}");
}

/// A program is told the same of that day.
fn told_to_a_program(north: &Desk) {
    let told = north.station.get("/morning").unwrap()[0].clone();
    let count = |of: &Value| of.as_array().unwrap().len();
    assert_eq!([0, 1].map(|side| [count(&told["tests"][side]), count(&told["asks"][side])]), [[1, 1], [1, 1]]);
    assert!(told["tests"][0][0]["answered"].is_string() && told["tests"][1][0]["answered"].is_null(), "{told}");
    assert!(told["asks"][0][0]["seen_after_ms"].is_u64() && told["asks"][1][0]["seen_after_ms"].is_null(), "{told}");
    let written: Vec<&str> = told["written"].as_array().unwrap().iter().filter_map(|n| n["told"].as_str()).collect();
    assert!(written.len() == 2 && written[1].contains("asks to talk with"), "{told}");
}

#[test]
fn the_morning_sheet_tells_every_line_in_plots_and_in_words_as_the_figures_have_it() {
    let scratch = Scratch::new("desk-morning");
    let [north, south] = Desk::two(&scratch);
    let words = json!({"text": "Tanker adrift off Cape Orr"});
    act(
        &north,
        &json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "IMMEDIATE", "words": words}),
    );
    wait("the ask", || south.station.get("/requests/Northland%201"));
    act(&south, &json!({"act": "seen", "on": "Northland 1"}));
    act(&south, &json!({"act": "ask", "from": "minister", "to": "minister"}));
    for from in [&north, &south] {
        act(from, &json!({"act": "check"}));
    }
    let check = wait("the check", || {
        let record = south.station.get("/record")?;
        let entries = record["record"]["entries"].as_array()?.clone();
        entries.into_iter().find(|entry| entry["kind"] == "check" && entry["side"] == "theirs")
    });
    act(&south, &json!({"act": "check-reply", "on": check["entry"]["at"]}));
    let reply = wait("the reply here", || {
        let record = north.station.get("/record")?;
        let entries = record["record"]["entries"].as_array()?.clone();
        entries.into_iter().find(|entry| entry["kind"] == "check-reply")
    });
    assert_eq!(reply["side"], "theirs");
    let mut page = browser(&north, "Inspector", "auditor");
    page.tab_to("nav a[href='/morning']");
    page.press("Enter");

    page.until(&heading("The line is open"));
    let text = page.look("document.querySelector('main').innerText").as_str().unwrap().to_owned();
    for part in [
        "Our checks, answered by them: 1 check: 1 answered in time, 0 late, 0 not answered",
        "1 check: 0 answered in time, 0 late, 0 not answered, 1 still in time",
        "1 of 1 request seen, after",
        "Their requests, seen by us: 1 request, not seen.",
        "asks to talk with Southland’s minister by voice, IMMEDIATE. Tanker adrift off Cape Orr",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let plots = page.look("[...document.querySelectorAll('.mtab td svg')].map(e => [e.getAttribute('role'), e.getAttribute('aria-label'), e.closest('div').querySelector('small').textContent])");
    let plots: Vec<[String; 3]> = serde_json::from_value(plots).unwrap();
    assert_eq!(plots.len(), 4, "checks and requests, by either side");
    for [role, label, told] in &plots {
        assert!(role == "img" && told.ends_with(label.as_str()), "{label}: {told}");
    }
    assert_eq!(page.look("document.querySelectorAll('.mtab rect.f').length"), json!(1));
    assert_eq!(page.look("document.querySelectorAll('.mtab circle').length"), json!(1));

    told_to_a_program(&north);
    // The figures are those that the command prints.
    let figures = north.station.get("/figures").unwrap();
    let (_, line) = figures.as_object().unwrap().iter().next().unwrap();
    let row = &line["directions"][0]["rows"][0];
    assert_eq!((&row["count"], &row["seen"]["count"]), (&json!(1), &json!(1)));
    let cells: Vec<String> = serde_json::from_value(
        page.look("[...document.querySelectorAll('.figs')[0].querySelectorAll('tbody td')].map(e => e.textContent)"),
    )
    .unwrap();
    assert_eq!((cells[0].as_str(), cells[1].as_str(), cells.len()), ("1", "1", 13));
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light")] {
        page.picture("morning", width, scheme);
    }
    page.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    page.until("getComputedStyle(document.querySelector('.mast nav')).display === 'none'");
    page.call("Emulation.setEmulatedMedia", json!({"media": ""}));
    assert_eq!(page.complaints, Vec::<String>::new());
}

/// The sixteen numbers to compare, once they are there: nobody loads the page anew for that.
fn numbers(page: &mut Browser) -> String {
    page.until("document.querySelectorAll('.fp b').length === 16");
    let digits = "[...document.querySelectorAll('.fp b')].map(e => e.textContent).join(' ')";
    page.look(digits).as_str().unwrap().to_owned()
}

#[test]
fn a_line_begins_on_two_desks_with_the_digits_compared_by_two_people() {
    let scratch = Scratch::new("desk-pairing");
    let desks = Desk::unpaired(&scratch);
    let [north, south] = &desks;
    let [mut invites, mut joins] = [browser(north, "Head of watch", "admin"), browser(south, "Keeper", "admin")];
    for page in [&mut invites, &mut joins] {
        page.tab_to("nav a[href='/settings']");
        page.press("Enter");
        page.until("location.pathname === '/settings'");
        page.tab_to("a[href='/pairing']");
        page.press("Enter");
        page.until(&heading("No pairing is under way"));
    }
    // What is no invitation is said so, and kept.
    joins.tab_to("textarea[name=invitation]");
    joins.write("counterpart-invitation-1 cut short");
    joins.tab_to("button[accesskey=j]");
    joins.press("Enter");
    joins.until(
        "!!document.querySelector('.err') && document.querySelector('[name=invitation]').value.includes('cut short')",
    );
    joins.picture("pairing-wrong", 1280, "light");

    invites.tab_to("button[accesskey=i]");
    invites.press("Enter");
    invites.until("!!document.querySelector('textarea[readonly]')");
    invites.picture("pairing-invited", 390, "light");
    let text = invites.look("document.querySelector('textarea[readonly]').value");
    joins.open(&format!("http://{}/pairing", south.address));
    joins.look(&format!("(field => {{ field.value = {text}; }})(document.querySelector('[name=invitation]'))"));
    joins.tab_to("button[accesskey=j]");
    joins.press("Enter");
    joins.until("location.pathname === '/pairing' && !!document.querySelector('.steps')");
    invites.tab_to("a[href='/pairing']");
    invites.press("Enter");
    let (here, there) = (numbers(&mut invites), numbers(&mut joins));
    assert_eq!(here, there, "both read the same sixteen numbers");
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] {
        joins.picture("pairing-compare", width, scheme);
    }
    joins.tab_to("button[data-key^=same]");
    joins.press("Enter");
    joins.until("document.querySelector('.steps').textContent.includes('Sign') && !document.querySelector('button[data-key^=same]')");
    joins.picture("pairing-confirmed", 1280, "light");
    invites.tab_to("button[data-key^=same]");
    invites.press("Enter");

    for desk in [north, south] {
        wait("an open line", || desk.station.get("/lines").filter(|lines| lines[0]["status"] == "open"));
    }
    assert_eq!(
        [invites.complaints.clone(), joins.complaints.clone()]
            .concat()
            .iter()
            .filter(|c| !c.contains("status of 4"))
            .count(),
        0
    );
}

#[test]
fn digits_that_differ_sign_nothing_and_a_pairing_can_be_given_up() {
    let scratch = Scratch::new("desk-differ");
    let desks = Desk::unpaired(&scratch);
    let [north, south] = &desks;
    let mut invites = Client::signed_in(north, "Head of watch", "admin");
    let mut joins = Client::signed_in(south, "Keeper", "admin");
    let form = invites.get("/pairing").field("form");
    let made = invites.post("/pairing/invite", &[("form", &form)]);
    let text = invitation(&made.body);
    let joined = joins.get("/pairing").field("form");
    assert_eq!(joins.post("/pairing/join", &[("form", &joined), ("invitation", &text)]).status, 303);
    let page = wait("digits", || {
        let page = invites.desk.station.get("/pairings")?;
        page[0]["candidates"][0]["digits"].as_str().map(str::to_owned)
    });
    let shown = invites.get("/pairing");
    assert!(shown.body.contains(page.split(' ').next().unwrap()));
    let line = north.station.get("/pairings").unwrap()[0]["line"].as_str().unwrap().to_owned();
    let other = "00000 ".repeat(16);

    let wrong =
        invites.post(&format!("/pairing/{line}"), &[("form", &form), ("act", "same"), ("digits", other.trim())]);
    assert!(wrong.status == 409 && wrong.body.contains("What to do"), "{}", wrong.body);
    let candidate = shown.field("candidate");
    let differ =
        invites.post(&format!("/pairing/{line}"), &[("form", &form), ("act", "differ"), ("candidate", &candidate)]);
    assert_eq!(differ.status, 303, "{}", differ.body);
    let gone = invites.post(&format!("/pairing/{line}"), &[("form", &form), ("act", "abandon")]);
    assert_eq!(gone.status, 303, "{}", gone.body);

    assert!(invites.get("/pairing").body.contains("Ended; there will be no line."));
    assert_eq!(north.station.get("/lines").unwrap(), json!([]), "nothing was signed");
}

fn set_banner(admin: &mut Browser) {
    admin.tab_to("nav a[href='/settings']");
    admin.press("Enter");
    admin.until(&heading("Settings"));
    admin.look("document.querySelector('[name=banner]').select(); document.querySelector('[name=banner]').focus()");
    admin.write("EXERCISE · NORTHLAND · RESTRICTED");
    admin.tab_to("button[accesskey=v]");
    mark(admin);
    admin.press("Enter");
    admin.until(
        "!window.same && [...document.querySelectorAll('.banner')].every(e => e.textContent === 'EXERCISE · NORTHLAND · RESTRICTED')",
    );
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light")] {
        admin.picture("settings", width, scheme);
    }
}

#[test]
fn users_are_made_signed_out_and_removed_and_the_banner_stands_on_every_page() {
    let scratch = Scratch::new("desk-users");
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    let mut admin = browser(&desk, "Head of watch", "admin");
    let mut watch = Client::signed_in(&desk, "Duty officer 2", "watch");
    set_banner(&mut admin);
    assert!(watch.get("/lines").body.contains("EXERCISE · NORTHLAND · RESTRICTED"));

    admin.tab_to("a[href='/users']");
    admin.press("Enter");
    admin.until(&heading("2 users"));
    admin.tab_to("input[name=name]");
    admin.write("Переводчик");
    admin.tab_to("input[name=password]");
    admin.write("short");
    admin.tab_to("button[accesskey=n]");
    admin.press("Enter");
    admin.until("!!document.querySelector('.err') && document.querySelector('#n').value === 'Переводчик'");
    assert_eq!(
        admin.look("document.querySelector('[name=password]').value"),
        json!(""),
        "a password is never drawn again"
    );
    admin.tab_to("input[name=password]");
    admin.write("correct horse battery");
    admin.tab_to("button[accesskey=n]");
    admin.press("Enter");
    admin.until(&heading("3 users"));
    admin.tab_to("button[data-key='link-Переводчик']");
    admin.press("Enter");
    admin.until("!!document.querySelector('textarea[readonly]')");
    let link = admin.look("document.querySelector('textarea[readonly]').value").as_str().unwrap().to_owned();
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        admin.picture("users", width, scheme);
    }
    let mut made = Browser::start("browser-made");
    made.take_link(&link);
    made.until("location.pathname === '/lines'");
    admin.tab_to("a[href='/users']");
    admin.press("Enter");
    admin.until("location.pathname === '/users' && !document.querySelector('textarea[readonly]')");
    let session =
        "[...document.querySelectorAll('.sess th')].find(e => e.textContent.includes('Переводчик')).textContent";
    assert!(admin.look(session).as_str().unwrap().contains("by a link of Head of watch"), "whose link it was");
    admin.tab_to("button[data-key='out-Duty officer 2']");
    mark(&mut admin);
    admin.press("Enter");
    admin.until("!window.same && [...document.querySelectorAll('.sess th')].every(e => !e.textContent.includes('Duty officer 2'))");
    assert_eq!(watch.get("/lines").status, 303, "signed out elsewhere");
    // Removing has a second step, which needs no script.
    admin.tab_to("summary[data-key='sure-Duty officer 2']");
    admin.press("Enter");
    assert_eq!(desk.station.get("/users").unwrap().as_array().unwrap().len(), 3);
    admin.tab_to("button[data-key='end-Duty officer 2']");
    admin.press("Enter");
    admin.until(&heading("2 users"));
    let users = desk.station.get("/users").unwrap();
    let names: Vec<&str> = users.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Head of watch", "Переводчик"]);
    // One that is made elsewhere stands on the open page.
    desk.link("Chief", "admin");
    admin.until(&heading("3 users"));
    // The banner is kept by the station, not by the page.
    desk.station.kill();
    desk.station.serve();
    let mut again = Client::signed_in(&desk, "Inspector", "auditor");
    assert!(again.get("/lines").body.contains("EXERCISE · NORTHLAND · RESTRICTED"));
}

#[test]
fn who_does_not_look_after_the_station_is_told_what_why_and_who_may() {
    let scratch = Scratch::new("desk-roles");
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    let before = desk.station.get("/users").unwrap().as_array().unwrap().len();
    for (name, role) in [("Duty officer", "watch"), ("Inspector", "auditor")] {
        let mut client = Client::signed_in(&desk, name, role);
        let form = client.get("/settings").field("form");
        for page in ["/users", "/pairing"] {
            let told = client.get(page);
            assert_eq!(told.status, 403, "{page}");
            for part in
                [&format!("The role {role} does not do this"), "One of these roles may: admin", "Not for this role"]
            {
                assert!(told.body.contains(part), "{part}: {}", told.body);
            }
        }
        let posts: [(&str, &[(&str, &str)]); 5] = [
            ("/users", &[("act", "add"), ("name", "Another"), ("role", "admin")]),
            ("/users", &[("act", "end"), ("name", "Inspector")]),
            ("/pairing/invite", &[]),
            ("/pairing/join", &[("invitation", "x")]),
            ("/settings/banner", &[("banner", "NONE")]),
        ];
        for (path, fields) in posts {
            let told = client.post(path, &[&[("form", form.as_str())], fields].concat());
            assert!(told.status == 403 && told.body.contains("One of these roles may: admin"), "{path}: {}", told.body);
            let forged = client.post(path, fields);
            assert!(forged.status == 403 && forged.body.contains("What to do"), "{path} without the form's token");
        }
    }
    assert_eq!(desk.station.get("/users").unwrap().as_array().unwrap().len(), before + 2, "nobody was made");
    assert_eq!(desk.station.get("/pairings").unwrap(), json!([]));
}

#[test]
fn a_password_is_changed_by_who_knows_it_and_ends_the_other_sessions() {
    let scratch = Scratch::new("desk-password");
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    let mut client = Client::signed_in(&desk, "Duty officer", "watch");
    let changed = json!({"name": "Duty officer", "password": "correct horse battery"});
    assert_eq!(desk.station.post("/users/change", &changed).unwrap().0, 200);
    let enter = |password: &str| {
        let mut client = Client::new(&desk);
        let form = client.get("/sign-in").field("form");
        let fields = [("form", form.as_str()), ("name", "Duty officer"), ("password", password)];
        let status = client.post("/sign-in", &fields).status;
        (client, status)
    };
    let (mut here, status) = enter("correct horse battery");
    let (mut elsewhere, _) = enter("correct horse battery");
    assert_eq!((status, client.get("/lines").status, elsewhere.get("/lines").status), (303, 303, 200));
    let form = here.get("/settings").field("form");
    let change = |client: &mut Client<'_>, form: &str, old: &str, new: &str| {
        client.post("/settings/password", &[("form", form), ("old", old), ("new", new)])
    };

    let wrong = change(&mut here, &form, "wrong horse battery", "another twelve chars");
    assert!(wrong.status == 403 && wrong.body.contains("The password that serves now is another"), "{}", wrong.body);
    assert_eq!(change(&mut here, &form, "correct horse battery", "short").status, 400);
    assert_eq!(change(&mut here, &form, "correct horse battery", "another twelve chars").status, 303);

    assert_eq!((here.get("/settings/changed").status, elsewhere.get("/lines").status), (200, 303));
    assert_eq!((enter("correct horse battery").1, enter("another twelve chars").1), (401, 303));
}

#[test]
fn who_is_removed_while_their_password_changes_stays_removed_and_a_known_name_is_not_replaced() {
    let scratch = Scratch::new("desk-removed");
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    let mut admin = Client::signed_in(&desk, "Head of watch", "admin");
    let form = admin.get("/users").field("form");
    let mut post = |act: &str, name: &str, role: &str| {
        admin.post("/users", &[("form", form.as_str()), ("act", act), ("name", name), ("role", role)])
    };
    let rogue = json!({"name": "Rogue", "role": "admin", "password": "correct horse battery"});
    assert_eq!(desk.station.post("/users", &rogue).unwrap().0, 200);
    let mut rogue = Client::new(&desk);
    let door = rogue.get("/sign-in").field("form");
    let password = ("password", "correct horse battery");
    assert_eq!(rogue.post("/sign-in", &[("form", &door), ("name", "Rogue"), password]).status, 303);
    let own = rogue.get("/settings").field("form");

    // The change takes two hashes; the removal comes between.
    std::thread::scope(|scope| {
        let change = scope.spawn(|| {
            let fields = [("form", own.as_str()), ("old", password.1), ("new", "another twelve chars")];
            rogue.post("/settings/password", &fields).status
        });
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert_eq!(post("end", "Rogue", "").status, 303);
        change.join().unwrap();
    });
    let users = desk.station.get("/users").unwrap();
    let names: Vec<&str> = users.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!((names, rogue.get("/lines").status), (vec!["Head of watch"], 303));

    assert_eq!(post("add", "Head of watch", "auditor").status, 409);
    for act in ["change", "end"] {
        let told = post(act, "Head of watch", "auditor");
        assert!(told.status == 409 && told.body.contains("That is you."), "{act}: {}", told.body);
    }
    assert_eq!(desk.station.get("/users").unwrap(), users);
}

#[test]
fn every_wrong_address_and_method_is_answered_by_a_page_that_says_what_to_do() {
    let scratch = Scratch::new("desk-errors");
    let [north, _south] = Desk::two(&scratch);
    let line = north.station.get("/lines").unwrap()[0]["line"].as_str().unwrap().to_owned();
    let mut client = Client::signed_in(&north, "Duty officer", "watch");
    let gets = [
        ("/nowhere".to_owned(), 404),
        ("/lines/nowhere/record".to_owned(), 404),
        (format!("/lines/{line}/entries/Northland+999"), 400),
        (format!("/lines/{line}/requests/0:0"), 400),
        (format!("/lines/{line}/acts"), 405),
        ("/pairing/invite".to_owned(), 405),
    ];
    for (path, status) in gets {
        let told = client.get(&path);
        assert_eq!(told.status, status, "{path}: {}", told.body);
        assert!(told.body.contains("What to do") && told.body.contains("To the lines"), "{path}: {}", told.body);
    }
    let form = client.get("/lines").field("form");
    let told = client.post("/lines", &[("form", &form)]);
    assert!(told.status == 405 && told.body.contains("no address does anything by being opened"), "{}", told.body);
    let elsewhere = client.send("POST", "/asks", "", &[("origin", "http://evil.example")]);
    assert!(elsewhere.status == 403 && !elsewhere.body.is_empty() && !elsewhere.body.contains("Northland"));
}
