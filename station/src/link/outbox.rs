//! Frames on their way to a peer: written by a task of their own, counted, and never awaited by what makes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::{Control, Writer};

/// How long after a frame a nudge follows it on a long path, if no other frame does: apart, so that both are not lost at once.
const NUDGE_AFTER: Duration = Duration::from_millis(20);
/// Frames that wait to be written before no more entries are fetched for the peer.
const UNSENT_MAX: usize = 128;
/// Frames that wait to be written before the peer is taken to read nothing. Entries stop at [`UNSENT_MAX`] and a batch beyond it;
/// all else that we send answers what the peer sends, one frame for one, and one ping of its is on its way at a time.
const UNREAD_MAX: usize = 512;
/// Frames that wait to be written before packets of voice are let go.
const VOICE_UNSENT_MAX: usize = 32;

/// Frames on their way to the writer. Never awaited: two sides that both wait to write and neither reads would wait for ever.
pub(super) struct Outbox {
    to: mpsc::UnboundedSender<Vec<u8>>,
    pub gauge: Arc<Gauge>,
}

/// How many frames wait, and a call when there is room again.
#[derive(Default)]
pub(super) struct Gauge {
    unsent: AtomicUsize,
    pub room: Notify,
}

/// The writer's end.
pub(super) struct Unsent {
    frames: mpsc::UnboundedReceiver<Vec<u8>>,
    gauge: Arc<Gauge>,
}

/// Both ends.
pub(super) fn outbox() -> (Outbox, Unsent) {
    let (to, frames) = mpsc::unbounded_channel();
    let gauge = Arc::new(Gauge::default());
    (Outbox { to, gauge: gauge.clone() }, Unsent { frames, gauge })
}

impl Outbox {
    pub fn put(&self, frame: Vec<u8>) {
        self.gauge.unsent.fetch_add(1, Ordering::Relaxed);
        // If the writer has ended, so has the connection: the reader says so.
        let _ = self.to.send(frame);
    }

    /// A packet of voice, if few frames wait: what would come late is worth nothing, and entries are not to wait behind it.
    pub fn put_voice(&self, frame: Vec<u8>) {
        if self.gauge.unsent.load(Ordering::Relaxed) < VOICE_UNSENT_MAX {
            self.put(frame);
        }
    }

    pub fn has_room(&self) -> bool {
        self.gauge.unsent.load(Ordering::Relaxed) < UNSENT_MAX
    }

    pub fn is_unread(&self) -> bool {
        self.gauge.unsent.load(Ordering::Relaxed) >= UNREAD_MAX
    }
}

/// Writes frames until there are no more. On a long path a nudge follows the last of several: the retransmission timer of a path
/// that is mostly silent grows to two round trips, but what was sent before something acknowledged is known as lost after one.
pub(super) async fn write(mut writer: Writer, mut unsent: Unsent, control: Control) {
    let mut to_nudge = false;
    loop {
        let next = unsent.frames.recv();
        let frame = if to_nudge { tokio::time::timeout(NUDGE_AFTER, next).await } else { Ok(next.await) };
        let Ok(frame) = frame else {
            control.nudge();
            to_nudge = false;
            continue;
        };
        let Some(frame) = frame else { break };
        to_nudge = control.is_long();
        if writer.write_frame(&frame).await.is_err() {
            return;
        }
        unsent.gauge.unsent.fetch_sub(1, Ordering::Relaxed);
        unsent.gauge.room.notify_one();
    }
    let _ = writer.finish().await;
}
