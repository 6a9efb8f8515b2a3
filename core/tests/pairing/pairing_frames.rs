//! Frames and stored states: each survives a round trip, and no change to their bytes stops a reader or a machine.

use counterpart_core::limits;
use counterpart_core::pairing::frames::{Frame, FrameFault, Why};
use counterpart_core::pairing::inviter::Inviter;
use counterpart_core::pairing::joiner::Joiner;
use counterpart_core::pairing::{End, Standing, StateFault};
use counterpart_core::record::cbor::Value;

use crate::staged::{GONE, NORTH, SOUTH, THIEF, both_cheap, cheap, exporter, lend, link, only, thief};

/// One state of each phase on both sides, and every frame that they sent on the way.
fn whole_ceremony() -> (Vec<Inviter>, Vec<Joiner>, Vec<Frame>) {
    let (north, south) = (cheap(NORTH), cheap(SOUTH));
    let (north, south) = (lend(&north), lend(&south));
    let (inviter, joiner) = both_cheap();
    let (mut inviters, mut joiners, mut frames) = (vec![inviter], vec![joiner], Vec::new());
    let (from, at) = (link(SOUTH), exporter(SOUTH));
    let fingerprint = joiners[0].charter().fingerprint();

    frames.push(only(&joiners[0].connected(&at).send));
    let step = inviters[0].frame(&from, &at, &frames[0], &north);
    frames.push(only(&step.send));
    inviters.push(step.commit.unwrap().state);
    let step = joiners[0].frame(&frames[1], &south);
    joiners.push(step.commit.unwrap().state);
    let step = joiners[1].confirm(&fingerprint, &south).unwrap();
    frames.push(only(&step.send));
    joiners.push(step.commit.unwrap().state);
    let confirmed = inviters[1].confirm(&fingerprint, &north).unwrap();
    let step = inviters[1].frame(&from, &at, &frames[2], &north);
    inviters.push(step.commit.unwrap().state);
    inviters.push(confirmed.commit.unwrap().state);
    let step = inviters[3].frame(&from, &at, &frames[2], &north);
    frames.push(only(&step.send));
    inviters.push(step.commit.unwrap().state);
    let step = joiners[2].frame(&frames[3], &south);
    frames.push(only(&step.send));
    joiners.push(step.commit.unwrap().state);
    let step = inviters[4].frame(&from, &at, &frames[4], &north);
    inviters.push(step.commit.unwrap().state);
    inviters.push(inviters[1].burned().unwrap());
    joiners.push(joiners[1].burned().unwrap());
    frames.extend([GONE, Frame::Refused(Why::NotCandidate)]);
    (inviters, joiners, frames)
}

#[test]
fn states_of_every_phase_survive_a_round_trip() {
    let (inviters, joiners, _) = whole_ceremony();

    let standings: Vec<Standing> = inviters.iter().map(Inviter::standing).collect();
    let expected = [
        Standing::Waiting,
        Standing::Comparing,
        Standing::Comparing,
        Standing::Confirmed,
        Standing::Countersigned,
        Standing::Open,
        Standing::Ended(End::Restored),
    ];
    assert_eq!(standings, expected);
    for state in &inviters {
        let read = Inviter::decode(&state.encode()).unwrap();
        assert_eq!(read.encode(), state.encode());
        assert_eq!(read.standing(), state.standing());
        assert!(Joiner::decode(&state.encode()).is_err());
    }
    for state in &joiners {
        let read = Joiner::decode(&state.encode()).unwrap();
        assert_eq!(read.encode(), state.encode());
        assert_eq!(read.standing(), state.standing());
        assert!(Inviter::decode(&state.encode()).is_err());
    }
}

#[test]
fn a_state_of_a_later_version_is_named() {
    let later = Value::Array(vec![Value::Uint(2), Value::text("whatever it holds")]).encode();

    assert_eq!(Inviter::decode(&later).err(), Some(StateFault::Version(2)));
    assert_eq!(Joiner::decode(&later).err(), Some(StateFault::Version(2)));
    assert_eq!(Joiner::decode(&[]).err(), Some(StateFault::Malformed));
}

#[test]
fn frames_survive_a_round_trip_and_others_are_named() {
    let (_, _, frames) = whole_ceremony();

    let numbers: Vec<u64> = frames.iter().map(Frame::number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
    for frame in &frames {
        assert_eq!(Frame::decode(&frame.encode()).as_ref(), Ok(frame));
    }
    let encoded = |items: &[Value]| Value::Array(items.to_vec()).encode();
    let decoded = |items: &[Value]| Frame::decode(&encoded(items));
    assert_eq!(decoded(&[]), Err(FrameFault::Malformed(0)));
    assert_eq!(decoded(&[Value::Uint(8)]), Err(FrameFault::Unknown(8)));
    let longer = [Value::Uint(6), Value::Null];
    assert_eq!(decoded(&longer), Err(FrameFault::Malformed(6)));
    let why = [Value::Uint(7), Value::Uint(9)];
    assert_eq!(decoded(&why), Err(FrameFault::Malformed(7)));
    for number in 0..9 {
        let read = decoded(&[Value::Uint(7), Value::Uint(number)]).unwrap();
        assert!(matches!(read, Frame::Refused(why) if why as u64 == number));
    }
    let long = vec![0; limits::FRAME_MAX + 1];
    assert_eq!(Frame::decode(&long), Err(FrameFault::TooLong));
}

/// Every byte set to several others, cut off and repeated.
fn changed(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(move |at| {
        let set = [0x00, 0x1b, 0x7f, 0x80, 0xa1, 0xff].into_iter().map(move |new| {
            let mut changed = bytes.to_vec();
            changed[at] = new;
            changed
        });
        let doubled = [&bytes[..at], &bytes[at / 2..]].concat();
        set.chain([bytes[..at].to_vec(), doubled])
    })
}

#[test]
fn no_change_to_a_frame_stops_a_machine_or_makes_the_inviter_sign() {
    let (inviters, joiners, frames) = whole_ceremony();
    let (north, south) = (cheap(NORTH), cheap(SOUTH));
    let (mut read, mut taken) = (0, 0);

    for frame in &frames {
        for bytes in changed(&frame.encode()).filter(|b| *b != frame.encode()) {
            let Ok(frame) = Frame::decode(&bytes) else {
                continue;
            };
            read += 1;
            for inviter in &inviters {
                let step = inviter.frame(&link(SOUTH), &exporter(SOUTH), &frame, &lend(&north));
                // A changed frame may still be a whole `gone`; nothing else gets past proof and signature.
                let entries = step.commit.map_or(0, |commit| commit.entries.len());
                assert_eq!(entries, 0);
            }
            for joiner in &joiners {
                let step = joiner.frame(&frame, &lend(&south));
                taken += step.commit.map_or(0, |commit| commit.entries.len());
            }
        }
    }

    assert!(read > 100, "{read}");
    assert_eq!(taken, 0);
}

#[test]
fn no_change_to_a_stored_state_stops_its_reader() {
    let (inviters, joiners, frames) = whole_ceremony();
    let (north, south) = (cheap(NORTH), cheap(SOUTH));
    let stranger = only(&thief(THIEF).connected(&exporter(THIEF)).send);
    let mut read = 0;

    for bytes in inviters.iter().flat_map(|s| changed(&s.encode()).collect::<Vec<_>>()) {
        let Ok(state) = Inviter::decode(&bytes) else {
            continue;
        };
        read += 1;
        assert_eq!(state.encode(), bytes);
        for frame in frames.iter().chain([&stranger]) {
            let _ = state.frame(&link(SOUTH), &exporter(SOUTH), frame, &lend(&north));
        }
    }
    for bytes in joiners.iter().flat_map(|s| changed(&s.encode()).collect::<Vec<_>>()) {
        let Ok(state) = Joiner::decode(&bytes) else {
            continue;
        };
        read += 1;
        assert_eq!(state.encode(), bytes);
        for frame in &frames {
            let _ = state.frame(frame, &lend(&south));
        }
    }

    assert!(read > 1_000, "{read}");
}
