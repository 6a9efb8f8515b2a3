//! Callers that are no stations, or no honest ones.

use std::net::SocketAddr;
use std::time::Duration;

use counterpart::link::{EndpointConfig, FrameFault, LinkFault, Purpose, Transport};
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, X25519, X25519MLKEM768};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use super::stations::{Line, NORTH, PATIENT, SOUTH, only, soon, station};
use super::stranger;

pub async fn a_wrong_frame_is_refused_by_name_and_ends_the_connection(transport: Transport) {
    let (south, address) = station(only(transport), SOUTH).await;
    for (bytes, expected) in [
        (b"\x00\x01\x00\x01".as_slice(), FrameFault::TooLong { length: 65_537 }),
        (b"\xff\xff\xff\xff....", FrameFault::TooLong { length: 4_294_967_295 }),
        (b"\x00\x00\x00\x00", FrameFault::Empty),
        (b"\x00\x00", FrameFault::CutShort { received: 2, expected: 4 }),
        (b"\x00\x00\x00\x05abc", FrameFault::CutShort { received: 3, expected: 5 }),
    ] {
        let config = stranger::client_config(vec![X25519MLKEM768], &[b"counterpart/1"]);
        let mut call = stranger::call(transport, address, config).await.unwrap();
        call.send(&[b"\x00\x00\x00\x01!", bytes].concat()).await;
        let (mut reader, _writer, _control) = soon(south.accept()).await.unwrap().split();

        assert_eq!(reader.read_frame().await.unwrap(), b"!");
        let fault = reader.read_frame().await.unwrap_err();
        let said = soon(call.hung_up()).await;

        assert!(matches!(fault, LinkFault::Misframed(found) if found == expected), "{fault}");
        assert!(transport == Transport::Tcp || said.contains(&expected.to_string()), "{said}");
    }
}

pub async fn a_caller_with_other_key_exchanges_or_purposes_is_refused(transport: Transport) {
    let line = Line::over(transport).await;
    let classical = stranger::client_config(vec![X25519, SECP256R1], &[b"counterpart/1"]);
    let purposeless = stranger::client_config(vec![X25519MLKEM768], &[b"h3"]);

    let refused = [
        stranger::call(transport, line.address, classical).await.err().unwrap(),
        stranger::call(transport, line.address, purposeless).await.err().unwrap(),
    ];
    let (_north, south) = line.connect(Purpose::Line).await;

    assert!(refused[0].contains("HandshakeFailure") || refused[0].contains("error 40"), "{}", refused[0]);
    assert!(refused[1].contains("NoApplicationProtocol") || refused[1].contains("error 120"), "{}", refused[1]);
    assert_eq!(south.peer_key, line.north.link_key());
}

#[tokio::test]
async fn a_caller_over_tcp_that_names_no_purpose_is_hung_up() {
    let line = Line::over(Transport::Tcp).await;
    let config = stranger::client_config(vec![X25519, X25519MLKEM768], &[]);

    let mut call = stranger::call(Transport::Tcp, line.address, config).await.unwrap();
    let stranger::Call::Tcp(stream) = &call else { panic!("it is a call over TCP") };
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap().name();
    soon(call.hung_up()).await;

    assert_eq!(group, X25519MLKEM768.name());
    assert!(timeout(Duration::from_millis(50), line.south.accept()).await.is_err());
}

#[tokio::test]
async fn callers_who_stall_keep_nobody_else_out_and_are_hung_up() {
    let config = EndpointConfig { handshake_max: Duration::from_secs(5), ..only(Transport::Tcp) };
    let (south, address) = station(config, SOUTH).await;
    let (north, _) = station(only(Transport::Tcp), NORTH).await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(connect_from("127.0.0.2", address).await);
    }

    let mut ninth = connect_from("127.0.0.2", address).await;
    let began = Instant::now();
    assert!(soon(ninth.read_u8()).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(4), "the ninth is hung up at once");

    let dial = north.dial(address, Purpose::Line, None, PATIENT);
    let (dialled, answered) = tokio::join!(dial, soon(south.accept()));
    assert!(dialled.is_ok() && answered.is_some());
    assert!(began.elapsed() < Duration::from_secs(4), "North waits for none of them");

    for stream in &mut silent {
        assert!(soon(stream.read_u8()).await.is_err());
    }
}

async fn connect_from(source: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
    socket.connect(address).await.unwrap()
}

#[tokio::test]
async fn garbage_and_forged_beginnings_over_udp_keep_nobody_out() {
    let line = Line::over(Transport::Quic).await;
    let forger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for length in [1, 21, 50, 1_200, 1_500] {
        for first_byte in [0x00, 0x40, 0xc0, 0xff] {
            let mut datagram = vec![0x5a; length];
            datagram[0] = first_byte;
            forger.send_to(&datagram, line.address).await.unwrap();
        }
    }
    // More than this address, and than all addresses together, have places for.
    for datagram in beginnings_of_calls(100).await {
        forger.send_to(&datagram, line.address).await.unwrap();
        // South reads them meanwhile; else its buffer fills up, and the system lets North's first packet go.
        tokio::task::yield_now().await;
    }

    let began = Instant::now();
    let (north, _) = line.connect(Purpose::Line).await;

    assert_eq!(north.transport, Transport::Quic);
    assert!(began.elapsed() < Duration::from_secs(3));
}

/// The first datagrams of this many calls, never to be followed by another.
async fn beginnings_of_calls(count: usize) -> Vec<Vec<u8>> {
    let mut beginnings = Vec::new();
    while beginnings.len() < count {
        // A socket for each, so that nothing else of an earlier call is taken for a beginning.
        let sink = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let config = stranger::client_config(vec![X25519MLKEM768], &[b"counterpart/1"]);
        let address = sink.local_addr().unwrap();
        let calling = tokio::spawn(stranger::call(Transport::Quic, address, config));
        let mut datagram = vec![0; 2_000];
        let (length, _) = sink.recv_from(&mut datagram).await.unwrap();
        calling.abort();
        datagram.truncate(length);
        beginnings.push(datagram);
    }
    beginnings
}
