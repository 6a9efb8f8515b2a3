//! What was not done: what, why, what to do; and what had been typed, kept.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::fields::Fields;
use super::frame::{Door, Four, Frame};
use super::put_off::PutOff;
use super::session::{FORM_FIELD, Signed};
use super::sign_in::local;
use super::{Desk, page};
use crate::api::fault::{Code, Told, Whose};

/// Another epoch serves than the page shows.
pub(super) const ENDED: &str = "epoch-ended";
/// What it acts on has been closed.
pub(super) const CLOSED: &str = "closed";

/// Fields in which a person writes.
const WORDS: [&str; 4] = ["words", "subject", "invitation", "banner"];

/// What had been typed, and where it was sent.
#[derive(Default)]
pub(super) struct Kept {
    /// Where to send it again; empty: nothing was sent.
    pub to: String,
    /// The fields that are sent again as they were.
    pub fields: Vec<(String, String)>,
    /// The words, to be changed.
    pub words: String,
    /// Until when it was put off was over: it is chosen again.
    pub put_off: Option<PutOff>,
    /// Of an act on something that has been closed meanwhile: its page, and its name.
    pub matter: Option<(String, String)>,
    /// The page from which it was sent; empty: not known.
    pub from: String,
}

impl Kept {
    /// Of a form whose sender may not send it again.
    pub fn of(fields: &Fields) -> Kept {
        let words = WORDS.iter().find_map(|name| fields.text(name)).unwrap_or_default();
        let fields = fields.without(&[FORM_FIELD, "once", "words"]).cloned().collect();
        Kept { fields, words, ..Kept::default() }
    }

    /// Of an act that was not done: it may be sent again, unless it names an entry of an epoch that serves no more, or of a matter that
    /// was closed.
    pub fn after(told: &Told, fields: &Fields, to: String) -> Kept {
        if [ENDED, CLOSED].contains(&told.code.as_str()) { Kept::of(fields) } else { Kept::at(fields, to) }
    }

    /// The same of a time that has passed: it is chosen anew.
    pub fn choosing(self, put_off: PutOff) -> Kept {
        let is_time = |(name, _): &(String, String)| ["until-day", "until-time"].contains(&name.as_str());
        let fields = self.fields.into_iter().filter(|field| !is_time(field)).collect();
        Kept { fields, put_off: Some(put_off), ..self }
    }

    /// What is said before the time that is chosen anew.
    fn until(&self) -> &'static str {
        let is_state = self.fields.iter().any(|(name, value)| name == "act" && value == "state");
        if is_state { "state-until-when" } else { "defer-until" }
    }

    /// Of a form that may be sent again to the same address.
    pub fn at(fields: &Fields, to: String) -> Kept {
        Kept { to, ..Kept::of(fields) }
    }
}

/// For a person who is signed in.
#[derive(Template)]
#[template(path = "refused.html")]
struct Refused<'a> {
    d: Frame,
    told: &'a Told,
    kept: &'a Kept,
}

/// For anybody.
#[derive(Template)]
#[template(path = "plain.html")]
struct Plain<'a> {
    d: Door,
    told: &'a Told,
    kept: &'a Kept,
}

/// The answer to a form, or to an address, that led nowhere.
pub(super) async fn shown(desk: &Desk, who: &Signed, told: &Told, kept: &Kept) -> Response {
    let drawn = async {
        let position = desk.position(who).await?;
        let all = desk.all_seen().await?;
        let mut d = Frame::new(desk, who, "lines", position)?;
        d.page = "/lines".into();
        d.four = Some(Four::of_all(d.words(), &all, desk.unread().len(), d.mark));
        Ok::<_, Told>(d)
    };
    match drawn.await {
        Ok(d) => page(told.status(), &Refused { d, told, kept }),
        Err(_) => plain(desk, told, kept),
    }
}

/// The same for somebody who is not signed in, or when the record does not answer.
pub(super) fn plain(desk: &Desk, told: &Told, kept: &Kept) -> Response {
    page(told.status(), &Plain { d: Door::new(desk, ""), told, kept })
}

impl Plain<'_> {
    fn headline(&self) -> String {
        let is_unsure = self.told.code == Code::FormTimedOut.word();
        self.d.say(if is_unsure { "undone-unsure" } else { "undone-not-done" })
    }

    /// The door, and from there back, for whom a session has ended.
    fn sign_in(&self) -> Option<String> {
        let to = serde_urlencoded::to_string([("to", local(&self.kept.from))]).unwrap_or_default();
        (self.told.code == Code::SessionEnded.word()).then(|| format!("/sign-in?{to}"))
    }
}

impl Refused<'_> {
    /// What did not happen, in the fewest words.
    fn headline(&self) -> String {
        let is_act = self.is_closed() || ["/lines", "/asks"].iter().any(|begin| self.kept.to.starts_with(begin));
        let id = match self.told.fault {
            Whose::Error => "undone-machine",
            _ if is_act => "undone-not-signed",
            _ if !self.kept.to.is_empty() => "undone-not-done",
            _ if self.told.status() == StatusCode::FORBIDDEN => "undone-not-yours",
            _ if self.told.status() == StatusCode::NOT_FOUND => "undone-nothing",
            _ => "undone-not-done",
        };
        self.d.say(id)
    }

    /// Somebody was quicker: the matter on which it was to act has been closed.
    fn is_closed(&self) -> bool {
        self.told.code == CLOSED
    }

    fn is_ours(&self) -> bool {
        self.told.fault == Whose::Error
    }

    /// Something was written or is to be chosen anew.
    fn is_typed(&self) -> bool {
        !self.kept.words.is_empty() || self.kept.put_off.is_some()
    }

    /// What a rule did not let pass is the same when it is sent again; what a machine did not do may be done then.
    fn is_again(&self) -> bool {
        !self.kept.to.is_empty() && self.d.acts && (self.is_typed() || self.is_ours())
    }
}
