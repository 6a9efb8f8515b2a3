//! The keys of a request: what `core` says may be done now, and why not what may not. A key carries the fields of its act.

use counterpart_core::line::facts::Fact;
use counterpart_core::record::codes::Code;

use crate::view::may::MayView;
use crate::view::request::RequestView;
use crate::view::{Side, Sight};
use crate::words::Why;

/// One key.
pub(super) struct Key {
    /// The fields that it sends, as a form.
    pub fields: String,
    pub label: String,
    pub hint: String,
    /// Its letter with the browser's own modifier; empty: none.
    pub letter: String,
    /// The one to take first.
    pub is_main: bool,
    /// Why it may not be pressed.
    pub why: Option<Why>,
}

/// Codes to choose from: each key defers, declines or cancels with one.
pub(super) struct Codes {
    pub act: &'static str,
    pub label: String,
    pub hint: String,
    pub letter: &'static str,
    pub keys: Vec<Key>,
    pub why: Option<Why>,
}

/// What may be done on a request.
#[derive(Default)]
pub(super) struct Keys {
    /// On an offer of theirs that is open: take a window, or none.
    pub offers: Vec<Key>,
    pub first: Vec<Key>,
    pub codes: Vec<Codes>,
    /// The page on which to offer times.
    pub offer: Option<String>,
    /// Whether a talk that was held elsewhere can be stated.
    pub talk: bool,
    /// Ask again, naming this one: the page on which to do it.
    pub again: Option<String>,
    /// Why nothing more may be done, if it is closed.
    pub closed: Option<Why>,
}

/// Reasons for which a key is not even shown: the act is the other side's, or there is nothing yet to do it on.
const NOT_SHOWN: [&str; 6] =
    ["bar-own-thing", "bar-not-owner", "bar-no-talk", "bar-not-suspended", "bar-still-open", "bar-no-such-thing"];

/// Acts that one key does, with their letters.
const PLAIN: [(&str, &str); 8] = [
    ("seen", "s"),
    ("answer", "a"),
    ("refer", "f"),
    ("ready", "r"),
    ("renew", "e"),
    ("suspend", "p"),
    ("resume", "p"),
    ("withdraw", "w"),
];

/// Acts that need a code, with their letters.
const WITH_CODE: [(&str, &str); 3] = [("defer", "n"), ("decline", "d"), ("cancel", "x")];

pub(super) fn keys(sight: &Sight<'_>, view: &RequestView) -> Keys {
    let mut keys = Keys::default();
    let on_request = |may: &&MayView| may.on == view.request;
    let of = |act: &str| view.acts.iter().filter(on_request).find(|may| may.act == act);
    for (act, letter) in PLAIN {
        let Some(may) = of(act) else { continue };
        if is_closed(may) {
            keys.closed = may.why.clone();
        } else if is_shown(may) {
            keys.first.push(key(sight, may, letter));
        }
    }
    for (act, letter) in WITH_CODE {
        let Some(may) = of(act) else { continue };
        if is_shown(may) && !is_closed(may) {
            keys.codes.push(codes(sight, may, act, letter));
        }
    }
    let missed = of("missed").filter(|may| is_shown(may)).map(|may| key(sight, may, ""));
    keys.first.extend(missed);
    keys.offers = offers(sight, view);
    if keys.offers.is_empty()
        && view.owner == Side::Theirs
        && let Some(first) = keys.first.iter_mut().find(|key| key.why.is_none())
    {
        first.is_main = true;
    }
    let page = |what: &str| format!("/lines/{}/requests/{}/{what}", view.line, view.request.at);
    keys.offer = of("offer").filter(|may| may.may).map(|_| page("offer"));
    keys.talk = of("talk").is_some_and(|may| may.may);
    let again = of("ask").filter(|may| may.may);
    keys.again = again.map(|_| format!("/asks/new?line={}&again={}", view.line, view.request.at));
    keys
}

fn is_shown(may: &MayView) -> bool {
    may.why.as_ref().is_none_or(|why| !NOT_SHOWN.contains(&why.code.as_str()))
}

fn is_closed(may: &MayView) -> bool {
    may.why.as_ref().is_some_and(|why| why.code == "bar-closed")
}

fn fields(pairs: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

fn key(sight: &Sight<'_>, may: &MayView, letter: &str) -> Key {
    let (label, hint) = told(sight, &may.act);
    let fields = fields(&[("act", &may.act), ("on", &may.on.at)]);
    Key { fields, label, hint, letter: letter.into(), is_main: false, why: may.why.clone() }
}

/// The key of an act on a text or a check.
pub(super) fn beside(sight: &Sight<'_>, thing: &Fact, act: &'static str, label: &'static str, letter: &str) -> Key {
    let on = thing.at.to_string();
    Key {
        fields: fields(&[("act", act), ("on", &on)]),
        label: sight.telling.say(label, &[]),
        hint: sight.telling.words.say_hint(label),
        letter: letter.into(),
        is_main: true,
        why: None,
    }
}

/// The label of an act and what it does.
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

fn codes(sight: &Sight<'_>, may: &MayView, act: &'static str, letter: &'static str) -> Codes {
    let (label, hint) = told(sight, act);
    let one = |code: &Code| Key {
        fields: fields(&[("act", act), ("on", &may.on.at), ("code", code.word())]),
        label: code.word().into(),
        hint: sight.telling.words.meaning(*code),
        letter: String::new(),
        is_main: false,
        why: None,
    };
    Codes { act, label, hint, letter, keys: Code::ALL.iter().map(one).collect(), why: may.why.clone() }
}

/// A key for each window of an offer of theirs, one to decline it; or one to come to a ready.
fn offers(sight: &Sight<'_>, view: &RequestView) -> Vec<Key> {
    let mut keys = Vec::new();
    for offer in view.offers.iter().filter(|o| o.side == Side::Theirs && o.outcome == "OPEN") {
        let of = |act: &str| view.acts.iter().find(|may| may.on == offer.offer && may.act == act);
        let Some(may) = of("accept") else { continue };
        let windows = offer.windows.iter().filter_map(|window| window.window());
        let told: Vec<String> = windows.map(|window| sight.telling.window(window)).collect();
        for (n, window) in told.iter().enumerate() {
            let number = (n + 1).to_string();
            keys.push(Key {
                fields: fields(&[("act", "accept"), ("on", &offer.offer.at), ("window", &number)]),
                label: sight.telling.say("do-accept", &[("window", window.into())]),
                hint: String::new(),
                letter: number,
                is_main: true,
                why: may.why.clone(),
            });
        }
        if told.is_empty() {
            let label = sight.telling.say("do-come", &[]);
            let fields = fields(&[("act", "accept"), ("on", &offer.offer.at)]);
            keys.push(Key {
                fields,
                label,
                hint: String::new(),
                letter: "1".into(),
                is_main: true,
                why: may.why.clone(),
            });
        }
        if let Some(may) = of("decline") {
            let label = sight.telling.say("do-decline-offer", &[]);
            let fields = fields(&[("act", "decline"), ("on", &offer.offer.at)]);
            let hint = sight.telling.say("do-decline-offer-hint", &[]);
            keys.push(Key { fields, label, hint, letter: "0".into(), is_main: false, why: may.why.clone() });
        }
    }
    for offer in view.offers.iter().filter(|o| o.side == Side::Ours && o.outcome == "OPEN") {
        let may = view.acts.iter().find(|may| may.on == offer.offer && may.act == "withdraw");
        keys.extend(may.map(|may| Key {
            label: sight.telling.say("do-withdraw-offer", &[("name", (&offer.offer.name).into())]),
            ..key(sight, may, "")
        }));
    }
    keys
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::Act;

    use super::*;

    #[test]
    fn every_key_is_an_act_of_core() {
        for (act, _) in PLAIN.iter().chain(&WITH_CODE) {
            assert!(Act::WORDS.contains(act), "{act}");
        }
    }
}
