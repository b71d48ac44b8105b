use std::path::{Path, PathBuf};

use souffleur_engine::{EngineError, TurnModel};
use souffleur_session::{SessionOptions, StopSignal};

use super::ask::ask;
use super::folder::{ModelFacts, RunFolder, RunRecord};
use super::play::{Played, play};
use super::prediction::{Prediction, PredictionLog};
use super::variant::Variant;
use super::{Benchmark, Clip, RunError, Settings, Shard, Subset};
use crate::Strictness;

/// Everything that decides what a run predicts.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// Which benchmark.
    pub benchmark: Benchmark,
    /// Where it lies.
    pub root: PathBuf,
    /// What of it is run: already of the shard.
    pub subsets: Vec<Subset>,
    /// What runs.
    pub model: ModelFacts,
    /// The run itself first, then baselines and sweeps.
    pub variants: Vec<Variant>,
    /// Which part of the items.
    pub shard: Shard,
    /// What becomes of oddities and missing videos.
    pub strictness: Strictness,
}

/// What a run tells while it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress<'a> {
    /// A part begins; so many of its items have predictions already, so many are to be played.
    Variant {
        /// Its label.
        label: &'a str,
        /// Items that have predictions.
        done: usize,
        /// Items there are.
        total: usize,
    },
    /// An item begins.
    Item(&'a str),
    /// A turn was taken.
    Turn,
    /// The item has its predictions, or never will.
    ItemDone,
}

/// Starts the model. A run in which everything is predicted already never asks for it.
pub type StartModel<'a> = dyn FnMut() -> Result<Box<dyn TurnModel>, EngineError> + 'a;

/// The model, from the first clip that needs it on.
struct LazyModel<'a> {
    start: &'a mut StartModel<'a>,
    started: Option<Box<dyn TurnModel>>,
}

impl LazyModel<'_> {
    fn get(&mut self) -> Result<&mut dyn TurnModel, RunError> {
        let model = match self.started.take() {
            Some(model) => model,
            None => (self.start)()?,
        };
        Ok(self.started.insert(model).as_mut())
    }
}

/// An item that could not be played.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Its subset.
    pub subset: String,
    /// Its identity.
    pub question_id: String,
    /// Why, on one line.
    pub reason: String,
}

impl RunPlan {
    /// Refuses what [`Strictness::Strict`] does not bear: oddities of an annotation, missing videos.
    ///
    /// # Errors
    /// The first of them.
    pub fn check(&self) -> Result<(), RunError> {
        if self.strictness == Strictness::Lenient {
            return Ok(());
        }
        for subset in &self.subsets {
            self.strictness.check(&subset.findings, &subset.name)?;
        }
        let missing: Vec<&Clip> = self.clips().filter(|clip| !is_there(clip)).collect();
        match missing.first() {
            None => Ok(()),
            Some(first) => Err(RunError::MissingVideos {
                count: missing.len(),
                first: first.video.clone().unwrap_or_else(|| first.question_id.clone().into()),
            }),
        }
    }

    fn clips(&self) -> impl Iterator<Item = &Clip> {
        self.subsets.iter().flat_map(|subset| &subset.clips)
    }
}

fn is_there(clip: &Clip) -> bool {
    clip.video.as_deref().is_some_and(Path::exists)
}

/// Plays to the model whatever has no predictions yet, and writes them as they come.
///
/// Every item is on the disk before the next begins: a process that is killed loses the item it was at.
///
/// # Errors
/// When `out` holds a run of something else or cannot be written, the model does not start or fails, or the user asks for the end.
pub fn drive(
    plan: &RunPlan,
    out: &Path,
    start: &mut StartModel<'_>,
    stop: &StopSignal,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<LeftOut>, RunError> {
    plan.check()?;
    let run = RunFolder::at(out);
    let _lock = run.lock()?;
    let mut model = LazyModel { start, started: None };
    let mut left_out = Vec::new();
    for variant in &plan.variants {
        let folder = run.variant(&variant.label);
        folder.claim(&RunRecord::new(plan, variant))?;
        for subset in &plan.subsets {
            run.keep_annotation(subset)?;
        }
        left_out.extend(drive_variant(plan, variant, &folder, &mut model, stop, progress)?);
    }
    left_out.sort();
    left_out.dedup();
    Ok(left_out)
}

fn drive_variant(
    plan: &RunPlan,
    variant: &Variant,
    folder: &RunFolder,
    model: &mut LazyModel<'_>,
    stop: &StopSignal,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<LeftOut>, RunError> {
    let mut logs = Vec::new();
    let mut done = 0;
    for subset in &plan.subsets {
        let path = folder.predictions_path(&subset.name);
        let log = PredictionLog::open(&path)?;
        done += subset.clips.iter().filter(|clip| log.is_done(&clip.question_id)).count();
        logs.push((subset, path, log));
    }
    let is_strict = plan.strictness == Strictness::Strict;
    let total = plan.clips().count();
    progress(Progress::Variant { label: &variant.label, done, total });
    let mut left_out = Vec::new();
    for (subset, path, log) in &mut logs {
        let options = variant.settings.session(&subset.name, plan.model.frames_per_turn)?;
        for clip in &subset.clips {
            if log.is_done(&clip.question_id) {
                continue;
            }
            let mut leave_out = |reason: String| {
                let (subset, question_id) = (subset.name.clone(), clip.question_id.clone());
                left_out.push(LeftOut { subset, question_id, reason });
            };
            progress(Progress::Item(&clip.question_id));
            match clip.video.as_deref() {
                None => leave_out("its video lies outside the benchmark's folder".into()),
                Some(video) if !video.exists() => leave_out(format!("no video at {}", video.display())),
                Some(_) => match show(clip, &variant.settings, &options, model.get()?, stop, progress)? {
                    Played::Whole(Prediction { broke_off: Some(cause), question_id, .. }) if is_strict => {
                        return Err(RunError::BadVideo { question_id, cause });
                    }
                    Played::Whole(row) => {
                        log.append(&row, path)?;
                        done += 1;
                    }
                    Played::Unseen(cause) if is_strict => {
                        let (question_id, cause) = (clip.question_id.clone(), cause.to_string());
                        return Err(RunError::BadVideo { question_id, cause });
                    }
                    Played::Unseen(cause) => leave_out(cause.to_string()),
                    Played::Stopped => {
                        return Err(RunError::Stopped { variant: variant.label.clone(), done, total });
                    }
                },
            }
            progress(Progress::ItemDone);
        }
    }
    Ok(left_out)
}

/// Plays a clip, or asks about the whole of it at once.
fn show(
    clip: &Clip,
    settings: &Settings,
    options: &SessionOptions,
    model: &mut dyn TurnModel,
    stop: &StopSignal,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Played, RunError> {
    match settings.sampled_frames {
        Some(num) => ask(clip, num, settings.max_new_tokens, model, stop, progress),
        None => play(clip, options, settings.asking, model, stop, progress),
    }
}
