//! PAUC, the proactive area under the curve (ProactiveVideoQA, arXiv 2507.09313, §4; late rule and repeated strings
//! as in its released code). Pure functions over slices.
//!
//! Per gold answer with the span `[t_s, t_e]`, both ends included:
//! 1. candidates are the replies inside the span by time; a string already seen in this turn is skipped;
//! 2. the judge scores all kept replies so far, 0 to S: each score is a point of a curve;
//! 3. the late rule ([`drop_worse_late`]) deletes late points that are worse than the last punctual one;
//! 4. the curve over `x = (t − t_s)·(1 − ω)` starts at 0.5, jumps to each score and holds the last to `t_e`
//!    ([`pauc`]): PAUC is its area over `(t_e − t_s)·S`;
//! 5. without a point PAUC is `0.5 / S`, at any ω.

use crate::{Span, TimedReply};

/// Height of the curve before the first reply: silence is worth a little more than a wrong reply.
pub const SILENCE_SCORE: f64 = 0.5;

/// A judged reply as a point of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScorePoint {
    /// When it was said, in seconds of the video.
    pub time_secs: f64,
    /// What the judge gave, 0 to S.
    pub score: f64,
}

/// The replies inside a span, both ends included. `replies` are in time order.
pub fn candidates(replies: &[TimedReply], span: Span) -> &[TimedReply] {
    let start = replies.partition_point(|reply| reply.time_secs < span.start_secs);
    let len = replies[start..].iter().take_while(|reply| reply.time_secs <= span.end_secs).count();
    &replies[start..start + len]
}

/// The late rule. With two points or more: the last score up to `related_end_secs` (0 if there is none) is what a
/// later point must reach; those below it are deleted. `points` are in time order.
///
/// A late slip after a punctual right answer thus costs nothing; a late first answer counts as it is.
pub fn drop_worse_late(points: &mut Vec<ScorePoint>, related_end_secs: f64) {
    if points.len() < 2 {
        return;
    }
    let num_punctual = points.partition_point(|point| point.time_secs <= related_end_secs);
    let last = points[..num_punctual].last().map_or(0.0, |point| point.score);
    points.retain(|point| point.time_secs <= related_end_secs || point.score >= last);
}

/// Area under the curve of one gold answer, from 0 to 1.
///
/// - `points`: in time order, inside `span`, after the late rule;
/// - `omega`: 0 to 1, the share of the waiting that is forgiven;
/// - `max_score`: S, above 0.
///
/// A span of no length has no area: the value is its limit, the last score over S.
pub fn pauc(points: &[ScorePoint], span: Span, omega: f64, max_score: f64) -> f64 {
    let Some(last) = points.last() else { return SILENCE_SCORE / max_score };
    let length_secs = span.length_secs();
    if length_secs <= 0.0 {
        return last.score / max_score;
    }
    let (mut area, mut x, mut height) = (0.0, 0.0, SILENCE_SCORE);
    for point in points {
        let next_x = (point.time_secs - span.start_secs) * (1.0 - omega);
        area += height * (next_x - x);
        (x, height) = (next_x, point.score);
    }
    area += height * (length_secs - x);
    area / (length_secs * max_score)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(points: &[(f64, f64)]) -> Vec<ScorePoint> {
        points.iter().map(|&(time_secs, score)| ScorePoint { time_secs, score }).collect()
    }

    fn span(start_secs: f64, end_secs: f64) -> Span {
        Span { start_secs, end_secs }
    }

    fn reply(time_secs: f64, text: &str) -> TimedReply {
        TimedReply { time_secs, text: text.to_owned() }
    }

    /// The worked cases of the rules, S = 2, at ω = 0, 0.5 and 1.
    #[test]
    fn worked_cases() {
        let worked = |length_secs: f64, curve: &[(f64, f64)], expected: [f64; 3]| {
            // Where the span lies in the video does not matter.
            for start_secs in [0.0, 7.0] {
                let shifted: Vec<_> = curve.iter().map(|&(time, score)| (time + start_secs, score)).collect();
                for (omega, expected) in [0.0, 0.5, 1.0].into_iter().zip(expected) {
                    let found = pauc(&points(&shifted), span(start_secs, start_secs + length_secs), omega, 2.0);
                    assert!((found - expected).abs() < 1e-6, "{curve:?} at ω {omega}: {found}, not {expected}");
                }
            }
        };
        worked(49.0, &[(1.0, 0.0), (17.0, 1.0), (33.0, 2.0), (41.0, 2.0)], [0.494_898, 0.747_449, 1.0]);
        worked(10.0, &[(10.0, 2.0)], [0.25, 0.625, 1.0]);
        worked(10.0, &[(0.0, 0.0)], [0.0, 0.0, 0.0]);
        worked(10.0, &[(5.0, 2.0)], [0.625, 0.8125, 1.0]);
        worked(10.0, &[(5.0, 1.0)], [0.375, 0.4375, 0.5]);
        worked(10.0, &[(2.0, 2.0), (6.0, 0.0)], [0.45, 0.225, 0.0]);
        worked(10.0, &[], [0.25, 0.25, 0.25]);
    }

    #[test]
    fn silence_is_worth_less_on_a_longer_scale() {
        assert_eq!(pauc(&[], span(0.0, 10.0), 0.5, 4.0), 0.125);
        assert_eq!(pauc(&[], span(3.0, 3.0), 0.5, 4.0), 0.125);
    }

    #[test]
    fn a_span_of_no_length_has_a_value() {
        assert_eq!(pauc(&points(&[(3.0, 0.0), (3.0, 2.0)]), span(3.0, 3.0), 0.0, 2.0), 1.0);
    }

    #[test]
    fn both_ends_of_a_span_are_inside() {
        let replies = [reply(1.0, "a"), reply(2.0, "b"), reply(2.0, "c"), reply(5.0, "d"), reply(5.1, "e")];
        let inside = |start, end| -> Vec<&str> {
            candidates(&replies, span(start, end)).iter().map(|reply| reply.text.as_str()).collect()
        };
        assert_eq!(inside(2.0, 5.0), ["b", "c", "d"]);
        assert_eq!(inside(2.1, 4.9), [""; 0]);
        assert_eq!(inside(9.0, 10.0), [""; 0]);
        assert_eq!(inside(5.0, 2.0), [""; 0], "a reversed span holds nothing");
    }

    #[test]
    fn late_points_must_reach_the_last_punctual_score() {
        let after = |curve: &[(f64, f64)]| {
            let mut points = points(curve);
            drop_worse_late(&mut points, 5.0);
            points.iter().map(|point| (point.time_secs, point.score)).collect::<Vec<_>>()
        };
        // Worse than the last punctual one: deleted. On the end itself is punctual.
        assert_eq!(after(&[(5.0, 2.0), (6.0, 1.0), (7.0, 2.0)]), [(5.0, 2.0), (7.0, 2.0)]);
        // The last one, not the best one, sets the bar.
        assert_eq!(after(&[(2.0, 2.0), (4.0, 1.0), (6.0, 0.0), (7.0, 1.0)]), [(2.0, 2.0), (4.0, 1.0), (7.0, 1.0)]);
        // The bar does not rise with late points.
        assert_eq!(after(&[(2.0, 1.0), (6.0, 2.0), (7.0, 1.0)]), [(2.0, 1.0), (6.0, 2.0), (7.0, 1.0)]);
        // No punctual point: the bar is 0 and everything stays.
        assert_eq!(after(&[(6.0, 2.0), (7.0, 0.0)]), [(6.0, 2.0), (7.0, 0.0)]);
        // A single point is never late.
        assert_eq!(after(&[(9.0, 0.0)]), [(9.0, 0.0)]);
    }
}
