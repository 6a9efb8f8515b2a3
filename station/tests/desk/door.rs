//! Who gets in, and what is not taken: over plain HTTP, as any program could send it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::json;

use crate::Desk;
use crate::processes::wait;
use crate::scratch::Scratch;

/// An answer.
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    /// All that comes until the other end closes.
    pub fn read(stream: &mut (impl Read + ?Sized)) -> Answer {
        let mut bytes = Vec::new();
        // A connection that is broken off has said what it has said.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.into(), body: body.into() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        let after = self.body.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name}"));
        after.split('"').next().unwrap().to_owned()
    }
}

/// An answer whose body need not be text, and how many bytes came in all.
pub struct Fetched {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
    pub bytes: usize,
}

impl Fetched {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A connection, of either kind.
trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// A browser's memory: its cookies.
pub struct Client<'a> {
    pub desk: &'a Desk,
    cookies: Vec<(String, String)>,
    /// Over HTTPS: whom it trusts.
    trusts: Option<Arc<ClientConfig>>,
    /// From which address of this machine it calls.
    from: Option<Ipv4Addr>,
}

impl<'a> Client<'a> {
    pub fn new(desk: &'a Desk) -> Client<'a> {
        Client { desk, cookies: Vec::new(), trusts: None, from: None }
    }

    /// The same over HTTPS, at the desk's port on this machine, whatever its name.
    pub fn over_https(desk: &'a Desk, trusts: Arc<ClientConfig>) -> Client<'a> {
        Client { trusts: Some(trusts), ..Client::new(desk) }
    }

    /// It calls from this address.
    pub fn calling_from(mut self, from: Ipv4Addr) -> Client<'a> {
        self.from = Some(from);
        self
    }

    /// Signed in by a link.
    pub fn signed_in(desk: &'a Desk, name: &str, role: &str) -> Client<'a> {
        Client::by_link(desk, &desk.link(name, role))
    }

    /// Signed in by this link.
    pub fn by_link(desk: &'a Desk, link: &str) -> Client<'a> {
        let mut client = Client::new(desk);
        client.enter(link);
        client
    }

    /// Signs in by a link; what the desk answered.
    pub fn enter(&mut self, link: &str) -> Answer {
        let path = link.split(&self.desk.address).nth(1).unwrap().to_owned();
        let form = self.get(&path).field("form");
        let answer = self.post(&path, &[("form", &form)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer
    }

    fn connect(&self) -> std::io::Result<Box<dyn Wire>> {
        let Some(trusts) = &self.trusts else { return Ok(Box::new(TcpStream::connect(&self.desk.address)?)) };
        let (name, port) = self.desk.address.split_once(':').unwrap();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().unwrap()));
        let stream = match self.from {
            None => TcpStream::connect(to)?,
            Some(from) => calling(from, to),
        };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        Ok(Box::new(StreamOwned::new(ClientConnection::new(trusts.clone(), name).unwrap(), stream)))
    }

    /// The cookies as a header says them.
    pub fn cookies(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "", &[])
    }

    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(fields).unwrap();
        let scheme = if self.trusts.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://{}", self.desk.address);
        self.send("POST", path, &body, &[("origin", &origin), ("sec-fetch-site", "same-origin")])
    }

    /// GET, of anything.
    pub fn fetch(&mut self, path: &str, headers: &[(&str, &str)]) -> Fetched {
        let mut head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncookie: {}\r\n",
            self.desk.address,
            self.cookies()
        );
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        let mut stream = self.connect().unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Fetched { status, head, body: bytes[end + 4..].to_vec(), bytes: bytes.len() }
    }

    pub fn send(&mut self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let cookies = self.cookies();
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncookie: {}\r\n", cookies);
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {}\r\n", self.desk.address);
        }
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        head += &format!("content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut stream = self.connect().unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        // A station that does not want the rest closes: what it said before counts.
        let _ = stream.write_all(body.as_bytes());
        let answer = Answer::read(&mut *stream);
        for line in answer.head.lines().filter(|line| line.to_lowercase().starts_with("set-cookie: ")) {
            let pair = line[12..].split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.into(), value.into()));
        }
        answer
    }

    /// Why no TLS comes about.
    pub fn is_turned_away(&self) -> String {
        let mut stream = self.connect().unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap_err().to_string()
    }
}

/// A connection from one address of this machine to another.
fn calling(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(to).await?.into_std()
    });
    let stream = stream.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

/// How many stand in both logs, once this station owes no receipt, which it would write unasked.
pub fn entries(desk: &Desk) -> u64 {
    let lines = wait("the receipts", || desk.station.get("/lines").filter(|lines| lines[0]["records"]["full"] == true));
    lines[0]["logs"].as_array().unwrap().iter().map(|log| log["size"].as_u64().unwrap()).sum()
}

#[test]
fn a_link_signs_in_once_by_its_button_and_no_get_signs_in() {
    let scratch = Scratch::new("door-link");
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    let link = desk.link("Duty officer", "watch");
    let path = link.split(&desk.address).nth(1).unwrap();

    let mut client = Client::new(&desk);
    let shown = client.get(path);
    assert_eq!((shown.status, client.get("/lines").status), (200, 303), "looking at it signs nobody in");
    assert_eq!(client.post(path, &[("form", "0")]).status, 403, "a form of another page");
    let form = shown.field("form");
    assert_eq!(client.post(path, &[("form", &form)]).status, 303);
    assert_eq!(client.get("/lines").status, 200);

    let mut second = Client::new(&desk);
    let again = second.get(path);
    assert_eq!(again.status, 410);
    let form = second.get("/sign-in").field("form");
    assert_eq!(second.post(path, &[("form", &form)]).status, 410);
    assert_eq!(second.get("/lines").header("location"), Some("/sign-in?to=%2Flines"));
}

#[test]
fn a_password_signs_in_and_the_eleventh_try_in_a_minute_is_not_made() {
    let scratch = Scratch::new("door-password");
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    let user = json!({"name": "Duty officer 1", "role": "watch", "password": "correct horse battery"});
    assert_eq!(desk.station.post("/users", &user).unwrap().0, 200);
    let short = json!({"name": "x", "role": "watch", "password": "short"});
    assert_eq!(desk.station.post("/users", &short).unwrap().1["error"]["code"], "password-unfit");

    let mut client = Client::new(&desk);
    let form = client.get("/sign-in").field("form");
    let mut enter = |name: &str, password: &str| {
        client.post("/sign-in", &[("form", &form), ("to", "/lines"), ("name", name), ("password", password)])
    };
    assert_eq!(enter("Duty officer 1", "correct horse battery").header("location"), Some("/lines"));
    for _ in 0..10 {
        let wrong = enter("Duty officer 1", "wrong horse battery");
        assert_eq!(wrong.status, 401);
        assert!(wrong.body.contains("do not match") && wrong.body.contains("Duty officer 1"), "the name is kept");
    }
    let eleventh = enter("Duty officer 1", "correct horse battery");
    assert_eq!(eleventh.status, 401);
    assert!(eleventh.body.contains("Ten tries in a minute"));
    assert_eq!(enter("Nobody", "correct horse battery").status, 401);
}

#[test]
fn callers_who_never_end_what_they_say_keep_neither_an_officer_nor_a_newcomer_out() {
    let scratch = Scratch::new("door-silent");
    let mut desk = Desk::init(scratch.path(), "north", "Northland");
    desk.station.serve();
    let mut officer = Client::signed_in(&desk, "Duty officer", "watch");
    let silent = || {
        let mut stream = TcpStream::connect(&desk.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n").unwrap();
        stream
    };

    let held: Vec<TcpStream> = (0..300).map(|_| silent()).collect();

    assert_eq!(officer.get("/lines").status, 200);
    assert_eq!(Client::signed_in(&desk, "Another officer", "watch").get("/lines").status, 200);
    drop(held);
}

#[test]
fn a_form_that_is_forged_foreign_or_sent_twice_writes_nothing_more() {
    let scratch = Scratch::new("door-forms");
    let [north, _south] = Desk::two(&scratch);
    let line = north.station.get("/lines").unwrap()[0]["line"].as_str().unwrap().to_owned();
    let mut client = Client::signed_in(&north, "Duty officer", "watch");
    let page = client.get("/asks/new");
    let (form, once) = (page.field("form"), page.field("once"));
    let fields = |form: &'static str| -> Vec<(&'static str, &'static str)> {
        vec![
            ("form", form),
            ("from", "minister"),
            ("subject", "Fog & <b>ice</b>"),
            ("act", "ask"),
            ("mark", "EXERCISE"),
        ]
    };
    let to = format!("to-{line}");
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let (form, once, line, to) = (leak(form), leak(once), leak(line), leak(to));
    let with = |form| [fields(form), vec![("once", once), ("line", line), (to, "minister")]].concat();
    let before = entries(&north);

    assert_eq!(client.post("/asks", &with("")).status, 403, "no token");
    assert_eq!(client.post("/asks", &with(leak("0".repeat(64)))).status, 403, "a token of nobody");
    let body = serde_urlencoded::to_string(with(form)).unwrap();
    let elsewhere = client.send("POST", "/asks", &body, &[("origin", "http://evil.example")]);
    let rebound = client.send("POST", "/asks", &body, &[("host", "evil.example")]);
    assert_eq!((elsewhere.status, rebound.status), (403, 421));
    let mut stranger = Client::new(&north);
    let kept = stranger.post("/asks", &with(form));
    assert_eq!(kept.status, 401);
    assert!(
        kept.body.contains("Fog &#38; &#60;b&#62;ice&#60;/b&#62;"),
        "what was typed is kept, and is no markup: {}",
        kept.body
    );
    assert_eq!(entries(&north), before, "nothing was written");

    let first = client.post("/asks", &with(form));
    let again = client.post("/asks", &with(form));
    assert_eq!((first.status, first.header("location")), (303, again.header("location")), "sent twice, it stands once");
    assert_eq!(north.station.get("/requests?all=true").unwrap()[0]["ours"].as_array().unwrap().len(), 1);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
}

#[test]
fn an_auditor_reads_and_every_act_is_answered_with_who_may_do_it() {
    let scratch = Scratch::new("door-auditor");
    let [north, _south] = Desk::two(&scratch);
    let line = north.station.get("/lines").unwrap()[0]["line"].as_str().unwrap().to_owned();
    let mut client = Client::signed_in(&north, "Inspector", "auditor");
    let page = client.get("/asks/new");
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("value=\"ask\""), "no key that acts is drawn");
    let before = entries(&north);

    let told = client.post(
        &format!("/lines/{line}/acts"),
        &[
            ("form", &page.field("form")),
            ("act", "text"),
            ("from", "minister"),
            ("to", "minister"),
            ("words", "We shall have an interpreter."),
        ],
    );

    assert_eq!((told.status, entries(&north)), (403, before));
    for part in ["reads and does no act", "watch, admin", "We shall have an interpreter."] {
        assert!(told.body.contains(part), "{part}: {}", told.body);
    }
}

#[test]
fn a_session_that_is_ended_elsewhere_ends_here_and_what_was_typed_is_kept() {
    let scratch = Scratch::new("door-ended");
    let [north, _south] = Desk::two(&scratch);
    let mut client = Client::signed_in(&north, "Duty officer", "watch");
    let page = client.get("/asks/new");
    let (form, once) = (page.field("form"), page.field("once"));
    let before = entries(&north);
    assert_eq!(north.station.post("/users/sign-out", &json!({"name": "Duty officer"})).unwrap().0, 200);

    let told = client.post("/asks", &[("form", &form), ("once", &once), ("act", "ask"), ("subject", "Ramp at noon")]);

    assert_eq!((told.status, entries(&north)), (401, before));
    assert!(told.body.contains("the session has ended") && told.body.contains("Ramp at noon"));
    // A page that comes back after an outage is told so too, in a stream of that one event.
    let stream = client.get("/live");
    assert_eq!((stream.status, stream.header("content-type")), (200, Some("text/event-stream")));
    assert!(
        stream.body.starts_with("event: standing\ndata: {") && stream.body.contains("\"ended\":true"),
        "{}",
        stream.body
    );
    assert_eq!(client.get("/lines").header("location"), Some("/sign-in?to=%2Flines"));
}

#[test]
fn a_decline_waits_five_seconds_in_which_it_is_taken_back_and_then_is_signed() {
    let scratch = Scratch::new("door-undo");
    let [north, south] = Desk::two(&scratch);
    let form = json!({"act": "ask", "from": "minister", "to": "minister"});
    assert_eq!(north.station.post("/acts", &form).unwrap().0, 200);
    let view = wait("the ask", || south.station.get("/requests/Northland%201"));
    let (line, on) = (view["line"].as_str().unwrap(), view["request"]["at"].as_str().unwrap());
    let mut client = Client::signed_in(&south, "Duty officer", "watch");
    let page = format!("/lines/{line}/requests/{on}");
    // Declines on the page as it is drawn now; the number under which that waits, and the form's token.
    let decline = |client: &mut Client<'_>| {
        let shown = client.get(&page);
        let (form, once) = (shown.field("form"), shown.field("once"));
        let key = format!("act=decline&on={on}&epoch=0&code=LEVEL");
        let fields = [("form", form.as_str()), ("once", &once), ("key", &key)];
        assert_eq!(client.post(&format!("/lines/{line}/acts"), &fields).status, 303);
        let waits = client.get(&page);
        assert!(waits.body.contains("Decline of Northland 1, LEVEL: not signed yet"), "{}", waits.body);
        let number = waits.body.split("/unsigned/").nth(1).unwrap().split('"').next().unwrap().to_owned();
        (format!("/unsigned/{number}"), form)
    };
    let outcome = || south.station.get("/requests/Northland%201").unwrap()["outcome"].as_str().unwrap().to_owned();

    // Who may not take it back is signed in before it waits: that may take longer than the five seconds.
    let mut stranger = Client::signed_in(&south, "Another officer", "watch");
    let foreign = stranger.get("/lines").field("form");
    let (undo, form) = decline(&mut client);
    assert_eq!(stranger.post(&undo, &[("form", &foreign)]).status, 409, "another's");
    assert_eq!(client.post(&undo, &[("form", &form)]).status, 303, "taken back in time");
    let back = client.get(&page).body;
    assert!(
        back.contains("Taken back: Decline of Northland 1, LEVEL.") && back.contains("id=\"codes-decline\""),
        "{back}"
    );
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!(outcome(), "OPEN", "what was taken back is never signed");
    assert!(!client.get(&page).body.contains("not signed yet"));
    wait("that it is told no more", || (!client.get(&page).body.contains("Taken back")).then_some(()));

    let (undo, form) = decline(&mut client);
    wait("the decline", || (outcome() == "DECLINED").then_some(()));
    assert_eq!(client.post(&undo, &[("form", &form)]).status, 409, "it is signed");
    assert!(!client.get(&page).body.contains("not signed yet"));
}
