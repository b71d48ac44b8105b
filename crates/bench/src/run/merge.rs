use std::path::{Path, PathBuf};

use super::RunError;
use super::folder::RunFolder;
use super::prediction::PredictionLog;

/// Joins runs of one benchmark, model and settings, such as the shards of one, into a run of everything.
///
/// Of an item predicted twice the first run's line counts. What is already in `out` stays.
///
/// # Errors
/// When one is no run, they are not of the same thing, or `out` cannot be written.
pub fn merge(runs: &[PathBuf], out: &Path) -> Result<(), RunError> {
    // All are looked at before anything is written.
    let runs = runs.iter().map(|path| RunFolder::open(path)).collect::<Result<Vec<_>, _>>()?;
    let target = RunFolder::at(out);
    let _lock = target.lock()?;
    for run in runs {
        for label in run.labels() {
            let (from, to) = (run.variant(&label), target.variant(&label));
            let mut record = from.record()?;
            record.shard = super::Shard::WHOLE.to_string();
            to.claim(&record)?;
            for name in record.subsets.keys() {
                append(&from, &to, name)?;
            }
        }
        for subset in run.subsets()? {
            target.keep_annotation(&subset)?;
        }
    }
    Ok(())
}

fn append(from: &RunFolder, to: &RunFolder, subset: &str) -> Result<(), RunError> {
    let path = to.predictions_path(subset);
    let mut log = PredictionLog::open(&path)?;
    for row in from.predictions(subset)? {
        if !log.is_done(&row.question_id) {
            log.append(&row, &path)?;
        }
    }
    Ok(())
}
