//! Tokens of programs: made, shown once, revoked, by a person who looks after the station. A day is written as a person writes it; what
//! is decided of it, and kept, is the API's ([`crate::api::tokens`]).

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{Four, Frame};
use super::refused::{self, Kept};
use super::session::{Posted, Signed};
use super::{Desk, page};
use crate::api::fault::{Code, Fault, Told};
use crate::api::people::NameForm;
use crate::api::receive::Form;
use crate::api::sight::hexadecimal;
use crate::api::times::write;
use crate::api::tokens::{self, TokenForm, TokenMade, TokenView};
use crate::people::{CALENDAR, Role};

/// How long a token serves unless another end is written, in days.
const DAYS: i64 = 90;

#[derive(Template)]
#[template(path = "tokens.html")]
struct Tokens {
    d: Frame,
    tokens: Vec<Shown>,
    /// How many of them serve.
    serving: usize,
    /// One that was just made; it is shown this once.
    made: Option<Made>,
    /// What stands in the fields, and why no token was made.
    typed: Typed,
    wrong: Option<Told>,
    /// A day as a person writes it.
    example: String,
}

/// A token in the list.
struct Shown {
    name: String,
    role: String,
    since: String,
    until: String,
    has_ended: bool,
}

/// A token that was just made.
struct Made {
    name: String,
    role: String,
    /// The token; of a calendar its address.
    token: String,
    is_calendar: bool,
    until: String,
}

/// What was typed.
struct Typed {
    name: String,
    role: String,
    until: String,
}

impl Tokens {
    /// A name as an `id` can be.
    fn id(&self, name: &str) -> String {
        hexadecimal(name.as_bytes())
    }

    fn roles(&self) -> Vec<(&'static str, String)> {
        let id = |role: Role| match role {
            Role::Watch => "tokens-role-watch",
            Role::Admin => "tokens-role-admin",
            Role::Auditor => "tokens-role-auditor",
        };
        let calendar = (CALENDAR, self.d.say("tokens-role-calendar"));
        Role::ALL.into_iter().map(|role| (role.word(), self.d.say(id(role)))).chain([calendar]).collect()
    }
}

impl Desk {
    async fn tokens_page(
        &self,
        who: &Signed,
        made: Option<TokenMade>,
        refused: Option<(Typed, Told)>,
    ) -> Result<Response, Told> {
        self.looks_after(who)?;
        let position = self.position(who).await?;
        let Json(tokens) = tokens::list(State(self.api.clone())).await?;
        let all = self.all_seen().await?;
        let mut d = Frame::new(self, who, "tokens", position)?;
        d.page = "/tokens".into();
        d.four = Some(Four::of_all(d.words(), &all, self.unread().len(), d.mark));
        let shown = |token: TokenView| Shown {
            since: d.day(token.added.0),
            until: match token.until {
                None => d.say("tokens-no-end"),
                Some(until) if token.ended => d.with("tokens-ended", "time", d.day_and_clock(until.0)),
                Some(until) => d.day_and_clock(until.0),
            },
            has_ended: token.ended,
            name: token.name,
            role: token.role,
        };
        let tokens: Vec<Shown> = tokens.into_iter().map(shown).collect();
        let made = made.map(|made| Made {
            until: match made.until {
                None => d.say("tokens-made-no-end"),
                Some(until) => d.with("tokens-made-until", "time", d.day_and_clock(until.0)),
            },
            name: made.name,
            role: made.role,
            is_calendar: made.address.is_some(),
            token: made.address.unwrap_or(made.token),
        });
        let status = refused.as_ref().map_or(StatusCode::OK, |(_, told)| told.status());
        let example = self.spoken().day_ahead(DAYS);
        let (typed, wrong) = match refused {
            Some((typed, told)) => (typed, Some(told)),
            // The least that a program can be given is chosen, and an end.
            None => (Typed { name: String::new(), role: Role::Auditor.word().into(), until: example.clone() }, None),
        };
        let serving = tokens.iter().filter(|token| !token.has_ended).count();
        Ok(page(status, &Tokens { d, tokens, serving, made, typed, wrong, example }))
    }

    async fn make_token(&self, who: &Signed, typed: Typed) -> Result<Response, Told> {
        let made = async {
            let said = typed.until.trim();
            let until = if said.is_empty() { None } else { Some(self.spoken().end_at(said)) };
            let until = until.transpose().map_err(|fault| self.api.tell(fault))?.map(write);
            let form = TokenForm { name: typed.name.trim().to_owned(), role: typed.role.clone(), until };
            tokens::add(State(self.api.clone()), Form(form)).await
        };
        match made.await {
            Ok(Json(made)) => self.tokens_page(who, Some(made), None).await,
            Err(told) => self.tokens_page(who, None, Some((typed, told))).await,
        }
    }

    /// Does what a form asks.
    async fn keep_tokens(&self, posted: &Posted) -> Result<Response, Told> {
        self.looks_after(&posted.who)?;
        let text = |name: &str| posted.fields.text(name).unwrap_or_default();
        match text("act").as_str() {
            "add" => {
                let typed = Typed { name: text("name"), role: text("role"), until: text("until") };
                self.make_token(&posted.who, typed).await
            }
            "revoke" => {
                drop(tokens::revoke(State(self.api.clone()), Form(NameForm { name: text("name") })).await?);
                Ok(Redirect::to("/tokens").into_response())
            }
            other => Err(self.api.tell(Fault::new(Code::UnknownAct).with("said", other).with("known", "add, revoke"))),
        }
    }
}

/// `GET /tokens`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed) -> Response {
    match desk.tokens_page(&who, None, None).await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &Kept::default()).await,
    }
}

/// `POST /tokens`.
pub(super) async fn act(State(desk): State<Desk>, mut posted: Posted) -> Response {
    posted.fields.press();
    match desk.keep_tokens(&posted).await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &posted.who, &told, &Kept::default()).await,
    }
}
