use std::path::PathBuf;

use souffleur_core::Hint;
use souffleur_model::{ModelError, ResizeError};

use crate::runtime::{MIN_RUNTIME_MINOR, SearchedPlaces};

/// What can go wrong between a model folder and a reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No ONNX Runtime library anywhere it is looked for.
    #[error("the ONNX Runtime library was not found; looked at {searched}")]
    RuntimeMissing {
        /// Where it was looked for, in order.
        searched: SearchedPlaces,
    },
    /// A library that cannot be loaded or is no ONNX Runtime.
    #[error("{} is no usable ONNX Runtime library: {reason}", path.display())]
    RuntimeUnusable {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// A library from before the assignment record.
    #[error("ONNX Runtime 1.{MIN_RUNTIME_MINOR} or later is expected, found 1.{found_minor} at {}", path.display())]
    RuntimeTooOld {
        /// The file.
        path: PathBuf,
        /// Its minor version.
        found_minor: u32,
    },
    /// A provider this build does not have.
    #[error("the provider {requested} was asked for, this build has {}", available.join(", "))]
    ProviderUnavailable {
        /// What was asked for.
        requested: String,
        /// What there is.
        available: Vec<&'static str>,
    },
    /// Neither a model's name nor a folder.
    #[error("there is no model named {name} and no folder of that path; known: {}", known.join(", "))]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// Names there are.
        known: Vec<String>,
    },
    /// The model folder itself.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A frame the model cannot look at.
    #[error(transparent)]
    Frame(#[from] ResizeError),
    /// A graph that ONNX Runtime does not load.
    #[error("ONNX Runtime cannot load {graph}: {reason}")]
    Load {
        /// The file inside the model folder.
        graph: &'static str,
        /// What the runtime said.
        reason: String,
    },
    /// A graph without an input or output of the expected name.
    #[error("{graph} has no {kind} named {expected}, found {}", found.join(", "))]
    GraphForm {
        /// The file inside the model folder.
        graph: &'static str,
        /// `input` or `output`.
        kind: &'static str,
        /// The name looked for.
        expected: String,
        /// The names there are.
        found: Vec<String>,
    },
    /// A run that failed.
    #[error("ONNX Runtime failed while running {graph}: {reason}")]
    Run {
        /// The file inside the model folder.
        graph: &'static str,
        /// What the runtime said.
        reason: String,
    },
    /// A result of another size than the model's config says.
    #[error("{graph} gave {found} numbers where {expected} are expected")]
    OutputSize {
        /// The file inside the model folder.
        graph: &'static str,
        /// What the config says.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// Logits without numbers.
    #[error("the decoder gave no logits")]
    EmptyLogits,
    /// Logits that are not numbers.
    #[error("the logit of token {token_id} is not a number")]
    NotANumber {
        /// The first such token.
        token_id: usize,
    },
    /// A turn without a frame.
    #[error("a turn holds at least 1 frame, found none")]
    NoFrames,
    /// A turn that does not fit behind what is already known.
    #[error("this turn needs {needed_tokens} tokens of context, {free_tokens} of {context_tokens} are free")]
    ContextFull {
        /// Tokens of the turn, with the longest reply it may need.
        needed_tokens: usize,
        /// Tokens left.
        free_tokens: usize,
        /// Tokens there are in all.
        context_tokens: usize,
    },
    /// `resolve` without a turn.
    #[error("no turn is open: a turn is observed before it is resolved")]
    NoOpenTurn,
    /// Someone cancelled the run.
    #[error("the turn was cancelled")]
    Cancelled,
    /// The engine thread panicked; its context is lost.
    #[error("the engine thread ended: {reason}")]
    ThreadEnded {
        /// The panic's message, or that it was shut down.
        reason: String,
    },
    /// A reference folder that `model check` cannot read.
    #[error("the reference {}: {reason}", path.display())]
    Reference {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
}

impl Hint for EngineError {
    fn hint(&self) -> String {
        match self {
            Self::RuntimeMissing { .. } => {
                "run `cargo xtask setup`, or set ORT_DYLIB_PATH to the library of an ONNX Runtime you have".into()
            }
            Self::RuntimeUnusable { .. } => {
                "run `cargo xtask setup` to fetch a fresh library, or let ORT_DYLIB_PATH name another one".into()
            }
            Self::RuntimeTooOld { .. } => {
                format!("unset ORT_DYLIB_PATH and run `cargo xtask setup`, or install 1.{MIN_RUNTIME_MINOR} or later")
            }
            Self::ProviderUnavailable { .. } => "give --provider auto or cpu".into(),
            Self::UnknownModel { .. } => {
                "`souffleur model list` shows the models; `souffleur model export SRC OUT` makes one from a checkpoint"
                    .into()
            }
            Self::Model(err) => err.hint(),
            Self::Frame(err) => err.hint(),
            Self::Load { .. } | Self::GraphForm { .. } => {
                "export the model again with `souffleur model export SRC OUT --weights int8`".into()
            }
            Self::Run { .. } | Self::OutputSize { .. } | Self::EmptyLogits | Self::NotANumber { .. } => {
                "check the model with `souffleur model check DIR --against REFERENCE`, and try --provider cpu".into()
            }
            Self::ContextFull { .. } => {
                "shorten the question, watch a shorter span with --from and --to, or use a model with a longer context"
                    .into()
            }
            Self::Cancelled => "start again when you are ready".into(),
            Self::NoFrames | Self::NoOpenTurn | Self::ThreadEnded { .. } => {
                "this is a fault of the program: please report it with the line above".into()
            }
            Self::Reference { .. } => {
                "give the folder that holds reference.json, reference.safetensors and images/".into()
            }
        }
    }
}
