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
    assert_snapshot!(machine.run(&line).ok(), @r"
    PAUC (omega 0)          70.2 %
    PAUC (omega 0.5)        76.3 %
    PAUC (omega 1)          82.5 %
    duplicates                 - (undefined)
    replies a minute         6.2 /min
    first reply delay        1.2 s
    out of span                1 replies
    unscored                   0 replies
    of 10 gold answers in 4 items, 10 replies
    ");
    assert_snapshot!(machine.run(&format!("{line} --json")).ok(), @r#"{"pauc":{"0":70.16671557750756,"0.5":76.33335778875379,"1":82.5},"turns":10,"duplicates":null,"replies_per_minute":6.25,"out_of_span":1,"unscored":0,"items":4,"replies":10,"first_reply_delay_s":1.1514744526335683,"items_without_predictions":[],"unknown_ids":0}"#);
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
    assert_snapshot!(ended.stderr, @r"
    note: predictions: 1 row(s) for items that are not in the annotation
    note: no predictions for kitchen-1.mp4: it counts as silent
    note: no predictions for kitchen-2.mp4: it counts as silent
    note: no predictions for kitchen-3.mp4: it counts as silent
    note: no predictions for kitchen-5.mp4: it counts as silent
    ");
}

#[test]
fn broken_files_are_named() {
    let (machine, gold) = with_predictions();
    assert_snapshot!(machine.fails(1, "pauc --gold nothing.json --pred pred.jsonl"), @r"
    error: cannot read nothing.json: No such file or directory (os error 2)
    hint: check the path and that the file may be read
    ");
    machine.write("broken.json", "{");
    assert_snapshot!(machine.fails(1, "pauc --gold broken.json --pred pred.jsonl"), @r"
    error: broken.json: expected a JSON list of items, found invalid type: map, expected a sequence at line 1 column 0
    hint: give the anno.json of a subset: a list of objects with question_id, conversation and answer
    ");
    machine.write("broken.jsonl", "{\"question_id\": \"a\"}");
    assert_snapshot!(machine.fails(1, &format!("pauc --gold '{gold}' --pred broken.jsonl")), @r"
    error: broken.jsonl, line 1: model_response_list: a list expected, found nothing
    hint: mend or remove that line: one JSON object a line, nothing cut off
    ");
}
