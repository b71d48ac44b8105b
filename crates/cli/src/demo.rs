//! `souffleur demo`: the first minute, without a camera, a download or a model of one's own.

mod clip;
mod facts;
mod page;

use std::io::{Write, stdout};

use clap::Args;
use indicatif::ProgressBar;
use souffleur_bench::{Annotations, ExactJudge, Item, Omega, Predictions, SubsetResult, TimedReply, evaluate};
use souffleur_capture::open_source;
use souffleur_core::{FrameGrid, MediaTime};
use souffleur_engine::{Engine, EngineOptions, catalog};
use souffleur_session::{
    Controls, Event, ModelLabel, Script, SessionError, SessionOptions, StopSignal, Utterance, run as run_session,
};
use tempfile::TempDir;

use crate::failure::{Failure, OrFail};
use crate::interrupt;
use crate::pauc::json_line;
use crate::progress;
use clip::ClipReport;
use facts::Facts;

/// Play the bundled clips through the built-in model, replies beside the truth
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let items = Annotations::parse(clip::ANNOTATIONS, "the bundled anno.json").or_fail()?.items;
    let folder = TempDir::with_prefix("souffleur-demo-").map_err(|err| no_room(&err))?;
    let model = catalog::resolve(catalog::DEFAULT_MODEL).or_fail()?;
    let manifest = model.manifest().clone();
    let grid = FrameGrid::new(manifest.frame_interval_secs, 0.0, manifest.frames_per_turn).or_fail()?;
    let stop = interrupt::stop_signal("turn")?;
    let mut engine = Engine::start(model, EngineOptions::default()).or_fail()?;
    let options = SessionOptions {
        eagerness: manifest.default_eagerness,
        ..SessionOptions::new(grid, ModelLabel::from(engine.info()))
    };
    if !args.json {
        page::opening(&manifest, items.len())?;
    }
    let num_clips = items.len();
    let mut clips = Vec::new();
    for item in items {
        let replies = watch(&item, folder.path(), &mut engine, &options, &stop)?;
        if stop.is_stopped() {
            // A clip that was not seen to its end would be counted for answers that were still to come.
            crate::note(format_args!("ended early: {} of {num_clips} clips were played", clips.len()));
            break;
        }
        let clip = ClipReport::new(item, replies);
        if !args.json {
            page::clip(&clip)?;
        }
        clips.push(clip);
    }
    let facts = Facts { result: score(&clips)?, clips, manifest };
    if args.json {
        writeln!(stdout(), "{}", json_line(&facts.to_json()))?;
    } else {
        page::closing(&facts)?;
    }
    Ok(())
}

/// Plays one clip with the questions its annotation asks, each taking over from the one before.
fn watch(
    item: &Item,
    folder: &std::path::Path,
    engine: &mut Engine,
    options: &SessionOptions,
    stop: &StopSignal,
) -> Result<Vec<TimedReply>, Failure> {
    let video = folder.join(&item.video);
    std::fs::write(&video, clip::video(&item.video)?).map_err(|err| no_room(&err))?;
    let mut source = open_source(&video, options.grid, None).or_fail()?;
    let mut script = Script::default();
    for question in &item.conversation {
        let time = MediaTime::from_secs_f64(question.time_secs);
        script.say(time, Utterance::Replace(question.text.clone())).or_fail()?;
    }
    let bar = progress::steps(source.describe().num_frames);
    bar.set_message(item.video.clone());
    let mut replies = Vec::new();
    let mut sink = |event: Event| collect(event, &bar, &mut replies);
    let controls = Controls { stop: stop.clone(), ..Controls::default() };
    let outcome = match run_session(source.as_mut(), engine, script, options, &controls, &mut sink) {
        // Ctrl-C reaches ffmpeg too: that the video breaks off then is no error.
        Err(SessionError::Source(_)) if stop.is_stopped() => Ok(()),
        outcome => outcome.map(drop).or_fail(),
    };
    bar.finish_and_clear();
    outcome.map(|()| replies)
}

fn collect(event: Event, bar: &ProgressBar, replies: &mut Vec<TimedReply>) {
    match event {
        Event::Turn(_) => bar.inc(1),
        Event::Reply(reply) => replies.push(TimedReply { time_secs: reply.time.as_secs_f64(), text: reply.text }),
        Event::Session(_) | Event::Summary(_) => {}
    }
}

fn score(clips: &[ClipReport]) -> Result<SubsetResult, Failure> {
    let mut predictions = Predictions::default();
    for clip in clips {
        predictions.insert(&clip.item.question_id, clip.replies.clone());
    }
    let items: Vec<Item> = clips.iter().map(|clip| clip.item.clone()).collect();
    let omegas = Omega::parse_list(facts::OMEGA).or_fail()?;
    Ok(SubsetResult::from(&evaluate(&items, &predictions, &ExactJudge, &omegas)))
}

fn no_room(err: &std::io::Error) -> Failure {
    Failure::because(
        format!("the clips cannot be written to a temporary folder: {err}"),
        "make room there, or let TMPDIR name another folder",
    )
}
