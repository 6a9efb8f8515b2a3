//! What an invitation proposes, and what the charter says of this station.

use counterpart_core::ids::{LineId, PostId};
use counterpart_core::pairing::draft::{Draft, DraftFault};
use counterpart_core::precedence::Precedence;
use counterpart_core::record::charter::{self, Charter, Checks, PartyTerms, PostTerms, RULES_VERSION};

use super::proposal::Proposal;
use crate::config::{self, Config};
use crate::keys::PublicKeys;

/// What the charter says of this station.
pub(super) fn own(config: &Config, keys: &PublicKeys) -> PartyTerms {
    let post = |post: &config::Post| {
        let highest = Precedence::from_number(post.highest.into())?;
        Some(PostTerms { id: PostId::parse(&post.id)?, highest, night: post.night })
    };
    // The configuration has checked both, with the same limits.
    let mut posts: Vec<PostTerms> = config.posts.iter().filter_map(post).collect();
    posts.sort_by(|a, b| a.id.cmp(&b.id));
    PartyTerms {
        name: config.organisation.name.clone(),
        call_sign: config.organisation.call_sign.clone(),
        keys: charter::Keys { root: keys.root, station: keys.station, link: keys.link, word: keys.word },
        languages: config.organisation.languages.clone(),
        addresses: config.link.announce.clone(),
        posts,
        zone: config.organisation.zone.clone(),
    }
}

/// The same terms with these keys.
pub(super) fn with_keys(terms: &PartyTerms, keys: &PublicKeys) -> PartyTerms {
    let keys = charter::Keys { root: keys.root, station: keys.station, link: keys.link, word: keys.word };
    PartyTerms { keys, ..terms.clone() }
}

/// The checks that the configuration proposes.
pub(super) fn checks(config: &Config) -> Checks {
    match &config.checks {
        config::Checks::Every { minutes } => Checks::Every(u64::from(*minutes) * 60),
        config::Checks::At { minutes_utc } => Checks::At(minutes_utc.iter().copied().map(u64::from).collect()),
    }
}

/// The charter without its joiner.
pub(super) fn draft(line: LineId, own: &PartyTerms, checks: &Checks, proposal: &Proposal) -> Result<Draft, DraftFault> {
    Draft::of(Charter {
        version: RULES_VERSION,
        line,
        // The draft puts nobody in the joiner's place, whoever stands there.
        parties: [own.clone(), own.clone()],
        station_s: proposal.station_s,
        watch_s: proposal.watch_s,
        principal_s: proposal.principal_s,
        pacing_s: proposal.pace_s(),
        checks: proposal.checks.clone().unwrap_or_else(|| checks.clone()),
        deniable: false,
        grace_s: proposal.grace_s,
        public: proposal.public.clone(),
        witnesses: Vec::new(),
        relays: Vec::new(),
        recall_s: proposal.recall_s,
        unknown: Vec::new(),
    })
}
