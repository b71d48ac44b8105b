use std::path::PathBuf;

use clap::Args;
use souffleur_bench::run::{RunFolder, merge};

use super::outcome::{self, Scoring};
use crate::failure::{Failure, OrFail};
use crate::judging::JudgingArgs;

/// Join runs of one model and the same settings, such as the shards of one
#[derive(Args)]
pub(crate) struct MergeArgs {
    /// Folders that `souffleur bench NAME --out` wrote
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Folder for the joined run
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    #[command(flatten)]
    judging: JudgingArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &MergeArgs) -> Result<(), Failure> {
    let scoring = Scoring::new(&args.judging)?;
    merge(&args.runs, &args.out).or_fail()?;
    outcome::report(&RunFolder::open(&args.out).or_fail()?, &scoring, &[], args.json)
}
