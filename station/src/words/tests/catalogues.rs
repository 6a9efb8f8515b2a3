//! The catalogues against each other: a sentence stands in every language, names the same things in each, has the plurals of its
//! language, and says in none what DESIGN.md keeps off screens and accounts.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::words::Language::{English, Russian};

/// The categories of whole numbers (CLDR), the last of which is the default.
fn categories(language: Language) -> &'static [&'static str] {
    match language {
        English => &["one", "other"],
        Russian => &["one", "few", "many"],
    }
}

/// What no sentence may contain. Of Russian words the stem, so that every ending is meant: proves; refused; ignored, left without
/// attention; failed to answer; not to be forged; of legal force; offline.
fn kept_off(language: Language) -> &'static [&'static str] {
    match language {
        English => &["proves", "refused", "ignored", "failed to answer", "tamper-proof", "legally binding", "offline"],
        Russian => &[
            "доказ",
            "отказ",
            "игнор",
            "без внимания",
            "не ответил",
            "не сумел",
            "не смог ответ",
            "не смогла ответ",
            "не удосуж",
            "поддел",
            "юридич",
            "офлайн",
            "оффлайн",
            "не в сети",
        ],
    }
}

/// The messages by name, each with its text and the comment that stands before it.
fn messages(language: Language) -> BTreeMap<&'static str, (String, &'static str)> {
    let mut found: BTreeMap<&str, (String, &str)> = BTreeMap::new();
    let (mut open, mut comment) = (None, "");
    for line in language.catalogue().lines() {
        if line.starts_with(|c: char| c.is_ascii_lowercase()) {
            let id = line.split(" =").next().unwrap();
            assert!(found.insert(id, (format!("{line}\n"), comment)).is_none(), "{id} stands twice in {language:?}");
            open = Some(id);
        } else if line.starts_with([' ', '}'])
            && let Some(message) = open.and_then(|id| found.get_mut(id))
        {
            message.0.push_str(line);
            message.0.push('\n');
        } else if !line.is_empty() {
            open = None;
        }
        comment = line.strip_prefix("# ").unwrap_or_default();
    }
    found
}

/// The names after this sign: what is put in, or the parts of a message.
fn named(text: &str, sign: &str) -> BTreeSet<String> {
    let name = |rest: &str| -> String { rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect() };
    text.split(sign).skip(1).map(name).collect()
}

/// The keys of every choice in a text, the default one with its star.
fn choices(text: &str) -> Vec<Vec<&str>> {
    let (mut done, mut open): (Vec<Vec<&str>>, Vec<Vec<&str>>) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        let key = line.split(']').next().filter(|key| key.starts_with('[') || key.starts_with("*["));
        if let (Some(key), Some(choice)) = (key, open.last_mut()) {
            choice.push(key);
        }
        if line.starts_with('}') {
            done.extend(open.pop());
        }
        if line.ends_with("->") {
            open.push(Vec::new());
        }
    }
    assert!(open.is_empty(), "{text}");
    done
}

#[test]
fn every_catalogue_reads() {
    for language in Language::ALL {
        let errors = FluentResource::try_new(language.catalogue().into()).err().map(|(_, errors)| errors);
        assert_eq!(errors, None, "{language:?}");
    }
}

#[test]
fn every_language_says_the_same_sentences_of_the_same_things() {
    let english = messages(English);
    assert!(english.len() > 900, "{} messages: the reader of catalogues is broken", english.len());

    for language in Language::ALL {
        let other = messages(language);
        let [ours, theirs] = [&english, &other].map(|all| all.keys().collect::<BTreeSet<_>>());
        let (lacks, extra): (Vec<_>, Vec<_>) = (ours.difference(&theirs).collect(), theirs.difference(&ours).collect());
        assert!(lacks.is_empty() && extra.is_empty(), "{language:?} lacks {lacks:?} and has beside {extra:?}");
        for (id, (text, _)) in &english {
            for sign in ["$", "\n    ."] {
                assert_eq!(named(text, sign), named(&other[id].0, sign), "{id} in {language:?}");
            }
        }
    }
}

#[test]
fn a_choice_by_number_has_every_category_of_its_language() {
    let mut seen = 0;
    for language in Language::ALL {
        let wanted = categories(language);
        let of_any = ["one", "two", "few", "many", "zero", "other"];
        for (id, (text, _)) in messages(language) {
            for choice in choices(&text) {
                let plain = choice.iter().map(|key| key.trim_matches(['*', '[']));
                let said: Vec<&str> = plain.filter(|key| of_any.contains(key)).collect();
                let by_number = said.iter().any(|key| *key != "other");
                assert!(!by_number || said == wanted, "{id} in {language:?} has {said:?} and not {wanted:?}");
                assert!(choice.last().is_some_and(|key| key.starts_with('*')), "{id}: the last is the default");
                seen += usize::from(by_number);
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn plurals_are_those_of_the_language() {
    let heading = |language, count: u64| Words::of(language).say("lines-heading", &[("count", count.into())]);

    let russian = [0, 1, 2, 5, 11, 21, 22, 25, 111].map(|count| heading(Russian, count));
    assert_eq!(
        russian,
        [
            "Этого пульта ничто не ждёт.",
            "Этого пульта ждёт 1 дело.",
            "Этого пульта ждут 2 дела.",
            "Этого пульта ждут 5 дел.",
            "Этого пульта ждут 11 дел.",
            "Этого пульта ждёт 21 дело.",
            "Этого пульта ждут 22 дела.",
            "Этого пульта ждут 25 дел.",
            "Этого пульта ждут 111 дел.",
        ]
    );
    assert_eq!(heading(English, 21), "21 matters need this desk.");
}

#[test]
fn nothing_that_is_said_judges_the_other_side() {
    for language in Language::ALL {
        for (id, (text, _)) in messages(language) {
            let lower = text.to_lowercase();
            for word in kept_off(language) {
                assert!(!lower.contains(word), "{id} in {language:?}: {word}");
            }
        }
    }
    let judges = "Их станция отказала".to_lowercase();
    assert!(kept_off(Russian).iter().any(|stem| judges.contains(stem)), "a stem is found in its endings");
}

/// Who reviewed which sentence is said beside it, so that nobody takes an unreviewed one for more.
#[test]
fn every_sentence_says_whether_a_native_speaker_has_reviewed_it() {
    let is_date = |text: &str| text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    for (id, (_, comment)) in messages(Russian) {
        let reviewed = comment.strip_prefix("reviewed ").is_some_and(is_date);
        assert!(comment == "unreviewed" || reviewed, "{id} lacks `# unreviewed` or `# reviewed YYYY-MM-DD`");
    }
}

/// A sentence that was copied and not translated has words of small Latin letters and none of Russian ones.
#[test]
fn every_sentence_in_russian_is_in_russian() {
    for (id, (text, _)) in messages(Russian) {
        let said = text.split_once('=').map(|(_, said)| said).unwrap_or_default();
        let outside: String = said.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect();
        let is_russian = outside.to_lowercase().contains(|c: char| ('а'..='я').contains(&c) || c == 'ё');
        let mut latin = outside.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2);
        let has_words = latin.any(|word| word.bytes().all(|b| b.is_ascii_lowercase()));
        assert!(is_russian || !has_words, "{id}: {said}");
    }
}

/// The parts of the messages with this begin, each `message.part`; of the message's own value `message`.
fn parts(language: Language, begin: &str) -> BTreeSet<String> {
    let all = messages(language).into_iter().filter(|(id, _)| id.starts_with(begin));
    all.flat_map(|(id, (text, _))| {
        let of_it = named(&text, "\n    .").into_iter().map(|part| format!("{id}.{part}")).collect::<Vec<_>>();
        let has_value = !text.starts_with(&format!("{id} =\n"));
        of_it.into_iter().chain(has_value.then(|| id.to_owned()))
    })
    .collect()
}

#[test]
fn help_says_what_commands_take_and_nothing_else() {
    for language in Language::ALL {
        let said = crate::cli::help::said(&Words::of(language));

        let wanted: BTreeSet<String> = ["help-", "usage-placeholder"].iter().flat_map(|b| parts(language, b)).collect();
        let (lacks, extra): (Vec<_>, Vec<_>) = (said.difference(&wanted).collect(), wanted.difference(&said).collect());
        assert!(lacks.is_empty() && extra.is_empty(), "{language:?} lacks {lacks:?}, and says of nothing {extra:?}");
    }
}

/// What is said of an argument once stands once: what several commands take alike stands above them, or is taken from one.
#[test]
fn no_two_arguments_say_the_same_in_words_of_their_own() {
    for language in Language::ALL {
        let all = messages(language);
        let help = all.iter().filter(|(id, _)| id.starts_with("help-"));
        let lines: Vec<&str> = help
            .flat_map(|(_, (text, _))| text.lines().skip(1))
            .filter_map(|l| l.split_once(" = ").map(|(_, said)| said))
            .collect();
        assert!(lines.len() > 80, "{} arguments: the reader of catalogues is broken", lines.len());

        let mut seen = BTreeSet::new();
        let twice: Vec<_> = lines.iter().filter(|said| !said.starts_with('{') && !seen.insert(**said)).collect();
        assert!(twice.is_empty(), "{language:?}: {twice:?}");
    }
}
