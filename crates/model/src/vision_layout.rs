//! What the vision tower needs to know about a picture's size: its rotary table and its attention windows.
//!
//! Hugging Face puts the patches into window order once, and the features back into raster order at the end. Here
//! patches keep the order of `pixel_values` (merge blocks, row by row) all along, and windowed blocks gather them
//! into `[num_windows, patches a window]`: one attention call a block instead of one a window.

use crate::mrope::{frequencies, table};
use crate::{GridThw, ModelError, VISION_ROPE_THETA, VisionConfig};

/// Most patches along a side: an aspect ratio of 200 at the most pixels a frame may have stays far below.
const MAX_SIDE: usize = 1 << 16;

/// Constants of one grid. They depend on nothing but the size: compute once, cache by [`GridThw`].
#[derive(Clone, Debug, PartialEq)]
pub struct VisionLayout {
    /// Cosines of the 2-D rotary embedding, `[P, head_dim / 2]` in the order of `pixel_values`: the first half of
    /// the columns turns by the row of the patch, the second by its column.
    pub cos: Vec<f32>,
    /// Sines, as [`cos`](Self::cos).
    pub sin: Vec<f32>,
    /// `[num_windows · patches_per_window]`: the patch in each slot. Free slots at the end of a window cut by the
    /// edge of the picture repeat the window's first patch.
    pub window_index: Vec<i64>,
    /// `[P]`: the slot of each patch, so that `window_index[window_inverse[p]] == p`.
    pub window_inverse: Vec<i64>,
    /// `[num_windows, patches_per_window]`: 1 where the slot holds a patch of its own, 0 where it is free. Slots of
    /// a window are filled from the front.
    pub window_mask: Vec<i32>,
    /// Windows, those cut by the edge included.
    pub num_windows: usize,
}

impl VisionLayout {
    /// The layout of a still of this grid.
    ///
    /// # Errors
    /// When the grid has more than one temporal patch, is empty, or cannot be merged.
    pub fn new(grid: GridThw, config: &VisionConfig) -> Result<Self, ModelError> {
        let GridThw { t, h, w } = grid;
        let merge = config.spatial_merge_size;
        let is_side = |side: usize| (1..=MAX_SIDE).contains(&side) && side.is_multiple_of(merge);
        if t != 1 || !is_side(h) || !is_side(w) {
            return Err(ModelError::Grid { merge, max: MAX_SIDE, t, h, w });
        }
        let freqs = frequencies(config.head_dim() / 4, VISION_ROPE_THETA);
        let places = patch_places(grid, merge);
        let angles =
            places.iter().flat_map(|place| place.iter().flat_map(|at| freqs.iter().map(|freq| *at as f64 * freq)));
        let rotary = table(angles, grid.num_patches() * config.rotary_width());

        let mut layout = Self {
            cos: rotary.cos,
            sin: rotary.sin,
            window_index: Vec::new(),
            window_inverse: vec![0; grid.num_patches()],
            window_mask: Vec::new(),
            num_windows: 0,
        };
        let [rows, cols] = grid.merged(merge);
        let side = config.merged_window();
        for top in (0..rows).step_by(side) {
            for left in (0..cols).step_by(side) {
                let units = (top..rows.min(top + side))
                    .flat_map(|row| (left..cols.min(left + side)).map(move |col| row * cols + col));
                let patches = units.flat_map(|unit| unit * merge * merge..(unit + 1) * merge * merge);
                layout.push_window(patches, config.patches_per_window());
            }
        }
        Ok(layout)
    }

    fn push_window(&mut self, patches: impl Iterator<Item = usize>, num_slots: usize) {
        let first_slot = self.window_index.len();
        for patch in patches {
            self.window_inverse[patch] = self.window_index.len() as i64;
            self.window_index.push(patch as i64);
        }
        let num_patches = self.window_index.len() - first_slot;
        self.window_index.resize(first_slot + num_slots, self.window_index[first_slot]);
        self.window_mask.resize(first_slot + num_patches, 1);
        self.window_mask.resize(first_slot + num_slots, 0);
        self.num_windows += 1;
    }
}

/// Row and column of each patch in the order of `pixel_values`: merge blocks row by row, and inside a block its
/// patches row by row.
fn patch_places(grid: GridThw, merge: usize) -> Vec<[usize; 2]> {
    let mut places = Vec::with_capacity(grid.num_patches());
    for top in (0..grid.h).step_by(merge) {
        for left in (0..grid.w).step_by(merge) {
            places.extend((0..merge * merge).map(|idx| [top + idx / merge, left + idx % merge]));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference;

    /// `Qwen2_5_VisionTransformerPretrainedModel.get_window_index` of transformers, step by step: pads the raster of
    /// merged units to whole windows, reads it window by window and drops the padding. Returns the units in window
    /// order and the units in each window.
    fn get_window_index(rows: usize, cols: usize, side: usize) -> (Vec<usize>, Vec<usize>) {
        // As there, a size that fits exactly is padded by a whole, empty window.
        let (padded_rows, padded_cols) = (rows + side - rows % side, cols + side - cols % side);
        let (mut index, mut lengths) = (Vec::new(), Vec::new());
        for window_row in 0..padded_rows / side {
            for window_col in 0..padded_cols / side {
                let before = index.len();
                for row in window_row * side..(window_row + 1) * side {
                    for col in window_col * side..(window_col + 1) * side {
                        if row < rows && col < cols {
                            index.push(row * cols + col);
                        }
                    }
                }
                lengths.push(index.len() - before);
            }
        }
        lengths.retain(|length| *length > 0);
        (index, lengths)
    }

    #[test]
    fn a_grid_smaller_than_a_window() {
        let layout = VisionLayout::new(GridThw { t: 1, h: 2, w: 4 }, &reference::config().vision).unwrap();
        assert_eq!((layout.num_windows, layout.window_index.len(), layout.window_inverse.len()), (1, 64, 8));
        assert_eq!(layout.window_index[..10], [0, 1, 2, 3, 4, 5, 6, 7, 0, 0]);
        assert_eq!(layout.window_mask.iter().sum::<i32>(), 8);
        // Patch 6 is the lower left one of the second block: row 1, column 2. Head 16: four frequencies an axis.
        let (row, width) = (6, 8);
        let angle = |at: f64, idx: usize| at * 1e4f64.powf(-(idx as f64) / 4.0);
        let expected: Vec<f32> = (0..4)
            .map(|idx| angle(1.0, idx))
            .chain((0..4).map(|idx| angle(2.0, idx)))
            .map(|a| a.sin() as f32)
            .collect();
        assert_eq!(layout.sin[row * width..(row + 1) * width], expected);
    }

    #[test]
    fn grids_that_cannot_be_are_refused() {
        let vision = reference::config().vision;
        for (t, h, w) in [(0, 2, 2), (2, 2, 2), (1, 0, 2), (1, 3, 2), (1, 2, 5), (1, 2, usize::MAX - 1)] {
            let message = VisionLayout::new(GridThw { t, h, w }, &vision).unwrap_err().to_string();
            assert!(message.ends_with(&format!("found {t}×{h}×{w}")), "{message}");
        }
    }

    proptest! {
        #[test]
        fn windows_are_those_of_transformers(rows in 1usize..20, cols in 1usize..20, side in 1usize..6) {
            let mut vision = reference::config().vision;
            vision.window_size = side * vision.patch_size * vision.spatial_merge_size;
            let merge = vision.spatial_merge_size;
            let grid = GridThw { t: 1, h: rows * merge, w: cols * merge };
            let layout = VisionLayout::new(grid, &vision).unwrap();
            let (units, lengths) = get_window_index(rows, cols, side);
            let num_slots = vision.patches_per_window();

            prop_assert_eq!(layout.num_windows, lengths.len());
            prop_assert_eq!(layout.window_index.len(), lengths.len() * num_slots);
            prop_assert_eq!(layout.window_mask.len(), layout.window_index.len());
            let expected: Vec<i64> =
                units.iter().flat_map(|unit| unit * merge * merge..(unit + 1) * merge * merge).map(|p| p as i64).collect();
            let mut found = Vec::new();
            for (window_idx, length) in lengths.iter().enumerate() {
                let slots = window_idx * num_slots..(window_idx + 1) * num_slots;
                let (index, mask) = (&layout.window_index[slots.clone()], &layout.window_mask[slots]);
                let num_patches = length * merge * merge;
                prop_assert!(mask[..num_patches].iter().all(|bit| *bit == 1) && mask[num_patches..].iter().all(|bit| *bit == 0));
                prop_assert!(index[num_patches..].iter().all(|patch| index[..num_patches].contains(patch)));
                found.extend_from_slice(&index[..num_patches]);
            }
            prop_assert_eq!(found, expected);
            for (patch, slot) in layout.window_inverse.iter().enumerate() {
                prop_assert_eq!(layout.window_index[*slot as usize], patch as i64);
                prop_assert_eq!(layout.window_mask[*slot as usize], 1);
            }
        }

        /// Each patch turns by its own place in the picture, whatever the merge size.
        #[test]
        fn every_place_once(rows in 1usize..8, cols in 1usize..8, merge in 1usize..4) {
            let grid = GridThw { t: 1, h: rows * merge, w: cols * merge };
            let places = patch_places(grid, merge);
            for (block, patches) in places.chunks(merge * merge).enumerate() {
                for [row, col] in patches {
                    prop_assert_eq!([row / merge, col / merge], [block / cols, block % cols]);
                }
            }
            let mut sorted = places;
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(sorted.len(), grid.num_patches());
        }
    }
}
