//! A judge behind an address: any OpenAI-compatible chat-completions endpoint.
//!
//! Questions, gold answers and replies go to the server the user named, and nowhere else: redirects are not followed.

mod cache;
mod client;
mod endpoint;
mod patience;
mod prompt;
mod workers;

pub use endpoint::{Endpoint, Key, MODEL_VARIABLE};
pub use prompt::{Prompt, parse_grade, parse_yes_no};

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache::{Cache, CacheKey};
use client::Client;
use patience::{RealWorld, World};

use super::{Judge, JudgeError, JudgeProgress, JudgeRequest, JudgeUsage};
use crate::{Item, Predictions, evaluate, exact_repeats};

/// How a server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// The prompt for grades.
    pub score_prompt: Prompt,
    /// The prompt for duplicates.
    pub duplicate_prompt: Prompt,
    /// The file of answers.
    pub cache: PathBuf,
    /// Requests at a time.
    pub concurrency: usize,
    /// How long one request may take.
    pub timeout: Duration,
    /// Tries a question, the first included.
    pub max_tries: u32,
    /// Told how far the questions are.
    pub progress: JudgeProgress,
}

/// Grades by a model on a server: 1, 2, 3 become the scores 0, 1, 2.
///
/// [`Judge::prepare`] asks all questions of a run, several at a time, and keeps each answer on disk at once; then
/// scoring reads the answers. A reply whose words were all said before is a duplicate without asking.
pub struct ServerJudge {
    client: Client,
    settings: ServerSettings,
    cache: Cache,
    world: Box<dyn World + Send>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    usage: JudgeUsage,
    /// Questions that this run has dealt with, answered or not.
    settled: HashSet<CacheKey>,
    /// What the last question without an answer met.
    last_trouble: String,
    /// What ended the asking, told by [`Judge::finish`].
    stopped_by: Option<JudgeError>,
}

impl std::fmt::Debug for ServerJudge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerJudge").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Which answers a question allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QuestionKind {
    Grade,
    Duplicate,
}

/// A question with its place in the cache.
#[derive(Clone, Debug)]
struct Question {
    kind: QuestionKind,
    key: CacheKey,
    prompt: String,
}

impl ServerJudge {
    /// A judge on the server and as the model given.
    ///
    /// # Errors
    /// When the cache cannot be opened.
    pub fn new(
        endpoint: Endpoint,
        model: String,
        key: Option<Key>,
        settings: ServerSettings,
    ) -> Result<Self, JudgeError> {
        Self::in_world(endpoint, model, key, settings, Box::new(RealWorld))
    }

    fn in_world(
        endpoint: Endpoint,
        model: String,
        key: Option<Key>,
        settings: ServerSettings,
        world: Box<dyn World + Send>,
    ) -> Result<Self, JudgeError> {
        let cache = Cache::open(&settings.cache)?;
        let usage = JudgeUsage { model: model.clone(), ..JudgeUsage::default() };
        let client = Client::new(endpoint, model, key, settings.timeout);
        Ok(Self { client, settings, cache, world, state: Mutex::new(State { usage, ..State::default() }) })
    }

    /// The state is plain counts, sound even if a thread died while it held them.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grade_question(&self, request: &JudgeRequest<'_>) -> Question {
        let said = request.replies.join(" ");
        let places = [("question", request.question), ("gold", request.gold), ("reply", said.as_str())];
        self.question(QuestionKind::Grade, self.settings.score_prompt.fill(&places))
    }

    fn duplicate_question(&self, replies: &[&str], idx: usize) -> Question {
        let earlier = replies[..idx].join(" ");
        let places = [("earlier", earlier.as_str()), ("reply", replies[idx])];
        self.question(QuestionKind::Duplicate, self.settings.duplicate_prompt.fill(&places))
    }

    fn question(&self, kind: QuestionKind, prompt: String) -> Question {
        Question { kind, key: CacheKey::new(self.client.model(), &prompt), prompt }
    }

    /// Refuses to score when no question at all has an answer: the scores would be those of silence.
    fn check_any_answered(&self) -> Result<(), JudgeError> {
        let state = self.state();
        let num_failed = state.usage.failed;
        if num_failed == 0 || num_failed < state.usage.questions {
            return Ok(());
        }
        let (server, reason) = (self.client.server().to_owned(), state.last_trouble.clone());
        Err(JudgeError::Unreachable { server, num_failed, reason })
    }

    /// The answer, asked for now where it was not prepared.
    fn answer_to(&self, question: Question) -> Option<String> {
        let key = question.key;
        if !self.state().settled.contains(&key)
            && let Err(err) = self.ask_all(vec![question])
        {
            self.state().stopped_by.get_or_insert(err);
        }
        self.cache.get(key)
    }
}

/// The indices of `asked` that words alone do not settle, and whether each of `asked` is settled as a repeat.
fn undecided<'a>(exact: &'a [bool], asked: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    asked.iter().zip(exact).filter(|&(&idx, &is_repeat)| idx > 0 && !is_repeat).map(|(&idx, _)| idx)
}

impl Judge for ServerJudge {
    fn score(&self, request: &JudgeRequest<'_>) -> Option<f64> {
        let grade = parse_grade(&self.answer_to(self.grade_question(request))?)?;
        Some(f64::from(grade - 1))
    }

    fn repeats(&self, replies: &[&str], asked: &[usize]) -> Vec<bool> {
        let mut verdicts = exact_repeats(replies, asked);
        let open: Vec<usize> = undecided(&verdicts, asked).collect();
        for (verdict, idx) in verdicts.iter_mut().zip(asked) {
            if open.contains(idx) {
                let answer = self.answer_to(self.duplicate_question(replies, *idx));
                *verdict = answer.as_deref().and_then(parse_yes_no).unwrap_or(false);
            }
        }
        verdicts
    }

    fn prepare(&self, items: &[Item], predictions: &Predictions) -> Result<(), JudgeError> {
        let collector = Collector { judge: self, questions: RefCell::default() };
        evaluate(items, predictions, &collector, &[]);
        self.ask_all(collector.questions.into_inner())?;
        self.check_any_answered()
    }

    fn finish(&self) -> Result<Option<JudgeUsage>, JudgeError> {
        let mut state = self.state();
        match state.stopped_by.take() {
            Some(err) => Err(err),
            None => Ok(Some(state.usage.clone())),
        }
    }
}

/// Writes down what a run will ask. No question depends on an answer.
struct Collector<'a> {
    judge: &'a ServerJudge,
    questions: RefCell<Vec<Question>>,
}

impl Judge for Collector<'_> {
    fn score(&self, request: &JudgeRequest<'_>) -> Option<f64> {
        self.questions.borrow_mut().push(self.judge.grade_question(request));
        None
    }

    fn repeats(&self, replies: &[&str], asked: &[usize]) -> Vec<bool> {
        let exact = exact_repeats(replies, asked);
        let open = undecided(&exact, asked).map(|idx| self.judge.duplicate_question(replies, idx));
        self.questions.borrow_mut().extend(open);
        exact
    }
}

#[cfg(test)]
mod tests;
