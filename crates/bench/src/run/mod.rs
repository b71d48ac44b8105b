//! Runs: clips played to a model, predictions written as they come, gone on with after a stop or a kill.

mod ask;
mod benchmark;
mod clip;
mod drive;
mod error;
mod folder;
mod merge;
mod play;
mod prediction;
mod settings;
mod shard;
mod subset;
mod variant;

pub use ask::{OFFLINE_FRAMES, OFFLINE_PROMPT};
pub use benchmark::{Benchmark, Gold};
pub use clip::{Clip, ClipEnd};
pub use drive::{LeftOut, Progress, RunPlan, StartModel, drive};
pub use error::RunError;
pub use folder::{ModelFacts, RunFolder, RunRecord};
pub use merge::merge;
pub use prediction::{Prediction, Response};
pub use settings::{Asking, FramesPerTurn, Settings};
pub use shard::Shard;
pub use subset::Subset;
pub use variant::{MAIN, QUESTION_AT_END, Variant, VariantKind, variants};

pub(crate) use prediction::to_score;
pub(crate) use subset::SUBSETS_OF_TABLES;
