//! Every address of the desk. No GET acts.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};

use super::fields::Fields;
use super::listen::Listener;
use super::session::Signed;
use super::{
    Desk, acts, ask, call, entry, files, guard, guest, lines, live, morning, offer, pairing, record, refused, request,
    ring, round, rounds, session, settings, sheet, sign_in, texts, tokens, translations, unsigned, upkeep, users,
};
use crate::api::Api;
use crate::api::callers;
use crate::api::fault::{Code, Fault};
use crate::api::router::beside;
use crate::api::spoken::Spoken;

/// How long an answer may take; the live stream has no end.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Every address, in the language of who asks.
pub fn router(desk: Desk) -> Router {
    let spoken = Spoken::new(|language| answers(desk.speaking(language), desk.api.speaking(language.words())));
    let front = desk.clone();
    Router::new()
        .fallback(move |request: Request| async move {
            let language = front.language_of(request.uri().path(), request.headers()).await;
            spoken.answer(language, request).await
        })
        .layer(from_fn_with_state(desk, guard::guard))
}

/// Every address, in one language; programs are told what a terminal is.
fn answers(desk: Desk, programs: Api) -> Router {
    let pages = Router::new()
        .route("/", get(|| async { Redirect::to("/lines") }))
        .route("/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route("/link/{token}", get(sign_in::link).post(sign_in::redeem))
        .route("/let-in/{token}", get(guest::link).post(guest::take))
        .route("/place", get(guest::show).post(guest::act))
        .route("/place/offer", post(guest::offer))
        .route("/lines", get(lines::show))
        .route("/morning", get(morning::show))
        .route("/asks/new", get(ask::show))
        .route("/asks", get(ask::show).post(ask::ask))
        .route("/rounds", get(rounds::list).post(rounds::ask))
        .route("/rounds/new", get(rounds::show))
        .route("/rounds/{round}", get(round::show))
        .route("/lines/{line}/acts", post(acts::act))
        .route("/lines/{line}/requests/{request}", get(request::show))
        .route("/lines/{line}/requests/{request}/offer", get(offer::show).post(offer::offer))
        .route("/lines/{line}/requests/{request}/talk", get(request::show).post(offer::talk))
        .route("/lines/{line}/requests/{request}/sheet", get(sheet::show).post(sheet::write_sheet))
        .route("/lines/{line}/calls/{request}", get(call::show).post(call::act))
        .route("/lines/{line}/calls/{request}/offer", post(call::offer))
        .route("/lines/{line}/texts", get(texts::show).post(texts::text_act))
        .route("/lines/{line}/texts/translation", post(translations::attach))
        .route("/lines/{line}/ring/{entry}", get(ring::show))
        .route("/lines/{line}/ring/{entry}/decline", get(ring::decline))
        .route("/lines/{line}/ring/{entry}/decline-offer", get(ring::decline_offer))
        .route("/unsigned/{number}", post(unsigned::undo))
        .route("/rang", post(ring::rang))
        .route("/bell", post(ring::bell))
        .route("/lines/{line}/record", get(record::show))
        .route("/lines/{line}/entries/{entry}", get(entry::show))
        .route("/lines/{line}/entries/{entry}/bytes", get(entry::bytes))
        .route("/users", get(users::show).post(users::act))
        .route("/tokens", get(tokens::show).post(tokens::act))
        .route("/settings", get(settings::show))
        .route("/settings/language", post(settings::set))
        .route("/settings/changed", get(upkeep::changed))
        .route("/settings/banner", post(upkeep::banner))
        .route("/settings/password", post(upkeep::password))
        .route("/pairing", get(pairing::show))
        .route("/pairing/invite", post(pairing::invite))
        .route("/pairing/join", post(pairing::join))
        .route("/pairing/{line}", post(pairing::act))
        .route("/static/{version}/{name}", get(files::file))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(desk.clone(), in_time));
    let live = Router::new().route("/live", get(live::live)).route("/place/live", get(guest::live));
    pages.merge(live).merge(beside(programs)).with_state(desk)
}

/// Serves the desk until `until`, then lets callers end. The live streams end when the API closes.
pub async fn serve(desk: Desk, listener: Listener, until: impl Future<Output = ()> + Send + 'static) {
    let places = tokio::spawn(desk.clone().look_after_places());
    callers::serve("desk", router(desk), listener, until, || ()).await;
    places.abort();
}

/// From where a connection comes.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub SocketAddr);

/// Answers in time. Of a form that took too long it is not known what became of it: it says so, and gives back what was typed.
async fn in_time(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let (path, headers) = (parts.uri.path().to_owned(), parts.headers.clone());
    let is_asking = parts.uri.query().is_some();
    let is_form = parts.method == Method::POST;
    let late = |code| desk.api.tell(Fault::new(code).with("seconds", ANSWER_MAX.as_secs()));
    let body = if is_form { body } else { Body::empty() };
    // A form that does not come to its end has done nothing.
    let read = tokio::time::timeout(ANSWER_MAX, session::read_bytes(&desk, body)).await;
    let bytes = match read.unwrap_or_else(|_| Err(late(Code::TimedOut))) {
        Ok(bytes) => bytes,
        Err(told) => return refused::plain(&desk, &told, &refused::Kept::default()),
    };
    let request = Request::from_parts(parts, Body::from(bytes.clone()));
    match tokio::time::timeout(ANSWER_MAX, next.run(request)).await {
        Ok(response) if is_bare(&response) => {
            // The page is there, and what was asked of it cannot be read; a path that cannot be read is no page's.
            let is_read = !path.contains('%') && is_asking && response.status() == StatusCode::BAD_REQUEST;
            let code = if is_read { Code::AddressUnreadable } else { Code::NothingHere };
            let told = desk.api.tell(Fault::new(code).with("path", path));
            match desk.signed(&headers).await {
                Ok(Some(who)) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
                _ => refused::plain(&desk, &told, &refused::Kept::default()),
            }
        }
        Ok(response) => response,
        Err(_) => {
            let code = if is_form { Code::FormTimedOut } else { Code::TimedOut };
            let told = late(code);
            let kept = Fields::read(&bytes).map(|fields| refused::Kept::at(&fields, path));
            refused::plain(&desk, &told, &kept.unwrap_or_default())
        }
    }
}

/// What the router itself says to an address that cannot be read: text, and no page.
fn is_bare(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    response.status().is_client_error() && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

/// No page is read by this method: an address that takes a form was opened, or the reverse.
async fn wrong_method(State(desk): State<Desk>, who: Signed, method: Method, uri: Uri) -> Response {
    let told = desk.api.tell(Fault::new(Code::PageMethod).with("path", uri.path()).with("method", method));
    refused::shown(&desk, &who, &told, &refused::Kept::default()).await
}

async fn nothing_here(State(desk): State<Desk>, who: Signed, uri: Uri) -> Response {
    let told = desk.api.tell(Fault::new(Code::NothingHere).with("path", uri.path()));
    refused::shown(&desk, &who, &told, &refused::Kept::default()).await
}
