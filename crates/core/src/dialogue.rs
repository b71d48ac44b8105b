use crate::{Frame, MediaTime};

/// What the model is given at once: one or two frames, then an optional user text (MMDuet2 §3).
#[derive(Clone, Debug)]
pub struct Turn {
    /// One or two frames, oldest first.
    pub frames: Vec<Frame>,
    /// The user's words of this turn; `None` when only time has passed.
    pub text: Option<String>,
    /// The stamp of the turn: the end of its last frame.
    pub time: MediaTime,
}

/// Joins the texts that fall into one turn: questions before subtitles, each group in time order, one newline
/// between. `None` when there is nothing to say.
pub fn join_turn_texts(questions: Option<&str>, subtitles: &[String]) -> Option<String> {
    let texts: Vec<&str> = questions.into_iter().chain(subtitles.iter().map(String::as_str)).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::join_turn_texts;

    #[test]
    fn questions_come_before_subtitles() {
        let subtitles = ["Subtitle: one".to_owned(), "Subtitle: two".to_owned()];
        assert_eq!(join_turn_texts(Some("Q"), &subtitles).as_deref(), Some("Q\nSubtitle: one\nSubtitle: two"));
        assert_eq!(join_turn_texts(None, &subtitles[..1]).as_deref(), Some("Subtitle: one"));
        assert_eq!(join_turn_texts(None, &[]), None);
    }
}
