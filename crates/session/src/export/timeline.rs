use std::fmt::Write;

use souffleur_core::MediaTime;

use crate::{Recording, TurnRecord};

/// Width of the drawings; they stretch with the page.
const WIDTH: f64 = 1000.0;
/// Height of the curve's drawing.
const PLOT_HEIGHT: f64 = 120.0;
/// Height of the lane of decisions.
const LANE_HEIGHT: f64 = 36.0;

/// From so many decisions on the strokes are drawn thin: thick ones would run into one block.
const MANY_DECISIONS: usize = 300;

/// The span of time that is drawn.
struct Span {
    from_secs: f64,
    to_secs: f64,
}

impl Span {
    /// From the first frame to the end of the last turn; `None` without a turn.
    fn of(recording: &Recording) -> Option<Self> {
        let turn_length = recording
            .start()
            .map_or(MediaTime::ZERO, |start| start.frame_interval.times(u64::from(start.frames_per_turn)));
        let first = recording.turns().next()?.time - turn_length;
        let last = recording.turns().last()?.time;
        let from_secs = first.as_secs_f64().max(0.0);
        Some(Self { from_secs, to_secs: last.as_secs_f64().max(from_secs + 1e-3) })
    }

    fn x(&self, time: MediaTime) -> f64 {
        (time.as_secs_f64() - self.from_secs) / (self.to_secs - self.from_secs) * WIDTH
    }
}

/// The curve of p_silent and one tick for every decision.
pub(super) fn card(recording: &Recording, has_video: bool) -> String {
    let Some(span) = Span::of(recording) else { return String::new() };
    let (from, to) = (span.from_secs, span.to_secs);
    let seekable = if has_video { " data-seekable" } else { "" };
    let class = if recording.turns().count() < MANY_DECISIONS { "chart" } else { "chart dense" };
    format!(
        "<section class=\"card\">\n<div class=\"head\"><h2>Timeline</h2>{LEGEND}</div>\n\
         <p class=\"scale\"><span>certain of silence</span></p>\n\
         <div class=\"{class}\" data-from=\"{from}\" data-to=\"{to}\"{seekable}>\n{}{}\
         <div class=\"playhead\" hidden></div>\n</div>\n{}</section>\n",
        plot(recording, &span),
        lane(recording, &span),
        axis(&span)
    )
}

const LEGEND: &str = "<ul class=\"legend\">\
    <li><svg viewBox=\"0 0 18 14\" aria-hidden=\"true\"><path class=\"curve\" d=\"M0 3L6 2L10 11L18 5\"/></svg>P(silent)</li>\
    <li><svg viewBox=\"0 0 18 14\" aria-hidden=\"true\"><path class=\"silent\" d=\"M9 5V14\"/></svg>silent</li>\
    <li><svg viewBox=\"0 0 18 14\" aria-hidden=\"true\"><path class=\"spoke\" d=\"M9 0V14\"/></svg>spoke</li>\
    <li><svg viewBox=\"0 0 18 14\" aria-hidden=\"true\"><path class=\"kept\" d=\"M9 0V14\"/></svg>kept back</li></ul>";

fn plot(recording: &Recording, span: &Span) -> String {
    let mut line = String::new();
    let (mut first_x, mut last_x) = (0.0, 0.0);
    for (idx, turn) in recording.turns().enumerate() {
        last_x = span.x(turn.time);
        let y = (1.0 - f64::from(turn.p_silent).clamp(0.0, 1.0)) * PLOT_HEIGHT;
        if idx == 0 {
            first_x = last_x;
        }
        // Writing into a string cannot fail.
        _ = write!(line, "{}{last_x:.2} {y:.2}", if idx == 0 { 'M' } else { 'L' });
    }
    let half = PLOT_HEIGHT / 2.0;
    format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {PLOT_HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{}\">\n<path class=\"grid\" d=\"M0 0H{WIDTH}M0 {half}H{WIDTH}M0 {PLOT_HEIGHT}H{WIDTH}\"/>\n\
         <path class=\"area\" d=\"{line}L{last_x:.2} {PLOT_HEIGHT}L{first_x:.2} {PLOT_HEIGHT}Z\"/>\n\
         <path class=\"curve\" d=\"{line}\"/>\n</svg>\n",
        description(recording)
    )
}

fn description(recording: &Recording) -> String {
    let lowest = recording.turns().min_by(|a, b| a.p_silent.total_cmp(&b.p_silent));
    let lowest = lowest.map(|turn| format!(", lowest at {} with {:.2}", turn.time, turn.p_silent)).unwrap_or_default();
    format!("Probability of silence over {} decisions{lowest}", recording.turns().count())
}

fn lane(recording: &Recording, span: &Span) -> String {
    let kept: Vec<MediaTime> =
        recording.replies().filter(|reply| reply.suppressed.is_some()).map(|reply| reply.time).collect();
    let is_kept = |turn: &TurnRecord| kept.binary_search(&turn.time).is_ok();
    let (mut silent, mut spoke, mut held) = (String::new(), String::new(), String::new());
    for turn in recording.turns() {
        let x = span.x(turn.time);
        // Shapes differ in height as well as in colour. Writing into a string cannot fail.
        _ = match (turn.silent, is_kept(turn)) {
            (true, _) => write!(silent, "M{x:.2} {}V{LANE_HEIGHT}", LANE_HEIGHT * 0.6),
            (false, false) => write!(spoke, "M{x:.2} 0V{LANE_HEIGHT}"),
            (false, true) => write!(held, "M{x:.2} 0V{LANE_HEIGHT}"),
        };
    }
    format!(
        "<svg class=\"lane\" viewBox=\"0 0 {WIDTH} {LANE_HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\n\
         <path class=\"silent\" d=\"{silent}\"/><path class=\"spoke\" d=\"{spoke}\"/><path class=\"kept\" d=\"{held}\"/>\n\
         </svg>\n"
    )
}

fn axis(span: &Span) -> String {
    let labels: String = (0..=4)
        .map(|quarter| {
            let secs = span.from_secs + (span.to_secs - span.from_secs) * f64::from(quarter) / 4.0;
            format!("<span>{}</span>", MediaTime::from_secs_f64(secs))
        })
        .collect();
    format!("<p class=\"axis\" aria-hidden=\"true\">{labels}</p>\n")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{recording, secs};
    use super::*;
    use souffleur_core::SuppressReason;

    #[test]
    fn many_decisions_are_drawn_thin() {
        let page = |secs: f64| card(&recording(&[(secs, "Now.", None)]), false);
        assert!(page(20.0).contains("<div class=\"chart\""));
        assert!(page(500.0).contains("<div class=\"chart dense\""));
    }

    #[test]
    fn every_decision_has_a_tick() {
        let recording = recording(&[(2.0, "A.", None), (4.0, "B.", Some(SuppressReason::Repeat))]);
        let span = Span::of(&recording).unwrap();
        assert_eq!((span.x(secs(0.0)), span.x(secs(6.0))), (0.0, WIDTH));
        let lane = lane(&recording, &span);
        assert_eq!(lane.matches('M').count(), 6);
        assert!(
            lane.contains("class=\"spoke\" d=\"M333.33 0V36\"") && lane.contains("class=\"kept\" d=\"M666.67 0V36\"")
        );
        assert_eq!(plot(&recording, &span).matches('L').count(), 5 + 5 + 2, "curve, area and its two corners");
    }

    #[test]
    fn nothing_is_drawn_without_a_turn() {
        assert_eq!(card(&Recording::default(), true), "");
    }
}
