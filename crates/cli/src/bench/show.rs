use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::Args;
use souffleur_bench::run_report::{find_item, read_report, show_item};

use crate::failure::{Failure, OrFail};
use crate::pauc::json_line;

/// Print one item of a run: what was asked, due and said, and what the judge made of it
#[derive(Args)]
pub(crate) struct ShowArgs {
    /// The run
    run: PathBuf,
    /// The item's question_id, or a part of it that no other item has
    item: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ShowArgs) -> Result<(), Failure> {
    let report = read_report(&args.run).or_fail()?;
    let item = find_item(&report, &args.run, &args.item).or_fail()?;
    if args.json {
        writeln!(stdout(), "{}", json_line(item))?;
    } else {
        writeln!(stdout(), "{}", show_item(&report, item))?;
    }
    Ok(())
}
