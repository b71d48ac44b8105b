//! The grid of patches of one picture.

/// How many patches a picture has along time, height and width (`image_grid_thw` of Hugging Face).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GridThw {
    /// Temporal patches; 1 for a still.
    pub t: usize,
    /// Rows of patches.
    pub h: usize,
    /// Patches a row.
    pub w: usize,
}

impl GridThw {
    /// Patches in all: the rows of `pixel_values`.
    pub fn num_patches(self) -> usize {
        self.t * self.h * self.w
    }

    /// Tokens after merging `spatial_merge_size`² patches into one: the rows of `image_features`.
    pub fn num_tokens(self, spatial_merge_size: usize) -> usize {
        self.num_patches() / (spatial_merge_size * spatial_merge_size)
    }

    /// Rows and columns after merging.
    pub fn merged(self, spatial_merge_size: usize) -> [usize; 2] {
        [self.h / spatial_merge_size, self.w / spatial_merge_size]
    }
}
