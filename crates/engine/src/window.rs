//! Which turns stay in the context: the plan, as a pure function over spans of tokens.

use std::ops::Range;

/// A message or a turn as it lies in the KV cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its rows in the cache.
    pub(crate) tokens: Range<usize>,
    /// Its range of running positions: the next span starts at `end`.
    pub(crate) positions: Range<i64>,
    /// Survives every cut: the system prompt, and the turn that states the standing request.
    pub(crate) is_pinned: bool,
}

/// Everything in the cache, oldest first, without gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans(Vec<Span>);

/// A run of rows to leave out, with the shift of all positions behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Eviction {
    pub(crate) tokens: Range<usize>,
    pub(crate) position_shift: i64,
}

impl Spans {
    /// Appends a span of `num_tokens` rows that ends at running position `end_position`.
    pub(crate) fn push(&mut self, num_tokens: usize, end_position: i64, is_pinned: bool) {
        let (start, start_position) = self.0.last().map_or((0, 0), |last| (last.tokens.end, last.positions.end));
        let (tokens, positions) = (start..start + num_tokens, start_position..end_position);
        self.0.push(Span { tokens, positions, is_pinned });
    }

    /// Ends the last span elsewhere: its reply was decoded, or tokens that belong to it came late.
    pub(crate) fn end_last_at(&mut self, token: usize, position: i64) {
        if let Some(last) = self.0.last_mut() {
            last.tokens.end = token;
            last.positions.end = position;
        }
    }

    /// A new statement of the standing request replaces the old one: only the newest stays pinned. The first span is
    /// the system prompt's, which stays.
    pub(crate) fn unpin_turns(&mut self) {
        for span in self.0.iter_mut().skip(1) {
            span.is_pinned = false;
        }
    }

    /// Turns that a cut may take.
    pub(crate) fn num_evictable(&self) -> usize {
        self.0.iter().filter(|span| !span.is_pinned).count()
    }

    /// Rows of the turns that a cut may take.
    fn evictable_tokens(&self) -> usize {
        self.0.iter().filter(|span| !span.is_pinned).map(|span| span.tokens.len()).sum()
    }

    /// Takes out the oldest evictable turns until at most `keep_turns` of them are left and at least `need_tokens`
    /// rows were freed, and says which rows that were, last first: executed in this order, no row index changes
    /// under a later step. Neighbouring turns come as one run.
    pub(crate) fn evict(&mut self, keep_turns: usize, need_tokens: usize) -> Vec<Eviction> {
        let mut num_left = self.num_evictable();
        let mut freed_tokens = 0;
        let mut evictions: Vec<Eviction> = Vec::new();
        let mut kept = Spans::default();
        for span in std::mem::take(&mut self.0) {
            let is_taken = !span.is_pinned && (num_left > keep_turns || freed_tokens < need_tokens);
            if !is_taken {
                let shifted = kept.0.last().map_or(0, |last| last.positions.end);
                kept.push(span.tokens.len(), shifted + span.positions.end - span.positions.start, span.is_pinned);
                continue;
            }
            num_left -= 1;
            freed_tokens += span.tokens.len();
            let position_shift = span.positions.end - span.positions.start;
            match evictions.last_mut().filter(|last| last.tokens.end == span.tokens.start) {
                Some(last) => {
                    last.tokens.end = span.tokens.end;
                    last.position_shift += position_shift;
                }
                None => evictions.push(Eviction { tokens: span.tokens, position_shift }),
            }
        }
        *self = kept;
        evictions.reverse();
        evictions
    }

    /// Whether taking every evictable turn would free `need_tokens` rows.
    pub(crate) fn can_free(&self, need_tokens: usize) -> bool {
        self.evictable_tokens() >= need_tokens
    }

    /// Rows and running position behind the last span.
    #[cfg(test)]
    pub(crate) fn end(&self) -> (usize, i64) {
        self.0.last().map_or((0, 0), |last| (last.tokens.end, last.positions.end))
    }
}

/// How many turns the model looks back on, and down to how many a cut goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// As many turns as the model was trained on, from its manifest: beyond them it gets worse.
    #[default]
    Trained,
    /// Everything stays until the KV cache is full; then a third of it goes.
    Off,
    /// At most so many turns, beside the system prompt and the standing request. A cut goes down to two thirds, so
    /// that it happens once in many turns and the context between two cuts only grows.
    Turns(u32),
}

impl Window {
    /// The most turns to look back on, for a model trained on `trained_turns`; `None` is no bound.
    pub(crate) fn max_turns(self, trained_turns: u32) -> Option<usize> {
        match self {
            Self::Trained => Some(trained_turns.max(1) as usize),
            Self::Off => None,
            Self::Turns(turns) => Some(turns.max(1) as usize),
        }
    }
}

/// Turns to keep at a cut that is due when `num_turns` are there and `max_turns` may be; `None` when none is due.
pub(crate) fn keep_turns(max_turns: Option<usize>, num_turns: usize) -> Option<usize> {
    max_turns.filter(|&max_turns| num_turns >= max_turns).map(|max_turns| max_turns * 2 / 3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// System prompt of 10 rows and 10 positions, then turns of 5 rows and 3 positions; `pinned` is stated there.
    fn spans(num_turns: usize, pinned: usize) -> Spans {
        let mut spans = Spans::default();
        spans.push(10, 10, true);
        for turn in 0..num_turns {
            spans.push(5, 10 + 3 * (turn as i64 + 1), turn == pinned);
        }
        spans
    }

    #[test]
    fn a_cut_takes_the_oldest_and_skips_what_is_pinned() {
        let mut spans = spans(6, 2);
        let evictions = spans.evict(2, 0);
        assert_eq!(
            evictions,
            [Eviction { tokens: 25..30, position_shift: 3 }, Eviction { tokens: 10..20, position_shift: 6 },]
        );
        assert_eq!(spans.num_evictable(), 2);
        assert_eq!(spans.end(), (10 + 3 * 5, 10 + 3 * 3));
        assert_eq!(spans.0[1], Span { tokens: 10..15, positions: 10..13, is_pinned: true });
    }

    #[test]
    fn a_full_cache_takes_what_it_needs() {
        let mut spans = spans(6, 0);
        assert!(spans.can_free(25) && !spans.can_free(26));
        assert_eq!(spans.evict(usize::MAX, 6), [Eviction { tokens: 15..25, position_shift: 6 }]);
    }

    #[test]
    fn hysteresis() {
        let max_turns = Window::Trained.max_turns(14);
        assert_eq!(keep_turns(max_turns, 13), None);
        assert_eq!(keep_turns(max_turns, 14), Some(9));
        assert_eq!(keep_turns(Window::Turns(1).max_turns(14), 1), Some(0));
        assert_eq!(keep_turns(Window::Off.max_turns(14), 1_000_000), None);
    }

    proptest! {
        /// Executing the evictions in their order on the list of (row, position) gives the spans' own account.
        #[test]
        fn evictions_agree_with_the_spans(
            turns in prop::collection::vec((1usize..9, 1i64..9, prop::bool::weighted(0.2)), 1..12),
            keep_turns in 0usize..8,
            need_tokens in 0usize..30,
        ) {
            let mut spans = Spans::default();
            let mut rows: Vec<(usize, i64)> = Vec::new();
            let mut position = 0;
            for (idx, &(num_tokens, num_positions, is_pinned)) in turns.iter().enumerate() {
                rows.extend((0..num_tokens).map(|_| (idx, position)));
                position += num_positions;
                spans.push(num_tokens, position, is_pinned);
            }
            let before = spans.clone();
            for eviction in spans.evict(keep_turns, need_tokens) {
                rows.drain(eviction.tokens.clone());
                for row in &mut rows[eviction.tokens.start..] {
                    row.1 -= eviction.position_shift;
                }
            }
            prop_assert_eq!(rows.len(), spans.end().0);
            for span in &spans.0 {
                prop_assert!(rows[span.tokens.clone()].iter().all(|row| row.1 == span.positions.start));
            }
            let pinned = |spans: &Spans| spans.0.iter().filter(|span| span.is_pinned).count();
            prop_assert_eq!(pinned(&before), pinned(&spans));
            prop_assert!(spans.num_evictable() <= keep_turns);
        }
    }
}
