use std::fmt::Write;

use super::cue::{cue_lines, cues, timestamp};
use crate::Recording;

/// Replies that were kept from the user become notes, which players skip.
pub(super) fn render(recording: &Recording) -> String {
    let mut text = String::from("WEBVTT\n\n");
    for cue in cues(recording) {
        let (start, end) = (timestamp(cue.start_ms, '.'), timestamp(cue.end_ms, '.'));
        let words = escape(&cue_lines(&cue.reply.text));
        // Writing into a string cannot fail.
        _ = match cue.reply.suppressed {
            None => write!(text, "{start} --> {end}\n{words}\n\n"),
            Some(reason) => write!(text, "NOTE suppressed ({reason}) {start}\n{words}\n\n"),
        };
    }
    text
}

/// WebVTT's own escapes; they also take the arrow apart.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{recording, saying};
    use super::*;
    use proptest::prelude::*;
    use souffleur_capture::parse_subtitles;
    use souffleur_core::SuppressReason;

    #[test]
    fn cues_and_notes() {
        let kept = Some(SuppressReason::CoolDown);
        let replies = [(1.0, "Salt & <pepper>.", None), (2.0, "a --> b", kept), (3.5, "Two\n\nlines.", None)];
        insta::assert_snapshot!(render(&recording(&replies)), @r"
        WEBVTT

        00:00:01.000 --> 00:00:03.500
        Salt &amp; &lt;pepper&gt;.

        NOTE suppressed (cool_down) 00:00:02.000
        a --&gt; b

        00:00:03.500 --> 00:00:08.500
        Two
        lines.
        ");
    }

    /// Read again as a subtitle file, which `--subtitles` takes too.
    #[test]
    fn the_reader_of_subtitles_reads_it() {
        let written = render(&recording(&[(1.0, "Salt & <pepper> --> now.", None), (3.5, "Stir.", None)]));
        let subtitles = parse_subtitles(written.as_bytes());
        assert_eq!(subtitles.num_malformed, 0);
        let read =
            subtitles.lines.iter().map(|line| (line.start.as_secs_f64(), line.end.as_secs_f64(), line.words.clone()));
        let read: Vec<_> = read.collect();
        assert_eq!(read, [(1.0, 3.5, "Salt & <pepper> --> now.".to_owned()), (3.5, 8.5, "Stir.".to_owned())]);
    }

    proptest! {
        #[test]
        fn reads_back(texts in prop::collection::vec("(\\PC|\n|-->|<b>|&lt;|NOTE|\r){1,20}", 1..5)) {
            let written = render(&saying(&texts));
            let blocks: Vec<&str> = written.split("\n\n").filter(|block| !block.is_empty()).collect();
            prop_assert_eq!(blocks[0], "WEBVTT");
            prop_assert_eq!(blocks.len(), texts.len() + 1);
            for (block, text) in blocks[1..].iter().zip(&texts) {
                let (times, words) = block.split_once('\n').unwrap();
                prop_assert_eq!(times.matches("-->").count(), 1);
                let words = words.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&");
                prop_assert_eq!(words, cue_lines(text));
            }
        }
    }
}
