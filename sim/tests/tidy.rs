//! The house rules that a compiler does not hold us to (DESIGN.md §10, STYLE.md). That every cited section exists is
//! `core/tests/citations.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file, and of a function.
const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Where our own code is.
const FOLDERS: [&str; 8] = ["core", "duty", "voice", "station", "verify", "sim", "bare", "fuzz"];

/// Names with a digit that is a standard's own.
const STANDARDS: [&str; 2] = ["sign1.rs", "base64.rs"];

/// A file of ours.
struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every source file below `folder`, a path from the root of the repository.
fn sources(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join(folder), &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let path = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        Source { path, text }
    };
    paths.into_iter().map(read).collect()
}

fn all() -> Vec<Source> {
    FOLDERS.iter().flat_map(|folder| sources(folder)).collect()
}

impl Source {
    /// Lines with their numbers, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(at, line)| (at + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Where it says one of these, outside comments.
    fn saying(&self, words: &[&str]) -> Vec<String> {
        let says = |line: &str| words.iter().any(|word| line.contains(word));
        self.code().filter(|(_, line)| says(line)).map(|(at, line)| format!("{}:{at}: {line}", self.path)).collect()
    }

    /// The functions, each with its line and how many lines it has. Of rustfmt's output a function ends where a brace stands
    /// as far in as its begin.
    fn functions(&self) -> Vec<(usize, usize)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut found = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let body = line.trim_start();
            let words: Vec<&str> =
                body.split_whitespace().take_while(|w| !w.contains('(') && !w.contains('<')).collect();
            let begins = body.starts_with("fn ") || words.contains(&"fn") && !body.starts_with("//");
            let indent = line.len() - body.len();
            let end = format!("{}}}", &line[..indent]);
            // Without a body, or with one on its own line.
            if !begins || body.ends_with(';') || body.ends_with('}') {
                continue;
            }
            let length = lines[at..].iter().position(|l| *l == end);
            found.extend(length.map(|length| (at + 1, length + 1)));
        }
        found
    }
}

fn none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

/// The packages of ours that a package depends on.
fn ours(folder: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap_or_default();
    let dependencies = manifest.lines().filter(|line| !line.trim_start().starts_with("name"));
    let named = dependencies.filter_map(|line| line.split(['.', ' ', '=']).next());
    named.filter(|name| name.starts_with("counterpart")).map(String::from).collect()
}

#[test]
fn the_core_imports_nothing_of_ours_and_the_others_import_it_alone() {
    assert_eq!(ours("core"), Vec::<String>::new());
    for (folder, may) in [
        ("duty", &[][..]),
        ("voice", &["counterpart-core"]),
        ("verify", &["counterpart-core"]),
        ("sim", &["counterpart-core", "counterpart-duty"]),
        ("station", &["counterpart-core", "counterpart-duty", "counterpart-voice"]),
        ("fuzz", &["counterpart-core", "counterpart-voice", "counterpart"]),
    ] {
        let others: Vec<String> = ours(folder).into_iter().filter(|name| !may.contains(&name.as_str())).collect();
        assert_eq!(others, Vec::<String>::new(), "{folder} imports what it may not");
    }
}

#[test]
fn the_core_has_no_clock_no_chance_and_no_network() {
    let foreign = ["SystemTime", "Instant::", "std::net", "std::time", "std::fs", "tokio", "getrandom", "rand::"];
    let sources = sources("core/src");

    assert!(sources.len() > 30, "the core has moved");
    none(sources.iter().flat_map(|s| s.saying(&foreign)).collect(), "the core decides without clock, chance or I/O");
}

#[test]
fn voice_has_no_clock_no_chance_no_socket_and_no_file() {
    let foreign = ["SystemTime", "Instant::now", "UdpSocket", "TcpStream", "std::fs", "tokio", "getrandom", "rand::"];
    let shipped: Vec<Source> = sources("voice/src").into_iter().filter(|s| !s.path.contains("/tests")).collect();

    assert!(shipped.len() > 8, "voice has moved");
    none(
        shipped.iter().flat_map(|s| s.saying(&foreign)).collect(),
        "a thread of the station's drives voice, and nothing is kept",
    );
}

#[test]
fn the_core_uses_std_only_in_its_tests() {
    let line = sources("core/src/line").into_iter().find(|s| s.path.ends_with("line/mod.rs")).expect("the rules");
    let named = line.text.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| rest.split_once(';'));
    let only_tested: Vec<String> = named.map(|(name, _)| format!("core/src/line/{name}/")).collect();
    let shipped = sources("core/src").into_iter().filter(|s| !only_tested.iter().any(|t| s.path.contains(t)));
    let found = shipped.flat_map(|mut s| {
        let tests = s.text.find("#[cfg(test)]\nmod tests").or_else(|| s.text.find("#[cfg(test)]\n#[allow"));
        s.text.truncate(tests.unwrap_or(s.text.len()));
        s.saying(&["use std::", " std::"])
    });

    none(found.collect(), "the core is no_std");
}

#[test]
fn the_record_thread_never_looks_at_what_an_entry_says() {
    let found = sources("station/src/record").iter().flat_map(|s| s.saying(&["EntryType"])).collect::<Vec<_>>();
    let variant = |line: &String| {
        let after = ["Kind::", "What::"].iter().flat_map(|word| line.split(word).skip(1));
        after.into_iter().any(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    let named = sources("station/src/record").iter().flat_map(|s| s.saying(&["Kind::", "What::"])).collect::<Vec<_>>();
    let found = [found, named.into_iter().filter(variant).collect()].concat();

    none(found, "rules are in the core, not in station/src/record");
}

#[test]
fn the_voice_thread_knows_no_entries_and_waits_for_no_record() {
    let found = sources("station/src/voice").into_iter().filter(|s| !s.path.ends_with("entries.rs"));
    let foreign = ["Kind::", "What::", "Input::", "keeper.look", "keeper.act", ".followed("];

    none(
        found.flat_map(|s| s.saying(&foreign)).collect(),
        "what a call shows becomes an entry in voice/entries.rs alone",
    );
}

#[test]
fn no_file_has_more_than_five_hundred_lines() {
    let long = |s: &Source| s.text.lines().count() > FILE_LINES_MAX;
    let found = all().iter().filter(|s| long(s)).map(|s| format!("{}: {}", s.path, s.text.lines().count())).collect();

    none(found, "split by reason to change");
}

#[test]
fn no_function_has_more_than_seventy_lines() {
    let mut found = Vec::new();
    let mut count = 0;
    for source in all() {
        let functions = source.functions();
        count += functions.len();
        let long = functions.iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
        found.extend(long.map(|(at, lines)| format!("{}:{at}: {lines} lines", source.path)));
    }

    assert!(count > 300, "{count} functions found: the counter is broken");
    none(found, "a longer function read once beats five hops, up to seventy lines");
}

/// What stands between backquotes in a document.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn nine_files_decide_between_command_and_ring_and_no_other_may_read_the_clock_for_them() {
    let document = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, after) = document.split_once("Nine files decide").expect("ARCHITECTURE.md lists them");
    let listed: Vec<&str> = quoted(after.split_once("\n\n").map_or(after, |(list, _)| list)).collect();
    let all = all();
    let named = |name: &&str| all.iter().filter(|s| s.path.ends_with(&format!("src/{name}"))).collect::<Vec<_>>();
    let walked: Vec<_> = listed.iter().map(named).collect();

    assert_eq!(listed.len(), 9, "{listed:?}");
    assert!(walked.iter().all(|found| found.len() == 1), "one file each: {listed:?}");
    let clocks = ["SystemClock", "Instant::now", "SystemTime"];
    none(walked.iter().flatten().flat_map(|s| s.saying(&clocks)).collect(), "time enters these as an argument");
}

#[test]
fn every_file_that_the_documents_name_is_there() {
    let mut lost = Vec::new();
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/threat-model.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let names = quoted(&text).filter(|q| !q.contains([' ', '{', '*', '…', '<']) && q.ends_with(".rs"));
        let places = ["", "core/src/", "core/src/line/", "station/", "station/src/", "station/src/web/", "sim/src/"];
        let there = |name: &&str| places.iter().any(|at| root().join(at).join(name).exists());
        lost.extend(names.filter(|name| !there(name)).map(|name| format!("{document}: {name}")));
    }
    none(lost, "what is named is there");
}

#[test]
fn a_file_is_named_for_what_it_holds() {
    let bad = |name: &str| {
        let stem = name.trim_end_matches(".rs");
        let vague = ["util", "utils", "common", "helper", "helpers", "manager", "misc"].contains(&stem);
        let numbered = stem.contains(|c: char| c.is_ascii_digit()) && !STANDARDS.contains(&name);
        vague || numbered || stem.ends_with("_more") || stem.ends_with("_ext")
    };
    let named = |s: &Source| s.path.rsplit('/').next().is_some_and(bad);

    none(all().into_iter().filter(named).map(|s| s.path).collect(), "a noun that says what is in it");
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_left_out() {
    // Written so that this file does not say it.
    let later = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimple", "mented!"), concat!("to", "do!(")];
    let left_out = [concat!("#[ig", "nore")];
    // A process that another test starts is a test only by its form.
    let part = |line: &String| line.contains("= \"a part of ");
    let found = all().into_iter().flat_map(|s| [s.saying(&later), s.saying(&left_out)].concat());

    none(found.filter(|line| !part(line)).collect(), "what is not done is not merged");
}
