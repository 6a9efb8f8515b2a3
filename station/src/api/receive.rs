//! What callers send, read strictly: a body of at most 128 KiB that is the form and nothing more, a query without unknown names.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;

use super::Api;
use super::fault::{Code, Fault, Told};
use super::form::object;

/// A body, in bytes: an act with the longest text fits.
pub const BODY_MAX: usize = 128 * 1024;

/// A body as it came.
pub struct Sent(pub Bytes);

impl FromRequest<Api> for Sent {
    type Rejection = Told;

    async fn from_request(request: Request, api: &Api) -> Result<Sent, Told> {
        let bytes = Bytes::from_request(request, api).await;
        bytes.map(Sent).map_err(|rejection: BytesRejection| {
            let cause = rejection.to_string();
            match rejection.into_response().status() {
                StatusCode::PAYLOAD_TOO_LARGE => api.tell(Fault::new(Code::TooLarge).with("max", BODY_MAX)),
                _ => api.tell(Fault::new(Code::NotJson).with("cause", cause)),
            }
        })
    }
}

/// A form sent as JSON.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Form<T> {
    type Rejection = Told;

    async fn from_request(request: Request, api: &Api) -> Result<Form<T>, Told> {
        let Sent(bytes) = Sent::from_request(request, api).await?;
        object(&bytes).map(Form).map_err(|fault| api.tell(fault))
    }
}

/// What a part of the address names.
pub struct Name(pub String);

impl FromRequestParts<Api> for Name {
    type Rejection = Told;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Name, Told> {
        let read = Path::<String>::from_request_parts(parts, api).await;
        // What is no UTF-8 names nothing.
        let nothing = |_| api.tell(Fault::new(Code::NoSuchRoute).with("path", parts.uri.path()));
        read.map(|Path(name)| Name(name)).map_err(nothing)
    }
}

/// A query.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Asked<T> {
    type Rejection = Told;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Asked<T>, Told> {
        let read = Query::<T>::try_from_uri(&parts.uri);
        read.map(|Query(t)| Asked(t)).map_err(|cause| {
            let cause = cause.to_string();
            // Which name, and what is wrong with it, stands behind what every such sentence begins with.
            let cause = cause.split_once(": ").map_or(cause.as_str(), |(_, rest)| rest);
            api.tell(Fault::new(Code::QueryUnreadable).with("cause", cause))
        })
    }
}
