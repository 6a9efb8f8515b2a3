//! Why an epoch that has ended is not settled: which head is awaited, and whose charter names it (`docs/protocol.md` §4.6).

use counterpart_core::line::closing::Awaited;
use counterpart_core::line::epoch::Ended;
use serde::{Deserialize, Serialize};

use super::{Side, Sight};
use crate::words::Arg;

/// A head of an ended epoch that a charter names and that is not held here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AwaitedView {
    /// The number of the epoch.
    pub epoch: u64,
    /// Of whose log.
    pub log: Side,
    /// Whose charter names it.
    pub by: Side,
    /// Entries of that log that are held here and can be read.
    pub held: u64,
    /// Entries up to the head; not more than `held` if the log that is held here is another one.
    pub named: u64,
    /// That as a sentence.
    pub sentence: String,
}

impl Sight<'_> {
    /// What keeps ended epochs of the line from being settled.
    pub fn heads_awaited(&self) -> Vec<AwaitedView> {
        self.line.awaited().iter().map(|awaited| self.awaits(awaited)).collect()
    }

    /// Why the epoch that is looked at, which has ended, is not settled; nothing if it is.
    pub fn unsettled_because(&self) -> Vec<String> {
        if self.view().ended() != Some(Ended::Unsettled) {
            return Vec::new();
        }
        let awaited = self.line.awaited();
        // What is not known of an epoch above, which may have closed this one, keeps it open too.
        let (here, rest): (Vec<&Awaited>, Vec<&Awaited>) =
            awaited.iter().partition(|awaited| awaited.epoch == self.epoch);
        let above: Vec<_> = rest.into_iter().filter(|awaited| awaited.epoch > self.epoch).collect();
        let heads = if here.is_empty() { above } else { here };
        if !heads.is_empty() {
            return heads.into_iter().map(|awaited| self.awaits(awaited).sentence).collect();
        }
        vec![self.telling.say("awaited-charters", &[("epoch", self.epoch.number.to_string().into())])]
    }

    fn awaits(&self, awaited: &Awaited) -> AwaitedView {
        let Awaited { epoch, of, by, from, to } = *awaited;
        let (log, author) = (self.side(of), self.side(by));
        let args = [
            ("epoch", Arg::from(epoch.number.to_string())),
            ("log", log.word().into()),
            ("by", author.word().into()),
            ("size", from.to_string().into()),
            ("last", to.saturating_sub(1).to_string().into()),
        ];
        let id = match to > from {
            true if of == by => "awaited-alone",
            true => "awaited-coming",
            false => "awaited-never",
        };
        let sentence = self.telling.say(id, &args);
        AwaitedView { epoch: epoch.number, log, by: author, held: from, named: to, sentence }
    }
}
