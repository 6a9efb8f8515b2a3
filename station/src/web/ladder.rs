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
    /// Two acts that crossed: ours, and theirs.
    Crossed {
        ours: Box<StepView>,
        theirs: Box<StepView>,
    },
}

/// The rows of a request's ladder, the highest first.
pub(super) fn rows(sight: &Sight<'_>, ask: &Fact) -> Vec<Row> {
    let mut steps = sight.view().fact(ask.at).map(|ask| sight.ladder(ask)).unwrap_or_default();
    let mut rows = Vec::new();
    let at = steps.iter().position(|step| step.kind == StepKind::Crossed);
    let mut crossed = Vec::new();
    steps.retain(|step| {
        let is_one = step.kind == StepKind::Crossed;
        if is_one {
            crossed.push(step.clone());
        }
        !is_one
    });
    for (n, step) in steps.into_iter().enumerate() {
        if Some(n) == at {
            rows.extend(pair(&mut crossed));
        }
        rows.push(Row::Step { class: class(&step), step: Box::new(step) });
    }
    rows.extend(pair(&mut crossed));
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

/// Of several acts that crossed, one of each side.
fn pair(crossed: &mut Vec<StepView>) -> Option<Row> {
    let found = std::mem::take(crossed);
    let of = |side: Side| found.iter().find(|step| step.by == Some(side)).cloned().map(Box::new);
    Some(Row::Crossed { ours: of(Side::Ours)?, theirs: of(Side::Theirs)? })
}

fn class(step: &StepView) -> String {
    let waits_for_us = step.by == Some(Side::Theirs);
    let shape = match step.kind {
        StepKind::Awaited if step.by.is_none() => "not none",
        StepKind::Awaited => "not",
        StepKind::Now => return "nowline".into(),
        StepKind::OnTable if waits_for_us => "table",
        StepKind::OnTable => "past",
        StepKind::OfferOver => "past lapsed",
        StepKind::PassedOver => "skipped none",
        StepKind::Unheld => "alone",
        StepKind::Stated if waits_for_us => "stated",
        StepKind::Stated => "alone",
        StepKind::Talk if step.entry.is_none() => "seam none",
        StepKind::Talk if step.by.is_none() => "pair",
        StepKind::Talk | StepKind::Decided | StepKind::Deferred | StepKind::Reached | StepKind::Crossed => "",
    };
    let is_settled = step.held && matches!(step.kind, StepKind::Decided | StepKind::OfferOver | StepKind::OnTable);
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
