use std::fmt;

use serde::Serialize;

use super::{CalibrationPlan, EAGERNESS_RANGE, Margins, Search};
use crate::Utterance;

/// Rows of the curve on each side of what was found and of 0.
const CURVE_MARGIN: f32 = 2.0;
/// Rows of the curve, those of the runs not counted.
const CURVE_ROWS: f32 = 10.0;

/// The form of [`Calibration`] as JSON.
const FORMAT: u32 = 1;

/// What to read the numbers with.
const NOTES: [&str; 4] = [
    "every turn that speaks counts as a reply, two in a row as two; decoding is greedy, repeat guard and gate are off",
    "estimated: turns whose margin of silence at eagerness 0 lies below, as if a reply changed nothing of what follows",
    "measured: played under that eagerness, each source from a clean context; of these the nearest was taken",
    "it holds for this model, question, frame interval and kind of source; calibrate again where one of them changes",
];

/// The eagerness that was found, and how.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// The form of this object.
    pub version: u32,
    /// The model's name.
    pub model: String,
    /// What was asked.
    pub questions: Vec<String>,
    /// The wish.
    pub asked_replies_per_minute: f64,
    /// What comes nearest to it.
    pub eagerness: f32,
    /// What that eagerness gave.
    pub replies_per_minute: f64,
    /// Its replies.
    pub replies: usize,
    /// Whether no other number of replies would be nearer to the wish.
    pub is_met: bool,
    /// How many sources were watched.
    pub sources: usize,
    /// Turns of one run.
    pub turns: usize,
    /// How long the sources last together.
    pub seconds: f64,
    /// Replies a minute over eagerness, ascending.
    pub curve: Vec<CurvePoint>,
    /// What was assumed.
    pub notes: [&'static str; 4],
}

/// Replies a minute at one eagerness.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The eagerness.
    pub eagerness: f32,
    /// From the margins of the run at eagerness 0.
    pub estimated_replies_per_minute: f64,
    /// Where it was played.
    pub measured_replies_per_minute: Option<f64>,
}

impl Calibration {
    /// `recorded` are the margins of the run at eagerness 0; one run takes `num_turns` and lasts `secs`.
    pub(super) fn new(
        plan: &CalibrationPlan,
        search: &Search,
        recorded: &Margins,
        num_turns: usize,
        secs: f64,
    ) -> Self {
        let questions = plan.script.items().iter().filter_map(|item| match &item.utterance {
            Utterance::Ask(text) => Some(text.clone()),
            _ => None,
        });
        let per_minute = |num_replies: usize| num_replies as f64 / (secs / 60.0);
        let (best, replies) = search.best().map_or((0.0, 0), |run| (run.eagerness, run.num_replies));
        let measured = |eagerness: f32| search.runs().iter().find(|run| run.eagerness == eagerness);
        let point = |eagerness: f32| CurvePoint {
            eagerness,
            estimated_replies_per_minute: per_minute(recorded.num_replies(eagerness)),
            measured_replies_per_minute: measured(eagerness).map(|run| per_minute(run.num_replies)),
        };
        let played = search.runs().iter().map(|run| run.eagerness);
        Self {
            version: FORMAT,
            model: plan.session.label.model.clone(),
            questions: questions.collect(),
            asked_replies_per_minute: plan.replies_per_minute,
            eagerness: best,
            replies_per_minute: per_minute(replies),
            replies,
            is_met: search.best().is_some_and(|run| search.is_met(run)),
            sources: plan.sources.len(),
            turns: num_turns,
            seconds: secs,
            curve: curve_eagerness(best, played).into_iter().map(point).collect(),
            notes: NOTES,
        }
    }
}

/// Whole numbers around 0 and the find, and whatever was played.
fn curve_eagerness(found: f32, played: impl Iterator<Item = f32>) -> Vec<f32> {
    let (first, last) = (found.min(0.0).floor() - CURVE_MARGIN, found.max(0.0).ceil() + CURVE_MARGIN);
    let step = ((last - first) / CURVE_ROWS).ceil().max(1.0);
    let num_steps = ((last - first) / step) as usize;
    let mut all: Vec<f32> = (0..=num_steps).map(|idx| first + idx as f32 * step).chain(played).collect();
    all.retain(|eagerness| EAGERNESS_RANGE.contains(eagerness));
    all.sort_by(f32::total_cmp);
    all.dedup();
    all
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { eagerness, replies, seconds, sources, asked_replies_per_minute: asked, .. } = self;
        writeln!(
            f,
            "eagerness {eagerness} gives {:.1} replies a minute, {asked} are asked for",
            self.replies_per_minute
        )?;
        let source_word = if *sources == 1 { "source" } else { "sources" };
        writeln!(f, "{replies} replies in {} turns and {seconds:.0} s of {sources} {source_word}", self.turns)?;
        if !self.is_met {
            writeln!(
                f,
                "no run came nearer: turns equally sure of silence speak together, and replies change what follows"
            )?;
        }
        for question in &self.questions {
            writeln!(f, "asked: {question}")?;
        }
        writeln!(f, "\n{:>9} {:>11} {:>11}   replies a minute", "eagerness", "estimated", "measured")?;
        for point in &self.curve {
            let measured = point.measured_replies_per_minute.map_or_else(String::new, |rate| format!("{rate:.1}"));
            let mark = if point.eagerness == *eagerness { "   ←" } else { "" };
            let row = format!("{:>9} {:>11.1} {measured:>11}", point.eagerness, point.estimated_replies_per_minute);
            writeln!(f, "{}{mark}", row.trim_end())?;
        }
        writeln!(f, "\nuse it with     souffleur watch SOURCE --ask TEXT --eagerness {eagerness}")?;
        writeln!(f, "or for always   default_eagerness = {eagerness:?} in the model's souffleur.toml\n")?;
        write!(f, "{}", self.notes.map(|note| format!("note: {note}")).join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_holds_the_find_and_stays_short() {
        assert_eq!(curve_eagerness(0.5, [0.0, 0.5].into_iter()), [-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0]);
        for found in [-100.0, -37.5, 0.0, 99.99, 100.0] {
            let curve = curve_eagerness(found, [0.0, found].into_iter());
            assert!(curve.contains(&found) && curve.contains(&0.0) && curve.len() <= 14, "{curve:?}");
            assert!(curve.iter().all(|eagerness| EAGERNESS_RANGE.contains(eagerness)));
        }
    }
}
