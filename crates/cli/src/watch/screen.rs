use std::io::{self, Write, stdout};

use indicatif::ProgressBar;
use souffleur_capture::SourceInfo;
use souffleur_core::Reply;
use souffleur_session::{Event, SessionStart, StopSignal, Summary};

use super::Format;
use crate::failure::{Failure, one_line};
use crate::progress;

/// Shows a session: replies or JSON on standard output, everything else on standard error.
pub(super) struct Screen {
    format: Format,
    bar: ProgressBar,
    /// Raised when nobody reads the output any more.
    stop: StopSignal,
    failure: Option<Failure>,
}

impl Screen {
    pub(super) fn new(format: Format, source: &SourceInfo, stop: StopSignal) -> Self {
        Self { format, bar: progress::steps(source.num_frames), stop, failure: None }
    }

    pub(super) fn show(&mut self, event: &Event, num_frames: usize) {
        match event {
            Event::Session(start) => self.note(&header(start)),
            Event::Turn(turn) => {
                self.bar.inc(num_frames as u64);
                self.bar.set_message(turn.time.to_string());
            }
            Event::Reply(_) => {}
            Event::Summary(summary) => {
                self.bar.finish_and_clear();
                // Without a turn there is an error to come, which says more.
                if summary.turns > 0 {
                    crate::note(footer(summary));
                }
            }
        }
        let line = match (self.format, event) {
            (Format::Jsonl, event) => Some(event.to_json_line()),
            (Format::Text, Event::Reply(reply)) => Some(reply_line(reply)),
            (Format::Text, _) => None,
        };
        if let Some(line) = line
            && self.failure.is_none()
            && let Err(err) = self.bar.suspend(|| print_line(&line))
        {
            self.failure = Some(Failure::output(&err));
            self.stop.stop();
        }
    }

    /// Takes the bar away, whatever became of the session.
    pub(super) fn close(&self) {
        self.bar.finish_and_clear();
    }

    /// Whether all could be printed.
    pub(super) fn into_outcome(self) -> Result<(), Failure> {
        self.failure.map_or(Ok(()), Err)
    }

    fn note(&self, line: &str) {
        self.bar.suspend(|| crate::note(line));
    }
}

/// In one write and flushed, so that a reader of the pipe gets whole lines at once.
fn print_line(line: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}

fn header(start: &SessionStart) -> String {
    let label = &start.label;
    let graphs = [&label.providers.vision, &label.providers.embed, &label.providers.decoder];
    // Where all graphs run as asked there is nothing to tell.
    let provider = if graphs.iter().all(|used| **used == label.provider) {
        label.provider.clone()
    } else {
        format!("{} (vision {}, embed {}, decoder {})", label.provider, graphs[0], graphs[1], graphs[2])
    };
    let interval_secs = start.frame_interval.as_secs_f64();
    let frames = if start.frames_per_turn == 1 { "1 frame" } else { "2 frames" };
    format!("{} on {provider}, a frame every {interval_secs} s, {frames} a turn", label.model)
}

fn reply_line(reply: &Reply) -> String {
    let time = reply.time.to_string();
    match reply.suppressed {
        None => format!("{time:>7}  {}", one_line(&reply.text)),
        Some(reason) => {
            format!("{time:>7}  (held back, {}) {}", reason.to_string().replace('_', " "), one_line(&reply.text))
        }
    }
}

fn footer(summary: &Summary) -> String {
    let mut facts = vec![plural(summary.turns, "turn", "turns"), plural(summary.replies, "reply", "replies")];
    if summary.suppressed_replies > 0 {
        facts.push(format!("{} held back", summary.suppressed_replies));
    }
    if summary.dropped_frames > 0 {
        facts.push(format!("{} dropped", plural(summary.dropped_frames, "frame", "frames")));
    }
    if let (Some(p50_ms), Some(p99_ms)) = (summary.p50_ms, summary.p99_ms) {
        facts.push(format!("{p50_ms:.0} ms a turn (99 % within {p99_ms:.0} ms)"));
    }
    facts.join(", ")
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use souffleur_core::{MediaTime, SuppressReason};

    fn reply(secs: f64, text: &str, suppressed: Option<SuppressReason>) -> Reply {
        let time = MediaTime::from_secs_f64(secs);
        Reply { time, question: String::new(), question_ids: Vec::new(), text: text.into(), suppressed }
    }

    #[test]
    fn a_reply_is_one_line() {
        assert_eq!(reply_line(&reply(5.0, "The pan\nis \u{1b}[2Jsmoking.", None)), "   0:05  The pan is [2Jsmoking.");
        let held_back = reply(3725.5, "Again.", Some(SuppressReason::CoolDown));
        assert_eq!(reply_line(&held_back), "1:02:05.5  (held back, cool down) Again.");
    }

    #[test]
    fn the_footer_counts() {
        let summary = Summary { turns: 1, replies: 2, p50_ms: Some(11.2), p99_ms: Some(35.6), ..Summary::default() };
        assert_eq!(footer(&summary), "1 turn, 2 replies, 11 ms a turn (99 % within 36 ms)");
        let summary = Summary { dropped_frames: 1, suppressed_replies: 3, ..Summary::default() };
        assert_eq!(footer(&summary), "0 turns, 0 replies, 3 held back, 1 frame dropped");
    }
}
