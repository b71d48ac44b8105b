//! From a checkpoint folder to a model folder.

use std::path::Path;

use souffleur_model::names::files;
use souffleur_model::{GenerationConfig, Manifest, ModelConfig, PreprocessorConfig, Tokenizer, Weights};

use crate::ExportError;
use crate::checkpoint::Checkpoint;
use crate::data::write_data;
use crate::decoder::decoder_graph;
use crate::embed::{TableKind, embed_graph};
use crate::layers::LinearKind;
use crate::manifest::ManifestDefaults;
use crate::plan::DataPlan;
use crate::quantize::{BLOCK_LEN, BlockFormat};
use crate::stage::{OpenSink, Stage, open_file};
use crate::vision::vision_graph;

/// What to write.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// How the weights are stored.
    pub weights: Weights,
    /// What the checkpoint does not say about itself.
    pub manifest_defaults: ManifestDefaults,
}

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Bytes of the checkpoint that are done.
    pub done_bytes: u64,
    /// Bytes to be done: a little over the checkpoint's size, since tied weights are read twice.
    pub total_bytes: u64,
    /// The tensor just done, by its published name.
    pub tensor: &'a str,
}

/// Writes the checkpoint in `src` as a model folder `out`, and gives its manifest.
///
/// Holds the largest weight in f32 and a few megabytes more, whatever the size of the checkpoint. The folder appears
/// under its name when it is whole; until then it is a hidden folder beside it, which any error removes. An
/// earlier export in its place is replaced.
///
/// # Errors
/// When the checkpoint is not a sound Qwen2.5-VL, `out` holds something else, or the disk refuses.
pub fn export(
    src: &Path,
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Manifest, ExportError> {
    export_through(&open_file, src, out, options, progress)
}

pub(crate) fn export_through(
    open: OpenSink<'_>,
    src: &Path,
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Manifest, ExportError> {
    let configs = Configs::read(src)?;
    let defaults = options.manifest_defaults.clone().or_from(src)?;
    let mut manifest = defaults.manifest(&configs.model, &configs.preprocessor, options.weights, src, out);
    // A value out of range is told now, not after an hour of writing.
    manifest.to_toml()?;
    let checkpoint = Checkpoint::open(src)?;
    let graphs = graphs(&configs.model, options.weights);
    let total_bytes = check_sources(&checkpoint, &graphs)?;

    let mut stage = Stage::new(out, open)?;
    for (path, bytes) in &configs.files {
        stage.write(path, bytes)?;
    }
    let mut done_bytes = 0;
    for (path, onnx, plan) in &graphs {
        let mut file = stage.create(&files::external_data(path))?;
        write_data(plan, &checkpoint, &mut file, &mut |tensor, size_bytes| {
            done_bytes += size_bytes;
            progress(Progress { done_bytes, total_bytes, tensor });
        })?;
        file.finish()?;
        stage.write(path, onnx)?;
    }
    manifest.files.clone_from(stage.digests());
    stage.write(files::MANIFEST, manifest.to_toml()?.as_bytes())?;
    stage.publish()?;
    Ok(manifest)
}

/// The files that go into the model folder as they are, and what they say.
struct Configs {
    model: ModelConfig,
    preprocessor: PreprocessorConfig,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Configs {
    fn read(src: &Path) -> Result<Self, ExportError> {
        // Otherwise a folder that is not there would read as one that lacks a config.
        std::fs::metadata(src).map_err(ExportError::read(src))?;
        let read = |name: &'static str| {
            let path = src.join(name);
            let bytes = std::fs::read(&path).map_err(ExportError::read(&path))?;
            Ok::<_, ExportError>((name, bytes))
        };
        let names = [files::CONFIG, files::GENERATION_CONFIG, files::PREPROCESSOR_CONFIG, files::TOKENIZER];
        let files = names.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let model = ModelConfig::from_json(&files[0].1)?;
        let generation = GenerationConfig::from_json(&files[1].1)?;
        let preprocessor = PreprocessorConfig::from_json(&files[2].1)?;
        Tokenizer::from_bytes(&files[3].1)?.check_fits(&model, &generation)?;
        Ok(Self { model, preprocessor, files })
    }
}

/// The three graphs with their paths, bytes and data plans.
pub(crate) fn graphs(config: &ModelConfig, weights: Weights) -> [(&'static str, Vec<u8>, DataPlan); 3] {
    let kinds = Kinds::of(config, weights);
    let (vision, vision_plan) = vision_graph(&config.vision, kinds.vision);
    let (embed, embed_plan) = embed_graph(&config.text, kinds.embed);
    let (decoder, decoder_plan) = decoder_graph(&config.text, kinds.decoder, config.tie_word_embeddings);
    [
        (files::VISION_ONNX, vision, vision_plan),
        (files::EMBED_ONNX, embed, embed_plan),
        (files::DECODER_ONNX, decoder, decoder_plan),
    ]
}

/// How each graph's weights are stored.
struct Kinds {
    vision: LinearKind,
    embed: TableKind,
    decoder: LinearKind,
}

impl Kinds {
    fn of(config: &ModelConfig, weights: Weights) -> Self {
        // The operator that looks up quantized rows has no place for a last block that is not full.
        let has_whole_blocks = config.text.hidden_size.is_multiple_of(BLOCK_LEN);
        let table = if has_whole_blocks { TableKind::Blocks(BlockFormat::INT8) } else { TableKind::F16 };
        let int8 = LinearKind::Blocks(BlockFormat::INT8);
        match weights {
            Weights::F32 => Self { vision: LinearKind::F32, embed: TableKind::F32, decoder: LinearKind::F32 },
            Weights::F16 => Self { vision: LinearKind::F16, embed: TableKind::F16, decoder: LinearKind::F16 },
            Weights::Int8 => Self { vision: int8, embed: table, decoder: int8 },
            Weights::Int4 => Self { vision: int8, embed: table, decoder: LinearKind::Blocks(BlockFormat::INT4) },
        }
    }
}

/// Checks every tensor the graphs read before anything is written, and gives their bytes together.
fn check_sources(checkpoint: &Checkpoint, graphs: &[(&'static str, Vec<u8>, DataPlan)]) -> Result<u64, ExportError> {
    let sources = graphs.iter().flat_map(|(_, _, plan)| plan.sources());
    sources.map(|source| checkpoint.check(source)).sum()
}

#[cfg(test)]
mod tests;
