//! A checkpoint of random weights in the shape of a config: what a size costs, without anybody's weights.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use half::bf16;
use souffleur_model::ModelConfig;
use souffleur_model::Weights;
use souffleur_model::names::files;

use crate::ExportError;
use crate::export::graphs;
use crate::plan::Source;

/// Writes `model.safetensors` in bf16 into `folder`, whose `config.json` says the shape. Returns its bytes.
///
/// Weights are uniform with the spread of a usual initialisation, norms are 1 and biases 0, so that nothing overflows
/// however deep the model is. The same seed gives the same file.
///
/// # Errors
/// When the config is not one of Qwen2.5-VL, or the folder cannot be read or written.
pub fn write_random_checkpoint(folder: &Path, seed: u64) -> Result<u64, ExportError> {
    let config_path = folder.join(files::CONFIG);
    let config = ModelConfig::from_json(&std::fs::read(&config_path).map_err(ExportError::read(&config_path))?)?;
    let sources = sources(&config);
    let mut header = serde_json::Map::new();
    let mut num_bytes = 0u64;
    for (name, source) in &sources {
        let end = num_bytes + 2 * source.shape.iter().product::<usize>() as u64;
        let entry = serde_json::json!({"dtype": "BF16", "shape": source.shape, "data_offsets": [num_bytes, end]});
        header.insert(name.clone(), entry);
        num_bytes = end;
    }
    let header = serde_json::Value::Object(header).to_string();
    let path = folder.join(files::SAFETENSORS);
    let write = || -> std::io::Result<()> {
        let partial = folder.join(format!(".{}.partial", files::SAFETENSORS));
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        for source in sources.values() {
            write_tensor(&mut file, source, seed)?;
        }
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(partial, &path)
    };
    write().map_err(ExportError::write(&path))?;
    Ok(num_bytes)
}

/// Every tensor of a model of this shape, by its published name.
fn sources(config: &ModelConfig) -> BTreeMap<String, Source> {
    let graphs = graphs(config, Weights::F32);
    let sources = graphs.iter().flat_map(|(_, _, plan)| plan.sources());
    sources.map(|source| (source.name.clone(), source.clone())).collect()
}

fn write_tensor(file: &mut impl Write, source: &Source, seed: u64) -> std::io::Result<()> {
    let num_elements: usize = source.shape.iter().product();
    if source.shape.len() == 1 {
        let value = if source.name.ends_with(".bias") { 0.0 } else { 1.0 };
        return file.write_all(&bf16::from_f32(value).to_le_bytes().repeat(num_elements));
    }
    // Uniform in ±√(3/fan_in) has the variance 1/fan_in.
    let fan_in: usize = source.shape[1..].iter().product();
    let spread = (3.0 / fan_in as f32).sqrt();
    let mut state =
        source.name.bytes().fold(seed | 1, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut chunk = Vec::with_capacity(2 << 16);
    let mut left = num_elements;
    while left > 0 {
        chunk.clear();
        for _ in 0..left.min(1 << 16) {
            // Knuth's MMIX generator: the high bits of a power-of-two LCG are good enough for weights.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let unit = (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
            chunk.extend_from_slice(&bf16::from_f32(unit * spread).to_le_bytes());
        }
        left -= chunk.len() / 2;
        file.write_all(&chunk)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use souffleur_model::Weights;

    use super::*;
    use crate::fixture;
    use crate::{ExportOptions, export};

    #[test]
    fn it_is_a_checkpoint_that_exports() {
        let folder = fixture::without_weights();
        let num_bytes = write_random_checkpoint(folder.path(), 7).unwrap();
        let written = std::fs::metadata(folder.path().join(files::SAFETENSORS)).unwrap().len();
        assert!(written > num_bytes && written < num_bytes + 100_000);
        let options = ExportOptions { weights: Weights::Int4, manifest_defaults: Default::default() };
        let out = folder.path().join("out");
        export(folder.path(), &out, &options, &mut |_| ()).unwrap();
        let first = std::fs::read(folder.path().join(files::SAFETENSORS)).unwrap();
        write_random_checkpoint(folder.path(), 7).unwrap();
        assert_eq!(first, std::fs::read(folder.path().join(files::SAFETENSORS)).unwrap());
    }
}
