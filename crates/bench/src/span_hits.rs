//! Which gold answers were met, for people to read beside the replies.

use crate::{Item, Judge, JudgeRequest, TimedReply};

/// What became of a gold answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SpanOutcome {
    /// A reply inside the span says it.
    Hit {
        /// Index of the first such reply.
        reply_idx: usize,
        /// Seconds from the start of the evidence to it.
        delay_secs: f64,
    },
    /// Only a reply after the span says it.
    Late {
        /// Index of the first such reply.
        reply_idx: usize,
        /// Seconds from the end of the span to it.
        late_secs: f64,
    },
    /// No reply says it, in the span or later.
    Missed,
}

/// The gold answers of one item beside its replies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanHits {
    /// What became of each gold answer, in the order of the annotation.
    pub outcomes: Vec<SpanOutcome>,
    /// Indices of the replies that say no gold answer inside its span, nor a late one for the first time.
    pub false_alarms: Vec<usize>,
}

impl SpanHits {
    /// How many gold answers were met inside their span.
    pub fn num_hits(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome, SpanOutcome::Hit { .. })).count()
    }
}

/// Matches single replies with gold answers; a reply matches when the judge gives it alone the best score.
///
/// `replies` are in time order. A reply that meets one answer inside its span is not another's late one, so the same
/// event twice in a video is told apart.
pub fn span_hits(item: &Item, replies: &[TimedReply], judge: &dyn Judge) -> SpanHits {
    let says = |answer_idx: usize, reply: &TimedReply| {
        let answer = &item.answers[answer_idx];
        let score = judge.score(&JudgeRequest {
            question_id: &item.question_id,
            answer_idx,
            time_secs: reply.time_secs,
            question: item.question_of(answer),
            gold: &answer.text,
            replies: &[&reply.text],
        });
        score.is_some_and(|score| score >= judge.max_score())
    };
    let is_in_span = |answer_idx: usize, reply: &TimedReply| {
        item.answers[answer_idx].reply_timespan.is_some_and(|span| span.contains(reply.time_secs))
    };
    let mut is_accounted: Vec<bool> = replies
        .iter()
        .map(|reply| (0..item.answers.len()).any(|idx| is_in_span(idx, reply) && says(idx, reply)))
        .collect();
    let outcomes = item.answers.iter().enumerate().map(|(answer_idx, answer)| {
        let Some(span) = answer.reply_timespan else { return SpanOutcome::Missed };
        let mut said = replies.iter().enumerate().filter(|(_, reply)| says(answer_idx, reply));
        if let Some((reply_idx, reply)) = said.clone().find(|(_, reply)| span.contains(reply.time_secs)) {
            let evidence = answer.related_timespan.unwrap_or(span);
            return SpanOutcome::Hit { reply_idx, delay_secs: reply.time_secs - evidence.start_secs };
        }
        match said.find(|(idx, reply)| reply.time_secs > span.end_secs && !is_accounted[*idx]) {
            Some((reply_idx, reply)) => {
                is_accounted[reply_idx] = true;
                SpanOutcome::Late { reply_idx, late_secs: reply.time_secs - span.end_secs }
            }
            None => SpanOutcome::Missed,
        }
    });
    let outcomes = outcomes.collect();
    let false_alarms = (0..replies.len()).filter(|&idx| !is_accounted[idx]).collect();
    SpanHits { outcomes, false_alarms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExactJudge, GoldAnswer, Span};

    fn answer(text: &str, start_secs: f64, end_secs: f64) -> GoldAnswer {
        let span = Span { start_secs, end_secs };
        GoldAnswer {
            text: text.into(),
            question: None,
            related_timespan: Some(span),
            reply_timespan: Some(Span { start_secs, end_secs: end_secs + 1.0 }),
            kind: None,
        }
    }

    #[test]
    fn hits_late_ones_misses_and_false_alarms() {
        let item = Item {
            question_id: "pan".into(),
            video: "pan.mp4".into(),
            duration_secs: Some(40.0),
            conversation: Vec::new(),
            answers: vec![
                answer("Oil goes in.", 2.0, 6.0),
                answer("The egg is in.", 10.0, 14.0),
                answer("Oil goes in.", 20.0, 24.0),
                answer("The lid is on.", 30.0, 34.0),
            ],
        };
        let says = [
            (1.0, "Oil goes in."),    // before the evidence
            (4.0, "oil goes in"),     // hit
            (5.0, "Oil goes in!"),    // again: no false alarm
            (17.0, "The egg is in."), // two seconds late
            (22.0, "Oil goes in."),   // hit of the second
            (32.0, "A fork."),
        ];
        let replies: Vec<_> =
            says.iter().map(|&(time_secs, text)| TimedReply { time_secs, text: text.into() }).collect();
        let hits = span_hits(&item, &replies, &ExactJudge);
        assert_eq!(
            hits.outcomes,
            [
                SpanOutcome::Hit { reply_idx: 1, delay_secs: 2.0 },
                SpanOutcome::Late { reply_idx: 3, late_secs: 2.0 },
                SpanOutcome::Hit { reply_idx: 4, delay_secs: 2.0 },
                SpanOutcome::Missed,
            ]
        );
        assert_eq!(hits.false_alarms, [0, 5]);
        assert_eq!(hits.num_hits(), 2);
    }
}
