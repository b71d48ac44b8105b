use souffleur_core::Hint;

/// What can go wrong between a model folder and a reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// `resolve` without a turn.
    #[error("no turn is open: a turn is observed before it is resolved")]
    NoOpenTurn,
    /// Someone cancelled the run.
    #[error("the turn was cancelled")]
    Cancelled,
}

impl Hint for EngineError {
    fn hint(&self) -> String {
        match self {
            Self::NoOpenTurn => "this is a fault of the program: please report it".into(),
            Self::Cancelled => "start again when you are ready".into(),
        }
    }
}
