//! What each station does and does not do in the ceremony, one fact at a time.
#![allow(unused_must_use, reason = "a step that was taken is in the state")]

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::Party;
use counterpart_core::pairing::draft::{Draft, DraftFault};
use counterpart_core::pairing::frames::{Frame, Why};
use counterpart_core::pairing::invitation::{Invitation, Secret};
use counterpart_core::pairing::inviter::Inviter;
use counterpart_core::pairing::joiner::Joiner;
use counterpart_core::pairing::{End, Refusal, Show, Standing, Step};
use counterpart_core::record::charter::{PartyTerms, digits};
use counterpart_core::record::merkle::Hash;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{Sign, SoftKey, Strict};
use counterpart_core::record::what::What;

use crate::staged::{
    GONE, NORTH, SOUTH, THIEF, both_cheap, cheap, draft, exporter, invitation, lend, link, only, real, soft, terms,
    thief,
};

/// Takes a step as a station does whose commit succeeds.
fn take<S: Clone>(state: &mut S, step: Step<S>) -> Step<S> {
    if let Some(commit) = &step.commit {
        *state = commit.state.clone();
    }
    step
}

/// What the inviter makes of a joiner's hello.
fn hello(inviter: &mut Inviter, joiner: &Joiner, seed: u8) -> Step<Inviter> {
    let frame = only(&joiner.connected(&exporter(seed)).send);
    let step = inviter.frame(&link(seed), &exporter(seed), &frame, &lend(&cheap(NORTH)));
    take(inviter, step)
}

fn confirm_inviter(inviter: &mut Inviter, joiner: &Joiner) -> Step<Inviter> {
    let step = inviter.confirm(&joiner.charter().fingerprint(), &lend(&cheap(NORTH)));
    take(inviter, step.unwrap())
}

/// The joiner has seen the charter, its person has confirmed, and this is what it sends.
fn confirm_joiner(inviter: &mut Inviter, joiner: &mut Joiner) -> Frame {
    let south = cheap(SOUTH);
    let shown = only(&hello(inviter, joiner, SOUTH).send);
    let step = joiner.frame(&shown, &lend(&south));
    take(joiner, step);
    let step = joiner.confirm(&joiner.charter().fingerprint(), &lend(&south));
    only(&take(joiner, step.unwrap()).send)
}

/// Both persons have confirmed, and the inviter has written its index 0; what it sends.
fn countersign(inviter: &mut Inviter, joiner: &mut Joiner) -> Frame {
    let signature = confirm_joiner(inviter, joiner);
    confirm_inviter(inviter, joiner);
    let (from, at) = (link(SOUTH), exporter(SOUTH));
    let step = inviter.frame(&from, &at, &signature, &lend(&cheap(NORTH)));
    only(&take(inviter, step).send)
}

fn turned_away(step: &Step<Inviter>) -> Why {
    assert!(step.commit.is_none(), "nothing changes");
    match only(&step.send) {
        Frame::Refused(why) => why,
        other => panic!("not turned away: {other:?}"),
    }
}

#[test]
fn two_stations_with_real_keys_open_a_line_and_hold_the_same() {
    let (north, south) = (soft(NORTH), soft(SOUTH));
    let invitation = invitation(terms(NORTH, north.public()));
    let given = Invitation::parse(&invitation.to_text()).unwrap();
    let mut joiner = Joiner::new(given, terms(SOUTH, south.public())).unwrap();
    let mut inviter = Inviter::new(invitation);
    let fingerprint = joiner.charter().fingerprint();
    let (from, at) = (link(SOUTH), exporter(SOUTH));

    let step = joiner.connected(&at);
    let step = inviter.frame(&from, &at, &only(&step.send), &real(&north));
    let compare = |with| Show::Compare { with, fingerprint };
    assert_eq!(step.show, [compare(link(SOUTH))]);
    let step = joiner.frame(&only(&take(&mut inviter, step).send), &real(&south));
    assert_eq!(step.show, [compare(link(NORTH))]);
    take(&mut joiner, step);
    assert_eq!(digits(&fingerprint).split(' ').count(), 16);
    let step = joiner.confirm(&fingerprint, &real(&south)).unwrap();
    let step = inviter.frame(&from, &at, &only(&take(&mut joiner, step).send), &real(&north));
    assert_eq!(step.show, [Show::TheyConfirmed { with: from }]);
    take(&mut inviter, step);
    let step = inviter.confirm(&fingerprint, &real(&north)).unwrap();
    let step = take(&mut inviter, step);
    let first = &step.commit.as_ref().unwrap().entries[0];
    let step = joiner.frame(&only(&step.send), &real(&south));
    let both = take(&mut joiner, step);
    let step = inviter.frame(&from, &at, &only(&both.send), &real(&north));
    let last = take(&mut inviter, step);

    let [theirs, ours] = &both.commit.as_ref().unwrap().entries[..] else {
        panic!("the joiner stores both");
    };
    assert_eq!(theirs.bytes, first.bytes);
    assert_eq!(last.commit.unwrap().entries[0].bytes, ours.bytes);
    assert_eq!((ours.header.party, ours.header.held.size), (Party::Joiner, 1));
    assert!(ours.signed_by(&south.public(), &Strict));
    let Ok(What::Charter(args)) = &ours.header.what else {
        panic!("index 0 is a charter");
    };
    let Some(Opening::Paired { charter, .. }) = Opening::read(args) else {
        panic!("of two that paired");
    };
    assert_eq!(charter, joiner.charter().encode());
    assert_eq!((inviter.standing(), joiner.standing()), (Standing::Open, Standing::Open));
}

#[test]
fn a_proof_by_another_secret_or_for_another_connection_is_refused_and_named() {
    let (mut inviter, joiner) = both_cheap();
    let draft = draft(terms(NORTH, cheap(NORTH).public()));
    let other = Invitation::new(draft, vec!["a:1".into()], Secret::new([78; 32])).unwrap();
    let stranger = Joiner::new(other, joiner.charter().party(Party::Joiner).clone()).unwrap();

    let step = hello(&mut inviter, &stranger, SOUTH);
    assert_eq!(turned_away(&step), Why::Proof);
    let (from, why) = (link(SOUTH), Why::Proof);
    assert_eq!(step.show, [Show::TurnedAway { from, why }]);
    let replayed = only(&joiner.connected(&exporter(SOUTH)).send);
    let step = inviter.frame(&from, &exporter(THIEF), &replayed, &lend(&cheap(NORTH)));
    assert_eq!(turned_away(&step), Why::Proof);
    // With the secret, but for a key that is not the connection's.
    let step = inviter.frame(&link(THIEF), &exporter(SOUTH), &replayed, &lend(&cheap(NORTH)));
    assert_eq!(turned_away(&step), Why::LinkKey);
}

#[test]
fn a_hello_for_another_line_or_with_the_inviters_own_keys_is_refused() {
    let (mut inviter, joiner) = both_cheap();
    let mut other = only(&joiner.connected(&exporter(SOUTH)).send);
    if let Frame::Hello { line, .. } = &mut other {
        line.0[0] ^= 1;
    }

    let step = inviter.frame(&link(SOUTH), &exporter(SOUTH), &other, &lend(&cheap(NORTH)));
    assert_eq!(turned_away(&step), Why::NoInvitation);
    let given = invitation(terms(NORTH, cheap(NORTH).public()));
    let mut same = terms(SOUTH, cheap(SOUTH).public());
    same.keys.root = terms(NORTH, cheap(NORTH).public()).keys.root;
    let joined = Joiner::new(given, same);
    assert_eq!(joined.err(), Some(DraftFault::SharedKey));
    assert_eq!(hello(&mut inviter, &joiner, SOUTH).show.len(), 1);
}

#[test]
fn terms_that_hide_a_character_or_share_the_call_sign_make_no_charter() {
    let given = || invitation(terms(NORTH, cheap(NORTH).public()));
    let with = |change: fn(&mut PartyTerms)| {
        let mut theirs = terms(SOUTH, cheap(SOUTH).public());
        change(&mut theirs);
        Joiner::new(given(), theirs).err()
    };

    assert_eq!(with(|_| ()), None);
    assert_eq!(with(|t| t.call_sign = " NORTHLAND ".into()), Some(DraftFault::SharedCallSign));
    assert_eq!(with(|t| t.call_sign = "North\u{200b}land".into()), Some(DraftFault::Unshown(3)));
    assert_eq!(with(|t| t.name = "\u{1b}[2J".into()), Some(DraftFault::Unshown(3)));
    assert_eq!(with(|t| t.zone = "\u{202e}".into()), Some(DraftFault::Unshown(3)));
    assert_eq!(with(|t| t.addresses = vec!["a\n:1".into()]), Some(DraftFault::Unshown(3)));
    let mut hidden = terms(NORTH, cheap(NORTH).public());
    hidden.name = "Ministry\u{2028}\u{2028}of Northland".into();
    assert_eq!(Draft::decode(&draft_bytes(hidden)), Err(DraftFault::Unshown(3)));
}

/// A draft as a liar would write it: ours would not be made.
fn draft_bytes(inviter: PartyTerms) -> Vec<u8> {
    let plain = draft(terms(NORTH, cheap(NORTH).public())).encode();
    let name = inviter.name.as_bytes();
    let at = plain.windows(21).position(|w| w == b"Ministry of Northland").unwrap();
    // A text of 21 bytes has a head of one byte, one of up to 255 has two.
    [&plain[..at - 1], &[0x78, name.len() as u8], name, &plain[at + 21..]].concat()
}

#[test]
fn candidates_are_kept_by_key_and_the_ninth_is_refused_until_a_person_drops_one() {
    let (mut inviter, joiner) = both_cheap();
    for seed in (30..).step_by(10).take(7) {
        hello(&mut inviter, &thief(seed), seed);
    }

    let second = hello(&mut inviter, &joiner, SOUTH);
    assert!(matches!(second.show[..], [Show::Compare { .. }]));
    assert_eq!(inviter.charters().len(), 8);
    assert!(hello(&mut inviter, &joiner, SOUTH).commit.is_none());
    let ninth = hello(&mut inviter, &thief(110), 110);
    assert_eq!(turned_away(&ninth), Why::Full);
    let step = inviter.refuse(&link(THIEF)).unwrap();
    let step = take(&mut inviter, step);
    assert_eq!(only(&step.send), Frame::Refused(Why::ByPerson));
    assert!(hello(&mut inviter, &thief(110), 110).commit.is_some());
}

#[test]
fn a_confirmation_of_other_digits_is_refused() {
    let (mut inviter, mut joiner) = both_cheap();
    let south = cheap(SOUTH);
    let fingerprint = joiner.charter().fingerprint();

    let early = joiner.confirm(&fingerprint, &lend(&south));
    assert_eq!(early.err(), Some(Refusal::NotYet));
    let shown = only(&hello(&mut inviter, &joiner, SOUTH).send);
    let step = joiner.frame(&shown, &lend(&south));
    take(&mut joiner, step);
    let mut other = fingerprint;
    other[31] ^= 1;
    let refused = inviter.confirm(&other, &lend(&cheap(NORTH)));
    assert_eq!(refused.err(), Some(Refusal::OtherDigits));
    let refused = joiner.confirm(&other, &lend(&south));
    assert_eq!(refused.err(), Some(Refusal::OtherDigits));
}

#[test]
fn a_confirmation_drops_the_others_and_asks_for_the_key_that_the_charter_names() {
    let (mut inviter, joiner) = both_cheap();
    hello(&mut inviter, &thief(THIEF), THIEF);
    hello(&mut inviter, &joiner, SOUTH);
    let fingerprint = joiner.charter().fingerprint();

    let refused = inviter.confirm(&fingerprint, &lend(&cheap(THIEF)));
    assert_eq!(refused.err(), Some(Refusal::OtherKey));
    let step = confirm_inviter(&mut inviter, &joiner);
    assert_eq!(step.send, [(link(THIEF), Frame::Refused(Why::Taken))]);
    let late = hello(&mut inviter, &thief(THIEF), THIEF);
    assert_eq!(turned_away(&late), Why::Taken);
    let refused = inviter.refuse(&link(SOUTH));
    assert_eq!(refused.err(), Some(Refusal::Confirmed));
    assert!(matches!(only(&hello(&mut inviter, &joiner, SOUTH).send), Frame::Candidate { .. }));
}

#[test]
fn a_refusal_leaves_the_secret_alive() {
    let (mut inviter, mut joiner) = both_cheap();
    hello(&mut inviter, &joiner, SOUTH);
    let step = inviter.refuse(&link(SOUTH)).unwrap();
    take(&mut inviter, step);

    assert_eq!(inviter.standing(), Standing::Waiting);
    let told = joiner.frame(&Frame::Refused(Why::ByPerson), &lend(&cheap(SOUTH)));
    assert!(told.commit.is_none());
    assert_eq!(told.show, [Show::Refused(Why::ByPerson)]);
    countersign(&mut inviter, &mut joiner);
    assert_eq!(inviter.standing(), Standing::Countersigned);
}

#[test]
fn after_countersigning_the_invitation_is_used_and_the_joiner_known_by_its_key() {
    let (mut inviter, mut joiner) = both_cheap();
    let both = countersign(&mut inviter, &mut joiner);
    let secret = [77; 32];

    let again = hello(&mut inviter, &thief(THIEF), THIEF);
    assert_eq!(turned_away(&again), Why::Used);
    assert_eq!(only(&hello(&mut inviter, &joiner, SOUTH).send), both);
    assert_eq!(only(&inviter.connected(&link(SOUTH)).send), both);
    assert!(inviter.connected(&link(THIEF)).send.is_empty());
    let bytes = inviter.encode();
    assert!(!bytes.windows(32).any(|window| window == secret));
    assert_eq!(inviter.abandon().err(), Some(Refusal::Written));
    assert_eq!(inviter.refuse(&link(SOUTH)).err(), Some(Refusal::Written));
}

#[test]
fn a_joiner_that_has_written_its_index_0_says_so_again_and_does_not_abandon() {
    let (mut inviter, mut joiner) = both_cheap();
    let both = countersign(&mut inviter, &mut joiner);
    let step = joiner.frame(&both, &lend(&cheap(SOUTH)));
    let first = only(&take(&mut joiner, step).send);

    assert_eq!(only(&joiner.connected(&exporter(SOUTH)).send), first);
    let repeated = joiner.frame(&both, &lend(&cheap(SOUTH)));
    assert!(repeated.commit.is_none());
    assert_eq!(only(&repeated.send), first);
    assert_eq!(joiner.abandon().err(), Some(Refusal::Written));
    let gone = joiner.frame(&GONE, &lend(&cheap(SOUTH)));
    assert!(gone.commit.is_none());
    let step = inviter.finish();
    take(&mut inviter, step);
    assert_eq!(inviter.standing(), Standing::Open);
}

#[test]
fn what_abandons_is_heard_at_once_or_on_the_next_connection() {
    let (mut inviter, mut joiner) = both_cheap();
    hello(&mut inviter, &joiner, SOUTH);
    let step = inviter.abandon().unwrap();
    assert_eq!(take(&mut inviter, step).send, [(link(SOUTH), GONE)]);

    assert_eq!(only(&inviter.connected(&link(SOUTH)).send), GONE);
    assert_eq!(only(&inviter.abandon().unwrap().send), GONE);
    let told = only(&hello(&mut inviter, &joiner, SOUTH).send);
    let step = joiner.frame(&told, &lend(&cheap(SOUTH)));
    take(&mut joiner, step);
    assert_eq!(joiner.standing(), Standing::Ended(End::Theirs));
    assert_eq!(only(&joiner.connected(&exporter(SOUTH)).send), GONE);
}

#[test]
fn a_thief_that_says_gone_ends_nothing_but_its_own_candidacy() {
    let (mut inviter, mut joiner) = both_cheap();
    hello(&mut inviter, &thief(THIEF), THIEF);
    confirm_joiner(&mut inviter, &mut joiner);
    let (thief, at) = (link(THIEF), exporter(THIEF));

    let step = inviter.frame(&thief, &at, &GONE, &lend(&cheap(NORTH)));
    take(&mut inviter, step);
    assert_eq!(inviter.charters().len(), 1);
    confirm_inviter(&mut inviter, &joiner);
    let step = inviter.frame(&thief, &at, &GONE, &lend(&cheap(NORTH)));
    assert!(step.commit.is_none());
    assert_eq!(inviter.standing(), Standing::Confirmed);
}

#[test]
fn a_wrong_signature_or_another_charter_is_misconduct_and_changes_nothing() {
    let (mut inviter, mut joiner) = both_cheap();
    let (from, at) = (link(SOUTH), exporter(SOUTH));
    let shown = only(&hello(&mut inviter, &joiner, SOUTH).send);
    let blamed = |show: &[Show]| match show {
        [Show::Misconduct { what, .. }] => *what,
        other => panic!("no misconduct: {other:?}"),
    };

    let forged = Frame::Signature([5; 64]);
    let step = inviter.frame(&from, &at, &forged, &lend(&cheap(NORTH)));
    assert!(step.commit.is_none());
    assert_eq!(blamed(&step.show), Misconduct::BadSignature);
    let Frame::Candidate { charter } = shown else {
        panic!("a candidate is shown the charter");
    };
    let other = thief(THIEF).charter().encode();
    let step = joiner.frame(&Frame::Candidate { charter: other }, &lend(&cheap(SOUTH)));
    assert!(step.commit.is_none());
    assert_eq!(blamed(&step.show), Misconduct::OtherCharter);
    let step = joiner.frame(&Frame::Candidate { charter }, &lend(&cheap(SOUTH)));
    take(&mut joiner, step);
    let out_of_place = joiner.frame(&forged, &lend(&cheap(SOUTH)));
    assert_eq!(blamed(&out_of_place.show), Misconduct::BadFrame);
}

#[test]
fn an_index_0_with_any_byte_changed_opens_nothing() {
    let (north, south) = (soft(NORTH), soft(SOUTH));
    let (mut inviter, mut joiner) = signed_by_both(&north, &south);
    let both = only(&inviter.connected(&link(SOUTH)).send);
    let Frame::Both { signatures, entry } = both.clone() else {
        panic!("both signatures were expected");
    };

    for at in (0..entry.len()).step_by(7) {
        let mut entry = entry.clone();
        entry[at] ^= 1;
        let changed = Frame::Both { signatures, entry };
        assert!(joiner.frame(&changed, &real(&south)).commit.is_none());
    }
    for at in 0..2 {
        let (mut signatures, entry) = (signatures, entry.clone());
        signatures[at][9] ^= 1;
        let changed = Frame::Both { signatures, entry };
        assert!(joiner.frame(&changed, &real(&south)).commit.is_none());
    }
    let step = joiner.frame(&both, &real(&south));
    let Frame::First { entry } = only(&take(&mut joiner, step).send) else {
        panic!("the joiner's index 0 was expected");
    };
    let mut changed = entry.clone();
    changed[90] ^= 1;
    let frame = Frame::First { entry: changed };
    let (from, at) = (link(SOUTH), exporter(SOUTH));
    assert!(inviter.frame(&from, &at, &frame, &real(&north)).commit.is_none());
    let frame = Frame::First { entry };
    let step = inviter.frame(&from, &at, &frame, &real(&north));
    take(&mut inviter, step);
    assert_eq!(inviter.standing(), Standing::Open);
}

/// Up to the inviter's index 0, with real keys.
fn signed_by_both(north: &SoftKey, south: &SoftKey) -> (Inviter, Joiner) {
    let invitation = invitation(terms(NORTH, north.public()));
    let joiner = Joiner::new(invitation.clone(), terms(SOUTH, south.public()));
    let (mut inviter, mut joiner) = (Inviter::new(invitation), joiner.unwrap());
    let (from, at) = (link(SOUTH), exporter(SOUTH));
    let fingerprint: Hash = joiner.charter().fingerprint();
    let step = inviter.frame(&from, &at, &only(&joiner.connected(&at).send), &real(north));
    let step = joiner.frame(&only(&take(&mut inviter, step).send), &real(south));
    take(&mut joiner, step);
    let step = inviter.confirm(&fingerprint, &real(north)).unwrap();
    take(&mut inviter, step);
    let step = joiner.confirm(&fingerprint, &real(south)).unwrap();
    let signature = only(&take(&mut joiner, step).send);
    let step = inviter.frame(&from, &at, &signature, &real(north));
    take(&mut inviter, step);
    (inviter, joiner)
}

#[test]
fn a_joiner_that_begins_anew_after_it_was_countersigned_confirms_again_and_opens() {
    let (mut inviter, mut forgotten) = both_cheap();
    countersign(&mut inviter, &mut forgotten);
    let (_, mut joiner) = both_cheap();
    let south = cheap(SOUTH);

    let both = only(&hello(&mut inviter, &joiner, SOUTH).send);
    let step = joiner.frame(&both, &lend(&south));
    assert!(matches!(take(&mut joiner, step).show[..], [Show::Compare { .. }]));
    let unconfirmed = joiner.frame(&both, &lend(&south));
    assert!(unconfirmed.commit.is_none() && unconfirmed.send.is_empty());
    let step = joiner.confirm(&joiner.charter().fingerprint(), &lend(&south));
    let signature = only(&take(&mut joiner, step.unwrap()).send);
    let (from, at) = (link(SOUTH), exporter(SOUTH));
    let step = inviter.frame(&from, &at, &signature, &lend(&cheap(NORTH)));
    let step = joiner.frame(&only(&step.send), &lend(&south));
    take(&mut joiner, step);
    assert_eq!(joiner.standing(), Standing::Open);
}

#[test]
fn a_restored_copy_burns_what_is_open_and_signs_nothing_by_it() {
    let (mut inviter, mut joiner) = both_cheap();
    let signature = confirm_joiner(&mut inviter, &mut joiner);
    let mut restored = inviter.burned().unwrap();
    let (from, at) = (link(SOUTH), exporter(SOUTH));

    assert_eq!(restored.standing(), Standing::Ended(End::Restored));
    assert!(!restored.encode().windows(32).any(|w| w == [77; 32]));
    let step = restored.frame(&from, &at, &signature, &lend(&cheap(NORTH)));
    assert!(step.commit.is_none());
    assert_eq!(only(&step.send), GONE);
    let told = only(&hello(&mut restored, &thief(THIEF), THIEF).send);
    assert_eq!(told, GONE);
    let copy = joiner.burned().unwrap();
    let both = countersign(&mut inviter, &mut joiner);
    let step = copy.frame(&both, &lend(&cheap(SOUTH)));
    assert!(step.commit.is_none());
    assert_eq!(only(&step.send), GONE);
    assert!(inviter.burned().is_none());
}
