//! Frames on an ordered stream of bytes: a length of four bytes, big-endian, then that many bytes.
//!
//! One reader and one writer serve both transports. Neither loses its place when a caller drops a call half way (in a
//! `select!`, say): what has come, or has still to go, is kept for the next call.

use std::fmt;
use std::io;

use counterpart_core::limits::FRAME_MAX;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const HEADER_BYTES: usize = 4;

/// How a frame is wrong. Read from the peer, it is the peer's misconduct; written, it is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// Longer than [`FRAME_MAX`]; `length` is what the prefix said, in bytes.
    TooLong {
        /// Bytes, as stated.
        length: usize,
    },
    /// Of length zero: no message of the session is empty.
    Empty,
    /// The stream ended inside a frame, or inside its prefix (then `expected` is 4).
    CutShort {
        /// Bytes that came.
        received: usize,
        /// Bytes that were announced.
        expected: usize,
    },
}

impl fmt::Display for FrameFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length } => {
                write!(out, "a frame of {length} bytes is over the limit of {FRAME_MAX}")
            }
            Self::Empty => write!(out, "a frame of no bytes"),
            Self::CutShort { received, expected } => {
                write!(out, "the stream ended after {received} of {expected} bytes of a frame")
            }
        }
    }
}

impl std::error::Error for FrameFault {}

fn judge(length: usize) -> Result<usize, FrameFault> {
    match length {
        0 => Err(FrameFault::Empty),
        1..=FRAME_MAX => Ok(length),
        _ => Err(FrameFault::TooLong { length }),
    }
}

/// Why no further frame was read or written.
#[derive(Debug)]
pub(super) enum Stop {
    /// The stream ended between two frames.
    Ended,
    Misframed(FrameFault),
    Failed(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<FrameFault> for Stop {
    fn from(fault: FrameFault) -> Self {
        Self::Misframed(fault)
    }
}

/// The frame that is coming in.
#[derive(Default)]
pub(super) struct Incoming {
    header: [u8; HEADER_BYTES],
    header_filled: usize,
    body: Vec<u8>,
    body_filled: usize,
}

impl Incoming {
    /// The next whole frame. Dropped half way, it goes on where it was at the next call. After a fault it stays at it.
    pub(super) async fn next(&mut self, stream: &mut (impl AsyncRead + Unpin + ?Sized)) -> Result<Vec<u8>, Stop> {
        while self.header_filled < HEADER_BYTES {
            match stream.read(&mut self.header[self.header_filled..]).await? {
                0 if self.header_filled == 0 => return Err(Stop::Ended),
                0 => return Err(cut_short(self.header_filled, HEADER_BYTES)),
                count => self.header_filled += count,
            }
        }
        let length = judge(u32::from_be_bytes(self.header) as usize)?;
        // Nothing is allocated for a length that was refused; a second call finds the room already made.
        self.body.resize(length, 0);
        while self.body_filled < length {
            match stream.read(&mut self.body[self.body_filled..]).await? {
                0 => return Err(cut_short(self.body_filled, length)),
                count => self.body_filled += count,
            }
        }
        (self.header_filled, self.body_filled) = (0, 0);
        Ok(std::mem::take(&mut self.body))
    }
}

fn cut_short(received: usize, expected: usize) -> Stop {
    FrameFault::CutShort { received, expected }.into()
}

/// The frame that is going out.
#[derive(Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
}

impl Outgoing {
    /// Write and flush one frame. Dropped half way, the rest of it goes before the next frame.
    pub(super) async fn send(
        &mut self,
        frame: &[u8],
        stream: &mut (impl AsyncWrite + Unpin + ?Sized),
    ) -> Result<(), Stop> {
        let length = judge(frame.len())?;
        self.flush(stream).await?;
        // Prefix and body in one write, so that they share a TLS record and a packet.
        self.bytes = Vec::with_capacity(HEADER_BYTES + length);
        self.bytes.extend_from_slice(&(length as u32).to_be_bytes());
        self.bytes.extend_from_slice(frame);
        self.flush(stream).await?;
        Ok(())
    }

    /// Whether nothing of a frame has still to go.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Write what an earlier call left behind.
    pub(super) async fn flush(&mut self, stream: &mut (impl AsyncWrite + Unpin + ?Sized)) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        while self.written < self.bytes.len() {
            match stream.write(&self.bytes[self.written..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => self.written += count,
            }
        }
        stream.flush().await?;
        *self = Self::default();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn stop_after(bytes: &[u8]) -> String {
        let mut stream = bytes;
        let mut context = Context::from_waker(Waker::noop());
        let mut incoming = Incoming::default();
        match pin!(incoming.next(&mut stream)).poll(&mut context) {
            std::task::Poll::Ready(Err(stop)) => format!("{stop:?}"),
            other => panic!("no stop, but {other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_with_a_frame_is_named() {
        assert_eq!(stop_after(&[]), "Ended");
        assert_eq!(stop_after(&[0, 0, 0, 0]), "Misframed(Empty)");
        assert_eq!(stop_after(&[0, 1, 0, 1]), "Misframed(TooLong { length: 65537 })");
        assert_eq!(stop_after(&[255, 255, 255, 255]), "Misframed(TooLong { length: 4294967295 })");
        assert_eq!(stop_after(&[0, 0]), "Misframed(CutShort { received: 2, expected: 4 })");
        assert_eq!(stop_after(&[0, 0, 0, 3, b'a']), "Misframed(CutShort { received: 1, expected: 3 })");
    }

    #[test]
    fn a_frame_of_another_length_is_not_written() {
        let mut context = Context::from_waker(Waker::noop());
        for (length, fault) in [(0, FrameFault::Empty), (65_537, FrameFault::TooLong { length: 65_537 })] {
            let (mut outgoing, mut stream) = (Outgoing::default(), Vec::new());
            let frame = vec![0; length];
            let outcome = pin!(outgoing.send(&frame, &mut stream)).poll(&mut context);
            assert!(matches!(outcome, std::task::Poll::Ready(Err(Stop::Misframed(found))) if found == fault));
            assert!(stream.is_empty());
        }
    }

    #[tokio::test]
    async fn a_call_dropped_half_way_loses_and_repeats_nothing() {
        let frames: [Vec<u8>; 3] = [vec![1; 50], vec![2; 70], vec![3]];
        // A pipe of 7 bytes, so that every frame takes many turns, and every turn is a call that is dropped.
        let (mut near, mut far) = tokio::io::duplex(7);
        let mut context = Context::from_waker(Waker::noop());
        let (mut incoming, mut outgoing) = (Incoming::default(), Outgoing::default());
        let (mut received, mut sent) = (Vec::new(), 0);

        while received.len() < frames.len() {
            if sent < frames.len() {
                let _ = pin!(outgoing.send(&frames[sent], &mut near)).poll(&mut context);
                // Dropped or done, the frame was taken as soon as nothing of an earlier one was left.
                sent += usize::from(outgoing.bytes.is_empty() || outgoing.bytes.ends_with(&frames[sent]));
            } else {
                let _ = pin!(outgoing.flush(&mut near)).poll(&mut context);
            }
            if let std::task::Poll::Ready(frame) = pin!(incoming.next(&mut far)).poll(&mut context) {
                received.push(frame.unwrap());
            }
        }

        assert_eq!(received, frames);
    }
}
