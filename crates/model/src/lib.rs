//! Qwen2.5-VL without running it: what its files say, how text and pictures become numbers, where tokens stand.
//!
//! There is one of each here, used by runtime, trainer and exporter alike: one config reader ([`ModelConfig`]), one
//! table of names ([`names`]), one wire format, one resize, one position rule, one layout of vision windows.

mod chat;
mod config;
mod error;
mod folder;
mod generation;
mod grid;
mod json;
mod manifest;
mod mrope;
pub mod names;
mod parameters;
mod patches;
mod preprocessor;
#[cfg(test)]
mod reference;
mod resize;
mod sentence_encoder;
mod sha256;
mod tokenizer;
mod vision_layout;

pub use chat::{ChatFormat, TurnTokens};
pub use config::{ModelConfig, TextConfig, VISION_RMS_NORM_EPS, VISION_ROPE_THETA, VisionConfig};
pub use error::ModelError;
pub use folder::{EmbeddedFile, ModelFolder};
pub use generation::GenerationConfig;
pub use grid::GridThw;
pub use manifest::{Card, EAGERNESS_RANGE, MANIFEST_FORMAT, Manifest, Weights, is_inside_folder};
pub use mrope::{Position, PositionCursor, RotaryTable, inv_freq, rotary};
pub use patches::{PixelValues, Preprocessor, preprocess};
pub use preprocessor::PreprocessorConfig;
pub use resize::{MAX_ASPECT_RATIO, MAX_RESIZED_PX, ResizeError, Resizer, smart_resize};
pub use sentence_encoder::{SentenceEncoderConfig, SentenceTokenizer, sentence_encoder_names};
pub use sha256::{Sha256Hex, sha256_hex};
pub use tokenizer::{TextStream, Tokenizer};
pub use vision_layout::VisionLayout;
