//! The demo as a terminal of 80 columns shows it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use souffleur_bench::GoldAnswer;
use souffleur_core::MediaTime;
use souffleur_model::Manifest;

use super::clip::{ClipReport, Verdict};
use super::facts::{Facts, OMEGA};
use crate::failure::one_line;

const WIDTH: usize = 80;
/// Room for the longest thing the kitchen model says.
const TEXT_WIDTH: usize = 41;

const STRONG: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const FAIR: Style = AnsiColor::Yellow.on_default();

pub(super) fn opening(manifest: &Manifest, num_clips: usize) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let (name, interval_secs) = (&manifest.name, manifest.frame_interval_secs);
    writeln!(out, "{STRONG}{num_clips} clips of a drawn kitchen, watched by the built-in model \"{name}\"{STRONG:#}")?;
    let how = format!(
        "It sees a frame every {interval_secs} s and after each one either speaks or stays silent. \
         Beside what it says: whether that was due, and when."
    );
    wrapped(&mut out, &how)
}

pub(super) fn clip(clip: &ClipReport) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "\n{STRONG}{}{STRONG:#}", clip.item.video)?;
    let mut rows = rows(clip);
    rows.sort_by(|a, b| a.time_secs.total_cmp(&b.time_secs));
    for row in rows {
        let time = if row.is_said { time(row.time_secs) } else { "-".into() };
        if row.remark.is_empty() {
            writeln!(out, "{time:>6}  {}", row.text)?;
        } else {
            let (text, style, remark) = (&row.text, row.style, &row.remark);
            writeln!(out, "{time:>6}  {text:TEXT_WIDTH$} {style}{remark}{style:#}")?;
        }
    }
    out.flush()
}

struct Row {
    time_secs: f64,
    /// Whether someone said it at this time; a missed answer stands where it should have been by.
    is_said: bool,
    text: String,
    remark: String,
    style: Style,
}

/// Questions, replies and missed answers.
fn rows(clip: &ClipReport) -> Vec<Row> {
    let questions = clip.item.conversation.iter().map(|turn| Row {
        time_secs: turn.time_secs,
        is_said: true,
        text: format!("You: \"{}\"", turn.text),
        remark: String::new(),
        style: Style::new(),
    });
    let replies = clip.replies.iter().enumerate().map(|(idx, reply)| {
        let (remark, style) = remark(clip, clip.verdict(idx));
        Row { time_secs: reply.time_secs, is_said: true, text: one_line(&reply.text), remark, style }
    });
    let missed = clip.missed().map(|answer_idx| {
        let answer = &clip.item.answers[answer_idx];
        Row {
            time_secs: answer.reply_timespan.map_or(f64::INFINITY, |span| span.end_secs),
            is_said: false,
            text: one_line(&answer.text),
            remark: format!("✗ missed, {}", due(answer)),
            style: BAD,
        }
    });
    questions.chain(replies).chain(missed).collect()
}

fn remark(clip: &ClipReport, verdict: Verdict) -> (String, Style) {
    match verdict {
        Verdict::Hit { answer_idx } => (format!("✓ {}", due(&clip.item.answers[answer_idx])), GOOD),
        Verdict::Late { late_secs, .. } => (format!("~ {late_secs:.1} s late"), FAIR),
        Verdict::Again => ("~ said already".into(), FAIR),
        Verdict::FalseAlarm => ("✗ false alarm".into(), BAD),
    }
}

fn due(answer: &GoldAnswer) -> String {
    match answer.reply_timespan {
        Some(span) => format!("due {}–{}", time(span.start_secs), time(span.end_secs)),
        None => "due at no known time".into(),
    }
}

fn time(secs: f64) -> String {
    MediaTime::from_secs_f64(secs).to_string()
}

pub(super) fn closing(facts: &Facts) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let result = &facts.result;
    writeln!(out, "\n{STRONG}All together{STRONG:#}")?;
    let percent = |value: Option<f64>| value.map(|value| format!("{value:.1} %"));
    let totals = [
        ("span hits", Some(format!("{} of {} answers said when due", facts.num_hits(), result.turns))),
        ("late", Some(facts.num_late().to_string())),
        ("false alarms", Some(format!("{} of {} replies", facts.num_false_alarms(), result.replies))),
        ("PAUC", percent(result.pauc.get(OMEGA)).map(|pauc| format!("{pauc} (omega {OMEGA}, exact judge)"))),
        ("duplicates", percent(result.duplicates)),
    ];
    for (name, value) in totals {
        writeln!(out, "  {name:<14}{}", value.as_deref().unwrap_or("too few replies to say"))?;
    }
    if !facts.manifest.card.measured.is_empty() {
        writeln!(out)?;
        wrapped(&mut out, &format!("The model's card, on other clips: {}", facts.manifest.card.measured))?;
    }
    writeln!(out, "\n{STRONG}Watch a video of your own{STRONG:#}")?;
    writeln!(out, "  souffleur watch VIDEO --ask \"Tell me when the water boils.\" --model DIR")?;
    wrapped(
        &mut out,
        "The built-in model knows the drawn kitchen of these clips and nothing else. For real videos, make a model \
         folder DIR from a Qwen2.5-VL checkpoint with `souffleur model export`; README.md tells how.",
    )?;
    out.flush()
}

/// Prints a paragraph in lines of at most [`WIDTH`] columns.
fn wrapped(out: &mut impl Write, text: &str) -> io::Result<()> {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_keep_to_the_width() {
        let mut out = Vec::new();
        wrapped(&mut out, &"seven77 ".repeat(30)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH) && text.lines().count() == 3, "{text}");
    }
}
