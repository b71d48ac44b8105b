//! Files of multiple-choice benchmarks.

use serde_json::{Map, Value};

use super::{Dataset, read};
use crate::finding::FindingLog;
use crate::multiple_choice::option_idx;
use crate::{BenchError, MultipleChoice, lenient_json};

/// Reads Video-MME's form (arXiv 2405.21075): `{video_id, duration, domain, sub_category, questions: [{question_id,
/// task_type, question, options, answer}]}`, options with or without their letters, `answer` a letter. Grouped by
/// `duration` (short, medium, long) and by `task_type`.
///
/// # Errors
/// When it is no JSON list.
pub fn video_mme(bytes: &[u8], origin: &str) -> Result<Dataset<MultipleChoice>, BenchError> {
    read(
        bytes,
        origin,
        |item: &MultipleChoice| &item.question_id,
        |log, row, items| {
            log.note_unknown(row, &["video_id", "duration", "domain", "sub_category", "questions", "url"], "");
            let Some(video) = log.text(row, "video_id") else { return };
            let duration = lenient_json::text(row.get("duration")).unwrap_or_default();
            log.place = format!("{} ({video})", log.place);
            for value in log.list(row, "questions") {
                let nothing = Map::new();
                items.extend(video_mme_question(log, value.as_object().unwrap_or(&nothing), video, duration));
            }
        },
    )
}

fn video_mme_question(
    log: &mut FindingLog,
    row: &Map<String, Value>,
    video: &str,
    duration: &str,
) -> Option<MultipleChoice> {
    log.note_unknown(row, &["question_id", "task_type", "question", "options", "answer"], "questions[].");
    let options = options(log, row, "options");
    let task_type = lenient_json::text(row.get("task_type")).unwrap_or_default();
    let letter = log.text(row, "answer")?.trim().trim_end_matches('.');
    let correct_idx =
        option_idx(letter, options.len()).or_else(|| log.bad_field(row, "answer", "an option's letter"))?;
    Some(MultipleChoice {
        question_id: log.text(row, "question_id")?.to_owned(),
        video: format!("{video}.mp4"),
        groups: named([duration, task_type]),
        question: log.text(row, "question")?.to_owned(),
        options,
        correct_idx,
    })
}

/// Reads MVBench flattened to one list (arXiv 2311.17005): `{video, task_type, question, options, answer}`, `answer`
/// the words of an option. Grouped by `task_type`. Identities are `VIDEO: QUESTION`, as the files have none.
///
/// # Errors
/// When it is no JSON list.
pub fn mv_bench(bytes: &[u8], origin: &str) -> Result<Dataset<MultipleChoice>, BenchError> {
    read(
        bytes,
        origin,
        |item: &MultipleChoice| &item.question_id,
        |log, row, items| {
            items.extend(mv_bench_question(log, row));
        },
    )
}

fn mv_bench_question(log: &mut FindingLog, row: &Map<String, Value>) -> Option<MultipleChoice> {
    log.note_unknown(row, &["video", "task_type", "question", "options", "answer"], "");
    let (video, question) = (log.text(row, "video")?, log.text(row, "question")?);
    let options = options(log, row, "options");
    let answer = log.text(row, "answer")?;
    let position = options.iter().position(|option| option == without_letter(0, answer) || option == answer);
    let correct_idx = position.or_else(|| log.bad_field(row, "answer", "one of the options"))?;
    Some(MultipleChoice {
        question_id: format!("{video}: {question}"),
        video: video.to_owned(),
        groups: named([lenient_json::text(row.get("task_type")).unwrap_or_default()]),
        question: question.to_owned(),
        options,
        correct_idx,
    })
}

/// Reads LongVideoBench's form (arXiv 2407.15754): `{id, video_id, video_path, question, candidates, correct_choice,
/// position, duration, subtitle_path, starting_timestamp_for_subtitles, …}`, `correct_choice` an index. Grouped by `duration_group` and
/// `question_category`, where a file has them.
///
/// # Errors
/// When it is no JSON list.
pub fn long_video_bench(bytes: &[u8], origin: &str) -> Result<Dataset<MultipleChoice>, BenchError> {
    read(
        bytes,
        origin,
        |item: &MultipleChoice| &item.question_id,
        |log, row, items| {
            items.extend(long_video_bench_question(log, row));
        },
    )
}

const LONG_VIDEO_BENCH_FIELDS: &[&str] = &[
    "video_id",
    "question",
    "candidates",
    "correct_choice",
    "position",
    "subtitle_path",
    "starting_timestamp_for_subtitles",
    "duration",
    "video_path",
    "id",
    "question_category",
    "duration_group",
    "topic_category",
    "level",
    "view_count",
    "question_wo_referring_query",
];

fn long_video_bench_question(log: &mut FindingLog, row: &Map<String, Value>) -> Option<MultipleChoice> {
    log.note_unknown(row, LONG_VIDEO_BENCH_FIELDS, "");
    let options = options(log, row, "candidates");
    let duration_group = row.get("duration_group").map(|group| format!("up to {} s", lenient_json::shown(Some(group))));
    let question_category = lenient_json::text(row.get("question_category")).unwrap_or_default();
    let choice = row.get("correct_choice").and_then(Value::as_u64).and_then(|idx| usize::try_from(idx).ok());
    let correct_idx = choice
        .filter(|idx| *idx < options.len())
        .or_else(|| log.bad_field(row, "correct_choice", "the index of a candidate"))?;
    Some(MultipleChoice {
        question_id: lenient_json::id(row.get("id")).or_else(|| log.bad_field(row, "id", "an identity"))?,
        video: log.text(row, "video_path")?.to_owned(),
        groups: named([duration_group.as_deref().unwrap_or_default(), question_category]),
        question: log.text(row, "question")?.to_owned(),
        options,
        correct_idx,
    })
}

/// The groups the file names.
fn named<const N: usize>(groups: [&str; N]) -> Vec<String> {
    groups.into_iter().filter(|group| !group.is_empty()).map(str::to_owned).collect()
}

/// The options without their letters. One that is no text stays as its JSON, so that the others keep their letter.
fn options(log: &mut FindingLog, row: &Map<String, Value>, field: &str) -> Vec<String> {
    let values = log.list(row, field);
    if values.iter().any(|value| !value.is_string()) {
        log.bad_field::<()>(row, field, "a list of texts");
    }
    let texts = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    texts.enumerate().map(|(idx, text)| without_letter(idx, &text).to_owned()).collect()
}

/// `B. The blue one.` as the second option is `The blue one.`
fn without_letter(idx: usize, option: &str) -> &str {
    let letter = ('A'..='Z').nth(idx);
    let rest = letter.and_then(|letter| option.trim().strip_prefix(letter));
    rest.and_then(|rest| rest.strip_prefix(['.', ')', ':'])).map_or(option, str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(read: Result<Dataset<MultipleChoice>, BenchError>) -> Vec<(String, usize, Vec<String>)> {
        let Dataset { items, findings } = read.unwrap();
        assert_eq!(findings, []);
        items.into_iter().map(|item| (item.question_id, item.correct_idx, item.options)).collect()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn reads_three_forms() {
        assert_eq!(
            asked(video_mme(include_bytes!("../../tests/fixtures/video_mme.json"), "x")),
            [
                ("901-1".into(), 2, texts(&["Oak.", "Pine.", "Birch.", "Elm."])),
                ("901-2".into(), 0, texts(&["A saw.", "A file."])),
            ]
        );
        assert_eq!(
            asked(mv_bench(include_bytes!("../../tests/fixtures/mv_bench.json"), "x")),
            [("cup_3.mp4: Where is the ball?".into(), 1, texts(&["Under the left cup.", "Under the middle cup."]))]
        );
        assert_eq!(
            asked(long_video_bench(include_bytes!("../../tests/fixtures/long_video_bench.json"), "x")),
            [("harbour_0".into(), 1, texts(&["A rope", "An anchor", "A buoy"]))]
        );
    }
}
