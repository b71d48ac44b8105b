//! Tests that cross crates live in `tests/tests`; there is nothing to import here.
