//! Reads the model's dump and writes each of its histories as headers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::string::{String, ToString};
use std::vec::Vec;

use serde_json::Value as Json;

use super::Verdict;
use crate::ids::{EntryRef, Epoch, LineId, Party, PostId};
use crate::line::facts::Cut;
use crate::precedence::{Mark, Precedence};
use crate::record::charter::{Charter, Checks, Keys, PartyTerms, PostTerms};
use crate::record::codes::{Channel, Clause, Code, Deadline, EndReason, Instrument, Mode, OnSilence, Part};
use crate::record::entry::{Head, Header};
use crate::record::what::{Offered, What};
use crate::time::{Timestamp, Window};

const DUMP: &[u8] = include_bytes!("../../../../docs/vectors/status.jsonl.gz");
/// The claimed time of what the model gives none: after every deadline.
const LATE: u64 = 1_000;
/// A deadline for what the model gives none, so that a lapse without a time is in time.
const EARLY: u64 = 1;

pub(super) struct History {
    pub run: String,
    pub text: String,
    pub logs: [Vec<Header>; 2],
    pub void: Vec<Header>,
    pub verdict: Verdict,
}

/// Calls `with` for each history of the dump until it says `false`.
pub(super) fn each(mut with: impl FnMut(&History) -> bool) {
    for line in BufReader::new(flate2::read::GzDecoder::new(DUMP)).lines() {
        if !with(&History::read(&line.unwrap())) {
            return;
        }
    }
}

impl History {
    fn read(line: &str) -> History {
        let json: Json = serde_json::from_str(line).unwrap();
        let mut logs: [Vec<Header>; 2] = [Vec::new(), Vec::new()];
        for entry in json["entries"].as_array().unwrap() {
            let header = header(entry);
            logs[header.party.slot()].push(header);
        }
        let void: Vec<Header> = json["void"].as_array().unwrap().iter().map(header).collect();
        let known = logs.clone();
        let logs = logs.map(|log| log.into_iter().map(|entry| complete(entry, &known)).collect());
        History {
            run: json["run"].as_str().unwrap().into(),
            text: json["entries"].to_string(),
            void: void.into_iter().map(|entry| complete(entry, &known)).collect(),
            verdict: verdict(&json),
            logs,
        }
    }

    /// The model limits open asks to one or two a side, by run.
    pub fn open_asks_max(&self) -> usize {
        match self.run.as_str() {
            "the same, two open asks a side" | "asks with two marks/posts" | "re-asks that name a closed request" => 2,
            "texts" | "talk after an answer" | "talk of a concerted pair" => 2,
            "talk after an accept that may be crossed, and accepted anew" => 2,
            _ => 1,
        }
    }

    pub fn cut(&self, cut: Cut) -> History {
        let part = |party: Party| self.logs[party.slot()][..cut.size(party) as usize].to_vec();
        History {
            run: self.run.clone(),
            text: self.text.clone(),
            logs: Party::BOTH.map(part),
            void: Vec::new(),
            verdict: Verdict::default(),
        }
    }

    /// Whether each entry finds what its author had seen.
    pub fn closed(&self) -> bool {
        Party::BOTH.into_iter().all(|party| {
            let seen = self.logs[party.slot()].last().map_or(0, |h| h.held.size);
            seen <= self.logs[party.peer().slot()].len() as u64
        })
    }

    /// Whether an honest station can hold just this: its next own entry names at least what it holds.
    pub fn could_hold(&self, station: Party, cut: Cut) -> bool {
        let next = self.logs[station.slot()].get(cut.size(station) as usize);
        next.is_none_or(|next| next.held.size >= cut.size(station.peer()))
    }
}

fn verdict(json: &Json) -> Verdict {
    let text = |v: &Json| v.as_str().unwrap().to_string();
    let rows = |key: &str| json[key].as_array().unwrap().clone();
    let mut verdict = Verdict::default();
    for row in rows("outcomes") {
        let settled = |at: usize| row[at].as_bool().unwrap();
        verdict.outcomes.insert(at(&row[0], &row[1]), (text(&row[2]), settled(3), settled(4)));
    }
    for row in rows("headlines") {
        let words = row[2].as_array().unwrap().iter().map(|w| w.as_str().map_or_else(|| w.to_string(), String::from));
        verdict.headlines.insert(at(&row[0], &row[1]), words.collect());
    }
    for row in rows("talks") {
        verdict.talks.insert(at(&row[0], &row[1]), [text(&row[2]), text(&row[3]), text(&row[4])]);
    }
    let pair = |row: &Json| (at(&row[0][0], &row[0][1]), at(&row[1][0], &row[1][1]));
    verdict.concerted = rows("concerted").iter().map(pair).collect::<BTreeMap<_, _>>();
    verdict
}

fn at(party: &Json, index: &Json) -> EntryRef {
    EntryRef { party: Party::from_number(party.as_u64().unwrap()).unwrap(), index: index.as_u64().unwrap() }
}

/// `[side, index, type, saw, ref, arg]` as a header; roots are of no matter to the rules.
fn header(row: &Json) -> Header {
    let at = at(&row[0], &row[1]);
    let arg = &row[5];
    let heads = [at.index, row[3].as_u64().unwrap()].map(|size| Head { size, root: [0; 32] });
    let what = what(row[2].as_str().unwrap(), arg);
    let mut header = Header::of((LineId([7; 16]), Epoch::FIRST, at.party), heads, Timestamp(LATE), Ok(what));
    header.refers = row[4].as_array().map(|r| self::at(&r[0], &r[1]));
    match header.what.as_ref().unwrap() {
        What::Ask { .. } | What::Text => {
            let post = |party: Party| PostId::parse(if party == Party::Inviter { "minister" } else { "foreign" });
            (header.from, header.to) = (post(at.party), post(at.party.peer()));
            header.precedence = Some(Precedence::Routine);
            header.mark = Some(if first(arg).as_str() == Some("ex") { Mark::Exercise } else { Mark::Operation });
            header.deadline = Some(Timestamp(arg[1].as_u64().unwrap_or(EARLY)));
        }
        What::Offer { .. } | What::Ready => header.deadline = Some(Timestamp(arg[1].as_u64().unwrap_or(EARLY))),
        What::Renew => header.deadline = arg.as_u64().map(Timestamp),
        What::Lapse { .. } => header.time = Timestamp(arg.as_u64().unwrap_or(LATE)),
        _ => {}
    }
    header
}

/// An accept takes the one window of the offer that it refers to; of a ready it takes none.
fn complete(mut header: Header, logs: &[Vec<Header>; 2]) -> Header {
    if let (Ok(What::Accept { .. }), Some(at)) = (&header.what, header.refers) {
        let named = logs[at.party.slot()].get(at.index as usize).and_then(|h| h.what.as_ref().ok());
        if let Some(What::Offer { windows, .. }) = named {
            header.what = Ok(What::Accept { window: Some(windows[0].window) });
        }
    }
    header
}

/// Mark of an ask, time of an offer.
fn first(arg: &Json) -> &Json {
    if arg.is_array() { &arg[0] } else { arg }
}

fn window(time: u64) -> Window {
    Window::new(Timestamp(10 * time), Timestamp(10 * time + 5)).unwrap()
}

fn what(kind: &str, arg: &Json) -> What {
    let offered = |time: u64| Offered { window: window(time), zone: "UTC".into() };
    match kind {
        "received" => What::Received,
        "ask" => What::Ask { mode: Mode::Voice, private: false },
        "alerting" => What::Alerting { channel: Channel::Desk },
        "seen" => What::Seen,
        "referred" => What::Referred,
        "defer" => What::Defer { code: Code::Engaged, until: None },
        "renew" => What::Renew,
        "suspend" => What::Suspend,
        "resume" => What::Resume,
        "answer" => What::Answer,
        "decline" => What::Decline { code: Code::Unstated },
        "withdraw" => What::Withdraw,
        "lapse" => What::Lapse { deadline: Deadline::ValidUntil },
        "offer" => What::Offer {
            windows: [offered(first(arg).as_u64().unwrap())].to_vec(),
            on_silence: if arg[2].as_str() == Some("stands") { OnSilence::Stands } else { OnSilence::Lapses },
            code: None,
        },
        "ready" => What::Ready,
        "accept" => What::Accept { window: None }, // completed by `complete`, which knows the offer
        "joined" => What::Joined { part: Part::Principal },
        "ended" => What::Ended { by: Party::Inviter, reason: EndReason::Done },
        "missed" => What::Missed,
        "cancel" => What::Cancel { code: Code::Unstated },
        "talk" => What::Talk { when: window(1), instrument: Instrument::Telephone, posts: Vec::new() },
        "overdue" => What::Overdue { clause: Clause::parse(arg.as_str().unwrap_or("watch")).unwrap() },
        "text" => What::Text,
        "read" => What::Read,
        "retract" => What::Retract,
        other => panic!("the model has a type that this test has not: {other}"),
    }
}

/// One post a side, no pace of renewals.
pub(in crate::line) fn charter() -> Charter {
    let keys = Keys { root: [1; 32], station: [2; 32], link: [3; 32], word: [4; 32] };
    let side = |post: &str| PartyTerms {
        name: post.into(),
        call_sign: post.into(),
        keys,
        languages: Vec::new(),
        addresses: Vec::new(),
        posts: [PostTerms { id: PostId::parse(post).unwrap(), highest: Precedence::Flash, night: true }].to_vec(),
        zone: String::new(),
    };
    Charter { checks: Checks::Every(3_600), ..Charter::of(LineId([7; 16]), [side("minister"), side("foreign")]) }
}
