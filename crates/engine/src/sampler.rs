use crate::{EngineError, Sampling};

/// A small generator of uniform numbers (SplitMix64, Steele et al. 2014), so that a seed gives the same replies on
/// every machine and in every release; the generators of `rand` promise that only within one version.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1), 53 bits.
    fn next_unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One row of logits, `[vocab_size]`, known to hold no NaN.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logits<'a>(&'a [f32]);

impl<'a> Logits<'a> {
    /// Checks for NaN before anything is chosen: a NaN wins or loses every comparison, so a broken provider would
    /// otherwise speak garbage with full confidence.
    pub(crate) fn checked(row: &'a [f32]) -> Result<Self, EngineError> {
        match row.iter().position(|logit| logit.is_nan()) {
            None if !row.is_empty() => Ok(Self(row)),
            None => Err(EngineError::EmptyLogits),
            Some(token_id) => Err(EngineError::NotANumber { token_id }),
        }
    }

    /// The most probable token; the lowest id among equals.
    pub(crate) fn argmax(self) -> u32 {
        self.adjusted_argmax(Adjustment::NONE)
    }

    fn adjusted_argmax(self, adjustment: Adjustment) -> u32 {
        let mut best = (f32::NEG_INFINITY, 0);
        for (token_id, &logit) in self.0.iter().enumerate() {
            let logit = adjustment.apply(token_id as u32, logit);
            if logit > best.0 {
                best = (logit, token_id);
            }
        }
        best.1 as u32
    }

    /// Softmax at temperature 1 over the whole vocabulary, of one token.
    pub(crate) fn probability(self, token_id: u32) -> f64 {
        let Some(&logit) = self.0.get(token_id as usize) else { return 0.0 };
        let max = self.0.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = self.0.iter().map(|&other| f64::from(other - max).exp()).sum();
        f64::from(logit - max).exp() / sum
    }

    /// How far one token's logit stands above the best of the others; below 0 where it is not the most probable.
    pub(crate) fn margin(self, token_id: u32) -> f32 {
        let others = self.0.iter().enumerate().filter(|(other_id, _)| *other_id != token_id as usize);
        let best_other = others.map(|(_, &logit)| logit).fold(f32::NEG_INFINITY, f32::max);
        self.0.get(token_id as usize).map_or(f32::NEG_INFINITY, |logit| logit - best_other)
    }

    /// Chooses a token after `adjustment`.
    pub(crate) fn choose(self, sampling: Sampling, adjustment: Adjustment, rng: &mut SplitMix64) -> u32 {
        match sampling {
            Sampling::Greedy => self.adjusted_argmax(adjustment),
            Sampling::TopK { temperature, top_k } => self.draw(temperature, top_k, adjustment, rng),
        }
    }

    fn draw(self, temperature: f32, top_k: usize, adjustment: Adjustment, rng: &mut SplitMix64) -> u32 {
        let mut candidates: Vec<(f32, u32)> =
            self.0.iter().zip(0..).map(|(&logit, token_id)| (adjustment.apply(token_id, logit), token_id)).collect();
        let by_logit = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if top_k > 0 && top_k < candidates.len() {
            candidates.select_nth_unstable_by(top_k - 1, by_logit);
            candidates.truncate(top_k);
        }
        // Sorted so that the draw depends on the seed alone, not on the order the selection happened to leave.
        candidates.sort_unstable_by(by_logit);
        let max = candidates[0].0;
        let weight = |logit: f32| (f64::from(logit - max) / f64::from(temperature)).exp();
        let sum: f64 = candidates.iter().map(|&(logit, _)| weight(logit)).sum();
        let mut left = rng.next_unit() * sum;
        for &(logit, token_id) in &candidates {
            left -= weight(logit);
            if left < 0.0 {
                return token_id;
            }
        }
        candidates[0].1 // rounding left a hair: the most probable
    }
}

/// A change of one token's logit before the choice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adjustment {
    token_id: u32,
    /// Subtracted; +∞ forbids the token.
    penalty: f32,
}

impl Adjustment {
    pub(crate) const NONE: Self = Self { token_id: u32::MAX, penalty: 0.0 };

    /// Makes a token less likely by `penalty` logits (more likely where negative).
    pub(crate) fn penalty(token_id: u32, penalty: f32) -> Self {
        Self { token_id, penalty }
    }

    /// Forbids a token.
    pub(crate) fn mask(token_id: u32) -> Self {
        Self { token_id, penalty: f32::INFINITY }
    }

    fn apply(self, token_id: u32, logit: f32) -> f32 {
        if token_id == self.token_id { logit - self.penalty } else { logit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: [f32; 5] = [0.0, 2.0, 1.0, 2.0, -1.0];

    #[test]
    fn greedy_takes_the_lowest_id_among_equals() {
        let logits = Logits::checked(&ROW).unwrap();
        assert_eq!(logits.argmax(), 1);
        let mut rng = SplitMix64::new(0);
        assert_eq!(logits.choose(Sampling::Greedy, Adjustment::mask(1), &mut rng), 3);
        assert_eq!(logits.choose(Sampling::Greedy, Adjustment::penalty(2, -1.5), &mut rng), 2);
    }

    #[test]
    fn probabilities_sum_to_one() {
        let logits = Logits::checked(&ROW).unwrap();
        let sum: f64 = (0..5).map(|token_id| logits.probability(token_id)).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert_eq!(logits.probability(99), 0.0);
    }

    #[test]
    fn nan_is_refused() {
        assert!(matches!(Logits::checked(&[0.0, f32::NAN]), Err(EngineError::NotANumber { token_id: 1 })));
        assert!(matches!(Logits::checked(&[]), Err(EngineError::EmptyLogits)));
    }

    #[test]
    fn draws_follow_the_distribution_and_the_seed() {
        let logits = Logits::checked(&ROW).unwrap();
        let sampling = Sampling::TopK { temperature: 1.0, top_k: 3 };
        let draw = |seed| {
            let mut rng = SplitMix64::new(seed);
            (0..20_000).map(|_| logits.choose(sampling, Adjustment::NONE, &mut rng)).collect::<Vec<_>>()
        };
        let drawn = draw(7);
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
        let share = |token_id| drawn.iter().filter(|&&id| id == token_id).count() as f64 / 20_000.0;
        let sum = 2.0 * 1f64.exp() + 1.0; // tokens 1 and 3 stand e above token 2
        assert!((share(1) - 1f64.exp() / sum).abs() < 0.02);
        assert!((share(2) - 1.0 / sum).abs() < 0.02);
        assert_eq!(share(0) + share(4), 0.0);
    }

    /// First outputs of the published reference implementation for seed 1234567.
    #[test]
    fn generator_matches_the_published_sequence() {
        let mut rng = SplitMix64::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }
}
