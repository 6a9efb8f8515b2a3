//! Voice at this station (`docs/protocol.md` §8.8). One thread holds every call and waits for nobody; it is asked and told through
//! [`Voice`]. What a call shows of its talk is written by [`entries`], which the thread does not wait for either.

mod calls;
pub mod entries;
mod link;
mod thread;
mod view;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::link::VERSIONS;
use counterpart_core::record::codes::Part;
use counterpart_voice::call::Room;
use counterpart_voice::seat::Number;
use tokio::sync::{mpsc, oneshot, watch};

use crate::words::{Sentence, Tell};

pub use link::{Link, ToPeer};
pub use thread::{BindFault, Running, Settings, start};
pub use view::{CallView, Gone, GuestView, PersonView, Stage, Standing, Waiting};

/// Orders that may wait for the thread; whoever comes then waits at the door.
const ORDERS_MAX: usize = 256;
/// Packets of peers that may wait for the thread; what is more is let go, as a network would.
const PACKETS_MAX: usize = 1_024;

/// So long the other side may take to tell of a call that somebody wants into, in milliseconds.
const TOLD_WITHIN_MS: u64 = 5_000;

/// By what somebody's place in a call is known here: their session, or a secret that a program was given. Never shown.
pub type PlaceKey = [u8; 32];

/// A talk, by the agreeing act that names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TalkId {
    /// On which line.
    pub line: LineId,
    /// In which epoch.
    pub epoch: Epoch,
    /// The agreeing act.
    pub act: EntryRef,
}

/// What one of our own wants of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// A place in it.
    LetIn {
        /// As what.
        part: Part,
        /// Only to listen.
        listens: bool,
    },
    /// An answer to the offer of the browser that has the place.
    Offer(String),
    /// Whoever has the place is muted, or heard again.
    Mute(bool),
    /// Our watch puts through.
    Through,
    /// Whoever has the place leaves it.
    Leave,
    /// Somebody of ours is moved to another room.
    Move(Number, Room),
    /// Somebody is taken out.
    Remove(Number),
    /// The talk is ended, by this user.
    End(String),
    /// Whoever brings the secret of this hash may have a place in this part.
    Invite(PlaceKey, Part),
    /// Whoever asks has brought it, and has the place from now on.
    Take(PlaceKey),
    /// What was given by this number is taken back, if nobody is in the call by it.
    TakeBack(u32),
    /// Whoever has a place by a link comes into the call.
    Come,
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Given {
    /// A place: the person's number on our side.
    Seat(Number),
    /// The answer for the browser.
    Answer(String),
    /// It is done.
    Done,
}

/// Why nothing came of what one of our own wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// This station has no desk, and so no voice.
    Off,
    /// The voice of this station has ended by a fault of its own; a new start of the station brings it back.
    Stopped,
    /// No session with the other side is up.
    Unreached,
    /// What runs there has no calls.
    Older,
    /// The other side has not told of the call within five seconds.
    NoAnswer,
    /// The call is over.
    Over,
    /// No codec that both sides have.
    NoSharedCodec,
    /// As many calls are held here as may be, or as many people of ours are in this one.
    Full,
    /// Whoever asks has no place in the call, or nobody has that number.
    NoPlace,
    /// As many links and places as may be are given, and nobody has come by them.
    Links,
    /// On the line is nobody but a watch before both sides have put through.
    NotThrough,
    /// The browser's offer cannot be answered: `codec`, `soon` or `unreadable`.
    Offer(&'static str),
}

impl Tell for Refusal {
    fn sentence(&self) -> Sentence {
        let id = match self {
            Refusal::Off => "no-call-off",
            Refusal::Stopped => "no-call-stopped",
            Refusal::Unreached => "no-call-unreached",
            Refusal::Older => "no-call-older",
            Refusal::NoAnswer => "no-call-unanswered",
            Refusal::Over => "no-call-over",
            Refusal::NoSharedCodec => "no-call-codec",
            Refusal::Full => "no-call-full",
            Refusal::NoPlace => "no-call-no-place",
            Refusal::Links => "no-call-links",
            Refusal::NotThrough => "no-call-not-through",
            Refusal::Offer(cause) => return Sentence::new("no-call-offer").with("cause", cause),
        };
        Sentence::new(id)
    }
}

/// What the thread is told. It answers who waits, and is awaited by nobody else.
pub(super) enum Order {
    /// A session with a peer is up; `None`: the version that it speaks has no calls.
    Up(LineId, u64, Option<Link>),
    /// That session has ended.
    Down(LineId, u64),
    /// The peer tells of a call.
    Told(TalkId, Vec<u8>),
    /// Talks that were joined in an earlier run and are not ended, each with the side that we are.
    Left(Vec<(TalkId, Party)>),
    /// Somebody asks.
    Asked(Asked),
    /// Somebody looks at a call.
    Look(TalkId, Option<PlaceKey>, oneshot::Sender<Option<CallView>>),
    /// Whoever has this place may be in no call any more.
    Gone(PlaceKey),
    /// Somebody brings a secret of this hash.
    Guest(PlaceKey, oneshot::Sender<Option<GuestView>>),
    /// End.
    Stop,
}

pub(super) struct Asked {
    pub talk: TalkId,
    pub place: PlaceKey,
    pub ask: Ask,
    pub reply: oneshot::Sender<Result<Given, Refusal>>,
}

struct Inner {
    orders: mpsc::Sender<Order>,
    packets: mpsc::Sender<(LineId, Vec<u8>)>,
    changes: watch::Receiver<u64>,
    sessions: AtomicU64,
    address: SocketAddr,
}

/// A hold on the voice thread; cheap to clone. The default one is that of a station without voice.
#[derive(Clone, Default)]
pub struct Voice(Option<Arc<Inner>>);

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Voice" } else { "no voice" })
    }
}

impl Voice {
    /// The versions of the link that this station speaks: without voice it carries no calls.
    pub fn versions(&self) -> Vec<u64> {
        VERSIONS.iter().copied().take(if self.0.is_some() { VERSIONS.len() } else { 1 }).collect()
    }

    /// Where browsers reach it.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.as_ref().map(|inner| inner.address)
    }

    /// Whether it has ended, though nobody told it to.
    pub(crate) fn has_stopped(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.orders.is_closed())
    }

    /// Counts what has changed in calls, as pages show them.
    pub fn changes(&self) -> Option<watch::Receiver<u64>> {
        self.0.as_ref().map(|inner| inner.changes.clone())
    }

    /// Asks something of a call, for whoever has the place.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn ask(&self, talk: TalkId, place: PlaceKey, ask: Ask) -> Result<Given, Refusal> {
        if self.0.is_none() {
            return Err(Refusal::Off);
        }
        let (reply, answer) = oneshot::channel();
        self.order(Order::Asked(Asked { talk, place, ask, reply })).await;
        answer.await.unwrap_or(Err(Refusal::Stopped))
    }

    /// A call as it is now, for whoever has the place; `None`: nothing is known of it.
    pub async fn look(&self, talk: TalkId, place: Option<PlaceKey>) -> Option<CallView> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Look(talk, place, reply)).await;
        answer.await.ok().flatten()
    }

    /// Whoever has this place may be in no call any more.
    pub(crate) async fn gone(&self, place: PlaceKey) {
        self.order(Order::Gone(place)).await;
    }

    /// What the secret of this hash is good for: a link, or the place that was taken by one; `None`: nothing.
    pub async fn guest(&self, key: PlaceKey) -> Option<GuestView> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Guest(key, reply)).await;
        answer.await.ok().flatten()
    }

    /// A number for a session that may come up.
    pub(crate) fn session(&self) -> u64 {
        self.0.as_ref().map_or(0, |inner| inner.sessions.fetch_add(1, Ordering::Relaxed))
    }

    /// This session of a line is up, over this link if it carries calls.
    pub(crate) async fn up(&self, line: LineId, session: u64, link: Option<Link>) {
        self.order(Order::Up(line, session, link)).await;
    }

    /// That session has ended.
    pub(crate) async fn down(&self, line: LineId, session: u64) {
        self.order(Order::Down(line, session)).await;
    }

    /// The peer tells of a call.
    pub(crate) async fn told(&self, talk: TalkId, state: Vec<u8>) {
        self.order(Order::Told(talk, state)).await;
    }

    /// A packet of the peer's came.
    pub(crate) fn arrived(&self, line: LineId, packet: Vec<u8>) {
        if let Some(inner) = &self.0 {
            // Full: the thread is behind, and what is late is worth nothing.
            let _ = inner.packets.try_send((line, packet));
        }
    }

    async fn order(&self, order: Order) {
        if let Some(inner) = &self.0 {
            // If the thread has ended, whoever waits for an answer is told so by its absence.
            let _ = inner.orders.send(order).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_voice_that_ended_by_itself_is_told_from_a_station_without_one() {
        let talk =
            TalkId { line: LineId([1; 16]), epoch: Epoch::FIRST, act: EntryRef { party: Party::Inviter, index: 3 } };
        let (orders, ordered) = mpsc::channel(1);
        let (packets, _) = mpsc::channel(1);
        let (_, changes) = watch::channel(0);
        let inner =
            Inner { orders, packets, changes, sessions: AtomicU64::new(1), address: ([127, 0, 0, 1], 1).into() };
        let voice = Voice(Some(Arc::new(inner)));
        assert!(!voice.has_stopped());

        drop(ordered);

        assert!(voice.has_stopped());
        assert_eq!(voice.ask(talk, [0; 32], Ask::Through).await, Err(Refusal::Stopped));
        assert!(!Voice::default().has_stopped());
        assert_eq!(Voice::default().ask(talk, [0; 32], Ask::Through).await, Err(Refusal::Off));
    }
}
