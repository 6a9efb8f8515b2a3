//! Playing a story: each step at its time, then what is expected of it, read from each side's own store.

use std::path::Path;
use std::time::Duration;

use counterpart_core::time::Timestamp;

use super::expect::{Expected, standing};
use super::fault::{Place, StoryFault, Wrong};
use super::script::{Deed, Expectation, Script, Step};
use super::shelf::Shelf;
use super::stage::Stage;
use crate::api::fault::{Code, Fault, Told};
use crate::serving::Serving;
use crate::view::names;
use crate::words::Words;

/// What may fall due between the steps of a story, altogether: each takes a moment of real time.
const DUE_MAX: usize = 1_000;

/// How far the play has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub steps: usize,
    /// The told time.
    pub time: Timestamp,
}

/// A story on its stage, between being set and being struck.
pub struct Play<'s> {
    script: &'s Script,
    /// As the caller named it.
    file: &'s str,
    words: &'s Words,
    stage: Stage<'s>,
}

impl<'s> Play<'s> {
    /// Makes two new stations in `place`, an existing directory, and pairs them. `with_desks`: each may serve pages.
    ///
    /// # Errors
    /// What our machine did not do.
    pub async fn set(
        script: &'s Script,
        (file, place): (&'s str, &Path),
        words: &'s Words,
        with_desks: bool,
    ) -> Result<Play<'s>, Told> {
        let begin = script.steps.first().map_or(Timestamp(0), |step| step.time);
        let stage = Stage::set(script, place, (begin, with_desks), words).await?;
        Ok(Play { script, file, words, stage })
    }

    /// Both stations, the inviter's first.
    pub fn stations(&self) -> [&Serving; 2] {
        self.stage.stations()
    }

    /// Plays every step at its time. Before each that somebody could see, `pace` of real time passes; with one the play ends at the first
    /// call, and answers with its request: whoever looks on can talk.
    ///
    /// # Errors
    /// What is wrong with the story, as [`StoryFault::tell`] says it, or what our machine did not do.
    pub async fn run(&mut self, pace: Duration, progress: &dyn Fn(Progress)) -> Result<Option<&'s str>, Told> {
        let steps = self.script.steps.len();
        let mut due_left = DUE_MAX;
        for (done, step) in self.script.steps.iter().enumerate() {
            progress(Progress { done, steps, time: step.time });
            if !matches!(step.deed, Deed::Bell(..)) {
                tokio::time::sleep(pace).await;
            }
            one(&mut self.stage, step, (self.file, self.words), &mut due_left).await?;
            progress(Progress { done: done + 1, steps, time: step.time });
            if let (Deed::Call(request), false) = (&step.deed, pace.is_zero()) {
                return Ok(Some(request.as_str()));
            }
        }
        Ok(None)
    }

    /// The clock goes on from where it is, a second a second, for as long as this is awaited.
    pub async fn goes_on(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // A told clock goes on to any later time.
            let _ = self.stage.moves_on();
        }
    }

    /// Stops both stations; what they recorded stays.
    pub async fn strike(self) {
        self.stage.strike().await;
    }
}

/// Plays a story on two new stations in `place`, an existing directory, and stops them; `file` is the story as the caller named it.
/// What they recorded stays in `place`.
///
/// # Errors
/// As [`Play::set`] and [`Play::run`].
pub async fn play(script: &Script, at: (&str, &Path), words: &Words, progress: &dyn Fn(Progress)) -> Result<(), Told> {
    if script.steps.is_empty() {
        return Ok(());
    }
    let mut play = Play::set(script, at, words, false).await?;
    let played = play.run(Duration::ZERO, progress).await;
    play.strike().await;
    played.map(drop)
}

async fn one(
    stage: &mut Stage<'_>,
    step: &Step,
    (file, words): (&str, &Words),
    due_left: &mut usize,
) -> Result<(), Told> {
    let wrong = |place: Place, wrong: Wrong| StoryFault { place, wrong }.tell(file, words);
    let came_due = stage.advance(step.time, *due_left).await?;
    *due_left = due_left.checked_sub(came_due).ok_or_else(|| wrong(step.place, Wrong::TooMuchDue(DUE_MAX)))?;
    let answer = match &step.deed {
        Deed::Act(side, form) => stage.act(*side, form).await,
        Deed::Bell(side, on) => {
            stage.bell(*side, *on);
            Ok(())
        }
        Deed::Link(up) => {
            stage.link(*up).await;
            Ok(())
        }
        Deed::Wait | Deed::Call(_) => Ok(()),
    };
    let not_done = step.expectations.iter().find_map(|e| match &e.expected {
        Expected::NotDone(code) => Some((e.place, code)),
        Expected::Stands { .. } => None,
    });
    match (answer, not_done) {
        (Err(told), None) => return Err(wrong(step.place, Wrong::Act(told))),
        (Err(told), Some((_, code))) if told.code == *code => {}
        (Err(told), Some((place, code))) => {
            return Err(wrong(place, Wrong::NotDone { wanted: code.clone(), found: told.code }));
        }
        (Ok(()), Some((place, code))) => {
            let found = words.say("story-done", &[]);
            return Err(wrong(place, Wrong::NotDone { wanted: code.clone(), found }));
        }
        (Ok(()), None) => {}
    }
    stage.rest().await?;
    for expectation in &step.expectations {
        check(stage, expectation, words)?.map_err(|what| wrong(expectation.place, what))?;
    }
    Ok(())
}

/// Compares what is expected with what stands in each side's own store.
fn check(stage: &Stage<'_>, expectation: &Expectation, words: &Words) -> Result<Result<(), Wrong>, Told> {
    let Expected::Stands { name, words: wanted, side } = &expectation.expected else { return Ok(Ok(())) };
    for at in [0, 1].into_iter().filter(|at| side.is_none_or(|side| side == *at)) {
        let shelf = Shelf::open(stage.data(at));
        let shelf = shelf.map_err(|e| Fault::new(Code::Unread).because(&e).tell(words))?;
        let stands = shelf.see(words, |sight| {
            let at = names::parse(sight.line, name).map_err(|fault| Wrong::Act(Told::name(&fault, words)))?;
            let found = standing(sight, at);
            if wanted.iter().all(|word| found.contains(word)) {
                return Ok(());
            }
            let sign = names::call_sign(sight.line, sight.me()).to_owned();
            let found = if found.is_empty() { words.say("story-nothing", &[]) } else { found.join(" ") };
            Err(Wrong::Status { name: name.clone(), sign, wanted: wanted.join(" "), found })
        });
        if stands.is_err() {
            return Ok(stands);
        }
    }
    Ok(Ok(()))
}
