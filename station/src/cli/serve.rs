//! `serve` and `demo`: a station that runs.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Context, Exit};
use crate::api::fault::{Code, Fault, Told};

#[derive(Subcommand, Clone, Debug)]
pub(super) enum ServeCommand {
    /// Serve this data directory until a signal ends it.
    Serve,
    /// Start two stations of invented organisations on this machine; or play a story on two.
    Demo(Demo),
}

/// What a demonstration is told. Its directory is that of `--data`, if it is given; otherwise one that goes when it ends.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Demo {
    /// Play this story: february-2013, or a file.
    #[arg(long, value_name = "STORY")]
    pub story: Option<String>,
    /// Keep both stations of a story in DIR/SIDE/.
    #[arg(long, value_name = "DIR", requires = "story")]
    pub out: Option<PathBuf>,
}

impl ServeCommand {
    pub fn run(self, context: &Context) -> Result<Exit, Told> {
        let what = match self {
            ServeCommand::Serve => "serve",
            ServeCommand::Demo(_) => "demo",
        };
        context.has_data_for(what)?;
        Err(context.tell(Fault::new(Code::NotBuilt).with("what", what)))
    }
}

impl Context {
    fn has_data_for(&self, what: &str) -> Result<(), Told> {
        if what == "demo" { Ok(()) } else { self.has_data() }
    }
}
