//! Which replies say nothing new.

use std::collections::HashSet;

use crate::words::normal_form;

/// Repeats told by the words alone: a reply repeats when its normal form ([`crate::words`]), or the normal form of
/// every sentence in it, was said before in the item: as a whole reply or as a sentence of one.
///
/// `replies` are all of one item by time; one verdict comes back for each index in `asked`, which is in order.
pub fn exact_repeats(replies: &[&str], asked: &[usize]) -> Vec<bool> {
    let Some(&last_asked) = asked.last() else { return Vec::new() };
    let mut said: HashSet<String> = HashSet::new();
    let mut verdicts = Vec::with_capacity(asked.len());
    let mut is_asked = asked.iter().copied().peekable();
    for (idx, reply) in replies.iter().enumerate().take(last_asked.saturating_add(1)) {
        let mut parts: Vec<String> = sentences(reply).map(normal_form).filter(|part| !part.is_empty()).collect();
        // One sentence is the whole already.
        let whole = if parts.len() == 1 { parts.remove(0) } else { normal_form(reply) };
        if is_asked.next_if_eq(&idx).is_some() {
            let is_all_said = !parts.is_empty() && parts.iter().all(|part| said.contains(part));
            verdicts.push(is_all_said || said.contains(&whole));
        }
        said.extend(parts);
        said.insert(whole);
    }
    verdicts
}

/// Sentences end at `.`, `!`, `?` or their like before white space or the end (so not inside `3.5`), and at a new
/// line.
pub(crate) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let is_end_mark = |char| matches!(char, '.' | '!' | '?' | '…' | '।' | '؟');
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut chars = rest.char_indices().peekable();
        let end = loop {
            let Some((at, char)) = chars.next() else { break rest.len() };
            let is_last_of_word = chars.peek().is_none_or(|(_, next)| next.is_whitespace());
            let is_end = match char {
                '\n' | '。' | '！' | '？' => true,
                _ => is_end_mark(char) && is_last_of_word,
            };
            if is_end {
                break at + char.len_utf8();
            }
        };
        let (sentence, after) = rest.split_at(end);
        rest = after;
        Some(sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(replies: &[&str]) -> Vec<bool> {
        exact_repeats(replies, &(0..replies.len()).collect::<Vec<_>>())
    }

    #[test]
    fn the_same_words_or_only_sentences_said_before() {
        assert_eq!(repeats(&["The onion goes in.", "the onion goes in", "The carrot goes in."]), [false, true, false]);
        assert_eq!(
            repeats(&[
                "Salt. Then 3.5 l of water.",
                "Then 3.5 l of water!",
                "Salt. Pepper.",
                "Pepper, salt",
                "Pepper! Salt?"
            ]),
            [false, true, false, false, true]
        );
        assert_eq!(repeats(&["…", "…", ""]), [false, true, true]);
        assert_eq!(repeats(&["水开了。加盐！", "加盐"]), [false, true]);
    }

    #[test]
    fn only_what_was_asked_is_answered() {
        assert_eq!(exact_repeats(&["a", "a", "b", "a"], &[1, 3]), [true, true]);
        assert_eq!(exact_repeats(&["a"], &[]), [false; 0]);
    }
}
