//! Every address of the API: on the command socket, and beside the desk.

use axum::extract::{Request, State};
use axum::{Json, Router};
use counterpart_core::act::Act;
use counterpart_core::fault::Refusal;
use counterpart_core::ids::{Epoch, LineId, unhex};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::acts::{self, Defaults, Unfit};
use super::calls::calls;
use super::ceremony::{AbandonForm, ConfirmForm, Digits, InviteForm, InvitedView, JoinForm, PairingView};
use super::doctor::{Report, examine};
use super::door::Who;
use super::fault::{Code, Fault, Told};
use super::form::{ActForm, missing_field, object};
use super::receive::{Form, Sent};
use super::socket::Socket;
use super::spoken::{Spoken, accepted};
use super::times::Times;
use super::{Api, call, callers, sight};
use crate::entropy;
use crate::record::{ActFault, Done};
use crate::store::{Actor, TOKEN_BYTES_MAX};
use crate::view::names::said;
use crate::view::{Moment, Named, Sight};
use crate::voice;
use crate::words::Language;

/// An act that is in the record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DoneView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The entry.
    pub entry: Named,
    /// A command with the same token had done it before; nothing was written now.
    pub repeated: bool,
    /// Of a renewal that came sooner than the charter's pace: it is no attempt and rings nowhere; from then on one would be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attempt_from: Option<Moment>,
    /// That as a sentence.
    pub sentence: String,
}

/// An act on its way into the record.
pub(super) enum Handed {
    /// It waits for its commit.
    In(LineId, oneshot::Receiver<Result<Done, ActFault>>),
    /// A command with the same token had done it before.
    Before(LineId, Done),
}

/// That a station serves, and how far its record has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HealthView {
    /// The version of the program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Commits since it started.
    pub commits: u64,
    /// Lines that are served.
    pub lines: usize,
    /// Lines that are not, because what is kept of them cannot be read.
    pub lines_unread: usize,
    /// Since when nothing can be written, because another program holds the database; absent: it can.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held_since: Option<crate::view::Moment>,
}

/// Every address, on the command socket. A caller that names no language that ships is told in English.
fn router(api: Api) -> Router {
    let spoken = Spoken::new(|language| {
        let api = api.speaking(language.words());
        Router::new().nest("/api/v1", call::router(&api, calls())).fallback(call::no_such_route).with_state(api)
    });
    Router::new().fallback(move |request: Request| async move {
        let language = accepted(request.headers()).unwrap_or(Language::English);
        spoken.answer(language, request).await
    })
}

/// The same addresses for programs with a token, to stand beside pages. Whoever takes them in says with [`super::door::From`] from
/// where each call comes.
pub(crate) fn beside<S: Clone + Send + Sync + 'static>(api: Api) -> Router<S> {
    Router::new().nest("/api/v1", call::router(&api, calls())).with_state(api)
}

/// Serves the socket until `until`, then lets callers end.
pub async fn serve(api: Api, socket: Socket, until: impl Future<Output = ()> + Send + 'static) {
    let closer = api.clone();
    callers::serve("socket", router(api), socket, until, move || closer.close()).await;
}

/// `POST /api/v1/acts`: the one handler of all acts.
pub(super) async fn act(State(api): State<Api>, who: Who, Sent(bytes): Sent) -> Result<Json<DoneView>, Told> {
    let form = ActForm::read(&bytes).map_err(|fault| api.tell(fault))?;
    let handed = api.hand_in(form, who.name).await?;
    api.told(handed).await.map(Json)
}

pub(super) async fn health(State(api): State<Api>) -> Json<HealthView> {
    let published = api.parts.keeper.published();
    let published = published.borrow();
    Json(HealthView {
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        commits: published.version,
        lines: published.lines.len(),
        lines_unread: published.unread.len(),
        held_since: published.held_since.map(crate::view::Moment),
    })
}

pub(super) async fn doctor(State(api): State<Api>) -> Result<Json<Report>, Told> {
    let (parts, words) = (api.parts.clone(), api.words.clone());
    // It goes on to its end, also for who no longer waits for it; who comes meanwhile waits.
    let turn = api.examining.clone().lock_owned().await;
    let examined = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let is_held = parts.keeper.published().borrow().held_since.is_some();
        examine(&parts.data, is_held, parts.clock.now(), &words)
    });
    let mut report = examined.await.map_err(|e| api.machine(e))?;
    if api.parts.voice.has_stopped() {
        report.fault("voice", &voice::Refusal::Stopped, &api.words);
    }
    api.webhooks.examined(&mut report, &api.words);
    Ok(Json(report))
}

pub(super) async fn pairings(State(api): State<Api>) -> Result<Json<Vec<PairingView>>, Told> {
    api.ceremony.pairings().await.map(Json)
}

/// Who sends nothing proposes what an empty form does.
pub(super) async fn invite(State(api): State<Api>, Sent(bytes): Sent) -> Result<Json<InvitedView>, Told> {
    let form = if bytes.is_empty() { Ok(InviteForm::default()) } else { object(&bytes) };
    let proposal = form.and_then(|form: InviteForm| form.proposal()).map_err(|fault| api.tell(fault))?;
    api.ceremony.invite(proposal).await.map(Json)
}

pub(super) async fn join(State(api): State<Api>, Form(form): Form<JoinForm>) -> Result<Json<PairingView>, Told> {
    api.ceremony.join(form.invitation).await.map(Json)
}

pub(super) async fn confirm(State(api): State<Api>, Form(form): Form<ConfirmForm>) -> Result<Json<PairingView>, Told> {
    let line = api.future_line(form.line).await?;
    let ceremony = &api.ceremony;
    if form.differ {
        return ceremony.differ(line, form.candidate).await.map(Json);
    }
    let said = form.digits.ok_or_else(|| api.tell(missing_field("confirm", "digits")))?;
    let digits = Digits::parse(&said).map_err(|fault| api.tell(fault))?;
    ceremony.confirm(line, digits, form.alike).await.map(Json)
}

pub(super) async fn abandon(State(api): State<Api>, Form(form): Form<AbandonForm>) -> Result<Json<PairingView>, Told> {
    let line = api.future_line(form.line).await?;
    api.ceremony.abandon(line).await.map(Json)
}

impl Api {
    /// Does the act that a form asks for.
    ///
    /// # Errors
    /// What to tell the caller.
    pub async fn act(&self, form: ActForm, user: String) -> Result<(LineId, Done), Told> {
        let handed = self.hand_in(form, user).await?;
        self.durable(handed).await
    }

    /// Hands in the act that a form asks for.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(super) async fn hand_in(&self, form: ActForm, user: String) -> Result<Handed, Told> {
        let fits = |token: &String| !token.is_empty() && token.len() <= TOKEN_BYTES_MAX;
        if form.token.as_ref().is_some_and(|token| !fits(token)) {
            return Err(self.tell(Fault::new(Code::TokenMalformed).with("max", TOKEN_BYTES_MAX)));
        }
        let defaults = self.defaults();
        let salt = entropy::bytes::<16>().map_err(|e| self.failed(&e))?;
        let words = acts::words(&form, &defaults, salt).map_err(|fault| self.tell(fault))?;
        let (token, command) = (form.token.clone(), form.token.is_some().then(|| form.digest()));
        let on = form.on.clone();
        let read = match self.read(form, defaults).await {
            Ok(read) if matches!(read.2, Act::Missed { .. }) => self.unmet(read.0, on).await.map(|()| read),
            read => read,
        };
        let (line, epoch, act) = match read {
            Ok(read) => read,
            // What was unambiguous when it was written may no longer be: a command asked again is answered from the record.
            Err(told) => {
                return match self.done_before(token, command).await {
                    Some((line, Ok(done))) => Ok(Handed::Before(line, done)),
                    Some((line, Err(fault))) => Err(self.refused(line, fault).await),
                    None => Err(told),
                };
            }
        };
        match self.parts.keeper.submit_in(line, epoch, act, words, Actor { user, token, command }).await {
            Ok(answer) => Ok(Handed::In(line, answer)),
            Err(fault) => Err(self.refused(line, fault).await),
        }
    }

    async fn durable(&self, handed: Handed) -> Result<(LineId, Done), Told> {
        match handed {
            Handed::Before(line, done) => Ok((line, done)),
            Handed::In(line, answer) => match answer.await.unwrap_or(Err(ActFault::Stopping)) {
                Ok(done) => Ok((line, done)),
                Err(fault) => Err(self.refused(line, fault).await),
            },
        }
    }

    /// What is told of an act that was handed in, once it is durable.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(super) async fn told(&self, handed: Handed) -> Result<DoneView, Told> {
        let (line, done) = self.durable(handed).await?;
        self.done(line, done).await
    }

    /// Whether the act of a form would be written now; on which line.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn would(&self, form: ActForm) -> Result<LineId, Told> {
        let defaults = self.defaults();
        let words = acts::words(&form, &defaults, [0; 16]).map_err(|fault| self.tell(fault))?;
        let (id, _, act) = self.read(form, defaults).await?;
        let now = self.now();
        let asked = self.parts.keeper.look(move |lines| lines.line(&id).map(|kept| kept.line.would(&act, words, now)));
        match asked.await.map_err(|_| self.tell(Fault::new(Code::Stopping)))? {
            Some(Err(refusal)) => Err(self.refused(id, ActFault::Refused(refusal)).await),
            _ => Ok(id),
        }
    }

    /// The line and the act of a form, and the epoch in which its names were read. One that names nothing in the record does not
    /// trouble the record thread.
    async fn read(&self, form: ActForm, defaults: Defaults) -> Result<(LineId, Option<Epoch>, Act), Told> {
        let names = [&form.on, &form.again, &form.epoch];
        if names.iter().all(|name| name.is_none())
            && let Some(line) = self.plain_line(form.line.as_deref())
            && let Some(act) = acts::opening(&form, None, &defaults).map_err(|fault| self.tell(fault))?
        {
            return Ok((line, None, act));
        }
        let read = self.parts.keeper.look(move |lines| {
            let said = form.line.as_deref();
            let line = sight::choose(lines.iter().map(|kept| &kept.line), lines.unread(), said)?;
            Ok::<_, Unfit>((line.id(), Some(line.epoch()), acts::act(&form, line, &defaults)?))
        });
        let read = read.await.map_err(|_| self.tell(Fault::new(Code::Stopping)))?;
        match read {
            Ok(read) => Ok(read),
            Err(unfit) => Err(self.unfit(unfit).await),
        }
    }

    /// Why a form is no act of the epoch that serves.
    pub(super) async fn unfit(&self, unfit: Unfit) -> Told {
        match unfit {
            Unfit::Field(fault) => self.tell(fault),
            Unfit::Name(fault) => Told::name(&fault, &self.words),
            Unfit::Ended(line) => self.refused(line, ActFault::Refused(Refusal::EpochEnded)).await,
        }
    }

    /// The line of this whole id, or the only one.
    fn plain_line(&self, said: Option<&str>) -> Option<LineId> {
        let published = self.parts.keeper.published();
        let published = published.borrow();
        let mut lines = published.lines.keys().copied();
        match said {
            Some(said) => unhex(said).map(LineId).filter(|id| lines.any(|line| line == *id)),
            None => lines.next().filter(|_| lines.next().is_none() && published.unread.is_empty()),
        }
    }

    /// What a command with this token has done.
    async fn done_before(
        &self,
        token: Option<String>,
        command: Option<[u8; 32]>,
    ) -> Option<(LineId, Result<Done, ActFault>)> {
        let (token, reader) = (token?, self.parts.reader.clone());
        let before = tokio::task::spawn_blocking(move || reader.by_token(&token)).await.ok()?.ok()??;
        Some((LineId(before.key.log.line), Done::before(&before, command, None)))
    }

    /// What is told of an act that was done. The record has named it already; only an entry whose line was not at hand is looked
    /// up.
    async fn done(&self, line: LineId, done: Done) -> Result<DoneView, Told> {
        let entry = match &done.called {
            Some(called) => Named { at: done.at.to_string(), name: said(&called.sign, called.ordinal, done.at) },
            None => self.see(line, move |sight| sight.named(done.at)).await?,
        };
        let id = if done.repeated { "done-repeated" } else { "done-written" };
        let mut sentence = self.words.say(id, &[("name", (&entry.name).into())]);
        if let Some(from) = done.early {
            let early =
                move |sight: &Sight<'_>| sight.telling.say("done-early", &[("time", sight.telling.both(from).into())]);
            sentence = format!("{sentence} {}", self.see(line, early).await?);
        }
        let attempt_from = done.early.map(Moment);
        Ok(DoneView { line: line.to_string(), entry, repeated: done.repeated, attempt_from, sentence })
    }

    pub(crate) fn defaults(&self) -> Defaults {
        let organisation = &self.parts.config.organisation;
        Defaults {
            mark: self.parts.mark,
            language: organisation.languages.first().cloned().unwrap_or_else(|| "en".into()),
            times: Times::exact(&organisation.zone),
        }
    }

    /// A line that is being paired, by its id or the first four or more digits of it.
    async fn future_line(&self, said: Option<String>) -> Result<Option<LineId>, Told> {
        let Some(said) = said else { return Ok(None) };
        let pairings = self.ceremony.pairings().await?;
        let begin = said.trim().to_lowercase();
        let is_meant = |line: &&str| begin.len() >= 4 && line.starts_with(&begin);
        let lines: Vec<&str> = pairings.iter().map(|view| view.line.as_str()).collect();
        let mut meant = lines.iter().copied().filter(is_meant);
        match (meant.next().and_then(unhex), meant.next()) {
            (Some(id), None) => Ok(Some(LineId(id))),
            _ if lines.is_empty() => Err(self.tell(Fault::new(Code::PairingNone))),
            _ => {
                let fault = Fault::new(Code::PairingUnknown).with("said", &said);
                Err(self.tell(fault.with("known", lines.join(", "))))
            }
        }
    }
}
