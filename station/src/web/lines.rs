//! All lines, and first what needs this desk.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use counterpart_core::precedence::Mark;

use super::frame::{Four, Frame, mark_class, state_class, word};
use super::seen::Seen;
use super::session::Signed;
use super::{Desk, page, refused};
use crate::api::fault::Told;
use crate::api::views::{UnreadView, all_agreed};
use crate::view::lines::ObservedState;
use crate::view::terms::AgreedView;

#[derive(Template)]
#[template(path = "lines.html")]
struct Lines {
    d: Frame,
    /// Every line.
    all: Vec<Seen>,
    /// Those that cannot be read.
    unread: Vec<UnreadView>,
    /// Matters that need this desk, and lines that do.
    needing: usize,
    /// Matters that stand with the other side.
    standing: usize,
    /// What was agreed on each line.
    agreed: Vec<AgreedView>,
}

impl Lines {
    fn state_class(&self, seen: &Seen) -> &'static str {
        state_class(seen.row.view.observed.state)
    }

    fn state(&self, seen: &Seen) -> String {
        word(self.d.words(), seen.row.view.observed.state)
    }

    fn declared(&self, seen: &Seen) -> String {
        self.d.words().state(seen.row.view.theirs.declared.0).to_uppercase()
    }

    fn mark_class(&self, mark: &Mark) -> &'static str {
        mark_class(*mark)
    }

    /// Lines on which texts wait to be read that do not ring.
    fn quiet(&self) -> impl Iterator<Item = &Seen> {
        self.all.iter().filter(|seen| !seen.quiet.is_empty())
    }

    /// Lines whose other end is away though it does not declare so.
    fn away(&self) -> impl Iterator<Item = &Seen> {
        self.all.iter().filter(|seen| seen.is_away())
    }

    /// What was found on it stands below it: of a line that is away it stands in the list.
    fn is_explained(&self, seen: &Seen) -> bool {
        !seen.row.view.observed.evidence.is_empty() && !seen.is_away()
    }

    /// What such a line is called.
    fn away_title(&self, seen: &Seen) -> String {
        let is_silent = seen.row.view.observed.state == ObservedState::Silent;
        let id = if is_silent { "lines-away-silent" } else { "lines-away-down" };
        self.d.with(id, "peer", &seen.row.view.theirs.call_sign)
    }

    /// That not every line is open; empty if each is.
    fn not_open(&self) -> String {
        let not: Vec<&Seen> =
            self.all.iter().filter(|seen| seen.row.view.observed.state != ObservedState::Open).collect();
        let Some(first) = not.first() else { return String::new() };
        let (peer, state) = (&first.row.view.theirs.call_sign, self.state(first));
        let args = [("count", not.len().into()), ("peer", peer.into()), ("state", state.into())];
        self.d.words().say("lines-not-open", &args)
    }

    /// What needs us first, or else what stands with the other side.
    fn matters(&self, needs_us: bool) -> Vec<&super::seen::Matter> {
        let all = self.all.iter().flat_map(|seen| &seen.matters);
        let mut matters: Vec<_> = all.filter(|matter| matter.view.needs_us() == needs_us).collect();
        matters.sort_by_key(|matter| matter.order());
        matters
    }

    /// Something of what is asked of this desk stands in its list.
    fn is_asked(&self) -> bool {
        let asks = |seen: &Seen| {
            seen.halted().is_some() || seen.is_away() || seen.matters.iter().any(|matter| matter.view.needs_us())
        };
        self.quiet().next().is_some() || self.all.iter().any(asks)
    }

    /// Why nothing can be asked: on no line anything is signed.
    fn bound(&self) -> Option<&str> {
        let bound = self.all.iter().all(|seen| !seen.signs()).then(|| self.all.first()).flatten();
        bound.and_then(|seen| seen.row.view.standing_sentence.as_deref())
    }
}

/// `GET /lines`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed) -> Response {
    let drawn = async {
        let position = desk.position(&who).await?;
        let all = desk.all_seen().await?;
        let mut d = Frame::new(&desk, &who, "lines", position)?;
        let unread = desk.unread();
        let four = Four::of_all(d.words(), &all, unread.len(), d.mark);
        let needing = four.count;
        d.four = Some(four);
        let standing = all.iter().flat_map(|seen| &seen.matters).filter(|m| !m.view.needs_us()).count();
        let agreed = all_agreed(&desk.api, None).await?;
        Ok::<_, Told>(page(StatusCode::OK, &Lines { d, all, unread, needing, standing, agreed }))
    };
    match drawn.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
    }
}
