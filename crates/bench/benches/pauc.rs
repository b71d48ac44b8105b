//! PAUC over 10,000 items of 5 gold answers: the time and memory of the metric, the same by the Python reference, and
//! the whole command.
//!
//! `cargo bench -p souffleur-bench --bench pauc`; `cargo xtask bench --only pauc` builds the program first. The answers
//! are the random cases of `tests/fixtures/pauc_cases.json` on the benchmark's scale, over and over; Python gets the
//! same, and both must agree. One thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use souffleur_bench::pauc::{ScorePoint, candidates, drop_worse_late, pauc};
use souffleur_bench::{
    GoldAnswer, Item, Judge, JudgeRequest, MAX_SCORE, Omega, Predictions, Span, TimedReply, evaluate,
};

const NUM_ITEMS: usize = 10_000;
const ANSWERS_AN_ITEM: usize = 5;
const ROUNDS: usize = 10;
/// Cases last shorter than this; those of one item follow each other at this distance.
const CASE_SECS: f64 = 1000.0;

const WANTED_COMMAND: Duration = Duration::from_secs(1);
const WANTED_RATIO: f64 = 50.0;
const WANTED_BYTES_AN_ITEM: f64 = 200.0;

/// Counts what is allocated, and the most of it at a time.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the pointer came from `alloc` above, so from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Deserialize)]
struct Case {
    span: (f64, f64),
    related_end: f64,
    max_score: f64,
    replies: Vec<(f64, String, Option<f64>)>,
}

/// Knows the score of every reply beforehand, as Python does.
struct Known<'a> {
    cases: &'a [Case],
}

impl Known<'_> {
    fn case(&self, item_idx: usize, answer_idx: usize) -> &Case {
        &self.cases[(item_idx * ANSWERS_AN_ITEM + answer_idx) % self.cases.len()]
    }
}

impl Judge for Known<'_> {
    fn score(&self, request: &JudgeRequest<'_>) -> Option<f64> {
        let case = self.case(request.question_id.parse().ok()?, request.answer_idx);
        let secs = request.time_secs - request.answer_idx as f64 * CASE_SECS;
        let newest = request.replies.last()?;
        let is_asked = |(time, text, _): &&(f64, String, _)| (time - secs).abs() < 1e-6 && text == newest;
        case.replies.iter().find(is_asked)?.2
    }

    fn repeats(&self, _replies: &[&str], asked: &[usize]) -> Vec<bool> {
        // Not part of PAUC, nor of the Python.
        vec![false; asked.len()]
    }
}

fn items(known: &Known<'_>) -> (Vec<Item>, Predictions) {
    let mut predictions = Predictions::default();
    let mut items = Vec::with_capacity(NUM_ITEMS);
    for item_idx in 0..NUM_ITEMS {
        let (mut answers, mut replies) = (Vec::new(), Vec::new());
        for answer_idx in 0..ANSWERS_AN_ITEM {
            let case = known.case(item_idx, answer_idx);
            let from = answer_idx as f64 * CASE_SECS;
            let span = |start: f64, end: f64| Some(Span { start_secs: from + start, end_secs: from + end });
            answers.push(GoldAnswer {
                text: "gold".into(),
                question: Some("question".into()),
                related_timespan: span(case.span.0, case.related_end),
                reply_timespan: span(case.span.0, case.span.1),
                kind: None,
            });
            let said = case.replies.iter();
            replies.extend(said.map(|(secs, text, _)| TimedReply { time_secs: from + secs, text: text.clone() }));
        }
        let question_id = item_idx.to_string();
        predictions.insert(&question_id, replies);
        let video = format!("{question_id}.mp4");
        items.push(Item { question_id, video, duration_secs: Some(60.0), conversation: Vec::new(), answers });
    }
    (items, predictions)
}

/// A gold answer as Python has it: its span, the end of its evidence, the replies by time and the score of each.
type Answer = (Span, f64, Vec<TimedReply>, Vec<Option<f64>>);

/// The metric alone, on what the Python gets: candidates, repeated strings, points, late rule, areas at 3 omegas.
/// Returns the sum of the values. Replies are in time order, as reading them has put them.
fn metric_alone(answers: &[Answer]) -> f64 {
    let (mut sum, mut points, mut seen) = (0.0, Vec::new(), Vec::new());
    for idx in 0..NUM_ITEMS * ANSWERS_AN_ITEM {
        let (span, related_end_secs, replies, scores) = &answers[idx % answers.len()];
        points.clear();
        seen.clear();
        let start = replies.partition_point(|reply| reply.time_secs < span.start_secs);
        for (reply, score) in candidates(replies, *span).iter().zip(&scores[start..]) {
            if seen.contains(&reply.text.as_str()) {
                continue;
            }
            seen.push(reply.text.as_str());
            points.extend(score.map(|score| ScorePoint { time_secs: reply.time_secs, score }));
        }
        drop_worse_late(&mut points, *related_end_secs);
        sum += [0.0, 0.5, 1.0].into_iter().map(|omega| pauc(&points, *span, omega, MAX_SCORE)).sum::<f64>();
    }
    sum
}

fn answers_of(cases: &[Case]) -> Vec<Answer> {
    let answers = cases.iter().map(|case| {
        let mut replies = case.replies.clone();
        replies.sort_by(|a, b| a.0.total_cmp(&b.0));
        let scores = replies.iter().map(|(_, _, score)| *score).collect();
        let replies = replies.into_iter().map(|(time_secs, text, _)| TimedReply { time_secs, text }).collect();
        (Span { start_secs: case.span.0, end_secs: case.span.1 }, case.related_end, replies, scores)
    });
    answers.collect()
}

/// The shortest of several runs.
fn best_of<T>(mut run: impl FnMut() -> T) -> Duration {
    let times = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        black_box(run());
        started.elapsed()
    });
    times.min().unwrap_or_default()
}

fn main() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let bytes = std::fs::read(fixtures.join("pauc_cases.json")).expect("the cases lie in the repository");
    let mut cases: Vec<Case> = serde_json::from_slice(&bytes).expect("the cases are JSON");
    cases.retain(|case| case.max_score == MAX_SCORE);
    let known = Known { cases: &cases };
    let (items, predictions) = items(&known);
    let omegas = Omega::parse_list("0,0.5,1").expect("three numbers");
    let evaluated = || evaluate(black_box(&items), black_box(&predictions), &known, &omegas);

    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let evaluation = evaluated();
    let bytes_an_item = (PEAK.load(Relaxed) - before) as f64 / NUM_ITEMS as f64;
    let answers = answers_of(&cases);
    let alone = best_of(|| metric_alone(black_box(&answers)));
    let whole = best_of(evaluated);

    let millis = |took: Duration| took.as_secs_f64() * 1e3;
    println!("PAUC of {NUM_ITEMS} items of {ANSWERS_AN_ITEM} answers at 3 omegas, one thread, best of {ROUNDS}");
    println!("the metric alone        {:>9.2} ms", millis(alone));
    println!("evaluate, with counts   {:>9.2} ms", millis(whole));
    print_memory(bytes_an_item);
    let own: f64 = (0..3).map(|idx| evaluation.values(idx).sum::<f64>()).sum();
    assert!((own - metric_alone(&answers)).abs() < 1e-9 * own, "both ways give the same values");
    print_python(&fixtures.join("pauc_reference.py"), alone, own);
    print_command(&items, &predictions);
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}

fn print_memory(bytes_an_item: f64) {
    let met = verdict(bytes_an_item <= WANTED_BYTES_AN_ITEM);
    println!("memory beyond the input {bytes_an_item:>9.0} bytes an item (wanted <= {WANTED_BYTES_AN_ITEM}: {met})");
}

fn print_python(script: &Path, took: Duration, own: f64) {
    let output = Command::new("python3").arg(script).args(["time", &NUM_ITEMS.to_string()]).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [secs, sum] = numbers[..] else {
        println!("the Python reference      not run: python3 is not here");
        return;
    };
    assert!((own - sum).abs() < 1e-9 * sum, "the two agree: {own} here, {sum} in Python");
    let ratio = secs / took.as_secs_f64();
    let met = verdict(ratio >= WANTED_RATIO);
    println!(
        "the Python reference    {:>9.2} ms, {ratio:.0} times as long (wanted >= {WANTED_RATIO}: {met})",
        secs * 1e3
    );
}

/// `souffleur pauc` on files: reading, scoring by words, printing.
fn print_command(items: &[Item], predictions: &Predictions) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (gold, pred) = (folder.join("pauc_bench_anno.json"), folder.join("pauc_bench_pred.jsonl"));
    write_files(items, predictions, &gold, &pred).expect("the target folder can be written");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/souffleur");
    let program = std::env::var_os("SOUFFLEUR_PROGRAM").map_or(program, PathBuf::from);
    let mut best: Option<Duration> = None;
    for _ in 0..5 {
        let started = Instant::now();
        let mut command = Command::new(&program);
        let output = command.arg("pauc").arg("--gold").arg(&gold).arg("--pred").arg(&pred).arg("--json").output();
        match output {
            Ok(output) if output.status.success() => {
                let took = started.elapsed();
                best = Some(best.map_or(took, |best| best.min(took)));
            }
            _ => break,
        }
    }
    match best {
        Some(took) => {
            let met = verdict(took <= WANTED_COMMAND);
            println!("the whole command       {:>9.2} ms, best of 5 (wanted <= 1000: {met})", took.as_secs_f64() * 1e3);
        }
        None => println!("the whole command         not run: build it with `cargo build --release -p souffleur`"),
    }
}

fn write_files(items: &[Item], predictions: &Predictions, gold: &Path, pred: &Path) -> std::io::Result<()> {
    let rows: Vec<_> = items
        .iter()
        .map(|item| {
            let span = |span: Option<Span>| span.map(|span| [span.start_secs, span.end_secs]);
            let answers: Vec<_> = item
                .answers
                .iter()
                .map(|answer| {
                    json!({"role": "assistant", "content": "The water in the pot is boiling now.",
                        "related_timespan": span(answer.related_timespan), "reply_timespan": span(answer.reply_timespan)})
                })
                .collect();
            json!({"question_id": item.question_id, "video": item.video, "duration": 60.0,
                "conversation": [{"role": "user", "content": "What happens in the kitchen?", "time": 0}], "answer": answers})
        })
        .collect();
    serde_json::to_writer(std::fs::File::create(gold)?, &rows)?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(pred)?);
    for item in items {
        let said = predictions.replies(&item.question_id).unwrap_or_default().iter();
        let said: Vec<_> = said
            .map(|reply| json!({"role": "assistant", "content": format!("The water is {}.", reply.text), "time": reply.time_secs}))
            .collect();
        writeln!(file, "{}", json!({"question_id": item.question_id, "model_response_list": said}))?;
    }
    file.flush()
}
