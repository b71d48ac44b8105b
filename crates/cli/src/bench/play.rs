//! `souffleur bench NAME`: clips to a model, predictions to a folder, a report beside them.

use std::path::Path;

use clap::Args;
use indicatif::ProgressBar;
use souffleur_bench::run::{
    Benchmark, FramesPerTurn, LeftOut, ModelFacts, Progress, RunFolder, RunPlan, Settings, drive, variants,
};
use souffleur_engine::{Engine, EngineOptions, TurnModel, catalog};
use souffleur_model::{ModelFolder, sha256_hex};

use super::outcome::{self, Scoring};
use super::run_args::RunArgs;
use crate::failure::{Failure, OrFail};
use crate::judging::JudgingArgs;
use crate::{interrupt, progress};

#[derive(Args)]
pub(crate) struct PlayArgs {
    #[command(flatten)]
    run: RunArgs,

    #[command(flatten)]
    judging: JudgingArgs,

    /// Seconds between two frames [default: the model's]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    interval: Option<f64>,
    /// Frames a turn; auto takes what the benchmark's authors took for each subset
    #[arg(long, value_name = "auto|1|2", default_value = "auto", allow_negative_numbers = true)]
    frames_per_turn: String,
    /// What decides to speak: text, threshold=P or zscore=Z
    #[arg(long, value_name = "POLICY", default_value = "text")]
    policy: String,
    /// Above 0 it speaks sooner, below 0 later [default: the model's]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    eagerness: Option<f32>,
    /// Longest reply, in tokens
    #[arg(long, value_name = "N", default_value_t = 512)]
    max_new_tokens: usize,

    /// Run everything again under other values: policy=text,threshold=0.5 or interval=0.5,1 or eagerness=-2..2; may be
    /// given several times
    #[arg(long, value_name = "AXIS=VALUES")]
    sweep: Vec<String>,
    /// Leave out the baselines that the model has to play: the policy threshold=0.5, and the question at the end
    #[arg(long)]
    no_baselines: bool,
}

pub(super) fn run(benchmark: Benchmark, args: &PlayArgs) -> Result<(), Failure> {
    // What can be wrong is looked at in the order of what it costs: words, the model, files.
    let scoring = Scoring::new(&args.judging)?;
    let shard = args.run.shard()?;
    let frames_per_turn = args.frames_per_turn.parse().or_misuse()?;
    let engine_options = args.run.engine_options()?;
    // With the defaults of most models in place of what only the manifest says.
    variants(&settings(args, frames_per_turn, 1.0, 0.0), !args.no_baselines, &args.sweep).or_misuse()?;
    let model = catalog::resolve(&args.run.model).or_fail()?;
    let manifest = model.manifest();
    let settings = settings(args, frames_per_turn, manifest.frame_interval_secs, manifest.default_eagerness);
    let variants = variants(&settings, !args.no_baselines, &args.sweep).or_misuse()?;
    let plan = args.run.plan(benchmark, shard, &model, variants)?;
    let left_out = play(&plan, &args.run.out, &args.run.model, model, engine_options)?;
    let run = RunFolder::open(&args.run.out).or_fail()?;
    outcome::report(&run, &scoring, &left_out, args.run.json)
}

/// Plays what has no predictions yet, behind a bar.
pub(super) fn play(
    plan: &RunPlan,
    out: &Path,
    model_name: &str,
    model: ModelFolder,
    options: EngineOptions,
) -> Result<Vec<LeftOut>, Failure> {
    let stop = interrupt::stop_signal("turn")?;
    let bar = progress::items();
    let mut model = Some(model);
    let mut start = || -> Result<Box<dyn TurnModel>, souffleur_engine::EngineError> {
        // Asked for once a run.
        let model = match model.take() {
            Some(taken) => taken,
            None => catalog::resolve(model_name)?,
        };
        Ok(Box::new(Engine::start(model, options.clone())?))
    };
    let outcome = drive(plan, out, &mut start, &stop, &mut |event| show(&bar, event));
    bar.finish_and_clear();
    outcome.or_fail()
}

fn show(bar: &ProgressBar, event: Progress<'_>) {
    match event {
        Progress::Variant { label, done, total } => {
            bar.set_length(total as u64);
            bar.reset();
            // What was done before does not count for the time that is left.
            bar.set_position(done as u64);
            bar.reset_eta();
            bar.set_prefix(label.to_owned());
        }
        Progress::Item(question_id) => bar.set_message(crate::failure::one_line(question_id)),
        Progress::Turn => bar.tick(),
        Progress::ItemDone => bar.inc(1),
    }
}

fn settings(args: &PlayArgs, frames_per_turn: FramesPerTurn, interval_secs: f64, eagerness: f32) -> Settings {
    Settings {
        interval_secs: args.interval.unwrap_or(interval_secs),
        frames_per_turn,
        policy: args.policy.clone(),
        eagerness: args.eagerness.unwrap_or(eagerness),
        max_new_tokens: args.max_new_tokens,
        asking: souffleur_bench::run::Asking::WhenDue,
        sampled_frames: None,
    }
}

/// The model's name and what tells its files apart: the manifest holds the checksum of each.
pub(super) fn facts(model: &ModelFolder) -> Result<ModelFacts, Failure> {
    let manifest = model.manifest();
    let bytes = model.read("souffleur.toml").or_fail()?;
    let digest = sha256_hex(bytes.as_ref()).map_err(|err| Failure::because(err.to_string(), "try again"))?;
    Ok(ModelFacts { name: manifest.name.clone(), digest, frames_per_turn: manifest.frames_per_turn })
}
