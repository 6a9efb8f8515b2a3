//! `POST /api/v1/acts/stream`: many acts on one connection, for programs. Each line that comes is a form as `POST /api/v1/acts`
//! takes it; each line that goes is what became of the form at that place, as that would have answered.
//!
//! Acts are decided in the order of their lines. An answer is sent once its act is durable; meanwhile others are taken, so that
//! many share a commit.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Api;
use super::door::Who;
use super::fault::{Code, ErrorBody, Fault, Told};
use super::form::ActForm;
use super::receive::BODY_MAX;
use super::router::Handed;
use super::stream::Stream;

/// Acts of one stream that may wait for their commit. Whoever sends more waits.
const OUTSTANDING_MAX: usize = 256;
/// Answers that are gathered into one part of the stream, in bytes.
const PART_BYTES: usize = 16 * 1024;

/// An act that was handed in, or why it was not, with its place among those that may wait.
type Waiting = (Result<Handed, Told>, OwnedSemaphorePermit);

/// The handler.
pub(super) async fn open(State(api): State<Api>, who: Who, body: Body) -> Response {
    let (to, waiting) = mpsc::channel(OUTSTANDING_MAX);
    let (out, parts) = mpsc::channel(4);
    tokio::spawn(take(api.clone(), who, body, to));
    tokio::spawn(answer(api, waiting, out));
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::new(Stream::new(parts, ()))).into_response()
}

/// Reads lines and hands their acts in, until the caller ends.
async fn take(api: Api, who: Who, mut body: Body, to: mpsc::Sender<Waiting>) {
    let places = Arc::new(Semaphore::new(OUTSTANDING_MAX));
    let mut read: Vec<u8> = Vec::new();
    let mut closing = api.closing.subscribe();
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            _ = closing.wait_for(|closing| *closing) => return,
        };
        let ended = frame.is_none();
        match frame {
            Some(Ok(frame)) => read.extend(frame.data_ref().into_iter().flatten()),
            // The last line may lack its end.
            None if !read.is_empty() => read.push(b'\n'),
            Some(Err(_)) | None => return,
        }
        let mut from = 0;
        while let Some(length) = read.get(from..).and_then(|rest| rest.iter().position(|b| *b == b'\n')) {
            let line = read.get(from..from + length).unwrap_or_default();
            from += length + 1;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let Ok(place) = places.clone().acquire_owned().await else { return };
            if !api.is_still(&who).await {
                drop(to.send((Err(api.tell(Fault::new(Code::TokenUnknown))), place)).await);
                return;
            }
            let handed = hand_in(&api, line, &who.name).await;
            if to.send((handed, place)).await.is_err() {
                return;
            }
        }
        read.drain(..from);
        if read.len() > BODY_MAX {
            let too_large = api.tell(Fault::new(Code::TooLarge).with("max", BODY_MAX));
            let Ok(place) = places.acquire_owned().await else { return };
            drop(to.send((Err(too_large), place)).await);
            return;
        }
        if ended {
            return;
        }
    }
}

async fn hand_in(api: &Api, line: &[u8], user: &str) -> Result<Handed, Told> {
    let form = ActForm::read(line).map_err(|fault| api.tell(fault))?;
    api.hand_in(form, user.into()).await
}

/// Answers in the order of the lines, each after its commit.
async fn answer(api: Api, mut waiting: mpsc::Receiver<Waiting>, out: mpsc::Sender<Bytes>) {
    let mut part = Vec::new();
    let mut next = waiting.recv().await;
    while let Some((handed, place)) = next {
        let told = match handed {
            Ok(handed) => api.told(handed).await,
            Err(told) => Err(told),
        };
        match told {
            Ok(done) => put(&mut part, &done),
            Err(error) => put(&mut part, &ErrorBody { error }),
        }
        drop(place);
        next = waiting.try_recv().ok();
        if next.is_none() || part.len() > PART_BYTES {
            if out.send(Bytes::from(std::mem::take(&mut part))).await.is_err() {
                return;
            }
            if next.is_none() {
                next = waiting.recv().await;
            }
        }
    }
}

fn put(part: &mut Vec<u8>, answer: &impl Serialize) {
    // An answer is plain text and numbers: it always has a JSON form.
    let _ = serde_json::to_writer(&mut *part, answer);
    part.push(b'\n');
}
