//! What persons decide, and what they are told.

use counterpart::pairing::{Awaited, DigitsFault, Fault};
use counterpart_core::ids::LineId;
use counterpart_core::pairing::frames::Why;
use counterpart_core::pairing::invitation::InvitationFault;
use counterpart_core::pairing::{End, Refusal, Show, Standing};

use super::stations::{Station, confirm_both, founded, serves};
use super::two;
use crate::scratch::Scratch;

fn joined(scratch: &Scratch) -> ([Station; 2], LineId, String) {
    let [north, south] = two(scratch);
    let (line, text) = north.invite();
    south.join(&text);
    assert_eq!(north.digits(line), south.digits(line));
    ([north, south], line, text)
}

#[test]
fn other_digits_are_refused_and_nothing_is_signed() {
    let scratch = Scratch::new("ceremony-digits");
    let ([north, south], line, _) = joined(&scratch);
    let digits = north.digits(line);
    let changed = if digits.ends_with('1') { format!("{}2", &digits[..94]) } else { format!("{}1", &digits[..94]) };

    for station in [&north, &south] {
        let refused = station.confirm(line, &changed);
        assert!(matches!(refused, Err(Fault::Refused(Refusal::OtherDigits))), "{refused:?}");
        assert!(matches!(station.confirm(line, &digits[..90]), Err(Fault::Digits(DigitsFault::Count(75)))));
        assert_eq!(station.view(line).standing, Standing::Comparing);
    }
    let text = south.confirm(line, &changed).unwrap_err().to_string();
    assert!(text.contains("Compare all sixteen groups again"), "{text}");
    confirm_both(&south, &north, line);
    serves(&north, &south, line);
}

#[test]
fn a_thief_with_the_invitation_is_a_second_candidate_with_other_digits() {
    let scratch = Scratch::new("ceremony-thief");
    let ([north, south], line, text) = joined(&scratch);
    let thief = founded(scratch.path(), "Southl\u{430}nd").start();

    thief.join(&text);
    let view = north.until(line, "two candidates", |view| view.candidates.len() == 2);
    assert_ne!(view.candidates[0].digits, view.candidates[1].digits);
    assert_ne!(view.candidates[0].key_fingerprint, view.candidates[1].key_fingerprint);
    let stolen = thief.digits(line);
    thief.confirm(line, &stolen).unwrap();
    let ours = south.digits(line);
    assert!(view.candidates.iter().any(|c| c.digits == stolen) && view.candidates.iter().any(|c| c.digits == ours));
    south.confirm(line, &ours).unwrap();
    north.confirm(line, &ours).unwrap();

    serves(&north, &south, line);
    let turned = thief.until(line, "turned away", |view| matches!(view.awaited, Awaited::Retry(_)));
    assert!(matches!(turned.awaited, Awaited::Retry(Why::Taken | Why::Used)), "{:?}", turned.awaited);
    assert!(thief.keeper.published().borrow().lines.is_empty());
}

#[test]
fn who_differs_is_dropped_and_another_can_still_pair() {
    let scratch = Scratch::new("ceremony-differ");
    let [north, south] = two(&scratch);
    let thief = founded(scratch.path(), "Southl\u{430}nd").start();
    let (line, text) = north.invite();
    thief.join(&text);
    let key = north.until(line, "the thief", |view| view.candidates.len() == 1).candidates[0].key;
    thief.digits(line);

    north.runtime.block_on(north.ceremony.differ(line, &key)).unwrap();
    assert!(north.view(line).candidates.is_empty());
    let told = thief.until(line, "told", |view| view.awaited == Awaited::Retry(Why::ByPerson));
    assert!(told.awaited.sentence().to_string().contains("these digits differ"), "{:?}", told.awaited);
    let again = north.runtime.block_on(north.ceremony.differ(line, &key));
    assert!(matches!(again, Err(Fault::Refused(Refusal::NoSuchCandidate))));
    south.join(&text);
    confirm_both(&north, &south, line);

    serves(&north, &south, line);
}

#[test]
fn who_was_refused_comes_again_when_a_person_says_so_and_not_before() {
    let scratch = Scratch::new("ceremony-retry");
    let ([north, south], line, text) = joined(&scratch);
    let key = south.endpoint.link_key();
    north.runtime.block_on(north.ceremony.differ(line, &key)).unwrap();
    south.until(line, "refused", |view| view.awaited == Awaited::Retry(Why::ByPerson));

    std::thread::sleep(std::time::Duration::from_millis(700));
    assert!(north.view(line).candidates.is_empty());
    south.runtime.block_on(south.ceremony.retry(line)).unwrap();
    north.until(line, "again", |view| view.candidates.len() == 1);
    north.runtime.block_on(north.ceremony.differ(line, &key)).unwrap();
    south.until(line, "refused", |view| view.awaited == Awaited::Retry(Why::ByPerson));
    assert_eq!(south.join(&text), line);

    confirm_both(&north, &south, line);
    serves(&south, &north, line);
}

#[test]
fn a_used_invitation_is_refused_by_name() {
    let scratch = Scratch::new("ceremony-used");
    let ([north, south], line, text) = joined(&scratch);
    confirm_both(&north, &south, line);
    serves(&north, &south, line);
    let late = founded(scratch.path(), "Westland").start();

    late.join(&text);
    let view = late.until(line, "used", |view| view.awaited == Awaited::Retry(Why::Used));
    assert!(view.awaited.sentence().to_string().contains("has been used"), "{:?}", view.awaited);
    north.until(line, "shown", |view| {
        view.shown.contains(&Show::TurnedAway { from: late.endpoint.link_key(), why: Why::Used })
    });
    let again = south.runtime.block_on(south.ceremony.join(&text));
    assert!(matches!(again, Err(Fault::IsOpen(open)) if open == line), "{again:?}");
    let own = north.runtime.block_on(north.ceremony.join(&text));
    assert!(own.unwrap_err().to_string().contains("does not pair with itself"));
}

#[test]
fn a_damaged_text_is_named_and_nothing_is_kept() {
    let scratch = Scratch::new("ceremony-damaged");
    let [north, south] = two(&scratch);
    let (_, text) = north.invite();
    let join = |text: &str| south.runtime.block_on(south.ceremony.join(text));

    let middle = text.len() / 2;
    let other = if text.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let damaged = format!("{}{other}{}", &text[..middle], &text[middle + 1..]);
    assert!(matches!(join(&damaged), Err(Fault::Invitation(InvitationFault::Damaged))));
    assert!(matches!(join(&text[..middle]), Err(Fault::Invitation(InvitationFault::CutOff))));
    assert!(matches!(join("Dear colleague"), Err(Fault::Invitation(InvitationFault::Foreign))));
    assert!(south.runtime.block_on(south.ceremony.list()).is_empty());
    let nobody = south.runtime.block_on(south.ceremony.abandon(LineId([1; 16])));
    assert!(matches!(nobody, Err(Fault::NoSuchPairing(_))));
}

#[test]
fn what_either_side_abandons_reaches_the_other() {
    for inviters in [true, false] {
        let scratch = Scratch::new("ceremony-abandon");
        let ([north, south], line, text) = joined(&scratch);
        let (ends, other) = if inviters { (&north, &south) } else { (&south, &north) };
        if !inviters {
            // Until a person has confirmed it, a candidate that goes leaves the invitation as it was.
            let digits = north.digits(line);
            north.confirm(line, &digits).unwrap();
        }

        ends.runtime.block_on(ends.ceremony.abandon(line)).unwrap();
        other.until_standing(line, Standing::Ended(End::Theirs));
        assert_eq!(ends.view(line).standing, Standing::Ended(End::Ours));
        let digits = other.confirm(line, &"0".repeat(80));
        assert!(matches!(digits, Err(Fault::Refused(Refusal::Ended(End::Theirs)))));
        ends.runtime.block_on(ends.ceremony.forget(line)).unwrap();
        assert!(ends.runtime.block_on(ends.ceremony.list()).is_empty());
        if inviters {
            south.join(&text);
            south.until(line, "forgotten there", |view| view.awaited == Awaited::Retry(Why::NoInvitation));
        }
    }
}

#[test]
fn a_line_whose_joiner_leaves_before_it_begins_it_is_no_line_any_more() {
    let scratch = Scratch::new("ceremony-left");
    let ([north, south], line, _) = joined(&scratch);
    let digits = north.digits(line);
    south.confirm(line, &digits).unwrap();
    north.until(line, "signed there", |view| view.candidates.iter().any(|c| c.they_confirmed));
    let south = south.kill();
    north.confirm(line, &digits).unwrap();
    north.until_standing(line, Standing::Countersigned);
    assert!(north.keeper.published().borrow().lines.contains_key(&line), "our index 0 is written");
    let north = north.kill();

    let south = south.start();
    south.runtime.block_on(south.ceremony.abandon(line)).unwrap();
    let north = north.start();
    north.until_standing(line, Standing::Ended(End::Theirs));

    assert!(north.keeper.published().borrow().lines.is_empty());
    let north = north.killed_and_started();
    assert!(north.keeper.published().borrow().lines.is_empty(), "nor after a start");
    north.runtime.block_on(north.ceremony.forget(line)).unwrap();
}

#[test]
fn what_is_abandoned_while_the_other_is_away_reaches_it_later() {
    let scratch = Scratch::new("ceremony-away");
    let ([north, south], line, _) = joined(&scratch);
    let digits = north.digits(line);
    north.confirm(line, &digits).unwrap();
    let north = north.kill();

    south.runtime.block_on(south.ceremony.abandon(line)).unwrap();
    let south = south.killed_and_started();
    let north = north.start();
    north.until_standing(line, Standing::Ended(End::Theirs));

    let (line, text) = north.invite();
    south.join(&text);
    north.digits(line);
    south.digits(line);
    let south = south.kill();
    north.runtime.block_on(north.ceremony.abandon(line)).unwrap();
    let north = north.killed_and_started();
    let south = south.start();
    south.until_standing(line, Standing::Ended(End::Theirs));
    assert_eq!(north.view(line).standing, Standing::Ended(End::Ours));
}
