use std::fmt;

use serde::Serialize;

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
