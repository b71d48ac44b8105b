//! The reference checkpoint and the outputs of transformers for it, for tests. Provenance: tests/fixtures/reference.

use std::path::PathBuf;

use safetensors::SafeTensors;
use serde_json::Value;

use crate::{ModelConfig, Tokenizer};

/// A file of the reference.
pub(crate) fn read(path: &str) -> Vec<u8> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/reference");
    std::fs::read(dir.join(path)).unwrap()
}

/// A text file of the reference.
pub(crate) fn text(path: &str) -> String {
    String::from_utf8(read(path)).unwrap()
}

/// `reference.json`.
pub(crate) fn description() -> Value {
    serde_json::from_slice(&read("reference.json")).unwrap()
}

/// The config of the tiny checkpoint.
pub(crate) fn config() -> ModelConfig {
    ModelConfig::from_json(&read("tiny/config.json")).unwrap()
}

/// The tokenizer of the tiny checkpoint.
pub(crate) fn tokenizer() -> Tokenizer {
    Tokenizer::from_bytes(&read("tiny/tokenizer.json")).unwrap()
}

/// An i64 tensor of `reference.safetensors`, row by row.
pub(crate) fn integers(name: &str) -> Vec<i64> {
    let file = read("reference.safetensors");
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let bytes = tensors.tensor(name).unwrap().data();
    bytes.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
}
