use std::fmt;

use serde::Serialize;

/// What a judge server was asked, what it cost, and what failed. Belongs into every report of its scores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JudgeUsage {
    /// The model that judged.
    pub model: String,
    /// Different questions in all.
    pub questions: usize,
    /// Of them, answered by an earlier run.
    pub from_cache: usize,
    /// Requests sent, tries after a failure included.
    pub requests: usize,
    /// Requests that got no answer in time.
    pub timed_out: usize,
    /// Requests refused because there were too many (429).
    pub rate_limited: usize,
    /// Requests the server failed at (5xx), or whose connection failed or ended early.
    pub server_errors: usize,
    /// Requests answered with something that is no chat completion.
    pub nonsense: usize,
    /// Questions that have no answer after all tries; the next run asks them again.
    pub failed: usize,
    /// Questions whose answer names no grade, or neither yes nor no.
    pub unparsable: usize,
    /// Tokens sent in this run, as the server counts them.
    pub prompt_tokens: u64,
    /// Tokens received in this run, as the server counts them.
    pub completion_tokens: u64,
}

impl fmt::Display for JudgeUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "judge {}: {} questions, {} known, {} requests ({} timed out, {} rate limited, {} server errors, {} \
             nonsense), {} failed, {} unparsable, {} + {} tokens",
            self.model,
            self.questions,
            self.from_cache,
            self.requests,
            self.timed_out,
            self.rate_limited,
            self.server_errors,
            self.nonsense,
            self.failed,
            self.unparsable,
            self.prompt_tokens,
            self.completion_tokens
        )
    }
}
