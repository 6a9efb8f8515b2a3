//! The keys of offers that are open: to take a time, to come now, to take none of theirs, to take ours back.

use super::keys::{Codes, Key, codes, fields, key};
use crate::view::attempts::OfferView;
use crate::view::request::RequestView;
use crate::view::{Side, Sight};

/// Offers that are open: all, or one.
pub(super) fn open<'a>(view: &'a RequestView, only: Option<&'a str>) -> impl Iterator<Item = &'a OfferView> {
    let is_meant = move |offer: &&OfferView| only.is_none_or(|only| only == offer.offer.at);
    view.offers.iter().filter(|offer| offer.outcome == "OPEN").filter(is_meant)
}

/// Of each offer of theirs that is open, or of one: the codes with which it is declined. The request stands.
pub(super) fn none_of_them(sight: &Sight<'_>, view: &RequestView, only: Option<&str>) -> Vec<Codes> {
    let open: Vec<_> = open(view, only).filter(|offer| offer.side == Side::Theirs).collect();
    let one = |offer: &&OfferView| {
        let may = view.acts.iter().find(|may| may.on == offer.offer && may.act == "decline")?;
        let id = if offer.windows.is_empty() { "do-decline-ready" } else { "do-decline-offer" };
        let none = sight.telling.say(id, &[]);
        // Among several, each says whose times it declines, and none has the digit.
        let (label, letter) = if open.len() > 1 { (format!("{}: {none}", offer.offer.name), "") } else { (none, "0") };
        let hint = sight.telling.words.say_hint(id);
        Some(Codes { label, hint, ..codes(sight, may, "decline", letter) })
    };
    open.iter().filter_map(one).collect()
}

/// A key for each window of an offer of theirs, or one to come to a ready. Of one offer, or of all that are open.
pub(super) fn offers(sight: &Sight<'_>, view: &RequestView, only: Option<&str>) -> Vec<Key> {
    let mut keys = Vec::new();
    let open = || open(view, only);
    let several = open().filter(|offer| offer.side == Side::Theirs).count() > 1;
    let mut number = 0;
    // Windows before what has none, so that each key has the number of its window on the band.
    let (with, without): (Vec<_>, Vec<_>) =
        open().filter(|offer| offer.side == Side::Theirs).partition(|offer| !offer.windows.is_empty());
    for offer in with.into_iter().chain(without) {
        let on = offer.offer.at.as_str();
        let of = |act: &str| view.acts.iter().find(|may| may.on == offer.offer && may.act == act);
        // Among several, each key says whose times it takes.
        let named = |label: String| if several { format!("{}: {label}", offer.offer.name) } else { label };
        let Some(may) = of("accept") else { continue };
        let told: Vec<String> =
            offer.windows.iter().filter_map(|w| w.window()).map(|w| sight.telling.window(w)).collect();
        let mut accept = |pairs: &[(&str, &str)], label: String, hint: &str| {
            number += 1;
            let letter = if number < 10 { number.to_string() } else { String::new() };
            let hint = sight.telling.words.say_hint(hint);
            keys.push(Key {
                fields: fields(sight, "accept", on, pairs),
                label: label.into(),
                hint,
                letter,
                is_main: true,
                is_twice: true,
                why: may.why.clone(),
            });
        };
        for (n, window) in told.iter().enumerate() {
            // From when until when is read as one: a narrow key breaks its line before it.
            let label =
                named(sight.telling.say("do-accept", &[("window", window.into())])).replace('–', "\u{2060}–\u{2060}");
            accept(&[("window", &(n + 1).to_string())], label, "do-accept");
        }
        if told.is_empty() {
            accept(&[], named(sight.telling.say("do-come", &[])), "do-come");
        }
    }
    for offer in open().filter(|offer| offer.side == Side::Ours) {
        let may = view.acts.iter().find(|may| may.on == offer.offer && may.act == "withdraw");
        keys.extend(may.map(|may| Key {
            label: sight.telling.say("do-withdraw-offer", &[("name", (&offer.offer.name).into())]).into(),
            hint: sight.telling.words.say_hint("do-withdraw-offer"),
            ..key(sight, may, "")
        }));
    }
    keys
}
