use std::io;
use std::path::PathBuf;

use souffleur_core::{Hint, one_line};
use souffleur_model::ModelError;

/// Why a checkpoint was not exported. Nothing is left under the output's name in any of these cases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The folder holds no weights in a form this program reads.
    #[error("{folder} holds neither model.safetensors nor model.safetensors.index.json{found}")]
    NoCheckpoint {
        /// The folder as the user named it.
        folder: PathBuf,
        /// What was found instead, such as `, found pytorch_model.bin`; may be empty.
        found: String,
    },
    /// A file of the checkpoint cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The head of a safetensors file, or the index of several, contradicts itself or the file.
    #[error("{path} is not a sound checkpoint file: {reason}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// The checkpoint lacks a tensor that its config demands.
    #[error("the checkpoint has no tensor {name}")]
    MissingTensor {
        /// Its name in the published layout.
        name: String,
    },
    /// A tensor has another shape than the config demands.
    #[error("tensor {name} must have shape {expected:?} by config.json, found {found:?}")]
    Shape {
        /// Its name in the published layout.
        name: String,
        /// What the config demands.
        expected: Vec<usize>,
        /// What the file says.
        found: Vec<u64>,
    },
    /// A tensor's numbers are of a kind this program does not read.
    #[error("tensor {name} must be F32, F16 or BF16, found {found}")]
    Dtype {
        /// Its name in the published layout.
        name: String,
        /// What the file says.
        found: String,
    },
    /// A weight is no number, or too large for the kind of weights asked for.
    #[error("tensor {name} must hold finite numbers{range}, found {found}")]
    Value {
        /// Its name in the published layout, or that of the layer it became part of.
        name: String,
        /// The range where there is one, such as ` within ±65504`.
        range: &'static str,
        /// The value.
        found: f32,
    },
    /// A config, the tokenizer or the manifest is missing or wrong.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The output folder is there and holds something that no export wrote.
    #[error("{path} exists and is not an earlier export: {reason}")]
    OutputExists {
        /// The folder as the user named it.
        path: PathBuf,
        /// What is in the way.
        reason: String,
    },
    /// A file of the output cannot be written: disk full, no permission.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl ExportError {
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Read { path, source }
    }

    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Write { path, source }
    }

    pub(crate) fn corrupt(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        // Parsers may answer in several lines; an error is one.
        let reason = one_line(&reason.to_string());
        Self::Corrupt { path: path.into(), reason }
    }
}

impl Hint for ExportError {
    fn hint(&self) -> String {
        match self {
            Self::NoCheckpoint { .. } => {
                "point SRC at the folder of a Hugging Face checkpoint saved as safetensors".into()
            }
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "point SRC at the whole folder of the original checkpoint, configs and tokenizer too".into()
            }
            Self::Read { .. } => "check that you may read the file and that the disk is sound".into(),
            Self::Corrupt { .. } => "copy or download the checkpoint again: the file is damaged or cut short".into(),
            Self::MissingTensor { .. } | Self::Shape { .. } => {
                "use the config.json that belongs to these weights, and a Qwen2.5-VL checkpoint with all its shards"
                    .into()
            }
            Self::Dtype { .. } => {
                "export from the original checkpoint in bf16, f16 or f32, not from a quantized one".into()
            }
            Self::Value { range: "", .. } => "copy or download the checkpoint again: the file is damaged".into(),
            Self::Value { .. } => "export with --weights f32 or int8".into(),
            Self::Model(err) => err.hint(),
            Self::OutputExists { .. } => "choose a new folder for OUT, or empty this one".into(),
            Self::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space or choose an OUT on another disk; nothing was left behind".into()
            }
            Self::Write { .. } => "choose an OUT that you may write to; nothing was left behind".into(),
        }
    }
}
