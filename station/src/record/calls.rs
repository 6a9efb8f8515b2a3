//! One turn over all lines, from messages to answers: who asked for what, and what they are told after the commit.

use std::collections::{BTreeMap, BTreeSet};

use counterpart_core::fault::Refusal;
use counterpart_core::ids::{EntryRef, Epoch, LineId};
use counterpart_core::line::Line;
use counterpart_core::line::turn::{Answer, Input, Plan, Written};
use counterpart_core::record::log::Entry;
use tokio::sync::oneshot;

use super::Lines;
use super::inbox::{ActFault, Done, Taken};
use super::lines::log_key;
use super::restore::{Reply, RestoreFault, Settled};
use super::shut::Breach;
use crate::store::{Actor, Batch};

/// Who waits for what, in the order of the inputs of one line.
pub(super) enum Caller {
    Act { reply: oneshot::Sender<Result<Done, ActFault>>, epoch: Epoch, actor: Option<Actor> },
    Entries { reply: oneshot::Sender<Result<Taken, ActFault>>, count: usize },
    Nobody { reply: oneshot::Sender<Result<(), ActFault>> },
    Settles { reply: Reply, settled: Settled },
}

/// What a turn decided on one line.
pub(super) struct Decided {
    pub line: LineId,
    pub plan: Plan,
    /// Of each input.
    pub epochs: Vec<Epoch>,
    pub callers: Vec<Caller>,
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
    /// What is in the batch of what peers broke, as it came.
    pub breaches: Vec<Breach>,
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

    /// Keeps in which epochs the peer's log is halted: a new start must know it, whatever becomes of the evidence.
    pub fn halt(&mut self, line: &Line) {
        for (epoch, misconduct) in line.spans().filter_map(|span| Some((span.epoch(), span.halted()?))) {
            let halt = (log_key(line.id(), epoch, line.me().peer()), misconduct.number());
            if !self.batch.halts.contains(&halt) {
                self.batch.halts.push(halt);
                self.touched.insert(line.id());
            }
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
            && batch.shown.is_empty()
            && batch.bodies.is_empty()
            && batch.judged.is_empty()
            && batch.retired.is_empty()
            && batch.folded.is_empty()
            && batch.lines.is_empty()
            && batch.people.is_empty()
            && batch.settings.is_empty()
    }
}

impl Caller {
    /// How many inputs were this caller's.
    fn inputs(&self) -> usize {
        match self {
            Caller::Act { .. } => 1,
            Caller::Entries { count, .. } => *count,
            Caller::Nobody { .. } | Caller::Settles { .. } => 0,
        }
    }

    /// Tells the caller that nothing was done. Who no longer waits is not told.
    pub fn refuse(self, fault: ActFault) {
        match self {
            Caller::Act { reply, .. } => drop(reply.send(Err(fault))),
            Caller::Entries { reply, .. } => drop(reply.send(Err(fault))),
            Caller::Nobody { reply } => drop(reply.send(Err(fault))),
            Caller::Settles { reply, .. } => drop(reply.send(Err(RestoreFault::Act(fault)))),
        }
    }
}

/// The bytes that an input brought, without what every entry has.
fn weight(input: &Input) -> usize {
    let brought = |entry: &Entry, body: &Option<Vec<u8>>| entry.bytes.len() + body.as_ref().map_or(0, Vec::len);
    match input {
        Input::Act(_, _, words) => words.as_ref().map_or(0, |words| words.text.len()),
        Input::Alerting(..) | Input::Joined(..) | Input::Ended(..) | Input::Heard(_) => 0,
        Input::Arrived(arrived) => brought(&arrived.entry, &arrived.body),
        Input::Shown(shown) => brought(&shown.entry, &shown.body),
    }
}

/// What an input brought from outside, which would be kept as evidence, and the epoch that it speaks of.
pub(super) fn brought(input: &Input) -> (Epoch, Vec<u8>) {
    let entry = match input {
        Input::Arrived(arrived) => &arrived.entry,
        Input::Shown(shown) => &shown.entry,
        Input::Act(epoch, ..) | Input::Alerting(epoch, ..) => return (*epoch, Vec::new()),
        Input::Joined(epoch, ..) | Input::Ended(epoch, ..) => return (*epoch, Vec::new()),
        Input::Heard(_) => return (Epoch::FIRST, Vec::new()),
    };
    (entry.header.epoch, entry.bytes.clone())
}

/// Who at home did which of the written entries.
pub(super) fn actors(plan: &Plan, callers: &[Caller]) -> BTreeMap<(Epoch, EntryRef), Actor> {
    let mut answers = plan.answers.iter();
    let mut actors = BTreeMap::new();
    for caller in callers {
        for answer in answers.by_ref().take(caller.inputs()) {
            if let (Caller::Act { actor: Some(actor), epoch, .. }, Answer::Written(at)) = (caller, answer) {
                actors.insert((*epoch, *at), actor.clone());
            }
        }
    }
    actors
}

/// Tells every caller what became of it; `failed` if the commit did.
pub(super) fn reply(beside: Vec<Caller>, turns: Vec<Decided>, failed: Option<&ActFault>, lines: &Lines) {
    for caller in beside {
        match (failed, caller) {
            (None, Caller::Nobody { reply }) => drop(reply.send(Ok(()))),
            (None, Caller::Settles { reply, settled }) => drop(reply.send(Ok(settled))),
            (fault, caller) => caller.refuse(fault.cloned().unwrap_or(ActFault::Stopping)),
        }
    }
    for Decided { line, plan, epochs, callers } in turns {
        let line = lines.line(&line).map(|kept| &kept.line);
        let mut answers = plan.answers.into_iter().zip(epochs);
        for caller in callers {
            let own: Vec<(Answer, Epoch)> = answers.by_ref().take(caller.inputs()).collect();
            match (failed, caller) {
                (Some(fault), caller) => caller.refuse(fault.clone()),
                (None, Caller::Act { reply, .. }) => drop(reply.send(act_answer(&own, line))),
                (None, Caller::Entries { reply, .. }) => drop(reply.send(Ok(taken(&own)))),
                (None, caller) => caller.refuse(ActFault::Stopping),
            }
        }
    }
}

fn act_answer(answers: &[(Answer, Epoch)], line: Option<&Line>) -> Result<Done, ActFault> {
    match answers.first() {
        Some((Answer::Written(at), epoch)) => Ok(Done::of(*epoch, *at, line)),
        Some((Answer::Refused(refusal), _)) => Err(ActFault::Refused(*refusal)),
        _ => Err(ActFault::Refused(Refusal::LineNotOpen)),
    }
}

/// What was taken, up to the first breach.
fn taken(answers: &[(Answer, Epoch)]) -> Taken {
    let mut taken = Taken::default();
    for (answer, epoch) in answers {
        match answer {
            Answer::Written(_) | Answer::Held if taken.misconduct.is_none() => taken.held += 1,
            Answer::Kept if taken.misconduct.is_none() => (taken.held, taken.shown) = (taken.held + 1, taken.shown + 1),
            Answer::Misconduct(misconduct) if taken.misconduct.is_none() => {
                taken.misconduct = Some((*misconduct, *epoch))
            }
            _ => {}
        }
    }
    taken
}
