//! Calls and their packets, beside a record that they never touch.

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::limits;
use counterpart_core::link::frame::Frame;
use counterpart_core::link::output::{Output, Reason};
use counterpart_core::link::rate::Rate;
use counterpart_core::link::session::Session;
use counterpart_core::record::sign1::Strict;

use crate::rig::*;

const TALK: EntryRef = EntryRef { party: Party::Joiner, index: 4 };

/// Two sessions whose hellos have come, with these versions.
fn met(versions: [&[u64]; 2]) -> [Session; 2] {
    let [(mut one, said), (mut other, answered)] = [0, 1].map(|at| {
        let me = Party::BOTH[at];
        let held = held(Epoch::FIRST, nothing(), nothing(), first_key(me.peer()));
        let mut setup = setup(me, vec![held], Rate::default(), 0);
        setup.versions = versions[at].to_vec();
        Session::new(setup)
    });
    one.frame(&answered, now(0), &Strict);
    other.frame(&said, now(0), &Strict);
    [one, other]
}

fn packets(out: &[Output]) -> usize {
    out.iter().filter(|output| matches!(output, Output::Voice(_))).count()
}

#[test]
fn a_peer_of_the_first_version_is_told_of_no_call_and_may_tell_of_none() {
    let [mut old, mut new] = met([&[1], &[1, 2]]);
    let [_, mut both] = met([&[1, 2], &[1, 2]]);
    let told = both.tell(Epoch::FIRST, TALK, vec![1], 0).unwrap();

    assert!(both.carries_calls() && !new.carries_calls() && !old.carries_calls());
    assert_eq!((new.tell(Epoch::FIRST, TALK, vec![1], 0), new.voice(vec![1; 16])), (None, None));
    assert!(new.datagram(&[1; 16], 0).is_empty() && new.datagram(&[7], 0).is_empty());
    assert_eq!(named(&old.frame(&told, now(0), &Strict)), Some(Misconduct::BadFrame));
    assert_eq!(closed(&new.frame(&told, now(0), &Strict)), Some(Reason::Misconduct(Misconduct::BadFrame)));
}

#[test]
fn what_is_told_of_a_call_and_its_packets_come_out_as_they_were_sent_whichever_way() {
    let [mut one, mut other] = met([&[1, 2], &[1, 2]]);
    let packet = [&[1][..], &[9; 20]].concat();

    let told = one.tell(Epoch::FIRST, TALK, vec![5, 6], 0).unwrap();
    let framed = one.voice(packet.clone()).unwrap();
    let call = other.frame(&told, now(0), &Strict);
    let voices = [other.frame(&framed, now(0), &Strict), other.datagram(&packet, 0)];

    assert!(matches!(&call[..], [Output::Call { epoch: Epoch::FIRST, act: TALK, state }] if *state == [5, 6]));
    assert!(voices.iter().all(|out| matches!(&out[..], [Output::Voice(bytes)] if *bytes == packet)));
    assert!(other.datagram(&[0], 0).is_empty());
}

#[test]
fn packets_of_eight_full_calls_pass_and_hold_up_no_entry() {
    let [one, mut other] = met([&[1, 2], &[1, 2]]);
    let framed = one.voice(vec![1; 100]).unwrap();

    // Three seconds of thirty-two voices, each every ten milliseconds.
    let out: Vec<Output> = (0..9_600).flat_map(|n| other.frame(&framed, now(n * 3_000 / 9_600), &Strict)).collect();

    assert_eq!((packets(&out), out.len()), (9_600, 9_600));
}

#[test]
fn a_flood_is_cut_named_once_and_read_slowly_and_the_session_goes_on() {
    let [mut one, mut other] = met([&[1, 2], &[1, 2]]);
    let framed = one.voice(vec![1; 100]).unwrap();

    let beside: Vec<Output> = (0..20_000).flat_map(|_| other.datagram(&[1; 100], 0)).collect();
    let out: Vec<Output> = (0..1_000).flat_map(|_| other.frame(&framed, now(0), &Strict)).collect();

    assert_eq!(packets(&beside), 2 * limits::VOICE_PACKETS_PER_SECOND as usize);
    assert_eq!((named(&beside), fault_sent(&beside)), (Some(Misconduct::VoiceFlood), Some(17)));
    assert_eq!((packets(&out), named(&out), closed(&out)), (0, None, None));
    assert!(out.iter().any(|output| matches!(output, Output::ReadSlower { .. })));
    assert_eq!(packets(&other.datagram(&[1; 100], 10)), 1, "what was let go has to be paid for by nobody");
    let told = one.tell(Epoch::FIRST, TALK, vec![1], 0).unwrap();
    assert!(matches!(other.frame(&told, now(10), &Strict)[0], Output::Call { .. }));
}

#[test]
fn what_is_no_packet_is_let_go_and_named_once_and_the_hundredth_ends_the_session() {
    let [_, mut other] = met([&[1, 2], &[1, 2]]);

    let first = other.datagram(&[2; 100], 0);
    let wrong: [&[u8]; 4] = [&[], &[1; 15], &[1; 1_116], &[0, 0]];
    let more: Vec<Output> = wrong.into_iter().flat_map(|bytes| other.datagram(bytes, 0)).collect();
    let rest: Vec<Output> = (6..limits::MALFORMED_VOICE_MAX).flat_map(|_| other.malformed_voice()).collect();
    let last = other.malformed_voice();

    assert!(
        matches!(&first[0], Output::Misconduct { what: Misconduct::MalformedVoice, evidence, .. } if evidence.is_empty())
    );
    assert_eq!((fault_sent(&first), closed(&first)), (Some(18), None));
    assert!(more.is_empty() && rest.is_empty());
    assert_eq!(closed(&last), Some(Reason::Misconduct(Misconduct::MalformedVoice)));
    assert!(other.datagram(&[2; 100], 0).is_empty());
}

#[test]
fn a_packet_of_another_size_in_a_frame_is_no_frame() {
    let [_, mut other] = met([&[1, 2], &[1, 2]]);
    let frame = Frame::Voice(vec![1; limits::VOICE_PACKET_MAX + 1]).encode().unwrap();

    assert_eq!(named(&other.frame(&frame, now(0), &Strict)), Some(Misconduct::BadFrame));
}
