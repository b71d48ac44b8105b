use proptest::prelude::*;
use safetensors::tensor::Dtype;
use souffleur_core::Hint;

use super::*;
use crate::fixture::{self, Tensor};

const NAME: &str = "model.norm.weight";

fn one(tensor: Tensor) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::write(&folder.path().join("model.safetensors"), &BTreeMap::from([(NAME.to_owned(), tensor)]));
    folder
}

fn read(folder: &Path, source: &Source) -> Result<Vec<f32>, ExportError> {
    let checkpoint = Checkpoint::open(folder)?;
    checkpoint.check(source)?;
    let mut values = Vec::new();
    checkpoint.read(source, &mut values)?;
    Ok(values)
}

/// The message of an error, which is one line, as is its hint.
fn message(error: &ExportError) -> String {
    let (message, hint) = (error.to_string(), error.hint());
    assert!(!message.contains('\n') && !hint.contains('\n') && !hint.is_empty(), "{message} / {hint}");
    message
}

#[test]
fn all_float_types_are_read() {
    let values = [0.0, -1.5, 384.0, -0.007_812_5];
    let tensor = Tensor::f32(&[2, 2], &values);
    for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
        let folder = one(tensor.cast(dtype));
        assert_eq!(read(folder.path(), &Source::new(NAME, &[2, 2])).unwrap(), values, "{dtype:?}");
    }
}

#[test]
fn a_tensor_longer_than_a_chunk_is_read_whole() {
    let values: Vec<f32> = (0..CHUNK_BYTES / 4 + 5).map(|idx| idx as f32).collect();
    let folder = one(Tensor::f32(&[values.len()], &values));
    assert_eq!(read(folder.path(), &Source::new(NAME, &[values.len()])).unwrap(), values);
}

#[test]
fn what_does_not_fit_the_config_is_named() {
    let folder = one(Tensor::f32(&[2, 2], &[1.0, 2.0, 3.0, f32::NAN]));
    for (source, expected) in [
        (Source::new(NAME, &[4]), "must have shape [4] by config.json, found [2, 2]"),
        (Source::new("lm_head.weight", &[4]), "the checkpoint has no tensor lm_head.weight"),
        (Source::new(NAME, &[2, 2]), "tensor model.norm.weight must hold finite numbers, found NaN"),
    ] {
        let message = message(&read(folder.path(), &source).unwrap_err());
        assert!(message.contains(expected), "{message}");
    }
    let bytes = Tensor { dtype: Dtype::I8, shape: vec![4], bytes: vec![0; 4] };
    let message = message(&read(one(bytes).path(), &Source::new(NAME, &[4])).unwrap_err());
    assert_eq!(message, "tensor model.norm.weight must be F32, F16 or BF16, found I8");
}

#[test]
fn shards_stay_inside_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let shard = BTreeMap::from([(NAME.to_owned(), Tensor::f32(&[1], &[2.0]))]);
    fixture::write(&folder.path().join("shard.safetensors"), &shard);
    let index = folder.path().join("model.safetensors.index.json");
    let write = |file: &str, name: &str| {
        std::fs::write(&index, format!(r#"{{"metadata":{{}},"weight_map":{{{name:?}:{file:?}}}}}"#)).unwrap();
        read(folder.path(), &Source::new(NAME, &[1]))
    };
    assert_eq!(write("shard.safetensors", "model.language_model.norm.weight").unwrap(), [2.0]);
    for file in ["../shard.safetensors", "/etc/passwd", "", "a/../../b", "..", "a\\b"] {
        let message = message(&write(file, NAME).unwrap_err());
        assert!(message.contains("a shard must be a file of this folder"), "{file}: {message}");
    }
    assert!(message(&write("gone.safetensors", NAME).unwrap_err()).starts_with("cannot read "));
    assert!(message(&write("shard.safetensors", "lm_head.weight").unwrap_err()).contains("no shard holds tensor"));
    assert!(message(&write(".", NAME).unwrap_err()).contains("must be a file"));
}

#[test]
fn a_tensor_under_both_names_is_refused() {
    let tensor = Tensor::f32(&[1], &[1.0]);
    let both = BTreeMap::from([(NAME.to_owned(), tensor.clone()), ("model.language_model.norm.weight".into(), tensor)]);
    let folder = tempfile::tempdir().unwrap();
    fixture::write(&folder.path().join("model.safetensors"), &both);
    assert!(message(&Checkpoint::open(folder.path()).unwrap_err()).contains("is there a second time"));
}

#[test]
fn a_folder_without_safetensors_says_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pytorch_model.bin"), "x").unwrap();
    assert!(message(&Checkpoint::open(folder.path()).unwrap_err()).ends_with(", found pytorch_model.bin"));
    assert!(message(&Checkpoint::open(&folder.path().join("none")).unwrap_err()).contains("holds neither"));
    std::fs::create_dir(folder.path().join("model.safetensors")).unwrap();
    message(&Checkpoint::open(folder.path()).unwrap_err());
}

#[test]
fn a_file_cut_short_at_any_place_is_refused() {
    let folder = one(Tensor::f32(&[4], &[1.0; 4]));
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    for num_bytes in 0..bytes.len() {
        std::fs::write(&path, &bytes[..num_bytes]).unwrap();
        let message = message(&Checkpoint::open(folder.path()).unwrap_err());
        assert!(message.contains("is not a sound checkpoint file"), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_index_never_panics(index in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100),
        r#"\{"weight_map":\{("[a-z./]{0,9}":("[a-z./]{0,9}"|3),?){0,3}\}\}"#.prop_map(String::into_bytes),
    ]) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
        if let Err(error) = Checkpoint::open(folder.path()) {
            message(&error);
        }
    }

    /// A sound file with a few bytes of its head changed is read or refused.
    #[test]
    fn damage_never_panics(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let folder = one(Tensor::f32(&[4], &[1.0; 4]));
        let path = folder.path().join("model.safetensors");
        let mut bytes = std::fs::read(&path).unwrap();
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        std::fs::write(&path, bytes).unwrap();
        if let Err(error) = read(folder.path(), &Source::new(NAME, &[4])) {
            message(&error);
        }
    }
}
