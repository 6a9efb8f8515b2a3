//! What one side claims to hold of the other's own log, and shows (`docs/protocol.md` §8.3).

use alloc::string::String;
use alloc::vec::Vec;

use super::{Output, Session};
use crate::fault::Misconduct;
use crate::ids::Epoch;
use crate::link::frame::Frame;

impl Session {
    /// Everything that was asked for of our own log has been shown, or nothing was.
    pub(super) fn is_heard(&mut self, out: &mut Vec<Output>) {
        if !self.tracks.asks() {
            let named = self.opened().and_then(|open| open.named.take());
            out.extend(named.map(Output::Heard));
        }
    }

    /// The peer asks to be shown its own log. It may do so once an epoch.
    pub(super) fn show(&mut self, epoch: Epoch, from: u64) -> bool {
        self.tracks.find_mut(epoch).is_some_and(|track| track.show(from))
    }

    /// What is claimed of our log and not shown. The hello is the evidence.
    pub(super) fn accuse_of_claim(&mut self, out: &mut Vec<Output>) {
        let hello = self.opened().map(|open| open.hello.clone()).unwrap_or_default();
        self.accuse(Misconduct::FalseClaim, self.tracks.current(), &hello, out);
    }

    /// The peer names misconduct of ours. If our log does not continue what it holds, another copy of us may have written: then
    /// we ask to see what it holds, once.
    pub(super) fn is_accused(&mut self, number: u64, text: String, out: &mut Vec<Output>) {
        let what = Misconduct::from_number(number);
        out.push(Output::PeerFault { what, number, text });
        if what == Some(Misconduct::Fork) && self.opened().is_some() {
            self.ask_unclaimed(self.tracks.current(), out);
        }
    }

    /// Asks to be shown what the peer holds of our log in an epoch, though it claims no more than we hold: another copy of us may have
    /// written there.
    pub(super) fn ask_unclaimed(&mut self, epoch: Epoch, out: &mut Vec<Output>) {
        let from = self.tracks.find_mut(epoch).and_then(|track| track.ask(None));
        out.extend(from.and_then(|from| Frame::Show { epoch, from }.encode()).map(Output::Send));
    }
}
