//! Multiple choice as in Video-MME, MVBench and LongVideoBench: lettered options, the first letter counts.

use std::fmt::Write;

use crate::metric::{Direction, Metric};

/// Share of questions answered with the right letter.
pub const ACCURACY: Metric = Metric {
    name: "accuracy",
    unit: "%",
    direction: Direction::HigherIsBetter,
    formula: "answers whose first option letter is the right one / questions; no letter is wrong",
    source: "Video-MME, arXiv 2405.21075; MVBench, arXiv 2311.17005; LongVideoBench, arXiv 2407.15754",
    on_empty: None,
};

/// A question with options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipleChoice {
    /// Identity that predictions name.
    pub question_id: String,
    /// File name of the video.
    pub video: String,
    /// Groups the accuracy is also reported for: task type, duration class.
    pub groups: Vec<String>,
    /// The words of the question.
    pub question: String,
    /// The options, without letters.
    pub options: Vec<String>,
    /// Index of the right one.
    pub correct_idx: usize,
}

impl MultipleChoice {
    /// The user text: the question, then one lettered line an option.
    pub fn user_text(&self) -> String {
        let mut text = self.question.clone();
        for (letter, option) in ('A'..='Z').zip(&self.options) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{letter}. {option}");
        }
        text
    }

    /// The right option with its letter.
    pub fn right_option(&self) -> String {
        let lettered = ('A'..='Z').zip(&self.options).nth(self.correct_idx);
        lettered.map(|(letter, option)| format!("{letter}. {option}")).unwrap_or_default()
    }

    /// Whether an answer names the right option.
    pub fn is_right(&self, answer: &str) -> bool {
        chosen_option(answer, self.options.len()) == Some(self.correct_idx)
    }
}

/// Index of the first option letter of an answer: a capital letter from A to the last option's that stands by itself
/// (`B`, `(B)`, `B.`, `Answer: B`), not one inside a word.
pub fn chosen_option(answer: &str, num_options: usize) -> Option<usize> {
    let is_part_of_word = |char: char| char.is_alphanumeric() || char == '\'' || char == '’';
    let words = answer.split(|char| !is_part_of_word(char));
    words.filter_map(|word| option_idx(word, num_options)).next()
}

/// The option a single capital letter names.
pub(crate) fn option_idx(letter: &str, num_options: usize) -> Option<usize> {
    let [letter @ b'A'..=b'Z'] = letter.as_bytes() else { return None };
    Some(usize::from(letter - b'A')).filter(|idx| *idx < num_options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_letter_that_stands_by_itself() {
        for (answer, expected) in [
            ("B", Some(1)),
            ("(C) the red one", Some(2)),
            ("Answer: D.", Some(3)),
            ("The answer is B, not A", Some(1)),
            ("E", None),
            ("b", None),
            ("Banana", None),
            ("D'oh! C", Some(2)),
            ("", None),
        ] {
            assert_eq!(chosen_option(answer, 4), expected, "{answer:?}");
        }
    }

    #[test]
    fn options_are_lettered_lines() {
        let asked = MultipleChoice {
            question_id: "1".into(),
            video: "v.mp4".into(),
            groups: vec!["colour".into()],
            question: "Which lamp is on?".into(),
            options: vec!["The red one.".into(), "The blue one.".into()],
            correct_idx: 1,
        };
        assert_eq!(asked.user_text(), "Which lamp is on?\nA. The red one.\nB. The blue one.");
        assert_eq!(asked.right_option(), "B. The blue one.");
        assert!(asked.is_right("B") && !asked.is_right("A") && !asked.is_right("?"));
    }
}
