//! A call as pages and programs are shown it.

use counterpart_voice::call;
use counterpart_voice::seat::Number;

use super::super::link::Link;
use super::super::view::{CallView, PersonView, Standing};
use super::super::{PlaceKey, TalkId};
use super::{Calls, bare};

/// So many talks are remembered in which somebody of theirs was heard.
const MET_MAX: usize = 64;

impl Calls {
    /// Nothing more is known of this call, but whether they came.
    pub(super) fn forget(&mut self, talk: &TalkId) {
        if self.held.remove(talk).is_some_and(|held| held.has_met) && !self.met.contains(talk) {
            self.met.truncate(MET_MAX - 1);
            self.met.push_front(*talk);
        }
    }

    /// A call as it is now.
    pub fn look(&mut self, talk: TalkId, place: Option<&PlaceKey>) -> Option<CallView> {
        let link = self.link(talk.line).ok();
        let (is_linked, is_degraded) = (link.is_some(), link.is_some_and(Link::is_degraded));
        let Some(held) = self.held.get(&talk) else {
            return self.met.contains(&talk).then(|| CallView::met(is_linked));
        };
        let me = place.and_then(|place| held.place_of(place));
        let theirs = held.theirs.as_ref();
        let call = self.exchange.call(held.number);
        let heard = call.as_ref().map(|call| call.reports()).unwrap_or_default();
        let rooms = call.as_ref().map(|call| call.rooms()).unwrap_or_default();
        let through = call.as_ref().map(|call| call.through());
        let state = match (&held.over, call) {
            (Some(over), _) => over.state.clone(),
            (None, Some(call)) => call.state(held.number),
            (None, None) => bare(held.number),
        };
        let standing = match &held.over {
            Some(over) => Standing::Over(over.by, over.reason),
            None if held.is_open => Standing::Open,
            None => Standing::Empty,
        };
        // What they tell of it later takes nothing back: ours are on the line until the call says otherwise.
        let through = through.unwrap_or([state.through, theirs.is_some_and(|state| state.through)]);
        let mut ours = people(&state.people, theirs.map_or(&[][..], |state| &state.reports[..]));
        ours.iter_mut().for_each(|person| person.room = rooms[person.number.index()]);
        let theirs = theirs.map_or_else(Vec::new, |state| people(&state.people, &heard));
        let is_unheard = held.shown.as_ref().is_some_and(|(_, _, is_unheard, _)| *is_unheard);
        let breach = self.breaches.get(&talk.line).map(|(what, _)| *what);
        let (through_since, waiting) = (held.through_since, held.waiting());
        let (has_joined, has_met) = (held.has_joined, held.has_met);
        Some(CallView {
            standing,
            ours,
            theirs,
            me,
            through,
            through_since,
            has_joined,
            has_met,
            waiting,
            is_linked,
            is_degraded,
            is_unheard,
            breach,
        })
    }
}

/// People as they are named, with how their voices arrive.
fn people(named: &[(Number, call::Named)], reports: &[call::Report]) -> Vec<PersonView> {
    let arrived = |number| reports.iter().find(|report| report.person == number).map(|report| report.arrived);
    let person = |(number, named): &(Number, call::Named)| PersonView {
        number: *number,
        named: *named,
        room: None,
        arrived: arrived(*number),
    };
    named.iter().map(person).collect()
}
