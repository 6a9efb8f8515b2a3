//! Stations as processes of their own: made, started, killed, asked over their command sockets with nothing but the standard
//! library.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test program uses its part; tests fail by panicking"
)]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[path = "../addresses/mod.rs"]
mod addresses;

pub use addresses::free_address;
use counterpart::clock::Clock;
use counterpart::config::{Starter, write_starter};
use counterpart::keys::Keys;
use counterpart::store::Store;
use serde_json::{Value, json};

/// A station's directory, and the process that serves it.
pub struct Process {
    pub data: PathBuf,
    pub mark: PathBuf,
    /// The network namespace that it runs in; `None`: the test's own.
    pub namespace: Option<String>,
    /// What else stands in its environment.
    pub environment: Vec<(String, String)>,
    child: Option<Child>,
}

impl Process {
    /// A new station on loopback, not yet served. A peer may send it `rate` entries a second.
    pub fn init(parent: &Path, name: &str, call_sign: &str, rate: u32) -> Process {
        Process::init_at(parent, name, call_sign, rate, free_address())
    }

    /// A new station that listens at `address`.
    pub fn init_at(parent: &Path, name: &str, call_sign: &str, rate: u32, address: SocketAddr) -> Process {
        Process::init_behind(parent, name, call_sign, rate, address, address)
    }

    /// A new station that listens at one address and is reached at another.
    pub fn init_behind(
        parent: &Path,
        name: &str,
        call_sign: &str,
        rate: u32,
        listen: SocketAddr,
        announce: SocketAddr,
    ) -> Process {
        let data = parent.join(name);
        std::fs::create_dir(&data).unwrap();
        let (listen, announce) = (listen.to_string(), [announce.to_string()]);
        let starter =
            Starter { name: call_sign, call_sign, zone: "UTC", listen: &listen, announce: &announce, desk: "" };
        write_starter(&data, &starter).unwrap();
        let file = data.join("counterpart.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("entries_per_second = 50", &format!("entries_per_second = {rate}"));
        std::fs::write(&file, text.replace("every_minutes = 60", "every_minutes = 0")).unwrap();
        Keys::generate(&data, &parent.join(format!("{name}.root-key"))).unwrap();
        Store::create(&data).unwrap();
        let mark = parent.join(format!("{name}.mark"));
        Process { data, mark, namespace: None, environment: Vec::new(), child: None }
    }

    /// A station that is there already, not yet served.
    pub fn at(data: &Path, mark: PathBuf) -> Process {
        Process { data: data.into(), mark, namespace: None, environment: Vec::new(), child: None }
    }

    /// Starts it and waits until it answers.
    pub fn serve(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.data.join("test.log")).unwrap();
        let program = env!("CARGO_BIN_EXE_counterpart");
        let mut command = match &self.namespace {
            None => Command::new(program),
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name, program]);
                command
            }
        };
        let child = command
            .arg("--data")
            .arg(&self.data)
            .arg("serve")
            .env("COUNTERPART_COMMIT_MARK", &self.mark)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let clock = Clock::system();
        let begun = clock.moment();
        while self.get("/health").is_none() {
            if let Some(ended) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("it ended: {ended}; {}", std::fs::read_to_string(self.data.join("test.log")).unwrap());
            }
            assert!(clock.moment().ms_since(begun) < 30_000, "it answers within 30 s");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its process, if one runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// SIGKILL. Whether it fell between BEGIN and COMMIT's return.
    pub fn kill(&mut self) -> bool {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        std::fs::read(&self.mark).unwrap_or_default() == [1]
    }

    /// GET; `None` if nobody answers or it is no 200.
    pub fn get(&self, path: &str) -> Option<Value> {
        call(&self.data, "GET", path, None).filter(|(status, _)| *status == 200).map(|(_, body)| body)
    }

    /// POST; `None` if nobody answers.
    pub fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        call(&self.data, "POST", path, Some(body))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One call over the command socket of a data directory.
pub fn call(data: &Path, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
    let (status, content) = call_for_text(data, method, path, body)?;
    Some((status, serde_json::from_str(&content).unwrap_or(Value::Null)))
}

/// The same, for an answer that is no JSON.
pub fn call_for_text(data: &Path, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, String)> {
    let mut stream = UnixStream::connect(data.join("socket")).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} /api/v1{path} HTTP/1.1\r\nhost: station\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // A station that is killed, or closes with something unread, breaks the connection: what came before counts.
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8(answer).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let (_, content) = text.split_once("\r\n\r\n")?;
    Some((status, content.to_owned()))
}

/// Northland and Southland, which serve and have no line.
pub fn unpaired(parent: &Path) -> [Process; 2] {
    let mut stations = [("north", "Northland"), ("south", "Southland")]
        .map(|(name, call_sign)| Process::init(parent, name, call_sign, 50));
    stations.iter_mut().for_each(Process::serve);
    stations
}

/// The same on one line.
pub fn paired(parent: &Path) -> [Process; 2] {
    let [north, south] = unpaired(parent);
    pair(&north, &south);
    [north, south]
}

/// The digits that both show for their first pairing, as soon as they are the same.
pub fn digits(stations: [&Process; 2]) -> String {
    wait("digits on both sides", || {
        let both = stations.map(|station| station.get("/pairings"));
        let [here, there] = both.map(|all| Some(all?[0]["candidates"][0]["digits"].as_str()?.to_owned()));
        (here.is_some() && here == there).then_some(here).flatten()
    })
}

/// Pairs two served stations through their own commands, comparing the digits as two persons would.
pub fn pair(inviter: &Process, joiner: &Process) {
    let (status, invited) = inviter.post("/pairings/invite", &json!({})).unwrap();
    assert_eq!(status, 200, "{invited}");
    let (status, joined) = joiner.post("/pairings/join", &json!({ "invitation": invited["invitation"] })).unwrap();
    assert_eq!(status, 200, "{joined}");
    let digits = |station: &Process| {
        wait("digits to compare", || {
            let pairings = station.get("/pairings")?;
            let this = pairings.as_array()?.iter().find(|pairing| pairing["line"] == invited["line"])?.clone();
            this["candidates"][0]["digits"].as_str().map(str::to_owned)
        })
    };
    let (here, there) = (digits(inviter), digits(joiner));
    assert_eq!(here, there);
    for station in [joiner, inviter] {
        let form = json!({ "line": invited["line"], "digits": here });
        let (status, told) = station.post("/pairings/confirm", &form).unwrap();
        assert_eq!(status, 200, "{told}");
    }
    let is_open = |line: &Value| line["line"] == invited["line"] && line["status"] == "open";
    for station in [inviter, joiner] {
        wait("an open line", || {
            station.get("/lines").filter(|lines| lines.as_array().is_some_and(|all| all.iter().any(is_open)))
        });
    }
}

/// Waits at most two minutes for something to be there.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = Clock::system();
    let begun = clock.moment();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(clock.moment().ms_since(begun) < 120_000, "{what} within two minutes");
        std::thread::sleep(Duration::from_millis(20));
    }
}
