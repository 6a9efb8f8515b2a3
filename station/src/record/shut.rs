//! While another program holds the database nothing is decided: lines are looked at as they are committed, and who wants something
//! written is told so at once. Pages and calls go on by it.

use super::inbox::{ActFault, Message, Waiting};
use super::restore::{RestoreFault, Restoring};
use super::thread::Record;
use crate::store::StoreError;
use crate::words::Tell;

/// Breaches that are kept until they can be written.
const LATER_MAX: usize = 64;

impl Record {
    /// Answers one message without writing; whether it was to stop.
    pub(super) fn put_off(&mut self, waiting: Waiting) -> bool {
        let busy = || ActFault::Machine(StoreError::Busy.sentence());
        match waiting.message {
            Message::Look(look) => look(&self.lines),
            Message::Link { line, link } => self.note_link(line, link),
            Message::Retired { line, link, highest } => self.note_retired(line, &link, highest),
            Message::ClockMoved => self.clock_moved(),
            Message::Stop => {
                self.fold();
                return true;
            }
            // Nobody waits for it, and it may not be shown again.
            Message::Evidence { .. } if self.later.len() < LATER_MAX => self.later.push(waiting.message),
            Message::Evidence { line, what, .. } => {
                tracing::error!(%line, misconduct = what.word(), "what the peer broke could not be kept");
            }
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
