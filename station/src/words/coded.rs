//! The words of the protocol as somebody reads them: each language says them in its own, and the word that was signed stands beside it.
//!
//! Codes cross the line, and an officer who speaks by telephone with the other side about one entry needs the word that both have.

use askama::Template;
use askama::filters::HtmlSafe;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::ladder::Rung;
use counterpart_core::line::talk::TalkState;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{
    Channel, CheckBy, Clause, Code, Deadline, Instrument, LineState, Mode, OnSilence,
};
use counterpart_core::record::kind::Kind;

use super::{Language, Words};

/// What `view::record` calls an entry whose type this version does not have; a number follows.
const UNKNOWN: &str = "unknown";

/// A closed list of the protocol. Its words are said by one sentence of the catalogue, which chooses by the word.
pub trait Listed: Copy {
    /// The name of that sentence.
    const SAID: &'static str;

    /// The word that is signed, or that documents use.
    fn word(self) -> &'static str;

    /// The sentence that says this one.
    fn sentence(self) -> &'static str {
        Self::SAID
    }
}

macro_rules! listed {
    ($($list:ty => $id:literal,)+) => {$(
        impl Listed for $list {
            const SAID: &'static str = $id;

            fn word(self) -> &'static str {
                <$list>::word(self)
            }
        }
    )+};
}

listed! {
    Mark => "coded-mark",
    Precedence => "coded-precedence",
    Rung => "coded-rung",
    TalkState => "coded-talk",
    Kind => "coded-kind",
    Code => "coded-reason",
    Mode => "coded-mode",
    Channel => "coded-channel",
    OnSilence => "coded-silence",
    Clause => "coded-clause",
    Deadline => "coded-deadline",
    LineState => "coded-state",
    Instrument => "coded-instrument",
    CheckBy => "coded-by",
}

impl Listed for Outcome {
    const SAID: &'static str = "coded-outcome";

    fn word(self) -> &'static str {
        Outcome::word(self)
    }

    /// The catalogue chooses by one word, and this has two.
    fn sentence(self) -> &'static str {
        if self == Outcome::BrokenOff { "shown-broken-off" } else { Self::SAID }
    }
}

/// A word in a reader's language. On a page the signed one stands beside it, small, where the two differ.
#[derive(Clone, PartialEq, Eq, Debug, Default, Template)]
#[template(
    ext = "html",
    source = "{{ said }}{% if let Some(signed) = signed %} <small class=\"signed\" lang=\"en\" dir=\"ltr\">{{ signed }}</small>{% endif %}"
)]
pub struct Coded {
    /// In the reader's language.
    pub said: String,
    /// In English, as it is signed; `None` if that is how it is said.
    pub signed: Option<String>,
}

/// Both words are escaped by the template.
impl HtmlSafe for Coded {}

impl Coded {
    fn new(said: String, signed: String) -> Coded {
        let signed = Some(signed).filter(|signed| *signed != said);
        Coded { said, signed }
    }

    /// As one text, for a terminal and for what can be chosen from a list: "УЧЕНИЕ (EXERCISE)".
    pub fn both(&self) -> String {
        match &self.signed {
            Some(signed) => format!("{} ({signed})", self.said),
            None => self.said.clone(),
        }
    }

    /// In capitals.
    pub fn capital(&self) -> Coded {
        Coded { said: self.said.to_uppercase(), signed: self.signed.as_ref().map(|signed| signed.to_uppercase()) }
    }
}

/// What is no word of the protocol: a sentence, or a label.
impl From<String> for Coded {
    fn from(said: String) -> Coded {
        Coded { said, signed: None }
    }
}

impl Words {
    /// A word of a list, with the signed one.
    pub fn coded<L: Listed>(&self, code: L) -> Coded {
        Coded::new(self.say(code.sentence(), &[("word", code.word().into())]), code.word().into())
    }

    /// The same as it stands in a sentence, in the reader's language alone.
    pub fn coded_in<L: Listed>(&self, code: L) -> String {
        self.coded(code).said
    }

    /// The same of a word that was chosen on a page, which is one of the list.
    pub fn coded_as<L: Listed>(&self, word: &str) -> String {
        self.say(L::SAID, &[("word", word.into())])
    }

    /// The word of an outcome, as views call it.
    pub fn coded_outcome(&self, word: &str) -> Coded {
        match word == Outcome::BrokenOff.word() {
            true => self.coded(Outcome::BrokenOff),
            false => Coded::new(self.coded_as::<Outcome>(word), word.into()),
        }
    }

    /// The word of a type of entry, as views call it.
    pub fn coded_kind(&self, kind: &str) -> Coded {
        if let Some(key) = kind.strip_prefix("unknown key ") {
            return self.say("record-unknown-key", &[("key", key.into())]).into();
        }
        match kind.strip_prefix(UNKNOWN) {
            Some(number) => format!("{}{number}", self.say("record-unknown", &[])).into(),
            None => Coded::new(self.coded_as::<Kind>(kind), kind.into()),
        }
    }

    /// A word of the catalogue that stands for what was signed, such as ACCEPTED HERE; beside it what English pages call it.
    pub fn term(&self, id: &str) -> Coded {
        Coded::new(self.say(id, &[]), Language::English.words().say(id, &[]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use counterpart_core::line::crossing::Say;
    use counterpart_core::time::{Timestamp, Window};

    use super::*;

    /// Every word of a list: in English it is the one that is signed; in Russian it is another, unlike every other of its list, in
    /// Russian letters, with the signed one beside it.
    fn each_is_said<L: Listed>(list: &[L]) {
        let (english, russian) = (Words::of(Language::English), Words::of(Language::Russian));
        let mut said = BTreeSet::new();
        for code in list {
            assert_eq!(english.coded(*code), Coded { said: code.word().into(), signed: None });
            let coded = russian.coded(*code);
            assert_eq!(coded.signed.as_deref(), Some(code.word()), "{} is not said in Russian", code.word());
            let is_russian = |c: char| matches!(c, 'а'..='я' | 'А'..='Я' | 'ё' | 'Ё' | ' ' | '-' | '«' | '»');
            assert!(coded.said.chars().all(is_russian), "{}: {}", code.word(), coded.said);
            assert!(said.insert(coded.said.clone()), "{} is also another word of {}", coded.said, L::SAID);
        }
    }

    /// The next state of a talk: one that is new does not compile.
    fn after(state: TalkState) -> Option<TalkState> {
        use TalkState as T;
        match state {
            T::None => Some(T::Planned),
            T::Planned => Some(T::Joined),
            T::Joined => Some(T::Cancelled),
            T::Cancelled => Some(T::Missed),
            T::Missed => Some(T::Stated),
            T::Stated => Some(T::Talked),
            T::Talked => Some(T::Crossed),
            T::Crossed => None,
        }
    }

    /// The same of outcomes.
    fn other(outcome: Outcome) -> Option<Outcome> {
        let agreed = Window::new(Timestamp(0), Timestamp(1)).map(Say::Agreed);
        match outcome {
            Outcome::Open => Some(Outcome::Said(Say::Answered)),
            Outcome::Said(Say::Answered) => agreed.map(Outcome::Said),
            Outcome::Said(Say::Agreed(_)) => Some(Outcome::Said(Say::Declined)),
            Outcome::Said(Say::Declined) => Some(Outcome::Said(Say::Withdrawn)),
            Outcome::Said(Say::Withdrawn) => Some(Outcome::Said(Say::Lapsed)),
            Outcome::Said(Say::Lapsed) => Some(Outcome::Crossed),
            Outcome::Crossed => Some(Outcome::BrokenOff),
            Outcome::BrokenOff => None,
        }
    }

    #[test]
    fn every_word_of_the_protocol_is_said_in_each_language_with_the_signed_one_beside_it() {
        let talks: Vec<TalkState> = std::iter::successors(after(TalkState::None), |state| after(*state)).collect();
        let outcomes: Vec<Outcome> = std::iter::successors(Some(Outcome::Open), |said| other(*said)).collect();

        each_is_said(&Mark::ALL);
        each_is_said(&Precedence::ALL);
        each_is_said(&Rung::ALL);
        each_is_said(&outcomes);
        each_is_said(&talks);
        each_is_said(Kind::ALL);
        each_is_said(Code::ALL);
        each_is_said(Mode::ALL);
        each_is_said(Channel::ALL);
        each_is_said(OnSilence::ALL);
        each_is_said(Clause::ALL);
        each_is_said(Deadline::ALL);
        each_is_said(LineState::ALL);
        each_is_said(Instrument::ALL);
        each_is_said(CheckBy::ALL);
        assert_eq!((outcomes.len(), talks.len()), (8, 7));
    }

    #[test]
    fn the_signed_word_stands_small_on_a_page_and_in_brackets_on_a_terminal_and_nowhere_in_english() {
        let [english, russian] = [Language::English, Language::Russian].map(Words::of);

        assert_eq!(english.coded(Mark::Exercise).to_string(), "EXERCISE");
        let said = russian.coded(Mark::Exercise);
        assert_eq!(said.to_string(), "УЧЕНИЕ <small class=\"signed\" lang=\"en\" dir=\"ltr\">EXERCISE</small>");
        assert_eq!(said.both(), "УЧЕНИЕ (EXERCISE)");
        assert_eq!(russian.term("shown-accepted-here").both(), "ПРИНЯТО ЗДЕСЬ (ACCEPTED HERE)");
        assert_eq!(russian.coded_kind("unknown 77").both(), "неизвестно 77");
        assert_eq!(russian.coded_kind("unknown key 5").both(), "неизвестный ключ 5");
        assert_eq!(Coded::from("<b>".to_owned()).to_string(), "&#60;b&#62;");
    }
}
