//! The parts of a run: its own settings, those of the sweeps, those of the baselines that need the model.

use super::settings::{Asking, Settings};
use super::{FramesPerTurn, RunError};

/// Why a part is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariantKind {
    /// What was asked for.
    Main,
    /// A row to read the score by.
    Baseline,
    /// One value of a sweep.
    Sweep,
}

/// One pass over the clips under settings of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Also the name of its folder.
    pub label: String,
    /// Why it is there.
    pub kind: VariantKind,
    /// Its settings.
    pub settings: Settings,
}

/// The label of what was asked for.
pub const MAIN: &str = "run";
/// The label of the baseline that is asked when the video is over.
pub const QUESTION_AT_END: &str = "question-at-end";
/// The threshold of the baseline of that policy: silent when silence is at least as likely as not.
const BASELINE_THRESHOLD: &str = "threshold=0.5";

/// What to run: the settings themselves, then the baselines that need the model, then each value of each sweep. No
/// settings twice.
///
/// # Errors
/// When a sweep cannot be read or one of its values is out of range.
pub fn variants(main: &Settings, with_baselines: bool, sweeps: &[String]) -> Result<Vec<Variant>, RunError> {
    main.check()?;
    let mut variants = vec![Variant { label: MAIN.into(), kind: VariantKind::Main, settings: main.clone() }];
    let mut add = |label: String, kind: VariantKind, settings: Settings| {
        if variants.iter().all(|variant| variant.settings != settings) {
            variants.push(Variant { label, kind, settings });
        }
    };
    if with_baselines {
        let threshold = Settings { policy: BASELINE_THRESHOLD.into(), ..main.clone() };
        add(format!("policy={BASELINE_THRESHOLD}"), VariantKind::Baseline, threshold);
        let at_end = Settings { asking: Asking::AtEnd, ..main.clone() };
        add(QUESTION_AT_END.into(), VariantKind::Baseline, at_end);
    }
    for typed in sweeps {
        for (label, settings) in sweep(main, typed)? {
            add(label, VariantKind::Sweep, settings);
        }
    }
    Ok(variants)
}

/// Values of one sweep: more would be a slip of the fingers.
const MAX_VALUES: i64 = 50;

fn sweep(main: &Settings, typed: &str) -> Result<Vec<(String, Settings)>, RunError> {
    let wrong = |cause: String| RunError::Sweep { typed: typed.to_owned(), cause };
    let (axis, values) = typed.split_once('=').ok_or_else(|| wrong("no = in it".into()))?;
    let mut settings = Vec::new();
    for value in expand(values).map_err(wrong)? {
        let number = || value.parse::<f64>().map_err(|_| wrong(format!("{value:?} is no number")));
        let changed = match axis {
            "policy" => Settings { policy: value.clone(), ..main.clone() },
            "interval" => Settings { interval_secs: number()?, ..main.clone() },
            "eagerness" => Settings { eagerness: number()? as f32, ..main.clone() },
            "frames-per-turn" => Settings { frames_per_turn: value.parse::<FramesPerTurn>()?, ..main.clone() },
            _ => return Err(wrong(format!("nothing called {axis:?} can be swept"))),
        };
        changed.check().map_err(|error| wrong(error.to_string()))?;
        settings.push((format!("{axis}={value}"), changed));
    }
    Ok(settings)
}

/// `a,b,c`, or whole numbers `A..B` with both ends.
fn expand(values: &str) -> Result<Vec<String>, String> {
    if let Some((from, to)) = values.split_once("..") {
        let whole = |end: &str| end.trim().parse::<i32>().map_err(|_| format!("{end:?} is no whole number"));
        let (from, to) = (i64::from(whole(from)?), i64::from(whole(to)?));
        if from > to || to - from >= MAX_VALUES {
            return Err(format!("from {from} to {to} there is no range of at most {MAX_VALUES} values"));
        }
        return Ok((from..=to).map(|value| value.to_string()).collect());
    }
    let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
    match values.iter().any(String::is_empty) {
        true => Err("a value is empty".into()),
        false => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::plain;
    use super::*;

    fn labels(sweeps: &[&str]) -> Vec<String> {
        let sweeps: Vec<String> = sweeps.iter().map(|typed| (*typed).to_owned()).collect();
        variants(&plain(), false, &sweeps).unwrap().into_iter().map(|variant| variant.label).collect()
    }

    #[test]
    fn a_sweep_leaves_out_what_is_run_anyway() {
        assert_eq!(labels(&["policy=text,threshold=0.5,zscore=2"]), ["run", "policy=threshold=0.5", "policy=zscore=2"]);
        assert_eq!(labels(&["eagerness=-1..1"]), ["run", "eagerness=-1", "eagerness=1"]);
        assert_eq!(labels(&["interval=0.5,1,2", "interval=2"]), ["run", "interval=0.5", "interval=2"]);
    }

    #[test]
    fn baselines_come_before_sweeps() {
        let all = variants(&plain(), true, &["policy=threshold=0.5".into()]).unwrap();
        let kinds: Vec<_> = all.iter().map(|variant| (variant.label.as_str(), variant.kind)).collect();
        let expected = [
            ("run", VariantKind::Main),
            ("policy=threshold=0.5", VariantKind::Baseline),
            ("question-at-end", VariantKind::Baseline),
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn slips_are_named() {
        for typed in
            ["policy", "policy=loud", "interval=0", "eagerness=2..-2", "eagerness=0..1000", "x=1", "interval=1,"]
        {
            assert!(matches!(variants(&plain(), false, &[typed.into()]), Err(RunError::Sweep { .. })), "{typed}");
        }
    }
}
