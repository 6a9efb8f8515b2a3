//! A sentence before it is said in a language: what errors carry, so that whoever tells of them chooses the language.

use std::fmt;
use std::sync::LazyLock;

use super::{Arg, Words};

/// Logs are in English whatever language people here read.
static ENGLISH: LazyLock<Words> = LazyLock::new(Words::english);

/// The name of a sentence of the catalogue, with what it names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sentence {
    id: &'static str,
    args: Vec<(&'static str, Arg<'static>)>,
    /// Whose second half says what to do; `None`: its own.
    doing: Option<Box<Sentence>>,
}

impl Sentence {
    /// The sentence of this name.
    pub fn new(id: &'static str) -> Sentence {
        Sentence { id, args: Vec::new(), doing: None }
    }

    /// The same, with one thing that it names.
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Sentence {
        self.args.push((name, Arg::from(value.to_string())));
        self
    }

    /// The same, with a sentence in it.
    pub fn saying(mut self, name: &'static str, inner: Sentence) -> Sentence {
        self.args.push((name, Arg::Said(Box::new(inner))));
        self
    }

    /// The same; what to do is what `other` says.
    pub fn doing(mut self, other: Sentence) -> Sentence {
        self.doing = Some(Box::new(other));
        self
    }
}

/// In English, for logs: what is wrong, without what to do.
impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ENGLISH.told(self))
    }
}

/// An error that people are told of: what was wrong, and what to do.
pub trait Tell {
    /// The sentence; what to do is the one that belongs to it.
    fn sentence(&self) -> Sentence;
}

impl Tell for Sentence {
    fn sentence(&self) -> Sentence {
        self.clone()
    }
}

impl Words {
    /// What was wrong.
    pub fn told(&self, sentence: &Sentence) -> String {
        self.say(sentence.id, &sentence.args)
    }

    /// What to do about it.
    pub fn told_do(&self, sentence: &Sentence) -> String {
        match &sentence.doing {
            Some(other) => self.told_do(other),
            None => self.say_do(sentence.id, &sentence.args),
        }
    }
}

/// How an error stands in the log.
pub fn logged(error: &impl Tell) -> String {
    let sentence = error.sentence();
    format!("{} {}", ENGLISH.told(&sentence), ENGLISH.told_do(&sentence))
}
