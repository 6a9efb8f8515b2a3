//! Every state of a request, made by acts of both sides, from the enums of `core`: one that has no picture does not compile.

use counterpart_core::line::crossing::{Outcome, Say};
use counterpart_core::line::ladder::{Headline, Rung};
use counterpart_core::line::talk::TalkState;
use counterpart_core::precedence::{Mark, Precedence};
use serde_json::{Value, json};

use super::State;
use super::stage::{HOUR, MINUTE, Stage};
use crate::Desk;

/// What makes a state; the entry of the ask.
type Make = fn(&mut Stage) -> String;

states! { outcomes: Outcome, Make;
    Outcome::Open => "OPEN", |s| s.ask("Tanker adrift off Cape Orr: a joint tow", json!({}));
    Outcome::Said(Say::Answered) => "ANSWERED", answered;
    Outcome::Said(Say::Agreed(_)) => "AGREED", agreed;
    Outcome::Said(Say::Declined) => "DECLINED", |s| {
        let ask = s.ask("Fishing rights on the western shelf", json!({}));
        s.act(1, json!({"act": "decline", "on": ask, "code": "LEVEL", "words": {"text": "The Deputy Minister is competent."}}));
        ask
    };
    Outcome::Said(Say::Withdrawn) => "WITHDRAWN", |s| {
        let ask = s.ask("Planned ramp on the submarine link", json!({}));
        s.on(0, "withdraw", &ask);
        ask
    };
    Outcome::Said(Say::Lapsed) => "LAPSED", |s| {
        let ask = s.ask("Notice of a test launch", json!({"valid_until": s.at(2 * HOUR)}));
        s.on(1, "seen", &ask);
        s.pass(3 * HOUR);
        ask
    };
    Outcome::Crossed => "CROSSED", |s| {
        let ask = s.ask("Interpreters for Thursday", json!({}));
        s.part();
        s.alone(0, json!({"act": "withdraw", "on": ask}));
        s.alone(1, json!({"act": "answer", "on": ask}));
        s.meet();
        ask
    };
    Outcome::BrokenOff => "BROKEN OFF", |s| {
        // Made last: an epoch that the other side has not joined yet, and what was open is of one that has ended.
        let ask = s.alone(0, json!({"act": "ask", "from": "minister", "to": "minister", "mark": "OPERATION",
            "words": {"text": "Depth soundings in the lagoon"}}));
        s.opens_epoch(0);
        ask
    };
}

states! { rungs: Rung, Make;
    Rung::Sent => "SENT", |s| {
        s.part();
        s.alone(0, json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "PRIORITY", "mark": "OPERATION",
            "words": {"text": "Drone recovered on the northern beach"}}))
    };
    Rung::Delivered => "DELIVERED", |s| s.ask("Dredger at the lock", json!({}));
    Rung::Alerting => "ALERTING", |s| {
        let ask = s.ask("Smoke from the refinery", json!({"precedence": "IMMEDIATE"}));
        s.rings(1);
        ask
    };
    Rung::Seen => "SEEN", |s| {
        let ask = s.ask("Ice on the approach", json!({}));
        s.on(1, "seen", &ask);
        ask
    };
    Rung::Referred => "REFERRED", |s| {
        let ask = s.ask("Rotation of the observers", json!({}));
        s.on(1, "refer", &ask);
        ask
    };
}

states! { talks: TalkState, Make;
    TalkState::None => "", |s| s.ask("Ferry timetable in January", json!({"precedence": "ROUTINE"}));
    TalkState::Planned => "PLANNED", |s| {
        let ask = s.ask("Grid frequency on Sunday", json!({}));
        let offer = offered(s, &ask);
        s.act(0, json!({"act": "accept", "on": offer, "window": "2"}));
        ask
    };
    TalkState::Joined => "JOINED", joined;
    TalkState::Cancelled => "CANCELLED", |s| {
        let ask = agreed(s);
        s.act(1, json!({"act": "cancel", "on": ask, "code": "TRAVELLING"}));
        ask
    };
    TalkState::Missed => "MISSED", |s| {
        let ask = answered(s);
        s.pass(HOUR);
        s.on(0, "missed", &ask);
        ask
    };
    TalkState::Stated => "STATED", |s| {
        let ask = answered(s);
        talked(s, 1, &ask);
        ask
    };
    TalkState::Talked => "TALKED", |s| {
        let ask = answered(s);
        [1, 0].into_iter().for_each(|side| talked(s, side, &ask));
        ask
    };
    TalkState::Crossed => "CROSSED", |s| {
        let ask = answered(s);
        s.pass(HOUR);
        s.part();
        s.alone(0, json!({"act": "missed", "on": ask}));
        let when = format!("{}/{}", s.ago(30 * MINUTE), s.ago(10 * MINUTE));
        s.alone(1, json!({"act": "talk", "on": ask, "when": when, "instrument": "telephone"}));
        s.meet();
        ask
    };
}

states! { headlines: Headline, Make;
    Headline::Closed { .. } => "closed-by-defer-and-decline", |s| {
        let ask = s.ask("Border commission", json!({}));
        s.act(1, json!({"act": "defer", "on": ask, "code": "AWAITING-INSTRUCTIONS"}));
        s.act(1, json!({"act": "decline", "on": ask, "code": "IN-WRITING"}));
        ask
    };
    Headline::Open { .. } => "open-renewed", |s| {
        let ask = s.ask("Salvage of the second barge", json!({}));
        s.on(1, "refer", &ask);
        s.pass(2 * HOUR);
        s.act(0, json!({"act": "renew", "on": ask, "precedence": "IMMEDIATE"}));
        ask
    };
}

states! { marks: Mark, Make;
    Mark::Operation => "OPERATION", |s| s.ask("Ammonia leak at the terminal", json!({"precedence": "FLASH"}));
    Mark::Exercise => "EXERCISE", |s| s.ask("Collision drill", json!({"mark": "EXERCISE"}));
    Mark::Test => "TEST", |s| s.ask("Of the new console", json!({"mark": "TEST", "precedence": "ROUTINE"}));
}

states! { precedences: Precedence, Make;
    Precedence::Routine => "ROUTINE", |s| s.ask("Minutes of the last meeting", json!({"precedence": "ROUTINE"}));
    Precedence::Priority => "PRIORITY", |s| s.ask("Pilots at the strait", json!({}));
    Precedence::Immediate => "IMMEDIATE", |s| s.ask("Aircraft without transponder", json!({"precedence": "IMMEDIATE"}));
    Precedence::Flash => "FLASH", |s| s.ask("Missile test under way", json!({"precedence": "FLASH"}));
}

/// What rings at Sundmark with most keys: as many times as an offer may have, on its own request.
pub fn offered_there() -> State<Make> {
    of("offered", |s| {
        let ask = s.asked_by(1, "Fairway marks before the ice", json!({"precedence": "FLASH"}));
        s.quiet(0);
        s.rest();
        let window = |hours: u64| format!("{}/{}", s.at(hours * HOUR), s.at(hours * HOUR + 30 * MINUTE));
        let windows: Vec<String> = (0..8).map(|n| window(20 + 3 * n)).collect();
        s.act(0, json!({"act": "offer", "on": ask, "windows": windows, "answer_by": s.at(10 * HOUR)}));
        ask
    })
}

/// What no enum lists, and a page explains: by name.
pub fn others() -> Vec<State<Make>> {
    let mut all = offers();
    all.extend([
        of("deferred", |s| {
            let ask = s.ask("Wreck buoy off position", json!({}));
            s.act(
                1,
                json!({"act": "defer", "on": ask, "code": "TRAVELLING", "until": s.at(20 * HOUR),
                "words": {"text": "The Minister is in the air until tomorrow."}}),
            );
            ask
        }),
        of("overdue", |s| {
            let ask = s.ask("Radar contact lost", json!({"precedence": "IMMEDIATE"}));
            s.pass(HOUR);
            ask
        }),
        of("suspended", |s| {
            let ask = s.ask("Schedule of the inspection", json!({}));
            s.on(0, "suspend", &ask);
            ask
        }),
        of("concerted", |s| {
            s.part();
            let form = |text: &str| {
                json!({"act": "ask", "from": "duty-officer", "to": "duty-officer", "precedence": "PRIORITY",
                "mark": "OPERATION", "words": {"text": text}})
            };
            let ask = s.alone(0, form("Search and rescue at the boundary"));
            s.alone(1, form("Two rafts sighted"));
            s.meet();
            ask
        }),
        of("asked-again", |s| {
            let closed = s.ask("Permission to overfly", json!({}));
            s.act(1, json!({"act": "decline", "on": closed, "code": "CONDITIONS"}));
            s.ask("Permission to overfly, with an observer on board", json!({"again": closed}))
        }),
        of("unsettled", unsettled),
        of("private-in-another-script", |s| {
            let text = "关于三月联合演习空域划分及其通知程序的磋商 — обсуждение границ района учений — مشاورات";
            s.ask(text, json!({"private": true, "mode": "meeting"}))
        }),
    ]);
    all
}

/// What becomes of times that are offered.
fn offers() -> Vec<State<Make>> {
    vec![
        of("offered", |s| {
            let ask = s.ask("Gas flow through the eastern station", json!({}));
            offered(s, &ask);
            ask
        }),
        of("offer-lapsed", |s| {
            let ask = s.ask("Water level of the reservoir", json!({}));
            offered(s, &ask);
            s.pass(11 * HOUR);
            ask
        }),
        of("offer-crossed", |s| {
            let ask = s.ask("Exchange of lists", json!({}));
            let offer = offered(s, &ask);
            s.part();
            s.alone(1, json!({"act": "withdraw", "on": offer}));
            s.alone(0, json!({"act": "accept", "on": offer, "window": "1"}));
            s.meet();
            ask
        }),
        of("ready", |s| {
            let ask = s.ask("Hand-over of the crew", json!({"precedence": "IMMEDIATE"}));
            s.on(1, "ready", &ask);
            ask
        }),
    ]
}

fn of(word: &'static str, make: Make) -> State<Make> {
    State { word, make }
}

/// Written here and not yet held there.
fn unsettled(s: &mut Stage) -> String {
    let ask = s.ask("Convoy at the river crossing", json!({}));
    let offer = offered(s, &ask);
    s.part();
    s.alone(0, json!({"act": "accept", "on": offer, "window": "1"}));
    ask
}

fn answered(s: &mut Stage) -> String {
    let ask = s.ask("Mine clearance in the fairway", json!({"precedence": "IMMEDIATE"}));
    s.on(1, "answer", &ask);
    ask
}

fn agreed(s: &mut Stage) -> String {
    let ask = s.ask("Repair of the boundary stone", json!({}));
    let offer = offered(s, &ask);
    s.act(0, json!({"act": "accept", "on": offer, "window": "1"}));
    ask
}

/// Two windows of Sundmark's, tomorrow.
fn offered(s: &mut Stage, ask: &str) -> String {
    let window = |hours: u64| format!("{}/{}", s.at(hours * HOUR), s.at(hours * HOUR + 30 * MINUTE));
    let windows = [20, 25].map(window);
    s.act(1, json!({"act": "offer", "on": ask, "windows": windows, "answer_by": s.at(10 * HOUR)}))
}

fn talked(s: &mut Stage, side: usize, ask: &str) {
    s.pass(HOUR);
    let when = format!("{}/{}", s.ago(30 * MINUTE), s.ago(10 * MINUTE));
    s.act(side, json!({"act": "talk", "on": ask, "when": when, "instrument": "telephone", "posts": ["minister"]}));
}

/// A program of theirs that has voice says so; ours has none yet.
fn joined(s: &mut Stage) -> String {
    // What came before it has left both parted.
    s.meet();
    let ask = s.ask("Fire on the platform", json!({"precedence": "IMMEDIATE"}));
    let answer = s.on(1, "answer", &ask);
    s.part();
    super::forged::joins(s, &answer);
    ask
}

/// What leaves both parted, and therefore comes last.
pub const LAST: [&str; 4] = ["unsettled", "JOINED", "SENT", "BROKEN OFF"];

/// What the API says of a request.
pub fn view(desk: &Desk, ask: &str) -> Value {
    desk.station.get(&format!("/requests/{ask}?epoch=0")).unwrap()
}
