//! What is long, and what would turn the writing: every page stays as wide as its screen, and says what it says.

use serde_json::{Value, json};

use crate::Desk;
use crate::browser::Browser;
use crate::processes::{pair, wait};
use crate::scratch::Scratch;

/// A call sign and a name as long as they may be, without a place to break them.
fn two(scratch: &Scratch) -> [Desk; 2] {
    let mut desks = [("north", "N"), ("south", "S")].map(|(name, letter)| {
        let sign = format!("{letter}{}", "W".repeat(31));
        let desk = Desk::init(scratch.path(), name, &sign);
        let file = desk.station.data.join("counterpart.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let long = text.replacen(&format!("name = \"{sign}\""), &format!("name = \"{letter}{}\"", "W".repeat(199)), 1);
        assert_ne!(long, text);
        std::fs::write(&file, long).unwrap();
        desk
    });
    desks.iter_mut().for_each(|desk| desk.station.serve());
    pair(&desks[0].station, &desks[1].station);
    desks
}

fn act(desk: &Desk, form: &Value) -> String {
    let (status, done) = desk.station.post("/acts", form).unwrap();
    assert_eq!(status, 200, "{done}");
    done["entry"]["at"].as_str().unwrap().to_owned()
}

/// Every page at both widths; none is wider than its screen, and none obeys a mark of the peer's.
fn all_fit(page: &mut Browser, desk: &Desk, paths: &[String]) {
    for path in paths {
        page.open(&format!("http://{}{path}", desk.address));
        for width in [1280, 390] {
            page.width(width);
            assert_eq!(page.unfitting(&format!("{path} at {width}")), None);
            if path.contains("/ring/") {
                assert_eq!(page.ring_out_of_sight(), "", "{path} at {width}");
            }
        }
        let turns = "/[\\u202a-\\u202e\\u2066\\u2067]/.test(document.body.textContent)";
        assert_eq!(page.look(turns), json!(false), "{path} turns the writing");
    }
}

#[test]
fn one_word_of_400_letters_and_names_of_200_widen_no_page_and_a_mark_of_direction_turns_none() {
    let scratch = Scratch::new("desk-wide");
    let [north, south] = two(&scratch);
    let long = format!("\u{2069}\u{202e} North Sea {}", "W".repeat(400));
    let words = json!({"text": long});
    let ask = json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "FLASH", "private": true, "words": words});
    let at = act(&north, &ask);
    let text = json!({"act": "text", "from": "minister", "to": "minister", "words": words});
    act(&north, &text);
    act(&north, &json!({"act": "text", "from": "minister", "to": "minister", "words": {"text": "ä".repeat(3_000)}}));
    act(&north, &json!({"act": "memo", "words": words}));
    let line = south.station.get("/lines").unwrap()[0]["line"].as_str().unwrap().to_owned();
    wait("the texts", || {
        let view = south.station.get("/record")?;
        (view["record"]["entries"].as_array()?.iter().filter(|e| e["kind"] == "text").count() == 2).then_some(())
    });
    let mut page = Browser::start("browser-wide");
    page.open(&south.link(&"W".repeat(64), "admin"));
    page.look("document.querySelector('button.main').click()");
    page.until("location.pathname === '/lines'");

    let of_line = |rest: &str| format!("/lines/{line}/{rest}");
    let mut paths: Vec<String> =
        ["/lines", "/morning", "/settings", "/users", "/pairing", "/asks/new"].map(str::to_owned).to_vec();
    all_fit(&mut page, &south, &[format!("ring/{at}"), format!("ring/{at}/decline")].map(|rest| of_line(&rest)));
    act(&south, &json!({"act": "seen", "on": at}));
    let rest = ["texts".to_owned(), "record".to_owned(), format!("entries/{at}")];
    paths.extend(rest.into_iter().map(|rest| of_line(&rest)));
    paths.extend([format!("requests/{at}"), format!("requests/{at}/offer")].map(|rest| of_line(&rest)));
    all_fit(&mut page, &south, &paths);

    page.open(&format!("http://{}/lines/{line}/requests/{at}", south.address));
    let lede = page.look("document.querySelector('.lede').textContent").as_str().unwrap().to_owned();
    assert!(lede.contains("\u{fffd}\u{fffd} North Sea") && lede.to_lowercase().contains("private"), "{lede}");
    // A list shows the beginning of what is long; the entry all of it.
    page.open(&format!("http://{}/lines/{line}/texts", south.address));
    let cut = "[...document.querySelectorAll('.msg .body')].map((e) => e.textContent.length)";
    assert!(page.look(cut).as_array().unwrap().contains(&json!(2_001)), "{}", page.look(cut));
    page.look("document.querySelector('.msg a[href*=\"/entries/\"]').click()");
    page.until(
        "location.pathname.includes('/entries/') && document.querySelector('.said .body').textContent.length === 3000",
    );
    assert_eq!(page.complaints, Vec::<String>::new());
}
