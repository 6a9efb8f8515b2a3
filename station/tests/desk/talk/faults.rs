//! The same over a way that loses, disorders and stands still: the call goes on, what is lost is lost between the stations alone, and
//! the people are told.

use serde_json::Value;

use super::way::{Way, Weather};
use super::{THEM, TONES, until};
use super::{answered, browsers, has_joined, hears_the_other_alone, join, level, page_of, press, same_packets, talk};
use crate::Desk;
use crate::browser::Browser;
use crate::processes::{Process, free_address, pair};
use crate::scratch::Scratch;

/// A desk whose station the other one reaches by this way.
fn behind(scratch: &Scratch, name: &str, call_sign: &str) -> (Desk, Way) {
    let listen = free_address();
    let way = Way::to(listen);
    let mut desk = Desk::of(Process::init_behind(scratch.path(), name, call_sign, 50, listen, way.address));
    desk.station.serve();
    (desk, way)
}

/// Packets of one direction, from their page to the other's.
#[derive(Clone, Copy, Default, Debug)]
struct Counted {
    /// As the page has sent them.
    sent: u64,
    /// As the station that hears had to expect them, and has them.
    expected: u64,
    received: u64,
    /// As the other page was given them to play.
    played: u64,
}

/// Counted so far, of what each of both says.
fn counted(desks: &[Desk; 2], browsers: &mut [Browser; 2]) -> [Counted; 2] {
    [0, 1].map(|at| {
        let told: Value = desks[1 - at].station.get("/talks?on=Northland%201").unwrap();
        let [expected, received] = ["expected", "received"].map(|name| told["theirs"][0][name].as_u64().unwrap());
        let mut page = |at: usize, way: &str| browsers[at].look(&format!("captured.count.{way}")).as_u64().unwrap();
        let (sent, played) = (page(at, "sent"), page(1 - at, "played"));
        Counted { sent, expected, received, played }
    })
}

/// What both say in the next seconds, together.
fn within(seconds: u64, desks: &[Desk; 2], browsers: &mut [Browser; 2]) -> Counted {
    let before = counted(desks, browsers);
    std::thread::sleep(std::time::Duration::from_secs(seconds));
    let after = counted(desks, browsers);
    let grown =
        |figure: fn(&Counted) -> u64| after.iter().map(figure).sum::<u64>() - before.iter().map(figure).sum::<u64>();
    let [sent, expected, received, played] =
        [|c: &Counted| c.sent, |c: &Counted| c.expected, |c: &Counted| c.received, |c: &Counted| c.played].map(grown);
    Counted { sent, expected, received, played }
}

/// What both say in the next seconds. What a page has sent is what the link has carried, but for what is on its way now, and what came over
/// it is what was played: a browser that the machine holds up counts late, and that counts in the next seconds.
fn as_at_the_pages(seconds: u64, desks: &[Desk; 2], browsers: &mut [Browser; 2]) -> Counted {
    let alike = |Counted { sent, expected, received, played }: &Counted| {
        *sent > 200 && sent.abs_diff(*expected) <= 40 && received.abs_diff(*played) <= 25
    };
    let mut tries = Vec::new();
    while tries.len() < 5 {
        let counted = within(seconds, desks, browsers);
        if alike(&counted) {
            return counted;
        }
        tries.push(counted);
    }
    panic!("{tries:?}")
}

#[test]
fn a_call_goes_on_over_a_way_that_loses_a_tenth_disorders_and_stands_still_and_its_people_are_told() {
    let scratch = Scratch::new("desk-talk-faults");
    let [(north, to_north), (south, to_south)] =
        [("north", "Northland"), ("south", "Southland")].map(|(name, sign)| behind(&scratch, name, sign));
    let (mut desks, ways) = ([north, south], [to_north, to_south]);
    let be = |weather: Weather| ways.iter().for_each(|way| way.set(weather));
    pair(&desks[0].station, &desks[1].station);
    let page = page_of(&answered(&desks));
    let mut browsers = browsers(&desks, (scratch.path(), &page));
    browsers.iter_mut().for_each(|browser| join(browser, "principal"));
    press(&mut browsers[0], "through");
    browsers[1].until("document.querySelectorAll('.hold').length === 1");
    press(&mut browsers[1], "through");
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));
    desks.iter().for_each(has_joined);

    // What comes behind others is no loss, but for what is still under way: 200 ms both ways are 20 packets.
    be(Weather { uneven_ms: 200, ..Weather::default() });
    let uneven = as_at_the_pages(4, &desks, &mut browsers);
    println!("uneven: {uneven:?}");
    assert!(uneven.received + 20 >= uneven.expected, "{uneven:?}");
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));

    be(Weather { uneven_ms: 200, loses_one_of: 10, ..Weather::default() });
    let lossy = as_at_the_pages(8, &desks, &mut browsers);
    let lost: [u64; 2] = [0, 1].map(|n| ways.iter().map(|way| way.counted()[n]).sum());
    println!("lossy: {lossy:?}; of {} packets the way lost {}", lost[0], lost[1]);
    assert!(lossy.received * 100 >= lossy.sent * 85 && lossy.received * 100 <= lossy.sent * 96, "{lossy:?}");
    assert!(lossy.played * 100 >= lossy.sent * 85, "{lossy:?}");
    for (at, browser) in browsers.iter_mut().enumerate() {
        hears_the_other_alone(browser, at);
        browser.until("parseFloat(document.querySelector('.far .pers small').textContent) >= 3");
    }
    // Ten of a hundred, and what the others of the last ten are behind.
    same_packets(&mut browsers, 25);
    browsers[0].picture("call-lossy", 1280, "light");

    // Five seconds in which nothing passes.
    be(Weather { stands_still: true, ..Weather::default() });
    let clock = counterpart::clock::Clock::system();
    let begun = clock.moment();
    for browser in &mut browsers {
        browser.until_within("document.querySelector('.explained b')?.textContent === 'No sound comes.'", 5_000);
    }
    let told_ms = clock.moment().ms_since(begun);
    browsers[0].picture("call-unheard", 1280, "light");
    browsers[0].picture("call-unheard", 390, "dark");
    std::thread::sleep(std::time::Duration::from_millis(5_000_u64.saturating_sub(clock.moment().ms_since(begun))));
    be(Weather::default());
    let whole = clock.moment();
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));
    println!("told after {told_ms} ms; heard again {} ms after the way was whole", clock.moment().ms_since(whole));
    browsers.iter_mut().for_each(|browser| browser.until("!document.querySelector('.explained:not([hidden]) b')"));
    println!("after: {:?}", as_at_the_pages(3, &desks, &mut browsers));
    assert!(desks.iter().all(|desk| talk(desk)["state"] == "JOINED"));

    // Whose station is gone is heard no more.
    desks[1].station.kill();
    let gone = clock.moment();
    until("silence", &mut browsers[0], |browser| level(browser, THEM, TONES[1]) < -70.0);
    println!("silent {} ms after the other station was killed", clock.moment().ms_since(gone));
    assert_eq!(browsers[0].complaints, Vec::<String>::new());
}
