//! What a model said: JSONL rows `{question_id, model_response_list: [{role, content, time}]}`.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};
use souffleur_core::is_silence;

use crate::finding::FindingKind::DuplicateId;
use crate::{BenchError, Finding, jsonl, lenient_json};

/// The silence text of the released models and prediction files.
pub const SILENCE_TEXT: &str = "NO REPLY";

/// Something a model said, at a time of the video.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedReply {
    /// The stamp of its turn, in seconds of the video.
    pub time_secs: f64,
    /// The words, exactly as the model wrote them.
    pub text: String,
}

/// The replies of a model, by item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    replies_by_id: HashMap<String, Vec<TimedReply>>,
    /// What was odd.
    pub findings: Vec<Finding>,
}

impl Predictions {
    /// Reads a file. `silence_text` is what the model writes when it has nothing to say.
    ///
    /// # Errors
    /// When the file cannot be read or a line cannot be used; the error names the line.
    pub fn read(path: &Path, silence_text: &str) -> Result<Self, BenchError> {
        Self::parse(&jsonl::read(path)?, &path.display().to_string(), silence_text)
    }

    /// Reads the bytes of a file; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(bytes: &[u8], origin: &str, silence_text: &str) -> Result<Self, BenchError> {
        let mut predictions = Self::default();
        jsonl::each_object(bytes, origin, |line, object| {
            let question_id = lenient_json::id(object.get("question_id"))
                .ok_or_else(|| lenient_json::expected(object, "question_id", "a text"))?;
            let replies = replies(object, silence_text)?;
            if predictions.replies_by_id.contains_key(&question_id) {
                let what = format!("{question_id} was predicted before; the last row counts");
                predictions.findings.push(Finding::new(DuplicateId, format!("{origin}, line {line}"), what));
            }
            predictions.insert(question_id, replies);
            Ok(())
        })?;
        Ok(predictions)
    }

    /// Sets the replies to one item, in any order; they are kept by time, those of one time in the order given.
    pub fn insert(&mut self, question_id: impl Into<String>, mut replies: Vec<TimedReply>) {
        replies.sort_by(|a, b| a.time_secs.total_cmp(&b.time_secs));
        self.replies_by_id.insert(question_id.into(), replies);
    }

    /// The replies to an item by time; `None` when nothing was predicted for it, not even silence.
    pub fn replies(&self, question_id: &str) -> Option<&[TimedReply]> {
        self.replies_by_id.get(question_id).map(Vec::as_slice)
    }

    /// The items that have a row, in no particular order.
    pub fn question_ids(&self) -> impl Iterator<Item = &str> {
        self.replies_by_id.keys().map(String::as_str)
    }
}

/// Only assistant rows other than silence; the others need no time and may hold anything.
fn replies(object: &Map<String, Value>, silence_text: &str) -> Result<Vec<TimedReply>, String> {
    let rows = object.get("model_response_list").and_then(Value::as_array);
    let rows = rows.ok_or_else(|| lenient_json::expected(object, "model_response_list", "a list"))?;
    let mut replies = Vec::new();
    for (idx, row) in rows.iter().enumerate() {
        let in_row = |cause: String| format!("model_response_list {}: {cause}", idx + 1);
        let Some(row) = row.as_object() else {
            return Err(in_row(format!("an object is expected, found {}", lenient_json::shown(Some(row)))));
        };
        if lenient_json::text(row.get("role")).ok_or_else(|| in_row(lenient_json::expected(row, "role", "a text")))?
            != "assistant"
        {
            continue;
        }
        let text = lenient_json::text(row.get("content"))
            .ok_or_else(|| in_row(lenient_json::expected(row, "content", "a text")))?;
        if is_silence(text, silence_text) {
            continue;
        }
        let time_secs = lenient_json::secs(row.get("time"))
            .ok_or_else(|| in_row(lenient_json::expected(row, "time", "seconds")))?;
        replies.push(TimedReply { time_secs, text: text.to_owned() });
    }
    Ok(replies)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = r#"
{"question_id": "tap.mp4", "model_response_list": [
"#;

    fn parse(text: &str) -> Result<Predictions, BenchError> {
        Predictions::parse(text.as_bytes(), "pred.jsonl", SILENCE_TEXT)
    }

    #[test]
    fn only_spoken_assistant_rows_are_replies() {
        let read = parse(concat!(
            "\n",
            r#"{"question_id": "tap.mp4", "extra": 1, "model_response_list": [{"role": "user", "content": "Is it on?"}, "#,
            r#"{"role": "assistant", "content": "It runs.", "time": 4}, {"role": "assistant", "content": " NO REPLY\n"}, "#,
            r#"{"role": "assistant", "content": "NO REPLY needed.", "time": 2.5}]}"#,
            "\r\n",
        ));
        let read = read.unwrap();
        let said: Vec<_> = read.replies("tap.mp4").unwrap().iter().map(|r| (r.time_secs, r.text.as_str())).collect();
        assert_eq!(said, [(2.5, "NO REPLY needed."), (4.0, "It runs.")]);
        assert_eq!(read.replies("pot.mp4"), None);
    }

    #[test]
    fn a_broken_line_is_named() {
        let err = parse(ROWS).unwrap_err().to_string();
        assert!(err.starts_with("pred.jsonl, line 2: not JSON"), "{err}");
        let err = parse(
            r#"{"question_id": 7, "model_response_list": [{"role": "assistant", "content": "Hi", "time": "4"}]}"#,
        );
        assert_eq!(
            err.unwrap_err().to_string(),
            "pred.jsonl, line 1: model_response_list 1: time: seconds expected, found \"4\""
        );
        assert!(parse("[]").is_err());
        assert!(parse(r#"{"question_id": "a"}"#).is_err());
    }

    #[test]
    fn of_two_rows_the_last_counts() {
        let row = |text| {
            format!(
                r#"{{"question_id": "a", "model_response_list": [{{"role": "assistant", "content": "{text}", "time": 1}}]}}"#
            )
        };
        let read = parse(&format!("{}\n{}", row("one"), row("two"))).unwrap();
        assert_eq!(read.replies("a").unwrap()[0].text, "two");
        assert_eq!(read.findings.len(), 1);
    }
}
