//! The catalogue against the code: every sentence is there and is used. The catalogues against each other: [`catalogues`].

mod catalogues;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use counterpart_core::act::{Act, Target};
use counterpart_core::fault::{Bar, Misconduct, Refusal};
use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::crossing::{Outcome, Say};
use counterpart_core::line::ladder::Rung;
use counterpart_core::line::talk::{TalkState, Word};
use counterpart_core::precedence::Mark;
use counterpart_core::record::codes::{Clause, Code, Deadline, LineState, Mode, OnSilence};
use counterpart_core::record::kind::Kind;

use super::*;
use crate::view::Side;
use crate::view::trial::{START, Trial};

fn ids() -> Vec<&'static str> {
    let begins = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
    Language::English.catalogue().lines().filter(begins).filter_map(|line| line.split(" =").next()).collect()
}

/// Every source file of the station.
fn sources() -> Vec<String> {
    named_sources().into_iter().map(|(_, text)| text).collect()
}

/// The same with their paths.
fn named_sources() -> Vec<(String, String)> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.ends_with("words/tests.rs") || path.ends_with("words/tests/catalogues.rs") {
                // These files speak of calls and make none.
            } else if path.extension().is_some_and(|e| e == "rs" || e == "html") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut found);
    found.into_iter().map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_sentence_of_the_catalogue_is_used_and_every_one_used_is_in_it() {
    let sources = sources();
    let ids = ids();

    // What commands say of themselves is found by their names: `help_says_what_commands_take_and_nothing_else`.
    for id in ids.iter().filter(|id| !id.starts_with("help-")) {
        assert!(sources.iter().any(|source| source.contains(&format!("\"{id}\""))), "{id} is said nowhere");
    }
    let known: BTreeSet<&str> = ids.into_iter().collect();
    for source in &sources {
        let calls = ["say(", "say_do(", "Sentence::new("].iter().flat_map(|call| source.split(call).skip(1));
        for call in calls {
            let literal = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
            let is_id = |id: &&str| {
                id.contains('-') && id.bytes().all(|b| b.is_ascii_lowercase() || b"0123456789-".contains(&b))
            };
            assert!(literal.filter(is_id).is_none_or(|id| known.contains(id)), "{literal:?} is in no catalogue");
        }
    }
}

/// The text literals of a source, each with what stands before it in its statement. Comments have none.
fn literals(source: &str) -> Vec<(&str, &str)> {
    let bytes = source.as_bytes();
    let (mut found, mut begin, mut at) = (Vec::new(), 0, 0);
    while let Some(byte) = bytes.get(at) {
        let rest = &source[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("'\"'") {
            at += 3;
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            let end = at + 3 + raw.find("\"#").unwrap();
            found.push((&source[at + 3..end], &source[begin..at]));
            at = end + 2;
        } else if *byte == b'"' {
            let mut end = at + 1;
            while bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            found.push((&source[at + 1..end], &source[begin..at]));
            at = end + 1;
        } else {
            if b";{}".contains(byte) {
                begin = at + 1;
            }
            at += rest.chars().next().unwrap().len_utf8();
        }
    }
    found
}

/// Three words in a row: a sentence, or a part of one.
pub(crate) fn is_said(literal: &str) -> bool {
    let mut row = 0;
    for word in literal.split(' ') {
        let word = word.trim_end_matches([':', ',', ';', '.']);
        let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        row = if plain { row + 1 } else { 0 };
        if row == 3 {
            return true;
        }
    }
    false
}

/// What reads like a sentence and is none that people are told: the begin of a literal, and why it may stand in the code.
const NOT_SAID: [(&str, &str); 11] = [
    ("# This station's configuration", "the file that `init` writes"),
    ("counterpart/1 stateless reset token", "a label from which a key is derived"),
    ("entry {} cannot be read", "what the store found, in `store-corrupt`"),
    ("what was shown: {}", "what the store found, in `store-corrupt`"),
    ("entry {at} of epoch {epoch} is not there", "what the store found, in `store-corrupt`"),
    ("a log with a size below 0", "what the store found, in `store-corrupt`"),
    ("a token of {} bytes, over", "what the store calls its own mistake"),
    ("an entry beyond its log's head", "what the store found, in `store-corrupt`"),
    ("entry {}:{} cannot be read", "what the store found, in `store-corrupt`"),
    ("not a time in RFC 3339", "what a program is told that reads our JSON"),
    ("not a told clock", "a fault of a story's own program"),
];

/// Of these files only logs show what they say.
const LOGGED: [&str; 4] = ["link/connection.rs", "link/frame.rs", "link/tcp.rs", "link/tls.rs"];

#[test]
fn a_sentence_that_people_read_stands_in_the_catalogue_and_nowhere_else() {
    // Logs, why a lint is allowed, why a connection is hung up, what the store calls its own mistakes, SQL.
    let exempt = ["tracing::", "debug!(", "#[", "reason =", ".close(", "turn_away(", "hang_up(", "StoreError::other("];
    let sql = ["SELECT ", "INSERT ", "CREATE ", "UPDATE ", "DELETE "];
    let mut seen = 0;
    for (path, text) in named_sources() {
        // What stands between quotes in a page are names of its parts.
        let apart = [".html", "tests.rs"].iter().any(|end| path.ends_with(end))
            || ["trial", "/tests/"].iter().any(|part| path.contains(part));
        if apart || LOGGED.iter().any(|file| path.ends_with(file)) {
            continue;
        }
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (literal, before) in literals(shipped) {
            seen += 1;
            let known = NOT_SAID.iter().any(|(begin, _)| literal.starts_with(begin));
            let apart = exempt.iter().any(|word| before.contains(word));
            let apart = apart || sql.iter().any(|word| literal.trim_start().starts_with(word));
            assert!(known || apart || !is_said(literal), "{path}: {literal:?} belongs into words/en.ftl");
        }
    }
    assert!(seen > 1_000, "{seen} literals: the reader of sources is broken");
    assert!(is_said("the disk is full") && !is_said("UNKNOWN: {path} 12 ok"));
}

/// Sentences that are all there, all different, and free of marks that a terminal shows as rubbish.
fn all_different(said: Vec<String>) {
    for sentence in &said {
        assert!(!sentence.is_empty() && !sentence.contains('{'), "{sentence}");
        assert!(!sentence.chars().any(|c| matches!(c, '\u{2066}'..='\u{2069}')), "{sentence}");
    }
    assert_eq!(said.iter().collect::<BTreeSet<_>>().len(), said.len(), "{said:?}");
}

#[test]
fn every_code_rung_outcome_and_word_of_a_talk_has_its_sentence() {
    let words = Words::english();
    let window = Trial::new().window(1);

    all_different(Code::ALL.iter().map(|code| words.code(*code)).collect());
    let sides = [Side::Ours, Side::Theirs];
    all_different(sides.iter().flat_map(|s| Rung::ALL.map(|rung| words.rung(rung, *s, "minister"))).collect());
    let say = [Say::Answered, Say::Agreed(window), Say::Declined, Say::Withdrawn, Say::Lapsed];
    let outcomes: Vec<Outcome> =
        [Outcome::Open, Outcome::Crossed, Outcome::BrokenOff].into_iter().chain(say.map(Outcome::Said)).collect();
    all_different(outcomes.iter().map(|o| words.outcome(*o)).collect());
    all_different(outcomes.iter().map(|o| words.shown(*o, false).said).collect());
    use TalkState as T;
    let states = [T::None, T::Planned, T::Joined, T::Cancelled, T::Missed, T::Stated, T::Talked, T::Crossed];
    all_different(states.iter().map(|state| words.talk(*state, Some(Side::Theirs))).collect());
    let said = [Word::None, Word::Joined, Word::Missed, Word::Cancelled, Word::Talked];
    all_different(said.iter().map(|word| words.word(*word)).collect());
    all_different(Mode::ALL.iter().map(|mode| words.mode(*mode)).collect());
    all_different(LineState::ALL.iter().map(|state| words.state(*state)).collect());
    all_different(OnSilence::ALL.iter().map(|silence| words.silence(*silence)).collect());
    let args = || [("name", "Northland #9".into()), ("time", "09:02".into()), ("clause", 4u64.into())];
    all_different(Clause::ALL.iter().map(|clause| words.overdue(*clause, &args())).collect());
    all_different(Mark::ALL.iter().map(|mark| words.marked(*mark, "Delivered.".into())).collect());
}

fn bars() -> Vec<Bar> {
    use Bar as B;
    let at = EntryRef { party: Party::Joiner, index: 1 };
    vec![
        B::NoSuchThing,
        B::Closed { thing: at, by: at },
        B::StillOpen(at),
        B::NotOwner(at),
        B::OwnThing(at),
        B::Already(at),
        B::TooManyOpen,
        B::TooMany(at),
        B::OfferOpen(at),
        B::NotSuspended,
        B::Met,
        B::NotOffered,
        B::WindowMismatch,
        B::Unsettled,
        B::NoTalk,
        B::WordSaid(at),
        B::TheirWord(at),
        B::BeforeStart(START),
        B::NotJoined,
        B::Retracted(at),
        B::LineClosed(at),
        B::UnknownPost,
        B::PrecedenceTooHigh,
        B::NothingNew,
        B::NotAtIndexZero,
        B::AmendMismatch,
        B::Malformed(Kind::Ask),
    ]
}

/// That none is forgotten, the compiler sees to where the sentences are chosen.
#[test]
fn every_refusal_says_which_fact_decided_and_what_may_be_done() {
    use Refusal as R;
    let mut refusals: Vec<Refusal> = bars().into_iter().map(R::Barred).collect();
    refusals.extend(Deadline::ALL.iter().map(|deadline| R::TooEarly(*deadline, START)));
    let others = [
        R::InThePast(START),
        R::AfterWindows(START),
        R::NotEven,
        R::TooLong(50_000),
        R::LineNotOpen,
        R::Restored,
        R::LacksRules(2),
        R::UnknownLine,
        R::EpochEnded,
        R::MoreBrokeOff,
        R::KeyNotHeld,
        R::AwaitsPeer,
        R::AwaitsJudgement,
        R::PartNotWaiting,
        R::PartsConflict,
        R::NotRoot,
        R::TooManyEpochs,
    ];
    refusals.extend(others);

    let trial = Trial::new();
    let whys: Vec<Why> = trial.look(Party::Inviter, |sight| refusals.iter().map(|r| sight.refusal(r)).collect());
    all_different(whys.iter().map(|why| why.why.clone()).collect());
    assert!(whys.iter().all(|why| why.instead.ends_with('.') && !why.instead.contains('{')));
    let closed = &whys[1];
    assert_eq!(closed.fact.as_ref().unwrap().name, "Sundmark #1");
    assert!(closed.why.ends_with("closed, by Sundmark #1."), "{}", closed.why);
    let mut trial = trial;
    let ask = trial.ask(Party::Inviter);
    trial.carry();
    trial.act(Party::Inviter, Act::Withdraw { thing: ask });
    trial.act(Party::Joiner, Act::Answer { on: Target::Latest(ask) });
    trial.carry();
    let by = |trial: &Trial| {
        trial.look(Party::Inviter, |sight| {
            let by = sight.view().decision(sight.view().fact(ask).unwrap()).deciding[0];
            sight.bar(&Bar::Closed { thing: ask, by }).why
        })
    };
    assert_eq!(by(&trial), "Northland 1 is closed, by Northland #2 and Sundmark #2, which crossed.");
    assert_eq!(Words::english().not_done(&Act::Memo), "Not done: memo. Nothing was written.");
}

#[test]
fn every_misconduct_says_what_their_station_did_and_what_follows() {
    let all: Vec<Misconduct> = (1..).map_while(Misconduct::from_number).collect();
    let words = Words::english();

    let whys: Vec<_> = all.into_iter().map(|misconduct| (misconduct, words.misconduct(misconduct))).collect();
    all_different(whys.iter().map(|(_, why)| why.why.clone()).collect());
    for (misconduct, why) in whys {
        assert_eq!(why.code, format!("misconduct-{}", misconduct.word()));
        assert_eq!(why.instead.contains("no further"), misconduct.halts());
    }
}

#[test]
fn what_comes_from_outside_cannot_command_a_terminal() {
    let hostile = "\u{1b}[2J\u{9b}1m\u{202e}gnp\u{7}\r\nnext";

    let said = Words::english().say("plain-subject", &[("subject", hostile.into())]);
    assert_eq!(said, "Subject: \u{fffd}[2J\u{fffd}1m\u{fffd}gnp\u{fffd}  next");
}

#[test]
fn what_a_reader_would_not_see_is_shown_and_what_languages_need_stays() {
    let hidden = "a\u{1b}[2J\u{9b}31m\u{61c}\u{202e}\u{200b}\u{ad}\u{e0041}\u{2028}b";
    let needed = "می\u{200c}خواهم क्\u{200d}ष ❤\u{fe0f} день";

    assert_eq!(clean(hidden), "a\u{fffd}[2J\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}b");
    assert_eq!(clean(needed), needed);
}

#[test]
fn json_for_a_terminal_is_the_same_value_and_commands_nothing() {
    let value = serde_json::json!({ "text": "a\u{9b}31m\u{202e}\u{e0041}\u{7f}\nбв", "list": [1, "\u{2028}"] });

    let shown = escaped_json(&format!("{value:#}"));

    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    assert!(!shown.chars().any(|c| c != '\n' && is_unshown(c)));
}
