//! The files of the desk, built into the program: no request of a page leaves the station.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::api::sight::hexadecimal;

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Name, type, content.
const FILES: [(&str, &str, &str); 7] = [
    ("desk.css", CSS, include_str!("../../static/desk.css")),
    ("draw.css", CSS, include_str!("../../static/draw.css")),
    ("pages.css", CSS, include_str!("../../static/pages.css")),
    ("fit.css", CSS, include_str!("../../static/fit.css")),
    ("live.js", JS, include_str!("../../static/live.js")),
    ("bell.js", JS, include_str!("../../static/bell.js")),
    ("icon.svg", "image/svg+xml", include_str!("../../static/icon.svg")),
];

/// What tells these files from those of another version: a browser keeps each for good, under its version.
pub(super) fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        FILES.iter().for_each(|(_, _, content)| hash.update(content.as_bytes()));
        hexadecimal(hash.finalize().get(..6).unwrap_or_default())
    });
    &VERSION
}

/// `GET /static/{version}/{name}`: the version is that of the program, so that a browser may keep a file for good.
pub(super) async fn file(Path((_, name)): Path<(String, String)>) -> Response {
    let found = FILES.iter().find(|(known, _, _)| *known == name);
    let Some((_, kind, content)) = found else { return StatusCode::NOT_FOUND.into_response() };
    ([(CONTENT_TYPE, *kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")], *content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desk_has_at_most_six_hundred_lines_of_script() {
        let scripts = FILES.iter().filter(|(_, kind, _)| *kind == JS);
        let lines: usize = scripts.map(|(_, _, content)| content.lines().count()).sum();
        assert!((1..=600).contains(&lines), "{lines}");
    }

    /// What names a side of the screen and may: each is met by a rule for the other direction, or looks alike from both.
    const SIDES: [(&str, &str); 6] = [
        (".matter.isex", "background"),
        ("[dir=rtl] .matter.isex", "background-position"),
        ("[dir=rtl] .nowline time:first-child", "text-align"),
        ("[dir=rtl] .nowline time:last-child", "text-align"),
        (".asklines li:has([name=line]:checked)", "box-shadow"),
        (".prow:has(:checked)", "box-shadow"),
    ];

    /// Whether a declaration names left or right, also as one of four values.
    fn names_a_side(name: &str, value: &str) -> bool {
        let words: Vec<&str> = value.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let of_four = ["margin", "padding", "inset", "border-width", "border-style", "border-color"];
        let values: Vec<&str> = value.split_whitespace().collect();
        let differ = of_four.contains(&name) && values.len() == 4 && values[1] != values[3];
        let is_said = ["text-align", "float", "clear", "background", "background-position", "transform-origin"];
        let moves = name == "transform" && (value.contains("translate") || value.contains("scaleX"));
        let casts = name == "box-shadow" && value.starts_with(['-', '.', '1', '2', '3']);
        let is_side = |word: &str| word == "left" || word == "right";
        name.split('-').any(is_side)
            || (is_said.contains(&name) && words.into_iter().any(is_side))
            || differ
            || moves
            || casts
    }

    #[test]
    fn styles_name_begin_and_end_and_no_side_of_the_screen() {
        let mut seen = 0;
        for (file, _, content) in FILES.iter().filter(|(_, kind, _)| *kind == CSS) {
            let bare: String =
                content.split("/*").map(|part| part.split_once("*/").map_or(part, |(_, rest)| rest)).collect();
            for rule in bare.split('}') {
                let Some((before, body)) = rule.rsplit_once('{') else { continue };
                let selector = before.rsplit('{').next().unwrap_or_default().trim();
                for (name, value) in body.split(';').filter_map(|declaration| declaration.split_once(':')) {
                    let (name, value) = (name.trim(), value.trim());
                    seen += 1;
                    let may = SIDES.contains(&(selector, name));
                    assert!(may || !names_a_side(name, value), "{file}: {selector} {{ {name}: {value} }}");
                }
            }
        }
        assert!(seen > 1_000, "{seen} declarations: the reader of styles is broken");
        assert!(
            names_a_side("padding", "0 1px 0 0")
                && names_a_side("border-left", "0")
                && !names_a_side("margin", "0 auto")
        );
    }

    #[test]
    fn no_file_asks_for_anything_from_elsewhere() {
        for (name, _, content) in FILES {
            let elsewhere = content.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !elsewhere.contains("http:") && !elsewhere.contains("https:") && !elsewhere.contains("@import"),
                "{name}"
            );
        }
    }
}
