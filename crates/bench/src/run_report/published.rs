//! What papers report on ProactiveVideoQA, to stand beside a run on the same subsets.

pub(super) use crate::run::SUBSETS_OF_TABLES as SUBSETS;

/// One system of a paper: PAUC at ω 0.5 and percent of duplicates, in the order of [`SUBSETS`].
pub(super) struct Published {
    pub(super) system: &'static str,
    pub(super) pauc: [f64; 4],
    pub(super) duplicates: Option<[f64; 4]>,
}

/// Where the numbers stand, and who judged.
pub(super) const SOURCE: &str =
    "MMDuet2, arXiv 2512.06810, and ProactiveVideoQA, arXiv 2507.09313; judged there by large language models";

pub(super) const PUBLISHED: [Published; 5] = [
    Published { system: "MMDuet2, RL", pauc: [53.3, 33.6, 43.4, 28.9], duplicates: Some([4.2, 8.1, 1.0, 15.2]) },
    Published { system: "MMDuet2, SFT", pauc: [37.6, 26.4, 27.6, 26.3], duplicates: Some([1.7, 4.4, 2.2, 0.0]) },
    Published { system: "MMDuet", pauc: [38.9, 46.0, 21.1, 27.4], duplicates: Some([81.3, 99.4, 92.8, 99.2]) },
    Published { system: "VideoLLM-Online", pauc: [25.9, 25.0, 18.3, 25.0], duplicates: None },
    Published { system: "human", pauc: [38.6, 38.2, 47.0, 53.6], duplicates: None },
];

impl Published {
    /// The mean over the four subsets.
    pub(super) fn mean(&self) -> f64 {
        self.pauc.iter().sum::<f64>() / self.pauc.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_that_of_the_table() {
        assert!((PUBLISHED[0].mean() - 39.8).abs() < 0.05);
    }
}
