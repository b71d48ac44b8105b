//! Rows that need no model: what silence, chatter and knowing everything would score on the same clips.

use souffleur_core::FrameGrid;

use crate::run::{Clip, ClipEnd, Settings, Subset};
use crate::{Item, Predictions, TimedReply};

/// What the chatterer says at every turn: something, and never the answer.
const CHATTER: &str = "I am watching.";

/// Turns of chatter at most: a slip in a file must not fill the memory.
const MAX_CHATTER_TURNS: u64 = 100_000;

/// A way of replying that follows from the annotation alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reckoned {
    Silent,
    Talking,
    OracleAtStart,
    OracleAtEnd,
}

pub(super) const ALL: [(&str, Reckoned); 4] = [
    ("always silent", Reckoned::Silent),
    ("always talking", Reckoned::Talking),
    ("oracle at span start", Reckoned::OracleAtStart),
    ("oracle at span end", Reckoned::OracleAtEnd),
];

impl Reckoned {
    pub(super) fn predictions(
        self,
        items: &[Item],
        subset: &Subset,
        settings: &Settings,
        model_frames_per_turn: u32,
    ) -> Predictions {
        let frames_per_turn = settings.frames_per_turn.of(&subset.name, model_frames_per_turn);
        let mut predictions = Predictions::default();
        for (item, clip) in items.iter().zip(&subset.clips) {
            let replies = match self {
                Self::Silent => Vec::new(),
                Self::Talking => chatter(clip, item, settings.interval_secs, frames_per_turn),
                Self::OracleAtStart => oracle(item, |span| span.start_secs),
                Self::OracleAtEnd => oracle(item, |span| span.end_secs),
            };
            predictions.insert(&item.question_id, replies);
        }
        predictions
    }
}

fn oracle(item: &Item, when: fn(crate::Span) -> f64) -> Vec<TimedReply> {
    let replies = item
        .answers
        .iter()
        .filter_map(|answer| Some(TimedReply { time_secs: when(answer.reply_timespan?), text: answer.text.clone() }));
    replies.collect()
}

/// Something at the end of every turn of the clip.
fn chatter(clip: &Clip, item: &Item, interval_secs: f64, frames_per_turn: u32) -> Vec<TimedReply> {
    let end = match clip.end {
        ClipEnd::Video => Some(souffleur_core::MediaTime::from_secs_f64(item.duration_or_last_span_secs())),
        end => end.time(interval_secs),
    };
    let (Some(end), Ok(grid)) = (end, FrameGrid::new(interval_secs, 0.0, frames_per_turn)) else { return Vec::new() };
    let num_frames = grid.num_frames(end).min(MAX_CHATTER_TURNS);
    let last_of_turn = |idx: &u64| (idx + 1).is_multiple_of(u64::from(frames_per_turn)) || idx + 1 == num_frames;
    let times = (0..num_frames).filter(last_of_turn).map(|idx| grid.turn_time(grid.frame_time(idx)));
    times.map(|time| TimedReply { time_secs: time.as_secs_f64(), text: CHATTER.into() }).collect()
}
