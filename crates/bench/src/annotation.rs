//! Gold answers in ProactiveVideoQA's form (arXiv 2507.09313, released `anno.json`): a JSON list of
//! `{video, question_id, duration, conversation: [{role, content, time}], answer: [{role, content,
//! related_timespan: [a, b], reply_timespan: [a, b], type?}]}`.
//!
//! The reader is tolerant, because the files of this field are not clean: what it cannot use it lists as a
//! [`Finding`] and goes on. An answer stays a gold turn whatever is odd about it, so that a turn-weighted mean has
//! the same turns as in the released scripts; an answer nobody can meet counts as silence for everybody.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use souffleur_core::SUBTITLE_PREFIX;

use crate::finding::FindingKind::{BadField, BadItem, DuplicateId, EmptyAnswer};
use crate::finding::FindingLog;
use crate::{BenchError, Finding, lenient_json};

/// A stretch of the video, both ends included, in seconds from its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// First instant of the span.
    pub start_secs: f64,
    /// Last instant of the span.
    pub end_secs: f64,
}

impl Span {
    /// Both ends are inside. A reversed span holds nothing.
    pub fn contains(&self, secs: f64) -> bool {
        self.start_secs <= secs && secs <= self.end_secs
    }

    /// Length in seconds; negative for a reversed span.
    pub fn length_secs(&self) -> f64 {
        self.end_secs - self.start_secs
    }
}

/// A text the user side says in the course of the video: a question, or a subtitle line.
#[derive(Clone, Debug, PartialEq)]
pub struct UserText {
    /// When, in seconds of the video.
    pub time_secs: f64,
    /// The words.
    pub text: String,
}

impl UserText {
    /// Subtitle lines are further user turns, told by their first word (TV subset).
    pub fn is_subtitle(&self) -> bool {
        self.text.starts_with(SUBTITLE_PREFIX)
    }
}

/// What should be said, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldAnswer {
    /// The words.
    pub text: String,
    /// The question it answers, where the file says so (the kitchen clips do).
    pub question: Option<String>,
    /// Where the evidence is seen. Decides what is late; `None` falls back to `reply_timespan`.
    pub related_timespan: Option<Span>,
    /// Where a reply counts. `None` when the file holds no usable one: no reply can meet this answer.
    pub reply_timespan: Option<Span>,
    /// The `type` of the released files, where there is one.
    pub kind: Option<String>,
}

impl GoldAnswer {
    /// The end of the evidence: replies after it fall under the late rule.
    pub fn related_end_secs(&self) -> Option<f64> {
        self.related_timespan.or(self.reply_timespan).map(|span| span.end_secs)
    }
}

/// One video with its user texts and gold answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Identity that predictions name; the file's `question_id`, else its `video`.
    pub question_id: String,
    /// File name of the video below `videos/`.
    pub video: String,
    /// Length of the video in seconds, where the file has a usable one.
    pub duration_secs: Option<f64>,
    /// What the user side says, in time order.
    pub conversation: Vec<UserText>,
    /// What should be said, in the order of the file: scores name answers by this index.
    pub answers: Vec<GoldAnswer>,
}

impl Item {
    /// The question an answer belongs to: its own where the file says so, else the last one asked up to the start
    /// of its span (subtitles are no questions), else the first.
    pub fn question_of<'a>(&'a self, answer: &'a GoldAnswer) -> &'a str {
        if let Some(question) = &answer.question {
            return question;
        }
        let mut questions = self.conversation.iter().filter(|turn| !turn.is_subtitle()).peekable();
        let first = questions.peek().map_or("", |turn| turn.text.as_str());
        let start_secs = answer.reply_timespan.map_or(f64::INFINITY, |span| span.start_secs);
        questions.take_while(|turn| turn.time_secs <= start_secs).last().map_or(first, |turn| turn.text.as_str())
    }

    /// Length of the video; where the file has none, the end of the last reply span stands in for it.
    pub fn duration_or_last_span_secs(&self) -> f64 {
        let last_end = || {
            let ends = self.answers.iter().filter_map(|answer| answer.reply_timespan).map(|span| span.end_secs);
            ends.fold(0.0, f64::max)
        };
        self.duration_secs.unwrap_or_else(last_end)
    }
}

/// A read annotation file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    /// The items, in the order of the file; of several with one identity only the first.
    pub items: Vec<Item>,
    /// What was odd.
    pub findings: Vec<Finding>,
}

impl Annotations {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is not JSON, or is not a list. Everything else is a [`Finding`].
    pub fn read(path: &Path) -> Result<Self, BenchError> {
        let bytes = fs::read(path).map_err(|cause| BenchError::Read { path: path.to_owned(), cause })?;
        Self::parse(&bytes, &path.display().to_string())
    }

    /// Reads the bytes of a file; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(bytes: &[u8], origin: &str) -> Result<Self, BenchError> {
        let values = lenient_json::list(bytes, origin)?;
        let mut reader = Reader::default();
        let mut seen = HashSet::new();
        let mut items = Vec::with_capacity(values.len());
        for (idx, value) in values.iter().enumerate() {
            let Some(item) = reader.item(idx, value) else { continue };
            if seen.insert(item.question_id.clone()) {
                items.push(item);
            } else {
                reader.log.place = format!("item {} ({})", idx + 1, item.question_id);
                reader.log.find(DuplicateId, "this identity was there before; the first counts");
            }
        }
        Ok(Self { items, findings: reader.log.into_findings() })
    }
}

const ITEM_FIELDS: &[&str] = &[
    "video",
    "question_id",
    "duration",
    "conversation",
    "answer", //
    "frame",
    "audio", // TV subset
    "seed",
    "segments",
    "model_replies", // generated worlds
];
const TURN_FIELDS: &[&str] = &["role", "content", "time"];
const ANSWER_FIELDS: &[&str] = &["role", "content", "related_timespan", "reply_timespan", "type", "question"];

/// Walks one file and keeps what was odd.
#[derive(Default)]
struct Reader {
    log: FindingLog,
}

impl Reader {
    fn item(&mut self, idx: usize, value: &Value) -> Option<Item> {
        self.log.place = format!("item {}", idx + 1);
        let Some(object) = value.as_object() else {
            self.log
                .find(BadItem, format!("an object is expected, found {}; left out", lenient_json::shown(Some(value))));
            return None;
        };
        self.log.note_unknown(object, ITEM_FIELDS, "");
        let video = lenient_json::text(object.get("video"));
        let Some(question_id) = lenient_json::id(object.get("question_id")).or(video.map(str::to_owned)) else {
            self.log.find(BadItem, "neither question_id nor video names it; left out");
            return None;
        };
        self.log.place = format!("item {} ({question_id})", idx + 1);
        if video.is_none() {
            self.log.find(BadField, format!("video: a file name is expected, found {}", shown(object, "video")));
        }
        let duration_secs = lenient_json::secs(object.get("duration")).filter(|secs| *secs > 0.0);
        if duration_secs.is_none() {
            let found = shown(object, "duration");
            self.log.find(BadField, format!("duration: seconds above 0 are expected, found {found}"));
        }
        Some(Item {
            video: video.unwrap_or_default().to_owned(),
            duration_secs,
            conversation: self.conversation(object),
            answers: self.answers(object),
            question_id,
        })
    }

    fn conversation(&mut self, object: &Map<String, Value>) -> Vec<UserText> {
        let mut turns = Vec::new();
        for (idx, value) in self.log.list(object, "conversation").iter().enumerate() {
            let Some(turn) = value.as_object() else {
                self.log.find(BadField, format!("conversation {}: an object is expected; left out", idx + 1));
                continue;
            };
            self.log.note_unknown(turn, TURN_FIELDS, "conversation[].");
            if lenient_json::text(turn.get("role")).is_some_and(|role| role != "user") {
                continue;
            }
            let Some(text) = lenient_json::text(turn.get("content")) else {
                let found = shown(turn, "content");
                self.log
                    .find(BadField, format!("conversation {}: content is a text, found {found}; left out", idx + 1));
                continue;
            };
            let time_secs = lenient_json::secs(turn.get("time")).unwrap_or_else(|| {
                let found = shown(turn, "time");
                self.log
                    .find(BadField, format!("conversation {}: time is in seconds, found {found}; 0 is taken", idx + 1));
                0.0
            });
            turns.push(UserText { time_secs, text: text.to_owned() });
        }
        turns.sort_by(|a, b| a.time_secs.total_cmp(&b.time_secs));
        turns
    }

    fn answers(&mut self, object: &Map<String, Value>) -> Vec<GoldAnswer> {
        let values = self.log.list(object, "answer");
        if values.is_empty() && object.get("answer").is_some_and(Value::is_array) {
            self.log.find(EmptyAnswer, "no gold answer: it adds no turn");
        }
        let item_place = self.log.place.clone();
        let mut answers = Vec::with_capacity(values.len());
        for (idx, value) in values.iter().enumerate() {
            self.log.place = format!("{item_place}, answer {}", idx + 1);
            answers.push(self.answer(value));
        }
        self.log.place = item_place;
        answers
    }

    /// Never leaves an answer out: later ones would change their index, and scores name answers by it.
    fn answer(&mut self, value: &Value) -> GoldAnswer {
        let nothing = Map::new();
        let object = value.as_object().unwrap_or_else(|| {
            self.log.find(BadField, format!("an object is expected, found {}", lenient_json::shown(Some(value))));
            &nothing
        });
        self.log.note_unknown(object, ANSWER_FIELDS, "answer[].");
        let text = lenient_json::text(object.get("content")).unwrap_or_default().trim();
        if text.is_empty() && value.is_object() {
            self.log.find(EmptyAnswer, "no words to meet: it counts as silence");
        }
        GoldAnswer {
            text: text.to_owned(),
            question: lenient_json::text(object.get("question")).map(str::to_owned),
            related_timespan: self.log.span(object, "related_timespan", "reply_timespan stands in"),
            reply_timespan: self.log.span(object, "reply_timespan", "no reply can meet it"),
            kind: lenient_json::text(object.get("type")).map(str::to_owned),
        }
    }
}

fn shown(object: &Map<String, Value>, field: &str) -> String {
    lenient_json::shown(object.get(field))
}
