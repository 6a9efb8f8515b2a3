//! What is wrong with a configuration, and what to write instead.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::words::{Sentence, Tell, logged};

/// What is wrong with the configuration. The operator's to mend: the text says where and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; `None` if it is the file as a whole.
    pub line: Option<usize>,
    /// The key, as `section.key`; empty if it is the file as a whole.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub wrong: Sentence,
}

impl Tell for ConfigError {
    fn sentence(&self) -> Sentence {
        let id = match (self.line, self.key.is_empty()) {
            (None, _) => "config-file",
            (Some(_), true) => "config-line",
            (Some(_), false) => "config-key",
        };
        let place = Sentence::new(id).with("file", self.file.display());
        let place = place.with("line", self.line.unwrap_or_default()).with("key", &self.key);
        Sentence::new("config-wrong")
            .saying("place", place)
            .saying("wrong", self.wrong.clone())
            .doing(self.wrong.clone())
    }
}

/// Where, what is wrong, and what to write instead, on one line.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for ConfigError {}

/// A [`ConfigError`] that does not know its file yet.
pub(super) struct Fault {
    pub at: Option<Range<usize>>,
    pub key: String,
    pub wrong: Sentence,
}

/// For each key, a line that would be right.
const EXAMPLES: [(&str, &str); 29] = [
    ("name", "name = \"Ministry of Foreign Affairs of Northland\""),
    ("call_sign", "call_sign = \"Northland\""),
    ("languages", "languages = [\"en\"]"),
    ("zone", "zone = \"Europe/Oslo\""),
    ("banner", "banner = \"UNCLASSIFIED\""),
    ("listen", "listen = \"0.0.0.0:7411\""),
    ("announce", "announce = [\"hotline.northland.example:7411\"]"),
    ("references", "references = [\"192.0.2.1:443\"]"),
    ("entries_per_second", "entries_per_second = 50"),
    ("burst", "burst = 500"),
    ("entries_per_day", "entries_per_day = 50000"),
    ("mebibytes_per_day", "mebibytes_per_day = 256"),
    ("every_minutes", "every_minutes = 60"),
    ("at_utc", "at_utc = [\"09:00\", \"17:00\"]"),
    ("id", "id = \"duty-officer\""),
    ("highest", "highest = \"FLASH\""),
    ("night", "night = true"),
    ("desk.listen", "listen = \"127.0.0.1:7412\""),
    ("names", "names = [\"desk.northland.example\"]"),
    ("certificate", "certificate = \"/etc/counterpart/desk.pem\""),
    ("private_key", "private_key = \"/etc/counterpart/desk-key.pem\""),
    ("proxies", "proxies = [\"10.0.0.1\"]"),
    ("webhook.name", "name = \"dispatch\""),
    ("url", "url = \"https://hooks.northland.example/counterpart\""),
    ("secret", "secret = \"/etc/counterpart/dispatch.secret\""),
    ("certificates", "certificates = \"/etc/counterpart/hooks.pem\""),
    (
        "webhook",
        "[[webhook]] with name = \"dispatch\", url = \"http://127.0.0.1:8000/\", secret = \"/etc/counterpart/dispatch.secret\"",
    ),
    ("desk", "[desk] with listen = \"127.0.0.1:7412\""),
    ("post", "[[post]] with id = \"duty-officer\", highest = \"FLASH\", night = true"),
];

fn example(key: &str) -> Option<&'static str> {
    let last = key.rsplit('.').next()?;
    let of = |wanted: &str| EXAMPLES.iter().find(|(name, _)| *name == wanted);
    of(key).or_else(|| of(last)).map(|(_, line)| *line)
}

impl Fault {
    /// A value that is of the right type and yet wrong.
    pub fn new(at: Range<usize>, key: &str, wrong: Sentence) -> Fault {
        Fault { at: Some(at), key: key.into(), wrong: wrong.with("example", example(key).unwrap_or_default()) }
    }

    pub fn in_file(self, file: &Path, text: &str) -> ConfigError {
        let line = self.at.map(|at| line_of(text, at.start));
        ConfigError { file: file.into(), line, key: self.key, wrong: self.wrong }
    }

    /// What the TOML reader could not take: bad syntax, a key unknown or missing, a value of another type.
    pub fn from_toml(error: &toml::de::Error, text: &str) -> Fault {
        let message = error.message();
        let at = error.span();
        let start = at.as_ref().map_or(0, |at| at.start);
        let section = section_at(text, start);
        let named = quoted(message);
        let full = |key: &str| {
            // A section that is not known is named itself.
            if section.is_empty() || section == key { key.to_owned() } else { format!("{section}.{key}") }
        };
        if message.starts_with("unknown field") {
            let known = message.split_once("expected ").map_or("", |(_, known)| known);
            let wrong = Sentence::new("config-no-such-key").with("known", known);
            return Fault { at, key: full(named), wrong };
        }
        if message.starts_with("missing field") {
            let line = example(named).map_or_else(|| format!("[{named}]"), str::to_owned);
            return Fault { at, key: full(named), wrong: Sentence::new("config-missing").with("example", line) };
        }
        let key = key_at(text, start);
        let cause = message.trim().replace('\n', ", ");
        match example(key) {
            Some(line) => {
                let wrong = Sentence::new("config-value").with("cause", cause).with("example", line);
                Fault { at, key: full(key), wrong }
            }
            None => Fault { at, key: section, wrong: Sentence::new("config-syntax").with("cause", cause) },
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

/// The first thing in backquotes.
fn quoted(message: &str) -> &str {
    message.split('`').nth(1).unwrap_or("")
}

/// The key on the line at `offset`.
fn key_at(text: &str, offset: usize) -> &str {
    let line = text.lines().nth(line_of(text, offset) - 1).unwrap_or("");
    line.split_once('=').map_or("", |(key, _)| key.trim())
}

/// The section in force at `offset`.
fn section_at(text: &str, offset: usize) -> String {
    let lines = text.lines().take(line_of(text, offset));
    let header = lines.map(str::trim).filter(|line| line.starts_with('[')).last();
    header.map_or("", |h| h.trim_matches(['[', ']', ' '])).to_owned()
}
