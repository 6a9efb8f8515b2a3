//! Two simulated stations get a line: its charter, signed by both, as pairing would leave it.

use counterpart_core::ids::{LineId, PostId};
use counterpart_core::precedence::Precedence;
use counterpart_core::record::charter::{Charter, Checks, Keys, PartyTerms, PostTerms};
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{AAD_CHARTER, Sign, to_be_signed};

use crate::chance::Chance;
use crate::station::Station;

/// What both sides hold before either writes its index 0.
#[derive(Clone, Debug)]
pub struct Pairing {
    /// The charter.
    pub charter: Charter,
    /// The charter with both signatures.
    pub opening: Opening,
}

/// Posts of every simulated station, each with the highest precedence that it accepts.
pub const POSTS: [(&str, Precedence); 3] =
    [("minister", Precedence::Flash), ("duty-officer", Precedence::Immediate), ("registry", Precedence::Priority)];

/// Pairs two stations, the inviter first.
pub fn pair(stations: [&Station; 2], chance: &mut Chance) -> Pairing {
    let parties = stations.map(party);
    let line = LineId(chance.bytes());
    let charter = Charter {
        pacing_s: [14_400, 3_600, 900, 300],
        checks: checks(chance),
        grace_s: chance.one([60, 600, 3_600]),
        ..Charter::of(line, parties)
    };
    let encoded = charter.encode();
    let message = to_be_signed(AAD_CHARTER, &encoded);
    let signatures = stations.map(|station| station.keys[0].entry.sign_charter(&message));
    Pairing { charter, opening: Opening::Paired { charter: encoded, signatures } }
}

/// Rarely every hour: an hourly check makes two thousand entries in fourteen days and few new thoughts.
fn checks(chance: &mut Chance) -> Checks {
    match chance.below(20) {
        0 => Checks::Every(3_600),
        1..10 => Checks::Every(43_200),
        10..15 => Checks::At(vec![540, 1_020]),
        _ => Checks::Every(0),
    }
}

fn party(station: &Station) -> PartyTerms {
    let (name, first) = (station.name, &station.keys[0]);
    let root = *station.root.public().as_bytes();
    let posts = POSTS.iter().filter_map(|(id, highest)| {
        Some(PostTerms { id: PostId::parse(id)?, highest: *highest, night: *highest == Precedence::Flash })
    });
    PartyTerms {
        name: name.into(),
        call_sign: name.into(),
        keys: Keys { root, station: *first.entry.public().as_bytes(), link: first.link, word: first.word },
        languages: vec!["en".into()],
        addresses: Vec::new(),
        posts: posts.collect(),
        zone: "UTC".into(),
    }
}
