//! How much a browser has to fetch before a page of the desk can be used. A count, which is the same on every machine.

use std::collections::BTreeMap;

use serde_json::json;

use crate::Desk;
use crate::door::Client;
use crate::processes::wait;
use crate::scratch::Scratch;

/// What one page with all its files may be at most, heads and all.
const BYTES_MAX: usize = 100_000;

/// The addresses of this station that a page names as its own parts.
fn parts(html: &str) -> Vec<String> {
    let named = ["href=\"", "src=\""].into_iter().flat_map(|begin| html.split(begin).skip(1));
    let all = named.filter_map(|rest| rest.split('"').next()).filter(|at| at.starts_with("/static/"));
    all.map(str::to_owned).collect()
}

#[test]
fn a_first_load_of_each_page_of_the_desk_is_under_a_hundred_thousand_bytes() {
    let scratch = Scratch::new("load");
    let [north, south] = Desk::two(&scratch);
    let line = north.station.get("/lines").unwrap()[0]["line"].as_str().unwrap().to_owned();
    for n in 0..12 {
        let words = json!({"text": format!("Tanker {n} adrift off Cape Orr: a joint tow before the weather turns")});
        let ask = json!({"act": "ask", "from": "minister", "to": "minister", "words": words});
        assert_eq!(north.station.post("/acts", &ask).unwrap().0, 200);
    }
    let last = wait("the asks", || south.station.get("/requests/Northland%2012"));
    let request = last["request"]["at"].as_str().unwrap().to_owned();
    let mut client = Client::signed_in(&south, "Duty officer", "admin");
    let pages = ["/lines", "/asks/new", "/lines/L/requests/R", "/lines/L/ring/R", "/lines/L/texts", "/lines/L/record"];
    let more = ["/morning", "/settings", "/users", "/tokens"];
    let takes = [("accept-encoding", "gzip, deflate, br")];
    let mut sizes = BTreeMap::new();

    for page in pages.into_iter().chain(more) {
        let shown = client.fetch(&page.replace('L', &line).replace('R', &request), &takes);
        assert_eq!(shown.status, 200, "{page}");
        assert_eq!(
            shown.header("content-encoding"),
            None,
            "no page is packed: it has secrets, and words of the other side"
        );
        let html = String::from_utf8(shown.body).unwrap();
        let files = parts(&html);
        assert!(files.len() >= 6, "{page}: {files:?}");
        let mut bytes = shown.bytes;
        for file in &files {
            let part = client.fetch(file, &takes);
            assert_eq!((part.status, part.header("vary")), (200, Some("accept-encoding")), "{file}");
            assert_eq!(part.header("content-encoding"), Some("gzip"), "{file}");
            bytes += part.bytes;
        }
        sizes.insert(page, (bytes, html.len()));
    }

    println!("bytes of a first load, and of the page alone: {sizes:#?}");
    assert!(sizes.values().all(|(bytes, _)| *bytes < BYTES_MAX), "{sizes:?}");
    let html = client.get("/lines").body;
    let plain = client.fetch(&parts(&html)[0], &[]);
    assert_eq!(plain.header("content-encoding"), None, "who does not take it so gets it as it is");
    assert!(String::from_utf8(plain.body).is_ok());
}
