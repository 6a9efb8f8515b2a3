//! One call of the API. Router and document are made of the same list of these ([`super::calls`]), so that neither says what the
//! other does not.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::Api;
use super::door::{Needs, admit};
use super::fault::{Code, Fault, Told};
use super::receive::BODY_MAX;

/// How long a call may take. What streams does so for as long as it is read.
const CALL_MAX: Duration = Duration::from_secs(30);
/// The same for one that reads or copies the whole record.
const SLOW_MAX: Duration = Duration::from_secs(600);

/// The form of what is sent or answered.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

fn shape<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

/// What is answered.
pub(super) enum Gives {
    /// JSON of this form.
    View(Shape),
    /// Text of a media type; what follows the record comes in parts, as long as it is read.
    Text(&'static str),
}

/// A call.
pub(super) struct Call {
    /// "get" or "post".
    pub method: &'static str,
    /// Below `/api/v1`.
    pub path: &'static str,
    /// The sentence that says what it does; without its "call-" the name of the call.
    pub says: &'static str,
    /// Who may; `None`: anybody who reaches the station.
    pub needs: Option<Needs>,
    /// What stands in its address.
    pub asks: Option<Shape>,
    /// What is sent along.
    pub takes: Option<Shape>,
    /// What is sent along, if it is no JSON object.
    pub takes_lines: bool,
    /// What is answered.
    pub gives: Gives,
    max: Duration,
    on: MethodRouter<Api>,
}

impl Call {
    fn new(
        method: &'static str,
        path: &'static str,
        says: &'static str,
        needs: Option<Needs>,
        on: MethodRouter<Api>,
    ) -> Call {
        let gives = Gives::View(shape::<()>);
        Call { method, path, says, needs, asks: None, takes: None, takes_lines: false, gives, max: CALL_MAX, on }
    }

    /// One that reads.
    pub fn get<H: Handler<T, Api>, T: 'static>(needs: Needs, path: &'static str, says: &'static str, on: H) -> Call {
        Call::new("get", path, says, Some(needs), get(on))
    }

    /// One that reads what is no secret.
    pub fn open<H: Handler<T, Api>, T: 'static>(path: &'static str, says: &'static str, on: H) -> Call {
        Call::new("get", path, says, None, get(on))
    }

    /// One that does something.
    pub fn post<H: Handler<T, Api>, T: 'static>(needs: Needs, path: &'static str, says: &'static str, on: H) -> Call {
        Call::new("post", path, says, Some(needs), post(on))
    }

    /// With this in its address.
    pub fn asks<T: JsonSchema>(mut self) -> Call {
        self.asks = Some(shape::<T>);
        self
    }

    /// With this sent along.
    pub fn takes<T: JsonSchema>(mut self) -> Call {
        self.takes = Some(shape::<T>);
        self
    }

    /// With one of these sent along in each line.
    pub fn takes_lines<T: JsonSchema>(mut self) -> Call {
        self.takes_lines = true;
        self.takes::<T>()
    }

    /// With this as its answer.
    pub fn gives<T: JsonSchema>(mut self) -> Call {
        self.gives = Gives::View(shape::<T>);
        self
    }

    /// With text of this media type as its answer.
    pub fn tells(mut self, media: &'static str) -> Call {
        self.gives = Gives::Text(media);
        self
    }

    /// One that reads or copies the whole record.
    pub fn slow(mut self) -> Call {
        self.max = SLOW_MAX;
        self
    }

    /// The name of the call.
    pub fn name(&self) -> &'static str {
        self.says.strip_prefix("call-").unwrap_or(self.says)
    }
}

/// Every call, behind its door and within its time; below `/api/v1`.
pub(super) fn router(api: &Api, calls: Vec<Call>) -> Router<Api> {
    let mut routes: BTreeMap<&'static str, MethodRouter<Api>> = BTreeMap::new();
    for call in calls {
        let on = call.on.layer(from_fn_with_state((api.clone(), call.max), in_time));
        let on = match call.needs {
            Some(needs) => on.layer(from_fn_with_state((api.clone(), needs), admit)),
            None => on,
        };
        let others = routes.remove(call.path).unwrap_or_default();
        routes.insert(call.path, others.merge(on));
    }
    let routed = routes.into_iter().fold(Router::new(), |router, (path, on)| router.route(path, on));
    routed.fallback(no_such_route).method_not_allowed_fallback(wrong_method).layer(DefaultBodyLimit::max(BODY_MAX))
}

async fn in_time(State((api, max)): State<(Api, Duration)>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(max, next.run(request)).await {
        Ok(response) => response,
        Err(_) => api.tell(Fault::new(Code::TimedOut).with("seconds", max.as_secs())).into_response(),
    }
}

pub(super) async fn no_such_route(State(api): State<Api>, request: Request) -> Told {
    api.tell(Fault::new(Code::NoSuchRoute).with("path", request.uri().path()))
}

async fn wrong_method(State(api): State<Api>, request: Request) -> Told {
    api.tell(Fault::new(Code::WrongMethod).with("path", request.uri().path()).with("method", request.method()))
}
