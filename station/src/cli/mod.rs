//! The commands. Each speaks `/api/v1` over the socket of a data directory; some also read a directory that no station serves.
//!
//! How one ends is [`EXIT_CODES`].

mod acts;
mod bell;
mod client;
mod demo;
#[cfg(test)]
mod document_tests;
mod export;
pub(crate) mod help;
mod opening;
mod pair;
mod place;
mod restore;
mod round;
mod serve;
mod show;
mod spectators;
mod story;
mod token;
mod unserved;
mod user;
#[cfg(test)]
mod ways;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use counterpart_core::time::Timestamp;
use serde_json::Value;

use crate::api::fault::{Code, ErrorBody, Fault, Told, Whose};
use crate::api::router::DoneView;
use crate::api::sight::hexadecimal;
use crate::api::times::Times;
use crate::clock::Clock;
use crate::config::{CONFIG_FILE, Config};
use crate::entropy;
use crate::store::DATABASE_FILE;
use crate::words::clocks::{Clocks, Place};
use crate::words::{Language, Sentence, Tell, Words, escaped_json};
use acts::ActCommand;
use client::Client;

/// The data directory of a command that names none.
const DATA_DEFAULT: &str = "./counterpart-data";

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Refused by a rule, or a story's expectation was wrong.
    Refused = 1,
    /// The command cannot be understood.
    Usage = 2,
    /// No station answers, or the machine failed.
    Machine = 3,
    /// The other station broke the protocol.
    Misconduct = 4,
}

/// What says of each exit code what it means; `docs/operating.md` has the same table.
const EXIT_CODES: [(Exit, &str); 5] = [
    (Exit::Done, "exit-done"),
    (Exit::Refused, "exit-refusal"),
    (Exit::Usage, "exit-usage"),
    (Exit::Machine, "exit-machine"),
    (Exit::Misconduct, "exit-misconduct"),
];

impl Exit {
    fn of(told: &Told) -> Exit {
        match told.fault {
            Whose::Refusal => Exit::Refused,
            Whose::Usage => Exit::Usage,
            Whose::Error => Exit::Machine,
            Whose::Misconduct => Exit::Misconduct,
        }
    }
}

// What commands and arguments say of themselves stands in the catalogue alone, see [`help`]: a comment here would be a second copy.
#[derive(Parser, Debug)]
#[command(name = "counterpart", version)]
struct Cli {
    #[arg(long, env = "COUNTERPART_DATA", global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    #[arg(long, global = true)]
    json: bool,
    // Not `--language`, which is that of a text: one name of two arguments would be one value.
    #[arg(long, global = true, value_name = "TAG")]
    speak: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    #[command(flatten)]
    Place(place::PlaceCommand),
    #[command(flatten)]
    Serve(serve::ServeCommand),
    #[command(flatten)]
    Pair(pair::PairCommand),
    #[command(flatten)]
    Show(show::ShowCommand),
    #[command(subcommand)]
    User(user::UserCommand),
    #[command(subcommand)]
    Token(token::TokenCommand),
    #[command(subcommand)]
    Round(round::RoundCommand),
    Restore(restore::RestoreCommand),
    Bell(bell::BellCommand),
    Noted(bell::NotedCommand),
    #[command(flatten)]
    Act(ActCommand),
}

/// What every command has at hand.
struct Context {
    data: PathBuf,
    /// The directory was named on the command line.
    data_given: bool,
    json: bool,
    words: Arc<Words>,
    clock: Clock,
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()) as u8)
}

/// Runs one command.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    let is_json = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    // Programs read English.
    let language = if is_json { Language::English } else { help::language(&args, |name| std::env::var(name).ok()) };
    let words = language.words();
    let parsed = Cli::command().try_get_matches_from(&args).and_then(|matches| {
        // A directory from the environment is that of a real station: the demonstration must not take it.
        let named = matches.value_source("data") == Some(ValueSource::CommandLine);
        Ok((Cli::from_arg_matches(&matches)?, named))
    });
    let (cli, data_given) = match parsed {
        Ok(parsed) => parsed,
        Err(wrong) => return answered(&args, wrong, &words, is_json),
    };
    let data = cli.data.unwrap_or_else(|| DATA_DEFAULT.into());
    let context = Context { data, data_given, json: cli.json, words, clock: Clock::system() };
    if let Some(tag) = cli.speak.filter(|tag| Language::parse(tag).is_none()) {
        let known = Language::ALL.map(Language::tag).join(", ");
        let fault = Fault::new(Code::UnknownWord).with("field", "language").with("said", tag).with("known", known);
        let told = context.tell(fault);
        context.complain(&told);
        return Exit::Usage;
    }
    match context.command(cli.command) {
        Ok(exit) => exit,
        Err(told) => {
            context.complain(&told);
            Exit::of(&told)
        }
    }
}

impl Context {
    fn command(&self, command: Command) -> Result<Exit, Told> {
        match command {
            Command::Place(command) => command.run(self),
            Command::Serve(command) => command.run(self),
            Command::Pair(command) => self.asynchronous(command.run(self)),
            Command::Show(command) => self.asynchronous(command.run(self)),
            Command::User(command) => self.asynchronous(command.run(self)),
            Command::Token(command) => self.asynchronous(command.run(self)),
            Command::Round(command) => self.asynchronous(command.run(self)),
            Command::Restore(command) => self.asynchronous(command.run(self)),
            Command::Bell(command) => self.asynchronous(command.run(self)),
            Command::Noted(command) => self.asynchronous(command.run(self)),
            Command::Act(command) => self.asynchronous(self.act(command)),
        }
    }

    /// One act: read, sent with a token, told.
    async fn act(&self, command: ActCommand) -> Result<Exit, Told> {
        let mut form = command.form(|| self.times(), &mut io::stdin().lock()).map_err(|fault| self.tell(fault))?;
        self.has_data()?;
        if form.token.is_none() {
            form.token = Some(self.token()?);
        }
        let client = self.client();
        let value = client.act(&form, &self.clock).await?;
        self.show(&value, || Ok(client.typed::<DoneView>(&value)?.sentence))?;
        Ok(Exit::Done)
    }

    fn asynchronous<T>(&self, work: impl Future<Output = Result<T, Told>>) -> Result<T, Told> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|e| self.machine(e))?.block_on(work)
    }

    fn client(&self) -> Client<'_> {
        Client::new(&self.data, &self.words)
    }

    fn tell(&self, fault: Fault) -> Told {
        fault.tell(&self.words)
    }

    /// Our machine failed, and says itself what is to be done.
    fn failed(&self, cause: &impl Tell) -> Told {
        self.tell(Fault::new(Code::Machine).because(cause))
    }

    fn machine(&self, cause: impl std::fmt::Display) -> Told {
        self.tell(Fault::new(Code::Machine).because(&Sentence::new("machine-said").with("cause", cause)))
    }

    /// Refuses a directory that holds no station, before anybody waits for one.
    fn has_data(&self) -> Result<(), Told> {
        self.holds_station().map_err(|fault| self.tell(fault))
    }

    fn holds_station(&self) -> Result<(), Fault> {
        let code = match std::fs::metadata(self.data.join(CONFIG_FILE)) {
            Ok(found) if found.is_file() => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Code::DataClosed,
            Ok(_) | Err(_) if self.data.join(DATABASE_FILE).exists() => Code::ConfigurationGone,
            Ok(_) | Err(_) => Code::NoData,
        };
        Err(Fault::new(code).with("path", self.data.display()))
    }

    fn config(&self) -> Result<Config, Fault> {
        self.holds_station()?;
        Config::load(&self.data).map_err(|e| Fault::new(Code::Configuration).because(&e))
    }

    /// How a person's times are read here.
    fn times(&self) -> Result<Times, Fault> {
        Ok(Times::spoken(&self.config()?.organisation.zone, self.now()))
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.now().min(Timestamp::MAX.0))
    }

    /// Both sides' clocks, ours first, by what a view says of them.
    fn clocks(&self, [our_sign, their_sign]: [&str; 2], [our_zone, their_zone]: [&str; 2]) -> Clocks {
        Clocks { ours: Place::new(our_sign, our_zone), theirs: Place::new(their_sign, their_zone), now: self.now() }
    }

    fn token(&self) -> Result<String, Told> {
        Ok(hexadecimal(&entropy::bytes::<16>().map_err(|e| self.failed(&e))?))
    }

    /// Prints the API's JSON, or what is made of it for a person.
    fn show(&self, value: &Value, text: impl FnOnce() -> Result<String, Told>) -> Result<(), Told> {
        self.print(&if self.json { escaped_json(&format!("{value:#}")) } else { text()? })
    }

    /// Prints with one line end. What does not go out is lost: whatever was done, whoever reads is told.
    fn print(&self, text: &str) -> Result<(), Told> {
        print(text).map_err(|e| self.tell(Fault::new(Code::NotPrinted).with("cause", e)))
    }

    fn complain(&self, told: &Told) {
        if self.json {
            print_error(told);
        } else {
            // Nobody reads a standard error that is closed.
            let _ = writeln!(io::stderr(), "{}\n{}", told.what, told.instead);
        }
    }

    fn say(&self, id: &str, args: &[(&'static str, String)]) -> String {
        let args: Vec<_> = args.iter().map(|(name, value)| (*name, value.as_str().into())).collect();
        self.words.say(id, &args)
    }
}

/// Help, the version, or what is wrong with a command line, as `plain` says without words of ours.
fn answered(args: &[OsString], plain: clap::Error, words: &Words, is_json: bool) -> Exit {
    let answer = help::worded(words).try_get_matches_from(args).err().unwrap_or(plain);
    if !answer.use_stderr() {
        // A closed pipe is nobody's fault.
        let _ = answer.print();
        return Exit::Done;
    }
    let (told, usage) = help::not_understood(&answer, args, words);
    if is_json {
        print_error(&told);
    } else if answer.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = answer.print();
    } else {
        // Nobody reads a standard error that is closed.
        let _ = writeln!(io::stderr(), "{}\n{}", told.what, told.instead);
        if !usage.is_empty() {
            let _ = writeln!(io::stderr(), "\n{} {usage}", words.say("usage-heading", &[]));
        }
    }
    Exit::of(&told)
}

fn print_error(told: &Told) {
    let body = ErrorBody { error: told.clone() };
    // Nobody reads a standard output that takes nothing.
    let _ = print(&escaped_json(&serde_json::to_string_pretty(&body).unwrap_or_default()));
}

/// Prints with one line end. A reader that has gone is nobody's fault.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use counterpart_core::act::Act;

    use super::*;
    use crate::api::form::SPECS;

    #[test]
    fn every_act_has_a_command_a_form_in_the_api_and_a_place_in_core() {
        let commands: BTreeSet<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();

        for word in Act::WORDS {
            assert!(commands.contains(word), "no command {word}");
            assert!(SPECS.iter().any(|s| s.act == word), "no form {word}");
        }
        let others = "init backup serve demo invite join confirm abandon pairings lines status record doctor bell noted restore round token user";
        let known: BTreeSet<&str> = Act::WORDS.into_iter().chain(others.split(' ')).collect();
        let strange: Vec<&String> = commands.iter().filter(|c| !known.contains(c.as_str())).collect();
        assert!(strange.is_empty(), "commands that are neither act nor view: {strange:?}");
        assert!(!commands.contains("alerting"), "only a channel says that a device rings");
    }

    #[test]
    fn no_argument_of_a_command_has_the_name_of_one_that_every_command_takes() {
        let cli = Cli::command();
        let of_all: BTreeSet<&str> =
            cli.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.get_id().as_str()).collect();
        assert!(of_all.contains("speak") && of_all.contains("json"), "{of_all:?}");

        for command in cli.get_subcommands() {
            let twice = command.get_arguments().find(|arg| of_all.contains(arg.get_id().as_str()));
            assert!(twice.is_none(), "{}: {twice:?}", command.get_name());
        }
    }

    #[test]
    fn the_commands_hang_together() {
        Cli::command().debug_assert();
    }
}
