//! One line of a prediction file, and the file while it grows.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RunError;
use crate::{Predictions, TimedReply};

/// What the model said to one item, and what that took. The first two fields are ProactiveVideoQA's; the others are
/// ours, and other programs skip them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The item.
    pub question_id: String,
    /// Replies in the order they were made.
    pub model_response_list: Vec<Response>,
    /// Turns taken.
    #[serde(default)]
    pub turns: u64,
    /// Seconds it took, decoding the video included.
    #[serde(default)]
    pub seconds: f64,
    /// Half of the turns took no longer, in milliseconds.
    #[serde(default)]
    pub p50_ms: Option<f64>,
    /// 99 % of the turns took no longer, in milliseconds.
    #[serde(default)]
    pub p99_ms: Option<f64>,
    /// Probability of silence at each turn, to three digits.
    #[serde(default)]
    pub p_silent: Vec<f32>,
    /// Why the video broke off, where it did: the replies are those until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broke_off: Option<String>,
}

/// A reply as ProactiveVideoQA writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Always `assistant`.
    pub role: String,
    /// The words.
    pub content: String,
    /// Seconds of the video.
    pub time: f64,
}

impl Prediction {
    /// The replies.
    pub fn replies(&self) -> Vec<TimedReply> {
        let replies = self.model_response_list.iter();
        replies.map(|reply| TimedReply { time_secs: reply.time, text: reply.content.clone() }).collect()
    }
}

/// Every prediction, for scoring.
pub(crate) fn to_score(rows: &[Prediction]) -> Predictions {
    let mut predictions = Predictions::default();
    for row in rows {
        predictions.insert(&row.question_id, row.replies());
    }
    predictions
}

/// A prediction file that grows by whole, lasting lines.
pub(super) struct PredictionLog {
    file: File,
    done: HashSet<String>,
}

impl PredictionLog {
    /// Opens the file, or creates it and its folder. What a killed process left of a last line is dropped; a broken line before it is an
    /// error, because nothing we do leaves one.
    pub(super) fn open(path: &Path) -> Result<Self, RunError> {
        let rows = read(path)?;
        let failed = |cause| RunError::write(path, cause);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        let whole = whole_lines(&read_bytes(path)?).len() as u64;
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).map_err(failed)?;
        file.set_len(whole).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Self { file, done: rows.into_iter().map(|row| row.question_id).collect() })
    }

    pub(super) fn is_done(&self, question_id: &str) -> bool {
        self.done.contains(question_id)
    }

    /// Appends a line; it is on the disk when this returns.
    pub(super) fn append(&mut self, row: &Prediction, path: &Path) -> Result<(), RunError> {
        let mut line = serde_json::to_vec(row).expect("a prediction is plain data");
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(|cause| RunError::write(path, cause))?;
        self.done.insert(row.question_id.clone());
        Ok(())
    }
}

/// The whole lines of a prediction file, those of one item once; none where there is no file.
pub(super) fn read(path: &Path) -> Result<Vec<Prediction>, RunError> {
    let bytes = read_bytes(path)?;
    let mut rows: Vec<Prediction> = Vec::new();
    let mut seen = HashSet::new();
    for (idx, line) in whole_lines(&bytes).split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let row: Prediction = serde_json::from_slice(line)
            .map_err(|error| RunError::not_a_run(path, format!("line {} is no prediction: {error}", idx + 1)))?;
        if seen.insert(row.question_id.clone()) {
            rows.push(row);
        }
    }
    Ok(rows)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, RunError> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(crate::BenchError::Read { path: path.to_owned(), cause }.into()),
    }
}

/// Up to the last line's end: a line without one was cut off by a kill or a full disk.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |idx| idx + 1);
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str) -> Prediction {
        let reply = Response { role: "assistant".into(), content: "It boils.\n\"Now\".".into(), time: 4.0 };
        Prediction { question_id: id.into(), model_response_list: vec![reply], turns: 9, ..Prediction::default() }
    }

    #[test]
    fn a_torn_last_line_is_dropped_wherever_it_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let mut log = PredictionLog::open(&path).unwrap();
        log.append(&row("a"), &path).unwrap();
        let one = fs::read(&path).unwrap().len();
        log.append(&row("b"), &path).unwrap();
        let two = fs::read(&path).unwrap();
        for cut in one..two.len() {
            fs::write(&path, &two[..cut]).unwrap();
            let mut log = PredictionLog::open(&path).unwrap();
            assert!(log.is_done("a") && !log.is_done("b"), "{cut}");
            log.append(&row("b"), &path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), two);
        }
        assert_eq!(read(&path).unwrap(), [row("a"), row("b")]);
    }

    #[test]
    fn a_broken_line_in_the_middle_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        fs::write(&path, "{\"question\n{}\n").unwrap();
        assert!(PredictionLog::open(&path).err().unwrap().to_string().contains("line 1"));
        assert_eq!(read(&folder.path().join("none.jsonl")).unwrap(), []);
    }
}
