//! `souffleur bench video-mme` and its like: a question with lettered options about a whole video at once.

use clap::Args;
use souffleur_bench::run::{
    Asking, Benchmark, FramesPerTurn, OFFLINE_FRAMES, OFFLINE_PROMPT, RunFolder, Settings, variants,
};
use souffleur_engine::{EngineOptions, catalog};

use super::outcome::{self, Scoring};
use super::play::play;
use super::run_args::RunArgs;
use crate::failure::{Failure, OrFail};

#[derive(Args)]
pub(crate) struct ChooseArgs {
    #[command(flatten)]
    run: RunArgs,

    /// Frames spread evenly over each video; all of them have to fit into the model's context
    #[arg(long, value_name = "N", default_value_t = OFFLINE_FRAMES, value_parser = clap::value_parser!(u32).range(1..=4096))]
    frames: u32,
    /// Longest answer, in tokens
    #[arg(long, value_name = "N", default_value_t = 512)]
    max_new_tokens: usize,
}

pub(super) fn run(benchmark: Benchmark, args: &ChooseArgs) -> Result<(), Failure> {
    let shard = args.run.shard()?;
    let settings = settings(args);
    settings.check().or_misuse()?;
    let options = EngineOptions { system_prompt: Some(OFFLINE_PROMPT.to_owned()), ..args.run.engine_options()? };
    let model = catalog::resolve(&args.run.model).or_fail()?;
    let variants = variants(&settings, false, &[]).or_misuse()?;
    let plan = args.run.plan(benchmark, shard, &model, variants)?;
    let left_out = play(&plan, &args.run.out, &args.run.model, model, options)?;
    let run = RunFolder::open(&args.run.out).or_fail()?;
    outcome::report(&run, &Scoring::by_letter(), &left_out, args.run.json)
}

/// What of the settings is for dialogues stays at what it is by itself, so that runs can be compared.
fn settings(args: &ChooseArgs) -> Settings {
    Settings {
        interval_secs: 1.0,
        frames_per_turn: FramesPerTurn::Auto,
        policy: "text".into(),
        eagerness: 0.0,
        max_new_tokens: args.max_new_tokens,
        asking: Asking::WhenDue,
        sampled_frames: Some(args.frames),
    }
}
