//! How a person's pages are set: the language, and the direction. Kept with the user, for every browser and session of theirs.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{Four, Frame, RIGHT_TO_LEFT};
use super::refused::{self, Kept};
use super::session::{Posted, Signed};
use super::upkeep::Upkeep;
use super::{Desk, page};
use crate::api::fault::{Code, Fault, Told};
use crate::api::spoken::accepted;
use crate::store::{People, Settings};
use crate::words::Language;

/// Addresses below this are for programs, which have no settings.
const PROGRAMS: &str = "/api/";
/// Addresses below this are files, which are the same in every language.
const FILES: &str = "/static/";

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    d: Frame,
    settings: Settings,
    upkeep: Upkeep,
}

impl Page {
    /// Tag, name in itself, whether it is chosen.
    fn languages(&self) -> [(&'static str, String, bool); Language::ALL.len()] {
        let one = |language: Language| {
            let is_chosen = Language::parse(&self.settings.language) == Some(language);
            (language.tag(), language.words().say("language-name", &[]), is_chosen)
        };
        Language::ALL.map(one)
    }

    fn follows_browser(&self) -> bool {
        Language::parse(&self.settings.language).is_none()
    }

    fn is_from_right(&self) -> bool {
        self.settings.direction == RIGHT_TO_LEFT
    }
}

impl Desk {
    /// In which language this is answered: as the person has set it, else as the browser asks, else as the organisation speaks. Programs
    /// have no settings: as they ask, else in English.
    pub(super) async fn language_of(&self, path: &str, headers: &HeaderMap) -> Language {
        if path.starts_with(PROGRAMS) {
            return accepted(headers).unwrap_or(Language::English);
        }
        let who = if path.starts_with(FILES) { None } else { self.signed(headers).await.ok().flatten() };
        let set = who.and_then(|who| Language::parse(&who.settings.language));
        set.or_else(|| accepted(headers)).unwrap_or_else(|| self.language())
    }
}

/// `GET /settings`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed) -> Response {
    let upkeep = desk.upkeep(&who).await;
    shown(&desk, &who, upkeep).await
}

/// The page, whatever was asked of it.
pub(super) async fn shown(desk: &Desk, who: &Signed, upkeep: Result<Upkeep, Told>) -> Response {
    let drawn = async {
        let upkeep = upkeep?;
        let position = desk.position(who).await?;
        let all = desk.all_seen().await?;
        let mut d = Frame::new(desk, who, "settings", position)?;
        d.four = Some(Four::of_all(d.words(), &all, desk.unread().len(), d.mark));
        if upkeep.is_wrong() {
            d.page = "/settings".into();
        }
        Ok::<_, Told>(Page { d, settings: who.settings.clone(), upkeep })
    };
    match drawn.await {
        Ok(shown) => page(shown.upkeep.status(), &shown),
        Err(told) => refused::shown(desk, who, &told, &Kept::default()).await,
    }
}

/// `POST /settings/language`. Whoever may sign in may read as they like: no act on a line, so no role is asked.
pub(super) async fn set(State(desk): State<Desk>, posted: Posted) -> Response {
    let text = |name| posted.fields.text(name).unwrap_or_default();
    let settings = Settings { language: text("language"), direction: text("direction") };
    let changed = match read(&settings) {
        Ok(()) => desk.api.change(vec![People::Settings { user: posted.who.user.clone(), settings }]).await,
        Err(fault) => Err(desk.api.tell(fault)),
    };
    match changed {
        Ok(()) => Redirect::to("/settings").into_response(),
        Err(told) => refused::shown(&desk, &posted.who, &told, &Kept::default()).await,
    }
}

/// Refuses what no page of ours sends.
fn read(settings: &Settings) -> Result<(), Fault> {
    let known = Language::ALL.map(Language::tag);
    let unknown = |field, said: &str, known: &[&str]| {
        Err(Fault::new(Code::UnknownWord).with("field", field).with("said", said).with("known", known.join(", ")))
    };
    if !settings.language.is_empty() && !known.contains(&settings.language.as_str()) {
        return unknown("language", &settings.language, &known);
    }
    if !settings.direction.is_empty() && settings.direction != RIGHT_TO_LEFT {
        return unknown("direction", &settings.direction, &[RIGHT_TO_LEFT]);
    }
    Ok(())
}
