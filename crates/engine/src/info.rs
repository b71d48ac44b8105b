use serde::Serialize;
use souffleur_model::{ModelFolder, Weights};

use crate::EngineError;
use crate::graph::{Graph, ProviderShare};

/// Which providers really run each graph, from ONNX Runtime's own assignment record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvidersUsed {
    /// The vision tower.
    pub vision: String,
    /// The embedding table.
    pub embed: String,
    /// The decoder.
    pub decoder: String,
}

/// What was loaded, and how the model wants to be driven.
#[derive(Clone, Debug)]
pub struct EngineInfo {
    /// The model's name.
    pub model: String,
    /// How its weights are stored.
    pub weights: Weights,
    /// The literal text of silence.
    pub silence_text: String,
    /// Seconds between frames.
    pub frame_interval_secs: f64,
    /// Frames a turn, 1 or 2.
    pub frames_per_turn: u32,
    /// Eagerness the model's card advises.
    pub default_eagerness: f32,
    /// Tokens the KV cache holds.
    pub context_tokens: usize,
    /// The provider that was asked for.
    pub provider: &'static str,
    /// What really runs where.
    pub providers: ProvidersUsed,
}

impl EngineInfo {
    pub(crate) fn new(
        folder: &ModelFolder,
        context_tokens: usize,
        vision: &Graph,
        (embed, decoder): (&Graph, &Graph),
    ) -> Result<Self, EngineError> {
        let manifest = folder.manifest();
        Ok(Self {
            model: manifest.name.clone(),
            weights: manifest.weights,
            silence_text: manifest.silence_text.clone(),
            frame_interval_secs: manifest.frame_interval_secs,
            frames_per_turn: manifest.frames_per_turn,
            default_eagerness: manifest.default_eagerness,
            context_tokens,
            provider: "cpu",
            providers: ProvidersUsed {
                vision: label(&vision.provider_shares()?),
                embed: label(&embed.provider_shares()?),
                decoder: label(&decoder.provider_shares()?),
            },
        })
    }
}

/// `cpu`, or `cuda+cpu` where nodes are split, the provider with most nodes first.
fn label(shares: &[ProviderShare]) -> String {
    let short = |share: &ProviderShare| share.provider.trim_end_matches("ExecutionProvider").to_lowercase();
    match shares {
        [] => "unknown".to_owned(),
        _ => shares.iter().map(short).collect::<Vec<_>>().join("+"),
    }
}
