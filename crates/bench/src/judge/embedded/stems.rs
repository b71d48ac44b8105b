//! Which words carry a text's content, and when two of them are forms of one.

use std::borrow::Cow;

/// Words that carry no content of their own.
const FUNCTION_WORDS: &[&str] = &[
    "a",
    "an",
    "the",
    "is",
    "are",
    "was",
    "were",
    "be",
    "been",
    "being",
    "am",
    "do",
    "does",
    "did",
    "has",
    "have",
    "had",
    "will",
    "would",
    "can",
    "could",
    "should",
    "may",
    "might",
    "must",
    "to",
    "of",
    "in",
    "on",
    "at",
    "by",
    "for",
    "from",
    "with",
    "into",
    "onto",
    "over",
    "as",
    "it",
    "its",
    "he",
    "she",
    "they",
    "them",
    "his",
    "her",
    "him",
    "their",
    "this",
    "that",
    "these",
    "those",
    "there",
    "then",
    "now",
    "and",
    "or",
    "but",
    "so",
    "because",
    "since",
    "while",
    "when",
    "before",
    "after",
    "if",
    "than",
    "too",
    "also",
    "just",
    "still",
    "some",
    "someone",
    "something",
    "everything",
    "all",
    "any",
    "you",
    "your",
    "i",
    "we",
    "us",
    "our",
    "who",
    "which",
    "what",
    "where",
    "how",
    "again",
    "both",
    "each",
    "very",
    "completely",
    "one",
    "ones",
    "get",
    "gets",
    "getting",
    "got",
    "go",
    "goes",
    "put",
    "puts",
];

/// Words that stand before a noun without saying what it does.
const DETERMINERS: &[&str] = &["the", "a", "an", "his", "her", "its", "their", "our", "my", "your", "this", "that"];

/// Endings that make a form of a word, longest first.
const ENDINGS: &[&str] = &["edly", "ing", "ed", "es", "ly", "s"];

/// Whether a word says little by itself.
pub fn is_function_word(word: &str) -> bool {
    FUNCTION_WORDS.contains(&word)
}

/// Whether a word only points at a noun.
pub fn is_determiner(word: &str) -> bool {
    DETERMINERS.contains(&word)
}

/// A rough stem: `slices`, `sliced` and `slicing` have one, and so have `chop` and `chopped`. It need not be a word.
pub fn stem(word: &str) -> Cow<'_, str> {
    let long_enough = |rest: &&str| rest.chars().count() >= 3;
    let endings = if word.ends_with("ss") { &[][..] } else { ENDINGS };
    let stem = endings.iter().find_map(|ending| word.strip_suffix(ending).filter(long_enough)).unwrap_or(word);
    let mut chars = stem.chars();
    let (last, before) = (chars.next_back(), chars.next_back());
    let is_doubled = last == before && stem.len() > 3 && !matches!(last, Some('l' | 's'));
    let stem = match last {
        Some(last) if is_doubled || last == 'e' => &stem[..stem.len() - last.len_utf8()],
        _ => stem,
    };
    match stem.strip_suffix('y') {
        Some(rest) => Cow::Owned(format!("{rest}i")),
        None => Cow::Borrowed(stem),
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for forms in [
            &["slice", "slices", "sliced", "slicing"][..],
            &["chop", "chops", "chopped", "chopping"],
            &["carry", "carries"],
            &["hurry", "hurrying"],
            &["fill", "filled", "filling"],
            &["pass", "passed", "passes"],
        ] {
            assert!(forms.iter().all(|form| stem(form) == stem(forms[0])), "{forms:?}");
        }
        assert_ne!(stem("pan"), stem("pen"));
        assert_eq!((stem(""), stem("s"), stem("é")), ("".into(), "s".into(), "é".into()));
    }

    proptest::proptest! {
        #[test]
        fn no_word_panics(word in "\\PC{0,12}") {
            let _ = stem(&word);
        }
    }
}
