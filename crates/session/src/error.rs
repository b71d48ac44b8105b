use souffleur_capture::CaptureError;
use souffleur_core::{Hint, MediaTime};
use souffleur_engine::EngineError;

/// Why a session ended before its source did. What was found until then has been reported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The source broke off.
    #[error(transparent)]
    Source(#[from] CaptureError),
    /// The model could not be made ready.
    #[error(transparent)]
    Start(EngineError),
    /// The model could not take a turn.
    #[error("the turn at {time} failed: {error}")]
    Turn {
        /// The stamp of the turn.
        time: MediaTime,
        /// What the engine said.
        error: EngineError,
    },
}

impl Hint for SessionError {
    fn hint(&self) -> String {
        match self {
            Self::Source(error) => error.hint(),
            Self::Start(error) | Self::Turn { error, .. } => error.hint(),
        }
    }
}
