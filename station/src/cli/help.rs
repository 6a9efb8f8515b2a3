//! What commands say of themselves, and what is wrong with a command line: from the catalogue, in the language that is asked for.
//!
//! The tree of commands carries no sentence: [`worded`] gives each command and each argument the one that the catalogue has for it. What
//! clap makes itself of a tree, a usage line and what it finds wrong, is put into our words here too.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory};

use super::{Cli, EXIT_CODES};
use crate::api::fault::{Code, Fault, Told};
use crate::words::{Language, Sentence, Words};

/// The message of the program itself; those of its commands are `help-` and their path. The value says what a command does, the parts
/// what its arguments are, `more` what there is to know besides.
const PROGRAM: &str = "help-counterpart";
/// Commands that are named as like an unknown one.
const LIKE_MAX: usize = 3;
/// How clap writes what it has no name for.
const CLAP_OPTIONS: &str = "[OPTIONS]";
const CLAP_USAGE: &str = "Usage:";

/// The language of a command line, before it is understood: what is wrong with it is said in that language too.
pub(super) fn language(args: &[OsString], environment: impl Fn(&str) -> Option<String>) -> Language {
    let mut before = args.iter().take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str());
    let named = before.find_map(|arg| match arg.strip_prefix("--speak")? {
        "" => Some(None),
        rest => rest.strip_prefix('=').map(Some),
    });
    let named = named.and_then(|tag| tag.or_else(|| before.next()));
    named.and_then(Language::parse).unwrap_or_else(|| Language::of_environment(environment))
}

/// The commands, with what they say in these words.
pub(crate) fn worded(words: &Words) -> Command {
    let mut command = Cli::command();
    // All that clap adds, the help command and the flags, is there before anything is said.
    command.build();
    let codes = EXIT_CODES.map(|(exit, id)| format!("  {}  {}", exit as u8, words.say(id, &[])));
    let codes = format!("{}\n{}", words.say("usage-exit-codes", &[]), codes.join("\n"));
    Speaker { words }.command(command, &[PROGRAM.into()]).after_help(codes)
}

/// What is told of a command line that cannot be understood, and the usage line of the command that was meant, if clap gives one.
pub(super) fn not_understood(wrong: &clap::Error, args: &[OsString], words: &Words) -> (Told, String) {
    let usage = match wrong.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => untitled(&usage.to_string()),
        _ => String::new(),
    };
    let named: Vec<&str> = usage.split_whitespace().take_while(|word| !word.starts_with(['[', '<', '-'])).collect();
    let program = if named.is_empty() { meant(args) } else { named.join(" ") };
    let cause = words.told(&cause(wrong));
    let fault = Fault::new(Code::CommandUnreadable).with("cause", cause).with("program", program);
    (fault.tell(words), usage)
}

/// The command that a command line names, as far as it names one.
fn meant(args: &[OsString]) -> String {
    let root = Cli::command();
    let (mut at, mut path) = (&root, vec![root.get_name()]);
    for arg in args.iter().skip(1).take_while(|arg| *arg != "--") {
        if let Some(below) = at.find_subcommand(arg) {
            path.push(below.get_name());
            at = below;
        }
    }
    path.join(" ")
}

/// A usage line without its title.
fn untitled(usage: &str) -> String {
    usage.trim_start().trim_start_matches(CLAP_USAGE).trim().into()
}

/// What clap found wrong.
fn cause(wrong: &clap::Error) -> Sentence {
    let told = |kind| match wrong.get(kind) {
        Some(ContextValue::String(one)) => Some(one.clone()),
        Some(ContextValue::Strings(several)) if !several.is_empty() => Some(several.join(", ")),
        _ => None,
    };
    let argument = || told(ContextKind::InvalidArg).unwrap_or_default();
    // clap has what is most like it last.
    let like = |kind| match wrong.get(kind) {
        Some(ContextValue::Strings(several)) if !several.is_empty() => {
            several.iter().rev().take(LIKE_MAX).cloned().collect::<Vec<_>>().join(", ")
        }
        _ => told(kind).unwrap_or_else(|| "none".into()),
    };
    let said = |id, kind| Sentence::new(id).with("said", told(kind).unwrap_or_default());
    match wrong.kind() {
        ErrorKind::InvalidSubcommand => said("usage-command-unknown", ContextKind::InvalidSubcommand)
            .with("like", like(ContextKind::SuggestedSubcommand)),
        ErrorKind::UnknownArgument => {
            // A name or a subject without its quotes, most often.
            let is_word = told(ContextKind::InvalidArg).is_some_and(|said| !said.starts_with('-'));
            let unknown = said("usage-argument-unknown", ContextKind::InvalidArg);
            let like = like(ContextKind::SuggestedArg);
            unknown.with("as", if is_word { "word" } else { "option" }).with("like", like)
        }
        ErrorKind::InvalidValue if told(ContextKind::InvalidValue).is_none_or(|value| value.is_empty()) => {
            Sentence::new("usage-value-lacks").with("argument", argument())
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            said("usage-value-unfit", ContextKind::InvalidValue).with("argument", argument())
        }
        ErrorKind::TooManyValues => said("usage-value-none", ContextKind::InvalidValue).with("argument", argument()),
        ErrorKind::MissingRequiredArgument => Sentence::new("usage-lacks").with("arguments", argument()),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Sentence::new("usage-lacks-command")
        }
        ErrorKind::ArgumentConflict => match told(ContextKind::PriorArg) {
            Some(other) if other != argument() => {
                Sentence::new("usage-not-both").with("argument", argument()).with("other", other)
            }
            _ => Sentence::new("usage-twice").with("argument", argument()),
        },
        ErrorKind::InvalidUtf8 => Sentence::new("usage-not-text"),
        _ => Sentence::new("usage-otherwise"),
    }
}

/// Who gives the tree its words.
struct Speaker<'a> {
    words: &'a Words,
}

impl Speaker<'_> {
    /// A command with all below it. `says`: its message and those of the commands above it, the nearest first.
    fn command(&self, command: Command, says: &[String]) -> Command {
        let [own, ..] = says else { return command };
        let command = command.mut_args(|arg| self.argument(arg, says));
        let command = self.below(self.headed(command, own), says);
        match self.words.say_part(own, "more", &[]) {
            Some(more) => command.after_help(more),
            None => command,
        }
    }

    /// What stands below a command. Below `help` all commands stand once more, and say the same.
    fn below(&self, command: Command, says: &[String]) -> Command {
        command.mut_subcommands(|sub| match sub.get_name() {
            "help" => self.below(self.headed(sub, "help-help"), says),
            name => {
                let says = [&[message(name, says)], says].concat();
                self.command(sub, &says)
            }
        })
    }

    /// What it does, its headings and its usage line.
    fn headed(&self, command: Command, own: &str) -> Command {
        let say = |id| self.words.say(id, &[]);
        let place = |name: &str| self.words.say_part("usage-placeholder", name, &[]).unwrap_or_default();
        let mut command = command
            .about(say(own))
            .subcommand_help_heading(say("usage-commands"))
            .subcommand_value_name(place("command"));
        let usage = untitled(&command.render_usage().to_string());
        let usage = usage.replace(CLAP_OPTIONS, &format!("[{}]", place("options")));
        let title = command.get_styles().get_usage();
        let title = format!("{title}{}{title:#}", say("usage-heading"));
        let template = format!("{{about-with-newline}}\n{title} {{usage}}\n\n{{all-args}}{{after-help}}");
        command.override_usage(usage).help_template(template)
    }

    /// What an argument is, under its heading. All of it is said by the sentence: clap adds neither default nor variable.
    fn argument(&self, arg: Arg, says: &[String]) -> Arg {
        let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let said = said_in(self.words, says, &key(&arg));
        let said = said.and_then(|id| self.words.say_part(id, &key(&arg), &[("default", default.join(" ").into())]));
        let heading = match (arg.is_positional(), is_of_all(&arg)) {
            (true, _) => "usage-arguments",
            (false, true) => "usage-of-all",
            (false, false) => "usage-options",
        };
        let names = arg.get_value_names().unwrap_or_default();
        let places = names.iter().filter_map(|name| self.words.say_part("usage-placeholder", &place(name), &[]));
        let places: Vec<String> = places.collect();
        let arg = if places.is_empty() { arg } else { arg.value_names(places) };
        let arg = arg.help(said.unwrap_or_default()).help_heading(self.words.say(heading, &[]));
        arg.hide_default_value(true).hide_env(true).hide_possible_values(true)
    }
}

/// Whether every command takes it.
fn is_of_all(arg: &Arg) -> bool {
    arg.is_global_set() || ["help", "version"].contains(&arg.get_id().as_str())
}

/// The message of a command below those that say this.
fn message(name: &str, says: &[String]) -> String {
    match says.first() {
        Some(above) if above != PROGRAM => format!("{above}-{name}"),
        _ => format!("help-{name}"),
    }
}

/// Which of these messages, the nearest first, says what an argument is: what several commands share stands above them.
fn said_in<'a>(words: &Words, says: &'a [String], key: &str) -> Option<&'a String> {
    says.iter().find(|id| words.say_part(id, key, &[("default", "".into())]).is_some())
}

/// The part of a message that says what an argument is.
fn key(arg: &Arg) -> String {
    arg.get_long().map_or_else(|| arg.get_id().as_str().replace('_', "-"), str::to_owned)
}

/// Whether this stands in the place of a value, and is not a choice or a form of words that are typed as they are.
#[cfg(test)]
fn is_placeholder(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// The part that says what stands in the place of a value. What is typed as it is has none.
fn place(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Each message that the tree takes, and each part of one as `message.part`.
#[cfg(test)]
pub(crate) fn said(words: &Words) -> std::collections::BTreeSet<String> {
    fn walk(words: &Words, command: &Command, says: &[String], found: &mut Vec<String>) {
        let own = says[0].clone();
        found.extend(words.say_part(&own, "more", &[]).map(|_| format!("{own}.more")));
        for arg in command.get_arguments() {
            let id = said_in(words, says, &key(arg)).unwrap_or(&own);
            found.push(format!("{id}.{}", key(arg)));
            let names = arg.get_value_names().unwrap_or_default().iter().filter(|name| is_placeholder(name));
            // A flag takes none, whatever clap would call it.
            let names = names.filter(|_| arg.get_action().takes_values());
            found.extend(names.map(|name| format!("usage-placeholder.{}", place(name))));
        }
        found.push(own);
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            walk(words, sub, &[&[message(sub.get_name(), says)], says].concat(), found);
        }
    }
    let mut found: Vec<String> =
        ["help-help", "usage-placeholder.options", "usage-placeholder.command"].map(str::to_owned).into();
    let mut command = Cli::command();
    command.build();
    walk(words, &command, &[PROGRAM.into()], &mut found);
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<OsString> {
        std::iter::once("counterpart").chain(line.split_whitespace()).map(OsString::from).collect()
    }

    /// A tree with all that stands below it, each by its path.
    fn each(command: &Command) -> Vec<(String, Command)> {
        let below = command.get_subcommands().flat_map(|sub| {
            let path = |(path, found)| (format!("{} {path}", command.get_name()), found);
            each(sub).into_iter().map(path).collect::<Vec<_>>()
        });
        std::iter::once((command.get_name().to_owned(), command.clone())).chain(below).collect()
    }

    #[test]
    fn no_command_and_no_argument_says_anything_of_itself() {
        // Comments that describe the API's form of an invitation are those of its schema.
        let is_form = |path: &str| path == "counterpart invite";

        for (path, command) in each(&Cli::command()).into_iter().filter(|(path, _)| !is_form(path)) {
            let of_it = [command.get_about(), command.get_long_about(), command.get_after_help()];
            assert_eq!(of_it, [None; 3], "{path}");
            for arg in command.get_arguments() {
                assert_eq!([arg.get_help(), arg.get_long_help()], [None; 2], "{path}: {}", arg.get_id());
            }
        }
    }

    #[test]
    fn every_command_and_every_argument_says_what_it_is_in_every_language() {
        for language in Language::ALL {
            let tree = each(&worded(&language.words()));
            assert!(tree.len() > 90, "{}: with what stands below help", tree.len());

            for (path, command) in tree {
                assert!(command.get_about().is_some_and(|about| !about.to_string().is_empty()), "{path}");
                for arg in command.get_arguments() {
                    let said = arg.get_help().map(ToString::to_string).unwrap_or_default();
                    assert!(!said.is_empty() && !said.contains('{'), "{path}: {} says {said:?}", arg.get_id());
                    assert!(arg.get_possible_values().is_empty() || !arg.get_action().takes_values(), "{path}");
                }
            }
        }
    }

    #[test]
    fn help_is_in_russian_to_its_last_heading() {
        for (path, mut command) in each(&worded(&Language::Russian.words())) {
            let help = command.render_long_help().to_string();

            assert!(help.contains("Применение: counterpart"), "{path}: {help}");
            for english in
                ["Usage", "Options", "OPTIONS", "Arguments", "Commands", "COMMAND>", "Print", "[default", "[env"]
            {
                assert!(!help.contains(english), "{path}: {english}: {help}");
            }
        }
    }

    #[test]
    fn the_language_is_known_before_the_command_line_is_understood() {
        let of = |line: &str| language(&args(line), |name| (name == "LANG").then(|| "ru_RU.UTF-8".into())).tag();

        assert_eq!([of("--speak en lines"), of("lines --speak=en"), of("--speaker --speak en")], ["en"; 3]);
        assert_eq!([of("lines"), of("lines --speak"), of("lines --speak tlh"), of("memo -- --speak en")], ["ru"; 4]);
    }

    #[test]
    fn what_is_wrong_with_a_command_line_is_said_in_every_language_with_what_to_type() {
        let cases = [
            ("alerting 1", "no command “alerting”", "Команды «alerting» нет", "counterpart --help"),
            ("statsu", "Like it: status", "Похожие: status", "counterpart --help"),
            ("ask --form minister", "Like it: --from", "Похожие: --from", "counterpart ask --help"),
            ("memo -5°", "stand behind “--”", "стоят после «--»", "counterpart memo --help"),
            ("ask --from minister", "It lacks: --to <POST>", "Не хватает: --to <ДОЛЖНОСТЬ>", "counterpart ask --help"),
            ("record --limit many", "“many” is not what", "«many» — не то", "counterpart record --help"),
            ("demo --story x --pace 0", "“0” is not what", "«0» — не то", "counterpart demo --help"),
            (
                "ask --from",
                "--from <POST> lacks its value",
                "--from <ДОЛЖНОСТЬ> нет значения",
                "counterpart ask --help",
            ),
            ("lines --json=yes", "“yes” is one", "«yes» — значение", "counterpart lines --help"),
            (
                "lines --figures --figures",
                "--figures is given twice",
                "--figures даётся дважды",
                "counterpart lines --help",
            ),
            ("lines --figures --terms", "not given together", "вместе не даются", "counterpart lines --help"),
            ("user", "No command is given", "Команда не названа", "counterpart user --help"),
            ("", "No command is given", "Команда не названа", "counterpart --help"),
        ];

        for (line, english, russian, todo) in cases {
            for (language, said) in [(Language::English, english), (Language::Russian, russian)] {
                let words = language.words();
                let wrong = worded(&words).try_get_matches_from(args(line)).unwrap_err();
                let (told, usage) = not_understood(&wrong, &args(line), &words);

                assert!(told.what.contains(said), "{line}: {}", told.what);
                assert!(told.instead.ends_with(todo), "{line}: {}", told.instead);
                let is_english = language == Language::English;
                assert!(is_english || !usage.contains("OPTIONS") && !usage.contains("COMMAND"), "{line}: {usage}");
            }
        }
    }
}
