//! How far each webhook has been told, and why not further: for `doctor` and the metrics. The followers themselves write it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use counterpart_core::time::Timestamp;

use super::doctor::{Finding, Report};
use super::events::Position;
use crate::words::{Arg, Words};

/// Why a webhook was not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Untold {
    /// Its address is not known, or nothing answers there.
    Unreached,
    /// None of the certificates that are configured vouches for its own.
    Issuer,
    /// Its certificate is of another name.
    Name,
    /// Its certificate has expired, or is not valid yet.
    Expired,
    /// TLS did not come about for another reason.
    Tls,
    /// It has not answered in time.
    Late,
    /// What it answered is no HTTP, or broke off.
    Broken,
    /// It has answered with a status that is no success; a redirect is not followed.
    Status(u16),
    /// Our own record could not be read, or what was told could not be kept.
    Here,
}

impl Untold {
    /// Its stable name, for the metrics.
    pub fn word(self) -> &'static str {
        match self {
            Untold::Unreached => "unreached",
            Untold::Issuer => "issuer",
            Untold::Name => "name",
            Untold::Expired => "expired",
            Untold::Tls => "tls",
            Untold::Late => "late",
            Untold::Broken => "broken",
            Untold::Status(_) => "status",
            Untold::Here => "here",
        }
    }

    /// The name of its sentence.
    fn sentence(self) -> &'static str {
        match self {
            Untold::Unreached => "untold-unreached",
            Untold::Issuer => "untold-issuer",
            Untold::Name => "untold-name",
            Untold::Expired => "untold-expired",
            Untold::Tls => "untold-tls",
            Untold::Late => "untold-late",
            Untold::Broken => "untold-broken",
            Untold::Status(_) => "untold-status",
            Untold::Here => "untold-here",
        }
    }

    fn status(self) -> u16 {
        if let Untold::Status(status) = self { status } else { 0 }
    }
}

/// How one webhook stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// Up to where it has been told.
    pub told: Option<Position>,
    /// Tries in a row that came to nothing, why the last did, and when the first was.
    pub failing: Option<(u32, Untold, Timestamp)>,
}

/// How every webhook stands, by its name.
#[derive(Clone, Default)]
pub(crate) struct Webhooks(Arc<Mutex<BTreeMap<String, Standing>>>);

impl Webhooks {
    fn with<T>(&self, name: &str, change: impl FnOnce(&mut Standing) -> T) -> T {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default())
    }

    /// It has been told up to here.
    pub fn told(&self, name: &str, position: Position) {
        self.with(name, |standing| standing.told = Some(position));
    }

    /// What it was posted last was taken.
    pub fn taken(&self, name: &str) {
        self.with(name, |standing| standing.failing = None);
    }

    /// It was not told, once more. How often by now.
    pub fn failed(&self, name: &str, why: Untold, now: Timestamp) -> u32 {
        self.with(name, |standing| {
            let (count, since) = standing.failing.map_or((0, now), |(count, _, since)| (count, since));
            let count = count.saturating_add(1);
            standing.failing = Some((count, why, since));
            count
        })
    }

    /// All, by name.
    pub fn all(&self) -> BTreeMap<String, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds what is to be said of each to what was found.
    pub(super) fn examined(&self, report: &mut Report, words: &Words) {
        for (name, standing) in self.all() {
            let (well, id, count, status, since) = match standing.failing {
                None => (true, "untold-nothing", 0, 0, Timestamp(0)),
                Some((count, why, since)) => (false, why.sentence(), count, why.status(), since),
            };
            let args = [
                ("webhook", Arg::from(&name)),
                ("count", Arg::from(usize::try_from(count).unwrap_or(usize::MAX))),
                ("status", Arg::from(status.to_string())),
                ("since", Arg::from(super::times::write(since))),
            ];
            report.well &= well;
            let instead = (!well).then(|| words.say_do(id, &args));
            report.findings.push(Finding { subject: "webhook".into(), well, sentence: words.say(id, &args), instead });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    const ALL: [Untold; 9] = [
        Untold::Unreached,
        Untold::Issuer,
        Untold::Name,
        Untold::Expired,
        Untold::Tls,
        Untold::Late,
        Untold::Broken,
        Untold::Status(302),
        Untold::Here,
    ];

    #[test]
    fn each_cause_says_what_to_do_and_a_post_that_is_taken_ends_it() {
        for why in ALL {
            let (webhooks, mut report) = (Webhooks::default(), Report { well: true, halted: false, findings: vec![] });
            assert_eq!(webhooks.failed("dispatch", why, Timestamp(1_000)), 1);
            assert_eq!(webhooks.failed("dispatch", why, Timestamp(9_000)), 2);
            webhooks.examined(&mut report, &Language::English.words());

            let [found] = report.findings.as_slice() else { panic!("one finding") };
            assert!(!report.well && found.sentence.contains("dispatch"), "{found:?}");
            assert!(found.sentence.contains("1970-01-01T00:00:01Z") && found.sentence.contains('2'), "{found:?}");
            assert!(found.instead.as_ref().is_some_and(|instead| !instead.is_empty()), "{found:?}");

            webhooks.taken("dispatch");
            let mut report = Report { well: true, halted: false, findings: vec![] };
            webhooks.examined(&mut report, &Language::English.words());
            assert!(report.well && report.findings.len() == 1);
        }
    }
}
