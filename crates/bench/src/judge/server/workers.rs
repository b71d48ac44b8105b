//! Many questions at once, each until it has an answer or has had its tries.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::client::{Answer, Trouble};
use super::patience::{Gate, asked_wait, wait_after};
use super::{Question, QuestionKind, ServerJudge, parse_grade, parse_yes_no};
use crate::JudgeError;

/// So many questions that fail one after the other mean that the server is not there; asking thousands more would take
/// hours.
const MAX_FAILED_IN_A_ROW: usize = 16;

/// Refusals for their number alone that one question waits out.
const MAX_RATE_LIMITED: u32 = 50;

/// What the workers share.
struct Round<'a> {
    judge: &'a ServerJudge,
    open: Mutex<VecDeque<Question>>,
    num_all: usize,
    num_done: AtomicUsize,
    gate: Gate,
    num_failed_in_a_row: Mutex<usize>,
    stopped_by: Mutex<Option<JudgeError>>,
}

impl ServerJudge {
    /// Asks what is not yet known. Failed questions are counted, not errors.
    ///
    /// # Errors
    /// When the server refuses everything or is not there, or answers cannot be kept. What is answered stays.
    pub(super) fn ask_all(&self, questions: Vec<Question>) -> Result<(), JudgeError> {
        let open: VecDeque<Question> = questions.into_iter().filter(|question| self.must_ask(question)).collect();
        let num_open = open.len();
        let num_workers = self.settings.concurrency.clamp(1, open.len().max(1));
        let round = Round {
            judge: self,
            open: Mutex::new(open),
            num_all: num_open,
            num_done: AtomicUsize::new(0),
            gate: Gate::default(),
            num_failed_in_a_row: Mutex::default(),
            stopped_by: Mutex::default(),
        };
        if num_workers == 1 {
            round.work();
        } else {
            thread::scope(|scope| {
                for idx in 0..num_workers {
                    let worker = thread::Builder::new().name(format!("judge-{idx}"));
                    if let Err(cause) = worker.spawn_scoped(scope, || round.work()) {
                        round.stop(JudgeError::Thread { cause });
                        break;
                    }
                }
            });
        }
        round.stopped_by.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Counts a question the first time it is seen; `false` where its answer is known or already asked for.
    fn must_ask(&self, question: &Question) -> bool {
        let mut state = self.state();
        if !state.settled.insert(question.key) {
            return false;
        }
        state.usage.questions += 1;
        let Some(answer) = self.cache.get(question.key) else { return true };
        state.usage.from_cache += 1;
        state.usage.unparsable += usize::from(!is_parsable(question.kind, &answer));
        false
    }
}

fn is_parsable(kind: QuestionKind, answer: &str) -> bool {
    match kind {
        QuestionKind::Grade => parse_grade(answer).is_some(),
        QuestionKind::Duplicate => parse_yes_no(answer).is_some(),
    }
}

impl Round<'_> {
    fn work(&self) {
        loop {
            let is_stopped = self.stopped_by.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            let next = self.open.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(question) = next.filter(|_| !is_stopped) else { return };
            if let Err(err) = self.settle(&question) {
                self.stop(err);
            }
            let num_done = self.num_done.fetch_add(1, Ordering::Relaxed) + 1;
            self.judge.settings.progress.tell(num_done, self.num_all);
        }
    }

    fn stop(&self, err: JudgeError) {
        self.stopped_by.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(err);
    }

    fn settle(&self, question: &Question) -> Result<(), JudgeError> {
        let judge = self.judge;
        let outcome = self.ask_until_answered(&question.prompt);
        let mut num_failed_in_a_row = self.num_failed_in_a_row.lock().unwrap_or_else(PoisonError::into_inner);
        let server = || judge.client.server().to_owned();
        match outcome {
            Ok(answer) => {
                *num_failed_in_a_row = 0;
                drop(num_failed_in_a_row);
                judge.cache.put(question.key, judge.client.model(), &answer.text)?;
                let usage = &mut judge.state().usage;
                usage.prompt_tokens += answer.prompt_tokens;
                usage.completion_tokens += answer.completion_tokens;
                usage.unparsable += usize::from(!is_parsable(question.kind, &answer.text));
                Ok(())
            }
            Err(trouble) => {
                *num_failed_in_a_row += 1;
                let (num_failed, reason) = (*num_failed_in_a_row, trouble.reason());
                let mut state = judge.state();
                state.usage.failed += 1;
                state.last_trouble.clone_from(&reason);
                drop(state);
                match trouble {
                    Trouble::Refused(_) => Err(JudgeError::Refused { server: server(), reason }),
                    _ if num_failed >= MAX_FAILED_IN_A_ROW => {
                        Err(JudgeError::Unreachable { server: server(), num_failed, reason })
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn ask_until_answered(&self, prompt: &str) -> Result<Answer, Trouble> {
        let judge = self.judge;
        let world = &*judge.world;
        let (mut num_tries, mut num_rate_limited) = (0, 0);
        loop {
            self.gate.pass(world);
            let trouble = match judge.client.ask(prompt) {
                Ok(answer) => {
                    judge.state().usage.requests += 1;
                    return Ok(answer);
                }
                Err(trouble) => trouble,
            };
            self.count(&trouble);
            match &trouble {
                Trouble::BadRequest(_) | Trouble::Refused(_) => return Err(trouble),
                Trouble::TooMany { retry_after, .. } if num_rate_limited < MAX_RATE_LIMITED => {
                    num_rate_limited += 1;
                    let asked = retry_after.as_deref().and_then(asked_wait);
                    let wait = asked.unwrap_or_else(|| wait_after(num_rate_limited, world.random()));
                    // All workers wait: the server counts them together.
                    self.gate.close_for(wait, world);
                }
                _ => {
                    num_tries += 1;
                    if num_tries >= judge.settings.max_tries {
                        return Err(trouble);
                    }
                    world.sleep(wait_after(num_tries, world.random()));
                }
            }
        }
    }

    fn count(&self, trouble: &Trouble) {
        let usage = &mut self.judge.state().usage;
        usage.requests += 1;
        match trouble {
            Trouble::TimedOut => usage.timed_out += 1,
            Trouble::TooMany { .. } => usage.rate_limited += 1,
            Trouble::Broken(_) | Trouble::ServerError(_) => usage.server_errors += 1,
            Trouble::Nonsense(_) => usage.nonsense += 1,
            Trouble::BadRequest(_) | Trouble::Refused(_) => {}
        }
    }
}
