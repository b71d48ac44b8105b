use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use prost::Message;
use safetensors::tensor::Dtype;
use souffleur_core::Hint;
use souffleur_model::names::weights as names;
use souffleur_model::sha256_hex;

use super::*;
use crate::fixture::{self, Tensor};
use crate::proto::ModelProto;
use crate::stage::Sink;

fn options(weights: Weights) -> ExportOptions {
    ExportOptions { weights, manifest_defaults: ManifestDefaults::default() }
}

fn export_to(src: &Path, out: &Path, weights: Weights) -> Result<Manifest, ExportError> {
    export(src, out, &options(weights), &mut |_| {})
}

/// Every file below a folder with its bytes.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

fn digests(manifest: &Manifest) -> Vec<&String> {
    manifest.files.iter().filter(|(path, _)| path.starts_with("onnx/")).map(|(_, digest)| digest).collect()
}

#[test]
fn the_manifest_lists_every_file_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for weights in Weights::ALL {
        let out = folder.path().join(weights.as_str());
        let manifest = export_to(&fixture::tiny(), &out, weights).unwrap();
        let mut expected: BTreeSet<PathBuf> = manifest.files.keys().map(|path| out.join(path)).collect();
        expected.insert(out.join("souffleur.toml"));
        assert_eq!(tree(&out).into_keys().collect::<BTreeSet<_>>(), expected);
        for (path, digest) in &manifest.files {
            assert_eq!(&sha256_hex(fs::File::open(out.join(path)).unwrap()).unwrap(), digest, "{path}");
        }
        assert_eq!(Manifest::from_toml(&fs::read(out.join("souffleur.toml")).unwrap()).unwrap(), manifest);
        assert_eq!((manifest.weights, manifest.name.as_str()), (weights, weights.as_str()));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "no temporary folder is left");
}

#[test]
fn the_same_checkpoint_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let first = export_to(&fixture::tiny(), &folder.path().join("a/model"), Weights::Int4).unwrap();
    let second = export_to(&fixture::tiny(), &folder.path().join("b/model"), Weights::Int4).unwrap();
    assert_eq!(first, second);
}

#[test]
fn every_tensor_of_a_graph_lies_inside_its_data_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    for weights in Weights::ALL {
        export_to(&fixture::tiny(), &out, weights).unwrap();
        for path in files::GRAPHS {
            let model = ModelProto::decode(fs::read(out.join(path)).unwrap().as_slice()).unwrap();
            let data_bytes = fs::metadata(out.join(files::external_data(path))).unwrap().len();
            let mut end = 0;
            for tensor in model.graph.unwrap().initializer.iter().filter(|tensor| tensor.raw_data.is_none()) {
                let number = |idx: usize| tensor.external_data[idx].value.parse::<u64>().unwrap();
                let location = &tensor.external_data[0].value;
                assert!(path.ends_with(location.strip_suffix(".data").unwrap()));
                assert!(number(1) >= end && number(1).is_multiple_of(64), "{}", tensor.name);
                end = number(1) + number(2);
            }
            assert_eq!(end, data_bytes, "{path}");
        }
    }
}

#[test]
fn the_graphs_read_the_whole_checkpoint() {
    let config = ModelConfig::from_json(&fs::read(fixture::tiny().join("config.json")).unwrap()).unwrap();
    for is_tied in [true, false] {
        let config = ModelConfig { tie_word_embeddings: is_tied, ..config.clone() };
        let graphs = graphs(&config, Weights::F32);
        let read: BTreeSet<_> = graphs.iter().flat_map(|(_, _, plan)| plan.sources()).map(|s| s.name.clone()).collect();
        assert_eq!(read, names::all(&config).into_iter().collect());
    }
}

#[test]
fn naming_and_shards_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let published = export_to(&fixture::tiny(), &folder.path().join("a"), Weights::Int8).unwrap();
    let newer: BTreeMap<String, Tensor> = fixture::tiny_weights()
        .into_iter()
        .map(|(name, tensor)| match name.strip_prefix("model.") {
            Some(rest) => (format!("model.language_model.{rest}"), tensor),
            None => (format!("model.{name}"), tensor),
        })
        .collect();
    let src = fixture::without_weights();
    let mut weight_map = BTreeMap::new();
    for shard_idx in 0..3 {
        let file = format!("model-{shard_idx}.safetensors");
        let shard: BTreeMap<_, _> = newer.clone().into_iter().skip(shard_idx).step_by(3).collect();
        fixture::write(&src.path().join(&file), &shard);
        weight_map.extend(shard.into_keys().map(|name| (name, file.clone())));
    }
    let index = serde_json::json!({ "metadata": {}, "weight_map": weight_map }).to_string();
    fs::write(src.path().join("model.safetensors.index.json"), index).unwrap();
    let newer = export_to(src.path(), &folder.path().join("b"), Weights::Int8).unwrap();
    assert_eq!(digests(&published), digests(&newer));
}

/// A checkpoint saved in 16 bits exports as its values widened to f32 would.
#[test]
fn half_precision_checkpoints_are_widened_exactly() {
    let folder = tempfile::tempdir().unwrap();
    for dtype in [Dtype::F16, Dtype::BF16] {
        let halves: BTreeMap<_, _> =
            fixture::tiny_weights().into_iter().map(|(name, tensor)| (name, tensor.cast(dtype))).collect();
        let src = fixture::without_weights();
        fixture::write(&src.path().join("model.safetensors"), &halves);
        let out = folder.path().join(format!("{dtype:?}"));
        export_to(src.path(), &out, Weights::F32).unwrap();
        let norm = &halves["visual.blocks.0.norm1.weight"];
        let first = match dtype {
            Dtype::F16 => half::f16::from_le_bytes([norm.bytes[0], norm.bytes[1]]).to_f32(),
            _ => half::bf16::from_le_bytes([norm.bytes[0], norm.bytes[1]]).to_f32(),
        };
        let data = fs::read(out.join("onnx/vision.onnx.data")).unwrap();
        assert!(data.windows(4).any(|bytes| bytes == first.to_le_bytes()));
    }
}

#[test]
fn an_untied_head_is_its_own_weight() {
    let src = fixture::without_weights();
    let config = fs::read_to_string(src.path().join("config.json")).unwrap();
    let config = config.replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
    fs::write(src.path().join("config.json"), config).unwrap();
    let mut tensors = fixture::tiny_weights();
    fixture::write(&src.path().join("model.safetensors"), &tensors);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    let missing = export_to(src.path(), &out, Weights::F32).unwrap_err();
    assert_eq!(missing.to_string(), "the checkpoint has no tensor lm_head.weight");
    let embed = &tensors["model.embed_tokens.weight"];
    let head: Vec<f32> = embed.values().iter().map(|value| value * 2.0).collect();
    let head = Tensor::f32(&embed.shape, &head);
    let last = *head.values().last().unwrap();
    tensors.insert("lm_head.weight".into(), head);
    fixture::write(&src.path().join("model.safetensors"), &tensors);
    export_to(src.path(), &out, Weights::F32).unwrap();
    assert!(fs::read(out.join("onnx/decoder.onnx.data")).unwrap().ends_with(&last.to_le_bytes()));
}

#[test]
fn progress_ends_at_the_total() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    export(&fixture::tiny(), &folder.path().join("model"), &options(Weights::F16), &mut |progress| {
        seen.push((progress.done_bytes, progress.total_bytes, progress.tensor.to_owned()));
    })
    .unwrap();
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 == pair[1].1));
    let (done, total, tensor) = seen.last().unwrap();
    assert_eq!((done, tensor.as_str()), (total, "model.embed_tokens.weight"));
}

#[test]
fn settings_come_from_the_options_then_the_folder_then_the_defaults() {
    let src = fixture::without_weights();
    fs::copy(fixture::tiny().join("model.safetensors"), src.path().join("model.safetensors")).unwrap();
    let toml = "name = \"stage\"\nframes_per_turn = 2\nlicence = \"MIT\"\n[card]\nsummary = \"Small.\"\n";
    fs::write(src.path().join("souffleur.toml"), toml).unwrap();
    let mut options = options(Weights::F16);
    options.manifest_defaults.frames_per_turn = Some(1);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    let manifest = export(src.path(), &out, &options, &mut |_| {}).unwrap();
    assert_eq!((manifest.name.as_str(), manifest.frames_per_turn, manifest.licence.as_str()), ("stage", 1, "MIT"));
    assert_eq!((manifest.card.summary.as_str(), manifest.licence_note), ("Small.", None));
    assert_eq!((manifest.silence_text.as_str(), manifest.context_tokens), ("NO REPLY", 4096));
    fs::write(src.path().join("souffleur.toml"), "frames_per_turn = 3").unwrap();
    options.manifest_defaults.frames_per_turn = None;
    let refused = export(src.path(), &out, &options, &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("a turn holds 1 or 2 frames, found 3"), "{refused}");
}

#[test]
fn only_an_earlier_export_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    fs::create_dir(&out).unwrap();
    export_to(&fixture::tiny(), &out, Weights::F16).unwrap();
    let manifest = export_to(&fixture::tiny(), &out, Weights::Int8).unwrap();
    assert_eq!(manifest.weights, Weights::Int8);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let before = tree(&out);
    fs::write(out.join("onnx/notes.txt"), "mine").unwrap();
    let refused = export_to(&fixture::tiny(), &out, Weights::F32).unwrap_err();
    assert!(refused.to_string().ends_with("its manifest does not list onnx/notes.txt"), "{refused}");
    fs::remove_file(out.join("onnx/notes.txt")).unwrap();
    assert_eq!(tree(&out), before);

    fs::remove_file(out.join("souffleur.toml")).unwrap();
    let refused = export_to(&fixture::tiny(), &out, Weights::F32).unwrap_err();
    assert!(refused.to_string().ends_with("it is not empty and has no souffleur.toml"), "{refused}");
    assert_eq!(refused.hint(), "choose a new folder for OUT, or empty this one");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(export_to(&fixture::tiny(), &file, Weights::F32), Err(ExportError::OutputExists { .. })));
    // A folder cannot be made inside a file, whoever asks: this stands for a missing permission.
    assert!(matches!(export_to(&fixture::tiny(), &file.join("x"), Weights::F32), Err(ExportError::Write { .. })));
}

/// A disk with a fixed number of bytes left.
struct FullDisk {
    file: fs::File,
    free_bytes: Rc<Cell<usize>>,
}

impl Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let free_bytes = self.free_bytes.get();
        if free_bytes == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = self.file.write(&bytes[..bytes.len().min(free_bytes)])?;
        self.free_bytes.set(free_bytes - written);
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for FullDisk {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    let attempt = |free: usize| {
        let free_bytes = Rc::new(Cell::new(free));
        let open = |path: &Path| -> io::Result<Box<dyn Sink>> {
            Ok(Box::new(FullDisk { file: fs::File::create_new(path)?, free_bytes: free_bytes.clone() }))
        };
        let result = export_through(&open, &fixture::tiny(), &out, &options(Weights::Int4), &mut |_| {});
        (result, free - free_bytes.get())
    };
    let (result, needed_bytes) = attempt(usize::MAX);
    result.unwrap();
    let earlier = tree(&out);
    for free_bytes in [0, 1, 5000, needed_bytes / 2, needed_bytes - 1] {
        let (result, _) = attempt(free_bytes);
        let error = result.unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot write {}", out.display())), "{error}");
        assert!(error.hint().starts_with("free some space"), "{}", error.hint());
        assert_eq!(tree(&out), earlier, "the earlier export stays as it was");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_wrong_checkpoint_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    let src = fixture::without_weights();
    let refused = |expected: &str, weights: Weights| {
        let error = export_to(src.path(), &out, weights).unwrap_err();
        assert!(error.to_string().contains(expected) && !error.to_string().contains('\n'), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    refused("holds neither model.safetensors nor", Weights::F32);
    let mut tensors = fixture::tiny_weights();
    let path = src.path().join("model.safetensors");
    let proj = tensors.remove("visual.blocks.2.attn.proj.weight").unwrap();
    fixture::write(&path, &tensors);
    refused("the checkpoint has no tensor visual.blocks.2.attn.proj.weight", Weights::F32);
    tensors.insert("visual.blocks.2.attn.proj.weight".into(), Tensor { shape: vec![32, 128], ..proj.clone() });
    fixture::write(&path, &tensors);
    refused("must have shape [64, 64] by config.json, found [32, 128]", Weights::F32);
    let mut values = proj.values();
    values[7] = 1e6;
    tensors.insert("visual.blocks.2.attn.proj.weight".into(), Tensor::f32(&[64, 64], &values));
    fixture::write(&path, &tensors);
    refused("must hold finite numbers within ±65504, found 1000000", Weights::F16);
    fs::write(src.path().join("tokenizer.json"), "{}").unwrap();
    refused("tokenizer", Weights::F32);
    fs::remove_file(src.path().join("tokenizer.json")).unwrap();
    refused("cannot read ", Weights::F32);
}
