//! The files of the desk, built into the program: no request of a page leaves the station.

use std::io::Write;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::api::sight::hexadecimal;

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Name, type, content.
const FILES: [(&str, &str, &str); 10] = [
    ("desk.css", CSS, include_str!("../../static/desk.css")),
    ("draw.css", CSS, include_str!("../../static/draw.css")),
    ("pages.css", CSS, include_str!("../../static/pages.css")),
    ("ring.css", CSS, include_str!("../../static/ring.css")),
    ("fit.css", CSS, include_str!("../../static/fit.css")),
    ("call.css", CSS, include_str!("../../static/call.css")),
    ("live.js", JS, include_str!("../../static/live.js")),
    ("bell.js", JS, include_str!("../../static/bell.js")),
    ("voice.js", JS, include_str!("../../static/voice.js")),
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

/// The files as gzip, in the same order, made once. Only these are packed: they are the same for everybody. How long a packed page is
/// would tell who listens whether what a peer wrote on it is like something secret on it.
static PACKED: LazyLock<[Bytes; FILES.len()]> = LazyLock::new(|| FILES.map(|(_, _, content)| packed(content)));

/// Empty if it could not be packed, which memory alone would be the reason of.
fn packed(content: &str) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(content.as_bytes()).and_then(|()| encoder.finish());
    written.map_or_else(|_| Bytes::new(), Bytes::from)
}

/// Whether a browser takes gzip (RFC 9110 §12.5.3).
fn takes_packed(headers: &HeaderMap) -> bool {
    let said = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = said.flat_map(|list| list.split(',')).map(|one| one.split_once(';').unwrap_or((one, "")));
    codings.any(|(coding, weight)| {
        let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f32>().ok());
        coding.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
    })
}

/// `GET /static/{version}/{name}`: the version is that of the program, so that a browser may keep a file for good.
pub(super) async fn file(Path((_, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let found = FILES.iter().zip(PACKED.iter()).find(|((known, _, _), _)| *known == name);
    let Some(((_, kind, content), packed)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let kept = [
        (CONTENT_TYPE, *kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (VARY, ACCEPT_ENCODING.as_str()),
    ];
    if !packed.is_empty() && takes_packed(&headers) {
        (kept, [(CONTENT_ENCODING, "gzip")], packed.clone()).into_response()
    } else {
        (kept, *content).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_packed_for_who_takes_it_so() {
        let takes = |said: &'static str| {
            takes_packed(&[(ACCEPT_ENCODING, said.parse().unwrap())].into_iter().collect::<HeaderMap>())
        };

        assert!(takes("gzip") && takes("br, GZIP;q=0.5") && takes("deflate, gzip ; q=1"));
        assert!(
            !takes("") && !takes("br") && !takes("gzip;q=0") && !takes("gzip;q=x") && !takes_packed(&HeaderMap::new())
        );
        let [plain, small] = [FILES[2].2.len(), PACKED[2].len()];
        assert!(small > 0 && small * 3 < plain, "{small} of {plain}");
    }

    #[test]
    fn the_desk_has_at_most_nine_hundred_lines_of_script() {
        let scripts = FILES.iter().filter(|(_, kind, _)| *kind == JS);
        let lines: usize = scripts.map(|(_, _, content)| content.lines().count()).sum();
        assert!((1..=900).contains(&lines), "{lines}");
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
