//! Who is signed in, what their role lets them do, and that a form is of a page of theirs.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::ids::unhex;

use super::Desk;
use super::fields::Fields;
use super::refused::{self, Kept};
use super::unsigned::back;
use crate::api::fault::{Code, Fault, Told};
use crate::api::places::Place;
use crate::api::receive::BODY_MAX;
use crate::api::sight::hexadecimal;
use crate::people::{Role, SESSION_MS, Token, actor, same};
use crate::store::{By, People, Session, Settings, TokenHash, User};

/// A form's token, in every form that acts.
pub(super) const FORM_FIELD: &str = "form";
/// Bytes of a form: a text of the longest, every byte of it escaped.
const FORM_BYTES_MAX: usize = 3 * BODY_MAX;

/// A person who is signed in.
#[derive(Clone)]
pub(super) struct Signed {
    /// The name.
    pub user: String,
    /// Under what acts are kept: the name, and beside it who made the link by which the session began.
    pub actor: String,
    /// What they may do.
    pub role: Role,
    /// Their session.
    pub token: Token,
    /// How their pages are set.
    pub settings: Settings,
}

impl Signed {
    /// The token of their forms.
    pub fn form(&self) -> String {
        hexadecimal(&self.token.of_forms())
    }
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

impl Desk {
    /// A response that sets a cookie of this desk, for so many milliseconds; for none it is taken away.
    pub(super) fn with_cookie(&self, name: &str, value: &str, ms: u64, response: impl IntoResponse) -> Response {
        let secure = if self.inner.site.is_secure { "; Secure" } else { "" };
        let seconds = ms / 1_000;
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
        let mut response = response.into_response();
        // Both are digits and letters of ours; were they not, nobody would be signed in.
        if let Ok(header) = HeaderValue::from_str(&text) {
            response.headers_mut().append(SET_COOKIE, header);
        }
        response
    }

    /// Signs a person in and leads them to a page: a new session, whose token only their browser has. `None`: what it was to begin by
    /// serves no more.
    pub(super) async fn sign_in(&self, user: &str, by: By, to: &str) -> Result<Option<Response>, Told> {
        let token = Token::draw().map_err(|e| self.api.failed(&e))?;
        let now = self.api.now_of_people();
        let (begun, until, maker) = (now.0, now.plus(SESSION_MS).0, String::new());
        let session = Session { token: token.hash(), user: user.into(), begun, until, maker };
        self.api.change(vec![People::Session { session, by }]).await?;
        let has_begun = self.session(token.hash()).await?.is_some();
        let response = || self.with_cookie(&self.inner.site.cookie, &token.text(), SESSION_MS, Redirect::to(to));
        Ok(has_begun.then(response))
    }

    /// The session of this token and whose it is, if it runs.
    pub(super) async fn session(&self, token: TokenHash) -> Result<Option<(Session, User)>, Told> {
        let (reader, now) = (self.api.parts.reader.clone(), self.api.now_of_people());
        let found = tokio::task::spawn_blocking(move || reader.session(&token, now.0)).await;
        found.map_err(|e| self.api.machine(e))?.map_err(|e| self.api.failed(&e))
    }

    /// Whose session this is, if it runs.
    pub(super) async fn signed(&self, headers: &HeaderMap) -> Result<Option<Signed>, Told> {
        let Some(token) = cookie(headers, &self.inner.site.cookie).and_then(Token::parse) else { return Ok(None) };
        let signed = self.session(token.hash()).await?.and_then(|(session, user)| {
            let role = Role::parse(&user.role)?;
            let actor = actor(&user.name, &session.maker);
            Some(Signed { user: user.name, actor, role, token, settings: user.settings })
        });
        Ok(signed)
    }
}

impl Desk {
    /// Whether this session still runs, and its person may act.
    pub(super) async fn may_sign(&self, session: TokenHash) -> Result<bool, Told> {
        let found = self.session(session).await?;
        Ok(found.and_then(|(_, user)| Role::parse(&user.role)).is_some_and(Role::acts))
    }
}

/// Nobody is signed in: the way to the door, and from there back.
impl FromRequestParts<Desk> for Signed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Signed, Response> {
        match desk.signed(&parts.headers).await {
            Ok(Some(signed)) => {
                parts.extensions.get::<Place>().inspect(|place| place.is_known());
                Ok(signed)
            }
            Ok(None) => {
                let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
                let back = if parts.method == Method::GET { path } else { "/lines" };
                let back = serde_urlencoded::to_string([("to", back)]).unwrap_or_default();
                Err(Redirect::to(&format!("/sign-in?{back}")).into_response())
            }
            Err(told) => Err(refused::plain(desk, &told, &Kept::default())),
        }
    }
}

/// A form that a page of this person's sent.
pub(super) struct Posted {
    pub who: Signed,
    pub fields: Fields,
}

impl FromRequest<Desk> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, desk: &Desk) -> Result<Posted, Response> {
        let (parts, body) = request.into_parts();
        let fields = read(desk, body).await.map_err(|told| refused::plain(desk, &told, &Kept::default()))?;
        let kept = Kept { from: back(&parts.headers), ..Kept::of(&fields) };
        let told = |code| refused::plain(desk, &desk.api.tell(Fault::new(code)), &kept);
        match desk.signed(&parts.headers).await {
            Ok(Some(who)) if is_form_of(&who.token, &fields) => {
                parts.extensions.get::<Place>().inspect(|place| place.is_known());
                Ok(Posted { who, fields })
            }
            Ok(Some(_)) => Err(told(Code::FormForeign)),
            Ok(None) => Err(told(Code::SessionEnded)),
            Err(fault) => Err(refused::plain(desk, &fault, &kept)),
        }
    }
}

/// The bytes of a form.
pub(super) async fn read_bytes(desk: &Desk, body: axum::body::Body) -> Result<axum::body::Bytes, Told> {
    let bytes = axum::body::to_bytes(body, FORM_BYTES_MAX).await;
    bytes.map_err(|_| desk.api.tell(Fault::new(Code::TooLarge).with("max", FORM_BYTES_MAX)))
}

/// Reads a form, whoever sent it.
pub(super) async fn read(desk: &Desk, body: axum::body::Body) -> Result<Fields, Told> {
    let bytes = read_bytes(desk, body).await?;
    Fields::read(&bytes).ok_or_else(|| desk.api.tell(Fault::new(Code::FormUnreadable)))
}

/// Whether a form carries the token of the forms of this session.
pub(super) fn is_form_of(token: &Token, fields: &Fields) -> bool {
    let given = fields.text(FORM_FIELD).and_then(|text| unhex::<32>(&text));
    given.is_some_and(|given| same(&given, &token.of_forms()))
}
