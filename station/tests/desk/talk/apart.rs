//! The same on two machines: two network namespaces with an address each, desks over HTTPS, and one of the stations at an address at
//! which the other finds nobody, so that the link is up from its side alone.

use std::net::SocketAddr;

use serde_json::json;

use super::{
    TONES, answered, browser_in, has_joined, hears_nothing, hears_the_other_alone, join, page_of, press, same_packets,
    talk,
};
use crate::Desk;
use crate::browser::Browser;
use crate::certificates::{Made, wanted};
use crate::denied::denied;
use crate::namespaces::Namespaces;
use crate::processes::{Process, pair, wait};
use crate::scratch::Scratch;

const ADDRESSES: [&str; 2] = ["10.99.1.1", "10.99.1.2"];
/// Where Southland says that it is reached. Nobody is there.
const NOBODY: &str = "10.99.1.77:7411";

/// A desk over HTTPS at an address of its namespace.
fn desk(scratch: &Scratch, namespaces: &Namespaces, made: &Made, at: usize) -> Desk {
    let (name, sign) = [("north", "Northland"), ("south", "Southland")][at];
    let listen: SocketAddr = format!("{}:7411", ADDRESSES[at]).parse().unwrap();
    let announce = if at == 0 { listen } else { NOBODY.parse().unwrap() };
    let mut station = Process::init_behind(scratch.path(), name, sign, 50, listen, announce);
    station.namespace = namespaces.names.get(at).cloned();
    let address = format!("{}:7443", ADDRESSES[at]);
    let [certificate, key] = made.files(name).map(|file| file.display().to_string());
    let file = station.data.join("counterpart.toml");
    let desk = format!(
        "\n[desk]\nlisten = \"{address}\"\nnames = [\"{address}\"]\ncertificate = \"{certificate}\"\nprivate_key = \"{key}\"\n"
    );
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &desk).unwrap();
    station.serve();
    Desk { station, address }
}

/// A browser loses its network: for the other side its person is away, and in the same call once it has it again.
fn comes_back(namespaces: &Namespaces, browsers: &mut [Browser; 2]) {
    browsers[0].look("window.same = true");
    if !namespaces.drop_within(0) {
        return denied("network namespaces with nftables");
    }
    browsers[1].until("!!document.querySelector('.far .pers.away')");
    browsers[0].until(
        "document.querySelector('[data-sound]').textContent.startsWith('The connection with this station is lost')",
    );
    hears_nothing(&mut browsers[1], 1);
    namespaces.pass(0);
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));
    browsers[1].until("!document.querySelector('.far .pers.away')");
    assert_eq!(browsers[0].look("window.same"), json!(true), "its page was not loaded anew");
}

#[test]
fn on_two_machines_with_desks_over_https_people_talk_though_one_station_cannot_be_dialled_by_the_other() {
    let Some(namespaces) = Namespaces::in_a_row("call", 2) else { return denied("network namespaces") };
    let scratch = Scratch::new("desk-talk-apart");
    let names = ["north", "south"];
    let each: Vec<_> = names.iter().zip(ADDRESSES).map(|(name, address)| wanted(name, "ca", &[address])).collect();
    let made = Made::new(&scratch.path().join("tls"), &each);
    let desks = [0, 1].map(|at| desk(&scratch, &namespaces, &made, at));
    pair(&desks[0].station, &desks[1].station);
    let page = page_of(&answered(&desks));
    let mut browsers: [Browser; 2] = [0, 1].map(|at| {
        let trusts = [format!("--ignore-certificate-errors-spki-list={}", made.spki(names[at]))];
        let inside = ["ip", "netns", "exec", &namespaces.names[at]];
        browser_in(&desks[at], "Duty officer", TONES[at], (scratch.path(), &page), &trusts, &inside)
    });

    for browser in &mut browsers {
        assert_eq!(browser.look("[location.protocol, isSecureContext]"), json!(["https:", true]));
        join(browser, "principal");
    }
    press(&mut browsers[0], "through");
    browsers[1].until("document.querySelectorAll('.hold').length === 1");
    press(&mut browsers[1], "through");
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));
    desks.iter().for_each(has_joined);
    same_packets(&mut browsers, 5);
    let link = desks[0].station.get("/talks?on=Northland%201").unwrap();
    assert_eq!((&link["linked"], &link["degraded"]), (&json!(true), &json!(false)), "{link}");

    comes_back(&namespaces, &mut browsers);
    assert!(desks.iter().all(|desk| talk(desk)["state"] == "JOINED"));

    browsers[0].look("document.getElementById('ending').open = true");
    press(&mut browsers[0], "end");
    for desk in &desks {
        wait("TALKED", || (talk(desk)["state"] == "TALKED").then_some(()));
    }
    assert_eq!([browsers[0].complaints.clone(), browsers[1].complaints.clone()].concat(), Vec::<String>::new());
}
