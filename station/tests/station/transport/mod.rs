//! The link's transport, between endpoints on loopback, and against a stranger that keeps no rules.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests, which measure real time")]

mod callers;
mod dialling;
mod stations;
pub mod stranger;
mod voices;
#[path = "../../desk/talk/way.rs"]
mod way;

use std::time::Duration;

use counterpart::link::{
    AttemptFault, DialFault, Dialling, EndpointConfig, FrameFault, LinkFault, Purpose, Reader, Transport, Writer,
};
use counterpart_core::limits::FRAME_MAX;
use tokio::time::{sleep, timeout};

use callers::{
    a_caller_with_other_key_exchanges_or_purposes_is_refused, a_wrong_frame_is_refused_by_name_and_ends_the_connection,
};
use stations::{Line, Mortal, NORTH, PATIENT, SOUTH, only, soon, station};

/// Every fact that holds for both transports, for each of them; spawned, because stations spawn what they do.
macro_rules! over_both {
    ($($fact:ident)*) => {
        mod over_quic {
            $(#[tokio::test] async fn $fact() { tokio::spawn(super::$fact(super::Transport::Quic)).await.unwrap() })*
        }
        mod over_tcp {
            $(#[tokio::test] async fn $fact() { tokio::spawn(super::$fact(super::Transport::Tcp)).await.unwrap() })*
        }
    };
}

over_both! {
    frames_go_both_ways
    both_sides_know_the_others_key_and_the_purpose
    an_exported_value_is_equal_on_both_sides_and_differs_between_connections
    a_dial_that_expects_another_key_fails_and_names_the_key_shown
    the_side_that_answered_may_speak_first
    a_wrong_frame_is_refused_by_name_and_ends_the_connection
    a_frame_over_the_limit_is_not_written_and_harms_nothing
    what_was_written_before_a_finish_arrives_though_the_connection_is_closed_behind_it
    a_connection_that_is_closed_ends_on_both_sides
    a_frame_that_is_broken_off_is_a_loss_and_no_misconduct
    an_endpoint_that_closes_ends_its_connections_and_its_accept
    a_caller_with_other_key_exchanges_or_purposes_is_refused
    a_peer_that_was_killed_is_noticed_and_one_that_is_silent_is_kept
}

async fn frames_go_both_ways(transport: Transport) {
    let line = Line::over(transport).await;
    let (north, south) = line.connect(Purpose::Line).await;
    let ((mut north_reads, mut north_writes, _n), (mut south_reads, mut south_writes, _s)) =
        (north.split(), south.split());
    let frames: Vec<Vec<u8>> = [1, 400, 2, 7].iter().enumerate().map(|(at, length)| vec![at as u8; *length]).collect();

    let ((), (), there, back) = tokio::join!(
        write_all(&mut north_writes, &frames),
        write_all(&mut south_writes, &frames),
        read_all(&mut south_reads, frames.len()),
        read_all(&mut north_reads, frames.len()),
    );

    assert!(there == frames && back == frames);
}

async fn write_all(writer: &mut Writer, frames: &[Vec<u8>]) {
    for frame in frames {
        writer.write_frame(frame).await.unwrap();
    }
}

async fn read_all(reader: &mut Reader, count: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while frames.len() < count {
        frames.push(reader.read_frame().await.unwrap());
    }
    frames
}

#[tokio::test]
async fn a_nudge_reaches_the_other_side_and_is_no_frame() {
    let line = Line::over(Transport::Quic).await;
    let (north, south) = line.connect(Purpose::Line).await;
    let ((_nr, mut north_writes, north), (mut south_reads, _sw, south)) = (north.split(), south.split());

    north.nudge();
    assert_eq!(timeout(Duration::from_secs(10), south.next_datagram()).await.unwrap(), [0]);
    north_writes.write_frame(b"after it").await.unwrap();

    assert_eq!(read_all(&mut south_reads, 1).await, [b"after it"]);
}

async fn both_sides_know_the_others_key_and_the_purpose(transport: Transport) {
    let line = Line::over(transport).await;
    for purpose in [Purpose::Line, Purpose::Pairing] {
        let (north, south) = line.connect(purpose).await;

        assert_eq!(north.peer_key, line.south.link_key());
        assert_eq!(south.peer_key, line.north.link_key());
        for (end, dialled) in [(&north, true), (&south, false)] {
            assert_eq!((end.purpose, end.transport, end.dialled), (purpose, transport, dialled));
        }
        assert_eq!(north.remote, line.address);
        assert_eq!(south.remote.ip(), line.address.ip());
    }
}

async fn an_exported_value_is_equal_on_both_sides_and_differs_between_connections(transport: Transport) {
    let line = Line::over(transport).await;
    let (north, south) = line.connect(Purpose::Pairing).await;
    let (later, _) = line.connect(Purpose::Pairing).await;

    let value = north.exporter(b"label", b"context").unwrap();

    assert_eq!(south.exporter(b"label", b"context").unwrap(), value);
    for other in
        [later.exporter(b"label", b"context"), north.exporter(b"other", b"context"), north.exporter(b"label", b"other")]
    {
        assert_ne!(other.unwrap(), value);
    }
}

async fn a_dial_that_expects_another_key_fails_and_names_the_key_shown(transport: Transport) {
    let line = Line::over(transport).await;

    let fault = line.north.dial(line.address, Purpose::Line, Some([9; 32]), PATIENT).await.unwrap_err();

    let wrong_key = AttemptFault::WrongKey { shown: line.south.link_key() };
    assert_eq!(
        fault,
        match transport {
            Transport::Quic => DialFault { quic: wrong_key, tcp: AttemptFault::Refused },
            Transport::Tcp => DialFault { quic: AttemptFault::NotTried, tcp: wrong_key },
        }
    );
    assert!(timeout(Duration::from_millis(100), line.south.accept()).await.is_err());
}

async fn the_side_that_answered_may_speak_first(transport: Transport) {
    let line = Line::over(transport).await;
    let (north, south) = line.connect(Purpose::Line).await;
    let ((mut north_reads, _w, _n), (_r, mut south_writes, _s)) = (north.split(), south.split());

    south_writes.write_frame(b"hello").await.unwrap();

    let frame = soon(north_reads.read_frame()).await;
    assert_eq!(frame.unwrap(), b"hello");
}

async fn a_frame_over_the_limit_is_not_written_and_harms_nothing(transport: Transport) {
    let line = Line::over(transport).await;
    let (north, south) = line.connect(Purpose::Line).await;
    let ((_r, mut writer, _n), (mut reader, _w, _s)) = (north.split(), south.split());

    let fault = writer.write_frame(&vec![0; FRAME_MAX + 1]).await.unwrap_err();
    writer.write_frame(b"fits").await.unwrap();

    let expected = FrameFault::TooLong { length: 65_537 };
    assert!(matches!(fault, LinkFault::Misframed(found) if found == expected), "{fault}");
    assert_eq!(reader.read_frame().await.unwrap(), b"fits");
}

async fn what_was_written_before_a_finish_arrives_though_the_connection_is_closed_behind_it(transport: Transport) {
    let line = Line::over(transport).await;
    let (north, south) = line.connect(Purpose::Line).await;
    let ((north_reads, mut writer, control), (mut reader, _w, _s)) = (north.split(), south.split());
    // More than any socket holds unread, so that the finish has something to wait for.
    let frames = 100;

    let (finished, read) = tokio::join!(
        async {
            for _ in 0..frames {
                writer.write_frame(&vec![7; FRAME_MAX]).await.unwrap();
            }
            let finished = writer.finish().await;
            control.close("done");
            drop(north_reads);
            finished
        },
        async {
            let mut read = 0;
            loop {
                match reader.read_frame().await {
                    Ok(_) => read += 1,
                    Err(fault) => return (read, fault),
                }
            }
        }
    );

    assert!(finished.is_ok(), "{finished:?}");
    assert!(matches!(read, (100, LinkFault::Ended)), "{read:?}");
}

async fn a_connection_that_is_closed_ends_on_both_sides(transport: Transport) {
    let line = Line::over(transport).await;
    let (north, south) = line.connect(Purpose::Line).await;
    let ((mut north_reads, mut north_writes, control), (mut south_reads, mut south_writes, _c)) =
        (north.split(), south.split());
    south_writes.write_frame(b"both streams are open").await.unwrap();
    north_reads.read_frame().await.unwrap();

    control.close("enough");
    let here = soon(north_reads.read_frame()).await.unwrap_err();
    let here_writing = soon(north_writes.write_frame(b"?")).await.unwrap_err();
    let there = soon(south_reads.read_frame()).await.unwrap_err();

    assert!(matches!(here, LinkFault::ClosedHere), "{here}");
    assert!(matches!(here_writing, LinkFault::ClosedHere), "{here_writing}");
    match transport {
        Transport::Quic => {
            assert!(matches!(&there, LinkFault::ClosedByPeer { reason } if reason == "enough"), "{there}")
        }
        Transport::Tcp => assert!(matches!(there, LinkFault::Lost(_)), "{there}"),
    }
}

async fn a_frame_that_is_broken_off_is_a_loss_and_no_misconduct(transport: Transport) {
    let line = Line::over(transport).await;
    let (north, south) = line.connect(Purpose::Line).await;
    let ((north_reads, mut writer, control), (mut reader, _w, _s)) = (north.split(), south.split());
    // South reads nothing, so one of these frames is half gone when North gives up.
    while timeout(Duration::from_millis(200), writer.write_frame(&[5; FRAME_MAX])).await.is_ok() {}

    drop(writer);
    // TCP has no way to break off one direction.
    let _open = (transport == Transport::Quic).then_some((north_reads, control));
    let fault = loop {
        match soon(reader.read_frame()).await {
            Ok(frame) => assert!(frame == [5; FRAME_MAX]),
            Err(fault) => break fault,
        }
    };

    assert!(matches!(fault, LinkFault::Lost(_)), "{fault}");
}

async fn an_endpoint_that_closes_ends_its_connections_and_its_accept(transport: Transport) {
    let line = Line::over(transport).await;
    let (north, south) = line.connect(Purpose::Line).await;
    let ((mut north_reads, _nw, _nc), (mut south_reads, _sw, _sc)) = (north.split(), south.split());
    let brief = Dialling { give_up_after: Duration::from_millis(300), ..PATIENT };
    let (waiting, _) = tokio::join!(
        line.north.dial(line.address, Purpose::Line, None, PATIENT),
        // South's handshake is done by then, and nobody takes the connection.
        sleep(Duration::from_millis(100))
    );

    line.south.close().await;
    let here = soon(south_reads.read_frame()).await.unwrap_err();
    let there = soon(north_reads.read_frame()).await.unwrap_err();
    let inward = line.north.dial(line.address, Purpose::Line, None, brief).await;
    let outward = line.south.dial(line.norths_address, Purpose::Line, None, brief).await;

    assert!(waiting.is_ok());
    for _ in 0..2 {
        assert!(soon(line.south.accept()).await.is_none());
    }
    assert!(matches!(here, LinkFault::ClosedHere), "{here}");
    assert!(matches!(there, LinkFault::ClosedByPeer { .. } | LinkFault::Lost(_)), "{there}");
    assert!(inward.is_err() && outward.is_err(), "{inward:?} {outward:?}");
}

#[tokio::test]
async fn a_quic_connection_tells_how_it_fares_and_begins_small() {
    let line = Line::over(Transport::Quic).await;
    let (north, south) = line.connect(Purpose::Line).await;
    let ((_nr, mut writer, north), (mut reader, _sw, south)) = (north.split(), south.split());
    writer.write_frame(&[1; 400]).await.unwrap();
    reader.read_frame().await.unwrap();
    // Time enough for what quinn sends unasked.
    sleep(Duration::from_millis(200)).await;

    let (north, south) = (north.stats().unwrap(), south.stats().unwrap());

    assert!(north.rtt > Duration::ZERO && north.sent_packets > 0 && north.lost_packets == 0, "{north:?}");
    // Discovery of a larger packet size would add 12 kB.
    assert!(north.udp_bytes_sent < 6_000 && south.udp_bytes_sent < 6_000, "{north:?} {south:?}");
}

/// Over QUIC it is the silence that is noticed, over TCP the system of the other machine says so at once.
async fn a_peer_that_was_killed_is_noticed_and_one_that_is_silent_is_kept(transport: Transport) {
    let alert =
        EndpointConfig { keep_alive: Duration::from_millis(300), idle_max: Duration::from_secs(4), ..only(transport) };
    let (north, _) = station(alert, NORTH).await;
    let south = Mortal::start(alert, SOUTH);
    let dialled = north.dial(south.address, Purpose::Line, None, PATIENT).await.unwrap();
    let (mut reader, _writer, _control) = dialled.split();
    // Longer than the idle limit.
    assert!(timeout(Duration::from_secs(5), reader.read_frame()).await.is_err());

    south.kill();
    let fault = soon(reader.read_frame()).await.unwrap_err();

    assert!(matches!(fault, LinkFault::Lost(_)), "{fault}");
}

#[tokio::test]
async fn a_peer_that_was_killed_and_starts_again_is_noticed_long_before_the_idle_limit() {
    let config = EndpointConfig { keep_alive: Duration::from_millis(200), ..only(Transport::Quic) };
    let (north, _) = station(config, NORTH).await;
    let south = Mortal::start(config, SOUTH);
    let address = south.address;
    let dialled = north.dial(address, Purpose::Line, None, PATIENT).await.unwrap();
    let (mut reader, _writer, _control) = dialled.split();
    assert!(timeout(Duration::from_millis(100), reader.read_frame()).await.is_err());

    south.kill();
    let south = Mortal::start(EndpointConfig { udp: Some(address), ..config }, SOUTH);
    let fault = soon(reader.read_frame()).await.unwrap_err();

    assert!(matches!(&fault, LinkFault::Lost(error) if error.to_string().contains("reset")), "{fault}");
    south.kill();
}

#[tokio::test]
async fn a_station_shows_callers_another_link_key_and_still_dials_with_the_old_one() {
    for transport in [Transport::Quic, Transport::Tcp] {
        let line = Line::over(transport).await;
        let old = line.south.link_key();

        line.south.show(&[3; 32]).unwrap();

        let new = line.south.link_key();
        let stale = line.north.dial(line.address, Purpose::Line, Some(old), PATIENT).await.unwrap_err();
        let shown = AttemptFault::WrongKey { shown: new };
        assert!([stale.quic, stale.tcp].contains(&shown), "{transport:?}");
        assert!(line.north.dial(line.address, Purpose::Line, Some(new), PATIENT).await.is_ok());
        for (own, proved) in [(Some(old), old), (None, new)] {
            let expected = Some(line.north.link_key());
            let dial = line.south.dial_as(own, line.norths_address, Purpose::Line, expected, PATIENT);
            let (dialled, answered) = tokio::join!(dial, soon(line.north.accept()));
            assert_eq!((dialled.is_ok(), answered.unwrap().peer_key), (true, proved));
        }
    }
}
