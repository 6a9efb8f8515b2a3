//! Users, their sessions, and links that sign in once: for a person who looks after the station.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{Four, Frame};
use super::refused::{self, Kept};
use super::session::{Posted, Signed};
use super::{Desk, page};
use crate::api::door::Needs;
use crate::api::fault::{Code, Fault, Told};
use crate::api::people::{self, ChangeForm, LinkView, NameForm, UserForm, UserView};
use crate::api::receive::Form;
use crate::api::sessions::{self, SessionForm, SessionView};
use crate::api::sight::hexadecimal;
use crate::people::{Role, author};

/// What a form asks for.
const ACTS: [&str; 6] = ["add", "change", "end", "sign-out", "link", "end-session"];

#[derive(Template)]
#[template(path = "users.html")]
struct Users {
    d: Frame,
    users: Vec<UserView>,
    sessions: Vec<Shown>,
    /// A link that was just made, for whom and until when; it is shown this once.
    link: Option<(String, String, String)>,
    /// What was typed, and why no user was made.
    typed: [String; 2],
    wrong: Option<Told>,
}

/// A session that runs.
struct Shown {
    /// What names it: no one can sign in with it.
    id: String,
    user: String,
    since: String,
    until: String,
    is_this: bool,
    /// Who made the link by which it began; empty: it began by the password.
    maker: String,
}

impl Users {
    fn roles(&self) -> Vec<(&'static str, String)> {
        let id = |role: Role| match role {
            Role::Watch => "role-watch",
            Role::Admin => "role-admin",
            Role::Auditor => "role-auditor",
        };
        Role::ALL.into_iter().map(|role| (role.word(), self.d.say(id(role)))).collect()
    }

    fn since(&self, user: &UserView) -> String {
        self.d.day(user.added.0)
    }

    /// A name as an `id` can be, so that an open second step stays open when the page is drawn anew.
    fn id(&self, name: &str) -> String {
        hexadecimal(name.as_bytes())
    }

    fn is_self(&self, name: &str) -> bool {
        self.d.user == name
    }
}

impl Desk {
    /// Whether this person looks after the station.
    ///
    /// # Errors
    /// Why not, and who does.
    pub(super) fn looks_after(&self, who: &Signed) -> Result<(), Told> {
        let roles = Needs::LooksAfter.roles();
        if roles.contains(&who.role) {
            return Ok(());
        }
        let may = roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(", ");
        Err(self.api.tell(Fault::new(Code::RoleNot).with("role", who.role.word()).with("may", may)))
    }

    /// Whether somebody else is meant: who removed or demoted themselves would be out at once.
    fn is_other(&self, who: &Signed, name: &str) -> Result<(), Told> {
        if who.user == name { Err(self.api.tell(Fault::new(Code::UserSelf))) } else { Ok(()) }
    }

    async fn users_page(
        &self,
        who: &Signed,
        link: Option<(String, LinkView)>,
        refused: Option<([String; 2], Told)>,
    ) -> Result<Response, Told> {
        self.looks_after(who)?;
        let position = self.position(who).await?;
        let Json(users) = people::list(State(self.api.clone())).await?;
        let Json(sessions) = sessions::list(State(self.api.clone())).await?;
        let all = self.all_seen().await?;
        let mut d = Frame::new(self, who, "users", position)?;
        d.four = Some(Four::of_all(d.words(), &all, self.unread().len(), d.mark));
        if link.is_some() || refused.is_some() {
            d.page = "/users".into();
        }
        let this = hexadecimal(&who.token.hash());
        let shown = |session: SessionView| Shown {
            since: d.day_and_clock(session.begun.0),
            until: d.day_and_clock(session.until.0),
            is_this: session.session == this,
            id: session.session,
            user: session.user,
            maker: session.maker.map(|maker| author(&maker, d.words())).unwrap_or_default(),
        };
        let sessions = sessions.into_iter().map(shown).collect();
        let link = link.map(|(name, link)| (name, link.url, d.day_and_clock(link.until.0)));
        let status = refused.as_ref().map_or(StatusCode::OK, |(_, told)| told.status());
        let (typed, wrong) = refused.map_or((Default::default(), None), |(typed, told)| (typed, Some(told)));
        Ok(page(status, &Users { d, users, sessions, link, typed, wrong }))
    }

    /// Does what a form asks; `None`: the page is drawn anew.
    async fn look_after(&self, posted: &Posted) -> Result<Option<Response>, Told> {
        self.looks_after(&posted.who)?;
        let text = |name: &str| posted.fields.text(name).unwrap_or_default();
        let (api, name) = (State(self.api.clone()), text("name").trim().to_owned());
        match text("act").as_str() {
            "add" => {
                let (role, password) = (text("role"), posted.fields.text("password").filter(|text| !text.is_empty()));
                let form = UserForm { name: name.clone(), role: role.clone(), password };
                // A password is never drawn again.
                if let Err(told) = people::add(api, Form(form)).await {
                    return self.users_page(&posted.who, None, Some(([name, role], told))).await.map(Some);
                }
            }
            "change" => {
                let (role, password) = (text("role"), posted.fields.text("password").filter(|text| !text.is_empty()));
                let form = ChangeForm { name: name.clone(), role: Some(role.clone()), password, no_password: false };
                let changed = match self.is_other(&posted.who, &name) {
                    Ok(()) => self.api.change_user(form, false).await,
                    Err(told) => Err(told),
                };
                if let Err(told) = changed {
                    return self.users_page(&posted.who, None, Some(([name, role], told))).await.map(Some);
                }
            }
            "end" => {
                self.is_other(&posted.who, &name)?;
                drop(self.api.end_user(NameForm { name }, false).await?);
            }
            "sign-out" => drop(people::sign_out(api, Form(NameForm { name })).await?),
            "link" => {
                let link = self.api.make_link(&name, posted.who.actor.clone()).await?;
                return self.users_page(&posted.who, Some((name, link)), None).await.map(Some);
            }
            "end-session" => {
                // One that has ended meanwhile stands in the list no more.
                drop(sessions::end(api, Form(SessionForm { session: text("session") })).await?);
            }
            other => {
                let fault = Fault::new(Code::UnknownAct).with("said", other);
                return Err(self.api.tell(fault.with("known", ACTS.join(", "))));
            }
        }
        Ok(None)
    }
}

/// `GET /users`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed) -> Response {
    match desk.users_page(&who, None, None).await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &Kept::default()).await,
    }
}

/// `POST /users`.
pub(super) async fn act(State(desk): State<Desk>, mut posted: Posted) -> Response {
    posted.fields.press();
    match desk.look_after(&posted).await {
        Ok(Some(response)) => response,
        Ok(None) => Redirect::to("/users").into_response(),
        Err(told) => refused::shown(&desk, &posted.who, &told, &Kept::default()).await,
    }
}
