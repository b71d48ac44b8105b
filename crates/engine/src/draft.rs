//! Silence for free: the silence text is drafted behind the turn and verified in the turn's own forward pass.

use souffleur_core::Observation;

use crate::sampler::{Adjustment, Logits, SplitMix64};
use crate::{EngineError, Sampling};

/// The silence text in tokens, as it stands between the assistant header and the end token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    /// At least one token.
    pub(crate) silence_ids: Vec<u32>,
    /// Any of them ends a reply.
    pub(crate) eos_token_ids: Vec<u32>,
}

/// Where decoding leaves the draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Divergence {
    /// How many drafted tokens were confirmed before it.
    pub(crate) num_confirmed: usize,
    /// The token chosen instead of the next drafted one.
    pub(crate) token_id: u32,
}

/// What the rows of logits behind the header and behind each drafted token say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) observation: Observation,
    /// `None` when decoding would give exactly the drafted tokens and then end.
    pub(crate) divergence: Option<Divergence>,
}

impl Draft {
    /// Rows of logits that [`verify`](Self::verify) needs.
    pub(crate) fn num_rows(&self) -> usize {
        self.silence_ids.len() + 1
    }

    /// Walks the draft as decoding would: row `i` chooses what follows `i` confirmed tokens. Because every row was
    /// computed with the drafted tokens before it, the walk equals token-by-token decoding until it leaves the draft.
    ///
    /// `eagerness` is subtracted from the first silence token's logit in row 0 only, and never from `p_silent`.
    pub(crate) fn verify(
        &self,
        rows: &[Logits<'_>],
        eagerness: f32,
        sampling: Sampling,
        rng: &mut SplitMix64,
    ) -> Result<Verdict, EngineError> {
        let (Some(first_row), Some(&first_id)) = (rows.first(), self.silence_ids.first()) else {
            return Err(EngineError::EmptyLogits);
        };
        let end_row = rows.get(self.silence_ids.len()).ok_or(EngineError::EmptyLogits)?;
        let p_end: f64 = self.eos_token_ids.iter().map(|&token_id| end_row.probability(token_id)).sum();
        let p_text: f64 = self.silence_ids.iter().zip(rows).map(|(&token_id, row)| row.probability(token_id)).product();
        let divergence = self.divergence(rows, Adjustment::penalty(first_id, eagerness), sampling, rng);
        let observation = Observation {
            p_silent: first_row.probability(first_id) as f32,
            p_silence_text: (p_text * p_end) as f32,
            silence_margin: self.silence_margin(rows, first_id),
            is_text_silent: divergence.is_none(),
        };
        Ok(Verdict { observation, divergence })
    }

    /// The eagerness at which greedy decoding leaves the draft. Only the first token's logit gives way to eagerness, so
    /// a draft that is left later is left at any.
    fn silence_margin(&self, rows: &[Logits<'_>], first_id: u32) -> f32 {
        let is_rest_confirmed = rows.iter().enumerate().skip(1).all(|(num_confirmed, row)| {
            let token_id = row.argmax();
            self.silence_ids
                .get(num_confirmed)
                .map_or_else(|| self.eos_token_ids.contains(&token_id), |&drafted| token_id == drafted)
        });
        match (is_rest_confirmed, rows.first()) {
            (true, Some(first_row)) => first_row.margin(first_id),
            _ => f32::NEG_INFINITY,
        }
    }

    fn divergence(
        &self,
        rows: &[Logits<'_>],
        first: Adjustment,
        sampling: Sampling,
        rng: &mut SplitMix64,
    ) -> Option<Divergence> {
        for (num_confirmed, row) in rows.iter().enumerate() {
            let adjustment = if num_confirmed == 0 { first } else { Adjustment::NONE };
            let token_id = row.choose(sampling, adjustment, rng);
            let is_confirmed = match self.silence_ids.get(num_confirmed) {
                Some(&drafted) => token_id == drafted,
                None => self.eos_token_ids.contains(&token_id),
            };
            if !is_confirmed {
                return Some(Divergence { num_confirmed, token_id });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draft() -> Draft {
        Draft { silence_ids: vec![3, 1], eos_token_ids: vec![5, 4] }
    }

    fn row(peak: usize) -> Vec<f32> {
        (0..6).map(|token_id| if token_id == peak { 4.0 } else { 0.0 }).collect()
    }

    fn verdict(rows: &[Vec<f32>], eagerness: f32) -> Verdict {
        let rows: Vec<_> = rows.iter().map(|row| Logits::checked(row).unwrap()).collect();
        draft().verify(&rows, eagerness, Sampling::Greedy, &mut SplitMix64::new(0)).unwrap()
    }

    #[test]
    fn confirmed_by_any_end_token() {
        for end in [5, 4] {
            let verdict = verdict(&[row(3), row(1), row(end)], 0.0);
            assert_eq!(verdict.divergence, None);
            assert!(verdict.observation.is_text_silent);
        }
    }

    #[test]
    fn longer_text_is_no_silence() {
        let verdict = verdict(&[row(3), row(1), row(0)], 0.0);
        assert_eq!(verdict.divergence, Some(Divergence { num_confirmed: 2, token_id: 0 }));
    }

    #[test]
    fn eagerness_moves_the_decision_not_the_probability() {
        let rows = [row(3), row(1), row(5)];
        let (plain, eager) = (verdict(&rows, 0.0), verdict(&rows, 4.5));
        assert!(plain.observation.is_text_silent && !eager.observation.is_text_silent);
        assert_eq!(plain.observation.p_silent, eager.observation.p_silent);
        assert_eq!(eager.divergence, Some(Divergence { num_confirmed: 0, token_id: 0 }));
    }

    proptest! {
        /// The margin is the eagerness at which the decision turns, whatever the logits are.
        #[test]
        fn the_margin_is_where_the_decision_turns(
            rows in prop::collection::vec(prop::collection::vec(-5f32..5.0, 6), 3),
            step in 0.01f32..3.0,
        ) {
            let margin = verdict(&rows, 0.0).observation.silence_margin;
            let is_silent = |eagerness| verdict(&rows, eagerness).observation.is_text_silent;
            if margin == f32::NEG_INFINITY {
                prop_assert!(!is_silent(-100.0));
            } else {
                prop_assert!(is_silent(margin - step) && !is_silent(margin + step), "{margin}");
            }
        }

        #[test]
        fn the_margin_of_a_likely_draft(first in -5f32..5.0, step in 0.01f32..3.0) {
            let rows = [vec![0.0, 0.0, 0.0, first, -1.0, -1.0], row(1), row(5)];
            prop_assert!((verdict(&rows, 0.0).observation.silence_margin - first).abs() < 1e-6);
            prop_assert!(verdict(&rows, first - step).observation.is_text_silent);
            prop_assert!(!verdict(&rows, first + step).observation.is_text_silent);
        }

        /// Against the obvious way: decode token by token from a table "tokens so far → logits" and compare texts.
        #[test]
        fn equals_plain_greedy_decoding(peaks in prop::collection::vec(0usize..6, 3)) {
            let rows: Vec<_> = peaks.iter().map(|&peak| row(peak)).collect();
            let mut decoded = Vec::new();
            let mut is_ended = false;
            for row in &rows {
                let next = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0 as u32;
                is_ended = draft().eos_token_ids.contains(&next);
                decoded.push(next);
                // Rows behind a token the draft does not hold would not exist in a real run.
                if is_ended || draft().silence_ids.get(decoded.len() - 1) != Some(&next) { break }
            }
            let is_silent = is_ended && decoded[..decoded.len() - 1] == draft().silence_ids;
            let verdict = verdict(&rows, 0.0);
            prop_assert_eq!(verdict.observation.is_text_silent, is_silent);
            if let Some(divergence) = verdict.divergence {
                prop_assert_eq!(divergence.num_confirmed, decoded.len() - 1);
                prop_assert_eq!(divergence.token_id, *decoded.last().unwrap());
            }
        }
    }
}
