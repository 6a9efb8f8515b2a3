//! Who may sign in at the desk: users, and links that sign in once. For the owner on the command socket, and for an admin's token.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Api;
use super::door::Who;
use super::fault::{Code, Fault, Told};
use super::receive::Form;
use crate::people::{self, LINK_MS, PASSWORD_CHARS_MIN, Role, Secret, Token};
use crate::store::{People, Settings, User};
use crate::view::Moment;

/// A user to be made.
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

/// A user to be changed; sessions and links end. What is absent stays.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeForm {
    /// The name.
    pub name: String,
    /// The new role: watch, admin or auditor.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<String>,
    /// The new password.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub password: Option<String>,
    /// From now on no password serves: only links sign this user in.
    #[serde(default)]
    pub no_password: bool,
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
    let secret = form.password.as_deref().map_or(Ok(String::new()), kept)?;
    Ok(User { name: form.name.clone(), role: role.word().into(), secret, added: now, settings: Settings::default() })
}

/// The change that a form asks for. Hashing takes some 20 ms.
///
/// # Errors
/// A [`Fault`]: nothing is to be changed, the role or the password will not do, or the machine gave no random bytes.
pub fn read_change(form: &ChangeForm) -> Result<People, Fault> {
    let role = form.role.as_deref().map(role).transpose()?.map(|role| role.word().to_owned());
    let secret = match &form.password {
        _ if form.no_password => Some(String::new()),
        password => password.as_deref().map(kept).transpose()?,
    };
    if role.is_none() && secret.is_none() {
        return Err(Fault::new(Code::UserUnchanged));
    }
    Ok(People::UserChanges { name: form.name.clone(), role, secret })
}

/// A password as it is kept.
fn kept(password: &str) -> Result<String, Fault> {
    if !people::is_password(password) {
        return Err(Fault::new(Code::PasswordUnfit).with("min", PASSWORD_CHARS_MIN));
    }
    let secret = Secret::of(password).map_err(|e| Fault::new(Code::Machine).because(&e))?;
    Ok(secret.text().to_owned())
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

/// `GET /api/v1/users`.
pub(crate) async fn list(State(api): State<Api>) -> Result<Json<Vec<UserView>>, Told> {
    let (reader, now) = (api.parts.reader.clone(), api.now_of_people());
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
    // A password is hashed for one at a time: it takes 19 MiB. Looked at and made with nobody between.
    let _turn = api.making.lock().await;
    if api.users().await?.iter().any(|user| user.name == form.name) {
        return Err(api.tell(Fault::new(Code::UserThere).with("said", &form.name)));
    }
    let user = tokio::task::spawn_blocking(move || read(&form, now.0)).await.map_err(|e| api.machine(e))?;
    let user = user.map_err(|fault| api.tell(fault))?;
    let view = UserView { name: user.name.clone(), role: user.role.clone(), added: Moment(now), sessions: 0 };
    api.change(vec![People::User(user)]).await?;
    Ok(Json(view))
}

/// `POST /api/v1/users/change`.
pub(super) async fn change(
    State(api): State<Api>,
    who: Who,
    Form(form): Form<ChangeForm>,
) -> Result<Json<NameForm>, Told> {
    api.change_user(form, who.is_owner()).await.map(Json)
}

/// `POST /api/v1/users/end`: the user goes.
pub(super) async fn end(State(api): State<Api>, who: Who, Form(form): Form<NameForm>) -> Result<Json<NameForm>, Told> {
    api.end_user(form, who.is_owner()).await.map(Json)
}

/// `POST /api/v1/users/sign-out`: all sessions of a user end.
pub(crate) async fn sign_out(State(api): State<Api>, Form(form): Form<NameForm>) -> Result<Json<NameForm>, Told> {
    api.user(&form.name).await?;
    api.change(vec![People::SessionsEnd(form.name.clone())]).await?;
    Ok(Json(form))
}

/// `POST /api/v1/users/link`: a link that signs the user in once, within ten minutes.
pub(super) async fn link(State(api): State<Api>, who: Who, Form(form): Form<NameForm>) -> Result<Json<LinkView>, Told> {
    api.make_link(&form.name, who.name).await.map(Json)
}

impl Api {
    /// Changes users, sessions or links.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(crate) async fn change(&self, changes: Vec<People>) -> Result<(), Told> {
        use crate::record::ActFault;
        // The log says what was done among people, and of nobody that it was done to them.
        let words: Vec<&str> = changes.iter().filter_map(People::word).collect();
        let shown: Vec<bool> = changes.iter().filter_map(People::is_for_all).collect();
        self.parts.keeper.people(changes).await.map_err(|fault| match fault {
            ActFault::Machine(cause) => self.failed(&cause),
            ActFault::Stopping | ActFault::Refused(_) | ActFault::TokenOfAnother(_) => {
                self.tell(Fault::new(Code::Stopping))
            }
        })?;
        for is_for_all in shown {
            self.home_changes[usize::from(is_for_all)].fetch_add(1, Ordering::Relaxed);
        }
        for what in words {
            tracing::info!(what, "who may sign in or call");
        }
        Ok(())
    }

    /// Gives a user another role or password. Only the owner of the station leaves it without an admin: they can make another.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(crate) async fn change_user(&self, form: ChangeForm, is_owner: bool) -> Result<NameForm, Told> {
        let _turn = self.making.lock().await;
        let user = self.user(&form.name).await?;
        if !is_owner && form.role.as_deref().is_some_and(|role| role != Role::Admin.word()) {
            self.is_not_last_admin(&user).await?;
        }
        let read = tokio::task::spawn_blocking(move || read_change(&form)).await.map_err(|e| self.machine(e))?;
        self.change(vec![read.map_err(|fault| self.tell(fault))?]).await?;
        Ok(NameForm { name: user.name })
    }

    /// Removes a user.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(crate) async fn end_user(&self, form: NameForm, is_owner: bool) -> Result<NameForm, Told> {
        let _turn = self.making.lock().await;
        let user = self.user(&form.name).await?;
        if !is_owner {
            self.is_not_last_admin(&user).await?;
        }
        self.change(vec![People::UserEnds(user.name)]).await?;
        Ok(form)
    }

    /// Makes a link for a user. Acts of the session that it begins tell who made it.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(crate) async fn make_link(&self, name: &str, maker: String) -> Result<LinkView, Told> {
        let user = self.user(name).await?;
        let address = self.address()?;
        let token = Token::draw().map_err(|e| self.failed(&e))?;
        let now = self.now_of_people();
        let until = now.plus(LINK_MS);
        let link = People::Link { token: token.hash(), user: user.name, made: now.0, until: until.0, maker };
        self.change(vec![link]).await?;
        Ok(LinkView { url: format!("{address}/link/{}", token.text()), until: Moment(until) })
    }

    /// Where the desk is found: `https://desk.northland.example`.
    ///
    /// # Errors
    /// None is served.
    pub(crate) fn address(&self) -> Result<String, Told> {
        let desk = self.parts.config.desk.as_ref().ok_or_else(|| self.tell(Fault::new(Code::DeskNone)))?;
        let scheme = if desk.is_secure() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", desk.host(desk.listen)))
    }

    async fn is_not_last_admin(&self, user: &User) -> Result<(), Told> {
        let is_admin = |user: &User| user.role == Role::Admin.word();
        let admins = self.users().await?.iter().filter(|user| is_admin(user)).count();
        match is_admin(user) && admins < 2 {
            true => Err(self.tell(Fault::new(Code::AdminLast).with("said", &user.name))),
            false => Ok(()),
        }
    }

    async fn users(&self) -> Result<Vec<User>, Told> {
        let reader = self.parts.reader.clone();
        let read = tokio::task::spawn_blocking(move || reader.users()).await.map_err(|e| self.machine(e))?;
        read.map_err(|e| self.failed(&e))
    }

    async fn user(&self, name: &str) -> Result<User, Told> {
        let (reader, wanted) = (self.parts.reader.clone(), name.to_owned());
        let read = tokio::task::spawn_blocking(move || reader.user(&wanted)).await.map_err(|e| self.machine(e))?;
        let found = read.map_err(|e| self.failed(&e))?;
        found.ok_or_else(|| self.tell(Fault::new(Code::UserUnknown).with("said", name)))
    }
}
