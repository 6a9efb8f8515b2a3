//! Names begin anew in every epoch: an act of a page is of the epoch that the page shows.

use serde_json::{Value, json};

use crate::Desk;
use crate::door::Client;
use crate::processes::wait;
use crate::scratch::Scratch;

pub const FIRST_EPOCH: &str = "0/0000000000000000";

/// Asks, at "0:2" of the epoch that serves. Before it stands the receipt of the other side's beginning, which is awaited, or a memo: in an
/// epoch that the other side opened no receipt of it is owed.
fn ask(desk: &Desk, epoch: u64) {
    if epoch == 0 {
        wait("the receipt", || {
            let record = desk.station.get(&format!("/record?epoch={epoch}"))?;
            let entries = record["record"]["entries"].as_array()?.clone();
            entries.iter().any(|entry| entry["entry"]["at"] == "0:1").then_some(())
        });
    } else {
        let memo = json!({"act": "memo", "words": {"text": "Fog", "language": "en"}});
        assert_eq!(desk.station.post("/acts", &memo).unwrap().0, 200);
    }
    let form = json!({"act": "ask", "from": "minister", "to": "minister"});
    let (status, told) = desk.station.post("/acts", &form).unwrap();
    assert_eq!((status, &told["entry"]["at"]), (200, &json!("0:2")), "{told}");
}

/// The request of the other side at "0:2" of the epoch that serves.
fn request(desk: &Desk, epoch: u64) -> Value {
    wait("the request", || desk.station.get(&format!("/requests/0:2?epoch={epoch}")))
}

/// South opens an epoch with its root key, and North joins it.
pub fn south_opens(scratch: &Scratch, [north, south]: [&Desk; 2]) {
    let [root, backup] = ["south.root-key", "backup"].map(|name| scratch.path().join(name));
    let mut opens = std::process::Command::new(env!("CARGO_BIN_EXE_counterpart"));
    opens.args(["--data", south.station.data.to_str().unwrap(), "restore", "--open", "--line", "Northland"]);
    let opened = opens.arg("--root-key").arg(root).arg("--backup").arg(backup).output().unwrap();
    assert!(opened.status.success(), "{opened:?}");
    wait("the other side in the new epoch", || (north.station.get("/lines")?[0]["epoch"] == 1).then_some(()));
}

#[test]
fn an_act_of_a_page_that_shows_an_ended_epoch_is_not_written_in_the_next() {
    let scratch = Scratch::new("desk-epochs");
    let [north, south] = Desk::two(&scratch);
    ask(&north, 0);
    let view = request(&south, 0);
    let line = view["line"].as_str().unwrap();
    let page = format!("/lines/{line}/requests/0:2");
    let mut client = Client::signed_in(&south, "Duty officer", "watch");
    let drawn = client.get(&page);
    let (form, once) = (drawn.field("form"), drawn.field("once"));
    let key = "act=seen&#38;on=0%3A2&#38;epoch=0%2F0000000000000000";
    assert!(drawn.body.contains(key), "a key carries the epoch beside the name");
    let offers = client.get(&format!("{page}/offer"));
    assert_eq!(offers.field("epoch"), FIRST_EPOCH);

    // Another epoch is opened, in which the same name is another request.
    south_opens(&scratch, [&north, &south]);
    ask(&north, 1);
    request(&south, 1);
    let seen = [("form", form.as_str()), ("once", &once), ("key", "act=seen&on=0:2&epoch=0%2F0000000000000000")];
    let unsaid = [("form", form.as_str()), ("once", &once), ("key", "act=seen&on=0:2")];
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
    let form = json!({"act": "seen", "on": "0:2", "epoch": "0"});
    let (status, told) = south.station.post("/acts", &form).unwrap();
    assert_eq!((status, told["error"]["code"].as_str()), (409, Some("epoch-ended")), "{told}");
    let record = south.station.get("/record?epoch=1").unwrap();
    let entries = record["record"]["entries"].as_array().unwrap();
    let is_ours = |entry: &&Value| entry["entry"]["at"].as_str().unwrap().starts_with("1:");
    let ours: Vec<&str> = entries.iter().filter(is_ours).map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert!(ours.iter().all(|kind| ["charter", "received"].contains(kind)), "nothing else was written: {record}");
    assert_eq!(request(&south, 1)["outcome"], "OPEN");
}

#[test]
fn the_side_that_restored_nothing_reads_on_its_lines_what_broke_off_until_it_takes_note_and_finds_it_in_the_record() {
    let scratch = Scratch::new("desk-broken");
    let [north, south] = Desk::two(&scratch);
    ask(&north, 0);
    let line = request(&south, 0)["line"].as_str().unwrap().to_owned();
    let words = json!({"text": "Test launch at 0600, stay clear", "language": "en"});
    let text = json!({"act": "text", "from": "minister", "to": "minister", "precedence": "FLASH", "words": words});
    let (status, told) = south.station.post("/acts", &text).unwrap();
    assert_eq!(status, 200, "{told}");
    wait("the text", || {
        north.station.get("/lines")?.to_string().contains(&told["entry"]["name"].to_string()).then_some(())
    });
    let mut client = Client::signed_in(&north, "Duty officer", "watch");
    assert!(!client.get("/lines").body.contains("broke off"));
    assert!(!client.get(&format!("/lines/{line}/record")).body.contains("name=\"epoch\""), "there is one alone");

    south_opens(&scratch, [&north, &south]);

    let page = client.get("/lines");
    assert!(page.body.contains("2 matters with Southland broke off"), "{}", page.body);
    assert!(page.body.contains("Broken off: Northland 1 of epoch 0"), "{}", page.body);
    assert!(page.body.contains("Not read: the text Southland 1 of epoch 0, FLASH"), "{}", page.body);
    assert!(page.body.contains("dir=\"auto\">Test launch at 0600"), "its words are those of its epoch: {}", page.body);
    let unread = client
        .get(&format!("/lines/{line}/{}?epoch=0", format_args!("entries/{}", told["entry"]["at"].as_str().unwrap())));
    assert!(unread.body.contains("Test launch at 0600"), "{}", unread.body);
    let matter = format!("/lines/{line}/requests/0:2?epoch=0");
    assert!(page.body.contains(&format!("href=\"{matter}\"")), "{}", page.body);
    let ring = client.get(&format!("/lines/{line}/ring/1:0"));
    assert!(ring.body.contains("Southland opened epoch 1 of this line"), "{}", ring.body);

    // From there to the entries of that epoch, and back.
    let shown = client.get(&matter);
    assert!(shown.body.contains(&format!("/lines/{line}/record?epoch=0&#38;from=0:2")), "{}", shown.body);
    let record = client.get(&format!("/lines/{line}/record?epoch=0"));
    assert!(record.body.contains("Epoch 0, which has ended") && record.body.contains("<option value=\"0\" selected>"));
    let entry = format!("/lines/{line}/entries/0:2?epoch=0");
    assert!(record.body.contains(&format!("href=\"{entry}\"")), "{}", record.body);
    let entry = client.get(&entry);
    assert!(entry.body.contains("Northland 1, ask") && entry.body.contains("/bytes?epoch=0"), "{}", entry.body);
    let serving = client.get(&format!("/lines/{line}/entries/0:2"));
    assert!(!serving.body.contains("Northland 1, ask"), "that is an entry of the epoch that serves, or none");

    let (form, once) = (page.field("form"), page.field("once"));
    let epoch = north.station.get("/lines").unwrap()[0]["began"]["opening"]["at"].clone();
    assert_eq!(epoch, "1:0");
    let key = page.body.split("value=\"act=noted&#38;").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let key = format!("act=noted&{}", key.replace("&#38;", "&"));
    let noted = client.post(&format!("/lines/{line}/acts"), &[("form", &form), ("once", &once), ("key", &key)]);
    assert_eq!(noted.status, 303, "{}", noted.body);
    assert!(!client.get("/lines").body.contains("broke off"));
    assert!(client.get(&format!("/lines/{line}/ring/1:0")).body.contains("has been noted here"));
    let sheet = client.get("/morning");
    assert!(sheet.body.contains("(epoch 0)"), "{}", sheet.body);
    let told = south.station.get("/lines").unwrap()[0]["began"]["broken_off"].as_array().map(Vec::len);
    assert_eq!(told, Some(1), "the other side takes note for itself");
}
