//! THE voice thread: a plain thread with a runtime of its own, one UDP socket for browsers, orders and packets. It awaits neither the
//! record nor a session nor a page.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::LineId;
use counterpart_voice::exchange::{Exchange, Output};
use counterpart_voice::leg::Provider;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};

use super::calls::Calls;
use super::entries::{self, Fact};
use super::{Asked, Inner, ORDERS_MAX, Order, PACKETS_MAX, Refusal, TOLD_WITHIN_MS, TalkId, Voice};
use crate::clock::Clock;
use crate::entropy;
use crate::record::{Keeper, Published};
use crate::words::{Sentence, Tell};

/// The largest datagram that a browser sends.
const DATAGRAM_MAX: usize = 2_048;
/// What is taken at once before what comes of it is sent.
const BATCH_MAX: usize = 64;
/// What came is sent on at once; what is due of each call and leg besides, so much later at most. Done at each packet it took more
/// time than the packet, and what is due of one leg wakes the thread for all.
const SETTLES_EVERY: Duration = Duration::from_millis(50);

/// Where browsers reach the voice of this station.
#[derive(Clone, Debug)]
pub struct Settings {
    /// On UDP.
    pub listen: SocketAddr,
    /// As they are told, if another address leads there; port 0 is that on which it listens.
    pub announce: Option<SocketAddr>,
    /// Calls at one time.
    pub calls_max: usize,
}

/// The address for browsers cannot be listened on, or the machine gave no thread or no random bytes.
#[derive(Debug)]
pub struct BindFault {
    listen: SocketAddr,
    cause: String,
}

impl Tell for BindFault {
    fn sentence(&self) -> Sentence {
        Sentence::new("voice-bind").with("address", self.listen).with("cause", &self.cause)
    }
}

impl fmt::Display for BindFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::words::logged(self))
    }
}

impl std::error::Error for BindFault {}

/// A voice thread that runs.
pub struct Running {
    voice: Voice,
    thread: std::thread::JoinHandle<()>,
    entries: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Ends it: every browser is hung up on, and what the record has not taken is not asked again.
    pub async fn stop(self) {
        self.voice.order(Order::Stop).await;
        let thread = self.thread;
        // It waits for nothing but its socket and its orders.
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        self.entries.abort();
    }
}

/// Starts the thread, and the follower that writes what calls show.
///
/// # Errors
/// [`BindFault`].
pub fn start(settings: &Settings, clock: Clock, keeper: Keeper) -> Result<(Voice, Running), BindFault> {
    let fault = |cause: &dyn fmt::Display| BindFault { listen: settings.listen, cause: cause.to_string() };
    let socket = std::net::UdpSocket::bind(settings.listen).map_err(|e| fault(&e))?;
    socket.set_nonblocking(true).map_err(|e| fault(&e))?;
    let bound = socket.local_addr().map_err(|e| fault(&e))?;
    let address = settings
        .announce
        .map_or(bound, |said| SocketAddr::new(said.ip(), if said.port() == 0 { bound.port() } else { said.port() }));
    let secret = entropy::bytes().map_err(|e| fault(&e))?;
    let exchange = Exchange::new(Provider::new(), vec![address], settings.calls_max, clock.moment().instant());
    let (orders, ordered) = mpsc::channel(ORDERS_MAX);
    let (packets, arrived) = mpsc::channel(PACKETS_MAX);
    let (publish, changes) = watch::channel(0);
    let (to_entries, facts) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| fault(&e))?;
    let published = keeper.published();
    let run = move || {
        let calls = Calls::new(exchange, secret);
        let running = async move {
            match UdpSocket::from_std(socket) {
                Ok(socket) => {
                    let waits = Vec::new();
                    let (settles_at, is_unsettled) = (clock.moment().instant(), false);
                    let thread = Thread {
                        socket,
                        address,
                        clock,
                        published,
                        calls,
                        waits,
                        publish,
                        to_entries,
                        settles_at,
                        is_unsettled,
                    };
                    thread.run(ordered, arrived).await;
                }
                Err(error) => tracing::error!(%error, "the socket for browsers cannot be used"),
            }
        };
        runtime.block_on(running);
    };
    let thread = std::thread::Builder::new().name("voice".into()).spawn(run).map_err(|e| fault(&e))?;
    let sessions = AtomicU64::new(1);
    let voice = Voice(Some(Arc::new(Inner { orders, packets, changes, sessions, address })));
    let told = voice.clone();
    let entries = tokio::spawn(async move {
        told.order(Order::Left(entries::left(&keeper).await)).await;
        entries::write(keeper, facts).await;
    });
    Ok((voice.clone(), Running { voice, thread, entries }))
}

struct Thread {
    socket: UdpSocket,
    /// As browsers are told.
    address: SocketAddr,
    clock: Clock,
    /// The lines as they are committed, looked at and never awaited.
    published: watch::Receiver<Arc<Published>>,
    calls: Calls,
    /// Who waits for the other side to tell of a call, and until when.
    waits: Vec<(Instant, Asked)>,
    publish: watch::Sender<u64>,
    to_entries: mpsc::UnboundedSender<Fact>,
    /// From when on it is looked again at what is due of each call.
    settles_at: Instant,
    /// Something has come since it was.
    is_unsettled: bool,
}

impl Thread {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>, mut packets: mpsc::Receiver<(LineId, Vec<u8>)>) {
        let mut bytes = [0; DATAGRAM_MAX];
        loop {
            let now = self.now();
            let due = self.waits.iter().map(|(until, _)| *until);
            let due = due.chain(self.calls.next_tick(now)).chain(self.is_unsettled.then_some(now)).min();
            let due = due.map_or(now + Duration::from_secs(60), |due| due.max(self.settles_at));
            let mut is_ordered = false;
            tokio::select! {
                received = self.socket.recv_from(&mut bytes) => self.received(received, &mut bytes),
                order = orders.recv() => {
                    is_ordered = true;
                    if !order.is_some_and(|order| self.order(order)) {
                        return;
                    }
                }
                Some((line, packet)) = packets.recv() => self.packet(line, &packet, &mut packets),
                () = tokio::time::sleep_until(due.into()) => {}
            }
            if is_ordered || self.settles_at <= self.now() {
                self.settle();
            } else {
                self.pass();
            }
        }
    }

    fn now(&self) -> Instant {
        self.clock.moment().instant()
    }

    /// A datagram of a browser, and those that wait behind it.
    fn received(&mut self, first: io::Result<(usize, SocketAddr)>, bytes: &mut [u8]) {
        let mut received = first;
        for _ in 0..BATCH_MAX {
            // What the socket says went wrong is of a datagram that was sent before.
            let Ok((length, from)) = received else { return };
            let now = self.now();
            self.calls.exchange().from_browser(from, self.address, &bytes[..length], now);
            received = self.socket.try_recv_from(bytes);
        }
    }

    fn packet(&mut self, line: LineId, first: &[u8], packets: &mut mpsc::Receiver<(LineId, Vec<u8>)>) {
        let now = self.now();
        self.calls.packet(line, first, now);
        for _ in 1..BATCH_MAX {
            let Ok((line, packet)) = packets.try_recv() else { return };
            self.calls.packet(line, &packet, now);
        }
    }

    /// Does an order; `false`: to end.
    fn order(&mut self, order: Order) -> bool {
        match order {
            Order::Up(line, session, link) => self.calls.up(line, session, link),
            Order::Down(line, session) => self.calls.down(line, session),
            Order::Told(talk, state) => {
                let now = self.now();
                if !self.calls.told(talk, &state, now) {
                    self.calls.breach(talk.line, Misconduct::MalformedVoice, now);
                }
                // Whoever waited for this is let in now.
                let waits = std::mem::take(&mut self.waits);
                waits.into_iter().for_each(|(until, asked)| self.asked(asked, until));
            }
            Order::Left(talks) => {
                let lines = self.published.borrow().clone();
                let is_carried =
                    |talk: &TalkId| lines.lines.get(&talk.line).is_some_and(|line| line.carries_talks_of(talk.epoch));
                self.calls.left(talks.into_iter().filter(|(talk, _)| is_carried(talk)));
            }
            Order::Asked(asked) => self.asked(asked, self.now() + Duration::from_millis(TOLD_WITHIN_MS)),
            Order::Look(talk, place, reply) => drop(reply.send(self.calls.look(talk, place.as_ref()))),
            Order::Gone(place) => self.calls.gone(&place, self.now()),
            Order::Guest(key, reply) => drop(reply.send(self.calls.guest(&key, self.now()))),
            Order::Stop => {
                self.calls.hang_up();
                self.settle();
                return false;
            }
        }
        true
    }

    fn asked(&mut self, asked: Asked, until: Instant) {
        let Ok(secret) = entropy::bytes() else { return drop(asked.reply.send(Err(Refusal::Off))) };
        match self.calls.ask((asked.talk, asked.place), &asked.ask, secret, self.now()) {
            Ok(Some(given)) => drop(asked.reply.send(Ok(given))),
            Ok(None) => self.waits.push((until, asked)),
            Err(refusal) => drop(asked.reply.send(Err(refusal))),
        }
    }

    /// Sends on what came.
    fn pass(&mut self) {
        self.is_unsettled = true;
        let outputs = self.calls.pass(self.now());
        self.send(outputs);
    }

    fn send(&self, outputs: Vec<Output>) {
        for output in outputs {
            if let Output::ToBrowser { to, bytes, .. } = output {
                // A full buffer of the system lets it go, as the network would.
                let _ = self.socket.try_send_to(&bytes, to);
            }
        }
    }

    /// The same, and tells what has come of it.
    fn settle(&mut self) {
        let now = self.now();
        (self.settles_at, self.is_unsettled) = (now + SETTLES_EVERY, false);
        let waits = std::mem::take(&mut self.waits).into_iter();
        let (late, waits): (Vec<_>, Vec<_>) = waits.partition(|(until, _)| *until <= now);
        self.waits = waits;
        late.into_iter().for_each(|(_, asked)| drop(asked.reply.send(Err(Refusal::NoAnswer))));
        let lines = self.published.borrow().clone();
        self.calls
            .carried(|talk: &TalkId| lines.lines.get(&talk.line).is_some_and(|line| line.carries_talks_of(talk.epoch)));
        let outputs = self.calls.settle(now);
        self.send(outputs);
        for fact in self.calls.facts.drain(..) {
            let _ = self.to_entries.send(fact);
        }
        let changes = self.calls.changes;
        self.publish.send_if_modified(|told| std::mem::replace(told, changes) != changes);
    }
}
