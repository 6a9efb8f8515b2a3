//! What is observed of a line, from the enums of `core`: what its link is said to be like, and what stands in the record.

use counterpart::link::Transport;
use counterpart::link::board::LinkState;
use counterpart_core::link::health::{Cause, Evidence, State as Observed};
use serde_json::json;

use super::State;
use super::stage::{HOUR, Stage};

type Make = fn(&mut Stage);

/// Up, over QUIC.
fn up(link: &mut LinkState, now: u64) {
    (link.up_since_ms, link.transport, link.even) = (Some(now.saturating_sub(600_000)), Some(Transport::Quic), true);
}

/// Not up since then, after tries of which none ended in a handshake, with a reference that answers or not.
fn lost(link: &mut LinkState, since: u64, reference: Option<bool>) {
    (link.down_since_ms, link.tries, link.reference) = (since, 9, reference);
}

states! { observed: Observed, Make;
    Observed::Open => "OPEN", |s| s.link(0, up);
    Observed::Degraded => "DEGRADED", |s| s.link(0, |link, now| {
        up(link, now);
        link.packets = Some((10_000, 600));
    });
    Observed::Silent => "SILENT", |s| {
        s.alone(0, json!({"act": "check", "precedence": "ROUTINE", "mark": "TEST"}));
        s.pass_alone(9 * HOUR);
        s.link(0, up);
    };
    Observed::Down(Cause::Unknown) => "DOWN UNKNOWN", |s| is_down(s, false);
    Observed::Down(Cause::Path) => "DOWN PATH", |s| is_down(s, true);
}

states! { evidence: Evidence, Make;
    Evidence::NoSession { .. } => "no-session", |s| s.link(0, |link, now| link.down_since_ms = now);
    Evidence::NoHandshake { .. } => "no-handshake", |s| s.link(0, |link, now| lost(link, now, None));
    Evidence::Handshakes { .. } => "handshakes", |s| s.link(0, |link, now| {
        lost(link, now, None);
        link.handshakes = 2;
    });
    Evidence::Reference { .. } => "reference", |s| s.link(0, |link, now| lost(link, now, Some(false)));
    Evidence::OverTcp => "over-tcp", |s| s.link(0, |link, now| {
        up(link, now);
        link.transport = Some(Transport::Tcp);
    });
    Evidence::Loss { .. } => "loss", |s| s.link(0, |link, now| {
        up(link, now);
        link.packets = Some((1_000, 120));
    });
    Evidence::Slowed { .. } => "slowed", |s| s.link(0, |link, now| {
        up(link, now);
        link.slowed_until_ms = Some(now + 600_000);
    });
    Evidence::Clocks { .. } => "clocks", |s| s.link(0, |link, now| {
        up(link, now);
        link.clock_ahead_ms = Some(-360_000);
    });
    Evidence::CheckUnanswered(_) => "check-unanswered", |s| s.link(0, up);
    Evidence::Stalled(_) => "stalled", |s| {
        s.link(0, up);
        super::forged::stalls(s);
    };
}

/// What stays from then on, and therefore comes last.
pub const LAST: [&str; 5] = ["stalled", "SILENT", "check-unanswered", "DOWN UNKNOWN", "DOWN PATH"];

fn is_down(s: &mut Stage, answers: bool) {
    s.has_been(61_000);
    s.link(0, |link, _| lost(link, 0, Some(answers)));
}

/// Whether the API says so of Northland's line.
pub fn is(s: &Stage, word: &str) -> bool {
    let observed = s.desks[0].station.get("/lines").unwrap()[0]["observed"].clone();
    let (state, cause) = (observed["state"].as_str().unwrap(), observed["cause"].as_str().unwrap_or_default());
    let found = observed["evidence"].as_array().unwrap().iter().any(|e| e["finding"] == word);
    found || [state, cause].join(" ").trim() == word
}
