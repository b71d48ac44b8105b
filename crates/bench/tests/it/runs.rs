//! Runs over the bundled clips with a model that answers from a list: resumed, shared, merged, refused.

use std::fs;
use std::path::{Path, PathBuf};

use souffleur_bench::run::{
    Asking, Benchmark, FramesPerTurn, ModelFacts, Progress, RunError, RunFolder, RunPlan, Settings, Shard, drive,
    merge, variants,
};
use souffleur_bench::run_report::{ScoredRun, compare, score_run, write_report};
use souffleur_bench::{ExactJudge, Omega, Strictness};
use souffleur_engine::TurnModel;
use souffleur_session::{ScriptedAnswer, ScriptedModel, StopSignal};

fn clips() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/kitchen/clips").canonicalize().unwrap()
}

fn settings() -> Settings {
    Settings {
        interval_secs: 1.0,
        frames_per_turn: FramesPerTurn::Auto,
        policy: "text".into(),
        eagerness: 0.0,
        max_new_tokens: 32,
        asking: Asking::WhenDue,
        sampled_frames: None,
    }
}

fn plan(root: &Path, shard: &str) -> RunPlan {
    let shard: Shard = shard.parse().unwrap();
    let subsets = Benchmark::ProactiveVideoQa.open(root, &[]).unwrap();
    RunPlan {
        benchmark: Benchmark::ProactiveVideoQa,
        root: root.to_owned(),
        subsets: subsets.into_iter().map(|subset| subset.sharded(shard)).collect(),
        model: ModelFacts { name: "scripted".into(), digest: "0".into(), frames_per_turn: 1 },
        variants: variants(&settings(), false, &[]).unwrap(),
        shard,
        strictness: Strictness::Lenient,
    }
}

/// Speaks at 5 s what is right for the first clip, and nonsense at 14 s.
fn talker() -> Box<dyn TurnModel> {
    let answers = (1..=24).map(|secs| match secs {
        5 => ScriptedAnswer::speaking("The pan is smoking, turn down the heat.", 0.1),
        14 => ScriptedAnswer::speaking("Nothing of the kind.", 0.2),
        _ => ScriptedAnswer::silent(0.99),
    });
    Box::new(ScriptedModel::new(answers))
}

fn run_whole(plan: &RunPlan, out: &Path) -> Result<usize, RunError> {
    let left_out = drive(plan, out, &mut || Ok(talker()), &StopSignal::default(), &mut |_| {})?;
    Ok(left_out.len())
}

fn scored(out: &Path) -> ScoredRun {
    let omegas = Omega::parse_list("0,0.5,1").unwrap();
    score_run(&RunFolder::open(out).unwrap(), &ExactJudge, "exact", &omegas, &[]).unwrap()
}

/// Predictions without what depends on the machine.
fn said(out: &Path, subset: &str) -> Vec<String> {
    let rows = RunFolder::open(out).unwrap().predictions(subset).unwrap();
    let mut rows: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {:?} {:?}", row.question_id, row.model_response_list, row.p_silent))
        .collect();
    rows.sort();
    rows
}

#[test]
fn the_rows_without_a_model_are_what_they_must_be() {
    let out = tempfile::tempdir().unwrap();
    assert_eq!(run_whole(&plan(&clips(), "1/1"), out.path()).unwrap(), 0);
    let report = scored(out.path()).report;
    let pauc = |label: &str| report.rows.iter().find(|row| row.label == label).unwrap().pauc("0.5").unwrap();
    assert_eq!(pauc("always silent"), 25.0, "exactly");
    assert_eq!(pauc("oracle at span start"), 100.0);
    let at_end = pauc("oracle at span end");
    assert!((25.0..=62.5).contains(&at_end), "{at_end}: right at t_e is 62.5 where spans do not overlap");
    assert!(pauc("always talking") < 25.0);
    let main = report.main();
    assert_eq!(main.subsets[0].items_predicted, 4);
    assert!(main.pauc("0").unwrap() > 25.0, "one of its replies is right: {:?}", main.mean_turns);
    // The area under the drawn curve is PAUC at omega 0.
    let mean = main.curve.iter().sum::<f64>() / main.curve.len() as f64;
    assert!((mean - main.pauc("0").unwrap()).abs() < 1.0, "{mean}");
}

#[test]
fn a_run_that_is_stopped_goes_on_where_it_was() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plan = plan(&clips(), "1/1");
    run_whole(&plan, whole.path()).unwrap();
    let stop = StopSignal::default();
    let mut num_turns = 0;
    let outcome = drive(&plan, parts.path(), &mut || Ok(talker()), &stop, &mut |event| {
        num_turns += u32::from(event == Progress::Turn);
        if num_turns == 60 {
            stop.stop();
        }
    });
    assert!(matches!(outcome, Err(RunError::Stopped { done: 2, total: 4, .. })), "{outcome:?}");
    assert_eq!(said(parts.path(), "clips").len(), 2);
    let mut played = Vec::new();
    drive(&plan, parts.path(), &mut || Ok(talker()), &StopSignal::default(), &mut |event| {
        if let Progress::Item(id) = event {
            played.push(id.to_owned());
        }
    })
    .unwrap();
    assert_eq!(played, ["kitchen-3.mp4", "kitchen-5.mp4"]);
    assert_eq!(said(parts.path(), "clips"), said(whole.path(), "clips"));
    // What is done needs no model.
    drive(&plan, parts.path(), &mut || panic!("no model is needed"), &StopSignal::default(), &mut |_| {}).unwrap();
}

#[test]
fn another_run_is_refused_by_what_differs() {
    let out = tempfile::tempdir().unwrap();
    let first = plan(&clips(), "1/1");
    run_whole(&first, out.path()).unwrap();
    let refused = |change: fn(&mut RunPlan)| {
        let mut plan = first.clone();
        change(&mut plan);
        run_whole(&plan, out.path()).unwrap_err().to_string()
    };
    assert!(refused(|plan| plan.variants[0].settings.eagerness = 1.0).ends_with("with --eagerness 0, asked for is 1"));
    assert!(refused(|plan| plan.model.digest = "1".into()).contains("the model"));
    assert!(refused(|plan| plan.subsets[0].annotation.push(b' ')).contains("another annotation"));
    assert!(refused(|plan| plan.shard = "1/2".parse().unwrap()).contains("--shard"));
    run_whole(&first, out.path()).unwrap();
}

#[test]
fn shards_merged_are_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    run_whole(&plan(&clips(), "1/1"), &path("whole")).unwrap();
    run_whole(&plan(&clips(), "1/3"), &path("a")).unwrap();
    run_whole(&plan(&clips(), "2/3"), &path("b")).unwrap();
    run_whole(&plan(&clips(), "3/3"), &path("c")).unwrap();
    assert_eq!(said(&path("a"), "clips").len(), 2);
    // Twice the same does no harm, and neither does another order.
    merge(&[path("c"), path("a"), path("b"), path("a")], &path("merged")).unwrap();
    assert_eq!(said(&path("merged"), "clips"), said(&path("whole"), "clips"));
    let (merged, whole) = (scored(&path("merged")), scored(&path("whole")));
    assert_eq!(merged.table, whole.table);
    assert_eq!(merged.report.rows, whole.report.rows);
    let difference = compare(&merged.report, &whole.report);
    assert_eq!((difference.items.len(), difference.unchanged, difference.only_in_one), (0, 4, 0));
    assert!(matches!(merge(&[path("nothing")], &path("merged")), Err(RunError::NotARun { .. })));
}

#[test]
fn two_processes_do_not_write_one_run() {
    let out = tempfile::tempdir().unwrap();
    let plan = plan(&clips(), "1/1");
    let mut inner = None;
    drive(&plan, out.path(), &mut || Ok(talker()), &StopSignal::default(), &mut |_| {
        if inner.is_none() {
            inner = Some(run_whole(&plan, out.path()).unwrap_err().to_string());
        }
    })
    .unwrap();
    assert!(inner.unwrap().ends_with("is being written by another process"));
}

const HOSTILE: &str = r#"[
  {"question_id": "</title><script>alert(1)</script>", "video": "../../../etc/passwd", "duration": 1e300,
   "conversation": [{"role": "user", "content": "<img src=x onerror=alert(2)>", "time": -5}],
   "answer": [{"content": "a", "reply_timespan": [5, 1], "related_timespan": [1e308, -1e308]}]},
  {"question_id": "gone", "video": "gone.mp4", "duration": 10, "conversation": [], "answer": []},
  {"question_id": "folder", "video": "kitchen-1.mp4/", "duration": 0.0001, "conversation": 7, "answer": "x"},
  {"question_id": "text", "video": "notes.mp4", "duration": 9, "conversation": [{"role": "user", "content": " ", "time": null}],
   "answer": [{"content": "", "reply_timespan": [0, 9], "related_timespan": [0, 9]}, null]},
  {"question_id": "gone", "video": "gone.mp4"}, 7
]"#;

fn hostile() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("videos")).unwrap();
    fs::write(root.path().join("anno.json"), HOSTILE).unwrap();
    fs::write(root.path().join("videos/notes.mp4"), "this is no video").unwrap();
    root
}

#[test]
fn a_hostile_annotation_is_listed_and_does_no_harm() {
    let (root, out) = (hostile(), tempfile::tempdir().unwrap());
    let plan = plan(root.path(), "1/1");
    let left_out = drive(&plan, out.path(), &mut || Ok(talker()), &StopSignal::default(), &mut |_| {}).unwrap();
    let reasons: Vec<&str> = left_out.iter().map(|left| left.reason.as_str()).collect();
    assert_eq!(left_out.len(), 4, "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("outside the benchmark's folder")), "{reasons:?}");
    let run = RunFolder::open(out.path()).unwrap();
    let omegas = Omega::parse_list("0.5").unwrap();
    let scored = score_run(&run, &ExactJudge, "<b>", &omegas, &left_out).unwrap();
    write_report(&run, &scored).unwrap();
    let page = fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x") && !page.contains("judge <b><b>"));
    assert!(page.contains("&lt;/title&gt;&lt;script&gt;"));
    assert!(!fs::read_to_string(out.path().join("report.md")).unwrap().contains("<script>"));
}

#[test]
fn strict_refuses_what_is_odd_and_what_is_missing() {
    let root = hostile();
    let out = tempfile::tempdir().unwrap();
    let strict = RunPlan { strictness: Strictness::Strict, ..plan(root.path(), "1/1") };
    assert!(run_whole(&strict, out.path()).unwrap_err().to_string().contains("under --strict"));
    fs::write(
        root.path().join("anno.json"),
        r#"[{"question_id": "a", "video": "gone.mp4", "duration": 9, "conversation": [], "answer":
            [{"role": "assistant", "content": "b", "reply_timespan": [0, 9], "related_timespan": [0, 9]}]}]"#,
    )
    .unwrap();
    let strict = RunPlan { strictness: Strictness::Strict, ..plan(root.path(), "1/1") };
    assert!(matches!(run_whole(&strict, out.path()), Err(RunError::MissingVideos { count: 1, .. })));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn asked_at_the_end_it_answers_at_the_end() {
    let out = tempfile::tempdir().unwrap();
    let mut plan = plan(&clips(), "1/4");
    plan.variants[0].settings.asking = Asking::AtEnd;
    let chatty = || {
        let answers = (1..=24).map(|_| ScriptedAnswer::speaking("The water is boiling.", 0.1));
        Box::new(ScriptedModel::new(answers))
    };
    drive(&plan, out.path(), &mut || Ok(chatty()), &StopSignal::default(), &mut |_| {}).unwrap();
    let rows = RunFolder::open(out.path()).unwrap().predictions("clips").unwrap();
    let times: Vec<f64> = rows[0].model_response_list.iter().map(|reply| reply.time).collect();
    assert_eq!((rows[0].turns, times), (21, vec![21.0]), "what it says unasked is no answer");
}

/// The other benchmarks on a bundled clip: their files, their times, their metrics.
#[test]
fn other_benchmarks_run_and_score_by_their_own_rules() {
    let files = [
        (
            "streamingbench-po",
            "questions_proactive.json",
            r#"[{"video_path": "./kitchen-1.mp4", "questions": [
                {"question": "Say SMOKE.", "time_stamp": "0:00:02", "ground_truth_time_stamp": "0:00:06",
                 "ground_truth_output": "smoking"}]}]"#,
            // Asked at 2 s, the fifth turn is stamped 7 s.
            ("proactive output (push)", 100.0),
        ),
        (
            "ovo-timing",
            "ovo_bench_new.json",
            r#"[{"id": 1, "task": "CRR", "video": "kitchen-1.mp4", "question": "When does it smoke?", "ask_time": 0,
                "clue_time": 5.5, "answer": "now"}]"#,
            // Two replies, one of them in time: recall 1, precision 1/2.
            ("OVO timing", 200.0 / 3.0),
        ),
        (
            "omnimmi",
            "proactive_alerting.json",
            r#"[{"video": "kitchen-1.mp4", "question": "Tell me when it smokes.", "answer": [3, 9]}]"#,
            ("proactive alerting", 100.0),
        ),
    ];
    for (name, file, annotation, (metric, value)) in files {
        let (root, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(root.path().join(file), annotation).unwrap();
        fs::create_dir(root.path().join("videos")).unwrap();
        fs::copy(clips().join("videos/kitchen-1.mp4"), root.path().join("videos/kitchen-1.mp4")).unwrap();
        let benchmark: Benchmark = name.parse().unwrap();
        let plan = RunPlan {
            benchmark,
            root: root.path().to_owned(),
            subsets: benchmark.open(root.path(), &[]).unwrap(),
            ..plan(&clips(), "1/1")
        };
        assert_eq!(run_whole(&plan, out.path()).unwrap(), 0, "{name}");
        let run = RunFolder::open(out.path()).unwrap();
        let scored = scored(out.path());
        let (found, _, score) = &scored.report.main().subsets[0].metrics[0];
        assert_eq!(found, metric);
        assert!((score.unwrap() - value).abs() < 1e-9, "{name}: {score:?}");
        assert!(scored.table.is_none());
        write_report(&run, &scored).unwrap();
        let page = fs::read_to_string(out.path().join("report.html")).unwrap();
        assert!(page.contains(metric) && page.contains("data:image/jpeg"), "{name}");
    }
}
