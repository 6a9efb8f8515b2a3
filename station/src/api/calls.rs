//! THE list of all calls: each with who may, what it takes and what it gives.

use std::collections::BTreeMap;

use super::banner::BannerForm;
use super::bell::{NotedForm, NotedView, RangForm, RangView};
use super::call::Call;
use super::ceremony::{AbandonForm, ConfirmForm, InviteForm, InvitedView, JoinForm, PairingView};
use super::conduct::{ConductForm, ConductView};
use super::doctor::Report;
use super::document;
use super::door::Needs::{Acts, LooksAfter, Owner, Reads};
use super::drawn::{KeysForm, KeysView};
use super::events::EventsQuery;
use super::export::ExportQuery;
use super::form::ActForm;
use super::morning::MorningView;
use super::people::{ChangeForm, LinkView, NameForm, UserForm, UserView};
use super::restore::{EpochForm, JudgeForm, JudgedView, OpenedView, RestoreQuery, UnsignedView};
use super::returned::PeopleView;
use super::rounds::{RoundForm, RoundRow, RoundView};
use super::router::{DoneView, HealthView};
use super::search::{FindQuery, FoundView};
use super::sessions::{SessionEnded, SessionForm, SessionView};
use super::talks::{AnswerView, LetInForm, OfferForm, PlaceView, TalkForm, TalkQuery, TalkingView};
use super::tokens::{TokenForm, TokenMade, TokenView};
use super::views::{
    FiguresQuery, LineQuery, LineRow, RecordPage, RecordQuery, RequestsQuery, RequestsView, TermsQuery, UnreadView,
};
use super::{
    banner, bell, calendar, conduct, drawn, events, export, many, metrics, morning, people, restore, returned, rounds,
    router, search, sessions, talks, tokens, views,
};
use crate::view::figures::FiguresView;
use crate::view::request::RequestView;
use crate::view::restore::RestoreView;
use crate::view::terms::AgreedView;

/// The media type of a stream with one JSON object in each line.
pub(super) const LINES: &str = "application/x-ndjson";

/// Every call.
pub(super) fn calls() -> Vec<Call> {
    [acts(), views(), talks(), pairings(), people(), owner()].into_iter().flatten().collect()
}

fn acts() -> Vec<Call> {
    vec![
        Call::post(Acts, "/acts", "call-act", router::act).takes::<ActForm>().gives::<DoneView>(),
        Call::post(Acts, "/acts/stream", "call-acts", many::open).takes_lines::<ActForm>().tells(LINES),
        Call::post(Acts, "/rounds", "call-round-begin", rounds::begin).takes::<RoundForm>().gives::<RoundView>(),
        Call::post(Acts, "/noted", "call-noted", bell::noted).takes::<NotedForm>().gives::<NotedView>(),
        Call::post(Acts, "/conduct/noted", "call-conduct-noted", conduct::noted)
            .takes::<ConductForm>()
            .gives::<ConductView>(),
    ]
}

fn views() -> Vec<Call> {
    vec![
        Call::open("/openapi.json", "call-document", document::document).gives::<BTreeMap<String, serde_json::Value>>(),
        Call::get(Reads, "/health", "call-health", router::health).gives::<HealthView>(),
        Call::get(Reads, "/lines", "call-lines", views::lines).gives::<Vec<LineRow>>(),
        Call::get(Reads, "/lines/terms", "call-terms", views::terms).asks::<TermsQuery>().gives::<Vec<AgreedView>>(),
        Call::get(Reads, "/lines/unread", "call-lines-unread", views::unread).gives::<Vec<UnreadView>>(),
        Call::get(Reads, "/requests", "call-requests", views::list)
            .asks::<RequestsQuery>()
            .gives::<Vec<RequestsView>>(),
        Call::get(Reads, "/requests/{name}", "call-request", views::one).asks::<LineQuery>().gives::<RequestView>(),
        Call::get(Reads, "/rounds", "call-rounds", rounds::list).gives::<Vec<RoundRow>>(),
        Call::get(Reads, "/rounds/{number}", "call-round", rounds::one).gives::<RoundView>(),
        Call::get(Reads, "/record", "call-record", views::read).asks::<RecordQuery>().gives::<RecordPage>(),
        Call::get(Reads, "/record/find", "call-record-find", search::read).asks::<FindQuery>().gives::<FoundView>(),
        Call::get(Reads, "/record/entries", "call-record-entries", export::export).asks::<ExportQuery>().tells(LINES),
        Call::get(Reads, "/figures", "call-figures", views::count)
            .asks::<FiguresQuery>()
            .gives::<BTreeMap<String, FiguresView>>(),
        Call::get(Reads, "/morning", "call-morning", morning::show).gives::<Vec<MorningView>>(),
        Call::get(Reads, "/events", "call-events", events::open).asks::<EventsQuery>().tells("text/event-stream"),
        Call::get(Reads, "/calendar.ics", "call-calendar", calendar::calendar).tells("text/calendar"),
        Call::open("/calendar/{secret}", "call-calendar-feed", calendar::feed).tells("text/calendar"),
        Call::get(Reads, "/metrics", "call-metrics", metrics::metrics).tells("text/plain"),
        Call::get(Reads, "/restore", "call-restore", restore::look).asks::<RestoreQuery>().gives::<Vec<RestoreView>>(),
        Call::get(Reads, "/banner", "call-banner", banner::show).gives::<BannerForm>(),
        Call::get(LooksAfter, "/doctor", "call-doctor", router::doctor).gives::<Report>().slow(),
    ]
}

fn talks() -> Vec<Call> {
    vec![
        Call::get(Reads, "/talks", "call-talk", talks::show).asks::<TalkQuery>().gives::<TalkingView>(),
        Call::post(Acts, "/talks/let-in", "call-talk-let-in", talks::let_in).takes::<LetInForm>().gives::<PlaceView>(),
        Call::post(Acts, "/talks/offer", "call-talk-offer", talks::offer).takes::<OfferForm>().gives::<AnswerView>(),
        Call::post(Acts, "/talks/act", "call-talk-act", talks::act).takes::<TalkForm>().gives::<TalkingView>(),
    ]
}

fn pairings() -> Vec<Call> {
    vec![
        Call::get(LooksAfter, "/pairings", "call-pairings", router::pairings).gives::<Vec<PairingView>>(),
        Call::post(LooksAfter, "/pairings/invite", "call-invite", router::invite)
            .takes::<InviteForm>()
            .gives::<InvitedView>(),
        Call::post(LooksAfter, "/pairings/join", "call-join", router::join).takes::<JoinForm>().gives::<PairingView>(),
        Call::post(LooksAfter, "/pairings/confirm", "call-confirm", router::confirm)
            .takes::<ConfirmForm>()
            .gives::<PairingView>(),
        Call::post(LooksAfter, "/pairings/abandon", "call-abandon", router::abandon)
            .takes::<AbandonForm>()
            .gives::<PairingView>(),
    ]
}

fn people() -> Vec<Call> {
    vec![
        Call::get(LooksAfter, "/users", "call-users", people::list).gives::<Vec<UserView>>(),
        Call::post(LooksAfter, "/users", "call-user-add", people::add).takes::<UserForm>().gives::<UserView>(),
        Call::post(LooksAfter, "/users/change", "call-user-change", people::change)
            .takes::<ChangeForm>()
            .gives::<NameForm>(),
        Call::post(LooksAfter, "/users/end", "call-user-end", people::end).takes::<NameForm>().gives::<NameForm>(),
        Call::post(LooksAfter, "/users/sign-out", "call-user-sign-out", people::sign_out)
            .takes::<NameForm>()
            .gives::<NameForm>(),
        Call::post(LooksAfter, "/banner", "call-banner-set", banner::set).takes::<BannerForm>().gives::<BannerForm>(),
        Call::get(LooksAfter, "/sessions", "call-sessions", sessions::list).gives::<Vec<SessionView>>(),
        Call::post(LooksAfter, "/sessions/end", "call-session-end", sessions::end)
            .takes::<SessionForm>()
            .gives::<SessionEnded>(),
        // Whoever has a link acts as its user: a program is nobody's officer.
        Call::post(Owner, "/users/link", "call-user-link", people::link).takes::<NameForm>().gives::<LinkView>(),
    ]
}

/// What is done on the station's own machine alone.
fn owner() -> Vec<Call> {
    vec![
        Call::get(Owner, "/tokens", "call-tokens", tokens::list).gives::<Vec<TokenView>>(),
        Call::post(Owner, "/tokens", "call-token-add", tokens::add).takes::<TokenForm>().gives::<TokenMade>(),
        Call::post(Owner, "/tokens/revoke", "call-token-revoke", tokens::revoke)
            .takes::<NameForm>()
            .gives::<NameForm>(),
        Call::get(Owner, "/bell", "call-bell", bell::open).tells(LINES),
        Call::post(Owner, "/bell/{session}/rang", "call-rang", bell::rang).takes::<RangForm>().gives::<RangView>(),
        Call::get(Owner, "/restore/people", "call-restore-people", returned::look).gives::<PeopleView>(),
        Call::post(Owner, "/restore/people", "call-restore-people-confirm", returned::confirm).gives::<PeopleView>(),
        Call::post(Owner, "/restore/keys", "call-restore-keys", drawn::draw)
            .takes::<KeysForm>()
            .gives::<KeysView>()
            .slow(),
        Call::post(Owner, "/restore/judge", "call-restore-judge", restore::judge)
            .takes::<JudgeForm>()
            .gives::<JudgedView>(),
        Call::post(Owner, "/restore/draft", "call-restore-draft", restore::draft)
            .takes::<EpochForm>()
            .gives::<UnsignedView>(),
        Call::post(Owner, "/restore/open", "call-restore-open", restore::open)
            .takes::<EpochForm>()
            .gives::<OpenedView>(),
    ]
}
