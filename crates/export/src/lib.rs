//! Qwen2.5-VL checkpoint to three ONNX graphs, quantized: the only place that writes ONNX.
//!
//! [`export()`] plans first and writes afterwards. The graphs (`vision`, `embed`, `decoder`) are built from the
//! config alone, and with them a `plan` of where each weight will lie; the plan is checked against the
//! checkpoint's head; only then are weights read, encoded and written, one at a time (`data`).

mod checkpoint;
mod data;
mod decoder;
mod embed;
mod error;
mod export;
#[cfg(test)]
mod fixture;
mod graph;
mod layers;
mod licence;
mod manifest;
mod plan;
mod proto;
mod quantize;
mod random_checkpoint;
mod safetensors;
mod sentence_encoder;
mod stage;
mod vision;

pub use error::ExportError;
pub use export::{ExportOptions, Progress, export};
pub use licence::{Licence, licence_by_shape};
pub use manifest::ManifestDefaults;
pub use random_checkpoint::write_random_checkpoint;
pub use sentence_encoder::export_sentence_encoder;
pub use souffleur_model::Weights;
