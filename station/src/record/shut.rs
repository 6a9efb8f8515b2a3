//! While another program holds the database nothing is decided: lines are looked at as they are committed, and who wants something
//! written is told so at once. Pages and calls go on by it.

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, LineId};

use super::inbox::{ActFault, Message, Waiting};
use super::restore::{RestoreFault, Restoring};
use super::thread::Record;
use crate::store::StoreError;
use crate::words::Tell;

/// Breaches that are kept until they can be written.
const LATER_MAX: usize = 64;

/// What shows that a peer broke the protocol. Nobody waits for it, and it may not be shown again.
pub(super) struct Breach {
    pub line: LineId,
    pub what: Misconduct,
    pub epoch: Epoch,
    pub bytes: Vec<u8>,
}

impl Breach {
    /// As it came.
    pub(super) fn again(self) -> Waiting {
        let Breach { line, what, epoch, bytes } = self;
        Waiting { message: Message::Evidence { line, what, epoch, bytes }, place: None }
    }

    fn is_lost(&self) {
        tracing::error!(line = %self.line, misconduct = self.what.word(), "what the peer broke could not be kept");
    }
}

impl Record {
    /// Keeps what a peer broke until the database is free. Where a commit failed otherwise it is lost: it would stand in the way of
    /// the next.
    pub(super) fn later(&mut self, breach: Breach) {
        let fits = self.shut.is_some() && self.later.len() < LATER_MAX;
        if fits { self.later.push(breach) } else { breach.is_lost() }
    }

    /// The last that is done.
    pub(super) fn ends(&mut self) {
        self.later.drain(..).for_each(|breach| breach.is_lost());
        self.fold();
    }

    /// Answers one message without writing; whether it was to stop.
    pub(super) fn put_off(&mut self, waiting: Waiting) -> bool {
        let busy = || ActFault::Machine(StoreError::Busy.sentence());
        match waiting.message {
            Message::Look(look) => look(&self.lines),
            Message::Link { line, link } => self.note_link(line, link),
            Message::Retired { line, link, highest } => self.note_retired(line, &link, highest),
            Message::ClockMoved => self.clock_moved(),
            Message::Stop => {
                self.ends();
                return true;
            }
            Message::Evidence { line, what, epoch, bytes } => self.later(Breach { line, what, epoch, bytes }),
            Message::Act { actor, reply, .. } => {
                drop(reply.send(self.done_before(&actor).unwrap_or_else(|| Err(busy()))));
            }
            Message::Alerting { reply, .. } | Message::Followed { reply, .. } => drop(reply.send(Err(busy()))),
            Message::Brought { reply, .. } => drop(reply.send(Err(busy()))),
            Message::Pairing { reply, .. }
            | Message::People { reply, .. }
            | Message::Setting { reply, .. }
            | Message::Noted { reply, .. } => drop(reply.send(Err(busy()))),
            Message::Restore(restoring) => match *restoring {
                Restoring::Judge { reply, .. } | Restoring::Open { reply, .. } => {
                    drop(reply.send(Err(RestoreFault::Act(busy()))));
                }
                Restoring::Draft { reply, .. } => drop(reply.send(Err(RestoreFault::Act(busy())))),
            },
        }
        false
    }
}
