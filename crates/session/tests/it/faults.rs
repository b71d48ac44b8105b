use souffleur_core::Hint;
use souffleur_engine::{EngineError, Observed, Resolution, Resolved, TurnInput, TurnModel};
use souffleur_session::{Event, ScriptedAnswer, SessionError, StopSignal, run};

use crate::stage::{Stage, grid};

fn no_open_turn() -> EngineError {
    EngineError::NoOpenTurn
}

fn cancelled() -> EngineError {
    EngineError::Cancelled
}

#[test]
fn a_source_that_breaks_off_leaves_all_that_was_found() {
    let mut stage = Stage::new(grid(2), 9, vec![ScriptedAnswer::speaking("An egg.", 0.1)]);
    stage.source.fails_at = Some(3);
    let played = stage.play();
    assert_eq!(played.turn_times(), [2.0, 3.0], "the frame before the break is seen");
    assert_eq!(played.replies().len(), 1);
    assert_eq!(played.summary().turns, 2);
    let error = played.outcome.unwrap_err();
    assert!(matches!(error, SessionError::Source(_)));
    insta::assert_snapshot!(error, @"the synthetic source fails at frame 3, as it was told to");
    assert!(!error.hint().is_empty());
}

#[test]
fn a_source_that_gives_nothing_still_has_a_beginning_and_an_end() {
    let mut stage = Stage::new(grid(1), 9, vec![]);
    stage.source.fails_at = Some(0);
    let played = stage.play();
    assert!(matches!(played.events.as_slice(), [Event::Session(_), Event::Summary(_)]));
    assert_eq!(played.summary().p50_ms, None);
}

#[test]
fn a_turn_that_fails_ends_the_session_with_all_before_it() {
    let answers = vec![ScriptedAnswer::speaking("An egg.", 0.1), ScriptedAnswer::failing(no_open_turn)];
    let played = Stage::new(grid(1), 9, answers).play();
    assert_eq!(played.turn_times(), [1.0]);
    assert_eq!(played.summary().replies, 1);
    let error = played.outcome.unwrap_err();
    assert!(error.to_string().starts_with("the turn at 0:02 failed: "), "{error}");
    assert_eq!(error.hint(), EngineError::NoOpenTurn.hint());
}

#[test]
fn a_look_that_is_cancelled_by_the_stop_is_a_clean_end() {
    let answers = vec![ScriptedAnswer::silent(0.9), ScriptedAnswer::failing(cancelled)];
    let failing = Stage::new(grid(1), 9, answers).play();
    assert!(failing.outcome.is_err(), "nobody asked for it");

    let mut stage = Stage::new(grid(1), 9, vec![]);
    let mut model = StopsInTheMiddle(stage.controls.stop.clone());
    let mut num_events = 0;
    let mut sink = |_| num_events += 1;
    let outcome = run(&mut stage.source, &mut model, stage.script, &stage.options, &stage.controls, &mut sink);
    assert_eq!(outcome.unwrap().turns, 0);
    assert_eq!(num_events, 2, "a beginning and an end");
}

/// As if Ctrl-C came while the model was looking.
struct StopsInTheMiddle(StopSignal);

impl TurnModel for StopsInTheMiddle {
    fn observe(&mut self, _input: TurnInput) -> Result<Observed, EngineError> {
        self.0.stop();
        Err(EngineError::Cancelled)
    }

    fn resolve(&mut self, _resolution: Resolution) -> Result<Resolved, EngineError> {
        Err(EngineError::NoOpenTurn)
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}
