//! Where the desk is served: plain HTTP on the loopback alone; elsewhere HTTPS, by two PEM files or by a proxy.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::Desk;
use super::fault::Fault;
use super::raw::{Text, list};
use crate::words::Sentence;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDesk {
    listen: Text,
    names: Option<Spanned<Vec<Text>>>,
    certificate: Option<Text>,
    private_key: Option<Text>,
    proxies: Option<Spanned<Vec<Text>>>,
}

pub(super) fn desk(raw: RawDesk) -> Result<Desk, Fault> {
    let listen: SocketAddr = raw.listen.get_ref().parse().map_err(|_| {
        let wrong = Sentence::new("config-listen").with("said", raw.listen.get_ref());
        Fault::new(raw.listen.span(), "desk.listen", wrong)
    })?;
    let proxies = match &raw.proxies {
        None => Vec::new(),
        Some(said) => {
            let read = |text: &str| {
                text.parse::<IpAddr>().map(drop).map_err(|_| Sentence::new("config-number").with("said", text))
            };
            list(said, "desk.proxies", read)?
        }
    };
    let names = match &raw.names {
        None => Vec::new(),
        Some(said) => list(said, "desk.names", |text| {
            let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
            if plain && !text.is_empty() { Ok(()) } else { Err(Sentence::new("config-host").with("said", text)) }
        })?,
    };
    let tls = match (&raw.certificate, &raw.private_key) {
        (Some(certificate), Some(key)) => Some([certificate, key].map(|file| PathBuf::from(file.get_ref()))),
        (None, None) => None,
        (Some(one), None) => {
            return Err(Fault::new(
                one.span(),
                "desk.certificate",
                Sentence::new("config-beside").with("other", "private_key"),
            ));
        }
        (None, Some(one)) => {
            return Err(Fault::new(
                one.span(),
                "desk.private_key",
                Sentence::new("config-beside").with("other", "certificate"),
            ));
        }
    };
    let proxies: Vec<IpAddr> = proxies.iter().filter_map(|text| text.parse().ok()).collect();
    let desk = Desk { listen, names: names.iter().map(|n| n.to_lowercase()).collect(), tls, proxies };
    if !listen.ip().is_loopback() && !desk.is_secure() {
        let wrong = Sentence::new("config-loopback").with("said", listen);
        return Err(Fault::new(raw.listen.span(), "desk.listen", wrong));
    }
    if desk.is_secure() && desk.names.is_empty() {
        let wrong = Sentence::new("config-no-names");
        return Err(Fault::new(raw.listen.span(), "desk.listen", wrong));
    }
    Ok(desk)
}
