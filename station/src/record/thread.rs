//! THE loop: take what waits, decide, sign, one commit, publish, answer (DESIGN.md §9). A plain thread; nothing else writes.
//!
//! It knows lines and turns, not rules: it never looks at what an entry says.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use counterpart_core::fault::Refusal;
use counterpart_core::ids::{Epoch, LineId, Party};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::turn::{Answer, Given, Input, Plan, Shown, Written};
use counterpart_core::precedence::Mark;
use counterpart_core::record::sign1::Strict;
use counterpart_core::time::Timestamp;
use tokio::sync::watch;

use super::calls::{Caller, Decided, Turn, actors, brought, reply};
use super::inbox::{ActFault, Begin, Done, Keeper, Message, Waiting};
use super::lines::{Kept, LINE_BEGUN, LINE_ENDED, LineStatus, Lines, append, entry_key, folded_row, head};
use super::published::Published;
use super::shut::Breach;
use super::steady::Steady;
use crate::clock::{Clock, Moment};
use crate::keys::{Keys, Ring};
use crate::store::{Actor, Append, Evidence, LateBody, LineUpdate, Reader, Showing, Store, StoreError};
use crate::words::{Sentence, Tell};

/// Inputs decided in one turn.
const TURN_INPUTS_MAX: usize = 64;
/// Bytes of entries decided in one turn.
const TURN_BYTES_MAX: usize = 256 * 1024;
/// The thread looks at its lines at least this often, in milliseconds.
const IDLE_MS: u64 = 1_000;
/// And so often whether another program holds the database still.
const SHUT_MS: u64 = 100;
/// So long after a commit that failed what was due is tried again.
const AGAIN_MS: u64 = 2_000;

/// What the thread needs to begin.
pub struct Started {
    /// Asks and learns.
    pub keeper: Keeper,
    /// Ends when the keeper is told to stop.
    pub thread: JoinHandle<()>,
}

/// Starts the record thread: reads every line, then keeps them.
///
/// # Errors
/// [`StoreError`] if the lines cannot be read, or the thread cannot be made.
pub fn start(store: Store, keys: impl Into<Ring>, clock: Clock, check_mark: Mark) -> Result<Started, StoreError> {
    let keys = keys.into();
    let reader = store.reader()?;
    let lines = Lines::load(&reader)?;
    let (publish, published) = watch::channel(Arc::new(Published::default()));
    let (keeper, inbox) = Keeper::new(published);
    let begun = clock.moment();
    let mut record = Record {
        store,
        reader,
        keys,
        clock,
        begun,
        check_mark,
        lines,
        publish,
        version: 0,
        over: None,
        shut: None,
        later: Vec::new(),
    };
    record.publish_all();
    let named = std::thread::Builder::new().name("record".into());
    let thread =
        named.spawn(move || record.run(&inbox)).map_err(|e| StoreError::other("doing-thread", e.to_string()))?;
    Ok(Started { keeper, thread })
}

pub(super) struct Record {
    store: Store,
    pub(super) reader: Reader,
    pub(super) keys: Ring,
    clock: Clock,
    begun: Moment,
    check_mark: Mark,
    pub(super) lines: Lines,
    publish: watch::Sender<Arc<Published>>,
    version: u64,
    /// Left for the next turn.
    over: Option<Waiting>,
    /// Since when another program holds the database, as a commit found.
    pub(super) shut: Option<Moment>,
    /// What peers broke and could not be kept yet.
    pub(super) later: Vec<Breach>,
}

impl Record {
    fn run(&mut self, inbox: &mpsc::Receiver<Waiting>) {
        loop {
            let first = match self.over.take().map_or_else(|| inbox.recv_timeout(self.wait()), Ok) {
                Ok(first) => Some(first),
                Err(mpsc::RecvTimeoutError::Timeout) => None,
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            };
            if self.is_shut() {
                if first.is_some_and(|first| self.put_off(first)) {
                    return;
                }
                continue;
            }
            let mut turn = Turn::default();
            let later = std::mem::take(&mut self.later).into_iter().map(Breach::again);
            let mut places: Vec<Waiting> = later.chain(first).map(|waiting| self.take(waiting, &mut turn)).collect();
            while turn.size() < TURN_INPUTS_MAX && turn.bytes() < TURN_BYTES_MAX {
                let Ok(next) = inbox.try_recv() else { break };
                // What was given twice at once is answered from the record, once the first stands there.
                if next.message.token().is_some_and(|token| turn.has_token(token)) {
                    self.over = Some(next);
                    break;
                }
                places.push(self.take(next, &mut turn));
            }
            let stop = turn.stop;
            self.turn(turn);
            if stop {
                self.ends();
                return;
            }
        }
    }

    /// Whether another program holds the database still, after a commit found that one does.
    fn is_shut(&mut self) -> bool {
        let Some(since) = self.shut else { return false };
        if self.store.is_free() {
            self.shut = None;
            tracing::info!(ms = self.clock.moment().ms_since(since), "no other program holds the database any more");
        }
        self.shut.is_some()
    }

    /// Shows that another program holds the database, or, once something is written again, that it does no more.
    fn publish_shut(&mut self) {
        let held_since = self.shut.map(|_| Timestamp(self.clock.now()));
        if held_since.is_some() != self.publish.borrow().held_since.is_some() {
            let next = Published { held_since, ..Published::clone(&self.publish.borrow()) };
            self.publish.send_replace(Arc::new(next));
        }
    }

    pub(super) fn fold(&self) {
        if let Err(error) = self.store.fold() {
            // The journal holds what the file does not: nothing is lost.
            tracing::warn!(error = %error, "the journal could not be folded into the database");
        }
    }

    /// Until when nothing will be due by itself.
    fn wait(&self) -> Duration {
        if self.shut.is_some() {
            return Duration::from_millis(SHUT_MS);
        }
        let (now, monotonic) = (self.clock.now(), self.monotonic_ms());
        let due = self.lines.iter().flat_map(|kept| {
            let clock = kept.next.map(|t| t.0.saturating_sub(now));
            let received = kept.line.received_due_ms().map(|ms| ms.saturating_sub(monotonic));
            [clock, received, kept.stirred.then_some(0)].into_iter().flatten()
        });
        Duration::from_millis(due.min().unwrap_or(IDLE_MS).min(IDLE_MS))
    }

    pub(super) fn monotonic_ms(&self) -> u64 {
        self.clock.moment().ms_since(self.begun)
    }

    /// Sorts one message into the turn.
    fn take(&mut self, waiting: Waiting, turn: &mut Turn) -> Waiting {
        let Waiting { message, place } = waiting;
        match message {
            Message::Act { line, epoch, act, words, actor, reply } => {
                if let Some(done) = self.done_before(&actor) {
                    let _ = reply.send(done);
                } else {
                    let epoch = epoch.unwrap_or_else(|| self.serving(&line));
                    turn.put(line, [Input::Act(epoch, act, words)], Caller::Act { reply, epoch, actor: Some(actor) });
                }
            }
            Message::Alerting { line, epoch, attempt, channel, reply } => {
                let caller = Caller::Act { reply, epoch, actor: None };
                turn.put(line, [Input::Alerting(epoch, attempt, channel)], caller);
            }
            Message::Followed { line, epoch, input, actor, reply } => {
                turn.put(line, [*input], Caller::Act { reply, epoch, actor });
            }
            Message::Brought { line, inputs: brought, reply } => {
                let count = brought.len();
                turn.put(line, brought, Caller::Entries { reply, count });
            }
            Message::Restore(restoring) => self.restore(*restoring, turn),
            Message::Retired { line, link, highest } => self.note_retired(line, &link, highest),
            Message::Pairing { line, state, begin, ends, reply } => {
                let begun = begin.map_or(Ok(()), |begin| self.begin(line, *begin, turn));
                let begun = begun.and_then(|()| if ends { self.end(line, turn) } else { Ok(()) });
                match begun {
                    Ok(()) => {
                        turn.batch.pairings.push((line.0, state));
                        turn.beside.push(Caller::Nobody { reply });
                    }
                    Err(fault) => drop(reply.send(Err(fault))),
                }
            }
            Message::People { changes, reply } => {
                turn.batch.people.extend(changes);
                turn.beside.push(Caller::Nobody { reply });
            }
            Message::Setting { key, value, reply } => {
                turn.batch.settings.push((key.into(), value));
                turn.beside.push(Caller::Nobody { reply });
            }
            Message::Link { line, link } => self.note_link(line, link),
            Message::Evidence { line, what, epoch, bytes } => {
                turn.breaches.push(Breach { line, what, epoch, bytes: bytes.clone() });
                let (at, kind) = (self.clock.now(), what.word().to_string());
                turn.batch.evidence.push(Evidence { line: line.0, at, kind, detail: format!("epoch {epoch}"), bytes });
                if let Some(kept) = self.lines.kept.get_mut(&line) {
                    kept.line.mark_halted(epoch, what);
                    turn.halt(&kept.line);
                }
            }
            Message::Noted { line, epoch, at, tally, user, reply } => {
                match self.note(line, (epoch, at, tally), user, turn) {
                    Ok(()) => turn.beside.push(Caller::Nobody { reply }),
                    Err(refusal) => drop(reply.send(Err(ActFault::Refused(refusal)))),
                }
            }
            Message::Look(look) => turn.looks.push(look),
            Message::ClockMoved => self.clock_moved(),
            Message::Stop => turn.stop = true,
        }
        Waiting { message: Message::ClockMoved, place }
    }

    pub(super) fn serving(&self, line: &LineId) -> Epoch {
        self.lines.kept.get(line).map_or(Epoch::FIRST, |kept| kept.line.epoch())
    }

    /// A command repeated with the same token is answered from the record.
    pub(super) fn done_before(&self, actor: &Actor) -> Option<Result<Done, ActFault>> {
        let token = actor.token.as_deref()?;
        match self.reader.by_token(token) {
            Ok(Some(before)) => {
                let kept = self.lines.kept.get(&LineId(before.key.log.line));
                Some(Done::before(&before, actor.command, kept.map(|kept| &kept.line)))
            }
            Ok(None) => None,
            Err(error) => Some(Err(ActFault::Machine(error.sentence()))),
        }
    }

    /// Index 0 of either log, in the same commit as the line and the state of its pairing.
    fn begin(&mut self, id: LineId, begin: Begin, turn: &mut Turn) -> Result<(), ActFault> {
        let (charter, me) = (begin.charter.encode(), u8::from(begin.me == Party::Joiner));
        let new = Kept::new(Line::new(begin.charter, begin.me));
        let kept = self.lines.kept.entry(id).or_insert(new);
        let mut opened = Vec::new();
        for entry in begin.entries {
            match kept.line.begin(entry) {
                Ok(written) => opened.extend(written),
                Err(misconduct) => {
                    turn.touched.insert(id);
                    return Err(ActFault::Machine(
                        Sentence::new("machine-no-begin").with("misconduct", misconduct.word()),
                    ));
                }
            }
        }
        kept.stirred = true;
        turn.batch.lines.push(LineUpdate { id: id.0, state: LINE_BEGUN, me, charter, added: self.clock.now() });
        turn.opened.extend(opened.into_iter().map(|written| (id, written)));
        Ok(())
    }

    /// A line that the other side never began ends with its pairing.
    fn end(&self, id: LineId, turn: &mut Turn) -> Result<(), ActFault> {
        let Some(kept) = self.lines.kept.get(&id) else { return Ok(()) };
        if kept.status() == LineStatus::Open {
            return Err(ActFault::Machine(Sentence::new("machine-pairing-begun")));
        }
        let (charter, me) = (kept.line.charter().encode(), u8::from(kept.line.me() == Party::Joiner));
        turn.batch.lines.push(LineUpdate { id: id.0, state: LINE_ENDED, me, charter, added: self.clock.now() });
        turn.ended.push(id);
        Ok(())
    }

    pub(super) fn given<'a>(
        &'a self,
        sign: &'a Keys,
        stored: &'a dyn Fn(counterpart_core::ids::Epoch, counterpart_core::ids::EntryRef) -> Option<Vec<u8>>,
        steady: &Steady,
    ) -> Given<'a> {
        let monotonic_ms = self.monotonic_ms();
        let (even, steady_ms) = (steady.is_even(), steady.steady_ms(monotonic_ms));
        Given {
            now: Timestamp(self.clock.now()),
            conduct: Conduct { even, steady_ms, mark: self.check_mark },
            monotonic_ms,
            sign,
            verify: &Strict,
            stored,
        }
    }

    /// Decide, commit, publish, answer.
    fn turn(&mut self, mut turn: Turn) {
        let mut answers = Vec::new();
        turn.batch.now = self.clock.now();
        for (id, written) in &turn.opened {
            let row = self.row(*id, written);
            if written.taken_back {
                turn.batch.restored.push(row.key.log);
            }
            turn.batch.appends.push(row);
            turn.touched.insert(*id);
        }
        for (id, highest) in self.lines.kept.iter().filter_map(|(id, kept)| Some((id, kept.retires?))) {
            turn.batch.retired.push((id.0, Some(highest)));
            turn.touched.insert(*id);
        }
        for id in self.lines.kept.keys().copied().collect::<Vec<_>>() {
            let (inputs, callers) = turn.inputs.remove(&id).unwrap_or_default();
            if inputs.is_empty() && !self.is_due(&id) {
                continue;
            }
            let epochs = inputs.iter().map(|input| brought(input).0).collect();
            let Some(plan) = self.decide(id, inputs, &mut turn) else { continue };
            answers.push(Decided { line: id, plan, epochs, callers });
        }
        self.add(&mut turn, &answers);
        let committed = if turn.is_empty() { Ok(()) } else { self.store.commit(&turn.batch) };
        if let Err(error) = &committed {
            tracing::error!(%error, "a commit failed; nothing of it is kept");
            self.shut = (*error == StoreError::Busy).then(|| self.clock.moment());
            self.drop_tentative(&turn);
            std::mem::take(&mut turn.breaches).into_iter().for_each(|breach| self.later(breach));
        } else {
            self.keep(&turn, &answers);
        }
        self.publish_shut();
        let failed = committed.err().map(|error| ActFault::Machine(error.sentence()));
        reply(turn.beside, answers, failed.as_ref(), &self.lines);
        let unknown = turn.inputs.into_values().flat_map(|(_, callers)| callers);
        unknown.for_each(|caller| caller.refuse(ActFault::Refused(Refusal::UnknownLine)));
        turn.looks.into_iter().for_each(|look| look(&self.lines));
    }

    fn is_due(&self, id: &LineId) -> bool {
        let Some(kept) = self.lines.kept.get(id) else { return false };
        let clock = kept.next.is_some_and(|t| t.0 <= self.clock.now());
        let received = kept.line.received_due_ms().is_some_and(|ms| ms <= self.monotonic_ms());
        clock || received || kept.stirred
    }

    /// One line's turn on its tentative state. What the peer broke is kept as evidence.
    fn decide(&mut self, id: LineId, inputs: Vec<Input>, turn: &mut Turn) -> Option<Plan> {
        let mut kept = self.lines.kept.remove(&id)?;
        let appends = &turn.batch.appends;
        let stored = |epoch, at| {
            let key = entry_key(id, epoch, at);
            // What pairing began in this turn is not stored yet.
            let begun = appends.iter().find(|row| row.key == key).map(|row| row.bytes.clone());
            begun.or_else(|| self.reader.entry(key).ok().flatten().map(|row| row.bytes))
        };
        // A key that is not held signs nothing: the line refuses any other.
        let keys = self.keys.of_station(kept.line.signer().as_bytes()).unwrap_or_else(|| self.keys.first());
        let given = self.given(&keys, &stored, &kept.steady);
        let shown: Vec<(Epoch, Vec<u8>)> = inputs.iter().map(brought).collect();
        let late: Vec<Option<LateBody>> = inputs.iter().map(|input| self.late_body(id, input)).collect();
        let before = kept.line.restore();
        let plan = kept.line.turn(inputs, &given);
        kept.next = plan.next;
        kept.stirred = false;
        if !plan.written.is_empty() || !plan.shown.is_empty() || kept.line.restore() != before {
            turn.touched.insert(id);
        }
        for (answer, (epoch, bytes)) in plan.answers.iter().zip(shown) {
            if let Answer::Misconduct(misconduct) = answer {
                turn.halt(&kept.line);
                tracing::warn!(line = %id, misconduct = misconduct.word(), "the peer broke the protocol");
                let (at, kind) = (turn.batch.now, misconduct.word().to_string());
                turn.batch.evidence.push(Evidence { line: id.0, at, kind, detail: format!("epoch {epoch}"), bytes });
            }
        }
        let held = plan.answers.iter().zip(late).filter(|(answer, _)| **answer == Answer::Held);
        turn.batch.bodies.extend(held.filter_map(|(_, late)| late));
        self.lines.kept.insert(id, kept);
        Some(plan)
    }

    /// Puts what was decided into the batch: entries, who did them, heads.
    fn add(&self, turn: &mut Turn, answers: &[Decided]) {
        for Decided { line, plan, callers, .. } in answers {
            let mut actors = actors(plan, callers);
            for written in &plan.written {
                let mut row = self.row(*line, written);
                row.actor = actors.remove(&(written.epoch, written.entry.header.at()));
                turn.batch.appends.push(row);
            }
            let showing = |s: &Shown| Showing { line: line.0, bytes: s.entry.bytes.clone(), body: s.body.clone() };
            turn.batch.shown.extend(plan.shown.iter().map(showing));
            turn.batch.folded.extend(plan.folded.iter().filter_map(|folded| folded_row(*line, folded)));
        }
        let mut logs: Vec<(LineId, Epoch, Party)> = Vec::new();
        let written = answers.iter().flat_map(|d| d.plan.written.iter().map(|w| (d.line, w)));
        for (id, written) in written.chain(turn.opened.iter().map(|(id, w)| (*id, w))) {
            logs.push((id, written.epoch, written.entry.header.party));
        }
        logs.sort();
        logs.dedup();
        let line = |id: &LineId| self.lines.kept.get(id).map(|kept| &kept.line);
        let heads = logs.iter().filter_map(|(id, epoch, party)| head(line(id)?, *epoch, *party));
        turn.batch.heads.extend(heads);
    }

    /// What is stored of an entry; the body of one that was taken back came with what was shown.
    fn row(&self, line: LineId, written: &Written) -> Append {
        let mut row = append(line, written);
        if written.taken_back {
            let body = self.reader.shown_body(&row.bytes).ok().flatten();
            row.body = body.filter(|body| written.entry.header.attests(body));
        }
        row
    }

    fn drop_tentative(&mut self, turn: &Turn) {
        let again = Timestamp(self.clock.now()).plus(AGAIN_MS);
        for id in &turn.touched {
            self.lines.reload(&self.reader, *id);
            if let Some(kept) = self.lines.kept.get_mut(id) {
                // What was due then is due still: as soon as the database is free, or after a while.
                (kept.next, kept.stirred) = (Some(again), self.shut.is_some());
            }
        }
        // Without its committed state a line is met no more.
        let gone = |id: &&LineId| self.lines.line(id).is_none();
        let gone: Vec<LineId> = turn.touched.iter().filter(gone).copied().collect();
        self.publish(&[], &gone);
    }

    fn keep(&mut self, turn: &Turn, answers: &[Decided]) {
        let opened = turn.opened.iter().map(|(id, written)| (id, std::slice::from_ref(written)));
        for (id, written) in opened.chain(answers.iter().map(|d| (&d.line, d.plan.written.as_slice()))) {
            if let Some(kept) = self.lines.kept.get_mut(id) {
                written.iter().for_each(|w| kept.push(w));
            }
        }
        for id in turn.touched.iter().chain(answers.iter().map(|decided| &decided.line)) {
            if let Some(kept) = self.lines.kept.get_mut(id) {
                (kept.heard, kept.retires) = (kept.line.heard(), None);
            }
        }
        for id in &turn.ended {
            self.lines.kept.remove(id);
        }
        let touched: Vec<LineId> = turn.touched.iter().copied().collect();
        self.publish(&touched, &turn.ended);
    }

    /// Shows followers the lines that were changed, and those that are no more.
    fn publish(&mut self, touched: &[LineId], gone: &[LineId]) {
        if touched.is_empty() && gone.is_empty() {
            return;
        }
        self.version += 1;
        let mut next = Published::clone(&self.publish.borrow());
        next.version = self.version;
        for id in touched {
            if let Some(kept) = self.lines.kept.get(id) {
                next.lines.insert(*id, Arc::new(kept.publish()));
            }
        }
        next.lines.retain(|id, _| !gone.contains(id));
        next.unread = self.lines.unread().cloned().collect();
        self.publish.send_replace(Arc::new(next));
    }

    fn publish_all(&mut self) {
        let lines = self.lines.kept.iter().map(|(id, kept)| (*id, Arc::new(kept.publish()))).collect();
        let unread = self.lines.unread().cloned().collect();
        self.publish.send_replace(Arc::new(Published { version: self.version, lines, unread, held_since: None }));
    }
}
