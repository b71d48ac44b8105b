//! JSON as Python writes it, and fields read one by one so that one odd field does not cost the file.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::BenchError;

/// No video is longer (31 years): a time beyond it is a slip of the file, and would overflow areas under curves.
pub(crate) const MAX_SECS: f64 = 1e9;

/// Parses bytes that may begin with a byte order mark and may hold Python's `NaN`, `Infinity` and `-Infinity`,
/// which are not JSON; those become `null`.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).or_else(|err| match null_for_non_numbers(bytes) {
        Cow::Owned(mended) => serde_json::from_slice(&mended),
        Cow::Borrowed(_) => Err(err),
    })
}

/// The elements of an annotation file, which is one list.
pub(crate) fn list(bytes: &[u8], origin: &str) -> Result<Vec<Value>, BenchError> {
    parse(bytes).map_err(|err| BenchError::NotAnnotations { origin: origin.to_owned(), cause: err.to_string() })
}

/// `null` for every `NaN`, `Infinity` and `-Infinity` outside strings; borrowed when there is none.
fn null_for_non_numbers(bytes: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut mended: Vec<u8> = Vec::new();
    let (mut copied, mut at, mut is_in_string) = (0, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if is_in_string => at += 1,
            b'"' => is_in_string = !is_in_string,
            b'-' | b'I' | b'N' if !is_in_string => {
                if let Some(word) = WORDS.iter().find(|word| bytes[at..].starts_with(word)) {
                    mended.extend_from_slice(&bytes[copied..at]);
                    mended.extend_from_slice(b"null");
                    copied = at + word.len();
                    at = copied;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    if mended.is_empty() {
        return Cow::Borrowed(bytes);
    }
    mended.extend_from_slice(&bytes[copied..]);
    Cow::Owned(mended)
}

/// A time in seconds: an int or a float of a size a video can have.
pub(crate) fn secs(value: Option<&Value>) -> Option<f64> {
    value.and_then(Value::as_f64).filter(|secs| secs.abs() <= MAX_SECS)
}

/// An identity: text, or a whole number, which some files use.
pub(crate) fn id(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The text of a string field.
pub(crate) fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

/// That a field is not what it should be.
pub(crate) fn expected(object: &Map<String, Value>, field: &str, kind: &str) -> String {
    format!("{field}: {kind} expected, found {}", shown(object.get(field)))
}

/// What stands in the file, short enough for a message.
pub(crate) fn shown(value: Option<&Value>) -> String {
    const MAX_CHARS: usize = 40;
    let Some(value) = value else { return "nothing".into() };
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_writes() {
        let value: Value = parse(b"\xef\xbb\xbf{\"a\": [NaN, -Infinity, Infinity, -1], \"NaN \\\" NaN\": 1}").unwrap();
        assert_eq!(value, serde_json::json!({"a": [null, null, null, -1], "NaN \" NaN": 1}));
        assert!(parse::<Value>(b"{\"a\": nan}").is_err());
    }

    #[test]
    fn times_and_ids() {
        assert_eq!(secs(Some(&serde_json::json!(3))), Some(3.0));
        assert_eq!(secs(Some(&serde_json::json!(1e300))), None);
        assert_eq!(secs(Some(&serde_json::json!("3"))), None);
        assert_eq!(id(Some(&serde_json::json!(17))).as_deref(), Some("17"));
        assert_eq!(id(Some(&serde_json::json!(""))), None);
    }
}
