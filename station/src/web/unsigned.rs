//! Acts that close or put off wait five seconds here, in memory, before they are signed, and can be taken back until then. They are of
//! the officer's session. If the process ends meanwhile, nothing was signed and nothing was sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::REFERER;
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::time::Timestamp;

use super::Desk;
use super::refused::{self, Kept};
use super::session::{Posted, Signed};
use super::sign_in::local;
use crate::api::fault::{Code, Fault, Told};
use crate::api::form::ActForm;
use crate::store::TokenHash;
use crate::view::Moment;

/// How long an act waits.
pub(super) const WAIT: Duration = Duration::from_secs(5);
/// Acts that wait, of everybody: whoever comes then is answered at once, without a wait.
const WAITING_MAX: usize = 256;
/// The acts that wait.
const ACTS: [&str; 3] = ["decline", "withdraw", "defer"];

/// One act.
struct Waiting {
    session: TokenHash,
    /// What it acts on: it does not ring again while it waits.
    on: String,
    told: String,
    due: Timestamp,
    /// Why it was not signed in the end.
    undone: Option<Told>,
}

/// What a page shows of one.
pub(super) struct UnsignedView {
    pub number: u64,
    pub told: String,
    pub due: Moment,
    /// Until when it can be taken back, here.
    pub until: String,
    pub undone: Option<Told>,
}

#[derive(Default)]
struct Known {
    next: u64,
    acts: BTreeMap<u64, Waiting>,
}

/// All of them; clones share.
#[derive(Clone, Default)]
pub(super) struct Unsigned(Arc<Mutex<Known>>);

impl Unsigned {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, waiting: Waiting) -> Option<u64> {
        let mut known = self.lock();
        if known.acts.len() >= WAITING_MAX {
            return None;
        }
        known.next += 1;
        let number = known.next;
        known.acts.insert(number, waiting);
        Some(number)
    }

    /// Takes one out to be signed, or because its officer takes it back; whoever comes second finds none.
    fn take(&self, number: u64, session: Option<&TokenHash>) -> Option<Waiting> {
        let mut known = self.lock();
        let is_theirs =
            known.acts.get(&number).is_some_and(|act| session.is_none_or(|session| act.session == *session));
        if is_theirs { known.acts.remove(&number) } else { None }
    }

    fn put_back(&self, number: u64, waiting: Waiting) {
        self.lock().acts.insert(number, waiting);
    }

    /// Those of one session, oldest first.
    fn of(&self, session: &TokenHash) -> Vec<(u64, String, Timestamp, Option<Told>)> {
        let known = self.lock();
        let theirs = known.acts.iter().filter(|(_, act)| act.session == *session);
        theirs.map(|(number, act)| (*number, act.told.clone(), act.due, act.undone.clone())).collect()
    }

    /// What tells one drawing of them from another.
    pub fn mark(&self, session: &TokenHash) -> String {
        let shown = self
            .of(session)
            .into_iter()
            .map(|(number, _, _, undone)| if undone.is_some() { format!("{number}x") } else { number.to_string() });
        shown.collect::<Vec<_>>().join("-")
    }

    /// Whether an act of this session waits on that entry.
    pub fn is_on(&self, session: &TokenHash, on: &str) -> bool {
        self.lock().acts.values().any(|act| act.session == *session && act.undone.is_none() && act.on == on)
    }
}

impl Desk {
    /// Whether an act waits before it is signed.
    pub(super) fn waits(form: &ActForm) -> bool {
        ACTS.contains(&form.act.as_str())
    }

    /// Lets an act wait, then signs it. `false`: too many wait already.
    pub(super) fn wait(&self, who: &Signed, form: ActForm, told: String) -> bool {
        let due = self.api.now().plus(u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX));
        let on = form.on.clone().unwrap_or_default();
        let waiting = Waiting { session: who.token.hash(), on, told, due, undone: None };
        let Some(number) = self.inner.unsigned.put(waiting) else { return false };
        let (desk, user) = (self.clone(), who.user.clone());
        tokio::spawn(async move {
            tokio::time::sleep(WAIT).await;
            let Some(waiting) = desk.inner.unsigned.take(number, None) else { return };
            if let Err(undone) = desk.api.act(form, user).await {
                desk.inner.unsigned.put_back(number, Waiting { undone: Some(undone), ..waiting });
            }
        });
        true
    }

    /// What waits for one person.
    pub(super) fn waiting(&self, who: &Signed, here: impl Fn(Timestamp) -> String) -> Vec<UnsignedView> {
        let all = self.inner.unsigned.of(&who.token.hash()).into_iter();
        all.map(|(number, told, due, undone)| UnsignedView { number, told, due: Moment(due), until: here(due), undone })
            .collect()
    }
}

/// `POST /unsigned/{number}`: takes it back, or has read why it was not signed.
pub(super) async fn undo(
    State(desk): State<Desk>,
    Path(number): Path<u64>,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    let back = back(&headers);
    match desk.inner.unsigned.take(number, Some(&posted.who.token.hash())) {
        Some(_) => Redirect::to(&back).into_response(),
        None => {
            let told = desk.api.tell(Fault::new(Code::TooLate));
            refused::shown(&desk, &posted.who, &told, &Kept::default()).await
        }
    }
}

/// The page of this desk from which a form was sent.
fn back(headers: &HeaderMap) -> String {
    let from = headers.get(REFERER).and_then(|from| from.to_str().ok()).and_then(|from| from.split_once("://"));
    let path = from.and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or_default();
    local(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(session: TokenHash) -> Waiting {
        Waiting { session, on: "0:1".into(), told: "x".into(), due: Timestamp(5), undone: None }
    }

    #[test]
    fn an_act_is_signed_or_taken_back_and_never_both() {
        let unsigned = Unsigned::default();
        let number = unsigned.put(waiting([1; 32])).unwrap();
        assert!(unsigned.is_on(&[1; 32], "0:1") && !unsigned.is_on(&[2; 32], "0:1"));

        assert!(unsigned.take(number, Some(&[2; 32])).is_none(), "another session's");
        assert!(unsigned.take(number, Some(&[1; 32])).is_some());
        assert!(unsigned.take(number, None).is_none(), "there is nothing left to sign");
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let unsigned = Unsigned::default();
        let put = (0..2 * WAITING_MAX).filter(|_| unsigned.put(waiting([1; 32])).is_some()).count();

        assert_eq!(put, WAITING_MAX);
    }
}
