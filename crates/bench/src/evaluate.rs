//! Annotations and predictions in, numbers of every gold answer out.

use std::collections::HashSet;
use std::ops::AddAssign;

use crate::pauc::{SILENCE_SCORE, ScorePoint, candidates, drop_worse_late, pauc};
use crate::{Item, Judge, JudgeRequest, Omega, Predictions, TimedReply};

/// Below so many replies that could be duplicates their rate says nothing (MMDuet2, arXiv 2512.06810).
const MIN_REPLIES_FOR_DUPLICATES: usize = 10;

/// Counts over all items of a subset.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Items.
    pub num_items: usize,
    /// Replies, in and out of spans.
    pub num_replies: usize,
    /// Replies outside every reply span of their item.
    pub num_out_of_span: usize,
    /// Replies a judge was asked about without a usable answer.
    pub num_unscored: usize,
    /// Replies that are not the first inside a gold span: the ones that can be duplicates.
    pub num_not_first: usize,
    /// Those of them of which all was said before.
    pub num_duplicates: usize,
    /// Length of the videos together, in seconds.
    pub duration_secs: f64,
}

/// Several subsets as one.
impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.num_items += other.num_items;
        self.num_replies += other.num_replies;
        self.num_out_of_span += other.num_out_of_span;
        self.num_unscored += other.num_unscored;
        self.num_not_first += other.num_not_first;
        self.num_duplicates += other.num_duplicates;
        self.duration_secs += other.duration_secs;
    }
}

/// The values of every gold answer of a subset, kept flat: about 16 bytes an answer and ω.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    omegas: Vec<Omega>,
    /// PAUC from 0 to 1, answer by answer, the values of one answer side by side in the order of `omegas`.
    values: Vec<f64>,
    /// Index of the first answer of each item, and the number of all answers at the end.
    item_starts: Vec<u32>,
    /// Seconds from the start of the evidence to the first reply in span, of each answer that has one.
    pub first_reply_delays_secs: Vec<f64>,
    /// The counts.
    pub tally: Tally,
    /// Items without a row among the predictions; they count as silent.
    pub items_without_predictions: Vec<String>,
    /// Rows among the predictions for items that are not there.
    pub num_unknown_ids: usize,
}

impl Evaluation {
    /// The ω asked for.
    pub fn omegas(&self) -> &[Omega] {
        &self.omegas
    }

    /// Number of gold answers.
    pub fn num_answers(&self) -> usize {
        self.item_starts.last().map_or(0, |&num| num as usize)
    }

    /// PAUC of every gold answer, from 0 to 1, at the ω of that index.
    pub fn values(&self, omega_idx: usize) -> impl ExactSizeIterator<Item = f64> {
        self.values.iter().skip(omega_idx).step_by(self.omegas.len().max(1)).copied()
    }

    /// For each item the sum of PAUC over its gold answers, and their number: what is drawn again by a bootstrap.
    pub fn item_sums(&self, omega_idx: usize) -> Vec<(f64, u32)> {
        let mut values = self.values(omega_idx);
        let sums = self.item_starts.windows(2).map(|bounds| {
            let num = bounds[1] - bounds[0];
            (values.by_ref().take(num as usize).sum(), num)
        });
        sums.collect()
    }
}

/// Scores every gold answer. Items without predictions are silent.
pub fn evaluate(items: &[Item], predictions: &Predictions, judge: &dyn Judge, omegas: &[Omega]) -> Evaluation {
    let num_answers: usize = items.iter().map(|item| item.answers.len()).sum();
    let mut evaluation = Evaluation {
        omegas: omegas.to_vec(),
        values: Vec::with_capacity(num_answers * omegas.len()),
        item_starts: Vec::with_capacity(items.len() + 1),
        first_reply_delays_secs: Vec::with_capacity(num_answers),
        tally: Tally { num_items: items.len(), ..Tally::default() },
        items_without_predictions: Vec::new(),
        num_unknown_ids: 0,
    };
    let mut turn = GoldTurn::default();
    let mut said = ItemReplies::default();
    let mut num_answers_so_far = 0;
    for item in items {
        evaluation.item_starts.push(num_answers_so_far);
        num_answers_so_far += item.answers.len() as u32;
        let replies = predictions.replies(&item.question_id).unwrap_or_else(|| {
            evaluation.items_without_predictions.push(item.question_id.clone());
            &[]
        });
        evaluation.add_answers(item, replies, judge, &mut turn);
        evaluation.tally.add_replies(item, replies, judge, &mut said);
    }
    evaluation.item_starts.push(num_answers_so_far);
    // Identities are unique among items, as the readers see to.
    let num_known = items.len() - evaluation.items_without_predictions.len();
    evaluation.num_unknown_ids = predictions.question_ids().count().saturating_sub(num_known);
    evaluation
}

impl Evaluation {
    fn add_answers<'a>(
        &mut self,
        item: &'a Item,
        replies: &'a [TimedReply],
        judge: &dyn Judge,
        turn: &mut GoldTurn<'a>,
    ) {
        let max_score = judge.max_score();
        for (answer_idx, answer) in item.answers.iter().enumerate() {
            self.tally.num_unscored += turn.walk(item, answer_idx, replies, judge);
            let Some(span) = answer.reply_timespan else {
                self.values.extend(self.omegas.iter().map(|_| SILENCE_SCORE / max_score));
                continue;
            };
            if let Some(first) = candidates(replies, span).first() {
                let evidence = answer.related_timespan.unwrap_or(span);
                self.first_reply_delays_secs.push(first.time_secs - evidence.start_secs);
            }
            self.values.extend(self.omegas.iter().map(|omega| pauc(&turn.points, span, omega.value(), max_score)));
        }
    }
}

impl Tally {
    /// Percent of repeated replies; `None` below so many that could be that it says nothing.
    pub fn duplicates_percent(&self) -> Option<f64> {
        (self.num_not_first >= MIN_REPLIES_FOR_DUPLICATES)
            .then(|| self.num_duplicates as f64 / self.num_not_first as f64 * 100.0)
    }

    /// Replies a minute of video; 0 without video.
    pub fn replies_per_minute(&self) -> f64 {
        if self.duration_secs > 0.0 { self.num_replies as f64 / (self.duration_secs / 60.0) } else { 0.0 }
    }

    fn add_replies<'a>(
        &mut self,
        item: &Item,
        replies: &'a [TimedReply],
        judge: &dyn Judge,
        said: &mut ItemReplies<'a>,
    ) {
        self.duration_secs += item.duration_or_last_span_secs();
        self.num_replies += replies.len();
        if replies.is_empty() {
            return;
        }
        let spans = || item.answers.iter().filter_map(|answer| answer.reply_timespan);
        let is_in_span = |reply: &TimedReply| spans().any(|span| span.contains(reply.time_secs));
        self.num_out_of_span += replies.iter().filter(|reply| !is_in_span(reply)).count();
        said.clear(replies);
        for span in spans() {
            let first = replies.partition_point(|reply| reply.time_secs < span.start_secs);
            if replies.get(first).is_some_and(|reply| span.contains(reply.time_secs)) {
                said.is_first[first] = true;
            }
        }
        said.not_first.extend((0..replies.len()).filter(|&idx| !said.is_first[idx]));
        if said.not_first.is_empty() {
            return;
        }
        self.num_not_first += said.not_first.len();
        let repeats = judge.repeats(&said.texts, &said.not_first);
        self.num_duplicates += repeats.into_iter().filter(|&is_repeat| is_repeat).count();
    }
}

/// The replies of one item as a judge of repeats wants them; its room is used again from item to item.
#[derive(Default)]
struct ItemReplies<'a> {
    texts: Vec<&'a str>,
    /// Whether it is the first reply inside some gold span.
    is_first: Vec<bool>,
    not_first: Vec<usize>,
}

impl<'a> ItemReplies<'a> {
    fn clear(&mut self, replies: &'a [TimedReply]) {
        self.texts.clear();
        self.texts.extend(replies.iter().map(|reply| reply.text.as_str()));
        self.is_first.clear();
        self.is_first.resize(replies.len(), false);
        self.not_first.clear();
    }
}

/// One gold answer's walk over its candidates; its room is used again from answer to answer.
#[derive(Default)]
struct GoldTurn<'a> {
    kept: Vec<&'a str>,
    /// Fills only where there are many candidates: a scan is faster among few.
    seen: HashSet<&'a str>,
    points: Vec<ScorePoint>,
}

/// Up to so many kept replies a scan finds a repeated string faster than hashing.
const MAX_SCANNED: usize = 16;

impl<'a> GoldTurn<'a> {
    /// Fills `points` with the curve after the late rule; returns how many kept replies got no score.
    fn walk(&mut self, item: &'a Item, answer_idx: usize, replies: &'a [TimedReply], judge: &dyn Judge) -> usize {
        self.kept.clear();
        self.seen.clear();
        self.points.clear();
        let answer = &item.answers[answer_idx];
        let Some(span) = answer.reply_timespan else { return 0 };
        let inside = candidates(replies, span);
        if inside.is_empty() {
            return 0;
        }
        let question = item.question_of(answer);
        let mut num_unscored = 0;
        for reply in inside {
            if self.is_seen(&reply.text) {
                continue;
            }
            self.kept.push(&reply.text);
            let score = judge.score(&JudgeRequest {
                question_id: &item.question_id,
                answer_idx,
                time_secs: reply.time_secs,
                question,
                gold: &answer.text,
                replies: &self.kept,
            });
            match score {
                Some(score) => self.points.push(ScorePoint { time_secs: reply.time_secs, score }),
                None => num_unscored += 1,
            }
        }
        drop_worse_late(&mut self.points, answer.related_end_secs().unwrap_or(span.end_secs));
        num_unscored
    }

    fn is_seen(&mut self, text: &'a str) -> bool {
        if self.kept.len() < MAX_SCANNED {
            return self.kept.contains(&text);
        }
        if self.seen.is_empty() {
            self.seen.extend(self.kept.iter().copied());
        }
        !self.seen.insert(text)
    }
}
