//! What reaches the user: cool-down, no repeats, so many a minute, quiet hours, snooze. Everything else is kept, marked.

use std::collections::VecDeque;

use souffleur_core::{MediaTime, SuppressReason};

use crate::words::words;

const MINUTES_A_DAY: u16 = 24 * 60;
const MINUTE: MediaTime = MediaTime::from_micros(60_000_000);

/// Minutes since local midnight, 0 to 1439.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinuteOfDay(u16);

impl MinuteOfDay {
    /// From hours and minutes; `None` when no clock shows them.
    pub fn new(hours: u16, minutes: u16) -> Option<Self> {
        let minute = hours.checked_mul(60)?.checked_add(minutes)?;
        (minutes < 60 && minute < MINUTES_A_DAY).then_some(Self(minute))
    }
}

/// A daily span in which nothing is said; it may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// First quiet minute.
    pub from: MinuteOfDay,
    /// First minute that is not quiet any more. The same as `from`: never quiet.
    pub to: MinuteOfDay,
}

impl QuietHours {
    /// Whether `minute` is a quiet one.
    pub fn contains(&self, minute: MinuteOfDay) -> bool {
        if self.from <= self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// What may reach the user. [`GateRules::default`] is what `--gate on` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateRules {
    /// Least time between two replies.
    pub cool_down: MediaTime,
    /// For how long the very same words are not said again; zero lets them.
    pub no_repeats_for: MediaTime,
    /// Replies in any 60 seconds.
    pub max_a_minute: Option<u32>,
    /// When nothing is said.
    pub quiet_hours: Option<QuietHours>,
}

impl Default for GateRules {
    fn default() -> Self {
        Self {
            cool_down: MediaTime::from_micros(4_000_000),
            no_repeats_for: MediaTime::from_micros(120_000_000),
            max_a_minute: Some(8),
            quiet_hours: None,
        }
    }
}

/// What the gate remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateState {
    /// When what was shown, oldest first; only as far back as the rules look.
    shown: VecDeque<(MediaTime, Vec<String>)>,
    /// Nothing is said before.
    snoozed_until: Option<MediaTime>,
}

impl GateState {
    /// Silence until `time`; a time in the past ends a snooze.
    #[must_use]
    pub fn snoozed_until(mut self, time: MediaTime) -> Self {
        self.snoozed_until = Some(time);
        self
    }
}

/// Decides whether a reply reaches the user: `None` lets it through.
///
/// `time` is the reply's, `minute_of_day` the wall clock's if the rules need it. Times never run backwards between
/// two calls. Where several rules forbid it, the user's own wish comes first: snooze, quiet hours, repeat, cool-down,
/// rate limit.
pub fn step(
    rules: &GateRules,
    state: &GateState,
    time: MediaTime,
    minute_of_day: Option<MinuteOfDay>,
    text: &str,
) -> (GateState, Option<SuppressReason>) {
    let text_words = words(text);
    let reason = reason_against(rules, state, time, minute_of_day, &text_words);
    let mut next = state.clone();
    if reason.is_none() {
        next.shown.push_back((time, text_words));
    }
    let horizon = rules.cool_down.max(rules.no_repeats_for).max(MINUTE);
    next.shown.retain(|(shown_at, _)| time - *shown_at < horizon);
    (next, reason)
}

fn reason_against(
    rules: &GateRules,
    state: &GateState,
    time: MediaTime,
    minute_of_day: Option<MinuteOfDay>,
    text_words: &[String],
) -> Option<SuppressReason> {
    let within = |shown_at: MediaTime, span: MediaTime| time - shown_at < span;
    let is_quiet = rules.quiet_hours.zip(minute_of_day).is_some_and(|(hours, minute)| hours.contains(minute));
    let is_repeat =
        state.shown.iter().any(|(shown_at, words)| within(*shown_at, rules.no_repeats_for) && words == text_words);
    let is_too_soon = state.shown.back().is_some_and(|(shown_at, _)| within(*shown_at, rules.cool_down));
    let num_in_minute = state.shown.iter().filter(|(shown_at, _)| within(*shown_at, MINUTE)).count();
    let is_too_many = rules.max_a_minute.is_some_and(|max| num_in_minute >= max as usize);
    [
        (state.snoozed_until.is_some_and(|until| time < until), SuppressReason::Snooze),
        (is_quiet, SuppressReason::QuietHours),
        (is_repeat, SuppressReason::Repeat),
        (is_too_soon, SuppressReason::CoolDown),
        (is_too_many, SuppressReason::RateLimit),
    ]
    .into_iter()
    .find_map(|(applies, reason)| applies.then_some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secs(value: f64) -> MediaTime {
        MediaTime::from_secs_f64(value)
    }

    fn open() -> GateRules {
        GateRules { cool_down: secs(0.0), no_repeats_for: secs(0.0), max_a_minute: None, quiet_hours: None }
    }

    /// What the gate says to replies at these times.
    fn reasons(rules: &GateRules, replies: &[(f64, &str)]) -> Vec<Option<SuppressReason>> {
        let mut state = GateState::default();
        let mut reasons = Vec::new();
        for (time, text) in replies {
            let (next, reason) = step(rules, &state, secs(*time), None, text);
            state = next;
            reasons.push(reason);
        }
        reasons
    }

    #[test]
    fn cool_down_counts_from_the_last_one_shown() {
        let rules = GateRules { cool_down: secs(4.0), ..open() };
        let reasons = reasons(&rules, &[(1.0, "a"), (3.0, "b"), (5.0, "c"), (8.9, "d")]);
        assert_eq!(reasons, [None, Some(SuppressReason::CoolDown), None, Some(SuppressReason::CoolDown)]);
    }

    #[test]
    fn the_same_words_wait() {
        let rules = GateRules { no_repeats_for: secs(10.0), ..open() };
        let reasons = reasons(&rules, &[(1.0, "Smoke!"), (2.0, "smoke"), (3.0, "Fire!"), (11.0, "Smoke!")]);
        assert_eq!(reasons, [None, Some(SuppressReason::Repeat), None, None]);
    }

    #[test]
    fn a_minute_holds_so_many() {
        let rules = GateRules { max_a_minute: Some(2), ..open() };
        let reasons = reasons(&rules, &[(1.0, "a"), (2.0, "b"), (60.9, "c"), (61.0, "d")]);
        assert_eq!(reasons, [None, None, Some(SuppressReason::RateLimit), None]);
    }

    #[test]
    fn quiet_hours_go_over_midnight() {
        let at = |hours, minutes| MinuteOfDay::new(hours, minutes).unwrap();
        let night = QuietHours { from: at(22, 0), to: at(7, 30) };
        assert!(night.contains(at(22, 0)) && night.contains(at(0, 0)) && night.contains(at(7, 29)));
        assert!(!night.contains(at(7, 30)) && !night.contains(at(21, 59)));
        let noon = QuietHours { from: at(12, 0), to: at(13, 0) };
        assert!(noon.contains(at(12, 59)) && !noon.contains(at(13, 0)));
        assert!(!QuietHours { from: at(3, 0), to: at(3, 0) }.contains(at(3, 0)));
        assert_eq!((MinuteOfDay::new(24, 0), MinuteOfDay::new(0, 60)), (None, None));
        let rules = GateRules { quiet_hours: Some(night), ..open() };
        let (_, reason) = step(&rules, &GateState::default(), secs(1.0), Some(at(23, 0)), "a");
        assert_eq!(reason, Some(SuppressReason::QuietHours));
    }

    #[test]
    fn snooze_comes_first_and_ends() {
        let state = GateState::default().snoozed_until(secs(10.0));
        let (state, reason) = step(&open(), &state, secs(9.9), None, "a");
        assert_eq!(reason, Some(SuppressReason::Snooze));
        assert_eq!(step(&open(), &state, secs(10.0), None, "a").1, None);
    }

    proptest! {
        #[test]
        fn never_two_within_the_cool_down_nor_too_many_a_minute(
            steps in prop::collection::vec((1i64..20_000_000, 0u8..4), 1..80),
            cool_down_micros in 0i64..30_000_000,
            max in 1u32..5,
        ) {
            let rules = GateRules {
                cool_down: MediaTime::from_micros(cool_down_micros), max_a_minute: Some(max), ..GateRules::default()
            };
            let (mut state, mut time, mut shown) = (GateState::default(), MediaTime::ZERO, Vec::new());
            for (wait_micros, word) in steps {
                time = time + MediaTime::from_micros(wait_micros);
                let (next, reason) = step(&rules, &state, time, None, &word.to_string());
                state = next;
                if reason.is_none() {
                    shown.push(time);
                }
            }
            for (earlier, later) in shown.iter().zip(shown.iter().skip(1)) {
                prop_assert!(*later - *earlier >= rules.cool_down);
            }
            for (earlier, later) in shown.iter().zip(shown.iter().skip(max as usize)) {
                prop_assert!(*later - *earlier >= MINUTE);
            }
        }
    }
}
