//! The way to a station that serves: HTTP/1.1 over the command socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT_LANGUAGE, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::api::fault::{Code, ErrorBody, Fault, Told};
use crate::api::socket::SOCKET_FILE;
use crate::clock::Clock;
use crate::words::Words;

/// How long an act is asked again, always with the same token, while its station starts anew, in milliseconds.
const AGAIN_MAX_MS: u64 = 5_000;
/// The pause before it is asked again.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a call waits for its answer. A station gives up sooner.
const ANSWER_MAX: Duration = Duration::from_secs(40);
/// The same for `doctor`, which reads the whole record.
const EXAMINATION_MAX: Duration = Duration::from_secs(620);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A station's socket.
pub struct Client<'a> {
    data: PathBuf,
    words: &'a Words,
}

/// Why there is no answer.
enum Failed {
    /// Nobody listens.
    Absent(Fault),
    /// The connection broke before the answer: it may have been done.
    Broken(Fault),
}

impl Failed {
    fn fault(self) -> Fault {
        match self {
            Failed::Absent(fault) | Failed::Broken(fault) => fault,
        }
    }
}

impl<'a> Client<'a> {
    /// The station of this data directory.
    pub fn new(data: &Path, words: &'a Words) -> Client<'a> {
        Client { data: data.into(), words }
    }

    /// Reads a view.
    ///
    /// # Errors
    /// What the station says, or that none answers.
    pub async fn get(&self, path: &str) -> Result<Value, Told> {
        self.call(Method::GET, path, None).await.map_err(|failed| failed.fault().tell(self.words))?
    }

    /// Sends a form, once.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post(&self, path: &str, form: &impl Serialize) -> Result<Value, Told> {
        let body = self.written(form)?;
        self.call(Method::POST, path, Some(body)).await.map_err(|failed| failed.fault().tell(self.words))?
    }

    /// Sends an act that carries a token: if the station is killed meanwhile, it is asked again with the same token for a few
    /// seconds, and stands once.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn act(&self, form: &impl Serialize, clock: &Clock) -> Result<Value, Told> {
        let body = self.written(form)?;
        let begun = clock.moment();
        loop {
            let answer = self.call(Method::POST, "/api/v1/acts", Some(body.clone())).await;
            let late = clock.moment().ms_since(begun) > AGAIN_MAX_MS;
            match answer {
                Ok(Err(told)) if told.code == Code::Stopping.word() && !late => {}
                Ok(answered) => return answered,
                // Without even a stale socket no station has been here, or it was stopped in good order.
                Err(Failed::Absent(fault)) if late || !self.path().exists() => return Err(fault.tell(self.words)),
                Err(Failed::Broken(fault)) if late => return Err(fault.tell(self.words)),
                Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Opens a stream: its parts come as they are sent.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn open(&self, path: &str) -> Result<Response<Incoming>, Told> {
        let response = self.send(Method::GET, path, None).await.map_err(|failed| failed.fault().tell(self.words))?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        match self.read(response).await {
            Ok(Err(told)) => Err(told),
            Ok(Ok(_)) => Err(self.not_understood("no stream")),
            Err(failed) => Err(failed.fault().tell(self.words)),
        }
    }

    /// A view in its own type.
    ///
    /// # Errors
    /// That it cannot be read.
    pub fn typed<T: DeserializeOwned>(&self, value: &Value) -> Result<T, Told> {
        T::deserialize(value).map_err(|e| self.not_understood(e))
    }

    fn path(&self) -> PathBuf {
        self.data.join(SOCKET_FILE)
    }

    fn written(&self, form: &impl Serialize) -> Result<Bytes, Told> {
        serde_json::to_vec(form).map(Bytes::from).map_err(|e| self.not_understood(e))
    }

    fn not_understood(&self, cause: impl std::fmt::Display) -> Told {
        Fault::new(Code::NotUnderstood).with("cause", cause).tell(self.words)
    }

    fn no_station(&self, cause: impl std::fmt::Display) -> Fault {
        let fault = Fault::new(Code::NoStation).with("path", self.path().display()).with("cause", cause);
        fault.with("data", self.data.display())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Result<Value, Told>, Failed> {
        let max = if path.ends_with("/doctor") { EXAMINATION_MAX } else { ANSWER_MAX };
        let answer = async { self.read(self.send(method, path, body).await?).await };
        let late = |_| Failed::Broken(Fault::new(Code::TimedOut).with("seconds", max.as_secs()));
        tokio::time::timeout(max, answer).await.map_err(late)?
    }

    async fn send(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Response<Incoming>, Failed> {
        let stream = UnixStream::connect(self.path()).await.map_err(|e| Failed::Absent(self.no_station(e)))?;
        let broken = |e: hyper::Error| Failed::Broken(self.no_station(e));
        let (mut sender, connection): (SendRequest<Full<Bytes>>, _) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Ends when the answer has been read, or the station goes.
        tokio::spawn(async move { drop(connection.await) });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "station")
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT_LANGUAGE, self.words.language())
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|e| Failed::Absent(Fault::new(Code::NotUnderstood).with("cause", e)))?;
        sender.send_request(request).await.map_err(broken)
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Result<Value, Told>, Failed> {
        let status = response.status();
        let limited = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let collected = limited.collect().await.map_err(|e| Failed::Broken(self.no_station(e)))?;
        let bytes = collected.to_bytes();
        if status.is_success() {
            return Ok(serde_json::from_slice(&bytes).map_err(|e| self.not_understood(e)));
        }
        let told = serde_json::from_slice::<ErrorBody>(&bytes);
        Ok(Err(told.map_or_else(|e| self.not_understood(e), |body| body.error)))
    }
}

/// A name as part of an address (RFC 3986 §2.1).
pub fn escaped(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// An address with its query; absent values are left out.
pub fn address(path: &str, query: &[(&str, Option<String>)]) -> String {
    let given = query.iter().filter_map(|(key, value)| Some(format!("{key}={}", escaped(value.as_deref()?))));
    let given: Vec<String> = given.collect();
    if given.is_empty() { path.into() } else { format!("{path}?{}", given.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_escaped_and_an_absent_value_left_out() {
        assert_eq!(escaped("Northland #12/ö"), "Northland%20%2312%2F%C3%B6");
        let query = [("line", Some("S 1".to_string())), ("from", None)];
        assert_eq!(address("/api/v1/record", &query), "/api/v1/record?line=S%201");
        assert_eq!(address("/x", &[]), "/x");
    }
}
