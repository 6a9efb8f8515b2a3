//! A talk for which a time was agreed: when it begins both desks ring, and whoever comes can say that the other side did not.

use serde_json::json;

use crate::pictures::stage::{HOUR, MINUTE, Stage};
use crate::processes::wait;
use crate::ring::RINGS;

/// A request with an agreed time, an hour from now; nothing rings any more.
fn agreed(stage: &Stage) -> String {
    let ask = stage.ask("Repair of the boundary stone", json!({}));
    let window = format!("{}/{}", stage.at(HOUR), stage.at(HOUR + 30 * MINUTE));
    let offer = json!({"act": "offer", "on": ask, "windows": [window], "answer_by": stage.at(HOUR / 2)});
    let offer = stage.act(1, offer);
    stage.act(0, json!({"act": "accept", "on": offer, "window": "1"}));
    stage.quiet(1);
    ask
}

#[test]
fn when_an_agreed_time_begins_both_desks_ring_until_somebody_takes_note_or_comes_and_who_came_says_that_the_other_did_not()
 {
    let stage = Stage::new("desk-talk-agreed");
    let ask = agreed(&stage);
    let [mut north, mut south] = [0, 1].map(|at| stage.desks[at].browser(&format!("Duty officer {at}")));
    assert!(
        [&mut north, &mut south]
            .into_iter()
            .all(|page| page.look("document.getElementById('bell-dialog').open") == json!(false))
    );

    stage.pass(HOUR);

    for (page, peer) in [(&mut north, "Sundmark"), (&mut south, "Northland")] {
        page.until(RINGS);
        let headline = format!("document.querySelector('.ring h1').textContent === 'It is time to talk with {peer}.'");
        page.until(&headline);
        page.until("document.querySelector('[data-ringstate]').textContent.includes('rings')");
    }
    north.picture("ring-time", 1280, "light");
    assert_eq!(north.ring_out_of_sight(), "");

    // Taken note of at one desk, it rings on at the other side's.
    north.press_at_ring("k");
    north.until("location.pathname.includes('/requests/') && !document.querySelector('.strip.rings')");
    assert_eq!(south.look(RINGS), json!(true));

    // Whoever comes is in the call's lobby, where it rings until they are in.
    south.press_at_ring("j");
    south.until("location.pathname.includes('/calls/') && !!document.querySelector('.strip.rings')");
    south.until("!!document.querySelector('[data-key=join]')");
    south.press_access("j");
    south.until("!!document.querySelector('[data-call]') && !document.querySelector('.strip.rings')");
    south.press_access("n");

    let word = || stage.desks[1].station.get(&format!("/requests/{ask}")).map(|view| view["talk"]["ours"].clone());
    wait("MISSED", || (word()? == "missed").then_some(()));
    south.until("!!document.querySelector('[data-call]')");
    assert_eq!([north.complaints.clone(), south.complaints.clone()].concat(), Vec::<String>::new());
}

/// Both sides come into the call of a request, as each of them names it, and see each other there.
fn come(stage: &Stage, names: [&str; 2]) {
    let come = |at: usize| {
        let form = json!({"on": names[at], "part": "watch"});
        let (status, told) = stage.desks[at].station.post("/talks/let-in", &form).unwrap();
        assert_eq!(status, 200, "{told}");
    };
    std::thread::scope(|scope| [0, 1].map(|at| scope.spawn(move || come(at))).map(|one| one.join().unwrap()));
    for (desk, name) in stage.desks.iter().zip(names) {
        let path = format!("/talks?on={}", name.replace(' ', "%20"));
        let here = |call: &serde_json::Value| call["theirs"].as_array().map(Vec::len) == Some(1);
        wait("the other side", || desk.station.get(&path).filter(here));
    }
}

#[test]
fn a_talk_to_which_a_ready_was_taken_up_and_one_on_two_requests_that_crossed_are_entered_by_both_sides() {
    let mut stage = Stage::new("desk-talk-ready");
    let ask = stage.ask("Repair of the boundary stone", json!({}));
    let ready = stage.on(1, "ready", &ask);
    stage.act(0, json!({"act": "accept", "on": ready}));
    come(&stage, ["Northland 1"; 2]);

    stage.part();
    let asks = [0, 1].map(|side| {
        let form = json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "IMMEDIATE", "words": {"text": "The dyke"}});
        stage.alone(side, form)
    });
    stage.meet();
    stage.part();
    [1, 0].into_iter().zip(&asks).for_each(|(side, ask)| drop(stage.alone(side, json!({"act": "answer", "on": ask}))));
    stage.meet();
    let names: Vec<String> = [0, 1]
        .map(|side| {
            let view = stage.desks[side].station.get(&format!("/requests/{}", asks[side])).unwrap();
            assert_eq!(view["outcome"], "ANSWERED", "{view}");
            view["request"]["name"].as_str().unwrap().to_owned()
        })
        .into();
    assert_ne!(names[0], names[1], "each side has its own request");
    come(&stage, [&names[0], &names[1]]);
}
