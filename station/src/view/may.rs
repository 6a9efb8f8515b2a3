//! What this side may do now on a request, by the same judgement that would refuse it. What it may not do stays in the list, with
//! the reason.

use counterpart_core::act::{Act, Target};
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::Fact;
use counterpart_core::line::talk::Word;
use counterpart_core::precedence::Mark;
use counterpart_core::record::codes::{Code, Instrument, OnSilence};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::{Offered, What};
use counterpart_core::time::{Timestamp, Window};
use serde::{Deserialize, Serialize};

use super::{Named, Sight};
use crate::words::Why;

/// An act, and whether it would be written now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MayView {
    /// The command's word.
    pub act: String,
    /// On what.
    pub on: Named,
    /// Whether it would be written.
    pub may: bool,
    /// Why not.
    pub why: Option<Why>,
}

/// An hour, in milliseconds: any time ahead serves to ask whether times could be offered at all.
const HOUR_MS: u64 = 3_600_000;

impl<'a> Sight<'a> {
    /// Every act that a person may want on this request and its open offers; none in an epoch that has ended.
    pub fn acts(&self, request: &'a Fact) -> Vec<MayView> {
        let now = self.telling.clocks.now;
        let view = self.view();
        if view.ended().is_some() {
            return Vec::new();
        }
        let mut acts: Vec<(Act, &Fact)> = on_request(request, now).into_iter().map(|act| (act, request)).collect();
        acts.extend(self.again(request).map(|act| (act, request)));
        let offers = view.thread(request.at).filter(|f| matches!(f.kind(), Kind::Offer | Kind::Ready));
        for offer in offers.filter(|o| view.decision(o).outcome == Outcome::Open) {
            let theirs = offer.at.party != self.me();
            acts.extend(on_offer(offer, theirs).into_iter().map(|act| (act, offer)));
        }
        // Whoever has signed that they joined does not say that nobody came (decision 13).
        let (word, said) = view.word(self.me(), request);
        let joined = said.first().copied().filter(|_| word == Word::Joined);
        let judged = acts.into_iter().map(|(act, on)| {
            let joined = joined.filter(|_| matches!(act, Act::Missed { .. })).map(|at| self.has_joined(at));
            let why = joined.or_else(|| self.line.would(&act, None, now).err().map(|refusal| self.refusal(&refusal)));
            MayView { act: act.word().into(), on: self.named(on.at), may: why.is_none(), why }
        });
        judged.collect()
    }

    /// Asking again between the same posts, from our side.
    fn again(&self, request: &Fact) -> Option<Act> {
        let (from, to) = request.posts.clone()?;
        let (from, to) = if request.at.party == self.me() { (from, to) } else { (to, from) };
        let What::Ask { mode, private } = request.what else { return None };
        Some(Act::Ask {
            from,
            to,
            precedence: self.view().precedence(request),
            mark: request.mark.unwrap_or(Mark::Operation),
            mode,
            private,
            valid_until: None,
            again: Some(request.at),
        })
    }
}

fn on_request(request: &Fact, now: Timestamp) -> Vec<Act> {
    let (on, request) = (Target::Latest(request.at), request.at);
    let code = Code::Unstated;
    let span = |start: Timestamp, end: Timestamp| Window::new(start, end);
    let ahead = span(now.plus(HOUR_MS), now.plus(2 * HOUR_MS));
    let windows = ahead.map(|window| Offered { window, zone: "UTC".into() }).into_iter().collect();
    let offer = Act::Offer { on, windows, answer_by: now.plus(HOUR_MS), on_silence: OnSilence::Lapses, code: None };
    let mut acts = vec![
        Act::Seen { on },
        Act::Refer { on },
        Act::Defer { on, code, until: None },
        Act::Answer { on },
        Act::Decline { on, code },
        offer,
        Act::Ready { on },
        Act::Renew { request, valid_until: None, precedence: None },
        Act::Suspend { request },
        Act::Resume { request },
        Act::Withdraw { thing: request },
        Act::Cancel { request, code },
        Act::Missed { request },
    ];
    let past = span(Timestamp(now.0.saturating_sub(2)), Timestamp(now.0.saturating_sub(1)));
    let instrument = Instrument::Telephone;
    acts.extend(past.map(|when| Act::Talk { request, when, instrument, posts: Vec::new() }));
    acts.extend(past.map(|when| Act::Sheet { request, when, posts: Vec::new(), languages: Vec::new() }));
    acts
}

fn on_offer(offer: &Fact, theirs: bool) -> Vec<Act> {
    if !theirs {
        return vec![Act::Withdraw { thing: offer.at }];
    }
    let on = Target::Entry(offer.at);
    let window = match &offer.what {
        What::Offer { windows, .. } => windows.last().map(|o| o.window),
        _ => None,
    };
    let accept = Act::Accept { offer: offer.at, window };
    vec![accept, Act::Decline { on, code: Code::Unstated }, Act::Seen { on }, Act::Refer { on }]
}
