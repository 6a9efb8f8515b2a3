//! A line of a story as words, quoted texts and `key=value`; `#` begins a comment. There is no escape: a quotation mark ends what
//! a quotation mark began.

use super::fault::{Place, StoryFault, Wrong};

/// One token of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Token {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub is: Is,
}

/// What a token is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Is {
    /// A bare word.
    Word(String),
    /// A text in quotation marks.
    Quoted(String),
    /// `key=value`; the value may be quoted, and may not be empty.
    Pair(String, String),
}

impl Token {
    /// As it stands there.
    pub fn said(&self) -> String {
        match &self.is {
            Is::Word(word) => word.clone(),
            Is::Quoted(text) => format!("\"{text}\""),
            Is::Pair(key, value) => format!("{key}={value}"),
        }
    }
}

/// The tokens of one line; `line` counts from 1.
pub(super) fn tokens(text: &str, line: usize) -> Result<Vec<Token>, StoryFault> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c == ' ' || c == '\t' {
            at += 1;
            continue;
        }
        if c == '#' {
            break;
        }
        let place = Place { line, column: at + 1 };
        if c == '"' {
            let (quoted, after) = quoted(&chars, at, line)?;
            tokens.push(Token { place, is: Is::Quoted(quoted) });
            at = after;
        } else {
            let (is, after) = word(&chars, at, line)?;
            tokens.push(Token { place, is });
            at = after;
        }
        if chars.get(at).is_some_and(|c| *c != ' ' && *c != '\t') {
            let found = chars.get(at..).unwrap_or_default().iter().take(20).collect();
            return Err(wanted(Place { line, column: at + 1 }, "story-want-space", found));
        }
    }
    Ok(tokens)
}

/// From the quotation mark at `from`: what it encloses, and where it goes on.
fn quoted(chars: &[char], from: usize, line: usize) -> Result<(String, usize), StoryFault> {
    let rest = chars.get(from + 1..).unwrap_or_default();
    match rest.iter().position(|c| *c == '"') {
        Some(0) => Err(wanted(Place { line, column: from + 1 }, "story-want-text", "\"\"".into())),
        Some(length) => Ok((rest.iter().take(length).collect(), from + length + 2)),
        None => Err(wanted(Place { line, column: chars.len() + 1 }, "story-want-quote", String::new())),
    }
}

/// A bare word, or a pair, from `from`; and where it goes on.
fn word(chars: &[char], from: usize, line: usize) -> Result<(Is, usize), StoryFault> {
    let rest = chars.get(from..).unwrap_or_default();
    let length = rest.iter().position(|c| matches!(c, ' ' | '\t' | '"')).unwrap_or(rest.len());
    let bare: String = rest.iter().take(length).collect();
    let Some((key, value)) = bare.split_once('=') else { return Ok((Is::Word(bare), from + length)) };
    if !value.is_empty() {
        return Ok((Is::Pair(key.into(), value.into()), from + length));
    }
    if rest.get(length) != Some(&'"') {
        return Err(wanted(Place { line, column: from + length + 1 }, "story-want-value", String::new()));
    }
    let (value, after) = quoted(chars, from + length, line)?;
    Ok((Is::Pair(key.into(), value), after))
}

/// Something else should stand at `place`.
pub(super) fn wanted(place: Place, sentence: &'static str, found: String) -> StoryFault {
    StoryFault { place, wrong: Wrong::Wanted { sentence, known: String::new(), found } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Vec<Is> {
        tokens(line, 1).unwrap().into_iter().map(|token| token.is).collect()
    }

    #[test]
    fn a_line_is_words_texts_and_pairs_and_a_comment_ends_it() {
        let line = "\tmoscow offer \"Washington #2\" code=TRAVELLING window=\"10:00/11:00\" # why not sooner";

        let expected = [
            Is::Word("moscow".into()),
            Is::Word("offer".into()),
            Is::Quoted("Washington #2".into()),
            Is::Pair("code".into(), "TRAVELLING".into()),
            Is::Pair("window".into(), "10:00/11:00".into()),
        ];
        assert_eq!(read(line), expected);
        assert_eq!(read("   # nothing"), []);
        assert_eq!(tokens("a  bc", 7).unwrap()[1].place, Place { line: 7, column: 4 });
    }

    #[test]
    fn what_is_no_token_is_named_with_its_column() {
        let fault = |line: &str| match tokens(line, 3).unwrap_err() {
            StoryFault { place: Place { line: 3, column }, wrong: Wrong::Wanted { sentence, .. } } => {
                (column, sentence)
            }
            other => panic!("{other:?}"),
        };

        assert_eq!(fault("say \"no end"), (12, "story-want-quote"));
        assert_eq!(fault("say \"\""), (5, "story-want-text"));
        assert_eq!(fault("a \"b\"c"), (6, "story-want-space"));
        assert_eq!(fault("code= x"), (6, "story-want-value"));
    }
}
