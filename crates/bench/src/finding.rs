use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Span, lenient_json};
use FindingKind::{BadField, BadSpan, UnknownField};

/// What is odd about an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// An item that cannot be read at all: it is left out.
    BadItem,
    /// The same identity a second time.
    DuplicateId,
    /// A field that is missing or of another type than published.
    BadField,
    /// A field nobody published. Listed once for each name, with its count.
    UnknownField,
    /// A time span that is reversed, negative, not two numbers, or not there.
    BadSpan,
    /// No gold answer, or one without words.
    EmptyAnswer,
    /// A prediction or score for something the annotation does not hold.
    UnknownId,
}

/// One oddity of an input file. It does not stop a run: it is counted and listed, and only `--strict` makes it an
/// error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is odd.
    pub kind: FindingKind,
    /// Where, in the words of the file: `item 3 (kitchen-1.mp4), answer 2`.
    pub place: String,
    /// What was expected and what was found, and what becomes of it.
    pub what: String,
}

impl Finding {
    pub(crate) fn new(kind: FindingKind, place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { kind, place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What a reader found odd so far, and the place it is at.
#[derive(Debug, Default)]
pub(crate) struct FindingLog {
    pub(crate) place: String,
    findings: Vec<Finding>,
    unknown_fields: BTreeMap<String, usize>,
}

impl FindingLog {
    pub(crate) fn find(&mut self, kind: FindingKind, what: impl Into<String>) {
        self.findings.push(Finding::new(kind, self.place.clone(), what));
    }

    /// Counts the fields of an object that are not `known`; `prefix` tells objects within an item apart.
    pub(crate) fn note_unknown(&mut self, object: &Map<String, Value>, known: &[&str], prefix: &str) {
        for field in object.keys().filter(|field| !known.contains(&field.as_str())) {
            *self.unknown_fields.entry(format!("{prefix}{field}")).or_default() += 1;
        }
    }

    /// A list field; empty, and noted, where it is none.
    pub(crate) fn list<'a>(&mut self, object: &'a Map<String, Value>, field: &str) -> &'a [Value] {
        let list = object.get(field).and_then(Value::as_array);
        list.map_or_else(|| self.bad_field(object, field, "a list").unwrap_or_default(), Vec::as_slice)
    }

    /// A text field; `None`, and noted, where it is none.
    pub(crate) fn text<'a>(&mut self, object: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
        lenient_json::text(object.get(field)).or_else(|| self.bad_field(object, field, "a text"))
    }

    /// A time in seconds; `None`, and noted, where it is none.
    pub(crate) fn secs(&mut self, object: &Map<String, Value>, field: &str) -> Option<f64> {
        lenient_json::secs(object.get(field)).or_else(|| self.bad_field(object, field, "seconds"))
    }

    /// Notes that a field is not what it should be.
    pub(crate) fn bad_field<T>(&mut self, object: &Map<String, Value>, field: &str, expected: &str) -> Option<T> {
        let found = lenient_json::shown(object.get(field));
        self.find(BadField, format!("{field}: {expected} is expected, found {found}"));
        None
    }

    /// A span of two usable numbers. One that is reversed or begins before the video is listed, and kept: the rules
    /// of the metric say by themselves what becomes of it.
    pub(crate) fn span(&mut self, object: &Map<String, Value>, field: &str, otherwise: &str) -> Option<Span> {
        let span = match object.get(field).and_then(Value::as_array).map(Vec::as_slice) {
            Some([start, end]) => match (lenient_json::secs(Some(start)), lenient_json::secs(Some(end))) {
                (Some(start_secs), Some(end_secs)) => Some(Span { start_secs, end_secs }),
                _ => None,
            },
            _ => None,
        };
        match span {
            None => {
                let found = lenient_json::shown(object.get(field));
                self.find(BadSpan, format!("{field}: [start, end] in seconds is expected, found {found}; {otherwise}"));
            }
            Some(Span { start_secs, end_secs }) if end_secs < start_secs => {
                self.find(BadSpan, format!("{field}: ends before it starts, [{start_secs}, {end_secs}]"));
            }
            Some(Span { start_secs, end_secs }) if start_secs < 0.0 => {
                self.find(BadSpan, format!("{field}: starts before the video, [{start_secs}, {end_secs}]"));
            }
            Some(_) => {}
        }
        span
    }

    pub(crate) fn into_findings(mut self) -> Vec<Finding> {
        for (field, count) in self.unknown_fields {
            self.findings.push(Finding::new(UnknownField, field, format!("a field nobody published, {count} time(s)")));
        }
        self.findings
    }
}
