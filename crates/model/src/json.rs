//! Reading Hugging Face's JSON files so that an error names the key, what it must be and what it is.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::ModelError;

/// A JSON object of a file, with the way to it for messages.
#[derive(Clone, Debug)]
pub(crate) struct Section<'a> {
    file: &'static str,
    prefix: String,
    object: &'a Map<String, Value>,
}

/// Parses a file whose top is an object.
pub(crate) fn parse(file: &'static str, json: &[u8]) -> Result<Value, ModelError> {
    let value: Value = serde_json::from_slice(json).map_err(|err| ModelError::syntax(file, "JSON", err))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(ModelError::syntax(file, "JSON", "an object is expected at the top"))
    }
}

impl<'a> Section<'a> {
    /// The top of a file that [`parse`] read.
    pub(crate) fn top(file: &'static str, value: &'a Value) -> Result<Self, ModelError> {
        let object = value.as_object().ok_or_else(|| ModelError::value(file, "the top", "an object", show(value)))?;
        Ok(Self { file, prefix: String::new(), object })
    }

    /// The error of `key` in this section.
    pub(crate) fn wrong(&self, key: &str, expected: impl ToString, found: impl ToString) -> ModelError {
        ModelError::value(self.file, &format!("{}{key}", self.prefix), expected, found)
    }

    /// The value of `key`; `null` counts as absent, as in Hugging Face's files.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// A value as it reads in a message.
    pub(crate) fn found(&self, key: &str) -> String {
        self.get(key).map_or_else(|| "nothing".to_owned(), show)
    }

    /// The object under `key`.
    pub(crate) fn section(&self, key: &str) -> Result<Option<Section<'a>>, ModelError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let object = value.as_object().ok_or_else(|| self.wrong(key, "an object", show(value)))?;
        Ok(Some(Section { file: self.file, prefix: format!("{}{key}.", self.prefix), object }))
    }

    /// A whole number inside `range`, required.
    pub(crate) fn integer(&self, key: &str, range: RangeInclusive<u64>) -> Result<u64, ModelError> {
        let found = self.get(key).and_then(Value::as_u64).filter(|number| range.contains(number));
        found.ok_or_else(|| {
            let (first, last) = range.into_inner();
            let expected =
                if first == last { first.to_string() } else { format!("a whole number from {first} to {last}") };
            self.wrong(key, expected, self.found(key))
        })
    }

    /// A size: a whole number from 1 to `max`, required.
    pub(crate) fn size(&self, key: &str, max: u32) -> Result<usize, ModelError> {
        self.integer(key, 1..=u64::from(max)).map(|number| number as usize)
    }

    /// A token id, required.
    pub(crate) fn token_id(&self, key: &str) -> Result<u32, ModelError> {
        self.integer(key, 0..=u64::from(u32::MAX)).map(|id| id as u32)
    }

    /// A finite number over zero, required.
    pub(crate) fn positive(&self, key: &str) -> Result<f64, ModelError> {
        let found = self.get(key).and_then(Value::as_f64).filter(|number| *number > 0.0 && number.is_finite());
        found.ok_or_else(|| self.wrong(key, "a number over 0", self.found(key)))
    }

    /// `true` or `false`, where the key is there.
    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, ModelError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(key, "true or false", show(value)))
    }

    /// Whole numbers inside `range`, required.
    pub(crate) fn integers(&self, key: &str, range: RangeInclusive<u64>) -> Result<Vec<u64>, ModelError> {
        let numbers = self.get(key).and_then(Value::as_array).and_then(|list| {
            list.iter().map(|item| item.as_u64().filter(|number| range.contains(number))).collect::<Option<Vec<_>>>()
        });
        numbers.ok_or_else(|| {
            let expected = format!("a list of whole numbers from {} to {}", range.start(), range.end());
            self.wrong(key, expected, self.found(key))
        })
    }

    /// Three finite numbers, required.
    pub(crate) fn three_numbers(&self, key: &str) -> Result<[f32; 3], ModelError> {
        let numbers = self.get(key).and_then(Value::as_array).and_then(|list| {
            let numbers =
                list.iter().map(|item| item.as_f64().map(|number| number as f32)).collect::<Option<Vec<_>>>()?;
            <[f32; 3]>::try_from(numbers).ok().filter(|numbers| numbers.iter().all(|number| number.is_finite()))
        });
        numbers.ok_or_else(|| self.wrong(key, "a list of three numbers", self.found(key)))
    }

    /// Refuses a text other than those of `accepted`, where the key is there.
    pub(crate) fn one_of(&self, key: &str, accepted: &[&str]) -> Result<(), ModelError> {
        match self.get(key) {
            Some(value) if !value.as_str().is_some_and(|text| accepted.contains(&text)) => {
                let expected = accepted.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ");
                Err(self.wrong(key, expected, show(value)))
            }
            _ => Ok(()),
        }
    }
}

/// A JSON value on one short line.
fn show(value: &Value) -> String {
    const MAX_CHARS: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= MAX_CHARS {
        return text;
    }
    text.chars().take(MAX_CHARS).chain("…".chars()).collect()
}
