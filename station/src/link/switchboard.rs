//! One session a line: who dialled us, whom we dial, and which of two connections stays (DESIGN.md §5).

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use counterpart_core::ids::{LineId, Party};
use counterpart_core::link::{Frame, Rate, Session, Setup};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::called::{Called, named};
use super::meeting;
use super::pace::{CallerPlace, Daily, Pace};
use super::pump::{self, Bounds, Ended, Shared};
use super::reach::Reached;
use super::{Connection, Endpoint, Purpose, Transport};
use crate::entropy;
use crate::record::LinePublished;

/// The first pause before a peer is dialled again, in milliseconds; it doubles, with jitter.
const BACKOFF_MIN_MS: u64 = 250;
/// The longest pause.
const BACKOFF_MAX_MS: u64 = 15_000;
/// A connection that lasted so long was no refusal: the next pause is the first again.
const LASTED_MS: u64 = 1_000;
/// Two connections that come within this time crossed: both sides dialled at once. Later, a new one shows that the peer lost the
/// old, in milliseconds.
const CROSSING_MS: u64 = 3_000;
/// Connections that called us and are served at once; more are hung up.
const ANSWERED_MAX: usize = 1_024;
/// How long a caller may take to say for which line it comes.
const FIRST_FRAME_MAX: Duration = Duration::from_secs(10);
/// Callers with link keys that nobody knows, heard at once; more are hung up. Peers have other places.
const STRANGERS_MAX: usize = 16;

/// The connection that serves a line.
struct Live {
    number: u64,
    dialled_by: Party,
    transport: Transport,
    since_ms: u64,
    replace: watch::Sender<bool>,
}

#[derive(Default)]
struct Desk {
    last: u64,
    live: BTreeMap<LineId, Live>,
}

/// Accepts, dials, and keeps one session a line.
#[derive(Clone)]
pub struct Switchboard {
    pub(super) shared: Shared,
    pub(super) endpoint: Arc<Endpoint>,
    rate: Rate,
    bounds: Bounds,
    /// `host:port` of something neutral, as the operator named it.
    pub(super) references: Arc<[String]>,
    desk: Arc<Mutex<Desk>>,
    /// Counts sessions that ended, so that dialling wakes.
    ended: watch::Sender<u64>,
    /// Link keys for which a peer's chain vouches and which are not in the record yet, each behind the one that it had then.
    vouched: Arc<Mutex<BTreeMap<LineId, [[u8; 32]; 2]>>>,
    strangers: Arc<Semaphore>,
    /// How long one may take to show and to be shown keys.
    meeting_max: Duration,
}

impl Switchboard {
    /// A switchboard that does nothing yet.
    pub fn new(shared: Shared, endpoint: Arc<Endpoint>, rate: Rate, references: &[String]) -> Switchboard {
        let (references, bounds) = (references.into(), Bounds::default());
        Switchboard {
            shared,
            endpoint,
            rate,
            bounds,
            references,
            desk: Arc::default(),
            ended: watch::Sender::new(0),
            vouched: Arc::default(),
            strangers: Arc::new(Semaphore::new(STRANGERS_MAX)),
            meeting_max: meeting::MEETING_MAX,
        }
    }

    /// With other allowances than the default ones.
    pub fn allowing(mut self, daily: Daily) -> Switchboard {
        self.bounds.pace = Pace::new(daily);
        self
    }

    /// With less patience, or more, for those who show keys that are not known.
    pub fn meeting_within(mut self, max: Duration) -> Switchboard {
        self.meeting_max = max;
        self
    }

    /// Answers whoever dials, until the endpoint closes; dropped, it drops the sessions that were answered. `pairing` takes connections that come to take up an invitation.
    pub async fn answer(self, pairing: impl Fn(Connection) + Send + Sync + 'static) {
        let mut sessions = JoinSet::new();
        while let Some(connection) = self.endpoint.accept().await {
            while sessions.try_join_next().is_some() {}
            match connection.purpose {
                Purpose::Pairing => pairing(connection),
                Purpose::Line if sessions.len() < ANSWERED_MAX => {
                    drop(sessions.spawn(self.clone().answered(connection)))
                }
                Purpose::Line => self.turn_away(connection, "too many callers; hung up"),
            }
        }
    }

    /// Dials the peer of every line that has no session, for ever: a task a line, which is dropped with this one.
    pub async fn dial(self) {
        let mut published = self.shared.keeper.published();
        let mut dialled: Vec<LineId> = Vec::new();
        let mut sessions = JoinSet::new();
        loop {
            let lines: Vec<LineId> = published.borrow_and_update().lines.keys().copied().collect();
            for line in lines {
                if !dialled.contains(&line) {
                    dialled.push(line);
                    sessions.spawn(self.clone().keep_up(line));
                }
            }
            if published.changed().await.is_err() {
                return;
            }
        }
    }

    pub(super) fn line(&self, line: LineId) -> Option<Arc<LinePublished>> {
        self.shared.keeper.published().borrow().lines.get(&line).cloned()
    }

    /// The lines whose charter names this link key for the peer.
    fn lines_of(&self, key: &[u8; 32]) -> Vec<LineId> {
        let published = self.shared.keeper.published();
        let view = published.borrow();
        view.lines.iter().filter(|(id, line)| self.peer_link(id, line) == *key).map(|(id, _)| *id).collect()
    }

    /// The link key of a line's peer: that of the record, or the one for which its chain vouches.
    pub(super) fn peer_link(&self, id: &LineId, line: &LinePublished) -> [u8; 32] {
        let vouched = self.vouched.lock().unwrap_or_else(PoisonError::into_inner);
        let later = vouched.get(id).filter(|[had, _]| *had == line.peer_link);
        later.map_or(line.peer_link, |[_, link]| *link)
    }

    /// A chain vouches for this link key: it counts as the peer's until the record moves on.
    fn vouch(&self, id: LineId, link: [u8; 32]) {
        let Some(view) = self.line(id) else { return };
        self.vouched.lock().unwrap_or_else(PoisonError::into_inner).insert(id, [view.peer_link, link]);
        self.ended.send_modify(|count| *count += 1);
    }

    /// Hangs up, and says so in the log if that has not been said a moment ago.
    fn turn_away(&self, connection: Connection, why: &'static str) {
        if let Some(left_out) = self.bounds.damper.may(why, None, self.shared.now().ms) {
            tracing::warn!(remote = %connection.remote, left_out, "{why}");
        }
    }

    /// A place for this caller, unless it holds too many.
    fn place(&self, connection: &Connection, lines: &[LineId]) -> Option<CallerPlace> {
        self.bounds.pace.caller(connection.peer_key, lines.len())
    }

    async fn answered(self, connection: Connection) {
        let lines = self.lines_of(&connection.peer_key);
        let Some(_place) = self.place(&connection, &lines) else {
            return self.turn_away(connection, "a link key calls many times at once; hung up");
        };
        match lines.as_slice() {
            [] => self.stranger(connection).await,
            [line] => self.serve_call(*line, Called::by(connection, None)).await,
            // Several lines with one peer: its hello says which.
            several => {
                let mut called = Called::by(connection, None);
                let (reader, ..) = &mut called.parts;
                let Ok(Ok(frame)) = tokio::time::timeout(FIRST_FRAME_MAX, reader.read_frame()).await else { return };
                if let Some(line) = named(&frame).filter(|line| several.contains(line)) {
                    called.read = Some(frame);
                    self.serve_call(line, called).await;
                }
            }
        }
    }

    /// Hears a caller whose link key no line knows: if it names a line of ours, its chain may vouch for the key.
    async fn stranger(&self, connection: Connection) {
        let (remote, theirs) = (connection.remote, connection.peer_key);
        let Ok(_place) = self.strangers.try_acquire() else {
            tracing::info!(%remote, "too many unknown link keys; hung up");
            return;
        };
        let (mut reader, writer, control) = connection.split();
        let frame = tokio::time::timeout(FIRST_FRAME_MAX, reader.read_frame()).await;
        let Some((line, frame)) = frame.ok().and_then(Result::ok).and_then(|frame| Some((named(&frame)?, frame)))
        else {
            return;
        };
        if self.line(line).is_none() {
            tracing::info!(%remote, "an unknown link key called for no line of ours; hung up");
            return;
        }
        let keys = [self.endpoint.link_key(), theirs];
        let met =
            meeting::meet((&self.shared, self.meeting_max), line, (reader, writer, control), keys, Some(frame)).await;
        if met.vouched {
            self.vouch(line, theirs);
        }
    }

    /// Keeps dialling one line's peer while it has no session. Backs off with jitter and never gives up.
    async fn keep_up(self, line: LineId) {
        let mut ended = self.ended.subscribe();
        let mut pause = BACKOFF_MIN_MS;
        loop {
            while self.is_live(line) {
                if ended.changed().await.is_err() {
                    return;
                }
                pause = BACKOFF_MIN_MS;
            }
            let Some(view) = self.line(line) else { return };
            match self.reach(line, &view).await {
                Some(Reached::Peer(connection)) => {
                    let begun = self.shared.now().ms;
                    if matches!(self.serve_reached(line, connection).await, Some(Ended::Stopping)) {
                        return;
                    }
                    if self.shared.now().ms.saturating_sub(begun) >= LASTED_MS {
                        pause = BACKOFF_MIN_MS;
                    }
                }
                Some(Reached::Stranger(connection)) => {
                    let theirs = connection.peer_key;
                    let keys = [view.own_link, theirs];
                    let met =
                        meeting::meet((&self.shared, self.meeting_max), line, connection.split(), keys, None).await;
                    if met.vouched {
                        self.vouch(line, theirs);
                        pause = BACKOFF_MIN_MS;
                        continue;
                    }
                }
                None => {}
            }
            let jitter = entropy::bytes::<1>().map_or(0, |[byte]| u64::from(byte) * pause / 256);
            let wait = Duration::from_millis(pause / 2 + jitter);
            pause = (pause * 2).min(BACKOFF_MAX_MS);
            // Never cut short: a peer that hangs up at once would be dialled a thousand times a second.
            tokio::time::sleep(wait).await;
        }
    }

    fn is_live(&self, line: LineId) -> bool {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).live.contains_key(&line)
    }

    /// Whether this line's peer may call once more. Our own dialling backs off by itself.
    fn may_call(&self, line: LineId) -> bool {
        let now = self.shared.now().ms;
        let may = self.bounds.pace.may_connect(line, now);
        if !may && let Some(left_out) = self.bounds.damper.may("storm", Some(line), now) {
            tracing::warn!(%line, left_out, "the peer connects again and again; hung up");
        }
        may
    }

    /// Takes the line's place for this connection; `None` if the other one stays.
    fn enter(&self, line: LineId, dialled_by: Party, called: &Called) -> Option<(u64, watch::Receiver<bool>)> {
        let now = self.shared.now().ms;
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = desk.live.get(&line) {
            let crossed = now.saturating_sub(live.since_ms) < CROSSING_MS;
            // Of two that crossed QUIC stays before TCP, and of two alike the one that party 0 dialled.
            let rank = |transport, by| (transport == Transport::Quic, by == Party::Inviter);
            if crossed && rank(live.transport, live.dialled_by) > rank(called.transport, dialled_by) {
                return None;
            }
            live.replace.send_replace(true);
        }
        desk.last += 1;
        let (replace, replaced) = watch::channel(false);
        let number = desk.last;
        desk.live.insert(line, Live { number, dialled_by, transport: called.transport, since_ms: now, replace });
        drop(desk);
        self.shared.board.change(line, |link| {
            link.transport = Some(called.transport);
            link.remote = Some(called.remote);
            link.path = None;
        });
        let tcp = called.transport == Transport::Tcp;
        tracing::info!(%line, tcp, dialled = called.dialled, "a connection begins");
        Some((number, replaced))
    }

    /// Gives the place up, if it is still this connection's.
    fn leave(&self, line: LineId, number: u64) {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = desk.live.get(&line).is_some_and(|live| live.number == number);
        if ours {
            desk.live.remove(&line);
            drop(desk);
            let now = self.shared.now().ms;
            self.shared.keeper.link(line, false, false);
            self.shared.board.change(line, |link| {
                link.up_since_ms = None;
                link.withheld.parted(now);
                link.down_since_ms = now;
                link.even = false;
                link.tried.clear();
                (link.tries, link.handshakes, link.reference) = (0, 0, None);
            });
            self.ended.send_modify(|count| *count += 1);
        }
    }

    /// Serves a line on a connection that the peer began. Both say hello at once (§8.3); only a caller that comes for this line
    /// takes its place: one that has another line with us must not end the session of this one.
    async fn serve_call(&self, line: LineId, mut called: Called) {
        let Some(view) = self.line(line).filter(|_| self.may_call(line)) else { return };
        let (session, hello) = self.session(line, &view);
        let Ok(frame) = called.greet(&hello).await else { return };
        if named(&frame).is_some_and(|other| other != line) {
            tracing::info!(%line, "its peer called for a line that we do not have; hung up");
            return called.wrong_line().await;
        }
        if let Some(place) = self.enter(line, view.me.peer(), &called) {
            self.run(line, &view, (session, called), place, Ok(frame)).await;
        }
    }

    /// Serves a line on a connection that we began: it holds the place from the beginning, so that we do not dial again.
    async fn serve_dialled(&self, line: LineId, mut called: Called) -> Option<Ended> {
        let view = self.line(line)?;
        let (number, mut replaced) = self.enter(line, view.me, &called)?;
        let (session, hello) = self.session(line, &view);
        let frame = tokio::select! {
            frame = called.greet(&hello) => frame,
            _ = replaced.wait_for(|replaced| *replaced) => Err(Ended::Replaced),
        };
        Some(self.run(line, &view, (session, called), (number, replaced), frame).await)
    }

    /// Serves a line on a connection that we began, and on QUIC in its place as soon as that gets through.
    async fn serve_reached(&self, line: LineId, connection: Connection) -> Option<Ended> {
        let over_tcp = connection.transport == Transport::Tcp;
        let mut serving = pin!(self.serve_dialled(line, Called::by(connection, None)));
        if !over_tcp {
            return serving.await;
        }
        tokio::select! {
            ended = &mut serving => ended,
            better = self.reach_by_quic(line) => {
                // The new session takes the place of the old, which ends by that.
                tokio::join!(serving, self.serve_dialled(line, Called::by(better, None))).1
            }
        }
    }

    fn session(&self, line: LineId, view: &LinePublished) -> (Session, Vec<u8>) {
        Session::new(Setup {
            line,
            me: view.me,
            held: view.held.clone(),
            peer_root: view.peer_root,
            versions: self.shared.voice.versions(),
            rate: self.rate,
            software: concat!("counterpart ", env!("CARGO_PKG_VERSION")).into(),
            now: self.shared.now(),
        })
    }

    /// Goes on from the first frame that was read to the end, and gives the place up.
    async fn run(
        &self,
        line: LineId,
        view: &LinePublished,
        (session, called): (Session, Called),
        (number, replaced): (u64, watch::Receiver<bool>),
        frame: Result<Vec<u8>, Ended>,
    ) -> Ended {
        let proved = called.peer_key;
        let own = if called.dialled { view.own_link } else { self.endpoint.link_key() };
        let ended = match frame {
            Ok(frame) if matches!(Frame::decode(&frame), Ok(Frame::Chain { .. })) => {
                // The peer does not know our link key, or showed one that we knew before it did.
                let met =
                    meeting::meet((&self.shared, self.meeting_max), line, called.parts, [own, proved], Some(frame))
                        .await;
                tracing::debug!(%line, ?met, "the peer did not know our link key");
                Ended::KeysShown
            }
            Ok(frame) => {
                let links = [view.own_link, view.peer_link, proved];
                let with = (&self.shared, &self.bounds);
                pump::run(with, line, called.parts, (session, links), Some(frame), replaced).await
            }
            Err(ended) => ended,
        };
        tracing::info!(%line, ended = ended.word(), "a connection has ended");
        self.leave(line, number);
        ended
    }
}
