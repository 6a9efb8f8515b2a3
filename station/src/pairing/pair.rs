//! Two stations that one program runs, paired without persons: for the demo, which is both sides and says so.

use std::time::Duration;

use counterpart_core::ids::LineId;
use counterpart_core::pairing::Standing;

use super::{Ceremony, Fault, PairingView, Proposal};

/// How long one side may take to come to the next step.
const STEP_MAX: Duration = Duration::from_secs(30);

/// Invites, joins, compares the digits of both sides in code, confirms on both, and waits until both say that the line is
/// open. It takes the way that persons take, through the same functions.
///
/// # Errors
/// [`Fault`]; `Differ` if the digits differ, `Late` if a step takes more than 30 s.
pub async fn pair(inviter: &Ceremony, joiner: &Ceremony, proposal: &Proposal) -> Result<LineId, Fault> {
    let (line, text) = inviter.invite(proposal).await?;
    joiner.join(&text).await?;
    let theirs = digits(&until(joiner, line, |view| !view.candidates.is_empty()).await?);
    let ours = digits(&until(inviter, line, |view| !view.candidates.is_empty()).await?);
    if ours.is_empty() || ours != theirs {
        return Err(Fault::Differ);
    }
    joiner.confirm(line, &theirs, false).await?;
    inviter.confirm(line, &ours, false).await?;
    for side in [joiner, inviter] {
        until(side, line, |view| view.standing == Standing::Open).await?;
    }
    Ok(line)
}

/// The digits of the only candidate; none if there are several.
fn digits(view: &PairingView) -> String {
    match view.candidates.as_slice() {
        [candidate] => candidate.digits.clone(),
        _ => String::new(),
    }
}

/// Waits until a side has come so far.
async fn until(side: &Ceremony, line: LineId, far: impl Fn(&PairingView) -> bool) -> Result<PairingView, Fault> {
    let mut changes = side.changes();
    let waiting = async {
        loop {
            changes.borrow_and_update();
            let view = side.view(line).await?;
            if far(&view) {
                return Ok(view);
            }
            if changes.changed().await.is_err() {
                return Err(Fault::Record(crate::record::ActFault::Stopping));
            }
        }
    };
    match tokio::time::timeout(STEP_MAX, waiting).await {
        Ok(come) => come,
        Err(_) => Err(Fault::Late(side.view(line).await?.standing)),
    }
}
