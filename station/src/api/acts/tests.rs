use counterpart_core::ids::Party::{Inviter, Joiner};

use super::super::form::SPECS;
use super::super::times::write_window;
use super::*;
use crate::view::trial::Trial;

fn defaults() -> Defaults {
    let times = Times::exact("Europe/Oslo");
    Defaults { mark: Mark::Exercise, language: "en".into(), times }
}

fn read(json: &str, line: &Line) -> Result<Act, Unfit> {
    act(&ActForm::read(json.as_bytes())?, line, &defaults())
}

/// For every act a form with every field that it takes, on an ask "0:1".
fn full(word: &str) -> String {
    let fields = |spec: &super::super::form::Spec| {
        let fields = spec.needs.iter().chain(spec.takes).map(|field| {
            let value = match *field {
                "from" => r#""minister""#,
                "to" => r#""foreign-minister""#,
                "on" | "again" => r#""0:1""#,
                "precedence" => r#""priority""#,
                "mark" => r#""TEST""#,
                "mode" => r#""meeting""#,
                "private" => "true",
                "for_good" => "false",
                "code" => r#""TRAVELLING""#,
                "windows" => r#"["2026-11-24T12:00:00Z/2026-11-24T13:00:00Z@Asia/Seoul"]"#,
                "window" | "when" => r#""2026-11-24T12:00:00Z/2026-11-24T13:00:00Z""#,
                "on_silence" => r#""stands""#,
                "instrument" => r#""in-person""#,
                "posts" => r#"["minister","foreign-minister"]"#,
                "languages" => r#"["en","zh-Hant"]"#,
                "state" => r#""maintenance""#,
                "words" => r#"{"language":"fr","text":"Bonjour"}"#,
                _ => r#""2026-11-24T12:00:00Z""#,
            };
            format!(r#","{field}":{value}"#)
        });
        fields.collect::<String>()
    };
    let spec = SPECS.iter().find(|s| s.act == word).unwrap();
    format!(r#"{{"act":"{word}"{}}}"#, fields(spec))
}

#[test]
fn every_act_is_asked_for_with_all_its_fields() {
    let mut trial = Trial::new();
    // A renewal's valid-until counts only where there is an earlier one.
    let until = Some(trial.now.plus(3_600_000));
    let Act::Ask { from, to, precedence, mark, mode, private, again, .. } = trial.ask_act(Inviter) else { panic!() };
    trial.act(Inviter, Act::Ask { from, to, precedence, mark, mode, private, again, valid_until: until });
    trial.carry();
    for word in Act::WORDS {
        let json = full(word);
        let read = read(&json, &trial.lines[1]).unwrap_or_else(|unfit| panic!("{json}: {unfit:?}"));
        assert_eq!(read.word(), word);
    }
}

#[test]
fn what_is_not_said_is_filled_in_and_what_is_said_is_taken() {
    let trial = Trial::new();
    let line = &trial.lines[0];

    let short = read(r#"{"act":"ask","from":"minister","to":"foreign-minister"}"#, line).unwrap();
    let Act::Ask { precedence, mark, mode, private, valid_until, again, .. } = short else { panic!("an ask") };
    assert_eq!((precedence, mark, mode, private), (Precedence::Routine, Mark::Exercise, Mode::Voice, false));
    assert_eq!((valid_until, again), (None, None));
    let long = r#"{"act":"ask","from":"minister","to":"foreign-minister","precedence":"flash","mark":"operation","mode":"writing","private":true,"valid_until":"1970-01-01T00:00:01+00:00"}"#;
    let Act::Ask { precedence, mark, mode, private, valid_until, .. } = read(long, line).unwrap() else {
        panic!("an ask")
    };
    assert_eq!((precedence, mark, mode, private), (Precedence::Flash, Mark::Operation, Mode::Writing, true));
    assert_eq!(valid_until, Some(Timestamp(1_000)));
}

#[test]
fn what_is_said_aloud_means_the_latest_attempt_and_a_place_means_just_that_entry() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();
    let line = &trial.lines[1];
    let on = |said: &str| match read(&format!(r#"{{"act":"seen","on":"{said}"}}"#), line).unwrap() {
        Act::Seen { on } => on,
        other => panic!("{other:?}"),
    };

    assert_eq!(on("Northland 1"), Target::Latest(ask));
    assert_eq!(on("1"), Target::Latest(ask));
    assert_eq!(on("0:1"), Target::Entry(ask));
    assert_eq!(on("Northland #1"), Target::Entry(ask));
    let unknown = read(r#"{"act":"seen","on":"Northland 9"}"#, line).unwrap_err();
    assert!(matches!(unknown, Unfit::Name(NameFault::NoneSuch { .. })), "{unknown:?}");
}

#[test]
fn a_request_is_meant_also_by_its_renewal() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    let renew = Act::Renew { request: ask, valid_until: None, precedence: None };
    let renewal = trial.try_act(Inviter, renew, None).unwrap();

    let act = read(&format!(r#"{{"act":"suspend","on":"{renewal}"}}"#), &trial.lines[0]).unwrap();

    assert_eq!(act, Act::Suspend { request: ask });
}

#[test]
fn a_valid_until_of_a_renewal_that_would_count_for_nothing_is_refused() {
    let mut trial = Trial::new();
    let without = trial.ask(Inviter);
    let until = trial.now.plus(3_600_000);
    let Act::Ask { from, to, precedence, mark, mode, private, again, .. } = trial.ask_act(Inviter) else { panic!() };
    let with = Act::Ask { from, to, precedence, mark, mode, private, again, valid_until: Some(until) };
    let with = trial.act(Inviter, with);
    let renew = |on: EntryRef, until: Timestamp| {
        let json = format!(r#"{{"act":"renew","on":"{on}","valid_until":"{}"}}"#, write(until));
        read(&json, &trial.lines[0]).map_err(|unfit| match unfit {
            Unfit::Field(fault) => (fault.code(), fault.arg("name").unwrap().to_owned()),
            other => panic!("{other:?}"),
        })
    };

    let later = until.plus(1);
    assert_eq!(renew(without, later), Err((Code::RenewalNoDeadline, "Northland 1".into())));
    assert_eq!(renew(with, until), Err((Code::RenewalNotLater, "Northland 2".into())));
    let renewal = Act::Renew { request: with, valid_until: Some(later), precedence: None };
    assert_eq!(renew(with, later), Ok(renewal));
}

#[test]
fn a_line_is_closed_only_by_who_says_that_it_is_meant_for_good() {
    let trial = Trial::new();
    let state = |more: &str| match read(&format!(r#"{{"act":"state",{more}}}"#), &trial.lines[0]) {
        Ok(Act::State { state, .. }) => Ok(state),
        Err(Unfit::Field(fault)) => Err(fault.code()),
        other => panic!("{other:?}"),
    };

    assert_eq!(state(r#""state":"closed""#), Err(Code::CloseAsks));
    assert_eq!(state(r#""state":"closed","for_good":false"#), Err(Code::CloseAsks));
    assert_eq!(state(r#""state":"closed","for_good":true"#), Ok(LineState::Closed));
    assert_eq!(state(r#""state":"open","for_good":true"#), Err(Code::ForGoodOfWhat));
}

#[test]
fn a_window_is_taken_by_its_number_and_the_only_one_without() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();
    let two = trial.offer(Joiner, ask);
    trial.carry();
    let line = &trial.lines[0];
    let (first, second) = (trial.window(20), trial.window(24));
    let accept = |more: &str| read(&format!(r#"{{"act":"accept","on":"{two}"{more}}}"#), line);
    let code = |unfit| if let Unfit::Field(fault) = unfit { fault.code() } else { panic!("{unfit:?}") };

    assert_eq!(accept(r#","window":"1""#), Ok(Act::Accept { offer: two, window: Some(first) }));
    assert_eq!(accept(r#","window":"2""#), Ok(Act::Accept { offer: two, window: Some(second) }));
    let said = write_window(&Offered { window: second, zone: "UTC".into() });
    let by_itself = accept(&format!(r#","window":"{said}""#));
    assert_eq!(by_itself, Ok(Act::Accept { offer: two, window: Some(second) }));
    for wrong in ["", r#","window":"0""#, r#","window":"3""#] {
        assert_eq!(accept(wrong).map_err(code), Err(Code::WindowWhich), "{wrong}");
    }
}

#[test]
fn a_field_that_cannot_be_read_is_named() {
    let trial = Trial::new();
    let code = |json: &str| match read(json, &trial.lines[0]) {
        Err(Unfit::Field(fault)) => fault.code(),
        other => panic!("{other:?}"),
    };

    let to = r#""from":"minister","to":"foreign-minister""#;
    assert_eq!(code(&format!(r#"{{"act":"ask",{to},"precedence":"LOUD"}}"#)), Code::UnknownWord);
    assert_eq!(code(&format!(r#"{{"act":"ask",{to},"valid_until":"soon"}}"#)), Code::TimeUnreadable);
    assert_eq!(code(r#"{"act":"ask","from":"The Minister","to":"x"}"#), Code::PostMalformed);
    let offer = r#"{"act":"offer","on":"0:0","answer_by":"2026-11-24T12:00:00Z","windows":"#;
    assert_eq!(code(&format!("{offer}[]}}")), Code::WindowCount);
    assert_eq!(code(&format!(r#"{offer}["noon"]}}"#)), Code::WindowUnreadable);
}

#[test]
fn words_have_a_language_and_are_not_empty() {
    let read = |language: Option<&str>, text: &str| {
        let words = super::super::form::WordsForm { language: language.map(Into::into), text: text.into() };
        let form = ActForm { words: Some(words), ..ActForm::of("memo") };
        super::words(&form, &defaults(), [1; 16]).map_err(|f| f.code())
    };

    let said = Words { salt: [1; 16], language: "en".into(), text: "x".into() };
    assert_eq!(read(None, "x"), Ok(Some(said.clone())));
    assert_eq!(read(Some("ru-RU"), "x"), Ok(Some(Words { language: "ru-RU".into(), ..said })));
    assert_eq!(read(Some("not a tag"), "x"), Err(Code::LanguageMalformed));
    assert_eq!(read(None, ""), Err(Code::WordsEmpty));
    assert_eq!(read(None, " \n\t"), Err(Code::WordsEmpty));
}
