use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{MediaTime, QuestionId};

/// Why a reply was kept from the user. It stays in the journal and in every export, marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressReason {
    /// Says nothing that an earlier reply did not say.
    Repeat,
    /// Too soon after the last one.
    CoolDown,
    /// Over the number of replies a minute.
    RateLimit,
    /// Inside the quiet hours.
    QuietHours,
    /// The user asked for silence for a while.
    Snooze,
}

impl fmt::Display for SuppressReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeat => "repeat",
            Self::CoolDown => "cool_down",
            Self::RateLimit => "rate_limit",
            Self::QuietHours => "quiet_hours",
            Self::Snooze => "snooze",
        })
    }
}

/// What the model said at the end of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The stamp of its turn: the end of the turn's last frame.
    pub time: MediaTime,
    /// The pinned user text the model was answering.
    pub question: String,
    /// The requests that text restates.
    pub question_ids: Vec<QuestionId>,
    /// The words.
    pub text: String,
    /// Set when the gate or the repeat guard held it back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub suppressed: Option<SuppressReason>,
}

/// Whether a decoded answer is silence: the *whole* trimmed text equals the silence text.
///
/// Never a prefix test: the released demo's `startswith('NO')` swallows "Not yet…" and "No, the other pan".
pub fn is_silence(text: &str, silence_text: &str) -> bool {
    text.trim() == silence_text.trim()
}

#[cfg(test)]
mod tests {
    use super::is_silence;

    #[test]
    fn silence_is_the_whole_text() {
        for silent in ["NO REPLY", " NO REPLY\n", "NO REPLY "] {
            assert!(is_silence(silent, "NO REPLY"), "{silent:?}");
        }
        for spoken in ["NO", "NO REPLY.", "No reply", "Not yet, the pan is cold.", "NO REPLY NO REPLY", ""] {
            assert!(!is_silence(spoken, "NO REPLY"), "{spoken:?}");
        }
    }
}
