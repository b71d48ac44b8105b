//! How far a mean would move with other items: percentile bootstrap (Efron & Tibshirani 1993, ch. 13).

use serde::Serialize;

/// The middle 95 % of the resampled means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// 2.5th percentile.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
}

/// How means are drawn again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// Number of resamples.
    pub num_resamples: usize,
    /// Seed: the same seed gives the same interval.
    pub seed: u64,
}

/// 2,000 resamples, seed 0.
impl Default for Bootstrap {
    fn default() -> Self {
        Self { num_resamples: 2000, seed: 0 }
    }
}

impl Bootstrap {
    /// Interval of the turn-weighted mean. Whole items are drawn again, because the answers of one video stand and
    /// fall together; each item is the sum over its answers and their number ([`crate::Evaluation::item_sums`]).
    /// `None` without an answer.
    pub fn mean_of_turns(&self, items: &[(f64, u32)]) -> Option<Interval> {
        self.mean_of_subsets(&[items])
    }

    /// Interval of the mean over subsets of their turn-weighted means; items are drawn within their subset. Subsets
    /// without an answer do not count; `None` when none has one.
    pub fn mean_of_subsets(&self, subsets: &[&[(f64, u32)]]) -> Option<Interval> {
        // An item without answers adds nothing to a mean, and a resample of such items alone would have none.
        let with_answers =
            subsets.iter().map(|items| items.iter().copied().filter(|(_, num)| *num > 0).collect::<Vec<_>>());
        let subsets: Vec<_> = with_answers.filter(|items| !items.is_empty()).collect();
        if subsets.is_empty() || self.num_resamples == 0 {
            return None;
        }
        let mut random = SplitMix64(self.seed);
        let mut means: Vec<f64> = (0..self.num_resamples)
            .map(|_| {
                let sum: f64 = subsets.iter().map(|items| resampled_mean(items, &mut random)).sum();
                sum / subsets.len() as f64
            })
            .collect();
        means.sort_by(f64::total_cmp);
        Some(Interval { low: percentile(&means, 0.025), high: percentile(&means, 0.975) })
    }
}

fn resampled_mean(items: &[(f64, u32)], random: &mut SplitMix64) -> f64 {
    let (mut sum, mut num) = (0.0, 0u64);
    for _ in items {
        let (item_sum, item_num) = items[random.below(items.len())];
        sum += item_sum;
        num += u64::from(item_num);
    }
    sum / num as f64
}

/// Linear between the neighbours; `sorted` is not empty.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

/// Steele, Lea & Flood 2014. Written out so that an interval stays the same whatever a library changes.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly below `end`, to one part in 2⁶⁴ / `end`.
    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First outputs for seed 1234567, as published with the algorithm's test vectors (Rosetta Code, Splitmix64).
    #[test]
    fn the_generator_is_the_published_one() {
        let mut random = SplitMix64(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn no_spread_no_width() {
        let bootstrap = Bootstrap::default();
        assert_eq!(bootstrap.mean_of_turns(&[(0.5, 2), (0.25, 1), (0.0, 0)]), Some(Interval { low: 0.25, high: 0.25 }));
        assert_eq!(bootstrap.mean_of_turns(&[(0.0, 0)]), None);
        assert_eq!(bootstrap.mean_of_subsets(&[]), None);
    }

    /// 400 answers, half of them 0 and half 1: the standard error is 0.025, the interval 0.5 ± 1.96·0.025.
    #[test]
    fn the_width_is_that_of_the_normal_approximation() {
        let items: Vec<_> = (0..400).map(|idx| (f64::from(idx % 2), 1)).collect();
        let interval = Bootstrap::default().mean_of_turns(&items).unwrap();
        assert!((interval.low - 0.451).abs() < 0.006, "{interval:?}");
        assert!((interval.high - 0.549).abs() < 0.006, "{interval:?}");
        // The mean of two such subsets is narrower by √2.
        let both = Bootstrap::default().mean_of_subsets(&[&items, &items, &[]]).unwrap();
        let narrower = (interval.high - interval.low) / (both.high - both.low);
        assert!((narrower - 2f64.sqrt()).abs() < 0.1, "{narrower}");
    }
}
