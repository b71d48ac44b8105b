//! Writes a graph's data file from the checkpoint, one weight at a time.

use half::f16;
use rayon::prelude::*;

use crate::ExportError;
use crate::checkpoint::Checkpoint;
use crate::plan::{DataPlan, Encoding, PlannedTensor, Weight};
use crate::quantize::{BlockFormat, QuantizedRows, quantize_rows};
use crate::stage::StagedFile;

/// Values encoded before they are written: bounds the memory beside the weight itself.
const CHUNK_VALUES: usize = 4 << 20;

/// Columns of a matrix that are transposed together: a cache line of f32, so that every line is read once.
const TILE_COLS: usize = 16;

/// Writes all weights of `plan`. `on_read` hears the name and the bytes of every checkpoint tensor once it is read.
///
/// The memory held is the largest weight in f32 and a chunk of its encoded form.
///
/// # Errors
/// When the checkpoint cannot be read or holds a value that the encoding cannot, or the file cannot be written.
pub fn write_data(
    plan: &DataPlan,
    checkpoint: &Checkpoint,
    file: &mut StagedFile<'_>,
    on_read: &mut dyn FnMut(&str, u64),
) -> Result<(), ExportError> {
    let mut writer = DataWriter { file, tensors: plan.tensors().iter() };
    let mut values = Vec::new();
    for weight in plan.weights() {
        values.clear();
        values.reserve_exact(weight.rows * weight.cols);
        for source in &weight.sources {
            let size_bytes = checkpoint.check(source)?;
            checkpoint.read(source, &mut values)?;
            on_read(&source.name, size_bytes);
        }
        writer.write_weight(weight, &values)?;
    }
    debug_assert_eq!(file.num_bytes(), plan.size_bytes(), "the file is as long as the plan says");
    Ok(())
}

struct DataWriter<'a, 'f> {
    file: &'a mut StagedFile<'f>,
    tensors: std::slice::Iter<'a, PlannedTensor>,
}

impl DataWriter<'_, '_> {
    fn write_weight(&mut self, weight: &Weight, values: &[f32]) -> Result<(), ExportError> {
        if matches!(weight.encoding, Encoding::F16 | Encoding::F16Transposed) {
            check_half_range(weight, values)?;
        }
        match weight.encoding {
            Encoding::F32 => self.write_plain(values, f32::to_le_bytes),
            Encoding::F16 => self.write_plain(values, f16_bytes),
            Encoding::F32Transposed => self.write_transposed(values, weight.cols, f32::to_le_bytes),
            Encoding::F16Transposed => self.write_transposed(values, weight.cols, f16_bytes),
            Encoding::Blocks(format) | Encoding::BlockTable(format) => self.write_blocks(values, weight.cols, format),
        }
    }

    /// Pads up to where the plan puts the next tensor.
    fn begin_tensor(&mut self) -> Result<(), ExportError> {
        let tensor = self.tensors.next().expect("the plan holds the tensors of each of its weights");
        let padding = tensor.offset - self.file.num_bytes();
        self.file.write(&vec![0; padding as usize])
    }

    fn write_plain<const N: usize>(&mut self, values: &[f32], encode: fn(f32) -> [u8; N]) -> Result<(), ExportError> {
        self.begin_tensor()?;
        for chunk in values.chunks(CHUNK_VALUES) {
            let mut bytes = vec![[0; N]; chunk.len()];
            bytes.par_iter_mut().zip(chunk).for_each(|(bytes, &value)| *bytes = encode(value));
            self.file.write(bytes.as_flattened())?;
        }
        Ok(())
    }

    fn write_transposed<const N: usize>(
        &mut self,
        values: &[f32],
        cols: usize,
        encode: fn(f32) -> [u8; N],
    ) -> Result<(), ExportError> {
        self.begin_tensor()?;
        let rows = values.len() / cols;
        let cols_a_chunk = (CHUNK_VALUES / rows).next_multiple_of(TILE_COLS).max(TILE_COLS);
        for start in (0..cols).step_by(cols_a_chunk) {
            let chunk_cols = cols_a_chunk.min(cols - start);
            let mut bytes = vec![[0; N]; chunk_cols * rows];
            bytes.par_chunks_mut(TILE_COLS * rows).enumerate().for_each(|(tile_idx, tile)| {
                let first_col = start + tile_idx * TILE_COLS;
                let tile_cols = tile.len() / rows;
                for (row_idx, row) in values.chunks_exact(cols).enumerate() {
                    for (col, &value) in row[first_col..first_col + tile_cols].iter().enumerate() {
                        tile[col * rows + row_idx] = encode(value);
                    }
                }
            });
            self.file.write(bytes.as_flattened())?;
        }
        Ok(())
    }

    fn write_blocks(&mut self, values: &[f32], cols: usize, format: BlockFormat) -> Result<(), ExportError> {
        self.begin_tensor()?;
        let (mut scales, mut zero_points) = (Vec::new(), Vec::new());
        let rows_a_chunk = (CHUNK_VALUES / cols).max(1);
        for chunk in values.chunks(rows_a_chunk * cols) {
            // A few hundred rows a task: enough to share out, few enough to keep the pieces in order cheaply.
            let rows_a_task = (rows_a_chunk / 64).max(1);
            let pieces: Vec<QuantizedRows> =
                chunk.par_chunks(rows_a_task * cols).map(|rows| quantize_rows(rows, cols, format)).collect();
            for piece in pieces {
                self.file.write(&piece.codes)?;
                scales.extend(piece.scales.iter().flat_map(|scale| scale.to_le_bytes()));
                zero_points.extend(piece.zero_points);
            }
        }
        self.begin_tensor()?;
        self.file.write(&scales)?;
        if format.has_zero_points {
            self.begin_tensor()?;
            self.file.write(&zero_points)?;
        }
        Ok(())
    }
}

fn f16_bytes(value: f32) -> [u8; 2] {
    f16::from_f32(value).to_le_bytes()
}

fn check_half_range(weight: &Weight, values: &[f32]) -> Result<(), ExportError> {
    match values.par_iter().find_first(|value| value.abs() > f16::MAX.to_f32()) {
        Some(&found) => Err(ExportError::Value { name: weight.name.clone(), range: " within ±65504", found }),
        None => Ok(()),
    }
}
