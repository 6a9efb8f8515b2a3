//! Acts that close or put off wait five seconds here, in memory, before they are signed, and can be taken back until then. They are of
//! the officer's session: signing out signs them at once, and a session that ended otherwise signs nothing. If the process ends
//! meanwhile, nothing was signed and nothing was sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::REFERER;
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::ids::LineId;
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
/// Why an act was not signed, kept for one officer until it is read; of older ones only how many there were. The same of those that were
/// taken back.
const UNREAD_MAX: usize = 16;
/// Tokens of acts that were signed last: a key that is pressed once more does not wait again.
const SIGNED_MAX: usize = 256;
/// The acts that wait.
const ACTS: [&str; 3] = ["decline", "withdraw", "defer"];

/// One act.
#[derive(Clone)]
struct Waiting {
    /// The session in which it was pressed; `None` once that has ended: any session of its officer shows it.
    session: Option<TokenHash>,
    user: String,
    /// Under what the act is kept.
    actor: String,
    form: ActForm,
    /// On which line, and what it acts on: it does not ring again while it waits.
    line: LineId,
    on: String,
    told: String,
    due: Timestamp,
    /// Why it was not signed in the end.
    undone: Option<Told>,
    /// Its officer has taken it back, and is told so for as long as it would have waited.
    is_back: bool,
    /// How many earlier ones are no longer told one by one.
    earlier: usize,
}

impl Waiting {
    /// It is still to be signed.
    fn waits(&self) -> bool {
        self.undone.is_none() && !self.is_back
    }

    fn is_shown_to(&self, who: &Signed) -> bool {
        match &self.session {
            Some(session) => *session == who.token.hash(),
            None => self.user == who.user,
        }
    }
}

/// What a page shows of one.
pub(super) struct UnsignedView {
    pub number: u64,
    pub told: String,
    pub due: Moment,
    /// Until when it can be taken back, here.
    pub until: String,
    pub undone: Option<Told>,
    pub is_back: bool,
    pub earlier: usize,
}

/// An act that waits, as the page of its matter shows it at the key that was pressed.
pub(super) struct Pressed {
    pub act: String,
    pub on: String,
    pub due: Timestamp,
}

#[derive(Default)]
struct Known {
    /// The last number that was given; the first of a run is above those of the runs before it.
    next: u64,
    acts: BTreeMap<u64, Waiting>,
    signed: VecDeque<String>,
}

/// What becomes of an act that is to wait.
#[derive(PartialEq, Eq, Debug)]
enum Put {
    /// It waits under this number.
    Waits(u64),
    /// It waits already: the same key, pressed twice.
    Again,
    /// Too many wait.
    Full,
}

/// All of them; clones share.
#[derive(Clone, Default)]
pub(super) struct Unsigned(Arc<Mutex<Known>>);

impl Unsigned {
    /// Those of a run of the station that begins now. A page of an earlier run must not take back what waits under its number here.
    pub fn from(now: Timestamp) -> Unsigned {
        Unsigned(Arc::new(Mutex::new(Known { next: now.0, ..Known::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, waiting: Waiting) -> Put {
        let mut known = self.lock();
        let waits = |act: &&Waiting| act.waits();
        // The same act of another drawing of the page is the same too: it can be signed once.
        let said = |act: &Waiting| ActForm { token: None, ..act.form.clone() };
        let is_same =
            |act: &Waiting| act.session == waiting.session && act.line == waiting.line && said(act) == said(&waiting);
        if known.acts.values().filter(waits).any(is_same) {
            return Put::Again;
        }
        if known.acts.values().filter(waits).count() >= WAITING_MAX {
            return Put::Full;
        }
        known.next += 1;
        let number = known.next;
        known.acts.insert(number, waiting);
        Put::Waits(number)
    }

    /// Takes one out to be signed; one that was taken back is none.
    fn take(&self, number: u64, who: Option<&Signed>) -> Option<Waiting> {
        let mut known = self.lock();
        let is_theirs = |act: &Waiting| !act.is_back && who.is_none_or(|who| act.is_shown_to(who));
        if known.acts.get(&number).is_some_and(is_theirs) { known.acts.remove(&number) } else { None }
    }

    /// Its officer takes one back, or has read what became of it; whoever comes second finds none.
    fn take_back(&self, number: u64, who: &Signed) -> bool {
        let mut known = self.lock();
        let Some(act) = known.acts.get_mut(&number).filter(|act| act.is_shown_to(who) && !act.is_back) else {
            return false;
        };
        if !act.waits() {
            known.acts.remove(&number);
            return true;
        }
        act.is_back = true;
        let told = |(_, act): &(&u64, &Waiting)| act.is_back && act.is_shown_to(who);
        let told: Vec<u64> = known.acts.iter().filter(told).map(|(number, _)| *number).collect();
        if let (Some(oldest), true) = (told.first(), told.len() > UNREAD_MAX) {
            known.acts.remove(oldest);
        }
        true
    }

    /// What was taken back has been told for long enough.
    fn forget_back(&self, number: u64) {
        let mut known = self.lock();
        if known.acts.get(&number).is_some_and(|act| act.is_back) {
            known.acts.remove(&number);
        }
    }

    /// Keeps why one was not signed, until its officer has read it.
    fn keep_undone(&self, number: u64, waiting: Waiting) {
        let mut known = self.lock();
        let of_user = |(_, act): &(&u64, &Waiting)| act.undone.is_some() && act.user == waiting.user;
        let unread: Vec<u64> = known.acts.iter().filter(of_user).map(|(number, _)| *number).collect();
        let mut kept = vec![(number, waiting)];
        if let (Some(oldest), true) = (unread.first(), unread.len() >= UNREAD_MAX) {
            let dropped = known.acts.remove(oldest);
            let next = unread.get(1).and_then(|next| Some((*next, known.acts.remove(next)?)));
            kept.extend(next);
            let told = dropped.map_or(0, |dropped| dropped.earlier + 1);
            if let Some((_, act)) = kept.last_mut() {
                act.earlier += told;
            }
        }
        known.acts.extend(kept);
    }

    /// An act of this token was signed.
    fn keep_signed(&self, token: Option<String>) {
        let mut known = self.lock();
        known.signed.extend(token);
        while known.signed.len() > SIGNED_MAX {
            known.signed.pop_front();
        }
    }

    /// Whether an act of this token was signed a short while ago.
    pub fn was_signed(&self, token: Option<&str>) -> bool {
        token.is_some_and(|token| self.lock().signed.iter().any(|signed| signed == token))
    }

    /// Those that one person's pages show, oldest first.
    fn of(&self, who: &Signed) -> Vec<(u64, Waiting)> {
        let known = self.lock();
        let theirs = known.acts.iter().filter(|(_, act)| act.is_shown_to(who));
        theirs.map(|(number, act)| (*number, act.clone())).collect()
    }

    /// What tells one drawing of them from another.
    pub fn mark(&self, who: &Signed) -> String {
        let shown = self
            .of(who)
            .into_iter()
            .map(|(number, act)| if act.waits() { number.to_string() } else { format!("{number}x") });
        shown.collect::<Vec<_>>().join("-")
    }

    /// What an act of this session that waits on that entry is called.
    pub fn on(&self, session: &TokenHash, line: LineId, on: &str) -> Option<String> {
        let known = self.lock();
        let is =
            |act: &&Waiting| act.session == Some(*session) && act.waits() && (act.line, act.on.as_str()) == (line, on);
        known.acts.values().find(is).map(|act| act.told.clone())
    }

    /// What one person has pressed on a line, and can still take back.
    pub fn pressed(&self, who: &Signed, line: LineId) -> Vec<Pressed> {
        let of_line = self.of(who).into_iter().filter(|(_, act)| act.waits() && act.line == line);
        let pressed = |(_, act): (u64, Waiting)| Pressed { act: act.form.act, on: act.on, due: act.due };
        of_line.map(pressed).collect()
    }
}

impl Desk {
    /// Whether an act waits before it is signed.
    pub(super) fn waits(form: &ActForm) -> bool {
        ACTS.contains(&form.act.as_str())
    }

    /// Lets an act wait, then signs it. `false`: too many wait already.
    pub(super) fn wait(&self, who: &Signed, form: ActForm, line: LineId, told: String) -> bool {
        let due = self.api.now().plus(u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX));
        let on = form.on.clone().unwrap_or_default();
        let (session, user, actor) = (Some(who.token.hash()), who.user.clone(), who.actor.clone());
        let waiting =
            Waiting { session, user, actor, form, line, on, told, due, undone: None, is_back: false, earlier: 0 };
        let number = match self.inner.unsigned.put(waiting) {
            Put::Waits(number) => number,
            Put::Again => return true,
            Put::Full => return false,
        };
        let desk = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(WAIT).await;
            let Some(waiting) = desk.inner.unsigned.take(number, None) else { return };
            let _ = desk.settle(number, waiting).await;
        });
        true
    }

    /// Signs an act that has waited, if its session still runs.
    async fn settle(&self, number: u64, waiting: Waiting) -> Result<(), Told> {
        let runs = match &waiting.session {
            Some(session) => self.may_sign(*session).await,
            None => Ok(false),
        };
        let signed = match runs {
            Ok(true) => self.api.act(waiting.form.clone(), waiting.actor.clone()).await.map(drop),
            Ok(false) => Err(self.api.tell(Fault::new(Code::SignerGone))),
            Err(told) => Err(told),
        };
        match &signed {
            Ok(()) => self.inner.unsigned.keep_signed(waiting.form.token),
            Err(told) => {
                let session = waiting.session.filter(|_| told.code != Code::SignerGone.word());
                let undone = Some(told.clone());
                self.inner.unsigned.keep_undone(number, Waiting { session, undone, ..waiting });
            }
        }
        signed
    }

    /// Signs at once what waits in this session: its officer goes, and nobody could take it back any more.
    ///
    /// # Errors
    /// Why one was not signed; the session must not end before that is read.
    pub(super) async fn sign_waiting(&self, who: &Signed) -> Result<(), Told> {
        for (number, act) in self.inner.unsigned.of(who) {
            if !act.waits() {
                continue;
            }
            let Some(waiting) = self.inner.unsigned.take(number, Some(who)) else { continue };
            self.settle(number, waiting).await?;
        }
        Ok(())
    }

    /// What waits for one person.
    pub(super) fn waiting(&self, who: &Signed, here: impl Fn(Timestamp) -> String) -> Vec<UnsignedView> {
        let shown = |(number, act): (u64, Waiting)| {
            let (until, due) = (here(act.due), Moment(act.due));
            let Waiting { told, undone, is_back, earlier, .. } = act;
            UnsignedView { number, told, due, until, undone, is_back, earlier }
        };
        self.inner.unsigned.of(who).into_iter().map(shown).collect()
    }
}

/// `POST /unsigned/{number}`: takes it back, or has read why it was not signed.
pub(super) async fn undo(
    State(desk): State<Desk>,
    Path(number): Path<u64>,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    let back = posted.fields.text("to").map_or_else(|| back(&headers), |to| local(&to).to_owned());
    match desk.inner.unsigned.take_back(number, &posted.who) {
        true => {
            let unsigned = desk.inner.unsigned.clone();
            tokio::spawn(async move {
                tokio::time::sleep(WAIT).await;
                unsigned.forget_back(number);
            });
            Redirect::to(&back).into_response()
        }
        false => {
            let told = desk.api.tell(Fault::new(Code::TooLate));
            refused::shown(&desk, &posted.who, &told, &Kept::default()).await
        }
    }
}

/// The page of this desk from which a form was sent. A page without an address of its own says in the form where to go.
pub(super) fn back(headers: &HeaderMap) -> String {
    let from = headers.get(REFERER).and_then(|from| from.to_str().ok()).and_then(|from| from.split_once("://"));
    let path = from.and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or_default();
    local(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{Role, Token};
    use crate::store::Settings;

    fn officer(user: &str) -> Signed {
        let token = Token::draw().unwrap();
        Signed { user: user.into(), actor: user.into(), role: Role::Watch, token, settings: Settings::default() }
    }

    fn waiting(who: &Signed, token: &str) -> Waiting {
        let form = ActForm { act: "defer".into(), token: Some(token.into()), ..ActForm::default() };
        Waiting {
            session: Some(who.token.hash()),
            user: who.user.clone(),
            actor: who.actor.clone(),
            form,
            line: LineId([1; 16]),
            on: "0:1".into(),
            told: "x".into(),
            due: Timestamp(5),
            undone: None,
            is_back: false,
            earlier: 0,
        }
    }

    fn undone(who: &Signed) -> Waiting {
        let told = Told {
            code: "x".into(),
            fault: crate::api::fault::Whose::Refusal,
            what: String::new(),
            instead: String::new(),
            fact: None,
        };
        Waiting { undone: Some(told), ..waiting(who, "t") }
    }

    #[test]
    fn an_act_is_signed_or_taken_back_and_never_both() {
        let (unsigned, who, other) = (Unsigned::default(), officer("a"), officer("a"));
        let Put::Waits(number) = unsigned.put(waiting(&who, "t")) else { panic!("it does not wait") };

        assert!(!unsigned.take_back(number, &other), "another session's");
        assert!(unsigned.take_back(number, &who));
        assert!(unsigned.take(number, None).is_none(), "there is nothing left to sign");
        assert!(!unsigned.take_back(number, &who), "it is back already");
        assert_eq!(unsigned.of(&who).len(), 1, "and told so");
        unsigned.forget_back(number);
        assert!(unsigned.of(&who).is_empty());
    }

    #[test]
    fn what_waited_before_a_start_has_no_number_of_what_waits_after_it() {
        let who = officer("a");
        let waits = |begun| {
            let unsigned = Unsigned::from(Timestamp(begun));
            let Put::Waits(number) = unsigned.put(waiting(&who, "t")) else { panic!("it does not wait") };
            (unsigned, number)
        };
        let (_, before) = waits(1_774_688_400_000);
        let (unsigned, now) = waits(1_774_688_401_000);

        assert!(before != now && !unsigned.take_back(before, &who));
    }

    #[test]
    fn a_key_that_is_pressed_twice_waits_once() {
        let (unsigned, who, other) = (Unsigned::default(), officer("a"), officer("b"));

        assert!(matches!(unsigned.put(waiting(&who, "t")), Put::Waits(_)));
        assert_eq!(unsigned.put(waiting(&who, "t")), Put::Again);
        assert_eq!(unsigned.put(waiting(&who, "u")), Put::Again, "of another drawing of the page");
        let of_another = Waiting { line: LineId([2; 16]), ..waiting(&who, "u") };
        assert!(matches!(unsigned.put(of_another), Put::Waits(_)), "on another line");
        assert!(matches!(unsigned.put(waiting(&other, "t")), Put::Waits(_)), "another session");
        unsigned.keep_signed(Some("t".into()));
        assert!(unsigned.was_signed(Some("t")) && !unsigned.was_signed(Some("u")) && !unsigned.was_signed(None));
    }

    #[test]
    fn what_waits_is_found_by_its_line_too_for_two_lines_have_entries_of_one_name() {
        let (unsigned, who) = (Unsigned::default(), officer("a"));
        unsigned.put(waiting(&who, "t"));

        let found = |line, on| unsigned.on(&who.token.hash(), LineId([line; 16]), on).is_some();
        assert_eq!((found(1, "0:1"), found(2, "0:1"), found(1, "0:2")), (true, false, false));
    }

    #[test]
    fn so_many_wait_and_no_more_and_what_was_not_signed_takes_no_place_of_theirs() {
        let (unsigned, who) = (Unsigned::default(), officer("a"));
        (0..WAITING_MAX as u64).for_each(|n| unsigned.keep_undone(1_000_000 + n, undone(&who)));
        let on = |n: usize| {
            let waiting = waiting(&who, &n.to_string());
            Waiting { form: ActForm { on: Some(format!("0:{n}")), ..waiting.form.clone() }, ..waiting }
        };
        let put = (0..2 * WAITING_MAX).filter(|n| unsigned.put(on(*n)) != Put::Full).count();

        assert_eq!(put, WAITING_MAX);
        let told: Vec<_> = unsigned.of(&who).into_iter().filter(|(_, act)| act.undone.is_some()).collect();
        assert_eq!(told.len(), UNREAD_MAX);
        let all: usize = told.iter().map(|(_, act)| act.earlier + 1).sum();
        assert_eq!(all, WAITING_MAX, "each is told or counted");
    }

    #[test]
    fn what_an_ended_session_left_unsigned_is_shown_in_the_next_of_its_officer() {
        let (unsigned, who) = (Unsigned::default(), officer("a"));
        unsigned.keep_undone(1, Waiting { session: None, ..undone(&who) });

        assert_eq!(unsigned.of(&officer("a")).len(), 1);
        assert!(unsigned.of(&officer("b")).is_empty());
    }
}
