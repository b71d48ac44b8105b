use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Dataset, read};
use crate::finding::FindingKind::{BadField, BadItem, BadSpan, EmptyAnswer};
use crate::finding::FindingLog;
use crate::{BenchError, GoldAnswer, Item, UserText, lenient_json};

const FIELDS: &[&str] = &["question_id", "video", "duration", "question", "answers"];
const ANSWER_FIELDS: &[&str] = &["text", "timespan"];

/// Reads items in the style of HumOmni's track 2: a video, one question at its start, gold time spans with text,
/// scored by PAUC and duplicates. `{question_id?, video, duration?, question, answers: [{text, timespan: [a, b]}]}`;
/// without a `question_id` it is `VIDEO: QUESTION`. What is published of the track describes these parts without
/// naming the fields of its file, so the names are ours.
///
/// An answer stays a gold turn whatever is odd about it, as in [`crate::Annotations`].
///
/// # Errors
/// When it is no JSON list.
pub fn humomni(bytes: &[u8], origin: &str) -> Result<Dataset<Item>, BenchError> {
    read(bytes, origin, |item: &Item| &item.question_id, |log, row, items| items.extend(item(log, row)))
}

fn item(log: &mut FindingLog, row: &Map<String, Value>) -> Option<Item> {
    log.note_unknown(row, FIELDS, "");
    let Some(video) = log.text(row, "video") else {
        log.find(BadItem, "no video to watch; left out");
        return None;
    };
    let question = log.text(row, "question").unwrap_or_default();
    let question_id = lenient_json::id(row.get("question_id")).unwrap_or_else(|| format!("{video}: {question}"));
    log.place = format!("{} ({question_id})", log.place);
    let duration_secs = row.get("duration").and_then(|_| log.secs(row, "duration")).filter(|secs| *secs > 0.0);
    let answers = answers(log, row, duration_secs);
    Some(Item {
        question_id,
        video: video.to_owned(),
        duration_secs,
        conversation: vec![UserText { time_secs: 0.0, text: question.to_owned() }],
        answers,
    })
}

fn answers(log: &mut FindingLog, row: &Map<String, Value>, duration_secs: Option<f64>) -> Vec<GoldAnswer> {
    let values = log.list(row, "answers");
    if values.is_empty() {
        log.find(EmptyAnswer, "no gold answer: it adds no turn");
    }
    let item_place = log.place.clone();
    let mut seen = HashSet::new();
    let mut answers = Vec::with_capacity(values.len());
    for (idx, value) in values.iter().enumerate() {
        log.place = format!("{item_place}, answer {}", idx + 1);
        let answer = answer(log, value);
        let span = answer.reply_timespan.map(|span| (span.start_secs.to_bits(), span.end_secs.to_bits()));
        if !seen.insert((answer.text.clone(), span)) {
            log.find(BadField, "the same words in the same span were there before; both count");
        }
        if let (Some(span), Some(duration_secs)) = (answer.reply_timespan, duration_secs)
            && span.start_secs > duration_secs
        {
            log.find(
                BadSpan,
                format!("timespan: starts at {} s, after the video's {duration_secs} s", span.start_secs),
            );
        }
        answers.push(answer);
    }
    log.place = item_place;
    answers
}

fn answer(log: &mut FindingLog, value: &Value) -> GoldAnswer {
    let nothing = Map::new();
    let object = value.as_object().unwrap_or(&nothing);
    log.note_unknown(object, ANSWER_FIELDS, "answers[].");
    let text = lenient_json::text(object.get("text")).unwrap_or_default().trim();
    if text.is_empty() {
        log.find(EmptyAnswer, "no words to meet: it counts as silence");
    }
    GoldAnswer {
        text: text.to_owned(),
        question: None,
        related_timespan: None,
        reply_timespan: log.span(object, "timespan", "no reply can meet it"),
        kind: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FindingKind;
    use crate::Span;
    use crate::finding::FindingKind::{DuplicateId, UnknownField};

    #[test]
    fn reads_spans_with_words() {
        let file = include_bytes!("../../tests/fixtures/humomni.json");
        let Dataset { items, findings } = humomni(file, "x").unwrap();
        assert_eq!(findings, []);
        let ids: Vec<_> = items.iter().map(|item| (item.question_id.as_str(), item.answers.len())).collect();
        assert_eq!(ids, [("duet_1", 2), ("duet_2.mp4: Say who is speaking.", 1)]);
        assert_eq!(items[0].conversation, [UserText { time_secs: 0.0, text: "Say when someone laughs.".into() }]);
        assert_eq!(items[0].answers[1].reply_timespan, Some(Span { start_secs: 14.0, end_secs: 17.5 }));
        assert_eq!(items[0].duration_secs, Some(21.0));
    }

    #[test]
    fn oddities_are_counted() {
        let file = br#"[
          {"question": "Who?"},
          {"video": "a.mp4", "question_id": 1, "duration": 5, "question": "Who?", "mood": 1, "answers": [
            {"text": "A man.", "timespan": [4, 2]}, {"text": "A man.", "timespan": [4, 2]}, {"text": " ", "timespan": 3},
            {"text": "A dog.", "timespan": [9, 10]}, 7]},
          {"video": "b.mp4", "question_id": "1", "question": "Who?", "answers": []}]"#;
        let Dataset { items, findings } = humomni(file, "x").unwrap();
        assert_eq!(items.iter().map(|item| item.answers.len()).collect::<Vec<_>>(), [5]);
        let count = |kind: FindingKind| findings.iter().filter(|finding| finding.kind == kind).count();
        let counted = [BadItem, DuplicateId, UnknownField, BadSpan, EmptyAnswer].map(count);
        assert_eq!(counted, [1, 1, 1, 5, 3], "{findings:#?}");
    }
}
