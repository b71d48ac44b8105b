use serde_json::{Value, json};
use souffleur_bench::{SpanOutcome, SubsetResult};
use souffleur_model::Manifest;

use super::clip::{ClipReport, Verdict};

/// The ω of the demo's PAUC: the paper's default.
pub(super) const OMEGA: &str = "0.5";

/// All that the demo found.
pub(super) struct Facts {
    pub manifest: Manifest,
    pub clips: Vec<ClipReport>,
    pub result: SubsetResult,
}

impl Facts {
    pub(super) fn num_hits(&self) -> usize {
        self.clips.iter().map(|clip| clip.hits.num_hits()).sum()
    }

    pub(super) fn num_late(&self) -> usize {
        let outcomes = self.clips.iter().flat_map(|clip| &clip.hits.outcomes);
        outcomes.filter(|outcome| matches!(outcome, SpanOutcome::Late { .. })).count()
    }

    pub(super) fn num_false_alarms(&self) -> usize {
        self.clips.iter().map(|clip| clip.hits.false_alarms.len()).sum()
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "model": self.manifest.name,
            "weights": self.manifest.weights,
            "eagerness": self.manifest.default_eagerness,
            "clips": self.clips.iter().map(clip_json).collect::<Vec<_>>(),
            "span_hits": self.num_hits(),
            "late": self.num_late(),
            "false_alarms": self.num_false_alarms(),
            "metrics": self.result,
            "card": self.manifest.card,
        })
    }
}

fn clip_json(clip: &ClipReport) -> Value {
    let questions = clip.item.conversation.iter().map(|turn| json!({"time": turn.time_secs, "text": turn.text}));
    let replies = clip.replies.iter().enumerate().map(|(idx, reply)| {
        let (verdict, answer) = match clip.verdict(idx) {
            Verdict::Hit { answer_idx } => ("hit", Some(answer_idx)),
            Verdict::Late { answer_idx, .. } => ("late", Some(answer_idx)),
            Verdict::Again => ("again", None),
            Verdict::FalseAlarm => ("false_alarm", None),
        };
        json!({"time": reply.time_secs, "text": reply.text, "verdict": verdict, "answer": answer})
    });
    let answers = clip.item.answers.iter().zip(&clip.hits.outcomes).map(|(answer, outcome)| {
        let span = answer.reply_timespan.map(|span| [span.start_secs, span.end_secs]);
        let outcome = match outcome {
            SpanOutcome::Hit { .. } => "hit",
            SpanOutcome::Late { .. } => "late",
            SpanOutcome::Missed => "missed",
        };
        json!({"text": answer.text, "reply_timespan": span, "outcome": outcome})
    });
    json!({
        "video": clip.item.video,
        "questions": questions.collect::<Vec<_>>(),
        "replies": replies.collect::<Vec<_>>(),
        "answers": answers.collect::<Vec<_>>(),
    })
}
