use crate::{ModelConfig, TextConfig, VisionConfig};

impl ModelConfig {
    /// Numbers in the weights of a model of this shape; a tied output layer counts once.
    pub fn num_parameters(&self) -> u64 {
        let table = self.text.vocab_size as u64 * self.text.hidden_size as u64;
        let num_tables = if self.tie_word_embeddings { 1 } else { 2 };
        num_tables * table + decoder_parameters(&self.text) + vision_parameters(&self.vision)
    }
}

/// Layers and final norm. Biases on q, k and v only.
fn decoder_parameters(config: &TextConfig) -> u64 {
    let hidden = config.hidden_size as u64;
    let queries = (config.num_attention_heads * config.head_dim) as u64;
    let keys = (config.num_key_value_heads * config.head_dim) as u64;
    let attention = (hidden + 1) * (queries + 2 * keys) + queries * hidden;
    let mlp = 3 * hidden * config.intermediate_size as u64;
    config.num_hidden_layers as u64 * (attention + mlp + 2 * hidden) + hidden
}

/// Patch embedding without bias, blocks with a bias on every linear layer, and the merger.
fn vision_parameters(config: &VisionConfig) -> u64 {
    let hidden = config.hidden_size as u64;
    let intermediate = config.intermediate_size as u64;
    let attention = (hidden + 1) * 3 * hidden + (hidden + 1) * hidden;
    let mlp = 2 * (hidden + 1) * intermediate + (intermediate + 1) * hidden;
    let merged = hidden * (config.spatial_merge_size as u64).pow(2);
    let merger = hidden + (merged + 1) * merged + (merged + 1) * config.out_hidden_size as u64;
    config.patch_width() as u64 * hidden + config.depth as u64 * (attention + mlp + 2 * hidden) + merger
}

#[cfg(test)]
mod tests {
    use crate::ModelConfig;

    /// The kitchen's own count, written by its training script (`measured.json`).
    #[test]
    fn the_kitchen_counts_as_its_training_script_did() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/checkpoints/kitchen");
        let config = ModelConfig::from_json(&std::fs::read(format!("{folder}/config.json")).unwrap()).unwrap();
        let measured = std::fs::read(format!("{folder}/measured.json")).unwrap();
        let measured: serde_json::Value = serde_json::from_slice(&measured).unwrap();
        assert_eq!(measured["parameters"], config.num_parameters());
    }
}
