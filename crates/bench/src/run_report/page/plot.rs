//! A drawing that stretches with the page while its text and its dots keep their size: places are percentages, and
//! curves lie in an inner drawing that is stretched alone.

use std::fmt::Write;

use souffleur_session::export::document::escape;

/// A range of values and their names at equal steps.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) title: &'static str,
    from: f64,
    to: f64,
    unit: &'static str,
    steps: u32,
}

impl Axis {
    /// 0 to 100 %.
    pub(super) fn percent(title: &'static str) -> Self {
        Self { title, from: 0.0, to: 100.0, unit: " %", steps: 4 }
    }

    /// From `from` to a round number that is at least `max`.
    pub(super) fn up_to(title: &'static str, from: f64, max: f64, unit: &'static str) -> Self {
        let rough = ((max - from) / 4.0).max(0.25);
        let magnitude = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * magnitude).find(|step| *step >= rough);
        Self { title, from, to: from + 4.0 * step.unwrap_or(rough), unit, steps: 4 }
    }

    /// A value's place in percent of the axis, kept inside it.
    pub(super) fn place(&self, value: f64) -> f64 {
        ((value - self.from) / (self.to - self.from) * 100.0).clamp(0.0, 100.0)
    }

    fn labels(&self) -> impl DoubleEndedIterator<Item = String> {
        let last = self.steps;
        (0..=last).map(move |step| {
            let value = self.from + (self.to - self.from) * f64::from(step) / f64::from(last);
            let unit = if step == last { self.unit } else { "" };
            format!("{}{unit}", (value * 100.0).round() / 100.0)
        })
    }
}

/// A figure under construction.
pub(super) struct Plot {
    x: Axis,
    y: Axis,
    marks: String,
}

impl Plot {
    pub(super) fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, marks: String::new() }
    }

    /// A line through points in values of the axes.
    pub(super) fn line(&mut self, points: impl IntoIterator<Item = (f64, f64)>, class: &str) {
        let mut path = String::new();
        for (idx, (x, y)) in points.into_iter().enumerate() {
            // Writing into a string cannot fail.
            _ = write!(
                path,
                "{}{:.2} {:.2}",
                if idx == 0 { 'M' } else { 'L' },
                self.x.place(x),
                100.0 - self.y.place(y)
            );
        }
        _ = write!(
            self.marks,
            "<svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" width=\"100%\" height=\"100%\" \
             overflow=\"visible\"><path class=\"{class}\" d=\"{path}\"/></svg>"
        );
    }

    /// A dot with a short name in it, explained where the mouse rests.
    pub(super) fn dot(&mut self, (x, y): (f64, f64), name: &str, title: &str, class: &str) {
        let (x, y) = (self.x.place(x), 100.0 - self.y.place(y));
        _ = write!(
            self.marks,
            "<g class=\"{class}\"><title>{}</title><circle cx=\"{x:.2}%\" cy=\"{y:.2}%\" r=\"9\"/>\
             <text x=\"{x:.2}%\" y=\"{y:.2}%\" dy=\".35em\">{}</text></g>",
            escape(title),
            escape(name)
        );
    }

    /// A bar from the floor, `from` to `to` on the x axis.
    pub(super) fn bar(&mut self, from: f64, to: f64, height: f64, title: &str) {
        let (left, right, top) = (self.x.place(from), self.x.place(to), 100.0 - self.y.place(height));
        _ = write!(
            self.marks,
            "<rect class=\"bar\" x=\"{:.2}%\" y=\"{top:.2}%\" width=\"{:.2}%\" height=\"{:.2}%\"><title>{}</title></rect>",
            left + 0.3,
            (right - left - 0.6).max(0.4),
            100.0 - top,
            escape(title)
        );
    }

    /// Names beside the right ends of lines. Lines that end together share a place.
    pub(super) fn end_names(&mut self, names: &[(f64, usize)]) {
        const GAP: f64 = 6.0;
        let mut ends: Vec<(f64, usize)> = names.iter().map(|(y, name)| (100.0 - self.y.place(*y), *name)).collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut places: Vec<(f64, Vec<usize>)> = Vec::new();
        for (y, name) in ends {
            match places.last_mut().filter(|(last, _)| y - *last < GAP) {
                Some((_, names)) => names.push(name),
                None => places.push((y, vec![name])),
            }
        }
        for (y, mut names) in places {
            names.sort_unstable();
            let names = in_margin(&names);
            _ = write!(self.marks, "<text class=\"end\" x=\"100%\" y=\"{y:.2}%\" dx=\"6\" dy=\".35em\">{names}</text>");
        }
    }

    /// The figure; `description` tells those who do not see it what it shows.
    pub(super) fn render(&self, class: &str, description: &str) -> String {
        let grid = (0..=4).map(|step| {
            let at = step * 25;
            format!("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{at}%\" y2=\"{at}%\"/>")
        });
        let span = |label: String| format!("<span>{}</span>", escape(&label));
        format!(
            "<div class=\"plot {class}\"><p class=\"y-title\">{}</p>\
             <div class=\"y\" aria-hidden=\"true\">{}</div>\
             <svg class=\"field\" role=\"img\" aria-label=\"{}\">{}{}</svg>\
             <div class=\"x\" aria-hidden=\"true\">{}</div><p class=\"x-title\">{}</p></div>\n",
            self.y.title,
            self.y.labels().rev().map(span).collect::<String>(),
            escape(description),
            grid.collect::<String>(),
            self.marks,
            self.x.labels().map(span).collect::<String>(),
            self.x.title,
        )
    }
}

/// The names of curves that end together, as many as the margin has room for: the list below has them all.
fn in_margin(names: &[usize]) -> String {
    const MAX_CHARS: usize = 7;
    let words = |names: &[usize]| names.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
    let all = words(names);
    if all.len() <= MAX_CHARS {
        return all;
    }
    let fits = |num: &usize| words(&names[..*num]).len() + 2 <= MAX_CHARS;
    let num = (1..names.len()).rev().find(fits).unwrap_or(1);
    format!("{} …", words(&names[..num]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_margin_do_not_run_out_of_it() {
        assert_eq!(in_margin(&[1, 9, 15]), "1 9 15");
        assert_eq!(in_margin(&[7, 10, 11, 12, 13, 14]), "7 10 …");
        assert_eq!(in_margin(&[10, 11, 12]), "10 11 …");
    }

    #[test]
    fn axes_end_at_round_numbers() {
        let labels = |max| Axis::up_to("", 0.0, max, "").labels().collect::<Vec<_>>().join(" ");
        assert_eq!(labels(7.5), "0 2 4 6 8");
        assert_eq!(labels(0.0), "0 0.25 0.5 0.75 1");
        assert_eq!(labels(55.6), "0 20 40 60 80");
    }

    #[test]
    fn places_stay_inside() {
        let axis = Axis::percent("");
        assert_eq!([-5.0, 0.0, 50.0, 100.0, 300.0].map(|value| axis.place(value)), [0.0, 0.0, 50.0, 100.0, 100.0]);
    }
}
