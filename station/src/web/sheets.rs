//! The call sheets of a talk, as the page of its request shows them: one block where both say the same, else each side's beside the other.

use crate::view::request::RequestView;
use crate::view::sheet::{SheetPart, SheetView, SheetsState, SheetsView, TOPICS_MAX, raised, topics};
use crate::view::{Named, Said, Side, Sight};
use crate::words::clean;

/// Topics of a sheet that are shown: as many as a desk writes, of both sides. The whole stands on the page of the entry.
const TOPICS_SHOWN_MAX: usize = 2 * TOPICS_MAX;
/// Characters of one of them.
const TOPIC_SHOWN_MAX: usize = 500;

/// All that is shown of them.
pub(super) struct Sheets {
    /// What they come to together.
    pub sentence: String,
    pub blocks: Vec<Block>,
    /// Those that a later one of the same side replaces.
    pub earlier: Vec<Named>,
    pub earlier_more: usize,
}

/// What one side states; or both, where they say the same.
pub(super) struct Block {
    pub heading: String,
    /// Each with the time of its writing, on both clocks.
    pub entries: Vec<(Named, String)>,
    pub when: String,
    /// Whose people, and which posts: each side says it of its own.
    pub present: Vec<(String, String)>,
    pub languages: String,
    pub topics: Vec<Topic>,
    /// The language of the topics.
    pub written_in: String,
    /// Why there are none, or more; empty: these are all.
    pub note: String,
    differ: Vec<SheetPart>,
}

impl Block {
    /// Whether the other side says something else of this.
    pub fn differs(&self, part: &str) -> bool {
        self.differ.iter().any(|differs| differs.word() == part)
    }
}

/// A topic, and who raised it; empty: it does not say.
pub(super) struct Topic {
    pub by: String,
    pub text: String,
}

/// The call sheets of a request, if there are any.
pub(super) fn sheets(sight: &Sight<'_>, view: &RequestView) -> Option<Sheets> {
    let all = view.sheets.as_ref()?;
    let is_one = matches!(all.state, SheetsState::Agreed | SheetsState::Unsettled);
    let blocks = match (&all.ours, &all.theirs) {
        (Some(ours), Some(theirs)) if is_one => vec![both(sight, view, [ours, theirs])],
        (ours, theirs) => {
            let sides = [(Side::Ours, ours), (Side::Theirs, theirs)].into_iter();
            sides.filter_map(|(side, sheet)| Some(block(sight, view, side, sheet.as_ref()?, all))).collect()
        }
    };
    let (sentence, earlier) = (all.sentence.clone(), all.earlier.clone());
    Some(Sheets { sentence, blocks, earlier, earlier_more: all.earlier_more })
}

/// Of two that say the same, theirs with what ours says of our own people.
fn both(sight: &Sight<'_>, view: &RequestView, [ours, theirs]: [&SheetView; 2]) -> Block {
    let all = [(Side::Ours, ours), (Side::Theirs, theirs)];
    Block {
        heading: sight.telling.say("sheets-both", &[]),
        entries: all.iter().map(|(_, sheet)| written(sight, sheet)).collect(),
        present: all.iter().map(|(side, sheet)| present(sight, *side, sheet)).collect(),
        ..stated(sight, view, theirs)
    }
}

fn block(sight: &Sight<'_>, view: &RequestView, side: Side, sheet: &SheetView, all: &SheetsView) -> Block {
    let sign = ("sign", sight.call_sign(side).into());
    Block {
        heading: sight.telling.say("sheets-of", &[sign]),
        entries: vec![written(sight, sheet)],
        present: vec![present(sight, side, sheet)],
        differ: all.differ.clone(),
        ..stated(sight, view, sheet)
    }
}

/// What is the same whoever states it.
fn stated(sight: &Sight<'_>, view: &RequestView, sheet: &SheetView) -> Block {
    let shown = sheet.said.as_ref().map_or_else(String::new, Said::on_page);
    let is_long = |topic: &str| topic.chars().nth(TOPIC_SHOWN_MAX).is_some();
    let is_more = topics(&shown).nth(TOPICS_SHOWN_MAX).is_some() || topics(&shown).any(is_long);
    let note = match (&sheet.said, sheet.has_words) {
        (None, false) => "sheet-no-topics",
        (None, true) => "body-lacking",
        (Some(_), _) if is_more => "sheet-more",
        (Some(_), _) => "",
    };
    Block {
        heading: String::new(),
        entries: Vec::new(),
        when: sheet.when.told(&sight.telling),
        present: Vec::new(),
        languages: listed(sight, &sheet.languages),
        topics: topics(&shown).take(TOPICS_SHOWN_MAX).map(|topic| told(view, topic)).collect(),
        written_in: sheet.said.as_ref().map_or_else(String::new, |said| said.language.clone()),
        note: if note.is_empty() { String::new() } else { sight.telling.say(note, &[]) },
        differ: Vec::new(),
    }
}

fn told(view: &RequestView, topic: &str) -> Topic {
    let (by, text) = raised(&view.call_signs, topic);
    let by = by.and_then(|n| view.call_signs.get(n)).cloned().unwrap_or_default();
    let end = text.char_indices().nth(TOPIC_SHOWN_MAX).map(|(end, _)| end);
    let text = end.and_then(|end| text.get(..end)).map_or_else(|| text.to_owned(), |begin| format!("{begin}…"));
    Topic { by, text }
}

fn written(sight: &Sight<'_>, sheet: &SheetView) -> (Named, String) {
    (sheet.entry.clone(), sight.telling.both(sheet.time.0))
}

fn present(sight: &Sight<'_>, side: Side, sheet: &SheetView) -> (String, String) {
    (sight.call_sign(side), listed(sight, &sheet.posts))
}

fn listed(sight: &Sight<'_>, items: &[String]) -> String {
    if items.is_empty() { sight.telling.say("sheet-none", &[]) } else { clean(&items.join(", ")) }
}
