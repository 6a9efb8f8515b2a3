//! Sessions of people at the desk: which run, by whose link they began, and ending one.

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::unhex;
use counterpart_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Api;
use super::fault::Told;
use super::receive::Form;
use super::sight::hexadecimal;
use crate::store::{People, Session, TokenHash};
use crate::view::Moment;

/// A session that runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SessionView {
    /// What names it, 64 hexadecimal digits: nobody can sign in with it.
    pub session: String,
    /// Whose.
    pub user: String,
    /// When it began.
    pub begun: Moment,
    /// When it ends by itself.
    pub until: Moment,
    /// Who made the link by which it began; absent: it began by the password.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub maker: Option<String>,
}

/// A session that is to end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionForm {
    /// As the list names it.
    pub session: String,
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SessionEnded {
    /// The session.
    pub session: String,
    /// It ran until now; else there was none of this name.
    pub ended: bool,
}

impl SessionView {
    fn of(session: Session) -> SessionView {
        let moment = |ms: u64| Moment(Timestamp(ms.min(Timestamp::MAX.0)));
        SessionView {
            session: hexadecimal(&session.token),
            user: session.user,
            begun: moment(session.begun),
            until: moment(session.until),
            maker: Some(session.maker).filter(|maker| !maker.is_empty()),
        }
    }
}

/// `GET /api/v1/sessions`.
pub(crate) async fn list(State(api): State<Api>) -> Result<Json<Vec<SessionView>>, Told> {
    let (reader, now) = (api.parts.reader.clone(), api.now_of_people());
    let read = tokio::task::spawn_blocking(move || reader.sessions(now.0)).await.map_err(|e| api.machine(e))?;
    let sessions = read.map_err(|e| api.failed(&e))?;
    Ok(Json(sessions.into_iter().map(SessionView::of).collect()))
}

/// `POST /api/v1/sessions/end`: one session ends at once, also under an open page. What it had not signed is not signed.
pub(crate) async fn end(State(api): State<Api>, Form(form): Form<SessionForm>) -> Result<Json<SessionEnded>, Told> {
    let Json(sessions) = list(State(api.clone())).await?;
    let ended = sessions.iter().any(|running| running.session == form.session);
    if let Some(token) = unhex::<32>(&form.session).filter(|_| ended) {
        let token: TokenHash = token;
        api.change(vec![People::SessionEnds(token)]).await?;
    }
    Ok(Json(SessionEnded { session: form.session, ended }))
}
