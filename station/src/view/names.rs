//! Names of entries: written as they are said aloud, and read back from commands (DESIGN.md §3, *Numbers said aloud*).

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::facts::View;

use crate::words::{Arg, Words};

/// A line in one of its epochs: numbers begin anew in each.
#[derive(Clone, Copy)]
pub struct Book<'a> {
    /// The line.
    pub line: &'a Line,
    /// The epoch that is looked at.
    pub epoch: Epoch,
}

impl<'a> Book<'a> {
    /// What people see of the epoch; of one that is not known, of the one that serves.
    pub fn view(self) -> View<'a> {
        self.line.look(self.epoch).unwrap_or_else(|| self.line.facts().all())
    }

    fn size(self, party: Party) -> u64 {
        self.line.span(self.epoch).map_or(0, |span| span.log(party).size())
    }
}

/// The name of an entry of the epoch that serves: "Northland 112" for what its side has opened, "Northland #4071" for any other.
pub fn name(line: &Line, at: EntryRef) -> String {
    name_in(Book { line, epoch: line.epoch() }, at)
}

/// The same, in any epoch.
pub fn name_in(book: Book<'_>, at: EntryRef) -> String {
    said(call_sign(book.line, at.party), book.view().ordinal(at), at)
}

/// The same, of what is known of the entry.
pub fn said(sign: &str, ordinal: Option<u64>, at: EntryRef) -> String {
    match ordinal {
        Some(ordinal) => format!("{sign} {ordinal}"),
        None => format!("{sign} #{}", at.index),
    }
}

/// The call sign of one side, by the charter as it was signed.
pub fn call_sign(line: &Line, party: Party) -> &str {
    &line.charter().party(party).call_sign
}

/// Why what was typed names no entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NameFault {
    /// It has none of the forms; with the call sign of a side as an example.
    Malformed {
        /// What was typed.
        said: String,
        /// A call sign of this line.
        sign: String,
    },
    /// No side of this line has that call sign.
    UnknownSign {
        /// The call sign that was typed.
        said: String,
        /// Ours and theirs.
        signs: [String; 2],
    },
    /// The record does not hold it.
    NoneSuch {
        /// The name it would have.
        name: String,
        /// The latest of that kind on that side.
        latest: Option<String>,
    },
    /// It is a name of another epoch.
    OfAnotherEpoch {
        /// The name.
        name: String,
        /// The number of the latest epoch that has it.
        epoch: u64,
        /// Whether that epoch has ended; if not, it serves.
        has_ended: bool,
    },
    /// Both sides have one.
    Ambiguous {
        /// What was typed.
        said: String,
        /// The two that it may be.
        candidates: [String; 2],
    },
}

/// What was typed, before a side is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Number {
    Ordinal(u64),
    Index(u64),
}

/// Reads a name in the epoch that serves, as [`parse_in`] does.
///
/// # Errors
/// As [`parse_in`].
pub fn parse(line: &Line, said: &str) -> Result<EntryRef, NameFault> {
    parse_in(Book { line, epoch: line.epoch() }, said)
}

/// Reads a name: "Northland 112", "112", "Northland #4071", "#4071 of Northland", "#4071" or "0:12". Call signs in either case. A
/// number without a call sign is taken if only one side has it.
///
/// # Errors
/// [`NameFault`]; of two candidates it names both.
pub fn parse_in(book: Book<'_>, said: &str) -> Result<EntryRef, NameFault> {
    let found = read(book, said);
    let Err(NameFault::NoneSuch { name, .. }) = &found else { return found };
    // Numbers begin anew in each epoch: what is in none of this one may be in another.
    let others = book.line.spans().rev().map(|span| span.epoch()).filter(|epoch| *epoch != book.epoch);
    let mut with = others.filter(|epoch| read(Book { epoch: *epoch, ..book }, said).is_ok());
    let Some(epoch) = with.next() else { return found };
    let has_ended = epoch < book.line.epoch();
    Err(NameFault::OfAnotherEpoch { name: name.clone(), epoch: epoch.number, has_ended })
}

fn read(book: Book<'_>, said: &str) -> Result<EntryRef, NameFault> {
    let said = said.trim();
    if let Some((party, index)) = said.split_once(':') {
        let party = digits(party).and_then(Party::from_number).ok_or_else(|| malformed(book, said))?;
        let index = digits(index).ok_or_else(|| malformed(book, said))?;
        return held(book, EntryRef { party, index });
    }
    if let Some((number, sign)) = said.split_once(" of ") {
        return on_side(book, said, sign, number);
    }
    match said.rsplit_once(' ') {
        Some((sign, number)) => on_side(book, said, sign, number),
        None => bare(book, said),
    }
}

fn on_side(book: Book<'_>, said: &str, sign: &str, typed: &str) -> Result<EntryRef, NameFault> {
    let typed = number(typed).ok_or_else(|| malformed(book, said))?;
    let sign = sign.trim();
    let is = |party: &Party| call_sign(book.line, *party).to_lowercase() == sign.to_lowercase();
    let found: Vec<Party> = Party::BOTH.into_iter().filter(is).collect();
    match found.as_slice() {
        [] => {
            let signs = [book.line.me(), book.line.me().peer()].map(|party| call_sign(book.line, party).to_owned());
            Err(NameFault::UnknownSign { said: sign.into(), signs })
        }
        [party] => find(book, *party, typed),
        _ => of_either(book, said, typed),
    }
}

fn bare(book: Book<'_>, said: &str) -> Result<EntryRef, NameFault> {
    let typed = number(said).ok_or_else(|| malformed(book, said))?;
    of_either(book, said, typed)
}

fn of_either(book: Book<'_>, said: &str, typed: Number) -> Result<EntryRef, NameFault> {
    match [book.line.me(), book.line.me().peer()].map(|party| find(book, party, typed)) {
        [Ok(ours), Ok(theirs)] => {
            let candidates = [ours, theirs].map(|at| format!("{} ({at})", name_in(book, at)));
            Err(NameFault::Ambiguous { said: said.into(), candidates })
        }
        [Ok(at), Err(_)] | [Err(_), Ok(at)] => Ok(at),
        [Err(fault), Err(_)] => Err(fault),
    }
}

fn find(book: Book<'_>, party: Party, typed: Number) -> Result<EntryRef, NameFault> {
    let view = book.view();
    match typed {
        Number::Index(index) => held(book, EntryRef { party, index }),
        Number::Ordinal(ordinal) => view.by_ordinal(party, ordinal).ok_or_else(|| NameFault::NoneSuch {
            name: format!("{} {ordinal}", call_sign(book.line, party)),
            latest: Some(view.opened(party)).filter(|n| *n > 0).map(|n| format!("{} {n}", call_sign(book.line, party))),
        }),
    }
}

fn held(book: Book<'_>, at: EntryRef) -> Result<EntryRef, NameFault> {
    let size = book.size(at.party);
    if at.index < size {
        return Ok(at);
    }
    let sign = call_sign(book.line, at.party);
    let latest = size.checked_sub(1).map(|last| format!("{sign} #{last}"));
    Err(NameFault::NoneSuch { name: format!("{sign} #{}", at.index), latest })
}

fn number(typed: &str) -> Option<Number> {
    let typed = typed.trim();
    match typed.strip_prefix('#') {
        Some(index) => digits(index).map(Number::Index),
        None => digits(typed).map(Number::Ordinal),
    }
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn malformed(book: Book<'_>, said: &str) -> NameFault {
    NameFault::Malformed { said: said.into(), sign: call_sign(book.line, book.line.me()).into() }
}

impl NameFault {
    /// What is wrong, and what to do.
    pub fn say(&self, words: &Words) -> (String, String) {
        let (id, args): (&str, Vec<(&'static str, Arg<'_>)>) = match self {
            NameFault::Malformed { said, sign } => {
                let example = Arg::from(format!("{sign} 112"));
                ("name-malformed", vec![("said", said.into()), ("sign", sign.into()), ("example", example)])
            }
            NameFault::UnknownSign { said, signs: [ours, theirs] } => {
                let signs = [("ours", Arg::from(ours)), ("theirs", Arg::from(theirs))];
                ("name-unknown-sign", [("said", Arg::from(said))].into_iter().chain(signs).collect())
            }
            NameFault::NoneSuch { name, latest: Some(latest) } => {
                ("name-none-such", vec![("name", name.into()), ("latest", latest.into())])
            }
            NameFault::NoneSuch { name, latest: None } => ("name-none-yet", vec![("name", name.into())]),
            NameFault::OfAnotherEpoch { name, epoch, has_ended } => {
                let id = if *has_ended { "name-of-ended-epoch" } else { "name-of-serving-epoch" };
                (id, vec![("name", name.into()), ("epoch", epoch.to_string().into())])
            }
            NameFault::Ambiguous { said, candidates: [first, second] } => {
                ("name-ambiguous", vec![("said", said.into()), ("first", first.into()), ("second", second.into())])
            }
        };
        (words.say(id, &args), words.say_do(id, &args))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::trial::Trial;
    use counterpart_core::ids::Party;

    fn at(party: Party, index: u64) -> EntryRef {
        EntryRef { party, index }
    }

    #[test]
    fn what_was_opened_is_called_by_its_ordinal_and_anything_else_by_its_index() {
        let mut trial = Trial::new();
        let ask = trial.ask(Party::Inviter);
        trial.carry();
        let seen = trial.seen(ask);

        let line = &trial.lines[1];
        assert_eq!(name(line, ask), "Northland 1");
        assert_eq!(name(line, seen), format!("Sundmark #{}", seen.index));
        for said in
            [name(line, ask), "northland 1".into(), ask.to_string(), "1".into(), format!("#{} of Northland", ask.index)]
        {
            assert_eq!(parse(line, &said), Ok(ask), "{said}");
        }
        assert_eq!(parse(line, &name(line, seen)), Ok(seen));
    }

    #[test]
    fn a_bare_number_that_both_sides_have_names_both_candidates() {
        let mut trial = Trial::new();
        let [ours, theirs] = Party::BOTH.map(|party| trial.ask(party));
        trial.carry();

        let line = &trial.lines[0];
        let expected = [format!("Northland 1 ({ours})"), format!("Sundmark 1 ({theirs})")];
        assert_eq!(parse(line, "1"), Err(NameFault::Ambiguous { said: "1".into(), candidates: expected }));
        let (what, instead) = parse(line, "1").unwrap_err().say(&Words::english());
        assert_eq!(what, format!("“1” may be Northland 1 ({ours}) or Sundmark 1 ({theirs})."));
        assert_eq!(instead, "Say which.");
    }

    #[test]
    fn what_names_nothing_says_what_is_wrong_and_what_to_write() {
        let trial = Trial::new();
        let line = &trial.lines[0];
        let words = Words::english();

        let say = |said: &str| parse(line, said).unwrap_err().say(&words);
        assert_eq!(say("Vell 3").0, "No side of this line is called “Vell”.");
        assert_eq!(
            say("Sundmark 3"),
            ("Sundmark 3 is not in the record.".into(), "That side has opened nothing yet.".into())
        );
        assert_eq!(say("#9").1, "The latest of that side is Northland #0.");
        for said in ["", "x", "0:", "2:1", "-1", "Northland twelve", "1:99999999999999999999"] {
            assert!(say(said).0.ends_with("names no entry."), "{said}");
        }
        assert_eq!(parse(line, "0:0"), Ok(at(Party::Inviter, 0)));
    }
}
