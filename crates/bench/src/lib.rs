//! How good proactive replies are: the right words, in time, once.
//!
//! [`run_pauc`] scores a prediction file against an annotation file in ProactiveVideoQA's form. Below it:
//! [`Annotations`] and [`Predictions`] read the files, a [`Judge`] says how well replies cover a gold answer,
//! [`pauc`] is the metric as pure functions, [`evaluate`] walks all items, [`SubsetResult`] is what is reported, and
//! [`metric`] says what each number means. [`run`] plays a benchmark's clips to a model and keeps what it says,
//! [`run_report`] scores that beside its baselines and draws it. [`span_hits`] tells people which answers were met.

mod annotation;
mod bootstrap;
pub mod datasets;
mod error;
mod evaluate;
mod finding;
mod jsonl;
mod judge;
mod lenient_json;
pub mod metric;
pub mod multiple_choice;
mod omega;
pub mod pauc;
mod predictions;
mod repeats;
mod report;
pub mod run;
mod run_pauc;
pub mod run_report;
mod span_hits;
pub mod timed_alert;
pub mod words;

pub use annotation::{Annotations, GoldAnswer, Item, Span, UserText};
pub use bootstrap::{Bootstrap, Interval};
pub use error::BenchError;
pub use evaluate::{Evaluation, Tally, evaluate};
pub use finding::{Finding, FindingKind};
pub use judge::{
    EmbeddedJudge, Endpoint, ExactJudge, Judge, JudgeChoice, JudgeError, JudgeProgress, JudgeRequest, JudgeSettings,
    JudgeUsage, Key, MAX_SCORE, Prompt, ScoresJudge, ServerJudge, ServerSettings, TextEncoder,
};
pub use metric::{Direction, METRICS, Metric};
pub use multiple_choice::MultipleChoice;
pub use omega::Omega;
pub use predictions::{Predictions, SILENCE_TEXT, TimedReply};
pub use repeats::exact_repeats;
pub use report::{PercentByOmega, SubsetResult, SubsetTable};
pub use run_pauc::{PaucOptions, PaucRun, Strictness, run_pauc};
pub use span_hits::{SpanHits, SpanOutcome, span_hits};
