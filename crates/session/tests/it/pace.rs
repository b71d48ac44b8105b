use std::time::Duration;

use souffleur_capture::{Paced, RealTime, Synthetic};
use souffleur_core::FrameGrid;
use souffleur_session::{Clock, Controls, Event, ScriptedAnswer, ScriptedModel};

use crate::stage::{Stage, grid, millis};

fn realtime(num_frames: u64, delays_ms: &[u64]) -> Stage {
    let answers = delays_ms.iter().map(|&delay| ScriptedAnswer::silent(0.9).after(millis(delay)));
    let mut stage = Stage::new(grid(1), num_frames, answers.collect());
    stage.source.is_live = true;
    stage
}

#[test]
fn at_full_speed_nothing_waits_and_nothing_is_dropped() {
    let stage = Stage::new(grid(1), 100, vec![ScriptedAnswer::silent(0.9).after(millis(5000))]);
    let (clock, start) = (stage.clock.clone(), stage.clock.now());
    let played = stage.play();
    assert_eq!((played.summary().turns, played.summary().dropped_frames), (100, 0));
    assert!(played.turns().iter().all(|turn| turn.behind_s == 0.0));
    assert_eq!(clock.now() - start, millis(5000), "only the model took time");
}

#[test]
fn in_real_time_a_frame_comes_when_its_time_has_come() {
    let stage = realtime(4, &[100, 200, 300, 400]);
    let (clock, start) = (stage.clock.clone(), stage.clock.now());
    let played = stage.play();
    assert_eq!(played.turn_times(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(clock.now() - start, millis(3400));
    let ages: Vec<_> = played.turns().iter().map(|turn| turn.frame_age_ms).collect();
    assert_eq!(ages, [100.0, 200.0, 300.0, 400.0]);
    assert!(played.turns().iter().all(|turn| turn.behind_s == 0.0));
}

#[test]
fn who_is_late_takes_the_newest_frame_and_counts_the_others() {
    // Frame 0 keeps the model until 3.5 s: frames 1 and 2 are gone by then, frame 3 is half a second old.
    let played = realtime(6, &[3500, 200]).play();
    assert_eq!(played.turn_times(), [1.0, 4.0, 5.0, 6.0], "a dropped frame does not shift time");
    assert_eq!(played.summary().dropped_frames, 2);
    assert_eq!(played.turns()[0].behind_s, 2.5);
    assert_eq!((played.turns()[1].frame_age_ms, played.turns()[1].behind_s), (700.0, 0.0));
}

#[test]
fn the_last_frame_is_seen_however_late() {
    let played = realtime(3, &[60_000]).play();
    assert_eq!(played.turn_times(), [1.0, 3.0]);
    assert_eq!(played.summary().dropped_frames, 1);
}

/// The same with real threads on the real clock: what holds however busy the machine is.
#[test]
fn a_file_in_real_time_loses_no_frame_uncounted() {
    let grid = FrameGrid::new(0.01, 5.0, 1).unwrap();
    let mut stage = Stage::new(grid, 0, vec![]);
    stage.controls = Controls::default();
    stage.model = ScriptedModel::new(vec![ScriptedAnswer::silent(0.9).after(Duration::from_millis(35)); 4]);
    let mut source = Paced::start(Synthetic::new(grid, 30).with_size(4, 4), RealTime::new()).unwrap();
    let mut times = Vec::new();
    let mut sink = |event| times.extend(if let Event::Turn(turn) = event { Some(turn.time) } else { None });
    let summary =
        souffleur_session::run(&mut source, &mut stage.model, stage.script, &stage.options, &stage.controls, &mut sink);
    let summary = summary.unwrap();
    assert_eq!(summary.turns + summary.dropped_frames, 30);
    assert!(summary.dropped_frames > 0);
    assert!(times.iter().all(|time| (time.as_micros() - 5_000_000) % 10_000 == 0));
    assert_eq!(times.last().map(|time| time.as_secs_f64()), Some(5.3), "the last frame is seen however late");
}

#[test]
fn a_stop_ends_after_the_running_turn() {
    let stage = Stage::new(grid(2), 100, vec![]);
    let stop = stage.controls.stop.clone();
    let played = stage.play_and(|event| {
        if matches!(event, Event::Turn(turn) if turn.time.as_secs_f64() == 4.0) {
            stop.stop();
        }
    });
    assert_eq!(played.turn_times(), [2.0, 4.0]);
    assert_eq!(played.outcome.unwrap().turns, 2);
    assert_eq!(played.events.iter().filter(|event| matches!(event, Event::Summary(_))).count(), 1);
}

#[test]
fn percentiles_are_over_whole_turns() {
    let played = realtime(3, &[10, 30, 20]).play();
    assert_eq!((played.summary().p50_ms, played.summary().p99_ms), (Some(20.0), Some(30.0)));
}
