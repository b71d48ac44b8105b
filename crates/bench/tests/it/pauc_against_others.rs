//! PAUC against two other implementations: a Python script that reads like the rules, and a slow step walk.

use proptest::prelude::*;
use serde::Deserialize;
use souffleur_bench::{GoldAnswer, Item, Judge, JudgeRequest, Omega, Predictions, Span, TimedReply, evaluate};

/// One gold answer, its replies and what the judge says when asked at each of them.
#[derive(Clone, Debug, Deserialize)]
struct Case {
    span: (f64, f64),
    related_end: f64,
    omega: f64,
    max_score: f64,
    /// Time, words, score.
    replies: Vec<(f64, String, Option<f64>)>,
    /// Only in the fixture: the value of the Python reference.
    #[serde(default)]
    pauc: f64,
}

impl Judge for Case {
    fn score(&self, request: &JudgeRequest<'_>) -> Option<f64> {
        let newest = *request.replies.last().unwrap();
        let asked = |(time, text, _): &&(f64, String, _)| *time == request.time_secs && text == newest;
        self.replies.iter().find(asked).unwrap().2
    }

    fn max_score(&self) -> f64 {
        self.max_score
    }
}

/// Through the whole of `evaluate`: candidates, repeated strings, judge, late rule, area.
fn evaluated(case: &Case) -> f64 {
    let span = |(start_secs, end_secs): (f64, f64)| Some(Span { start_secs, end_secs });
    let answer = GoldAnswer {
        text: "gold".into(),
        question: None,
        related_timespan: span((case.span.0, case.related_end)),
        reply_timespan: span(case.span),
        kind: None,
    };
    let item = Item {
        question_id: "case".into(),
        video: String::new(),
        duration_secs: None,
        conversation: Vec::new(),
        answers: vec![answer],
    };
    let replies =
        case.replies.iter().map(|(time_secs, text, _)| TimedReply { time_secs: *time_secs, text: text.clone() });
    let mut predictions = Predictions::default();
    predictions.insert("case", replies.collect());
    let omega: Omega = case.omega.to_string().parse().unwrap();
    evaluate(&[item], &predictions, case, &[omega]).values(0).next().unwrap()
}

/// 1,000 random cases with the values of `fixtures/pauc_reference.py` (Python 3, standard library only; its `write`
/// command made the file, its `check` command makes it again).
#[test]
fn agrees_with_the_python_reference() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../fixtures/pauc_cases.json")).unwrap();
    assert_eq!(cases.len(), 1000);
    for case in &cases {
        let found = evaluated(case);
        assert!((found - case.pauc).abs() < 1e-9, "{case:?}: {found}");
    }
}

/// The height of the curve at `x`, found by looking at every point; the area by the midpoints of the steps.
fn slow(case: &Case) -> f64 {
    let (start, end) = case.span;
    let mut in_order: Vec<_> = case.replies.iter().collect();
    in_order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (idx, (time, text, score)) in in_order.iter().enumerate() {
        let is_inside = |time: &f64| *time >= start && *time <= end;
        let is_said = in_order[..idx].iter().any(|(time, earlier, _)| is_inside(time) && earlier == text);
        if let (true, false, Some(score)) = (is_inside(time), is_said, score) {
            points.push((*time, *score));
        }
    }
    if points.is_empty() {
        return 0.5 / case.max_score;
    }
    let bar = match points.iter().rfind(|(time, _)| *time <= case.related_end) {
        Some((_, score)) if points.len() > 1 => *score,
        _ => 0.0,
    };
    points.retain(|(time, score)| *time <= case.related_end || *score >= bar);
    let x = |time: f64| (time - start) * (1.0 - case.omega);
    let height = |at: f64| points.iter().rfind(|(time, _)| x(*time) <= at).map_or(0.5, |(_, score)| *score);
    let mut edges: Vec<f64> = points.iter().map(|(time, _)| x(*time)).chain([0.0, end - start]).collect();
    edges.sort_by(f64::total_cmp);
    let steps = edges.windows(2).map(|step| height((step[0] + step[1]) / 2.0) * (step[1] - step[0]));
    steps.sum::<f64>() / ((end - start) * case.max_score)
}

fn cases() -> impl Strategy<Value = Case> {
    let reply = (0u32..60, "[a-f]", prop::option::weighted(0.9, 0u8..=4));
    (0u32..30, 1u32..20, 0u32..20, 0u32..=8, prop::bool::ANY, prop::collection::vec(reply, 0..24)).prop_map(
        |(start, evidence, after, omega, is_long_scale, replies)| {
            let max_score = if is_long_scale { 4.0 } else { 2.0 };
            let secs = |halves: u32| f64::from(halves) / 2.0;
            Case {
                span: (secs(start), secs(start + evidence + after)),
                related_end: secs(start + evidence),
                omega: f64::from(omega) / 8.0,
                max_score,
                replies: replies
                    .into_iter()
                    .map(|(time, text, score)| (secs(time), text, score.map(|score| f64::from(score).min(max_score))))
                    .collect(),
                pauc: 0.0,
            }
        },
    )
}

proptest! {
    #[test]
    fn agrees_with_a_slow_step_walk(case in cases()) {
        let (found, expected) = (evaluated(&case), slow(&case));
        prop_assert!((found - expected).abs() < 1e-9, "{found}, slowly {expected}");
    }

    #[test]
    fn stays_between_nothing_and_all(case in cases()) {
        prop_assert!((0.0..=1.0).contains(&evaluated(&case)));
    }

    /// At ω = 1 only the last kept score counts, whenever it was given.
    #[test]
    fn omega_one_forgets_time(case in cases()) {
        let mut case = Case { omega: 1.0, ..case };
        let before = evaluated(&case);
        let end = case.related_end;
        case.replies.iter_mut().filter(|reply| reply.0 >= case.span.0 && reply.0 < end).for_each(|reply| {
            reply.0 = (reply.0 + case.span.0) / 2.0; // earlier, in the same order
        });
        prop_assert!((evaluated(&case) - before).abs() < 1e-9);
    }
}
