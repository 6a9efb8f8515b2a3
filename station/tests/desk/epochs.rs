//! Names begin anew in every epoch: an act of a page is of the epoch that the page shows.

use serde_json::{Value, json};

use crate::Desk;
use crate::door::Client;
use crate::processes::wait;
use crate::scratch::Scratch;

const FIRST_EPOCH: &str = "0/0000000000000000";

fn ask(desk: &Desk) {
    let form = json!({"act": "ask", "from": "minister", "to": "minister"});
    let (status, told) = desk.station.post("/acts", &form).unwrap();
    assert_eq!(status, 200, "{told}");
}

/// The request of the other side at "0:1" of the epoch that serves.
fn request(desk: &Desk, epoch: u64) -> Value {
    wait("the request", || desk.station.get(&format!("/requests/0:1?epoch={epoch}")))
}

#[test]
fn an_act_of_a_page_that_shows_an_ended_epoch_is_not_written_in_the_next() {
    let scratch = Scratch::new("desk-epochs");
    let [north, south] = Desk::two(&scratch);
    ask(&north);
    let view = request(&south, 0);
    let line = view["line"].as_str().unwrap();
    let page = format!("/lines/{line}/requests/0:1");
    let mut client = Client::signed_in(&south, "Duty officer", "watch");
    let drawn = client.get(&page);
    let (form, once) = (drawn.field("form"), drawn.field("once"));
    let key = "act=seen&#38;on=0%3A1&#38;epoch=0%2F0000000000000000";
    assert!(drawn.body.contains(key), "a key carries the epoch beside the name");
    let offers = client.get(&format!("{page}/offer"));
    assert_eq!(offers.field("epoch"), FIRST_EPOCH);

    // Another epoch is opened, in which the same name is another request.
    let [root, backup] = ["south.root-key", "backup"].map(|name| scratch.path().join(name));
    let mut opens = std::process::Command::new(env!("CARGO_BIN_EXE_counterpart"));
    opens.args(["--data", south.station.data.to_str().unwrap(), "restore", "--open", "--line", "Northland"]);
    let opened = opens.arg("--root-key").arg(root).arg("--backup").arg(backup).output().unwrap();
    assert!(opened.status.success(), "{opened:?}");
    wait("the other side in the new epoch", || (north.station.get("/lines")?[0]["epoch"] == 1).then_some(()));
    ask(&north);
    request(&south, 1);
    let seen = [("form", form.as_str()), ("once", &once), ("key", "act=seen&on=0:1&epoch=0%2F0000000000000000")];
    let unsaid = [("form", form.as_str()), ("once", &once), ("key", "act=seen&on=0:1")];
    let times = [
        ("form", form.as_str()),
        ("once", &once),
        ("epoch", FIRST_EPOCH),
        ("act", "offer"),
        ("day-1", "2030-01-01"),
        ("from-1", "12:00"),
        ("until-1", "13:00"),
        ("by-day", "2030-01-01"),
        ("by-time", "11:00"),
    ];

    let acts = format!("/lines/{line}/acts");
    for answer in [client.post(&acts, &seen), client.post(&format!("{page}/offer"), &times)] {
        assert_eq!(answer.status, 409);
        assert!(answer.body.contains("Another epoch of this line serves by now"), "{}", answer.body);
    }
    assert_eq!(client.post(&acts, &unsaid).status, 400, "no page names an entry without its epoch");
    let form = json!({"act": "seen", "on": "0:1", "epoch": "0"});
    let (status, told) = south.station.post("/acts", &form).unwrap();
    assert_eq!((status, told["error"]["code"].as_str()), (409, Some("epoch-ended")), "{told}");
    let record = south.station.get("/record?epoch=1").unwrap();
    let entries = record["record"]["entries"].as_array().unwrap();
    let is_ours = |entry: &&Value| entry["entry"]["at"].as_str().unwrap().starts_with("1:");
    let ours: Vec<&str> = entries.iter().filter(is_ours).map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert!(ours.iter().all(|kind| ["charter", "received"].contains(kind)), "nothing else was written: {record}");
    assert_eq!(request(&south, 1)["outcome"], "OPEN");
}
