//! How the steps of a ladder are drawn: which rail each knot sits on, and what the shapes say.

use counterpart_core::line::facts::Fact;
use counterpart_core::line::ladder::Rung;

use crate::view::ladder::{StepKind, StepView};
use crate::view::{Side, Sight};

/// One row of the drawing.
pub(super) enum Row {
    Step {
        class: String,
        step: Box<StepView>,
    },
    /// Two acts that say different things: ours, and theirs.
    Crossed {
        ours: Box<StepView>,
        theirs: Box<StepView>,
        /// Neither author had seen the other's: they crossed on the way.
        unseen: bool,
    },
}

/// The rows of a request's ladder, the highest first.
pub(super) fn rows(sight: &Sight<'_>, ask: &Fact) -> Vec<Row> {
    let steps = sight.view().fact(ask.at).map(|ask| sight.ladder(ask)).unwrap_or_default();
    let mut rows = Vec::new();
    let mut steps = steps.into_iter().peekable();
    while let Some(step) = steps.next() {
        let StepKind::Crossed { unseen, .. } = step.kind else {
            rows.push(Row::Step { class: class(&step), step: Box::new(step) });
            continue;
        };
        let kind = step.kind;
        let found: Vec<StepView> =
            std::iter::once(step).chain(std::iter::from_fn(|| steps.next_if(|next| next.kind == kind))).collect();
        rows.extend(pair(&found, unseen));
    }
    rows
}

/// Says at the rung of a device that rings why none here has confirmed it, or why late.
pub(super) fn explain_alerting(rows: &mut [Row], why: &str) {
    for row in rows {
        if let Row::Step { step, .. } = row
            && step.rung == Some(Rung::Alerting)
        {
            step.says = format!("{} {why}", step.says);
        }
    }
}

/// Of acts that say different things, one of each side.
fn pair(found: &[StepView], unseen: bool) -> Option<Row> {
    let of = |side: Side| found.iter().find(|step| step.by == Some(side)).cloned().map(Box::new);
    Some(Row::Crossed { ours: of(Side::Ours)?, theirs: of(Side::Theirs)?, unseen })
}

fn class(step: &StepView) -> String {
    let waits_for_us = step.by == Some(Side::Theirs);
    let is_unheld = step.by == Some(Side::Ours) && !step.held;
    let shape = match step.kind {
        StepKind::Awaited if step.by.is_none() => "not none",
        StepKind::Awaited => "not",
        StepKind::Now => return "nowline".into(),
        StepKind::OnTable if waits_for_us => "table",
        StepKind::OnTable | StepKind::OfferOver => "past",
        StepKind::OfferLapsed => "past lapsed",
        StepKind::PassedOver => "skipped none",
        StepKind::Unheld => "alone",
        StepKind::Stated if waits_for_us => "stated",
        StepKind::Stated | StepKind::Missed | StepKind::Talk if is_unheld => "alone",
        StepKind::Stated | StepKind::Missed => "lone",
        StepKind::Talk if step.entry.is_none() => "seam none",
        StepKind::Talk if step.by.is_none() => "pair",
        StepKind::Talk | StepKind::Decided | StepKind::Deferred | StepKind::Reached | StepKind::Crossed { .. } => "",
    };
    let can_settle = match step.kind {
        StepKind::Decided | StepKind::OfferOver | StepKind::OfferLapsed | StepKind::OnTable => true,
        StepKind::Talk | StepKind::Stated | StepKind::Missed => step.by.is_some(),
        _ => false,
    };
    // The dashed ring of what waits for our word stands where that of what is held would.
    let is_settled = step.held && can_settle && !matches!(shape, "stated" | "alone");
    let side = match step.by {
        Some(Side::Ours) => "us",
        Some(Side::Theirs) if is_settled => "them",
        _ => "",
    };
    let top = if step.top { "top" } else { "" };
    let settled = if is_settled { "settled" } else { "" };
    let late = if step.late.is_some() && step.kind == StepKind::Reached { "late" } else { "" };
    ["rung", shape, side, top, settled, late].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
