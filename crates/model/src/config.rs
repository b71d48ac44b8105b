//! `config.json` of a Qwen2.5-VL checkpoint, checked so that what is built on it can neither panic nor overflow.

use crate::ModelError;
use crate::json::{self, Section};

/// Epsilon of the vision tower's RMSNorms. No config carries it: Hugging Face's model writes it into its code.
pub const VISION_RMS_NORM_EPS: f32 = 1e-6;

/// θ of the vision tower's 2-D rotary embedding. No config carries it either.
pub const VISION_ROPE_THETA: f64 = 10_000.0;

const FILE: &str = "config.json";

// Far over any model of this family, and small enough that products of three stay far inside a 64-bit usize.
const MAX_WIDTH: u32 = 1 << 17;
const MAX_LAYERS: u32 = 1 << 10;
const MAX_VOCAB: u32 = 1 << 24;
const MAX_POSITIONS: u32 = 1 << 24;
const MAX_PATCH: u32 = 1 << 8;

/// A whole Qwen2.5-VL: names are Hugging Face's.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The decoder.
    pub text: TextConfig,
    /// The vision tower.
    pub vision: VisionConfig,
    /// Stands where one merged patch of a frame goes.
    pub image_token_id: u32,
    /// The same for videos; never written here, but a user text must not contain it either.
    pub video_token_id: u32,
    /// Opens a frame.
    pub vision_start_token_id: u32,
    /// Closes a frame.
    pub vision_end_token_id: u32,
    /// Whether the head is the embedding table again, without a weight of its own.
    pub tie_word_embeddings: bool,
}

/// The decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct TextConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward block.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads; a multiple of `num_key_value_heads`.
    pub num_attention_heads: usize,
    /// Key and value heads.
    pub num_key_value_heads: usize,
    /// Width of a head; even. Default `hidden_size / num_attention_heads`.
    pub head_dim: usize,
    /// Rows of the embedding table; token ids are below it.
    pub vocab_size: usize,
    /// Positions the rotary embedding was trained for.
    pub max_position_embeddings: usize,
    /// Epsilon of the RMSNorms.
    pub rms_norm_eps: f32,
    /// θ of the rotary embedding.
    pub rope_theta: f64,
    /// How the half head is split between time, height and width; the sum is `head_dim / 2`.
    pub mrope_section: [usize; 3],
}

/// The vision tower.
#[derive(Clone, Debug, PartialEq)]
pub struct VisionConfig {
    /// Blocks.
    pub depth: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward block.
    pub intermediate_size: usize,
    /// Attention heads; [`head_dim`](Self::head_dim) is a multiple of 4.
    pub num_heads: usize,
    /// Width after the merger: the decoder's `hidden_size`.
    pub out_hidden_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Frames a patch spans.
    pub temporal_patch_size: usize,
    /// Patches along a side that the merger joins into one token.
    pub spatial_merge_size: usize,
    /// Side of an attention window in pixels; a multiple of `patch_size · spatial_merge_size`.
    pub window_size: usize,
    /// Blocks that attend to the whole picture; each below `depth`.
    pub fullatt_block_indexes: Vec<usize>,
    /// Colour channels: 3.
    pub in_channels: usize,
}

impl ModelConfig {
    /// Reads `config.json`, with the decoder's keys at the top (as published) or under `text_config` (newer saves).
    ///
    /// # Errors
    /// When the bytes are not a JSON object, or a key is missing, has the wrong type or contradicts another.
    pub fn from_json(json: &[u8]) -> Result<Self, ModelError> {
        let value = json::parse(FILE, json)?;
        let top = Section::top(FILE, &value)?;
        top.one_of("model_type", &["qwen2_5_vl"])?;
        let text_section = top.section("text_config")?.unwrap_or_else(|| top.clone());
        let text = TextConfig::from_section(&text_section)?;
        let vision_section = top.section("vision_config")?;
        let vision_section = vision_section.ok_or_else(|| top.wrong("vision_config", "an object", "nothing"))?;
        let vision = VisionConfig::from_section(&vision_section, text.hidden_size)?;

        let token_id = |key: &str| -> Result<u32, ModelError> {
            let section = if top.get(key).is_some() { &top } else { &text_section };
            let id = section.token_id(key)?;
            let max = text.vocab_size - 1;
            if id as usize <= max { Ok(id) } else { Err(section.wrong(key, format!("a token id up to {max}"), id)) }
        };
        // Absent means untied: the default of Qwen2_5_VLConfig.
        let tie_word_embeddings = match top.boolean("tie_word_embeddings")? {
            Some(is_tied) => is_tied,
            None => text_section.boolean("tie_word_embeddings")?.unwrap_or(false),
        };
        let config = Self {
            image_token_id: token_id("image_token_id")?,
            video_token_id: token_id("video_token_id")?,
            vision_start_token_id: token_id("vision_start_token_id")?,
            vision_end_token_id: token_id("vision_end_token_id")?,
            text,
            vision,
            tie_word_embeddings,
        };
        config.check_tokens_differ(&top)?;
        Ok(config)
    }

    fn check_tokens_differ(&self, top: &Section<'_>) -> Result<(), ModelError> {
        let ids = [
            ("image_token_id", self.image_token_id),
            ("video_token_id", self.video_token_id),
            ("vision_start_token_id", self.vision_start_token_id),
            ("vision_end_token_id", self.vision_end_token_id),
        ];
        for (idx, (key, id)) in ids.iter().enumerate() {
            if let Some((other, _)) = ids[..idx].iter().find(|(_, earlier)| earlier == id) {
                return Err(top.wrong(key, format!("another id than {other}"), id));
            }
        }
        Ok(())
    }
}

impl TextConfig {
    /// Width of half a head: the columns of the decoder's `cos` and `sin`.
    pub fn rotary_width(&self) -> usize {
        self.head_dim / 2
    }

    fn from_section(section: &Section<'_>) -> Result<Self, ModelError> {
        section.one_of("hidden_act", &["silu"])?;
        if section.boolean("use_sliding_window")? == Some(true) {
            return Err(section.wrong("use_sliding_window", "false", true));
        }
        let hidden_size = section.size("hidden_size", MAX_WIDTH)?;
        let num_attention_heads = section.size("num_attention_heads", MAX_LAYERS)?;
        let num_key_value_heads = section.size("num_key_value_heads", MAX_LAYERS)?;
        if !num_attention_heads.is_multiple_of(num_key_value_heads) {
            let expected = format!("a divisor of num_attention_heads {num_attention_heads}");
            return Err(section.wrong("num_key_value_heads", expected, num_key_value_heads));
        }
        let head_dim = match section.get("head_dim") {
            Some(_) => section.size("head_dim", MAX_WIDTH)?,
            None if hidden_size.is_multiple_of(num_attention_heads) => hidden_size / num_attention_heads,
            None => {
                let expected = format!("a multiple of num_attention_heads {num_attention_heads}");
                return Err(section.wrong("hidden_size", expected, hidden_size));
            }
        };
        if !head_dim.is_multiple_of(2) {
            return Err(section.wrong("head_dim", "even", head_dim));
        }
        let (rope_theta, mrope_section) = rope(section, head_dim)?;
        Ok(Self {
            hidden_size,
            intermediate_size: section.size("intermediate_size", MAX_WIDTH)?,
            num_hidden_layers: section.size("num_hidden_layers", MAX_LAYERS)?,
            num_attention_heads,
            num_key_value_heads,
            head_dim,
            vocab_size: section.size("vocab_size", MAX_VOCAB)?,
            max_position_embeddings: section.size("max_position_embeddings", MAX_POSITIONS)?,
            rms_norm_eps: section.positive("rms_norm_eps")? as f32,
            rope_theta,
            mrope_section,
        })
    }
}

/// θ and `mrope_section`, from `rope_scaling` (as published) or `rope_parameters` (newer saves).
fn rope(section: &Section<'_>, head_dim: usize) -> Result<(f64, [usize; 3]), ModelError> {
    let parameters = match section.section("rope_parameters")? {
        Some(parameters) => parameters,
        None => section
            .section("rope_scaling")?
            .ok_or_else(|| section.wrong("rope_scaling", "an object with mrope_section", "nothing"))?,
    };
    for key in ["type", "rope_type"] {
        parameters.one_of(key, &["mrope", "default"])?;
    }
    let with_theta = if parameters.get("rope_theta").is_some() { &parameters } else { section };
    let rope_theta = with_theta.positive("rope_theta")?;

    let half = head_dim / 2;
    let parts = parameters.integers("mrope_section", 0..=half as u64)?;
    match parts.as_slice() {
        &[t, h, w] if t + h + w == half as u64 => Ok((rope_theta, [t as usize, h as usize, w as usize])),
        _ => {
            let expected = format!("three numbers that sum to {half}, half of head_dim");
            Err(parameters.wrong("mrope_section", expected, parameters.found("mrope_section")))
        }
    }
}

impl VisionConfig {
    /// Width of a head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_heads
    }

    /// Width of half a head: the columns of the vision graph's `cos` and `sin`.
    pub fn rotary_width(&self) -> usize {
        self.head_dim() / 2
    }

    /// Numbers in one row of `pixel_values`: channels × frames × patch height × patch width.
    pub fn patch_width(&self) -> usize {
        self.in_channels * self.temporal_patch_size * self.patch_size * self.patch_size
    }

    /// Merged units along a side of an attention window.
    pub fn merged_window(&self) -> usize {
        self.window_size / self.patch_size / self.spatial_merge_size
    }

    /// Patches in a whole attention window.
    pub fn patches_per_window(&self) -> usize {
        (self.merged_window() * self.spatial_merge_size).pow(2)
    }

    fn from_section(section: &Section<'_>, text_hidden_size: usize) -> Result<Self, ModelError> {
        section.one_of("hidden_act", &["silu"])?;
        let channels_key = if section.get("in_channels").is_some() { "in_channels" } else { "in_chans" };
        // Frames are RGB. Absent in some newer saves, where it has its default.
        if section.get(channels_key).is_some() {
            section.integer(channels_key, 3..=3)?;
        }
        let vision = Self {
            depth: section.size("depth", MAX_LAYERS)?,
            hidden_size: section.size("hidden_size", MAX_WIDTH)?,
            intermediate_size: section.size("intermediate_size", MAX_WIDTH)?,
            num_heads: section.size("num_heads", MAX_LAYERS)?,
            out_hidden_size: section.size("out_hidden_size", MAX_WIDTH)?,
            patch_size: section.size("patch_size", MAX_PATCH)?,
            temporal_patch_size: section.size("temporal_patch_size", 16)?,
            spatial_merge_size: section.size("spatial_merge_size", 16)?,
            window_size: section.size("window_size", 1 << 12)?,
            fullatt_block_indexes: section
                .integers("fullatt_block_indexes", 0..=u64::from(MAX_LAYERS))?
                .into_iter()
                .map(|block_idx| block_idx as usize)
                .collect(),
            in_channels: 3,
        };
        vision.check(section, text_hidden_size)?;
        Ok(vision)
    }

    fn check(&self, section: &Section<'_>, text_hidden_size: usize) -> Result<(), ModelError> {
        if !self.hidden_size.is_multiple_of(self.num_heads) || !self.head_dim().is_multiple_of(4) {
            let expected = format!("num_heads {} times a multiple of 4", self.num_heads);
            return Err(section.wrong("hidden_size", expected, self.hidden_size));
        }
        if self.out_hidden_size != text_hidden_size {
            let expected = format!("the decoder's hidden_size {text_hidden_size}");
            return Err(section.wrong("out_hidden_size", expected, self.out_hidden_size));
        }
        if section.get("spatial_patch_size").is_some()
            && section.size("spatial_patch_size", MAX_PATCH)? != self.patch_size
        {
            let expected = format!("patch_size {}", self.patch_size);
            return Err(section.wrong("spatial_patch_size", expected, section.found("spatial_patch_size")));
        }
        let merged_px = self.patch_size * self.spatial_merge_size;
        if !self.window_size.is_multiple_of(merged_px) {
            let expected = format!("a multiple of patch_size · spatial_merge_size = {merged_px}");
            return Err(section.wrong("window_size", expected, self.window_size));
        }
        if self.fullatt_block_indexes.iter().any(|block_idx| *block_idx >= self.depth) {
            let expected = format!("a list of numbers below depth {}", self.depth);
            return Err(section.wrong("fullatt_block_indexes", expected, section.found("fullatt_block_indexes")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn published() -> Value {
        json!({
            "model_type": "qwen2_5_vl", "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36,
            "num_attention_heads": 16, "num_key_value_heads": 2, "vocab_size": 151936,
            "max_position_embeddings": 128000, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
            "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, "tie_word_embeddings": true,
            "hidden_act": "silu", "use_sliding_window": false, "vision_start_token_id": 151652,
            "vision_end_token_id": 151653, "image_token_id": 151655, "video_token_id": 151656,
            "vision_config": {
                "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "in_chans": 3,
                "out_hidden_size": 2048, "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14,
                "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31], "temporal_patch_size": 2,
                "hidden_act": "silu"
            }
        })
    }

    /// The same model as transformers 5 writes it.
    fn nested() -> Value {
        let Value::Object(mut top) = published() else { unreachable!() };
        let text_keys = [
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "num_key_value_heads",
            "vocab_size",
            "max_position_embeddings",
            "rms_norm_eps",
            "hidden_act",
            "tie_word_embeddings",
        ];
        let mut text: serde_json::Map<String, Value> =
            text_keys.iter().map(|key| ((*key).to_owned(), top.remove(*key).unwrap())).collect();
        top.remove("rope_scaling");
        top.remove("rope_theta");
        let rope = json!({"rope_type": "default", "rope_theta": 1000000.0, "mrope_section": [16, 24, 24]});
        text.insert("rope_parameters".into(), rope);
        top.insert("text_config".into(), text.into());
        top["vision_config"]["in_channels"] = json!(3);
        Value::Object(top)
    }

    fn read(value: &Value) -> Result<ModelConfig, ModelError> {
        ModelConfig::from_json(value.to_string().as_bytes())
    }

    #[test]
    fn flat_and_nested_are_one_model() {
        let config = read(&published()).unwrap();
        assert_eq!(config, read(&nested()).unwrap());
        assert_eq!((config.text.head_dim, config.text.mrope_section), (128, [16, 24, 24]));
        assert_eq!((config.vision.head_dim(), config.vision.rotary_width()), (80, 40));
        assert_eq!((config.vision.patch_width(), config.vision.patches_per_window()), (1176, 64));
        assert!(config.tie_word_embeddings);
    }

    #[test]
    fn an_error_names_the_key_and_both_sides() {
        let cases = [
            (
                "/num_key_value_heads",
                json!(3),
                "num_key_value_heads must be a divisor of num_attention_heads 16, found 3",
            ),
            ("/hidden_size", json!(2049), "hidden_size must be a multiple of num_attention_heads 16, found 2049"),
            ("/hidden_size", json!(-1), "hidden_size must be a whole number from 1 to 131072, found -1"),
            (
                "/rope_scaling/mrope_section",
                json!([16, 24]),
                "three numbers that sum to 64, half of head_dim, found [16,24]",
            ),
            ("/rope_scaling/type", json!("yarn"), "rope_scaling.type must be \"mrope\" or \"default\", found \"yarn\""),
            ("/vision_config/window_size", json!(100), "a multiple of patch_size · spatial_merge_size = 28, found 100"),
            ("/vision_config/fullatt_block_indexes", json!([32]), "a list of numbers below depth 32, found [32]"),
            (
                "/vision_config/num_heads",
                json!(128),
                "hidden_size must be num_heads 128 times a multiple of 4, found 1280",
            ),
            ("/vision_config/out_hidden_size", json!(1), "must be the decoder's hidden_size 2048, found 1"),
            ("/vision_config/in_chans", json!(4), "in_chans must be 3, found 4"),
            ("/vision_config", json!(null), "vision_config must be an object, found nothing"),
            ("/image_token_id", json!(151936), "image_token_id must be a token id up to 151935, found 151936"),
            ("/image_token_id", json!(151652), "another id than image_token_id, found 151652"),
            ("/model_type", json!("qwen2_vl"), "model_type must be \"qwen2_5_vl\", found \"qwen2_vl\""),
            ("/vocab_size", json!(null), "vocab_size must be a whole number from 1 to 16777216, found nothing"),
        ];
        for (pointer, value, expected) in cases {
            let mut config = published();
            *config.pointer_mut(pointer).unwrap() = value;
            let message = read(&config).unwrap_err().to_string();
            assert!(message.ends_with(expected) && message.starts_with("config.json: "), "{message}");
        }
    }

    #[test]
    fn broken_json_is_one_line() {
        for json in [&b""[..], b"{", b"[]", b"\"x\"", b"\xff\xfe", b"{\"hidden_size\": 1,\n\n"] {
            let message = ModelConfig::from_json(json).unwrap_err().to_string();
            assert!(message.starts_with("config.json is not valid JSON: ") && !message.contains('\n'), "{message}");
        }
    }

    proptest! {
        /// Any number in any place either is refused or gives sizes that fit together.
        #[test]
        fn no_number_breaks_it(place in 0usize..16, number in prop_oneof![0u64..300, any::<u64>()]) {
            let pointers = [
                "/hidden_size", "/intermediate_size", "/num_hidden_layers", "/num_attention_heads",
                "/num_key_value_heads", "/vocab_size", "/max_position_embeddings", "/rope_scaling/mrope_section/1",
                "/vision_config/depth", "/vision_config/hidden_size", "/vision_config/num_heads",
                "/vision_config/patch_size", "/vision_config/spatial_merge_size", "/vision_config/window_size",
                "/vision_config/temporal_patch_size", "/vision_config/fullatt_block_indexes/0",
            ];
            let mut config = published();
            *config.pointer_mut(pointers[place]).unwrap() = json!(number);
            config["vision_config"].as_object_mut().unwrap().remove("spatial_patch_size");
            if let Ok(config) = read(&config) {
                let (text, vision) = (&config.text, &config.vision);
                prop_assert_eq!(text.mrope_section.iter().sum::<usize>(), text.rotary_width());
                prop_assert!(vision.patches_per_window() >= 1);
                prop_assert_eq!(vision.merged_window() * vision.spatial_merge_size * vision.patch_size, vision.window_size);
                prop_assert!(text.vocab_size * text.hidden_size > 0);
            }
        }
    }
}
