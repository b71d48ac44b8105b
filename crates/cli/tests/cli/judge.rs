//! `souffleur pauc --judge`, with a server of our own as the judge.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use insta::assert_snapshot;

use crate::machine::{Ended, Machine};

/// One gold answer, met in other words, then said again.
fn with_predictions() -> Machine {
    let machine = Machine::new();
    machine.write(
        "anno.json",
        r#"[{"video": "a.mp4", "question_id": "a", "duration": 20,
            "conversation": [{"role": "user", "content": "What is done?", "time": 0}],
            "answer": [{"role": "assistant", "content": "Two eggs go into the bowl.",
                "related_timespan": [2, 6], "reply_timespan": [2, 12]}]}]"#,
    );
    machine.write(
        "pred.jsonl",
        r#"{"question_id": "a", "model_response_list": [
            {"role": "assistant", "content": "She breaks a couple of eggs.", "time": 4},
            {"role": "assistant", "content": "Eggs again.", "time": 8}]}"#
            .replace('\n', " "),
    );
    machine
}

/// Says this to whatever it is asked; tells how often it was asked, and whether always with the key.
struct Server {
    port: u16,
    num_requests: Arc<AtomicUsize>,
    num_with_key: Arc<AtomicUsize>,
}

impl Server {
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (num_requests, num_with_key) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (requests, with_key) = (num_requests.clone(), num_with_key.clone());
        let serve = move || {
            for stream in listener.incoming() {
                let head = respond(stream.unwrap(), answer);
                requests.fetch_add(1, Ordering::SeqCst);
                with_key.fetch_add(usize::from(head.contains("Bearer sk-secret")), Ordering::SeqCst);
            }
        };
        thread::Builder::new().name("judge-server".into()).spawn(serve).unwrap();
        Self { port, num_requests, num_with_key }
    }

    fn counts(&self) -> (usize, usize) {
        (self.num_requests.load(Ordering::SeqCst), self.num_with_key.load(Ordering::SeqCst))
    }
}

fn respond(mut stream: TcpStream, answer: &str) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut line, mut num_bytes) = (String::new(), String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            num_bytes = value.trim().parse().unwrap();
        }
        head.push_str(&line);
        line.clear();
    }
    reader.read_exact(&mut vec![0; num_bytes]).unwrap();
    let usage = r#"{"prompt_tokens": 100, "completion_tokens": 1}"#;
    let body = format!(r#"{{"choices": [{{"message": {{"content": "{answer}"}}}}], "usage": {usage}}}"#);
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
    head
}

fn pauc(machine: &Machine, judge: &str, more: &[&str]) -> Ended {
    let args = ["pauc", "--gold", "anno.json", "--pred", "pred.jsonl", "--omega", "1", "--judge", judge];
    let mut command = machine.command(args.iter().chain(more));
    command.env("SOUFFLEUR_JUDGE_KEY", "sk-secret").env_remove("SOUFFLEUR_JUDGE_MODEL");
    machine.run_command(command)
}

#[test]
fn a_server_judges_once_and_is_reported() {
    let (machine, server) = (with_predictions(), Server::start("2"));
    let address = format!("http://localhost:{}/v1?model=tiny", server.port);
    let more = ["--judge-cache", "answers.jsonl", "--json"];
    let first = pauc(&machine, &address, &more);
    assert_snapshot!(first.ok(), @r#"{"pauc":{"1":50.0},"turns":1,"duplicates":null,"replies_per_minute":6.0,"out_of_span":0,"unscored":0,"items":1,"replies":2,"first_reply_delay_s":2.0,"items_without_predictions":[],"unknown_ids":0,"judge":{"model":"tiny","questions":3,"from_cache":0,"requests":3,"timed_out":0,"rate_limited":0,"server_errors":0,"nonsense":0,"failed":0,"unparsable":1,"prompt_tokens":300,"completion_tokens":3}}"#);
    let second = pauc(&machine, &address, &more);
    assert_eq!(server.counts(), (3, 3));
    assert_snapshot!(second.stderr, @"judge tiny: 3 questions, 3 known, 0 requests (0 timed out, 0 rate limited, 0 server errors, 0 nonsense), 0 failed, 1 unparsable, 0 + 0 tokens");
    let kept = std::fs::read_to_string(machine.path("answers.jsonl")).unwrap();
    for text in [&first.stdout, &first.stderr, &kept] {
        assert!(!text.contains("secret") && !text.contains("eggs"), "{text}");
    }
}

#[test]
fn a_judge_that_cannot_judge_says_why() {
    let machine = with_predictions();
    let error = |judge: &str, more: &[&str]| pauc(&machine, judge, more).error();
    assert_snapshot!(error("http://localhost:1/v1?key=sk-secret", &[]), @r"
    error: the judge server http://localhost:1/v1/chat/completions needs the name of a model, found none
    hint: add ?model=NAME to the address, or set SOUFFLEUR_JUDGE_MODEL
    ");
    assert_snapshot!(error("embedded=nowhere", &[]), @r"
    error: the embedded judge's sentence encoder is expected in nowhere, and is not there
    hint: run `cargo xtask judge-model`, or give --judge embedded=DIR
    ");
    machine.write("prompt.txt", "How good is {reply}?");
    assert_snapshot!(error("http://localhost:1/v1?model=m", &["--judge-prompt", "prompt.txt"]), @r"
    error: the prompt prompt.txt cannot be used: it must hold {gold}, and does not
    hint: give a text file that holds {gold} and {reply} ({earlier} and {reply})
    ");
}
