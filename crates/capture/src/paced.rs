use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use souffleur_core::{Frame, MediaTime};

use crate::{CaptureError, FrameSource, LatestSlot, Skipped, SourceInfo};

/// How long to wait for a point of the source's time.
pub trait Pacer: Send {
    /// What is still missing until `due` after the start; zero when that is past. Called once a frame, the first
    /// time with zero, which starts the clock.
    fn remaining(&mut self, due: Duration) -> Duration;
}

/// The clock on the wall, or a faster one.
#[derive(Clone, Debug)]
pub struct RealTime {
    started_at: Option<Instant>,
    speed_ratio: f64,
}

impl RealTime {
    /// One second of video a second.
    pub fn new() -> Self {
        Self::with_speed(1.0)
    }

    /// `speed_ratio` seconds of video a second; anything but a positive number counts as 1.
    pub fn with_speed(speed_ratio: f64) -> Self {
        let is_usable = speed_ratio.is_finite() && speed_ratio > 0.0;
        Self { started_at: None, speed_ratio: if is_usable { speed_ratio } else { 1.0 } }
    }
}

impl Default for RealTime {
    fn default() -> Self {
        Self::new()
    }
}

impl Pacer for RealTime {
    fn remaining(&mut self, due: Duration) -> Duration {
        let started_at = *self.started_at.get_or_insert_with(Instant::now);
        let due = Duration::try_from_secs_f64(due.as_secs_f64() / self.speed_ratio).unwrap_or(Duration::MAX);
        due.saturating_sub(started_at.elapsed())
    }
}

/// Plays any source in real time, as a camera would: a reader that is late gets the newest frame, and the frames it
/// missed are counted. Every frame keeps its own time, so a missed one shifts nothing.
///
/// A thread `capture:paced:NAME` reads the source and waits; the frames pass through a [`LatestSlot`]. Dropping
/// ends the thread, once the source has given the frame it is at. A [`PacedStop`] ends it from another thread.
pub struct Paced {
    info: SourceInfo,
    slot: Arc<LatestSlot<Frame>>,
    skipped: Arc<Mutex<Skipped>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Result<(), CaptureError>>>,
}

impl Paced {
    /// Starts to play. The clock starts with the first frame.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(source: impl FrameSource + 'static, pacer: impl Pacer + 'static) -> Result<Self, CaptureError> {
        let info = source.describe().clone();
        let (stop, stopped) = crossbeam_channel::bounded(0);
        let (slot, skipped) = (Arc::new(LatestSlot::new()), Arc::new(Mutex::new(source.skipped())));
        let player = Player { slot: Arc::clone(&slot), skipped: Arc::clone(&skipped), stopped };
        let name = format!("capture:paced:{}", info.name);
        let thread = thread::Builder::new().name(name.clone()).spawn(move || player.play(source, pacer));
        let thread = thread.map_err(|_| CaptureError::ThreadEnded(name))?;
        Ok(Self { info, slot, skipped, stop: Some(stop), thread: Some(thread) })
    }
}

/// Ends a [`Paced`] source from another thread, such as that of Ctrl-C: a reader that waits for the next frame, which
/// may be an hour away, is told of the end at once.
#[derive(Clone, Debug)]
pub struct PacedStop {
    slot: Arc<LatestSlot<Frame>>,
}

impl PacedStop {
    /// Lets no frame through any more. One that is there already can still be read.
    pub fn stop(&self) {
        self.slot.close();
    }
}

impl Paced {
    /// What ends it from another thread.
    pub fn stopper(&self) -> PacedStop {
        PacedStop { slot: Arc::clone(&self.slot) }
    }
}

impl FrameSource for Paced {
    fn describe(&self) -> &SourceInfo {
        &self.info
    }

    /// The newest frame that was not read yet; waits for one.
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        if let Some(frame) = self.slot.wait() {
            return Ok(Some(frame));
        }
        // Where the end was asked for, the thread may still wait for the next frame's time.
        self.stop = None;
        match self.thread.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(None),
            Some(Ok(Err(err))) => Err(err),
            Some(Err(_)) => Err(CaptureError::ThreadEnded(format!("capture:paced:{}", self.info.name))),
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn num_dropped(&self) -> u64 {
        self.slot.num_overwritten()
    }

    fn skipped(&self) -> Skipped {
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.slot.close();
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the playing thread holds. The slot closes when it goes, even by a panic of the source, so that no reader
/// waits for ever.
struct Player {
    slot: Arc<LatestSlot<Frame>>,
    skipped: Arc<Mutex<Skipped>>,
    stopped: Receiver<()>,
}

impl Player {
    fn play(self, mut source: impl FrameSource, mut pacer: impl Pacer) -> Result<(), CaptureError> {
        let mut first_time: Option<MediaTime> = None;
        while let Some(frame) = source.next_frame()? {
            let due = frame.media_time - *first_time.get_or_insert(frame.media_time);
            let due = Duration::from_micros(due.as_micros().max(0).unsigned_abs());
            let wait = pacer.remaining(due);
            // Nothing is ever sent: the other end goes away when the reader does.
            let is_stopped = !wait.is_zero() && self.stopped.recv_timeout(wait).is_err_and(|err| err.is_disconnected());
            // As if a camera had taken it now.
            let frame = Frame { captured_at: Instant::now(), ..frame };
            if is_stopped || self.slot.put(frame).is_err() {
                return Ok(());
            }
            *self.skipped.lock().unwrap_or_else(PoisonError::into_inner) = source.skipped();
        }
        Ok(())
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.slot.close();
    }
}

#[cfg(test)]
mod tests {
    use souffleur_core::FrameGrid;

    use super::*;
    use crate::Synthetic;

    /// Time that passes only when the test says so.
    struct Scripted(Receiver<()>);

    impl Pacer for Scripted {
        fn remaining(&mut self, due: Duration) -> Duration {
            if !due.is_zero() {
                let _ = self.0.recv();
            }
            Duration::ZERO
        }
    }

    fn source(num_frames: u64) -> Synthetic {
        Synthetic::new(FrameGrid::new(1.0, 5.0, 1).unwrap(), num_frames).with_size(1, 1)
    }

    fn secs(frame: Option<Frame>) -> Option<f64> {
        frame.map(|frame| frame.media_time.as_secs_f64())
    }

    #[test]
    fn a_late_reader_gets_the_newest_frame_with_its_own_time() {
        let (tick, ticks) = crossbeam_channel::bounded(0);
        let mut paced = Paced::start(source(5), Scripted(ticks)).unwrap();
        assert_eq!(secs(paced.next_frame().unwrap()), Some(5.0));
        // Frames 1 to 3 come while nobody reads.
        (0..3).for_each(|_| tick.send(()).unwrap());
        while paced.num_dropped() < 2 {
            thread::yield_now();
        }
        assert_eq!(secs(paced.next_frame().unwrap()), Some(8.0));
        tick.send(()).unwrap();
        assert_eq!(secs(paced.next_frame().unwrap()), Some(9.0));
        assert!(paced.next_frame().unwrap().is_none());
        assert_eq!(paced.num_dropped(), 2);
    }

    #[test]
    fn a_reader_in_time_misses_nothing() {
        let (tick, ticks) = crossbeam_channel::bounded(0);
        let mut paced = Paced::start(source(4), Scripted(ticks)).unwrap();
        assert_eq!(secs(paced.next_frame().unwrap()), Some(5.0));
        for expected in [6.0, 7.0, 8.0] {
            tick.send(()).unwrap();
            assert_eq!(secs(paced.next_frame().unwrap()), Some(expected));
        }
        assert!(paced.next_frame().unwrap().is_none());
        assert_eq!(paced.num_dropped(), 0);
    }

    #[test]
    fn a_failure_comes_after_the_frames_before_it() {
        let (_tick, ticks) = crossbeam_channel::bounded(0);
        let mut paced = Paced::start(source(3).with_failure(1), Scripted(ticks)).unwrap();
        assert_eq!(secs(paced.next_frame().unwrap()), Some(5.0));
        assert!(matches!(paced.next_frame(), Err(CaptureError::Injected { frame_idx: 1 })));
        assert!(paced.next_frame().unwrap().is_none());
    }

    #[test]
    fn dropping_ends_a_wait_of_hours() {
        let grid = FrameGrid::new(3600.0, 0.0, 1).unwrap();
        let mut paced = Paced::start(Synthetic::new(grid, 3), RealTime::new()).unwrap();
        assert!(paced.next_frame().unwrap().is_some());
        let started_at = Instant::now();
        drop(paced);
        assert!(started_at.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn stopping_wakes_a_reader_that_waits_for_hours() {
        let grid = FrameGrid::new(3600.0, 0.0, 1).unwrap();
        let mut paced = Paced::start(Synthetic::new(grid, 3), RealTime::new()).unwrap();
        assert!(paced.next_frame().unwrap().is_some());
        let (stopper, started_at) = (paced.stopper(), Instant::now());
        thread::scope(|scope| {
            let stop = move || {
                thread::sleep(Duration::from_millis(20));
                stopper.stop();
            };
            thread::Builder::new().name("stopper".into()).spawn_scoped(scope, stop).unwrap();
            assert!(paced.next_frame().unwrap().is_none());
        });
        assert!(started_at.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn real_time_runs_at_its_speed() {
        let mut clock = RealTime::with_speed(2.0);
        assert!(clock.remaining(Duration::ZERO).is_zero());
        let remaining = clock.remaining(Duration::from_secs(200));
        assert!(remaining <= Duration::from_secs(100) && remaining > Duration::from_secs(90), "{remaining:?}");
        assert_eq!(RealTime::with_speed(f64::NAN).speed_ratio, 1.0);
    }
}
