use serde_json::{Map, Value};

use super::{Dataset, read};
use crate::finding::FindingKind::BadSpan;
use crate::finding::FindingLog;
use crate::{BenchError, Span, TimedReply, lenient_json, timed_alert};

/// An item of StreamingBench's proactive output task (arXiv 2411.03628).
#[derive(Clone, Debug, PartialEq)]
pub struct ProactiveOutputItem {
    /// `VIDEO@TIME_STAMP`: the file has no identities.
    pub question_id: String,
    /// Path of the video in the released folder.
    pub video: String,
    /// What to say, and when.
    pub question: String,
    /// When it is asked, in seconds of the video.
    pub asked_secs: f64,
    /// When it is due.
    pub gold_secs: f64,
    /// What is due.
    pub gold_output: String,
}

impl ProactiveOutputItem {
    /// The part of the video that is played: from the question to 4 s after the gold time.
    pub fn clip(&self) -> Span {
        Span { start_secs: self.asked_secs, end_secs: self.gold_secs + 4.0 }
    }

    /// Whether the first reply of the clip is right and in time.
    pub fn is_right(&self, replies: &[TimedReply]) -> bool {
        timed_alert::is_proactive_output(replies, self.clip(), self.gold_secs, &self.gold_output)
    }
}

const FIELDS: &[&str] = &["time", "questions", "video_categories", "video_path"];
const QUESTION_FIELDS: &[&str] =
    &["task_type", "question", "time_stamp", "ground_truth_time_stamp", "ground_truth_output", "required_ability"];

/// Reads `questions_proactive.json`.
///
/// # Errors
/// When it is no JSON list.
pub fn streaming_bench_po(bytes: &[u8], origin: &str) -> Result<Dataset<ProactiveOutputItem>, BenchError> {
    read(
        bytes,
        origin,
        |item: &ProactiveOutputItem| &item.question_id,
        |log, row, items| {
            log.note_unknown(row, FIELDS, "");
            let Some(video) = log.text(row, "video_path") else { return };
            log.place = format!("{} ({video})", log.place);
            for value in log.list(row, "questions") {
                let nothing = Map::new();
                items.extend(item(log, video, value.as_object().unwrap_or(&nothing)));
            }
        },
    )
}

fn item(log: &mut FindingLog, video: &str, row: &Map<String, Value>) -> Option<ProactiveOutputItem> {
    log.note_unknown(row, QUESTION_FIELDS, "questions[].");
    let question = log.text(row, "question")?;
    let time_stamp = log.text(row, "time_stamp")?;
    let asked_secs = clock_secs(time_stamp).or_else(|| log.bad_field(row, "time_stamp", "h:mm:ss"))?;
    let gold = log.text(row, "ground_truth_time_stamp")?;
    let gold_secs = clock_secs(gold).or_else(|| log.bad_field(row, "ground_truth_time_stamp", "h:mm:ss"))?;
    if gold_secs < asked_secs {
        log.find(BadSpan, format!("due at {gold}, before it is asked at {time_stamp}"));
    }
    Some(ProactiveOutputItem {
        question_id: format!("{video}@{time_stamp}"),
        video: video.to_owned(),
        question: question.to_owned(),
        asked_secs,
        gold_secs,
        gold_output: log.text(row, "ground_truth_output")?.to_owned(),
    })
}

/// `0:02:22`, `02:22` or `22`, the seconds with or without decimals.
fn clock_secs(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    let (secs, larger) = parts.split_last().filter(|(_, larger)| larger.len() <= 2)?;
    let minutes = larger.iter().try_fold(0u32, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))?;
    let secs = secs.parse::<f64>().ok().filter(|secs| (0.0..lenient_json::MAX_SECS).contains(secs))?;
    Some(f64::from(minutes) * 60.0 + secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks() {
        assert_eq!(clock_secs("00:00:29"), Some(29.0));
        assert_eq!(clock_secs("1:02:03.5"), Some(3723.5));
        assert_eq!(clock_secs("2:03"), Some(123.0));
        for bad in ["", "1:2:3:4", "-1:00", "a:b", "NaN", "99999999999:0:0"] {
            assert_eq!(clock_secs(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn reads_the_published_file() {
        let file = include_bytes!("../../tests/fixtures/streaming_bench.json");
        let Dataset { items, findings } = streaming_bench_po(file, "x").unwrap();
        assert_eq!(findings, []);
        let times: Vec<_> = items.iter().map(|item| (item.asked_secs, item.gold_secs)).collect();
        assert_eq!(times, [(20.0, 29.0), (142.0, 152.0), (330.0, 341.0)]);
        assert_eq!(items[0].question_id, "./videos/sample_17_proactive.mp4@00:00:20");
        assert_eq!(items[0].clip(), Span { start_secs: 20.0, end_secs: 33.0 });
        assert!(items[0].is_right(&[TimedReply { time_secs: 30.0, text: "It shows 3.".into() }]));
    }
}
