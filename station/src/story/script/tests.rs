//! What is a story and what is none: each fault names its line and column, what is wrong and what to do.

use super::*;
use crate::story::SHIPPED;

const HEAD: &str = "story \"A\"\nside north \"North\" \"Ministry N\" zone=Europe/Helsinki\nside south \"South\" \"Ministry S\" zone=America/Santiago\n";

fn read(text: &str) -> Result<Script, StoryFault> {
    Script::read(text.as_bytes(), &Words::english())
}

/// Line, column, what is wrong and what to do.
fn fault(bytes: &[u8]) -> (usize, usize, String) {
    let fault = Script::read(bytes, &Words::english()).unwrap_err();
    let Place { line, column } = fault.place;
    let told = fault.tell("x.story", &Words::english());
    assert!(told.what.starts_with(&format!("x.story, line {line}, column {column}: ")), "{}", told.what);
    assert!(!told.instead.is_empty() && !told.what.contains('{'), "{told:?}");
    (line, column, told.what)
}

/// The same for lines after a head of three.
fn after_head(lines: &str) -> (usize, usize, String) {
    fault(format!("{HEAD}{lines}").as_bytes())
}

fn instant(said: &str) -> Timestamp {
    Times::exact("UTC").time(said).unwrap()
}

#[test]
fn the_stories_that_ship_are_stories() {
    for (name, text) in SHIPPED {
        let script = read(text).unwrap_or_else(|fault| panic!("{:?}", fault.tell(name, &Words::english())));
        assert!(!script.steps.is_empty() && !script.said.is_empty(), "{name}");
    }
}

#[test]
fn a_step_is_a_time_a_side_an_act_and_what_is_expected_of_it() {
    let text = format!(
        "{HEAD}terms watch=8h,1h,15m,5m grace=90s checks=09:00,17:00 # as agreed\n\
         2013-02-12 22:30 north ask from=minister to=minister precedence=PRIORITY language=en \"The test\"\n\
         \texpect \"North 1\" OPEN DELIVERED at south\n\
         2013-02-13 10:00 south offer \"North 1\" window=\"12:00/12:30\" window=\"14:00/+30m\" answer-by=+1h\n\
         2013-02-13 10:00 south seen \"North 1\"\n    expect not-done closed\n\
         2013-02-13 10:30 bell south on\n2013-02-13 10:40 link down\n2013-02-13 11:00 wait\n"
    );

    let script = read(&text).unwrap();

    let [north, south] = &script.sides;
    assert_eq!(
        (north.word.as_str(), south.call_sign.as_str(), south.zone.as_str()),
        ("north", "South", "America/Santiago")
    );
    assert_eq!(script.terms.watch_s, [28_800, 3_600, 900, 300]);
    assert_eq!((script.terms.grace_s, script.terms.checks.clone()), (90, Some(Checks::At(vec![540, 1_020]))));
    let times: Vec<Timestamp> = script.steps.iter().map(|step| step.time).collect();
    assert_eq!(times[0], instant("2013-02-12T22:30:00Z"));
    let Deed::Act(1, offer) = &script.steps[1].deed else { panic!("{:?}", script.steps[1]) };
    assert_eq!(offer.answer_by.as_deref().map(instant), Some(instant("2013-02-13T11:00:00Z")));
    assert_eq!(offer.windows.as_ref().map(Vec::len), Some(2));
    let stands = Expected::Stands { name: "North 1".into(), words: vec!["OPEN", "DELIVERED"], side: Some(1) };
    assert_eq!(script.steps[0].expectations[0].expected, stands);
    assert_eq!(script.steps[2].expectations[0].expected, Expected::NotDone("closed".into()));
    let deeds: Vec<&Deed> = script.steps[3..].iter().map(|step| &step.deed).collect();
    assert_eq!(deeds, [&Deed::Bell(1, true), &Deed::Link(false), &Deed::Wait]);
}

#[test]
fn what_is_no_text_within_its_bounds_is_named_where_it_stops_to_be() {
    let (line, column, said) = fault(b"story \"A\"\nsay \"\xff\"\n");
    assert_eq!((line, column), (2, 6));
    assert!(said.contains("UTF-8"), "{said}");
    let (line, column, said) = fault("story \"A\"\nsay \"\u{1b}[2J\"".as_bytes());
    assert_eq!((line, column), (2, 6));
    assert!(said.contains("001B"), "{said}");
    let (line, _, said) = fault(format!("story \"A\"\n{}", "# long\n".repeat(10_000)).as_bytes());
    assert!(line > 9_000 && said.contains("65536") || said.contains("65,536"), "{line} {said}");
    let (line, column, _) = after_head(&format!("say \"{}\"", "x".repeat(LINE_CHARS_MAX)));
    assert_eq!((line, column), (4, LINE_CHARS_MAX + 1));
    let (line, _, said) = after_head(&"2013-02-12 22:30 wait\n".repeat(STEPS_MAX + 1));
    assert!(line == 4 + STEPS_MAX && said.contains("500"), "{line} {said}");
    assert!(read(&format!("{HEAD}2013-02-12 22:30 wait\n").replace('\n', "\r\n")).is_ok(), "both line ends are fine");
}

#[test]
fn a_line_that_is_wrong_is_named_with_its_column_and_what_should_stand_there() {
    let ask = "2013-02-12 22:30 north ask from=minister to=minister";
    let wrong: [(&str, usize, &str); 22] = [
        ("mark EXERCISE", 1, "one of: say, side, terms"),
        ("side third \"T\" \"T\" zone=UTC", 1, "two sides"),
        ("terms watch=8h,1h", 7, "four by precedence"),
        ("terms patience=8h", 7, "station, watch"),
        ("terms grace=1m grace=2m", 16, "given twice"),
        ("terms checks=17:00,09:00", 7, "in their order"),
        ("2013-02-30 22:30 wait", 1, "YYYY-MM-DD"),
        ("2013-02-12 9:30 wait", 1, "YYYY-MM-DD"),
        ("2013-02-12 22:30", 17, "the line ends"),
        ("2013-02-12 22:30 east wait", 18, "north, south"),
        ("2013-02-12 22:30 link off", 23, "up or down"),
        ("2013-02-12 22:30 bell moon on", 23, "north, south"),
        ("2013-02-12 22:30 north alerting \"South 1\"", 24, "one of the acts"),
        ("2013-02-12 22:30 north seen", 28, "name of what the act is on"),
        ("2013-02-12 22:30 north seen \"South 1\" until=12:00", 39, "language="),
        ("2013-02-12 22:30 north memo", 24, "needs “words”"),
        (&format!("{ask} mark=OPERATION"), 54, "EXERCISE"),
        (&format!("{ask} precedence=LOUD precedence=FLASH"), 70, "given twice"),
        (&format!("{ask} valid-until=soon"), 54, "“soon” is not a time"),
        (&format!("{ask}\nexpect \"North 1\" FINE"), 18, "OPEN, ANSWERED"),
        (&format!("{ask}\nexpect \"North 1\""), 17, "the line ends"),
        ("2013-02-12 22:30 wait\nexpect not-done closed", 1, "an act before it"),
    ];

    for (lines, column, said) in wrong {
        let (line, found, told) = after_head(lines);
        let last = 3 + lines.lines().count();
        assert_eq!((line, found), (last, column), "{lines}: {told}");
        assert!(told.contains(said), "{lines}: {told}");
    }
}

#[test]
fn what_lacks_its_head_or_its_steps_is_no_story() {
    for (text, line, said) in [
        ("", 1, "story \"TITLE\""),
        ("# nothing\n\n", 2, "story \"TITLE\""),
        ("Once upon a time\n", 1, "story \"TITLE\""),
        ("story \"A\"\nstory \"B\"\n", 2, "given twice"),
        ("story \"A\"\nside north \"N\" \"N\" zone=UTC\n", 2, "two sides"),
        ("story \"A\"\n2013-02-12 22:30 wait\n", 2, "two sides"),
        ("story \"A\"\nside north \"N\" \"N\" zone=Mars/Base\n", 2, "IANA"),
        ("story \"A\"\nside North \"N\" \"N\" zone=UTC\n", 2, "a–z"),
        ("story \"A\"\nside a \"N\" \"N\" zone=UTC\nside b \"n\" \"N\" zone=UTC\n", 3, "given twice"),
        ("story \"A\"\nside bell \"N\" \"N\" zone=UTC\n", 2, "bell, call, link or wait"),
    ] {
        let (found, _, told) = fault(text.as_bytes());
        assert!(found == line && told.contains(said), "{text}: {told}");
    }
    assert!(after_head("").2.contains("a step"));
    assert!(after_head("expect \"North 1\" OPEN").2.contains("a step"));
    let late = after_head("2013-02-12 22:30 wait\nsay \"more\"");
    assert!(late.0 == 5 && late.2.contains("a step"), "{late:?}");
}

#[test]
fn time_does_not_go_back() {
    let (line, column, said) = after_head("2013-02-12 22:30 wait\n2013-02-12 22:30 wait\n2013-02-12 22:29 wait\n");

    assert_eq!((line, column), (6, 1));
    assert!(said.contains("2013-02-12 22:29") && said.contains("before"), "{said}");
}

#[test]
fn whatever_a_file_holds_it_is_a_story_or_a_fault_with_a_place_in_it() {
    let mut state = 7u64;
    let mut dice = move |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % sides
    };
    let (mut stories, mut faults) = (0, 0);
    for (_, text) in SHIPPED.iter().cycle().take(3_000) {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=dice(3) {
            let (at, from, length) = (dice(bytes.len()), dice(bytes.len()), dice(40));
            match dice(4) {
                0 => bytes[at] = dice(256) as u8,
                1 => bytes.truncate(at.max(1)),
                2 => drop(bytes.splice(at..at, text.bytes().skip(from).take(length))),
                _ => drop(bytes.drain(at..(at + length).min(bytes.len()))),
            }
            bytes.push(b'\n');
        }
        match Script::read(&bytes, &Words::english()) {
            Ok(_) => stories += 1,
            Err(fault) => {
                faults += 1;
                let lines = bytes.split(|b| *b == b'\n').count();
                assert!((1..=lines).contains(&fault.place.line) && fault.place.column > 0, "{fault:?}");
                assert!(!fault.tell("x", &Words::english()).what.is_empty());
            }
        }
    }
    assert!(stories > 100 && faults > 1_000, "{stories} {faults}");
}
