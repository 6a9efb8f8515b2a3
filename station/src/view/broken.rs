//! That an epoch of a line has ended and what it broke off: told at both ends, most of all at the one that did not restore anything.

use counterpart_core::ids::EntryRef;
use counterpart_core::line::broken::BrokenOff;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::Fact;
use counterpart_core::precedence::{Mark, Precedence};
use serde::{Deserialize, Serialize};

use super::request::posts;
use super::restore::counts_by_them;
use super::{ByWord, Moment, Named, Side, Sight, Window};
use crate::words::Arg;

/// Names that are told in one sentence; all of them stand in the lists.
const NAMES_MAX: usize = 12;

/// The epoch that serves, if it is not the first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EpochView {
    /// Its number.
    pub epoch: u64,
    /// The charter that opened it.
    pub opening: Named,
    /// Who opened it.
    pub opened_by: Side,
    /// When, by their clock.
    pub opened: Moment,
    /// Who opened it, when, and that the record gives no reason, as sentences.
    pub sentences: Vec<String>,
    /// What broke off before it and nobody here has taken note of.
    pub broken_off: Vec<BrokenOffView>,
    /// What is to be done about that; absent if nothing broke off.
    #[serde(rename = "do")]
    pub instead: Option<String>,
}

/// A request that an ended epoch left without what it was for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BrokenOffView {
    /// The number of the epoch that has ended: the name is a name of that epoch.
    pub epoch: u64,
    /// The ask.
    pub request: Named,
    /// Who asked.
    pub owner: Side,
    /// The asking post.
    pub from: String,
    /// Its counterpart.
    pub to: String,
    /// How urgent it was.
    pub precedence: ByWord<Precedence>,
    /// What it was for.
    pub mark: ByWord<Mark>,
    /// The time that was agreed and was still to come; absent: it was open.
    pub agreed: Option<Window>,
    /// What broke off, as a sentence.
    pub sentence: String,
}

impl<'a> Sight<'a> {
    /// The epoch that serves and what broke off before it; `None` in the first.
    pub fn epoch_view(&self) -> Option<EpochView> {
        let serving = Sight { epoch: self.line.epoch(), ..*self };
        let at = self.line.opened_by()?;
        let opened = serving.view().fact(at)?.time;
        let number = || Arg::from(self.line.epoch().number.to_string());
        let sign = || Arg::from(super::names::call_sign(self.line, at.party).to_owned());
        let began = [("epoch", number()), ("sign", sign()), ("time", self.telling.both(opened).into())];
        let sentences = vec![self.telling.say("epoch-began", &began), self.telling.say("epoch-why", &[])];
        let broken_off = self.broken_off();
        let first = broken_off.first().map(|broken| (broken.request.name.clone(), broken.epoch));
        let instead = first.map(|(name, of)| {
            let args = [("name", name.into()), ("of", of.to_string().into()), ("at", at.to_string().into())];
            self.telling.say("epoch-do", &args)
        });
        Some(EpochView {
            epoch: self.line.epoch().number,
            opening: serving.named(at),
            opened_by: self.side(at.party),
            opened: Moment(opened),
            sentences,
            broken_off,
            instead,
        })
    }

    /// What broke off and nobody here has taken note of.
    pub fn broken_off(&self) -> Vec<BrokenOffView> {
        self.line.broken_off_unnoted().filter_map(|broken| self.broken(broken)).collect()
    }

    fn broken(&self, broken: &BrokenOff) -> Option<BrokenOffView> {
        let sight = Sight { epoch: broken.epoch, ..*self };
        let (from, to) = posts(sight.view().fact(broken.ask)?);
        let request = sight.named(broken.ask);
        let args = [
            ("name", Arg::from(request.name.clone())),
            ("epoch", broken.epoch.number.to_string().into()),
            ("from", from.clone().into()),
            ("to", to.clone().into()),
            ("precedence", self.telling.words.coded_in(broken.precedence).into()),
        ];
        let sentence = match broken.agreed {
            None => self.telling.say("broken-open", &args),
            Some(window) => {
                let window = [("window", self.telling.window(window).into())];
                self.telling.say("broken-agreed", &args.into_iter().chain(window).collect::<Vec<_>>())
            }
        };
        let sentence = match counts_by_them(&sight, broken.ask) {
            true => self.telling.say("broken-by-charter", &[("sentence", sentence.into())]),
            false => sentence,
        };
        Some(BrokenOffView {
            epoch: broken.epoch.number,
            request,
            owner: self.side(broken.ask.party),
            from,
            to,
            precedence: ByWord(broken.precedence),
            mark: ByWord(broken.mark),
            agreed: broken.agreed.map(Window::of),
            sentence: self.telling.words.marked(broken.mark, sentence),
        })
    }

    /// That an epoch ended and what broke off, in one sentence.
    pub(super) fn epoch_rings(&self, at: EntryRef) -> String {
        let broken = self.broken_off();
        let sign = || Arg::from(super::names::call_sign(self.line, at.party).to_owned());
        let epoch = || Arg::from(self.line.epoch().number.to_string());
        if broken.is_empty() {
            return self.telling.say("ring-broken-noted", &[("sign", sign()), ("epoch", epoch())]);
        }
        let name = |broken: &BrokenOffView| {
            let args = [("name", (&broken.request.name).into()), ("epoch", broken.epoch.to_string().into())];
            self.telling.say("broken-name", &args)
        };
        let names: Vec<String> = broken.iter().take(NAMES_MAX).map(name).collect();
        let more = broken.len() - names.len();
        let args = [("sign", sign()), ("epoch", epoch()), ("names", names.join(", ").into()), ("more", more.into())];
        self.telling.say("ring-broken-off", &args)
    }

    /// Whether a request of the epoch that is looked at broke off: it was open, or its talk was still to come.
    pub fn is_broken_off(&self, ask: &Fact) -> bool {
        let here = |broken: &BrokenOff| (broken.epoch, broken.ask) == (self.epoch, ask.at);
        self.view().decision(ask).outcome == Outcome::BrokenOff || self.line.broken_off().any(here)
    }
}
