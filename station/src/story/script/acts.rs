//! An act in a story: its command's word, what it acts on, its command's options as `key=value`, its words. It becomes the form
//! that the API takes.

use serde_json::{Map, Value};

use super::super::fault::{StoryFault, Wrong};
use super::super::tokens::{Is, Token};
use super::{Line, one_of};
use crate::api::form::{ActForm, SPECS, Spec};
use crate::api::times::{Times, write, write_window};
use crate::words::Words;

/// Reads the rest of a line as an act; times are those of `times`.
pub(super) fn form(line: &mut Line<'_>, times: &Times, words: &Words) -> Result<ActForm, StoryFault> {
    let known = || SPECS.map(|spec| spec.act).join(", ");
    let (place, act) = line.word("story-want-act")?;
    let spec = SPECS.iter().find(|spec| spec.act == act);
    let spec = spec.ok_or_else(|| one_of(place, "story-want-act", known(), act))?;
    let mut form = Map::new();
    form.insert("act".into(), act.into());
    if spec.needs.contains(&"on") {
        form.insert("on".into(), line.quoted("story-want-on")?.1.into());
    }
    let mut language = None;
    while let Some(token) = line.next() {
        match &token.is {
            Is::Pair(key, said) if key == "language" && language.is_none() => language = Some(said.clone()),
            Is::Pair(key, said) => put(&mut form, spec, (token, key, said), times, words)?,
            Is::Quoted(text) if takes(spec, "words") && line.tokens.is_empty() => {
                form.insert("words".into(), spoken(text, language.take()));
            }
            _ => return Err(one_of(token.place, "story-want-option", options(spec), &token.said())),
        }
    }
    if language.is_some() {
        return Err(line.wanted(None, "story-want-text"));
    }
    let read = ActForm::read(Value::Object(form).to_string().as_bytes());
    read.map_err(|fault| StoryFault { place, wrong: Wrong::Act(fault.tell(words)) })
}

fn spoken(text: &str, language: Option<String>) -> Value {
    let mut words = Map::new();
    words.insert("text".into(), text.into());
    words.extend(language.map(|language| ("language".to_owned(), language.into())));
    Value::Object(words)
}

fn takes(spec: &Spec, field: &str) -> bool {
    spec.needs.contains(&field) || spec.takes.contains(&field)
}

/// The field that an option of the command fills: options name one of what a field may have several of.
fn field(spec: &Spec, key: &str) -> Option<&'static str> {
    let fields = spec.needs.iter().chain(spec.takes).copied();
    let mut fields = fields.filter(|field| !["on", "words", "mark"].contains(field));
    fields.find(|field| option(field) == key)
}

fn option(field: &str) -> String {
    match field {
        "windows" => "window".into(),
        "posts" => "post".into(),
        "languages" => "spoken".into(),
        other => other.replace('_', "-"),
    }
}

fn options(spec: &Spec) -> String {
    let fields = spec.needs.iter().chain(spec.takes).filter(|field| !["on", "words", "mark"].contains(field));
    let options = fields.map(|field| format!("{}=", option(field)));
    let words = takes(spec, "words").then(|| "language=, \"WORDS\"".to_owned());
    options.chain(words).collect::<Vec<_>>().join(", ")
}

/// Puts one option into the form, its times made exact.
fn put(
    form: &mut Map<String, Value>,
    spec: &Spec,
    (token, key, said): (&Token, &str, &str),
    times: &Times,
    words: &Words,
) -> Result<(), StoryFault> {
    let place = token.place;
    if key == "mark" {
        return Err(StoryFault { place, wrong: Wrong::Mark });
    }
    let field = field(spec, key).ok_or_else(|| one_of(place, "story-want-option", options(spec), &token.said()))?;
    let wrong = |fault: crate::api::fault::Fault| StoryFault { place, wrong: Wrong::Act(fault.tell(words)) };
    let is_place = said.bytes().all(|b| b.is_ascii_digit());
    let value = match field {
        "valid_until" | "until" | "answer_by" => Value::from(write(times.time(said).map_err(wrong)?)),
        "window" if is_place => said.into(),
        "windows" | "window" | "when" => Value::from(write_window(&times.window(said).map_err(wrong)?)),
        "private" | "for_good" if said == "yes" => true.into(),
        "private" | "for_good" => return Err(one_of(place, "story-want-yes", String::new(), &token.said())),
        _ => said.into(),
    };
    let several = matches!(field, "windows" | "posts" | "languages");
    match form.get_mut(field) {
        Some(Value::Array(list)) => list.push(value),
        Some(_) => return Err(StoryFault { place, wrong: Wrong::Twice(key.into()) }),
        None if several => drop(form.insert(field.into(), Value::Array(vec![value]))),
        None => drop(form.insert(field.into(), value)),
    }
    Ok(())
}
