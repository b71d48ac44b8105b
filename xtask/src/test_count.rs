//! How many tests passed, read from what the test runners print.

use std::fmt;
use std::ops::AddAssign;

/// Tests that passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TestCount {
    /// Tests that ran and passed.
    pub num_passed: u64,
    /// Tests that ran and did not pass: failed, timed out or could not be started.
    pub num_failed: u64,
    /// Tests that exist and did not run.
    pub num_skipped: u64,
}

impl TestCount {
    /// Adds up every summary in the output of `cargo nextest run` and of `cargo test`.
    pub fn from_output<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut count = Self::default();
        for line in lines {
            if let Some(summary) = nextest_summary(line) {
                count += Self::from_parts(summary, ',');
            } else if let Some(result) = line.trim_start().strip_prefix("test result: ") {
                // "ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s"
                count += Self::from_parts(result.split_once(". ").map_or("", |(_, parts)| parts), ';');
            }
        }
        count
    }

    fn from_parts(parts: &str, separator: char) -> Self {
        let mut count = Self::default();
        for part in parts.split(separator) {
            let Some((num, what)) = part.trim().split_once(' ') else { continue };
            let Ok(num) = num.parse::<u64>() else { continue };
            match what.split(" (").next().unwrap_or(what).trim() {
                "passed" => count.num_passed += num,
                "failed" | "timed out" | "exec failed" => count.num_failed += num,
                "skipped" | "ignored" => count.num_skipped += num,
                _ => {}
            }
        }
        count
    }
}

/// "Summary [   1.2s] 15/20 tests run: 12 passed (1 slow), 3 failed, 2 skipped" gives the part after the colon.
fn nextest_summary(line: &str) -> Option<&str> {
    let (_, rest) = line.trim_start().strip_prefix("Summary [")?.split_once(']')?;
    rest.split_once(" run: ").map(|(_, parts)| parts)
}

impl AddAssign for TestCount {
    fn add_assign(&mut self, other: Self) {
        self.num_passed += other.num_passed;
        self.num_failed += other.num_failed;
        self.num_skipped += other.num_skipped;
    }
}

impl fmt::Display for TestCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.num_passed, self.num_failed)?;
        if self.num_skipped > 0 {
            write!(f, ", {} skipped", self.num_skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(num_passed: u64, num_failed: u64, num_skipped: u64) -> TestCount {
        TestCount { num_passed, num_failed, num_skipped }
    }

    #[test]
    fn nextest_summaries_are_read() {
        for (line, expected) in [
            ("     Summary [   0.311s] 38 tests run: 38 passed, 0 skipped", count(38, 0, 0)),
            ("     Summary [   1.0s] 1 test run: 1 passed (1 slow), 2 skipped", count(1, 0, 2)),
            (
                "     Summary [  61.0s] 9/12 tests run: 6 passed (2 slow, 1 flaky), 2 failed, 1 timed out, 4 skipped",
                count(6, 3, 4),
            ),
            ("     Summary [   0.1s] 2 tests run: 1 passed, 1 exec failed, 0 skipped", count(1, 1, 0)),
        ] {
            assert_eq!(TestCount::from_output([line]), expected, "{line}");
        }
    }

    #[test]
    fn results_of_cargo_test_are_added_up() {
        let lines = [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 2 failed; 4 ignored; 0 measured; 7 filtered out; finished in 0.00s",
        ];
        assert_eq!(TestCount::from_output(lines), count(4, 2, 4));
    }

    #[test]
    fn the_last_line_is_plain() {
        assert_eq!(count(12, 0, 0).to_string(), "12 passed, 0 failed");
        assert_eq!(count(12, 1, 3).to_string(), "12 passed, 1 failed, 3 skipped");
    }
}
