//! Who may sign in at the desk: users, and links that sign in once. For the owner on the command socket, and for an admin's token.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Api;
use super::fault::{Code, Fault, Told};
use super::receive::Form;
use crate::people::{self, LINK_MS, PASSWORD_CHARS_MIN, Role, Secret, Token};
use crate::store::{People, Settings, User};
use crate::view::Moment;

/// A user to be made, or changed: role and password are then the new ones, and sessions end.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserForm {
    /// The name.
    pub name: String,
    /// watch, admin or auditor.
    pub role: String,
    /// The password; absent: only links sign this user in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub password: Option<String>,
}

/// A user that is meant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameForm {
    /// The name.
    pub name: String,
}

/// A user.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UserView {
    /// The name.
    pub name: String,
    /// watch, admin or auditor.
    pub role: String,
    /// When it was made.
    pub added: Moment,
    /// Sessions that run.
    pub sessions: usize,
}

/// A link that signs in once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LinkView {
    /// The address, to be opened in a browser.
    pub url: String,
    /// Until when it serves.
    pub until: Moment,
}

/// The user that a form asks for. Hashing takes some 20 ms.
///
/// # Errors
/// A [`Fault`]: the name, the role or the password will not do, or the machine gave no random bytes.
pub fn read(form: &UserForm, now: u64) -> Result<User, Fault> {
    if !people::is_name(&form.name) {
        let max = people::NAME_BYTES_MAX;
        return Err(Fault::new(Code::UserMalformed).with("said", &form.name).with("max", max));
    }
    let role = role(&form.role)?;
    let secret = match &form.password {
        None => String::new(),
        Some(password) if people::is_password(password) => {
            let secret = Secret::of(password).map_err(|e| Fault::new(Code::Machine).because(&e))?;
            secret.text().to_owned()
        }
        Some(_) => return Err(Fault::new(Code::PasswordUnfit).with("min", PASSWORD_CHARS_MIN)),
    };
    Ok(User { name: form.name.clone(), role: role.word().into(), secret, added: now, settings: Settings::default() })
}

/// The role of this word.
///
/// # Errors
/// [`Code::UnknownWord`].
pub(super) fn role(said: &str) -> Result<Role, Fault> {
    Role::parse(said).ok_or_else(|| {
        let known = Role::ALL.map(Role::word).join(", ");
        Fault::new(Code::UnknownWord).with("field", "role").with("said", said).with("known", known)
    })
}

/// What is changed when a user is made or changed.
pub fn changes(user: User) -> Vec<People> {
    vec![People::SessionsEnd(user.name.clone()), People::User(user)]
}

/// `GET /api/v1/users`.
pub(crate) async fn list(State(api): State<Api>) -> Result<Json<Vec<UserView>>, Told> {
    let (reader, now) = (api.parts.reader.clone(), api.now());
    let read = move || Ok::<_, crate::store::StoreError>((reader.users()?, reader.sessions(now.0)?));
    let read = tokio::task::spawn_blocking(read).await.map_err(|e| api.machine(e))?;
    let (users, sessions) = read.map_err(|e| api.failed(&e))?;
    let view = |user: User| UserView {
        sessions: sessions.iter().filter(|s| s.user == user.name).count(),
        name: user.name,
        role: user.role,
        added: Moment(counterpart_core::time::Timestamp(user.added)),
    };
    Ok(Json(users.into_iter().map(view).collect()))
}

/// `POST /api/v1/users`.
pub(crate) async fn add(State(api): State<Api>, Form(form): Form<UserForm>) -> Result<Json<UserView>, Told> {
    let now = api.now();
    // A password is hashed for one at a time: it takes 19 MiB.
    let _turn = api.making.lock().await;
    let user = tokio::task::spawn_blocking(move || read(&form, now.0)).await.map_err(|e| api.machine(e))?;
    let user = user.map_err(|fault| api.tell(fault))?;
    let added = Moment(now);
    let view = UserView { name: user.name.clone(), role: user.role.clone(), added, sessions: 0 };
    api.change(changes(user)).await?;
    Ok(Json(view))
}

/// `POST /api/v1/users/end`: the user goes.
pub(crate) async fn end(State(api): State<Api>, Form(form): Form<NameForm>) -> Result<Json<NameForm>, Told> {
    api.user(&form.name).await?;
    api.change(vec![People::UserEnds(form.name.clone())]).await?;
    Ok(Json(form))
}

/// `POST /api/v1/users/sign-out`: all sessions of a user end.
pub(crate) async fn sign_out(State(api): State<Api>, Form(form): Form<NameForm>) -> Result<Json<NameForm>, Told> {
    api.user(&form.name).await?;
    api.change(vec![People::SessionsEnd(form.name.clone())]).await?;
    Ok(Json(form))
}

/// `POST /api/v1/users/link`: a link that signs the user in once, within ten minutes.
pub(crate) async fn link(State(api): State<Api>, Form(form): Form<NameForm>) -> Result<Json<LinkView>, Told> {
    let user = api.user(&form.name).await?;
    let desk = api.parts.config.desk.as_ref().ok_or_else(|| api.tell(Fault::new(Code::DeskNone)))?;
    let scheme = if desk.is_secure() { "https" } else { "http" };
    let host = desk.names.first().cloned().unwrap_or_else(|| desk.listen.to_string());
    let token = Token::draw().map_err(|e| api.failed(&e))?;
    let until = api.now().plus(LINK_MS);
    api.change(vec![People::Link { token: token.hash(), user: user.name, until: until.0 }]).await?;
    Ok(Json(LinkView { url: format!("{scheme}://{host}/link/{}", token.text()), until: Moment(until) }))
}

impl Api {
    /// Changes users, sessions or links.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(crate) async fn change(&self, changes: Vec<People>) -> Result<(), Told> {
        use crate::record::ActFault;
        self.parts.keeper.people(changes).await.map_err(|fault| match fault {
            ActFault::Machine(cause) => self.failed(&cause),
            ActFault::Stopping | ActFault::Refused(_) => self.tell(Fault::new(Code::Stopping)),
        })
    }

    async fn user(&self, name: &str) -> Result<User, Told> {
        let (reader, wanted) = (self.parts.reader.clone(), name.to_owned());
        let read = tokio::task::spawn_blocking(move || reader.user(&wanted)).await.map_err(|e| self.machine(e))?;
        let found = read.map_err(|e| self.failed(&e))?;
        found.ok_or_else(|| self.tell(Fault::new(Code::UserUnknown).with("said", name)))
    }
}
