//! The rules of a line, chosen on the desk and read on both before anything is signed: over plain HTTP.

use serde_json::json;

use crate::door::Client;
use crate::processes::{digits, wait};
use crate::scratch::Scratch;
use crate::{Desk, invitation};

#[test]
fn the_terms_of_an_invitation_are_chosen_on_one_desk_and_read_on_both_before_anything_is_signed() {
    let scratch = Scratch::new("desk-terms");
    let desks = Desk::unpaired(&scratch);
    let [north, south] = &desks;
    let mut invites = Client::signed_in(north, "Head of watch", "admin");
    let mut joins = Client::signed_in(south, "Keeper", "admin");
    let form = invites.get("/pairing").field("form");
    let watch = |flash: &'static str| [("watch", "4h"), ("watch", "30m"), ("watch", "10m"), ("watch", flash)];
    let others = [("form", form.as_str()), ("grace", "5m"), ("checks", "")];

    let refused = invites.post("/pairing/invite", &[&others[..], &watch("soon")].concat());
    assert_eq!(refused.status, 400);
    for part in
        ["4h,30m,10m,soon", "<details class=\"proposes\" open>", "value=\"soon\"", "name=\"grace\" value=\"5m\""]
    {
        assert!(refused.body.contains(part), "{part}: {}", refused.body);
    }
    assert_eq!(north.station.get("/pairings"), Some(json!([])), "nobody is invited");

    let made = invites.post("/pairing/invite", &[&others[..], &watch("2m")].concat());
    let agreed = "ROUTINE 4 hours, PRIORITY 30 minutes, IMMEDIATE 10 minutes, FLASH 2 minutes (clause 5)";
    assert!(made.status == 200 && made.body.contains(agreed), "{}", made.body);
    let text = invitation(&made.body);
    let joined = joins.get("/pairing").field("form");
    assert_eq!(joins.post("/pairing/join", &[("form", &joined), ("invitation", &text)]).status, 303);
    let digits = digits([&north.station, &south.station]);
    for (client, other) in [(&mut invites, "Southland"), (&mut joins, "Northland")] {
        let shown = client.get("/pairing").body;
        let (before, _) = shown.split_once("value=\"act=same\"").expect("it can be confirmed");
        for part in [agreed, "no sooner than 5 minutes after its deadline", &format!("{other} can be reached at")] {
            assert!(before.contains(part), "{part}: {before}");
        }
    }

    for desk in [south, north] {
        assert_eq!(desk.station.post("/pairings/confirm", &json!({"digits": digits})).unwrap().0, 200);
    }
    for (desk, client) in [(north, &mut invites), (south, &mut joins)] {
        wait("an open line", || desk.station.get("/lines").filter(|lines| lines[0]["status"] == "open"));
        for page in ["/pairing", "/lines"] {
            assert!(client.get(page).body.contains(agreed), "they are read later, too: {page}");
        }
    }
}
