//! What is wrong with a story: where, what should stand there or should have come, and what does or did.

use crate::api::fault::{Told, Whose};
use crate::words::{Arg, Words};

/// A place in the file, both counted from 1; columns in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// Bytes that are no UTF-8.
    NotText,
    /// A control character, or one that turns the direction of writing.
    Control(char),
    /// Longer than a story may be, in bytes.
    TooLong(usize),
    /// A line longer than a line may be, in characters.
    LineTooLong(usize),
    /// More steps than a story may have.
    TooManySteps(usize),
    /// Something else should stand there: the name of the sentence that says what, what is known, and what was found.
    Wanted {
        /// Which sentence says what should stand there.
        sentence: &'static str,
        /// The words that may stand there, if it is one of a list.
        known: String,
        /// What stands there; empty at the end of a line.
        found: String,
    },
    /// A time before the one before it.
    TimeBack {
        /// As it stands there.
        said: String,
        /// The one before.
        before: String,
    },
    /// A story marks everything EXERCISE.
    Mark,
    /// Given twice.
    Twice(String),
    /// What an act says cannot be read, or it is not done: in the words of the station.
    Act(Told),
    /// An act was expected not to be done, and something else became of it.
    NotDone {
        /// The code that was expected.
        wanted: String,
        /// What became of it: another code, or that it is done.
        found: String,
    },
    /// A status that was expected is not there.
    Status {
        /// Of what.
        name: String,
        /// In whose store, by call sign.
        sign: String,
        /// What was expected.
        wanted: String,
        /// What stands there.
        found: String,
    },
    /// More falls due between two steps than is played.
    TooMuchDue(usize),
}

/// What is wrong with a story, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoryFault {
    /// Where.
    pub place: Place,
    /// What.
    pub wrong: Wrong,
}

impl StoryFault {
    /// What the caller is told; `file` is the story as the caller named it. It counts as a refusal: exit code 1.
    pub fn tell(&self, file: &str, words: &Words) -> Told {
        let (what, instead) = self.wrong.say(words);
        let Place { line, column } = self.place;
        let place =
            [("file", Arg::from(file)), ("line", line.into()), ("column", column.into()), ("wrong", what.into())];
        Told { code: "story".into(), fault: Whose::Refusal, what: words.say("story-at", &place), instead, fact: None }
    }
}

impl Wrong {
    /// What is wrong, and what to do.
    fn say(&self, words: &Words) -> (String, String) {
        let both = |id: &str, args: &[(&'static str, Arg<'_>)]| (words.say(id, args), words.say_do(id, args));
        match self {
            Wrong::NotText => both("story-not-text", &[]),
            Wrong::Control(c) => both("story-control", &[("code", format!("{:04X}", u32::from(*c)).into())]),
            Wrong::TooLong(max) => both("story-too-long", &[("max", (*max).into())]),
            Wrong::LineTooLong(max) => both("story-line-too-long", &[("max", (*max).into())]),
            Wrong::TooManySteps(max) => both("story-too-many-steps", &[("max", (*max).into())]),
            Wrong::Wanted { sentence, known, found } => {
                let wanted = words.say(sentence, &[("known", known.into())]);
                if found.is_empty() {
                    return both("story-wanted-at-end", &[("wanted", wanted.into())]);
                }
                both("story-wanted", &[("wanted", wanted.into()), ("found", found.into())])
            }
            Wrong::TimeBack { said, before } => {
                both("story-time-back", &[("said", said.into()), ("before", before.into())])
            }
            Wrong::Mark => both("story-mark", &[]),
            Wrong::Twice(key) => both("story-twice", &[("key", key.into())]),
            Wrong::Act(told) => (told.what.clone(), told.instead.clone()),
            Wrong::NotDone { wanted, found } => {
                both("story-not-done", &[("wanted", wanted.into()), ("found", found.into())])
            }
            Wrong::Status { name, sign, wanted, found } => {
                let args = [
                    ("name", Arg::from(name)),
                    ("sign", sign.into()),
                    ("wanted", wanted.into()),
                    ("found", found.into()),
                ];
                both("story-status", &args)
            }
            Wrong::TooMuchDue(max) => both("story-too-much-due", &[("max", (*max).into())]),
        }
    }
}
