//! Answers of earlier runs, so that nothing is asked twice.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::JudgeError;

/// SHA-256 of the model's name and the filled prompt, so of model, prompt and texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// The key of one question to one model.
    pub fn new(model: &str, prompt: &str) -> Self {
        let mut digest = Sha256::new();
        // The length first: no end of a name can be taken for the start of a prompt.
        digest.update((model.len() as u64).to_le_bytes());
        digest.update(model);
        digest.update(prompt);
        Self(digest.finalize().into())
    }

    fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn from_hex(hex: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        for (idx, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * idx..2 * idx + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// A line of the file. The texts asked about are not in it.
#[derive(Serialize, Deserialize)]
struct Row {
    key: String,
    model: String,
    answer: String,
}

/// One append-only file of JSON lines. Each answer is written in one call as soon as it is there, so a run that is
/// killed loses none; a line cut off by a crash is passed over, and asked again.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    answers: HashMap<CacheKey, String>,
}

impl Cache {
    /// Opens the file, or begins it.
    ///
    /// # Errors
    /// When it cannot be read or written to.
    pub fn open(path: &Path) -> Result<Self, JudgeError> {
        let failed = |cause| JudgeError::Cache { path: path.to_owned(), cause };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let answers = read(&file).map_err(failed)?;
        if !ends_in_newline(&mut file).map_err(failed)? {
            file.write_all(b"\n").map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), open: Mutex::new(Open { file, answers }) })
    }

    /// The answer of an earlier run or of this one.
    pub fn get(&self, key: CacheKey) -> Option<String> {
        self.lock().answers.get(&key).cloned()
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, key: CacheKey, model: &str, answer: &str) -> Result<(), JudgeError> {
        let row = Row { key: key.hex(), model: model.to_owned(), answer: answer.to_owned() };
        let failed = |cause| JudgeError::Cache { path: self.path.clone(), cause };
        let mut line = serde_json::to_vec(&row).map_err(|err| failed(err.into()))?;
        line.push(b'\n');
        let mut open = self.lock();
        open.file.write_all(&line).map_err(failed)?;
        open.answers.insert(key, row.answer);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn read(file: &File) -> std::io::Result<HashMap<CacheKey, String>> {
    let mut answers = HashMap::new();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if let Ok(row) = serde_json::from_slice::<Row>(&line)
            && let Some(key) = CacheKey::from_hex(&row.key)
        {
            answers.insert(key, row.answer);
        }
        line.clear();
    }
    Ok(answers)
}

fn ends_in_newline(file: &mut File) -> std::io::Result<bool> {
    match file.seek(SeekFrom::End(-1)) {
        Ok(_) => {
            let mut last = [0];
            file.read_exact(&mut last)?;
            Ok(last == *b"\n")
        }
        // An empty file has no place before its end.
        Err(err) if err.kind() == ErrorKind::InvalidInput => Ok(true),
        Err(err) => Err(err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_outlive_the_run_and_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/answers.jsonl");
        let (a, b) = (CacheKey::new("m", "a"), CacheKey::new("m", "b"));
        let cache = Cache::open(&path).unwrap();
        cache.put(a, "m", "line\nbreak").unwrap();
        cache.put(b, "m", "2").unwrap();
        drop(cache);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let cache = Cache::open(&path).unwrap();
        assert_eq!((cache.get(a).as_deref(), cache.get(b)), (Some("line\nbreak"), None));
        cache.put(b, "m", "3").unwrap();
        drop(cache);
        let cache = Cache::open(&path).unwrap();
        assert_eq!((cache.get(a).as_deref(), cache.get(b).as_deref()), (Some("line\nbreak"), Some("3")));
    }

    #[test]
    fn model_and_prompt_do_not_run_into_each_other() {
        assert_ne!(CacheKey::new("ab", "c"), CacheKey::new("a", "bc"));
        assert_eq!(CacheKey::from_hex(&CacheKey::new("a", "b").hex()), Some(CacheKey::new("a", "b")));
        assert_eq!(CacheKey::from_hex(&"é".repeat(32)), None);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let message = Cache::open(folder.path()).unwrap_err().to_string();
        assert!(message.starts_with("the judge's answers cannot be kept in "), "{message}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_open_without_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a");
            std::fs::write(&path, bytes).unwrap();
            let cache = Cache::open(&path).unwrap();
            let key = CacheKey::new("m", "p");
            cache.put(key, "m", "1").unwrap();
            drop(cache);
            let reopened = Cache::open(&path).unwrap().get(key);
            proptest::prop_assert_eq!(reopened.as_deref(), Some("1"));
        }
    }
}
