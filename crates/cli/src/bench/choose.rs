//! `souffleur bench video-mme` and its like: a question with lettered options about a whole video at once.

use std::path::PathBuf;

use clap::Args;
use souffleur_bench::Strictness;
use souffleur_bench::run::{
    Asking, Benchmark, FramesPerTurn, OFFLINE_FRAMES, OFFLINE_PROMPT, RunFolder, RunPlan, Settings, Shard, variants,
};
use souffleur_engine::{EngineOptions, catalog};

use super::outcome::{self, Scoring};
use super::play::{facts, play};
use crate::failure::{Failure, OrFail};

#[derive(Args)]
pub(crate) struct ChooseArgs {
    /// The benchmark's folder: annotation and videos, or a folder a subset
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Model to run: a name from `souffleur model list` or a folder
    #[arg(long, value_name = "NAME|DIR", default_value = catalog::DEFAULT_MODEL)]
    model: String,
    /// Folder for predictions and report; one that holds this run already is gone on with
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Subsets to run, separated by commas [default: all there are]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    subset: Vec<String>,

    /// Frames spread evenly over each video; all of them have to fit into the model's context
    #[arg(long, value_name = "N", default_value_t = OFFLINE_FRAMES, value_parser = clap::value_parser!(u32).range(1..=4096))]
    frames: u32,
    /// Longest answer, in tokens
    #[arg(long, value_name = "N", default_value_t = 512)]
    max_new_tokens: usize,
    /// Where to run the model: auto, cpu, or a provider this build has
    #[arg(long, value_name = "PROVIDER", default_value = "auto")]
    provider: String,

    /// Run this part of the items only, such as 1/4; `bench merge` joins the parts
    #[arg(long, value_name = "i/n", default_value = "1/1")]
    shard: String,
    /// Fail on missing videos and oddities of the annotation instead of listing them
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(benchmark: Benchmark, args: &ChooseArgs) -> Result<(), Failure> {
    let shard: Shard = args.shard.parse().or_misuse()?;
    let settings = settings(args);
    settings.check().or_misuse()?;
    let options = EngineOptions {
        provider: args.provider.parse().or_misuse()?,
        system_prompt: Some(OFFLINE_PROMPT.to_owned()),
        ..EngineOptions::default()
    };
    let model = catalog::resolve(&args.model).or_fail()?;
    let subsets = benchmark.open(&args.root, &args.subset).or_fail()?;
    let plan = RunPlan {
        benchmark,
        root: args.root.clone(),
        subsets: subsets.into_iter().map(|subset| subset.sharded(shard)).collect(),
        model: facts(&model)?,
        variants: variants(&settings, false, &[]).or_misuse()?,
        shard,
        strictness: if args.strict { Strictness::Strict } else { Strictness::Lenient },
    };
    let left_out = play(&plan, &args.out, &args.model, model, options)?;
    let run = RunFolder::open(&args.out).or_fail()?;
    outcome::report(&run, &Scoring::by_letter(), &left_out, args.json)
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
