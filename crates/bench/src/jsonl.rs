//! One JSON object a line: a broken line is an error that names the line.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::{BenchError, lenient_json};

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, BenchError> {
    fs::read(path).map_err(|cause| BenchError::Read { path: path.to_owned(), cause })
}

/// Hands each line's object and its number (from 1) to `take`; blank lines are skipped.
pub(crate) fn each_object(
    bytes: &[u8],
    origin: &str,
    mut take: impl FnMut(usize, &Map<String, Value>) -> Result<(), String>,
) -> Result<(), BenchError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (idx, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let bad_line = |cause: String| BenchError::BadLine { origin: origin.to_owned(), line: idx + 1, cause };
        let value: Value = lenient_json::parse(line).map_err(|err| bad_line(format!("not JSON: {err}")))?;
        let Some(object) = value.as_object() else {
            return Err(bad_line(format!("an object is expected, found {}", lenient_json::shown(Some(&value)))));
        };
        take(idx + 1, object).map_err(bad_line)?;
    }
    Ok(())
}
