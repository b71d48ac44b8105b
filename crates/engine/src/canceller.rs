use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ort::session::RunOptions;

use crate::EngineError;

/// Shared by the engine thread and whoever may stop it.
pub(crate) struct CancelState {
    is_cancelled: AtomicBool,
    /// Options of every run, so that a run in progress can be told to end.
    pub(crate) run: RunOptions,
}

impl CancelState {
    pub(crate) fn new() -> Result<Self, EngineError> {
        let run =
            RunOptions::new().map_err(|err| EngineError::ThreadEnded { reason: format!("no run options: {err}") })?;
        Ok(Self { is_cancelled: AtomicBool::new(false), run })
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    /// A new turn starts: an earlier wish to stop does not concern it.
    pub(crate) fn clear(&self) {
        self.is_cancelled.store(false, Ordering::Release);
        // Fails only for a null pointer, which `RunOptions` cannot hold; a turn would then fail by itself.
        let _ = self.run.unterminate();
    }
}

/// Stops the turn in progress from any thread; without one it does nothing.
///
/// While looking (`observe`) the turn ends with [`EngineError::Cancelled`] and the context is as before it; while
/// speaking (`resolve`) the reply so far stands.
#[derive(Clone)]
pub struct Canceller(pub(crate) Arc<CancelState>);

impl Canceller {
    /// Stops the turn in progress.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Release);
        let _ = self.0.run.terminate();
    }
}
