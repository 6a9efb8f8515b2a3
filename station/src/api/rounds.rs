//! Rounds: one subject asked on several lines at once. Each is an ordinary ask of its line and no side learns of the others; which belong
//! together is kept at home.

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::{EntryRef, LineId, Party};
use counterpart_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Api;
use super::door::Who;
use super::fault::{Code, Fault, Told};
use super::form::{ActForm, WordsForm};
use super::receive::{Form, Name};
use super::sight::hexadecimal;
use crate::entropy;
use crate::store::{EntryKey, People, Round, RoundKept, TOKEN_BYTES_MAX};
use crate::view::request::{RequestView, request};
use crate::view::{Moment, Said, Side, Sight};

/// A round that is to be begun, or lines that are to be added to one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoundForm {
    /// The round to which the lines are added; absent: a new one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub round: Option<u64>,
    /// Makes it stand once, however often it is sent; at most 128 bytes. Another form with the same token is another round.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token: Option<String>,
    /// Our post.
    pub from: String,
    /// On which lines, and whom.
    pub asks: Vec<RoundTo>,
    /// How urgent; ROUTINE unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub precedence: Option<String>,
    /// What for; the station's own mark unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mark: Option<String>,
    /// How to talk; voice unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<String>,
    /// Nothing of it in public.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub private: Option<bool>,
    /// The subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub words: Option<WordsForm>,
}

/// One line of a round that is to be asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoundTo {
    /// Its name.
    pub line: String,
    /// The counterpart.
    pub to: String,
}

/// A round in the list of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RoundRow {
    /// Its number at this station.
    pub round: u64,
    /// Who began it.
    pub user: String,
    /// When, by this station's clock.
    pub begun: Moment,
    /// What it is about; absent where none of its asks has words, or none was written.
    pub subject: Option<Said>,
    /// On how many lines.
    pub lines: usize,
}

/// A round, with how far each of its asks has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RoundView {
    /// What the list says of it.
    #[serde(flatten)]
    pub row: RoundRow,
    /// Its asks, in the order in which they were named.
    pub asks: Vec<RoundAsk>,
}

/// One line of a round.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RoundAsk {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The call sign at its other end.
    pub call_sign: String,
    /// The number of the epoch in which it was asked; absent: it was not.
    pub epoch: Option<u64>,
    /// What stands there; absent: nothing was signed, for it could not be written any more when its turn came.
    pub request: Option<RequestView>,
}

impl RoundForm {
    /// The ask on one of its lines, with the token that makes it stand once.
    fn ask(&self, on: &RoundTo, once: &str) -> ActForm {
        let form = ActForm {
            act: "ask".into(),
            line: Some(on.line.clone()),
            from: Some(self.from.clone()),
            to: Some(on.to.clone()),
            precedence: self.precedence.clone(),
            mark: self.mark.clone(),
            mode: self.mode.clone(),
            private: self.private,
            words: self.words.clone(),
            ..ActForm::default()
        };
        ActForm { token: Some(form.token_of(once)), ..form }
    }

    /// What makes it stand once: its token with all that it says.
    fn once(&self, token: &str) -> String {
        let form = RoundForm { token: None, ..self.clone() };
        let mut hash = Sha256::new();
        hash.update(token.as_bytes());
        hash.update([0]);
        // Strings, numbers and lists of them can always be written.
        hash.update(serde_json::to_vec(&form).unwrap_or_default());
        hexadecimal(&hash.finalize())
    }
}

/// Where an ask of a round stands.
pub(crate) fn place(key: &EntryKey) -> Option<EntryRef> {
    Some(EntryRef { party: Party::from_number(key.log.party.into())?, index: key.index })
}

/// `GET /api/v1/rounds`: the latest, the newest first.
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<RoundRow>>, Told> {
    api.rounds().await.map(Json)
}

/// `GET /api/v1/rounds/{number}`.
pub(super) async fn one(State(api): State<Api>, Name(said): Name) -> Result<Json<RoundView>, Told> {
    let round = api.round(&said).await?;
    api.round_view(&round).await.map(Json)
}

/// `POST /api/v1/rounds`.
pub(super) async fn begin(
    State(api): State<Api>,
    who: Who,
    Form(form): Form<RoundForm>,
) -> Result<Json<RoundView>, Told> {
    let number = api.begin_round(&form, &who.name, &who.name).await?;
    let round = api.round(&number.to_string()).await?;
    api.round_view(&round).await.map(Json)
}

impl Api {
    /// Signs an ask on each line, and keeps that they belong together; its number. Nothing is signed unless all can be. What has become
    /// impossible since it was looked at is not asked, and the view says so of its line.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(crate) async fn begin_round(&self, form: &RoundForm, user: &str, actor: &str) -> Result<u64, Told> {
        if form.asks.is_empty() {
            return Err(self.tell(Fault::new(Code::RoundNoLine)));
        }
        let token = match &form.token {
            Some(token) if token.is_empty() || token.len() > TOKEN_BYTES_MAX => {
                return Err(self.tell(Fault::new(Code::TokenMalformed).with("max", TOKEN_BYTES_MAX)));
            }
            Some(token) => token.clone(),
            None => hexadecimal(&entropy::bytes::<16>().map_err(|e| self.failed(&e))?),
        };
        let once = form.once(&token);
        let to = match form.round {
            Some(number) => Some(self.round(&number.to_string()).await?.id),
            None => None,
        };
        let mut asks = Vec::new();
        for on in &form.asks {
            let ask = form.ask(on, &once);
            asks.push((self.would(ask.clone()).await?, ask));
        }
        let kept = asks.iter().filter_map(|(id, ask)| Some((id.0, ask.token.clone()?))).collect();
        let kept = RoundKept { once: once.clone(), to, user: user.into(), asks: kept };
        self.change(vec![People::Round(kept)]).await?;
        for (_, ask) in asks {
            if let Err(told) = self.act(ask, actor.to_owned()).await {
                tracing::info!(code = told.code, "an ask of a round was not written");
            }
        }
        if let Some(id) = to {
            return Ok(id);
        }
        let reader = self.parts.reader.clone();
        let found = tokio::task::spawn_blocking(move || reader.round_of(&once)).await;
        let found = found.map_err(|e| self.machine(e))?.map_err(|e| self.failed(&e))?;
        found.ok_or_else(|| self.tell(Fault::new(Code::RoundNone).with("said", "")))
    }

    /// The round of this number.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub(crate) async fn round(&self, said: &str) -> Result<Round, Told> {
        let none = || self.tell(Fault::new(Code::RoundNone).with("said", said));
        let id: u64 = said.trim().parse().map_err(|_| none())?;
        let reader = self.parts.reader.clone();
        let found = tokio::task::spawn_blocking(move || reader.round(id)).await;
        found.map_err(|e| self.machine(e))?.map_err(|e| self.failed(&e))?.ok_or_else(none)
    }

    /// The latest rounds, the newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn rounds(&self) -> Result<Vec<RoundRow>, Told> {
        let reader = self.parts.reader.clone();
        let read = tokio::task::spawn_blocking(move || reader.rounds()).await;
        let numbers = read.map_err(|e| self.machine(e))?.map_err(|e| self.failed(&e))?;
        let mut rounds = Vec::new();
        for number in numbers {
            let round = self.round(&number.to_string()).await?;
            rounds.push(self.round_row(&round).await?);
        }
        Ok(rounds)
    }

    async fn round_row(&self, round: &Round) -> Result<RoundRow, Told> {
        Ok(RoundRow {
            round: round.id,
            user: round.user.clone(),
            begun: Moment(Timestamp(round.at)),
            subject: self.subject_of(round).await?,
            lines: round.asks.len(),
        })
    }

    async fn round_view(&self, round: &Round) -> Result<RoundView, Told> {
        let mut asks = Vec::new();
        for (line, key) in &round.asks {
            let at = key.as_ref().and_then(|key| Some((key.log.epoch.number, place(key)?)));
            let epoch = at.map(|(epoch, _)| epoch);
            let look = move |sight: &Sight<'_>| RoundAsk {
                line: sight.line.id().to_string(),
                call_sign: sight.call_sign(Side::Theirs),
                epoch,
                request: at.and_then(|(_, at)| request(sight, at)),
            };
            asks.push(self.see_in(LineId(*line), epoch, look).await?);
        }
        Ok(RoundView { row: self.round_row(round).await?, asks })
    }

    /// What a round is about, as the first of its asks that was written says it.
    ///
    /// # Errors
    /// What to tell the caller.
    pub(crate) async fn subject_of(&self, round: &Round) -> Result<Option<Said>, Told> {
        let first = round.asks.iter().find_map(|(line, key)| Some((LineId(*line), key.as_ref()?)));
        let Some((line, key)) = first else { return Ok(None) };
        let (epoch, Some(at)) = (key.log.epoch.number, place(key)) else { return Ok(None) };
        self.see_in(line, Some(epoch), move |sight| request(sight, at)?.subject).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_with_one_token_is_one_round_and_another_form_or_token_another() {
        let on = |line: &str| RoundTo { line: line.into(), to: "minister".into() };
        let form = |lines: &[&str]| RoundForm {
            token: Some("unused".into()),
            from: "minister".into(),
            asks: lines.iter().map(|line| on(line)).collect(),
            ..RoundForm::default()
        };
        let both = form(&["southland", "eastland"]);
        let once = both.once("a");

        assert_eq!(once, RoundForm { token: None, ..both.clone() }.once("a"));
        assert_ne!(once, both.once("b"));
        assert_ne!(once, form(&["southland"]).once("a"));
        let [south, east] = [0, 1].map(|n| both.ask(&both.asks[n], &once));
        assert_ne!(south.token, east.token, "each ask stands once by itself");
        assert_eq!(south.token, both.ask(&both.asks[0], &once).token);
        assert_eq!((south.act.as_str(), south.line.as_deref(), south.words), ("ask", Some("southland"), None));
    }
}
