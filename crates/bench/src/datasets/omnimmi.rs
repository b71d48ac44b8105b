use serde_json::{Map, Value};

use super::{Dataset, read};
use crate::finding::FindingKind::EmptyAnswer;
use crate::{BenchError, Span, lenient_json};

/// An item of OmniMMI's proactive alerting (arXiv 2503.22952, PA).
#[derive(Clone, Debug, PartialEq)]
pub struct AlertItem {
    /// `VIDEO: QUESTION`: the file has no identities, and a video may be asked about twice.
    pub question_id: String,
    /// File name of the video.
    pub video: String,
    /// What to watch for.
    pub question: String,
    /// When it is there, both ends included.
    pub event: Span,
}

/// Reads the proactive alerting file.
///
/// # Errors
/// When it is no JSON list.
pub fn proactive_alerting(bytes: &[u8], origin: &str) -> Result<Dataset<AlertItem>, BenchError> {
    read(
        bytes,
        origin,
        |item: &AlertItem| &item.question_id,
        |log, row, items| {
            log.note_unknown(row, &["video", "question", "answer"], "");
            let (Some(video), Some(question)) = (log.text(row, "video"), log.text(row, "question")) else { return };
            log.place = format!("{} ({video})", log.place);
            let Some(event) = log.span(row, "answer", "left out") else { return };
            items.push(AlertItem {
                question_id: format!("{video}: {question}"),
                video: video.to_owned(),
                question: question.to_owned(),
                event,
            });
        },
    )
}

/// Something said by the user, and the answer where one is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The user's words.
    pub user: String,
    /// The gold answer; `None` means silence is right.
    pub assistant: Option<String>,
}

/// An item of OmniMMI's proactive turn-taking (PT): after some exchanges the user says what asks nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnTakingItem {
    /// The video: the file has no identities.
    pub question_id: String,
    /// File name of the video.
    pub video: String,
    /// What is said, in order.
    pub exchanges: Vec<Exchange>,
}

impl TurnTakingItem {
    /// Whether silence is right after the last user text.
    pub fn is_silence_right(&self) -> bool {
        self.exchanges.last().is_some_and(|last| last.assistant.is_none())
    }
}

/// Reads the proactive turn-taking file.
///
/// # Errors
/// When it is no JSON list.
pub fn proactive_turn_taking(bytes: &[u8], origin: &str) -> Result<Dataset<TurnTakingItem>, BenchError> {
    read(
        bytes,
        origin,
        |item: &TurnTakingItem| &item.question_id,
        |log, row, items| {
            log.note_unknown(row, &["video", "conversation"], "");
            let Some(video) = log.text(row, "video") else { return };
            log.place = format!("{} ({video})", log.place);
            let mut exchanges = Vec::new();
            for value in log.list(row, "conversation") {
                let nothing = Map::new();
                let object = value.as_object().unwrap_or(&nothing);
                log.note_unknown(object, &["human", "assistant"], "conversation[].");
                let Some(user) = log.text(object, "human") else { continue };
                let assistant = object.get("assistant").and_then(Value::as_str).map(str::to_owned);
                exchanges.push(Exchange { user: user.to_owned(), assistant });
            }
            if exchanges.is_empty() {
                let found = lenient_json::shown(row.get("conversation"));
                log.find(EmptyAnswer, format!("conversation: nothing is said in {found}; left out"));
                return;
            }
            items.push(TurnTakingItem { question_id: video.to_owned(), video: video.to_owned(), exchanges });
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_alerts() {
        let file = include_bytes!("../../tests/fixtures/omnimmi_pa.json");
        let Dataset { items, findings } = proactive_alerting(file, "x").unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].event, Span { start_secs: 12.0, end_secs: 30.0 });
        assert_eq!(findings.len(), 1, "the reversed one is listed: {findings:?}");
    }

    #[test]
    fn the_last_word_of_the_user_may_ask_nothing() {
        let file = include_bytes!("../../tests/fixtures/omnimmi_pt.json");
        let Dataset { items, findings } = proactive_turn_taking(file, "x").unwrap();
        assert_eq!(findings, []);
        assert_eq!(items.iter().map(TurnTakingItem::is_silence_right).collect::<Vec<_>>(), [true, false]);
    }
}
