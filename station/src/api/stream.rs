//! A body whose parts come as they are sent, and what is held for as long as somebody reads it; and when a stream that follows the record
//! looks at it again.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use hyper::body::Frame;
use tokio::sync::{mpsc, watch};

use super::Api;
use crate::clock::Clock;
use crate::record::Published;

/// The least time between two looks: a peer that writes without end costs ten a second.
pub(crate) const CALM: Duration = Duration::from_millis(100);
/// The time of so many looks is saved up for a bell, so that what rings right after something else is told at once.
const SAVED: Duration = Duration::from_millis(500);

/// The body. Dropped when its reader goes, and with it what is held.
pub(crate) struct Stream<T> {
    parts: mpsc::Receiver<Bytes>,
    _held: T,
}

impl<T> Stream<T> {
    /// A body of these parts that holds `held`.
    pub fn new(parts: mpsc::Receiver<Bytes>, held: T) -> Stream<T> {
        Stream { parts, _held: held }
    }
}

impl<T: Unpin> hyper::body::Body for Stream<T> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.parts.poll_recv(context).map(|part| part.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// When a stream that follows the record looks at it.
pub(crate) struct Looks {
    published: watch::Receiver<Arc<Published>>,
    closing: watch::Receiver<bool>,
    clock: Clock,
    /// Until when its looks have taken their time.
    taken_until: Option<Instant>,
    saved: Duration,
}

impl Looks {
    /// Of a stream that begins now. What changes within [`CALM`] it is told together: each look may have a page drawn anew.
    pub fn new(api: &Api) -> Looks {
        let (published, closing) = (api.parts.keeper.published(), api.closing.subscribe());
        Looks { published, closing, clock: api.parts.clock.clone(), taken_until: None, saved: Duration::ZERO }
    }

    /// Of a bell. It looks as often, but after a quiet time several times at once.
    pub fn of_bell(api: &Api) -> Looks {
        Looks { saved: SAVED, ..Looks::new(api) }
    }

    /// Before each look: what changes after it is for the next. `false`: the station closes its streams.
    pub fn begin(&mut self) -> bool {
        self.published.mark_unchanged();
        !*self.closing.borrow()
    }

    /// After each look: returns when the record has changed or so much time has passed. `false`: nobody reads any more, or nobody writes.
    pub async fn next(&mut self, max: Duration, to: &mpsc::Sender<Bytes>) -> bool {
        let now = self.clock.moment().instant();
        let taken_until = self.taken_until.map_or(now, |until| until.max(now)) + CALM;
        self.taken_until = Some(taken_until);
        tokio::time::sleep((taken_until - now).saturating_sub(self.saved)).await;
        tokio::select! {
            changed = self.published.changed() => changed.is_ok(),
            () = tokio::time::sleep(max) => true,
            () = to.closed() => false,
            _ = self.closing.changed() => true,
        }
    }
}
