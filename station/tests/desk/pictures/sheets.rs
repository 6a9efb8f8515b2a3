//! Call sheets: as their form is filled in from the other side's, refused, agreed, and as they differ.

use serde_json::json;

use super::stage::{HOUR, MINUTE, Stage};
use super::viewer::{Scope, Shot, Viewer};
use super::{done, look};

const TOPICS: &str = "Northland: the tow, and who pays for the tug\nSundmark: лёд у причала\nSundmark: مساعدة الطاقم والركاب\nNorthland: when to talk again";

/// What this side states of a talk of twenty minutes, an hour ago.
fn write(stage: &Stage, side: usize, ask: &str, (minutes, languages, text): (u64, &[&str], &str)) {
    let when = format!(
        "{}/{}",
        stage.ago(stage.now() % MINUTE + HOUR),
        stage.ago(stage.now() % MINUTE + HOUR - minutes * MINUTE)
    );
    let post = if side == 0 { "minister" } else { "duty-officer" };
    let words = json!({ "text": text });
    stage.alone(
        side,
        json!({"act": "sheet", "on": ask, "when": when, "posts": [post], "languages": languages, "words": words}),
    );
}

fn talked(stage: &Stage, subject: &str) -> String {
    let ask = stage.ask(subject, json!({}));
    stage.on(1, "answer", &ask);
    stage.pass(3 * HOUR);
    for side in [1, 0] {
        let when = format!("{}/{}", stage.ago(2 * HOUR), stage.ago(HOUR));
        stage.act(side, json!({"act": "talk", "on": ask, "when": when, "instrument": "video", "posts": ["minister"]}));
    }
    stage.quiet(0);
    stage.rest();
    ask
}

#[test]
fn call_sheets_have_their_pictures() {
    let stage = Stage::new("pictures-sheets");
    let mut viewers = Viewer::all(Scope::asked());
    let line = format!("/lines/{}/requests", stage.line);
    let ask = talked(&stage, "Tanker adrift off Cape Orr: a joint tow");
    write(&stage, 1, &ask, (20, &["en", "ru", "ar"], TOPICS));
    stage.rest();
    let mut shots = vec![("sheet-alone", format!("{line}/{ask}")), ("sheet-form", format!("{line}/{ask}/sheet"))];
    for (name, path) in shots.drain(..) {
        look(&mut viewers, &stage.desks[0], &Shot::of(name, &path));
    }
    write(&stage, 0, &ask, (20, &["ar", "en", "ru"], TOPICS));
    stage.rest();
    look(&mut viewers, &stage.desks[0], &Shot::of("sheet-agreed", &format!("{line}/{ask}")));
    write(&stage, 1, &ask, (25, &["en"], "Northland: the tow, and who pays for the tug"));
    stage.rest();
    look(&mut viewers, &stage.desks[0], &Shot::of("sheet-differ", &format!("{line}/{ask}")));
    done(&viewers);
}
