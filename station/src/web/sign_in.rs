//! The door: a name and a password, or a link that serves once. No GET signs anybody in.

use askama::Template;
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::frame::Door;
use super::refused::{self, Kept};
use super::router::Peer;
use super::session::{Posted, cookie, is_form_of, read};
use super::{Desk, page};
use crate::api::fault::{Code, Fault, Told};
use crate::api::sight::hexadecimal;
use crate::people::{NAME_BYTES_MAX, Secret, Token};
use crate::store::{By, People, User};

/// How long the door stands open in a browser before it is asked for again, in milliseconds.
const DOOR_MS: u64 = 3_600_000;

/// Where to after the door.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    to: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    d: Door,
    form: String,
    to: String,
    name: String,
    /// Why nobody is signed in yet.
    wrong: Option<Told>,
}

#[derive(Template)]
#[template(path = "link.html")]
struct Link {
    d: Door,
    form: String,
    token: String,
    /// Whom it signs in; `None`: it serves no longer.
    user: Option<String>,
}

/// A path on this desk, or the lines.
pub(super) fn local(to: &str) -> &str {
    let is_path = to.starts_with('/') && !to.starts_with("//") && !to.contains(|c: char| c == '\\' || c.is_control());
    if is_path && to.len() <= 512 { to } else { "/lines" }
}

impl Desk {
    fn door_cookie(&self) -> String {
        format!("{}-door", self.inner.site.cookie)
    }

    /// The door that this browser has.
    pub(super) fn door_of(&self, headers: &HeaderMap) -> Option<Token> {
        cookie(headers, &self.door_cookie()).and_then(Token::parse)
    }

    /// The same, or a new one. Its token is in the forms of the door.
    pub(super) fn door(&self, headers: &HeaderMap) -> Result<(Token, bool), Told> {
        match self.door_of(headers) {
            Some(token) => Ok((token, true)),
            None => Token::draw().map(|token| (token, false)).map_err(|e| self.api.failed(&e)),
        }
    }

    pub(super) fn at_door(&self, token: &Token, had: bool, response: Response) -> Response {
        if had {
            return response;
        }
        self.with_cookie(&self.door_cookie(), &token.text(), DOOR_MS, response)
    }

    fn sign_in_page(&self, headers: &HeaderMap, to: &str, name: &str, wrong: Option<Told>) -> Response {
        let (token, had) = match self.door(headers) {
            Ok(door) => door,
            Err(told) => return refused::plain(self, &told, &Kept::default()),
        };
        let status = if wrong.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        let form = hexadecimal(&token.of_forms());
        let d = Door::new(self, "");
        let shown = page(status, &SignIn { d, form, to: local(to).into(), name: name.into(), wrong });
        self.at_door(&token, had, shown)
    }

    /// Whose password this is.
    pub(super) async fn known(&self, name: &str, password: String) -> Result<Option<User>, Told> {
        let _turn = self.inner.hashing.acquire().await.map_err(|e| self.api.machine(e))?;
        let (reader, name, desk) = (self.api.parts.reader.clone(), name.to_owned(), self.clone());
        let look = move || {
            let user = reader.user(&name)?;
            // Who is not there, or has no password, is looked at for as long.
            let kept = user.as_ref().map(|user| user.secret.clone()).filter(|secret| !secret.is_empty());
            let is = kept.map_or_else(
                || desk.inner.nobody.is(&password) && user.is_none(),
                |secret| Secret::kept(secret).is(&password),
            );
            Ok::<_, crate::store::StoreError>(user.filter(|_| is))
        };
        let looked = tokio::task::spawn_blocking(look).await.map_err(|e| self.api.machine(e))?;
        looked.map_err(|e| self.api.failed(&e))
    }

    async fn link_of(&self, token: &Token) -> Result<Option<String>, Told> {
        let (reader, hash, now) = (self.api.parts.reader.clone(), token.hash(), self.api.now_of_people());
        let found = tokio::task::spawn_blocking(move || reader.link(&hash, now.0)).await;
        found.map_err(|e| self.api.machine(e))?.map_err(|e| self.api.failed(&e))
    }
}

/// `GET /sign-in`.
pub(super) async fn show(State(desk): State<Desk>, Query(back): Query<Back>, headers: HeaderMap) -> Response {
    desk.sign_in_page(&headers, &back.to, "", None)
}

/// `POST /sign-in`.
pub(super) async fn enter(
    State(desk): State<Desk>,
    ConnectInfo(Peer(from)): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    let fields = match read(&desk, body).await {
        Ok(fields) => fields,
        Err(told) => return refused::plain(&desk, &told, &Kept::default()),
    };
    let text = |name| fields.text(name).unwrap_or_default();
    let (name, to) = (text("name").trim().to_owned(), text("to"));
    let again = |fault: Fault| desk.sign_in_page(&headers, &to, &name, Some(desk.api.tell(fault)));
    if !desk.door_of(&headers).is_some_and(|door| is_form_of(&door, &fields)) {
        return again(Fault::new(Code::FormForeign));
    }
    let address = desk.inner.site.caller(from, &headers);
    let (clock, begun) = (&desk.api.parts.clock, desk.api.parts.begun);
    let admitted = desk.inner.throttle.admit(&name, address, clock.moment().ms_since(begun));
    if let Err(spent) = admitted {
        let code = if spent.of_address { Code::AddressSpent } else { Code::TriesSpent };
        return again(Fault::new(code).with("seconds", spent.wait_ms.div_ceil(1_000)));
    }
    if name.len() > NAME_BYTES_MAX {
        return again(Fault::new(Code::NotSignedIn));
    }
    match desk.known(&name, text("password")).await {
        Ok(Some(user)) => {
            desk.inner.throttle.forgive(&name, address);
            if let Err(told) = desk.api.people_serve().await {
                return desk.sign_in_page(&headers, &to, &name, Some(told));
            }
            match desk.sign_in(&user.name, By::Secret(user.secret), local(&to)).await {
                Ok(Some(response)) => response,
                Ok(None) => again(Fault::new(Code::NotSignedIn)),
                Err(told) => refused::plain(&desk, &told, &Kept::default()),
            }
        }
        Ok(None) => again(Fault::new(Code::NotSignedIn)),
        Err(told) => refused::plain(&desk, &told, &Kept::default()),
    }
}

/// `GET /link/{token}`: a page with one button.
pub(super) async fn link(State(desk): State<Desk>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let shown = async {
        let user = match Token::parse(&token) {
            Some(token) => desk.link_of(&token).await?,
            None => None,
        };
        let (door, had) = desk.door(&headers)?;
        let status = if user.is_some() { StatusCode::OK } else { StatusCode::GONE };
        let form = hexadecimal(&door.of_forms());
        let shown = page(status, &Link { d: Door::new(&desk, ""), form, token: token.clone(), user });
        Ok::<_, Told>(desk.at_door(&door, had, shown))
    };
    shown.await.unwrap_or_else(|told| refused::plain(&desk, &told, &Kept::default()))
}

/// `POST /link/{token}`: signs in, once.
pub(super) async fn redeem(State(desk): State<Desk>, Path(token): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let redeemed = async {
        let fields = read(&desk, body).await?;
        if !desk.door_of(&parts.headers).is_some_and(|door| is_form_of(&door, &fields)) {
            return Err(desk.api.tell(Fault::new(Code::FormForeign)));
        }
        let token = Token::parse(&token).ok_or_else(|| desk.api.tell(Fault::new(Code::LinkSpent)))?;
        let spent = || desk.api.tell(Fault::new(Code::LinkSpent));
        let user = desk.link_of(&token).await?.ok_or_else(spent)?;
        desk.sign_in(&user, By::Link(token.hash()), "/lines").await?.ok_or_else(spent)
    };
    redeemed.await.unwrap_or_else(|told| refused::plain(&desk, &told, &Kept::default()))
}

/// `POST /sign-out`. What waits to be signed is signed first: its officer pressed the key and goes, and nobody could take it back.
pub(super) async fn leave(State(desk): State<Desk>, posted: Posted) -> Response {
    if let Err(told) = desk.sign_waiting(&posted.who).await {
        return refused::shown(&desk, &posted.who, &told, &Kept::default()).await;
    }
    let ended = desk.api.change(vec![People::SessionEnds(posted.who.token.hash())]).await;
    match ended {
        Ok(()) => desk.with_cookie(&desk.inner.site.cookie, "", 0, Redirect::to("/sign-in")).into_response(),
        Err(told) => refused::plain(&desk, &told, &Kept::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_door_one_stays_on_this_desk() {
        assert_eq!(local("/lines/7?x=1"), "/lines/7?x=1");
        for elsewhere in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", "/\t/evil.example", "lines"]
        {
            assert_eq!(local(elsewhere), "/lines", "{elsewhere}");
        }
    }
}
