//! What a peer has broken, as the evidence shows that is kept of it: what still asks for a person, and their taking note.

use axum::Json;
use axum::extract::State;
use counterpart_core::ids::Epoch;
use counterpart_core::line::Line;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Api;
use super::door::Who;
use super::fault::{Code, Fault, Told};
use super::receive::Form;
use crate::store::{Evidence, People, ROWS_MAX, Reader, StoreError};
use crate::words::Arg;

/// Somebody takes note of all that is kept of what the other station broke on a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConductForm {
    /// The line, if there are several.
    pub line: Option<String>,
}

/// Of what somebody took note.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConductView {
    /// The line.
    pub line: String,
    /// How many breaches nobody had taken note of before.
    pub count: usize,
    /// That as a sentence.
    pub sentence: String,
}

/// What is kept of a peer's breaches.
pub(super) struct Conduct {
    /// All of it, newest first.
    pub kept: Vec<Evidence>,
    /// What nobody has taken note of, of an epoch that has not ended.
    pub open: Vec<Evidence>,
}

impl Conduct {
    /// Reads it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(reader: &Reader, line: &Line) -> Result<Conduct, StoreError> {
        let mut open = reader.unnoted(line.id().0, ROWS_MAX)?;
        open.retain(|evidence| !has_ended(&evidence.detail, line.epoch()));
        Ok(Conduct { kept: reader.evidence(line.id().0, ROWS_MAX)?, open })
    }
}

/// Whether evidence is of an epoch before the one that serves. It is kept with the epoch's name, "epoch 0/…".
fn has_ended(detail: &str, serving: Epoch) -> bool {
    let number = detail.strip_prefix("epoch ").and_then(|epoch| epoch.split('/').next());
    number.and_then(|number| number.parse::<u64>().ok()).is_some_and(|number| number < serving.number)
}

/// `POST /api/v1/conduct/noted`.
pub(super) async fn noted(
    State(api): State<Api>,
    who: Who,
    Form(form): Form<ConductForm>,
) -> Result<Json<ConductView>, Told> {
    let line = api.line(form.line).await?;
    let reader = api.parts.reader.clone();
    let read = tokio::task::spawn_blocking(move || reader.unnoted(line.0, ROWS_MAX));
    let count = read.await.map_err(|e| api.machine(e))?.map_err(|e| api.failed(&e))?.len();
    if count == 0 {
        return Err(api.tell(Fault::new(Code::ConductNone)));
    }
    let change = People::ConductNoted { line: line.0, user: who.name };
    api.change(vec![change]).await?;
    let sentence = api.words().say("conduct-noted", &[("count", Arg::from(count))]);
    Ok(Json(ConductView { line: line.to_string(), count, sentence }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_past_when_a_later_epoch_serves_and_what_cannot_be_told_is_not() {
        let serving = Epoch { number: 2, id: [7; 8] };

        assert!(has_ended(&format!("epoch {}", Epoch::FIRST), serving));
        assert!(!has_ended(&format!("epoch {serving}"), serving));
        assert!(!has_ended("epoch 9/0707070707070707", serving), "one that was never opened");
        assert!(!has_ended("a frame", serving));
    }
}
