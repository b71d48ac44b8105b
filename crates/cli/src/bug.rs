use std::panic;
use std::thread;

use crate::failure::one_line;

/// Makes a panic look like every other error: two lines, no backtrace.
///
/// Only the main thread's is printed. A panic on a thread of the engine or of a source ends that thread, and its
/// owner reports it as an error; printing it here as well would say it twice.
pub(crate) fn report_on_main_thread() {
    panic::set_hook(Box::new(|panic| {
        if thread::current().name() != Some("main") {
            return;
        }
        let place = panic.location().map_or_else(String::new, |place| format!(" ({}:{})", place.file(), place.line()));
        let what = panic.payload_as_str().unwrap_or("no message");
        crate::note(format_args!("error: a fault of the program: {}{place}", one_line(what)));
        crate::note("hint: please report it with the line above and the command you gave");
    }));
}
