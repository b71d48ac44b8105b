use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Dataset, read};
use crate::finding::FindingKind::{BadField, BadItem};
use crate::finding::FindingLog;
use crate::{BenchError, lenient_json};

/// A dialogue whose frames are image files, in MMDuet2's input form (arXiv 2512.06810, released code).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameDialogue {
    /// The file's `question_id`.
    pub question_id: String,
    /// The system prompt, where the file brings one in place of the model's own.
    pub system_prompt: Option<String>,
    /// What is shown and said, in order.
    pub turns: Vec<FrameTurn>,
}

/// A user turn of such a dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameTurn {
    /// Image files, oldest first, as the file names them.
    pub images: Vec<String>,
    /// The user's words; several texts of a turn stand joined, with nothing between them.
    pub text: Option<String>,
    /// What the model is to do with it.
    pub answer: TurnAnswer,
    /// What the file itself answers: the model is given this to remember, and is not asked.
    pub given: Option<String>,
}

/// What follows a user turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TurnAnswer {
    /// A reply, or silence.
    #[default]
    Free,
    /// Nothing: the turn is encoded only (`skip_inference`).
    Skipped,
    /// A reply that begins with [`FORCED_PREFIX`] (`must_reply`).
    Forced,
}

/// What a forced answer starts with: the model goes on from here.
pub const FORCED_PREFIX: &str = "I must reply.\n";

const ITEM_FIELDS: &[&str] = &["question_id", "conversation"];
const TURN_FIELDS: &[&str] = &["role", "content", "skip_inference", "must_reply"];
const PART_FIELDS: &[&str] = &["type", "image", "text"];

/// Reads MMDuet2's frame input: `{question_id, conversation: [{role, content: [{type: image|text}], skip_inference?,
/// must_reply?}]}`. `content` may be a bare text. A turn that is to be both skipped and answered is skipped and listed.
///
/// # Errors
/// When it is no JSON list.
pub fn frame_dialogues(bytes: &[u8], origin: &str) -> Result<Dataset<FrameDialogue>, BenchError> {
    read(
        bytes,
        origin,
        |item: &FrameDialogue| &item.question_id,
        |log, row, items| {
            log.note_unknown(row, ITEM_FIELDS, "");
            let Some(question_id) = lenient_json::id(row.get("question_id")) else {
                log.find(BadItem, "no question_id names it; left out");
                return;
            };
            log.place = format!("{} ({question_id})", log.place);
            let mut dialogue = FrameDialogue { question_id, system_prompt: None, turns: Vec::new() };
            let item_place = log.place.clone();
            for (idx, value) in log.list(row, "conversation").iter().enumerate() {
                log.place = format!("{item_place}, turn {}", idx + 1);
                match value.as_object() {
                    Some(message) => dialogue.add(log, message),
                    None => log.find(BadField, format!("an object is expected, found {}", shown(value))),
                }
            }
            log.place = item_place;
            note_repeated_images(log, &dialogue);
            items.push(dialogue);
        },
    )
}

impl FrameDialogue {
    fn add(&mut self, log: &mut FindingLog, message: &Map<String, Value>) {
        log.note_unknown(message, TURN_FIELDS, "conversation[].");
        let (images, text) = content(log, message);
        match lenient_json::text(message.get("role")) {
            Some("user") if images.is_empty() && text.is_none() => {
                log.find(BadField, "content: an image or a text is expected, found neither; left out");
            }
            Some("user") => {
                let answer = answer(log, message);
                self.turns.push(FrameTurn { images, text, answer, given: None });
            }
            Some("system") if self.turns.is_empty() => self.system_prompt = text,
            Some("assistant") => match self.turns.last_mut().filter(|turn| turn.given.is_none()) {
                Some(turn) => turn.given = text,
                None => log.find(BadField, "role: an assistant answers a user turn, found none before it; left out"),
            },
            _ => {
                log.bad_field::<()>(message, "role", "user, assistant, or system at the start");
            }
        }
    }
}

fn answer(log: &mut FindingLog, message: &Map<String, Value>) -> TurnAnswer {
    let is_skipped = flag(log, message, "skip_inference");
    let is_forced = flag(log, message, "must_reply");
    if is_skipped && is_forced {
        log.find(BadField, "must_reply: not together with skip_inference; it is skipped");
    }
    match (is_skipped, is_forced) {
        (true, _) => TurnAnswer::Skipped,
        (false, true) => TurnAnswer::Forced,
        (false, false) => TurnAnswer::Free,
    }
}

fn flag(log: &mut FindingLog, message: &Map<String, Value>, field: &str) -> bool {
    match message.get(field) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(is_set)) => *is_set,
        Some(_) => log.bad_field(message, field, "true or false").unwrap_or_default(),
    }
}

/// Images and words of a message.
fn content(log: &mut FindingLog, message: &Map<String, Value>) -> (Vec<String>, Option<String>) {
    if let Some(text) = lenient_json::text(message.get("content")) {
        return (Vec::new(), Some(text.to_owned()));
    }
    let (mut images, mut words) = (Vec::new(), String::new());
    let nothing = Map::new();
    for value in log.list(message, "content") {
        let part = value.as_object().unwrap_or(&nothing);
        log.note_unknown(part, PART_FIELDS, "content[].");
        match lenient_json::text(part.get("type")) {
            Some("image") => images.extend(log.text(part, "image").map(str::to_owned)),
            Some("text") => words.push_str(log.text(part, "text").unwrap_or_default()),
            _ => {
                log.bad_field::<()>(part, "type", "image or text");
            }
        }
    }
    (images, Some(words).filter(|words| !words.is_empty()))
}

/// A frame shown twice is a slip of whoever wrote the file: time does not stand still.
fn note_repeated_images(log: &mut FindingLog, dialogue: &FrameDialogue) {
    let mut seen = HashSet::new();
    let images = dialogue.turns.iter().flat_map(|turn| &turn.images);
    let num_repeated = images.filter(|image| !seen.insert(image.as_str())).count();
    if num_repeated > 0 {
        log.find(BadField, format!("content: {num_repeated} image(s) were shown before"));
    }
}

fn shown(value: &Value) -> String {
    lenient_json::shown(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FindingKind;
    use crate::finding::FindingKind::{DuplicateId, UnknownField};

    #[test]
    fn reads_what_is_shown_and_what_is_asked() {
        let file = include_bytes!("../../tests/fixtures/mmduet2_frames.json");
        let Dataset { items, findings } = frame_dialogues(file, "x").unwrap();
        assert_eq!(findings, []);
        let [kiln] = items.as_slice() else { panic!("one dialogue: {items:?}") };
        assert_eq!(kiln.question_id, "kiln_4");
        assert!(kiln.system_prompt.as_deref().is_some_and(|prompt| prompt.contains("NO REPLY")));
        let answers: Vec<_> = kiln.turns.iter().map(|turn| (turn.images.len(), turn.answer)).collect();
        let expected =
            [(2, TurnAnswer::Skipped), (1, TurnAnswer::Free), (1, TurnAnswer::Free), (1, TurnAnswer::Forced)];
        assert_eq!(answers, expected);
        assert_eq!(kiln.turns[1].text.as_deref(), Some("Tell me when the kiln opens."));
        assert_eq!(kiln.turns[2].given.as_deref(), Some("NO REPLY"));
        assert_eq!(kiln.turns[3].images, ["kiln_4/005.jpg"]);
    }

    #[test]
    fn oddities_are_counted() {
        let file = br#"[
          {"conversation": []},
          {"question_id": 7, "conversation": [
            {"role": "assistant", "content": "First!"},
            {"role": "user", "content": [{"type": "sound"}, 3]},
            {"role": "user", "content": [{"type": "image", "image": "a.jpg"}], "skip_inference": true, "must_reply": true},
            {"role": "user", "content": [{"type": "image", "image": "a.jpg", "crop": 1}], "must_reply": "yes"},
            {"role": "robot", "content": "x"}, 5]},
          {"question_id": "7", "conversation": []}]"#;
        let Dataset { items, findings } = frame_dialogues(file, "x").unwrap();
        assert_eq!(items.len(), 1);
        let answers: Vec<_> = items[0].turns.iter().map(|turn| turn.answer).collect();
        assert_eq!(answers, [TurnAnswer::Skipped, TurnAnswer::Free]);
        let count = |kind: FindingKind| findings.iter().filter(|finding| finding.kind == kind).count();
        assert_eq!([count(BadItem), count(DuplicateId), count(UnknownField)], [1, 1, 1], "{findings:#?}");
        assert_eq!(count(BadField), 9, "{findings:#?}");
    }
}
