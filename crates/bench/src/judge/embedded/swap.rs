//! The same words in each other's place: the cat jumps from the roof onto the tree, and from the tree onto the roof.

use super::stems::{is_determiner, is_function_word, stem};

/// Where a text begins.
const START: &str = "";

/// Whether two content words have changed places: in `reply` each follows the word that the other follows in `gold`.
/// Lists (`salt and pepper`) and the passive voice (`by`) change places without changing what is said.
pub fn has_swap(gold: &[&str], reply: &[&str]) -> bool {
    let (gold, reply) = (places(gold), places(reply));
    let both: Vec<(&String, &String, &String)> = gold
        .iter()
        .filter(|(word, _)| !is_function_word(word))
        .filter_map(|(word, in_gold)| {
            let in_reply = &reply.iter().find(|(other, _)| other == word)?.1;
            Some((word, in_gold, in_reply))
        })
        .collect();
    let changes_places = |(a, b): (usize, usize)| {
        let ((_, gold_a, reply_a), (_, gold_b, reply_b)) = (both[a], both[b]);
        let means_nothing = [gold_a, gold_b].iter().any(|before| matches!(before.as_str(), "and" | "or" | "by"));
        gold_a == reply_b && gold_b == reply_a && gold_a != gold_b && !means_nothing
    };
    (0..both.len()).flat_map(|a| (0..a).map(move |b| (a, b))).any(changes_places)
}

/// The first place of each word: its stem, and the stem of the word before it.
fn places(words: &[&str]) -> Vec<(String, String)> {
    let mut places: Vec<(String, String)> = Vec::new();
    let mut before = START.to_owned();
    for word in words.iter().filter(|word| !is_determiner(word)) {
        let word = if is_function_word(word) { (*word).to_owned() } else { stem(word).into_owned() };
        if !places.iter().any(|(other, _)| *other == word) {
            places.push((word.clone(), before));
        }
        before = word;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::has_swap;
    use crate::words::normal_form;

    #[test]
    fn changed_places_are_found_where_they_matter() {
        for (gold, reply, expected) in [
            ("The cat jumps from the roof onto the tree.", "The cat jumps from the tree onto the roof.", true),
            ("The teacher gives the book to the student.", "The student gives the book to the teacher.", true),
            ("The teacher gives the book to the student.", "The student gets the book from the teacher.", false),
            ("The ball is kicked by a boy.", "A boy kicks the ball.", false),
            ("Salt and pepper go in.", "Pepper and salt go in.", false),
            ("The cat sleeps.", "The cat sleeps.", false),
            ("", "", false),
        ] {
            let (gold, reply) = (normal_form(gold), normal_form(reply));
            let (gold, reply): (Vec<&str>, Vec<&str>) = (gold.split(' ').collect(), reply.split(' ').collect());
            assert_eq!(has_swap(&gold, &reply), expected, "{gold:?} {reply:?}");
            assert_eq!(has_swap(&reply, &gold), expected, "{reply:?} {gold:?}");
        }
    }
}
