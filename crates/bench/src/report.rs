//! The numbers of a subset and of several, as JSON and as text.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::Evaluation;
use crate::metric::{DUPLICATES, FIRST_REPLY_DELAY, Metric, OUT_OF_SPAN, PAUC, REPLIES_PER_MINUTE, UNSCORED};

/// Percent at each ω, keyed as the user typed it; `None` where there is nothing to average.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PercentByOmega(pub Vec<(String, Option<f64>)>);

impl PercentByOmega {
    /// The value at an ω as typed.
    pub fn get(&self, typed: &str) -> Option<f64> {
        self.0.iter().find(|(key, _)| key == typed).and_then(|(_, percent)| *percent)
    }
}

impl Serialize for PercentByOmega {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (typed, percent) in &self.0 {
            map.serialize_entry(typed, percent)?;
        }
        map.end()
    }
}

/// The result of one subset: what `pauc --json` prints. Keys may be added, never renamed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SubsetResult {
    /// Mean over all gold answers, in percent.
    pub pauc: PercentByOmega,
    /// Gold answers.
    pub turns: usize,
    /// Percent of repeated replies; `None` below ten replies that could be.
    pub duplicates: Option<f64>,
    /// Replies a minute of video.
    pub replies_per_minute: f64,
    /// Replies outside every gold span.
    pub out_of_span: usize,
    /// Replies in a gold span without a score.
    pub unscored: usize,
    /// Items.
    pub items: usize,
    /// Replies.
    pub replies: usize,
    /// Mean seconds from the start of the evidence to the first reply in span; `None` without such a reply.
    pub first_reply_delay_s: Option<f64>,
    /// Items without a row among the predictions: they counted as silent.
    pub items_without_predictions: Vec<String>,
    /// Rows among the predictions for items that are not there.
    pub unknown_ids: usize,
}

impl From<&Evaluation> for SubsetResult {
    fn from(evaluation: &Evaluation) -> Self {
        let tally = &evaluation.tally;
        let percents = evaluation.omegas().iter().enumerate().map(|(idx, omega)| {
            let percent = mean(evaluation.values(idx)).map(|mean| mean * 100.0);
            (omega.typed().to_owned(), percent)
        });
        Self {
            pauc: PercentByOmega(percents.collect()),
            turns: evaluation.num_answers(),
            duplicates: tally.duplicates_percent(),
            replies_per_minute: tally.replies_per_minute(),
            out_of_span: tally.num_out_of_span,
            unscored: tally.num_unscored,
            items: tally.num_items,
            replies: tally.num_replies,
            first_reply_delay_s: mean(evaluation.first_reply_delays_secs.iter().copied()),
            items_without_predictions: evaluation.items_without_predictions.clone(),
            unknown_ids: evaluation.num_unknown_ids,
        }
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let num = values.len();
    (num > 0).then(|| values.sum::<f64>() / num as f64)
}

/// One line a number; what each is comes from its [`Metric`].
impl fmt::Display for SubsetResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (typed, percent) in &self.pauc.0 {
            let name = format!("{} (omega {typed})", PAUC.name);
            line(f, &PAUC, &name, percent.map(|percent| format!("{percent:.1}")))?;
        }
        let number = |value: Option<f64>| value.map(|value| format!("{value:.1}"));
        line(f, &DUPLICATES, DUPLICATES.name, number(self.duplicates))?;
        line(f, &REPLIES_PER_MINUTE, REPLIES_PER_MINUTE.name, number(Some(self.replies_per_minute)))?;
        line(f, &FIRST_REPLY_DELAY, FIRST_REPLY_DELAY.name, number(self.first_reply_delay_s))?;
        line(f, &OUT_OF_SPAN, OUT_OF_SPAN.name, Some(self.out_of_span.to_string()))?;
        line(f, &UNSCORED, UNSCORED.name, Some(self.unscored.to_string()))?;
        write!(f, "of {} gold answers in {} items, {} replies", self.turns, self.items, self.replies)
    }
}

fn line(f: &mut fmt::Formatter<'_>, metric: &Metric, name: &str, value: Option<String>) -> fmt::Result {
    match value {
        Some(value) => writeln!(f, "{name:<20} {value:>7} {}", metric.unit),
        None => writeln!(f, "{name:<20} {:>7} (undefined)", "-"),
    }
}

/// The results of several subsets: what `bench --json` prints. Each subset under its name, and two means at each ω.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubsetTable {
    /// Name and result, in the order asked for. All were scored at the same ω.
    pub subsets: Vec<(String, SubsetResult)>,
}

impl SubsetTable {
    /// Every gold answer of every subset counts the same.
    pub fn mean_turns(&self) -> PercentByOmega {
        self.mean_by(|result| result.turns as f64)
    }

    /// Every subset that has gold answers counts the same: the mean of the papers' tables.
    pub fn mean_subsets(&self) -> PercentByOmega {
        self.mean_by(|_| 1.0)
    }

    fn mean_by(&self, weight: impl Fn(&SubsetResult) -> f64) -> PercentByOmega {
        let Some((_, first)) = self.subsets.first() else { return PercentByOmega::default() };
        let means = first.pauc.0.iter().map(|(typed, _)| {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (_, result) in &self.subsets {
                if let Some(percent) = result.pauc.get(typed) {
                    sum += percent * weight(result);
                    weights += weight(result);
                }
            }
            (typed.clone(), (weights > 0.0).then(|| sum / weights))
        });
        PercentByOmega(means.collect())
    }
}

impl Serialize for SubsetTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.subsets.len() + 2))?;
        for (name, result) in &self.subsets {
            map.serialize_entry(name, result)?;
        }
        map.serialize_entry("mean_turns", &self.mean_turns())?;
        map.serialize_entry("mean_subsets", &self.mean_subsets())?;
        map.end()
    }
}
