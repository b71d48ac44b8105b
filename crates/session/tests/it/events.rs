use souffleur_core::{Frame, QuestionId, SuppressReason};
use souffleur_session::{
    Event, GateRules, Policy, RecordedSource, Recording, ScriptedAnswer, ScriptedModel, Sink, run,
};

use crate::stage::{Stage, grid, millis, secs};

fn clip() -> Stage {
    let answers = vec![
        ScriptedAnswer::silent(0.9375).after(millis(10)),
        ScriptedAnswer::speaking("The water boils.", 0.25).after(millis(20)),
        ScriptedAnswer::silent(0.875).after(millis(30)),
        ScriptedAnswer::speaking("The water boils!", 0.125).after(millis(40)),
    ];
    let mut stage = Stage::new(grid(1), 4, answers);
    stage.script.ask("Tell me when the water boils.").unwrap();
    stage
}

#[test]
fn the_lines_of_a_session() {
    let mut stage = clip();
    stage.options.repeat_guard = true;
    insta::assert_snapshot!(stage.play().lines(), @r#"
    {"type":"session","model":"scripted","provider":"cpu","providers":{"vision":"cpu","embed":"cpu","decoder":"cpu"},"frame_interval":1.0,"frames_per_turn":1}
    {"type":"turn","time":1.0,"silent":true,"p_silent":0.9375,"p_silence_text":0.87890625,"passes":1,"cache_tokens":16,"frame_age_ms":10.0,"behind_s":0.0,"ms":{"preprocess":0.0,"encode":0.0,"prefill":10.0,"decode":0.0,"total":10.0}}
    {"type":"turn","time":2.0,"silent":false,"p_silent":0.25,"p_silence_text":0.0625,"passes":4,"cache_tokens":35,"frame_age_ms":20.0,"behind_s":0.0,"ms":{"preprocess":0.0,"encode":0.0,"prefill":20.0,"decode":0.0,"total":20.0}}
    {"type":"reply","time":2.0,"question":"Tell me when the water boils.","question_ids":[1],"text":"The water boils."}
    {"type":"turn","time":3.0,"silent":true,"p_silent":0.875,"p_silence_text":0.765625,"passes":1,"cache_tokens":51,"frame_age_ms":30.0,"behind_s":0.0,"ms":{"preprocess":0.0,"encode":0.0,"prefill":30.0,"decode":0.0,"total":30.0}}
    {"type":"turn","time":4.0,"silent":false,"p_silent":0.125,"p_silence_text":0.015625,"passes":4,"cache_tokens":70,"frame_age_ms":40.0,"behind_s":0.0,"ms":{"preprocess":0.0,"encode":0.0,"prefill":40.0,"decode":0.0,"total":40.0}}
    {"type":"reply","time":4.0,"question":"Tell me when the water boils.","question_ids":[1],"text":"The water boils!","suppressed":"repeat"}
    {"type":"summary","turns":4,"replies":1,"dropped_frames":0,"p50_ms":20.0,"p99_ms":40.0,"suppressed_replies":1}
    "#);
}

#[test]
fn nothing_is_kept_back_unless_asked() {
    let played = clip().play();
    assert!(played.replies().iter().all(|reply| reply.suppressed.is_none()));
    assert_eq!((played.summary().replies, played.summary().suppressed_replies), (2, 0));
}

#[test]
fn two_frames_make_a_turn_and_a_last_one_its_own() {
    let played = Stage::new(grid(2), 5, vec![]).play();
    assert_eq!(played.turn_times(), [2.0, 4.0, 5.0]);
    assert_eq!(played.model.seen.iter().map(|input| input.frames.len()).collect::<Vec<_>>(), [2, 2, 1]);
    let one = Stage::new(grid(2), 1, vec![]).play();
    assert_eq!(one.turn_times(), [1.0]);
}

/// The made-up frames grow brighter by one step a second: a change of up to two steps counts as none, and the third
/// is one against the frame that was last looked at.
#[test]
fn an_unchanged_frame_reuses_the_silence() {
    let answers = vec![ScriptedAnswer::silent(0.9), ScriptedAnswer::speaking("Now!", 0.1)];
    let mut stage = Stage::new(grid(1), 8, answers);
    stage.script.ask("Tell me.").unwrap();
    stage.script.ask_at("5=And this?").unwrap();
    stage.options.static_skip = Some(secs(10.0));
    let played = stage.play();
    let passes: Vec<u32> = played.turns().iter().map(|turn| turn.passes).collect();
    // Looks: the first, the changed fourth which speaks, the fifth after a reply, the sixth with its text.
    assert_eq!(
        passes.iter().map(|&passes| passes > 0).collect::<Vec<_>>(),
        [true, false, false, true, true, true, false, false]
    );
    assert_eq!(played.model.seen.len(), 4);
    assert_eq!((played.turns()[1].p_silent, played.turns()[1].silent), (played.turns()[0].p_silent, true));
    assert_eq!(played.summary().turns, 8);
}

#[test]
fn a_look_is_due_when_the_gap_is_over() {
    let mut stage = Stage::new(grid(1), 6, vec![]);
    stage.options.static_skip = Some(secs(2.0));
    let looked: Vec<bool> = stage.play().turns().iter().map(|turn| turn.passes > 0).collect();
    assert_eq!(looked, [true, false, true, false, true, false]);
}

#[test]
fn a_later_start_keeps_the_times_of_the_file() {
    let grid = souffleur_core::FrameGrid::new(0.5, 10.0, 1).unwrap();
    assert_eq!(Stage::new(grid, 3, vec![]).play().turn_times(), [10.5, 11.0, 11.5]);
}

#[test]
fn a_threshold_speaks_against_the_words_and_holds_them_back() {
    let answers = vec![ScriptedAnswer::silent(0.4), ScriptedAnswer::speaking("Now!", 0.8)];
    let mut stage = Stage::new(grid(1), 2, answers);
    stage.options.policy = Policy::Threshold { p: 0.5 };
    let played = stage.play();
    let said: Vec<_> = played.replies().iter().map(|reply| reply.text.as_str()).collect();
    assert_eq!(said, [ScriptedModel::FORCED_TEXT]);
    assert_eq!(played.turns().iter().map(|turn| turn.silent).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn the_gate_marks_what_it_keeps_back() {
    let answers = ["One.", "Two.", "Three."].map(|text| ScriptedAnswer::speaking(text, 0.1));
    let mut stage = Stage::new(grid(1), 3, answers.to_vec());
    stage.options.gate = Some(GateRules { cool_down: secs(2.0), ..GateRules::default() });
    let played = stage.play();
    let marks: Vec<_> = played.replies().iter().map(|reply| reply.suppressed).collect();
    assert_eq!(marks, [None, Some(SuppressReason::CoolDown), None]);
    assert_eq!((played.summary().replies, played.summary().suppressed_replies), (2, 1));
}

#[test]
fn what_nobody_heard_may_be_said_again() {
    let answers = ["One.", "Two.", "Two."].map(|text| ScriptedAnswer::speaking(text, 0.1));
    let mut stage = Stage::new(grid(1), 3, answers.to_vec());
    stage.options.repeat_guard = true;
    stage.options.gate = Some(GateRules { cool_down: secs(2.0), ..GateRules::default() });
    let marks: Vec<_> = stage.play().replies().iter().map(|reply| reply.suppressed).collect();
    assert_eq!(marks, [None, Some(SuppressReason::CoolDown), None]);
}

#[test]
fn an_empty_answer_says_nothing() {
    let played = Stage::new(grid(1), 1, vec![ScriptedAnswer::speaking("", 0.1)]).play();
    assert!(played.replies().is_empty() && played.turns()[0].silent);
}

#[test]
fn a_recording_keeps_events_and_pictures() {
    let mut stage = clip();
    let mut recording = Recording::new(RecordedSource { name: "clip".into(), video: None }).with_thumbnails();
    run(&mut stage.source, &mut stage.model, stage.script, &stage.options, &stage.controls, &mut recording).unwrap();
    assert_eq!((recording.turns().count(), recording.replies().count()), (4, 2));
    assert_eq!(recording.thumbnails.len(), 2);
    assert!(recording.thumbnail(secs(2.0)).is_some() && recording.thumbnail(secs(3.0)).is_none());
    assert_eq!(recording.replies().next().unwrap().question_ids, [QuestionId(1)]);
    assert_eq!(recording.summary().unwrap().turns, 4);
    assert_eq!(recording.start().unwrap().label.model, "scripted");
}

/// The frames of an event are those of its turn.
#[test]
fn a_sink_sees_the_frames_of_the_turn() {
    struct Counts(Vec<usize>);
    impl Sink for Counts {
        fn receive(&mut self, _event: Event, frames: &[Frame]) {
            self.0.push(frames.len());
        }
    }
    let mut stage = Stage::new(grid(2), 3, vec![ScriptedAnswer::speaking("Hm.", 0.1)]);
    let mut counts = Counts(Vec::new());
    run(&mut stage.source, &mut stage.model, stage.script, &stage.options, &stage.controls, &mut counts).unwrap();
    assert_eq!(counts.0, [0, 2, 2, 1, 0]);
}
