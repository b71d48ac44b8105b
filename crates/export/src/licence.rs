//! Which licence the weights are under, as far as their shape tells.

use souffleur_model::TextConfig;

/// A licence and what a user must know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// SPDX expression or the licence's name.
    pub name: &'static str,
    /// Set where it restricts use; one line.
    pub note: Option<&'static str>,
}

/// The licence under which Qwen published a model of this shape. Weights trained further stay under it.
///
/// `hidden_size` 2048 with 36 layers is Qwen2.5-VL-3B, 3584 with 28 layers Qwen2.5-VL-7B; any other shape is not known
/// here.
pub fn licence_by_shape(config: &TextConfig) -> Licence {
    match (config.hidden_size, config.num_hidden_layers) {
        (2048, 36) => Licence {
            name: "Qwen Research License",
            note: Some("Qwen2.5-VL-3B and models trained from it are for research only, not for commercial use"),
        },
        (3584, 28) => Licence { name: "Apache-2.0", note: None },
        _ => Licence { name: "unknown", note: Some("the licence of these weights was not stated at export") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(hidden_size: usize, num_hidden_layers: usize) -> TextConfig {
        TextConfig {
            hidden_size,
            num_hidden_layers,
            intermediate_size: 1,
            num_attention_heads: 1,
            num_key_value_heads: 1,
            head_dim: 2,
            vocab_size: 1,
            max_position_embeddings: 1,
            rms_norm_eps: 1e-6,
            rope_theta: 1e6,
            mrope_section: [1, 0, 0],
        }
    }

    #[test]
    fn the_published_shapes_are_known() {
        assert!(licence_by_shape(&config(2048, 36)).note.is_some_and(|note| note.contains("research only")));
        assert_eq!(licence_by_shape(&config(3584, 28)), Licence { name: "Apache-2.0", note: None });
        assert_eq!(licence_by_shape(&config(192, 6)).name, "unknown");
    }
}
