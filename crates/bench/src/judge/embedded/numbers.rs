//! Numbers in a text, in digits or in English words.

const WORDS: &[(&str, f64)] = &[
    ("zero", 0.0),
    ("half", 0.5),
    ("one", 1.0),
    ("once", 1.0),
    ("two", 2.0),
    ("twice", 2.0),
    ("couple", 2.0),
    ("second", 2.0),
    ("three", 3.0),
    ("third", 3.0),
    ("four", 4.0),
    ("fourth", 4.0),
    ("five", 5.0),
    ("fifth", 5.0),
    ("six", 6.0),
    ("seven", 7.0),
    ("eight", 8.0),
    ("nine", 9.0),
    ("ten", 10.0),
    ("eleven", 11.0),
    ("twelve", 12.0),
    ("dozen", 12.0),
    ("thirteen", 13.0),
    ("fourteen", 14.0),
    ("fifteen", 15.0),
    ("sixteen", 16.0),
    ("seventeen", 17.0),
    ("eighteen", 18.0),
    ("nineteen", 19.0),
    ("twenty", 20.0),
    ("thirty", 30.0),
    ("forty", 40.0),
    ("fifty", 50.0),
    ("sixty", 60.0),
    ("seventy", 70.0),
    ("eighty", 80.0),
    ("ninety", 90.0),
    ("hundred", 100.0),
    ("thousand", 1000.0),
];

/// After these words `one` is no number: `the red one` has another word between, and is taken for one.
const BEFORE_PRONOUN: &[&str] = &["the", "this", "that", "each", "every", "no", "another", "any", "which", "some"];

/// The numbers among words in normal form. `95`, `95th`, `ninety five` and `ninety-five` are one and the same; larger
/// ones in words (`two hundred`) are taken apart.
pub fn numbers(words: &[&str]) -> Vec<f64> {
    let mut numbers: Vec<f64> = Vec::new();
    let mut is_open_ten = false;
    for (idx, word) in words.iter().enumerate() {
        let is_pronoun = *word == "one" && idx > 0 && BEFORE_PRONOUN.contains(&words[idx - 1]);
        let Some(number) = number(word).filter(|_| !is_pronoun) else {
            is_open_ten = false;
            continue;
        };
        match numbers.last_mut() {
            Some(tens) if is_open_ten && (1.0..10.0).contains(&number) => *tens += number,
            _ => numbers.push(number),
        }
        let is_in_words = !word.starts_with(|char: char| char.is_ascii_digit());
        is_open_ten = is_in_words && (20.0..100.0).contains(&number);
    }
    numbers
}

fn number(word: &str) -> Option<f64> {
    if let Some((_, number)) = WORDS.iter().find(|(name, _)| *name == word) {
        return Some(*number);
    }
    let num_digits = word.find(|char: char| !matches!(char, '0'..='9' | '.')).unwrap_or(word.len());
    word[..num_digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::numbers;
    use crate::words::normal_form;

    #[test]
    fn digits_and_words() {
        for (text, expected) in [
            ("Two eggs and 3.5 l, 1,000 times", &[2.0, 3.5, 1000.0][..]),
            ("ninety-five percent", &[95.0]),
            ("twenty, then 5", &[20.0, 5.0]),
            ("the 3rd at 4pm", &[3.0, 4.0]),
            ("twice a dozen", &[2.0, 12.0]),
            ("one egg, not the one on the left, no one", &[1.0]),
            ("half a cup", &[0.5]),
            ("none... 1.2.3", &[]),
        ] {
            let text = normal_form(text);
            assert_eq!(numbers(&text.split(' ').collect::<Vec<_>>()), expected, "{text}");
        }
    }
}
