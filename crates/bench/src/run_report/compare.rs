use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use souffleur_core::one_line;

use super::data::{ItemReport, RunReport};
use super::markdown::number;

/// What became of the scores from one run to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The ω compared at.
    pub omega: String,
    /// Turn-weighted mean of the first run.
    pub before: Option<f64>,
    /// Turn-weighted mean of the second run.
    pub after: Option<f64>,
    /// What differs between the runs' settings: name, first, second.
    pub settings: Vec<(String, String, String)>,
    /// Items that score otherwise, the largest loss first: identity, first, second.
    pub items: Vec<(String, f64, f64)>,
    /// Items that score the same.
    pub unchanged: usize,
    /// Items that only one of the runs has.
    pub only_in_one: usize,
}

/// Compares two reports item by item.
pub fn compare(before: &RunReport, after: &RunReport) -> Comparison {
    let omega = before.headline_omega.clone();
    let key = |item: &ItemReport| (item.subset.clone(), item.question_id.clone());
    let mut scores: HashMap<_, f64> =
        before.items.iter().filter_map(|item| Some((key(item), score(item, &omega)?))).collect();
    let (mut items, mut unchanged, mut only_in_one) = (Vec::new(), 0, 0);
    for item in &after.items {
        match (scores.remove(&key(item)), score(item, &omega)) {
            (Some(first), Some(second)) if (first - second).abs() < 1e-9 => unchanged += 1,
            (Some(first), Some(second)) => items.push((item.question_id.clone(), first, second)),
            (None, None) => {}
            _ => only_in_one += 1,
        }
    }
    only_in_one += scores.len();
    items.sort_by(|a, b| (a.2 - a.1).total_cmp(&(b.2 - b.1)).then_with(|| a.0.cmp(&b.0)));
    Comparison {
        before: before.main().pauc(&omega),
        after: after.main().pauc(&omega),
        settings: settings(before, after),
        omega,
        items,
        unchanged,
        only_in_one,
    }
}

fn score(item: &ItemReport, omega: &str) -> Option<f64> {
    item.score.get(omega).copied().flatten()
}

fn settings(before: &RunReport, after: &RunReport) -> Vec<(String, String, String)> {
    let of = |report: &RunReport| {
        let settings = &report.settings;
        vec![
            ("benchmark", report.benchmark.clone()),
            ("model", format!("{} ({:.12})", report.model.name, report.model.digest)),
            ("judge", report.judge.clone()),
            ("policy", settings.policy.clone()),
            ("eagerness", settings.eagerness.to_string()),
            ("interval", settings.interval_secs.to_string()),
            ("frames a turn", settings.frames_per_turn.to_string()),
            ("frames", settings.sampled_frames.map_or_else(|| "all".to_owned(), |num| num.to_string())),
        ]
    };
    let pairs = of(before).into_iter().zip(of(after));
    pairs.filter(|(a, b)| a != b).map(|((name, a), (_, b))| (name.to_owned(), a, b)).collect()
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, before, after) in &self.settings {
            writeln!(f, "{name}: {before} -> {after}")?;
        }
        let change = self.before.zip(self.after).map(|(before, after)| after - before);
        let change = change.map(|change| format!(" ({change:+.1})")).unwrap_or_default();
        let (omega, before, after) = (&self.omega, number(self.before), number(self.after));
        if !omega.is_empty() {
            writeln!(f, "PAUC (omega {omega}): {before} -> {after}{change}")?;
        }
        for (id, before, after) in &self.items {
            writeln!(f, "  {:+6.1}  {before:5.1} -> {after:5.1}  {}", after - before, one_line(id))?;
        }
        write!(f, "{} item(s) changed, {} the same", self.items.len(), self.unchanged)?;
        match self.only_in_one {
            0 => Ok(()),
            num => write!(f, ", {num} in one of the runs only"),
        }
    }
}
