use super::EAGERNESS_RANGE;

/// How far an eagerness stays away from the last margin there is.
const STEP_BEYOND: f32 = 1.0;

/// The silence margins of all turns of a run: what an eagerness would make of the same turns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Margins {
    /// Ascending, without NaN.
    sorted: Vec<f32>,
}

impl Margins {
    /// From the margins of the turns, in any order; one that is no number is left out.
    pub fn new(margins: impl IntoIterator<Item = f32>) -> Self {
        let mut sorted: Vec<f32> = margins.into_iter().filter(|margin| !margin.is_nan()).collect();
        sorted.sort_by(f32::total_cmp);
        Self { sorted }
    }

    /// How many of the turns speak at this eagerness, if a reply changes nothing of what follows.
    pub fn num_replies(&self, eagerness: f32) -> usize {
        self.sorted.partition_point(|margin| *margin < eagerness)
    }

    /// An eagerness at which `num_replies` of the turns speak; in the middle between the two margins around it, where
    /// small differences of another machine matter least. The nearest there is where no eagerness gives that number,
    /// because several turns have the same margin or some speak always or never.
    pub fn eagerness_for(&self, num_replies: usize) -> f32 {
        let num_always = self.sorted.partition_point(|margin| *margin == f32::NEG_INFINITY);
        let num_ever = self.sorted.partition_point(|margin| *margin < f32::INFINITY);
        let num_replies = num_replies.clamp(num_always, num_ever);
        let last_speaking = self.sorted[num_always..num_replies].last().copied();
        let first_silent = self.sorted[num_replies..num_ever].first().copied();
        match (last_speaking, first_silent) {
            (Some(below), Some(above)) => round_between(below, above),
            (Some(below), None) => round_between(below, below + 2.0 * STEP_BEYOND),
            (None, Some(above)) => round_between(above - 2.0 * STEP_BEYOND, above),
            (None, None) => 0.0,
        }
    }
}

/// The middle of two numbers within the bounds of an eagerness, to as few decimals as keep it well between them.
pub(super) fn round_between(below: f32, above: f32) -> f32 {
    let below = below.clamp(*EAGERNESS_RANGE.start(), *EAGERNESS_RANGE.end());
    let above = above.clamp(*EAGERNESS_RANGE.start(), *EAGERNESS_RANGE.end());
    let middle = below / 2.0 + above / 2.0;
    let rounded = [1.0, 10.0, 100.0, 1000.0].map(|scale: f32| (middle * scale).round() / scale);
    let is_well_between = |rounded: &f32| (rounded - middle).abs() <= (above - below) / 4.0;
    rounded.into_iter().find(is_well_between).unwrap_or(middle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_the_margins_below() {
        let margins = Margins::new([3.0, f32::NEG_INFINITY, -1.0, f32::NAN, f32::INFINITY, 0.5]);
        let counts = [-100.0, -1.0, -0.5, 0.0, 0.5, 1.0, 100.0].map(|eagerness| margins.num_replies(eagerness));
        assert_eq!(counts, [1, 1, 2, 2, 2, 3, 4]);
    }

    #[test]
    fn the_eagerness_lies_in_the_middle_and_is_short() {
        let margins = Margins::new([-4.8, 1.0, 7.5, 7.52]);
        let found = [0, 1, 2, 3, 4, 9].map(|num_replies| margins.eagerness_for(num_replies));
        assert_eq!(found, [-6.0, -2.0, 4.0, 7.51, 9.0, 9.0]);
    }

    #[test]
    fn what_no_eagerness_changes_is_left() {
        assert_eq!(Margins::default().eagerness_for(3), 0.0);
        let margins = Margins::new([f32::NEG_INFINITY, f32::INFINITY]);
        assert_eq!([0, 1, 2].map(|num_replies| margins.eagerness_for(num_replies)), [0.0, 0.0, 0.0]);
        assert_eq!(Margins::new([1e30]).eagerness_for(1), 100.0);
    }

    fn any_margin() -> impl Strategy<Value = f32> {
        prop_oneof![10 => -20f32..20.0, 1 => Just(f32::NEG_INFINITY), 1 => Just(f32::INFINITY)]
    }

    proptest! {
        #[test]
        fn more_eagerness_never_gives_fewer_replies(
            margins in prop::collection::vec(any_margin(), 0..60),
            a in -100f32..100.0,
            b in -100f32..100.0,
        ) {
            let margins = Margins::new(margins);
            prop_assert!(margins.num_replies(a.min(b)) <= margins.num_replies(a.max(b)));
        }

        #[test]
        fn every_count_is_hit_where_margins_differ(
            gaps in prop::collection::vec(1e-3f32..2.0, 1..40),
            num_replies in 0usize..40,
        ) {
            let margins = Margins::new(gaps.iter().scan(-20.0, |at, gap| { *at += gap; Some(*at) }));
            let num_replies = num_replies.min(gaps.len());
            let eagerness = margins.eagerness_for(num_replies);
            prop_assert_eq!(margins.num_replies(eagerness), num_replies, "{}", eagerness);
            prop_assert!(EAGERNESS_RANGE.contains(&eagerness));
        }

        #[test]
        fn a_larger_count_never_needs_less_eagerness(
            margins in prop::collection::vec(-20f32..20.0, 0..60),
            a in 0usize..60,
            b in 0usize..60,
        ) {
            let margins = Margins::new(margins);
            prop_assert!(margins.eagerness_for(a.min(b)) <= margins.eagerness_for(a.max(b)));
        }
    }
}
