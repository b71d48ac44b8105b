//! The benchmarks that are not scored by PAUC.

use std::collections::{BTreeMap, HashMap};

use super::data::{AnswerReport, ItemReport, SubsetRow};
use super::scoring::item_report;
use crate::datasets::{OvoBench, ProactiveOutputItem};
use crate::metric::Metric;
use crate::multiple_choice::{ACCURACY, MultipleChoice};
use crate::run::{Gold, Prediction, Subset};
use crate::timed_alert::{
    ALERT_IOU, ALERT_PRECISION, Alerting, OVO_TIMING, PROACTIVE_ALERTING, PROACTIVE_OUTPUT_PUSH, TOLERANCE_SECS,
    proactive_alerting,
};
use crate::{MAX_SCORE, Predictions, TimedReply};

/// The metrics of a subset, and its items.
pub(super) fn score(
    subset: &Subset,
    gold: &Gold,
    predictions: &Predictions,
    predicted: &[Prediction],
) -> (SubsetRow, Vec<ItemReport>) {
    let replies = |id: &str| predictions.replies(id).unwrap_or_default();
    let metrics = match gold {
        Gold::Answers(_) => Vec::new(),
        Gold::Outputs(items) => vec![share(&PROACTIVE_OUTPUT_PUSH, items, |item| {
            f64::from(u8::from(item.is_right(replies(&item.question_id))))
        })],
        Gold::Timing(bench) => timing(bench, |id| replies(id)),
        Gold::Alerts(items) => {
            let alerting = |part: fn(&Alerting) -> f64| {
                move |item: &crate::datasets::AlertItem| {
                    part(&proactive_alerting(replies(&item.question_id), item.event))
                }
            };
            vec![
                share(&PROACTIVE_ALERTING, items, alerting(|one| f64::from(u8::from(one.is_first_inside)))),
                share(&ALERT_PRECISION, items, alerting(|one| one.precision)),
                share(&ALERT_IOU, items, alerting(|one| one.iou)),
            ]
        }
        Gold::Choices(items) => accuracies(items, |id| replies(id)),
    };
    let num_replies = predicted.iter().map(|row| row.model_response_list.len()).sum();
    let row = SubsetRow {
        name: subset.name.clone(),
        pauc: Default::default(),
        metrics,
        interval: None,
        turns: subset.clips.len(),
        items: subset.clips.len(),
        items_predicted: subset.clips.iter().filter(|clip| predictions.replies(&clip.question_id).is_some()).count(),
        replies: num_replies,
        duplicates: None,
        replies_per_minute: 0.0,
        out_of_span: 0,
        unscored: 0,
        first_reply_delay_s: None,
    };
    (row, items(subset, gold, predicted))
}

type Value = (String, String, Option<f64>);

fn named(name: &str, unit: &str, share: Option<f64>) -> Value {
    (name.to_owned(), unit.to_owned(), share.map(|share| share * 100.0))
}

fn share<T>(metric: &Metric, items: &[T], value: impl Fn(&T) -> f64) -> Value {
    named(metric.name, metric.unit, mean(items, value))
}

fn mean<T>(items: &[T], value: impl Fn(&T) -> f64) -> Option<f64> {
    (!items.is_empty()).then(|| items.iter().map(value).sum::<f64>() / items.len() as f64)
}

fn timing<'a>(bench: &OvoBench, replies: impl Fn(&str) -> &'a [TimedReply]) -> Vec<Value> {
    let (tasks, mean) = bench.timing_f1(|item| replies(&item.question_id));
    let mut values = vec![named(OVO_TIMING.name, OVO_TIMING.unit, mean)];
    let tasks = ["REC", "SSR", "CRR"].into_iter().zip(tasks);
    values.extend(tasks.map(|(name, f1)| named(name, OVO_TIMING.unit, f1)));
    values
}

/// Over all questions, then over those of each group, in the order of their names.
fn accuracies<'a>(items: &[MultipleChoice], replies: impl Fn(&str) -> &'a [TimedReply]) -> Vec<Value> {
    let is_right = |item: &&MultipleChoice| {
        let answer = replies(&item.question_id).first();
        f64::from(u8::from(answer.is_some_and(|answer| item.is_right(&answer.text))))
    };
    let all: Vec<&MultipleChoice> = items.iter().collect();
    let mut groups: BTreeMap<&str, Vec<&MultipleChoice>> = BTreeMap::new();
    for item in items {
        item.groups.iter().for_each(|group| groups.entry(group).or_default().push(item));
    }
    let mut values = vec![share(&ACCURACY, &all, is_right)];
    values.extend(
        groups
            .into_iter()
            .map(|(group, items)| named(&format!("{}, {group}", ACCURACY.name), ACCURACY.unit, mean(&items, is_right))),
    );
    values
}

/// The items with their gold times as spans, for the viewer.
fn items(subset: &Subset, gold: &Gold, predicted: &[Prediction]) -> Vec<ItemReport> {
    let rows: HashMap<&str, &Prediction> = predicted.iter().map(|row| (row.question_id.as_str(), row)).collect();
    let around = |secs: f64| Some((secs - TOLERANCE_SECS, secs + TOLERANCE_SECS));
    let answers: Vec<Vec<AnswerReport>> = match gold {
        Gold::Answers(_) => Vec::new(),
        Gold::Outputs(items) => {
            let output = |item: &ProactiveOutputItem| vec![answer(&item.gold_output, around(item.gold_secs))];
            items.iter().map(output).collect()
        }
        Gold::Timing(bench) => {
            let due = bench.timing.iter().map(|item| &item.gold_secs);
            due.map(|secs| secs.iter().map(|secs| answer("something is due", around(*secs))).collect()).collect()
        }
        Gold::Alerts(items) => {
            let event = |item: &crate::datasets::AlertItem| Some((item.event.start_secs, item.event.end_secs));
            items.iter().map(|item| vec![answer("the event", event(item))]).collect()
        }
        Gold::Choices(items) => {
            let chosen = |item: &MultipleChoice| {
                let reply = rows.get(item.question_id.as_str())?.model_response_list.first()?;
                Some((reply.time, Some(if item.is_right(&reply.content) { MAX_SCORE } else { 0.0 })))
            };
            let right = |item: &MultipleChoice| AnswerReport {
                scores: chosen(item).into_iter().collect(),
                ..answer(&item.right_option(), None)
            };
            items.iter().map(|item| vec![right(item)]).collect()
        }
    };
    let reports = subset.clips.iter().zip(answers).map(|(clip, answers)| {
        let mut report = item_report(&subset.name, &clip.question_id, rows.get(clip.question_id.as_str()).copied());
        report.video = clip.video.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        report.texts = clip.texts.iter().map(|text| (text.time_secs, text.text.clone())).collect();
        let ends = answers.iter().filter_map(|answer| answer.span).map(|(_, end)| end);
        report.duration_secs = ends.chain(report.replies.iter().map(|(secs, _)| *secs)).fold(1.0, f64::max);
        report.answers = answers;
        report
    });
    reports.collect()
}

fn answer(text: &str, span: Option<(f64, f64)>) -> AnswerReport {
    AnswerReport { text: text.to_owned(), span, ..AnswerReport::default() }
}
