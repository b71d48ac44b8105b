use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Judge, JudgeRequest, MAX_SCORE};
use crate::finding::FindingKind::{DuplicateId, UnknownId};
use crate::{BenchError, Finding, Item, jsonl, lenient_json};

/// How far a score's time may be from its reply's: 1e-6 s.
const TIME_TOLERANCE_NANOS: i64 = 1000;

/// Scores somebody else gave: JSONL rows `{question_id, turn, time, score}`, `turn` being the index of the gold
/// answer from 0, `time` the reply's, `score` from 0 to 2 (or null: asked, but no usable answer).
///
/// Repeats are told by the words, as the file says nothing about them.
#[derive(Clone, Debug, Default)]
pub struct ScoresJudge {
    rows_by_id: HashMap<String, BTreeMap<ReplyKey, Option<f64>>>,
    /// What was odd.
    pub findings: Vec<Finding>,
}

/// Which reply of an item a score is for: index of the gold answer, then the reply's time in nanoseconds.
type ReplyKey = (usize, i64);

/// The keys that count as this reply's. Times are below [`lenient_json::MAX_SECS`], so nanoseconds fit.
fn keys_near(answer_idx: usize, time_secs: f64) -> RangeInclusive<ReplyKey> {
    let nanos = (time_secs * 1e9).round() as i64;
    (answer_idx, nanos.saturating_sub(TIME_TOLERANCE_NANOS))..=(answer_idx, nanos.saturating_add(TIME_TOLERANCE_NANOS))
}

impl ScoresJudge {
    /// Reads a file.
    ///
    /// # Errors
    /// When the file cannot be read or a line cannot be used; the error names the line.
    pub fn read(path: &Path) -> Result<Self, BenchError> {
        Self::parse(&jsonl::read(path)?, &path.display().to_string())
    }

    /// Reads the bytes of a file; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(bytes: &[u8], origin: &str) -> Result<Self, BenchError> {
        let mut judge = Self::default();
        jsonl::each_object(bytes, origin, |line, object| {
            let ScoreRow { question_id, answer_idx, time_secs, score } = score_row(object)?;
            let rows = judge.rows_by_id.entry(question_id).or_default();
            if let Some((_, earlier)) = rows.range_mut(keys_near(answer_idx, time_secs)).next() {
                *earlier = score;
                let what = "this reply was scored before; the last score counts";
                judge.findings.push(Finding::new(DuplicateId, format!("{origin}, line {line}"), what));
            } else {
                rows.insert((answer_idx, (time_secs * 1e9).round() as i64), score);
            }
            Ok(())
        })?;
        Ok(judge)
    }

    /// Lists the scores that name an item or gold answer which is not there.
    pub(crate) fn unknown(&self, items: &[Item]) -> Vec<Finding> {
        let num_answers: HashMap<&str, usize> =
            items.iter().map(|item| (item.question_id.as_str(), item.answers.len())).collect();
        let mut findings = Vec::new();
        for (question_id, rows) in &self.rows_by_id {
            let known = num_answers.get(question_id.as_str()).copied().unwrap_or(0);
            let count = rows.range((known, i64::MIN)..).count();
            if count > 0 {
                let what = format!("{count} score(s) for a gold answer that is not there");
                findings.push(Finding::new(UnknownId, question_id.clone(), what));
            }
        }
        findings.sort_by(|a, b| a.place.cmp(&b.place));
        findings
    }
}

impl Judge for ScoresJudge {
    fn score(&self, request: &JudgeRequest<'_>) -> Option<f64> {
        let rows = self.rows_by_id.get(request.question_id)?;
        *rows.range(keys_near(request.answer_idx, request.time_secs)).next()?.1
    }
}

struct ScoreRow {
    question_id: String,
    answer_idx: usize,
    time_secs: f64,
    score: Option<f64>,
}

fn score_row(object: &Map<String, Value>) -> Result<ScoreRow, String> {
    let expected = |field: &str, kind: &str| lenient_json::expected(object, field, kind);
    let question_id = lenient_json::id(object.get("question_id")).ok_or_else(|| expected("question_id", "a text"))?;
    let answer_idx = object.get("turn").and_then(Value::as_u64).and_then(|turn| usize::try_from(turn).ok());
    let score = match object.get("score") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let score = value.as_f64().filter(|score| (0.0..=MAX_SCORE).contains(score));
            Some(score.ok_or_else(|| expected("score", "a number from 0 to 2"))?)
        }
    };
    Ok(ScoreRow {
        question_id,
        answer_idx: answer_idx.ok_or_else(|| expected("turn", "the index of a gold answer"))?,
        time_secs: lenient_json::secs(object.get("time")).ok_or_else(|| expected("time", "seconds"))?,
        score,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(judge: &ScoresJudge, answer_idx: usize, time_secs: f64) -> Option<f64> {
        let (question, gold) = ("", "");
        judge.score(&JudgeRequest { question_id: "a", answer_idx, time_secs, question, gold, replies: &[] })
    }

    #[test]
    fn times_match_to_a_microsecond() {
        let rows = "{\"question_id\": \"a\", \"turn\": 1, \"time\": 0.3, \"score\": 2}\n\
                    {\"question_id\": \"a\", \"turn\": 1, \"time\": 4, \"score\": null}";
        let judge = ScoresJudge::parse(rows.as_bytes(), "s").unwrap();
        assert_eq!(ask(&judge, 1, 0.1 + 0.2), Some(2.0));
        assert_eq!(ask(&judge, 1, 0.30001), None);
        assert_eq!(ask(&judge, 0, 0.3), None);
        assert_eq!(ask(&judge, 1, 4.0), None);
    }

    #[test]
    fn a_score_beyond_the_scale_is_an_error() {
        for row in [
            r#"{"question_id": "a", "turn": 0, "time": 1, "score": 3}"#,
            r#"{"question_id": "a", "turn": -1, "time": 1, "score": 1}"#,
            r#"{"question_id": "a", "turn": 0, "score": 1}"#,
        ] {
            let err = ScoresJudge::parse(row.as_bytes(), "s").unwrap_err().to_string();
            assert!(err.starts_with("s, line 1: "), "{err}");
        }
    }

    #[test]
    fn a_second_score_replaces_the_first() {
        let row = |score| format!("{{\"question_id\": \"a\", \"turn\": 0, \"time\": 1, \"score\": {score}}}\n");
        let judge = ScoresJudge::parse((row(0) + &row(2)).as_bytes(), "s").unwrap();
        assert_eq!(ask(&judge, 0, 1.0), Some(2.0));
        assert_eq!(judge.findings.len(), 1);
    }
}
