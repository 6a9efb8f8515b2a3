//! A request in plain words: an opening of at most twelve rows to copy and print (DESIGN.md §8): asked, reached, owed by whom until
//! when, what is not known.

use counterpart_core::ids::EntryRef;
use counterpart_core::line::crossing::{Decision, Outcome, Say};
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::{Headline, Rung};
use counterpart_core::line::talk::{TalkState, Word};
use counterpart_core::record::codes::{Clause, Code};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;

use super::Sight;
use super::attempts::clause_number;
use super::request::{PLAIN_ROWS_MAX, posts};
use super::restore::counts_by_them;
use super::text;
use crate::words::Arg;

/// A subject is one line of this many characters at most; the whole stands in the view.
const SUBJECT_MAX: usize = 160;

/// Lines with the rank by which they leave the opening when it is too long: 0 never.
struct Lines(Vec<(u8, String)>);

impl Lines {
    fn put(&mut self, rank: u8, line: String) {
        self.0.push((rank, line));
    }

    /// What opens the request on a terminal, and what is told after the ladder because the opening has no room for it.
    fn parted(self) -> [Vec<String>; 2] {
        let rows = |line: &str| text::plain(line).len();
        let mut total: usize = self.0.iter().map(|(_, line)| rows(line)).sum();
        let mut opening: Vec<(usize, (u8, String))> = self.0.into_iter().enumerate().collect();
        let mut later = Vec::new();
        while total > PLAIN_ROWS_MAX {
            // The last of the highest rank leaves first.
            let leaves = opening.iter().enumerate().filter(|(_, (_, (rank, _)))| *rank > 0);
            let Some((place, _)) = leaves.max_by_key(|(place, (_, (rank, _)))| (*rank, *place)) else { break };
            let left = opening.remove(place);
            total -= rows(&left.1.1);
            later.push(left);
        }
        later.sort_by_key(|(at, _)| *at);
        [opening, later].map(|lines| lines.into_iter().map(|(_, (_, line))| line).collect())
    }
}

impl<'a> Sight<'a> {
    pub(super) fn say(&self, id: &str, args: &[(&'static str, Arg<'_>)]) -> String {
        self.telling.say(id, args)
    }

    fn both(&self, time: Timestamp) -> Arg<'static> {
        self.telling.both(time).into()
    }

    fn name(&self, at: EntryRef) -> Arg<'static> {
        self.named(at).name.into()
    }

    pub(super) fn whose(&self, fact: &Fact) -> Arg<'static> {
        self.side(fact.at.party).word().into()
    }

    pub(super) fn with_code(&self, code: Code) -> Arg<'static> {
        self.telling.words.code(code).into()
    }

    pub(super) fn open_offers(&self, request: &Fact) -> Vec<&'a Fact> {
        let view = self.view();
        let offers = view.thread(request.at).filter(|f| matches!(f.kind(), Kind::Offer | Kind::Ready));
        offers.filter(|o| view.decision(o).outcome == Outcome::Open).collect()
    }

    /// The opening, in at most [`PLAIN_ROWS_MAX`] rows of a terminal, and what it has no room for.
    pub fn plain_lines(&self, request: &'a Fact) -> [Vec<String>; 2] {
        let mut lines = Lines(Vec::new());
        lines.put(0, self.headline(request));
        self.lines_asked(request, &mut lines);
        self.lines_attempts(request, &mut lines);
        self.lines_offers(request, &mut lines);
        self.lines_decided(request, &mut lines);
        if let Some(by) = self.view().line_closed() {
            lines.put(0, self.say("line-closed", &[("name", self.name(by))]));
        }
        for (n, owed) in self.owed(request).into_iter().enumerate() {
            lines.put(if n == 0 { 0 } else { n.min(3) as u8 + 1 }, owed.sentence);
        }
        for (n, line) in self.unknowns(request).into_iter().enumerate() {
            lines.put(n.min(4) as u8 + 1, line);
        }
        lines.parted()
    }

    /// What the record does not say, a sentence each.
    pub fn unknowns(&self, request: &'a Fact) -> Vec<String> {
        let (from, to) = posts(request);
        let (ours, last) = (request.at.party == self.me(), self.view().attempts(request).pop().unwrap_or(request));
        let about = [("post", (if ours { to } else { from }).into()), ("time", self.both(last.time))];
        let mut all: Vec<String> = self.not_known(request).into_iter().map(|id| self.say(id, &about)).collect();
        all.extend(self.unanswered(request).map(|offer| self.say("unknown-why-offer", &[("offer", self.name(offer))])));
        all
    }

    fn lines_asked(&self, request: &'a Fact, lines: &mut Lines) {
        let view = self.view();
        let (from, to) = posts(request);
        let What::Ask { mode, .. } = request.what else { return };
        let asked = [
            ("side", self.whose(request)),
            ("from", from.into()),
            ("to", to.into()),
            ("mode", self.telling.words.mode(mode).into()),
            ("name", self.name(request.at)),
            ("precedence", self.telling.words.coded_in(view.precedence(request)).into()),
            ("time", self.both(request.time)),
        ];
        lines.put(0, self.say("plain-asked", &asked));
        if let Some(said) = self.said(request.at) {
            let mut subject: String = said.text.chars().take(SUBJECT_MAX).collect();
            if subject.len() < said.text.len() {
                subject.push('…');
            }
            lines.put(2, self.say("plain-subject", &[("subject", subject.into())]));
        }
        if let Some(again) = request.refers {
            lines.put(4, self.say("plain-again", &[("name", self.name(again))]));
        }
        if let Some(partner) = view.partner(request.at) {
            lines.put(3, self.say("plain-concerted", &[("name", self.name(partner.at))]));
        }
        if let Some(until) = view.deadline(request, u64::MAX) {
            let is_open = view.decision(request).outcome == Outcome::Open;
            let id = if is_open { "plain-valid-until" } else { "plain-was-valid-until" };
            lines.put(2, self.say(id, &[("time", self.both(until))]));
        }
    }

    fn lines_attempts(&self, request: &'a Fact, lines: &mut Lines) {
        let view = self.view();
        let attempts = view.attempts(request);
        if let [_, .., last] = attempts.as_slice() {
            let count = attempts.len() - 1;
            let open = view.decision(request).outcome == Outcome::Open;
            let id = if open { "plain-renewed" } else { "plain-renewed-closed" };
            let args = [("count", count.into()), ("time", self.both(last.time)), ("name", self.name(last.at))];
            lines.put(2, self.say(id, &args));
        }
        if let Some(early) = view.renewed_early(request).filter(|_| view.decision(request).outcome == Outcome::Open) {
            let from = ("from", self.both(view.next_attempt(request)));
            lines.put(3, self.say("plain-renewed-early", &[("name", self.name(early.at)), from]));
        }
        if let Headline::Open { reached, earlier: Some(earlier), .. } = view.headline(request)
            && earlier.rung > reached.rung
        {
            let rung = ("rung", self.telling.words.coded_in(earlier.rung).into());
            let args = [rung, ("time", self.both(earlier.time)), ("name", self.name(earlier.by))];
            lines.put(3, self.say("plain-earlier", &args));
        }
        let defers = view.thread(request.at).filter(|f| f.kind() == Kind::Defer);
        if let Some((fact, What::Defer { code, until })) = defers.last().map(|f| (f, &f.what)) {
            let mut args = vec![("side", self.whose(fact)), ("time", self.both(fact.time))];
            args.extend([("code", self.with_code(*code)), ("name", self.name(fact.at))]);
            let line = match until {
                None => self.say("plain-deferred", &args),
                Some(until) => {
                    args.push(("until", self.both(*until)));
                    self.say("plain-deferred-until", &args)
                }
            };
            lines.put(2, line);
        }
        let overdue = view.thread(request.at).filter(|f| f.kind() == Kind::Overdue);
        if let Some((fact, What::Overdue { clause })) = overdue.last().map(|f| (f, &f.what)) {
            let clause_number = ("clause", Arg::from(clause_number(*clause)));
            let args = [("name", self.name(fact.at)), ("time", self.both(fact.time)), clause_number];
            lines.put(3, self.telling.words.overdue(*clause, &args));
        }
        if let Some(by) = view.suspended(request) {
            lines.put(3, self.say("plain-suspended", &[("side", self.whose(request)), ("name", self.name(by))]));
        }
    }

    /// The open offers, and the last that ended.
    fn lines_offers(&self, request: &'a Fact, lines: &mut Lines) {
        let view = self.view();
        for offer in self.open_offers(request) {
            let line = match (&offer.what, offer.deadline) {
                (What::Offer { windows, .. }, _) => {
                    let told: Vec<String> = windows.iter().map(|o| self.telling.offered(o.window, &o.zone)).collect();
                    let args = [("name", self.name(offer.at)), ("windows", told.join("; ").into())];
                    self.say("plain-offer-open", &args)
                }
                (_, Some(until)) => {
                    self.say("plain-ready-open", &[("name", self.name(offer.at)), ("until", self.both(until))])
                }
                (_, None) => continue,
            };
            lines.put(2, line);
        }
        let offers = view.thread(request.at).filter(|f| matches!(f.kind(), Kind::Offer | Kind::Ready));
        let ended = offers.map(|o| (o, view.decision(o))).filter(|(_, d)| d.outcome != Outcome::Open).last();
        let Some((offer, decision)) = ended else { return };
        let id = match decision.outcome {
            Outcome::Said(Say::Lapsed) => "plain-offer-lapsed",
            Outcome::Said(Say::Withdrawn) => "plain-offer-withdrawn",
            Outcome::Said(Say::Declined) => "plain-offer-declined",
            Outcome::Crossed => "plain-offer-crossed",
            Outcome::Open | Outcome::BrokenOff | Outcome::Said(Say::Agreed(_) | Say::Answered) => return,
        };
        let time = decision.deciding.first().and_then(|at| view.fact(*at)).map_or(offer.time, |f| f.time);
        let by: Vec<String> = decision.deciding.iter().map(|at| self.named(*at).name).collect();
        let args = [("name", self.name(offer.at)), ("time", self.both(time)), ("by", by.join(", ").into())];
        lines.put(3, self.say(id, &args));
    }

    fn lines_decided(&self, request: &'a Fact, lines: &mut Lines) {
        let view = self.view();
        let decision = view.decision(request);
        let acts: Vec<&Fact> = decision.deciding.iter().filter_map(|at| view.fact(*at)).collect();
        for act in &acts {
            let held = act.at.party != self.me() || view.receipt(act.at).is_some();
            let id = if held { "plain-decided" } else { "plain-decided-unheld" };
            let args = [("act", self.act(act).into()), ("name", self.name(act.at)), ("time", self.both(act.time))];
            lines.put(2, self.say(id, &args));
        }
        if decision.outcome != Outcome::Open {
            self.unsettled_because().into_iter().for_each(|sentence| lines.put(1, sentence));
        }
        if let (Outcome::Crossed, [first, second]) = (decision.outcome, acts.as_slice()) {
            let args = [("first", self.name(first.at)), ("second", self.name(second.at))];
            lines.put(2, self.say("plain-crossed", &args));
        }
        let theirs: Vec<String> = view
            .thread(request.at)
            .filter(|fact| counts_by_them(self, fact.at))
            .map(|fact| self.named(fact.at).name)
            .collect();
        if !theirs.is_empty() {
            lines.put(2, self.say("plain-by-charter", &[("names", theirs.join(", ").into())]));
        }
        for act in self.talk_acts(&view.talk(request)) {
            let args =
                [("word", self.said_of_talk(act).into()), ("name", self.name(act.at)), ("time", self.both(act.time))];
            lines.put(2, self.say("plain-talk", &args));
        }
        let beside = view.thread(request.at).filter(|f| acts.iter().any(|act| act.crosses(f)));
        if let Some(fact) = beside.filter(|f| !decision.deciding.contains(&f.at)).last() {
            let args = [("name", self.name(fact.at)), ("act", self.telling.words.coded_in(fact.kind()).into())];
            lines.put(4, self.say("plain-beside", &args));
        }
    }

    fn act(&self, act: &Fact) -> String {
        let id = match act.what {
            What::Answer => "act-answer",
            What::Accept { .. } => "act-accept",
            What::Decline { .. } => "act-decline",
            What::Withdraw => "act-withdraw",
            _ => "act-lapse",
        };
        self.say(id, &[])
    }

    /// The last offer, if it lapsed and nothing was agreed since: the record does not say why.
    fn unanswered(&self, request: &'a Fact) -> Option<EntryRef> {
        let view = self.view();
        let last = view.thread(request.at).filter(|f| f.kind() == Kind::Offer).last()?;
        let lapsed = view.decision(last).outcome == Outcome::Said(Say::Lapsed);
        (lapsed && !view.decision(request).outcome.agreed()).then_some(last.at)
    }

    /// What of theirs could cross an act of ours that they are not known to hold.
    fn meanwhile(&self, decision: &Decision) -> &'static str {
        let mut ours = decision.deciding.iter().filter(|at| at.party == self.me());
        let took_back = ours.any(|at| {
            let kind = self.view().fact(*at).map(Fact::kind);
            matches!(kind, Some(Kind::Withdraw | Kind::Lapse))
        });
        if took_back { "unknown-meanwhile-own" } else { "unknown-meanwhile" }
    }

    /// What the record does not say: never nothing while no outcome stands.
    fn not_known(&self, request: &'a Fact) -> Vec<&'static str> {
        let view = self.view();
        let decision = view.decision(request);
        let ours = request.at.party == self.me();
        if decision.outcome != Outcome::Open {
            let talk = view.talk(request).state;
            return match talk {
                _ if !view.settled_for(self.me(), &decision) => vec![self.meanwhile(&decision)],
                TalkState::Stated => vec!["unknown-talked"],
                TalkState::Crossed if view.talk(request).words.contains(&Word::Talked) => vec!["unknown-talked"],
                TalkState::Talked => vec!["unknown-said"],
                TalkState::Planned => vec!["unknown-come"],
                TalkState::Joined => vec!["unknown-over"],
                _ => Vec::new(),
            };
        }
        let Headline::Open { reached, .. } = view.headline(request) else { return Vec::new() };
        if !ours {
            return vec!["unknown-still"];
        }
        let mut unknown = match reached.rung {
            Rung::Sent => vec!["unknown-held"],
            Rung::Delivered => vec!["unknown-rings"],
            Rung::Alerting => vec!["unknown-attended"],
            Rung::Seen | Rung::Referred => vec!["unknown-told"],
        };
        let latest = view.attempts(request).pop().map(|a| a.at);
        let watch = |f: &Fact| f.what == What::Overdue { clause: Clause::Watch } && f.refers == latest;
        let late = view.thread(request.at).any(watch);
        if late && reached.rung < Rung::Seen {
            unknown.push("unknown-why");
        }
        let open_ended = |f: &Fact| matches!(f.what, What::Defer { until: None, .. });
        if view.thread(request.at).filter(|f| f.kind() == Kind::Defer).last().is_some_and(open_ended) {
            unknown.push("unknown-until");
        }
        unknown
    }
}
