//! All that is shown of one thing, to be compared.

use std::collections::BTreeMap;

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::crossing::Decision;
use counterpart_core::line::facts::{Fact, View};
use counterpart_core::line::ladder::{Headline, Reached};
use counterpart_core::line::talk::Talk;
use counterpart_core::record::kind::Kind;
use counterpart_core::time::Timestamp;

/// What a view says of a thing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    decision: Decision,
    settled: [bool; 2],
    headline: Headline,
    rungs: Vec<Reached>,
    talk: Option<Talk>,
    partner: Option<EntryRef>,
    suspended: Option<EntryRef>,
    deadline: Option<Timestamp>,
    /// What belongs to it, in the order of the logs.
    thread: Vec<EntryRef>,
}

impl Status {
    /// What `view` says of `thing`.
    pub fn of<'a>(view: &View<'a>, thing: &'a Fact) -> Status {
        let decision = view.decision(thing);
        let mut thread: Vec<EntryRef> = view.thread(thing.at).map(|f| f.at).collect();
        thread.sort();
        Status {
            settled: Party::BOTH.map(|party| view.settled_for(party, &decision)),
            decision,
            headline: view.headline(thing),
            rungs: view.rungs(thing),
            talk: (thing.kind() == Kind::Ask).then(|| view.talk(thing)),
            partner: view.partner(thing.at).map(|p| p.at),
            suspended: view.suspended(thing),
            deadline: view.deadline(thing, u64::MAX),
            thread,
        }
    }
}

/// What a view says of every request, offer and ready, and of all that stands alone.
pub fn all(view: &View<'_>) -> BTreeMap<EntryRef, Status> {
    let threads = view.things().flat_map(|thing| view.thread(thing.at));
    let stands = |f: &&Fact| f.at == f.thing || matches!(f.kind(), Kind::Offer | Kind::Ready);
    threads.filter(stands).map(|thing| (thing.at, Status::of(view, thing))).collect()
}

/// What two views say differently of the thing at `at`.
pub fn differs(at: EntryRef, here: Option<&Status>, there: Option<&Status>) -> String {
    let (Some(here), Some(there)) = (here, there) else {
        return format!("{at} is there for one and not for the other");
    };
    let [a, b] = [here, there].map(|status| format!("{status:#?}"));
    let lines = a.lines().zip(b.lines()).filter(|(a, b)| a != b).take(6);
    let lines: Vec<String> = lines.map(|(a, b)| format!("{} / {}", a.trim(), b.trim())).collect();
    format!("{at}: {}", lines.join(", "))
}
