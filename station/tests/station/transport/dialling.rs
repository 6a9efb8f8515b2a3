//! How stations find each other, over one transport or the other, and what is said when they do not.

use std::time::Duration;

use counterpart::link::{AttemptFault, DialFault, Dialling, Endpoint, EndpointConfig, Purpose, Transport};
use tokio::time::Instant;

use super::stations::{NORTH, PATIENT, SOUTH, only, soon, station};
use super::stranger;
use crate::addresses::free_address;

#[tokio::test]
async fn a_station_that_answers_only_on_tcp_is_reached_as_soon_as_patience_ends() {
    let (north, _) = station(EndpointConfig::at("127.0.0.1:0".parse().unwrap()), NORTH).await;
    let (south, address) = station(only(Transport::Tcp), SOUTH).await;
    let dialling = Dialling { quic_first_for: Duration::from_millis(200), ..PATIENT };

    let began = Instant::now();
    let dial = north.dial(address, Purpose::Line, Some(south.link_key()), dialling);
    let (dialled, answered) = tokio::join!(dial, soon(south.accept()));
    let took = began.elapsed();

    assert_eq!(dialled.unwrap().transport, Transport::Tcp);
    assert_eq!(answered.unwrap().transport, Transport::Tcp);
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_station_that_answers_on_both_is_reached_over_quic() {
    let both = EndpointConfig::at("127.0.0.1:0".parse().unwrap());
    let ((north, _), (south, address)) = (station(both, NORTH).await, station(both, SOUTH).await);

    let dial = north.dial(address, Purpose::Line, None, Dialling::default());
    let (dialled, _answered) = tokio::join!(dial, soon(south.accept()));

    assert_eq!(south.udp_address(), south.tcp_address());
    assert_eq!(dialled.unwrap().transport, Transport::Quic);
}

#[tokio::test]
async fn a_dial_says_how_each_transport_failed() {
    let (north, _) = station(EndpointConfig::at("127.0.0.1:0".parse().unwrap()), NORTH).await;
    let dialling = Dialling { quic_first_for: Duration::from_millis(300), give_up_after: Duration::from_secs(1) };
    let nobody = free_address();
    let other_protocol = stranger::answer_with_another_protocol().await;
    let other_family = "[::1]:9".parse().unwrap();

    let dial = async |address, dialling| north.dial(address, Purpose::Line, None, dialling).await.unwrap_err();

    use AttemptFault::{NoCommonVersion, NoRoute, Refused, TimedOut};
    assert_eq!(dial(nobody, dialling).await, DialFault { quic: TimedOut, tcp: Refused });
    // It answers, however busy the machine is.
    assert_eq!(dial(other_protocol, PATIENT).await, DialFault { quic: NoCommonVersion, tcp: NoCommonVersion });
    assert_eq!(dial(other_family, dialling).await.quic, NoRoute);
}

#[tokio::test]
async fn a_setting_that_cannot_work_is_refused_by_name() {
    let (taken, address) = station(only(Transport::Tcp), SOUTH).await;
    let lifeless = EndpointConfig { keep_alive: Duration::from_secs(30), ..only(Transport::Quic) };
    let taken_address = EndpointConfig { tcp: Some(address), ..only(Transport::Tcp) };

    let fault = async |config| Endpoint::bind(&config, &NORTH).await.err().unwrap().to_string();

    assert!(fault(lifeless).await.contains("keep-alive"));
    assert!(fault(taken_address).await.contains(&format!("TCP {address}")));
    drop(taken);
}
