use std::time::Duration;

use souffleur_core::{Observation, is_silence};
use souffleur_engine::{EngineError, Finish, Observed, Resolution, Resolved, TurnInput, TurnModel, Urge};

use crate::VirtualClock;

/// Tokens a frame counts in [`Observed::cache_tokens`].
const FRAME_TOKENS: usize = 16;

/// One answer of a [`ScriptedModel`].
#[derive(Clone, Debug)]
pub struct ScriptedAnswer {
    /// What it would say by itself; the silence text for nothing.
    pub text: String,
    /// Probability of the first silence token; that of the whole silence text is its square.
    pub p_silent: f32,
    /// How long looking takes.
    pub delay: Duration,
    /// Makes looking fail.
    pub failure: Option<fn() -> EngineError>,
}

impl ScriptedAnswer {
    /// Silence.
    pub fn silent(p_silent: f32) -> Self {
        Self::speaking(ScriptedModel::SILENCE_TEXT, p_silent)
    }

    /// These words.
    pub fn speaking(text: &str, p_silent: f32) -> Self {
        Self { text: text.to_owned(), p_silent, delay: Duration::ZERO, failure: None }
    }

    /// The same, after `delay`.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The failure of a turn.
    pub fn failing(failure: fn() -> EngineError) -> Self {
        Self { failure: Some(failure), ..Self::silent(1.0) }
    }
}

/// A model that answers from a list, without weights: for tests and demos of the loop.
///
/// Turn `i` since the last reset gives answer `i`; after the last one it is silent. Made to speak by a policy where
/// its answer is silence, it says [`ScriptedModel::FORCED_TEXT`].
pub struct ScriptedModel {
    answers: Vec<ScriptedAnswer>,
    clock: Option<VirtualClock>,
    next_idx: usize,
    cache_tokens: usize,
    open: Option<ScriptedAnswer>,
    /// Every turn it was shown, across resets.
    pub seen: Vec<TurnInput>,
}

impl ScriptedModel {
    /// Its silence text.
    pub const SILENCE_TEXT: &str = "NO REPLY";
    /// What it says when only the policy wants to speak.
    pub const FORCED_TEXT: &str = "Nothing new.";

    /// A model that gives these answers; it sleeps through its delays.
    pub fn new(answers: impl IntoIterator<Item = ScriptedAnswer>) -> Self {
        let answers = answers.into_iter().collect();
        Self { answers, clock: None, next_idx: 0, cache_tokens: 0, open: None, seen: Vec::new() }
    }

    /// Advances `clock` by its delays instead.
    #[must_use]
    pub fn on_clock(self, clock: VirtualClock) -> Self {
        Self { clock: Some(clock), ..self }
    }
}

impl TurnModel for ScriptedModel {
    fn observe(&mut self, input: TurnInput) -> Result<Observed, EngineError> {
        let answer = self.answers.get(self.next_idx).cloned().unwrap_or_else(|| ScriptedAnswer::silent(1.0));
        match &self.clock {
            Some(clock) => clock.advance(answer.delay),
            None => std::thread::sleep(answer.delay),
        }
        if let Some(failure) = answer.failure {
            return Err(failure());
        }
        self.next_idx += 1;
        self.cache_tokens += FRAME_TOKENS * input.frames.len();
        self.seen.push(input);
        let is_text_silent = is_silence(&answer.text, Self::SILENCE_TEXT);
        let observation = Observation {
            p_silent: answer.p_silent,
            p_silence_text: answer.p_silent * answer.p_silent,
            // It heeds no eagerness: what it says is written down.
            silence_margin: if is_text_silent { f32::INFINITY } else { f32::NEG_INFINITY },
            is_text_silent,
        };
        let prefill = answer.delay;
        self.open = Some(answer);
        let cache_tokens = self.cache_tokens;
        Ok(Observed {
            observation,
            cache_tokens,
            passes: 1,
            preprocess: Duration::ZERO,
            encode: Duration::ZERO,
            prefill,
        })
    }

    fn resolve(&mut self, resolution: Resolution) -> Result<Resolved, EngineError> {
        let answer = self.open.take().ok_or(EngineError::NoOpenTurn)?;
        let is_silent_by_itself = is_silence(&answer.text, Self::SILENCE_TEXT);
        let text = match resolution {
            Resolution::Silent => Self::SILENCE_TEXT.to_owned(),
            Resolution::Speak { urge: Urge::Policy, .. } if is_silent_by_itself => Self::FORCED_TEXT.to_owned(),
            Resolution::Speak { .. } => answer.text,
        };
        let is_silent = is_silence(&text, Self::SILENCE_TEXT);
        let num_new_tokens = if is_silent { 0 } else { text.split_whitespace().count() };
        self.cache_tokens += num_new_tokens;
        Ok(Resolved {
            text,
            is_silent,
            cache_tokens: self.cache_tokens,
            passes: num_new_tokens as u32,
            num_new_tokens,
            decode: Duration::ZERO,
            finish: Finish::EndToken,
        })
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        (self.next_idx, self.cache_tokens, self.open) = (0, 0, None);
        Ok(())
    }
}
