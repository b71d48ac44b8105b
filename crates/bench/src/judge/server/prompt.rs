//! What a judge server is asked, and what its answer means.

use std::path::{Path, PathBuf};

use crate::JudgeError;

/// The longest prompt file that is read: far beyond any prompt, far below what would be a mistake.
const MAX_PROMPT_BYTES: u64 = 1 << 20;

/// A text with places such as `{gold}` to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt(String);

impl Prompt {
    /// How well replies cover a gold answer: `{question}`, `{gold}`, `{reply}`; to be answered with 1, 2 or 3.
    pub fn score() -> Self {
        Self(include_str!("../prompt.txt").to_owned())
    }

    /// Whether all was said before: `{earlier}`, `{reply}`; to be answered with yes or no.
    pub fn duplicate() -> Self {
        Self(include_str!("../duplicate_prompt.txt").to_owned())
    }

    /// Reads a file that must hold each of `places`.
    ///
    /// # Errors
    /// When it cannot be read or lacks one.
    pub fn read(path: &Path, places: &[&str]) -> Result<Self, JudgeError> {
        let failed = |reason: String| JudgeError::Prompt { path: PathBuf::from(path), reason };
        let num_bytes = std::fs::metadata(path).map_err(|err| failed(err.to_string()))?.len();
        if num_bytes > MAX_PROMPT_BYTES {
            return Err(failed(format!("at most {MAX_PROMPT_BYTES} bytes are expected, found {num_bytes}")));
        }
        let text = std::fs::read_to_string(path).map_err(|err| failed(err.to_string()))?;
        match places.iter().find(|place| !text.contains(&format!("{{{place}}}"))) {
            Some(missing) => Err(failed(format!("it must hold {{{missing}}}, and does not"))),
            None => Ok(Self(text)),
        }
    }

    /// The prompt with its places filled. What is filled in is not looked at again, so a reply that says `{gold}`
    /// stays a reply.
    pub fn fill(&self, places: &[(&str, &str)]) -> String {
        let mut filled = String::with_capacity(self.0.len() + places.iter().map(|(_, text)| text.len()).sum::<usize>());
        let mut rest = self.0.as_str();
        while let Some(open) = rest.find('{') {
            let (before, from_open) = rest.split_at(open);
            filled.push_str(before);
            let place = places.iter().find_map(|(name, text)| {
                let after = from_open[1..].strip_prefix(name)?.strip_prefix('}')?;
                Some((text, after))
            });
            rest = match place {
                Some((text, after)) => {
                    filled.push_str(text.trim());
                    after
                }
                None => {
                    filled.push('{');
                    &from_open[1..]
                }
            };
        }
        filled.push_str(rest);
        filled
    }
}

/// The grade an answer names, from 1 to 3: the digit it begins with, or the only number in it. Anything else is no
/// grade: guessing would be a score nobody gave.
pub fn parse_grade(answer: &str) -> Option<u8> {
    let numbers: Vec<(usize, &str)> = numbers(answer).collect();
    let starts_text = |at: usize| !answer[..at].contains(char::is_alphanumeric);
    let (_, number) = match numbers[..] {
        [first] => first,
        [first, ..] if starts_text(first.0) => first,
        _ => return None,
    };
    match number {
        "1" => Some(1),
        "2" => Some(2),
        "3" => Some(3),
        _ => None,
    }
}

/// Words that begin with a digit, points and signs between digits included, so that `2.5`, `-3` and `10` are none of
/// the grades.
fn numbers(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |char: char| char.is_alphanumeric() || matches!(char, '.' | ',' | '-' | '+' | '%');
    let words = text.split(move |char| !is_part(char)).filter(|word| !word.is_empty());
    words.filter_map(move |word| {
        let word = word.trim_end_matches(['.', ',', '-', '+']);
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        word.contains(|char: char| char.is_ascii_digit()).then_some((at, word))
    })
}

/// What an answer to a yes-or-no question says: its first word, or the only yes or no in it.
pub fn parse_yes_no(answer: &str) -> Option<bool> {
    let verdict = |word: &str| match word.to_ascii_lowercase().as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let mut words = answer.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    if let Some(first) = words.next().and_then(verdict) {
        return Some(first);
    }
    let mut verdicts = words.filter_map(verdict);
    let found = verdicts.next()?;
    verdicts.all(|other| other == found).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once() {
        let prompt = Prompt("{gold} {x} {{reply}} {reply".to_owned());
        let filled = prompt.fill(&[("gold", " {reply} "), ("reply", "R")]);
        assert_eq!(filled, "{reply} {x} {R} {reply");
    }

    #[test]
    fn the_default_prompts_hold_their_places() {
        for (prompt, places) in
            [(Prompt::score(), &["question", "gold", "reply"][..]), (Prompt::duplicate(), &["earlier", "reply"][..])]
        {
            assert!(places.iter().all(|place| prompt.0.contains(&format!("{{{place}}}"))));
        }
    }

    #[test]
    fn a_prompt_file_without_a_place_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompt.txt");
        std::fs::write(&path, "{gold}?").unwrap();
        let message = Prompt::read(&path, &["gold", "reply"]).unwrap_err().to_string();
        assert!(message.ends_with("cannot be used: it must hold {reply}, and does not"), "{message}");
        std::fs::write(&path, "{gold} {reply}").unwrap();
        assert_eq!(Prompt::read(&path, &["gold", "reply"]).unwrap().fill(&[("gold", "g"), ("reply", "r")]), "g r");
    }

    #[test]
    fn grades() {
        for (answer, expected) in [
            ("3", Some(3)),
            (" 2\n", Some(2)),
            ("**1**", Some(1)),
            ("2.", Some(2)),
            ("Score: 3", Some(3)),
            ("The score is 2.", Some(2)),
            ("3 = all key points, not 2", Some(3)),
            ("2/3", Some(2)),
            ("It covers 1 of 3 points: 2", None),
            ("0", None),
            ("4", None),
            ("10", None),
            ("2.5", None),
            ("-3", None),
            ("3rd", None),
            ("three", None),
            ("", None),
            ("I cannot tell.", None),
        ] {
            assert_eq!(parse_grade(answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn yes_or_no() {
        for (answer, expected) in [
            ("Yes.", Some(true)),
            ("NO", Some(false)),
            ("\"no\", there is no such thing as yes", Some(false)),
            ("The answer is yes", Some(true)),
            ("Perhaps yes, perhaps no", None),
            ("", None),
            ("nothing new", None),
        ] {
            assert_eq!(parse_yes_no(answer), expected, "{answer:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(answer in "\\PC{0,40}") {
            let _ = (parse_grade(&answer), parse_yes_no(&answer));
        }
    }
}
