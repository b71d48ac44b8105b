use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Room for one value between a producer that never waits and a reader that wants the newest.
///
/// A value that nobody took is overwritten and counted. Closing lets the reader take what is left and then tells it
/// of the end.
#[derive(Debug)]
pub struct LatestSlot<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    num_overwritten: u64,
    is_closed: bool,
}

/// What a reader gets from a [`LatestSlot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The newest value.
    Value(T),
    /// Nothing new came in time.
    TimedOut,
    /// Nothing will come any more.
    Closed,
}

impl<T> Default for LatestSlot<T> {
    fn default() -> Self {
        let state = State { value: None, num_overwritten: 0, is_closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<T> LatestSlot<T> {
    /// An open slot with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts the newest value, in place of one that nobody has taken. A closed slot gives it back.
    ///
    /// # Errors
    /// The value, when the slot is closed.
    pub fn put(&self, value: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(value);
        }
        if state.value.replace(value).is_some() {
            state.num_overwritten += 1;
        }
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes the newest value, if there is one, without waiting.
    pub fn take(&self) -> Option<T> {
        self.lock().value.take()
    }

    /// Takes the newest value, waiting for one until the slot is closed: `None` then.
    pub fn wait(&self) -> Option<T> {
        let is_idle = |state: &mut State<T>| state.value.is_none() && !state.is_closed;
        let mut state = self.changed.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        state.value.take()
    }

    /// Takes the newest value, waiting for one at most so long.
    pub fn wait_timeout(&self, limit: Duration) -> Taken<T> {
        let is_idle = |state: &mut State<T>| state.value.is_none() && !state.is_closed;
        let waited = self.changed.wait_timeout_while(self.lock(), limit, is_idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match (state.value.take(), state.is_closed) {
            (Some(value), _) => Taken::Value(value),
            (None, true) => Taken::Closed,
            (None, false) => Taken::TimedOut,
        }
    }

    /// Lets nothing in any more and wakes whoever waits.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// How many values were overwritten before anyone took them.
    pub fn num_overwritten(&self) -> u64 {
        self.lock().num_overwritten
    }

    /// Every change to the state is one assignment, so a panic elsewhere cannot leave it half-made.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    fn named(name: &str) -> thread::Builder {
        thread::Builder::new().name(name.into())
    }

    #[test]
    fn the_newest_wins_and_the_rest_is_counted() {
        let slot = LatestSlot::new();
        (1..=3).for_each(|value| slot.put(value).unwrap());
        assert_eq!((slot.take(), slot.take(), slot.num_overwritten()), (Some(3), None, 2));
    }

    #[test]
    fn a_closed_slot_gives_what_is_left_then_the_end() {
        let slot = LatestSlot::new();
        slot.put(1).unwrap();
        slot.close();
        assert_eq!(slot.put(2), Err(2));
        assert_eq!(slot.wait_timeout(Duration::ZERO), Taken::Value(1));
        assert_eq!(slot.wait_timeout(Duration::from_secs(60)), Taken::Closed);
        assert_eq!(slot.wait(), None);
    }

    #[test]
    fn waiting_ends_after_the_limit_with_a_value_or_with_closing() {
        let slot = LatestSlot::new();
        assert_eq!(slot.wait_timeout(Duration::from_millis(5)), Taken::TimedOut);
        thread::scope(|scope| {
            let waiter = named("waiter").spawn_scoped(scope, || (slot.wait(), slot.wait())).unwrap();
            slot.put(7).unwrap();
            while slot.lock().value.is_some() {
                thread::yield_now();
            }
            slot.close();
            assert_eq!(waiter.join().unwrap(), (Some(7), None));
        });
    }

    #[test]
    fn between_threads_values_rise_and_none_is_lost_uncounted() {
        const NUM_PUT: u64 = 20_000;
        let slot = LatestSlot::new();
        let taken: Vec<u64> = thread::scope(|scope| {
            let put_all = || {
                (0..NUM_PUT).for_each(|value| slot.put(value).unwrap());
                slot.close();
            };
            named("producer").spawn_scoped(scope, put_all).unwrap();
            std::iter::from_fn(|| slot.wait()).collect()
        });
        assert!(taken.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(taken.last(), Some(&(NUM_PUT - 1)));
        assert_eq!(taken.len() as u64 + slot.num_overwritten(), NUM_PUT);
    }

    proptest! {
        /// Against the plainest model: the last value put since the last take.
        #[test]
        fn behaves_like_one_variable(takes in proptest::collection::vec(any::<bool>(), 0..64)) {
            let slot = LatestSlot::new();
            let (mut model, mut num_overwritten) = (None, 0);
            for (idx, is_take) in takes.into_iter().enumerate() {
                if is_take {
                    prop_assert_eq!(slot.take(), model.take());
                } else {
                    num_overwritten += u64::from(model.replace(idx).is_some());
                    slot.put(idx).unwrap();
                }
                prop_assert_eq!(slot.num_overwritten(), num_overwritten);
            }
        }
    }
}
