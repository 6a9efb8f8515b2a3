//! The page of a round: of each line that was asked how far its ask has come, beside each other.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use counterpart_core::ids::{EntryRef, LineId};
use counterpart_core::line::ladder::Rung;
use counterpart_core::time::Timestamp;

use super::frame::{Four, Frame};
use super::refused::{self, Kept};
use super::session::Signed;
use super::{Desk, page};
use crate::api::fault::Told;
use crate::api::rounds::{RoundRow, place};
use crate::store::{self, EntryKey};
use crate::view::request::{RequestView, request};
use crate::view::{Side, Sight};
use crate::words::clocks::Hand;
use crate::words::coded::Coded;

#[derive(Template)]
#[template(path = "round.html")]
struct RoundPage {
    d: Frame,
    round: store::Round,
    subject: String,
    language: String,
    begun: String,
    asks: Vec<Asked>,
}

/// A round in the list of them.
pub(super) struct Begun {
    pub number: u64,
    pub user: String,
    pub begun: String,
    pub subject: String,
    pub asks: usize,
}

/// One line of the round.
struct Asked {
    line: String,
    peer: String,
    /// What stands there; `None`: it was not asked.
    found: Option<Found>,
}

/// How far an ask has come.
struct Found {
    view: RequestView,
    /// Where its page is; `None` in an epoch that has ended.
    href: Option<String>,
    /// From SENT upwards: when each rung was first reached, on both clocks.
    rungs: [Option<[Hand; 2]>; Rung::ALL.len()],
    /// The word that stands over it.
    shown: Coded,
    /// When the outcome was decided.
    decided: Option<[Hand; 2]>,
}

impl Found {
    fn is_answered(&self) -> bool {
        matches!(self.view.outcome.as_str(), "ANSWERED" | "AGREED")
    }

    fn is_open(&self) -> bool {
        self.view.outcome == "OPEN"
    }

    fn highest(&self) -> Option<usize> {
        self.rungs.iter().rposition(Option::is_some)
    }
}

impl Asked {
    fn is_answered(&self) -> bool {
        self.found.as_ref().is_some_and(Found::is_answered)
    }

    /// The class of a rung's place: what stands highest, what is reached, what was passed over, what is not reached.
    fn class(&self, rung: &usize) -> &'static str {
        let Some(found) = &self.found else { return "rg not" };
        match (found.highest(), found.rungs.get(*rung).is_some_and(Option::is_some)) {
            (Some(highest), true) if highest == *rung && found.is_open() => "rg top",
            (_, true) => "rg",
            (Some(highest), false) if *rung < highest => "rg passed",
            _ => "rg not",
        }
    }

    fn hands(&self, rung: &usize) -> Option<&[Hand; 2]> {
        self.found.as_ref()?.rungs.get(*rung)?.as_ref()
    }
}

impl RoundPage {
    /// The rungs, the highest first: its place, its word, what it says.
    fn rungs(&self) -> Vec<(usize, Coded, String)> {
        let says = |rung: Rung| {
            let id = match rung {
                Rung::Sent => "round-sent",
                Rung::Delivered => "round-delivered",
                Rung::Alerting => "round-alerting",
                Rung::Seen => "round-seen",
                Rung::Referred => "round-referred",
            };
            self.d.say(id)
        };
        Rung::ALL.into_iter().enumerate().rev().map(|(at, rung)| (at, self.d.coded(&rung), says(rung))).collect()
    }

    /// Of one ask its highest fact; of several how many are answered.
    fn heading(&self) -> String {
        if let [Asked { found: Some(found), .. }] = self.asks.as_slice() {
            return found.view.headline.clone();
        }
        let answered = self.asks.iter().filter(|asked| asked.is_answered()).count();
        let args = [("answered", answered.into()), ("count", self.asks.len().into())];
        self.d.words().say("round-heading", &args)
    }

    /// Who has not answered, in a few words.
    fn waits(&self) -> String {
        let waits: Vec<&str> =
            self.asks.iter().filter(|asked| !asked.is_answered()).map(|asked| asked.peer.as_str()).collect();
        if waits.is_empty() || self.asks.len() == 1 {
            String::new()
        } else {
            self.d.with("round-not-yet", "names", waits.join(", "))
        }
    }

    fn is_whole(&self) -> bool {
        self.asks.iter().all(|asked| asked.found.is_some())
    }

    fn lede(&self) -> String {
        let args = [("name", (&self.round.user).into()), ("time", (&self.begun).into())];
        self.d.words().say("round-lede", &args)
    }
}

fn found(sight: &Sight<'_>, at: EntryRef) -> Option<Found> {
    let view = request(sight, at)?;
    let telling = sight.telling;
    let hands = |time: Timestamp| telling.hands(time);
    let first = |rung: Rung| {
        let mut all = view.attempts.iter().flat_map(|attempt| &attempt.rungs);
        all.find(|reached| reached.rung.0 == rung).map(|reached| hands(reached.time.0))
    };
    let rungs = Rung::ALL.map(first);
    let decided = view.deciding.first().map(|act| hands(act.time.0));
    let is_serving = sight.epoch == sight.line.epoch();
    let href = is_serving.then(|| format!("/lines/{}/requests/{}", view.line, view.request.at));
    let decision = sight.view().decision(sight.view().fact(at)?);
    let shown = telling.words.shown(decision.outcome, sight.view().covered_for(sight.me(), &decision));
    Some(Found { href, rungs, shown, decided, view })
}

impl Desk {
    /// The latest rounds, the newest first.
    pub(super) async fn rounds_begun(&self, d: &Frame) -> Result<Vec<Begun>, Told> {
        let begun = |row: RoundRow| Begun {
            number: row.round,
            begun: d.day_and_clock(row.begun.0),
            subject: row.subject.map(|said| said.text).unwrap_or_default(),
            asks: row.lines,
            user: row.user,
        };
        Ok(self.api.rounds().await?.into_iter().map(begun).collect())
    }

    async fn asked(&self, line: LineId, key: Option<&EntryKey>) -> Result<Asked, Told> {
        let at = key.and_then(|key| Some((key.log.epoch.number, place(key)?)));
        let (epoch, at) = at.map_or((None, None), |(epoch, at)| (Some(epoch), Some(at)));
        let look = move |sight: &Sight<'_>| {
            let peer = sight.call_sign(Side::Theirs);
            Asked { line: sight.line.id().to_string(), peer, found: at.and_then(|at| found(sight, at)) }
        };
        self.api.see_in(line, epoch, look).await
    }
}

/// `GET /rounds/{round}`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed, Path(said): Path<String>) -> Response {
    let drawn = async {
        let position = desk.position(&who).await?;
        let round = desk.api.round(&said).await?;
        let about = desk.api.subject_of(&round).await?;
        let (subject, language) = about.map(|said| (said.text, said.language)).unwrap_or_default();
        let mut asks = Vec::new();
        for (line, key) in &round.asks {
            asks.push(desk.asked(LineId(*line), key.as_ref()).await?);
        }
        let all = desk.all_seen().await?;
        let mut d = Frame::new(&desk, &who, "lines", position)?;
        if let Some(found) = asks.iter().find_map(|asked| asked.found.as_ref()) {
            d.mark = found.view.mark.0;
        }
        d.four = Some(Four::of_all(d.words(), &all, desk.unread().len(), d.mark));
        let begun = d.day_and_clock(Timestamp(round.at));
        Ok::<_, Told>(page(StatusCode::OK, &RoundPage { d, round, subject, language, begun, asks }))
    };
    match drawn.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &Kept::default()).await,
    }
}
