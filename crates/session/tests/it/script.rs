use souffleur_core::{QuestionId, SubtitleLine};
use souffleur_session::{Command, GateRules, ScriptedAnswer, Utterance};

use crate::stage::{Stage, grid, millis, secs};

#[test]
fn texts_reach_the_model_once_and_in_their_turn() {
    let mut stage = Stage::new(grid(1), 4, vec![]);
    stage.script.ask("A?").unwrap();
    stage.script.ask_at("2=B?").unwrap();
    let line = |start, words: &str| SubtitleLine {
        start: secs(start),
        end: secs(start + 0.5),
        speaker: None,
        words: words.into(),
    };
    stage.script.add_subtitles([line(2.5, "hello"), line(2.7, "there")]);
    let played = stage.play();
    assert_eq!(played.texts(), [Some("A?"), None, Some("1. A?\n2. B?\nSubtitle: hello\nSubtitle: there"), None]);
}

#[test]
fn a_reply_names_the_question_it_answers() {
    let answers = ["a", "b", "c"].map(|text| ScriptedAnswer::speaking(text, 0.1));
    let mut stage = Stage::new(grid(1), 3, answers.to_vec());
    stage.script.say(secs(0.0), Utterance::Ask("A?".into())).unwrap();
    stage.script.say(secs(1.5), Utterance::Edit(QuestionId(1), "A, please?".into())).unwrap();
    stage.script.say(secs(2.5), Utterance::Replace("B?".into())).unwrap();
    let played = stage.play();
    let asked: Vec<_> =
        played.replies().iter().map(|reply| (reply.question.as_str(), reply.question_ids[0].0)).collect();
    assert_eq!(asked, [("A?", 1), ("A, please?", 1), ("B?", 2)]);
}

#[test]
fn a_cancelled_question_is_not_answered() {
    let answers = ["a", "b", "c"].map(|text| ScriptedAnswer::speaking(text, 0.1));
    let mut stage = Stage::new(grid(1), 3, answers.to_vec());
    stage.script.ask("A?").unwrap();
    stage.script.say(secs(1.0), Utterance::Cancel(QuestionId(1))).unwrap();
    stage.script.say(secs(2.0), Utterance::Ask("C?".into())).unwrap();
    let played = stage.play();
    let said: Vec<_> = played.replies().iter().map(|reply| reply.text.as_str()).collect();
    assert_eq!(said, ["a", "c"]);
    assert_eq!(played.summary().turns, 3, "it goes on watching");
}

#[test]
fn commands_join_the_next_turn() {
    let answers = ["a", "b", "c", "d"].map(|text| ScriptedAnswer::speaking(text, 0.1));
    let mut stage = Stage::new(grid(1), 4, answers.to_vec());
    let (sender, receiver) = crossbeam_channel::bounded(4);
    stage.controls.commands = receiver;
    stage.options.gate = Some(GateRules { cool_down: secs(0.0), ..GateRules::default() });
    let mut num_turns = 0;
    let played = stage.play_and(|event| {
        if matches!(event, souffleur_session::Event::Turn(_)) {
            num_turns += 1;
            if num_turns == 1 {
                sender.send(Command::Say(Utterance::Ask("Now?".into()))).unwrap();
                sender.send(Command::Snooze(millis(2000))).unwrap();
            }
        }
    });
    assert_eq!(played.texts(), [None, Some("Now?"), None, None]);
    let marks: Vec<_> = played.replies().iter().map(|reply| reply.suppressed.is_some()).collect();
    assert_eq!(marks, [false, true, true, false]);
}
