//! `/api/v1/restore/people`: who may sign in and call in a record that came back with a backup. Until a person says that they are those
//! who should, none of their passwords and tokens serves: who had gone since would be back.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Api;
use super::fault::Told;
use crate::store::{People, StoreError};
use crate::words::{Arg, Words};

/// Who may sign in and call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PeopleView {
    /// Whether they wait for a person's word.
    pub waits: bool,
    /// Users, by name.
    pub users: Vec<RoleView>,
    /// Tokens, by name.
    pub tokens: Vec<RoleView>,
}

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RoleView {
    /// The name.
    pub name: String,
    /// The word of the role.
    pub role: String,
}

impl PeopleView {
    /// What sentences say of them: how many, and each by name and role.
    pub fn args(&self) -> Vec<(&'static str, Arg<'static>)> {
        let names = |all: &[RoleView]| {
            let each: Vec<String> = all.iter().map(|one| format!("{} ({})", one.name, one.role)).collect();
            Arg::from(each.join(", "))
        };
        vec![
            ("users", self.users.len().into()),
            ("names", names(&self.users)),
            ("tokens", self.tokens.len().into()),
            ("programs", names(&self.tokens)),
        ]
    }

    /// That they wait and what to do, if they do.
    pub fn told(&self, words: &Words) -> Option<String> {
        let args = self.args();
        self.waits.then(|| format!("{}\n{}", words.say("restore-people", &args), words.say_do("restore-people", &args)))
    }
}

/// `GET /api/v1/restore/people`.
pub(super) async fn look(State(api): State<Api>) -> Result<Json<PeopleView>, Told> {
    let reader = api.parts.reader.clone();
    let read = move || Ok::<_, StoreError>((reader.people_wait()?, reader.users()?, reader.tokens()?));
    let read = tokio::task::spawn_blocking(read).await.map_err(|e| api.machine(e))?;
    let (waits, users, tokens) = read.map_err(|e| api.failed(&e))?;
    let users = users.into_iter().map(|user| RoleView { name: user.name, role: user.role }).collect();
    let tokens = tokens.into_iter().map(|token| RoleView { name: token.name, role: token.role }).collect();
    Ok(Json(PeopleView { waits, users, tokens }))
}

/// `POST /api/v1/restore/people`: they are those who should.
pub(super) async fn confirm(State(api): State<Api>) -> Result<Json<PeopleView>, Told> {
    api.change(vec![People::Confirmed]).await?;
    look(State(api)).await
}
