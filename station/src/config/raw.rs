//! The file as it is written, and what must be true of it.

use std::net::SocketAddr;
use std::ops::Range;

use counterpart_core::shown::is_unshown;
use serde::Deserialize;
use toml::Spanned;
use unic_langid::LanguageIdentifier;

use super::fault::Fault;
use super::{
    BURST_DEFAULT, CHECK_MINUTES_DEFAULT, ENTRIES_PER_DAY_DEFAULT, ENTRIES_PER_SECOND_DEFAULT, LISTEN_DEFAULT,
    MEBIBYTES_PER_DAY_DEFAULT,
};
use super::{Checks, Config, Link, Organisation, Post};
use crate::spans::minute_of_day;
use crate::words::{Sentence, clocks};

const NAME_BYTES_MAX: usize = 200;
const CALL_SIGN_BYTES_MAX: usize = 32;
const BANNER_BYTES_MAX: usize = 128;
const SHORT_TEXT_BYTES_MAX: usize = 128;
const LIST_MAX: usize = 16;
const POSTS_MAX: usize = 64;
const POST_ID_MAX: usize = 32;
const RATE_MAX: u32 = 100_000;
const DAILY_MAX: u32 = 1_000_000_000;
const MINUTES_OF_DAY: u32 = 1_440;
const PRECEDENCES: [(&str, u8); 4] = [("ROUTINE", 0), ("PRIORITY", 1), ("IMMEDIATE", 2), ("FLASH", 3)];

pub(super) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    organisation: RawOrganisation,
    #[serde(default)]
    link: RawLink,
    #[serde(default)]
    checks: RawChecks,
    desk: Option<super::desk::RawDesk>,
    voice: Option<super::voice::RawVoice>,
    #[serde(default)]
    webhook: Vec<super::webhook::RawWebhook>,
    post: Spanned<Vec<RawPost>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOrganisation {
    name: Text,
    call_sign: Text,
    languages: Spanned<Vec<Text>>,
    zone: Text,
    banner: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawLink {
    listen: Option<Text>,
    announce: Option<Spanned<Vec<Text>>>,
    references: Option<Spanned<Vec<Text>>>,
    entries_per_second: Option<Spanned<u32>>,
    burst: Option<Spanned<u32>>,
    entries_per_day: Option<Spanned<u32>>,
    mebibytes_per_day: Option<Spanned<u32>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawChecks {
    every_minutes: Option<Spanned<u32>>,
    at_utc: Option<Spanned<Vec<Text>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPost {
    id: Text,
    highest: Text,
    night: bool,
}

pub(super) fn read(text: &str) -> Result<Config, Fault> {
    let raw: RawConfig = toml::from_str(text).map_err(|e| Fault::from_toml(&e, text))?;
    let desk = raw.desk.map(super::desk::desk).transpose()?;
    Ok(Config {
        organisation: organisation(raw.organisation)?,
        posts: posts(&raw.post)?,
        link: link(raw.link)?,
        checks: checks(&raw.checks)?,
        voice: super::voice::voice(raw.voice, desk.as_ref())?,
        desk,
        webhooks: super::webhook::webhooks(raw.webhook)?,
    })
}

fn organisation(raw: RawOrganisation) -> Result<Organisation, Fault> {
    let languages = list(&raw.languages, "organisation.languages", |tag| {
        tag.parse::<LanguageIdentifier>().map(drop).map_err(|_| Sentence::new("config-language").with("said", tag))
    })?;
    if languages.is_empty() {
        return Err(Fault::new(raw.languages.span(), "organisation.languages", Sentence::new("config-no-language")));
    }
    Ok(Organisation {
        name: words(&raw.name, "organisation.name", NAME_BYTES_MAX)?,
        call_sign: words(&raw.call_sign, "organisation.call_sign", CALL_SIGN_BYTES_MAX)?,
        languages,
        zone: zone(&raw.zone)?,
        banner: match raw.banner.filter(|b| !b.get_ref().is_empty()) {
            Some(banner) => words(&banner, "organisation.banner", BANNER_BYTES_MAX)?,
            None => String::new(),
        },
    })
}

/// The name as the database spells it; empty names none.
fn zone(raw: &Text) -> Result<String, Fault> {
    let name = raw.get_ref();
    if name.is_empty() {
        return Ok(String::new());
    }
    let known = clocks::zone(name).and_then(|zone| zone.iana_name().map(str::to_owned));
    known.ok_or_else(|| Fault::new(raw.span(), "organisation.zone", Sentence::new("config-zone").with("said", name)))
}

/// Text that is shown on one line: neither empty nor with characters that cannot be seen.
fn words(text: &Text, key: &str, bytes_max: usize) -> Result<String, Fault> {
    let words = text.get_ref();
    let wrong = if words.trim().is_empty() {
        Sentence::new("config-empty")
    } else if words.len() > bytes_max {
        Sentence::new("config-too-long").with("length", words.len()).with("max", bytes_max)
    } else if words.chars().any(is_unshown) {
        Sentence::new("config-control")
    } else {
        return Ok(words.clone());
    };
    Err(Fault::new(text.span(), key, wrong))
}

pub(super) fn list(
    raw: &Spanned<Vec<Text>>,
    key: &str,
    check: impl Fn(&str) -> Result<(), Sentence>,
) -> Result<Vec<String>, Fault> {
    let items = raw.get_ref();
    if items.len() > LIST_MAX {
        let wrong = Sentence::new("config-too-many").with("count", items.len()).with("max", LIST_MAX);
        return Err(Fault::new(raw.span(), key, wrong));
    }
    for item in items {
        let text = item.get_ref();
        let long = (text.len() > SHORT_TEXT_BYTES_MAX).then(|| {
            Sentence::new("config-item-too-long").with("length", text.len()).with("max", SHORT_TEXT_BYTES_MAX)
        });
        if let Err(wrong) = long.map_or_else(|| check(text), Err) {
            return Err(Fault::new(item.span(), key, wrong));
        }
    }
    Ok(items.iter().map(|item| item.get_ref().clone()).collect())
}

fn posts(raw: &Spanned<Vec<RawPost>>) -> Result<Vec<Post>, Fault> {
    let rows = raw.get_ref();
    if rows.is_empty() || rows.len() > POSTS_MAX {
        let wrong = Sentence::new("config-posts").with("count", rows.len()).with("max", POSTS_MAX);
        return Err(Fault::new(raw.span(), "post", wrong));
    }
    let mut posts: Vec<Post> = Vec::with_capacity(rows.len());
    for row in rows {
        let post = post(row)?;
        if posts.iter().any(|earlier| earlier.id == post.id) {
            let wrong = Sentence::new("config-post-twice").with("said", &post.id);
            return Err(Fault::new(row.id.span(), "post.id", wrong));
        }
        posts.push(post);
    }
    Ok(posts)
}

fn post(row: &RawPost) -> Result<Post, Fault> {
    let id = row.id.get_ref();
    let plain = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if id.is_empty() || id.len() > POST_ID_MAX || !plain {
        let wrong = Sentence::new("config-post-id").with("said", id).with("max", POST_ID_MAX);
        return Err(Fault::new(row.id.span(), "post.id", wrong));
    }
    let word = row.highest.get_ref();
    let highest = PRECEDENCES.iter().find(|(name, _)| name == word).map(|(_, number)| *number);
    let Some(highest) = highest else {
        let known = PRECEDENCES.map(|(name, _)| name).join(", ");
        let wrong = Sentence::new("config-precedence").with("said", word).with("known", known);
        return Err(Fault::new(row.highest.span(), "post.highest", wrong));
    };
    Ok(Post { id: id.clone(), highest, night: row.night })
}

fn link(raw: RawLink) -> Result<Link, Fault> {
    let (listen, span) = match raw.listen {
        Some(text) => (text.get_ref().clone(), text.span()),
        None => (LISTEN_DEFAULT.to_owned(), 0..0),
    };
    let listen: SocketAddr = listen.parse().map_err(|_| {
        let wrong = Sentence::new("config-listen").with("said", &listen);
        Fault::new(span, "link.listen", wrong)
    })?;
    Ok(Link {
        listen,
        announce: addresses(raw.announce, "link.announce")?,
        references: addresses(raw.references, "link.references")?,
        entries_per_second: rate(
            raw.entries_per_second,
            "link.entries_per_second",
            ENTRIES_PER_SECOND_DEFAULT,
            RATE_MAX,
        )?,
        burst: rate(raw.burst, "link.burst", BURST_DEFAULT, RATE_MAX)?,
        entries_per_day: rate(raw.entries_per_day, "link.entries_per_day", ENTRIES_PER_DAY_DEFAULT, DAILY_MAX)?,
        mebibytes_per_day: rate(raw.mebibytes_per_day, "link.mebibytes_per_day", MEBIBYTES_PER_DAY_DEFAULT, DAILY_MAX)?,
    })
}

fn addresses(raw: Option<Spanned<Vec<Text>>>, key: &str) -> Result<Vec<String>, Fault> {
    let Some(raw) = raw else {
        return Ok(Vec::new());
    };
    list(&raw, key, |text| {
        let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let host_ok = |host: &str| {
            let numeric = text.parse::<SocketAddr>().is_ok();
            let name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            numeric || (!host.is_empty() && host.chars().all(name))
        };
        match parts {
            Some((host, port)) if port > 0 && host_ok(host) => Ok(()),
            _ => Err(Sentence::new("config-address").with("said", text)),
        }
    })
}

fn rate(raw: Option<Spanned<u32>>, key: &str, default: u32, max: u32) -> Result<u32, Fault> {
    let Some(raw) = raw else { return Ok(default) };
    let rate = *raw.get_ref();
    if rate == 0 || rate > max {
        return Err(Fault::new(raw.span(), key, Sentence::new("config-rate").with("said", rate).with("max", max)));
    }
    Ok(rate)
}

fn checks(raw: &RawChecks) -> Result<Checks, Fault> {
    match (&raw.every_minutes, &raw.at_utc) {
        (Some(_), Some(at)) => Err(Fault::new(at.span(), "checks.at_utc", Sentence::new("config-checks-twice"))),
        (None, Some(at)) => at_minutes(at).map(|minutes_utc| Checks::At { minutes_utc }),
        (Some(every), None) if *every.get_ref() > MINUTES_OF_DAY => {
            let wrong = Sentence::new("config-minutes").with("said", every.get_ref()).with("max", MINUTES_OF_DAY);
            Err(Fault::new(every.span(), "checks.every_minutes", wrong))
        }
        (Some(every), None) => Ok(Checks::Every { minutes: *every.get_ref() }),
        (None, None) => Ok(Checks::Every { minutes: CHECK_MINUTES_DEFAULT }),
    }
}

fn at_minutes(at: &Spanned<Vec<Text>>) -> Result<Vec<u32>, Fault> {
    let mut minutes = Vec::new();
    for text in list(at, "checks.at_utc", |_| Ok(()))? {
        let minute = minute_of_day(&text).and_then(|minute| u32::try_from(minute).ok());
        minutes.push(minute.ok_or_else(|| {
            let wrong = Sentence::new("config-minute").with("said", &text);
            Fault::new(item_span(at, &text), "checks.at_utc", wrong)
        })?);
    }
    minutes.sort_unstable();
    minutes.dedup();
    Ok(minutes)
}

fn item_span(list: &Spanned<Vec<Text>>, text: &str) -> Range<usize> {
    list.get_ref().iter().find(|item| item.get_ref() == text).map_or_else(|| list.span(), Spanned::span)
}
