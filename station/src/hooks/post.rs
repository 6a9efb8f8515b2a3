//! One post: HTTP/1.1, over TLS if it leaves this machine, signed by a secret that both ends have.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Uri;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::api::sight::hexadecimal;
use crate::api::told::Untold;
use crate::certificates::{self, PemFault};
use crate::config::Webhook;
use crate::words::{Sentence, Tell, logged};

/// How long one post may take.
const POST_MAX: Duration = Duration::from_secs(20);
/// A secret has at least so many bytes, so that it cannot be guessed from what it signs.
const SECRET_BYTES_MIN: usize = 32;

/// Why a webhook cannot be told at all. The operator's to mend.
#[derive(Debug)]
pub enum HookFault {
    /// The file of the secret cannot be read, or holds too little.
    Secret(PathBuf, String),
    /// The file of the certificates by which the other end is known.
    Pem(PemFault),
}

impl Tell for HookFault {
    fn sentence(&self) -> Sentence {
        match self {
            HookFault::Secret(file, cause) => {
                Sentence::new("webhook-file").with("path", file.display()).with("cause", cause)
            }
            HookFault::Pem(fault) => fault.sentence(),
        }
    }
}

impl std::fmt::Display for HookFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for HookFault {}

/// Why a post was not taken: as it is told, and as it is logged.
pub(super) struct Failure {
    pub why: Untold,
    pub cause: String,
}

impl Failure {
    fn new(why: Untold, cause: impl std::fmt::Display) -> Failure {
        Failure { why, cause: cause.to_string() }
    }

    /// Of our own machine.
    pub fn here(cause: impl std::fmt::Display) -> Failure {
        Failure::new(Untold::Here, cause)
    }

    /// Of a handshake: which of the things that an operator can mend it was.
    fn of_tls(error: &std::io::Error) -> Failure {
        use CertificateError::{
            Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
            UnknownIssuer,
        };
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let why = match tls {
            Some(rustls::Error::InvalidCertificate(cause)) => match cause {
                UnknownIssuer => Untold::Issuer,
                NotValidForName | NotValidForNameContext { .. } => Untold::Name,
                Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } => Untold::Expired,
                _ => Untold::Tls,
            },
            _ => Untold::Tls,
        };
        Failure::new(why, error)
    }
}

/// The way to a webhook.
pub(super) struct Door {
    url: Uri,
    host: String,
    port: u16,
    secret: Vec<u8>,
    tls: Option<TlsConnector>,
}

impl Door {
    /// Reads the files of a webhook.
    ///
    /// # Errors
    /// [`HookFault`].
    pub fn open(hook: &Webhook) -> Result<Door, HookFault> {
        let fault = |cause: String| HookFault::Secret(hook.secret.clone(), cause);
        let read = std::fs::read(&hook.secret).map_err(|e| fault(e.to_string()))?;
        let secret = read.trim_ascii().to_vec();
        if secret.len() < SECRET_BYTES_MIN {
            return Err(fault(format!("{} < {SECRET_BYTES_MIN}", secret.len())));
        }
        let tls = hook.certificates.as_deref().map(connector).transpose().map_err(HookFault::Pem)?;
        Ok(Door { url: hook.url.clone(), host: hook.host().into(), port: hook.port(), secret, tls })
    }

    /// Posts `body` as what stands at `position`; done once it was answered with success.
    ///
    /// # Errors
    /// Why it was not.
    pub async fn post(&self, position: &str, body: &str, now: u64) -> Result<(), Failure> {
        match tokio::time::timeout(POST_MAX, self.posted(position, body, now)).await {
            Ok(posted) => posted,
            Err(late) => Err(Failure::new(Untold::Late, late)),
        }
    }

    async fn posted(&self, position: &str, body: &str, now: u64) -> Result<(), Failure> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|e| Failure::new(Untold::Unreached, e))?;
        match &self.tls {
            None => self.send(stream, position, body, now).await,
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone()).map_err(|e| Failure::new(Untold::Name, e))?;
                let stream = tls.connect(name, stream).await.map_err(|e| Failure::of_tls(&e))?;
                self.send(stream, position, body, now).await
            }
        }
    }

    async fn send(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        position: &str,
        body: &str,
        now: u64,
    ) -> Result<(), Failure> {
        let broken = |e: hyper::Error| Failure::new(Untold::Broken, e);
        let (mut sender, connection): (SendRequest<Full<Bytes>>, _) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // It ends when the sender is dropped.
        tokio::spawn(async move { drop(connection.await) });
        let time = now.to_string();
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let host = self.url.authority().map_or("", |authority| authority.as_str());
        let request = Request::post(path)
            .header("host", host.rsplit('@').next().unwrap_or(host))
            .header("content-type", "application/json")
            .header("counterpart-position", position)
            .header("counterpart-time", &time)
            .header("counterpart-signature", format!("v1={}", signature(&self.secret, &time, body)))
            .body(Full::new(Bytes::from(body.to_owned())));
        let answer = sender.send_request(request.map_err(Failure::here)?).await.map_err(broken)?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(Failure::new(Untold::Status(status.as_u16()), status)) }
    }
}

/// HMAC-SHA256 by the secret of the time, a point and the body, in hexadecimal digits.
fn signature(secret: &[u8], time: &str, body: &str) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    for part in [time, ".", body] {
        mac.update(part.as_bytes());
    }
    hexadecimal(&mac.finalize().into_bytes())
}

fn connector(file: &Path) -> Result<TlsConnector, PemFault> {
    let roots = certificates::authorities(file)?;
    let config = ClientConfig::builder_with_provider(certificates::provider()).with_safe_default_protocol_versions();
    let config = config.map_err(|e| PemFault::Broken(file.into(), e.to_string()))?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_that_others_compute() {
        // python3 -c 'import hmac,hashlib; print(hmac.new(b"k"*32, b"1000." + b"{}", hashlib.sha256).hexdigest())'
        assert_eq!(signature(&[b'k'; 32], "1000", "{}"), VECTOR);
        assert_ne!(signature(&[b'k'; 32], "1001", "{}"), VECTOR);
    }

    const VECTOR: &str = "4e0c1b502d938938e03b4cfbbbe20e992d151d2aff701ee466134df2e28ddaa4";
}
