//! What is set beside how pages are set: one's own password, and for a person who looks after the station the banner.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::refused::{self, Kept};
use super::session::{Posted, Signed};
use super::{Desk, settings};
use crate::api::banner::BANNER_MAX;
use crate::api::fault::{Code, Fault, Told};
use crate::people::{self, PASSWORD_CHARS_MIN, Role, Secret};
use crate::store::By;

/// The field of the banner, and the part of the page that it is in.
const BANNER: &str = "banner";

/// What the page of settings shows of these.
#[derive(Default)]
pub(super) struct Upkeep {
    pub looks_after: bool,
    /// What stands in the field of the banner.
    pub banner: String,
    /// What was not set, and why.
    wrong: Option<(&'static str, Told)>,
    /// The password was changed.
    pub is_changed: bool,
    /// Why the person cannot change it: there is none.
    pub no_password: Option<Told>,
}

impl Upkeep {
    pub fn is_wrong(&self) -> bool {
        self.wrong.is_some()
    }

    pub fn wrong_of(&self, what: &str) -> Option<&Told> {
        self.wrong.as_ref().filter(|(of, _)| *of == what).map(|(_, told)| told)
    }

    pub fn banner_max(&self) -> usize {
        BANNER_MAX
    }

    pub fn status(&self) -> StatusCode {
        self.wrong.as_ref().map_or(StatusCode::OK, |(_, told)| told.status())
    }
}

/// What becomes of a form of this page.
enum Set {
    Done(Response),
    /// Not set; which part of the page says why, and what had been typed.
    Wrong(&'static str, String, Told),
}

impl Desk {
    /// As it stands, nothing asked.
    pub(super) async fn upkeep(&self, who: &Signed) -> Result<Upkeep, Told> {
        let has_password = self.session(who.token.hash()).await?.is_some_and(|(_, user)| !user.secret.is_empty());
        let no_password = (!has_password).then(|| self.api.tell(Fault::new(Code::PasswordNone)));
        let looks_after = who.role == Role::Admin;
        Ok(Upkeep { looks_after, banner: self.api.banner(), no_password, ..Upkeep::default() })
    }

    /// The banner of every page and print.
    async fn set_banner(&self, posted: &Posted) -> Result<Set, Told> {
        self.looks_after(&posted.who)?;
        let banner = posted.fields.text(BANNER).unwrap_or_default().trim().to_owned();
        match self.api.set_banner(&banner).await {
            Ok(()) => Ok(Set::Done(Redirect::to("/settings").into_response())),
            Err(told) if told.code == Code::BannerUnfit.word() => Ok(Set::Wrong(BANNER, banner, told)),
            Err(told) => Err(told),
        }
    }

    /// A new password, for whoever knows the one that serves; their other sessions end.
    async fn set_password(&self, posted: &Posted) -> Result<Set, Told> {
        let text = |name: &str| posted.fields.text(name).unwrap_or_default();
        let wrong = |fault: Fault| Ok(Set::Wrong("password", String::new(), self.api.tell(fault)));
        let user = &posted.who.user;
        if let Some(told) = self.upkeep(&posted.who).await?.no_password {
            return Ok(Set::Wrong("password", String::new(), told));
        }
        if !people::is_password(&text("new")) {
            return wrong(Fault::new(Code::PasswordUnfit).with("min", PASSWORD_CHARS_MIN));
        }
        // Who holds a session must not try passwords without limit.
        let now_ms = self.api.parts.clock.moment().ms_since(self.api.parts.begun);
        let here = std::net::IpAddr::from([0, 0, 0, 0]);
        if let Err(spent) = self.inner.throttle.admit(user, here, now_ms) {
            return wrong(Fault::new(Code::TriesSpent).with("seconds", spent.wait_ms.div_ceil(1_000)));
        }
        let Some(known) = self.known(user, text("old")).await? else {
            return wrong(Fault::new(Code::PasswordOther));
        };
        self.inner.throttle.forgive(user, here);
        let new = text("new");
        let made = tokio::task::spawn_blocking(move || Secret::of(&new)).await.map_err(|e| self.api.machine(e))?;
        let secret = made.map_err(|e| self.api.failed(&e))?.text().into();
        // Every session ends, and this browser begins anew: nobody else goes on with what the old password opened. Who was changed or
        // removed meanwhile stays so.
        match self.sign_in(user, By::Change { was: known.secret, secret }, "/settings/changed").await? {
            Some(response) => Ok(Set::Done(response)),
            None => wrong(Fault::new(Code::PasswordOther)),
        }
    }
}

/// `GET /settings/changed`: the page of settings after a change of the password.
pub(super) async fn changed(State(desk): State<Desk>, who: Signed) -> Response {
    let upkeep = desk.upkeep(&who).await.map(|upkeep| Upkeep { is_changed: true, ..upkeep });
    settings::shown(&desk, &who, upkeep).await
}

/// `POST /settings/banner`.
pub(super) async fn banner(State(desk): State<Desk>, posted: Posted) -> Response {
    let set = desk.set_banner(&posted).await;
    answered(&desk, &posted, set).await
}

/// `POST /settings/password`.
pub(super) async fn password(State(desk): State<Desk>, posted: Posted) -> Response {
    let set = desk.set_password(&posted).await;
    answered(&desk, &posted, set).await
}

async fn answered(desk: &Desk, posted: &Posted, set: Result<Set, Told>) -> Response {
    let who = &posted.who;
    match set {
        Ok(Set::Done(response)) => response,
        Ok(Set::Wrong(what, typed, told)) => {
            let upkeep = desk.upkeep(who).await.map(|as_is| {
                let banner = if what == BANNER { typed } else { as_is.banner.clone() };
                Upkeep { banner, wrong: Some((what, told)), ..as_is }
            });
            settings::shown(desk, who, upkeep).await
        }
        Err(told) => refused::shown(desk, who, &told, &Kept::of(&posted.fields)).await,
    }
}
