//! A request: its ladder, what it waits for, what may be done, what is not known, its attempts, offers and words, and the plain lines.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use counterpart_core::ids::{EntryRef, Epoch};
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::Rung;
use counterpart_core::line::ringing::Ring;
use counterpart_core::line::talk::TalkState;
use counterpart_core::precedence::Mark;
use counterpart_core::record::kind::Kind;

use super::authors::{AUTHORS_MAX, Authors};
use super::band::{Band, Windows, band};
use super::due::{DueBox, due};
use super::fields::Fields;
use super::frame::{Four, Frame, bars};
use super::keys::{Keys, keys};
use super::ladder::{Row, rows};
use super::on_offer::open;
use super::put_off::PutOff;
use super::readings::Readings;
use super::seen::Seen;
use super::session::Signed;
use super::sheets::{Sheets, sheets};
use super::tone::{Tone, tone};
use super::{Desk, page, refused, rung};
use crate::api::fault::{Code, Fault, Told};
use crate::view::attempts::OfferView;
use crate::view::request::{RequestView, request};
use crate::view::ring::waiting;
use crate::view::{Named, Said, Side, Sight, Window, names};
use crate::words::Words;
use crate::words::clocks::Hand;
use crate::words::coded::Coded;

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage {
    d: Frame,
    seen: Seen,
    about: About,
    /// Days on which a talk can have been held.
    days: Vec<(String, String)>,
    put_off: PutOff,
    held: Held,
    /// Who at this station wrote what of it.
    authors: Authors,
}

/// Characters of a headline that stands on four lines of a phone in its large letters.
const HEADLINE_MAX: usize = 72;

/// A page that is open and armed confirms within so many milliseconds that it rings.
const AT_ONCE_MS: u64 = 10_000;

/// A talk that was held elsewhere, as it was typed; and why it was not signed.
#[derive(Default)]
pub(super) struct Held {
    pub day: String,
    pub from: String,
    pub until: String,
    pub instrument: String,
    pub readings: Vec<Readings>,
    pub wrong: Option<Told>,
    /// The field whose time cannot be read; empty: both can.
    pub unread: String,
}

impl Held {
    /// What stands in the fields was put there by a person.
    fn is_typed(&self) -> bool {
        !self.from.is_empty() || !self.until.is_empty()
    }
}

/// Everything that the page shows of one request.
struct About {
    view: RequestView,
    /// The epoch in which all of it stands.
    epoch: String,
    /// From when until when nothing here had confirmed that it rings, in milliseconds since 1970 UTC; `None`: it is not theirs to us, or
    /// it was confirmed at once.
    unconfirmed: Option<[u64; 2]>,
    /// Entries of ours that belong to it.
    own: (Epoch, Vec<EntryRef>),
    /// The highest fact, and what is not.
    headline: [String; 2],
    rows: Vec<Row>,
    keys: Keys,
    /// The number of its epoch, if that has ended.
    ended: Option<u64>,
    due: Option<DueBox>,
    /// One sentence where something needs explaining: unsettled, crossed, concerted, words on a talk that differ.
    explained: Vec<String>,
    said: Vec<SaidItem>,
    attempts: Vec<Attempt>,
    offers: Vec<Offer>,
    /// What each side states of the talk.
    sheets: Option<Sheets>,
    /// Times of theirs or ours that are open, on both sides' days.
    band: Option<Band>,
    /// What of it rings here.
    rings: Vec<rung::Rings>,
    /// What whoever asked hears here meanwhile.
    tone: Option<Tone>,
}

/// Words of one entry.
struct SaidItem {
    entry: Named,
    kind: String,
    hands: [Hand; 2],
    said: Said,
}

/// An ask or a renewal with its rungs.
struct Attempt {
    entry: Named,
    kind: String,
    counts: bool,
    rungs: Vec<Step>,
}

/// A rung with its time on both clocks.
struct Step {
    rung: Coded,
    entry: Named,
    time: String,
}

/// An offer of times or a ready.
struct Offer {
    entry: Named,
    side: Side,
    outcome: Coded,
    /// Each, and whether it is the one that was taken.
    windows: Vec<(String, bool)>,
    /// Until when an answer is wanted; empty once it is over.
    answer_by: String,
}

impl RequestPage {
    fn bars(&self) -> [bool; 4] {
        bars(self.about.view.precedence.0)
    }

    fn instruments(&self) -> Vec<&'static str> {
        super::offer::instruments()
    }

    fn is_operation(&self) -> bool {
        self.about.view.mark.0 == Mark::Operation
    }

    /// The size of the headline: the more it says, the smaller its letters on a phone.
    fn size(&self) -> &'static str {
        let length: usize = self.about.headline.iter().map(|part| part.chars().count()).sum();
        if length > HEADLINE_MAX { "long" } else { "" }
    }

    /// The keys go further down than the ladder: codes are shown with them.
    fn is_tall(&self) -> bool {
        let keys = &self.about.keys;
        self.d.acts && (!keys.offers.is_empty() || keys.codes.iter().any(|codes| codes.is_open))
    }

    /// Whose post asks whose, as a sentence.
    fn lede(&self) -> String {
        let view = &self.about.view;
        let args = [
            ("side", view.owner.word().into()),
            ("from", (&view.from).into()),
            ("to", (&view.to).into()),
            ("mode", self.d.words().mode(view.mode.0).into()),
        ];
        let is_open = view.outcome == Outcome::Open.word();
        self.d.words().say(if is_open { "request-lede" } else { "request-lede-closed" }, &args)
    }

    /// We have written a call sheet, which another one replaces.
    fn has_sheet(&self) -> bool {
        self.about.view.sheets.as_ref().is_some_and(|sheets| sheets.ours.is_some())
    }

    /// What the record does not say, below a heading.
    fn unknowns(&self) -> Vec<String> {
        self.about.view.not_known.iter().map(|sentence| unheaded(sentence)).collect()
    }

    /// Who here wrote an entry, if somebody here did.
    fn author(&self, entry: &Named) -> Option<&String> {
        self.authors.get(&entry.at)
    }

    /// The page of an entry.
    fn entry_at(&self, entry: &Named) -> String {
        let epoch = self.about.ended.map_or_else(String::new, |number| format!("?epoch={number}"));
        format!("/lines/{}/entries/{}{epoch}", self.about.view.line, entry.at)
    }

    /// Where an entry stands in the record.
    fn record_at(&self, entry: &Named) -> String {
        let epoch = self.about.ended.map_or_else(String::new, |number| format!("epoch={number}&"));
        format!("/lines/{}/record?{epoch}from={}#e{}", self.about.view.line, entry.at, entry.at.replace(':', "-"))
    }
}

/// `GET /lines/{line}/requests/{request}`.
pub(super) async fn show(
    State(desk): State<Desk>,
    who: Signed,
    Path((line, said)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    desk.request_page(&who, line, said, epoch_asked(query), Held::default()).await
}

impl Desk {
    pub(super) async fn request_page(
        &self,
        who: &Signed,
        line: String,
        said: String,
        epoch: Option<u64>,
        held: Held,
    ) -> Response {
        let drawn = async {
            let position = self.position(who).await?;
            let id = self.api.line(Some(line)).await?;
            let days = self.days();
            let show = move |sight: &Sight<'_>| {
                let about = about(sight, &said)?;
                let put_off = PutOff::for_codes(&about.keys.codes, &sight.telling, &days);
                Ok::<_, Told>((about, put_off))
            };
            let (mut about, put_off) = self.api.see_in(id, epoch, show).await??;
            let (in_epoch, own) = std::mem::replace(&mut about.own, (Epoch::FIRST, Vec::new()));
            let authors = self.authors(id, in_epoch, own).await?;
            let seen = self.line_seen(id).await?;
            let mut d = Frame::new(self, who, "lines", position)?;
            d.mark = about.view.mark.0;
            d.line = id.to_string();
            d.four = Some(Four::of_line(d.words(), &seen, d.mark));
            // Why no device here confirmed is known here alone: they read only that none has.
            let unheard = about.unconfirmed.and_then(|[from, until]| self.inner.pages.unheard(from, until));
            if let Some(unheard) = unheard {
                super::ladder::explain_alerting(&mut about.rows, &unheard.told(&d));
            }
            for pressed in self.inner.unsigned.pressed(who, id) {
                about.keys.press(&pressed, d.with("unsigned-key", "time", d.clock_at(pressed.due)));
            }
            let status = held.wrong.as_ref().map_or(StatusCode::OK, Told::status);
            let days = self.days_back();
            Ok::<_, Told>(page(status, &RequestPage { d, seen, about, days, put_off, held, authors }))
        };
        match drawn.await {
            Ok(response) => response,
            Err(told) => refused::shown(self, who, &told, &refused::Kept::default()).await,
        }
    }
}

/// The number of the epoch that an address names; without one it is about the epoch that serves.
pub(super) fn epoch_asked(query: Option<String>) -> Option<u64> {
    let fields = Fields::read(&Bytes::from(query.unwrap_or_default())).unwrap_or_default();
    fields.text("epoch").and_then(|said| said.trim().parse().ok())
}

fn about(sight: &Sight<'_>, said: &str) -> Result<About, Told> {
    let words = sight.telling.words;
    let at = names::parse_in(sight.book(), said).map_err(|fault| Told::name(&fault, words))?;
    let found = sight.view().fact(at).and_then(|fact| Some((fact, request(sight, fact.thing)?)));
    let none = || Fault::new(Code::NotARequest).with("name", names::name_in(sight.book(), at)).tell(words);
    let (_, view) = found.ok_or_else(none)?;
    let asked = names::parse_in(sight.book(), &view.request.at).ok();
    let ask = asked.and_then(|at| sight.view().fact(at)).ok_or_else(none)?;
    // Nothing is done in an epoch that has ended, and nothing of it rings here.
    let is_ended = sight.epoch != sight.line.epoch();
    let rung = if is_ended { Vec::new() } else { waiting(sight) };
    let rung: Vec<Ring> = rung.into_iter().filter(|ring| ring.thing == ask.at).collect();
    let keys = if is_ended { Keys::default() } else { rung::with_note(sight, &rung, keys(sight, &view)) };
    Ok(About {
        rings: rung.iter().map(|ring| rung::told(sight, ring, &keys)).collect(),
        headline: parted(words, &view),
        rows: rows(sight, ask),
        keys,
        ended: is_ended.then_some(sight.epoch.number),
        due: due(sight, &view),
        explained: explained(sight, &view),
        said: said_on(sight, ask),
        attempts: attempts(sight, &view),
        offers: offers(sight, &view),
        sheets: sheets(sight, &view),
        band: open_times(sight, &view),
        epoch: sight.epoch.to_string(),
        tone: tone(sight, &view),
        own: (sight.epoch, own(sight, ask)),
        unconfirmed: unconfirmed(sight, ask),
        view,
    })
}

/// From when until when nothing here had confirmed that the latest attempt of theirs rings.
fn unconfirmed(sight: &Sight<'_>, ask: &Fact) -> Option<[u64; 2]> {
    let view = sight.view();
    let attempt = view.attempts(ask).last().copied().filter(|_| ask.at.party != sight.me())?;
    let rungs = view.rungs(attempt);
    let at = |rung: Rung| rungs.iter().find(|reached| reached.rung == rung).map(|reached| reached.time.0);
    let delivered = at(Rung::Delivered)?;
    let ended = at(Rung::Alerting).or_else(|| at(Rung::Seen)).unwrap_or(sight.telling.clocks.now.0);
    (ended > delivered + AT_ONCE_MS).then_some([delivered, ended])
}

/// What we wrote of it, the latest first.
fn own(sight: &Sight<'_>, ask: &Fact) -> Vec<EntryRef> {
    let ours = |fact: &&Fact| fact.at.party == sight.me();
    let mut all: Vec<EntryRef> = sight.view().thread(ask.at).filter(ours).map(|fact| fact.at).collect();
    all.reverse();
    all.truncate(AUTHORS_MAX);
    all
}

/// A headline without its mark, which stands beside it.
pub(super) fn unmarked<'h>(words: &Words, headline: &'h str, mark: Mark) -> &'h str {
    headline.strip_prefix(&words.coded_in(mark)).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(headline)
}

/// The headline without its mark, parted where what is not begins.
fn parted(words: &Words, view: &RequestView) -> [String; 2] {
    let whole = unmarked(words, &view.headline, view.mark.0);
    // That both state it is the whole of what there is to say.
    let is_talked = view.talk.as_ref().is_some_and(|talk| talk.state.0 == TalkState::Talked);
    let at = whole.find(". ").filter(|_| !is_talked).map(|at| at + 2).or_else(|| {
        let is_open = view.reached.is_some();
        whole.find(", ").filter(|_| is_open).map(|at| at + 2)
    });
    let (first, second) = whole.split_at(at.unwrap_or(whole.len()));
    [first.to_owned(), second.to_owned()]
}

/// What is not known, without the words before the colon, which its heading says.
fn unheaded(sentence: &str) -> String {
    let rest = sentence.split_once(": ").map_or(sentence, |(_, rest)| rest);
    let mut letters = rest.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What needs explaining, a sentence each.
fn explained(sight: &Sight<'_>, view: &RequestView) -> Vec<String> {
    let mut all = Vec::new();
    if sight.epoch != sight.line.epoch() {
        let number = sight.epoch.number.to_string();
        all.push(sight.telling.say("explain-ended", &[("epoch", number.into())]));
    }
    let say = |id: &str, name: &str| sight.telling.say(id, &[("name", name.to_owned().into())]);
    if view.outcome == "CROSSED" {
        all.push(say("explain-crossed", ""));
    } else if view.outcome == Outcome::BrokenOff.word() {
        all.extend(sight.unsettled_because());
    } else if view.outcome != "OPEN" && !view.settled {
        let because = sight.unsettled_because();
        let unheld = because.is_empty().then(|| say("explain-unsettled", ""));
        all.extend(because.into_iter().chain(unheld));
    }
    let crossed = view.offers.last().filter(|offer| view.outcome == "OPEN" && offer.outcome == "CROSSED");
    all.extend(crossed.map(|offer| say("explain-offer-crossed", &offer.offer.name)));
    let differs = view.talk.as_ref().filter(|talk| talk.state.0 == TalkState::Crossed);
    all.extend(differs.map(|_| say("explain-talk-crossed", "")));
    all.extend(view.concerted.as_ref().map(|other| say("explain-concerted", &other.name)));
    all.extend(view.again.as_ref().map(|other| say("plain-again", &other.name)));
    all.extend(view.suspended.as_ref().map(|by| say("explain-suspended", &by.name)));
    all
}

fn hands(sight: &Sight<'_>, fact: &Fact) -> [Hand; 2] {
    [Side::Ours, Side::Theirs].map(|side| sight.telling.hand(side, fact.time))
}

/// The words of every entry that belongs to it, the latest first.
fn said_on(sight: &Sight<'_>, ask: &Fact) -> Vec<SaidItem> {
    let item = |fact: &Fact| {
        let said = sight.said(fact.at)?;
        Some(SaidItem { entry: sight.named(fact.at), kind: fact.kind().word().into(), hands: hands(sight, fact), said })
    };
    // What a call sheet says stands with the other side's.
    let thread = sight.view().thread(ask.at).filter(|fact| fact.kind() != Kind::Sheet);
    let mut all: Vec<SaidItem> = thread.filter_map(item).collect();
    all.reverse();
    all
}

fn attempts(sight: &Sight<'_>, view: &RequestView) -> Vec<Attempt> {
    let rung = |rung: &crate::view::attempts::RungView| Step {
        rung: sight.telling.words.coded(rung.rung.0),
        entry: rung.entry.clone(),
        time: sight.telling.both(rung.time.0),
    };
    let attempt = |attempt: &crate::view::attempts::AttemptView| Attempt {
        entry: attempt.attempt.clone(),
        kind: attempt.kind.clone(),
        counts: attempt.counts,
        rungs: attempt.rungs.iter().map(rung).collect(),
    };
    view.attempts.iter().map(attempt).collect()
}

/// The windows that are open or agreed, and until when an answer is wanted.
fn open_times(sight: &Sight<'_>, view: &RequestView) -> Option<Band> {
    let mut open: Vec<_> = open(view, None).collect();
    // Theirs first, so that a window has the number of the key that takes it.
    open.sort_by_key(|offer| offer.side == Side::Ours);
    let windows = open.iter().flat_map(|offer| &offer.windows).chain(&view.agreed);
    let windows: Vec<_> = windows.filter_map(|window| window.window()).collect();
    let by = open.iter().filter_map(|offer| offer.answer_by).map(|by| by.0).min();
    let is_off = !view.settled || view.talk.as_ref().is_some_and(|talk| talk.state.0 == TalkState::Cancelled);
    let are = match (open.is_empty(), is_off) {
        (false, _) => Windows::Offered,
        (true, false) => Windows::Agreed,
        (true, true) => Windows::Off,
    };
    (!windows.is_empty()).then(|| Band { are, ..band(&sight.telling, &windows, by) })
}

fn offers(sight: &Sight<'_>, view: &RequestView) -> Vec<Offer> {
    let offer = |offer: &OfferView| Offer {
        entry: offer.offer.clone(),
        side: offer.side,
        outcome: shown(sight, offer),
        windows: offer.windows.iter().map(|window| (window.told(&sight.telling), is_taken(offer, window))).collect(),
        answer_by: offer
            .answer_by
            .filter(|_| offer.outcome == "OPEN")
            .map_or_else(String::new, |by| sight.telling.both(by.0)),
    };
    view.offers.iter().map(offer).collect()
}

/// The word of an offer's outcome: of one that the other side is not known to hold, that it was written here.
fn shown(sight: &Sight<'_>, offer: &OfferView) -> Coded {
    let view = sight.view();
    let fact = names::parse_in(sight.book(), &offer.offer.at).ok().and_then(|at| view.fact(at));
    let decision = fact.map(|fact| view.decision(fact));
    decision.map_or_else(Coded::default, |decision| {
        sight.telling.words.shown(decision.outcome, view.covered_for(sight.me(), &decision))
    })
}

/// The same moments: an accept names no zone.
fn is_taken(offer: &OfferView, window: &Window) -> bool {
    offer.accepted.as_ref().is_some_and(|taken| taken.window() == window.window())
}

/// The page of the request to which an entry belongs; of anything else that stands on a line the texts.
pub(super) fn page_of(sight: &Sight<'_>, at: EntryRef) -> String {
    let line = sight.line.id();
    match sight.view().fact(at).map(|fact| request(sight, fact.thing)) {
        Some(Some(view)) => format!("/lines/{line}/requests/{}", view.request.at),
        // The charter that opened an epoch: what broke off before stands above all lines.
        Some(None) if at.index == 0 => "/lines".into(),
        // A text, a test of the line, a note, what is declared.
        Some(None) => format!("/lines/{line}/texts"),
        None => "/lines".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn what_is_not_known_says_so_in_the_heading_alone_in_every_language() {
        let told = Language::ALL.map(|language| unheaded(&Words::of(language).say("unknown-talked", &[])));

        assert!(told[0].starts_with("Whether they talked. One"), "{}", told[0]);
        assert!(told[1].starts_with("Состоялся ли разговор. Это"), "{}", told[1]);
    }
}
