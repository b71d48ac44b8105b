//! Metrics that need no judge of words: was something said at the right moment, or rightly not said?
//!
//! StreamingBench proactive output (arXiv 2411.03628), OVO-Bench's forward tasks (arXiv 2501.05510) and OmniMMI's
//! proactive alerting (arXiv 2503.22952). Pure functions over slices; replies are in time order.

use crate::metric::{Direction, Metric};
use crate::{Span, TimedReply};

/// How far from the gold time still counts, in StreamingBench and OVO-Bench.
pub const TOLERANCE_SECS: f64 = 2.0;

/// Share of items whose output came in time, spoken unasked.
pub const PROACTIVE_OUTPUT_PUSH: Metric = Metric {
    name: "proactive output (push)",
    unit: "%",
    direction: Direction::HigherIsBetter,
    formula: "items whose first reply is within 2 s of the gold time and holds the gold output / items",
    source: "StreamingBench, arXiv 2411.03628; push protocol of MMDuet2, arXiv 2512.06810",
    on_empty: None,
};

/// Timing of forward tasks.
pub const OVO_TIMING: Metric = Metric {
    name: "OVO timing",
    unit: "F1 %",
    direction: Direction::HigherIsBetter,
    formula: "per task F1 of mean recall and mean precision of a one-to-one match within 2 s; mean of REC, SSR, CRR",
    source: "OVO-Bench, arXiv 2501.05510; timing protocol of MMDuet2, arXiv 2512.06810",
    on_empty: None,
};

/// Whether an alert came while its event lasted.
pub const PROACTIVE_ALERTING: Metric = Metric {
    name: "proactive alerting",
    unit: "%",
    direction: Direction::HigherIsBetter,
    formula: "items whose first alert is inside the event / items",
    source: "OmniMMI, arXiv 2503.22952 (PA)",
    on_empty: None,
};

/// How many of the alerts belong to the event.
pub const ALERT_PRECISION: Metric = Metric {
    name: "precision",
    unit: "%",
    direction: Direction::HigherIsBetter,
    formula: "mean over items of alerts inside the event / alerts; 0 without an alert",
    source: "OmniMMI, arXiv 2503.22952 (PA)",
    on_empty: None,
};

/// Whether the alerts last as long as the event.
pub const ALERT_IOU: Metric = Metric {
    name: "IoU",
    unit: "%",
    direction: Direction::HigherIsBetter,
    formula: "mean over items of the overlap of [first alert, last alert] with the event / their union; 0 without an \
              alert",
    source: "OmniMMI, arXiv 2503.22952 (PA)",
    on_empty: None,
};

/// StreamingBench proactive output: the first reply inside `clip` is within [`TOLERANCE_SECS`] of `gold_secs`, and
/// the gold output is a substring of it, letter for letter.
pub fn is_proactive_output(replies: &[TimedReply], clip: Span, gold_secs: f64, gold_output: &str) -> bool {
    replies
        .iter()
        .find(|reply| clip.contains(reply.time_secs))
        .is_some_and(|first| (first.time_secs - gold_secs).abs() <= TOLERANCE_SECS && first.text.contains(gold_output))
}

/// How many gold times have a reply of their own within `tolerance_secs`: a greedy one-to-one match by time, which
/// finds the most there are because all windows are of one length. Both lists are in ascending order.
pub fn num_matched(gold_secs: &[f64], reply_secs: &[f64], tolerance_secs: f64) -> usize {
    let (mut num, mut next_reply) = (0, 0);
    for &gold in gold_secs {
        while reply_secs.get(next_reply).is_some_and(|&reply| reply < gold - tolerance_secs) {
            next_reply += 1;
        }
        if reply_secs.get(next_reply).is_some_and(|&reply| reply <= gold + tolerance_secs) {
            num += 1;
            next_reply += 1;
        }
    }
    num
}

/// Recall and precision of the times of one item, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Gold times met.
    pub recall: f64,
    /// Replies that met one; 0 when nothing was said.
    pub precision: f64,
}

/// OVO timing of one item. `None` when it has no gold time, as there is nothing to be on time for.
pub fn ovo_timing(gold_secs: &[f64], replies: &[TimedReply]) -> Option<Timing> {
    if gold_secs.is_empty() {
        return None;
    }
    let mut gold_secs = gold_secs.to_vec();
    gold_secs.sort_by(f64::total_cmp);
    let reply_secs: Vec<f64> = replies.iter().map(|reply| reply.time_secs).collect();
    let num = num_matched(&gold_secs, &reply_secs, TOLERANCE_SECS) as f64;
    let precision = if reply_secs.is_empty() { 0.0 } else { num / reply_secs.len() as f64 };
    Some(Timing { recall: num / gold_secs.len() as f64, precision })
}

/// F1 of the mean recall and the mean precision of a task's items (not the mean of their F1). `None` without items.
pub fn task_f1(items: &[Timing]) -> Option<f64> {
    let mean = |part: fn(&Timing) -> f64| items.iter().map(part).sum::<f64>() / items.len() as f64;
    let (recall, precision) = (mean(|item| item.recall), mean(|item| item.precision));
    match recall + precision {
        sum if sum > 0.0 => Some(2.0 * recall * precision / sum),
        _ => (!items.is_empty()).then_some(0.0),
    }
}

/// OmniMMI proactive alerting of one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alerting {
    /// The first alert is inside the event.
    pub is_first_inside: bool,
    /// Alerts inside the event / alerts; 0 without one.
    pub precision: f64,
    /// Overlap of [first alert, last alert] with the event over their union; 0 without an alert.
    pub iou: f64,
}

/// Scores the alerts to one event; both ends of `event` are inside.
pub fn proactive_alerting(alerts: &[TimedReply], event: Span) -> Alerting {
    let (Some(first), Some(last)) = (alerts.first(), alerts.last()) else {
        return Alerting { is_first_inside: false, precision: 0.0, iou: 0.0 };
    };
    let num_inside = alerts.iter().filter(|alert| event.contains(alert.time_secs)).count();
    let overlap = (last.time_secs.min(event.end_secs) - first.time_secs.max(event.start_secs)).max(0.0);
    let union = (last.time_secs - first.time_secs) + event.length_secs().max(0.0) - overlap;
    Alerting {
        is_first_inside: event.contains(first.time_secs),
        precision: num_inside as f64 / alerts.len() as f64,
        iou: if union > 0.0 { overlap / union } else { 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replies(said: &[(f64, &str)]) -> Vec<TimedReply> {
        said.iter().map(|&(time_secs, text)| TimedReply { time_secs, text: text.into() }).collect()
    }

    #[test]
    fn only_the_first_reply_of_the_clip_counts() {
        let clip = Span { start_secs: 20.0, end_secs: 33.0 };
        let is_right = |said: &[(f64, &str)]| is_proactive_output(&replies(said), clip, 29.0, "3");
        assert!(is_right(&[(31.0, "The score is 3.")]));
        assert!(is_right(&[(12.0, "9"), (27.0, "3"), (28.0, "9")]), "what was said before the clip does not count");
        assert!(!is_right(&[(26.9, "3"), (29.0, "3")]), "too early");
        assert!(!is_right(&[(31.1, "3")]), "too late");
        assert!(!is_right(&[(29.0, "three")]));
        assert!(!is_right(&[]));
    }

    #[test]
    fn timing_of_an_item_and_a_task() {
        let timing = |said: &[f64]| {
            let said: Vec<_> = said.iter().map(|&time| (time, "now")).collect();
            ovo_timing(&[12.0, 10.0, 40.0], &replies(&said)).unwrap()
        };
        // 11 s serves 10, 12 s serves 12: one reply, one gold time.
        assert_eq!(timing(&[11.0, 12.0, 30.0, 42.0]), Timing { recall: 1.0, precision: 0.75 });
        assert_eq!(timing(&[11.0]), Timing { recall: 1.0 / 3.0, precision: 1.0 });
        assert_eq!(timing(&[]), Timing { recall: 0.0, precision: 0.0 });
        assert_eq!(ovo_timing(&[], &[]), None);
        // F1 of the means: recall 0.5, precision 0.5.
        let items = [Timing { recall: 1.0, precision: 0.0 }, Timing { recall: 0.0, precision: 1.0 }];
        assert_eq!(task_f1(&items), Some(0.5));
        assert_eq!(task_f1(&[timing(&[])]), Some(0.0));
        assert_eq!(task_f1(&[]), None);
    }

    #[test]
    fn alerts_of_one_event() {
        let event = Span { start_secs: 10.0, end_secs: 20.0 };
        let alerts = |times: &[f64]| {
            let said: Vec<_> = times.iter().map(|&time| (time, "now")).collect();
            proactive_alerting(&replies(&said), event)
        };
        assert_eq!(alerts(&[10.0, 15.0]), Alerting { is_first_inside: true, precision: 1.0, iou: 0.5 });
        assert_eq!(alerts(&[5.0, 15.0]), Alerting { is_first_inside: false, precision: 0.5, iou: 5.0 / 15.0 });
        assert_eq!(alerts(&[12.0]), Alerting { is_first_inside: true, precision: 1.0, iou: 0.0 });
        assert_eq!(alerts(&[30.0]), Alerting { is_first_inside: false, precision: 0.0, iou: 0.0 });
        assert_eq!(alerts(&[]), Alerting { is_first_inside: false, precision: 0.0, iou: 0.0 });
    }

    /// The largest one-to-one match, by trying everything.
    fn slow(gold: &[f64], replies: &[f64]) -> usize {
        let Some((first, others)) = gold.split_first() else { return 0 };
        let without = slow(others, replies);
        let with = (0..replies.len()).filter(|&idx| (replies[idx] - first).abs() <= 2.0).map(|idx| {
            let rest: Vec<f64> = replies.iter().enumerate().filter(|(at, _)| *at != idx).map(|(_, r)| *r).collect();
            1 + slow(others, &rest)
        });
        with.max().unwrap_or(0).max(without)
    }

    proptest! {
        #[test]
        fn greedy_matches_as_many_as_any(
            mut gold in prop::collection::vec(0u8..30, 0..5),
            mut replies in prop::collection::vec(0u8..30, 0..5),
        ) {
            gold.sort_unstable();
            replies.sort_unstable();
            let secs = |halves: &[u8]| halves.iter().map(|&half| f64::from(half) / 2.0).collect::<Vec<_>>();
            let (gold, replies) = (secs(&gold), secs(&replies));
            prop_assert_eq!(num_matched(&gold, &replies, 2.0), slow(&gold, &replies));
        }
    }
}
