//! Where entries are posted as they come: to a program on this machine over plain HTTP, elsewhere over HTTPS.

use std::path::PathBuf;

use axum::http::Uri;
use serde::Deserialize;

use super::fault::Fault;
use super::raw::Text;
use crate::words::Sentence;

/// Where entries are posted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// Its name: under it the station keeps up to where it has been told. 1 to 32 of `a`–`z`, `0`–`9`, `-`.
    pub name: String,
    /// `http` to the loopback, otherwise `https`; with a host.
    pub url: Uri,
    /// The file with the secret by which what is posted is signed: 32 bytes or more.
    pub secret: PathBuf,
    /// The PEM file with the certificates by which the other end is known; of HTTPS.
    pub certificates: Option<PathBuf>,
}

impl Webhook {
    /// Whether it is reached over HTTPS.
    pub fn is_secure(&self) -> bool {
        self.url.scheme_str() == Some("https")
    }

    /// Its host; a numeric one of IPv6 without brackets.
    pub fn host(&self) -> &str {
        self.url.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.url.port_u16().unwrap_or(if self.is_secure() { 443 } else { 80 })
    }
}

/// Webhooks at most.
const WEBHOOKS_MAX: usize = 8;
const NAME_BYTES_MAX: usize = 32;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebhook {
    name: Text,
    url: Text,
    secret: Text,
    certificates: Option<Text>,
}

pub(super) fn webhooks(all: Vec<RawWebhook>) -> Result<Vec<Webhook>, Fault> {
    let mut read: Vec<Webhook> = Vec::new();
    for raw in all {
        let at = raw.name.span();
        let wrong = |wrong: Sentence| Fault::new(at.clone(), "webhook.name", wrong);
        if read.len() == WEBHOOKS_MAX {
            return Err(wrong(
                Sentence::new("config-too-many").with("count", read.len() + 1).with("max", WEBHOOKS_MAX),
            ));
        }
        let webhook = webhook(raw)?;
        if read.iter().any(|other| other.name == webhook.name) {
            return Err(wrong(Sentence::new("config-webhook-name").with("said", &webhook.name)));
        }
        read.push(webhook);
    }
    Ok(read)
}

fn webhook(raw: RawWebhook) -> Result<Webhook, Fault> {
    let name = raw.name.get_ref();
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !plain || name.is_empty() || name.len() > NAME_BYTES_MAX {
        let wrong = Sentence::new("config-webhook-name").with("said", name);
        return Err(Fault::new(raw.name.span(), "webhook.name", wrong));
    }
    let url = raw.url.get_ref().parse::<Uri>().ok().filter(|url| url.host().is_some());
    let is_local = |url: &Uri| {
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    let fits = |url: &Uri| match url.scheme_str() {
        Some("https") => raw.certificates.is_some(),
        Some("http") => is_local(url) && raw.certificates.is_none(),
        _ => false,
    };
    let url = url.filter(fits).ok_or_else(|| {
        let wrong = Sentence::new("config-webhook-url").with("said", raw.url.get_ref());
        Fault::new(raw.url.span(), "webhook.url", wrong)
    })?;
    Ok(Webhook {
        name: name.clone(),
        url,
        secret: PathBuf::from(raw.secret.get_ref()),
        certificates: raw.certificates.map(|file| PathBuf::from(file.get_ref())),
    })
}
