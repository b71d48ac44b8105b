//! `souffleur bench`: the bundled clips through the embedded model, killed, gone on with, shared, compared.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::Value;

use crate::machine::Machine;
use crate::media::repository;

fn clips() -> String {
    repository("models/kitchen/clips").display().to_string()
}

fn bench(machine: &Machine, options: &str) -> Value {
    let ended = machine.run(&format!("bench proactivevideoqa --root '{}' --json {options}", clips()));
    serde_json::from_str(ended.ok()).unwrap()
}

/// What was said, without what depends on the machine.
fn said(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("predictions/clips.jsonl")).unwrap();
    let mut rows: Vec<Value> = text
        .lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            serde_json::json!([row["question_id"], row["model_response_list"], row["turns"]])
        })
        .collect();
    rows.sort_by_key(Value::to_string);
    rows
}

fn report(run: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(run.join("report.json")).unwrap()).unwrap()
}

#[test]
fn the_clips_from_end_to_end() {
    let machine = Machine::new();
    let scores = bench(&machine, "--out run");
    assert_eq!((&scores["clips"]["turns"], &scores["clips"]["items"]), (&10.into(), &4.into()));
    assert_eq!(scores["clips"]["items_without_predictions"], serde_json::json!([]));
    assert_eq!(scores["mean_turns"], scores["clips"]["pauc"]);
    let pauc = scores["clips"]["pauc"]["0.5"].as_f64().unwrap();
    assert!((50.0..100.0).contains(&pauc), "the kitchen model is better than silence on its own clips: {pauc}");

    let report = report(&machine.path("run"));
    let rows: Vec<(&str, f64)> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["label"].as_str().unwrap(), row["mean_turns"]["0.5"].as_f64().unwrap()))
        .collect();
    assert_eq!(rows[0], ("run", pauc));
    assert_eq!(rows[1], ("always silent", 25.0));
    let labels: Vec<&str> = rows.iter().map(|(label, _)| *label).collect();
    let expected = [
        "run",
        "always silent",
        "always talking",
        "oracle at span start",
        "oracle at span end",
        "policy=threshold=0.5",
        "question-at-end",
    ];
    assert!(expected.iter().all(|label| labels.contains(label)), "{labels:?}");

    // The page: whole, self-contained, with frames of all four clips.
    let page = std::fs::read_to_string(machine.path("run/report.html")).unwrap();
    assert!(page.ends_with("</html>\n") && page.contains("Time and quality"));
    for address in ["http:", "https:", "url(", "@import", "href="] {
        assert!(!page.contains(address), "{address}");
    }
    assert_eq!(page.matches("data:image/jpeg;base64,").count(), 4 * 6);
    assert!(page.len() < 600_000, "{}", page.len());

    // The scores it counted are a score file like any other.
    let line = format!(
        "pauc --gold '{}/anno.json' --pred run/predictions/clips.jsonl --scores run/scores/clips.jsonl --json",
        clips()
    );
    let again: Value = serde_json::from_str(machine.run(&line).ok()).unwrap();
    assert_eq!(again["pauc"], scores["clips"]["pauc"]);

    assert_snapshot!(machine.run("bench show run kitchen-5 ").ok().lines().next().unwrap(), @"kitchen-5.mp4 (clips)");
    let same = machine.run("bench diff run run");
    assert!(same.ok().ends_with("(+0.0)\n0 item(s) changed, 4 the same\n"), "{}", same.stdout);
}

#[test]
fn a_killed_run_goes_on_to_the_same_result() {
    let machine = Machine::new();
    bench(&machine, "--out whole --no-baselines");
    let arguments = ["bench", "proactivevideoqa", "--out", "run", "--no-baselines", "--root"];
    let predictions = machine.path("run/predictions/clips.jsonl");
    let num_lines = || std::fs::read_to_string(&predictions).map_or(0, |text| text.lines().count());
    let mut command = machine.command(arguments.into_iter().map(str::to_owned).chain([clips()]));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while num_lines() == 0 && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap(); // SIGKILL: no handler runs
    child.wait().unwrap();
    assert!((1..4).contains(&num_lines()), "killed in the middle: {} of 4", num_lines());
    // A kill in the middle of a write leaves half a line.
    let mut torn = std::fs::read(&predictions).unwrap();
    torn.extend_from_slice(b"{\"question_id\": \"kitchen-3.mp4\", \"model_resp");
    std::fs::write(&predictions, torn).unwrap();

    bench(&machine, "--out run --no-baselines");
    assert_eq!(said(&machine.path("run")), said(&machine.path("whole")));
    let (run, whole) = (report(&machine.path("run")), report(&machine.path("whole")));
    assert_eq!(run["rows"], whole["rows"]);
}

#[test]
fn shards_share_a_run() {
    let machine = Machine::new();
    let whole = bench(&machine, "--out whole --sweep eagerness=1 --no-baselines --interval 2");
    for part in ["1/2", "2/2"] {
        let options =
            format!("--out part{} --sweep eagerness=1 --no-baselines --interval 2 --shard {part}", &part[..1]);
        bench(&machine, &options);
    }
    let merged = machine.run("bench merge part1 part2 --out merged --json");
    assert_eq!(serde_json::from_str::<Value>(merged.ok()).unwrap(), whole);
    assert_eq!(said(&machine.path("merged")), said(&machine.path("whole")));
    assert_eq!(report(&machine.path("merged"))["rows"], report(&machine.path("whole"))["rows"]);
}

#[test]
fn a_missing_video_is_listed_and_strict_refuses_it() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.path("set/videos")).unwrap();
    std::fs::copy(repository("models/kitchen/clips/anno.json"), machine.path("set/anno.json")).unwrap();
    let clip = repository("models/kitchen/clips/videos/kitchen-1.mp4");
    std::fs::copy(clip, machine.path("set/videos/kitchen-1.mp4")).unwrap();
    let ended = machine.run("bench proactivevideoqa --root set --out run --no-baselines --json");
    let scores: Value = serde_json::from_str(ended.ok()).unwrap();
    assert_eq!(scores["set"]["items_without_predictions"].as_array().unwrap().len(), 3);
    assert!(ended.stderr.contains("kitchen-2.mp4: no video at set/videos/kitchen-2.mp4"), "{}", ended.stderr);
    assert_snapshot!(machine.fails(1, "bench proactivevideoqa --root set --out strict --strict"), @r"
    error: 3 video(s) are missing under --strict, the first: set/videos/kitchen-2.mp4
    hint: put the videos there, or leave --strict out to have them listed only
    ");
}

#[test]
fn what_makes_no_sense_is_told_at_once() {
    let machine = Machine::new();
    let run = |options: &str| machine.fails(2, &format!("bench proactivevideoqa --root . --out run {options}"));
    assert_snapshot!(run("--shard 3/2"), @r#"
    error: a shard is written i/n with 1 <= i <= n, found "3/2"
    hint: give --shard 1/4, --shard 2/4 and so on, one a machine
    "#);
    assert_snapshot!(run("--sweep volume=11"), @r#"
    error: a sweep is policy=…, interval=… or eagerness=… with values separated by commas, or eagerness=A..B; found "volume=11": nothing called "volume" can be swept
    hint: write it like --sweep policy=text,threshold=0.5 or --sweep eagerness=-2..2
    "#);
    assert_snapshot!(run("--interval 0"), @r"
    error: the frame interval must be from 0.001 to 3600 seconds, found 0
    hint: see `souffleur bench --help` for the range
    ");
    assert_snapshot!(run("--frames-per-turn 3"), @r#"
    error: --frames-per-turn is auto, 1 or 2, found "3"
    hint: see `souffleur bench --help` for the range
    "#);
    assert_snapshot!(machine.fails(1, "bench proactivevideoqa --root . --out run"), @r"
    error: . holds no benchmark: expected anno.json, or folders such as WEB/ that hold one, each beside videos/
    hint: give --root the folder that the benchmark was unpacked into
    ");
    assert_snapshot!(machine.fails(1, "bench mvbench --root . --out run"), @r"
    error: . holds no benchmark: expected mvbench.json, all tasks in one list, beside videos/
    hint: give --root the folder that the benchmark was unpacked into
    ");
    assert_snapshot!(machine.fails(1, "bench show nothing item"), @r"
    error: nothing is no run: run.json cannot be read: No such file or directory (os error 2)
    hint: give a folder that `souffleur bench NAME --out FOLDER` wrote
    ");
    assert_snapshot!(machine.fails(1, "bench merge nothing --out merged"), @r"
    error: nothing is no run: run.json cannot be read: No such file or directory (os error 2)
    hint: give a folder that `souffleur bench NAME --out FOLDER` wrote
    ");
    std::fs::create_dir(machine.path("other")).unwrap();
    machine.write("other/run.json", "{}");
    assert_snapshot!(machine.fails(1, "bench diff other other"), @r"
    error: other is no run: run.json: missing field `format` at line 1 column 2
    hint: give a folder that `souffleur bench NAME --out FOLDER` wrote
    ");
}

#[test]
fn a_run_with_other_options_is_refused() {
    let machine = Machine::new();
    bench(&machine, "--out run --no-baselines --shard 1/4");
    let line =
        format!("bench proactivevideoqa --root '{}' --out run --no-baselines --shard 1/4 --eagerness 2", clips());
    assert_snapshot!(machine.fails(1, &line), @r"
    error: run holds a run with --eagerness -1, asked for is 2
    hint: give --out a folder of its own, or the options of the run that is there
    ");
}

/// The report opens in a browser where one is installed: nothing is blocked by its own content policy.
#[test]
fn the_report_opens_in_a_browser() {
    let machine = Machine::new();
    bench(&machine, "--out run --no-baselines --shard 1/4");
    let page = format!("file://{}", machine.path("run/report.html").display());
    let mut browser = Command::new("chromium");
    browser.args([
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
    ]);
    browser.args(["--enable-logging=stderr", "--dump-dom", &page]);
    browser.arg(format!("--user-data-dir={}", machine.path("browser").display()));
    let Ok(output) = browser.stdin(Stdio::null()).output() else { return };
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!log.contains("Content Security Policy") && !log.contains("Refused to"), "{log}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Time and quality"), "{log}");
}

#[test]
fn a_question_about_a_whole_video() {
    const ANNOTATION: &str = r#"[{"video_id": "a", "duration": "short", "questions": [{"question_id": "1",
        "task_type": "Counting", "question": "How many?", "options": ["A. One.", "B. Two."], "answer": "B"}]}]"#;
    let machine = Machine::new();
    std::fs::create_dir_all(machine.path("set/videos")).unwrap();
    machine.write("set/video_mme.json", ANNOTATION);
    std::fs::copy(format!("{}/videos/kitchen-1.mp4", clips()), machine.path("set/videos/a.mp4")).unwrap();
    let scores: Value =
        serde_json::from_str(machine.run("bench video-mme --root set --out run --frames 4 --json").ok()).unwrap();
    // The kitchen model knows no letters.
    assert_eq!(scores["video-mme"]["accuracy, Counting"], scores["video-mme"]["accuracy"]);
    assert_eq!(scores["video-mme"]["items"], 1);
    let row: Value =
        serde_json::from_slice(&std::fs::read(machine.path("run/predictions/video-mme.jsonl")).unwrap()).unwrap();
    assert_eq!((&row["turns"], row["model_response_list"].as_array().unwrap().len()), (&1.into(), 1), "{row}");
    let other = machine.fails(1, "bench video-mme --root set --out run --frames 5");
    assert!(other.contains("--frames 4, asked for is 5"), "{other}");
}
