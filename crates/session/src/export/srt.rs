use std::fmt::Write;

use super::cue::{cue_lines, cues, timestamp};
use crate::Recording;

/// Joins two characters that must not be read as one sign; it is not seen.
const WORD_JOINER: char = '\u{2060}';

/// SubRip has no comments and no escapes. Replies that were kept from the user are left out, and an invisible
/// character breaks what a player would take for an arrow, a tag or a style.
pub(super) fn render(recording: &Recording) -> String {
    let mut text = String::new();
    let shown = cues(recording).into_iter().filter(|cue| cue.reply.suppressed.is_none());
    for (idx, cue) in shown.enumerate() {
        let (start, end) = (timestamp(cue.start_ms, ','), timestamp(cue.end_ms, ','));
        let words = inert(&cue_lines(&cue.reply.text));
        // Writing into a string cannot fail.
        _ = write!(text, "{}\n{start} --> {end}\n{words}\n\n", idx + 1);
    }
    text
}

fn inert(text: &str) -> String {
    text.replace("-->", &format!("--{WORD_JOINER}>"))
        .replace('<', &format!("<{WORD_JOINER}"))
        .replace("{\\", &format!("{{{WORD_JOINER}\\"))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{recording, saying};
    use super::*;
    use proptest::prelude::*;
    use souffleur_capture::parse_subtitles;
    use souffleur_core::SuppressReason;

    #[test]
    fn numbered_cues_without_the_suppressed() {
        let kept = Some(SuppressReason::Repeat);
        let replies = [(1.0, "One.", None), (2.0, "One.", kept), (3.5, "Two\n\nlines.", None)];
        insta::assert_snapshot!(render(&recording(&replies)), @r"
        1
        00:00:01,000 --> 00:00:03,500
        One.

        2
        00:00:03,500 --> 00:00:08,500
        Two
        lines.
        ");
    }

    /// A reader as players have it: blocks apart by an empty line, number, times, words.
    fn read(text: &str) -> Vec<(String, String)> {
        let blocks = text.split("\n\n").filter(|block| !block.is_empty());
        blocks
            .map(|block| {
                let mut lines = block.splitn(3, '\n');
                let _number: u32 = lines.next().unwrap().parse().unwrap();
                (lines.next().unwrap().to_owned(), lines.next().unwrap().replace(WORD_JOINER, ""))
            })
            .collect()
    }

    /// Read again as a subtitle file, which `--subtitles` takes too.
    #[test]
    fn the_reader_of_subtitles_reads_it() {
        let written = render(&recording(&[(1.0, "Salt & <pepper> --> now.", None), (3.5, "Stir.", None)]));
        let subtitles = parse_subtitles(written.as_bytes());
        assert_eq!(subtitles.num_malformed, 0);
        let read = subtitles
            .lines
            .iter()
            .map(|line| (line.start.as_secs_f64(), line.end.as_secs_f64(), line.words.replace(WORD_JOINER, "")));
        let read: Vec<_> = read.collect();
        assert_eq!(read, [(1.0, 3.5, "Salt & <pepper> --> now.".to_owned()), (3.5, 8.5, "Stir.".to_owned())]);
    }

    proptest! {
        #[test]
        fn reads_back(texts in prop::collection::vec("(\\PC|\n|-->|<b>|\\{\\\\an8\\}|\r){1,20}", 1..5)) {
            let written = render(&saying(&texts));
            let read = read(&written);
            prop_assert_eq!(read.len(), texts.len());
            for ((times, words), text) in read.iter().zip(&texts) {
                prop_assert_eq!(times.matches("-->").count(), 1);
                prop_assert_eq!(words, &cue_lines(text).replace(WORD_JOINER, ""));
            }
            prop_assert_eq!(written.matches("-->").count(), texts.len());
            let is_inert = !written.contains("<b>") && !written.contains("{\\");
            prop_assert!(is_inert);
        }
    }
}
