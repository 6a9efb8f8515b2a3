//! Answers callers until it is told to stop, then lets them end, and cuts off who is late. The same for the command socket and for
//! the desk's address.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::sync::watch;

/// How long callers have to end when the station stops.
const CLOSING_MAX: Duration = Duration::from_secs(3);

/// Serves `router` at `listener` until `until`. Then `close` ends what streams, and callers have three seconds. `C` is what a handler
/// is told of its caller; `door` names the listener in the log.
pub async fn serve<C, L>(
    door: &'static str,
    router: Router,
    listener: L,
    until: impl Future<Output = ()> + Send + 'static,
    close: impl FnOnce() + Send + 'static,
) where
    L: Listener,
    L::Addr: Debug,
    C: for<'a> Connected<IncomingStream<'a, L>>,
{
    let ended = watch::Sender::new(false);
    let mut closing = ended.subscribe();
    let stop = async move {
        until.await;
        close();
        ended.send_replace(true);
    };
    let service = router.into_make_service_with_connect_info::<C>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop);
    let late = async move {
        let _ = closing.wait_for(|ended| *ended).await;
        tokio::time::sleep(CLOSING_MAX).await;
    };
    tokio::select! {
        served = serving => {
            if let Err(error) = served {
                tracing::error!(%error, door, "a door is no longer served");
            }
        }
        () = late => tracing::warn!(door, "late callers were cut off"),
    }
}
