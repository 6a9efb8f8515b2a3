//! The way from the voice thread to one line's peer, for as long as a session lasts. Nothing here waits: what has no room is let go.

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{EntryRef, Epoch, Party};
use tokio::sync::mpsc;

use crate::link::Control;

/// What waits for a session at most; packets are let go, and what is told of a call is told again.
const WAITING_MAX: usize = 64;

/// What a session is to send, or to know.
#[derive(Debug)]
pub enum ToPeer {
    /// What we tell of the call of this agreeing act.
    State(Epoch, EntryRef, Vec<u8>),
    /// A packet, where datagrams do not pass.
    Packet(Vec<u8>),
    /// What came is carried by no call: that is no packet, tells of a call what is none, or is more than a voice takes.
    Breach(Misconduct),
}

/// A session that carries calls.
#[derive(Clone)]
pub struct Link {
    /// Which side of the line we are.
    pub me: Party,
    /// The connection; without one everything goes over the stream.
    control: Option<Control>,
    to: mpsc::Sender<ToPeer>,
}

impl Link {
    /// Over this connection; what is not sent as a datagram comes out at the other end.
    pub fn new(me: Party, control: Control) -> (Link, mpsc::Receiver<ToPeer>) {
        Link::of(me, Some(control))
    }

    /// Over no connection at all.
    #[cfg(test)]
    pub fn bare(me: Party) -> (Link, mpsc::Receiver<ToPeer>) {
        Link::of(me, None)
    }

    fn of(me: Party, control: Option<Control>) -> (Link, mpsc::Receiver<ToPeer>) {
        let (to, out) = mpsc::channel(WAITING_MAX);
        (Link { me, control, to }, out)
    }

    /// Whether voice goes over the stream: both desks say so.
    pub fn is_degraded(&self) -> bool {
        !self.control.as_ref().is_some_and(Control::takes_datagrams)
    }

    /// Whether its session has ended.
    pub fn is_over(&self) -> bool {
        self.to.is_closed()
    }

    /// Sends a packet, as a datagram if those pass.
    pub fn packet(&self, packet: Vec<u8>) {
        let left = match &self.control {
            Some(control) => control.datagram(packet),
            None => Some(packet),
        };
        if let Some(packet) = left {
            let _ = self.to.try_send(ToPeer::Packet(packet));
        }
    }

    /// Gives something to the session; whether it took it.
    pub fn give(&self, what: ToPeer) -> bool {
        self.to.try_send(what).is_ok()
    }
}
