use std::sync::atomic::{AtomicBool, Ordering};

use souffleur_session::StopSignal;

use crate::failure::Failure;

/// Exit code of a program that ended on an interrupt, as shells know it.
const INTERRUPTED: i32 = 130;

/// A signal that the first Ctrl-C raises: whoever holds it ends after the running step and leaves things in order. The
/// second ends the program at once.
///
/// `step` names what is brought to its end. To be called once a process.
pub(crate) fn stop_signal(step: &'static str) -> Result<StopSignal, Failure> {
    let stop = StopSignal::default();
    let raised = stop.clone();
    let is_second = AtomicBool::new(false);
    let on_ctrl_c = move || {
        if is_second.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
        crate::note(format_args!("\nending after this {step}; press Ctrl-C again to end at once"));
        raised.stop();
    };
    match ctrlc::set_handler(on_ctrl_c) {
        Ok(()) => Ok(stop),
        Err(err) => Err(Failure::because(
            format!("cannot listen for Ctrl-C: {err}"),
            "start the program from an ordinary terminal or shell",
        )),
    }
}
