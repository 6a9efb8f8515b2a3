//! Webhooks: what comes is posted in order, signed, again until it is taken, and again after a kill, with the same position.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Desk;
use crate::processes::{Process, pair};
use crate::scratch::Scratch;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A post as it came.
pub struct Post {
    head: String,
    body: String,
}

impl Post {
    /// The next one; `None`: whoever called broke off.
    pub fn read(stream: &mut impl Read) -> Option<Post> {
        let (mut bytes, mut part) = (Vec::new(), [0; 65_536]);
        loop {
            let Ok(read @ 1..) = stream.read(&mut part) else { return None };
            bytes.extend(part.iter().take(read));
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let post = Post { head: head.into(), body: body.into() };
            if post.header("content-length").parse() == Ok(body.len()) {
                return Some(post);
            }
        }
    }

    fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn is_ask(&self) -> bool {
        self.event()["event"]["arrived"]["kind"] == "ask"
    }
}

/// A program that answers the first `busy` asks with 503 and takes everything else.
fn listener(mut busy: u32) -> (String, Receiver<(Post, bool)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/counterpart?x=1", listener.local_addr().unwrap());
    let (to, posts) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let Some(post) = Post::read(&mut stream) else { continue };
            let takes = !post.is_ask() || busy == 0;
            busy -= u32::from(!takes);
            let status = if takes { "204 No Content" } else { "503 Service Unavailable" };
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes());
            if to.send((post, takes)).is_err() {
                return;
            }
        }
    });
    (url, posts)
}

/// The next ask that is posted, and whether it was taken.
fn next_ask(posts: &Receiver<(Post, bool)>) -> (Post, bool) {
    loop {
        let (post, taken) = posts.recv_timeout(Duration::from_secs(120)).unwrap();
        if post.is_ask() {
            return (post, taken);
        }
    }
}

/// Adds a webhook to a configuration; `vouched` is the file of who vouches for the other end.
pub fn with_hook(desk: &Desk, name: &str, url: &str, vouched: Option<&Path>) {
    let secret = desk.station.data.join("hook.secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let file = desk.station.data.join("counterpart.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let hook = format!("\n[[webhook]]\nname = \"{name}\"\nurl = \"{url}\"\nsecret = \"{}\"\n", secret.display());
    let vouched = vouched.map(|file| format!("certificates = \"{}\"\n", file.display())).unwrap_or_default();
    std::fs::write(&file, text + &hook + &vouched).unwrap();
}

fn ask(station: &Process, subject: &str) {
    let form = json!({"act": "ask", "from": "minister", "to": "minister", "words": {"text": subject}});
    assert_eq!(station.post("/acts", &form).unwrap().0, 200);
}

/// As the receiver computes it, with nothing of ours.
fn hmac(time: &str, body: &str) -> String {
    use std::process::{Command, Stdio};
    let script = "import hmac,hashlib,sys; print(hmac.new(sys.argv[1].encode(), sys.stdin.buffer.read(), hashlib.sha256).hexdigest())";
    let mut child = Command::new("python3")
        .args(["-c", script, SECRET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{time}.{body}").as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn what_comes_is_posted_signed_and_in_order_again_until_it_is_taken_and_on_from_there_after_a_kill() {
    let scratch = Scratch::new("hook-posts");
    let mut desks =
        [("north", "Northland"), ("south", "Southland")].map(|(n, sign)| Desk::init(scratch.path(), n, sign));
    let (url, posts) = listener(1);
    with_hook(&desks[1], "dispatch", &url, None);
    desks.iter_mut().for_each(|desk| desk.station.serve());
    let [north, mut south] = desks;
    pair(&north.station, &south.station);

    ask(&north.station, "Fog at the river mouth");
    let (first, taken) = next_ask(&posts);
    assert!(!taken, "it was busy");
    let (again, taken) = next_ask(&posts);
    assert!(taken);
    assert_eq!(
        (first.header("counterpart-position"), &first.body),
        (again.header("counterpart-position"), &again.body)
    );
    assert!(again.head.starts_with("POST /counterpart?x=1 HTTP/1.1"), "{}", again.head);
    let signed = format!("v1={}", hmac(again.header("counterpart-time"), &again.body));
    assert_eq!(again.header("counterpart-signature"), signed);
    assert!(!again.body.contains("Fog"), "what it is about stays here");

    south.station.kill();
    ask(&north.station, "A second ask");
    south.station.serve();
    let second = loop {
        let (post, _) = next_ask(&posts);
        // What was taken just before the kill may come again, with the same position.
        if post.header("counterpart-position") != again.header("counterpart-position") {
            break post;
        }
    };
    assert_eq!(second.event()["event"]["arrived"]["entry"]["name"], "Northland 2");
}
