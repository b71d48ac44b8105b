use std::path::PathBuf;

use clap::Args;
use souffleur_bench::run::{RunFolder, merge};

use super::outcome::{self, Scoring};
use crate::failure::{Failure, OrFail};
use crate::pauc::JudgeServerArgs;

/// Join runs of one model and the same settings, such as the shards of one
#[derive(Args)]
pub(crate) struct MergeArgs {
    /// Folders that `souffleur bench NAME --out` wrote
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Folder for the joined run
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Who judges
    #[arg(long, value_name = "exact|embedded|URL", default_value = "exact")]
    judge: String,
    #[command(flatten)]
    server: JudgeServerArgs,
    /// How much of a reply's lateness is forgiven: numbers from 0 to 1, separated by commas
    #[arg(long, value_name = "LIST", default_value = "0,0.5,1", allow_negative_numbers = true)]
    omega: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &MergeArgs) -> Result<(), Failure> {
    let scoring = Scoring::new(&args.judge, &args.server, &args.omega)?;
    merge(&args.runs, &args.out).or_fail()?;
    outcome::report(&RunFolder::open(&args.out).or_fail()?, &scoring, &[], args.json)
}
