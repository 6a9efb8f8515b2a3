//! Three ways lead to every act: a command, a form of the API, a button of the desk. All become the same act of `core`.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser;
use counterpart_core::act::Act;
use counterpart_core::ids::Party::Inviter;
use counterpart_core::precedence::Mark;
use counterpart_core::time::Timestamp;

use super::{Cli, Command};
use crate::api::acts::{self, Defaults};
use crate::api::form::{ActForm, SPECS};
use crate::api::times::Times;
use crate::view::trial::Trial;

const WINDOW: &str = "2026-11-24T12:00:00Z/2026-11-24T13:00:00Z";
const TIME: &str = "2026-11-24T10:00:00Z";

/// What has to be typed for an act, as short as it may be.
fn typed(word: &'static str) -> Vec<&'static str> {
    let posts = ["--from", "minister", "--to", "foreign-minister"];
    let args: &[&str] = match word {
        "ask" => &posts,
        "text" => &["--from", "minister", "--to", "foreign-minister", "Good morning"],
        "memo" => &["A note"],
        "check" => &[],
        "state" => &["maintenance"],
        "offer" => &["0:1", "--window", WINDOW, "--answer-by", TIME],
        "accept" => &["0:1", "--window", WINDOW],
        "talk" => &["0:1", "--when", WINDOW, "--instrument", "telephone"],
        "sheet" => &["0:1", "--when", WINDOW],
        _ => &["0:1"],
    };
    [&["counterpart", word], args].concat()
}

/// The act of `core` that a form becomes.
fn act(form: &ActForm, trial: &Trial) -> Act {
    let defaults = Defaults { mark: Mark::Exercise, language: "en".into(), times: Times::exact("UTC") };
    // What crosses the line is the same form, written and read again.
    let sent = ActForm::read(&serde_json::to_vec(form).unwrap()).unwrap();
    acts::act(&sent, &trial.lines[1], &defaults).unwrap()
}

/// The acts for which the desk draws a button: in its pages, and where its keys are made.
fn buttons() -> BTreeSet<String> {
    let station = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |folder: &str| {
        let files = std::fs::read_dir(station.join(folder)).unwrap().map(|file| file.unwrap().path());
        let named = files.map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()));
        named.collect::<Vec<_>>()
    };
    let mut found = BTreeSet::new();
    for (_, page) in read("templates") {
        let values = page.split(r#"name="act" value=""#).skip(1);
        found.extend(values.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    for (path, source) in read("src/web") {
        let shipped = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        let parts: Vec<&str> = shipped.split('"').collect();
        for (n, part) in parts.iter().enumerate().filter(|(n, _)| n % 2 == 1) {
            let before = parts.get(n - 1).copied().unwrap_or_default();
            let is_value = before == ", " && n >= 3 && parts.get(n - 2) == Some(&"act");
            let is_key = (path.ends_with("keys.rs") || path.ends_with("on_offer.rs")) && before.ends_with('(');
            if is_value || is_key || ["thing, ", "view, ", "=> Some("].iter().any(|end| before.ends_with(end)) {
                found.insert((*part).to_owned());
            }
        }
    }
    found.retain(|word| Act::WORDS.contains(&word.as_str()));
    found
}

#[test]
fn a_command_a_form_and_a_button_lead_to_every_act_of_core() {
    let mut trial = Trial::new();
    trial.ask(Inviter);
    trial.carry();
    let times = || Ok(Times::spoken("UTC", Timestamp(0)));
    let buttons = buttons();

    for word in Act::WORDS {
        let Command::Act(command) = Cli::try_parse_from(typed(word)).unwrap().command else { panic!("{word}") };
        let form = command.form(times, &mut std::io::empty()).unwrap();
        assert_eq!((form.act.as_str(), act(&form, &trial).word()), (word, word), "the command");
        assert!(SPECS.iter().any(|spec| spec.act == word), "form: {word}");
        assert!(buttons.contains(word), "button: {word}, of {buttons:?}");
    }
    assert_eq!(SPECS.len(), Act::WORDS.len());
    assert_eq!(buttons.len(), Act::WORDS.len());
}
