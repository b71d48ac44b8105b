use souffleur_core::Frame;

use crate::Event;

/// Where the events of a session go. Any `FnMut(Event)` is one.
///
/// A sink that cannot take an event any more (a closed pipe) raises the session's
/// [`StopSignal`](crate::StopSignal); the session itself goes on whatever its sinks do.
pub trait Sink {
    /// Takes an event, with the frames of its turn, oldest first; none at the start and the end of a session.
    fn receive(&mut self, event: Event, frames: &[Frame]);
}

impl<F: FnMut(Event)> Sink for F {
    fn receive(&mut self, event: Event, _frames: &[Frame]) {
        self(event);
    }
}
