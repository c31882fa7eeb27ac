//! Threads of a run's own, on which whatever is said goes into the job's log.

use tokio::runtime::{Builder, Handle, Runtime};
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

use crate::job::JobLogLayer;

/// One for the handler, one for whoever watches it while it blocks that, one more for a child of it.
const THREADS: usize = 3;

/// A runtime for one run. Dropping it waits for nobody: a handler that blocks keeps its thread.
pub(super) struct Threads {
    /// Always there, until it is dropped.
    runtime: Option<Runtime>,
    /// Where the spans of the run are made.
    pub(super) log: Dispatch,
}

impl Threads {
    pub(super) fn start() -> Self {
        // As the server installs it.
        let log = Dispatch::new(tracing_subscriber::registry().with(JobLogLayer.with_filter(LevelFilter::INFO)));
        let default = log.clone();
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("stashhog-test-job")
            .enable_all()
            // For the whole life of the thread.
            .on_thread_start(move || std::mem::forget(tracing::dispatcher::set_default(&default)))
            .build();
        match runtime {
            Ok(runtime) => Self { runtime: Some(runtime), log },
            Err(error) => panic!("no threads for the job: {error}"),
        }
    }

    pub(super) fn handle(&self) -> Handle {
        match &self.runtime {
            Some(runtime) => runtime.handle().clone(),
            None => unreachable!("it is there until it is dropped"),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
