use std::time::Duration;

use souffleur_core::{Observation, RgbImage};

use crate::EngineError;

/// Something that watches turns and answers them: the real engine, or a script in a test.
///
/// A turn takes two calls, so that the decision stays outside: [`observe`](TurnModel::observe) looks, the policy
/// decides, [`resolve`](TurnModel::resolve) carries it out. `resolve` must follow each successful `observe`.
pub trait TurnModel {
    /// Encodes the frames and appends them, the text and the drafted silence to the context, in one forward pass
    /// of the decoder.
    ///
    /// # Errors
    /// When a frame cannot be used, the turn does not fit into the context, the run is cancelled, or the runtime
    /// fails. The context is then as it was before the call, but for old turns that had to make room.
    fn observe(&mut self, input: TurnInput) -> Result<Observed, EngineError>;

    /// Ends the turn: keeps the drafted silence, or rolls back to the assistant header and decodes a reply.
    ///
    /// # Errors
    /// When no turn is open or the runtime fails. A reply that failed midway leaves a context that only
    /// [`reset`](TurnModel::reset) puts in order.
    fn resolve(&mut self, resolution: Resolution) -> Result<Resolved, EngineError>;

    /// Forgets everything but the system prompt.
    ///
    /// # Errors
    /// When the runtime fails.
    fn reset(&mut self) -> Result<(), EngineError>;
}

/// What a turn shows the model.
#[derive(Clone, Debug)]
pub struct TurnInput {
    /// Oldest first; one or two in a live dialogue (MMDuet2 §3), more for an offline question.
    pub frames: Vec<RgbImage>,
    /// User text of this turn.
    pub text: Option<String>,
    /// Whether that text states the standing request: the turn then survives every cut of the window, in place of
    /// the turn that stated it before.
    pub is_pinned: bool,
    /// Subtracted from the logit of the first silence token before anything is chosen; 0 is off. It never changes
    /// [`Observation::p_silent`].
    pub eagerness: f32,
    /// How tokens are chosen, for the decision and the reply alike.
    pub sampling: Sampling,
}

/// How a token is chosen from its logits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Sampling {
    /// The most probable token; the lowest id among equals.
    #[default]
    Greedy,
    /// Drawn from the `top_k` most probable tokens at `temperature` (> 0). `top_k` 0 means the whole vocabulary.
    TopK {
        /// Divides the logits.
        temperature: f32,
        /// How many candidates stay.
        top_k: usize,
    },
}

/// What was seen, and what seeing cost.
#[derive(Clone, Debug)]
pub struct Observed {
    /// What the logits say.
    pub observation: Observation,
    /// Tokens in the KV cache if the turn ends silently.
    pub cache_tokens: usize,
    /// Forward passes of the decoder so far in this turn: 1 where silence is drafted.
    pub passes: u32,
    /// Resize and patches.
    pub preprocess: Duration,
    /// Vision encoder.
    pub encode: Duration,
    /// Decoder over the turn's tokens.
    pub prefill: Duration,
}

/// How a turn is to end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resolution {
    /// With the silence text.
    Silent,
    /// With whatever decoding gives.
    Speak {
        /// Upper bound of the reply's tokens.
        max_new_tokens: usize,
        /// Whether the model itself or only the policy wants to speak.
        urge: Urge,
    },
}

/// Who wants to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urge {
    /// The model: nothing is masked, and the decoded text may still turn out to be the silence text.
    Model,
    /// The policy, possibly against the model: if the most probable first token is the first silence token, it is
    /// masked for this reply.
    Policy,
}

/// Why decoding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// An end token, or the drafted silence was kept.
    EndToken,
    /// `max_new_tokens` were decoded.
    MaxNewTokens,
    /// Someone cancelled; the text so far stands.
    Cancelled,
}

/// How the turn ended.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The answer, the silence text included; trimmed.
    pub text: String,
    /// Whether the whole of it is the silence text.
    pub is_silent: bool,
    /// Tokens in the KV cache now.
    pub cache_tokens: usize,
    /// Forward passes of the decoder since [`Observed::passes`] was reported.
    pub passes: u32,
    /// Tokens of the reply, its end token not counted; 0 for a drafted silence that was kept.
    pub num_new_tokens: usize,
    /// Time spent on them.
    pub decode: Duration,
    /// Why it ended.
    pub finish: Finish,
}
