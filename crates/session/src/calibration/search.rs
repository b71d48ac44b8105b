use super::margins::round_between;
use super::{EAGERNESS_RANGE, Margins};

/// After so many runs the margins are trusted no more, and the bracket is halved.
const MAX_ESTIMATED_RUNS: usize = 4;

/// A bracket narrower than this is not halved again.
const LEAST_WIDTH: f32 = 0.02;

/// What an eagerness really gave.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRun {
    /// Under which all sources were played.
    pub eagerness: f32,
    /// Turns that spoke.
    pub num_replies: usize,
    /// Of its turns.
    pub margins: Margins,
}

/// The search for an eagerness: pure, it is told what each run gave and tells which one to play next.
///
/// The first run is at eagerness 0. The next ones are where the margins of the run nearest to the wish say that it is
/// met; if they keep missing it, the bracket of the runs around it is halved. Of a model in which more eagerness gives
/// fewer replies somewhere, which its own replies may bring about, the nearest run counts.
#[derive(Clone, Debug)]
pub struct Search {
    target_replies: f64,
    max_runs: usize,
    /// In the order of their eagerness.
    runs: Vec<SearchRun>,
}

impl Search {
    /// A search for so many replies, a whole number or not, in at most so many runs.
    pub fn new(target_replies: f64, max_runs: usize) -> Self {
        Self { target_replies, max_runs, runs: Vec::new() }
    }

    /// The eagerness to play next; `None` when the wish is met as closely as whole replies allow, or cannot be.
    pub fn next_eagerness(&self) -> Option<f32> {
        let Some(best) = self.best() else { return Some(0.0) };
        if self.runs.len() >= self.max_runs || self.is_met(best) {
            return None;
        }
        let (lower, upper) = self.bracket();
        let bounds = (lower.map(|run| run.eagerness), upper.map(|run| run.eagerness));
        self.estimate(lower, upper).or_else(|| halve(bounds, self.runs.len()))
    }

    /// Takes what a run gave.
    pub fn add(&mut self, run: SearchRun) {
        let place = self.runs.partition_point(|other| other.eagerness <= run.eagerness);
        self.runs.insert(place, run);
    }

    /// The run that came nearest to the wish; of several the one that interferes least.
    pub fn best(&self) -> Option<&SearchRun> {
        self.runs.iter().min_by(|a, b| {
            let by_distance = self.distance(a).total_cmp(&self.distance(b));
            by_distance.then(a.eagerness.abs().total_cmp(&b.eagerness.abs()))
        })
    }

    /// All runs, in the order of their eagerness.
    pub fn runs(&self) -> &[SearchRun] {
        &self.runs
    }

    /// Whether no other number of replies is nearer to the wish than that of this run.
    pub fn is_met(&self, run: &SearchRun) -> bool {
        self.distance(run) <= 0.5
    }

    fn distance(&self, run: &SearchRun) -> f64 {
        (run.num_replies as f64 - self.target_replies).abs()
    }

    /// The runs with too few and with too many replies between which the wish lies; one is missing where the wish lies
    /// beyond all runs.
    fn bracket(&self) -> (Option<&SearchRun>, Option<&SearchRun>) {
        let is_too_few = |run: &SearchRun| (run.num_replies as f64) < self.target_replies;
        let pairs = self.runs.iter().zip(self.runs.iter().skip(1));
        let crossings = pairs.filter(|(lower, upper)| is_too_few(lower) && !is_too_few(upper));
        let nearest = crossings.min_by(|a, b| {
            let distance = |(lower, upper): &(&SearchRun, &SearchRun)| self.distance(lower).min(self.distance(upper));
            distance(a).total_cmp(&distance(b))
        });
        match nearest {
            Some((lower, upper)) => (Some(lower), Some(upper)),
            None if self.runs.first().is_some_and(is_too_few) => (self.runs.last(), None),
            None => (None, self.runs.first()),
        }
    }

    /// Where the margins of the nearer end of the bracket meet the wish, if that is inside it.
    fn estimate(&self, lower: Option<&SearchRun>, upper: Option<&SearchRun>) -> Option<f32> {
        if self.runs.len() >= MAX_ESTIMATED_RUNS {
            return None;
        }
        let ends = [lower, upper].into_iter().flatten();
        let nearer = ends.min_by(|a, b| self.distance(a).total_cmp(&self.distance(b)))?;
        let eagerness = nearer.margins.eagerness_for(self.target_replies.round() as usize);
        let is_inside =
            lower.is_none_or(|run| run.eagerness < eagerness) && upper.is_none_or(|run| eagerness < run.eagerness);
        is_inside.then_some(eagerness)
    }
}

/// The middle of a bracket; beyond the last run where one side is open, in steps that grow with the number of runs.
fn halve(bounds: (Option<f32>, Option<f32>), num_runs: usize) -> Option<f32> {
    let step = (1u32 << num_runs.min(8)) as f32;
    let eagerness = match bounds {
        (Some(lower), Some(upper)) => {
            return (upper - lower > LEAST_WIDTH).then(|| round_between(lower, upper));
        }
        (Some(last), None) => (last + step).min(*EAGERNESS_RANGE.end()),
        (None, Some(first)) => (first - step).max(*EAGERNESS_RANGE.start()),
        (None, None) => 0.0,
    };
    let is_new = bounds.0 != Some(eagerness) && bounds.1 != Some(eagerness);
    is_new.then_some(eagerness)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Plays a search against `play` to its end.
    fn search(target_replies: f64, max_runs: usize, play: impl Fn(f32) -> Vec<f32>) -> Search {
        let mut search = Search::new(target_replies, max_runs);
        while let Some(eagerness) = search.next_eagerness() {
            let margins = Margins::new(play(eagerness));
            search.add(SearchRun { eagerness, num_replies: margins.num_replies(eagerness), margins });
        }
        search
    }

    /// A model that, having spoken, is surer of silence in the turns after it: the more so the more it spoke.
    fn reacting(margins: &[f32], reluctance: f32, eagerness: f32) -> Vec<f32> {
        let mut held_back = 0.0;
        let react = |margin: &f32| {
            let margin = margin + held_back;
            held_back = if margin < eagerness { held_back + reluctance } else { held_back / 2.0 };
            margin
        };
        margins.iter().map(react).collect()
    }

    #[test]
    fn two_runs_do_where_replies_change_nothing() {
        let margins = [-3.0, -1.0, 1.0, 2.0, 4.0, 8.0];
        let found = search(5.0, 8, |_| margins.to_vec());
        let played: Vec<f32> = found.runs().iter().map(|run| run.eagerness).collect();
        assert_eq!((played, found.best().unwrap().num_replies), (vec![0.0, 6.0], 5));
    }

    #[test]
    fn a_wish_that_is_met_at_once_costs_one_run() {
        assert_eq!(search(2.4, 8, |_| vec![-1.0, -1.0, 1.0]).runs().len(), 1);
    }

    #[test]
    fn what_cannot_be_is_given_up() {
        // All or nothing: one reply of two is never given.
        let found = search(1.0, 30, |_| vec![1.0, 1.0]);
        assert!(found.runs().len() < 30 && !found.is_met(found.best().unwrap()));
        // Speaks always, or never.
        assert!(search(1.0, 30, |_| vec![f32::NEG_INFINITY; 3]).runs().len() < 30);
        assert!(search(1.0, 30, |_| vec![f32::INFINITY; 3]).runs().len() < 30);
        assert!(search(1.0, 30, |_| Vec::new()).runs().len() < 30);
    }

    proptest! {
        /// Whole replies apart, the wish is met in two runs where a reply changes nothing.
        #[test]
        fn exact_where_replies_change_nothing(
            gaps in prop::collection::vec(0.01f32..2.0, 1..60),
            share in 0.0f64..=1.0,
        ) {
            let margins: Vec<f32> = gaps.iter().scan(-15.0, |at, gap| { *at += gap; Some(*at) }).collect();
            let target_replies = share * margins.len() as f64;
            let found = search(target_replies, 8, |_| margins.clone());
            prop_assert!(found.is_met(found.best().unwrap()));
            prop_assert!(found.runs().len() <= 2);
        }

        /// A model that reads its own replies: the search ends, plays nothing twice, stays in bounds, and its best is
        /// no worse than the estimate alone would have been.
        #[test]
        fn a_reacting_model_is_searched_in_bounds(
            margins in prop::collection::vec(-10f32..10.0, 1..80),
            reluctance in 0f32..5.0,
            share in 0.0f64..=1.0,
        ) {
            let target_replies = share * margins.len() as f64;
            let found = search(target_replies, 10, |eagerness| reacting(&margins, reluctance, eagerness));
            prop_assert!((1..=10).contains(&found.runs().len()));
            prop_assert!(found.runs().iter().all(|run| EAGERNESS_RANGE.contains(&run.eagerness)));
            prop_assert!(found.runs().windows(2).all(|pair| pair[0].eagerness < pair[1].eagerness));
            let best = found.distance(found.best().unwrap());
            prop_assert!(found.runs().iter().all(|run| best <= found.distance(run)));
        }

        /// Where more eagerness never gives fewer replies, enough runs find the wish or show that it cannot be met:
        /// the two runs around it are then next to each other.
        #[test]
        fn a_monotone_model_is_found_or_bracketed(
            margins in prop::collection::vec(-10f32..10.0, 1..40),
            stretch in 0.2f32..5.0,
            share in 0.01f64..=0.99,
        ) {
            // The margins that a run records mislead by a factor; its replies follow the true ones.
            let target_replies = (share * margins.len() as f64).max(0.6);
            let mut search = Search::new(target_replies, 60);
            let truth = Margins::new(margins.iter().copied());
            while let Some(eagerness) = search.next_eagerness() {
                let margins = Margins::new(margins.iter().map(|margin| margin * stretch));
                search.add(SearchRun { eagerness, num_replies: truth.num_replies(eagerness), margins });
            }
            let best = search.best().unwrap();
            let (lower, upper) = search.bracket();
            let width = upper.map_or(f32::INFINITY, |run| run.eagerness) - lower.map_or(f32::NEG_INFINITY, |run| run.eagerness);
            prop_assert!(search.is_met(best) || width <= LEAST_WIDTH, "{} of {target_replies}", best.num_replies);
        }
    }
}
