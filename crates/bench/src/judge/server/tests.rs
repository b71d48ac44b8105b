//! Against a server written for it, over loopback.

mod fake_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::patience::tests::FakeWorld;
use super::*;
use crate::{GoldAnswer, Span, TimedReply};
use fake_server::{Act, FakeServer};

/// Far beyond what a loaded machine takes over loopback, so that no answer is late by chance.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Where the server is to be too late: every hang costs the test this long.
const SHORT_TIMEOUT: Duration = Duration::from_secs(1);

fn settings(folder: &std::path::Path) -> ServerSettings {
    ServerSettings {
        score_prompt: Prompt::score(),
        duplicate_prompt: Prompt::duplicate(),
        cache: folder.join("answers.jsonl"),
        concurrency: 4,
        timeout: TIMEOUT,
        max_tries: 5,
        progress: JudgeProgress::default(),
    }
}

fn judge_with(server: &FakeServer, key: Option<&str>, settings: ServerSettings) -> ServerJudge {
    let endpoint: Endpoint = server.address().parse().unwrap();
    let key = key.map(|key| Key::new(key).unwrap());
    ServerJudge::in_world(endpoint, "tiny".into(), key, settings, Box::new(FakeWorld::new())).unwrap()
}

/// One gold answer an item; half of the replies hold it. The second reply of each item can be a duplicate.
fn world(num_items: usize) -> (Vec<Item>, Predictions) {
    let mut predictions = Predictions::default();
    let items = (0..num_items).map(|idx| {
        let gold = format!("Onion {idx}.");
        let first = if idx % 2 == 0 { gold.clone() } else { format!("Carrot {idx}.") };
        let replies = [(2.0, first), (4.0, format!("Still {idx}."))];
        let replies = replies.map(|(time_secs, text)| TimedReply { time_secs, text });
        predictions.insert(format!("v{idx}"), replies.to_vec());
        let span = Some(Span { start_secs: 1.0, end_secs: 9.0 });
        Item {
            question_id: format!("v{idx}"),
            video: format!("v{idx}.mp4"),
            duration_secs: Some(10.0),
            conversation: Vec::new(),
            answers: vec![GoldAnswer {
                text: gold,
                question: None,
                related_timespan: span,
                reply_timespan: span,
                kind: None,
            }],
        }
    });
    (items.collect(), predictions)
}

fn scores(judge: &ServerJudge, items: &[Item], predictions: &Predictions) -> Vec<Option<f64>> {
    let score = |item: &Item| {
        let replies = predictions.replies(&item.question_id).unwrap();
        let (gold, reply) = (item.answers[0].text.as_str(), replies[0].text.as_str());
        let question = item.question_of(&item.answers[0]);
        let request = JudgeRequest {
            question_id: &item.question_id,
            answer_idx: 0,
            time_secs: 2.0,
            question,
            gold,
            replies: &[reply],
        };
        judge.score(&request)
    };
    items.iter().map(score).collect()
}

fn expected_scores(num_items: usize) -> Vec<Option<f64>> {
    (0..num_items).map(|idx| Some(if idx % 2 == 0 { 2.0 } else { 0.0 })).collect()
}

/// Every kind of trouble, each item meeting one of them at first: no item is lost, each trouble is counted, and the
/// second run makes no call at all.
#[test]
fn a_server_in_trouble_costs_no_item_and_the_second_run_no_call() {
    const NUM_ITEMS: usize = 14;
    let folder = tempfile::tempdir().unwrap();
    let server = FakeServer::start(|prompt, num_before| {
        let idx: usize =
            prompt.split("Onion ").nth(1).and_then(|rest| rest.split('.').next()?.parse().ok()).unwrap_or(6);
        match (num_before, idx % 7) {
            (0, 0) => Act::Hang,
            (0, 1) => Act::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n<html>?!."),
            (0, 2) => Act::RetryAfter("3"),
            (0 | 1, 3) => Act::Status(500, "out of memory"),
            (0, 4) => Act::Raw(b""),
            (0, 5) => Act::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\nConnection: close\r\n\r\n{\"choices\""),
            _ => Act::Judge,
        }
    });
    let (items, predictions) = world(NUM_ITEMS);
    let impatient = ServerSettings { timeout: SHORT_TIMEOUT, ..settings(folder.path()) };
    let judge = judge_with(&server, None, impatient);
    judge.prepare(&items, &predictions).unwrap();
    assert_eq!(scores(&judge, &items, &predictions), expected_scores(NUM_ITEMS));
    let usage = judge.finish().unwrap().unwrap();
    // An item: the first reply, both replies together, and whether the second says anything new.
    assert_eq!((usage.questions, usage.from_cache, usage.failed, usage.unparsable), (3 * NUM_ITEMS, 0, 0, 0));
    assert!(usage.timed_out >= 2 && usage.nonsense >= 2 && usage.rate_limited >= 2, "{usage}");
    // Twice 500 and once closed or cut short.
    assert!(usage.server_errors >= 8, "{usage}");
    assert_eq!(usage.requests, server.num_requests());
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (10 * 3 * NUM_ITEMS as u64, 3 * NUM_ITEMS as u64));

    let again = judge_with(&server, None, settings(folder.path()));
    let before = server.num_requests();
    again.prepare(&items, &predictions).unwrap();
    assert_eq!(scores(&again, &items, &predictions), expected_scores(NUM_ITEMS));
    assert_eq!(server.num_requests(), before);
    let usage = again.finish().unwrap().unwrap();
    assert_eq!((usage.requests, usage.from_cache, usage.prompt_tokens), (0, 3 * NUM_ITEMS, 0));
}

/// What has no answer in the end is a missing score, is counted, and is asked again by the next run.
#[test]
fn an_item_that_always_fails_is_counted_and_asked_again_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let (items, predictions) = world(6);
    let server =
        FakeServer::start(|prompt, _| if prompt.contains("Onion 3.") { Act::Status(503, "") } else { Act::Judge });
    let judge = judge_with(&server, None, settings(folder.path()));
    judge.prepare(&items, &predictions).unwrap();
    let mut expected = expected_scores(6);
    expected[3] = None;
    assert_eq!(scores(&judge, &items, &predictions), expected);
    let usage = judge.finish().unwrap().unwrap();
    assert_eq!((usage.failed, usage.server_errors), (2, 10));

    let well = FakeServer::start(|_, _| Act::Judge);
    let judge = judge_with(&well, None, settings(folder.path()));
    judge.prepare(&items, &predictions).unwrap();
    assert_eq!(scores(&judge, &items, &predictions), expected_scores(6));
    assert_eq!(well.num_requests(), 2);
}

#[test]
fn words_that_are_no_grade_make_no_point_and_are_not_asked_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (items, predictions) = world(2);
    let most = Arc::new(AtomicUsize::new(0));
    let server = FakeServer::start(|_, _| Act::Say("As a judge, I rather like onions."));
    for _ in 0..2 {
        let told = most.clone();
        let progress = JudgeProgress::to(move |num_done, num_all| {
            assert!(num_done <= num_all);
            told.fetch_max(num_done, Ordering::Relaxed);
        });
        let judge = judge_with(&server, None, ServerSettings { progress, ..settings(folder.path()) });
        judge.prepare(&items, &predictions).unwrap();
        assert_eq!(scores(&judge, &items, &predictions), [None, None]);
        let usage = judge.finish().unwrap().unwrap();
        assert_eq!((usage.unparsable, usage.failed), (6, 0));
    }
    assert_eq!(most.load(Ordering::Relaxed), 6);
    assert_eq!(server.num_requests(), 6);
}

#[test]
fn a_wrong_key_ends_the_run_at_once_and_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (items, predictions) = world(40);
    let server = FakeServer::start(|_, _| Act::Status(401, "Incorrect API key provided: sk-very-secret"));
    let judge = judge_with(&server, Some("sk-very-secret"), settings(folder.path()));
    let err = judge.prepare(&items, &predictions).unwrap_err();
    assert!(matches!(err, JudgeError::Refused { .. }));
    let message = err.to_string();
    assert!(message.contains("status 401") && message.contains("[key]") && !message.contains("secret"), "{message}");
    assert!(!message.contains("model=") && !format!("{judge:?}").contains("secret"));
    // One for each worker that was under way.
    assert!(server.num_requests() <= 4, "{}", server.num_requests());
    assert!(server.last_request().to_lowercase().contains("authorization: bearer sk-very-secret"));
    let kept = std::fs::read_to_string(folder.path().join("answers.jsonl")).unwrap();
    assert!(!kept.contains("secret"));
}

#[test]
fn a_server_that_is_not_there_ends_the_run_soon() {
    let folder = tempfile::tempdir().unwrap();
    let (items, predictions) = world(40);
    let endpoint: Endpoint = {
        // Bound and dropped: nobody listens there.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap()
    };
    let world = Box::new(FakeWorld::new());
    let judge = ServerJudge::in_world(endpoint, "tiny".into(), None, settings(folder.path()), world).unwrap();
    let err = judge.prepare(&items, &predictions).unwrap_err();
    assert!(matches!(err, JudgeError::Unreachable { .. }), "{err}");
    let usage = judge.finish().unwrap().unwrap();
    assert!(usage.failed >= 16 && usage.failed < 20, "{usage}");
}

/// Too few questions for a row of failures are no reason to pass silence off as a score.
#[test]
fn a_server_that_answers_nothing_gives_no_scores() {
    for act in [Act::Status(503, ""), Act::Status(200, "<html>Please log in.</html>")] {
        let folder = tempfile::tempdir().unwrap();
        let (items, predictions) = world(1);
        let server = FakeServer::start(move |_, _| act);
        let judge = judge_with(&server, None, settings(folder.path()));
        let err = judge.prepare(&items, &predictions).unwrap_err();
        assert!(matches!(err, JudgeError::Unreachable { num_failed: 3, .. }), "{err}");
    }
}

/// Killed after any number of answers, a run goes on where it was.
#[test]
fn a_run_that_was_cut_off_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (items, predictions) = world(8);
    let server = FakeServer::start(|_, _| Act::Judge);
    let first = judge_with(&server, None, settings(folder.path()));
    first.prepare(&items[..3], &predictions).unwrap();
    let before = server.num_requests();
    drop(first);
    // The last line was being written.
    let path = folder.path().join("answers.jsonl");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 7]).unwrap();
    let second = judge_with(&server, None, settings(folder.path()));
    second.prepare(&items, &predictions).unwrap();
    assert_eq!(scores(&second, &items, &predictions), expected_scores(8));
    assert_eq!((before, server.num_requests()), (9, 9 + 15 + 1));
}

#[test]
fn another_prompt_is_another_question_and_the_request_is_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let (items, predictions) = world(1);
    let server = FakeServer::start(|_, _| Act::Say("2"));
    judge_with(&server, None, settings(folder.path())).prepare(&items, &predictions).unwrap();
    let path = folder.path().join("prompt.txt");
    std::fs::write(&path, "Gold {gold} reply {reply}").unwrap();
    let score_prompt = Prompt::read(&path, &["gold", "reply"]).unwrap();
    let judge = judge_with(&server, None, ServerSettings { score_prompt, concurrency: 1, ..settings(folder.path()) });
    judge.prepare(&items, &predictions).unwrap();
    assert_eq!(scores(&judge, &items, &predictions), [Some(1.0)]);
    assert_eq!(server.num_requests(), 3 + 2);
    let request = server.last_request();
    assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1"), "{request}");
    let body: serde_json::Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let prompt = "Gold Onion 0. reply Onion 0. Still 0.";
    let expected = serde_json::json!({"model": "tiny", "messages": [{"role": "user", "content": prompt}],
        "temperature": 0, "max_tokens": 32});
    assert_eq!(body, expected);
    assert!(!request.to_lowercase().contains("authorization"));
}

#[test]
fn duplicates_are_told_by_words_first_and_by_the_server_then() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        FakeServer::start(|prompt, _| Act::Say(if prompt.contains("It says now: An onion") { "Yes." } else { "no" }));
    let judge = judge_with(&server, None, settings(folder.path()));
    let replies = ["The onion.", "the onion", "An onion it is.", "A carrot."];
    assert_eq!(judge.repeats(&replies, &[0, 1, 2, 3]), [false, true, true, false]);
    assert_eq!(server.num_requests(), 2);
}
