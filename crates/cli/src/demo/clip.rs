use souffleur_bench::{ExactJudge, Item, SpanHits, SpanOutcome, TimedReply, span_hits};

use crate::failure::Failure;

macro_rules! bundled {
    ($path:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/kitchen/clips/", $path))
    };
}

/// What is asked and what should be said, in ProactiveVideoQA's form.
pub(super) const ANNOTATIONS: &[u8] = bundled!("anno.json");

static VIDEOS: [(&str, &[u8]); 4] = [
    ("kitchen-1.mp4", bundled!("videos/kitchen-1.mp4")),
    ("kitchen-2.mp4", bundled!("videos/kitchen-2.mp4")),
    ("kitchen-3.mp4", bundled!("videos/kitchen-3.mp4")),
    ("kitchen-5.mp4", bundled!("videos/kitchen-5.mp4")),
];

/// A bundled video by its name in the annotation.
pub(super) fn video(name: &str) -> Result<&'static [u8], Failure> {
    let found = VIDEOS.iter().find(|(video, _)| *video == name);
    found.map(|(_, bytes)| *bytes).ok_or_else(|| {
        let hint = "this is a fault of the program: please report it with the line above";
        Failure::because(format!("the annotation names {name}, which is not bundled"), hint)
    })
}

/// A clip that was played: what should have been said and what was.
pub(super) struct ClipReport {
    pub item: Item,
    /// In time order.
    pub replies: Vec<TimedReply>,
    pub hits: SpanHits,
}

/// What there is to say about a reply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The first to say this answer in its span.
    Hit { answer_idx: usize },
    /// The first to say this answer, after its span.
    Late { answer_idx: usize, late_secs: f64 },
    /// Says an answer in its span that was already said there.
    Again,
    /// Says no answer that is due.
    FalseAlarm,
}

impl ClipReport {
    pub(super) fn new(item: Item, replies: Vec<TimedReply>) -> Self {
        let hits = span_hits(&item, &replies, &ExactJudge);
        Self { item, replies, hits }
    }

    /// The verdict on the reply of that index.
    pub(super) fn verdict(&self, idx: usize) -> Verdict {
        let answer = self.hits.outcomes.iter().enumerate().find_map(|(answer_idx, outcome)| match *outcome {
            SpanOutcome::Hit { reply_idx, .. } if reply_idx == idx => Some(Verdict::Hit { answer_idx }),
            SpanOutcome::Late { reply_idx, late_secs } if reply_idx == idx => {
                Some(Verdict::Late { answer_idx, late_secs })
            }
            _ => None,
        });
        let otherwise = if self.hits.false_alarms.contains(&idx) { Verdict::FalseAlarm } else { Verdict::Again };
        answer.unwrap_or(otherwise)
    }

    /// Indices of the answers that no reply gave, in time or late.
    pub(super) fn missed(&self) -> impl Iterator<Item = usize> {
        let outcomes = self.hits.outcomes.iter().enumerate();
        outcomes.filter(|(_, outcome)| **outcome == SpanOutcome::Missed).map(|(answer_idx, _)| answer_idx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use souffleur_bench::Annotations;

    fn played(replies: &[(f64, &str)]) -> ClipReport {
        let items = Annotations::parse(ANNOTATIONS, "anno.json").unwrap().items;
        let replies = replies.iter().map(|&(time_secs, text)| TimedReply { time_secs, text: text.into() }).collect();
        ClipReport::new(items[0].clone(), replies)
    }

    #[test]
    fn every_clip_of_the_annotation_is_bundled() {
        let annotations = Annotations::parse(ANNOTATIONS, "anno.json").unwrap();
        assert_eq!(annotations.items.len(), VIDEOS.len());
        for item in annotations.items {
            assert!(video(&item.video).is_ok(), "{}", item.video);
        }
    }

    #[test]
    fn each_reply_has_its_verdict() {
        let clip = played(&[
            (1.0, "The water is boiling."),
            (5.0, "The pan is smoking, turn down the heat."),
            (6.0, "The pan is smoking, turn down the heat."),
            (22.0, "You pour water into the pot."),
        ]);
        let verdicts: Vec<Verdict> = (0..4).map(|idx| clip.verdict(idx)).collect();
        assert_eq!(verdicts[..3], [Verdict::FalseAlarm, Verdict::Hit { answer_idx: 0 }, Verdict::Again]);
        assert!(matches!(verdicts[3], Verdict::Late { answer_idx: 2, .. }));
        assert_eq!(clip.missed().collect::<Vec<_>>(), [1]);
    }
}
