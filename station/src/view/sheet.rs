//! Call sheets: what each side states of a talk once it has said that it was held. Two that say the same times, languages and topics show
//! as agreed, others side by side. Which posts were present each side says of its own people, and nobody compares that.

use std::collections::BTreeSet;

use counterpart_core::ids::Party;
use counterpart_core::limits;
use counterpart_core::line::facts::Fact;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;
use serde::{Deserialize, Serialize};

use super::{Moment, Named, Said, Side, Sight, Window};

/// Topics that one side is said to have raised, in a sheet that the desk writes.
pub const TOPICS_MAX: usize = limits::LIST_MAX;
/// Sheets that a later one of the same side replaces, of which so many are named.
const EARLIER_MAX: usize = 16;
/// Between whoever raised a topic and the topic.
pub const RAISED: &str = ": ";

/// What the two sheets of a talk come to together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SheetsState {
    /// One side alone has written one.
    Alone,
    /// They say different things.
    Differ,
    /// The words of one are not held here, so that nobody can say whether the topics are the same.
    Uncompared,
    /// They say the same, and the other side is not known to hold ours yet.
    Unsettled,
    /// They say the same.
    Agreed,
}

/// In what two sheets can differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SheetPart {
    /// When the talk was held.
    Times,
    /// In which languages.
    Languages,
    /// What was talked of, and who raised it.
    Topics,
}

impl SheetPart {
    /// Its word, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            SheetPart::Times => "times",
            SheetPart::Languages => "languages",
            SheetPart::Topics => "topics",
        }
    }
}

/// The sheets of a talk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SheetsView {
    /// What they come to together.
    pub state: SheetsState,
    /// The same as a sentence.
    pub sentence: String,
    /// Our last one.
    pub ours: Option<SheetView>,
    /// Their last one.
    pub theirs: Option<SheetView>,
    /// In what they are known to differ.
    pub differ: Vec<SheetPart>,
    /// Those that a later one of the same side replaces, the latest first; sixteen at most.
    pub earlier: Vec<Named>,
    /// How many more there are of these.
    pub earlier_more: usize,
}

/// One side's sheet: its statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SheetView {
    /// Where it stands.
    pub entry: Named,
    /// When it was written, by its author's clock.
    pub time: Moment,
    /// When the talk was held.
    pub when: Window,
    /// Which of its author's own posts were present.
    pub posts: Vec<String>,
    /// In which languages.
    pub languages: Vec<String>,
    /// Whether it has topics: words that go with it, held or not.
    pub has_words: bool,
    /// The topics, one a line, each after the call sign of who raised it; absent if there are none or they are not held.
    pub said: Option<Said>,
    /// Whether the other side is known to hold it.
    pub held: bool,
}

impl SheetView {
    /// Its topics are known: there are none, or they are held as they were signed.
    fn is_known(&self) -> bool {
        !self.has_words || self.said.as_ref().is_some_and(|said| !said.changed)
    }

    fn topics(&self) -> BTreeSet<&str> {
        self.said.iter().flat_map(|said| topics(&said.text)).collect()
    }

    fn languages(&self) -> BTreeSet<String> {
        self.languages.iter().map(|tag| tag.trim().to_lowercase()).collect()
    }
}

/// The topics of a sheet's words: a line each, without the space around them.
pub fn topics(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// A topic, after the call sign of who raised it: which of these it is, and the topic. Of two that both fit the longer is meant.
pub fn raised<'t>(signs: &[String; 2], topic: &'t str) -> (Option<usize>, &'t str) {
    let of =
        |(n, sign): (usize, &String)| Some((n, sign.len(), topic.strip_prefix(sign.as_str())?.strip_prefix(RAISED)?));
    let found = signs.iter().enumerate().filter_map(of).max_by_key(|(_, length, _)| *length);
    found.map_or((None, topic), |(n, _, rest)| (Some(n), rest.trim()))
}

impl<'a> Sight<'a> {
    /// The call sheets of a request's talk, if there are any. Concerted requests have one talk, and so one sheet of each side.
    pub fn sheets(&self, request: &Fact) -> Option<SheetsView> {
        let view = self.view();
        let requests = [Some(request.at), view.partner(request.at).map(|other| other.at)];
        let on = requests.into_iter().flatten().flat_map(|at| view.on(at));
        let mut all: Vec<&Fact> = on.filter(|fact| fact.kind() == Kind::Sheet).collect();
        all.sort_by_key(|fact| std::cmp::Reverse((fact.at.index, fact.at.party)));
        let last = |party: Party| all.iter().find(|fact| fact.at.party == party).copied();
        let [ours, theirs] = [self.me(), self.me().peer()].map(last);
        let is_last = |fact: &&&Fact| [ours, theirs].into_iter().flatten().any(|last| last.at == fact.at);
        let replaced: Vec<Named> = all.iter().filter(|fact| !is_last(fact)).map(|fact| self.named(fact.at)).collect();
        let [ours, theirs] = [ours, theirs].map(|fact| fact.and_then(|fact| self.sheet(fact)));
        let differ = match (&ours, &theirs) {
            (None, None) => return None,
            (Some(ours), Some(theirs)) => differing(ours, theirs),
            _ => Vec::new(),
        };
        let state = state(ours.as_ref(), theirs.as_ref(), &differ);
        Some(SheetsView {
            state,
            sentence: self.sheets_told(state, [ours.as_ref(), theirs.as_ref()], &differ),
            ours,
            theirs,
            differ,
            earlier_more: replaced.len().saturating_sub(EARLIER_MAX),
            earlier: replaced.into_iter().take(EARLIER_MAX).collect(),
        })
    }

    fn sheet(&self, fact: &Fact) -> Option<SheetView> {
        let What::Sheet { when, posts, languages } = &fact.what else { return None };
        Some(SheetView {
            entry: self.named(fact.at),
            time: Moment(fact.time),
            when: Window::of(*when),
            posts: posts.iter().map(|post| post.to_string()).collect(),
            languages: languages.clone(),
            has_words: fact.has_words,
            said: self.said(fact.at),
            // What we hold of theirs we hold.
            held: fact.at.party != self.me() || self.view().receipt(fact.at).is_some(),
        })
    }

    fn sheets_told(&self, state: SheetsState, [ours, theirs]: [Option<&SheetView>; 2], differ: &[SheetPart]) -> String {
        let say = |id: &str| self.telling.say(id, &[]);
        let part = |part: &SheetPart| self.telling.say("sheets-part", &[("part", part.word().into())]);
        let mut told = vec![match state {
            SheetsState::Alone => {
                let side = if ours.is_some() { Side::Ours } else { Side::Theirs };
                self.telling.say("sheets-alone", &[("side", side.word().into())])
            }
            SheetsState::Differ => {
                let parts: Vec<String> = differ.iter().map(part).collect();
                self.telling.say("sheets-differ", &[("parts", parts.join(", ").into())])
            }
            SheetsState::Uncompared => say("sheets-uncompared"),
            SheetsState::Unsettled => say("sheets-same-here"),
            SheetsState::Agreed => say("sheets-agreed"),
        }];
        let is_unknown = [ours, theirs].into_iter().flatten().any(|sheet| !sheet.is_known());
        told.extend((state == SheetsState::Differ && is_unknown).then(|| say("sheets-uncompared")));
        told.extend(ours.is_some_and(|ours| !ours.held).then(|| say("sheets-unheld")));
        told.join(" ")
    }
}

fn state(ours: Option<&SheetView>, theirs: Option<&SheetView>, differ: &[SheetPart]) -> SheetsState {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return SheetsState::Alone };
    match (differ.is_empty(), ours.is_known() && theirs.is_known(), ours.held) {
        (false, _, _) => SheetsState::Differ,
        (true, false, _) => SheetsState::Uncompared,
        (true, true, false) => SheetsState::Unsettled,
        (true, true, true) => SheetsState::Agreed,
    }
}

/// In what two sheets are known to differ. Topics that are not held may be the same.
fn differing(ours: &SheetView, theirs: &SheetView) -> Vec<SheetPart> {
    let are_known = ours.is_known() && theirs.is_known();
    let parts = [
        (SheetPart::Times, ours.when != theirs.when),
        (SheetPart::Languages, ours.languages() != theirs.languages()),
        (SheetPart::Topics, are_known && ours.topics() != theirs.topics()),
    ];
    parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part).collect()
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::{Act, Target};
    use counterpart_core::ids::EntryRef;
    use counterpart_core::ids::Party::{Inviter, Joiner};
    use counterpart_core::record::codes::Instrument;
    use counterpart_core::time::{Timestamp, Window};

    use super::*;
    use crate::view::trial::{HOUR, Trial};

    const TOPICS: &str = "Northland: the tanker\nSundmark: the ice\n";

    fn when(trial: &Trial, minutes: u64) -> Window {
        Window::new(Timestamp(trial.now.0 - HOUR), Timestamp(trial.now.0 - HOUR + minutes * 60_000)).unwrap()
    }

    /// A request that was answered, of which both have said that they talked.
    fn talked() -> (Trial, EntryRef) {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        trial.act(Joiner, Act::Answer { on: Target::Latest(ask) });
        trial.carry();
        trial.wait_ms(2 * HOUR);
        for party in Party::BOTH {
            let (when, instrument) = (when(&trial, 30), Instrument::Telephone);
            trial.act(party, Act::Talk { request: ask, when, instrument, posts: Vec::new() });
        }
        trial.carry();
        (trial, ask)
    }

    fn write(trial: &mut Trial, party: Party, ask: EntryRef, (minutes, languages, text): (u64, &[&str], Option<&str>)) {
        let languages = languages.iter().map(|tag| (*tag).to_owned()).collect();
        let act = Act::Sheet { request: ask, when: when(trial, minutes), posts: Vec::new(), languages };
        trial.try_act(party, act, text).unwrap();
    }

    fn sheets(trial: &Trial, party: Party, ask: EntryRef) -> SheetsView {
        trial.request(party, ask).sheets.unwrap()
    }

    #[test]
    fn two_that_say_the_same_are_agreed_once_the_other_side_holds_ours_and_the_order_of_what_they_list_is_nothing() {
        let (mut trial, ask) = talked();
        assert_eq!(trial.request(Inviter, ask).sheets, None);
        write(&mut trial, Joiner, ask, (30, &["en", "RU"], Some(TOPICS)));
        trial.carry();
        assert_eq!([Inviter, Joiner].map(|party| sheets(&trial, party, ask).state), [SheetsState::Alone; 2]);

        let turned = "Sundmark: the ice\r\n\r\n Northland: the tanker";
        write(&mut trial, Inviter, ask, (30, &["ru", "en"], Some(turned)));

        let unheld = sheets(&trial, Inviter, ask);
        assert_eq!((unheld.state, unheld.differ), (SheetsState::Unsettled, Vec::new()));
        assert!(
            !unheld.sentence.contains("agree") && unheld.sentence.contains("not known to hold"),
            "{}",
            unheld.sentence
        );
        trial.carry();
        assert_eq!([Inviter, Joiner].map(|party| sheets(&trial, party, ask).state), [SheetsState::Agreed; 2]);
    }

    #[test]
    fn what_differs_is_named_and_a_later_sheet_of_a_side_takes_the_place_of_its_earlier_one() {
        let (mut trial, ask) = talked();
        write(&mut trial, Inviter, ask, (30, &["en"], Some(TOPICS)));
        write(&mut trial, Joiner, ask, (31, &["fr"], None));
        trial.carry();
        let all = vec![SheetPart::Times, SheetPart::Languages, SheetPart::Topics];
        let first = sheets(&trial, Joiner, ask);
        assert_eq!((first.state, first.differ, first.earlier.len()), (SheetsState::Differ, all, 0));

        write(&mut trial, Joiner, ask, (30, &["en"], Some("Northland: the tanker")));
        trial.carry();

        for party in Party::BOTH {
            let second = sheets(&trial, party, ask);
            assert_eq!((second.differ, second.earlier.len()), (vec![SheetPart::Topics], 1));
            assert!(second.sentence.contains("topics"), "{}", second.sentence);
        }
    }

    #[test]
    fn topics_that_are_not_held_are_neither_the_same_nor_different() {
        let (mut trial, ask) = talked();
        for party in Party::BOTH {
            write(&mut trial, party, ask, (30, &["en"], Some(TOPICS)));
        }
        trial.carry();
        trial.bodies.clear();

        let unknown = sheets(&trial, Inviter, ask);

        assert_eq!((unknown.state, unknown.differ), (SheetsState::Uncompared, Vec::new()));
        assert!(unknown.sentence.contains("cannot be compared"), "{}", unknown.sentence);
    }

    #[test]
    fn a_topic_is_raised_by_the_side_whose_whole_call_sign_begins_it() {
        let signs = ["North".to_owned(), "North: Sea".to_owned()];

        assert_eq!(raised(&signs, "North: the ice"), (Some(0), "the ice"));
        assert_eq!(raised(&signs, "North: Sea: the ice"), (Some(1), "the ice"));
        assert_eq!(raised(&signs, "Northland: the ice"), (None, "Northland: the ice"));
    }
}
