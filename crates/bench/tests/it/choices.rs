//! Multiple choice over whole videos, with a model that answers from a list.

use std::fs;
use std::path::Path;

use souffleur_bench::run::{
    Asking, Benchmark, FramesPerTurn, ModelFacts, OFFLINE_PROMPT, RunFolder, RunPlan, Settings, Shard, drive, variants,
};
use souffleur_bench::run_report::{find_item, read_report, score_run, show_item, write_report};
use souffleur_bench::{BenchError, ExactJudge, Strictness};
use souffleur_engine::{EngineError, Observed, Resolution, Resolved, TurnInput, TurnModel, Urge};
use souffleur_session::{ScriptedAnswer, ScriptedModel, StopSignal};

const ANNOTATION: &str = r#"[
  {"video_id": "a", "duration": "short", "domain": "d", "sub_category": "s", "questions": [
    {"question_id": "a-1", "task_type": "Counting", "question": "How many?", "options": ["A. One.", "B. Two."], "answer": "B"},
    {"question_id": "a-2", "task_type": "<i>|", "question": "Which?", "options": ["A. Red.", "B. Blue."], "answer": "B"}]},
  {"video_id": "gone", "duration": "long", "domain": "d", "sub_category": "s", "questions": [
    {"question_id": "g-1", "task_type": "Counting", "question": "How many?", "options": ["A. One.", "B. Two."], "answer": "A"}]}
]"#;

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("videos")).unwrap();
    fs::write(root.path().join("video_mme.json"), ANNOTATION).unwrap();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/kitchen/clips/videos/kitchen-1.mp4");
    fs::copy(clip, root.path().join("videos/a.mp4")).unwrap();
    root
}

fn plan(root: &Path, num_frames: u32) -> RunPlan {
    let settings = Settings {
        interval_secs: 1.0,
        frames_per_turn: FramesPerTurn::Auto,
        policy: "text".into(),
        eagerness: 0.0,
        max_new_tokens: 8,
        asking: Asking::WhenDue,
        sampled_frames: Some(num_frames),
    };
    RunPlan {
        benchmark: Benchmark::VideoMme,
        root: root.to_owned(),
        subsets: Benchmark::VideoMme.open(root, &[]).unwrap(),
        model: ModelFacts { name: "scripted".into(), digest: "0".into(), frames_per_turn: 1 },
        variants: variants(&settings, false, &[]).unwrap(),
        shard: Shard::WHOLE,
        strictness: Strictness::Lenient,
    }
}

/// Says that it is the second option, and holds every turn against what an offline question is.
struct Chooser(ScriptedModel);

impl TurnModel for Chooser {
    fn observe(&mut self, input: TurnInput) -> Result<Observed, EngineError> {
        assert_eq!(input.frames.len(), 6);
        let text = input.text.as_deref().unwrap();
        assert!(["How many?\nA. One.\nB. Two.", "Which?\nA. Red.\nB. Blue."].contains(&text), "{text}");
        self.0.observe(input)
    }

    fn resolve(&mut self, resolution: Resolution) -> Result<Resolved, EngineError> {
        assert_eq!(resolution, Resolution::Speak { max_new_tokens: 8, urge: Urge::Policy });
        self.0.resolve(resolution)
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        self.0.reset()
    }
}

fn chooser() -> Box<dyn TurnModel> {
    Box::new(Chooser(ScriptedModel::new([ScriptedAnswer::speaking("It is (B), not A.", 0.25)])))
}

#[test]
fn a_whole_video_is_one_turn_and_the_first_letter_counts() {
    let (root, out) = (root(), tempfile::tempdir().unwrap());
    let left_out =
        drive(&plan(root.path(), 6), out.path(), &mut || Ok(chooser()), &StopSignal::default(), &mut |_| {}).unwrap();
    assert_eq!(left_out.len(), 1);
    let run = RunFolder::open(out.path()).unwrap();
    let rows = run.predictions("video-mme").unwrap();
    assert!(rows.iter().all(|row| row.turns == 1 && row.p_silent == [0.25] && row.model_response_list.len() == 1));

    let scored = score_run(&run, &ExactJudge, "the first option letter", &[], &left_out).unwrap();
    write_report(&run, &scored).unwrap();
    let main = &scored.report.rows[0].subsets[0];
    let values: Vec<_> = main.metrics.iter().map(|(name, _, value)| (name.as_str(), value.unwrap().round())).collect();
    let expected = [
        ("accuracy", 67.0),
        ("accuracy, <i>|", 100.0),
        ("accuracy, Counting", 50.0),
        ("accuracy, long", 0.0),
        ("accuracy, short", 100.0),
    ];
    assert_eq!(values, expected);
    assert_eq!((main.items, main.items_predicted), (3, 2));
    let item = find_item(&scored.report, out.path(), "a-1").unwrap();
    let shown = show_item(&scored.report, item);
    assert!(shown.contains("due    B. Two.") && shown.contains("(B), not A.  [answer 1: 2]"), "{shown}");
    assert!(!shown.contains("PAUC"), "{shown}");
    assert_eq!(read_report(out.path()).unwrap(), scored.report);
    let page = fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains("6, spread evenly") && page.contains(OFFLINE_PROMPT) && !page.contains("<i>"));
    let text = fs::read_to_string(out.path().join("report.md")).unwrap();
    assert!(text.contains("accuracy, &lt;i&gt;\\| | 100.0"), "{text}");

    // Done is done, and another number of frames is another run.
    let go_on = |num_frames| {
        let plan = plan(root.path(), num_frames);
        drive(&plan, out.path(), &mut || panic!("no model is needed"), &StopSignal::default(), &mut |_| {})
    };
    go_on(6).unwrap();
    assert!(go_on(7).unwrap_err().to_string().ends_with("with --frames 6, asked for is 7"));
}

#[test]
fn strict_refuses_what_is_odd() {
    let (root, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let odd =
        r#"[{"video": "a.mp4", "question": "Who?", "mood": 1, "answers": [{"text": "A man.", "timespan": [4, 2]}]}]"#;
    fs::write(root.path().join("humomni.json"), odd).unwrap();
    let plan = RunPlan {
        benchmark: Benchmark::HumOmni,
        subsets: Benchmark::HumOmni.open(root.path(), &[]).unwrap(),
        strictness: Strictness::Strict,
        ..plan(self::root().path(), 6)
    };
    let refused = drive(&plan, out.path(), &mut || Ok(chooser()), &StopSignal::default(), &mut |_| {}).unwrap_err();
    assert!(
        matches!(&refused, souffleur_bench::run::RunError::Bench(BenchError::Strict { count: 2, .. })),
        "{refused}"
    );
}
