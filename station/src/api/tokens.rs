//! Tokens by which programs call over TCP. A token is 256 random bits, shown once; its SHA-256 is kept. A password needs a slow hash
//! because it can be guessed from its hash; a number that nobody chose cannot.

use axum::Json;
use axum::extract::State;
use counterpart_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Api;
use super::fault::{Code, Fault, Told};
use super::people::{NameForm, role};
use super::receive::Form;
use crate::people::{self, Token};
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
    /// watch, admin or auditor.
    pub role: String,
}

/// A token that was made. It is told this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TokenMade {
    /// The name.
    pub name: String,
    /// watch, admin or auditor.
    pub role: String,
    /// The token, 64 hexadecimal digits.
    pub token: String,
}

/// A token that serves, without what is secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TokenView {
    /// The name.
    pub name: String,
    /// watch, admin or auditor.
    pub role: String,
    /// When it was made.
    pub added: Moment,
}

/// `GET /api/v1/tokens`.
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<TokenView>>, Told> {
    let view = |kept: ApiToken| TokenView {
        name: kept.name,
        role: kept.role,
        added: Moment(Timestamp(kept.added.min(Timestamp::MAX.0))),
    };
    Ok(Json(api.tokens().await?.into_iter().map(view).collect()))
}

/// `POST /api/v1/tokens`.
pub(super) async fn add(State(api): State<Api>, Form(form): Form<TokenForm>) -> Result<Json<TokenMade>, Told> {
    if !people::is_name(&form.name) {
        let fault = Fault::new(Code::TokenNameMalformed).with("said", &form.name);
        return Err(api.tell(fault.with("max", people::NAME_BYTES_MAX)));
    }
    let role = role(&form.role).map_err(|fault| api.tell(fault))?;
    // Looked at and made with nobody between: of two with one name the second is told so.
    let _turn = api.making.lock().await;
    let known = api.tokens().await?;
    if known.iter().any(|kept| kept.name == form.name) {
        return Err(api.tell(Fault::new(Code::TokenThere).with("said", &form.name)));
    }
    if known.len() >= TOKENS_MAX {
        return Err(api.tell(Fault::new(Code::TokensMany).with("max", TOKENS_MAX)));
    }
    let token = Token::draw().map_err(|e| api.failed(&e))?;
    let kept = ApiToken { name: form.name.clone(), hash: token.hash(), role: role.word().into(), added: api.now().0 };
    api.change(vec![People::Token(kept)]).await?;
    Ok(Json(TokenMade { name: form.name, role: role.word().into(), token: token.text() }))
}

/// `POST /api/v1/tokens/revoke`: it serves no more. Acts keep its name.
pub(super) async fn revoke(State(api): State<Api>, Form(form): Form<NameForm>) -> Result<Json<NameForm>, Told> {
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
