use souffleur_capture::CaptureError;
use souffleur_core::Hint;

use crate::SessionError;

/// Why no eagerness was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// No number of replies.
    #[error("replies a minute are a number above 0, found {0}")]
    Rate(f64),
    /// Nothing to watch.
    #[error("calibration needs at least one source, found none")]
    NoSource,
    /// More replies than turns.
    #[error("{asked} replies a minute are asked for, the model takes {turns_per_minute:.1} turns a minute")]
    TooMany {
        /// What was asked for.
        asked: f64,
        /// One reply each would be the most there can be.
        turns_per_minute: f64,
    },
    /// Less than one reply in all there is to watch.
    #[error("{asked} replies a minute are less than one reply in the {secs:.0} s there are to watch")]
    TooShort {
        /// What was asked for.
        asked: f64,
        /// How long the sources last together.
        secs: f64,
    },
    /// A source that cannot be opened.
    #[error(transparent)]
    Source(#[from] CaptureError),
    /// A run that broke off.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The user asked for the end.
    #[error("the calibration was ended before it was done")]
    Stopped,
}

impl Hint for CalibrationError {
    fn hint(&self) -> String {
        match self {
            Self::Rate(_) => "give --replies-per-minute 2, for example".into(),
            Self::NoSource => "name a video file or a folder of images".into(),
            Self::TooMany { turns_per_minute, .. } => {
                format!("give --replies-per-minute a number up to {turns_per_minute:.1}")
            }
            Self::TooShort { .. } => "give more or longer sources, such as what is usually watched".into(),
            Self::Source(err) => err.hint(),
            Self::Session(err) => err.hint(),
            Self::Stopped => "let it run to its end, or give fewer sources".into(),
        }
    }
}
