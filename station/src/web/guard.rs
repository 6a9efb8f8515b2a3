//! What holds for every answer: for whom it is, and what a browser may do with it.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Desk;
use super::router::Peer;
use crate::api::door;
use crate::api::fault::{Code, Fault};

/// No script and no style but our own files, no frame, nothing from elsewhere and nothing to it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every answer.
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];
/// A year, for a desk that browsers reach over HTTPS alone.
const STRICT_TRANSPORT: &str = "max-age=31536000";

/// Below this address programs are answered, in the shape of their errors.
const PROGRAMS: &str = "/api/";

pub(super) async fn guard(State(desk): State<Desk>, mut request: Request, next: Next) -> Response {
    let site = &desk.inner.site;
    let from = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(Peer(from))| *from);
    let is_program = request.uri().path().starts_with(PROGRAMS);
    let refused = |code| {
        let told = desk.api.tell(Fault::new(code));
        // Said without a word of whose station this is: whoever was led here from elsewhere could read it.
        if is_program {
            told.into_response()
        } else {
            (told.status(), format!("{} {}", told.what, told.instead)).into_response()
        }
    };
    let headers = request.headers();
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if !from.is_some_and(|from| site.answers(from)) || !(is_reading || site.is_own(headers)) {
        refused(Code::Elsewhere)
    } else if !site.is_asked_for(headers) {
        refused(Code::HostOther)
    } else {
        if let Some(address) = from.map(|from| site.caller(from, headers)) {
            request.extensions_mut().insert(door::From(address));
        }
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if site.is_secure {
        let strict = HeaderName::from_static("strict-transport-security");
        headers.insert(strict, HeaderValue::from_static(STRICT_TRANSPORT));
    }
    // What a page shows is of its moment; only the files of the program itself say otherwise.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
