//! A Hugging Face checkpoint on disk: one safetensors file or several, under either naming.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use rayon::prelude::*;
use serde::Deserialize;
use souffleur_model::is_inside_folder;
use souffleur_model::names::{files, weights};

use crate::ExportError;
use crate::plan::Source;
use crate::safetensors::{TensorInfo, read_head};

/// Bytes read at once: enough to keep the disk and the cores busy, nothing beside a tensor.
const CHUNK_BYTES: usize = 8 << 20;

/// An open checkpoint. Tensors are known by their published names whatever the file calls them.
///
/// Files are read, not mapped: a mapping would count the whole checkpoint as memory of this process, and a file cut
/// short under a mapping ends the process with a signal instead of an error.
#[derive(Debug)]
pub struct Checkpoint {
    shards: Vec<Shard>,
    tensors: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Shard {
    path: PathBuf,
    file: File,
}

#[derive(Debug)]
struct Entry {
    shard_idx: usize,
    info: TensorInfo,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Opens `model.safetensors` of the folder, or the shards that `model.safetensors.index.json` names.
    ///
    /// # Errors
    /// When there is neither, a file cannot be read, or a head or the index is not sound.
    pub fn open(folder: &Path) -> Result<Self, ExportError> {
        let mut checkpoint = Self { shards: Vec::new(), tensors: BTreeMap::new() };
        let single = folder.join(files::SAFETENSORS);
        let index = folder.join(files::SAFETENSORS_INDEX);
        if single.exists() {
            checkpoint.add_shard(single)?;
        } else if index.exists() {
            checkpoint.add_indexed(folder, &index)?;
        } else {
            return Err(no_checkpoint(folder));
        }
        Ok(checkpoint)
    }

    fn add_indexed(&mut self, folder: &Path, index_path: &Path) -> Result<(), ExportError> {
        let bytes = std::fs::read(index_path).map_err(ExportError::read(index_path))?;
        let index: Index = serde_json::from_slice(&bytes).map_err(|err| ExportError::corrupt(index_path, err))?;
        for name in index.weight_map.values().collect::<BTreeSet<_>>() {
            if !is_inside_folder(name) {
                let reason = format!("a shard must be a file of this folder, found {name:?}");
                return Err(ExportError::corrupt(index_path, reason));
            }
            self.add_shard(folder.join(name))?;
        }
        for name in index.weight_map.keys() {
            if !self.tensors.contains_key(&weights::canonical(name)) {
                let reason = format!("no shard holds tensor {name:?}, which it lists");
                return Err(ExportError::corrupt(index_path, reason));
            }
        }
        Ok(())
    }

    fn add_shard(&mut self, path: PathBuf) -> Result<(), ExportError> {
        let file = File::open(&path).map_err(ExportError::read(&path))?;
        let metadata = file.metadata().map_err(ExportError::read(&path))?;
        if !metadata.is_file() {
            return Err(ExportError::corrupt(path, "a file is expected, found a folder or a device"));
        }
        let tensors = read_head(&file, metadata.len()).map_err(|reason| ExportError::corrupt(&path, reason))?;
        for (name, info) in tensors {
            let entry = Entry { shard_idx: self.shards.len(), info };
            if self.tensors.insert(weights::canonical(&name), entry).is_some() {
                return Err(ExportError::corrupt(path, format!("tensor {name:?} is there a second time")));
            }
        }
        self.shards.push(Shard { path, file });
        Ok(())
    }

    /// Bytes a tensor takes in the file; checks that it is there in the shape and in a type that can be read.
    ///
    /// # Errors
    /// When it is missing, or has another shape or type.
    pub fn check(&self, source: &Source) -> Result<u64, ExportError> {
        let entry = self.entry(source)?;
        let name = || source.name.clone();
        if !matches!(entry.info.dtype.as_str(), "F32" | "F16" | "BF16") {
            return Err(ExportError::Dtype { name: name(), found: entry.info.dtype.clone() });
        }
        if entry.info.shape.iter().copied().ne(source.shape.iter().map(|&dim| dim as u64)) {
            let (expected, found) = (source.shape.clone(), entry.info.shape.clone());
            return Err(ExportError::Shape { name: name(), expected, found });
        }
        Ok(entry.info.size_bytes)
    }

    fn entry(&self, source: &Source) -> Result<&Entry, ExportError> {
        self.tensors.get(&source.name).ok_or_else(|| ExportError::MissingTensor { name: source.name.clone() })
    }

    /// Reads a tensor that [`check`](Self::check) accepted and appends its values.
    ///
    /// # Errors
    /// When reading fails or a value is not finite.
    pub fn read(&self, source: &Source, values: &mut Vec<f32>) -> Result<(), ExportError> {
        let Entry { shard_idx, info } = self.entry(source)?;
        let Shard { path, file } = &self.shards[*shard_idx];
        let mut file = file;
        file.seek(SeekFrom::Start(info.offset)).map_err(ExportError::read(path))?;
        let mut buffer = vec![0; CHUNK_BYTES.min(info.size_bytes as usize)];
        let mut rest_bytes = info.size_bytes as usize;
        let start = values.len();
        while rest_bytes > 0 {
            let chunk = &mut buffer[..rest_bytes.min(CHUNK_BYTES)];
            file.read_exact(chunk).map_err(ExportError::read(path))?;
            append_values(chunk, &info.dtype, values);
            rest_bytes -= chunk.len();
        }
        match values[start..].par_iter().find_first(|value| !value.is_finite()) {
            Some(&found) => Err(ExportError::Value { name: source.name.clone(), range: "", found }),
            None => Ok(()),
        }
    }
}

/// `check` lets no other type through than these three.
fn append_values(bytes: &[u8], dtype: &str, values: &mut Vec<f32>) {
    match dtype {
        "F32" => values.par_extend(bytes.par_chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
        "F16" => values.par_extend(bytes.par_chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())),
        _ => values.par_extend(bytes.par_chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32())),
    }
}

fn no_checkpoint(folder: &Path) -> ExportError {
    let found = ["pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.safetensors"]
        .into_iter()
        .find(|name| folder.join(name).exists())
        .map_or_else(String::new, |name| format!(", found {name}"));
    ExportError::NoCheckpoint { folder: folder.to_owned(), found }
}

#[cfg(test)]
mod tests;
