//! The four answers, in the same place on every page: how the lines are, what needs a person, what was said last, under which mark.

use counterpart_core::precedence::Mark;

use super::frame::{mark_class, state_class, word};
use super::seen::{Matter, Seen};
use crate::view::lines::ObservedState;
use crate::words::Words;

/// The four answers.
pub(super) struct Four {
    /// The class of the line's state; of several that of the worst. Empty without a line.
    pub class: &'static str,
    /// It is one line's: its drawing stands beside its word.
    pub is_one: bool,
    /// The word of one line's state; of several how many are open.
    pub lines: String,
    pub lines_small: String,
    /// How much needs this desk.
    pub count: usize,
    /// Something of it does so now.
    pub is_hot: bool,
    pub needs: String,
    pub needs_small: String,
    /// Where it is; empty: nowhere.
    pub needs_at: String,
    pub last: String,
    pub last_small: String,
    pub mark: Mark,
    pub mark_also: String,
    /// Texts that wait to be read and do not ring: the number at their tab.
    pub quiet: usize,
}

/// Something that needs this desk.
struct Need {
    what: String,
    /// On what.
    name: String,
    /// Until when; may be empty.
    by: String,
    at: String,
    is_now: bool,
}

impl Need {
    fn of(matter: &Matter) -> Need {
        Need {
            what: matter.needs.clone(),
            name: matter.view.thing.name.clone(),
            by: matter.due.as_ref().map_or_else(String::new, |due| due.by.clone()),
            at: matter.href.clone(),
            is_now: matter.is_pressing,
        }
    }

    /// Of a line itself.
    fn of_line(words: &Words, id: &str, seen: &Seen) -> Need {
        let name = seen.row.view.theirs.call_sign.clone();
        Need { what: words.say(id, &[]), name, by: String::new(), at: "/lines".into(), is_now: true }
    }
}

/// Everything that needs this desk: what is open, then lines that a person must look at, then what waits without ringing.
fn needs(words: &Words, all: &[Seen], unread: usize) -> Vec<Need> {
    let mut matters: Vec<&Matter> = all.iter().flat_map(|seen| &seen.matters).filter(|m| m.view.needs_us()).collect();
    matters.sort_by_key(|matter| matter.view.order());
    let mut needs: Vec<Need> = matters.into_iter().map(Need::of).collect();
    for seen in all.iter().filter(|seen| seen.needs_a_person()) {
        let id = if seen.waits.is_none() { "needs-broken" } else { "needs-restore" };
        needs.push(Need::of_line(words, id, seen));
    }
    let halted = all.iter().filter(|seen| seen.halted().is_some());
    needs.extend(halted.map(|seen| Need { at: seen.record(), ..Need::of_line(words, "needs-halted", seen) }));
    let told = |_| Need {
        what: words.say("needs-unread", &[]),
        name: String::new(),
        by: String::new(),
        at: "/lines".into(),
        is_now: true,
    };
    needs.extend((0..unread).map(told));
    needs.extend(all.iter().filter(|seen| seen.is_away()).map(|seen| Need::of_line(words, "needs-away", seen)));
    needs.extend(all.iter().filter(|seen| !seen.quiet.is_empty()).map(|seen| Need {
        what: words.say("needs-texts", &[("count", seen.quiet.len().into())]),
        at: seen.texts(),
        ..Need::of_line(words, "needs-away", seen)
    }));
    needs
}

impl Four {
    pub fn mark_class(&self) -> &'static str {
        mark_class(self.mark)
    }

    /// Of every line, and of so many that cannot be read.
    pub fn of_all(words: &Words, all: &[Seen], unread: usize, mark: Mark) -> Four {
        if let ([one], 0) = (all, unread) {
            return Four::of_line(words, one, mark);
        }
        let open = all.iter().filter(|seen| seen.row.view.observed.state == ObservedState::Open).count();
        let told = (unread > 0).then(|| words.say("lines-unread", &[("count", unread.into())]));
        let worst = all.iter().map(|seen| seen.row.view.observed.state).max();
        let (lines, lines_small) = match all {
            [] if unread > 0 => (told.unwrap_or_default(), String::new()),
            [] => (words.say("desk-no-line", &[]), words.say("desk-no-line-small", &[])),
            _ => {
                let count = |state: ObservedState| {
                    let count = all.iter().filter(|seen| seen.row.view.observed.state == state).count();
                    (count > 0).then(|| {
                        words.say("desk-count-state", &[("count", count.into()), ("state", word(words, state).into())])
                    })
                };
                let states = [ObservedState::Degraded, ObservedState::Silent, ObservedState::Down];
                let bound = all.iter().filter(|seen| !seen.signs()).count();
                let bound = (bound > 0).then(|| words.say("desk-lines-sign-nothing", &[("count", bound.into())]));
                let small: Vec<String> = states.into_iter().filter_map(count).chain(bound).chain(told).collect();
                let counts = [("open", open.into()), ("all", all.len().into()), ("not", (all.len() - open).into())];
                (words.say("desk-lines-open", &counts), small.join(", "))
            }
        };
        let class = if unread > 0 { "down" } else { worst.map_or("", state_class) };
        let last = all.iter().filter_map(|seen| seen.last.as_ref()).max_by_key(|last| last.time);
        let last = match last {
            Some(last) => Some((last.who.clone(), last.told.clone())),
            None => (unread > 0).then(|| (String::new(), words.say("desk-last-unread", &[]))),
        };
        let four = Four::of(words, all, unread, last, mark);
        Four { class, lines, lines_small, ..four }
    }

    /// Of one line.
    pub fn of_line(words: &Words, seen: &Seen, mark: Mark) -> Four {
        let view = &seen.row.view;
        let declared = words.state(view.theirs.declared.0);
        let bound = (!seen.signs()).then(|| words.say("desk-signs-nothing", &[]));
        let small = [
            view.theirs.call_sign.clone(),
            words.say("desk-declared", &[("state", declared.into())]),
            view.records.sentence.trim_end_matches('.').to_owned(),
        ];
        let small: Vec<String> = bound.into_iter().chain(small).collect();
        let last = seen.last.as_ref().map(|l| (l.who.clone(), l.told.clone()));
        let four = Four::of(words, std::slice::from_ref(seen), 0, last, mark);
        let (class, lines) = (state_class(view.observed.state), word(words, view.observed.state));
        Four { class, is_one: true, lines, lines_small: small.join(" · "), ..four }
    }

    fn of(words: &Words, all: &[Seen], unread: usize, last: Option<(String, String)>, mark: Mark) -> Four {
        let needing = needs(words, all, unread);
        let by = |need: &Need| [need.name.as_str(), &need.by].map(str::to_owned);
        let small = |need: &Need| match by(need) {
            [name, by] if by.is_empty() => name,
            [name, by] => words.say("desk-needs-by", &[("name", name.into()), ("by", by.into())]),
        };
        let first = |need: &Need| {
            let what = [need.what.as_str(), &need.by].into_iter().filter(|part| !part.is_empty());
            let what = what.collect::<Vec<_>>().join(", ");
            let id = if need.name.is_empty() { "desk-needs-first-line" } else { "desk-needs-first" };
            words.say(id, &[("name", (&need.name).into()), ("what", what.into())])
        };
        let (told, needs_small) = match needing.as_slice() {
            [] => (words.say("desk-needs-nothing", &[]), String::new()),
            [one] => (one.what.clone(), small(one)),
            [one, ..] => (words.say("desk-needs-count", &[("count", needing.len().into())]), first(one)),
        };
        let (last, last_small) = match last {
            Some((who, told)) => (told, who),
            None => (words.say("desk-last-nothing", &[]), String::new()),
        };
        Four {
            class: "",
            is_one: false,
            lines: String::new(),
            lines_small: String::new(),
            count: needing.len(),
            is_hot: needing.iter().any(|need| need.is_now),
            needs: told,
            needs_small,
            needs_at: needing.into_iter().next().map_or_else(String::new, |need| need.at),
            quiet: all.iter().map(|seen| seen.quiet.len()).sum(),
            last,
            last_small,
            mark,
            mark_also: mark_also(words, all, mark),
        }
    }
}

/// How many matters have another mark than the page, mark by mark.
fn mark_also(words: &Words, all: &[Seen], mark: Mark) -> String {
    let of = |other: Mark| {
        let count = all.iter().flat_map(|seen| &seen.matters).filter(|matter| matter.view.mark.0 == other).count();
        let args = [("count", count.into()), ("mark", words.coded(other).said.into())];
        (other != mark && count > 0).then(|| words.say("desk-mark-count", &args))
    };
    let others: Vec<String> = Mark::ALL.into_iter().filter_map(of).collect();
    match others.is_empty() {
        true => String::new(),
        false => words.say("desk-mark-also", &[("marks", others.join(", ").into())]),
    }
}
