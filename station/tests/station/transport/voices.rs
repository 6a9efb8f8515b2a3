//! Packets of voice over a bad path, as QUIC carries them.

use std::time::Duration;

use counterpart::link::{Control, Purpose, Transport};
use tokio::time::{Instant, sleep_until};

use super::stations::{NORTH, PATIENT, SOUTH, only, soon, station};
use super::way::{Way, Weather};

/// So many people speak on one side.
const VOICES: usize = 4;
/// Bytes of a packet of speech at 32 kbit/s, with its header (§8.8).
const PACKET_BYTES: usize = 95;

/// Each voice says one packet every 20 ms, for so many of them.
async fn speak(control: &Control, packets: u32) {
    let begun = Instant::now();
    for n in 0..packets {
        sleep_until(begun + Duration::from_millis(20) * n).await;
        (0..VOICES).for_each(|_| assert!(control.datagram(vec![1; PACKET_BYTES]).is_none()));
    }
}

async fn heard(control: Control) -> usize {
    let mut heard = 0;
    while let Ok(packet) = tokio::time::timeout(Duration::from_secs(2), control.next_datagram()).await {
        heard += usize::from(packet.len() == PACKET_BYTES);
    }
    heard
}

#[tokio::test]
async fn of_four_voices_over_a_path_that_loses_a_tenth_and_is_uneven_by_200_ms_85_in_100_packets_arrive() {
    let (north, _) = station(only(Transport::Quic), NORTH).await;
    let (south, address) = station(only(Transport::Quic), SOUTH).await;
    let way = Way::to(address);
    let dial = north.dial(way.address, Purpose::Line, None, PATIENT);
    let (dialled, answered) = tokio::join!(dial, soon(south.accept()));
    let [(_, _w, here), (_, _v, there)] = [dialled.unwrap().split(), answered.unwrap().split()];
    let hearing = tokio::spawn(heard(there));

    way.set(Weather { loses_one_of: 10, uneven_ms: 200, ..Weather::default() });
    let packets = 300;
    speak(&here, packets).await;

    let (heard, said) = (hearing.await.unwrap(), packets as usize * VOICES);
    println!("{heard} of {said} packets; {:?} of the way's; {:?}", way.counted(), here.stats());
    assert!(heard * 100 >= said * 85 && heard * 100 < said * 97, "{heard} of {said}");
}
