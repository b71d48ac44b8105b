use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::Args;
use souffleur_bench::run_report::{compare, read_report};

use crate::failure::{Failure, OrFail};
use crate::pauc::json_line;

/// Compare two runs item by item
#[derive(Args)]
pub(crate) struct DiffArgs {
    /// The run before
    before: PathBuf,
    /// The run after
    after: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DiffArgs) -> Result<(), Failure> {
    let (before, after) = (read_report(&args.before).or_fail()?, read_report(&args.after).or_fail()?);
    let comparison = compare(&before, &after);
    if args.json {
        writeln!(stdout(), "{}", json_line(&comparison))?;
    } else {
        writeln!(stdout(), "{comparison}")?;
    }
    Ok(())
}
