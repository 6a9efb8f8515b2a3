//! Where browsers reach the voice of this station, on UDP: at the desk's own address unless told otherwise.

use std::net::SocketAddr;

use serde::Deserialize;
use toml::Spanned;

use super::fault::Fault;
use super::raw::Text;
use super::{Desk, Voice};
use crate::words::Sentence;

/// Calls at one time, unless told otherwise.
const CALLS_MAX_DEFAULT: u32 = 8;
/// More are refused: each takes up to eight voices' worth of work.
const CALLS_MAX_MAX: u32 = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVoice {
    listen: Text,
    announce: Option<Text>,
    calls_max: Option<Spanned<u32>>,
}

/// `None`: without a desk there is nobody who could speak; and where browsers come by a proxy, or the desk listens on every address,
/// it is not known where they would reach it.
pub(super) fn voice(raw: Option<RawVoice>, desk: Option<&Desk>) -> Result<Option<Voice>, Fault> {
    let Some(raw) = raw else {
        let reached = desk.filter(|desk| desk.proxies.is_empty() && !desk.listen.ip().is_unspecified());
        let at = |desk: &Desk| SocketAddr::new(desk.listen.ip(), 0);
        let calls_max = CALLS_MAX_DEFAULT as usize;
        return Ok(reached.map(|desk| Voice { listen: at(desk), announce: None, calls_max }));
    };
    let read = |text: &Text, key: &str| {
        let wrong = |_| Fault::new(text.span(), key, Sentence::new("config-listen").with("said", text.get_ref()));
        text.get_ref().parse::<SocketAddr>().map_err(wrong)
    };
    let listen = read(&raw.listen, "voice.listen")?;
    let announce = raw.announce.as_ref().map(|text| read(text, "voice.announce")).transpose()?;
    if announce.unwrap_or(listen).ip().is_unspecified() {
        let text = raw.announce.as_ref().unwrap_or(&raw.listen);
        let wrong = Sentence::new("config-voice-nowhere").with("said", text.get_ref());
        return Err(Fault::new(text.span(), "voice.announce", wrong));
    }
    let calls_max = match raw.calls_max {
        None => CALLS_MAX_DEFAULT,
        Some(count) if (1..=CALLS_MAX_MAX).contains(count.get_ref()) => *count.get_ref(),
        Some(count) => {
            let wrong = Sentence::new("config-calls-max").with("said", count.get_ref()).with("max", CALLS_MAX_MAX);
            return Err(Fault::new(count.span(), "voice.calls_max", wrong));
        }
    };
    Ok(Some(Voice { listen, announce, calls_max: calls_max as usize }))
}
