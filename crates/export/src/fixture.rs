//! The reference checkpoint of the tests, and variants of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use tempfile::TempDir;

/// A tiny random Qwen2.5-VL, see the README beside it.
pub fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/reference/tiny")
}

/// A folder with the configs and the tokenizer of [`tiny`], but no weights.
pub fn without_weights() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json"] {
        fs::copy(tiny().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// A tensor that tests change as they need.
#[derive(Clone)]
pub struct Tensor {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

impl Tensor {
    pub fn f32(shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { dtype: Dtype::F32, shape: shape.to_vec(), bytes }
    }

    pub fn values(&self) -> Vec<f32> {
        self.bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    /// The same rounded to another type.
    pub fn cast(&self, dtype: Dtype) -> Self {
        let values = self.values();
        let bytes = match dtype {
            Dtype::F16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
            Dtype::BF16 => values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect(),
            _ => self.bytes.clone(),
        };
        Self { dtype, shape: self.shape.clone(), bytes }
    }
}

/// The weights of [`tiny`] in f32, by their published names.
pub fn tiny_weights() -> BTreeMap<String, Tensor> {
    let bytes = fs::read(tiny().join("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let owned = |(name, view): (String, TensorView<'_>)| {
        (name, Tensor { dtype: view.dtype(), shape: view.shape().to_vec(), bytes: view.data().to_vec() })
    };
    tensors.tensors().into_iter().map(owned).collect()
}

/// Writes a safetensors file with the reference implementation of the format.
pub fn write(path: &Path, tensors: &BTreeMap<String, Tensor>) {
    safetensors::serialize_to_file(tensors, None, path).unwrap();
}
