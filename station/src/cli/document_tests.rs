//! What the documents tell people to type is what the commands take.

use std::path::Path;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::{Cli, EXIT_CODES, help};
use crate::words::Words;

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

/// The words of a line, as a shell parts it: by spaces that stand in no quotation marks.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            c => word.push(c),
        }
    }
    assert!(!quoted, "{line}");
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// What is wrong with what follows the program's name, if anything is.
fn wrong(args: &[String]) -> Option<(ErrorKind, String)> {
    let all = std::iter::once("counterpart".to_owned()).chain(args.iter().cloned());
    Cli::command().try_get_matches_from(all).err().map(|wrong| (wrong.kind(), wrong.to_string()))
}

/// The commands that are shown to be typed: after "$ ", with what is continued on the next line.
fn typed(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    text.lines().filter_map(|line| line.trim_start().strip_prefix("$ ")).map(str::to_owned).collect()
}

/// What stands in backquotes within the sentences.
fn spans(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("```"))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_the_documents_show_to_be_typed_is_understood() {
    let mut tried = 0;
    for name in ["README.md", "docs/operating.md", "docs/stories.md"] {
        for line in typed(&document(name)) {
            let ways = ["counterpart ", "cargo run --release -- "];
            let Some(rest) = ways.iter().find_map(|way| line.strip_prefix(way)) else { continue };
            assert_eq!(wrong(&words(rest)), None, "{name}: {line}");
            tried += 1;
        }
    }
    assert!(tried >= 6, "{tried}: the reader of documents is broken");
}

#[test]
fn what_the_documents_name_of_commands_is_there() {
    let known: Vec<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let mut tried = 0;
    for name in ["README.md", "docs/operating.md"] {
        for span in spans(&document(name)) {
            // Those that begin with a command, or with the program: `user end NAME`, `counterpart --data DIR lines`.
            let args = words(span.strip_prefix("counterpart ").unwrap_or(&span));
            let program = span.starts_with("counterpart ");
            if !program && (args.len() < 2 || !known.contains(&args[0])) {
                continue;
            }
            tried += 1;
            // A sentence may name a command and not all that it needs; what it names must be there.
            let lacks = [ErrorKind::MissingRequiredArgument, ErrorKind::MissingSubcommand, ErrorKind::DisplayHelp];
            let is_short =
                |(kind, told): (ErrorKind, String)| lacks.contains(&kind) || told.contains("a value is required");
            assert!(wrong(&args).is_none_or(is_short), "{name}: {span}: {:?}", wrong(&args));
        }
    }
    assert!(tried >= 30, "{tried}: the reader of documents is broken");
}

#[test]
fn the_exit_codes_of_the_help_are_those_of_the_document() {
    let english = Words::english();
    let help = help::worded(&english).render_help().to_string();
    let operating = document("docs/operating.md");
    let [mut helped, mut told] = [0, 0];
    for (exit, id) in EXIT_CODES {
        let says = english.say(id, &[]).replace('’', "'");
        helped += usize::from(help.replace('’', "'").contains(&format!("  {}  {says}", exit as u8)));
        told += usize::from(operating.contains(&format!("| {} | {says} |", exit as u8)));
    }

    assert_eq!([helped, told], [EXIT_CODES.len(); 2], "{help}");
}
