//! What of a request rings here, as the request's own page says it: what it is, and which keys end it.

use counterpart_core::line::ringing::Ring;
use counterpart_core::record::kind::Kind;

use super::keys::{Key, Keys, noting, noting_late};
use crate::view::Sight;
use crate::words::Arg;

/// Something that rings, as the strip on its page says it.
pub(super) struct Rings {
    pub at: String,
    pub told: String,
    /// Which keys of this page end it.
    pub ends: String,
}

/// The same keys with the one that takes note of what they did, which rings until a person here takes note or acts. While the matter itself
/// rings, that key ends only its own ring: it stands after the one that ends both.
pub(super) fn with_note(sight: &Sight<'_>, rung: &[Ring], keys: Keys) -> Keys {
    let Some(ring) = rung.iter().find(|ring| ring.tells && !ring.briefly()) else { return keys };
    let rings_on = rung.iter().any(|ring| !ring.tells) && !keys.first.is_empty();
    let noted = if rings_on { noting_late(sight, ring.at, "k") } else { noting(sight, ring.at, "k") };
    Keys { noted: Some(noted), is_noted_after: rings_on, ..keys }
}

/// What of a request rings here, and which keys of its page end that.
pub(super) fn told(sight: &Sight<'_>, ring: &Ring, keys: &Keys) -> Rings {
    let say = |id: &str, args: &[(&'static str, Arg<'_>)]| sight.telling.say(id, args);
    let named = |key: &Key| format!("{} ({})", key.label.said, key.letter.to_uppercase());
    let is_of = |key: &&Key| key.why.is_none() && !key.letter.is_empty();
    let windows = keys.offers.iter().filter(is_of).count();
    let with: Vec<String> = match ring.kind {
        _ if ring.tells => keys.noted.iter().map(named).collect(),
        Kind::Offer | Kind::Ready if windows > 0 => {
            let none = keys.none.iter().filter(|codes| codes.why.is_none() && !codes.letter.is_empty());
            let none = none.map(|codes| format!("{} ({})", codes.label, codes.letter));
            [say("ring-ends-accept", &[("count", windows.into())])].into_iter().chain(none).collect()
        }
        _ => keys.first.iter().filter(|key| key.letter == "s").filter(is_of).map(named).collect(),
    };
    let ends = match with.as_slice() {
        _ if ring.briefly() => say("ring-ends-itself", &[]),
        [] => say("bell-strip-do", &[]),
        keys => say("ring-ends", &[("keys", keys.join(", ").into())]),
    };
    Rings { at: ring.at.to_string(), told: sight.ring_headline(ring), ends }
}

#[cfg(test)]
mod tests {
    use counterpart_core::ids::Party::{Inviter, Joiner};
    use counterpart_core::precedence::Precedence;

    use super::*;
    use crate::view::request::request;
    use crate::view::ring::waiting;
    use crate::view::trial::Trial;
    use crate::web::keys::keys;

    #[test]
    fn the_key_that_takes_note_that_we_are_late_stands_after_the_one_that_ends_what_rings() {
        let mut trial = Trial::new();
        trial.precedence = Precedence::Flash;
        let ask = trial.ask(Inviter);
        trial.carry();
        trial.wait_ms(3_600_000);
        trial.turn(Inviter, Vec::new(), 0);
        trial.carry();
        let drawn = |trial: &Trial| {
            trial.look(Joiner, |sight| {
                let rung = waiting(sight);
                let keys = with_note(sight, &rung, keys(sight, &request(sight, ask).unwrap()));
                let noted = keys.noted.as_ref().map(|key| (key.hint.clone(), key.is_main));
                (rung.len(), keys.is_noted_after, keys.first[0].letter.clone(), noted)
            })
        };

        let late = "Takes note that it is late; it rings until it is seen".to_owned();
        assert_eq!(drawn(&trial), (2, true, "s".into(), Some((late, false))));
    }
}
