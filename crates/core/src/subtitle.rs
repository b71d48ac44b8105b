use crate::MediaTime;

/// What a subtitle line begins with as a user text, and is told by (ProactiveVideoQA, annotations of the TV subset).
pub const SUBTITLE_PREFIX: &str = "Subtitle:";

/// One subtitle line, as a further user text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubtitleLine {
    /// When the line appears.
    pub start: MediaTime,
    /// When it goes.
    pub end: MediaTime,
    /// Who speaks, where the file says so.
    pub speaker: Option<String>,
    /// The words, on one line.
    pub words: String,
}

impl SubtitleLine {
    /// The user text the model was trained on: `Subtitle: (Speaker:)words`, brackets included, or
    /// `Subtitle: words` without a speaker (ProactiveVideoQA, annotations of the TV subset).
    pub fn user_text(&self) -> String {
        match &self.speaker {
            Some(speaker) => format!("{SUBTITLE_PREFIX} ({speaker}:){}", self.words),
            None => format!("{SUBTITLE_PREFIX} {}", self.words),
        }
    }
}
