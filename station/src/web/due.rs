//! What is owed first on a request, until when, and what comes of silence: the block beside its ladder.

use counterpart_core::record::codes::OnSilence;
use counterpart_core::record::kind::Kind;

use super::frame::Due;
use super::seen::{due_of, needs};
use crate::view::owed::{Owed, OwedView};
use crate::view::request::RequestView;
use crate::view::{Side, Sight, names};

/// What is owed first, and until when.
pub(super) struct DueBox {
    pub what: String,
    pub sentence: String,
    pub due: Option<Due>,
    /// The time has passed.
    pub is_over: bool,
    /// How much of the time has passed, in hundredths; `None`: from when it runs is not known.
    pub passed: Option<u64>,
}

/// What is owed by us, or else by them; of an acceptance that they do not hold until when it must reach them.
pub(super) fn due(sight: &Sight<'_>, view: &RequestView) -> Option<DueBox> {
    let ours = |owed: &&OwedView| owed.who != Some(Side::Theirs);
    let Some(owed) = view.next.iter().find(ours).or_else(|| view.next.first()) else { return reach(sight, view) };
    let now = sight.telling.clocks.now;
    let begun = names::parse(sight.line, &owed.on.at).ok().and_then(|at| sight.view().fact(at)).map(|fact| fact.time);
    // A talk begins at its time, which is no time until which it runs.
    let by = owed.by.filter(|_| owed.what != Owed::Come);
    let passed = by.zip(begun).and_then(|(by, begun)| {
        let whole = by.0.since(begun);
        (whole > 0).then(|| (now.since(begun) * 100 / whole).min(100))
    });
    let due = due_of(sight, owed).filter(|_| owed.what != Owed::Come);
    // An answer has no date of its own: the time beside it is the one that its side has named.
    let promised = due.as_ref().filter(|_| by.is_none()).and(owed.who);
    let what = promised.map(|side| sight.telling.say("due-promised", &[("side", side.word().into())]));
    let is_over = due.as_ref().is_some_and(|due| due.until.0 < now);
    let after = due.as_ref().and_then(|_| after(sight, view, owed, is_over));
    Some(DueBox {
        what: what.unwrap_or_else(|| needs(sight, owed)),
        // Both times stand above it already.
        sentence: after.unwrap_or_else(|| owed.sentence.clone()),
        due,
        is_over,
        passed,
    })
}

/// What comes of it if nothing is written by then.
fn after(sight: &Sight<'_>, view: &RequestView, owed: &OwedView, is_over: bool) -> Option<String> {
    let id = match owed.what {
        Owed::Hold | Owed::See | Owed::Principal if is_over => "due-overdue",
        Owed::Hold | Owed::See | Owed::Principal => "due-noted",
        Owed::AnswerOffer => {
            let offer = view.offers.iter().find(|offer| offer.offer == owed.on)?;
            let stands = offer.on_silence.as_ref().is_some_and(|silence| silence.0 == OnSilence::Stands);
            if stands { "due-stands" } else { "due-lapses" }
        }
        Owed::TakeReady => "due-lapses",
        _ => return None,
    };
    let clause = ("clause", owed.clause.unwrap_or(0).into());
    Some(sight.telling.say(id, &[clause, ("name", (&owed.on.name).into())]))
}

/// Of an acceptance of ours that they do not hold: until when its offer runs, for what ends that may cross it.
fn reach(sight: &Sight<'_>, view: &RequestView) -> Option<DueBox> {
    let look = sight.view();
    let ask = look.fact(names::parse_in(sight.book(), &view.request.at).ok()?)?;
    let decision = look.decision(ask);
    if !decision.outcome.agreed() || look.covered_for(sight.me(), &decision) || look.ended().is_some() {
        return None;
    }
    let act = decision.deciding.iter().filter_map(|at| look.fact(*at)).find(|act| act.at.party == sight.me())?;
    let offer = look.fact_of(act.refers?, &[Kind::Offer, Kind::Ready])?;
    let until = look.deadline(offer, u64::MAX)?;
    Some(DueBox {
        what: sight.telling.say("due-reach", &[]),
        sentence: sight.telling.say("due-crosses", &[]),
        due: Some(Due::new(&sight.telling, until)),
        is_over: until < sight.telling.clocks.now,
        passed: None,
    })
}
