//! Checkpoint to graph to embedding, against a forward pass in numpy (fixtures/sentence_encoder/reference.py).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use souffleur_engine::SentenceEncoder;
use souffleur_export::export_sentence_encoder;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sentence_encoder")
}

fn tiny() -> (tempfile::TempDir, SentenceEncoder) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tiny");
    export_sentence_encoder(&fixture(), &out, &mut |_| ()).unwrap();
    let encoder = SentenceEncoder::open(&out).unwrap();
    (folder, encoder)
}

/// The texts have words within and beyond the vocabulary, one is empty, one is longer than the encoder reads.
#[test]
fn embeddings_are_those_of_the_reference() {
    let expected: BTreeMap<String, Vec<f32>> =
        serde_json::from_slice(&std::fs::read(fixture().join("expected.json")).unwrap()).unwrap();
    let (_folder, mut encoder) = tiny();
    let texts: Vec<&str> = expected.keys().map(String::as_str).collect();
    for (text, found) in texts.iter().zip(encoder.encode(&texts).unwrap()) {
        assert_eq!(found.len(), encoder.hidden_size());
        let apart = found.iter().zip(&expected[*text]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-5, "{text:?}: {apart}");
    }
}

/// The published weights, which are not part of the repository.
#[test]
#[ignore = "needs the sentence encoder: cargo xtask test --only judge"]
fn the_published_encoder_gives_what_the_reference_gives() {
    let expected = std::fs::read(fixture().join("all_minilm_l6_v2.json")).unwrap();
    let expected: BTreeMap<String, Vec<f32>> = serde_json::from_slice(&expected).unwrap();
    let installed = || souffleur_engine::data_dir().unwrap().join("judge").join("all-MiniLM-L6-v2");
    let folder = std::env::var_os("SOUFFLEUR_SENTENCE_ENCODER").map_or_else(installed, PathBuf::from);
    let mut encoder = SentenceEncoder::open(&folder).unwrap();
    for (text, first_values) in &expected {
        let found = encoder.encode(&[text]).unwrap().remove(0);
        assert!((found.iter().map(|value| value * value).sum::<f32>() - 1.0).abs() < 1e-5);
        let apart = found.iter().zip(first_values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{apart:e} apart at most: {text:?}");
        assert!(apart < 1e-4, "{text:?}: {apart}");
    }
}

#[test]
fn a_folder_that_is_no_encoder_is_told_by_name() {
    let message = SentenceEncoder::open(Path::new("nowhere")).unwrap_err().to_string();
    assert_eq!(message, "nowhere is not a model folder: it does not exist or is no folder");
    // The checkpoint itself has every file but the graph.
    let message = SentenceEncoder::open(&fixture()).unwrap_err().to_string();
    assert!(message.starts_with("ONNX Runtime cannot load encoder.onnx: "), "{message}");
}

#[test]
fn a_checkpoint_that_lacks_a_weight_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("src");
    std::fs::create_dir(&src).unwrap();
    for name in ["sentence_bert_config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(fixture().join(name), src.join(name)).unwrap();
    }
    let config = std::fs::read_to_string(fixture().join("config.json")).unwrap();
    std::fs::write(src.join("config.json"), config.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"))
        .unwrap();
    let out = folder.path().join("out");
    let message = export_sentence_encoder(&src, &out, &mut |_| ()).unwrap_err().to_string();
    assert_eq!(message, "the checkpoint has no tensor encoder.layer.2.attention.self.query.bias");
    assert!(!out.exists());
}
