//! What a side's own store says of a story: every request opens as `status` does, then comes its course, one sentence an entry with
//! the entry's name. The accounts of both sides stand side by side, where they show the same entry on the same line.

use std::collections::BTreeSet;

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::record::entry::Header;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;
use serde::Serialize;

use super::script::{Deed, Script};
use super::shelf::Shelf;
use crate::api::sight::hexadecimal;
use crate::api::views::HeadView;
use crate::store::StoreError;
use crate::view::names::call_sign;
use crate::view::order::merge;
use crate::view::request::request;
use crate::view::text::{self, quoted_to, two_columns, wrap_to};
use crate::view::{Moment, Said, Sight};
use crate::words::Words;

/// From so many columns on the accounts stand side by side.
const BESIDE_MIN: usize = 100;
/// Words of an entry are shown up to so many characters; the record has them whole.
const SAID_MAX: usize = 400;
/// Lines are no longer than this, however wide the terminal is.
const WIDTH_MAX: usize = 160;

/// What one side's store says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Account {
    /// Whose, by call sign.
    pub call_sign: String,
    /// The requests, oldest first, then what belongs to none.
    pub sections: Vec<Section>,
    /// Entries that are receipts and nothing else, and show no attempt as delivered: not told.
    pub receipts: u64,
    /// Both heads, the inviter's first.
    pub heads: [HeadView; 2],
}

/// A request, or what belongs to none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Section {
    /// The request's name; absent for what belongs to none.
    pub request: Option<String>,
    /// Its plain lines, as `status` has them.
    pub opening: Vec<String>,
    /// What was recorded, in the order of the record.
    pub course: Vec<Row>,
}

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// Its place: "0:12".
    pub at: String,
    /// Its name: "Northland #41".
    pub entry: String,
    /// When, by its author's clock.
    pub time: Moment,
    /// Times, sentence and name.
    pub sentence: String,
    /// The words that go with it, as they were signed; absent if it has none or they are not held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
}

impl Row {
    /// On a terminal: the sentence, then the words behind a bar, so that none of theirs reads as a sentence of ours.
    fn lines(&self, width: usize, indent: usize) -> Vec<String> {
        let mut lines = wrap_to(&self.sentence, width, indent, indent + 2);
        if let Some(said) = &self.said {
            let mut text = format!("({}) ", said.language);
            text.extend(said.text.chars().take(SAID_MAX));
            text.extend((said.text.chars().count() > SAID_MAX).then_some('…'));
            lines.extend(quoted_to(&text, width, indent + 2));
        }
        lines
    }
}

impl Account {
    /// Reads the account of a side from its data directory. Of the story nothing is used but whose bell is a scripted one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(script: &Script, data: &std::path::Path, words: &Words) -> Result<Account, StoreError> {
        let shelf = Shelf::open(data)?;
        let entries = shelf.entries()?;
        Ok(shelf.see(words, |sight| account(script, sight, &entries)))
    }
}

fn account(script: &Script, sight: &Sight<'_>, entries: &[Vec<counterpart_core::record::log::Entry>; 2]) -> Account {
    let [inviter, joiner] = entries;
    let merged: Vec<&Header> = merge(inviter, joiner).into_iter().map(|entry| &entry.header).collect();
    let asks = merged.iter().filter(|h| h.kind() == Some(Kind::Ask)).map(|h| h.at());
    let requests: Vec<EntryRef> = asks.filter(|at| sight.view().fact(*at).is_some()).collect();
    let mut sections: Vec<(Option<EntryRef>, Section)> =
        requests.iter().map(|at| (Some(*at), opening(sight, *at))).collect();
    sections.push((None, Section { request: None, opening: Vec::new(), course: Vec::new() }));
    let mut receipts = 0;
    for header in merged {
        let belongs = belongs(sight, header, &requests);
        receipts += u64::from(belongs.is_empty());
        for (_, section) in sections.iter_mut().filter(|(request, _)| belongs.contains(request)) {
            section.course.push(row(script, sight, header));
        }
    }
    let sections = sections.into_iter().map(|(_, section)| section);
    Account {
        call_sign: call_sign(sight.line, sight.me()).into(),
        sections: sections.filter(|section| !section.course.is_empty()).collect(),
        receipts,
        heads: Party::BOTH.map(|party| {
            let head = sight.line.log(party).head();
            HeadView { call_sign: call_sign(sight.line, party).into(), size: head.size, root: hexadecimal(&head.root) }
        }),
    }
}

/// The plain lines of a request. Its headline comes with the entries that it rests on; the others name theirs.
fn opening(sight: &Sight<'_>, at: EntryRef) -> Section {
    let name = sight.named(at).name;
    let Some(view) = request(sight, at) else {
        return Section { request: Some(name), opening: Vec::new(), course: Vec::new() };
    };
    let deciding = view.deciding.iter().map(|act| &act.entry.name);
    let talk = view.talk.iter().flat_map(|talk| talk.acts.iter().map(|act| &act.name));
    let reached = view.reached.iter().map(|rung| &rung.entry.name);
    let names: Vec<&str> = reached.chain(deciding).chain(talk).map(String::as_str).collect();
    let mut opening = [view.plain_lines, view.plain_later].concat();
    if let Some(headline) = opening.first_mut() {
        let args = [("sentence", (&*headline).into()), ("names", names.join(", ").into())];
        *headline = sight.telling.say("account-rests", &args);
    }
    Section { request: Some(name), opening, course: Vec::new() }
}

/// The requests to which an entry belongs; `None` among them: it belongs to none. A receipt belongs to what it is the first to show
/// as held; of one that shows nothing so, nothing is returned.
fn belongs(sight: &Sight<'_>, header: &Header, requests: &[EntryRef]) -> BTreeSet<Option<EntryRef>> {
    let view = sight.view();
    let request = |thing: EntryRef| Some(thing).filter(|thing| requests.contains(thing));
    if header.what == Ok(What::Received) {
        return sight.delivers(header.at()).iter().map(|fact| request(fact.thing)).collect();
    }
    // What is void has no fact of its own; it stands beside what it acts on.
    let fact = view.fact(header.at()).or_else(|| view.fact(header.refers?));
    BTreeSet::from([fact.and_then(|fact| request(fact.thing))])
}

fn row(script: &Script, sight: &Sight<'_>, header: &Header) -> Row {
    let named = sight.named(header.at());
    let bell = |step: &super::Step| matches!(step.deed, Deed::Bell(side, _) if side == header.party.slot());
    let scripted = header.kind() == Some(Kind::Alerting) && script.steps.iter().any(bell);
    let id = if scripted { "account-row-scripted" } else { "account-row" };
    let args = [
        ("time", sight.telling.both(header.time).into()),
        ("sentence", sight.told(header).into()),
        ("name", (&named.name).into()),
    ];
    let sentence = sight.telling.say(id, &args);
    Row { at: named.at, entry: named.name, time: Moment(header.time), sentence, said: sight.said(header.at()) }
}

/// Times to answer, by the store of a data directory: for each year in which something was asked.
///
/// # Errors
/// [`StoreError`].
pub fn figures(data: &std::path::Path, words: &Words) -> Result<String, StoreError> {
    let shelf = Shelf::open(data)?;
    Ok(shelf.see(words, |sight| {
        let asks = Party::BOTH.into_iter().flat_map(|party| sight.view().asks(party));
        let year = |at: counterpart_core::time::Timestamp| {
            let at = jiff::Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
            u64::try_from(at.to_zoned(jiff::tz::TimeZone::UTC).year()).ok()
        };
        let years: BTreeSet<u64> = asks.filter_map(|ask| year(ask.time)).collect();
        let sign = call_sign(sight.line, sight.me());
        let head = words.say("account-figures", &[("sign", sign.into())]);
        let tables =
            years.iter().map(|year| text::figures(&crate::view::figures::figures(sight, Some(*year)), &sight.telling));
        std::iter::once(format!("\n{head}\n")).chain(tables).collect::<Vec<_>>().join("\n")
    }))
}

/// Both accounts as text of at most `width` columns: side by side where that fits, else one below the other.
pub fn told(accounts: &[Account; 2], words: &Words, width: usize) -> String {
    let width = width.min(WIDTH_MAX);
    let beside = width >= BESIDE_MIN;
    let [first, second] = accounts;
    let mut lines = if beside {
        side_by_side(accounts, words, (width - 3) / 2)
    } else {
        [first, second].into_iter().flat_map(|account| alone(account, words, width.max(20))).collect()
    };
    lines.push(String::new());
    for account in accounts {
        lines.push(words.say("account-heads", &[("sign", (&account.call_sign).into())]));
        let heads = account.heads.iter().flat_map(|head| {
            let args = [
                ("sign", (&head.call_sign).into()),
                ("size", head.size.to_string().into()),
                ("root", (&head.root).into()),
            ];
            wrap_to(&words.say("record-head", &args), width.max(20), 2, 4)
        });
        lines.extend(heads);
    }
    let equal = first.heads == second.heads;
    lines.push(words.say(if equal { "account-heads-equal" } else { "account-heads-differ" }, &[]));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn heading(section: &Section, words: &Words) -> String {
    match &section.request {
        Some(name) => words.say("account-request", &[("name", name.into())]),
        None => words.say("account-beside", &[]),
    }
}

fn receipts(account: &Account, words: &Words) -> String {
    words.say("account-receipts", &[("count", account.receipts.into())])
}

fn alone(account: &Account, words: &Words, width: usize) -> Vec<String> {
    let mut lines = vec![String::new(), words.say("account-of", &[("sign", (&account.call_sign).into())])];
    for section in &account.sections {
        lines.push(String::new());
        lines.push(heading(section, words));
        lines.extend(section.opening.iter().flat_map(|line| wrap_to(line, width, 2, 4)));
        if !section.opening.is_empty() {
            lines.push(String::new());
        }
        lines.extend(section.course.iter().flat_map(|row| row.lines(width, 2)));
    }
    lines.push(String::new());
    lines.extend(wrap_to(&receipts(account, words), width, 0, 2));
    lines
}

fn side_by_side(accounts: &[Account; 2], words: &Words, half: usize) -> Vec<String> {
    let [first, second] = accounts;
    let of = |account: &Account| words.say("account-of", &[("sign", (&account.call_sign).into())]);
    let mut lines = vec![String::new()];
    lines.extend(beside(&[of(first)], &[of(second)], half));
    let named = |section: &Section| section.request.clone();
    for (left, right) in aligned(&first.sections, &second.sections, named) {
        let Some(section) = left.or(right) else { continue };
        lines.push(String::new());
        lines.push(heading(section, words));
        let opening = |section: Option<&Section>| section.map(|s| s.opening.clone()).unwrap_or_default();
        lines.extend(beside(&opening(left), &opening(right), half));
        if left.or(right).is_some_and(|section| !section.opening.is_empty()) {
            lines.push(two_columns("", "", half));
        }
        let course = |section: Option<&Section>| section.map(|s| s.course.clone()).unwrap_or_default();
        for (left, right) in aligned(&course(left), &course(right), |row: &Row| row.at.clone()) {
            let cell = |row: Option<&Row>| row.map(|row| row.lines(half, 0)).unwrap_or_default();
            lines.extend(columns(&cell(left), &cell(right), half));
        }
    }
    lines.push(String::new());
    lines.extend(beside(&[receipts(first, words)], &[receipts(second, words)], half));
    lines
}

/// Two lists of paragraphs beside each other.
fn beside(left: &[String], right: &[String], half: usize) -> Vec<String> {
    let [left, right] =
        [left, right].map(|cell| cell.iter().flat_map(|line| wrap_to(line, half, 0, 2)).collect::<Vec<_>>());
    columns(&left, &right, half)
}

/// Two lists of lines beside each other.
fn columns(left: &[String], right: &[String], half: usize) -> Vec<String> {
    let at = |cell: &[String], n: usize| cell.get(n).cloned().unwrap_or_default();
    (0..left.len().max(right.len())).map(|n| two_columns(&at(left, n), &at(right, n), half)).collect()
}

/// Two lists in one order: what both have stands on one line, what one lacks stands alone.
fn aligned<'a, T, K: PartialEq>(
    left: &'a [T],
    right: &'a [T],
    key: impl Fn(&T) -> K,
) -> Vec<(Option<&'a T>, Option<&'a T>)> {
    let in_right = |one: &T| right.iter().any(|other| key(other) == key(one));
    let in_left = |one: &T| left.iter().any(|other| key(other) == key(one));
    let (mut lefts, mut rights) = (left.iter().peekable(), right.iter().peekable());
    let mut lines = Vec::new();
    loop {
        if let Some(one) = lefts.next_if(|one| !in_right(one)) {
            lines.push((Some(one), None));
        } else if let Some(one) = rights.next_if(|one| !in_left(one)) {
            lines.push((None, Some(one)));
        } else {
            match (lefts.next(), rights.next()) {
                (None, None) => return lines,
                both => lines.push(both),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_have_stands_on_one_line_and_what_one_lacks_alone() {
        let (left, right) = ([1, 2, 4, 5], [1, 3, 4, 6]);

        let lines = aligned(&left, &right, |n| *n);

        let alone = |n: &Option<&i32>| n.copied().unwrap_or(0);
        let told: Vec<(i32, i32)> = lines.iter().map(|(l, r)| (alone(l), alone(r))).collect();
        assert_eq!(told, [(1, 1), (2, 0), (0, 3), (4, 4), (5, 0), (0, 6)]);
    }
}
