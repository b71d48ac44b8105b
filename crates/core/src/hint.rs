use std::error::Error;

use crate::{FrameGridError, RgbImageError};

/// An error that also says how to mend it.
///
/// `Display` is the one line after `error:` and says what was expected and what was found, its causes included;
/// [`Hint::hint`] is the one line after `hint:`. Front ends never look into the text: they print both.
pub trait Hint: Error {
    /// What the user can do about it, in the imperative, on one line.
    fn hint(&self) -> String;
}

/// A text on one line without control characters, whatever a file name, a library or a model put into it: neither the
/// form of an error nor the terminal is at its mercy. Runs of white space become one space.
pub fn one_line(text: &str) -> String {
    let is_gap = |char: char| char.is_control() || char.is_whitespace();
    text.split(is_gap).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

impl Hint for FrameGridError {
    fn hint(&self) -> String {
        match self {
            Self::Interval(_) => "give --interval a number of seconds such as 1 or 0.5".into(),
            Self::From(_) => "give --from a number of seconds from the start of the file, such as 12.5".into(),
            Self::FramesPerTurn(_) => "give --frames-per-turn 1 or 2".into(),
        }
    }
}

impl Hint for RgbImageError {
    fn hint(&self) -> String {
        "this is a fault of the program, not of your file: please report it with the file's kind and size".into()
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn lines_and_escapes_become_spaces() {
        assert_eq!(one_line("a\n  b\t\u{1b}[31mc\r\n"), "a b [31mc");
    }
}
