//! `demo`: two stations of invented organisations on this machine, each a process of its own, paired as persons would pair them.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::client::Client;
use super::{Context, Exit, print};
use crate::api::ceremony::{ConfirmForm, InvitedView, JoinForm, PairingView};
use crate::api::fault::{Code, Fault, Told};
use crate::api::people::{LinkView, NameForm, UserForm};
use crate::config::{CONFIG_FILE, Starter, write_starter};
use crate::entropy;
use crate::store::served_by;
use crate::words::escaped_json;

/// The two organisations: directory, name, call sign, zone.
const SIDES: [(&str, &str, &str, &str); 2] = [
    ("northland", "Foreign Ministry of Northland", "Northland", "Europe/Helsinki"),
    ("southland", "Foreign Ministry of Southland", "Southland", "America/Santiago"),
];
/// How long a station may take to answer, and the two to become a line.
const UP_MAX_MS: u64 = 30_000;
const STEP: Duration = Duration::from_millis(50);
/// How long a station may take to end.
const END_MAX: Duration = Duration::from_secs(5);

/// One station of the demonstration.
struct Side {
    data: PathBuf,
    call_sign: &'static str,
    child: Option<Child>,
}

/// Runs the demonstration until Ctrl-C.
pub(super) async fn demo(context: &Context) -> Result<Exit, Told> {
    let kept = context.data_given.then(|| context.data.clone());
    let place = kept.clone().map_or_else(|| fresh(context), Ok)?;
    let mut sides = Vec::new();
    for (directory, name, call_sign, zone) in SIDES {
        let data = place.join(directory);
        if !data.join(CONFIG_FILE).is_file() {
            init(context, &data, name, call_sign, zone)?;
        }
        sides.push(Side { data, call_sign, child: None });
    }
    let done = run(context, &mut sides).await;
    for side in &mut sides {
        side.end().await;
    }
    if kept.is_none() {
        // What cannot be removed is left; it is in the system's own place for what may go.
        let _ = fs::remove_dir_all(&place);
    }
    done.map(|()| Exit::Done)
}

async fn run(context: &Context, sides: &mut [Side]) -> Result<(), Told> {
    let left = super::serve::left().map_err(|e| context.machine(e))?;
    tokio::pin!(left);
    tokio::select! {
        () = &mut left => return Ok(()),
        up = bring_up(context, sides) => up?,
    }
    loop {
        tokio::select! {
            () = &mut left => return Ok(()),
            () = tokio::time::sleep(Duration::from_millis(500)) => sides.iter_mut().for_each(|side| side.watch(context)),
        }
    }
}

async fn bring_up(context: &Context, sides: &mut [Side]) -> Result<(), Told> {
    for side in sides.iter_mut() {
        side.start(context)?;
    }
    for side in sides.iter() {
        side.answers(context).await?;
    }
    if let [north, south] = &*sides {
        pair(context, north, south).await?;
        for side in [north, south] {
            let url = link(context, side).await?;
            let value = json!({ "event": "station", "name": side.call_sign, "pid": side.pid(), "data": side.data,
                                "command": side.command(), "serve": side.serve_command(), "link": url });
            let args = [("name", side.call_sign.to_string()), ("url", url)];
            told(context, &value, || context.say("demo-link", &args));
        }
        if !context.json {
            print(&guide(context, north, south));
        }
    }
    Ok(())
}

/// A directory that goes when the demonstration ends.
pub(super) fn fresh(context: &Context) -> Result<PathBuf, Told> {
    let name: String = entropy::bytes::<6>().map_err(|e| context.failed(&e))?.map(|b| format!("{b:02x}")).concat();
    let place = std::env::temp_dir().join(format!("counterpart-demo-{name}"));
    DirBuilder::new().mode(0o700).create(&place).map_err(|e| file(context, &place, &e))?;
    Ok(place)
}

fn file(context: &Context, path: &Path, cause: &dyn std::fmt::Display) -> Told {
    context.tell(Fault::new(Code::File).with("path", path.display()).with("cause", cause))
}

fn init(context: &Context, data: &Path, name: &str, call_sign: &str, zone: &str) -> Result<(), Told> {
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(|e| file(context, data, &e))?;
    // Ports that are free now, held until both are known; if another program takes one meanwhile, the station says so.
    let free = [TcpListener::bind("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0")];
    let [listen, desk] = free.map(|bound| bound.and_then(|l| Ok((l.local_addr()?, l))));
    let (listen, desk) = (listen.map_err(|e| context.machine(e))?, desk.map_err(|e| context.machine(e))?);
    let [listen, desk] = [listen.0.to_string(), desk.0.to_string()];
    let announce = [listen.clone()];
    let starter = Starter { name, call_sign, zone, listen: &listen, announce: &announce, desk: &desk };
    let root_key = data.with_extension("root-key");
    context.found(data, &root_key)?;
    write_starter(data, &starter).map_err(|e| context.tell(Fault::new(Code::Configuration).because(&e)))?;
    Ok(())
}

impl Side {
    fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    fn start(&mut self, context: &Context) -> Result<(), Told> {
        let log = File::options().create(true).append(true).open(self.log());
        let log = log.map_err(|e| file(context, &self.log(), &e))?;
        let program = std::env::current_exe().map_err(|e| context.machine(e))?;
        let mut command = Command::new(program);
        command.args([OsStr::new("--data"), self.data.as_os_str(), OsStr::new("serve"), OsStr::new("--exercise")]);
        // A group of its own: Ctrl-C in this terminal ends the demonstration, which then ends its stations in order.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(log));
        self.child = Some(command.spawn().map_err(|e| context.machine(e))?);
        Ok(())
    }

    async fn answers(&self, context: &Context) -> Result<(), Told> {
        let client = Client::new(&self.data, &context.words);
        until(context, self, || async { client.get("/api/v1/health").await.ok() }).await.map(|_| ())
    }

    /// Says once when the station has ended, and how to start it again.
    fn watch(&mut self, context: &Context) {
        let ended = self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_))));
        if ended {
            self.child = None;
            let args = [("name", self.call_sign.to_string()), ("command", self.serve_command())];
            let value = json!({ "event": "ended", "name": self.call_sign, "serve": self.serve_command() });
            told(context, &value, || context.say("demo-ended", &args));
        }
    }

    fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    fn serve_command(&self) -> String {
        format!("{} serve --exercise", self.command())
    }

    fn command(&self) -> String {
        let program = std::env::current_exe().map_or_else(|_| "counterpart".into(), |path| path.display().to_string());
        format!("{program} --data {}", self.data.display())
    }

    /// Ends whatever serves the directory, also a station that somebody started again by hand.
    async fn end(&mut self) {
        let pid = served_by(&self.data).and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // It may have ended by itself meanwhile.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if let Some(child) = &mut self.child {
            let late = tokio::time::timeout(END_MAX, child.wait()).await.is_err();
            if late {
                let _ = child.kill().await;
            }
        }
    }
}

/// Looks again until there is something, for as long as a station may take.
async fn until<T, F: Future<Output = Option<T>>>(
    context: &Context,
    side: &Side,
    look: impl Fn() -> F,
) -> Result<T, Told> {
    let begun = context.clock.moment();
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if context.clock.moment().ms_since(begun) > UP_MAX_MS {
            let fault = Fault::new(Code::DemoLate).with("path", side.data.display()).with("seconds", UP_MAX_MS / 1_000);
            return Err(context.tell(fault.with("log", side.log().display())));
        }
        tokio::time::sleep(STEP).await;
    }
}

/// Invites, joins, compares the digits of both sides, and confirms on both: the demonstration is both persons.
async fn pair(context: &Context, north: &Side, south: &Side) -> Result<(), Told> {
    let clients = [north, south].map(|side| Client::new(&side.data, &context.words));
    let [inviter, joiner] = &clients;
    let lines = inviter.get("/api/v1/lines").await?;
    if lines.as_array().is_some_and(|lines| !lines.is_empty()) {
        return Ok(());
    }
    let invited = inviter.post("/api/v1/pairings/invite", &Value::Object(serde_json::Map::new())).await?;
    let invitation = inviter.typed::<InvitedView>(&invited)?.invitation;
    joiner.post("/api/v1/pairings/join", &JoinForm { invitation }).await?;
    let mut digits = Vec::new();
    for (client, side) in clients.iter().zip([north, south]) {
        let shown = || async {
            let views = client.typed::<Vec<PairingView>>(&client.get("/api/v1/pairings").await.ok()?).ok()?;
            views.first()?.candidates.first().map(|candidate| candidate.digits.clone())
        };
        digits.push(until(context, side, shown).await?);
    }
    let [here, there] = digits.as_slice() else { return Ok(()) };
    if here != there {
        return Err(context.tell(Fault::new(Code::DigitsMalformed).with("said", there)));
    }
    for client in [joiner, inviter] {
        let form = ConfirmForm { digits: Some(here.clone()), ..ConfirmForm::default() };
        client.post("/api/v1/pairings/confirm", &form).await?;
    }
    for (client, side) in clients.iter().zip([north, south]) {
        let open = || async {
            let lines = client.get("/api/v1/lines").await.ok()?;
            lines.as_array()?.iter().any(|line| line["observed"]["state"] == "OPEN").then_some(())
        };
        until(context, side, open).await?;
    }
    let value = json!({ "event": "paired", "digits": here });
    told(context, &value, || context.say("demo-paired", &[("digits", here.clone())]));
    Ok(())
}

/// A link that signs a browser in at the desk of one side.
async fn link(context: &Context, side: &Side) -> Result<String, Told> {
    let client = Client::new(&side.data, &context.words);
    let name = context.say("demo-officer", &[]);
    let form = UserForm { name: name.clone(), role: "admin".into(), password: None };
    // A directory that was kept has its officer already.
    client.post("/api/v1/users", &form).await.map(drop).or_else(|told| match told.code == Code::UserThere.word() {
        true => Ok(()),
        false => Err(told),
    })?;
    let made = client.post("/api/v1/users/link", &NameForm { name }).await?;
    Ok(client.typed::<LinkView>(&made)?.url)
}

/// Prints one thing that has come about: for a program an object in a line, for a person what is made of it.
pub(super) fn told(context: &Context, value: &Value, text: impl FnOnce() -> String) {
    print(&if context.json { escaped_json(&value.to_string()) } else { text() });
}

/// What to type next, in two more terminals.
fn guide(context: &Context, north: &Side, south: &Side) -> String {
    let station = |side: &Side| {
        let pid = side.pid().map_or_else(String::new, |pid| pid.to_string());
        let args = [
            ("name", side.call_sign.to_string()),
            ("pid", pid),
            ("data", side.data.display().to_string()),
            ("command", side.serve_command()),
        ];
        context.say("demo-station", &args)
    };
    let args = [("north", north.command()), ("south", south.command())];
    [station(north), station(south), context.say("demo-guide", &args)].join("\n")
}
