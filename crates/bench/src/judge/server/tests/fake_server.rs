use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server does with a request.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Grades: 3 when the reply holds the expected answer, else 1; says no to the other prompt.
    Judge,
    /// Answers with this text.
    Say(&'static str),
    /// Another status with this text.
    Status(u16, &'static str),
    /// 429 with this `Retry-After`.
    RetryAfter(&'static str),
    /// These bytes, then the connection ends.
    Raw(&'static [u8]),
    /// Nothing, for longer than anyone waits.
    Hang,
}

/// A chat-completions server on loopback, one connection a request.
pub struct FakeServer {
    at: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    num_requests: AtomicUsize,
    last_request: Mutex<String>,
    num_by_prompt: Mutex<HashMap<String, usize>>,
}

impl FakeServer {
    /// `act` is told the prompt and how often it came before.
    pub fn start(act: impl Fn(&str, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let seen: Arc<Seen> = Arc::default();
        let (shared, act) = (seen.clone(), Arc::new(act));
        let accept = move || {
            for stream in listener.incoming() {
                let (seen, act) = (shared.clone(), act.clone());
                let serve = move || {
                    // A client that went away is not the server's trouble.
                    let _ = serve(stream.unwrap(), &seen, &*act);
                };
                thread::Builder::new().name("fake-server-request".into()).spawn(serve).unwrap();
            }
        };
        thread::Builder::new().name("fake-server".into()).spawn(accept).unwrap();
        Self { at, seen }
    }

    pub fn address(&self) -> String {
        format!("http://{}/v1?model=tiny", self.at)
    }

    pub fn num_requests(&self) -> usize {
        self.seen.num_requests.load(Ordering::SeqCst)
    }

    /// The newest request, head and body.
    pub fn last_request(&self) -> String {
        self.seen.last_request.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, seen: &Seen, act: &dyn Fn(&str, usize) -> Act) -> std::io::Result<()> {
    let (head, body) = read_request(&stream)?;
    seen.num_requests.fetch_add(1, Ordering::SeqCst);
    *seen.last_request.lock().unwrap() = format!("{head}\r\n{body}");
    let json: serde_json::Value = serde_json::from_str(&body)?;
    let prompt = json["messages"][0]["content"].as_str().unwrap().to_owned();
    let num_before = {
        let mut num_by_prompt = seen.num_by_prompt.lock().unwrap();
        let num = num_by_prompt.entry(prompt.clone()).or_default();
        *num += 1;
        *num - 1
    };
    match act(&prompt, num_before) {
        Act::Judge => write_answer(&mut stream, grade(&prompt)),
        Act::Say(text) => write_answer(&mut stream, text),
        Act::Status(status, text) => write_response(&mut stream, status, "", text),
        Act::RetryAfter(secs) => write_response(&mut stream, 429, &format!("Retry-After: {secs}\r\n"), "too many"),
        Act::Raw(bytes) => stream.write_all(bytes),
        Act::Hang => {
            thread::sleep(super::SHORT_TIMEOUT * 5);
            Ok(())
        }
    }
}

fn grade(prompt: &str) -> &'static str {
    let line = |start: &str| prompt.lines().find_map(|line| line.strip_prefix(start));
    match (line("Expected answer: "), line("The assistant said: ")) {
        (Some(gold), Some(reply)) if reply.contains(gold) => "3",
        (Some(_), Some(_)) => "1",
        _ => "no",
    }
}

fn read_request(stream: &TcpStream) -> std::io::Result<(String, String)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut num_bytes) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            num_bytes = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; num_bytes];
    reader.read_exact(&mut body)?;
    Ok((head, String::from_utf8(body).unwrap()))
}

fn write_answer(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let body = serde_json::json!({
        "choices": [{"message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 1},
    });
    write_response(stream, 200, "", &body.to_string())
}

fn write_response(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> std::io::Result<()> {
    let num_bytes = body.len();
    let head = format!("HTTP/1.1 {status} Any\r\nContent-Length: {num_bytes}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all((head + body).as_bytes())
}
