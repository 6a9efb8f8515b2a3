//! Pictures of every state that `core` can have and of every page, in twelve combinations (`just pictures`), three of them in every
//! test: each is looked at for what is cut, lies over something, is too pale, is not named, or complains.

/// States of one kind, with the word by which the API says them and what makes each. A variant that is not listed does not compile.
macro_rules! states {
    ($list:ident: $of:ty, $make:ty; $($pattern:pat => $word:literal, $made:expr;)*) => {
        pub fn $list() -> Vec<State<$make>> {
            let _all = |state: &$of| match state { $($pattern => (),)* };
            vec![$(State { word: $word, make: $made as $make }),*]
        }
    };
}
mod calls;
mod forged;
mod links;
mod pages;
mod places;
mod requests;
mod restored;
mod sheets;
pub mod stage;
mod viewer;

use std::path::PathBuf;

use serde_json::Value;

use crate::door::Client;
use stage::Stage;
use viewer::{Scope, Shot, Viewer};

/// A state: its word, and what makes it.
pub struct State<M> {
    pub word: &'static str,
    pub make: M,
}

/// Where pictures are kept.
fn folder() -> PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("../pictures")
}

/// Those that stay come last, in this order.
fn in_order<M>(mut states: Vec<(&'static str, State<M>)>, last: &[&str]) -> Vec<(&'static str, State<M>)> {
    states.sort_by_key(|(_, state)| last.iter().position(|word| *word == state.word).map_or(0, |at| at + 1));
    states
}

fn file_name(kind: &str, word: &str) -> String {
    format!("{kind}-{}", if word.is_empty() { "none".into() } else { word.to_lowercase().replace(' ', "-") })
}

/// All three look at the page at the same time.
fn look(viewers: &mut [Viewer; 3], desk: &crate::Desk, shot: &Shot) {
    look_as(viewers, desk, "watch", shot);
}

/// A state is looked at by all three, or by one of them in turn where only three combinations are made.
fn look_in_turn(viewers: &mut [Viewer; 3], turn: usize, desk: &crate::Desk, role: &'static str, shot: &Shot) {
    match Scope::asked() {
        Scope::All => look_as(viewers, desk, role, shot),
        Scope::Three => {
            let viewer = &mut viewers[turn % 3];
            viewer.enter(desk, role);
            viewer.picture(desk, shot);
        }
    }
}

/// The same in another role; in none they are not signed in.
fn look_as(viewers: &mut [Viewer; 3], desk: &crate::Desk, role: &'static str, shot: &Shot) {
    viewers.iter_mut().for_each(|viewer| viewer.enter(desk, role));
    std::thread::scope(|scope| {
        for viewer in viewers.iter_mut() {
            scope.spawn(|| viewer.picture(desk, shot));
        }
    });
}

/// A page from which every picture is reached.
fn index() {
    let mut names: Vec<String> =
        std::fs::read_dir(folder()).unwrap().filter_map(|e| e.unwrap().file_name().into_string().ok()).collect();
    names.retain(|name| name.ends_with(".png"));
    names.sort();
    let mut page = String::from(
        "<!doctype html><meta charset=utf-8><title>Pictures</title><style>body{font:14px sans-serif}img{width:320px;vertical-align:top;border:1px solid #888}figure{display:inline-block;margin:8px}</style><h1>Pictures</h1>",
    );
    let mut last = String::new();
    for name in names {
        let of = ["-english", "-russian", "-right-to-left"].iter().find_map(|who| name.split_once(who));
        let shot = of.map_or(name.as_str(), |(shot, _)| shot);
        if shot != last {
            page += &format!("<h2>{shot}</h2>");
            last = shot.to_owned();
        }
        let who = name[shot.len()..].trim_matches('-').trim_end_matches(".png");
        page += &format!(
            "<figure><a href=\"{name}\"><img loading=lazy src=\"{name}\" alt=\"\"></a><figcaption>{who}</figcaption></figure>"
        );
    }
    std::fs::write(folder().join("index.html"), page).unwrap();
}

fn done(viewers: &[Viewer; 3]) {
    index();
    let complaints: Vec<&String> = viewers.iter().flat_map(|viewer| &viewer.complaints).collect();
    let list: Vec<String> = complaints.iter().map(|said| said.to_string()).collect();
    assert!(complaints.is_empty(), "{}", list.join("\n"));
}

/// What the API says of a request in this respect.
fn said(view: &Value, kind: &str) -> Value {
    match kind {
        "outcome" => view["outcome"].clone(),
        "talk" => view["talk"]["state"].clone(),
        "rung" => view["reached"]["rung"].clone(),
        "mark" => view["mark"].clone(),
        "precedence" => view["precedence"].clone(),
        _ => Value::Null,
    }
}

#[test]
fn every_state_of_a_request_has_its_picture() {
    let mut stage = Stage::new("pictures-requests");
    let mut viewers = Viewer::all(Scope::asked());
    let tables = [
        ("outcome", requests::outcomes()),
        ("rung", requests::rungs()),
        ("talk", requests::talks()),
        ("headline", requests::headlines()),
        ("mark", requests::marks()),
        ("precedence", requests::precedences()),
        ("request", requests::others()),
    ];
    let all = tables.into_iter().flat_map(|(kind, states)| states.into_iter().map(move |state| (kind, state)));
    let all = in_order(all.collect(), &requests::LAST);
    for (turn, (kind, state)) in all.into_iter().enumerate() {
        let ask = (state.make)(&mut stage);
        let told = said(&requests::view(&stage.desks[0], &ask), kind);
        assert!(told == state.word || told.is_null(), "{kind} {}: {told}", state.word);
        stage.quiet(0);
        if state.word == "AGREED" {
            let lines = Client::signed_in(&stage.desks[0], "Officer of the watch", "watch").get("/lines").body;
            let small = lines.split("Come to the talk</a><small>").nth(1).unwrap().split('<').next().unwrap();
            let calm = "class=\"calm\"";
            assert!(small.starts_with("Northland ") && small.contains(": from ") && lines.contains(calm), "{small}");
        }
        let name = file_name(kind, state.word);
        let shot = Shot::of(&name, &format!("/lines/{}/requests/{ask}?epoch=0", stage.line));
        look_in_turn(&mut viewers, turn, &stage.desks[0], "watch", &shot);
    }
    done(&viewers);
}

/// The largest words of the page of the lines, and what it says of an ask that their watch has not seen for nine hours.
fn says_which_line_is_not_open(page: &str, word: &str) {
    let heading = page.split("<h1 id=\"need\">").nth(1).unwrap().split("</h1>").next().unwrap();
    let state = word.split(' ').next().unwrap();
    match state {
        "OPEN" => assert_eq!(heading, "Nothing needs this desk."),
        "DEGRADED" => assert_eq!(heading, "Nothing needs this desk. <em>Sundmark is DEGRADED.</em>"),
        _ => assert_eq!(heading, format!("One matter needs this desk. <em>Sundmark is {state}.</em>")),
    }
    if state == "SILENT" {
        assert!(page.contains("class=\"over\"") && page.contains("For their watch to see it, by 14:05"), "{page}");
    }
}

#[test]
fn every_state_of_a_line_has_its_picture() {
    let mut stage = Stage::new("pictures-links");
    stage.ask("Tanker adrift off Cape Orr: a joint tow", serde_json::json!({}));
    stage.part();
    let mut viewers = Viewer::all(Scope::asked());
    let tables = [("observed", links::observed()), ("evidence", links::evidence())];
    let all = tables.into_iter().flat_map(|(kind, states)| states.into_iter().map(move |state| (kind, state)));
    for (turn, (kind, state)) in in_order(all.collect(), &links::LAST).into_iter().enumerate() {
        (state.make)(&mut stage);
        assert!(links::is(&stage, state.word), "{kind} {}", state.word);
        if kind == "observed" {
            let mut reader = Client::signed_in(&stage.desks[0], &format!("Inspector {turn}"), "auditor");
            says_which_line_is_not_open(&reader.get("/lines").body, state.word);
        }
        let shot = Shot::of(&file_name(kind, state.word), "/lines");
        look_in_turn(&mut viewers, turn, &stage.desks[0], "watch", &shot);
    }
    done(&viewers);
}
