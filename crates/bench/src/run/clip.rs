use std::path::{Component, Path, PathBuf};

use souffleur_core::{MediaTime, SUBTITLE_PREFIX, SubtitleLine};
use souffleur_session::{Script, Utterance};

use super::settings::Asking;
use crate::{Item, UserText};

/// What is played to the model for one item, whatever the benchmark.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Identity of the item.
    pub question_id: String,
    /// Where the video should be; `None` where the annotation names a place outside the benchmark's folder.
    pub video: Option<PathBuf>,
    /// First frame, in seconds of the video.
    pub from_secs: f64,
    /// What is known of where to stop.
    pub end: ClipEnd,
    /// What the user says, subtitles included, by time.
    pub texts: Vec<UserText>,
}

/// Where a clip ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClipEnd {
    /// With the video.
    Video,
    /// At this second.
    At(f64),
    /// At the end of the last gold span, in whole intervals, the video's annotated length permitting:
    /// `max(1, min(floor(dur / interval), ceil(min(dur, last) / interval)))` frames (ProactiveVideoQA's rounds).
    LastSpan {
        /// The annotated length.
        duration_secs: f64,
        /// End of the last gold span.
        last_secs: f64,
    },
}

/// Guards rounding up and down against `0.3 / 0.1 = 2.999…`, far below a frame.
const WHOLE: f64 = 1e-9;

impl ClipEnd {
    /// The end of frames taken every `interval_secs` from `from_secs` on; `None` is that of the video.
    pub fn time(self, interval_secs: f64) -> Option<MediaTime> {
        match self {
            Self::Video => None,
            Self::At(secs) => Some(MediaTime::from_secs_f64(secs)),
            Self::LastSpan { duration_secs, last_secs } => {
                let whole = (duration_secs / interval_secs + WHOLE).floor();
                let needed = (duration_secs.min(last_secs) / interval_secs - WHOLE).ceil();
                let rounds = whole.min(needed).max(1.0);
                // Half an interval more: the number of frames is rounded down from here.
                Some(MediaTime::from_secs_f64((rounds + 0.5) * interval_secs))
            }
        }
    }
}

impl Clip {
    /// The clip of an item in ProactiveVideoQA's form; `videos` is the folder its video lies in.
    pub fn of_item(item: &Item, videos: &Path) -> Self {
        let ends = item.answers.iter().filter_map(|answer| answer.reply_timespan).map(|span| span.end_secs);
        let last_secs = ends.fold(0.0, f64::max);
        let end = match item.duration_secs {
            Some(duration_secs) => ClipEnd::LastSpan { duration_secs, last_secs },
            None if last_secs > 0.0 => ClipEnd::LastSpan { duration_secs: f64::INFINITY, last_secs },
            None => ClipEnd::Video,
        };
        Self {
            question_id: item.question_id.clone(),
            video: inside(videos, &item.video),
            from_secs: 0.0,
            end,
            texts: item.conversation.clone(),
        }
    }

    /// What is said: each question takes over from the one before, a subtitle line is a text of its own. Blank texts
    /// are left out; times before the video count as its start. `last_turn` is when everything is asked that is asked
    /// at the end.
    pub(super) fn script(&self, asking: Asking, last_turn: Option<MediaTime>) -> Script {
        let mut script = Script::default();
        for text in self.texts.iter().filter(|text| !text.text.trim().is_empty()) {
            let time = MediaTime::from_secs_f64(text.time_secs.max(0.0));
            let utterance = match text.text.strip_prefix(SUBTITLE_PREFIX).map(str::trim) {
                Some("") => continue,
                Some(words) => Utterance::Subtitle(SubtitleLine {
                    start: time,
                    end: time + MediaTime::from_secs_f64(1.0),
                    // It stands in the words as the file has it.
                    speaker: None,
                    words: words.to_owned(),
                }),
                None => Utterance::Replace(text.text.clone()),
            };
            let is_late = asking == Asking::AtEnd && matches!(utterance, Utterance::Replace(_));
            let time = match last_turn.filter(|_| is_late) {
                // An item joins the first turn whose time is later than its own.
                Some(last_turn) => last_turn - MediaTime::from_micros(1),
                None => time,
            };
            // Neither blank nor negative: nothing a script refuses.
            _ = script.say(time, utterance);
        }
        script
    }
}

/// A file of a folder, by a path that cannot lead out of it on this system. The rule of model folders, which holds on
/// every system, would refuse videos with a colon in their name.
pub(super) fn inside(folder: &Path, relative: &str) -> Option<PathBuf> {
    let is_plain = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    let relative = Path::new(relative);
    let is_inside = relative.file_name().is_some() && relative.components().all(is_plain);
    is_inside.then(|| folder.join(relative))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(duration_secs: f64, last_secs: f64, interval_secs: f64) -> u64 {
        let end = ClipEnd::LastSpan { duration_secs, last_secs }.time(interval_secs).unwrap();
        souffleur_core::FrameGrid::new(interval_secs, 0.0, 1).unwrap().num_frames(end)
    }

    #[test]
    fn rounds_are_those_of_the_released_code() {
        assert_eq!(frames(24.0, 20.02, 1.0), 21);
        assert_eq!(frames(24.0, 20.0, 1.0), 20);
        assert_eq!(frames(24.9, 30.0, 1.0), 24);
        assert_eq!(frames(0.4, 30.0, 1.0), 1);
        assert_eq!(frames(10.0, 3.0, 0.1), 30);
        assert_eq!(frames(f64::INFINITY, 3.2, 2.0), 2);
    }

    #[test]
    fn no_annotation_leads_out_of_its_folder() {
        let videos = Path::new("/b/videos");
        assert_eq!(inside(videos, "a/b.mp4"), Some("/b/videos/a/b.mp4".into()));
        for name in ["../x.mp4", "/etc/passwd", "", ".", "a/../../x", ".."] {
            assert_eq!(inside(videos, name), None, "{name:?}");
        }
    }

    #[test]
    fn the_script_holds_what_is_said_and_nothing_blank() {
        let text = |time_secs, text: &str| UserText { time_secs, text: text.into() };
        let clip = Clip {
            question_id: "a".into(),
            video: None,
            from_secs: 0.0,
            end: ClipEnd::Video,
            texts: vec![
                text(-3.0, "What now?"),
                text(1.0, " "),
                text(2.0, "Subtitle: (Amber:)So."),
                text(3.0, "Subtitle: "),
                text(4.0, "And now?"),
            ],
        };
        let script = clip.script(Asking::WhenDue, None);
        let times: Vec<_> = script.items().iter().map(|item| item.time.as_secs_f64()).collect();
        assert_eq!(times, [0.0, 2.0, 4.0]);
        let Utterance::Subtitle(line) = &script.items()[1].utterance else { panic!("a subtitle") };
        assert_eq!(line.user_text(), "Subtitle: (Amber:)So.");
        let late = clip.script(Asking::AtEnd, Some(MediaTime::from_secs_f64(9.0)));
        let times: Vec<_> = late.items().iter().map(|item| item.time.as_secs_f64()).collect();
        assert_eq!(times, [2.0, 8.999_999, 8.999_999]);
    }
}
