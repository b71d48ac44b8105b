use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Asks a session to end after the running turn. Clones share the request; Ctrl-C's handler holds one.
#[derive(Clone, Default)]
pub struct StopSignal {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_stopped: AtomicBool,
    wakers: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

impl StopSignal {
    /// Asks for the end.
    pub fn stop(&self) {
        self.shared.is_stopped.store(true, Ordering::Release);
        self.wakers().iter().for_each(|wake| wake());
    }

    /// Whether the end was asked for.
    pub fn is_stopped(&self) -> bool {
        self.shared.is_stopped.load(Ordering::Acquire)
    }

    /// Has `wake` called once the end is asked for, at once where it was already: for whatever may wait for long
    /// without looking here, such as a source that plays in real time. `wake` must not call this signal.
    pub fn on_stop(&self, wake: impl Fn() + Send + 'static) {
        let mut wakers = self.wakers();
        if self.is_stopped() {
            wake();
        }
        wakers.push(Box::new(wake));
    }

    fn wakers(&self) -> MutexGuard<'_, Vec<Box<dyn Fn() + Send>>> {
        self.shared.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopSignal").field("is_stopped", &self.is_stopped()).finish_non_exhaustive()
    }
}

/// Where a session reads the time it took.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Instant;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that moves only when it is told to: for tests and demos of the loop. Clones share it.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    now: Arc<Mutex<Instant>>,
}

impl VirtualClock {
    /// Lets `duration` pass.
    pub fn advance(&self, duration: Duration) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) += duration;
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self { now: Arc::new(Mutex::new(Instant::now())) }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_wakes_all_who_asked_for_it_before_or_after() {
        let (stop, (tx, woken)) = (StopSignal::default(), crossbeam_channel::bounded(2));
        let wake = |name: &'static str| {
            let tx = tx.clone();
            move || tx.send(name).unwrap()
        };
        stop.on_stop(wake("before"));
        assert!(woken.is_empty() && !stop.is_stopped());
        stop.clone().stop();
        stop.on_stop(wake("after"));
        assert_eq!(woken.try_iter().collect::<Vec<_>>(), ["before", "after"]);
    }

    #[test]
    fn a_stop_ends_a_wait_for_the_next_frame() {
        use souffleur_capture::{FrameSource, Paced, RealTime, Synthetic};
        let grid = souffleur_core::FrameGrid::new(3600.0, 0.0, 1).unwrap();
        let mut source = Paced::start(Synthetic::new(grid, 3), RealTime::new()).unwrap();
        let (stop, stopper) = (StopSignal::default(), source.stopper());
        stop.on_stop(move || stopper.stop());
        assert!(source.next_frame().unwrap().is_some());
        stop.stop();
        assert!(source.next_frame().unwrap().is_none());
    }
}
