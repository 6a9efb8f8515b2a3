//! One turn over all lines, from messages to answers: who asked for what, and what they are told after the commit.

use std::collections::{BTreeMap, BTreeSet};

use counterpart_core::fault::Refusal;
use counterpart_core::ids::{EntryRef, Epoch, LineId};
use counterpart_core::line::Line;
use counterpart_core::line::turn::{Answer, Input, Plan, Written};
use tokio::sync::oneshot;

use super::Lines;
use super::inbox::{ActFault, Called, Done, Taken};
use super::lines::log_key;
use crate::store::{Actor, Batch};

/// Who waits for what, in the order of the inputs of one line.
pub(super) enum Caller {
    Act { reply: oneshot::Sender<Result<Done, ActFault>>, actor: Option<Actor> },
    Entries { reply: oneshot::Sender<Result<Taken, ActFault>>, count: usize },
    Nobody { reply: oneshot::Sender<Result<(), ActFault>> },
}

/// Somebody who wants to see the lines as committed.
pub(super) type Look = Box<dyn FnOnce(&Lines) + Send>;

/// One turn over all lines, from inputs to answers.
#[derive(Default)]
pub(super) struct Turn {
    pub inputs: BTreeMap<LineId, (Vec<Input>, Vec<Caller>)>,
    /// How many inputs there are, and how many bytes they brought.
    count: usize,
    bytes: usize,
    pub batch: Batch,
    pub touched: BTreeSet<LineId>,
    pub looks: Vec<Look>,
    pub opened: Vec<(LineId, Written)>,
    /// Who waits for what is kept beside the logs.
    pub beside: Vec<Caller>,
    /// Lines that end with their pairing.
    pub ended: Vec<LineId>,
    pub stop: bool,
}

impl Turn {
    pub fn put(&mut self, line: LineId, brought: impl IntoIterator<Item = Input>, caller: Caller) {
        let (inputs, callers) = self.inputs.entry(line).or_default();
        for input in brought {
            self.count += 1;
            self.bytes += weight(&input);
            inputs.push(input);
        }
        callers.push(caller);
    }

    pub fn size(&self) -> usize {
        self.count + self.looks.len() + self.opened.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps that the peer's log is halted, if it is: a new start must know it, whatever becomes of the evidence.
    pub fn halt(&mut self, line: &Line) {
        if let Some(misconduct) = line.halted() {
            self.batch.halts.push((log_key(line.id(), line.epoch(), line.me().peer()), misconduct.number()));
            self.touched.insert(line.id());
        }
    }

    pub fn has_token(&self, token: &str) -> bool {
        let callers = self.inputs.values().flat_map(|(_, callers)| callers);
        let mut tokens =
            callers.filter_map(|c| if let Caller::Act { actor: Some(a), .. } = c { a.token.as_deref() } else { None });
        tokens.any(|t| t == token)
    }

    pub fn is_empty(&self) -> bool {
        let batch = &self.batch;
        batch.appends.is_empty()
            && batch.pairings.is_empty()
            && batch.evidence.is_empty()
            && batch.halts.is_empty()
            && batch.noted.is_empty()
            && batch.lines.is_empty()
            && batch.people.is_empty()
    }
}

impl Caller {
    /// How many inputs were this caller's.
    fn inputs(&self) -> usize {
        match self {
            Caller::Act { .. } => 1,
            Caller::Entries { count, .. } => *count,
            Caller::Nobody { .. } => 0,
        }
    }

    /// Tells the caller that nothing was done. Who no longer waits is not told.
    pub fn refuse(self, fault: ActFault) {
        match self {
            Caller::Act { reply, .. } => drop(reply.send(Err(fault))),
            Caller::Entries { reply, .. } => drop(reply.send(Err(fault))),
            Caller::Nobody { reply } => drop(reply.send(Err(fault))),
        }
    }
}

/// The bytes that an input brought, without what every entry has.
fn weight(input: &Input) -> usize {
    match input {
        Input::Act(_, _, words) => words.as_ref().map_or(0, |words| words.text.len()),
        Input::Alerting(..) | Input::Heard => 0,
        Input::Arrived(arrived) => arrived.entry.bytes.len() + arrived.body.as_ref().map_or(0, Vec::len),
        Input::Shown(shown) => shown.entry.bytes.len() + shown.body.as_ref().map_or(0, Vec::len),
    }
}

/// The bytes that an input brought from outside: what would be kept as evidence.
pub(super) fn shown(input: &Input) -> Vec<u8> {
    if let Input::Arrived(arrived) = input { arrived.entry.bytes.clone() } else { Vec::new() }
}

/// Who at home did which of the written entries.
pub(super) fn actors(plan: &Plan, callers: &[Caller]) -> BTreeMap<EntryRef, Actor> {
    let mut answers = plan.answers.iter();
    let mut actors = BTreeMap::new();
    for caller in callers {
        for answer in answers.by_ref().take(caller.inputs()) {
            if let (Caller::Act { actor: Some(actor), .. }, Answer::Written(at)) = (caller, answer) {
                actors.insert(*at, actor.clone());
            }
        }
    }
    actors
}

/// Tells every caller what became of it; `failed` if the commit did.
pub(super) fn reply(
    beside: Vec<Caller>,
    turns: Vec<(LineId, Plan, Vec<Caller>)>,
    failed: Option<&ActFault>,
    lines: &Lines,
) {
    for caller in beside {
        match (failed, caller) {
            (None, Caller::Nobody { reply }) => drop(reply.send(Ok(()))),
            (fault, caller) => caller.refuse(fault.cloned().unwrap_or(ActFault::Stopping)),
        }
    }
    for (id, plan, callers) in turns {
        let Plan { written, answers, .. } = plan;
        let line = lines.line(&id).map(|kept| &kept.line);
        let mut answers = answers.into_iter();
        for caller in callers {
            let own: Vec<Answer> = answers.by_ref().take(caller.inputs()).collect();
            match (failed, caller) {
                (Some(fault), caller) => caller.refuse(fault.clone()),
                (None, Caller::Act { reply, .. }) => drop(reply.send(act_answer(&written, &own, line))),
                (None, Caller::Entries { reply, .. }) => drop(reply.send(Ok(taken(&own)))),
                (None, caller) => caller.refuse(ActFault::Stopping),
            }
        }
    }
}

fn act_answer(written: &[Written], answers: &[Answer], line: Option<&Line>) -> Result<Done, ActFault> {
    let epoch = |at: &EntryRef| written.iter().find(|w| w.entry.header.at() == *at).map_or(Epoch::FIRST, |w| w.epoch);
    match answers.first() {
        Some(Answer::Written(at)) => {
            let epoch = epoch(at);
            let called = line.filter(|line| line.epoch() == epoch).map(|line| Called::of(line, *at));
            Ok(Done { epoch, at: *at, called, repeated: false })
        }
        Some(Answer::Refused(refusal)) => Err(ActFault::Refused(*refusal)),
        _ => Err(ActFault::Refused(Refusal::LineNotOpen)),
    }
}

/// What was taken, up to the first breach.
fn taken(answers: &[Answer]) -> Taken {
    let mut taken = Taken::default();
    for answer in answers {
        match answer {
            Answer::Written(_) | Answer::Held if taken.misconduct.is_none() => taken.held += 1,
            Answer::Misconduct(misconduct) if taken.misconduct.is_none() => taken.misconduct = Some(*misconduct),
            _ => {}
        }
    }
    taken
}
