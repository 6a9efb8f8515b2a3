//! One router for each language: the same addresses, whose sentences differ. Which one answers is chosen before anything else is looked
//! at, so that no handler asks what it speaks.

use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::response::Response;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::words::Language;

/// The routers; clones share them.
#[derive(Clone)]
pub(crate) struct Spoken([TowerToHyperService<Router>; Language::ALL.len()]);

impl Spoken {
    /// A router for each language.
    pub fn new(each: impl Fn(Language) -> Router) -> Spoken {
        Spoken(Language::ALL.map(|language| TowerToHyperService::new(each(language))))
    }

    /// The answer in this language.
    pub async fn answer(&self, language: Language, request: Request) -> Response {
        let Spoken([english, russian]) = self;
        let router = match language {
            Language::English => english,
            Language::Russian => russian,
        };
        let answered: Result<Response, Infallible> = router.call(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

/// The language that a caller prefers of those that ship.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<Language> {
    headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(Language::accepted)
}
