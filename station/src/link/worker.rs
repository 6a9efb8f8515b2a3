//! The thread of the link: its endpoint, connections and sessions. One, because a packet of voice that comes or goes need wake no second;
//! of its own, because none waits then for a page that is drawn.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// The thread. Dropped, it ends, and with it what runs there.
#[derive(Debug)]
pub struct Worker {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Worker {
    /// Starts it.
    ///
    /// # Errors
    /// The machine gave no thread.
    pub fn start() -> io::Result<Worker> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("link").enable_all().build()?;
        Ok(Worker { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Runs a task there.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(task)
    }

    /// Awaits this here; what it starts, and the sockets that it opens, are there.
    pub async fn starting<F: Future>(&self, task: F) -> F::Output {
        let mut task = pin!(task);
        poll_fn(|context| {
            let _there = self.handle.enter();
            task.as_mut().poll(context)
        })
        .await
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Who drops it may be a task, which must not wait.
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}
