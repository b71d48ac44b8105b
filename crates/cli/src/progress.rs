use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Whether anybody would see a bar.
fn is_shown() -> bool {
    stderr().is_terminal()
}

/// A bar over `total` steps, or a spinner where the number is not known. Draws nothing unless standard error is a
/// terminal.
pub(crate) fn steps(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{bar:32} {pos}/{len} frames  {msg}  {eta} left",
        None => "{spinner} {pos} frames  {msg}",
    };
    bar(total, template)
}

/// A bar over items, whose number is set when it is known.
pub(crate) fn items() -> ProgressBar {
    bar(Some(0), "{bar:32} {pos}/{len} items  {prefix}  {wide_msg} {eta} left")
}

/// A bar over questions to a judge, whose number is set when it is known.
pub(crate) fn questions() -> ProgressBar {
    bar(Some(0), "{bar:32} {pos}/{len} judged  {eta} left")
}

/// A bar over bytes.
pub(crate) fn bytes(total: u64) -> ProgressBar {
    bar(Some(total), "{bar:32} {bytes}/{total_bytes}  {msg}")
}

fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    let target = if is_shown() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(total, target);
    // The templates are the ones above; a broken one would only cost its looks.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}
