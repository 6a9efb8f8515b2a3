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
