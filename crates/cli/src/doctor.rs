//! `souffleur doctor`: what this machine has and lacks.

use std::io::{Write, stdout};

use clap::Args;
use souffleur_session::doctor::{Check, examine};

use crate::failure::{Failure, one_line};
use crate::pauc::json_line;

/// Check what this machine has: ONNX Runtime, providers, ffmpeg, models, disk, and how to mend what it lacks
///
/// Every provider takes a real turn of the built-in model, and every file of every model is read.
#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let diagnosis = examine();
    let mut out = stdout().lock();
    if args.json {
        writeln!(out, "{}", json_line(&diagnosis))?;
    } else {
        for check in &diagnosis.checks {
            writeln!(out, "{}", line(check))?;
        }
    }
    let failed = diagnosis.failed();
    if failed.is_empty() {
        return Ok(());
    }
    let (num_failed, num_checks) = (failed.len(), diagnosis.checks.len());
    let message = format!("{num_failed} of {num_checks} checks failed: {}", failed.join(", "));
    Err(Failure::because(message, "do what the hints of the failed checks say, from the first on"))
}

fn line(check: &Check) -> String {
    let Check { name, status, found, hint } = check;
    let mend = hint.as_ref().map_or_else(String::new, |hint| format!("; hint: {}", one_line(hint)));
    format!("{:<9}{:<16}{}{mend}", status.as_str(), one_line(name), one_line(found))
}
