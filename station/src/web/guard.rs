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
/// The same on the page of a call, where this page may ask for a microphone: no other may, and nothing in it from elsewhere.
const WITH_MICROPHONE: &str = "camera=(), geolocation=(), microphone=(self), payment=(), usb=()";
/// A year, for a desk that browsers reach over HTTPS alone.
const STRICT_TRANSPORT: &str = "max-age=31536000";

/// Below this address programs are answered, in the shape of their errors.
const PROGRAMS: &str = "/api/";
/// A place in a call.
const PLACE: &str = "/place";

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
    let is_call = is_call(request.uri().path());
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
    if is_call {
        headers.insert(HeaderName::from_static("permissions-policy"), HeaderValue::from_static(WITH_MICROPHONE));
    }
    if site.is_secure {
        let strict = HeaderName::from_static("strict-transport-security");
        headers.insert(strict, HeaderValue::from_static(STRICT_TRANSPORT));
    }
    // What a page shows is of its moment; only the files of the program itself say otherwise.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The page of a call, and that of a place in one.
fn is_call(path: &str) -> bool {
    if path == PLACE {
        return true;
    }
    let mut parts = path.split('/').skip(1);
    let [lines, line, calls, request, more] = [(); 5].map(|()| parts.next());
    (lines, calls, more) == (Some("lines"), Some("calls"), None) && line.is_some() && request.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_microphone_may_be_asked_for_on_the_page_of_a_call_alone() {
        assert!(is_call("/lines/0123/calls/0:4") && is_call("/place"));
        for other in [
            "/place/offer",
            "/let-in/0",
            "/lines",
            "/lines/0123/requests/0:4",
            "/lines/0123/calls",
            "/lines/0123/calls/0:4/offer",
            "/calls/a/b/c",
        ] {
            assert!(!is_call(other), "{other}");
        }
    }
}
