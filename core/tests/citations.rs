//! Every section of `docs/protocol.md` that the code cites is there.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The numbers of its headings, and of paragraphs that begin with one in bold.
fn sections() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/protocol.md")).unwrap();
    let number = |line: &str| {
        let rest = line.trim_start_matches(['#', '*']);
        let rest = (rest.len() < line.len()).then(|| rest.trim_start())?;
        let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let number = number.trim_end_matches('.');
        (!number.is_empty()).then(|| number.to_owned())
    };
    text.lines().filter_map(number).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Sections cited in a text. Those of another document stand right after its name, as in "RFC 8949 §4.2.1".
fn cited(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut foreign = false;
    for (at, _) in text.match_indices('§') {
        let before = text[..at].trim_end_matches(['`', ' ', '\n', '/', '!']);
        let word = before.rsplit([' ', '`', '(', '\n']).next().unwrap_or_default();
        let continues = before.ends_with(['–', ',']) || before.ends_with("and");
        let of_rfc = word.chars().all(|c| c.is_ascii_digit()) && !word.is_empty();
        foreign = of_rfc || word == "DESIGN.md" || (continues && foreign);
        let number: String =
            text[at + '§'.len_utf8()..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        if !foreign && !number.is_empty() {
            found.push(number.trim_end_matches('.').to_owned());
        }
    }
    found
}

#[test]
fn every_section_that_the_code_cites_exists() {
    let sections = sections();
    let mut files = Vec::new();
    for folder in ["core/src", "voice/src", "station/src", "sim/src", "verify/src", "duty/src"] {
        sources(&root().join(folder), &mut files);
    }
    // In a line on the checks of CBOR its own RFC is cited without its name.
    let of_cbor = |path: &Path, number: &str| path.ends_with("record/cbor.rs") && number == "4.2.1";
    let mut count = 0;
    for path in files {
        for number in cited(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            assert!(sections.contains(&number) || of_cbor(&path, &number), "{}: §{number}", path.display());
        }
    }
    assert!(count > 60, "{count} citations");
}
