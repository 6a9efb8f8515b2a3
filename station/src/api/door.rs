//! Who calls, and what they may do. On the command socket its caller owns the station. Over TCP a program carries a token, in the
//! header `Authorization: Bearer` alone: an address is written into logs and histories.

use std::net::IpAddr;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use counterpart_core::time::Timestamp;

use super::Api;
use super::fault::{Code, Fault, Told};
use super::places::Place;
use super::socket::Caller;
use super::throttle::Spent;
use super::times;
use crate::people::{CALENDAR, Role, Token};
use crate::store::TokenHash;

/// Digits of a wrong token by which tries with it are told from tries with others of the same address.
const TOLD_APART: usize = 8;

/// From where a program calls over TCP, as the door has seen it.
#[derive(Clone, Copy, Debug)]
pub struct From(pub IpAddr);

/// What a call needs its caller to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Any role: it reads.
    Reads,
    /// It does an act on a line.
    Acts,
    /// It looks after users and pairings, and makes nobody's session.
    LooksAfter,
    /// It is done on the station's own machine: it makes tokens or links, handles keys, or says that a device rings.
    Owner,
}

impl Needs {
    /// The roles whose tokens may.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Needs::Reads => &Role::ALL,
            Needs::Acts => &[Role::Watch, Role::Admin],
            Needs::LooksAfter => &[Role::Admin],
            Needs::Owner => &[],
        }
    }

    /// Why this caller may not; who may.
    fn refusal(self, who: &Who) -> Option<Fault> {
        let role = who.program.as_ref().map(|program| program.role)?;
        let roles = self.roles();
        let may = || roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(", ");
        match self {
            _ if roles.contains(&role) => None,
            Needs::Owner => Some(Fault::new(Code::OwnerAlone)),
            Needs::Acts => Some(Fault::new(Code::RoleReads).with("role", role.word()).with("may", may())),
            Needs::Reads | Needs::LooksAfter => {
                Some(Fault::new(Code::RoleNot).with("role", role.word()).with("may", may()))
            }
        }
    }
}

/// A program with a token.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Program {
    role: Role,
    /// What is kept of its token.
    token: TokenHash,
}

/// Who calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Who {
    /// As acts are kept: "uid 1000", "token Dispatch".
    pub name: String,
    /// `None`: the owner of the station, on its socket.
    program: Option<Program>,
}

impl Who {
    /// What is kept of its token; the owner has none.
    pub fn token(&self) -> Option<TokenHash> {
        self.program.as_ref().map(|program| program.token)
    }

    /// Whether it is the owner of the station.
    pub fn is_owner(&self) -> bool {
        self.program.is_none()
    }
}

impl FromRequestParts<Api> for Who {
    type Rejection = Told;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Who, Told> {
        // Every address that needs to know has been through `admit`.
        parts.extensions.get::<Who>().cloned().ok_or_else(|| api.tell(Fault::new(Code::TokenMissing)))
    }
}

/// Lets in who may do what the address does; nothing of what they sent is read before.
pub(super) async fn admit(State((api, needs)): State<(Api, Needs)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let refused = match api.who(&parts).await {
        Ok(who) => match needs.refusal(&who) {
            None => {
                if let Some(place) = parts.extensions.get::<Place>().filter(|_| !who.is_owner()) {
                    place.is_known();
                }
                parts.extensions.insert(who);
                return next.run(Request::from_parts(parts, body)).await;
            }
            Some(fault) => api.tell(fault),
        },
        Err(told) => told,
    };
    let mut response = refused.into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// What the header carries.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl Api {
    async fn who(&self, parts: &Parts) -> Result<Who, Told> {
        if let Some(ConnectInfo(caller)) = parts.extensions.get::<ConnectInfo<Caller>>() {
            let name = caller.0.map_or_else(|| "socket".into(), |uid| format!("uid {uid}"));
            return Ok(Who { name, program: None });
        }
        let missing = || self.tell(Fault::new(Code::TokenMissing));
        let From(from) = *parts.extensions.get::<From>().ok_or_else(missing)?;
        let said = bearer(&parts.headers).ok_or_else(missing)?;
        // A token that serves is not guessed, and is not kept waiting by those who guess beside it.
        if let Some(token) = Token::parse(said)
            && let Some(who) = self.program(token.hash()).await?
        {
            return Ok(who);
        }
        Err(self.wrong(said, from))
    }

    /// What is told of a secret that opens nothing, of which so many are looked at.
    fn wrong(&self, said: &str, from: IpAddr) -> Told {
        let key = said.get(..TOLD_APART).unwrap_or_default();
        let now = self.parts.clock.moment().ms_since(self.parts.begun);
        let spent = |spent: Spent| Fault::new(Code::TokenTriesSpent).with("seconds", spent.wait_ms.div_ceil(1_000));
        let admitted = self.tries.admit(key, from, now);
        self.tell(admitted.map_or_else(spent, |()| Fault::new(Code::TokenUnknown)))
    }

    /// Whether this opens the calendar, and nothing else: an address carries it, and addresses are written down.
    ///
    /// # Errors
    /// It does not; or so many wrong ones came that this one waits.
    pub(super) async fn opens_calendar(&self, said: &str, from: IpAddr) -> Result<(), Told> {
        if let Some(token) = Token::parse(said) {
            let (reader, hash) = (self.parts.reader.clone(), token.hash());
            let found = tokio::task::spawn_blocking(move || reader.token(&hash)).await.map_err(|e| self.machine(e))?;
            let now = self.now_of_people();
            let kept = found.map_err(|e| self.failed(&e))?;
            if kept.is_some_and(|kept| kept.role == CALENDAR && !kept.has_ended(now.0)) {
                return self.people_serve().await;
            }
        }
        Err(self.wrong(said, from))
    }

    /// The program of a token that serves. One whose time is over is told so: only who has it can know of it.
    async fn program(&self, token: TokenHash) -> Result<Option<Who>, Told> {
        let reader = self.parts.reader.clone();
        let found = tokio::task::spawn_blocking(move || reader.token(&token)).await.map_err(|e| self.machine(e))?;
        let found = found.map_err(|e| self.failed(&e))?;
        let now = self.now_of_people();
        if let Some(until) = found.as_ref().filter(|kept| kept.has_ended(now.0)).and_then(|kept| kept.until) {
            let until = times::write(Timestamp(until.min(Timestamp::MAX.0)));
            return Err(self.tell(Fault::new(Code::TokenEnded).with("time", until)));
        }
        if found.is_some() {
            self.people_serve().await?;
        }
        Ok(found.and_then(|kept| {
            let role = Role::parse(&kept.role)?;
            Some(Who { name: format!("token {}", kept.name), program: Some(Program { role, token }) })
        }))
    }

    /// Refuses while those who may sign in and call wait for a person's word: they came back with a backup.
    ///
    /// # Errors
    /// [`Code::PeopleWait`].
    pub(crate) async fn people_serve(&self) -> Result<(), Told> {
        let reader = self.parts.reader.clone();
        let wait = tokio::task::spawn_blocking(move || reader.people_wait()).await.map_err(|e| self.machine(e))?;
        match wait.map_err(|e| self.failed(&e))? {
            true => Err(self.tell(Fault::new(Code::PeopleWait))),
            false => Ok(()),
        }
    }

    /// Whether who has begun a stream may still go on with it: a token may have ended or been revoked meanwhile.
    pub(super) async fn is_still(&self, who: &Who) -> bool {
        match &who.program {
            None => true,
            Some(program) => self.program(program.token).await.is_ok_and(|now| now.as_ref() == Some(who)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(role: Role) -> Who {
        Who { name: "token x".into(), program: Some(Program { role, token: [7; 32] }) }
    }

    #[test]
    fn an_auditor_reads_a_watch_acts_an_admin_looks_after_and_no_token_is_an_owner() {
        let refused = |needs: Needs| Role::ALL.map(|role| needs.refusal(&with(role)).map(|fault| fault.code()));

        assert_eq!(refused(Needs::Reads), [None, None, None]);
        assert_eq!(refused(Needs::Acts), [None, None, Some(Code::RoleReads)]);
        assert_eq!(refused(Needs::LooksAfter), [Some(Code::RoleNot), None, Some(Code::RoleNot)]);
        assert_eq!(refused(Needs::Owner), [Some(Code::OwnerAlone); 3]);
        assert_eq!(Needs::Owner.refusal(&Who { name: "uid 0".into(), program: None }), None);
    }

    #[test]
    fn a_token_is_read_from_its_header_alone() {
        let said = |value: &'static str| {
            let headers = [(AUTHORIZATION, HeaderValue::from_static(value))].into_iter().collect::<HeaderMap>();
            bearer(&headers).map(str::to_owned)
        };

        assert_eq!(said("Bearer 00ff").as_deref(), Some("00ff"));
        assert_eq!(said("bearer 00ff").as_deref(), Some("00ff"));
        assert_eq!((said("Basic 00ff"), said("Bearer"), bearer(&HeaderMap::new())), (None, None, None));
    }
}
