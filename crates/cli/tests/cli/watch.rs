//! `souffleur watch`, source by source and option by option.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::Value;

use crate::machine::{Ended, Machine};
use crate::media::{clip, ffmpeg, test_video};

const ASK: &str = "--ask 'Describe each step.'";

/// Watches the first bundled clip as JSON lines.
fn watch(options: &str) -> Ended {
    watch_on(&Machine::new(), options)
}

fn watch_on(machine: &Machine, options: &str) -> Ended {
    let ended = machine.run(&format!("watch '{}' --format jsonl {options}", clip("kitchen-1.mp4")));
    ended.ok();
    ended
}

fn turn_times(ended: &Ended) -> Vec<f64> {
    ended.events_of("turn").iter().map(|turn| turn["time"].as_f64().unwrap()).collect()
}

/// Settings under which what is measured does not show.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(
        r#""(preprocess|encode|prefill|decode|total|frame_age_ms|p50_ms|p99_ms)":[0-9.e+-]+"#,
        "\"$1\":[ms]",
    );
    settings.add_filter(r#""(p_silent|p_silence_text)":[0-9.e+-]+"#, "\"$1\":[p]");
    settings.add_filter(r"[0-9]+ ms a turn \(99 % within [0-9]+ ms\)", "[ms] a turn");
    settings
}

// Output.

#[test]
fn json_lines_keep_the_contract() {
    let ended = watch(&format!("{ASK} --to 6"));
    settings().bind(|| assert_snapshot!(ended.stdout, @r#"
    {"type":"session","model":"kitchen","provider":"cpu","providers":{"vision":"cpu","embed":"cpu","decoder":"cpu"},"frame_interval":1.0,"frames_per_turn":1}
    {"type":"turn","time":1.0,"silent":true,"p_silent":[p],"p_silence_text":[p],"passes":1,"cache_tokens":92,"frame_age_ms":[ms],"behind_s":0.0,"ms":{"preprocess":[ms],"encode":[ms],"prefill":[ms],"decode":[ms],"total":[ms]}}
    {"type":"turn","time":2.0,"silent":true,"p_silent":[p],"p_silence_text":[p],"passes":1,"cache_tokens":122,"frame_age_ms":[ms],"behind_s":0.0,"ms":{"preprocess":[ms],"encode":[ms],"prefill":[ms],"decode":[ms],"total":[ms]}}
    {"type":"turn","time":3.0,"silent":true,"p_silent":[p],"p_silence_text":[p],"passes":1,"cache_tokens":152,"frame_age_ms":[ms],"behind_s":0.0,"ms":{"preprocess":[ms],"encode":[ms],"prefill":[ms],"decode":[ms],"total":[ms]}}
    {"type":"turn","time":4.0,"silent":true,"p_silent":[p],"p_silence_text":[p],"passes":1,"cache_tokens":182,"frame_age_ms":[ms],"behind_s":0.0,"ms":{"preprocess":[ms],"encode":[ms],"prefill":[ms],"decode":[ms],"total":[ms]}}
    {"type":"turn","time":5.0,"silent":false,"p_silent":[p],"p_silence_text":[p],"passes":11,"cache_tokens":219,"frame_age_ms":[ms],"behind_s":0.0,"ms":{"preprocess":[ms],"encode":[ms],"prefill":[ms],"decode":[ms],"total":[ms]}}
    {"type":"reply","time":5.0,"question":"Describe each step.","question_ids":[1],"text":"The pan is smoking, turn down the heat."}
    {"type":"turn","time":6.0,"silent":true,"p_silent":[p],"p_silence_text":[p],"passes":1,"cache_tokens":250,"frame_age_ms":[ms],"behind_s":0.0,"ms":{"preprocess":[ms],"encode":[ms],"prefill":[ms],"decode":[ms],"total":[ms]}}
    {"type":"summary","turns":6,"replies":1,"dropped_frames":0,"p50_ms":[ms],"p99_ms":[ms],"suppressed_replies":0}
    "#));
    for event in ended.events_of("turn") {
        let p_silent = event["p_silent"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&p_silent) && event["ms"]["total"].as_f64().unwrap() > 0.0, "{event}");
    }
}

#[test]
fn text_is_a_line_a_reply() {
    let ended = Machine::new().run(&format!("watch '{}' {ASK}", clip("kitchen-1.mp4")));
    assert_snapshot!(ended.ok(), @r"
    0:05  The pan is smoking, turn down the heat.
    0:11  The water is boiling.
    ");
    settings().bind(|| {
        assert_snapshot!(ended.stderr, @r"
    kitchen on cpu, a frame every 1 s, 1 frame a turn
    24 turns, 2 replies, [ms] a turn
    ")
    });
}

#[test]
fn a_silent_turn_is_one_pass() {
    for turn in watch(ASK).events_of("turn").iter().filter(|turn| turn["silent"] == true) {
        assert_eq!(turn["passes"], 1, "{turn}");
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let machine = Machine::new();
    let mut command = machine.command(["watch", &clip("kitchen-1.mp4"), "--ask", "a", "--format", "jsonl"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(first.starts_with(r#"{"type":"session""#));
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(!stderr.contains("error"), "{stderr}");
}

// What is said.

#[test]
fn questions_add_up() {
    let ended =
        watch(&format!("{ASK} --ask-at '7=What goes into the pan?' --policy threshold=1 --max-new-tokens 2 --to 9"));
    let questions: Vec<_> = ended.events_of("reply").iter().map(|reply| reply["question"].clone()).collect();
    assert_eq!(questions[0], "Describe each step.");
    assert_eq!(questions.last().unwrap(), "1. Describe each step.\n2. What goes into the pan?");
    assert_eq!(ended.events_of("reply").last().unwrap()["question_ids"], serde_json::json!([1, 2]));
}

#[test]
fn a_question_after_the_end_is_told() {
    let ended = watch("--ask-at '2=In time?' --ask-at '24=Late?' --ask-at '1e8=Later?' --policy threshold=0 --to 24");
    let notes: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("never asked")).collect();
    let expected =
        ["0:24", "27777:46:40"].map(|time| format!("never asked: the question at {time}; the last turn is at 0:24"));
    assert_eq!(notes, expected);
}

#[test]
fn subtitles_are_further_text() {
    let machine = Machine::new();
    machine.write("lines.srt", "1\n00:00:01,500 --> 00:00:03,000\nMind the pan!\n");
    let cache_tokens = |ended: &Ended| -> Vec<u64> {
        ended.events_of("turn").iter().map(|turn| turn["cache_tokens"].as_u64().unwrap()).collect()
    };
    // Silent throughout, so that only the subtitle makes a difference.
    let options = format!("{ASK} --policy threshold=0 --to 4");
    let without = cache_tokens(&watch_on(&machine, &options));
    let with = cache_tokens(&watch_on(&machine, &format!("{options} --subtitles lines.srt")));
    assert_eq!(without[0], with[0]);
    assert!(without[1] < with[1], "{without:?} {with:?}");
    assert_eq!(with[3] - with[1], without[3] - without[1], "said once");
}

#[test]
fn subtitles_alone_are_enough() {
    let machine = Machine::new();
    machine.write("lines.vtt", "WEBVTT\n\n00:01.500 --> 00:03.000\nMind the pan!\n");
    assert_eq!(turn_times(&watch_on(&machine, "--subtitles lines.vtt --to 3")), [1.0, 2.0, 3.0]);
}

// Time.

#[test]
fn a_turn_a_second_by_the_models_manifest() {
    let times = turn_times(&watch(ASK));
    assert_eq!(times, (1..=24).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn interval_and_frames_a_turn() {
    assert_eq!(turn_times(&watch(&format!("{ASK} --interval 2 --to 8"))), [2.0, 4.0, 6.0, 8.0]);
    let pairs = watch(&format!("{ASK} --frames-per-turn 2 --to 6"));
    assert_eq!(turn_times(&pairs), [2.0, 4.0, 6.0]);
    assert_eq!(pairs.events_of("session")[0]["frames_per_turn"], 2);
    assert_eq!(turn_times(&watch(&format!("{ASK} --interval 0.5 --to 1.5"))), [0.5, 1.0, 1.5]);
}

#[test]
fn a_part_of_the_file_keeps_its_times() {
    assert_eq!(turn_times(&watch(&format!("{ASK} --from 5 --to 9"))), [6.0, 7.0, 8.0, 9.0]);
}

#[test]
fn real_time_takes_its_time() {
    let ended = watch(&format!("{ASK} --speed realtime --interval 0.5 --to 2"));
    assert!(ended.took.as_secs_f64() > 1.4, "{:?}", ended.took);
    let num_seen = ended.events_of("turn").len() as u64;
    assert_eq!(num_seen + ended.events_of("summary")[0]["dropped_frames"].as_u64().unwrap(), 4);
}

// Deciding.

#[test]
fn policies_decide() {
    assert_eq!(watch(&format!("{ASK} --policy threshold=0")).replies(), [""; 0]);
    let eager = watch(&format!("{ASK} --policy threshold=1 --max-new-tokens 3 --to 4"));
    assert_eq!(eager.replies().len(), 4, "{}", eager.stdout);
    let early = watch(&format!("{ASK} --policy zscore=2 --to 5"));
    assert_eq!(early.replies(), [""; 0], "too few turns to know a deviation");
}

#[test]
fn eagerness_makes_it_speak() {
    let num_replies =
        |eagerness: &str| watch(&format!("{ASK} --to 8 --max-new-tokens 8 --eagerness {eagerness}")).replies().len();
    assert_eq!((num_replies("-100"), num_replies("100")), (0, 8));
}

#[test]
fn guard_and_gate_mark_what_they_hold_back() {
    let reasons = |options: &str| -> Vec<Value> {
        let ended = watch(&format!("{ASK} --policy threshold=1 --to 12 {options}"));
        ended.events_of("reply").iter().map(|reply| reply["suppressed"].clone()).collect()
    };
    assert!(reasons("").iter().all(Value::is_null));
    assert!(reasons("--repeat-guard on").contains(&"repeat".into()));
    assert!(reasons("--gate on").contains(&"cool_down".into()));
}

#[test]
fn replies_are_as_short_as_asked() {
    let long = watch(ASK).replies();
    let short = watch(&format!("{ASK} --max-new-tokens 2")).replies();
    assert!(short[0].len() < long[0].len() && long[0].starts_with(&short[0]), "{short:?} {long:?}");
}

#[test]
fn a_seed_repeats_itself() {
    let sampled = |seed: u32| {
        watch(&format!("{ASK} --temperature 3 --top-k 40 --seed {seed} --to 8 --max-new-tokens 12")).replies()
    };
    assert_eq!(sampled(1), sampled(1));
    assert_ne!(sampled(1), sampled(2));
}

#[test]
fn a_window_bounds_the_context() {
    let largest = |window: &str| {
        let ended = watch(&format!("{ASK} --window {window}"));
        ended.events_of("turn").iter().map(|turn| turn["cache_tokens"].as_u64().unwrap()).max().unwrap()
    };
    assert!(largest("6") < largest("off") / 2);
}

#[test]
fn collapsed_silence_leaves_less_behind() {
    let tokens = |switch: &str| {
        let ended = watch(&format!("{ASK} --to 4 --collapse-silence {switch}"));
        ended.events_of("turn").iter().map(|turn| turn["cache_tokens"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let (kept, collapsed) = (tokens("off"), tokens("on"));
    // Four silent turns: each leaves the header, the silence text and its end out.
    let saved: Vec<u64> = kept.iter().zip(&collapsed).map(|(kept, collapsed)| kept - collapsed).collect();
    assert!(saved[0] > 0 && saved == [saved[0], 2 * saved[0], 3 * saved[0], 4 * saved[0]], "{saved:?}");
}

#[test]
fn a_picture_that_does_not_change_is_not_looked_at_each_second() {
    let machine = Machine::new();
    ffmpeg(&machine, "-f lavfi -i color=gray:size=64x48:rate=1:duration=9 -pix_fmt yuv420p", "still.mp4");
    let looks = |options: &str| {
        let ended = machine.run(&format!("watch still.mp4 {ASK} --format jsonl {options}"));
        ended.ok();
        ended.events_of("turn").iter().filter(|turn| turn["passes"] != 0).count()
    };
    // A reply would make the next look due; this model has nothing to say of a grey picture at this eagerness.
    assert_eq!((looks("--eagerness -20"), looks("--eagerness -20 --static-skip 4")), (9, 3));
    assert_snapshot!(machine.fails(2, &format!("watch still.mp4 {ASK} --static-skip -1")), @r"
    error: --static-skip is a time of up to 3600 seconds or off, found -1
    hint: give --static-skip 10, or --static-skip off
    ");
}

#[test]
fn the_provider_is_the_one_that_runs() {
    let session = watch(&format!("{ASK} --provider cpu --to 1")).events_of("session").remove(0);
    assert_eq!(session["providers"], serde_json::json!({"vision": "cpu", "embed": "cpu", "decoder": "cpu"}));
}

#[test]
fn a_model_folder_is_a_model() {
    let machine = Machine::new();
    crate::media::kitchen_folder(&machine);
    let from_folder = watch_on(&machine, &format!("{ASK} --model ./kitchen"));
    assert_eq!(from_folder.replies(), watch(ASK).replies());
}

// Sources.

#[test]
fn one_frame_is_one_turn() {
    let machine = Machine::new();
    ffmpeg(&machine, "-f lavfi -i testsrc=size=64x48:rate=1 -frames:v 1 -pix_fmt yuv420p", "one.mp4");
    let ended = machine.run("watch one.mp4 --ask a --format jsonl");
    ended.ok();
    assert_eq!(turn_times(&ended), [1.0]);
}

#[test]
fn other_containers_and_odd_sizes() {
    let machine = Machine::new();
    ffmpeg(&machine, "-f lavfi -i testsrc=size=63x47:rate=4:duration=3", "odd.gif");
    ffmpeg(&machine, "-f lavfi -i testsrc=size=64x48:rate=5:duration=3 -c:v mjpeg", "motion.avi");
    for name in ["odd.gif", "motion.avi"] {
        let ended = machine.run(&format!("watch {name} --ask a --format jsonl"));
        ended.ok();
        assert_eq!(turn_times(&ended), [1.0, 2.0, 3.0], "{name}");
    }
}

#[test]
fn a_folder_of_images_in_natural_order() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("frames")).unwrap();
    for (name, grey) in [("f10.png", 200), ("f9.png", 100), ("f1.jpg", 0)] {
        image::RgbImage::from_pixel(64, 48, image::Rgb([grey; 3])).save(machine.path("frames").join(name)).unwrap();
    }
    machine.write("frames/f5.png", "broken");
    machine.write("frames/notes.txt", "no image");
    let ended = machine.run("watch frames --ask a --format jsonl");
    ended.ok();
    assert_eq!(ended.events_of("summary")[0]["turns"], 3);
    assert!(ended.stderr.contains("skipped: 1 unreadable image"), "{}", ended.stderr);
}

#[test]
fn a_name_with_spaces_and_signs() {
    let machine = Machine::new();
    test_video(&machine, 1, "a b %d é.mp4");
    machine.run("watch 'a b %d é.mp4' --ask a").ok();
}

// Exports.

#[test]
fn every_export_is_written() {
    let machine = Machine::new();
    let names = ["replies.srt", "replies.vtt", "session.jsonl", "replies.md", "page.html"];
    let exports: Vec<String> = names.iter().map(|name| format!("--export {name}")).collect();
    let ended = watch_on(&machine, &format!("{ASK} {}", exports.join(" ")));
    let read = |name: &str| std::fs::read_to_string(machine.path(name)).unwrap();
    assert_eq!(machine.files().len(), names.len());
    assert_eq!(read("session.jsonl"), ended.stdout);
    assert_snapshot!(read("replies.srt"), @r"
    1
    00:00:05,000 --> 00:00:10,000
    The pan is smoking, turn down the heat.

    2
    00:00:11,000 --> 00:00:16,000
    The water is boiling.
    ");
    assert!(read("replies.vtt").starts_with("WEBVTT\n"));
    let first = ended.events_of("reply").remove(0)["text"].as_str().unwrap().to_owned();
    for name in ["replies.vtt", "replies.md", "page.html"] {
        assert!(read(name).contains(&first), "{name} holds {first}");
    }
}

// Ctrl-C.

#[cfg(unix)]
fn interrupt(child: &std::process::Child) {
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

/// In real time, interrupted after its first reply.
#[cfg(unix)]
#[test]
fn the_first_interrupt_keeps_what_was_found() {
    let machine = Machine::new();
    let line = ["watch", &clip("kitchen-1.mp4"), "--ask", "a", "--speed", "realtime", "--format", "jsonl"];
    let mut command = machine.command(line);
    command.args(["--interval", "0.2", "--policy", "threshold=1", "--max-new-tokens", "4", "--export", "found.srt"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line.starts_with(r#"{"type":"reply""#)));
    interrupt(&child);
    let rest: Vec<String> = lines.collect();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(rest.last().unwrap().starts_with(r#"{"type":"summary""#), "{rest:?}");
    assert!(std::fs::read_to_string(machine.path("found.srt")).unwrap().contains("-->"));
}

/// The next frame is 12 s away; the end is not.
#[cfg(unix)]
#[test]
fn an_interrupt_does_not_wait_for_the_next_frame() {
    let machine = Machine::new();
    let line = ["watch", &clip("kitchen-1.mp4"), "--ask", "a", "--speed", "realtime", "--format", "jsonl"];
    let mut command = machine.command(line);
    command.args(["--interval", "12", "--policy", "threshold=0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line.starts_with(r#"{"type":"turn""#)));
    let started_at = std::time::Instant::now();
    interrupt(&child);
    assert!(lines.last().unwrap().starts_with(r#"{"type":"summary""#));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(started_at.elapsed().as_secs() < 6, "{:?}", started_at.elapsed());
}

/// An export that would take long enough to be interrupted leaves no folder, finished or not.
#[cfg(unix)]
#[test]
fn an_interrupted_export_leaves_nothing() {
    let machine = Machine::new();
    let kitchen = crate::media::repository("models/checkpoints/kitchen").display().to_string();
    let mut command = machine.command(["model", "export", &kitchen, "out", "--weights", "f32"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while machine.files().is_empty() {
        std::thread::yield_now();
    }
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    let is_whole = machine.path("out").exists();
    assert_eq!(output.status.code(), Some(if is_whole { 0 } else { 1 }), "{output:?}");
    let num_folders = std::fs::read_dir(machine.path(".")).unwrap().count();
    assert_eq!(num_folders, usize::from(is_whole), "{:?}", machine.files());
}
