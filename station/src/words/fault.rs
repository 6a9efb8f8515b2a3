//! Why an act is not done, why an entry is void, and what a peer did that the protocol forbids.

use counterpart_core::fault::{Bar, Misconduct, Refusal};
use counterpart_core::ids::EntryRef;
use counterpart_core::limits;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::Fact;
use counterpart_core::record::codes::Deadline;
use counterpart_core::record::kind::Kind;
use serde::{Deserialize, Serialize};

use super::Arg;
use crate::view::{Named, Side, Sight};

/// Which fact decided, and what may be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Why {
    /// Stable, for programs: the name of the sentence.
    pub code: String,
    /// The entry that decided, if one did.
    pub fact: Option<Named>,
    /// Which fact decided.
    pub why: String,
    /// What may be done.
    pub instead: String,
}

/// Whoever joined does not say that the other side did not come.
pub const HAS_JOINED: &str = "bar-has-joined";

impl Sight<'_> {
    /// Why it is not said that they did not come: this side joined by that entry.
    pub fn has_joined(&self, joined: EntryRef) -> Why {
        self.why(HAS_JOINED, Some(self.named(joined)), &[])
    }

    /// Why an act is not done.
    pub fn refusal(&self, refusal: &Refusal) -> Why {
        let too_early = |deadline: Deadline| match deadline {
            Deadline::ValidUntil => "refusal-too-early-valid-until",
            Deadline::AnswerBy => "refusal-too-early-answer-by",
            Deadline::Recall => "refusal-too-early-recall",
        };
        let time = |time| vec![("time", Arg::from(self.telling.both(time)))];
        let (id, args) = match refusal {
            Refusal::Barred(bar) => return self.bar(bar),
            Refusal::InThePast(at) => ("refusal-in-the-past", time(*at)),
            Refusal::AfterWindows(end) => ("refusal-after-windows", time(*end)),
            Refusal::TooEarly(deadline, at) => (too_early(*deadline), time(*at)),
            Refusal::NotEven => ("refusal-not-even", vec![]),
            Refusal::TooLong(_) => ("refusal-too-long", vec![("max", Arg::from(limits::BODY_CONTENT_MAX))]),
            Refusal::LineNotOpen => ("refusal-line-not-open", vec![]),
            Refusal::Restored => ("refusal-restored", vec![]),
            Refusal::LacksRules(version) => ("refusal-lacks-rules", vec![("version", (*version).into())]),
            Refusal::EpochEnded => ("refusal-epoch-ended", vec![]),
            Refusal::MoreBrokeOff => ("refusal-more-broke-off", vec![]),
            Refusal::KeyNotHeld => ("refusal-key-not-held", vec![]),
            Refusal::AwaitsPeer => ("refusal-awaits-peer", vec![]),
            Refusal::AwaitsJudgement => ("refusal-awaits-judgement", vec![]),
            Refusal::PartNotWaiting => ("refusal-part-not-waiting", vec![]),
            Refusal::PartsConflict => ("refusal-parts-conflict", vec![]),
            Refusal::NotRoot => ("refusal-not-root", vec![]),
            Refusal::TooManyEpochs => ("refusal-too-many-epochs", vec![("max", Arg::from(limits::EPOCHS_OPENED_MAX))]),
            Refusal::UnknownLine => ("refusal-unknown-line", vec![]),
        };
        self.why(id, None, &args)
    }

    /// What bars an act, or made an entry void.
    pub fn bar(&self, bar: &Bar) -> Why {
        let mut args = Vec::new();
        let (id, fact) = match bar {
            Bar::NoSuchThing => ("bar-no-such-thing", None),
            Bar::Closed { thing, by } => {
                args.push(("thing", Arg::from(self.named(*thing).name)));
                args.push(("other", self.crossed_with(*thing, *by)));
                ("bar-closed", Some(*by))
            }
            Bar::StillOpen(at) => ("bar-still-open", Some(*at)),
            Bar::NotOwner(at) => {
                args.push(("of", self.sort(*at)));
                ("bar-not-owner", Some(*at))
            }
            Bar::OwnThing(at) => {
                args.push(("of", self.sort(*at)));
                ("bar-own-thing", Some(*at))
            }
            Bar::Already(at) => ("bar-already", Some(*at)),
            Bar::TooManyOpen => {
                args.push(("max", Arg::from(limits::OPEN_ASKS_MAX)));
                ("bar-too-many-open", None)
            }
            Bar::TooMany(at) => {
                args.push(("max", Arg::from(limits::REQUEST_ENTRIES_MAX)));
                ("bar-too-many", Some(*at))
            }
            Bar::OfferOpen(at) => ("bar-offer-open", Some(*at)),
            Bar::NotSuspended => ("bar-not-suspended", None),
            Bar::Met => ("bar-met", None),
            Bar::NotOffered => ("bar-not-offered", None),
            Bar::WindowMismatch => ("bar-window-mismatch", None),
            Bar::Unsettled => ("bar-unsettled", None),
            Bar::NoTalk => ("bar-no-talk", None),
            Bar::WordSaid(at) => ("bar-word-said", Some(*at)),
            Bar::TheirWord(at) => ("bar-their-word", Some(*at)),
            Bar::BeforeStart(time) => {
                args.push(("time", Arg::from(self.telling.both(*time))));
                ("bar-before-start", None)
            }
            Bar::NotJoined => ("bar-not-joined", None),
            Bar::Retracted(at) => ("bar-retracted", Some(*at)),
            Bar::LineClosed(at) => ("bar-line-closed", Some(*at)),
            Bar::UnknownPost => {
                args.push(("ours", self.posts(Side::Ours)));
                args.push(("theirs", self.posts(Side::Theirs)));
                ("bar-unknown-post", None)
            }
            Bar::PrecedenceTooHigh => ("bar-precedence-too-high", None),
            Bar::NothingNew => ("bar-nothing-new", None),
            Bar::NotAtIndexZero => ("bar-not-at-index-zero", None),
            Bar::AmendMismatch => ("bar-amend-mismatch", None),
            Bar::Malformed(kind) => {
                args.push(("kind", Arg::from(self.telling.words.coded_in(*kind))));
                ("bar-malformed", None)
            }
        };
        self.why(id, fact.map(|at| self.named(at)), &args)
    }

    /// The act that crossed the one which closed a thing; "none" where none did.
    fn crossed_with(&self, thing: EntryRef, by: EntryRef) -> Arg<'static> {
        let decision = self.view().fact(thing).map(|thing| self.view().decision(thing));
        let crossed = decision.filter(|decision| decision.outcome == Outcome::Crossed);
        let other = crossed.and_then(|decision| decision.deciding.iter().copied().find(|act| *act != by));
        other.map_or_else(|| "none".to_owned(), |at| self.named(at).name).into()
    }

    /// What was acted on, as far as it differs what can be done instead.
    fn sort(&self, thing: EntryRef) -> Arg<'static> {
        match self.view().fact(thing).map(Fact::kind) {
            Some(Kind::Text | Kind::Notice) => "text",
            Some(Kind::Check) => "check",
            Some(Kind::Offer | Kind::Ready) => "offer",
            _ => "request",
        }
        .into()
    }

    /// The posts of one side, as the charter names them.
    fn posts(&self, side: Side) -> Arg<'static> {
        let posts = &self.line.charter().party(self.party(side)).posts;
        posts.iter().map(|post| post.id.to_string()).collect::<Vec<_>>().join(", ").into()
    }

    fn why(&self, id: &str, fact: Option<Named>, args: &[(&'static str, Arg<'_>)]) -> Why {
        let mut args = args.to_vec();
        args.extend(fact.iter().map(|fact| ("fact", Arg::from(fact.name.clone()))));
        let words = self.telling.words;
        Why { code: id.into(), fact, why: words.say(id, &args), instead: words.say_do(id, &args) }
    }
}

impl super::Words {
    /// What the peer did that the protocol forbids, and what follows from it.
    pub fn misconduct(&self, misconduct: Misconduct) -> Why {
        let id = match misconduct {
            Misconduct::BadSignature => "misconduct-bad-signature",
            Misconduct::NotCanonical(_) => "misconduct-not-canonical",
            Misconduct::WrongLine => "misconduct-wrong-line",
            Misconduct::WrongParty => "misconduct-wrong-party",
            Misconduct::WrongEpoch => "misconduct-wrong-epoch",
            Misconduct::WrongPlace => "misconduct-wrong-place",
            Misconduct::HeadWentBack => "misconduct-head-went-back",
            Misconduct::HeadNeverOurs => "misconduct-head-never-ours",
            Misconduct::Fork => "misconduct-fork",
            Misconduct::BadFrame => "misconduct-bad-frame",
            Misconduct::NoCommonVersion => "misconduct-no-common-version",
            Misconduct::FalseClaim => "misconduct-false-claim",
            Misconduct::EpochJump => "misconduct-epoch-jump",
            Misconduct::WrongBody => "misconduct-wrong-body",
            Misconduct::OtherCharter => "misconduct-other-charter",
            Misconduct::StaleGrant => "misconduct-stale-grant",
            Misconduct::VoiceFlood => "misconduct-voice-flood",
            Misconduct::MalformedVoice => "misconduct-malformed-voice",
        };
        let then = match misconduct {
            _ if misconduct.halts() => "misconduct-halts",
            _ if misconduct.is_let_go() => "misconduct-let-go",
            _ => "misconduct-ends-session",
        };
        Why { code: id.into(), fact: None, why: self.say(id, &[]), instead: self.say(then, &[]) }
    }
}
