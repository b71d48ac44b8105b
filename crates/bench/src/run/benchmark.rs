//! The benchmarks that can be run, and how each lies on disk.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::clip::{Clip, ClipEnd, inside};
use super::subset::table_order;
use super::{RunError, Subset};
use crate::datasets::{self, AlertItem, Dataset, OvoBench, ProactiveOutputItem};
use crate::{Annotations, BenchError, Finding, Item, MultipleChoice, UserText};

/// A benchmark by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Benchmark {
    /// ProactiveVideoQA (arXiv 2507.09313), and anything in its form: `SUBSET/{anno.json,videos/}`.
    ProactiveVideoQa,
    /// StreamingBench, proactive output, push protocol: `questions_proactive.json`.
    StreamingBenchPo,
    /// OVO-Bench, the timing of its forward tasks: `ovo_bench_new.json`.
    OvoTiming,
    /// OmniMMI, proactive alerting: `proactive_alerting.json`.
    OmniMmi,
    /// HumOmni, in the style of track 2: `humomni.json`.
    HumOmni,
    /// Video-MME, multiple choice: `video_mme.json`.
    VideoMme,
    /// MVBench, multiple choice, flattened to one list: `mvbench.json`.
    MvBench,
    /// LongVideoBench, multiple choice: `lvb_val.json`.
    LongVideoBench,
}

/// What is right about the items of a subset.
#[derive(Clone, Debug, PartialEq)]
pub enum Gold {
    /// Answers with spans, scored by PAUC.
    Answers(Vec<Item>),
    /// One output at one time.
    Outputs(Vec<ProactiveOutputItem>),
    /// Times at which something is due.
    Timing(OvoBench),
    /// An event to be told of.
    Alerts(Vec<AlertItem>),
    /// Questions with lettered options.
    Choices(Vec<MultipleChoice>),
}

const BENCHMARKS: [(&str, Benchmark); 8] = [
    ("proactivevideoqa", Benchmark::ProactiveVideoQa),
    ("streamingbench-po", Benchmark::StreamingBenchPo),
    ("ovo-timing", Benchmark::OvoTiming),
    ("omnimmi", Benchmark::OmniMmi),
    ("humomni", Benchmark::HumOmni),
    ("video-mme", Benchmark::VideoMme),
    ("mvbench", Benchmark::MvBench),
    ("longvideobench", Benchmark::LongVideoBench),
];

impl FromStr for Benchmark {
    type Err = RunError;

    fn from_str(typed: &str) -> Result<Self, RunError> {
        if let Some((_, benchmark)) = BENCHMARKS.iter().find(|(name, _)| *name == typed) {
            return Ok(*benchmark);
        }
        let known = BENCHMARKS.iter().map(|(name, _)| *name).collect();
        Err(RunError::UnknownBenchmark { typed: typed.to_owned(), known })
    }
}

impl fmt::Display for Benchmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = BENCHMARKS.iter().find(|(_, benchmark)| benchmark == self).map_or("", |(name, _)| *name);
        f.write_str(name)
    }
}

impl Benchmark {
    fn annotation_file(self) -> &'static str {
        match self {
            Self::ProactiveVideoQa => "anno.json",
            Self::StreamingBenchPo => "questions_proactive.json",
            Self::OvoTiming => "ovo_bench_new.json",
            Self::OmniMmi => "proactive_alerting.json",
            Self::HumOmni => "humomni.json",
            Self::VideoMme => "video_mme.json",
            Self::MvBench => "mvbench.json",
            Self::LongVideoBench => "lvb_val.json",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::ProactiveVideoQa => "anno.json, or folders such as WEB/ that hold one, each beside videos/",
            Self::StreamingBenchPo => "questions_proactive.json beside the videos",
            Self::OvoTiming => "ovo_bench_new.json beside the videos",
            Self::OmniMmi => "proactive_alerting.json beside videos/",
            Self::HumOmni => "humomni.json beside videos/",
            Self::VideoMme => "video_mme.json beside videos/",
            Self::MvBench => "mvbench.json, all tasks in one list, beside videos/",
            Self::LongVideoBench => "lvb_val.json beside videos/",
        }
    }

    /// Reads the subsets that lie in `root`: those of these names, in this order, or all by name.
    ///
    /// # Errors
    /// When there is none, one asked for is not there, or an annotation cannot be read.
    pub fn open(self, root: &Path, wanted: &[String]) -> Result<Vec<Subset>, RunError> {
        let found = self.find(root);
        if found.is_empty() {
            return Err(RunError::NoSubset { root: root.to_owned(), expected: self.expected() });
        }
        let names = || found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let wanted = if wanted.is_empty() { names() } else { wanted.to_vec() };
        let mut subsets = Vec::new();
        for name in wanted {
            let Some((_, folder)) = found.iter().find(|(found, _)| *found == name) else {
                return Err(RunError::UnknownSubset { name, root: root.to_owned(), found: names() });
            };
            if subsets.iter().any(|subset: &Subset| subset.name == name) {
                continue;
            }
            let path = folder.join(self.annotation_file());
            let bytes = fs::read(&path).map_err(|cause| BenchError::Read { path: path.clone(), cause })?;
            subsets.push(self.read(&name, folder, bytes, &path.display().to_string())?);
        }
        Ok(subsets)
    }

    /// Names and folders of the subsets in `root`. One that lies in `root` itself bears the folder's name, or the
    /// benchmark's where that has no subsets.
    fn find(self, root: &Path) -> Vec<(String, PathBuf)> {
        let has_annotation = |folder: &Path| folder.join(self.annotation_file()).is_file();
        if has_annotation(root) {
            let canonical = root.canonicalize().unwrap_or_else(|_| root.to_owned());
            let folder_name = canonical.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = match self {
                Self::ProactiveVideoQa => folder_name.unwrap_or_else(|| self.to_string()),
                _ => self.to_string(),
            };
            return vec![(name, root.to_owned())];
        }
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let folders = entries.map(|entry| entry.path()).filter(|path| has_annotation(path));
        let mut found: Vec<(String, PathBuf)> =
            folders.filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path))).collect();
        found.sort_by(|(a, _), (b, _)| table_order(a, b));
        found
    }

    /// A subset from the bytes of its annotation; its videos lie in `folder/videos`, or, where the benchmark is not in
    /// ProactiveVideoQA's form and that is not there, in `folder`.
    ///
    /// # Errors
    /// When the bytes are no annotation of this benchmark.
    pub fn read(self, name: &str, folder: &Path, bytes: Vec<u8>, origin: &str) -> Result<Subset, RunError> {
        let videos = match folder.join("videos") {
            // Some of the others are unpacked with their videos beside the annotation.
            videos if self != Self::ProactiveVideoQa && !videos.is_dir() => folder.to_owned(),
            videos => videos,
        };
        let (gold, clips, findings) = match self {
            Self::ProactiveVideoQa => {
                let Annotations { items, findings } = Annotations::parse(&bytes, origin)?;
                let clips = items.iter().map(|item| Clip::of_item(item, &videos)).collect();
                (Gold::Answers(items), clips, findings)
            }
            Self::StreamingBenchPo => {
                let Dataset { items, findings } = datasets::streaming_bench_po(&bytes, origin)?;
                let clips = items.iter().map(|item| output_clip(item, &videos)).collect();
                (Gold::Outputs(items), clips, findings)
            }
            Self::OvoTiming => {
                let mut bench = datasets::ovo_bench(&bytes, origin)?;
                let findings: Vec<Finding> = std::mem::take(&mut bench.findings);
                let clips = bench.timing.iter().map(|item| {
                    let asked = (item.asked_secs, item.question.as_str());
                    clip(&item.question_id, &videos, &item.video, asked, (0.0, ClipEnd::Video))
                });
                let clips = clips.collect();
                (Gold::Timing(bench), clips, findings)
            }
            Self::OmniMmi => {
                let Dataset { items, findings } = datasets::proactive_alerting(&bytes, origin)?;
                let clips = items.iter().map(|item| {
                    clip(&item.question_id, &videos, &item.video, (0.0, &item.question), (0.0, ClipEnd::Video))
                });
                let clips = clips.collect();
                (Gold::Alerts(items), clips, findings)
            }
            Self::HumOmni => {
                let Dataset { items, findings } = datasets::humomni(&bytes, origin)?;
                let clips = items.iter().map(|item| Clip::of_item(item, &videos)).collect();
                (Gold::Answers(items), clips, findings)
            }
            Self::VideoMme => choices(datasets::video_mme(&bytes, origin)?, &videos),
            Self::MvBench => choices(datasets::mv_bench(&bytes, origin)?, &videos),
            Self::LongVideoBench => choices(datasets::long_video_bench(&bytes, origin)?, &videos),
        };
        Ok(Subset { name: name.to_owned(), annotation: bytes, gold, clips, findings })
    }
}

fn choices(read: Dataset<MultipleChoice>, videos: &Path) -> (Gold, Vec<Clip>, Vec<Finding>) {
    let clips = read
        .items
        .iter()
        .map(|item| clip(&item.question_id, videos, &item.video, (0.0, &item.user_text()), (0.0, ClipEnd::Video)));
    let clips = clips.collect();
    (Gold::Choices(read.items), clips, read.findings)
}

fn output_clip(item: &ProactiveOutputItem, videos: &Path) -> Clip {
    let span = item.clip();
    let asked = (item.asked_secs, item.question.as_str());
    clip(&item.question_id, videos, &item.video, asked, (span.start_secs, ClipEnd::At(span.end_secs)))
}

fn clip(
    question_id: &str,
    videos: &Path,
    video: &str,
    (time_secs, question): (f64, &str),
    (from_secs, end): (f64, ClipEnd),
) -> Clip {
    let texts = vec![UserText { time_secs, text: question.to_owned() }];
    Clip { question_id: question_id.to_owned(), video: inside(videos, video), from_secs, end, texts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for (name, benchmark) in BENCHMARKS {
            assert_eq!(name.parse::<Benchmark>().unwrap(), benchmark);
            assert_eq!(benchmark.to_string(), name);
        }
        assert!(matches!("x".parse::<Benchmark>(), Err(RunError::UnknownBenchmark { .. })));
    }

    #[test]
    fn subsets_are_found_in_the_order_of_the_tables() {
        let root = tempfile::tempdir().unwrap();
        for name in ["VAD", "WEB", "own", "empty"] {
            fs::create_dir_all(root.path().join(name).join("videos")).unwrap();
            if name != "empty" {
                fs::write(root.path().join(name).join("anno.json"), "[]").unwrap();
            }
        }
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            let subsets = Benchmark::ProactiveVideoQa.open(root.path(), &wanted)?;
            Ok::<_, RunError>(subsets.into_iter().map(|subset| subset.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["WEB", "VAD", "own"]);
        assert_eq!(names(&["own", "WEB", "own"]).unwrap(), ["own", "WEB"]);
        assert!(matches!(names(&["TV"]), Err(RunError::UnknownSubset { .. })));
        let one = Benchmark::ProactiveVideoQa.open(&root.path().join("VAD"), &[]).unwrap();
        assert_eq!(one[0].name, "VAD");
        assert!(Benchmark::OmniMmi.open(root.path(), &[]).is_err());
    }
}
