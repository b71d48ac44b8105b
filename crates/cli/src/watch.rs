//! `souffleur watch`: a video in, timely replies out.

mod plan;
mod screen;

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use souffleur_capture::{CaptureError, FrameSource, Paced, RealTime, SourceInfo, open_source};
use souffleur_core::{Frame, FrameGrid};
use souffleur_engine::{Engine, catalog};
use souffleur_session::export::{ExportFormat, ExportTarget};
use souffleur_session::{
    Controls, Event, ModelLabel, RecordedSource, Recording, Script, SessionError, Sink, StopSignal, run as run_session,
};

use crate::failure::{Failure, OrFail};
use crate::interrupt;
use plan::Plan;
use screen::Screen;

/// Watch a video and print replies at the moment they are due
///
/// Ctrl-C ends it after the running turn and keeps what was found until then; a second one ends it at once.
#[derive(Args)]
pub(crate) struct WatchArgs {
    // Not a doc comment: rustdoc would take the brackets for a link.
    #[arg(help = "Video file, folder of images, camera[:ID] or screen[:ID]")]
    source: PathBuf,

    /// Ask this from the start; may be given several times
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    ask: Vec<String>,
    /// Ask this at a time of the video, such as 12.5="What is in the pan?"
    #[arg(long, value_name = "SECONDS=TEXT", allow_hyphen_values = true)]
    ask_at: Vec<String>,
    /// Give the model these subtitles as they appear
    #[arg(long, value_name = "FILE.srt|vtt")]
    subtitles: Option<PathBuf>,

    /// Model to run: a name from `souffleur model list` or a folder
    #[arg(long, value_name = "NAME|DIR", default_value = catalog::DEFAULT_MODEL)]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    model: String,
    /// Where to run it: auto, cpu, or a provider this build has
    #[arg(long, value_name = "PROVIDER", default_value = "auto")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    provider: String,

    /// Seconds between two frames [default: the model's]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    interval: Option<f64>,
    /// Frames a turn, 1 or 2 [default: the model's]
    #[arg(long, value_name = "1|2", allow_negative_numbers = true)]
    frames_per_turn: Option<u32>,
    /// Start here, in seconds of the file
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    from: Option<f64>,
    /// Stop here, in seconds of the file
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    to: Option<f64>,
    /// As fast as it goes, or as a camera would see it
    #[arg(long, value_enum, default_value_t = Speed::Max)]
    speed: Speed,

    /// What decides to speak: text, threshold=P or zscore=Z
    #[arg(long, value_name = "POLICY", default_value = "text")]
    policy: String,
    /// Above 0 it speaks sooner, below 0 later [default: the model's]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    eagerness: Option<f32>,
    /// Hold back replies that add nothing to a recent one
    #[arg(long, value_name = "SWITCH", value_enum, default_value_t = Switch::Off)]
    repeat_guard: Switch,
    /// Hold back replies that come too soon or too often
    #[arg(long, value_name = "SWITCH", value_enum, default_value_t = Switch::Off)]
    gate: Switch,

    /// Longest reply, in tokens
    #[arg(long, value_name = "N", default_value_t = 512, allow_negative_numbers = true)]
    max_new_tokens: usize,
    /// Sample replies at this temperature instead of taking the likeliest words
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    temperature: Option<f32>,
    /// Sample from the K likeliest tokens only
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    top_k: Option<usize>,
    /// Seed of sampling
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,

    /// Turns the model looks back on; off keeps all that fit into its context [default: as many as it was trained on]
    #[arg(long, value_name = "TURNS|off", allow_negative_numbers = true)]
    window: Option<String>,
    /// Let silent turns leave no answer in the model's context
    #[arg(long, value_enum, default_value_t = Switch::Off)]
    collapse_silence: Switch,
    /// Leave out patches that did not change: off, so far
    #[arg(long, value_name = "R|off", default_value = "off", hide = true)]
    token_drop: String,
    /// Reuse the silence of frames that do not change, for at most so many seconds
    #[arg(long, value_name = "SECONDS|off", default_value = "off", allow_negative_numbers = true)]
    static_skip: String,
    /// Sum up what leaves the window: off, so far
    #[arg(long, value_name = "on|off", default_value = "off", hide = true)]
    memory_note: String,

    /// What standard output holds
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the session to a .srt, .vtt, .jsonl, .md or .html file; may be given several times
    #[arg(long, value_name = "FILE")]
    export: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Speed {
    Max,
    Realtime,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line a reply
    Text,
    /// One JSON object a line: session, turns, replies, summary
    Jsonl,
}

pub(crate) fn run(args: &WatchArgs) -> Result<(), Failure> {
    // What can be wrong is looked at in the order of what it costs: words, files, the video, the model.
    let Plan { model, engine_options, script, mut session, to, exports } = Plan::new(args)?;
    let source = open_source(&args.source, session.grid, to).or_fail()?;
    note_never_asked(&script, session.grid, source.describe());
    let stop = interrupt::stop_signal("turn")?;
    let mut engine = Engine::start(model, engine_options).or_fail()?;
    let mut source = at_speed(source, args.speed, &stop).or_fail()?;
    session.label = ModelLabel::from(engine.info());

    let mut sinks = Sinks {
        screen: Screen::new(args.format, source.describe(), stop.clone()),
        recording: recording(source.describe(), &exports),
    };
    let controls = Controls { stop: stop.clone(), ..Controls::default() };
    let outcome = match run_session(source.as_mut(), &mut engine, script, &session, &controls, &mut sinks) {
        // Ctrl-C reaches ffmpeg too: that the video breaks off then is no error.
        Err(SessionError::Source(_)) if stop.is_stopped() => Ok(()),
        outcome => outcome.map(drop).or_fail(),
    };
    sinks.screen.close();
    note_skipped(source.as_ref());
    let written = sinks.recording.as_ref().map_or(Ok(()), |recording| write_exports(recording, &exports));
    // One error ends the command: the first that happened.
    sinks.screen.into_outcome().and(outcome).and(written)
}

/// Starts to play only now: a video that ran while the model was loaded would begin with dropped frames.
fn at_speed(
    source: Box<dyn FrameSource>,
    speed: Speed,
    stop: &StopSignal,
) -> Result<Box<dyn FrameSource>, CaptureError> {
    match speed {
        Speed::Max => Ok(source),
        Speed::Realtime => {
            let paced = Paced::start(source, RealTime::new())?;
            let stopper = paced.stopper();
            stop.on_stop(move || stopper.stop());
            Ok(Box::new(paced))
        }
    }
}

/// Where the events go: the screen always, a recording where an export is asked for.
struct Sinks {
    screen: Screen,
    recording: Option<Recording>,
}

impl Sink for Sinks {
    fn receive(&mut self, event: Event, frames: &[Frame]) {
        self.screen.show(&event, frames.len());
        if let Some(recording) = &mut self.recording {
            recording.receive(event, frames);
        }
    }
}

/// A recording for the exports; none where nothing is exported, so that a session of hours keeps nothing.
fn recording(source: &SourceInfo, exports: &[ExportTarget]) -> Option<Recording> {
    let recording = Recording::new(RecordedSource::from(source));
    let has_page = exports.iter().any(|export| export.format() == ExportFormat::Html);
    let recording = if has_page { recording.with_thumbnails() } else { recording };
    (!exports.is_empty()).then_some(recording)
}

/// Writes what was found, also when the session broke off; a session without a turn has nothing to write.
fn write_exports(recording: &Recording, exports: &[ExportTarget]) -> Result<(), Failure> {
    if recording.turns().next().is_none() {
        return Ok(());
    }
    let mut outcome = Ok(());
    for export in exports {
        match export.write(recording).or_fail() {
            Ok(()) => crate::note(format_args!("written: {}", export.path().display())),
            // The other files are still worth having.
            Err(failure) => outcome = outcome.and(Err(failure)),
        }
    }
    outcome
}

/// Says which questions come after the video: nothing else would tell them from questions that had no answer.
fn note_never_asked(script: &Script, grid: FrameGrid, source: &SourceInfo) {
    let Some(last_frame_idx) = source.num_frames.and_then(|num_frames| num_frames.checked_sub(1)) else { return };
    let last_turn_time = grid.turn_time(grid.frame_time(last_frame_idx));
    for late in script.never_asked(last_turn_time) {
        crate::note(format_args!("never asked: the question at {}; the last turn is at {last_turn_time}", late.time));
    }
}

fn note_skipped(source: &dyn FrameSource) {
    let skipped = source.skipped();
    if skipped.num_images > 0 {
        crate::note(format_args!("skipped: {} unreadable images", skipped.num_images));
        for reason in &skipped.first_reasons {
            crate::note(format_args!("  {reason}"));
        }
    }
}
