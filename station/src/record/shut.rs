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
            Message::Act { actor, reply, .. } => {
                let fault = || Err(ActFault::Machine(StoreError::Busy.sentence()));
                let _ = reply.send(self.done_before(&actor).unwrap_or_else(fault));
            }
            message => message.refuse(ActFault::Machine(StoreError::Busy.sentence())),
        }
        false
    }
}

impl Message {
    /// Tells whoever waits for it that it was not done.
    fn refuse(self, fault: ActFault) {
        match self {
            Message::Act { reply, .. } | Message::Alerting { reply, .. } | Message::Followed { reply, .. } => {
                drop(reply.send(Err(fault)));
            }
            Message::Brought { reply, .. } => drop(reply.send(Err(fault))),
            Message::Pairing { reply, .. }
            | Message::People { reply, .. }
            | Message::Setting { reply, .. }
            | Message::Noted { reply, .. } => drop(reply.send(Err(fault))),
            Message::Restore(restoring) => match *restoring {
                Restoring::Judge { reply, .. } | Restoring::Open { reply, .. } => {
                    drop(reply.send(Err(RestoreFault::Act(fault))));
                }
                Restoring::Draft { reply, .. } => drop(reply.send(Err(RestoreFault::Act(fault)))),
            },
            Message::Evidence { line, what, .. } => {
                tracing::error!(%line, misconduct = what.word(), "what the peer broke could not be kept");
            }
            Message::Link { .. } | Message::Retired { .. } | Message::Look(_) | Message::ClockMoved | Message::Stop => {
            }
        }
    }
}
