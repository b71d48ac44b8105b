//! Replies as words, so that two of them can be compared whatever their capitals and punctuation.

/// Words that carry no news by themselves.
const ARTICLES: [&str; 3] = ["a", "an", "the"];

/// The sentences of a text, each as its normalised words; sentences without a word are left out.
///
/// Normalised: lower case, punctuation and articles gone, apostrophes closed up (`isn't` is `isnt`, not `is`), a
/// minus kept before its digits, a decimal point kept between them. Each Chinese or Japanese character is a word.
pub(crate) fn sentences(text: &str) -> Vec<Vec<String>> {
    let mut sentences = vec![Vec::new()];
    for token in tokens(text) {
        match token {
            Token::Word(word) if ARTICLES.contains(&word.as_str()) => {}
            Token::Word(word) => {
                if let Some(sentence) = sentences.last_mut() {
                    sentence.push(word);
                }
            }
            Token::Stop => sentences.push(Vec::new()),
        }
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// All words of a text in one row.
pub(crate) fn words(text: &str) -> Vec<String> {
    sentences(text).into_iter().flatten().collect()
}

enum Token {
    Word(String),
    Stop,
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut word = String::new();
    for (idx, &char) in chars.iter().enumerate() {
        let before_digit = chars.get(idx + 1).is_some_and(char::is_ascii_digit);
        if is_word_by_itself(char) {
            close(&mut word, &mut tokens);
            tokens.push(Token::Word(char.to_string()));
        } else if char.is_alphanumeric() {
            word.extend(char.to_lowercase());
        } else if matches!(char, '\'' | '’') {
        } else if matches!(char, '.' | ',') && before_digit && word.ends_with(|c: char| c.is_ascii_digit()) {
            word.push(char);
        } else if matches!(char, '-' | '−') && before_digit && word.is_empty() {
            word.push('-');
        } else {
            close(&mut word, &mut tokens);
            if matches!(char, '.' | '!' | '?' | ';' | '\n' | '。' | '！' | '？' | '；') {
                tokens.push(Token::Stop);
            }
        }
    }
    close(&mut word, &mut tokens);
    tokens
}

fn close(word: &mut String, tokens: &mut Vec<Token>) {
    if !word.is_empty() {
        tokens.push(Token::Word(std::mem::take(word)));
    }
}

/// Kana and Han: written without spaces between words.
fn is_word_by_itself(char: char) -> bool {
    matches!(char, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_articles_and_punctuation_go() {
        assert_eq!(words("The  Water (now) is: BOILING!"), ["water", "now", "is", "boiling"]);
        assert_eq!(words("It isn't -5 °C but 3.5, ok."), ["it", "isnt", "-5", "c", "but", "3.5", "ok"]);
        assert_eq!(words("…!?"), Vec::<String>::new());
    }

    #[test]
    fn sentences_end_at_stops_but_not_inside_numbers() {
        assert_eq!(
            sentences("Add 1.5 cups. Stir!\n水开了。"),
            [vec!["add", "1.5", "cups"], vec!["stir"], vec!["水", "开", "了"]]
        );
    }
}
