//! `demo --story`: plays a story and prints what both sides' own stores say of it.

use std::fs::{self, DirBuilder};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use counterpart_core::precedence::Mark;
use serde_json::json;

use super::{Context, Exit, demo, print, serve};
use crate::api::fault::{Code, Fault, Told};
use crate::api::times::write;
use crate::story::{self, Account, Progress, SHIPPED, Script};

/// Columns, if nothing tells how many there are.
const WIDTH_DEFAULT: usize = 100;

/// Plays the story of this name or file. Both stations are kept in `out`, if it is given.
pub(super) async fn story(context: &Context, said: &str, out: Option<PathBuf>) -> Result<Exit, Told> {
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
    let ended = serve::left().map_err(|e| context.machine(e))?;
    let played = tokio::select! {
        told = tell(context, said, &script, &place, out.is_some()) => told.map(|()| Exit::Done),
        // Nobody waits for the rest of it.
        () = ended => Ok(Exit::Machine),
    };
    if out.is_none() {
        // What cannot be removed is left; it is in the system's own place for what may go.
        let _ = fs::remove_dir_all(&place);
    }
    played
}

/// Plays it in `place` and prints the accounts.
async fn tell(context: &Context, said: &str, script: &Script, place: &Path, kept: bool) -> Result<(), Told> {
    let watched = io::stderr().is_terminal() && !context.json;
    let progress = |progress: Progress| {
        let told = [("done", progress.done), ("steps", progress.steps)].map(|(name, n)| (name, n.to_string()));
        let [done, steps] = told;
        let line = context.say("story-playing", &[done, steps, ("time", write(progress.time))]);
        if watched {
            // One line, written over; nobody reads a standard error that is closed.
            let _ = write!(io::stderr(), "\r\x1b[K{line}");
        }
    };
    let played = story::play(script, (said, place), &context.words, &progress).await;
    if watched {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    played?;
    let data = script.sides.each_ref().map(|side| place.join(&side.word));
    let read = |data| Account::read(script, data, &context.words).map_err(|e| context.machine(e));
    let [first, second] = &data;
    let accounts = [read(first)?, read(second)?];
    if context.json {
        let value = json!({ "title": script.title, "said": script.said, "accounts": accounts });
        return context.show(&value, || Ok(String::new()));
    }
    print(&prologue(context, script));
    print(&story::told(&accounts, &context.words, width()));
    let figures = story::figures(first, &context.words);
    print(&figures.map_err(|e| context.machine(e))?);
    if kept {
        let program = std::env::current_exe().map_or_else(|_| "counterpart".into(), |path| path.display().to_string());
        for data in &data {
            let command = format!("{program} --data {} record", data.display());
            print(&context.say("story-kept", &[("path", data.display().to_string()), ("command", command)]));
        }
    }
    print(&banner(context));
    Ok(())
}

fn banner(context: &Context) -> String {
    context.say("mark-banner", &[("mark", Mark::Exercise.word().into())])
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
