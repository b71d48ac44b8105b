//! `souffleur bench`: benchmarks of models, and of this machine.

mod choose;
mod diff;
mod engine;
mod merge;
mod outcome;
mod play;
mod run_args;
mod show;

use clap::{Args, Subcommand};
use souffleur_bench::run::Benchmark;

use crate::failure::Failure;

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
    /// HumOmni, in the style of track 2: replies at the right moment, by PAUC
    #[command(name = "humomni")]
    HumOmni(Box<play::PlayArgs>),
    /// Video-MME: lettered options about a whole video
    #[command(name = "video-mme")]
    VideoMme(choose::ChooseArgs),
    /// MVBench: lettered options about a whole video
    #[command(name = "mvbench")]
    MvBench(choose::ChooseArgs),
    /// LongVideoBench: lettered options about a whole video, without its subtitles
    #[command(name = "longvideobench")]
    LongVideoBench(choose::ChooseArgs),
    Merge(merge::MergeArgs),
    Diff(diff::DiffArgs),
    Show(show::ShowArgs),
    Engine(engine::EngineArgs),
}

pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    match &args.command {
        BenchCommand::ProactiveVideoQa(args) => play::run(Benchmark::ProactiveVideoQa, args),
        BenchCommand::StreamingBenchPo(args) => play::run(Benchmark::StreamingBenchPo, args),
        BenchCommand::OvoTiming(args) => play::run(Benchmark::OvoTiming, args),
        BenchCommand::OmniMmi(args) => play::run(Benchmark::OmniMmi, args),
        BenchCommand::HumOmni(args) => play::run(Benchmark::HumOmni, args),
        BenchCommand::VideoMme(args) => choose::run(Benchmark::VideoMme, args),
        BenchCommand::MvBench(args) => choose::run(Benchmark::MvBench, args),
        BenchCommand::LongVideoBench(args) => choose::run(Benchmark::LongVideoBench, args),
        BenchCommand::Merge(args) => merge::run(args),
        BenchCommand::Diff(args) => diff::run(args),
        BenchCommand::Show(args) => show::run(args),
        BenchCommand::Engine(args) => engine::run(args),
    }
}
