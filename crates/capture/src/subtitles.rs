use std::fs;
use std::path::Path;

use souffleur_core::{MediaTime, SubtitleLine, one_line};

use crate::CaptureError;

/// The lines of a subtitle file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subtitles {
    /// By start; lines that start together stay in the order of the file.
    pub lines: Vec<SubtitleLine>,
    /// Cues whose times make no sense. They were left out.
    pub num_malformed: usize,
}

/// Reads a SubRip (`.srt`) or WebVTT (`.vtt`) file; which of the two shows in its content.
///
/// # Errors
/// When the file cannot be read, is longer than 16 MiB, or holds no line with sensible times.
pub fn read_subtitles(path: &Path) -> Result<Subtitles, CaptureError> {
    let metadata = fs::metadata(path).map_err(|err| CaptureError::from_io(path, err))?;
    if metadata.is_dir() {
        return Err(CaptureError::IsDirectory(path.into()));
    }
    if !metadata.is_file() {
        return Err(CaptureError::NotAFile(path.into()));
    }
    match metadata.len() {
        0 => return Err(CaptureError::EmptyFile(path.into())),
        found_bytes if found_bytes > MAX_BYTES => {
            return Err(CaptureError::SubtitlesTooLong { path: path.into(), max_bytes: MAX_BYTES, found_bytes });
        }
        _ => {}
    }
    let subtitles = parse_subtitles(&fs::read(path).map_err(|err| CaptureError::from_io(path, err))?);
    if subtitles.lines.is_empty() {
        return Err(CaptureError::NoSubtitles { path: path.into(), num_malformed: subtitles.num_malformed });
    }
    Ok(subtitles)
}

/// A feature film has 0.1 MiB of subtitles.
const MAX_BYTES: u64 = 16 << 20;

/// Reads SubRip and WebVTT alike: a cue is a line with `-->` and the lines after it up to an empty one. Numbers,
/// headers, notes and style blocks lie outside of cues and need no rule of their own.
///
/// UTF-8 and UTF-16 with a byte order mark are told by it; other bytes are UTF-8, or Latin-1 where they are not
/// valid UTF-8. A speaker is taken from WebVTT's `<v Amber>` and from the `(Amber:)words` of the TV subset of
/// ProactiveVideoQA; prefixes such as `AMBER:` or `- ` are words, because they cannot be told from words.
pub fn parse_subtitles(bytes: &[u8]) -> Subtitles {
    let text = decode(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let rows: Vec<&str> = text.split('\n').map(str::trim).collect();
    let mut subtitles = Subtitles::default();
    for (idx, row) in rows.iter().enumerate().filter(|(_, row)| row.contains("-->")) {
        let Some((start, end)) = parse_timing(row) else {
            subtitles.num_malformed += 1;
            continue;
        };
        let voices = split_voices(&cue_text(&rows[idx + 1..]));
        subtitles.lines.extend(voices.into_iter().map(|(speaker, words)| SubtitleLine { start, end, speaker, words }));
    }
    subtitles.lines.sort_by_key(|line| line.start);
    subtitles
}

fn decode(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => match str::from_utf8(rest) {
            Ok(text) => text.to_owned(),
            Err(_) => rest.iter().copied().map(char::from).collect(),
        },
    }
}

/// The text of a cue: up to an empty row, or to the next cue where a careless editor left out the empty row.
fn cue_text(rows: &[&str]) -> String {
    let len = rows.iter().position(|row| row.is_empty() || row.contains("-->")).unwrap_or(rows.len());
    let is_next_cue = rows.get(len).is_some_and(|row| !row.is_empty());
    let is_number = |row: &&str| !row.is_empty() && row.bytes().all(|byte| byte.is_ascii_digit());
    let has_next_number = is_next_cue && rows[..len].last().is_some_and(is_number);
    rows[..len - usize::from(has_next_number)].join("\n")
}

/// `start --> end`, then whatever settings.
fn parse_timing(row: &str) -> Option<(MediaTime, MediaTime)> {
    let (start, rest) = row.split_once("-->")?;
    let start = parse_time(start.trim())?;
    let end = parse_time(rest.split_whitespace().next()?)?;
    (start <= end).then_some((start, end))
}

/// `[hours:]minutes:seconds[,.]fraction`; the fraction may be missing.
fn parse_time(text: &str) -> Option<MediaTime> {
    let (clock, fraction) = text.split_once([',', '.']).unwrap_or((text, "0"));
    let mut parts = clock.rsplit(':').map(|part| parse_digits(part, 6));
    let (secs, minutes, hours) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let is_clock = parts.next().is_none() && secs < 60 && minutes < 60;
    // Digits beyond the microsecond are no time that anyone meant.
    let micros = parse_digits(fraction, 6)? * 10_i64.pow(6 - fraction.len() as u32);
    is_clock.then(|| MediaTime::from_micros(((hours * 60 + minutes) * 60 + secs) * 1_000_000 + micros))
}

fn parse_digits(text: &str, max_len: usize) -> Option<i64> {
    let is_number = (1..=max_len).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// Takes the markup out of a cue and parts it where another voice begins. Parts without words are left out.
fn split_voices(cue: &str) -> Vec<(Option<String>, String)> {
    let mut voices = vec![(None, String::new())];
    let mut rest = cue;
    while let Some(at) = rest.find(['<', '{']) {
        let (before, markup) = rest.split_at(at);
        push_words(&mut voices, before);
        rest = match read_tag(markup) {
            Some((Tag::Voice(speaker), after)) => {
                voices.push((Some(speaker), String::new()));
                after
            }
            Some((Tag::Other, after)) => after,
            None => {
                push_words(&mut voices, &markup[..1]);
                &markup[1..]
            }
        };
    }
    push_words(&mut voices, rest);
    voices.into_iter().filter_map(clean_words).collect()
}

fn push_words(voices: &mut [(Option<String>, String)], words: &str) {
    if let Some((_, last)) = voices.last_mut() {
        last.push_str(words);
    }
}

enum Tag {
    /// WebVTT's `<v.class Speaker>`.
    Voice(String),
    /// `<i>`, `</v>`, `<00:00:01.000>`, `{\an8}`: says nothing about the words.
    Other,
}

/// The tag at the start of `markup` and what follows it; `None` where the bracket is a bracket.
fn read_tag(markup: &str) -> Option<(Tag, &str)> {
    if markup.starts_with("{\\") {
        return markup.split_once('}').map(|(_, after)| (Tag::Other, after));
    }
    let (inside, after) = markup.strip_prefix('<')?.split_once('>')?;
    let is_tag = inside.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '/');
    let voice = inside.strip_prefix(['v', 'V']).filter(|rest| rest.starts_with(['.', ' ', '\t']));
    let speaker = voice.and_then(|rest| rest.split_once(char::is_whitespace)).map(|(_, name)| one_line(name));
    match speaker.filter(|name| !name.is_empty()) {
        Some(name) => Some((Tag::Voice(name), after)),
        None => is_tag.then_some((Tag::Other, after)),
    }
}

/// Resolves entities, takes a speaker in brackets off the front, and puts the words on one line.
fn clean_words((voice, words): (Option<String>, String)) -> Option<(Option<String>, String)> {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&lrm;", ""), ("&rlm;", ""), ("&amp;", "&")];
    let words = entities.iter().fold(words, |words, (entity, char)| words.replace(entity, char));
    let words = one_line(&words);
    let (speaker, words) = match words.strip_prefix('(').and_then(|rest| rest.split_once(":)")) {
        Some((name, rest)) if !name.trim().is_empty() && !name.contains(['(', ')']) => {
            (Some(name.trim().to_owned()), rest.trim().to_owned())
        }
        _ => (voice, words),
    };
    (!words.is_empty()).then_some((speaker, words))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(start: f64, end: f64, speaker: Option<&str>, words: &str) -> SubtitleLine {
        let (start, end) = (MediaTime::from_secs_f64(start), MediaTime::from_secs_f64(end));
        SubtitleLine { start, end, speaker: speaker.map(str::to_owned), words: words.to_owned() }
    }

    fn parse(text: &str) -> Vec<SubtitleLine> {
        parse_subtitles(text.as_bytes()).lines
    }

    #[test]
    fn subrip_with_mark_carriage_returns_and_tags() {
        let text = "\u{feff}1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Add the\r\n <b>onions</b></i>.\r\n\r\n\
                    2\r\n01:00:03,25 --> 01:00:04\r\n{\\an8}- Now? (softly)\r\n";
        let expected = [line(1.0, 2.5, None, "Add the onions."), line(3603.25, 3604.0, None, "- Now? (softly)")];
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn webvtt_with_header_notes_settings_and_voices() {
        let text = "WEBVTT - title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE a note\n\n\
                    intro\n00:01.000 --> 00:02.000 line:0 align:start\n<v.loud Amber Lee>Stir <c.x>it</c>!</v> <v Bo>Why &amp; how?\n\n\
                    00:00:00.500 --> 00:00:00.900\nearlier\n";
        let expected = [
            line(0.5, 0.9, None, "earlier"),
            line(1.0, 2.0, Some("Amber Lee"), "Stir it!"),
            line(1.0, 2.0, Some("Bo"), "Why & how?"),
        ];
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn only_the_bracketed_form_names_a_speaker() {
        let cue = |words: &str| parse(&format!("00:00:00,000 --> 00:00:01,000\n{words}\n")).remove(0);
        assert_eq!(cue("(Amber:)Not yet."), line(0.0, 1.0, Some("Amber"), "Not yet."));
        assert_eq!(cue("(Amber:)Not yet.").user_text(), "Subtitle: (Amber:)Not yet.");
        for words in ["AMBER: Not yet.", "- Not yet.", "(laughs) No :) yes", "(:)x", "3 < 4 and {5}", "a <- b"] {
            assert_eq!(cue(words), line(0.0, 1.0, None, words));
        }
    }

    #[test]
    fn malformed_cues_are_counted_and_empty_ones_left_out() {
        let text = "1\n00:00:01,000 --> soon\nA\n\n2\n00:00:05,000 --> 00:00:04,000\nB\n\n3\n00:00:61,000 --> 00:02:00,000\nC\n\n\
                    4\n-00:00:01,000 --> 00:02:00,000\nD\n\n5\n00:00:01,000 --> 00:00:02,000\n<i></i>\n\n\
                    6\n99999999:00:00,000 --> 99999999:00:01,000\nE\n\n7\n00:00:07,000 --> 00:00:08,000\nkept\n";
        let subtitles = parse_subtitles(text.as_bytes());
        assert_eq!((subtitles.lines, subtitles.num_malformed), (vec![line(7.0, 8.0, None, "kept")], 5));
    }

    #[test]
    fn a_missing_empty_row_does_not_glue_cues_together() {
        let text = "1\n00:00:01,000 --> 00:00:02,000\nA\n2\n00:00:03,000 --> 00:00:04,000\n42\n";
        assert_eq!(parse(text), [line(1.0, 2.0, None, "A"), line(3.0, 4.0, None, "42")]);
    }

    #[test]
    fn other_encodings_are_read() {
        let latin1 = b"1\n00:00:01,000 --> 00:00:02,000\ncr\xe8me br\xfbl\xe9e\n";
        let expected = [line(1.0, 2.0, None, "crème brûlée")];
        assert_eq!(parse_subtitles(latin1).lines, expected);
        let text = "\u{feff}1\n00:00:01,000 --> 00:00:02,000\ncrème brûlée\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(
            (parse_subtitles(&little).lines, parse_subtitles(&big).lines),
            (expected.to_vec(), expected.to_vec())
        );
    }

    #[test]
    fn files_without_a_line_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.srt");
        assert!(matches!(read_subtitles(&path), Err(CaptureError::NotFound(_))));
        assert!(matches!(read_subtitles(dir.path()), Err(CaptureError::IsDirectory(_))));
        fs::write(&path, "").unwrap();
        assert!(matches!(read_subtitles(&path), Err(CaptureError::EmptyFile(_))));
        fs::write(&path, "00:01 --> x\nhello\n").unwrap();
        assert!(matches!(read_subtitles(&path), Err(CaptureError::NoSubtitles { num_malformed: 1, .. })));
        fs::write(&path, "00:01 --> 00:02\nhello\n").unwrap();
        assert_eq!(read_subtitles(&path).unwrap().lines.len(), 1);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse_subtitles(&bytes);
        }

        #[test]
        fn near_subtitles_never_panic(text in "([0-9:,. ]{0,6}(-->|<v|\\{\\\\|[<>(:){}&;é\n])){0,30}") {
            let subtitles = parse_subtitles(text.as_bytes());
            prop_assert!(subtitles.lines.iter().all(|line| line.start <= line.end && !line.words.contains('\n')));
            prop_assert!(subtitles.lines.is_sorted_by_key(|line| line.start));
        }

        #[test]
        fn what_is_written_is_read(
            cues in proptest::collection::vec((0i64..10_000_000, 0i64..10_000, "[a-z]{1,8}( [a-z]{1,8}){0,3}"), 1..8),
            separator in "[,.]",
        ) {
            let clock = |millis: i64| {
                let secs = millis / 1000;
                format!("{:02}:{:02}:{:02}{separator}{:03}", secs / 3600, secs / 60 % 60, secs % 60, millis % 1000)
            };
            let cue = |(idx, (start, length, words)): (usize, &(i64, i64, String))| {
                format!("{}\n{} --> {}\n{words}\n\n", idx + 1, clock(*start), clock(start + length))
            };
            let text: String = cues.iter().enumerate().map(cue).collect();
            let mut expected: Vec<SubtitleLine> = cues.iter().map(|(start, length, words)| {
                line(*start as f64 / 1e3, (start + length) as f64 / 1e3, None, words)
            }).collect();
            expected.sort_by_key(|line| line.start);
            prop_assert_eq!(parse(&text), expected);
        }
    }
}
