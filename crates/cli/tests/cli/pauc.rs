//! `souffleur pauc`.

use insta::assert_snapshot;

use crate::machine::Machine;
use crate::media::repository;

/// What the checkpoint said to the bundled clips when it was made, as predictions.
fn with_predictions() -> (Machine, String) {
    let machine = Machine::new();
    let gold = repository("models/kitchen/clips/anno.json");
    let items: serde_json::Value = serde_json::from_slice(&std::fs::read(&gold).unwrap()).unwrap();
    let rows = items.as_array().unwrap().iter().map(|item| {
        let replies =
            item["model_replies"].as_array().unwrap().iter().map(
                |reply| serde_json::json!({"role": "assistant", "content": reply["content"], "time": reply["time"]}),
            );
        let replies: Vec<_> = replies.collect();
        serde_json::json!({"question_id": item["question_id"], "model_response_list": replies}).to_string()
    });
    machine.write("pred.jsonl", rows.collect::<Vec<_>>().join("\n"));
    (machine, gold.display().to_string())
}

#[test]
fn text_and_json_are_pinned() {
    let (machine, gold) = with_predictions();
    let line = format!("pauc --gold '{gold}' --pred pred.jsonl");
    assert_snapshot!(machine.run(&line).ok(), @"");
    assert_snapshot!(machine.run(&format!("{line} --json")).ok(), @"");
}

#[test]
fn omegas_keep_their_spelling() {
    let (machine, gold) = with_predictions();
    let ended = machine.run(&format!("pauc --gold '{gold}' --pred pred.jsonl --omega 0.50,1.0 --json"));
    let result: serde_json::Value = serde_json::from_str(ended.ok()).unwrap();
    let keys: Vec<&String> = result["pauc"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["0.50", "1.0"]);
}

#[test]
fn scores_take_the_judges_place() {
    let (machine, gold) = with_predictions();
    machine.write("scores.jsonl", r#"{"question_id": "kitchen-1.mp4", "turn": 0, "time": 5.0, "score": 2}"#);
    let ended = machine.run(&format!("pauc --gold '{gold}' --pred pred.jsonl --scores scores.jsonl --json"));
    let result: serde_json::Value = serde_json::from_str(ended.ok()).unwrap();
    assert!(result["unscored"].as_u64().unwrap() > 0, "a reply without a score is counted: {result}");
}

#[test]
fn items_without_predictions_are_listed() {
    let (machine, gold) = with_predictions();
    machine.write("pred.jsonl", r#"{"question_id": "elsewhere", "model_response_list": []}"#);
    let ended = machine.run(&format!("pauc --gold '{gold}' --pred pred.jsonl --json"));
    let result: serde_json::Value = serde_json::from_str(ended.ok()).unwrap();
    assert_eq!((&result["pauc"]["0.5"], &result["duplicates"]), (&25.0.into(), &serde_json::Value::Null));
    assert_snapshot!(ended.stderr, @"");
}

#[test]
fn broken_files_are_named() {
    let (machine, gold) = with_predictions();
    assert_snapshot!(machine.fails(1, "pauc --gold nothing.json --pred pred.jsonl"), @"");
    machine.write("broken.json", "{");
    assert_snapshot!(machine.fails(1, "pauc --gold broken.json --pred pred.jsonl"), @"");
    machine.write("broken.jsonl", "{\"question_id\": \"a\"}");
    assert_snapshot!(machine.fails(1, &format!("pauc --gold '{gold}' --pred broken.jsonl")), @"");
}
