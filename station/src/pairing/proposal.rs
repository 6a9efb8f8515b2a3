//! The rules that an invitation proposes, and how a person says them: in a command, to the API, on the desk and in a story by the
//! same words and within the same limits.

use counterpart_core::limits;
use counterpart_core::record::charter::Checks;

use crate::spans::{minute_of_day, seconds, written};
use crate::words::{Sentence, Tell};

const DAY_S: u64 = 86_400;
/// Minutes of a day at which the line may be tested.
const CHECK_TIMES_MAX: usize = 24;

/// The rules that an invitation proposes for its line, in seconds; lists by precedence begin with ROUTINE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// Their station holds an attempt within.
    pub station_s: u64,
    /// Their watch has seen it within.
    pub watch_s: [u64; 4],
    /// Their principal has deferred, offered or come within.
    pub principal_s: u64,
    /// A renewal sooner than this after the last attempt is none. `None`: the time that their watch may take. Until then nothing is
    /// late, and to ring again would only press.
    pub pacing_s: Option<[u64; 4]>,
    /// When watch checks are due; `None`: as the configuration says.
    pub checks: Option<Checks>,
    /// No lapse is written sooner than this after its deadline.
    pub grace_s: u64,
    /// How long a `ready` can be taken up.
    pub recall_s: u64,
    /// The types of entry that may be spoken of in public, by number. By default none: what may be said is agreed on, not
    /// assumed.
    pub public: Vec<u64>,
}

impl Default for Proposal {
    fn default() -> Proposal {
        Proposal {
            station_s: 60,
            watch_s: [8 * 3_600, 60 * 60, 15 * 60, 5 * 60],
            principal_s: 2 * DAY_S,
            pacing_s: None,
            checks: None,
            grace_s: 60,
            recall_s: 15 * 60,
            public: Vec::new(),
        }
    }
}

/// A rule that a person may set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Term {
    /// Clause 4.
    Station,
    /// Clause 5, by precedence.
    Watch,
    /// Clause 6.
    Principal,
    /// Clause 7, by precedence.
    Pace,
    /// Clause 8.
    Checks,
    /// Clause 10.
    Grace,
    /// Clause 14.
    Recall,
}

impl Term {
    /// All, in the order of their clauses.
    pub const ALL: [Term; 7] =
        [Term::Station, Term::Watch, Term::Principal, Term::Pace, Term::Checks, Term::Grace, Term::Recall];

    /// Its name in commands, forms and stories.
    pub fn word(self) -> &'static str {
        match self {
            Term::Station => "station",
            Term::Watch => "watch",
            Term::Principal => "principal",
            Term::Pace => "pace",
            Term::Checks => "checks",
            Term::Grace => "grace",
            Term::Recall => "recall",
        }
    }

    /// The rule of this name.
    pub fn parse(word: &str) -> Option<Term> {
        Term::ALL.into_iter().find(|term| term.word() == word)
    }

    /// Whether it is one span for each precedence.
    pub fn is_by_precedence(self) -> bool {
        matches!(self, Term::Watch | Term::Pace)
    }

    /// What it is, as it stands beside a field.
    pub fn label(self) -> &'static str {
        match self {
            Term::Station => "term-station",
            Term::Watch => "term-watch",
            Term::Principal => "term-principal",
            Term::Pace => "term-pace",
            Term::Checks => "term-checks",
            Term::Grace => "term-grace",
            Term::Recall => "term-recall",
        }
    }
}

/// What is wrong with what was said of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// It is no span of time.
    Span,
    /// It is neither one span nor four by precedence.
    Spans,
    /// It is no schedule.
    Checks,
    /// It is longer than a charter can say.
    TooLong,
}

/// Why what was said of a rule is not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TermFault {
    /// The rule.
    pub term: Term,
    /// What was said.
    pub said: String,
    /// What is wrong with it.
    pub unfit: Unfit,
}

impl Tell for TermFault {
    fn sentence(&self) -> Sentence {
        let id = match self.unfit {
            Unfit::Span => "term-no-span",
            Unfit::Spans => "term-no-spans",
            Unfit::Checks => "term-no-checks",
            Unfit::TooLong => "term-too-long",
        };
        let named = Sentence::new(id).with("name", self.term.word()).saying("term", Sentence::new(self.term.label()));
        named.with("said", &self.said).with("days", limits::SPAN_MAX_S / DAY_S)
    }
}

impl Proposal {
    /// Takes what a person says of one rule.
    ///
    /// # Errors
    /// [`TermFault`]; nothing is changed.
    pub fn set(&mut self, term: Term, said: &str) -> Result<(), TermFault> {
        let fault = |unfit| TermFault { term, said: said.into(), unfit };
        let one = || span(said, Unfit::Span).map_err(fault);
        let four = || spans(said).map_err(fault);
        match term {
            Term::Station => self.station_s = one()?,
            Term::Watch => self.watch_s = four()?,
            Term::Principal => self.principal_s = one()?,
            Term::Pace => self.pacing_s = Some(four()?),
            Term::Checks => self.checks = Some(checks(said).ok_or_else(|| fault(Unfit::Checks))?),
            Term::Grace => self.grace_s = one()?,
            Term::Recall => self.recall_s = one()?,
        }
        Ok(())
    }

    /// The pace that is meant.
    pub fn pace_s(&self) -> [u64; 4] {
        self.pacing_s.unwrap_or(self.watch_s)
    }

    /// What [`Proposal::set`] would take for this rule: one for each precedence where they differ by it; none for a pace that is the
    /// watch's, and for checks, which are as the configuration says.
    pub fn said(&self, term: Term) -> Vec<String> {
        let each = |spans: &[u64]| spans.iter().map(|span| written(*span)).collect();
        match term {
            Term::Station => each(&[self.station_s]),
            Term::Watch => each(&self.watch_s),
            Term::Principal => each(&[self.principal_s]),
            Term::Pace => self.pacing_s.as_ref().map_or_else(Vec::new, |pace| each(pace)),
            Term::Checks => Vec::new(),
            Term::Grace => each(&[self.grace_s]),
            Term::Recall => each(&[self.recall_s]),
        }
    }
}

/// A span that a charter can name.
fn span(said: &str, unfit: Unfit) -> Result<u64, Unfit> {
    let span = seconds(said.trim()).ok_or(unfit)?;
    if span > limits::SPAN_MAX_S { Err(Unfit::TooLong) } else { Ok(span) }
}

/// Four by precedence, ROUTINE first; or one for all.
fn spans(said: &str) -> Result<[u64; 4], Unfit> {
    let spans = said.split(',').map(|said| span(said, Unfit::Spans)).collect::<Result<Vec<u64>, Unfit>>()?;
    match spans.as_slice() {
        [one] => Ok([*one; 4]),
        [routine, priority, immediate, flash] => Ok([*routine, *priority, *immediate, *flash]),
        _ => Err(Unfit::Spans),
    }
}

/// When watch checks are due: `never`, every so often, or at times of the UTC day.
fn checks(said: &str) -> Option<Checks> {
    let said = said.trim();
    if said == "never" {
        return Some(Checks::Every(0));
    }
    if let Some(every) = seconds(said) {
        return (60..=DAY_S).contains(&every).then_some(Checks::Every(every));
    }
    let minutes: Option<Vec<u64>> = said.split(',').map(|time| minute_of_day(time.trim())).collect();
    minutes.filter(|minutes| minutes.is_sorted_by(|a, b| a < b) && minutes.len() <= CHECK_TIMES_MAX).map(Checks::At)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Words;

    #[test]
    fn what_a_person_says_of_each_rule_is_taken() {
        let mut proposal = Proposal::default();
        let said = [
            (Term::Station, "90s"),
            (Term::Watch, "8h, 1h, 15m, 5m"),
            (Term::Principal, "3d"),
            (Term::Pace, "30m"),
            (Term::Checks, "09:00,17:00"),
            (Term::Grace, "0s"),
            (Term::Recall, "1h30m"),
        ];

        for (term, said) in said {
            proposal.set(term, said).unwrap();
        }

        assert_eq!((proposal.station_s, proposal.watch_s), (90, [28_800, 3_600, 900, 300]));
        assert_eq!((proposal.principal_s, proposal.pacing_s), (259_200, Some([1_800; 4])));
        assert_eq!((proposal.grace_s, proposal.recall_s), (0, 5_400));
        assert_eq!(proposal.checks, Some(Checks::At(vec![540, 1_020])));
        let mut again = Proposal { checks: proposal.checks.clone(), ..Proposal::default() };
        for term in Term::ALL.into_iter().filter(|term| *term != Term::Checks) {
            again.set(term, &proposal.said(term).join(",")).unwrap();
        }
        assert_eq!(again, proposal, "what it says is what it takes");
    }

    #[test]
    fn a_pace_that_nobody_names_is_the_watchs_in_whatever_order_they_are_said() {
        let mut proposal = Proposal::default();
        assert_eq!(proposal.pace_s(), proposal.watch_s);

        proposal.set(Term::Watch, "4h,30m,10m,2m").unwrap();
        assert_eq!(proposal.pace_s(), [14_400, 1_800, 600, 120]);

        proposal.set(Term::Pace, "1h").unwrap();
        proposal.set(Term::Watch, "8h").unwrap();
        assert_eq!(proposal.pace_s(), [3_600; 4]);
    }

    #[test]
    fn what_is_not_taken_is_named_with_the_rule_and_what_to_write() {
        let longest = format!("{}d", limits::SPAN_MAX_S / DAY_S);
        let wrong = [
            (Term::Station, "soon", "station", "15m"),
            (Term::Grace, "", "grace", "15m"),
            (Term::Watch, "8h,1h", "watch", "8h,1h,15m,5m"),
            (Term::Pace, "8h,1h,15m,soon", "pace", "8h,1h,15m,5m"),
            (Term::Checks, "17:00,09:00", "checks", "09:00,17:00"),
            (Term::Checks, "59s", "checks", "60s"),
            (Term::Principal, "3661d", "principal", "3660 days"),
            (Term::Watch, "3661d", "watch", "3660 days"),
        ];

        for (term, said, name, todo) in wrong {
            let mut proposal = Proposal::default();
            let fault = proposal.set(term, said).unwrap_err().sentence();
            for words in [Words::english(), Words::of(crate::words::Language::Russian)] {
                let (what, instead) = (words.told(&fault), words.told_do(&fault));
                assert!(what.contains(name) && what.contains(said), "{what}");
                assert!(instead.contains(todo.split(' ').next().unwrap()), "{instead}");
            }
            assert_eq!(proposal, Proposal::default());
        }
        assert_eq!(Proposal::default().set(Term::Recall, &longest), Ok(()), "the longest is taken");
    }
}
