//! A judge that needs no network: sentence embeddings, and rules for what embeddings do not see.

mod conflict;
mod negation;
mod numbers;
mod stems;
mod swap;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use souffleur_engine::SentenceEncoder;

use super::{Judge, JudgeError, JudgeRequest, JudgeUsage};
use crate::exact_repeats;
use crate::repeats::sentences;
use conflict::{Conflicts, NumberVerdict};
use negation::NegationVerdict;

/// Folder of the encoder below the program's data folder; `cargo xtask judge-model` fills it.
const ENCODER_FOLDER: [&str; 2] = ["judge", "all-MiniLM-L6-v2"];

/// From here on a reply covers part of the gold answer: score 1. Fixed, as all numbers here, on the development pairs of
/// `tests/fixtures/judge_pairs`: least mean absolute error of the score.
const PARTLY: f32 = 0.64;
/// From here on it covers all key points: score 2.
const COVERED: f32 = 0.79;

/// What an opposite, another number or changed places take off the cosine. These four are the weights of a logistic
/// regression on the development pairs (-0.47, -0.22, -0.05, -0.11 for a cosine's 1), rounded.
const CONTRADICTION: f32 = 0.5;
/// What the negation of something said takes off.
const NEGATED: f32 = 0.25;
/// What a negation of something else on one side alone takes off.
const NEGATION_BESIDE: f32 = 0.05;
/// What a number left out takes off.
const MISSING_NUMBER: f32 = 0.1;

/// Turns texts into vectors of length 1.
pub trait TextEncoder: Send {
    /// One vector a text.
    ///
    /// # Errors
    /// When the encoder fails.
    fn encode(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, JudgeError>;
}

impl TextEncoder for SentenceEncoder {
    fn encode(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, JudgeError> {
        Ok(Self::encode(self, texts)?)
    }
}

/// Scores by the likeness of embeddings, less what numbers, negation and opposites take off. English.
///
/// Of the replies, the stretch of consecutive sentences most like the gold answer counts, so that other remarks, before
/// or after, cost nothing. A reply is a duplicate when each of its sentences is covered, in the same sense, by what was
/// said before.
pub struct EmbeddedJudge {
    state: Mutex<State>,
}

struct State {
    encoder: Box<dyn TextEncoder>,
    /// Embeddings by text: gold answers and replies come back again and again.
    embeddings: HashMap<String, Vec<f32>>,
    stopped_by: Option<JudgeError>,
}

impl std::fmt::Debug for EmbeddedJudge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedJudge").finish_non_exhaustive()
    }
}

impl EmbeddedJudge {
    /// A judge with the encoder in `folder`, by default the one in the program's data folder.
    ///
    /// # Errors
    /// When there is none, or it cannot be loaded.
    pub fn open(folder: Option<&Path>) -> Result<Self, JudgeError> {
        let folder = folder.map_or_else(default_folder, Path::to_owned);
        if !folder.is_dir() {
            return Err(JudgeError::NoEncoder { folder });
        }
        Ok(Self::new(Box::new(SentenceEncoder::open(&folder)?)))
    }

    /// A judge with any encoder.
    pub fn new(encoder: Box<dyn TextEncoder>) -> Self {
        Self { state: Mutex::new(State { encoder, embeddings: HashMap::new(), stopped_by: None }) }
    }

    /// How well `replies` cover `gold`: at most 1, below 0 for what speaks against it.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn likeness(&self, gold: &str, replies: &[&str]) -> Result<f32, JudgeError> {
        self.state().likeness(gold, replies)
    }

    /// The score at a likeness.
    pub fn score_at(likeness: f32) -> f64 {
        match likeness {
            _ if likeness >= COVERED => 2.0,
            _ if likeness >= PARTLY => 1.0,
            _ => 0.0,
        }
    }

    /// Embeddings are added whole, so the state is sound even if a thread died while it held it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, or `None` once the encoder has failed; the failure is told by [`Judge::finish`].
    fn unless_stopped<T>(&self, reckon: impl FnOnce(&mut State) -> Result<T, JudgeError>) -> Option<T> {
        let mut state = self.state();
        if state.stopped_by.is_some() {
            return None;
        }
        match reckon(&mut state) {
            Ok(value) => Some(value),
            Err(err) => {
                state.stopped_by = Some(err);
                None
            }
        }
    }
}

fn default_folder() -> PathBuf {
    let data = souffleur_engine::data_dir().unwrap_or_default();
    ENCODER_FOLDER.iter().fold(data, |folder, part| folder.join(part))
}

impl State {
    fn embedding(&mut self, text: &str) -> Result<&[f32], JudgeError> {
        if !self.embeddings.contains_key(text) {
            let embedding = self.encoder.encode(&[text])?.pop().unwrap_or_default();
            self.embeddings.insert(text.to_owned(), embedding);
        }
        Ok(self.embeddings.get(text).map_or(&[], Vec::as_slice))
    }

    fn cosine(&mut self, a: &str, b: &str) -> Result<f32, JudgeError> {
        let a = self.embedding(a)?.to_vec();
        Ok(a.iter().zip(self.embedding(b)?).map(|(a, b)| a * b).sum())
    }

    fn likeness(&mut self, gold: &str, replies: &[&str]) -> Result<f32, JudgeError> {
        let mut best = f32::NEG_INFINITY;
        for stretch in stretches(gold, replies) {
            let likeness = self.cosine(gold, &stretch)? - taken_off(gold, &stretch);
            best = best.max(likeness);
        }
        Ok(best)
    }

    fn is_said(&mut self, reply: &str, earlier: &[&str]) -> Result<bool, JudgeError> {
        for sentence in sentences_of(&[reply]) {
            if self.likeness(sentence, earlier)? < COVERED {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn taken_off(gold: &str, reply: &str) -> f32 {
    let Conflicts { has_opposite, numbers, negation, has_swap } = Conflicts::between(gold, reply);
    let contradiction = if has_opposite || has_swap || numbers == NumberVerdict::Other { CONTRADICTION } else { 0.0 };
    let missing = if numbers == NumberVerdict::Missing { MISSING_NUMBER } else { 0.0 };
    let negation = match negation {
        NegationVerdict::Same => 0.0,
        NegationVerdict::Beside => NEGATION_BESIDE,
        NegationVerdict::Against => NEGATED,
    };
    contradiction + missing + negation
}

fn sentences_of<'a>(texts: &[&'a str]) -> Vec<&'a str> {
    let all = texts.iter().flat_map(|text| sentences(text)).map(str::trim);
    all.filter(|sentence| !sentence.is_empty()).collect()
}

/// Consecutive sentences, from one up to one more than the gold answer has, and all of them together. The texts an
/// encoder reads stay short, and there are few of them.
fn stretches(gold: &str, replies: &[&str]) -> Vec<String> {
    let said = sentences_of(replies);
    let longest = (sentences_of(&[gold]).len() + 1).min(said.len());
    let mut stretches: Vec<String> = Vec::new();
    for num_sentences in 1..=longest {
        stretches.extend(said.windows(num_sentences).map(|window| window.join(" ")));
    }
    if longest < said.len() {
        stretches.push(said.join(" "));
    }
    stretches
}

impl Judge for EmbeddedJudge {
    fn score(&self, request: &JudgeRequest<'_>) -> Option<f64> {
        if request.gold.trim().is_empty() {
            return None;
        }
        self.unless_stopped(|state| state.likeness(request.gold, request.replies)).map(Self::score_at)
    }

    fn repeats(&self, replies: &[&str], asked: &[usize]) -> Vec<bool> {
        let mut verdicts = exact_repeats(replies, asked);
        for (verdict, &idx) in verdicts.iter_mut().zip(asked) {
            if !*verdict && idx > 0 {
                let is_said = self.unless_stopped(|state| state.is_said(replies[idx], &replies[..idx]));
                *verdict = is_said.unwrap_or(false);
            }
        }
        verdicts
    }

    fn finish(&self) -> Result<Option<JudgeUsage>, JudgeError> {
        self.state().stopped_by.take().map_or(Ok(None), Err)
    }
}

#[cfg(test)]
mod tests {
    use souffleur_engine::EngineError;

    use super::*;
    use crate::words::normal_form;

    /// Counts words: texts of the same words are alike, whatever their order.
    struct BagOfWords;

    impl TextEncoder for BagOfWords {
        fn encode(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, JudgeError> {
            let embed = |text: &&str| {
                let mut counts = vec![0.0; 997];
                for word in normal_form(text).split(' ') {
                    let hash = word.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
                    counts[hash as usize % 997] += 1.0;
                }
                let length = counts.iter().map(|count: &f32| count * count).sum::<f32>().sqrt();
                counts.iter().map(|count| count / length).collect()
            };
            Ok(texts.iter().map(embed).collect())
        }
    }

    struct Broken;

    impl TextEncoder for Broken {
        fn encode(&mut self, _texts: &[&str]) -> Result<Vec<Vec<f32>>, JudgeError> {
            Err(EngineError::Cancelled.into())
        }
    }

    fn request<'a>(gold: &'a str, replies: &'a [&'a str]) -> JudgeRequest<'a> {
        JudgeRequest { question_id: "", answer_idx: 0, time_secs: 0.0, question: "", gold, replies }
    }

    fn score(gold: &str, replies: &[&str]) -> Option<f64> {
        EmbeddedJudge::new(Box::new(BagOfWords)).score(&request(gold, replies))
    }

    #[test]
    fn what_is_said_among_other_things_counts() {
        let gold = "The water boils in the pot.";
        assert_eq!(score(gold, &["You chop an onion.", "The water boils in the pot. Add salt."]), Some(2.0));
        assert_eq!(score(gold, &["You chop an onion.", "Add salt."]), Some(0.0));
        assert_eq!(score("Salt goes in. Then the lid.", &["Salt goes in.", "Then the lid."]), Some(2.0));
        assert_eq!(score("", &["x"]), None);
        assert_eq!(score(gold, &[""]), Some(0.0));
    }

    #[test]
    fn rules_see_what_embeddings_do_not() {
        let gold = "Two eggs lie on the left of the bowl.";
        for reply in [
            "Three eggs lie on the left of the bowl.",
            "Two eggs lie on the right of the bowl.",
            "Two eggs do not lie on the left of the bowl.",
        ] {
            assert!(score(gold, &[reply]) < Some(2.0), "{reply}");
        }
        assert_eq!(score(gold, &["2 eggs lie on the left of the bowl."]), Some(2.0));
    }

    #[test]
    fn a_reply_that_says_nothing_new_is_a_duplicate() {
        let judge = EmbeddedJudge::new(Box::new(BagOfWords));
        let replies = ["The water boils in the pot.", "In the pot the water boils.", "The water boils in two pots."];
        assert_eq!(judge.repeats(&replies, &[0, 1, 2]), [false, true, false]);
    }

    #[test]
    fn an_encoder_that_fails_is_told_in_the_end() {
        let judge = EmbeddedJudge::new(Box::new(Broken));
        assert_eq!(judge.score(&request("a", &["b"])), None);
        assert_eq!(judge.repeats(&["a b", "c d"], &[1]), [false]);
        assert_eq!(judge.finish().unwrap_err().to_string(), "the turn was cancelled");
    }
}
