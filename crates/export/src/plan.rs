//! Where every weight will lie in a graph's data file, known from shapes alone.

use crate::proto::DataType;
use crate::quantize::BlockFormat;

/// A tensor of the checkpoint, by its canonical name, with the shape the config demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Name in the published layout, such as `model.layers.0.mlp.up_proj.weight`.
    pub name: String,
    /// Expected shape.
    pub shape: Vec<usize>,
}

impl Source {
    /// A tensor of the name and shape given.
    pub fn new(name: impl Into<String>, shape: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec() }
    }
}

/// How a weight is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding {
    /// As it is, in f32.
    F32,
    /// As it is, in f16.
    F16,
    /// `[cols, rows]` in f32: what `MatMul` wants of a linear layer.
    F32Transposed,
    /// `[cols, rows]` in f16.
    F16Transposed,
    /// Blocks along each row for `MatMulNBits`: codes, scales and, where the format has them, zero points.
    Blocks(BlockFormat),
    /// The same blocks laid out as a table of rows, for `GatherBlockQuantized`.
    BlockTable(BlockFormat),
}

/// A matrix to be stored, made of checkpoint tensors stacked by rows.
#[derive(Clone, Debug)]
pub struct Weight {
    /// Name of its first tensor in the graph.
    pub name: String,
    /// The tensors stacked; each holds a whole number of rows.
    pub sources: Vec<Source>,
    /// Rows of all sources together: the outputs of a linear layer.
    pub rows: usize,
    /// Values a row: the inputs of a linear layer.
    pub cols: usize,
    /// How it is stored.
    pub encoding: Encoding,
    is_vector: bool,
}

impl Weight {
    /// A matrix `[rows, cols]`.
    pub fn new(name: impl Into<String>, sources: Vec<Source>, rows: usize, cols: usize, encoding: Encoding) -> Self {
        Self { name: name.into(), sources, rows, cols, encoding, is_vector: false }
    }

    /// A vector (a norm, a bias): always f32, whatever the kind of the weights.
    pub fn vector(name: impl Into<String>, sources: Vec<Source>) -> Self {
        let cols = sources.iter().flat_map(|source| &source.shape).sum();
        Self { name: name.into(), sources, rows: 1, cols, encoding: Encoding::F32, is_vector: true }
    }

    fn tensors(&self) -> Vec<(String, DataType, Vec<usize>)> {
        let Self { name, rows, cols, .. } = self;
        let (rows, cols) = (*rows, *cols);
        match self.encoding {
            Encoding::F32 if self.is_vector => vec![(name.clone(), DataType::Float, vec![cols])],
            Encoding::F32 => vec![(name.clone(), DataType::Float, vec![rows, cols])],
            Encoding::F16 => vec![(name.clone(), DataType::Float16, vec![rows, cols])],
            Encoding::F32Transposed => vec![(name.clone(), DataType::Float, vec![cols, rows])],
            Encoding::F16Transposed => vec![(name.clone(), DataType::Float16, vec![cols, rows])],
            Encoding::Blocks(format) | Encoding::BlockTable(format) => self.block_tensors(format),
        }
    }

    fn block_tensors(&self, format: BlockFormat) -> Vec<(String, DataType, Vec<usize>)> {
        let num_blocks = format.num_blocks(self.cols);
        let codes = match self.encoding {
            Encoding::BlockTable(_) => vec![self.rows, num_blocks * format.block_bytes()],
            _ => vec![self.rows, num_blocks, format.block_bytes()],
        };
        let mut tensors = vec![
            (self.name.clone(), DataType::Uint8, codes),
            (format!("{}.scales", self.name), DataType::Float, vec![self.rows, num_blocks]),
        ];
        if format.has_zero_points {
            let zero_points = vec![self.rows, format.zero_point_bytes(num_blocks)];
            tensors.push((format!("{}.zero_points", self.name), DataType::Uint8, zero_points));
        }
        tensors
    }
}

/// A tensor of the graph and its place in the data file.
#[derive(Clone, Debug)]
pub struct PlannedTensor {
    /// Name in the graph.
    pub name: String,
    /// Element type.
    pub data_type: DataType,
    /// Shape.
    pub shape: Vec<usize>,
    /// First byte in the data file.
    pub offset: u64,
}

impl PlannedTensor {
    /// Bytes it takes, padding after it not counted.
    pub fn size_bytes(&self) -> u64 {
        self.shape.iter().product::<usize>() as u64 * self.data_type.size_bytes() as u64
    }
}

/// The data file of one graph: its weights in the order they are written, and the place of every tensor.
#[derive(Clone, Debug, Default)]
pub struct DataPlan {
    weights: Vec<Weight>,
    tensors: Vec<PlannedTensor>,
    size_bytes: u64,
}

impl DataPlan {
    /// Appends a weight.
    pub fn push(&mut self, weight: Weight) {
        for (name, data_type, shape) in weight.tensors() {
            let mut tensor = PlannedTensor { name, data_type, shape, offset: 0 };
            tensor.offset = self.size_bytes.next_multiple_of(alignment(tensor.size_bytes()));
            self.size_bytes = tensor.offset + tensor.size_bytes();
            self.tensors.push(tensor);
        }
        self.weights.push(weight);
    }

    /// The weights, in file order.
    pub fn weights(&self) -> &[Weight] {
        &self.weights
    }

    /// The tensors, in file order: those of the first weight, then those of the second, and so on.
    pub fn tensors(&self) -> &[PlannedTensor] {
        &self.tensors
    }

    /// Bytes of the whole file.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The sources of all weights, in file order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.weights.iter().flat_map(|weight| &weight.sources)
    }
}

/// Big tensors begin on a page, so that the runtime can map them where they lie; small ones on a cache line, so that
/// a model of a few megabytes is not mostly padding.
fn alignment(size_bytes: u64) -> u64 {
    const PAGE_BYTES: u64 = 4096;
    const CACHE_LINE_BYTES: u64 = 64;
    const BIG_BYTES: u64 = 1 << 20;
    if size_bytes >= BIG_BYTES { PAGE_BYTES } else { CACHE_LINE_BYTES }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_follow_each_other_aligned() {
        let mut plan = DataPlan::default();
        plan.push(Weight::vector("norm", vec![Source::new("norm", &[3])]));
        let matrix = |name: &str| vec![Source::new(name, &[1024, 256])];
        plan.push(Weight::new("big", matrix("big"), 1024, 256, Encoding::F32Transposed));
        plan.push(Weight::new("packed", matrix("packed"), 1024, 256, Encoding::Blocks(BlockFormat::INT4)));
        let places: Vec<_> = plan.tensors().iter().map(|tensor| (tensor.name.as_str(), tensor.offset)).collect();
        assert_eq!(places[..3], [("norm", 0), ("big", 4096), ("packed", 4096 + (1 << 20))]);
        assert_eq!(places[3], ("packed.scales", 4096 + (1 << 20) + 1024 * 128));
        assert_eq!(plan.tensors()[1].shape, [256, 1024]);
        assert_eq!(plan.tensors()[2].shape, [1024, 8, 16]);
    }
}
