//! The way into the record: a bounded inbox, and answers that are given only after the commit.

use std::fmt;
use std::sync::{Arc, mpsc};

use counterpart_core::act::{Act, Words};
use counterpart_core::fault::{Misconduct, Refusal};
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::line::Line;
use counterpart_core::line::broken::Tally;
use counterpart_core::line::turn::{Arrived, Input};
use counterpart_core::record::charter::Charter;
use counterpart_core::record::codes::Channel;
use counterpart_core::record::log::Entry;
use counterpart_core::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::restore::Restoring;
use super::{Lines, Published};
use crate::store::{Actor, ByToken, EntryKey, People};
use crate::words::Sentence;

/// Inputs that may wait; whoever comes then waits at the door.
const WAITING_MAX: usize = 1_024;

/// An act that is in the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// In which epoch.
    pub epoch: Epoch,
    /// Where it stands.
    pub at: EntryRef,
    /// What it is called by, so that whoever is answered need not ask again; `None` if its line is not at hand.
    pub called: Option<Called>,
    /// A command with the same token had done it before; nothing was written now.
    pub repeated: bool,
    /// Of a renewal that came sooner than the charter's pace and is no attempt (§6.8): from when on one would be.
    pub early: Option<Timestamp>,
}

/// What an entry is called by (§2.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Called {
    /// The call sign of its side.
    pub sign: String,
    /// Its number among what that side has opened; `None` if it opens nothing and is called by its index.
    pub ordinal: Option<u64>,
}

impl Called {
    /// What an entry of this line is called by.
    pub fn of(line: &Line, at: EntryRef) -> Called {
        let sign = line.charter().party(at.party).call_sign.clone();
        Called { sign, ordinal: line.facts().all().ordinal(at) }
    }
}

impl Done {
    /// What a command with the same token had done on this line, if the line is at hand.
    ///
    /// # Errors
    /// [`ActFault::TokenOfAnother`] if it is known that it was another command.
    pub fn before(before: &ByToken, command: Option<[u8; 32]>, line: Option<&Line>) -> Result<Done, ActFault> {
        let done = Done::repeated(&before.key, line);
        let is_another = before.command.zip(command).is_some_and(|(before, now)| before != now);
        if is_another { Err(ActFault::TokenOfAnother(done.at)) } else { Ok(done) }
    }

    fn repeated(key: &EntryKey, line: Option<&Line>) -> Done {
        let party = if key.log.party == 0 { Party::Inviter } else { Party::Joiner };
        let epoch = Epoch { number: key.log.epoch.number, id: key.log.epoch.id };
        let at = EntryRef { party, index: key.index };
        Done { repeated: true, ..Done::of(epoch, at, line) }
    }

    /// What has been written, on a line that is at hand.
    pub(super) fn of(epoch: Epoch, at: EntryRef, line: Option<&Line>) -> Done {
        let line = line.filter(|line| line.epoch() == epoch);
        let early = line.and_then(|line| line.facts().all().too_soon(at));
        Done { epoch, at, called: line.map(|line| Called::of(line, at)), repeated: false, early }
    }
}

/// Why an act is not in the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ActFault {
    /// It may not be done now; the fact that decided it is named.
    Refused(Refusal),
    /// Another command with the same token wrote this entry; nothing was written now.
    TokenOfAnother(EntryRef),
    /// Our machine failed; nothing was written. What failed, and what to do.
    Machine(Sentence),
    /// The station is stopping.
    Stopping,
}

/// What became of entries that the link brought.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Taken {
    /// Entries that are now in the record, or were already.
    pub held: usize,
    /// Of these, entries of ours that the peer has shown and that were not known here.
    pub shown: usize,
    /// What the peer broke, if it did, and in which epoch: nothing after it was taken.
    pub misconduct: Option<(Misconduct, Epoch)>,
}

/// How a line begins, as its pairing made it.
#[derive(Clone, Debug)]
pub struct Begin {
    /// The final charter.
    pub charter: Charter,
    /// Which of its parties we are.
    pub me: Party,
    /// Index 0 of either log or both, in the order in which they are to be appended.
    pub entries: Vec<Entry>,
}

/// What is known of a line's link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// A connection has begun.
    Begins { even: bool },
    /// One is up.
    Up { even: bool },
    /// None is up.
    Down,
}

/// One thing for the record thread to do.
pub(super) enum Message {
    Act {
        line: LineId,
        /// The epoch that the person looked at; `None`: the act names nothing of any.
        epoch: Option<Epoch>,
        act: Box<Act>,
        words: Option<Words>,
        actor: Actor,
        reply: oneshot::Sender<Result<Done, ActFault>>,
    },
    Alerting {
        line: LineId,
        epoch: Epoch,
        attempt: EntryRef,
        channel: Channel,
        reply: oneshot::Sender<Result<Done, ActFault>>,
    },
    /// What a call has shown of its talk.
    Followed {
        line: LineId,
        epoch: Epoch,
        input: Box<Input>,
        actor: Option<Actor>,
        reply: oneshot::Sender<Result<Done, ActFault>>,
    },
    Brought {
        line: LineId,
        inputs: Vec<Input>,
        reply: oneshot::Sender<Result<Taken, ActFault>>,
    },
    /// What a person does about a restore, with root's list or root's signature.
    Restore(Box<Restoring>),
    /// The peer has shown that this link key of ours is retired on the line, by a chain that reaches to the epoch of this number.
    Retired {
        line: LineId,
        link: [u8; 32],
        highest: u64,
    },
    /// The state of a pairing (`None` forgets it) and what it wrote: index 0 of either log, in one commit.
    Pairing {
        line: LineId,
        state: Option<Vec<u8>>,
        begin: Option<Box<Begin>>,
        /// The pairing has ended, and with it the line of which only we had written index 0.
        ends: bool,
        reply: oneshot::Sender<Result<(), ActFault>>,
    },
    /// Users, sessions and links, changed in one commit.
    People {
        changes: Vec<People>,
        reply: oneshot::Sender<Result<(), ActFault>>,
    },
    /// What is known of a line's link.
    Link {
        line: LineId,
        link: Link,
    },
    /// A setting of the station's own (`None` removes it).
    Setting {
        key: &'static str,
        value: Option<Vec<u8>>,
        reply: oneshot::Sender<Result<(), ActFault>>,
    },
    /// Somebody here has taken note of an act of theirs.
    Noted {
        line: LineId,
        epoch: Epoch,
        at: EntryRef,
        tally: Option<Tally>,
        user: String,
        reply: oneshot::Sender<Result<(), ActFault>>,
    },
    /// The link found that the peer broke the protocol.
    Evidence {
        line: LineId,
        what: Misconduct,
        epoch: Epoch,
        bytes: Vec<u8>,
    },
    Look(super::calls::Look),
    /// The told clock of a story has moved.
    ClockMoved,
    Stop,
}

impl Message {
    /// What an act is known by if it is given again.
    pub fn token(&self) -> Option<&str> {
        if let Message::Act { actor, .. } = self { actor.token.as_deref() } else { None }
    }
}

/// A message with its place in the inbox.
pub(super) struct Waiting {
    pub message: Message,
    pub place: Option<OwnedSemaphorePermit>,
}

/// A hold on the record thread; cheap to clone.
#[derive(Clone)]
pub struct Keeper {
    to: mpsc::Sender<Waiting>,
    places: Arc<Semaphore>,
    published: watch::Receiver<Arc<Published>>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}

impl Keeper {
    pub(super) fn new(published: watch::Receiver<Arc<Published>>) -> (Keeper, mpsc::Receiver<Waiting>) {
        let (to, inbox) = mpsc::channel();
        (Keeper { to, places: Arc::new(Semaphore::new(WAITING_MAX)), published }, inbox)
    }

    /// What followers may see: nothing that the record does not hold.
    pub fn published(&self) -> watch::Receiver<Arc<Published>> {
        self.published.clone()
    }

    /// Does one act in the epoch that serves: one that names no entry, or whose epoch its author knows to serve. A token makes it
    /// stand once, however often it is asked.
    ///
    /// # Errors
    /// [`ActFault`]; after a `Machine` or `Stopping` with a token, ask again with the same token.
    pub async fn act(&self, line: LineId, act: Act, words: Option<Words>, actor: Actor) -> Result<Done, ActFault> {
        self.submit_in(line, None, act, words, actor).await?.await.map_err(|_| ActFault::Stopping)?
    }

    /// Hands an act in, for a person who looked at `epoch`: the entries that the act names are those of that epoch; `None`: it names
    /// none. Acts are decided in the order in which they were handed in; the answer comes after the commit.
    ///
    /// # Errors
    /// [`ActFault::Stopping`].
    pub async fn submit_in(
        &self,
        line: LineId,
        epoch: Option<Epoch>,
        act: Act,
        words: Option<Words>,
        actor: Actor,
    ) -> Result<oneshot::Receiver<Result<Done, ActFault>>, ActFault> {
        self.hand_in(|reply| Message::Act { line, epoch, act: Box::new(act), words, actor, reply }).await
    }

    /// A channel has confirmed that a device rings. No command leads here.
    ///
    /// # Errors
    /// [`ActFault`].
    pub async fn alerting(
        &self,
        line: LineId,
        epoch: Epoch,
        attempt: EntryRef,
        channel: Channel,
    ) -> Result<Done, ActFault> {
        self.ask(|reply| Message::Alerting { line, epoch, attempt, channel, reply }).await?
    }

    /// A call has shown something of its talk: that somebody of ours joined it, or that it is over. No command leads here.
    ///
    /// # Errors
    /// [`ActFault`].
    pub async fn followed(
        &self,
        line: LineId,
        epoch: Epoch,
        input: Input,
        actor: Option<Actor>,
    ) -> Result<Done, ActFault> {
        self.ask(|reply| Message::Followed { line, epoch, input: Box::new(input), actor, reply }).await?
    }

    /// Entries of the peer's, in order, their signatures checked.
    ///
    /// # Errors
    /// [`ActFault`]; the entries can be sent again.
    pub async fn arrived(&self, line: LineId, entries: Vec<Arrived>) -> Result<Taken, ActFault> {
        let inputs = entries.into_iter().map(|entry| Input::Arrived(Box::new(entry))).collect();
        self.brought(line, inputs).await
    }

    /// What the link has brought, in order: entries of the peer's, entries of ours that it shows, that it has been heard.
    ///
    /// # Errors
    /// [`ActFault`]; all of it can be brought again.
    pub async fn brought(&self, line: LineId, inputs: Vec<Input>) -> Result<Taken, ActFault> {
        self.ask(|reply| Message::Brought { line, inputs, reply }).await?
    }

    /// Does what a person decides about a restore.
    pub(super) async fn restore<T>(
        &self,
        restoring: impl FnOnce(oneshot::Sender<T>) -> Restoring,
    ) -> Result<T, ActFault> {
        self.ask(|reply| Message::Restore(Box::new(restoring(reply)))).await
    }

    /// Keeps that the peer has shown this link key of ours to be retired, by a chain that reaches to the epoch of this number; if it is
    /// in force still: an epoch may have been opened since the meeting began.
    pub fn retired(&self, line: LineId, link: [u8; 32], highest: u64) {
        self.tell(Message::Retired { line, link, highest });
    }

    /// Keeps the state of a pairing, and in the same commit what it wrote. `None` forgets the state.
    ///
    /// # Errors
    /// [`ActFault`]; nothing was kept.
    pub async fn pairing(&self, line: LineId, state: Option<Vec<u8>>, begin: Option<Begin>) -> Result<(), ActFault> {
        self.ask(|reply| Message::Pairing { line, state, begin: begin.map(Box::new), ends: false, reply }).await?
    }

    /// Keeps the state of a pairing that has ended, and lets go of its line, of which the other side never wrote index 0: it is
    /// dialled no more and shown no more. What we signed of it stays on disk.
    ///
    /// # Errors
    /// [`ActFault`]; nothing was kept. [`ActFault::Machine`] if the record holds their index 0.
    pub async fn pairing_ended(&self, line: LineId, state: Vec<u8>) -> Result<(), ActFault> {
        self.ask(|reply| Message::Pairing { line, state: Some(state), begin: None, ends: true, reply }).await?
    }

    /// Changes users, sessions or links, all of it or nothing.
    ///
    /// # Errors
    /// [`ActFault`]; nothing was changed.
    pub async fn people(&self, changes: Vec<People>) -> Result<(), ActFault> {
        self.ask(|reply| Message::People { changes, reply }).await?
    }

    /// Keeps a setting of the station's own; `None` removes it.
    ///
    /// # Errors
    /// [`ActFault`]; nothing was changed.
    pub async fn setting(&self, key: &'static str, value: Option<Vec<u8>>) -> Result<(), ActFault> {
        self.ask(|reply| Message::Setting { key, value, reply }).await?
    }

    /// Takes note of an act of theirs, or of what broke off and is known by this tally, that rings here until somebody has: it rings
    /// no more. Nothing of it leaves the station. What does not ring stays as it is.
    ///
    /// # Errors
    /// [`ActFault`]; nothing was kept. Another epoch may serve by now, or more have broken off.
    pub async fn noted(
        &self,
        line: LineId,
        epoch: Epoch,
        (at, tally): (EntryRef, Option<Tally>),
        user: String,
    ) -> Result<(), ActFault> {
        self.ask(|reply| Message::Noted { line, epoch, at, tally, user, reply }).await?
    }

    /// Looks at the lines as they are committed. `look` runs on the record thread: it must be short and do no I/O.
    ///
    /// # Errors
    /// [`ActFault::Stopping`].
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Lines) -> T + Send + 'static,
    ) -> Result<T, ActFault> {
        self.ask(|reply: oneshot::Sender<T>| {
            Message::Look(Box::new(move |lines| {
                let _ = reply.send(look(lines));
            }))
        })
        .await
    }

    /// A connection has begun, whether or not it takes the place of another; the records are even or not.
    pub fn link_begins(&self, line: LineId, even: bool) {
        self.tell(Message::Link { line, link: Link::Begins { even } });
    }

    /// Tells what is known of a line's link: it is down, or up with records that are even or not.
    pub fn link(&self, line: LineId, up: bool, even: bool) {
        self.tell(Message::Link { line, link: if up { Link::Up { even } } else { Link::Down } });
    }

    /// Keeps what shows that the peer broke the protocol.
    pub fn evidence(&self, line: LineId, what: Misconduct, epoch: Epoch, bytes: Vec<u8>) {
        self.tell(Message::Evidence { line, what, epoch, bytes });
    }

    /// The told clock of a story has moved: look at what is due.
    pub fn clock_moved(&self) {
        self.tell(Message::ClockMoved);
    }

    /// Ends the thread after what waits.
    pub fn stop(&self) {
        self.tell(Message::Stop);
    }

    fn tell(&self, message: Message) {
        // If the thread has ended there is nobody to tell.
        let _ = self.to.send(Waiting { message, place: None });
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, ActFault> {
        self.hand_in(message).await?.await.map_err(|_| ActFault::Stopping)
    }

    async fn hand_in<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<oneshot::Receiver<T>, ActFault> {
        let place = self.places.clone().acquire_owned().await.map_err(|_| ActFault::Stopping)?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { message: message(reply), place: Some(place) };
        self.to.send(waiting).map_err(|_| ActFault::Stopping)?;
        Ok(answer)
    }
}
