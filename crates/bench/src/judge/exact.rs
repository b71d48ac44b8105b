use std::ops::ControlFlow;

use super::{Judge, JudgeRequest, MAX_SCORE};
use crate::words::{normal_form, visit_normal_form};

/// Right or wrong by the words alone, for worlds with fixed wording and for tests.
///
/// Score 2 when the gold text, in its normal form ([`crate::words`]), is the whole of one kept reply or of several
/// consecutive ones joined by a space; 0 otherwise; never 1. Asked with all replies so far, it therefore stays at 2
/// once the gold text was said, whatever else is said before or after; a reply that holds the gold text among other
/// words is wrong. A gold text without words cannot be judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExactJudge;

impl Judge for ExactJudge {
    fn score(&self, request: &JudgeRequest<'_>) -> Option<f64> {
        let gold = normal_form(request.gold);
        if gold.is_empty() {
            return None;
        }
        let is_said = (0..request.replies.len()).any(|start| is_begun_by(&gold, &request.replies[start..]));
        Some(if is_said { MAX_SCORE } else { 0.0 })
    }
}

/// Whether the gold words are exactly the words of the first reply, or of the first two, and so on.
fn is_begun_by(gold: &str, replies: &[&str]) -> bool {
    let mut expected = gold.chars();
    for reply in replies {
        let mut is_between = expected.as_str().len() < gold.len();
        let is_other = visit_normal_form(reply, |char| {
            if std::mem::take(&mut is_between) && expected.next() != Some(' ') {
                return ControlFlow::Break(());
            }
            if expected.next() == Some(char) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if is_other {
            return false;
        }
        if expected.as_str().is_empty() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(gold: &str, replies: &[&str]) -> Option<f64> {
        let request = JudgeRequest { question_id: "", answer_idx: 0, time_secs: 0.0, question: "", gold, replies };
        ExactJudge.score(&request)
    }

    #[test]
    fn case_punctuation_and_spaces_do_not_count() {
        assert_eq!(score("The water is boiling.", &[" the  WATER is boiling"]), Some(2.0));
        assert_eq!(score("The water is boiling.", &["The water boils."]), Some(0.0));
        assert_eq!(score("The water is boiling.", &["Look: the water is boiling."]), Some(0.0));
        assert_eq!(score("The water is boiling.", &["The water is"]), Some(0.0));
    }

    #[test]
    fn right_once_right_for_good() {
        let wrong = "You stir the pan.";
        assert_eq!(score("Onion.", &[wrong]), Some(0.0));
        assert_eq!(score("Onion.", &[wrong, "onion"]), Some(2.0));
        assert_eq!(score("Onion.", &["onion", wrong]), Some(2.0));
    }

    #[test]
    fn several_replies_may_say_it_together() {
        let gold = "Salt goes in. Then the lid.";
        assert_eq!(score(gold, &["Salt goes in.", "Then the lid."]), Some(2.0));
        assert_eq!(score(gold, &["Hm.", "Salt goes in.", "…", "Then the lid."]), Some(2.0));
        assert_eq!(score(gold, &["Salt goes in.", "No.", "Then the lid."]), Some(0.0));
        assert_eq!(score("Salt goesin", &["Salt goes", "in"]), Some(0.0));
        assert_eq!(score("Saltin", &["Salt", "in"]), Some(0.0));
    }

    #[test]
    fn without_gold_words_nothing_is_judged() {
        assert_eq!(score("", &["onion"]), None);
        assert_eq!(score("…", &["…"]), None);
    }
}
