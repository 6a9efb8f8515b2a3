//! What is written from the right within what is written from the left, kept apart (Unicode Standard Annex 9).

use super::clean;

/// Begins what finds its own direction, apart from what stands around it.
const FSI: char = '\u{2068}';
/// Ends it.
const PDI: char = '\u{2069}';

/// Whether a text has letters that are written from the right: the blocks of Hebrew, Arabic and their kin.
pub(super) fn has_from_right(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    })
}

/// The text, kept apart.
pub(super) fn isolated(text: &str) -> String {
    format!("{FSI}{text}{PDI}")
}

/// Whether a text holds such parts, each ended within it: a sentence that was put together here. They turn nothing outside it.
pub(super) fn is_even(text: &str) -> bool {
    let depth = text.chars().try_fold(0_usize, |depth, c| match c {
        FSI => Some(depth + 1),
        PDI => depth.checked_sub(1),
        _ => Some(depth),
    });
    depth == Some(0) && text.contains(FSI)
}

/// [`clean`], but these marks stay.
pub(super) fn clean_between(text: &str) -> String {
    text.split_inclusive([FSI, PDI])
        .map(|part| match part.chars().next_back() {
            Some(mark @ (FSI | PDI)) => format!("{}{mark}", clean(part.strip_suffix(mark).unwrap_or_default())),
            _ => clean(part),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::words::{Language, Words};

    fn said(words: &Words, subject: &str) -> String {
        words.say("plain-subject", &[("subject", subject.into())])
    }

    #[test]
    fn on_pages_a_name_from_the_right_is_kept_apart_also_within_a_sentence_that_is_put_into_another() {
        let pages = Words::of(Language::English).on_pages();
        let inner = said(&pages, "تارين");

        assert_eq!(inner, "Subject: \u{2068}تارين\u{2069}");
        let time = [("time", inner.as_str().into()), ("zone", "UTC".into())];
        assert_eq!(pages.say("time-one", &time), "\u{2068}Subject: \u{2068}تارين\u{2069}\u{2069} UTC");
        assert_eq!(said(&pages, "Tarrin"), "Subject: Tarrin");
    }

    #[test]
    fn a_mark_that_would_turn_what_stands_around_it_is_shown_and_a_terminal_gets_none() {
        let pages = Words::of(Language::English).on_pages();

        for hostile in ["\u{2068}open", "\u{2069}\u{2068}", "\u{2068}\u{202e}x\u{2069}"] {
            assert!(said(&pages, hostile).contains('\u{fffd}'), "{hostile:?}");
        }
        assert_eq!(said(&Words::english(), "تارين"), "Subject: تارين");
    }
}
