//! Tokens by which programs call over TCP, each of a role and, if wished, until a time. A token is 256 random bits, shown once; its SHA-256 is kept. A password needs a slow hash
//! because it can be guessed from its hash; a number that nobody chose cannot.

use axum::Json;
use axum::extract::State;
use counterpart_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Api;
use super::fault::{Code, Fault, Told};
use super::people::NameForm;
use super::receive::Form;
use super::times::Times;
use crate::people::{self, CALENDAR, Role, Token};
use crate::store::{ApiToken, People};
use crate::view::Moment;

/// Tokens that serve at one time.
pub const TOKENS_MAX: usize = 64;

/// A token to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenForm {
    /// The name: acts are kept under it.
    pub name: String,
    /// watch, admin or auditor; or calendar: an address of the calendar alone.
    pub role: String,
    /// When it ends by itself, RFC 3339; absent: it serves until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<String>,
}

/// A token that was made. It is told this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TokenMade {
    /// The name.
    pub name: String,
    /// watch, admin, auditor or calendar.
    pub role: String,
    /// The token, 64 hexadecimal digits.
    pub token: String,
    /// Of a calendar: the address at which a calendar program finds it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Moment>,
}

/// A token, without what is secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TokenView {
    /// The name.
    pub name: String,
    /// watch, admin, auditor or calendar.
    pub role: String,
    /// When it was made.
    pub added: Moment,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Moment>,
    /// Its time is over: it serves no more, and goes when the next is made.
    pub ended: bool,
}

/// `GET /api/v1/tokens`.
pub(crate) async fn list(State(api): State<Api>) -> Result<Json<Vec<TokenView>>, Told> {
    let now = api.now_of_people().0;
    let moment = |ms: u64| Moment(Timestamp(ms.min(Timestamp::MAX.0)));
    let view = |kept: ApiToken| TokenView {
        ended: kept.has_ended(now),
        name: kept.name,
        role: kept.role,
        added: moment(kept.added),
        until: kept.until.map(moment),
    };
    Ok(Json(api.tokens().await?.into_iter().map(view).collect()))
}

/// `POST /api/v1/tokens`.
pub(crate) async fn add(State(api): State<Api>, Form(form): Form<TokenForm>) -> Result<Json<TokenMade>, Told> {
    let name = form.name;
    if !people::is_name(&name) {
        let fault = Fault::new(Code::TokenNameMalformed).with("said", &name);
        return Err(api.tell(fault.with("max", people::NAME_BYTES_MAX)));
    }
    let word = word(&form.role).map_err(|fault| api.tell(fault))?;
    let now = api.now_of_people();
    let until = form.until.as_deref().map(|said| ending(said, now)).transpose().map_err(|fault| api.tell(fault))?;
    // Looked at and made with nobody between: of two with one name the second is told so.
    let _turn = api.making.lock().await;
    let known: Vec<ApiToken> = api.tokens().await?.into_iter().filter(|kept| !kept.has_ended(now.0)).collect();
    if known.iter().any(|kept| kept.name == name) {
        return Err(api.tell(Fault::new(Code::TokenThere).with("said", &name)));
    }
    if known.len() >= TOKENS_MAX {
        return Err(api.tell(Fault::new(Code::TokensMany).with("max", TOKENS_MAX)));
    }
    let token = Token::draw().map_err(|e| api.failed(&e))?;
    let address = match word {
        CALENDAR => Some(format!("{}/api/v1/calendar/{}.ics", api.address()?, token.text())),
        _ => None,
    };
    let kept = ApiToken {
        name: name.clone(),
        hash: token.hash(),
        role: word.into(),
        added: now.0,
        until: until.map(|at| at.0),
    };
    api.change(vec![People::Token(kept)]).await?;
    Ok(Json(TokenMade { name, role: word.into(), token: token.text(), address, until: until.map(Moment) }))
}

/// What a token may open.
fn word(said: &str) -> Result<&'static str, Fault> {
    let words = Role::ALL.map(Role::word).into_iter().chain([CALENDAR]);
    let known = || words.clone().collect::<Vec<_>>().join(", ");
    let found = words.clone().find(|word| *word == said);
    found.ok_or_else(|| Fault::new(Code::UnknownWord).with("field", "role").with("said", said).with("known", known()))
}

/// Reads when a token is to end: not before now.
fn ending(said: &str, now: Timestamp) -> Result<Timestamp, Fault> {
    let until = Times::exact("UTC").time(said)?;
    if until > now { Ok(until) } else { Err(Fault::new(Code::TokenUntilPast).with("said", said)) }
}

/// `POST /api/v1/tokens/revoke`: it serves no more. Acts keep its name.
pub(crate) async fn revoke(State(api): State<Api>, Form(form): Form<NameForm>) -> Result<Json<NameForm>, Told> {
    if !api.tokens().await?.iter().any(|kept| kept.name == form.name) {
        return Err(api.tell(Fault::new(Code::TokenNone).with("said", &form.name)));
    }
    api.change(vec![People::TokenEnds(form.name.clone())]).await?;
    Ok(Json(form))
}

impl Api {
    async fn tokens(&self) -> Result<Vec<ApiToken>, Told> {
        let reader = self.parts.reader.clone();
        let read = tokio::task::spawn_blocking(move || reader.tokens()).await.map_err(|e| self.machine(e))?;
        read.map_err(|e| self.failed(&e))
    }
}
