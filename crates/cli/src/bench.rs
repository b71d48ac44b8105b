//! `souffleur bench`: benchmarks of models, and of this machine.

mod diff;
mod engine;
mod merge;
mod outcome;
mod play;
mod show;

use clap::{Args, Subcommand};
use souffleur_bench::run::Benchmark;

use crate::failure::{Failure, OrFail};

/// Run a model on a benchmark, or measure this machine
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Subcommand)]
enum BenchCommand {
    /// Replies at the right moment, by PAUC: anything in the form of ProactiveVideoQA
    #[command(name = "proactivevideoqa")]
    ProactiveVideoQa(Box<play::PlayArgs>),
    /// StreamingBench, proactive output: one output, within 2 s of its time
    #[command(name = "streamingbench-po")]
    StreamingBenchPo(Box<play::PlayArgs>),
    /// OVO-Bench, the timing of its forward tasks
    #[command(name = "ovo-timing")]
    OvoTiming(Box<play::PlayArgs>),
    /// OmniMMI, proactive alerting
    #[command(name = "omnimmi")]
    OmniMmi(Box<play::PlayArgs>),
    #[command(name = "video-mme", hide = true)]
    VideoMme(LaterArgs),
    #[command(name = "mvbench", hide = true)]
    MvBench(LaterArgs),
    #[command(name = "longvideobench", hide = true)]
    LongVideoBench(LaterArgs),
    Merge(merge::MergeArgs),
    Diff(diff::DiffArgs),
    Show(show::ShowArgs),
    Engine(engine::EngineArgs),
}

/// Whatever is given to a benchmark that cannot be run yet.
#[derive(Args)]
struct LaterArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<std::ffi::OsString>,
}

pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    match &args.command {
        BenchCommand::ProactiveVideoQa(args) => play::run(Benchmark::ProactiveVideoQa, args),
        BenchCommand::StreamingBenchPo(args) => play::run(Benchmark::StreamingBenchPo, args),
        BenchCommand::OvoTiming(args) => play::run(Benchmark::OvoTiming, args),
        BenchCommand::OmniMmi(args) => play::run(Benchmark::OmniMmi, args),
        BenchCommand::VideoMme(_) => later("video-mme"),
        BenchCommand::MvBench(_) => later("mvbench"),
        BenchCommand::LongVideoBench(_) => later("longvideobench"),
        BenchCommand::Merge(args) => merge::run(args),
        BenchCommand::Diff(args) => diff::run(args),
        BenchCommand::Show(args) => show::run(args),
        BenchCommand::Engine(args) => engine::run(args),
    }
}

/// A benchmark that is read but not run says why.
fn later(name: &str) -> Result<(), Failure> {
    name.parse::<Benchmark>().or_misuse().map(drop)
}
