//! A station with nothing but its exchange: a page over HTTP, one UDP socket, and a channel in the place of the link.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use counterpart_core::ids::Party;
use counterpart_core::record::codes::Part;
use counterpart_voice::Call;
use counterpart_voice::call::Report;
use counterpart_voice::codec::Codecs;
use counterpart_voice::exchange::{Event, Exchange, Output};
use counterpart_voice::leg::Provider;
use counterpart_voice::seat::Number;
use counterpart_voice::state::State;

const PAGE: &str = include_str!("page.html");
/// By what number each side knows the call.
const CALLS: [u32; 2] = [7, 70_000];

/// What is done with the exchange on its own thread.
type Deed = Box<dyn FnOnce(&mut Exchange, Instant) + Send>;

/// What the thread of a station is told.
pub enum Order {
    /// A browser offers; the answer, or why there is none.
    Offer(String, Sender<Result<String, String>>),
    /// A packet of the other side.
    Arrived(Vec<u8>),
    /// From now on the link loses one of ten packets of this side, and brings another behind the next three.
    Spoil,
    /// Anything else with the call.
    Do(Deed),
    Stop,
}

pub struct Station {
    pub url: String,
    orders: Sender<Order>,
    thread: Option<JoinHandle<Ended>>,
    me: usize,
}

/// What a station has seen when it ends.
#[derive(Default)]
pub struct Ended {
    pub happened: Vec<Event>,
    /// Packets given to the link, and of them those that it lost and brought late.
    pub sent: u64,
    pub lost: u64,
    pub late: u64,
    pub malformed: u64,
}

/// Two stations and the link between them.
pub fn two() -> [Station; 2] {
    let [(one, first), (other, second)] = [mpsc::channel(), mpsc::channel()];
    [Station::start(0, one.clone(), first, other.clone()), Station::start(1, other, second, one)]
}

impl Station {
    #[allow(clippy::disallowed_methods, reason = "a thread that hands the time to the exchange")]
    fn start(me: usize, orders: Sender<Order>, inbox: Receiver<Order>, peer: Sender<Order>) -> Station {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let pages = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://127.0.0.1:{}/", pages.local_addr().unwrap().port());
        let to_thread = orders.clone();
        // A browser opens connections ahead, on which nothing comes.
        let serve = move |one| {
            let to_thread = to_thread.clone();
            drop(std::thread::spawn(move || answer(one, &to_thread)));
        };
        std::thread::spawn(move || pages.incoming().flatten().for_each(serve));
        let address = socket.local_addr().unwrap();
        let mut exchange = Exchange::new(Provider::new(), vec![address], 1, Instant::now());
        let mut call = Call::new(Party::BOTH[me], Codecs::all(), Codecs::all(), CALLS[1 - me], 0).unwrap();
        call.let_in(Part::Principal, false, 0).unwrap();
        exchange.open(CALLS[me], call).unwrap();
        let desk = Desk {
            me,
            exchange,
            socket,
            inbox,
            link: Link { to: peer, is_bad: false, late: VecDeque::new() },
            ended: Ended::default(),
        };
        Station { url, orders, thread: Some(std::thread::spawn(move || desk.run(address))), me }
    }

    pub fn tell(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    /// Asks the call something, or tells it.
    pub fn ask<T: Send + 'static>(&self, ask: impl FnOnce(&mut Call) -> T + Send + 'static) -> T {
        let (to, answer) = mpsc::channel();
        let number = CALLS[self.me];
        let ask = move |exchange: &mut Exchange, _| to.send(ask(exchange.call(number).unwrap())).unwrap();
        self.tell(Order::Do(Box::new(ask)));
        answer.recv().unwrap()
    }

    pub fn report(&self) -> Report {
        self.ask(|call| call.reports()[0])
    }

    pub fn stop(mut self) -> Ended {
        self.tell(Order::Stop);
        self.thread.take().unwrap().join().unwrap()
    }
}

/// Both watches put through, and each side tells the other, twice, as it does whenever something changes.
pub fn put_through(stations: &[Station; 2]) {
    (0..2).for_each(|at| stations[at].ask(move |call| call.put_through(Party::BOTH[at], 0)));
    for at in [0, 1, 0, 1] {
        let said = stations[at].ask(move |call| call.state(CALLS[at]).encode());
        let tell = move |exchange: &mut Exchange, now| {
            let state = State::decode(&said).unwrap();
            assert_eq!(exchange.told(CALLS[1 - at], &state, now), Some(Ok(())));
        };
        stations[1 - at].tell(Order::Do(Box::new(tell)));
    }
}

struct Link {
    to: Sender<Order>,
    is_bad: bool,
    /// Packets that wait until so many more have gone.
    late: VecDeque<(u8, Vec<u8>)>,
}

impl Link {
    fn send(&mut self, bytes: Vec<u8>, ended: &mut Ended) {
        ended.sent += 1;
        match (self.is_bad, ended.sent % 10) {
            (true, 3) => ended.lost += 1,
            (true, 6) => {
                ended.late += 1;
                self.late.push_back((4, bytes));
            }
            _ => drop(self.to.send(Order::Arrived(bytes))),
        }
        self.late.iter_mut().for_each(|(left, _)| *left -= 1);
        while self.late.front().is_some_and(|(left, _)| *left == 0) {
            let bytes = self.late.pop_front().map(|(_, bytes)| bytes);
            bytes.into_iter().for_each(|bytes| drop(self.to.send(Order::Arrived(bytes))));
        }
    }
}

struct Desk {
    me: usize,
    exchange: Exchange,
    socket: UdpSocket,
    inbox: Receiver<Order>,
    link: Link,
    ended: Ended,
}

impl Desk {
    #[allow(clippy::disallowed_methods, reason = "a thread that hands the time to the exchange")]
    fn run(mut self, address: SocketAddr) -> Ended {
        // A packet of the peer waits so long at most; a station waits for both at once.
        self.socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let (mut bytes, mut secret) = ([0; 2_048], 1);
        loop {
            if let Ok((length, from)) = self.socket.recv_from(&mut bytes) {
                self.exchange.from_browser(from, address, &bytes[..length], Instant::now());
            }
            while let Ok(order) = self.inbox.try_recv() {
                let now = Instant::now();
                match order {
                    Order::Offer(offer, answer) => {
                        secret += 1;
                        let seat = (CALLS[self.me], Number::new(0).unwrap());
                        let answered = self.exchange.connect(seat, &offer, [secret; 24], now);
                        answer.send(answered.map_err(|refusal| format!("{refusal:?}"))).unwrap();
                    }
                    Order::Arrived(bytes) => {
                        let mine = |call| call == CALLS[self.me];
                        self.ended.malformed += u64::from(self.exchange.from_peer(&bytes, mine, now).is_err());
                    }
                    Order::Spoil => self.link.is_bad = true,
                    Order::Do(act) => act(&mut self.exchange, now),
                    Order::Stop => return self.ended,
                }
            }
            let now = Instant::now();
            if self.exchange.next_tick().is_some_and(|at| at <= now) {
                self.exchange.tick(now);
            }
            while let Some(output) = self.exchange.poll(now) {
                match output {
                    Output::ToBrowser { to, bytes, .. } => drop(self.socket.send_to(&bytes, to)),
                    Output::ToPeer { bytes, .. } => self.link.send(bytes, &mut self.ended),
                    Output::Happened { event, .. } => self.ended.happened.push(event),
                }
            }
        }
    }
}

/// One request of a browser: the page, or its offer.
fn answer(stream: TcpStream, orders: &Sender<Order>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        head.push(line.to_lowercase());
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let is_offer = head.first().is_some_and(|line| line.starts_with("post /offer"));
    let (status, kind, text) = match reader.read_exact(&mut body) {
        Ok(()) if is_offer => {
            let (to, answer) = mpsc::channel();
            let _ = orders.send(Order::Offer(String::from_utf8_lossy(&body).into_owned(), to));
            match answer.recv() {
                Ok(Ok(answer)) => (200, "application/sdp", answer),
                Ok(Err(why)) => (409, "text/plain", why),
                Err(_) => (500, "text/plain", String::new()),
            }
        }
        _ => (200, "text/html", PAGE.to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status} \r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    let _ = reader.get_mut().write_all([head.as_bytes(), text.as_bytes()].concat().as_slice());
}
