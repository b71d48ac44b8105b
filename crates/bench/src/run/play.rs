use std::time::Instant;

use souffleur_capture::{CaptureError, FrameSource, open_source};
use souffleur_core::{FrameGrid, MediaTime};
use souffleur_engine::TurnModel;
use souffleur_session::{Controls, Event, SessionError, SessionOptions, StopSignal, run as run_session};

use super::clip::Clip;
use super::prediction::{Prediction, Response};
use super::settings::Asking;
use super::{Progress, RunError};

/// What came of playing a clip.
pub(super) enum Played {
    /// Seen to its end, or to where the video breaks off.
    Whole(Prediction),
    /// There is nothing to see.
    Unseen(CaptureError),
    /// The user asked for the end.
    Stopped,
}

/// Plays one clip to the model, from a clean context.
pub(super) fn play(
    clip: &Clip,
    options: &SessionOptions,
    asking: Asking,
    model: &mut dyn TurnModel,
    stop: &StopSignal,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Played, RunError> {
    let started_at = Instant::now();
    let (mut source, options) = match open(clip, options) {
        Ok(opened) => opened,
        Err(error) => return Ok(Played::Unseen(error)),
    };
    let last_turn = last_turn(source.as_ref(), &options.grid);
    let script = clip.script(asking, last_turn);
    // What is said before anything is asked is no answer.
    let from = last_turn.filter(|_| asking == Asking::AtEnd).unwrap_or(MediaTime::ZERO);
    let mut row = Prediction { question_id: clip.question_id.clone(), ..Prediction::default() };
    let mut sink = |event: Event| match event {
        Event::Turn(turn) => {
            row.p_silent.push((turn.p_silent * 1000.0).round() / 1000.0);
            progress(Progress::Turn);
        }
        Event::Reply(reply) if reply.time >= from => row.model_response_list.push(Response {
            role: "assistant".into(),
            content: reply.text,
            time: reply.time.as_secs_f64(),
        }),
        Event::Summary(summary) => {
            (row.turns, row.p50_ms, row.p99_ms) = (summary.turns, summary.p50_ms, summary.p99_ms);
        }
        Event::Reply(_) | Event::Session(_) => {}
    };
    let controls = Controls { stop: stop.clone(), ..Controls::default() };
    let outcome = run_session(source.as_mut(), model, script, &options, &controls, &mut sink);
    if stop.is_stopped() {
        return Ok(Played::Stopped);
    }
    match outcome {
        Ok(_) => {}
        Err(SessionError::Source(error)) => row.broke_off = Some(error.to_string()),
        Err(cause) => {
            let (question_id, cause) = (clip.question_id.clone(), Box::new(cause));
            return Err(RunError::Session { question_id, cause });
        }
    }
    row.seconds = (started_at.elapsed().as_secs_f64() * 1e3).round() / 1e3;
    Ok(Played::Whole(row))
}

fn open(clip: &Clip, options: &SessionOptions) -> Result<(Box<dyn FrameSource>, SessionOptions), CaptureError> {
    let video = clip.video.as_deref().unwrap_or_else(|| std::path::Path::new(""));
    let grid = &options.grid;
    let interval_secs = grid.interval().as_secs_f64();
    // A start that no grid can have is left to the source: it says what is wrong with it.
    let grid = FrameGrid::new(interval_secs, clip.from_secs, grid.frames_per_turn()).unwrap_or(*grid);
    let to = clip.end.time(interval_secs);
    Ok((open_source(video, grid, to)?, SessionOptions { grid, ..options.clone() }))
}

fn last_turn(source: &dyn FrameSource, grid: &FrameGrid) -> Option<MediaTime> {
    let last_idx = source.describe().num_frames?.checked_sub(1)?;
    Some(grid.turn_time(grid.frame_time(last_idx)))
}
