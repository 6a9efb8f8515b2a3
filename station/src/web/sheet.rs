//! Writing a call sheet: what the two sides can say alike of a talk, filled in from theirs where they wrote one, so that to say the same is
//! to read it and to press a key.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::ids::Party;
use counterpart_core::line::facts::Fact;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::What;
use counterpart_core::shown::is_unshown;
use counterpart_core::time::{Timestamp, Window};
use jiff::tz::TimeZone;

use super::fields::Fields;
use super::frame::{Four, Frame, bars};
use super::readings::{Readings, window};
use super::session::{Posted, Signed};
use super::{Desk, page, refused};
use crate::api::fault::{Code, Fault, Told};
use crate::api::times::{Times, write};
use crate::view::request::RequestView;
use crate::view::sheet::{RAISED, TOPICS_MAX, raised, topics};
use crate::view::{Side, Sight, names};
use crate::words::Why;
use crate::words::clocks::zone;

/// Between languages, as people write them.
const BETWEEN: [char; 5] = [',', ';', ' ', '\n', '\t'];
const MINUTE_MS: u64 = 60_000;

#[derive(Template)]
#[template(path = "sheet.html")]
struct SheetPage {
    d: Frame,
    view: RequestView,
    /// The epoch in which the request stands.
    epoch: String,
    days: Vec<(String, String)>,
    /// Posts of ours.
    posts: Vec<String>,
    typed: Typed,
    /// From what the fields were filled in; empty: a person filled them, or nobody.
    filled: &'static str,
    /// Times that are none or two.
    readings: Vec<Readings>,
    wrong: Option<Told>,
    /// Why none can be written now.
    why: Option<Why>,
}

impl SheetPage {
    fn bars(&self) -> [bool; 4] {
        bars(self.view.precedence.0)
    }

    /// What stands in the fields was put there by a person.
    fn is_typed(&self) -> bool {
        self.filled.is_empty() && self.typed.has_any()
    }

    fn is_present(&self, post: &str) -> bool {
        self.typed.posts.iter().any(|present| present == post)
    }

    fn from(&self) -> String {
        self.d.with("sheet-filled", "from", self.filled)
    }
}

/// What stands in the fields.
#[derive(Clone, Default)]
struct Typed {
    day: String,
    from: String,
    until: String,
    posts: Vec<String>,
    languages: String,
    /// Topics, a line each: those that we raised, and theirs.
    ours: String,
    theirs: String,
    /// The epoch of the page on which it was typed.
    epoch: String,
}

impl Typed {
    fn read(fields: &Fields) -> Typed {
        let text = |name: &str| fields.text(name).unwrap_or_default();
        Typed {
            day: text("day"),
            from: text("from"),
            until: text("until"),
            posts: fields.all("posts"),
            languages: text("languages"),
            ours: text("ours"),
            theirs: text("theirs"),
            epoch: text("epoch"),
        }
    }

    fn has_any(&self) -> bool {
        let texts = [&self.from, &self.until, &self.languages, &self.ours, &self.theirs];
        !self.posts.is_empty() || texts.iter().any(|text| !text.is_empty())
    }

    fn times(&self) -> [&str; 3] {
        [&self.day, &self.from, &self.until]
    }

    /// The languages, once each.
    fn languages(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for tag in self.languages.split(BETWEEN).filter(|tag| !tag.is_empty()) {
            if !all.iter().any(|known| known == tag) {
                all.push(tag.to_owned());
            }
        }
        all
    }

    /// The words of the sheet: the topics of the inviter first, so that both sides' texts can be the same.
    fn words(&self, [ours, theirs]: &[String; 2], me: Party) -> Result<String, Fault> {
        let (own, peer) = (raised_by(ours, &self.ours)?, raised_by(theirs, &self.theirs)?);
        let all = if me == Party::Inviter { [own, peer] } else { [peer, own] };
        Ok(all.concat().join("\n"))
    }
}

/// The topics that a side raised, each after its call sign.
fn raised_by(sign: &str, text: &str) -> Result<Vec<String>, Fault> {
    let unfit = |wrong: &'static str| Fault::new(Code::SheetUnfit).with("wrong", wrong).with("max", TOPICS_MAX);
    let all: Vec<&str> = topics(text).collect();
    // What shows nothing, or turns the writing, would make two sheets differ that look alike.
    if text.chars().any(|c| is_unshown(c) && !matches!(c, '\n' | '\t')) {
        return Err(unfit("unshown"));
    }
    if all.len() > TOPICS_MAX {
        return Err(unfit("topics"));
    }
    Ok(all.into_iter().map(|topic| format!("{sign}{RAISED}{topic}")).collect())
}

/// `GET /lines/{line}/requests/{request}/sheet`.
pub(super) async fn show(
    State(desk): State<Desk>,
    who: Signed,
    Path((line, said)): Path<(String, String)>,
) -> Response {
    desk.sheet_page(&who, &line, said, None, None).await
}

/// `POST /lines/{line}/requests/{request}/sheet`: signs it; a key for one reading of a time chooses that, and signs nothing.
pub(super) async fn write_sheet(
    State(desk): State<Desk>,
    Path((line, said)): Path<(String, String)>,
    mut posted: Posted,
) -> Response {
    posted.fields.press();
    let typed = Typed::read(&posted.fields);
    if posted.fields.text("act").as_deref() != Some("sheet") {
        return desk.sheet_page(&posted.who, &line, said, Some(typed), None).await;
    }
    match desk.signed_sheet(&posted, &line, &said, &typed).await {
        Ok(to) => Redirect::to(&format!("{to}#sheet")).into_response(),
        // What the page would show of that name is another request.
        Err(told) if told.code == refused::ENDED => {
            let kept =
                refused::Kept { words: [typed.ours, typed.theirs].join("\n"), ..refused::Kept::of(&posted.fields) };
            refused::shown(&desk, &posted.who, &told, &kept).await
        }
        Err(told) => desk.sheet_page(&posted.who, &line, said, Some(typed), Some(told)).await,
    }
}

impl Desk {
    async fn signed_sheet(&self, posted: &Posted, line: &str, said: &str, typed: &Typed) -> Result<String, Told> {
        let when = window(&self.spoken(), typed.times()).map_err(|(_, fault)| self.tell_time(fault))?.window;
        let id = self.api.line(Some(line.to_owned())).await?;
        let signs = |sight: &Sight<'_>| ([Side::Ours, Side::Theirs].map(|side| sight.call_sign(side)), sight.me());
        let (signs, me) = self.api.see(id, signs).await?;
        let words = typed.words(&signs, me).map_err(|fault| self.api.tell(fault))?;
        let when = format!("{}/{}", write(when.start()), write(when.end()));
        let mut pairs =
            vec![("act", "sheet"), ("on", said), ("when", &when), ("words", &words), ("epoch", &typed.epoch)];
        let (languages, once) = (typed.languages(), posted.fields.text("once").unwrap_or_default());
        pairs.push(("once", &once));
        pairs.extend(typed.posts.iter().map(|post| ("posts", post.as_str())));
        pairs.extend(languages.iter().map(|tag| ("languages", tag.as_str())));
        self.do_act(&Posted { who: posted.who.clone(), fields: Fields::of(&pairs) }, line).await
    }

    /// `typed`: what stood in the fields; `None`: they are filled in from the record.
    async fn sheet_page(
        &self,
        who: &Signed,
        line: &str,
        said: String,
        typed: Option<Typed>,
        wrong: Option<Told>,
    ) -> Response {
        let drawn = async {
            let position = self.position(who).await?;
            let id = self.api.line(Some(line.to_owned())).await?;
            let Looked { view, epoch, posts, filled } =
                self.api.see(id, move |sight: &Sight<'_>| looked(sight, &said)).await??;
            let seen = self.line_seen(id).await?;
            let mut d = Frame::new(self, who, "lines", position)?;
            d.mark = view.mark.0;
            d.line = id.to_string();
            d.four = Some(Four::of_line(d.words(), &seen, d.mark));
            let times = self.spoken();
            let doubtful = typed.as_ref().and_then(|typed| window(&times, typed.times()).err());
            let readings =
                self.readings(doubtful.into_iter().map(|(field, fault)| (field.to_owned(), fault)).collect());
            let status = wrong.as_ref().map_or(StatusCode::OK, Told::status);
            let wrong = wrong.filter(|_| readings.is_empty());
            let (filled, typed) = match typed {
                // What was typed goes on to be about what was looked at.
                Some(typed) => ("", typed),
                None => (filled.from, filled.typed(&times, &self.zone(), epoch.clone())),
            };
            let epoch = if typed.epoch.is_empty() { epoch } else { typed.epoch.clone() };
            let days = self.days_with(&typed.day);
            let why = why(&view);
            Ok(page(status, &SheetPage { d, view, epoch, days, posts, typed, filled, readings, wrong, why }))
        };
        match drawn.await {
            Ok(response) => response,
            Err(told) => refused::shown(self, who, &told, &refused::Kept::default()).await,
        }
    }

    fn zone(&self) -> TimeZone {
        zone(&self.api.parts.config.organisation.zone).unwrap_or(TimeZone::UTC)
    }

    /// Today and the days before it, and this one.
    fn days_with(&self, day: &str) -> Vec<(String, String)> {
        let mut days = self.days_back();
        let at_noon = || day.parse::<jiff::civil::Date>().ok()?.at(12, 0, 0, 0).to_zoned(self.zone()).ok();
        if !days.iter().any(|(known, _)| known == day)
            && let Some(noon) = at_noon()
        {
            let ms = u64::try_from(noon.timestamp().as_millisecond()).unwrap_or_default();
            days.push((day.to_owned(), super::frame::Door::new(self, "").day(Timestamp(ms))));
        }
        days
    }
}

/// Why no sheet can be written now, if none can.
fn why(view: &RequestView) -> Option<Why> {
    view.acts.iter().find(|may| may.act == "sheet" && may.on == view.request).and_then(|may| may.why.clone())
}

/// What a page shows of the request, and from what its fields are filled in.
struct Looked {
    view: RequestView,
    epoch: String,
    posts: Vec<String>,
    filled: Filled,
}

fn looked(sight: &Sight<'_>, said: &str) -> Result<Looked, Told> {
    let view = crate::api::views::status(sight, said)?;
    let posts = sight.view().charter().party(sight.me()).posts.iter().map(|post| post.id.to_string()).collect();
    let filled = Filled::of(sight, &view);
    Ok(Looked { view, epoch: sight.epoch.to_string(), posts, filled })
}

/// What the record says that a sheet can say too.
#[derive(Default)]
struct Filled {
    when: Option<Window>,
    posts: Vec<String>,
    languages: String,
    /// Topics of ours and of theirs, a line each.
    topics: [String; 2],
    /// From what, as a sentence chooses by it.
    from: &'static str,
}

impl Filled {
    /// From their sheet, or our earlier one; else from what was said of the talk.
    fn of(sight: &Sight<'_>, view: &RequestView) -> Filled {
        let ask = names::parse(sight.line, &view.request.at).ok().and_then(|at| sight.view().fact(at));
        let acts = ask.map_or_else(Vec::new, |ask| sight.talk_acts(&sight.view().talk(ask)));
        let (ours, theirs) =
            view.sheets.as_ref().map(|all| (all.ours.as_ref(), all.theirs.as_ref())).unwrap_or_default();
        // Which of our people were there is ours to say.
        let posts = ours.map_or_else(|| posts_said(sight, &acts), |sheet| sheet.posts.clone());
        let Some(sheet) = theirs.or(ours) else {
            let when = held(sight, &acts);
            return Filled { when, posts, from: if when.is_some() { "talk" } else { "none" }, ..Filled::default() };
        };
        let mut by: [Vec<String>; 2] = Default::default();
        // A topic of which it is not said who raised it is its author's.
        let author = usize::from(theirs.is_some());
        let shown = sheet.said.as_ref().map_or_else(String::new, |said| said.on_page());
        for topic in topics(&shown) {
            let (side, text) = raised(&view.call_signs, topic);
            by.get_mut(side.unwrap_or(author)).into_iter().for_each(|all| all.push(text.to_owned()));
        }
        Filled {
            when: sheet.when.window(),
            posts,
            languages: crate::words::clean(&sheet.languages.join(", ")),
            topics: by.map(|all| all.join("\n")),
            from: if theirs.is_some() { Side::Theirs.word() } else { Side::Ours.word() },
        }
    }

    fn typed(self, times: &Times, zone: &TimeZone, epoch: String) -> Typed {
        let [day, from, until] = self.when.map_or_else(Default::default, |when| written(times, zone, when));
        let [ours, theirs] = self.topics;
        Typed { day, from, until, posts: self.posts, languages: self.languages, ours, theirs, epoch }
    }
}

/// Which of our posts talked, as we said ourselves.
fn posts_said(sight: &Sight<'_>, acts: &[&Fact]) -> Vec<String> {
    let own = acts.iter().filter(|act| act.at.party == sight.me());
    let posts = own.filter_map(|act| if let What::Talk { posts, .. } = &act.what { Some(posts) } else { None });
    posts.flatten().map(|post| post.to_string()).collect()
}

/// When the talk was held, as ours have said, or else theirs: in words, or by joining and ending it.
fn held(sight: &Sight<'_>, acts: &[&Fact]) -> Option<Window> {
    let of = |party: Party| {
        let act = acts.iter().find(|act| act.at.party == party)?;
        match act.what {
            What::Talk { when, .. } => Some(when),
            What::Ended { .. } => {
                let on = sight.view().on(act.refers?);
                let joined = on.filter(|fact| fact.kind() == Kind::Joined && fact.at.party == party).last()?;
                // To the minute, as people say it; within one, to the second.
                let whole = |time: Timestamp| Timestamp(time.0 - time.0 % MINUTE_MS);
                Window::new(whole(joined.time), whole(act.time)).or_else(|| Window::new(joined.time, act.time))
            }
            _ => None,
        }
    };
    of(sight.me()).or_else(|| of(sight.me().peer()))
}

/// A window as it is typed here: in the shortest way that is read back as it was.
fn written(times: &Times, zone: &TimeZone, when: Window) -> [String; 3] {
    let [start, end] = [when.start(), when.end()].map(|time| {
        let ms = i64::try_from(time.0).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX).to_zoned(zone.clone())
    });
    let day = start.date().to_string();
    let exact = "%H:%M:%S%.3f%:z";
    let forms = ["%H:%M", "%H:%M%:z"].map(|form| start.strftime(form).to_string());
    let is_start = |from: &String| times.time(&format!("{day} {from}")) == Ok(when.start());
    let from = forms.into_iter().find(is_start).unwrap_or_else(|| start.strftime(exact).to_string());
    let forms = ["%H:%M", "%H:%M%:z", "%Y-%m-%d %H:%M"].map(|form| end.strftime(form).to_string());
    let is_end = |until: &String| window(times, [&day, &from, until]).is_ok_and(|read| read.window == when);
    let until =
        forms.into_iter().find(is_end).unwrap_or_else(|| end.strftime(&format!("%Y-%m-%dT{exact}")).to_string());
    [day, from, until]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-28T09:00:00Z.
    const NOW: Timestamp = Timestamp(1_774_688_400_000);

    fn at(text: &str) -> Timestamp {
        Times::exact("UTC").time(text).unwrap()
    }

    #[test]
    fn whatever_window_they_wrote_is_filled_in_so_that_it_is_read_back_to_the_millisecond() {
        let (times, oslo) = (Times::spoken("Europe/Oslo", NOW), zone("Europe/Oslo").unwrap());
        for (start, end, typed) in [
            ("2026-03-27T09:00:00Z", "2026-03-27T09:30:00Z", ["2026-03-27", "10:00", "10:30"]),
            ("2026-03-27T22:30:00Z", "2026-03-27T23:30:00Z", ["2026-03-27", "23:30", "00:30"]),
            ("2026-03-25T09:00:00Z", "2026-03-27T09:00:00Z", ["2026-03-25", "10:00", "2026-03-27 10:00"]),
            ("2025-10-26T00:15:00Z", "2025-10-26T01:15:00Z", ["2025-10-26", "02:15+02:00", "02:15+01:00"]),
            ("2026-03-27T09:00:01.250Z", "2026-03-27T09:30:00Z", ["2026-03-27", "10:00:01.250+01:00", "10:30"]),
            (
                "2026-03-27T09:00:00Z",
                "2026-03-27T09:30:59.001Z",
                ["2026-03-27", "10:00", "2026-03-27T10:30:59.001+01:00"],
            ),
        ] {
            let when = Window::new(at(start), at(end)).unwrap();
            let fields = written(&times, &oslo, when);

            assert_eq!(fields, typed, "{start}");
            let [day, from, until] = &fields;
            assert_eq!(window(&times, [day, from, until]).unwrap().window, when, "{fields:?}");
        }
    }

    #[test]
    fn both_sides_compose_the_same_words_of_the_same_topics() {
        let north = Typed { ours: "the tanker\n\n the ice ".into(), theirs: "the ferry".into(), ..Typed::default() };
        let south = Typed { ours: north.theirs.clone(), theirs: north.ours.clone(), ..Typed::default() };
        let signs = ["Northland", "Sundmark"].map(str::to_owned);
        let [turned, same] = [Party::Joiner, Party::Inviter].map(|me| {
            let (typed, signs) = if me == Party::Inviter {
                (&north, signs.clone())
            } else {
                (&south, [signs[1].clone(), signs[0].clone()])
            };
            typed.words(&signs, me).unwrap()
        });

        assert_eq!(same, "Northland: the tanker\nNorthland: the ice\nSundmark: the ferry");
        assert_eq!(turned, same);
    }

    #[test]
    fn topics_that_are_too_many_or_hide_something_are_not_composed() {
        let wrong = |ours: String| {
            let typed = Typed { ours, ..Typed::default() };
            let signs = ["Northland", "Sundmark"].map(str::to_owned);
            typed.words(&signs, Party::Inviter).map_err(|fault| fault.arg("wrong").map(str::to_owned))
        };

        assert!(wrong("topic\n".repeat(TOPICS_MAX)).is_ok());
        assert_eq!(wrong("topic\n".repeat(TOPICS_MAX + 1)), Err(Some("topics".into())));
        for hidden in ["\u{202e}", "\u{0}", "\u{200b}", "\u{2028}"] {
            assert_eq!(wrong(format!("the {hidden}ice")), Err(Some("unshown".into())), "{hidden:?}");
        }
        assert_eq!(wrong(" \n ".into()), Ok(String::new()));
    }

    #[test]
    fn languages_are_read_as_people_write_them() {
        let typed = Typed { languages: "en,ru; zh-Hant\n en".into(), ..Typed::default() };

        assert_eq!(typed.languages(), ["en", "ru", "zh-Hant"]);
    }
}
