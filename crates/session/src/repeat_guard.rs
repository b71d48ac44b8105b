use std::collections::VecDeque;

use crate::words::{sentences, words};

/// How many earlier replies a new one is held against (AURA).
pub const REMEMBERED_REPLIES: usize = 10;
/// Words a sentence needs before rewording is looked for: shorter ones say something else with one word changed.
const MIN_WORDS_FOR_NGRAMS: usize = 6;
/// Length of the n-grams.
const NGRAM_WORDS: usize = 3;
/// Share of its n-grams that must occur in the earlier reply.
const MIN_NGRAM_SHARE: f64 = 0.8;

/// Notices replies that add nothing to one of the last [`REMEMBERED_REPLIES`] that were shown.
///
/// Replies that were kept from the user are not remembered: what nobody heard may be said again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepeatGuard {
    /// The words of the replies shown, oldest first.
    remembered: VecDeque<Vec<String>>,
}

impl RepeatGuard {
    /// Whether `text` adds nothing to a single one of the remembered replies. See [`adds_nothing`].
    pub fn is_repeat(&self, text: &str) -> bool {
        let sentences = sentences(text);
        self.remembered.iter().any(|earlier| sentences_add_nothing(&sentences, earlier))
    }

    /// The guard once `text` was shown.
    #[must_use]
    pub fn with_shown(&self, text: &str) -> Self {
        let mut remembered = self.remembered.clone();
        remembered.push_back(words(text));
        let num_too_old = remembered.len().saturating_sub(REMEMBERED_REPLIES);
        remembered.drain(..num_too_old);
        Self { remembered }
    }
}

/// Whether `text` says nothing that `earlier` did not say, as far as words tell.
///
/// True when each sentence of `text`
/// - stands in `earlier` word for word (capitals, punctuation and articles aside), or
/// - has at least 6 words, all of which occur in `earlier`, and 80 % of its 3-grams do.
///
/// A new number, a negation or a changed name is a word that does not occur, so it is always news. A text without
/// words (an emoji, dots) adds nothing only to another one without words.
pub fn adds_nothing(text: &str, earlier: &str) -> bool {
    sentences_add_nothing(&sentences(text), &words(earlier))
}

fn sentences_add_nothing(sentences: &[Vec<String>], earlier: &[String]) -> bool {
    if sentences.is_empty() {
        return earlier.is_empty();
    }
    sentences.iter().all(|sentence| stands_in(sentence, earlier) || is_rewording(sentence, earlier))
}

fn stands_in(sentence: &[String], earlier: &[String]) -> bool {
    earlier.windows(sentence.len()).any(|run| run == sentence)
}

fn is_rewording(sentence: &[String], earlier: &[String]) -> bool {
    if sentence.len() < MIN_WORDS_FOR_NGRAMS || !sentence.iter().all(|word| earlier.contains(word)) {
        return false;
    }
    let ngrams = sentence.windows(NGRAM_WORDS);
    let num_ngrams = ngrams.len();
    let num_known = ngrams.filter(|ngram| stands_in(ngram, earlier)).count();
    num_known as f64 >= MIN_NGRAM_SHARE * num_ngrams as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_words_are_a_repeat() {
        assert!(adds_nothing("The water is boiling.", "the water is BOILING!"));
        assert!(adds_nothing("Water is boiling.", "The egg is in. The water is boiling. Stir it."));
        assert!(adds_nothing("Stir it. The egg is in.", "The egg is in. The water is boiling. Stir it."));
        assert!(adds_nothing("水开了。", "看，水开了！"));
    }

    #[test]
    fn something_new_is_not() {
        for (text, earlier) in [
            ("The water is boiling. Add salt.", "The water is boiling."),
            ("Add 2 eggs.", "Add 3 eggs."),
            ("The pan isn't hot.", "The pan is hot."),
            ("Turn left.", "Turn right."),
            ("It is -5 degrees outside now, so wait.", "It is 5 degrees outside now, so wait."),
            ("The dog bit the man in the park today.", "The man bit the dog in the park today."),
            ("Smoke!", ""),
            ("👍", "Well done."),
        ] {
            assert!(!adds_nothing(text, earlier), "{text:?} after {earlier:?}");
        }
    }

    #[test]
    fn a_long_sentence_may_drop_a_word() {
        let earlier = "You should now slowly add the chopped onions to the pan and stir them well.";
        assert!(adds_nothing("Slowly add the chopped onions to the pan and stir them well.", earlier));
        assert!(adds_nothing("You should slowly add the chopped onions to the pan and stir them well.", earlier));
        assert!(!adds_nothing("You should slowly add the chopped carrots to the pan and stir them well.", earlier));
    }

    #[test]
    fn sentences_must_stand_in_one_reply_not_in_several() {
        let guard = RepeatGuard::default().with_shown("The egg is in.").with_shown("Stir it.");
        assert!(guard.is_repeat("Stir it!"));
        assert!(!guard.is_repeat("The egg is in. Stir it."));
    }

    #[test]
    fn forgets_the_eleventh() {
        let mut guard = RepeatGuard::default().with_shown("First.");
        for idx in 0..9 {
            guard = guard.with_shown(&format!("Reply {idx}."));
        }
        assert!(guard.is_repeat("first"));
        assert!(!guard.with_shown("Another.").is_repeat("first"));
    }

    proptest! {
        #[test]
        fn a_text_adds_nothing_to_itself(text in "\\PC{0,60}") {
            prop_assert!(adds_nothing(&text, &text));
        }

        #[test]
        fn a_new_word_is_always_news(text in "[a-z ]{1,60}") {
            let longer = format!("{text} 4711");
            prop_assert!(!adds_nothing(&longer, &text));
        }
    }
}
