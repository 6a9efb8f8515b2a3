//! That an epoch of a line has ended and what it broke off: told at both ends, most of all at the one that did not restore anything.

use std::collections::BTreeSet;

use counterpart_core::ids::{EntryRef, Epoch, unhex};
use counterpart_core::line::broken::{BrokenOff, Left, Tally};
use counterpart_core::line::facts::Fact;
use counterpart_core::precedence::{Mark, Precedence};
use serde::{Deserialize, Serialize};

use super::awaited::AwaitedView;
use super::request::posts;
use super::restore::counts_by_them;
use super::{ByWord, Moment, Named, Said, Side, Sight, Window};
use crate::api::sight::hexadecimal;
use crate::words::Arg;

/// Names that are told in one sentence.
const NAMES_MAX: usize = 12;
/// What is told in a list, each as a sentence; all of it stands in the record.
pub const LISTED_MAX: usize = 64;

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
    /// What keeps the epochs before it from being settled.
    #[serde(default)]
    pub awaited: Vec<AwaitedView>,
    /// What broke off before it and nobody here has taken note of: at most [`LISTED_MAX`].
    pub broken_off: Vec<BrokenOffView>,
    /// How much more did.
    pub more: u64,
    /// That as a sentence; absent if nothing more did.
    pub and_more: Option<String>,
    /// What all of that is known by, 16 hexadecimal digits: whoever takes note names it. Absent if nothing broke off.
    pub tally: Option<String>,
    /// What is to be done about that; absent if nothing broke off.
    #[serde(rename = "do")]
    pub instead: Option<String>,
}

/// How an ended epoch left something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LeftView {
    /// A request was open.
    Open,
    /// Of a request a time was agreed and still to come.
    Agreed,
    /// Nobody here had read a text or notice of theirs.
    Unread,
    /// Nobody here had taken note of what they did on a request, nor acted on that since.
    Untold,
}

/// Something that an ended epoch left without what it was for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BrokenOffView {
    /// The number of the epoch that has ended: the name is a name of that epoch.
    pub epoch: u64,
    /// The request, the text or notice, or their act.
    pub entry: Named,
    /// The request that it belongs to; itself for a request, a text or a notice.
    pub thing: Named,
    /// How it was left.
    pub left: LeftView,
    /// Who asked or wrote.
    pub owner: Side,
    /// The asking or writing post.
    pub from: String,
    /// Its counterpart.
    pub to: String,
    /// How urgent it was.
    pub precedence: ByWord<Precedence>,
    /// What it was for.
    pub mark: ByWord<Mark>,
    /// The time that was agreed and was still to come.
    pub agreed: Option<Window>,
    /// What broke off, as a sentence.
    pub sentence: String,
    /// The words that opened it, if they are held.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub said: Option<Said>,
}

impl BrokenOffView {
    /// Its page, below that of the line: that of the request, or of a text's entry.
    pub fn page(&self) -> String {
        let what = if self.left == LeftView::Unread { "entries" } else { "requests" };
        format!("{what}/{}", self.thing.at)
    }
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
        let more = (self.line.broken_off_unnoted().len() as u64).saturating_sub(LISTED_MAX as u64);
        let tally = self.line.tally().map(write_tally);
        // What can be looked at by itself is a request.
        let is_request = |broken: &&BrokenOffView| matches!(broken.left, LeftView::Open | LeftView::Agreed);
        let first = broken_off.iter().find(is_request).or(broken_off.first());
        let instead = first.zip(tally.as_ref()).map(|(first, tally)| {
            let kind = if is_request(&first) { "request" } else { "other" };
            let args = [
                ("kind", kind.into()),
                ("name", Arg::from(first.entry.name.clone())),
                ("of", first.epoch.to_string().into()),
                ("at", at.to_string().into()),
                ("tally", tally.into()),
            ];
            self.telling.say("epoch-do", &args)
        });
        Some(EpochView {
            epoch: self.line.epoch().number,
            opening: serving.named(at),
            opened_by: self.side(at.party),
            opened: Moment(opened),
            sentences,
            awaited: self.heads_awaited(),
            broken_off,
            more,
            and_more: (more > 0).then(|| self.telling.say("broken-more", &[("more", more.into())])),
            tally,
            instead,
        })
    }

    /// What broke off and nobody here has taken note of, as far as it is listed.
    pub fn broken_off(&self) -> Vec<BrokenOffView> {
        let listed = self.line.broken_off_unnoted().iter().take(LISTED_MAX);
        listed.filter_map(|broken| self.broken(broken)).collect()
    }

    fn broken(&self, broken: &BrokenOff) -> Option<BrokenOffView> {
        let sight = Sight { epoch: broken.epoch, ..*self };
        let (from, to) = posts(sight.view().fact(broken.thing)?);
        let (left, agreed) = match broken.left {
            Left::Open => (LeftView::Open, None),
            Left::Agreed(window) => (LeftView::Agreed, Some(window)),
            Left::Unread => (LeftView::Unread, None),
            Left::Untold => (LeftView::Untold, None),
        };
        // Of a request it is no matter which entry of it is told.
        let at = if broken.is_request() { broken.thing } else { broken.at };
        let entry = sight.named(at);
        let mut sentence = self.broken_sentence(&sight, broken, [&entry.name, &from, &to])?;
        if [at, broken.at].iter().any(|at| counts_by_them(&sight, *at)) {
            sentence = self.telling.say("broken-by-charter", &[("sentence", sentence.into())]);
        }
        Some(BrokenOffView {
            epoch: broken.epoch.number,
            entry,
            thing: sight.named(broken.thing),
            left,
            owner: self.side(at.party),
            from,
            to,
            precedence: ByWord(broken.precedence),
            mark: ByWord(broken.mark),
            agreed: agreed.map(Window::of),
            sentence: self.telling.words.marked(broken.mark, sentence),
            said: sight.said(broken.thing),
        })
    }

    /// One thing that broke off. `sight` is of its epoch.
    fn broken_sentence(&self, sight: &Sight<'_>, broken: &BrokenOff, [name, from, to]: [&String; 3]) -> Option<String> {
        let mut args = vec![
            ("name", Arg::from(name)),
            ("epoch", broken.epoch.number.to_string().into()),
            ("from", from.into()),
            ("to", to.into()),
            ("precedence", self.telling.words.coded_in(broken.precedence).into()),
        ];
        Some(match broken.left {
            Left::Open => self.telling.say("broken-open", &args),
            Left::Agreed(window) => {
                args.push(("window", self.telling.window(window).into()));
                self.telling.say("broken-agreed", &args)
            }
            Left::Unread => {
                args.push(("kind", sight.view().fact(broken.at)?.kind().word().into()));
                self.telling.say("broken-unread", &args)
            }
            Left::Untold => {
                args.push(("sentence", sight.act_sentence(broken.at, broken.thing).into()));
                self.telling.say("broken-untold", &args)
            }
        })
    }

    /// That an epoch ended and what broke off, in one sentence.
    pub(super) fn epoch_rings(&self, at: EntryRef) -> String {
        let unnoted = self.line.broken_off_unnoted();
        let sign = || Arg::from(super::names::call_sign(self.line, at.party).to_owned());
        let epoch = || Arg::from(self.line.epoch().number.to_string());
        if unnoted.is_empty() {
            return self.telling.say("ring-broken-noted", &[("sign", sign()), ("epoch", epoch())]);
        }
        // What was written of a request is called by its name, and that once.
        let mut known = BTreeSet::new();
        let things = unnoted.iter().map(|broken| (broken.epoch, broken.thing));
        let things: Vec<(Epoch, EntryRef)> = things.filter(|thing| known.insert(*thing)).collect();
        let name = |(epoch, thing): &(Epoch, EntryRef)| {
            let name = Sight { epoch: *epoch, ..*self }.named(*thing).name;
            self.telling.say("broken-name", &[("name", name.into()), ("epoch", epoch.number.to_string().into())])
        };
        let names: Vec<String> = things.iter().take(NAMES_MAX).map(name).collect();
        let args = [
            ("sign", sign()),
            ("epoch", epoch()),
            ("unseen", usize::from(!unnoted.iter().all(BrokenOff::is_request)).into()),
            ("more", (things.len() - names.len()).into()),
            ("names", names.join(", ").into()),
        ];
        self.telling.say("ring-broken-off", &args)
    }

    /// Whether a request of the epoch that is looked at broke off: it was open, or its talk was still to come.
    pub fn is_broken_off(&self, ask: &Fact) -> bool {
        self.line.is_broken_off(self.epoch, ask.at)
    }
}

/// What a list of what broke off is known by, as a page or a command names it.
pub fn read_tally(said: &str) -> Option<Tally> {
    unhex(said).map(Tally)
}

/// The same, written.
pub fn write_tally(Tally(bytes): Tally) -> String {
    hexadecimal(&bytes)
}
