//! The course of things: one sentence an entry, by whose statement, under call signs, so that both sides tell an entry alike. A
//! sentence says what the entry says and nothing of what was meant by it.

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::facts::{Fact, Standing};
use counterpart_core::record::codes::{CheckBy, Clause, Deadline, Instrument, LineState};
use counterpart_core::record::entry::Header;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;

use super::Sight;
use super::names::call_sign;
use super::request::posts;
use crate::words::Arg;

/// What goes into a sentence.
type Args = Vec<(&'static str, Arg<'static>)>;

impl Sight<'_> {
    /// What an entry says and whose statement it is, without its words; if it has none, that it is without effect.
    pub fn told(&self, entry: &Header) -> String {
        let mut sentence = match &entry.what {
            Ok(what) => self.statement(entry, what),
            Err(_) => self.say_of(entry, "course-unknown", vec![]),
        };
        let others = self.crossed_by(entry.at());
        if !others.is_empty() {
            let others = others.join(", ").into();
            sentence = self.telling.say("course-crosses", &[("sentence", sentence.into()), ("others", others)]);
        }
        if let Standing::Void(bar) = self.line.facts().standing(entry.at()) {
            let why = self.bar(&bar).why;
            sentence = self.telling.say("course-void", &[("sentence", sentence.into()), ("why", why.into())]);
        }
        sentence
    }

    /// What this entry is the first to show as held: the things and attempts of the other side that it gives DELIVERED.
    pub fn delivers(&self, at: EntryRef) -> Vec<&Fact> {
        let view = self.view();
        let climbs = [Kind::Ask, Kind::Renew, Kind::Offer, Kind::Ready, Kind::Text, Kind::Notice, Kind::Check];
        let theirs = (0..self.line.log(at.party.peer()).size()).map(|index| EntryRef { party: at.party.peer(), index });
        let facts = theirs.filter_map(|other| view.fact_of(other, &climbs));
        facts.filter(|fact| view.receipt(fact.at).is_some_and(|(by, _)| by == at)).collect()
    }

    /// The name of an entry; of a renewal that of its request too, which is what a reader has in mind.
    fn called(&self, at: EntryRef) -> String {
        let name = self.named(at).name;
        let request = self.view().request_of(at).filter(|request| request.at != at);
        let Some(request) = request else { return name };
        let args = [("request", self.named(request.at).name.into()), ("name", name.into())];
        self.telling.say("course-renewal", &args)
    }

    /// The other side's closing acts on the same thing of which the author of this closing act had not seen, nor the other of this.
    fn crossed_by(&self, at: EntryRef) -> Vec<String> {
        const CLOSING: [Kind; 5] = [Kind::Answer, Kind::Decline, Kind::Withdraw, Kind::Lapse, Kind::Accept];
        let view = self.view();
        let Some(act) = view.fact_of(at, &CLOSING) else { return Vec::new() };
        let others = view.thread(act.thing).filter(|f| CLOSING.contains(&f.kind()) && f.crosses(act));
        others.map(|f| self.named(f.at).name).collect()
    }

    fn say_of(&self, entry: &Header, id: &str, more: Args) -> String {
        let sign = |party: Party| Arg::from(call_sign(self.line, party).to_owned());
        let mut args: Args = vec![("sign", sign(entry.party)), ("peer", sign(entry.party.peer()))];
        args.extend(entry.refers.map(|at| ("on", self.called(at).into())));
        args.extend(more);
        self.telling.say(id, &args)
    }

    fn statement(&self, entry: &Header, what: &What) -> String {
        let say = |id: &str, more: Args| self.say_of(entry, id, more);
        let both = |time: Timestamp| Arg::from(self.telling.both(time));
        match what {
            What::Charter(_) => say("course-charter", vec![]),
            What::Received => {
                let names: Vec<String> = self.delivers(entry.at()).iter().map(|f| self.called(f.at)).collect();
                say("course-received", vec![("names", names.join(", ").into())])
            }
            What::State { state, until: None } => say("course-state", vec![("state", self.declared_as(*state))]),
            What::State { state, until: Some(until) } => {
                say("course-state-until", vec![("state", self.declared_as(*state)), ("time", both(*until))])
            }
            What::Check { by: CheckBy::Schedule } => say("course-check-schedule", vec![]),
            What::Check { by: CheckBy::Person } => say("course-check-person", vec![]),
            What::CheckReply => say("course-check-reply", vec![]),
            What::Overdue { clause } => say(overdue(*clause), vec![]),
            What::Ask { mode, .. } => {
                let mut args = self.addressed(entry);
                args.push(("mode", self.telling.words.mode(*mode).into()));
                let again = entry.refers.map(|_| "course-ask-again");
                say(again.unwrap_or("course-ask"), args)
            }
            What::Text => say("course-text", self.addressed(entry)),
            What::Alerting { channel } => {
                say("course-alerting", vec![("channel", self.telling.words.coded_in(*channel).into())])
            }
            What::Seen => say("course-seen", vec![("post", self.meant(entry))]),
            What::Referred => say("course-referred", vec![("post", self.meant(entry))]),
            What::Renew => say(self.renewal(entry), vec![]),
            What::Suspend => say("course-suspend", vec![]),
            What::Resume => say("course-resume", vec![]),
            What::Defer { .. } | What::Decline { .. } | What::Cancel { .. } | What::Offer { .. } => {
                self.with_code_or_times(entry, what)
            }
            What::Answer => say("course-answer", vec![]),
            What::Ready => say("course-ready", entry.deadline.map(|by| ("time", both(by))).into_iter().collect()),
            What::Accept { window: Some(window) } => {
                say("course-accept", vec![("window", self.telling.window(*window).into())])
            }
            What::Accept { window: None } => say("course-accept-ready", vec![]),
            What::Withdraw => say("course-withdraw", vec![]),
            What::Lapse { deadline } => say(lapse(*deadline), vec![]),
            What::Talk { when, instrument, .. } => {
                let window = self.telling.window(*when);
                say(talk(*instrument), vec![("window", window.into())])
            }
            What::Sheet { when, .. } => say("course-sheet", vec![("window", self.telling.window(*when).into())]),
            What::Missed => say("course-missed", vec![]),
            What::Joined { part } => {
                let part = self.telling.say("talk-part", &[("part", part.word().into())]);
                say("course-joined", vec![("part", part.into())])
            }
            What::Ended { by, reason } => {
                let by = ("by", Arg::from(call_sign(self.line, *by).to_owned()));
                say("course-ended", vec![by, ("reason", reason.word().into())])
            }
            What::Read => say("course-read", vec![]),
            What::Retract => say("course-retract", vec![]),
            What::Memo => say("course-memo", vec![]),
            other => say("course-other", vec![("kind", self.telling.words.coded_in(other.kind()).into())]),
        }
    }

    fn with_code_or_times(&self, entry: &Header, what: &What) -> String {
        let say = |id: &str, more: Args| self.say_of(entry, id, more);
        let code = |code| ("code", Arg::from(self.telling.words.code(code)));
        let both = |time: Timestamp| Arg::from(self.telling.both(time));
        match what {
            What::Defer { code: why, until: None } => say("course-defer", vec![code(*why)]),
            What::Defer { code: why, until: Some(until) } => {
                say("course-defer-until", vec![code(*why), ("until", both(*until))])
            }
            What::Decline { code: why } => say("course-decline", vec![code(*why)]),
            What::Cancel { code: why } => say("course-cancel", vec![code(*why)]),
            What::Offer { windows, on_silence, code: why } => {
                let windows: Vec<String> = windows.iter().map(|o| self.telling.offered(o.window, &o.zone)).collect();
                let silence = self.telling.words.silence(*on_silence);
                let mut args = vec![("windows", windows.join("; ").into()), ("silence", silence.into())];
                args.extend(entry.deadline.map(|by| ("time", both(by))));
                args.extend(why.map(code));
                say(if why.is_some() { "course-offer-why" } else { "course-offer" }, args)
            }
            other => say("course-other", vec![("kind", self.telling.words.coded_in(other.kind()).into())]),
        }
    }

    fn addressed(&self, entry: &Header) -> Args {
        let post = |post: &Option<counterpart_core::ids::PostId>| {
            Arg::from(post.as_ref().map(|p| p.to_string()).unwrap_or_default())
        };
        let precedence = entry.precedence.map_or_else(String::new, |p| self.telling.words.coded_in(p));
        vec![("from", post(&entry.from)), ("to", post(&entry.to)), ("precedence", precedence.into())]
    }

    /// The post of the author's side for whom the request of this entry is meant.
    fn meant(&self, entry: &Header) -> Arg<'static> {
        let view = self.view();
        let named = entry.refers.and_then(|at| view.fact(at));
        let request = named.and_then(|fact| view.fact_of(fact.thing, &[Kind::Ask]));
        let (from, to) = request.map(posts).unwrap_or_default();
        let is_owner = request.is_some_and(|r| r.at.party == entry.party);
        // Of what is not held here no post is known.
        match (request, is_owner) {
            (None, _) => "none".into(),
            (Some(_), true) => from.into(),
            (Some(_), false) => to.into(),
        }
    }

    /// A renewal sooner than the charter's pace is no attempt.
    fn renewal(&self, entry: &Header) -> &'static str {
        let view = self.view();
        let request = view.request_of(entry.at());
        let counts = request.is_some_and(|r| view.attempts(r).iter().any(|a| a.at == entry.at()));
        if counts { "course-renew" } else { "course-renew-early" }
    }

    fn declared_as(&self, state: LineState) -> Arg<'static> {
        self.telling.words.state(state).into()
    }
}

fn overdue(clause: Clause) -> &'static str {
    match clause {
        Clause::Station => "course-overdue-station",
        Clause::Watch => "course-overdue-watch",
        Clause::Principal => "course-overdue-principal",
    }
}

fn lapse(deadline: Deadline) -> &'static str {
    match deadline {
        Deadline::ValidUntil => "course-lapse-valid-until",
        Deadline::AnswerBy => "course-lapse-answer-by",
        Deadline::Recall => "course-lapse-recall",
    }
}

fn talk(instrument: Instrument) -> &'static str {
    match instrument {
        Instrument::Telephone => "course-talk-telephone",
        Instrument::InPerson => "course-talk-in-person",
        Instrument::Video => "course-talk-video",
        Instrument::Writing => "course-talk-writing",
        Instrument::Other => "course-talk-other",
    }
}
