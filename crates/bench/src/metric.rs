//! What each number is, stated once; printers read it from here and compute nothing.

use crate::{multiple_choice, timed_alert};

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More is better.
    HigherIsBetter,
    /// Less is better.
    LowerIsBetter,
    /// Neither by itself: to be read beside the others.
    Neutral,
}

/// The declaration of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its name in reports.
    pub name: &'static str,
    /// Its unit, as printed after a value.
    pub unit: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// How it is computed, in one line.
    pub formula: &'static str,
    /// Where it is defined.
    pub source: &'static str,
    /// Its value on empty input; `None` is undefined, `null` in JSON.
    pub on_empty: Option<f64>,
}

/// Quality and timeliness in one number.
pub const PAUC: Metric = Metric {
    name: "PAUC",
    unit: "%",
    direction: Direction::HigherIsBetter,
    formula: "mean over gold answers of area under (t - t_s)(1 - omega) -> judge score, from 0.5 before the first \
              reply, over (t_e - t_s) S; 0.5 / S without a scored reply",
    source: "ProactiveVideoQA, arXiv 2507.09313, section 4; late rule and repeated strings as in its released code",
    on_empty: None,
};

/// Saying again what was said.
pub const DUPLICATES: Metric = Metric {
    name: "duplicates",
    unit: "%",
    direction: Direction::LowerIsBetter,
    formula: "replies of which all was said before in the item / replies, both without the first reply inside each \
              gold span; undefined below 10 such replies",
    source: "MMDuet2, arXiv 2512.06810, section 4",
    on_empty: None,
};

/// Talkativeness.
pub const REPLIES_PER_MINUTE: Metric = Metric {
    name: "replies a minute",
    unit: "/min",
    direction: Direction::Neutral,
    formula: "replies / minutes of video, all items together",
    source: "ours",
    on_empty: Some(0.0),
};

/// Speaking where nothing was asked for.
pub const OUT_OF_SPAN: Metric = Metric {
    name: "out of span",
    unit: "replies",
    direction: Direction::LowerIsBetter,
    formula: "replies outside every reply_timespan of their item",
    source: "MMDuet2, arXiv 2512.06810, section 3 (its in-span reward, as a count)",
    on_empty: Some(0.0),
};

/// How long an answer takes to begin.
pub const FIRST_REPLY_DELAY: Metric = Metric {
    name: "first reply delay",
    unit: "s",
    direction: Direction::LowerIsBetter,
    formula: "mean over gold answers with a reply in their span of (time of the first - start of related_timespan)",
    source: "ours",
    on_empty: None,
};

/// What the judge could not say.
pub const UNSCORED: Metric = Metric {
    name: "unscored",
    unit: "replies",
    direction: Direction::LowerIsBetter,
    formula: "replies inside a gold span, new in their turn, for which the judge gave no score",
    source: "ours",
    on_empty: Some(0.0),
};

/// Every metric: those of PAUC's report in its order, then those of the other benchmarks.
pub const METRICS: &[&Metric] = &[
    &PAUC,
    &DUPLICATES,
    &REPLIES_PER_MINUTE,
    &OUT_OF_SPAN,
    &FIRST_REPLY_DELAY,
    &UNSCORED,
    &timed_alert::PROACTIVE_OUTPUT_PUSH,
    &timed_alert::OVO_TIMING,
    &timed_alert::PROACTIVE_ALERTING,
    &timed_alert::ALERT_PRECISION,
    &timed_alert::ALERT_IOU,
    &multiple_choice::ACCURACY,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_metric_says_what_it_is_under_a_name_of_its_own() {
        let names: HashSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            assert!([metric.unit, metric.formula, metric.source].iter().all(|text| !text.is_empty()), "{metric:?}");
        }
    }
}
