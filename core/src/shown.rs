//! Characters that show nothing, and change what is shown beside them.

/// Characters that a reader does not see and that change what he sees, or let two names look alike: controls, those that turn
/// the direction of writing, and blanks of no width. Not among them are joiners and variation selectors, without which some
/// languages cannot be written.
pub fn is_unshown(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line_end = matches!(c, '\u{2028}' | '\u{2029}');
    let blank = matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}');
    c.is_control() || turns || line_end || blank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_languages_need_is_shown_and_what_hides_is_not() {
        assert!(!"Ministère день 外務省 می\u{200c}خواهم ❤\u{fe0f}".chars().any(is_unshown));
        assert!("\u{1b}\u{9b}\u{7f}\n\u{61c}\u{202e}\u{200b}\u{ad}\u{2028}\u{feff}\u{e0041}".chars().all(is_unshown));
    }
}
