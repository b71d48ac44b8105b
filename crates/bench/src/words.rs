//! The normal form in which texts are compared word by word.
//!
//! - Unicode NFKC, then lower case;
//! - white space and punctuation only separate words; an apostrophe inside a word is dropped (`don't` = `dont`);
//! - a point between digits and a minus before a number stay (`3.5`, `-5`), a comma between digits is dropped
//!   (`1,000` = `1000`);
//! - signs that carry meaning stay, each as a word of its own: `% $ + < = >`, other symbols, emoji.
//!
//! Articles, plurals and spelled-out numbers are not touched: `exact` means exact.

use std::iter::Peekable;
use std::str::Chars;

use unicode_normalization::{Recompositions, UnicodeNormalization};

/// The characters of the normal form: words with one space between.
#[derive(Clone)]
pub(crate) struct WordChars<'a> {
    chars: Peekable<Composed<'a>>,
    /// The character before, as it stood in the text.
    before: Option<char>,
    /// Characters that are due: a space before a word, a letter whose lower case is several.
    due: Due,
    has_begun: bool,
    is_word_open: bool,
}

impl<'a> WordChars<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let chars = if text.is_ascii() { Composed::Ascii(text.chars()) } else { Composed::Unicode(text.nfkc()) };
        Self { chars: chars.peekable(), before: None, due: Due::default(), has_begun: false, is_word_open: false }
    }

    /// Queues a character of a word, after a space where a new word begins.
    fn push(&mut self, char: char) {
        if self.has_begun && !self.is_word_open {
            self.due.push(' ');
        }
        for lower in char.to_lowercase() {
            self.due.push(lower);
        }
        self.has_begun = true;
        self.is_word_open = true;
    }

    fn take(&mut self, char: char) {
        let is_digit = |char: Option<char>| char.is_some_and(|char| char.is_ascii_digit());
        let (follows_digit, precedes_digit) = (is_digit(self.before), is_digit(self.chars.peek().copied()));
        match char {
            _ if char.is_alphanumeric() => self.push(char),
            '\'' | '’' | 'ʼ' if self.is_word_open => {}
            '.' if follows_digit && precedes_digit => self.push(char),
            ',' if follows_digit && precedes_digit => {}
            '-' | '−' if precedes_digit && !self.before.is_some_and(char::is_alphanumeric) => {
                self.is_word_open = false;
                self.push('-');
            }
            _ if is_separator(char) => self.is_word_open = false,
            _ if is_joined_to_the_one_before(char) => self.push(char),
            _ => {
                self.is_word_open = false;
                self.push(char);
                self.is_word_open = false;
            }
        }
        self.before = Some(char);
    }
}

impl Iterator for WordChars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            if let Some(char) = self.due.pop() {
                return Some(char);
            }
            let char = self.chars.next()?;
            self.take(char);
        }
    }
}

/// The normal form as one string.
pub(crate) fn normal_form(text: &str) -> String {
    WordChars::new(text).collect()
}

/// Characters waiting to be handed out. A space and the three characters a lower case can have at most fit.
#[derive(Clone, Copy, Default)]
struct Due {
    chars: [char; 4],
    next: u8,
    end: u8,
}

impl Due {
    fn push(&mut self, char: char) {
        if let Some(slot) = self.chars.get_mut(usize::from(self.end)) {
            *slot = char;
            self.end += 1;
        }
    }

    fn pop(&mut self) -> Option<char> {
        if self.next == self.end {
            (self.next, self.end) = (0, 0);
            return None;
        }
        self.next += 1;
        Some(self.chars[usize::from(self.next) - 1])
    }
}

/// Most texts are ASCII, which NFKC leaves as it is.
#[derive(Clone)]
enum Composed<'a> {
    Ascii(Chars<'a>),
    Unicode(Recompositions<Chars<'a>>),
}

impl Iterator for Composed<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Self::Ascii(chars) => chars.next(),
            Self::Unicode(chars) => chars.next(),
        }
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
