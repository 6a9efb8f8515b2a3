//! One session on one connection: bytes to and from `core`'s state machine (DESIGN.md §5). Nothing is decided here: the session
//! says what to send, what to give to the record and when to close.

use std::sync::Arc;
use std::time::Duration;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, LineId};
use counterpart_core::limits;
use counterpart_core::line::turn::{Arrived, Input};
use counterpart_core::link::{Now, Output, Reason, Received, Session};
use counterpart_core::record::sign1::Strict;
use counterpart_core::time::Timestamp;
use tokio::sync::{mpsc, watch};

use super::board::Board;
use super::damper::Damper;
use super::outbox::{Outbox, outbox, write};
use super::pace::Pace;
use super::{Control, LinkFault, Reader, Writer, supply};
use crate::clock::{Clock, Moment};
use crate::record::{ActFault, Keeper, LinePublished, Published, Taken};
use crate::store;
use crate::voice::{Link, TalkId, ToPeer, Voice};

/// Entries that wait for the record before no more are read from the peer.
const UNTAKEN_MAX: usize = 256;
/// After so long a record that could not commit is given the same again.
const AGAIN: Duration = Duration::from_secs(1);

/// What every session of this station shares.
#[derive(Clone)]
pub struct Shared {
    /// The way into the record.
    pub keeper: Keeper,
    /// Reads entries that are no longer at hand.
    pub reader: store::Reader,
    /// The only clock.
    pub clock: Clock,
    /// When the station began: moments are counted from it.
    pub begun: Moment,
    /// What is known of each line's link.
    pub board: Board,
    /// Calls.
    pub voice: Voice,
}

impl Shared {
    /// This moment on both clocks.
    pub fn now(&self) -> Now {
        Now { ms: self.clock.moment().ms_since(self.begun), wall: Timestamp(self.clock.now()) }
    }
}

/// What bounds a peer beyond one session.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// What it may make us do.
    pub pace: Pace,
    /// What it may make us write into our log.
    pub damper: Damper,
}

/// Why a session ended, for the log and for [`Board`].
#[derive(Debug)]
pub enum Ended {
    /// The session said so.
    Closed(Reason),
    /// The connection broke.
    Broken(LinkFault),
    /// Another connection of the line stays instead, other link keys serve, or the station stops.
    Replaced,
    /// The peer makes us answer, and reads none of it.
    Unread,
    /// The record keeps nothing of what comes, and more waits than may. A new connection brings it again.
    Unkept,
    /// One side did not know the other's link key: keys were shown and answered, and nothing else.
    KeysShown,
    /// The record has stopped.
    Stopping,
}

impl Ended {
    /// For the log, which holds no words of the peer's.
    pub fn word(&self) -> &'static str {
        match self {
            Ended::Closed(Reason::Misconduct(misconduct)) => misconduct.word(),
            Ended::Closed(Reason::WrongLine) => "wrong-line",
            Ended::Closed(Reason::Silent) => "silent",
            Ended::Broken(LinkFault::Ended | LinkFault::ClosedByPeer { .. }) => "closed-by-peer",
            Ended::Broken(LinkFault::ClosedHere) => "closed-here",
            Ended::Broken(LinkFault::Misframed(_)) => "misframed",
            Ended::Broken(LinkFault::Lost(_)) => "lost",
            Ended::Replaced => "replaced",
            Ended::Unread => "unread",
            Ended::Unkept => "unkept",
            Ended::KeysShown => "keys-shown",
            Ended::Stopping => "stopping",
        }
    }
}

/// Runs `session`, whose hello has been sent, until it ends. `read` is a frame that was read already; `links` are our link key and
/// the peer's as the record had them when the session began, and the one that the peer proved.
pub async fn run(
    (shared, bounds): (&Shared, &Bounds),
    line: LineId,
    (reader, writer, control): (Reader, Writer, Control),
    (session, links): (Session, [[u8; 32]; 3]),
    read: Option<Vec<u8>>,
    mut replaced: watch::Receiver<bool>,
) -> Ended {
    let (to_peer, unsent) = outbox();
    let (to_record, untaken) = mpsc::channel(UNTAKEN_MAX);
    let (found, breaches) = mpsc::channel(4);
    let writing = tokio::spawn(write(writer, unsent, control.clone()));
    let taking = tokio::spawn(take(shared.clone(), line, untaken, found));
    let control_too = control.clone();
    let (calls, of_calls) = Link::new(session.me(), control.clone());
    let voice = shared.voice.session();
    let mut pump = Pump {
        shared,
        bounds,
        line,
        links,
        session,
        to_peer,
        to_record,
        control: control_too,
        voice,
        calls,
        ended: None,
        seen: None,
        quiet_until_ms: 0,
        begun: [0; 2],
    };
    if let Some(frame) = read {
        pump.frame(&frame).await;
    }
    let ended = tokio::select! {
        ended = pump.pump(reader, breaches, of_calls) => ended,
        _ = replaced.wait_for(|replaced| *replaced) => Ended::Replaced,
    };
    drop(pump);
    shared.voice.down(line, voice).await;
    finish(&ended, writing, &control).await;
    taking.abort();
    ended
}

/// Lets the last frames out, briefly, and closes.
async fn finish(ended: &Ended, writing: tokio::task::JoinHandle<()>, control: &Control) {
    let abort = writing.abort_handle();
    if matches!(ended, Ended::Closed(_)) {
        let _ = tokio::time::timeout(Duration::from_secs(2), writing).await;
    }
    abort.abort();
    control.close("the session has ended");
}

/// Gives what the peer brought to the record, as much at once as waits.
async fn take(
    shared: Shared,
    line: LineId,
    mut untaken: mpsc::Receiver<Input>,
    found: mpsc::Sender<(Misconduct, Epoch)>,
) {
    let mut waiting = Vec::new();
    while untaken.recv_many(&mut waiting, limits::PUSH_ENTRIES_MAX as usize).await > 0 {
        match kept((&shared, line), std::mem::take(&mut waiting), &untaken).await {
            Ok(taken) => {
                if taken.shown > 0 {
                    shared.board.change(line, |link| link.withheld.shows(shared.now().ms));
                }
                if let Some(misconduct) = taken.misconduct {
                    let _ = found.send(misconduct).await;
                }
            }
            // Nothing is lost: what was not committed is not named, and is sent again on the next connection.
            Err(_) => return,
        }
    }
}

/// Gives the record what came, and again while it cannot commit: calls go on meanwhile, over the session that they began on.
async fn kept(
    (shared, line): (&Shared, LineId),
    inputs: Vec<Input>,
    untaken: &mpsc::Receiver<Input>,
) -> Result<Taken, ActFault> {
    loop {
        match shared.keeper.brought(line, inputs.clone()).await {
            // Were it full, the session would stand still, and voice with it.
            Err(ActFault::Machine(_)) if untaken.len() < UNTAKEN_MAX / 2 => tokio::time::sleep(AGAIN).await,
            told => return told,
        }
    }
}

struct Pump<'a> {
    shared: &'a Shared,
    bounds: &'a Bounds,
    line: LineId,
    links: [[u8; 32]; 3],
    session: Session,
    to_peer: Outbox,
    to_record: mpsc::Sender<Input>,
    control: Control,
    /// This session, as the voice thread knows it.
    voice: u64,
    /// Its way to the peer.
    calls: Link,
    ended: Option<Ended>,
    /// The line as it was last told to the session.
    seen: Option<Arc<LinePublished>>,
    /// Nothing is read before this time: the peer sends faster than our rate.
    quiet_until_ms: u64,
    /// Packets sent and lost when the peer's hello came.
    begun: [u64; 2],
}

impl Pump<'_> {
    async fn pump(
        &mut self,
        mut reader: Reader,
        mut breaches: mpsc::Receiver<(Misconduct, Epoch)>,
        mut of_calls: mpsc::Receiver<ToPeer>,
    ) -> Ended {
        let mut published = self.shared.keeper.published();
        let gauge = self.to_peer.gauge.clone();
        loop {
            if let Some(ended) = self.ended.take() {
                return ended;
            }
            let now = self.shared.now();
            let may_read = self.quiet_until_ms <= now.ms;
            tokio::select! {
                frame = reader.read_frame(), if may_read => match frame {
                    Ok(frame) => {
                        // A frame may speak of what was committed a moment ago.
                        if published.has_changed().unwrap_or(false) {
                            let view = published.borrow_and_update().clone();
                            self.committed(&view).await;
                        }
                        self.frame(&frame).await;
                    }
                    Err(fault) => return Ended::Broken(fault),
                },
                changed = published.changed() => {
                    if changed.is_err() {
                        return Ended::Stopping;
                    }
                    let view = published.borrow_and_update().clone();
                    self.committed(&view).await;
                }
                () = tokio::time::sleep_until(self.wake(now).into()) => {
                    let outputs = self.session.tick(self.shared.now());
                    self.put(outputs).await;
                }
                Some((misconduct, epoch)) = breaches.recv() => {
                    // The record has kept the entry as evidence already.
                    let mut outputs = self.session.misconduct(misconduct, epoch, &[]);
                    outputs.retain(|output| !matches!(output, Output::Misconduct { .. }));
                    self.put(outputs).await;
                }
                () = gauge.room.notified() => {}
                datagram = self.control.next_datagram() => {
                    let outputs = self.session.datagram(&datagram, self.shared.now().ms);
                    self.put(outputs).await;
                }
                Some(what) = of_calls.recv() => self.of_call(what).await,
                () = self.to_record.closed() => return Ended::Unkept,
            }
            self.push().await;
        }
    }

    /// When to look again by itself.
    fn wake(&self, now: Now) -> std::time::Instant {
        let tick = self.session.next_tick(now.ms).unwrap_or(now.ms.saturating_add(60_000));
        let quiet = if self.quiet_until_ms > now.ms { self.quiet_until_ms } else { u64::MAX };
        self.shared.begun.plus_ms(tick.min(quiet).max(now.ms + 1)).instant()
    }

    /// Does what the voice thread wants of this session.
    async fn of_call(&mut self, what: ToPeer) {
        match what {
            ToPeer::State(epoch, act, state) => {
                let frame = self.session.tell(epoch, act, state, self.shared.now().ms);
                frame.into_iter().for_each(|frame| self.send(frame));
            }
            ToPeer::Packet(packet) => {
                self.session.voice(packet).into_iter().for_each(|frame| self.to_peer.put_voice(frame));
            }
            ToPeer::Breach(what) => {
                let is_flood = what == Misconduct::VoiceFlood;
                let outputs = if is_flood { self.session.flooded() } else { self.session.malformed_voice() };
                self.put(outputs).await;
            }
        }
    }

    async fn frame(&mut self, frame: &[u8]) {
        let outputs = self.session.frame(frame, self.shared.now(), &Strict);
        self.put(outputs).await;
    }

    async fn committed(&mut self, view: &Arc<Published>) {
        let Some(line) = view.lines.get(&self.line) else { return };
        // Another line's commit is nothing to this one.
        if self.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, line)) {
            return;
        }
        self.seen = Some(line.clone());
        let [own, peer, proved] = self.links;
        // Under another link key of ours, or with one of the peer's that has ended, nothing more is said: both connect anew.
        if line.own_link != own || line.peer_link != peer && line.peer_link != proved {
            self.ended = Some(Ended::Replaced);
            return;
        }
        for held in line.held.clone() {
            let outputs = self.session.committed(held, self.shared.now());
            self.put(outputs).await;
        }
    }

    /// Fetches and sends what the peer lacks, while there is room.
    async fn push(&mut self) {
        while self.ended.is_none() && self.to_peer.has_room() {
            let now = self.shared.now();
            let Some(range) = self.session.wants(now.ms) else { return };
            let Some(entries) = supply::entries(self.shared, self.line, range).await else { return };
            let frames = self.session.supply(range, &entries, now.ms);
            if frames.is_empty() {
                return;
            }
            frames.into_iter().for_each(|frame| self.to_peer.put(frame));
        }
    }

    fn send(&mut self, frame: Vec<u8>) {
        self.to_peer.put(frame);
        if self.to_peer.is_unread() {
            self.ended = Some(Ended::Unread);
        }
    }

    /// Gives an entry to the record: the peer's, or one of ours that it shows. A peer that has used up what it may have stored here
    /// is read more slowly.
    async fn take(&mut self, brought: Input) {
        let (entry, body) = match &brought {
            Input::Arrived(arrived) => (&arrived.entry, &arrived.body),
            Input::Shown(shown) => (&shown.entry, &shown.body),
            Input::Act(..) | Input::Alerting(..) | Input::Joined(..) | Input::Ended(..) | Input::Heard(_) => {
                return drop(self.to_record.send(brought).await);
            }
        };
        let bytes = entry.bytes.len() + body.as_ref().map_or(0, Vec::len);
        if let Some(until_ms) = self.bounds.pace.entry(self.line, bytes, self.shared.now().ms) {
            self.quiet_until_ms = self.quiet_until_ms.max(until_ms);
            self.shared.board.change(self.line, |link| link.slowed_until_ms = Some(until_ms));
            if let Some(left_out) = self.may_log("allowance") {
                tracing::warn!(line = %self.line, left_out, "the peer has used up its allowance and is read slowly");
            }
        }
        drop(self.to_record.send(brought).await);
    }

    /// Packets sent, and lost of them, since the connection began; over TCP none.
    fn packets(&self) -> [u64; 2] {
        self.control.stats().map_or([0; 2], |stats| [stats.sent_packets, stats.lost_packets])
    }

    /// Whether a line that the peer causes is to be written into the log, and how many were left out.
    fn may_log(&self, kind: &'static str) -> Option<u64> {
        self.bounds.damper.may(kind, Some(self.line), self.shared.now().ms)
    }

    /// The peer's hello has come.
    async fn met(&mut self, software: String, clock: Timestamp) {
        let (board, line) = (&self.shared.board, self.line);
        tracing::info!(%line, "the peer's hello has come");
        self.begun = self.packets();
        let now = self.shared.now().ms;
        let ahead = i64::try_from(clock.0).unwrap_or(0) - i64::try_from(self.shared.clock.now()).unwrap_or(0);
        board.change(line, |link| {
            link.up_since_ms = Some(now);
            link.withheld.met(now);
            link.software = software;
            link.clock_ahead_ms = Some(ahead);
        });
        let owed = self.bounds.pace.owed(line, now);
        board.change(line, |link| link.slowed_until_ms = owed);
        self.quiet_until_ms = owed.unwrap_or(0).max(self.quiet_until_ms);
        self.shared.keeper.link_begins(line, self.session.even());
        let calls = self.session.carries_calls().then(|| self.calls.clone());
        self.shared.voice.up(line, self.voice, calls).await;
    }

    async fn put(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            self.one(output).await;
        }
    }

    async fn one(&mut self, output: Output) {
        let (board, line) = (&self.shared.board, self.line);
        match output {
            Output::Send(frame) => self.send(frame),
            Output::Take(received) => {
                let Received { entry, body, verified_under } = *received;
                self.take(Input::Arrived(Arrived { entry, body, verified_under }.into())).await;
            }
            Output::Shown(shown) => self.take(Input::Shown(shown)).await,
            Output::Heard(named) => self.take(Input::Heard(named)).await,
            Output::ReadSlower { until_ms } => self.quiet_until_ms = self.quiet_until_ms.max(until_ms),
            Output::Even(even) => {
                board.change(line, |link| link.even = even);
                self.shared.keeper.link(line, true, even);
            }
            Output::PeerHello { software, clock, .. } => self.met(software, clock).await,
            Output::Call { epoch, act, state } => self.shared.voice.told(TalkId { line, epoch, act }, state).await,
            Output::Voice(packet) => self.shared.voice.arrived(line, packet),
            Output::Path(path) => {
                let [sent, lost] = self.packets();
                let packets = (sent > 0).then(|| (sent - self.begun[0].min(sent), lost - self.begun[1].min(lost)));
                board.change(line, |link| (link.path, link.packets) = (Some(path), packets));
            }
            Output::PeerHolds { .. } => {}
            Output::Claim { epoch, head } => {
                if let Some(left_out) = self.may_log("claim") {
                    let size = head.size;
                    tracing::warn!(%line, %epoch, size, left_out, "the peer claims to hold more of our log, or another");
                }
                board.change(line, |link| link.claim = Some((epoch, head)));
            }
            Output::PeerLost { epoch, head } => {
                if let Some(left_out) = self.may_log("lost") {
                    let size = head.size;
                    tracing::warn!(%line, %epoch, size, left_out, "the peer holds less of its own log than we do, or another");
                }
                board.change(line, |link| link.peer_lost = Some((epoch, head)));
            }
            Output::PeerFault { what, number, text } => {
                if let Some(left_out) = self.may_log("fault") {
                    let what = what.map_or("unknown", Misconduct::word);
                    tracing::warn!(%line, what, number, left_out, "the peer says that we broke the protocol");
                }
                drop(text);
            }
            Output::Misconduct { what, epoch, evidence } => {
                if let Some(left_out) = self.may_log(what.word()) {
                    tracing::warn!(%line, misconduct = what.word(), left_out, "the peer broke the protocol");
                }
                board.change(line, |link| link.misconduct = Some(what));
                // Nobody has signed what is let go, and a packet holds speech.
                if !what.is_let_go() {
                    self.shared.keeper.evidence(line, what, epoch, evidence);
                }
            }
            Output::Close(reason) => self.ended = Some(Ended::Closed(reason)),
        }
    }
}
