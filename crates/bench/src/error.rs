use std::io;
use std::path::PathBuf;

use souffleur_core::Hint;

use crate::{Finding, JudgeError};

/// Why a benchmark could not be scored. Each says what was expected and what was found, on one line.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file could not be read at all.
    #[error("cannot read {path}: {cause}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// An annotation file is not JSON, or not a list of items.
    #[error("{origin}: expected a JSON list of items, found {cause}")]
    NotAnnotations {
        /// The file.
        origin: String,
        /// What the parser said, with line and column.
        cause: String,
    },
    /// One line of a JSONL file cannot be used.
    #[error("{origin}, line {line}: {cause}")]
    BadLine {
        /// The file.
        origin: String,
        /// Counted from 1.
        line: usize,
        /// What was expected and what was found.
        cause: String,
    },
    /// Oddities that are tolerated otherwise, under `--strict`.
    #[error("{origin}: {count} finding(s) under --strict, the first: {first}")]
    Strict {
        /// The file.
        origin: String,
        /// How many.
        count: usize,
        /// The first of them.
        first: Box<Finding>,
    },
    /// An ω that is no share of the span.
    #[error("omega is a number from 0 to 1, found {typed:?}")]
    Omega {
        /// What the user typed.
        typed: String,
    },
    /// The judge.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

impl Hint for BenchError {
    fn hint(&self) -> String {
        match self {
            Self::Read { .. } => "check the path and that the file may be read".into(),
            Self::NotAnnotations { .. } => {
                "give the anno.json of a subset: a list of objects with question_id, conversation and answer".into()
            }
            Self::BadLine { .. } => "mend or remove that line: one JSON object a line, nothing cut off".into(),
            Self::Strict { .. } => "mend the file, or leave --strict out to have such things listed only".into(),
            Self::Omega { .. } => "give --omega numbers from 0 to 1, separated by commas, such as 0,0.5,1".into(),
            Self::Judge(err) => err.hint(),
        }
    }
}
