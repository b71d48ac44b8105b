use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use souffleur_core::FrameGrid;
use souffleur_model::EAGERNESS_RANGE;
use souffleur_session::{ModelLabel, Policy, SessionOptions};

use super::RunError;

/// Frames a turn: a number, or what the benchmark's authors took for each subset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FramesPerTurn {
    /// 1 for WEB and StreamingBench, 2 for EGO, TV and VAD (MMDuet2, arXiv 2512.06810); the model's own elsewhere.
    #[default]
    Auto,
    /// The same everywhere.
    Fixed(u32),
}

impl FramesPerTurn {
    /// The number for a subset.
    pub fn of(self, subset: &str, model_default: u32) -> u32 {
        match (self, subset) {
            (Self::Fixed(frames), _) => frames,
            (Self::Auto, "WEB" | "streamingbench-po") => 1,
            (Self::Auto, "EGO" | "TV" | "VAD") => 2,
            (Self::Auto, _) => model_default,
        }
    }
}

impl FromStr for FramesPerTurn {
    type Err = RunError;

    fn from_str(typed: &str) -> Result<Self, RunError> {
        match typed {
            "auto" => Ok(Self::Auto),
            "1" => Ok(Self::Fixed(1)),
            "2" => Ok(Self::Fixed(2)),
            _ => Err(RunError::Setting { cause: format!("--frames-per-turn is auto, 1 or 2, found {typed:?}") }),
        }
    }
}

impl TryFrom<String> for FramesPerTurn {
    type Error = RunError;

    fn try_from(typed: String) -> Result<Self, RunError> {
        typed.parse()
    }
}

impl From<FramesPerTurn> for String {
    fn from(frames: FramesPerTurn) -> Self {
        frames.to_string()
    }
}

impl fmt::Display for FramesPerTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(frames) => write!(f, "{frames}"),
        }
    }
}

/// When the questions of an item are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asking {
    /// At their times.
    #[default]
    WhenDue,
    /// All in the last turn: what a model says that is asked when everything is over.
    AtEnd,
}

/// How the model is driven. Predictions depend on nothing else but the model, the videos and the annotation, so a run
/// is gone on from only under the same settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Seconds between two frames.
    pub interval_secs: f64,
    /// Frames a turn.
    pub frames_per_turn: FramesPerTurn,
    /// What decides to speak, as `--policy` takes it.
    pub policy: String,
    /// Above 0 it speaks sooner.
    pub eagerness: f32,
    /// Longest reply.
    pub max_new_tokens: usize,
    /// When questions are asked.
    #[serde(default)]
    pub asking: Asking,
    /// Frames spread evenly over the whole video and shown in one turn with the question: an offline task, to which
    /// nothing above but the longest reply applies. `None` plays the video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled_frames: Option<u32>,
}

impl Settings {
    /// Checks every number.
    ///
    /// # Errors
    /// When one is out of its range.
    pub fn check(&self) -> Result<(), RunError> {
        let wrong = |cause: String| Err(RunError::Setting { cause });
        if let Err(error) = FrameGrid::new(self.interval_secs, 0.0, 1) {
            return wrong(error.to_string());
        }
        if let Err(error) = self.policy.parse::<Policy>() {
            return wrong(error.to_string());
        }
        if !EAGERNESS_RANGE.contains(&self.eagerness) {
            let (low, high) = (EAGERNESS_RANGE.start(), EAGERNESS_RANGE.end());
            return wrong(format!("the eagerness is a number from {low} to {high}, found {}", self.eagerness));
        }
        if self.max_new_tokens == 0 {
            return wrong("a reply holds at least 1 token, found 0".into());
        }
        if self.sampled_frames == Some(0) {
            return wrong("a question is asked about at least 1 frame, found 0".into());
        }
        Ok(())
    }

    /// The session's options for a subset.
    pub(super) fn session(&self, subset: &str, model_frames_per_turn: u32) -> Result<SessionOptions, RunError> {
        let wrong = |cause: String| RunError::Setting { cause };
        let frames_per_turn = self.frames_per_turn.of(subset, model_frames_per_turn);
        let grid =
            FrameGrid::new(self.interval_secs, 0.0, frames_per_turn).map_err(|error| wrong(error.to_string()))?;
        Ok(SessionOptions {
            policy: self.policy.parse::<Policy>().map_err(|error| wrong(error.to_string()))?,
            eagerness: self.eagerness,
            max_new_tokens: self.max_new_tokens,
            ..SessionOptions::new(grid, ModelLabel::default())
        })
    }

    /// The first setting that differs from `other`: its name, its value here and there.
    pub(super) fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let pairs = [
            ("--interval", self.interval_secs.to_string(), other.interval_secs.to_string()),
            ("--frames-per-turn", self.frames_per_turn.to_string(), other.frames_per_turn.to_string()),
            ("--policy", self.policy.clone(), other.policy.clone()),
            ("--eagerness", self.eagerness.to_string(), other.eagerness.to_string()),
            ("--max-new-tokens", self.max_new_tokens.to_string(), other.max_new_tokens.to_string()),
            ("questions asked", format!("{:?}", self.asking), format!("{:?}", other.asking)),
            ("--frames", frames(self.sampled_frames), frames(other.sampled_frames)),
        ];
        pairs.into_iter().find(|(_, here, there)| here != there)
    }
}

fn frames(sampled: Option<u32>) -> String {
    sampled.map_or_else(|| "all".to_owned(), |num| num.to_string())
}

#[cfg(test)]
pub(crate) fn plain() -> Settings {
    Settings {
        interval_secs: 1.0,
        frames_per_turn: FramesPerTurn::Auto,
        policy: "text".into(),
        eagerness: 0.0,
        max_new_tokens: 512,
        asking: Asking::WhenDue,
        sampled_frames: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_what_the_authors_took() {
        let frames = |subset| FramesPerTurn::Auto.of(subset, 1);
        assert_eq!(["WEB", "EGO", "TV", "VAD", "kitchen"].map(frames), [1, 2, 2, 2, 1]);
        assert_eq!(FramesPerTurn::Fixed(2).of("WEB", 1), 2);
        assert!("3".parse::<FramesPerTurn>().is_err());
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = plain();
            change(&mut settings);
            settings.check().map_err(|error| error.to_string())
        };
        assert!(with(|_| ()).is_ok());
        assert!(with(|settings| settings.interval_secs = 0.0).unwrap_err().contains("found 0"));
        assert!(with(|settings| settings.eagerness = f32::NAN).is_err());
        assert!(with(|settings| settings.policy = "threshold=2".into()).is_err());
        assert!(with(|settings| settings.max_new_tokens = 0).is_err());
        assert!(with(|settings| settings.sampled_frames = Some(0)).is_err());
    }

    #[test]
    fn the_first_difference_is_named() {
        let other = Settings { eagerness: 1.5, ..plain() };
        assert_eq!(plain().difference(&other), Some(("--eagerness", "0".into(), "1.5".into())));
        assert_eq!(plain().difference(&plain()), None);
        let json = serde_json::to_string(&other).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), other);
    }
}
