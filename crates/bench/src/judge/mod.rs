//! Who says how well a reply covers a gold answer.

mod choice;
mod embedded;
mod error;
mod exact;
mod progress;
mod scores;
mod server;
mod usage;

pub use choice::{JudgeChoice, JudgeSettings};
pub use embedded::{EmbeddedJudge, TextEncoder};
pub use error::JudgeError;
pub use exact::ExactJudge;
pub use progress::JudgeProgress;
pub use scores::ScoresJudge;
pub use server::{Endpoint, Key, Prompt, ServerJudge, ServerSettings};
pub use usage::JudgeUsage;

use crate::{Item, Predictions, exact_repeats};

/// The best score on the benchmark's scale: judges answer 1, 2 or 3 and score 0, 1 or 2.
pub const MAX_SCORE: f64 = 2.0;

/// One question to a judge: how well do the replies up to now cover the gold answer?
#[derive(Clone, Copy, Debug)]
pub struct JudgeRequest<'a> {
    /// The item.
    pub question_id: &'a str,
    /// Index of the gold answer within the item, from 0.
    pub answer_idx: usize,
    /// Time of the newest reply, in seconds of the video.
    pub time_secs: f64,
    /// What was asked.
    pub question: &'a str,
    /// What should be said.
    pub gold: &'a str,
    /// All kept replies of this gold turn up to now, oldest first. A judge of text reads them joined by one space.
    pub replies: &'a [&'a str],
}

/// Says how well replies cover a gold answer, and which replies say nothing new.
///
/// A request does not depend on the answer to any other, so a judge that is slow (a server) may be given them all
/// beforehand and answer from its cache.
pub trait Judge {
    /// From 0 (wrong) to [`Self::max_score`] (all key points); `None` when it has no usable answer: then
    /// the reply makes no point of the curve, and is counted as unscored.
    fn score(&self, request: &JudgeRequest<'_>) -> Option<f64>;

    /// S: the best score it gives.
    fn max_score(&self) -> f64 {
        MAX_SCORE
    }

    /// For each reply that `asked` names by index: was all it says said by earlier replies of the item? `replies`
    /// are all of the item, by time.
    fn repeats(&self, replies: &[&str], asked: &[usize]) -> Vec<bool> {
        exact_repeats(replies, asked)
    }

    /// Given all items of a run before the first score, so that a slow judge can ask several things at once. Scoring
    /// works without it, one question after the other.
    ///
    /// # Errors
    /// When the judge cannot judge at all. Single questions without an answer are no error: they are counted.
    fn prepare(&self, _items: &[Item], _predictions: &Predictions) -> Result<(), JudgeError> {
        Ok(())
    }

    /// After the last score: what the judging took, where the judge keeps count.
    ///
    /// # Errors
    /// What stopped the judge while it scored; scores from then on are missing.
    fn finish(&self) -> Result<Option<JudgeUsage>, JudgeError> {
        Ok(None)
    }
}
