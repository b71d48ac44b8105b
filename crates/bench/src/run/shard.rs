use std::fmt;
use std::str::FromStr;

use super::RunError;

/// One of several equal parts of a run, for machines that share it.
///
/// Item `k` of a subset, counted from 0 in the order of its file, belongs to shard `k mod n + 1`: long and short
/// subsets alike are spread evenly, and nobody has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    idx: usize,
    of: usize,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Self = Self { idx: 1, of: 1 };

    /// Whether the item at this place of its file belongs to it.
    pub fn has(self, item_idx: usize) -> bool {
        item_idx % self.of == self.idx - 1
    }

    /// Whether it is everything.
    pub fn is_whole(self) -> bool {
        self.of == 1
    }
}

impl FromStr for Shard {
    type Err = RunError;

    fn from_str(typed: &str) -> Result<Self, RunError> {
        let parts = typed.split_once('/').and_then(|(idx, of)| Some((idx.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((idx, of)) if 1 <= idx && idx <= of => Ok(Self { idx, of }),
            _ => Err(RunError::Shard { typed: typed.to_owned() }),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.idx, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_everything_and_nothing_twice() {
        for of in 1..6 {
            let shards: Vec<Shard> = (1..=of).map(|idx| format!("{idx}/{of}").parse().unwrap()).collect();
            for item_idx in 0..20 {
                assert_eq!(shards.iter().filter(|shard| shard.has(item_idx)).count(), 1);
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for typed in ["0/4", "5/4", "1/0", "a/b", "1", "", "-1/2", "1/2/3"] {
            assert!(typed.parse::<Shard>().is_err(), "{typed}");
        }
    }
}
