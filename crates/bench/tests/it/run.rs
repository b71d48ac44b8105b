//! The whole command as a call: files in, the JSON of the contract out.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use souffleur_bench::{
    Annotations, BenchError, ExactJudge, JudgeChoice, Omega, PaucOptions, PercentByOmega, Predictions, Strictness,
    SubsetResult, SubsetTable, TimedReply, evaluate, run_pauc,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn run(options: &PaucOptions) -> Result<souffleur_bench::PaucRun, BenchError> {
    run_pauc(&fixture("anno.json"), &fixture("pred.jsonl"), options)
}

/// By hand, S = 2. Answer 1: right at the start of the span, 1 at any ω. Answer 2: wrong at 2 of 5 s, right at the end
/// itself; ω 0: 0.5·2/10 = 0.1; ω 0.5: (0.5·1 + 2·2.5)/10 = 0.55; ω 1: 1. The other four are silent: 0.25 each.
#[test]
fn the_contract_of_pauc() {
    let run = run(&PaucOptions::default()).unwrap();
    let mut found = serde_json::to_value(&run.result).unwrap();
    for (key, expected) in [("0", 2.1 / 6.0), ("0.5", 2.55 / 6.0), ("1", 0.5)] {
        let percent = found["pauc"][key].as_f64().unwrap();
        assert!((percent - expected * 100.0).abs() < 1e-9, "{key}: {percent}");
    }
    found["pauc"] = json!(null);
    assert_eq!(
        found,
        json!({
            "pauc": null, "turns": 6, "duplicates": null, "replies_per_minute": 5.0, "out_of_span": 1, "unscored": 0,
            "items": 3, "replies": 5, "first_reply_delay_s": 1.0, "items_without_predictions": ["gate.mp4"],
            "unknown_ids": 1,
        })
    );
    let lines: Vec<_> = run.findings.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["predictions: 1 row(s) for items that are not in the annotation"]);
}

#[test]
fn keys_are_as_typed_and_in_that_order() {
    let options = PaucOptions { omegas: Omega::parse_list("1,0.50").unwrap(), ..PaucOptions::default() };
    let text = serde_json::to_string(&run(&options).unwrap().result).unwrap();
    assert!(text.starts_with(r#"{"pauc":{"1":50.0,"0.50":42.5},"turns":6,"#), "{text}");
}

/// Answer 1: 1 point from the start: 0.5. Answer 2: 1 at 2 s, 2 at 5 s; ω 1 leaves the last: 1.
#[test]
fn scores_of_a_file() {
    let judge = JudgeChoice::Scores(fixture("scores.jsonl"));
    let options = PaucOptions { judge, omegas: Omega::parse_list("1").unwrap(), ..PaucOptions::default() };
    let result = run(&options).unwrap().result;
    assert_eq!((result.pauc.get("1"), result.unscored), (Some(2.5 / 6.0 * 100.0), 0));
}

#[test]
fn a_missing_score_is_no_point_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let scores = folder.path().join("scores.jsonl");
    fs::write(&scores, "{\"question_id\": \"bench.mp4\", \"turn\": 7, \"time\": 2, \"score\": 2}\n").unwrap();
    let options = PaucOptions { judge: JudgeChoice::Scores(scores), ..PaucOptions::default() };
    let run = run(&options).unwrap();
    assert_eq!((run.result.pauc.get("0"), run.result.unscored), (Some(25.0), 3));
    assert_eq!(run.findings[0].to_string(), "bench.mp4: 1 score(s) for a gold answer that is not there");
}

#[test]
fn strict_stops_at_what_is_odd() {
    let options = PaucOptions { strictness: Strictness::Strict, ..PaucOptions::default() };
    assert!(matches!(run(&options), Err(BenchError::Strict { count: 1, .. })));
    let err = run_pauc(&fixture("odd_anno.json"), &fixture("pred.jsonl"), &options).unwrap_err().to_string();
    assert!(err.contains("odd_anno.json: 22 finding(s) under --strict, the first: item 1 (a.mp4)"), "{err}");
}

#[test]
fn files_that_are_not_there_are_named() {
    let err = run_pauc(Path::new("no/anno.json"), &fixture("pred.jsonl"), &PaucOptions::default()).unwrap_err();
    assert!(err.to_string().starts_with("cannot read no/anno.json: "), "{err}");
    assert!("embeded".parse::<JudgeChoice>().is_err());
}

fn gold() -> Annotations {
    Annotations::read(&fixture("anno.json")).unwrap()
}

#[test]
fn silence_is_worth_exactly_25() {
    let omegas = Omega::parse_list("0,0.3,0.5,1").unwrap();
    let result = SubsetResult::from(&evaluate(&gold().items, &Predictions::default(), &ExactJudge, &omegas));
    assert!(result.pauc.0.iter().all(|(_, percent)| *percent == Some(25.0)));
    assert_eq!(result.items_without_predictions.len(), 3);
    assert_eq!((result.replies_per_minute, result.first_reply_delay_s), (0.0, None));
}

#[test]
fn the_gold_text_at_the_start_of_each_span_is_worth_100() {
    let items = gold().items;
    let mut predictions = Predictions::default();
    for item in &items {
        let says = |answer: &souffleur_bench::GoldAnswer| TimedReply {
            time_secs: answer.reply_timespan.unwrap().start_secs,
            text: answer.text.to_uppercase(),
        };
        predictions.insert(item.question_id.clone(), item.answers.iter().map(says).collect());
    }
    let omegas = Omega::parse_list("0,1").unwrap();
    let result = SubsetResult::from(&evaluate(&items, &predictions, &ExactJudge, &omegas));
    assert_eq!((result.pauc.get("0"), result.pauc.get("1")), (Some(100.0), Some(100.0)));
    assert_eq!((result.out_of_span, result.duplicates, result.turns), (0, None, 6));
}

#[test]
fn nothing_at_all_has_no_mean() {
    let omegas = Omega::parse_list("0.5").unwrap();
    let result = SubsetResult::from(&evaluate(&[], &Predictions::default(), &ExactJudge, &omegas));
    let text = serde_json::to_string(&result).unwrap();
    assert!(text.starts_with(r#"{"pauc":{"0.5":null},"turns":0,"duplicates":null,"replies_per_minute":0.0"#), "{text}");
    assert!(result.to_string().contains("(undefined)"));
}

/// The first reply inside each gold span is left out above and below the line; every other one counts, in or out of
/// spans; below ten of them there is no rate.
#[test]
fn duplicates_leave_out_the_first_reply_of_each_gold_turn() {
    let items = gold().items;
    let rate = |num_more: usize| {
        let mut replies = vec![(2.5, "Wood."), (3.0, "Wood."), (4.0, "wood!"), (11.0, "Wood."), (12.0, "A clamp.")];
        replies.extend(std::iter::repeat_n((26.0, "A clamp. Wood."), num_more));
        let replies = replies.into_iter().map(|(time_secs, text)| TimedReply { time_secs, text: text.into() });
        let mut predictions = Predictions::default();
        predictions.insert("bench.mp4", replies.collect());
        let omegas = Omega::parse_list("0.5").unwrap();
        SubsetResult::from(&evaluate(&items, &predictions, &ExactJudge, &omegas)).duplicates
    };
    // Left out: 2.5 and 11.0. Counted: 3.0 and 4.0 (repeats), 12.0 (new), then the repeats at 26.0.
    assert_eq!(rate(6), None);
    assert_eq!(rate(7), Some(90.0));
}

#[test]
fn the_two_means_of_a_table() {
    let subset = |percent: Option<f64>, turns: usize| {
        let empty = SubsetResult::from(&evaluate(&[], &Predictions::default(), &ExactJudge, &[]));
        SubsetResult { pauc: PercentByOmega(vec![("0.5".into(), percent)]), turns, ..empty }
    };
    let table = SubsetTable {
        subsets: vec![
            ("WEB".into(), subset(Some(50.0), 30)),
            ("TV".into(), subset(Some(20.0), 10)),
            ("VAD".into(), subset(None, 0)),
        ],
    };
    let found = serde_json::to_value(&table).unwrap();
    assert_eq!(found["mean_turns"], json!({"0.5": 42.5}));
    assert_eq!(found["mean_subsets"], json!({"0.5": 35.0}));
    assert_eq!(found["TV"]["turns"], json!(10));
}
