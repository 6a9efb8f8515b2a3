//! The languages that ship, and which of them somebody is told in.
//!
//! A page follows its user's setting, then the browser. A command follows what it is told, then its environment. Logs, and the JSON of
//! a command, are in English.

use std::sync::{Arc, LazyLock};

use super::Words;

/// A language that ships.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Language {
    /// English.
    English,
    /// Russian.
    Russian,
}

/// Ranges of a header that are looked at: more names no language that somebody reads.
const RANGES_MAX: usize = 32;

static ENGLISH: LazyLock<Arc<Words>> = LazyLock::new(|| Arc::new(Words::of(Language::English)));
static RUSSIAN: LazyLock<Arc<Words>> = LazyLock::new(|| Arc::new(Words::of(Language::Russian)));
static ENGLISH_ON_PAGES: LazyLock<Arc<Words>> = LazyLock::new(|| Arc::new(ENGLISH.on_pages()));
static RUSSIAN_ON_PAGES: LazyLock<Arc<Words>> = LazyLock::new(|| Arc::new(RUSSIAN.on_pages()));

impl Language {
    /// All, English first.
    pub const ALL: [Language; 2] = [Language::English, Language::Russian];

    /// Its BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Russian => "ru",
        }
    }

    /// Its catalogue.
    pub(super) fn catalogue(self) -> &'static str {
        match self {
            Language::English => include_str!("../../../words/en.ftl"),
            Language::Russian => include_str!("../../../words/ru.ftl"),
        }
    }

    /// The language of a tag, of which the first part decides; `None` if it does not ship.
    pub fn parse(tag: &str) -> Option<Language> {
        let primary = tag.split(['-', '_', '.', '@']).next()?;
        Language::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The one that a browser prefers of those that ship (RFC 9110 §12.5.4); `None` if it accepts none of them.
    pub fn accepted(header: &str) -> Option<Language> {
        let mut best: Option<(u16, Language)> = None;
        for range in header.split(',').take(RANGES_MAX) {
            let mut parts = range.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(Language::parse) else { continue };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1_000, thousandths);
            if weight > 0 && best.is_none_or(|(known, _)| weight > known) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// The one that an environment names (POSIX: the first of `LC_ALL`, `LC_MESSAGES`, `LANG` that is set decides), or English.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Language {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().filter_map(|name| variable(name)).find(|v| !v.is_empty());
        set.and_then(|locale| Language::parse(&locale)).unwrap_or(Language::English)
    }

    /// Its sentences, read once.
    pub fn words(self) -> Arc<Words> {
        match self {
            Language::English => ENGLISH.clone(),
            Language::Russian => RUSSIAN.clone(),
        }
    }

    /// The same, as [`Words::on_pages`].
    pub fn words_on_pages(self) -> Arc<Words> {
        match self {
            Language::English => ENGLISH_ON_PAGES.clone(),
            Language::Russian => RUSSIAN_ON_PAGES.clone(),
        }
    }
}

/// A weight from 0 to 1 in thousandths; what is none weighs nothing.
fn thousandths(weight: &str) -> u16 {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match whole {
        "1" => 1_000,
        "0" if part.len() <= 3 && digits(part) => format!("{part:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, Russian};

    #[test]
    fn a_browser_is_answered_in_the_language_that_it_prefers_of_those_that_ship() {
        assert_eq!(Language::accepted("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7"), Some(Russian));
        assert_eq!(Language::accepted("de, en;q=0.5, ru;q=0.875"), Some(Russian));
        assert_eq!(Language::accepted("en-GB, ru"), Some(English), "the first of two that weigh the same");
        assert_eq!(Language::accepted("ru;q=0, en;q=0.1"), Some(English), "what weighs nothing is not accepted");
        for none in ["", "*", "de-CH", "ru;q=2", "ru;q=x", "en;q=0.0000"] {
            assert_eq!(Language::accepted(none), None, "{none}");
        }
        assert_eq!(Language::accepted(&format!("{}ru", "xx,".repeat(RANGES_MAX))), None);
    }

    #[test]
    fn a_command_follows_the_first_variable_that_is_set() {
        let told = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            Language::of_environment(move |name| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()))
        };

        assert_eq!(told(&[("LANG", "ru_RU.UTF-8")]), Russian);
        assert_eq!(told(&[("LC_ALL", "C"), ("LANG", "ru_RU.UTF-8")]), English);
        assert_eq!(told(&[("LC_ALL", ""), ("LC_MESSAGES", "ru"), ("LANG", "en_GB.UTF-8")]), Russian);
        assert_eq!((told(&[]), told(&[("LANG", "de_DE.UTF-8")])), (English, English));
    }

    #[test]
    fn a_language_is_found_by_its_first_part_and_another_is_none() {
        assert_eq!(
            [Language::parse("en-GB"), Language::parse("RU"), Language::parse("tlh")],
            [Some(English), Some(Russian), None]
        );
    }
}
