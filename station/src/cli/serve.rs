//! `serve` and `demo`: a station that runs.

use std::path::{Path, PathBuf};

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
    /// Runs it until it ends.
    pub fn run(self, context: &Context) -> Result<Exit, Told> {
        match self {
            ServeCommand::Serve => context.serve(),
            ServeCommand::Demo(demo) => context.demo(&demo, context.data_given.as_deref()),
        }
    }
}

impl Context {
    fn serve(&self) -> Result<Exit, Told> {
        self.has_data()?;
        Err(self.tell(Fault::new(Code::NotBuilt).with("what", "serve")))
    }

    /// `data` is where both stations live, if they are to stay.
    fn demo(&self, _: &Demo, _: Option<&Path>) -> Result<Exit, Told> {
        Err(self.tell(Fault::new(Code::NotBuilt).with("what", "demo")))
    }
}
