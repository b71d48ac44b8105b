//! Calibration over folders of images: the brightness of each is how sure of silence a made-up model is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use souffleur_core::{Hint, Observation};
use souffleur_engine::{EngineError, Finish, Observed, Resolution, Resolved, TurnInput, TurnModel};
use souffleur_session::calibration::{Calibration, CalibrationError, CalibrationPlan, CalibrationProgress, calibrate};
use souffleur_session::{ModelLabel, Policy, Script, SessionOptions, StopSignal};
use tempfile::TempDir;

use crate::stage::grid;

/// Speaks where the eagerness exceeds the brightness less 100; having spoken, it is surer of silence for a turn.
struct BrightnessModel {
    reluctance: f32,
    held_back: f32,
    is_speaking: bool,
}

impl TurnModel for BrightnessModel {
    fn observe(&mut self, input: TurnInput) -> Result<Observed, EngineError> {
        let brightness = f32::from(input.frames[0].pixels()[0]);
        let silence_margin = brightness - 100.0 + self.held_back;
        self.is_speaking = silence_margin < input.eagerness;
        self.held_back = if self.is_speaking { self.reluctance } else { 0.0 };
        let is_text_silent = !self.is_speaking;
        Ok(Observed {
            observation: Observation { p_silent: 0.5, p_silence_text: 0.5, silence_margin, is_text_silent },
            cache_tokens: 1,
            passes: 1,
            preprocess: Duration::ZERO,
            encode: Duration::ZERO,
            prefill: Duration::ZERO,
        })
    }

    fn resolve(&mut self, resolution: Resolution) -> Result<Resolved, EngineError> {
        assert_eq!(resolution == Resolution::Silent, !self.is_speaking, "the model's own words decide");
        Ok(Resolved {
            text: if self.is_speaking { "Now." } else { "NO REPLY" }.into(),
            is_silent: !self.is_speaking,
            cache_tokens: 1,
            passes: 1,
            num_new_tokens: 1,
            decode: Duration::ZERO,
            finish: Finish::EndToken,
        })
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        self.held_back = 0.0;
        Ok(())
    }
}

fn model(reluctance: f32) -> BrightnessModel {
    BrightnessModel { reluctance, held_back: 0.0, is_speaking: false }
}

/// A folder with an image a second.
fn folder(dir: &TempDir, name: &str, brightness: impl IntoIterator<Item = u8>) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::create_dir(&path).unwrap();
    for (idx, level) in brightness.into_iter().enumerate() {
        image::RgbImage::from_pixel(4, 4, image::Rgb([level; 3])).save(path.join(format!("{idx:03}.png"))).unwrap();
    }
    path
}

fn plan(sources: &[&Path], replies_per_minute: f64) -> CalibrationPlan {
    let mut script = Script::default();
    script.ask("Is it dark?").unwrap();
    let mut session = SessionOptions::new(grid(1), ModelLabel::default());
    // Neither counts for a calibration.
    (session.policy, session.repeat_guard) = (Policy::Threshold { p: 0.9 }, true);
    CalibrationPlan {
        sources: sources.iter().map(|path| path.to_path_buf()).collect(),
        script,
        session,
        replies_per_minute,
    }
}

fn calibrated(plan: &CalibrationPlan, reluctance: f32) -> Result<Calibration, CalibrationError> {
    calibrate(plan, &mut model(reluctance), &StopSignal::default(), &mut |_| {})
}

#[test]
fn an_eagerness_is_found_and_really_gives_that_rate() {
    let dir = tempfile::tempdir().unwrap();
    // Margins -20 to 30 over 60 s and two sources.
    let (first, second) = (folder(&dir, "a", (80..110).map(|n| n - n % 2)), folder(&dir, "b", 100..130));
    for replies_per_minute in [1.0, 5.0, 20.0, 33.0, 58.0] {
        let plan = plan(&[&first, &second], replies_per_minute);
        for reluctance in [0.0, 3.0] {
            let found = calibrated(&plan, reluctance).unwrap();
            assert_eq!((found.turns, found.seconds, found.sources), (60, 60.0, 2));
            let at = found.curve.iter().find(|point| point.eagerness == found.eagerness).unwrap();
            assert_eq!(at.measured_replies_per_minute, Some(found.replies_per_minute));
            assert!((found.replies_per_minute - replies_per_minute).abs() <= 1.0, "{found}");
        }
    }
}

#[test]
fn the_outcome_says_how_to_use_it() {
    let dir = tempfile::tempdir().unwrap();
    let source = folder(&dir, "a", (0..60).map(|idx| 90 + idx / 2));
    let found = calibrated(&plan(&[&source], 31.0), 0.0).unwrap();
    insta::assert_snapshot!(found, @r"
    eagerness 5 gives 30.0 replies a minute, 31 are asked for
    30 replies in 60 turns and 60 s of 1 source
    no run came nearer: turns equally sure of silence speak together, and replies change what follows
    asked: Is it dark?

    eagerness   estimated    measured   replies a minute
           -2        16.0
           -1        18.0
            0        20.0        20.0
            1        22.0
            2        24.0
            3        26.0
            4        28.0
            5        30.0        30.0   ←
          5.2        32.0        32.0
          5.3        32.0        32.0
          5.5        32.0        32.0
            6        32.0        32.0
            7        34.0        34.0
            9        38.0        38.0

    use it with     souffleur watch SOURCE --ask TEXT --eagerness 5
    or for always   default_eagerness = 5.0 in the model's souffleur.toml

    note: every turn that speaks counts as a reply, two in a row as two; decoding is greedy, repeat guard and gate are off
    note: estimated: turns whose margin of silence at eagerness 0 lies below, as if a reply changed nothing of what follows
    note: measured: played under that eagerness, each source from a clean context; of these the nearest was taken
    note: it holds for this model, question, frame interval and kind of source; calibrate again where one of them changes
    ");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!((&json["version"], &json["eagerness"]), (&1.into(), &5.0.into()));
    assert_eq!(json["questions"], serde_json::json!(["Is it dark?"]));
}

#[test]
fn the_runs_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let source = folder(&dir, "a", 90..150);
    let mut told = Vec::new();
    let plan = plan(&[&source], 20.0);
    calibrate(&plan, &mut model(0.0), &StopSignal::default(), &mut |event| told.push(event)).unwrap();
    let runs: Vec<_> = told.iter().filter(|event| **event != CalibrationProgress::Turn).collect();
    let run = |number, eagerness| CalibrationProgress::Run { number, eagerness };
    assert_eq!(runs, [&run(1, 0.0), &run(2, 9.5)]);
    assert_eq!(told.len(), 2 + 2 * 60);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let source = folder(&dir, "a", 90..120);
    let refused = |plan: &CalibrationPlan| {
        let err = calibrated(plan, 0.0).unwrap_err();
        assert!(!err.hint().is_empty() && !err.hint().contains('\n'));
        err.to_string()
    };
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(&plan(&[&source], rate)), format!("replies a minute are a number above 0, found {rate}"));
    }
    assert_eq!(refused(&plan(&[], 2.0)), "calibration needs at least one source, found none");
    assert_eq!(
        refused(&plan(&[&source], 61.0)),
        "61 replies a minute are asked for, the model takes 60.0 turns a minute"
    );
    assert_eq!(
        refused(&plan(&[&source], 1.5)),
        "1.5 replies a minute are less than one reply in the 30 s there are to watch"
    );
    let nowhere = dir.path().join("nowhere");
    assert!(refused(&plan(&[&source, &nowhere], 4.0)).ends_with("nowhere: no such file or folder"));
}

#[test]
fn a_stop_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let source = folder(&dir, "a", 90..120);
    let stop = StopSignal::default();
    let mut num_turns = 0;
    let mut count = |event| {
        num_turns += usize::from(event == CalibrationProgress::Turn);
        if num_turns == 35 {
            stop.stop();
        }
    };
    let err = calibrate(&plan(&[&source], 40.0), &mut model(0.0), &stop, &mut count).unwrap_err();
    assert_eq!((err.to_string().as_str(), num_turns), ("the calibration was ended before it was done", 35));
}
