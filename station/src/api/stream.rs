//! A body whose parts come as they are sent, and what is held for as long as somebody reads it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc;

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
