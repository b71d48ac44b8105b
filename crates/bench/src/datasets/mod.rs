//! Annotation files of other benchmarks, as tolerant as [`crate::Annotations`]: an item that cannot be used is left
//! out and listed, everything else odd is listed only.

mod frame_dialogue;
mod humomni;
mod lettered;
mod omnimmi;
mod ovo_bench;
mod streaming_bench;

use std::collections::HashSet;

use serde_json::{Map, Value};

pub use frame_dialogue::{FORCED_PREFIX, FrameDialogue, FrameTurn, TurnAnswer, frame_dialogues};
pub use humomni::humomni;
pub use lettered::{long_video_bench, mv_bench, video_mme};
pub use omnimmi::{AlertItem, Exchange, TurnTakingItem, proactive_alerting, proactive_turn_taking};
pub use ovo_bench::{OvoBench, OvoChoice, OvoTask, TimingItem, ovo_bench};
pub use streaming_bench::{ProactiveOutputItem, streaming_bench_po};

use crate::finding::FindingKind::{BadItem, DuplicateId};
use crate::finding::FindingLog;
use crate::{BenchError, Finding, lenient_json};

/// A read file.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset<T> {
    /// The items, in the order of the file; of several with one identity only the first.
    pub items: Vec<T>,
    /// What was odd.
    pub findings: Vec<Finding>,
}

/// Reads a list of objects with `take`, which adds the items of one object.
fn read<T>(
    bytes: &[u8],
    origin: &str,
    id_of: fn(&T) -> &str,
    mut take: impl FnMut(&mut FindingLog, &Map<String, Value>, &mut Vec<T>),
) -> Result<Dataset<T>, BenchError> {
    let mut log = FindingLog::default();
    let mut items = Vec::new();
    for (idx, value) in lenient_json::list(bytes, origin)?.iter().enumerate() {
        log.place = format!("item {}", idx + 1);
        match value.as_object() {
            Some(object) => take(&mut log, object, &mut items),
            None => log.find(BadItem, format!("an object is expected, found {}", lenient_json::shown(Some(value)))),
        }
    }
    let mut seen = HashSet::new();
    items.retain(|item| {
        let is_new = seen.insert(id_of(item).to_owned());
        if !is_new {
            log.place = id_of(item).to_owned();
            log.find(DuplicateId, "this identity was there before; the first counts");
        }
        is_new
    });
    Ok(Dataset { items, findings: log.into_findings() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every reader on the same bytes: a foreign file gives findings, never a panic.
    fn read_all_ways(bytes: &[u8]) {
        let _ = streaming_bench_po(bytes, "x");
        let _ = ovo_bench(bytes, "x");
        let _ = proactive_alerting(bytes, "x");
        let _ = proactive_turn_taking(bytes, "x");
        let _ = video_mme(bytes, "x");
        let _ = mv_bench(bytes, "x");
        let _ = long_video_bench(bytes, "x");
        let _ = frame_dialogues(bytes, "x");
        let _ = humomni(bytes, "x");
    }

    const FILES: [&str; 9] = [
        include_str!("../../tests/fixtures/streaming_bench.json"),
        include_str!("../../tests/fixtures/ovo_bench.json"),
        include_str!("../../tests/fixtures/omnimmi_pa.json"),
        include_str!("../../tests/fixtures/omnimmi_pt.json"),
        include_str!("../../tests/fixtures/video_mme.json"),
        include_str!("../../tests/fixtures/mv_bench.json"),
        include_str!("../../tests/fixtures/long_video_bench.json"),
        include_str!("../../tests/fixtures/mmduet2_frames.json"),
        include_str!("../../tests/fixtures/humomni.json"),
    ];

    #[test]
    fn files_of_other_benchmarks_do_not_panic() {
        FILES.iter().for_each(|file| read_all_ways(file.as_bytes()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A file of which one JSON value was replaced.
        #[test]
        fn odd_values_do_not_panic(
            file in 0..FILES.len(),
            at in any::<prop::sample::Index>(),
            odd in prop::sample::select(vec!["null", "-1", "1e300", "\"\"", "[]", "{}", "\"é\"", "[[]]", "\"9:9:9:9\""]),
        ) {
            let file = FILES[file];
            let starts: Vec<usize> = file.match_indices(": ").map(|(start, _)| start + 2).collect();
            let start = starts[at.index(starts.len())];
            let mut stream = serde_json::Deserializer::from_str(&file[start..]).into_iter::<Value>();
            prop_assume!(stream.next().is_some_and(|value| value.is_ok()));
            let end = start + stream.byte_offset();
            read_all_ways(format!("{}{odd}{}", &file[..start], &file[end..]).as_bytes());
        }
    }
}
