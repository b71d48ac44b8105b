use std::fmt;

use crate::MediaTime;

/// Where frames and turns lie in time. The one place that turns an index into a time.
///
/// Frame `k` is taken at `from + k · interval`; a turn of `frames_per_turn` frames is stamped at the *end* of its
/// last frame, so at 1 s and one frame a turn the earliest reply is at 1.0 (ProactiveVideoQA, released code).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameGrid {
    interval: MediaTime,
    from: MediaTime,
    frames_per_turn: u32,
}

/// Why a grid cannot be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FrameGridError {
    /// The interval in seconds is not a positive, finite number of at least a millisecond.
    Interval(f64),
    /// The start in seconds is negative or not finite.
    From(f64),
    /// A turn holds one or two frames (MMDuet2 §3).
    FramesPerTurn(u32),
}

impl fmt::Display for FrameGridError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interval(secs) => write!(f, "the frame interval must be from 0.001 to 3600 seconds, found {secs}"),
            Self::From(secs) => write!(f, "the start must be a time of at least 0 seconds, found {secs}"),
            Self::FramesPerTurn(found) => write!(f, "a turn holds 1 or 2 frames, found {found}"),
        }
    }
}

impl std::error::Error for FrameGridError {}

impl FrameGrid {
    /// A grid of one frame every `interval_secs` from `from_secs` on.
    ///
    /// # Errors
    /// When one of the three numbers is out of its range.
    pub fn new(interval_secs: f64, from_secs: f64, frames_per_turn: u32) -> Result<Self, FrameGridError> {
        if !(0.001..=3600.0).contains(&interval_secs) {
            return Err(FrameGridError::Interval(interval_secs));
        }
        if !(0.0..MediaTime::MAX_SECS).contains(&from_secs) {
            return Err(FrameGridError::From(from_secs));
        }
        if !(1..=2).contains(&frames_per_turn) {
            return Err(FrameGridError::FramesPerTurn(frames_per_turn));
        }
        let (interval, from) = (MediaTime::from_secs_f64(interval_secs), MediaTime::from_secs_f64(from_secs));
        Ok(Self { interval, from, frames_per_turn })
    }

    /// Distance between two frames.
    pub fn interval(&self) -> MediaTime {
        self.interval
    }

    /// Time of frame 0.
    pub fn from(&self) -> MediaTime {
        self.from
    }

    /// Frames a turn, 1 or 2.
    pub fn frames_per_turn(&self) -> u32 {
        self.frames_per_turn
    }

    /// When frame `frame_idx` is taken.
    pub fn frame_time(&self, frame_idx: u64) -> MediaTime {
        self.from + self.interval.times(frame_idx)
    }

    /// The stamp of a turn whose last frame was taken at `last_frame_time`.
    pub fn turn_time(&self, last_frame_time: MediaTime) -> MediaTime {
        last_frame_time + self.interval
    }

    /// How many frames a video that lasts until `end` holds: `max(1, floor((end − from) / interval))`.
    pub fn num_frames(&self, end: MediaTime) -> u64 {
        let span_micros = (end - self.from).as_micros();
        (span_micros / self.interval.as_micros()).max(1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(value: f64) -> MediaTime {
        MediaTime::from_secs_f64(value)
    }

    #[test]
    fn first_turn_ends_at_one_second() {
        let grid = FrameGrid::new(1.0, 0.0, 1).unwrap();
        assert_eq!(grid.turn_time(grid.frame_time(0)), secs(1.0));
        let pairs = FrameGrid::new(1.0, 0.0, 2).unwrap();
        assert_eq!(pairs.turn_time(pairs.frame_time(1)), secs(2.0));
    }

    #[test]
    fn a_later_start_keeps_the_times_of_the_file() {
        let grid = FrameGrid::new(0.5, 3.0, 1).unwrap();
        assert_eq!(grid.frame_time(2), secs(4.0));
        assert_eq!(grid.num_frames(secs(10.0)), 14);
    }

    #[test]
    fn counts_whole_intervals_and_at_least_one() {
        let grid = FrameGrid::new(1.0, 0.0, 1).unwrap();
        for (duration, expected) in [(0.0, 1), (0.04, 1), (1.0, 1), (1.999, 1), (22.02, 22), (24.0, 24)] {
            assert_eq!(grid.num_frames(secs(duration)), expected, "{duration} s");
        }
        // 0.1 is not a binary fraction; 0.3 / 0.1 must still be three.
        assert_eq!(FrameGrid::new(0.1, 0.0, 1).unwrap().num_frames(secs(0.3)), 3);
    }

    #[test]
    fn refuses_what_no_clock_shows() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9] {
            assert!(FrameGrid::new(bad, 0.0, 1).is_err(), "{bad}");
        }
        assert!(FrameGrid::new(1.0, -0.5, 1).is_err());
        assert!(FrameGrid::new(1.0, 0.0, 3).is_err());
    }
}
