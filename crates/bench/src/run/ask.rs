//! Offline questions: a whole video at once, as frames spread evenly over it.

use std::path::Path;
use std::time::Instant;

use souffleur_capture::{CaptureError, FrameSource, SourceKind, open_source};
use souffleur_core::{FrameGrid, MediaTime, RgbImage};
use souffleur_engine::{EngineError, Resolution, Resolved, Sampling, TurnInput, TurnModel, Urge};
use souffleur_session::{SessionError, StopSignal};

use super::clip::Clip;
use super::play::Played;
use super::prediction::{Prediction, Response};
use super::{Progress, RunError};

/// The system prompt of offline tasks (MMDuet2, arXiv 2512.06810): the one Qwen2.5-VL takes where it is given none.
pub const OFFLINE_PROMPT: &str = "You are a helpful assistant.";

/// Frames of a video unless asked for otherwise.
pub const OFFLINE_FRAMES: u32 = 64;

/// Asks a clip's question about `num_frames` frames of its whole video, in one turn of a clean context. Silence is no
/// answer: its first token is masked.
pub(super) fn ask(
    clip: &Clip,
    num_frames: u32,
    max_new_tokens: usize,
    model: &mut dyn TurnModel,
    stop: &StopSignal,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Played, RunError> {
    let started_at = Instant::now();
    let video = clip.video.as_deref().unwrap_or_else(|| Path::new(""));
    let sampled = match sample(video, num_frames, stop) {
        Ok(sampled) => sampled,
        Err(error) => return Ok(Played::Unseen(error)),
    };
    if stop.is_stopped() {
        return Ok(Played::Stopped);
    }
    let mut row = Prediction { question_id: clip.question_id.clone(), turns: 1, ..Prediction::default() };
    row.broke_off = sampled.broke_off.map(|error| error.to_string());
    let text = clip.texts.first().map(|text| text.text.clone());
    let turn_started_at = Instant::now();
    let resolved = match answer(model, sampled.images, text, max_new_tokens, &mut row) {
        Err(EngineError::Cancelled) if stop.is_stopped() => return Ok(Played::Stopped),
        Err(error) => {
            let cause = Box::new(SessionError::Turn { time: sampled.end, error });
            return Err(RunError::Session { question_id: clip.question_id.clone(), cause });
        }
        Ok(resolved) => resolved,
    };
    let turn_ms = turn_started_at.elapsed().as_secs_f64() * 1e3;
    (row.p50_ms, row.p99_ms) = (Some(turn_ms), Some(turn_ms));
    progress(Progress::Turn);
    if !resolved.is_silent && !resolved.text.is_empty() {
        row.model_response_list.push(Response {
            role: "assistant".into(),
            content: resolved.text,
            time: sampled.end.as_secs_f64(),
        });
    }
    row.seconds = (started_at.elapsed().as_secs_f64() * 1e3).round() / 1e3;
    Ok(Played::Whole(row))
}

fn answer(
    model: &mut dyn TurnModel,
    frames: Vec<RgbImage>,
    text: Option<String>,
    max_new_tokens: usize,
    row: &mut Prediction,
) -> Result<Resolved, EngineError> {
    model.reset()?;
    let input = TurnInput { frames, text, is_pinned: false, eagerness: 0.0, sampling: Sampling::Greedy };
    let observed = model.observe(input)?;
    row.p_silent.push((observed.observation.p_silent * 1000.0).round() / 1000.0);
    model.resolve(Resolution::Speak { max_new_tokens, urge: Urge::Policy })
}

/// Frames spread evenly over a video.
struct Sampled {
    images: Vec<RgbImage>,
    end: MediaTime,
    /// The images are those until then.
    broke_off: Option<CaptureError>,
}

/// Frame `k` of `n` is the one shown at `(k + 1/2) / n` of the video; of a folder of images, the image there. Of fewer
/// images than frames some come twice.
fn sample(video: &Path, num_wanted: u32, stop: &StopSignal) -> Result<Sampled, CaptureError> {
    let mut source = open_half_steps(video, num_wanted)?;
    let num_wanted = u64::from(num_wanted);
    let (num_there, end) = {
        let info = source.describe();
        (info.num_frames.unwrap_or(2 * num_wanted), info.duration.unwrap_or(MediaTime::ZERO))
    };
    let mut sampled = Sampled { images: Vec::new(), end, broke_off: None };
    let (mut idx, mut last) = (0, None);
    let mut places = (0..num_wanted).map(|k| (2 * k + 1) * num_there / (2 * num_wanted)).peekable();
    while places.peek().is_some() && !stop.is_stopped() {
        match source.next_frame() {
            Ok(Some(frame)) => {
                while places.next_if_eq(&idx).is_some() {
                    sampled.images.push(frame.image.clone());
                }
                last = Some(frame.image);
                idx += 1;
            }
            Ok(None) => break,
            Err(error) => {
                sampled.broke_off = Some(error);
                break;
            }
        }
    }
    if sampled.images.is_empty() {
        // It ended before the first place: better the nearest frame than none.
        sampled.images.extend(last);
    }
    match sampled.broke_off.take_if(|_| sampled.images.is_empty()) {
        Some(error) => Err(error),
        None => Ok(sampled),
    }
}

/// A source whose every second frame, from the second on, is wanted: a grid of half steps has them all, while one of
/// whole steps from the first of them on would end before the last. Images of a folder are taken as they are.
fn open_half_steps(video: &Path, num_wanted: u32) -> Result<Box<dyn FrameSource>, CaptureError> {
    let grid = |interval_secs| FrameGrid::new(interval_secs, 0.0, 1).expect("the interval is within its bounds");
    let source = open_source(video, grid(1.0), None)?;
    let info = source.describe();
    let Some(duration) = info.duration.filter(|_| info.kind == SourceKind::VideoFile) else { return Ok(source) };
    // In whole microseconds, rounded down: none of the frames falls off the end.
    let half_step_micros = duration.as_micros() / (2 * i64::from(num_wanted.max(1)));
    let interval_secs = (half_step_micros as f64 / 1e6).clamp(0.001, 3600.0);
    drop(source);
    open_source(video, grid(interval_secs), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kitchen() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/kitchen/clips/videos/kitchen-1.mp4")
    }

    /// The frame a player shows at a time.
    fn shown_at(secs: f64) -> RgbImage {
        let grid = FrameGrid::new(1.0, secs, 1).unwrap();
        open_source(&kitchen(), grid, None).unwrap().next_frame().unwrap().unwrap().image
    }

    #[test]
    fn frames_lie_in_the_middle_of_equal_parts() {
        let stop = StopSignal::default();
        for num in [1, 4] {
            let sampled = sample(&kitchen(), num, &stop).unwrap();
            assert_eq!(sampled.images.len(), num as usize);
            for (k, image) in sampled.images.iter().enumerate() {
                let secs = (k as f64 + 0.5) * sampled.end.as_secs_f64() / f64::from(num);
                assert!(*image == shown_at(secs), "frame {k} of {num}");
            }
        }
    }

    #[test]
    fn a_folder_with_few_images_gives_some_twice() {
        let folder = tempfile::tempdir().unwrap();
        for (name, level) in [("1.bmp", 10), ("2.bmp", 20), ("3.bmp", 30)] {
            std::fs::write(folder.path().join(name), bitmap(level)).unwrap();
        }
        let levels = |num| {
            let sampled = sample(folder.path(), num, &StopSignal::default()).unwrap();
            sampled.images.iter().map(|image| image.pixels()[0]).collect::<Vec<_>>()
        };
        assert_eq!(levels(1), [20]);
        assert_eq!(levels(3), [10, 20, 30]);
        assert_eq!(levels(6), [10, 10, 20, 20, 30, 30]);
        assert!(sample(&folder.path().join("none.mp4"), 3, &StopSignal::default()).is_err());
    }

    /// A grey BMP of 32 x 32 pixels.
    fn bitmap(level: u8) -> Vec<u8> {
        const NUM_BYTES: usize = 32 * 32 * 3;
        let mut bytes = b"BM".to_vec();
        let words = [54 + NUM_BYTES as u32, 0, 54, 40, 32, 32, 1 | 24 << 16, 0, NUM_BYTES as u32, 0, 0, 0, 0];
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        bytes.resize(54 + NUM_BYTES, level);
        bytes
    }
}
