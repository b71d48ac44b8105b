//! What two texts say differently although their embeddings hardly differ: opposites, numbers, negation, places.

use std::sync::LazyLock;

use super::negation::{NegationVerdict, compare_negations};
use super::numbers::numbers;
use super::swap::has_swap;
use crate::words::normal_form;

/// Each group holds two or more sides of words.
static OPPOSITES: LazyLock<Vec<Vec<Vec<&str>>>> = LazyLock::new(|| {
    let lines = include_str!("opposites.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split('|').map(|side| side.split_whitespace().collect()).collect()).collect()
});

/// How the numbers of a reply stand to those of the gold answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberVerdict {
    /// All numbers of the gold answer are there.
    Same,
    /// Some are not, and no other ones are.
    Missing,
    /// Some are not, and there are others in their place.
    Other,
}

/// Where a reply speaks against a gold answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflicts {
    /// Left for right, on for off, Monday for Sunday.
    pub has_opposite: bool,
    /// Two for three.
    pub numbers: NumberVerdict,
    /// Not boiling for boiling.
    pub negation: NegationVerdict,
    /// From roof to tree for from tree to roof.
    pub has_swap: bool,
}

impl Conflicts {
    /// What the words of `reply` hold against `gold`.
    pub fn between(gold: &str, reply: &str) -> Self {
        let negation = compare_negations(gold, reply);
        let (gold, reply) = (normal_form(gold), normal_form(reply));
        let (gold, reply): (Vec<&str>, Vec<&str>) = (gold.split(' ').collect(), reply.split(' ').collect());
        Self {
            has_opposite: OPPOSITES.iter().any(|group| is_opposite(group, &gold, &reply)),
            numbers: compare_numbers(&gold, &reply),
            negation,
            has_swap: has_swap(&gold, &reply),
        }
    }
}

/// Both texts take a side, and no side is taken by both.
fn is_opposite(group: &[Vec<&str>], gold: &[&str], reply: &[&str]) -> bool {
    let takes = |words: &[&str], side: &[&str]| side.iter().any(|word| words.contains(word));
    let (mut gold_takes_one, mut reply_takes_one) = (false, false);
    for side in group {
        match (takes(gold, side), takes(reply, side)) {
            (true, true) => return false,
            (of_gold, of_reply) => {
                gold_takes_one |= of_gold;
                reply_takes_one |= of_reply;
            }
        }
    }
    gold_takes_one && reply_takes_one
}

fn compare_numbers(gold: &[&str], reply: &[&str]) -> NumberVerdict {
    let (gold, reply) = (numbers(gold), numbers(reply));
    if gold.iter().all(|number| reply.contains(number)) {
        NumberVerdict::Same
    } else if reply.iter().all(|number| gold.contains(number)) {
        NumberVerdict::Missing
    } else {
        NumberVerdict::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposites_take_different_sides() {
        for (gold, reply, expected) in [
            ("Turn left.", "He turns RIGHT!", true),
            ("Turn left.", "Turn left, not right.", false),
            ("Turn left.", "He turns.", false),
            ("The stove is on.", "The stove is off.", true),
            ("Closed on Sundays", "It is closed on Mondays.", true),
            ("a red coat", "a blue coat", true),
            ("a red and blue coat", "a blue coat", false),
            ("The meeting is at 3 pm.", "It is at 3 am.", true),
        ] {
            assert_eq!(Conflicts::between(gold, reply).has_opposite, expected, "{gold} / {reply}");
            assert_eq!(Conflicts::between(reply, gold).has_opposite, expected, "{reply} / {gold}");
        }
    }

    #[test]
    fn numbers_are_the_same_missing_or_others() {
        for (gold, reply, expected) in [
            ("Two eggs.", "2 eggs, then 3 cups", NumberVerdict::Same),
            ("Two eggs.", "a couple of eggs", NumberVerdict::Same),
            ("Two eggs.", "Eggs.", NumberVerdict::Missing),
            ("Two eggs.", "Four eggs.", NumberVerdict::Other),
            ("Eggs.", "Four eggs.", NumberVerdict::Same),
            ("Five percent", "ninety-five percent", NumberVerdict::Other),
        ] {
            assert_eq!(Conflicts::between(gold, reply).numbers, expected, "{gold} / {reply}");
        }
    }

    #[test]
    fn no_word_stands_on_two_sides_of_a_group() {
        for group in OPPOSITES.iter() {
            assert!(group.len() > 1 && group.iter().all(|side| !side.is_empty()), "{group:?}");
            let mut words: Vec<&str> = group.iter().flatten().copied().collect();
            words.sort_unstable();
            let num_words = words.len();
            words.dedup();
            assert_eq!(words.len(), num_words, "{group:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_in_conflict_with_itself(text in "[a-z0-9 .,'-]{0,40}") {
            let found = Conflicts::between(&text, &text);
            let expected = Conflicts { has_opposite: false, numbers: NumberVerdict::Same, negation: NegationVerdict::Same, has_swap: false };
            proptest::prop_assert_eq!(found, expected);
        }
    }
}
