//! Texts on a line: what was written, whether it was read, and the pen. Beside them the tests of the line, notes of our own, and what our
//! station declares of itself.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::facts::Fact;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::LineState;
use counterpart_core::record::kind::Kind;
use counterpart_core::time::Timestamp;

use super::fields::Fields;
use super::frame::{Four, Frame, bars, mark_class};
use super::put_off::PutOff;
use super::seen::Seen;
use super::session::{Posted, Signed};
use super::translations::{self, Translation};
use super::{Desk, page, refused};
use crate::api::fault::Told;
use crate::view::{Named, Said, Side, Sight};
use crate::words::clocks::Hand;
use crate::words::coded::Coded;

/// Texts on the page: the latest.
const TEXTS_MAX: usize = 50;

#[derive(Template)]
#[template(path = "texts.html")]
struct Texts {
    d: Frame,
    seen: Seen,
    line: String,
    /// The epoch in which all of it stands.
    epoch: String,
    signs: [String; 2],
    texts: Vec<Text>,
    checks: Vec<Check>,
    to: Vec<String>,
    from: Vec<String>,
    languages: Vec<String>,
    /// Into which one translates.
    into: Vec<String>,
    choice: Choice,
    /// Until when what is declared holds.
    put_off: PutOff,
    /// Why it was not signed.
    wrong: Option<Told>,
}

/// What is chosen of a text that is being written.
#[derive(Default)]
struct Choice {
    from: String,
    to: String,
    language: String,
    mark: String,
    precedence: String,
    words: String,
}

impl Choice {
    fn read(fields: &Fields) -> Choice {
        let text = |name: &str| fields.text(name).unwrap_or_default();
        Choice {
            from: text("from"),
            to: text("to"),
            language: text("language"),
            mark: text("mark"),
            precedence: text("precedence"),
            words: text("words"),
        }
    }

    /// Fills in what is not chosen, or not on this line: a page says nothing that its fields do not show.
    fn fill(&mut self, from: &[String], to: &[String], languages: &[String], mark: Mark) {
        let fill = |field: &mut String, known: &[String]| {
            if !known.contains(field) {
                *field = known.first().cloned().unwrap_or_default();
            }
        };
        fill(&mut self.from, from);
        fill(&mut self.to, to);
        fill(&mut self.language, languages);
        self.mark = Mark::parse(&self.mark).unwrap_or(mark).word().into();
        self.precedence = Precedence::parse(&self.precedence).unwrap_or(Precedence::Routine).word().into();
    }
}

/// One text.
struct Text {
    entry: Named,
    is_ours: bool,
    hands: [Hand; 2],
    said: Option<Said>,
    /// Where it stands, for what is kept beside it.
    at: EntryRef,
    /// What was translated here, with when and by whom.
    translations: Vec<(Translation, String)>,
    posts: [String; 2],
    precedence: Precedence,
    mark: Mark,
    /// What became of it.
    told: String,
    is_retracted: bool,
    /// The act that deals with it: "read" of theirs, "retract" of ours.
    act: Option<&'static str>,
}

/// A test of the line.
struct Check {
    entry: Named,
    hands: [Hand; 2],
    told: String,
    /// A person here can answer it.
    is_owed: bool,
}

impl Texts {
    fn bars(&self, text: &Text) -> [bool; 4] {
        bars(text.precedence)
    }

    fn mark_class(&self, text: &Text) -> &'static str {
        mark_class(text.mark)
    }

    /// What they will read, with what is chosen now.
    fn they_read(&self) -> String {
        let choice = &self.choice;
        let args = [
            ("mark", self.d.words().coded_as::<Mark>(&choice.mark).into()),
            ("precedence", self.d.words().coded_as::<Precedence>(&choice.precedence).into()),
            ("sign", (&self.d.call_sign).into()),
            ("from", (&choice.from).into()),
            ("to", (&choice.to).into()),
            ("language", (&choice.language).into()),
        ];
        self.d.words().say("texts-they-read", &args)
    }

    /// Whose translation it is, and that it is not what was signed.
    fn translated(&self, translation: &Translation, at: &str) -> String {
        let args = [
            ("language", (&translation.language).into()),
            ("user", (&translation.user).into()),
            ("time", at.to_owned().into()),
        ];
        self.d.words().say("translation-meta", &args)
    }

    /// Texts of theirs that nobody here has read.
    fn unread(&self) -> usize {
        self.texts.iter().filter(|text| self.is_unread(text)).count()
    }

    fn is_unread(&self, text: &Text) -> bool {
        text.act == Some("read")
    }

    fn is_operation(&self, text: &Text) -> bool {
        text.mark == Mark::Operation
    }

    fn precedences(&self) -> Vec<(&'static str, [bool; 4], Coded)> {
        Precedence::ALL.into_iter().map(|p| (p.word(), bars(p), self.d.coded(&p))).collect()
    }

    fn marks(&self) -> Vec<(&'static str, String)> {
        Mark::ALL.into_iter().map(|mark| (mark.word(), self.d.coded(&mark).both())).collect()
    }

    /// What a station can declare from the desk; closing a line for good is a command's.
    fn states(&self) -> Vec<(&'static str, String)> {
        let open = [LineState::Open, LineState::Maintenance, LineState::Suspended];
        open.into_iter().map(|state| (state.word(), self.d.words().state(state))).collect()
    }
}

/// `GET /lines/{line}/texts`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed, Path(line): Path<String>) -> Response {
    desk.texts_page(&who, line, Choice::default(), None, StatusCode::OK).await
}

/// `POST /lines/{line}/texts`: signs, or shows what they would read.
pub(super) async fn text_act(State(desk): State<Desk>, Path(line): Path<String>, mut posted: Posted) -> Response {
    posted.fields.press();
    let choice = Choice::read(&posted.fields);
    if posted.fields.text("act").as_deref() == Some("show") {
        return desk.texts_page(&posted.who, line, choice, None, StatusCode::OK).await;
    }
    match desk.do_act(&posted, &line).await {
        Ok(to) => Redirect::to(&to).into_response(),
        // Who may no longer write has no pen on that page: the words stand on another.
        Err(told) if !posted.who.role.acts() => {
            refused::shown(&desk, &posted.who, &told, &refused::Kept::of(&posted.fields)).await
        }
        Err(told) => {
            let status = told.status();
            desk.texts_page(&posted.who, line, choice, Some(told), status).await
        }
    }
}

impl Desk {
    async fn texts_page(
        &self,
        who: &Signed,
        line: String,
        mut choice: Choice,
        wrong: Option<Told>,
        status: StatusCode,
    ) -> Response {
        let drawn = async {
            let position = self.position(who).await?;
            let id = self.api.line(Some(line)).await?;
            let days = self.days();
            let (epoch, mut texts, checks, [to, from], put_off) = self
                .api
                .see(id, move |sight| {
                    let posts = [Side::Theirs, Side::Ours].map(|side| posts(sight, side));
                    (sight.epoch, texts(sight), checks(sight), posts, PutOff::of(&sight.telling, &days))
                })
                .await?;
            let seen = self.line_seen(id).await?;
            let mut d = Frame::new(self, who, "texts", position)?;
            let of: Vec<EntryRef> = texts.iter().map(|text| text.at).collect();
            let reader = self.api.parts.reader.clone();
            let read = move || {
                of.into_iter().map(|at| translations::kept(&reader, id, epoch, at)).collect::<Result<Vec<_>, _>>()
            };
            let read = tokio::task::spawn_blocking(read).await.map_err(|e| self.api.machine(e))?;
            for (text, kept) in texts.iter_mut().zip(read.map_err(|e| self.api.failed(&e))?) {
                text.translations = kept
                    .into_iter()
                    .map(|kept| {
                        let at = d.day_and_clock(Timestamp(kept.at));
                        (kept, at)
                    })
                    .collect();
            }
            let (epoch, into) = (epoch.to_string(), self.translated_into());
            d.line = id.to_string();
            d.four = Some(Four::of_line(d.words(), &seen, d.mark));
            let languages = self.api.parts.config.organisation.languages.clone();
            let view = &seen.row.view;
            let signs = [view.ours.call_sign.clone(), view.theirs.call_sign.clone()];
            let line = id.to_string();
            choice.fill(&from, &to, &languages, d.mark);
            let shown =
                Texts { d, seen, line, epoch, signs, texts, checks, to, from, languages, into, choice, put_off, wrong };
            Ok::<_, Told>(page(status, &shown))
        };
        match drawn.await {
            Ok(response) => response,
            Err(told) => refused::shown(self, who, &told, &refused::Kept::default()).await,
        }
    }
}

fn posts(sight: &Sight<'_>, side: Side) -> Vec<String> {
    let charter = sight.view().charter();
    charter.party(sight.party(side)).posts.iter().map(|post| post.id.to_string()).collect()
}

/// The latest of one kind, the latest last, by the authors' clocks.
fn latest<'a>(sight: &Sight<'a>, kind: Kind) -> Vec<&'a Fact> {
    let mut all: Vec<&Fact> = sight.view().things().filter(|fact| fact.kind() == kind).collect();
    all.sort_by_key(|fact| (fact.time, fact.at));
    let skip = all.len().saturating_sub(TEXTS_MAX);
    all.split_off(skip)
}

/// The latest, and before them the oldest of theirs that wait to be read.
fn texts(sight: &Sight<'_>) -> Vec<Text> {
    let latest = latest(sight, Kind::Text);
    let is_older = |fact: &&Fact| latest.iter().all(|shown| shown.at != fact.at);
    let older = sight.unread().into_iter().filter(|fact| fact.kind() == Kind::Text).filter(is_older).take(TEXTS_MAX);
    older.chain(latest.iter().copied()).map(|fact| text(sight, fact)).collect()
}

fn text(sight: &Sight<'_>, fact: &Fact) -> Text {
    let is_ours = sight.side(fact.at.party) == Side::Ours;
    let of = |kind: Kind| sight.view().on(fact.at).find(|f| f.kind() == kind);
    let (read, retracted) = (of(Kind::Read), of(Kind::Retract));
    let at = |f: &Fact| ("time", sight.telling.both(f.time).into());
    let side = ("side", sight.side(fact.at.party).word().into());
    let told = match (retracted, read, sight.view().receipt(fact.at)) {
        (Some(f), _, _) => sight.telling.say("text-retracted", &[side, at(f)]),
        (None, Some(f), _) => sight.telling.say("text-read", &[side, at(f)]),
        (None, None, Some((_, time))) => {
            sight.telling.say("text-delivered", &[side, ("time", sight.telling.both(time).into())])
        }
        (None, None, None) => sight.telling.say("text-sent", &[side]),
    };
    let (from, to) = fact.posts.clone().map(|(from, to)| (from.to_string(), to.to_string())).unwrap_or_default();
    Text {
        entry: sight.named(fact.at),
        is_ours,
        hands: sight.telling.hands(fact.time),
        said: sight.said(fact.at),
        at: fact.at,
        translations: Vec::new(),
        posts: [from, to],
        precedence: fact.precedence.unwrap_or(Precedence::Routine),
        mark: fact.mark.unwrap_or(Mark::Operation),
        told,
        is_retracted: retracted.is_some(),
        act: match (is_ours, read.is_some(), retracted.is_some()) {
            (true, _, false) => Some("retract"),
            (false, false, false) => Some("read"),
            _ => None,
        },
    }
}

fn checks(sight: &Sight<'_>) -> Vec<Check> {
    let last = Party::BOTH.map(|party| sight.view().last_check(party).map(|fact| fact.at));
    let check = |fact: &Fact| {
        let reply = sight.view().on(fact.at).find(|f| f.kind() == Kind::CheckReply);
        let is_ours = sight.side(fact.at.party) == Side::Ours;
        let told = match reply {
            Some(reply) => {
                let lasted = sight.telling.words.lasts(reply.time.since(fact.time));
                let args = [("time", sight.telling.both(reply.time).into()), ("lasted", lasted.into())];
                sight.telling.say("check-answered", &args)
            }
            None => sight.telling.say("check-stands", &[("side", sight.side(fact.at.party).word().into())]),
        };
        let is_owed = !is_ours && reply.is_none() && last.contains(&Some(fact.at));
        Check { entry: sight.named(fact.at), hands: sight.telling.hands(fact.time), told, is_owed }
    };
    let mut all: Vec<Check> = latest(sight, Kind::Check).into_iter().map(check).collect();
    all.reverse();
    all
}
