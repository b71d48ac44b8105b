//! Every name that two programs must agree on: files of a model folder, inputs and outputs of the graphs, weights
//! of a checkpoint. Written once; exporter, engine and trainer read them here.

/// Files of a model folder, relative to it.
pub mod files {
    /// The manifest, `souffleur.toml`.
    pub const MANIFEST: &str = "souffleur.toml";
    /// Sizes and token ids.
    pub const CONFIG: &str = "config.json";
    /// End tokens.
    pub const GENERATION_CONFIG: &str = "generation_config.json";
    /// Pixels to numbers.
    pub const PREPROCESSOR_CONFIG: &str = "preprocessor_config.json";
    /// Text to tokens.
    pub const TOKENIZER: &str = "tokenizer.json";
    /// Vision tower.
    pub const VISION_ONNX: &str = "onnx/vision.onnx";
    /// Embedding table.
    pub const EMBED_ONNX: &str = "onnx/embed.onnx";
    /// Decoder and head.
    pub const DECODER_ONNX: &str = "onnx/decoder.onnx";
    /// The three graphs.
    pub const GRAPHS: [&str; 3] = [VISION_ONNX, EMBED_ONNX, DECODER_ONNX];
    /// What a folder must hold. Weights beside a graph ([`external_data`]) are listed in the manifest.
    pub const REQUIRED: [&str; 8] =
        [MANIFEST, CONFIG, GENERATION_CONFIG, PREPROCESSOR_CONFIG, TOKENIZER, VISION_ONNX, EMBED_ONNX, DECODER_ONNX];
    /// A checkpoint's weights in one file.
    pub const SAFETENSORS: &str = "model.safetensors";
    /// A checkpoint's table of shards.
    pub const SAFETENSORS_INDEX: &str = "model.safetensors.index.json";

    /// The weights of a graph, beside it.
    pub fn external_data(graph: &str) -> String {
        format!("{graph}.data")
    }
}

/// Special tokens of the wire format, as the tokenizer names them.
pub mod tokens {
    /// Opens a message.
    pub const IM_START: &str = "<|im_start|>";
    /// Closes a message.
    pub const IM_END: &str = "<|im_end|>";
    /// Opens a frame.
    pub const VISION_START: &str = "<|vision_start|>";
    /// Closes a frame.
    pub const VISION_END: &str = "<|vision_end|>";
    /// One merged patch of a frame.
    pub const IMAGE_PAD: &str = "<|image_pad|>";
    /// One merged patch of a video; not written here.
    pub const VIDEO_PAD: &str = "<|video_pad|>";
    /// All of them: text must never turn into one.
    pub const STRUCTURAL: [&str; 6] = [IM_START, IM_END, VISION_START, VISION_END, IMAGE_PAD, VIDEO_PAD];
}

/// Inputs and outputs of the three graphs.
pub mod graph {
    /// Vision in: `[P, channels · frames · patch · patch]` f32.
    pub const PIXEL_VALUES: &str = "pixel_values";
    /// Vision in `[P, head_dim / 2]`, decoder in `[S, head_dim / 2]`; f32.
    pub const COS: &str = "cos";
    /// As [`COS`].
    pub const SIN: &str = "sin";
    /// Vision in: `[W · L]` i64, the patch in each slot of the windows.
    pub const WINDOW_INDEX: &str = "window_index";
    /// Vision in: `[P]` i64, the slot of each patch.
    pub const WINDOW_INVERSE: &str = "window_inverse";
    /// Vision in: `[W, L]` i32, 1 where the slot holds a patch of its own.
    pub const WINDOW_MASK: &str = "window_mask";
    /// Vision out: `[P / merge², hidden]` f32.
    pub const IMAGE_FEATURES: &str = "image_features";
    /// Embed in: `[1, S]` i64.
    pub const INPUT_IDS: &str = "input_ids";
    /// Embed out and decoder in: `[1, S, hidden]` f32.
    pub const INPUTS_EMBEDS: &str = "inputs_embeds";
    /// Decoder in: `[1]` i32, tokens in the cache after this step, less one.
    pub const SEQLENS_K: &str = "seqlens_k";
    /// Decoder in: i32 scalar, tokens in the cache after this step.
    pub const TOTAL_SEQUENCE_LENGTH: &str = "total_sequence_length";
    /// Decoder in: `[R]` i64, rows of this step whose logits are wanted.
    pub const LOGITS_ROWS: &str = "logits_rows";
    /// Decoder out: `[1, R, vocab]` f32.
    pub const LOGITS: &str = "logits";

    /// Decoder in: `[1, num_key_value_heads, capacity, head_dim]` f32.
    pub fn past_key(layer_idx: usize) -> String {
        format!("past_key_values.{layer_idx}.key")
    }

    /// As [`past_key`].
    pub fn past_value(layer_idx: usize) -> String {
        format!("past_key_values.{layer_idx}.value")
    }

    /// Decoder out, bound to the buffer of [`past_key`].
    pub fn present_key(layer_idx: usize) -> String {
        format!("present.{layer_idx}.key")
    }

    /// Decoder out, bound to the buffer of [`past_value`].
    pub fn present_value(layer_idx: usize) -> String {
        format!("present.{layer_idx}.value")
    }
}

/// Weights of a checkpoint under their published names. Newer saves are read through [`canonical`](weights::canonical).
pub mod weights {
    /// `[vocab_size, hidden_size]`.
    pub const EMBED_TOKENS: &str = "model.embed_tokens.weight";
    /// `[hidden_size]`.
    pub const FINAL_NORM: &str = "model.norm.weight";
    /// `[vocab_size, hidden_size]`; absent where the head is tied to [`EMBED_TOKENS`].
    pub const LM_HEAD: &str = "lm_head.weight";
    /// `[hidden, channels, frames, patch, patch]`.
    pub const PATCH_EMBED: &str = "visual.patch_embed.proj.weight";
    /// Norm before the merger, `[hidden]`.
    pub const MERGER_NORM: &str = "visual.merger.ln_q.weight";
    /// First linear of the merger, `[hidden · merge², hidden · merge²]`.
    pub const MERGER_FC1: &str = "visual.merger.mlp.0.weight";
    /// Its bias.
    pub const MERGER_FC1_BIAS: &str = "visual.merger.mlp.0.bias";
    /// Second linear of the merger, `[out_hidden_size, hidden · merge²]`.
    pub const MERGER_FC2: &str = "visual.merger.mlp.2.weight";
    /// Its bias.
    pub const MERGER_FC2_BIAS: &str = "visual.merger.mlp.2.bias";

    /// What every decoder layer holds; linear weights are `[out, in]`. `q`, `k` and `v` have biases, `o` has none.
    pub const DECODER_LAYER: [&str; 12] = [
        "input_layernorm.weight",
        "self_attn.q_proj.weight",
        "self_attn.q_proj.bias",
        "self_attn.k_proj.weight",
        "self_attn.k_proj.bias",
        "self_attn.v_proj.weight",
        "self_attn.v_proj.bias",
        "self_attn.o_proj.weight",
        "post_attention_layernorm.weight",
        "mlp.gate_proj.weight",
        "mlp.up_proj.weight",
        "mlp.down_proj.weight",
    ];

    /// What every vision block holds; every linear has a bias, `qkv` is fused in that order.
    pub const VISION_BLOCK: [&str; 12] = [
        "norm1.weight",
        "attn.qkv.weight",
        "attn.qkv.bias",
        "attn.proj.weight",
        "attn.proj.bias",
        "norm2.weight",
        "mlp.gate_proj.weight",
        "mlp.gate_proj.bias",
        "mlp.up_proj.weight",
        "mlp.up_proj.bias",
        "mlp.down_proj.weight",
        "mlp.down_proj.bias",
    ];

    /// A weight of a decoder layer; `part` is one of [`DECODER_LAYER`].
    pub fn decoder_layer(layer_idx: usize, part: &str) -> String {
        format!("model.layers.{layer_idx}.{part}")
    }

    /// A weight of a vision block; `part` is one of [`VISION_BLOCK`].
    pub fn vision_block(block_idx: usize, part: &str) -> String {
        format!("visual.blocks.{block_idx}.{part}")
    }

    /// The published name of a weight under either naming: `model.language_model.…` and `model.visual.…` (newer
    /// saves) become `model.…` and `visual.…`; a name already published comes back as it is.
    pub fn canonical(name: &str) -> String {
        if let Some(rest) = name.strip_prefix("model.language_model.") {
            return format!("model.{rest}");
        }
        name.strip_prefix("model.").filter(|rest| rest.starts_with("visual.")).unwrap_or(name).to_owned()
    }

    /// Every weight a checkpoint of this shape holds, in the order the network uses them.
    pub fn all(config: &crate::ModelConfig) -> Vec<String> {
        let blocks =
            (0..config.vision.depth).flat_map(|block_idx| VISION_BLOCK.map(|part| vision_block(block_idx, part)));
        let layers = (0..config.text.num_hidden_layers)
            .flat_map(|layer_idx| DECODER_LAYER.map(|part| decoder_layer(layer_idx, part)));
        let merger = [MERGER_NORM, MERGER_FC1, MERGER_FC1_BIAS, MERGER_FC2, MERGER_FC2_BIAS];
        let head = (!config.tie_word_embeddings).then_some(LM_HEAD);
        std::iter::once(PATCH_EMBED.to_owned())
            .chain(blocks)
            .chain(merger.map(str::to_owned))
            .chain([EMBED_TOKENS.to_owned()])
            .chain(layers)
            .chain([FINAL_NORM.to_owned()])
            .chain(head.map(str::to_owned))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::weights::{canonical, decoder_layer, vision_block};

    #[test]
    fn both_namings_are_one() {
        for (found, expected) in [
            ("model.language_model.layers.3.mlp.up_proj.weight", decoder_layer(3, "mlp.up_proj.weight")),
            ("model.layers.3.mlp.up_proj.weight", decoder_layer(3, "mlp.up_proj.weight")),
            ("model.visual.blocks.0.attn.qkv.bias", vision_block(0, "attn.qkv.bias")),
            ("visual.blocks.0.attn.qkv.bias", vision_block(0, "attn.qkv.bias")),
            ("model.language_model.embed_tokens.weight", super::weights::EMBED_TOKENS.into()),
            ("lm_head.weight", super::weights::LM_HEAD.into()),
            ("model.visualizer", "model.visualizer".into()),
        ] {
            assert_eq!(canonical(found), expected);
        }
    }
}
