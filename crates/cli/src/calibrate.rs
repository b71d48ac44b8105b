//! `souffleur calibrate`: how eager the model has to be to speak so many times a minute.

use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;
use souffleur_core::FrameGrid;
use souffleur_engine::{Engine, EngineOptions, catalog};
use souffleur_session::calibration::{CalibrationPlan, CalibrationProgress, calibrate};
use souffleur_session::{ModelLabel, Script, SessionOptions};

use crate::failure::{Failure, OrFail};
use crate::pauc::json_line;
use crate::{interrupt, progress};

/// Find the eagerness that gives so many replies a minute on videos like yours
///
/// Plays all sources to the model, first without eagerness, then under what that run suggests, until the rate is met or
/// cannot be met more closely.
#[derive(Args)]
pub(crate) struct CalibrateArgs {
    /// Video files and folders of images, like those to be watched later
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,

    /// Replies a minute to aim at
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    replies_per_minute: f64,
    /// Ask this from the start; may be given several times
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, default_value = "Describe each step.")]
    ask: Vec<String>,

    /// Model to calibrate: a name from `souffleur model list` or a folder
    #[arg(long, value_name = "NAME|DIR", default_value = catalog::DEFAULT_MODEL)]
    model: String,
    /// Where to run it: auto, cpu, or a provider this build has
    #[arg(long, value_name = "PROVIDER", default_value = "auto")]
    provider: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &CalibrateArgs) -> Result<(), Failure> {
    let mut script = Script::default();
    for text in &args.ask {
        script.ask(text).or_misuse()?;
    }
    let engine_options = EngineOptions { provider: args.provider.parse().or_misuse()?, ..EngineOptions::default() };
    CalibrationPlan::check_rate(args.replies_per_minute).or_misuse()?;

    let model = catalog::resolve(&args.model).or_fail()?;
    let manifest = model.manifest();
    let grid = FrameGrid::new(manifest.frame_interval_secs, 0.0, manifest.frames_per_turn).or_fail()?;
    let stop = interrupt::stop_signal("turn")?;
    let mut engine = Engine::start(model, engine_options).or_fail()?;
    let plan = CalibrationPlan {
        sources: args.sources.clone(),
        script,
        session: SessionOptions::new(grid, ModelLabel::from(engine.info())),
        replies_per_minute: args.replies_per_minute,
    };
    let bar = progress::steps(None);
    let outcome = calibrate(&plan, &mut engine, &stop, &mut |event| show(&bar, event));
    bar.finish_and_clear();
    let found = outcome.or_fail()?;
    match args.json {
        true => writeln!(stdout(), "{}", json_line(&found))?,
        false => writeln!(stdout(), "{found}")?,
    }
    Ok(())
}

fn show(bar: &ProgressBar, event: CalibrationProgress) {
    match event {
        CalibrationProgress::Run { number, eagerness } => {
            bar.set_position(0);
            bar.set_message(format!("run {number}, eagerness {eagerness}"));
        }
        CalibrationProgress::Turn => bar.inc(1),
    }
}
