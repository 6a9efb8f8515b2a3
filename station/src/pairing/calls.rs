//! One connection of one pairing, from its first frame to its last, whoever dialled.

use std::time::Duration;

use counterpart_core::ids::{LineId, Party};
use counterpart_core::pairing::frames::{Frame, Why};
use counterpart_core::pairing::{EXPORTER_LABEL, Exporter};
use counterpart_core::record::entry::Header;
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::Hash;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Ceremony;
use super::seats::Out;
use super::steps::waits_for_a_person;
use crate::clock::Moment;
use crate::link::{Connection, Control, Reader, Writer};

/// How long a caller may take to say for which pairing it comes.
const FIRST_FRAME_MAX: Duration = Duration::from_secs(10);
/// How long one frame may take to leave.
const WRITE_MAX: Duration = Duration::from_secs(30);
/// How long the last frames of a connection may take to arrive.
const FINISH_MAX: Duration = Duration::from_secs(10);
/// Silence while the other station's machine is to answer, in milliseconds.
const MACHINE_MS: u64 = 60_000;
/// Silence while persons compare, in milliseconds. That the station is there is seen by the transport.
const PERSON_MS: u64 = 24 * 3_600_000;
/// How long the other side may take to end its direction once all is said, in milliseconds.
const DRAIN_MS: u64 = 5_000;
/// Frames read on one connection. A whole ceremony takes fewer than eight.
const FRAMES_MAX: usize = 64;

/// Who is at the other end, and for which pairing.
pub(super) struct Caller {
    pub line: LineId,
    pub key: Hash,
    pub exporter: Exporter,
}

/// A connection that has its seat.
struct Call {
    caller: Caller,
    seat: u64,
    reader: Reader,
    control: Control,
    writing: JoinHandle<bool>,
    changes: watch::Receiver<u64>,
}

impl Ceremony {
    /// Takes a connection that somebody dialled for [`crate::link::Purpose::Pairing`], and sees to it in a task of its own.
    pub fn accept(&self, connection: Connection) {
        let ceremony = self.clone();
        self.spawn(async move { ceremony.answer(connection).await });
    }

    async fn answer(self, connection: Connection) {
        let Ok(exporter) = connection.exporter(EXPORTER_LABEL, &[]) else { return };
        let key = connection.peer_key;
        let (mut reader, writer, control) = connection.split();
        let Some(place) = self.0.door.enter(&control) else {
            control.close("too many callers: try again later");
            return;
        };
        let Ok(Ok(first)) = timeout(FIRST_FRAME_MAX, reader.read_frame()).await else { return };
        let Some(line) = Frame::decode(&first).ok().and_then(|frame| line_of(&frame)) else {
            control.close("no frame with which pairing begins");
            return;
        };
        if self.role(line).await != Some(Party::Inviter) {
            let now = self.0.clock.moment().ms_since(self.0.begun);
            if let Some(left_out) = self.0.damper.may("uninvited", None, now) {
                tracing::info!(%line, left_out, "somebody came to pair a line to which nobody is invited");
            }
            turn_away(reader, writer, &control).await;
            return;
        }
        // Whoever names no line that is being paired gives way to who comes later.
        place.has_spoken();
        let call = self.sit(Caller { line, key, exporter }, reader, writer, control);
        self.attend(call, Some(first)).await;
    }

    /// Serves a connection to the inviter that we dialled.
    pub(super) async fn dialled(&self, line: LineId, connection: Connection) {
        let Ok(exporter) = connection.exporter(EXPORTER_LABEL, &[]) else { return };
        let key = connection.peer_key;
        let (reader, writer, control) = connection.split();
        let call = self.sit(Caller { line, key, exporter }, reader, writer, control);
        if let Err(fault) = self.greet(&call.caller).await {
            tracing::error!(%line, %fault, "nothing could be said to the inviter");
        }
        self.attend(call, None).await;
    }

    fn sit(&self, caller: Caller, reader: Reader, writer: Writer, control: Control) -> Call {
        let changes = self.changes();
        let (seat, unsent) = self.0.seats.sit(caller.line, caller.key, control.clone());
        let writing = self.0.runtime.spawn(write(writer, unsent, control.clone()));
        Call { caller, seat, reader, control, writing, changes }
    }

    /// Hears what comes until all is said, the peer is gone, or it has kept silent too long.
    async fn attend(&self, mut call: Call, mut read: Option<Vec<u8>>) {
        for _ in 0..FRAMES_MAX {
            let next = match read.take() {
                Some(first) => Some(first),
                None => self.next_frame(&mut call).await,
            };
            let Some(frame) = next else { break };
            if let Err(fault) = self.hear(&call.caller, frame).await {
                tracing::error!(line = %call.caller.line, %fault, "a step of pairing was not taken; it will be repeated");
                break;
            }
        }
        let line = call.caller.line;
        let has_ended = self.has_ended(line).await;
        self.0.seats.leave(line, call.caller.key, call.seat);
        let abort = call.writing.abort_handle();
        let said = matches!(timeout(FINISH_MAX, call.writing).await, Ok(Ok(true)));
        abort.abort();
        call.control.close("this connection for pairing has ended");
        if said && has_ended {
            self.told(line).await;
        }
        self.changed();
    }

    /// The next frame that is to be heard. What comes after the last word is read and dropped, so that the connection ends
    /// in good order.
    async fn next_frame(&self, call: &mut Call) -> Option<Vec<u8>> {
        let mut since: Moment = self.0.clock.moment();
        let mut was_over = false;
        loop {
            let (is_over, patience_ms) = self.patience(&call.caller).await;
            if is_over && !was_over {
                since = self.0.clock.moment();
                was_over = true;
            }
            let end = since.plus_ms(patience_ms).instant();
            tokio::select! {
                frame = call.reader.read_frame() => match frame {
                    Ok(_) if is_over => {}
                    Ok(frame) => return Some(frame),
                    Err(fault) => {
                        tracing::debug!(line = %call.caller.line, %fault, "a connection for pairing carries no more");
                        return None;
                    }
                },
                changed = call.changes.changed() => {
                    changed.ok()?;
                }
                () = tokio::time::sleep_until(end.into()) => return None,
            }
        }
    }

    /// Whether all is said on this connection, and how long silence is borne, in milliseconds.
    async fn patience(&self, caller: &Caller) -> (bool, u64) {
        let hall = self.0.hall.lock().await;
        match hall.get(&caller.line) {
            Some(kept) if kept.is_over_for(&caller.key) => (true, DRAIN_MS),
            Some(kept) if waits_for_a_person(kept.machine.standing()) => (false, PERSON_MS),
            Some(_) => (false, MACHINE_MS),
            None => (true, DRAIN_MS),
        }
    }
}

/// For which pairing a first frame comes.
fn line_of(frame: &Frame) -> Option<LineId> {
    match frame {
        Frame::Hello { line, .. } | Frame::Gone { line } => Some(*line),
        Frame::First { entry } => Entry::read(entry).ok().map(|Entry { header: Header { line, .. }, .. }| line),
        Frame::Candidate { .. } | Frame::Signature(_) | Frame::Both { .. } | Frame::Refused(_) => None,
    }
}

async fn turn_away(mut reader: Reader, mut writer: Writer, control: &Control) {
    let refused = Frame::Refused(Why::NoInvitation).encode();
    if let Ok(Ok(())) = timeout(WRITE_MAX, writer.write_frame(&refused)).await
        && writer.finish().await.is_ok()
    {
        let ended = async { while reader.read_frame().await.is_ok() {} };
        let _ = timeout(Duration::from_millis(DRAIN_MS), ended).await;
    }
    control.close("this connection for pairing has ended");
}

/// Writes until the last word. Whether all of it has arrived, as far as can be known.
async fn write(mut writer: Writer, mut unsent: mpsc::Receiver<Out>, control: Control) -> bool {
    while let Some(Out::Frame(frame)) = unsent.recv().await {
        if !matches!(timeout(WRITE_MAX, writer.write_frame(&frame)).await, Ok(Ok(()))) {
            control.close("the peer does not read");
            return false;
        }
    }
    writer.finish().await.is_ok()
}
