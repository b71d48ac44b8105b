use std::io;
use std::path::PathBuf;

use souffleur_core::Hint;
use souffleur_engine::EngineError;

/// Why a judge cannot judge. No message ever holds the key.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The text after `--judge` names no judge.
    #[error("a judge is exact, embedded, embedded=DIR or an http(s):// address; found {typed:?}{reason}")]
    Spec {
        /// What the user typed.
        typed: String,
        /// What is wrong with it, such as `: it has no host`; may be empty.
        reason: String,
    },
    /// A server is asked for a model, and none was named.
    #[error("the judge server {server} needs the name of a model, found none")]
    NoModel {
        /// The address without its query.
        server: String,
    },
    /// The key from the environment is no header.
    #[error("SOUFFLEUR_JUDGE_KEY must be one line of printable ASCII, found other characters")]
    Key,
    /// A prompt cannot be used.
    #[error("the prompt {path} cannot be used: {reason}")]
    Prompt {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// The file of earlier answers cannot be used.
    #[error("the judge's answers cannot be kept in {path}: {cause}")]
    Cache {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The server refuses every request of this kind.
    #[error("the judge server {server} refuses: {reason}")]
    Refused {
        /// The address without its query.
        server: String,
        /// Status, and what the server said.
        reason: String,
    },
    /// Request after request failed.
    #[error("the judge server {server} failed {num_failed} requests in a row, the last with: {reason}")]
    Unreachable {
        /// The address without its query.
        server: String,
        /// How many.
        num_failed: usize,
        /// What the last one met.
        reason: String,
    },
    /// No sentence encoder where it is looked for.
    #[error("the embedded judge's sentence encoder is expected in {folder}, and is not there")]
    NoEncoder {
        /// The folder.
        folder: PathBuf,
    },
    /// The sentence encoder failed.
    #[error(transparent)]
    Encoder(#[from] EngineError),
    /// A thread could not be started.
    #[error("cannot start a thread for the judge: {cause}")]
    Thread {
        /// What the system said.
        cause: io::Error,
    },
}

impl Hint for JudgeError {
    fn hint(&self) -> String {
        match self {
            Self::Spec { .. } => {
                "give --judge exact, embedded, or such as http://localhost:8000/v1?model=NAME, or --scores with a file"
                    .into()
            }
            Self::NoModel { .. } => "add ?model=NAME to the address, or set SOUFFLEUR_JUDGE_MODEL".into(),
            Self::Key => "set SOUFFLEUR_JUDGE_KEY to the key alone, without line breaks".into(),
            Self::Prompt { .. } => "give a text file that holds {gold} and {reply} ({earlier} and {reply})".into(),
            Self::Cache { .. } => "give --judge-cache a file that you may write to".into(),
            Self::Refused { .. } => {
                "check the address, the model's name and SOUFFLEUR_JUDGE_KEY; answers so far are kept".into()
            }
            Self::Unreachable { .. } => {
                "start the server or try later: answers so far are kept, and the same command goes on from there".into()
            }
            Self::NoEncoder { .. } => "run `cargo xtask judge-model`, or give --judge embedded=DIR".into(),
            Self::Encoder(err) => err.hint(),
            Self::Thread { .. } => "close other programs, or give --judge-concurrency a smaller number".into(),
        }
    }
}
