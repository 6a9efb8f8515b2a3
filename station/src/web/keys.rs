//! The keys of a request: what `core` says may be done now, and why not what may not. A key carries the fields of its act.

use counterpart_core::fault::Bar;
use counterpart_core::ids::EntryRef;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::Rung;
use counterpart_core::line::talk::TalkState;
use counterpart_core::record::codes::Code;
use counterpart_core::record::kind::Kind;

use super::acts::NOTED;
use super::call::page_of_call;
use super::on_offer::{none_of_them, offers};
use super::unsigned::Pressed;
use crate::api::talks::talk_of;
use crate::view::attempts::AttemptView;
use crate::view::broken::write_tally;
use crate::view::may::MayView;
use crate::view::owed::{Owed, OwedView};
use crate::view::request::RequestView;
use crate::view::{Named, Side, Sight, names};
use crate::words::Why;
use crate::words::coded::Coded;

/// One key.
pub(super) struct Key {
    /// The fields that it sends, as a form: what, on which entry, and of which epoch, for the name means another in the next.
    pub fields: String,
    pub label: Coded,
    pub hint: String,
    /// Its letter with the browser's own modifier; empty: none.
    pub letter: String,
    /// The one to take first.
    pub is_main: bool,
    /// What it signs is said at once and closes or agrees: its bare letter, on the ring, is pressed twice.
    pub is_twice: bool,
    /// Why it may not be pressed.
    pub why: Option<Why>,
}

/// Codes to choose from: each key defers, declines or cancels with one.
pub(super) struct Codes {
    pub act: &'static str,
    /// The entry that it acts on.
    pub on: String,
    pub label: String,
    pub hint: String,
    pub letter: &'static str,
    /// They are shown at once: nothing has been done yet that they would do again.
    pub is_open: bool,
    pub keys: Vec<Key>,
    pub why: Option<Why>,
}

/// What may be done on a request.
#[derive(Default)]
pub(super) struct Keys {
    /// To take note of what they did, which rings until then.
    pub noted: Option<Key>,
    /// It stands after the first key: the matter itself rings, and that key ends both.
    pub is_noted_after: bool,
    /// On an offer of theirs that is open: take a window.
    pub offers: Vec<Key>,
    /// The same: take none, with a code.
    pub none: Vec<Codes>,
    pub first: Vec<Key>,
    pub codes: Vec<Codes>,
    /// What is stated of a talk that did not come about: after everything else.
    pub last: Option<Key>,
    /// The page on which to offer times.
    pub offer: Option<String>,
    /// The page on which the agreed talk is held.
    pub call: Option<String>,
    /// The page on which to write a call sheet of the talk.
    pub sheet: Option<String>,
    /// Whether a talk that was held elsewhere can be stated.
    pub talk: bool,
    /// There is a talk of which this side may say that it was held, and that stands first.
    pub is_talk_first: bool,
    /// Our word on it is what is waited for.
    pub is_talk_owed: bool,
    /// Ask again, naming this one: the page on which to do it.
    pub again: Option<String>,
    /// It is what there is left to do: nothing else can be done, and no talk came of this one, as far as anybody has said.
    pub is_again_first: bool,
    /// The page on which a code is chosen with which the request is declined.
    pub decline: Option<String>,
    /// The page on which one is chosen with which the offer is.
    pub decline_offer: Option<String>,
    /// Why nothing more may be done, if it is closed.
    pub closed: Option<Why>,
}

impl Keys {
    /// Words can go with something: a key above them can be pressed.
    pub fn take_words(&self) -> bool {
        let live = |key: &Key| key.why.is_none();
        self.first.iter().chain(&self.offers).any(live)
            || self.codes.iter().chain(&self.none).any(|codes| codes.why.is_none())
    }

    /// A key that was pressed, and whose act can still be taken back, stands dashed and says so.
    pub fn press(&mut self, pressed: &Pressed, told: String) {
        let why = Why { code: WAITS.into(), fact: None, why: told, instead: String::new() };
        let begins =
            serde_urlencoded::to_string([("act", &pressed.act), ("on", &pressed.on)]).unwrap_or_default() + "&";
        for key in self.first.iter_mut().chain(&mut self.offers).filter(|key| key.fields.starts_with(&begins)) {
            key.why = Some(why.clone());
        }
        let is_of = |codes: &&mut Codes| codes.act == pressed.act && codes.on == pressed.on;
        for codes in self.codes.iter_mut().chain(&mut self.none).filter(is_of) {
            codes.why = Some(why.clone());
        }
    }
}

/// The reason of a key whose act waits to be signed.
const WAITS: &str = "waits";

/// Reasons for which a key is not even shown: the act is the other side's, or there is nothing yet to do it on.
const NOT_SHOWN: [&str; 6] =
    ["bar-own-thing", "bar-not-owner", "bar-no-talk", "bar-not-suspended", "bar-still-open", "bar-no-such-thing"];

/// Acts that one key does, with their letters.
const PLAIN: [(&str, &str); 8] = [
    ("seen", "s"),
    ("refer", "f"),
    ("answer", "a"),
    ("ready", "r"),
    ("renew", "e"),
    ("suspend", "p"),
    ("resume", "p"),
    ("withdraw", "w"),
];

/// Acts that need a code, with their letters.
const WITH_CODE: [(&str, &str); 3] = [("defer", "n"), ("decline", "d"), ("cancel", "x")];

/// Acts with which one meets a ring; what else may be done stands on the page of the matter.
const AT_A_RING: [&str; 4] = ["seen", "refer", "answer", "ready"];

/// Acts of a ring whose letter is pressed twice: they answer, and no five seconds take them back.
const TWICE: [&str; 2] = ["answer", "ready"];

/// The codes in the order in which a person looks for them: those that say nothing of the matter first, then what is most often so.
/// `CODES[..10]` have a digit on the ring.
const CODES: [Code; 14] = [
    Code::AwaitingInstructions,
    Code::Unstated,
    Code::Engaged,
    Code::Travelling,
    Code::OutOfHours,
    Code::NoInterpreter,
    Code::Level,
    Code::NotCompetent,
    Code::InWriting,
    Code::OtherChannel,
    Code::Conditions,
    Code::PostVacant,
    Code::IdentityDoubt,
    Code::NoConfirmation,
];

/// The keys of the page of a request.
pub(super) fn keys(sight: &Sight<'_>, view: &RequestView) -> Keys {
    let mut keys = Keys { offers: offers(sight, view, None), none: none_of_them(sight, view, None), ..Keys::default() };
    let seen = seen_by(view);
    let mut plain = PLAIN;
    if seen.is_some() {
        // What is wanted of us then is an answer; what is done stays, dashed, with the entry that did it.
        plain.sort_by_key(|(act, _)| if *act == "answer" { 0 } else { 1 + u8::from(*act == "seen") });
    }
    let wanted = wanted(sight, view);
    plain.sort_by_key(|(act, _)| wanted != Some(act));
    for (act, letter) in plain {
        let Some(may) = on_request(view, act) else { continue };
        if is_closed(may) {
            keys.closed = may.why.clone();
        } else if is_shown(may) {
            let done = seen.filter(|_| act == "seen" && may.may).and_then(|by| names::parse(sight.line, &by.at).ok());
            let why = done.map(|by| sight.bar(&Bar::Already(by)));
            let key = key(sight, may, letter);
            let is_main = wanted == Some(act) && key.why.is_none();
            keys.first.push(Key { why: why.or(key.why), is_main, ..key });
        }
    }
    keys.codes = with_codes(sight, view);
    keys.last = missed(sight, view);
    if !keys.offers.iter().any(|key| key.is_main)
        && view.owner == Side::Theirs
        && let Some(first) = keys.first.iter_mut().find(|key| key.why.is_none())
    {
        first.is_main = true;
    }
    keys.offer = page_on(view, "offer");
    keys.call = call_page(sight, view);
    keys.talk = on_request(view, "talk").is_some_and(|may| may.may);
    keys.sheet = page_on(view, "sheet");
    // What is not held there yet is agreed with nobody.
    keys.is_talk_first = keys.talk && keys.last.is_some() && view.settled;
    let is_ours = |owed: &OwedView| owed.what == Owed::SayTalked && owed.who == Some(Side::Ours);
    keys.is_talk_owed = view.next.iter().any(is_ours);
    keys.again = again_page(view);
    keys.is_again_first = keys.first.is_empty() && !keys.is_talk_first && view.settled && !came_about(view);
    keys
}

/// A talk has come of it, as somebody says, or may still.
fn came_about(view: &RequestView) -> bool {
    use TalkState::{Joined, Planned, Stated, Talked};
    view.talk.as_ref().is_some_and(|talk| matches!(talk.state.0, Planned | Joined | Stated | Talked))
}

/// That the other side did not come to the talk.
pub(super) fn missed(sight: &Sight<'_>, view: &RequestView) -> Option<Key> {
    on_request(view, "missed").filter(|may| is_shown(may)).map(|may| key(sight, may, ""))
}

/// Of a request of ours, the act that is wanted of us: to take up what we suspended; to renew what they are late with, once that is an
/// attempt again.
fn wanted(sight: &Sight<'_>, view: &RequestView) -> Option<&'static str> {
    if view.owner == Side::Theirs || view.outcome != Outcome::Open.word() {
        return None;
    }
    if view.suspended.is_some() {
        return Some("resume");
    }
    let look = sight.view();
    let ask = names::parse(sight.line, &view.request.at).ok().and_then(|at| look.fact(at))?;
    let is_late = latest_of(view).is_some_and(|latest| view.overdue.iter().any(|overdue| overdue.on == latest.attempt));
    let is_owed = view.next.iter().any(|owed| matches!(owed.what, Owed::Hold | Owed::See | Owed::Principal));
    (is_late && is_owed && look.next_attempt(ask) <= sight.telling.clocks.now).then_some("renew")
}

/// The entry with which our watch has seen the latest attempt of theirs, if it has: also one that deferred it, or sent it on.
fn seen_by(view: &RequestView) -> Option<&Named> {
    let reached = view.reached.as_ref().filter(|reached| view.owner == Side::Theirs && reached.rung.0 >= Rung::Seen)?;
    let seen = latest_of(view).and_then(|attempt| attempt.rungs.iter().find(|rung| rung.rung.0 == Rung::Seen));
    Some(seen.map_or(&reached.entry, |seen| &seen.entry))
}

/// The latest attempt that counts.
fn latest_of(view: &RequestView) -> Option<&AttemptView> {
    view.attempts.iter().rev().find(|attempt| attempt.counts)
}

/// The keys of a ring: what meets it, first of all that it was seen.
pub(super) fn keys_of_ring(sight: &Sight<'_>, view: &RequestView, rung: &Fact) -> Keys {
    let at = rung.at.to_string();
    let is_offer = matches!(rung.kind(), Kind::Offer | Kind::Ready);
    let of = |act: &str| match is_offer {
        true => view.acts.iter().find(|may| may.on.at == at && may.act == act),
        false => on_request(view, act),
    };
    let mut keys = Keys::default();
    let is_seen = !is_offer && seen_by(view).is_some();
    let at_a_ring = |act: &&str| AT_A_RING.contains(act) && !(is_seen && *act == "seen");
    for (act, letter) in PLAIN.iter().filter(|(act, _)| at_a_ring(act)) {
        keys.first.extend(of(act).filter(|may| may.may).map(|may| key(sight, may, letter)));
    }
    if is_offer {
        keys.offers = offers(sight, view, Some(&at));
        keys.none = none_of_them(sight, view, Some(&at));
    }
    keys.codes = with_codes(sight, view).into_iter().filter(|codes| codes.why.is_none()).collect();
    let declines = keys.codes.iter().any(|codes| codes.act == "decline");
    let step = |word: &str| format!("/lines/{}/ring/{at}/{word}", view.line);
    keys.decline = declines.then(|| step("decline"));
    keys.decline_offer = keys.none.iter().any(|codes| codes.why.is_none()).then(|| step("decline-offer"));
    keys.offer = page_on(view, "offer");
    keys.call = call_page(sight, view);
    keys.again = again_page(view);
    keys
}

/// The page on which the agreed talk of a request is held, while somebody may be let in there.
fn call_page(sight: &Sight<'_>, view: &RequestView) -> Option<String> {
    use TalkState::{Joined, Missed, Planned, Stated};
    // Nobody is called into a talk that is over, or cancelled by either side.
    view.talk.as_ref().filter(|talk| matches!(talk.state.0, Planned | Joined | Missed | Stated))?;
    let talk = talk_of(sight, &view.request.at).ok().filter(|talk| talk.shut.is_none())?;
    Some(page_of_call(talk.id.line, &talk.request.at))
}

fn on_request<'a>(view: &'a RequestView, act: &str) -> Option<&'a MayView> {
    view.acts.iter().find(|may| may.on == view.request && may.act == act)
}

/// The page of the request that has its name of this act, if that may be done.
fn page_on(view: &RequestView, act: &str) -> Option<String> {
    let may = on_request(view, act).filter(|may| may.may);
    may.map(|_| format!("/lines/{}/requests/{}/{act}", view.line, view.request.at))
}

fn again_page(view: &RequestView) -> Option<String> {
    let may = on_request(view, "ask").filter(|may| may.may);
    may.map(|_| format!("/asks/new?line={}&again={}", view.line, view.request.at))
}

fn with_codes(sight: &Sight<'_>, view: &RequestView) -> Vec<Codes> {
    let latest = latest_of(view);
    let is_deferred = view.deferrals.iter().any(|put| latest.is_some_and(|latest| put.on == latest.attempt));
    let one = |(act, letter): (&'static str, &'static str)| {
        let may = on_request(view, act).filter(|may| is_shown(may) && !is_closed(may))?;
        let is_open = act == "defer" && !is_deferred;
        Some(Codes { is_open, ..codes(sight, may, act, letter) })
    };
    WITH_CODE.into_iter().filter_map(one).collect()
}

fn is_shown(may: &MayView) -> bool {
    may.why.as_ref().is_none_or(|why| !NOT_SHOWN.contains(&why.code.as_str()))
}

fn is_closed(may: &MayView) -> bool {
    may.why.as_ref().is_some_and(|why| why.code == "bar-closed")
}

/// The fields of an act on an entry of the epoch that is looked at.
pub(super) fn fields(sight: &Sight<'_>, act: &str, on: &str, more: &[(&str, &str)]) -> String {
    let epoch = sight.epoch.to_string();
    let pairs = [("act", act), ("on", on), ("epoch", &epoch)];
    serde_urlencoded::to_string([pairs.as_slice(), more].concat()).unwrap_or_default()
}

pub(super) fn key(sight: &Sight<'_>, may: &MayView, letter: &str) -> Key {
    let (label, hint) = told(sight, &may.act);
    let fields = fields(sight, &may.act, &may.on.at, &[]);
    let is_twice = TWICE.contains(&may.act.as_str());
    Key { fields, label: label.into(), hint, letter: letter.into(), is_main: false, is_twice, why: may.why.clone() }
}

/// The key that takes note of what rings at an entry; of what broke off, and rings at a charter, of what is told with it and no more.
pub(super) fn noting(sight: &Sight<'_>, at: EntryRef, letter: &str) -> Key {
    let tally = sight.line.tally().filter(|_| sight.line.opened_by() == Some(at)).map(write_tally);
    let told: Vec<_> = tally.iter().map(|tally| ("tally", tally.as_str())).collect();
    Key { fields: fields(sight, NOTED, &at.to_string(), &told), ..beside(sight, at, NOTED, "do-noted", letter) }
}

/// The same of what rings because we are late with a matter that itself rings on.
pub(super) fn noting_late(sight: &Sight<'_>, at: EntryRef, letter: &str) -> Key {
    let (label, hint) = (sight.telling.say("do-noted-late", &[]), sight.telling.words.say_hint("do-noted-late"));
    Key { label: label.into(), hint, is_main: false, ..noting(sight, at, letter) }
}

/// The key of an act on a text or a check, or of taking note.
pub(super) fn beside(sight: &Sight<'_>, on: EntryRef, act: &'static str, label: &'static str, letter: &str) -> Key {
    Key {
        fields: fields(sight, act, &on.to_string(), &[]),
        label: sight.telling.say(label, &[]).into(),
        hint: sight.telling.words.say_hint(label),
        letter: letter.into(),
        is_main: true,
        is_twice: false,
        why: None,
    }
}

/// The label of an act and what they read of it.
fn told(sight: &Sight<'_>, act: &str) -> (String, String) {
    let id = match act {
        "seen" => "do-seen",
        "refer" => "do-refer",
        "defer" => "do-defer",
        "answer" => "do-answer",
        "decline" => "do-decline",
        "ready" => "do-ready",
        "renew" => "do-renew",
        "suspend" => "do-suspend",
        "resume" => "do-resume",
        "withdraw" => "do-withdraw",
        "cancel" => "do-cancel",
        "missed" => "do-missed",
        _ => return (act.to_owned(), String::new()),
    };
    (sight.telling.say(id, &[]), sight.telling.words.say_hint(id))
}

pub(super) fn codes(sight: &Sight<'_>, may: &MayView, act: &'static str, letter: &'static str) -> Codes {
    let (label, hint) = told(sight, act);
    let one = |code: &Code| Key {
        fields: fields(sight, act, &may.on.at, &[("code", code.word())]),
        label: sight.telling.words.coded(*code),
        hint: sight.telling.words.meaning(*code),
        letter: String::new(),
        is_main: false,
        is_twice: false,
        why: None,
    };
    // "We take it as closed" is no reason to put something off.
    let fits = |code: &&Code| act != "defer" || **code != Code::NoConfirmation;
    let keys = CODES.iter().filter(fits).map(one).collect();
    Codes { act, on: may.on.at.clone(), label, hint, letter, is_open: false, keys, why: may.why.clone() }
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::{Act, Target};
    use counterpart_core::ids::Party::{Inviter, Joiner};
    use counterpart_core::record::codes::Instrument;
    use counterpart_core::time::Window;

    use super::*;
    use crate::view::request::request;
    use crate::view::trial::{HOUR, Trial};

    /// The keys of the inviter's page of a request.
    fn drawn(trial: &Trial, ask: EntryRef) -> Keys {
        trial.look(Inviter, |sight| keys(sight, &request(sight, ask).unwrap()))
    }

    #[test]
    fn that_we_talked_is_the_first_key_only_once_our_word_is_waited_for() {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        trial.act(Joiner, Act::Answer { on: Target::Latest(ask) });
        trial.carry();
        let answered = drawn(&trial, ask);
        trial.wait_ms(HOUR);
        let when = Window::new(trial.now, trial.now.plus(1_000)).unwrap();
        trial.wait_ms(HOUR);
        trial.act(Joiner, Act::Talk { request: ask, when, instrument: Instrument::Telephone, posts: Vec::new() });
        trial.carry();

        assert_eq!((answered.is_talk_first, answered.is_talk_owed), (true, false));
        assert!(drawn(&trial, ask).is_talk_owed);
    }

    #[test]
    fn to_ask_again_is_the_first_key_where_no_talk_came_about_and_not_where_one_did() {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        trial.act(Joiner, Act::Decline { on: Target::Latest(ask), code: Code::Unstated });
        trial.carry();
        let declined = drawn(&trial, ask);
        let ask = trial.ask(Inviter);
        trial.carry();
        trial.act(Joiner, Act::Answer { on: Target::Latest(ask) });
        trial.wait_ms(HOUR);
        let when = Window::new(trial.now, trial.now.plus(1_000)).unwrap();
        trial.wait_ms(HOUR);
        for party in [Inviter, Joiner] {
            trial.carry();
            trial.act(party, Act::Talk { request: ask, when, instrument: Instrument::Telephone, posts: Vec::new() });
        }
        trial.carry();
        let talked = drawn(&trial, ask);

        assert!(declined.again.is_some() && declined.is_again_first);
        assert!(talked.again.is_some() && !talked.is_again_first);
    }

    #[test]
    fn to_renew_is_the_first_key_once_they_are_late_and_to_resume_once_we_have_suspended_it() {
        let mut trial = Trial::with_pace(3_600);
        let ask = trial.ask(Inviter);
        trial.carry();
        let first = |trial: &Trial| {
            let keys = drawn(trial, ask);
            (keys.first[0].letter.clone(), keys.first[0].is_main)
        };
        assert_eq!(first(&trial), ("e".into(), false));
        trial.wait_ms(HOUR / 2);
        trial.turn(Inviter, Vec::new(), 0);
        assert_eq!(first(&trial), ("e".into(), false), "it would be sooner than agreed, and no attempt");
        trial.wait_ms(HOUR / 2);
        assert_eq!(first(&trial), ("e".into(), true));

        trial.act(Inviter, Act::Suspend { request: ask });
        assert_eq!(first(&trial), ("p".into(), true));
    }

    #[test]
    fn every_key_is_an_act_of_core() {
        for (act, _) in PLAIN.iter().chain(&WITH_CODE) {
            assert!(Act::WORDS.contains(act), "{act}");
        }
        assert!(TWICE.iter().all(|act| AT_A_RING.contains(act)));
        assert!(AT_A_RING.iter().all(|act| PLAIN.iter().any(|(plain, _)| plain == act)));
    }

    #[test]
    fn every_code_has_a_key_and_one_alone() {
        for code in Code::ALL {
            assert_eq!(CODES.iter().filter(|key| *key == code).count(), 1, "{}", code.word());
        }
    }
}
