//! The configuration: what `init` writes is valid, and each mistake is answered with where it is and what to write.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::Path;

use crate::scratch::Scratch;
use counterpart::config::{self, Checks, Config, Starter};

const STARTER: Starter<'_> = Starter {
    name: "Ministry of Foreign Affairs of Northland",
    call_sign: "Northland",
    zone: "Europe/Oslo",
    listen: "0.0.0.0:7411",
    announce: &[],
    desk: "",
};

/// The text of the error after `from` became `to` in the file that `init` writes.
fn error_after(from: &str, to: &str) -> String {
    let text = STARTER.text();
    assert!(text.contains(from), "{from}");
    Config::parse(&text.replacen(from, to, 1), Path::new("counterpart.toml")).unwrap_err().to_string()
}

fn assert_says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn the_file_that_init_writes_is_valid_and_never_overwritten() {
    let scratch = Scratch::new("config-starter");

    let written = config::write_starter(scratch.path(), &STARTER).unwrap();
    let read = Config::load(scratch.path()).unwrap();
    let again = config::write_starter(scratch.path(), &STARTER).unwrap_err().to_string();

    assert_eq!(written.organisation.call_sign, "Northland");
    assert_eq!(read.organisation.zone, "Europe/Oslo");
    assert_eq!(read.posts.len(), 2);
    assert_eq!(read.posts[0].highest, 3);
    assert_eq!((read.link.entries_per_second, read.link.burst), (50, 500));
    assert_eq!((read.link.entries_per_day, read.link.mebibytes_per_day), (50_000, 256));
    assert_eq!(read.checks, Checks::Every { minutes: 60 });
    assert_says(&again, &["counterpart.toml", "cannot be written", "Name a data directory that is new"]);
}

#[test]
fn an_answer_with_quotes_and_line_breaks_adds_no_key() {
    let name = "N\"\nburst = 1\n";
    let starter = Starter { name: "The \"New\" Office", call_sign: "New\\Office", ..STARTER };

    let config = Config::parse(&starter.text(), Path::new("f")).unwrap();
    let broken = Config::parse(&Starter { name, ..STARTER }.text(), Path::new("f")).unwrap_err();

    assert_eq!(config.organisation.name, "The \"New\" Office");
    assert_eq!(config.organisation.call_sign, "New\\Office");
    assert_says(&broken.to_string(), &["organisation.name", "character that cannot be seen"]);
}

#[test]
fn what_is_left_out_of_link_and_checks_has_defaults() {
    let text = STARTER.text();
    let (head, rest) = text.split_once("[link]").unwrap();
    let posts = &rest[rest.find("[[post]]").unwrap()..];

    let config = Config::parse(&format!("{head}{posts}"), Path::new("f")).unwrap();

    assert_eq!(config.link.listen.to_string(), config::LISTEN_DEFAULT);
    assert_eq!(config.checks, Checks::Every { minutes: 60 });
    assert!(config.link.announce.is_empty() && config.link.references.is_empty());
}

#[test]
fn fixed_hours_of_checks_are_minutes_of_the_utc_day_in_order() {
    let text = STARTER.text().replace("every_minutes = 60", "at_utc = [\"17:00\", \"09:05\", \"09:05\"]");

    let config = Config::parse(&text, Path::new("f")).unwrap();

    assert_eq!(config.checks, Checks::At { minutes_utc: vec![545, 1_020] });
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    let scratch = Scratch::new("config-missing");

    let error = Config::load(scratch.path()).unwrap_err().to_string();

    assert_says(&error, &["counterpart.toml", "cannot be read", "counterpart init"]);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_those_that_exist() {
    let error = error_after("banner = \"\"", "colour = \"red\"");

    assert_says(&error, &["counterpart.toml, line 15, organisation.colour", "no such key", "Remove it", "`banner`"]);
}

#[test]
fn an_unknown_section_is_named() {
    let error = error_after("[checks]", "[cheques]");

    assert_says(&error, &["cheques", "no such key", "`checks`"]);
}

#[test]
fn a_missing_key_is_named_with_an_example() {
    let error = error_after("call_sign = \"Northland\"\n", "");

    assert_says(&error, &["organisation.call_sign: it is missing", "Write, for example: call_sign = \"Northland\""]);
}

#[test]
fn a_missing_section_is_named() {
    let text = STARTER.text();
    let posts = &text[text.find("[[post]]").unwrap()..];

    let error = Config::parse(posts, Path::new("f")).unwrap_err().to_string();

    assert_says(&error, &["organisation: it is missing", "[organisation]"]);
}

#[test]
fn a_value_of_another_type_is_named_with_an_example() {
    let night = error_after("night = true", "night = \"yes\"");
    let burst = error_after("burst = 500", "burst = -1");

    assert_says(&night, &["line 49, post.night", "expected a boolean", "Write, for example: night = true"]);
    assert_says(&burst, &["link.burst", "`-1`", "Write, for example: burst = 500"]);
}

#[test]
fn bad_syntax_is_named_with_its_line() {
    let error = error_after("zone = \"Europe/Oslo\"", "zone = Europe/Oslo");

    assert_says(&error, &["line 13, organisation.zone", "Write, for example: zone = \"Europe/Oslo\""]);
}

/// What to replace in the file that `init` writes, with what, and what the error then says.
const BAD_VALUES: [(&str, &str, &str); 18] = [
    ("name = \"Ministry of Foreign Affairs of Northland\"", "name = \" \"", "organisation.name: it is empty"),
    ("\"Northland\"", "\"A call sign that nobody could say aloud\"", "organisation.call_sign: it is 39 bytes long"),
    ("languages = [\"en\"]", "languages = []", "organisation.languages: it is empty"),
    ("languages = [\"en\"]", "languages = [\"en\", \"engl!sh\"]", "“engl!sh” is no language tag"),
    ("\"Europe/Oslo\"", "\"Europe/Nowhere\"", "organisation.zone: “Europe/Nowhere” is no time zone"),
    ("\"0.0.0.0:7411\"", "\"localhost\"", "link.listen: “localhost” is no numeric address"),
    ("announce = []", "announce = [\"a b:7411\"]", "link.announce: “a b:7411” is not a host"),
    ("references = []", "references = [\"192.0.2.1\"]", "link.references: “192.0.2.1” is not a host"),
    ("references = []", "references = [\"192.0.2.1:0\"]", "link.references: “192.0.2.1:0” is not a host"),
    ("burst = 500", "burst = 0", "link.burst: it is 0, not 1 to"),
    ("entries_per_day = 50000", "entries_per_day = 0", "link.entries_per_day: it is 0, not 1 to"),
    ("entries_per_second = 50", "entries_per_second = 200000", "link.entries_per_second: it is 200000"),
    ("every_minutes = 60", "every_minutes = 2000", "checks.every_minutes: it is 2000, over 1440"),
    ("every_minutes = 60", "at_utc = [\"9:00\"]", "checks.at_utc: “9:00” is no time"),
    ("every_minutes = 60", "every_minutes = 60\nat_utc = []", "checks.at_utc: it stands beside “every_minutes”"),
    ("\"minister\"", "\"The Minister\"", "post.id: “The Minister” is not 1 to 32"),
    ("\"minister\"", "\"duty-officer\"", "post.id: “duty-officer” is the id of an earlier post"),
    ("highest = \"FLASH\"", "highest = \"URGENT\"", "post.highest: “URGENT” is none of ROUTINE"),
];

#[test]
fn each_bad_value_is_answered_with_its_key_and_an_example() {
    for (from, to, says) in BAD_VALUES {
        let error = error_after(from, to);

        assert_says(&error, &["counterpart.toml, line ", says, "Write, for example: "]);
    }
}

#[test]
fn a_list_beyond_the_charters_limit_is_refused() {
    let many = vec!["\"h.example:1\""; 17].join(", ");
    let posts = (0..65).map(|n| format!("[[post]]\nid = \"p{n}\"\nhighest = \"ROUTINE\"\nnight = false\n"));
    let text = STARTER.text();
    let head = &text[..text.find("[[post]]").unwrap()];

    let addresses = error_after("announce = []", &format!("announce = [{many}]"));
    let posts = Config::parse(&format!("{head}{}", posts.collect::<String>()), Path::new("f")).unwrap_err();

    assert_says(&addresses, &["link.announce: it has 17 items, over 16"]);
    assert_says(&posts.to_string(), &["post: there are 65 posts, not 1 to 64"]);
}

#[test]
fn the_desk_speaks_plain_http_on_the_loopback_alone() {
    let desk = |lines: &str| {
        let text = format!("{}\n[desk]\n{lines}\n", STARTER.text());
        Config::parse(&text, Path::new("f")).map(|config| config.desk.unwrap()).map_err(|e| e.to_string())
    };

    let local = desk("listen = \"127.0.0.1:7412\"").unwrap();
    assert!(!local.is_secure() && local.tls.is_none());
    assert_says(&desk("listen = \"0.0.0.0:7412\"").unwrap_err(), &["desk.listen", "loopback alone"]);
    assert_says(&desk("listen = \"0.0.0.0:7412\"\ncertificate = \"a.pem\"").unwrap_err(), &["private_key"]);
    let tls = "listen = \"0.0.0.0:7412\"\ncertificate = \"a.pem\"\nprivate_key = \"b.pem\"";
    assert_says(&desk(tls).unwrap_err(), &["names no host"]);
    assert!(desk(&format!("{tls}\nnames = [\"Desk.example\"]")).unwrap().is_secure());
    let proxy = "listen = \"10.0.0.2:80\"\nnames = [\"desk.example\"]\nproxies = [\"10.0.0.1\"]";
    assert_eq!(desk(proxy).unwrap().proxies.len(), 1);
    assert_says(&desk("listen = \"127.0.0.1:1\"\nproxies = [\"here\"]").unwrap_err(), &["desk.proxies", "here"]);
}

#[test]
fn a_webhook_leaves_this_machine_over_https_alone_and_each_has_a_name_of_its_own() {
    let hooks = |lines: &[&str]| {
        let hook = |lines: &&str| format!("\n[[webhook]]\n{lines}\nsecret = \"/s\"\n");
        let text = format!("{}{}", STARTER.text(), lines.iter().map(hook).collect::<String>());
        Config::parse(&text, Path::new("f")).map(|config| config.webhooks).map_err(|e| e.to_string())
    };

    let local = "name = \"dispatch\"\nurl = \"http://127.0.0.1:8000/take?x=1\"";
    let read = hooks(&[local]).unwrap();
    assert_eq!((read[0].host(), read[0].port(), read[0].is_secure()), ("127.0.0.1", 8000, false));
    let far = "name = \"far\"\nurl = \"https://hooks.example/\"";
    assert_says(&hooks(&[far]).unwrap_err(), &["webhook.url", "certificates"]);
    let known = format!("{far}\ncertificates = \"/c.pem\"");
    assert_eq!((hooks(&[local, &known]).unwrap()[1].port(), hooks(&[]).unwrap().len()), (443, 0));
    for url in ["http://hooks.example/", "http://localhost/", "ftp://127.0.0.1/", "/take", "no address"] {
        assert_says(&hooks(&[&format!("name = \"x\"\nurl = \"{url}\"")]).unwrap_err(), &["webhook.url", "loopback"]);
    }
    assert_says(&hooks(&[local, local]).unwrap_err(), &["webhook.name", "dispatch"]);
    assert_says(&hooks(&["name = \"A b\"\nurl = \"http://[::1]/\""]).unwrap_err(), &["webhook.name", "A b"]);
}

#[test]
fn init_writes_where_the_desk_is_served_if_it_is_told() {
    let with = Starter { desk: "127.0.0.1:7412", ..STARTER };

    let config = Config::parse(&with.text(), Path::new("f")).unwrap();
    assert_eq!(config.desk.map(|desk| desk.listen.port()), Some(7412));
    assert!(Config::parse(&STARTER.text(), Path::new("f")).unwrap().desk.is_none());
}
