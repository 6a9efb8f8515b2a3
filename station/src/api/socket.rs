//! The command socket `DATA/socket`: for this user and the system's own alone, whatever the modes of file and directory, one station
//! a directory, a bounded number of callers, and none that waits for ever.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use super::callers::{Door, Guest};
use super::fault::{Code, Fault};
use crate::words::Sentence;

/// The socket's file in the data directory.
pub const SOCKET_FILE: &str = "socket";
/// Callers at one time; whoever comes then waits.
const CONNECTIONS_MAX: usize = 64;
/// A connection on which nothing moves for so long is closed. An open bell is kept alive by its beats.
const IDLE: Duration = Duration::from_secs(75);
/// How long to wait after the operating system would not give a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// The socket, bound. Dropped, it takes its file away.
pub struct Socket {
    listener: UnixListener,
    places: Arc<Semaphore>,
    file: BoundFile,
}

/// The file of a bound socket, removed when dropped if it is still ours.
struct BoundFile {
    path: PathBuf,
    inode: u64,
}

/// Who called: the user's number, if the operating system tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller(pub Option<u32>);

impl Caller {
    /// The modes of the file keep other users out, but not in the moment before they are set, nor where someone changed them.
    fn may_call(self, ours: u32) -> bool {
        self.0.is_some_and(|uid| uid == ours || uid == 0)
    }
}

impl Socket {
    /// Binds the socket of a data directory. One that nobody answers is left from a station that was killed, and is replaced.
    ///
    /// # Errors
    /// [`Code::StationThere`] if a station answers; [`Code::Start`].
    pub async fn bind(data: &Path) -> Result<Socket, Fault> {
        let path = data.join(SOCKET_FILE);
        if UnixStream::connect(&path).await.is_ok() {
            return Err(Fault::new(Code::StationThere).with("path", path.display()));
        }
        let failed = |e: io::Error| {
            Fault::new(Code::Start)
                .because(&Sentence::new("socket-failed").with("path", path.display()).with("cause", e))
        };
        // Bound beside, closed to others, then put in place: nobody finds it half made.
        let staged = data.join("socket.new");
        match fs::remove_file(&staged) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
            _ => {}
        }
        let listener = UnixListener::bind(&staged).map_err(failed)?;
        let put = || {
            fs::set_permissions(&staged, fs::Permissions::from_mode(0o600))?;
            fs::rename(&staged, &path)?;
            Ok(fs::symlink_metadata(&path)?.ino())
        };
        let inode = put().map_err(failed)?;
        Ok(Socket { listener, places: Arc::new(Semaphore::new(CONNECTIONS_MAX)), file: BoundFile { path, inode } })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file.path
    }
}

impl Drop for BoundFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            // It would be replaced by the next station anyway.
            drop(fs::remove_file(&self.path));
        }
    }
}

impl Door for Socket {
    type Io = Held<UnixStream>;

    /// Its callers are this user's own programs.
    const HEAD_MAX: Duration = IDLE;

    async fn next(&mut self) -> Guest<Held<UnixStream>> {
        loop {
            let place = self.places.clone().acquire_owned().await.ok();
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let caller = Caller(stream.peer_cred().ok().map(|who| who.uid()));
                    if !caller.may_call(rustix::process::geteuid().as_raw()) {
                        tracing::warn!(?caller, "another user called the command socket; hung up");
                        continue;
                    }
                    let mut told = Extensions::new();
                    told.insert(ConnectInfo(caller));
                    return Guest { io: Held::new(stream, place), told, place: None };
                }
                Err(error) => {
                    tracing::warn!(%error, "the command socket gave no connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// A connection that holds one of the places, and is closed when nothing moves on it.
pub struct Held<S> {
    stream: S,
    idle: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl<S> Held<S> {
    /// Holds `stream` and its place.
    pub fn new(stream: S, place: Option<OwnedSemaphorePermit>) -> Held<S> {
        Held { stream, idle: Box::pin(tokio::time::sleep(IDLE)), _place: place }
    }

    /// Hands on what happened; if nothing did, for too long, that is an error.
    fn watched<T>(&mut self, moved: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.idle.set(tokio::time::sleep(IDLE));
            return moved;
        }
        ready!(self.idle.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Held<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_read(context, buf);
        self.watched(moved, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Held<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(context, buf);
        self.watched(moved, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[tokio::test]
    async fn a_socket_is_its_owners_alone_and_goes_with_its_station() {
        let scratch = Scratch::new("socket-owner");
        let socket = Socket::bind(scratch.path()).await.unwrap();

        let mode = fs::metadata(socket.path()).unwrap().permissions().mode() & 0o777;
        let path = socket.path().to_path_buf();
        drop(socket);

        assert_eq!(mode, 0o600);
        assert!(!path.exists());
    }

    #[test]
    fn only_the_stations_own_user_and_the_systems_may_call() {
        let calls = [Some(1_000), Some(0), Some(1_001), None].map(|uid| Caller(uid).may_call(1_000));

        assert_eq!(calls, [true, true, false, false]);
    }

    #[tokio::test]
    async fn a_socket_that_answers_is_left_alone_and_a_stale_one_is_replaced() {
        let scratch = Scratch::new("socket-stale");
        let first = Socket::bind(scratch.path()).await.unwrap();
        let second = Socket::bind(scratch.path()).await.map(|_| ());
        assert_eq!(second.map_err(|f| f.code()), Err(Code::StationThere));

        // As after kill -9: the file stays and nobody answers.
        let path = first.path().to_path_buf();
        drop(first);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());

        let third = Socket::bind(scratch.path()).await.unwrap();
        assert!(UnixStream::connect(third.path()).await.is_ok());
    }
}
