//! The whole chain, preprocessing to greedy decoding, against outputs of transformers (tests/fixtures/reference).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use souffleur_engine::{CheckReport, EngineOptions, check};
use souffleur_export::{ExportOptions, export};
use souffleur_model::{ModelFolder, Weights};

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/reference")
}

fn report(weights: Weights) -> CheckReport {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tiny");
    let options = ExportOptions { weights, manifest_defaults: Default::default() };
    export(&reference().join("tiny"), &out, &options, &mut |_| ()).unwrap();
    check(&ModelFolder::open(&out).unwrap(), &reference(), &EngineOptions::default()).unwrap()
}

#[test]
fn f32_is_within_tolerance_at_once_and_turn_by_turn() {
    let report = report(Weights::F32);
    assert!(report.is_within_tolerance(), "{report:?}");
    assert_eq!((report.argmax_agreement, report.decision_agreement), (1.0, 1.0));
}

/// The reference's weights are random, the worst case for rounding; what must hold is that storage changes the
/// logits and nothing before them. The bounds are twice what was measured when the test was written.
#[test]
fn smaller_weights_only_move_the_logits() {
    for (weights, most) in [(Weights::F16, 0.12), (Weights::Int8, 4.6), (Weights::Int4, 13.2)] {
        let report = report(weights);
        assert!(report.is_exact_before_the_weights(), "{weights}: {report:?}");
        assert!(report.logits <= most, "{weights}: {report:?}");
        assert!((report.logits - report.stepwise_logits).abs() <= most / 2.0, "{weights}: {report:?}");
    }
}
