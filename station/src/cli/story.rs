//! `demo --story`: plays a story and prints what both sides' own stores say of it.

use std::fs::{self, DirBuilder};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use counterpart_core::precedence::Mark;
use serde_json::json;

use super::spectators::Desks;
use super::{Context, Exit, demo, serve, spectators};
use crate::api::fault::{Code, Fault, Told};
use crate::api::times::write;
use crate::story::{self, Account, Play, Progress, SHIPPED, Script};

/// Columns, if nothing tells how many there are.
const WIDTH_DEFAULT: usize = 100;

/// Plays the story of this name or file, each act after `pace` if there is one: then spectators read on both desks until Ctrl-C. Both
/// stations are kept in `out`, if it is given.
pub(super) async fn story(
    context: &Context,
    said: &str,
    out: Option<PathBuf>,
    pace: Option<Duration>,
) -> Result<Exit, Told> {
    let text = story::text(said).map_err(|cause| {
        let known = SHIPPED.map(|(name, _)| name).join(", ");
        context.tell(Fault::new(Code::StoryUnknown).with("said", said).with("cause", cause).with("known", known))
    })?;
    let script = Script::read(&text, &context.words).map_err(|fault| fault.tell(said, &context.words))?;
    let place = match &out {
        Some(out) => {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(out);
            made.map_err(|e| context.tell(Fault::new(Code::File).with("path", out.display()).with("cause", e)))?;
            out.clone()
        }
        None => demo::fresh(context)?,
    };
    let telling = Telling { context, said, script: &script, place: &place, kept: out.is_some() };
    let ended = serve::left().map_err(|e| context.machine(e))?;
    let played = match pace {
        Some(pace) => telling.spectated(pace, ended).await,
        None => tokio::select! {
            played = telling.played() => played.map(|()| Exit::Done),
            // Nobody waits for the rest of it.
            () = ended => Ok(Exit::Machine),
        },
    };
    if out.is_none() {
        // What cannot be removed is left; it is in the system's own place for what may go.
        let _ = fs::remove_dir_all(&place);
    }
    played
}

/// A story that is told.
struct Telling<'a> {
    context: &'a Context,
    /// As it was named.
    said: &'a str,
    script: &'a Script,
    place: &'a Path,
    /// Its stations stay.
    kept: bool,
}

impl Telling<'_> {
    /// Plays it and prints the accounts.
    async fn played(&self) -> Result<(), Told> {
        let progress = Line::new(self.context);
        let shows = |at| progress.shows(at);
        let played = story::play(self.script, (self.said, self.place), &self.context.words, &shows).await;
        progress.goes();
        played?;
        self.accounts()
    }

    /// Plays it while spectators read on both desks, prints the accounts, and serves on until `ended`.
    async fn spectated(&self, pace: Duration, ended: impl Future<Output = ()>) -> Result<Exit, Told> {
        tokio::pin!(ended);
        let context = self.context;
        let mut play = tokio::select! {
            play = Play::set(self.script, (self.said, self.place), &context.words, true) => play?,
            () = &mut ended => return Ok(Exit::Done),
        };
        let told = match Desks::open(context, play.stations()).await {
            Err(told) => Err(told),
            Ok(desks) => {
                let told = self.shown(&mut play, pace, ended.as_mut()).await;
                desks.close().await;
                told
            }
        };
        play.strike().await;
        told.map(|()| Exit::Done)
    }

    /// Every step, then the accounts, then what spectators look at until `ended`.
    async fn shown(
        &self,
        play: &mut Play<'_>,
        pace: Duration,
        mut ended: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), Told> {
        let progress = Line::new(self.context);
        let shows = |at| progress.shows(at);
        let played = tokio::select! {
            played = play.run(pace, &shows) => Some(played),
            () = &mut ended => None,
        };
        progress.goes();
        let Some(played) = played else { return Ok(()) };
        let call = played?;
        self.accounts()?;
        if let Some(request) = call {
            for serving in play.stations() {
                spectators::officer(self.context, serving).await?;
            }
            let value = json!({ "event": "call", "request": request });
            let args = [("name", request.to_owned())];
            demo::told(self.context, &value, || self.context.say("story-call", &args));
            tokio::select! {
                () = play.goes_on() => {}
                () = &mut ended => {}
            }
            return Ok(());
        }
        demo::told(self.context, &json!({ "event": "played" }), || self.context.say("story-told", &[]));
        ended.await;
        Ok(())
    }

    fn accounts(&self) -> Result<(), Told> {
        let (context, script) = (self.context, self.script);
        let data = script.sides.each_ref().map(|side| self.place.join(&side.word));
        let read = |data| Account::read(script, data, &context.words).map_err(|e| context.machine(e));
        let [first, second] = &data;
        let accounts = [read(first)?, read(second)?];
        if context.json {
            let value = json!({ "title": script.title, "said": script.said, "accounts": accounts });
            return context.show(&value, || Ok(String::new()));
        }
        context.print(&prologue(context, script))?;
        context.print(&story::told(&accounts, &context.words, width()))?;
        let figures = story::figures(first, &context.words);
        context.print(&figures.map_err(|e| context.machine(e))?)?;
        if self.kept {
            let program =
                std::env::current_exe().map_or_else(|_| "counterpart".into(), |path| path.display().to_string());
            for data in &data {
                let command = format!("{program} --data {} record", data.display());
                let args = [("path", data.display().to_string()), ("command", command)];
                context.print(&context.say("story-kept", &args))?;
            }
        }
        context.print(&banner(context))
    }
}

/// The line that says how far it has come, written over; only for a person at a terminal.
struct Line<'a> {
    context: &'a Context,
    is_shown: bool,
}

impl<'a> Line<'a> {
    fn new(context: &'a Context) -> Line<'a> {
        Line { context, is_shown: io::stderr().is_terminal() && !context.json }
    }

    fn shows(&self, at: Progress) {
        let [done, steps] = [("done", at.done), ("steps", at.steps)].map(|(name, n)| (name, n.to_string()));
        let line = self.context.say("story-playing", &[done, steps, ("time", write(at.time))]);
        self.write(&line);
    }

    fn goes(&self) {
        self.write("");
    }

    fn write(&self, line: &str) {
        if self.is_shown {
            // Nobody reads a standard error that is closed.
            let _ = write!(io::stderr(), "\r\x1b[K{line}");
        }
    }
}

fn banner(context: &Context) -> String {
    context.say("mark-banner", &[("mark", context.words.coded_in(Mark::Exercise))])
}

/// What the story says before it is told, and what of it is the story's own.
fn prologue(context: &Context, script: &Script) -> String {
    let mut lines = vec![banner(context), script.title.clone(), String::new()];
    lines.extend(script.said.iter().flat_map(|said| [said.clone(), String::new()]));
    lines.push(context.say("story-how", &[]));
    let bells = script.bells().into_iter().map(|sign| context.say("story-bell", &[("sign", sign.into())]));
    lines.extend(bells);
    crate::view::text::paragraphs(&lines, width())
}

/// The columns of the terminal that is printed to, or those that the environment names.
fn width() -> usize {
    let out = io::stdout();
    let terminal = out.is_terminal().then(|| rustix::termios::tcgetwinsize(&out).ok()).flatten();
    let named = || std::env::var("COLUMNS").ok()?.parse().ok();
    let columns = terminal.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
    columns.or_else(named).unwrap_or(WIDTH_DEFAULT).max(20)
}
