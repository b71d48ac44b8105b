use std::cmp::Ordering;
use std::io;

use souffleur_model::sha256_hex;

use super::{Clip, Gold, Shard};
use crate::Finding;

/// ProactiveVideoQA's subsets, in the order of the papers' tables.
pub(crate) const SUBSETS_OF_TABLES: [&str; 4] = ["WEB", "EGO", "TV", "VAD"];

/// Sorts names of subsets: those of the papers' tables in their order, then the others by name.
pub(super) fn table_order(a: &str, b: &str) -> Ordering {
    let rank = |name| SUBSETS_OF_TABLES.iter().position(|known| *known == name).unwrap_or(SUBSETS_OF_TABLES.len());
    (rank(a), a).cmp(&(rank(b), b))
}

/// A part of a benchmark: what is played and what is right.
#[derive(Clone, Debug, PartialEq)]
pub struct Subset {
    /// The name of its row.
    pub name: String,
    /// The bytes of its annotation: kept in the run, which can then be scored without the benchmark's folder.
    pub annotation: Vec<u8>,
    /// What is right.
    pub gold: Gold,
    /// What is played, item by item in the order of `gold`.
    pub clips: Vec<Clip>,
    /// What is odd about the annotation.
    pub findings: Vec<Finding>,
}

impl Subset {
    /// Tells annotations apart.
    pub fn digest(&self) -> String {
        digest(&self.annotation)
    }

    /// Leaves only what belongs to a shard.
    #[must_use]
    pub fn sharded(mut self, shard: Shard) -> Self {
        keep(&mut self.clips, shard);
        match &mut self.gold {
            Gold::Answers(items) => keep(items, shard),
            Gold::Outputs(items) => keep(items, shard),
            Gold::Timing(bench) => keep(&mut bench.timing, shard),
            Gold::Alerts(items) => keep(items, shard),
            Gold::Choices(items) => keep(items, shard),
        }
        self
    }
}

fn keep<T>(items: &mut Vec<T>, shard: Shard) {
    let mut idx = 0;
    items.retain(|_| {
        idx += 1;
        shard.has(idx - 1)
    });
}

/// SHA-256 in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    let digest: io::Result<String> = sha256_hex(bytes);
    digest.expect("bytes in memory can be read")
}
