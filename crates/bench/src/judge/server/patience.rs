//! How long to wait before asking again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The wait before the second try; it doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait of our own.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The longest wait a server may ask for.
const MAX_ASKED_WAIT: Duration = Duration::from_secs(300);

/// Time and chance, so that tests need neither.
pub trait World: Sync {
    /// Now.
    fn now(&self) -> Instant;
    /// Waits.
    fn sleep(&self, duration: Duration);
    /// A number from 0 to 1.
    fn random(&self) -> f64;
}

/// The real ones.
#[derive(Clone, Copy, Debug)]
pub struct RealWorld;

impl World for RealWorld {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn random(&self) -> f64 {
        // The standard library seeds each hasher by chance: enough to spread waits, without a generator of our own.
        let bits = RandomState::new().build_hasher().finish();
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The wait before try `num_tries + 1`: half of it fixed, half by chance, so that many workers do not come back at
/// once.
pub fn wait_after(num_tries: u32, random: f64) -> Duration {
    let whole = FIRST_WAIT.saturating_mul(1 << num_tries.saturating_sub(1).min(16)).min(MAX_WAIT);
    whole.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0))
}

/// A `Retry-After` in seconds. The form with a date is not read: then our own waits apply.
pub fn asked_wait(retry_after: &str) -> Option<Duration> {
    let secs: f64 = retry_after.trim().parse().ok()?;
    (secs >= 0.0).then(|| Duration::try_from_secs_f64(secs).unwrap_or(MAX_ASKED_WAIT).min(MAX_ASKED_WAIT))
}

/// The gate all workers pass before each request: closed for a while when the server said it gets too many.
#[derive(Debug, Default)]
pub struct Gate(Mutex<Option<Instant>>);

impl Gate {
    /// Closes the gate for `duration` from now; a longer closing stays.
    pub fn close_for(&self, duration: Duration, world: &dyn World) {
        let until = world.now() + duration;
        let mut closed_until = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *closed_until = Some(closed_until.map_or(until, |earlier| earlier.max(until)));
    }

    /// Waits until it is open. It may have been closed again meanwhile.
    pub fn pass(&self, world: &dyn World) {
        loop {
            let closed_until = *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match closed_until.and_then(|until| until.checked_duration_since(world.now())) {
                Some(rest) if !rest.is_zero() => world.sleep(rest),
                _ => return,
            }
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Sleeping takes no time and is written down.
    pub struct FakeWorld {
        start: Instant,
        slept: Mutex<Duration>,
    }

    impl FakeWorld {
        pub fn new() -> Self {
            Self { start: Instant::now(), slept: Mutex::default() }
        }

        pub fn slept(&self) -> Duration {
            *self.slept.lock().unwrap()
        }
    }

    impl World for FakeWorld {
        fn now(&self) -> Instant {
            self.start + self.slept()
        }
        fn sleep(&self, duration: Duration) {
            *self.slept.lock().unwrap() += duration;
        }
        fn random(&self) -> f64 {
            0.5
        }
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let millis = |num_tries, random| wait_after(num_tries, random).as_millis();
        assert_eq!([millis(1, 0.0), millis(1, 1.0), millis(2, 1.0), millis(3, 0.0)], [250, 500, 1000, 1000]);
        assert_eq!([millis(30, 1.0), millis(u32::MAX, 0.0)], [30_000, 15_000]);
    }

    #[test]
    fn what_a_server_asks_for() {
        assert_eq!(asked_wait(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(asked_wait("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(asked_wait("1e99"), Some(MAX_ASKED_WAIT));
        for other in ["-1", "NaN", "Wed, 21 Oct 2026 07:28:00 GMT", ""] {
            assert_eq!(asked_wait(other), None, "{other}");
        }
    }

    #[test]
    fn the_longest_closing_counts() {
        let (gate, world) = (Gate::default(), FakeWorld::new());
        gate.pass(&world);
        assert_eq!(world.slept(), Duration::ZERO);
        gate.close_for(Duration::from_secs(3), &world);
        gate.close_for(Duration::from_secs(1), &world);
        gate.pass(&world);
        gate.pass(&world);
        assert_eq!(world.slept(), Duration::from_secs(3));
    }
}
