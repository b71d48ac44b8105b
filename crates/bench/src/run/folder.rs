//! The folder of a run: what was asked for, what was predicted, what came of it.
//!
//! ```text
//! RUN/run.json                         what was asked for; decides what may be gone on with
//! RUN/annotations/SUBSET.json          the annotations, byte for byte
//! RUN/predictions/SUBSET.jsonl         a line an item
//! RUN/variants/LABEL/{run.json,predictions/SUBSET.jsonl}    baselines and sweeps
//! RUN/report.json, report.md, report.html
//! ```

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use souffleur_session::export::write_whole;

use super::prediction::{self, Prediction};
use super::settings::Settings;
use super::subset::{Subset, digest, table_order};
use super::variant::{MAIN, Variant, VariantKind};
use super::{Benchmark, RunError, Shard};

/// The form of `run.json`.
const FORMAT: u32 = 1;

/// What a run needs to know of its model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// What it is called.
    pub name: String,
    /// SHA-256 of its manifest, which holds that of each file.
    pub digest: String,
    /// Frames a turn it was trained on.
    pub frames_per_turn: u32,
}

/// `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    format: u32,
    /// The program that began it.
    pub program: String,
    /// The benchmark's name.
    pub benchmark: String,
    /// Where its videos are.
    pub root: PathBuf,
    /// What ran.
    pub model: ModelFacts,
    /// How it was driven.
    pub settings: Settings,
    /// Which part of the items is here.
    pub shard: String,
    /// SHA-256 of each subset's annotation.
    pub subsets: BTreeMap<String, String>,
    /// Why this part is there: `main`, `baseline` or `sweep`.
    pub kind: String,
}

impl RunRecord {
    /// The record of one variant.
    pub(super) fn new(plan: &super::RunPlan, variant: &Variant) -> Self {
        Self {
            format: FORMAT,
            program: format!("souffleur {}", env!("CARGO_PKG_VERSION")),
            benchmark: plan.benchmark.to_string(),
            root: plan.root.canonicalize().unwrap_or_else(|_| plan.root.clone()),
            model: plan.model.clone(),
            settings: variant.settings.clone(),
            shard: plan.shard.to_string(),
            subsets: plan.subsets.iter().map(|subset| (subset.name.clone(), subset.digest())).collect(),
            kind: match variant.kind {
                VariantKind::Main => "main".into(),
                VariantKind::Baseline => "baseline".into(),
                VariantKind::Sweep => "sweep".into(),
            },
        }
    }

    /// Its place in the report.
    pub fn variant_kind(&self) -> VariantKind {
        match self.kind.as_str() {
            "baseline" => VariantKind::Baseline,
            "sweep" => VariantKind::Sweep,
            _ => VariantKind::Main,
        }
    }

    /// What may not differ when a run is gone on with, besides the shard. A subset may be added.
    pub(super) fn check_same(&self, other: &Self, folder: &Path) -> Result<(), RunError> {
        let digest = |model: &ModelFacts| format!("{} ({:.12})", model.name, model.digest);
        let pairs = [
            ("the benchmark", self.benchmark.clone(), other.benchmark.clone()),
            ("the model", digest(&self.model), digest(&other.model)),
        ];
        let differing = pairs.into_iter().find(|(_, here, there)| here != there);
        let annotations = self.subsets.iter().find_map(|(name, here)| {
            let there = other.subsets.get(name).filter(|there| *there != here)?;
            Some(("another annotation", format!("{name} ({here:.12})"), format!("{name} ({there:.12})")))
        });
        match differing.or_else(|| self.settings.difference(&other.settings)).or(annotations) {
            None => Ok(()),
            Some((what, found, asked)) => Err(RunError::OtherRun { folder: folder.to_owned(), what, found, asked }),
        }
    }
}

/// A run on disk.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

/// A run that was killed may leave a child caught between fork and exec, which shares its open files, and so the lock,
/// for a moment longer: going on at once after a kill must not be refused. A run at work is told so after 1.5 s.
const LOCK_TRIES: u32 = 30;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

impl RunFolder {
    /// A run that is there.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let folder = Self { path: path.to_owned() };
        folder.record()?;
        Ok(folder)
    }

    /// A run that may not be there yet.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was asked for.
    ///
    /// # Errors
    /// When `run.json` is missing or not ours.
    pub fn record(&self) -> Result<RunRecord, RunError> {
        let bytes = fs::read(self.path.join("run.json"))
            .map_err(|error| RunError::not_a_run(&self.path, format!("run.json cannot be read: {error}")))?;
        let record: RunRecord = serde_json::from_slice(&bytes)
            .map_err(|error| RunError::not_a_run(&self.path, format!("run.json: {error}")))?;
        // They become names of files: a run from elsewhere must not lead out of its folder.
        if let Some(name) = record.subsets.keys().find(|name| !is_plain_name(name)) {
            return Err(RunError::not_a_run(&self.path, format!("{name:?} is no name of a subset")));
        }
        match record.format {
            FORMAT => Ok(record),
            found => Err(RunError::not_a_run(&self.path, format!("format {FORMAT} is expected, found {found}"))),
        }
    }

    /// Makes this the folder of `record`, or checks that it is.
    pub(super) fn claim(&self, record: &RunRecord) -> Result<(), RunError> {
        let mut record = record.clone();
        if self.path.join("run.json").exists() {
            let there = self.record()?;
            there.check_same(&record, &self.path)?;
            if there.shard != record.shard {
                return Err(RunError::OtherRun {
                    folder: self.path.clone(),
                    what: "--shard",
                    found: there.shard,
                    asked: record.shard,
                });
            }
            let mut subsets = there.subsets;
            subsets.extend(record.subsets);
            record = RunRecord { subsets, program: there.program, ..record };
        }
        self.write("run.json", &json(&record))
    }

    /// Keeps another process out for as long as the file lives.
    pub(super) fn lock(&self) -> Result<File, RunError> {
        let path = self.path.join("lock");
        let failed = |cause| RunError::write(&path, cause);
        fs::create_dir_all(&self.path).map_err(failed)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        let mut tries_left = LOCK_TRIES;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(fs::TryLockError::Error(cause)) => return Err(RunError::write(&path, cause)),
                Err(fs::TryLockError::WouldBlock) if tries_left == 0 => {
                    return Err(RunError::Busy { folder: self.path.clone() });
                }
                Err(fs::TryLockError::WouldBlock) => {
                    tries_left -= 1;
                    std::thread::sleep(LOCK_PAUSE);
                }
            }
        }
    }

    /// The part of the run that has this label.
    pub(crate) fn variant(&self, label: &str) -> Self {
        match label {
            MAIN => self.clone(),
            _ => Self { path: self.path.join("variants").join(label) },
        }
    }

    /// The labels of all parts that are there: the run itself, baselines, sweeps by name.
    pub fn labels(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path.join("variants")).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut found: Vec<(bool, String)> = names
            .filter_map(|label| {
                let record = self.variant(&label).record().ok()?;
                Some((record.variant_kind() == VariantKind::Sweep, label))
            })
            .collect();
        found.sort_by(|(a_sweep, a), (b_sweep, b)| a_sweep.cmp(b_sweep).then_with(|| sweep_order(a, b)));
        std::iter::once(MAIN.to_owned()).chain(found.into_iter().map(|(_, label)| label)).collect()
    }

    pub(super) fn predictions_path(&self, subset: &str) -> PathBuf {
        self.path.join("predictions").join(format!("{subset}.jsonl"))
    }

    /// What the model said, as far as it got.
    ///
    /// # Errors
    /// When the file is broken.
    pub fn predictions(&self, subset: &str) -> Result<Vec<Prediction>, RunError> {
        prediction::read(&self.predictions_path(subset))
    }

    pub(super) fn keep_annotation(&self, subset: &Subset) -> Result<(), RunError> {
        let name = format!("annotations/{}.json", subset.name);
        match fs::read(self.path.join(&name)) {
            Ok(bytes) if bytes == subset.annotation => Ok(()),
            _ => self.write(&name, &subset.annotation),
        }
    }

    /// The subsets of the run, from the annotations it keeps: those of its shard, in the order of the tables.
    ///
    /// # Errors
    /// When an annotation is missing or is not the one of the run.
    pub fn subsets(&self) -> Result<Vec<Subset>, RunError> {
        let record = self.record()?;
        let benchmark: Benchmark = record.benchmark.parse()?;
        let shard: Shard = record.shard.parse()?;
        let mut names: Vec<&String> = record.subsets.keys().collect();
        names.sort_by(|a, b| table_order(a, b));
        let mut subsets = Vec::new();
        for name in names {
            let path = self.path.join("annotations").join(format!("{name}.json"));
            let bytes = fs::read(&path)
                .map_err(|error| RunError::not_a_run(&self.path, format!("{}: {error}", path.display())))?;
            if digest(&bytes) != record.subsets[name] {
                return Err(RunError::not_a_run(
                    &self.path,
                    format!("{} is not the annotation of the run", path.display()),
                ));
            }
            let in_root = record.root.join(name);
            let folder = if in_root.is_dir() { in_root } else { record.root.clone() };
            subsets.push(benchmark.read(name, &folder, bytes, name)?.sharded(shard));
        }
        Ok(subsets)
    }

    /// Writes a file of the run: it appears whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let path = self.path.join(name);
        let failed = |cause| RunError::write(&path, cause);
        let folder = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).and_then(|()| write_whole(&path, bytes)).map_err(failed)
    }
}

fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(only)), None) if only == name)
}

/// Axis by axis; then by value, policies by name.
fn sweep_order(a: &str, b: &str) -> Ordering {
    let axis = |label: &str| label.rsplit_once('=').map_or_else(|| label.to_owned(), |(axis, _)| axis.to_owned());
    axis(a).cmp(&axis(b)).then_with(|| natural(a).total_cmp(&natural(b))).then_with(|| a.cmp(b))
}

/// The number a label ends with, so that `eagerness=10` comes after `eagerness=2`.
fn natural(label: &str) -> f64 {
    label.rsplit('=').next().and_then(|value| value.parse().ok()).unwrap_or(0.0)
}

/// Plain data as JSON for people.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("plain data with string keys");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subset_cannot_lead_out_of_the_folder() {
        assert!(["WEB", "my clips", "..a"].into_iter().all(is_plain_name));
        assert!(!["", ".", "..", "a/b", "/a", "../a", "a/"].into_iter().any(is_plain_name));
    }

    #[test]
    fn sweeps_stand_axis_by_axis() {
        let mut labels = ["policy=zscore=2", "interval=0.5", "eagerness=10", "policy=threshold=0.9", "eagerness=-2"];
        labels.sort_by(|a, b| sweep_order(a, b));
        let sorted = ["eagerness=-2", "eagerness=10", "interval=0.5", "policy=threshold=0.9", "policy=zscore=2"];
        assert_eq!(labels, sorted);
    }
}
