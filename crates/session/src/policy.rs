//! Speak or be silent: how the decision is read off the logits.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use souffleur_core::{Decision, Hint, Observation};
use souffleur_engine::Urge;

/// Turns that [`Policy::ZScore`] looks back on.
pub const Z_SCORE_WINDOW_TURNS: usize = 20;
/// Turns that [`Policy::ZScore`] has to have seen before it may speak: below, a deviation means nothing.
pub const Z_SCORE_MIN_TURNS: usize = 5;
/// Least standard deviation that [`Policy::ZScore`] reckons with. A model that is sure of silence turn after turn has
/// almost none, and the last digits of its probability must not make it speak.
pub const Z_SCORE_MIN_DEVIATION: f32 = 0.01;

/// How the decision is read off the logits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Policy {
    /// The model's own words decide: silent iff it would say exactly the silence text (MMDuet2).
    #[default]
    Text,
    /// Silent iff `p_silent` ≥ `p` (VideoLLM-Online's rule, on this model's silence token).
    Threshold {
        /// The bound, 0 to 1. At 0 nothing is ever said.
        p: f32,
    },
    /// Speaks when `p_silent` falls at least `z` standard deviations below its mean over the `window` turns before.
    /// The deviation counts as [`Z_SCORE_MIN_DEVIATION`] at least; silent before [`Z_SCORE_MIN_TURNS`] turns.
    ZScore {
        /// How many standard deviations, > 0.
        z: f32,
        /// How many turns before this one are looked at.
        window: usize,
    },
}

/// What a policy remembers from turn to turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyState {
    /// `p_silent` of the turns before, oldest first.
    recent_p_silent: VecDeque<f32>,
}

/// What a policy makes of one turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Speak or not.
    pub decision: Decision,
    /// Who wants to speak, should it be so.
    pub urge: Urge,
}

/// One turn of a policy: pure, so that every run can be replayed from its journal.
pub fn step(policy: Policy, state: &PolicyState, observation: &Observation) -> (PolicyState, Verdict) {
    match policy {
        Policy::Text => {
            let decision = if observation.is_text_silent { Decision::Silent } else { Decision::Speak };
            (PolicyState::default(), Verdict { decision, urge: Urge::Model })
        }
        Policy::Threshold { p } => {
            let decision = if observation.p_silent >= p { Decision::Silent } else { Decision::Speak };
            (PolicyState::default(), Verdict { decision, urge: Urge::Policy })
        }
        Policy::ZScore { z, window } => {
            let decision = z_score_decision(&state.recent_p_silent, observation.p_silent, z);
            let mut recent_p_silent = state.recent_p_silent.clone();
            recent_p_silent.push_back(observation.p_silent);
            let num_too_old = recent_p_silent.len().saturating_sub(window);
            recent_p_silent.drain(..num_too_old);
            (PolicyState { recent_p_silent }, Verdict { decision, urge: Urge::Policy })
        }
    }
}

fn z_score_decision(recent: &VecDeque<f32>, p_silent: f32, z: f32) -> Decision {
    if recent.len() < Z_SCORE_MIN_TURNS {
        return Decision::Silent;
    }
    let count = recent.len() as f32;
    let mean = recent.iter().sum::<f32>() / count;
    let variance = recent.iter().map(|p| (p - mean).powi(2)).sum::<f32>() / count;
    let deviation = variance.sqrt().max(Z_SCORE_MIN_DEVIATION);
    if p_silent <= mean - z * deviation { Decision::Speak } else { Decision::Silent }
}

/// Why a text names no policy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// No policy of that name.
    #[error("a policy is text, threshold=P or zscore=Z, found \"{0}\"")]
    Unknown(String),
    /// P is not a probability.
    #[error("the threshold is a probability from 0 to 1, found \"{0}\"")]
    Threshold(String),
    /// Z is not a positive number.
    #[error("the z-score is a number above 0, found \"{0}\"")]
    ZScore(String),
}

impl Hint for PolicyError {
    fn hint(&self) -> String {
        match self {
            Self::Unknown(_) => "give --policy text, --policy threshold=0.7 or --policy zscore=2".into(),
            Self::Threshold(_) => "give --policy threshold=0.7: the model stays silent from that probability on".into(),
            Self::ZScore(_) => "give --policy zscore=2: the larger, the rarer it speaks".into(),
        }
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(written: &str) -> Result<Self, PolicyError> {
        match written.split_once('=') {
            None if written == "text" => Ok(Self::Text),
            Some(("threshold", value)) => match value.parse() {
                Ok(p) if (0.0..=1.0).contains(&p) => Ok(Self::Threshold { p }),
                _ => Err(PolicyError::Threshold(value.to_owned())),
            },
            Some(("zscore", value)) => match value.parse::<f32>() {
                Ok(z) if z > 0.0 && z.is_finite() => Ok(Self::ZScore { z, window: Z_SCORE_WINDOW_TURNS }),
                _ => Err(PolicyError::ZScore(value.to_owned())),
            },
            _ => Err(PolicyError::Unknown(written.to_owned())),
        }
    }
}

/// As it is written on the command line.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Threshold { p } => write!(f, "threshold={p}"),
            Self::ZScore { z, .. } => write!(f, "zscore={z}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(p_silent: f32, is_text_silent: bool) -> Observation {
        Observation {
            p_silent,
            p_silence_text: p_silent,
            silence_margin: if is_text_silent { 1.0 } else { -1.0 },
            is_text_silent,
        }
    }

    /// The decisions of a policy over a run of `p_silent`.
    fn decisions(policy: Policy, run: &[f32]) -> Vec<Decision> {
        let mut state = PolicyState::default();
        let mut all = Vec::new();
        for &p_silent in run {
            let (next, verdict) = step(policy, &state, &seen(p_silent, true));
            state = next;
            all.push(verdict.decision);
        }
        all
    }

    #[test]
    fn text_follows_the_words_whatever_the_probability() {
        let state = PolicyState::default();
        let (_, verdict) = step(Policy::Text, &state, &seen(0.99, false));
        assert_eq!(verdict, Verdict { decision: Decision::Speak, urge: Urge::Model });
        let (_, verdict) = step(Policy::Text, &state, &seen(0.01, true));
        assert_eq!(verdict.decision, Decision::Silent);
    }

    #[test]
    fn threshold_is_silent_from_its_bound_on() {
        use Decision::{Silent, Speak};
        assert_eq!(decisions(Policy::Threshold { p: 0.7 }, &[0.7, 0.69, 0.71, 0.0]), [Silent, Speak, Silent, Speak]);
        assert_eq!(decisions(Policy::Threshold { p: 0.0 }, &[0.0]), [Silent]);
        assert_eq!(decisions(Policy::Threshold { p: 1.0 }, &[1.0, 0.999]), [Silent, Speak]);
    }

    #[test]
    fn z_score_waits_then_speaks_at_a_fall() {
        use Decision::{Silent, Speak};
        let policy = Policy::ZScore { z: 2.0, window: 20 };
        assert_eq!(decisions(policy, &[0.9, 0.9, 0.9, 0.9, 0.1]), [Silent; 5], "too early to judge");
        let run = [0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.9];
        assert_eq!(decisions(policy, &run)[5..], [Speak, Silent]);
        let steady = [0.99; 8].into_iter().chain([0.985]).collect::<Vec<_>>();
        assert_eq!(decisions(policy, &steady), [Silent; 9], "a hair's breadth is no fall");
    }

    #[test]
    fn z_score_forgets_beyond_its_window() {
        let mut state = PolicyState::default();
        for idx in 0..100 {
            (state, _) = step(Policy::ZScore { z: 2.0, window: 20 }, &state, &seen(idx as f32 / 100.0, true));
        }
        assert_eq!(state.recent_p_silent.len(), 20);
    }

    #[test]
    fn reads_what_it_writes() {
        for written in ["text", "threshold=0.7", "threshold=0", "zscore=2", "zscore=1.5"] {
            assert_eq!(written.parse::<Policy>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn refuses_with_the_reason() {
        let refusal = |written: &str| written.parse::<Policy>().unwrap_err().to_string();
        insta::assert_snapshot!(refusal("loud"), @r#"a policy is text, threshold=P or zscore=Z, found "loud""#);
        insta::assert_snapshot!(refusal("threshold=1.5"), @r#"the threshold is a probability from 0 to 1, found "1.5""#);
        insta::assert_snapshot!(refusal("zscore=NaN"), @r#"the z-score is a number above 0, found "NaN""#);
        for bad in
            ["", "text=1", "threshold", "threshold=", "threshold=NaN", "threshold=-0.1", "zscore=0", "zscore=inf"]
        {
            assert!(bad.parse::<Policy>().is_err(), "{bad}");
        }
    }

    proptest! {
        /// A stricter bound never speaks less.
        #[test]
        fn threshold_is_monotonic(p_silent in 0.0f32..=1.0, low in 0.0f32..=1.0, high in 0.0f32..=1.0) {
            let (low, high) = (low.min(high), low.max(high));
            let at = |p| decisions(Policy::Threshold { p }, &[p_silent])[0];
            prop_assert!(!(at(low) == Decision::Speak && at(high) == Decision::Silent));
        }
    }
}
