//! Webhooks over TLS: whose certificate nobody configured vouches for is not told, `doctor` and the metrics say which of the things that an
//! operator can mend it is, and what waited comes in order once it is mended.

use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::Desk;
use crate::certificates::{Made, expired, wanted};
use crate::hooks::{Post, with_hook};
use crate::processes::{pair, wait};
use crate::programs::Program;
use crate::scratch::Scratch;

/// A program that takes what it is posted over TLS, with a certificate that can be changed.
struct Taker {
    url: String,
    shows: Arc<Mutex<Arc<ServerConfig>>>,
    /// Where it sends who posts, instead of taking it.
    leads: Arc<Mutex<Option<String>>>,
    posts: Receiver<Post>,
}

impl Taker {
    fn new(host: &str, shows: Arc<ServerConfig>, leads: Option<String>) -> Taker {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{host}:{}/counterpart", listener.local_addr().unwrap().port());
        let (to, posts) = channel();
        let (shows, leads) = (Arc::new(Mutex::new(shows)), Arc::new(Mutex::new(leads)));
        let (showing, leading) = (shows.clone(), leads.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let tls = ServerConnection::new(showing.lock().unwrap().clone()).unwrap();
                let mut stream = StreamOwned::new(tls, stream);
                // Whoever does not like the certificate says so here, and nothing was posted.
                let Some(post) = Post::read(&mut stream) else { continue };
                let lead = leading.lock().unwrap().clone();
                let status = if lead.is_some() { "307 Temporary Redirect" } else { "204 No Content" };
                let location = lead.as_ref().map(|to| format!("location: {to}\r\n")).unwrap_or_default();
                let answer = format!("HTTP/1.1 {status}\r\n{location}content-length: 0\r\n\r\n");
                let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = std::io::Write::flush(&mut stream);
                if lead.is_none() && to.send(post).is_err() {
                    return;
                }
            }
        });
        Taker { url, shows, leads, posts }
    }

    /// The asks that it takes next, in the order in which they come.
    fn asks(&self, count: usize) -> Vec<String> {
        let mut asks: Vec<String> = Vec::new();
        while asks.len() < count {
            let post = self.posts.recv_timeout(Duration::from_secs(120)).unwrap();
            if post.is_ask() {
                asks.push(post.event()["event"]["arrived"]["entry"]["name"].as_str().unwrap().to_owned());
            }
        }
        asks
    }
}

/// What the metrics say of this webhook's failures: the cause, and how often in a row.
fn failing(program: &Program<'_>, name: &str) -> Option<(String, u64)> {
    let text = program.get("/metrics").text;
    let begin = format!("counterpart_webhook_failures{{webhook=\"{name}\",cause=\"");
    let (cause, count) = text.lines().find_map(|line| line.strip_prefix(&begin))?.split_once("\"} ")?;
    Some((cause.to_owned(), count.parse().ok()?))
}

fn waiting(program: &Program<'_>, name: &str) -> u64 {
    let text = program.get("/metrics").text;
    let begin = format!("counterpart_webhook_waiting{{webhook=\"{name}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&begin)).unwrap().parse().unwrap()
}

/// Doctor says of this webhook, once, that this is wrong with it.
fn is_named(desk: &Desk, name: &str, part: &str) {
    let report = desk.station.get("/doctor").unwrap();
    let found = report["findings"].as_array().unwrap().iter().filter_map(|found| found["sentence"].as_str());
    let said: Vec<&str> = found.filter(|sentence| sentence.contains(&format!("webhook {name} "))).collect();
    assert!(said.len() == 1 && said[0].contains(part), "{name}: {said:?}");
    assert_eq!(report["well"], json!(false));
}

#[test]
fn who_shows_a_certificate_that_does_not_hold_is_told_nothing_until_it_does_and_then_everything_in_order() {
    let scratch = Scratch::new("untold");
    let here = ["127.0.0.1", "localhost"];
    let kinds = [
        wanted("right", "ca", &here),
        wanted("strange", "other", &here),
        wanted("misnamed", "ca", &["hooks.elsewhere.example"]),
        expired("expired", "ca", &here),
    ];
    let made = Made::new(&scratch.path().join("tls"), &kinds);
    // Where a redirect leads: it takes everything, and must not be told.
    let elsewhere = Taker::new("127.0.0.1", made.showing("right"), None);
    let takers = [
        ("issuer", Taker::new("127.0.0.1", made.showing("strange"), None)),
        ("name", Taker::new("localhost", made.showing("misnamed"), None)),
        ("expired", Taker::new("127.0.0.1", made.showing("expired"), None)),
        ("status", Taker::new("localhost", made.showing("right"), Some(elsewhere.url.clone()))),
    ];
    let mut desks =
        [("north", "Northland"), ("south", "Southland")].map(|(n, sign)| Desk::init(scratch.path(), n, sign));
    for (name, taker) in &takers {
        with_hook(&desks[1], name, &taker.url, Some(&made.files("ca")[0]));
    }
    desks.iter_mut().for_each(|desk| desk.station.serve());
    let [north, south] = desks;
    pair(&north.station, &south.station);
    let program = Program::new(&south, "Monitor", "admin");
    for subject in ["Fog at the river mouth", "Ramp at noon"] {
        let ask = json!({"act": "ask", "from": "minister", "to": "minister", "words": {"text": subject}});
        assert_eq!(north.station.post("/acts", &ask).unwrap().0, 200);
    }

    wait("every failure by its cause", || {
        takers
            .iter()
            .all(|(name, _)| failing(&program, name).is_some_and(|(cause, n)| cause == *name && n > 0))
            .then_some(())
    });
    for (name, part) in [
        ("issuer", "none of the configured certificates vouches"),
        ("name", "is for another name"),
        ("expired", "has expired"),
        ("status", "it answers with 307"),
    ] {
        is_named(&south, name, part);
        assert!(waiting(&program, name) >= 2, "{name}: what is not taken waits");
    }
    assert!(
        takers.iter().all(|(_, taker)| taker.posts.try_recv().is_err()),
        "nothing was posted to whom nobody vouches for"
    );

    for (_, taker) in &takers {
        *taker.shows.lock().unwrap() = made.showing("right");
        *taker.leads.lock().unwrap() = None;
    }

    for (name, taker) in &takers {
        assert_eq!(taker.asks(2), ["Northland 1", "Northland 2"], "{name}");
        wait("all is told", || {
            (waiting(&program, name) == 0 && failing(&program, name) == Some(("none".into(), 0))).then_some(())
        });
    }
    assert_eq!(south.station.get("/doctor").unwrap()["well"], json!(true));
    assert!(elsewhere.posts.try_recv().is_err(), "no redirect was followed");
}
