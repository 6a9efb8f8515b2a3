//! What a seed will be: how many stations, who of them lies, how bad the network is.

use crate::chance::Chance;
use crate::fault::Fault;
use crate::keys::Signing;

/// What a station is like.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Nature {
    /// Runs what we ship.
    Honest,
    /// Writes what its judge would bar, names old heads, speaks badly; nothing that halts its log.
    Crafty,
    /// The same, and in the end a breach that halts its log.
    Hostile,
}

/// A seed, unfolded.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// The fault that is switched on.
    pub fault: Option<Fault>,
    /// How entries are signed.
    pub signing: Signing,
    /// What each station is like; two or three of them.
    pub natures: Vec<Nature>,
    /// One way through the network, in milliseconds, from and to.
    pub delay_ms: (u64, u64),
    /// The longest pause between two acts, in milliseconds.
    pub pause_max_ms: u64,
    /// Partitions, crashes, jumps of a clock, and connections broken.
    pub troubles: Troubles,
    /// How often a station is put back to a backup: never in a seed below [`COPIES_FROM`].
    pub setbacks: u64,
    /// Two copies of a station live at once: in every seed from [`TWINS_FROM`] on, and in none below.
    pub twins: bool,
    /// A liar that is asked to show what it claims to hold of a station's log shows nothing for long.
    pub withholds: bool,
    /// A person who asks and asks.
    pub insistent: bool,
    /// Somebody closes the line near the end.
    pub closes: bool,
    /// All other chance.
    pub chance: Chance,
}

/// How often the world goes wrong in fourteen days.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Troubles {
    pub partitions: u64,
    pub crashes: u64,
    pub jumps: u64,
    pub breaks: u64,
}

/// Fourteen days, in milliseconds.
pub const LENGTH_MS: u64 = 14 * 86_400_000;
/// Acts that a seed has at least.
pub const ACTS_MIN: u64 = 200;

/// In seeds from here on stations are put back to backups: each with its own stories, apart from the others.
pub const COPIES_FROM: u64 = 1_000_000;
/// In seeds from here on two copies of one station live at once, and nothing is put back.
pub const TWINS_FROM: u64 = 2_000_000;

/// What a seed is about: what can arise differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Stations that crash, and stations that lie.
    Ordinary,
    /// Stations are put back to backups.
    Restored,
    /// A backup is served elsewhere while its station goes on.
    Twins,
}

impl Kind {
    /// The kind of a seed.
    pub fn of(seed: u64) -> Kind {
        match seed {
            ..COPIES_FROM => Kind::Ordinary,
            COPIES_FROM..TWINS_FROM => Kind::Restored,
            _ => Kind::Twins,
        }
    }
}
/// Of the seeds in which stations are put back, one in so many, at this place among them, has a liar that withholds, if it has a liar.
/// Not by chance, so that the stories of all others stay what they were.
const WITHHOLDS_EVERY: u64 = 10;
const WITHHOLDS_AT: u64 = 6;
/// One seed in so many is signed with Ed25519.
const ED25519_EVERY: u64 = 20;

impl Plan {
    /// Unfolds a seed.
    pub fn new(seed: u64, fault: Option<Fault>) -> Plan {
        let mut chance = Chance::new(seed);
        let three = chance.percent(25);
        let mut natures = vec![Nature::Honest];
        natures.push(match chance.below(10) {
            0..4 => Nature::Honest,
            4..7 => Nature::Crafty,
            _ => Nature::Hostile,
        });
        if three {
            natures.push(Nature::Honest);
        }
        let kind = Kind::of(seed);
        if kind == Kind::Twins {
            natures[1] = Nature::Honest;
        } else if fault == Some(Fault::AcceptedFork) {
            natures[1] = Nature::Hostile;
        }
        let restored = matches!(fault, Some(Fault::CopySigns | Fault::LateLetGo)) || kind == Kind::Restored;
        let setbacks = if restored { chance.between(1, 4) } else { 0 };
        Plan {
            seed,
            fault,
            signing: if seed.is_multiple_of(ED25519_EVERY) { Signing::Ed25519 } else { Signing::Cheap },
            natures,
            delay_ms: chance.one([(1, 5), (10, 80), (100, 900), (300, 3_000)]),
            pause_max_ms: chance.between(7, 13) * 3_600_000,
            troubles: Troubles {
                partitions: chance.between(1, 6),
                crashes: chance.between(1, 6),
                jumps: chance.below(4),
                breaks: chance.below(40),
            },
            setbacks,
            twins: kind == Kind::Twins,
            withholds: restored && seed % WITHHOLDS_EVERY == WITHHOLDS_AT,
            insistent: chance.percent(4),
            closes: chance.percent(10),
            chance,
        }
    }

    /// Whether a station may meet what another copy of it has signed.
    pub fn has_copies(&self) -> bool {
        self.setbacks > 0 || self.twins
    }

    /// The lines: pairs of stations, the inviter first. With three stations the first has two lines.
    pub fn lines(&self) -> Vec<[usize; 2]> {
        let mut lines = vec![[0, 1]];
        if self.natures.len() > 2 {
            lines.push([2, 0]);
        }
        lines
    }
}
