//! Names by which a line could be taken for another.

use counterpart::api::sight::choose;
use counterpart::pairing::{Alike, Fault};
use counterpart_core::act::Act;
use counterpart_core::ids::LineId;
use counterpart_core::record::codes::LineState;

use super::stations::{Station, confirm_both, founded, serves};
use super::two;
use crate::scratch::Scratch;

/// Northland has a line with Southland, and somebody else comes to pair under this name; the digits of both.
fn comes(scratch: &Scratch, name: &str) -> ([Station; 3], LineId, LineId, String) {
    let [north, south] = two(scratch);
    let (line, text) = north.invite();
    south.join(&text);
    confirm_both(&south, &north, line);
    serves(&north, &south, line);
    let name = if name.is_empty() { line.to_string() } else { name.to_owned() };
    let other = founded(scratch.path(), &name).start();
    let (second, text) = north.invite();
    other.join(&text);
    let digits = north.digits(second);
    assert_eq!(other.digits(second), digits);
    other.confirm(second, &digits).unwrap();
    ([north, south, other], line, second, digits)
}

fn chosen(station: &Station, said: String) -> Option<LineId> {
    let look = station.keeper.look(move |lines| {
        choose(lines.iter().map(|kept| &kept.line), lines.unread(), Some(&said)).map(|line| line.id()).ok()
    });
    station.runtime.block_on(look).unwrap()
}

#[test]
fn who_bears_the_name_of_another_line_is_confirmed_only_when_a_person_means_it_so() {
    let scratch = Scratch::new("alike-line");
    let ([north, _south, other], line, second, digits) = comes(&scratch, "Southl\u{430}nd");
    let view = north.view(second);
    assert_eq!(view.candidates[0].alike, Some(Alike::Line(line, "Southland".into())));
    assert_eq!(view.candidates[0].mixed.as_deref(), Some("Southl\u{430}nd"));

    let refused = north.confirm(second, &digits);
    assert!(matches!(refused, Err(Fault::Alike(Alike::Line(found, _))) if found == line), "{refused:?}");
    assert!(!north.keeper.published().borrow().lines.contains_key(&second), "nothing was signed");
    north.runtime.block_on(north.ceremony.confirm(second, &digits, true)).unwrap();

    serves(&north, &other, second);
}

#[test]
fn a_name_is_free_again_once_its_line_is_closed() {
    let scratch = Scratch::new("alike-closed");
    let ([north, south, other], line, second, digits) = comes(&scratch, "southland.");
    assert!(matches!(north.confirm(second, &digits), Err(Fault::Alike(_))));

    let closed = south.act(line, Act::State { state: LineState::Closed, until: None });
    north.until_held(line, [0, closed.index + 1]);
    assert_eq!(north.view(second).candidates[0].alike, None);
    north.confirm(second, &digits).unwrap();

    serves(&north, &other, second);
}

#[test]
fn a_whole_id_is_its_lines_whatever_a_peer_calls_itself() {
    let scratch = Scratch::new("alike-id");
    let ([north, _south, other], line, second, digits) = comes(&scratch, "");
    let refused = north.confirm(second, &digits);
    assert!(matches!(refused, Err(Fault::Alike(Alike::Id(_)))), "{refused:?}");

    north.runtime.block_on(north.ceremony.confirm(second, &digits, true)).unwrap();
    serves(&north, &other, second);

    assert_eq!(chosen(&north, line.to_string()), Some(line));
    assert_eq!(chosen(&north, format!("Ministry of {line}")), Some(second));
}
