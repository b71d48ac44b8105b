//! What a text says is not so.

use super::stems::{is_function_word, stem};
use crate::words::normal_form;

/// Words that turn around what follows them, in normal form (no apostrophes).
const NEGATIONS: &[&str] = &[
    "not", "no", "never", "without", "nobody", "nothing", "none", "neither", "nor", "nowhere", "hardly", "cannot",
    "cant", "dont", "doesnt", "didnt", "isnt", "arent", "aint", "wasnt", "werent", "hasnt", "havent", "hadnt", "wont",
    "wouldnt", "couldnt", "shouldnt",
];

/// Words that end the reach of a negation, besides punctuation.
const CLAUSE_WORDS: &[&str] = &["but", "and", "so", "because"];

/// How the negations of a reply stand to those of the gold answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegationVerdict {
    /// Both negate something, or neither does.
    Same,
    /// One negates something the other does not speak of.
    Beside,
    /// One negates what the other says.
    Against,
}

/// The content words of a text, and those of them that stand after a negation.
struct Stems {
    all: Vec<String>,
    negated: Vec<String>,
    is_negated: bool,
}

/// Compares what two texts negate.
pub fn compare_negations(gold: &str, reply: &str) -> NegationVerdict {
    let (gold, reply) = (stems(gold), stems(reply));
    let (negating, other) = match (gold.is_negated, reply.is_negated) {
        (true, false) => (gold, reply),
        (false, true) => (reply, gold),
        _ => return NegationVerdict::Same,
    };
    if negating.negated.iter().any(|stem| other.all.contains(stem)) {
        NegationVerdict::Against
    } else {
        NegationVerdict::Beside
    }
}

fn stems(text: &str) -> Stems {
    let mut stems = Stems { all: Vec::new(), negated: Vec::new(), is_negated: false };
    for part in text.split([',', '.', ';', ':', '!', '?']) {
        let mut is_after_negation = false;
        for word in normal_form(part).split(' ').filter(|word| !word.is_empty()) {
            if NEGATIONS.contains(&word) {
                stems.is_negated = true;
                is_after_negation = true;
            } else if CLAUSE_WORDS.contains(&word) {
                is_after_negation = false;
            } else if !is_function_word(word) {
                let stem = stem(word).into_owned();
                if is_after_negation {
                    stems.negated.push(stem.clone());
                }
                stems.all.push(stem);
            }
        }
    }
    stems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn against_is_only_what_the_other_text_says() {
        for (gold, reply, expected) in [
            ("The water is boiling.", "The water isn't boiling.", NegationVerdict::Against),
            ("The call is muted.", "The call is no longer muted.", NegationVerdict::Against),
            ("She falls, but is not hurt.", "She falls.", NegationVerdict::Beside),
            ("She falls, but is not hurt.", "She falls and is hurt.", NegationVerdict::Against),
            ("She falls, but is not hurt.", "She falls without being hurt.", NegationVerdict::Same),
            ("Nobody is there.", "There is no one.", NegationVerdict::Same),
            ("She adds sugar.", "She adds sugar.", NegationVerdict::Same),
            ("", "", NegationVerdict::Same),
        ] {
            assert_eq!(compare_negations(gold, reply), expected, "{gold} / {reply}");
            assert_eq!(compare_negations(reply, gold), expected, "{reply} / {gold}");
        }
    }
}
