//! What came of a run, beside what it is to be read by: as data, as text, as a page.

mod compare;
mod data;
mod markdown;
mod other_metrics;
mod page;
mod published;
mod reckoned;
mod score_log;
mod scoring;
mod show;

use std::fs;
use std::path::Path;

pub use compare::{Comparison, compare};
pub use data::{AnswerReport, ByOmega, ItemReport, Row, RowKind, RunReport, SubsetRow};
pub use scoring::{ScoredRun, score_run};
pub use show::{find_item, show_item};

use crate::run::{RunError, RunFolder};

/// Writes `report.json`, `report.md`, `report.html` and the judge's scores into the run's folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write_report(run: &RunFolder, scored: &ScoredRun) -> Result<(), RunError> {
    let report = &scored.report;
    let json = serde_json::to_vec(report).expect("a report is plain data with string keys");
    for (subset, lines) in &scored.score_files {
        run.write(&format!("scores/{subset}.jsonl"), lines.as_bytes())?;
    }
    run.write("report.md", markdown::render(report).as_bytes())?;
    run.write("report.html", page::render(report, &run.subsets()?).as_bytes())?;
    run.write("report.json", &json)
}

/// The report a run's folder holds.
///
/// # Errors
/// When there is none.
pub fn read_report(run: &Path) -> Result<RunReport, RunError> {
    RunFolder::open(run)?;
    let bytes = fs::read(run.join("report.json")).map_err(|_| RunError::NoReport { folder: run.to_owned() })?;
    serde_json::from_slice(&bytes).map_err(|_| RunError::NoReport { folder: run.to_owned() })
}
