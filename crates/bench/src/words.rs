//! The normal form in which texts are compared word by word.
//!
//! - Unicode NFKC, then lower case;
//! - white space and punctuation only separate words; an apostrophe inside a word is dropped (`don't` = `dont`);
//! - a point between digits and a minus before a number stay (`3.5`, `-5`), a comma between digits is dropped
//!   (`1,000` = `1000`);
//! - signs that carry meaning stay, each as a word of its own: `% $ + < = >`, other symbols, emoji.
//!
//! Articles, plurals and spelled-out numbers are not touched: `exact` means exact.

use std::ops::ControlFlow;

use unicode_normalization::UnicodeNormalization;

/// The normal form as one string: words with one space between.
pub fn normal_form(text: &str) -> String {
    let mut form = String::with_capacity(text.len());
    visit_normal_form(text, |char| {
        form.push(char);
        ControlFlow::Continue(())
    });
    form
}

/// Hands out the characters of the normal form one by one, until `emit` has seen enough; then `true`.
pub(crate) fn visit_normal_form(text: &str, emit: impl FnMut(char) -> ControlFlow<()>) -> bool {
    // Most texts are ASCII, which NFKC leaves as it is.
    if text.is_ascii() {
        visit(text.bytes().map(char::from), emit).is_break()
    } else {
        visit(text.nfkc(), emit).is_break()
    }
}

fn visit(chars: impl Iterator<Item = char>, emit: impl FnMut(char) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut chars = chars.peekable();
    let mut words = Words { emit, has_begun: false, is_word_open: false };
    let mut before = '\0';
    while let Some(char) = chars.next() {
        let mut precedes_digit = || chars.peek().is_some_and(char::is_ascii_digit);
        match char {
            _ if char.is_alphanumeric() => words.push(char)?,
            ' ' => words.end_word(),
            '\'' | '’' | 'ʼ' if words.is_word_open => {}
            '.' if before.is_ascii_digit() && precedes_digit() => words.push(char)?,
            ',' if before.is_ascii_digit() && precedes_digit() => {}
            '-' | '−' if !before.is_alphanumeric() && precedes_digit() => {
                words.end_word();
                words.push('-')?;
            }
            _ if is_separator(char) => words.end_word(),
            _ if is_joined_to_the_one_before(char) => words.push(char)?,
            _ => {
                words.end_word();
                words.push(char)?;
                words.end_word();
            }
        }
        before = char;
    }
    ControlFlow::Continue(())
}

/// Puts a space before every word but the first, and letters in lower case.
struct Words<E> {
    emit: E,
    has_begun: bool,
    is_word_open: bool,
}

impl<E: FnMut(char) -> ControlFlow<()>> Words<E> {
    fn push(&mut self, char: char) -> ControlFlow<()> {
        if self.has_begun && !self.is_word_open {
            (self.emit)(' ')?;
        }
        self.has_begun = true;
        self.is_word_open = true;
        if char.is_ascii() {
            return (self.emit)(char.to_ascii_lowercase());
        }
        char.to_lowercase().try_for_each(&mut self.emit)
    }

    fn end_word(&mut self) {
        self.is_word_open = false;
    }
}

fn is_separator(char: char) -> bool {
    match char {
        '$' | '%' | '+' | '<' | '=' | '>' => false,
        _ if char.is_ascii() => !char.is_ascii_alphanumeric(),
        '¡' | '§' | '«' | '¶' | '·' | '»' | '¿' => true,
        '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' => true, // dashes, quotation marks, dots
        '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' | '\u{30fb}' => true, // CJK
        '\u{060c}' | '\u{061b}' | '\u{061f}' | '\u{06d4}' | '\u{0964}' | '\u{0965}' => true, // Arabic, Devanagari
        _ => char.is_whitespace() || char.is_control(),
    }
}

/// Marks that are not letters by themselves but belong to the letter or emoji before them.
fn is_joined_to_the_one_before(char: char) -> bool {
    unicode_normalization::char::is_combining_mark(char) || matches!(char, '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use super::normal_form;

    #[test]
    fn the_normal_form() {
        for (text, expected) in [
            ("  The water\tis boiling!\n", "the water is boiling"),
            ("A four-legged creature; “don’t” – stop…", "a four legged creature dont stop"),
            ("3.5 l, not 35. 1,000 g", "3.5 l not 35 1000 g"),
            ("-5 °C, 10-15, (-2)", "-5 ° c 10 15 -2"),
            ("50% = 50 %", "50 % = 50 %"),
            ("ＡＢＣ　ﬁn", "abc fin"),
            ("Cafe\u{301} CAFÉ", "café café"),
            ("İ", "i\u{307}"),
            ("锅里有水，正在沸腾。", "锅里有水 正在沸腾"),
            ("!?…", ""),
            ("rock 'n' roll", "rock n roll"),
        ] {
            assert_eq!(normal_form(text), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn normal_twice_is_normal_once(text in "\\PC{0,30}") {
            let once = normal_form(&text);
            proptest::prop_assert!(!once.starts_with(' ') && !once.ends_with(' ') && !once.contains("  "));
            let upper: String = text.chars().filter(char::is_ascii).collect();
            proptest::prop_assert_eq!(normal_form(&upper.to_uppercase()), normal_form(&upper));
        }
    }
}
