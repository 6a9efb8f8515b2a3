//! What rings, as a bell or a page says it. A function of the record: whoever rings looks at what stands.

use counterpart_core::ids::EntryRef;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ringing::{Ring, rings};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{Clause, Code};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;
use serde::{Deserialize, Serialize};

use super::broken::write_tally;
use super::request::posts;
use super::{ByWord, Moment, Named, Said, Side, Sight};
use crate::words::Arg;

/// Characters of words that are told with a ring; the whole stands in the record. A bell is told of everything that rings at
/// once, and must not be made to choke on it.
pub const SAID_MAX: usize = 400;
/// Texts and notices of one line that ring at one time. When one has been read the next takes its place.
pub const TEXTS_MAX: usize = 32;

/// Something of theirs that nobody here has seen or taken note of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RingView {
    /// The attempt, text, check or act that rings; the state by which they closed the line; or the charter of the epoch that serves:
    /// something broke off before.
    pub entry: Named,
    /// The request it belongs to; itself for what belongs to none.
    pub thing: Named,
    /// Its type.
    pub kind: String,
    /// How urgent.
    pub precedence: ByWord<Precedence>,
    /// What for.
    pub mark: ByWord<Mark>,
    /// Rings softly: a check.
    pub soft: bool,
    /// Whether a channel's confirmation becomes an `alerting`.
    pub climbs: bool,
    /// It tells what they did, or that we are late: it rings until a person here acts on the request or takes note. On a closed line
    /// everything that rings does, and only taking note ends it.
    pub tells: bool,
    /// Rings once: a channel that has rung says so, and it stops.
    pub briefly: bool,
    /// Who wants what, as a sentence.
    pub sentence: String,
    /// When, by their clock.
    pub time: Moment,
    /// That in both local times, as a sentence.
    pub since: String,
    /// For what rings until somebody takes note: a sentence that says how.
    pub until: Option<String>,
    /// For what broke off: what its list is known by. Whoever takes note names it.
    pub tally: Option<String>,
    /// For what is not meant: a sentence that says so.
    pub not_meant: Option<String>,
    /// The words of what rings, or of its request: their beginning, at most [`SAID_MAX`] characters.
    pub said: Option<Said>,
}

/// Everything that rings here at present, but no more than [`TEXTS_MAX`] texts: attempts are bounded by the rules, and texts are
/// not.
pub fn ringing(sight: &Sight<'_>) -> Vec<RingView> {
    waiting(sight).iter().filter_map(|ring| sight.ring(ring)).collect()
}

/// What of it is told.
pub(crate) fn waiting(sight: &Sight<'_>) -> Vec<Ring> {
    let serves = sight.epoch == sight.line.epoch();
    told(if serves { sight.line.rings() } else { rings(&sight.view(), sight.me()) })
}

/// What is told of all that rings on a line: of texts the most urgent, and of those the oldest.
pub fn told(rings: Vec<Ring>) -> Vec<Ring> {
    let is_text = |ring: &Ring| matches!(ring.kind, Kind::Text | Kind::Notice);
    let (mut texts, mut others): (Vec<Ring>, Vec<Ring>) = rings.into_iter().partition(is_text);
    texts.sort_by_key(|ring| (std::cmp::Reverse(ring.precedence), ring.at));
    texts.truncate(TEXTS_MAX);
    others.append(&mut texts);
    others.sort();
    others
}

/// Acts on a request that are told.
fn is_act(kind: Kind) -> bool {
    matches!(kind, Kind::Answer | Kind::Decline | Kind::Accept | Kind::Cancel | Kind::Defer | Kind::Overdue)
}

/// The beginning of words.
fn beginning(said: Said) -> Said {
    match said.text.char_indices().nth(SAID_MAX) {
        Some((end, _)) => Said { text: format!("{}…", said.text.get(..end).unwrap_or_default()), ..said },
        None => said,
    }
}

impl Sight<'_> {
    /// One ring; `None` if it does not belong to this line's record.
    pub fn ring(&self, ring: &Ring) -> Option<RingView> {
        let view = self.view();
        let (rung, thing) = (view.fact(ring.at)?, view.fact(ring.thing)?);
        let words = self.telling.words;
        Some(RingView {
            entry: self.named(ring.at),
            thing: self.named(ring.thing),
            kind: ring.kind.word().into(),
            precedence: ByWord(ring.precedence),
            mark: ByWord(ring.mark),
            soft: ring.kind == Kind::Check,
            climbs: ring.climbs,
            tells: ring.tells,
            briefly: ring.briefly(),
            sentence: words.marked(ring.mark, self.ring_sentence(ring, thing)),
            time: Moment(rung.time),
            since: self.telling.say("ring-since", &[("time", self.telling.both(rung.time).into())]),
            until: self.until(ring),
            tally: self.tally(ring),
            not_meant: match ring.mark {
                Mark::Operation => None,
                Mark::Exercise => Some(words.say("ring-exercise", &[])),
                Mark::Test => Some(words.say("ring-test", &[])),
            },
            said: self.said(ring.at).or_else(|| if ring.tells { None } else { self.said(ring.thing) }).map(beginning),
        })
    }

    /// What ends a ring that tells something: of what broke off, and on a closed line, only a person's taking note.
    fn until(&self, ring: &Ring) -> Option<String> {
        let at = ("at", Arg::from(ring.at.to_string()));
        match self.tally(ring) {
            Some(tally) => Some(self.telling.say("ring-until-noted", &[at, ("tally", tally.into())])),
            None if !ring.tells || ring.briefly() => None,
            None if self.view().line_closed().is_some() => Some(self.telling.say("ring-until-closed", &[at])),
            None => Some(self.telling.say("ring-until", &[at])),
        }
    }

    fn tally(&self, ring: &Ring) -> Option<String> {
        self.line.tally().filter(|_| ring.kind == Kind::Charter).map(write_tally)
    }

    /// Who wants what, in so few words that they are read at once: by call sign, and without what stands beside it.
    pub fn ring_headline(&self, ring: &Ring) -> String {
        let peer = self.call_sign(Side::Theirs);
        let id = match ring.kind {
            Kind::Charter => return self.epoch_rings(ring.at),
            kind if is_act(kind) => return self.act_by(ring.at, ring.thing, peer.into()),
            kind => sentences(kind).headline,
        };
        self.telling.say(id, &[("peer", peer.into()), ("name", self.named(ring.thing).name.into())])
    }

    /// What they did on a request, or that we are late with one.
    pub(super) fn act_sentence(&self, at: EntryRef, thing: EntryRef) -> String {
        let peer = self.line.charter().party(self.me().peer()).name.clone();
        self.act_by(at, thing, peer.into())
    }

    /// The same, with what they are called.
    fn act_by(&self, at: EntryRef, thing: EntryRef, peer: Arg<'static>) -> String {
        let view = self.view();
        let act = view.fact(at);
        // What is cancelled is the talk of the request, by whatever act that was agreed.
        let named = act.filter(|act| act.kind() != Kind::Cancel).and_then(|act| act.refers);
        let on = named.unwrap_or(thing);
        // A renewal is called by the request that it stands for.
        let on = view.request_of(on).map_or(on, |request| request.at);
        let mut args = vec![("peer", peer), ("name", Arg::from(self.named(on).name))];
        let mut code = |code: Code| args.push(("code", self.telling.words.code(code).into()));
        let id = match act.map(|act| &act.what) {
            Some(What::Answer) => "ring-answer",
            Some(What::Decline { code: said }) => {
                code(*said);
                "ring-decline"
            }
            Some(What::Cancel { code: said }) => {
                code(*said);
                "ring-cancel"
            }
            Some(What::Defer { code: said, until }) => {
                code(*said);
                args.extend(until.map(|until| ("until", self.telling.both(until).into())));
                if until.is_some() { "ring-defer-until" } else { "ring-defer" }
            }
            Some(What::Accept { window: Some(window) }) => {
                args.push(("window", self.telling.window(*window).into()));
                "ring-accept"
            }
            Some(What::Accept { window: None }) => "ring-come",
            Some(What::Overdue { clause }) => match clause {
                Clause::Station => "ring-overdue-station",
                Clause::Watch => "ring-overdue-watch",
                Clause::Principal => "ring-overdue-principal",
            },
            _ => "ring-ask",
        };
        let told = self.telling.say(id, &args);
        match act.is_some_and(|act| self.is_crossed(act)) {
            true => self.telling.say("ring-crossed", &[("told", told.into())]),
            false => told,
        }
    }

    /// Whether an act that closes decides nothing by itself: it crossed one of the other side, on its offer or on the request.
    fn is_crossed(&self, act: &Fact) -> bool {
        let view = self.view();
        let things = [act.refers.and_then(|at| view.fact(at)), view.fact_of(act.thing, &[Kind::Ask])];
        things.into_iter().flatten().any(|thing| {
            let decision = view.decision(thing);
            decision.outcome == Outcome::Crossed && decision.deciding.contains(&act.at)
        })
    }

    fn ring_sentence(&self, ring: &Ring, thing: &Fact) -> String {
        let id = match ring.kind {
            Kind::Charter => return self.epoch_rings(ring.at),
            kind if is_act(kind) => return self.act_sentence(ring.at, ring.thing),
            kind => sentences(kind).whole,
        };
        let (from, to) = posts(thing);
        let peer = Arg::from(self.line.charter().party(self.me().peer()).name.clone());
        let name = Arg::from(self.named(ring.thing).name);
        self.telling.say(id, &[("peer", peer), ("from", from.into()), ("to", to.into()), ("name", name)])
    }
}

/// How something of theirs rings that tells of no act.
struct Sentences {
    /// By call sign, to be read at once.
    headline: &'static str,
    /// With the organisation and both posts.
    whole: &'static str,
}

fn sentences(kind: Kind) -> Sentences {
    let (headline, whole) = match kind {
        Kind::Renew => ("ring-head-renew", "ring-renew"),
        Kind::Offer => ("ring-offer", "ring-offer"),
        Kind::Ready => ("ring-ready", "ring-ready"),
        Kind::Text => ("ring-head-text", "ring-text"),
        Kind::Notice => ("ring-head-notice", "ring-notice"),
        Kind::Check => ("ring-check", "ring-check"),
        Kind::State => ("ring-closed", "ring-closed"),
        _ => ("ring-head-ask", "ring-ask"),
    };
    Sentences { headline, whole }
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::{Act, Target};
    use counterpart_core::ids::EntryRef;
    use counterpart_core::ids::Party::{Inviter, Joiner};

    use super::*;
    use crate::view::trial::Trial;

    /// How an act of theirs is told here, ringing or not.
    fn told(trial: &Trial, at: EntryRef, thing: EntryRef) -> String {
        let (precedence, mark) = (Precedence::Immediate, Mark::Operation);
        trial.look(Inviter, |sight| {
            let kind = sight.view().fact(at).unwrap().kind();
            sight.ring(&Ring { at, thing, kind, precedence, mark, climbs: false, tells: true }).unwrap().sentence
        })
    }

    #[test]
    fn an_answer_that_crossed_a_withdrawal_rings_as_what_agrees_nothing() {
        let mut trial = Trial::new();
        let [plain, crossed] = [trial.ask(Inviter), trial.ask(Inviter)];
        trial.carry();
        trial.act(Inviter, Act::Withdraw { thing: crossed });
        let answers = [plain, crossed].map(|ask| trial.act(Joiner, Act::Answer { on: Target::Latest(ask) }));
        trial.carry();

        assert!(!told(&trial, answers[0], plain).contains("crossed"));
        let told = told(&trial, answers[1], crossed);
        assert!(told.ends_with("It crossed an act of ours: nothing is agreed by it."), "{told}");
    }

    #[test]
    fn a_deferral_rings_with_the_time_until_which_it_is() {
        let mut trial = Trial::new();
        let [open, timed] = [trial.ask(Inviter), trial.ask(Inviter)];
        trial.carry();
        let until = trial.now.plus(3 * 3_600_000);
        let defers = [(open, None), (timed, Some(until))].map(|(ask, until)| trial.defer(ask, until));
        trial.carry();

        assert!(!told(&trial, defers[0], open).contains("until"));
        let (told, until) = (told(&trial, defers[1], timed), trial.look(Inviter, |s| s.telling.both(until)));
        assert!(told.ends_with(&format!("TRAVELLING (on a journey), until {until}.")), "{told}");
    }

    #[test]
    fn a_talk_that_they_cancel_rings_by_the_name_of_its_request_with_the_code() {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        trial.act(Joiner, Act::Answer { on: Target::Latest(ask) });
        trial.carry();
        trial.act(Joiner, Act::Cancel { request: ask, code: Code::Travelling });
        trial.carry();

        let rings = trial.look(Inviter, ringing);
        let ring = rings.iter().find(|ring| ring.kind == "cancel").unwrap();
        assert!(ring.tells && !ring.briefly && ring.until.is_some(), "{ring:?}");
        let name = trial.look(Inviter, |sight| sight.named(ask).name);
        assert!(
            ring.sentence.ends_with(&format!("cancels the talk of {name}: TRAVELLING (on a journey).")),
            "{ring:?}"
        );
    }
}
