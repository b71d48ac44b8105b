use serde::{Deserialize, Serialize};

/// What the model's logits say at the start of its answer, before anything is decided.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Probability of the first token of the silence text: softmax at temperature 1 over the whole vocabulary,
    /// before any bias.
    pub p_silent: f32,
    /// Probability of the whole silence text with its end token: the product over the drafted tokens.
    pub p_silence_text: f32,
    /// How much eagerness this turn bears: below it, greedy decoding gives the silence text, above it a reply. Under 0
    /// where it speaks without any; −∞ where it speaks at every eagerness, because what follows the first silence token
    /// is not the rest of the silence text.
    pub silence_margin: f32,
    /// Whether decoding, with the bias and the sampling asked for, gives exactly the silence text.
    pub is_text_silent: bool,
}

/// Speak or hold one's tongue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The turn ends with the silence text.
    Silent,
    /// The turn ends with a reply.
    Speak,
}
