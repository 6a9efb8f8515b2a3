//! `bell`: the first channel. It rings in a terminal, and says so to the station only after it has printed and flushed on one.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use counterpart_core::precedence::Mark;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Interval;

use super::{Context, Exit};
use crate::api::bell::{BEAT, BellView, NotedForm, NotedView, RangForm, Rung};
use crate::api::conduct::{ConductForm, ConductView};
use crate::api::fault::{Code, Told};
use crate::view::text;
use crate::words::escaped_json;

/// While something rings, the terminal's bell sounds again after so long.
const AGAIN: Duration = Duration::from_secs(5);
/// The pause before a station that went is looked for again.
const PAUSE: Duration = Duration::from_secs(1);
/// Without even a beat for so long the station is gone.
const SILENCE_MAX: Duration = Duration::from_secs(BEAT.as_secs() * 2);
/// Bytes of one line of the stream: far more than what may ring on a hundred lines at once.
const LINE_MAX: usize = 64 * 1024 * 1024;
/// The control character that sounds a terminal's bell.
const BEL: char = '\u{7}';
/// Between two strokes of one ring.
const STROKE: Duration = Duration::from_millis(250);

#[derive(Args, Debug)]
pub(super) struct BellCommand {
    #[arg(long)]
    once: bool,
}

#[derive(Args, Debug)]
pub(super) struct NotedCommand {
    #[arg(required_unless_present = "conduct")]
    name: Option<String>,
    #[arg(long, conflicts_with_all = ["name", "epoch"])]
    conduct: bool,
    #[arg(long)]
    line: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    epoch: Option<String>,
    #[arg(long, value_name = "DIGITS", conflicts_with = "conduct")]
    tally: Option<String>,
}

impl NotedCommand {
    pub async fn run(self, context: &Context) -> Result<Exit, Told> {
        context.has_data()?;
        let client = context.client();
        let Some(on) = self.name else {
            let value = client.post("/api/v1/conduct/noted", &ConductForm { line: self.line }).await?;
            context.show(&value, || Ok(client.typed::<ConductView>(&value)?.sentence))?;
            return Ok(Exit::Done);
        };
        let form = NotedForm { line: self.line, on, epoch: self.epoch, tally: self.tally };
        let value = client.post("/api/v1/noted", &form).await?;
        context.show(&value, || Ok(client.typed::<NotedView>(&value)?.sentence))?;
        Ok(Exit::Done)
    }
}

/// Where it rings.
struct Terminal<'a> {
    context: &'a Context,
    /// A terminal, where somebody may hear it.
    counts: bool,
}

impl BellCommand {
    pub async fn run(self, context: &Context) -> Result<Exit, Told> {
        context.has_data()?;
        let terminal = Terminal { context, counts: io::stdout().is_terminal() };
        if !terminal.counts && !context.json {
            let _ = writeln!(io::stderr(), "{}", context.say("bell-mute", &[]));
        }
        let client = context.client();
        let mut lost = false;
        let mut stream = Stream::new(client.open("/api/v1/bell").await?);
        loop {
            if lost {
                terminal.note("bell-back");
            }
            if terminal.follow(&mut stream, self.once).await {
                return Ok(Exit::Done);
            }
            // The station was killed or stopped: what still rings rings again when it is back.
            terminal.note("bell-lost");
            lost = true;
            stream = loop {
                tokio::time::sleep(PAUSE).await;
                match client.open("/api/v1/bell").await {
                    Ok(response) => break Stream::new(response),
                    Err(told) if told.code == Code::NoStation.word() || told.code == Code::Stopping.word() => {}
                    Err(told) => return Err(told),
                }
            };
        }
    }
}

impl Terminal<'_> {
    /// Rings until the stream ends (`false`), or after the first line (`true`).
    async fn follow(&self, stream: &mut Stream, once: bool) -> bool {
        let mut again = tokio::time::interval(AGAIN);
        let mut rings: Vec<Rung> = Vec::new();
        let mut first = true;
        loop {
            let Some(line) = self.next(stream, &mut again, &rings).await else { return false };
            if line.is_empty() {
                continue;
            }
            let Ok(view) = serde_json::from_slice::<BellView>(&line) else { continue };
            let printed = self.print(&view, first, &line);
            first = false;
            for rung in
                view.begun.iter().filter(|rung| printed && self.counts && (rung.ring.climbs || rung.ring.briefly))
            {
                self.confirm(&view.session, rung).await;
            }
            if once {
                return true;
            }
            rings = view.rings;
        }
    }

    /// The next line of the stream; meanwhile what rings sounds again and again.
    async fn next(&self, stream: &mut Stream, again: &mut Interval, rings: &[Rung]) -> Option<Vec<u8>> {
        let line = tokio::time::timeout(SILENCE_MAX, stream.line());
        tokio::pin!(line);
        loop {
            tokio::select! {
                line = &mut line => return line.ok().flatten(),
                _ = again.tick() => {
                    if self.counts {
                        for stroke in 0..strokes(rings) {
                            if stroke > 0 {
                                tokio::time::sleep(STROKE).await;
                            }
                            write(&BEL.to_string());
                        }
                    }
                }
            }
        }
    }

    /// Prints what changed, sounds the bell, and flushes; whether all of it went out.
    fn print(&self, view: &BellView, first: bool, line: &[u8]) -> bool {
        if self.context.json {
            return write(&format!("{}\n", escaped_json(&String::from_utf8_lossy(line))));
        }
        let mut out = String::new();
        if first && view.rings.is_empty() {
            out.push_str(&self.context.say("bell-waiting", &[]));
            out.push('\n');
        }
        for stopped in &view.stopped {
            out.push_str(&stopped.sentence);
            out.push('\n');
        }
        for rung in &view.begun {
            out.push_str(&text::ring(&rung.ring, &self.context.words));
            if self.counts {
                out.push(BEL);
            }
        }
        write(&out)
    }

    /// Says that a device rings: called only on a terminal, after what rings was printed and flushed.
    async fn confirm(&self, session: &str, rung: &Rung) {
        let epoch = Some(rung.epoch.clone());
        let form = RangForm { line: rung.line.clone(), at: rung.ring.entry.at.clone(), epoch };
        let said = self.context.client().post(&format!("/api/v1/bell/{session}/rang"), &form).await;
        // Another bell was quicker, or it has just been answered: the record says so.
        let settled = |code: &str| ["already", "closed", Code::NotHanded.word()].contains(&code);
        if let Err(told) = said
            && !settled(&told.code)
        {
            self.context.complain(&told);
        }
    }

    fn note(&self, id: &str) {
        let _ = writeln!(io::stderr(), "{}", self.context.say(id, &[]));
    }
}

/// How often the bell is struck for what rings: three times if anything of it is meant, once for an EXERCISE or a TEST. A terminal
/// has one sound, and what is not meant must not sound like what is.
fn strokes(rings: &[Rung]) -> usize {
    let loud = || rings.iter().filter(|rung| !rung.ring.soft);
    match loud().any(|rung| rung.ring.mark.0 == Mark::Operation) {
        true => 3,
        false => usize::from(loud().next().is_some()),
    }
}

/// Whether all of it went out.
fn write(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// The stream, line by line.
struct Stream {
    body: Incoming,
    waiting: Vec<u8>,
}

impl Stream {
    fn new(response: hyper::Response<Incoming>) -> Stream {
        Stream { body: response.into_body(), waiting: Vec::new() }
    }

    /// The next line, without its end; `None` after the last.
    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.waiting.iter().position(|b| *b == b'\n') {
                let rest = self.waiting.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.waiting, rest);
                line.pop();
                return Some(line);
            }
            if self.waiting.len() > LINE_MAX {
                return None;
            }
            let frame = self.body.frame().await?.ok()?;
            self.waiting.extend(frame.data_ref()?);
        }
    }
}

#[cfg(test)]
mod tests {
    use counterpart_core::ids::Party::{Inviter, Joiner};

    use super::*;
    use crate::view::ring::ringing;
    use crate::view::trial::Trial;

    #[test]
    fn an_exercise_is_struck_once_and_what_is_meant_three_times() {
        let rings = |mark: Mark| {
            let mut trial = Trial::new();
            trial.mark = mark;
            trial.ask(Inviter);
            trial.carry();
            let rung = |ring| Rung { line: String::new(), epoch: String::new(), ring };
            trial.look(Joiner, |sight| ringing(sight).into_iter().map(rung).collect::<Vec<_>>())
        };
        let [operation, exercise, test] = [Mark::Operation, Mark::Exercise, Mark::Test].map(rings);

        assert_eq!([&operation, &exercise, &test].map(|rings| strokes(rings)), [3, 1, 1]);
        assert_eq!(strokes(&[exercise, operation].concat()), 3);
        assert_eq!(strokes(&[]), 0);
    }
}
