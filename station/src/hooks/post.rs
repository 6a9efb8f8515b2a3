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
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::api::sight::hexadecimal;
use crate::config::Webhook;
use crate::words::{Sentence, Tell, logged};

/// How long one post may take.
const POST_MAX: Duration = Duration::from_secs(20);
/// A secret has at least so many bytes, so that it cannot be guessed from what it signs.
const SECRET_BYTES_MIN: usize = 32;

/// Why a webhook cannot be told at all. The operator's to mend.
#[derive(Debug)]
pub struct HookFault {
    file: PathBuf,
    cause: String,
}

impl Tell for HookFault {
    fn sentence(&self) -> Sentence {
        Sentence::new("webhook-file").with("path", self.file.display()).with("cause", &self.cause)
    }
}

impl std::fmt::Display for HookFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for HookFault {}

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
        let fault = |file: &Path, cause: String| HookFault { file: file.into(), cause };
        let read = std::fs::read(&hook.secret).map_err(|e| fault(&hook.secret, e.to_string()))?;
        let secret = read.trim_ascii().to_vec();
        if secret.len() < SECRET_BYTES_MIN {
            return Err(fault(&hook.secret, format!("{} < {SECRET_BYTES_MIN}", secret.len())));
        }
        let connector = |file: &PathBuf| connector(file).map_err(|cause| fault(file, cause));
        let tls = hook.certificates.as_ref().map(connector).transpose()?;
        Ok(Door { url: hook.url.clone(), host: hook.host().into(), port: hook.port(), secret, tls })
    }

    /// Posts `body` as what stands at `position`; done once it was answered with success.
    ///
    /// # Errors
    /// What went wrong, for the log.
    pub async fn post(&self, position: &str, body: &str, now: u64) -> Result<(), String> {
        match tokio::time::timeout(POST_MAX, self.posted(position, body, now)).await {
            Ok(posted) => posted,
            Err(late) => Err(late.to_string()),
        }
    }

    async fn posted(&self, position: &str, body: &str, now: u64) -> Result<(), String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|e| e.to_string())?;
        match &self.tls {
            None => self.send(stream, position, body, now).await,
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone()).map_err(|e| e.to_string())?;
                let stream = tls.connect(name, stream).await.map_err(|e| e.to_string())?;
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
    ) -> Result<(), String> {
        let text = |e: hyper::Error| e.to_string();
        let (mut sender, connection): (SendRequest<Full<Bytes>>, _) =
            http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
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
        let answer = sender.send_request(request.map_err(|e| e.to_string())?).await.map_err(text)?;
        if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
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

fn connector(file: &Path) -> Result<TlsConnector, String> {
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| text(&e))? {
        roots.add(certificate.map_err(|e| text(&e))?).map_err(|e| text(&e))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|e| text(&e))?.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
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
