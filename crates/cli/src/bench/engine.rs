use std::io::{Write, stdout};

use clap::Args;
use souffleur_engine::{EngineOptions, catalog, speed};

use crate::failure::{Failure, OrFail};
use crate::pauc::json_line;

/// Time a turn on this machine, stage by stage
#[derive(Args)]
pub(crate) struct EngineArgs {
    /// Model to run: a name from `souffleur model list` or a folder
    #[arg(long, value_name = "NAME|DIR", default_value = catalog::DEFAULT_MODEL)]
    model: String,
    /// Silent turns to time, with the silence drafted and again token by token
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    turns: u32,
    /// Threads of one operator [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &EngineArgs) -> Result<(), Failure> {
    let options = EngineOptions { intra_threads: args.threads.map(usize::from), ..EngineOptions::default() };
    let report = speed::measure(|| catalog::resolve(&args.model), &options, args.turns as usize).or_fail()?;
    if args.json {
        writeln!(stdout(), "{}", json_line(&report))?;
    } else {
        writeln!(stdout(), "{report}")?;
    }
    Ok(())
}
