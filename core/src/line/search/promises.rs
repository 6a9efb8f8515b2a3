//! What is promised of restored copies, looked for in one state or between two.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::closing::unsettles;
use super::world::{Disk, Log, World};
use super::{RESTORED, UNMARKED};
use crate::ids::Epoch;
use crate::limits;
use crate::line::crossing::{Outcome, Say};
use crate::record::opening::Opening;
use crate::record::what::What;

/// 1: who knows that it is a copy signs no index twice. 4c: of two entries at one index by such a copy one at least says, in its log, that
/// it follows a restore.
pub fn twice(world: &World, at: usize) -> Vec<String> {
    let mut places = std::collections::BTreeMap::<_, Vec<&Log>>::new();
    for log in world.signed[at].iter().filter(|_| !world.unmarked[at]) {
        let Some(last) = log.last() else { continue };
        let place = places.entry((last.header.epoch, last.header.own.size)).or_default();
        if place.iter().all(|other| other.last().is_some_and(|other| other.leaf != last.leaf)) {
            place.push(log);
        }
    }
    let mut found = Vec::new();
    for (place, logs) in places.iter().filter(|(_, logs)| logs.len() > 1) {
        found.push(format!("1: a marked copy signs an index twice: {place:?}"));
        if logs.iter().filter(|log| !says_restored(log)).count() > 1 {
            found.push(format!("4c: and nothing in either log says that it was restored: {place:?}"));
        }
    }
    found
}

/// Whether a log says that its author was restored: root opened its epoch, or it joins as one that has opened before.
fn says_restored(log: &Log) -> bool {
    matches!(opening(log), Some(Opening::Opened { .. } | Opening::Joined { restored: true, .. }))
}

fn opening(log: &Log) -> Option<Opening> {
    match &log.first()?.header.what {
        Ok(What::Charter(args)) => Opening::read(args),
        _ => None,
    }
}

/// 1b: who is shown more of its own log than it holds, or a branch, does not go on signing.
pub fn noticed(world: &World, at: usize, message: &Disk) -> Option<String> {
    let station = &world.stations[at];
    let (epoch, me) = (station.line.epoch(), station.me());
    let shown = message.get(&(epoch, me)).map_or(&[][..], Vec::as_slice);
    let own = station.log(epoch, me);
    let prefix = shown.len() <= own.len() && shown.iter().zip(own).all(|(a, b)| a.leaf == b.leaf);
    (!prefix && world.signs(at)).then(|| "1b: more of ours, or a branch, passed unnoticed".to_string())
}

/// 4a: nothing stands in our log that we did not sign.
pub fn not_ours(world: &World) -> Option<String> {
    let station = &world.stations[0];
    let signed = |leaf| world.signed[0].iter().any(|log| log.last().is_some_and(|entry| entry.leaf == leaf));
    let own = station.disk.iter().filter(|((_, party), _)| *party == station.me()).flat_map(|(_, log)| log);
    let foreign = own.into_iter().find(|entry| !signed(entry.leaf))?;
    Some(format!("4a: an entry that we did not sign stands in our log: {:?}", foreign.header.at()))
}

/// How often a side was restored.
pub fn count(world: &World, at: usize) -> usize {
    let restored = [RESTORED[at], UNMARKED[at]];
    world.spent.iter().filter(|spent| restored.contains(spent)).count()
}

pub fn broken(before: &World, after: &World) -> Vec<String> {
    for at in [0, 1] {
        let found = twice(after, at);
        if !found.is_empty() {
            return found;
        }
        if count(before, at) != count(after, at) {
            continue;
        }
        if !after.unmarked.contains(&true) {
            let found = unsettles(before, after, at);
            if found.is_some() {
                return found.into_iter().collect();
            }
        }
        let (then, now) = (&before.stations[at], &after.stations[at]);
        if then.disk.iter().any(|(place, log)| now.disk.get(place).is_none_or(|n| n.len() < log.len())) {
            return vec!["2: a held entry is lost".into()];
        }
        let answered = Outcome::Said(Say::Answered);
        let (was, is) = (then.status(), now.status());
        let kept =
            |(place, outcome): (&(Epoch, u64), &Outcome)| *outcome != answered || is.get(place) == Some(&answered);
        if !after.unmarked.contains(&true) && !was.iter().all(kept) {
            return vec!["5: what was ANSWERED is no more".into()];
        }
    }
    Vec::new()
}

/// 8: whoever has a key of ours cannot make an epoch that we open a jump for who knows all that roots have opened before.
pub fn jumps(world: &World) -> Option<String> {
    let by_root = |log: &Log| matches!(opening(log), Some(Opening::Opened { .. })) && log.len() == 1;
    let opened = |at: usize| world.signed[at].iter().filter(|log| by_root(log)).filter_map(|log| log.first());
    let mut numbers: Vec<u64> = [0, 1].into_iter().flat_map(opened).map(|first| first.header.epoch.number).collect();
    numbers.sort_unstable();
    let below = [0].into_iter().chain(numbers.iter().copied());
    let far = below.zip(&numbers).find(|(below, number)| **number > below + limits::EPOCH_JUMP_MAX);
    far.map(|(below, number)| format!("8: an epoch jumps from {below} to {number}"))
}
