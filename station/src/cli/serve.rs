//! `serve` and `demo`: a station that runs.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use counterpart_core::precedence::Mark;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::{Context, Exit};
use crate::api::fault::{Code, Fault, Told};
use crate::api::router;
use crate::api::socket::Socket;
use crate::hooks;
use crate::record::Published;
use crate::serving::{ServeFault, Serving};
use crate::station::StartFault;
use crate::web::listen::{ListenFault, Listener};
use crate::web::{self, Desk};
use crate::words::Sentence;

#[derive(Subcommand, Clone, Debug)]
pub(super) enum ServeCommand {
    Serve {
        #[arg(long)]
        exercise: bool,
    },
    Demo(Demo),
}

// What a demonstration is told. Its directory is that of `--data`, if it is given; otherwise one that goes when it ends.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Demo {
    #[arg(long, value_name = "STORY")]
    pub story: Option<String>,
    #[arg(long, value_name = "DIR", requires = "story")]
    pub out: Option<PathBuf>,
    #[arg(long, value_name = "SECONDS", requires = "story", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub pace: Option<u64>,
}

impl ServeCommand {
    pub fn run(self, context: &Context) -> Result<Exit, Told> {
        match self {
            ServeCommand::Serve { exercise } => {
                context.has_data()?;
                let mark = if exercise { Mark::Exercise } else { Mark::Operation };
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
                runtime.map_err(|e| context.machine(e))?.block_on(context.serve(mark))
            }
            ServeCommand::Demo(Demo { story: Some(story), out, pace }) => {
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
                runtime.map_err(|e| context.machine(e))?.block_on(super::story::story(
                    context,
                    &story,
                    out,
                    pace.map(Duration::from_secs),
                ))
            }
            ServeCommand::Demo(_) => context.asynchronous(super::demo::demo(context)),
        }
    }
}

/// What is logged where RUST_LOG says nothing: what we write ourselves. A library below may log what a stranger sends it, as often as
/// that comes.
const LOGS: &str = "off,counterpart=info,counterpart_core=info,counterpart_voice=info";

impl Context {
    /// Serves until SIGTERM or SIGINT.
    async fn serve(&self, mark: Mark) -> Result<Exit, Told> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGS));
        // A second subscriber in one process changes nothing.
        let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
        // Colours are for people: a file or a journal gets none.
        let _ = logs.with_ansi(is_coloured(io::stderr().is_terminal())).try_init();
        // What is wrong with the configuration ends this command as it ends every other.
        self.config().map_err(|fault| self.tell(fault))?;
        let started = Serving::start(&self.data, self.clock.clone(), mark).await;
        let mut serving = started.map_err(|e| self.tell(Fault::new(code(&e)).because(&e)))?;
        let socket = Socket::bind(&self.data).await.map_err(|fault| self.tell(fault))?;
        serving.meet();
        let desk = match &serving.station.config.desk {
            None => None,
            Some(config) => {
                let listener = Listener::bind(config).await.map_err(|e| {
                    let is_file = matches!(e, ListenFault::Pem(_));
                    self.tell(Fault::new(if is_file { Code::StartUnfit } else { Code::Start }).because(&e))
                })?;
                Some((Desk::new(serving.api.clone(), config)?, listener))
            }
        };
        let until = until(ended().map_err(|e| self.machine(e))?, serving.station.keeper.published());
        tracing::info!(listen = %serving.station.config.link.listen, "the station serves");
        if let Some(address) = serving.api.parts.voice.address() {
            tracing::info!(%address, "browsers reach voice");
        }
        let stop = tokio::sync::watch::Sender::new(false);
        let served = desk.map(|(desk, listener)| {
            tracing::info!(listen = %listener.address(), "the desk is served");
            let mut stopped = stop.subscribe();
            tokio::spawn(web::router::serve(desk, listener, async move { drop(stopped.wait_for(|stop| *stop).await) }))
        });
        let webhooks = &serving.station.config.webhooks;
        let told = hooks::start(&serving.api, webhooks);
        let told = told.map_err(|e| self.tell(Fault::new(Code::StartUnfit).because(&e)))?;
        router::serve(serving.api.clone(), socket, until).await;
        stop.send_replace(true);
        // What is being posted may go on for long: it is posted again after the next start.
        told.iter().for_each(tokio::task::JoinHandle::abort);
        if let Some(served) = served {
            // It ends by itself within its own time; a desk that broke is in the log.
            let _ = served.await;
        }
        tracing::info!("the station stops");
        if serving.stop().await { Ok(Exit::Done) } else { Err(self.failed(&Sentence::new("machine-record-broke"))) }
    }
}

/// Comes when the process is asked to end, or when nothing keeps the record any more: a station that answers nobody is to end, so that
/// what watches over it starts it anew.
async fn until(ended: impl Future<Output = ()>, mut published: watch::Receiver<Arc<Published>>) {
    let broke = async move { while published.changed().await.is_ok() {} };
    tokio::select! {
        () = ended => {}
        () = broke => {}
    }
}

/// Whose fault it is that a station does not start. Of keys and configuration it is that of whoever gave them, here as where they
/// are made.
fn code(fault: &ServeFault) -> Code {
    match fault {
        ServeFault::Start(StartFault::Keys(fault)) if !fault.is_of_place() => Code::Start,
        ServeFault::Start(StartFault::Store(fault)) if fault.is_of_place() => Code::StartUnfit,
        ServeFault::Start(StartFault::Keys(_) | StartFault::Config(_)) => Code::StartUnfit,
        ServeFault::Start(StartFault::Store(_) | StartFault::Bind(_) | StartFault::Voice(_))
        | ServeFault::Pairing(_) => Code::Start,
    }
}

/// Whether what is logged has colours: on a terminal, unless its user wants none (no-color.org).
fn is_coloured(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|said| said.is_empty())
}

/// Comes when the process is asked to end.
pub(super) fn ended() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The same, or its terminal is closed: what was started from there is to end with it.
pub(super) fn left() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let (ended, mut hangup) = (ended()?, signal(SignalKind::hangup())?);
    Ok(async move {
        tokio::select! {
            () = ended => {}
            _ = hangup.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_station_ends_when_nothing_keeps_its_record_any_more() {
        let (publish, published) = watch::channel(Arc::new(Published::default()));
        publish.send_replace(Arc::default());
        let ends = tokio::spawn(until(std::future::pending(), published));
        tokio::task::yield_now().await;
        assert!(!ends.is_finished(), "what is published ends nothing");

        drop(publish);

        ends.await.unwrap();
    }
}
