use serde_json::{Map, Value};

use super::{Dataset, read};
use crate::finding::FindingKind::BadItem;
use crate::finding::FindingLog;
use crate::{BenchError, Finding, MultipleChoice, TimedReply, lenient_json, timed_alert};

/// OVO-Bench's forward tasks, where the answer lies in what is still to come (arXiv 2501.05510).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OvoTask {
    /// Repetition event count.
    Rec,
    /// Sequential steps recognition.
    Ssr,
    /// Clues reveal responding.
    Crr,
}

/// A forward item: a question and the times at which something is to be said.
#[derive(Clone, Debug, PartialEq)]
pub struct TimingItem {
    /// The file's `id`.
    pub question_id: String,
    /// Its task: recall and precision are averaged within.
    pub task: OvoTask,
    /// Path of the video.
    pub video: String,
    /// What is asked.
    pub question: String,
    /// When, in seconds of the video.
    pub asked_secs: f64,
    /// When something is due, ascending: 2 s after each start, or when the clue is there.
    pub gold_secs: Vec<f64>,
}

/// A backward or real-time item: lettered options about the video up to `until_secs`.
#[derive(Clone, Debug, PartialEq)]
pub struct OvoChoice {
    /// The question.
    pub choice: MultipleChoice,
    /// The video is seen up to here.
    pub until_secs: f64,
}

/// A read `ovo_bench_new.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct OvoBench {
    /// REC, SSR and CRR.
    pub timing: Vec<TimingItem>,
    /// The other tasks.
    pub choices: Vec<OvoChoice>,
    /// What was odd.
    pub findings: Vec<Finding>,
}

impl OvoBench {
    /// OVO timing: F1 of each task from 0 to 1 in the order REC, SSR, CRR, and the mean of those that have items.
    /// `replies_to` gives the replies to an item, by time.
    pub fn timing_f1<'a>(
        &self,
        mut replies_to: impl FnMut(&TimingItem) -> &'a [TimedReply],
    ) -> ([Option<f64>; 3], Option<f64>) {
        let tasks = [OvoTask::Rec, OvoTask::Ssr, OvoTask::Crr].map(|task| {
            let items = self.timing.iter().filter(|item| item.task == task);
            let timings: Vec<_> =
                items.filter_map(|item| timed_alert::ovo_timing(&item.gold_secs, replies_to(item))).collect();
            timed_alert::task_f1(&timings)
        });
        let found: Vec<f64> = tasks.iter().flatten().copied().collect();
        (tasks, (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64))
    }
}

/// How long after the start of an event or a step something is due.
const DUE_AFTER_START_SECS: f64 = 2.0;

enum OvoItem {
    Timing(TimingItem),
    Choice(OvoChoice),
}

/// Reads `ovo_bench_new.json`.
///
/// # Errors
/// When it is no JSON list.
pub fn ovo_bench(bytes: &[u8], origin: &str) -> Result<OvoBench, BenchError> {
    fn id_of(item: &OvoItem) -> &str {
        match item {
            OvoItem::Timing(item) => &item.question_id,
            OvoItem::Choice(item) => &item.choice.question_id,
        }
    }
    let Dataset { items, findings } = read(bytes, origin, id_of, |log, row, items| {
        let Some(question_id) = lenient_json::id(row.get("id")) else {
            log.find(BadItem, "id: an identity is expected, found nothing; left out");
            return;
        };
        log.place = format!("{} ({question_id})", log.place);
        let item = match log.text(row, "task") {
            Some("REC") => timing_item(log, row, OvoTask::Rec, question_id).map(OvoItem::Timing),
            Some("SSR") => timing_item(log, row, OvoTask::Ssr, question_id).map(OvoItem::Timing),
            Some("CRR") => timing_item(log, row, OvoTask::Crr, question_id).map(OvoItem::Timing),
            Some(task) => choice_item(log, row, task, question_id).map(OvoItem::Choice),
            None => None,
        };
        if item.is_none() {
            log.find(BadItem, "left out");
        }
        items.extend(item);
    })?;
    let mut bench = OvoBench { timing: Vec::new(), choices: Vec::new(), findings };
    for item in items {
        match item {
            OvoItem::Timing(item) => bench.timing.push(item),
            OvoItem::Choice(item) => bench.choices.push(item),
        }
    }
    Ok(bench)
}

fn timing_item(
    log: &mut FindingLog,
    row: &Map<String, Value>,
    task: OvoTask,
    question_id: String,
) -> Option<TimingItem> {
    let (fields, question, asked_secs, mut gold_secs): (&[&str], _, _, _) = match task {
        OvoTask::Rec => {
            let question = format!("How many times does the event: {} happen?", log.text(row, "activity")?);
            (&["activity", "start_times", "end_times"], question, 0.0, due_after(log, row, "start_times"))
        }
        OvoTask::Ssr => {
            let question = format!("Describe the steps of {}", log.text(row, "tutorial")?);
            let fields = &["tutorial", "all_steps", "start_time", "end_time"];
            (fields, question, 0.0, due_after(log, row, "start_time"))
        }
        OvoTask::Crr => {
            let question = log.text(row, "question")?.to_owned();
            let gold_secs = log.secs(row, "clue_time").into_iter().collect();
            (&["question", "answer", "ask_time", "clue_time"], question, log.secs(row, "ask_time")?, gold_secs)
        }
    };
    log.note_unknown(row, &[fields, &["id", "task", "video", "test_info"]].concat(), "");
    gold_secs.sort_by(f64::total_cmp);
    let video = log.text(row, "video")?.to_owned();
    Some(TimingItem { question_id, task, video, question, asked_secs, gold_secs })
}

fn due_after(log: &mut FindingLog, row: &Map<String, Value>, field: &str) -> Vec<f64> {
    let starts = log.list(row, field);
    let secs: Vec<f64> = starts.iter().filter_map(|start| lenient_json::secs(Some(start))).collect();
    if secs.len() < starts.len() {
        log.bad_field::<()>(row, field, "a list of seconds");
    }
    secs.into_iter().map(|start| start + DUE_AFTER_START_SECS).collect()
}

fn choice_item(log: &mut FindingLog, row: &Map<String, Value>, task: &str, question_id: String) -> Option<OvoChoice> {
    log.note_unknown(row, &["id", "task", "video", "realtime", "question", "answer", "options", "gt"], "");
    let options: Vec<String> = log.list(row, "options").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let gold = row.get("gt").and_then(Value::as_u64).and_then(|idx| usize::try_from(idx).ok());
    let correct_idx =
        gold.filter(|idx| *idx < options.len()).or_else(|| log.bad_field(row, "gt", "the index of an option"))?;
    let choice = MultipleChoice {
        question_id,
        video: log.text(row, "video")?.to_owned(),
        groups: vec![task.to_owned()],
        question: log.text(row, "question")?.to_owned(),
        options,
        correct_idx,
    };
    Some(OvoChoice { choice, until_secs: log.secs(row, "realtime")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> OvoBench {
        ovo_bench(include_bytes!("../../tests/fixtures/ovo_bench.json"), "x").unwrap()
    }

    #[test]
    fn reads_the_published_file() {
        let OvoBench { timing, choices, findings } = published();
        assert_eq!(findings, []);
        let due: Vec<_> = timing.iter().map(|item| (item.task, item.asked_secs, item.gold_secs.as_slice())).collect();
        assert_eq!(
            due,
            [
                (OvoTask::Crr, 297.0, &[308.0][..]),
                (OvoTask::Ssr, 0.0, &[27.0, 33.0, 109.0]),
                (OvoTask::Rec, 0.0, &[8.0])
            ]
        );
        assert_eq!(timing[1].question, "Describe the steps of PutOnHairExtensions");
        assert_eq!(timing[2].question, "How many times does the event: breaking something happen?");
        assert_eq!((choices[0].until_secs, choices[0].choice.correct_idx), (215.0, 2));
    }

    #[test]
    fn f1_is_averaged_over_tasks() {
        let bench = published();
        let says = |times: &[f64]| -> Vec<TimedReply> {
            times.iter().map(|&time_secs| TimedReply { time_secs, text: "now".into() }).collect()
        };
        let (crr, ssr) = (says(&[309.0]), says(&[27.0, 60.0]));
        let (tasks, mean) = bench.timing_f1(|item| match item.task {
            OvoTask::Crr => &crr,
            OvoTask::Ssr => &ssr,
            OvoTask::Rec => &[],
        });
        // SSR: recall 1/3, precision 1/2.
        assert_eq!(tasks, [Some(0.0), Some(0.4), Some(1.0)]);
        assert!((mean.unwrap() - 1.4 / 3.0).abs() < 1e-12);
    }
}
