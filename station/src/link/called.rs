//! The first words on a connection: our hello and the peer's first frame, which says for which line it comes.

use std::net::SocketAddr;
use std::time::Duration;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::LineId;
use counterpart_core::link::{Frame, Reason};

use super::pump::Ended;
use super::{Connection, Control, Reader, Transport, Writer};

/// How long a peer may take to say hello.
const HELLO_MAX: Duration = Duration::from_secs(30);

/// The line that a first frame is for.
pub(super) fn named(frame: &[u8]) -> Option<LineId> {
    match Frame::decode(frame) {
        Ok(Frame::Hello(hello)) => Some(hello.line),
        Ok(Frame::Chain { line, .. }) => Some(line),
        _ => None,
    }
}

/// A connection taken apart, with a frame that was read already.
pub(super) struct Called {
    pub parts: (Reader, Writer, Control),
    pub peer_key: [u8; 32],
    pub read: Option<Vec<u8>>,
    pub dialled: bool,
    pub transport: Transport,
    pub remote: SocketAddr,
}

impl Called {
    pub fn by(connection: Connection, read: Option<Vec<u8>>) -> Called {
        let (dialled, transport, remote) = (connection.dialled, connection.transport, connection.remote);
        let peer_key = connection.peer_key;
        Called { parts: connection.split(), peer_key, read, dialled, transport, remote }
    }

    /// Says hello and hears what the peer says first.
    pub async fn greet(&mut self, hello: &[u8]) -> Result<Vec<u8>, Ended> {
        let (reader, writer, _) = &mut self.parts;
        let read = self.read.take();
        let heard = async {
            writer.write_frame(hello).await?;
            match read {
                Some(frame) => Ok(frame),
                None => reader.read_frame().await,
            }
        };
        match tokio::time::timeout(HELLO_MAX, heard).await {
            Ok(Ok(frame)) => Ok(frame),
            Ok(Err(fault)) => Err(Ended::Broken(fault)),
            Err(_) => Err(Ended::Closed(Reason::Silent)),
        }
    }

    /// Says that the call was for another line (§8.3), and hangs up. Who has lost a line, or has one more than we, is no wrongdoer.
    pub async fn wrong_line(self) {
        let (_, mut writer, _) = self.parts;
        let what = Misconduct::WrongLine;
        if let Some(fault) = (Frame::Fault { number: what.number(), text: what.word().into() }).encode()
            && writer.write_frame(&fault).await.is_ok()
        {
            let _ = writer.finish().await;
        }
    }
}
