//! The person with the root key: looks at what a copy waits for, takes or refuses what the peer has shown by root's own list,
//! and opens epochs (`docs/protocol.md` §4.6).

use counterpart_core::ids::EntryRef;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::judging::has_ended;
use counterpart_core::line::restore::{Judgement, NewEpoch, Part, Restore, Showing, Word as Because};
use counterpart_core::line::turn::{Answer, Given, Written};
use counterpart_core::link::output::Now;
use counterpart_core::record::sign1::{PublicKey, Sign};

use crate::keys::{KeySet, Signing};
use crate::promises::Held;
use crate::station::{Message, Opened, Station, Word};
use crate::world::{Event, World};

/// A peer that has been connected for so long and has shown nothing withholds it (`docs/protocol.md` §4.6).
const WITHHELD_MS: u64 = 3_600_000;

/// What root's words came to, within one turn.
#[derive(Debug, Default)]
pub struct Rooted {
    /// To be stored.
    pub written: Vec<Written>,
    /// To be stored.
    pub refused: Vec<Part>,
    /// One for each word.
    pub answers: Vec<Answer>,
    /// To be stored: our link key was shown to be retired, or we have a new one.
    pub retired: Option<Option<u64>>,
    /// An epoch was opened.
    pub opened: Option<Opened>,
}

impl Station {
    /// Does what root says, on the tentative state of a line.
    pub(crate) fn by_root(
        &mut self,
        at: usize,
        word: Word,
        (now, conduct, verify): (Now, Conduct, &Signing),
        rooted: &mut Rooted,
    ) {
        let sign = self.key_of(self.kept[at].line.signer());
        let kept = &mut self.kept[at];
        let journal = &kept.journal;
        let stored = |epoch, at: EntryRef| journal.entry(epoch, at).map(|s| s.entry.bytes.clone());
        let given = Given { now: now.wall, conduct, monotonic_ms: now.ms, sign: &sign.entry, verify, stored: &stored };
        let because = kept.line.restore();
        let new = match word {
            Word::Judges(judgement) => {
                match kept.line.take_back(&judgement, &stored) {
                    Ok(judged) => {
                        rooted.written.extend(judged.written);
                        rooted.refused.extend(judged.refused);
                    }
                    Err(refusal) => rooted.answers.push(Answer::Refused(refusal)),
                }
                return;
            }
            Word::Opens(new) => new,
        };
        match kept.line.open_epoch(&new, &*self.root, &given) {
            Ok(judged) => {
                let [station, ..] = new.keys;
                let key = PublicKey::from_bytes(station);
                rooted.written.extend(judged.written);
                rooted.refused.extend(judged.refused);
                rooted.retired = Some(None);
                rooted.opened = Some(Opened { because, word: new.word, key });
            }
            Err(refusal) => rooted.answers.push(Answer::Refused(refusal)),
        }
    }
}

impl World {
    /// The person with the root key looks at every line of a station; and comes again.
    pub(crate) fn with_root(&mut self, station: usize) -> Held {
        if !self.has_root(station) {
            return Ok(());
        }
        let (from, to) = if self.healed { (2_000, 20_000) } else { (300_000, 30_000_000) };
        let pause = self.chance.scaled(from, to);
        self.after(pause, Event::Root(station));
        if !self.stations[station].running || self.stations[station].pending.is_some() {
            return Ok(());
        }
        for at in 0..self.stations[station].kept.len() {
            if let Some(word) = self.word(station, at) {
                self.put(station, at, Message::Root(Box::new(word)));
            }
        }
        Ok(())
    }

    /// What that person does on one line now, if anything.
    fn word(&mut self, station: usize, at: usize) -> Option<Word> {
        let kept = &self.stations[station].kept[at];
        let (line, wire, me) = (&kept.line, kept.wire, kept.line.me());
        if kept.journal.serving().size(me) == 0 {
            return None;
        }
        let (restore, halted, retired) = (line.restore(), line.halted().is_some(), kept.journal.retired.is_some());
        let waits = line.awaits_judgement();
        // A peer that is there now and again, and withholds, is not dark.
        let unheard = kept.current.is_none() && !self.is_withheld(wire);
        let granted = &self.wires[wire].granted[me.slot()];
        let judgement = said(&line.shown(), granted, self.chance.percent(65));
        let drawn = self.chance.below(100);
        let (because, judgement) = match restore {
            Restore::Nothing if waits => return Some(Word::Judges(judgement)),
            Restore::Nothing if self.is_to_open(station, at) => (Because::Heard, Judgement::default()),
            // A person may renew keys, and lift a halt, at any time.
            Restore::Nothing if !self.healed && (halted && drawn < 30 || drawn < 1) => {
                (Because::Heard, Judgement::default())
            }
            Restore::Nothing => return None,
            // Too early, unless nobody can be heard: a peer that cannot be reached, or that knows our link key no more.
            Restore::Peer if retired || unheard && (self.healed || drawn < 30) => (Because::Dark, judgement),
            Restore::Peer if kept.unshown_ms >= WITHHELD_MS => (Because::Withheld, judgement),
            Restore::Peer if drawn < 60 => (Because::Heard, judgement),
            Restore::Peer => return None,
            Restore::Judgement if drawn < 25 => return Some(Word::Judges(judgement)),
            Restore::Judgement if drawn < 40 => (Because::Heard, Judgement::default()),
            Restore::Judgement | Restore::Opening(_) => (Because::Heard, judgement),
        };
        let new = self.fresh(station, because, judgement);
        Some(Word::Opens(new))
    }

    /// Fresh keys: on disk, and in every backup that is made from now on.
    fn fresh(&mut self, station: usize, word: Because, judgement: Judgement) -> NewEpoch {
        let set = KeySet::new(self.chance.bytes(), self.plan.signing);
        let keys = [*set.entry.public().as_bytes(), set.link, set.word];
        self.stations[station].keys.push(set.into());
        NewEpoch { id: self.chance.bytes(), keys, word, judgement }
    }
}

/// What a person says of the parts that they see: what a key made that root's list has not ended is taken, the rest as they like. Of two
/// parts of one epoch that exclude one another the first is taken.
fn said(shown: &[Showing<'_>], granted: &[PublicKey], takes_ended: bool) -> Judgement {
    let mut judgement = Judgement::default();
    for part in shown.iter().filter(|shown| shown.waits) {
        let taken = judgement.take.iter().any(|taken| taken.epoch == part.epoch);
        if has_ended(granted, &part.signer) && !takes_ended {
            judgement.refuse.push(part.part());
        } else if !taken {
            judgement.take.push(part.part());
        }
    }
    judgement
}
