//! How a line begins, as `invite`, `join`, `confirm` and `abandon` do it: for a person who looks after the station.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use counterpart_core::ids::{LineId, unhex};
use counterpart_core::precedence::Precedence;

use super::fields::Fields;
use super::frame::{Four, Frame};
use super::refused::{self, Kept};
use super::session::{Posted, Signed};
use super::{Desk, page};
use crate::api::ceremony::{Digits, InviteForm, InvitedView, PairingView};
use crate::api::fault::{Code, Fault, Told};
use crate::api::views::all_agreed;
use crate::pairing::{Proposal, Term};
use crate::view::terms::AgreedView;
use crate::words::Words;

/// What a person does about a pairing.
const ACTS: [&str; 3] = ["same", "differ", "abandon"];

#[derive(Template)]
#[template(path = "pairing.html")]
struct Pairing {
    d: Frame,
    pairings: Vec<PairingView>,
    /// An invitation that was just made; it is shown this once.
    made: Option<InvitedView>,
    /// The text of an invitation that was typed, and why it could not be taken up.
    typed: String,
    wrong: Option<Told>,
    /// The rules that an invitation is to propose, and why they were not taken.
    rules: Vec<Rule>,
    unfit: Option<Told>,
    /// What was agreed on the lines that there are.
    agreed: Vec<AgreedView>,
}

/// A rule that an invitation is to propose, as it is typed.
struct Rule {
    name: &'static str,
    label: String,
    /// One field, or one for each precedence under its name.
    fields: Vec<(String, String)>,
}

/// What is drawn beside the pairings.
#[derive(Default)]
struct Beside {
    made: Option<InvitedView>,
    typed: String,
    wrong: Option<Told>,
    /// What was typed of rules, and why they are not taken.
    unfit: Option<(InviteForm, Told)>,
}

/// A step of the ceremony as it is drawn.
struct Step {
    label: String,
    hint: String,
    is_done: bool,
    is_now: bool,
}

impl Pairing {
    /// The four steps, of which one is now.
    fn steps(&self, view: &PairingView) -> Vec<Step> {
        let now = match view.standing.as_str() {
            "waiting" => 1,
            "comparing" => 2,
            "confirmed" | "countersigned" => 3,
            "open" => 4,
            _ => 5,
        };
        let ids = ["pairing-invite", "pairing-join", "pairing-compare", "pairing-sign"];
        let step = |(n, id): (usize, &&str)| Step {
            label: format!("{} {}", n + 1, self.d.say(id)),
            hint: self.d.words().say_hint(id),
            is_done: n < now && now < 5,
            is_now: n == now,
        };
        ids.iter().enumerate().map(step).collect()
    }

    fn headline(&self, view: &PairingView) -> String {
        headline(self.d.words(), view)
    }

    fn compares(&self, view: &PairingView) -> bool {
        view.standing == "comparing"
    }

    /// Whether it can be given up: index 0 of ours is not written.
    fn can_end(&self, view: &PairingView) -> bool {
        matches!(view.standing.as_str(), "waiting" | "comparing")
    }

    fn groups<'a>(&self, digits: &'a str) -> Vec<&'a str> {
        digits.split_whitespace().collect()
    }

    fn short(&self, line: &str) -> String {
        line.chars().take(8).collect()
    }
}

impl Desk {
    async fn pairing_page(&self, who: &Signed, beside: Beside) -> Result<Response, Told> {
        self.looks_after(who)?;
        let Beside { made, typed, wrong, unfit } = beside;
        let position = self.position(who).await?;
        let pairings = self.api.ceremony.pairings().await?;
        let all = self.all_seen().await?;
        let mut d = Frame::new(self, who, "pairing", position)?;
        let mut four = Four::of_all(d.words(), &all, self.unread().len(), d.mark);
        if let Some(view) = pairings.iter().find(|view| view.standing == "comparing") {
            (four.is_hot, four.needs, four.needs_at) = (true, headline(d.words(), view), "/pairing".into());
        }
        d.four = Some(four);
        let (said, unfit) = unfit.map_or((InviteForm::default(), None), |(said, told)| (said, Some(told)));
        let refused = wrong.as_ref().or(unfit.as_ref());
        if made.is_some() || refused.is_some() {
            d.page = "/pairing".into();
        }
        let status = refused.map_or(StatusCode::OK, Told::status);
        let rules = rules(&said, d.words());
        let agreed = all_agreed(&self.api, None).await?;
        Ok(page(status, &Pairing { d, pairings, made, typed, wrong, rules, unfit, agreed }))
    }
}

/// The rules with what was said of them, or else as the defaults have them.
fn rules(said: &InviteForm, words: &Words) -> Vec<Rule> {
    let defaults = Proposal::default();
    let rule = |term: Term| {
        let default = defaults.said(term);
        let names: Vec<String> = match term.is_by_precedence() {
            true => (0..).map_while(Precedence::from_number).map(|precedence| words.coded(precedence).both()).collect(),
            false => vec![String::new()],
        };
        let typed = said.said(term).map(|said| said.split(',').map(str::to_owned).collect::<Vec<_>>());
        let values = match typed {
            // Times of the day are one field, and who says one span for all has said four.
            Some(typed) if names.len() == 1 => vec![typed.join(",")],
            Some(typed) => typed,
            None => default,
        };
        let value = |at: usize| values.get(at).or(values.first()).cloned().unwrap_or_default();
        let fields = names.into_iter().enumerate().map(|(at, name)| (name, value(at))).collect();
        Rule { name: term.word(), label: words.say(term.label(), &[]), fields }
    };
    Term::ALL.into_iter().map(rule).collect()
}

/// What the fields say: of a rule by precedence all four, or nothing where all are empty.
fn proposed(fields: &Fields) -> InviteForm {
    let mut form = InviteForm::default();
    for term in Term::ALL {
        let said = fields.all(term.word());
        if said.iter().any(|said| !said.trim().is_empty()) {
            *form.place(term) = Some(said.join(","));
        }
    }
    form
}

/// The highest fact of a pairing.
fn headline(words: &Words, view: &PairingView) -> String {
    let name = match view.candidates.as_slice() {
        [one] => one.name.clone(),
        _ => String::new(),
    };
    let named = if name.is_empty() { "no" } else { "yes" };
    let args = [("standing", view.said_standing().into()), ("named", named.into()), ("name", name.into())];
    words.say("pairing-standing", &args)
}

/// `GET /pairing`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed) -> Response {
    match desk.pairing_page(&who, Beside::default()).await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &Kept::default()).await,
    }
}

/// `POST /pairing/invite`: the invitation stands on the answer alone, and is never shown again.
pub(super) async fn invite(State(desk): State<Desk>, posted: Posted) -> Response {
    let done = async {
        desk.looks_after(&posted.who)?;
        let form = proposed(&posted.fields);
        let proposal = match form.proposal() {
            Ok(proposal) => proposal,
            Err(fault) => {
                let unfit = Some((form, desk.api.tell(fault)));
                return desk.pairing_page(&posted.who, Beside { unfit, ..Beside::default() }).await;
            }
        };
        let made = Some(desk.api.ceremony.invite(proposal).await?);
        desk.pairing_page(&posted.who, Beside { made, ..Beside::default() }).await
    };
    match done.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &posted.who, &told, &Kept::default()).await,
    }
}

/// `POST /pairing/join`: takes up an invitation; what cannot be read is kept.
pub(super) async fn join(State(desk): State<Desk>, posted: Posted) -> Response {
    let text = posted.fields.text("invitation").unwrap_or_default();
    let done = async {
        desk.looks_after(&posted.who)?;
        match desk.api.ceremony.join(text.clone()).await {
            Ok(_) => Ok(to_pairing()),
            Err(told) => {
                let beside = Beside { typed: text, wrong: Some(told), ..Beside::default() };
                desk.pairing_page(&posted.who, beside).await
            }
        }
    };
    match done.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &posted.who, &told, &Kept::of(&posted.fields)).await,
    }
}

/// `POST /pairing/{line}`: all sixteen are the same, one or more differ, or the pairing is given up.
pub(super) async fn act(State(desk): State<Desk>, Path(line): Path<String>, mut posted: Posted) -> Response {
    posted.fields.press();
    let text = |name: &str| posted.fields.text(name).unwrap_or_default();
    let done = async {
        desk.looks_after(&posted.who)?;
        let id = unhex(&line).map(LineId);
        let id =
            id.ok_or_else(|| desk.api.tell(Fault::new(Code::PairingUnknown).with("said", &line).with("known", "")))?;
        let ceremony = &desk.api.ceremony;
        match text("act").as_str() {
            // The digits that were on the screen are those that are confirmed, whatever has come since.
            "same" => {
                let digits = Digits::parse(&text("digits")).map_err(|fault| desk.api.tell(fault))?;
                let is_meant = posted.fields.text("alike").is_some();
                ceremony.confirm(Some(id), digits, is_meant).await?;
            }
            "differ" => drop(ceremony.differ(Some(id), posted.fields.text("candidate")).await?),
            "abandon" => drop(ceremony.abandon(Some(id)).await?),
            other => {
                return Err(desk
                    .api
                    .tell(Fault::new(Code::UnknownAct).with("said", other).with("known", ACTS.join(", "))));
            }
        }
        Ok(to_pairing())
    };
    match done.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &posted.who, &told, &Kept::default()).await,
    }
}

fn to_pairing() -> Response {
    Redirect::to("/pairing").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a rule's fields, as the form is drawn.
    fn drawn(said: &InviteForm, term: Term) -> Vec<String> {
        let rule = rules(said, &Words::english()).into_iter().find(|rule| rule.name == term.word()).unwrap();
        rule.fields.into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn whoever_sets_the_watch_alone_leaves_the_pace_empty_and_has_it_as_the_watchs() {
        let watch = ["4h", "30m", "10m", "2m"];
        assert_eq!(drawn(&InviteForm::default(), Term::Watch), ["8h", "1h", "15m", "5m"]);
        assert_eq!(drawn(&InviteForm::default(), Term::Pace), [""; 4]);

        let form = InviteForm { watch: Some(watch.join(",")), ..InviteForm::default() };

        let proposal = form.proposal().unwrap();
        assert_eq!(proposal.pace_s(), proposal.watch_s);
        assert_eq!(
            (drawn(&form, Term::Watch), drawn(&form, Term::Pace)),
            (watch.map(str::to_owned).into(), vec![String::new(); 4])
        );
    }
}
