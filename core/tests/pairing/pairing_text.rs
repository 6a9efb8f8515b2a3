//! The text of an invitation: what is taken, and what each fault is called.

use counterpart_core::ids::{Party, PostId};
use counterpart_core::limits;
use counterpart_core::pairing::Step;
use counterpart_core::pairing::draft::{Draft, DraftFault};
use counterpart_core::pairing::frames::Frame;
use counterpart_core::pairing::invitation::{FIRST_LINE, Invitation, InvitationFault, Secret};
use counterpart_core::pairing::inviter::Inviter;
use counterpart_core::pairing::joiner::Joiner;
use counterpart_core::precedence::Precedence;
use counterpart_core::record::cbor::Value;
use counterpart_core::record::charter::{PartyTerms, PostTerms};
use counterpart_core::record::log::Entry;
use counterpart_core::record::sign1::{AAD_CHARTER, Sign, to_be_signed};

use crate::staged::{NORTH, SOUTH, cheap, draft, exporter, invitation, lend, link, only, terms};

fn text() -> String {
    invitation(terms(NORTH, cheap(NORTH).public())).to_text()
}

fn fault(text: &str) -> InvitationFault {
    Invitation::parse(text).unwrap_err()
}

#[test]
fn what_is_given_away_comes_back_however_mail_breaks_its_lines() {
    let text = text();
    let given = Invitation::parse(&text).unwrap();

    assert!(text.starts_with(FIRST_LINE) && text.lines().all(|line| line.len() <= 64));
    assert_eq!((given.pin(), given.addresses().len()), (link(NORTH), 1));
    assert_eq!(given.draft(), &draft(terms(NORTH, cheap(NORTH).public())));
    assert_eq!(given.line(), given.draft().line());
    assert_eq!(given.to_text(), text);
    for same in [
        text.replace('\n', "\r\n"),
        text.replace('\n', " "),
        format!("\u{feff}\n\n  {}\n\n", text.replace('\n', "  \n\t")),
    ] {
        assert_eq!(Invitation::parse(&same).unwrap().to_text(), text);
    }
}

#[test]
fn a_damaged_invitation_is_told_from_a_foreign_text_and_from_another_version() {
    let text = text();
    let cut = text.rfind("check").unwrap();

    assert_eq!(fault(""), InvitationFault::Foreign);
    assert_eq!(fault("Dear colleague,"), InvitationFault::Foreign);
    assert_eq!(fault(&text.replace("-v1", "-v0")), InvitationFault::Version(0));
    assert_eq!(fault(&text.replace("-v1", "-v2")), InvitationFault::Version(2));
    assert_eq!(fault(&text[..cut]), InvitationFault::CutOff);
    assert_eq!(fault(&text[..cut + 5]), InvitationFault::CutOff);
    assert_eq!(fault(&text[..text.len() - 2]), InvitationFault::CutOff);
    assert_eq!(fault(&format!("Hello!\n{text}")), InvitationFault::Surrounded(1));
    let lines = text.lines().count();
    assert_eq!(fault(&format!("{text}-- \nKind regards")), InvitationFault::Surrounded(lines + 1));
    let quoted = text.replacen('\n', "\n> ", 2);
    assert_eq!(fault(&quoted), InvitationFault::BadLine(2));
    let long = "x".repeat(limits::INVITATION_TEXT_MAX + 1);
    assert_eq!(fault(&long), InvitationFault::TooLong(long.len()));
    let dropped: Vec<&str> = text.lines().enumerate().filter(|(at, _)| *at != 2).map(|(_, l)| l).collect();
    assert_eq!(fault(&dropped.join("\n")), InvitationFault::Damaged);
}

#[test]
fn every_changed_character_is_noticed() {
    let text = text();

    for (at, old) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        let new = if old == 'b' { "c" } else { "b" };
        let mut changed = text.clone();
        changed.replace_range(at..at + 1, new);
        assert!(Invitation::parse(&changed).is_err(), "character {at}");
    }
}

#[test]
fn every_fault_says_what_to_do() {
    for fault in [
        InvitationFault::Foreign,
        InvitationFault::Surrounded(3),
        InvitationFault::Version(2),
        InvitationFault::CutOff,
        InvitationFault::BadLine(4),
        InvitationFault::Damaged,
        InvitationFault::Malformed,
        InvitationFault::Addresses,
        InvitationFault::Draft(DraftFault::Version(9)),
    ] {
        assert!(fault.to_string().contains(':'), "{fault}");
    }
}

#[test]
fn the_secret_is_never_printed() {
    let printed = format!("{:?}", invitation(terms(NORTH, cheap(NORTH).public())));

    assert!(printed.contains("Secret(..)"));
    assert!(!printed.contains("77, 77") && !printed.contains("4d4d"));
}

#[test]
fn a_draft_under_other_rules_or_beyond_a_limit_is_named() {
    let good = draft(terms(NORTH, cheap(NORTH).public()));
    let mut charter = good.complete(terms(SOUTH, cheap(SOUTH).public())).unwrap();
    charter.version = 2;
    assert_eq!(Draft::of(charter.clone()), Err(DraftFault::Version(2)));
    charter.version = 1;
    charter.unknown = vec![(Value::Uint(4), Value::Null)];
    assert!(Draft::of(charter.clone()).is_err());
    charter.unknown.clear();
    let mut long = terms(SOUTH, cheap(SOUTH).public());
    long.call_sign = "x".repeat(limits::CALL_SIGN_MAX + 1);
    assert_eq!(good.complete(long), Err(DraftFault::Clause(3)));

    assert_eq!(Draft::of(charter), Ok(good.clone()));
    assert_eq!(Draft::decode(&good.encode()), Ok(good.clone()));
    let none = Invitation::new(good, Vec::new(), Secret::new([1; 32]));
    assert_eq!(none.err(), Some(InvitationFault::Addresses));
}

/// Terms with as many posts as a charter takes and these languages.
fn wide(seed: u8, languages: Vec<String>) -> PartyTerms {
    let post = |n: usize| PostTerms {
        id: PostId::parse(&format!("{n:032}")).unwrap(),
        highest: Precedence::Flash,
        night: true,
    };
    PartyTerms { posts: (0..limits::POSTS_MAX).map(post).collect(), languages, ..terms(seed, cheap(seed).public()) }
}

#[test]
fn a_charter_of_the_greatest_length_is_signed_and_fits_the_entry_at_index_0() {
    let long = |count: usize| vec!["b".repeat(limits::SHORT_TEXT_MAX); count];
    let mut inviter = wide(NORTH, long(limits::CHARTER_LIST_MAX));
    inviter.addresses = long(limits::CHARTER_LIST_MAX / 2);
    let draft = draft(inviter);
    let joiner = |rest: usize| {
        let mut terms = wide(SOUTH, long(limits::CHARTER_LIST_MAX));
        terms.addresses = long(rest / 100);
        terms.addresses.push("c".repeat(rest % 100 + 24));
        draft.complete(terms)
    };
    let fits = (0..1_500).take_while(|rest| joiner(*rest).is_ok()).last().unwrap();
    assert!(matches!(
        joiner(fits + 1),
        Err(DraftFault::TooLong(length)) if length > limits::CHARTER_MAX
    ));
    let charter = joiner(fits).unwrap();
    assert!(charter.encode().len() > limits::CHARTER_MAX - 32);

    let addresses = vec!["station-10.example:7001".into()];
    let given = Invitation::new(draft, addresses, Secret::new([7; 32])).unwrap();
    let text = given.to_text();
    assert!(text.len() <= limits::INVITATION_TEXT_MAX);
    let joined = charter.party(Party::Joiner).clone();
    let joiner = Joiner::new(Invitation::parse(&text).unwrap(), joined).unwrap();
    let (north, at) = (cheap(NORTH), exporter(SOUTH));
    let state = |step: Step<Inviter>| step.commit.unwrap();
    let hello = only(&joiner.connected(&at).send);
    let inviter = state(Inviter::new(given).frame(&link(SOUTH), &at, &hello, &lend(&north))).state;
    let confirmed = inviter.confirm(&charter.fingerprint(), &lend(&north));
    let inviter = state(confirmed.unwrap()).state;
    let signature = cheap(SOUTH).sign(&to_be_signed(AAD_CHARTER, &charter.encode()));
    let frame = Frame::Signature(signature);
    let written = state(inviter.frame(&link(SOUTH), &at, &frame, &lend(&north)));

    let [entry] = &written.entries[..] else {
        panic!("index 0 was expected");
    };
    assert!(entry.bytes.len() <= limits::ENTRY_MAX);
    assert!(Entry::read(&entry.bytes).unwrap().header.what.is_ok());
    let both = only(&written.state.connected(&link(SOUTH)).send);
    assert_eq!(Frame::decode(&both.encode()), Ok(both));
}
