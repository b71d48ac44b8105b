use std::fmt;

use serde::{Deserialize, Serialize};

use crate::MediaTime;

/// Identity of a standing request within a session, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuestionId(pub u32);

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A standing request of the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its identity.
    pub id: QuestionId,
    /// The user's words.
    pub text: String,
    /// When it was asked or last edited.
    pub asked_at: MediaTime,
}

/// The requests that are active, and the one text the model sees of them.
///
/// One active request is its own text; several are restated as numbered lines. Any change makes the text
/// *pending*: it goes to the model with the next turn, exactly once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandingRequests {
    active: Vec<Question>,
    last_id: u32,
    is_pending: bool,
}

impl StandingRequests {
    /// Adds a request beside the others.
    pub fn add(&mut self, text: &str, asked_at: MediaTime) -> QuestionId {
        self.last_id += 1;
        let id = QuestionId(self.last_id);
        self.active.push(Question { id, text: text.to_owned(), asked_at });
        self.is_pending = true;
        id
    }

    /// Lets a new question take over from all others: the benchmark's reading of a later user turn
    /// (MMDuet2 §3, nQnA: "until the next question takes over").
    pub fn replace_all(&mut self, text: &str, asked_at: MediaTime) -> QuestionId {
        self.active.clear();
        self.add(text, asked_at)
    }

    /// Rewrites a request. `false` when there is none of that identity.
    pub fn edit(&mut self, id: QuestionId, text: &str, asked_at: MediaTime) -> bool {
        let Some(question) = self.active.iter_mut().find(|question| question.id == id) else { return false };
        question.text = text.to_owned();
        question.asked_at = asked_at;
        self.is_pending = true;
        true
    }

    /// Ends a request. `false` when there is none of that identity. When the last one ends there is nothing to
    /// restate, so nothing becomes pending.
    pub fn cancel(&mut self, id: QuestionId) -> bool {
        let before = self.active.len();
        self.active.retain(|question| question.id != id);
        let is_found = self.active.len() < before;
        if is_found {
            self.is_pending = !self.active.is_empty();
        }
        is_found
    }

    /// The active requests, oldest first.
    pub fn active(&self) -> &[Question] {
        &self.active
    }

    /// Their identities, oldest first.
    pub fn ids(&self) -> Vec<QuestionId> {
        self.active.iter().map(|question| question.id).collect()
    }

    /// The text that stands for all active requests; empty when there is none.
    pub fn text(&self) -> String {
        match self.active.as_slice() {
            [only] => only.text.clone(),
            several => {
                let lines = several.iter().enumerate().map(|(idx, question)| format!("{}. {}", idx + 1, question.text));
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }

    /// The text to send with the next turn, if it changed since it was last taken.
    pub fn take_pending(&mut self) -> Option<String> {
        std::mem::take(&mut self.is_pending).then(|| self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_its_text_several_are_numbered() {
        let mut requests = StandingRequests::default();
        assert_eq!(requests.text(), "");
        let first = requests.add("Tell me when the water boils.", MediaTime::ZERO);
        assert_eq!(requests.take_pending().as_deref(), Some("Tell me when the water boils."));
        assert_eq!(requests.take_pending(), None);
        requests.add("Warn me of smoke.", MediaTime::ZERO);
        assert_eq!(requests.take_pending().as_deref(), Some("1. Tell me when the water boils.\n2. Warn me of smoke."));
        assert!(requests.cancel(first));
        assert_eq!(requests.take_pending().as_deref(), Some("Warn me of smoke."));
        assert_eq!(requests.ids(), [QuestionId(2)]);
    }

    #[test]
    fn cancelling_the_last_says_nothing() {
        let mut requests = StandingRequests::default();
        let only = requests.add("Narrate.", MediaTime::ZERO);
        assert!(requests.cancel(only));
        assert!(!requests.cancel(only));
        assert_eq!(requests.take_pending(), None);
        assert!(!requests.edit(only, "x", MediaTime::ZERO));
    }

    #[test]
    fn a_later_question_takes_over() {
        let mut requests = StandingRequests::default();
        requests.add("A", MediaTime::ZERO);
        let later = requests.replace_all("B", MediaTime::from_secs_f64(7.0));
        assert_eq!(requests.ids(), [later]);
        assert_eq!(requests.text(), "B");
    }
}
