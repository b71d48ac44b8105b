use souffleur_core::{MediaTime, Reply};

use crate::Recording;

/// How long a reply stays when no other follows.
const LONGEST: MediaTime = MediaTime::from_micros(5_000_000);

/// A reply with its place on the screen's time axis, in whole milliseconds as subtitle files have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cue<'a> {
    pub start_ms: u64,
    /// Always later than the start.
    pub end_ms: u64,
    pub reply: &'a Reply,
}

/// All replies as cues, in time order. One that reached the user ends where the next such begins, after 5 s at the
/// latest: they never overlap. Those that were kept from the user end after 5 s and are in nobody's way.
pub(super) fn cues(recording: &Recording) -> Vec<Cue<'_>> {
    let mut replies: Vec<&Reply> = recording.replies().collect();
    replies.sort_by_key(|reply| reply.time);
    let mut cues = Vec::with_capacity(replies.len());
    let mut next_shown_ms = u64::MAX;
    for reply in replies.into_iter().rev() {
        let is_shown = reply.suppressed.is_none();
        let mut start_ms = millis(reply.time);
        let mut end_ms = start_ms + millis(LONGEST);
        if is_shown {
            // Two replies within a millisecond (no grid gives them) still follow one another.
            start_ms = start_ms.min(next_shown_ms.saturating_sub(1));
            end_ms = end_ms.min(next_shown_ms);
            next_shown_ms = start_ms;
        }
        cues.push(Cue { start_ms, end_ms, reply });
    }
    cues.reverse();
    cues
}

fn millis(time: MediaTime) -> u64 {
    u64::try_from((time.as_micros() + 500) / 1000).unwrap_or(0)
}

/// `hh:mm:ss`, the sign between, and milliseconds.
pub(super) fn timestamp(time_ms: u64, decimal_sign: char) -> String {
    let (secs, ms) = (time_ms / 1000, time_ms % 1000);
    format!("{:02}:{:02}:{:02}{decimal_sign}{ms:03}", secs / 3600, secs / 60 % 60, secs % 60)
}

/// The lines of a text without empty ones, which would end a cue; never none.
pub(super) fn cue_lines(text: &str) -> String {
    let text = super::plain(text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { "…".to_owned() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::recording;
    use super::*;
    use proptest::prelude::*;
    use souffleur_core::SuppressReason;

    fn spans(replies: &[(f64, &str, Option<SuppressReason>)]) -> Vec<(u64, u64)> {
        cues(&recording(replies)).iter().map(|cue| (cue.start_ms, cue.end_ms)).collect()
    }

    #[test]
    fn a_cue_ends_at_the_next_or_after_five_seconds() {
        assert_eq!(
            spans(&[(1.0, "a", None), (3.0, "b", None), (20.0, "c", None)]),
            [(1000, 3000), (3000, 8000), (20000, 25000)]
        );
        let kept = Some(SuppressReason::Repeat);
        assert_eq!(
            spans(&[(1.0, "a", None), (2.0, "b", kept), (4.0, "c", None)]),
            [(1000, 4000), (2000, 7000), (4000, 9000)]
        );
    }

    #[test]
    fn timestamps() {
        assert_eq!(timestamp(3_725_042, ','), "01:02:05,042");
        assert_eq!(timestamp(360_000_000, '.'), "100:00:00.000");
    }

    proptest! {
        #[test]
        fn cues_never_overlap_nor_vanish(times in prop::collection::btree_set(1000i64..100_000_000, 0..30)) {
            let replies: Vec<_> = times.iter().map(|&micros| (micros as f64 / 1e6, "x", None)).collect();
            let spans = spans(&replies);
            prop_assert!(spans.iter().all(|(start, end)| start < end));
            prop_assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        }
    }
}
