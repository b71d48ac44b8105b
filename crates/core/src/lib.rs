//! The nouns of proactive video dialogue and the rules that hold without a model, a device or a clock.
//!
//! A *frame* is one captured image; a *turn* is one or two frames and an optional user text, answered by the model
//! with a *reply* or with the silence text; a *question* is a standing request of the user. Nothing here reads a
//! file, a clock or a random number: time comes in as an argument, so every rule can be tested with plain values.

mod dialogue;
mod frame;
mod grid;
mod hint;
mod observation;
mod question;
mod reply;
mod subtitle;
mod time;

pub use dialogue::{Turn, join_turn_texts};
pub use frame::{Frame, RgbImage, RgbImageError};
pub use grid::{FrameGrid, FrameGridError};
pub use hint::{Hint, one_line};
pub use observation::{Decision, Observation};
pub use question::{Question, QuestionId, StandingRequests};
pub use reply::{Reply, SuppressReason, is_silence};
pub use subtitle::{SUBTITLE_PREFIX, SubtitleLine};
pub use time::MediaTime;
