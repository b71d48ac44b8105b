use std::io;
use std::path::{Path, PathBuf};

use souffleur_core::Hint;
use souffleur_engine::EngineError;
use souffleur_session::SessionError;

use crate::BenchError;

/// Why a run could not start, go on or be reported. What was written until then stays and is gone on from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// An annotation file or a prediction file.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// No benchmark of that name.
    #[error("the benchmarks are {}; found {typed:?}", known.join(", "))]
    UnknownBenchmark {
        /// What the user typed.
        typed: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The folder holds no annotation.
    #[error("{} holds no benchmark: expected {expected}", root.display())]
    NoSubset {
        /// The folder given.
        root: PathBuf,
        /// What should lie there.
        expected: &'static str,
    },
    /// A subset that was asked for is not there.
    #[error("subset {name:?} is not in {}: found {}", root.display(), found.join(", "))]
    UnknownSubset {
        /// What the user typed.
        name: String,
        /// The folder given.
        root: PathBuf,
        /// The subsets there are.
        found: Vec<String>,
    },
    /// A shard that is none.
    #[error("a shard is written i/n with 1 <= i <= n, found {typed:?}")]
    Shard {
        /// What the user typed.
        typed: String,
    },
    /// A sweep that cannot be read.
    #[error(
        "a sweep is policy=…, interval=… or eagerness=… with values separated by commas, or eagerness=A..B; found {typed:?}: {cause}"
    )]
    Sweep {
        /// What the user typed.
        typed: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A number that no run can have.
    #[error("{cause}")]
    Setting {
        /// What is expected and what was found.
        cause: String,
    },
    /// The folder holds a run of something else.
    #[error("{} holds a run with {what} {found}, asked for is {asked}", folder.display())]
    OtherRun {
        /// The run's folder.
        folder: PathBuf,
        /// Which setting differs.
        what: &'static str,
        /// Its value there.
        found: String,
        /// Its value now.
        asked: String,
    },
    /// The folder holds no run, or a broken one.
    #[error("{} is no run: {cause}", folder.display())]
    NotARun {
        /// The folder given.
        folder: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// Another process writes into the run.
    #[error("{} is being written by another process", folder.display())]
    Busy {
        /// The run's folder.
        folder: PathBuf,
    },
    /// A file of the run cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Videos that are not there, under `--strict`.
    #[error("{count} video(s) are missing under --strict, the first: {}", first.display())]
    MissingVideos {
        /// How many.
        count: usize,
        /// Where the first was looked for.
        first: PathBuf,
    },
    /// A video that cannot be decoded to its end, under `--strict`.
    #[error("{question_id}: {cause}")]
    BadVideo {
        /// The item.
        question_id: String,
        /// What the reader said.
        cause: String,
    },
    /// The model does not start.
    #[error(transparent)]
    Engine(Box<EngineError>),
    /// The model could not take a turn.
    #[error("{question_id}: {cause}")]
    Session {
        /// The item.
        question_id: String,
        /// What the session said.
        cause: Box<SessionError>,
    },
    /// The user asked for the end.
    #[error("stopped after {done} of {total} items of {variant}")]
    Stopped {
        /// Which part of the run.
        variant: String,
        /// Items that have predictions.
        done: usize,
        /// Items there are.
        total: usize,
    },
    /// No item of that name.
    #[error("no item of {} is called {item:?}{}", folder.display(), near.as_deref().map(|near| format!("; near is {near:?}")).unwrap_or_default())]
    UnknownItem {
        /// The run's folder.
        folder: PathBuf,
        /// What the user typed.
        item: String,
        /// An item with a similar name.
        near: Option<String>,
    },
    /// The report was never written.
    #[error("{} has no report", folder.display())]
    NoReport {
        /// The run's folder.
        folder: PathBuf,
    },
}

impl From<EngineError> for RunError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl RunError {
    pub(crate) fn write(path: &Path, cause: io::Error) -> Self {
        Self::Write { path: path.to_owned(), cause }
    }

    pub(crate) fn not_a_run(folder: &Path, cause: impl Into<String>) -> Self {
        Self::NotARun { folder: folder.to_owned(), cause: cause.into() }
    }
}

impl Hint for RunError {
    fn hint(&self) -> String {
        match self {
            Self::Bench(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::UnknownBenchmark { .. } => "name one of them, such as `souffleur bench proactivevideoqa`".into(),
            Self::NoSubset { .. } => "give --root the folder that the benchmark was unpacked into".into(),
            Self::UnknownSubset { .. } => "give --subset names of folders in --root, or leave it out for all".into(),
            Self::Shard { .. } => "give --shard 1/4, --shard 2/4 and so on, one a machine".into(),
            Self::Sweep { .. } => "write it like --sweep policy=text,threshold=0.5 or --sweep eagerness=-2..2".into(),
            Self::Setting { .. } => "see `souffleur bench --help` for the range".into(),
            Self::OtherRun { .. } => "give --out a folder of its own, or the options of the run that is there".into(),
            Self::NotARun { .. } => "give a folder that `souffleur bench NAME --out FOLDER` wrote".into(),
            Self::Busy { .. } => "wait until it is done, or give --out another folder".into(),
            Self::Write { cause, .. } if cause.kind() == io::ErrorKind::StorageFull => {
                "free some space on that disk and start again: what is done is kept".into()
            }
            Self::Write { .. } => "check that you may write there, or give --out another folder".into(),
            Self::MissingVideos { .. } => "put the videos there, or leave --strict out to have them listed only".into(),
            Self::BadVideo { .. } => "replace that video, or leave --strict out to have it listed only".into(),
            Self::Session { cause, .. } => cause.hint(),
            Self::Stopped { .. } => "start the same command again: it goes on where it stopped".into(),
            Self::UnknownItem { .. } => "give an item's question_id as report.json lists it".into(),
            Self::NoReport { .. } => "start the run again: a run that is done is only scored".into(),
        }
    }
}
