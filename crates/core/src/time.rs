use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point (or a distance) on the time axis of the video, counted from its start.
///
/// Kept in whole microseconds so that `k · interval` compares exactly: the benchmark matches times to 1e-6 s.
/// Written to and read from JSON as seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaTime {
    micros: i64,
}

impl MediaTime {
    /// The start of the video.
    pub const ZERO: Self = Self { micros: 0 };

    /// No time that a user names or a file holds reaches this many seconds, 31 years: readers refuse it.
    pub const MAX_SECS: f64 = 1e9;

    /// From whole microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros }
    }

    /// From seconds, rounded to the nearest microsecond. Values that no video can have (NaN, ±∞) saturate, as
    /// `as` casts do; callers that read user input check with [`f64::is_finite`] first.
    pub fn from_secs_f64(secs: f64) -> Self {
        Self { micros: (secs * 1e6).round() as i64 }
    }

    /// Whole microseconds.
    pub const fn as_micros(self) -> i64 {
        self.micros
    }

    /// Seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.micros as f64 / 1e6
    }

    /// This time taken `count` times: the start of frame `count` when `self` is the frame interval.
    pub const fn times(self, count: u64) -> Self {
        Self { micros: self.micros.saturating_mul(count as i64) }
    }
}

impl Add for MediaTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { micros: self.micros.saturating_add(other.micros) }
    }
}

impl Sub for MediaTime {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { micros: self.micros.saturating_sub(other.micros) }
    }
}

/// `m:ss` or `h:mm:ss`, with tenths when the time is not a whole second: how people read a video's time.
impl fmt::Display for MediaTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.micros < 0 { "-" } else { "" };
        let tenths = (self.micros.unsigned_abs() + 50_000) / 100_000;
        let (secs, tenth) = (tenths / 10, tenths % 10);
        let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
        match hours {
            0 => write!(f, "{sign}{minutes}:{secs:02}")?,
            _ => write!(f, "{sign}{hours}:{minutes:02}:{secs:02}")?,
        }
        if tenth == 0 { Ok(()) } else { write!(f, ".{tenth}") }
    }
}

impl Serialize for MediaTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for MediaTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secs = f64::deserialize(deserializer)?;
        if secs.is_finite() {
            Ok(Self::from_secs_f64(secs))
        } else {
            Err(serde::de::Error::custom(format!("a time in seconds is expected, found {secs}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_people_do() {
        let show = |secs| MediaTime::from_secs_f64(secs).to_string();
        assert_eq!(show(0.0), "0:00");
        assert_eq!(show(65.0), "1:05");
        assert_eq!(show(3725.5), "1:02:05.5");
        assert_eq!(show(59.96), "1:00");
        assert_eq!(show(-1.5), "-0:01.5");
    }

    #[test]
    fn multiples_are_exact() {
        let interval = MediaTime::from_secs_f64(0.1);
        assert_eq!(interval.times(36_000), MediaTime::from_secs_f64(3600.0));
    }
}
