//! THE only place where sentences are made, from the catalogues in `words/` (Project Fluent).
//!
//! Codes cross the line and sentences do not: each station says them in its own language. A language is one more file ([`Language`]). Whatever
//! comes from outside and stands in a sentence is first made harmless to a terminal ([`clean`]).

pub mod clocks;
pub mod coded;
mod codes;
mod fault;
mod isolation;
mod language;
mod link;
mod pairing;
mod sentence;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use counterpart_core::shown::is_unshown;
pub use fault::{HAS_JOINED, Why};
pub use language::Language;
pub use sentence::{Sentence, Tell, logged};

/// The sentences of one language.
pub struct Words {
    language: Language,
    bundle: Arc<FluentBundle<FluentResource>>,
    /// Whether what is put in is kept apart where it is written from the right.
    is_isolating: bool,
}

/// What is put into a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arg<'a> {
    /// Text, cleaned.
    Text(Cow<'a, str>),
    /// A number, which may choose a plural.
    Number(u64),
    /// A sentence, said in the same language.
    Said(Box<Sentence>),
}

impl Words {
    /// The sentences in English, which always ship.
    pub fn english() -> Words {
        Words::of(Language::English)
    }

    /// The sentences of a language.
    pub fn of(language: Language) -> Words {
        // A message that does not parse is left out; a test shows that there is none.
        let resource = FluentResource::try_new(language.catalogue().into()).unwrap_or_else(|(rest, _)| rest);
        let tag: LanguageIdentifier = language.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // A terminal shows isolation marks as rubbish; on pages they stand where they are needed, see `on_pages`.
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Words { language, bundle: Arc::new(bundle), is_isolating: false }
    }

    /// The same for pages: a name that is written from the right is kept apart, so that it turns nothing around it
    /// (Unicode Standard Annex 9, FSI and PDI).
    pub fn on_pages(&self) -> Words {
        Words { language: self.language, bundle: self.bundle.clone(), is_isolating: true }
    }

    /// The language, as a BCP 47 tag.
    pub fn language(&self) -> &'static str {
        self.language.tag()
    }

    /// In which direction it is written, as HTML's `dir` has it. Those that ship are written from the left.
    pub fn direction(&self) -> &'static str {
        match self.language {
            Language::English | Language::Russian => "ltr",
        }
    }

    /// The sentence of this name with `args` put in. A sentence that is missing shows its name: tests find that.
    pub fn say(&self, id: &str, args: &[(&'static str, Arg<'_>)]) -> String {
        self.try_say(id, None, args).unwrap_or_else(broken)
    }

    /// What may be done instead: the sentence that belongs to the one of this name.
    pub fn say_do(&self, id: &str, args: &[(&'static str, Arg<'_>)]) -> String {
        self.try_say(id, Some("do"), args).unwrap_or_else(broken)
    }

    /// What a key does: the sentence that belongs to the label of this name.
    pub fn say_hint(&self, id: &str) -> String {
        self.try_say(id, Some("hint"), &[]).unwrap_or_else(broken)
    }

    /// What a part of the sentence of this name says; `None` if it has no such part.
    pub fn say_part(&self, id: &str, part: &str, args: &[(&'static str, Arg<'_>)]) -> Option<String> {
        self.bundle.get_message(id)?.get_attribute(part)?;
        Some(self.try_say(id, Some(part), args).unwrap_or_else(broken))
    }

    fn try_say(&self, id: &str, attribute: Option<&str>, args: &[(&'static str, Arg<'_>)]) -> Result<String, String> {
        let message = self.bundle.get_message(id);
        let pattern = message.and_then(|m| match attribute {
            None => m.value(),
            Some(name) => m.get_attribute(name).map(|a| a.value()),
        });
        let Some(pattern) = pattern else {
            return Err(format!("{{{id}}}"));
        };
        let mut given = FluentArgs::with_capacity(args.len());
        for (name, arg) in args {
            given.set(
                *name,
                match arg {
                    // What was typed is shown so that it is recognised, not all of it.
                    Arg::Text(text) if *name == "said" => FluentValue::from(self.apart(short(&clean(text)))),
                    Arg::Text(text) if self.is_isolating && isolation::is_even(text) => {
                        FluentValue::from(self.apart(isolation::clean_between(text)))
                    }
                    Arg::Text(text) => FluentValue::from(self.apart(clean(text))),
                    Arg::Number(number) => FluentValue::from(*number),
                    Arg::Said(sentence) => FluentValue::from(self.told(sentence)),
                },
            );
        }
        let mut faults = Vec::new();
        let said = self.bundle.format_pattern(pattern, Some(&given), &mut faults).into_owned();
        if faults.is_empty() { Ok(said) } else { Err(said) }
    }
}

impl Words {
    fn apart(&self, text: String) -> String {
        if self.is_isolating && isolation::has_from_right(&text) { isolation::isolated(&text) } else { text }
    }
}

/// What is left of a sentence that lacks something: shown as far as it goes, for a page with a hole is better than no page.
#[cfg(not(test))]
fn broken(said: String) -> String {
    said
}

/// In the tests it stops them.
#[cfg(test)]
fn broken(said: String) -> String {
    panic!("a sentence is broken: {said}");
}

/// Text from outside as one line that cannot command a terminal: control characters, those that turn the direction of writing,
/// and those that show nothing become U+FFFD; white space becomes a space.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_unshown(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// JSON whose strings may come from outside, for a terminal: the same value, with what is not shown written as `\u` and four
/// digits. Line ends, which JSON has only between its parts, stay.
pub fn escaped_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unshown(c) {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// The begin of a text, with a mark if there is more.
fn short(text: &str) -> String {
    const SHORT_MAX: usize = 80;
    match text.char_indices().nth(SHORT_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Arg<'a> {
        Arg::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(text: &'a String) -> Arg<'a> {
        Arg::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Arg<'_> {
    fn from(text: String) -> Self {
        Arg::Text(Cow::Owned(text))
    }
}

impl From<u64> for Arg<'_> {
    fn from(number: u64) -> Self {
        Arg::Number(number)
    }
}

impl From<usize> for Arg<'_> {
    fn from(number: usize) -> Self {
        Arg::Number(number as u64)
    }
}
