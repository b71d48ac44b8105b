use std::time::Instant;

use souffleur_capture::{CaptureError, FrameSource, open_source};
use souffleur_core::{FrameGrid, MediaTime};
use souffleur_engine::{EngineError, TurnModel};
use souffleur_session::{Controls, Event, SessionError, SessionOptions, StopSignal, run as run_session};

use super::clip::Clip;
use super::prediction::{Prediction, Response};
use super::settings::Asking;
use super::{Progress, RunError};

/// What came of playing a clip.
pub(super) enum Played {
    /// Seen to its end, or to where the video breaks off or the model's context is full.
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
        // What one item asks is too long for the model: no start of the run would ever come past it.
        Err(error @ SessionError::Turn { error: EngineError::ContextFull { .. }, .. }) => {
            row.broke_off = Some(error.to_string());
        }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use souffleur_engine::{Observed, Resolution, Resolved, TurnInput};

    use super::super::clip::ClipEnd;
    use super::super::settings::plain;
    use super::*;

    /// Has room for nothing.
    struct Full;

    impl TurnModel for Full {
        fn observe(&mut self, _: TurnInput) -> Result<Observed, EngineError> {
            Err(EngineError::ContextFull { needed_tokens: 200_089, free_tokens: 8192, context_tokens: 8192 })
        }

        fn resolve(&mut self, _: Resolution) -> Result<Resolved, EngineError> {
            Err(EngineError::NoOpenTurn)
        }

        fn reset(&mut self) -> Result<(), EngineError> {
            Ok(())
        }
    }

    #[test]
    fn an_item_too_long_for_the_context_breaks_off_and_the_run_goes_on() {
        let video = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/kitchen/clips/videos/kitchen-1.mp4");
        let clip = Clip {
            question_id: "long".into(),
            video: Some(video),
            from_secs: 0.0,
            end: ClipEnd::Video,
            texts: Vec::new(),
        };
        let options = plain().session("", 1).unwrap();
        let stop = StopSignal::default();
        let played = play(&clip, &options, Asking::WhenDue, &mut Full, &stop, &mut |_| {}).unwrap();
        let Played::Whole(row) = played else { panic!("played") };
        assert!(row.broke_off.unwrap().contains("200089 tokens"));
        assert!(row.model_response_list.is_empty());
    }
}
