//! A station that serves its command socket in this process, and callers of it: bytes on the socket, and the program itself.

#![allow(dead_code, clippy::unwrap_used, reason = "each test program uses its part; tests fail by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use counterpart::api::ceremony::{Answer, Ceremony, Digits, InvitedView, PairingView};
use counterpart::api::fault::{Code, Fault, Told};
use counterpart::api::router::serve;
use counterpart::api::socket::Socket;
use counterpart::api::{Api, Parts};
use counterpart::clock::Clock;
use counterpart::config::{Starter, write_starter};
use counterpart::keys::Ring;
use counterpart::link::board::Board;
use counterpart::link::{Endpoint, EndpointConfig};
use counterpart::pairing::Proposal;
use counterpart::record::Pushed;
use counterpart::store::Reader;
use counterpart::words::Words;
use counterpart_core::ids::LineId;
use counterpart_core::line::turn::Arrived;
use counterpart_core::precedence::Mark;
use counterpart_core::record::log::Entry;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::pairs::{self, Side};
use crate::scratch::Scratch;

/// A station and its socket.
pub struct Served {
    pub data: PathBuf,
    side: Side,
    line: LineId,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
    scratch: Arc<Scratch>,
}

impl Served {
    /// Two stations on one line, each with a socket.
    pub async fn pair(name: &str) -> [Served; 2] {
        let scratch = Arc::new(Scratch::new(name));
        let (line, sides) = pairs::pair(&scratch, [Vec::new(), Vec::new()]).await;
        let [north, south] = sides;
        let served = [
            Served::start(north, "Northland", line, scratch.clone()).await,
            Served::start(south, "Southland", line, scratch).await,
        ];
        even_out(&served[0], &served[1]).await;
        served
    }

    async fn start(side: Side, call_sign: &str, line: LineId, scratch: Arc<Scratch>) -> Served {
        let data = side.data.clone();
        let starter = Starter {
            name: call_sign,
            call_sign,
            zone: "Europe/Oslo",
            listen: "127.0.0.1:7411",
            announce: &[],
            desk: "",
        };
        let config = Arc::new(write_starter(&data, &starter).unwrap());
        let clock = Clock::system();
        let keys = Ring::load(&data).unwrap();
        let nowhere = EndpointConfig { udp: None, tcp: None, ..EndpointConfig::at("127.0.0.1:0".parse().unwrap()) };
        let endpoint = Arc::new(Endpoint::bind(&nowhere, keys.first().link_seed()).await.unwrap());
        let api = Api::new(Parts {
            data: data.clone(),
            keys,
            endpoint,
            keeper: side.keeper.clone(),
            reader: Reader::open(&data).unwrap(),
            begun: clock.moment(),
            clock,
            config,
            mark: Mark::Exercise,
            ceremony: Arc::new(NoPairing),
            board: Board::default(),
            voice: Default::default(),
        });
        let socket = Socket::bind(&data).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(serve(api, socket, async move { drop(stopped.await) }));
        Served { data, side, line, stop, task, scratch }
    }

    pub fn line(&self) -> String {
        self.line.to_string()
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("POST", path, Some(body.to_string())).await
    }

    pub async fn call(&self, method: &'static str, path: &str, body: Option<String>) -> (u16, Value) {
        let (data, path) = (self.data.clone(), path.to_owned());
        tokio::task::spawn_blocking(move || call(&data, method, &path, &body.unwrap_or_default())).await.unwrap()
    }

    /// Ends it; its directory is left as long as the scratch is held, served by nobody.
    pub async fn stop(self) -> (Arc<Scratch>, PathBuf) {
        let socket = self.data.join("socket");
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
        assert!(!socket.exists(), "a clean end takes the socket away");
        (self.scratch, pairs::stop(self.side).await)
    }
}

/// Carries to each what the other has written, as the link would.
pub async fn even_out(north: &Served, south: &Served) {
    for (from, to) in [(north, south), (south, north)] {
        let recent = from.side.keeper.published().borrow().lines[&from.line].recent.clone();
        let arrived = |p: &Pushed| Arrived {
            entry: Entry::read(&p.bytes).unwrap(),
            body: p.body.as_ref().map(|b| b.to_vec()),
            verified_under: None,
        };
        let taken = to.side.keeper.arrived(to.line, recent.iter().map(arrived).collect()).await.unwrap();
        assert_eq!(taken.misconduct, None);
    }
}

fn request(data: &Path, method: &str, path: &str, body: &str) -> UnixStream {
    let mut stream = UnixStream::connect(data.join("socket")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "{method} /api/v1{path} HTTP/1.1\r\nhost: station\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // A body that is too large is answered before it is read to its end.
    let _ = stream.write_all(body.as_bytes());
    stream
}

fn call(data: &Path, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut answer = Vec::new();
    let _ = request(data, method, path, body).read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, content) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(content).unwrap_or(Value::Null))
}

/// Sends lines to the stream of acts, and gives the status and each line of the answer.
pub async fn stream(station: &Served, lines: String) -> (u16, Vec<Value>) {
    let data = station.data.clone();
    let read = move || {
        let mut answer = String::new();
        request(&data, "POST", "/acts/stream", &lines).read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object).collect())
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

/// An open bell.
pub struct BellStream(Option<BufReader<UnixStream>>);

pub async fn bell(station: &Served) -> BellStream {
    let data = station.data.clone();
    let stream = tokio::task::spawn_blocking(move || BufReader::new(request(&data, "GET", "/bell", ""))).await.unwrap();
    BellStream(Some(stream))
}

impl BellStream {
    /// The next line that is one: chunk sizes, headers and beats are passed over.
    pub async fn next(&mut self) -> Value {
        let mut stream = self.0.take().unwrap();
        let read = tokio::task::spawn_blocking(move || {
            loop {
                let mut line = String::new();
                assert!(stream.read_line(&mut line).unwrap() > 0, "the stream has ended");
                if line.starts_with('{') {
                    return (stream, serde_json::from_str(&line).unwrap());
                }
            }
        });
        let (stream, value) = read.await.unwrap();
        self.0 = Some(stream);
        value
    }
}

/// Says that a device rings.
pub async fn rang(station: &Served, session: &str, ring: &Value) -> (u16, Value) {
    station.post(&format!("/bell/{session}/rang"), ring).await
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program on a data directory.
pub async fn counterpart(data: &Path, args: &[&str], input: &str) -> Ended {
    let (data, input) = (data.to_path_buf(), input.to_owned());
    let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
    tokio::task::spawn_blocking(move || program(&data, &args, &input)).await.unwrap()
}

fn program(data: &Path, args: &[String], input: &str) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .arg("--data")
        .arg(data)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Commands that read nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs the program with its standard output on a terminal, and gives what it shows there.
pub async fn on_a_terminal(data: &Path, args: &[&str]) -> String {
    let data = data.to_path_buf();
    let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
    let run = move || {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = std::fs::File::options().read(true).write(true).open(name).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_counterpart"))
            .arg("--data")
            .arg(data)
            .args(args)
            .stdin(Stdio::null())
            .stdout(theirs)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert!(child.wait().unwrap().success());
        let mut shown = Vec::new();
        // Reading a terminal whose other end is closed is an error after the last byte.
        let _ = std::fs::File::from(ours).read_to_end(&mut shown);
        String::from_utf8(shown).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// A station that pairs with nobody.
struct NoPairing;

fn no<T: Send + 'static>() -> Answer<'static, T> {
    Box::pin(async { Err(told()) })
}

fn told() -> Told {
    Fault::new(Code::PairingNone).tell(&Words::english())
}

impl Ceremony for NoPairing {
    fn speaking(&self, _: Arc<Words>) -> Arc<dyn Ceremony> {
        Arc::new(NoPairing)
    }

    fn invite(&self, _: Proposal) -> Answer<'_, InvitedView> {
        no()
    }

    fn join(&self, _: String) -> Answer<'_, PairingView> {
        no()
    }

    fn confirm(&self, _: Option<LineId>, _: Digits, _: bool) -> Answer<'_, PairingView> {
        no()
    }

    fn differ(&self, _: Option<LineId>, _: Option<String>) -> Answer<'_, PairingView> {
        no()
    }

    fn abandon(&self, _: Option<LineId>) -> Answer<'_, PairingView> {
        no()
    }

    fn changes(&self) -> u64 {
        0
    }

    fn pairings(&self) -> Answer<'_, Vec<PairingView>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
