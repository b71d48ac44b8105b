use std::cell::RefCell;
use std::collections::HashMap;

use crate::pauc::{SILENCE_SCORE, ScorePoint, drop_worse_late};
use crate::{GoldAnswer, Judge, JudgeRequest};

/// A judge whose verdicts are kept, so that a report shows the very scores that were counted.
pub(super) struct ScoreLog<'a> {
    judge: &'a dyn Judge,
    verdicts: RefCell<HashMap<(String, usize), Vec<Verdict>>>,
}

/// A judged reply: when it was made and what it got.
pub(super) type Verdict = (f64, Option<f64>);

impl<'a> ScoreLog<'a> {
    pub(super) fn new(judge: &'a dyn Judge) -> Self {
        Self { judge, verdicts: RefCell::default() }
    }

    /// The verdicts on one gold answer, by time.
    pub(super) fn verdicts(&self, question_id: &str, answer_idx: usize) -> Vec<Verdict> {
        self.verdicts.borrow().get(&(question_id.to_owned(), answer_idx)).cloned().unwrap_or_default()
    }

    /// Every row of a score file: identity, gold answer, time, score.
    pub(super) fn rows(&self) -> Vec<(String, usize, Verdict)> {
        let verdicts = self.verdicts.borrow();
        let mut rows: Vec<_> = verdicts
            .iter()
            .flat_map(|((id, answer_idx), verdicts)| verdicts.iter().map(|verdict| (id.clone(), *answer_idx, *verdict)))
            .collect();
        rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)).then(a.2.0.total_cmp(&b.2.0)));
        rows
    }
}

impl Judge for ScoreLog<'_> {
    fn score(&self, request: &JudgeRequest<'_>) -> Option<f64> {
        let score = self.judge.score(request);
        let key = (request.question_id.to_owned(), request.answer_idx);
        self.verdicts.borrow_mut().entry(key).or_default().push((request.time_secs, score));
        score
    }

    fn max_score(&self) -> f64 {
        self.judge.max_score()
    }

    fn repeats(&self, replies: &[&str], asked: &[usize]) -> Vec<bool> {
        self.judge.repeats(replies, asked)
    }
}

/// Height of an answer's curve at a share of its span, from 0 to 1, over the judge's scale.
pub(super) fn height(answer: &GoldAnswer, verdicts: &[Verdict], share: f64, max_score: f64) -> f64 {
    let Some(span) = answer.reply_timespan else { return SILENCE_SCORE / max_score };
    let points = verdicts.iter().filter_map(|&(time_secs, score)| Some(ScorePoint { time_secs, score: score? }));
    let mut points: Vec<ScorePoint> = points.collect();
    drop_worse_late(&mut points, answer.related_end_secs().unwrap_or(span.end_secs));
    let until_secs = span.start_secs + share * span.length_secs();
    let reached = points.iter().take_while(|point| point.time_secs <= until_secs).last();
    reached.map_or(SILENCE_SCORE, |point| point.score) / max_score
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn the_curve_is_that_of_the_metric() {
        let span = Span { start_secs: 0.0, end_secs: 10.0 };
        let answer = GoldAnswer {
            text: "a".into(),
            question: None,
            related_timespan: Some(span),
            reply_timespan: Some(span),
            kind: None,
        };
        let verdicts = [(2.0, Some(1.0)), (5.0, None), (6.0, Some(2.0))];
        let at = |share| height(&answer, &verdicts, share, 2.0);
        assert_eq!([0.0, 0.1, 0.2, 0.5, 0.6, 1.0].map(at), [0.25, 0.25, 0.5, 0.5, 1.0, 1.0]);
        // Its mean over the span is PAUC at omega 0.
        let mean = (0..1000).map(|idx| at((f64::from(idx) + 0.5) / 1000.0)).sum::<f64>() / 1000.0;
        let points: Vec<_> =
            verdicts.iter().filter_map(|&(time_secs, score)| Some(ScorePoint { time_secs, score: score? })).collect();
        assert!((mean - crate::pauc::pauc(&points, span, 0.0, 2.0)).abs() < 1e-9);
    }
}
