//! THE one handler of all acts of the desk: the form of a page becomes the form of the API, and that the act.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::record::codes::Code as Reason;
use counterpart_core::time::Timestamp;

use super::Desk;
use super::fields::Fields;
use super::put_off::{self, PutOff};
use super::refused::{self, Kept};
use super::request::page_of;
use super::session::{Posted, Signed};
use crate::api::bell::NotedForm;
use crate::api::fault::{Code, Fault, Told};
use crate::api::form::{ActForm, WordsForm, missing_field};
use crate::api::times::write;
use crate::people::Role;
use crate::view::{Sight, names};

/// The key that takes note: no act, for nothing of it leaves.
pub(super) const NOTED: &str = "noted";
/// A time that was named is not ahead.
const PASSED: &str = "in-the-past";
/// The one-time id of a drawing of a page.
const ONCE_FIELD: &str = "once";

/// The form of an act, from the fields of a page and of the key that was pressed. What is sent twice from one drawing of a page stands once.
pub(super) fn act_form(fields: &Fields, line: &str) -> ActForm {
    let text = |name: &str| fields.text(name);
    let words = text("words").map(|text| WordsForm { language: fields.text("language"), text });
    let many = |name: &str| Some(fields.all(name)).filter(|all| !all.is_empty());
    let mut form = ActForm {
        act: text("act").unwrap_or_default(),
        line: Some(line.to_owned()),
        token: None,
        epoch: text("epoch"),
        on: text("on"),
        from: text("from"),
        to: text("to"),
        precedence: text("precedence"),
        mark: text("mark"),
        mode: text("mode"),
        private: text("private").map(|said| said == "yes"),
        valid_until: text("valid_until"),
        again: text("again"),
        code: text("code"),
        until: text("until").or_else(|| put_off::chosen(fields)),
        windows: many("windows"),
        answer_by: text("answer_by"),
        on_silence: text("on_silence"),
        window: text("window"),
        when: text("when"),
        instrument: text("instrument"),
        posts: many("posts"),
        languages: many("languages"),
        state: text("state"),
        // The desk closes no line: a command does, and asks whether that is meant.
        for_good: None,
        words,
    };
    form.token = fields.text(ONCE_FIELD).map(|once| form.token_of(&once));
    form
}

impl Desk {
    /// Whether this person acts at all.
    ///
    /// # Errors
    /// Why not, and who does.
    pub(super) fn may_act(&self, who: &Signed) -> Result<(), Told> {
        if who.role.acts() {
            return Ok(());
        }
        let may = [Role::Watch, Role::Admin].map(Role::word).join(", ");
        Err(self.api.tell(Fault::new(Code::RoleReads).with("role", who.role.word()).with("may", may)))
    }

    /// Does the act of a form for a person.
    ///
    /// # Errors
    /// What to tell them.
    pub(super) async fn do_act(&self, posted: &Posted, line: &str) -> Result<String, Told> {
        self.may_act(&posted.who)?;
        let mut form = act_form(&posted.fields, line);
        let read = |said: &str| put_off::read(&self.spoken(), said, self.api.now());
        let until = form.until.as_deref().map(read).transpose();
        let until = until.map_err(|fault| self.api.tell(fault))?;
        form.until = until.map(write);
        // What a page shows is of an epoch, and so is every name on it.
        if form.epoch.is_none() && (form.on.is_some() || form.again.is_some()) {
            return Err(self.api.tell(missing_field(&form.act, "epoch")));
        }
        if form.act == NOTED {
            let (on, tally) = (form.on.unwrap_or_default(), posted.fields.text("tally"));
            if let Some(begun) = self.begun_at(line, &on, form.epoch.as_deref()).await? {
                self.note_begun(&begun, posted.who.actor.clone()).await;
                return self.api.see(begun.talk.line, move |sight| page_of(sight, begun.request)).await;
            }
            let noted = NotedForm { line: form.line, on, epoch: form.epoch, tally };
            let noted = self.api.take_note(noted, posted.who.actor.clone()).await?;
            let id = self.api.line(Some(noted.line)).await?;
            return self
                .api
                .see(id, move |sight| {
                    names::parse(sight.line, &noted.entry.at).map_or_else(|_| "/lines".into(), |at| page_of(sight, at))
                })
                .await;
        }
        // A key that is pressed once more after its act was signed finds it signed: it does not wait again.
        if Desk::waits(&form) && !self.inner.unsigned.was_signed(form.token.as_deref()) {
            // What may not be done at all is said at once.
            let id = self.api.would(form.clone()).await?;
            let (on, kind, code) = (form.on.clone().unwrap_or_default(), form.act.clone(), form.code.clone());
            let (told, to) = self.api.see(id, move |sight| waiting(sight, &on, &kind, code.as_deref(), until)).await?;
            if self.wait(&posted.who, form.clone(), id, told) {
                return Ok(to);
            }
        }
        let (line, done) = self.api.act(form, posted.who.actor.clone()).await?;
        self.api.see(line, move |sight| page_of(sight, done.at)).await
    }
}

impl Desk {
    /// The page and the name of the request on which an act was to be done.
    async fn matter(&self, line: &str, on: Option<String>) -> Option<(String, String)> {
        let (on, id) = (on?, self.api.line(Some(line.to_owned())).await.ok()?);
        let find = move |sight: &Sight<'_>| {
            let fact = names::parse(sight.line, &on).ok().and_then(|at| sight.view().fact(at))?;
            Some((page_of(sight, fact.at), sight.named(fact.thing).name))
        };
        self.api.see(id, find).await.ok()?
    }
}

/// What an act that waits is called, and the page on which it waits.
fn waiting(sight: &Sight<'_>, on: &str, kind: &str, code: Option<&str>, until: Option<Timestamp>) -> (String, String) {
    let at = names::parse(sight.line, on).ok();
    let name = at.map_or_else(String::new, |at| sight.named(at).name);
    let until = until.map_or_else(|| "none".into(), |until| sight.telling.both(until));
    let code = code.map_or_else(|| "none".into(), |code| sight.telling.words.coded_as::<Reason>(code));
    let args = [("act", kind.into()), ("name", name.into()), ("code", code.into()), ("until", until.into())];
    (sight.telling.say("unsigned-told", &args), at.map_or_else(|| "/lines".into(), |at| page_of(sight, at)))
}

impl Desk {
    /// What was typed goes back to whoever typed it; where until when it is put off has passed, that is chosen again.
    async fn kept(&self, told: &Told, fields: &Fields, line: &str) -> Kept {
        let kept = Kept::after(told, fields, format!("/lines/{line}/acts"));
        if told.code != PASSED || put_off::chosen(fields).is_none() {
            return kept;
        }
        let (id, days) = (self.api.line(Some(line.to_owned())).await, self.days());
        let Ok(id) = id else { return kept };
        match self.api.see(id, move |sight| PutOff::of(&sight.telling, &days)).await {
            Ok(put_off) => kept.choosing(put_off),
            Err(_) => kept,
        }
    }
}

/// `POST /lines/{line}/acts`.
pub(super) async fn act(State(desk): State<Desk>, Path(line): Path<String>, mut posted: Posted) -> Response {
    posted.fields.press();
    match desk.do_act(&posted, &line).await {
        Ok(to) => Redirect::to(&to).into_response(),
        Err(told) => {
            let told = desk.with_author(told, &line).await;
            let kept = desk.kept(&told, &posted.fields, &line).await;
            let on = posted.fields.text("on").filter(|_| told.code == refused::CLOSED);
            let kept = Kept { matter: desk.matter(&line, on).await, ..kept };
            refused::shown(&desk, &posted.who, &told, &kept).await
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;

    fn form(body: &'static str) -> ActForm {
        let mut fields = Fields::read(&Bytes::from_static(body.as_bytes())).unwrap();
        fields.press();
        act_form(&fields, "southland")
    }

    #[test]
    fn a_key_carries_the_fields_of_its_act() {
        let form = form("once=1&words=In+an+hour.%0D%0AOr+two.&key=act%3Ddefer%26on%3D0%253A3%26code%3DENGAGED");

        assert_eq!(
            (form.act.as_str(), form.on.as_deref(), form.code.as_deref()),
            ("defer", Some("0:3"), Some("ENGAGED"))
        );
        assert_eq!(form.words.unwrap().text, "In an hour.\nOr two.");
        assert_eq!(form.line.as_deref(), Some("southland"));
    }

    #[test]
    fn what_is_pressed_twice_has_one_token_and_another_act_another() {
        let token = |body| form(body).token.unwrap();

        assert_eq!(token("once=1&act=seen&on=0:3"), token("once=1&act=seen&on=0:3"));
        assert_ne!(token("once=1&act=seen&on=0:3"), token("once=2&act=seen&on=0:3"), "drawn anew");
        assert_ne!(token("once=1&act=seen&on=0:3"), token("once=1&act=refer&on=0:3"));
        assert_ne!(token("once=1&act=seen&on=0:3&words=a"), token("once=1&act=seen&on=0:3&words=b"));
        assert_eq!(form("act=seen&on=0:3").token, None);
    }

    #[test]
    fn a_field_with_nothing_in_it_is_not_there() {
        let form = form("act=ask&from=minister&to=minister&words=+&valid_until=&private=yes");

        assert_eq!((form.words, form.valid_until, form.private), (None, None, Some(true)));
    }
}
