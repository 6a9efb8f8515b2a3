//! The connections of pairings: one for each pairing and link key, and a bounded number of callers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use counterpart_core::ids::LineId;
use counterpart_core::record::merkle::Hash;
use tokio::sync::mpsc;

use crate::link::Control;

/// Frames that wait for one connection. A whole ceremony takes fewer.
const UNSENT_MAX: usize = 32;
/// Connections for pairing that others dialled, at a time.
pub(super) const CALLERS_MAX: usize = 16;

/// What a connection's writer is given.
pub(super) enum Out {
    Frame(Vec<u8>),
    /// Nothing more follows.
    Last,
}

struct Seat {
    number: u64,
    out: mpsc::Sender<Out>,
    control: Control,
}

#[derive(Default)]
struct Table {
    last: u64,
    seats: BTreeMap<(LineId, Hash), Seat>,
}

/// Who is connected, by pairing and link key.
#[derive(Default)]
pub(super) struct Seats(Mutex<Table>);

impl Seats {
    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is whole at every point where a thread could have died.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the seat of this key in this pairing; who sat there is hung up. The number is for [`Seats::leave`].
    pub(super) fn sit(&self, line: LineId, key: Hash, control: Control) -> (u64, mpsc::Receiver<Out>) {
        let (out, unsent) = mpsc::channel(UNSENT_MAX);
        let mut table = self.table();
        table.last += 1;
        let number = table.last;
        if let Some(old) = table.seats.insert((line, key), Seat { number, out, control }) {
            old.control.close("another connection of this station has come");
        }
        (number, unsent)
    }

    /// Gives the seat up, if it is still this connection's.
    pub(super) fn leave(&self, line: LineId, key: Hash, number: u64) {
        let mut table = self.table();
        if table.seats.get(&(line, key)).is_some_and(|seat| seat.number == number) {
            table.seats.remove(&(line, key));
        }
    }

    /// Sends, if that key is connected. Otherwise the frame is dropped: it is sent again when the key next connects.
    pub(super) fn send(&self, line: LineId, key: Hash, frame: Vec<u8>) {
        if let Some(seat) = self.table().seats.get(&(line, key))
            && seat.out.try_send(Out::Frame(frame)).is_err()
        {
            seat.control.close("the peer does not read");
        }
    }

    /// Says to every connection of this pairing that is over that nothing more follows.
    pub(super) fn end(&self, line: LineId, is_over: impl Fn(&Hash) -> bool) {
        let table = self.table();
        for ((_, key), seat) in table.seats.range((line, [0; 32])..=(line, [0xff; 32])) {
            if is_over(key) {
                // If it is full or closed, its reader ends it.
                let _ = seat.out.try_send(Out::Last);
            }
        }
    }

    /// Closes the connection of this key at once.
    pub(super) fn hang_up(&self, line: LineId, key: &Hash, reason: &str) {
        if let Some(seat) = self.table().seats.get(&(line, *key)) {
            seat.control.close(reason);
        }
    }

    /// Closes every connection at once.
    pub(super) fn close(&self) {
        for (_, seat) in std::mem::take(&mut self.table().seats) {
            seat.control.close("the station is stopping");
        }
    }

    /// The keys that are connected for this pairing.
    pub(super) fn connected(&self, line: LineId) -> Vec<Hash> {
        let table = self.table();
        table.seats.range((line, [0; 32])..=(line, [0xff; 32])).map(|((_, key), _)| *key).collect()
    }
}

struct Visitor {
    number: u64,
    control: Control,
    has_spoken: bool,
}

/// Lets callers in. Who has said nothing yet gives way to who comes later, so that silence keeps nobody out.
#[derive(Clone, Default)]
pub(super) struct Door(Arc<Mutex<(u64, Vec<Visitor>)>>);

/// A caller's place; free again when dropped.
pub(super) struct Place {
    door: Door,
    number: u64,
}

impl Door {
    fn inside(&self) -> MutexGuard<'_, (u64, Vec<Visitor>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: as many as may be are inside, and all of them have spoken.
    pub(super) fn enter(&self, control: &Control) -> Option<Place> {
        let mut inside = self.inside();
        let (last, visitors) = &mut *inside;
        if visitors.len() >= CALLERS_MAX {
            let silent = visitors.iter().position(|visitor| !visitor.has_spoken)?;
            visitors.remove(silent).control.close("too many callers, and nothing was said");
        }
        *last += 1;
        visitors.push(Visitor { number: *last, control: control.clone(), has_spoken: false });
        Some(Place { door: self.clone(), number: *last })
    }
}

impl Place {
    /// The first frame has come.
    pub(super) fn has_spoken(&self) {
        let mut inside = self.door.inside();
        if let Some(visitor) = inside.1.iter_mut().find(|visitor| visitor.number == self.number) {
            visitor.has_spoken = true;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.door.inside().1.retain(|visitor| visitor.number != self.number);
    }
}
