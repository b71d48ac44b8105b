//! What a report says, as plain data: `report.json` is exactly this, and the other forms are drawn from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::run::{ModelFacts, Settings};

/// Slowest items that a report lists.
const NUM_SLOWEST: usize = 10;

/// The form of `report.json`.
pub(super) const FORMAT: u32 = 1;

/// Percent at each ω as typed; `null` where there is nothing to average.
pub type ByOmega = BTreeMap<String, Option<f64>>;

/// A scored run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The form of the file.
    pub format: u32,
    /// The program that wrote it.
    pub program: String,
    /// The benchmark's name.
    pub benchmark: String,
    /// What ran.
    pub model: ModelFacts,
    /// How it was driven.
    pub settings: Settings,
    /// Which part of the items was run.
    pub shard: String,
    /// Who judged.
    pub judge: String,
    /// What judging took and what failed, where the judge keeps count.
    #[serde(default)]
    pub judge_usage: Option<String>,
    /// Every ω as typed.
    pub omegas: Vec<String>,
    /// The ω of the charts.
    pub headline_omega: String,
    /// The run first, then what to read it by: baselines, then sweeps.
    pub rows: Vec<Row>,
    /// Every item of the run itself.
    pub items: Vec<ItemReport>,
    /// Items that could not be played: subset, identity, reason.
    pub left_out: Vec<(String, String, String)>,
    /// What is odd about the annotations, subset by subset.
    pub findings: Vec<(String, String)>,
}

impl RunReport {
    /// The run's own row.
    pub fn main(&self) -> &Row {
        self.rows.first().expect("a report has the run's own row")
    }

    /// The items without predictions, and why, where the run that wrote the report knows; they count as silent.
    pub fn not_played(&self) -> impl Iterator<Item = (&ItemReport, Option<&str>)> {
        self.items.iter().filter(|item| !item.is_predicted).map(|item| {
            let is_it = |(subset, id, _): &&(String, String, String)| *subset == item.subset && *id == item.question_id;
            (item, self.left_out.iter().find(is_it).map(|(_, _, reason)| reason.as_str()))
        })
    }

    /// The items that took longest, longest first; a report lists so many.
    pub fn slowest(&self) -> Vec<&ItemReport> {
        let mut items: Vec<&ItemReport> =
            self.items.iter().filter(|item| item.is_predicted && item.turns > 0).collect();
        items.sort_by(|a, b| b.seconds.total_cmp(&a.seconds).then_with(|| a.question_id.cmp(&b.question_id)));
        items.truncate(NUM_SLOWEST);
        items
    }
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// The run.
    Main,
    /// Reckoned from the annotation, judged by its words alone.
    Reckoned,
    /// The model under other settings, to read the score by.
    Baseline,
    /// One value of a sweep.
    Sweep,
}

/// One way of replying, scored on every subset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub label: String,
    /// Where it comes from.
    pub kind: RowKind,
    /// Subset by subset.
    pub subsets: Vec<SubsetRow>,
    /// Every gold answer counts the same.
    pub mean_turns: ByOmega,
    /// Every subset counts the same.
    pub mean_subsets: ByOmega,
    /// Middle 95 % of the turn-weighted mean at the headline ω, from resampled items.
    pub interval: Option<(f64, f64)>,
    /// Percent of repeated replies over all subsets; `None` below ten that could be.
    pub duplicates: Option<f64>,
    /// Replies a minute over all subsets.
    pub replies_per_minute: f64,
    /// Mean judge score in percent at equal steps from the start to the end of the gold spans.
    pub curve: Vec<f64>,
    /// Seconds from the start of the evidence to the first reply in span, answer by answer.
    pub delays_secs: Vec<f64>,
}

impl Row {
    /// The turn-weighted mean at an ω.
    pub fn pauc(&self, omega: &str) -> Option<f64> {
        self.mean_turns.get(omega).copied().flatten()
    }
}

/// One row on one subset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubsetRow {
    /// The subset.
    pub name: String,
    /// PAUC; empty where the benchmark has another metric.
    pub pauc: ByOmega,
    /// Metrics of other benchmarks: name, unit, value.
    pub metrics: Vec<(String, String, Option<f64>)>,
    /// Middle 95 % at the headline ω.
    pub interval: Option<(f64, f64)>,
    /// Gold answers.
    pub turns: usize,
    /// Items.
    pub items: usize,
    /// Items that have predictions.
    pub items_predicted: usize,
    /// Replies.
    pub replies: usize,
    /// Percent of repeated replies.
    pub duplicates: Option<f64>,
    /// Replies a minute of video.
    pub replies_per_minute: f64,
    /// Replies outside every gold span.
    pub out_of_span: usize,
    /// Replies in a gold span that the judge gave no score.
    pub unscored: usize,
    /// Mean seconds from the start of the evidence to the first reply in span.
    pub first_reply_delay_s: Option<f64>,
}

/// One item of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ItemReport {
    /// Its subset.
    pub subset: String,
    /// Its identity.
    pub question_id: String,
    /// Its video, as the annotation names it.
    pub video: String,
    /// The end of the drawing.
    pub duration_secs: f64,
    /// What the user says: time and words.
    pub texts: Vec<(f64, String)>,
    /// What is right.
    pub answers: Vec<AnswerReport>,
    /// What the model said: time and words.
    pub replies: Vec<(f64, String)>,
    /// Mean PAUC of its answers, or its share of right in percent.
    pub score: ByOmega,
    /// Whether it has a prediction at all.
    pub is_predicted: bool,
    /// Probability of silence at each turn.
    pub p_silent: Vec<f32>,
    /// Turns taken.
    pub turns: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Half of the turns took no longer.
    pub p50_ms: Option<f64>,
    /// 99 % of the turns took no longer.
    pub p99_ms: Option<f64>,
    /// Why the video broke off.
    pub broke_off: Option<String>,
}

/// One gold answer and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AnswerReport {
    /// The gold words.
    pub text: String,
    /// When a reply counts, both ends included.
    pub span: Option<(f64, f64)>,
    /// PAUC in percent.
    pub pauc: ByOmega,
    /// Each judged reply: time and score; `None` where the judge gave none.
    pub scores: Vec<(f64, Option<f64>)>,
}
