//! Answers callers until it is told to stop, then lets them end, and cuts off who is late. The same for the command socket and for
//! the desk's address.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Extensions;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::places::Place;

/// How long callers have to end when the station stops.
const CLOSING_MAX: Duration = Duration::from_secs(3);

/// A door at which callers come.
pub(crate) trait Door: Send + 'static {
    /// A caller's connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// How long the head of a request may take, and a connection wait for the next one.
    const HEAD_MAX: Duration;

    /// The next caller.
    fn next(&mut self) -> impl Future<Output = Guest<Self::Io>> + Send;
}

/// Who has come.
pub(crate) struct Guest<Io> {
    /// The connection.
    pub io: Io,
    /// What handlers are told of the caller.
    pub told: Extensions,
    /// The caller's place, where callers have to give way.
    pub place: Option<Place>,
}

/// Serves `router` at a door until `until`. Then `close` ends what streams, and callers have three seconds. `name` stands in the log.
pub async fn serve<D: Door>(
    name: &'static str,
    router: Router,
    mut door: D,
    until: impl Future<Output = ()> + Send + 'static,
    close: impl FnOnce() + Send + 'static,
) {
    let ending = watch::Sender::new(false);
    let mut callers = JoinSet::new();
    let mut until = pin!(until);
    loop {
        tokio::select! {
            guest = door.next() => {
                callers.spawn(attend(guest, router.clone(), D::HEAD_MAX, ending.subscribe()));
            }
            Some(_) = callers.join_next() => {}
            () = &mut until => break,
        }
    }
    drop(door);
    close();
    ending.send_replace(true);
    let ended = async { while callers.join_next().await.is_some() {} };
    if tokio::time::timeout(CLOSING_MAX, ended).await.is_err() {
        tracing::warn!(door = name, "late callers were cut off");
    }
}

/// Answers one caller until they go, give way, take too long, or the station stops and all is answered.
async fn attend<Io: AsyncRead + AsyncWrite + Unpin>(
    Guest { io, told, place }: Guest<Io>,
    router: Router,
    head_max: Duration,
    mut ending: watch::Receiver<bool>,
) {
    let router = TowerToHyperService::new(router);
    let answer = |mut request: Request<Incoming>| {
        let busy = place.as_ref().map(Place::begins);
        request.extensions_mut().extend(told.clone());
        let answered = router.call(request.map(Body::new));
        async move {
            let response: Result<Response, Infallible> = answered.await;
            drop(busy);
            response
        }
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_max);
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), service_fn(answer)));
    let gives_way = async {
        match &place {
            Some(place) => place.gives_way().await,
            None => std::future::pending().await,
        }
    };
    let mut gives_way = pin!(gives_way);
    let mut is_ending = false;
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = &mut gives_way => return,
            _ = ending.wait_for(|ending| *ending), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// A caller who says this and no more; what is answered until the connection ends.
    async fn says(head: &str, head_max: Duration) -> String {
        let (mut caller, io) = duplex(4_096);
        let guest = Guest { io, told: Extensions::new(), place: None };
        let router = Router::new().fallback(|| async { "here" });
        let ending = watch::Sender::new(false);
        let attended = tokio::spawn(attend(guest, router, head_max, ending.subscribe()));
        caller.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        caller.read_to_string(&mut answer).await.unwrap();
        attended.await.unwrap();
        answer
    }

    #[tokio::test]
    async fn who_does_not_end_the_head_of_a_request_is_hung_up() {
        let soon = Duration::from_millis(50);

        assert!(says("GET / HTTP/1.1\r\nHost: x\r\n\r\n", soon).await.ends_with("here"));
        assert!(!says("GET / HTTP/1.1\r\nHost: x\r\n", soon).await.contains("here"));
        assert_eq!(says("", soon).await, "");
    }
}
