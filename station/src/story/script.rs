//! A story as a file: time, side, act, expected status (`docs/stories.md`). Read strictly and within bounds; whatever is no story
//! is named by line and column.

use counterpart_core::limits;
use counterpart_core::record::charter::Checks;
use counterpart_core::shown::is_unshown;
use counterpart_core::time::Timestamp;

use super::expect::{Expected, expected};
use super::fault::{Place, StoryFault, Wrong};
use super::tokens::{Is, Token, tokens, wanted};
use crate::api::form::ActForm;
use crate::api::times::Times;
use crate::pairing::{Proposal, Term, Unfit};
use crate::words::Words;
use crate::words::clocks::zone;

mod acts;

/// A story, in bytes: some eight times the longest that ships.
pub const FILE_BYTES_MAX: usize = 64 * 1024;
/// A line, in characters: a text that is written on the line stands on one.
pub const LINE_CHARS_MAX: usize = 1_000;
/// Steps of a story.
pub const STEPS_MAX: usize = 500;
/// The name of a side, in characters; it is the name of a directory.
const SIDE_NAME_MAX: usize = 32;

/// A story, read and valid as far as can be told without playing it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// What it is called.
    pub title: String,
    /// What is told before it is played, by lines.
    pub said: Vec<String>,
    /// Both sides, the inviter first.
    pub sides: [SideTerms; 2],
    /// The rules that their charter has.
    pub terms: Proposal,
    /// In the order of their times.
    pub steps: Vec<Step>,
}

/// One side of a story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SideTerms {
    /// What the story calls it; the name of its directory.
    pub word: String,
    /// Its call sign.
    pub call_sign: String,
    /// Its organisation.
    pub name: String,
    /// IANA name of its zone.
    pub zone: String,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Where it stands in the file.
    pub place: Place,
    /// When.
    pub time: Timestamp,
    /// What is done.
    pub deed: Deed,
    /// What is expected to stand after it.
    pub expectations: Vec<Expectation>,
}

/// What is done in a step. Sides are 0 and 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// A person of a side does this.
    Act(usize, Box<ActForm>),
    /// The scripted bell of a side is set, or taken away.
    Bell(usize, bool),
    /// The link comes up, or goes down.
    Link(bool),
    /// Nothing: only the clock moves.
    Wait,
    /// It is time to talk: of this request. Before spectators the story ends here, and leaves the talk to them.
    Call(String),
}

/// What is expected, and where the file says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expectation {
    /// Where it stands in the file.
    pub place: Place,
    /// What.
    pub(super) expected: Expected,
}

impl Script {
    /// Reads a story. Faults of acts are told in `words`.
    ///
    /// # Errors
    /// [`StoryFault`]: the first thing that is wrong, and where.
    pub fn read(bytes: &[u8], words: &Words) -> Result<Script, StoryFault> {
        let text = decoded(bytes)?;
        let mut draft =
            Draft { words, title: None, said: Vec::new(), sides: Vec::new(), terms: terms(), steps: Vec::new() };
        let mut last = Place { line: 1, column: 1 };
        for (at, line) in text.lines().enumerate() {
            let number = at + 1;
            let length = line.chars().count();
            last = Place { line: number, column: length + 1 };
            if length > LINE_CHARS_MAX {
                let place = Place { line: number, column: LINE_CHARS_MAX + 1 };
                return Err(StoryFault { place, wrong: Wrong::LineTooLong(LINE_CHARS_MAX) });
            }
            let tokens = tokens(line, number)?;
            if !tokens.is_empty() {
                draft.line(Line { tokens: &tokens, end: last })?;
            }
        }
        draft.finish(last)
    }
}

impl Script {
    /// The call signs of the sides whose bell is a scripted one.
    pub fn bells(&self) -> Vec<&str> {
        let bell = |side: usize| move |step: &Step| matches!(step.deed, Deed::Bell(of, _) if of == side);
        let sides = self.sides.iter().enumerate().filter(|(side, _)| self.steps.iter().any(bell(*side)));
        sides.map(|(_, terms)| terms.call_sign.as_str()).collect()
    }
}

/// The terms of a story that names none: those of an invitation, without checks by the schedule.
fn terms() -> Proposal {
    Proposal { checks: Some(Checks::Every(0)), ..Proposal::default() }
}

/// The text, if it is one within its bounds that cannot command a terminal.
fn decoded(bytes: &[u8]) -> Result<&str, StoryFault> {
    let place = |before: &str| {
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { line, column }
    };
    // Bytes of which the first part is text: where that ends.
    let valid = |bytes: &[u8]| {
        let end = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
        place(bytes.get(..end).map_or("", |b| std::str::from_utf8(b).unwrap_or("")))
    };
    if bytes.len() > FILE_BYTES_MAX {
        let head = bytes.get(..FILE_BYTES_MAX).unwrap_or_default();
        return Err(StoryFault { place: valid(head), wrong: Wrong::TooLong(FILE_BYTES_MAX) });
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(StoryFault { place: valid(bytes), wrong: Wrong::NotText });
    };
    let harmless = |c: char| matches!(c, '\n' | '\t') || !is_unshown(c);
    let line_end = |at: usize, c: char| c == '\r' && text.as_bytes().get(at + 1) == Some(&b'\n');
    let wrong = |(at, c): &(usize, char)| (*c == '\r' && !line_end(*at, *c)) || (*c != '\r' && !harmless(*c));
    match text.char_indices().find(wrong) {
        Some((at, c)) => Err(StoryFault { place: place(text.get(..at).unwrap_or_default()), wrong: Wrong::Control(c) }),
        None => Ok(text),
    }
}

/// The tokens of a line that are still to be read.
pub(super) struct Line<'a> {
    pub tokens: &'a [Token],
    /// Where the line ends.
    pub end: Place,
}

impl<'a> Line<'a> {
    pub fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    pub fn word(&mut self, sentence: &'static str) -> Result<(Place, &'a str), StoryFault> {
        match self.next() {
            Some(Token { place, is: Is::Word(word) }) => Ok((*place, word)),
            other => Err(self.wanted(other, sentence)),
        }
    }

    pub fn quoted(&mut self, sentence: &'static str) -> Result<(Place, &'a str), StoryFault> {
        match self.next() {
            Some(Token { place, is: Is::Quoted(text) }) => Ok((*place, text)),
            other => Err(self.wanted(other, sentence)),
        }
    }

    pub fn ends(&mut self) -> Result<(), StoryFault> {
        match self.next() {
            None => Ok(()),
            more => Err(self.wanted(more, "story-want-end")),
        }
    }

    /// Something else should stand where this token does, or where the line ends.
    pub fn wanted(&self, found: Option<&Token>, sentence: &'static str) -> StoryFault {
        wanted(found.map_or(self.end, |token| token.place), sentence, found.map_or_else(String::new, Token::said))
    }
}

/// One of a list should stand there.
pub(super) fn one_of(place: Place, sentence: &'static str, known: String, found: &str) -> StoryFault {
    StoryFault { place, wrong: Wrong::Wanted { sentence, known, found: found.into() } }
}

/// A story of which some lines are read.
struct Draft<'w> {
    words: &'w Words,
    title: Option<String>,
    said: Vec<String>,
    sides: Vec<SideTerms>,
    terms: Proposal,
    steps: Vec<Step>,
}

impl Draft<'_> {
    fn line(&mut self, mut line: Line<'_>) -> Result<(), StoryFault> {
        let statement = if self.title.is_none() { "story-want-title" } else { "story-want-statement" };
        let whole = Line { tokens: line.tokens, end: line.end };
        let (place, first) = line.word(statement)?;
        let begun = !self.steps.is_empty();
        match (first, self.title.is_some()) {
            ("story", false) => {
                self.title = Some(line.quoted("story-want-title")?.1.into());
                line.ends()
            }
            ("story", true) => Err(StoryFault { place, wrong: Wrong::Twice(first.into()) }),
            (_, false) => Err(whole.wanted(whole.tokens.first(), statement)),
            ("say" | "side" | "terms", true) if begun => Err(wanted(place, "story-want-step", first.into())),
            ("say", true) => {
                self.said.push(line.quoted("story-want-text")?.1.into());
                line.ends()
            }
            ("side", true) => self.side(place, line),
            ("terms", true) => self.agreed(line),
            ("expect", true) => self.expect(place, line),
            _ if first.starts_with(|c: char| c.is_ascii_digit()) => self.step(whole),
            _ => Err(wanted(place, statement, first.into())),
        }
    }

    /// `side WORD "CALL SIGN" "NAME" zone=AREA/CITY`.
    fn side(&mut self, place: Place, mut line: Line<'_>) -> Result<(), StoryFault> {
        const WANT: &str = "story-want-side";
        if self.sides.len() == 2 {
            return Err(wanted(place, "story-want-two-sides", "side".into()));
        }
        let (at, word) = line.word(WANT)?;
        let plain = word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let taken = ["bell", "call", "link", "wait"].contains(&word) || self.sides.iter().any(|side| side.word == word);
        if !plain || word.len() > SIDE_NAME_MAX || taken {
            return Err(wanted(at, "story-want-side-word", word.into()));
        }
        let short = |(at, text): (Place, &str), max: usize| {
            if text.len() > max { Err(wanted(at, WANT, text.into())) } else { Ok(text.to_owned()) }
        };
        let call_sign = short(line.quoted(WANT)?, limits::CALL_SIGN_MAX)?;
        if self.sides.iter().any(|side| side.call_sign.to_lowercase() == call_sign.to_lowercase()) {
            return Err(StoryFault { place, wrong: Wrong::Twice(call_sign) });
        }
        let name = short(line.quoted(WANT)?, limits::NAME_MAX)?;
        let zone_name = match line.next() {
            Some(Token { is: Is::Pair(key, value), .. }) if key == "zone" && zone(value).is_some() => value.clone(),
            other => return Err(line.wanted(other, "story-want-zone")),
        };
        line.ends()?;
        self.sides.push(SideTerms { word: word.into(), call_sign, name, zone: zone_name });
        Ok(())
    }

    /// `terms KEY=VALUE …`.
    fn agreed(&mut self, mut line: Line<'_>) -> Result<(), StoryFault> {
        let known = || Term::ALL.map(Term::word).join(", ");
        let mut given: Vec<&str> = Vec::new();
        while let Some(token) = line.next() {
            let unknown = || one_of(token.place, "story-want-term", known(), &token.said());
            let Is::Pair(key, value) = &token.is else { return Err(unknown()) };
            let term = Term::parse(key).ok_or_else(unknown)?;
            self.terms.set(term, value).map_err(|fault| {
                let sentence = match fault.unfit {
                    Unfit::Span => "story-want-duration",
                    Unfit::Spans => "story-want-durations",
                    Unfit::Checks => "story-want-checks",
                    Unfit::TooLong => "story-want-shorter",
                };
                wanted(token.place, sentence, token.said())
            })?;
            if given.contains(&key.as_str()) {
                return Err(StoryFault { place: token.place, wrong: Wrong::Twice(key.clone()) });
            }
            given.push(key);
        }
        Ok(())
    }

    /// `DATE TIME WHO WHAT …`.
    fn step(&mut self, mut line: Line<'_>) -> Result<(), StoryFault> {
        let (place, date) = line.word("story-want-time")?;
        if self.sides.len() < 2 {
            return Err(wanted(place, "story-want-two-sides", date.into()));
        }
        if self.steps.len() == STEPS_MAX {
            return Err(StoryFault { place, wrong: Wrong::TooManySteps(STEPS_MAX) });
        }
        let (_, clock) = line.word("story-want-time")?;
        let said = format!("{date} {clock}");
        let time = instant(date, clock).ok_or_else(|| wanted(place, "story-want-time", said.clone()))?;
        if let Some(before) = self.steps.last().filter(|before| before.time > time) {
            let before = crate::api::times::write(before.time);
            return Err(StoryFault { place, wrong: Wrong::TimeBack { said, before } });
        }
        let (at, who) = line.word("story-want-who")?;
        let deed = match who {
            "wait" => Deed::Wait,
            "call" => Deed::Call(line.quoted("story-want-on")?.1.into()),
            "link" => Deed::Link(switch(&mut line, ["down", "up"], "story-want-up-down")?),
            "bell" => {
                let (at, who) = line.word("story-want-side-of-story")?;
                let side = self.side_called(at, who, "story-want-side-of-story")?;
                Deed::Bell(side, switch(&mut line, ["off", "on"], "story-want-on-off")?)
            }
            _ => {
                let side = self.side_called(at, who, "story-want-who")?;
                let times = Times::spoken("UTC", time);
                Deed::Act(side, Box::new(acts::form(&mut line, &times, self.words)?))
            }
        };
        line.ends()?;
        self.steps.push(Step { place, time, deed, expectations: Vec::new() });
        Ok(())
    }

    fn side_called(&self, place: Place, said: &str, sentence: &'static str) -> Result<usize, StoryFault> {
        let known = || self.sides.iter().map(|side| side.word.as_str()).collect::<Vec<_>>().join(", ");
        let found = self.sides.iter().position(|side| side.word == said);
        found.ok_or_else(|| one_of(place, sentence, known(), said))
    }

    fn expect(&mut self, place: Place, mut line: Line<'_>) -> Result<(), StoryFault> {
        let expected = expected(&mut line, |place, said| self.side_called(place, said, "story-want-side-of-story"))?;
        let step = self.steps.last_mut().ok_or_else(|| wanted(place, "story-want-step", "expect".into()))?;
        let fits = match (&expected, &step.deed) {
            (Expected::NotDone(_), Deed::Act(..)) => step.expectations.is_empty(),
            (Expected::NotDone(_), _) => false,
            (Expected::Stands { .. }, _) => true,
        };
        if !fits {
            return Err(wanted(place, "story-want-act-before", "expect not-done".into()));
        }
        step.expectations.push(Expectation { place, expected });
        Ok(())
    }

    fn finish(self, end: Place) -> Result<Script, StoryFault> {
        let missing = |sentence| wanted(end, sentence, String::new());
        let title = self.title.ok_or_else(|| missing("story-want-title"))?;
        let sides: [SideTerms; 2] = self.sides.try_into().map_err(|_| missing("story-want-two-sides"))?;
        if self.steps.is_empty() {
            return Err(missing("story-want-step"));
        }
        Ok(Script { title, said: self.said, sides, terms: self.terms, steps: self.steps })
    }
}

/// One of two words: whether it is the second.
fn switch(line: &mut Line<'_>, words: [&str; 2], sentence: &'static str) -> Result<bool, StoryFault> {
    let (place, said) = line.word(sentence)?;
    let found = words.iter().position(|word| *word == said);
    found.map(|at| at == 1).ok_or_else(|| wanted(place, sentence, said.into()))
}

/// A time of the file: `2013-02-12` and `22:30`, in UTC.
fn instant(date: &str, clock: &str) -> Option<Timestamp> {
    let shaped = |text: &str, shape: &str| {
        let fits = |(c, s): (u8, u8)| if s == b'0' { c.is_ascii_digit() } else { c == s };
        text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
    };
    if !shaped(date, "0000-00-00") || !shaped(clock, "00:00") {
        return None;
    }
    Times::exact("UTC").time(&format!("{date}T{clock}:00Z")).ok()
}

#[cfg(test)]
#[path = "script/tests.rs"]
mod tests;
