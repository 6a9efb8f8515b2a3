//! Pairing with two real stations on loopback, each with its own store, record thread, endpoint and switchboard.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod alike;
mod broken;
mod persons;
mod stations;
mod terms;

use crate::scratch::Scratch;
use counterpart::pairing::{Awaited, Proposal, pair};
use counterpart_core::ids::Party;
use counterpart_core::pairing::Standing;
use stations::{Station, confirm_both, founded, serves};

/// Northland invites, Southland joins.
fn two(scratch: &Scratch) -> [Station; 2] {
    ["Northland", "Southland"].map(|name| founded(scratch.path(), name).start())
}

#[test]
fn two_stations_pair_and_an_ask_is_delivered_on_the_new_line() {
    let scratch = Scratch::new("ceremony-line");
    let [north, south] = two(&scratch);
    let (line, text) = north.invite();
    assert_eq!(north.view(line).awaited, Awaited::TheirStation);

    assert_eq!(south.join(&text), line);
    assert_eq!(north.digits(line), south.digits(line));
    let view = north.view(line);
    assert_eq!((view.me, view.awaited, view.standing), (Party::Inviter, Awaited::OurPerson, Standing::Comparing));
    assert_eq!(view.candidates[0].name, "Ministry of Southland");
    assert_eq!(view.candidates[0].key, south.endpoint.link_key());
    assert_eq!(south.view(line).peer.as_deref(), Some("Ministry of Northland"));
    confirm_both(&north, &south, line);

    for (station, peer) in [(&north, "Ministry of Southland"), (&south, "Ministry of Northland")] {
        let view = station.until_standing(line, Standing::Open);
        assert_eq!((view.peer.as_deref(), view.awaited), (Some(peer), Awaited::Nothing));
        assert!(view.candidates.is_empty());
    }
    serves(&north, &south, line);
    serves(&south, &north, line);
}

#[test]
fn either_side_may_confirm_first() {
    let scratch = Scratch::new("ceremony-order");
    let [north, south] = two(&scratch);
    let (line, text) = north.invite();
    south.join(&text);
    let digits = south.digits(line);

    south.confirm(line, &digits).unwrap();
    let view = north.until(line, "they confirmed", |view| view.candidates.iter().any(|c| c.they_confirmed));
    assert_eq!(view.standing, Standing::Comparing);
    assert_eq!(south.view(line).awaited, Awaited::TheirPerson);
    assert!(north.keeper.published().borrow().lines.is_empty());
    north.confirm(line, &digits).unwrap();

    serves(&north, &south, line);
}

#[test]
fn pairing_alone_brings_index_0_of_both_to_both_and_its_connection_ends() {
    let scratch = Scratch::new("ceremony-alone");
    let [north, south] =
        ["Northland", "Southland"].map(|name| founded(scratch.path(), name).start_with(stations::Runs::PairingOnly));
    let proposal = Proposal::default();
    let line = north.runtime.block_on(pair(&north.ceremony, &south.ceremony, &proposal)).unwrap();

    for station in [&north, &south] {
        station.until_standing(line, Standing::Open);
        station.until_held(line, [1, 1]);
        station.until(line, "the end of the connection", |view| !view.connected);
    }
    let held = [north.heads(line)[1].0, south.heads(line)[0].0];
    assert_eq!(held, [1, 1], "nothing but index 0 crosses a pairing connection");
}

#[test]
fn a_ceremony_that_stops_closes_its_connections_and_a_new_start_goes_on() {
    let scratch = Scratch::new("ceremony-stop");
    let [north, south] = two(&scratch);
    let (line, text) = north.invite();
    south.join(&text);
    north.until(line, "a connection", |view| view.connected && view.candidates.len() == 1);

    south.ceremony.stop();
    assert!(!south.view(line).connected);
    north.until(line, "its end", |view| !view.connected);
    assert_eq!(north.view(line).candidates.len(), 1);
    let south = south.killed_and_started();
    confirm_both(&south, &north, line);

    serves(&north, &south, line);
}

#[test]
fn two_lines_between_the_same_two_stations_pair_at_once() {
    let scratch = Scratch::new("ceremony-two");
    let [north, south] = two(&scratch);
    let invited = [north.invite(), north.invite()];
    let (back, text) = south.invite();
    for (line, text) in &invited {
        assert_eq!(south.join(text), *line);
    }
    north.join(&text);

    confirm_both(&south, &north, invited[1].0);
    confirm_both(&north, &south, back);
    confirm_both(&north, &south, invited[0].0);

    for line in [invited[0].0, invited[1].0, back] {
        serves(&north, &south, line);
    }
}

#[test]
fn an_invitation_carries_the_rules_that_were_proposed() {
    let scratch = Scratch::new("ceremony-rules");
    let [north, south] = two(&scratch);
    let proposal = Proposal { watch_s: [40, 30, 20, 10], grace_s: 5, ..Proposal::default() };
    let line = north.runtime.block_on(pair(&north.ceremony, &south.ceremony, &proposal)).unwrap();

    let look = south.keeper.look(move |lines| lines.line(&line).unwrap().line.charter().clone());
    let charter = south.runtime.block_on(look).unwrap();
    assert_eq!((charter.watch_s, charter.grace_s, charter.principal_s), ([40, 30, 20, 10], 5, 172_800));
    assert_eq!(charter.party(Party::Joiner).addresses, [south.home.address.to_string()]);
    let posts: Vec<_> = charter.party(Party::Inviter).posts.iter().map(|p| p.id.to_string()).collect();
    assert_eq!(posts, ["duty-officer", "minister"]);
}
