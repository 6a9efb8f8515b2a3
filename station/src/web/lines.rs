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
        self.all.iter().filter(|seen| seen.quiet > 0)
    }

    fn matters(&self) -> Vec<&super::seen::Matter> {
        let mut matters: Vec<_> = self.all.iter().flat_map(|seen| &seen.matters).collect();
        matters.sort_by_key(|matter| (!matter.view.needs_us(), matter.view.order()));
        matters
    }
}

/// `GET /lines`.
pub(super) async fn show(State(desk): State<Desk>, who: Signed) -> Response {
    let drawn = async {
        let position = desk.position(&who).await?;
        let all = desk.all_seen().await?;
        let mut d = Frame::new(&desk, &who, "lines", position)?;
        let unread = desk.unread();
        d.four = Some(Four::of_all(d.words(), &all, unread.len(), d.mark));
        let matters = || all.iter().flat_map(|seen| &seen.matters);
        let ours = matters().filter(|m| m.view.needs_us()).count();
        let standing = matters().count() - ours;
        let beside = |seen: &&Seen| usize::from(seen.needs_a_person()) + usize::from(seen.quiet > 0);
        let needing = ours + all.iter().map(|seen| beside(&seen)).sum::<usize>() + unread.len();
        let agreed = all_agreed(&desk.api, None).await?;
        Ok::<_, Told>(page(StatusCode::OK, &Lines { d, all, unread, needing, standing, agreed }))
    };
    match drawn.await {
        Ok(response) => response,
        Err(told) => refused::shown(&desk, &who, &told, &refused::Kept::default()).await,
    }
}
